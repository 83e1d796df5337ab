package api

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"waybill/connection"
	"waybill/fault"
	"waybill/todo"
)

// text is what is common to the fields but title and done; nil if the API has
// no place for the field.
func (m mapping) text(f todo.Field) *connection.TodoText {
	switch {
	case f == todo.FieldDescription:
		return m.Description
	case f == todo.FieldPriority && m.Priority != nil:
		return &m.Priority.TodoText
	case f == todo.FieldTags && m.Tags != nil:
		return &m.Tags.TodoText
	case f == todo.FieldDue && m.Due != nil:
		return &m.Due.TodoText
	}
	return nil
}

// place is where a field is read; "" if the API has no place for it.
func (m mapping) place(f todo.Field) connection.Path {
	switch text := m.text(f); {
	case f == todo.FieldTitle:
		return m.Title
	case f == todo.FieldCompleted && m.Done != nil:
		return m.Done.Path
	case text != nil:
		return text.Path
	}
	return ""
}

// acts reports whether a to-do is completed by a request of its own.
func (m mapping) acts() bool { return m.Done != nil && m.Done.Close != "" }

// isEmpty reports whether t does not have the field.
func isEmpty(t todo.Todo, f todo.Field) bool {
	return patchOf(t, f).Changes(todo.Todo{}).IsZero()
}

func patchOf(t todo.Todo, f todo.Field) todo.Patch {
	all := todo.PatchOf(t)
	return all.Without(slices.DeleteFunc(all.Fields(), func(g todo.Field) bool { return g == f })...)
}

// put writes a field of t into body. now is the to-do as the API has it, nil if
// that is not known.
func (m mapping) put(body object, t todo.Todo, f todo.Field, now object) {
	write := func(path connection.Path, value json.RawMessage) {
		parts := path.Parts()
		if _, there := body[parts[0]]; !there && len(parts) > 1 && !isNull(now[parts[0]]) {
			body[parts[0]] = now[parts[0]] // what stands beside it is kept
		}
		body.set(parts, value)
	}
	switch f {
	case todo.FieldTitle:
		write(m.Title, rawOf(t.Title))
		return
	case todo.FieldCompleted:
		done, open := m.Done.Sent()
		if !t.Completed {
			done = open
		}
		write(m.Done.Path, rawOf(done))
		return
	}
	text, value := m.text(f), m.value(t, f, now)
	path := text.Path
	if text.Write != "" {
		path = text.Write
	}
	if value != nil {
		write(path, value)
		for beside, constant := range text.With {
			write(beside, rawOf(constant))
		}
		return
	}
	switch parts := path.Parts(); {
	case text.ClearAt != "":
		write(text.ClearAt, rawOf(text.Clear))
	case text.Clear != nil:
		write(path, rawOf(text.Clear))
	case f == todo.FieldDescription, f == todo.FieldTags && m.Tags.As == connection.TagComma:
		write(path, rawOf(""))
	case f == todo.FieldTags:
		write(path, rawOf([]string{}))
	case f == todo.FieldDue && len(parts) > 1:
		body[parts[0]] = rawOf(nil)
	default:
		write(path, rawOf(nil))
	}
}

// value is what stands for a field that is not title or done; nil for an empty
// one that no value stands for.
func (m mapping) value(t todo.Todo, f todo.Field, now object) json.RawMessage {
	switch {
	case f == todo.FieldPriority:
		p := m.Priority
		if v := map[todo.Priority]any{todo.NoPriority: p.None, todo.Low: p.Low, todo.Medium: p.Medium, todo.High: p.High}[t.Priority]; v != nil {
			return rawOf(v)
		}
		return nil
	case isEmpty(t, f):
		return nil
	case f == todo.FieldDescription:
		return rawOf(t.Description)
	case f == todo.FieldTags && m.Tags.As == connection.TagComma:
		return rawOf(strings.Join(t.Tags, ","))
	case f == todo.FieldTags && m.Tags.As == connection.TagObjects:
		return rawOf(m.tagObjects(t.Tags, now))
	case f == todo.FieldTags:
		return rawOf(t.Tags)
	}
	switch due := t.Due.UTC(); m.Due.As {
	case connection.DueDate:
		return rawOf(due.Format(time.DateOnly))
	case connection.DueLocal:
		return rawOf(due.Format("2006-01-02T15:04:05.999999999"))
	case connection.DueUnix:
		return rawOf(due.Unix())
	default:
		return rawOf(due.Format(time.RFC3339Nano))
	}
}

// tagObjects writes tags as objects. Those that are there keep what else stands
// in them.
func (m mapping) tagObjects(tags []string, now object) []object {
	there := map[string]object{}
	var list []object
	if json.Unmarshal(now.at(m.Tags.Path), &list) == nil {
		for _, tag := range list {
			if name, ok := scalarOf(tag.at(tagName(m.Tags))).(string); ok {
				there[name] = tag
			}
		}
	}
	out := make([]object, 0, len(tags))
	for _, name := range tags {
		tag := there[name]
		if tag == nil {
			tag = object{}
			tag.set(tagName(m.Tags).Parts(), rawOf(name))
		}
		out = append(out, tag)
	}
	return out
}

// body writes the fields of t: into a new object, or into the whole to-do as
// the API has it now.
func (m mapping) body(t todo.Todo, fields []todo.Field, now object, whole bool) []byte {
	body := object{}
	if whole {
		body = maps.Clone(now)
	}
	for _, f := range fields {
		if m.place(f) != "" {
			m.put(body, t, f, now)
		}
	}
	return m.wrapped(body)
}

// newBody writes a to-do that is to be added: what it has, and what every new
// one is sent with. Ids are the API's to choose.
func (m mapping) newBody(t todo.Todo) []byte {
	body := object{}
	for name, value := range m.New {
		body[name] = rawOf(value)
	}
	for _, f := range todo.PatchOf(t).Fields() {
		switch {
		case m.place(f) == "", f == todo.FieldCompleted && m.acts():
		case f == todo.FieldTitle, f == todo.FieldCompleted, !isEmpty(t, f), f == todo.FieldPriority && m.Priority.None != nil:
			m.put(body, t, f, nil)
		}
	}
	return m.wrapped(body)
}

func (m mapping) wrapped(body object) []byte {
	if m.Wrap != "" {
		return rawOf(object{m.Wrap: rawOf(body)})
	}
	return rawOf(body)
}

// wantsNow reports whether a change of these fields can be written only with
// the to-do as the API has it: what stands beside them is lost otherwise.
func (m mapping) wantsNow(p todo.Patch) bool {
	if m.Update == "PUT" {
		return true
	}
	return slices.ContainsFunc(p.Fields(), func(f todo.Field) bool {
		path, text := m.place(f), m.text(f)
		if text != nil && text.Write != "" {
			path = text.Write
		}
		return len(path.Parts()) > 1 || f == todo.FieldTags && m.Tags != nil && m.Tags.As == connection.TagObjects
	})
}

// names are what people call the fields.
var names = map[todo.Field]string{
	todo.FieldTitle: "title", todo.FieldDescription: "description", todo.FieldCompleted: "mark for what is done",
	todo.FieldPriority: "priority", todo.FieldTags: "tags", todo.FieldDue: "due date",
}

// unfit is the Fault of a value that the API has no place for, or that would not
// come back from it as it is; nil if there is none.
func (m mapping) unfit(p todo.Patch) error {
	t := p.Apply(todo.Todo{})
	for _, f := range p.Fields() {
		if isEmpty(t, f) && (f != todo.FieldTitle) {
			continue
		}
		if m.place(f) == "" {
			return unfitting("no_place", "This to-do service has no place for "+article(f)+names[f]+".")
		}
		if m.comesBack(t, f) {
			continue
		}
		switch {
		case f == todo.FieldDue && m.Due.Days:
			return unfitting("not_kept", "This to-do service keeps the day of a due date, not its time.")
		case f == todo.FieldPriority:
			return unfitting("not_kept", "This to-do service does not know this priority.")
		}
		return unfitting("not_kept", "This to-do service cannot keep this "+names[f]+" as it is.")
	}
	return nil
}

func article(f todo.Field) string {
	if f == todo.FieldTags {
		return ""
	}
	return "a "
}

func unfitting(code, message string) error {
	return fault.New(fault.StepCall, fault.Invalid, code, message).WithRemedy("Change it and try again, or discard it.")
}

// comesBack reports whether a field that is written is read as the same.
func (m mapping) comesBack(t todo.Todo, f todo.Field) bool {
	r := found{raw: object{}}
	switch f {
	case todo.FieldTitle:
		r.Title, _ = textOf(rawOf(t.Title))
	case todo.FieldCompleted:
		return true // that it does is said by Todos.Validate
	default:
		value := m.value(t, f, nil)
		if value == nil {
			return false
		}
		r.raw.set(m.place(f).Parts(), value)
	}
	if err := m.readFields(&r, map[connection.Path]bool{}); err != nil {
		return false
	}
	return patchOf(t, f).Changes(r.Todo).IsZero()
}
