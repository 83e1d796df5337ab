package gui

import (
	"fmt"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"waybill/explore"
)

// pairsField is any number of names with values: the parameters of a query, the
// fields of a header. Values that are secrets by their name are not shown.
type pairsField struct {
	w        *Window
	what     string // one of them, as in "query parameter"
	pairs    []explore.Pair
	box      *fyne.Container
	secret   func(name string) bool
	changed  func()
	enter    func()
	follow   func(fyne.CanvasObject) func()
	lastName *field
}

func newPairsField(w *Window, what string, pairs []explore.Pair, secret func(string) bool, enter func(), follow func(fyne.CanvasObject) func()) *pairsField {
	f := &pairsField{w: w, what: what, pairs: append([]explore.Pair(nil), pairs...), box: column(6), secret: secret, changed: func() {}, enter: enter, follow: follow}
	f.rebuild()
	return f
}

// given are the pairs that have a name.
func (f *pairsField) given() []explore.Pair {
	var out []explore.Pair
	for _, p := range f.pairs {
		if p.Name != "" {
			out = append(out, p)
		}
	}
	return out
}

func (f *pairsField) rebuild() {
	f.box.RemoveAll()
	for i := range f.pairs {
		f.box.Add(f.row(i))
	}
	plus := smallButton("Add a "+f.what, buttonPlain, func() {
		f.pairs = append(f.pairs, explore.Pair{})
		f.rebuild()
		f.w.relayout()
		f.w.win.Canvas().Focus(f.lastName)
	}).withIcon(theme.ContentAddIcon())
	plus.onFocus = f.follow(plus)
	f.box.Add(row(0, nil, plus))
}

func (f *pairsField) row(i int) fyne.CanvasObject {
	name, value := newField("Name"), newField("Value")
	name.setForeign(f.pairs[i].Name)
	value.setForeign(f.pairs[i].Value)
	value.Password = f.secret(f.pairs[i].Name)
	name.OnChanged = func(words string) {
		f.pairs[i].Name = words
		if hide := f.secret(words); value.Password != hide {
			value.Password = hide
			value.Refresh()
		}
		f.changed()
	}
	value.OnChanged = func(words string) { f.pairs[i].Value = words; f.changed() }
	for _, e := range []*field{name, value} {
		e.OnSubmitted = func(string) { f.enter() }
		e.onFocus = f.follow(e)
	}
	f.lastName = name
	remove := newIconButton(theme.DeleteIcon(), fmt.Sprintf("Remove %s %d", f.what, i+1), func() {
		f.pairs = append(f.pairs[:i:i], f.pairs[i+1:]...)
		f.rebuild()
		f.changed()
		f.w.relayout()
	})
	remove.onFocus = f.follow(remove)
	both := twoColumns(160, name, value)
	return row(4, both, both, remove)
}
