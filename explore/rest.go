package explore

import (
	"context"
	"encoding/json"
	"time"

	"waybill/api"
	"waybill/connection"
	"waybill/fault"
	"waybill/transport"
)

// Bounds of a Request and of what is read of its answer, in bytes.
const (
	MaxTarget = 32 << 10 // path and query together, as they are sent
	MaxHeader = 32 << 10 // names and values together
	MaxBody   = 8 << 20  // of a request
	MaxAnswer = 8 << 20  // of an answer, decoded; what comes beyond is not read
)

// Request is one request to a REST API, made up by the user. Where it goes is
// the resource's origin and no other (RFC 6454): it has no place for a host.
type Request struct {
	Method string `json:"method"` // a token of RFC 9110 section 9.1; empty: GET

	// Path begins with a slash, and is an absolute path of the origin, as in an
	// address: what may not stand there is percent-encoded, what is encoded
	// already stays as it is. It may end with a query, which goes before Query. An
	// address of the resource's own origin is taken for its path.
	Path string `json:"path"`

	Query  []Pair `json:"query,omitempty"`  // in this order; encoded when it is sent
	Header []Pair `json:"header,omitempty"` // beside those that Waybill sets itself
	Body   []byte `json:"body,omitempty"`   // nil: none. Without a Content-Type header it is JSON
}

// Pair is a name and a value, as the user wrote them.
type Pair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Safe reports whether the request asks for nothing to be changed (RFC 9110
// section 9.2.1): only then it may be sent a second time after a 401, with a new
// token. Every other request is sent once, whatever comes of it; a server that
// wants a nonce in the DPoP proof has not taken it yet (RFC 9449 section 9).
func (r Request) Safe() bool { return r.safe() }

// Response is the answer to a Request, whatever its status.
type Response struct {
	Status   int
	Protocol string // as in "HTTP/2.0"
	Address  string // that was asked

	// Header are the fields in the order of their names, the values of one name in
	// theirs; in which order the server sent the names is not known. What quoted
	// the access token is redacted.
	Header []Field

	// ContentType is the media type, in lower case and without parameters; "" if
	// the server said none that can be read. Charset is its charset parameter.
	ContentType, Charset string

	// Body is the body, decoded and with what quoted the access token redacted, at
	// most MaxAnswer bytes of it. Cut says in one sentence what is missing of it,
	// "" if it is whole.
	Body []byte
	Cut  string

	// JSON is Body where that is one JSON text, whatever the content type says.
	JSON json.RawMessage

	Wire    int64 // bytes of the body as they came, compressed or not, as far as it was read
	Decoded int64 // bytes of the body after that, as far as it was read

	FirstByte time.Duration // from sending until the answer began
	Total     time.Duration // from sending until it had ended, or was cut

	// Sent is how many times the request went out: 2 after a 401 to a safe one, or
	// where the server first asked for a nonce.
	Sent int

	// Location is where a redirect points (RFC 9110 section 15.4). It is not
	// followed: it may be anybody's.
	Location Said

	// Problem explains an answer that is no success, nil for others: the scope that
	// is missing, the sign-in that is asked for (of kind StepUp), and so on.
	Problem *fault.Fault

	// Run is the Run of the Flow page that shows the exchange, 0 if it is not
	// recorded.
	Run uint64
}

// Field is a header field of an answer.
type Field struct {
	Name, Value Said
}

// Text is the body as text in UTF-8: false if it is none, or of a charset that is
// not read here. It is as received; show it through Said.
func (r *Response) Text() (Said, bool) { return r.text() }

// RESTOptions are what a REST needs.
type RESTOptions struct {
	Resource connection.Resource
	Bound    bool // tokens are bound to a key (DPoP), for Draft

	// Through runs f once with the way to the resource, and returns f's error,
	// perhaps in clearer words, and the Run that recorded it.
	Through func(ctx context.Context, f func(ctx context.Context, c *api.Raw) error) (run uint64, err error)

	// Remember is told of each Call that was made; nil: nobody is.
	Remember func(context.Context, Call)
}

// REST is a REST API, and the way to use it. It is safe for concurrent use. Its
// errors are Faults.
type REST struct{ o RESTOptions }

// NewREST returns a REST. It asks nobody anything yet.
func NewREST(o RESTOptions) *REST { return &REST{o: o} }

// Check says, as a Fault of kind Invalid, why r cannot be sent, and returns the
// address that it goes to otherwise. It asks nobody.
func (r *REST) Check(q Request) (address string, err error) { return r.check(q) }

// Call sends a request and returns its answer, of whatever status. The error says
// why there is none. An answer that was cut is no error.
func (r *REST) Call(ctx context.Context, q Request) (*Response, error) { return r.call(ctx, q) }

// Draft is what a request would be recorded as, for flow.Curl: token, proof and
// what looks like a secret by its name are placeholders without a value.
func (r *REST) Draft(q Request) (transport.Recording, error) { return r.draft(q) }
