package flow_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"waybill/connection"
	"waybill/fault"
	"waybill/flow"
	"waybill/secret"
)

// echoing is a server that quotes all that it is sent wherever it can: in its
// words, its headers and its body, plain, escaped and encoded.
func echoing(behind http.Handler, status int) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer := httptest.NewRecorder()
		behind.ServeHTTP(answer, r)
		form, _ := url.ParseQuery(string(body))
		_, pair, _ := r.BasicAuth()
		sent := []string{r.Header.Get("Authorization"), pair, string(body)}
		for _, values := range form {
			sent = append(sent, values...)
		}
		var all strings.Builder
		for _, s := range sent {
			plain, _ := json.Marshal(s)
			fmt.Fprintf(&all, "%s %s %s %s %q ", s, url.QueryEscape(s), url.PathEscape(s), base64.StdEncoding.EncodeToString([]byte(s)), plain)
			rw.Header().Add("X-Echo", s)
			rw.Header().Add("Link", "<https://x.example/?token="+url.QueryEscape(s)+">")
		}
		rw.Header().Set("WWW-Authenticate", `Bearer error="invalid_token", error_description="`+strings.ReplaceAll(sent[0], `"`, "")+`"`)
		rw.Header().Set("Content-Type", "application/json")
		if status == 0 {
			rw.WriteHeader(answer.Code)
			var said map[string]any
			_ = json.Unmarshal(answer.Body.Bytes(), &said)
			said["echo"], said["nested"] = all.String(), map[string]any{"list": sent}
			_ = json.NewEncoder(rw).Encode(said)
			return
		}
		rw.WriteHeader(status)
		_ = json.NewEncoder(rw).Encode(map[string]any{"error": "invalid_grant", "error_description": all.String(), "echo": sent})
	})
}

// shown is everything that is made of runs for somebody to read.
func shown(t *testing.T, runs ...*flow.Run) string {
	t.Helper()
	var b strings.Builder
	for i, r := range runs {
		runs[i] = flow.Examine(r, runs[i+1:])
	}
	for _, o := range []flow.Export{{}, {Todos: true}, {By: "Waybill"}} {
		b.WriteString(traceOf(t, o, runs...) + harOf(t, o, runs...))
	}
	for _, r := range runs {
		for i := range r.Steps {
			s := &r.Steps[i]
			fmt.Fprintf(&b, "%+v %+v %v %v", s.Checks, s.Causes, s.Fault, s.Notes)
			if s.Fault != nil {
				b.WriteString(s.Fault.Server)
			}
			for _, x := range s.Exchanges {
				c := flow.Curl(x)
				fmt.Fprintf(&b, "%s%+v", c.Text, c.Variables)
			}
		}
	}
	return b.String()
}

// S91: whatever a server quotes of what it was sent, in whatever form, nothing
// that is made of the run shows it.
func TestS91_AServerThatQuotesWhatItWasSentGivesNothingAway(t *testing.T) {
	for name, c := range map[string]struct{ idp, as, api int }{
		"all goes well":          {},
		"the exchange fails":     {idp: 400},
		"the grant fails":        {as: 400},
		"the client is refused":  {as: 401},
		"the call is refused":    {api: 401},
		"the resource is broken": {api: 500},
	} {
		for _, method := range []connection.AuthMethod{connection.ClientSecretPost, connection.ClientSecretBasic} {
			t.Run(name+" "+string(method), func(t *testing.T) {
				w := newWorld(t)
				odd := "canary secret/with+odd=&chars"
				w.idpSecret, w.plan.Credentials.IdP = odd, secret.New(odd)
				w.plan.Connection.IdP.AuthMethod, w.plan.Connection.Resource.AuthMethod = method, method
				w.idp.Config.Handler = echoing(w.idp.Config.Handler, c.idp)
				w.as.Config.Handler = echoing(w.as.Config.Handler, c.as)
				w.api.Config.Handler = echoing(w.api.Config.Handler, c.api)
				r := w.run(false)
				secrets := append(secretsOf(r), odd, "resource-secret", w.idToken)
				text := shown(t, r)
				for _, s := range secrets {
					for _, form := range []string{s, url.QueryEscape(s), url.PathEscape(s), base64.StdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s))} {
						if at := strings.Index(text, form); at >= 0 {
							t.Errorf("%.12q… is shown: …%s…", s, text[max(0, at-80):min(len(text), at+len(form)+40)])
						}
					}
				}
				if sent := len(r.Step(fault.StepExchange).Exchanges); sent != 1 || !strings.Contains(text, "«") {
					t.Errorf("%d exchanges, and nothing was left out", sent)
				}
			})
		}
	}
}

// S91: an access token need not be long or look like a token.
func TestS91_AShortTokenIsNotGivenAwayEither(t *testing.T) {
	const short = "tk:8Jq+/x=1"
	w := newWorld(t)
	as := w.as.Config.Handler
	w.as.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		as.ServeHTTP(answer, r)
		rw.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(rw, `{"access_token":%q,"token_type":"Bearer","expires_in":60,"scope":"todos.read"}`, short)
	})
	w.api.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(http.StatusTeapot)
		_, _ = fmt.Fprintf(rw, `{"detail":"%s %s %s"}`, short, url.QueryEscape(short), base64.StdEncoding.EncodeToString([]byte(short)))
	})
	r := w.run(false)
	if f := r.Step(fault.StepCall).Fault; f == nil || f.Server == "" {
		t.Fatalf("it was to be refused with words: %v", f)
	}
	text := shown(t, r)
	for _, form := range []string{short, url.QueryEscape(short), base64.StdEncoding.EncodeToString([]byte(short))} {
		if at := strings.Index(text, form); at >= 0 {
			t.Errorf("it is shown: …%s…", text[max(0, at-80):min(len(text), at+len(form)+40)])
		}
	}
}
