package gui

import (
	"bytes"
	"encoding/json"
	"strings"

	"fyne.io/fyne/v2"

	"waybill/connection"
	"waybill/fault"
)

// The fields about where the to-dos are, as a Fault names them; what is about
// neither stands beside the rest.
const (
	fieldTodosPath = connection.FieldTodos + ".path"
	fieldTodosAt   = connection.FieldTodos + ".at"
)

// What is chosen where no shape of package connection is.
const (
	shapeTodo0 = "todo0" // nothing is kept
	shapeOwn   = ""      // described in full
)

// todosTemplate is what a description begins with.
const todosTemplate = `{
  "id": "id",
  "title": "title",
  "description": {"path": "description"},
  "done": {"path": "done"},
  "due": {"path": "due", "as": "date"}
}`

// todosFields ask where the to-dos of a REST API are.
type todosFields struct {
	more           *more
	shape          *choice[string]
	path, at, rest *labelled
	relayout       func()
}

func newTodosFields(relayout func(), t *connection.Todos) *todosFields {
	f := &todosFields{relayout: relayout}
	names := map[string]string{"google-tasks": "Google Tasks", "microsoft-todo": "Microsoft To Do", "todoist": "Todoist"}
	options := []option[string]{{shapeTodo0, "As at Todo0"}}
	for _, shape := range connection.Shapes() {
		name := names[shape]
		if name == "" {
			name = shape
		}
		options = append(options, option[string]{shape, name})
	}
	f.shape = newChoice(append(options, option[string]{shapeOwn, "Described here"}), shapeTodo0, func(string) { f.chosen() })
	f.path = newLabelled("Path of the list", "", "Below the address. A query may follow: /v2/items?sort=id")
	f.at = newLabelled("Place of the list in the answer", "", "The names on the way to it, joined by dots: page.items. Empty: the answer is the list itself, or as the chosen service has it.")
	f.rest = labelField("Everything else", newArea("{}"), "As a connection file has it at resource.todos: which member holds what, and how a long list goes on. Without the methods \"create\", \"update\" and \"delete\" the to-dos are read only.")
	f.rest.field.TextStyle.Monospace = true
	f.rest.field.SetMinRowsVisible(8)
	f.more = newMore(relayout, titled("The API is like that of", f.shape.box, ""), f.path.box, f.at.box, f.rest.box).
		called("Where the to-dos are", "Hide where the to-dos are")
	f.load(t)
	return f
}

// all are the fields that are typed into.
func (f *todosFields) all() []*labelled { return []*labelled{f.path, f.at, f.rest} }

// load shows what a connection has.
func (f *todosFields) load(t *connection.Todos) {
	shape := shapeTodo0
	if t != nil {
		shape = t.Shape
		f.spread(*t)
		f.more.show(true) // nothing unusual is hidden
	}
	f.shape.set(shape)
	f.show()
}

// spread puts the members of t into their fields. Empty ones stay as they are.
func (f *todosFields) spread(t connection.Todos) {
	for _, m := range []struct {
		in    *labelled
		value string
	}{{f.path, t.Path}, {f.at, string(t.At)}} {
		if m.value != "" {
			m.in.set(m.value)
		}
	}
	t.Shape, t.Path, t.At = "", "", ""
	f.rest.set(indented(t))
}

// indented is the description as JSON; "" for none.
func indented(t connection.Todos) string {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(t); err != nil || out.String() == "{}\n" {
		return ""
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// chosen follows a choice: who describes an API begins with an example.
func (f *todosFields) chosen() {
	switch empty := f.rest.value() == ""; {
	case f.shape.chosen == shapeOwn && empty:
		f.rest.set(todosTemplate)
	case f.shape.chosen != shapeOwn && f.rest.value() == todosTemplate:
		f.rest.set("")
	}
	f.show()
	f.relayout()
}

// show hides what does not matter at Todo0, and says what a shape fills in.
func (f *todosFields) show() {
	of := connection.Todos{Shape: f.shape.chosen}.Filled()
	for _, l := range f.all() {
		visible(l.box, f.shape.chosen != shapeTodo0)
	}
	path := of.Path
	if path == "" {
		path = "/v1/tasks"
		if f.shape.chosen == "microsoft-todo" {
			path = "/me/todo/lists/LIST/tasks"
		}
	}
	f.path.field.SetPlaceHolder(path)
	f.at.field.SetPlaceHolder(string(of.At))
}

// read returns what was entered, nil for to-dos as at Todo0, and notes what is
// wrong with it. A description that was pasted in whole is taken apart.
func (f *todosFields) read(wrong map[connection.Field]string) *connection.Todos {
	if f.shape.chosen == shapeTodo0 {
		return nil
	}
	var t connection.Todos
	if words := f.rest.value(); words != "" {
		var err error
		if t, err = connection.ParseTodos([]byte(words)); err != nil {
			wrong[connection.FieldTodos] = fault.As(err).Error()
			return &connection.Todos{Shape: f.shape.chosen, Path: f.path.value(), At: connection.Path(f.at.value())}
		}
	}
	if t.Shape != "" || t.Path != "" || t.At != "" {
		if t.Shape != "" {
			f.shape.set(t.Shape)
		}
		f.spread(t)
		f.show()
	}
	t.Shape, t.Path, t.At = f.shape.chosen, f.path.value(), connection.Path(f.at.value())
	if err := t.Validate(); err != nil {
		fa := fault.As(err)
		of := connection.FieldTodos
		switch connection.Field(fa.Field) {
		case fieldTodosPath, fieldTodosAt:
			of = connection.Field(fa.Field)
		}
		wrong[of] = strings.NewReplacer(`"`+string(of)+`"`, "This", string(connection.FieldTodos)+".", "").Replace(fa.Error())
		if fa.Code == "missing_field" {
			wrong[of] = "Fill this in."
		}
	}
	return &t
}

// followed calls follow for what gets the focus beside the fields.
func (f *todosFields) followed(follow func(fyne.CanvasObject) func()) {
	f.shape.followed(follow)
	f.more.open.onFocus = follow(f.more.open)
}
