package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"

	"waybill/connection"
	"waybill/fault"
	"waybill/secret"
)

// Where a registration is good for, as people are told.
const (
	atProvider = "the identity provider"
	atServer   = "the resource's authorization server"
)

// assertionLife is how long a client assertion is valid unless the connection
// says otherwise; Okta allows an hour.
const assertionLife = 5 * time.Minute

// clientAuth is one of the two registrations: which client, at whom, and how it
// proves itself. How is fixed before anything is sent, so that a credential
// never goes out a second time in another place (RFC 6749 section 2.3.1 allows
// one method in a request).
type clientAuth struct {
	where  string // atProvider or atServer
	side   string // "idp" or "resource", as in the fields of a connection
	id     string
	offers []string // the methods that the server's metadata lists; nil: unknown
	method connection.AuthMethod
	secret secret.Text
	key    *jose.JSONWebKey // private_key_jwt
	issuer string           // of the server
	form   connection.Assertion
}

// providerClient is the registration at the identity provider.
func providerClient(p *Provider, c connection.Connection, cred connection.Credentials) (*clientAuth, error) {
	client, err := newClientAuth(atProvider, c.IdP.ClientID, c.IdP.AuthMethod, p.TokenAuthMethods, cred.IdP, cred.IdPKey)
	if err != nil {
		return nil, err
	}
	client.issuer, client.form = p.Issuer, c.IdP.Assertion
	return client, nil
}

// resourceClient is the registration at the resource's authorization server.
func (p *Plan) resourceClient() (*clientAuth, error) {
	r := p.Connection.Resource
	client, err := newClientAuth(atServer, r.ClientID, r.AuthMethod, p.Server.TokenAuthMethods, p.Credentials.Resource, p.Credentials.ResourceKey)
	if err != nil {
		return nil, err
	}
	client.issuer, client.form = p.Server.Issuer, r.Assertion
	return client, nil
}

func newClientAuth(where, id string, fixed connection.AuthMethod, offered []string, password, key secret.Text) (*clientAuth, error) {
	c := &clientAuth{where: where, side: "idp", id: id, offers: offered, secret: password}
	if where == atServer {
		c.side = "resource"
	}
	c.method = chooseMethod(fixed, offered, !key.Empty(), !password.Empty())
	switch {
	case (c.method == connection.ClientSecretBasic || c.method == connection.ClientSecretPost) && password.Empty():
		return nil, fault.New(fault.StepSetup, fault.Config, "no_client_secret", "There is no client secret for "+where+".").
			WithRemedy("Enter the secret that belongs to the client id " + fault.Clean(id, 80) + ".").About(c.side + ".client_secret")
	case c.method == connection.PrivateKeyJWT && key.Empty():
		return nil, badKey(where, "is missing").About(c.side + ".private_key")
	case c.method == connection.PrivateKeyJWT:
		var why string
		if c.key, why = parseKey(key); why != "" {
			return nil, badKey(where, why)
		}
	}
	return c, nil
}

// chooseMethod takes what the connection fixes, else private_key_jwt if there
// is a key and the server offers it, else client_secret_basic if offered, else
// client_secret_post. A server that does not say what it offers offers
// client_secret_basic (RFC 8414 section 2).
func chooseMethod(fixed connection.AuthMethod, offered []string, haveKey, haveSecret bool) connection.AuthMethod {
	offers := func(m connection.AuthMethod) bool { return slices.Contains(offered, string(m)) }
	switch {
	case fixed != connection.AuthAuto:
		return fixed
	case haveKey && (offers(connection.PrivateKeyJWT) || !haveSecret):
		return connection.PrivateKeyJWT
	case !haveSecret:
		return connection.AuthNone
	case offered == nil || offers(connection.ClientSecretBasic):
		return connection.ClientSecretBasic
	default:
		return connection.ClientSecretPost
	}
}

func badKey(where, why string) *fault.Fault {
	return fault.New(fault.StepSetup, fault.Config, "bad_client_key", "The private key for "+where+" "+why+".").
		WithRemedy("Enter the key as a JSON Web Key.")
}

// parseKey reads a private key. It returns why it cannot be used, or "". The
// cause is left out, since it could quote the key.
func parseKey(text secret.Text) (*jose.JSONWebKey, string) {
	var key jose.JSONWebKey
	if err := json.Unmarshal([]byte(text.Reveal()), &key); err != nil || !key.Valid() {
		return nil, "is no JSON Web Key"
	}
	switch k := key.Key.(type) {
	case *rsa.PrivateKey:
		if k.N.BitLen() < 2048 {
			return nil, "is too short: 2048 bits are the least"
		}
	case *ecdsa.PrivateKey, ed25519.PrivateKey:
	default:
		return nil, "is not a private key"
	}
	return &key, ""
}

// style says where golang.org/x/oauth2 puts the client's id and secret. It is
// never left to be detected: that would send the request twice.
func (c *clientAuth) style() oauth2.AuthStyle {
	if c.method == connection.ClientSecretBasic {
		return oauth2.AuthStyleInHeader
	}
	return oauth2.AuthStyleInParams
}

// password is the secret as far as the method sends one.
func (c *clientAuth) password() secret.Text {
	if c.method == connection.ClientSecretBasic || c.method == connection.ClientSecretPost {
		return c.secret
	}
	return secret.Text{}
}

// how says what was sent, for people.
func (c *clientAuth) how() string {
	switch c.method {
	case connection.ClientSecretBasic, connection.ClientSecretPost:
		return "its secret"
	case connection.PrivateKeyJWT:
		return "an assertion signed with its key"
	default:
		return "no secret"
	}
}

// assertion signs a client assertion for a token endpoint (RFC 7523 section 3,
// OpenID Connect Core section 9). now is the time by that server's clock.
func (c *clientAuth) assertion(endpoint string, now time.Time) (secret.Text, error) {
	alg := c.algorithm()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: c.key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return secret.Text{}, badKey(c.where, "does not fit the algorithm "+fault.Clean(string(alg), 20))
	}
	claims := map[string]any{
		"iss": c.id, "sub": c.id, "aud": endpoint, "jti": rand.Text(),
		"iat": now.Unix(), "exp": now.Add(assertionLife).Unix(),
	}
	if c.form.Audience == connection.AudienceIssuer {
		claims["aud"] = c.issuer
	}
	if c.form.Lifetime > 0 {
		claims["exp"] = now.Add(time.Duration(c.form.Lifetime) * time.Second).Unix()
	}
	if c.form.OmitJTI {
		delete(claims, "jti")
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return secret.Text{}, fault.As(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return secret.Text{}, badKey(c.where, "cannot sign")
	}
	compact, err := signed.CompactSerialize()
	return secret.New(compact), err
}

// algorithm is what the key says, else the usual one for its type.
func (c *clientAuth) algorithm() jose.SignatureAlgorithm {
	if c.key.Algorithm != "" {
		return jose.SignatureAlgorithm(c.key.Algorithm)
	}
	switch k := c.key.Key.(type) {
	case *ecdsa.PrivateKey:
		switch k.Curve.Params().BitSize {
		case 384:
			return jose.ES384
		case 521:
			return jose.ES512
		}
		return jose.ES256
	case ed25519.PrivateKey:
		return jose.EdDSA
	default:
		return jose.RS256
	}
}
