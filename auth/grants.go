package auth

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"waybill/connection"
	"waybill/fault"
	"waybill/secret"
	"waybill/transport"
)

// Subject is what is exchanged for an ID-JAG: an ID token or a refresh token,
// and nothing else can be made one.
type Subject struct {
	kind  connection.SubjectKind
	token secret.Text
	key   ProofKey
}

// IDTokenSubject exchanges an ID token.
func IDTokenSubject(t IDToken) Subject {
	return Subject{kind: connection.SubjectIDToken, token: t.Text}
}

// RefreshTokenSubject exchanges a refresh token. The exchange does not consume
// it.
func RefreshTokenSubject(t RefreshToken) Subject {
	return Subject{kind: connection.SubjectRefreshToken, token: t.Text}
}

// Bound has the exchange, the ID-JAG and the access token that come of it bound
// to key, where the connection asks for DPoP; for any other it changes nothing.
func (s Subject) Bound(key ProofKey) Subject {
	s.key = key
	return s
}

// proofKey is the key for an exchange at c: the subject's where c asks for DPoP,
// else none.
func (s Subject) proofKey(c connection.Connection) (ProofKey, error) {
	switch {
	case !c.DPoP:
		return ProofKey{}, nil
	case s.key.Empty():
		return ProofKey{}, at(fault.StepExchange, noProofKey())
	}
	return s.key, nil
}

// Kind says which of the two it is.
func (s Subject) Kind() connection.SubjectKind { return s.kind }

func (s Subject) tokenType() string {
	if s.kind == connection.SubjectRefreshToken {
		return typeRefreshToken
	}
	return typeIDToken
}

// Grant is an ID-JAG with what is known of it.
type Grant struct {
	Token  IDJAG
	Claims *IDJAGClaims
	Checks []Check

	Asked  []string // the scopes that were asked for
	Scopes []string // that it carries, by the answer or else by its claims; nil: unknown

	// Rotated is a refresh token that came in exchange for the one that was
	// the subject, and takes its place. Save it before anything else.
	Rotated RefreshToken

	Notes []string // what is worth mentioning, one sentence each

	key  ProofKey // that it is bound to; empty: none
	born age
	life time.Duration
	bad  *fault.Fault // why it must not be sent on
}

// Access is an access token with what is known of it.
type Access struct {
	Token AccessToken

	// The scopes that were asked for, that the ID-JAG carried (nil: unknown),
	// and that were granted.
	Asked, InIDJAG, Granted []string

	Notes []string

	key  ProofKey // that it is bound to; empty: a bearer token
	born age
	life time.Duration
}

// Bound reports whether the token is bound to a key of this app's (DPoP).
func (a *Access) Bound() bool { return !a.key.Empty() }

// Usable are the scopes that were asked for and granted; what was granted
// beyond that is not used.
func (a *Access) Usable() []string { return within(a.Asked, a.Granted) }

// left is how long the token is still valid.
func (a *Access) left() time.Duration { return a.life - a.born.since() }

// ExchangeIDJAG asks the identity provider for an ID-JAG (RFC 8693 section
// 2.1). The ID-JAG is decoded and held against the plan; one that is meant for
// someone else comes back with an error, for showing, and RedeemIDJAG will not
// send it. Errors are Faults with StepExchange.
func ExchangeIDJAG(ctx context.Context, t *transport.Client, p *Plan, subject Subject) (*Grant, error) {
	client, err := providerClient(p.Provider, p.Connection, p.Credentials)
	if err != nil {
		return nil, err
	}
	key, err := subject.proofKey(p.Connection)
	if err != nil {
		return nil, err
	}
	asked := p.Connection.ResourceScopes()
	answer, err := exchangeCall(p, client, subject, key, asked).do(ctx, t)
	if err != nil {
		err = explained(err, func(r *refusal) *fault.Fault { return exchangeFault(p, client, subject, r) })
		return nil, explainTarget(ctx, t, p, err)
	}
	return readGrant(t, p, subject, key, asked, answer)
}

func exchangeCall(p *Plan, client *clientAuth, subject Subject, key ProofKey, asked []string) tokenCall {
	return tokenCall{
		step: fault.StepExchange, endpoint: p.Provider.TokenEndpoint, client: client, grant: grantTokenExchange, key: key,
		params: url.Values{
			"requested_token_type": {typeIDJAG},
			"subject_token":        {subject.token.Reveal()},
			"subject_token_type":   {subject.tokenType()},
			"audience":             {p.Audience},
			"resource":             {p.Resource},
			"scope":                {strings.Join(asked, " ")},
		},
	}
}

// readGrant makes the Grant of an exchange's answer. Where there is one beside an
// error, it must not be sent on.
func readGrant(t *transport.Client, p *Plan, subject Subject, key ProofKey, asked []string, answer *tokenAnswer) (*Grant, error) {
	switch {
	case answer.issuedTokenType != typeIDJAG:
		return nil, at(fault.StepExchange, badAnswer("it issued a token of another type than the one that was asked for"))
	case !strings.EqualFold(answer.tokenType, "N_A"):
		return nil, at(fault.StepExchange, badAnswer("it calls it a token for direct use, which an ID-JAG is not"))
	}
	g := &Grant{Token: IDJAG{answer.token}, Asked: asked, key: key, born: answer.born, life: answer.life}
	return g, g.read(t, p, subject, answer)
}

// read fills in what the answer and the ID-JAG's claims say. The error is why
// the ID-JAG is not sent on.
func (g *Grant) read(t *transport.Client, p *Plan, subject Subject, answer *tokenAnswer) error {
	switch {
	case answer.refresh.Empty():
	case subject.kind == connection.SubjectRefreshToken && !answer.refresh.Equal(subject.token):
		g.Rotated = answer.refresh
	case subject.kind != connection.SubjectRefreshToken:
		g.Notes = append(g.Notes, "The identity provider sent a refresh token along with the ID-JAG; it was not kept.")
	}
	claims, err := DecodeIDJAG(g.Token)
	if err != nil {
		g.bad = fault.As(err)
		return err
	}
	now := time.Now()
	if skew, ok := t.ServerClock(p.Provider.TokenEndpoint); ok {
		now = now.Add(skew)
	}
	g.Claims, g.Checks = claims, append(claims.Check(p, now), claims.CheckKey(g.key.Thumbprint())...)
	if !claims.Expires.IsZero() {
		g.life = min(claims.Expires.Sub(now), longestIDJAG)
	}
	switch {
	case answer.scopesKnown:
		g.Scopes = answer.scopes
	case claims.ScopesKnown:
		g.Scopes = claims.Scopes
	}
	if g.bad = refused(g.Checks); g.bad != nil {
		return g.bad
	}
	return nil
}

// errExpiredIDJAG is the cause when an ID-JAG has become too old to be sent.
var errExpiredIDJAG = errors.New("auth: the ID-JAG has expired")

// RedeemIDJAG redeems an ID-JAG at the resource's authorization server (RFC
// 7523 section 2.1). An ID-JAG is redeemed once: do not call it twice with the
// same. Errors are Faults with StepJWTBearer; an access token that was granted
// none of the scopes asked for is one too, with the code "empty_grant".
func RedeemIDJAG(ctx context.Context, t *transport.Client, p *Plan, g *Grant) (*Access, error) {
	if g.bad != nil {
		return nil, g.bad
	}
	if g.born.since() >= g.life {
		return nil, fault.New(fault.StepJWTBearer, fault.Failed, "id_jag_expired", "The identity provider's grant for the resource expired before it could be redeemed.").
			WithRemedy("Try again.").Because(errExpiredIDJAG)
	}
	client, err := p.resourceClient()
	if err != nil {
		return nil, err
	}
	answer, err := redeemCall(p, client, g).do(ctx, t)
	if err != nil {
		return nil, explained(err, func(r *refusal) *fault.Fault { return redeemFault(t, p, client, g, r) })
	}
	if err := checkTokenType(answer.tokenType, g.key); err != nil {
		return nil, err
	}
	if answer.resources != nil && !slices.Equal(answer.resources, []string{p.Resource}) {
		return nil, at(fault.StepJWTBearer, badAnswer("it is for another resource than the one that was asked for"+difference(answer.resources[0], p.Resource)))
	}
	return newAccess(g, answer)
}

func redeemCall(p *Plan, client *clientAuth, g *Grant) tokenCall {
	return tokenCall{
		step: fault.StepJWTBearer, endpoint: p.Server.TokenEndpoint, client: client, grant: p.Server.redeemingGrant(g.key), key: g.key,
		params: url.Values{
			"assertion": {g.Token.Reveal()},
			"scope":     {strings.Join(g.Asked, " ")},
		},
	}
}

// checkTokenType accepts the kind of token that was asked for (RFC 6749 section
// 7.1): a bearer token where a bound one was to be had would be a downgrade, and
// one that is bound to a key of which nobody spoke cannot be used.
func checkTokenType(kind string, key ProofKey) error {
	bearer, bound := strings.EqualFold(kind, "Bearer"), strings.EqualFold(kind, tokenTypeDPoP)
	switch {
	case key.Empty() && bearer, !key.Empty() && bound:
		return nil
	case bound:
		return at(fault.StepJWTBearer, badAnswer("it is bound to a key (DPoP), and this connection does not use DPoP"))
	case bearer:
		return fault.New(fault.StepJWTBearer, fault.Hostile, "dpop_downgrade",
			"The resource's authorization server issued a bearer token, though this connection asks for one that is bound to a key (DPoP), so it was not used.").
			WithRemedy("Ask whoever runs the resource to support DPoP, or turn DPoP off in the connection.")
	case key.Empty():
		return at(fault.StepJWTBearer, badAnswer("it is not a bearer token"))
	}
	return at(fault.StepJWTBearer, badAnswer("it is not a token that is bound to a key (DPoP)"))
}

func newAccess(g *Grant, answer *tokenAnswer) (*Access, error) {
	a := &Access{Token: AccessToken{answer.token}, Asked: g.Asked, InIDJAG: g.Scopes, key: g.key, born: answer.born, life: answer.life}
	a.Granted = answer.scopes
	if !answer.scopesKnown {
		a.Granted = slices.Clone(a.Asked) // RFC 6749 section 5.1: left out if it is what was asked for
	}
	if !answer.refresh.Empty() {
		a.Notes = append(a.Notes, "The authorization server sent a refresh token; it was not kept, since a new ID-JAG takes its place.")
	}
	if extra := without(a.Granted, a.Asked); len(extra) > 0 {
		a.Notes = append(a.Notes, "More was granted than was asked for: "+fault.Clean(strings.Join(extra, " "), 120)+". It is not used.")
	}
	if len(a.Asked) > 0 && len(a.Usable()) == 0 {
		return a, emptyGrant(a)
	}
	return a, nil
}

func emptyGrant(a *Access) *fault.Fault {
	asked := fault.Clean(strings.Join(a.Asked, " "), 120)
	remedy := "Ask whoever runs the resource to allow them to this client."
	if a.InIDJAG != nil && len(within(a.Asked, a.InIDJAG)) == 0 {
		remedy = "The identity provider had left them out already: allow them in the resource connection there."
	}
	return fault.New(fault.StepJWTBearer, fault.Config, "empty_grant",
		"The authorization server granted none of the scopes that were asked for ("+asked+"), so the resource was not called.").
		WithRemedy(remedy).About("resource.scopes")
}

// Refresh renews a session by its refresh token (RFC 6749 section 6, OpenID
// Connect Core section 12). The new ID token is checked like any other and must
// be of the same user. A rotated refresh token replaces the old one at once at
// the identity provider: save the result before using it. When an error comes
// together with a session, only that refresh token in it is new, and it must be
// saved too. Errors are Faults.
func Refresh(ctx context.Context, t *transport.Client, p *Plan, s *Session) (*Session, error) {
	client, err := providerClient(p.Provider, p.Connection, p.Credentials)
	if err != nil {
		return nil, err
	}
	key := ProofKey{}
	if p.Connection.DPoP {
		key = s.ProofKey // a refresh token may be bound to it (RFC 9449 section 5)
	}
	answer, err := tokenCall{
		step: fault.StepSignIn, endpoint: p.Provider.TokenEndpoint, client: client, grant: "refresh_token", key: key,
		params: url.Values{"refresh_token": {s.Refresh.Reveal()}},
	}.do(ctx, t)
	if err != nil {
		return nil, explained(err, func(r *refusal) *fault.Fault { return refreshFault(p, client, r) })
	}
	renewed := *s
	rotated := !answer.refresh.Empty() && !answer.refresh.Equal(s.Refresh.Text)
	if rotated {
		renewed.Refresh = answer.refresh
	}
	kept := &renewed
	if !rotated {
		kept = nil
	}
	if answer.idToken.Empty() {
		return kept, fault.New(fault.StepSignIn, fault.SignInNeeded, "no_id_token", "The identity provider renewed the session without saying who is signed in.").
			WithRemedy("Sign in again.")
	}
	verified, err := VerifyIDToken(ctx, t, p.Provider, p.Connection.IdP.ClientID, answer.idToken,
		Expect{Subject: s.Identity.Subject, AccessToken: answer.token})
	if err == nil && verified.Identity.Tenant != s.Identity.Tenant {
		err = idTokenFault("id_token_tenant", "it is about another tenant than the one of the session")
	}
	if err != nil {
		if fault.Is(err, fault.Hostile) {
			kept = nil // what came with a token that is not the user's is not the user's either
		}
		return kept, at(fault.StepSignIn, err)
	}
	done := renewed
	done.IDToken, done.IDTokenExpiry, done.Unverified = answer.idToken, verified.Expiry, false
	return &done, nil
}
