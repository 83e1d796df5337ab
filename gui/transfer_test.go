package gui

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"

	"waybill/archive"
	"waybill/replica"
	"waybill/session"
	"waybill/todo"
)

// inFolder makes the folder the one that was used last, with these files in it.
func (r *rig) inFolder(files map[string]string) string {
	r.Helper()
	dir := r.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			r.Fatal(err)
		}
	}
	r.app.Preferences().SetString(folderKey, dir)
	return dir
}

// command runs a command and lets it come to rest.
func (r *rig) command(id string) {
	r.Helper()
	if !r.w.doCommand(r.w.command(id)) {
		r.Fatalf("%q cannot be run now", id)
	}
	r.settle()
}

// name types another name into the field of the chooser, and Enter.
func (r *rig) name(words string) {
	r.Helper()
	r.focusedField().TypedShortcut(&fyne.ShortcutSelectAll{})
	r.typed(words)
	r.key(fyne.KeyReturn)
}

func (r *rig) contentOf(path string) *archive.File {
	r.Helper()
	f, err := os.Open(path)
	if err != nil {
		r.Fatal(err)
	}
	defer f.Close()
	got, err := archive.Read(f)
	if err != nil {
		r.Fatal(err)
	}
	return got
}

func titlesOf(list []todo.Todo) string {
	titles := make([]string, len(list))
	for i, t := range list {
		titles[i] = t.Title
	}
	return strings.Join(titles, ", ")
}

// What was typed a moment ago is in the file, sent or not.
func TestAnExportHoldsWhatIsOnScreen(t *testing.T) {
	for name, want := range map[string]archive.Format{"mine": archive.JSON, "mine.json": archive.JSON, "mine.csv": archive.CSV, "mine.CSV": archive.CSV} {
		t.Run(name, func(t *testing.T) {
			overReplica(t, newToDoServer(keys()), func(r *rig, real *replica.Replica) {
				r.sync(real)
				dir := r.inFolder(nil)
				r.click("1", false)
				r.key(fyne.KeyF2)
				r.typed("Rotate all keys")
				r.w.doCommand(r.w.command("export")) // before the rename is on the disk
				r.settle()
				r.name(name)
				if len(r.w.sheets) != 0 {
					t.Fatalf("the dialog is still open: %s", r.text())
				}
				files, _ := os.ReadDir(dir)
				if len(files) != 1 {
					t.Fatalf("there are %v", files)
				}
				r.wantText("Exported 1 to-do to “" + files[0].Name() + "”")
				got := r.contentOf(filepath.Join(dir, files[0].Name()))
				if got.Format != want || titlesOf(got.Todos) != "Rotate all keys" {
					t.Errorf("it is %s and holds %+v", got.Format, got.Todos)
				}
				if info, _ := files[0].Info(); info.Mode().Perm()&0o077 != 0 {
					t.Errorf("others may read it: %v", info.Mode())
				}
			})
		})
	}
}

func TestTheFormatChangesTheEnding(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.inFolder(nil)
		r.press(ctrl, fyne.KeyE)
		f := r.focusedField()
		if f.Text != "waybill-2026-11-23.json" {
			t.Errorf("the name is %q", f.Text)
		}
		r.tap("CSV, for spreadsheets")
		if f.Text != "waybill-2026-11-23.csv" {
			t.Errorf("the name is %q", f.Text)
		}
	})
}

// No file is lost without a question, and Enter alone answers it with no.
func TestAFileIsNotReplacedUnasked(t *testing.T) {
	for press, want := range map[string]string{"Keep it": "precious", "": "precious", "Replace it": "Rotate the keys"} {
		t.Run(press, func(t *testing.T) {
			overReplica(t, newToDoServer(keys()), func(r *rig, real *replica.Replica) {
				r.sync(real)
				path := filepath.Join(r.inFolder(map[string]string{"mine.json": "precious"}), "mine.json")
				r.command("export")
				r.name("mine")
				r.wantText("Replace “mine.json”?")
				if press == "" {
					r.key(fyne.KeyReturn)
				} else {
					r.tap(press)
				}
				if got, _ := os.ReadFile(path); !strings.Contains(string(got), want) {
					t.Errorf("the file holds %q", got)
				}
				if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(left) != 1 {
					t.Errorf("the folder holds %q", left)
				}
			})
		})
	}
}

// A place that cannot be written is said in a sentence, in the dialog, where
// another one can be chosen.
func TestWhereNothingCanBeWrittenIsSaid(t *testing.T) {
	signedIn(t, func(r *rig) {
		dir := r.inFolder(nil)
		r.command("export")
		r.name("gone/mine.json")
		r.wantText("mine.json lies in a folder that is not there, so nothing is written there. Choose another name.")
		r.name("gone/")
		r.wantText("There is no folder “gone” here.")
		r.name(filepath.Join(dir, "mine.json"))
		r.wantText("Exported 8 to-dos")
	})
}

// A backup has what was not sent, and whose it is; brought back it changes what
// has changed since, adds what is gone, and one Undo takes all of it back.
func TestABackupIsRestored(t *testing.T) {
	s := newToDoServer(keys(), todo.Todo{ID: "2", Title: "Buy milk"}, todo.Todo{ID: "3", Title: "Call Ann"})
	overReplica(t, s, func(r *rig, real *replica.Replica) {
		r.sync(real)
		path := filepath.Join(r.inFolder(nil), "b.json")
		r.command("back-up")
		r.name("b")
		r.wantText("Backed up 3 to-dos")
		s.change("1", func(t *todo.Todo) { t.Title = "Something else" })
		s.remove("2")
		r.sync(real)

		r.command("restore-backup")
		r.typed("b")
		r.key(fyne.KeyReturn)
		r.wantText("A backup of alice@example.com at playground, made Mon 23 Nov 2026, 12:05.")
		r.wantText("1 new, 1 changed, 1 the same.")
		if len(real.Outbox()) != 0 {
			t.Fatal("something was changed before it was asked")
		}
		r.key(fyne.KeyReturn)
		r.wantText("Restored: 1 new, 1 changed")
		r.sync(real)
		if got := titlesOf(s.items); got != "Rotate the keys, Call Ann, Buy milk" {
			t.Errorf("the server has %s", got)
		}
		r.tap("Undo")
		r.sync(real)
		if got := titlesOf(s.items); got != "Something else, Call Ann" {
			t.Errorf("after Undo the server has %s", got)
		}
		if file := r.contentOf(path); file.Format != archive.Backup || file.Header.Subject != "alice" || file.Header.By != "Waybill 1.2.3" {
			t.Errorf("%+v", file)
		}
	})
}

// Somebody else's backup is not mixed into one's own to-dos by a press on Enter.
func TestABackupOfAnotherAccountIsAskedAbout(t *testing.T) {
	overReplica(t, newToDoServer(keys()), func(r *rig, real *replica.Replica) {
		r.sync(real)
		r.inFolder(nil)
		r.command("back-up")
		r.name("b")
		r.b.update(func(s *session.State) {
			account := *s.Account
			account.Identity.Subject, account.Identity.Email = "bob", "bob@example.com"
			s.Account = &account
		})
		r.settle()
		r.isRow(real, "Rotate the keys")
		if err := real.Delete(r.Context(), "1"); err != nil {
			t.Fatal(err)
		}
		r.command("restore-backup")
		r.typed("b")
		r.key(fyne.KeyReturn)
		r.wantText("This is a backup of alice@example.com, and you are signed in as bob@example.com. Its to-dos would be added to yours.")
		r.key(fyne.KeyReturn)
		if len(r.w.sheets) != 0 || len(real.Snapshot().Rows) != 0 {
			t.Fatalf("%d sheets, %d to-dos", len(r.w.sheets), len(real.Snapshot().Rows))
		}
		r.command("restore-backup")
		r.typed("b")
		r.key(fyne.KeyReturn)
		r.tap("Restore 1 to-do")
		r.isRow(real, "Rotate the keys")
	})
}

func TestATableFromAnotherProgramIsImported(t *testing.T) {
	overReplica(t, newToDoServer(keys()), func(r *rig, real *replica.Replica) {
		r.sync(real)
		r.inFolder(map[string]string{"list.csv": "Title,Due date\nBuy milk,2026-12-01\n ,2026-12-02\nRotate the keys,\n", "notes.txt": "no"})
		r.press(ctrl, fyne.KeyI)
		if got := find(r, func(*entryRow) bool { return true }); len(got) != 1 || got[0].label != "list.csv" {
			t.Errorf("%d files are shown", len(got))
		}
		r.key(fyne.KeyDown)
		r.key(fyne.KeyReturn)
		r.wantText("Import “list.csv”?")
		r.wantText("1 new, 1 the same.")
		r.wantText("without a title left out")
		r.tap("Import 1 to-do")
		r.wantText("Imported: 1 new")
		if due := r.isRow(real, "Buy milk").Todo.Due; due.Format(time.DateOnly) != "2026-12-01" {
			t.Errorf("it is due %v", due)
		}
		r.press(ctrl, fyne.KeyI)
		r.key(fyne.KeyDown)
		r.key(fyne.KeyReturn)
		r.wantText("Nothing to import")
		r.wantText("Its 2 to-dos are here already, and the same.")
		r.key(fyne.KeyReturn)
		if len(r.w.sheets) != 0 || len(real.Snapshot().Rows) != 2 {
			t.Errorf("%d sheets, %d to-dos", len(r.w.sheets), len(real.Snapshot().Rows))
		}
	})
}

// What cannot be read is said in the dialog, which stays.
func TestAFileThatIsNoListIsSaid(t *testing.T) {
	for text, want := range map[string]string{"": "The file is empty.", `{"todos": 3}`: "no to-dos are in it", "\xff\xfea": "The file is written in UTF-16."} {
		signedIn(t, func(r *rig) {
			r.inFolder(map[string]string{"list.json": text, "another list.json": "[]"})
			r.command("import")
			r.key(fyne.KeyDown)
			r.key(fyne.KeyDown)
			r.key(fyne.KeyReturn)
			r.wantText(want)
			if len(r.w.sheets) != 1 || r.page().todos.(*fakeTodos).called() != nil {
				t.Errorf("%q: %d sheets, called %q", text, len(r.w.sheets), r.todos.called())
			}
			r.name("other.json")
			r.wantText("There is no file “other.json” here.")
			r.name("list.json") // not the one whose name only ends so
			r.wantText(want)
		})
	}
}

// Escape ends what is under way: nothing is written, nothing is brought in.
func TestAnImportThatIsCancelledChangesNothing(t *testing.T) {
	overReplica(t, newToDoServer(), func(r *rig, real *replica.Replica) {
		r.sync(real)
		list, _ := json.Marshal([]map[string]string{{"title": "Buy milk"}})
		r.inFolder(map[string]string{"list.json": string(list)})
		r.command("import")
		r.key(fyne.KeyDown)
		r.focusedField().TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn}) // not settled: it is being read
		r.w.escape()
		r.settle()
		if len(r.w.sheets) != 0 || len(real.Snapshot().Rows) != 0 {
			t.Errorf("%d sheets, %d to-dos", len(r.w.sheets), len(real.Snapshot().Rows))
		}
	})
}

func TestTheChooserIsWorkedWithTheKeyboard(t *testing.T) {
	signedIn(t, func(r *rig) {
		dir := r.inFolder(map[string]string{"a.json": "[]", "b.csv": "title\n", ".hidden.json": ""})
		for _, folder := range []string{"work", "work/deep", ".git"} {
			if err := os.Mkdir(filepath.Join(dir, folder), 0o700); err != nil {
				r.Fatal(err)
			}
		}
		r.command("import")
		shows := func(want string) {
			t.Helper()
			var names []string
			for _, row := range find(r, func(*entryRow) bool { return true }) {
				names = append(names, row.label)
			}
			if got := strings.Join(names, " "); got != want {
				t.Fatalf("the folder shows %q, want %q", got, want)
			}
		}
		shows("work a.json b.csv")
		r.typed("b.c")
		shows("b.csv")
		r.typed("x")
		shows("")
		r.wantText("Nothing here is called that.")
		r.name("work")
		shows("deep")
		r.key(fyne.KeyBackspace)
		shows("work a.json b.csv")
		r.key(fyne.KeyDown)
		r.key(fyne.KeyReturn)
		shows("deep")
		r.name("..")
		shows("work a.json b.csv")
		r.name(filepath.Join(dir, "work", "deep"))
		shows("")
		r.wantText("No JSON or CSV files here.")
		r.key(fyne.KeyEscape)
		r.wantNoText("Import to-dos")
	})
}
