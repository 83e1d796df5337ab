package replica

import (
	"context"
	"crypto/rand"
	"strings"

	"waybill/fault"
	"waybill/internal/disk"
	"waybill/todo"
)

var (
	errNoTitle  = fault.New(fault.StepInteraction, fault.Invalid, "no_title", "A to-do needs a title.")
	errNotThere = fault.New(fault.StepStore, fault.NotFound, "not_there", "There is no such to-do, or not any more.")
)

// errReadOnly is the Fault for an edit that could never be sent.
func errReadOnly(why string) error {
	if why == "" {
		why = "These to-dos can be read and not changed."
	}
	return fault.New(fault.StepStore, fault.ReadOnly, "read_only", why)
}

// Add saves a new to-do and returns the id that it has from now on. The id and
// the version in t are not looked at. When Add returns without an error the
// to-do is on the disk, and is sent when that can be done.
func (r *Replica) Add(ctx context.Context, t todo.Todo) (id string, err error) {
	if strings.TrimSpace(t.Title) == "" {
		return "", errNoTitle
	}
	id = rand.Text()
	err = r.edit(ctx, func() (*change, error) {
		if caps := r.m.sync.caps; r.m.sync.known && !caps.Create {
			return nil, errReadOnly(caps.Why)
		}
		return &change{step: step{op: todo.Create, id: id}, entries: []*entry{r.newEntry(id, todo.Create, todo.PatchOf(t), todo.Patch{})}}, nil
	})
	return id, err
}

// Update saves a change of the named fields. Fields that are like that already
// are left out; if nothing is left there is nothing to save.
func (r *Replica) Update(ctx context.Context, id string, p todo.Patch) error {
	if p.Title != nil && strings.TrimSpace(*p.Title) == "" {
		return errNoTitle
	}
	return r.edit(ctx, func() (*change, error) { return r.update(id, p) })
}

// UpdateFrom is Update for values that took a while to make, such as text that
// is typed: base holds the fields as they were when that was begun. What the
// server has made of them since is then merged, or is a conflict of which both
// sides are kept, instead of being overwritten unseen.
func (r *Replica) UpdateFrom(ctx context.Context, id string, p, base todo.Patch) error {
	if p.Title != nil && strings.TrimSpace(*p.Title) == "" {
		return errNoTitle
	}
	return r.edit(ctx, func() (*change, error) { return r.updateFrom(id, p, base) })
}

// Delete saves a deletion.
func (r *Replica) Delete(ctx context.Context, id string) error {
	return r.edit(ctx, func() (*change, error) { return r.remove(id) })
}

// change is what an edit writes, and how it is taken back.
type change struct {
	step    step
	entries []*entry
	drops   []uint64
}

// records are what is written: one for an edit, more for many at once.
func (c *change) records() []*record {
	last := &record{entries: c.entries, drops: c.drops}
	var out []*record
	for len(last.entries) > recordTodos {
		out = append(out, &record{entries: last.entries[:recordTodos]})
		last.entries = last.entries[recordTodos:]
	}
	return append(out, last)
}

// edit saves the change that make decides on, given everything that is saved
// already; nil for none.
func (r *Replica) edit(ctx context.Context, make func() (*change, error)) error {
	if err := r.ready(ctx); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var c *change
	err := r.commit(func() (records []*record, err error) {
		if c, err = make(); err != nil || c == nil {
			return nil, err
		}
		return c.records(), nil
	})
	if err != nil || c == nil {
		return err
	}
	if c.step.op != "" {
		r.pushUndo(c.step)
		r.redo = nil
		r.publish()
	}
	r.wakeFor(WakeEdit)
	return nil
}

// newEntry makes the next entry of the outbox.
func (r *Replica) newEntry(id string, op todo.Op, p, base todo.Patch) *entry {
	e := &entry{number: r.m.next, id: id, op: op, patch: p, base: base, at: r.o.Now(), key: rand.Text(), run: r.run}
	r.m.next++ // a number that is not written in the end is left out
	return e
}

// shown returns the item with this id, if it is shown.
func (r *Replica) shown(id string) (*item, error) {
	it := r.m.items[r.m.resolve(id)]
	if it == nil || it.row == nil {
		return nil, errNotThere
	}
	return it, nil
}

func (r *Replica) update(id string, p todo.Patch) (*change, error) {
	return r.updateFrom(id, p, todo.Patch{})
}

// updateFrom makes the edit that sets p, made on from as far as that names
// fields, else on what is shown.
func (r *Replica) updateFrom(id string, p, from todo.Patch) (*change, error) {
	it, err := r.shown(id)
	if err != nil {
		return nil, err
	}
	if caps := r.m.sync.caps; r.m.sync.known && !caps.Update && it.server != nil {
		return nil, errReadOnly(caps.Why)
	}
	view := it.row.Todo
	if p = p.Changes(view); p.IsZero() {
		return nil, nil
	}
	c := &change{step: step{op: todo.Update, id: it.id, after: p, before: p.Restrict(view)}}
	base := c.step.before.Then(only(from, p.Fields()))
	for _, e := range it.edits {
		if e.state != entryRefused {
			continue
		}
		if e.op == todo.Create {
			// What the server did not take is put right and tried again.
			c.entries = append(c.entries, e.again(e.patch.Then(p)))
			return c, nil
		}
		if e.op == todo.Update && overlaps(e.patch, p) {
			p, base = e.patch.Then(p), base.Then(e.base)
			c.drops = append(c.drops, e.number)
		}
	}
	c.entries = append(c.entries, r.newEntry(it.id, todo.Update, p, base))
	return c, nil
}

// again is the entry to be sent once more, as a new request.
func (e *entry) again(p todo.Patch) *entry {
	return e.with(func(e *entry) {
		e.patch, e.key, e.state, e.why, e.fields = p, rand.Text(), entryWaiting, nil, nil
	})
}

func overlaps(a, b todo.Patch) bool {
	return len(a.Fields()) > len(a.Without(b.Fields()...).Fields())
}

func (r *Replica) remove(id string) (*change, error) {
	it, err := r.shown(id)
	if err != nil {
		return nil, err
	}
	if caps := r.m.sync.caps; r.m.sync.known && !caps.Delete && it.server != nil {
		return nil, errReadOnly(caps.Why)
	}
	c := &change{step: step{op: todo.Delete, id: it.id, content: it.row.Todo}}
	c.entries, c.drops = r.deletion(it)
	return c, nil
}

// deletion makes the edits that delete an item. An edit that was set aside goes
// with it: deleting is the user's answer to it. A to-do that the server never
// heard of leaves no trace.
func (r *Replica) deletion(it *item) (entries []*entry, drops []uint64) {
	var left []*entry
	for _, e := range it.edits {
		if e.state == entryWaiting {
			left = append(left, e)
		} else {
			drops = append(drops, e.number)
		}
	}
	if it.server == nil && it.ghost == nil && (len(left) == 0 || r.unsent(left...)) {
		for _, e := range left {
			drops = append(drops, e.number)
		}
		return nil, drops
	}
	rest := *it
	rest.edits = left
	t, _ := rest.fold(len(left))
	e := r.newEntry(it.id, todo.Delete, todo.Patch{}, todo.Patch{})
	e.sum = contentSum(t)
	return []*entry{e}, drops
}

// unsent reports whether the entries were certainly never sent: they were made
// by this process, which did not send them, and no other one is sending.
func (r *Replica) unsent(entries ...*entry) bool {
	for _, e := range entries {
		if e.run != r.run || e.tried || r.sync.handed[e.number] {
			return false
		}
	}
	if r.o.Dir == "" || r.sync.owner {
		return true
	}
	unlock, held, err := disk.TryLock(r.files.syncLock())
	if err != nil || !held {
		return false
	}
	unlock()
	return true
}
