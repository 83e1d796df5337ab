package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"time"
	"unicode"

	"waybill/fault"
	"waybill/secret"
	"waybill/transport"
)

// Headers of MCP's Streamable HTTP: the session, its version, and what is called or
// read.
const (
	headerSession = "Mcp-Session-Id"
	headerVersion = "Mcp-Protocol-Version"
	headerName    = "Mcp-Name"
)

// codeNoSession is what the TypeScript SDK's examples answer, with status 400
// and without an id, to a session that they do not know.
const codeNoSession = -32000

// codeSwapped marks an answer for another session than the one asked in.
const codeSwapped = "session_swapped"

// Limits of what nobody waits for: the DELETE that ends a session, and messages
// that want no response.
const (
	goodbyeLimit = 2 * time.Second
	asideLimit   = 10 * time.Second
)

// errSessionGone says that the server does not know the session any more, and
// that the request was therefore not carried out.
var errSessionGone = errors.New("api: the MCP session is gone")

// guard stands between the SDK and the network. It classifies what HTTP says,
// which the SDK reduces to texts, and lets only answers through that keep the
// rules: one JSON-RPC response to the request that was sent, of bounded size.
// What it refuses does not break the session.
type guard struct {
	lines  *lines
	next   http.RoundTripper
	bearer *bearer
	scopes scopes
}

// RoundTrip implements http.RoundTripper.
func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodDelete { // MCPClient.leave has done it
		return &http.Response{Status: "204 No Content", StatusCode: http.StatusNoContent, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{}, Body: http.NoBody, Request: req}, nil
	}
	asked, err := sentMessage(req)
	if err != nil {
		return nil, err
	}
	if strings.ContainsFunc(req.Header.Get(headerName), unicode.IsControl) {
		return nil, fault.New(fault.StepCall, fault.Invalid, "bad_name", "The name of a tool or resource with control characters in it cannot be sent.")
	}
	st := stateOf(req.Context())
	if !asked.call() && asked.method != methodInitialized { // nobody waits for it
		ctx, stop := within(req.Context(), g.bearer.root, asideLimit)
		defer stop()
		if st != nil && asked.method == methodCancelled {
			defer st.once.Do(func() { close(st.cancelled) })
		}
		return g.exchange(req.WithContext(ctx), asked, nil)
	}
	if st != nil {
		st.out.Store(true)
	}
	if st != nil && st.session.Load() != nil {
		req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
			GotConn: func(httptrace.GotConnInfo) { st.session.Load().begin() },
		}))
	}
	return g.exchange(req, asked, st)
}

// exchange sends one message. st is nil for what is no call.
func (g *guard) exchange(req *http.Request, asked message, st *callState) (*http.Response, error) {
	resp, err := g.send(req)
	if err != nil {
		return nil, err
	}
	st.progress()
	g.lines.answered(resp)
	if opening := openingOf(req.Context()); opening != nil && resp.ProtoMajor >= 2 {
		opening.http2.Store(true)
	}
	if resp.StatusCode == http.StatusUnauthorized {
		return g.unauthorised(req, resp, st)
	}
	if st != nil { // what is sent beside a call says nothing about calls
		g.bearer.accepted()
	}
	if mine, theirs := req.Header.Get(headerSession), resp.Header.Get(headerSession); mine != "" && theirs != "" && mine != theirs {
		resp.Body.Close()
		return nil, hostile(codeSwapped, "The MCP server answered for another session.")
	}
	if resp.StatusCode < 200 || resp.StatusCode >= 300 {
		return g.refused(req, resp, asked, st)
	}
	return g.accepted(resp, asked, st, g.resumption(req, asked, st))
}

// send sends one message, and once more where the server first wants a nonce of
// its own in the proof. The SDK has put the token in as a bearer token.
func (g *guard) send(req *http.Request) (*http.Response, error) {
	if !g.bearer.bound() {
		return g.next.RoundTrip(req)
	}
	resp, err := g.sendBound(req, req.Body)
	if err != nil || !g.bearer.asksForNonce(resp.StatusCode, resp.Header) {
		return resp, err
	}
	_, _ = readBody(resp.Body, maxRefuse)
	_ = resp.Body.Close()
	if req.GetBody == nil {
		return g.sendBound(req, nil)
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	return g.sendBound(req, body)
}

func (g *guard) sendBound(req *http.Request, body io.ReadCloser) (*http.Response, error) {
	out := req.Clone(req.Context())
	out.Body = body
	if err := g.bearer.present(out, sentToken(req)); err != nil {
		if body != nil {
			_ = body.Close()
		}
		return nil, err
	}
	return g.next.RoundTrip(out)
}

// unauthorised lets the first 401 of a call through to Authorize; any other is
// final.
func (g *guard) unauthorised(req *http.Request, resp *http.Response, st *callState) (*http.Response, error) {
	if st.firstRefusal() {
		return resp, nil
	}
	a := g.read(req, resp, st)
	if st != nil && !final(readChallenge(a).code) {
		g.bearer.refusedAgain(a.token)
	}
	return nil, g.denied(a, st)
}

// sentMessage reads the message that the SDK is about to send.
func sentMessage(req *http.Request) (message, error) {
	if req.GetBody == nil {
		return message{}, nil
	}
	body, err := req.GetBody()
	if err != nil {
		return message{}, err
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return message{}, err
	}
	return readMessage(data)
}

// read takes what there is to read of an answer that is not handed on.
func (g *guard) read(req *http.Request, resp *http.Response, st *callState) *answer {
	defer resp.Body.Close()
	a := &answer{status: resp.StatusCode, header: resp.Header, token: sentToken(req), bound: g.bearer.bound()}
	if st != nil {
		st.mu.Lock()
		a.granted = st.granted
		st.mu.Unlock()
	}
	a.body, _ = readBody(resp.Body, maxRefuse)
	return a
}

func sentToken(req *http.Request) secret.Text {
	return secret.New(strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer "))
}

// refused handles an answer that is neither a success nor a 401. A JSON-RPC
// error to the request is the SDK's to read; everything else is a Fault.
func (g *guard) refused(req *http.Request, resp *http.Response, asked message, st *callState) (*http.Response, error) {
	a := g.read(req, resp, st)
	about := listing
	if st != nil {
		about = st.about
	}
	m, err := readMessage(a.body)
	said := err == nil && m.failed
	if req.Header.Get(headerSession) != "" {
		if a.status == http.StatusNotFound && !(said && m.id == asked.id) ||
			a.status == http.StatusBadRequest && said && m.id == "" && m.code == codeNoSession {
			return nil, errSessionGone
		}
	}
	if said && m.id == asked.id && m.id != "" && a.status >= 400 && a.status < 500 &&
		a.status != http.StatusForbidden && a.status != http.StatusTooManyRequests {
		resp.Body = io.NopCloser(bytes.NewReader(a.body))
		return resp, nil
	}
	if about.change() && a.status == http.StatusNotFound {
		about = listing // the address is wrong, not the to-do
	}
	return nil, g.scopes.refusal(a, about)
}

// accepted handles a success: an event stream is watched as it is read, a JSON
// answer is read here and must be the response to the request.
func (g *guard) accepted(resp *http.Response, asked message, st *callState, resume *resumer) (*http.Response, error) {
	kind := contentType(resp.Header)
	switch {
	case !asked.call():
		resp.Body.Close()
		resp.Body = http.NoBody
		return resp, nil
	case kind == "text/event-stream" && st != nil:
		body := newStream(resp.Body, asked, st.progress, st.report, st.heard)
		body.resume = resume
		st.mu.Lock()
		st.streams = append(st.streams, body.closed)
		st.alone = st.alone || resp.ProtoMajor < 2
		st.mu.Unlock()
		resp.Body = body
		return resp, nil
	}
	body, err := readBody(resp.Body, maxItem)
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	switch {
	case isPage(resp.Header, body):
		return nil, transport.CaptivePortal(fault.StepCall)
	case kind != "application/json" || len(body) == 0:
		return nil, garbled(resp.StatusCode, fmt.Errorf("status %d of type %q to a call", resp.StatusCode, kind))
	}
	m, err := readMessage(body)
	if err == nil && (m.method != "" || m.id != asked.id) {
		err = errors.New("not the response to what was asked")
	}
	if err != nil {
		return nil, brokenProtocol(err)
	}
	st.heard(m, body)
	return resp, nil
}

// denied is the Fault of a 401 after which no other token is tried.
func (g *guard) denied(a *answer, st *callState) *fault.Fault {
	c := caller{lines: g.lines, bearer: g.bearer, scopes: g.scopes}
	about := listing
	if st != nil {
		about = st.about
	}
	return c.denied(a, about)
}
