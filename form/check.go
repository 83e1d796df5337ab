package form

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"waybill/fault"
)

// The sentences of Form.Problem.
const (
	whyRemote   = "The schema refers to another document, which is not fetched: values are not checked."
	whyRef      = "The schema refers to its parts in a way that this app does not follow: values are not checked."
	whyTooLarge = "The schema is too large to make a form of: values are not checked."
	whyBad      = "The schema cannot be read: values are not checked."

	whyUnchecked = "The schema is of a version, or has a pattern, that this app cannot check values by."
)

// The versions of JSON Schema that values are checked by.
const (
	versionNow = "https://json-schema.org/draft/2020-12/schema"
	version7   = "http://json-schema.org/draft-07/schema"
)

// New makes a form of a JSON Schema (draft 2020-12 or 7). It never fails: of
// what it cannot read it makes a form of one Raw field, and Problem says why; so it
// does where it cannot check values. No schema at all allows every object.
func New(data json.RawMessage) *Form {
	if len(bytes.TrimSpace(data)) == 0 {
		data = json.RawMessage(`{"type":"object"}`)
	}
	root, err := read(data)
	if err != nil {
		f := &Form{Root: &Field{Required: true, schema: &schema{}}, Problem: whyBad}
		switch {
		case errors.Is(err, errRemote):
			f.Problem, f.Remote = whyRemote, true
		case errors.Is(err, errRef):
			f.Problem = whyRef
		case errors.Is(err, errTooLarge):
			f.Problem = whyTooLarge
		}
		return f
	}
	f := &Form{Root: (&builder{}).field(root, "", true), schema: root}
	if f.resolved, err = resolve(data); err != nil {
		f.Problem = whyUnchecked
	}
	return f
}

// resolve reads the schema with the library that checks values. It has a loader
// for other documents, which refuses.
func resolve(data json.RawMessage) (out *jsonschema.Resolved, err error) {
	defer func() {
		if recover() != nil { // the library asserts what a schema from elsewhere may break
			out, err = nil, errSchema
		}
	}()
	var s jsonschema.Schema
	if json.Unmarshal(data, &s) != nil {
		return nil, errSchema
	}
	switch s.Schema {
	case "", versionNow, version7, version7 + "#":
		return s.Resolve(nil)
	}
	return nil, errSchema
}

// Check says what is wrong with v, in itself and by the schema; nothing if it
// may be sent as the JSON that is returned.
func (f *Form) Check(v *Value) (json.RawMessage, []Problem) {
	data, wrong := v.JSON()
	if len(wrong) > 0 {
		return nil, wrong
	}
	if wrong = f.CheckJSON(data); len(wrong) > 0 {
		if found := f.where(v); len(found) > 0 {
			wrong = found
		}
		return nil, wrong
	}
	return data, nil
}

// CheckJSON is Check for JSON that was entered by itself.
func (f *Form) CheckJSON(data json.RawMessage) []Problem {
	var value any
	if json.Unmarshal(data, &value) != nil {
		return []Problem{{"", "This is not JSON."}}
	}
	if f.resolved == nil {
		return nil
	}
	if !affordable(f.schema, value) {
		return []Problem{{"", "The schema is too intricate to check this value by."}}
	}
	if err := validate(f.resolved, value); err != nil {
		return []Problem{{"", "The schema does not allow this: " + brief(err)}}
	}
	return nil
}

func validate(r *jsonschema.Resolved, value any) (err error) {
	defer func() {
		if recover() != nil {
			err = errSchema
		}
	}()
	return r.Validate(value)
}

// maxBrief bounds, in characters, what is quoted of the checking library.
const maxBrief = 200

// brief is the library's word on the innermost place, which quotes the schema
// and the value, so it is cleaned.
func brief(err error) string {
	text := err.Error()
	if first, _, several := strings.Cut(text, "\n"); several {
		text = first
	}
	for strings.HasPrefix(text, "validating ") {
		_, rest, more := strings.Cut(text, ": ")
		if !more {
			break
		}
		text = rest
	}
	return strings.TrimSuffix(fault.Clean(text, maxBrief), ".") + "."
}
