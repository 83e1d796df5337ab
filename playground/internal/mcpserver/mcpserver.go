package mcpserver

import (
	"net/http"

	"waybill/playground/internal/access"
	"waybill/playground/internal/todostore"
)

// Options are what the MCP server needs.
type Options struct {
	Origin              string // scheme://host[:port] under which it is reached; the server is at Origin + Path
	AuthorizationServer string // issuer
	Verifier            access.Verifier
	Store               *todostore.Store

	// SilentScopeFailure answers as xaa.dev does to a token without the
	// scopes: everything is listed, and a read yields, under HTTP status 200,
	// JSON text with an error member. Otherwise such a token is answered 403
	// insufficient_scope at once.
	SilentScopeFailure bool
}

// Path is where the server is below its origin. The resource's identifier is
// the origin and the path.
const Path = "/mcp"

// New returns the MCP server. It starts nothing.
func New(o Options) http.Handler { return http.NotFoundHandler() }
