package gui

import (
	"slices"

	"fyne.io/fyne/v2"

	"waybill/wording"
)

// fold is an object or array of JSON that can be shown in one line.
type fold struct {
	first, last *entry // its lines, with the brackets
	brief       *entry // what stands for them all; made when it is first needed
	members     int
	array       bool
	shut        bool
}

// line is what is shown while it is shut: its first line and its last one with
// the number of members between them.
func (f *fold) line() *entry {
	if f.brief == nil {
		first, last := &f.first.cells[0], &f.last.cells[0]
		words := wording.Plural(f.members, "member", "members")
		if f.array {
			words = wording.Plural(f.members, "item", "items")
		}
		spans := append(slices.Clone(first.spans), span{" … " + words + " ", colorMuted})
		f.brief = &entry{fold: f, cells: []cell{{spans: append(spans, last.spans[1:]...), mono: true, keep: first.keep}}}
	}
	return f.brief
}

// itself is the line that an entry stands for: a shut fold is its first line.
func (e *entry) itself() *entry {
	if e.fold != nil {
		return e.fold.first
	}
	return e
}

// unfolded are the entries but for what is folded away.
func unfolded(all []*entry) []*entry {
	if !slices.ContainsFunc(all, func(e *entry) bool { return e.fold != nil && e.fold.shut }) {
		return all
	}
	var out []*entry
	for i := 0; i < len(all); i++ {
		f := all[i].fold
		if f == nil || !f.shut {
			out = append(out, all[i])
			continue
		}
		out = append(out, f.line())
		for i+1 < len(all) && all[i] != f.last {
			i++
		}
	}
	return out
}

// eachLine calls f with each entry and the folds around it, outermost first.
func eachLine(all []*entry, f func(e *entry, around []*fold)) {
	var around []*fold
	for _, e := range all {
		f(e, around)
		switch n := len(around); {
		case e.fold != nil:
			around = append(around, e.fold)
		case n > 0 && e == around[n-1].last:
			around = around[:n-1]
		}
	}
}

// foldAll shuts everything within the outermost objects and arrays, or opens all,
// and reports whether there is anything that could be shut.
func foldAll(all []*entry, shut bool) (any bool) {
	eachLine(all, func(e *entry, around []*fold) {
		if e.fold != nil {
			inner := len(around) > 0
			e.fold.shut = shut && inner
			any = any || inner
		}
	})
	return any
}

// mostHidden is how many lines that are folded away are searched at each letter
// that is typed. Of more, all are shown.
const mostHidden = 5000

// unfoldTo opens what hides a place where wanted stands, and reports whether it
// opened anything. wanted is folded, in the other sense of the word.
func unfoldTo(all []*entry, wanted []rune) (opened bool) {
	hidden := 0
	eachLine(all, func(e *entry, around []*fold) {
		if !slices.ContainsFunc(around, func(f *fold) bool { return f.shut }) {
			return
		}
		if hidden++; hidden <= mostHidden && len(places(folded(e.cells[0].chars()), wanted)) == 0 {
			return
		}
		for _, f := range around {
			f.shut, opened = false, opened || f.shut
		}
	})
	return opened
}

// toggle folds or unfolds what the i-th line opens.
func (l *ledger) toggle(i int) {
	f := l.entries[i].fold
	f.shut = !f.shut
	l.cursor = i
	l.refold()
}

// Tapped folds or unfolds the line that was clicked, if it opens anything.
func (l *ledger) Tapped(e *fyne.PointEvent) {
	if l.refold == nil {
		return
	}
	f := l.flow(l.Size().Width)
	for i := range f.rows {
		if y := e.Position.Y - f.tops[i]; y >= 0 && y < f.rows[i].height && l.entries[i].fold != nil {
			l.toggle(i)
			return
		}
	}
}

// folds reports whether there is anything that can be folded.
func (l *ledger) folds() bool {
	return l.refold != nil && slices.ContainsFunc(l.entries, func(e *entry) bool { return e.fold != nil })
}

// foldKey moves the line that keys are about, and folds and unfolds, as in a
// tree. It reports whether the key was one of those.
func (l *ledger) foldKey(e *fyne.KeyEvent) bool {
	if !l.folds() {
		return false
	}
	switch e.Name {
	case fyne.KeyDown:
		return l.goTo(l.next(1))
	case fyne.KeyUp:
		return l.goTo(l.next(-1))
	}
	if l.cursor < 0 {
		return false
	}
	f := l.entries[l.cursor].fold
	switch e.Name {
	case fyne.KeyRight:
		if f != nil && f.shut {
			l.toggle(l.cursor)
		}
	case fyne.KeyLeft:
		if f != nil && !f.shut {
			l.toggle(l.cursor)
			return true
		}
		l.goTo(l.parent(l.cursor))
	case fyne.KeyReturn, fyne.KeyEnter, fyne.KeySpace:
		if f == nil {
			return false
		}
		l.toggle(l.cursor)
	default:
		return false
	}
	return true
}

// next is the line below or above that keys are about; at first the topmost that
// is in sight.
func (l *ledger) next(by int) int {
	if l.cursor >= 0 {
		return l.cursor + by
	}
	top := float32(0)
	if l.sight != nil {
		top, _ = l.sight()
	}
	f := l.flow(l.Size().Width)
	for i := range f.rows {
		if f.tops[i] >= top {
			return i
		}
	}
	return len(f.rows) - 1
}

// parent is the line that opens what the i-th is in, -1 if nothing does.
func (l *ledger) parent(i int) int {
	me := l.entries[i].itself()
	var opener *entry
	eachLine(l.all(), func(e *entry, around []*fold) {
		if n := len(around); e == me && n > 0 {
			opener = around[n-1].first
		}
	})
	return lineOf(l.entries, opener)
}

// lineOf is where an entry, or what stands for it, is among these; -1 if it is
// not.
func lineOf(entries []*entry, me *entry) int {
	return slices.IndexFunc(entries, func(e *entry) bool { return e.itself() == me })
}

// goTo makes the i-th line the one that keys are about and brings it into sight.
// It reports whether there is such a line.
func (l *ledger) goTo(i int) bool {
	if i < 0 || i >= len(l.entries) {
		return false
	}
	l.cursor = i
	l.Refresh()
	if f := l.flow(l.Size().Width); l.bring != nil {
		l.bring(f.tops[i], f.tops[i]+f.rows[i].height)
	}
	return true
}

// chosen is the text of the line that keys are about, with all that it opens;
// all of the text if there is none.
func (l *ledger) chosen() string {
	all := l.entries
	if l.refold != nil {
		all = l.all()
	}
	if l.cursor >= 0 && l.cursor < len(l.entries) {
		me := l.entries[l.cursor].itself()
		from := slices.Index(all, me)
		to := from
		if me.fold != nil {
			to = slices.Index(all, me.fold.last)
		}
		if from >= 0 && to >= from {
			all = all[from : to+1]
		}
	}
	return plainOf(all)
}
