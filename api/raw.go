package api

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"waybill/fault"
	"waybill/secret"
	"waybill/transport"
)

// Raw sends requests that are made up elsewhere, with an access token, to the
// origin of a resource, for those who show what it answers. What it sends may
// change something, so what the rules of this package repeat after a 401 is
// repeated only where the request allows it. It is safe for concurrent use.
type Raw struct {
	caller
	end context.CancelFunc
}

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
// followed. What in it quoted the token or the proof is redacted.
type RawAnswer struct {
	Status    int
	Proto     string // as in "HTTP/2.0"
	Header    http.Header
	Body      []byte        // decoded, at most Limit bytes
	TooLong   bool          // there is more of it than Limit
	Broken    error         // the Fault that ended Body early; nil if nothing did
	Wire      int64         // bytes of the body as they came, as far as it was read
	Decoded   int64         // bytes of the body after that
	FirstByte time.Duration // from sending until the answer began
	Total     time.Duration // until it had ended
	Sent      int           // how many times the request went out; the times are of the last
	Bound     bool          // the token was bound to a key
	Granted   []string      // the scopes of the token; nil: not known

	// Problem explains an answer that is no success, nil for others; of kind StepUp
	// where a stronger or newer sign-in is asked for.
	Problem *fault.Fault
}

// rawLimit bounds one exchange, however slowly it goes on.
const rawLimit = 5 * time.Minute

var errRawStalled = fault.New(fault.StepCall, fault.Offline, "timeout", "The server took longer than five minutes and was not waited for any more.").
	WithRemedy("Ask for less, or try again later.")

// NewRaw returns a Raw for a resource; an address that a token must not be sent to
// is a Fault of kind Config.
func NewRaw(o Options) (*Raw, error) {
	origin, err := transport.Origin(o.Resource.URL)
	if err != nil {
		return nil, err
	}
	root, end := context.WithCancel(context.Background())
	r := &Raw{caller: newCaller(o, root), end: end}
	r.http = o.Transport.HTTP(transport.Resource, origin)
	return r, nil
}

// Close ends the calls under way.
func (r *Raw) Close() error {
	r.end()
	return nil
}

// Do sends a request and reads its answer. The error is a Fault that says why
// there is none.
func (r *Raw) Do(ctx context.Context, q RawRequest) (*RawAnswer, error) {
	token, granted, err := r.bearer.token(ctx)
	if err != nil {
		return nil, err
	}
	a, err := r.try(ctx, q, token, granted)
	if err != nil || a.Status != http.StatusUnauthorized || q.Tentative || r.final(a) {
		return a, err
	}
	if !q.Again {
		r.bearer.refuse(token)
		return r.waiting(a), nil
	}
	sent := a.Sent
	token, granted, ok, err := r.bearer.renew(ctx, token)
	if err != nil {
		return nil, err
	}
	if ok {
		if a, err = r.try(ctx, q, token, granted); err != nil {
			return nil, err
		}
		if a.Sent += sent; a.Status == http.StatusUnauthorized && !r.final(a) {
			r.bearer.refusedAgain(token)
		}
	}
	return r.waiting(a), nil
}

// waiting says of a 401 for how long no new token is asked for after refusals.
func (r *Raw) waiting(a *RawAnswer) *RawAnswer {
	if a.Problem != nil && a.Problem.RetryAfter < 0 {
		a.Problem.RetryAfter = r.bearer.wait()
	}
	return a
}

// final reports whether another token does not help against a 401.
func (r *Raw) final(a *RawAnswer) bool {
	return final(readChallenge(&answer{header: a.Header, bound: a.Bound}).code)
}

// try does one exchange, and a second one where the server first wants a nonce.
func (r *Raw) try(ctx context.Context, q RawRequest, token secret.Text, granted []string) (*RawAnswer, error) {
	a, err := r.exchange(ctx, q, token, granted)
	if err == nil && r.bearer.asksForNonce(a.Status, a.Header) {
		if a, err = r.exchange(ctx, q, token, granted); err == nil {
			a.Sent++
		}
	}
	return a, err
}

func (r *Raw) exchange(ctx context.Context, q RawRequest, token secret.Text, granted []string) (*RawAnswer, error) {
	ctx, stop := within(ctx, r.root, rawLimit)
	defer stop()
	var meter transport.Meter
	req, err := http.NewRequestWithContext(transport.WithMeter(ctx, &meter), q.Method, q.URL, bodyOf(q.Body))
	if err != nil {
		return nil, fault.New(fault.StepCall, fault.Invalid, "bad_request", "This cannot be sent as a request.").Because(err)
	}
	for name, values := range q.Header {
		req.Header[name] = slices.Clone(values)
	}
	if err := r.bearer.present(req, token); err != nil {
		return nil, err
	}
	resp, err := r.http.Do(req)
	if err != nil {
		return nil, rawUnreachable(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		r.bearer.accepted()
	}
	a := &RawAnswer{Status: resp.StatusCode, Proto: resp.Proto, Sent: 1, Granted: granted, Bound: r.bearer.bound()}
	own := echoes{token.Reveal(), req.Header.Get(headerProof)}
	a.Header = own.header(resp.Header)
	// So much more than the limit that no token is read in half.
	data, err := io.ReadAll(io.LimitReader(resp.Body, int64(q.Limit+own.longest()+1)))
	if err != nil {
		a.Broken = rawUnreachable(ctx, err)
	}
	a.Wire, a.FirstByte, a.Total = meter.Wire(), meter.FirstByte(), meter.Total()
	a.TooLong, a.Decoded = len(data) > q.Limit, int64(min(len(data), q.Limit))
	data = own.body(data)
	a.Body = data[:min(len(data), q.Limit)]
	a.Problem = r.problem(a, q.Method)
	return a, nil
}

// rawUnreachable is unreachable in words for any resource.
func rawUnreachable(ctx context.Context, err error) error {
	if err = unreachable(ctx, err); errors.Is(err, errStalled) {
		return errRawStalled
	}
	return err
}

// echoes are secrets that were sent, which some servers send back.
type echoes []string

// forms are the ways in which they may be written.
func (e echoes) forms() (all [][]byte) {
	for _, plain := range e {
		if plain == "" {
			continue
		}
		for _, form := range []string{plain, url.QueryEscape(plain), url.PathEscape(plain), base64.RawStdEncoding.EncodeToString([]byte(plain)), base64.RawURLEncoding.EncodeToString([]byte(plain))} {
			all = append(all, []byte(form))
		}
	}
	return all
}

// longest is the length of the longest form.
func (e echoes) longest() (n int) {
	for _, form := range e.forms() {
		n = max(n, len(form))
	}
	return n
}

func (e echoes) body(data []byte) []byte {
	for _, form := range e.forms() {
		if bytes.Contains(data, form) {
			data = bytes.ReplaceAll(data, form, []byte(secret.Redacted))
		}
	}
	return data
}

func (e echoes) header(h http.Header) http.Header {
	out := make(http.Header, len(h))
	for name, values := range h {
		for _, value := range values {
			out[name] = append(out[name], string(e.body([]byte(value))))
		}
	}
	return out
}
