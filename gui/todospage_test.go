package gui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/widget"

	"waybill/fault"
	"waybill/replica"
	"waybill/session"
	"waybill/todo"
)

func TestTheListShowsTheDesign(t *testing.T) {
	signedIn(t, func(r *rig) {
		want := []string{"Rotate the staging signing keys", "Ship release notes for 2.4", "Review the ID-JAG policy with IT",
			"Book travel for the identity summit", "Clean up the demo tenant", "Read draft-ietf-oauth-identity-assertion-authz-grant",
			"Register the requesting app", "Write the onboarding guide"}
		if got := r.shown(); strings.Join(got, "|") != strings.Join(want, "|") {
			r.Fatalf("the list is %q", got)
		}
		if due := r.rowWidget("1").shown; due.due != "Yesterday" || !due.overdue {
			r.Errorf("the first row's date is %+v", due)
		}
		if who := r.page().sidebar.account; who.name != "alice@example.com" || who.initials != "AL" || who.connection != "Built-in playground" {
			r.Errorf("the account is %q, %q, %q", who.name, who.initials, who.connection)
		}
	})
}

func TestTypingInTheSearchFieldFilters(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.press(ctrl, fyne.KeyF)
		r.typed("signing")
		if got := r.shown(); len(got) != 1 || got[0] != "Rotate the staging signing keys" {
			r.Fatalf("found %q", got)
		}
		r.key(fyne.KeyEscape)
		if got := r.shown(); len(got) != 8 {
			r.Fatalf("after Escape the list has %d rows", len(got))
		}
	})
}

func TestASearchWithoutAHitSaysSo(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.press(ctrl, fyne.KeyF)
		r.typed("zzzz")
		r.wantText("Nothing matches “zzzz”")
		r.tap("Clear the search")
		if len(r.shown()) != 8 || r.page().query != "" {
			r.Fatalf("the search was not cleared")
		}
	})
}

func TestAnAnswerOfAnOlderSearchIsDropped(t *testing.T) {
	signedIn(t, func(r *rig) {
		p := r.page()
		p.setQuery("release")
		p.setQuery("travel") // before the first one was answered
		r.settle()
		if got := r.shown(); len(got) != 1 || got[0] != "Book travel for the identity summit" {
			r.Fatalf("found %q", got)
		}
	})
}

func TestEveryEmptyListSaysWhyItIsEmpty(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.change(func() {
			for id, row := range r.todos.rows {
				if row.Todo.Completed || id != "6" {
					delete(r.todos.rows, id)
				}
			}
		})
		r.tap("Due today")
		r.wantText("Nothing is due today")
		r.tap("Completed")
		r.wantText("Nothing is completed yet")
		r.putRow("6", func(row *replica.Row) { row.Todo.Completed = true })
		r.tap("To do")
		r.wantText("Everything is done")
		r.page().setFilter(todo.Filter{Tag: "gone"})
		r.settle()
		r.wantText("No to-do has the tag “gone”")
		r.tap("All")
		r.change(func() { clear(r.todos.rows) })
		r.wantText("No to-dos yet")
		r.change(func() {
			r.todos.status = replica.Status{Kind: replica.Offline, Sentence: "Offline. Nothing was fetched yet"}
		})
		r.wantText("Your to-dos could not be fetched yet")
		r.change(func() { r.todos.status = replica.Status{Kind: replica.Busy, Sentence: "Fetching"} })
		r.wantText("Fetching your to-dos")
	})
}

func TestTheCheckMarkCompletes(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.click("2", true)
		r.wantCalls(r.todos.called(), "update 2 [completed]")
		if !r.todos.rows["2"].Todo.Completed || r.page().chosen != "" {
			r.Fatal("the click on the check mark did not just complete the to-do")
		}
	})
}

func TestAClickBesideTheCheckMarkShowsTheDetails(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.click("1", false)
		r.wantCalls(r.todos.called())
		r.wantText("Sun 22 Nov (yesterday)")
		if got := r.page().details.description.field.Text; !strings.HasPrefix(got, "Old kid") {
			r.Fatalf("the description is %q", got)
		}
	})
}

func TestTheListIsWorkedWithTheKeyboard(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.key(fyne.KeyDown) // nothing has the focus: into the list
		p := r.page()
		if p.chosen != "1" || !p.list.focused {
			r.Fatalf("chosen is %q", p.chosen)
		}
		r.key(fyne.KeyDown)
		r.key(fyne.KeySpace)
		r.wantCalls(r.todos.called(), "update 2 [completed]")
		r.key(fyne.KeyEnd)
		if p.chosen != "8" {
			r.Fatalf("End chose %q", p.chosen)
		}
		r.key(fyne.KeyHome)
		r.key(fyne.KeyDelete)
		r.wantCalls(r.todos.called(), "update 2 [completed]", "delete 1")
		if p.chosen != "3" {
			r.Errorf("after the deletion %q is chosen, not its neighbour", p.chosen)
		}
		r.press(ctrl, fyne.KeyZ)
		r.press(ctrl|fyne.KeyModifierShift, fyne.KeyZ)
		r.wantCalls(r.todos.called(), "update 2 [completed]", "delete 1")
		r.change(func() {}) // the fake names nothing to undo: the commands stay off
	})
}

func TestUndoAndRedoAreCommands(t *testing.T) {
	signedIn(t, func(r *rig) {
		s := *r.todos.Snapshot()
		s.Undo, s.Redo = "Complete", "Rename"
		r.todos.snapshots.Store(&s)
		r.settle()
		r.press(ctrl, fyne.KeyZ)
		r.todos.snapshots.Store(&s)
		r.settle()
		r.press(ctrl|fyne.KeyModifierShift, fyne.KeyZ)
		r.wantCalls(r.todos.called(), "undo", "redo")
	})
}

func TestUndoInAFieldUndoesTyping(t *testing.T) {
	signedIn(t, func(r *rig) {
		s := *r.todos.Snapshot()
		s.Undo = "Complete"
		r.todos.snapshots.Store(&s)
		r.settle()
		r.typed("n")
		r.typed("milk")
		r.press(ctrl, fyne.KeyZ)
		if got := r.focusedField().Text; got != "" {
			r.Errorf("the field holds %q", got)
		}
		r.press(ctrl|fyne.KeyModifierShift, fyne.KeyZ)
		if got := r.focusedField().Text; got != "milk" {
			r.Errorf("after redo the field holds %q", got)
		}
		r.wantCalls(r.todos.called())
	})
}

func TestADeletedToDoCanBeBroughtBack(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.click("1", false)
		r.tap("Delete")
		r.wantText("Deleted “Rotate the staging signing keys”")
		r.tap("Undo")
		r.wantCalls(r.todos.called(), "delete 1", "undo")
		r.wantNoText("Deleted “")
	})
}

func TestTheOfferToUndoGoesAway(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.click("1", false)
		r.tap("Delete")
		r.after(toastTime + time.Second)
		r.wantNoText("Deleted “")
	})
}

func TestNAddsAToDo(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.typed("n")
		r.typed("  Buy milk ")
		r.key(fyne.KeyReturn)
		r.wantCalls(r.todos.called(), `add "Buy milk" []`)
		p := r.page()
		if p.chosen != "made-1" {
			r.Errorf("the new to-do is not chosen: %q", p.chosen)
		}
		if r.focusedField() != p.toolbar.add || p.toolbar.add.Text != "" {
			r.Error("the next one cannot be typed at once")
		}
		r.key(fyne.KeyReturn)
		r.wantCalls(r.todos.called(), `add "Buy milk" []`) // nothing is no to-do
	})
}

func TestANewToDoBelongsToTheListOnScreen(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.page().setFilter(todo.Filter{Tag: "home"})
		r.settle()
		r.page().add("Water the plants")
		r.settle()
		r.wantCalls(r.todos.called(), `add "Water the plants" [home]`)
		if got := r.shown(); len(got) != 2 {
			r.Errorf("it is not shown: %q", got)
		}
	})
}

func TestOnlyRowsThatChangedAreDrawnAnew(t *testing.T) {
	signedIn(t, func(r *rig) {
		drawn := map[string]int{}
		view := r.page().list.listActions.view
		r.page().list.listActions.view = func(row *replica.Row) rowView {
			drawn[row.Todo.ID]++
			return view(row)
		}
		r.putRow("4", func(row *replica.Row) { row.Todo.Title = "Book the train" })
		if fmt.Sprint(drawn) != "map[4:1]" {
			r.Errorf("drawn anew: %v", drawn)
		}
	})
}

func TestAStormOfSnapshotsIsCoalesced(t *testing.T) {
	signedIn(t, func(r *rig) {
		before := r.q.ran
		for i := range 200 {
			r.todos.change(func() {
				row := *r.todos.rows["2"]
				row.Todo.Title = fmt.Sprint("Title ", i)
				r.todos.rows["2"] = &row
			})
		}
		r.settle()
		if ran := r.q.ran - before; ran > 10 {
			r.Errorf("200 snapshots were shown one by one: %d calls", ran)
		}
		if got := r.shown()[1]; got != "Title 199" {
			r.Errorf("the last one is not shown but %q", got)
		}
	})
}

func TestTheChoiceStaysWithItsToDo(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.click("3", false)
		r.change(func() {
			r.todos.rows["0"] = &replica.Row{Todo: todo.Todo{ID: "0", Title: "First of all", Due: wholeDayAt(noon, -3)}}
		})
		if !r.page().list.isChosen("3") || r.page().details.row.Todo.ID != "3" {
			r.Error("the choice moved")
		}
	})
}

func TestAFailedEditIsSaidInOneSentence(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.todos.fail = fault.New(fault.StepStore, fault.Failed, "disk_full", "The change was not saved: the disk is full.").
			WithRemedy("Free some space.").WithServer(507, "no space left")
		r.click("2", true)
		r.wantText("The change was not saved: the disk is full. Free some space.")
		r.tap("Details")
		r.wantText("The server's own words")
		r.wantText("no space left")
		r.key(fyne.KeyEscape)
		r.wantNoText("no space left")
		r.tap("Dismiss")
		r.wantNoText("the disk is full")
	})
}

func TestBeingOfflineIsNoError(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.b.fail = fault.New(fault.StepCall, fault.Offline, "offline", "The server cannot be reached.")
		r.key(fyne.KeyF5)
		r.wantCalls(r.b.called(), "sync")
		r.wantNoText("The server cannot be reached.")
	})
}

func TestTheThinLineWaitsBeforeItRuns(t *testing.T) {
	signedIn(t, func(r *rig) {
		busy := func() { r.todos.status = replica.Status{Kind: replica.Busy, Sentence: "Fetching", LastSync: noon} }
		idle := func() { r.todos.status = replica.Status{Kind: replica.OK, Sentence: "Synced 12:05", LastSync: noon} }
		r.change(busy)
		r.after(200 * time.Millisecond)
		r.change(idle)
		r.after(time.Second)
		if r.page().toolbar.busy.on {
			r.Error("the line runs though the sync is over")
		}
		r.change(busy)
		r.after(patience + time.Millisecond)
		if bar := r.page().toolbar.busy.bar; !r.page().toolbar.busy.on || !bar.Visible() || bar.Size().Width == 0 {
			r.Error("the line does not run")
		}
		r.change(idle)
		if r.page().toolbar.busy.on {
			r.Error("the line still runs")
		}
	})
}

func TestTheTokenCountsDown(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.wantText("Access token: 1 h 53 min left")
		r.after(time.Minute)
		r.wantText("Access token: 1 h 52 min left")
		r.after(2 * time.Hour)
		r.wantText("Access token: renewed when it is needed")
	})
}

func TestANarrowWindowShowsOneThingAtATime(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.w.win.Resize(fyne.NewSize(500, 700))
		p := r.page()
		if p.shell.sidebar.Visible() || p.shell.details.Visible() || !p.shell.main.Visible() || !p.toolbar.menu.Visible() {
			r.Fatal("a narrow window does not show the list alone")
		}
		r.click("1", false)
		if !p.shell.details.Visible() || p.shell.main.Visible() {
			r.Fatal("the details do not take the list's place")
		}
		r.tap("Back")
		if p.shell.details.Visible() || !p.shell.main.Visible() {
			r.Fatal("Back does not lead back")
		}
		r.tap("Show the sidebar")
		if !p.shell.sidebar.Visible() {
			r.Fatal("the sidebar does not open")
		}
		r.tap("Completed")
		if p.shell.sidebar.Visible() || len(r.shown()) != 2 {
			r.Fatal("choosing a list does not close the sidebar")
		}
		r.tap("Show the sidebar")
		r.key(fyne.KeyEscape)
		if p.shell.sidebar.Visible() {
			r.Fatal("Escape does not close the sidebar")
		}
		r.w.win.Resize(fyne.NewSize(1180, 760))
		if !p.shell.sidebar.Visible() || !p.shell.details.Visible() {
			r.Fatal("a wide window does not show everything")
		}
	})
}

func TestS84_HostileTitlesStayInTheirRow(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.change(func() {
			for i, title := range []string{"\x1b[31mred\x00", "\u202egnp.exe", strings.Repeat("Z\u0351\u0327\u0310", 500), strings.Repeat("word ", 50_000), "a\nb\u2028c"} {
				id := fmt.Sprint("h", i)
				r.todos.rows[id] = &replica.Row{Todo: todo.Todo{ID: id, Title: title, Tags: []string{title}, Due: noon}}
			}
		})
		for _, w := range find(r, func(w *rowWidget) bool { return strings.HasPrefix(w.shown.id, "h") }) {
			if w.Size().Height != rowHeight {
				r.Errorf("row %s is %v high", w.shown.id, w.Size().Height)
			}
			for _, o := range test.WidgetRenderer(w).Objects() {
				if right := o.Position().X + o.Size().Width; o.Visible() && right > w.Size().Width+1 {
					r.Errorf("row %s: something reaches to %v of %v", w.shown.id, right, w.Size().Width)
				}
			}
			if strings.ContainsAny(w.shown.title, "\x00\x1b\u202e\n\u2028") {
				r.Errorf("row %s shows %q", w.shown.id, w.shown.title)
			}
		}
	})
}

func TestS85_ToDoTextIsNeverMarkup(t *testing.T) {
	signedIn(t, func(r *rig) {
		evil := "![x](http://evil.example/p.png) [a](javascript:alert) **bold**"
		r.putRow("1", func(row *replica.Row) {
			row.Todo.Title, row.Todo.Description, row.Todo.Tags = evil, evil, []string{evil}
		})
		r.click("1", false)
		r.wantText(evil)
		for _, rich := range find(r, func(*widget.RichText) bool { return true }) {
			for _, s := range rich.Segments {
				if _, plain := s.(*widget.TextSegment); !plain {
					r.Errorf("a %T is on screen", s)
				}
			}
		}
		if links := find(r, func(*widget.Hyperlink) bool { return true }); len(links) > 0 {
			r.Error("a link was made of a to-do's text")
		}
	})
}

func TestS102_NothingOfOneAccountIsShownUnderAnother(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.click("1", false)
		bob := newFakeTodos(r.b.now, []todo.Todo{{ID: "1", Title: "Bob's own"}})
		r.b.signedIn(bob)
		r.settle()
		if got := r.shown(); len(got) != 1 || got[0] != "Bob's own" {
			r.Fatalf("the list is %q", got)
		}
		r.wantNoText("signing keys")
		r.todos.change(func() { delete(r.todos.rows, "2") }) // a late snapshot of the first account
		r.settle()
		if got := r.shown(); len(got) != 1 || got[0] != "Bob's own" {
			r.Fatalf("a snapshot of the other account is shown: %q", got)
		}
	})
}

func TestSigningOutAsksAboutUnsentChanges(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.todos.pending = []replica.Pending{{Number: 1}, {Number: 2}, {Number: 3, State: replica.PendingDiscarded}}
		r.tap("Settings")
		r.tap("Sign out")
		r.wantText("2 changes have not been sent. Signing out loses them.")
		r.tap("Stay signed in")
		r.tap("Settings")
		r.tap("Sign out")
		r.tap("Back up first…")
		r.wantText("A backup holds your to-dos")
		r.key(fyne.KeyEscape)
		r.wantCalls(r.b.called())
		r.tap("Settings")
		r.tap("Sign out")
		r.tap("Sign out and lose 2 changes")
		r.wantCalls(r.b.called(), "sign-out, losing 2")
		r.wantText("Welcome to Waybill")
	})
}

func TestSigningOutAsksAgainWhereMoreWouldBeLost(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.tap("Settings")
		r.tap("Sign out")
		r.b.fail = fault.New(fault.StepStore, fault.Failed, "unsent", "1 change has not been sent yet and would be lost.")
		r.tap("Sign out")
		r.wantText("1 change has not been sent yet and would be lost.")
		r.b.fail = nil
		r.tap("Sign out all the same")
		r.wantCalls(r.b.called(), "sign-out, losing 0", fmt.Sprint("sign-out, losing ", session.LoseAll))
		r.wantText("Welcome to Waybill")
	})
}

func TestASessionThatLastsForThisTimeOnlyIsSaid(t *testing.T) {
	signedIn(t, func(r *rig) {
		reason := "This computer has no keyring, so you stay signed in until Waybill is closed."
		r.b.update(func(s *session.State) { s.VaultMode, s.VaultReason = 2, reason })
		r.settle()
		r.wantText(reason)
		r.tap("Understood")
		r.wantNoText(reason)
		r.tap("Settings")
		r.wantText(reason)
	})
}

func TestManyMissingToDosAreAskedAbout(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.change(func() { r.todos.removal = &replica.Removal{Missing: 25, Total: 60} })
		r.wantText("no longer lists 25 of your 60 to-dos")
		r.tap("Remove them…")
		r.wantText("It cannot be undone.")
		r.key(fyne.KeyEscape)
		r.wantCalls(r.todos.called())
		r.tap("Remove them…")
		r.key(fyne.KeyReturn) // what has the focus keeps them
		r.tap("Remove them…")
		r.tap("Remove 25 to-dos")
		r.wantCalls(r.todos.called(), "removal 1", "removal 0")
		r.change(func() { r.todos.removal = nil })
		r.wantNoText("no longer lists")
	})
}

func TestANoticeOfTheLocalCopyIsReadOnce(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.change(func() {
			r.todos.notice = fault.New(fault.StepStore, fault.Failed, "damaged", "The local copy was damaged and was set aside.")
		})
		r.wantText("The local copy was damaged and was set aside.")
		r.tap("Dismiss")
		r.wantNoText("was set aside")
		if r.todos.notice != nil {
			r.Error("the notice was not dismissed at its source")
		}
	})
}

func TestTheListMovesWhenTheToolbarGrows(t *testing.T) {
	signedIn(t, func(r *rig) {
		top := func(o fyne.CanvasObject) float32 { return fyne.CurrentApp().Driver().AbsolutePositionForObject(o).Y }
		p := r.page()
		with := top(p.list)
		r.change(func() { r.todos.writable = false })
		without := top(p.list)
		r.change(func() { r.todos.why = strings.Repeat("This server offers no way to change to-dos. ", 5) })
		why := top(p.list)
		r.change(func() { r.todos.writable, r.todos.why = true, "" })
		if without >= with || why <= without || top(p.list) != with {
			r.Errorf("the list begins at %v, without the field at %v, with the reason at %v, at last at %v", with, without, why, top(p.list))
		}
		if bottom := top(p.toolbar.add) + p.toolbar.add.Size().Height; top(p.list) < bottom {
			r.Errorf("the list begins at %v, above the end of the field at %v", top(p.list), bottom)
		}
	})
}

func TestANewDayChangesTheWords(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.after(12 * time.Hour)
		r.change(func() {}) // the replica publishes a snapshot at midnight
		if got := r.rowWidget("2").shown; got.due != "Yesterday" || !got.overdue {
			r.Errorf("what was due today is now %+v", got)
		}
	})
}

func TestR22_WhatCannotBeSavedIsGivenBack(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.todos.fail = fault.New(fault.StepStore, fault.Failed, "disk_full", "The change was not saved: the disk is full.")
		r.typed("n")
		r.typed("Buy milk")
		r.key(fyne.KeyReturn)
		r.wantText("the disk is full")
		if got := r.page().toolbar.add.Text; got != "Buy milk" {
			r.Errorf("the field holds %q", got)
		}
		f := r.describe()
		r.typed("Kept. ")
		r.after(2 * typingPause)
		r.change(func() {})
		if !strings.HasPrefix(f.Text, "Kept. ") {
			r.Errorf("the description holds %q", f.Text)
		}
		r.todos.fail = nil
		r.click("2", false)
		if got := r.todos.rows["1"].Todo.Description; !strings.HasPrefix(got, "Kept. ") {
			r.Errorf("the second attempt saved %q", got)
		}
		r.todos.fail = fault.New(fault.StepStore, fault.Failed, "disk_full", "The change was not saved: the disk is full.")
		r.key(fyne.KeyF2)
		r.typed("Another title")
		r.key(fyne.KeyReturn)
		if got := r.focusedField().Text; got != "Another title" {
			r.Errorf("the title field holds %q", got)
		}
	})
}

func TestSpaceGoesOnToTheNextToDo(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.key(fyne.KeyDown)
		r.key(fyne.KeySpace)
		r.key(fyne.KeySpace)
		r.wantCalls(r.todos.called(), "update 1 [completed]", "update 2 [completed]")
		if got := r.page().chosen; got != "3" {
			r.Errorf("%q is chosen", got)
		}
	})
}
