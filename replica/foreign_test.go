package replica_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"waybill/api"
	"waybill/connection"
	"waybill/fault"
	"waybill/replica"
	"waybill/secret"
	"waybill/todo"
	"waybill/transport"
)

type given struct{}

func (given) Token(context.Context) (secret.Text, []string, error) {
	return secret.New(foreignToken), nil, nil
}
func (given) Refused(secret.Text) {}

// apis are the servers whose shapes a connection can describe.
func apis() map[string]func() *foreign {
	return map[string]func() *foreign{
		"Microsoft To Do": graph, "Google Tasks": google, "json-server": plain, "Rails": rails,
		"Todoist": func() *foreign { return todoist(false) }, "Todoist that hides": func() *foreign { return todoist(true) },
	}
}

// everyAPI runs f for each of them.
func everyAPI(t *testing.T, f func(t *testing.T, s *foreign)) {
	for name, make := range apis() {
		t.Run(name, func(t *testing.T) { f(t, make()) })
	}
}

// computerAt opens a copy of the to-dos of f on a computer of its own.
func computerAt(t *testing.T, f *foreign) computer {
	t.Helper()
	l := &line{}
	network := transport.New(transport.Options{DialContext: l.dial})
	t.Cleanup(network.CloseIdle)
	scopes := f.scopes
	if scopes == nil {
		scopes = []string{"anything"}
	}
	resource := connection.Resource{Kind: connection.REST, URL: f.URL + "/base/", ClientID: "c", Scopes: scopes, Todos: &f.todos}
	conn := connection.Connection{Name: "foreign", IdP: connection.IdP{Issuer: "https://idp.example", ClientID: "i"}, Resource: resource}
	check(t, conn.Validate())
	client := api.NewREST(api.Options{Transport: network, Tokens: given{}, Resource: resource})
	t.Cleanup(func() { _ = client.Close() })
	r, err := replica.Open(t.Context(), replica.Options{Dir: filepath.Join(t.TempDir(), "data"), Account: t.Name(), Key: [32]byte{1}})
	check(t, err)
	c := computer{r, l}
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

// settled syncs until everything is sent, whatever gets lost on the way.
func (c computer) settled(t *testing.T) {
	t.Helper()
	for n := 0; ; n++ {
		err := c.SyncNow(t.Context())
		if err != nil && !fault.Is(err, fault.Offline) && !fault.Is(err, fault.Failed) {
			t.Fatal(err)
		}
		if err == nil && c.Snapshot().Status.Waiting == 0 {
			break
		}
		if n > 1000 {
			t.Fatalf("never done: %+v, %v", c.Snapshot().Status, err)
		}
	}
	for _, p := range c.Outbox() {
		t.Errorf("left in the outbox: %s %q: %s (%v)", p.What, p.Title, p.Why, p.Fault)
	}
}

// rich is a to-do with everything that the API has a place for.
func (f *foreign) richest(title string) todo.Todo {
	made := todo.Todo{Title: title}
	if f.todos.Filled().Description != nil {
		made.Description = "two <b>liters</b> & more"
	}
	if f.todos.Filled().Due != nil {
		made.Due = day
	}
	if f.rich {
		made.Priority, made.Tags = todo.High, []string{"home", "été"}
	}
	return made
}

func same(t *testing.T, got, want todo.Todo) {
	t.Helper()
	if !todo.SameContent(got, want) {
		t.Errorf("there is %+v, want %+v", got, want)
	}
}

func TestForeignAPIs_CreateEditCompleteDelete(t *testing.T) {
	everyAPI(t, func(t *testing.T, s *foreign) {
		s.serve(t, "one", "two", "three")
		c, other := computerAt(t, s), computerAt(t, s)
		if got := c.titles(); !slices.Equal(got, []string{"one", "three", "two"}) {
			t.Fatalf("%v", got)
		}
		want := s.richest("Milk")
		id, err := c.Add(t.Context(), want)
		check(t, err)
		c.settled(t)
		same(t, c.find(t, "Milk").Todo, want)
		want.Title = "Oat milk"
		check(t, c.Update(t.Context(), id, todo.Patch{Title: &want.Title}))
		c.settled(t)
		other.settled(t)
		same(t, other.find(t, "Oat milk").Todo, want)

		cleared := todo.Patch{Description: ptr(""), Due: ptr(time.Time{})}
		want.Description, want.Due = "", time.Time{}
		if s.rich {
			cleared.Priority, cleared.Tags = ptr(todo.Low), &[]string{"work"}
			want.Priority, want.Tags = todo.Low, []string{"work"}
		}
		check(t, other.Update(t.Context(), other.find(t, "Oat milk").Todo.ID, cleared))
		other.settled(t)
		c.settled(t)
		same(t, c.find(t, "Oat milk").Todo, want)

		two := c.find(t, "two").Todo.ID
		check(t, c.Update(t.Context(), two, todo.Patch{Completed: ptr(true), Title: ptr("two, done")}))
		c.settled(t)
		s.completed(t, "two, done", true)
		if !s.todos.Filled().OpenOnly {
			check(t, c.Update(t.Context(), two, todo.Patch{Completed: ptr(false)}))
			c.settled(t)
			s.completed(t, "two, done", false)
		}
		check(t, c.Delete(t.Context(), c.find(t, "three").Todo.ID))
		c.settled(t)
		other.settled(t)
		if got := s.titles(); !slices.Equal(got, []string{"Oat milk", "one", "two, done"}) {
			t.Fatalf("%v", got)
		}
		if !slices.Equal(c.titles(), other.titles()) {
			t.Fatalf("%v, %v", c.titles(), other.titles())
		}
		for _, title := range []string{"one", "two, done"} {
			if item := s.named(title); item[s.extra] == nil {
				t.Errorf("%q has lost %s: %v", title, s.extra, item)
			}
		}
	})
}

func (f *foreign) completed(t *testing.T, title string, want bool) {
	t.Helper()
	done := f.todos.Filled().Done
	if got := done.Means(f.named(title)[string(done.Path)]); got != want {
		t.Errorf("%q is done: %v", title, got)
	}
}

// Edits on a train, and others meanwhile: different fields merge, an edit
// outweighs a deletion, whichever came first.
func TestR30_ForeignAPIs_OfflineEditsMerge(t *testing.T) {
	everyAPI(t, func(t *testing.T, s *foreign) {
		s.serve(t, "rename", "delete here", "delete there", "both titles", "kept")
		c, other := computerAt(t, s), computerAt(t, s)
		id := func(c computer, title string) string { return c.find(t, title).Todo.ID }
		c.line.cut()
		made, err := c.Add(t.Context(), s.richest("from the train"))
		check(t, err)
		check(t, c.Update(t.Context(), made, todo.Patch{Title: ptr("from the tunnel")}))
		check(t, c.Update(t.Context(), id(c, "rename"), todo.Patch{Title: ptr("renamed")}))
		check(t, c.Update(t.Context(), id(c, "delete there"), todo.Patch{Title: ptr("wanted here")}))
		check(t, c.Update(t.Context(), id(c, "both titles"), todo.Patch{Title: ptr("mine")}))
		check(t, c.Delete(t.Context(), id(c, "delete here")))

		check(t, other.Update(t.Context(), id(other, "rename"), todo.Patch{Completed: ptr(true)}))
		check(t, other.Update(t.Context(), id(other, "delete here"), todo.Patch{Title: ptr("wanted there")}))
		check(t, other.Update(t.Context(), id(other, "both titles"), todo.Patch{Title: ptr("theirs")}))
		check(t, other.Delete(t.Context(), id(other, "delete there")))
		other.settled(t)

		c.line.set(func() { c.line.off = false })
		check(t, c.SyncNow(t.Context()))
		check(t, c.SyncNow(t.Context()))
		if row := c.find(t, "mine"); row.State != replica.Conflict || row.Theirs == nil || row.Theirs.Title != "theirs" {
			t.Fatalf("%+v", row)
		}
		check(t, c.Resolve(t.Context(), c.find(t, "mine").Todo.ID, replica.KeepMine))
		check(t, c.SyncNow(t.Context()))
		for _, p := range c.Outbox() {
			if p.State != replica.PendingDiscarded {
				t.Errorf("left in the outbox: %+v", p)
			}
		}
		want := []string{"from the tunnel", "kept", "mine", "renamed", "wanted here", "wanted there"}
		if hides := strings.Contains(t.Name(), "hides"); hides {
			// Whether it is done or gone cannot be told there, so the edit is kept
			// as a new one beside the one that is done.
			want = []string{"from the tunnel", "kept", "mine", "rename", "renamed", "wanted here", "wanted there"}
		} else {
			s.completed(t, "renamed", true)
		}
		if got := s.titles(); !slices.Equal(got, want) {
			t.Fatalf("the server has %v", got)
		}
		other.settled(t)
		if !slices.Equal(c.titles(), other.titles()) {
			t.Fatalf("%v, %v", c.titles(), other.titles())
		}
	})
}

// The same without anything new, so that nothing is fetched before it is sent:
// what others changed is found out while sending, also where there are no entity
// tags.
func TestR30_ForeignAPIs_WhatOthersChangedIsFoundWhileSending(t *testing.T) {
	everyAPI(t, func(t *testing.T, s *foreign) {
		s.serve(t, "delete here", "both titles", "both")
		c, other := computerAt(t, s), computerAt(t, s)
		id := func(c computer, title string) string { return c.find(t, title).Todo.ID }
		c.line.cut()
		check(t, c.Delete(t.Context(), id(c, "delete here")))
		check(t, c.Update(t.Context(), id(c, "both titles"), todo.Patch{Title: ptr("mine")}))
		check(t, c.Update(t.Context(), id(c, "both"), todo.Patch{Title: ptr("renamed")}))
		check(t, other.Update(t.Context(), id(other, "delete here"), todo.Patch{Title: ptr("wanted there")}))
		check(t, other.Update(t.Context(), id(other, "both titles"), todo.Patch{Title: ptr("theirs")}))
		field := todo.Patch{Completed: ptr(true)}
		if s.todos.Filled().OpenOnly {
			field = todo.Patch{Priority: ptr(todo.High)}
		}
		check(t, other.Update(t.Context(), id(other, "both"), field))
		other.settled(t)
		c.line.set(func() { c.line.off = false })
		check(t, c.SyncNow(t.Context()))
		check(t, c.SyncNow(t.Context()))
		if row := c.find(t, "mine"); row.State != replica.Conflict || row.Theirs == nil || row.Theirs.Title != "theirs" {
			t.Fatalf("%+v", row)
		}
		check(t, c.Resolve(t.Context(), c.find(t, "mine").Todo.ID, replica.KeepTheirs))
		check(t, c.SyncNow(t.Context()))
		if got := s.titles(); !slices.Equal(got, []string{"renamed", "theirs", "wanted there"}) {
			t.Fatalf("the server has %v", got)
		}
		both := c.find(t, "renamed").Todo
		if both.Completed == s.todos.Filled().OpenOnly || (both.Priority == todo.High) != s.todos.Filled().OpenOnly {
			t.Errorf("%+v", both)
		}
	})
}

// Every answer to a change is lost once, after it was done.
func TestR31_ForeignAPIs_LostAnswersDoubleNothing(t *testing.T) {
	everyAPI(t, func(t *testing.T, s *foreign) {
		s.serve(t, "rename", "complete", "delete", "kept")
		c := computerAt(t, s)
		lost := map[int]bool{}
		s.set(func() {
			s.lose = func(string) bool { // every second one
				n := len(s.calls)
				lost[n] = true
				return n%2 == 1
			}
		})
		for n := range 6 {
			_, err := c.Add(t.Context(), s.richest(fmt.Sprint("made ", n)))
			check(t, err)
			c.settled(t)
		}
		check(t, c.Update(t.Context(), c.find(t, "rename").Todo.ID, todo.Patch{Title: ptr("renamed")}))
		c.settled(t)
		check(t, c.Update(t.Context(), c.find(t, "made 3").Todo.ID, todo.Patch{Title: ptr("made three")}))
		c.settled(t)
		check(t, c.Update(t.Context(), c.find(t, "complete").Todo.ID, todo.Patch{Completed: ptr(true), Title: ptr("completed")}))
		c.settled(t)
		for _, title := range []string{"delete", "made 4"} {
			check(t, c.Delete(t.Context(), c.find(t, title).Todo.ID))
			c.settled(t)
		}
		want := []string{"completed", "kept", "made 0", "made 1", "made 2", "made 5", "made three", "renamed"}
		if got := s.titles(); !slices.Equal(got, want) {
			t.Fatalf("the server has %v after %v", got, s.calls)
		}
		s.completed(t, "completed", true)
		if len(lost) < 10 {
			t.Errorf("only %d changes", len(lost))
		}
		other := computerAt(t, s)
		if !slices.Equal(c.titles(), other.titles()) {
			t.Errorf("%v, %v", c.titles(), other.titles())
		}
		same(t, other.find(t, "made 2").Todo, s.richest("made 2"))
	})
}

// Lines that break after any number of bytes.
func TestR6_ForeignAPIs_LinesThatBreak(t *testing.T) {
	everyAPI(t, func(t *testing.T, s *foreign) {
		s.serve(t, "kept")
		c := computerAt(t, s)
		c.line.set(func() { c.line.breaks = rand.New(rand.NewPCG(6, 7)) })
		want := []string{"kept"}
		for n := range 40 {
			title := fmt.Sprintf("numbered %03d", n)
			id, err := c.Add(t.Context(), todo.Todo{Title: title})
			check(t, err)
			if n%3 == 0 {
				title += " again"
				check(t, c.Update(t.Context(), id, todo.Patch{Title: &title, Completed: ptr(n%2 == 0)}))
			}
			want = append(want, title)
		}
		c.settled(t)
		c.line.set(func() { c.line.breaks = nil })
		if c.line.broken < 5 {
			t.Errorf("only %d lines broke", c.line.broken)
		}
		if got := s.titles(); !slices.Equal(got, want) {
			t.Fatalf("the server has %d: %v", len(got), got)
		}
		for n := range 40 {
			if n%6 == 0 {
				s.completed(t, fmt.Sprintf("numbered %03d again", n), true)
			}
		}
	})
}

// What the API has no place for is refused here and kept, not dropped.
func TestForeignAPIs_WhatCannotBeKeptIsSaid(t *testing.T) {
	s := google().serve(t, "one")
	c := computerAt(t, s)
	if why := c.Snapshot().Why; why != "This to-do service has no place for a priority or tags and keeps the day of a due date but not its time." {
		t.Errorf("%q", why)
	}
	id := c.find(t, "one").Todo.ID
	check(t, c.Update(t.Context(), id, todo.Patch{Tags: &[]string{"home"}}))
	check(t, c.Update(t.Context(), id, todo.Patch{Title: ptr("renamed")}))
	check(t, c.Update(t.Context(), id, todo.Patch{Due: ptr(day.Add(time.Hour))}))
	c.synced(t)
	var said []string
	for _, p := range c.Outbox() {
		if p.State != replica.PendingRefused {
			t.Errorf("%+v", p)
		}
		said = append(said, p.Fault.Message)
	}
	slices.Sort(said)
	if !slices.Equal(said, []string{"This to-do service has no place for tags.", "This to-do service keeps the day of a due date, not its time."}) {
		t.Errorf("%q", said)
	}
	if got := s.titles(); !slices.Equal(got, []string{"renamed"}) {
		t.Errorf("%v", got)
	}
}
