package gui

import (
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
)

// sheetOptions say what a dialog holds. Title and body are required.
type sheetOptions struct {
	title   string
	body    fyne.CanvasObject
	buttons []fyne.CanvasObject // at the bottom right; the last one is the main one
	width   float32             // 0: 460
	focus   fyne.Focusable      // has the focus first; nil: nothing
	bare    bool                // no title and no close button
	rune    func(rune) bool     // gets the characters that no field takes; reports whether it used one; may be nil
	closed  func()              // called when it is gone, however; may be nil
}

// sheet is a dialog over the window. Escape, a click beside it and its own
// buttons close it. Several may lie on top of each other.
type sheet struct {
	w       *Window
	overlay fyne.CanvasObject
	rune    func(rune) bool
	closed  func()
}

func (w *Window) openSheet(o sheetOptions) *sheet {
	s := &sheet{w: w, rune: o.rune, closed: o.closed}
	if o.width == 0 {
		o.width = 460
	}
	parts := column(16)
	if !o.bare {
		title := newText(o.title, textStyle{size: sizeTitle, style: fyne.TextStyle{Bold: true}, wrap: true, lines: 2})
		parts.Add(row(8, title, title, newIconButton(theme.CancelIcon(), "Close", s.close)))
	}
	pad := insets{top: 14, right: 20, bottom: 18, left: 20}
	if o.bare {
		pad = even(12)
	}
	margin := pad.right - 4 // the bar of the scroller runs in it, beside what is read
	scroll := container.NewVScroll(inset(insets{right: margin}, o.body))
	parts.Add(container.New(&tallLayout{insetLayout{insets{right: -margin}}, o.body}, scroll))
	if len(o.buttons) > 0 {
		parts.Add(container.New(&wrapLayout{gap: 8, right: true}, o.buttons...))
	}
	body := newPanel(container.New(&sheetBody{}, parts.Objects...), panelStyle{
		fill: theme.ColorNameOverlayBackground, border: theme.ColorNameSeparator, radius: 12, pad: pad, shadow: true,
	})
	shade := newShade(s.close)
	s.overlay = container.New(&sheetLayout{width: o.width, high: o.bare}, shade, body)
	w.sheets = append(w.sheets, s)
	cv := w.win.Canvas()
	cv.Overlays().Add(s.overlay)
	if o.focus != nil {
		cv.Focus(o.focus)
	}
	return s
}

// close takes the sheet away, and those above it.
func (s *sheet) close() {
	i := slices.Index(s.w.sheets, s)
	if i < 0 {
		return
	}
	above := s.w.sheets[i:]
	s.w.sheets = s.w.sheets[:i:i]
	s.w.win.Canvas().Overlays().Remove(s.overlay)
	for _, gone := range slices.Backward(above) {
		if gone.closed != nil {
			gone.closed()
		}
	}
}

// relayout makes the sheet as high as its content is now.
func (s *sheet) relayout() {
	s.overlay.(*fyne.Container).Layout.Layout(s.overlay.(*fyne.Container).Objects, s.overlay.Size())
}

// closeSheet closes the topmost sheet; false if there is none.
func (w *Window) closeSheet() bool {
	if len(w.sheets) == 0 {
		return false
	}
	w.sheets[len(w.sheets)-1].close()
	return true
}

func (w *Window) closeSheets() {
	for w.closeSheet() {
		continue
	}
}

// tallLayout holds a scroller and tells the height of what is in it.
type tallLayout struct {
	insetLayout
	of fyne.CanvasObject
}

func (l *tallLayout) heightFor(_ []fyne.CanvasObject, width float32) float32 {
	return heightFor(l.of, width)
}

// scrolls reports whether o is such a scroller.
func scrolls(o fyne.CanvasObject) bool {
	c, ok := o.(*fyne.Container)
	if !ok {
		return false
	}
	_, ok = c.Layout.(*tallLayout)
	return ok
}

// sheetLayout centres the sheet, a little above the middle, within the window.
type sheetLayout struct {
	width float32
	high  bool // near the top, so that it does not jump while it grows and shrinks
}

func (l *sheetLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	objects[0].Resize(size)
	width := min(l.width, size.Width-24)
	height := min(heightFor(objects[1], width), size.Height-24)
	y := max(12, (size.Height-height)/2.6)
	if l.high {
		y = min(y, 84)
	}
	objects[1].Move(fyne.NewPos((size.Width-width)/2, y))
	objects[1].Resize(fyne.NewSize(width, height))
}

func (l *sheetLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(100, 100) }

// sheetBody is a column in which the scroller gets what the others leave.
type sheetBody struct{}

func (l *sheetBody) heightFor(objects []fyne.CanvasObject, width float32) float32 {
	return (&columnLayout{gap: 16}).heightFor(objects, width)
}

func (l *sheetBody) MinSize(objects []fyne.CanvasObject) fyne.Size { return fyne.NewSize(100, 60) }

func (l *sheetBody) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	rest := size.Height - 16*float32(len(objects)-1)
	for _, o := range objects {
		if !scrolls(o) {
			rest -= heightFor(o, size.Width)
		}
	}
	y := float32(0)
	for _, o := range objects {
		h := rest
		if !scrolls(o) {
			h = heightFor(o, size.Width)
		}
		o.Move(fyne.NewPos(0, y))
		o.Resize(fyne.NewSize(size.Width, h))
		y += h + 16
	}
}

// shade darkens what is behind a sheet or a drawer; a click on it closes that.
type shade struct{ press }

func newShade(onTap func()) *shade {
	s := &shade{}
	s.extend(s, "Close", onTap)
	return s
}

// Focusable it is not: Tab stays within the sheet.
func (s *shade) Disabled() bool { return true }

// Tapped closes, though Disabled keeps it out of the focus chain.
func (s *shade) Tapped(*fyne.PointEvent) { s.onTap() }

func (s *shade) CreateRenderer() fyne.WidgetRenderer {
	return &shadeRenderer{s, canvas.NewRectangle(theme.Color(theme.ColorNameShadow))}
}

type shadeRenderer struct {
	shade *shade
	rect  *canvas.Rectangle
}

func (r *shadeRenderer) Destroy()                     {}
func (r *shadeRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.rect} }
func (r *shadeRenderer) MinSize() fyne.Size           { return fyne.Size{} }
func (r *shadeRenderer) Layout(size fyne.Size)        { r.rect.Resize(size) }

func (r *shadeRenderer) Refresh() {
	r.rect.FillColor = theme.Color(theme.ColorNameShadow)
	canvas.Refresh(r.shade)
}
