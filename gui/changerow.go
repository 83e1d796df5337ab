package gui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"waybill/replica"
	"waybill/wording"
)

// Measures of a row of the outbox.
const (
	changeRowHeight = 70
	changeNarrow    = 480 // below this width the buttons are under the words
	changeButtons   = 33  // and the row is higher by this
	changeTop       = 8   // of the first line
	changeBottom    = 9   // below the buttons
	changeMarkX     = 18  // middle of the mark
	changeWordsX    = 38
	changeWhenRight = 10
)

// changeRow shows one change in three lines of fixed height: what, from what to
// what, why it waits. It is reused for whatever change scrolls into its place.
type changeRow struct {
	widget.BaseWidget
	list    *changeList
	change  *replica.Pending
	shown   changeView
	buttons map[changeAct]*button
	hovered bool
}

func newChangeRow(l *changeList) *changeRow {
	r := &changeRow{list: l, buttons: map[changeAct]*button{}}
	for _, a := range []changeAct{actRetry, actDiscard, actCompare, actRestore} {
		b := smallButton(a.String(), buttonPlain, func() { l.act(r.change, a) })
		b.pointerOnly = true // the keyboard has the list's keys
		r.buttons[a] = b
	}
	r.ExtendBaseWidget(r)
	return r
}

// show makes it the row of this change.
func (r *changeRow) show(c *replica.Pending) {
	r.change, r.shown = c, r.list.view(c)
	r.Refresh()
}

// Tapped chooses the change. On the time it says that to the second, for where
// there is no pointer that can rest there.
func (r *changeRow) Tapped(e *fyne.PointEvent) {
	if r.overWhen(e.Position) {
		r.list.tip.over(r, r.shown.exact, e.AbsolutePosition)
	}
	r.list.tap(r.shown.number)
}

// MouseIn marks the row as under the pointer.
func (r *changeRow) MouseIn(e *desktop.MouseEvent) {
	r.hovered = true
	r.MouseMoved(e)
	r.Refresh()
}

// MouseMoved says in full what is cut, and when exactly.
func (r *changeRow) MouseMoved(e *desktop.MouseEvent) {
	words := ""
	switch y := e.Position.Y; {
	case r.overWhen(e.Position):
		words = r.shown.exact
	case e.Position.X < changeWordsX:
		words = wording.ChangeState(r.shown.state)
	case y < changeRowHeight/3:
		words = r.shown.what
	case y < changeRowHeight*2/3 && r.shown.how != "":
		words = r.shown.how
	default:
		words = r.shown.why
	}
	if words != r.list.tip.words.content {
		r.list.tip.away(r)
	}
	r.list.tip.over(r, words, e.AbsolutePosition)
}

func (r *changeRow) overWhen(at fyne.Position) bool {
	width := ruler{sizeCaption, fyne.TextStyle{}}.width(r.shown.when)
	return at.Y < changeRowHeight/3 && at.X > r.Size().Width-changeWhenRight-width-4
}

// MouseOut takes the mark away.
func (r *changeRow) MouseOut() {
	r.hovered = false
	r.list.tip.away(r)
	r.Refresh()
}

// AccessibilityLabel says the whole row.
func (r *changeRow) AccessibilityLabel() string {
	v := r.shown
	words := v.what
	if v.how != "" {
		words += ", " + v.how
	}
	return words + ", " + v.when + ". " + v.why
}

// AccessibilityRole is that of a button: it can be pressed.
func (r *changeRow) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleButton }

func (r *changeRow) CreateRenderer() fyne.WidgetRenderer {
	rr := &changeRowRenderer{
		row: r, back: canvas.NewRectangle(nil), rule: canvas.NewRectangle(nil), mark: newMark(),
		what: canvas.NewText("", nil), how: canvas.NewText("", nil), why: canvas.NewText("", nil), when: canvas.NewText("", nil),
	}
	rr.back.CornerRadius = 6
	rr.what.TextSize, rr.how.TextSize, rr.why.TextSize, rr.when.TextSize = sizeBody, labelSize, sizeCaption, sizeCaption
	rr.objects = append([]fyne.CanvasObject{rr.back, rr.rule, rr.what, rr.how, rr.why, rr.when}, rr.mark.objects()...)
	for _, b := range r.buttons {
		rr.objects = append(rr.objects, b)
	}
	rr.paint()
	return rr
}

type changeRowRenderer struct {
	row                  *changeRow
	back, rule           *canvas.Rectangle
	mark                 mark
	what, how, why, when *canvas.Text
	objects              []fyne.CanvasObject
}

func (rr *changeRowRenderer) Destroy()                     {}
func (rr *changeRowRenderer) Objects() []fyne.CanvasObject { return rr.objects }
func (rr *changeRowRenderer) MinSize() fyne.Size           { return fyne.NewSize(200, rr.row.list.rowHeight()) }

func (rr *changeRowRenderer) Refresh() {
	rr.paint()
	rr.Layout(rr.row.Size())
	canvas.Refresh(rr.row)
}

func (rr *changeRowRenderer) paint() {
	r := rr.row
	chosen := r.list.chosen == r.shown.number
	rr.back.Hidden = !chosen && !r.hovered
	switch {
	case chosen && r.list.focused:
		paint(rr.back, colorRowOn, colorFocus)
	case chosen:
		paint(rr.back, colorRowOn, "")
	default:
		paint(rr.back, theme.ColorNameHover, "")
	}
	rr.rule.FillColor = theme.Color(colorRule)
	gone := r.shown.state == replica.PendingDiscarded
	ink := theme.ColorNameForeground
	if gone {
		ink = colorDone
	}
	rr.what.TextStyle = fyne.TextStyle{Bold: !gone, Strikethrough: gone}
	rr.what.Color, rr.how.Color = theme.Color(ink), theme.Color(ink)
	rr.why.Color, rr.when.Color = theme.Color(colorMuted), theme.Color(colorMuted)
	rr.mark.paint(rowState(r.shown.state))
}

// rowState is the mark that a to-do with such a change has.
func rowState(s replica.PendingState) replica.RowState {
	switch s {
	case replica.PendingConflict:
		return replica.Conflict
	case replica.PendingRefused:
		return replica.Refused
	case replica.PendingDiscarded:
		return replica.Synced
	default:
		return replica.Waiting
	}
}

func (rr *changeRowRenderer) Layout(size fyne.Size) {
	v := rr.row.shown
	rr.back.Resize(fyne.NewSize(size.Width, size.Height-1))
	place(rr.rule, 0, size.Height, size.Width, 1)
	lines := []*canvas.Text{rr.what, rr.how, rr.why}
	words := []string{v.what, v.how, v.why}
	rr.when.Text = v.when
	when := rr.when.MinSize()
	narrow := rr.row.list.narrow
	buttons := float32(0)
	if !narrow {
		buttons = rr.layButtons(size, size.Height-changeBottom)
	}
	y := float32(changeTop)
	rr.mark.place(changeMarkX, y+rr.what.MinSize().Height/2)
	place(rr.when, size.Width-changeWhenRight-when.Width, y+(rr.what.MinSize().Height-when.Height)/2, when.Width, when.Height)
	for i, line := range lines {
		if line.Hidden = words[i] == ""; line.Hidden {
			continue
		}
		room := size.Width - changeWordsX - changeWhenRight - 8
		if i == 0 {
			room -= when.Width
		} else {
			room -= buttons
		}
		line.Text = ruler{line.TextSize, line.TextStyle}.cut(words[i], room)
		s := line.MinSize()
		place(line, changeWordsX, y, s.Width, s.Height)
		y += s.Height
	}
	if narrow {
		rr.layButtons(size, y+changeButtons)
	}
}

// layButtons puts the buttons of the change's state above bottom, what is meant
// most often last, and returns the width that they take: at the right or, in a
// narrow window, where the words begin.
func (rr *changeRowRenderer) layButtons(size fyne.Size, bottom float32) (width float32) {
	for _, b := range rr.row.buttons {
		b.Hidden = true
	}
	acts := changeActs(rr.row.shown.state)
	for _, a := range acts {
		width += rr.row.buttons[a].MinSize().Width + 6
	}
	x := size.Width - changeWhenRight + 8 - width
	if rr.row.list.narrow {
		x = changeWordsX
	}
	for _, a := range acts {
		b := rr.row.buttons[a]
		s := b.MinSize()
		place(b, x, bottom-s.Height, s.Width, s.Height)
		b.Hidden = false
		x += s.Width + 6
	}
	return width
}
