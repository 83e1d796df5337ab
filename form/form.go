// Package form makes a form of a JSON Schema: fields to enter values in, of
// kinds that a window has widgets for, and JSON of what was entered.
//
// Invariant: nothing outside of the schema is read. A reference to another
// document is never followed, and a schema beyond the bounds of this package
// becomes one field for JSON. What Check accepts, the schema accepts.
package form

import (
	"encoding/json"

	"github.com/google/jsonschema-go/jsonschema"
)

// Kind says how a value is entered.
type Kind int

// The kinds of fields.
const (
	Raw     Kind = iota // as JSON
	Text                // a string
	Number              // a number, as typed
	Integer             // an integer, as typed
	Boolean             // yes or no
	Enum                // one of Options
	Array               // any number of Items
	Object              // Members
)

// Form is a form. It is safe for concurrent use; its fields must not be changed.
type Form struct {
	Root *Field

	// Problem says in one sentence why values are not checked, or entered as
	// JSON only; "" if all is well. It may be shown as it is.
	Problem string

	// Remote says that the Problem is a reference to another document.
	Remote bool

	schema   *schema
	resolved *jsonschema.Resolved // nil with a Problem
}

// Field is one place of a form. Every text in it is the schema's, as received:
// clean it before showing.
type Field struct {
	Name               string // of the member of the object that it is; "" for the root and for items
	Title, Description string
	Kind               Kind
	Required           bool
	Default            json.RawMessage // nil if there is none
	Options            []Option        // Enum
	Items              *Field          // Array: every item is entered alike
	Members            []*Field        // Object: those that have a name, in the schema's order
	Open               bool            // Object: it may have other members too; they are entered as JSON
	Min, Max           *int            // Text: in characters; Array: in items
	Format             string          // Text: as in "email", for a hint
	Long               bool            // Text: it may have several lines
	Hint               string          // what the schema asks for beside the kind, in a few words of this app; "" if nothing

	schema *schema
}

// Option is one value of an Enum.
type Option struct {
	Label string // the text itself, or the JSON
	JSON  json.RawMessage
}

// Value is what is entered in one Field. Field.New makes it. It is not safe for
// concurrent use.
type Value struct {
	Field *Field

	// Set says that there is a value; see Given. A Text that is left empty is
	// better not Set: an empty text is entered as JSON.
	Set bool

	// AsJSON says that the value is entered as JSON in Text, whatever the kind
	// of the field; always so with Raw.
	AsJSON bool

	Text    string   // Text, Number, Integer, Raw: as typed
	Yes     bool     // Boolean
	Choice  int      // Enum: index of the option, -1 if none is chosen
	Items   []*Value // Array
	Members []*Value // Object: one per Field.Members, in their order
	Others  string   // Object that is Open: a JSON object of the other members; "" if none
}

// Problem is something wrong with what was entered.
type Problem struct {
	Path    string // where: a JSON pointer (RFC 6901), "" for the whole
	Message string // one sentence, to be shown as it is
}

// New returns a value for the whole form, with its defaults.
func (f *Form) New() *Value { return f.Root.New() }

// Fill returns the value that holds this JSON. What does not fit in the kind of
// a field is held there as JSON.
func (f *Form) Fill(data json.RawMessage) (*Value, error) { return f.Root.Fill(data) }
