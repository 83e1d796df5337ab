package gui

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// panelStyle says how a panel looks. Colours left empty are not drawn.
type panelStyle struct {
	fill, border fyne.ThemeColorName
	radius       float32
	pad          insets
	shadow       bool
	thick        bool // the border
}

// panel is an area in colours of the theme, with content or without.
type panel struct {
	widget.BaseWidget
	panelStyle
	content fyne.CanvasObject // nil: empty
}

func newPanel(content fyne.CanvasObject, s panelStyle) *panel {
	p := &panel{content: content, panelStyle: s}
	p.ExtendBaseWidget(p)
	return p
}

// card is the panel of the design: white or raised, with a fine border.
func card(content fyne.CanvasObject) *panel {
	return newPanel(content, panelStyle{fill: colorCard, border: theme.ColorNameSeparator, radius: 10, pad: even(18)})
}

// line is a fine line across.
func line() *panel {
	p := newPanel(gap(1, 1), panelStyle{fill: theme.ColorNameSeparator})
	return p
}

// setColors changes what the panel is drawn in.
func (p *panel) setColors(fill, border fyne.ThemeColorName) {
	if p.fill != fill || p.border != border {
		p.fill, p.border = fill, border
		p.Refresh()
	}
}

func (p *panel) heightFor(width float32) float32 {
	h := p.pad.top + p.pad.bottom
	if p.content != nil {
		h += heightFor(p.content, width-p.pad.left-p.pad.right)
	}
	return h
}

func (p *panel) CreateRenderer() fyne.WidgetRenderer {
	r := &panelRenderer{panel: p, rect: canvas.NewRectangle(nil)}
	r.objects = []fyne.CanvasObject{r.rect}
	if p.content != nil {
		r.objects = append(r.objects, p.content)
	}
	r.paint()
	return r
}

type panelRenderer struct {
	panel   *panel
	rect    *canvas.Rectangle
	objects []fyne.CanvasObject
}

func (r *panelRenderer) Destroy() {}

func (r *panelRenderer) Objects() []fyne.CanvasObject { return r.objects }

func (r *panelRenderer) MinSize() fyne.Size {
	p := r.panel
	if p.content == nil {
		return fyne.Size{}
	}
	return p.content.MinSize().AddWidthHeight(p.pad.left+p.pad.right, p.pad.top+p.pad.bottom)
}

func (r *panelRenderer) Layout(size fyne.Size) {
	r.rect.Resize(size)
	if p := r.panel; p.content != nil {
		p.content.Move(fyne.NewPos(p.pad.left, p.pad.top))
		p.content.Resize(fyne.NewSize(size.Width-p.pad.left-p.pad.right, size.Height-p.pad.top-p.pad.bottom))
	}
}

func (r *panelRenderer) Refresh() {
	r.paint()
	r.rect.Refresh()
	if r.panel.content != nil {
		r.panel.content.Refresh()
	}
	canvas.Refresh(r.panel)
}

func (r *panelRenderer) paint() {
	p := r.panel
	paint(r.rect, p.fill, p.border)
	r.rect.CornerRadius = p.radius
	if p.thick && p.border != "" {
		r.rect.StrokeWidth = 2
	}
	if p.shadow {
		r.rect.Shadow = canvas.Shadow{Color: theme.Color(theme.ColorNameShadow), BlurRadius: 24, Offset: fyne.NewPos(0, 6)}
	}
}

// seeThrough is transparent, in the colour of the background: the edge of a shape
// that is only outlined fades into it, and not into black.
func seeThrough() color.Color {
	r, g, b, _ := theme.Color(theme.ColorNameBackground).RGBA()
	return color.NRGBA{R: uint8(r >> 8), G: uint8(g >> 8), B: uint8(b >> 8)}
}

// paint gives a rectangle its colours from the theme; an empty name is none.
func paint(r *canvas.Rectangle, fill, border fyne.ThemeColorName) {
	r.FillColor, r.StrokeColor, r.StrokeWidth = seeThrough(), nil, 0
	if fill != "" {
		r.FillColor = theme.Color(fill)
	}
	if border != "" {
		r.StrokeColor, r.StrokeWidth = theme.Color(border), 1
	}
}
