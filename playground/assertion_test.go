package playground_test

import (
	"crypto/rand"
	"crypto/rsa"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"waybill/playground"
	"waybill/playground/playgroundtest"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// keyed is an app whose client authenticates with a key (RFC 7523 section 3,
// OpenID Connect Core section 9).
type keyed struct {
	*app
	key  *rsa.PrivateKey
	jwks []byte
	now  time.Time
}

func beginKeyed(t *testing.T) *keyed {
	t.Helper()
	key, err := playgroundtest.Key()
	if err != nil {
		t.Fatal(err)
	}
	k := &keyed{key: key, now: time.Now()}
	k.jwks = mustJSON(t, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "k1", Algorithm: "RS256", Use: "sig"}}})
	_, k.app = begin(t, playground.Options{Now: func() time.Time { return k.now }, Clients: []playground.Client{{
		ID: "keyed", JWKS: k.jwks, RedirectURIs: []string{redirectURI},
		Connections: []playground.ResourceConnection{{Resource: playground.API, JWKS: k.jwks}},
	}}})
	return k
}

// try sends a request that is complete but for its refresh_token: who gets past
// client authentication is told so.
func (k *keyed) try(server, assertion string, pairs ...string) answer {
	return k.post(server+"/token", withPairs(url.Values{
		"grant_type": {"refresh_token"}, "client_assertion_type": {assertionType}, "client_assertion": {assertion},
	}, pairs))
}

// claims are those of a good assertion, changed.
func (k *keyed) claims(change func(*jwt.Claims)) jwt.Claims {
	c := jwt.Claims{
		Issuer: "keyed", Subject: "keyed", Audience: jwt.Audience{k.at.IdP + "/token"}, ID: rand.Text(),
		IssuedAt: jwt.NewNumericDate(k.now), Expiry: jwt.NewNumericDate(k.now.Add(5 * time.Minute)),
	}
	if change != nil {
		change(&c)
	}
	return c
}

func (k *keyed) signed(change func(*jwt.Claims)) string {
	return sign(k.t, k.key, jose.RS256, "k1", "JWT", k.claims(change))
}

func (k *keyed) in(d time.Duration) *jwt.NumericDate { return jwt.NewNumericDate(k.now.Add(d)) }

func TestPrivateKeyJWTIsTaken(t *testing.T) {
	k := beginKeyed(t)
	for name, assertion := range map[string]string{
		"token endpoint as aud": k.signed(nil),
		"issuer as aud":         k.signed(func(c *jwt.Claims) { c.Audience = jwt.Audience{k.at.IdP} }),
		"no kid":                sign(t, k.key, jose.RS256, "", "JWT", k.claims(nil)),
		"no iat":                k.signed(func(c *jwt.Claims) { c.IssuedAt = nil }),
		"an hour long":          k.signed(func(c *jwt.Claims) { c.Expiry = k.in(time.Hour) }),
		"a clock 29 s ahead":    k.signed(func(c *jwt.Claims) { c.IssuedAt = k.in(29 * time.Second) }),
	} {
		expectPast(t, name, k.try(k.at.IdP, assertion))
	}
	expectPast(t, "with client_id", k.try(k.at.IdP, k.signed(nil), "client_id", "keyed"))

	server := k.at.AuthorizationServer
	resource := k.signed(func(c *jwt.Claims) {
		c.Issuer, c.Subject, c.Audience = "keyed-at-todo0", "keyed-at-todo0", jwt.Audience{server + "/token"}
	})
	expect(t, k.try(server, resource, "grant_type", grantBearer, "assertion", "x"), 400, "invalid_grant", "no signed JWT")
}

func expectPast(t *testing.T, name string, got answer) {
	t.Helper()
	if got.Error != "invalid_request" || !strings.Contains(got.Description, "refresh_token is missing") {
		t.Errorf("%s: %d %s %s", name, got.Status, got.Error, got.Description)
	}
}

func TestPrivateKeyJWTIsRefused(t *testing.T) {
	k := beginKeyed(t)
	for name, c := range map[string]struct{ assertion, says string }{
		"another aud":     {k.signed(func(c *jwt.Claims) { c.Audience = jwt.Audience{k.at.AuthorizationServer + "/token"} }), "aud"},
		"two auds":        {k.signed(func(c *jwt.Claims) { c.Audience = append(c.Audience, "https://evil.example") }), "aud"},
		"no aud":          {k.signed(func(c *jwt.Claims) { c.Audience = nil }), "aud"},
		"another iss":     {k.signed(func(c *jwt.Claims) { c.Issuer = "other" }), "iss and sub"},
		"no exp":          {k.signed(func(c *jwt.Claims) { c.Expiry = nil }), "no exp"},
		"expired":         {k.signed(func(c *jwt.Claims) { c.Expiry = k.in(-31 * time.Second) }), "expired"},
		"too long lived":  {k.signed(func(c *jwt.Claims) { c.Expiry = k.in(2 * time.Hour) }), "longer than an hour"},
		"from the future": {k.signed(func(c *jwt.Claims) { c.IssuedAt = k.in(time.Minute) }), "future"},
		"not valid yet":   {k.signed(func(c *jwt.Claims) { c.NotBefore = k.in(time.Minute) }), "not valid yet"},
		"no jti":          {k.signed(func(c *jwt.Claims) { c.ID = "" }), "jti"},
		"endless jti":     {k.signed(func(c *jwt.Claims) { c.ID = strings.Repeat("j", 300) }), "jti"},
		"another key":     {sign(t, newKey(t), jose.RS256, "k1", "JWT", k.claims(nil)), "none of the client's keys"},
		"another kid":     {sign(t, k.key, jose.RS256, "k2", "JWT", k.claims(nil)), "none of the client's keys"},
		"another alg":     {sign(t, k.key, jose.PS256, "k1", "JWT", k.claims(nil)), "none of the client's keys"},
		"HS256":           {signSymmetric(t, k.jwks, k.claims(nil)), ""},
	} {
		t.Run(name, func(t *testing.T) { expect(t, k.try(k.at.IdP, c.assertion), 401, "invalid_client", c.says) })
	}
	expect(t, k.try(k.at.IdP, k.signed(nil), "client_id", k.demo.ClientID), 401, "invalid_client", "not the client_id")
	expect(t, k.try(k.at.IdP, k.signed(nil), "client_id", "keyed", "client_secret", "x"), 400, "invalid_request", "more than one way")
	expect(t, k.try(k.at.AuthorizationServer, k.signed(nil), "grant_type", grantBearer, "assertion", "x"), 401, "invalid_client", "")
}

func TestPrivateKeyJWTIsGoodOnce(t *testing.T) {
	k := beginKeyed(t)
	once := k.signed(nil)
	if won := race(50, func() bool { return k.try(k.at.IdP, once).Error == "invalid_request" }); won != 1 {
		t.Errorf("%d of 50 requests with one assertion got past it", won)
	}
	expect(t, k.try(k.at.IdP, once), 401, "invalid_client", "used before")
}
