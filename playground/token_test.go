package playground_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"waybill/playground"
	"waybill/secret"
)

// expect holds an answer against an error code and a part of its description.
func expect(t *testing.T, got answer, status int, code, says string) {
	t.Helper()
	if got.Status != status || got.Error != code || !strings.Contains(got.Description, says) {
		t.Errorf("answered %d %s %q, and should be %d %s with %q", got.Status, got.Error, got.Description, status, code, says)
	}
	if got.AccessToken != "" || got.IDToken != "" || got.RefreshToken != "" {
		t.Error("a refusal carries a token")
	}
}

func TestCodeIsRefused(t *testing.T) {
	now := time.Now()
	_, a := begin(t, playground.Options{Now: func() time.Time { return now }})
	mcp := a.at.Clients.MCP
	for name, c := range map[string]struct {
		changes    []string
		code, says string
	}{
		"no code":                {[]string{"code", ""}, "invalid_request", "code is missing"},
		"no verifier":            {[]string{"code_verifier", ""}, "invalid_request", "code_verifier is missing"},
		"no redirect":            {[]string{"redirect_uri", ""}, "invalid_request", "redirect_uri is missing"},
		"unknown code":           {[]string{"code", "guessed"}, "invalid_grant", "not known"},
		"wrong verifier":         {[]string{"code_verifier", strings.Repeat("x", 43)}, "invalid_grant", "PKCE"},
		"short verifier":         {[]string{"code_verifier", "short"}, "invalid_grant", "PKCE"},
		"the challenge itself":   {[]string{"code_verifier", challenge(verifier)}, "invalid_grant", "PKCE"},
		"another redirect":       {[]string{"redirect_uri", "http://127.0.0.1:8766/callback"}, "invalid_grant", "redirect_uri"},
		"another client's code":  {[]string{"client_id", mcp.ClientID, "client_secret", mcp.ClientSecret.Reveal()}, "invalid_grant", "another client"},
		"no grant type":          {[]string{"grant_type", ""}, "invalid_request", "grant_type is missing"},
		"password grant":         {[]string{"grant_type", "password"}, "unsupported_grant_type", "not supported"},
		"client credentials":     {[]string{"grant_type", "client_credentials"}, "unsupported_grant_type", "not supported"},
		"ID-JAG at its own home": {[]string{"grant_type", grantBearer, "assertion", "x"}, "unsupported_grant_type", "authorization server"},
	} {
		t.Run(name, func(t *testing.T) {
			code := a.code("alice@example.com")
			expect(t, a.post(a.at.IdP+"/token", withPairs(a.codeForm(code), c.changes)), 400, c.code, c.says)
			// A refused try uses nothing up.
			if good := a.post(a.at.IdP+"/token", a.codeForm(code)); good.Status != 200 {
				t.Errorf("afterwards the good request is refused: %s %s", good.Error, good.Description)
			}
		})
	}
	// A verifier that is too short to be secret, with its own challenge.
	code := a.code("alice@example.com", "code_challenge", challenge("short"))
	expect(t, a.post(a.at.IdP+"/token", a.codeForm(code, "code_verifier", "short")), 400, "invalid_grant", "PKCE")

	code = a.code("alice@example.com")
	now = now.Add(60 * time.Second)
	expect(t, a.post(a.at.IdP+"/token", a.codeForm(code)), 400, "invalid_grant", "expired")
}

// RFC 6749 section 4.1.2: a code that comes back ends what it gave.
func TestCodeUsedTwiceRevokesItsTokens(t *testing.T) {
	_, a := begin(t, playground.Options{})
	code := a.code("alice@example.com")
	first := a.post(a.at.IdP+"/token", a.codeForm(code))
	expect(t, a.post(a.at.IdP+"/token", a.codeForm(code)), 400, "invalid_grant", "used before")
	expect(t, a.post(a.at.IdP+"/token", a.idpForm("grant_type", "refresh_token", "refresh_token", first.RefreshToken)), 400, "invalid_grant", "revoked")
}

func TestFiftyRedemptionsOfOneCodeGiveOneAnswer(t *testing.T) {
	_, a := begin(t, playground.Options{Dir: t.TempDir()})
	code := a.code("alice@example.com")
	if won := race(50, func() bool { return a.post(a.at.IdP+"/token", a.codeForm(code)).Status == 200 }); won != 1 {
		t.Errorf("%d of 50 were answered with tokens", won)
	}
}

// race runs try n times at once and counts how often it succeeded.
func race(n int, try func() bool) int {
	var won atomic.Int32
	var all sync.WaitGroup
	start := make(chan struct{})
	for range n {
		all.Go(func() {
			<-start
			if try() {
				won.Add(1)
			}
		})
	}
	close(start)
	all.Wait()
	return int(won.Load())
}

func TestScopesDecideWhatTheTokensHold(t *testing.T) {
	_, a := begin(t, playground.Options{})
	bare := a.tokens("alice@example.com", "scope", "openid something_else", "nonce", "")
	if bare.RefreshToken != "" || bare.Scope != "openid" {
		t.Errorf("without offline_access: refresh token %t, scope %q", bare.RefreshToken != "", bare.Scope)
	}
	_, claims := claimsOf(t, bare.IDToken)
	for _, name := range []string{"email", "name", "nonce"} {
		if _, there := claims[name]; there {
			t.Errorf("the ID token has %s, which was not asked for", name)
		}
	}
	if claims["auth_time"] == nil || claims["at_hash"] == nil || claims["sid"] == nil {
		t.Error("the ID token lacks auth_time, at_hash or sid")
	}
}

func TestRefreshRotates(t *testing.T) {
	_, a := begin(t, playground.Options{})
	first := a.tokens("alice@example.com")
	refresh := func(token string, changes ...string) answer {
		return a.post(a.at.IdP+"/token", withPairs(a.idpForm("grant_type", "refresh_token", "refresh_token", token), changes))
	}
	second := refresh(first.RefreshToken)
	if second.Status != 200 || second.RefreshToken == "" || second.RefreshToken == first.RefreshToken || second.ExpiresIn != 600 {
		t.Fatalf("refreshing: %d %s %s", second.Status, second.Error, second.Description)
	}
	_, before := claimsOf(t, first.IDToken)
	_, after := claimsOf(t, second.IDToken)
	for _, name := range []string{"sub", "iss", "aud", "auth_time", "email", "sid"} {
		if before[name] != after[name] {
			t.Errorf("%s changed from %v to %v (OpenID Connect Core section 12.2)", name, before[name], after[name])
		}
	}
	if _, there := after["nonce"]; there {
		t.Error("the refreshed ID token has a nonce")
	}
	expect(t, refresh(second.RefreshToken, "scope", "openid todos.read"), 400, "invalid_scope", "todos.read")
	narrow := refresh(second.RefreshToken, "scope", "openid")
	if narrow.Status != 200 || narrow.Scope != "openid" || narrow.RefreshToken == "" {
		t.Errorf("asking for less: %d, scope %q", narrow.Status, narrow.Scope)
	}
	if full := refresh(narrow.RefreshToken); full.Scope != "openid profile email offline_access" {
		t.Errorf("the rotated token lost scopes: %q", full.Scope)
	}
	mcp := a.at.Clients.MCP
	expect(t, refresh(narrow.RefreshToken, "client_id", mcp.ClientID, "client_secret", mcp.ClientSecret.Reveal()), 400, "invalid_grant", "another client")
	expect(t, refresh(""), 400, "invalid_request", "refresh_token is missing")
	expect(t, refresh("guessed"), 400, "invalid_grant", "not known")
}

// RFC 9700 section 4.14.2: a rotated token that comes back was stolen, from one
// of the two who have it.
func TestRotatedRefreshTokenThatComesBackEndsTheSession(t *testing.T) {
	for name, useOld := range map[string]func(a *app, old string) answer{
		"at the refresh grant": func(a *app, old string) answer {
			return a.post(a.at.IdP+"/token", a.idpForm("grant_type", "refresh_token", "refresh_token", old))
		},
		"as a subject token": func(a *app, old string) answer {
			return a.post(a.at.IdP+"/token", a.exchangeForm(typeRefresh, old))
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, a := begin(t, playground.Options{})
			first := a.tokens("alice@example.com")
			second := a.post(a.at.IdP+"/token", a.idpForm("grant_type", "refresh_token", "refresh_token", first.RefreshToken))
			expect(t, useOld(a, first.RefreshToken), 400, "invalid_grant", "came back")
			expect(t, a.post(a.at.IdP+"/token", a.exchangeForm(typeRefresh, second.RefreshToken)), 400, "invalid_grant", "revoked")
		})
	}
}

func TestRefreshTokenExpires(t *testing.T) {
	now := time.Now()
	_, a := begin(t, playground.Options{Now: func() time.Time { return now }, RefreshTokenLife: time.Hour})
	token := a.tokens("alice@example.com").RefreshToken
	now = now.Add(59 * time.Minute)
	next := a.post(a.at.IdP+"/token", a.idpForm("grant_type", "refresh_token", "refresh_token", token))
	now = now.Add(59 * time.Minute)
	if got := a.post(a.at.IdP+"/token", a.exchangeForm(typeRefresh, next.RefreshToken)); got.Status != 200 {
		t.Errorf("a rotation does not renew the life: %s", got.Description)
	}
	now = now.Add(time.Minute)
	expect(t, a.post(a.at.IdP+"/token", a.exchangeForm(typeRefresh, next.RefreshToken)), 400, "invalid_grant", "")
}

// Client authentication, at both token endpoints.
func TestClientAuthentication(t *testing.T) {
	awkward := secret.New("a secret: with+reserved/characters%&=ü")
	_, a := begin(t, playground.Options{Clients: []playground.Client{{
		ID: "awkward:id+%", Secret: awkward,
		Connections: []playground.ResourceConnection{{Resource: playground.API, ClientID: "resource:id+%", Secret: awkward}},
	}}})
	good := a.idpForm("grant_type", "refresh_token", "refresh_token", "x")
	plain := func(pairs ...string) url.Values {
		return withPairs(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}}, pairs)
	}
	id, text := a.demo.ClientID, a.demo.ClientSecret.Reveal()
	// Who gets past client authentication is told that the refresh token is
	// not known.
	for name, got := range map[string]answer{
		"post":                      a.post(a.at.IdP+"/token", good),
		"basic":                     a.post(a.at.IdP+"/token", plain(), id, text),
		"basic and the same id":     a.post(a.at.IdP+"/token", plain("client_id", id), id, text),
		"basic, form-encoded first": a.post(a.at.IdP+"/token", plain(), "awkward:id+%", awkward.Reveal()),
		"post, awkward":             a.post(a.at.IdP+"/token", plain("client_id", "awkward:id+%", "client_secret", awkward.Reveal())),
	} {
		if got.Error != "invalid_grant" {
			t.Errorf("%s: %d %s %s", name, got.Status, got.Error, got.Description)
		}
	}
	at := a.post(a.at.AuthorizationServer+"/token", url.Values{"grant_type": {grantBearer}, "assertion": {"x"}}, "resource:id+%", awkward.Reveal())
	if at.Error != "invalid_grant" {
		t.Errorf("basic at the authorization server: %d %s", at.Status, at.Error)
	}
	for name, c := range map[string]struct {
		got        answer
		status     int
		code, says string
	}{
		"no client":             {a.post(a.at.IdP+"/token", plain()), 401, "invalid_client", "client_id is missing"},
		"no secret":             {a.post(a.at.IdP+"/token", plain("client_id", id)), 401, "invalid_client", "neither a client secret"},
		"wrong secret":          {a.post(a.at.IdP+"/token", plain("client_id", id, "client_secret", "x")), 401, "invalid_client", "secret is wrong"},
		"wrong secret in basic": {a.post(a.at.IdP+"/token", plain(), id, "x"), 401, "invalid_client", "secret is wrong"},
		"unknown client":        {a.post(a.at.IdP+"/token", plain("client_id", "x", "client_secret", "x")), 401, "invalid_client", "No client is registered"},
		"crossed at the IdP":    {a.post(a.at.IdP+"/token", plain("client_id", a.demo.ResourceClientID, "client_secret", a.demo.ResourceClientSecret.Reveal())), 401, "invalid_client", "belongs to the resource's authorization server"},
		"crossed at the AS":     {a.post(a.at.AuthorizationServer+"/token", good), 401, "invalid_client", "belongs to the identity provider"},
		"crossed secrets":       {a.post(a.at.IdP+"/token", plain("client_id", id, "client_secret", a.demo.ResourceClientSecret.Reveal())), 401, "invalid_client", "secret is wrong"},
		"basic and post":        {a.post(a.at.IdP+"/token", good, id, text), 400, "invalid_request", "more than one way"},
		"two different ids":     {a.post(a.at.IdP+"/token", plain("client_id", "other"), id, text), 400, "invalid_request", "different clients"},
		"secret for a key":      {a.post(a.at.IdP+"/token", plain("client_assertion", "x")), 400, "invalid_request", "client_assertion_type"},
		"unreadable assertion":  {a.post(a.at.IdP+"/token", plain("client_assertion", "x", "client_assertion_type", assertionType)), 401, "invalid_client", ""},
	} {
		t.Run(name, func(t *testing.T) { expect(t, c.got, c.status, c.code, c.says) })
	}
}

// A 401 says how to authenticate (RFC 6749 section 5.2).
func TestRefusedClientIsChallenged(t *testing.T) {
	_, a := begin(t, playground.Options{})
	r := a.request(http.MethodPost, a.at.IdP+"/token", strings.NewReader("grant_type=refresh_token"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Basic !!!")
	status, header, _ := a.send(r)
	if status != 401 || !strings.HasPrefix(header.Get("WWW-Authenticate"), "Basic ") {
		t.Errorf("answered %d with %q", status, header.Get("WWW-Authenticate"))
	}
}

// Requests whose form is wrong, at both token endpoints.
func TestMalformedTokenRequestsAreRefused(t *testing.T) {
	_, a := begin(t, playground.Options{})
	const form = "application/x-www-form-urlencoded"
	for name, c := range map[string]struct {
		query, kind, body, code string
		status                  int
	}{
		"JSON":                     {"", "application/json", `{"grant_type":"refresh_token"}`, "invalid_request", 400},
		"no content type":          {"", "", "grant_type=refresh_token", "invalid_request", 400},
		"parameters in the query":  {"?grant_type=refresh_token", form, "", "invalid_request", 400},
		"a parameter twice":        {"", form, "grant_type=refresh_token&grant_type=refresh_token", "invalid_request", 400},
		"a parameter empty, twice": {"", form, "client_id=&client_id=", "invalid_request", 400},
		"broken encoding":          {"", form, "grant_type=%zz", "invalid_request", 400},
		"no UTF-8":                 {"", form, "client_id=%ff", "invalid_request", 400},
		"NUL":                      {"", form, "client_id=%00", "invalid_request", 400},
		"semicolons":               {"", form, "grant_type=refresh_token;client_id=x", "invalid_request", 400},
		"too long":                 {"", form, "x=" + strings.Repeat("x", 70_000), "invalid_request", 413},
		"nothing":                  {"", form, "", "invalid_client", 401},
	} {
		for _, server := range []string{a.at.IdP, a.at.AuthorizationServer} {
			r := a.request(http.MethodPost, server+"/token"+c.query, strings.NewReader(c.body))
			if c.kind != "" {
				r.Header.Set("Content-Type", c.kind)
			}
			status, _, body := a.send(r)
			if status != c.status || !strings.Contains(string(body), `"error":"`+c.code+`"`) {
				t.Errorf("%s: %d %s", name, status, body)
			}
		}
	}
	if status, _, _ := a.send(a.request(http.MethodGet, a.at.IdP+"/token", nil)); status != http.StatusMethodNotAllowed {
		t.Errorf("GET at the token endpoint answers %d", status)
	}
}

// A public client signs in with PKCE and its id alone; a secret does not make
// it another one.
func TestPublicClientNeedsNoSecret(t *testing.T) {
	_, a := begin(t, playground.Options{Clients: []playground.Client{{ID: "public", Public: true, RedirectURIs: []string{redirectURI}}}})
	code := a.code("alice@example.com", "client_id", "public")
	got := a.post(a.at.IdP+"/token", a.codeForm(code, "client_id", "public", "client_secret", ""))
	if got.Status != 200 {
		t.Errorf("refused: %s %s", got.Error, got.Description)
	}
	expect(t, a.post(a.at.IdP+"/token", a.codeForm(code, "client_id", "public", "client_secret", "guess")), 401, "invalid_client", "has no secret")
	expect(t, a.post(a.at.IdP+"/token/introspection", url.Values{"client_id": {"public"}, "token": {"x"}}), 401, "invalid_client", "public client")
}
