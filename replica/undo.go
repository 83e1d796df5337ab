package replica

import (
	"context"
	"slices"

	"waybill/fault"
	"waybill/todo"
)

// step is one edit of this process, as Undo and Redo need it.
type step struct {
	op            todo.Op
	id            string
	after, before todo.Patch // of an Update: the fields that it changed
	content       todo.Todo  // of a Delete, and of a Create that was taken back
	parts         []step     // of an Import
}

// maxSteps is how many edits can be taken back.
const maxSteps = 100

func (r *Replica) pushUndo(s step) {
	r.undo = append(r.undo, s)
	if len(r.undo) > maxSteps {
		r.undo = slices.Delete(r.undo, 0, len(r.undo)-maxSteps)
	}
}

// label names the last of the steps.
func label(steps []step) string {
	if len(steps) == 0 {
		return ""
	}
	s := steps[len(steps)-1]
	return what(s.op, s.after)
}

var (
	errNoUndo = fault.New(fault.StepInteraction, fault.Invalid, "nothing_to_undo", "There is nothing to undo.")
	errNoRedo = fault.New(fault.StepInteraction, fault.Invalid, "nothing_to_redo", "There is nothing to redo.")
	errMoved  = fault.New(fault.StepInteraction, fault.Conflict, "changed_since", "This was changed elsewhere since, so it cannot be taken back here.")
)

// Undo takes back the last edit of this process that was not taken back, also
// when the server has it already: that takes another edit then. A field that
// was changed by someone else since is left as it is.
func (r *Replica) Undo(ctx context.Context) error {
	return r.travel(ctx, &r.undo, &r.redo, errNoUndo, r.takeBack)
}

// Redo does again what Undo took back.
func (r *Replica) Redo(ctx context.Context) error {
	return r.travel(ctx, &r.redo, &r.undo, errNoRedo, r.doAgain)
}

// travel moves the last step from one stack to the other, along with the edit
// that it takes.
func (r *Replica) travel(ctx context.Context, from, to *[]step, none error, change func(step) (*change, step, error)) error {
	if err := r.ready(ctx); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(*from) == 0 {
		return none
	}
	last := (*from)[len(*from)-1]
	err := r.commit(func() ([]*record, error) {
		c, next, err := change(last)
		if err != nil || c == nil {
			return nil, err
		}
		last = next
		return c.records(), nil
	})
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Conflict) {
		*from = (*from)[:len(*from)-1] // it will not work the next time either
		r.publish()
		return err
	}
	if err != nil {
		return err
	}
	*from = (*from)[:len(*from)-1]
	*to = append(*to, last)
	r.publish()
	r.wakeFor(WakeEdit)
	return nil
}

// takeBack makes the edit that undoes a step, and the step as Redo needs it.
func (r *Replica) takeBack(s step) (*change, step, error) {
	switch s.op {
	case opImport:
		return r.takeBackAll(s, r.takeBack)
	case todo.Create:
		it, err := r.shown(s.id)
		if err != nil {
			return nil, s, err
		}
		s.content = it.row.Todo
		c, err := r.remove(it.id)
		return c, s, err
	case todo.Delete:
		c, err := r.bringBack(s)
		return c, s, err
	default:
		c, err := r.setBack(s.id, s.after, s.before)
		return c, s, err
	}
}

// doAgain makes the edit that redoes a step.
func (r *Replica) doAgain(s step) (*change, step, error) {
	switch s.op {
	case opImport:
		return r.takeBackAll(s, r.doAgain)
	case todo.Create:
		c, err := r.bringBack(s)
		return c, s, err
	case todo.Delete:
		it, err := r.shown(s.id)
		if err != nil {
			return nil, s, err
		}
		s.content = it.row.Todo
		c, err := r.remove(it.id)
		return c, s, err
	default:
		c, err := r.setBack(s.id, s.before, s.after)
		return c, s, err
	}
}

// setBack changes to the values of want where the values of have still stand.
func (r *Replica) setBack(id string, have, want todo.Patch) (*change, error) {
	it, err := r.shown(id)
	if err != nil {
		return nil, err
	}
	ours := want.Without(have.Changes(it.row.Todo).Fields()...)
	if ours.IsZero() {
		return nil, errMoved
	}
	if last := r.lastEdit(it); last != nil && last.op == todo.Update && last.state == entryWaiting &&
		samePatch(last.patch, have) && samePatch(last.base, want) && r.unsent(last) {
		return &change{drops: []uint64{last.number}}, nil // as if it had never been
	}
	return r.update(it.id, ours)
}

// bringBack makes the to-do of a step again, under its old id.
func (r *Replica) bringBack(s step) (*change, error) {
	id := r.m.resolve(s.id)
	if it := r.m.items[id]; it != nil {
		if it.row != nil {
			return nil, errMoved
		}
		last := r.lastEdit(it)
		if last != nil && last.op == todo.Delete && it.was(len(it.edits)-1, s.content) && r.unsent(last) {
			return &change{drops: []uint64{last.number}}, nil
		}
	}
	if caps := r.m.sync.caps; r.m.sync.known && !caps.Create {
		return nil, errReadOnly(caps.Why)
	}
	return &change{entries: []*entry{r.newEntry(id, todo.Create, todo.PatchOf(s.content), todo.Patch{})}}, nil
}

// was reports whether the to-do with its first n edits is this.
func (it *item) was(n int, content todo.Todo) bool {
	t, there := it.fold(n)
	return there && todo.SameContent(t, content)
}

func (r *Replica) lastEdit(it *item) *entry {
	if len(it.edits) == 0 {
		return nil
	}
	return it.edits[len(it.edits)-1]
}

func samePatch(a, b todo.Patch) bool {
	return slices.Equal(a.Fields(), b.Fields()) && a.Changes(b.Apply(todo.Todo{})).IsZero()
}
