package gui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"

	"waybill/fault"
	"waybill/replica"
	"waybill/todo"
)

// renamed is a change of a to-do's title, as the outbox lists it.
func renamed(number uint64, id, before, after string, state replica.PendingState, why string) replica.Pending {
	return replica.Pending{
		Number: number, What: "Rename", Title: after, State: state, Why: why,
		Edit: todo.Edit{ID: id, Op: todo.Update, Patch: todo.Patch{Title: &after}, Base: todo.Todo{Title: before}, At: noon.Add(-time.Hour)},
	}
}

// threeChanges are one that waits, one that was refused, one that was discarded.
func threeChanges() []replica.Pending {
	refused := renamed(2, "2", "Ship release notes", "Ship release notes for 2.4", replica.PendingRefused, "The server does not take it as it is.")
	refused.Fault = fault.New(fault.StepCall, fault.Invalid, "invalid", "The server does not take this title.").WithServer(422, "title too long")
	return []replica.Pending{
		renamed(1, "1", "Rotate the keys", "Rotate the staging signing keys", replica.PendingWaiting, "It is sent at the next sync."),
		refused,
		renamed(3, "3", "Review", "Review the ID-JAG policy with IT", replica.PendingDiscarded, "You discarded it."),
	}
}

// openOutbox opens it with these changes.
func (r *rig) openOutbox(pending ...replica.Pending) *outbox {
	r.Helper()
	r.todos.pending = pending
	r.press(ctrl, fyne.KeyO)
	if r.page().outbox == nil {
		r.Fatal("the outbox is not open")
	}
	return r.page().outbox
}

func (r *rig) wantChanges(numbers ...uint64) {
	r.Helper()
	var got []uint64
	for _, c := range r.page().outbox.list.rows {
		got = append(got, c.Number)
	}
	if fmt.Sprint(got) != fmt.Sprint(numbers) {
		r.Fatalf("the outbox lists %v, want %v", got, numbers)
	}
}

func TestTheOutboxSaysWhatWhenAndWhy(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.openOutbox(threeChanges()...)
		r.wantChanges(2, 1, 3) // what needs a look first, what was discarded last
		for _, words := range []string{
			"Rename “Ship release notes for 2.4”", "Was “Ship release notes”", "The server's own words: “title too long”",
			"Rename “Rotate the staging signing keys”", "It is sent at the next sync.", "1 h ago", "You discarded it.",
		} {
			r.wantText(words)
		}
		if got := r.page().chosen; got != "2" {
			r.Errorf("the details show %q, want the to-do of the first change", got)
		}
	})
}

func TestTheOutboxFollowsTheReplica(t *testing.T) {
	signedIn(t, func(r *rig) {
		test.Tap(r.page().status.sentence)
		r.settle()
		r.wantText("Every change is at the server")
		r.change(func() {
			r.todos.status = replica.Status{Sentence: "Offline. 1 change saved on this computer", Kind: replica.Offline, Waiting: 1, LastSync: noon,
				Fault: fault.New(fault.StepCall, fault.Offline, "timeout", "The server did not answer in time.")}
			r.todos.pending = threeChanges()[:1]
		})
		r.wantText("Rename “Rotate the staging signing keys”")
		r.wantText("Offline. 1 change saved on this computer. The server did not answer in time.")
		if item := r.page().sidebar.outbox; !item.Visible() || item.count != 1 || !item.on {
			r.Errorf("the sidebar's entry is %+v", item)
		}
		r.key(fyne.KeyEscape)
		r.wantNoText("Rename “Rotate")
		if r.page().outbox != nil || !r.page().sidebar.outbox.Visible() {
			r.Error("the list is not back, or the way to the outbox is gone though a change waits")
		}
		r.change(func() {
			r.todos.status, r.todos.pending = replica.Status{Sentence: "Synced 12:04", LastSync: noon}, nil
		})
		if r.page().sidebar.outbox.Visible() {
			r.Error("the sidebar offers an empty outbox")
		}
	})
}

func TestR33_ARefusedChangeSaysWhyAndWhatCanBeDone(t *testing.T) {
	signedIn(t, func(r *rig) {
		changes := threeChanges()
		r.todos.pending = changes
		r.putRow("2", func(row *replica.Row) { row.State, row.Fault = replica.Refused, changes[1].Fault })
		r.click("2", false)
		r.wantText("The server does not take this title.")
		r.wantText("title too long")
		r.tap("What can be done")
		if c := r.page().chosenChange(); c == nil || c.Number != 2 {
			r.Fatalf("the chosen change is %+v", c)
		}
		r.typed("r")
		r.wantCalls(r.todos.called(), "retry 2")
		r.typed("r") // it waits now
		r.wantCalls(r.todos.called(), "retry 2")
	})
}

func TestADiscardIsTakenBackByKeyAndByToast(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.openOutbox(threeChanges()...)
		r.key(fyne.KeyDelete)
		r.wantText("Discarded: Rename “Ship release notes for 2.4”")
		r.wantChanges(1, 2, 3)
		if c := r.page().chosenChange(); c.Number != 1 {
			r.Errorf("after the discard change %d is chosen, want the next one", c.Number)
		}
		r.press(ctrl, fyne.KeyZ)
		r.wantCalls(r.todos.called(), "discard 2", "restore 2")
		r.key(fyne.KeyDelete)
		r.tap("Undo")
		r.wantCalls(r.todos.called(), "discard 2", "restore 2", "discard 1", "restore 1")
		r.press(ctrl, fyne.KeyZ) // nothing is left to take back
		r.wantCalls(r.todos.called(), "discard 2", "restore 2", "discard 1", "restore 1")
	})
}

func TestADiscardedCreationTakesItsLaterChangesAlongAndBack(t *testing.T) {
	signedIn(t, func(r *rig) {
		title := "New"
		create := replica.Pending{Number: 4, What: "Add", Title: title, Edit: todo.Edit{ID: "n", Op: todo.Create, Patch: todo.Patch{Title: &title}, At: noon}}
		r.openOutbox(create, renamed(5, "n", "New", "Newer", replica.PendingWaiting, ""), renamed(6, "1", "a", "b", replica.PendingWaiting, ""))
		r.key(fyne.KeyDelete)
		r.tap("Undo")
		r.wantCalls(r.todos.called(), "discard 4", "restore 4", "restore 5")
	})
}

func TestUndoAfterAnotherEditIsThatEdits(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.openOutbox(threeChanges()...)
		r.key(fyne.KeyDelete)
		r.todos.undo = "Rename"
		r.page().update("1", todo.Patch{Title: new(string)}, nil)
		r.settle()
		r.press(ctrl, fyne.KeyZ)
		r.wantCalls(r.todos.called(), "discard 2", "update 1 [title]", "undo")
	})
}

func TestAllThatWasRefusedIsTriedAgain(t *testing.T) {
	signedIn(t, func(r *rig) {
		o := r.openOutbox(threeChanges()...)
		if o.retry.Visible() {
			r.Error("one refused change is offered to be tried again twice")
		}
		more := threeChanges()[1]
		more.Number = 7
		r.change(func() { r.todos.pending = append(r.todos.pending, more) })
		r.tap("Try all again")
		r.wantCalls(r.todos.called(), "retry 2", "retry 7")
	})
}

func TestTheOutboxIsWorkedWithTheKeyboard(t *testing.T) {
	signedIn(t, func(r *rig) {
		o := r.openOutbox(threeChanges()...)
		if r.w.Canvas().Focused() != fyne.Focusable(o.list) {
			r.Fatalf("a %T has the focus", r.w.Canvas().Focused())
		}
		for _, step := range []struct {
			key  fyne.KeyName
			want uint64
		}{{fyne.KeyDown, 1}, {fyne.KeyEnd, 3}, {fyne.KeyUp, 1}, {fyne.KeyHome, 2}, {fyne.KeyPageDown, 3}, {fyne.KeyPageUp, 2}} {
			r.key(step.key)
			if o.list.chosen != step.want {
				r.Fatalf("after %s change %d is chosen, want %d", step.key, o.list.chosen, step.want)
			}
		}
		r.key(fyne.KeyEnd)
		r.key(fyne.KeyDelete) // it is discarded already
		r.typed("b")
		r.wantCalls(r.todos.called(), "restore 3")
		r.key(fyne.KeyEscape)
		if r.page().outbox != nil || r.w.Canvas().Focused() != fyne.Focusable(r.page().list) {
			r.Error("Escape does not lead back to the list")
		}
	})
}

func TestAChangeWithoutItsToDoCanBeChosen(t *testing.T) {
	signedIn(t, func(r *rig) {
		gone := replica.Pending{Number: 9, What: "Delete", Title: "Gone \u202e\x1b[31m", Edit: todo.Edit{ID: "gone", Op: todo.Delete, At: noon}}
		r.openOutbox(gone)
		r.key(fyne.KeyReturn)
		r.wantText("Choose a to-do")
		r.wantText("Delete “Gone \u25a1[31m”")
	})
}

// What is typed into the details while the outbox is open is kept when it is left.
func TestLeavingTheOutboxKeepsWhatIsTyped(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.openOutbox(threeChanges()...)
		r.w.Canvas().Focus(r.page().details.description.field)
		r.typed("Typed.")
		r.tap("Completed")
		r.wantCalls(r.todos.called(), "update 2 [description]")
	})
}

func TestTenThousandChangesNeedOnlyTheRowsOnScreen(t *testing.T) {
	signedIn(t, func(r *rig) {
		var many []replica.Pending
		for i := range 10_000 {
			many = append(many, renamed(uint64(i+1), "1", "Before", strings.Repeat("Ein langer Titel ", 1+i%40), replica.PendingWaiting, "It is sent at the next sync."))
		}
		o := r.openOutbox(many...)
		r.key(fyne.KeyEnd)
		r.key(fyne.KeyPageUp)
		if n := len(find(r, func(*changeRow) bool { return true })); n > 16 {
			r.Errorf("%d rows have widgets", n)
		}
		if o.list.chosen < 9_980 || o.list.chosen == 10_000 {
			r.Errorf("change %d is chosen", o.list.chosen)
		}
	})
}

func TestTheExactTimeIsShownWhereThePointerRests(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.openOutbox(threeChanges()[0])
		row := find(r, func(*changeRow) bool { return true })[0]
		at := fyne.NewPos(row.Size().Width-20, 12)
		row.MouseIn(&desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: at, AbsolutePosition: at}})
		r.wantNoText("Mon 23 Nov 2026, 11:05:00")
		r.after(tipDelay)
		r.wantText("Mon 23 Nov 2026, 11:05:00")
		row.MouseOut()
		r.wantNoText("Mon 23 Nov 2026, 11:05:00")
	})
}

func TestAMarkSaysWhatItMeans(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.putRow("1", func(row *replica.Row) { row.State, row.Changed = replica.Waiting, noon })
		row := r.rowWidget("1")
		if label := row.AccessibilityLabel(); !strings.Contains(label, "Not synced yet.") {
			r.Errorf("the row is called %q", label)
		}
		if label := r.rowWidget("2").AccessibilityLabel(); strings.Contains(label, "sync") {
			r.Errorf("a row that is synced is called %q", label)
		}
		at := fyne.NewPos(row.Size().Width-10, 12)
		row.MouseIn(&desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: at, AbsolutePosition: at}})
		r.after(tipDelay)
		r.wantText("Not synced yet. It is saved on this computer.")
		row.MouseMoved(&desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(100, 12)}})
		r.wantNoText("Not synced yet.")
	})
}

// In a narrow window the reason that a change waits for can be read: its buttons
// are not beside it but below.
func TestInANarrowWindowTheReasonIsNotCut(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.w.win.Resize(fyne.NewSize(360, 640))
		r.openOutbox(threeChanges()...)
		for _, row := range find(r, func(*changeRow) bool { return true }) {
			why := test.WidgetRenderer(row).(*changeRowRenderer).why
			if why.Text != row.shown.why {
				t.Errorf("%q is cut to %q", row.shown.why, why.Text)
			}
			for _, b := range row.buttons {
				if b.Visible() && b.Position().Y < why.Position().Y+why.Size().Height {
					t.Errorf("%q lies beside the words", b.words)
				}
			}
		}
	})
}
