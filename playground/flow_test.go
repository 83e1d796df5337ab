package playground_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"waybill/playground"
	"waybill/playground/playgroundtest"
)

const (
	grantExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	grantBearer   = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	typeIDToken   = "urn:ietf:params:oauth:token-type:id_token"
	typeRefresh   = "urn:ietf:params:oauth:token-type:refresh_token"
	typeIDJAG     = "urn:ietf:params:oauth:token-type:id-jag"

	redirectURI = "http://127.0.0.1:8765/callback"
	verifier    = "a-verifier-of-at-least-forty-three-characters-0123"
)

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// app is a requesting app as anyone could write it, over plain net/http.
type app struct {
	t    testing.TB
	http *http.Client
	at   playground.Endpoints
	demo playground.DemoClient
}

// answer is what a token endpoint answered.
type answer struct {
	Status      int    `json:"-"`
	Error       string `json:"error"`
	Description string `json:"error_description"`
	MaxAge      int    `json:"max_age"`
	ACRValues   string `json:"acr_values"`

	AccessToken     string `json:"access_token"`
	IDToken         string `json:"id_token"`
	RefreshToken    string `json:"refresh_token"`
	IssuedTokenType string `json:"issued_token_type"`
	TokenType       string `json:"token_type"`
	ExpiresIn       int    `json:"expires_in"`
	Scope           string `json:"scope"`
	Resource        string `json:"resource"`
	Active          bool   `json:"active"`
}

func (a *app) send(r *http.Request) (int, http.Header, []byte) {
	a.t.Helper()
	res, err := a.http.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return res.StatusCode, res.Header, body
}

func (a *app) request(method, address string, body io.Reader) *http.Request {
	a.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, address, body)
	if err != nil {
		a.t.Fatal(err)
	}
	return r
}

// post sends a form, with HTTP Basic if basic is not empty.
func (a *app) post(address string, form url.Values, basic ...string) answer {
	a.t.Helper()
	r := a.request(http.MethodPost, address, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if len(basic) == 2 {
		r.SetBasicAuth(url.QueryEscape(basic[0]), url.QueryEscape(basic[1]))
	}
	status, header, body := a.send(r)
	out := answer{Status: status}
	if err := json.Unmarshal(body, &out); err != nil {
		a.t.Fatalf("%s answered %d with %q: %v", address, status, body, err)
	}
	if header.Get("Cache-Control") != "no-store" {
		a.t.Errorf("%s may be cached: %q", address, header.Get("Cache-Control"))
	}
	return out
}

// authorizationURL is a good request, changed by the given pairs; an empty
// value leaves the parameter out.
func (a *app) authorizationURL(changes ...string) string {
	q := url.Values{
		"response_type": {"code"}, "client_id": {a.demo.ClientID}, "redirect_uri": {redirectURI},
		"scope": {"openid profile email offline_access"}, "state": {"the-state"}, "nonce": {"the-nonce"},
		"code_challenge": {challenge(verifier)}, "code_challenge_method": {"S256"},
	}
	for i := 0; i+1 < len(changes); i += 2 {
		if changes[i+1] == "" {
			q.Del(changes[i])
		} else {
			q.Set(changes[i], changes[i+1])
		}
	}
	return a.at.IdP + "/authorize?" + q.Encode()
}

// idpForm is a form with the identity provider's client in it.
func (a *app) idpForm(pairs ...string) url.Values {
	return withPairs(url.Values{"client_id": {a.demo.ClientID}, "client_secret": {a.demo.ClientSecret.Reveal()}}, pairs)
}

// serverForm is a form with the authorization server's client in it.
func (a *app) serverForm(pairs ...string) url.Values {
	return withPairs(url.Values{"client_id": {a.demo.ResourceClientID}, "client_secret": {a.demo.ResourceClientSecret.Reveal()}}, pairs)
}

func withPairs(form url.Values, pairs []string) url.Values {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			form.Del(pairs[i])
		} else {
			form.Set(pairs[i], pairs[i+1])
		}
	}
	return form
}

func (a *app) codeForm(code string, changes ...string) url.Values {
	return withPairs(a.idpForm("grant_type", "authorization_code", "code", code, "redirect_uri", redirectURI, "code_verifier", verifier), changes)
}

func (a *app) exchangeForm(kind, subject string, changes ...string) url.Values {
	scope, resource := "todos.read todos.write", a.at.API
	if a.demo == a.at.Clients.MCP {
		scope, resource = "todos.read mcp.access", a.at.MCP
	}
	return withPairs(a.idpForm("grant_type", grantExchange, "requested_token_type", typeIDJAG, "subject_token", subject,
		"subject_token_type", kind, "audience", a.at.AuthorizationServer, "resource", resource, "scope", scope), changes)
}

func (a *app) bearerForm(idjag string, changes ...string) url.Values {
	return withPairs(a.serverForm("grant_type", grantBearer, "assertion", idjag, "scope", "todos.read"), changes)
}

// code signs in with a new browser and gives the code.
func (a *app) code(email string, changes ...string) string {
	a.t.Helper()
	back, err := playgroundtest.NewBrowser(a.http.Transport, email).SignIn(a.t.Context(), a.authorizationURL(changes...))
	if err != nil {
		a.t.Fatal(err)
	}
	if back.Query().Get("code") == "" {
		a.t.Fatalf("no code came back: %s", back.Query().Get("error_description"))
	}
	return back.Query().Get("code")
}

// tokens signs in and redeems the code.
func (a *app) tokens(email string, changes ...string) answer {
	a.t.Helper()
	out := a.post(a.at.IdP+"/token", a.codeForm(a.code(email, changes...)))
	if out.Status != http.StatusOK {
		a.t.Fatalf("the code was refused: %d %s %s", out.Status, out.Error, out.Description)
	}
	return out
}

// idjag signs in and exchanges the ID token.
func (a *app) idjag(email string, changes ...string) string {
	a.t.Helper()
	out := a.post(a.at.IdP+"/token", a.exchangeForm(typeIDToken, a.tokens(email).IDToken, changes...))
	if out.Status != http.StatusOK {
		a.t.Fatalf("the exchange was refused: %d %s %s", out.Status, out.Error, out.Description)
	}
	return out.AccessToken
}

// wires carries requests to a playground's handlers without a network.
type wires struct{ p *playground.Playground }

func (w wires) RoundTrip(r *http.Request) (*http.Response, error) {
	at := w.p.Endpoints()
	origin := r.URL.Scheme + "://" + r.URL.Host
	role, ok := map[string]playground.Role{
		at.IdP: playground.IdP, at.AuthorizationServer: playground.AuthorizationServer,
		at.API: playground.API, strings.TrimSuffix(at.MCP, "/mcp"): playground.MCP,
	}[origin]
	if !ok {
		return nil, &url.Error{Op: r.Method, URL: origin, Err: http.ErrServerClosed}
	}
	in := r.Clone(r.Context())
	in.RequestURI, in.RemoteAddr = r.URL.RequestURI(), "127.0.0.1:1"
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	rec := httptest.NewRecorder()
	w.p.Handler(role).ServeHTTP(rec, in)
	res := rec.Result()
	res.Request = r
	return res, nil
}

func virtualOrigins() playground.Origins {
	return playground.Origins{
		IdP: "https://idp.example", AuthorizationServer: "https://auth.example", API: "https://api.example", MCP: "https://mcp.example",
	}
}

// begin makes a playground without a network, and an app for its REST client.
func begin(t testing.TB, o playground.Options) (*playground.Playground, *app) {
	t.Helper()
	if o.GenerateKey == nil {
		o.GenerateKey = playgroundtest.Key
	}
	p, err := playground.New(o, virtualOrigins())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p, &app{t: t, http: &http.Client{Transport: wires{p}}, at: p.Endpoints(), demo: p.Endpoints().Clients.REST}
}

func claimsOf(t testing.TB, token string) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("no JWT: it has %d parts", len(parts))
	}
	for i, into := range []*map[string]any{&header, &claims} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, into); err != nil {
			t.Fatal(err)
		}
	}
	return header, claims
}

// The whole of Cross App Access, over real sockets, for both resources.
func TestCompleteFlowOverSockets(t *testing.T) {
	before := goleak.IgnoreCurrent()
	p, err := playground.Start(t.Context(), playground.Options{Dir: t.TempDir(), GenerateKey: playgroundtest.Key})
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	for name, demo := range map[string]playground.DemoClient{"REST": p.Endpoints().Clients.REST, "MCP": p.Endpoints().Clients.MCP} {
		t.Run(name, func(t *testing.T) {
			completeFlow(t, &app{t: t, http: &http.Client{Transport: transport}, at: p.Endpoints(), demo: demo})
		})
	}
	transport.CloseIdleConnections()
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatalf("closing twice: %v", err)
	}
	goleak.VerifyNone(t, before)
}

func completeFlow(t *testing.T, a *app) {
	signedIn := a.tokens("alice.smith@example.com")
	if signedIn.TokenType != "Bearer" || signedIn.ExpiresIn != 600 || signedIn.RefreshToken == "" || signedIn.AccessToken == "" {
		t.Errorf("the answer to the code is not as at xaa.dev: %d s, type %q, refresh token %t", signedIn.ExpiresIn, signedIn.TokenType, signedIn.RefreshToken != "")
	}
	_, id := claimsOf(t, signedIn.IDToken)
	for name, want := range map[string]any{
		"iss": a.at.IdP, "aud": a.demo.ClientID, "nonce": "the-nonce", "email": "alice.smith@example.com", "name": "Alice Smith",
	} {
		if id[name] != want {
			t.Errorf("the ID token's %s is %v and should be %v", name, id[name], want)
		}
	}
	for _, subject := range []struct{ kind, token string }{{typeIDToken, signedIn.IDToken}, {typeRefresh, signedIn.RefreshToken}, {typeRefresh, signedIn.RefreshToken}} {
		exchanged := a.post(a.at.IdP+"/token", a.exchangeForm(subject.kind, subject.token))
		if exchanged.Status != 200 || exchanged.IssuedTokenType != typeIDJAG || exchanged.TokenType != "N_A" || exchanged.ExpiresIn != 300 || exchanged.RefreshToken != "" {
			t.Fatalf("exchange: %d %s %s, issued %q, type %q, %d s", exchanged.Status, exchanged.Error, exchanged.Description, exchanged.IssuedTokenType, exchanged.TokenType, exchanged.ExpiresIn)
		}
		header, jag := claimsOf(t, exchanged.AccessToken)
		if header["typ"] != "oauth-id-jag+jwt" || jag["client_id"] != a.demo.ResourceClientID || jag["aud"] != a.at.AuthorizationServer || jag["sub"] != id["sub"] {
			t.Errorf("the ID-JAG has typ %v, client_id %v, aud %v", header["typ"], jag["client_id"], jag["aud"])
		}
		redeemed := a.post(a.at.AuthorizationServer+"/token", a.bearerForm(exchanged.AccessToken, "scope", jag["scope"].(string)))
		if redeemed.Status != 200 || redeemed.TokenType != "Bearer" || redeemed.ExpiresIn != 7200 || redeemed.RefreshToken != "" || redeemed.Resource != jag["resource"] || redeemed.Scope != jag["scope"] {
			t.Fatalf("bearer: %d %s %s, type %q, %d s, scope %q", redeemed.Status, redeemed.Error, redeemed.Description, redeemed.TokenType, redeemed.ExpiresIn, redeemed.Scope)
		}
		header, access := claimsOf(t, redeemed.AccessToken)
		if header["typ"] != "at+jwt" || access["iss"] != a.at.AuthorizationServer || access["aud"] != jag["resource"] || access["sub"] != "playground:"+id["sub"].(string) || access["app_org"] == "" || access["scope"] != jag["scope"] {
			t.Errorf("the access token has typ %v and claims %v", header["typ"], access)
		}
		callResource(t, a, redeemed.AccessToken)
	}
}

func callResource(t *testing.T, a *app, token string) {
	t.Helper()
	r := a.request(http.MethodGet, a.at.API+"/api/todos", nil)
	if a.demo == a.at.Clients.MCP {
		r = a.request(http.MethodPost, a.at.MCP, strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("MCP-Protocol-Version", "2025-03-26")
	}
	r.Header.Set("Accept", "application/json, text/event-stream")
	r.Header.Set("Authorization", "Bearer "+token)
	status, _, body := a.send(r)
	if status != 200 || !strings.Contains(string(body), `"title"`) {
		t.Errorf("the resource answered %d with %.200q", status, body)
	}
	if a.demo == a.at.Clients.REST && !strings.Contains(string(body), "alice.smith@example.com") {
		t.Errorf("the list does not say whose it is: %.200q", body)
	}
}

// A client that only knows the issuers finds everything else.
func TestDiscoveryNamesEverything(t *testing.T) {
	_, a := begin(t, playground.Options{})
	get := func(address string) (int, map[string]any) {
		status, _, body := a.send(a.request(http.MethodGet, address, nil))
		var m map[string]any
		if status == 200 {
			if err := json.Unmarshal(body, &m); err != nil {
				t.Fatalf("%s: %v", address, err)
			}
		}
		return status, m
	}
	_, idp := get(a.at.IdP + "/.well-known/openid-configuration")
	for name, want := range map[string]string{
		"issuer": "", "authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/jwks",
		"userinfo_endpoint": "/userinfo", "introspection_endpoint": "/token/introspection", "end_session_endpoint": "/session/end",
	} {
		if idp[name] != a.at.IdP+want {
			t.Errorf("%s is %v", name, idp[name])
		}
	}
	if _, there := idp["revocation_endpoint"]; there {
		t.Error("there is a revocation endpoint, which xaa.dev does not have")
	}
	if !contains(idp["token_exchange_subject_token_types_supported"], typeRefresh) || !contains(idp["identity_chaining_requested_token_types_supported"], typeIDJAG) || idp["authorization_response_iss_parameter_supported"] != true {
		t.Error("the discovery document does not announce the token exchange or iss")
	}
	if status, _ := get(a.at.IdP + "/.well-known/oauth-authorization-server"); status != 404 {
		t.Errorf("the identity provider answers %d for RFC 8414 metadata, unlike xaa.dev", status)
	}
	_, as := get(a.at.AuthorizationServer + "/.well-known/oauth-authorization-server")
	if as["issuer"] != a.at.AuthorizationServer || !contains(as["authorization_grant_profiles_supported"], "urn:ietf:params:oauth:grant-profile:id-jag") || !contains(as["grant_types_supported"], grantBearer) {
		t.Errorf("the authorization server's metadata is %v", as)
	}
	_, second := get(a.at.AuthorizationServer + "/.well-known/openid-configuration")
	if _, there := second["authorization_grant_profiles_supported"]; there || second["issuer"] != a.at.AuthorizationServer {
		t.Errorf("the second metadata document is %v", second)
	}
}

func contains(list any, value string) bool {
	values, _ := list.([]any)
	return slices.Contains(values, any(value))
}

// Documents that clients ask for again and again cost nothing when unchanged.
func TestMetadataHasAnETag(t *testing.T) {
	p, a := begin(t, playground.Options{})
	for _, address := range []string{a.at.IdP + "/.well-known/openid-configuration", a.at.IdP + "/jwks", a.at.AuthorizationServer + "/jwks"} {
		_, header, _ := a.send(a.request(http.MethodGet, address, nil))
		again := a.request(http.MethodGet, address, nil)
		again.Header.Set("If-None-Match", header.Get("ETag"))
		if status, _, body := a.send(again); status != http.StatusNotModified || len(body) > 0 {
			t.Errorf("%s answered %d with %d bytes to its own ETag", address, status, len(body))
		}
	}
	_, header, _ := a.send(a.request(http.MethodGet, a.at.IdP+"/jwks", nil))
	if err := p.RotateKeys(); err != nil {
		t.Fatal(err)
	}
	again := a.request(http.MethodGet, a.at.IdP+"/jwks", nil)
	again.Header.Set("If-None-Match", header.Get("ETag"))
	if status, _, _ := a.send(again); status != 200 {
		t.Errorf("the JWKS answered %d to an ETag from before the rotation", status)
	}
}

// Every answer carries the playground's own time, so that a client can measure
// a clock that is wrong.
func TestDateFollowsTheClock(t *testing.T) {
	then := time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC)
	_, a := begin(t, playground.Options{Now: func() time.Time { return then }})
	_, header, _ := a.send(a.request(http.MethodGet, a.at.IdP+"/jwks", nil))
	if header.Get("Date") != then.Format(http.TimeFormat) {
		t.Errorf("Date is %q", header.Get("Date"))
	}
}
