package gui

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// markedText is a paragraph with some of its pieces marked. Like text it never
// interprets what it shows.
type markedText struct {
	widget.BaseWidget
	runs  []run
	size  float32
	lines int // at most that many, 0: any number
	label string
	flows [2]flowed // at the last two widths
}

// newMarkedText shows runs; label is what it is called by assistive technology.
func newMarkedText(label string, runs []run, size float32, lines int) *markedText {
	m := &markedText{runs: runs, size: size, lines: lines, label: label}
	m.ExtendBaseWidget(m)
	return m
}

// piece is a part of a line.
type piece struct {
	text string
	mark bool
	x    float32
	line int
}

// flowed are the pieces at a width.
type flowed struct {
	width  float32
	pieces []piece
	lines  int
}

// flow breaks the runs into pieces on lines of at most width. It is asked again
// and again while a page is laid out, at two widths at most.
func (m *markedText) flow(width float32) (pieces []piece, lines int) {
	for _, f := range m.flows {
		if f.lines > 0 && f.width == width {
			return f.pieces, f.lines
		}
	}
	pieces, lines = m.broken(width)
	m.flows[1], m.flows[0] = m.flows[0], flowed{width, pieces, lines}
	return pieces, lines
}

// broken does the work of flow. Each word is measured once: to measure a line
// after every word costs seconds where every sign is a word.
func (m *markedText) broken(width float32) (pieces []piece, lines int) {
	rule := ruler{m.size, fyne.TextStyle{}}
	x, line := float32(0), 0
	put := func(text string, mark bool, w float32) {
		n := len(pieces)
		if n == 0 || pieces[n-1].line != line || pieces[n-1].mark != mark {
			if n > 0 && pieces[n-1].line == line { // where that one really ends
				x = pieces[n-1].x + rule.width(pieces[n-1].text)
			}
			pieces = append(pieces, piece{"", mark, x, line})
			n++
		}
		pieces[n-1].text += text
		x += w
	}
	for _, r := range m.runs {
		for _, word := range words(r.text) {
			if strings.Contains(word, "\n") {
				x, line = 0, line+strings.Count(word, "\n")
				continue
			}
			for word != "" {
				if m.lines > 0 && line >= m.lines {
					return m.limited(pieces, line+1, width) // the rest is not shown
				}
				w := rule.width(word)
				switch {
				case x+w <= width:
					put(word, r.differs, w)
					word = ""
				case strings.TrimSpace(word) == "": // a line does not begin with a blank
					x, line, word = 0, line+1, ""
				case x > 0:
					x, line = 0, line+1
				default: // longer than a line
					n := rule.prefix(word, width)
					if n == 0 {
						_, n = utf8.DecodeRuneInString(word)
					}
					put(word[:n], r.differs, width)
					x, line, word = 0, line+1, word[n:]
				}
			}
		}
	}
	return m.limited(pieces, line+1, width)
}

// limited cuts what is beyond the last line that may be shown.
func (m *markedText) limited(pieces []piece, lines int, width float32) ([]piece, int) {
	if m.lines == 0 || lines <= m.lines {
		return pieces, lines
	}
	rule := ruler{m.size, fyne.TextStyle{}}
	var kept []piece
	for _, p := range pieces {
		if p.line < m.lines {
			kept = append(kept, p)
		}
	}
	if n := len(kept); n > 0 {
		last := &kept[n-1]
		room := width - last.x - rule.width("…")
		last.text = strings.TrimRightFunc(last.text[:rule.prefix(last.text, room)], unicode.IsSpace) + "…"
	}
	return kept, m.lines
}

func (m *markedText) heightFor(width float32) float32 {
	_, lines := m.flow(width)
	return float32(lines) * ruler{m.size, fyne.TextStyle{}}.lineHeight()
}

// AccessibilityLabel is the whole text, with what it is.
func (m *markedText) AccessibilityLabel() string {
	words := m.label + ": "
	for _, r := range m.runs {
		words += r.text
	}
	return words
}

// AccessibilityRole is that of text.
func (m *markedText) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleText }

func (m *markedText) CreateRenderer() fyne.WidgetRenderer {
	r := &markedRenderer{marked: m}
	r.Layout(m.Size())
	return r
}

type markedRenderer struct {
	marked  *markedText
	objects []fyne.CanvasObject
}

func (r *markedRenderer) Destroy()                     {}
func (r *markedRenderer) Objects() []fyne.CanvasObject { return r.objects }

func (r *markedRenderer) MinSize() fyne.Size {
	return fyne.NewSize(60, r.marked.heightFor(max(60, r.marked.Size().Width)))
}

func (r *markedRenderer) Layout(size fyne.Size) {
	m := r.marked
	rule := ruler{m.size, fyne.TextStyle{}}
	height := rule.lineHeight()
	pieces, _ := m.flow(size.Width)
	r.objects = r.objects[:0]
	for _, p := range pieces {
		y := float32(p.line) * height
		if p.mark {
			back := canvas.NewRectangle(theme.Color(colorMark))
			back.CornerRadius = 3
			place(back, p.x-1, y+1, rule.width(p.text)+2, height-2)
			r.objects = append(r.objects, back)
		}
		words := canvas.NewText(p.text, theme.Color(theme.ColorNameForeground))
		words.TextSize = m.size
		place(words, p.x, y, rule.width(p.text), height)
		r.objects = append(r.objects, words)
	}
}

func (r *markedRenderer) Refresh() {
	r.Layout(r.marked.Size())
	canvas.Refresh(r.marked)
}
