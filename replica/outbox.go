package replica

import (
	"context"
	"crypto/rand"
	"slices"

	"waybill/fault"
	"waybill/todo"
)

var (
	errNoSuchEdit = fault.New(fault.StepStore, fault.NotFound, "no_such_edit", "This change is not in the outbox any more.")
	errSending    = fault.New(fault.StepStore, fault.Failed, "being_sent", "This change is being sent at this moment.").
			WithRemedy("Wait for the answer, then undo it.")
	errNoConflict = fault.New(fault.StepStore, fault.NotFound, "no_conflict", "There is no conflict to resolve any more.")
)

// Outbox lists the edits that the server does not have, oldest first, and those
// that were discarded within the last month. It waits until all are read.
func (r *Replica) Outbox() []Pending {
	_ = r.ready(context.Background()) // Close ends it
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.snapshots.Load()
	return r.m.pending(r.sending, func(e *entry) string {
		return whyPending(e, r.sending[e.number], r.sync.last, s.Writable || !r.m.sync.known, s.Why)
	})
}

// Retry lets a refused edit be sent again as it is.
func (r *Replica) Retry(ctx context.Context, number uint64) error {
	return r.edit(ctx, func() (*change, error) {
		e := r.m.entries[number]
		if e == nil || e.state != entryRefused {
			return nil, errNoSuchEdit
		}
		return &change{entries: []*entry{e.again(e.patch)}}, nil
	})
}

// Discard takes an edit out of what is sent and shown; with the creation of a
// to-do go all later edits of it. Restore brings it back.
func (r *Replica) Discard(ctx context.Context, number uint64) error {
	return r.edit(ctx, func() (*change, error) {
		e := r.m.entries[number]
		if e == nil || e.state == entryDiscarded {
			return nil, errNoSuchEdit
		}
		c := &change{}
		for _, other := range r.m.items[e.id].edits {
			if other.number < number || e.op != todo.Create && other.number > number {
				continue
			}
			if r.sending[other.number] {
				return nil, errSending
			}
			c.entries = append(c.entries, other.discarded(nil))
		}
		if e.op == todo.Update {
			c.entries = append(c.entries, rebased(r.m.items[e.id], e)...)
		}
		return c, nil
	})
}

// rebased returns the later edits of e's fields as edits of what those fields
// were before e, since e will not reach the server.
func rebased(it *item, e *entry) (out []*entry) {
	left := e.base
	for _, later := range it.edits {
		if later.number <= e.number || later.op != todo.Update || !overlaps(later.patch, left) {
			continue
		}
		theirs := later.patch.Fields()
		out = append(out, later.with(func(l *entry) { l.base = l.base.Then(only(left, theirs)) }))
		left = left.Without(theirs...)
	}
	return out
}

// only is the part of p that names the fields.
func only(p todo.Patch, fields []todo.Field) todo.Patch {
	for _, f := range p.Fields() {
		if !slices.Contains(fields, f) {
			p = p.Without(f)
		}
	}
	return p
}

// Restore brings a discarded edit back, as an edit of the to-do as it is now.
func (r *Replica) Restore(ctx context.Context, number uint64) error {
	return r.edit(ctx, func() (*change, error) {
		e := r.m.entries[number]
		if e == nil || e.state != entryDiscarded {
			return nil, errNoSuchEdit
		}
		it := r.m.items[e.id]
		if e.op == todo.Create {
			if it != nil && it.row != nil {
				return nil, errNoSuchEdit
			}
			return &change{entries: []*entry{e.again(e.patch)}}, nil
		}
		var t todo.Todo
		switch {
		case it == nil || it.row == nil && it.ghost == nil:
			return nil, errNotThere
		case it.row != nil:
			t = it.row.Todo
		default:
			t = *it.ghost
		}
		return &change{entries: []*entry{r.renewed(e, t)}, drops: []uint64{number}}, nil
	})
}

// renewed is e as an edit that is made now. It adds and takes away the tags
// that e did; those that came since are not e's to take.
func (r *Replica) renewed(e *entry, t todo.Todo) *entry {
	p := e.patch
	if p.Tags != nil {
		tags := e.onto(t).Tags
		p.Tags = &tags
	}
	n := r.newEntry(e.id, e.op, p, p.Restrict(t))
	if e.op == todo.Delete {
		n.sum = contentSum(t)
	}
	return n
}

// Resolve ends the conflict of a to-do.
func (r *Replica) Resolve(ctx context.Context, id string, choice Choice) error {
	return r.edit(ctx, func() (*change, error) {
		it := r.m.items[r.m.resolve(id)]
		if it == nil || it.row == nil || it.row.State != Conflict {
			return nil, errNoConflict
		}
		for _, e := range it.edits {
			if r.sending[e.number] {
				return nil, errSending
			}
		}
		switch {
		case it.server == nil && choice == KeepTheirs:
			return &change{drops: numbers(it.edits)}, nil // theirs is that it is gone
		case choice == KeepMine || it.server == nil:
			return keepMine(it), nil
		case choice == KeepTheirs:
			return keepTheirs(it), nil
		default:
			c := keepTheirs(it)
			second := todo.PatchOf(it.row.Todo)
			c.entries = append(c.entries, r.newEntry(rand.Text(), todo.Create, second, todo.Patch{}))
			return c, nil
		}
	})
}

// keepMine makes the edits edits of what the server has, so that nothing of
// them is in conflict with it.
func keepMine(it *item) *change {
	c := &change{}
	t, _ := it.fold(0)
	for _, e := range it.edits {
		if e.op != todo.Update || e.state == entryRefused {
			continue
		}
		after := e.onto(t)
		c.entries = append(c.entries, e.with(func(e *entry) {
			if e.patch.Tags != nil {
				e.patch.Tags = &after.Tags
			}
			e.base = e.patch.Restrict(t)
			e.state, e.fields = entryWaiting, nil
		}))
		t = after
	}
	return c
}

// keepTheirs drops the fields in conflict from the edits; an edit of nothing
// else goes.
func keepTheirs(it *item) *change {
	c := &change{}
	var theirs []todo.Field
	for _, e := range it.edits {
		theirs = append(theirs, e.fields...)
		rest := e.patch.Without(theirs...)
		switch {
		case e.op != todo.Update || e.state == entryRefused:
		case rest.IsZero():
			c.drops = append(c.drops, e.number)
		default:
			c.entries = append(c.entries, e.with(func(e *entry) {
				e.patch, e.base = rest, e.base.Without(theirs...)
				e.state, e.fields = entryWaiting, nil
			}))
		}
	}
	return c
}
