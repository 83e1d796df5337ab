package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"waybill/connection"
	"waybill/internal/virtualnet"
	"waybill/secret"
	"waybill/transport"
)

const standInClient = "client_test"

// signingKey is a key that tokens are signed with by hand, so that every rule
// can be broken.
type signingKey struct {
	alg     jose.SignatureAlgorithm
	kid     string
	private crypto.Signer
}

// RSA keys are slow to make, so the tests share two.
var rsaKey, otherRSAKey = sync.OnceValue(makeRSAKey), sync.OnceValue(makeRSAKey)

func makeRSAKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

// strangersKey is a key that newSigningKey never returns.
func strangersKey(alg jose.SignatureAlgorithm, kid string) *signingKey {
	k := newSigningKey(alg, kid)
	if k.private == crypto.Signer(rsaKey()) {
		k.private = otherRSAKey()
	}
	return k
}

func newSigningKey(alg jose.SignatureAlgorithm, kid string) *signingKey {
	var private crypto.Signer
	switch alg {
	case jose.ES256:
		private, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jose.ES384:
		private, _ = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case jose.EdDSA:
		_, private, _ = ed25519.GenerateKey(rand.Reader)
	default:
		private = rsaKey()
	}
	return &signingKey{alg, kid, private}
}

// jwk is the public key as a member of a key set, with changes.
func (k *signingKey) jwk(changes map[string]any) map[string]any {
	data, err := jose.JSONWebKey{Key: k.private.Public(), KeyID: k.kid}.MarshalJSON()
	if err != nil {
		panic(err)
	}
	out := map[string]any{}
	_ = json.Unmarshal(data, &out)
	return changed(out, changes)
}

// changed returns base with changes; a nil value takes a member away.
func changed(base map[string]any, changes ...map[string]any) map[string]any {
	out := maps.Clone(base)
	for _, c := range changes {
		for name, value := range c {
			out[name] = value
			if value == nil {
				delete(out, name)
			}
		}
	}
	return out
}

// signature is made with the primitives, since jose would not sign the headers
// that these tests need.
func (k *signingKey) signature(input []byte) []byte {
	switch private := k.private.(type) {
	case *ecdsa.PrivateKey:
		hash := crypto.SHA256
		if k.alg == jose.ES384 {
			hash = crypto.SHA384
		}
		h := hash.New()
		h.Write(input)
		r, s, err := ecdsa.Sign(rand.Reader, private, h.Sum(nil))
		if err != nil {
			panic(err)
		}
		size := (private.Params().BitSize + 7) / 8
		return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
	case *rsa.PrivateKey:
		h := crypto.SHA256.New()
		h.Write(input)
		var opts crypto.SignerOpts = crypto.SHA256
		if k.alg == jose.PS256 {
			opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
		}
		out, err := private.Sign(rand.Reader, h.Sum(nil), opts)
		if err != nil {
			panic(err)
		}
		return out
	default:
		out, err := k.private.Sign(rand.Reader, input, crypto.Hash(0))
		if err != nil {
			panic(err)
		}
		return out
	}
}

func b64(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// raw signs any header and payload.
func (k *signingKey) raw(header, payload string) string {
	input := b64([]byte(header)) + "." + b64([]byte(payload))
	return input + "." + b64(k.signature([]byte(input)))
}

func jsonOf(value any) string {
	data, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// token signs the claims with the key's own header, changed.
func (k *signingKey) token(claims, header map[string]any) string {
	base := map[string]any{"alg": string(k.alg), "kid": k.kid, "typ": "JWT"}
	return k.raw(jsonOf(changed(base, header)), jsonOf(claims))
}

// standIn is an identity provider of the test's own at https://idp.example. Its
// fields may be changed at any time under mu.
type standIn struct {
	mu       sync.Mutex
	issuer   string
	keys     []map[string]any
	metadata map[string]any // changes of the metadata
	claims   map[string]any // changes of the ID token
	header   map[string]any // changes of its header
	answer   map[string]any // changes of the token answer
	status   int            // of the token answer; 0: 200
	signer   *signingKey
	requests map[string]int // by path
	forms    []url.Values   // of the token endpoint
	basic    []string       // Authorization headers of the token endpoint
	proofs   []string       // DPoP headers of the token endpoint
	nonce    string
	delay    time.Duration // of the token and the revocation endpoint
	keysBody []byte        // instead of keys
	keysCode int
}

func newStandIn(issuer string) *standIn {
	s := &standIn{issuer: issuer, signer: newSigningKey(jose.ES256, "one"), requests: map[string]int{}}
	s.keys = []map[string]any{s.signer.jwk(nil)}
	return s
}

func (s *standIn) change(f func(*standIn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

func (s *standIn) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[path]
}

func (s *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests[r.URL.Path]++
	delay := s.delay
	s.mu.Unlock()
	if (r.URL.Path == "/token" || r.URL.Path == "/revoke") && delay > 0 {
		select {
		case <-time.After(delay):
		case <-r.Context().Done():
			return
		}
	}
	status, body := s.reply(r)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // without the lock: in a bubble, nobody may wait for it while this waits
}

func (s *standIn) reply(r *http.Request) (status int, body []byte) {
	_ = r.ParseForm()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		return http.StatusOK, []byte(jsonOf(changed(map[string]any{
			"issuer": s.issuer, "authorization_endpoint": s.issuer + "/authorize", "token_endpoint": s.issuer + "/token", "jwks_uri": s.issuer + "/jwks",
			"end_session_endpoint": s.issuer + "/session/end", "authorization_response_iss_parameter_supported": true,
			"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
		}, s.metadata)))
	case "/jwks":
		if s.keysBody != nil {
			return max(s.keysCode, http.StatusOK), s.keysBody
		}
		return max(s.keysCode, http.StatusOK), []byte(jsonOf(map[string]any{"keys": s.keys}))
	case "/token":
		s.proofs = append(s.proofs, r.Header.Get("DPoP"))
		s.forms, s.basic = append(s.forms, r.PostForm), append(s.basic, r.Header.Get("Authorization"))
		return max(s.status, http.StatusOK), []byte(jsonOf(changed(map[string]any{
			"access_token": "idp-access-token", "token_type": "Bearer", "expires_in": 600, "refresh_token": "refresh-1",
			"id_token": s.idToken(nil),
		}, s.answer)))
	case "/revoke":
		s.forms, s.basic = append(s.forms, r.PostForm), append(s.basic, r.Header.Get("Authorization"))
		return max(s.status, http.StatusOK), nil
	}
	return http.StatusNotFound, nil
}

// idToken is a good ID token, with the stand-in's changes and these.
func (s *standIn) idToken(changes map[string]any) string {
	return s.signer.token(changed(changed(s.goodClaims(), s.claims), changes), s.header)
}

func (s *standIn) goodClaims() map[string]any {
	now := time.Now().Unix()
	c := map[string]any{
		"iss": s.issuer, "aud": standInClient, "sub": "user-1", "iat": now, "exp": now + 600, "email": "ann@example.com", "name": "Ann",
	}
	if s.nonce != "" {
		c["nonce"] = s.nonce
	}
	return c
}

// serve puts the stand-in on the network and returns a client for it.
func (s *standIn) serve(t *testing.T, n *virtualnet.Network) *transport.Client {
	t.Helper()
	host := strings.TrimPrefix(s.issuer, "https://")
	n.Serve(host, s)
	c := transport.New(transport.Options{DialContext: n.DialContext, RootCAs: n.CertPool()})
	t.Cleanup(func() { c.CloseIdle(); n.Close() })
	return c
}

func (s *standIn) connection() connection.Connection {
	return connection.Connection{
		Name: "test", RedirectURI: "http://127.0.0.1:8765/callback",
		IdP:      connection.IdP{Issuer: s.issuer, ClientID: standInClient},
		Resource: connection.Resource{Kind: connection.REST, URL: "https://api.example", ClientID: standInClient + "-at-todo0"},
	}
}

func rawIDToken(text string) IDToken { return IDToken{secret.New(text)} }
