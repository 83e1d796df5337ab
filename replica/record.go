package replica

import (
	"encoding/json"
	"maps"
	"slices"

	"waybill/fault"
	"waybill/todo"
)

// Bits of a to-do's or a patch's fields.
const (
	hasTitle = 1 << iota
	hasDescription
	isCompleted
	hasPriority
	hasTags
	hasDue
	hasETag
	hasExtra
)

func bit(is bool, bit byte) byte {
	if is {
		return bit
	}
	return 0
}

func (e *encoder) todo(t *todo.Todo) {
	e.text(t.ID)
	e.text(t.Title)
	e.byte(bit(t.Description != "", hasDescription) | bit(t.Completed, isCompleted) | bit(t.Priority != "", hasPriority) |
		bit(len(t.Tags) > 0, hasTags) | bit(!t.Due.IsZero(), hasDue) | bit(t.ETag != "", hasETag) | bit(len(t.Extra) > 0, hasExtra))
	if t.Description != "" {
		e.text(t.Description)
	}
	if t.Priority != "" {
		e.text(string(t.Priority))
	}
	if len(t.Tags) > 0 {
		e.texts(t.Tags)
	}
	if !t.Due.IsZero() {
		e.time(t.Due)
	}
	if t.ETag != "" {
		e.text(t.ETag)
	}
	if len(t.Extra) > 0 {
		e.uint(uint64(len(t.Extra)))
		for _, name := range slices.Sorted(maps.Keys(t.Extra)) {
			e.text(name)
			e.text(string(t.Extra[name]))
		}
	}
}

func (d *decoder) todo(t *todo.Todo) {
	t.ID = d.text()
	t.Title = d.text()
	has := d.byte()
	t.Completed = has&isCompleted != 0
	if has&hasDescription != 0 {
		t.Description = d.text()
	}
	if has&hasPriority != 0 {
		t.Priority = todo.Priority(d.text())
	}
	if has&hasTags != 0 {
		t.Tags = d.texts()
	}
	if has&hasDue != 0 {
		t.Due = d.time()
	}
	if has&hasETag != 0 {
		t.ETag = d.text()
	}
	if has&hasExtra != 0 {
		n := d.count()
		t.Extra = make(map[string]json.RawMessage, n)
		for range n {
			name := d.text()
			t.Extra[name] = json.RawMessage(d.text())
		}
	}
}

func (e *encoder) patch(p todo.Patch) {
	e.byte(bit(p.Title != nil, hasTitle) | bit(p.Description != nil, hasDescription) | bit(p.Completed != nil, isCompleted) |
		bit(p.Priority != nil, hasPriority) | bit(p.Tags != nil, hasTags) | bit(p.Due != nil, hasDue))
	if p.Title != nil {
		e.text(*p.Title)
	}
	if p.Description != nil {
		e.text(*p.Description)
	}
	if p.Completed != nil {
		e.bool(*p.Completed)
	}
	if p.Priority != nil {
		e.text(string(*p.Priority))
	}
	if p.Tags != nil {
		e.texts(*p.Tags)
	}
	if p.Due != nil {
		e.time(*p.Due)
	}
}

func (d *decoder) patch() (p todo.Patch) {
	has := d.byte()
	if has&hasTitle != 0 {
		p.Title = pointer(d.text())
	}
	if has&hasDescription != 0 {
		p.Description = pointer(d.text())
	}
	if has&isCompleted != 0 {
		p.Completed = pointer(d.bool())
	}
	if has&hasPriority != 0 {
		p.Priority = pointer(todo.Priority(d.text()))
	}
	if has&hasTags != 0 {
		p.Tags = pointer(d.texts())
	}
	if has&hasDue != 0 {
		p.Due = pointer(d.time())
	}
	return p
}

func pointer[T any](v T) *T { return &v }

func (e *encoder) fault(f *fault.Fault) {
	if e.bool(f != nil); f == nil {
		return
	}
	e.text(string(f.Step))
	e.uint(uint64(f.Kind))
	e.text(f.Code)
	e.text(f.Message)
	e.text(f.Remedy)
	e.int(int64(f.Status))
	e.text(f.Server)
}

func (d *decoder) fault() *fault.Fault {
	if !d.bool() {
		return nil
	}
	step, kind := fault.Step(d.text()), fault.Kind(d.uint())
	f := fault.New(step, kind, d.text(), d.text()).WithRemedy(d.text())
	if status := d.int(); status != 0 {
		return f.WithServer(int(status), d.text())
	}
	d.text()
	return f
}

func (e *encoder) entry(n *entry) {
	e.uint(n.number)
	e.text(n.id)
	e.text(string(n.op))
	e.patch(n.patch)
	e.patch(n.base)
	e.text(n.sum)
	e.time(n.at)
	e.text(n.key)
	e.uint(n.run)
	e.bool(n.tried)
	e.byte(byte(n.state))
	e.uint(uint64(len(n.fields)))
	for _, f := range n.fields {
		e.text(string(f))
	}
	e.fault(n.why)
}

func (d *decoder) entry() *entry {
	n := &entry{number: d.uint(), id: d.text(), op: todo.Op(d.text()), patch: d.patch(), base: d.patch(), sum: d.text(),
		at: d.time(), key: d.text(), run: d.uint(), tried: d.bool(), state: entryState(d.byte())}
	for range d.count() {
		n.fields = append(n.fields, todo.Field(d.text()))
	}
	n.why = d.fault()
	return n
}

func (e *encoder) sync(s *syncState) {
	e.text(s.etag)
	e.time(s.at)
	e.text(s.user)
	e.bool(s.known)
	e.bool(s.caps.Read)
	e.bool(s.caps.Create)
	e.bool(s.caps.Update)
	e.bool(s.caps.Delete)
	e.text(s.caps.Why)
	e.byte(s.ids)
	e.bool(s.pullFirst)
}

func (d *decoder) sync() *syncState {
	s := &syncState{etag: d.text(), at: d.time(), user: d.text(), known: d.bool()}
	s.caps.Read, s.caps.Create, s.caps.Update, s.caps.Delete = d.bool(), d.bool(), d.bool(), d.bool()
	s.caps.Why = d.text()
	s.caps.Write = s.caps.Create || s.caps.Update || s.caps.Delete
	s.ids = d.byte()
	s.pullFirst = d.bool()
	return s
}

// Sections of a record.
const (
	sectionRenames = 1 + iota
	sectionPuts
	sectionGhosts
	sectionGone
	sectionEntries
	sectionDrops
	sectionSync
)

// encode writes the record; empty sections are left out.
func (r *record) encode() []byte {
	e := &encoder{b: make([]byte, 0, r.room())}
	e.record(r)
	return e.b
}

// room is about how long the record is when it is written.
func (r *record) room() int {
	room := 256
	for i := range r.puts {
		room += 128 + len(r.puts[i].Title) + len(r.puts[i].Description)
	}
	return room
}

func (e *encoder) record(r *record) {
	section := func(kind byte, n int, each func(int)) {
		if n > 0 {
			e.byte(kind)
			e.uint(uint64(n))
			for i := range n {
				each(i)
			}
		}
	}
	section(sectionRenames, len(r.renames), func(i int) { e.text(r.renames[i].old); e.text(r.renames[i].new) })
	section(sectionPuts, len(r.puts), func(i int) { e.todo(&r.puts[i]) })
	section(sectionGhosts, len(r.ghosts), func(i int) { e.todo(&r.ghosts[i]) })
	section(sectionGone, len(r.gone), func(i int) { e.text(r.gone[i]) })
	section(sectionEntries, len(r.entries), func(i int) { e.entry(r.entries[i]) })
	section(sectionDrops, len(r.drops), func(i int) { e.uint(r.drops[i]) })
	if r.sync != nil {
		section(sectionSync, 1, func(int) { e.sync(r.sync) })
	}
}

// decodeRecord reads what encode wrote, or errCodec.
func decodeRecord(plain []byte) (*record, error) {
	d, r := &decoder{s: string(plain)}, &record{}
	for d.s != "" {
		kind, n := d.byte(), d.count()
		switch kind {
		case sectionRenames:
			for range n {
				r.renames = append(r.renames, rename{d.text(), d.text()})
			}
		case sectionPuts:
			r.puts = d.todos(n)
		case sectionGhosts:
			r.ghosts = d.todos(n)
		case sectionGone:
			for range n {
				r.gone = append(r.gone, d.text())
			}
		case sectionEntries:
			for range n {
				r.entries = append(r.entries, d.entry())
			}
		case sectionDrops:
			for range n {
				r.drops = append(r.drops, d.uint())
			}
		case sectionSync:
			r.sync = d.sync()
		default:
			d.fail()
		}
	}
	if d.bad {
		return nil, errCodec
	}
	return r, nil
}

// todos reads n to-dos; n is at most the number of bytes left, but a to-do in
// memory is far larger, so the list grows as they are read.
func (d *decoder) todos(n int) []todo.Todo {
	list := make([]todo.Todo, 0, min(n, len(d.s)/3))
	for range n {
		if d.bad {
			break
		}
		list = append(list, todo.Todo{})
		d.todo(&list[len(list)-1])
	}
	return list
}
