package flow

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"waybill/e2e/desktop"
	"waybill/e2e/program"
)

var grace = []string{"email=grace@example.com", "code=123456"}

func TestTheTerminalSignsInThroughTheBrowser(t *testing.T) {
	d := desktop.New(t, desktop.Options{Screen: true, Keyring: desktop.Unlocked, Browser: true})
	waybill := program.In(t, d, program.App)

	signIn := waybill.Begin("sign-in", "--connection", "playground")
	page := d.Page("/authorize", patience)
	signInAt(page, "grace@example.com")
	if r := signIn.Wait(patience); r.Code != 0 || !strings.Contains(r.Stderr, "Signed in as grace@example.com") || !strings.Contains(r.Stderr, "can be renewed") {
		t.Fatalf("sign-in ended with %d:\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	page.CloseBrowser()

	todos := program.JSON[program.Todos](t, waybill.Command("todos", "--json"))
	if todos.Count < 20 || todos.Count != len(todos.Todos) || !strings.HasPrefix(todos.Status, "Synced") {
		t.Fatalf("%d to-dos, status %q", todos.Count, todos.Status)
	}
	if d.BrowserStarted() {
		t.Fatal("the to-dos opened the browser although the session was kept")
	}
}

func TestTheTerminalShowsTheSameToDosOverRESTAndMCP(t *testing.T) {
	d := desktop.New(t, desktop.Options{Keyring: desktop.Unlocked})
	for _, build := range []string{program.App, program.Headless} {
		waybill := program.In(t, d, build, "WAYBILL_HOME="+t.TempDir())

		signedIn := waybill.Browsing(grace, "sign-in", "--no-browser", "--connection", "playground")
		if signedIn.Code != 0 {
			t.Fatalf("sign-in ended with %d:\n%s", signedIn.Code, signedIn.Stderr)
		}
		rest := program.JSON[program.Todos](t, waybill.Command("todos", "--connection", "playground", "--json")).Titles()

		if r := waybill.Command("todos", "--connection", "playground-mcp", "--json"); r.Code != 3 {
			t.Fatalf("without a session for MCP the status is %d, and 3 says that a sign-in is needed:\n%s", r.Code, r.Stderr)
		}
		overMCP := waybill.Browsing(grace, "todos", "--sign-in", "--no-browser", "--connection", "playground-mcp", "--json")
		titles := program.JSON[program.Todos](t, overMCP).Titles()
		slices.Sort(rest)
		slices.Sort(titles)
		if len(rest) < 20 || !slices.Equal(rest, titles) {
			t.Fatalf("REST and MCP differ:\n%q\n%q", rest, titles)
		}

		resources := waybill.Command("mcp", "resources", "--connection", "playground-mcp", "--json")
		for _, uri := range []string{"todo0://todos", "todo0://todos/completed", "todo0://todos/incomplete", "todo0://todos/stats"} {
			if !strings.Contains(resources.Stdout, `"`+uri+`"`) {
				t.Errorf("mcp resources does not list %s (status %d):\n%s%s", uri, resources.Code, resources.Stdout, resources.Stderr)
			}
		}
		called := waybill.Command("mcp", "call", "list_todos", "--connection", "playground-mcp", "--args", "{}", "--json")
		if called.Code != 0 || !json.Valid([]byte(called.Stdout)) || !strings.Contains(called.Stdout, rest[0]) {
			t.Fatalf("mcp call list_todos ended with %d:\n%s%s", called.Code, called.Stdout, called.Stderr)
		}
	}
}

func TestWhatOneComputerAddsTheOtherOneShows(t *testing.T) {
	d := desktop.New(t, desktop.Options{Keyring: desktop.Unlocked})
	server := program.In(t, d, program.Headless, "WAYBILL_HOME="+t.TempDir())
	at, _ := server.Playground()
	file := at.Connection("office").File(t)
	first := program.In(t, d, program.App, append(at.Secrets(), "WAYBILL_HOME="+t.TempDir())...)
	second := program.In(t, d, program.App, append(at.Secrets(), "WAYBILL_HOME="+t.TempDir())...)

	for _, computer := range []*program.Waybill{first, second} {
		if r := computer.Browsing(grace, "sign-in", "--no-browser", "--connection-file", file); r.Code != 0 {
			t.Fatalf("sign-in ended with %d:\n%s", r.Code, r.Stderr)
		}
	}
	if r := first.Command("todos", "add", "Water the ferns", "--connection-file", file); r.Code != 0 {
		t.Fatalf("add ended with %d:\n%s", r.Code, r.Stderr)
	}
	titles := program.JSON[program.Todos](t, second.Command("todos", "--json", "--connection-file", file)).Titles()
	if !slices.Contains(titles, "Water the ferns") {
		t.Fatalf("the other computer does not show it: %q", titles)
	}
}

func TestABackupBringsTheToDosBackOnANewComputer(t *testing.T) {
	d := desktop.New(t, desktop.Options{Keyring: desktop.Unlocked})
	backup := t.TempDir() + "/todos.json"
	old := program.In(t, d, program.App, "WAYBILL_HOME="+t.TempDir())
	if r := old.Browsing(grace, "sign-in", "--no-browser", "--connection", "playground"); r.Code != 0 {
		t.Fatalf("sign-in ended with %d:\n%s", r.Code, r.Stderr)
	}
	program.JSON[program.Todos](t, old.Command("todos", "--json"))
	for _, change := range [][]string{{"add", "Water the ferns"}, {"add", "=1+1 \x1b[31m\u202e"}} {
		if r := old.Command(append([]string{"todos"}, append(change, "--offline")...)...); r.Code != 0 {
			t.Fatalf("%q ended with %d:\n%s", change, r.Code, r.Stderr)
		}
	}
	outbox := old.Command("outbox")
	if outbox.Code != 0 || !strings.Contains(outbox.Stdout, "Add “Water the ferns”") || strings.ContainsAny(outbox.Stdout, "\x1b\u202e") {
		t.Fatalf("outbox ended with %d:\n%s%s", outbox.Code, outbox.Stdout, outbox.Stderr)
	}
	if r := old.Command("export", backup, "--format", "backup", "--offline"); r.Code != 0 || !strings.Contains(r.Stderr, "2 changes are not at the server yet") {
		t.Fatalf("export ended with %d:\n%s", r.Code, r.Stderr)
	}
	want := program.JSON[program.Todos](t, old.Command("todos", "--offline", "--json")).Titles()

	fresh := program.In(t, d, program.App, "WAYBILL_HOME="+t.TempDir()) // with a playground of its own
	restored := fresh.Browsing(grace, "import", backup, "--sign-in", "--no-browser", "--connection", "playground")
	if restored.Code != 0 || !strings.Contains(restored.Stderr, "2 added, 0 changed") {
		t.Fatalf("import ended with %d:\n%s", restored.Code, restored.Stderr)
	}
	got := program.JSON[program.Todos](t, fresh.Command("todos", "--json")).Titles()
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Fatalf("got\n%q\nwant\n%q", got, want)
	}
}
