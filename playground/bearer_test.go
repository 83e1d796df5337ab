package playground_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"waybill/playground"
	"waybill/playground/playgroundtest"
	"waybill/secret"
)

var a32 = secret.New("thirty-two characters of a secret")

// goodIDJAG are claims that the authorization server takes.
func (a *app) goodIDJAG(now time.Time) map[string]any {
	return map[string]any{
		"iss": a.at.IdP, "sub": "user_1", "aud": a.at.AuthorizationServer, "client_id": a.demo.ResourceClientID,
		"jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
		"resource": a.at.API, "scope": "todos.read todos.write", "email": "alice@example.com",
	}
}

// Every check of draft-ietf-oauth-identity-assertion-authz-grant-04 section
// 4.4.1, of RFC 7523 section 3, and of the jti.
func TestIDJAGIsRefused(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	_, a := begin(t, playground.Options{Now: func() time.Time { return now }})
	at := func(d time.Duration) int64 { return now.Add(d).Unix() }
	redeem := func(idjag string) answer { return a.post(a.at.AuthorizationServer+"/token", a.bearerForm(idjag)) }
	with := func(changes map[string]any) string {
		claims := a.goodIDJAG(now)
		maps.Copy(claims, changes)
		maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
		return a.forge("oauth-id-jag+jwt", claims)
	}
	type change = map[string]any
	for name, claims := range map[string]change{
		"as it is":                    nil,
		"aud in an array of one":      {"aud": []string{a.at.AuthorizationServer}},
		"resource in an array":        {"resource": []string{a.at.API}},
		"two resources, one is ours":  {"resource": []string{"https://elsewhere.example", a.at.API}},
		"no resource":                 {"resource": nil},
		"no email":                    {"email": nil},
		"iat 30 s ahead":              {"iat": at(30 * time.Second)},
		"nbf 30 s ahead":              {"nbf": at(30 * time.Second)},
		"expired 29 s ago":            {"iat": at(-5 * time.Minute), "exp": at(-29 * time.Second)},
		"an hour long":                {"exp": at(time.Hour)},
		"claims that nobody knows":    {"act": change{"sub": "agent"}, "tenant": "acme", "authorization_details": []any{}},
		"cnf null":                    {"cnf": change(nil)},
		"sub of 255 characters":       {"sub": strings.Repeat("s", 255)},
		"a jti that looks like a URL": {"jti": "https://idp.example/" + rand.Text()},
	} {
		if got := redeem(with(claims)); got.Status != 200 || got.Scope != "todos.read" || got.Resource != a.at.API {
			t.Errorf("%s: refused with %s %s", name, got.Error, got.Description)
		}
	}
	for name, c := range map[string]struct {
		claims change
		says   string
	}{
		"aud elsewhere":        {change{"aud": "https://elsewhere.example"}, "its aud"},
		"aud with a slash":     {change{"aud": a.at.AuthorizationServer + "/"}, "its aud"},
		"aud the token URL":    {change{"aud": a.at.AuthorizationServer + "/token"}, "its aud"},
		"two auds":             {change{"aud": []string{a.at.AuthorizationServer, "https://elsewhere.example"}}, "exactly one"},
		"our aud twice":        {change{"aud": []string{a.at.AuthorizationServer, a.at.AuthorizationServer}}, "exactly one"},
		"no aud":               {change{"aud": nil}, "exactly one"},
		"an empty aud":         {change{"aud": []string{}}, "exactly one"},
		"another client":       {change{"client_id": a.at.Clients.MCP.ResourceClientID}, "its client_id"},
		"the IdP's client":     {change{"client_id": a.demo.ClientID}, "its client_id"},
		"no client":            {change{"client_id": nil}, "its client_id"},
		"another issuer":       {change{"iss": "https://evil.example"}, "not trusted"},
		"issuer with a slash":  {change{"iss": a.at.IdP + "/"}, "not trusted"},
		"no issuer":            {change{"iss": nil}, "not trusted"},
		"no sub":               {change{"sub": nil}, "no sub"},
		"an endless sub":       {change{"sub": strings.Repeat("s", 256)}, "no sub"},
		"no jti":               {change{"jti": nil}, "no jti"},
		"an endless jti":       {change{"jti": strings.Repeat("j", 257)}, "no jti"},
		"no exp":               {change{"exp": nil}, "no exp"},
		"no iat":               {change{"iat": nil}, "no iat"},
		"expired 30 s ago":     {change{"iat": at(-5 * time.Minute), "exp": at(-30 * time.Second)}, "expired"},
		"iat 31 s ahead":       {change{"iat": at(31 * time.Second)}, "iat is more than 30 seconds"},
		"nbf 31 s ahead":       {change{"nbf": at(31 * time.Second)}, "not valid yet"},
		"ten years long":       {change{"exp": at(10 * 365 * 24 * time.Hour)}, "longer than an hour"},
		"exp in words":         {change{"exp": "tomorrow"}, "cannot be read"},
		"exp beyond all times": {change{"exp": 1e300}, "cannot be read"},
		"bound to a key":       {change{"cnf": change{"jkt": "x"}}, "proof of possession"},
		"another resource":     {change{"resource": "https://elsewhere.example"}, "resource"},
		"the MCP server":       {change{"resource": a.at.MCP}, "resource"},
		"scope a number":       {change{"scope": 7}, "wrong kind"},
		"sub a number":         {change{"sub": 7}, "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) { expect(t, redeem(with(c.claims)), 400, "invalid_grant", c.says) })
	}
}

func TestIDJAGOfAnotherMakeIsRefused(t *testing.T) {
	now := time.Now()
	_, a := begin(t, playground.Options{Now: func() time.Time { return now }})
	key, err := playgroundtest.Key()
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	kid := a.idpKid()
	claims := a.goodIDJAG(now)
	good := sign(t, key, jose.RS256, kid, "oauth-id-jag+jwt", claims)
	_, _, jwks := a.send(a.request(http.MethodGet, a.at.IdP+"/jwks", nil))
	for name, c := range map[string]struct{ token, says string }{
		"nothing":                {"", ""},
		"garbage":                {"garbage", "no signed JWT"},
		"no signature":           {good[:strings.LastIndexByte(good, '.')+1], "signature"},
		"broken signature":       {breakSignature(good), "signature"},
		"alg none":               {"eyJhbGciOiJub25lIiwidHlwIjoib2F1dGgtaWQtamFnK2p3dCJ9." + strings.Split(good, ".")[1] + ".", "no signed JWT"},
		"HS256 with public keys": {signSymmetric(t, jwks, claims), "no signed JWT"},
		"typ JWT":                {sign(t, key, jose.RS256, kid, "JWT", claims), "typ"},
		"no typ":                 {sign(t, key, jose.RS256, kid, "", claims), "typ"},
		"typ in capitals":        {sign(t, key, jose.RS256, kid, "OAuth-ID-JAG+JWT", claims), "typ"},
		"at+jwt":                 {sign(t, key, jose.RS256, kid, "at+jwt", claims), "typ"},
		"another key":            {sign(t, newKey(t), jose.RS256, kid, "oauth-id-jag+jwt", claims), "signature"},
		"another kid":            {sign(t, key, jose.RS256, "other", "oauth-id-jag+jwt", claims), "signature"},
		"another algorithm":      {sign(t, key, jose.PS256, kid, "oauth-id-jag+jwt", claims), "signature"},
		"another kind of key":    {sign(t, ec, jose.ES256, kid, "oauth-id-jag+jwt", claims), "signature"},
		"an ID token":            {a.tokens("alice@example.com").IDToken, "typ"},
		"two megabytes":          {strings.Repeat("x", 2<<20), ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := a.post(a.at.AuthorizationServer+"/token", a.bearerForm(c.token))
			if got.Status == 200 || !strings.Contains(got.Description, c.says) {
				t.Errorf("%d %s %q", got.Status, got.Error, got.Description)
			}
		})
	}
	if got := a.post(a.at.AuthorizationServer+"/token", a.bearerForm(good)); got.Status != 200 {
		t.Errorf("after all refusals the good one is refused: %s", got.Description)
	}
}

func TestIDJAGIsRedeemedOnce(t *testing.T) {
	now := time.Now()
	_, a := begin(t, playground.Options{Now: func() time.Time { return now }})
	idjag := a.idjag("alice@example.com")
	redeem := func(changes ...string) answer {
		return a.post(a.at.AuthorizationServer+"/token", a.bearerForm(idjag, changes...))
	}
	// What is refused uses nothing up.
	expect(t, redeem("client_secret", "wrong"), 401, "invalid_client", "wrong")
	expect(t, redeem("resource", a.at.MCP), 400, "invalid_target", "not one of the ID-JAG")
	mcp := a.at.Clients.MCP
	expect(t, redeem("client_id", mcp.ResourceClientID, "client_secret", mcp.ResourceClientSecret.Reveal()), 400, "invalid_grant", "client_id")
	if got := redeem("resource", a.at.API); got.Status != 200 {
		t.Fatalf("refused: %s", got.Description)
	}
	expect(t, redeem(), 400, "invalid_grant", "used before")
	now = now.Add(5*time.Minute + 29*time.Second)
	a.idjag("bob@example.com") // whose sign-in has the state tidied up
	expect(t, redeem(), 400, "invalid_grant", "used before")
	now = now.Add(time.Second)
	expect(t, redeem(), 400, "invalid_grant", "expired")
}

func TestFiftyRedemptionsOfOneIDJAGGiveOneToken(t *testing.T) {
	_, a := begin(t, playground.Options{Dir: t.TempDir()})
	for range 3 {
		idjag := a.idjag("alice@example.com")
		if won := race(50, func() bool { return a.post(a.at.AuthorizationServer+"/token", a.bearerForm(idjag)).Status == 200 }); won != 1 {
			t.Errorf("%d of 50 were answered with a token", won)
		}
	}
}

// The token allows what the request, the ID-JAG and the registration all do;
// without a scope in the request that is nothing, as at xaa.dev.
func TestGrantedScopeIsTheIntersection(t *testing.T) {
	_, a := begin(t, playground.Options{Clients: []playground.Client{{
		ID: "reader", Public: true, RedirectURIs: []string{redirectURI},
		Connections: []playground.ResourceConnection{{Resource: playground.API, Scopes: []string{"todos.read"}, Secret: a32}},
	}}})
	for _, c := range []struct{ inIDJAG, asked, want string }{
		{"todos.read", "todos.read", "todos.read"},
		{"todos.read", "todos.read todos.write", "todos.read"},
		{"todos.read todos.write", "todos.write todos.read", "todos.write todos.read"},
		{"todos.read todos.write", "todos.read", "todos.read"},
		{"todos.read todos.write", "", ""},
		{"todos.read", "todos.write", ""},
		{"todos.read", "todos.read todos.read", "todos.read"},
		{"", "todos.read", "todos.read"}, // the default of the exchange
	} {
		idjag := a.idjag("alice@example.com", "scope", c.inIDJAG)
		got := a.post(a.at.AuthorizationServer+"/token", a.bearerForm(idjag, "scope", c.asked))
		if got.Status != 200 || got.Scope != c.want {
			t.Errorf("%q of %q: %d with %q, should be %q", c.asked, c.inIDJAG, got.Status, got.Scope, c.want)
		}
		if _, claims := claimsOf(t, got.AccessToken); claims["scope"] != c.want {
			t.Errorf("%q of %q: the token says %v", c.asked, c.inIDJAG, claims["scope"])
		}
	}
	wide := a.goodIDJAG(time.Now())
	wide["client_id"] = "reader-at-todo0"
	got := a.post(a.at.AuthorizationServer+"/token", a.bearerForm(a.forge("oauth-id-jag+jwt", wide),
		"client_id", "reader-at-todo0", "client_secret", a32.Reveal(), "scope", "todos.read todos.write"))
	if got.Scope != "todos.read" {
		t.Errorf("beyond the registration %q was granted", got.Scope)
	}
	expect(t, a.post(a.at.AuthorizationServer+"/token", a.bearerForm(a.idjag("alice@example.com"), "scope", `"`)), 400, "invalid_scope", "character")
}

func TestAuthorizationServerHasOneGrant(t *testing.T) {
	_, a := begin(t, playground.Options{})
	for grant, says := range map[string]string{
		"authorization_code": "grant_type has to be", "refresh_token": "grant_type has to be", "client_credentials": "grant_type has to be",
		grantExchange: "at the identity provider",
	} {
		expect(t, a.post(a.at.AuthorizationServer+"/token", a.bearerForm("x", "grant_type", grant)), 400, "unsupported_grant_type", says)
	}
	expect(t, a.post(a.at.AuthorizationServer+"/token", a.bearerForm("x", "grant_type", "")), 400, "invalid_request", "grant_type is missing")
	expect(t, a.post(a.at.AuthorizationServer+"/token", a.bearerForm("")), 400, "invalid_request", "assertion is missing")
}

// The resource takes this server's access tokens only, while they live.
func TestResourceTakesOnlyItsOwnTokens(t *testing.T) {
	now := time.Now()
	_, a := begin(t, playground.Options{Now: func() time.Time { return now }})
	signedIn := a.tokens("alice@example.com")
	idjag := a.idjag("alice@example.com")
	token := a.post(a.at.AuthorizationServer+"/token", a.bearerForm(idjag)).AccessToken
	call := func(address, bearer string) (int, string) {
		r := a.request(http.MethodGet, address, nil)
		r.Header.Set("Authorization", "Bearer "+bearer)
		r.Header.Set("Accept", "application/json, text/event-stream")
		status, header, _ := a.send(r)
		return status, header.Get("WWW-Authenticate")
	}
	if status, _ := call(a.at.API+"/api/todos", token); status != 200 {
		t.Fatalf("a good token is answered %d", status)
	}
	for name, c := range map[string]struct{ address, token string }{
		"an ID token":           {a.at.API + "/api/todos", signedIn.IDToken},
		"the IdP's own token":   {a.at.API + "/api/todos", signedIn.AccessToken},
		"an ID-JAG":             {a.at.API + "/api/todos", idjag},
		"the other's audience":  {a.at.MCP, token},
		"a broken signature":    {a.at.API + "/api/todos", breakSignature(token)},
		"one of the IdP's keys": {a.at.API + "/api/todos", a.forge("at+jwt", map[string]any{"iss": a.at.AuthorizationServer, "aud": a.at.API, "sub": "x", "scope": "todos.read", "exp": now.Add(time.Hour).Unix()})},
	} {
		if status, challenge := call(c.address, c.token); status != 401 || !strings.Contains(challenge, `error="invalid_token"`) {
			t.Errorf("%s: %d %s", name, status, challenge)
		}
	}
	now = now.Add(2 * time.Hour)
	if status, challenge := call(a.at.API+"/api/todos", token); status != 401 || !strings.Contains(challenge, "expired") {
		t.Errorf("an expired token: %d %s", status, challenge)
	}
}
