package gui

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"waybill/archive"
	"waybill/auth"
	"waybill/fault"
	"waybill/replica"
	"waybill/session"
	"waybill/todo"
)

// The pictures below are drawn by Fyne's software painter with its bundled
// fonts and must match to the pixel. After a wanted change look at
// testdata/failed and move what is right to testdata.

// picture compares the window with its masters.
func (r *rig) picture(name string, in ...Appearance) {
	r.Helper()
	for _, a := range in {
		r.w.setAppearance(a)
		r.settle()
		size := r.w.Canvas().Size()
		r.w.win.Resize(size.SubtractWidthHeight(1, 1)) // wrapped text settles at the second layout
		r.w.win.Resize(size)
		test.AssertImageMatches(r.T, name+"-"+string(a)+".png", r.w.Canvas().Capture())
	}
}

func TestPictureOfTheToDos(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.w.win.Resize(fyne.NewSize(1000, 560))
		r.change(func() { r.todos.status.Sentence = "Synced 12:04 · 1 change waiting" })
		r.putRow("1", func(row *replica.Row) { row.State, row.Changed = replica.Waiting, noon.Add(-2*time.Minute) })
		r.click("1", false)
		r.picture("todos", AppearanceLight, AppearanceDark)
	})
}

func TestPictureOfAConflict(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.w.win.Resize(fyne.NewSize(1000, 560))
		r.change(func() {
			r.todos.status = replica.Status{Sentence: "2 changes need a look", Kind: replica.Attention, LastSync: noon}
		})
		r.putRow("2", func(row *replica.Row) {
			theirs := row.Todo
			theirs.Title = "Ship release notes for 2.5"
			row.State, row.Theirs, row.Fields = replica.Conflict, &theirs, []todo.Field{todo.FieldTitle}
		})
		r.putRow("3", func(row *replica.Row) { row.State = replica.Refused })
		r.click("2", false)
		r.picture("conflict", AppearanceDark)
	})
}

func TestPictureOfAReadOnlyListInANarrowWindow(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.w.win.Resize(fyne.NewSize(480, 520))
		r.change(func() { r.todos.writable, r.todos.why = false, "This server offers no way to change to-dos." })
		r.picture("narrow", AppearanceLight)
	})
}

func TestPictureOfHostileAndLongText(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.w.win.Resize(fyne.NewSize(1000, 560))
		r.change(func() {
			for i, title := range []string{
				"\x1b[31mred\x00 \u202egnp.exe", "![x](http://evil.example/p.png) **bold**", strings.Repeat("Z\u0351\u0327\u0310\u0352\u0353\u0354", 60),
				"Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz und Donaudampfschifffahrtsgesellschaftskapitän", "",
			} {
				id := string(rune('a' + i))
				r.todos.rows[id] = &replica.Row{Todo: todo.Todo{ID: id, Title: title, Tags: []string{"Geschwindigkeitsbegrenzung", strings.Repeat("tag", 90)}, Due: wholeDayAt(noon, 0)}}
			}
		})
		r.click("d", false)
		r.picture("hostile", AppearanceLight)
	})
}

func TestPictureOfNothingToShow(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.w.win.Resize(fyne.NewSize(1000, 560))
		r.change(func() { clear(r.todos.rows) })
		r.picture("empty", AppearanceLight)
	})
}

func TestPictureOfTheNotices(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.w.win.Resize(fyne.NewSize(1000, 560))
		r.change(func() {
			r.todos.removal = &replica.Removal{Missing: 25, Total: 60}
			r.todos.status = replica.Status{Sentence: "Sign in to send 3 changes", Kind: replica.SignIn, LastSync: noon}
		})
		r.b.update(func(s *session.State) {
			s.VaultMode, s.VaultReason = auth.VaultMemory, "This computer has no keyring, so you stay signed in only until Waybill is closed."
		})
		r.w.report(fault.New(fault.StepJWTBearer, fault.Config, "invalid_client", "The resource's authorization server did not accept this app.").
			WithRemedy("Check which client id and secret stand in which card."))
		r.settle()
		r.picture("notices", AppearanceLight, AppearanceDark)
	})
}

func TestPictureOfTheFirstRun(t *testing.T) {
	signedOut(t, func(r *rig) {
		r.w.win.Resize(fyne.NewSize(760, 520))
		r.picture("welcome", AppearanceLight, AppearanceDark)
	})
}

func TestPictureOfTheWait(t *testing.T) {
	signedOut(t, func(r *rig) {
		r.w.win.Resize(fyne.NewSize(760, 420))
		r.tap("Try the built-in playground")
		r.after(28 * time.Second)
		r.picture("waiting", AppearanceDark)
	})
}

func TestPictureOfAForm(t *testing.T) {
	signedOut(t, func(r *rig) {
		r.w.win.Resize(fyne.NewSize(900, 1340))
		r.byHand()
		r.fill("Client ID", 0, "client_1a2b-at-todo0")
		r.fill("Client ID", 1, "client_1a2b")
		r.fill("Client secret", 0, " secret")
		r.picture("form", AppearanceLight)
	})
}

// manyKindsOfChanges is an outbox with everything that can be in one.
func manyKindsOfChanges() []replica.Pending {
	due, priority, title := wholeDayAt(noon, 4), todo.High, "Buy oat milk"
	conflict := renamed(9, "6", "Read the draft", "Read draft-ietf-oauth-identity-assertion-authz-grant", replica.PendingConflict, "The same field was changed at the server too.")
	return append(threeChanges(), conflict,
		replica.Pending{Number: 4, What: "Edit", Title: "Book travel for the identity summit", State: replica.PendingSending, Why: "It is being sent.",
			Edit: todo.Edit{ID: "4", Op: todo.Update, At: noon.Add(-2 * time.Minute), Patch: todo.Patch{Priority: &priority, Due: &due}, Base: todo.Todo{Priority: todo.Medium}}},
		replica.Pending{Number: 5, What: "Add", Title: title, Why: "It is sent at the next sync.", Edit: todo.Edit{ID: "n", Op: todo.Create, At: noon, Patch: todo.Patch{Title: &title, Due: &due}}},
		replica.Pending{Number: 6, What: "Delete", Title: "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz und Donaudampfschifffahrt", Why: "It is sent at the next sync.",
			Edit: todo.Edit{ID: "8", Op: todo.Delete, At: noon.Add(-20 * time.Hour)}})
}

func TestPictureOfTheOutbox(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.w.win.Resize(fyne.NewSize(1180, 640))
		changes := manyKindsOfChanges()
		r.change(func() {
			r.todos.status = replica.Status{Sentence: "2 changes need a look", Kind: replica.Attention, LastSync: noon, Waiting: 4, Look: 2}
		})
		r.putRow("2", func(row *replica.Row) { row.State, row.Fault = replica.Refused, changes[1].Fault })
		r.openOutbox(changes...)
		r.picture("outbox", AppearanceLight)
	})
}

func TestPictureOfTheOutboxInANarrowWindow(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.w.win.Resize(fyne.NewSize(360, 640))
		r.openOutbox(manyKindsOfChanges()...)
		r.picture("outbox-narrow", AppearanceDark)
	})
}

func TestPictureOfBothVersions(t *testing.T) {
	for name, size := range map[string]fyne.Size{"compare": fyne.NewSize(1000, 660), "compare-narrow": fyne.NewSize(360, 640)} {
		signedIn(t, func(r *rig) {
			r.putRow("1", func(row *replica.Row) {
				theirs := row.Todo
				theirs.Title, theirs.Due = "Rotate the production signing keys", wholeDayAt(noon, 2)
				theirs.Description = "Old kid stays in JWKS for 48 h so cached ID tokens still verify. Tell Maren."
				row.State, row.Theirs, row.Fields = replica.Conflict, &theirs, []todo.Field{todo.FieldTitle, todo.FieldDescription, todo.FieldDue}
			})
			r.w.win.Resize(size)
			r.click("1", false)
			r.page().openConflict()
			r.settle()
			r.picture(name, AppearanceLight)
		})
	}
}

// documents is a home folder with files in it that are always the same.
func (r *rig) documents() {
	r.Helper()
	home := r.TempDir()
	r.Setenv("HOME", home)
	r.Setenv("XDG_CONFIG_HOME", filepath.Join(home, ".config"))
	for _, name := range []string{"Desktop/", "Downloads/", "Documents/Identity summit/", "Documents/Releases/", "Documents/to-dos of the team.csv",
		"Documents/waybill-2026-10-30.json", "Documents/" + german + ".csv"} {
		path := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			r.Fatal(err)
		}
		if strings.HasSuffix(name, "/") {
			_ = os.Mkdir(path, 0o700)
			continue
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			r.Fatal(err)
		}
		_ = os.Chtimes(path, noon, noon.AddDate(0, 0, -24))
	}
}

func TestPictureOfAnExport(t *testing.T) {
	for name, size := range map[string]fyne.Size{"export": fyne.NewSize(1000, 660), "export-narrow": fyne.NewSize(360, 640)} {
		signedIn(t, func(r *rig) {
			r.documents()
			r.w.win.Resize(size)
			r.command("export")
			r.picture(name, AppearanceLight)
		})
	}
}

func TestPictureOfAnImport(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.documents()
		r.w.win.Resize(fyne.NewSize(1000, 660))
		r.command("import")
		r.key(fyne.KeyDown)
		r.key(fyne.KeyDown)
		r.key(fyne.KeyDown)
		r.picture("import", AppearanceDark)
	})
}

// somethingIncoming is a backup of another account that does not bring all in.
func somethingIncoming() incoming {
	file := &archive.File{Format: archive.Backup, Header: archive.Header{Made: noon.AddDate(0, 0, -24), Connection: "office", Issuer: "https://idp.example", Subject: "bob", Email: "bob@example.com"},
		Notices: []string{"2 to-dos without a title left out (the first in line 12).", "1 to-do read without the due date, which is not understood (line 9)."}}
	other := fault.New(fault.StepSetup, fault.Failed, "other_account", "This is a backup of bob@example.com at the connection \"office\", and you are signed in as alice@example.com at the connection \"playground\".")
	return incoming{name: "waybill-backup-2026-10-30.json", file: file, other: other, would: replica.Compared{Added: 12, Changed: 3, Same: 40}}
}

func TestPictureOfWhatAnImportWouldChange(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.w.win.Resize(fyne.NewSize(760, 560))
		r.page().preview(somethingIncoming())
		r.picture("preview", AppearanceLight)
		r.key(fyne.KeyEscape)
		in := somethingIncoming() // of this account, and all of it
		in.other, in.file.Header.Email, in.file.Notices = nil, "alice@example.com", nil
		r.page().preview(in)
		r.picture("preview-own", AppearanceDark)
	})
}

func TestPictureOfTheSettings(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.w.win.Resize(fyne.NewSize(1000, 560))
		r.press(ctrl, fyne.KeyComma)
		r.picture("settings", AppearanceDark)
	})
}
