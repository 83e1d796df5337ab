package gui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/data/binding"
	"fyne.io/fyne/v2/widget"

	"waybill/replica"
)

// listActions is what the list tells the page. All are required.
type listActions struct {
	view     func(*replica.Row) rowView
	writable func() bool
	choose   func(id string)
	open     func(id string) // show its details, where they are not beside the list
	toggle   func(id string)
	remove   func(id string)
	edit     func(id string)
	menu     func(id string, at fyne.Position)
	tip      *tip
}

// todoList is the list of to-dos: bound to its rows, one of them chosen, worked
// with the keyboard. The choice belongs to a to-do, not to a place, so that it
// stays with it when the order changes.
type todoList struct {
	widget.List
	listActions
	rows    *boundRows
	chosen  string
	focused bool

	byPointer bool // the focus comes with a click, which says itself what it means
}

func newTodoList(a listActions) *todoList {
	l := &todoList{listActions: a, rows: newBoundRows()}
	l.HideSeparators = true // rows draw their own, so that they can be finer
	l.CreateItem = func() fyne.CanvasObject { return newRowWidget(l) }
	l.ExtendBaseWidget(l)
	l.Bind(l.rows, func(item binding.DataItem, o fyne.CanvasObject) { o.(*rowWidget).bind(item.(*rowItem)) })
	return l
}

// reload shows these rows.
func (l *todoList) reload(rows []*replica.Row) { l.rows.reload(rows) }

// setChosen marks a to-do as chosen, "" for none, and brings it into sight.
func (l *todoList) setChosen(id string, scroll bool) {
	if l.chosen != id {
		l.chosen = id
		l.repaint()
	}
	if i := l.rows.index(id); scroll && i >= 0 {
		l.ScrollTo(i)
	}
}

// repaint draws the rows on screen anew.
func (l *todoList) repaint() {
	for _, item := range l.rows.items {
		item.fire()
	}
}

func (l *todoList) view(r *replica.Row) rowView { return l.listActions.view(r) }
func (l *todoList) isChosen(id string) bool     { return id == l.chosen }
func (l *todoList) hasFocus() bool              { return l.focused }
func (l *todoList) writable() bool              { return l.listActions.writable() }
func (l *todoList) tips() *tip                  { return l.tip }

func (l *todoList) tapRow(id string, onCheck bool) {
	if c := canvasOf(l); c != nil {
		l.byPointer = true
		c.Focus(l)
		l.byPointer = false
	}
	if onCheck && l.writable() {
		l.toggle(id)
		return
	}
	l.choose(id)
	l.open(id)
}

func (l *todoList) menuFor(id string, at fyne.Position) {
	l.choose(id)
	l.menu(id, at)
}

// FocusGained shows which row the keys are for. The List's own highlight is
// left out: it belongs to a place.
func (l *todoList) FocusGained() {
	l.focused = true
	if !l.byPointer && l.rows.index(l.chosen) < 0 && l.rows.Length() > 0 {
		l.choose(l.rows.rows[0].Todo.ID)
	}
	l.repaint()
}

// FocusLost hides it.
func (l *todoList) FocusLost() {
	l.focused = false
	l.repaint()
}

// TypedKey moves the choice and acts on it.
func (l *todoList) TypedKey(e *fyne.KeyEvent) {
	page := max(1, int(l.Size().Height/(rowHeight+4))-1)
	switch e.Name {
	case fyne.KeyDown:
		l.move(1)
	case fyne.KeyUp:
		l.move(-1)
	case fyne.KeyPageDown:
		l.move(page)
	case fyne.KeyPageUp:
		l.move(-page)
	case fyne.KeyHome:
		l.move(-l.rows.Length())
	case fyne.KeyEnd:
		l.move(l.rows.Length())
	default:
		l.act(e)
	}
}

// act does something with the chosen to-do.
func (l *todoList) act(e *fyne.KeyEvent) {
	if l.rows.index(l.chosen) < 0 {
		handOn(l, e)
		return
	}
	switch e.Name {
	case fyne.KeySpace:
		l.toggleChosen()
	case fyne.KeyReturn, fyne.KeyEnter:
		l.open(l.chosen)
	case fyne.KeyDelete, fyne.KeyBackspace:
		l.remove(l.chosen)
	case fyne.KeyF2:
		l.edit(l.chosen)
	default:
		handOn(l, e)
	}
}

// toggleChosen completes or reopens the chosen to-do. The choice goes on to the
// next one, since a completed to-do leaves its place.
func (l *todoList) toggleChosen() {
	if !l.writable() {
		return
	}
	id, next := l.chosen, ""
	if row := l.rows.rows[l.rows.index(id)]; !row.Todo.Completed {
		next = l.after(id)
	}
	l.toggle(id)
	if next != "" {
		l.choose(next)
	}
}

// TypedRune goes to the window, where N and the like are commands.
func (l *todoList) TypedRune(r rune) {
	if c := canvasOf(l); c != nil && c.OnTypedRune() != nil && r != ' ' {
		c.OnTypedRune()(r)
	}
}

// move chooses the row that is this far away, or the last on the way.
func (l *todoList) move(by int) {
	if l.rows.Length() == 0 {
		return
	}
	at := l.rows.index(l.chosen) + by
	at = min(max(at, 0), l.rows.Length()-1)
	l.choose(l.rows.rows[at].Todo.ID)
	l.ScrollTo(at)
}

// after is the to-do to choose when the one with this id goes away.
func (l *todoList) after(id string) string {
	i := l.rows.index(id)
	switch {
	case i < 0:
		return ""
	case i+1 < l.rows.Length():
		return l.rows.rows[i+1].Todo.ID
	case i > 0:
		return l.rows.rows[i-1].Todo.ID
	default:
		return ""
	}
}
