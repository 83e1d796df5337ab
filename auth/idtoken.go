package auth

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"waybill/fault"
	"waybill/secret"
	"waybill/transport"
)

const (
	maxTokenLife   = 24 * time.Hour   // from "iat" to "exp", and from now to "exp"
	maxClockAhead  = 60 * time.Second // how far "iat" and "nbf" may lie ahead
	maxTokenAge    = 10 * time.Minute // how old an ID token of a fresh sign-in may be
	skewWorthWords = 20 * time.Second // a difference of the clocks that is mentioned
	maxSubject     = 255              // characters (OpenID Connect Core section 2)
)

// Expect says what an ID token must fit beside its issuer and client. The zero
// value asks for nothing more.
type Expect struct {
	Nonce       secret.Text // as sent in the authorization request; empty: none is asked for
	AccessToken secret.Text // that came with it, for "at_hash" (OpenID Connect Core section 3.1.3.8)
	Subject     string      // of the session that is refreshed (section 12.2); empty: any
	Fresh       bool        // issued for this very sign-in: at most ten minutes old
	MaxAge      *int        // seconds since the user proved who they are; nil: any
	ACRValues   string      // how they may have proved it, with blanks between; "": any way
}

// Verified is what a checked ID token says.
type Verified struct {
	Identity Identity
	Expiry   time.Time
	IssuedAt time.Time
}

// VerifyIDToken checks an ID token as OpenID Connect Core section 3.1.3.7 and
// RFC 8725 ask: signed with an asymmetric algorithm by a key that p publishes,
// a plain JWT, issued by p for clientID and nobody else, now, to a user with a
// name, and as expect says. Errors are Faults: SignInNeeded for a token that
// has expired, Denied for one of a weaker sign-in than expected, Offline if the
// keys could not be fetched, else Hostile.
func VerifyIDToken(ctx context.Context, t *transport.Client, p *Provider, clientID string, raw IDToken, expect Expect) (*Verified, error) {
	token, err := parseIDToken(raw)
	if err != nil {
		return nil, err
	}
	run, libraryErr := checkSignature(ctx, t, p, clientID, raw, token)
	if run == nil || run.err != nil {
		return nil, libraryErr
	}
	check := idTokenCheck{provider: p, clientID: clientID, expect: expect, alg: token.alg, transport: t, now: time.Now()}
	verified, err := check.run(run.payload)
	if err == nil && libraryErr != nil {
		err = libraryErr
	}
	if err != nil {
		return nil, err
	}
	return verified, nil
}

// parseIDToken refuses what is no ID token by its form and header.
func parseIDToken(raw IDToken) (*compactJWS, error) {
	token, err := parseCompact(raw.Reveal())
	if err != nil {
		return nil, idTokenFault("id_token_malformed", "it is not a signed token of the right form").Because(err)
	}
	if !token.isJWT() {
		return nil, idTokenFault("id_token_type", "it is a token of another type")
	}
	return token, nil
}

// checkSignature has go-oidc check the signature, and issuer, audience and
// expiry a first time. With an error, the run it returns has a payload and no
// err of its own if the signature is right and the rest is not: our own checks
// say better why.
func checkSignature(ctx context.Context, t *transport.Client, p *Provider, clientID string, raw IDToken, token *compactJWS) (*signatureRun, error) {
	if p.JWKSURI == "" {
		return nil, fault.New(fault.StepDiscovery, fault.Config, "no_keys", "The identity provider does not say where its keys are.").
			WithRemedy("Set jwks_uri for the identity provider in the connection.")
	}
	algs := p.signingAlgs()
	if !slices.Contains(algs, string(token.alg)) {
		return nil, idTokenFault("id_token_alg", "it is signed in a way that the provider does not announce")
	}
	run := &signatureRun{keys: p.keySet(t), token: token}
	verifier := oidc.NewVerifier(p.Issuer, run, &oidc.Config{ClientID: clientID, SupportedSigningAlgs: algs})
	_, err := verifier.Verify(ctx, raw.Reveal())
	switch {
	case err == nil:
		return run, nil
	case run.err != nil:
		return run, run.fault()
	case run.payload == nil:
		return nil, idTokenFault("id_token_malformed", "it is not a signed token of the right form")
	}
	return run, idTokenFault("id_token_refused", "its contents are not in order")
}

// signatureRun is the oidc.KeySet of one verification. It keeps what
// oidc.IDTokenVerifier hides in its error texts.
type signatureRun struct {
	keys    *keySet
	token   *compactJWS
	payload []byte
	err     error
}

// VerifySignature is called by oidc.IDTokenVerifier.
func (r *signatureRun) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	signed, err := jose.ParseSignedCompact(jwt, signingAlgs)
	if err != nil {
		r.err = errBadSignature
		return nil, r.err
	}
	r.payload, r.err = r.keys.verify(ctx, r.token, signed)
	return r.payload, r.err
}

func (r *signatureRun) fault() error {
	if errors.Is(r.err, errBadSignature) {
		return idTokenFault("id_token_signature", "none of the provider's published keys signed it")
	}
	return r.err
}

// idTokenCheck holds the claims of one token against what is expected.
type idTokenCheck struct {
	provider  *Provider
	clientID  string
	expect    Expect
	alg       jose.SignatureAlgorithm
	transport *transport.Client
	now       time.Time
}

func (c *idTokenCheck) run(payload []byte) (*Verified, error) {
	said, err := parseClaims(payload)
	if err != nil {
		return nil, idTokenFault("id_token_malformed", "its contents are not one plain JSON object")
	}
	v := &Verified{}
	for _, check := range []func(claims, *Verified) error{c.parties, c.times, c.subject, c.bindings, c.age, c.strength} {
		if err := check(said, v); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// parties: who issued it, and for whom.
func (c *idTokenCheck) parties(said claims, v *Verified) error {
	issuer, _ := said.text("iss")
	if issuer != c.provider.Issuer {
		return idTokenFault("id_token_issuer", "it was issued by "+showIssuer(issuer)+", not by "+fault.Clean(c.provider.Issuer, 200)+difference(issuer, c.provider.Issuer))
	}
	audience, ok := said.texts("aud")
	if !ok || !slices.Contains(audience, c.clientID) {
		return idTokenFault("id_token_audience", "it was issued for another app").
			WithRemedy("Check the client id under “At the identity provider”.")
	}
	authorized, ok := said.text("azp")
	if said.has("azp") && (!ok || authorized != c.clientID) {
		return idTokenFault("id_token_azp", "it was issued to another app")
	}
	if len(audience) > 1 && !said.has("azp") {
		return idTokenFault("id_token_azp", "it is meant for several apps and does not say to which it was issued")
	}
	v.Identity.Issuer = issuer
	return nil
}

// times: when it was issued, and until when it holds. The clock of this
// computer decides; tolerance is not raised for one that goes wrong, but the
// sentence says so.
func (c *idTokenCheck) times(said claims, v *Verified) error {
	expiry, ok := said.date("exp")
	if !ok {
		return idTokenFault("id_token_exp", "it does not say in the right form until when it is valid")
	}
	issued, ok := said.date("iat")
	if !ok {
		return idTokenFault("id_token_iat", "it does not say in the right form when it was issued")
	}
	switch {
	case !expiry.After(c.now):
		return c.expired()
	case expiry.Sub(issued) > maxTokenLife || expiry.Sub(c.now) > maxTokenLife:
		return idTokenFault("id_token_exp", "it would be valid for more than a day")
	case issued.Sub(c.now) > maxClockAhead:
		return c.clock(idTokenFault("id_token_iat", "it was issued in the future"))
	case c.expect.Fresh && c.now.Sub(issued) > maxTokenAge:
		return c.clock(idTokenFault("id_token_iat", "it is more than ten minutes old"))
	}
	if said.has("nbf") {
		from, ok := said.date("nbf")
		if !ok || from.Sub(c.now) > maxClockAhead {
			return c.clock(idTokenFault("id_token_nbf", "it is not valid yet"))
		}
	}
	v.Expiry, v.IssuedAt = expiry, issued
	return nil
}

func (c *idTokenCheck) expired() error {
	if c.expect.Fresh {
		return c.clock(idTokenFault("id_token_expired", "it has expired already"))
	}
	return c.clock(fault.New(fault.StepSignIn, fault.SignInNeeded, "id_token_expired", "The ID token has expired.").WithRemedy("Sign in again."))
}

// clock adds what is known of the clocks, where that may be the reason.
func (c *idTokenCheck) clock(f *fault.Fault) *fault.Fault {
	if c.transport == nil {
		return f
	}
	for _, address := range []string{c.provider.TokenEndpoint, c.provider.Issuer} {
		ahead, known := c.transport.ServerClock(address)
		if known && ahead.Abs() > skewWorthWords {
			return f.WithRemedy(skewSentence(ahead))
		}
	}
	return f
}

// skewSentence says by how much this computer's clock differs from a server's.
func skewSentence(serverAhead time.Duration) string {
	direction := "behind"
	if serverAhead < 0 {
		direction = "ahead of"
	}
	amount := serverAhead.Abs().Round(time.Second)
	words := fmt.Sprintf("%d seconds", int(amount.Seconds()))
	switch {
	case amount >= 48*time.Hour:
		words = fmt.Sprintf("%d days", int(amount.Hours()/24))
	case amount >= 2*time.Hour:
		words = fmt.Sprintf("%d hours", int(amount.Hours()))
	case amount >= 2*time.Minute:
		words = fmt.Sprintf("%d minutes", int(amount.Minutes()))
	}
	return fmt.Sprintf("This computer's clock is %s %s the identity provider's: set it, then sign in again.", words, direction)
}

// subject: whom it is about.
func (c *idTokenCheck) subject(said claims, v *Verified) error {
	subject, ok := said.text("sub")
	if !ok || subject == "" || utf8.RuneCountInString(subject) > maxSubject {
		return idTokenFault("id_token_sub", "it does not say in the right form who signed in")
	}
	if c.expect.Subject != "" && subject != c.expect.Subject {
		return idTokenFault("id_token_sub", "it is about another user than the one who signed in")
	}
	v.Identity.Subject = subject
	v.Identity.Tenant, _ = said.text("tenant")
	for name, field := range map[string]*string{"email": &v.Identity.Email, "name": &v.Identity.Name} {
		shown, _ := said.text(name)
		*field = fault.Clean(shown, maxSubject)
	}
	return nil
}

// bindings: nonce and at_hash tie it to this sign-in and its access token.
func (c *idTokenCheck) bindings(said claims, _ *Verified) error {
	if !c.expect.Nonce.Empty() {
		nonce, ok := said.text("nonce")
		if !ok || !c.expect.Nonce.Equal(secret.New(nonce)) {
			return idTokenFault("id_token_nonce", "it does not belong to this sign-in")
		}
	}
	if !said.has("at_hash") || c.expect.AccessToken.Empty() {
		return nil
	}
	hash, ok := said.text("at_hash")
	want := leftHalfHash(c.alg, c.expect.AccessToken.Reveal())
	if !ok || subtle.ConstantTimeCompare([]byte(hash), []byte(want)) != 1 {
		return idTokenFault("id_token_at_hash", "it does not belong to the access token that came with it")
	}
	return nil
}

// leftHalfHash is at_hash: the left half of the token's hash, with the hash
// function of the signature algorithm. For EdDSA with Ed25519 that is SHA-512.
func leftHalfHash(alg jose.SignatureAlgorithm, token string) string {
	var sum []byte
	switch alg {
	case jose.RS256, jose.PS256, jose.ES256:
		s := sha256.Sum256([]byte(token))
		sum = s[:]
	case jose.RS384, jose.PS384, jose.ES384:
		s := sha512.Sum384([]byte(token))
		sum = s[:]
	default:
		s := sha512.Sum512([]byte(token))
		sum = s[:]
	}
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}

// age: when the user last proved who they are.
func (c *idTokenCheck) age(said claims, v *Verified) error {
	proved, ok := said.date("auth_time")
	if ok {
		v.Identity.AuthTime = proved
	}
	if c.expect.MaxAge == nil {
		return nil
	}
	limit := time.Duration(*c.expect.MaxAge)*time.Second + maxClockAhead
	if !ok || c.now.Sub(proved) > limit {
		return idTokenFault("id_token_auth_time", "it does not show that the user has just signed in, as was asked")
	}
	return nil
}

// idTokenFault says that an ID token was refused, and why: the end of a
// sentence.
func idTokenFault(code, why string) *fault.Fault {
	return fault.New(fault.StepSignIn, fault.Hostile, code, "The identity provider's ID token was refused: "+why+".").
		WithRemedy("Sign in again; if it happens again, tell whoever runs the identity provider.")
}

func showIssuer(issuer string) string {
	if issuer == "" {
		return "nobody it names"
	}
	return fault.Clean(issuer, 200)
}

// difference says so where two identifiers differ by a final slash only, the
// most common mistake and the hardest to see.
func difference(a, b string) string {
	if a != b && strings.TrimSuffix(a, "/") == strings.TrimSuffix(b, "/") {
		return " (they differ only by a final slash)"
	}
	return ""
}
