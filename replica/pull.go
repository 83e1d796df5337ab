package replica

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"waybill/api"
	"waybill/fault"
	"waybill/todo"
)

// When a listing lacks more than this, the user is asked before anything is
// removed here: a server that was set back looks just like one whose user has
// tidied up.
const (
	guardItems   = 20
	guardPercent = 30
)

// bulk is how many records of to-dos one write holds: few enough that an edit
// does not wait long.
const bulk = 128

// removal is the open question about a listing.
type removal struct {
	ids   []string
	total int
}

// pull fetches what the server has. That nothing changed costs one request and
// no write.
func (r *Replica) pull(ctx context.Context, c api.Client) error {
	r.mu.Lock()
	etag := r.m.sync.etag
	r.sync.phase = fetching
	r.publish()
	r.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, listLimit)
	defer cancel()
	list, err := c.List(ctx, etag)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !list.NotModified {
		if err := r.takeList(list); err != nil {
			return err
		}
	}
	clear(r.sync.doubt)
	r.sync.lastPull, r.sync.lastSync = time.Now(), r.o.Now()
	r.publish()
	return nil
}

// difference is what a listing says beside what is known here.
type difference struct {
	renames []rename
	adopted []uint64    // creations that turn out to have arrived
	later   []*entry    // edits of those, of what the server made of them
	puts    []todo.Todo // new or changed
	gone    []string
	asking  *removal
}

// takeList brings a listing into the copy. mu is held, and let go between
// writes so that edits are not held up.
func (r *Replica) takeList(list api.List) error {
	d := r.compare(list)
	if len(d.renames) > 0 {
		if err := r.commit(func() ([]*record, error) {
			return []*record{{renames: d.renames, entries: d.later, drops: d.adopted}}, nil
		}); err != nil {
			return err
		}
	}
	r.m.expect(len(r.m.items) + len(d.puts))
	for puts := d.puts; len(puts) > 0; {
		n := min(len(puts), bulk*recordTodos)
		if err := r.commit(func() ([]*record, error) { return putRecords(puts[:n]), nil }); err != nil {
			return err
		}
		puts = puts[n:]
		r.mu.Unlock()
		r.mu.Lock()
	}
	return r.commit(func() ([]*record, error) {
		s := r.syncRecord()
		s.user, s.at = list.User, r.o.Now()
		if s.etag = ""; list.Complete && d.asking == nil {
			s.etag = list.ETag
		}
		s.pullFirst = s.pullFirst && !list.Complete
		if d.asking != nil { // of those that the user sees, sent or not
			d.asking.total = max(len(r.m.rows), len(d.asking.ids))
		}
		r.removal = d.asking
		return []*record{{gone: d.gone, sync: s}}, nil
	})
}

func putRecords(puts []todo.Todo) (records []*record) {
	for len(puts) > 0 {
		n := min(len(puts), recordTodos)
		records = append(records, &record{puts: puts[:n]})
		puts = puts[n:]
	}
	return records
}

// compare holds a listing against the copy.
func (r *Replica) compare(list api.List) difference {
	var d difference
	if len(r.m.items) == 0 {
		d.puts = list.Todos
		return d
	}
	listed := make(map[string]struct{}, len(list.Todos))
	for i := range list.Todos {
		t := &list.Todos[i]
		listed[t.ID] = struct{}{}
		if it := r.m.items[t.ID]; it == nil || it.server == nil || !sameServer(it.server, t) {
			d.puts = append(d.puts, *t)
		}
	}
	known := 0
	var missing []string
	for id, it := range r.m.items {
		if it.server == nil {
			continue
		}
		known++
		if _, ok := listed[id]; !ok && list.Complete {
			missing = append(missing, id)
		}
	}
	many := len(missing)*100 > known*guardPercent
	missing = r.adopt(&d, missing, many)
	if len(missing) > guardItems && many {
		d.asking = &removal{ids: missing}
	} else {
		d.gone = missing
	}
	return d
}

// adopt finds to-dos of ours that the server has under an id that we do not
// know: creations whose answer was lost at a server that gives its own ids, and
// edited to-dos of a server that was set up anew. It returns the missing ones
// that are left.
func (r *Replica) adopt(d *difference, missing []string, reset bool) []string {
	twins := r.unknownByContent(d.puts)
	take := func(old string, content todo.Todo, wanted int) *todo.Todo {
		sum := looseSum(content)
		found := twins()[sum]
		if len(found) == 0 || len(found) > wanted || found[0].ID == old {
			return nil
		}
		twins()[sum] = found[1:]
		d.renames = append(d.renames, rename{old, found[0].ID})
		return found[0]
	}
	for _, creates := range r.doubtful() {
		for i, e := range creates {
			content, _ := e.edit().Apply(todo.Todo{})
			if t := take(e.id, content, len(creates)-i); t != nil {
				d.adopted = append(d.adopted, e.number)
				d.later = append(d.later, r.carryOver(&action{op: todo.Create, id: e.id, item: content, acks: []*entry{e}}, *t)...)
			}
		}
	}
	if !reset {
		return missing
	}
	for _, it := range r.m.items {
		if it.server == nil && it.ghost != nil && len(it.edits) > 0 {
			take(it.id, *it.ghost, 1)
		}
	}
	return slices.DeleteFunc(missing, func(id string) bool {
		it := r.m.items[id]
		return len(it.edits) > 0 && take(id, *it.server, 1) != nil
	})
}

// doubtful finds the creations that may have arrived at a server that gives its
// own ids, by looseSum.
func (r *Replica) doubtful() map[string][]*entry {
	creates := map[string][]*entry{}
	for _, e := range r.m.entries {
		if it := r.m.items[e.id]; e.op == todo.Create && e.state == entryWaiting && it.server == nil && !r.neverSent(e) && r.m.sync.ids != idsKept {
			content, _ := e.edit().Apply(todo.Todo{})
			sum := looseSum(content)
			creates[sum] = append(creates[sum], e)
		}
	}
	return creates
}

// unknownByContent finds listed to-dos that are not known here, by looseSum.
// More of them than are looked for cannot be told apart. The work is done at the
// first call.
func (r *Replica) unknownByContent(puts []todo.Todo) func() map[string][]*todo.Todo {
	return sync.OnceValue(func() map[string][]*todo.Todo {
		twins := map[string][]*todo.Todo{}
		for i := range puts {
			if it := r.m.items[puts[i].ID]; it != nil && it.server != nil {
				continue
			}
			sum := looseSum(puts[i])
			twins[sum] = append(twins[sum], &puts[i])
		}
		return twins
	})
}

// looseSum is contentSum but for the blanks around a text, which many servers
// take off.
func looseSum(t todo.Todo) string {
	t.Title, t.Description = strings.TrimSpace(t.Title), strings.TrimSpace(t.Description)
	return contentSum(t)
}

// doubtfulCreates reports whether there are creations that may have arrived at
// a server that gives its own ids: the listing is read before they are sent
// again. mu is held.
func (r *Replica) doubtfulCreates() bool {
	if r.m.sync.ids == idsKept {
		return false
	}
	for _, e := range r.m.entries {
		if e.op == todo.Create && e.state == entryWaiting && !r.neverSent(e) {
			return true
		}
	}
	return false
}

// ResolveRemoval answers Snapshot.Removal: the to-dos that the server no longer
// lists are removed here too, or are added to the server again.
func (r *Replica) ResolveRemoval(ctx context.Context, choice RemovalChoice) error {
	if err := r.ready(ctx); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	q := r.removal
	if q == nil {
		return errNoQuestion
	}
	if caps := r.m.sync.caps; choice == SendAgain && !caps.Create {
		return errReadOnly(caps.Why)
	}
	err := r.commit(func() ([]*record, error) {
		rec := &record{}
		for _, id := range q.ids {
			it := r.m.items[id]
			if it == nil || it.server == nil {
				continue
			}
			rec.gone = append(rec.gone, id)
			if choice == SendAgain && len(it.edits) == 0 {
				rec.entries = append(rec.entries, r.newEntry(id, todo.Create, todo.PatchOf(*it.server), todo.Patch{}))
			}
		}
		r.removal = nil
		return []*record{rec}, nil
	})
	if err != nil {
		r.removal = q
		return err
	}
	r.wakeFor(WakeUser)
	return nil
}

var errNoQuestion = fault.New(fault.StepStore, fault.NotFound, "no_question", "There is nothing to decide any more.")
