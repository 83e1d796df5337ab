package replica

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"waybill/api"
	"waybill/fault"
	"waybill/todo"
)

// A record is what one write adds to the log. The model is nothing but all
// records applied in order, so a copy that is opened again, and a second
// process that reads on, come to the same model. Sections are applied in the
// order of the fields.
type record struct {
	renames []rename    // a to-do that we made was given another id by the server
	puts    []todo.Todo // to-dos as the server has them now
	ghosts  []todo.Todo // to-dos that the server had, and that edits here still need
	gone    []string    // ids that the server has no longer
	entries []*entry    // edits, new or changed
	drops   []uint64    // numbers of edits that are done with
	sync    *syncState  // replaces it
}

type rename struct{ old, new string }

func (r *record) empty() bool {
	return len(r.renames)+len(r.puts)+len(r.ghosts)+len(r.gone)+len(r.entries)+len(r.drops) == 0 && r.sync == nil
}

type entryState byte

const (
	entryWaiting entryState = iota
	entryConflict
	entryRefused
	entryDiscarded // by the user, or overruled by a change at the server
)

// entry is an edit in the outbox. It is immutable; a changed one replaces it
// under the same number. Numbers give the order of the edits of one to-do.
type entry struct {
	number uint64
	id     string
	op     todo.Op
	patch  todo.Patch
	base   todo.Patch // for Update: what the changed fields were
	sum    string     // for Delete: contentSum of what was deleted
	at     time.Time
	key    string // Idempotency-Key
	run    uint64 // of the process that made it
	tried  bool   // may have been sent by a process other than run
	state  entryState
	fields []todo.Field // in conflict
	why    *fault.Fault // refused, or overruled
}

// edit returns the entry as the intent it stands for.
func (e *entry) edit() todo.Edit {
	base := e.base.Apply(todo.Todo{})
	if e.op != todo.Create {
		base.ID = e.id
	}
	return todo.Edit{ID: e.id, Op: e.op, Patch: e.patch, Base: base, At: e.at}
}

// with returns a changed copy.
func (e *entry) with(change func(*entry)) *entry {
	c := *e
	change(&c)
	return &c
}

// discarded is the entry when it is not to be sent any more, and why not if
// that was not the user's wish.
func (e *entry) discarded(why *fault.Fault) *entry {
	return e.with(func(e *entry) { e.state, e.why, e.fields = entryDiscarded, why, nil })
}

// What is known of how a server treats the ids that clients propose.
const (
	idsUnknown byte = iota
	idsKept
	idsReplaced
)

// syncState is what the last sync left behind.
type syncState struct {
	etag      string
	at        time.Time // of the last time the server's list was known; zero for never
	user      string
	known     bool // caps are
	caps      api.Capabilities
	ids       byte
	pullFirst bool // server's to-dos here may be old: send nothing before the next listing
}

// item is one to-do: what the server has, and the edits on top.
type item struct {
	id     string
	server *todo.Todo // nil if it is not at the server as far as is known
	ghost  *todo.Todo // what the server last had, when it has it no longer and edits remain
	edits  []*entry   // all but the discarded ones, by number
	row    *Row       // nil if it is not shown

	touched bool // is in the list of those whose row may have changed
}

// touched are the items whose row may have changed, each once. It is no map:
// of a new list every to-do is touched.
type touched []*item

// add appends an item, which may be nil; so may t be, of one who makes all rows
// anew afterwards.
func (t *touched) add(it *item) {
	if t != nil && it != nil && !it.touched {
		it.touched = true
		*t = append(*t, it)
	}
}

// model is the whole state. It is not safe for concurrent use.
type model struct {
	items   map[string]*item
	entries map[uint64]*entry
	alias   map[string]string // ids that were renamed
	sync    syncState
	next    uint64 // number of the next entry

	waiting, look int // entries that will be sent, and that need a look
	logged        int // to-dos and entries in the log, dead or alive

	rows  []*Row // in display order; never changed, only replaced
	tally todo.Tally
	today todo.Day
	loc   *time.Location
}

func newModel(now time.Time) *model {
	return &model{items: map[string]*item{}, entries: map[uint64]*entry{}, alias: map[string]string{}, next: 1,
		today: todo.DayOf(now), loc: now.Location()}
}

// apply brings the record into the model, and adds the items whose row may have
// changed to t.
func (m *model) apply(r *record, t *touched) {
	for _, n := range r.renames {
		m.rename(n.old, n.new)
		t.add(m.items[n.old])
		t.add(m.items[n.new])
	}
	for i := range r.puts {
		it := m.item(r.puts[i].ID)
		delete(m.alias, it.id)
		it.server, it.ghost = &r.puts[i], nil
		t.add(it)
	}
	for i := range r.ghosts {
		it := m.item(r.ghosts[i].ID)
		it.ghost = &r.ghosts[i]
		t.add(it)
	}
	for _, id := range r.gone {
		if it := m.items[id]; it != nil && it.server != nil {
			it.server, it.ghost = nil, it.server
			t.add(it)
		}
	}
	for _, e := range r.entries {
		if old := m.entries[e.number]; old != nil {
			t.add(m.items[old.id])
		}
		m.putEntry(e)
		t.add(m.items[e.id])
	}
	for _, number := range r.drops {
		if e := m.entries[number]; e != nil {
			m.dropEntry(e)
			t.add(m.items[e.id])
		}
	}
	if r.sync != nil {
		m.sync = *r.sync
	}
	m.logged += len(r.puts) + len(r.ghosts) + len(r.entries)
}

// expect makes room for n to-dos, so that a long new list is not moved from one
// map to a larger one again and again.
func (m *model) expect(n int) {
	if n < 2*len(m.items)+bulk {
		return
	}
	items := make(map[string]*item, n)
	maps.Copy(items, m.items)
	m.items = items
}

func (m *model) item(id string) *item {
	it := m.items[id]
	if it == nil {
		it = &item{id: id}
		m.items[id] = it
	}
	return it
}

// tidy forgets an item of which nothing is left. Discarded edits keep what
// their restoring would need.
func (m *model) tidy(it *item) {
	if it.server != nil || len(it.edits) > 0 || it.row != nil {
		return
	}
	if it.ghost != nil && m.discarded(it.id) {
		return
	}
	delete(m.items, it.id)
}

func (m *model) discarded(id string) bool {
	for _, e := range m.entries {
		if e.id == id && e.state == entryDiscarded {
			return true
		}
	}
	return false
}

func (m *model) putEntry(e *entry) {
	if old := m.entries[e.number]; old != nil {
		m.unlist(old)
	}
	m.entries[e.number] = e
	m.next = max(m.next, e.number+1)
	switch e.state {
	case entryDiscarded:
		m.item(e.id)
		return
	case entryWaiting:
		m.waiting++
	default:
		m.look++
	}
	it := m.item(e.id)
	at, _ := slices.BinarySearchFunc(it.edits, e.number, func(e *entry, n uint64) int {
		return cmp.Compare(e.number, n)
	})
	it.edits = slices.Insert(it.edits, at, e)
}

func (m *model) dropEntry(e *entry) {
	m.unlist(e)
	delete(m.entries, e.number)
}

// unlist takes an entry out of its item and of the counts.
func (m *model) unlist(e *entry) {
	switch e.state {
	case entryDiscarded:
		return
	case entryWaiting:
		m.waiting--
	default:
		m.look--
	}
	it := m.item(e.id)
	it.edits = slices.DeleteFunc(it.edits, func(x *entry) bool { return x.number == e.number })
}

// rename gives an item another id, with all its edits.
func (m *model) rename(old, new string) {
	if old == new {
		return
	}
	m.alias[old] = new
	from, to := m.items[old], m.item(new)
	for number, e := range m.entries {
		if e.id != old {
			continue
		}
		m.unlist(e)
		delete(m.entries, number)
		m.putEntry(e.with(func(e *entry) { e.id = new }))
	}
	if from != nil {
		if to.server == nil && to.ghost == nil {
			to.server, to.ghost = underID(from.server, new), underID(from.ghost, new)
		}
		from.server, from.ghost = nil, nil
	}
}

func underID(t *todo.Todo, id string) *todo.Todo {
	if t == nil {
		return nil
	}
	c := *t
	c.ID = id
	return &c
}

// resolve follows renames.
func (m *model) resolve(id string) string {
	for range len(m.alias) {
		next, ok := m.alias[id]
		if !ok {
			break
		}
		id = next
	}
	return id
}

// snapshot returns records that make this model from nothing. Discarded
// entries from before keep are left out.
func (m *model) snapshot(keep time.Time) []*record {
	names := &record{} // first, while there is nothing yet that they could rename
	for _, old := range slices.Sorted(maps.Keys(m.alias)) {
		names.renames = append(names.renames, rename{old, m.alias[old]})
	}
	out := []*record{names}
	puts := make([]todo.Todo, 0, recordTodos)
	flush := func() {
		if len(puts) > 0 {
			out = append(out, &record{puts: puts})
			puts = make([]todo.Todo, 0, recordTodos)
		}
	}
	rest := &record{sync: &m.sync}
	for _, id := range slices.Sorted(maps.Keys(m.items)) {
		it := m.items[id]
		if it.server != nil {
			if puts = append(puts, *it.server); len(puts) == recordTodos {
				flush()
			}
		} else if it.ghost != nil {
			rest.ghosts = append(rest.ghosts, *it.ghost)
		}
	}
	flush()
	for _, number := range slices.Sorted(maps.Keys(m.entries)) {
		if e := m.entries[number]; e.state != entryDiscarded || e.at.After(keep) {
			rest.entries = append(rest.entries, e)
		}
	}
	return append(out, rest)
}

// recordTodos is how many to-dos one record holds in a bulk write: enough that
// the cost per record does not count, few enough that reading one is quick.
const recordTodos = 32

// contentSum identifies what a reader sees of a to-do.
func contentSum(t todo.Todo) string {
	tags := slices.Clone(t.Tags)
	slices.Sort(tags)
	e := &encoder{}
	e.todo(&todo.Todo{Title: t.Title, Description: t.Description, Completed: t.Completed, Priority: t.Priority, Tags: slices.Compact(tags), Due: t.Due})
	sum := sha256.Sum256(e.b)
	return string(sum[:16])
}

// sameServer reports whether two answers of the server for one id are the same
// in every respect.
func sameServer(a, b *todo.Todo) bool {
	return a.Title == b.Title && a.Description == b.Description && a.Completed == b.Completed && a.Priority == b.Priority &&
		a.Due.Equal(b.Due) && a.ETag == b.ETag && slices.Equal(a.Tags, b.Tags) &&
		maps.EqualFunc(a.Extra, b.Extra, func(x, y json.RawMessage) bool { return bytes.Equal(x, y) })
}
