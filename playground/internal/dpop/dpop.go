// Package dpop verifies DPoP proofs (RFC 9449) for the playground's servers.
//
// Invariant: a thumbprint comes out only for a proof whose signature, method,
// address, time, token hash and, where it is demanded, nonce are those of the
// request that it came with, and for each proof only once.
package dpop

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"waybill/playground/internal/oauth"
)

// The error codes (RFC 9449 sections 5, 7.1, 8 and 9).
const (
	CodeProof = "invalid_dpop_proof"
	CodeNonce = "use_dpop_nonce"
)

// Header is the field that a proof stands in, and HeaderNonce the one in which a
// server gives the next nonce.
const (
	Header      = "DPoP"
	HeaderNonce = "DPoP-Nonce"
)

// Limits of a proof.
const (
	Window   = 60 * time.Second // how far iat may be from now, either way
	maxProof = 8 << 10          // bytes
)

// nonceLife is how long a nonce is the newest; it is taken for as long again.
const nonceLife = 5 * time.Minute

// proofType is the typ header (RFC 9449 section 4.2).
const proofType = "dpop+jwt"

// Verifier verifies the proofs that one server receives. It is safe for
// concurrent use. What it has seen it remembers for as long as it would be taken
// again, in memory.
type Verifier struct {
	now    func() time.Time
	demand bool
	secret [32]byte

	mu    sync.Mutex
	seen  map[[32]byte]time.Time // until when
	swept time.Time
}

// New makes a Verifier. With demandNonce a proof has to hold a nonce that this
// Verifier has given.
func New(now func() time.Time, demandNonce bool) *Verifier {
	v := &Verifier{now: now, demand: demandNonce, seen: map[[32]byte]time.Time{}}
	_, _ = rand.Read(v.secret[:]) // never fails
	return v
}

// Algs are the algorithms that a proof may be signed with, for metadata.
func Algs() []jose.SignatureAlgorithm { return oauth.Algs() }

// Refusal says why a proof was not taken. The description is one sentence that
// holds nothing secret.
type Refusal struct{ Code, Description string }

// claims are those of a proof (RFC 9449 section 4.2).
type claims struct {
	ID       string           `json:"jti"`
	Method   string           `json:"htm"`
	Target   string           `json:"htu"`
	IssuedAt *jwt.NumericDate `json:"iat"`
	Hash     string           `json:"ath"`
	Nonce    string           `json:"nonce"`
}

// Check verifies the proof of a request to the address target, which came with
// an access token or, where that is empty, without one (RFC 9449 section 4.3). It
// returns the thumbprint of the proof's key, "" if the request has no proof.
func (v *Verifier) Check(r *http.Request, target, token string) (thumbprint string, refused *Refusal) {
	fields := r.Header.Values(Header)
	switch {
	case len(fields) == 0:
		return "", nil
	case len(fields) > 1:
		return "", refuse("There is more than one DPoP header.")
	case len(fields[0]) > maxProof:
		return "", refuse("The DPoP proof is too long.")
	}
	key, said, problem := read(fields[0])
	if problem == "" {
		problem = v.problem(said, r.Method, target, token)
	}
	if problem != "" {
		return "", refuse("The DPoP proof " + problem)
	}
	if v.demand && !v.knows(said.Nonce) {
		return "", &Refusal{CodeNonce, "The DPoP proof needs the nonce that comes with this answer."}
	}
	sum, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", refuse("The DPoP proof has a key that cannot be named.")
	}
	thumbprint = base64.RawURLEncoding.EncodeToString(sum)
	if !v.fresh(thumbprint + " " + said.ID) {
		return "", refuse("The DPoP proof was used before (jti).")
	}
	return thumbprint, nil
}

func refuse(description string) *Refusal { return &Refusal{CodeProof, description} }

// read checks the form and the signature. The problem is the end of a sentence.
func read(raw string) (key *jose.JSONWebKey, said claims, problem string) {
	token, err := jwt.ParseSigned(raw, Algs())
	if err != nil || len(token.Headers) != 1 {
		return nil, said, "is no signed JWT with an algorithm that is taken here and a public key in its header."
	}
	header := token.Headers[0]
	if typ, _ := header.ExtraHeaders[jose.HeaderType].(string); typ != proofType {
		return nil, said, "has the typ " + oauth.Quote(typ) + " and not " + proofType + "."
	}
	key = header.JSONWebKey
	if key == nil || !key.Valid() || !key.IsPublic() {
		return nil, said, "has no public key (jwk) in its header."
	}
	if weak, ok := key.Key.(*rsa.PublicKey); ok && weak.N.BitLen() < 2048 {
		return nil, said, "is signed with a key shorter than 2048 bits."
	}
	if token.Claims(key.Key, &said) != nil {
		return nil, said, "is not signed by the key in its header, or a claim is of the wrong kind."
	}
	return key, said, ""
}

// problem says what is wrong with the claims as the end of a sentence, "" if
// nothing is.
func (v *Verifier) problem(said claims, method, target, token string) string {
	sum := sha256.Sum256([]byte(token))
	hash := base64.RawURLEncoding.EncodeToString(sum[:])
	switch {
	case said.ID == "" || len(said.ID) > oauth.MaxID:
		return "has no jti of 1 to 256 characters."
	case said.Method != method:
		return "is for the method " + oauth.Quote(said.Method) + " (htm)."
	case !sameTarget(said.Target, target):
		return "is for the address " + oauth.Quote(said.Target) + " (htu), not for " + target + "."
	case said.IssuedAt == nil:
		return "does not say when it was made (iat)."
	case said.IssuedAt.Time().Sub(v.now()).Abs() > Window:
		return "was made more than a minute ago or ahead (iat); check the clock."
	case token != "" && subtle.ConstantTimeCompare([]byte(said.Hash), []byte(hash)) != 1:
		return "is not for the access token that it came with (ath)."
	}
	return ""
}

// sameTarget compares two addresses without their queries and fragments, in the
// form of RFC 3986 sections 6.2.2 and 6.2.3.
func sameTarget(a, b string) bool {
	x, okX := plain(a)
	y, okY := plain(b)
	return okX && okY && x == y
}

func plain(address string) (string, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil {
		return "", false
	}
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	for usual, port := range map[string]string{"https": ":443", "http": ":80"} {
		if scheme == usual {
			host = strings.TrimSuffix(host, port)
		}
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	return scheme + "://" + host + path, true
}

// fresh marks what as seen, and reports whether it was not seen before.
func (v *Verifier) fresh(what string) bool {
	hash, now := sha256.Sum256([]byte(what)), v.now()
	v.mu.Lock()
	defer v.mu.Unlock()
	if now.Sub(v.swept) > Window {
		maps.DeleteFunc(v.seen, func(_ [32]byte, until time.Time) bool { return now.After(until) })
		v.swept = now
	}
	if until, used := v.seen[hash]; used && !now.After(until) {
		return false
	}
	v.seen[hash] = now.Add(2 * Window)
	return true
}

// Offer puts the newest nonce into an answer, where one is demanded (RFC 9449
// section 8.2).
func (v *Verifier) Offer(h http.Header) {
	if v.demand {
		h.Set(HeaderNonce, v.nonce(v.now()))
	}
}

// nonce is the one of the time at, which nobody else can make.
func (v *Verifier) nonce(at time.Time) string {
	mac := hmac.New(sha256.New, v.secret[:])
	var period [8]byte
	binary.BigEndian.PutUint64(period[:], uint64(at.Unix()/int64(nonceLife/time.Second)))
	_, _ = mac.Write(period[:])
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// knows reports whether nonce is the newest or the one before it.
func (v *Verifier) knows(nonce string) bool {
	now := v.now()
	return hmac.Equal([]byte(nonce), []byte(v.nonce(now))) || hmac.Equal([]byte(nonce), []byte(v.nonce(now.Add(-nonceLife))))
}

// Policy is how a server treats proofs.
type Policy struct {
	*Verifier // nil: proofs are not looked at
	Required  bool
}

// TokenRequest checks the proof of a request to the token endpoint at target. A
// proof that is missed where this client has to send one is refused like a bad
// one.
func (p Policy) TokenRequest(w http.ResponseWriter, r *http.Request, target string) (thumbprint string, refused *oauth.Error) {
	if p.Verifier == nil {
		return "", nil
	}
	p.Offer(w.Header())
	thumbprint, bad := p.Check(r, target, "")
	if bad != nil {
		return "", &oauth.Error{Status: http.StatusBadRequest, Code: bad.Code, Description: bad.Description}
	}
	return thumbprint, nil
}

// Confirmation is the claim "cnf" (RFC 9449 section 6.1).
type Confirmation struct {
	Thumbprint string `json:"jkt,omitempty"`
}

// Confirm makes the claim; nil for no key.
func Confirm(thumbprint string) *Confirmation {
	if thumbprint == "" {
		return nil
	}
	return &Confirmation{thumbprint}
}

// TokenType is the token_type of a token that is bound to a key, or to none.
func TokenType(thumbprint string) string {
	if thumbprint == "" {
		return "Bearer"
	}
	return "DPoP"
}
