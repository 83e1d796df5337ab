package replica

import (
	"fmt"
	"slices"
	"testing"

	"waybill/todo"
)

// Whatever is edited: at the moment at which the edit is acknowledged, a crash of
// the process takes nothing of it.
func TestI1_EachEditIsOnTheDiskWhenItIsAcknowledged(t *testing.T) {
	r := opened(t, account(t), testSeams())
	s := newServer(some(6)...)
	roundNow(t, r, s)
	s.reject = func(_ string, item todo.Todo) error {
		if item.Title == "refused" {
			return invalid("no")
		}
		return nil
	}
	number := func(state PendingState) uint64 {
		t.Helper()
		for _, p := range r.Outbox() {
			if p.State == state {
				return p.Number
			}
		}
		t.Fatalf("%d is the state of none of %+v", state, r.Outbox())
		return 0
	}
	for _, edit := range []struct {
		what string
		do   func()
	}{
		{"an addition", func() { add(t, r, "new") }},
		{"a change", func() { update(t, r, "0", rename1("changed")) }},
		{"a deletion", func() { must(t, r.Delete(t.Context(), "1")) }},
		{"an undo", func() { must(t, r.Undo(t.Context())) }},
		{"a redo", func() { must(t, r.Redo(t.Context())) }},
		{"an import", func() { _, err := r.Import(t.Context(), wholes(some(40)[10:])); must(t, err) }},
		{"a discarding", func() { must(t, r.Discard(t.Context(), number(PendingWaiting))) }},
		{"a restoring", func() { must(t, r.Restore(t.Context(), number(PendingDiscarded))) }},
		{"a refused change", func() { update(t, r, "2", rename1("refused")); _ = r.round(t.Context(), s, setOf(WakeUser)) }},
		{"another try", func() { must(t, r.Retry(t.Context(), number(PendingRefused))) }},
		{"a conflict", func() {
			update(t, r, "3", rename1("mine"))
			s.change("3", func(t *todo.Todo) { t.Title = "theirs" })
			roundNow(t, r, s)
		}},
		{"a decision", func() { must(t, r.Resolve(t.Context(), "3", KeepBoth)) }},
	} {
		edit.do()
		crashed := opened(t, image(t, r.o), testSeams())
		if got, want := states(crashed), states(r); !slices.Equal(got, want) {
			t.Errorf("%s is lost in a crash: there was %v, there is %v", edit.what, want, got)
		}
		must(t, crashed.Close())
	}
}

// states are the rows and the edits as the user sees them.
func states(r *Replica) (out []string) {
	for _, row := range r.Snapshot().Rows {
		out = append(out, fmt.Sprintf("%q %d", row.Todo.Title, row.State))
	}
	for _, p := range r.Outbox() {
		out = append(out, fmt.Sprintf("%s %q %d", p.What, p.Title, p.State))
	}
	return out
}
