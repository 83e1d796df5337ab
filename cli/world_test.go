package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"waybill/auth"
	"waybill/cli"
	"waybill/connection"
	"waybill/playground"
	"waybill/playground/playgroundtest"
	"waybill/session"
	"waybill/transport"
)

// ring is an operating system's keyring in memory.
type ring struct {
	mu    sync.Mutex
	items map[string]string
}

func (r *ring) Get(service, user string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v, ok := r.items[service+"/"+user]; ok {
		return v, nil
	}
	return "", auth.ErrKeyringNotFound
}

func (r *ring) Set(service, user, value string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.items[service+"/"+user] = value
	return nil
}

func (r *ring) Delete(service, user string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.items, service+"/"+user)
	return nil
}

// server is a built-in playground that can be stopped, and set up anew or from
// an older state.
type server struct {
	t   testing.TB
	dir string
	p   *playground.Playground
}

func newServer(t testing.TB) *server {
	t.Helper()
	s := &server{t: t, dir: t.TempDir()}
	s.start()
	t.Cleanup(func() {
		s.stop()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	return s
}

func (s *server) start() {
	s.t.Helper()
	p, err := playground.Start(context.Background(), playground.Options{Dir: s.dir, GenerateKey: playgroundtest.Key})
	if err != nil {
		s.t.Fatal(err)
	}
	s.p = p
}

func (s *server) stop() {
	s.t.Helper()
	if err := s.p.Close(); err != nil {
		s.t.Error(err)
	}
}

// whileStopped does something to the server's state.
func (s *server) whileStopped(f func()) {
	s.t.Helper()
	s.stop()
	f()
	s.start()
}

// copyOf is a copy of a folder.
func copyOf(t testing.TB, dir string) string {
	t.Helper()
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return copied
}

// computer is one with a user, a browser and the terminal.
type computer struct {
	t         testing.TB
	server    *server
	home      string
	ring      *ring
	email     string
	terminal  bool
	says      string // the answer to every question; "": there is nobody to ask
	mcpURL    string // of another MCP server, that takes the playground's tokens; "": the playground's own
	transport *transport.Client
	browser   sync.WaitGroup
}

func (s *server) computer(email string) *computer {
	c := &computer{t: s.t, server: s, home: s.t.TempDir(), ring: &ring{items: map[string]string{}}, email: email,
		transport: transport.New(transport.Options{})}
	s.t.Cleanup(func() {
		c.browser.Wait()
		c.transport.CloseIdle()
	})
	return c
}

// signedIn is a computer that has signed in.
func (s *server) signedIn(email string) *computer {
	s.t.Helper()
	c := s.computer(email)
	c.runs("sign-in")
	return c
}

func (c *computer) openURL(address string) error {
	c.browser.Go(func() {
		if !strings.Contains(address, "/authorize") {
			return
		}
		b := playgroundtest.NewBrowser(nil, c.email)
		back, err := b.SignIn(context.Background(), address)
		var page *playgroundtest.Page
		if err == nil {
			page, err = b.Open(context.Background(), back.String())
		}
		if err == nil && page.Target != nil {
			_, err = b.Open(context.Background(), page.Target.String()) // the last page
		}
		if err != nil {
			c.t.Errorf("the browser did not get back to the app: %v", err)
		}
	})
	return nil
}

func (c *computer) builtin(context.Context) ([]session.Configured, error) {
	e := c.server.p.Endpoints()
	mcp := configured(e, e.Clients.MCP, connection.PlaygroundMCPName, connection.MCP, e.MCP, "todos.read", "todos.write", "mcp.access")
	if c.mcpURL != "" {
		mcp.Connection.Resource.URL = c.mcpURL
	}
	return []session.Configured{configured(e, e.Clients.REST, connection.PlaygroundName, connection.REST, e.API, "todos.read", "todos.write"), mcp}, nil
}

func configured(e playground.Endpoints, client playground.DemoClient, name string, kind connection.ResourceKind, url string, scopes ...string) session.Configured {
	return session.Configured{
		Connection: connection.Connection{
			Name: name, IdP: connection.IdP{Issuer: e.IdP, ClientID: client.ClientID},
			Resource: connection.Resource{Kind: kind, URL: url, Identifier: url, AuthorizationServer: e.AuthorizationServer, ClientID: client.ResourceClientID, Scopes: scopes},
		},
		Credentials: connection.Credentials{IdP: client.ClientSecret, Resource: client.ResourceClientSecret},
	}
}

// open opens the computer's Manager.
func (c *computer) open(ctx context.Context, o cli.OpenOptions) (*session.Manager, error) {
	return session.Open(ctx, session.Options{Dir: c.home, Transport: c.transport, Keyring: c.ring, Builtin: c.builtin,
		OpenURL: c.openURL, Offline: o.Offline, Repair: o.Repair})
}

// run runs a command in a process of its own, as far as that can be had here.
func (c *computer) run(stdin io.Reader, args ...string) (status int, stdout, stderr string) {
	c.t.Helper()
	var out, errs bytes.Buffer
	env := cli.Env{
		Args: args, Stdin: stdin, Stdout: &out, Stderr: &errs, Version: "test", Terminal: c.terminal,
		LookupEnv: func(string) (string, bool) { return "", false },
		Open:      c.open,
	}
	if c.says != "" {
		env.Ask = func(string) (string, error) { return c.says, nil }
	}
	status = cli.Run(c.t.Context(), env)
	return status, out.String(), errs.String()
}

// runs runs a command that has to work.
func (c *computer) runs(args ...string) (stdout, stderr string) {
	c.t.Helper()
	status, stdout, stderr := c.run(nil, args...)
	if status != cli.ExitDone {
		c.t.Fatalf("%q: status %d\n%s%s", args, status, stdout, stderr)
	}
	return stdout, stderr
}

// fails runs a command that has to fail, and to say why.
func (c *computer) fails(want int, says string, args ...string) {
	c.t.Helper()
	status, stdout, stderr := c.run(nil, args...)
	if status != want || !strings.Contains(stderr, says) {
		c.t.Errorf("%q: status %d, want %d and %q\n%s%s", args, status, want, says, stdout, stderr)
	}
}

// answer is what a command prints with --json.
func answer[T any](c *computer, args ...string) (v T) {
	c.t.Helper()
	out, _ := c.runs(append(args, "--json")...)
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		c.t.Fatalf("%q printed no JSON: %v\n%s", args, err, out)
	}
	return v
}

// item is a to-do as todos --json prints it.
type item struct {
	ID, Title, Description, Priority, DueDate, State string
	Completed                                        bool
	Tags                                             []string
}

func (c *computer) todos(args ...string) []item {
	c.t.Helper()
	return answer[struct{ Todos []item }](c, append([]string{"todos"}, args...)...).Todos
}

func (c *computer) find(title string, args ...string) *item {
	c.t.Helper()
	for _, i := range c.todos(args...) {
		if i.Title == title {
			return &i
		}
	}
	return nil
}

// id is the id of the to-do with this title.
func (c *computer) id(title string) string {
	c.t.Helper()
	i := c.find(title, "--offline")
	if i == nil {
		c.t.Fatalf("there is no %q", title)
	}
	return i.ID
}

// waiting is a change as outbox --json prints it.
type waiting struct {
	Number                                  uint64
	What, ID, Title, State, Why, Difference string
	Server                                  string `json:"server_said"`
	Choices                                 []string
	Change, Was, Theirs                     map[string]any
}

func (c *computer) outbox() []waiting {
	c.t.Helper()
	return answer[struct{ Changes []waiting }](c, "outbox").Changes
}
