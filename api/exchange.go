package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"waybill/fault"
	"waybill/secret"
)

// Limits of one exchange. That a server which sends nothing is given up sooner,
// is the transport's care.
const (
	exchangeLimit = 15 * time.Minute // a slow network may take its time

	maxList   = 64 << 20 // bytes of a whole list
	maxItem   = 8 << 20  // bytes of any other answer
	maxRefuse = 64 << 10 // bytes of an answer that is no success
)

var (
	errStalled  = fault.New(fault.StepCall, fault.Offline, "timeout", "The to-do service stopped answering.").WithRemedy("Try again later.")
	errClosed   = fault.New(fault.StepCall, fault.Canceled, "closed", "Cancelled.")
	errTooLarge = hostile("too_large", "The to-do service sent more than this app is willing to read.")
)

// request is what differs between one exchange and another.
type request struct {
	method string
	url    string
	header http.Header // besides Authorization; may be nil
	body   []byte      // nil: none; JSON
	about  asking
	limit  int // bytes of a successful answer that are read; 0: maxItem
}

// caller sends requests with an access token to one origin. It is safe for
// concurrent use.
type caller struct {
	*lines
	http   *http.Client // pinned to the origin
	bearer *bearer
	scopes scopes
	root   context.Context // ends when the client is closed
}

// do sends r and returns its answer, of whatever status but a 401: that is
// answered once with another token, and is a Fault the second time.
func (c *caller) do(ctx context.Context, r request) (*answer, error) {
	token, granted, err := c.bearer.token(ctx)
	if err != nil {
		return nil, err
	}
	a, err := c.send(ctx, r, token, granted)
	if err != nil || a.status != http.StatusUnauthorized {
		return a, err
	}
	if final(readChallenge(a).code) {
		return nil, c.scopes.refusal(a, r.about)
	}
	token, granted, ok, err := c.bearer.renew(ctx, token)
	if err != nil {
		return nil, err
	}
	if ok {
		if a, err = c.send(ctx, r, token, granted); err != nil || a.status != http.StatusUnauthorized {
			return a, err
		}
		if final(readChallenge(a).code) {
			return nil, c.scopes.refusal(a, r.about)
		}
		c.bearer.refusedAgain(token)
	}
	return nil, c.denied(a, r.about)
}

// denied is the Fault of a 401 after which no other token is tried.
func (c *caller) denied(a *answer, about asking) *fault.Fault {
	f := c.scopes.refusal(a, about)
	if f.RetryAfter < 0 {
		f.RetryAfter = c.bearer.wait()
	}
	return f
}

// send does one exchange, and a second one where the server first wants a nonce of
// its own in the proof: that refuses neither the request nor the token.
func (c *caller) send(ctx context.Context, r request, token secret.Text, granted []string) (*answer, error) {
	a, err := c.exchange(ctx, r, token, granted)
	if err == nil && c.bearer.asksForNonce(a.status, a.header) {
		a, err = c.exchange(ctx, r, token, granted)
	}
	return a, err
}

func (c *caller) exchange(ctx context.Context, r request, token secret.Text, granted []string) (*answer, error) {
	ctx, stop := within(ctx, c.root, exchangeLimit)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, r.method, r.url, bodyOf(r.body))
	if err != nil {
		return nil, garbled(0, err)
	}
	req.Header.Set("Accept", "application/json")
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	if err := c.bearer.present(req, token); err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	defer resp.Body.Close()
	c.lines.answered(resp)
	a := &answer{status: resp.StatusCode, header: resp.Header, token: token, bound: c.bearer.bound(), granted: granted}
	if a.status != http.StatusUnauthorized {
		c.bearer.accepted()
	}
	limit := maxRefuse
	if a.ok() {
		if limit = maxItem; r.limit > 0 {
			limit = r.limit
		}
	}
	a.body, err = readBody(resp.Body, limit)
	if errors.Is(err, errTooLarge) && !a.ok() {
		return a, nil // what a refusal says beyond the limit does not matter
	}
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	return a, nil
}

func bodyOf(body []byte) io.Reader {
	if body == nil {
		return nil
	}
	return bytes.NewReader(body)
}

// readBody reads an answer to its end, so that the connection can be used
// again. Beyond limit bytes it returns what it has and errTooLarge.
func readBody(r io.Reader, limit int) ([]byte, error) {
	var b bytes.Buffer
	for {
		b.Grow(min(max(b.Len(), 4096), 4<<20))
		free := b.AvailableBuffer()
		n, err := r.Read(free[:cap(free)])
		b.Write(free[:n])
		switch {
		case b.Len() > limit:
			return b.Bytes()[:limit], errTooLarge
		case errors.Is(err, io.EOF):
			return b.Bytes(), nil
		case err != nil:
			return nil, err
		}
	}
}

// within returns a context that ends with ctx, when the client is closed (root),
// and after total. stop frees it.
func within(ctx, root context.Context, total time.Duration) (inner context.Context, stop func()) {
	inner, cancel := context.WithCancelCause(ctx)
	detach := context.AfterFunc(root, func() { cancel(errClosed) })
	timer := time.AfterFunc(total, func() { cancel(errStalled) })
	return inner, func() {
		timer.Stop()
		detach()
		cancel(nil)
	}
}
