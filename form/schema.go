package form

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// Bounds of a schema. Beyond them a form is one field for JSON.
const (
	maxSchema  = 1 << 20 // bytes
	maxDepth   = 64      // of schemas within schemas
	maxSchemas = 20_000
)

var (
	errTooLarge = errors.New("form: the schema is too large")
	errSchema   = errors.New("form: not a schema")
	errRemote   = errors.New("form: a reference to another document")
	errRef      = errors.New("form: a reference that is not followed")
)

// schema is one schema as it is written, its references found.
type schema struct {
	keywords
	raw   json.RawMessage
	never bool // false

	to         *schema   // of $ref
	inPlace    []*schema // what the same value is checked against besides
	properties []property
	each       []*schema // what every member or item may be checked against
	items      *schema
}

type property struct {
	name string
	*schema
}

// keywords are those that the fields of a form are made of.
type keywords struct {
	Ref         string            `json:"$ref"`
	DynamicRef  string            `json:"$dynamicRef"`
	ID          string            `json:"$id"`
	Type        oneOrMany         `json:"type"`
	Title       string            `json:"title"`
	Description string            `json:"description"`
	Default     json.RawMessage   `json:"default"`
	Enum        []json.RawMessage `json:"enum"`
	EnumNames   []string          `json:"enumNames"`
	Const       json.RawMessage   `json:"const"`
	Required    []string          `json:"required"`
	Format      string            `json:"format"`
	Pattern     string            `json:"pattern"`
	MediaType   string            `json:"contentMediaType"`
	Encoding    string            `json:"contentEncoding"`
	MinLength   *float64          `json:"minLength"`
	MaxLength   *float64          `json:"maxLength"`
	MinItems    *float64          `json:"minItems"`
	MaxItems    *float64          `json:"maxItems"`
	Minimum     *float64          `json:"minimum"`
	Maximum     *float64          `json:"maximum"`
	Above       *float64          `json:"exclusiveMinimum"`
	Below       *float64          `json:"exclusiveMaximum"`

	AllOf []json.RawMessage `json:"allOf"`
	AnyOf []json.RawMessage `json:"anyOf"`
	OneOf []json.RawMessage `json:"oneOf"`

	allOf, anyOf, oneOf []*schema
	prefixed            bool // prefixItems, or an array of items
	others              bool // additionalProperties that are not false, or patternProperties
}

// oneOrMany is the value of type.
type oneOrMany []string

// UnmarshalJSON implements json.Unmarshaler.
func (o *oneOrMany) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '[' {
		return json.Unmarshal(data, (*[]string)(o))
	}
	*o = make(oneOrMany, 1)
	return json.Unmarshal(data, &(*o)[0])
}

// reader reads one schema with everything in it.
type reader struct {
	all map[string]*schema // by JSON pointer
}

// read reads a schema. Only references within it are followed.
func read(data json.RawMessage) (*schema, error) {
	if len(data) > maxSchema {
		return nil, errTooLarge
	}
	r := &reader{all: map[string]*schema{}}
	root, err := r.schema(data, "", 0)
	if err != nil {
		return nil, err
	}
	for path, s := range r.all {
		switch {
		case s.DynamicRef != "", s.ID != "" && path != "":
			return nil, errRef
		case s.Ref == "":
			continue
		case !strings.HasPrefix(s.Ref, "#"):
			return nil, errRemote
		}
		if s.to = r.all[unescape(s.Ref[1:])]; s.to == nil {
			return nil, errRef
		}
		s.inPlace = append(s.inPlace, s.to)
	}
	return root, nil
}

// schema reads the schema at path.
func (r *reader) schema(data json.RawMessage, path string, depth int) (*schema, error) {
	if depth > maxDepth || len(r.all) >= maxSchemas {
		return nil, errTooLarge
	}
	s := &schema{raw: data}
	r.all[path] = s
	switch string(bytes.TrimSpace(data)) {
	case "true":
		return s, nil
	case "false":
		s.never = true
		return s, nil
	}
	if err := json.Unmarshal(data, &s.keywords); err != nil {
		return nil, errSchema
	}
	err := Members(data, func(name string, value json.RawMessage) error {
		return r.keyword(s, name, value, path+"/"+escape(name), depth+1)
	})
	return s, err
}

// keyword reads the schemas in the value of a keyword.
func (r *reader) keyword(s *schema, name string, value json.RawMessage, path string, depth int) error {
	one := func(into *[]*schema) error {
		sub, err := r.schema(value, path, depth)
		*into = append(*into, sub)
		return err
	}
	switch name {
	case "allOf", "anyOf", "oneOf":
		subs, err := r.array(value, path, depth)
		s.inPlace = append(s.inPlace, subs...)
		switch name {
		case "allOf":
			s.allOf = subs
		case "anyOf":
			s.anyOf = subs
		default:
			s.oneOf = subs
		}
		return err
	case "not", "if", "then", "else":
		return one(&s.inPlace)
	case "items", "additionalItems":
		if bytes.HasPrefix(bytes.TrimSpace(value), []byte("[")) {
			subs, err := r.array(value, path, depth)
			s.each, s.prefixed = append(s.each, subs...), true
			return err
		}
		err := one(&s.each)
		if name == "items" && err == nil {
			s.items = s.each[len(s.each)-1]
		}
		return err
	case "prefixItems":
		subs, err := r.array(value, path, depth)
		s.each, s.prefixed = append(s.each, subs...), true
		return err
	case "additionalProperties":
		s.others = s.others || string(bytes.TrimSpace(value)) != "false"
		return one(&s.each)
	case "contains", "propertyNames", "unevaluatedItems", "unevaluatedProperties":
		return one(&s.each)
	case "contentSchema": // is not checked
		_, err := r.schema(value, path, depth)
		return err
	case "properties", "patternProperties", "dependentSchemas", "dependencies", "$defs", "definitions":
		return Members(value, func(key string, value json.RawMessage) error {
			return r.named(s, name, key, value, path+"/"+escape(key), depth)
		})
	}
	return nil
}

// named reads one of the schemas that have names of their own.
func (r *reader) named(s *schema, keyword, name string, value json.RawMessage, path string, depth int) error {
	if keyword == "dependencies" && bytes.HasPrefix(bytes.TrimSpace(value), []byte("[")) {
		return nil
	}
	sub, err := r.schema(value, path, depth)
	if err != nil {
		return err
	}
	switch keyword {
	case "properties":
		s.properties = append(s.properties, property{name, sub})
	case "patternProperties":
		s.each, s.others = append(s.each, sub), true
	case "dependentSchemas", "dependencies":
		s.inPlace = append(s.inPlace, sub)
	}
	return nil
}

func (r *reader) array(data json.RawMessage, path string, depth int) ([]*schema, error) {
	var items []json.RawMessage
	if json.Unmarshal(data, &items) != nil {
		return nil, errSchema
	}
	var out []*schema
	for i, item := range items {
		sub, err := r.schema(item, path+"/"+strconv.Itoa(i), depth)
		if err != nil {
			return nil, err
		}
		out = append(out, sub)
	}
	return out, nil
}

// Members calls f with the members of a JSON object, in their order. It is an
// error if there is no object or a name is given twice: which of the two counts,
// whoever reads it would decide and the user would not see. What follows the object
// is not looked at.
func Members(data json.RawMessage, f func(name string, value json.RawMessage) error) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return errSchema
	}
	seen := map[string]bool{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return errSchema
		}
		name, _ := token.(string)
		var value json.RawMessage
		if dec.Decode(&value) != nil || seen[name] {
			return errSchema
		}
		seen[name] = true
		if err := f(name, value); err != nil {
			return err
		}
	}
	return nil
}

// escape writes a name into a JSON pointer (RFC 6901 section 3).
func escape(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

// unescape turns the fragment of an URI into the pointer that escape makes.
func unescape(fragment string) string {
	if !strings.Contains(fragment, "%") {
		return fragment
	}
	var b strings.Builder
	for i := 0; i < len(fragment); i++ {
		if fragment[i] == '%' && i+2 < len(fragment) {
			if c, err := strconv.ParseUint(fragment[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		b.WriteByte(fragment[i])
	}
	return b.String()
}
