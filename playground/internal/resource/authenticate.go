package resource

import (
	"net/http"
	"strings"

	"waybill/playground/internal/access"
	"waybill/playground/internal/dpop"
)

// The schemes of the Authorization header (RFC 6750 section 2.1, RFC 9449 section
// 7.1), in lower case.
const (
	schemeBearer = "bearer"
	schemeDPoP   = "dpop"
)

// refusal is what a challenge says.
type refusal struct {
	status int
	code   string // "": the request has no token, and is told no error
	says   string
	scopes []string
	bound  bool // the request used the DPoP scheme
}

// Authenticate checks the request's access token, and, where that is bound to a
// key, the proof beside it. Where one of them is missing or not good for this
// resource, the answer is written and ok is false.
func (s *Server) Authenticate(w http.ResponseWriter, r *http.Request) (a access.Access, ok bool) {
	if s.o.Proofs.Verifier != nil {
		s.o.Proofs.Offer(w.Header())
	}
	a, refused := s.admit(r)
	if refused != nil {
		s.challenge(w, *refused)
		return access.Access{}, false
	}
	return a, true
}

func (s *Server) admit(r *http.Request) (access.Access, *refusal) {
	values := r.Header.Values("Authorization")
	if len(values) > 1 {
		return access.Access{}, &refusal{status: http.StatusBadRequest, code: "invalid_request", says: "There is more than one Authorization header."}
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	scheme, token = strings.ToLower(scheme), strings.Trim(token, " ")
	bound := scheme == schemeDPoP && s.o.Proofs.Verifier != nil
	if !bound && scheme != schemeBearer {
		says := "A bearer token is needed."
		if s.o.Proofs.Required {
			says = "An access token that is bound to a key is needed (DPoP)."
		}
		return access.Access{}, &refusal{status: http.StatusUnauthorized, says: says}
	}
	invalid := func(says string) *refusal {
		return &refusal{status: http.StatusUnauthorized, code: "invalid_token", says: says, bound: bound}
	}
	if token == "" || len(token) > maxBearer || strings.ContainsAny(token, " \t,\"") {
		return access.Access{}, invalid("The access token is not well formed.")
	}
	a, err := s.o.Verifier.Verify(r.Context(), token)
	switch {
	case err != nil:
		return a, invalid(describe(err))
	case a.Audience != s.Identifier():
		return a, invalid("The access token was issued for another resource (aud).")
	case !bound && a.Key != "":
		return a, invalid("The access token is bound to a key, so it is not taken as a bearer token.")
	case !bound && s.o.Proofs.Required:
		return a, invalid("Only access tokens that are bound to a key are taken here (DPoP).")
	case !bound:
		return a, nil
	}
	return a, s.possession(r, a, token)
}

// possession checks the proof of a request with a bound token (RFC 9449 section
// 7.1).
func (s *Server) possession(r *http.Request, a access.Access, token string) *refusal {
	refuse := func(code, says string) *refusal {
		return &refusal{status: http.StatusUnauthorized, code: code, says: says, bound: true}
	}
	if a.Key == "" {
		return refuse("invalid_token", "The access token is not bound to a key, so it is not taken under the scheme DPoP.")
	}
	scheme, _, _ := strings.Cut(s.o.Origin, "://")
	key, bad := s.o.Proofs.Check(r, scheme+"://"+r.Host+r.URL.EscapedPath(), token)
	switch {
	case bad != nil:
		return refuse(bad.Code, bad.Description)
	case key == "":
		return refuse(dpop.CodeProof, "The request has no DPoP proof.")
	case key != a.Key:
		return refuse("invalid_token", "The access token is bound to another key than that of the DPoP proof.")
	}
	return nil
}

// challenge answers with a Bearer or a DPoP challenge (RFC 6750 section 3, RFC
// 9449 section 7.1, RFC 9728 section 5.1): with the one whose scheme the request
// used, or with all that are taken here. A request without a token is told no
// error code.
func (s *Server) challenge(w http.ResponseWriter, f refusal) {
	parts := []string{}
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+`="`+quotable(value)+`"`)
		}
	}
	add("error", f.code)
	if f.code != "" {
		add("error_description", f.says)
	}
	add("scope", strings.Join(f.scopes, " "))
	add("resource_metadata", s.o.Origin+MetadataPrefix+s.o.Path)
	if !f.bound && !s.o.Proofs.Required {
		w.Header().Add("WWW-Authenticate", "Bearer "+strings.Join(parts, ", "))
	}
	if f.bound || s.o.Proofs.Required || f.code == "" && s.o.Proofs.Verifier != nil {
		w.Header().Add("WWW-Authenticate", "DPoP "+strings.Join(append(parts, `algs="`+algs()+`"`), ", "))
	}
	code := f.code
	if code == "" {
		code = "unauthorized"
	}
	Refuse(w, Problem{Status: f.status, Code: code, Description: f.says})
}

func algs() string {
	var names []string
	for _, alg := range dpop.Algs() {
		names = append(names, string(alg))
	}
	return strings.Join(names, " ")
}
