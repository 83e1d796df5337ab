package gui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
)

// pressArea is something larger that can be pressed: an entry of a list of
// cards. keys gets what is typed on it before it does; it may be nil.
type pressArea struct {
	press
	content fyne.CanvasObject
	pad     insets
	keys    func(*fyne.KeyEvent) bool
}

func newPressArea(label string, content fyne.CanvasObject, pad insets, onTap func()) *pressArea {
	a := &pressArea{content: content, pad: pad}
	a.extend(a, label, onTap)
	return a
}

// TypedKey gives the key to the list, and else does what every press does.
func (a *pressArea) TypedKey(e *fyne.KeyEvent) {
	if a.keys == nil || !a.keys(e) {
		a.press.TypedKey(e)
	}
}

func (a *pressArea) heightFor(width float32) float32 {
	return heightFor(a.content, width-a.pad.left-a.pad.right) + a.pad.top + a.pad.bottom
}

func (a *pressArea) CreateRenderer() fyne.WidgetRenderer {
	r := &pressAreaRenderer{area: a, back: canvas.NewRectangle(nil)}
	r.back.CornerRadius = 10
	r.paint()
	return r
}

type pressAreaRenderer struct {
	area *pressArea
	back *canvas.Rectangle
}

func (r *pressAreaRenderer) Destroy() {}

func (r *pressAreaRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.back, r.area.content}
}

func (r *pressAreaRenderer) MinSize() fyne.Size {
	p := r.area.pad
	return r.area.content.MinSize().AddWidthHeight(p.left+p.right, p.top+p.bottom)
}

func (r *pressAreaRenderer) Layout(size fyne.Size) {
	p := r.area.pad
	r.back.Resize(size)
	place(r.area.content, p.left, p.top, size.Width-p.left-p.right, size.Height-p.top-p.bottom)
}

func (r *pressAreaRenderer) Refresh() {
	r.paint()
	r.back.Refresh()
	canvas.Refresh(r.area)
}

func (r *pressAreaRenderer) paint() {
	fill := fyne.ThemeColorName("")
	if r.area.hovered && !r.area.disabled {
		fill = theme.ColorNameHover
	}
	paint(r.back, fill, "")
	if r.area.focused {
		r.back.StrokeColor, r.back.StrokeWidth = theme.Color(colorFocus), 2
	}
}
