package gui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// field is a text entry that leaves the window its keys: Escape, F1 and the
// commands' shortcuts work while one types. Tab always moves on.
type field struct {
	widget.Entry
	onEscape func() bool // reports whether Escape was used; nil: it goes to the window
	onKey    func(*fyne.KeyEvent) bool
	onBlur   func()
	onFocus  func()
	focus    bool
}

func newField(placeholder string) *field {
	f := &field{}
	f.Wrapping = fyne.TextWrap(fyne.TextTruncateClip)
	f.ExtendBaseWidget(f)
	f.SetPlaceHolder(placeholder)
	return f
}

// newArea is a field of several lines that wrap.
func newArea(placeholder string) *field {
	f := &field{}
	f.MultiLine, f.Wrapping = true, fyne.TextWrapWord
	f.ExtendBaseWidget(f)
	f.SetPlaceHolder(placeholder)
	return f
}

// newSecretField hides what is typed.
func newSecretField(placeholder string) *field {
	f := &field{}
	f.Password, f.Wrapping = true, fyne.TextWrap(fyne.TextTruncateClip)
	f.ExtendBaseWidget(f)
	f.SetPlaceHolder(placeholder)
	return f
}

// setForeign shows a text that was not typed here. One that a field would not show
// as it is stands there cleaned and cannot be edited; it reports whether it can.
func (f *field) setForeign(words string) bool {
	if len(words) <= editMost && !hidesIn(words) {
		f.SetText(words)
		return true
	}
	f.SetText(show(words, 200))
	f.Disable()
	return false
}

// CreateRenderer draws the frame of the design around Fyne's text. Fyne's own
// frame comes out darker than its colour, since it fades to black.
func (f *field) CreateRenderer() fyne.WidgetRenderer {
	f.ExtendBaseWidget(f)
	r := &fieldRenderer{WidgetRenderer: f.Entry.CreateRenderer(), field: f, frame: canvas.NewRectangle(nil)}
	r.frame.CornerRadius = 8
	r.paint()
	return r
}

type fieldRenderer struct {
	fyne.WidgetRenderer
	field   *field
	frame   *canvas.Rectangle
	objects []fyne.CanvasObject
}

// Objects leaves out the first two of Fyne's: background and border.
func (r *fieldRenderer) Objects() []fyne.CanvasObject {
	r.objects = append(append(r.objects[:0], r.frame), r.WidgetRenderer.Objects()[2:]...)
	return r.objects
}

func (r *fieldRenderer) Layout(size fyne.Size) {
	r.frame.Resize(size)
	r.WidgetRenderer.Layout(size)
}

func (r *fieldRenderer) Refresh() {
	r.paint()
	r.WidgetRenderer.Refresh()
}

func (r *fieldRenderer) paint() {
	border := theme.ColorNameInputBorder
	if r.field.focus && !r.field.Disabled() {
		border = theme.ColorNamePrimary
	}
	paint(r.frame, theme.ColorNameInputBackground, border)
	if border == theme.ColorNamePrimary {
		r.frame.StrokeWidth = 1.5
	}
	r.frame.Refresh()
}

// AcceptsTab is false, for Tab must lead out of a description too.
func (f *field) AcceptsTab() bool { return false }

// FocusGained notes the focus.
func (f *field) FocusGained() {
	f.focus = true
	f.Entry.FocusGained()
	if f.onFocus != nil {
		f.onFocus()
	}
}

// FocusLost notes it and tells whoever wants to save what was typed.
func (f *field) FocusLost() {
	f.focus = false
	f.Entry.FocusLost()
	if f.onBlur != nil {
		f.onBlur()
	}
}

// TypedKey gives keys that mean nothing to a text to the window.
func (f *field) TypedKey(e *fyne.KeyEvent) {
	if f.onKey != nil && f.onKey(e) {
		return
	}
	switch e.Name {
	case fyne.KeyEscape:
		if f.onEscape == nil || !f.onEscape() {
			handOn(f, e)
		}
	case fyne.KeyF1, fyne.KeyF2, fyne.KeyF3, fyne.KeyF4, fyne.KeyF5, fyne.KeyF6,
		fyne.KeyF7, fyne.KeyF8, fyne.KeyF9, fyne.KeyF10, fyne.KeyF11, fyne.KeyF12:
		handOn(f, e)
	default:
		f.Entry.TypedKey(e)
	}
}

// TypedShortcut keeps what edits text and gives the window the rest.
func (f *field) TypedShortcut(s fyne.Shortcut) {
	if isRedo(s) {
		f.Redo()
		return
	}
	f.Entry.TypedShortcut(s)
	if _, custom := s.(*desktop.CustomShortcut); !custom {
		return
	}
	if c, ok := canvasOf(f).(fyne.Shortcutable); ok {
		c.TypedShortcut(s)
	}
}

// isRedo reports whether s is Ctrl+Shift+Z, which Fyne's entry does not know.
func isRedo(s fyne.Shortcut) bool {
	c, ok := s.(*desktop.CustomShortcut)
	return ok && c.KeyName == fyne.KeyZ && c.Modifier == fyne.KeyModifierShortcutDefault|fyne.KeyModifierShift
}
