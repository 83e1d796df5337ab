package gui

import (
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"waybill/replica"
)

// changeActions are what the list of changes tells the outbox. All are required.
type changeActions struct {
	view   func(*replica.Pending) changeView
	choose func(*replica.Pending)
	open   func(*replica.Pending)
	act    func(*replica.Pending, changeAct)
	leave  func()
	tip    *tip
}

// changeList is the list of changes: one of them chosen, worked with the
// keyboard. Only the rows on screen have widgets, however many there are.
type changeList struct {
	widget.List
	changeActions
	rows    []replica.Pending
	chosen  uint64
	focused bool
	narrow  bool // its rows have their buttons below
}

func newChangeList(a changeActions) *changeList {
	l := &changeList{changeActions: a}
	l.HideSeparators = true // rows draw their own, so that they can be finer
	l.Length = func() int { return len(l.rows) }
	l.CreateItem = func() fyne.CanvasObject { return newChangeRow(l) }
	l.UpdateItem = func(i int, o fyne.CanvasObject) {
		if i < len(l.rows) {
			o.(*changeRow).show(&l.rows[i])
		}
	}
	l.ExtendBaseWidget(l)
	return l
}

// Resize gives the rows another form where they have little width.
func (l *changeList) Resize(size fyne.Size) {
	if narrow := size.Width < changeNarrow; size.Width > 0 && narrow != l.narrow {
		l.narrow = narrow
		l.Refresh()
	}
	l.List.Resize(size)
}

// rowHeight is that of every row.
func (l *changeList) rowHeight() float32 {
	if l.narrow {
		return changeRowHeight + changeButtons
	}
	return changeRowHeight
}

// reload shows these changes. The choice stays with its change; where that has
// gone it is with the one in its place. With an id the first change of that
// to-do is chosen.
func (l *changeList) reload(rows []replica.Pending, id string) {
	at := l.index(l.chosen)
	l.rows = rows
	if l.index(l.chosen) < 0 && len(rows) > 0 {
		l.chosen = rows[min(max(at, 0), len(rows)-1)].Number
	}
	first := slices.IndexFunc(rows, func(c replica.Pending) bool { return c.Edit.ID == id })
	if first >= 0 {
		l.chosen = rows[first].Number
	}
	l.Refresh()
	if first >= 0 {
		l.ScrollTo(first)
	}
}

// index is where the change with this number is, -1 if nowhere.
func (l *changeList) index(number uint64) int {
	return slices.IndexFunc(l.rows, func(c replica.Pending) bool { return c.Number == number })
}

// current is the chosen change, nil if there is none.
func (l *changeList) current() *replica.Pending {
	if i := l.index(l.chosen); i >= 0 {
		return &l.rows[i]
	}
	return nil
}

// skip moves the choice off a change that is about to leave its place.
func (l *changeList) skip(number uint64) {
	if i := l.index(number); number == l.chosen && i >= 0 && i+1 < len(l.rows) && l.rows[i+1].State != replica.PendingDiscarded {
		l.chosen = l.rows[i+1].Number
	}
}

// tap chooses a change and shows its to-do.
func (l *changeList) tap(number uint64) {
	l.chosen = number
	if c := canvasOf(l); c != nil {
		c.Focus(l)
	}
	l.Refresh()
	if c := l.current(); c != nil {
		l.choose(c)
		l.open(c)
	}
}

// FocusGained shows which row the keys are for.
func (l *changeList) FocusGained() {
	l.focused = true
	l.Refresh()
}

// FocusLost hides it.
func (l *changeList) FocusLost() {
	l.focused = false
	l.Refresh()
}

// TypedKey moves the choice and acts on it.
func (l *changeList) TypedKey(e *fyne.KeyEvent) {
	page := max(1, int(l.Size().Height/l.rowHeight())-1)
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
		l.move(-len(l.rows))
	case fyne.KeyEnd:
		l.move(len(l.rows))
	case fyne.KeyEscape:
		l.leave()
	default:
		l.key(e)
	}
}

// key does something with the chosen change.
func (l *changeList) key(e *fyne.KeyEvent) {
	c := l.current()
	switch {
	case c == nil:
		handOn(l, e)
	case e.Name == fyne.KeyReturn, e.Name == fyne.KeyEnter:
		l.open(c)
	case e.Name == fyne.KeyDelete, e.Name == fyne.KeyBackspace:
		l.act(c, actDiscard)
	default:
		handOn(l, e)
	}
}

// TypedRune goes to the window, where letters are commands.
func (l *changeList) TypedRune(r rune) {
	if c := canvasOf(l); c != nil && c.OnTypedRune() != nil {
		c.OnTypedRune()(r)
	}
}

// move chooses the change that is this far away, or the last on the way.
func (l *changeList) move(by int) {
	if len(l.rows) == 0 {
		return
	}
	at := min(max(l.index(l.chosen)+by, 0), len(l.rows)-1)
	l.chosen = l.rows[at].Number
	l.Refresh()
	l.ScrollTo(at)
	l.choose(&l.rows[at])
}
