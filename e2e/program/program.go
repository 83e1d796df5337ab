// Package program runs the real Waybill binaries in a desktop session.
//
// Invariant: it knows the program only from outside, by its commands, their
// output and their exit status; nothing of Waybill's own code is linked in.
package program

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"waybill/e2e/desktop"
)

// Path returns the path of a binary that was built beforehand; the environment
// variable names it. `make test` builds all of them.
func Path(t testing.TB, variable string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		t.Fatalf("%s is not set: run make test, or build the program and set it", variable)
	}
	return path
}

// The variables that name the binaries.
const (
	App      = "WAYBILL_E2E_APP"      // with its window, race detector on
	Headless = "WAYBILL_E2E_HEADLESS" // without it
	Browse   = "WAYBILL_E2E_BROWSE"   // the terminal browser
)

// Waybill is the program in one person's session.
type Waybill struct {
	*desktop.Desktop
	t    testing.TB
	path string
	env  []string
}

// In returns the program that the variable names, as the person of session d
// runs it, with more set in the environment.
func In(t testing.TB, d *desktop.Desktop, variable string, more ...string) *Waybill {
	t.Helper()
	return &Waybill{d, t, Path(t, variable), d.Env(more...)}
}

// Env is the environment that the program runs in, with more set in it.
func (w *Waybill) Env(more ...string) []string { return slices.Concat(w.env, more) }

// WithEnv is the same program with this environment.
func (w *Waybill) WithEnv(env []string) *Waybill {
	other := *w
	other.env = env
	return &other
}

// Command runs a command to its end.
func (w *Waybill) Command(args ...string) desktop.Result {
	w.t.Helper()
	return w.checked(w.RunWith(w.env, "", w.path, args...))
}

// Begin starts a command, or without one the window.
func (w *Waybill) Begin(args ...string) *desktop.Process {
	w.t.Helper()
	return w.Start(w.env, w.path, args...)
}

// Browsing runs a command whose sign-in is done by the terminal browser with
// these answers, written name=value.
func (w *Waybill) Browsing(answers []string, args ...string) desktop.Result {
	w.t.Helper()
	var flags []string
	for _, answer := range answers {
		flags = append(flags, "-answer", answer)
	}
	return w.checked(w.RunWith(w.env, "", Path(w.t, Browse), append(append(flags, "--", w.path), args...)...))
}

// checked fails the test on what no command may ever print.
func (w *Waybill) checked(r desktop.Result) desktop.Result {
	w.t.Helper()
	for _, never := range []string{"DATA RACE", "panic:", "goroutine ", "%!"} {
		if strings.Contains(r.Stdout+r.Stderr, never) {
			w.t.Fatalf("the program printed %q:\n%s\n%s", never, r.Stdout, r.Stderr)
		}
	}
	return r
}

// JSON reads a finished command's standard output.
func JSON[T any](t testing.TB, r desktop.Result) T {
	t.Helper()
	var value T
	if r.Code != 0 {
		t.Fatalf("exit status %d\nstdout:\n%s\nstderr:\n%s", r.Code, r.Stdout, r.Stderr)
	}
	if err := json.Unmarshal([]byte(r.Stdout), &value); err != nil {
		t.Fatalf("no JSON: %v\n%s", err, r.Stdout)
	}
	return value
}

// Todos is the output of `waybill todos --json`.
type Todos struct {
	Status string
	Count  int
	Todos  []struct {
		ID, Title, State string
		Completed        bool
	}
}

// Titles are the to-dos' titles in the order of the list.
func (l Todos) Titles() []string {
	titles := make([]string, len(l.Todos))
	for i, item := range l.Todos {
		titles[i] = item.Title
	}
	return titles
}

// Playground is the JSON line that `waybill playground` prints.
type Playground struct {
	IdP                 string `json:"idp"`
	AuthorizationServer string `json:"authorization_server"`
	API                 string `json:"api"`
	MCP                 string `json:"mcp"`
	Clients             struct{ REST, MCP Client }
}

// Client is a demo client of the playground.
type Client struct {
	ID             string `json:"client_id"`
	Secret         string `json:"client_secret"`
	ResourceID     string `json:"resource_client_id"`
	ResourceSecret string `json:"resource_client_secret"`
}

// Playground starts `waybill playground` and waits until it answers.
func (w *Waybill) Playground(args ...string) (Playground, *desktop.Process) {
	w.t.Helper()
	p := w.Begin(append([]string{"playground"}, args...)...)
	var at Playground
	line := ""
	if !desktop.Eventually(30*time.Second, func() bool {
		var whole bool
		line, _, whole = strings.Cut(p.Stdout.String(), "\n")
		return whole || !p.Running()
	}) || json.Unmarshal([]byte(line), &at) != nil {
		w.t.Fatalf("the playground did not start: %s\n%s", line, p.Stderr)
	}
	return at, p
}

// Connection is a connection file.
type Connection map[string]any

// Connection describes the playground's REST demo client as a connection file
// would for any other server; the secrets are in IDP_SECRET and
// RESOURCE_SECRET.
func (p Playground) Connection(name string) Connection {
	return Connection{
		"name": name,
		"idp": map[string]any{"issuer": p.IdP, "client_id": p.Clients.REST.ID, "client_secret": "${IDP_SECRET}",
			"auth_method": "client_secret_post", "scopes": []string{"openid", "profile", "email", "offline_access"}},
		"resource": map[string]any{"kind": "rest", "url": p.API, "identifier": p.API, "authorization_server": p.AuthorizationServer,
			"client_id": p.Clients.REST.ResourceID, "client_secret": "${RESOURCE_SECRET}", "auth_method": "client_secret_post",
			"scopes": []string{"todos.read", "todos.write"}},
	}
}

// MCPConnection describes the playground's MCP demo client, with the resource at
// an address that takes the tokens of the playground's own MCP server; the
// secrets are those of MCPSecrets.
func (p Playground) MCPConnection(name, url string) Connection {
	c := p.Connection(name)
	c.Part("idp")["client_id"] = p.Clients.MCP.ID
	resource := c.Part("resource")
	resource["kind"], resource["url"], resource["identifier"] = "mcp", url, p.MCP
	resource["client_id"], resource["scopes"] = p.Clients.MCP.ResourceID, []string{"todos.read", "mcp.access"}
	return c
}

// MCPSecrets are Secrets of MCPConnection.
func (p Playground) MCPSecrets() []string {
	return []string{"IDP_SECRET=" + p.Clients.MCP.Secret, "RESOURCE_SECRET=" + p.Clients.MCP.ResourceSecret}
}

// Secrets are the settings that a connection file's secrets are read from.
func (p Playground) Secrets() []string {
	return []string{"IDP_SECRET=" + p.Clients.REST.Secret, "RESOURCE_SECRET=" + p.Clients.REST.ResourceSecret}
}

// Part is the connection's card "idp" or "resource", to change it.
func (c Connection) Part(name string) map[string]any { return c[name].(map[string]any) }

// File writes the connection as a file and returns its path.
func (c Connection) File(t testing.TB) string {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	path := t.TempDir() + "/connection.json"
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
