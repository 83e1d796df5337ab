package gui

import (
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"waybill/replica"
	"waybill/todo"
)

// describe puts the cursor into the description of the first to-do.
func (r *rig) describe() *field {
	r.Helper()
	r.click("1", false)
	f := r.page().details.description.field
	r.w.Canvas().Focus(f)
	f.CursorRow, f.CursorColumn = 0, 0
	return f
}

func TestADescriptionSavesItselfWhenTypingStops(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.describe()
		r.typed("First. ")
		r.after(typingPause / 2)
		r.wantCalls(r.todos.called())
		r.after(typingPause)
		r.wantCalls(r.todos.called(), "update 1 [description]")
		if got := r.todos.rows["1"].Todo.Description; !strings.HasPrefix(got, "First. Old kid") {
			r.Errorf("saved %q", got)
		}
		r.typed("Second. ")
		r.after(2 * typingPause)
		r.wantCalls(r.todos.called(), "update 1 [description]", "update 1 [description]")
	})
}

func TestWhatIsTypedIsNotRewrittenUnderTheCursor(t *testing.T) {
	signedIn(t, func(r *rig) {
		f := r.describe()
		r.typed("Mine. ")
		r.putRow("1", func(row *replica.Row) { row.Todo.Description = "Theirs"; row.Todo.Title = "Their title" })
		if !strings.HasPrefix(f.Text, "Mine. Old kid") {
			r.Fatalf("the field holds %q", f.Text)
		}
		r.wantText("Their title") // what is not being edited follows
	})
}

func TestWhatIsTypedIsSavedWhenTheWindowCloses(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.describe()
		r.typed("Last words. ")
		r.w.Close()
		r.wantCalls(r.todos.called(), "update 1 [description]")
	})
}

func TestWhatIsTypedIsSavedWhenAnotherToDoIsChosen(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.describe()
		r.typed("More. ")
		r.click("2", false)
		r.wantCalls(r.todos.called(), "update 1 [description]")
		if got := r.page().details.description.field.Text; got != "" {
			r.Errorf("the other to-do's description is %q", got)
		}
	})
}

func TestLookingAtADescriptionChangesNothing(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.putRow("1", func(row *replica.Row) { row.Todo.Description = "hidden \u202e sign\r\n" })
		r.describe()
		r.typed("x")
		r.key(fyne.KeyBackspace)
		r.after(2 * typingPause)
		r.click("2", false)
		r.wantCalls(r.todos.called())
	})
}

func TestAVeryLongDescriptionIsShownButNotEdited(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.putRow("1", func(row *replica.Row) { row.Todo.Description = strings.Repeat("word ", editMost) })
		r.click("1", false)
		r.wantText("This description is too long to be edited here.")
		if r.page().details.description.edit.Visible() {
			r.Error("it is in the field")
		}
	})
}

func TestF2Renames(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.key(fyne.KeyDown)
		r.key(fyne.KeyF2)
		f := r.focusedField()
		if f.Text != "Rotate the staging signing keys" || f.SelectedText() != f.Text {
			r.Fatalf("the field holds %q, selected %q", f.Text, f.SelectedText())
		}
		r.typed("Rotate all keys")
		r.key(fyne.KeyReturn)
		r.wantCalls(r.todos.called(), "update 1 [title]")
		r.wantText("Rotate all keys")
	})
}

func TestEscapeKeepsTheTitle(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.key(fyne.KeyDown)
		r.key(fyne.KeyF2)
		r.typed("Something else")
		r.key(fyne.KeyEscape)
		r.wantCalls(r.todos.called())
		r.wantText("Rotate the staging signing keys")
	})
}

func TestAnEmptyTitleIsNotSaved(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.key(fyne.KeyDown)
		r.key(fyne.KeyF2)
		r.key(fyne.KeyBackspace)
		r.typed("  ")
		r.key(fyne.KeyReturn)
		r.wantCalls(r.todos.called())
	})
}

func TestTagsAreEditedAsWords(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.click("1", false)
		r.page().details.tags.begin()
		r.settle()
		if got := r.focusedField().Text; got != "security" {
			r.Fatalf("the field holds %q", got)
		}
		r.typed("security, #urgent,, Security, two words ")
		r.key(fyne.KeyReturn)
		r.wantCalls(r.todos.called(), "update 1 [tags]")
		if got := strings.Join(r.todos.rows["1"].Todo.Tags, "|"); got != "security|urgent|two words" {
			r.Errorf("the tags are %q", got)
		}
	})
}

func TestATagThatCannotBeShownSurvivesAnEdit(t *testing.T) {
	before := []string{"a\u202eb", "c"}
	got := parseTags(todo.Line(before[0])+", c, d", before)
	if strings.Join(got, "|") != "a\u202eb|c|d" {
		t.Errorf("the tags became %q", got)
	}
}

// pick chooses an entry of the menu that is open.
func (r *rig) pick(below *valueButton, words string) {
	r.Helper()
	test.Tap(below)
	r.settle()
	top := r.w.Canvas().Overlays().Top()
	if top == nil {
		r.Fatal("no menu is open")
	}
	var item fyne.Tappable
	walk(top, func(o fyne.CanvasObject) {
		w, ok := o.(fyne.Tappable)
		if !ok {
			return
		}
		walk(o, func(inner fyne.CanvasObject) {
			if label, ok := inner.(interface{ AccessibilityLabel() string }); ok && label.AccessibilityLabel() == words {
				item = w
			}
		})
		if markup := test.RenderObjectToMarkup(o); strings.Contains(markup, ">"+words+"<") {
			item = w
		}
	})
	if item == nil {
		r.Fatalf("the menu does not offer %q", words)
	}
	test.Tap(item)
	r.settle()
}

func TestStatusPriorityAndDateAreChosenFromMenus(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.click("1", false)
		d := r.page().details
		r.pick(d.priority, "Low")
		r.pick(d.due, "Tomorrow")
		r.pick(d.status, "Completed")
		r.wantCalls(r.todos.called(), "update 1 [priority]", "update 1 [dueDate]", "update 1 [completed]")
		got := r.todos.rows["1"].Todo
		if got.Priority != todo.Low || !got.Completed || !got.Due.Equal(time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)) {
			r.Errorf("the to-do is %+v", got)
		}
	})
}

func TestTheDateIsTakenAway(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.click("1", false)
		r.pick(r.page().details.due, "No date")
		if !r.todos.rows["1"].Todo.Due.IsZero() {
			r.Error("the date is still there")
		}
	})
}

func TestTheAgeOfAChangeIsKeptUpToDate(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.putRow("1", func(row *replica.Row) { row.State, row.Changed = replica.Waiting, noon.Add(-2*time.Minute) })
		r.click("1", false)
		r.wantText("2 min ago on this computer")
		r.after(61 * time.Second)
		r.wantText("3 min ago on this computer")
	})
}

// The disk took its time: whoever goes on to another to-do meanwhile is not torn
// away from it.
func TestWhatWasAddedDoesNotTakeTheCursorAway(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.click("1", false)
		r.page().add("Buy milk")
		r.page().rename("1")
		r.settle()
		if r.page().chosen != "1" || r.focusedField() != r.page().details.title.field {
			t.Fatalf("%q is chosen, and %T has the focus", r.page().chosen, r.w.Canvas().Focused())
		}
		r.key(fyne.KeyEnd)
		r.typed(" today")
		r.key(fyne.KeyReturn)
		r.wantCalls(r.todos.called(), `add "Buy milk" []`, "update 1 [title]")
	})
}

// After a rename the keys are those of the list again: Space completes.
func TestARenameReturnsToTheListThatItCameFrom(t *testing.T) {
	for name, end := range map[string]fyne.KeyName{"kept": fyne.KeyReturn, "left": fyne.KeyEscape} {
		t.Run(name, func(t *testing.T) {
			signedIn(t, func(r *rig) {
				r.click("2", false)
				r.key(fyne.KeyF2)
				r.key(end)
				if r.w.Canvas().Focused() != r.page().list {
					t.Fatalf("%T has the focus", r.w.Canvas().Focused())
				}
				r.key(fyne.KeySpace)
				r.wantCalls(r.todos.called(), "update 2 [completed]")
			})
		})
	}
	signedIn(t, func(r *rig) { // where the details are in the list's place, the value keeps the focus
		r.w.win.Resize(fyne.NewSize(600, 600))
		r.click("2", false)
		r.page().focusList()
		r.key(fyne.KeyF2)
		r.key(fyne.KeyReturn)
		if r.w.Canvas().Focused() != r.page().details.title.view {
			t.Errorf("%T has the focus", r.w.Canvas().Focused())
		}
	})
}
