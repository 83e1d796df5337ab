package flow

import (
	"strings"
	"testing"

	"waybill/e2e/desktop"
	"waybill/e2e/program"
)

// explored is the window of somebody who has signed in at a connection of the
// built-in playground, at the Explorer, which the keyboard opens.
func explored(t *testing.T, connection, first string) (*desktop.Window, *desktop.Process) {
	t.Helper()
	d := desktop.New(t, desktop.Options{Screen: true, Keyring: desktop.Unlocked})
	prefers(t, d, appearance())
	waybill := program.In(t, d, program.App, "WAYBILL_HOME="+t.TempDir())
	if r := waybill.Browsing(grace, "sign-in", "--no-browser", "--connection", connection); r.Code != 0 {
		t.Fatalf("sign-in ended with %d:\n%s", r.Code, r.Stderr)
	}
	app := waybill.Begin()
	window := d.Window("Waybill", patience)
	window.Await("Synced", patience)
	window.Key("ctrl+b")
	window.Await(first, patience)
	return window, app
}

// A tool is called and a resource read by keyboard alone, and what they answer is
// on the screen.
func TestAnMCPServerIsExploredByKeyboard(t *testing.T) {
	window, app := explored(t, "playground-mcp", "About the server")
	window.Await("What it says of itself", patience)
	picture(window, "explorer-server")
	window.Key("ctrl+f")
	window.Type("list")
	window.Key("Down")
	window.Await("Says that it changes nothing", patience)
	window.Key("Return")
	window.Key("ctrl+Return")
	window.Await("The tool answered after", patience)
	picture(window, "explorer-tool")
	window.Key("ctrl+f")
	window.Type("structured content")
	window.Await("As the tool's output schema promises", patience)
	picture(window, "explorer-structured")
	window.Key("Escape")
	if said := window.Read().String(); strings.Contains(said, "eyJ") { // as every JWT begins
		t.Errorf("a token is on the screen:\n%s", said)
	}
	window.Key("Escape") // to the list
	window.Key("ctrl+f")
	window.Key("ctrl+a")
	window.Type("stats")
	window.Key("Down")
	window.Key("Return")
	window.Key("Return") // on the button that reads
	window.Await("Embedded resource", patience)
	picture(window, "explorer-resource")
	window.Key("Escape")
	window.Key("ctrl+f")
	window.Key("ctrl+a")
	window.Type("delete")
	window.Key("Down")
	window.Key("Return")
	window.Type("no-such-id")
	window.Key("Return")
	window.Await("it may delete or", patience)
	picture(window, "explorer-question")
	window.Key("Escape")
	window.Close()
	ended(t, app)
}

// An endpoint of the API is called by keyboard alone; the answer is found on the
// Flow page, too.
func TestAnAPIIsExploredByKeyboard(t *testing.T) {
	window, app := explored(t, "playground", "A request of your own")
	window.Key("ctrl+f")
	window.Type("get /api/todos")
	window.Key("Down")
	window.Key("Return")
	window.Await("Query and header of your own", patience)
	window.Key("ctrl+Return")
	window.Await("200 OK", patience)
	picture(window, "explorer-request")
	window.Key("ctrl+k")
	window.Type("steps of the call")
	window.Key("Return")
	window.Await("round trip", patience)
	window.Await("Call the resource", patience)
	window.Close()
	ended(t, app)
}
