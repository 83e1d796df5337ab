// Package mcpserver is the playground's MCP server: the to-dos of the to-do API
// over the Model Context Protocol (Streamable HTTP), as resources in the way of
// xaa.dev's Todo0, and as tools.
//
// Invariant: no message is handed to the MCP implementation without a valid
// token that was minted for this very server, and no to-do is shown or changed
// by a token that lacks the scope for it. The server keeps no session: every
// request stands alone, so that neither a restart nor another client's request
// ever changes what an answer means.
package mcpserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"waybill/playground/internal/access"
	"waybill/playground/internal/dpop"
	"waybill/playground/internal/resource"
	"waybill/playground/internal/todostore"
)

// The scopes of this resource.
const (
	ScopeRead   = "todos.read"
	ScopeWrite  = "todos.write"
	ScopeAccess = "mcp.access"
)

// Path is where the server is below its origin. The resource's identifier is
// the origin and the path.
const Path = "/mcp"

// oldest is the oldest protocol version that is spoken, that of xaa.dev.
const oldest = "2025-03-26"

// maxBody is the longest message that is read, in bytes.
const maxBody = 4 << 20

// Options are what the MCP server needs. Origin, AuthorizationServer, Verifier
// and Store are required.
type Options struct {
	Origin              string // scheme://host[:port] under which it is reached; the server is at Origin + Path
	AuthorizationServer string // issuer
	Verifier            access.Verifier
	Proofs              dpop.Policy // the zero value: no token is bound to a key
	Store               *todostore.Store
	Log                 *slog.Logger // nil: no log

	// SilentScopeFailure answers as xaa.dev does to a token without any scope:
	// everything is listed, and a read yields, under HTTP status 200, JSON text
	// with an error member. Otherwise such a token is answered 403
	// insufficient_scope at once, as one that has some scopes and lacks others
	// always is.
	SilentScopeFailure bool
}

type server struct {
	o         Options
	protected *resource.Server
	mcp       http.Handler
}

// New returns the MCP server with its protected resource metadata. It starts
// nothing, and no goroutine outlives a request.
func New(o Options) http.Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &server{o: o, protected: resource.New(resource.Options{
		Origin: o.Origin, Path: Path, Name: "Todo0 over MCP of the built-in playground", AuthorizationServer: o.AuthorizationServer,
		Scopes: []string{ScopeRead, ScopeWrite, ScopeAccess}, Verifier: o.Verifier, Proofs: o.Proofs,
	})}
	quiet := slog.New(warnings{o.Log.Handler()})
	shared := s.protocol(quiet)
	// Stateless, since the newest protocol version is only spoken so. Answers
	// are event streams, as servers of xaa.dev's generation send them.
	s.mcp = mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return shared }, &mcp.StreamableHTTPOptions{
		Stateless: true, MaxRequestBodyBytes: maxBody, PropagateRequestCancellation: true, Logger: quiet,
		DisableLocalhostProtection: true, // Guard knows the server's own name and does more
	})
	return s.protected.Guard(s)
}

// protocol makes the MCP side: what is listed is the same for everybody, so
// that clients may remember it.
func (s *server) protocol(log *slog.Logger) *mcp.Server {
	versions := slices.DeleteFunc(mcp.SupportedProtocolVersions(), func(v string) bool { return v < oldest })
	m := mcp.NewServer(&mcp.Implementation{Name: "todo0-playground", Title: "Todo0 of the built-in playground", Version: "1.0.0"}, &mcp.ServerOptions{
		Instructions:              "The signed-in user's to-dos. Resources show them, tools find and change them; changing needs the scope " + ScopeWrite + ".",
		SupportedProtocolVersions: versions,
		Capabilities:              &mcp.ServerCapabilities{Tools: &mcp.ToolCapabilities{}, Resources: &mcp.ResourceCapabilities{}},
		Logger:                    log,
		SetCacheable: func(_ context.Context, req mcp.Request, c *mcp.Cacheable) {
			if _, personal := req.(*mcp.ReadResourceRequest); personal {
				c.TTLMs, c.CacheScope = 0, "private"
			}
		},
	})
	s.addResources(m)
	s.addTools(m)
	return m
}

// warnings is a log without the SDK's chatter: it tells of every session, and
// here every request is one.
type warnings struct{ slog.Handler }

func (h warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

// ServeHTTP checks the token and its scopes before any message is looked at.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, ok := s.protected.Authenticate(w, r)
	switch {
	case !ok:
		return
	case r.URL.Path != Path:
		refuse(w, http.StatusNotFound, "not_found", "There is nothing at this address.")
		return
	case r.Method != http.MethodPost:
		resource.NotAllowed(w, http.MethodPost)
		return
	case !accepts(r, "application/json") || !accepts(r, "text/event-stream"):
		refuse(w, http.StatusNotAcceptable, "not_acceptable", "Accept must have application/json and text/event-stream.")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLong *http.MaxBytesError
	if errors.As(err, &tooLong) {
		refuse(w, http.StatusRequestEntityTooLarge, "too_large", "A message has at most 4 MiB.")
		return
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, "invalid_request", "The message could not be read.")
		return
	}
	if silent := s.o.SilentScopeFailure && len(a.Scopes) == 0; !silent && !s.protected.Require(w, a, needs(body)...) {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.mcp.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), accessKey{}, a)))
}

// needs returns the scopes that the messages in body need. A call that changes
// something is refused with a challenge, which tells the client what to ask
// for; the tools check again for themselves.
func needs(body []byte) []string {
	type message struct {
		Method string
		Params struct{ Name string }
	}
	var many []message
	if json.Unmarshal(body, &many) != nil {
		many = make([]message, 1)
		_ = json.Unmarshal(body, &many[0]) // what is no message is refused by the protocol
	}
	writes := slices.ContainsFunc(many, func(m message) bool {
		return m.Method == "tools/call" && slices.Contains([]string{toolCreate, toolUpdate, toolDelete}, m.Params.Name)
	})
	if writes {
		return []string{ScopeRead, ScopeAccess, ScopeWrite}
	}
	return []string{ScopeRead, ScopeAccess}
}

// accepts reports whether the Accept header has the media type. Its absence is
// not taken as consent: the transport demands that both types are listed.
func accepts(r *http.Request, want string) bool {
	group, _, _ := strings.Cut(want, "/")
	for _, field := range r.Header.Values("Accept") {
		for entry := range strings.SplitSeq(field, ",") {
			kind, _, err := mime.ParseMediaType(entry)
			if err == nil && (kind == want || kind == group+"/*" || kind == "*/*") {
				return true
			}
		}
	}
	return false
}

type accessKey struct{}

// granted returns the access of the request that ctx belongs to, or the problem
// that it lacks one of the scopes.
func granted(ctx context.Context, scopes ...string) (access.Access, error) {
	a, _ := ctx.Value(accessKey{}).(access.Access)
	if missing := resource.Missing(a, scopes...); len(missing) > 0 {
		return a, resource.Problem{Status: http.StatusForbidden, Code: "insufficient_scope", Description: resource.Lacks(missing)}
	}
	return a, nil
}

func refuse(w http.ResponseWriter, status int, code, description string) {
	resource.Refuse(w, resource.Problem{Status: status, Code: code, Description: description})
}
