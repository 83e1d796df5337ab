package replica

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"sync"

	"waybill/api"
	"waybill/fault"
	"waybill/todo"
)

// maxTurns is how often a to-do is looked at in one round. An honest server
// needs two per edit; one that answers "changed meanwhile" for ever does not
// keep the others waiting.
const maxTurns = 50

// push sends what is waiting: per to-do in order, several to-dos at a time. It
// returns the error that concerns everything, or else the first of a single
// to-do; the others are sent all the same.
func (r *Replica) push(ctx context.Context, c api.Client) error {
	ids, err := r.toSend()
	if err != nil || len(ids) == 0 {
		return err
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var first error
	stopped := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return first != nil && stops(first) || ctx.Err() != nil
	}
	work := make(chan string)
	for range min(r.o.Parallel, len(ids)) {
		wg.Go(func() {
			for id := range work {
				err := r.pushItem(ctx, c, id, stopped)
				mu.Lock()
				if err != nil && (first == nil || stops(err) && !stops(first)) {
					first = err
				}
				mu.Unlock()
			}
		})
	}
	for _, id := range ids {
		if stopped() {
			break
		}
		work <- id
	}
	close(work)
	wg.Wait()
	return first
}

// toSend lists the to-dos with waiting edits, the oldest edit first, and
// announces what is going to be sent.
func (r *Replica) toSend() (ids []string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed != nil {
		return nil, r.failed
	}
	if r.m.sync.known && !r.m.sync.caps.Write || r.m.waiting+r.m.look == 0 {
		return nil, nil
	}
	var foreign []*entry
	first := map[string]uint64{}
	for _, e := range r.m.entries {
		if e.state != entryWaiting && e.state != entryConflict {
			continue
		}
		if n, seen := first[e.id]; !seen || e.number < n {
			first[e.id] = e.number
		}
		if e.run != r.run && !e.tried && e.state == entryWaiting {
			foreign = append(foreign, e.with(func(e *entry) { e.tried = true }))
		}
	}
	// The process that made them must not take them for unsent.
	if len(foreign) > 0 {
		err = r.commit(func() ([]*record, error) {
			still := slices.DeleteFunc(foreign, func(e *entry) bool {
				now := r.m.entries[e.number]
				return now == nil || now.state != entryWaiting
			})
			return []*record{{entries: still}}, nil
		})
	}
	for id := range first {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int { return cmp.Compare(first[a], first[b]) })
	r.sync.phase, r.sync.done, r.sync.total = sending, 0, r.m.waiting
	r.publish()
	return ids, err
}

// action is the next thing to do about one to-do: a request, or a note alone.
type action struct {
	op      todo.Op // "" for a note
	id      string
	item    todo.Todo // what the item is after the request, as far as is known
	patch   todo.Patch
	ifMatch string
	key     string
	acks    []*entry // that are done with when the request succeeds
	first   bool     // none of acks can have been sent before
	note    *record
}

func (a *action) nothing() bool { return a.op == "" && a.note == nil }

// pushItem sends the edits of one to-do until none is left that can be sent.
func (r *Replica) pushItem(ctx context.Context, c api.Client, id string, stopped func() bool) error {
	single := false
	for range maxTurns {
		if stopped() {
			return nil
		}
		a := r.plan(id, single)
		if a.nothing() {
			return nil
		}
		if a.op == "" {
			if err := r.together(func() ([]*record, error) { return []*record{a.note}, nil }); err != nil {
				return err
			}
			continue
		}
		got := request(ctx, c, a)
		alone := len(a.acks) > 1 && fault.Is(got.err, fault.Invalid)
		var left error
		err := r.together(func() ([]*record, error) {
			var rec *record
			if !alone {
				rec, left = r.settle(a, got)
			}
			if rec == nil {
				return nil, nil
			}
			return []*record{rec}, nil
		})
		r.unhand(a, err == nil && got.err == nil)
		if err == nil {
			err = left
		}
		if err != nil {
			return err
		}
		// Which of several edits in one request was refused is found out by
		// sending them one by one.
		single = single || alone
		if got.id != "" {
			id = got.id
		}
	}
	return fault.New(fault.StepCall, fault.Conflict, "keeps_changing", "A to-do changes at the server faster than it can be sent.")
}

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
		planUpdate(a, it, edits, single)
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
		a.note = &record{entries: []*entry{head.with(func(e *entry) { e.state, e.why = entryDiscarded, errOverruled })}}
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
// and sends them in one request.
func planUpdate(a *action, it *item, edits []*entry, single bool) {
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
			state := entryConflict
			if deletedAfter(edits, e) {
				state = entryDiscarded // the user has no use for either text
			}
			a.note = &record{entries: []*entry{e.with(func(e *entry) { e.state, e.fields = state, conflicts })}}
			return
		}
		now, all = patch.Apply(now), all.Then(patch)
		a.acks = append(a.acks, e)
	}
	if all = all.Changes(*it.server); all.IsZero() {
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
			return later.number > e.number && later.op == todo.Update && !value.IsZero() && value.Changes(now).IsZero()
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

// answer is what came of a request.
type answer struct {
	item *todo.Todo // the item as the server has it now; nil if it is gone or unknown
	gone bool       // the server has it no longer
	id   string     // the id that it has from now on, if that changed
	err  error      // why the request did not do what it should; nil if it did
}

// request sends the action. After a conflict it finds out what the server has.
func request(ctx context.Context, c api.Client, a *action) answer {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	var t todo.Todo
	var err error
	switch a.op {
	case todo.Create:
		t, err = c.Create(ctx, a.item, a.key)
	case todo.Update:
		t, err = c.Update(ctx, a.id, a.patch, a.ifMatch)
	default:
		if err = c.Delete(ctx, a.id, a.ifMatch); err == nil {
			return answer{gone: true}
		}
	}
	if err == nil {
		if t.ID == "" { // the server did not show it
			t = a.item
			t.ID, t.ETag = a.id, ""
		}
		got := answer{item: &t}
		if a.op == todo.Create && t.ID != a.id {
			got.id = t.ID
		}
		return got
	}
	f := fault.As(err)
	switch {
	case f.Kind == fault.NotFound && a.op != todo.Create:
		return answer{gone: true, err: err}
	case f.Kind == fault.Conflict, f.Kind == fault.Invalid && f.Status == 409:
		return lookUp(ctx, c, a, err)
	}
	return answer{err: err}
}

// lookUp finds out what the server has after it said that it is something else.
func lookUp(ctx context.Context, c api.Client, a *action, err error) answer {
	var conflict *api.ConflictError
	if errors.As(err, &conflict) && conflict.Current.ID != "" {
		t := conflict.Current
		t.ID = a.id
		return answer{item: &t, err: err}
	}
	switch t, lost := c.Get(ctx, a.id); {
	case lost == nil:
		t.ID = a.id
		return answer{item: &t, err: err}
	case fault.Is(lost, fault.NotFound):
		return answer{gone: true, err: err}
	default:
		return answer{err: lost}
	}
}

// settle makes the record of what came of a request, and returns the error
// that is left for later, if one is.
func (r *Replica) settle(a *action, got answer) (*record, error) {
	switch {
	case got.err == nil:
		return r.acknowledge(a, got), nil
	case got.item != nil: // a conflict: the next plan merges with what is there
		rec := &record{puts: []todo.Todo{*got.item}}
		if head := a.acks[0]; head.op == todo.Create && a.first && !todo.SameContent(*got.item, a.item) {
			rec.entries = []*entry{head.ofAll()}
		}
		return rec, nil
	case got.gone && a.op == todo.Create:
		// The id is spent at the server, though nothing has it.
		fresh := rand.Text()
		return &record{renames: []rename{{a.id, fresh}}, entries: []*entry{a.acks[0].again(a.acks[0].patch).with(func(e *entry) { e.id = fresh })}}, nil
	case got.gone:
		r.sync.doubt[a.id] = true
		return &record{gone: []string{a.id}}, nil
	case fault.Is(got.err, fault.Invalid):
		return r.setAside(a.acks[0], got.err), nil
	default:
		return nil, got.err
	}
}

// acknowledge makes the record of a request that did what it should.
func (r *Replica) acknowledge(a *action, got answer) *record {
	rec := &record{drops: numbers(a.acks)}
	if r.m.sync.etag != "" {
		// The listing that we know is from before this. Should the server say
		// that it is unchanged all the same, then what it answered here is from
		// its memory of an earlier try, and the to-do may be gone meanwhile.
		rec.sync = r.syncRecord()
		rec.sync.etag = ""
	}
	if got.gone {
		rec.gone = []string{a.id}
		return rec
	}
	rec.puts = []todo.Todo{*got.item}
	rec.entries = r.carryOver(a, *got.item)
	if got.id != "" {
		rec.renames = []rename{{a.id, got.id}}
	}
	if kept := ids(got.id == ""); a.op == todo.Create && r.m.sync.ids != kept {
		if rec.sync == nil {
			rec.sync = r.syncRecord()
		}
		rec.sync.ids = kept
	}
	return rec
}

// carryOver makes the later edits of a to-do edits of what the server made of
// the earlier ones, where it changed what it was sent (a title without its
// blanks, say). Else its changes would look like someone else's.
func (r *Replica) carryOver(a *action, got todo.Todo) (out []*entry) {
	it := r.m.items[a.id]
	if it == nil || todo.SameContent(a.item, got) {
		return nil
	}
	differs := todo.Diff(a.item, got)
	for _, e := range it.edits {
		if slices.ContainsFunc(a.acks, func(x *entry) bool { return x.number == e.number }) {
			continue
		}
		id := got.ID
		switch {
		case e.op == todo.Delete && e.sum == contentSum(a.item):
			out = append(out, e.with(func(e *entry) { e.id, e.sum = id, contentSum(got) }))
			return out
		case e.op == todo.Update && overlaps(e.base, differs):
			shared := only(differs, e.base.Fields())
			out = append(out, e.with(func(e *entry) { e.id, e.base = id, e.base.Then(shared) }))
			differs = differs.Without(shared.Fields()...)
		}
	}
	return out
}

func ids(kept bool) byte {
	if kept {
		return idsKept
	}
	return idsReplaced
}

// setAside makes the record of an edit that the server will not take. Fields
// that a later edit changes again need no look: that one goes on from what the
// fields were before.
func (r *Replica) setAside(e *entry, why error) *record {
	now := r.m.entries[e.number]
	if now == nil {
		return nil
	}
	if it := r.m.items[now.id]; now.op == todo.Update && deletedAfter(it.edits, now) {
		return &record{entries: []*entry{now.with(func(e *entry) { e.state = entryDiscarded })}}
	}
	rec := &record{}
	rest := now.patch
	if now.op == todo.Update {
		rec.entries = rebased(r.m.items[now.id], now)
		for _, later := range rec.entries {
			rest = rest.Without(later.patch.Fields()...)
		}
	}
	if now.op == todo.Update && rest.IsZero() {
		rec.drops = []uint64{now.number}
		return rec
	}
	rec.entries = append(rec.entries, now.with(func(e *entry) {
		e.patch, e.base = rest, only(e.base, rest.Fields())
		e.state, e.why = entryRefused, fault.As(why)
	}))
	return rec
}

// unhand ends an action.
func (r *Replica) unhand(a *action, done bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range a.acks {
		delete(r.sending, e.number)
	}
	if done {
		r.sync.done += len(a.acks)
	}
	r.publish()
}
