// Package access holds what an access token of the playground's authorization
// server allows. It is what the resource side and the authorization server
// share, and nothing else.
//
// Invariant: an Access exists only for a token whose signature, type, issuer
// and times were checked. It says nothing about the audience and the scopes
// being the right ones: that is for the resource to compare.
package access

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Access is what a verified access token says (RFC 9068 section 2.2).
type Access struct {
	Subject  string // {provider}:{user}, unique among all trusted issuers
	Email    string // for showing, may be empty
	Audience string // the resource that the token was minted for, byte for byte
	ClientID string // of the client at the authorization server
	Scopes   []string
	Expires  time.Time
	Key      string // thumbprint of the key that the token is bound to (RFC 9449 section 6.1); "": a bearer token
}

// Has reports whether scope was granted.
func (a Access) Has(scope string) bool { return slices.Contains(a.Scopes, scope) }

// ErrInvalid is in the chain of every error of a Verifier. The error's text is
// one sentence without any part of the token, fit for error_description.
var ErrInvalid = errors.New("the access token is not valid")

// Verifier checks access tokens, but not whether who sends one has the key that
// it is bound to. It is safe for concurrent use.
type Verifier interface {
	Verify(ctx context.Context, token string) (Access, error)
}
