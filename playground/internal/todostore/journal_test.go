package todostore_test

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"waybill/playground/internal/todostore"
	"waybill/todo"
)

func castagnoli(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// file returns the one file of a store.
func file(t testing.TB, dir string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.todos"))
	if err != nil || len(names) != 1 {
		t.Fatalf("files %v, %v", names, err)
	}
	return names[0]
}

// recorded makes a file of a few edits and returns it with the list's ETag as
// it was after each of its lines.
func recorded(t testing.TB, dir string) (data []byte, after map[int]string) {
	t.Helper()
	s := open(t, todostore.Options{Dir: dir, Todos: 3})
	after = map[int]string{}
	note := func() {
		etag, err := s.ETag(alice)
		if err != nil {
			t.Fatal(err)
		}
		if data, err = os.ReadFile(file(t, dir)); err != nil {
			t.Fatal(err)
		}
		after[bytes.Count(data, []byte("\n"))] = etag
	}
	note()
	create(t, s, todo.Todo{ID: "a", Title: "A"}, "k1")
	note()
	if _, err := s.Update(alice, "a", todo.Patch{Title: new("B")}, nil); err != nil {
		t.Fatal(err)
	}
	note()
	if err := s.Delete(alice, "todo-2", nil); err != nil {
		t.Fatal(err)
	}
	note()
	create(t, s, todo.Todo{ID: "b", Title: "C"}, "")
	note()
	return data, after
}

// The file is cut at every length behind the first list, as a crash in the
// middle of an append would leave it.
func TestR24_ACutFileShowsEveryEditThatWasWhole(t *testing.T) {
	data, after := recorded(t, t.TempDir())
	seeded := 0
	for range 4 { // the first line and three to-dos are written in one go
		seeded += bytes.IndexByte(data[seeded:], '\n') + 1
	}
	for length := seeded; length <= len(data); length++ {
		dir := t.TempDir()
		plant(t, dir, data[:length])
		s := open(t, todostore.Options{Dir: dir, Todos: 3})
		want := after[bytes.Count(data[:length], []byte("\n"))]
		if etag, err := s.ETag(alice); err != nil || etag != want {
			t.Fatalf("cut to %d of %d bytes: ETag %s, want %s (%v)", length, len(data), etag, want, err)
		}
		made := create(t, s, todo.Todo{ID: "later", Title: "Later"}, "")
		if item, err := open(t, todostore.Options{Dir: dir}).Get(alice, "later"); err != nil || item.Todo.ETag != made.Todo.ETag {
			t.Fatalf("cut to %d bytes: the next edit is lost: %v", length, err)
		}
	}
}

// plant puts a file for alice into dir.
func plant(t testing.TB, dir string, data []byte) {
	t.Helper()
	probe := t.TempDir()
	if _, err := open(t, todostore.Options{Dir: probe, Todos: 1}).ETag(alice); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, filepath.Base(file(t, probe))), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestR24_ADamagedFileIsSetAsideAndNeverShownAsWhole(t *testing.T) {
	data, _ := recorded(t, t.TempDir())
	known := map[string]bool{}
	for _, title := range strings.Split(titles(view(t, open(t, todostore.Options{Todos: 3}), alice))+"A\nB\nC", "\n") {
		known[title] = true
	}
	for at := range data {
		dir := t.TempDir()
		broken := bytes.Clone(data)
		broken[at] ^= 0x21
		plant(t, dir, broken)
		var log bytes.Buffer
		s := open(t, todostore.Options{Dir: dir, Todos: 3, Log: slog.New(slog.NewTextHandler(&log, nil))})
		v, err := s.View(alice)
		if err != nil {
			t.Fatalf("byte %d: %v", at, err)
		}
		for _, item := range v.Items {
			if !known[item.Todo.Title] {
				t.Fatalf("byte %d: %q was never written", at, item.Todo.Title)
			}
		}
		aside, err := filepath.Glob(filepath.Join(dir, "*.damaged-*"))
		if err != nil {
			t.Fatal(err)
		}
		lastLine := at >= bytes.LastIndexByte(data[:len(data)-1], '\n') // cannot be told from a write that was cut short
		if len(aside) != 1 && !lastLine {
			t.Fatalf("byte %d: set aside %v", at, aside)
		}
		if len(aside) == 1 {
			kept, err := os.ReadFile(aside[0])
			if err != nil || !bytes.Equal(kept, broken) || !strings.Contains(log.String(), "damaged") {
				t.Fatalf("byte %d: the file was not kept (%v) or not logged: %s", at, err, log.String())
			}
		}
	}
}

func TestR26_AFileOfANewerVersionIsNotTouched(t *testing.T) {
	dir := t.TempDir()
	body := []byte(`{"version":2,"user":"idp:alice"}`)
	newer := fmt.Appendf(nil, "%08x %s\nmore\n", castagnoli(body), body)
	plant(t, dir, newer)
	s := open(t, todostore.Options{Dir: dir})
	if _, err := s.View(alice); err == nil || !strings.Contains(err.Error(), "newer version") {
		t.Errorf("view: %v", err)
	}
	if _, err := s.Create(alice, todo.Todo{Title: "X"}, ""); err == nil {
		t.Error("an edit was taken")
	}
	if data, err := os.ReadFile(file(t, dir)); err != nil || !bytes.Equal(data, newer) {
		t.Errorf("the file was changed: %v", err)
	}
}

func TestAFileOfAnotherUserIsNotShown(t *testing.T) {
	dir := t.TempDir()
	data, _ := recorded(t, t.TempDir())
	s := open(t, todostore.Options{Dir: dir, Todos: 1})
	if _, err := s.ETag(bob); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file(t, dir), data, 0o600); err != nil {
		t.Fatal(err)
	}
	v := view(t, open(t, todostore.Options{Dir: dir, Todos: 1}), bob)
	if len(v.Items) != 1 {
		t.Errorf("Bob sees %s", titles(v))
	}
}

func TestAFileThatAnotherProgramChangedTakesNoEdit(t *testing.T) {
	dir := t.TempDir()
	s := open(t, todostore.Options{Dir: dir})
	create(t, s, todo.Todo{ID: "x", Title: "X"}, "")
	other := open(t, todostore.Options{Dir: dir})
	create(t, other, todo.Todo{ID: "y", Title: "Y"}, "")
	before := view(t, s, alice)
	if _, err := s.Create(alice, todo.Todo{ID: "z", Title: "Z"}, ""); err == nil {
		t.Error("an edit was taken")
	}
	if after := view(t, s, alice); after.ETag != before.ETag {
		t.Error("the refused edit is shown")
	}
	if _, err := open(t, todostore.Options{Dir: dir}).Get(alice, "y"); err != nil {
		t.Errorf("the other program's edit: %v", err)
	}
}

func TestAFolderThatIsGoneRefusesTheEdit(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "todos")
	s := open(t, todostore.Options{Dir: dir})
	before := view(t, s, alice)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(alice, "todo-1", nil); err == nil {
		t.Error("an edit was taken")
	}
	if after := view(t, s, alice); after.ETag != before.ETag {
		t.Error("the refused edit is shown")
	}
}

func TestTheFileIsShortenedAndLosesNothing(t *testing.T) {
	dir := t.TempDir()
	s := open(t, todostore.Options{Dir: dir, Todos: 2})
	create(t, s, todo.Todo{ID: "x", Title: "X"}, "k")
	for i := range 1200 {
		if _, err := s.Update(alice, "todo-1", todo.Patch{Title: new(fmt.Sprint(i))}, nil); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(file(t, dir))
	if lines := bytes.Count(data, []byte("\n")); err != nil || lines > 1020 {
		t.Errorf("%d lines, %v", lines, err)
	}
	after := open(t, todostore.Options{Dir: dir})
	if v := view(t, after, alice); v.ETag != view(t, s, alice).ETag || v.Items[0].Todo.Title != "1199" {
		t.Errorf("%s", titles(v))
	}
	if again, err := after.Create(alice, todo.Todo{ID: "x", Title: "X"}, "k"); err != nil || again.Todo.ID != "x" {
		t.Errorf("the key is forgotten: %v", err)
	}
}

func TestALinkInPlaceOfTheFileIsRefused(t *testing.T) {
	dir, elsewhere := t.TempDir(), filepath.Join(t.TempDir(), "target")
	data, _ := recorded(t, t.TempDir())
	plant(t, dir, data)
	if err := os.Rename(file(t, dir), elsewhere); err != nil {
		t.Fatal(err)
	}
	probe := t.TempDir()
	plant(t, probe, data)
	if err := os.Symlink(elsewhere, filepath.Join(dir, filepath.Base(file(t, probe)))); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, todostore.Options{Dir: dir}).View(alice); err == nil {
		t.Error("the link was followed")
	}
}
