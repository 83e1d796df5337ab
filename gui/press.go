package gui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"
)

// press is what everything that can be pressed has in common: the pointer, the
// focus, Space and Enter. Widgets embed it and draw themselves by its state.
type press struct {
	widget.BaseWidget
	self  fyne.CanvasObject // the widget that embeds it
	onTap func()
	label string // for assistive technology

	onFocus func() // it got the focus; may be nil

	pointerOnly                bool // it is not in the focus chain
	hovered, focused, disabled bool
}

// extend tells which widget embeds it; it must be called first.
func (p *press) extend(self fyne.Widget, label string, onTap func()) {
	p.self, p.label, p.onTap = self, label, onTap
	p.ExtendBaseWidget(self)
}

// Tapped presses it.
func (p *press) Tapped(*fyne.PointEvent) {
	if !p.disabled && p.onTap != nil {
		p.onTap()
	}
}

// TypedKey presses it on Space and Enter and hands every other key on.
func (p *press) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeySpace, fyne.KeyReturn, fyne.KeyEnter:
		p.Tapped(nil)
	default:
		handOn(p.self, e)
	}
}

// TypedRune hands the character on: no press widget takes text.
func (p *press) TypedRune(r rune) {
	if c := canvasOf(p.self); c != nil && c.OnTypedRune() != nil && r != ' ' {
		c.OnTypedRune()(r)
	}
}

// FocusGained shows the focus ring.
func (p *press) FocusGained() {
	p.focused = true
	p.Refresh()
	if p.onFocus != nil {
		p.onFocus()
	}
}

// FocusLost hides it.
func (p *press) FocusLost() { p.focused = false; p.Refresh() }

// MouseIn marks it as under the pointer.
func (p *press) MouseIn(*desktop.MouseEvent) { p.hovered = true; p.Refresh() }

// MouseMoved does nothing.
func (p *press) MouseMoved(*desktop.MouseEvent) {}

// MouseOut takes the mark away.
func (p *press) MouseOut() { p.hovered = false; p.Refresh() }

// Cursor is a hand where something can be pressed.
func (p *press) Cursor() desktop.Cursor {
	if p.disabled {
		return desktop.DefaultCursor
	}
	return desktop.PointerCursor
}

// Disabled keeps it out of the focus chain.
func (p *press) Disabled() bool { return p.disabled || p.pointerOnly }

// Enable makes it work.
func (p *press) Enable() { p.setEnabled(true) }

// Disable makes it do nothing.
func (p *press) Disable() { p.setEnabled(false) }

func (p *press) setEnabled(on bool) {
	if p.disabled == on {
		p.disabled = !on
		p.Refresh()
	}
}

// AccessibilityLabel is what it is called.
func (p *press) AccessibilityLabel() string { return p.label }

// AccessibilityRole is that of a button.
func (p *press) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleButton }

// canvasOf finds the canvas that o is on, nil if on none. The toolkit does not
// know it before o was drawn, and who types fast is there earlier: there is one
// window, so it is that one's.
func canvasOf(o fyne.CanvasObject) fyne.Canvas {
	d := fyne.CurrentApp().Driver()
	if c := d.CanvasForObject(o); c != nil {
		return c
	}
	if all := d.AllWindows(); len(all) == 1 {
		return all[0].Canvas()
	}
	return nil
}

// handOn gives a key that a focused widget has no use for to the window, so
// that Escape, F1 and the like work wherever the focus is. Fyne itself gives a
// key to the focused widget alone.
func handOn(o fyne.CanvasObject, e *fyne.KeyEvent) {
	if c := canvasOf(o); c != nil && c.OnTypedKey() != nil {
		c.OnTypedKey()(e)
	}
}
