// Package flow walks Waybill's main job as a person does: from the first start
// to to-dos on the screen, in the window and in the terminal, and what is said
// when something on the way is wrong.
package flow

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"waybill/e2e/desktop"
	"waybill/e2e/program"
)

// The first start on a busy machine draws its first window with software
// OpenGL under the race detector.
const patience = 90 * time.Second

// signInAt types into the playground's sign-in page and sends it.
func signInAt(page *desktop.Page, email string) {
	page.Await(`input[name="email"]`)
	page.Do(
		chromedp.Clear(`input[name="email"]`, chromedp.ByQuery),
		chromedp.SendKeys(`input[name="email"]`, email, chromedp.ByQuery),
		chromedp.SendKeys(`input[name="code"]`, "123456", chromedp.ByQuery),
		chromedp.Click(`button[value="sign-in"]`, chromedp.ByQuery),
	)
}

func TestAFirstRunEndsWithTheUsersToDosOnTheScreen(t *testing.T) {
	const email = "grace@example.com"
	d := desktop.New(t, desktop.Options{Screen: true, Keyring: desktop.Unlocked, Browser: true})
	prefers(t, d, appearance())
	waybill := program.In(t, d, program.App)

	app := waybill.Begin()
	window := d.Window("Waybill", patience)
	window.Await("Try the built-in playground", patience)
	picture(window, "welcome")
	window.ClickOn("Try the built-in playground", patience)

	page := d.Page("/authorize", patience)
	idp := page.Host()
	signInAt(page, email)
	// One form was sent, and it led straight back to the app: a consent page
	// would be another page at the identity provider.
	page.AwaitAway(idp, patience)
	if host := page.Host(); !strings.HasPrefix(host, "127.0.0.1:") {
		t.Fatalf("after sign-in the browser is at %s", host)
	}

	window.Await(email, patience)
	titles := program.JSON[program.Todos](t, waybill.Command("todos", "--offline", "--json")).Titles()
	if len(titles) < 20 {
		t.Fatalf("the local copy has %d to-dos, and the playground starts with about two dozen", len(titles))
	}
	seesTodos(t, window, titles)
	window.ClickOn(titles[1], patience)
	window.Await("Priority", patience) // its details are there
	picture(window, "todos")
	page.CloseBrowser()
	window.Close()
	ended(t, app)

	// The next day: no browser, no questions.
	app = waybill.Begin()
	window = d.Window("Waybill", patience)
	window.Await(email, patience)
	seesTodos(t, window, titles)
	if d.BrowserStarted() {
		t.Fatal("the browser was opened although the session was kept")
	}
	window.Key("ctrl+comma")
	window.Await("What is kept on this computer", patience)
	picture(window, "settings")
	window.Key("Escape")
	window.Close()
	ended(t, app)
}

// seesTodos reads the window and compares it with what the to-dos should be.
// The window may be too low for all of them, and a title too long for its row:
// eight of ten among those at the top must be legible in full.
func seesTodos(t *testing.T, window *desktop.Window, titles []string) {
	t.Helper()
	const rows, enough = 10, 0.8
	share, reading := 0.0, desktop.Reading{}
	desktop.Eventually(patience, func() bool {
		reading = window.Read()
		share = reading.Share(titles[:rows])
		return share >= enough
	})
	if share < enough {
		t.Fatalf("only %.0f %% of the titles can be read in the window; it says:\n%s\nexpected:\n%s", 100*share, reading, strings.Join(titles[:rows], "\n"))
	}
}

// ended waits until the app is gone and checks that it left in peace.
func ended(t *testing.T, app *desktop.Process) {
	t.Helper()
	if r := app.Wait(20 * time.Second); r.Code != 0 || strings.Contains(r.Stderr, "DATA RACE") {
		t.Fatalf("the app ended with status %d:\n%s", r.Code, r.Stderr)
	}
}

func TestAClosedBrowserCanBeOpenedAgain(t *testing.T) {
	const email = "ada@example.com"
	d := desktop.New(t, desktop.Options{Screen: true, Keyring: desktop.Unlocked, Browser: true})
	waybill := program.In(t, d, program.App)
	app := waybill.Begin()
	window := d.Window("Waybill", patience)
	window.ClickOn("The same over MCP instead of REST", patience)
	d.Page("/authorize", patience).CloseBrowser()

	window.Await("Waiting for your browser", patience)
	window.Await("left", patience)
	if d.BrowserStarted() {
		t.Fatal("the browser came back by itself")
	}
	window.ClickOn("Open the browser again", patience)
	page := d.Page("/authorize", patience)
	signInAt(page, email)
	window.Await(email, patience)
	titles := program.JSON[program.Todos](t, waybill.Command("todos", "--offline", "--json")).Titles()
	if len(titles) < 20 {
		t.Fatalf("the local copy has %d to-dos", len(titles))
	}
	seesTodos(t, window, titles)
	page.CloseBrowser()
	window.Close()
	ended(t, app)
}

func TestACancelledSignInLeadsBackToTheBeginning(t *testing.T) {
	d := desktop.New(t, desktop.Options{Screen: true, Keyring: desktop.Unlocked, Browser: true})
	app := program.In(t, d, program.App).Begin()
	window := d.Window("Waybill", patience)
	window.ClickOn("Try the built-in playground", patience)
	page := d.Page("/authorize", patience)
	window.ClickOn("Cancel", patience)
	window.Await("Welcome to Waybill", patience)
	page.CloseBrowser()
	window.Close()
	ended(t, app)
}
