package form

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"waybill/fault"
)

// New returns a value for a field, with the default of it, else those of its
// members.
func (f *Field) New() *Value {
	if f.Default != nil && string(f.Default) != "null" {
		if v, err := f.Fill(f.Default); err == nil && !v.AsJSON {
			return v
		}
	}
	return f.empty()
}

func (f *Field) empty() *Value {
	v := &Value{Field: f, Choice: -1, AsJSON: f.Kind == Raw}
	for _, m := range f.Members {
		v.Members = append(v.Members, m.New())
	}
	return v
}

// Fill returns the value that holds this JSON. What does not fit in the kind of
// a field is held there as JSON.
func (f *Field) Fill(data json.RawMessage) (*Value, error) {
	if !json.Valid(data) {
		return nil, errSchema
	}
	return f.fill(bytes.TrimSpace(data)), nil
}

func (f *Field) fill(data json.RawMessage) *Value {
	v := &Value{Field: f, Set: true, Choice: -1}
	if f.fits(v, data) {
		return v
	}
	v = f.empty()
	v.Set, v.AsJSON, v.Text = true, true, string(data)
	return v
}

// fits enters data into v if its kind allows that, and yields the same again.
func (f *Field) fits(v *Value, data json.RawMessage) bool {
	switch f.Kind {
	case Text:
		return data[0] == '"' && json.Unmarshal(data, &v.Text) == nil && v.Text != ""
	case Number, Integer:
		v.Text = string(data)
		return isNumber(v.Text)
	case Boolean:
		v.Yes = string(data) == "true"
		return v.Yes || string(data) == "false"
	case Enum:
		for i, o := range f.Options {
			if same(o.JSON, data) {
				v.Choice = i
				return true
			}
		}
	case Array:
		var items []json.RawMessage
		if data[0] != '[' || json.Unmarshal(data, &items) != nil || len(items) > maxItems {
			return false
		}
		for _, item := range items {
			v.Items = append(v.Items, f.Items.fill(bytes.TrimSpace(item)))
		}
		return true
	case Object:
		return f.fitsMembers(v, data)
	}
	return false
}

// maxItems bounds the items that are entered one by one.
const maxItems = 1000

func (f *Field) fitsMembers(v *Value, data json.RawMessage) bool {
	given := map[string]json.RawMessage{}
	var others []string
	known := map[string]bool{}
	for _, m := range f.Members {
		known[m.Name] = true
	}
	if Members(data, func(name string, value json.RawMessage) error {
		given[name] = value
		if !known[name] {
			others = append(others, Quote(name)+": "+string(value))
		}
		return nil
	}) != nil {
		return false
	}
	for _, m := range f.Members {
		if value, ok := given[m.Name]; ok {
			v.Members = append(v.Members, m.fill(value))
		} else {
			v.Members = append(v.Members, m.empty())
		}
	}
	if len(others) > 0 {
		v.Others = "{" + strings.Join(others, ", ") + "}"
	}
	return true
}

// Add appends an item to an Array and returns it.
func (v *Value) Add() *Value {
	item := v.Field.Items.New()
	v.Items = append(v.Items, item)
	return item
}

// Given reports whether there is a value: it is Set, or something is entered
// within it. A member of an object that is not given is left out.
func (v *Value) Given() bool {
	if v.Set || len(v.Items) > 0 || strings.TrimSpace(v.Others) != "" {
		return true
	}
	for _, m := range v.Members {
		if m.Given() {
			return true
		}
	}
	return false
}

// JSON returns what was entered, or what is wrong with it in itself: a number
// that is none, JSON that is none, a member that is required and not there.
// Whether the schema accepts it Form.Check says.
func (v *Value) JSON() (json.RawMessage, []Problem) {
	w := &writer{}
	w.value(v, "")
	if len(w.problems) > 0 {
		return nil, w.problems
	}
	return w.out.Bytes(), nil
}

// writer writes a value as JSON.
type writer struct {
	out      bytes.Buffer
	problems []Problem
}

func (w *writer) wrong(path, message string) {
	w.problems = append(w.problems, Problem{path, message})
}

func (w *writer) value(v *Value, path string) {
	text := strings.TrimSpace(v.Text)
	if v.AsJSON || v.Field.Kind == Raw {
		if text == "" {
			w.wrong(path, missing)
		} else if !json.Valid([]byte(text)) {
			w.wrong(path, "This is not JSON: a text needs quotes, as in \"milk\".")
		}
		w.out.WriteString(text)
		return
	}
	switch v.Field.Kind {
	case Text:
		if !v.Set {
			w.wrong(path, missing)
		}
		w.out.WriteString(Quote(v.Text))
	case Number, Integer:
		w.number(v.Field.Kind, text, path)
	case Boolean:
		if !v.Set {
			w.wrong(path, missing)
		}
		w.out.WriteString(strconv.FormatBool(v.Yes))
	case Enum:
		if v.Choice < 0 || v.Choice >= len(v.Field.Options) {
			w.wrong(path, chooseOne(v.Field.Options))
			return
		}
		w.out.Write(v.Field.Options[v.Choice].JSON)
	case Array:
		w.out.WriteByte('[')
		for i, item := range v.Items {
			if i > 0 {
				w.out.WriteByte(',')
			}
			w.value(item, path+"/"+strconv.Itoa(i))
		}
		w.out.WriteByte(']')
	case Object:
		w.object(v, path)
	}
}

// mostNamed is how many options a sentence names.
const mostNamed = 8

// chooseOne asks for a choice and names what there is, for a terminal shows no
// list beside the sentence.
func chooseOne(options []Option) string {
	var names []string
	for _, o := range options {
		names = append(names, fault.Clean(o.Label, 40))
	}
	more := ""
	if len(names) > mostNamed {
		names, more = names[:mostNamed], " …"
	}
	return "Choose one: " + strings.Join(names, ", ") + more + "."
}

const missing = "Fill this in: it is required."

func (w *writer) number(kind Kind, text, path string) {
	switch {
	case text == "":
		w.wrong(path, missing)
	case !isNumber(text) && kind == Integer:
		w.wrong(path, "Write a whole number, such as 7.")
	case !isNumber(text):
		w.wrong(path, "Write a number, such as 2.5.")
	}
	w.out.WriteString(text)
}

func (w *writer) object(v *Value, path string) {
	w.out.WriteByte('{')
	first := true
	begin := func(name string) {
		if !first {
			w.out.WriteByte(',')
		}
		first = false
		w.out.WriteString(Quote(name) + ":")
	}
	named := map[string]bool{}
	for _, m := range v.Members {
		named[m.Field.Name] = true
		if m.Given() || m.Field.Required {
			begin(m.Field.Name)
			w.value(m, path+"/"+escape(m.Field.Name))
		}
	}
	if others := strings.TrimSpace(v.Others); others != "" {
		if Members(json.RawMessage(others), func(name string, value json.RawMessage) error {
			if named[name] {
				w.wrong(path, fmt.Sprintf("The other members hold one that has a field of its own: %s.", strconv.QuoteToGraphic(name)))
			}
			begin(name)
			w.out.Write(value)
			return nil
		}) != nil || !json.Valid([]byte(others)) {
			w.wrong(path, "The other members are not a JSON object, as in {\"name\": 1}.")
		}
	}
	w.out.WriteByte('}')
}

// Quote writes a text as JSON, with <, > and & as they are.
func Quote(text string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(text)
	return strings.TrimSpace(b.String())
}

// isNumber reports whether text is a number as JSON writes it.
func isNumber(text string) bool {
	return text != "" && (text[0] == '-' || text[0] >= '0' && text[0] <= '9') && json.Valid([]byte(text))
}

// same reports whether two JSON texts are the same value.
func same(a, b json.RawMessage) bool {
	return canonical(a) == canonical(b)
}

// canonical writes JSON in one way: members by name, no white space.
func canonical(data json.RawMessage) string {
	var v any
	if json.Unmarshal(data, &v) != nil {
		return string(data)
	}
	out, err := json.Marshal(v)
	if err != nil {
		return string(data)
	}
	return string(out)
}

// Enter enters a value as a person writes it in one line: a text or a number
// itself, true or yes, the label of an option, and everything else as JSON.
// Whether it is one JSON says.
func (v *Value) Enter(text string) {
	v.Set, v.AsJSON, v.Text = true, v.Field.Kind == Raw, text
	switch v.Field.Kind {
	case Boolean:
		switch strings.ToLower(strings.TrimSpace(text)) {
		case "true", "yes", "on", "1":
			v.Yes = true
		case "false", "no", "off", "0":
			v.Yes = false
		default:
			v.AsJSON = true
		}
	case Enum:
		v.Choice = -1
		for i, o := range v.Field.Options {
			if o.Label == text || string(o.JSON) == text {
				v.Choice = i
				return
			}
		}
	case Array, Object:
		v.AsJSON = true
	}
}
