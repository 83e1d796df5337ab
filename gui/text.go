package gui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// textStyle says how a text looks. The zero value is body text.
type textStyle struct {
	color fyne.ThemeColorName // "": foreground
	size  float32             // 0: sizeBody
	style fyne.TextStyle
	align fyne.TextAlign
	wrap  bool // several lines; else one, cut with an ellipsis
	lines int  // at most that many, 0: any number
	full  bool // as wide as its text at least; else it may shrink to an ellipsis
}

// text is plain text in one style: a line that is cut where it does not fit, or
// a paragraph that wraps. It never interprets what it shows.
type text struct {
	widget.BaseWidget
	textStyle
	content string
	wraps   [4]wrapped // of the last widths: pages are measured and laid out in turn, at several
}

// wrapped are the lines of a text at a width.
type wrapped struct {
	content string
	width   float32
	lines   []string
}

func newText(content string, s textStyle) *text {
	if s.color == "" {
		s.color = theme.ColorNameForeground
	}
	if s.size == 0 {
		s.size = sizeBody
	}
	t := &text{content: content, textStyle: s}
	t.ExtendBaseWidget(t)
	return t
}

// set replaces the content.
func (t *text) set(content string) {
	if t.content == content {
		return
	}
	t.content = content
	t.Refresh()
}

// linesAt are the lines of a paragraph at this width.
func (t *text) linesAt(width float32) []string {
	for _, w := range t.wraps {
		if w.lines != nil && w.content == t.content && w.width == width {
			return w.lines
		}
	}
	w := wrapped{t.content, width, t.ruler().wrap(t.content, width, t.lines)}
	copy(t.wraps[1:], t.wraps[:])
	t.wraps[0] = w
	return w.lines
}

func (t *text) ruler() ruler { return ruler{t.size, t.style} }

// heightFor is the height that the text takes at this width.
func (t *text) heightFor(width float32) float32 {
	h := t.ruler().lineHeight()
	if !t.wrap || width <= 0 { // before the first layout there is no width, and a long text would take a line for each character
		return h
	}
	return h * float32(max(1, len(t.linesAt(width))))
}

// AccessibilityLabel is the whole text, even where it is cut on screen.
func (t *text) AccessibilityLabel() string { return t.content }

// AccessibilityRole is that of text.
func (t *text) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleText }

func (t *text) CreateRenderer() fyne.WidgetRenderer {
	r := &textRenderer{text: t}
	r.Refresh()
	return r
}

type textRenderer struct {
	text  *text
	lines []fyne.CanvasObject
	shown string // content at the last layout
	width float32
}

func (r *textRenderer) Destroy() {}

func (r *textRenderer) Objects() []fyne.CanvasObject { return r.lines }

func (r *textRenderer) MinSize() fyne.Size {
	t := r.text
	height := t.ruler().lineHeight()
	switch {
	case t.wrap:
		width := t.Size().Width
		if width == 0 {
			return fyne.NewSize(40, height)
		}
		return fyne.NewSize(40, t.heightFor(width))
	case t.full:
		return fyne.NewSize(t.ruler().width(t.content), height)
	default:
		return fyne.NewSize(min(40, t.ruler().width(t.content)), height)
	}
}

func (r *textRenderer) Layout(size fyne.Size) {
	if r.width != size.Width || r.shown != r.text.content {
		r.flow(size.Width)
	}
	height := r.text.ruler().lineHeight()
	y := max(0, (size.Height-height*float32(len(r.lines)))/2)
	if r.text.wrap {
		y = 0
	}
	for _, line := range r.lines {
		line.Move(fyne.NewPos(0, y))
		line.Resize(fyne.NewSize(size.Width, height))
		y += height
	}
}

// flow makes the lines anew for this width.
func (r *textRenderer) flow(width float32) {
	t := r.text
	r.width, r.shown = width, t.content
	var lines []string
	switch {
	case t.wrap && width > 0:
		lines = t.linesAt(width)
	case width > 0 && !t.full:
		lines = []string{t.ruler().cut(t.content, width)}
	default:
		lines = []string{t.content}
	}
	r.lines = r.lines[:0]
	for _, line := range lines {
		r.lines = append(r.lines, r.line(line))
	}
}

func (r *textRenderer) line(content string) *canvas.Text {
	line := canvas.NewText(content, theme.Color(r.text.color))
	line.TextSize, line.TextStyle, line.Alignment = r.text.size, r.text.style, r.text.align
	return line
}

func (r *textRenderer) Refresh() {
	r.flow(r.text.Size().Width)
	r.Layout(r.text.Size())
	canvas.Refresh(r.text)
}
