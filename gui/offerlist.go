package gui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// offer is a line of the Explorer's list: something that can be looked at and
// called, or the title of those below it. Its texts are cleaned.
type offer struct {
	key     string // names it for as long as the page is open; "" for a title
	label   string
	caption string
	mark    bool // there is something odd about it
	open    func() exploreDetail
}

// offerList lists what can be called. The arrow keys move in it, Enter goes on
// to what is chosen.
type offerList struct {
	widget.List
	offers  []*offer
	at      int // the chosen one, -1 for none
	focused bool
	choose  func(o *offer, enter bool)
}

const (
	offerHeight = 47
	offerTitle  = 30
)

func newOfferList(choose func(o *offer, enter bool)) *offerList {
	l := &offerList{at: -1, choose: choose}
	l.HideSeparators = true
	l.Length = func() int { return len(l.offers) }
	l.CreateItem = func() fyne.CanvasObject { return newOfferRow(l) }
	l.UpdateItem = func(i int, o fyne.CanvasObject) {
		if i < len(l.offers) {
			o.(*offerRow).show(i)
		}
	}
	l.ExtendBaseWidget(l)
	return l
}

// show lists these; the one with the key is marked.
func (l *offerList) show(offers []*offer, key string) {
	was := len(l.offers)
	l.offers, l.at = offers, -1
	for i, o := range offers {
		height := float32(offerHeight)
		if o.key == "" {
			height = offerTitle
		}
		l.SetItemHeight(i, height)
		if o.key != "" && o.key == key {
			l.at = i
		}
	}
	for i := len(offers); i < was; i++ {
		l.SetItemHeight(i, offerHeight)
	}
	l.Refresh()
}

// mark marks the one with the key.
func (l *offerList) mark(key string) {
	l.at = -1
	for i, o := range l.offers {
		if o.key == key {
			l.at = i
		}
	}
	l.Refresh()
	if l.at >= 0 {
		l.ScrollTo(l.at)
	}
}

// goTo chooses the i-th, or the nearest beyond it in this direction.
func (l *offerList) goTo(i, by int) {
	for i = max(0, min(i, len(l.offers)-1)); i >= 0 && i < len(l.offers); i += by {
		if l.offers[i].key != "" {
			l.at = i
			l.Refresh()
			l.ScrollTo(i)
			l.choose(l.offers[i], false)
			return
		}
	}
}

// FocusGained shows that the keys are for the list.
func (l *offerList) FocusGained() { l.focused = true; l.Refresh() }

// FocusLost hides it.
func (l *offerList) FocusLost() { l.focused = false; l.Refresh() }

// TypedKey moves in the list.
func (l *offerList) TypedKey(e *fyne.KeyEvent) {
	page := max(1, int(l.Size().Height/offerHeight)-1)
	switch e.Name {
	case fyne.KeyDown:
		l.goTo(l.at+1, 1)
	case fyne.KeyUp:
		l.goTo(l.at-1, -1)
	case fyne.KeyPageDown:
		l.goTo(l.at+page, 1)
	case fyne.KeyPageUp:
		l.goTo(l.at-page, -1)
	case fyne.KeyHome:
		l.goTo(0, 1)
	case fyne.KeyEnd:
		l.goTo(len(l.offers)-1, -1)
	case fyne.KeyReturn, fyne.KeyEnter, fyne.KeySpace:
		if l.at >= 0 {
			l.choose(l.offers[l.at], true)
		}
	default:
		handOn(l, e)
	}
}

// TypedRune goes to the window.
func (l *offerList) TypedRune(r rune) {
	if c := canvasOf(l); c != nil && c.OnTypedRune() != nil && r != ' ' {
		c.OnTypedRune()(r)
	}
}

// offerRow shows a line of the list.
type offerRow struct {
	press
	list *offerList
	i    int
}

func newOfferRow(l *offerList) *offerRow {
	r := &offerRow{list: l}
	r.extend(r, "", func() {
		if o := l.offers[r.i]; o.key != "" {
			l.at = r.i
			l.Refresh()
			l.choose(o, true)
		}
	})
	r.pointerOnly = true
	return r
}

func (r *offerRow) show(i int) {
	o := r.list.offers[i]
	r.i, r.label = i, o.label
	if o.caption != "" {
		r.label += ", " + o.caption
	}
	r.Refresh()
}

func (r *offerRow) CreateRenderer() fyne.WidgetRenderer {
	rr := &offerRenderer{row: r, back: canvas.NewRectangle(nil), label: canvas.NewText("", nil), caption: canvas.NewText("", nil), mark: newMarkIcon(theme.WarningIcon(), colorNoticeText)}
	rr.back.CornerRadius = 6
	return rr
}

type offerRenderer struct {
	row            *offerRow
	back           *canvas.Rectangle
	label, caption *canvas.Text
	mark           *canvas.Image
}

func (rr *offerRenderer) Destroy()           {}
func (rr *offerRenderer) MinSize() fyne.Size { return fyne.NewSize(120, offerTitle) }

func (rr *offerRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{rr.back, rr.label, rr.caption, rr.mark}
}

func (rr *offerRenderer) Layout(size fyne.Size) {
	r := rr.row
	if r.i >= len(r.list.offers) {
		return
	}
	o := r.list.offers[r.i]
	const pad = 12
	place(rr.back, 3, 3, size.Width-6, size.Height-6)
	room := size.Width - 2*pad
	if o.mark {
		room -= 22
		place(rr.mark, size.Width-pad-16, (size.Height-16)/2, 16, 16)
	}
	rr.label.Text = ruler{rr.label.TextSize, rr.label.TextStyle}.cut(o.label, room)
	rr.caption.Text = ruler{rr.caption.TextSize, rr.caption.TextStyle}.cut(o.caption, room)
	a, b := rr.label.MinSize(), rr.caption.MinSize()
	y := (size.Height - a.Height) / 2
	switch {
	case o.key == "":
		y = size.Height - a.Height - 3
	case o.caption != "":
		y = (size.Height - a.Height - b.Height) / 2
	}
	place(rr.label, pad, y, a.Width, a.Height)
	place(rr.caption, pad, y+a.Height, b.Width, b.Height)
}

func (rr *offerRenderer) Refresh() {
	rr.paint()
	rr.Layout(rr.row.Size())
	canvas.Refresh(rr.row)
}

func (rr *offerRenderer) paint() {
	r := rr.row
	if r.i >= len(r.list.offers) {
		return
	}
	o := r.list.offers[r.i]
	fill, ink, muted := fyne.ThemeColorName(""), theme.ColorNameForeground, colorMuted
	on := r.i == r.list.at
	switch {
	case o.key == "":
		ink = colorMuted
	case on:
		fill, ink, muted = colorNavOn, colorNavOnText, colorNavOnText
	case r.hovered:
		fill = theme.ColorNameHover
	}
	paint(rr.back, fill, "")
	if on && r.list.focused {
		rr.back.StrokeColor, rr.back.StrokeWidth = theme.Color(colorFocus), 2
	}
	rr.label.Color, rr.caption.Color = theme.Color(ink), theme.Color(muted)
	rr.label.TextSize, rr.caption.TextSize = sizeBody, sizeSmall
	rr.label.TextStyle.Bold = o.key == "" || on
	if o.key == "" {
		rr.label.TextSize = sizeSmall
	}
	rr.mark.Hidden = !o.mark
	rr.mark.Refresh()
}
