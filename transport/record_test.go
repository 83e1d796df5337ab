package transport_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"waybill/fault"
	"waybill/internal/virtualnet"
	"waybill/secret"
	"waybill/transport"
)

// recorder keeps what is recorded.
type recorder struct {
	mu  sync.Mutex
	all []transport.Recording
}

func (r *recorder) Record(x transport.Recording) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, x)
}

// last is the exchange's final form, which must be the only one that is done.
func (r *recorder) last(t *testing.T) transport.Recording {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.all) == 0 || !r.all[len(r.all)-1].Done {
		t.Fatalf("the exchange has not ended: %+v", r.all)
	}
	closed := r.all[len(r.all)-1]
	bare := closed
	bare.Response.Header = nil // it may quote what the body alone makes known as a secret
	shown := prints(t, bare)
	for _, h := range closed.Open().Secrets {
		if !h.Value.Empty() && strings.Contains(shown, h.Value.Reveal()) {
			t.Errorf("before it is opened it shows %s", h.Name)
		}
	}
	return closed.Open()
}

// prints are all the ways in which a value is shown by mistake.
func prints(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%v\n%+v\n%#v\n%s\n%q", v, v, v, data, v)
}

func shows(t *testing.T, r transport.Recording, texts ...string) {
	t.Helper()
	all := prints(t, r)
	for _, text := range texts {
		if strings.Contains(all, text) {
			t.Errorf("%q is shown in\n%s", text, all)
		}
	}
}

// revealed is the value that stands apart under a name.
func revealed(r transport.Recording, name string) string {
	for _, h := range r.Secrets {
		if h.Name == name {
			return h.Value.Reveal()
		}
	}
	return ""
}

const (
	// As issued: JWTs whose parts are long, and opaque values that are short.
	aJWT    = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJjYW5hcnkiLCJhdWQiOiJ4In0.c2lnbmF0dXJlLW9mLXRoZS1jYW5hcnktdG9rZW4"
	opaque  = "short-Canary7"
	aSecret = "s3cr3t/with+odd chars&canary"
)

// exchange sends one request through a client of this role and records it.
func exchange(t *testing.T, role transport.Role, answer http.HandlerFunc, req func(r *http.Request), method, address, body string) transport.Recording {
	t.Helper()
	var out transport.Recording
	inBubble(t, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
		n.Serve("as.example", answer)
		var rec recorder
		ctx := transport.WithRecorder(transport.WithStep(t.Context(), fault.StepExchange), &rec)
		r, err := http.NewRequestWithContext(ctx, method, address, nil)
		if body != "" {
			r, err = http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
		}
		if err != nil {
			t.Fatal(err)
		}
		req(r)
		origin := "https://as.example"
		if role == transport.Metadata {
			origin = ""
		}
		_, _, _ = do(c.HTTP(role, origin), r)
		out = rec.last(t)
	})
	return out
}

func formHeader(r *http.Request) {
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
}

func answers(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, body)
	}
}

// S91: a token request and its answer are recorded with their secrets apart.
func TestS91_ATokenExchangeIsRecordedWithItsSecretsApart(t *testing.T) {
	form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "client_id": {"waybill-client"},
		"client_secret": {aSecret}, "subject_token": {aJWT}, "subject_token_type": {"urn:ietf:params:oauth:token-type:id_token"},
		"audience": {"https://auth.example/"}, "scope": {"todos.read todos.write"}}
	answer := fmt.Sprintf(`{"access_token":%q,"issued_token_type":"urn:ietf:params:oauth:token-type:id-jag","token_type":"N_A","expires_in":300,"refresh_token":%q}`, aJWT+"x", opaque)
	r := exchange(t, transport.Token, answers("application/json", answer), func(r *http.Request) {
		formHeader(r)
		r.Header.Set("DPoP", aJWT+"proof")
	}, "POST", "https://as.example/token", form.Encode())

	shows(t, r, aJWT, "canary", opaque, "c2lnbmF0dXJl", url.QueryEscape(aSecret))
	want := map[string]string{"grant_type": form.Get("grant_type"), "client_id": "waybill-client", "client_secret": "«client_secret»",
		"subject_token": "«subject_token»", "subject_token_type": form.Get("subject_token_type"), "audience": "https://auth.example/", "scope": "todos.read todos.write"}
	got := map[string]string{}
	for _, f := range r.Request.Form {
		got[f.Name] = f.Value
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is shown as %q, not %q", name, got[name], value)
		}
	}
	if r.Response.Body != strings.NewReplacer(aJWT+"x", "«access_token»", opaque, "«refresh_token»").Replace(answer) {
		t.Errorf("the answer: %s", r.Response.Body)
	}
	for name, value := range map[string]string{"client_secret": aSecret, "subject_token": aJWT, "access_token": aJWT + "x", "refresh_token": opaque, "DPoP": aJWT + "proof"} {
		if revealed(r, name) != value {
			t.Errorf("%s is kept as %q", name, revealed(r, name))
		}
	}
	if r.Step != fault.StepExchange || r.Role != transport.Token || r.Method != "POST" || r.Status != 200 || r.ID == 0 ||
		r.Response.Size != int64(len(answer)) || r.Request.Size != int64(len(form.Encode())) || r.Fault != nil || r.Timings.Total < rtt {
		t.Errorf("%+v", r)
	}
	for _, h := range r.Secrets {
		if want := h.Name != "client_secret" && h.Name != "refresh_token"; h.Token != want {
			t.Errorf("a fingerprint of %s: %v", h.Name, h.Token)
		}
	}
}

// S91: of Basic credentials the id stays, and whatever way a server finds to
// quote what it was sent, it is not recorded.
func TestS91_WhatAServerQuotesOfTheRequestIsNotRecorded(t *testing.T) {
	quoted := []string{aSecret, url.QueryEscape(aSecret), url.PathEscape(aSecret), strings.ToLower(url.QueryEscape(aSecret)),
		base64.StdEncoding.EncodeToString([]byte(aSecret)), base64.RawURLEncoding.EncodeToString([]byte(aSecret)),
		base64.StdEncoding.EncodeToString([]byte("id:" + url.QueryEscape(aSecret))), opaque}
	for _, q := range quoted {
		inJSON, _ := json.Marshal("you sent " + q + ", which is wrong")
		escapes := strings.Builder{}
		for _, c := range q {
			fmt.Fprintf(&escapes, `\u%04x`, c)
		}
		nested, _ := json.Marshal(`{"text":` + string(inJSON) + `}`)
		for contentType, bodies := range map[string][]string{
			"application/json": {`{"error":"invalid_client","error_description":` + string(inJSON) + `}`, `{"` + escapes.String() + `":1}`,
				`{"error_description":"` + escapes.String() + `"}`, `[{"a":{"b":[[` + string(inJSON) + `]]}}]`, `{"content":[{"text":` + string(nested) + `}]}`,
				`{"id":` + string(inJSON) + `,"jti":"` + escapes.String() + `"}`},
			"text/html":                         {"<p>you sent " + q + "</p>"},
			"text/plain":                        {q, "x" + q + "x"},
			"application/x-www-form-urlencoded": {"error=bad&error_description=" + url.QueryEscape(q)},
		} {
			for _, body := range bodies {
				r := exchange(t, transport.Token, answers(contentType, body), func(r *http.Request) {
					formHeader(r)
					r.SetBasicAuth("id", url.QueryEscape(aSecret))
				}, "POST", "https://as.example/token", "grant_type=refresh_token&refresh_token="+opaque)
				shows(t, r, q, html.EscapeString(q), escapes.String())
				if r.Request.Header.Get("Authorization") != "Basic id:«client_secret»" || revealed(r, "client_secret") != aSecret {
					t.Fatalf("Basic credentials: %v", r.Request.Header)
				}
				if r.Response.Body == "" && r.Response.Form == nil {
					t.Errorf("nothing is left of %s", body)
				}
			}
		}
	}
}

// What identifies but proves nothing stays readable: without it a recording is
// of no use to the engineer at the other side.
func TestPublicIdentifiersStayReadable(t *testing.T) {
	for _, body := range []string{
		`{"keys":[{"kty":"RSA","kid":"3f9a6c1e0b7d4852a1c6e8f0d2b4a6c8","x5t":"bWZfZjJkM2E0YjVjNmQ3ZThmOTBhMWIyYzNkNGU1","n":"` + strings.Repeat("xjR4-Ak_", 40) + `","e":"AQAB","x5c":["` + strings.Repeat("MIIDxjR4", 40) + `"]}]}`,
		`{"jti":"0d9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b","cnf":{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}`,
		`{"token_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post"],"authorization_grant_profiles_supported":["urn:ietf:params:oauth:grant-profile:id-jag"],"tls_client_certificate_bound_access_tokens":true}`,
		`{"data":[{"id":"550e8400-e29b-41d4-a716-446655440000","title":"Buy milk; tell \"Bob\" that x = y\n","url":"https://api.example/items/550e8400-e29b-41d4-a716-446655440000"}],"count":1}`,
		`{"jsonrpc":"2.0","id":2,"params":{"_meta":{"progressToken":7}},"error":{"code":-32602,"message":"The token: expired. Basic training is next."}}`,
		`{"error":"insufficient_user_authentication","error_description":"code: 7, authorization_code_required_again_now"}`,
		`{"code":"resource_not_found_anywhere","state":"completed"}`,
	} {
		r := exchange(t, transport.Resource, answers("application/json", body), func(r *http.Request) {
			r.Header.Set("X-Request-Id", "0d9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b")
			r.Header.Set("If-None-Match", `"0d9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b0d9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b"`)
		}, "GET", "https://as.example/todos/550e8400-e29b-41d4-a716-446655440000?completed=false", "")
		if r.Response.Body != body {
			t.Errorf("recorded\n%s\nof\n%s", r.Response.Body, body)
		}
		if r.URL != "https://as.example/todos/550e8400-e29b-41d4-a716-446655440000?completed=false" || strings.Contains(fmt.Sprint(r.Request.Header), "«") {
			t.Errorf("%s %v", r.URL, r.Request.Header)
		}
	}
}

// S91: secrets in addresses, in headers and in JSON under their names.
func TestS91_SecretsAreFoundByTheirNamesWhereverTheyStand(t *testing.T) {
	body := `{"a":{"clientSecret":"pw-canary","tokens":[{"ID_TOKEN":"short-canary"}],"password":12345678901,"refresh-token":{"v":["canary-1",{"w":"canary-2"}]},
"k":"c3ltbWV0cmljLWNhbmFyeS1r","note":"access_token=tok-canary; Bearer bearer-canary-1"},"later":"pw-canary and short-canary","text":"{\"access_token\":\"nested-canary\"}"}`
	r := exchange(t, transport.Resource, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "sid=cookie-canary")
		w.Header().Set("Location", "https://app.example/cb?code=code-canary&state=state-canary&iss=x#access_token=fragment-canary")
		w.Header().Set("X-Api-Key", "key-canary")
		w.Header().Set("X-Echo", "pw-canary")
		answers("application/json", body)(w, r)
	}, func(r *http.Request) {
		r.Header.Set("Authorization", "Bearer "+opaque)
		r.Header.Set("Cookie", "sid=cookie-canary")
		r.Header.Set("Proxy-Authorization", "Basic cHJveHk6Y2FuYXJ5")
	}, "GET", "https://as.example/cb?code=code-canary&state=state-canary&id_token_hint="+aJWT+"&iss=https%3A%2F%2Fidp.example&token="+opaque, "")
	shows(t, r, "canary", opaque, "cHJveHk6Y2FuYXJ5", "12345678901", "c3ltbWV0cmlj")
	if !json.Valid([]byte(r.Response.Body)) {
		t.Errorf("no JSON any more: %s", r.Response.Body)
	}
	want := "https://as.example/cb?code=«code»&state=«state»&id_token_hint=«id_token_hint»&iss=https%3A%2F%2Fidp.example&token=«access_token»"
	if r.URL != want {
		t.Errorf("%s\n%s", r.URL, want)
	}
	if got := r.Response.Header.Get("Location"); got != "https://app.example/cb?code=«code»&state=«state»&iss=x#access_token=«access_token_2»" {
		t.Error(got)
	}
	if revealed(r, "access_token") != opaque || revealed(r, "password") != "12345678901" {
		t.Errorf("%q", revealed(r, "access_token"))
	}
}

// A body is kept up to its cap, and no half of a secret is left where it ends.
func TestS91_ABodyThatIsCutEndsBeforeASecret(t *testing.T) {
	for room := 40; room > 0; room -= 3 {
		padding := strings.Repeat("word ", 16<<10/5+1)
		padding = padding[:16<<10-room]
		for _, around := range []string{`{"a":"` + padding[8:] + `","access_token":"` + "SECRETcanary1" + `"}`,
			`{"aa":"` + padding[8:] + " SECRETcanary1" + `"}`, padding + " SECRETcanary1 and more", `[` + padding[1:] + `"SECRETcanary1"]`} {
			r := exchange(t, transport.Resource, answers("application/json", around+strings.Repeat(" ", 32<<10)), func(r *http.Request) {
				r.Header.Set("Authorization", "Bearer SECRETcanary1")
			}, "GET", "https://as.example/", "")
			if !r.Response.Cut || len(r.Response.Body) > 16<<10+32 || r.Response.Size != int64(len(around)+32<<10) {
				t.Fatalf("%d bytes of %d, cut: %v", len(r.Response.Body), r.Response.Size, r.Response.Cut)
			}
			shows(t, r, "SECRETc", "SEC")
		}
	}
}

// Each hop of a redirect is an exchange, and the one that is not followed says
// so.
func TestRedirectsAreRecordedHopByHop(t *testing.T) {
	inBubble(t, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
		n.Serve("idp.example", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/a":
				http.Redirect(w, r, "/b", http.StatusFound)
			case "/b":
				_, _ = io.WriteString(w, "{}")
			default:
				http.Redirect(w, r, "https://elsewhere.example/", http.StatusTemporaryRedirect)
			}
		}))
		var rec recorder
		ctx := transport.WithRecorder(t.Context(), &rec)
		if _, _, err := get(ctx, c.HTTP(transport.Metadata, ""), "https://idp.example/a"); err != nil {
			t.Fatal(err)
		}
		_, _, err := post(ctx, c.HTTP(transport.Token, "https://idp.example"), "https://idp.example/token")
		wantFault(t, err, fault.Hostile, "redirect")
		byID := map[uint64]transport.Recording{}
		for _, r := range rec.all {
			byID[r.ID] = r
		}
		if len(byID) != 3 || byID[1].Status != 302 || byID[2].Status != 200 || byID[2].URL != "https://idp.example/b" || byID[3].Status != 307 {
			t.Fatalf("%+v", byID)
		}
		if f := byID[3].Fault; f == nil || f.Code != "redirect" || !byID[3].Done || byID[1].Fault != nil {
			t.Errorf("%v", f)
		}
		if first := byID[1].Timings; first.TLS <= 0 || byID[1].Reused || !byID[2].Reused || byID[2].Timings.TLS != 0 || byID[1].Proto != "HTTP/2.0" || byID[1].Remote == "" {
			t.Errorf("%+v %+v", byID[1], byID[2])
		}
	})
}

// A stream is recorded while it lasts: sent, headers there, ended.
func TestAnExchangeIsRecordedLive(t *testing.T) {
	inBubble(t, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
		n.Serve("mcp.example", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			for i := range 3 {
				fmt.Fprintf(w, "event: message\ndata: {\"id\":%d,\"result\":{\"access_token\":\"canary-%d\"}}\n\n", i, i)
				w.(http.Flusher).Flush()
				<-time.After(time.Minute)
			}
		}))
		var rec recorder
		ctx := transport.WithRecorder(t.Context(), &rec)
		if _, _, err := post(ctx, c.HTTP(transport.Stream, "https://mcp.example"), "https://mcp.example/mcp"); err != nil {
			t.Fatal(err)
		}
		if len(rec.all) != 3 {
			t.Fatalf("told %d times", len(rec.all))
		}
		sent, headers, end := rec.all[0], rec.all[1], rec.all[2].Open()
		if sent.Status != 0 || sent.Done || headers.Status != 200 || headers.Done || !end.Done || end.Timings.Total < 3*time.Minute || end.Timings.Headers > time.Minute {
			t.Errorf("%+v\n%+v\n%+v", sent, headers, end)
		}
		for _, r := range rec.all {
			shows(t, r, "canary")
		}
		if !strings.Contains(end.Response.Body, `data: {"id":2,"result":{"access_token":"«access_token_4»"}}`) || end.Response.Cut {
			t.Errorf("%s", end.Response.Body)
		}
	})
}

func TestAFailedExchangeIsRecorded(t *testing.T) {
	inBubble(t, func(t *testing.T, _ *virtualnet.Network, c *transport.Client) {
		var rec recorder
		_, _, err := post(transport.WithRecorder(t.Context(), &rec), c.HTTP(transport.Token, "https://nowhere.example"), "https://nowhere.example/token")
		if r := rec.last(t); err == nil || r.Fault == nil || r.Fault.Kind != fault.Offline || r.Status != 0 || r.Request.Form == nil {
			t.Errorf("%+v", r)
		}
	})
}

// The zero value of a Hidden shows nothing either.
func TestAHiddenValueIsASecret(t *testing.T) {
	h := transport.Hidden{Name: "client_secret", Value: secret.New("canary")}
	if s := prints(t, h); strings.Contains(s, "canary") || h.Placeholder() != "«client_secret»" {
		t.Error(s)
	}
}
