package gui

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"fyne.io/fyne/v2"
	"pgregory.net/rapid"

	"waybill/replica"
	"waybill/todo"
)

// inConflict makes the to-do with the id 2 one that was changed on both sides.
func (r *rig) inConflict() {
	r.putRow("2", func(row *replica.Row) {
		theirs := row.Todo
		theirs.Title, theirs.Due = "Ship release notes for 2.5", time.Time{}
		row.State, row.Theirs, row.Fields = replica.Conflict, &theirs, []todo.Field{todo.FieldTitle, todo.FieldDue}
	})
	r.click("2", false)
}

func TestAConflictShowsBothSides(t *testing.T) {
	for words, want := range map[string]string{"Keep mine": "resolve 2 0", "Keep theirs": "resolve 2 1", "Keep both": "resolve 2 2"} {
		t.Run(words, func(t *testing.T) {
			signedIn(t, func(r *rig) {
				r.inConflict()
				if r.rowWidget("2").shown.state != replica.Conflict {
					r.Error("the row is not marked")
				}
				for _, side := range []string{"Title here: Ship release notes for 2.4", "Title at the server: Ship release notes for 2.5", "Due date at the server: None"} {
					r.wantText(side)
				}
				r.tap(words)
				r.wantCalls(r.todos.called(), want)
			})
		})
	}
}

func TestBothVersionsAreComparedWithTheKeyboard(t *testing.T) {
	for key, want := range map[string]string{"m": "resolve 2 0", "t": "resolve 2 1", "b": "resolve 2 2"} {
		t.Run(key, func(t *testing.T) {
			signedIn(t, func(r *rig) {
				r.inConflict()
				r.typed("c")
				r.wantText("Two versions of “Ship release notes for 2.4”")
				r.wantText("On this computer: Ship release notes for 2.4")
				r.wantText("At the server: Ship release notes for 2.5")
				r.typed(key)
				r.wantCalls(r.todos.called(), want)
				r.wantNoText("Two versions")
			})
		})
	}
}

func TestEnterAloneLosesNeitherVersion(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.inConflict()
		r.typed("c")
		r.key(fyne.KeyEscape)
		r.wantCalls(r.todos.called())
		r.typed("c")
		r.key(fyne.KeyReturn)
		r.wantCalls(r.todos.called(), "resolve 2 2")
	})
}

func TestFieldsAreChosenOneByOne(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.inConflict()
		r.typed("c")
		if find(r, func(b *button) bool { return b.words == "Keep the mix" && b.Visible() }) != nil {
			r.Error("a mix is offered before anything was mixed")
		}
		theirs := find(r, func(b *choiceButton) bool { return b.words == "Theirs" })
		theirs[1].Tapped(nil) // the due date
		r.settle()
		r.tap("Keep the mix")
		r.wantCalls(r.todos.called(), "resolve 2 0", "update 2 [dueDate]")
		if got := r.todos.rows["2"].Todo; got.Title != "Ship release notes for 2.4" || !got.Due.IsZero() {
			r.Errorf("the to-do is %+v", got)
		}
	})
}

func TestTheVersionThatWasNotKeptCanBeHadBack(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.inConflict()
		r.tap("Keep theirs")
		r.wantText("Kept theirs")
		r.putRow("2", func(row *replica.Row) { *row = replica.Row{Todo: *row.Theirs} })
		r.tap("Undo")
		r.wantCalls(r.todos.called(), "resolve 2 1", "update 2 [title dueDate]")
		if got := r.todos.rows["2"].Todo; got.Title != "Ship release notes for 2.4" || got.Due.IsZero() {
			r.Errorf("the to-do is %+v", got)
		}
	})
}

func TestTheComparisonFollowsTheServer(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.inConflict()
		r.typed("c")
		r.putRow("2", func(row *replica.Row) {
			theirs := *row.Theirs
			theirs.Title = "Ship release notes for 3.0"
			row.Theirs = &theirs
		})
		r.wantText("At the server: Ship release notes for 3.0")
		r.putRow("2", func(row *replica.Row) { *row = replica.Row{Todo: *row.Theirs} })
		r.wantNoText("Two versions")
		if r.page().compare != nil {
			r.Error("the dialog is not over")
		}
	})
}

func TestTheOutboxLeadsToTheComparison(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.inConflict()
		r.openOutbox(renamed(4, "2", "Ship release notes", "Ship release notes for 2.4", replica.PendingConflict, "The same field was changed at the server too."))
		r.key(fyne.KeyReturn)
		r.wantText("Two versions of")
	})
}

// marked are the pieces of runs that differ, in brackets.
func marked(runs []run) string {
	words := ""
	for _, r := range runs {
		if r.differs {
			words += "[" + r.text + "]"
		} else {
			words += r.text
		}
	}
	return words
}

func TestWhatDiffersIsMarkedInWholeWords(t *testing.T) {
	for _, c := range []struct{ mine, theirs, markedMine, markedTheirs string }{
		{"Ship notes for 2.4", "Ship notes for 2.5", "Ship notes for 2.[4]", "Ship notes for 2.[5]"},
		{"Call Ann today", "Call Ann", "Call Ann[ today]", "Call Ann"},
		{"one two three", "one 2 3 three", "one [two] three", "one [2 3] three"},
		{"same", "same", "same", "same"},
		{"买牛奶和面包", "买牛奶", "买牛奶[和面包]", "买牛奶"},
		{"a\nb", "a\nc", "a\n[b]", "a\n[c]"},
	} {
		mine, theirs := difference(c.mine, c.theirs)
		if marked(mine) != c.markedMine || marked(theirs) != c.markedTheirs {
			t.Errorf("%q and %q are marked %q and %q", c.mine, c.theirs, marked(mine), marked(theirs))
		}
	}
}

// Whatever the texts are, none of their characters is lost, added or moved, and
// what is not marked is the same on both sides.
func TestTheDifferenceIsTrue(t *testing.T) {
	text := rapid.StringOf(rapid.SampledFrom([]rune("ab \n,é买\u202e")))
	rapid.Check(t, func(t *rapid.T) {
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		ofA, ofB := difference(a, b)
		strip := func(s string) string { return strings.NewReplacer("[", "", "]", "").Replace(s) }
		if strip(marked(ofA)) != a || strip(marked(ofB)) != b {
			t.Fatalf("%q and %q became %q and %q", a, b, marked(ofA), marked(ofB))
		}
		same := func(runs []run) string {
			words := ""
			for _, r := range runs {
				if !r.differs {
					words += r.text
				}
			}
			return strings.Join(strings.Fields(words), "")
		}
		if same(ofA) != same(ofB) {
			t.Fatalf("what %q and %q have in common is %q and %q", a, b, same(ofA), same(ofB))
		}
	})
}

func TestALongTextIsShortenedFarFromItsDifferences(t *testing.T) {
	long := strings.Repeat("word ", 40_000)
	mine, theirs := difference(long+"mine "+long, long+"theirs "+long)
	for whose, runs := range map[string][]run{"mine": shorten(mine, 60), "theirs": shorten(theirs, 60)} {
		all := ""
		for _, r := range runs {
			all += r.text
		}
		if n := utf8.RuneCountInString(all); n > 200 || !strings.Contains(all, whose) {
			t.Errorf("%s is %d characters: %q", whose, n, firstRunes(all, 300))
		}
	}
}
