// Package idp is the playground's identity provider: OpenID Connect sign-in with
// a plain page, and the token exchange that turns an identity assertion into an
// ID-JAG.
//
// Invariant: nothing is redirected to an address that the client did not
// register, no code is issued without PKCE S256, and no answer leaves before
// what it promises is in the store. Codes are used once; a rotated refresh
// token that comes back ends its whole family; a refresh token that is only the
// subject of an exchange is not used up.
package idp

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"waybill/playground/internal/dpop"
	"waybill/playground/internal/keys"
	"waybill/playground/internal/oauth"
	"waybill/playground/internal/state"
)

// Options are what a Server needs. All fields but Hint are required.
type Options struct {
	Issuer  string // an origin, no final slash
	Store   *state.Store
	Keys    *keys.Set
	Clients []Client
	Lives   Lives
	Policy  func() Policy
	Proofs  dpop.Policy
	Now     func() time.Time
	Log     *slog.Logger

	// Hint explains a client id that is not registered here; may be nil.
	Hint func(id string) string
}

// Lives are how long things last.
type Lives struct{ Code, IDToken, IDJAG, Refresh, Login time.Duration }

// Client is a registration.
type Client struct {
	oauth.Credential
	Name         string
	RedirectURIs []string
	PostLogout   []string // post_logout_redirect_uris
	Connections  []Connection
	Bound        bool // has to prove possession of a key with every token request (dpop_bound_access_tokens, RFC 9449 section 5.2)
}

// Connection is the policy that lets a client reach one resource.
type Connection struct {
	Audience string // issuer of the resource's authorization server
	Resource string // identifier of the resource
	ClientID string // of the client at that authorization server
	Scopes   []string
}

// Policy is what is refused at the token exchange beside what no connection
// allows.
type Policy struct {
	DenyUsers   []string // e-mail addresses
	DenyClients []string // client ids
	MaxAge      time.Duration
	ACR         string
}

// The strengths of a sign-in (acr). The playground takes the same six digits
// for both; a request for the second one merely makes it ask again.
const (
	ACRCode   = "urn:playground:acr:code"
	ACRStepUp = "urn:playground:acr:step-up"
)

// Server is the identity provider.
type Server struct {
	o       Options
	auth    *oauth.Authenticator
	pages   *pages
	clients map[string]Client

	installation string // as in the store; the same for its whole life
	formKey      []byte

	mu    sync.Mutex
	codes map[string]code // by hash
}

// New makes a Server.
func New(o Options) *Server {
	if o.Hint == nil {
		o.Hint = func(string) string { return "" }
	}
	s := &Server{o: o, pages: newPages(o.Issuer), clients: map[string]Client{}, codes: map[string]code{}}
	o.Store.View(func(d *state.Data) { s.installation, s.formKey = d.Installation, slices.Clone(d.FormKey) })
	for _, c := range o.Clients {
		s.clients[c.ID] = c
	}
	find := func(id string) (oauth.Credential, bool) {
		c, ok := s.clients[id]
		return c.Credential, ok
	}
	s.auth = oauth.NewAuthenticator(o.Issuer, find, o.Hint, o.Now, o.Store.Spend)
	return s
}

// Handler serves the endpoints under the issuer's origin.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", s.metadata)
	mux.HandleFunc("GET /jwks", s.jwks)
	mux.HandleFunc("GET /authorize", s.authorize)
	mux.HandleFunc("POST /authorize", s.authorize)
	mux.HandleFunc("POST /authorize/sign-in", s.signIn)
	mux.HandleFunc("POST /token", s.token)
	mux.HandleFunc("POST /token/introspection", s.introspect)
	mux.HandleFunc("GET /userinfo", s.userinfo)
	mux.HandleFunc("POST /userinfo", s.userinfo)
	mux.HandleFunc("GET /session/end", s.endSession)
	mux.HandleFunc("POST /session/end", s.endSession)
	mux.HandleFunc("POST /session/end/confirm", s.confirmEnd)
	return mux
}

// errNotOurs says that a token was signed here, but is of another kind.
var errNotOurs = errors.New("it is no ID token of this server")

// random is 256 bits or more as text.
func random() string { return rand.Text() + rand.Text() }

// expired reports whether the moment has come.
func (s *Server) expired(at time.Time) bool { return !s.o.Now().Before(at) }

// fail logs a fault of the server's own and answers it.
func (s *Server) fail(w http.ResponseWriter, what string, err error) {
	s.o.Log.Error("The identity provider failed.", "at", what, "reason", err)
	oauth.Internal().Write(w)
}
