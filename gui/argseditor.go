package gui

import (
	"bytes"
	"encoding/json"
	"strings"

	"fyne.io/fyne/v2"

	"waybill/form"
)

// argsEditor is a form with the JSON of what is entered beside it. Either can be
// edited; the other follows.
type argsEditor struct {
	o     formViewOptions
	form  *form.Form
	view  *formView
	text  *field
	place *formPlace // of the text
	box   *fyne.Container
	own   bool // the text is being set by the form
	wrong bool // the text is no JSON, so that the form is behind it
	none  bool // there is nothing to enter
	plain bool // there is no form to show, the JSON alone
}

// newArgsEditor edits value; what says what the JSON is, as in "Arguments".
func newArgsEditor(o formViewOptions, f *form.Form, value *form.Value, what string) *argsEditor {
	a := &argsEditor{o: o, form: f, text: newArea("{}"), place: newFormPlace("")}
	a.none = f.Root.Kind == form.Object && len(f.Root.Members) == 0 && !f.Root.Open && !value.Given()
	a.plain = f.Root.Kind == form.Raw || f.Root.Kind == form.Object && len(f.Root.Members) == 0 || value.AsJSON
	inner := o
	inner.changed = func() { a.fromForm(); o.changed() }
	a.view = newFormView(inner, value)
	a.text.SetMinRowsVisible(6)
	a.text.TextStyle.Monospace = true
	a.text.onFocus = o.follow(a.text)
	a.text.OnChanged = func(string) {
		if !a.own {
			a.fromText()
			o.changed()
		}
	}
	a.fromForm()
	side := titled(what+" as JSON", a.text, "")
	side.Add(a.place.remark)
	a.box = column(10)
	if f.Problem != "" {
		a.box.Add(noticeCard(f.Problem))
	}
	switch {
	case a.none:
		a.box.Add(blurb("There is nothing to enter."))
	case a.plain:
		a.place.usual = remarkOf(f.Root)
		a.place.fail("")
		a.box.Add(side)
	default:
		a.box.Add(twoColumns(560, a.view.box, side))
	}
	return a
}

// focus is what is typed into first.
func (a *argsEditor) focus() fyne.Focusable {
	switch {
	case a.none:
		return nil
	case a.plain || a.view.first == nil:
		return a.text
	default:
		return a.view.first
	}
}

// fromForm brings the text in step with the form.
func (a *argsEditor) fromForm() {
	data := sketch(a.view.value)
	var b bytes.Buffer
	if json.Indent(&b, data, "", "  ") != nil {
		b.Reset()
	}
	a.own = true
	if words := visibleJSON(b.String()); len(words) <= editMost {
		a.text.SetText(words)
	} else {
		a.text.SetText("")
		a.text.Disable()
		a.place.usual = "This is too long to be edited here."
	}
	a.own, a.wrong = false, false
	a.place.fail("")
}

// fromText brings the form in step with the text.
func (a *argsEditor) fromText() {
	words := strings.TrimSpace(a.text.Text)
	if words == "" && a.form.Root.Kind == form.Object {
		words = "{}"
	}
	value, err := a.form.Fill(json.RawMessage(words))
	if words == "" {
		value, err = a.form.New(), nil
	}
	if a.wrong = err != nil; a.wrong {
		a.place.fail("This is not JSON yet.")
		return
	}
	a.place.fail("")
	a.view.load(value)
	a.o.w.relayout()
}

// check returns the JSON that may be sent. Otherwise it says what is wrong, and
// where the focus belongs.
func (a *argsEditor) check() (data json.RawMessage, focus fyne.Focusable, ok bool) {
	if a.wrong {
		a.place.fail("This is not JSON: check the quotes, commas and brackets.")
		return nil, a.text, false
	}
	data, problems := a.form.Check(a.view.value)
	if len(problems) == 0 {
		a.view.fail(nil)
		a.place.fail("")
		return data, nil, true
	}
	focus = a.view.fail(problems)
	if a.plain {
		a.place.fail(show(problems[0].Message, 300))
		focus = a.text
	}
	return nil, focus, false
}

// now is the JSON of what is entered so far, whatever is wrong with it.
func (a *argsEditor) now() json.RawMessage { return sketch(a.view.value) }

// sketch is the JSON of what is entered so far: what is not complete is left
// out. nil: there is nothing.
func sketch(v *form.Value) json.RawMessage {
	if v.AsJSON || v.Field.Kind != form.Array && v.Field.Kind != form.Object {
		if data, wrong := v.JSON(); len(wrong) == 0 {
			return data
		}
		return nil
	}
	var parts []string
	if v.Field.Kind == form.Array {
		for _, item := range v.Items {
			if data := sketch(item); data != nil {
				parts = append(parts, string(data))
			}
		}
		return json.RawMessage("[" + strings.Join(parts, ",") + "]")
	}
	for _, m := range v.Members {
		if data := sketch(m); data != nil && m.Given() {
			parts = append(parts, form.Quote(m.Field.Name)+":"+string(data))
		}
	}
	if others := strings.TrimSpace(v.Others); json.Valid([]byte(others)) && others[0] == '{' {
		if inner := strings.TrimSpace(others[1 : len(others)-1]); inner != "" {
			parts = append(parts, inner)
		}
	}
	return json.RawMessage("{" + strings.Join(parts, ",") + "}")
}
