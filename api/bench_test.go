package api

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"waybill/todo"
)

func manyTodos(n int) []todo.Todo {
	out := make([]todo.Todo, n)
	for i := range out {
		out[i] = todo.Todo{ID: fmt.Sprintf("todo-%06d", i), Title: fmt.Sprintf("Call number %d about the offer", i), Description: "Ask for the delivery date and the terms of payment.",
			Completed: i%3 == 0, Priority: todo.High, Tags: []string{"work", "calls"}, Due: time.Date(2030, 1, 1+i%28, 0, 0, 0, 0, time.UTC), ETag: fmt.Sprintf(`"%d"`, i)}
	}
	return out
}

func listAnswer(b *testing.B, n int) *answer {
	return &answer{status: 200, header: http.Header{}, body: []byte(listJSON(b, manyTodos(n)...))}
}

func BenchmarkDecodeList(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			a := listAnswer(b, n)
			b.SetBytes(int64(len(a.body)))
			b.ReportAllocs()
			for b.Loop() {
				if l, err := fuzzScopes.decodeList([]*answer{a}, ""); err != nil || len(l.Todos) != n {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkEqualList is the same list again from a server without entity tags.
func BenchmarkEqualList(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			a := listAnswer(b, n)
			etag := validatorOf([]*answer{a}).String()
			b.SetBytes(int64(len(a.body)))
			b.ReportAllocs()
			for b.Loop() {
				if l, err := fuzzScopes.decodeList([]*answer{a}, etag); err != nil || !l.NotModified {
					b.Fatal(err)
				}
			}
		})
	}
}

// That nothing is decoded shows in the allocations, which do not grow with the
// list. (BenchmarkEqualList beside BenchmarkDecodeList has the times.)
func TestEqualListIsNotDecoded(t *testing.T) {
	for _, n := range []int{10, 10_000} {
		a := &answer{status: 200, header: http.Header{}, body: []byte(listJSON(t, manyTodos(n)...))}
		etag := validatorOf([]*answer{a}).String()
		allocs := testing.AllocsPerRun(10, func() {
			if l, err := fuzzScopes.decodeList([]*answer{a}, etag); err != nil || !l.NotModified {
				t.Fatal(err)
			}
		})
		if allocs > 10 {
			t.Errorf("%v allocations for %d to-dos", allocs, n)
		}
	}
}
