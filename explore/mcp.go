package explore

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"waybill/api"
)

// Through runs f once with the client of an MCP server, and returns f's error,
// perhaps in clearer words, and the Run that recorded it, 0 if none did. What the
// user asked for is a Run of its own. A listing is not: opening the Explorer makes
// five requests, which would push out a quarter of the Runs that are kept.
type Through func(ctx context.Context, asked bool, f func(ctx context.Context, c *api.MCPClient) error) (run uint64, err error)

// MCP is what an MCP server offers, and the way to use it. It is safe for
// concurrent use. Its errors are Faults.
//
// The server is offered nothing in return: its requests for sampling,
// elicitation and roots are answered with -32601, "method not found".
type MCP struct {
	through  Through
	remember func(context.Context, Call)

	recall Recall

	mu   sync.Mutex
	seen History // of which the Tools are kept, with no other Recall
}

// Recall takes the fingerprints of tools that were listed now, by name, and returns
// those of before, to be compared.
type Recall func(ctx context.Context, now map[Said]string) (before map[Said]string)

// NewMCP returns an MCP that reaches the server through the function given.
func NewMCP(through Through) *MCP {
	m := &MCP{through: through}
	m.recall = m.inMind
	return m
}

// RecallWith has tools compared with what was listed before this MCP was made. It
// is to be called before the first listing.
func (m *MCP) RecallWith(f Recall) { m.recall = f }

// Remember has f told of each Call that is made. It is to be called before the
// first.
func (m *MCP) Remember(f func(context.Context, Call)) { m.remember = f }

// Server is what an MCP server says of itself.
type Server struct {
	Name, Title, Version, Description Said
	Website                           Said   // never opened by itself
	Protocol                          string // the version of MCP that is spoken with it
	Instructions                      Said
	Can                               Capabilities
}

// Capabilities are what an MCP server declares to offer.
type Capabilities struct {
	Tools, Resources, Prompts bool
	Subscribe                 bool // Subscribe may be called
	Completions, Logging      bool // declared, not used here
	Extensions                []Said
	Experimental              []Said
}

// List is what a server listed, in its order. At most MaxListed items are kept.
type List[T any] struct {
	Items []T
	Cut   bool // there were more, which were left out, or the server lists in a circle
	Pages int  // that the server sent
}

// MaxListed bounds every List.
const MaxListed = 10_000

// Tool is what an MCP server says of one of its tools. None of it can be relied
// on, annotations least of all: a server may call a tool harmless that is not.
type Tool struct {
	Name, Title, Description Said

	// Input and Output are JSON Schema as received, its members in their order;
	// Output is nil if the tool says nothing about its results.
	Input, Output json.RawMessage

	ReadOnly    bool // readOnlyHint: it changes nothing
	Destructive bool // neither readOnlyHint nor "destructiveHint": false: ask before calling
	Idempotent  bool // idempotentHint: calling it twice is calling it once
	OpenWorld   bool // not "openWorldHint": false: it reaches beyond its server

	// Fingerprint changes when the name, the description, an annotation or a
	// schema does: 64 hexadecimal digits.
	Fingerprint string

	Warnings []Warning // what is odd about it
}

// Label is what the tool is best called on a screen: its title, else its name.
func (t *Tool) Label() Said {
	if t.Title != "" {
		return t.Title
	}
	return t.Name
}

// Oddity is a reason to look twice at what a server lists.
type Oddity int

// The oddities.
const (
	Duplicate Oddity = iota // another one has the same name
	LooksLike               // another one has a name that looks the same
	Hidden                  // the name holds what is not seen
	Changed                 // its description or a schema is another than when it was listed before
	Remote                  // its schema refers to another document, which is never fetched
	BadSchema               // its schema cannot be used in full: arguments are not checked
)

// Warning is one oddity.
type Warning struct {
	Kind  Oddity
	Other Said // LooksLike: the name of the other one
}

// Progress is what a server says of a call that is under way.
type Progress struct {
	Done, Total float64 // Total is 0 if it is not known
	Message     Said
}

// Result is what a tool answered.
type Result struct {
	Parts      []Part
	Structured json.RawMessage // structured content; nil if there is none
	Verdict    Verdict         // of Structured against the output schema
	Why        string          // Breaks, Unchecked: what is wrong, to be shown as it is
	Failed     bool            // the tool says that it failed
	Took       time.Duration   // from the call to the answer
	Run        uint64          // of the Flow page, that shows the call; 0 if it is not recorded
}

// Verdict is what came of checking structured content against the output schema.
type Verdict int

// The verdicts.
const (
	NoSchema  Verdict = iota // nothing was promised
	Conforms                 // it is as promised
	Breaks                   // it is not
	Missing                  // it was promised and is not there
	Unchecked                // the schema itself cannot be used
)

// PartKind says what a Part is.
type PartKind int

// The kinds of parts.
const (
	Unknown   PartKind = iota // of a kind that this app does not know
	TextPart                  // Text, and JSON if it is JSON
	ImagePart                 // Data; see Picture
	AudioPart                 // Data, which is never played
	Embedded                  // a resource: Text, or Data; and URI
	Link                      // of a resource that can be read: URI
)

// Part is one piece of a result, of a resource or of a prompt. Nothing of it is
// decoded or fetched unless it is asked for.
type Part struct {
	Kind PartKind
	Text Said            // as received
	JSON json.RawMessage // Text, if it is a JSON object or array
	Data []byte          // a binary part's bytes

	URI, Name, Title, Description, MIMEType Said
	Size                                    int64 // Link: in bytes, 0 if not said
}

// Contents are what a resource holds.
type Contents struct {
	Parts []Part // of kind Embedded
	Run   uint64 // of the Flow page, that shows the call; 0 if it is not recorded
}

// Resource is what an MCP server says of one of its resources.
type Resource struct {
	URI, Name, Title, Description, MIMEType Said
	Size                                    int64 // in bytes, 0 if not said
	Warnings                                []Warning
}

// Label is what the resource is best called on a screen.
func (r *Resource) Label() Said { return firstOf(r.Title, r.Name, r.URI) }

// Template is what an MCP server says of a family of resources.
type Template struct {
	Pattern, Name, Title, Description, MIMEType Said // Pattern is an URI template (RFC 6570)

	// Variables are the names in Pattern, in their order, each once; nil with a
	// Pattern that is none, which cannot be expanded.
	Variables []string
}

// Label is what the template is best called on a screen.
func (t *Template) Label() Said { return firstOf(t.Title, t.Name, t.Pattern) }

// Prompt is what an MCP server says of one of its prompts.
type Prompt struct {
	Name, Title, Description Said
	Arguments                []Argument
	Warnings                 []Warning
}

// Label is what the prompt is best called on a screen.
func (p *Prompt) Label() Said { return firstOf(p.Title, p.Name) }

// Argument is one of a prompt's; its value is a text.
type Argument struct {
	Name, Title, Description Said
	Required                 bool
}

// Label is what the argument is best called on a screen.
func (a *Argument) Label() Said { return firstOf(a.Title, a.Name) }

// Messages is what a prompt yields. It is shown; there is no model in this app
// that it could be given to.
type Messages struct {
	Description Said
	Messages    []Message
	Run         uint64 // of the Flow page, that shows the call; 0 if it is not recorded
}

// Message is one of a prompt's.
type Message struct {
	Role Said // user or assistant
	Part Part
}

func firstOf(texts ...Said) Said {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}
