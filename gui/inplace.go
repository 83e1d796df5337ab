package gui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
)

// inPlace shows a value and, when it is pressed, a field in its place. Enter
// and leaving the field keep what was typed, Escape does not.
type inPlace struct {
	box   *fyne.Container
	view  *inPlaceView
	field *field
	open  bool
	start func() string // what the field begins with
	save  func(string)  // called with what was typed, if it was changed
	grown func()        // the height may be another
	began string
	back  fyne.Focusable // gets the focus when it ends; nil: the value
}

func newInPlace(label string, shown fyne.CanvasObject, start func() string, save func(string), grown func()) *inPlace {
	e := &inPlace{field: newField(""), start: start, save: save, grown: grown}
	e.view = &inPlaceView{shown: shown}
	e.view.extend(e.view, label, e.begin)
	e.field.OnSubmitted = func(string) { e.end(true) }
	e.field.onEscape = func() bool { e.end(false); return true }
	e.field.onBlur = func() { e.finish(true) }
	e.field.Hide()
	e.box = container.New(&inPlaceLayout{edit: e}, e.view, e.field)
	return e
}

// begin opens the field and puts the cursor there.
func (e *inPlace) begin() {
	if !e.view.disabled && !e.open {
		e.beginWith(e.start())
	}
}

// beginWith opens the field with this text in it. What begins like that counts as
// changed only if it is another text then.
func (e *inPlace) beginWith(text string) {
	e.open, e.began = true, text
	e.field.SetText(text)
	e.view.Hide()
	e.field.Show()
	e.grown()
	if c := canvasOf(e.view); c != nil {
		c.Focus(e.field)
		e.field.TypedShortcut(&fyne.ShortcutSelectAll{})
	}
}

// end closes the field and leaves the focus on the value, or where it was before.
func (e *inPlace) end(keep bool) {
	if !e.open {
		return
	}
	back := e.back
	if o, ok := back.(fyne.CanvasObject); !ok || !o.Visible() {
		back = e.view
	}
	e.finish(keep)
	if c := canvasOf(e.view); c != nil {
		c.Focus(back)
	}
}

// finish closes the field.
func (e *inPlace) finish(keep bool) {
	if !e.open {
		return
	}
	e.open, e.back = false, nil
	text := e.field.Text
	e.field.Hide()
	e.view.Show()
	e.grown()
	if keep && text != e.began {
		e.save(text)
	}
}

// inPlaceLayout is as high as what is visible.
type inPlaceLayout struct {
	insetLayout
	edit *inPlace
}

func (l *inPlaceLayout) heightFor(_ []fyne.CanvasObject, width float32) float32 {
	if l.edit.open {
		return l.edit.field.MinSize().Height
	}
	return heightFor(l.edit.view.shown, width)
}

// inPlaceView is the value while it is not being edited.
type inPlaceView struct {
	press
	shown fyne.CanvasObject
}

func (v *inPlaceView) heightFor(width float32) float32 { return heightFor(v.shown, width) }

// Cursor shows that a press leads into text.
func (v *inPlaceView) Cursor() desktop.Cursor {
	if v.disabled {
		return desktop.DefaultCursor
	}
	return desktop.TextCursor
}

func (v *inPlaceView) CreateRenderer() fyne.WidgetRenderer {
	r := &inPlaceRenderer{view: v, back: newPanel(nil, panelStyle{radius: 6})}
	return r
}

type inPlaceRenderer struct {
	view *inPlaceView
	back *panel
}

func (r *inPlaceRenderer) Destroy() {}

func (r *inPlaceRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.back, r.view.shown}
}

func (r *inPlaceRenderer) MinSize() fyne.Size { return r.view.shown.MinSize() }

func (r *inPlaceRenderer) Layout(size fyne.Size) {
	place(r.back, -6, -2, size.Width+12, size.Height+4)
	place(r.view.shown, 0, 0, size.Width, size.Height)
}

func (r *inPlaceRenderer) Refresh() {
	v := r.view
	fill, border := fyne.ThemeColorName(""), fyne.ThemeColorName("")
	if !v.disabled && v.hovered {
		fill = theme.ColorNameHover
	}
	if !v.disabled && v.focused {
		border = colorFocus
	}
	r.back.setColors(fill, border)
	v.shown.Refresh()
}
