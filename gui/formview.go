package gui

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"waybill/form"
	"waybill/todo"
)

// formView is where the values of a form are entered: a field, a choice or a list
// for each place of it. What is wrong is said at the place itself.
type formView struct {
	o      formViewOptions
	value  *form.Value
	box    *fyne.Container
	whole  *formPlace            // for what is wrong with all of it
	places map[string]*formPlace // by JSON pointer (RFC 6901)
	first  fyne.Focusable        // the first thing that can have the focus
}

// formViewOptions are what a formView needs of its page. All are required.
type formViewOptions struct {
	w       *Window
	changed func() // something was entered
	enter   func() // Enter was pressed in a field of one line
	follow  func(fyne.CanvasObject) func()

	// Of a form of one field: what it is called, what is said of it, and whether it
	// may be left out.
	label, remark string
	optional      bool
}

// formPlace is what says beside a field what is asked for, and what is wrong.
type formPlace struct {
	remark *text
	usual  string
	focus  fyne.Focusable // nil: there is nothing to type
}

func newFormPlace(usual string) *formPlace {
	p := &formPlace{usual: usual, remark: newText("", textStyle{size: sizeCaption, wrap: true})}
	p.fail("")
	return p
}

// fail says what is wrong, "" that nothing is.
func (p *formPlace) fail(words string) {
	remarkOn(p.remark, words, p.usual)
}

func newFormView(o formViewOptions, value *form.Value) *formView {
	f := &formView{o: o, box: column(12)}
	f.load(value)
	return f
}

// load shows another value of the same form.
func (f *formView) load(value *form.Value) {
	f.value, f.places, f.first = value, map[string]*formPlace{}, nil
	f.whole = newFormPlace("")
	f.box.RemoveAll()
	f.places[""] = f.whole
	f.box.Add(f.whole.remark)
	if value.Field.Kind == form.Object && !value.AsJSON {
		add(f.box, f.members(value, "")...)
	} else {
		f.box.Add(f.entry(value, "", or(f.o.label, labelOf(value.Field, "Value"))))
	}
}

// rebuild shows the value anew, since it has other parts, and puts the focus at
// a place.
func (f *formView) rebuild(focus string) {
	f.load(f.value)
	f.o.changed()
	f.o.w.relayout()
	if p := f.places[focus]; p != nil && p.focus != nil {
		f.o.w.win.Canvas().Focus(p.focus)
	} else if f.first != nil {
		f.o.w.win.Canvas().Focus(f.first)
	}
}

// fail says what is wrong at each place, and where the focus belongs: at the
// first of them.
func (f *formView) fail(problems []form.Problem) fyne.Focusable {
	for _, p := range f.places {
		p.fail("")
	}
	said := map[*formPlace]bool{}
	var first fyne.Focusable
	for _, wrong := range problems {
		p, path := f.places[wrong.Path], wrong.Path
		for p == nil {
			path = path[:max(0, strings.LastIndexByte(path, '/'))]
			p = f.places[path]
		}
		if !said[p] {
			p.fail(show(wrong.Message, 300))
			said[p] = true
		}
		if first == nil {
			first = p.focus
		}
	}
	return first
}

// labelOf names a field.
func labelOf(f *form.Field, other string) string {
	words := show(or(f.Title, f.Name), 80)
	if words == "" {
		words = other
	}
	if f.Required && f.Name != "" {
		words = asRequired(words)
	}
	return words
}

// asRequired marks the label of what must be filled in.
func asRequired(label string) string { return isolated(label) + " (required)" }

// isolated keeps a text that runs from right to left from turning around what
// stands beside it (UAX #9, isolates). Any other stays as it is.
func isolated(words string) string {
	if !strings.ContainsFunc(words, func(r rune) bool {
		return r > 0x58f && unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana, unicode.Nko, unicode.Adlam)
	}) {
		return words
	}
	return "\u2068" + words + "\u2069"
}

// remarkOf says what there is to say of a field.
func remarkOf(f *form.Field) string {
	parts := []string{}
	if words := show(f.Description, 400); words != "" {
		parts = append(parts, words)
	}
	if hint := show(f.Hint, 200); hint != "" {
		parts = append(parts, capital(hint)+".")
	}
	return strings.Join(parts, " ")
}

// members are the entries of an object.
func (f *formView) members(v *form.Value, path string) []fyne.CanvasObject {
	var out []fyne.CanvasObject
	for _, m := range v.Members {
		out = append(out, f.entry(m, path+"/"+pointer(m.Field.Name), labelOf(m.Field, "No name")))
	}
	if v.Field.Open && (len(v.Members) > 0 || path != "") {
		l := newArea("{}")
		v.Others = visibleJSON(v.Others)
		l.SetText(v.Others)
		l.SetMinRowsVisible(2)
		l.OnChanged = func(words string) { v.Others = words; f.o.changed() }
		l.onFocus = f.o.follow(l)
		others := newMore(f.o.w.relayout, titled("Other members", l, "As a JSON object. Leave it empty to send none.")).called("Other members", "Fewer")
		others.open.onFocus = f.o.follow(others.open)
		if v.Others != "" {
			others.inner.Show()
			others.say()
		}
		out = append(out, others.box)
	}
	return out
}

// pointer writes a name for a JSON pointer (RFC 6901 section 3).
func pointer(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

// entry is what one place is entered in.
func (f *formView) entry(v *form.Value, path, label string) fyne.CanvasObject {
	place := newFormPlace(remarkOf(v.Field))
	if v == f.value && f.o.remark != "" {
		place = newFormPlace(f.o.remark)
	}
	f.places[path] = place
	title := newText(label, textStyle{size: labelSize, style: fyne.TextStyle{Bold: true}, wrap: true})
	var body fyne.CanvasObject
	switch kind := v.Field.Kind; {
	case v.AsJSON || kind == form.Raw || kind == form.Text && hidesIn(v.Text):
		body = f.asJSON(v, place, label)
	case kind == form.Boolean:
		body = f.yesOrNo(v, place)
	case kind == form.Enum:
		body = f.oneOf(v, place, label)
	case kind == form.Array:
		body = f.items(v, path)
	case kind == form.Object:
		body = nested(column(12, f.members(v, path)...))
	default:
		body = f.typed(v, place, label)
	}
	return column(5, title, body, place.remark)
}

// nested moves what belongs together in from the side.
func nested(o fyne.CanvasObject) fyne.CanvasObject {
	return container.New(nestedLayout{}, newPanel(nil, panelStyle{fill: theme.ColorNameSeparator}), o)
}

// nestedLayout draws a line along the side.
type nestedLayout struct{}

const nestedBy = 12

func (nestedLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	place(objects[0], 2, 2, 2, max(0, size.Height-4))
	place(objects[1], nestedBy, 0, size.Width-nestedBy, size.Height)
}

func (nestedLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	return objects[1].MinSize().AddWidthHeight(nestedBy, 0)
}

func (nestedLayout) heightFor(objects []fyne.CanvasObject, width float32) float32 {
	return heightFor(objects[1], width-nestedBy)
}

// mayLeave reports whether a value may be left out.
func (f *formView) mayLeave(v *form.Value) bool {
	return !v.Field.Required || v == f.value && f.o.optional
}

// focusable notes something that can have the focus.
func (f *formView) focusable(p *formPlace, o fyne.Focusable) {
	if p.focus == nil {
		p.focus = o
	}
	if f.first == nil {
		f.first = o
	}
}

// typed is a field of text for a text or a number.
func (f *formView) typed(v *form.Value, p *formPlace, label string) fyne.CanvasObject {
	var e *field
	if v.Field.Kind == form.Text && (v.Field.Long || strings.Contains(v.Text, "\n")) {
		e = newArea("")
		e.SetMinRowsVisible(4)
	} else {
		e = newField("")
		e.OnSubmitted = func(string) { f.o.enter() }
	}
	return f.listen(e, v, p, label)
}

// listen enters what is typed into the value.
func (f *formView) listen(e *field, v *form.Value, p *formPlace, label string) fyne.CanvasObject {
	e.SetText(v.Text)
	if len(v.Text) > editMost {
		e.Disable()
		p.fail("This is too long to be edited here.")
	}
	e.OnChanged = func(words string) {
		v.Text, v.Set = words, words != ""
		p.fail("")
		f.o.changed()
	}
	e.onFocus = f.o.follow(e)
	f.focusable(p, e)
	return e
}

// asJSON is a field for JSON: where there is no simpler one for the value, or
// what it holds would not all be seen in one.
func (f *formView) asJSON(v *form.Value, p *formPlace, label string) fyne.CanvasObject {
	if !v.AsJSON && v.Field.Kind == form.Text {
		data, _ := json.Marshal(v.Text)
		v.AsJSON, v.Text = true, string(data)
	}
	v.Text = visibleJSON(v.Text)
	e := newArea("JSON")
	e.SetMinRowsVisible(3)
	if v.Field.Kind != form.Raw {
		p.usual = strings.TrimSpace("As JSON, since this value does not fit in a simple field. " + p.usual)
		p.fail("")
	}
	return f.listen(e, v, p, label)
}

// hidesIn reports whether a text holds what a field would not show.
func hidesIn(text string) bool {
	return len(text) <= editMost && todo.Text(text) != text
}

// hidden reports whether a character is not seen in a field. One that belongs to
// the letter before it is.
func hidden(r rune) bool {
	text := "a" + string(r)
	return todo.Text(text) != text
}

// visibleJSON writes what would not be seen in JSON as escapes, which mean the
// same (RFC 8259 section 7).
func visibleJSON(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n' || r == '\t' || r >= ' ' && r < 0x7f:
			b.WriteRune(r)
		case r > 0xffff && hidden(r):
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		case hidden(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// answer is what is chosen for a boolean. One that may be left out has three
// answers, which a check box could not tell apart.
type answer int

const (
	answerNone answer = iota
	answerYes
	answerNo
)

func (f *formView) yesOrNo(v *form.Value, p *formPlace) fyne.CanvasObject {
	options := []option[answer]{{answerYes, "Yes"}, {answerNo, "No"}}
	if f.mayLeave(v) {
		options = append(options, option[answer]{answerNone, "Leave out"})
	}
	now := answerNone
	switch {
	case v.Set && v.Yes:
		now = answerYes
	case v.Set:
		now = answerNo
	}
	c := newChoice(options, now, func(a answer) {
		v.Set, v.Yes = a != answerNone, a == answerYes
		p.fail("")
		f.o.changed()
	})
	c.followed(f.o.follow)
	f.focusable(p, c.buttons[0])
	return c.box
}

// chips is how many options stand side by side at most, and chipRoom how wide
// each of them may be.
const (
	chipsMost = 6
	chipRoom  = 130
)

// oneOf is a choice: side by side where the options are few and short, else from
// a menu.
func (f *formView) oneOf(v *form.Value, p *formPlace, label string) fyne.CanvasObject {
	few := len(v.Field.Options) <= chipsMost
	for _, o := range v.Field.Options {
		few = few && ruler{sizeBody, fyne.TextStyle{}}.width(optionWords(o)) <= chipRoom
	}
	choose := func(i int) {
		v.Choice, v.Set = i, i >= 0
		p.fail("")
		f.o.changed()
	}
	if few {
		var options []option[int]
		for i, o := range v.Field.Options {
			options = append(options, option[int]{i, optionWords(o)})
		}
		if f.mayLeave(v) {
			options = append(options, option[int]{-1, "Leave out"})
		}
		c := newChoice(options, v.Choice, choose)
		c.followed(f.o.follow)
		f.focusable(p, c.buttons[0])
		return c.box
	}
	var b *button
	words := func() string {
		if v.Choice < 0 {
			return "Choose…"
		}
		return optionWords(v.Field.Options[v.Choice])
	}
	b = smallButton(words(), buttonPlain, func() {
		m := fyne.NewMenu("")
		if f.mayLeave(v) {
			m.Items = append(m.Items, fyne.NewMenuItem("Leave out", func() { choose(-1); b.setWords(words()); f.o.w.relayout() }))
		}
		for i, o := range v.Field.Options {
			item := fyne.NewMenuItem(show(optionWords(o), 50), func() { choose(i); b.setWords(words()); f.o.w.relayout() })
			item.Checked = i == v.Choice
			m.Items = append(m.Items, item)
		}
		f.o.w.openMenuUnder(m, b)
	}).wrapping()
	b.label = label + ": " + words()
	b.onFocus = f.o.follow(b)
	f.focusable(p, b)
	return buttonRow(b)
}

// optionWords name an option on one line.
func optionWords(o form.Option) string {
	if words := show(o.Label, 120); words != "" {
		return words
	}
	return "Empty text"
}

// items are the entries of an array, which can be added and removed.
func (f *formView) items(v *form.Value, path string) fyne.CanvasObject {
	list := column(8)
	for i, item := range v.Items {
		at := path + "/" + strconv.Itoa(i)
		name := fmt.Sprintf("Entry %d", i+1)
		remove := newIconButton(theme.DeleteIcon(), fmt.Sprintf("Remove entry %d", i+1), func() {
			v.Items = append(v.Items[:i:i], v.Items[i+1:]...)
			f.rebuild(path + "/" + strconv.Itoa(max(0, i-1)))
		})
		remove.onFocus = f.o.follow(remove)
		list.Add(container.New(itemLayout{}, f.entry(item, at, labelOf(item.Field, name)), remove))
	}
	plus := smallButton("Add an entry", buttonPlain, func() {
		v.Add()
		f.rebuild(path + "/" + strconv.Itoa(len(v.Items)-1))
	}).withIcon(theme.ContentAddIcon())
	plus.onFocus = f.o.follow(plus)
	f.focusable(f.places[path], plus)
	list.Add(row(0, nil, plus))
	return nested(list)
}

// itemLayout keeps the button at the right, beside the title.
type itemLayout struct{}

func (itemLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	b := objects[1].MinSize()
	place(objects[0], 0, 0, size.Width-b.Width-4, size.Height)
	place(objects[1], size.Width-b.Width, 0, b.Width, b.Height)
}

func (itemLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	a, b := objects[0].MinSize(), objects[1].MinSize()
	return fyne.NewSize(a.Width+b.Width+4, max(a.Height, b.Height))
}

func (itemLayout) heightFor(objects []fyne.CanvasObject, width float32) float32 {
	b := objects[1].MinSize()
	return max(b.Height, heightFor(objects[0], width-b.Width-4))
}
