package archive_test

import (
	"bytes"
	"testing"
	"unicode/utf8"

	"waybill/archive"
)

// FuzzRead: a file from anywhere is read or refused, with an error that can be
// shown; what was read can be written, and is then read as the same.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"id,title,description,completed,priority,tags,due\r\n1,'=x,\"a\nb\",true,high,\"a, \"\"b,c\"\"\",2026-11-24\r\n",
		"\ufefftitle;due\n\"a;b\";24.11.2026\n", "sep=\t\ntitle\tdone\nx\tWAHR\n", "title,due\nx,1/2/2026 5:00 PM\ny,1/13/2026\n",
		`[{"id":1,"title":"a","tags":["x"],"dueDate":"2026-11-24T10:00:00Z","createdAt":"x"}]`, `{"todos":[{"id":"1","title":"a","dueDate":5}]}`,
		`{"format":"waybill-backup","version":1,"made":"2026-11-24T10:00:00Z","account":{"subject":"s"},"todos":[{"title":"a"}],"unsent":[{"number":1,"change":{"title":"x"}}]}`,
		"", "[", "{}", "\"", "title\n\"", "\xff\xfe", "[1]", `{"title":"x"}`, "\x00",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := archive.Read(bytes.NewReader(data))
		if err != nil {
			if said := err.Error(); said == "" || !utf8.ValidString(said) || bytes.ContainsAny([]byte(said), "\x00\x1b\r\n") {
				t.Fatalf("the error is %q", said)
			}
			return
		}
		if len(file.Items()) != len(file.Todos) {
			t.Fatalf("%d items of %d to-dos", len(file.Items()), len(file.Todos))
		}
		for i := range file.Todos {
			file.Todos[i].ID = string(rune('a'+i%26)) + file.Todos[i].ID // those without one, too
		}
		if len(file.Todos) > 26 {
			return
		}
		written, err := archive.Encode(archive.JSON, archive.Contents{Todos: file.Todos}, archive.Options{})
		if err != nil {
			t.Fatal(err)
		}
		again, err := archive.Read(bytes.NewReader(written))
		if err != nil || !same(again.Todos, file.Todos) {
			t.Fatalf("%v\ngot  %+v\nwant %+v", err, again, file.Todos)
		}
	})
}
