package explore

import (
	"context"
	"encoding/json"
	"errors"
	"image"

	"waybill/form"
)

var errNotYet = errors.New("explore: not built yet")

// Server says who the server is. It is asked anew where no session is open.
func (m *MCP) Server(ctx context.Context) (*Server, error) { return nil, errNotYet }

// Tools lists the tools. One whose description or schema differs from the last
// time that this MCP listed it has a Warning of kind Changed, once.
func (m *MCP) Tools(ctx context.Context) (*List[Tool], error) { return nil, errNotYet }

// Tool lists the tools and returns the one of exactly this name; of several, the
// first. A tool that is not there is a Fault of kind NotFound.
func (m *MCP) Tool(ctx context.Context, name Said) (*Tool, error) { return nil, errNotYet }

// Form is the form for the arguments of the tool. A schema that cannot be read
// makes a form of one field, for JSON.
func (t *Tool) Form() *form.Form { return nil }

// Call calls a tool with a JSON object of arguments; empty means none. They are
// sent as they are: what Form makes of the input schema checks them before. It
// does not ask whether a destructive tool may be called; the caller has. While
// the call is under way progress is called with what the server says of it, one
// call at a time; nil is allowed. The end of ctx cancels the call at the server.
// A result that says that the tool failed is returned without an error.
func (m *MCP) Call(ctx context.Context, t *Tool, args json.RawMessage, progress func(Progress)) (*Result, error) {
	return nil, errNotYet
}

// Picture decodes an ImagePart, or an embedded PNG, JPEG or GIF. Before that the
// header must say that it is one of these and has at most MaxPixels; everything
// else is a Fault. Of a GIF it is the first picture.
func (p *Part) Picture() (image.Image, error) { return nil, errNotYet }

// MaxPixels bounds the pictures that Picture decodes.
const MaxPixels = 4096 * 4096

// Resources lists the resources.
func (m *MCP) Resources(ctx context.Context) (*List[Resource], error) { return nil, errNotYet }

// Templates lists the resource templates.
func (m *MCP) Templates(ctx context.Context) (*List[Template], error) { return nil, errNotYet }

// Expand returns the URI of one resource of the family. A variable without a
// value is left out, as RFC 6570 says.
func (t *Template) Expand(values map[string]string) (string, error) { return "", errNotYet }

// Read returns the contents of a resource: parts of kind Embedded.
func (m *MCP) Read(ctx context.Context, uri string) ([]Part, error) { return nil, errNotYet }

// Subscription is told when resources change. It ends with Close, and by itself
// when the server ends it.
type Subscription struct{}

// Close ends the subscription and tells the server.
func (s *Subscription) Close() error { return errNotYet }

// Done is closed when the subscription is over; Err then says why, nil after
// Close.
func (s *Subscription) Done() <-chan struct{} { return nil }

// Err is why the subscription is over.
func (s *Subscription) Err() error { return errNotYet }

// Subscribe has updated called with the URI of each change that the server tells
// of the resource, or of a part of it, one call at a time and never after Close
// has returned. It must not call Close. The server has to offer it; see
// Capabilities.
func (m *MCP) Subscribe(ctx context.Context, uri string, updated func(uri Said)) (*Subscription, error) {
	return nil, errNotYet
}

// Prompts lists the prompts.
func (m *MCP) Prompts(ctx context.Context) (*List[Prompt], error) { return nil, errNotYet }

// Prompt has the server make the messages of a prompt.
func (m *MCP) Prompt(ctx context.Context, name Said, args map[string]string) (*Messages, error) {
	return nil, errNotYet
}

// String says what is odd, in one sentence for a person.
func (w Warning) String() string { return "" }
