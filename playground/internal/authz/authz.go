// Package authz is the playground's resource authorization server: it redeems
// ID-JAGs for access tokens, and tells the resources what a token allows.
//
// Invariant: an access token is issued only after every check of
// draft-ietf-oauth-identity-assertion-authz-grant-04 section 4.4.1 and of
// RFC 7521 section 5.2 has passed, and the ID-JAG's jti is spent last, so that
// of any number of requests with one ID-JAG exactly one is answered with a
// token and a refused request uses nothing up. A token never allows more than
// the request, the ID-JAG and the client's registration all do.
package authz

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"waybill/playground/internal/dpop"
	"waybill/playground/internal/keys"
	"waybill/playground/internal/oauth"
	"waybill/playground/internal/state"
)

// Options are what a Server needs. All fields but Hint are required.
type Options struct {
	Issuer    string // an origin, which may end in a slash
	Store     *state.Store
	Keys      *keys.Set
	Resources []Resource
	Clients   []Client
	Issuers   []TrustedIssuer
	Proofs    dpop.Policy
	TokenLife time.Duration
	Now       func() time.Time
	Log       *slog.Logger

	// Hint explains a client id that is not registered here; may be nil.
	Hint func(id string) string
}

// Resource is a resource server that takes this server's tokens.
type Resource struct {
	ID     string // resource identifier (RFC 8707)
	Scopes []string
}

// Client is a registration. It should be confidential (draft section 9.1); a
// public one authenticates with its id alone.
type Client struct {
	oauth.Credential
	Resource string // the one that it may reach
	Scopes   []string
	Bound    bool // gets no token that is not bound to a key (RFC 9449 section 5.2)
}

// TrustedIssuer is an identity provider whose ID-JAGs are taken.
type TrustedIssuer struct {
	ID       string // issuer, compared byte for byte
	Provider string // goes before the colon of sub; unique among the issuers
	Keys     KeySource
}

// KeySource gives the public keys of an issuer. Where kid is not among the keys
// it has, it may look for newer ones.
type KeySource interface {
	Keys(ctx context.Context, kid string) (jose.JSONWebKeySet, error)
}

// Server is the authorization server. It implements access.Verifier.
type Server struct {
	o       Options
	auth    *oauth.Authenticator
	clients map[string]Client
	issuers map[string]TrustedIssuer
}

// New makes a Server.
func New(o Options) *Server {
	s := &Server{o: o, clients: map[string]Client{}, issuers: map[string]TrustedIssuer{}}
	for _, c := range o.Clients {
		s.clients[c.ID] = c
	}
	for _, i := range o.Issuers {
		s.issuers[i.ID] = i
	}
	find := func(id string) (oauth.Credential, bool) {
		c, ok := s.clients[id]
		return c.Credential, ok
	}
	s.auth = oauth.NewAuthenticator(o.Issuer, find, o.Hint, o.Now, o.Store.Spend)
	return s
}

// at is an endpoint's address.
func (s *Server) at(path string) string { return strings.TrimSuffix(s.o.Issuer, "/") + path }

// Handler serves the endpoints under the issuer's origin.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", func(w http.ResponseWriter, r *http.Request) {
		oauth.WriteDocument(w, r, s.metadata(true))
	})
	// As at xaa.dev: this address answers too, but says nothing of profiles.
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		oauth.WriteDocument(w, r, s.metadata(false))
	})
	mux.HandleFunc("GET /jwks", s.jwks)
	mux.HandleFunc("POST /token", s.token)
	return mux
}

// metadata is the authorization server metadata (RFC 8414 section 2, RFC 9728
// section 4). There is no authorization endpoint, hence no response type and no
// PKCE method.
func (s *Server) metadata(profiles bool) map[string]any {
	var scopes, resources []string
	for _, r := range s.o.Resources {
		resources = append(resources, r.ID)
		for _, scope := range r.Scopes {
			if !slices.Contains(scopes, scope) {
				scopes = append(scopes, scope)
			}
		}
	}
	m := map[string]any{
		"issuer":                   s.o.Issuer,
		"token_endpoint":           s.at("/token"),
		"jwks_uri":                 s.at("/jwks"),
		"grant_types_supported":    []string{oauth.GrantBearer},
		"response_types_supported": []string{},
		"scopes_supported":         scopes,
		"protected_resources":      resources,

		"token_endpoint_auth_methods_supported":            s.auth.Methods(slices.ContainsFunc(s.o.Clients, func(c Client) bool { return c.Public })),
		"token_endpoint_auth_signing_alg_values_supported": oauth.Algs(),
	}
	if s.o.Proofs.Verifier != nil {
		m["dpop_signing_alg_values_supported"] = dpop.Algs()
	}
	if profiles {
		m["authorization_grant_profiles_supported"] = []string{oauth.ProfileIDJAG}
	}
	return m
}

func (s *Server) jwks(w http.ResponseWriter, r *http.Request) {
	set, err := s.o.Keys.Public(r.Context())
	if err != nil {
		s.broken("keys", err).Write(w)
		return
	}
	oauth.WriteDocument(w, r, set)
}

func (s *Server) broken(what string, err error) *oauth.Error {
	s.o.Log.Error("The authorization server failed.", "at", what, "reason", err)
	return oauth.Internal()
}
