package replica

import (
	"context"
	"crypto/rand"
	"strings"

	"waybill/fault"
	"waybill/todo"
)

// Incoming is one to-do of a file that is imported. Fields are those that the
// file has: what it does not speak of stays as it is here.
type Incoming struct {
	ID     string // "" if the file has none
	Fields todo.Patch
}

// Compared says what Import would do, or did: how many to-dos it adds, changes
// and leaves as they are.
type Compared struct{ Added, Changed, Same int }

// Compare says what Import would do, without doing it.
func (r *Replica) Compare(ctx context.Context, items []Incoming) (Compared, error) {
	if err := r.ready(ctx); err != nil {
		return Compared{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, n, err := r.bringIn(items)
	return n, err
}

// Import brings the to-dos of a file or of a backup in, as edits of this user:
// all of them are on the disk when it returns, or none, and they are sent like
// any other. One Undo takes all of it back.
//
// A to-do whose id is here is changed where the file says something else. One
// whose id is not here is added under a new id, unless a to-do here says the
// same already: importing a file twice doubles nothing. To-dos that the file
// lacks are left alone.
func (r *Replica) Import(ctx context.Context, items []Incoming) (n Compared, err error) {
	err = r.edit(ctx, func() (c *change, err error) {
		c, n, err = r.bringIn(items)
		return c, err
	})
	if err != nil {
		return Compared{}, err
	}
	return n, nil
}

// opImport is the op of a step that stands for many.
const opImport todo.Op = "import"

// bringIn makes the edits; nil for none.
func (r *Replica) bringIn(items []Incoming) (*change, Compared, error) {
	all := &change{step: step{op: opImport}}
	var n Compared
	taken := map[string]bool{}
	alike := r.twinsOf(items, taken)
	for _, in := range items {
		c, err := r.bringOne(in, taken, alike)
		switch {
		case err != nil:
			return nil, Compared{}, err
		case c == nil:
			n.Same++
			continue
		case c.step.op == todo.Create:
			n.Added++
		default:
			n.Changed++
		}
		all.add(c)
	}
	if len(all.step.parts) == 0 {
		return nil, n, nil
	}
	return all, n, nil
}

func (c *change) add(part *change) {
	c.entries = append(c.entries, part.entries...)
	c.drops = append(c.drops, part.drops...)
	c.step.parts = append(c.step.parts, part.step)
}

// bringOne makes the edit for one to-do; nil for none. A to-do here answers for
// one of the file's at most.
func (r *Replica) bringOne(in Incoming, taken map[string]bool, alike func(todo.Patch) string) (*change, error) {
	if p := in.Fields; p.Title != nil && strings.TrimSpace(*p.Title) == "" {
		return nil, errNoTitle
	}
	id := r.m.resolve(in.ID)
	if it := r.m.items[id]; in.ID != "" && it != nil && it.row != nil && !taken[id] {
		taken[id] = true
		if in.Fields.Changes(it.row.Todo).IsZero() {
			return nil, nil // fine where nothing can be changed, too
		}
		return r.update(id, in.Fields)
	}
	if alike(in.Fields) != "" {
		return nil, nil
	}
	if in.Fields.Title == nil {
		return nil, errNoTitle
	}
	if caps := r.m.sync.caps; r.m.sync.known && !caps.Create {
		return nil, errReadOnly(caps.Why)
	}
	fresh := rand.Text()
	return &change{
		step:    step{op: todo.Create, id: fresh},
		entries: []*entry{r.newEntry(fresh, todo.Create, in.Fields, todo.Patch{})},
	}, nil
}

// twinsOf returns what finds a to-do here that says the same in the fields of a
// file, and takes it; "" if there is none. To-dos that the file names by their
// id are nobody's twin.
func (r *Replica) twinsOf(items []Incoming, taken map[string]bool) func(todo.Patch) string {
	named := map[string]bool{}
	for _, in := range items {
		named[r.m.resolve(in.ID)] = true
	}
	known := map[string]map[string][]string{} // by the fields, then by what they say
	return func(p todo.Patch) string {
		fields := fieldsKey(p)
		if known[fields] == nil {
			known[fields] = map[string][]string{}
			for _, row := range r.m.rows {
				if !named[row.Todo.ID] {
					says := saying(p.Restrict(row.Todo))
					known[fields][says] = append(known[fields][says], row.Todo.ID)
				}
			}
		}
		says := saying(p)
		for ids := known[fields][says]; len(ids) > 0; ids = ids[1:] {
			known[fields][says] = ids[1:]
			if id := ids[0]; !taken[id] {
				taken[id] = true
				return id
			}
		}
		return ""
	}
}

func fieldsKey(p todo.Patch) string {
	var b strings.Builder
	for _, f := range p.Fields() {
		b.WriteString(string(f) + " ")
	}
	return b.String()
}

// saying is the same for patches that set the same fields to the same values.
func saying(p todo.Patch) string {
	e := &encoder{}
	e.patch(p)
	return string(e.b)
}

// takeBackAll makes the edits that undo, or redo, a step that stands for many.
// Those that changed elsewhere since are left as they are; if that is all of
// them, nothing can be taken back.
func (r *Replica) takeBackAll(s step, one func(step) (*change, step, error)) (*change, step, error) {
	all := &change{}
	done := step{op: opImport}
	for _, part := range s.parts {
		c, next, err := one(part)
		if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Conflict) {
			continue
		}
		if err != nil {
			return nil, s, err
		}
		done.parts = append(done.parts, next)
		if c != nil {
			all.entries = append(all.entries, c.entries...)
			all.drops = append(all.drops, c.drops...)
		}
	}
	if len(done.parts) == 0 {
		return nil, s, errMoved
	}
	return all, done, nil
}
