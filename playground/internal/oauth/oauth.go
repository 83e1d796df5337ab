// Package oauth holds what the playground's two token endpoints have in common:
// how a request is read, how an error is answered, and how a client
// authenticates.
//
// Invariant: a parameter is looked at only if it was sent once and in the body
// (RFC 6749 section 3.2); a client is known only after exactly one method of
// authentication succeeded, compared in constant time; an answer that carries
// or refuses a token is never cached (section 5.1).
package oauth

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// The URNs of the grants and tokens (RFC 8693 section 3, RFC 7523 section 2.1,
// draft-ietf-oauth-identity-assertion-authz-grant-04 sections 4.3 and 7.2).
const (
	GrantCode     = "authorization_code"
	GrantRefresh  = "refresh_token"
	GrantExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	GrantBearer   = "urn:ietf:params:oauth:grant-type:jwt-bearer"

	TypeIDToken      = "urn:ietf:params:oauth:token-type:id_token"
	TypeRefreshToken = "urn:ietf:params:oauth:token-type:refresh_token"
	TypeIDJAG        = "urn:ietf:params:oauth:token-type:id-jag"

	ProfileIDJAG = "urn:ietf:params:oauth:grant-profile:id-jag"

	// The typ headers of the JWTs (RFC 7519 section 5.1, RFC 9068 section 2.1).
	JWTIDToken     = "JWT"
	JWTIDJAG       = "oauth-id-jag+jwt"
	JWTAccessToken = "at+jwt"
)

// GrantName is a grant_type for the log, where nothing stands that a client made
// up: it could be a secret in the wrong field. Descriptions quote what was sent
// and are therefore for the answer only.
func GrantName(grantType string) string {
	if slices.Contains([]string{GrantCode, GrantRefresh, GrantExchange, GrantBearer}, grantType) {
		return grantType
	}
	return "other"
}

// MaxForm is the most that a request's body may have, in bytes.
const MaxForm = 64 << 10

// Error is an answer by RFC 6749 section 5.2. Its description is one sentence
// that holds no secret and no token.
type Error struct {
	Status      int
	Code        string
	Description string
	Extra       map[string]any // further members, such as max_age
}

// Error is the code and the description.
func (e *Error) Error() string { return e.Code + ": " + e.Description }

// Errorf makes an Error with status 400.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Code: code, Description: fmt.Sprintf(format, args...)}
}

// Internal is the Error for a fault of the server's own, which the caller logs.
func Internal() *Error {
	return &Error{Status: http.StatusInternalServerError, Code: "server_error", Description: "The playground could not save its state."}
}

// Write answers with e. The description is reduced to the characters that
// RFC 6749 section 5.2 allows in it.
func (e *Error) Write(w http.ResponseWriter) {
	body := map[string]any{"error": e.Code}
	if e.Description != "" {
		body["error_description"] = Plain(e.Description)
	}
	for name, value := range e.Extra {
		body[name] = value
	}
	if e.Status == http.StatusUnauthorized && w.Header().Get("WWW-Authenticate") == "" {
		w.Header().Set("WWW-Authenticate", `Basic realm="playground", charset="UTF-8"`)
	}
	WriteJSON(w, e.Status, body)
}

// Plain replaces what error_description must not hold: everything outside
// printable ASCII, the double quote and the backslash.
func Plain(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"':
			return '\''
		case r < 0x20 || r > 0x7e || r == '\\':
			return '?'
		}
		return r
	}, text)
}

// WriteJSON answers with a value that must not be cached.
func WriteJSON(w http.ResponseWriter, status int, value any) {
	raw, err := json.Marshal(value)
	if err != nil {
		http.Error(w, "the answer could not be written", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	w.WriteHeader(status)
	_, _ = w.Write(append(raw, '\n'))
}

// ReadForm reads the parameters of a POST from its body (RFC 6749 appendix B).
// An empty value counts as left out (section 3.2). Parameters in the address
// are refused, since addresses end up in logs; so is a parameter sent twice,
// unless it is named in repeatable.
func ReadForm(r *http.Request, repeatable ...string) (url.Values, *Error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, Errorf("invalid_request", "The body has to be application/x-www-form-urlencoded.")
	}
	if r.URL.RawQuery != "" {
		return nil, Errorf("invalid_request", "Parameters belong in the body, not in the address.")
	}
	raw, err := io.ReadAll(io.LimitReader(r.Body, MaxForm+1))
	if err != nil {
		return nil, Errorf("invalid_request", "The body could not be read.")
	}
	if len(raw) > MaxForm {
		return nil, &Error{Status: http.StatusRequestEntityTooLarge, Code: "invalid_request", Description: "The body is too long."}
	}
	return ParseForm(string(raw), repeatable...)
}

// ParseForm reads parameters as ReadForm does.
func ParseForm(raw string, repeatable ...string) (url.Values, *Error) {
	if strings.Count(raw, "&") > 100 {
		return nil, Errorf("invalid_request", "There are too many parameters.")
	}
	form, err := url.ParseQuery(raw)
	if err != nil {
		return nil, Errorf("invalid_request", "The parameters are not form-encoded.")
	}
	for name, values := range form {
		for _, v := range values {
			if !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
				return nil, Errorf("invalid_request", "A parameter is not UTF-8 text.")
			}
		}
		if len(values) > 1 && !slices.Contains(repeatable, name) {
			return nil, Errorf("invalid_request", "The parameter %s was sent more than once.", Plain(cut(name, 40)))
		}
		if len(values) == 1 && values[0] == "" {
			delete(form, name)
		}
	}
	return form, nil
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "..."
}

// Quote shows a value that a client sent, cut, in a description.
func Quote(value string) string { return "'" + Plain(cut(value, 120)) + "'" }

// Scopes splits a scope parameter (RFC 6749 section 3.3), dropping repetitions
// and keeping the order. It fails on characters that a scope cannot have.
func Scopes(raw string) ([]string, *Error) {
	var scopes []string
	for _, scope := range strings.Fields(raw) {
		for i := 0; i < len(scope); i++ {
			if c := scope[i]; c < 0x21 || c > 0x7e || c == '"' || c == '\\' {
				return nil, Errorf("invalid_scope", "The scope holds a character that no scope can have.")
			}
		}
		if !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	return scopes, nil
}

// documentAge is how long a public document may be taken from a cache, in
// seconds. Clients fetch keys anew when a kid is new to them.
const documentAge = "300"

// WriteDocument answers with a public JSON document: metadata or keys. It has
// an ETag, so that asking again costs next to nothing.
func WriteDocument(w http.ResponseWriter, r *http.Request, value any) {
	raw, err := json.Marshal(value)
	if err != nil {
		http.Error(w, "the document could not be written", http.StatusInternalServerError)
		return
	}
	sum := sha256.Sum256(raw)
	tag := `"` + hex.EncodeToString(sum[:12]) + `"`
	h := w.Header()
	h.Set("Cache-Control", "max-age="+documentAge)
	h.Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "application/json")
	_, _ = w.Write(append(raw, '\n'))
}
