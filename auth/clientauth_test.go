package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"waybill/connection"
	"waybill/fault"
	"waybill/secret"
)

func secretText(s string) secret.Text { return secret.New(s) }

func TestTheMethodIsChosenOnceFromConnectionAndMetadata(t *testing.T) {
	basic, post, key, none := connection.ClientSecretBasic, connection.ClientSecretPost, connection.PrivateKeyJWT, connection.AuthNone
	all := []string{"client_secret_post", "client_secret_basic", "private_key_jwt"}
	cases := []struct {
		fixed       connection.AuthMethod
		offered     []string
		key, secret bool
		want        connection.AuthMethod
	}{
		{"", all, true, true, key},
		{"", all, true, false, key},
		{"", all, false, true, basic},
		{"", []string{"client_secret_post"}, false, true, post},
		{"", []string{"client_secret_post"}, true, true, post},
		{"", []string{"client_secret_post"}, true, false, key},
		{"", []string{"tls_client_auth"}, false, true, post},
		{"", nil, false, true, basic}, // RFC 8414 section 2: the default
		{"", nil, true, true, basic},
		{"", nil, true, false, key},
		{"", all, false, false, none},
		{"", nil, false, false, none},
		{post, all, true, true, post},
		{basic, []string{"client_secret_post"}, false, true, basic},
		{none, all, true, true, none},
		{key, nil, true, true, key},
	}
	for _, c := range cases {
		if got := chooseMethod(c.fixed, c.offered, c.key, c.secret); got != c.want {
			t.Errorf("%+v: chose %q", c, got)
		}
	}
}

func TestS58_EachMethodSendsItsCredentialInOnePlaceOnly(t *testing.T) {
	id, password := "client:id with/strange%chars", "se+cret: &=%"
	for _, method := range []connection.AuthMethod{connection.ClientSecretBasic, connection.ClientSecretPost, connection.AuthNone} {
		t.Run(string(method), func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.plan.Connection.IdP.ClientID, w.plan.Connection.IdP.AuthMethod = id, method
				w.plan.Credentials.IdP = secret.New(password)
				if _, err := ExchangeIDJAG(t.Context(), w.transport, w.plan, IDTokenSubject(w.session.IDToken)); err != nil {
					t.Fatal(err)
				}
				form, header := w.idp.form(), w.idp.auth[0]
				switch method {
				case connection.ClientSecretBasic:
					// RFC 6749 section 2.3.1: both are form-encoded first.
					want := "Basic " + base64.StdEncoding.EncodeToString([]byte("client%3Aid+with%2Fstrange%25chars:se%2Bcret%3A+%26%3D%25"))
					if header != want || form.Has("client_id") || form.Has("client_secret") {
						t.Errorf("header %q, form %v", header, form)
					}
				case connection.ClientSecretPost:
					if header != "" || form.Get("client_id") != id || form.Get("client_secret") != password {
						t.Errorf("header %q, form %v", header, form)
					}
				case connection.AuthNone:
					if header != "" || form.Get("client_id") != id || form.Has("client_secret") {
						t.Errorf("header %q, form %v", header, form)
					}
				}
				if w.idp.tokens() != 1 {
					t.Errorf("%d requests", w.idp.tokens())
				}
			})
		})
	}
}

func TestS58_ARefusedClientIsNotTriedInAnotherWay(t *testing.T) {
	for _, status := range []int{400, 401, 500} {
		inWorld(t, func(t *testing.T, w *world) {
			w.as.refuses(status, "invalid_client")
			_, _, err := w.exchangeAndRedeem(t)
			wantFault(t, err, fault.StepJWTBearer, fault.Config, "invalid_client")
			if w.idp.tokens() != 1 || w.as.tokens() != 1 {
				t.Errorf("%d and %d requests", w.idp.tokens(), w.as.tokens())
			}
		})
	}
}

// clientKeys are keys of every kind, as JSON Web Keys.
func clientKeys(t *testing.T) map[jose.SignatureAlgorithm]jose.JSONWebKey {
	t.Helper()
	keys := map[jose.SignatureAlgorithm]jose.JSONWebKey{
		jose.RS256: {Key: rsaKey(), KeyID: "rsa"},
		jose.PS256: {Key: rsaKey(), KeyID: "pss", Algorithm: "PS256"},
	}
	for alg, curve := range map[jose.SignatureAlgorithm]elliptic.Curve{jose.ES256: elliptic.P256(), jose.ES384: elliptic.P384(), jose.ES512: elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keys[alg] = jose.JSONWebKey{Key: key}
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys[jose.EdDSA] = jose.JSONWebKey{Key: edwards, KeyID: "ed"}
	return keys
}

func TestPrivateKeyJWTSignsForTheTokenEndpoint(t *testing.T) {
	for alg, key := range clientKeys(t) {
		t.Run(string(alg), func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				// The server's clock is a minute ahead; the assertion follows it.
				w.as.header = map[string][]string{"Date": {time.Now().Add(time.Minute).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")}}
				text, err := key.MarshalJSON()
				if err != nil {
					t.Fatal(err)
				}
				w.plan.Credentials.ResourceKey, w.plan.Credentials.Resource = secretText(string(text)), secret.Text{}
				var ids []string
				for range 2 {
					if _, _, err := w.exchangeAndRedeem(t); err != nil {
						t.Fatal(err)
					}
					ids = append(ids, checkAssertion(t, w, alg, key))
				}
				if ids[0] == ids[1] || ids[0] == "" {
					t.Errorf("the same assertion was sent twice: %v", ids)
				}
			})
		})
	}
}

// checkAssertion returns the last assertion's id.
func checkAssertion(t *testing.T, w *world, alg jose.SignatureAlgorithm, key jose.JSONWebKey) string {
	t.Helper()
	form := w.as.form()
	if form.Get("client_id") != resID || form.Has("client_secret") || form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
		t.Errorf("sent %v", form)
	}
	signed, err := jose.ParseSignedCompact(form.Get("client_assertion"), []jose.SignatureAlgorithm{alg})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := signed.Verify(key.Public())
	if err != nil || signed.Signatures[0].Header.KeyID != key.KeyID {
		t.Fatalf("%v, key id %q", err, signed.Signatures[0].Header.KeyID)
	}
	var claims struct {
		Iss, Sub, Aud, Jti string
		Iat, Exp           int64
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	if claims.Iss != resID || claims.Sub != resID || claims.Aud != "https://as.example/token" {
		t.Errorf("claims %+v", claims)
	}
	off := claims.Iat - time.Now().Unix()
	if claims.Exp-claims.Iat != 300 || off > 62 || off < 0 {
		t.Errorf("issued %d s from now, valid for %d s", off, claims.Exp-claims.Iat)
	}
	return claims.Jti
}

func TestAMissingOrBrokenCredentialIsToldBeforeAnythingIsSent(t *testing.T) {
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skip("this toolchain makes no short RSA keys:", err)
	}
	jwk := func(key any) secret.Text {
		text, err := jose.JSONWebKey{Key: key}.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		return secretText(string(text))
	}
	cases := map[string]struct {
		method      connection.AuthMethod
		secret, key secret.Text
		code        string
	}{
		"basic without secret":    {connection.ClientSecretBasic, secret.Text{}, secret.Text{}, "no_client_secret"},
		"post without secret":     {connection.ClientSecretPost, secret.Text{}, jwk(rsaKey()), "no_client_secret"},
		"key missing":             {connection.PrivateKeyJWT, secretText("x"), secret.Text{}, "bad_client_key"},
		"key is no JWK":           {"", secret.Text{}, secretText("canary"), "bad_client_key"},
		"key is public":           {"", secret.Text{}, jwk(rsaKey().Public()), "bad_client_key"},
		"key is symmetric":        {"", secret.Text{}, jwk([]byte("canary-canary-canary-canary-xxxx")), "bad_client_key"},
		"key is short":            {"", secret.Text{}, jwk(short), "bad_client_key"},
		"key of another alg":      {"", secret.Text{}, secretText(strings.Replace(jwk(rsaKey()).Reveal(), "{", `{"alg":"ES256",`, 1)), "bad_client_key"},
		"key of a symmetric alg":  {"", secret.Text{}, secretText(strings.Replace(jwk(rsaKey()).Reveal(), "{", `{"alg":"HS256",`, 1)), "bad_client_key"},
		"key says it is unsigned": {"", secret.Text{}, secretText(strings.Replace(jwk(rsaKey()).Reveal(), "{", `{"alg":"none",`, 1)), "bad_client_key"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.plan.Connection.IdP.AuthMethod = c.method
				w.plan.Credentials.IdP, w.plan.Credentials.IdPKey = c.secret, c.key
				_, err := ExchangeIDJAG(t.Context(), w.transport, w.plan, IDTokenSubject(w.session.IDToken))
				f := fault.As(err)
				if f == nil || f.Kind != fault.Config || f.Code != c.code || f.Remedy == "" {
					t.Errorf("got %v", err)
				}
				if len(w.net.Dials()) != 0 {
					t.Error("somebody was asked")
				}
			})
		})
	}
}

// Servers differ in what they want to see in an assertion.
func TestAnAssertionIsAsTheConnectionSays(t *testing.T) {
	key, err := NewClientKey("")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		form connection.Assertion
		aud  string
		life float64
		jti  bool
	}{
		{connection.Assertion{}, "https://idp.example/token", 300, true},
		{connection.Assertion{Audience: connection.AudienceTokenEndpoint, Lifetime: 3600}, "https://idp.example/token", 3600, true},
		{connection.Assertion{Audience: connection.AudienceIssuer, Lifetime: 30, OmitJTI: true}, "https://idp.example", 30, false},
	} {
		inWorld(t, func(t *testing.T, w *world) {
			w.plan.Connection.IdP.AuthMethod, w.plan.Connection.IdP.Assertion = connection.PrivateKeyJWT, c.form
			w.plan.Credentials.IdP, w.plan.Credentials.IdPKey = secret.Text{}, key
			if _, err := ExchangeIDJAG(t.Context(), w.transport, w.plan, IDTokenSubject(w.session.IDToken)); err != nil {
				t.Fatal(err)
			}
			signed, err := jose.ParseSignedCompact(w.idp.form().Get("client_assertion"), []jose.SignatureAlgorithm{jose.ES256})
			if err != nil {
				t.Fatal(err)
			}
			public, err := PublicClientKey(key)
			if err != nil {
				t.Fatal(err)
			}
			var jwk jose.JSONWebKey
			if err := json.Unmarshal(public, &jwk); err != nil || !jwk.IsPublic() || jwk.KeyID == "" || jwk.KeyID != signed.Signatures[0].Header.KeyID {
				t.Fatalf("the public key %s: %v", public, err)
			}
			payload, err := signed.Verify(jwk)
			if err != nil {
				t.Fatal(err)
			}
			var claims map[string]any
			if err := json.Unmarshal(payload, &claims); err != nil {
				t.Fatal(err)
			}
			_, jti := claims["jti"]
			if claims["aud"] != c.aud || claims["exp"].(float64)-claims["iat"].(float64) != c.life || jti != c.jti {
				t.Errorf("%+v: %v", c.form, claims)
			}
		})
	}
	if _, err := NewClientKey("HS256"); !fault.Is(err, fault.Config) {
		t.Errorf("a symmetric key: %v", err)
	}
}
