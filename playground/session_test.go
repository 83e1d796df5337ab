package playground_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"waybill/playground"
	"waybill/playground/playgroundtest"
)

func TestSessionGivesSingleSignOn(t *testing.T) {
	_, a := begin(t, playground.Options{})
	browser := playgroundtest.NewBrowser(a.http.Transport, "alice@example.com")
	first, err := browser.SignIn(t.Context(), a.authorizationURL())
	if err != nil {
		t.Fatal(err)
	}
	id := a.post(a.at.IdP+"/token", a.codeForm(first.Query().Get("code"))).IDToken
	for name, address := range map[string]string{
		"again":                  a.authorizationURL(),
		"silently":               a.authorizationURL("prompt", "none"),
		"for the other app":      a.authorizationURL("client_id", a.at.Clients.MCP.ClientID, "prompt", "none"),
		"recent enough":          a.authorizationURL("max_age", "60", "prompt", "none"),
		"with the right hint":    a.authorizationURL("id_token_hint", id, "prompt", "none"),
		"with the acr it has":    a.authorizationURL("acr_values", "urn:playground:acr:code", "prompt", "none"),
		"with an unknown acr":    a.authorizationURL("acr_values", "urn:nobody:knows", "prompt", "none"),
		"by POST, as Core says ": "",
	} {
		page, err := browser.Open(t.Context(), address)
		if address == "" {
			page, err = browser.Press(t.Context(), &playgroundtest.Page{URL: first, Action: a.at.IdP + "/authorize", Fields: fieldsOf(a.authorizationURL())}, "x", nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		if page.Target == nil || page.Target.Query().Get("code") == "" {
			t.Errorf("%s: status %d, %v", name, page.Status, page.Target)
		}
	}
	stranger := playgroundtest.NewBrowser(a.http.Transport, "")
	if page, err := stranger.Open(t.Context(), a.authorizationURL("prompt", "none")); err != nil || page.Target.Query().Get("error") != "login_required" {
		t.Errorf("another browser has the session too: %v, %v", page.Target, err)
	}
}

func fieldsOf(address string) map[string]string {
	u, _ := url.Parse(address)
	fields := map[string]string{}
	for name, values := range u.Query() {
		fields[name] = values[0]
	}
	return fields
}

func TestPromptsAskAgain(t *testing.T) {
	now := time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)
	_, a := begin(t, playground.Options{Now: func() time.Time { return now }})
	browser := playgroundtest.NewBrowser(a.http.Transport, "alice@example.com")
	first, err := browser.SignIn(t.Context(), a.authorizationURL())
	if err != nil {
		t.Fatal(err)
	}
	hint := a.post(a.at.IdP+"/token", a.codeForm(first.Query().Get("code"))).IDToken
	bobs := a.tokens("bob@example.com").IDToken
	now = now.Add(100 * time.Second)
	for name, c := range map[string]struct {
		changes []string
		buttons []string
	}{
		"login":                {[]string{"prompt", "login"}, []string{"sign-in", "cancel"}},
		"login and consent":    {[]string{"prompt", "login consent"}, []string{"sign-in", "cancel"}},
		"consent":              {[]string{"prompt", "consent"}, []string{"continue", "switch", "cancel"}},
		"select_account":       {[]string{"prompt", "select_account"}, []string{"continue", "switch", "cancel"}},
		"too old":              {[]string{"max_age", "99"}, []string{"sign-in", "cancel"}},
		"never old enough":     {[]string{"max_age", "0"}, []string{"sign-in", "cancel"}},
		"stronger":             {[]string{"acr_values", playground.ACRStepUp}, []string{"sign-in", "cancel"}},
		"somebody else's hint": {[]string{"id_token_hint", bobs}, []string{"sign-in", "cancel"}},
		"a hint of nobody":     {[]string{"id_token_hint", "x"}, []string{"sign-in", "cancel"}},
	} {
		page, err := browser.Open(t.Context(), a.authorizationURL(c.changes...))
		if err != nil {
			t.Fatal(err)
		}
		if page.Target != nil || !slices.Equal(page.Buttons, c.buttons) {
			t.Errorf("%s: buttons %v, redirect %v", name, page.Buttons, page.Target)
		}
		silent, err := browser.Open(t.Context(), a.authorizationURL(append(c.changes, "prompt", "none")...))
		if err != nil {
			t.Fatal(err)
		}
		if needs := c.changes[0] != "prompt"; needs && silent.Target.Query().Get("error") != "login_required" {
			t.Errorf("%s with prompt=none: %v", name, silent.Target)
		}
	}
	if back, err := browser.SignIn(t.Context(), a.authorizationURL("id_token_hint", hint, "max_age", "0")); err != nil || back.Query().Get("code") == "" {
		t.Errorf("signing in again as the same user: %v, %v", back, err)
	}
	if back, err := browser.SignIn(t.Context(), a.authorizationURL("id_token_hint", bobs)); err != nil || back.Query().Get("error") != "login_required" {
		t.Errorf("signing in as another than the hint names: %v, %v", back, err)
	}
}

func TestConfirmationContinuesOrSwitches(t *testing.T) {
	_, a := begin(t, playground.Options{})
	browser := playgroundtest.NewBrowser(a.http.Transport, "alice@example.com")
	if _, err := browser.SignIn(t.Context(), a.authorizationURL()); err != nil {
		t.Fatal(err)
	}
	asked, err := browser.Open(t.Context(), a.authorizationURL("prompt", "consent"))
	if err != nil {
		t.Fatal(err)
	}
	checkPage(t, asked)
	if !strings.Contains(asked.Body, "alice@example.com") {
		t.Error("the page does not say who is signed in")
	}
	page, err := browser.Press(t.Context(), asked, "continue", nil)
	if err != nil || page.Target == nil || page.Target.Query().Get("code") == "" {
		t.Errorf("continuing: %v, %v", page, err)
	}
	page, err = browser.Press(t.Context(), asked, "switch", nil)
	if err != nil || !slices.Contains(page.Buttons, "sign-in") {
		t.Fatalf("switching: %v, %v", page, err)
	}
	page, err = browser.Press(t.Context(), page, "sign-in", map[string]string{"email": "bob@example.com", "code": "000000"})
	if err != nil || page.Target == nil {
		t.Fatalf("signing in as another: %v, %v", page, err)
	}
	_, claims := claimsOf(t, a.post(a.at.IdP+"/token", a.codeForm(page.Target.Query().Get("code"))).IDToken)
	if claims["email"] != "bob@example.com" {
		t.Errorf("the app got %v", claims["email"])
	}
	// The first page still says alice.
	page, err = browser.Press(t.Context(), asked, "continue", nil)
	if err != nil || page.Target != nil || !strings.Contains(page.Body, "Continue as bob@example.com") {
		t.Fatalf("a page for alice goes on as bob: %v, %v", page.Target, err)
	}
	if page, err = browser.Press(t.Context(), page, "continue", nil); err != nil || page.Target == nil {
		t.Errorf("going on as bob: %v", err)
	}
	if ended, err := browser.Open(t.Context(), a.at.IdP+"/session/end"); err != nil {
		t.Fatal(err)
	} else if _, err := browser.Press(t.Context(), ended, "end", nil); err != nil {
		t.Fatal(err)
	}
	page, err = browser.Press(t.Context(), asked, "continue", nil)
	if err != nil || page.Target != nil || !strings.Contains(page.Body, "Your session has ended") {
		t.Errorf("after signing out: %v, %v", page.Target, err)
	}
}

// A step-up is reached by asking for it, and shows in the ID token.
func TestStepUpRaisesTheACR(t *testing.T) {
	_, a := begin(t, playground.Options{})
	browser := playgroundtest.NewBrowser(a.http.Transport, "alice@example.com")
	for _, c := range []struct{ ask, want string }{
		{"", "urn:playground:acr:code"}, {playground.ACRStepUp, playground.ACRStepUp}, {"urn:playground:acr:code", playground.ACRStepUp},
	} {
		back, err := browser.SignIn(t.Context(), a.authorizationURL("acr_values", c.ask))
		if err != nil {
			t.Fatal(err)
		}
		_, claims := claimsOf(t, a.post(a.at.IdP+"/token", a.codeForm(back.Query().Get("code"))).IDToken)
		if claims["acr"] != c.want {
			t.Errorf("asked for %q, got %v", c.ask, claims["acr"])
		}
	}
}

// The same address is the same user, however it is typed.
func TestOneUserForOneAddress(t *testing.T) {
	_, a := begin(t, playground.Options{})
	subjects := map[any]bool{}
	for _, email := range []string{"Ann@Example.com", "ann@example.com", " ANN@EXAMPLE.COM"} {
		_, claims := claimsOf(t, a.tokens(email).IDToken)
		subjects[claims["sub"]] = true
	}
	if len(subjects) != 1 {
		t.Errorf("one address became %d users", len(subjects))
	}
	_, other := claimsOf(t, a.tokens("ben@example.com").IDToken)
	if subjects[other["sub"]] {
		t.Error("two addresses became one user")
	}
}
