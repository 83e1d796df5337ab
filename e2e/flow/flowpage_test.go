package flow

import (
	"strings"
	"testing"

	"waybill/e2e/desktop"
	"waybill/e2e/program"
)

// signedIn is a window in which somebody has just signed in at the built-in
// playground, in the real browser.
func signedIn(t *testing.T, d *desktop.Desktop, email string) (*desktop.Window, *desktop.Process) {
	t.Helper()
	prefers(t, d, appearance())
	app := program.In(t, d, program.App).Begin()
	window := d.Window("Waybill", patience)
	window.ClickOn("Try the built-in playground", patience)
	page := d.Page("/authorize", patience)
	signInAt(page, email)
	window.Await(email, patience)
	page.CloseBrowser()
	return window, app
}

// The steps of a real sign-in are on the page, which the keyboard opens; the
// token says for whom it is, and the explanation has light where it ran.
func TestEveryStepOfASignInIsSeenInTheWindow(t *testing.T) {
	d := desktop.New(t, desktop.Options{Screen: true, Keyring: desktop.Unlocked, Browser: true})
	window, app := signedIn(t, d, "grace@example.com")
	window.Key("ctrl+t")
	for _, words := range []string{"PKCE", "Token exchange", "JWT bearer grant", "Call the resource", "round trips"} {
		window.Await(words, patience)
	}
	window.ClickOn("Token exchange", patience)
	window.Await("oauth-id-jag+jwt", patience)
	window.Await("expires in", patience)
	picture(window, "flow")
	window.ClickOn("Response", patience) // "Request" stands in the line of the discovery too
	window.Await("nosniff", patience)
	window.Key("Left")
	window.Await("Form fields", patience)
	window.Key("ctrl+f")
	window.Type("audience")
	window.Await("audience", patience)
	picture(window, "flow-request")
	if said := window.Read().String(); strings.Contains(said, "eyJ") { // as every JWT begins
		t.Errorf("a token is on the screen:\n%s", said)
	}
	window.Key("Escape")
	window.ClickOn("What is this?", patience)
	window.Await("How Cross App Access works", patience)
	window.Await("Token exchange", patience)
	picture(window, "flow-learn")
	window.Close()
	ended(t, app)
}

// A connection whose secret at the resource is wrong: the page says at which
// step it failed, and which field is the likeliest cause.
func TestAWrongSecretIsSeenAtItsStep(t *testing.T) {
	d := desktop.New(t, desktop.Options{Screen: true, Keyring: desktop.Unlocked})
	prefers(t, d, appearance())
	at, _ := program.In(t, d, program.Headless, "WAYBILL_HOME="+t.TempDir()).Playground()
	at.Clients.REST.ResourceSecret = "not-the-secret-of-this-client"
	waybill := program.In(t, d, program.App, append(at.Secrets(), "WAYBILL_HOME="+t.TempDir())...)
	for _, args := range [][]string{{"connections", "add", at.Connection("office").File(t), "--yes"}, {"sign-in", "--no-browser", "--connection", "office"}} {
		if r := waybill.Browsing(grace, args...); r.Code != 0 {
			t.Fatalf("%q ended with %d:\n%s", args, r.Code, r.Stderr)
		}
	}
	app := waybill.Begin()
	window := d.Window("Waybill", patience)
	window.Await("office", patience)
	window.Key("ctrl+t")
	window.Await("did not accept the client id", patience)
	window.Await("What may be the cause", patience)
	picture(window, "flow-failure")
	window.ClickOn("Open the field: client secret at the resource", patience)
	window.Await("Leave their fields empty to keep them", patience)
	window.Close()
	ended(t, app)
}

// Probes are chosen, confirmed and watched; the playground refuses what it has
// to refuse.
func TestProbesAreSentFromTheWindow(t *testing.T) {
	d := desktop.New(t, desktop.Options{Screen: true, Keyring: desktop.Unlocked, Browser: true})
	window, app := signedIn(t, d, "ada@example.com")
	window.Key("ctrl+t")
	window.ClickOn("Probes", patience)
	window.Await("Nothing is sent before", patience)
	window.ClickOn("Exchange with a wider scope", patience)
	window.ClickOn("Another resource", patience)
	window.Await("2 probes are chosen", patience)
	window.Key("ctrl+k")
	window.Type("send the chosen")
	window.Key("Return")
	window.Await("What they leave behind there", patience)
	window.ClickOn("Yes, send now", patience)
	window.Await("2 refused", patience)
	picture(window, "flow-probes")
	window.Close()
	ended(t, app)
}
