package playground_test

import (
	"crypto/rsa"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// issuer is another identity provider, reached without a network.
type issuer struct {
	id       string
	claims   string // the issuer in its metadata
	jwks     string
	redirect string
	use      string
	html     bool
	endless  bool
	only8414 bool
	junk     bool
	down     atomic.Bool

	mu    sync.Mutex
	key   *rsa.PublicKey
	kid   string
	asked map[string]int
}

func newIssuer(id string, key *rsa.PrivateKey, kid string) *issuer {
	return &issuer{id: id, claims: id, jwks: id + "/keys", use: "sig", key: &key.PublicKey, kid: kid, asked: map[string]int{}}
}

func (i *issuer) rotate(key *rsa.PrivateKey, kid string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.key, i.kid = &key.PublicKey, kid
}

func (i *issuer) count(what string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked[what]
}

func (i *issuer) sign(t *testing.T, key *rsa.PrivateKey, kid string, claims map[string]any) string {
	t.Helper()
	claims["iss"] = i.id
	return sign(t, key, jose.RS256, kid, "oauth-id-jag+jwt", claims)
}

// RoundTrip implements http.RoundTripper.
func (i *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.asked[r.URL.Path]++
	if r.URL.Host == "evil.example" {
		i.asked["evil"]++
	}
	if i.down.Load() || r.URL.Hostname() != "trusted.example" && r.URL.Hostname() != "evil.example" {
		return nil, &url.Error{Op: r.Method, URL: r.URL.String(), Err: io.ErrUnexpectedEOF}
	}
	rec := httptest.NewRecorder()
	i.serve(rec, r)
	return rec.Result(), nil
}

func (i *issuer) serve(w http.ResponseWriter, r *http.Request) {
	metadata := map[string]string{"issuer": i.claims, "jwks_uri": i.jwks}
	switch {
	case i.redirect != "":
		http.Redirect(w, r, i.redirect, http.StatusFound)
	case i.html:
		_, _ = io.WriteString(w, "<html>please pay</html>")
	case i.endless:
		_, _ = io.WriteString(w, `{"issuer":"`+strings.Repeat("x", 300<<10)+`"}`)
	case r.URL.Path == "/keys":
		set := map[string]any{"keys": []any{jose.JSONWebKey{Key: i.key, KeyID: i.kid, Use: i.use}}}
		if i.junk {
			set["keys"] = append([]any{map[string]any{"kty": "future"}, 7, map[string]any{"kty": "RSA", "n": "AQAB", "e": "AQ"}}, set["keys"].([]any)...)
		}
		_ = json.NewEncoder(w).Encode(set)
	case r.URL.Path == "/.well-known/oauth-authorization-server", !i.only8414 && r.URL.Path == "/.well-known/openid-configuration":
		_ = json.NewEncoder(w).Encode(metadata)
	default:
		http.NotFound(w, r)
	}
}
