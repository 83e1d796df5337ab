package replica

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"waybill/fault"
	"waybill/todo"
)

// whole is the to-do as a backup has it.
func whole(t todo.Todo) Incoming { return Incoming{t.ID, todo.PatchOf(t)} }

func wholes(items []todo.Todo) (out []Incoming) {
	for _, t := range items {
		out = append(out, whole(t))
	}
	return out
}

func imports(t testing.TB, r *Replica, items []Incoming, want Compared) {
	t.Helper()
	waiting := r.Snapshot().Status.Waiting
	n, err := r.Compare(t.Context(), items)
	must(t, err)
	if n != want {
		t.Fatalf("it would be %+v, want %+v", n, want)
	}
	if now := r.Snapshot().Status.Waiting; now > waiting { // fewer: what was waiting is sent meanwhile
		t.Fatalf("comparing left %d edits", now-waiting)
	}
	if n, err = r.Import(t.Context(), items); err != nil || n != want {
		t.Fatalf("it was %+v, want %+v: %v", n, want, err)
	}
}

func TestImportAddsChangesAndLeaves(t *testing.T) {
	s := newServer(some(4)...)
	bubble(t, s, func(t *testing.T, r *Replica) {
		runs(t, r, s)
		must(t, r.SyncNow(t.Context()))
		third := r.Snapshot().Rows[2].Todo
		file := wholes([]todo.Todo{r.Snapshot().Rows[0].Todo, r.Snapshot().Rows[1].Todo})
		file = append(file,
			Incoming{third.ID, todo.Patch{Priority: ptr(todo.High)}},                // of the rest it does not speak
			Incoming{"elsewhere", todo.PatchOf(todo.Todo{Title: "from elsewhere"})}, // an id that is not here
			Incoming{"", rename1("without an id")},
			Incoming{third.ID, rename1("the same id once more")},
		)
		imports(t, r, file, Compared{Added: 3, Changed: 1, Same: 2})
		must(t, r.SyncNow(t.Context()))
		if got, _ := s.get(third.ID); got.Title != third.Title || got.Priority != todo.High {
			t.Errorf("the third is now %+v", got)
		}
		for _, title := range []string{"from elsewhere", "without an id", "the same id once more"} {
			if !slices.Contains(s.titles(), title) {
				t.Errorf("%q did not arrive: %q", title, s.titles())
			}
		}
		if len(s.titles()) != 7 {
			t.Errorf("the server has %q", s.titles())
		}
	})
}

func TestImportingTwiceDoublesNothing(t *testing.T) {
	s := newServer(some(5)...)
	bubble(t, s, func(t *testing.T, r *Replica) {
		runs(t, r, s)
		must(t, r.SyncNow(t.Context()))
		file := []Incoming{
			{"a", todo.PatchOf(todo.Todo{Title: "twin", Tags: []string{"x"}})},
			{"b", todo.PatchOf(todo.Todo{Title: "twin", Tags: []string{"x"}})}, // two that say the same are two
			{"", rename1("title alone")},
			whole(todo.Todo{ID: "c", Title: "dated", Due: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)}),
		}
		imports(t, r, file, Compared{Added: 4})
		imports(t, r, file, Compared{Same: 4})
		must(t, r.SyncNow(t.Context()))
		imports(t, r, file, Compared{Same: 4})
		if n := len(s.titles()); n != 9 {
			t.Errorf("the server has %d: %q", n, s.titles())
		}
	})
}

func TestAnImportIsUndoneAndRedoneInOneStep(t *testing.T) {
	for _, synced := range []bool{false, true} {
		t.Run(fmt.Sprint("synced ", synced), func(t *testing.T) {
			s := newServer(some(3)...)
			bubble(t, s, func(t *testing.T, r *Replica) {
				runs(t, r, s)
				must(t, r.SyncNow(t.Context()))
				sync := func() {
					if synced {
						must(t, r.SyncNow(t.Context()))
					}
				}
				before := content(r)
				first := r.Snapshot().Rows[0].Todo
				imports(t, r, []Incoming{{"", rename1("new")}, {first.ID, rename1("changed")}}, Compared{Added: 1, Changed: 1})
				after := content(r)
				sync()
				if label := r.Snapshot().Undo; label != "Import" {
					t.Errorf("it would undo %q", label)
				}
				must(t, r.Undo(t.Context()))
				sync()
				if got := content(r); !slices.Equal(got, before) {
					t.Errorf("undone: %q, want %q", got, before)
				}
				must(t, r.Redo(t.Context()))
				sync()
				if got := content(r); !slices.Equal(got, after) {
					t.Errorf("done again: %q, want %q", got, after)
				}
			})
		})
	}
}

func TestUndoOfAnImportLeavesWhatOthersChangedSince(t *testing.T) {
	s := newServer(some(2)...)
	bubble(t, s, func(t *testing.T, r *Replica) {
		runs(t, r, s)
		must(t, r.SyncNow(t.Context()))
		imports(t, r, []Incoming{{"0", rename1("imported 0")}, {"1", rename1("imported 1")}}, Compared{Changed: 2})
		must(t, r.SyncNow(t.Context()))
		s.change("1", func(t *todo.Todo) { t.Title = "theirs" })
		must(t, r.SyncNow(t.Context()))
		must(t, r.Undo(t.Context()))
		must(t, r.SyncNow(t.Context()))
		if got := s.titles(); !slices.Contains(got, "theirs") || slices.Contains(got, "imported 0") {
			t.Errorf("the server has %q", got)
		}
	})
}

func TestAnImportThatCannotBeIsNotBegun(t *testing.T) {
	s := newServer(some(1)...)
	bubble(t, s, func(t *testing.T, r *Replica) {
		runs(t, r, s)
		must(t, r.SyncNow(t.Context()))
		want := content(r)
		for _, items := range [][]Incoming{
			{{"", rename1("good")}, {"", rename1(" \t")}},
			{{"", rename1("good")}, {"nowhere", todo.Patch{Priority: ptr(todo.Low)}}},
		} {
			if _, err := r.Import(t.Context(), items); !fault.Is(err, fault.Invalid) {
				t.Errorf("the error is %v", err)
			}
			if got := content(r); !slices.Equal(got, want) || r.Snapshot().Status.Waiting > 0 || r.Snapshot().Undo != "" {
				t.Errorf("something was imported: %q", got)
			}
		}
	})
}

func TestNothingIsImportedIntoAReadOnlyResource(t *testing.T) {
	s := newServer(some(1)...)
	s.caps.Write, s.caps.Create, s.caps.Update, s.caps.Delete, s.caps.Why = false, false, false, false, "Read only."
	bubble(t, s, func(t *testing.T, r *Replica) {
		runs(t, r, s)
		must(t, r.SyncNow(t.Context()))
		for _, items := range [][]Incoming{{{"", rename1("new")}}, {{"0", rename1("changed")}}} {
			if _, err := r.Compare(t.Context(), items); !fault.Is(err, fault.ReadOnly) {
				t.Errorf("comparing: %v", err)
			}
			if _, err := r.Import(t.Context(), items); !fault.Is(err, fault.ReadOnly) {
				t.Errorf("importing: %v", err)
			}
		}
		imports(t, r, []Incoming{{"0", rename1(r.Snapshot().Rows[0].Todo.Title)}}, Compared{Same: 1})
	})
}

// A crash at any write of an import leaves all of it or nothing.
func TestR20_ACrashWhileImportingLeavesAllOrNothing(t *testing.T) {
	const items = 100
	var file []Incoming
	for i := range items {
		file = append(file, Incoming{"", rename1(fmt.Sprint("imported ", i))})
	}
	o := account(t)
	with, counting, points := testSeams(), false, map[int]int{}
	with.at = func(point string) error {
		if !counting {
			return nil
		}
		crashed := opened(t, image(t, o), testSeams())
		must(t, crashed.ready(t.Context()))
		n := len(crashed.Snapshot().Rows)
		if n != 0 && n != items {
			t.Errorf("after a crash at %s there are %d", point, n)
		}
		points[n]++
		must(t, crashed.Close())
		return nil
	}
	r := opened(t, o, with)
	counting = true
	_, err := r.Import(t.Context(), file)
	counting = false
	must(t, err)
	if points[0] < 3 || points[items] < 1 {
		t.Errorf("crashed at %v", points)
	}

	again := reopened(t, r)
	if n := len(again.Snapshot().Rows); n != items {
		t.Errorf("%d after a start", n)
	}
}

func TestR22_AnImportThatDoesNotFitIsNotThere(t *testing.T) {
	o := account(t)
	with, full := testSeams(), false
	with.at = func(point string) error {
		if full && point == "commit" {
			return errors.New("no space")
		}
		return nil
	}
	r := opened(t, o, with)
	full = true
	if _, err := r.Import(t.Context(), []Incoming{{"", rename1("new")}}); err == nil {
		t.Fatal("said to be saved")
	}
	full = false
	if n := len(r.Snapshot().Rows); n != 0 || r.Snapshot().Undo != "" {
		t.Errorf("%d are shown", n)
	}
	imports(t, r, []Incoming{{"", rename1("new")}}, Compared{Added: 1})
}

func TestTenThousandAreImportedInOneGo(t *testing.T) {
	const items = 10_000
	file := make([]Incoming, items)
	for i := range file {
		file[i] = whole(todo.Todo{ID: fmt.Sprint("old ", i), Title: fmt.Sprint("imported ", i%100), Tags: []string{"backup"}})
	}
	r := opened(t, account(t), testSeams())
	began := r.store.last
	imports(t, r, file, Compared{Added: items})
	if records := r.store.last - began; records > items/recordTodos+1 {
		t.Errorf("%d records", records)
	}
	imports(t, r, file, Compared{Same: items})
}
