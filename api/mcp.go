package api

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"waybill/connection"
	"waybill/fault"
	"waybill/transport"
)

// MCPClient is a Client for an MCP server (Streamable HTTP). Whatever else the
// server offers is reached with Use. It is safe for concurrent use.
//
// A session is opened by the first call and kept. The tools that it uses by
// itself are list_todos, create_todo, update_todo and delete_todo, under exactly
// these names, and with arguments that hold the to-do and nothing else. Nothing
// in an answer makes it call, fetch or open anything.
type MCPClient struct {
	*lines
	resource connection.Resource
	polite   *http.Client // pinned to the server's origin
	http     *http.Client // the same, guarded
	handler  *handler
	scopes   scopes
	sdk      *mcp.Client
	wrong    error // the Fault of a resource that cannot be called

	root  context.Context // ends with Close
	end   context.CancelFunc
	gate  chan struct{} // held while a session is opened
	tasks sync.WaitGroup

	watched atomic.Uint64 // calls that progress was asked for of

	mu      sync.Mutex
	session *session // nil: none is open
	version string   // spoken in the last session
	doubted bool     // what the connection says about the version was wrong
	closed  bool
}

var _ Client = (*MCPClient)(nil)

// NewMCP returns a client for the MCP server at Resource.URL. An URL that a
// token must not be sent to, and a Resource.MCPVersion that this app does not
// speak, make every call fail with a Fault of kind Config.
//
// With Resource.MCPVersion the server is not asked for its version first, which
// saves a round trip from 2026-07-28 on; if it turns out not to speak that
// version, one is negotiated.
func NewMCP(o Options) *MCPClient {
	root, end := context.WithCancel(context.Background())
	b := &bearer{tokens: o.Tokens, prover: o.Prover, root: root}
	c := &MCPClient{lines: &lines{}, resource: o.Resource, scopes: scopesOf(o.Resource), root: root, end: end, gate: make(chan struct{}, 1)}
	c.handler = &handler{bearer: b, scopes: c.scopes}
	c.sdk = c.newSDK()
	origin, err := transport.Origin(o.Resource.URL)
	if err != nil {
		c.wrong = err
		return c
	}
	if v := o.Resource.MCPVersion; v != "" && !slices.Contains(mcp.SupportedProtocolVersions(), v) {
		c.wrong = fault.New(fault.StepSetup, fault.Config, "mcp_version", "This app does not speak the MCP version that the connection asks for.").
			WithRemedy("Leave mcp_version out of the connection.")
		return c
	}
	c.polite = o.Transport.HTTP(transport.Stream, origin)
	guarded := *c.polite
	guarded.Transport = &guard{next: c.polite.Transport, lines: c.lines, bearer: b, scopes: c.scopes}
	c.http = &guarded
	return c
}

// Version returns the protocol version that the server spoke last, "" if it was
// not called yet. Put into Resource.MCPVersion it saves the next process the
// question.
func (c *MCPClient) Version() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.version
}

// spawn runs f in the background, unless the client is closed.
func (c *MCPClient) spawn(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.tasks.Go(f)
	return true
}

// Close implements Client. It takes at most about two seconds, in which the
// server is told that the session is over.
func (c *MCPClient) Close() error {
	c.end()
	c.mu.Lock()
	s := c.session
	c.session, c.closed = nil, true
	c.mu.Unlock()
	if s != nil {
		c.leave(s)
	}
	c.tasks.Wait()
	return nil
}
