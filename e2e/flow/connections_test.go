package flow

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"waybill/e2e/desktop"
	"waybill/e2e/program"
)

// newcomer is a person whose to-dos are at servers that Waybill has never heard
// of, and who has a registration there. Among the to-dos is one that no other
// server has.
type newcomer struct {
	t       *testing.T
	d       *desktop.Desktop
	at      program.Playground
	waybill *program.Waybill
	app     *desktop.Process
	window  *desktop.Window
	stops   []string // of the form on screen, in the order of Tab
	stop    int      // the one that has the focus
}

// theirs is the to-do that only the newcomer's servers have.
const theirs = "Weigh the lighthouse keeper's parrot"

func newNewcomer(t *testing.T) *newcomer {
	t.Helper()
	n := &newcomer{t: t, d: desktop.New(t, desktop.Options{Screen: true, Keyring: desktop.Unlocked, Browser: true})}
	n.at, _ = program.In(t, n.d, program.Headless, "WAYBILL_HOME="+t.TempDir()).Playground()
	elsewhere := program.In(t, n.d, program.Headless, append(n.at.Secrets(), "WAYBILL_HOME="+t.TempDir())...)
	for _, args := range [][]string{{"connections", "add", n.at.Connection("office").File(t), "--yes"}, {"sign-in", "--no-browser", "--connection", "office"}, {"todos", "add", theirs}} {
		if r := elsewhere.Browsing(grace, args...); r.Code != 0 {
			t.Fatalf("%q ended with %d:\n%s", args, r.Code, r.Stderr)
		}
	}
	n.waybill = program.In(t, n.d, program.App)
	prefers(t, n.d, appearance())
	return n
}

// opens starts the window.
func (n *newcomer) opens(more ...string) {
	n.t.Helper()
	if len(more) > 0 {
		n.waybill = n.waybill.WithEnv(n.waybill.Env(more...))
	}
	n.app = n.waybill.Begin()
	n.window = n.d.Window("Waybill", patience)
	n.window.Await("live in another application", patience)
}

// form says what the form is made of: what Tab stops at, with the scopes that
// are offered at the resource. A page begins with nothing in the focus.
func (n *newcomer) form(scopes ...string) {
	method := func(of string) []string {
		return []string{of + " as the server says", of + " basic", of + " post", of + " key", of + " none", of + " secret"}
	}
	n.stops = slices.Concat([]string{"", "back", "title", "name", "redirect URI", "copy it", "any port", "fixed port", "more", "issuer", "idp client"}, method("idp"),
		[]string{"profile", "email", "offline_access", "idp scope", "add idp scope", "idp more", "REST", "MCP", "address", "server", "identifier", "resource client"},
		method("resource"), scopes, []string{"resource scope", "add resource scope", "where the to-dos are", "resource more", "save and sign in", "save and check", "save"})
	n.stop = 0
}

// isMCP says that the form is about an MCP server, which it does not ask where
// the to-dos are.
func (n *newcomer) isMCP() {
	n.stops = slices.DeleteFunc(n.stops, func(s string) bool { return s == "where the to-dos are" })
}

// opened says that a link was pressed and stops came to light behind it.
func (n *newcomer) opened(more ...string) { n.stops = slices.Insert(n.stops, n.stop+1, more...) }

// to goes to a stop of the form by Tab.
func (n *newcomer) to(stop string) {
	n.t.Helper()
	at := slices.Index(n.stops, stop)
	if at < n.stop {
		n.t.Fatalf("%q does not come after %q", stop, n.stops[n.stop])
	}
	n.tab(at - n.stop)
	n.stop = at
}

func (n *newcomer) tab(times int) {
	n.t.Helper()
	for range times {
		n.window.Key("Tab")
	}
}

// enter types over what is in a field.
func (n *newcomer) enter(stop, value string) {
	n.t.Helper()
	n.to(stop)
	n.window.Key("ctrl+a")
	n.window.Type(value)
}

// signsIn does what the browser asks for and waits for the to-dos.
func (n *newcomer) signsIn(connection string) {
	n.t.Helper()
	const email = "grace@example.com"
	page := n.d.Page("/authorize", patience)
	if idp := strings.TrimPrefix(n.at.IdP, "http://"); !desktop.Eventually(patience, func() bool { return page.Host() == idp }) {
		n.t.Fatalf("the sign-in is at %q, not at %q", page.Host(), idp)
	}
	signInAt(page, email)
	n.window.Await(email, patience)
	page.CloseBrowser()
	n.window = n.d.Window("Waybill", patience) // the browser had the keyboard
	synced(n.t, n.window)
	n.window.Key("slash")
	n.window.Type("lighthouse")
	n.window.Await(theirs, patience)
	n.window.Key("Escape")
	titles := program.JSON[program.Todos](n.t, n.waybill.Command("todos", "--offline", "--json", "--connection", connection)).Titles()
	if !slices.Contains(titles, theirs) {
		n.t.Fatalf("the local copy is %q", titles)
	}
	seesTodos(n.t, n.window, titles)
}

// leaves closes the window.
func (n *newcomer) leaves() {
	n.t.Helper()
	n.window.Close()
	ended(n.t, n.app)
}

// kept reads the settings of a connection that was made.
func (n *newcomer) kept(name string) (c struct {
	DPoP     bool
	Resource struct {
		Kind, URL string
		Scopes    []string
	}
}) {
	n.t.Helper()
	r := n.waybill.Command("connections", "show", name, "--json")
	if r.Code != 0 || json.Unmarshal([]byte(r.Stdout), &c) != nil {
		n.t.Fatalf("connections show ended with %d:\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	return c
}

// "Shown to hold" 3: by hand, and by the keyboard alone; with tokens that are
// bound to this computer.
func TestAConnectionByHandAndByKeyboardAlone(t *testing.T) {
	n := newNewcomer(t)
	n.opens()
	n.window.Key("ctrl+l")
	n.window.Await("A connection leads to the to-dos", patience)
	picture(n.window, "connections-first")
	n.tab(2)
	n.window.Key("Return")
	n.window.Await("Services that Waybill knows", patience)
	picture(n.window, "connections-add")
	n.tab(4)
	n.window.Key("space")
	n.window.Await("You need a registration", patience)

	n.form("todos.read", "todos.write")
	n.enter("title", "Lighthouse")
	n.enter("name", "lighthouse")
	n.to("more")
	n.window.Key("Return")
	n.opened("either token", "refresh token", "ID token", "DPoP off", "DPoP on")
	n.to("DPoP on")
	n.window.Key("space")
	n.enter("issuer", n.at.IdP)
	n.enter("idp client", n.at.Clients.REST.ID)
	n.to("idp post")
	n.window.Key("space")
	n.enter("idp secret", n.at.Clients.REST.Secret)
	n.window.Await("in the body of the request", patience) // it has seen all the keys
	picture(n.window, "connection-form")
	n.enter("address", n.at.API)
	n.enter("resource client", n.at.Clients.REST.ResourceID)
	n.enter("resource secret", n.at.Clients.REST.ResourceSecret)
	n.to("todos.write")
	n.window.Key("space")
	n.to("save and sign in")
	n.window.Key("Return")
	n.signsIn("lighthouse")
	n.leaves()
	if c := n.kept("lighthouse"); !c.DPoP || c.Resource.Kind != "rest" || !slices.Equal(c.Resource.Scopes, []string{"todos.read", "todos.write"}) {
		t.Errorf("what is kept is %+v", c)
	}
}

// "Shown to hold" 3: from nothing but the address of an MCP server. What only a
// registration knows is asked for.
func TestAConnectionFromTheAddressOfAnMCPServer(t *testing.T) {
	n := newNewcomer(t)
	n.opens()
	n.window.ClickOn("Another provider", patience)
	n.window.ClickOn("By an address", patience)
	n.window.Await("Nothing secret is sent", patience)
	n.tab(2)
	n.window.Type(n.at.MCP)
	n.window.Key("Return")
	n.window.Await("Still needed", patience)
	n.window.Await("Complete this connection", patience)
	picture(n.window, "discovery")
	n.window.Key("Return")
	n.window.Await("What was found stands here already", patience)
	n.form("todos.read", "todos.write", "mcp.access")
	n.isMCP()
	n.enter("issuer", n.at.IdP)
	n.enter("idp client", n.at.Clients.MCP.ID)
	n.enter("idp secret", n.at.Clients.MCP.Secret)
	n.enter("resource client", n.at.Clients.MCP.ResourceID)
	picture(n.window, "connection-form-found")
	n.enter("resource secret", n.at.Clients.MCP.ResourceSecret)
	n.to("save and sign in")
	n.window.Key("Return")
	name := strings.TrimPrefix(n.at.MCP, "http://")
	name, _, _ = strings.Cut(name, ":")
	n.signsIn(name)
	n.leaves()
	if c := n.kept(name); c.Resource.Kind != "mcp" || c.Resource.URL != n.at.MCP {
		t.Errorf("what is kept is %+v", c)
	}
}

// "Shown to hold" 3: from a JSON file, which shows whom it would contact before
// it is accepted.
func TestAConnectionFromAFile(t *testing.T) {
	n := newNewcomer(t)
	file := n.at.Connection("team")
	file["title"] = "Our team"
	delete(file.Part("idp"), "client_secret")
	delete(file.Part("resource"), "client_secret")
	data, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(n.d.Home, "Documents", "team.json")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	n.opens()
	n.window.ClickOn("Another provider", patience)
	n.window.ClickOn("From a file", patience)
	n.window.Await("whom the connection would contact", patience)
	n.window.Type("team.json")
	n.window.Key("Return")
	n.window.Await("would contact these servers", patience)
	for _, says := range []string{"your session there: ID token", "the ID-JAG: who you are", "the access token", "your to-dos, as you change them"} {
		n.window.Await(says, patience)
	}
	picture(n.window, "connection-accept")
	if r := n.waybill.Command("connections", "list"); strings.Contains(r.Stdout, "team") {
		t.Fatalf("the connection was added before it was accepted:\n%s", r.Stdout)
	}
	n.tab(1) // "Cancel" has the focus
	n.window.Key("Return")
	n.window.Await("What is missing are the secrets", patience)
	n.form("todos.read", "todos.write")
	n.enter("idp secret", n.at.Clients.REST.Secret)
	n.enter("resource secret", n.at.Clients.REST.ResourceSecret)
	n.to("save and sign in")
	n.window.Key("Return")
	n.signsIn("team")
	n.leaves()
}

// "Shown to hold" 3: placed by an administrator, with nothing typed.
func TestAConnectionThatAnAdministratorPlaced(t *testing.T) {
	n := newNewcomer(t)
	folder := filepath.Join(n.d.Home, "etc/waybill/connections.d") // for everybody, on a computer with an administrator
	file := n.at.Connection("office")
	file["title"] = "The office"
	for part, secret := range map[string]string{"idp": n.at.Clients.REST.Secret, "resource": n.at.Clients.REST.ResourceSecret} {
		path := n.d.File(part+".secret", secret+"\n")
		file.Part(part)["client_secret"] = "file:" + path
	}
	data, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "office.json"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	n.opens("XDG_CONFIG_DIRS=" + filepath.Join(n.d.Home, "etc"))
	n.window.Await("The office", patience)
	picture(n.window, "welcome-placed")
	n.window.Key("ctrl+l")
	n.window.Await("Placed by your administrator", patience)
	picture(n.window, "connections-placed")
	n.window.ClickOn("The office", patience)
	n.signsIn("office")

	n.window.Key("ctrl+l")
	n.window.Await("A connection leads to the to-dos", patience)
	picture(n.window, "connections")
	inTheCommands(n.window, "check this connection")
	n.window.Await("Check again", patience) // it is over
	picture(n.window, "connection-check")
	n.leaves()
}
