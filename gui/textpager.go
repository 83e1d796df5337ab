package gui

import (
	"fmt"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

// textPager shows a text of any length, some lines of it at a time: a server may
// send millions.
type textPager struct {
	box     *fyne.Container
	ledger  *ledger
	bar     *fyne.Container
	where   *text
	entries []*entry // all of them
	shown   []*entry // but for what is folded away
	from    int
	moved   func() // others are shown
}

// Bounds of what is shown at a time: lines, and characters of one of them.
const (
	pageLines = 1500
	lineChars = 4000
)

func newTextPager(l *ledger, moved func()) *textPager {
	t := &textPager{ledger: l, moved: moved, where: newText("", textStyle{color: colorMuted, size: sizeCaption, full: true})}
	back := newIconButton(theme.NavigateBackIcon(), "The lines before", func() { t.turn(t.from - pageLines) })
	on := newIconButton(theme.NavigateNextIcon(), "The lines after", func() { t.turn(t.from + pageLines) })
	t.bar = buttonRow(back, t.where, on)
	t.bar.Hide()
	t.box = column(8, t.bar, l)
	l.all = func() []*entry { return t.entries }
	l.refold = func() {
		t.shown = unfolded(t.entries)
		t.show(t.from, l.replace)
	}
	return t
}

// set shows the beginning of these entries.
func (t *textPager) set(entries []*entry) {
	t.entries, t.shown = entries, unfolded(entries)
	t.turn(0)
}

// turn shows the lines from there.
func (t *textPager) turn(from int) { t.show(from, t.ledger.set) }

func (t *textPager) show(from int, set func([]*entry)) {
	if from >= len(t.shown) || from < 0 {
		from = min(max(0, from), max(0, len(t.shown)-1)/pageLines*pageLines)
	}
	t.from = from
	to := min(from+pageLines, len(t.shown))
	set(t.shown[from:to])
	visible(t.bar, len(t.shown) > pageLines)
	t.where.set(fmt.Sprintf("Lines %d to %d of %d", from+1, to, len(t.shown)))
	t.moved()
}

// short breaks lines that are too long to be laid out in one piece.
func short(entries []*entry) []*entry {
	if !slices.ContainsFunc(entries, func(e *entry) bool { return e.isLong() }) {
		return entries
	}
	var out []*entry
	for _, e := range entries {
		if !e.isLong() {
			out = append(out, e)
			continue
		}
		c := &e.cells[0]
		for _, s := range c.spans {
			for runes := []rune(s.text); len(runes) > 0; {
				n := min(lineChars, len(runes))
				out = append(out, &entry{cells: []cell{{spans: []span{{string(runes[:n]), s.ink}}, mono: c.mono, keep: c.keep}}})
				runes = runes[n:]
			}
		}
	}
	return out
}

// isLong reports whether the entry is one line of text that is too long.
func (e *entry) isLong() bool {
	if len(e.cells) != 1 {
		return false
	}
	n := 0
	for _, s := range e.cells[0].spans {
		n += len(s.text)
	}
	return n > lineChars
}
