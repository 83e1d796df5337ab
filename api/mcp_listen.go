package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// The methods of subscriptions.
const (
	methodListen       = "subscriptions/listen"
	methodAcknowledged = "notifications/subscriptions/acknowledged"
	methodUpdated      = "notifications/resources/updated"
	methodPing         = "ping"
)

// listener reads a stream that a server speaks in of its own accord. It is not
// the SDK's, which would follow the server's retry field and lose a refusal.
type listener struct {
	c       *MCPClient
	session *session // nil from versionModern on
	version string
	ctx     context.Context // of the stream; its cause says why it is over
	end     context.CancelCauseFunc
	body    *stream // nil until it is open
	problem error   // what was wrong in it
	done    chan struct{}

	heed   sync.Once
	heeded chan struct{} // closed when the server has confirmed the subscription

	mu       sync.Mutex
	watchers []*Watching
	over     bool // no other is added
}

// newListener makes one whose requests are recorded as those of ctx are.
func newListener(ctx context.Context, c *MCPClient, version string) *listener {
	l := &listener{c: c, version: version, done: make(chan struct{}), heeded: make(chan struct{})}
	l.ctx, l.end = context.WithCancelCause(context.WithoutCancel(ctx))
	return l
}

// add has w told of what is heard, unless the stream is over.
func (l *listener) add(w *Watching) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return false
	}
	w.l = l
	l.watchers = append(l.watchers, w)
	return true
}

// remove is the end of add. The stream ends with the last.
func (l *listener) remove(w *Watching) {
	l.mu.Lock()
	kept := l.watchers[:0:0]
	for _, other := range l.watchers {
		if other != w {
			kept = append(kept, other)
		}
	}
	l.watchers = kept
	l.over = l.over || len(kept) == 0
	last := l.over
	l.mu.Unlock()
	if last {
		l.end(errUnwatched)
		if l.body != nil {
			<-l.done
		}
	}
}

// hear opens the one stream of a session.
func (l *listener) hear(ctx context.Context) error {
	req, err := http.NewRequestWithContext(l.ctx, http.MethodGet, l.c.resource.URL, nil)
	if err != nil {
		return garbled(0, err)
	}
	return l.open(ctx, req, message{})
}

// ask sends the request whose answer is a stream about one resource.
func (l *listener) ask(ctx context.Context, uri string) error {
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": "watch", "method": methodListen, "params": map[string]any{
		"notifications": mcp.NotificationSubscriptions{ResourceSubscriptions: []string{uri}},
		"_meta": map[string]any{mcp.MetaKeyProtocolVersion: l.version, mcp.MetaKeyClientInfo: implementation(),
			mcp.MetaKeyClientCapabilities: map[string]any{"extensions": map[string]any{extension: struct{}{}}}},
	}})
	if err != nil {
		return garbled(0, err)
	}
	req, err := http.NewRequestWithContext(l.ctx, http.MethodPost, l.c.resource.URL, bodyOf(body))
	if err != nil {
		return garbled(0, err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Mcp-Method", methodListen)
	return l.open(ctx, req, message{id: `"watch"`, method: methodListen})
}

// open sends req and reads its answer in the background. ctx counts until it
// has begun.
func (l *listener) open(ctx context.Context, req *http.Request, asked message) error {
	defer context.AfterFunc(ctx, func() { l.end(context.Cause(ctx)) })()
	resp, err := l.send(req)
	if err != nil {
		return unreachable(l.ctx, err)
	}
	if resp.StatusCode != http.StatusOK || contentType(resp.Header) != "text/event-stream" {
		return l.refused(req, resp)
	}
	l.body = newStream(resp.Body, asked, func() {}, func(err error) { l.problem = err }, l.heard)
	l.body.endless = true
	if !l.c.spawn(l.run) {
		close(l.done)
		_ = l.body.Close()
		return errClosed
	}
	return nil
}

// send sends one message, and once more with another token after a 401.
func (l *listener) send(req *http.Request) (*http.Response, error) {
	bearer := l.c.handler.bearer
	token, _, err := bearer.token(req.Context())
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json, text/event-stream")
	req.Header.Set(headerVersion, l.version)
	if l.session != nil && l.session.cs.ID() != "" {
		req.Header.Set(headerSession, l.session.cs.ID())
	}
	g := &guard{lines: l.c.lines, next: l.c.polite.Transport, bearer: bearer, scopes: l.c.scopes}
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
func (l *listener) refused(req *http.Request, resp *http.Response) error {
	g := &guard{bearer: l.c.handler.bearer}
	a := g.read(req, resp, nil)
	m, err := readMessage(a.body)
	said := err == nil && m.failed
	switch {
	case l.session != nil && (a.status == http.StatusNotFound && !said || said && m.code == codeNoSession):
		return errSessionGone
	case said:
		return &jsonrpc.Error{Code: int64(m.code), Message: m.words}
	case a.status == http.StatusMethodNotAllowed || a.ok():
		return errNoWatch
	}
	return l.c.scopes.refusal(a, anything)
}

// run reads the stream to its end.
func (l *listener) run() {
	defer close(l.done)
	defer context.AfterFunc(l.c.root, func() { l.end(errClosed) })()
	if l.session != nil {
		defer context.AfterFunc(l.session.over, func() { l.end(l.ended()) })()
	}
	_, _ = io.Copy(io.Discard, l.body)
	why := l.problem
	if why == nil || why == errCutOff {
		why = l.ended()
	}
	l.end(why) // unless it was ended before
	_ = l.body.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	for _, w := range l.watchers {
		w.end(context.Cause(l.ctx))
	}
}

// ended is why a stream is over that nobody here has ended by itself: the client
// is closed, which ends the session too, or else the server has.
func (l *listener) ended() error {
	if l.c.root.Err() != nil {
		return errClosed
	}
	return errUnheeded
}

// heard is told of each message of the stream.
func (l *listener) heard(m message, data []byte) {
	switch {
	case m.method == methodAcknowledged:
		l.heed.Do(func() { close(l.heeded) })
	case m.method == methodUpdated:
		var said struct {
			Params mcp.ResourceUpdatedNotificationParams `json:"params"`
		}
		if json.Unmarshal(data, &said) == nil {
			l.updated(said.Params.URI)
		}
	case m.call():
		l.answer(m)
	}
}

// updated tells those who watch the resource or something that it may be a part
// of; where nobody does, everybody, since the server thinks that somebody does.
func (l *listener) updated(uri string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var some []*Watching
	for _, w := range l.watchers {
		if strings.HasPrefix(uri, w.uri) {
			some = append(some, w)
		}
	}
	if some == nil {
		some = l.watchers
	}
	for _, w := range some {
		w.queue.add(uri)
	}
}

// answer answers a request of the server: a ping, and everything else with "not
// offered". Nobody waits for what becomes of it.
func (l *listener) answer(m message) {
	if l.session == nil {
		return // there are none from versionModern on
	}
	reply := `"error":{"code":-32601,"message":"not offered by this client"}`
	if m.method == methodPing {
		reply = `"result":{}`
	}
	ctx, stop := within(l.ctx, l.c.root, asideLimit)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.c.resource.URL, bodyOf([]byte(`{"jsonrpc":"2.0","id":`+m.id+`,`+reply+`}`)))
	if err != nil {
		return
	}
	req.Header.Set("Content-Type", "application/json")
	if resp, err := l.send(req); err == nil {
		_, _ = readBody(resp.Body, maxRefuse)
		_ = resp.Body.Close()
	}
}
