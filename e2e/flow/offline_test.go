package flow

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"waybill/e2e/desktop"
	"waybill/e2e/program"
)

// train is a person with to-dos at a server that can be taken away and brought
// back, and with Waybill on two computers: a window on the first, a terminal on
// the second.
type train struct {
	t             *testing.T
	d             *desktop.Desktop
	home          string // the server's folder
	server        *program.Waybill
	running       *desktop.Process // the server; it has ended while it is away
	first, second *program.Waybill
}

func boardTrain(t *testing.T) *train {
	t.Helper()
	d := desktop.New(t, desktop.Options{Screen: true, Keyring: desktop.Unlocked})
	r := &train{t: t, d: d, home: t.TempDir()}
	r.server = program.In(t, d, program.Headless, "WAYBILL_HOME="+r.home)
	at, running := r.server.Playground()
	r.running = running
	file := at.Connection("office").File(t)
	computer := func(variable string) *program.Waybill {
		c := program.In(t, d, variable, append(at.Secrets(), "WAYBILL_HOME="+t.TempDir())...)
		for _, args := range [][]string{{"connections", "add", file, "--yes"}, {"sign-in", "--no-browser", "--connection", "office"}} {
			if result := c.Browsing(grace, args...); result.Code != 0 {
				t.Fatalf("%q ended with %d:\n%s", args, result.Code, result.Stderr)
			}
		}
		return c
	}
	r.first, r.second = computer(program.App), computer(program.Headless)
	prefers(t, d, appearance())
	if err := os.MkdirAll(filepath.Join(d.Home, "Documents", "Releases"), 0o700); err != nil {
		t.Fatal(err)
	}
	return r
}

// leavesTheStation takes the server away, as a tunnel does.
func (r *train) leavesTheStation() {
	r.t.Helper()
	r.running.Stop()
}

// arrives brings the server back where it was, with what is in its folder.
func (r *train) arrives() {
	r.t.Helper()
	_, r.running = r.server.Playground()
}

// backUp copies the server's folder while it is away.
func (r *train) backUp() (backup string) {
	r.t.Helper()
	backup = filepath.Join(r.t.TempDir(), "backup")
	if err := os.CopyFS(backup, os.DirFS(r.home)); err != nil {
		r.t.Fatal(err)
	}
	return backup
}

// restore puts the backup in the place of the server's folder while it is away.
func (r *train) restore(backup string) {
	r.t.Helper()
	if err := os.RemoveAll(r.home); err != nil {
		r.t.Fatal(err)
	}
	if err := os.CopyFS(r.home, os.DirFS(backup)); err != nil {
		r.t.Fatal(err)
	}
}

// appearance is how the windows look: light, unless pictures of the dark ones
// are wanted.
func appearance() string {
	if a := os.Getenv("WAYBILL_E2E_APPEARANCE"); a != "" {
		return a
	}
	return "light"
}

// prefers sets how the windows look.
func prefers(t *testing.T, d *desktop.Desktop, appearance string) {
	t.Helper()
	path := filepath.Join(d.Home, ".config/fyne/app.waybill/preferences.json")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(`{"appearance":"`+appearance+`"}`), 0o600); err != nil {
		t.Fatal(err)
	}
}

// picture keeps what the window shows, where pictures are wanted.
func picture(w *desktop.Window, name string) {
	if folder := os.Getenv("WAYBILL_E2E_PICTURES"); folder != "" {
		w.Save(filepath.Join(folder, name+"-"+appearance()+".png"))
	}
}

// opens starts the window of the first computer.
func (r *train) opens() (*desktop.Process, *desktop.Window) {
	r.t.Helper()
	app := r.first.Begin()
	return app, r.d.Window("Waybill", patience)
}

// synced waits until the status line says so. (Elsewhere in the window it may
// say that something is not synced yet.)
func synced(t *testing.T, w *desktop.Window) {
	t.Helper()
	line := w.Size().Y - 40
	if !desktop.Eventually(patience, func() bool {
		return slices.ContainsFunc(w.Read().Words, func(word desktop.Word) bool {
			return word.Box.Min.Y > line && strings.HasPrefix(word.Text, "Synced")
		})
	}) {
		t.Fatalf("the status line never says that all is synced; the window says:\n%s", w.Read())
	}
}

// adds adds a to-do in the window.
func adds(w *desktop.Window, title string) {
	w.Key("n")
	w.Type(title)
	w.Key("Return")
}

// list is what a computer has after a sync.
func (r *train) list(c *program.Waybill) program.Todos {
	r.t.Helper()
	return program.JSON[program.Todos](r.t, c.Command("todos", "--json"))
}

// once fails the test unless each of the titles is in the list exactly once.
func once(t *testing.T, list program.Todos, titles ...string) {
	t.Helper()
	for _, want := range titles {
		if n := len(slices.DeleteFunc(list.Titles(), func(s string) bool { return s != want })); n != 1 {
			t.Errorf("%q is there %d times, of %q", want, n, list.Titles())
		}
	}
}

// On the train: the network goes in the middle of a word, the app is killed and
// opened again, and everything that was typed is there. Signing out says what it
// would cost. When the network is back all of it reaches the server by itself,
// once.
func TestAirplaneModeInTheMiddleOfTyping(t *testing.T) {
	r := boardTrain(t)
	renamed := r.list(r.second).Todos[0].Title + " before noon"
	app, window := r.opens()
	synced(t, window)

	window.Key("n")
	window.Type("Book the hotel ")
	r.leavesTheStation()
	window.Type("in Lisbon")
	window.Key("Return")
	window.Await("Offline. 1 change saved", patience)
	window.Key("F2") // what was added is chosen
	window.Key("Home")
	window.Type("Soon: ")
	window.Key("Return")
	window.Await("Offline. 2 changes saved", patience)
	app.Kill()

	app, window = r.opens()
	window.Await("Offline. 2 changes saved", patience)
	window.Key("slash")
	window.Type("lisbon")
	window.Await("Soon: Book the hotel in Lisbon", patience)
	window.Key("Escape")
	window.Key("Home") // the first one is chosen
	window.Key("F2")
	window.Key("End")
	window.Type(" before noon")
	window.Key("Return")
	window.Await("Offline. 3 changes saved", patience)
	window.Await("Not synced yet", patience)
	picture(window, "offline")
	window.Key("ctrl+o")
	window.Await("Add “Soon: Book the hotel in Lisbon”", patience)
	window.Key("Escape")
	window.Key("ctrl+comma")
	window.ClickOn("Sign out", patience)
	window.Await("Sign out and lose 3 changes", patience)
	picture(window, "sign-out")
	window.Key("Escape")

	r.arrives()
	began := time.Now()
	synced(t, window)
	t.Logf("synced %v after the network was back", time.Since(began).Round(time.Millisecond))
	window.Close()
	ended(t, app)
	once(t, r.list(r.second), "Soon: Book the hotel in Lisbon", renamed)
}

// Two computers rename the same to-do, one of them while the other is typing:
// neither text is lost. The outbox says so before and after it is offline, leads
// to both versions, and both can be kept, all of it from the keyboard.
func TestR30_TwoComputersRenameTheSameToDo(t *testing.T) {
	r := boardTrain(t)
	before := r.list(r.second).Todos[0]
	app, window := r.opens()
	synced(t, window)
	window.Key("Home") // the first one is chosen
	window.Key("F2")
	window.Key("End")
	window.Type(" before noon")
	theirs := strings.Replace(before.Title, "staging", "production", 1)
	if result := r.second.Command("todos", "edit", before.ID, "--title", theirs); result.Code != 0 {
		t.Fatalf("edit ended with %d:\n%s", result.Code, result.Stderr)
	}
	window.Key("Return")
	window.Await("1 change needs", patience)
	window.Await(theirs, patience)

	r.leavesTheStation()
	window.Key("Down")
	window.Key("space") // completes the second one
	window.Await("Offline. 2 changes saved", patience)
	window.Key("Delete") // and deletes the third
	window.Await("Offline. 3 changes saved", patience)
	window.Key("ctrl+o")
	window.Await("The same field was changed", patience)
	window.Await("soon", patience)
	desktop.Eventually(patience, func() bool { _, toast := window.Read().Find("Undo"); return !toast })
	picture(window, "outbox")
	r.arrives()
	window.Await("1 change needs", patience)
	window.Key("Return")
	window.Await("Two versions", patience)
	picture(window, "conflict")
	window.Key("b")
	synced(t, window)
	window.Close()
	ended(t, app)
	once(t, r.list(r.second), before.Title+" before noon", theirs)
}

// The server is set back to an old backup while it is away and edits wait for
// it. It no longer knows most of the to-dos: the window says how many, removes
// none of them unasked, and one answer brings all of them back.
func TestR35_TheServerIsRestoredFromAnOldBackup(t *testing.T) {
	r := boardTrain(t)
	r.leavesTheStation()
	backup := r.backUp()
	r.arrives()
	const later = 24 // as many again as the playground begins with
	titles := []string{"Typed before the disk broke"}
	table := "title\n"
	for i := range later {
		titles = append(titles, fmt.Sprintf("After the backup %d", i))
		table += titles[i+1] + "\n"
	}
	if err := os.WriteFile(filepath.Join(r.d.Home, "Documents", "later.csv"), []byte(table), 0o600); err != nil {
		t.Fatal(err)
	}
	old := r.list(r.second).Todos[0].Title
	app, window := r.opens()
	synced(t, window)
	window.Key("ctrl+i")
	window.Await("later.csv", patience)
	window.Type("later")
	window.Key("Return")
	window.Await("One Undo takes", patience)
	window.Key("Return")
	window.Await("Search 48", patience)
	adds(window, titles[0])
	window.Await("Priority", patience) // its details are there
	desktop.Eventually(patience, func() bool { return slices.Contains(r.list(r.second).Titles(), titles[0]) })

	r.leavesTheStation()
	window.Key("F2") // what was just added, and the backup does not have
	window.Key("End")
	window.Type(" for good")
	window.Key("Return")
	window.Await("Offline. 1 change saved", patience)
	adds(window, "Typed while it was broken")
	window.Await("Offline. 2 changes saved", patience)
	window.Key("Escape")
	window.Key("Home") // one that the backup has
	window.Key("F2")
	window.Key("End")
	window.Type(" today")
	window.Key("Return")
	window.Await("Offline. 3 changes saved", patience)
	r.restore(backup)
	r.arrives()

	window.Await("The server no longer lists 24", patience)
	window.Await("your 50", patience) // as many as the list shows
	picture(window, "restored")
	window.ClickOn("Keep them here", patience)
	synced(t, window)
	window.Close()
	ended(t, app)
	titles[0] += " for good"
	once(t, r.list(r.second), append(titles, "Typed while it was broken", old+" today")...)
}
