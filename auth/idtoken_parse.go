package auth

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// maxIDToken is how long an ID token may be, in bytes.
const maxIDToken = 64 << 10

// signingAlgs are the algorithms that an ID token may be signed with: all
// asymmetric. What an identity provider lists can narrow this, never widen it
// (RFC 8725 section 3.1).
var signingAlgs = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
	jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

var errNotJWS = errors.New("auth: not a JSON web signature in its compact form")

// compactJWS is a signed token whose signature nobody has checked yet.
type compactJWS struct {
	header  claims
	alg     jose.SignatureAlgorithm
	keyID   string // "" without one
	payload []byte
}

// parseCompact takes a JWS in its compact form (RFC 7515 section 7.1) apart.
// It refuses everything that this app has no use for: encrypted tokens, the
// JSON forms, unsigned tokens, symmetric algorithms, and headers that change
// how the token is to be read. It takes time proportional to the token, which
// is bounded.
func parseCompact(raw string) (*compactJWS, error) {
	if len(raw) > maxIDToken || strings.Count(raw, ".") != 2 {
		return nil, errNotJWS
	}
	var parts [3][]byte
	for i, text := range strings.Split(raw, ".") {
		part, err := base64.RawURLEncoding.Strict().DecodeString(text)
		if err != nil || len(part) == 0 || strings.ContainsAny(text, "\r\n") {
			return nil, errNotJWS
		}
		parts[i] = part
	}
	header, err := parseClaims(parts[0])
	if err != nil {
		return nil, errNotJWS
	}
	t := &compactJWS{header: header, payload: parts[1]}
	alg, _ := header.text("alg")
	t.alg = jose.SignatureAlgorithm(alg)
	if !slices.Contains(signingAlgs, t.alg) {
		return nil, errNotJWS
	}
	for _, name := range []string{"crit", "b64", "enc", "zip"} {
		if header.has(name) {
			return nil, errNotJWS
		}
	}
	if header.has("kid") {
		id, ok := header.text("kid")
		if !ok || len(id) > 1024 {
			return nil, errNotJWS
		}
		t.keyID = id
	}
	return t, nil
}

// isJWT reports whether the header says that this is a plain JWT, or says
// nothing. A token of another explicit type, such as an ID-JAG or an access
// token, is no ID token even if everything else fits (RFC 8725 section 3.11).
func (t *compactJWS) isJWT() bool {
	if !t.header.has("typ") {
		return true
	}
	kind, ok := t.header.text("typ")
	kind = strings.TrimPrefix(strings.ToLower(kind), "application/")
	return ok && kind == "jwt"
}
