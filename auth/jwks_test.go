package auth

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"waybill/fault"
)

func TestS44_KeyRotationCausesOneFetchAndIsAccepted(t *testing.T) {
	inBubble(t, func(v *verification) {
		v.accepts("before", v.idp.idToken(nil), Expect{})
		for i := range 3 {
			v.idp.change(func(s *standIn) { // rotation just before signing
				s.signer = newSigningKey(jose.ES256, fmt.Sprint("new-", i))
				s.keys = append(s.keys, s.signer.jwk(nil))
			})
			before := v.idp.count("/jwks")
			v.accepts("after the rotation", v.idp.idToken(nil), Expect{})
			v.accepts("again", v.idp.idToken(nil), Expect{})
			if n := v.idp.count("/jwks") - before; n != 1 {
				t.Errorf("rotation %d: %d fetches", i, n)
			}
			v.later(refetchFloor)
		}
	})
}

func TestS45_TokensWithUnknownKeysCauseOneFetchAMinute(t *testing.T) {
	inBubble(t, func(v *verification) {
		v.accepts("the good token", v.idp.idToken(nil), Expect{})
		attacker := newSigningKey(jose.ES256, "x")
		first := v.idp.count("/jwks")
		start := time.Now()
		for i := range 10_000 {
			kid := fmt.Sprint("unknown-", i)
			v.refuses("unknown key id", attacker.token(v.idp.goodClaims(), map[string]any{"kid": kid}), Expect{}, "id_token_signature")
			if i%1000 == 999 {
				v.later(30 * time.Second)
			}
		}
		minutes := int(time.Since(start)/refetchFloor) + 1
		if n := v.idp.count("/jwks") - first; n > minutes {
			t.Errorf("%d fetches in %d minutes", n, minutes)
		}
	})
}

func TestS45_BadSignaturesUnderAKnownKeyCauseNoFetch(t *testing.T) {
	inBubble(t, func(v *verification) {
		v.accepts("the good token", v.idp.idToken(nil), Expect{})
		first := v.idp.count("/jwks")
		attacker := newSigningKey(jose.ES256, "one")
		for range 1000 {
			v.refuses("forged", attacker.token(v.idp.goodClaims(), nil), Expect{}, "id_token_signature")
		}
		if n := v.idp.count("/jwks") - first; n != 0 {
			t.Errorf("%d fetches", n)
		}
	})
}

func TestS45_ConcurrentChecksShareOneFetch(t *testing.T) {
	inBubble(t, func(v *verification) {
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() { v.accepts("the good token", v.idp.idToken(nil), Expect{}) })
		}
		wg.Wait()
		if n := v.idp.count("/jwks"); n != 1 {
			t.Errorf("%d fetches", n)
		}
	})
}

func TestKeysAreFetchedAgainWhenTheyAreOld(t *testing.T) {
	inBubble(t, func(v *verification) {
		v.accepts("first", v.idp.idToken(nil), Expect{})
		v.idp.change(func(s *standIn) { s.keys = nil }) // withdrawn
		v.later(keysMaxAge - time.Second)
		v.accepts("within the hour", v.idp.idToken(nil), Expect{})
		v.later(2 * time.Second)
		v.refuses("after it", v.idp.idToken(nil), Expect{}, "id_token_signature")
	})
}

func TestS46_UnusableKeysAreLeftOutAndTheUsableOneWorks(t *testing.T) {
	weak := func() map[string]any {
		key, err := rsa.GenerateKey(rand.Reader, 1024)
		if err != nil {
			t.Skip("this Go makes no weak keys: ", err)
		}
		return (&signingKey{jose.RS256, "weak", key}).jwk(nil)
	}
	rsaPublic := newSigningKey(jose.RS256, "e1").jwk(nil)
	ec := newSigningKey(jose.ES256, "off").jwk(nil)
	inBubble(t, func(v *verification) {
		good := v.idp.keys[0]
		bad := map[string]map[string]any{
			"RSA of 1024 bits": weak(), "exponent 1": changed(rsaPublic, map[string]any{"e": b64([]byte{1})}), "even exponent": changed(rsaPublic, map[string]any{"e": b64([]byte{4})}),
			"off the curve": changed(ec, map[string]any{"y": b64(big.NewInt(7).FillBytes(make([]byte, 32)))}), "for encryption": changed(good, map[string]any{"use": "enc"}),
			"not to verify": changed(good, map[string]any{"key_ops": []string{"encrypt"}}), "for another alg": changed(good, map[string]any{"alg": "ES384"}), "symmetric alg": changed(good, map[string]any{"alg": "HS256"}),
			"unknown kind": {"kty": "PQC", "kid": "one"}, "symmetric": {"kty": "oct", "kid": "one", "k": "AAAA"}, "no kind": {"kid": "one"}, "empty": {}, "number for kid": changed(good, map[string]any{"kid": 1}),
			"use number": changed(good, map[string]any{"use": 1}), "alg number": changed(good, map[string]any{"alg": 1}),
		}
		for what, key := range bad {
			v.idp.change(func(s *standIn) { s.keys = []map[string]any{key} })
			v.discover()
			if what == "RSA of 1024 bits" || strings.Contains(what, "exponent") {
				if keys, err := parseKeys([]byte(jsonOf(map[string]any{"keys": []any{key}}))); err != nil || len(keys) != 0 {
					t.Errorf("%s: kept (%v)", what, err)
				}
			}
			v.refuses(what, v.idp.idToken(nil), Expect{}, "id_token_signature")
			v.idp.change(func(s *standIn) { s.keys = []map[string]any{key, good} })
			v.discover()
			v.accepts(what+", beside a good one", v.idp.idToken(nil), Expect{})
		}
		stranger := newSigningKey(jose.ES256, "one").jwk(nil)
		v.idp.change(func(s *standIn) { s.keys = []map[string]any{stranger, good} })
		v.discover()
		v.accepts("two keys of one id", v.idp.idToken(nil), Expect{})
	})
}

func TestS46_KeySetsOfOtherFormsAreRefusedAndLargeOnesCut(t *testing.T) {
	inBubble(t, func(v *verification) {
		broken := map[string]struct {
			change func(*standIn)
			code   string
		}{
			"web page":     {func(s *standIn) { s.keysBody = []byte("<html>sign in to the network</html>") }, "bad_keys"},
			"empty":        {func(s *standIn) { s.keysBody = []byte{} }, "bad_keys"},
			"array":        {func(s *standIn) { s.keysBody = []byte("[]") }, "bad_keys"},
			"text":         {func(s *standIn) { s.keysBody = []byte(`{"keys":"x"}`) }, "bad_keys"},
			"too large":    {func(s *standIn) { s.keysBody = []byte(`{"keys":[` + strings.Repeat("{},", 1<<20) + `{}]}`) }, "too_large"},
			"not there":    {func(s *standIn) { s.keysCode = http.StatusNotFound }, "no_document"},
			"server error": {func(s *standIn) { s.keysCode = http.StatusServiceUnavailable }, "unavailable"},
		}
		for what, c := range broken {
			v.idp.change(func(s *standIn) { s.keysBody, s.keysCode = nil, 0; c.change(s) })
			v.discover()
			v.refuses(what, v.idp.idToken(nil), Expect{}, c.code)
			v.idp.change(func(s *standIn) { s.keysBody, s.keysCode = nil, 0 })
			v.accepts(what+", then the keys", v.idp.idToken(nil), Expect{})
		}
		many := []map[string]any{v.idp.keys[0]}
		filler := newSigningKey(jose.ES256, "filler").jwk(nil)
		for range 500 {
			many = append(many, filler)
		}
		if keys, err := parseKeys([]byte(jsonOf(map[string]any{"keys": many}))); err != nil || len(keys) != maxKeys {
			t.Errorf("%d keys are kept, %v", len(keys), err)
		}
	})
}

func TestS46_RedirectedKeysAreNotFetchedElsewhere(t *testing.T) {
	inBubble(t, func(v *verification) {
		elsewhere := newStandIn("https://evil.example")
		v.network.Serve("evil.example", elsewhere)
		v.network.Serve("idp2.example", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://evil.example/jwks", http.StatusFound)
		}))
		v.provider = &Provider{Issuer: "https://idp.example", JWKSURI: "https://idp2.example/jwks"}
		v.refuses("redirected", elsewhere.idToken(map[string]any{"iss": "https://idp.example"}), Expect{}, "redirect")
		if n := elsewhere.count("/jwks"); n != 0 {
			t.Error("the keys of another origin were fetched")
		}
	})
}

func TestS47_TokensWithoutKeyID(t *testing.T) {
	inBubble(t, func(v *verification) {
		bare := map[string]any{"kid": nil}
		v.accepts("one key", v.idp.signer.token(v.idp.goodClaims(), bare), Expect{})
		good := v.idp.keys[0]
		others := func(n int) (keys []map[string]any) {
			for i := range n {
				keys = append(keys, newSigningKey(jose.ES256, fmt.Sprint(i)).jwk(nil), newSigningKey(jose.EdDSA, fmt.Sprint("ed", i)).jwk(nil))
			}
			return keys
		}
		v.idp.change(func(s *standIn) { s.keys = append(others(2), good) })
		v.discover()
		v.accepts("third of its kind", v.idp.signer.token(v.idp.goodClaims(), bare), Expect{})
		v.idp.change(func(s *standIn) { s.keys = append(others(3), good) })
		v.discover()
		v.refuses("fourth of its kind", v.idp.signer.token(v.idp.goodClaims(), bare), Expect{}, "id_token_signature")
	})
}

// FuzzIDToken: what is accepted, go-jose accepts too, and says the same.
func FuzzIDToken(f *testing.F) {
	key := newSigningKey(jose.ES256, "one")
	set := &keySet{fetched: time.Now(), refetched: time.Now()}
	keys, err := parseKeys([]byte(jsonOf(map[string]any{"keys": []any{key.jwk(nil)}})))
	if err != nil {
		f.Fatal(err)
	}
	set.keys = keys
	idp := &standIn{issuer: "https://idp.example", signer: key}
	good := idp.idToken(nil)
	for _, seed := range []string{good, good + ".", good[:len(good)-3], key.raw(`{"alg":"none"}`, "{}"), key.raw(`{"alg":"ES256","crit":["x"]}`, `{"iss":1}`), key.token(map[string]any{"sub": ""}, nil), "..", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		p := &Provider{Issuer: "https://idp.example", JWKSURI: "https://idp.example/jwks", keys: set}
		got, err := VerifyIDToken(t.Context(), nil, p, standInClient, rawIDToken(raw), Expect{})
		if err != nil {
			if fault.As(err).Message == "" {
				t.Fatal("an error without a sentence")
			}
			return
		}
		signed, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			t.Fatalf("accepted, but go-jose refuses: %v", err)
		}
		payload, err := signed.Verify(keys[0].Key)
		if err != nil {
			t.Fatalf("accepted, but the signature is wrong: %v", err)
		}
		var said struct {
			Sub string `json:"sub"`
		}
		if err := json.Unmarshal(payload, &said); err != nil || said.Sub != got.Identity.Subject {
			t.Fatalf("read in two ways: %q and %q", said.Sub, got.Identity.Subject)
		}
	})
}

// FuzzClaims: what the strict reader takes, the standard library reads the
// same way, and no name is there twice.
func FuzzClaims(f *testing.F) {
	for _, seed := range []string{`{"a":1}`, `{"a":{"a":1},"b":[{}]}`, `{"a":1,"a":2}`, `{"a":1}x`, `[]`, `null`, `{`, `{"\u0061":1,"a":2}`, strings.Repeat(`{"a":`, 30) + "1" + strings.Repeat("}", 30)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := parseClaims(data)
		if err != nil {
			return
		}
		var plain map[string]any
		if err := json.Unmarshal(data, &plain); err != nil || len(plain) != len(got) {
			t.Fatalf("%q: %d members, %d, %v", data, len(got), len(plain), err)
		}
		for name := range got {
			text, isText := got.text(name)
			if want, ok := plain[name].(string); isText != ok || text != want {
				t.Fatalf("%q: %s is %q", data, name, text)
			}
		}
	})
}

func FuzzKeySet(f *testing.F) {
	f.Add([]byte(jsonOf(map[string]any{"keys": []any{newSigningKey(jose.ES256, "a").jwk(nil), newSigningKey(jose.EdDSA, "b").jwk(nil), newSigningKey(jose.RS256, "c").jwk(nil)}})))
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQ","e":"AQ"},{"kty":"EC","crv":"P-256","x":"","y":""},{"kty":"OKP","crv":"Ed25519","x":"AA"},{"kty":"oct","k":"AA"}]}`))
	f.Add([]byte(`{"keys":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := parseKeys(data)
		if err != nil {
			return
		}
		for _, key := range keys {
			if !key.IsPublic() || !key.Valid() || !strong(key) {
				t.Fatalf("kept a key that cannot be used: %T", key.Key)
			}
		}
		if len(keys) > maxKeys {
			t.Fatalf("%d keys", len(keys))
		}
	})
}

func FuzzProviderMetadata(f *testing.F) {
	f.Add([]byte(`{"issuer":"https://idp.example","authorization_endpoint":"https://idp.example/a","token_endpoint":"https://idp.example/t","jwks_uri":"https://idp.example/j"}`))
	f.Add([]byte(`{"issuer":"https://idp.example/","token_endpoint":"javascript:alert(1)"}`))
	f.Add([]byte(`{"issuer":"https://idp.example","token_endpoint":["x"],"id_token_signing_alg_values_supported":"none"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p := &Provider{Issuer: "https://idp.example"}
		if p.read(data) != nil || p.checkEndpoints() != nil {
			return
		}
		for _, e := range []string{p.AuthorizationEndpoint, p.TokenEndpoint, p.JWKSURI, p.EndSessionEndpoint, p.RevocationEndpoint} {
			if e != "" && !strings.HasPrefix(e, "https://") {
				t.Fatalf("takes the endpoint %q", e)
			}
		}
		for _, alg := range p.signingAlgs() {
			if strings.HasPrefix(alg, "HS") || alg == "none" {
				t.Fatalf("takes the algorithm %s", alg)
			}
		}
	})
}
