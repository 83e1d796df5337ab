package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"waybill/fault"
)

// The methods of subscriptions.
const (
	methodListen       = "subscriptions/listen"
	methodAcknowledged = "notifications/subscriptions/acknowledged"
	methodUpdated      = "notifications/resources/updated"
	methodPing         = "ping"
)

// Watching is a subscription to a resource. It ends with Close, with the client,
// and by itself where the server ends it. Its methods are safe for concurrent
// use.
type Watching struct {
	c     *MCPClient
	ctx   context.Context // of its stream
	end   context.CancelCauseFunc
	queue *updates
	done  chan struct{}
	err   error // once done is closed

	version string
	session *session // before versionModern: its own; nil from then on
	body    *stream  // nil until it is open
	problem error    // what was wrong in it

	settled chan struct{} // closed when it has begun, or has not

	heed   sync.Once
	heeded chan struct{} // closed when the server has confirmed it
}

var (
	errUnwatched = fault.New(fault.StepCall, fault.Canceled, "unsubscribed", "The subscription was ended here.")
	errUnheeded  = fault.New(fault.StepCall, fault.Offline, "subscription_ended", "The MCP server ended the subscription.").WithRemedy("Subscribe again.")
	errNoWatch   = fault.New(fault.StepCall, fault.NotFound, "no_subscriptions", "The MCP server does not tell of changes of its resources.")
)

// Watch subscribes to a resource and has updated called with the URI of what has
// changed, which may be a part of it, one call at a time, from a goroutine of
// its own; of many changes of the same at once it is told once. It returns once
// the server has confirmed. A server that does not offer it is a Fault of kind
// NotFound. ctx counts until then.
//
// Before 2026-07-28 another session is opened for it, since a server tells of
// changes in one place of each only.
func (c *MCPClient) Watch(ctx context.Context, uri string, updated func(uri string)) (*Watching, error) {
	var w *Watching
	st := &callState{about: anything, use: Use{Described: true}}
	err := c.callAs(ctx, st, func(ctx context.Context, s *session) error {
		info := s.cs.InitializeResult()
		if can := info.Capabilities; can == nil || can.Resources == nil || !can.Resources.Subscribe {
			return errNoWatch
		}
		w = &Watching{c: c, queue: newUpdates(updated), version: info.ProtocolVersion, done: make(chan struct{}), settled: make(chan struct{}), heeded: make(chan struct{})}
		w.ctx, w.end = context.WithCancelCause(context.WithoutCancel(ctx))
		begin := w.subscribe
		if w.version >= versionModern {
			begin = w.listen
		}
		detach := context.AfterFunc(ctx, func() { w.end(context.Cause(ctx)) })
		err := begin(ctx, uri)
		detach()
		close(w.settled)
		if err != nil {
			w.giveUp(err)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return w, nil
}

// subscribe opens a session and its stream, and asks for the updates then, so
// that none is missed.
func (w *Watching) subscribe(ctx context.Context, uri string) error {
	s := newSession()
	if err := w.c.connect(ctx, s, w.version); err != nil {
		return err
	}
	w.session = s
	s.begin()
	select {
	case <-s.ready:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	req, err := http.NewRequestWithContext(w.ctx, http.MethodGet, w.c.resource.URL, nil)
	if err != nil {
		return garbled(0, err)
	}
	if err := w.open(req, message{}); err != nil {
		return err
	}
	if err := s.cs.Subscribe(ctx, &mcp.SubscribeParams{URI: uri}); err != nil {
		return err
	}
	w.queue.begin()
	return nil
}

// listen sends the one request whose answer is the stream of updates.
func (w *Watching) listen(ctx context.Context, uri string) error {
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": "watch", "method": methodListen, "params": map[string]any{
		"notifications": mcp.NotificationSubscriptions{ResourceSubscriptions: []string{uri}},
		"_meta": map[string]any{mcp.MetaKeyProtocolVersion: w.version, mcp.MetaKeyClientInfo: implementation(),
			mcp.MetaKeyClientCapabilities: map[string]any{"extensions": map[string]any{extension: struct{}{}}}},
	}})
	if err != nil {
		return garbled(0, err)
	}
	req, err := http.NewRequestWithContext(w.ctx, http.MethodPost, w.c.resource.URL, bodyOf(body))
	if err != nil {
		return garbled(0, err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Mcp-Method", methodListen)
	if err := w.open(req, message{id: `"watch"`, method: methodListen}); err != nil {
		return err
	}
	select {
	case <-w.heeded:
		w.queue.begin()
		return nil
	case <-w.done:
		return w.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// open sends req and reads its answer, an event stream, in the background.
func (w *Watching) open(req *http.Request, asked message) error {
	req.Header.Set("Accept", "application/json, text/event-stream")
	resp, err := w.send(req)
	if err != nil {
		return unreachable(w.ctx, err)
	}
	if kind := contentType(resp.Header); resp.StatusCode != http.StatusOK || kind != "text/event-stream" {
		return w.refused(req, resp, asked)
	}
	w.body = newStream(resp.Body, asked, func() {}, func(err error) { w.problem = err }, w.heard)
	w.body.endless = true
	if !w.c.spawn(w.run) {
		return errClosed
	}
	return nil
}

// send sends one message of the subscription, and once more with another token
// after a 401.
func (w *Watching) send(req *http.Request) (*http.Response, error) {
	bearer := w.c.handler.bearer
	token, _, err := bearer.token(req.Context())
	if err != nil {
		return nil, err
	}
	req.Header.Set("Mcp-Protocol-Version", w.version)
	if w.session != nil && w.session.cs.ID() != "" {
		req.Header.Set(headerSession, w.session.cs.ID())
	}
	g := &guard{lines: w.c.lines, next: w.c.polite.Transport, bearer: bearer, scopes: w.c.scopes}
	for renewed := false; ; renewed = true {
		req.Header.Set("Authorization", "Bearer "+token.Reveal())
		resp, err := g.send(req)
		if err != nil || resp.StatusCode != http.StatusUnauthorized {
			return resp, err
		}
		a := g.read(req, resp, nil)
		if renewed || final(readChallenge(a).code) {
			return nil, g.denied(a, &callState{about: anything})
		}
		next, _, ok, err := bearer.renew(req.Context(), token)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, g.denied(a, &callState{about: anything})
		}
		if token = next; req.GetBody != nil {
			if req.Body, err = req.GetBody(); err != nil {
				return nil, err
			}
		}
	}
}

// refused is the Fault of an answer that is no stream.
func (w *Watching) refused(req *http.Request, resp *http.Response, asked message) error {
	g := &guard{bearer: w.c.handler.bearer}
	a := g.read(req, resp, nil)
	if m, err := readMessage(a.body); err == nil && m.failed {
		return &jsonrpc.Error{Code: int64(m.code), Message: m.words}
	}
	switch {
	case a.status == http.StatusMethodNotAllowed || a.status == http.StatusNotFound && w.session != nil || a.ok():
		return errNoWatch
	}
	return w.c.scopes.refusal(a, anything)
}

// run reads the stream to its end.
func (w *Watching) run() {
	defer close(w.done)
	detach := context.AfterFunc(w.c.root, func() { w.end(errClosed) })
	defer detach()
	told := make(chan struct{})
	go func() {
		defer close(told)
		w.queue.tell(w.ctx)
	}()
	_, _ = io.Copy(io.Discard, w.body)
	w.err = w.problem
	if cause := context.Cause(w.ctx); cause == errUnwatched {
		w.err = nil
	} else if cause == nil && (w.err == nil || w.err == errCutOff) {
		w.err = errUnheeded
	}
	w.end(errUnheeded)
	<-told
	_ = w.body.Close()
	if w.session != nil {
		<-w.settled // what asks for the updates is in the same session
		w.c.leave(w.session)
	}
}

// giveUp frees what was opened before it became a subscription.
func (w *Watching) giveUp(err error) {
	w.end(err)
	if w.body != nil {
		<-w.done
	} else if w.session != nil {
		w.c.leave(w.session)
	}
}

// Close ends the subscription and waits for that, at most about two seconds.
// updated is not called after it has returned; it must not call it.
func (w *Watching) Close() {
	w.end(errUnwatched)
	<-w.done
}

// Done is closed when the subscription is over.
func (w *Watching) Done() <-chan struct{} { return w.done }

// Err is why the subscription is over, nil after Close. It counts once Done is
// closed.
func (w *Watching) Err() error { return w.err }

// heard is told of each message of the stream.
func (w *Watching) heard(m message, data []byte) {
	switch {
	case m.method == methodAcknowledged:
		w.heed.Do(func() { close(w.heeded) })
	case m.method == methodUpdated:
		var said struct {
			Params mcp.ResourceUpdatedNotificationParams `json:"params"`
		}
		if json.Unmarshal(data, &said) == nil {
			w.queue.add(said.Params.URI)
		}
	case m.call():
		w.answer(m)
	}
}

// answer answers a request of the server: a ping, and everything else with "not
// offered". Nobody waits for what becomes of it.
func (w *Watching) answer(m message) {
	if w.session == nil {
		return // there are none from versionModern on
	}
	reply := `"error":{"code":-32601,"message":"not offered by this client"}`
	if m.method == methodPing {
		reply = `"result":{}`
	}
	ctx, stop := within(w.ctx, w.c.root, asideLimit)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.c.resource.URL, bodyOf([]byte(`{"jsonrpc":"2.0","id":`+m.id+`,`+reply+`}`)))
	if err != nil {
		return
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	if resp, err := w.send(req); err == nil {
		_, _ = readBody(resp.Body, maxRefuse)
		_ = resp.Body.Close()
	}
}
