package form

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of a form. What lies deeper, or is more, is entered as JSON.
const (
	maxFieldDepth = 6
	maxFields     = 500
	maxOptions    = 500
)

// builder makes the fields of a form.
type builder struct {
	made int
	open []*schema // that fields are being made of
}

// field makes the field of a schema.
func (b *builder) field(s *schema, name string, required bool) *Field {
	b.made++
	f := &Field{Name: name, Required: required, Title: s.Title, Description: s.Description, Default: s.Default}
	s = b.plain(s, f)
	f.schema = s
	switch {
	case s.never:
		f.Hint = "No value is allowed here."
	case slices.Contains(b.open, s) || len(b.open) >= maxFieldDepth || b.made > maxFields:
	default:
		b.open = append(b.open, s)
		b.shape(f, s)
		b.open = b.open[:len(b.open)-1]
	}
	f.Hint = joined(f.Hint, hintOf(f, s))
	return f
}

// plain follows what only stands for another schema: a reference, an allOf of
// one, and a choice between a value and null. What is said on the way of title,
// description and default counts.
func (b *builder) plain(s *schema, f *Field) *schema {
	for range maxDepth {
		next := s.to
		switch {
		case next != nil:
		case len(s.Type) > 0 || len(s.properties) > 0 || s.Enum != nil || s.Const != nil:
			return s
		case len(s.allOf) == 1 && len(s.inPlace) == 1:
			next = s.allOf[0]
		default:
			next = orNull(s)
		}
		if next == nil {
			return s
		}
		s = next
		if f.Title == "" {
			f.Title = s.Title
		}
		if f.Description == "" {
			f.Description = s.Description
		}
		if f.Default == nil {
			f.Default = s.Default
		}
	}
	return s
}

// orNull is the one choice beside null, nil if s is no such choice.
func orNull(s *schema) *schema {
	choice := s.anyOf
	if choice == nil {
		choice = s.oneOf
	}
	if len(choice) != 2 || len(s.inPlace) != 2 {
		return nil
	}
	for i, c := range choice {
		if len(c.Type) == 1 && c.Type[0] == "null" {
			return choice[1-i]
		}
	}
	return nil
}

// shape gives f its kind, and what belongs to it.
func (b *builder) shape(f *Field, s *schema) {
	switch kind := kindOf(s); kind {
	case Enum:
		if f.Options = optionsOf(s); len(f.Options) > 0 && len(f.Options) <= maxOptions {
			f.Kind = Enum
			return
		}
		f.Options = nil
	case Array:
		f.Kind, f.Min, f.Max = Array, count(s.MinItems), count(s.MaxItems)
		if s.items != nil {
			f.Items = b.field(s.items, "", true)
		} else {
			f.Items = &Field{Required: true, schema: &schema{}}
		}
	case Object:
		f.Kind, f.Open = Object, s.others || len(s.properties) == 0
		for _, p := range s.properties {
			f.Members = append(f.Members, b.field(p.schema, p.name, slices.Contains(s.Required, p.name)))
		}
	case Text:
		f.Kind, f.Format, f.Min, f.Max = Text, s.Format, count(s.MinLength), count(s.MaxLength)
		f.Long = isLong(f, s)
	default:
		f.Kind = kind
	}
}

func kindOf(s *schema) Kind {
	if s.Enum != nil || s.Const != nil || titled(s.oneOf) || titled(s.anyOf) {
		return Enum
	}
	types := slices.DeleteFunc(slices.Clone([]string(s.Type)), func(t string) bool { return t == "null" && len(s.Type) > 1 })
	if len(types) > 1 {
		return Raw
	}
	kind := ""
	switch {
	case len(types) == 1:
		kind = types[0]
	case len(s.properties) > 0 || len(s.Required) > 0:
		kind = "object"
	case s.items != nil && !s.prefixed:
		kind = "array"
	}
	switch kind {
	case "string":
		return Text
	case "number":
		return Number
	case "integer":
		return Integer
	case "boolean":
		return Boolean
	case "null":
		return Enum
	case "object":
		return Object
	case "array":
		if !s.prefixed {
			return Array
		}
	}
	return Raw
}

// titled reports whether a choice is one between constants.
func titled(choice []*schema) bool {
	return len(choice) > 0 && !slices.ContainsFunc(choice, func(s *schema) bool { return s.Const == nil })
}

func optionsOf(s *schema) []Option {
	var out []Option
	choice := s.oneOf
	if choice == nil {
		choice = s.anyOf
	}
	switch {
	case s.Const != nil:
		return []Option{{label(s.Const), s.Const}}
	case s.Enum == nil && titled(choice):
		for _, c := range choice {
			o := Option{c.Title, c.Const}
			if o.Label == "" {
				o.Label = label(c.Const)
			}
			out = append(out, o)
		}
		return out
	case s.Enum == nil: // null
		return []Option{{"null", json.RawMessage("null")}}
	}
	for i, value := range s.Enum {
		o := Option{label(value), value}
		if i < len(s.EnumNames) && len(s.EnumNames) == len(s.Enum) {
			o.Label = s.EnumNames[i]
		}
		out = append(out, o)
	}
	return out
}

// label is a text itself, and any other value as JSON. A text that would be
// taken for another option's JSON stays in its quotes.
func label(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil && len(value) > 0 && value[0] == '"' && !json.Valid([]byte(text)) {
		return text
	}
	var b bytes.Buffer
	if json.Compact(&b, value) != nil {
		return string(value)
	}
	return b.String()
}

// count is a bound as a number of things, nil if it is none.
func count(bound *float64) *int {
	if bound == nil || *bound < 0 || *bound > math.MaxInt32 {
		return nil
	}
	n := int(*bound)
	return &n
}

// hintOf says what a schema asks for beside the kind.
func hintOf(f *Field, s *schema) string {
	var parts []string
	if f.Kind == Raw && len(s.Type) > 0 {
		parts = append(parts, strings.Join(s.Type, " or "))
	}
	parts = append(parts, between(f, s)...)
	if s.Pattern != "" && f.Kind == Text && utf8.RuneCountInString(s.Pattern) <= 80 {
		parts = append(parts, "pattern "+s.Pattern)
	}
	if f.Format != "" {
		parts = append(parts, f.Format)
	}
	return strings.Join(parts, ", ")
}

// between says in which range a value lies.
func between(f *Field, s *schema) []string {
	var parts []string
	bound := func(words string, n *float64) {
		if n != nil {
			parts = append(parts, words+" "+strconv.FormatFloat(*n, 'g', -1, 64))
		}
	}
	switch f.Kind {
	case Number, Integer:
		bound("at least", s.Minimum)
		bound("more than", s.Above)
		bound("at most", s.Maximum)
		bound("less than", s.Below)
	case Text, Array:
		if f.Min != nil && *f.Min > 0 {
			parts = append(parts, "at least "+things(f.Kind, float64(*f.Min)))
		}
		if f.Max != nil {
			parts = append(parts, "at most "+things(f.Kind, float64(*f.Max)))
		}
	}
	return parts
}

// things is how many characters a Text has, or entries an Array.
func things(kind Kind, n float64) string {
	words := map[Kind][2]string{Text: {"character", "characters"}, Array: {"entry", "entries"}}[kind]
	if n == 1 {
		return "1 " + words[0]
	}
	return strconv.FormatFloat(n, 'f', -1, 64) + " " + words[1]
}

func joined(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + " " + b
}
