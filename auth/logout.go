package auth

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"waybill/fault"
	"waybill/transport"
)

// revokeLimit is how long a revocation may take: signing out on this computer
// does not wait for it to succeed.
const revokeLimit = 3 * time.Second

// EndSessionURL is the address that ends the session at the identity provider
// when it is opened in the browser (OpenID Connect RP-Initiated Logout 1.0
// section 2). ok is false if the provider has none. With a session (nil: none)
// it holds the ID token, as the specification recommends: give it to the browser
// and to nothing else. postLogout, if not empty, is where the browser goes
// afterwards; it must be registered at the provider.
func EndSessionURL(p *Provider, s *Session, clientID, postLogout string) (address string, ok bool) {
	if p == nil || p.EndSessionEndpoint == "" || CheckBrowserURL(p.EndSessionEndpoint) != nil {
		return "", false
	}
	u, err := url.Parse(p.EndSessionEndpoint)
	if err != nil {
		return "", false
	}
	query := u.Query()
	query.Set("client_id", clientID)
	if s != nil && !s.IDToken.Empty() {
		query.Set("id_token_hint", s.IDToken.Reveal())
	}
	if postLogout != "" {
		query.Set("post_logout_redirect_uri", postLogout)
	}
	u.RawQuery = query.Encode()
	return u.String(), true
}

// Revoke tells the identity provider to forget the session's refresh token
// (RFC 7009), where it offers that. It takes three seconds at most. A session
// without a refresh token, or a provider without a revocation endpoint, is no
// error. Errors are Faults; the token counts as forgotten here in any case.
func Revoke(ctx context.Context, t *transport.Client, p *Plan, s *Session) error {
	endpoint := p.Provider.RevocationEndpoint
	if endpoint == "" || s == nil || s.Refresh.Empty() {
		return nil
	}
	if !sameOrigin(endpoint, p.Provider.TokenEndpoint) {
		return notRevoked() // the refresh token goes only where it has always gone
	}
	client, err := providerClient(p.Provider, p.Connection, p.Credentials)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(transport.WithStep(ctx, fault.StepSignIn), revokeLimit)
	defer cancel()
	request, err := revocation(ctx, t, p.Provider, client, s.Refresh)
	if err != nil {
		return err
	}
	response, err := t.HTTP(transport.Token, endpoint).Do(request)
	if err != nil {
		return at(fault.StepSignIn, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		f := notRevoked()
		f.Status = response.StatusCode
		return f
	}
	return nil
}

func notRevoked() *fault.Fault {
	return fault.New(fault.StepSignIn, fault.Failed, "not_revoked", "The session was not ended at the identity provider.").
		WithRemedy("End it there, if that matters; nothing is left of it on this computer.")
}

func sameOrigin(a, b string) bool {
	one, err1 := transport.Origin(a)
	two, err2 := transport.Origin(b)
	return err1 == nil && err2 == nil && one == two
}

// revocation is the request of RFC 7009 section 2.1, authenticated like the
// client's requests for tokens.
func revocation(ctx context.Context, t *transport.Client, p *Provider, client *clientAuth, token RefreshToken) (*http.Request, error) {
	form, err := tokenCall{step: fault.StepSignIn, endpoint: p.TokenEndpoint, client: client}.parameters(t)
	if err != nil {
		return nil, err
	}
	form.Del("grant_type")
	form.Set("token", token.Reveal())
	form.Set("token_type_hint", "refresh_token")
	inHeader := client.style() == oauth2.AuthStyleInHeader
	if !inHeader {
		form.Set("client_id", client.id)
		if !client.password().Empty() {
			form.Set("client_secret", client.password().Reveal())
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.RevocationEndpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fault.As(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if inHeader {
		request.SetBasicAuth(url.QueryEscape(client.id), url.QueryEscape(client.password().Reveal()))
	}
	return request, nil
}
