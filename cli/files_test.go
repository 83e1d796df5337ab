package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"waybill/cli"
)

// evil is text that a terminal, a table or a spreadsheet would obey.
const evil = "=1+1;\"'\x1b[31m\u202eevil\u202c\u009b2J\tx"

// byTitle are the to-dos without what a server gives them.
func byTitle(items []item) []string {
	var out []string
	for _, i := range items {
		i.ID, i.State = "", ""
		out = append(out, fmt.Sprintf("%+v", i))
	}
	slices.Sort(out)
	return out
}

func sameTodos(t *testing.T, got, want []item) {
	t.Helper()
	if a, b := byTitle(got), byTitle(want); !slices.Equal(a, b) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(a, "\n"), strings.Join(b, "\n"))
	}
}

func TestABackupBringsEverythingBackToAServerOfAnOlderState(t *testing.T) {
	s := newServer(t)
	c := s.signedIn("alice@example.com")
	c.runs("todos")
	older := copyOf(t, s.dir)
	items := c.todos("--offline")
	c.runs("todos", "done", items[0].ID)
	c.runs("todos", "edit", items[1].ID, "--title", evil, "--description", "one\ntwo", "--due", "2026-12-24", "--tags", "a,b", "--priority", "none")
	c.runs("todos", "add", "Only in the backup", "--priority", "high")
	c.runs("todos", "add", "Never sent", "--offline")
	want := c.todos("--offline")
	backup := filepath.Join(t.TempDir(), "todos.backup")
	_, said := c.runs("export", backup, "--format", "backup", "--offline")
	if !strings.Contains(said, "26 to-dos written to") || !strings.Contains(said, "1 change is not at the server yet") {
		t.Errorf("it said %q", said)
	}

	s.whileStopped(func() { s.dir = older })
	other := s.signedIn("alice@example.com") // this computer is lost, too
	if got := answer[map[string]any](other, "import", backup, "--dry-run"); got["added"] != 2.0 || got["changed"] != 2.0 || got["same"] != 22.0 {
		t.Errorf("it would be %v", got)
	}
	if len(other.todos()) != 24 || len(other.outbox()) != 0 {
		t.Fatal("a dry run changed something")
	}
	_, said = other.runs("import", backup)
	if !strings.Contains(said, "2 added, 2 changed, 22 the same already.\nSynced ") {
		t.Errorf("it said %q", said)
	}
	sameTodos(t, other.todos(), want)
	third := s.signedIn("alice@example.com")
	sameTodos(t, third.todos(), want)
	if _, said = other.runs("import", backup); !strings.Contains(said, "0 added, 0 changed, 26 the same already.") {
		t.Errorf("the second time it said %q", said)
	}
}

func TestABackupBringsEverythingBackAfterAllIsLost(t *testing.T) {
	s := newServer(t)
	c := s.signedIn("alice@example.com")
	c.runs("todos", "add", evil, "--description", evil, "--tags", "x,y")
	want := c.todos()
	backup := filepath.Join(t.TempDir(), "todos.json")
	c.runs("export", backup, "--format", "backup")

	lost := newServer(t) // other keys, other ports
	other := lost.signedIn("alice@example.com")
	for _, i := range other.todos() {
		other.runs("todos", "rm", i.ID)
	}
	if left := other.todos(); len(left) != 0 {
		t.Fatalf("%d are left", len(left))
	}
	other.runs("import", backup)
	sameTodos(t, other.todos(), want)
}

func TestTablesAndJSONComeBackAsTheSame(t *testing.T) {
	s := newServer(t)
	c := s.signedIn("alice@example.com")
	c.runs("todos", "add", evil, "--description", "-x\n+y\r\n"+evil, "--due", "2026-12-24 17:00")
	for name, args := range map[string][]string{"todos.csv": nil, "todos.json": nil, "excel.csv": {"--excel"}, "other": {"--format", "csv"}} {
		path := filepath.Join(t.TempDir(), name)
		c.runs(append([]string{"export", path}, args...)...)
		if _, said := c.runs("import", path); !strings.Contains(said, "0 added, 0 changed, 25 the same already.") {
			t.Errorf("%s: it said %q", name, said)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if mark := strings.HasPrefix(string(text), "\ufeffid,title,"); mark != (name == "excel.csv") {
			t.Errorf("%s begins with %.20q", name, text)
		}
	}
}

func TestATableOfAnotherProgramIsBroughtIn(t *testing.T) {
	s := newServer(t)
	c := s.signedIn("alice@example.com")
	status, _, stderr := c.run(strings.NewReader("Task;Done;Room;Due date\nWater the ferns;ja;hall;24.12.2026\n;nein;;\n"), "import", "-")
	for _, said := range []string{"Note: Columns that are not known were left out: Room.", "1 added, 0 changed, 0 the same already."} {
		if status != cli.ExitDone || !strings.Contains(stderr, said) {
			t.Errorf("status %d, it did not say %q: %s", status, said, stderr)
		}
	}
	if i := c.find("Water the ferns"); i == nil || !i.Completed || i.DueDate != "2026-12-24T00:00:00Z" {
		t.Errorf("it is %+v", i)
	}
}

func TestAnImportOfflineWaitsInTheOutbox(t *testing.T) {
	s := newServer(t)
	c := s.signedIn("alice@example.com")
	c.runs("todos")
	file := filepath.Join(t.TempDir(), "x.csv")
	if err := os.WriteFile(file, []byte("title\na\nb\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := answer[map[string]any](c, "import", file, "--offline"); got["added"] != 2.0 || !strings.Contains(got["status"].(string), "2 changes") {
		t.Errorf("got %v", got)
	}
	if n := len(c.outbox()); n != 2 {
		t.Errorf("%d wait", n)
	}
	c.runs("todos")
	if n := len(c.outbox()); n != 0 {
		t.Errorf("%d still wait", n)
	}
}

func TestABackupOfAnotherAccountNeedsAYes(t *testing.T) {
	s := newServer(t)
	alice := s.signedIn("alice@example.com")
	alice.runs("todos", "add", "Alice's own")
	backup := filepath.Join(t.TempDir(), "alice.json")
	alice.runs("export", backup, "--format", "backup")
	bob := s.signedIn("bob@example.com")
	bob.fails(cli.ExitFailed, "This is a backup of alice@example.com at the connection \"playground\", and you are signed in as bob@example.com", "import", backup)
	if bob.find("Alice's own") != nil {
		t.Fatal("it was brought in all the same")
	}
	if _, said := bob.runs("import", backup, "--dry-run"); !strings.Contains(said, "Note: This is a backup of alice@") || !strings.Contains(said, "1 would be added") {
		t.Errorf("it said %q", said)
	}
	bob.runs("import", backup, "--yes")
	if bob.find("Alice's own") == nil {
		t.Error("it was not brought in")
	}
}

func TestExportWritesOverNothingAndThroughNoLink(t *testing.T) {
	s := newServer(t)
	c := s.signedIn("alice@example.com")
	dir := t.TempDir()
	path, link := filepath.Join(dir, "todos.json"), filepath.Join(dir, "link.json")
	if err := os.WriteFile(path, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	c.fails(cli.ExitFailed, "is there already. Add --force to write over it.", "export", path)
	c.fails(cli.ExitFailed, "is a link", "export", link, "--force")
	c.fails(cli.ExitFailed, "is a folder", "export", dir, "--force")
	c.fails(cli.ExitFailed, "lies in a folder that is not there", "export", filepath.Join(dir, "no", "todos.json"))
	if text, _ := os.ReadFile(path); string(text) != "precious" {
		t.Fatalf("the file is %q", text)
	}
	c.runs("export", path, "--force")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the mode is %v: %v", info.Mode(), err)
	}
}

func TestS84_ExportToATerminalHoldsNothingThatItWouldObey(t *testing.T) {
	s := newServer(t)
	c := s.signedIn("alice@example.com")
	c.runs("todos", "add", evil)
	c.terminal = true
	out, _ := c.runs("export", "-")
	if strings.ContainsAny(out, "\x1b\u202e\u009b") || !strings.Contains(out, `"title":"=1+1;\"'\u001b[31m\u202eevil\u202c\u009b2J\tx"`) {
		t.Error(out)
	}
	c.fails(cli.ExitUsage, "a terminal would obey", "export", "-", "--format", "csv")
	c.terminal = false
	if out, _ = c.runs("export", "-", "--format", "csv"); !strings.Contains(out, "\x1b[31m") {
		t.Error("a pipe does not get the texts as they are")
	}
	status, _, stderr := c.run(strings.NewReader(out), "import", "-")
	if status != cli.ExitDone || !strings.Contains(stderr, "25 the same already") {
		t.Errorf("status %d: %s", status, stderr)
	}
}

func TestWhatIsWrongWithAFileIsSaidBeforeAnythingElse(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for path, says := range map[string]string{
		filepath.Join(dir, "missing.json"):       "does not exist",
		dir:                                      "is a folder",
		write("quote.csv", "title\nx\n\"y\n"):    "Line 3: a quote is opened there",
		write("cut.json", "{\"todos\":[\n{\"id"): "The file ends in the middle, in line 2",
		write("plain.txt", "buy milk\n"):         "no column is called",
	} {
		status, stdout, stderr := run(t, nil, "", "import", path)
		if status != cli.ExitFailed || stdout != "" || !strings.Contains(stderr, says) {
			t.Errorf("%s: status %d, %q", path, status, stderr)
		}
	}
}

func TestFilesNeedASession(t *testing.T) {
	s := newServer(t)
	c := s.computer("alice@example.com")
	for _, args := range [][]string{{"export", "-"}, {"outbox"}, {"outbox", "discard", "1"}, {"todos", "add", "x", "--offline"}} {
		c.fails(cli.ExitSignInNeeded, "You are not signed in", args...)
	}
}

func TestAnExportOfWhatIsHereIsWrittenAlthoughTheServerIsAway(t *testing.T) {
	s := newServer(t)
	c := s.signedIn("alice@example.com")
	c.runs("todos")
	path := filepath.Join(t.TempDir(), "todos.json")
	s.whileStopped(func() { c.fails(cli.ExitOffline, "24 to-dos written", "export", path) })
	if text, err := os.ReadFile(path); err != nil || strings.Count(string(text), `"id"`) != 24 {
		t.Errorf("the file is %.200q: %v", text, err)
	}
	got := answer[map[string]any](c, "export", path, "--force")
	delete(got, "status")
	if want := map[string]any{"file": path, "format": "json", "count": 24.0, "unsent": 0.0}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestR37_AnotherIdentityIsNamed(t *testing.T) {
	s := newServer(t)
	c := s.signedIn("alice@example.com")
	c.email = "bob@example.com"
	const says = "You are signed in as bob@example.com now, not as alice@example.com like before."
	if _, said := c.runs("sign-in"); !strings.Contains(said, says) {
		t.Errorf("said %q", said)
	}
	if _, said := c.runs("sign-in"); strings.Contains(said, "like before") {
		t.Errorf("said %q", said)
	}
}
