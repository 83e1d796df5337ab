package gui

import (
	"unicode"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

// This file holds how the text of a ledger is broken into lines. Text is
// measured character by character, each character once: to measure whole lines
// again and again takes seconds for a body of 64 KiB.

// ledgerFlow is where everything is at a width.
type ledgerFlow struct {
	width float32
	tops  []float32 // of the entries' text; one more: the whole height
	rows  []ledgerRow
}

// ledgerRow are the lines of an entry.
type ledgerRow struct {
	lines  []ledgerLineOf
	height float32 // of the text alone
}

// ledgerLineOf is a line of a cell: its characters from and to, and its place.
type ledgerLineOf struct {
	cell, from, to int
	x              float32
	down           int // lines below the entry's top
}

// lineOf is how many lines below the top of the entry a hit begins.
func (r *ledgerRow) lineOf(h hit) float32 {
	for _, line := range r.lines {
		if line.cell == h.cell && h.from >= line.from && h.from < line.to {
			return float32(line.down)
		}
	}
	return 0
}

// flow is the layout at this width. It is asked again and again while a page is
// laid out, at two widths at most.
func (l *ledger) flow(width float32) *ledgerFlow {
	for i := range l.flows {
		if l.flows[i].tops != nil && l.flows[i].width == width {
			return &l.flows[i]
		}
	}
	l.flows[1] = l.flows[0]
	l.flows[0] = ledgerFlow{width: width, tops: make([]float32, 0, len(l.entries)+1), rows: make([]ledgerRow, 0, len(l.entries))}
	f := &l.flows[0]
	columns := l.columns(width)
	y := float32(0)
	for i, e := range l.entries {
		switch {
		case e.title && i > 0:
			y += ledgerTitle
		case e.rule:
			y += ledgerRule
		}
		row := columns.row(&l.adv, e)
		f.tops, f.rows = append(f.tops, y), append(f.rows, row)
		y += row.height
		switch {
		case e.title:
			y += 4
		case e.rule:
			y += ledgerRule
		}
	}
	f.tops = append(f.tops, y)
	return f
}

// ledgerColumns is how wide the columns are.
type ledgerColumns struct {
	width, name, value float32
	remarks            float32 // 0: what is to be said stands below the value
	stacked            bool
}

// columns gives the names the room that the longest of them needs, up to a
// third.
func (l *ledger) columns(width float32) ledgerColumns {
	c := ledgerColumns{width: width, stacked: width < ledgerStacks}
	remarks := false
	for _, e := range l.entries {
		if len(e.cells) > 1 {
			c.name = max(c.name, l.adv.width(e.cells[0].chars(), true))
		}
		remarks = remarks || len(e.cells) > 2
	}
	c.name = min(c.name+1, width*0.34)
	c.value = max(0, width-c.name-ledgerGap)
	if remarks && width >= 430 {
		c.remarks = max(150, width*0.32)
		c.value = max(0, width-c.name-c.remarks-2*ledgerGap)
	}
	return c
}

// row breaks an entry into lines.
func (c ledgerColumns) row(a *advances, e *entry) ledgerRow {
	row, down := ledgerRow{}, 0
	put := func(i int, x, width float32, from int) int {
		n := from
		for _, line := range a.broken(&e.cells[i], width) {
			line.cell, line.x, line.down = i, line.x+x, n
			row.lines = append(row.lines, line)
			n++
		}
		return n
	}
	switch {
	case len(e.cells) == 1:
		down = put(0, 0, c.width, 0)
	case c.stacked:
		for i := range e.cells {
			x := float32(0)
			if i > 0 {
				x = 10
			}
			down = put(i, x, c.width-x, down)
		}
	default:
		down = put(0, 0, c.name, 0)
		below := put(1, c.name+ledgerGap, c.value, 0)
		switch {
		case len(e.cells) > 2 && c.remarks > 0:
			down = max(down, put(2, c.width-c.remarks, c.remarks, 0))
		case len(e.cells) > 2:
			below = put(2, c.name+ledgerGap, c.value, below)
		}
		down = max(down, below)
	}
	row.height = float32(down) * ledgerLine
	return row
}

// broken are the lines of a cell: between words where that leaves a line at
// least half full, else inside them.
func (a *advances) broken(c *cell, width float32) []ledgerLineOf {
	runes := c.chars()
	var lines []ledgerLineOf
	indent := float32(0)
	for from := 0; from < len(runes) || from == 0; {
		x := float32(0)
		if from > 0 {
			if indent == 0 && c.keep > 0 {
				indent = min(a.width(runes[:min(c.keep, len(runes))], c.mono), width/2)
			}
			x = indent
		}
		to := a.lineUpTo(runes, from, width-x, c.mono)
		lines = append(lines, ledgerLineOf{from: from, to: to, x: x})
		for from = to; from < len(runes) && runes[from] == ' '; from++ {
			lines[len(lines)-1].to = from + 1
		}
		if len(runes) == 0 {
			break
		}
	}
	return lines
}

// lineUpTo is where the line that begins at from ends.
func (a *advances) lineUpTo(runes []rune, from int, width float32, mono bool) int {
	x, good := float32(0), 0
	for i := from; i < len(runes); i++ {
		x += a.of(runes[i], mono)
		if x > width && i > from {
			if good > from+(i-from)/2 {
				return good
			}
			for i > from+1 && clings(runes[i]) {
				i--
			}
			return i
		}
		if i+1 < len(runes) && breaksAfter(runes[i], runes[i+1]) {
			good = i + 1
		}
	}
	return len(runes)
}

// clings reports whether r belongs to the character before it.
func clings(r rune) bool {
	return r > 0x2ff && (unicode.In(r, unicode.Mn, unicode.Me, unicode.Variation_Selector) || r == '\u200d')
}

func breaksAfter(r, next rune) bool {
	switch r {
	case ' ', '/', ',', '&', ';', '-', '?', '=':
		return next != ' '
	}
	return next == ' ' || r > 0x2ff && spaceless(r) && !clings(next) || next > 0x2ff && spaceless(next)
}

// advances are the widths of characters in the text of a ledger.
type advances struct {
	ascii [2][128]float32
	other map[rune]float32
}

// of is how wide a character is.
func (a *advances) of(r rune, mono bool) float32 {
	style, set := fyne.TextStyle{}, 0
	if mono {
		style.Monospace, set = true, 1
	}
	if r < 128 {
		w := &a.ascii[set][r]
		if *w == 0 {
			*w = fyne.MeasureText(string(r), ledgerSize, style).Width
		}
		return *w
	}
	key := r<<1 | rune(set)
	w, known := a.other[key]
	if !known {
		w = fyne.MeasureText(string(r), ledgerSize, style).Width
		if a.other == nil || len(a.other) > 20_000 {
			a.other = map[rune]float32{}
		}
		a.other[key] = w
	}
	return w
}

func (a *advances) width(runes []rune, mono bool) (width float32) {
	for _, r := range runes {
		width += a.of(r, mono)
	}
	return width
}

// inkOf is the colour of an entry's title, and else the span's own.
func inkOf(e *entry, s span) fyne.ThemeColorName {
	if e.title || s.ink == "" {
		return theme.ColorNameForeground
	}
	return s.ink
}
