package api

import (
	"context"
	"errors"
	"net/http"
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
	methodCancelled   = "notifications/cancelled"
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

	hearing  chan struct{} // held while listener is opened
	listener *listener     // the last one; nil: none yet
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
	sdk := mcp.NewClient(implementation(), &mcp.ClientOptions{
		Capabilities:   can,
		MultiRoundTrip: &mcp.MultiRoundTripOptions{Disabled: true},
	})
	sdk.AddSendingMiddleware(c.sending)
	sdk.AddReceivingMiddleware(receiving)
	return sdk
}

func implementation() *mcp.Implementation { return &mcp.Implementation{Name: "waybill", Version: "1"} }

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
		if st := stateOf(ctx); st != nil && st.use.Progress != nil {
			if params, ok := req.GetParams().(*mcp.CallToolParams); ok {
				params.SetProgressToken(st.progressAs)
			}
		}
		res, err := afterInitialized(ctx, func() (mcp.Result, error) { return next(ctx, method, req) })
		switch res := res.(type) {
		case *mcp.ReadResourceResult:
			res.TTLMs = 0
		case *mcp.ListToolsResult:
			res.TTLMs = 0
		case *mcp.ListResourcesResult:
			res.TTLMs = 0
		case *mcp.ListResourceTemplatesResult:
			res.TTLMs = 0
		case *mcp.ListPromptsResult:
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
	limits := newLimits(context.WithoutCancel(ctx), s.over, false)
	say := func() {
		defer limits.stop()
		defer close(s.ready)
		if !s.http2.Load() {
			select {
			case <-s.begun:
			case <-limits.ctx.Done():
			}
		}
		send(context.WithValue(limits.ctx, callKey{}, (*callState)(nil)))
	}
	if !c.spawn(say) {
		limits.stop()
		close(s.ready)
	}
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
		if st := stateOf(ctx); s.assumed == "" || st == nil || !st.use.Described {
			return s, nil
		}
		c.drop(s)
	}
	version := c.knownVersion()
	s := newSession()
	if st := stateOf(ctx); version >= versionModern && (st == nil || !st.use.Described) {
		s.assumed = version
	}
	if err := c.connect(ctx, s, version); err != nil {
		return nil, err
	}
	return s, c.keep(s)
}

func newSession() *session {
	s := &session{ready: make(chan struct{}), begun: make(chan struct{}), hearing: make(chan struct{}, 1)}
	s.over, s.end = context.WithCancel(context.Background())
	return s
}

// connect opens s.
func (c *MCPClient) connect(ctx context.Context, s *session, version string) error {
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
		return err
	}
	s.cs = cs
	return nil
}

// keep makes s the session of the calls to come, unless the client was closed
// meanwhile.
func (c *MCPClient) keep(s *session) error {
	settled := s.cs.InitializeResult().ProtocolVersion
	if settled >= versionModern { // there is no initialized notification
		close(s.ready)
	}
	c.mu.Lock()
	closed := c.closed
	if !closed {
		c.version, c.session = settled, s
	}
	c.mu.Unlock()
	if closed {
		c.leave(s)
		return errClosed
	}
	return nil
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
	if leave := func() { c.leave(s) }; !c.spawn(leave) {
		leave()
	}
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
	req.Header.Set(headerVersion, version)
	if c.handler.bearer.present(req, c.handler.lastToken()) != nil {
		return
	}
	resp, err := c.polite.Do(req)
	if err != nil {
		return
	}
	_, _ = readBody(resp.Body, maxRefuse)
	_ = resp.Body.Close()
}
