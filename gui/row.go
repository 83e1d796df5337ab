package gui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/data/binding"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"waybill/replica"
	"waybill/todo"
	"waybill/wording"
)

// Measures of a row, from the design.
const (
	rowHeight = 36.5
	rowCheckX = 17 // middle of the check mark
	rowHit    = 34 // left of this a click is on the check mark
	rowDotX   = 48
	rowTitleX = 60
	rowDoneX  = 44 // title of a completed to-do, which has no dot
	rowRight  = 18
	rowMarkX  = 14 // middle of the mark, from the right
	rowMarkW  = 30 // what is over the mark, from the right
	chipGap   = 5
	chipPad   = 9
	chipMost  = 120 // wider tags are cut
	titleMost = 300 // characters of a title that are looked at
)

// rowView is what a row shows, worked out from its to-do.
type rowView struct {
	id       string
	title    string
	tags     []string
	due      string
	overdue  bool
	done     bool
	priority todo.Priority
	state    replica.RowState
}

// rowHost is what a row asks of the list that it is in.
type rowHost interface {
	view(*replica.Row) rowView
	isChosen(id string) bool
	hasFocus() bool
	writable() bool
	tapRow(id string, onCheck bool)
	menuFor(id string, at fyne.Position)
	tips() *tip
}

// rowWidget shows one to-do on one line of fixed height. It is reused for
// whatever to-do scrolls into its place.
type rowWidget struct {
	widget.BaseWidget
	host     rowHost
	item     *rowItem
	listener binding.DataListener
	shown    rowView
	hovered  bool
	onCheck  bool // the pointer is over the check mark
}

func newRowWidget(host rowHost) *rowWidget {
	r := &rowWidget{host: host}
	r.listener = binding.NewDataListener(r.update)
	r.ExtendBaseWidget(r)
	return r
}

// bind makes it the row of this item.
func (r *rowWidget) bind(item *rowItem) {
	if r.item == item {
		return
	}
	if r.item != nil {
		r.item.RemoveListener(r.listener)
	}
	r.item = item
	item.AddListener(r.listener)
}

func (r *rowWidget) update() {
	r.shown = r.host.view(r.item.row)
	r.Refresh()
}

// MouseIn marks the row as under the pointer.
func (r *rowWidget) MouseIn(e *desktop.MouseEvent) {
	r.hovered = true
	r.MouseMoved(e)
	r.Refresh()
}

// MouseMoved notes whether a click would be on the check mark, and says what
// the mark at the right means.
func (r *rowWidget) MouseMoved(e *desktop.MouseEvent) {
	if on := e.Position.X < rowHit; on != r.onCheck {
		r.onCheck = on
		r.Refresh()
	}
	if e.Position.X > r.Size().Width-rowMarkW {
		r.host.tips().over(r, markWords(r.shown.state), e.AbsolutePosition)
	} else {
		r.host.tips().away(r)
	}
}

// MouseOut takes the mark away.
func (r *rowWidget) MouseOut() {
	r.hovered, r.onCheck = false, false
	r.host.tips().away(r)
	r.Refresh()
}

// Tapped chooses the to-do, or completes it where the check mark is.
func (r *rowWidget) Tapped(e *fyne.PointEvent) {
	r.host.tapRow(r.shown.id, e.Position.X < rowHit)
}

// TappedSecondary opens the menu of the to-do.
func (r *rowWidget) TappedSecondary(e *fyne.PointEvent) {
	r.host.menuFor(r.shown.id, e.AbsolutePosition)
}

// AccessibilityLabel says the whole row.
func (r *rowWidget) AccessibilityLabel() string {
	v := r.shown
	words := v.title + ", " + wording.Status(v.done)
	if v.priority != todo.NoPriority {
		words += ", " + wording.Priority(v.priority) + " priority"
	}
	if v.due != "" {
		words += ", due " + v.due
	}
	if mark := markWords(v.state); mark != "" {
		words += ". " + mark
	}
	return words
}

// AccessibilityRole is that of a button: it can be pressed.
func (r *rowWidget) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleButton }

// markWords says what the mark of a row means.
func markWords(s replica.RowState) string {
	switch s {
	case replica.Waiting:
		return "Not synced yet. It is saved on this computer."
	case replica.Conflict:
		return "Changed here and at the server. Choose which one stays."
	case replica.Refused:
		return "The server does not take this change."
	default:
		return ""
	}
}

func (r *rowWidget) CreateRenderer() fyne.WidgetRenderer {
	rr := &rowRenderer{
		row: r, back: canvas.NewRectangle(nil), rule: canvas.NewRectangle(nil), tick: newTick(),
		dot: canvas.NewCircle(nil), title: canvas.NewText("", nil), due: canvas.NewText("", nil), mark: newMark(),
	}
	rr.title.TextSize, rr.due.TextSize = sizeBody, sizeCaption
	rr.fixed = append([]fyne.CanvasObject{rr.back, rr.rule, rr.dot, rr.title, rr.due}, rr.tick.objects()...)
	rr.fixed = append(rr.fixed, rr.mark.objects()...)
	rr.objects = rr.fixed
	rr.paint()
	return rr
}

type rowRenderer struct {
	row        *rowWidget
	back, rule *canvas.Rectangle
	tick       tick
	dot        *canvas.Circle
	title, due *canvas.Text
	mark       mark
	chips      []*chip // those that fit, then spare ones
	fixed      []fyne.CanvasObject
	objects    []fyne.CanvasObject
}

func (rr *rowRenderer) Destroy()                     {}
func (rr *rowRenderer) Objects() []fyne.CanvasObject { return rr.objects }
func (rr *rowRenderer) MinSize() fyne.Size           { return fyne.NewSize(200, rowHeight) }

func (rr *rowRenderer) Refresh() {
	rr.paint()
	rr.Layout(rr.row.Size())
	canvas.Refresh(rr.row)
}

// paint takes colours and words from what is shown.
func (rr *rowRenderer) paint() {
	v, host := rr.row.shown, rr.row.host
	chosen := host.isChosen(v.id)
	rr.back.Hidden = !chosen && !rr.row.hovered
	rr.back.CornerRadius = 6
	switch {
	case chosen && host.hasFocus():
		paint(rr.back, colorRowOn, colorFocus)
	case chosen:
		paint(rr.back, colorRowOn, "")
	default:
		paint(rr.back, theme.ColorNameHover, "")
	}
	rr.rule.FillColor = theme.Color(colorRule)
	rr.tick.paint(v.done, host.writable(), rr.row.onCheck)
	rr.dot.Hidden = v.done || v.priority == todo.NoPriority
	rr.dot.FillColor = theme.Color(priorityColor(v.priority))
	ink := theme.ColorNameForeground
	if v.done {
		ink = colorDone
	}
	rr.title.Color, rr.title.TextStyle.Strikethrough = theme.Color(ink), v.done
	rr.due.Text, rr.due.Color = v.due, theme.Color(colorMuted)
	if v.overdue {
		rr.due.Color = theme.Color(colorOverdue)
	}
	rr.mark.paint(v.state)
}

func priorityColor(p todo.Priority) fyne.ThemeColorName {
	switch p {
	case todo.High:
		return colorHigh
	case todo.Medium:
		return colorMedium
	default:
		return colorLow
	}
}

func (rr *rowRenderer) Layout(size fyne.Size) {
	middle := size.Height / 2
	rr.back.Resize(size)
	rr.rule.Move(fyne.NewPos(0, size.Height+1.5))
	rr.rule.Resize(fyne.NewSize(size.Width, 1))
	rr.tick.place(rowCheckX, middle)
	rr.dot.Move(fyne.NewPos(rowDotX-4, middle-4))
	rr.dot.Resize(fyne.NewSquareSize(8))
	rr.mark.place(size.Width-rowMarkX, middle)

	right := size.Width - rowRight
	if rr.row.shown.state != replica.Synced {
		right -= 12
	}
	due := rr.due.MinSize()
	rr.due.Move(fyne.NewPos(right-due.Width, middle-due.Height/2))
	rr.due.Resize(due)
	if due.Width > 0 {
		right -= due.Width + 14
	}
	rr.layTitle(right, middle)
}

// layTitle puts title and tags into the space up to right. Tags give way
// before the title does.
func (rr *rowRenderer) layTitle(right, middle float32) {
	v := rr.row.shown
	x := float32(rowTitleX)
	if v.done {
		x = rowDoneX
	}
	room := right - x
	rule := ruler{sizeBody, fyne.TextStyle{}}
	rr.title.Text = rule.cut(v.title, room)
	if rr.title.Text == v.title {
		room -= rule.width(v.title)
	} else {
		room = 0
	}
	size := rr.title.MinSize()
	rr.title.Move(fyne.NewPos(x, middle-size.Height/2))
	rr.title.Resize(size)
	rr.layChips(right-room, room, middle)
}

func (rr *rowRenderer) layChips(x, room, middle float32) {
	used := 0
	for _, tag := range rr.row.shown.tags {
		words := ruler{sizeCaption, fyne.TextStyle{}}.cut(tag, chipMost)
		width := ruler{sizeCaption, fyne.TextStyle{}}.width(words) + 2*chipPad
		if room < width+chipGap {
			break
		}
		if used == len(rr.chips) {
			rr.chips = append(rr.chips, newChip())
		}
		rr.chips[used].place(words, x+chipGap, middle, width)
		used++
		x, room = x+width+chipGap, room-width-chipGap
	}
	rr.objects = rr.fixed
	for _, c := range rr.chips[:used] {
		rr.objects = append(rr.objects, c.back, c.words)
	}
}
