package playground_test

import (
	"bytes"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"waybill/playground"
	"waybill/playground/playgroundtest"
)

func TestUserinfo(t *testing.T) {
	now := time.Now()
	_, a := begin(t, playground.Options{Now: func() time.Time { return now }})
	full, bare := a.tokens("alice.smith@example.com"), a.tokens("alice.smith@example.com", "scope", "openid")
	ask := func(authorization string) (int, string, map[string]any) {
		r := a.request(http.MethodGet, a.at.IdP+"/userinfo", nil)
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		status, header, body := a.send(r)
		var claims map[string]any
		_ = json.Unmarshal(body, &claims)
		return status, header.Get("WWW-Authenticate"), claims
	}
	_, _, claims := ask("Bearer " + full.AccessToken)
	_, id := claimsOf(t, full.IDToken)
	if claims["sub"] != id["sub"] || claims["email"] != "alice.smith@example.com" || claims["name"] != "Alice Smith" {
		t.Errorf("userinfo says %v", claims)
	}
	if _, _, claims := ask("bearer " + bare.AccessToken); len(claims) != 1 {
		t.Errorf("with openid alone it says %v", claims)
	}
	if status, challenge, _ := ask(""); status != 401 || strings.Contains(challenge, "error") {
		t.Errorf("without a token: %d %s (RFC 6750 section 3.1)", status, challenge)
	}
	for _, bad := range []string{full.IDToken, "x", a.idjag("alice@example.com"), breakSignature(full.AccessToken)} {
		if status, challenge, _ := ask("Bearer " + bad); status != 401 || !strings.Contains(challenge, `error="invalid_token"`) {
			t.Errorf("a wrong token: %d %s", status, challenge)
		}
	}
	now = now.Add(10 * time.Minute)
	if status, _, _ := ask("Bearer " + full.AccessToken); status != 401 {
		t.Errorf("an expired token: %d", status)
	}
}

func TestIntrospectionTellsAClientOfItsOwnTokens(t *testing.T) {
	now := time.Now()
	_, a := begin(t, playground.Options{Now: func() time.Time { return now }})
	mine := a.tokens("alice@example.com")
	mcp := a.at.Clients.MCP
	ask := func(token string, changes ...string) answer {
		return a.post(a.at.IdP+"/token/introspection", withPairs(a.idpForm("token", token), changes))
	}
	for name, token := range map[string]string{"access": mine.AccessToken, "refresh": mine.RefreshToken, "ID": mine.IDToken} {
		if !ask(token).Active {
			t.Errorf("the %s token is not active", name)
		}
		if ask(token, "client_id", mcp.ClientID, "client_secret", mcp.ClientSecret.Reveal()).Active {
			t.Errorf("another client is told of the %s token", name)
		}
	}
	rotated := a.post(a.at.IdP+"/token", a.idpForm("grant_type", "refresh_token", "refresh_token", mine.RefreshToken))
	for name, token := range map[string]string{"rotated": mine.RefreshToken, "guessed": "x", "ID-JAG": a.idjag("alice@example.com")} {
		if got := ask(token); got.Status != 200 || got.Active {
			t.Errorf("the %s token: %d, active %t", name, got.Status, got.Active)
		}
	}
	if !ask(rotated.RefreshToken).Active {
		t.Error("asking about a rotated token ended the session")
	}
	now = now.Add(10 * time.Minute)
	if ask(mine.AccessToken).Active || ask(mine.IDToken).Active {
		t.Error("expired tokens are active")
	}
	expect(t, ask("x", "client_secret", "wrong"), 401, "invalid_client", "wrong")
	expect(t, ask(""), 400, "invalid_request", "token is missing")
}

const bye = "https://app.example/bye?x=1"

// leaving is what the tests of signing out have in common.
type leaving struct{ *app }

func beginLeaving(t *testing.T) leaving {
	_, a := begin(t, playground.Options{Clients: []playground.Client{{
		ID: "other", Public: true, RedirectURIs: []string{redirectURI}, PostLogoutRedirectURIs: []string{bye},
	}}})
	return leaving{a}
}

func (l leaving) end(pairs ...string) string {
	return l.at.IdP + "/session/end?" + withPairs(url.Values{}, pairs).Encode()
}

func (l leaving) signIn(t *testing.T, client string) (*playgroundtest.Browser, answer) {
	t.Helper()
	browser := playgroundtest.NewBrowser(l.http.Transport, "alice@example.com")
	back, err := browser.SignIn(t.Context(), l.authorizationURL("client_id", client))
	if err != nil {
		t.Fatal(err)
	}
	changes := []string{}
	if client == "other" {
		changes = []string{"client_id", "other", "client_secret", ""}
	}
	return browser, l.post(l.at.IdP+"/token", l.codeForm(back.Query().Get("code"), changes...))
}

func (l leaving) signedIn(t *testing.T, b *playgroundtest.Browser) bool {
	t.Helper()
	page, err := b.Open(t.Context(), l.authorizationURL("prompt", "none"))
	if err != nil {
		t.Fatal(err)
	}
	return page.Target.Query().Has("code")
}

func TestSignOutAtOnceWithTheAppsOwnIDToken(t *testing.T) {
	l := beginLeaving(t)
	browser, tokens := l.signIn(t, l.demo.ClientID)
	page, err := browser.Open(t.Context(), l.end("id_token_hint", tokens.IDToken))
	if err != nil || page.Status != 200 || !strings.Contains(page.Body, "You are signed out") {
		t.Fatalf("%v, %v", page, err)
	}
	checkPage(t, page)
	if l.signedIn(t, browser) {
		t.Error("the session goes on")
	}
	expect(t, l.post(l.at.IdP+"/token", l.exchangeForm(typeRefresh, tokens.RefreshToken)), 400, "invalid_grant", "revoked")
}

func TestSignOutByPOSTGoesBackToTheApp(t *testing.T) {
	l := beginLeaving(t)
	browser, tokens := l.signIn(t, "other")
	form := &playgroundtest.Page{URL: &url.URL{Scheme: "https", Host: "app.example"}, Action: l.at.IdP + "/session/end",
		Fields: map[string]string{"id_token_hint": tokens.IDToken, "post_logout_redirect_uri": bye, "state": "s 1"}}
	page, err := browser.Press(t.Context(), form, "", nil)
	if err != nil || page.Target == nil || page.Target.String() != bye+"&state=s+1" {
		t.Errorf("it went to %v, %v", page, err)
	}
}

func TestSignOutWithoutAHintAsksTheUser(t *testing.T) {
	l := beginLeaving(t)
	browser, tokens := l.signIn(t, l.demo.ClientID)
	asked, err := browser.Open(t.Context(), l.end("client_id", "other", "post_logout_redirect_uri", bye))
	if err != nil || !slices.Contains(asked.Buttons, "end") || !strings.Contains(asked.Body, "alice@example.com") {
		t.Fatalf("%v, %v", asked, err)
	}
	checkPage(t, asked)
	if !l.signedIn(t, browser) {
		t.Error("the question alone signed the user out")
	}
	stolen := *asked
	stolen.Fields = map[string]string{"form": "x"}
	if page, err := browser.Press(t.Context(), &stolen, "end", nil); err != nil || page.Status != http.StatusForbidden || !l.signedIn(t, browser) {
		t.Errorf("a form without its token: %v, %v", page.Status, err)
	}
	if page, err := browser.Press(t.Context(), asked, "stay", nil); err != nil || !strings.Contains(page.Body, "still signed in") || !l.signedIn(t, browser) {
		t.Errorf("staying: %v", err)
	}
	page, err := browser.Press(t.Context(), asked, "end", nil)
	if err != nil || page.Target == nil || page.Target.String() != bye || l.signedIn(t, browser) {
		t.Errorf("signing out: %v, %v", page.Target, err)
	}
	if got := l.post(l.at.IdP+"/token", l.exchangeForm(typeRefresh, tokens.RefreshToken)); got.Status != 200 {
		t.Errorf("an app that did not ask lost its session: %s", got.Description)
	}
}

func TestSignOutIsRefused(t *testing.T) {
	l := beginLeaving(t)
	browser, tokens := l.signIn(t, l.demo.ClientID)
	bobs := l.tokens("bob@example.com").IDToken
	if page, err := browser.Open(t.Context(), l.end("id_token_hint", bobs)); err != nil || !slices.Contains(page.Buttons, "end") || !l.signedIn(t, browser) {
		t.Errorf("signed out by another user's ID token: %v", err)
	}
	for name, address := range map[string]string{
		"a redirect of nobody":        l.end("post_logout_redirect_uri", bye),
		"another app's redirect":      l.end("id_token_hint", tokens.IDToken, "post_logout_redirect_uri", bye),
		"a redirect that is longer":   l.end("client_id", "other", "post_logout_redirect_uri", bye+"&y=2"),
		"a hint that is none":         l.end("id_token_hint", "x"),
		"a hint and another client":   l.end("id_token_hint", tokens.IDToken, "client_id", "other"),
		"a hint that is access token": l.end("id_token_hint", tokens.AccessToken),
	} {
		if page, err := browser.Open(t.Context(), address); err != nil || page.Status != 400 || page.Target != nil || !l.signedIn(t, browser) {
			t.Errorf("%s: %v, %v", name, page.Status, err)
		}
	}
}

// Rotation: new tokens have the new key, old ones go on being good for a day.
func TestKeyRotationKeepsTheOldKey(t *testing.T) {
	now := time.Now()
	p, a := begin(t, playground.Options{Now: func() time.Time { return now }, IDTokenLife: 24 * time.Hour})
	before := a.tokens("alice@example.com")
	old, _ := claimsOf(t, before.IDToken)
	if err := p.RotateKeys(); err != nil {
		t.Fatal(err)
	}
	after, _ := claimsOf(t, a.tokens("alice@example.com").IDToken)
	if old["kid"] == after["kid"] {
		t.Error("the kid is the same")
	}
	kids := func() string {
		_, _, body := a.send(a.request(http.MethodGet, a.at.IdP+"/jwks", nil))
		return string(body)
	}
	if !strings.Contains(kids(), fmt.Sprint(old["kid"])) || !strings.Contains(kids(), fmt.Sprint(after["kid"])) {
		t.Error("the JWKS lacks one of the keys")
	}
	if strings.Contains(kids(), `"d"`) {
		t.Error("the JWKS has a private key")
	}
	now = now.Add(24*time.Hour - time.Second)
	if got := a.post(a.at.IdP+"/token", a.exchangeForm(typeIDToken, before.IDToken)); got.Status != 200 {
		t.Errorf("an ID token of the old key is refused: %s", got.Description)
	}
	now = now.Add(2 * time.Second)
	if strings.Contains(kids(), fmt.Sprint(old["kid"])) {
		t.Error("the old key is published for ever")
	}
	if err := p.RotateKeys(); err != nil {
		t.Fatal(err)
	}
}

// Without a seam the keys are of 2048 bits, made while the services answer, and
// each server has its own.
func TestKeysAreStrongAndApart(t *testing.T) {
	p, err := playground.Start(t.Context(), playground.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	a := &app{t: t, http: &http.Client{Transport: transport}, at: p.Endpoints(), demo: p.Endpoints().Clients.REST}
	moduli := map[string]bool{}
	for _, server := range []string{a.at.IdP, a.at.AuthorizationServer} {
		_, _, body := a.send(a.request(http.MethodGet, server+"/jwks", nil))
		var set jose.JSONWebKeySet
		if err := json.Unmarshal(body, &set); err != nil || len(set.Keys) != 1 {
			t.Fatalf("%d keys, %v", len(set.Keys), err)
		}
		key, ok := set.Keys[0].Key.(*rsa.PublicKey)
		if !ok || key.N.BitLen() != 2048 || set.Keys[0].Algorithm != "RS256" || set.Keys[0].Use != "sig" {
			t.Errorf("the key of %s is not RS256 with 2048 bits", server)
		}
		moduli[key.N.String()] = true
	}
	if len(moduli) != 2 {
		t.Error("both servers sign with one key")
	}
	completeFlow(t, a)
}

// S91, S92: nothing that is printed or logged shows a secret or a token.
func TestS91_NoSecretIsLoggedOrPrinted(t *testing.T) {
	var log bytes.Buffer
	_, a := begin(t, playground.Options{Log: slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	code := a.code("alice@example.com")
	tokens := a.post(a.at.IdP+"/token", a.codeForm(code))
	idjag := a.idjag("alice@example.com")
	access := a.post(a.at.AuthorizationServer+"/token", a.bearerForm(idjag)).AccessToken
	a.post(a.at.AuthorizationServer+"/token", a.bearerForm(idjag))
	a.post(a.at.IdP+"/token", a.exchangeForm(typeIDToken, tokens.IDToken, "audience", "x"))
	a.post(a.at.IdP+"/token", a.codeForm(code))
	a.post(a.at.IdP+"/token", a.codeForm(code, "client_secret", "a-wrong-secret-canary"))
	for _, field := range []string{"client_id", "grant_type", "redirect_uri", "scope"} {
		a.post(a.at.IdP+"/token", a.codeForm(code, field, "a-wrong-secret-canary"))
		a.post(a.at.AuthorizationServer+"/token", a.bearerForm(idjag, field, "a-wrong-secret-canary"))
		if _, err := playgroundtest.NewBrowser(a.http.Transport, "").Open(t.Context(), a.authorizationURL(field, "a-wrong-secret-canary", "prompt", "none")); err != nil {
			t.Fatal(err)
		}
	}
	for _, field := range []string{"audience", "resource", "scope", "subject_token", "subject_token_type", "requested_token_type"} {
		a.post(a.at.IdP+"/token", a.exchangeForm(typeIDToken, tokens.IDToken, field, "a-wrong-secret-canary"))
	}

	slog.New(slog.NewJSONHandler(&log, nil)).Info("endpoints", "at", a.at)
	slog.New(slog.NewTextHandler(&log, nil)).Info("endpoints", "at", a.at)
	fmt.Fprintf(&log, "%v %+v %#v %s", a.at, a.at, a.at.Clients, a.at.Clients.REST)

	if !strings.Contains(log.String(), a.at.IdP) || !strings.Contains(log.String(), "invalid_grant") {
		t.Fatal("nothing was logged")
	}
	for name, value := range map[string]string{
		"code": code, "verifier": verifier, "ID token": tokens.IDToken, "access token": tokens.AccessToken, "refresh token": tokens.RefreshToken,
		"ID-JAG": idjag, "resource's token": access, "wrong secret": "a-wrong-secret-canary",
		"client secret": a.demo.ClientSecret.Reveal(), "resource client secret": a.demo.ResourceClientSecret.Reveal(),
	} {
		if strings.Contains(log.String(), value) {
			t.Errorf("the %s is in the log", name)
		}
	}
}

// The one line that hands the playground on to other programs.
func TestEndpointsJSONIsTheCommandsContract(t *testing.T) {
	_, a := begin(t, playground.Options{})
	var got map[string]any
	if err := json.Unmarshal(mustJSON(t, a.at), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"idp": "https://idp.example", "authorization_server": "https://auth.example", "api": "https://api.example", "mcp": "https://mcp.example/mcp",
		"clients": map[string]any{},
	}
	for name, client := range map[string]playground.DemoClient{"rest": a.at.Clients.REST, "mcp": a.at.Clients.MCP} {
		want["clients"].(map[string]any)[name] = map[string]any{
			"client_id": client.ClientID, "client_secret": client.ClientSecret.Reveal(),
			"resource_client_id": client.ResourceClientID, "resource_client_secret": client.ResourceClientSecret.Reveal(),
		}
	}
	if !bytes.Equal(mustJSON(t, got), mustJSON(t, want)) {
		t.Error("the JSON has other members than it should")
	}
	if !strings.HasPrefix(a.demo.ClientID, "client_") || a.demo.ResourceClientID != a.demo.ClientID+"-at-todo0" || a.at.Clients.MCP.ResourceClientID != a.at.Clients.MCP.ClientID+"-at-todo0-mcp" {
		t.Errorf("the ids are %s and %s", a.demo.ClientID, a.demo.ResourceClientID)
	}
}
