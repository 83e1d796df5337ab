package replica

import (
	"time"

	"waybill/todo"
)

// firstScreen is the top of the list as it was last shown, kept in one record
// of its own, so that a start with 100,000 to-dos has something to show before
// it has read them.
type firstScreen struct {
	rows   []*Row
	counts todo.Counts
	sync   *syncState // what can be edited: the page must not change under the user when the rest is there
}

// firstRows is how many rows are kept: more than fit a tall window.
const firstRows = 100

// firstTags is how many tags are kept.
const firstTags = 50

// saveFirstScreen keeps it, if anything has changed since. mu is held.
func (r *Replica) saveFirstScreen() error {
	s := r.store
	if r.firstSaved == s.last || s.last < s.head.first+loadAtOnce { // all is read at once then
		return nil
	}
	counts := r.m.tally.Counts()
	e := &encoder{}
	e.sync(r.syncRecord())
	for _, n := range []int{counts.All, counts.Todo, counts.DueToday, counts.Completed} {
		e.uint(uint64(n))
	}
	tags := counts.Tags[:min(len(counts.Tags), firstTags)]
	e.uint(uint64(len(tags)))
	for _, t := range tags {
		e.text(t.Tag)
		e.uint(uint64(t.Count))
	}
	rows := r.m.rows[:min(len(r.m.rows), firstRows)]
	e.uint(uint64(len(rows)))
	for _, row := range rows {
		e.todo(&row.Todo)
		e.byte(byte(row.State))
		e.time(row.Changed)
	}
	err := s.transaction(func() error {
		return s.exec("REPLACE INTO view (k, n, v) VALUES (1, ?, ?)", int64(s.last), s.box.Seal(tableView, s.head.id, s.last, e.b))
	})
	if err == nil {
		r.firstSaved = s.last
	}
	return err
}

// readFirstScreen returns what was kept, or an empty screen: it is only there
// to be quick, and what is wrong with the file shows when all of it is read.
func (s *store) readFirstScreen(now time.Time) *firstScreen {
	f := &firstScreen{sync: &syncState{}}
	var n int64
	var sealed []byte
	if s.query("SELECT n, v FROM view WHERE k = 1", &n, &sealed) != nil {
		return f
	}
	plain, err := s.box.Open(tableView, s.head.id, uint64(n), sealed)
	if err != nil {
		return f
	}
	d := &decoder{s: string(plain)}
	got := &firstScreen{sync: d.sync()}
	for _, n := range []*int{&got.counts.All, &got.counts.Todo, &got.counts.DueToday, &got.counts.Completed} {
		*n = int(d.uint())
	}
	for range d.count() {
		got.counts.Tags = append(got.counts.Tags, todo.TagCount{Tag: d.text(), Count: int(d.uint())})
	}
	for range d.count() {
		row := &Row{}
		d.todo(&row.Todo)
		row.State, row.Changed = RowState(d.byte()), d.time()
		row.rank = rankOf(&row.Todo, now.Location())
		got.rows = append(got.rows, row)
	}
	if d.bad {
		return f
	}
	return got
}
