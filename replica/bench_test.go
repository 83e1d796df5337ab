package replica

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"waybill/api"
	"waybill/internal/seal"
	"waybill/todo"
)

// sizes are the lengths of list that costs are compared at.
var sizes = []int{1000, 10_000, 100_000}

// believable makes n to-dos of ordinary length.
func believable(n int) []todo.Todo {
	items := make([]todo.Todo, n)
	for i := range items {
		items[i] = todo.Todo{ID: fmt.Sprintf("item-%06d", i), Title: fmt.Sprintf("Review the access policy of team %d", i),
			Description: "Ask for the list of apps first, then compare it with what the portal shows.", Completed: i%3 == 0,
			Priority: []todo.Priority{"", todo.Low, todo.Medium, todo.High}[i%4], Tags: []string{"security", fmt.Sprint("team", i%40)},
			Due: time.Unix(1_764_000_000+int64(i%90)*86400, 0).UTC(), ETag: fmt.Sprintf("%q", fmt.Sprint(i))}
	}
	return items
}

// lister answers with one list, for ever.
type lister struct {
	api.Client
	list api.List
}

func (l lister) List(context.Context, string) (api.List, error) { return l.list, nil }

func filled(b *testing.B, n int) Options {
	b.Helper()
	o := Options{Dir: filepath.Join(b.TempDir(), "data"), Account: "bench", Key: [32]byte{1}}
	r := opened(b, o, testSeams())
	r.mu.Lock()
	must(b, r.takeList(api.List{Todos: believable(n), ETag: `"1"`, Complete: true}))
	must(b, r.commit(func() ([]*record, error) {
		s := r.syncRecord()
		s.known, s.caps = true, api.Capabilities{Read: true, Write: true, Create: true, Update: true, Delete: true}
		return []*record{{sync: s}}, nil
	}))
	r.mu.Unlock()
	must(b, r.Close())
	return o
}

// BenchmarkOpen is the time until the first rows can be shown, and until all
// of them can.
func BenchmarkOpen(b *testing.B) {
	for _, n := range sizes {
		o := filled(b, n)
		b.Run(fmt.Sprint("first screen/", n), func(b *testing.B) {
			for b.Loop() {
				r, err := open(b.Context(), o, testSeams())
				if err != nil || len(r.Snapshot().Rows) == 0 {
					b.Fatal(err)
				}
				b.StopTimer()
				<-r.loaded
				must(b, r.Close())
				b.StartTimer()
			}
		})
		b.Run(fmt.Sprint("everything/", n), func(b *testing.B) {
			for b.Loop() {
				r, err := open(b.Context(), o, testSeams())
				must(b, err)
				<-r.loaded
				if len(r.Snapshot().Rows) != n {
					b.Fatal(len(r.Snapshot().Rows))
				}
				b.StopTimer()
				must(b, r.Close())
				b.StartTimer()
			}
		})
	}
}

// BenchmarkEdit is one durable edit and its snapshot.
func BenchmarkEdit(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := opened(b, filled(b, n), testSeams())
			<-r.loaded
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				i++
				must(b, r.Update(b.Context(), fmt.Sprintf("item-%06d", i*7919%n), rename1(fmt.Sprint("renamed ", i))))
			}
		})
	}
}

// BenchmarkImport is a whole new list, beside what decoding and sealing the
// same to-dos costs by itself.
func BenchmarkImport(b *testing.B) {
	for _, n := range sizes {
		items := believable(n)
		text, err := json.Marshal(items)
		must(b, err)
		b.Run(fmt.Sprint("decode and seal/", n), func(b *testing.B) {
			box := seal.New([32]byte{1})
			for b.Loop() {
				list, err := todo.DecodeList(text)
				must(b, err)
				for i := range list.Todos {
					e := &encoder{}
					e.todo(&list.Todos[i])
					box.Seal("log", "bench", uint64(i), e.b)
				}
			}
		})
		b.Run(fmt.Sprint("decode and import/", n), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				dir, err := os.MkdirTemp(b.TempDir(), "")
				must(b, err)
				r, err := open(b.Context(), Options{Dir: dir, Account: "bench"}, testSeams())
				must(b, err)
				b.StartTimer()
				list, err := todo.DecodeList(text)
				must(b, err)
				must(b, r.pull(b.Context(), lister{list: api.List{Todos: list.Todos, ETag: `"1"`, Complete: true}}))
				b.StopTimer()
				must(b, r.Close())
				b.StartTimer()
			}
		})
	}
}

// BenchmarkFind is a key press in the search field.
func BenchmarkFind(b *testing.B) {
	for _, n := range sizes {
		r := inMemory(b)
		r.mu.Lock()
		must(b, r.takeList(api.List{Todos: believable(n), Complete: true}))
		r.mu.Unlock()
		s := r.Snapshot()
		s.Find(todo.Filter{}, "x")
		for _, query := range []string{"t", "team 77", "zzzz"} {
			b.Run(fmt.Sprint(query, "/", n), func(b *testing.B) {
				for b.Loop() {
					s.find.query = ""
					s.Find(todo.Filter{List: todo.ListTodo}, query)
				}
			})
		}
	}
}

// BenchmarkMemory is what each to-do keeps.
func BenchmarkMemory(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			o := filled(b, n)
			var before, after runtime.MemStats
			for b.Loop() {
				runtime.GC()
				runtime.ReadMemStats(&before)
				r, err := open(b.Context(), o, testSeams())
				must(b, err)
				<-r.loaded
				runtime.GC()
				runtime.GC()
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(n), "bytes/to-do")
				must(b, r.Close())
			}
		})
	}
}
