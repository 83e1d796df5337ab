package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"waybill/connection"
	"waybill/fault"
	"waybill/transport"
)

// explained makes a Fault of a *refusal by say, and returns other errors as
// they are.
func explained(err error, say func(*refusal) *fault.Fault) error {
	var r *refusal
	if !errors.As(err, &r) {
		return err
	}
	f := say(r).WithServer(r.status, r.words)
	f.RetryAfter = r.retryAfter
	if r.code != "" {
		f.Code = r.code
	}
	if f.Kind == fault.StepUp {
		f.Challenge = r.challenge
	}
	return f
}

const sessionOver = "The session at the identity provider has expired or was ended."

// exchangeFault says what a refusal at the token exchange means (RFC 6749
// section 5.2, RFC 8693 section 2.2.2, RFC 9470).
func exchangeFault(p *Plan, client *clientAuth, subject Subject, r *refusal) *fault.Fault {
	step := fault.StepExchange
	named := "audience " + fault.Clean(p.Audience, 120) + " and resource " + fault.Clean(p.Resource, 120)
	scopes := fault.Clean(strings.Join(p.Connection.ResourceScopes(), " "), 120)
	switch r.code {
	case "invalid_request":
		return fault.New(step, fault.SignInNeeded, r.code, "The identity provider could not use this session at the token exchange.").
			WithRemedy("Sign in again; if it happens again, check the client id at the identity provider.")
	case "invalid_grant":
		return fault.New(step, fault.SignInNeeded, r.code, sessionOver).
			WithRemedy("Sign in again.")
	case "invalid_target":
		return fault.New(step, fault.Config, r.code, "The identity provider knows no connection from this app to "+named+".").
			WithRemedy("Add that resource connection at the identity provider, or correct the two values; each must match byte for byte.").
			About("resource.identifier")
	case "invalid_scope":
		return fault.New(step, fault.Config, r.code, "The identity provider does not allow this app the scope "+scopes+" at the resource.").
			WithRemedy("Ask for fewer scopes, or widen the resource connection at the identity provider.").About("resource.scopes")
	case "access_denied":
		return fault.New(step, fault.Denied, r.code, "Your organisation does not allow you or this app to reach the resource.").
			WithRemedy("Ask your administrator; trying again does not help.")
	case "insufficient_user_authentication":
		return fault.New(step, fault.StepUp, r.code, "The identity provider asks for a stronger or a more recent sign-in.").
			WithRemedy("Sign in again.")
	case "login_required", "interaction_required", "consent_required", "account_selection_required":
		return fault.New(step, fault.SignInNeeded, r.code, "The identity provider wants to see you again.").WithRemedy("Sign in again.")
	case "unsupported_token_type":
		return fault.New(step, fault.Config, r.code, "The identity provider does not exchange "+called(subject)+" for the resource.").
			WithRemedy("Set the subject of the connection to the other kind of token.").About("subject")
	case "unsupported_grant_type", "unauthorized_client":
		return fault.New(step, fault.Config, r.code, "The identity provider does not let this app exchange its session for the resource.").
			WithRemedy("Ask your administrator to allow token exchange for the client id " + fault.Clean(client.id, 80) + ".")
	}
	return commonFault(step, p, client, r)
}

// explainTarget adds to a refused target what the resource itself says, if that
// is something else: servers compare the two values byte for byte, and a slash
// too many is the most common mistake. Other errors come back as they are.
func explainTarget(ctx context.Context, t *transport.Client, p *Plan, err error) error {
	f := fault.As(err)
	if f.Code != "invalid_target" || p.Metadata == nil && p.Connection.Resource.Identifier == "" && p.Connection.Resource.AuthorizationServer == "" {
		return err
	}
	r, m := p.Connection.Resource, p.Metadata
	if m == nil {
		var asked error
		if m, asked = DiscoverResource(ctx, t, connection.Resource{Kind: r.Kind, URL: r.URL}); asked != nil {
			return err
		}
	}
	for _, reason := range TargetReasons(p, m) {
		return f.About(reason.Field).WithRemedy(reason.Says + ". " + reason.Remedy)
	}
	return err
}

func called(s Subject) string {
	if s.kind == connection.SubjectRefreshToken {
		return "refresh tokens"
	}
	return "ID tokens"
}

// redeemFault says what a refusal at the JWT bearer grant means (RFC 6749
// section 5.2, RFC 7523 section 3.1).
func redeemFault(t *transport.Client, p *Plan, client *clientAuth, g *Grant, r *refusal) *fault.Fault {
	step := fault.StepJWTBearer
	switch r.code {
	case "invalid_grant":
		why := whyRefused(t, p, g)
		return fault.New(step, fault.Config, r.code, "The resource's authorization server refused the identity provider's grant: "+why.Says+".").
			WithRemedy(why.Remedy).About(why.Field)
	case "invalid_scope":
		return fault.New(step, fault.Config, r.code, "The resource's authorization server does not allow this app the scope "+fault.Clean(strings.Join(g.Asked, " "), 120)+".").
			WithRemedy("Ask for fewer scopes, or have them allowed there.").About("resource.scopes")
	case "invalid_target":
		return fault.New(step, fault.Config, r.code, "The resource's authorization server does not know the resource "+fault.Clean(p.Resource, 120)+".").
			WithRemedy("Correct the resource identifier in the connection.").About("resource.identifier")
	case "access_denied":
		return fault.New(step, fault.Denied, r.code, "The resource does not allow you or this app in.").
			WithRemedy("Ask whoever runs the resource; trying again does not help.")
	case "insufficient_user_authentication":
		return fault.New(step, fault.StepUp, r.code, "The resource asks for a stronger or a more recent sign-in.").WithRemedy("Sign in again.")
	case "unsupported_grant_type", "unauthorized_client":
		return fault.New(step, fault.Config, r.code, "The resource's authorization server does not accept grants of an identity provider from this app.").
			WithRemedy("Ask whoever runs the resource to allow the JWT bearer grant for the client id " + fault.Clean(client.id, 80) + ".")
	case "invalid_request":
		return fault.New(step, fault.Config, r.code, "The resource's authorization server could not read the request.").
			WithRemedy("Check the token endpoint and the client authentication at the resource in the connection.")
	}
	return commonFault(step, p, client, r)
}

// refreshFault says what a refusal of the refresh token means.
func refreshFault(p *Plan, client *clientAuth, r *refusal) *fault.Fault {
	switch r.code {
	case "invalid_grant":
		return fault.New(fault.StepSignIn, fault.SignInNeeded, r.code, sessionOver).
			WithRemedy("Sign in again.")
	case "access_denied":
		return fault.New(fault.StepSignIn, fault.Denied, r.code, "Your organisation no longer allows you or this app to sign in.").
			WithRemedy("Ask your administrator; trying again does not help.")
	case "insufficient_user_authentication":
		return fault.New(fault.StepSignIn, fault.StepUp, r.code, "The identity provider asks for a stronger or a more recent sign-in.").
			WithRemedy("Sign in again.")
	case "login_required", "interaction_required", "consent_required":
		return fault.New(fault.StepSignIn, fault.SignInNeeded, r.code, "The identity provider wants to see you again.").WithRemedy("Sign in again.")
	}
	return commonFault(fault.StepSignIn, p, client, r)
}

// commonFault says what holds for every token endpoint.
func commonFault(step fault.Step, p *Plan, client *clientAuth, r *refusal) *fault.Fault {
	who := strings.ToUpper(client.where[:1]) + client.where[1:]
	switch {
	case r.code == "invalid_client" || r.code == "" && r.status == 401:
		return clientRefused(step, p, client)
	case r.code == codeNonce || r.code == codeProof:
		return proofRefused(step, p, who, r)
	case r.status >= 500 || r.status == 429 || r.status == 408 || r.code == "temporarily_unavailable" || r.code == "server_error":
		return fault.New(step, fault.Offline, "unavailable", fmt.Sprintf("%s cannot answer at the moment (HTTP %d).", who, r.status)).
			WithRemedy("Try again in a while.")
	case r.code == "" && (r.status == 404 || r.status == 405 || r.status == 410):
		return fault.New(step, fault.Config, "no_endpoint", who+" has no token endpoint where it should be.").
			WithRemedy("Correct the token endpoint in the connection.").About(client.side + ".token_endpoint")
	}
	return fault.New(step, fault.Failed, "refused", fmt.Sprintf("%s refused the request at the step “%s” (HTTP %d).", who, step, r.status)).
		WithRemedy("Its own words may say why.")
}

// proofRefused says why a DPoP proof was not taken (RFC 9449 sections 5 and 8),
// or that one is missed.
func proofRefused(step fault.Step, p *Plan, who string, r *refusal) *fault.Fault {
	switch {
	case !p.Connection.DPoP:
		return fault.New(step, fault.Config, r.code, who+" asks for tokens bound to a key (DPoP), which this connection does not use.").
			WithRemedy("Turn DPoP on in the connection, or ask whoever runs it to allow bearer tokens for this app.")
	case r.code == codeNonce && r.nonce:
		return fault.New(step, fault.Failed, r.code, who+" asks for another nonce each time that it is given the last one (DPoP).").
			WithRemedy("Try again in a while; if it happens again, tell whoever runs it.")
	case r.code == codeNonce:
		return fault.New(step, fault.Failed, r.code, who+" asks for a nonce in the proof of possession (DPoP) and gives none.").
			WithRemedy("Tell whoever runs it.")
	}
	return fault.New(step, fault.Failed, r.code, who+" did not accept the proof that this app has the key (DPoP).").
		WithRemedy("Its own words may say why; a clock that is wrong is one reason.")
}

// clientRefused explains the most common mistake: the two registrations
// crossed, or the right id with the wrong secret, or the right pair sent in a
// way that the server does not take.
func clientRefused(step fault.Step, p *Plan, client *clientAuth) *fault.Fault {
	f := fault.New(step, fault.Config, "invalid_client", fmt.Sprintf("At the step “%s”, %s did not accept the client id %s with %s.",
		step, client.where, fault.Clean(client.id, 80), client.how()))
	first := ClientEvidence{
		AtResource: client.where == atServer, Connection: p.Connection, Credentials: p.Credentials, Method: client.method, Offers: client.offers,
	}.Reasons()[0]
	if first.Code == "wrong_secret" {
		return f.About(first.Field).WithRemedy(first.Remedy)
	}
	return f.About(first.Field).WithRemedy(first.Says + ". " + first.Remedy)
}

// whyRefused says by our own evidence why an authorization server may have
// refused an ID-JAG, and what to do.
func whyRefused(t *transport.Client, p *Plan, g *Grant) Reason {
	e := GrantEvidence{Plan: p, Claims: g.Claims, Checks: g.Checks}
	here, okHere := t.ServerClock(p.Server.TokenEndpoint)
	there, okThere := t.ServerClock(p.Provider.TokenEndpoint)
	e.Ahead, e.AheadKnown = here-there, okHere && okThere
	e.Sent = time.Now().Add(there)
	e.Signed, _ = p.Provider.Signed(g.Token)
	if first := e.Reasons()[0]; first.Strength != Possible {
		return first
	}
	return Reason{Says: "everything that can be checked here is in order",
		Remedy: "It may not trust this identity provider, not know this user, or have seen the grant before; signing in again does not help. Ask whoever runs that server, who can see the reason."}
}
