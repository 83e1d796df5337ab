package dpop_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"waybill/playground/internal/dpop"
)

// The two proofs of RFC 9449 (section 5, figure 4, and section 7.1, figure 12),
// the access token of the second, and the key's thumbprint (section 6.1).
const (
	rfcHeader     = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19"
	rfcTokenProof = rfcHeader + ".eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
	rfcCallProof  = rfcHeader + ".eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
	rfcToken      = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
	rfcThumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
)

func request(method string, proofs ...string) *http.Request {
	r := &http.Request{Method: method, Header: http.Header{}}
	for _, p := range proofs {
		r.Header.Add(dpop.Header, p)
	}
	return r
}

func at(seconds int64) func() time.Time { return func() time.Time { return time.Unix(seconds, 0) } }

func TestRFC9449_TheExamplesOfTheSpecificationAreTaken(t *testing.T) {
	for name, c := range map[string]struct {
		when                         int64
		method, proof, target, token string
	}{
		"figure 4":  {1562262616, "POST", rfcTokenProof, "https://server.example.com/token", ""},
		"figure 12": {1562262618, "GET", rfcCallProof, "https://resource.example.org/protectedresource", rfcToken},
	} {
		v := dpop.New(at(c.when), false)
		got, refused := v.Check(request(c.method, c.proof), c.target, c.token)
		if refused != nil || got != rfcThumbprint {
			t.Errorf("%s: %q, %+v", name, got, refused)
		}
		if _, refused := v.Check(request(c.method, c.proof), c.target, c.token); refused == nil {
			t.Errorf("%s is taken twice", name)
		}
	}
}

// prover makes proofs of any kind, good and bad.
type prover struct {
	alg jose.SignatureAlgorithm
	key any
}

func newProver(t *testing.T) prover {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return prover{jose.ES256, key}
}

// sign signs any claims under any header. jwk nil: the public key.
func (p prover) sign(t *testing.T, typ string, jwk any, claims map[string]any) string {
	t.Helper()
	o := (&jose.SignerOptions{EmbedJWK: jwk == nil}).WithType(jose.ContentType(typ))
	if jwk != nil {
		o.WithHeader("jwk", jwk)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: p.alg, Key: p.key}, o)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

const (
	noon   = 1_800_000_000
	target = "https://api.example/api/todos"
	token  = "an-access-token"
)

func good(changes map[string]any) map[string]any {
	sum := sha256.Sum256([]byte(token))
	claims := map[string]any{
		"jti": rand.Text(), "htm": "GET", "htu": target, "iat": noon, "ath": base64.RawURLEncoding.EncodeToString(sum[:]),
	}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	return claims
}

// S71: every check of RFC 9449 section 4.3.
func TestS71_EachCheckOfAProof(t *testing.T) {
	p, v := newProver(t), dpop.New(at(noon), false)
	private := jose.JSONWebKey{Key: p.key}
	public := private.Public()
	foreign := jose.JSONWebKey{Key: newProver(t).key}
	other := foreign.Public()
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	type claims = map[string]any
	taken := map[string]string{
		"as it is":                     p.sign(t, "dpop+jwt", nil, good(nil)),
		"a minute old":                 p.sign(t, "dpop+jwt", nil, good(claims{"iat": noon - 60})),
		"a minute ahead":               p.sign(t, "dpop+jwt", nil, good(claims{"iat": noon + 60})),
		"htu with a query":             p.sign(t, "dpop+jwt", nil, good(claims{"htu": target + "?a=b#c"})),
		"htu in capitals with a port":  p.sign(t, "dpop+jwt", nil, good(claims{"htu": "HTTPS://API.example:443/api/todos"})),
		"claims that nobody knows":     p.sign(t, "dpop+jwt", nil, good(claims{"aud": "x"})),
		"a nonce that nobody asks for": p.sign(t, "dpop+jwt", nil, good(claims{"nonce": "x"})),
		"the key written out":          p.sign(t, "dpop+jwt", public, good(nil)),
	}
	for name, proof := range taken {
		if got, refused := v.Check(request("GET", proof), target, token); refused != nil || len(got) != 43 {
			t.Errorf("%s: %q %+v", name, got, refused)
		}
	}
	for name, c := range map[string]struct{ proof, says string }{
		"another typ":           {p.sign(t, "JWT", nil, good(nil)), "typ"},
		"no jti":                {p.sign(t, "dpop+jwt", nil, good(claims{"jti": nil})), "jti"},
		"a jti without end":     {p.sign(t, "dpop+jwt", nil, good(claims{"jti": strings.Repeat("j", 257)})), "jti"},
		"another method":        {p.sign(t, "dpop+jwt", nil, good(claims{"htm": "POST"})), "htm"},
		"the method in small":   {p.sign(t, "dpop+jwt", nil, good(claims{"htm": "get"})), "htm"},
		"another path":          {p.sign(t, "dpop+jwt", nil, good(claims{"htu": target + "/1"})), "htu"},
		"another host":          {p.sign(t, "dpop+jwt", nil, good(claims{"htu": "https://evil.example/api/todos"})), "htu"},
		"plain http":            {p.sign(t, "dpop+jwt", nil, good(claims{"htu": "http://api.example/api/todos"})), "htu"},
		"a path in capitals":    {p.sign(t, "dpop+jwt", nil, good(claims{"htu": "https://api.example/API/todos"})), "htu"},
		"no htu":                {p.sign(t, "dpop+jwt", nil, good(claims{"htu": nil})), "htu"},
		"no iat":                {p.sign(t, "dpop+jwt", nil, good(claims{"iat": nil})), "iat"},
		"61 s old":              {p.sign(t, "dpop+jwt", nil, good(claims{"iat": noon - 61})), "iat"},
		"61 s ahead":            {p.sign(t, "dpop+jwt", nil, good(claims{"iat": noon + 61})), "iat"},
		"no ath":                {p.sign(t, "dpop+jwt", nil, good(claims{"ath": nil})), "ath"},
		"ath of another token":  {p.sign(t, "dpop+jwt", nil, good(claims{"ath": "x"})), "ath"},
		"iat that is a word":    {p.sign(t, "dpop+jwt", nil, good(claims{"iat": "noon"})), "wrong kind"},
		"another key in it":     {p.sign(t, "dpop+jwt", other, good(nil)), "not signed by the key"},
		"a private key in it":   {p.sign(t, "dpop+jwt", private, good(nil)), "public key"},
		"a word as its key":     {p.sign(t, "dpop+jwt", "x", good(nil)), "public key"},
		"a weak key":            {prover{jose.RS256, weak}.sign(t, "dpop+jwt", nil, good(nil)), "2048"},
		"a secret shared by us": {prover{jose.HS256, []byte(strings.Repeat("k", 32))}.sign(t, "dpop+jwt", public, good(nil)), "algorithm"},
		"no signature":          {unsigned(t, public), "algorithm"},
		"no JWT":                {"x.y.z", "no signed JWT"},
		"empty":                 {"", "no signed JWT"},
		"without end":           {strings.Repeat("x", 9<<10), "too long"},
	} {
		got, refused := v.Check(request("GET", c.proof), target, token)
		if refused == nil || got != "" || refused.Code != dpop.CodeProof || !strings.Contains(refused.Description, c.says) {
			t.Errorf("%s: %q %+v", name, got, refused)
		}
	}
	if _, refused := v.Check(request("GET", p.sign(t, "dpop+jwt", nil, good(nil)), p.sign(t, "dpop+jwt", nil, good(nil))), target, token); refused == nil {
		t.Error("two proofs in one request are taken")
	}
	if got, refused := v.Check(request("GET"), target, token); got != "" || refused != nil {
		t.Errorf("no proof: %q %+v", got, refused)
	}
}

func unsigned(t *testing.T, jwk jose.JSONWebKey) string {
	t.Helper()
	header, err := json.Marshal(map[string]any{"typ": "dpop+jwt", "alg": "none", "jwk": jwk})
	if err != nil {
		t.Fatal(err)
	}
	claims, err := json.Marshal(good(nil))
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(claims) + "."
}

// S71: a proof is taken once for as long as it would be taken at all, by whoever
// it comes; another with the same jti of another key is none of its business.
func TestS71_AProofIsTakenOnce(t *testing.T) {
	now := time.Unix(noon, 0)
	p, v := newProver(t), dpop.New(func() time.Time { return now }, false)
	ahead := p.sign(t, "dpop+jwt", nil, good(map[string]any{"jti": "one", "iat": noon + 60}))
	if _, refused := v.Check(request("GET", ahead), target, token); refused != nil {
		t.Fatalf("%+v", refused)
	}
	for _, later := range []time.Duration{0, time.Second, 61 * time.Second, 120 * time.Second} {
		now = time.Unix(noon, 0).Add(later)
		for i := range 100 { // whatever comes meanwhile
			_, _ = v.Check(request("GET", p.sign(t, "dpop+jwt", nil, good(map[string]any{"jti": fmt.Sprint(later, i), "iat": now.Unix()}))), target, token)
		}
		if _, refused := v.Check(request("GET", ahead), target, token); refused == nil || !strings.Contains(refused.Description, "jti") {
			t.Errorf("%v later: %+v", later, refused)
		}
	}
	now = time.Unix(noon, 0)
	if _, refused := v.Check(request("GET", newProver(t).sign(t, "dpop+jwt", nil, good(map[string]any{"jti": "one"}))), target, token); refused != nil {
		t.Errorf("another key's: %+v", refused)
	}
}

// S71: a nonce is good for five to ten minutes, at the server that gave it.
func TestS71_ANonceIsDemandedAndGrowsOld(t *testing.T) {
	now := time.Unix(noon, 0)
	p := newProver(t)
	v, other := dpop.New(func() time.Time { return now }, true), dpop.New(func() time.Time { return now }, true)
	nonceOf := func(v *dpop.Verifier) string {
		h := http.Header{}
		v.Offer(h)
		return h.Get(dpop.HeaderNonce)
	}
	ask := func(nonce any) *dpop.Refusal {
		_, refused := v.Check(request("GET", p.sign(t, "dpop+jwt", nil, good(map[string]any{"nonce": nonce, "iat": now.Unix()}))), target, token)
		return refused
	}
	first := nonceOf(v)
	for name, nonce := range map[string]any{"none": nil, "a made-up one": "x", "another server's": nonceOf(other)} {
		if refused := ask(nonce); refused == nil || refused.Code != dpop.CodeNonce {
			t.Errorf("%s: %+v", name, refused)
		}
	}
	for later, good := range map[time.Duration]bool{0: true, 5 * time.Minute: true, 10 * time.Minute: false, time.Hour: false} {
		now = time.Unix(noon, 0).Add(later)
		if refused := ask(first); (refused == nil) != good {
			t.Errorf("%v later: %+v", later, refused)
		}
		if refused := ask(nonceOf(v)); refused != nil {
			t.Errorf("the newest %v later: %+v", later, refused)
		}
	}
	h := http.Header{}
	dpop.New(time.Now, false).Offer(h)
	if len(h) != 0 {
		t.Errorf("a server that demands none gives %v", h)
	}
}
