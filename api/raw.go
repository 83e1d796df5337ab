package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"waybill/fault"
	"waybill/secret"
)

// Raw sends requests that are made up elsewhere, with an access token, to the
// origin of a resource. It is safe for concurrent use.
type Raw struct{ caller }

// RawRequest is one request.
type RawRequest struct {
	Method string
	URL    string      // of the resource's origin; no other is contacted
	Header http.Header // beside Authorization and DPoP, which are set here; nil: none
	Body   []byte      // nil: none
	Limit  int         // bytes of the answer's body, decoded, that are read

	// Again allows the request to be sent a second time, with a new token, after a
	// 401. Without it the token counts as refused all the same.
	Again bool
	// Tentative says that a 401 says nothing of the token: it is not held against
	// it, and nothing is sent again.
	Tentative bool
}

// RawAnswer is an answer of whatever status, redirects included, which are not
// followed. What in it quoted the token is redacted.
type RawAnswer struct {
	Status    int
	Proto     string
	Header    http.Header
	Body      []byte // decoded
	Cut       error  // a Fault: why Body ends early; nil if it is whole
	TooLong   bool   // Body ends at the limit
	Wire      int64  // bytes of the body as they came
	Sent      int    // how many times the request went out
	FirstByte time.Duration
	Total     time.Duration
	Granted   []string    // the scopes of the token; nil: not known
	Waiting   int         // seconds for which no new token is asked for after refusals, -1 if none
	token     secret.Text // that was sent
}

// NewRaw returns a Raw for a resource; an address that a token must not be sent to
// is a Fault of kind Config.
func NewRaw(o Options) (*Raw, error) { return nil, errRaw }

var errRaw = errors.New("api: not built yet")

// Do sends a request and reads its answer. The error is a Fault that says why
// there is none.
func (r *Raw) Do(ctx context.Context, q RawRequest) (*RawAnswer, error) { return nil, fault.As(errRaw) }
