package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"waybill/fault"
)

// The protocol versions between which behaviour differs: from versionModern on
// there is no session and no initialize.
const versionModern = "2026-07-28"

// extension is what this app declares towards MCP servers: that it gets its
// tokens through the enterprise-managed authorization extension.
const extension = "io.modelcontextprotocol/enterprise-managed-authorization"

// The methods of MCP that are handled in their own way.
const (
	methodDiscover    = "server/discover"
	methodInitialize  = "initialize"
	methodInitialized = "notifications/initialized"
	methodPing        = "ping"
)

// session is one MCP session, from versionModern on only a name for having
// settled on a version.
type session struct {
	cs      *mcp.ClientSession
	assumed string      // the version that was taken for granted, "" if it was negotiated
	http2   atomic.Bool // the server speaks HTTP/2
	gone    atomic.Bool // the server has forgotten it
	proven  atomic.Bool // a call has succeeded in it

	// ready is closed when the server has answered the initialized
	// notification, which is sent beside the first call.
	ready chan struct{}
	begun chan struct{} // closed when the first call has its connection
	once  sync.Once

	over context.Context // ends when the session is left
	end  context.CancelFunc

	refused error // why server/discover failed, where initialize would fail alike

	learnt learnt
}

// begin tells that the first call has its connection, or that there is none.
func (s *session) begin() { s.once.Do(func() { close(s.begun) }) }

func (s *session) isReady() bool {
	select {
	case <-s.ready:
		return true
	default:
		return false
	}
}

type openingKey struct{}

// openingOf returns the session whose messages ctx is for: while it is opened,
// and when it is ended.
func openingOf(ctx context.Context) *session {
	s, _ := ctx.Value(openingKey{}).(*session)
	return s
}

// newSDK returns the SDK's client: it offers the server nothing but the
// extension, neither sampling nor elicitation nor roots, and refuses every
// request of a server but ping.
func (c *MCPClient) newSDK() *mcp.Client {
	can := &mcp.ClientCapabilities{}
	can.AddExtension(extension, nil)
	sdk := mcp.NewClient(&mcp.Implementation{Name: "waybill", Version: "1"}, &mcp.ClientOptions{
		Capabilities:   can,
		MultiRoundTrip: &mcp.MultiRoundTripOptions{Disabled: true},
	})
	sdk.AddSendingMiddleware(c.sending)
	sdk.AddReceivingMiddleware(receiving)
	return sdk
}

// receiving answers what a server asks of a client.
func receiving(next mcp.MethodHandler) mcp.MethodHandler {
	return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
		switch method {
		case "sampling/createMessage", "elicitation/create", "roots/list":
			return nil, &jsonrpc.Error{Code: jsonrpc.CodeMethodNotFound, Message: "not offered by this client"}
		}
		return next(ctx, method, req)
	}
}

// sending saves round trips: server/discover is not sent where the version is
// known, and the initialized notification goes out beside the first call. It
// also keeps the SDK from answering out of its cache for as long as a server
// likes.
func (c *MCPClient) sending(next mcp.MethodHandler) mcp.MethodHandler {
	return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
		s := openingOf(ctx)
		switch {
		case s == nil:
		case method == methodDiscover && s.assumed != "":
			return &mcp.DiscoverResult{
				SupportedVersions: []string{s.assumed},
				Capabilities:      &mcp.ServerCapabilities{Tools: &mcp.ToolCapabilities{}, Resources: &mcp.ResourceCapabilities{}},
			}, nil
		case method == methodDiscover:
			res, err := next(ctx, method, req)
			if hopeless(err) {
				s.refused = err
			}
			return res, err
		case method == methodInitialize && s.refused != nil:
			return nil, s.refused
		case method == methodInitialized:
			c.sayInitialized(ctx, s, func(ctx context.Context) { _, _ = next(ctx, method, req) })
			return nil, nil
		}
		res, err := afterInitialized(ctx, func() (mcp.Result, error) { return next(ctx, method, req) })
		switch res := res.(type) {
		case *mcp.ReadResourceResult:
			res.TTLMs = 0
		case *mcp.ListToolsResult:
			res.TTLMs = 0
		case *mcp.ListResourcesResult:
			res.TTLMs = 0
		}
		return res, err
	}
}

// hopeless reports whether an error of server/discover says nothing about the
// protocol, so that initialize would fail in the same way.
func hopeless(err error) bool {
	var f *fault.Fault
	switch {
	case err == nil:
		return false
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return true
	case !errors.As(err, &f):
		return false
	}
	switch f.Kind {
	case fault.Offline: // an old server may stumble over a method that it does not know
		return f.Status < 500 || f.Status == http.StatusNetworkAuthenticationRequired
	case fault.SignInNeeded, fault.StepUp, fault.Denied, fault.Canceled:
		return true
	}
	return false
}

// sayInitialized sends the notification in the background. Over HTTP/1.1 it
// waits until the first call has taken the open connection.
func (c *MCPClient) sayInitialized(ctx context.Context, s *session, send func(context.Context)) {
	limits := newLimits(context.WithoutCancel(ctx), s.over)
	c.spawn(func() {
		defer limits.stop()
		defer close(s.ready)
		if !s.http2.Load() {
			select {
			case <-s.begun:
			case <-limits.ctx.Done():
			}
		}
		send(context.WithValue(limits.ctx, callKey{}, (*callState)(nil)))
	})
}

// open returns the open session, or opens one. One is opened at a time.
func (c *MCPClient) open(ctx context.Context) (*session, error) {
	select {
	case c.gate <- struct{}{}:
		defer func() { <-c.gate }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if c.root.Err() != nil {
		return nil, errClosed
	}
	if s := c.current(); s != nil {
		return s, nil
	}
	version := c.knownVersion()
	s := &session{ready: make(chan struct{}), begun: make(chan struct{})}
	s.over, s.end = context.WithCancel(context.Background())
	if version >= versionModern {
		s.assumed = version
	}
	cs, err := c.sdk.Connect(context.WithValue(ctx, openingKey{}, s), &mcp.StreamableClientTransport{
		Endpoint:             c.resource.URL,
		HTTPClient:           c.http,
		OAuthHandler:         c.handler,
		DisableStandaloneSSE: true,
		MaxRetries:           -1,
		MaxEventSize:         maxItem + 1<<10,
	}, &mcp.ClientSessionOptions{ProtocolVersion: version})
	if err != nil {
		s.end()
		return nil, err
	}
	s.cs = cs
	settled := cs.InitializeResult().ProtocolVersion
	if settled >= versionModern { // there is no such notification
		close(s.ready)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version, c.session = settled, s
	return s, nil
}

func (c *MCPClient) current() *session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session
}

// knownVersion is what the server spoke last, else what the connection says,
// else "".
func (c *MCPClient) knownVersion() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.version != "" || c.doubted {
		return c.version
	}
	return c.resource.MCPVersion
}

// drop lets go of a session that cannot be used any more; the next call opens
// another.
func (c *MCPClient) drop(s *session) {
	c.mu.Lock()
	if c.session == s {
		c.session = nil
	}
	c.mu.Unlock()
	c.spawn(func() { c.leave(s) })
}

// leave ends a session, within goodbyeLimit. The server is told here and not by
// the SDK, which would hold all its locks while it waits for the answer.
func (c *MCPClient) leave(s *session) {
	ctx, cancel := context.WithTimeout(context.Background(), goodbyeLimit)
	defer cancel()
	s.begin()
	if id := s.cs.ID(); id != "" && !s.gone.Swap(true) {
		select {
		case <-s.ready: // a server hears the goodbye after the greeting
		case <-ctx.Done():
		}
		c.sayGoodbye(ctx, id, s.cs.InitializeResult().ProtocolVersion)
	}
	s.gone.Store(true)
	s.end()
	_ = s.cs.Close()
}

// sayGoodbye asks the server to forget the session. That it does is its own
// affair.
func (c *MCPClient) sayGoodbye(ctx context.Context, id, version string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, c.resource.URL, nil)
	if err != nil {
		return
	}
	req.Header.Set(headerSession, id)
	req.Header.Set("Mcp-Protocol-Version", version)
	req.Header.Set("Authorization", "Bearer "+c.handler.lastToken().Reveal())
	resp, err := c.polite.Do(req)
	if err != nil {
		return
	}
	_, _ = readBody(resp.Body, maxRefuse)
	_ = resp.Body.Close()
}

// call runs f in a session. A session that the server has forgotten is opened
// anew once, and a version that it does not speak is given up once; both are
// known before the server has done anything.
func (c *MCPClient) call(ctx context.Context, about asking, f func(context.Context, *session) error) error {
	if c.wrong != nil {
		return c.wrong
	}
	token, granted, err := c.handler.bearer.token(ctx)
	if err != nil {
		return err
	}
	st := &callState{about: about, token: token, granted: granted}
	for {
		if err = c.once(ctx, st, f); !errors.Is(err, errReopen) {
			return err
		}
	}
}

// errReopen marks an error after which a call is repeated in a new session.
var errReopen = errors.New("api: open another session")

// forgotten handles errSessionGone.
func (c *MCPClient) forgotten(st *callState, s *session) error {
	if s != nil {
		s.gone.Store(true)
		c.drop(s)
	}
	if st.reopened {
		return fault.New(fault.StepCall, fault.Failed, "session_gone", "The MCP server keeps ending the session.").
			WithRemedy("Try again later.")
	}
	st.reopened = true
	return errReopen
}

// doubt handles err, which may come from a server that does not speak the
// version that was taken for granted, because it did the last time or because
// the connection says so: the next session negotiates one.
func (c *MCPClient) doubt(st *callState, s *session, err error) error {
	if s != nil {
		c.drop(s)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if st.doubted {
		return err
	}
	c.version, c.doubted, st.doubted = "", true, true
	return errReopen
}

func (c *MCPClient) once(ctx context.Context, st *callState, f func(context.Context, *session) error) error {
	st.limits = newLimits(ctx, c.root)
	st.session = nil
	defer c.release(st)
	inner := context.WithValue(st.limits.ctx, callKey{}, st)
	s, err := c.open(inner)
	if err != nil {
		return c.explain(st, nil, err)
	}
	defer s.begin()
	st.settle()
	st.session = s
	if err = f(inner, s); err == nil {
		s.proven.Store(true)
	}
	return c.explain(st, s, err)
}

// afterInitialized repeats a call that a server refused because it had not yet
// seen the initialized notification, which goes out beside the first calls.
func afterInitialized(ctx context.Context, send func() (mcp.Result, error)) (mcp.Result, error) {
	st := stateOf(ctx)
	if st == nil || st.session == nil || st.session.isReady() {
		return send()
	}
	res, err := send()
	if !tooEarly(err) {
		return res, err
	}
	select {
	case <-st.session.ready:
		return send()
	case <-ctx.Done():
		return res, err
	}
}

// tooEarly reports whether a server may have refused a call because it had not
// yet seen the initialized notification.
func tooEarly(err error) bool {
	var wire *jsonrpc.Error
	return errors.As(err, &wire) &&
		slices.Contains([]int64{0, jsonrpc.CodeInvalidRequest, jsonrpc.CodeInvalidParams, codeNoSession}, wire.Code)
}

// release ends a call, once its streams are read to their end.
func (c *MCPClient) release(st *callState) {
	st.settle()
	if open := st.takeOpen(); len(open) > 0 {
		st.limits.stopWhen(open, c.root)
		return
	}
	st.limits.stop()
}

// explain turns what the SDK returns into a Fault, and lets go of a session
// that is of no use any more. s is nil if none could be opened.
func (c *MCPClient) explain(st *callState, s *session, err error) error {
	if err == nil {
		return nil
	}
	problem := st.takeProblem()
	var own opaque
	var f *fault.Fault
	var wire *jsonrpc.Error
	switch {
	case context.Cause(st.limits.ctx) != nil:
		return unreachable(st.limits.ctx, err)
	case errors.As(err, &own):
		return own.err
	case problem != nil:
		return unreachable(st.limits.ctx, problem)
	case errors.Is(err, errSessionGone):
		return c.forgotten(st, s)
	case errors.As(err, &f): // before the next: the SDK marks these as JSON-RPC errors of its own
		if f.Code == codeSwapped && s != nil {
			c.drop(s)
		}
		if err = unreachable(st.limits.ctx, err); c.doubtful(s, 0) && f.Status >= 400 && f.Status < 500 && f.Kind != fault.Offline && f.Kind != fault.Denied {
			return c.doubt(st, s, err)
		}
		return err
	case errors.As(err, &wire):
		about := st.about
		if s == nil {
			about = listing
		}
		if err = rpcFault(wire, about, st); c.doubtful(s, wire.Code) {
			return c.doubt(st, s, err)
		}
		return err
	}
	if s != nil {
		c.drop(s)
	}
	return c.puzzling(st, s, err)
}

// puzzling is the Fault of an error that neither HTTP nor the protocol explains.
func (c *MCPClient) puzzling(st *callState, s *session, err error) error {
	switch {
	case errors.Is(err, mcp.ErrConnectionClosed):
		return unreachable(st.limits.ctx, err)
	case s != nil:
		return garbled(0, err)
	}
	f := fault.New(fault.StepCall, fault.Config, "mcp_version", "This app and the MCP server have no protocol version in common.").
		WithRemedy("Check the address of the resource, and the protocol version if the connection fixes one.").Because(err)
	return c.doubt(st, nil, f)
}

// doubtful reports whether an error with this code may come from a server that
// does not speak the version that was taken for granted. A session in which a
// call has succeeded is beyond doubt.
func (c *MCPClient) doubtful(s *session, code int64) bool {
	switch {
	case s == nil:
		return c.knownVersion() != ""
	case code == mcp.CodeUnsupportedProtocolVersion:
		return true
	}
	return s.assumed != "" && !s.proven.Load() &&
		slices.Contains([]int64{0, codeNoSession, jsonrpc.CodeInvalidRequest, jsonrpc.CodeMethodNotFound, jsonrpc.CodeParseError}, code)
}
