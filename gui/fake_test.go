package gui

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"waybill/archive"
	"waybill/auth"
	"waybill/connection"
	"waybill/explore"
	"waybill/fault"
	"waybill/flow"
	"waybill/internal/latest"
	"waybill/replica"
	"waybill/session"
	"waybill/todo"
)

// fakeTodos keeps to-dos in memory, with the real order, counts and patches,
// and publishes real snapshots. What was called is noted.
type fakeTodos struct {
	snapshots *latest.Value[*replica.Snapshot]
	now       func() time.Time

	mu       sync.Mutex
	rows     map[string]*replica.Row
	made     int
	calls    []string
	pending  []replica.Pending
	fail     error
	writable bool
	why      string
	status   replica.Status
	removal  *replica.Removal
	notice   *fault.Fault

	undo, redo string // what Undo and Redo would do
}

func newFakeTodos(now func() time.Time, list []todo.Todo) *fakeTodos {
	f := &fakeTodos{now: now, rows: map[string]*replica.Row{}, writable: true}
	for _, t := range list {
		f.rows[t.ID] = &replica.Row{Todo: t}
	}
	f.status = replica.Status{Sentence: "Synced 12:04", Kind: replica.OK, LastSync: now()}
	f.snapshots = latest.New(f.snapshot())
	return f
}

func (f *fakeTodos) snapshot() *replica.Snapshot {
	now := f.now()
	s := &replica.Snapshot{Today: todo.DayOf(now), Status: f.status, Why: f.why, Removal: f.removal, Notice: f.notice, Undo: f.undo, Redo: f.redo}
	s.Writable, s.CanAdd, s.CanUpdate, s.CanDelete = f.writable, f.writable, f.writable, f.writable
	var tally todo.Tally
	for _, row := range f.rows {
		s.Rows = append(s.Rows, row)
		tally.Add(row.Todo, s.Today, 1)
	}
	slices.SortFunc(s.Rows, func(a, b *replica.Row) int { return todo.Compare(&a.Todo, &b.Todo, now.Location()) })
	s.Counts = tally.Counts()
	return s
}

// change does something to the fake and publishes it.
func (f *fakeTodos) change(do func()) {
	f.mu.Lock()
	do()
	s := f.snapshot()
	f.mu.Unlock()
	f.snapshots.Store(s)
}

func (f *fakeTodos) note(format string, args ...any) error {
	f.calls = append(f.calls, fmt.Sprintf(format, args...))
	return f.fail
}

func (f *fakeTodos) called() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

func (f *fakeTodos) Snapshot() *replica.Snapshot                   { return f.snapshots.Load() }
func (f *fakeTodos) Watch(w func(*replica.Snapshot)) (stop func()) { return f.snapshots.Watch(w) }
func (f *fakeTodos) Wake(replica.Reason)                           {}
func (f *fakeTodos) DismissNotice()                                { f.change(func() { f.notice = nil }) }

func (f *fakeTodos) Add(_ context.Context, t todo.Todo) (id string, err error) {
	f.change(func() {
		if err = f.note("add %q %v", t.Title, t.Tags); err == nil {
			f.made++
			t.ID = fmt.Sprintf("made-%d", f.made)
			f.rows[t.ID] = &replica.Row{Todo: t, State: replica.Waiting, Changed: f.now()}
		}
	})
	return t.ID, err
}

func (f *fakeTodos) Update(_ context.Context, id string, p todo.Patch) (err error) {
	f.change(func() {
		if err = f.note("update %s %v", id, p.Fields()); err == nil {
			f.rows[id] = &replica.Row{Todo: p.Apply(f.rows[id].Todo), State: replica.Waiting, Changed: f.now()}
		}
	})
	return err
}

func (f *fakeTodos) UpdateFrom(ctx context.Context, id string, p, _ todo.Patch) error {
	return f.Update(ctx, id, p)
}

func (f *fakeTodos) Delete(_ context.Context, id string) (err error) {
	f.change(func() {
		if err = f.note("delete %s", id); err == nil {
			delete(f.rows, id)
		}
	})
	return err
}

func (f *fakeTodos) just(format string, args ...any) (err error) {
	f.change(func() { err = f.note(format, args...) })
	return err
}

func (f *fakeTodos) Undo(context.Context) error { return f.travel("undo", &f.undo, &f.redo) }
func (f *fakeTodos) Redo(context.Context) error { return f.travel("redo", &f.redo, &f.undo) }

func (f *fakeTodos) travel(call string, from, to *string) (err error) {
	f.change(func() {
		if err = f.note("%s", call); err == nil {
			*from, *to = "", *from
		}
	})
	return err
}

// What an import does is for tests with a real replica.
func (f *fakeTodos) Compare(context.Context, []replica.Incoming) (replica.Compared, error) {
	return replica.Compared{}, f.just("compare")
}

func (f *fakeTodos) Import(context.Context, []replica.Incoming) (replica.Compared, error) {
	return replica.Compared{}, f.just("import")
}

func (f *fakeTodos) Resolve(_ context.Context, id string, c replica.Choice) error {
	return f.just("resolve %s %d", id, c)
}

func (f *fakeTodos) ResolveRemoval(_ context.Context, c replica.RemovalChoice) error {
	return f.just("removal %d", c)
}

func (f *fakeTodos) Outbox() []replica.Pending {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.pending)
}

func (f *fakeTodos) Retry(_ context.Context, n uint64) error {
	return f.turn("retry", n, replica.PendingWaiting)
}

func (f *fakeTodos) Discard(_ context.Context, n uint64) error {
	return f.turn("discard", n, replica.PendingDiscarded)
}

func (f *fakeTodos) Restore(_ context.Context, n uint64) error {
	return f.turn("restore", n, replica.PendingWaiting)
}

// turn gives a change in the outbox another state.
func (f *fakeTodos) turn(call string, number uint64, state replica.PendingState) (err error) {
	f.change(func() {
		if err = f.note("%s %d", call, number); err != nil {
			return
		}
		for i := range f.pending {
			if f.pending[i].Number == number {
				f.pending[i].State = state
			}
		}
	})
	return err
}

// fakeBackend is a session whose state the test sets.
type fakeBackend struct {
	states *latest.Value[*session.State]
	now    func() time.Time

	mu     sync.Mutex
	todos  *fakeTodos // nil: no account
	real   Todos      // in their place; may be nil
	signIn *fakeSignIn
	calls  []string
	fail   error
	added  connection.Connection
	cred   connection.Credentials

	saved   session.Saved
	leaving session.Leaving
	places  []auth.Place // what Discover tells, and then finds
	found   *auth.Found
	checks  []session.Check // what CheckConnection tells
	pause   chan struct{}   // received from before each of both; nil: they do not pause
	changes []auth.Change

	runs   *latest.Value[[]*flow.Run] // what was exchanged
	probed []flow.ProbeResult         // what Probe tells, after each pause

	mcp  *fakeMCP
	rest *fakeREST
	kept explore.History
}

func builtinConnections() []session.ConnectionInfo {
	return []session.ConnectionInfo{
		{BuiltIn: true, Connection: connection.Connection{Name: connection.PlaygroundName, Title: "Built-in playground", Resource: connection.Resource{Kind: connection.REST, URL: "http://127.0.0.1:9003"}}},
		{BuiltIn: true, Connection: connection.Connection{Name: connection.PlaygroundMCPName, Title: "Built-in playground (MCP)", Resource: connection.Resource{Kind: connection.MCP, URL: "http://127.0.0.1:9004/mcp"}}},
	}
}

func newFakeBackend(now func() time.Time) *fakeBackend {
	b := &fakeBackend{now: now, runs: latest.New[[]*flow.Run](nil), states: latest.New(&session.State{Phase: session.SignedOut, Connections: builtinConnections()})}
	b.rest = someAPI(b)
	return b
}

// signedIn opens an account over these to-dos.
func (b *fakeBackend) signedIn(t *fakeTodos) *fakeBackend {
	b.mu.Lock()
	b.todos = t
	b.mu.Unlock()
	conn := builtinConnections()
	conn[0].SignedIn, conn[0].Email = true, "alice@example.com"
	b.states.Store(&session.State{
		Phase: session.SignedIn, Connections: conn, Current: connection.PlaygroundName,
		Account: &session.AccountInfo{
			Identity:   auth.Identity{Issuer: "http://127.0.0.1:9001", Subject: "alice", Email: "alice@example.com"},
			Connection: conn[0].Connection, Renewable: true,
		},
		Token: auth.TokenStatus{Have: true, Expires: b.now().Add(113*time.Minute + 30*time.Second), Granted: []string{"todos.read", "todos.write"}},
	})
	return b
}

func (b *fakeBackend) update(change func(*session.State)) {
	b.states.Update(func(old *session.State) *session.State {
		s := *old
		change(&s)
		return &s
	})
}

func (b *fakeBackend) note(format string, args ...any) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = append(b.calls, fmt.Sprintf(format, args...))
	return b.fail
}

func (b *fakeBackend) called() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.calls)
}

func (b *fakeBackend) State() *session.State                      { return b.states.Load() }
func (b *fakeBackend) Watch(f func(*session.State)) (stop func()) { return b.states.Watch(f) }
func (b *fakeBackend) SwitchTo(_ context.Context, name string) error {
	return b.note("switch %s", name)
}
func (b *fakeBackend) Repair()                    { _ = b.note("repair") }
func (b *fakeBackend) Sync(context.Context) error { return b.note("sync") }
func (b *fakeBackend) RemoveConnection(_ context.Context, n string) error {
	return b.note("remove %s", n)
}

func (b *fakeBackend) SignOut(_ context.Context, lose int) error {
	if err := b.note("sign-out, losing %d", lose); err != nil {
		return err
	}
	b.mu.Lock()
	b.todos = nil
	b.mu.Unlock()
	b.states.Store(&session.State{Phase: session.SignedOut, Connections: builtinConnections()})
	return nil
}

func (b *fakeBackend) AddConnection(_ context.Context, c connection.Connection, cred connection.Credentials) error {
	b.mu.Lock()
	b.added, b.cred = c, cred
	b.mu.Unlock()
	if err := b.note("add %s", c.Name); err != nil {
		return err
	}
	b.update(func(s *session.State) {
		s.Connections = append(slices.Clone(s.Connections), session.ConnectionInfo{Connection: c})
	})
	return nil
}

// header names the account.
func (b *fakeBackend) header() archive.Header {
	a := b.State().Account
	return archive.Header{Connection: a.Connection.Name, Issuer: a.Identity.Issuer, Subject: a.Identity.Subject, Email: a.Identity.Email}
}

func (b *fakeBackend) Contents(_ context.Context, by string) (archive.Contents, error) {
	c := archive.Contents{Header: b.header()}
	c.Header.By, c.Header.Made = by, b.now()
	for _, row := range b.Todos().Snapshot().Rows {
		c.Todos = append(c.Todos, row.Todo)
	}
	for _, p := range b.Todos().Outbox() {
		c.Unsent = append(c.Unsent, session.Unsent(p))
	}
	return c, nil
}

func (b *fakeBackend) Incoming(f *archive.File) (items []replica.Incoming, err error) {
	for _, item := range f.Items() {
		items = append(items, replica.Incoming(item))
	}
	if f.Format == archive.Backup && f.Header.Subject != b.header().Subject {
		err = fault.New(fault.StepSetup, fault.Failed, "other_account", "This is a backup of "+f.Header.Who()+", and you are signed in as "+b.header().Who()+".")
	}
	return items, err
}

func (b *fakeBackend) ChangeConnection(_ context.Context, c connection.Connection, cred connection.Credentials) error {
	b.mu.Lock()
	b.added, b.cred = c, cred
	b.mu.Unlock()
	if err := b.note("change %s", c.Name); err != nil {
		return err
	}
	b.update(func(s *session.State) {
		s.Connections = slices.Clone(s.Connections)
		for i := range s.Connections {
			if s.Connections[i].Connection.Name == c.Name {
				s.Connections[i].Connection = c
			}
		}
	})
	return nil
}

func (b *fakeBackend) ExportConnection(_ context.Context, name string) (connection.Connection, error) {
	err := b.note("export %s", name)
	for _, info := range b.State().Connections {
		if info.Connection.Name == name {
			return info.Connection, err
		}
	}
	return connection.Connection{}, err
}

func (b *fakeBackend) SavedSecrets(context.Context, string) (session.Saved, error) {
	return b.saved, nil
}

func (b *fakeBackend) ClientKey(_ context.Context, name string, r session.KeyRequest) (json.RawMessage, error) {
	err := b.note("key %s %s %s", name, r.At, r.Algorithm)
	return json.RawMessage(`{"kty":"EC","crv":"P-256","alg":"ES256","kid":"key-1","x":"AAAA","y":"BBBB"}`), err
}

// step waits until the test lets it go on.
func (b *fakeBackend) step(ctx context.Context) error {
	if b.pause != nil {
		select {
		case <-b.pause:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

func (b *fakeBackend) Discover(ctx context.Context, q auth.Query, each func(auth.Place)) (*auth.Found, error) {
	if err := b.note("discover %s %s %s", q.Address, q.Issuer, q.Given.Resource.AuthorizationServer); err != nil {
		return b.found, err
	}
	for _, p := range b.places {
		if b.step(ctx) != nil {
			return nil, fault.As(ctx.Err())
		}
		each(p)
	}
	return b.found, nil
}

func (b *fakeBackend) CheckConnection(ctx context.Context, name string, each func(session.Check)) []session.Check {
	_ = b.note("check %s", name)
	for _, c := range b.checks {
		if b.step(ctx) != nil {
			break
		}
		each(c)
	}
	return b.checks
}

func (b *fakeBackend) Runs() []*flow.Run                           { return b.runs.Load() }
func (b *fakeBackend) WatchRuns(f func([]*flow.Run)) (stop func()) { return b.runs.Watch(f) }
func (b *fakeBackend) RunAgain(_ context.Context, from fault.Step) error {
	return b.note("run again from %s", from)
}

func (b *fakeBackend) Probe(ctx context.Context, order flow.ProbeOrder, say func(flow.ProbeResult)) (*flow.Scorecard, error) {
	if err := b.note("probe %v, waiting up to %v", order.IDs, order.Patience); err != nil {
		return nil, err
	}
	card := &flow.Scorecard{Connection: "playground", Began: b.now(), Results: b.probed}
	for _, r := range b.probed {
		if b.step(ctx) != nil {
			return card, fault.As(ctx.Err())
		}
		say(r)
	}
	return card, nil
}

func (b *fakeBackend) Changes(context.Context, string) ([]auth.Change, error) { return b.changes, nil }

func (b *fakeBackend) Approve(_ context.Context, name string, seen []auth.Change) error {
	return b.note("approve %s %d", name, len(seen))
}

func (b *fakeBackend) Leaving(context.Context) (session.Leaving, error) { return b.leaving, nil }

func (b *fakeBackend) Todos() Todos {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.todos == nil:
		return nil
	case b.real != nil:
		return b.real
	}
	return b.todos
}

func (b *fakeBackend) BeginSignIn(_ context.Context, name string) (SignIn, error) {
	if err := b.note("sign-in %s", name); err != nil {
		return nil, err
	}
	s := &fakeSignIn{deadline: b.now().Add(5 * time.Minute), done: make(chan error, 1)}
	b.mu.Lock()
	b.signIn = s
	b.mu.Unlock()
	return s, nil
}

// pendingSignIn is the sign-in that waits for the browser.
func (b *fakeBackend) pendingSignIn() *fakeSignIn {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.signIn
}

type fakeSignIn struct {
	deadline time.Time
	done     chan error // what Wait returns

	mu       sync.Mutex
	reopened int
	canceled bool
}

func (s *fakeSignIn) URL(context.Context) (string, error) {
	return "http://127.0.0.1:9001/authorize?x=1", nil
}
func (s *fakeSignIn) Deadline() time.Time { return s.deadline }

func (s *fakeSignIn) Reopen() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reopened++
	return nil
}

func (s *fakeSignIn) Cancel() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.canceled = true
}

func (s *fakeSignIn) Wait(ctx context.Context) error {
	select {
	case err := <-s.done:
		return err
	case <-ctx.Done():
		return fault.As(ctx.Err())
	}
}

// believable is the list of the design, for a day in November.
func believable(now time.Time) []todo.Todo {
	day := func(n int) time.Time { return wholeDayAt(now, n) }
	return []todo.Todo{
		{ID: "1", Title: "Rotate the staging signing keys", Priority: todo.High, Tags: []string{"security"}, Due: day(-1), Description: "Old kid stays in JWKS for 24 h so cached ID tokens still verify."},
		{ID: "2", Title: "Ship release notes for 2.4", Priority: todo.High, Tags: []string{"release"}, Due: day(0)},
		{ID: "3", Title: "Review the ID-JAG policy with IT", Priority: todo.Medium, Tags: []string{"security"}, Due: day(0)},
		{ID: "4", Title: "Book travel for the identity summit", Priority: todo.Medium, Due: day(4)},
		{ID: "5", Title: "Clean up the demo tenant", Priority: todo.Low, Tags: []string{"home"}, Due: day(9)},
		{ID: "6", Title: "Read draft-ietf-oauth-identity-assertion-authz-grant", Priority: todo.Low},
		{ID: "7", Title: "Register the requesting app", Completed: true, Due: day(-11)},
		{ID: "8", Title: "Write the onboarding guide", Completed: true, Tags: []string{"release"}, Due: day(-13)},
	}
}

func wholeDayAt(now time.Time, days int) time.Time {
	d := now.AddDate(0, 0, days)
	return time.Date(d.Year(), d.Month(), d.Day(), 0, 0, 0, 0, time.UTC)
}
