package replica

import (
	"slices"
	"strings"
	"sync"

	"waybill/todo"
)

// finder keeps the search index of the newest snapshot that was searched. It is
// made at the first search, and taken over from snapshot to snapshot.
type finder struct {
	mu    sync.Mutex
	rows  []*Row // that the index is of
	index *todo.Index

	query string // of the last search in index
	found []int
}

// Find returns the rows that the filter lets through and that hold every word
// of the query, in their order. The result must not be changed. Without a query
// and a tag it costs next to nothing; the first search of all makes an index,
// which takes some tens of milliseconds with 100,000 rows.
func (s *Snapshot) Find(f todo.Filter, query string) []*Row {
	from, to := s.span(f.List)
	rows := s.Rows[from:to]
	if query = strings.TrimSpace(query); query != "" {
		find := s.find
		if find == nil { // a snapshot that was made by hand
			find = &finder{}
		}
		rows = find.search(s.Rows, from, to, query)
	}
	if f.Tag == "" {
		return rows
	}
	tagged := make([]*Row, 0, 16)
	for _, row := range rows {
		if slices.ContainsFunc(row.Todo.Tags, func(tag string) bool { return strings.EqualFold(tag, f.Tag) }) {
			tagged = append(tagged, row)
		}
	}
	return tagged
}

// span is the part of the rows that a list has: their order puts each list
// together.
func (s *Snapshot) span(list todo.List) (from, to int) {
	open, _ := slices.BinarySearchFunc(s.Rows, true, func(row *Row, _ bool) int {
		if row.Todo.Completed {
			return 1
		}
		return -1
	})
	switch list {
	case todo.ListTodo:
		return 0, open
	case todo.ListCompleted:
		return open, len(s.Rows)
	case todo.ListDueToday:
		due, _ := slices.BinarySearchFunc(s.Rows[:open], true, func(row *Row, _ bool) int {
			if row.Todo.IsDue(s.Today) {
				return -1
			}
			return 1
		})
		return 0, due
	default:
		return 0, len(s.Rows)
	}
}

func (x *finder) search(all []*Row, from, to int, query string) []*Row {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.index == nil || !sameSlice(x.rows, all) {
		docs := make([]*todo.Todo, len(all))
		for i, row := range all {
			docs[i] = &row.Todo
		}
		x.rows, x.index, x.query, x.found = all, todo.NewIndex(docs, x.index), "", nil
	}
	switch {
	case query == x.query:
	case x.query != "" && strings.HasPrefix(query, x.query):
		x.query, x.found = query, x.index.Narrow(query, x.found)
	default:
		x.query, x.found = query, x.index.Search(query)
	}
	rows := make([]*Row, 0, len(x.found))
	for _, i := range x.found {
		if i >= from && i < to {
			rows = append(rows, all[i])
		}
	}
	return rows
}

func sameSlice(a, b []*Row) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}
