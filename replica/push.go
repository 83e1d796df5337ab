package replica

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
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
//
// Over a connection that requests share they go almost all at once, since each
// wave is a round trip that the user waits for. The first goes alone, though: it
// opens the connection, where otherwise each would open one, and a server that
// takes nothing says so to it.
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
	var widen func()
	send := func() {
		for id := range work {
			err := r.pushItem(ctx, c, id, stopped)
			mu.Lock()
			if err != nil && (first == nil || stops(err) && !stops(first)) {
				first = err
			}
			mu.Unlock()
			if (err == nil || !stops(err)) && c.Multiplexed() {
				widen()
			}
		}
	}
	narrow := min(r.o.Parallel, len(ids))
	if c.Multiplexed() {
		narrow = 1
	}
	widen = sync.OnceFunc(func() {
		for range min(r.o.Shared, len(ids)) - narrow {
			wg.Go(send)
		}
	})
	for range narrow {
		wg.Go(send)
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
	differs := a.cleaned(got)
	all := todo.SameContent(differs.Apply(a.item), got)
	for _, e := range it.edits {
		if slices.ContainsFunc(a.acks, func(x *entry) bool { return x.number == e.number }) {
			continue
		}
		id := got.ID
		switch {
		case e.op == todo.Delete && all && e.sum == contentSum(a.item):
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

// cleaned is what the server itself made of what it was sent. Fields that it was
// not sent were changed by someone else, and so may all others have been where
// a creation had arrived before and is answered from memory: of those only what
// are the same words is taken for the server's doing.
func (a *action) cleaned(got todo.Todo) todo.Patch {
	differs := todo.Diff(a.item, got)
	switch {
	case a.op == todo.Update:
		return only(differs, a.patch.Fields())
	case a.first:
		return differs
	}
	var same []todo.Field
	if strings.TrimSpace(a.item.Title) == strings.TrimSpace(got.Title) {
		same = append(same, todo.FieldTitle)
	}
	if strings.TrimSpace(a.item.Description) == strings.TrimSpace(got.Description) {
		same = append(same, todo.FieldDescription)
	}
	return only(differs, same)
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
