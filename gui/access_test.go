package gui

import (
	"fyne.io/fyne/v2"
)

// typeInto types into the field with this label: the first on the page.
func (r *rig) typeInto(label, value string) {
	r.Helper()
	var fields []*labelled
	switch p := r.w.page.(type) {
	case *discoveryPage:
		fields = []*labelled{p.address, p.issuer}
	case *connectPage:
		fields = p.form.all()
	}
	for _, l := range fields {
		if l.name == label {
			r.w.Canvas().Focus(l.field)
			l.field.TypedShortcut(&fyne.ShortcutSelectAll{})
			r.typed(value)
			return
		}
	}
	r.Fatalf("there is no field %q on a %T", label, r.w.page)
}
