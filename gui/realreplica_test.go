package gui

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"waybill/api"
	"waybill/fault"
	"waybill/replica"
	"waybill/todo"
)

// toDoServer is a to-do service in memory: whole, but for what a test takes
// away from it.
type toDoServer struct {
	mu    sync.Mutex
	items []todo.Todo
	etags int
	caps  api.Capabilities
	away  error     // every call fails with it
	last  error     // what kept the last call from being answered
	read  time.Time // when the list was read last
	moved bool      // others have changed it since
	// gate is called before a change is made, without the lock, and may fail it;
	// may be nil.
	gate func(ctx context.Context) error
}

func newToDoServer(items ...todo.Todo) *toDoServer {
	s := &toDoServer{caps: api.Capabilities{Read: true, Write: true, Create: true, Update: true, Delete: true}}
	for _, t := range items {
		s.put(t)
	}
	return s
}

func (s *toDoServer) put(t todo.Todo) todo.Todo {
	s.etags++
	t.ETag = fmt.Sprintf("%q", fmt.Sprint(s.etags))
	if i := s.index(t.ID); i >= 0 {
		s.items[i] = t
	} else {
		s.items = append(s.items, t)
	}
	return t
}

func (s *toDoServer) index(id string) int {
	return slices.IndexFunc(s.items, func(t todo.Todo) bool { return t.ID == id })
}

// set changes the service, as another user does.
func (s *toDoServer) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *toDoServer) change(id string, f func(*todo.Todo)) {
	s.set(func() {
		s.moved = true
		t := s.items[s.index(id)]
		f(&t)
		s.put(t)
	})
}

func (s *toDoServer) remove(ids ...string) {
	s.set(func() {
		s.moved = true
		s.etags++
		s.items = slices.DeleteFunc(s.items, func(t todo.Todo) bool { return slices.Contains(ids, t.ID) })
	})
}

// has is the to-do with this title, the zero to-do if there is none.
func (s *toDoServer) has(title string) (found todo.Todo) {
	s.set(func() {
		for _, t := range s.items {
			if t.Title == title {
				found = t
			}
		}
	})
	return found
}

func (s *toDoServer) enter(ctx context.Context, write bool) error {
	s.mu.Lock()
	s.last = s.away
	away, gate := s.away, s.gate
	s.mu.Unlock()
	if away == nil && write && gate != nil {
		return gate(ctx)
	}
	return away
}

func (s *toDoServer) List(ctx context.Context, etag string) (api.List, error) {
	if err := s.enter(ctx, false); err != nil {
		return api.List{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := fmt.Sprint(s.etags)
	s.read, s.moved = time.Now(), false
	if etag == now {
		return api.List{NotModified: true, ETag: etag}, nil
	}
	return api.List{Todos: slices.Clone(s.items), ETag: now, Complete: true}, nil
}

func (s *toDoServer) Get(ctx context.Context, id string) (todo.Todo, error) {
	if err := s.enter(ctx, false); err != nil {
		return todo.Todo{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.index(id); i >= 0 {
		return s.items[i], nil
	}
	return todo.Todo{}, fault.New(fault.StepCall, fault.NotFound, "not_found", "The server does not have this to-do.")
}

func (s *toDoServer) Create(ctx context.Context, t todo.Todo, _ string) (todo.Todo, error) {
	if err := s.enter(ctx, true); err != nil {
		return todo.Todo{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.put(t), nil
}

func (s *toDoServer) Update(ctx context.Context, id string, p todo.Patch, ifMatch string) (todo.Todo, error) {
	if err := s.enter(ctx, true); err != nil {
		return todo.Todo{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.index(id)
	switch {
	case i < 0:
		return todo.Todo{}, fault.New(fault.StepCall, fault.NotFound, "not_found", "The server does not have this to-do.")
	case ifMatch != "" && ifMatch != s.items[i].ETag:
		return todo.Todo{}, fault.New(fault.StepCall, fault.Conflict, "changed", "The to-do was changed meanwhile.").Because(&api.ConflictError{Current: s.items[i]})
	}
	return s.put(p.Apply(s.items[i])), nil
}

func (s *toDoServer) Delete(ctx context.Context, id, _ string) error {
	if err := s.enter(ctx, true); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.etags++
	s.items = slices.DeleteFunc(s.items, func(t todo.Todo) bool { return t.ID == id })
	return nil
}

func (s *toDoServer) Capabilities(context.Context) (api.Capabilities, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.caps, nil
}

func (s *toDoServer) Multiplexed() bool { return true }
func (s *toDoServer) Close() error      { return nil }

// overReplica runs f with a window over a real replica that syncs with s.
func overReplica(t *testing.T, s *toDoServer, f func(*rig, *replica.Replica)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		now := clock()
		real, err := replica.Open(t.Context(), replica.Options{Now: now})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- real.Run(ctx, s) }()
		defer func() {
			cancel()
			if err := <-ran; err != nil {
				t.Error(err)
			}
			_ = real.Close()
		}()
		r := &rig{T: t, app: test.NewApp(), q: &queue{}}
		r.b = newFakeBackend(now).signedIn(newFakeTodos(now, nil))
		r.b.real = real
		r.open()
		defer func() {
			r.w.Close()
			r.q.drain()
		}()
		f(r, real)
	})
}

// sync runs a whole round.
func (r *rig) sync(real *replica.Replica) {
	r.Helper()
	_ = real.SyncNow(r.Context())
	r.settle()
}

// isRow finds the row with this title.
func (r *rig) isRow(real *replica.Replica, title string) *replica.Row {
	r.Helper()
	for _, row := range real.Snapshot().Rows {
		if row.Todo.Title == title {
			return row
		}
	}
	r.Fatalf("there is no %q, only %q", title, r.shown())
	return nil
}

// keys is a list of one to-do.
func keys() todo.Todo {
	return todo.Todo{ID: "1", Title: "Rotate the keys", Description: "Old words.", Tags: []string{"security"}}
}

// What another computer wrote while one typed is not overwritten, though a sync
// has brought it and it is on the screen: both texts are kept, and either is a
// press away.
func TestR30_WhatWasTypedWhileTheServersTextChangedIsAConflict(t *testing.T) {
	type field struct {
		name         string
		begin        func(*rig)
		theirs       func(*todo.Todo)
		mine, server func(todo.Todo) string
		want         string
	}
	description := func(t todo.Todo) string { return t.Description }
	title := func(t todo.Todo) string { return t.Title }
	for _, f := range []field{
		{"description", func(r *rig) { r.describe() }, func(t *todo.Todo) { t.Description = "Theirs" }, description, description, "Typed. Old words."},
		{"title", func(r *rig) { r.click("1", false); r.key(fyne.KeyF2); r.key(fyne.KeyHome) }, func(t *todo.Todo) { t.Title = "Theirs" }, title, title, "Typed. Rotate the keys"},
	} {
		for keep, want := range map[string]string{"Keep mine": f.want, "Keep theirs": "Theirs"} {
			t.Run(f.name+", "+keep, func(t *testing.T) {
				s := newToDoServer(keys())
				overReplica(t, s, func(r *rig, real *replica.Replica) {
					f.begin(r)
					r.typed("Typed. ")
					s.change("1", f.theirs)
					r.sync(real)
					if f.name == "title" {
						r.key(fyne.KeyReturn)
					} else {
						r.after(2 * typingPause)
					}
					r.sync(real)
					row := real.Snapshot().Rows[0]
					if row.State != replica.Conflict || row.Theirs == nil || f.mine(row.Todo) != f.want || f.server(*row.Theirs) != "Theirs" {
						t.Fatalf("%+v, theirs %+v", row, row.Theirs)
					}
					r.wantText("Changed here and at the server. Which one shall stay?")
					if r.page().status.sentence.words != "1 change needs a look" {
						t.Errorf("the status says %q", r.page().status.sentence.words)
					}
					r.tap(keep)
					r.sync(real)
					if got := f.mine(s.items[0]); got != want || len(real.Outbox()) != 0 {
						t.Errorf("the server has %q, want %q; %d changes wait", got, want, len(real.Outbox()))
					}
					r.wantNoText("Which one shall stay?")
				})
			})
		}
	}
}

// Tags are merged: nobody's is lost, and nobody is asked.
func TestR30_TagsTypedWhileTheServersChangedAreMerged(t *testing.T) {
	s := newToDoServer(keys())
	overReplica(t, s, func(r *rig, real *replica.Replica) {
		r.click("1", false)
		r.page().details.tags.begin()
		s.change("1", func(t *todo.Todo) { t.Tags = []string{"security", "theirs"} })
		r.sync(real)
		r.typed("security, mine")
		r.key(fyne.KeyReturn)
		r.sync(real)
		if got := strings.Join(s.items[0].Tags, " "); got != "security theirs mine" {
			t.Errorf("the tags are %q", got)
		}
	})
}

// A text that somebody else changed while the cursor stood in it stays as it is
// under the cursor. If nothing was typed the new one is there when one leaves;
// if something was, it was typed on what could be seen.
func TestR30_ATextIsNotRewrittenUnderTheCursor(t *testing.T) {
	for _, typed := range []string{"", "Typed. "} {
		t.Run("typed "+typed, func(t *testing.T) {
			s := newToDoServer(keys())
			overReplica(t, s, func(r *rig, real *replica.Replica) {
				f := r.describe()
				s.change("1", func(t *todo.Todo) { t.Description = "Theirs" })
				r.sync(real)
				if f.Text != "Old words." {
					t.Fatalf("under the cursor there is %q now", f.Text)
				}
				r.typed(typed)
				r.w.Canvas().Unfocus()
				r.settle()
				row := real.Snapshot().Rows[0]
				if typed == "" && (f.Text != "Theirs" || row.State != replica.Synced) {
					t.Errorf("the field holds %q, the to-do is %+v", f.Text, row)
				}
				if typed != "" && (f.Text != "Typed. Old words." || row.State != replica.Conflict || row.Theirs.Description != "Theirs") {
					t.Errorf("the field holds %q, the to-do is %+v", f.Text, row)
				}
			})
		})
	}
}

// Typing goes on while what was typed before is sent, refused for want of a
// network, or in conflict: no text is a conflict with an earlier one of one's own.
func TestR30_TypingOnIsNoConflictWithOneself(t *testing.T) {
	s := newToDoServer(keys())
	overReplica(t, s, func(r *rig, real *replica.Replica) {
		f := r.describe()
		for i, words := range []string{"One. ", "Two. ", "Three. ", "Four. "} {
			r.typed(words)
			s.set(func() {
				if s.away = nil; i%2 == 1 {
					s.away = fault.New(fault.StepCall, fault.Offline, "unreachable", "The server cannot be reached.")
				}
			})
			r.after(typingPause)
		}
		s.set(func() { s.away = nil })
		r.sync(real)
		if want := "One. Two. Three. Four. Old words."; f.Text != want || s.items[0].Description != want || len(real.Outbox()) != 0 {
			t.Errorf("the field holds %q, the server %q", f.Text, s.items[0].Description)
		}
	})
}

// Delete against edit keeps the edit, also one that is still being typed.
func TestR30_WhatIsTypedIntoAToDoThatIsDeletedElsewhereIsKept(t *testing.T) {
	s := newToDoServer(keys())
	overReplica(t, s, func(r *rig, real *replica.Replica) {
		r.describe()
		r.typed("Typed. ")
		s.remove("1")
		r.sync(real)
		r.wantText("It was deleted elsewhere. Your change keeps it.")
		r.sync(real)
		if got := s.has("Rotate the keys"); got.Description != "Typed. Old words." || strings.Join(got.Tags, " ") != "security" {
			t.Errorf("the server has %+v", got)
		}
		if got := r.page().details.description.field.Text; got != "Typed. Old words." {
			t.Errorf("the field holds %q", got)
		}
		r.tap("Undo")
		r.sync(real)
		if len(s.items) != 0 || len(r.shown()) != 0 {
			t.Errorf("after Undo the server has %+v", s.items)
		}
	})
}

// aHundred is a list that is long enough for the guard against a mass removal.
func aHundred() (items []todo.Todo) {
	for i := range 100 {
		items = append(items, todo.Todo{ID: fmt.Sprint(i), Title: fmt.Sprintf("Item %02d", i)})
	}
	return items
}

// loses40 takes 40 of its hundred to-dos from the service.
func (s *toDoServer) loses40() {
	var ids []string
	for i := range 40 {
		ids = append(ids, fmt.Sprint(i))
	}
	s.remove(ids...)
}

// A listing that would remove many asks first, beside what the user is doing:
// the keys still go where they went.
func TestR34_AListingThatWouldRemoveManyAsksAndDisturbsNobody(t *testing.T) {
	s := newToDoServer(aHundred()...)
	overReplica(t, s, func(r *rig, real *replica.Replica) {
		r.page().focusAdd()
		r.typed("Buy ")
		s.loses40()
		r.sync(real)
		r.wantText("The server no longer lists 40 of your 100 to-dos.")
		r.typed("milk")
		if f := r.focusedField(); f != r.page().toolbar.add || f.Text != "Buy milk" {
			t.Fatalf("the keys went elsewhere; the field holds %q", r.page().toolbar.add.Text)
		}
		if got := r.page().status.sentence.words; got != "40 of 100 to-dos are no longer at the server" || len(real.Snapshot().Rows) != 100 {
			t.Errorf("the status says %q, %d rows", got, len(real.Snapshot().Rows))
		}
		r.key(fyne.KeyReturn)
		r.isRow(real, "Buy milk")
	})
}

func TestR34_TheToDosThatTheServerLostAreKeptOrRemoved(t *testing.T) {
	for name, c := range map[string]struct {
		press      []string
		said       string
		here, left int
	}{
		"kept":               {[]string{"Keep them here"}, "Kept. They are added to the server again.", 100, 100},
		"removed":            {[]string{"Remove them…", "Remove 40 to-dos"}, "Removed 40 to-dos", 60, 60},
		"kept when in doubt": {[]string{"Remove them…", "Keep them here"}, "Kept. They are added to the server again.", 100, 100},
	} {
		t.Run(name, func(t *testing.T) {
			s := newToDoServer(aHundred()...)
			overReplica(t, s, func(r *rig, real *replica.Replica) {
				s.loses40()
				r.sync(real)
				for _, words := range c.press {
					r.tap(words)
				}
				r.wantText(c.said)
				r.sync(real)
				r.wantNoText("no longer lists")
				if here := len(real.Snapshot().Rows); here != c.here || len(s.items) != c.left {
					t.Errorf("%d are here and %d at the server, want %d and %d", here, len(s.items), c.here, c.left)
				}
			})
		})
	}
}

// What is asked is about the to-dos that were named: when others are missing by
// then the dialog goes, and is not answered for them.
func TestR34_TheQuestionWhetherToRemoveEndsWithItsCause(t *testing.T) {
	s := newToDoServer(aHundred()...)
	overReplica(t, s, func(r *rig, real *replica.Replica) {
		s.loses40()
		r.sync(real)
		r.tap("Remove them…")
		s.remove("50", "51")
		r.sync(real)
		r.wantNoText("It cannot be undone.")
		r.wantText("no longer lists 42 of your 100 to-dos")
		if len(real.Snapshot().Rows) != 100 {
			t.Errorf("%d are left", len(real.Snapshot().Rows))
		}
	})
}
