// Package resource is what the playground's two resource servers have in
// common as OAuth 2.0 protected resources: who may call them, how they refuse,
// and where they say which authorization server they trust.
//
// Invariant: no handler behind Guard runs for a request that another site's
// page sent under a name of its own (DNS rebinding), and Authenticate yields an
// Access only for a token that was minted for this very resource.
package resource

import (
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"waybill/playground/internal/access"
	"waybill/playground/internal/dpop"
)

// MetadataPrefix is the well-known location of protected resource metadata
// (RFC 9728 section 3.1).
const MetadataPrefix = "/.well-known/oauth-protected-resource"

// maxBearer bounds the token that is handed to the Verifier, in bytes.
const maxBearer = 16 << 10

// Options describe one resource server.
type Options struct {
	Origin              string   // scheme://host[:port] under which it is reached
	Path                string   // of the resource below Origin, "" or starting with a slash
	Name                string   // for people
	AuthorizationServer string   // issuer of the one that it trusts
	Scopes              []string // scopes_supported
	Verifier            access.Verifier
	Proofs              dpop.Policy
}

// Server is the protected side of a resource server. It is immutable and safe
// for concurrent use.
type Server struct {
	o    Options
	host string // of Origin, as in the Host header
	port string
}

// New returns the protected side of the resource at o.Origin + o.Path.
func New(o Options) *Server {
	s := &Server{o: o}
	if u, err := url.Parse(o.Origin); err == nil {
		s.host, s.port = u.Host, u.Port()
	}
	return s
}

// Identifier is the resource as in an access token's audience (RFC 8707).
func (s *Server) Identifier() string { return s.o.Origin + s.o.Path }

// Guard refuses requests under a foreign Host and, for the resource itself,
// requests that a page of another origin sends; it also serves the metadata.
// Everything else goes to next.
func (s *Server) Guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		switch {
		case !s.knows(r.Host):
			Refuse(w, Problem{Status: http.StatusForbidden, Code: "forbidden", Description: "This server is not reached under that Host."})
		case r.URL.Path == MetadataPrefix+s.o.Path:
			s.serveMetadata(w, r)
		case r.Header.Get("Origin") != "" && r.Header.Get("Origin") != s.o.Origin:
			Refuse(w, Problem{Status: http.StatusForbidden, Code: "forbidden", Description: "Requests from pages of another origin are not served."})
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// knows reports whether host names this server: its own host, or a loopback
// name with its port, which no page on the web can have.
func (s *Server) knows(host string) bool {
	if host == s.host {
		return true
	}
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = strings.Trim(host, "[]"), ""
	}
	ip := net.ParseIP(name)
	return port == s.port && (name == "localhost" || ip != nil && ip.IsLoopback())
}

// serveMetadata answers RFC 9728 section 3.2. Any page may read it: it is
// public.
func (s *Server) serveMetadata(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		NotAllowed(w, "GET, HEAD")
		return
	}
	document := struct {
		Resource string                    `json:"resource"`
		Servers  []string                  `json:"authorization_servers"`
		Scopes   []string                  `json:"scopes_supported"`
		Methods  []string                  `json:"bearer_methods_supported"`
		Name     string                    `json:"resource_name"`
		Algs     []jose.SignatureAlgorithm `json:"dpop_signing_alg_values_supported,omitempty"`
		Required bool                      `json:"dpop_bound_access_tokens_required,omitempty"`
	}{s.Identifier(), []string{s.o.AuthorizationServer}, s.o.Scopes, []string{"header"}, s.o.Name, nil, s.o.Proofs.Required}
	if s.o.Proofs.Verifier != nil {
		document.Algs = dpop.Algs()
	}
	body, err := json.Marshal(document)
	if err != nil {
		Refuse(w, Problem{Status: http.StatusInternalServerError, Code: "server_error"})
		return
	}
	Write(w, http.StatusOK, body)
}

// Require reports whether all scopes were granted. If not, insufficient_scope
// is answered with all that the call needs (RFC 6750 section 3.1).
func (s *Server) Require(w http.ResponseWriter, a access.Access, scopes ...string) bool {
	missing := Missing(a, scopes...)
	if len(missing) == 0 {
		return true
	}
	s.challenge(w, refusal{status: http.StatusForbidden, code: "insufficient_scope", says: Lacks(missing), scopes: scopes, bound: a.Key != ""})
	return false
}

// Missing returns those of the scopes that were not granted.
func Missing(a access.Access, scopes ...string) []string {
	var missing []string
	for _, scope := range scopes {
		if !a.Has(scope) {
			missing = append(missing, scope)
		}
	}
	return missing
}

// Lacks says in a sentence that the scopes are missing.
func Lacks(scopes []string) string {
	return "The access token lacks the scope: " + strings.Join(scopes, " ") + "."
}

// quotable drops what may not stand inside a quoted parameter of RFC 6750
// section 3: anything but printable ASCII without the quote and the backslash.
func quotable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, s)
}
