package replica

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"waybill/fault"
	"waybill/todo"
)

// refresh makes the rows of the touched items anew and puts them in their
// place. Rows that come out the same stay the same pointer.
func (m *model) refresh(t touched) {
	removed := map[*Row]struct{}{}
	added := make([]*Row, 0, len(t))
	for _, it := range t {
		it.touched = false
		old, row := it.row, m.rowOf(it)
		if old != nil && row != nil && sameRow(old, row) {
			row = old
		} else {
			if old != nil {
				removed[old] = struct{}{}
				m.tally.Add(old.Todo, m.today, -1)
			}
			if row != nil {
				added = append(added, row)
				m.tally.Add(row.Todo, m.today, 1)
			}
		}
		if it.row = row; row != nil && len(it.edits) == 0 {
			it.server = &row.Todo // one copy in memory
		}
		m.tidy(it)
	}
	if len(removed) > 0 || len(added) > 0 {
		m.rows = splice(m.rows, removed, added)
	}
}

// refreshAll makes all rows and counts anew. Rows that come out the same stay
// the same pointer.
func (m *model) refreshAll() {
	m.tally = todo.Tally{}
	rows := make([]*Row, 0, len(m.items))
	for _, it := range m.items {
		row := m.rowOf(it)
		if row != nil && it.row != nil && sameRow(it.row, row) {
			row = it.row
		}
		if it.row = row; row == nil {
			m.tidy(it)
			continue
		}
		if len(it.edits) == 0 {
			it.server = &row.Todo
		}
		m.tally.Add(row.Todo, m.today, 1)
		rows = append(rows, row)
	}
	slices.SortFunc(rows, compareRows)
	m.rows = rows
}

// rowOf makes the row of an item, or nil if it is not shown.
func (m *model) rowOf(it *item) *Row {
	t, shown := it.fold(len(it.edits))
	if !shown {
		return nil
	}
	row := &Row{Todo: t}
	for _, e := range it.edits {
		row.Changed = e.at
		switch e.state {
		case entryWaiting:
			row.State = max(row.State, Waiting)
		case entryConflict:
			row.State = max(row.State, Conflict)
			row.Fields = append(row.Fields, e.fields...)
		case entryRefused:
			row.State = max(row.State, Refused)
			row.Fault = e.why
		}
	}
	if len(row.Fields) > 0 && it.server != nil {
		theirs := *it.server
		row.Theirs = &theirs
	}
	row.rank = rankOf(&row.Todo, m.loc)
	return row
}

// fold returns the to-do with its first n edits on top, and whether it is
// there after them. What an edit changed wins over the server here, as the
// user expects of their own edit; tags are merged.
func (it *item) fold(n int) (t todo.Todo, there bool) {
	switch {
	case it.server != nil:
		t, there = *it.server, true
	case it.ghost != nil:
		t = *it.ghost
		// An edit of a to-do that is gone at the server brings it back.
		there = slices.ContainsFunc(it.edits[:n], func(e *entry) bool { return e.op == todo.Update })
	}
	for _, e := range it.edits[:n] {
		switch e.op {
		case todo.Create:
			if it.server == nil || !there {
				t, _ = e.edit().Apply(t)
			}
			there = true
		case todo.Delete:
			there = false
		default:
			t = e.onto(t)
		}
	}
	t.ID = it.id
	return t, there
}

// onto applies an update, merging its tags.
func (e *entry) onto(t todo.Todo) todo.Todo {
	p := e.patch
	if p.Tags != nil {
		merged := todo.MergeTags(e.edit().Base.Tags, *p.Tags, t.Tags)
		p.Tags = &merged
	}
	return p.Apply(t)
}

func sameRow(a, b *Row) bool {
	if a.State != b.State || !a.Changed.Equal(b.Changed) || a.Fault != b.Fault || !slices.Equal(a.Fields, b.Fields) ||
		(a.Theirs == nil) != (b.Theirs == nil) || a.Todo.ID != b.Todo.ID {
		return false
	}
	return sameServer(&a.Todo, &b.Todo) && (a.Theirs == nil || sameServer(a.Theirs, b.Theirs))
}

// rankOf packs what todo.Compare looks at first into a number, so that sorting
// 100,000 rows compares numbers: open before completed, the day, the priority.
func rankOf(t *todo.Todo, loc *time.Location) uint64 {
	const undated = 1<<40 - 1
	day := uint64(undated)
	if !t.Due.IsZero() {
		number := todo.DueDay(t.Due, loc) // some 3.7 million at the outside, of either sign
		if t.Completed {
			number = -number
		}
		day = uint64(number + 1<<38)
	}
	rank := day << 2
	switch t.Priority {
	case todo.High:
	case todo.Medium:
		rank |= 1
	case todo.Low:
		rank |= 2
	default:
		rank |= 3
	}
	if t.Completed {
		rank |= 1 << 63
	}
	return rank
}

// compareRows is todo.Compare by way of the rank, which alone decides as a rule:
// cmp.Or would compare the rest all the same.
func compareRows(a, b *Row) int {
	if c := cmp.Compare(a.rank, b.rank); c != 0 {
		return c
	}
	if c := a.Todo.Due.Compare(b.Todo.Due); c != 0 {
		return c
	}
	if c := strings.Compare(a.Todo.Title, b.Todo.Title); c != 0 {
		return c
	}
	return strings.Compare(a.Todo.ID, b.Todo.ID)
}

// splice returns rows without the removed and with the added ones, as a new
// slice in order. It costs a copy of the pointers and a search per row.
func splice(rows []*Row, removed map[*Row]struct{}, added []*Row) []*Row {
	slices.SortFunc(added, compareRows)
	out := make([]*Row, 0, len(rows)-len(removed)+len(added))
	// The places where something happens, in order: what lies between them is
	// copied as it is.
	cuts := make([]int, 0, len(removed))
	for row := range removed {
		if at, ok := slices.BinarySearchFunc(rows, row, compareRows); ok {
			cuts = append(cuts, at)
		}
	}
	slices.Sort(cuts)
	at := 0
	copyTo := func(end int) {
		for len(cuts) > 0 && cuts[0] < end {
			out = append(out, rows[at:cuts[0]]...)
			at, cuts = cuts[0]+1, cuts[1:]
		}
		if end > at {
			out = append(out, rows[at:end]...)
			at = end
		}
	}
	for _, row := range added {
		copyTo(at + gallop(rows[at:], row))
		out = append(out, row)
	}
	copyTo(len(rows))
	return out
}

// gallop is where row belongs among rows. It is quick where that is near their
// beginning, as it is when many rows are spliced in.
func gallop(rows []*Row, row *Row) int {
	end := 1
	for end < len(rows) && compareRows(rows[end-1], row) < 0 {
		end *= 2
	}
	from := end / 2
	place, _ := slices.BinarySearchFunc(rows[from:min(end, len(rows))], row, compareRows)
	return from + place
}

// turnDay counts what is due anew when the day or the place has changed.
func (m *model) turnDay(now time.Time) bool {
	today := todo.DayOf(now)
	if today.Equal(m.today) && m.loc == now.Location() {
		return false
	}
	m.today, m.loc, m.tally = today, now.Location(), todo.Tally{}
	rows := make([]*Row, 0, len(m.rows))
	for _, it := range m.items {
		if it.row == nil {
			continue
		}
		if rank := rankOf(&it.row.Todo, m.loc); rank != it.row.rank {
			row := *it.row
			row.rank = rank
			if it.server == &it.row.Todo {
				it.server = &row.Todo
			}
			it.row = &row
		}
		m.tally.Add(it.row.Todo, m.today, 1)
		rows = append(rows, it.row)
	}
	slices.SortFunc(rows, compareRows)
	m.rows = rows
	return true
}

// pending describes the entries of the outbox, oldest first.
func (m *model) pending(sending map[uint64]bool, why func(*entry) string) []Pending {
	out := make([]Pending, 0, len(m.entries))
	for _, e := range m.entries {
		p := Pending{Number: e.number, Edit: e.edit(), Title: m.titleOf(e), What: e.what(), Fault: e.why}
		switch {
		case sending[e.number]:
			p.State = PendingSending
		case e.state == entryConflict:
			p.State = PendingConflict
		case e.state == entryRefused:
			p.State = PendingRefused
		case e.state == entryDiscarded:
			p.State = PendingDiscarded
		}
		p.Why = why(e)
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b Pending) int { return cmp.Compare(a.Number, b.Number) })
	return out
}

// titleOf is the title of the entry's to-do as it is, or was, shown.
func (m *model) titleOf(e *entry) string {
	it := m.items[e.id]
	switch {
	case it != nil && it.row != nil:
		return it.row.Todo.Title
	case e.patch.Title != nil:
		return *e.patch.Title
	case it == nil:
		return ""
	}
	t, _ := it.fold(len(it.edits))
	return t.Title
}

// what names the edit in one or two words.
func (e *entry) what() string { return what(e.op, e.patch) }

func what(op todo.Op, p todo.Patch) string {
	fields := p.Fields()
	switch {
	case op == opImport:
		return "Import"
	case op == todo.Create:
		return "Add"
	case op == todo.Delete:
		return "Delete"
	case len(fields) != 1:
		return "Edit"
	}
	switch fields[0] {
	case todo.FieldTitle:
		return "Rename"
	case todo.FieldDescription:
		return "Change description"
	case todo.FieldCompleted:
		if *p.Completed {
			return "Complete"
		}
		return "Reopen"
	case todo.FieldPriority:
		return "Change priority"
	case todo.FieldTags:
		return "Change tags"
	default:
		return "Change due date"
	}
}

// whyPending is the sentence for an entry, given why the last sync failed.
func whyPending(e *entry, sending bool, last *fault.Fault, writable bool, whyNot string) string {
	switch {
	case sending:
		return "It is being sent."
	case e.state == entryConflict:
		return "The same field was changed at the server too."
	case e.state == entryRefused:
		return e.why.Error()
	case e.state == entryDiscarded && e.why != nil:
		return e.why.Message
	case e.state == entryDiscarded:
		return "You discarded it."
	case !writable:
		return whyNot
	case last != nil && last.Kind == fault.Offline:
		return "It is sent as soon as the server can be reached."
	case last != nil && (last.Kind == fault.SignInNeeded || last.Kind == fault.StepUp):
		return "It is sent after you have signed in."
	case last != nil:
		return last.Error()
	default:
		return "It is sent at the next sync."
	}
}
