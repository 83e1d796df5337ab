package flow

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"waybill/e2e/desktop"
)

// Short words are misread now and then, and a toast may be gone before it is
// read, so neither is waited for here.

// inTheCommands runs a command of the window by its name.
func inTheCommands(w *desktop.Window, name string) {
	w.Key("ctrl+k")
	w.Await("you want", patience)
	w.Type(name)
	w.Key("Return")
}

// written waits for a file that the window writes.
func written(t *testing.T, path string) []byte {
	t.Helper()
	var data []byte
	if !desktop.Eventually(patience, func() bool {
		var err error
		data, err = os.ReadFile(path)
		return err == nil
	}) {
		t.Fatalf("%s was not written", path)
	}
	return data
}

// closed waits until the dialog on screen is gone.
func closed(t *testing.T, w *desktop.Window) {
	t.Helper()
	if !desktop.Eventually(patience, func() bool { _, there := w.Read().Find("Cancel"); return !there }) {
		t.Fatalf("the dialog stays; the window says:\n%s", w.Read())
	}
}

// A person keeps their to-dos in files: a table for a spreadsheet, and a backup
// that brings back what was deleted since. They are asked before a file is
// replaced and before anything is brought in, and can take that back.
func TestToDosGoIntoFilesAndComeBack(t *testing.T) {
	r := boardTrain(t)
	titles := r.list(r.second).Titles()
	app, window := r.opens()
	synced(t, window)

	window.Key("ctrl+e")
	window.Await("Export to-dos", patience)
	window.Await("Documents", patience)
	picture(window, "export")
	window.Type("list.csv")
	window.Key("Return")
	file := filepath.Join(r.d.Home, "Documents", "list.csv")
	table := written(t, file)
	closed(t, window)
	for _, title := range titles {
		if !strings.Contains(string(table), title) {
			t.Errorf("the table does not have %q", title)
		}
	}

	inTheCommands(window, "back up")
	window.Await("backup holds your", patience)
	window.Type("list.csv") // is taken, but a backup is JSON
	window.Key("Return")
	written(t, filepath.Join(r.d.Home, "Documents", "list.json"))
	closed(t, window)
	if now, err := os.ReadFile(file); err != nil || string(now) != string(table) {
		t.Errorf("the table is another one: %v", err)
	}
	window.Key("Home")
	window.Key("Delete")
	window.Key("Delete")
	window.Await("Search 22", patience)
	synced(t, window)
	if n := len(r.list(r.second).Titles()); n != 22 {
		t.Fatalf("the server has %d to-dos", n)
	}

	inTheCommands(window, "restore a backup")
	window.Await("backup that was made", patience)
	window.Type("list.json")
	window.Key("Return")
	window.Await("22 the same", patience)
	picture(window, "import")
	window.Key("Return")
	window.Await("Search 24", patience)
	synced(t, window)
	once(t, r.list(r.second), titles...)
	window.Key("ctrl+z")
	window.Await("Search 22", patience)
	synced(t, window)
	if n := len(r.list(r.second).Titles()); n != 22 {
		t.Errorf("after Undo the server has %d to-dos", n)
	}
	window.Close()
	ended(t, app)
}
