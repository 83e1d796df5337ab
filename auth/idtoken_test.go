package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"waybill/fault"
	"waybill/internal/virtualnet"
	"waybill/secret"
	"waybill/transport"
)

// verification is one bubble with a stand-in and its provider.
type verification struct {
	*testing.T
	idp       *standIn
	transport *transport.Client
	provider  *Provider
	network   *virtualnet.Network
}

func inBubble(t *testing.T, f func(v *verification)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		idp, network := newStandIn("https://idp.example"), virtualnet.New(10*time.Millisecond)
		v := &verification{T: t, idp: idp, network: network, transport: idp.serve(t, network)}
		v.discover()
		f(v)
	})
}

func (v *verification) discover() {
	v.Helper()
	var err error
	if v.provider, err = DiscoverProvider(v.Context(), v.transport, v.idp.connection().IdP); err != nil {
		v.Fatalf("discovery: %v", err)
	}
}

// later lets virtual time pass.
func (v *verification) later(d time.Duration) { time.Sleep(d) }

func (v *verification) verify(raw string, expect Expect) (*Verified, error) {
	return VerifyIDToken(v.Context(), v.transport, v.provider, standInClient, rawIDToken(raw), expect)
}

func (v *verification) accepts(what, raw string, expect Expect) {
	v.Helper()
	if got, err := v.verify(raw, expect); err != nil {
		v.Errorf("%s: refused: %v", what, err)
	} else if got.Identity.Subject != "user-1" || got.Identity.Issuer != v.idp.issuer {
		v.Errorf("%s: %+v", what, got.Identity)
	}
}

// refuses checks that the token is refused with one of the codes.
func (v *verification) refuses(what, raw string, expect Expect, codes ...string) {
	v.Helper()
	_, err := v.verify(raw, expect)
	f := fault.As(err)
	if f == nil {
		v.Errorf("%s: accepted", what)
		return
	}
	for _, code := range codes {
		if f.Code == code {
			return
		}
	}
	v.Errorf("%s: refused with %s (%v), want %v", what, f.Code, err, codes)
}

// claims changed from a good token, each with the code it is refused with.
type claimCase struct {
	what    string
	changes map[string]any
	expect  Expect
	code    string
}

func (v *verification) refusesAll(cases []claimCase) {
	v.Helper()
	v.accepts("the good token", v.idp.idToken(nil), Expect{})
	for _, c := range cases {
		v.refuses(c.what, v.idp.idToken(c.changes), c.expect, c.code)
	}
}

func TestEveryAlgorithmInUseIsAccepted(t *testing.T) {
	for _, alg := range []jose.SignatureAlgorithm{jose.ES256, jose.ES384, jose.RS256, jose.PS256, jose.EdDSA} {
		inBubble(t, func(v *verification) {
			v.idp.change(func(s *standIn) {
				s.signer = newSigningKey(alg, "k")
				s.keys = []map[string]any{s.signer.jwk(map[string]any{"use": "sig", "alg": string(alg)})}
			})
			v.accepts(string(alg), v.idp.idToken(nil), Expect{})
		})
	}
}

func TestS32_UnsignedTokensAreRefused(t *testing.T) {
	inBubble(t, func(v *verification) {
		claims := jsonOf(v.idp.goodClaims())
		for _, alg := range []string{`"none"`, `"None"`, `"nOnE"`, `""`, `null`, `["ES256"]`, `"ES257"`} {
			header := b64([]byte(`{"alg":` + alg + `,"typ":"JWT"}`))
			for _, signature := range []string{"", b64([]byte("x"))} {
				v.refuses("alg "+alg, header+"."+b64([]byte(claims))+"."+signature, Expect{}, "id_token_malformed")
			}
		}
		v.refuses("no alg", v.idp.signer.raw(`{"kid":"one"}`, claims), Expect{}, "id_token_malformed")
		good := v.idp.idToken(nil)
		v.refuses("empty signature", good[:strings.LastIndex(good, ".")+1], Expect{}, "id_token_malformed")
	})
}

func TestS33_SymmetricSignaturesAreRefused(t *testing.T) {
	inBubble(t, func(v *verification) {
		key := newSigningKey(jose.RS256, "rsa")
		der, _ := x509.MarshalPKIXPublicKey(key.private.Public())
		secrets := map[string][]byte{
			"PEM": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), "DER": der,
			"JWK": []byte(jsonOf(key.jwk(nil))), "client secret": []byte("client-secret"), "oct key": []byte("published"),
		}
		v.idp.change(func(s *standIn) {
			s.keys = append(s.keys, key.jwk(nil), map[string]any{"kty": "oct", "kid": "oct", "k": b64([]byte("published"))})
			s.metadata = map[string]any{"id_token_signing_alg_values_supported": []string{"HS256", "none", "RS256", "ES256"}}
		})
		v.discover()
		for what, secret := range secrets {
			for _, kid := range []string{"rsa", "oct"} {
				input := b64([]byte(`{"alg":"HS256","kid":"`+kid+`"}`)) + "." + b64([]byte(jsonOf(v.idp.goodClaims())))
				mac := hmac.New(sha256.New, secret)
				mac.Write([]byte(input))
				v.refuses(what, input+"."+b64(mac.Sum(nil)), Expect{}, "id_token_malformed")
			}
		}
		v.accepts("the good token", v.idp.idToken(nil), Expect{})
	})
}

func TestS33_AlgorithmThatTheProviderDoesNotListIsRefused(t *testing.T) {
	inBubble(t, func(v *verification) {
		v.idp.change(func(s *standIn) {
			s.metadata = map[string]any{"id_token_signing_alg_values_supported": []string{"RS256"}}
		})
		v.discover()
		v.refuses("ES256", v.idp.idToken(nil), Expect{}, "id_token_alg")
	})
}

func TestS34_BadSignaturesAreRefused(t *testing.T) {
	for _, alg := range []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.EdDSA} {
		inBubble(t, func(v *verification) {
			v.idp.change(func(s *standIn) { s.signer = newSigningKey(alg, "k"); s.keys = []map[string]any{s.signer.jwk(nil)} })
			good := v.idp.idToken(nil)
			dot := strings.LastIndex(good, ".")
			input, signature := good[:dot], []byte{}
			signature = v.idp.signer.signature([]byte(input))
			flip := func(i int) []byte {
				out := append([]byte(nil), signature...)
				out[i] ^= 0x80
				return out
			}
			zero := make([]byte, len(signature))
			bad := map[string][]byte{
				"first bit": flip(0), "last byte": flip(len(signature) - 1), "cut": signature[:len(signature)-1], "longer": append(append([]byte(nil), signature...), 0),
				"zero": zero, "zero r": append(zero[:len(zero)/2:len(zero)/2], signature[len(signature)/2:]...), "zero s": append(signature[:len(signature)/2:len(signature)/2], zero[len(zero)/2:]...),
			}
			if alg == jose.ES256 {
				r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
				bad["DER"], _ = asn1.Marshal(struct{ R, S *big.Int }{r, s})
				bad["padded"] = append(append([]byte{0}, signature[:32]...), append([]byte{0}, signature[32:]...)...)
			}
			for what, b := range bad {
				v.refuses(string(alg)+" "+what, input+"."+b64(b), Expect{}, "id_token_signature")
			}
			v.refuses("another key", strangersKey(alg, "k").token(v.idp.goodClaims(), nil), Expect{}, "id_token_signature")
			changedPayload := good[:strings.Index(good, ".")+1] + b64([]byte(jsonOf(changed(v.idp.goodClaims(), map[string]any{"sub": "admin"})))) + good[dot:]
			v.refuses("other payload", changedPayload, Expect{}, "id_token_signature")
		})
	}
}

func TestS35_IssuerIsComparedByteForByte(t *testing.T) {
	inBubble(t, func(v *verification) {
		var cases []claimCase
		for _, issuer := range []any{
			"https://evil.example", "https://idp.example/", "http://idp.example", "https://idp.example?x", "https://idp.example#x", "https://IDP.example",
			"https://idp.example:443", "https://idp.exampl%65", "idp.example", "", nil, 1, []string{"https://idp.example"},
		} {
			cases = append(cases, claimCase{fmt.Sprint(issuer), map[string]any{"iss": issuer}, Expect{}, "id_token_issuer"})
		}
		v.refusesAll(cases)
		_, err := v.verify(v.idp.idToken(map[string]any{"iss": "https://idp.example/"}), Expect{})
		if !strings.Contains(err.Error(), "final slash") {
			t.Errorf("the slash is not pointed out: %v", err)
		}
	})
}

func TestS36_AudienceMustBeThisClient(t *testing.T) {
	inBubble(t, func(v *verification) {
		v.refusesAll([]claimCase{
			{"missing", map[string]any{"aud": nil}, Expect{}, "id_token_audience"},
			{"other", map[string]any{"aud": "other"}, Expect{}, "id_token_audience"},
			{"suffix", map[string]any{"aud": standInClient + "-at-todo0"}, Expect{}, "id_token_audience"},
			{"number", map[string]any{"aud": 7}, Expect{}, "id_token_audience"},
			{"object", map[string]any{"aud": map[string]any{"x": standInClient}}, Expect{}, "id_token_audience"},
			{"array with a number", map[string]any{"aud": []any{standInClient, 7}}, Expect{}, "id_token_audience"},
			{"empty array", map[string]any{"aud": []string{}}, Expect{}, "id_token_audience"},
			{"extra audience without azp", map[string]any{"aud": []string{standInClient, "other"}}, Expect{}, "id_token_azp"},
		})
		v.accepts("array of one", v.idp.idToken(map[string]any{"aud": []string{standInClient}}), Expect{})
	})
}

func TestS37_AuthorizedPartyMustBeThisClient(t *testing.T) {
	inBubble(t, func(v *verification) {
		v.refusesAll([]claimCase{
			{"foreign", map[string]any{"azp": "other"}, Expect{}, "id_token_azp"},
			{"foreign beside two audiences", map[string]any{"aud": []string{standInClient, "other"}, "azp": "other"}, Expect{}, "id_token_azp"},
			{"number", map[string]any{"azp": 1}, Expect{}, "id_token_azp"},
			{"empty", map[string]any{"azp": ""}, Expect{}, "id_token_azp"},
		})
		v.accepts("ours beside two audiences", v.idp.idToken(map[string]any{"aud": []string{standInClient, "other"}, "azp": standInClient}), Expect{})
	})
}

func TestS38_ExpiryMustBeOrdinary(t *testing.T) {
	inBubble(t, func(v *verification) {
		now := time.Now().Unix()
		number := func(s string) json.RawMessage { return json.RawMessage(s) }
		v.refusesAll([]claimCase{
			{"past", map[string]any{"iat": now - 700, "exp": now - 1}, Expect{}, "id_token_expired"},
			{"this second", map[string]any{"exp": now}, Expect{}, "id_token_expired"},
			{"missing", map[string]any{"exp": nil}, Expect{}, "id_token_exp"},
			{"string", map[string]any{"exp": fmt.Sprint(now + 600)}, Expect{}, "id_token_exp"},
			{"fraction", map[string]any{"exp": number(fmt.Sprint(now+600) + ".5")}, Expect{}, "id_token_exp"},
			{"negative", map[string]any{"exp": -1}, Expect{}, "id_token_exp"},
			{"zero", map[string]any{"exp": 0}, Expect{}, "id_token_exp"},
			{"1e300", map[string]any{"exp": number("1e300")}, Expect{}, "id_token_exp"},
			{"overflow", map[string]any{"exp": number("9223372036854775808")}, Expect{}, "id_token_exp"},
			{"year 9999", map[string]any{"exp": 253402214400}, Expect{}, "id_token_exp"},
			{"more than a day", map[string]any{"exp": now + 86401}, Expect{}, "id_token_exp"},
			{"more than a day since iat", map[string]any{"iat": now - 86400, "exp": now + 60}, Expect{}, "id_token_exp"},
		})
		if _, err := v.verify(v.idp.idToken(map[string]any{"iat": now - 700, "exp": now - 1}), Expect{}); !fault.Is(err, fault.SignInNeeded) {
			t.Errorf("an expired token asks for %v", fault.As(err).Kind)
		}
	})
}

func TestS39_IssueTimeMustBeNow(t *testing.T) {
	inBubble(t, func(v *verification) {
		now := time.Now().Unix()
		fresh := Expect{Fresh: true}
		v.refusesAll([]claimCase{
			{"61 s ahead", map[string]any{"iat": now + 62}, Expect{}, "id_token_iat"},
			{"ten years ahead", map[string]any{"iat": now + 315360000, "exp": now + 315360600}, Expect{}, "id_token_exp"},
			{"missing", map[string]any{"iat": nil}, Expect{}, "id_token_iat"},
			{"string", map[string]any{"iat": "now"}, Expect{}, "id_token_iat"},
			{"old in a fresh sign-in", map[string]any{"iat": now - 601}, fresh, "id_token_iat"},
			{"nbf ahead", map[string]any{"nbf": now + 62}, Expect{}, "id_token_nbf"},
			{"nbf string", map[string]any{"nbf": "x"}, Expect{}, "id_token_nbf"},
		})
		v.accepts("59 s ahead", v.idp.idToken(map[string]any{"iat": now + 59}), fresh)
		v.accepts("old, not fresh", v.idp.idToken(map[string]any{"iat": now - 3600}), Expect{})
		v.accepts("nbf past", v.idp.idToken(map[string]any{"nbf": now - 5}), Expect{})
	})
}

func TestS39_ClockSkewIsMentionedAndToleranceNotRaised(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idp, network := newStandIn("https://idp.example"), virtualnet.New(time.Millisecond)
		const ahead = 12 * time.Minute
		network.Serve("idp.example", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
			idp.ServeHTTP(w, r)
		}))
		c := transport.New(transport.Options{DialContext: network.DialContext, RootCAs: network.CertPool()})
		defer func() { c.CloseIdle(); network.Close() }()
		v := &verification{T: t, idp: idp, transport: c}
		v.discover()
		there := time.Now().Add(ahead).Unix()
		_, err := v.verify(idp.idToken(map[string]any{"iat": there, "exp": there + 600}), Expect{Fresh: true})
		if f := fault.As(err); f == nil || f.Code != "id_token_iat" || !strings.Contains(f.Remedy, "This computer's clock is 12 minutes behind the identity provider's") {
			t.Errorf("got %v", err)
		}
	})
}

func TestS40_SubjectMustBeThereAndStayTheSame(t *testing.T) {
	inBubble(t, func(v *verification) {
		v.refusesAll([]claimCase{
			{"missing", map[string]any{"sub": nil}, Expect{}, "id_token_sub"},
			{"empty", map[string]any{"sub": ""}, Expect{}, "id_token_sub"},
			{"number", map[string]any{"sub": 1}, Expect{}, "id_token_sub"},
			{"256 characters", map[string]any{"sub": strings.Repeat("é", 256)}, Expect{}, "id_token_sub"},
			{"other at refresh", nil, Expect{Subject: "user-2"}, "id_token_sub"},
			{"other name, same letters", map[string]any{"sub": nil, "SUB": "user-1"}, Expect{}, "id_token_sub"},
		})
		v.accepts("same at refresh", v.idp.idToken(nil), Expect{Subject: "user-1"})
		if got, err := v.verify(v.idp.idToken(map[string]any{"sub": strings.Repeat("é", 255)}), Expect{}); err != nil {
			t.Errorf("255 characters: %v, %v", got, err)
		}
	})
}

func TestS28_NonceMustBeTheOneOfThisSignIn(t *testing.T) {
	inBubble(t, func(v *verification) {
		expect := Expect{Nonce: secret.New("this")}
		v.refusesAll([]claimCase{
			{"missing", nil, expect, "id_token_nonce"},
			{"earlier sign-in", map[string]any{"nonce": "earlier"}, expect, "id_token_nonce"},
			{"prefix", map[string]any{"nonce": "thi"}, expect, "id_token_nonce"},
			{"number", map[string]any{"nonce": 1}, expect, "id_token_nonce"},
			{"array", map[string]any{"nonce": []string{"this"}}, expect, "id_token_nonce"},
		})
		v.accepts("right", v.idp.idToken(map[string]any{"nonce": "this"}), expect)
	})
}

func TestS41_AccessTokenHashIsChecked(t *testing.T) {
	inBubble(t, func(v *verification) {
		expect := Expect{AccessToken: secret.New("idp-access-token")}
		sum256, sum512 := sha256.Sum256([]byte("idp-access-token")), sha512.Sum512([]byte("idp-access-token"))
		right := b64(sum256[:16])
		v.refusesAll([]claimCase{
			{"other token's", map[string]any{"at_hash": b64(sum256[16:])}, expect, "id_token_at_hash"},
			{"whole hash", map[string]any{"at_hash": b64(sum256[:])}, expect, "id_token_at_hash"},
			{"for another alg", map[string]any{"at_hash": b64(sum512[:32])}, expect, "id_token_at_hash"},
			{"cut", map[string]any{"at_hash": right[:10]}, expect, "id_token_at_hash"},
			{"padded", map[string]any{"at_hash": right + "=="}, expect, "id_token_at_hash"},
			{"number", map[string]any{"at_hash": 5}, expect, "id_token_at_hash"},
			{"empty", map[string]any{"at_hash": ""}, expect, "id_token_at_hash"},
		})
		v.accepts("right", v.idp.idToken(map[string]any{"at_hash": right}), expect)
		v.accepts("left out", v.idp.idToken(nil), expect)
		v.idp.change(func(s *standIn) {
			s.signer = newSigningKey(jose.EdDSA, "ed")
			s.keys = []map[string]any{s.signer.jwk(nil)}
		})
		v.discover()
		v.accepts("EdDSA takes SHA-512", v.idp.idToken(map[string]any{"at_hash": b64(sum512[:32])}), expect)
	})
}

func TestS42_HeadersThatNameKeysCauseNoFetchAndTypesAreChecked(t *testing.T) {
	inBubble(t, func(v *verification) {
		attacker := newSigningKey(jose.ES256, "one")
		for what, header := range map[string]map[string]any{
			"jku": {"jku": "https://evil.example/jwks"}, "x5u": {"x5u": "https://evil.example/cert"}, "jwk": {"jwk": attacker.jwk(nil)},
			"x5c": {"x5c": []string{"AAAA"}}, "path": {"kid": "../../etc/passwd"}, "SQL": {"kid": "' OR 1=1 --"}, "long kid": {"kid": strings.Repeat("k", 2000)}, "kid number": {"kid": 1},
		} {
			_, err := v.verify(attacker.token(v.idp.goodClaims(), header), Expect{})
			if !fault.Is(err, fault.Hostile) {
				t.Errorf("%s: %v", what, err)
			}
		}
		for what, header := range map[string]map[string]any{
			"unknown crit": {"crit": []string{"x"}, "x": 1}, "b64 false": {"crit": []string{"b64"}, "b64": false}, "b64 alone": {"b64": false}, "zip": {"zip": "DEF"},
		} {
			v.refuses(what, v.idp.signer.token(v.idp.goodClaims(), header), Expect{}, "id_token_malformed")
		}
		for _, kind := range []any{"at+jwt", "oauth-id-jag+jwt", "application/oauth-id-jag+jwt", "logout+jwt", "JOSE", "", 1} {
			v.refuses(fmt.Sprint("typ ", kind), v.idp.signer.token(v.idp.goodClaims(), map[string]any{"typ": kind}), Expect{}, "id_token_type")
		}
		for _, kind := range []any{nil, "JWT", "jwt", "application/jwt"} {
			v.accepts(fmt.Sprint("typ ", kind), v.idp.signer.token(v.idp.goodClaims(), map[string]any{"typ": kind}), Expect{})
		}
		for _, r := range v.network.Refused() {
			t.Errorf("a fetch from %s was tried", r)
		}
		if n := v.idp.count("/jwks"); n > 2 {
			t.Errorf("%d fetches of the keys", n)
		}
	})
}

func TestS43_OtherFormsAndMalformedContentsAreRefused(t *testing.T) {
	inBubble(t, func(v *verification) {
		good := v.idp.idToken(nil)
		parts := strings.Split(good, ".")
		claims := jsonOf(v.idp.goodClaims())
		sign := func(payload string) string { return v.idp.signer.raw(`{"alg":"ES256","kid":"one"}`, payload) }
		flattened := fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, parts[0], parts[1], parts[2])
		two := fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q},{"protected":%q,"signature":%q}]}`, parts[1], parts[0], parts[2], parts[0], parts[2])
		cases := map[string]string{
			"empty": "", "JWE": good + ".a.b", "flattened": flattened, "two signatures": two, "two parts": parts[0] + "." + parts[1],
			"trailing dot": good + ".", "trailing bytes": good + "AAAA", "trailing blank": good + " ", "line end": parts[0] + ".\n" + parts[1] + "." + parts[2],
			"padding": parts[0] + "." + parts[1] + "=." + parts[2], "standard base64": parts[0] + "." + parts[1] + "." + strings.NewReplacer("-", "+", "_", "/").Replace(parts[2]) + "+/",
			"2 MB":            sign(changedText(claims, `"x":"`+strings.Repeat("y", 2<<20)+`"`)),
			"duplicate claim": sign(changedText(claims, `"sub":"admin"`)), "duplicate deep down": sign(changedText(claims, `"x":[{"a":1,"a":2}]`)),
			"10k nesting":      sign(changedText(claims, `"x":`+strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000))),
			"100 nesting":      sign(changedText(claims, `"x":`+strings.Repeat(`{"x":`, 100)+"1"+strings.Repeat("}", 100))),
			"after the object": sign(claims + "{}"), "array": sign("[" + claims + "]"), "text": sign(`"x"`), "null": sign("null"), "invalid UTF-8": sign(changedText(claims, "\"x\":\"\xff\"")),
			"duplicate header": v.idp.signer.raw(`{"alg":"none","alg":"ES256","kid":"one"}`, claims), "header with more": v.idp.signer.raw(`{"alg":"ES256","kid":"one"}{}`, claims),
		}
		for what, raw := range cases {
			v.refuses(what, raw, Expect{}, "id_token_malformed", "id_token_signature")
		}
		v.accepts("the good token", good, Expect{})
	})
}

func TestS43_RefusingATokenCostsLittleMemory(t *testing.T) {
	key := newSigningKey(jose.ES256, "one")
	for what, raw := range map[string]string{
		"2 MB":        key.raw(`{"alg":"ES256"}`, `{"x":"`+strings.Repeat("y", 2<<20)+`"}`),
		"dots":        strings.Repeat(".", 2<<20),
		"nesting":     key.raw(`{"alg":"ES256"}`, strings.Repeat(`{"x":`, 8_000)),
		"many claims": key.raw(`{"alg":"ES256"}`, "{"+strings.Repeat(`"x":1,`, 7_000)+"}"),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if token, err := parseCompact(raw); err == nil {
			if _, err := parseClaims(token.payload); err == nil {
				t.Errorf("%s: accepted", what)
			}
		}
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
			t.Errorf("%s: %d bytes", what, used)
		}
	}
}

// changedText puts a member before the first one of an object.
func changedText(object, member string) string { return "{" + member + "," + object[1:] }

func TestMaxAgeIsChecked(t *testing.T) {
	inBubble(t, func(v *verification) {
		now, limit := time.Now().Unix(), 300
		expect := Expect{MaxAge: &limit}
		v.refusesAll([]claimCase{
			{"missing", nil, expect, "id_token_auth_time"},
			{"too old", map[string]any{"auth_time": now - 361}, expect, "id_token_auth_time"},
			{"string", map[string]any{"auth_time": "x"}, expect, "id_token_auth_time"},
		})
		v.accepts("recent", v.idp.idToken(map[string]any{"auth_time": now - 299}), expect)
	})
}

func TestIdentityIsFitToShow(t *testing.T) {
	inBubble(t, func(v *verification) {
		got, err := v.verify(v.idp.idToken(map[string]any{"name": "A\u202enn\x00" + strings.Repeat("n", 500), "email": 7, "tenant": "t1", "auth_time": 946684700}), Expect{})
		if err != nil {
			t.Fatal(err)
		}
		id := got.Identity
		if strings.ContainsAny(id.Name, "\u202e\x00") || len([]rune(id.Name)) > 255 || id.Email != "" || id.Tenant != "t1" || id.AuthTime.Unix() != 946684700 {
			t.Errorf("%+q", id)
		}
	})
}
