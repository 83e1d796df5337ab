package gui

import (
	"fmt"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
)

// finder looks for words in the text that a page shows.
type finder struct {
	w          *Window
	in         searched
	box        *fyne.Container
	field      *field
	count      *text
	next, prev *button
}

// searched is a page whose text can be searched.
type searched interface {
	text() (*ledger, *container.Scroll) // what is searched, nil if there is none, and in what it scrolls
	fetchText()                         // shows a text, where there is none
	relayout()
}

func newFinder(w *Window, in searched) *finder {
	f := &finder{w: w, in: in, field: newField("Find in this text"), count: newText("", textStyle{color: colorMuted, size: sizeCaption, full: true})}
	f.prev = newIconButton(theme.MenuDropUpIcon(), "The match before", func() { f.step(-1) })
	f.next = newIconButton(theme.MenuDropDownIcon(), "The next match", func() { f.step(1) })
	shut := newIconButton(theme.CancelIcon(), "Close the search", func() { f.close() })
	f.field.OnChanged = func(string) { f.again() }
	f.field.OnSubmitted = func(string) { f.step(1) }
	f.field.onKey = func(e *fyne.KeyEvent) bool {
		switch e.Name {
		case fyne.KeyDown:
			f.step(1)
		case fyne.KeyUp:
			f.step(-1)
		default:
			return false
		}
		return true
	}
	f.field.onEscape = func() bool { return f.close() }
	f.box = inset(insets{8, 0, 0, 0}, row(4, f.field, f.field, f.count, f.prev, f.next, shut))
	f.box.Hide()
	return f
}

func (f *finder) ledger() *ledger {
	l, _ := f.in.text()
	return l
}

// open shows the field, with what was looked for last.
func (f *finder) open() {
	if f.ledger() == nil {
		f.in.fetchText()
	}
	visible(f.box, true)
	f.w.win.Canvas().Focus(f.field)
	f.field.TypedShortcut(&fyne.ShortcutSelectAll{})
	f.again()
	f.in.relayout()
}

// close reports whether there was something to close.
func (f *finder) close() bool {
	if !f.box.Visible() {
		return false
	}
	visible(f.box, false)
	if l := f.ledger(); l != nil {
		l.find("")
	}
	f.w.win.Canvas().Unfocus()
	f.in.relayout()
	return true
}

// again looks in the text that is shown now.
func (f *finder) again() {
	if !f.box.Visible() {
		return
	}
	if l := f.ledger(); l != nil {
		l.find(f.field.Text)
	}
	if f.field.Text != "" {
		f.step(1)
	}
	f.say()
}

// forget is for another text: what was found in the one before is not in it.
func (f *finder) forget() { f.count.set("") }

// step goes to the next place and brings it into sight.
func (f *finder) step(by int) {
	l, scroll := f.in.text()
	if l == nil || len(l.hits) == 0 {
		f.say()
		return
	}
	top, bottom := l.step(by)
	bring(l, scroll, top, bottom)
	f.say()
}

// bring scrolls to a place of a ledger, unless it is in sight.
func bring(l *ledger, scroll *container.Scroll, top, bottom float32) {
	d := fyne.CurrentApp().Driver()
	y := d.AbsolutePositionForObject(l).Y - d.AbsolutePositionForObject(scroll).Y + scroll.Offset.Y
	if from := scroll.Offset.Y; y+top < from+20 || y+bottom > from+scroll.Size().Height-20 {
		scroll.ScrollToOffset(fyne.NewPos(0, max(0, y+top-scroll.Size().Height/3)))
	}
}

func (f *finder) say() {
	words := ""
	l := f.ledger()
	switch {
	case f.field.Text == "":
	case l == nil || len(l.hits) == 0:
		words = "Not found"
	default:
		words = fmt.Sprintf("%d of %d", l.at+1, len(l.hits))
	}
	f.count.set(words)
	for _, b := range []*button{f.prev, f.next} {
		b.setEnabled(l != nil && len(l.hits) > 0)
	}
	f.box.Refresh()
}

// search is what Ctrl+F does on whatever page there is.
func (w *Window) search() {
	if p := w.flow(); p != nil {
		p.finder.open()
		return
	}
	if p := w.explorer(); p != nil {
		p.search()
		return
	}
	w.with((*todosPage).focusSearch)()
}
