package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"

	"waybill/connection"
	"waybill/fault"
	"waybill/secret"
	"waybill/transport"
)

// ProofAlg is the algorithm of every DPoP proof that is made here.
const ProofAlg = string(jose.ES256)

// proofType is the "typ" header of a DPoP proof (RFC 9449 section 4.2).
const proofType = "dpop+jwt"

// tokenTypeDPoP is the token_type of an access token that is bound to a key
// (RFC 9449 section 5), and headerDPoP the field that a proof stands in.
const (
	tokenTypeDPoP = "DPoP"
	headerDPoP    = "DPoP"
)

// ProofKey is the private key that the tokens of one sign-in are bound to: a
// P-256 key, as a JWK. It is made at the sign-in, sealed with its session,
// replaced at the next sign-in, and leaves the package only for the vault. What
// proves possession of it are DPoP proofs (RFC 9449), each good for one request.
type ProofKey struct{ secret.Text }

// NewProofKey makes a key.
func NewProofKey() ProofKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil { // never: the source of randomness does not fail
		return ProofKey{}
	}
	text, err := jose.JSONWebKey{Key: key}.MarshalJSON()
	if err != nil {
		return ProofKey{}
	}
	return ProofKey{secret.New(string(text))}
}

// proofKeyFor is a new key for a sign-in at a connection that asks for DPoP, and
// none for any other.
func proofKeyFor(c connection.Connection) ProofKey {
	if !c.DPoP {
		return ProofKey{}
	}
	return NewProofKey()
}

// Thumbprint is the JWK SHA-256 thumbprint of the public key (RFC 7638), by
// which tokens name it; "" if there is no key.
func (k ProofKey) Thumbprint() string {
	key, err := k.open()
	if err != nil {
		return ""
	}
	sum, err := (&jose.JSONWebKey{Key: key.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}

// open reads the key. The cause of an error is left out, since it could quote
// the key.
func (k ProofKey) open() (*ecdsa.PrivateKey, error) {
	var jwk jose.JSONWebKey
	if err := json.Unmarshal([]byte(k.Reveal()), &jwk); err != nil {
		return nil, noProofKey()
	}
	key, ok := jwk.Key.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, noProofKey()
	}
	return key, nil
}

func noProofKey() *fault.Fault {
	return fault.New("", fault.SignInNeeded, "no_proof_key", "This session has no key that tokens could be bound to (DPoP).").
		WithRemedy("Sign in again.")
}

// proof proves possession of the key for one request (RFC 9449 section 4.2). Its
// time is that of the server's clock, as far as that is known, and its nonce the
// newest that the server gave. token is the access token that is sent along;
// empty at a token endpoint.
func (k ProofKey) proof(t *transport.Client, method, address string, token secret.Text) (secret.Text, error) {
	key, err := k.open()
	if err != nil {
		return secret.Text{}, err
	}
	target, err := proofTarget(address)
	if err != nil {
		return secret.Text{}, err
	}
	now := time.Now()
	if skew, ok := t.ServerClock(address); ok {
		now = now.Add(skew)
	}
	claims := map[string]any{"jti": rand.Text(), "htm": method, "htu": target, "iat": now.Unix()}
	if nonce := t.DPoPNonce(address); nonce != "" {
		claims["nonce"] = nonce
	}
	if !token.Empty() {
		sum := sha256.Sum256([]byte(token.Reveal()))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return signProof(key, claims)
}

// proofTarget is the address of a request without its query and fragment, as
// htu names it.
func proofTarget(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", fault.As(err)
	}
	u.User, u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = nil, "", false, "", ""
	return u.String(), nil
}

// signProof signs the claims, with the public key in the header.
func signProof(key *ecdsa.PrivateKey, claims map[string]any) (secret.Text, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return secret.Text{}, fault.As(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{EmbedJWK: true}).WithType(proofType))
	if err != nil {
		return secret.Text{}, noProofKey()
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return secret.Text{}, noProofKey()
	}
	compact, err := signed.CompactSerialize()
	return secret.New(compact), err
}

// Proof proves possession of the key that token, which Token has returned, is
// bound to: for one request with this method to this address. It is for
// connections that ask for DPoP. The key itself is never handed out.
func (l *Ladder) Proof(token secret.Text, method, address string) (secret.Text, error) {
	l.mu.Lock()
	key := ProofKey{}
	// A key changes with the sign-in only, so the newest fits a token too that
	// another one has replaced meanwhile.
	for _, a := range []*Access{l.last, l.cached} {
		if a != nil && (key.Empty() || a.Token.Equal(token)) {
			key = a.key
		}
	}
	l.mu.Unlock()
	proof, err := key.proof(l.o.Transport, method, address, token)
	if err != nil {
		return secret.Text{}, at(fault.StepCall, err)
	}
	return proof, nil
}

// WithProofKey returns s, or, where c asks for DPoP and s began without a key, a
// copy of it with a new one. Save that before it is used.
func (s *Session) WithProofKey(c connection.Connection) (with *Session, made bool) {
	if !c.DPoP || !s.ProofKey.Empty() {
		return s, false
	}
	changed := *s
	changed.ProofKey = NewProofKey()
	return &changed, true
}

// confirmation checks what an ID-JAG says of the key that it is bound to (RFC
// 9449 section 6.1, draft-ietf-oauth-identity-assertion-authz-grant section
// 9.8.1.1). An answer that leaves the binding out is a downgrade, and one that
// nobody asked for cannot be used.
func (c *IDJAGClaims) confirmation(thumbprint string) []Check {
	there := c.Confirmation != nil
	switch {
	case thumbprint == "" && !there:
		return nil
	case thumbprint == "":
		return []Check{must("key", false, "it is bound to a key (cnf), and this connection does not use DPoP, so possession of that key could not be proved")}
	case !there:
		return []Check{must("key", false, "it is not bound to this app's key (it has no cnf), though the request proved possession of one (DPoP)")}
	}
	return []Check{must("key", c.Confirmation.Thumbprint == thumbprint, "it is bound to another key (cnf) than this app's")}
}

// ProofThumbprint is the thumbprint (RFC 7638) of the key in a DPoP proof's header
// (RFC 9449 section 4.2), "" for what is no proof. The proof is not verified.
func ProofThumbprint(proof secret.Text) string {
	token, err := parseCompact(proof.Reveal())
	if err != nil {
		return ""
	}
	var key jose.JSONWebKey
	if json.Unmarshal(token.header["jwk"], &key) != nil || !key.IsPublic() {
		return ""
	}
	sum, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}

// Confirmation is the claim "cnf" of an ID-JAG (RFC 7800).
type Confirmation struct {
	Thumbprint string // jkt (RFC 9449 section 6.1); "" if it names its key in another way
}

func readConfirmation(said claims) *Confirmation {
	raw := said["cnf"]
	if isNull(raw) {
		return nil
	}
	members, err := parseClaims(raw)
	if err != nil {
		return &Confirmation{}
	}
	jkt, _ := members.text("jkt")
	return &Confirmation{jkt}
}

// asksForNonce reports whether a token endpoint refused a request only because
// its proof lacked the server's nonce, and gave one (RFC 9449 section 8).
func (r *refusal) asksForNonce() bool { return r != nil && r.code == codeNonce && r.nonce }

// codeNonce and codeProof are the error codes of RFC 9449 sections 8 and 5.
const (
	codeNonce = "use_dpop_nonce"
	codeProof = "invalid_dpop_proof"
)

// withProof returns a copy of req that carries proof, or req where there is
// none.
func withProof(req *http.Request, proof secret.Text) *http.Request {
	if proof.Empty() {
		return req
	}
	out := req.Clone(req.Context())
	out.Header.Set(headerDPoP, proof.Reveal())
	return out
}
