package gui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// timeBar is a part of a time line, drawn to scale.
type timeBar struct {
	widget.BaseWidget
	from, to float32 // of 1
	failed   bool
}

func newTimeBar() *timeBar {
	b := &timeBar{}
	b.ExtendBaseWidget(b)
	return b
}

func (b *timeBar) show(from, to float32, failed bool) {
	if b.from != from || b.to != to || b.failed != failed {
		b.from, b.to, b.failed = from, to, failed
		b.Refresh()
	}
}

func (b *timeBar) CreateRenderer() fyne.WidgetRenderer {
	r := &timeBarRenderer{bar: b, track: canvas.NewRectangle(nil), part: canvas.NewRectangle(nil)}
	r.track.CornerRadius, r.part.CornerRadius = timeBarHeight/2, timeBarHeight/2
	r.paint()
	return r
}

type timeBarRenderer struct {
	bar         *timeBar
	track, part *canvas.Rectangle
}

const (
	timeBarHeight = 6
	timeBarLeast  = 4 // what is very short is still seen
)

func (r *timeBarRenderer) Destroy() {}

func (r *timeBarRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.track, r.part}
}

func (r *timeBarRenderer) MinSize() fyne.Size { return fyne.NewSize(40, timeBarHeight) }

func (r *timeBarRenderer) Layout(size fyne.Size) {
	y := (size.Height - timeBarHeight) / 2
	place(r.track, 0, y, size.Width, timeBarHeight)
	w := max(timeBarLeast, (r.bar.to-r.bar.from)*size.Width)
	place(r.part, min(r.bar.from*size.Width, size.Width-w), y, w, timeBarHeight)
}

func (r *timeBarRenderer) Refresh() {
	r.paint()
	r.Layout(r.bar.Size())
	canvas.Refresh(r.bar)
}

func (r *timeBarRenderer) paint() {
	ink := theme.ColorNamePrimary
	if r.bar.failed {
		ink = theme.ColorNameError
	}
	r.track.FillColor, r.part.FillColor = theme.Color(colorChip), theme.Color(ink)
	r.part.Hidden = r.bar.to <= r.bar.from
}
