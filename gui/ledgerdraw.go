package gui

import (
	"sort"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
)

// ledgerRenderer draws what of a ledger is in sight, and as much again above
// and below, so that not every step of a scroll draws anew.
type ledgerRenderer struct {
	ledger      *ledger
	ring        *canvas.Rectangle
	objects     []fyne.CanvasObject
	top, bottom float32 // what is drawn
	width       float32
}

func (r *ledgerRenderer) Destroy() {}

func (r *ledgerRenderer) Objects() []fyne.CanvasObject { return r.objects }

func (r *ledgerRenderer) MinSize() fyne.Size {
	return fyne.NewSize(80, r.ledger.heightFor(max(80, r.ledger.Size().Width)))
}

func (r *ledgerRenderer) Layout(size fyne.Size) {
	r.draw(r.width != size.Width)
	r.outline()
}

func (r *ledgerRenderer) Refresh() {
	r.draw(true)
	r.outline()
}

// outline places the ring, around the marks of folds too.
func (r *ledgerRenderer) outline() {
	size, left := r.ledger.Size(), float32(6)
	if r.ledger.folds() {
		left = foldRoom + 1
	}
	place(r.ring, -left, -6, size.Width+left+6, size.Height+12)
}

// inSight is what has to be drawn. To find out where the ledger is, the toolkit
// asks everything on the way for its renderer, this one too while it is made.
func (r *ledgerRenderer) inSight() (top, bottom float32) {
	l := r.ledger
	switch {
	case l.sight == nil:
		return 0, l.Size().Height
	case l.looking:
		return 0, 0
	}
	l.looking = true
	defer func() { l.looking = false }()
	return l.sight()
}

// draw makes the objects anew where what is in sight asks for it, or anyway.
func (r *ledgerRenderer) draw(anyway bool) {
	l := r.ledger
	top, bottom := r.inSight()
	if !anyway && top >= r.top && bottom <= r.bottom && r.width == l.Size().Width {
		return
	}
	spare := bottom - top
	r.top, r.bottom, r.width = top-spare, bottom+spare, l.Size().Width
	r.objects = r.objects[:0]
	if r.ring.StrokeWidth = 0; l.focused {
		r.ring.StrokeColor, r.ring.StrokeWidth = theme.Color(colorFocus), 2
	}
	r.ring.FillColor = seeThrough()
	r.objects = append(r.objects, r.ring)
	f := l.flow(r.width)
	// An entry can be higher than the screen: begin with the one before.
	first := max(0, sort.Search(len(f.rows), func(i int) bool { return f.tops[i] > r.top })-1)
	next := sort.Search(len(l.hits), func(i int) bool { return l.hits[i].entry >= first })
	for i := first; i < len(f.rows) && f.tops[i] < r.bottom; i++ {
		from := next
		for next < len(l.hits) && l.hits[next].entry == i {
			next++
		}
		r.entry(f, i, l.hits[from:next], from)
	}
	canvas.Refresh(l)
}

// entry draws the lines of an entry, with the hits in it; hit is the number of
// the first of them.
func (r *ledgerRenderer) entry(f *ledgerFlow, i int, hits []hit, first int) {
	e := r.ledger.entries[i]
	if i == r.ledger.cursor && r.ledger.focused {
		back := canvas.NewRectangle(theme.Color(colorRowOn))
		back.CornerRadius = 3
		place(back, 3-foldRoom, f.tops[i], r.width+foldRoom-3, f.rows[i].height)
		r.objects = append(r.objects, back)
	}
	if e.fold != nil && r.ledger.refold != nil {
		r.foldMark(e, f.tops[i])
	}
	for _, line := range f.rows[i].lines {
		y := f.tops[i] + float32(line.down)*ledgerLine
		if y > r.bottom || y+ledgerLine < r.top {
			continue
		}
		for n, h := range hits {
			if h.cell == line.cell && h.from < line.to && h.to > line.from {
				r.mark(&e.cells[line.cell], line, h, y, first+n == r.ledger.at)
			}
		}
		r.line(e, line, y)
	}
	if e.rule {
		rule := canvas.NewRectangle(theme.Color(colorRule))
		place(rule, 0, f.tops[i]+f.rows[i].height+ledgerRule-1, r.width, 1)
		r.objects = append(r.objects, rule)
	}
}

// foldRoom is how far the mark of a fold stands before its text.
const foldRoom = 15

// foldMark draws the triangle that says that a line can be folded, or is.
func (r *ledgerRenderer) foldMark(e *entry, y float32) {
	icon := theme.MenuDropDownIcon()
	if e.fold.shut {
		icon = theme.MenuExpandIcon()
	}
	mark := canvas.NewImageFromResource(theme.NewColoredResource(icon, colorMuted))
	const size = 15
	indent := []rune(e.cells[0].spans[0].text)
	place(mark, r.ledger.adv.width(indent, true)-foldRoom, y+(ledgerLine-size)/2, size, size)
	r.objects = append(r.objects, mark)
}

// mark draws what is behind a hit.
func (r *ledgerRenderer) mark(c *cell, line ledgerLineOf, h hit, y float32, current bool) {
	runes := c.chars()
	from, to := max(h.from, line.from), min(h.to, line.to)
	back := canvas.NewRectangle(theme.Color(colorMark))
	back.CornerRadius = 3
	if current {
		back.StrokeColor, back.StrokeWidth = theme.Color(theme.ColorNamePrimary), 2
	}
	x := line.x + r.ledger.adv.width(runes[line.from:from], c.mono)
	place(back, x-2, y, r.ledger.adv.width(runes[from:to], c.mono)+4, ledgerLine)
	r.objects = append(r.objects, back)
}

// line draws the pieces of a line.
func (r *ledgerRenderer) line(e *entry, line ledgerLineOf, y float32) {
	c := &e.cells[line.cell]
	runes, x, at := c.chars(), line.x, 0
	for _, s := range c.spans {
		n := len([]rune(s.text))
		from, to := max(at, line.from), min(at+n, line.to)
		at += n
		if from >= to {
			continue
		}
		words := canvas.NewText(string(runes[from:to]), theme.Color(inkOf(e, s)))
		words.TextSize, words.TextStyle = ledgerSize, fyne.TextStyle{Monospace: c.mono, Bold: e.title}
		width := r.ledger.adv.width(runes[from:to], c.mono)
		place(words, x, y+(ledgerLine-words.MinSize().Height)/2, width, words.MinSize().Height)
		x += width
		r.objects = append(r.objects, words)
	}
}
