package transport

import (
	"context"
	"net/http"
	"time"

	"waybill/fault"
	"waybill/secret"
)

// Recorder is told of every exchange that the requests under a context make,
// see WithRecorder.
type Recorder interface {
	// Record is called when a request is about to be sent, when the headers of
	// its answer have arrived, and when the answer has ended or the exchange has
	// failed, each time with all that is known by then, under the same ID. It is
	// called on the goroutines of the requests, several at once, and must not
	// block. What it is given must not be changed.
	Record(Recording)
}

type recorderKey struct{}

// WithRecorder has what is sent under ctx recorded. Without a Recorder nothing
// is: no header is copied and no body is looked at.
func WithRecorder(ctx context.Context, r Recorder) context.Context {
	return context.WithValue(ctx, recorderKey{}, r)
}

// Recording is one exchange in full. What is secret in it stands apart: the
// texts hold a placeholder, and the value itself is a secret.Text in Secrets,
// so that no print, log or export of a Recording can show it.
type Recording struct {
	ID   uint64 // one for each exchange of a Client, counting up
	Step fault.Step
	Role Role

	Method   string
	URL      string // with its query, whose secrets are placeholders
	Request  Message
	Response Message // its zero value until there is one

	Status int    // 0 as long as, or if, there is no answer
	Proto  string // "HTTP/1.1", "HTTP/2.0"
	Reused bool   // the connection had been open before
	Remote string // address and port of the peer, "" if unknown

	Start   time.Time
	Timings Timings
	Done    bool         // the answer has ended, or there will be none
	Fault   *fault.Fault // why the answer was not used; nil if it was

	// Secrets are the values that placeholders stand for. Their Names are
	// unique within a Recording.
	Secrets []Hidden

	later func() (Message, []Hidden) // see Open; nil: there is nothing to open
}

// Open returns the recording with the body of its answer. Metadata and the
// resource's answers, which are long and seldom looked at, stay closed until
// then, where nothing can print them; what is sent, headers and the answers of
// token endpoints are redacted while they are recorded. Opening twice costs
// nothing.
func (x Recording) Open() Recording {
	if x.later != nil {
		x.Response, x.Secrets = x.later()
		x.later = nil
	}
	return x
}

// Timings are parts of an exchange's duration; what did not happen is zero.
type Timings struct {
	DNS     time.Duration
	Connect time.Duration // TCP
	TLS     time.Duration
	Headers time.Duration // from the start until the headers of the answer
	Total   time.Duration // from the start until the answer had ended, or until now
}

// Message is a request or an answer, redacted when it was recorded. Beside what
// is a secret by its name, it lacks what was sent in confidence wherever the
// answer quotes it, and what looks like a token. Basic credentials are shown
// decoded: the id, a colon, and the secret's placeholder.
type Message struct {
	Header http.Header // secrets are placeholders
	Form   []Field     // of a form-encoded body, in the order it was sent; nil for others
	Body   string      // redacted text of other bodies; "" if it is none or no text
	Size   int64       // of the body as the caller saw it, in bytes
	Cut    bool        // Body ends before the body did
}

// Field is one name and value; a secret value is a placeholder.
type Field struct {
	Name, Value string
}

// Hidden is a secret value that was left out of a Recording. The placeholder
// in the texts is Placeholder(); Name is what the parameter, header or JSON
// member is called ("access_token" of Bearer and DPoP, "client_secret" of Basic
// credentials), or "token" or "secret" where that is the peer's own word, with
// _2, _3 … added where a name comes more than once. What is beyond 32 values in
// one exchange is «…» and not kept.
type Hidden struct {
	Name  string
	Value secret.Text
	Token bool // long and random enough for a fingerprint to say which one it is
}

// Placeholder is what stands in the texts of a Recording where the value was.
func (h Hidden) Placeholder() string { return "«" + h.Name + "»" }
