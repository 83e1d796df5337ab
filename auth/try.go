package auth

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"

	"waybill/connection"
	"waybill/fault"
	"waybill/transport"
)

// noToken stands where a token belongs in a request that is made to be refused.
const noToken = "waybill-checks-its-credentials"

// TryProviderClient finds out whether the identity provider knows the client
// with its secret or key, by a token exchange of something that is no token: a
// server authenticates the client before it looks at what it is given (RFC 6749
// section 5.2), so the refusal says which of the two it was. Nothing is spent,
// and nobody is signed in by it. The secret goes where it always goes and
// nowhere else.
//
// Yes: the pair is right. No: it is not, and the Fault says so. Unknown: the
// answer does not tell, and the Fault, which may be nil, says what came instead.
func TryProviderClient(ctx context.Context, t *transport.Client, p *Plan) (Tri, *fault.Fault) {
	client, err := providerClient(p.Provider, p.Connection, p.Credentials)
	if err != nil {
		return No, fault.As(err)
	}
	_, err = tokenCall{
		step: fault.StepExchange, endpoint: p.Provider.TokenEndpoint, client: client, grant: grantTokenExchange,
		params: url.Values{
			"requested_token_type": {typeIDJAG}, "subject_token": {noToken}, "subject_token_type": {typeIDToken},
			"audience": {p.Audience}, "resource": {p.Resource}, "scope": {strings.Join(p.Connection.ResourceScopes(), " ")},
		},
	}.do(ctx, t)
	return trial(err, func(r *refusal) *fault.Fault { return exchangeFault(p, client, IDTokenSubject(IDToken{}), r) })
}

// TryServerClient is TryProviderClient for the pair at the resource's
// authorization server, by a JWT bearer grant of something that is no ID-JAG.
func TryServerClient(ctx context.Context, t *transport.Client, p *Plan) (Tri, *fault.Fault) {
	client, err := p.resourceClient()
	if err != nil {
		return No, fault.As(err)
	}
	_, err = tokenCall{
		step: fault.StepJWTBearer, endpoint: p.Server.TokenEndpoint, client: client, grant: grantJWTBearer,
		params: url.Values{"assertion": {noToken}, "scope": {strings.Join(p.Connection.ResourceScopes(), " ")}},
	}.do(ctx, t)
	return trial(err, func(r *refusal) *fault.Fault { return redeemFault(t, p, client, &Grant{}, r) })
}

// refusedAfterLooking are the codes that a server gives once it knows who asks.
var refusedAfterLooking = []string{"invalid_grant", "invalid_request", "invalid_target", "invalid_scope", "access_denied", "unauthorized_client"}

func trial(err error, explain func(*refusal) *fault.Fault) (Tri, *fault.Fault) {
	var r *refusal
	if !errors.As(err, &r) {
		return Unknown, fault.As(err) // nil: it gave a token for nothing
	}
	f := fault.As(explained(err, explain))
	switch {
	case r.code == "invalid_client" || r.code == "" && r.status == http.StatusUnauthorized:
		return No, f
	case slices.Contains(refusedAfterLooking, r.code):
		return Yes, f
	}
	// unsupported_grant_type among others: some servers say it before they
	// look at who asks.
	return Unknown, f
}

// TryRedirect asks the identity provider for an authorization that nobody has to
// answer (prompt=none, OpenID Connect Core section 3.1.2.1), with the client id
// and the redirect URI of the connection. A provider that knows both sends the
// browser back, with or without a session; one that does not shows an error of
// its own. The answer is not followed. The result is as for TryProviderClient.
func TryRedirect(ctx context.Context, t *transport.Client, p *Provider, conn connection.Connection) (Tri, *fault.Fault) {
	address, err := silentRequest(p, conn)
	if err != nil {
		return Unknown, fault.As(err)
	}
	request, err := http.NewRequestWithContext(transport.WithStep(ctx, fault.StepSignIn), http.MethodGet, address, nil)
	if err != nil {
		return Unknown, fault.As(err)
	}
	response, err := t.HTTP(transport.Metadata, "").Do(request)
	if f := fault.As(err); f != nil {
		if f.Code == "redirect" {
			return Yes, nil
		}
		return Unknown, f
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	if status := response.StatusCode; status >= 400 && status < 500 && status != http.StatusTooManyRequests {
		redirect, _ := conn.Redirect()
		f := fault.New(fault.StepSignIn, fault.Config, "redirect_uri", "The identity provider does not take the redirect URI "+redirect.String()+
			" together with the client id "+fault.Clean(conn.IdP.ClientID, 80)+".").
			WithRemedy("Register exactly this redirect URI there, character for character: localhost is not 127.0.0.1, and the port counts.")
		f.Status = status
		return No, f
	}
	return Unknown, nil
}

// anyPort stands for a port that would be chosen at the sign-in.
const anyPort = 49152

func silentRequest(p *Provider, conn connection.Connection) (string, error) {
	if p.AuthorizationEndpoint == "" {
		return "", missingEndpoint("authorization_endpoint")
	}
	redirect, err := conn.Redirect()
	if err != nil {
		return "", err
	}
	if redirect.Port == 0 {
		redirect.Port = anyPort
	}
	u, err := url.Parse(p.AuthorizationEndpoint)
	if err != nil {
		return "", err
	}
	query := u.Query()
	for name, value := range map[string]string{
		"response_type": "code", "client_id": conn.IdP.ClientID, "redirect_uri": redirect.String(), "scope": "openid", "prompt": "none",
		"state": rand.Text(), "nonce": rand.Text(),
		"code_challenge": oauth2.S256ChallengeFromVerifier(newSecret().Reveal()), "code_challenge_method": "S256",
	} {
		query.Set(name, value)
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}
