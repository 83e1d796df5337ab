package authz

import (
	"context"
	"crypto/rand"
	"strings"

	"github.com/go-jose/go-jose/v4/jwt"

	"waybill/playground/internal/access"
	"waybill/playground/internal/dpop"
	"waybill/playground/internal/oauth"
	"waybill/playground/internal/state"
)

// organisation is the app_org of every access token.
const organisation = "playground"

// tokenClaims are those of an access token (RFC 9068 section 2.2).
type tokenClaims struct {
	jwt.Claims
	ClientID string             `json:"client_id"`
	Scope    string             `json:"scope"`
	Org      string             `json:"app_org"`
	Cnf      *dpop.Confirmation `json:"cnf,omitempty"`
}

func (s *Server) sign(c Client, subject, resource, scope, key string) (string, error) {
	now := s.o.Now()
	return s.o.Keys.Sign(oauth.JWTAccessToken, tokenClaims{
		Claims: jwt.Claims{
			Issuer: s.o.Issuer, Subject: subject, Audience: jwt.Audience{resource}, ID: rand.Text(),
			IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(s.o.TokenLife)),
		},
		ClientID: c.ID, Scope: scope, Org: organisation, Cnf: dpop.Confirm(key),
	})
}

// Verify checks an access token for a resource (RFC 9068 section 4). The
// resource compares the audience and the scopes itself.
func (s *Server) Verify(_ context.Context, bearer string) (access.Access, error) {
	var claims tokenClaims
	err := s.o.Keys.Verify(bearer, oauth.JWTAccessToken, &claims)
	switch {
	case err != nil || claims.Issuer != s.o.Issuer || claims.Subject == "" || len(claims.Audience) != 1 || claims.Expiry == nil:
		return access.Access{}, refusal("The access token is none of this resource's authorization server.")
	case !s.o.Now().Before(claims.Expiry.Time()):
		return access.Access{}, refusal("The access token has expired.")
	}
	a := access.Access{
		Subject: claims.Subject, Audience: claims.Audience[0], ClientID: claims.ClientID,
		Scopes: strings.Fields(claims.Scope), Expires: claims.Expiry.Time(),
	}
	if claims.Cnf != nil {
		a.Key = claims.Cnf.Thumbprint
	}
	s.o.Store.View(func(d *state.Data) { a.Email = d.People[claims.Subject].Email })
	return a, nil
}

// refused is an access.ErrInvalid with a reason of its own.
type refused struct{ reason string }

func (r refused) Error() string { return r.reason }
func (r refused) Unwrap() error { return access.ErrInvalid }

func refusal(reason string) error { return refused{reason} }

var _ access.Verifier = (*Server)(nil)
