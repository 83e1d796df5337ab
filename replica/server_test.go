package replica

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"waybill/api"
	"waybill/fault"
	"waybill/todo"
)

// server stands in for a to-do service whose answers get lost, come twice, or
// say the wrong thing. What it holds is exact; only its answers are not.
type server struct {
	mu    sync.Mutex
	items map[string]todo.Todo
	keys  map[string]string // Idempotency-Key to the id that it made
	etags int
	calls []string // "create ID", "update ID title,completed" …; only those that had an effect
	lists int

	caps    api.Capabilities
	ownIDs  bool // gives its own ids
	noKeys  bool // does not know Idempotency-Key
	noETags bool
	partial bool // says that its listings may be incomplete
	trim    bool // takes blanks off titles
	latency time.Duration
	wide    bool // its connections are shared by many requests
	flying  int
	mostFly int
	before  func(op, id string) error // fails a call that then has no effect
	after   func(op, id string) error // fails a call that has had its effect
	reject  func(op string, t todo.Todo) error
}

func newServer(items ...todo.Todo) *server {
	s := &server{items: map[string]todo.Todo{}, keys: map[string]string{},
		caps: api.Capabilities{Read: true, Write: true, Create: true, Update: true, Delete: true}}
	for _, t := range items {
		s.put(t)
	}
	return s
}

func (s *server) put(t todo.Todo) todo.Todo {
	s.etags++
	t.ETag = ""
	if !s.noETags {
		t.ETag = fmt.Sprintf("%q", fmt.Sprint(s.etags))
	}
	if s.trim {
		t.Title = strings.TrimSpace(t.Title)
	}
	s.items[t.ID] = t
	return t
}

// change edits an item as someone else would.
func (s *server) change(id string, f func(*todo.Todo)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.items[id]
	f(&t)
	s.put(t)
}

func (s *server) drop(ids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		delete(s.items, id)
	}
	s.etags++
}

func (s *server) get(id string) (todo.Todo, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.items[id]
	return t, ok
}

func (s *server) titles() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, t := range s.items {
		out = append(out, t.Title)
	}
	slices.Sort(out)
	return out
}

func (s *server) done() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

func (s *server) enter(ctx context.Context, op, id string) (leave func(*error), err error) {
	s.mu.Lock()
	s.flying++
	s.mostFly = max(s.mostFly, s.flying)
	wait := s.latency
	s.mu.Unlock()
	if wait > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	s.mu.Lock()
	if s.before != nil {
		err = s.before(op, id)
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return func(err *error) {
		if *err == nil && s.after != nil {
			*err = s.after(op, id)
		}
		s.flying--
		s.mu.Unlock()
	}, err
}

func (s *server) List(ctx context.Context, etag string) (list api.List, err error) {
	leave, err := s.enter(ctx, "list", "")
	defer leave(&err)
	if err != nil {
		return api.List{}, err
	}
	s.lists++
	now := fmt.Sprint("list ", s.etags, len(s.items))
	if etag == now {
		return api.List{NotModified: true, ETag: now, Complete: true}, nil
	}
	items := slices.Collect(maps.Values(s.items))
	slices.SortFunc(items, func(a, b todo.Todo) int { return strings.Compare(a.ID, b.ID) })
	return api.List{Todos: items, ETag: now, Complete: !s.partial}, nil
}

func (s *server) Get(ctx context.Context, id string) (t todo.Todo, err error) {
	leave, err := s.enter(ctx, "get", id)
	defer leave(&err)
	if err != nil {
		return todo.Todo{}, err
	}
	t, ok := s.items[id]
	if !ok {
		return todo.Todo{}, gone()
	}
	return t, nil
}

func (s *server) Create(ctx context.Context, t todo.Todo, key string) (got todo.Todo, err error) {
	leave, err := s.enter(ctx, "create", t.ID)
	defer leave(&err)
	if err != nil {
		return todo.Todo{}, err
	}
	if id, ok := s.keys[key]; ok && !s.noKeys {
		if now, ok := s.items[id]; ok {
			return now, nil
		}
		t.ID = id // as it answered the first time
		return t, nil
	}
	if s.reject != nil {
		if err := s.reject("create", t); err != nil {
			return todo.Todo{}, err
		}
	}
	if s.ownIDs {
		t.ID = fmt.Sprintf("server-%d", s.etags+1)
	} else if now, ok := s.items[t.ID]; ok {
		return todo.Todo{}, changed(now)
	}
	s.keys[key] = t.ID
	s.calls = append(s.calls, "create "+t.Title)
	return s.put(t), nil
}

func (s *server) Update(ctx context.Context, id string, p todo.Patch, ifMatch string) (t todo.Todo, err error) {
	leave, err := s.enter(ctx, "update", id)
	defer leave(&err)
	if err != nil {
		return todo.Todo{}, err
	}
	t, ok := s.items[id]
	switch {
	case !ok:
		return todo.Todo{}, gone()
	case ifMatch != "" && ifMatch != t.ETag:
		return todo.Todo{}, changed(t)
	case s.reject != nil:
		if err := s.reject("update", p.Apply(t)); err != nil {
			return todo.Todo{}, err
		}
	}
	var fields []string
	for _, f := range p.Fields() {
		fields = append(fields, string(f))
	}
	s.calls = append(s.calls, "update "+p.Apply(t).Title+" "+strings.Join(fields, ","))
	return s.put(p.Apply(t)), nil
}

func (s *server) Delete(ctx context.Context, id, ifMatch string) (err error) {
	leave, err := s.enter(ctx, "delete", id)
	defer leave(&err)
	if err != nil {
		return err
	}
	t, ok := s.items[id]
	switch {
	case !ok:
		return nil
	case ifMatch != "" && ifMatch != t.ETag:
		return changed(t)
	}
	delete(s.items, id)
	s.etags++
	s.calls = append(s.calls, "delete "+t.Title)
	return nil
}

func (s *server) Capabilities(context.Context) (api.Capabilities, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.caps, nil
}

func (s *server) Multiplexed() bool { return s.wide }

func (s *server) Close() error { return nil }

func (s *server) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// The faults of package api.

func gone() error {
	return fault.New(fault.StepCall, fault.NotFound, "http_404", "The to-do is not there.").WithServer(404, "")
}

func changed(now todo.Todo) error {
	return fault.New(fault.StepCall, fault.Conflict, "http_412", "The to-do was changed meanwhile.").WithServer(412, "").
		Because(&api.ConflictError{Current: now})
}

func offline() error {
	return fault.New(fault.StepCall, fault.Offline, "network", "The to-do service could not be reached.")
}

func trouble(status, retryAfter int) error {
	f := fault.New(fault.StepCall, fault.Offline, fmt.Sprint("http_", status), "The to-do service cannot answer.").WithServer(status, "")
	f.RetryAfter = retryAfter
	return f
}

func invalid(words string) error {
	return fault.New(fault.StepCall, fault.Invalid, "http_422", "The to-do service does not accept this change.").WithServer(422, words)
}

// Helpers of the tests.

// testSeams watch no folder: a bubble of virtual time cannot wait for one.
func testSeams() seams {
	return seams{migrations, func(string) error { return nil }, func(string) (<-chan fsEvent, <-chan error, func()) {
		return make(chan fsEvent), nil, func() {}
	}}
}

// inMemory opens a Replica without a file.
func inMemory(t testing.TB) *Replica {
	t.Helper()
	return opened(t, Options{}, testSeams())
}

func opened(t testing.TB, o Options, with seams) *Replica {
	t.Helper()
	r, err := open(context.Background(), o, with)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// runs starts Run and ends it with the test.
func runs(t *testing.T, r *Replica, c api.Client) {
	t.Helper()
	c = reached(t, c)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := r.Run(ctx, c); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	synctest.Wait()
}

func add(t testing.TB, r *Replica, title string) string {
	t.Helper()
	id, err := r.Add(context.Background(), todo.Todo{Title: title})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func update(t testing.TB, r *Replica, id string, p todo.Patch) {
	t.Helper()
	if err := r.Update(context.Background(), id, p); err != nil {
		t.Fatal(err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func ptr[T any](v T) *T { return &v }

func rename1(title string) todo.Patch { return todo.Patch{Title: &title} }

// row returns the row with this title, or fails.
func row(t testing.TB, r *Replica, title string) *Row {
	t.Helper()
	for _, row := range r.Snapshot().Rows {
		if row.Todo.Title == title {
			return row
		}
	}
	t.Fatalf("no row %q among %v", title, titlesOf(r))
	return nil
}

func titlesOf(r *Replica) (out []string) {
	for _, row := range r.Snapshot().Rows {
		out = append(out, row.Todo.Title)
	}
	return out
}

func sentence(r *Replica) string { return r.Snapshot().Status.Sentence }

func wantSentence(t testing.TB, r *Replica, want string) {
	t.Helper()
	if got := sentence(r); got != want {
		t.Fatalf("the status says %q, want %q", got, want)
	}
}
