package playground_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"waybill/playground"
	"waybill/secret"
)

// fuzzClients have ids and secrets that every worker process knows.
func fuzzClients() []playground.Client {
	known := secret.New("known")
	return []playground.Client{{
		ID: "fuzz", Secret: known, RedirectURIs: []string{"http://127.0.0.1/callback", "http://[::1]/callback", "https://app.example/cb?x=1", "com.example.app:/cb"},
		Connections: []playground.ResourceConnection{{Resource: playground.API, Secret: known}},
	}}
}

// Whatever stands in the address, the identity provider sends no browser to an
// address that is not registered, gives no code to who has not signed in, and
// does not fall over.
func FuzzAuthorizeQuery(f *testing.F) {
	p, a := begin(f, playground.Options{Clients: fuzzClients()})
	good := strings.SplitN(a.authorizationURL("client_id", "fuzz"), "?", 2)[1]
	f.Add(good)
	f.Add(good + "&prompt=none")
	f.Add(good + "&redirect_uri=https%3A%2F%2Fevil.example")
	for _, redirect := range []string{"http://127.0.0.1@evil.example/callback", "http://127.0.0.1:1:2/callback", "http://[::1]:7/callback", "https://app.example/cb?x=1", "com.example.app:/cb", "http://127.0.0.1\\@evil.example/callback", "http://127.0.0.1:80/../callback", "//evil.example/callback"} {
		f.Add(strings.SplitN(a.authorizationURL("client_id", "fuzz", "redirect_uri", redirect, "prompt", "none"), "?", 2)[1])
	}
	f.Add("client_id=fuzz&redirect_uri=http://127.0.0.1:9/callback&error=x#y;z&&&=&%")
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest(http.MethodGet, "/authorize", nil)
		r.Host, r.URL.RawQuery = "idp.example", query
		rec := httptest.NewRecorder()
		p.Handler(playground.IdP).ServeHTTP(rec, r)
		switch location := rec.Header().Get("Location"); {
		case rec.Code == http.StatusSeeOther:
			target, err := url.Parse(location)
			if err != nil {
				t.Fatalf("it redirects to %q: %v", location, err)
			}
			checkTarget(t, target)
			if q := target.Query(); q.Has("code") || q.Get("error") == "" || q.Get("iss") != a.at.IdP {
				t.Fatalf("it answers %q", location)
			}
		case location != "":
			t.Fatalf("status %d with a redirect to %q", rec.Code, location)
		case rec.Code != 200 && rec.Code != 400:
			t.Fatalf("status %d", rec.Code)
		case strings.Contains(rec.Body.String(), "<script") || !strings.Contains(rec.Header().Get("Content-Security-Policy"), "default-src 'none'"):
			t.Fatal("the page may run scripts")
		}
	})
}

// checkTarget looks at a redirect as a browser does: at its parts.
func checkTarget(t *testing.T, target *url.URL) {
	t.Helper()
	loopback := target.Scheme == "http" && (target.Hostname() == "127.0.0.1" || target.Hostname() == "::1") && target.Path == "/callback"
	web := target.Scheme == "https" && target.Host == "app.example" && target.Path == "/cb" && target.Query().Get("x") == "1"
	own := target.Scheme == "com.example.app" && target.Host == "" && target.Path == "/cb"
	if !(loopback || web || own) || target.User != nil || target.Fragment != "" {
		t.Fatalf("it redirects to %q", target)
	}
}

// Whatever stands in the body, both token endpoints refuse it in the form of
// RFC 6749 section 5.2, as long as it has no code and no token of ours.
func FuzzTokenForm(f *testing.F) {
	p, a := begin(f, playground.Options{Clients: fuzzClients()})
	known := url.Values{"client_id": {"fuzz"}, "client_secret": {"known"}}
	for _, pairs := range [][]string{
		{"grant_type", "authorization_code", "code", "x", "redirect_uri", redirectURI, "code_verifier", verifier},
		{"grant_type", "refresh_token", "refresh_token", "x", "scope", "openid"},
		{"grant_type", grantExchange, "requested_token_type", typeIDJAG, "subject_token", "x.y.z", "subject_token_type", typeIDToken, "audience", a.at.AuthorizationServer, "resource", a.at.API, "scope", "todos.read"},
		{"grant_type", grantExchange, "requested_token_type", typeIDJAG, "subject_token", "x", "subject_token_type", typeRefresh, "audience", "https://a", "resource", "https://b"},
		{"grant_type", grantBearer, "assertion", "eyJhbGciOiJSUzI1NiIsInR5cCI6Im9hdXRoLWlkLWphZytqd3QifQ.e30.AA", "scope", "todos.read", "client_id", "fuzz-at-todo0"},
		{"grant_type", grantBearer, "client_assertion_type", assertionType, "client_assertion", "e30.e30.e30"},
	} {
		f.Add(withPairs(url.Values{"client_id": known["client_id"], "client_secret": known["client_secret"]}, pairs).Encode(), "")
	}
	f.Add("grant_type=refresh_token&refresh_token=x", "Basic ZnV6ejprbm93bg==")
	f.Add("%=&;=%00&client_id=%ff", "Basic !")
	f.Fuzz(func(t *testing.T, body, authorization string) {
		for role, host := range map[playground.Role]string{playground.IdP: "idp.example", playground.AuthorizationServer: "auth.example"} {
			r := httptest.NewRequest(http.MethodPost, "/token", strings.NewReader(body))
			r.Host = host
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if authorization != "" {
				r.Header.Set("Authorization", authorization)
			}
			rec := httptest.NewRecorder()
			p.Handler(role).ServeHTTP(rec, r)
			var got answer
			if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
				t.Fatalf("%v answered %d with %q", role, rec.Code, rec.Body.String())
			}
			if rec.Code != 400 && rec.Code != 401 && rec.Code != 413 || got.Error == "" || got.AccessToken != "" {
				t.Fatalf("%v answered %d %s", role, rec.Code, got.Error)
			}
			for _, r := range got.Description {
				if r < 0x20 || r > 0x7e || r == '"' || r == '\\' {
					t.Fatalf("the description has %q in it", r)
				}
			}
		}
	})
}
