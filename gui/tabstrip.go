package gui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
)

// tabStrip is the names of several sides of one thing, one of them shown. The
// arrow keys move among them.
type tabStrip struct {
	box     *fyne.Container
	options []option[flowTab]
	buttons []*tabButton
	chosen  flowTab
	choose  func(flowTab)
}

func newTabStrip(options []option[flowTab], choose func(flowTab)) *tabStrip {
	s := &tabStrip{options: options, chosen: -1, choose: choose}
	objects := make([]fyne.CanvasObject, len(options))
	for i, o := range options {
		b := &tabButton{words: o.words, move: func(by int) { s.move(i + by) }}
		b.extend(b, o.words, func() { s.move(i) }) // the toolkit gives a press no focus, and the arrow keys go on from here
		s.buttons = append(s.buttons, b)
		objects[i] = b
	}
	s.box = column(0, container.New(&tabsLayout{}, objects...), line())
	return s
}

// set marks the side that is shown.
func (s *tabStrip) set(to flowTab) {
	s.chosen = to
	for i, b := range s.buttons {
		if on := s.options[i].value == to; b.on != on {
			b.on = on
			b.Refresh()
		}
	}
}

func (s *tabStrip) move(to int) {
	if to < 0 || to >= len(s.buttons) {
		return
	}
	s.choose(s.options[to].value)
	if cv := canvasOf(s.buttons[to]); cv != nil {
		cv.Focus(s.buttons[to])
	}
}

// tabsLayout keeps the tabs apart where there is room for that.
type tabsLayout struct{ wrapLayout }

func (l *tabsLayout) at(objects []fyne.CanvasObject, width float32) *wrapLayout {
	l.gap = 18
	if long, _ := l.measure(objects, width); long > width {
		l.gap = 1
	}
	return &l.wrapLayout
}

func (l *tabsLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	l.at(objects, size.Width).Layout(objects, size)
}

func (l *tabsLayout) heightFor(objects []fyne.CanvasObject, width float32) float32 {
	return l.at(objects, width).heightFor(objects, width)
}

// tabPad is the room beside the words.
const tabPad = 6

type tabButton struct {
	press
	words string
	on    bool
	move  func(by int)
}

// AccessibilityLabel says whether it is the one that is shown.
func (b *tabButton) AccessibilityLabel() string {
	if b.on {
		return b.words + ", shown"
	}
	return b.words
}

// TypedKey moves along the strip.
func (b *tabButton) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyLeft:
		b.move(-1)
	case fyne.KeyRight:
		b.move(1)
	default:
		b.press.TypedKey(e)
	}
}

func (b *tabButton) CreateRenderer() fyne.WidgetRenderer {
	r := &tabRenderer{button: b, back: canvas.NewRectangle(nil), words: canvas.NewText(b.words, nil), under: canvas.NewRectangle(nil)}
	r.back.CornerRadius = 6
	r.paint()
	return r
}

type tabRenderer struct {
	button      *tabButton
	back, under *canvas.Rectangle
	words       *canvas.Text
}

func (r *tabRenderer) Destroy() {}

func (r *tabRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.back, r.words, r.under}
}

func (r *tabRenderer) MinSize() fyne.Size {
	return fyne.NewSize(ruler{sizeBody, fyne.TextStyle{}}.width(r.button.words)+2*tabPad, 34)
}

func (r *tabRenderer) Layout(size fyne.Size) {
	place(r.back, 0, 2, size.Width, size.Height-6)
	m := r.words.MinSize()
	place(r.words, (size.Width-m.Width)/2, (size.Height-m.Height)/2-1, m.Width, m.Height)
	place(r.under, tabPad-4, size.Height-2, size.Width-2*tabPad+8, 2)
}

func (r *tabRenderer) Refresh() {
	r.paint()
	r.Layout(r.button.Size())
	canvas.Refresh(r.button)
}

func (r *tabRenderer) paint() {
	b := r.button
	fill, ink := fyne.ThemeColorName(""), colorMuted
	if b.hovered {
		fill = theme.ColorNameHover
	}
	if b.on {
		ink = theme.ColorNameForeground
	}
	paint(r.back, fill, "")
	if b.focused {
		r.back.StrokeColor, r.back.StrokeWidth = theme.Color(colorFocus), 2
	}
	r.words.Text, r.words.TextSize, r.words.Color = b.words, sizeBody, theme.Color(ink)
	r.under.FillColor = theme.Color(theme.ColorNamePrimary)
	r.under.Hidden = !b.on
}
