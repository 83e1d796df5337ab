package gui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
)

// valueButton is a value of the details: plain text, which can be pressed to
// change it. While it is disabled it is text alone.
type valueButton struct {
	press
	words string
	color fyne.ThemeColorName
}

func newValueButton(label string, onTap func()) *valueButton {
	v := &valueButton{color: theme.ColorNameForeground}
	v.extend(v, label, onTap)
	return v
}

func (v *valueButton) show(words string, color fyne.ThemeColorName) {
	if v.words != words || v.color != color {
		v.words, v.color = words, color
		v.Refresh()
	}
}

// AccessibilityLabel is the field with its value.
func (v *valueButton) AccessibilityLabel() string { return v.label + ": " + v.words }

func (v *valueButton) heightFor(float32) float32 { return valueHeight }

const valueHeight = 27

func (v *valueButton) CreateRenderer() fyne.WidgetRenderer {
	r := &valueRenderer{value: v, back: canvas.NewRectangle(nil), words: canvas.NewText("", nil), arrow: canvas.NewImageFromResource(nil)}
	r.back.CornerRadius, r.words.TextSize = 6, sizeBody-1
	r.arrow.FillMode = canvas.ImageFillContain
	r.paint()
	return r
}

type valueRenderer struct {
	value *valueButton
	back  *canvas.Rectangle
	words *canvas.Text
	arrow *canvas.Image
}

func (r *valueRenderer) Destroy() {}

func (r *valueRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.back, r.words, r.arrow}
}

func (r *valueRenderer) MinSize() fyne.Size { return fyne.NewSize(60, valueHeight) }

// Layout lets the background stand out to the left, so that the words stay in
// line with those of the other fields.
func (r *valueRenderer) Layout(size fyne.Size) {
	words := r.words.MinSize()
	room := size.Width - 22
	r.words.Text = ruler{r.words.TextSize, r.words.TextStyle}.cut(r.value.words, room)
	words.Width = min(words.Width, room)
	r.words.Move(fyne.NewPos(0, (size.Height-words.Height)/2))
	r.words.Resize(words)
	r.back.Move(fyne.NewPos(-8, 1))
	r.back.Resize(fyne.NewSize(words.Width+34, size.Height-2))
	r.arrow.Move(fyne.NewPos(words.Width+5, (size.Height-16)/2))
	r.arrow.Resize(fyne.NewSquareSize(16))
}

func (r *valueRenderer) Refresh() {
	r.paint()
	r.Layout(r.value.Size())
	canvas.Refresh(r.value)
}

func (r *valueRenderer) paint() {
	v := r.value
	live := !v.disabled && (v.hovered || v.focused)
	paint(r.back, "", "")
	if live {
		r.back.FillColor = theme.Color(theme.ColorNameHover)
	}
	if v.focused && !v.disabled {
		r.back.StrokeColor, r.back.StrokeWidth = theme.Color(colorFocus), 2
	}
	r.words.Text, r.words.Color = v.words, theme.Color(v.color)
	if r.arrow.Hidden = !live; live {
		r.arrow.Resource = theme.NewColoredResource(theme.MenuDropDownIcon(), colorMuted)
		r.arrow.Refresh()
	}
}
