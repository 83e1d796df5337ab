// Package auth signs the user in at their identity provider and turns that
// session into access tokens for a resource at another provider's: token
// exchange to an ID-JAG (RFC 8693,
// draft-ietf-oauth-identity-assertion-authz-grant) and JWT bearer grant
// (RFC 7523).
//
// Invariant: every token goes to the one party it is meant for. The ID token
// and the refresh token reach only the identity provider, the ID-JAG only the
// resource's authorization server, and the access token leaves the package only
// through Ladder.Token. They are distinct types that do not convert to one
// another; none of them is ever printed. A credential is sent once: nothing is
// tried again with the same code, ID-JAG or assertion, or with the secret in
// another place. The one exception are servers that will not look at a request
// before its DPoP proof holds a nonce of theirs, and say so (RFC 9449 section
// 8): such a request is sent once more, with the nonce, to the same place and no
// third time. The key of those proofs never leaves the package but for the
// vault.
//
// The other exception are the Probes, which run only when the user asks for each
// of them: requests that a server has to refuse, among them an ID-JAG that is
// presented twice, and the ID token shown to the authorization server. They go to
// the two token endpoints of the connection and nowhere else, no secret goes to
// the other pair's server, and what they bring is dropped unused.
package auth

import (
	"math"
	"time"

	"waybill/secret"
)

// IDToken is an OpenID Connect ID token, meant for this app alone.
type IDToken struct{ secret.Text }

// RefreshToken is a refresh token of the identity provider.
type RefreshToken struct{ secret.Text }

// IDJAG is an Identity Assertion JWT Authorization Grant: issued by the
// identity provider, meant for the resource's authorization server, redeemed
// once and never stored.
type IDJAG struct{ secret.Text }

// AccessToken is an access token of the resource's authorization server, meant
// for the resource.
type AccessToken struct{ secret.Text }

// Tri is an answer that may be missing: what metadata leaves out is unknown,
// not no.
type Tri int

// The answers. The zero value is Unknown.
const (
	Unknown Tri = iota
	Yes
	No
)

// String is "unknown", "yes" or "no".
func (t Tri) String() string {
	switch t {
	case Yes:
		return "yes"
	case No:
		return "no"
	default:
		return "unknown"
	}
}

// URNs of the two grants (RFC 8693 section 3,
// draft-ietf-oauth-identity-assertion-authz-grant).
const (
	grantTokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	grantJWTBearer     = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	grantJWTDPoP       = "urn:ietf:params:oauth:grant-type:jwt-dpop"
	typeIDJAG          = "urn:ietf:params:oauth:token-type:id-jag"
	typeIDToken        = "urn:ietf:params:oauth:token-type:id_token"
	typeRefreshToken   = "urn:ietf:params:oauth:token-type:refresh_token"
	profileIDJAG       = "urn:ietf:params:oauth:grant-profile:id-jag"
	assertionJWT       = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

// age measures how long ago something was received, by whichever of the
// monotonic and the wall clock says more: a clock that is set back does not
// make a token young again, and a computer that slept, whose monotonic clock
// stood still, does not keep a dead one.
type age struct {
	at   time.Time        // with its monotonic reading
	wall func() time.Time // nil: time.Now; tests set the clock with it
	from time.Time        // what wall said
}

func bornNow(wall func() time.Time) age {
	if wall == nil {
		wall = time.Now
	}
	return age{at: time.Now(), wall: wall, from: wall().Round(0)}
}

// since returns the age; a zero age is older than anything.
func (a age) since() time.Duration {
	if a.wall == nil {
		return math.MaxInt64
	}
	return max(time.Since(a.at), a.wall().Round(0).Sub(a.from))
}
