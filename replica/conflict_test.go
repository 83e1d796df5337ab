package replica

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"waybill/todo"
)

// apart runs f here while the server cannot be reached and g there meanwhile,
// and then brings both together.
func apart(t *testing.T, s *server, r *Replica, here func(), there func()) {
	t.Helper()
	s.set(func() { s.before = func(string, string) error { return offline() } })
	here()
	synctest.Wait()
	there()
	s.set(func() { s.before = nil })
	if err := r.SyncNow(t.Context()); err != nil {
		t.Fatal(err)
	}
	must(t, r.SyncNow(t.Context()))
	synctest.Wait()
}

func TestR30_DifferentFieldsMergeInSilence(t *testing.T) {
	s := newServer(todo.Todo{ID: "1", Title: "Milk", Tags: []string{"home"}})
	bubble(t, s, func(t *testing.T, r *Replica) {
		runs(t, r, s)
		apart(t, s, r, func() {
			update(t, r, "1", todo.Patch{Completed: ptr(true), Tags: &[]string{"home", "mine"}})
		}, func() {
			s.change("1", func(t *todo.Todo) { t.Title, t.Tags = "Soy milk", []string{"theirs"} })
		})
		got, _ := s.get("1")
		if got.Title != "Soy milk" || !got.Completed || !slices.Equal(got.Tags, []string{"theirs", "mine"}) {
			t.Fatalf("%+v", got)
		}
		if row := row(t, r, "Soy milk"); row.State != Synced || !row.Todo.Completed {
			t.Fatalf("%+v", row)
		}
	})
}

func conflict(t *testing.T, f func(t *testing.T, s *server, r *Replica)) {
	t.Helper()
	s := newServer(todo.Todo{ID: "1", Title: "Milk", Description: "two"})
	bubble(t, s, func(t *testing.T, r *Replica) {
		runs(t, r, s)
		apart(t, s, r, func() {
			update(t, r, "1", rename1("Oat milk"))
			update(t, r, "1", todo.Patch{Completed: ptr(true)})
		}, func() {
			s.change("1", func(t *todo.Todo) { t.Title, t.Description = "Soy milk", "three" })
		})
		row := row(t, r, "Oat milk")
		if row.State != Conflict || row.Theirs == nil || row.Theirs.Title != "Soy milk" || !slices.Equal(row.Fields, []todo.Field{todo.FieldTitle}) {
			t.Fatalf("%+v", row)
		}
		wantSentence(t, r, "1 change needs a look")
		if got, _ := s.get("1"); got.Title != "Soy milk" || got.Completed {
			t.Fatalf("sent before the user decided: %+v", got)
		}
		f(t, s, r)
		synctest.Wait()
		if len(r.Outbox()) != 0 {
			t.Fatalf("left: %+v", r.Outbox())
		}
	})
}

func TestR30_ConflictKeepMine(t *testing.T) {
	conflict(t, func(t *testing.T, s *server, r *Replica) {
		must(t, r.Resolve(t.Context(), "1", KeepMine))
		synctest.Wait()
		if got, _ := s.get("1"); got.Title != "Oat milk" || got.Description != "three" || !got.Completed {
			t.Fatalf("%+v", got)
		}
	})
}

func TestR30_ConflictKeepTheirs(t *testing.T) {
	conflict(t, func(t *testing.T, s *server, r *Replica) {
		must(t, r.Resolve(t.Context(), "1", KeepTheirs))
		synctest.Wait()
		if got, _ := s.get("1"); got.Title != "Soy milk" || got.Description != "three" || !got.Completed {
			t.Fatalf("%+v", got)
		}
	})
}

func TestR30_ConflictKeepBoth(t *testing.T) {
	conflict(t, func(t *testing.T, s *server, r *Replica) {
		must(t, r.Resolve(t.Context(), "1", KeepBoth))
		synctest.Wait()
		if got := s.titles(); !slices.Equal(got, []string{"Oat milk", "Soy milk"}) {
			t.Fatalf("%v", got)
		}
	})
}

// Text that was typed on what the server has changed meanwhile does not overwrite
// it, though the change was shown before the text was saved; tags are merged.
func TestR30_WhatWasTypedOnAnOlderTextIsAConflict(t *testing.T) {
	s := newServer(todo.Todo{ID: "1", Title: "Milk", Tags: []string{"home"}})
	bubble(t, s, func(t *testing.T, r *Replica) {
		runs(t, r, s)
		s.change("1", func(t *todo.Todo) { t.Title, t.Tags = "Soy milk", []string{"home", "theirs"} })
		must(t, r.SyncNow(t.Context()))
		row(t, r, "Soy milk") // it is here, while the user types on
		must(t, r.UpdateFrom(t.Context(), "1", todo.Patch{Tags: &[]string{"home", "mine"}}, todo.Patch{Tags: &[]string{"home"}}))
		must(t, r.UpdateFrom(t.Context(), "1", rename1("Oat milk"), rename1("Milk")))
		must(t, r.SyncNow(t.Context()))
		got := row(t, r, "Oat milk")
		if got.State != Conflict || got.Theirs == nil || got.Theirs.Title != "Soy milk" || !slices.Equal(got.Todo.Tags, []string{"home", "theirs", "mine"}) {
			t.Fatalf("%+v, theirs %+v", got, got.Theirs)
		}
		must(t, r.Undo(t.Context()))
		must(t, r.SyncNow(t.Context()))
		if got := row(t, r, "Soy milk"); got.State != Synced || len(r.Outbox()) != 0 {
			t.Fatalf("after Undo %+v, %+v", got, r.Outbox())
		}
	})
}

func TestR30_AConflictThatTheServerMovesAwayFromIsGone(t *testing.T) {
	conflict(t, func(t *testing.T, s *server, r *Replica) {
		s.change("1", func(t *todo.Todo) { t.Title = "Oat milk" })
		must(t, r.SyncNow(t.Context()))
		if got, _ := s.get("1"); !got.Completed || row(t, r, "Oat milk").State != Synced {
			t.Fatalf("%+v", got)
		}
	})
}

func TestR30_DeletedThereEditedHereKeepsTheEdit(t *testing.T) {
	for _, how := range []string{"found while sending", "found by the listing"} {
		s := newServer(todo.Todo{ID: "1", Title: "Milk", Description: "two", Priority: todo.High})
		bubble(t, s, func(t *testing.T, r *Replica) {
			runs(t, r, s)
			apart(t, s, r, func() { update(t, r, "1", rename1("Oat milk")) }, func() {
				s.drop("1")
				if how == "found by the listing" {
					s.set(func() { s.reject = func(string, todo.Todo) error { return trouble(500, -1) } })
					s.set(func() { s.before = nil })
					_ = r.SyncNow(t.Context())
					s.set(func() { s.reject = nil })
				}
			})
			if got, ok := s.get("1"); !ok || got.Title != "Oat milk" || got.Description != "two" || got.Priority != todo.High {
				t.Fatalf("%s: %+v, %v", how, got, ok)
			}
			if row := row(t, r, "Oat milk"); row.State != Synced {
				t.Fatalf("%s: %+v", how, row)
			}
		})
	}
}

func TestR30_DeletedHereEditedThereKeepsTheEdit(t *testing.T) {
	s := newServer(todo.Todo{ID: "1", Title: "Milk"})
	bubble(t, s, func(t *testing.T, r *Replica) {
		runs(t, r, s)
		apart(t, s, r, func() { must(t, r.Delete(t.Context(), "1")) }, func() {
			s.change("1", func(t *todo.Todo) { t.Title = "Soy milk" })
		})
		if got := titlesOf(r); !slices.Equal(got, []string{"Soy milk"}) {
			t.Fatalf("%v", got)
		}
		if p := r.Outbox(); len(p) != 1 || p[0].State != PendingDiscarded || !strings.Contains(p[0].Why, "changed elsewhere") {
			t.Fatalf("%+v", p)
		}
		must(t, r.Restore(t.Context(), r.Outbox()[0].Number)) // and now for good
		synctest.Wait()
		if len(s.titles()) != 0 || len(titlesOf(r)) != 0 {
			t.Fatalf("%v", s.titles())
		}
	})
}

func TestR30_DeletedOnBothSides(t *testing.T) {
	s := newServer(todo.Todo{ID: "1", Title: "Milk"})
	bubble(t, s, func(t *testing.T, r *Replica) {
		runs(t, r, s)
		apart(t, s, r, func() { must(t, r.Delete(t.Context(), "1")) }, func() { s.drop("1") })
		if len(s.titles()) != 0 || len(r.Outbox()) != 0 || len(titlesOf(r)) != 0 {
			t.Fatalf("%v %+v", s.titles(), r.Outbox())
		}
	})
}

func TestR30_TheSameTextAddedOnBothSidesIsTwo(t *testing.T) {
	s := newServer()
	bubble(t, s, func(t *testing.T, r *Replica) {
		runs(t, r, s)
		add(t, r, "Bread") // tells that the server keeps the ids it is given
		synctest.Wait()
		apart(t, s, r, func() { add(t, r, "Milk") }, func() { s.change("x", func(t *todo.Todo) { t.ID, t.Title = "x", "Milk" }) })
		if got := s.titles(); !slices.Equal(got, []string{"Bread", "Milk", "Milk"}) {
			t.Fatalf("%v", got)
		}
	})
}

// Two replicas edit the same two to-dos in every pair of ways; both end alike.
func TestI4_TwoReplicasConverge(t *testing.T) {
	edits := map[string]func(t *testing.T, r *Replica){
		"rename":   func(t *testing.T, r *Replica) { update(t, r, "1", rename1("by "+fmt.Sprint(r.run))) },
		"complete": func(t *testing.T, r *Replica) { update(t, r, "1", todo.Patch{Completed: ptr(true)}) },
		"tag":      func(t *testing.T, r *Replica) { update(t, r, "1", todo.Patch{Tags: &[]string{fmt.Sprint(r.run)}}) },
		"delete":   func(t *testing.T, r *Replica) { must(t, r.Delete(context.Background(), "1")) },
		"due": func(t *testing.T, r *Replica) {
			update(t, r, "1", todo.Patch{Due: ptr(time.Unix(int64(r.run%1e6), 0))})
		},
		"add": func(t *testing.T, r *Replica) { add(t, r, "new") },
	}
	pairs := 0
	for one, f := range edits {
		for two, g := range edits {
			pairs++
			s := newServer(todo.Todo{ID: "1", Title: "Milk"}, todo.Todo{ID: "2", Title: "Bread"})
			synctest.Test(t, func(t *testing.T) {
				a, b := inMemory(t), inMemory(t)
				runs(t, a, s)
				runs(t, b, s)
				s.set(func() { s.before = func(string, string) error { return offline() } })
				f(t, a)
				g(t, b)
				synctest.Wait()
				s.set(func() { s.before = nil })
				for range 3 {
					must(t, a.SyncNow(t.Context()))
					must(t, b.SyncNow(t.Context()))
				}
				for _, r := range []*Replica{a, b} {
					if row := find(r, "1"); row != nil && row.State == Conflict {
						must(t, r.Resolve(t.Context(), "1", KeepTheirs))
					}
				}
				synctest.Wait()
				must(t, a.SyncNow(t.Context()))
				must(t, b.SyncNow(t.Context()))
				if fmt.Sprint(content(a)) != fmt.Sprint(content(b)) {
					t.Errorf("%s and %s:\n%v\n%v", one, two, content(a), content(b))
				}
				if a.Snapshot().Status.Waiting+b.Snapshot().Status.Waiting > 0 {
					t.Errorf("%s and %s: edits are left", one, two)
				}
			})
		}
	}
	if pairs != 36 {
		t.Fatalf("%d pairs", pairs)
	}
}

func find(r *Replica, id string) *Row {
	for _, row := range r.Snapshot().Rows {
		if row.Todo.ID == id {
			return row
		}
	}
	return nil
}

func content(r *Replica) (out []string) {
	for _, row := range r.Snapshot().Rows {
		t := row.Todo
		out = append(out, fmt.Sprintf("%q %q %v %s %v %v", t.Title, t.Description, t.Completed, t.Priority, t.Tags, t.Due.Unix()))
	}
	slices.Sort(out)
	return out
}

// A server that fails half of its answers, having done what it was asked or
// not: nothing is lost and nothing is done twice.
func TestR8_CoinFlipFailures(t *testing.T) {
	writes := fewerOverMCP(10_000, 2_000)
	for _, kind := range []string{"keys and ids", "ids only", "keys only", "no versions"} {
		s := newServer()
		s.noKeys = kind == "ids only"
		s.ownIDs = kind == "keys only"
		s.noETags = kind == "no versions"
		coin := rand.New(rand.NewPCG(7, 7))
		flip := func(string, string) error {
			if coin.IntN(4) == 0 {
				return trouble([]int{500, 502, 504}[coin.IntN(3)], -1)
			}
			return nil
		}
		s.before, s.after = flip, flip
		bubble(t, s, func(t *testing.T, r *Replica) {
			runs(t, r, s)
			want, choice := map[string]bool{}, rand.New(rand.NewPCG(8, 8))
			var mine []string
			for i := range writes / 4 {
				title := fmt.Sprintf("%s %05d", kind, i)
				switch {
				case i%5 == 0 || len(mine) == 0:
					mine = append(mine, title)
					add(t, r, title)
				default:
					at := choice.IntN(len(mine))
					update(t, r, row(t, r, mine[at]).Todo.ID, rename1(title))
					mine[at] = title
				}
				if i%50 == 0 {
					time.Sleep(time.Minute)
				}
			}
			for n := 0; r.Snapshot().Status.Waiting > 0; n++ {
				time.Sleep(time.Minute)
				if n > 500 {
					for _, p := range r.Outbox()[:min(5, len(r.Outbox()))] {
						t.Logf("%+v\n%+v\n%+v", p, r.m.entries[p.Number], r.m.items[p.Edit.ID])
					}
					t.Fatal(kind, r.Snapshot().Status, len(r.Outbox()))
				}
			}
			for _, title := range mine {
				want[title] = true
			}
			got := s.titles()
			if len(got) != len(want) {
				t.Errorf("%s: %d to-dos at the server, want %d", kind, len(got), len(want))
			}
			for _, title := range got {
				if !want[title] {
					t.Errorf("%s: the server has %q", kind, title)
				}
			}
			if r.Snapshot().Status.Look > 0 {
				t.Errorf("%s: %d need a look", kind, r.Snapshot().Status.Look)
			}
		})
	}
}

func TestR31_AServerThatGivesItsOwnIDsAndKnowsNoKeysIsReadBackFirst(t *testing.T) {
	s := newServer(some(2)...)
	s.ownIDs, s.noKeys = true, true
	bubble(t, s, func(t *testing.T, r *Replica) {
		runs(t, r, s)
		lost := true
		s.set(func() {
			s.after = func(op, _ string) error {
				if op == "create" && lost {
					lost = false
					return offline()
				}
				return nil
			}
		})
		id := add(t, r, "Milk")
		synctest.Wait()
		update(t, r, id, todo.Patch{Completed: ptr(true)}) // under the id that it had here
		time.Sleep(2 * time.Minute)
		if got := s.titles(); !slices.Equal(got, []string{"Milk", "item 000", "item 001"}) {
			t.Fatalf("%v", got)
		}
		made := row(t, r, "Milk")
		if at, _ := s.get(made.Todo.ID); !at.Completed || made.State != Synced {
			t.Fatalf("%+v, %+v", at, made)
		}
		update(t, r, id, rename1("Oat milk")) // the old id still names it
		synctest.Wait()
		if got := s.titles(); !slices.Contains(got, "Oat milk") {
			t.Fatalf("%v", got)
		}
	})
}

// Two to-dos of the same text, made at once, whose answers are both lost: there
// are two of them, not four.
func TestR31_TheSameTextTwiceIsReadBackAsTwo(t *testing.T) {
	s := newServer(some(2)...)
	s.ownIDs, s.noKeys = true, true
	bubble(t, s, func(t *testing.T, r *Replica) {
		runs(t, r, s)
		s.set(func() {
			s.after = func(op, _ string) error {
				if op == "create" {
					return trouble(502, -1)
				}
				return nil
			}
		})
		add(t, r, "Milk")
		add(t, r, "Milk")
		synctest.Wait()
		if got := s.titles(); !slices.Equal(got, []string{"Milk", "Milk", "item 000", "item 001"}) {
			t.Fatalf("%v", got)
		}
		s.set(func() { s.after = nil })
		must(t, r.SyncNow(t.Context()))
		must(t, r.SyncNow(t.Context()))
		if got := s.titles(); len(got) != 4 || len(r.Outbox()) != 0 || len(titlesOf(r)) != 4 {
			t.Fatalf("%v, %+v", got, r.Outbox())
		}
	})
}

// Random programs of create, edit, complete and delete, offline and online: the
// server sees the edits of each to-do in order.
func TestR32_TheServerSeesALegalPrefix(t *testing.T) {
	for seed := range uint64(fewerOverMCP(1000, 200)) {
		s := newServer()
		random := rand.New(rand.NewPCG(seed, 1))
		bubble(t, s, func(t *testing.T, r *Replica) {
			runs(t, r, s)
			want := map[string][]string{}
			var ids []string
			for range 30 {
				switch n := random.IntN(6); {
				case n == 0 || len(ids) == 0:
					id := add(t, r, "0")
					ids = append(ids, id)
					want[id] = []string{"0"}
				case n == 1:
					at := random.IntN(len(ids))
					must(t, r.Delete(t.Context(), ids[at]))
					want[ids[at]] = append(want[ids[at]], "gone")
					ids = slices.Delete(ids, at, at+1)
				case n == 2:
					on := random.IntN(2) == 0
					s.set(func() {
						if s.before = nil; !on {
							s.before = func(string, string) error { return offline() }
						}
					})
				case n == 3:
					time.Sleep(time.Duration(random.IntN(40)) * time.Second)
				default:
					id := ids[random.IntN(len(ids))]
					next := fmt.Sprint(len(want[id]))
					update(t, r, id, rename1(next))
					want[id] = append(want[id], next)
				}
				for id, states := range want {
					if at, ok := s.get(id); ok && !slices.Contains(states, at.Title) {
						t.Fatalf("seed %d: %s is %q, which it never was", seed, id, at.Title)
					}
				}
			}
			s.set(func() { s.before = nil })
			must(t, r.SyncNow(t.Context()))
			for id, states := range want {
				last := states[len(states)-1]
				if at, ok := s.get(id); ok != (last != "gone") || ok && at.Title != last {
					t.Fatalf("seed %d: %s ended as %q, want %q", seed, id, at.Title, last)
				}
			}
		})
	}
}

func TestR34_NoDeletionIsInferredFromWhatMayBeIncomplete(t *testing.T) {
	s := newServer(some(100)...)
	bubble(t, s, func(t *testing.T, r *Replica) {
		runs(t, r, s)
		s.drop("1", "2", "3")
		s.set(func() { s.partial = true })
		must(t, r.SyncNow(t.Context()))
		if n := len(r.Snapshot().Rows); n != 100 {
			t.Fatalf("%d rows after an incomplete listing", n)
		}
		s.set(func() { s.partial = false })
		must(t, r.SyncNow(t.Context()))
		if n := len(r.Snapshot().Rows); n != 97 {
			t.Fatalf("%d rows after a complete one", n)
		}
	})
}

// The server lists nothing at all by mistake: of a long list nothing goes, of a
// short one nothing that was edited here goes; and all is there again after the
// next listing.
func TestR34_AnEmptyListingByMistake(t *testing.T) {
	for _, n := range []int{5, 1000} {
		s := newServer(some(n)...)
		bubble(t, s, func(t *testing.T, r *Replica) {
			runs(t, r, s)
			apart(t, s, r, func() { update(t, r, "1", rename1("mine")) }, func() {})
			items := s.items
			s.set(func() { s.items, s.etags = map[string]todo.Todo{}, s.etags+1 })
			must(t, r.SyncNow(t.Context()))
			if q := r.Snapshot().Removal; (n > guardItems) != (q != nil) || q != nil && len(r.Snapshot().Rows) != n {
				t.Errorf("%d: %+v, %d rows", n, q, len(r.Snapshot().Rows))
			}
			s.set(func() { s.items, s.etags = items, s.etags+1 })
			must(t, r.SyncNow(t.Context()))
			if len(r.Snapshot().Rows) != n || find(r, "1").Todo.Title != "mine" || r.Snapshot().Removal != nil || len(s.titles()) != n {
				t.Errorf("%d: %d rows, %d at the server", n, len(r.Snapshot().Rows), len(s.titles()))
			}
		})
	}
}

func guard(t *testing.T, f func(t *testing.T, s *server, r *Replica)) {
	t.Helper()
	s := newServer(some(100)...)
	bubble(t, s, func(t *testing.T, r *Replica) {
		runs(t, r, s)
		s.set(func() {
			for i := range 40 {
				delete(s.items, fmt.Sprint(i))
			}
			s.etags++
		})
		must(t, r.SyncNow(t.Context()))
		q := r.Snapshot().Removal
		if q == nil || *q != (Removal{Missing: 40, Total: 100}) || len(r.Snapshot().Rows) != 100 {
			t.Fatalf("%+v, %d rows", q, len(r.Snapshot().Rows))
		}
		wantSentence(t, r, "40 of 100 to-dos are no longer at the server")
		f(t, s, r)
	})
}

// The question counts what the user sees: also what the server has not taken.
func TestR34_TheQuestionCountsWhatWasNotSentToo(t *testing.T) {
	guard(t, func(t *testing.T, s *server, r *Replica) {
		s.set(func() {
			s.reject = func(string, todo.Todo) error { return invalid("no more") }
			s.etags++
		})
		add(t, r, "New")
		must(t, r.SyncNow(t.Context()))
		if q, n := r.Snapshot().Removal, len(r.Snapshot().Rows); q == nil || *q != (Removal{Missing: 40, Total: n}) || n != 101 {
			t.Fatalf("%+v, %d rows", q, n)
		}
		wantSentence(t, r, "40 of 101 to-dos are no longer at the server")
	})
}

func TestR34_ManyMissingAtOnceAreAskedAbout(t *testing.T) {
	guard(t, func(t *testing.T, s *server, r *Replica) {
		must(t, r.ResolveRemoval(t.Context(), RemoveHere))
		synctest.Wait()
		if len(r.Snapshot().Rows) != 60 || r.Snapshot().Removal != nil || len(s.titles()) != 60 {
			t.Fatalf("%d rows", len(r.Snapshot().Rows))
		}
	})
}

func TestR34_ManyMissingCanBeSentAgain(t *testing.T) {
	guard(t, func(t *testing.T, s *server, r *Replica) {
		must(t, r.ResolveRemoval(t.Context(), SendAgain))
		synctest.Wait()
		if len(r.Snapshot().Rows) != 100 || r.Snapshot().Removal != nil || len(s.titles()) != 100 {
			t.Fatalf("%d rows, %d at the server", len(r.Snapshot().Rows), len(s.titles()))
		}
	})
}

// The program may end before the user has answered: the server's list did not
// change meanwhile, and the question must not be forgotten for that.
func TestR34_TheQuestionIsAskedAgainAfterARestart(t *testing.T) {
	s := newServer(some(100)...)
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		sync := func() *Snapshot {
			r, err := open(t.Context(), Options{Dir: dir}, testSeams())
			must(t, err)
			defer r.Close()
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- r.Run(ctx, s) }()
			must(t, r.SyncNow(t.Context()))
			cancel()
			must(t, <-done)
			return r.Snapshot()
		}
		sync()
		s.set(func() {
			for i := range 40 {
				delete(s.items, fmt.Sprint(i))
			}
			s.etags++
		})
		for range 2 {
			got := sync()
			if q := got.Removal; q == nil || *q != (Removal{Missing: 40, Total: 100}) || len(got.Rows) != 100 {
				t.Fatalf("%+v, %d rows", q, len(got.Rows))
			}
		}
	})
}

func TestR34_TheQuestionGoesWhenTheyAreBack(t *testing.T) {
	guard(t, func(t *testing.T, s *server, r *Replica) {
		for _, item := range some(40) {
			s.change(item.ID, func(t *todo.Todo) { *t = item })
		}
		must(t, r.SyncNow(t.Context()))
		if r.Snapshot().Removal != nil || len(r.Snapshot().Rows) != 100 {
			t.Fatalf("%+v", r.Snapshot().Removal)
		}
	})
}

// The server was set up anew from a backup, with new ids: unsent edits find
// their to-dos.
func TestR35_AServerSetUpAnewKeepsUnsentEdits(t *testing.T) {
	s := newServer(some(10)...)
	bubble(t, s, func(t *testing.T, r *Replica) {
		runs(t, r, s)
		apart(t, s, r, func() {
			update(t, r, "3", todo.Patch{Completed: ptr(true)})
			add(t, r, "new one")
		}, func() {
			s.set(func() {
				s.items = map[string]todo.Todo{}
				for _, item := range some(10) {
					item.ID = "restored-" + item.ID
					s.put(item)
				}
			})
		})
		if got, ok := s.get("restored-3"); !ok || !got.Completed {
			t.Fatalf("%+v", got)
		}
		if got := s.titles(); len(got) != 11 || !slices.Contains(got, "new one") {
			t.Fatalf("%v", got)
		}
	})
}

// A server that cleans up what it is sent is not taken for someone else who
// edits at the same time.
func TestWhatTheServerMakesOfATitleIsNoConflict(t *testing.T) {
	s := newServer(todo.Todo{ID: "1", Title: "Milk"})
	s.trim = true
	bubble(t, s, func(t *testing.T, r *Replica) {
		runs(t, r, s)
		apart(t, s, r, func() {
			update(t, r, "1", rename1("Oat milk "))
			id := add(t, r, " Bread ")
			update(t, r, id, rename1("Bread and butter"))
			other := add(t, r, " Gone ")
			must(t, r.Delete(t.Context(), other))
		}, func() {})
		update(t, r, "1", rename1("Oat milk  "))
		must(t, r.Delete(t.Context(), "1"))
		synctest.Wait()
		if got := s.titles(); !slices.Equal(got, []string{"Bread and butter"}) || len(r.Outbox()) != 0 {
			t.Fatalf("%v, %+v", got, r.Outbox())
		}
	})
}

func TestR30_AConflictOverATodoThatIsThenDeletedThere(t *testing.T) {
	for choice, want := range map[Choice][]string{KeepMine: {"Oat milk"}, KeepTheirs: nil, KeepBoth: {"Oat milk"}} {
		conflict(t, func(t *testing.T, s *server, r *Replica) {
			s.drop("1")
			r.mu.Lock() // as a listing finds it, before the next round sends
			must(t, r.commit(func() ([]*record, error) { return []*record{{gone: []string{"1"}}}, nil }))
			r.mu.Unlock()
			must(t, r.Resolve(t.Context(), "1", choice))
			must(t, r.SyncNow(t.Context()))
			if got := s.titles(); !slices.Equal(got, want) {
				t.Fatalf("choice %d: %v, want %v", choice, got, want)
			}
		})
	}
}

// The answer to a creation was lost, someone deleted the to-do, and the server
// answers the repeated request from its memory: it must not stay here.
func TestR31_ACreationAnsweredFromMemoryDoesNotStay(t *testing.T) {
	s := newServer(some(2)...)
	bubble(t, s, func(t *testing.T, r *Replica) {
		runs(t, r, s)
		add(t, r, "Bread") // tells that the server keeps ids, so that no listing comes first
		synctest.Wait()
		s.set(func() {
			s.after = func(op, _ string) error {
				if op == "create" {
					return trouble(502, -1)
				}
				return nil
			}
		})
		id := add(t, r, "Milk")
		synctest.Wait()
		s.drop(id)
		must(t, r.pull(t.Context(), s)) // knows the listing without it
		s.set(func() { s.after = nil })
		must(t, r.SyncNow(t.Context()))
		must(t, r.SyncNow(t.Context()))
		if got := titlesOf(r); slices.Contains(got, "Milk") {
			t.Fatalf("%v", got)
		}
	})
}

// The answer to a creation was lost, someone else has edited the to-do since, and
// the server answers the repeated request with what it has now: what the other
// one did is not taken for the server's doing, and is not undone by what was
// edited here meanwhile.
func TestR31_WhatOthersDidToACreationWhoseAnswerWasLost(t *testing.T) {
	for what, c := range map[string]struct {
		here  func(t *testing.T, r *Replica, id string)
		there func(*todo.Todo)
		check func(t *testing.T, now todo.Todo, row *Row)
	}{
		"tags of both": {
			func(t *testing.T, r *Replica, id string) { update(t, r, id, todo.Patch{Tags: &[]string{"mine"}}) },
			func(t *todo.Todo) { t.Tags = []string{"theirs"} },
			func(t *testing.T, now todo.Todo, row *Row) {
				if !slices.Equal(slices.Sorted(slices.Values(now.Tags)), []string{"mine", "theirs"}) || row.State != Synced {
					t.Errorf("%+v, %+v", now, row)
				}
			},
		},
		"two titles": {
			func(t *testing.T, r *Replica, id string) { update(t, r, id, rename1("mine")) },
			func(t *todo.Todo) { t.Title = "theirs" },
			func(t *testing.T, now todo.Todo, row *Row) {
				if row == nil || row.State != Conflict || row.Todo.Title != "mine" || now.Title != "theirs" {
					t.Errorf("%+v, %+v", now, row)
				}
			},
		},
		"deleted here, edited there": {
			func(t *testing.T, r *Replica, id string) { must(t, r.Delete(t.Context(), id)) },
			func(t *todo.Todo) { t.Title = "theirs" },
			func(t *testing.T, now todo.Todo, row *Row) {
				if row == nil || now.Title != "theirs" {
					t.Errorf("%+v, %+v", now, row)
				}
			},
		},
		"edited here, cleaned up there": {
			func(t *testing.T, r *Replica, id string) { update(t, r, id, rename1("Milk and bread")) },
			func(*todo.Todo) {},
			func(t *testing.T, now todo.Todo, row *Row) {
				if row == nil || row.State != Synced || now.Title != "Milk and bread" {
					t.Errorf("%+v, %+v", now, row)
				}
			},
		},
	} {
		t.Run(what, func(t *testing.T) {
			s := newServer()
			s.ownIDs, s.trim = true, true
			bubble(t, s, func(t *testing.T, r *Replica) {
				runs(t, r, s)
				s.set(func() { s.after = func(string, string) error { return trouble(502, 3600) } })
				id := add(t, r, " Milk ")
				synctest.Wait()
				c.here(t, r, id)
				for at := range s.items {
					s.change(at, c.there)
				}
				s.set(func() { s.after = nil })
				must(t, r.SyncNow(t.Context()))
				must(t, r.SyncNow(t.Context()))
				if len(s.items) != 1 {
					t.Fatalf("%v", s.items)
				}
				for at, now := range s.items {
					c.check(t, now, find(r, at))
				}
			})
		})
	}
}

// R35: the server is set back to an older backup, under the same ids. What was
// not sent yet arrives; what the server had acknowledged since and forgot is
// shown as the server has it, unless it was edited here.
func TestR35_AServerRestoredFromAnOlderBackup(t *testing.T) {
	s := newServer(some(10)...)
	bubble(t, s, func(t *testing.T, r *Replica) {
		runs(t, r, s)
		must(t, r.SyncNow(t.Context()))
		backup, keys := maps.Clone(s.items), maps.Clone(s.keys)
		update(t, r, "1", rename1("renamed since"))
		update(t, r, "5", todo.Patch{Completed: ptr(true)})
		must(t, r.Delete(t.Context(), "9"))
		edited := add(t, r, "added since, and edited")
		add(t, r, "added since")
		must(t, r.SyncNow(t.Context()))
		apart(t, s, r, func() {
			update(t, r, "1", rename1("renamed again"))
			update(t, r, "3", todo.Patch{Completed: ptr(true)})
			update(t, r, edited, todo.Patch{Description: ptr("on a train")})
			add(t, r, "new one")
		}, func() { s.set(func() { s.items, s.keys, s.etags = backup, keys, s.etags+1 }) })

		if got, ok := s.get("3"); !ok || !got.Completed {
			t.Errorf("the unsent completion: %+v", got)
		}
		if got, ok := s.get(edited); !ok || got.Title != "added since, and edited" || got.Description != "on a train" {
			t.Errorf("the unsent edit of what the server forgot: %+v", got)
		}
		if got := find(r, "1"); got.State != Conflict || got.Todo.Title != "renamed again" || got.Theirs.Title != "item 001" {
			t.Errorf("renamed on both sides: %+v", got)
		}
		if got := find(r, "5"); got.Todo.Completed || got.State != Synced {
			t.Errorf("completed before: %+v", got)
		}
		if find(r, "9") == nil || !slices.Contains(s.titles(), "new one") {
			t.Errorf("%v", s.titles())
		}
		must(t, r.Resolve(t.Context(), "1", KeepMine))
		must(t, r.SyncNow(t.Context()))
		if st := r.Snapshot().Status; st.Kind != OK || !slices.Equal(content(r), contentOf(slices.Collect(maps.Values(s.items)))) {
			t.Errorf("%+v\nhere  %v\nthere %v", st, content(r), contentOf(slices.Collect(maps.Values(s.items))))
		}
	})
}

// The answer to a creation was lost, and before it was sent again someone has
// changed the to-do, so that nothing but its key tells that it arrived.
func TestR31_ACreationThatIsTriedAgainHasTheSameKey(t *testing.T) {
	s := newServer()
	s.ownIDs = true
	bubble(t, s, func(t *testing.T, r *Replica) {
		runs(t, r, s)
		s.set(func() {
			s.after = func(op, _ string) error {
				if op == "create" {
					return offline()
				}
				return nil
			}
		})
		add(t, r, "Milk")
		synctest.Wait()
		var id string
		s.set(func() {
			for id = range s.items {
			}
			s.after = nil
		})
		s.change(id, func(t *todo.Todo) { t.Title = "Soy milk" })
		must(t, r.SyncNow(t.Context()))
		if got := s.titles(); !slices.Equal(got, []string{"Soy milk"}) {
			t.Fatalf("made twice: %v", got)
		}
		if got := titlesOf(r); !slices.Equal(got, []string{"Soy milk"}) || len(r.Outbox()) != 0 {
			t.Fatalf("%v, %+v", got, r.Outbox())
		}
	})
}

// What others have changed of a to-do is shown at once, with the edits on top
// that cannot be sent for now.
func TestR30_AListingLeavesTheEditsThatWait(t *testing.T) {
	s := newServer(todo.Todo{ID: "1", Title: "Milk"})
	bubble(t, s, func(t *testing.T, r *Replica) {
		runs(t, r, s)
		s.set(func() {
			s.before = func(op, _ string) error {
				if op == "update" {
					return trouble(500, -1)
				}
				return nil
			}
		})
		update(t, r, "1", rename1("Oat milk"))
		synctest.Wait()
		s.change("1", func(t *todo.Todo) { t.Description = "two" })
		if err := r.SyncNow(t.Context()); err == nil {
			t.Fatal("it was sent")
		}
		if got := row(t, r, "Oat milk"); got.Todo.Description != "two" || got.State != Waiting || len(r.Outbox()) != 1 {
			t.Fatalf("%+v, %+v", got, r.Outbox())
		}
		s.set(func() { s.before = nil })
		must(t, r.SyncNow(t.Context()))
		if got, _ := s.get("1"); got.Title != "Oat milk" || got.Description != "two" {
			t.Fatalf("the server has %+v", got)
		}
	})
}

// A server that takes blanks off has what the later of two edits wants: the
// first is in no conflict with it.
func TestR31_BlanksThatTheServerTookOffAreNoConflict(t *testing.T) {
	s := newServer(some(1)...)
	s.trim = true
	r := inMemory(t)
	roundNow(t, r, s)
	id := r.Snapshot().Rows[0].Todo.ID
	update(t, r, id, rename1("Bread"))
	update(t, r, id, rename1("Salt "))
	s.set(func() { s.after = func(op, _ string) error { return trouble(502, -1) } })
	_ = r.round(t.Context(), s, setOf(WakeUser))
	s.set(func() { s.after = nil })
	roundNow(t, r, s)
	if got := r.Snapshot().Rows[0]; got.State != Synced || got.Todo.Title != "Salt" || len(r.Outbox()) > 0 {
		t.Errorf("%+v, %+v", got, r.Outbox())
	}
	if got, _ := s.get(id); got.Title != "Salt" {
		t.Errorf("the server has %+v", got)
	}
}
