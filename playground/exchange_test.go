package playground_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"waybill/playground"
	"waybill/playground/playgroundtest"
)

// idpKid asks for the kid that the identity provider signs with.
func (a *app) idpKid() string {
	a.t.Helper()
	_, _, body := a.send(a.request(http.MethodGet, a.at.IdP+"/jwks", nil))
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(body, &set); err != nil || len(set.Keys) == 0 {
		a.t.Fatalf("no keys: %v", err)
	}
	return set.Keys[len(set.Keys)-1].KeyID
}

// forge signs claims with the identity provider's own key, as if it had issued
// them.
func (a *app) forge(typ string, claims map[string]any) string {
	a.t.Helper()
	key, err := playgroundtest.Key()
	if err != nil {
		a.t.Fatal(err)
	}
	return sign(a.t, key, jose.RS256, a.idpKid(), typ, claims)
}

func TestExchangeIsRefused(t *testing.T) {
	now := time.Now()
	_, a := begin(t, playground.Options{Now: func() time.Time { return now }})
	signedIn := a.tokens("alice@example.com")
	_, mine := claimsOf(t, signedIn.IDToken)
	other := &app{t: t, http: a.http, at: a.at, demo: a.at.Clients.MCP}
	othersID, othersRefresh := other.tokens("alice@example.com").IDToken, other.tokens("alice@example.com").RefreshToken
	changed := func(name string, value any) string {
		claims := map[string]any{}
		for k, v := range mine {
			claims[k] = v
		}
		claims[name] = value
		if value == nil {
			delete(claims, name)
		}
		return a.forge("JWT", claims)
	}
	for name, c := range map[string]struct {
		kind, subject string
		changes       []string
		code, says    string
	}{
		"no subject token":         {typeIDToken, "", nil, "invalid_request", "subject_token is missing"},
		"no subject token type":    {"", signedIn.IDToken, nil, "invalid_request", "subject_token_type is missing"},
		"no requested type":        {typeIDToken, signedIn.IDToken, []string{"requested_token_type", ""}, "invalid_request", "requested_token_type is missing"},
		"no audience":              {typeIDToken, signedIn.IDToken, []string{"audience", ""}, "invalid_request", "audience is missing"},
		"no resource":              {typeIDToken, signedIn.IDToken, []string{"resource", ""}, "invalid_request", "resource is missing"},
		"an access token wanted":   {typeIDToken, signedIn.IDToken, []string{"requested_token_type", "urn:ietf:params:oauth:token-type:access_token"}, "invalid_request", "requested_token_type"},
		"ID-JAG with underscore":   {typeIDToken, signedIn.IDToken, []string{"requested_token_type", "urn:ietf:params:oauth:token-type:id_jag"}, "invalid_request", "id-jag"},
		"an access token given":    {"urn:ietf:params:oauth:token-type:access_token", signedIn.AccessToken, nil, "invalid_request", "subject_token_type"},
		"access token as ID token": {typeIDToken, signedIn.AccessToken, nil, "invalid_request", "no ID token"},
		"refresh as ID token":      {typeIDToken, signedIn.RefreshToken, nil, "invalid_request", "no ID token"},
		"ID token as refresh":      {typeRefresh, signedIn.IDToken, nil, "invalid_grant", "not known"},
		"SAML":                     {"urn:ietf:params:oauth:token-type:saml2", "x", nil, "invalid_request", "subject_token_type"},
		"actor token":              {typeIDToken, signedIn.IDToken, []string{"actor_token", "x"}, "invalid_request", "actor_token"},
		"garbage":                  {typeIDToken, "garbage", nil, "invalid_request", "no ID token"},
		"broken signature":         {typeIDToken, breakSignature(signedIn.IDToken), nil, "invalid_request", "no ID token"},
		"another's ID token":       {typeIDToken, othersID, nil, "invalid_request", "issued to another client"},
		"another's refresh token":  {typeRefresh, othersRefresh, nil, "invalid_grant", "another client"},
		"ID token of two clients":  {typeIDToken, changed("aud", []string{a.demo.ClientID, "other"}), nil, "invalid_request", "issued to another client"},
		"of another issuer":        {typeIDToken, changed("iss", "https://evil.example"), nil, "invalid_request", "no ID token"},
		"of an ID-JAG's type":      {typeIDToken, a.forge("oauth-id-jag+jwt", mine), nil, "invalid_request", "no ID token"},
		"without exp":              {typeIDToken, changed("exp", nil), nil, "invalid_request", "no ID token"},
		"without sub":              {typeIDToken, changed("sub", nil), nil, "invalid_request", "no ID token"},
		"expired ID token":         {typeIDToken, changed("exp", now.Unix()), nil, "invalid_grant", "expired"},
		"of a deleted user":        {typeIDToken, changed("sub", "user_gone"), nil, "invalid_grant", "does not exist"},
		"unknown refresh token":    {typeRefresh, "guessed", nil, "invalid_grant", "not known"},
		"unknown audience":         {typeIDToken, signedIn.IDToken, []string{"audience", "https://elsewhere.example"}, "invalid_target", "no resource connection for the audience"},
		"audience with a slash":    {typeIDToken, signedIn.IDToken, []string{"audience", a.at.AuthorizationServer + "/"}, "invalid_target", "final slash only"},
		"resource with a slash":    {typeIDToken, signedIn.IDToken, []string{"resource", a.at.API + "/"}, "invalid_target", "final slash only"},
		"the other resource":       {typeIDToken, signedIn.IDToken, []string{"resource", a.at.MCP}, "invalid_target", "no resource connection for the resource"},
		"scope not allowed":        {typeIDToken, signedIn.IDToken, []string{"scope", "todos.read mcp.access"}, "invalid_scope", "does not allow the scope 'mcp.access'"},
		"scope of the sign-in":     {typeIDToken, signedIn.IDToken, []string{"scope", "openid todos.read"}, "invalid_scope", "belongs to the sign-in"},
		"scope with a quote":       {typeIDToken, signedIn.IDToken, []string{"scope", `todos."read`}, "invalid_scope", "character"},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, a.post(a.at.IdP+"/token", a.exchangeForm(c.kind, c.subject, c.changes...)), 400, c.code, c.says)
		})
	}
	two := a.exchangeForm(typeIDToken, signedIn.IDToken)
	two.Add("resource", a.at.MCP)
	expect(t, a.post(a.at.IdP+"/token", two), 400, "invalid_target", "one resource")
	if good := a.post(a.at.IdP+"/token", a.exchangeForm(typeIDToken, signedIn.IDToken)); good.Status != 200 {
		t.Errorf("after all refusals the good request is refused: %s %s", good.Error, good.Description)
	}
}

func breakSignature(token string) string {
	dot := strings.LastIndexByte(token, '.') + 1
	flipped := byte('A')
	if token[dot] == 'A' {
		flipped = 'B'
	}
	return token[:dot] + string(flipped) + token[dot+1:]
}

// RFC 6749 section 3.3: a scope left out is a default, and the answer says which.
func TestExchangeWithoutScopeSaysWhatItGave(t *testing.T) {
	_, a := begin(t, playground.Options{})
	got := a.post(a.at.IdP+"/token", a.exchangeForm(typeIDToken, a.tokens("alice@example.com").IDToken, "scope", ""))
	if got.Status != 200 || got.Scope != "todos.read todos.write" {
		t.Errorf("answered %d %s with scope %q", got.Status, got.Error, got.Scope)
	}
}

func TestPolicyDeniesUsersAndClients(t *testing.T) {
	p, a := begin(t, playground.Options{Policy: playground.Policy{DenyUsers: []string{"Mallory@example.com"}}})
	mallory, alice := a.tokens("mallory@example.com"), a.tokens("alice@example.com")
	exchange := func(subject answer) answer {
		return a.post(a.at.IdP+"/token", a.exchangeForm(typeRefresh, subject.RefreshToken))
	}
	expect(t, exchange(mallory), 400, "access_denied", "this user")
	if got := exchange(alice); got.Status != 200 {
		t.Errorf("somebody else is denied as well: %s", got.Description)
	}
	p.SetPolicy(playground.Policy{DenyClients: []string{a.demo.ClientID}})
	expect(t, exchange(alice), 400, "access_denied", "this app")
	p.SetPolicy(playground.Policy{})
	if got := exchange(mallory); got.Status != 200 {
		t.Errorf("the policy was lifted and still holds: %s", got.Description)
	}
}

// A step-up is asked for with its parameters, and helps (RFC 9470, draft
// section 9.2).
func TestPolicyAsksForStepUp(t *testing.T) {
	now := time.Now()
	p, a := begin(t, playground.Options{Now: func() time.Time { return now }})
	p.SetPolicy(playground.Policy{MaxAge: 5 * time.Minute, ACR: playground.ACRStepUp})
	weak := a.tokens("alice@example.com")
	now = now.Add(6 * time.Minute)
	refused := a.post(a.at.IdP+"/token", a.exchangeForm(typeIDToken, weak.IDToken))
	expect(t, refused, 400, "insufficient_user_authentication", "sign-in")
	if refused.MaxAge != 300 || refused.ACRValues != playground.ACRStepUp {
		t.Errorf("it asks for max_age %d and acr_values %q", refused.MaxAge, refused.ACRValues)
	}
	strong := a.tokens("alice@example.com", "max_age", "300", "acr_values", refused.ACRValues)
	got := a.post(a.at.IdP+"/token", a.exchangeForm(typeRefresh, strong.RefreshToken))
	if got.Status != 200 {
		t.Fatalf("after the step-up: %s %s", got.Error, got.Description)
	}
	if _, claims := claimsOf(t, got.AccessToken); claims["acr"] != playground.ACRStepUp {
		t.Errorf("the ID-JAG has acr %v", claims["acr"])
	}
}

// What the policy of one client allows is nothing to another.
func TestOtherRegistrationsHaveTheirOwnConnections(t *testing.T) {
	_, a := begin(t, playground.Options{Clients: []playground.Client{
		{ID: "reader", Public: true, RedirectURIs: []string{redirectURI}, Connections: []playground.ResourceConnection{
			{Resource: playground.API, Scopes: []string{"todos.read"}, ClientID: "reader-there", Secret: a32},
			{Resource: playground.MCP, Secret: a32},
		}},
		{ID: "lonely", Public: true, RedirectURIs: []string{redirectURI}},
	}})
	as := func(id string) func(...string) answer {
		signedIn := a.post(a.at.IdP+"/token", a.codeForm(a.code("alice@example.com", "client_id", id), "client_id", id, "client_secret", ""))
		return func(changes ...string) answer {
			return a.post(a.at.IdP+"/token", withPairs(a.exchangeForm(typeIDToken, signedIn.IDToken, "client_id", id, "client_secret", ""), changes))
		}
	}
	reader, lonely := as("reader"), as("lonely")
	expect(t, reader(), 400, "invalid_scope", "It allows: todos.read")
	got := reader("scope", "todos.read")
	if _, claims := claimsOf(t, got.AccessToken); claims["client_id"] != "reader-there" {
		t.Errorf("the ID-JAG is for %v", claims["client_id"])
	}
	got = reader("resource", a.at.MCP, "scope", "mcp.access")
	if _, claims := claimsOf(t, got.AccessToken); claims["client_id"] != "reader-at-todo0-mcp" {
		t.Errorf("the ID-JAG for MCP is for %v", claims["client_id"])
	}
	expect(t, lonely(), 400, "invalid_target", "no resource connection at all")
}
