package gui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
)

// option is one value that can be chosen.
type option[T comparable] struct {
	value T
	words string
}

// choice is a few values side by side, in further lines where there is no room,
// one of them chosen. The arrow keys move among them.
type choice[T comparable] struct {
	box      *fyne.Container
	options  []option[T]
	buttons  []*choiceButton
	chosen   T
	onChoose func(T)
}

func newChoice[T comparable](options []option[T], chosen T, onChoose func(T)) *choice[T] {
	c := &choice[T]{options: options, chosen: chosen, onChoose: onChoose}
	objects := make([]fyne.CanvasObject, len(options))
	for i, o := range options {
		b := &choiceButton{words: o.words, move: func(by int) { c.move(i + by) }}
		b.extend(b, o.words, func() { c.choose(i) })
		c.buttons = append(c.buttons, b)
		objects[i] = b
	}
	c.box = buttonRow(objects...)
	c.show()
	return c
}

// followed calls follow for each of the values, for what happens when it gets
// the focus.
func (c *choice[T]) followed(follow func(fyne.CanvasObject) func()) {
	for _, b := range c.buttons {
		b.onFocus = follow(b)
	}
}

// set shows a value without telling anyone.
func (c *choice[T]) set(value T) {
	c.chosen = value
	c.show()
}

func (c *choice[T]) show() {
	for i, b := range c.buttons {
		b.setOn(c.options[i].value == c.chosen)
	}
}

func (c *choice[T]) choose(i int) {
	if c.chosen == c.options[i].value {
		return
	}
	c.set(c.options[i].value)
	if c.onChoose != nil {
		c.onChoose(c.chosen)
	}
}

func (c *choice[T]) move(to int) {
	if to < 0 || to >= len(c.buttons) {
		return
	}
	if cv := canvasOf(c.buttons[to]); cv != nil {
		cv.Focus(c.buttons[to])
	}
	c.choose(to)
}

type choiceButton struct {
	press
	words string
	on    bool
	move  func(by int)
}

func (b *choiceButton) setOn(on bool) {
	if b.on != on {
		b.on = on
		b.Refresh()
	}
}

// TypedKey moves along the choice.
func (b *choiceButton) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyLeft, fyne.KeyUp:
		b.move(-1)
	case fyne.KeyRight, fyne.KeyDown:
		b.move(1)
	default:
		b.press.TypedKey(e)
	}
}

func (b *choiceButton) CreateRenderer() fyne.WidgetRenderer {
	r := &choiceRenderer{button: b, back: canvas.NewRectangle(nil), words: canvas.NewText(b.words, nil)}
	r.words.Alignment = fyne.TextAlignCenter
	r.paint()
	return r
}

type choiceRenderer struct {
	button *choiceButton
	back   *canvas.Rectangle
	words  *canvas.Text
}

func (r *choiceRenderer) Destroy()                     {}
func (r *choiceRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.back, r.words} }

func (r *choiceRenderer) MinSize() fyne.Size {
	return fyne.NewSize(ruler{sizeBody, fyne.TextStyle{}}.width(r.button.words)+24, 32)
}

func (r *choiceRenderer) Layout(size fyne.Size) {
	r.back.Resize(size)
	h := r.words.MinSize().Height
	r.words.Move(fyne.NewPos(0, (size.Height-h)/2))
	r.words.Resize(fyne.NewSize(size.Width, h))
}

func (r *choiceRenderer) Refresh() {
	r.paint()
	canvas.Refresh(r.button)
}

func (r *choiceRenderer) paint() {
	b := r.button
	fill, border, ink := colorCard, theme.ColorNameInputBorder, theme.ColorNameForeground
	if b.hovered {
		fill = theme.ColorNameHover
	}
	if b.on {
		fill, border, ink = colorNavOn, colorNavOn, colorNavOnText
	}
	if b.disabled && !b.on {
		ink = theme.ColorNameDisabled
	}
	paint(r.back, fill, border)
	r.back.CornerRadius = 8
	if b.focused {
		r.back.StrokeColor, r.back.StrokeWidth = theme.Color(colorFocus), 2
	}
	r.words.Text, r.words.TextSize, r.words.Color = b.words, sizeBody, theme.Color(ink)
}
