package api

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"
	"unicode"

	"waybill/fault"
)

// headerLastEvent says from where a stream is resumed (MCP 2025-11-25, Streamable
// HTTP, "Resumability and Redelivery").
const headerLastEvent = "Last-Event-Id"

// Limits of resuming a stream.
const (
	retryLeast   = time.Second // before a stream is asked for again, whatever the server says
	retryMost    = 30 * time.Second
	maxEventID   = 1 << 10 // bytes of an event id that is sent back
	maxFruitless = 5       // resumptions in a row that bring no other event id
	maxResumed   = 2000    // resumptions of one call
)

// resumer asks for the rest of an answer whose stream ended before the answer did.
// A server may end it at any time, once it has sent an event with an id: what it
// does goes on, and nothing is repeated. It belongs to one stream.
type resumer struct {
	ctx   context.Context // of the call
	ask   func(id string) (*http.Response, error)
	alive func() // told that the call waits for a reason

	id        string // of the last event; "" if it had none that can be sent
	retry     time.Duration
	fruitless int
	all       int
}

// said takes the time in milliseconds that a server wants to be left alone. What is
// no number is passed over.
func (r *resumer) said(retry []byte) {
	if r == nil {
		return
	}
	if n, err := strconv.ParseUint(string(retry), 10, 63); err == nil {
		r.retry = time.Duration(min(n, uint64(retryMost/time.Millisecond))) * time.Millisecond
	} else if errors.Is(err, strconv.ErrRange) {
		r.retry = retryMost
	}
}

// passed takes the id of an event that has come whole.
func (r *resumer) passed(id []byte) {
	if r == nil {
		return
	}
	next := string(id)
	if len(next) > maxEventID || bytes.ContainsFunc(id, unicode.IsControl) {
		next = "" // whatever it is for, it is not sent on
	}
	if next != r.id {
		r.id, r.fruitless = next, 0
	}
}

// resumable reports whether what ended a stream was its end or its line, and no
// breach of the protocol, and whether there is a place to go on from.
func (r *resumer) resumable(why error) bool {
	var f *fault.Fault
	if errors.As(why, &f) && f.Kind != fault.Offline {
		return false
	}
	return r != nil && r.id != "" && r.fruitless < maxFruitless && r.all < maxResumed && r.ctx.Err() == nil
}

// again waits and asks for what follows the last event, unless closed ends first.
func (r *resumer) again(closed <-chan struct{}) (*http.Response, error) {
	wait := min(max(r.retry, retryLeast)<<r.fruitless, retryMost)
	r.fruitless++
	r.all++
	for left := wait; left > 0; left -= stallLimit / 3 {
		r.alive() // this wait is the server's, and no sign that it is gone
		select {
		case <-time.After(min(left, stallLimit/3)):
		case <-r.ctx.Done():
			return nil, context.Cause(r.ctx)
		case <-closed:
			return nil, errCutOff
		}
	}
	return r.ask(r.id)
}

// resumption is how the answer to a request can be resumed; nil where the protocol
// has no such thing (from 2026-07-28 on), or nothing to go by yet.
func (g *guard) resumption(req *http.Request, asked message, st *callState) *resumer {
	if version := req.Header.Get(headerVersion); st == nil || asked.method == "initialize" || version == "" || version >= versionModern {
		return nil
	}
	ask := func(id string) (*http.Response, error) {
		out, err := http.NewRequestWithContext(req.Context(), http.MethodGet, req.URL.String(), nil)
		if err != nil {
			return nil, err
		}
		token, _, err := g.bearer.token(req.Context()) // the call's own may have expired meanwhile
		if err != nil {
			return nil, err
		}
		for _, name := range []string{headerSession, headerVersion} {
			out.Header[name] = req.Header[name]
		}
		out.Header.Set("Accept", "text/event-stream")
		out.Header.Set("Authorization", "Bearer "+token.Reveal())
		out.Header.Set(headerLastEvent, id)
		resp, err := g.send(out)
		if err != nil {
			return nil, err
		}
		st.progress()
		g.lines.answered(resp)
		theirs := resp.Header.Get(headerSession)
		if resp.StatusCode != http.StatusOK || contentType(resp.Header) != "text/event-stream" || theirs != "" && theirs != req.Header.Get(headerSession) {
			_, _ = readBody(resp.Body, maxRefuse)
			_ = resp.Body.Close()
			return nil, errCutOff
		}
		return resp, nil
	}
	return &resumer{ctx: req.Context(), ask: ask, alive: st.progress, retry: retryLeast}
}
