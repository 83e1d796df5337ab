package archive_test

import (
	"bytes"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"waybill/archive"
	"waybill/todo"
)

func day(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

func TestTablesOfOtherPrograms(t *testing.T) {
	local := time.Date(2026, 11, 24, 17, 0, 0, 0, time.Local).UTC()
	for name, c := range map[string]struct {
		file string
		want []todo.Todo
	}{
		"commas":                 {"Title,Done\nMilk,yes\nBread,no\n", []todo.Todo{{Title: "Milk", Completed: true}, {Title: "Bread"}}},
		"German Excel":           {"\ufeffid;title;completed;due\r\n1;\"a;b\";WAHR;24.11.2026\r\n2;c;FALSCH;\r\n", []todo.Todo{{ID: "1", Title: "a;b", Completed: true, Due: day(2026, 11, 24)}, {ID: "2", Title: "c"}}},
		"tabs":                   {"title\tnotes\tlabels\nMilk, oat\t2 l\thome, shop\n", []todo.Todo{{Title: "Milk, oat", Description: "2 l", Tags: []string{"home", "shop"}}}},
		"a named separator":      {"sep=;\ntitle;due date\na,b;2026-11-24T09:30:00+01:00\n", []todo.Todo{{Title: "a,b", Due: time.Date(2026, 11, 24, 8, 30, 0, 0, time.UTC)}}},
		"old line ends":          {"title,priority\ra,High\rb,NORMAL\r", []todo.Todo{{Title: "a", Priority: todo.High}, {Title: "b", Priority: todo.Medium}}},
		"Todoist":                {"TYPE,CONTENT,PRIORITY\ntask,Milk,low\n", []todo.Todo{{Title: "Milk", Priority: todo.Low}}},
		"lines in a cell":        {"title,description\n\"a\"\"b\",\"one\ntwo\r\n\nfour\"\n", []todo.Todo{{Title: `a"b`, Description: "one\ntwo\r\n\nfour"}}},
		"quotes inside":          {"title\n5\" pipe\n", []todo.Todo{{Title: `5" pipe`}}},
		"short and empty rows":   {"title,notes,tags\n\na\n,,\nb,,\n", []todo.Todo{{Title: "a"}, {Title: "b"}}},
		"no last line end":       {"id,title\n1,a,", []todo.Todo{{ID: "1", Title: "a"}}},
		"American days":          {"title,due\na,1/2/2026\nb,11/24/2026\nc,11/24/2026 5:00 PM\n", []todo.Todo{{Title: "a", Due: day(2026, 1, 2)}, {Title: "b", Due: day(2026, 11, 24)}, {Title: "c", Due: local}}},
		"British days":           {"title,due\na,01/02/2026\nb,24/11/2026\n", []todo.Todo{{Title: "a", Due: day(2026, 2, 1)}, {Title: "b", Due: day(2026, 11, 24)}}},
		"days in words":          {"title,due\na,\"Jan 2, 2026\"\nb,2 January 2026\nc,2026/1/2\nd,2-1-2026\n", []todo.Todo{{Title: "a", Due: day(2026, 1, 2)}, {Title: "b", Due: day(2026, 1, 2)}, {Title: "c", Due: day(2026, 1, 2)}, {Title: "d", Due: day(2026, 1, 2)}}},
		"a time of this place":   {"title,due\na,2026-11-24 17:00\n", []todo.Todo{{Title: "a", Due: local}}},
		"midnight is a day":      {"title,due\na,2026-11-24 00:00:00\n", []todo.Todo{{Title: "a", Due: day(2026, 11, 24)}}},
		"apostrophes of its own": {"title\n'tis the season\n'=1+1\n''=1\n", []todo.Todo{{Title: "'tis the season"}, {Title: "=1+1"}, {Title: "'=1"}}},
		"tags in quotes":         {"title,tags\na,\"x;\"\"y,z\"\" , w,,\"\"open\"\n", []todo.Todo{{Title: "a", Tags: []string{"x", "y,z", "w", `"open`}}}},
	} {
		f, err := archive.Read(strings.NewReader(c.file))
		if err != nil || f.Format != archive.CSV || !same(f.Todos, c.want) {
			t.Errorf("%s: %v\ngot  %+v\nwant %+v", name, err, f, c.want)
		}
	}
}

func TestJSONOfOtherPrograms(t *testing.T) {
	want := []todo.Todo{{ID: "1", Title: "a"}, {Title: "b", Completed: true}}
	const array = `[{"id":1,"title":"a"},{"title":"b","completed":true}]`
	for _, file := range []string{array, "\ufeff \n" + array, `{"data":` + array + `}`, `{"items" : ` + array + ` ,"x":"]}"}`,
		`{"a\"]":[{}],"results":` + array + `}`, `{"todos":[],"todos":` + array + `}`} {
		if f := read(t, []byte(file)); f.Format != archive.JSON || !same(f.Todos, want) {
			t.Errorf("%s: got %+v", file, f.Todos)
		}
	}
	if f := read(t, []byte(` {"id":"7","title":"single","tags":["x"]}`)); !same(f.Todos, []todo.Todo{{ID: "7", Title: "single", Tags: []string{"x"}}}) {
		t.Errorf("a single one: %+v", f.Todos)
	}
	for _, file := range []string{"[]", `{"todos":[]}`} {
		if f := read(t, []byte(file)); len(f.Todos) != 0 {
			t.Errorf("%s: %+v", file, f.Todos)
		}
	}
}

func TestWhatATableHasNoColumnForStaysAsItIs(t *testing.T) {
	f := read(t, []byte("id,title,priority,due\n1,a,urgent,\n2,b,high,someday\n"))
	items := f.Items()
	if got := fmt.Sprint(items[0].Fields.Fields(), items[1].Fields.Fields()); got != "[title dueDate] [title priority]" {
		t.Errorf("the fields are %s", got)
	}
	want := []string{
		"1 to-do read without the priority, which is not understood (line 2).",
		"1 to-do read without the due date, which is not understood (line 3).",
	}
	if !reflect.DeepEqual(f.Notices, want) {
		t.Errorf("the notices are %q", f.Notices)
	}
}

func TestWhatJSONDoesNotUnderstandStaysAsItIs(t *testing.T) {
	f := read(t, []byte(`[{"id":"1","title":"a","tags":"x, y","dueDate":"someday"}]`))
	if got := fmt.Sprint(f.Items()[0].Fields.Fields()); got != "[title description completed priority]" {
		t.Errorf("the fields are %s", got)
	}
	if len(f.Notices) != 2 {
		t.Errorf("the notices are %q", f.Notices)
	}
}

func TestWhatIsLeftOutIsSaid(t *testing.T) {
	for file, want := range map[string][]string{
		"title,notes\nx,a\n ,b\n,c\n":                            {"2 to-dos without a title left out (the first in line 3)."},
		"title,Assignee,created,updated,\x1b[31mRoom\nx,a,b,c,d": {"Columns that are not known were left out: Assignee, □[31mRoom."},
		"title,due\nx,1/2/2026\ny,3/4/2026\n":                    {"2 to-dos read without the due date, which is not understood (the first in line 2)."},
		"title,due\nx,13/2/2026\ny,3/14/2026\n":                  {"2 to-dos read without the due date, which is not understood (the first in line 2)."},
		"[{\"title\":\"x\"},\n{\"title\":\" \"}]":                {"1 to-do without a title left out (line 2)."},
	} {
		if f := read(t, []byte(file)); !reflect.DeepEqual(f.Notices, want) {
			t.Errorf("%q: the notices are %q", file, f.Notices)
		}
	}
}

func TestWhatIsWrongIsSaidWithItsLine(t *testing.T) {
	wide := strings.Repeat("x,", 1001)
	for file, says := range map[string]string{
		"":                                     "The file is empty.",
		" \n\ufeff":                            "no column is called \"title\"",
		"buy milk\n":                           "no column is called \"title\" in line 1",
		"\xff\xfet\x00":                        "UTF-16",
		"t\x00i\x00\xe4":                       "Line 1, column 5 is not UTF-8",
		"title\nM\xe4dchen\n":                  "Line 2, column 2 is not UTF-8 text. Save it again as UTF-8",
		"title\n\"a\nb\n":                      "Line 2: a quote is opened there and never closed.",
		"title\n\"a\nb\"c\n":                   "Line 3: after the quote that closes the cell begun in line 2 comes more of it.",
		"title,tags\nx\na,b,c\n":               "Line 3 has 3 cells, and there are 2 columns. A text that holds the separator needs quotes",
		"id,title\n1,a\n\"\n\",b\n1,c\n":       "Line 5: the id \"1\" stands in line 2 already.",
		"title\n" + wide:                       "Line 2: a table has at most 1000 columns.",
		wide:                                   "Line 1: a table has at most 1000 columns.",
		"title\n" + strings.Repeat("x", 5<<20): "Line 2: the to-do is too large.",
		"title,tags\nx,\"" + strings.Repeat("t,", 1001) + "\"": "Line 2: a to-do has at most 1000 tags.",

		"{":                           "ends in the middle, in line 1, column 1",
		"[{\"title\":\n\"a\"":         "ends in the middle, in line 2",
		"[{\"title\":\n\"a\" \"b\"}]": "Line 2, column 5 is not valid JSON.",
		"{\"x\":1}":                   "no to-dos are in it",
		"{\"todos\":{}}":              "no to-dos are in it",
		"[\n1]":                       "Line 2: a to-do is expected",
		"[{\"title\":\"a\"},\n\n[]]":  "Line 3: a to-do is expected",
		"[{\"id\":\"1\",\"title\":\"a\"},\n{\"id\":1,\"title\":\"b\"}]": "Line 2: the id \"1\" stands in line 1 already.",
		"[{\"title\":\"" + strings.Repeat("x", 5<<20) + "\"}]":          "Line 1: the to-do is too large.",

		`{"format":"waybill-backup","version":2,"todos":[]}`:                                   "made by a newer Waybill",
		`{"format":"waybill-backup","todos":[]}`:                                               "does not say which version",
		`{"format":"waybill-backup","version":1,"items":[]}`:                                   "\"todos\" is missing",
		"{\"format\":\"waybill-backup\",\n\"version\":\"1\",\"todos\":[]}":                     "Line 2 of the backup is not as Waybill writes it",
		`{"format":"waybill-backup","version":1,"made":"x","todos":[]}`:                        "The beginning of the backup",
		`{"format":"waybill-backup","version":1,"todos":[],"unsent":{}}`:                       "something else than an array",
		"{\"format\":\"waybill-backup\",\"version\":1,\"todos\":[],\"unsent\":[\n{},\n1]}":     "Line 3: the change is not as Waybill writes it.",
		`{"format":"waybill-backup","version":1,"todos":[],"unsent":[{"change":{"title":1}}]}`: "Line 1: the change",
	} {
		_, err := archive.Read(strings.NewReader(file))
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.60q: %v\nwant: %s", file, err, says)
		}
	}
}

func TestMoreToDosThanTheLimitNameTheLine(t *testing.T) {
	var file bytes.Buffer
	file.WriteString("title\n")
	for range todo.MaxList + 1 {
		file.WriteString("x\n")
	}
	if _, err := archive.Read(&file); err == nil || !strings.Contains(err.Error(), "Line 250002: a file holds at most 250000 to-dos") {
		t.Error(err)
	}
}

// A hostile file of a few megabytes must not cost gigabytes.
func TestReadingAHostileFileIsBounded(t *testing.T) {
	const size = 2 << 20
	fill := func(before, unit, after string) string { return before + strings.Repeat(unit, size/len(unit)) + after }
	for name, file := range map[string]string{
		"cells":         fill("title\n", ",", ""),
		"columns":       fill("", "title,", ""),
		"empty lines":   fill("title\n", "\n", ""),
		"empty rows":    fill("title,x\n", ",\n", ""),
		"quotes":        fill("title\n\"", "\"\"", "\""),
		"open quotes":   fill("title\n", "x\n\"", ""),
		"tags":          fill("title,tags\nx,\"", ",", "\""),
		"apostrophes":   fill("title\n", "'", "=\n"),
		"dates":         fill("title,due\n", "x,"+strings.Repeat("1/", 100)+"\n", ""),
		"depth":         fill("", "[", ""),
		"closed depth":  fill("", "[", strings.Repeat("]", size)),
		"empty to-dos":  fill("[{}", ",{}", "]"),
		"members":       fill("{\"todos\":[],\"a\":0", ",\"todos\":[]", "}"),
		"names":         fill("{\"a\":0", ",\"\\u0061\":0", "}"),
		"changes":       fill(`{"format":"waybill-backup","version":1,"todos":[],"unsent":[{}`, ",{}", "]}"),
		"many members":  fill("[{\"a\":0", ",\"b\":0", "}]"),
		"broken at end": fill("[\"", "x", "\"x"),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := archive.Read(strings.NewReader(file))
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 128*size {
			t.Errorf("%s: %d MiB allocated for %d MiB (%v)", name, grown>>20, len(file)>>20, err)
		}
	}
}
