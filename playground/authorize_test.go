package playground_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"waybill/playground"
	"waybill/playground/playgroundtest"
)

// What has no trustworthy address to be answered at is answered with a page,
// and never with a redirect (RFC 6749 section 4.1.2.1, RFC 9700 section 4.11).
func TestAuthorizeAnswersAPageWithoutATrustworthyRedirect(t *testing.T) {
	_, a := begin(t, playground.Options{})
	browser := playgroundtest.NewBrowser(a.http.Transport, "alice@example.com")
	cases := map[string]struct {
		address string
		says    string
	}{
		"unknown client":          {a.authorizationURL("client_id", "client_nobody"), "No app is registered here"},
		"no client":               {a.authorizationURL("client_id", ""), "No app is registered here"},
		"crossed clients":         {a.authorizationURL("client_id", a.demo.ResourceClientID), "authorization server"},
		"no redirect":             {a.authorizationURL("redirect_uri", ""), "is not registered"},
		"foreign redirect":        {a.authorizationURL("redirect_uri", "https://evil.example/callback"), "is not registered"},
		"localhost":               {a.authorizationURL("redirect_uri", "http://localhost:8765/callback"), "localhost is not the same as 127.0.0.1"},
		"another path":            {a.authorizationURL("redirect_uri", "http://127.0.0.1:8765/callback2"), "is not registered"},
		"path in another case":    {a.authorizationURL("redirect_uri", "http://127.0.0.1:8765/Callback"), "is not registered"},
		"a slash more":            {a.authorizationURL("redirect_uri", "http://127.0.0.1:8765/callback/"), "is not registered"},
		"a query more":            {a.authorizationURL("redirect_uri", "http://127.0.0.1:8765/callback?x=1"), "is not registered"},
		"a fragment":              {a.authorizationURL("redirect_uri", "http://127.0.0.1:8765/callback#x"), "is not registered"},
		"user information":        {a.authorizationURL("redirect_uri", "http://127.0.0.1:80@evil.example/callback"), "is not registered"},
		"a longer host":           {a.authorizationURL("redirect_uri", "http://127.0.0.1.evil.example/callback"), "is not registered"},
		"another loopback":        {a.authorizationURL("redirect_uri", "http://127.0.0.2:8765/callback"), "is not registered"},
		"https loopback":          {a.authorizationURL("redirect_uri", "https://127.0.0.1:8765/callback"), "is not registered"},
		"port 0":                  {a.authorizationURL("redirect_uri", "http://127.0.0.1:0/callback"), "is not registered"},
		"port too high":           {a.authorizationURL("redirect_uri", "http://127.0.0.1:65536/callback"), "is not registered"},
		"port with a zero before": {a.authorizationURL("redirect_uri", "http://127.0.0.1:08765/callback"), "is not registered"},
		"port with a sign":        {a.authorizationURL("redirect_uri", "http://127.0.0.1:+8765/callback"), "is not registered"},
		"redirect sent twice":     {a.authorizationURL() + "&redirect_uri=https%3A%2F%2Fevil.example", "more than once"},
		"client sent twice":       {a.authorizationURL() + "&client_id=x", "more than once"},
		"broken encoding":         {a.authorizationURL() + "&x=%zz", "not form-encoded"},
		"no UTF-8":                {a.authorizationURL() + "&x=%ff", "not UTF-8"},
		"too long":                {a.authorizationURL("state", strings.Repeat("s", 20_000)), "too long"},
		"too many parameters":     {a.authorizationURL() + strings.Repeat("&x", 200), "too many"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			page, err := browser.Open(t.Context(), c.address)
			if err != nil {
				t.Fatal(err)
			}
			if page.Target != nil || page.Status != http.StatusBadRequest || !strings.Contains(page.Body, c.says) {
				t.Errorf("status %d, redirect %v, page lacks %q", page.Status, page.Target, c.says)
			}
			checkPage(t, page)
		})
	}
}

// What the app did wrong comes back to it with state and iss.
func TestAuthorizeReportsMistakesToTheApp(t *testing.T) {
	_, a := begin(t, playground.Options{})
	cases := map[string]struct {
		changes []string
		code    string
	}{
		"no response_type":       {[]string{"response_type", ""}, "invalid_request"},
		"implicit flow":          {[]string{"response_type", "id_token"}, "unsupported_response_type"},
		"hybrid flow":            {[]string{"response_type", "code id_token"}, "unsupported_response_type"},
		"fragment mode":          {[]string{"response_mode", "fragment"}, "invalid_request"},
		"no PKCE":                {[]string{"code_challenge", ""}, "invalid_request"},
		"plain PKCE":             {[]string{"code_challenge_method", "plain"}, "invalid_request"},
		"PKCE without a method":  {[]string{"code_challenge_method", ""}, "invalid_request"},
		"short challenge":        {[]string{"code_challenge", "abc"}, "invalid_request"},
		"challenge with padding": {[]string{"code_challenge", challenge(verifier) + "="}, "invalid_request"},
		"no openid":              {[]string{"scope", "profile email"}, "invalid_scope"},
		"no scope":               {[]string{"scope", ""}, "invalid_scope"},
		"scope of the resource":  {[]string{"scope", "todos.read"}, "invalid_scope"},
		"unknown prompt":         {[]string{"prompt", "maybe"}, "invalid_request"},
		"none and login":         {[]string{"prompt", "none login"}, "invalid_request"},
		"none, nobody signed in": {[]string{"prompt", "none"}, "login_required"},
		"negative max_age":       {[]string{"max_age", "-1"}, "invalid_request"},
		"max_age in words":       {[]string{"max_age", "soon"}, "invalid_request"},
		"endless max_age":        {[]string{"max_age", "99999999999999999999"}, "invalid_request"},
		"request object":         {[]string{"request", "x"}, "request_not_supported"},
		"request by reference":   {[]string{"request_uri", "https://evil.example/r"}, "request_uri_not_supported"},
		"registration":           {[]string{"registration", "{}"}, "registration_not_supported"},
		"endless state":          {[]string{"state", strings.Repeat("s", 3000)}, "invalid_request"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			page, err := playgroundtest.NewBrowser(a.http.Transport, "alice@example.com").Open(t.Context(), a.authorizationURL(c.changes...))
			if err != nil {
				t.Fatal(err)
			}
			if page.Target == nil || page.Status != http.StatusSeeOther {
				t.Fatalf("status %d and no redirect", page.Status)
			}
			q := page.Target.Query()
			if q.Get("error") != c.code || q.Get("iss") != a.at.IdP || q.Get("state") == "" || q.Has("code") {
				t.Errorf("it answered %q with iss %q and state %q", q.Get("error"), q.Get("iss"), q.Get("state"))
			}
			if q.Get("error_description") == "" {
				t.Error("it does not say what is wrong")
			}
		})
	}
}

// RFC 8252 section 7.3: the port may be another one each time, for both
// loopback addresses.
func TestAnyLoopbackPortIsTaken(t *testing.T) {
	_, a := begin(t, playground.Options{})
	for _, uri := range []string{"http://127.0.0.1:1/callback", "http://127.0.0.1:65535/callback", "http://127.0.0.1/callback", "http://[::1]:4321/callback", "http://[::1]/callback"} {
		back, err := playgroundtest.NewBrowser(a.http.Transport, "a@example.com").SignIn(t.Context(), a.authorizationURL("redirect_uri", uri))
		if err != nil {
			t.Fatalf("%s: %v", uri, err)
		}
		if !strings.HasPrefix(back.String(), uri+"?") || back.Query().Get("state") != "the-state" || back.Query().Get("iss") != a.at.IdP {
			t.Errorf("%s was answered at %s", uri, back)
		}
	}
}

// Other apps' registrations: exact comparison, and a query that is kept.
func TestRegisteredRedirectsAreComparedExactly(t *testing.T) {
	_, a := begin(t, playground.Options{Clients: []playground.Client{{
		ID: "other", Public: true,
		RedirectURIs: []string{"https://app.example/cb?tenant=7", "com.example.app:/done", "http://127.0.0.1:9999/fixed"},
	}}})
	for uri, want := range map[string]bool{
		"https://app.example/cb?tenant=7":      true,
		"https://app.example:443/cb?tenant=7":  false,
		"https://app.example:8443/cb?tenant=7": false,
		"https://app.example/cb?tenant=8":      false,
		"com.example.app:/done":                true,
		"com.example.app:/other":               false,
		"http://127.0.0.1:9999/fixed":          true,
		"http://127.0.0.1:1/fixed":             true,
	} {
		back, err := playgroundtest.NewBrowser(a.http.Transport, "a@example.com").SignIn(t.Context(), a.authorizationURL("client_id", "other", "redirect_uri", uri))
		if (err == nil) != want {
			t.Errorf("%s: taken %t, should be %t", uri, err == nil, want)
		}
		if want && strings.Contains(uri, "tenant") && back.Query().Get("tenant") != "7" {
			t.Errorf("the redirect lost its query: %s", back)
		}
	}
}

// checkPage holds what every page promises: no script, nothing fetched, nothing
// framed, and the style that the policy names.
func checkPage(t *testing.T, page *playgroundtest.Page) {
	t.Helper()
	policy := page.Header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action "} {
		if !strings.Contains(policy, part) {
			t.Errorf("the policy %q lacks %s", policy, part)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
		t.Errorf("the policy %q is too wide", policy)
	}
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff",
		"Referrer-Policy": "same-origin", "Content-Type": "text/html; charset=utf-8",
	} {
		if page.Header.Get(name) != want {
			t.Errorf("%s is %q", name, page.Header.Get(name))
		}
	}
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(page.Body)
	if style == nil {
		t.Fatal("the page has no style")
	}
	sum := sha256.Sum256([]byte(style[1]))
	if !strings.Contains(policy, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
		t.Error("the policy does not allow the page's own style")
	}
	for _, bad := range []string{"<script", "javascript:", "src=", "<link", "<img", "@import", "url(", " onclick", "style=\""} {
		if strings.Contains(page.Body, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	for _, needed := range []string{`<html lang="en">`, "Built-in playground", "<main>", "<title>"} {
		if !strings.Contains(page.Body, needed) {
			t.Errorf("the page lacks %q", needed)
		}
	}
}

func TestSignInPageSaysWhatItIsAndKeepsItsPromises(t *testing.T) {
	_, a := begin(t, playground.Options{})
	browser := playgroundtest.NewBrowser(a.http.Transport, "alice@example.com")
	page, err := browser.Open(t.Context(), a.authorizationURL("login_hint", `"><script>alert(1)</script>@example.com`))
	if err != nil {
		t.Fatal(err)
	}
	checkPage(t, page)
	if page.Status != 200 || !slices.Equal(page.Buttons, []string{"sign-in", "cancel"}) {
		t.Errorf("status %d, buttons %v", page.Status, page.Buttons)
	}
	if page.Fields["email"] != `"><script>alert(1)</script>@example.com` {
		t.Errorf("the login hint came out as %q", page.Fields["email"])
	}
	for _, needed := range []string{"Waybill", "sandbox on your own computer", "Any six digits will do", `<label for="email">`, `<label for="code">`, "Keep you signed in"} {
		if !strings.Contains(page.Body, needed) {
			t.Errorf("the page lacks %q", needed)
		}
	}
	if policy := page.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' http://127.0.0.1:8765") {
		t.Errorf("the form cannot come back to the app: %s", policy)
	}
	for _, cookie := range page.Header.Values("Set-Cookie") {
		for _, needed := range []string{"HttpOnly", "SameSite=Lax", "Path=/authorize", "Secure"} {
			if !strings.Contains(cookie, needed) {
				t.Errorf("a cookie lacks %s: %s", needed, cookie)
			}
		}
	}
}

func TestWrongEntriesAreExplainedAndCostNothing(t *testing.T) {
	_, a := begin(t, playground.Options{})
	browser := playgroundtest.NewBrowser(a.http.Transport, "")
	page, err := browser.Open(t.Context(), a.authorizationURL())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ email, code, says string }{
		{"alice@example.com", "12345", "six digits"},
		{"alice@example.com", "1234567", "six digits"},
		{"alice@example.com", "12345a", "six digits"},
		{"alice@example.com", "١٢٣٤٥٦", "six digits"},
		{"alice@example.com", "", "six digits"},
		{"alice", "123456", "e-mail address"},
		{"", "123456", "e-mail address"},
		{"Alice <alice@example.com>", "123456", "e-mail address"},
		{"alice@example.com\r\nx", "123456", "e-mail address"},
		{strings.Repeat("a", 300) + "@example.com", "123456", "e-mail address"},
	} {
		page, err = browser.Press(t.Context(), page, "sign-in", map[string]string{"email": c.email, "code": c.code})
		if err != nil {
			t.Fatal(err)
		}
		if page.Target != nil || page.Status != http.StatusUnprocessableEntity || !strings.Contains(page.Body, c.says) || !strings.Contains(page.Body, `role="alert"`) {
			t.Fatalf("%q with code %q: status %d", c.email, c.code, page.Status)
		}
		checkPage(t, page)
	}
	page, err = browser.Press(t.Context(), page, "sign-in", map[string]string{"email": " Alice@Example.com ", "code": "123 456"})
	if err != nil {
		t.Fatal(err)
	}
	if page.Target == nil || page.Target.Query().Get("code") == "" {
		t.Errorf("after all mistakes a good entry is not taken: status %d", page.Status)
	}
}

func TestCancelTellsTheApp(t *testing.T) {
	_, a := begin(t, playground.Options{})
	browser := playgroundtest.NewBrowser(a.http.Transport, "")
	page, err := browser.Open(t.Context(), a.authorizationURL())
	if err != nil {
		t.Fatal(err)
	}
	page, err = browser.Press(t.Context(), page, "cancel", nil)
	if err != nil {
		t.Fatal(err)
	}
	if page.Target == nil || page.Target.Query().Get("error") != "access_denied" || page.Target.Query().Get("state") != "the-state" {
		t.Errorf("cancelling came back as %v", page.Target)
	}
}

// Login CSRF: nobody can have a browser send a form that it was not shown.
func TestFormsOfOthersAreRefused(t *testing.T) {
	_, a := begin(t, playground.Options{})
	victim := playgroundtest.NewBrowser(a.http.Transport, "")
	attacker := playgroundtest.NewBrowser(a.http.Transport, "")
	shown, err := victim.Open(t.Context(), a.authorizationURL())
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := attacker.Open(t.Context(), a.authorizationURL())
	if err != nil {
		t.Fatal(err)
	}
	typed := map[string]string{"email": "mallory@example.com", "code": "666666"}
	refused := func(name string, page *playgroundtest.Page) {
		t.Helper()
		got, err := victim.Press(t.Context(), page, "sign-in", typed)
		if err != nil {
			t.Fatal(err)
		}
		if got.Status != http.StatusForbidden || got.Target != nil || len(got.Header.Values("Set-Cookie")) > 0 {
			t.Errorf("%s: status %d, redirect %v", name, got.Status, got.Target)
		}
		checkPage(t, got)
	}
	refused("the attacker's form in the victim's browser", foreign)
	other := *shown
	other.Action = strings.Replace(shown.Action, "the-state", "another-state", 1)
	refused("the form's token with another request", &other)
	empty := *shown
	empty.Fields = map[string]string{}
	refused("no token", &empty)
	crossSite := *shown
	crossSite.URL = &url.URL{Scheme: "https", Host: "evil.example", Path: "/"}
	crossSite.Action = a.at.IdP + shown.Action
	refused("the form on a page of another origin", &crossSite)

	page, err := victim.Press(t.Context(), shown, "sign-in", typed)
	if err != nil || page.Target == nil {
		t.Errorf("the victim's own form is refused: %v", err)
	}
}

// DNS rebinding: a web page cannot reach the servers under a name of its own.
func TestForeignHostIsRefused(t *testing.T) {
	_, a := begin(t, playground.Options{})
	for _, address := range []string{a.at.IdP + "/.well-known/openid-configuration", a.authorizationURL(), a.at.AuthorizationServer + "/jwks", a.at.API + "/api/todos"} {
		r := a.request(http.MethodGet, address, nil)
		r.Host = "evil.example"
		if status, _, _ := a.send(r); status != http.StatusMisdirectedRequest && status != http.StatusForbidden {
			t.Errorf("%s answers %d to a foreign Host", address, status)
		}
	}
}
