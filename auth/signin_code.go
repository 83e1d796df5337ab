package auth

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"waybill/fault"
)

// authorizationURL is the authorization request (OpenID Connect Core section
// 3.1.2.1) with PKCE S256 whatever the metadata says (RFC 9700 section 2.1.1).
func (a *Attempt) authorizationURL() (string, error) {
	o := a.options
	u, err := url.Parse(a.provider.AuthorizationEndpoint)
	if err != nil {
		return "", fault.As(err)
	}
	query := u.Query() // the endpoint's own parameters are kept (RFC 6749 section 3.1)
	for name, value := range map[string]string{
		"response_type": "code", "client_id": o.Connection.IdP.ClientID, "redirect_uri": a.RedirectURI(), "scope": strings.Join(a.scopes(), " "),
		"state": a.state.Reveal(), "nonce": a.nonce.Reveal(),
		"code_challenge": oauth2.S256ChallengeFromVerifier(a.verifier.Reveal()), "code_challenge_method": "S256",
	} {
		query.Set(name, value)
	}
	prompt := o.Prompt
	if prompt == "" {
		prompt = o.Connection.IdP.Prompt
	}
	for name, value := range map[string]string{"prompt": prompt, "login_hint": o.LoginHint, "acr_values": o.ACRValues} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if o.MaxAge != nil {
		query.Set("max_age", strconv.Itoa(*o.MaxAge))
	}
	u.RawQuery = query.Encode()
	return u.String(), CheckBrowserURL(u.String())
}

// scopes are the connection's, with openid, and without offline_access if the
// user does not want to stay signed in.
func (a *Attempt) scopes() []string {
	scopes := a.options.Connection.SignInScopes()
	if !slices.Contains(scopes, "openid") {
		scopes = append([]string{"openid"}, scopes...)
	}
	return slices.DeleteFunc(scopes, func(s string) bool { return a.options.SessionOnly && s == "offline_access" })
}

// redeem makes a session of the answer by one request. With DPoP it proves
// possession of the key that the session will have: an identity provider may bind
// the refresh token of a public client to it (RFC 9449 section 5).
func (a *Attempt) redeem(ctx context.Context, answer callback) (*Session, error) {
	if err := a.checkIssuer(answer); err != nil {
		return nil, err
	}
	if answer.errorCode != "" {
		return nil, authorizationFault(answer)
	}
	call := tokenCall{
		step: fault.StepSignIn, endpoint: a.provider.TokenEndpoint, client: a.client, grant: "authorization_code", key: a.key,
		params: url.Values{"code": {answer.code.Reveal()}, "redirect_uri": {a.RedirectURI()}, "code_verifier": {a.verifier.Reveal()}},
	}
	tokens, err := call.do(ctx, a.options.Transport)
	if err != nil {
		return nil, explained(err, a.codeFault)
	}
	if tokens.idToken.Empty() {
		return nil, fault.New(fault.StepSignIn, fault.Hostile, "no_id_token", "The identity provider's answer holds no ID token.").
			WithRemedy("Check that the scopes of the connection include openid, and that the issuer is an OpenID provider.")
	}
	checked, err := VerifyIDToken(ctx, a.options.Transport, a.provider, a.client.id, tokens.idToken, Expect{
		Nonce: a.nonce, AccessToken: tokens.token, Fresh: true, MaxAge: a.options.MaxAge, ACRValues: a.options.ACRValues,
	})
	if err != nil {
		return nil, err
	}
	return &Session{
		Identity: checked.Identity, IDToken: tokens.idToken, IDTokenExpiry: checked.Expiry,
		Refresh: tokens.refresh, SignedInAt: time.Now(), ProofKey: a.key, SteppedUp: a.options.stepUp(),
	}, nil
}

// checkIssuer refuses an answer that another authorization server sent, or
// that does not say who sent it although this provider always does (RFC 9207
// section 2.4). The comparison is byte for byte.
func (a *Attempt) checkIssuer(answer callback) error {
	switch {
	case answer.hasIssuer && answer.issuer != a.provider.Issuer:
		return fault.New(fault.StepSignIn, fault.Hostile, "wrong_issuer",
			"The answer to the sign-in came from "+showIssuer(answer.issuer)+" and not from "+fault.Clean(a.provider.Issuer, 200)+difference(answer.issuer, a.provider.Issuer)+".").
			WithRemedy("Nothing of it was used. Sign in again.")
	case !answer.hasIssuer && a.provider.ISSParameter:
		return fault.New(fault.StepSignIn, fault.Hostile, "no_issuer", "The answer to the sign-in does not say who sent it, though the identity provider always does.").
			WithRemedy("Nothing of it was used. Sign in again.")
	}
	return nil
}

// authorizationFault explains an error that the sign-in page sent back (RFC
// 6749 section 4.1.2.1, OpenID Connect Core section 3.1.2.6).
func authorizationFault(answer callback) *fault.Fault {
	kind, message, remedy := fault.Failed, "The identity provider ended the sign-in with an error.", "Try again; if it happens again, tell whoever runs the identity provider."
	switch answer.errorCode {
	case "access_denied":
		kind, message, remedy = fault.Denied, "The sign-in was refused at the identity provider.", "Sign in again and allow it, or ask the administrator whether you may use this app."
	case "login_required", "interaction_required", "consent_required", "account_selection_required":
		kind, message, remedy = fault.SignInNeeded, "The identity provider needs you to take part in the sign-in.", "Sign in again."
	case "unmet_authentication_requirements":
		kind, message, remedy = fault.Denied, "The identity provider could not sign you in as strictly as was asked.", "Ask the administrator which kind of sign-in your account needs."
	case "server_error", "temporarily_unavailable":
		kind, message, remedy = fault.Offline, "The identity provider cannot sign anyone in at the moment.", "Try again in a while."
	case "invalid_scope":
		kind, message, remedy = fault.Config, "The identity provider does not allow the scopes that the sign-in asks for.", "Ask for fewer scopes in the connection."
	case "unauthorized_client", "invalid_request", "unsupported_response_type":
		kind, message, remedy = fault.Config, "The identity provider does not accept this app's sign-in request.", "Check the client id and the redirect URI under “At the identity provider”."
	}
	f := fault.New(fault.StepSignIn, kind, fault.Clean(answer.errorCode, 64), message).WithRemedy(remedy)
	if answer.words != "" {
		f = f.WithServer(0, answer.words)
	}
	return f
}

// codeFault explains why the token endpoint gave nothing for the code. The
// code is spent or dead in any case; only a new sign-in gives another.
func (a *Attempt) codeFault(r *refusal) *fault.Fault {
	step := fault.StepSignIn
	switch r.code {
	case "invalid_grant":
		return fault.New(step, fault.SignInNeeded, r.code, "The identity provider did not accept the code that its own sign-in page gave.").
			WithRemedy("Sign in again.")
	case "unauthorized_client", "unsupported_grant_type", "invalid_request", "invalid_scope":
		return fault.New(step, fault.Config, r.code, "The identity provider does not let this app sign people in.").
			WithRemedy("Check how the app is registered there: it needs the authorization code grant and the redirect URI " + a.RedirectURI() + ".")
	case "access_denied":
		return fault.New(step, fault.Denied, r.code, "The sign-in was refused at the identity provider.").
			WithRemedy("Ask the administrator whether you may use this app.")
	}
	return commonFault(step, &Plan{Connection: a.options.Connection, Provider: a.provider}, a.client, r)
}
