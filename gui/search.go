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
	snapshot, filter, query := wish.snapshot, wish.filter, wish.query
	s.tasks.start(func(context.Context) error {
		rows = snapshot.Find(filter, query)
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
