package todostore_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"waybill/playground/internal/todostore"
	"waybill/todo"
)

const alice, bob = "idp:alice", "idp:bob"

var now = time.Date(2026, 11, 23, 12, 4, 0, 0, time.UTC)

func open(t testing.TB, o todostore.Options) *todostore.Store {
	t.Helper()
	if o.Now == nil {
		o.Now = func() time.Time { return now }
	}
	s, err := todostore.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func view(t testing.TB, s *todostore.Store, user string) todostore.View {
	t.Helper()
	v, err := s.View(user)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func create(t testing.TB, s *todostore.Store, item todo.Todo, key string) *todostore.Item {
	t.Helper()
	made, err := s.Create(alice, item, key)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func titles(v todostore.View) string {
	var b strings.Builder
	for _, item := range v.Items {
		fmt.Fprintln(&b, item.Todo.Title)
	}
	return b.String()
}

func isStrong(etag string) bool { return len(etag) > 8 && etag[0] == '"' && etag[len(etag)-1] == '"' }

// The first list is the one in the design of the window.
func TestANewUserFindsABelievableList(t *testing.T) {
	v := view(t, open(t, todostore.Options{}), alice)
	today := todo.DayOf(now)
	done, due, tags := 0, 0, map[string]int{}
	ids, named := map[string]bool{}, map[string]bool{}
	for _, item := range v.Items {
		ids[item.Todo.ID], named[item.Todo.Title] = true, true
		for _, tag := range item.Todo.Tags {
			tags[tag]++
		}
		if item.Todo.Completed {
			done++
		}
		if item.Todo.IsDue(today) {
			due++
		}
		if !isStrong(item.Todo.ETag) {
			t.Errorf("%s has the ETag %s", item.Todo.Title, item.Todo.ETag)
		}
	}
	if len(v.Items) != 24 || len(ids) != 24 || len(named) != 24 {
		t.Errorf("%d to-dos, %d ids, %d titles", len(v.Items), len(ids), len(named))
	}
	if done != 7 || due != 3 || tags["release"] != 6 || tags["security"] != 4 || tags["home"] != 2 || len(tags) != 3 {
		t.Errorf("done %d, due %d, tags %v", done, due, tags)
	}
	first := v.Items[0].Todo
	if first.Title != "Rotate the staging signing keys" || first.Due != time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC) || first.Priority != todo.High {
		t.Errorf("the first one is %+v", first)
	}
}

func TestTheFirstListsDaysAreThoseOfThePlace(t *testing.T) {
	place := time.FixedZone("", 13*3600) // already tomorrow there
	s := open(t, todostore.Options{Now: func() time.Time { return now.In(place) }})
	if due := view(t, s, alice).Items[1].Todo.Due; due != time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC) {
		t.Errorf("today is %s", due)
	}
}

func TestALongListIsAsLongAsAskedFor(t *testing.T) {
	for _, n := range []int{1, 24, 25, 1000} {
		v := view(t, open(t, todostore.Options{Todos: n}), alice)
		ids := map[string]bool{}
		for _, item := range v.Items {
			ids[item.Todo.ID] = true
		}
		if len(v.Items) != n || len(ids) != n {
			t.Errorf("asked for %d: %d to-dos with %d ids", n, len(v.Items), len(ids))
		}
	}
	for _, n := range []int{-1, todostore.MaxSeed + 1} {
		if _, err := todostore.Open(todostore.Options{Todos: n}); err == nil {
			t.Errorf("%d was taken", n)
		}
	}
}

func TestS102_UsersSeeTheirOwnListOnly(t *testing.T) {
	s := open(t, todostore.Options{Dir: t.TempDir()})
	create(t, s, todo.Todo{ID: "mine", Title: "Only Alice's"}, "key")
	if _, err := s.Get(bob, "mine"); !errors.Is(err, todostore.ErrNotFound) {
		t.Errorf("Bob's look: %v", err)
	}
	if strings.Contains(titles(view(t, s, bob)), "Only Alice's") {
		t.Error("Bob sees Alice's to-do")
	}
	if made, err := s.Create(bob, todo.Todo{ID: "other", Title: "Bob's"}, "key"); err != nil || made.Todo.Title != "Bob's" {
		t.Errorf("Bob's use of the same key: %v", err)
	}
}

func TestEveryChangeChangesTheListsETag(t *testing.T) {
	s := open(t, todostore.Options{})
	seen := map[string]bool{}
	note := func(what string) {
		etag, err := s.ETag(alice)
		if err != nil || seen[etag] || !isStrong(etag) {
			t.Errorf("after %s the ETag is %s again (%v)", what, etag, err)
		}
		if v := view(t, s, alice); v.ETag != etag {
			t.Errorf("the view says %s, the store %s", v.ETag, etag)
		}
		seen[etag] = true
	}
	note("opening")
	create(t, s, todo.Todo{ID: "x", Title: "X"}, "")
	note("a creation")
	title := "Y"
	for range 3 {
		title += "!"
		if _, err := s.Update(alice, "x", todo.Patch{Title: &title}, nil); err != nil {
			t.Fatal(err)
		}
		note("an update")
	}
	if err := s.Delete(alice, "todo-3", nil); err != nil {
		t.Fatal(err)
	}
	note("a deletion")
}

func TestAChangeThatChangesNothingKeepsTheETag(t *testing.T) {
	s := open(t, todostore.Options{Dir: t.TempDir()})
	before := view(t, s, alice)
	title := before.Items[0].Todo.Title
	item, err := s.Update(alice, before.Items[0].Todo.ID, todo.Patch{Title: &title}, nil)
	if err != nil || item.Todo.ETag != before.Items[0].Todo.ETag || view(t, s, alice).ETag != before.ETag {
		t.Errorf("%+v, %v", item, err)
	}
}

func TestADeletedAndRecreatedToDoHasAnotherETag(t *testing.T) {
	s := open(t, todostore.Options{})
	first := create(t, s, todo.Todo{ID: "x", Title: "X"}, "")
	if err := s.Delete(alice, "x", nil); err != nil {
		t.Fatal(err)
	}
	if second := create(t, s, todo.Todo{ID: "x", Title: "X"}, ""); second.Todo.ETag == first.Todo.ETag {
		t.Error("the same ETag")
	}
}

func TestR31_AKeyCreatesOnce(t *testing.T) {
	s := open(t, todostore.Options{})
	item := todo.Todo{ID: "x", Title: "X", Tags: []string{"a"}}
	first := create(t, s, item, "k1")
	title := "changed"
	if _, err := s.Update(alice, "x", todo.Patch{Title: &title}, nil); err != nil {
		t.Fatal(err)
	}
	if again := create(t, s, item, "k1"); string(again.JSON) != string(first.JSON) {
		t.Errorf("first %s, again %s", first.JSON, again.JSON)
	}
	if _, err := s.Create(alice, todo.Todo{ID: "x", Title: "other"}, "k1"); !errors.Is(err, todostore.ErrKeyReused) {
		t.Errorf("the key for another to-do: %v", err)
	}
	if err := s.Delete(alice, "x", nil); err != nil {
		t.Fatal(err)
	}
	create(t, s, item, "k1")
	if _, err := s.Get(alice, "x"); !errors.Is(err, todostore.ErrNotFound) {
		t.Errorf("the repetition brought a deleted to-do back: %v", err)
	}
	var conflict *todostore.ConflictError
	create(t, s, item, "")
	if _, err := s.Create(alice, item, "k2"); !errors.As(err, &conflict) || !conflict.Exists || conflict.Current.Todo.ID != "x" {
		t.Errorf("the same id under another key: %v", err)
	}
	if _, err := s.Create(alice, todo.Todo{ID: "new", Title: "N"}, "k2"); err != nil {
		t.Errorf("a key of a refused creation: %v", err)
	}
}

func TestR31_AKeyWithoutIDCreatesOnce(t *testing.T) {
	s := open(t, todostore.Options{})
	first := create(t, s, todo.Todo{Title: "X"}, "k")
	if again := create(t, s, todo.Todo{Title: "X"}, "k"); again.Todo.ID != first.Todo.ID || first.Todo.ID == "" {
		t.Errorf("ids %q and %q", first.Todo.ID, again.Todo.ID)
	}
	if other := create(t, s, todo.Todo{Title: "X"}, ""); other.Todo.ID == first.Todo.ID {
		t.Error("the chosen id is taken")
	}
}

func TestAnEditOfAnotherVersionIsRefused(t *testing.T) {
	s := open(t, todostore.Options{})
	item := create(t, s, todo.Todo{ID: "x", Title: "X"}, "")
	known := func(etag string) bool { return etag == item.Todo.ETag }
	title := "new"
	newer, err := s.Update(alice, "x", todo.Patch{Title: &title}, known)
	if err != nil {
		t.Fatal(err)
	}
	var conflict *todostore.ConflictError
	if _, err := s.Update(alice, "x", todo.Patch{Title: &title}, known); !errors.As(err, &conflict) || conflict.Exists || conflict.Current.Todo.ETag != newer.Todo.ETag {
		t.Errorf("update: %v", err)
	}
	if err := s.Delete(alice, "x", known); !errors.As(err, &conflict) {
		t.Errorf("delete: %v", err)
	}
	if _, err := s.Update(alice, "nothing", todo.Patch{}, known); !errors.Is(err, todostore.ErrNotFound) {
		t.Errorf("update of nothing: %v", err)
	}
	if err := s.Delete(alice, "nothing", nil); !errors.Is(err, todostore.ErrNotFound) {
		t.Errorf("delete of nothing: %v", err)
	}
}

func TestWhatIsNoToDoIsRefused(t *testing.T) {
	s := open(t, todostore.Options{})
	before, err := s.ETag(alice)
	if err != nil {
		t.Fatal(err)
	}
	many := map[string]json.RawMessage{}
	for i := range 101 {
		many[fmt.Sprint(i)] = json.RawMessage("1")
	}
	for name, item := range map[string]todo.Todo{
		"no title":         {ID: "x"},
		"blank title":      {ID: "x", Title: " \t\n"},
		"priority":         {ID: "x", Title: "X", Priority: "urgent"},
		"blank tag":        {ID: "x", Title: "X", Tags: []string{" "}},
		"long tag":         {ID: "x", Title: "X", Tags: []string{strings.Repeat("x", 201)}},
		"many tags":        {ID: "x", Title: "X", Tags: slices.Repeat([]string{"t"}, 101)},
		"slash in id":      {ID: "a/b", Title: "X"},
		"dots":             {ID: "..", Title: "X"},
		"name of a list":   {ID: "stats", Title: "X"},
		"long id":          {ID: strings.Repeat("x", 129), Title: "X"},
		"letters of id":    {ID: "ä", Title: "X"},
		"member's type":    {ID: "x", Title: "X", Extra: map[string]json.RawMessage{"completed": json.RawMessage(`"maybe"`)}},
		"too long":         {ID: "x", Title: "X", Description: strings.Repeat("\x01", 1<<20)},
		"many further":     {ID: "x", Title: "X", Extra: many},
		"too much further": {ID: "x", Title: "X", Extra: map[string]json.RawMessage{"note": json.RawMessage(`"` + strings.Repeat("x", 1<<16) + `"`)}},
	} {
		var invalid *todostore.InvalidError
		if _, err := s.Create(alice, item, ""); !errors.As(err, &invalid) || invalid.Reason == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	var invalid *todostore.InvalidError
	for _, p := range []todo.Patch{{Title: new("")}, {Description: new(strings.Repeat("\x01", 1<<20))}, {Priority: new(todo.Priority("urgent"))}} {
		if _, err := s.Update(alice, "todo-1", p, nil); !errors.As(err, &invalid) {
			t.Errorf("an update to what is no to-do: %v", err)
		}
	}
	if after, err := s.ETag(alice); err != nil || after != before {
		t.Errorf("the list was changed: %v", err)
	}
}

func TestParallelWritersLoseNothing(t *testing.T) {
	dir := t.TempDir()
	s := open(t, todostore.Options{Dir: dir, Todos: 1})
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 20 {
				id := fmt.Sprintf("w%d-%d", w, i)
				if _, err := s.Create(alice, todo.Todo{ID: id, Title: id}, id); err != nil {
					t.Error(err)
				}
				if _, err := s.Update(alice, id, todo.Patch{Completed: new(true)}, nil); err != nil {
					t.Error(err)
				}
				if _, err := s.View(alice); err != nil {
					t.Error(err)
				}
				if i%4 == 0 {
					if err := s.Delete(alice, id, nil); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	v := view(t, s, alice)
	if len(v.Items) != 1+8*15 {
		t.Errorf("%d to-dos", len(v.Items))
	}
	if again := view(t, open(t, todostore.Options{Dir: dir}), alice); again.ETag != v.ETag || titles(again) != titles(v) {
		t.Error("a restart shows another list")
	}
}

func TestARestartShowsTheSame(t *testing.T) {
	dir := t.TempDir()
	s := open(t, todostore.Options{Dir: dir})
	item := todo.Todo{ID: "x", Title: "X <&>\u2028", Due: now, Extra: map[string]json.RawMessage{"colour": json.RawMessage(`{"a": [1, 2]}`)}}
	first := create(t, s, item, "k")
	if err := s.Delete(alice, "todo-5", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Update(alice, "todo-6", todo.Patch{Priority: new(todo.High)}, nil); err != nil {
		t.Fatal(err)
	}
	before := view(t, s, alice)
	later := open(t, todostore.Options{Dir: dir, Now: func() time.Time { return now.AddDate(0, 1, 0) }})
	after := view(t, later, alice)
	if after.ETag != before.ETag || len(after.Items) != 24 {
		t.Fatalf("%d to-dos with %s, before %s", len(after.Items), after.ETag, before.ETag)
	}
	for i := range after.Items {
		if string(after.Items[i].JSON) != string(before.Items[i].JSON) {
			t.Errorf("%s became %s", before.Items[i].JSON, after.Items[i].JSON)
		}
	}
	again, err := later.Create(alice, item, "k")
	if err != nil || string(again.JSON) != string(first.JSON) {
		t.Errorf("the key is forgotten: %v", err)
	}
}

func TestS94_FilesAreForTheirOwnerAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "todos")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	create(t, open(t, todostore.Options{Dir: dir}), todo.Todo{Title: "X"}, "")
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%v, %v", entries, err)
	}
	for _, path := range []string{dir, filepath.Join(dir, entries[0].Name())} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is open to others: %v, %v", path, info.Mode(), err)
		}
	}
	if strings.Contains(entries[0].Name(), "alice") {
		t.Error("the file's name tells the user")
	}
}

func TestPagesShowEachToDoOnce(t *testing.T) {
	s := open(t, todostore.Options{Todos: 95})
	v := view(t, s, alice)
	var seen []string
	cursor := ""
	for pages := 0; ; pages++ {
		page, next, err := v.Page(cursor, 10)
		if err != nil || pages > 10 || len(page.Items) > 10 {
			t.Fatalf("page %d: %d to-dos, %v", pages, len(page.Items), err)
		}
		for _, item := range page.Items {
			seen = append(seen, item.Todo.ID)
		}
		if next == "" {
			break
		}
		cursor = next
		if err := s.Delete(alice, seen[pages], nil); err != nil { // one that was shown
			t.Fatal(err)
		}
		v = view(t, s, alice)
	}
	slices.Sort(seen)
	if len(seen) != 95 || len(slices.Compact(seen)) != 95 {
		t.Errorf("%d to-dos were shown", len(seen))
	}
	if _, _, err := v.Page("x", 10); err == nil {
		t.Error("a made-up cursor was taken")
	}
}

func TestAPageHoldsOneToDoHoweverLong(t *testing.T) {
	s := open(t, todostore.Options{Todos: 1})
	for range 2 {
		create(t, s, todo.Todo{Title: strings.Repeat("x", 3<<20)}, "")
	}
	page, next, err := view(t, s, alice).Page("1", 10)
	if err != nil || len(page.Items) != 1 || next == "" {
		t.Errorf("%d to-dos, next %q, %v", len(page.Items), next, err)
	}
}

func TestTheETagOfALongListCostsNothing(t *testing.T) {
	s := open(t, todostore.Options{Todos: todostore.MaxSeed})
	view(t, s, alice)
	if n := testing.AllocsPerRun(100, func() { _, _ = s.ETag(alice) }); n > 10 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkOneEditOfALongList(b *testing.B) {
	s := open(b, todostore.Options{Dir: b.TempDir(), Todos: todostore.MaxSeed})
	view(b, s, alice)
	i := 0
	for b.Loop() {
		i++
		if _, err := s.Update(alice, "todo-50000", todo.Patch{Title: new(fmt.Sprint(i))}, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenALongList(b *testing.B) {
	dir := b.TempDir()
	view(b, open(b, todostore.Options{Dir: dir, Todos: todostore.MaxSeed}), alice)
	for b.Loop() {
		view(b, open(b, todostore.Options{Dir: dir}), alice)
	}
}

func BenchmarkAnswerOfALongList(b *testing.B) {
	s := open(b, todostore.Options{Todos: todostore.MaxSeed})
	for b.Loop() {
		b.SetBytes(int64(len(view(b, s, alice).ListJSON(alice))))
	}
}
