package replica

import (
	"slices"

	"waybill/fault"
	"waybill/todo"
)

// plan decides on the next action, and marks its edits as being sent.
func (r *Replica) plan(id string, single bool) *action {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := &action{id: id}
	it := r.m.items[id]
	if it == nil || r.failed != nil {
		return a
	}
	edits := it.edits
	for _, e := range edits {
		if e.state != entryWaiting && deletedAfter(edits, e) {
			a.note = &record{entries: []*entry{e.discarded(nil)}} // the user has no use for it any more
			return a
		}
	}
	for len(edits) > 0 && edits[0].state == entryRefused && edits[0].op != todo.Create {
		edits = edits[1:] // set aside: it holds up nothing else
	}
	if len(edits) == 0 {
		return a
	}
	switch head := edits[0]; {
	case head.state == entryConflict:
		if !it.inConflict(head, edits) {
			a.note = &record{entries: []*entry{head.with(func(e *entry) { e.state, e.fields = entryWaiting, nil })}}
		}
	case head.state != entryWaiting:
	case head.op == todo.Create:
		r.planCreate(a, it, head)
	case head.op == todo.Delete:
		planDelete(a, it, head)
	case it.server == nil && !r.sync.doubt[id]:
		planRevival(a, it, edits)
	case it.server == nil:
	default:
		r.planUpdate(a, it, edits, single)
	}
	if a.op != "" {
		a.first = true
		for _, e := range a.acks {
			a.first = a.first && r.neverSent(e)
			r.sending[e.number], r.sync.handed[e.number] = true, true
		}
	}
	return a
}

// inConflict reports whether an edit that was in conflict still is: the server
// may have come round, or have it no longer.
func (it *item) inConflict(e *entry, edits []*entry) bool {
	if it.server == nil {
		return false
	}
	_, conflicts := mergeInto(*it.server, e, edits)
	return len(conflicts) > 0
}

func (r *Replica) planCreate(a *action, it *item, head *entry) {
	content, _ := head.edit().Apply(todo.Todo{})
	switch {
	case it.server == nil:
		a.op, a.item, a.key, a.acks = todo.Create, content, head.key, []*entry{head}
	case todo.SameContent(*it.server, content) || !r.neverSent(head):
		// It arrived, though no answer said so; what differs was changed there since.
		a.note = &record{drops: []uint64{head.number}}
	default:
		a.note = &record{entries: []*entry{head.ofAll()}}
	}
}

// ofAll turns the creation of a to-do that someone else has made again into an
// edit of every field, so that what differs is a conflict and neither text is
// lost.
func (e *entry) ofAll() *entry {
	return e.with(func(e *entry) { e.op, e.base = todo.Update, todo.PatchOf(todo.Todo{}) })
}

func (r *Replica) neverSent(e *entry) bool {
	return e.run == r.run && !e.tried && !r.sync.handed[e.number]
}

var errOverruled = fault.New(fault.StepCall, fault.Conflict, "overruled", "The to-do was changed elsewhere before the deletion arrived, so it was kept.")

func planDelete(a *action, it *item, head *entry) {
	switch {
	case it.server == nil:
		a.note = &record{drops: []uint64{head.number}}
	case contentSum(*it.server) != head.sum:
		a.note = &record{entries: []*entry{head.discarded(errOverruled)}}
	default:
		a.op, a.ifMatch, a.acks = todo.Delete, it.server.ETag, []*entry{head}
	}
}

var errLost = fault.New(fault.StepCall, fault.NotFound, "gone", "The to-do was deleted elsewhere, and too little of it is known here to make it again.").
	WithRemedy("Discard the change, or copy its text first.")

// planRevival makes a to-do again that the server has no longer, since it was
// edited here: an edit outweighs a deletion.
func planRevival(a *action, it *item, edits []*entry) {
	t := todo.Todo{}
	if it.ghost != nil {
		t = *it.ghost
	}
	for _, e := range edits {
		if e.op != todo.Update || e.state != entryWaiting {
			break
		}
		t = e.onto(t)
		a.acks = append(a.acks, e)
	}
	if t.Title == "" {
		a.acks = nil
		a.note = &record{entries: []*entry{edits[0].with(func(e *entry) { e.state, e.why = entryRefused, errLost })}}
		return
	}
	t.ID, t.ETag = it.id, ""
	a.op, a.item, a.key = todo.Create, t, edits[0].key
}

// planUpdate merges the edits that follow each other into what the server has,
// and sends them in one request. What they leave as it is known to be there is
// not sent, unless one of them may have arrived already: what is known is from
// before that then, and an edit that was taken back would stay.
func (r *Replica) planUpdate(a *action, it *item, edits []*entry, single bool) {
	now, all := *it.server, todo.Patch{}
	for _, e := range edits {
		if e.op != todo.Update || e.state != entryWaiting || single && len(a.acks) == 1 {
			break
		}
		patch, conflicts := mergeInto(now, e, edits)
		if len(conflicts) > 0 {
			if len(a.acks) > 0 {
				break
			}
			a.note = &record{entries: []*entry{e.with(func(e *entry) { e.state, e.fields = entryConflict, conflicts })}}
			return
		}
		now, all = patch.Apply(now), all.Then(patch)
		a.acks = append(a.acks, e)
	}
	if !slices.ContainsFunc(a.acks, func(e *entry) bool { return !r.neverSent(e) }) {
		all = all.Changes(*it.server)
	}
	if all.IsZero() {
		a.note = &record{drops: numbers(a.acks)}
		a.acks = nil
		return
	}
	a.op, a.item, a.patch, a.ifMatch = todo.Update, now, all, it.server.ETag
}

// mergeInto merges one edit of a to-do into what the server has. That the server
// has what a later edit wants is no conflict: as a rule that one has arrived,
// and its answer was lost.
func mergeInto(now todo.Todo, e *entry, edits []*entry) (patch todo.Patch, conflicts []todo.Field) {
	patch, conflicts = e.edit().Merge(now)
	conflicts = slices.DeleteFunc(conflicts, func(f todo.Field) bool {
		return slices.ContainsFunc(edits, func(later *entry) bool {
			value := only(later.patch, []todo.Field{f})
			return later.number > e.number && later.op == todo.Update && !value.IsZero() &&
				(value.Changes(now).IsZero() || todo.SameButBlanks(f, value.Apply(todo.Todo{}), now))
		})
	})
	return patch, conflicts
}

// deletedAfter reports whether a later edit deletes the to-do.
func deletedAfter(edits []*entry, e *entry) bool {
	return slices.ContainsFunc(edits, func(later *entry) bool { return later.number > e.number && later.op == todo.Delete })
}

func numbers(entries []*entry) (out []uint64) {
	for _, e := range entries {
		out = append(out, e.number)
	}
	return out
}
