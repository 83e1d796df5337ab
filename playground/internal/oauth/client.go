package oauth

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"waybill/secret"
)

// The methods of client authentication, as metadata names them.
const (
	MethodBasic = "client_secret_basic"
	MethodPost  = "client_secret_post"
	MethodKey   = "private_key_jwt"
	MethodNone  = "none"
)

// AssertionType is the client_assertion_type of private_key_jwt (RFC 7523
// section 2.2).
const AssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// Algs are the algorithms of other parties' JWTs that are taken: asymmetric ones
// only (RFC 8725 section 3.1).
func Algs() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.ES384, jose.EdDSA}
}

// Limits of client assertions: how long one may live (as at Okta), how far
// clocks may differ, and how long a jti may be.
const (
	maxAssertionLife = time.Hour
	Skew             = 30 * time.Second
	MaxID            = 256
)

// Credential is how one registration authenticates. A client with neither
// secret nor keys is public.
type Credential struct {
	ID     string
	Secret secret.Text
	Keys   jose.JSONWebKeySet
	Public bool
}

// Authenticator finds out which client sent a request.
type Authenticator struct {
	Find      func(id string) (Credential, bool)
	Hint      func(id string) string // one sentence on an id that Find does not know; may be empty
	Audiences []string               // what aud of an assertion may be: the token endpoint and the issuer
	Now       func() time.Time

	// Spend marks what as used until then, durably, and reports whether it
	// was fresh.
	Spend func(what string, until time.Time) (bool, error)
}

// NewAuthenticator makes the Authenticator of the token endpoint at issuer +
// "/token". A nil hint knows nothing.
func NewAuthenticator(issuer string, find func(id string) (Credential, bool), hint func(id string) string,
	now func() time.Time, spend func(what string, until time.Time) (bool, error)) *Authenticator {
	if hint == nil {
		hint = func(string) string { return "" }
	}
	return &Authenticator{Find: find, Hint: hint, Audiences: []string{strings.TrimSuffix(issuer, "/") + "/token", issuer}, Now: now, Spend: spend}
}

// Methods are the methods of client authentication, for metadata; public says
// whether a client is registered that authenticates with its id alone.
func (a *Authenticator) Methods(public bool) []string {
	methods := []string{MethodBasic, MethodPost, MethodKey}
	if public {
		methods = append(methods, MethodNone)
	}
	return methods
}

// claim is what a request says about its client before that is checked.
type claim struct {
	id        string
	method    string
	secret    secret.Text
	assertion string
}

// Authenticate checks the client's credentials. The form is the request's, as
// read by ReadForm.
func (a *Authenticator) Authenticate(r *http.Request, form url.Values) (string, *Error) {
	c, refused := readClaim(r, form)
	if refused != nil {
		return "", refused
	}
	known, ok := a.Find(c.id)
	if !ok {
		hint := a.Hint(c.id)
		if hint == "" {
			hint = "No client is registered here under the id " + Quote(c.id) + "."
		}
		return "", unauthorized(hint)
	}
	switch {
	case c.method == MethodKey:
		return c.id, a.checkAssertion(known, c.assertion)
	case c.method == MethodNone && known.Public:
		return c.id, nil
	case c.method == MethodNone:
		return "", unauthorized("The client " + Quote(c.id) + " has to authenticate, and the request has neither a client secret nor an assertion.")
	case known.Secret.Empty():
		return "", unauthorized("The client " + Quote(c.id) + " has no secret; it authenticates in another way.")
	case !sameSecret(known.Secret, c.secret):
		return "", unauthorized("The client secret is wrong for " + Quote(c.id) + ".")
	}
	return c.id, nil
}

// sameSecret compares hashes, so that not even the length is told by the time.
func sameSecret(a, b secret.Text) bool {
	x, y := sha256.Sum256([]byte(a.Reveal())), sha256.Sum256([]byte(b.Reveal()))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

func unauthorized(description string) *Error {
	return &Error{Status: http.StatusUnauthorized, Code: "invalid_client", Description: description}
}

// readClaim finds the one method that the request uses; two are refused
// (RFC 6749 section 2.3).
func readClaim(r *http.Request, form url.Values) (claim, *Error) {
	c := claim{id: form.Get("client_id"), method: MethodNone}
	methods := 0
	if header := r.Header.Values("Authorization"); len(header) > 0 {
		methods++
		id, text, ok := parseBasic(header)
		if !ok {
			return c, unauthorized("The Authorization header is no Basic authentication with a form-encoded id and secret.")
		}
		if c.id != "" && c.id != id {
			return c, Errorf("invalid_request", "The Authorization header and client_id name different clients.")
		}
		c.id, c.secret, c.method = id, text, MethodBasic
	}
	if form.Has("client_secret") {
		methods++
		c.secret, c.method = secret.New(form.Get("client_secret")), MethodPost
	}
	if form.Has("client_assertion") || form.Has("client_assertion_type") {
		methods++
		if form.Get("client_assertion_type") != AssertionType || !form.Has("client_assertion") {
			return c, Errorf("invalid_request", "client_assertion needs client_assertion_type %s.", AssertionType)
		}
		c.assertion, c.method = form.Get("client_assertion"), MethodKey
		subject := assertionSubject(c.assertion)
		if c.id != "" && c.id != subject {
			return c, unauthorized("The assertion's subject is not the client_id.")
		}
		c.id = subject
	}
	if methods > 1 {
		return c, Errorf("invalid_request", "The request authenticates the client in more than one way.")
	}
	if c.id == "" {
		return c, unauthorized("The request names no client: client_id is missing.")
	}
	return c, nil
}

// parseBasic reads HTTP Basic authentication, whose two halves are form-encoded
// first (RFC 6749 section 2.3.1).
func parseBasic(header []string) (string, secret.Text, bool) {
	if len(header) != 1 {
		return "", secret.Text{}, false
	}
	carrier := http.Request{Header: http.Header{"Authorization": header}}
	user, password, ok := carrier.BasicAuth()
	if !ok {
		return "", secret.Text{}, false
	}
	id, err1 := url.QueryUnescape(user)
	text, err2 := url.QueryUnescape(password)
	return id, secret.New(text), err1 == nil && err2 == nil && id != ""
}

// assertionSubject reads the client's id from an assertion that is not verified
// yet; "" if it has none.
func assertionSubject(raw string) string {
	token, err := jwt.ParseSigned(raw, Algs())
	if err != nil {
		return ""
	}
	var claims jwt.Claims
	if token.UnsafeClaimsWithoutVerification(&claims) != nil {
		return ""
	}
	return claims.Subject
}

// checkAssertion checks a client's JWT (RFC 7523 section 3, OpenID Connect Core
// section 9). Its jti is spent last.
func (a *Authenticator) checkAssertion(known Credential, raw string) *Error {
	claims, problem := verifyAssertion(known.Keys, raw)
	if problem == "" {
		problem = a.problem(known.ID, claims)
	}
	if problem != "" {
		return unauthorized("The client assertion " + problem)
	}
	fresh, err := a.Spend("assertion "+known.ID+" "+claims.ID, claims.Expiry.Time().Add(Skew))
	if err != nil {
		return Internal()
	}
	if !fresh {
		return unauthorized("The client assertion was used before (jti).")
	}
	return nil
}

func verifyAssertion(set jose.JSONWebKeySet, raw string) (jwt.Claims, string) {
	var claims jwt.Claims
	token, err := jwt.ParseSigned(raw, Algs())
	if err != nil || len(token.Headers) != 1 {
		return claims, "is no signed JWT with an algorithm that is taken here."
	}
	for _, key := range set.Keys {
		if id := token.Headers[0].KeyID; id != "" && key.KeyID != "" && id != key.KeyID {
			continue
		}
		if !Usable(key, token.Headers[0].Algorithm) {
			continue
		}
		if token.Claims(key.Key, &claims) == nil {
			return claims, ""
		}
	}
	return claims, "is signed by none of the client's keys."
}

// Usable reports whether a published key may verify a signature of alg
// (RFC 7517 section 4).
func Usable(key jose.JSONWebKey, alg string) bool {
	return key.Valid() && key.IsPublic() && key.Use != "enc" && (key.Algorithm == "" || key.Algorithm == alg)
}

// problem says what is wrong with an assertion's claims, "" if nothing is.
func (a *Authenticator) problem(id string, c jwt.Claims) string {
	now := a.Now()
	switch {
	case c.Issuer != id || c.Subject != id:
		return "must have the client id as iss and sub."
	case len(c.Audience) != 1 || !slices.Contains(a.Audiences, c.Audience[0]):
		return "must have this server's token endpoint or issuer as its one aud: " + strings.Join(a.Audiences, " or ") + "."
	case c.Expiry == nil:
		return "has no exp."
	case now.After(c.Expiry.Time().Add(Skew)):
		return "has expired."
	case c.Expiry.Time().Sub(now) > maxAssertionLife+Skew:
		return "lives longer than an hour."
	case c.IssuedAt != nil && c.IssuedAt.Time().After(now.Add(Skew)):
		return "was issued in the future; check the clock."
	case c.NotBefore != nil && c.NotBefore.Time().After(now.Add(Skew)):
		return "is not valid yet; check the clock."
	case c.ID == "" || len(c.ID) > MaxID:
		return "has no jti of 1 to 256 characters."
	}
	return ""
}
