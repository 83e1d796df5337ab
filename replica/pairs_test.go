package replica

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"waybill/todo"
)

// pairItem is what both computers edit.
var pairItem = todo.Todo{ID: "1", Title: "Milk", Description: "two", Tags: []string{"shop", "fridge"}}

// pairEdits are the kinds of edit. Two computers choose different values,
// but for a deletion and a to-do that both add.
var pairEdits = []struct {
	name  string
	patch func(side int) todo.Patch
}{
	{"rename", func(side int) todo.Patch { return rename1(fmt.Sprint("title of ", side)) }},
	{"describe", func(side int) todo.Patch { return todo.Patch{Description: ptr(fmt.Sprint("text of ", side))} }},
	{"complete", func(int) todo.Patch { return todo.Patch{Completed: ptr(true)} }},
	{"prioritise", func(side int) todo.Patch {
		return todo.Patch{Priority: ptr([]todo.Priority{todo.Low, todo.High}[side])}
	}},
	{"date", func(side int) todo.Patch {
		return todo.Patch{Due: ptr(time.Date(2026, 12, 1+side, 0, 0, 0, 0, time.UTC))}
	}},
	{"tag", func(side int) todo.Patch {
		return todo.Patch{Tags: ptr([]string{"shop", "fridge", fmt.Sprint("of ", side)})}
	}},
	{"untag", func(int) todo.Patch { return todo.Patch{Tags: ptr([]string{"fridge"})} }},
	{"rename and complete", func(side int) todo.Patch {
		return todo.Patch{Title: ptr(fmt.Sprint("name of ", side)), Completed: ptr(true)}
	}},
	{deleting, nil},
	{adding, nil},
}

const (
	deleting = "delete"
	adding   = "add the same"
)

// pairDo makes the edit at r.
func pairDo(t *testing.T, r *Replica, kind, side int) {
	t.Helper()
	switch e := pairEdits[kind]; e.name {
	case deleting:
		must(t, r.Delete(t.Context(), "1"))
	case adding:
		add(t, r, "Bread")
	default:
		update(t, r, "1", e.patch(side))
	}
}

// pairWant says, from the edits alone, what must come of them: what is there
// and, if they are in conflict, which fields the one who syncs second is asked
// about.
func pairWant(first, firstSide, second, secondSide int, choice Choice) (all []todo.Todo, conflicts []todo.Field) {
	one, two := pairEdits[first].name, pairEdits[second].name
	for _, name := range []string{one, two} {
		if name == adding {
			all = append(all, todo.Todo{Title: "Bread"})
		}
	}
	var patches []todo.Patch
	deletions := 0
	for _, e := range []struct {
		kind, side int
	}{{first, firstSide}, {second, secondSide}} {
		switch name := pairEdits[e.kind].name; name {
		case deleting:
			deletions++
		case adding:
		default:
			patches = append(patches, pairEdits[e.kind].patch(e.side))
		}
	}
	now := pairItem
	switch {
	case deletions > 0 && len(patches) == 0:
		return all, nil // nobody wants it any more
	case len(patches) > 0:
		now = patches[0].Apply(now)
	}
	if len(patches) < 2 {
		return append(all, now), nil // an edit outweighs a deletion
	}
	mine := patches[1]
	for _, f := range mine.Fields() {
		ours, theirs := only(mine, []todo.Field{f}), only(patches[0], []todo.Field{f})
		if f != todo.FieldTags && !theirs.IsZero() && !ours.Changes(now).IsZero() {
			conflicts = append(conflicts, f)
		}
	}
	if mine.Tags != nil {
		mine.Tags = ptr(todo.MergeTags(pairItem.Tags, *mine.Tags, now.Tags))
	}
	if len(conflicts) == 0 || choice == KeepMine {
		return append(all, mine.Apply(now)), conflicts
	}
	all = append(all, mine.Without(conflicts...).Apply(now))
	if choice == KeepBoth {
		all = append(all, mine.Apply(now))
	}
	return all, conflicts
}

func contentsOf(all []todo.Todo) (out []string) {
	for _, t := range all {
		slices.Sort(t.Tags)
		out = append(out, fmt.Sprintf("%q %q %v %q %q %s", t.Title, t.Description, t.Completed, t.Priority, t.Tags, t.Due.Format(time.DateOnly)))
	}
	slices.Sort(out)
	return out
}

// R30: every pair of edits, made on two computers at the same time, in either
// order of the syncs, with every answer to a conflict: what comes of it is what
// the edits say and the same on both, whoever comes first unless a person
// decides; and of what loses nothing is gone before a person has decided.
func TestR30_EveryPairOfEditsInEveryOrder(t *testing.T) {
	pairs, runs, asked := 0, 0, 0
	for x := range pairEdits {
		for y := range pairEdits {
			pairs++
			for _, order := range [][2]int{{0, 1}, {1, 0}} {
				for _, choice := range []Choice{KeepMine, KeepTheirs, KeepBoth} {
					runs++
					if !pairRun(t, [2]int{x, y}, order, choice) {
						break // there is nothing to choose
					}
					asked++
				}
			}
		}
	}
	t.Logf("%d pairs, %d runs, %d of them with a conflict", pairs, runs, asked)
	if pairs != 100 || asked != 42 {
		t.Errorf("%d pairs, %d conflicts", pairs, asked)
	}
}

// pairRun lets computer i make edit kinds[i], and sync in this order.
func pairRun(t *testing.T, kinds, order [2]int, choice Choice) (conflict bool) {
	t.Helper()
	what := fmt.Sprintf("%s and %s, %d first, choice %d", pairEdits[kinds[0]].name, pairEdits[kinds[1]].name, order[0], choice)
	synctest.Test(t, func(t *testing.T) {
		s := newServer(pairItem)
		both := [2]*Replica{inMemory(t), inMemory(t)}
		for side, r := range both {
			roundNow(t, r, s)
			pairDo(t, r, kinds[side], side)
		}
		first, second := both[order[0]], both[order[1]]
		roundNow(t, first, s)
		roundNow(t, second, s)
		roundNow(t, second, s)
		want, fields := pairWant(kinds[order[0]], order[0], kinds[order[1]], order[1], choice)
		if row := find(second, "1"); row != nil && row.State == Conflict {
			conflict = true
			pairConflict(t, what, row, fields, kinds[order[1]], order[1])
			must(t, second.Resolve(t.Context(), "1", choice))
		} else if len(fields) > 0 {
			t.Errorf("%s: nobody is asked about %v", what, fields)
		}
		for range 2 {
			roundNow(t, second, s)
			roundNow(t, first, s)
		}
		var there []todo.Todo
		for _, item := range s.items {
			there = append(there, item)
		}
		if got := contentsOf(there); !slices.Equal(got, contentsOf(want)) {
			t.Errorf("%s: the server has %v, want %v", what, got, contentsOf(want))
		}
		for side, r := range both {
			var here []todo.Todo
			for _, row := range r.Snapshot().Rows {
				here = append(here, row.Todo)
			}
			if got := contentsOf(here); !slices.Equal(got, contentsOf(want)) {
				t.Errorf("%s: %d has %v, want %v", what, side, got, contentsOf(want))
			}
			if st := r.Snapshot().Status; st.Waiting+st.Look > 0 {
				t.Errorf("%s: %d: %+v", what, side, st)
			}
			pairOverruled(t, what, r, pairEdits[kinds[side]].name == deleting && side == order[1])
		}
	})
	return conflict
}

// pairConflict wants both texts to be there, to look at and to choose from.
func pairConflict(t *testing.T, what string, row *Row, fields []todo.Field, kind, side int) {
	t.Helper()
	mine := pairEdits[kind].patch(side)
	if !slices.Equal(row.Fields, fields) || !mine.Without(todo.FieldTags).Changes(row.Todo).IsZero() || row.Theirs == nil {
		t.Errorf("%s: the conflict is %+v, want %v", what, row, fields)
		return
	}
	if only(mine, fields).Changes(*row.Theirs).IsZero() {
		t.Errorf("%s: theirs is mine: %+v", what, row.Theirs)
	}
}

// pairOverruled wants a deletion that an edit outweighed to be there still, for
// the one who made it to repeat.
func pairOverruled(t *testing.T, what string, r *Replica, deletedSecond bool) {
	t.Helper()
	if !deletedSecond || find(r, "1") == nil {
		return
	}
	if p := r.Outbox(); len(p) != 1 || p[0].State != PendingDiscarded || p[0].Edit.Op != todo.Delete || p[0].Why == "" {
		t.Errorf("%s: the deletion was dropped without a word: %+v", what, p)
	}
}
