package gui

import (
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"

	"waybill/replica"
)

const noWay = "This server offers no way to change to-dos."

// readOnly runs f with a window over to-dos that cannot be changed, one of them
// chosen, at this width.
func readOnly(t *testing.T, width float32, f func(*rig)) {
	t.Helper()
	signedIn(t, func(r *rig) {
		r.w.win.Resize(fyne.NewSize(width, 640))
		r.change(func() { r.todos.writable, r.todos.why = false, noWay })
		r.click("1", false)
		f(r)
	})
}

// writes are the commands that change to-dos.
func writes() []string { return []string{"add", "toggle", "rename", "due", "delete"} }

func TestReadOnlyToDosHaveNoCommandThatChangesThem(t *testing.T) {
	readOnly(t, 1180, func(r *rig) {
		for _, id := range writes() {
			if c := r.w.command(id); c == nil || c.can() {
				r.Errorf("the command %q can be given", id)
			}
		}
		for _, c := range r.w.commands {
			if slices.Contains([]string{"quit", "connections", "add-connection", "check-connection", "flow", "explorer", "probes", "learn"}, c.id) { // they leave the page
				continue
			}
			r.w.doCommand(c)
			r.settle()
			r.w.closeSheets()
			r.page().closeOutbox()
		}
		r.wantCalls(r.todos.called())
	})
}

// Every key of every command, in the list and beside it, and those of the list.
func TestReadOnlyToDosAreChangedByNoKey(t *testing.T) {
	readOnly(t, 1180, func(r *rig) {
		keys := []fyne.KeyName{fyne.KeySpace, fyne.KeyDelete, fyne.KeyBackspace, fyne.KeyReturn, fyne.KeyEnter, fyne.KeyF2}
		for _, focused := range []bool{true, false} {
			press := func(do func()) {
				r.w.Canvas().Unfocus()
				if focused {
					r.page().focusList()
				}
				do()
				r.w.closeSheets()
				r.page().closeOutbox()
			}
			for _, k := range keys {
				press(func() { r.key(k) })
			}
			for _, c := range r.w.commands {
				for _, s := range c.strokes {
					switch {
					case c.id == "quit", c.id == "connections", c.id == "flow", c.id == "explorer": // they leave the page
					case s.char != 0:
						press(func() { r.typed(string(s.char)) })
					case s.mod != 0:
						press(func() { r.press(s.mod, s.key) })
					default:
						press(func() { r.key(s.key) })
					}
				}
			}
		}
		r.wantCalls(r.todos.called())
	})
}

// No control is there that changes something, and what shows a value does not
// open when it is pressed, wherever.
func TestReadOnlyToDosHaveNoControlThatChangesThem(t *testing.T) {
	for _, width := range []float32{340, 800, 1180} {
		readOnly(t, width, func(r *rig) {
			if r.page().toolbar.add.Visible() {
				r.Error("the field that adds is there")
			}
			r.page().closeDetails()
			r.settle()
			r.click("2", true)
			r.page().openDetails("1")
			r.settle()
			for _, v := range find(r, func(*valueButton) bool { return true }) {
				test.Tap(v)
				if !v.Disabled() || r.w.Canvas().Overlays().Top() != nil {
					r.Errorf("%s can be changed", v.label)
				}
			}
			for _, v := range find(r, func(*inPlaceView) bool { return true }) {
				test.Tap(v)
				if v.Cursor() != desktop.DefaultCursor {
					r.Errorf("over %s the pointer promises that it can be edited", v.label)
				}
			}
			for _, b := range find(r, func(b *button) bool { return b.label == "Delete" }) {
				r.Errorf("there is a button %q", b.label)
			}
			search := r.page().toolbar.search
			for _, f := range find(r, func(f *field) bool { return f != search }) {
				r.Errorf("there is a field for text, holding %q", f.Text)
			}
			r.wantCalls(r.todos.called())
		})
	}
}

// One sentence says why: once, wherever one looks.
func TestReadOnlyToDosSayWhyOnce(t *testing.T) {
	for _, width := range []float32{340, 800, 1180} {
		readOnly(t, width, func(r *rig) {
			once := func(where string) {
				if n := strings.Count(r.text(), noWay); n != 1 {
					r.Errorf("%v wide, %s: it is said %d times in %s", width, where, n, r.text())
				}
			}
			r.page().closeDetails()
			once("at the list")
			r.page().openDetails("1")
			r.settle()
			once("at the details")
			r.change(func() { r.todos.writable, r.todos.why = true, "" })
			r.wantNoText(noWay)
		})
	}
}

func TestTheMenuOfAToDoOffersWhatCanBeDone(t *testing.T) {
	readOnly(t, 1180, func(r *rig) {
		r.page().openTodoMenu("1", fyne.NewPos(300, 200))
		markup := test.RenderObjectToMarkup(r.w.Canvas().Overlays().Top())
		if !strings.Contains(markup, "Show the details") || strings.Contains(markup, "Rename") || strings.Contains(markup, "Delete") {
			r.Errorf("the menu is %s", markup)
		}
	})
}

// What the server lost cannot be sent to it again, so that is not offered.
func TestR34_ReadOnlyToDosThatTheServerLostAreRemovedOrStay(t *testing.T) {
	readOnly(t, 1180, func(r *rig) {
		r.change(func() { r.todos.removal = &replica.Removal{Missing: 40, Total: 100} })
		r.wantNoText("Keep them here")
		r.tap("Remove them…")
		r.tap("Not now")
		r.wantCalls(r.todos.called())
		r.tap("Remove them…")
		r.tap("Remove 40 to-dos")
		r.wantCalls(r.todos.called(), "removal 0")
	})
}

// The right to change is withdrawn while one types: the text does not vanish.
func TestWhatIsTypedStaysWhenTheToDosBecomeReadOnly(t *testing.T) {
	signedIn(t, func(r *rig) {
		f := r.describe()
		r.typed("Typed. ")
		r.change(func() { r.todos.writable, r.todos.why = false, noWay })
		if !r.page().details.description.edit.Visible() || !strings.HasPrefix(f.Text, "Typed. ") {
			r.Fatal("what was typed is gone")
		}
		r.typed("More. ")
		if !strings.HasPrefix(f.Text, "Typed. More. ") {
			r.Errorf("the field holds %q", f.Text)
		}
	})
}
