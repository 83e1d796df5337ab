package gui

import (
	"fmt"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

// finder looks for words in the text that the page shows.
type finder struct {
	p          *flowPage
	box        *fyne.Container
	field      *field
	count      *text
	next, prev *button
}

func newFinder(p *flowPage) *finder {
	f := &finder{p: p, field: newField("Find in this text"), count: newText("", textStyle{color: colorMuted, size: sizeCaption, full: true})}
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

// open shows the field, with what was looked for last.
func (f *finder) open() {
	if f.p.ledger == nil {
		f.p.showTab(tabResponse)
	}
	visible(f.box, true)
	f.p.w.win.Canvas().Focus(f.field)
	f.field.TypedShortcut(&fyne.ShortcutSelectAll{})
	f.again()
	f.p.relayout()
}

// close reports whether there was something to close.
func (f *finder) close() bool {
	if !f.box.Visible() {
		return false
	}
	visible(f.box, false)
	if f.p.ledger != nil {
		f.p.ledger.find("")
	}
	f.p.w.win.Canvas().Unfocus()
	f.p.relayout()
	return true
}

// again looks in the text that is shown now.
func (f *finder) again() {
	if !f.box.Visible() {
		return
	}
	if f.p.ledger != nil {
		f.p.ledger.find(f.field.Text)
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
	l := f.p.ledger
	if l == nil || len(l.hits) == 0 {
		f.say()
		return
	}
	top, bottom := l.step(by)
	d := fyne.CurrentApp().Driver()
	y := d.AbsolutePositionForObject(l).Y - d.AbsolutePositionForObject(f.p.scroll).Y + f.p.scroll.Offset.Y
	if from := f.p.scroll.Offset.Y; y+top < from+20 || y+bottom > from+f.p.scroll.Size().Height-20 {
		f.p.scroll.ScrollToOffset(fyne.NewPos(0, max(0, y+top-f.p.scroll.Size().Height/3)))
	}
	f.say()
}

func (f *finder) say() {
	words := ""
	switch l := f.p.ledger; {
	case f.field.Text == "":
	case l == nil || len(l.hits) == 0:
		words = "Not found"
	default:
		words = fmt.Sprintf("%d of %d", l.at+1, len(l.hits))
	}
	f.count.set(words)
	for _, b := range []*button{f.prev, f.next} {
		b.setEnabled(f.p.ledger != nil && len(f.p.ledger.hits) > 0)
	}
	f.box.Refresh()
}

// search is what Ctrl+F does on whatever page there is.
func (w *Window) search() {
	if p := w.flow(); p != nil {
		p.finder.open()
		return
	}
	w.with((*todosPage).focusSearch)()
}
