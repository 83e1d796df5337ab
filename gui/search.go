package gui

import (
	"context"

	"waybill/replica"
	"waybill/todo"
)

// searcher searches away from the UI goroutine, one search at a time. While one
// runs only the newest wish is kept, so that typing never queues, and an answer
// that a newer wish has overtaken is dropped. Its methods belong on the UI
// goroutine.
type searcher struct {
	tasks   *tasks
	found   func([]*replica.Row)
	next    *searchWish // waits for the one that runs
	running *searchWish

	index *todo.Index // belongs to the search that runs
	of    *replica.Snapshot
}

type searchWish struct {
	snapshot *replica.Snapshot
	filter   todo.Filter
	query    string
	dropped  bool // nobody waits for the answer any more
}

// ask searches and hands what it found to the searcher's function.
func (s *searcher) ask(wish searchWish) {
	s.forget()
	if s.running != nil {
		s.next = &wish
		return
	}
	s.run(&wish)
}

// forget drops what was asked before.
func (s *searcher) forget() {
	s.next = nil
	if s.running != nil {
		s.running.dropped = true
	}
}

func (s *searcher) run(wish *searchWish) {
	s.running = wish
	var rows []*replica.Row
	work := *wish // the flag stays on the UI goroutine
	s.tasks.start(func(context.Context) error {
		rows = s.search(work)
		return nil
	}, func(error) {
		s.running = nil
		if !wish.dropped {
			s.found(rows)
		}
		if next := s.next; next != nil && s.running == nil {
			s.next = nil
			s.run(next)
		}
	})
}

func (s *searcher) search(w searchWish) []*replica.Row {
	if s.of != w.snapshot {
		docs := make([]*todo.Todo, len(w.snapshot.Rows))
		for i, row := range w.snapshot.Rows {
			docs[i] = &row.Todo
		}
		s.index, s.of = todo.NewIndex(docs, s.index), w.snapshot
	}
	var rows []*replica.Row
	for _, i := range s.index.Search(w.query) {
		if row := w.snapshot.Rows[i]; w.filter.Match(row.Todo, w.snapshot.Today) {
			rows = append(rows, row)
		}
	}
	return rows
}

// filterRows are the rows that a filter lets through.
func filterRows(s *replica.Snapshot, f todo.Filter) []*replica.Row {
	if f == (todo.Filter{}) {
		return s.Rows
	}
	var rows []*replica.Row
	for _, row := range s.Rows {
		if f.Match(row.Todo, s.Today) {
			rows = append(rows, row)
		}
	}
	return rows
}
