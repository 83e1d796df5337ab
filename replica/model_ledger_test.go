package replica

import (
	"fmt"
	"strings"

	"waybill/todo"
)

// ledger is what was typed, by the token of the to-do and by the field, of the
// fields whose values are never typed twice: title and due date. It says which
// value each must have in the end.
//
// Whoever types sees what they type over, so of all values of a field those
// matter that nobody has typed over: in the end there is one, since of two that
// were typed at the same time a conflict has made the user drop one.
type ledger map[string]map[todo.Field]*page

// page is what was typed into one field. A value is standing or not; a value
// that is missing was typed by nobody.
type page struct {
	standing map[string]standing
	torn     bool // someone discarded, restored or signed out: anything may stand there
}

type standing int

const (
	overwritten standing = iota + 1 // it must not be there in the end
	allowed                         // it may
	last                            // it must be there, or be overwritten until then
)

func (l ledger) page(token string, f todo.Field) *page {
	if l[token] == nil {
		l[token] = map[todo.Field]*page{}
	}
	if l[token][f] == nil {
		l[token][f] = &page{standing: map[string]standing{}}
	}
	return l[token][f]
}

// values are the fields that a ledger keeps, as they are compared: some servers
// take blanks off.
func values(t todo.Todo) map[todo.Field]string {
	return map[todo.Field]string{todo.FieldTitle: strings.TrimSpace(t.Title), todo.FieldDue: fmt.Sprint(t.Due.Unix())}
}

// begin notes a new to-do.
func (l ledger) begin(t todo.Todo) {
	for f, value := range values(t) {
		l.page(t.Description, f).standing[value] = last
	}
}

// typed notes the change that someone who saw before has made of it.
func (l ledger) typed(before, after todo.Todo) { l.changed(before, after, last) }

// tookBack notes what Undo and Redo did: what stands there again was typed
// before, and others may have typed over it then.
func (l ledger) tookBack(before, after todo.Todo) { l.changed(before, after, allowed) }

func (l ledger) changed(before, after todo.Todo, now standing) {
	old := values(before)
	for f, value := range values(after) {
		if value != old[f] {
			p := l.page(before.Description, f)
			p.standing[old[f]], p.standing[value] = overwritten, now
		}
	}
}

// resolved notes what the user decided about a conflict.
func (l ledger) resolved(row *Row, choice Choice) {
	if row.Theirs == nil {
		return
	}
	mine, theirs := values(row.Todo), values(*row.Theirs)
	for _, f := range row.Fields {
		if f != todo.FieldTitle && f != todo.FieldDue {
			continue
		}
		p := l.page(row.Todo.Description, f)
		if choice == KeepTheirs {
			p.standing[mine[f]] = overwritten
		} else {
			p.standing[theirs[f]], p.standing[mine[f]] = overwritten, last
		}
	}
}

// tear gives up the fields of an edit.
func (l ledger) tear(token string, fields []todo.Field) {
	for _, f := range fields {
		l.page(token, f).torn = true
	}
}

// lost is what is wrong with a to-do in the end; "" for nothing.
func (l ledger) lost(t todo.Todo) string {
	for f, value := range values(t) {
		p := l.page(t.Description, f)
		if p.torn {
			continue
		}
		switch p.standing[value] {
		case 0:
			return fmt.Sprintf("the %s of %q is %q, which nobody typed", f, t.Description, value)
		case overwritten:
			return fmt.Sprintf("the %s of %q is %q again, which was overwritten", f, t.Description, value)
		}
		for other, how := range p.standing {
			if how == last && other != value {
				return fmt.Sprintf("the %s of %q is %q; %q was typed, overwritten by nobody, and is lost", f, t.Description, value, other)
			}
		}
	}
	return ""
}

// byToken are the to-dos that r shows.
func byToken(r *Replica) map[string]todo.Todo {
	out := map[string]todo.Todo{}
	for _, row := range r.Snapshot().Rows {
		out[row.Todo.Description] = row.Todo
	}
	return out
}

// tokenOf is the token of the to-do of an edit in r's outbox; "" if that cannot
// be told.
func tokenOf(r *Replica, p Pending) string {
	if d := p.Edit.Patch.Description; d != nil {
		return *d
	}
	for _, row := range r.Snapshot().Rows {
		if row.Todo.ID == p.Edit.ID {
			return row.Todo.Description
		}
	}
	return ""
}

// tear gives up the fields of the edits; all fields of all, where it is not
// known whose they are.
func (w *world) tear(r *Replica, edits ...Pending) {
	for _, p := range edits {
		fields := p.Edit.Patch.Fields()
		if token := tokenOf(r, p); token != "" {
			w.typed.tear(token, fields)
			continue
		}
		for token := range w.made {
			w.typed.tear(token, fields)
		}
	}
}

// account holds what the server has in the end against what was typed.
func (w *world) account() {
	if w.s.noETags {
		return // whoever writes last overwrites unseen; nothing here can know
	}
	count := map[string]int{}
	for _, item := range w.s.items {
		count[item.Description]++
	}
	for _, item := range w.s.items {
		if token := item.Description; count[token] > 1 || w.deleted[token] {
			continue
		}
		if wrong := w.typed.lost(item); wrong != "" {
			w.t.Fatalf("%s\n%+v\n%v", wrong, w.typed.page(item.Description, todo.FieldTitle), w.s.calls)
		}
	}
}
