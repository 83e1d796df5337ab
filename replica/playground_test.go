package replica_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"waybill/api"
	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
	"waybill/playground"
	"waybill/playground/playgroundtest"
	"waybill/replica"
	"waybill/todo"
	"waybill/transport"
)

// line is the network of one computer: it can be off, and it can break after
// some bytes.
type line struct {
	mu     sync.Mutex
	off    bool
	breaks *rand.Rand // nil: never
	broken int
	open   []net.Conn
}

// cut ends what is open and lets nothing new through.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.off = true
	for _, conn := range l.open {
		_ = conn.Close()
	}
}

func (l *line) set(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.off {
		return nil, &net.OpError{Op: "dial", Net: network, Err: fmt.Errorf("network is unreachable")}
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err == nil {
		l.open = append(l.open, conn)
	}
	if err == nil && l.breaks != nil {
		return &breaking{Conn: conn, line: l, up: l.breaks.IntN(6000), down: l.breaks.IntN(9000)}, nil
	}
	return conn, err
}

// breaking is a connection that ends after so many bytes up or down.
type breaking struct {
	net.Conn
	line     *line
	up, down int
}

func (c *breaking) spent(left *int, n int) int {
	c.line.mu.Lock()
	defer c.line.mu.Unlock()
	if n = min(n, *left); n < 1 {
		c.line.broken++
		_ = c.Conn.Close()
	}
	*left -= n
	return n
}

func (c *breaking) Write(p []byte) (int, error) {
	n := c.spent(&c.up, len(p))
	if n > 0 {
		_, _ = c.Conn.Write(p[:n])
	}
	if n < len(p) {
		_ = c.Conn.Close()
		return n, net.ErrClosed
	}
	return n, nil
}

func (c *breaking) Read(p []byte) (int, error) {
	n := c.spent(&c.down, len(p))
	if n < 1 {
		return 0, net.ErrClosed
	}
	return c.Conn.Read(p[:n])
}

// computer is a replica on a computer of its own, with the real client over
// the real grants.
type computer struct {
	*replica.Replica
	line *line
}

// at signs in at the playground and opens a copy.
func at(t *testing.T, p *playground.Playground, kind connection.ResourceKind) computer {
	t.Helper()
	e, l := p.Endpoints(), &line{}
	demo, address, scopes := e.Clients.REST, e.API, []string{"todos.read", "todos.write"}
	if kind == connection.MCP {
		demo, address, scopes = e.Clients.MCP, e.MCP, append(scopes, "mcp.access")
	}
	network := transport.New(transport.Options{DialContext: l.dial})
	t.Cleanup(network.CloseIdle)
	conn := connection.Connection{
		Name: "playground", IdP: connection.IdP{Issuer: e.IdP, ClientID: demo.ClientID},
		Resource: connection.Resource{Kind: kind, URL: address, AuthorizationServer: e.AuthorizationServer, ClientID: demo.ResourceClientID, Scopes: scopes},
	}
	secrets := connection.Credentials{IdP: demo.ClientSecret, Resource: demo.ResourceClientSecret}
	session := signIn(t, network, conn, secrets)
	plan, err := auth.Resolve(t.Context(), network, conn, secrets)
	check(t, err)
	ladder := auth.NewLadder(auth.LadderOptions{
		Plan: func(context.Context) (*auth.Plan, error) { return plan, nil }, Transport: network,
		Session: func() *auth.Session { return session },
	})
	options := api.Options{Transport: network, Tokens: ladder, Resource: conn.Resource}
	c, client := computer{line: l}, api.NewREST(options)
	if kind == connection.MCP {
		client = api.NewMCP(options)
	}
	t.Cleanup(func() { _ = client.Close() })
	c.Replica, err = replica.Open(t.Context(), replica.Options{Dir: filepath.Join(t.TempDir(), "data"), Account: t.Name(), Key: [32]byte{1}})
	check(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := c.Run(ctx, client); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		check(t, c.Close())
	})
	c.until(t, "the first sync", func(s *replica.Snapshot) bool { return s.Status.Kind == replica.OK && s.Writable })
	return c
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func signIn(t *testing.T, network *transport.Client, conn connection.Connection, secrets connection.Credentials) *auth.Session {
	t.Helper()
	a, err := auth.Begin(t.Context(), auth.SignInOptions{Connection: conn, Credentials: secrets, Transport: network})
	check(t, err)
	defer a.Cancel()
	address, err := a.URL(t.Context())
	check(t, err)
	back, err := playgroundtest.NewBrowser(nil, "ann@example.com").SignIn(t.Context(), address)
	check(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, back.String(), nil)
	check(t, err)
	browser := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := browser.Do(request)
	check(t, err)
	_ = answer.Body.Close()
	session, err := a.Wait(t.Context())
	check(t, err)
	return session
}

// until waits for a snapshot.
func (c computer) until(t *testing.T, what string, f func(*replica.Snapshot) bool) {
	t.Helper()
	seen := make(chan struct{})
	var once sync.Once
	stop := c.Watch(func(s *replica.Snapshot) {
		if f(s) {
			once.Do(func() { close(seen) })
		}
	})
	defer stop()
	select {
	case <-seen:
	case <-time.After(60 * time.Second):
		t.Fatalf("never came: %s; the status is %+v", what, c.Snapshot().Status)
	}
}

func (c computer) synced(t *testing.T) {
	t.Helper()
	check(t, c.SyncNow(t.Context()))
	c.until(t, "all sent", func(s *replica.Snapshot) bool { return s.Status.Waiting == 0 })
}

func (c computer) find(t *testing.T, title string) *replica.Row {
	t.Helper()
	for _, row := range c.Snapshot().Rows {
		if row.Todo.Title == title {
			return row
		}
	}
	t.Fatalf("no %q", title)
	return nil
}

func (c computer) titles() (out []string) {
	for _, row := range c.Snapshot().Rows {
		out = append(out, row.Todo.Title)
	}
	return slices.Sorted(slices.Values(out))
}

func start(t *testing.T) *playground.Playground {
	t.Helper()
	p, err := playground.Start(t.Context(), playground.Options{GenerateKey: playgroundtest.Key})
	check(t, err)
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func ptr[T any](v T) *T { return &v }

// Two computers of one user, over REST and over MCP: edits on a train, undo of
// what is synced, the same to-do renamed on both.
func TestR30_TwoComputersAtThePlayground(t *testing.T) {
	for _, kind := range []connection.ResourceKind{connection.REST, connection.MCP} {
		t.Run(string(kind), func(t *testing.T) {
			p := start(t)
			one, two := at(t, p, kind), at(t, p, kind)
			if n := len(one.Snapshot().Rows); n < 20 || !slices.Equal(one.titles(), two.titles()) {
				t.Fatalf("%d and %d to-dos", n, len(two.Snapshot().Rows))
			}
			first, second := one.Snapshot().Rows[0].Todo, one.Snapshot().Rows[1].Todo
			one.line.cut()
			id, err := one.Add(t.Context(), todo.Todo{Title: "from the train", Tags: []string{"travel"}, Priority: todo.High})
			check(t, err)
			check(t, one.Update(t.Context(), id, todo.Patch{Description: ptr("written offline")}))
			check(t, one.Update(t.Context(), first.ID, todo.Patch{Title: ptr("mine")}))
			check(t, one.Delete(t.Context(), second.ID))
			check(t, two.Update(t.Context(), first.ID, todo.Patch{Completed: ptr(true)}))
			check(t, two.Update(t.Context(), second.ID, todo.Patch{Title: ptr("still wanted")}))
			two.synced(t)
			one.line.set(func() { one.line.off = false })
			one.synced(t)
			two.synced(t)
			if !slices.Equal(one.titles(), two.titles()) {
				t.Fatalf("%v\n%v", one.titles(), two.titles())
			}
			if row := two.find(t, "mine"); !row.Todo.Completed {
				t.Errorf("the two edits of one to-do were not merged: %+v", row.Todo)
			}
			if row := two.find(t, "from the train"); row.Todo.Description != "written offline" || row.Todo.Priority != todo.High || !slices.Equal(row.Todo.Tags, []string{"travel"}) {
				t.Errorf("%+v", row.Todo)
			}
			two.find(t, "still wanted")
			check(t, one.Update(t.Context(), id, todo.Patch{Title: ptr("renamed")}))
			one.synced(t)
			check(t, one.Undo(t.Context()))
			check(t, one.Delete(t.Context(), id))
			one.synced(t)
			check(t, one.Undo(t.Context()))
			one.synced(t)
			two.synced(t)
			if row := two.find(t, "from the train"); row.Todo.Description != "written offline" {
				t.Errorf("%+v", row.Todo)
			}
		})
	}
}

// Lines that break after any number of bytes, in both directions, while a
// hundred to-dos are made and edited: nothing is lost, nothing is there twice.
func TestR6_LinesThatBreak(t *testing.T) {
	for _, kind := range []connection.ResourceKind{connection.REST, connection.MCP} {
		t.Run(string(kind), func(t *testing.T) { linesThatBreak(t, kind) })
	}
}

func linesThatBreak(t *testing.T, kind connection.ResourceKind) {
	p := start(t)
	one := at(t, p, kind)
	before := one.titles()
	one.line.set(func() { one.line.breaks = rand.New(rand.NewPCG(6, 6)) })
	var want []string
	for i := range 100 {
		title := fmt.Sprintf("numbered %03d", i)
		id, err := one.Add(t.Context(), todo.Todo{Title: title})
		check(t, err)
		check(t, one.Update(t.Context(), id, todo.Patch{Completed: ptr(i%2 == 0), Description: ptr(strings.Repeat("d", 3*i))}))
		want = append(want, title)
	}
	for n := 0; one.Snapshot().Status.Waiting > 0; n++ {
		if err := one.SyncNow(t.Context()); err != nil && !fault.Is(err, fault.Offline) {
			t.Fatal(err)
		}
		if n > 1000 {
			t.Fatalf("never done: %+v", one.Snapshot().Status)
		}
	}
	one.line.set(func() { one.line.breaks = nil })
	if one.line.broken < 10 {
		t.Errorf("only %d lines broke", one.line.broken)
	}
	if one.Snapshot().Status.Look > 0 {
		t.Errorf("%+v", one.Outbox())
	}
	two := at(t, p, kind)
	got := slices.DeleteFunc(two.titles(), func(title string) bool { return slices.Contains(before, title) })
	if !slices.Equal(got, want) {
		t.Fatalf("the server has %d of 100: %v", len(got), got)
	}
	for i, title := range want {
		if row := two.find(t, title); row.Todo.Completed != (i%2 == 0) || len(row.Todo.Description) != 3*i {
			t.Errorf("%+v", row.Todo)
		}
	}
}
