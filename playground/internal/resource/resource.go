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

	"waybill/playground/internal/access"
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
	body, err := json.Marshal(struct {
		Resource string   `json:"resource"`
		Servers  []string `json:"authorization_servers"`
		Scopes   []string `json:"scopes_supported"`
		Methods  []string `json:"bearer_methods_supported"`
		Name     string   `json:"resource_name"`
	}{s.Identifier(), []string{s.o.AuthorizationServer}, s.o.Scopes, []string{"header"}, s.o.Name})
	if err != nil {
		Refuse(w, Problem{Status: http.StatusInternalServerError, Code: "server_error"})
		return
	}
	Write(w, http.StatusOK, body)
}

// Authenticate checks the request's bearer token. Where it is missing or not
// good for this resource, the answer is written and ok is false.
func (s *Server) Authenticate(w http.ResponseWriter, r *http.Request) (a access.Access, ok bool) {
	values := r.Header.Values("Authorization")
	if len(values) > 1 {
		s.challenge(w, http.StatusBadRequest, "invalid_request", "There is more than one Authorization header.", nil)
		return a, false
	}
	scheme, bearer, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if bearer = strings.Trim(bearer, " "); !strings.EqualFold(scheme, "Bearer") {
		s.challenge(w, http.StatusUnauthorized, "", "A bearer token is needed.", nil)
		return a, false
	}
	if bearer == "" || len(bearer) > maxBearer || strings.ContainsAny(bearer, " \t,\"") {
		s.challenge(w, http.StatusUnauthorized, "invalid_token", "The access token is not well formed.", nil)
		return a, false
	}
	a, err := s.o.Verifier.Verify(r.Context(), bearer)
	if err != nil {
		s.challenge(w, http.StatusUnauthorized, "invalid_token", describe(err), nil)
		return a, false
	}
	if a.Audience != s.Identifier() {
		s.challenge(w, http.StatusUnauthorized, "invalid_token", "The access token was issued for another resource (aud).", nil)
		return a, false
	}
	return a, true
}

// Require reports whether all scopes were granted. If not, insufficient_scope
// is answered with all that the call needs (RFC 6750 section 3.1).
func (s *Server) Require(w http.ResponseWriter, a access.Access, scopes ...string) bool {
	missing := Missing(a, scopes...)
	if len(missing) == 0 {
		return true
	}
	s.challenge(w, http.StatusForbidden, "insufficient_scope", Lacks(missing), scopes)
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

// challenge answers with a Bearer challenge (RFC 6750 section 3, RFC 9728
// section 5.1). A request without a token is told no error code.
func (s *Server) challenge(w http.ResponseWriter, status int, code, description string, scopes []string) {
	parts := []string{}
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+`="`+quotable(value)+`"`)
		}
	}
	add("error", code)
	if code != "" {
		add("error_description", description)
	}
	add("scope", strings.Join(scopes, " "))
	add("resource_metadata", s.o.Origin+MetadataPrefix+s.o.Path)
	w.Header().Set("WWW-Authenticate", "Bearer "+strings.Join(parts, ", "))
	if code == "" {
		code = "unauthorized"
	}
	Refuse(w, Problem{Status: status, Code: code, Description: description})
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
