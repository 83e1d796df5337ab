// Package form makes a form of a JSON Schema: fields to enter values in, of
// kinds that a window has widgets for, and JSON of what was entered.
//
// Invariant: nothing outside of the schema is read. A reference to another
// document is never followed, and a schema beyond the bounds of this package
// becomes one field for JSON. What Check accepts, the schema accepts.
package form

import "encoding/json"

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
}

// Option is one value of an Enum.
type Option struct {
	Label string // the text itself, or the JSON
	JSON  json.RawMessage
}

// Value is what is entered in one Field. The zero value of its other fields is
// a field that nothing was entered in. It is not safe for concurrent use.
type Value struct {
	Field *Field

	// Set says that there is a value. A member of an object that is not Set is
	// left out.
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

// New makes a form of a JSON Schema (draft 2020-12 or 7). It never fails: of
// what it cannot read it makes a form of one Raw field, and Problem says why.
func New(schema json.RawMessage) *Form { return &Form{Root: &Field{}} }

// New returns a value for a field, with the default of it and its members.
func (f *Field) New() *Value { return &Value{Field: f} }

// New returns a value for the whole form, with its defaults.
func (f *Form) New() *Value { return f.Root.New() }

// Fill returns the value that holds this JSON. What does not fit in the kind of
// a field is held there as JSON.
func (f *Form) Fill(data json.RawMessage) (*Value, error) { return f.Root.Fill(data) }

// Fill is the same for one field.
func (f *Field) Fill(data json.RawMessage) (*Value, error) { return f.New(), nil }

// JSON returns what was entered, or what is wrong with it in itself: a number
// that is none, JSON that is none, an item without a value. Whether the schema
// accepts it Check says.
func (v *Value) JSON() (json.RawMessage, []Problem) { return nil, nil }

// Check says what is wrong with v by the schema; nothing if it may be sent.
func (f *Form) Check(v *Value) (json.RawMessage, []Problem) { return nil, nil }

// CheckJSON is Check for JSON that was entered by itself.
func (f *Form) CheckJSON(data json.RawMessage) []Problem { return nil }
