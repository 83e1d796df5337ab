package gui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
)

// buttonKind says how a button stands out.
type buttonKind int

const (
	buttonPlain   buttonKind = iota // outlined
	buttonPrimary                   // filled: the one thing to do on a page
	buttonQuiet                     // no outline, as wide as its words
	buttonDanger                    // outlined, in the colour of errors
)

const (
	buttonHeight = 36
	buttonPadX   = 14
	iconSide     = 16
)

// button is a button of the design.
type button struct {
	press
	words string
	icon  fyne.Resource // nil: words alone
	kind  buttonKind
	small bool // as high as a line of captions
	wraps bool // into further lines where there is no room for the words
}

func newButton(words string, kind buttonKind, onTap func()) *button {
	b := &button{words: words, kind: kind}
	b.extend(b, words, onTap)
	return b
}

// newIconButton has a picture instead of words; label is what it is called.
func newIconButton(icon fyne.Resource, label string, onTap func()) *button {
	b := &button{icon: icon, kind: buttonQuiet}
	b.extend(b, label, onTap)
	return b
}

// withIcon puts a picture before the words.
func (b *button) withIcon(icon fyne.Resource) *button {
	b.icon = icon
	return b
}

// wrapping is for words that come from elsewhere and may be long. It has no
// picture.
func (b *button) wrapping() *button {
	b.wraps = true
	return b
}

// measures are the size of the words, the height of a line of them with what is
// above and below, and what is at either side.
func (b *button) measures() (rule ruler, height, padX float32) {
	if b.small {
		return ruler{size: sizeCaption}, 28, 10
	}
	return ruler{size: sizeBody}, buttonHeight, buttonPadX
}

// likes is the width at which the words stand in one line.
func (b *button) likes() float32 {
	rule, height, padX := b.measures()
	if b.words == "" {
		return height
	}
	width := rule.width(b.words) + 2*padX
	if b.icon != nil {
		width += iconSide + 6
	}
	return width
}

// heightFor is the height of as many lines as the words need.
func (b *button) heightFor(width float32) float32 {
	rule, height, padX := b.measures()
	if !b.wraps {
		return height
	}
	return height + rule.lineHeight()*float32(len(rule.wrap(b.words, max(1, width-2*padX+rounding), 0))-1)
}

func (b *button) setWords(words string) {
	if b.words != words {
		b.words, b.label = words, words
		b.Refresh()
	}
}

func (b *button) CreateRenderer() fyne.WidgetRenderer {
	r := &buttonRenderer{button: b, back: canvas.NewRectangle(nil), ring: canvas.NewRectangle(nil), words: canvas.NewText("", nil)}
	r.objects = []fyne.CanvasObject{r.back, r.words, r.ring}
	if b.wraps {
		r.long = newText("", textStyle{wrap: true})
		r.objects = []fyne.CanvasObject{r.back, r.long, r.ring}
	}
	if b.icon != nil {
		r.icon = canvas.NewImageFromResource(nil)
		r.icon.FillMode = canvas.ImageFillContain
		r.objects = append(r.objects, r.icon)
	}
	r.paint()
	return r
}

type buttonRenderer struct {
	button     *button
	back, ring *canvas.Rectangle
	words      *canvas.Text
	long       *text // in the place of words that wrap
	icon       *canvas.Image
	objects    []fyne.CanvasObject
}

func (r *buttonRenderer) Destroy() {}

func (r *buttonRenderer) Objects() []fyne.CanvasObject { return r.objects }

func (r *buttonRenderer) MinSize() fyne.Size {
	b := r.button
	likes := b.likes()
	if !b.wraps {
		return fyne.NewSize(likes, b.heightFor(likes))
	}
	if width := b.Size().Width; width > 0 {
		likes = min(likes, width)
	}
	return fyne.NewSize(min(80, likes), b.heightFor(likes))
}

func (r *buttonRenderer) Layout(size fyne.Size) {
	r.back.Resize(size)
	place(r.ring, 0, 0, size.Width, size.Height)
	if r.button.kind == buttonPrimary { // on its own colour it would not be seen
		place(r.ring, -3, -3, size.Width+6, size.Height+6)
	}
	if r.long != nil {
		_, height, padX := r.button.measures()
		pad := (height - r.long.ruler().lineHeight()) / 2
		place(r.long, padX, pad, max(1, size.Width-2*padX+rounding), size.Height-2*pad)
		return
	}
	w := r.words.MinSize()
	total := w.Width
	if r.icon != nil {
		total += iconSide
		if r.button.words != "" {
			total += 6
		}
	}
	x := (size.Width - total) / 2
	if r.icon != nil {
		r.icon.Move(fyne.NewPos(x, (size.Height-iconSide)/2))
		r.icon.Resize(fyne.NewSquareSize(iconSide))
		x += iconSide + 6
	}
	r.words.Move(fyne.NewPos(x, (size.Height-w.Height)/2))
	r.words.Resize(w)
}

func (r *buttonRenderer) Refresh() {
	r.paint()
	r.Layout(r.button.Size())
	canvas.Refresh(r.button)
}

func (r *buttonRenderer) paint() {
	b := r.button
	fill, border, ink := b.colors()
	paint(r.back, fill, border)
	r.back.CornerRadius = 8
	paint(r.ring, "", "")
	r.ring.CornerRadius = 8
	if b.kind == buttonPrimary {
		r.ring.CornerRadius = 11
	}
	if b.focused {
		r.ring.StrokeColor, r.ring.StrokeWidth = theme.Color(colorFocus), 2
	}
	rule, _, _ := b.measures()
	r.words.Text, r.words.TextSize, r.words.Color = b.words, rule.size, theme.Color(ink)
	if r.long != nil {
		r.long.content, r.long.size, r.long.color = b.words, rule.size, ink
		r.long.Refresh()
	}
	if r.icon != nil {
		r.icon.Resource = theme.NewColoredResource(b.icon, ink)
		r.icon.Refresh()
	}
}

// colors of the button as it is: fill, border and ink.
func (b *button) colors() (fill, border, ink fyne.ThemeColorName) {
	ink = theme.ColorNameForeground
	switch b.kind {
	case buttonPrimary:
		fill, ink = colorFill, theme.ColorNameForegroundOnPrimary
		if b.hovered {
			fill = colorFillHover
		}
	case buttonDanger:
		fill, border, ink = colorCard, theme.ColorNameInputBorder, theme.ColorNameError
	case buttonQuiet:
	default:
		fill, border = colorCard, theme.ColorNameInputBorder
	}
	if b.hovered && b.kind != buttonPrimary {
		fill = theme.ColorNameHover
	}
	if b.disabled {
		ink = theme.ColorNameDisabled
		if b.kind == buttonPrimary {
			fill = theme.ColorNameDisabledButton
		}
	}
	return fill, border, ink
}

// link is a few words that do something when they are pressed.
func newLink(words string, onTap func()) *link {
	l := &link{words: words}
	l.extend(l, words, onTap)
	return l
}

type link struct {
	press
	words string
}

func (l *link) CreateRenderer() fyne.WidgetRenderer {
	r := &linkRenderer{link: l, text: canvas.NewText(l.words, nil)}
	r.paint()
	return r
}

type linkRenderer struct {
	link *link
	text *canvas.Text
}

func (r *linkRenderer) Destroy()                     {}
func (r *linkRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.text} }
func (r *linkRenderer) MinSize() fyne.Size           { return r.text.MinSize() }
func (r *linkRenderer) Layout(size fyne.Size)        { r.text.Resize(size) }

func (r *linkRenderer) Refresh() {
	r.paint()
	canvas.Refresh(r.link)
}

func (r *linkRenderer) paint() {
	r.text.Text, r.text.TextSize = r.link.words, sizeBody
	r.text.Color = theme.Color(theme.ColorNameHyperlink)
	r.text.TextStyle.Underline = r.link.hovered || r.link.focused
}
