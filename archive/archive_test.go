package archive_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"waybill/archive"
	"waybill/fault"
	"waybill/todo"
)

// hostile is text that means something to a spreadsheet, a table or a terminal.
func hostile() *rapid.Generator[string] {
	pieces := []string{"=", "+", "-", "@", "'", "''", "\"", "\"\"", ",", ";", "\t", "\r", "\n", "\r\n", " ", "\u00a0", "＝", "＠",
		"\x00", "\x1b[31m", "\u202e", "\ufeff", "\u2028", "|", "#", "\\", "</script>", "=cmd|'/c calc'!A0", "Milch", "牛乳", "👩\u200d💻", "1", "true", "2026-11-24"}
	piece := rapid.OneOf(rapid.SampledFrom(pieces), rapid.StringN(0, 3, -1))
	return rapid.Map(rapid.SliceOfN(piece, 0, 6), func(s []string) string { return strings.ToValidUTF8(strings.Join(s, ""), "") })
}

// hostileTodo has a title and an id of its own.
func hostileTodo(t *rapid.T, id string, extra bool) todo.Todo {
	text := hostile()
	item := todo.Todo{
		ID:          id,
		Title:       text.Draw(t, "title") + "x",
		Description: text.Draw(t, "description"),
		Completed:   rapid.Bool().Draw(t, "completed"),
		Priority:    rapid.SampledFrom([]todo.Priority{todo.NoPriority, todo.Low, todo.Medium, todo.High}).Draw(t, "priority"),
		Tags:        rapid.SliceOfN(text, 0, 3).Draw(t, "tags"),
	}
	if len(item.Tags) == 0 {
		item.Tags = nil
	}
	if rapid.Bool().Draw(t, "dated") {
		item.Due = time.Unix(rapid.Int64Range(-62_000_000_000, 253_000_000_000).Draw(t, "due"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanos")).UTC()
		if rapid.Bool().Draw(t, "whole day") {
			item.Due = item.Due.Truncate(24 * time.Hour)
		}
	}
	if extra {
		item.ETag = rapid.SampledFrom([]string{"", `"1"`, `W/"x"`}).Draw(t, "etag")
		if rapid.Bool().Draw(t, "extra") {
			word, _ := json.Marshal(text.Draw(t, "member"))
			item.Extra = map[string]json.RawMessage{"createdAt": word, "of the server": json.RawMessage(`{"a":[1,null]}`)}
		}
	}
	return item
}

func hostileTodos(t *rapid.T, extra bool) []todo.Todo {
	ids := rapid.SliceOfNDistinct(rapid.Map(hostile(), func(s string) string { return s + "i" }), 0, 5, rapid.ID).Draw(t, "ids")
	todos := []todo.Todo{}
	for _, id := range ids {
		todos = append(todos, hostileTodo(t, id, extra))
	}
	return todos
}

func encode(t interface{ Fatal(...any) }, f archive.Format, c archive.Contents, o archive.Options) []byte {
	data, err := archive.Encode(f, c, o)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func read(t interface{ Fatalf(string, ...any) }, data []byte) *archive.File {
	f, err := archive.Read(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%v, in\n%q", err, data)
	}
	return f
}

func same(a, b []todo.Todo) bool {
	return slices.EqualFunc(a, b, func(a, b todo.Todo) bool {
		x, y := a.Due, b.Due
		a.Due, b.Due = time.Time{}, time.Time{}
		return x.Equal(y) && reflect.DeepEqual(a, b)
	})
}

func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		todos := hostileTodos(t, true)
		header := archive.Header{Made: time.Unix(1_764_000_000, 0).UTC(), By: "waybill test", Connection: "office", Resource: "https://todos.example",
			Issuer: "https://idp.example", Subject: hostile().Draw(t, "subject"), Email: hostile().Draw(t, "email")}
		for _, format := range []archive.Format{archive.JSON, archive.Backup} {
			f := read(t, encode(t, format, archive.Contents{Header: header, Todos: todos}, archive.Options{}))
			if f.Format != format || !same(f.Todos, todos) || len(f.Notices) > 0 {
				t.Fatalf("%s: got %+v\nwant %+v, notices %q", format, f.Todos, todos, f.Notices)
			}
			if format == archive.Backup && f.Header != header {
				t.Fatalf("the header is %+v, want %+v", f.Header, header)
			}
		}
	})
}

func TestATableIsReadAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		todos := hostileTodos(t, false)
		data := encode(t, archive.CSV, archive.Contents{Todos: todos}, archive.Options{ForSpreadsheets: rapid.Bool().Draw(t, "mark")})
		f := read(t, data)
		if f.Format != archive.CSV || !same(f.Todos, todos) || len(f.Notices) > 0 {
			t.Fatalf("got  %+v\nwant %+v\nof\n%s\nnotices %q", f.Todos, todos, data, f.Notices)
		}
		for i, item := range f.Items() {
			if item.ID != todos[i].ID || !item.Fields.Changes(todos[i]).IsZero() || len(item.Fields.Fields()) != 6 {
				t.Fatalf("the item is %+v", item)
			}
		}
	})
}

// seen are the cells that a program sees which splits at this separator and
// knows nothing of another: a quote counts at the beginning of a cell only.
func seen(data string, separator byte) (cells []string) {
	for i := 0; i < len(data); i++ {
		var cell strings.Builder
		if data[i] == '"' {
			for i++; i < len(data); i++ {
				if data[i] == '"' {
					if i+1 >= len(data) || data[i+1] != '"' {
						i++
						break
					}
					i++
				}
				cell.WriteByte(data[i])
			}
		}
		for ; i < len(data) && data[i] != separator && data[i] != '\n' && data[i] != '\r'; i++ {
			cell.WriteByte(data[i])
		}
		cells = append(cells, cell.String())
	}
	return cells
}

func TestNoCellIsAFormulaWhicheverSeparatorIsTaken(t *testing.T) {
	formula := func(cell string, ours bool) bool {
		if ours && cell != "" && strings.ContainsRune("\t\r", rune(cell[0])) {
			return true
		}
		cell = strings.TrimLeft(cell, "\" \t\x00\x1b\ufeff\u00a0\u202e\u2028")
		return cell != "" && strings.ContainsRune("=+-@＝＋－＠", []rune(cell)[0])
	}
	rapid.Check(t, func(t *rapid.T) {
		todos := hostileTodos(t, true)
		data := string(encode(t, archive.CSV, archive.Contents{Todos: todos}, archive.Options{}))
		for _, separator := range []byte(",;\t") {
			for _, cell := range seen(data, separator) {
				if formula(cell, separator == ',') {
					t.Fatalf("split at %q the cell %q is a formula, of\n%s", separator, cell, data)
				}
			}
		}
	})
}

func TestABackupSaysWhatWasNotSent(t *testing.T) {
	at := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	done, base := true, todo.Todo{ID: "1", Title: "Buy milk"}
	update := archive.NewUnsent(todo.Edit{ID: "1", Op: todo.Update, Patch: todo.Patch{Completed: &done}, Base: base, At: at})
	update.Number, update.What, update.Title, update.State, update.Why = 7, "Complete", "Buy milk", "waiting", "It is sent at the next sync."
	create := archive.NewUnsent(todo.Edit{ID: "2", Op: todo.Create, Patch: todo.PatchOf(todo.Todo{Title: "new"}), At: at})
	remove := archive.NewUnsent(todo.Edit{ID: "3", Op: todo.Delete, At: at})
	unsent := []archive.Unsent{update, create, remove}
	f := read(t, encode(t, archive.Backup, archive.Contents{Todos: []todo.Todo{base}, Unsent: unsent}, archive.Options{}))
	if !reflect.DeepEqual(f.Unsent, unsent) {
		t.Errorf("got %+v\nwant %+v", f.Unsent, unsent)
	}
	if create.Was != nil || remove.Change != nil || *update.Was.Completed {
		t.Errorf("created %+v, removed %+v, updated %+v", create, remove, update)
	}
}

func TestTheNameOfAFileAsksForItsFormat(t *testing.T) {
	for name, want := range map[string]archive.Format{"a.csv": archive.CSV, "b/A.CSV": archive.CSV, "a.json": archive.JSON, "x.Backup": archive.Backup, "backup": archive.JSON, "-": archive.JSON, "csv": archive.JSON} {
		if got := archive.FormatOf(name); got != want {
			t.Errorf("%s is %s", name, got)
		}
	}
	for name, ok := range map[string]bool{"json": true, "CSV": true, "Backup": true, "xml": false, "": false} {
		if _, known := archive.ParseFormat(name); known != ok {
			t.Errorf("%q: %t", name, known)
		}
	}
}

func TestAHeaderNamesTheAccountForAReader(t *testing.T) {
	if who := (archive.Header{Subject: "s", Email: "e@example.com"}).Who(); who != "e@example.com" {
		t.Error(who)
	}
	if who := (archive.Header{Subject: "s"}).Who(); who != "s" {
		t.Error(who)
	}
}

func TestWhatCouldNotBeReadBackIsNotWritten(t *testing.T) {
	many := make([]todo.Todo, todo.MaxList+1)
	extra := map[string]json.RawMessage{}
	for i := range todo.MaxMembers - 8 {
		extra[fmt.Sprint(i)] = json.RawMessage("1")
	}
	crowded := make([]todo.Todo, 4100)
	for i := range crowded {
		crowded[i] = todo.Todo{ID: fmt.Sprint(i), Title: "x", Extra: extra}
	}
	for name, c := range map[string]struct {
		format archive.Format
		todos  []todo.Todo
	}{
		"too many":            {archive.JSON, many},
		"too many rows":       {archive.CSV, many},
		"a large one":         {archive.JSON, []todo.Todo{{Title: strings.Repeat("x", todo.MaxItemBytes)}}},
		"a large row":         {archive.CSV, []todo.Todo{{Title: strings.Repeat("x", todo.MaxItemBytes)}}},
		"members of a server": {archive.Backup, crowded},
	} {
		if _, err := archive.Encode(c.format, archive.Contents{Todos: c.todos}, archive.Options{}); fault.As(err) == nil {
			t.Errorf("%s: it was written", name)
		}
	}
}

func TestMoreThanTheLimitIsNotRead(t *testing.T) {
	_, err := archive.Read(endless{})
	if err == nil || !strings.Contains(err.Error(), "256 MiB") {
		t.Errorf("it was %v", err)
	}
}

// endless is a file without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("canary") }

func TestAFileThatCannotBeReadToItsEndIsAFault(t *testing.T) {
	_, err := archive.Read(broken{})
	var f *fault.Fault
	if !errors.As(err, &f) || strings.Contains(f.Error(), "canary") {
		t.Errorf("it was %v", err)
	}
}
