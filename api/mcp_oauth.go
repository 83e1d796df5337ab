package api

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"golang.org/x/oauth2"

	"waybill/fault"
	"waybill/secret"
)

// handler is the SDK's view of the access tokens. It never starts a sign-in: it
// hands out what Tokens yields, and answers the first 401 of a call with another
// token.
type handler struct {
	bearer *bearer
	scopes scopes

	mu   sync.Mutex
	last secret.Text // that was sent
}

var _ auth.OAuthHandler = (*handler)(nil)

// TokenSource implements auth.OAuthHandler. ctx is the session's; each call has
// made sure beforehand, in its own context, that there is a token.
func (h *handler) TokenSource(ctx context.Context) (oauth2.TokenSource, error) {
	return tokenSource{h, ctx}, nil
}

type tokenSource struct {
	h   *handler
	ctx context.Context
}

// Token implements oauth2.TokenSource. No token is minted for a session that is
// over.
func (s tokenSource) Token() (*oauth2.Token, error) {
	token := s.h.lastToken()
	if opened := openingOf(s.ctx); opened == nil || !opened.gone.Load() {
		var err error
		if token, _, err = s.h.bearer.token(s.ctx); err != nil {
			return nil, opaque{err}
		}
		s.h.mu.Lock()
		s.h.last = token
		s.h.mu.Unlock()
	}
	return &oauth2.Token{AccessToken: token.Reveal(), TokenType: "Bearer"}, nil
}

func (h *handler) lastToken() secret.Text {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}

// Authorize implements auth.OAuthHandler. The guard calls for it only by
// letting the first 401 of a call through.
func (h *handler) Authorize(ctx context.Context, req *http.Request, resp *http.Response) error {
	st := stateOf(ctx)
	g := guard{bearer: h.bearer, scopes: h.scopes}
	a := g.read(req, resp, st)
	if resp.StatusCode != http.StatusUnauthorized || final(readChallenge(a).code) {
		return opaque{h.scopes.refusal(a, listing)}
	}
	token, granted, ok, err := h.bearer.renew(ctx, a.token)
	if err != nil {
		return opaque{err}
	}
	if !ok {
		return opaque{g.denied(a, st)}
	}
	if st != nil {
		st.mu.Lock()
		st.renewed, st.token, st.granted = true, token, granted
		st.mu.Unlock()
	}
	return nil
}

// opaque carries an error of Tokens through the SDK. It can be found as it is
// and as a Fault, but not as an *oauth2.RetrieveError, on which the SDK would
// send the request without a token.
type opaque struct{ err error }

// Error implements error.
func (o opaque) Error() string { return o.err.Error() }

// As gives errors.As the Fault within.
func (o opaque) As(target any) bool {
	f, ok := target.(**fault.Fault)
	return ok && errors.As(o.err, f)
}
