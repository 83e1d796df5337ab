package todo_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"waybill/todo"
)

func index(titles ...string) *todo.Index {
	docs := make([]*todo.Todo, len(titles))
	for i, title := range titles {
		docs[i] = &todo.Todo{Title: title}
	}
	return todo.NewIndex(docs, nil)
}

func TestSearchFindsWithoutCaseAndAccents(t *testing.T) {
	x := index("Ménage", "menagerie", "ÉTUDES", "Straße fegen", "Łódź", "Kraków", "İstanbul", "Ｆｕｌｌ　ｗｉｄｔｈ", "한국어")
	for query, want := range map[string][]int{
		"menage": {0, 1}, "MÉNAGE": {0, 1}, "etudes": {2}, "strasse": {3}, "lodz": {4}, "krakow": {5}, "istanbul": {6},
		"full width": {7}, "한국": {8}, "": {0, 1, 2, 3, 4, 5, 6, 7, 8}, "nothing like it": nil,
	} {
		if got := x.Search(query); !slices.Equal(got, want) {
			t.Errorf("%q found %v, want %v", query, got, want)
		}
	}
}

func TestEveryWordOfTheQueryMustBeThere(t *testing.T) {
	docs := []*todo.Todo{
		{Title: "Ship release notes", Tags: []string{"release"}, Description: "for 2.4"},
		{Title: "Ship the parcel"},
		{Title: "Notes", Description: "what to ship"},
	}
	x := todo.NewIndex(docs, nil)
	for query, want := range map[string][]int{"ship notes": {0, 2}, "notes 2.4": {0}, "ship ship": {0, 1, 2}, "release parcel": nil} {
		if got := x.Search(query); !slices.Equal(got, want) {
			t.Errorf("%q found %v, want %v", query, got, want)
		}
	}
}

func TestAbbreviationsAreFoundWhereNothingElseIs(t *testing.T) {
	x := index("Ship release notes", "Rotate keys", "Relax")
	for query, want := range map[string][]int{"rls": {0}, "rtt kys": {1}, "rl": nil, "rel": {0, 2}, "xyz": nil} {
		if got := x.Search(query); !slices.Equal(got, want) {
			t.Errorf("%q found %v, want %v", query, got, want)
		}
	}
}

// An index made from an older one is the same as one made from nothing.
func TestAnIndexTakenOverIsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pool := make([]*todo.Todo, 8)
		for i := range pool {
			pool[i] = &todo.Todo{Title: fmt.Sprintf("item %d", i), Description: strings.Repeat("d", i)}
		}
		draw := func(label string) (docs []*todo.Todo) {
			for _, i := range rapid.SliceOfDistinct(rapid.IntRange(0, 7), rapid.ID).Draw(t, label) {
				docs = append(docs, pool[i])
			}
			return docs
		}
		before, after := draw("before"), draw("after")
		taken, fresh := todo.NewIndex(after, todo.NewIndex(before, nil)), todo.NewIndex(after, nil)
		for _, query := range []string{"item", "3", "item 5", "ddd", "itm", ""} {
			if got, want := taken.Search(query), fresh.Search(query); !slices.Equal(got, want) {
				t.Fatalf("%q found %v, want %v", query, got, want)
			}
		}
	})
}

// The scan by offsets finds what a plain loop finds.
func TestSearchFindsWhatAPlainLoopFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		titles := rapid.SliceOf(rapid.StringOf(rapid.SampledFrom([]rune("ab ")))).Draw(t, "titles")
		query := rapid.StringMatching("[ab]{1,3}( [ab]{1,2})?").Draw(t, "query")
		var want []int
		for i, title := range titles {
			all := true
			for word := range strings.FieldsSeq(query) {
				all = all && strings.Contains(title, word)
			}
			if all {
				want = append(want, i)
			}
		}
		got := index(titles...).Search(query)
		if want == nil {
			return // abbreviations may be found
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%q in %q found %v, want %v", query, titles, got, want)
		}
	})
}

// many makes n to-dos of words from a vocabulary, the same on every run.
func many(n int) []*todo.Todo {
	random := rand.New(rand.NewPCG(1, 2))
	vocabulary := make([]string, 3000)
	for i := range vocabulary {
		word := make([]byte, 3+random.IntN(8))
		for j := range word {
			word[j] = byte('a' + random.IntN(26))
		}
		vocabulary[i] = string(word)
	}
	words := func(count int) string {
		out := make([]string, count)
		for i := range out {
			out[i] = vocabulary[random.IntN(len(vocabulary))]
		}
		return strings.Join(out, " ")
	}
	docs := make([]*todo.Todo, n)
	for i := range docs {
		docs[i] = &todo.Todo{ID: fmt.Sprint(i), Title: words(5), Description: words(8), Tags: []string{words(1)}}
	}
	return docs
}

func BenchmarkSearch100k(b *testing.B) {
	docs := many(100_000)
	x := todo.NewIndex(docs, nil)
	word := docs[50_000].Title[:5]
	for name, query := range map[string]string{"letter": "e", "word": word, "two words": word + " a", "nothing": "zzqqzz", "abbreviation": "qxzv"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				x.Search(query)
			}
		})
	}
}

func BenchmarkIndex100k(b *testing.B) {
	docs := many(100_000)
	x := todo.NewIndex(docs, nil)
	b.Run("from nothing", func(b *testing.B) {
		for b.Loop() {
			todo.NewIndex(docs, nil)
		}
	})
	moved := append(slices.Clone(docs[1:]), docs[0])
	b.Run("after a move", func(b *testing.B) {
		for b.Loop() {
			todo.NewIndex(moved, x)
		}
	})
}
