package replica

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"waybill/api"
	"waybill/fault"
	"waybill/todo"
)

func fullRecord() *record {
	due := time.Date(2026, 11, 24, 10, 30, 0, 7, time.UTC)
	item := todo.Todo{ID: "1", Title: "Milk", Description: "two\nlines", Completed: true, Priority: todo.High, Tags: []string{"a", ""},
		Due: due, ETag: `"x"`, Extra: map[string]json.RawMessage{"color": json.RawMessage(`"red"`), "a": json.RawMessage(`{}`)}}
	refused := fault.New(fault.StepCall, fault.Invalid, "http_422", "No.").WithRemedy("Change it.").WithServer(422, "too long")
	return &record{
		renames: []rename{{"old", "new"}},
		puts:    []todo.Todo{item, {ID: "2"}},
		ghosts:  []todo.Todo{item},
		gone:    []string{"3", "4"},
		entries: []*entry{
			{number: 1, id: "1", op: todo.Create, patch: todo.PatchOf(item), at: due, key: "key", run: 1 << 63, state: entryRefused, why: refused},
			{number: 1 << 40, id: "2", op: todo.Update, patch: todo.Patch{Tags: &[]string{}}, base: todo.Patch{Tags: &[]string{"x"}}, tried: true, state: entryConflict, fields: []todo.Field{todo.FieldTags}},
			{number: 3, id: "3", op: todo.Delete, sum: "0123456789abcdef", state: entryDiscarded, why: fault.New(fault.StepCall, fault.Conflict, "overruled", "Kept.")},
		},
		drops: []uint64{5, 1 << 62},
		sync: &syncState{etag: "list", at: due, user: "alice", known: true, ids: idsKept, pullFirst: true,
			caps: api.Capabilities{Read: true, Write: true, Create: true, Update: true, Why: "No deletions."}},
	}
}

func TestARecordIsReadAsItWasWritten(t *testing.T) {
	want := fullRecord()
	got, err := decodeRecord(want.encode())
	must(t, err)
	want.entries[1].patch.Tags = ptr([]string(nil)) // an empty list comes back as none
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %+v\nwant %+v", got, want)
	}
	empty, err := decodeRecord((&record{}).encode())
	if err != nil || !empty.empty() {
		t.Fatalf("%+v, %v", empty, err)
	}
}

// However a record is cut or changed: it is read or refused, in time and space
// that fit its length.
func FuzzDecodeRecord(f *testing.F) {
	whole := fullRecord().encode()
	f.Add(whole)
	for _, n := range []int{0, 1, 10, 100} {
		f.Add(whole[:n])
	}
	f.Add([]byte{sectionPuts, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decodeRecord(data)
		if err != nil {
			return
		}
		again, err := decodeRecord(r.encode())
		if err != nil || fmt.Sprint(len(again.puts), len(again.entries), again.drops, again.gone) != fmt.Sprint(len(r.puts), len(r.entries), r.drops, r.gone) {
			t.Fatalf("%+v became %+v, %v", r, again, err)
		}
		m, touched := newModel(time.Unix(0, 0)), touched{}
		m.apply(r, &touched)
		m.refresh(touched)
	})
}

// A model and the records that it is rewritten as are the same.
func TestALogWrittenAnewMakesTheSameModel(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(now)
		id := rapid.SampledFrom([]string{"1", "2", "3"})
		title := rapid.SampledFrom([]string{"a", "b"})
		for range rapid.IntRange(0, 15).Draw(t, "records") {
			r := &record{}
			switch rapid.IntRange(0, 4).Draw(t, "kind") {
			case 0:
				r.puts = []todo.Todo{{ID: id.Draw(t, "id"), Title: title.Draw(t, "title")}}
			case 1:
				r.gone = []string{id.Draw(t, "id")}
			case 2:
				r.drops = []uint64{rapid.Uint64Range(1, 5).Draw(t, "number")}
			case 3:
				r.renames = []rename{{id.Draw(t, "old"), id.Draw(t, "new")}}
			default:
				r.entries = []*entry{{number: rapid.Uint64Range(1, 5).Draw(t, "number"), id: id.Draw(t, "id"), at: now,
					op:    rapid.SampledFrom([]todo.Op{todo.Create, todo.Update, todo.Delete}).Draw(t, "op"),
					patch: rename1(title.Draw(t, "title")), state: entryState(rapid.IntRange(0, 3).Draw(t, "state"))}}
			}
			var touched touched
			m.apply(r, &touched)
			m.refresh(touched)
		}
		again, all := newModel(now), touched{}
		for _, r := range m.snapshot(time.Time{}) {
			read, err := decodeRecord(r.encode())
			if err != nil {
				t.Fatal(err)
			}
			again.apply(read, &all)
		}
		again.refresh(all)
		show := func(m *model) string {
			out := fmt.Sprint(m.waiting, m.look, len(m.entries), m.tally.Counts().All)
			for _, row := range m.rows {
				out += fmt.Sprintf(" %s %q %d", row.Todo.ID, row.Todo.Title, row.State)
			}
			return out
		}
		if a, b := show(m), show(again); a != b {
			t.Fatalf("%s\n%s", a, b)
		}
	})
}

// The rank orders as the order that everyone else uses.
func TestRowsAreInTheOrderOfPackageTodo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(id string) *Row {
			row := &Row{Todo: todo.Todo{ID: id, Title: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "title"), Completed: rapid.Bool().Draw(t, "completed"),
				Priority: rapid.SampledFrom([]todo.Priority{"", todo.Low, todo.Medium, todo.High, "odd"}).Draw(t, "priority")}}
			if rapid.Bool().Draw(t, "dated") {
				row.Todo.Due = time.Unix(rapid.Int64Range(-1e11, 2e11).Draw(t, "due"), 0)
			}
			row.rank = rankOf(&row.Todo, time.UTC)
			return row
		}
		a, b := draw("a"), draw("b")
		if got, want := compareRows(a, b), todo.Compare(&a.Todo, &b.Todo, time.UTC); got != want {
			t.Fatalf("%+v, %+v: %d, want %d", a.Todo, b.Todo, got, want)
		}
	})
}

func TestFindInALongListAsItChanges(t *testing.T) {
	r := inMemory(t)
	r.mu.Lock()
	must(t, r.takeList(api.List{Todos: believable(500), Complete: true}))
	r.mu.Unlock()
	for range 20 {
		for _, f := range []todo.Filter{{}, {List: todo.ListTodo}, {List: todo.ListCompleted}, {List: todo.ListDueToday}, {Tag: "team 3"}} {
			for _, query := range []string{"", "t", "te", "team", "team 7", "team 77", "zzz", "policy portal"} {
				s := r.Snapshot()
				got, want := s.Find(f, query), 0
				for _, row := range s.Rows {
					if f.Match(row.Todo, s.Today) && holds(row.Todo, query) {
						want++
					}
				}
				if len(got) != want {
					t.Fatalf("%s %q: %d found, want %d", f, query, len(got), want)
				}
			}
		}
		id := r.Snapshot().Rows[7].Todo.ID
		update(t, r, id, todo.Patch{Title: ptr("team 77 of something else"), Completed: ptr(!r.Snapshot().Rows[7].Todo.Completed)})
	}
}

func holds(t todo.Todo, query string) bool {
	docs := []*todo.Todo{&t}
	return query == "" || len(todo.NewIndex(docs, nil).Search(query)) > 0
}
