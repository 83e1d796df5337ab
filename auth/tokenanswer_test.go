package auth

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"waybill/connection"
	"waybill/fault"
)

func jsonHeader() http.Header { return http.Header{"Content-Type": {"application/json"}} }

// E3: golang.org/x/oauth2 takes form-encoded text, and JSON without a content
// type, for a token.
func TestE3S53_WhatIsNoTokenAnswerIsRefused(t *testing.T) {
	good := `{"access_token":"abc","token_type":"Bearer"}`
	cases := map[string]struct {
		content, body string
		kind          fault.Kind
	}{
		"HTML":               {"text/html; charset=utf-8", "<html>hello</html>", fault.Offline},
		"form":               {"text/plain", "access_token=abc&token_type=bearer", fault.Hostile},
		"form encoded":       {"application/x-www-form-urlencoded", "access_token=abc&token_type=bearer", fault.Hostile},
		"JSON as text":       {"text/plain", good, fault.Hostile},
		"no content type":    {"", good, fault.Hostile},
		"broken type":        {"application/json; =", good, fault.Hostile},
		"problem":            {"application/problem+json", good, fault.Hostile},
		"array":              {"application/json", "[" + good + "]", fault.Hostile},
		"string":             {"application/json", `"abc"`, fault.Hostile},
		"empty":              {"application/json", "", fault.Hostile},
		"trailing":           {"application/json", good + "{}", fault.Hostile},
		"twice":              {"application/json", `{"access_token":"a","access_token":"b","token_type":"Bearer"}`, fault.Hostile},
		"other case":         {"application/json", `{"Access_Token":"abc","token_type":"Bearer"}`, fault.Hostile},
		"deep":               {"application/json", `{"access_token":"abc","x":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`, fault.Hostile},
		"not UTF-8":          {"application/json", "{\"access_token\":\"abc\xff\"}", fault.Hostile},
		"token missing":      {"application/json", `{"token_type":"Bearer"}`, fault.Hostile},
		"token number":       {"application/json", `{"access_token":7,"token_type":"Bearer"}`, fault.Hostile},
		"token null":         {"application/json", `{"access_token":null,"token_type":"Bearer"}`, fault.Hostile},
		"token empty":        {"application/json", `{"access_token":"","token_type":"Bearer"}`, fault.Hostile},
		"token with CR LF":   {"application/json", `{"access_token":"a\r\nX: y","token_type":"Bearer"}`, fault.Hostile},
		"token with a space": {"application/json", `{"access_token":"a b","token_type":"Bearer"}`, fault.Hostile},
		"token not ASCII":    {"application/json", `{"access_token":"aé","token_type":"Bearer"}`, fault.Hostile},
		"token too long":     {"application/json", `{"access_token":"` + strings.Repeat("a", 100<<10) + `","token_type":"Bearer"}`, fault.Hostile},
		"refresh malformed":  {"application/json", `{"access_token":"abc","token_type":"Bearer","refresh_token":{}}`, fault.Hostile},
		"ID token malformed": {"application/json", `{"access_token":"abc","token_type":"Bearer","id_token":"a b"}`, fault.Hostile},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.as.body, w.as.header = &c.body, http.Header{"Content-Type": {c.content}}
				_, a, err := w.exchangeAndRedeem(t)
				f := fault.As(err)
				if f == nil || f.Kind != c.kind || f.Step != fault.StepJWTBearer || a != nil {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

func TestS53_AHugeTokenAnswerIsRefused(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		body := `{"token_type":"Bearer","access_token":"` + strings.Repeat("a", 2<<20) + `"}`
		w.as.body = &body
		_, _, err := w.exchangeAndRedeem(t)
		wantFault(t, err, fault.StepJWTBearer, fault.Hostile, "too_large")
	})
}

func TestS52_ATokenEndpointThatRedirectsGivesNoToken(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		inWorld(t, func(t *testing.T, w *world) {
			w.idp.status, w.idp.header = status, http.Header{"Location": {"https://api.example/token"}}
			_, _, err := w.exchangeAndRedeem(t)
			// Not followed, and called what it most likely is (R3).
			wantFault(t, err, fault.StepExchange, fault.Offline, "redirect")
			if asked := w.net.Requests(); len(asked) != 1 {
				t.Errorf("asked %v", asked)
			}
		})
	}
}

func TestS57_ExpiresInIsBounded(t *testing.T) {
	for raw, want := range map[string]time.Duration{
		``: 5 * time.Minute, `null`: 5 * time.Minute, `300`: 5 * time.Minute, `7200`: 2 * time.Hour, `"3600"`: time.Hour,
		`0`: 5 * time.Minute, `-1`: 5 * time.Minute, `-1e18`: 5 * time.Minute, `0.5`: 5 * time.Minute,
		`1`: time.Second, `1.5`: time.Second, `1e18`: 24 * time.Hour, `1e400`: 24 * time.Hour, `9223372036854775808`: 24 * time.Hour, `"1e400"`: 24 * time.Hour,
		`"soon"`: 5 * time.Minute, `true`: 5 * time.Minute, `{}`: 5 * time.Minute, `"NaN"`: 5 * time.Minute, `"-Inf"`: 5 * time.Minute,
	} {
		if got := readLife([]byte(raw)); got != want {
			t.Errorf("%s: %v, want %v", raw, got, want)
		}
	}
}

func TestS57_ATokenWithoutALifetimeLivesFiveMinutes(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.as.changes = map[string]any{"expires_in": nil}
		_, a, err := w.exchangeAndRedeem(t)
		if err != nil || a.life != 5*time.Minute {
			t.Errorf("%v, %v", a, err)
		}
	})
}

func TestS56_ARefusalIsTypedWhateverItsForm(t *testing.T) {
	cases := map[string]struct {
		status            int
		content, body     string
		kind              fault.Kind
		code, serverWords string
	}{
		"200 with error":      {200, "application/json", `{"error":"invalid_grant","error_description":"no"}`, fault.Config, "invalid_grant", "no"},
		"400":                 {400, "application/json", `{"error":"invalid_scope","error_description":"no"}`, fault.Config, "invalid_scope", "no"},
		"401 Basic prompt":    {401, "text/html", `<html>log in</html>`, fault.Config, "invalid_client", ""},
		"500 HTML":            {500, "text/html", `<html>oops</html>`, fault.Offline, "unavailable", ""},
		"503":                 {503, "application/json", `{"error":"temporarily_unavailable"}`, fault.Offline, "temporarily_unavailable", ""},
		"400 busy":            {400, "application/json", `{"error":"server_error"}`, fault.Offline, "server_error", ""},
		"429":                 {429, "", ``, fault.Offline, "unavailable", ""},
		"404":                 {404, "text/html", `not here`, fault.Config, "no_endpoint", ""},
		"400 without a word":  {400, "text/plain", `access_token=abc`, fault.Failed, "refused", ""},
		"204":                 {204, "", ``, fault.Failed, "refused", ""},
		"201 with a token":    {201, "application/json", `{"access_token":"abc","token_type":"Bearer"}`, fault.Failed, "refused", ""},
		"code with control":   {400, "application/json", `{"error":"a\u001b[31m"}`, fault.Failed, "refused", ""},
		"code too long":       {400, "application/json", `{"error":"` + strings.Repeat("x", 1000) + `"}`, fault.Failed, "refused", ""},
		"code of no type":     {400, "application/json", `{"error":{"code":1}}`, fault.Failed, "refused", ""},
		"unknown code":        {400, "application/json", `{"error":"teapot","error_description":"short\u0000 and\u202e stout"}`, fault.Failed, "teapot", "short□ and□ stout"},
		"DPoP wanted":         {400, "application/json", `{"error":"use_dpop_nonce"}`, fault.Config, "use_dpop_nonce", ""},
		"very long":           {400, "application/json", `{"error":"teapot","error_description":"` + strings.Repeat("so ", 1000) + `"}`, fault.Failed, "teapot", strings.TrimSpace(strings.Repeat("so ", 85)) + "…"},
		"the words are a map": {400, "application/json", `{"error":"teapot","error_description":{}}`, fault.Failed, "teapot", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.as.body, w.as.status, w.as.header = &c.body, c.status, http.Header{"Content-Type": {c.content}, "Www-Authenticate": {`Basic realm="x"`}}
				_, _, err := w.exchangeAndRedeem(t)
				f := wantFault(t, err, fault.StepJWTBearer, c.kind, c.code)
				if f.Server != c.serverWords || f.Status != c.status {
					t.Errorf("server's words %q, status %d", f.Server, f.Status)
				}
				if strings.Contains(f.Error(), "stout") || strings.Contains(f.Error(), "oops") {
					t.Errorf("the server's words are in ours: %v", f)
				}
				if w.as.tokens() != 1 {
					t.Errorf("S58: %d requests", w.as.tokens())
				}
			})
		})
	}
}

func TestR7_RetryAfterOfATokenEndpointIsKept(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.idp.status, w.idp.header = 503, http.Header{"Retry-After": {"120"}}
		_, _, err := w.exchangeAndRedeem(t)
		if f := wantFault(t, err, fault.StepExchange, fault.Offline, "unavailable"); f.RetryAfter != 120 {
			t.Errorf("retry after %d", f.RetryAfter)
		}
	})
}

// A server that quotes what it was sent cannot put it into our log.
func TestS56_SecretsThatAServerEchoesAreTakenOut(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		idToken := w.session.IDToken.Reveal()
		for _, echo := range []string{
			"bad secret " + canary("idp-secret") + "?", "token=" + idToken, "you sent " + idToken[:200], "part " + idToken[100:180],
		} {
			body := jsonOf(map[string]any{"error": "invalid_request", "error_description": echo})
			w.idp.set(func(p *party) { p.body, p.status = &body, 400 })
			_, err := ExchangeIDJAG(t.Context(), w.transport, w.plan, IDTokenSubject(w.session.IDToken))
			f := wantFault(t, err, fault.StepExchange, fault.SignInNeeded, "invalid_request")
			if strings.Contains(f.Server, "canary") || strings.Contains(f.Server, idToken[100:140]) || !strings.Contains(f.Server, "…") {
				t.Errorf("%q became %q", echo, f.Server)
			}
		}
	})
}

func TestS56_WhatIsNotSecretIsLeftInAServersWords(t *testing.T) {
	for _, words := range []string{
		"audience https://auth.resource.example/long/path/of/an/issuer is unknown", "client client_1a2b-at-todo0 is unknown", "clock skew: 45 s", "",
	} {
		if got := scrub(words, []string{"s3cret", ""}); got != words {
			t.Errorf("%q became %q", words, got)
		}
	}
	c := tokenCall{client: &clientAuth{id: "app", method: connection.ClientSecretBasic, secret: secretText("s3c/ret")}}
	if got := scrub("YXBwOnMzYyUyRnJldA== s3c%2fret czNjL3JldA ok", c.secrets(nil)); got != "… … … ok" {
		t.Errorf("the credentials as they were sent, or encoded: %q", got)
	}
	if got := scrub("a b=c/d s3cret+x s3cret%2Bx", []string{"s3cret+x"}); got != "a b=c/d … …" {
		t.Errorf("got %q", got)
	}
}

func FuzzTokenAnswer(f *testing.F) {
	f.Add(200, "application/json", `{"access_token":"abc","token_type":"Bearer","expires_in":1e9,"scope":"a b"}`)
	f.Add(400, "application/json", `{"error":"invalid_grant","error_description":"x","max_age":5}`)
	f.Add(200, "text/html", `<html>`)
	f.Add(200, "application/json", `{"access_token":"a","issued_token_type":"`+typeIDJAG+`","refresh_token":null,"resource":["x"]}`)
	f.Fuzz(func(t *testing.T, status int, content, body string) {
		h := http.Header{"Content-Type": {content}}
		answer, refused, err := readTokenAnswer(status, h, []byte(body))
		kinds := 0
		for _, there := range []bool{answer != nil, refused != nil, err != nil} {
			if there {
				kinds++
			}
		}
		if kinds != 1 {
			t.Fatalf("%d results", kinds)
		}
		if answer != nil {
			if status != 200 || !plainToken(answer.token.Reveal()) || answer.life <= 0 || answer.life > longestLife || len(answer.scopes) > maxScopes {
				t.Fatalf("accepted %+v", answer)
			}
		}
		if refused != nil {
			if fault.Clean(refused.code, 64) != refused.code || strings.ContainsAny(refused.code, " \n") {
				t.Fatalf("code %q", refused.code)
			}
			for name, value := range refused.challenge {
				if fault.Clean(value, 512) != value {
					t.Fatalf("%s: %q", name, value)
				}
			}
		}
		if err != nil && fault.As(err).Code == "internal" {
			t.Fatal(err)
		}
	})
}

func FuzzDecodeIDJAG(f *testing.F) {
	key := newSigningKey("ES256", "one")
	good := key.token(map[string]any{"iss": "https://idp.example", "aud": "https://as.example", "client_id": resID, "exp": 1, "iat": 0}, map[string]any{"typ": idjagType})
	f.Add(good)
	f.Add("a.b.c")
	parts := strings.Split(good, ".")
	f.Add(parts[0] + "." + b64([]byte(`{"aud":[]}`)) + "." + parts[2])
	plan := (&world{}).goodPlan()
	f.Fuzz(func(t *testing.T, raw string) {
		claims, err := DecodeIDJAG(IDJAG{secretText(raw)})
		if (claims == nil) == (err == nil) {
			t.Fatalf("%v, %v", claims, err)
		}
		if err != nil {
			return
		}
		now := time.Unix(946684800, 0)
		for _, c := range claims.Check(plan, now) {
			if c.Verdict == No && c.Says == "" || fault.Clean(c.Says, 400) != c.Says {
				t.Fatalf("%+v", c)
			}
		}
		if refused(claims.Check(plan, now)) == nil && (claims.Issuer != plan.Provider.Issuer || len(claims.Audience) != 1 || claims.ClientID != resID) {
			t.Fatalf("accepted %+v", claims)
		}
	})
}

func FuzzResourceMetadata(f *testing.F) {
	f.Add(`{"resource":"https://api.example","authorization_servers":["https://as.example"],"scopes_supported":["a"]}`)
	f.Add(`{"resource":"https://api.example","authorization_servers":"x"}`)
	f.Fuzz(func(t *testing.T, body string) {
		m, err := readResource([]byte(body), []string{"https://api.example"})
		if (m == nil) == (err == nil) {
			t.Fatalf("%v, %v", m, err)
		}
		if err != nil {
			if text := err.Error(); fault.Clean(text, 2000) != text {
				t.Fatalf("%q", text)
			}
			return
		}
		if m.Resource != "https://api.example" {
			t.Fatalf("accepted %q", m.Resource)
		}
		server, err := m.onlyServer()
		if (err == nil) != (len(m.AuthorizationServers) == 1) || err == nil && server != m.AuthorizationServers[0] {
			t.Fatalf("%q, %v", server, err)
		}
	})
}

func TestReadingATokenAnswerKeepsEverything(t *testing.T) {
	a, _, err := readTokenAnswer(200, jsonHeader(), []byte(`{"access_token":"a","token_type":"Bearer","issued_token_type":"x","refresh_token":"r","id_token":"i","scope":"s1 s2","resource":"https://r","expires_in":60}`))
	if err != nil {
		t.Fatal(err)
	}
	if a.token.Reveal() != "a" || a.tokenType != "Bearer" || a.issuedTokenType != "x" || a.refresh.Reveal() != "r" || a.idToken.Reveal() != "i" ||
		fmt.Sprint(a.scopes, a.resources) != "[s1 s2] [https://r]" || a.life != time.Minute {
		t.Errorf("%+v", a)
	}
}
