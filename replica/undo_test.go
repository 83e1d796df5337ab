package replica

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"waybill/todo"
)

// undoCases does one edit each; the state before it is what Undo must give.
var undoCases = map[string]struct {
	label string
	edit  func(t *testing.T, r *Replica)
}{
	"complete": {"Complete", func(t *testing.T, r *Replica) { update(t, r, "0", todo.Patch{Completed: ptr(true)}) }},
	"reopen":   {"Reopen", func(t *testing.T, r *Replica) { update(t, r, "1", todo.Patch{Completed: ptr(false)}) }},
	"rename":   {"Rename", func(t *testing.T, r *Replica) { update(t, r, "0", rename1("other")) }},
	"describe": {"Change description", func(t *testing.T, r *Replica) { update(t, r, "0", todo.Patch{Description: ptr("words")}) }},
	"priority": {"Change priority", func(t *testing.T, r *Replica) { update(t, r, "0", todo.Patch{Priority: ptr(todo.High)}) }},
	"tags":     {"Change tags", func(t *testing.T, r *Replica) { update(t, r, "0", todo.Patch{Tags: &[]string{"b", "c"}}) }},
	"due":      {"Change due date", func(t *testing.T, r *Replica) { update(t, r, "0", todo.Patch{Due: ptr(time.Unix(1e9, 0).UTC())}) }},
	"delete":   {"Delete", func(t *testing.T, r *Replica) { must(t, r.Delete(t.Context(), "0")) }},
	"add":      {"Add", func(t *testing.T, r *Replica) { add(t, r, "new") }},
}

func undoServer() *server {
	return newServer(todo.Todo{ID: "0", Title: "first", Tags: []string{"a", "b"}}, todo.Todo{ID: "1", Title: "second", Completed: true})
}

func TestUndoAndRedoOfEveryEditBeforeItIsSent(t *testing.T) {
	for name, c := range undoCases {
		s := undoServer()
		bubble(t, s, func(t *testing.T, r *Replica) {
			runs(t, r, s)
			s.set(func() { s.before = func(string, string) error { return offline() } })
			before := content(r)
			c.edit(t, r)
			after := content(r)
			if r.Snapshot().Undo != c.label || slices.Equal(before, after) {
				t.Fatalf("%s: undo is called %q", name, r.Snapshot().Undo)
			}
			for range 3 {
				must(t, r.Undo(t.Context()))
				if got := content(r); !slices.Equal(got, before) || r.Snapshot().Redo != c.label || r.Snapshot().Undo != "" {
					t.Fatalf("%s undone: %v, want %v", name, got, before)
				}
				must(t, r.Redo(t.Context()))
				if got := content(r); !slices.Equal(got, after) {
					t.Fatalf("%s done again: %v, want %v", name, got, after)
				}
			}
			must(t, r.Undo(t.Context()))
			s.set(func() { s.before = nil })
			must(t, r.SyncNow(t.Context()))
			if got := content(r); !slices.Equal(got, before) || len(r.Outbox()) != 0 {
				t.Fatalf("%s: after the sync %v, want %v; left %v", name, got, before, r.Outbox())
			}
		})
	}
}

func TestAnEditTakenBackBeforeItIsSentLeavesNoTrace(t *testing.T) {
	for name, c := range undoCases {
		s := undoServer()
		bubble(t, s, func(t *testing.T, r *Replica) {
			must(t, r.round(t.Context(), s, setOf(WakeUser)))
			c.edit(t, r)
			must(t, r.Undo(t.Context()))
			if n := len(r.Outbox()); n != 0 {
				t.Fatalf("%s: %d left in the outbox", name, n)
			}
		})
	}
}

func TestUndoAndRedoOfEveryEditAfterItWasSynced(t *testing.T) {
	for name, c := range undoCases {
		s := undoServer()
		bubble(t, s, func(t *testing.T, r *Replica) {
			runs(t, r, s)
			before := content(r)
			c.edit(t, r)
			synctest.Wait()
			after := content(r)
			for range 2 {
				must(t, r.Undo(t.Context()))
				synctest.Wait()
				must(t, r.SyncNow(t.Context()))
				if got := content(r); !slices.Equal(got, before) || len(r.Outbox()) != 0 {
					t.Fatalf("%s undone: %v, want %v; left %+v", name, got, before, r.Outbox())
				}
				must(t, r.Redo(t.Context()))
				synctest.Wait()
				must(t, r.SyncNow(t.Context()))
				if got := content(r); !slices.Equal(got, after) {
					t.Fatalf("%s done again: %v, want %v", name, got, after)
				}
			}
		})
	}
}

func TestUndoLeavesWhatOthersChangedSince(t *testing.T) {
	s := undoServer()
	bubble(t, s, func(t *testing.T, r *Replica) {
		runs(t, r, s)
		update(t, r, "0", todo.Patch{Title: ptr("mine"), Priority: ptr(todo.High)})
		synctest.Wait()
		s.change("0", func(t *todo.Todo) { t.Title = "theirs" })
		must(t, r.SyncNow(t.Context()))
		must(t, r.Undo(t.Context()))
		synctest.Wait()
		if got, _ := s.get("0"); got.Title != "theirs" || got.Priority != todo.NoPriority {
			t.Fatalf("%+v", got)
		}
		update(t, r, "0", rename1("mine again"))
		synctest.Wait()
		s.change("0", func(t *todo.Todo) { t.Title = "theirs again" })
		must(t, r.SyncNow(t.Context()))
		if err := r.Undo(t.Context()); !errors.Is(err, errMoved) {
			t.Fatal(err)
		}
		if got, _ := s.get("0"); got.Title != "theirs again" {
			t.Fatalf("%+v", got)
		}
	})
}

func TestUndoStopsAtTheFirstEdit(t *testing.T) {
	s := undoServer()
	bubble(t, s, func(t *testing.T, r *Replica) {
		runs(t, r, s)
		if err := r.Undo(t.Context()); !errors.Is(err, errNoUndo) {
			t.Fatal(err)
		}
		if err := r.Redo(t.Context()); !errors.Is(err, errNoRedo) {
			t.Fatal(err)
		}
		for _, title := range []string{"a", "b", "c"} {
			update(t, r, "0", rename1(title))
		}
		must(t, r.Undo(t.Context()))
		must(t, r.Undo(t.Context()))
		row(t, r, "a")
		update(t, r, "0", rename1("d")) // ends what could be done again
		if err := r.Redo(t.Context()); !errors.Is(err, errNoRedo) {
			t.Fatal(err)
		}
	})
}

// The server has the edit, though no answer said so: taking it back has to reach
// the server, whatever is known of that.
func TestUndoOfEveryEditWhoseAnswerWasLost(t *testing.T) {
	for name, c := range undoCases {
		for _, versions := range []bool{true, false} {
			s := undoServer()
			s.noETags = !versions
			bubble(t, s, func(t *testing.T, r *Replica) {
				runs(t, r, s)
				update(t, r, add(t, r, "Bread"), rename1("Butter")) // tells that the server keeps ids
				synctest.Wait()
				before := content(r)
				s.set(func() {
					s.after = func(op, _ string) error {
						if op != "list" {
							return offline()
						}
						return nil
					}
				})
				had, _ := s.get("0")
				c.edit(t, r)
				synctest.Wait()
				if now, _ := s.get("0"); todo.SameContent(had, now) && name != "reopen" && name != "add" || len(r.Outbox()) != 1 {
					t.Fatalf("%s: the server has %+v, waiting are %+v", name, now, r.Outbox())
				}
				s.set(func() { s.after = nil })
				must(t, r.Undo(t.Context()))
				must(t, r.SyncNow(t.Context()))
				must(t, r.SyncNow(t.Context()))
				if got := content(r); !slices.Equal(got, before) || len(r.Outbox()) != 0 {
					t.Errorf("%s, versions %v: the server has not taken it back: %v, want %v; left %+v", name, versions, got, before, r.Outbox())
				}
			})
		}
	}
}
