package auth

import (
	"encoding/json"
	"errors"
	"time"

	"waybill/connection"
	"waybill/secret"
)

// Identity is who signed in, as the identity provider's ID token says. Issuer
// and Subject together name the user (OpenID Connect Core section 2); Email
// and Name are for showing only, cleaned of hidden characters, and decide
// nothing.
type Identity struct {
	Issuer   string
	Subject  string
	Tenant   string // the "tenant" claim, "" without one
	Email    string
	Name     string
	AuthTime time.Time // when the user last proved who they are; zero if the token does not say
}

// Same reports whether both name the same user: issuer, subject and tenant,
// byte for byte.
func (i Identity) Same(other Identity) bool {
	return i.Issuer == other.Issuer && i.Subject == other.Subject && i.Tenant == other.Tenant
}

// Session is what a sign-in yields: the subject of the token exchange. It is
// plain data; printing or marshalling it shows no token.
type Session struct {
	Identity      Identity
	IDToken       IDToken
	IDTokenExpiry time.Time
	Refresh       RefreshToken // empty if the session cannot be renewed
	Ended         bool         // it could be, until the provider called its refresh token dead
	SignedInAt    time.Time

	// ProofKey is what the tokens of this sign-in are bound to, where the
	// connection asks for that (DPoP); else empty.
	ProofKey ProofKey

	// SteppedUp is what the sign-in was asked to be, nil if nothing out of the
	// ordinary; Wanted is what a server has asked of the next one since.
	SteppedUp, Wanted *StepUp

	// Unverified is true where the ID token came from a file and its issuer
	// publishes no keys: its claims are shown, and the authorization server
	// alone decides what they are worth.
	Unverified bool
}

// Renewable reports whether the session outlives its ID token without a new
// sign-in.
func (s Session) Renewable() bool { return !s.Refresh.Empty() }

// sealedSession is a Session as it lies in the vault.
type sealedSession struct {
	Version       int       `json:"version"`
	Issuer        string    `json:"issuer"`
	Subject       string    `json:"subject"`
	Tenant        string    `json:"tenant,omitempty"`
	Email         string    `json:"email,omitempty"`
	Name          string    `json:"name,omitempty"`
	AuthTime      time.Time `json:"auth_time,omitzero"`
	IDToken       string    `json:"id_token,omitempty"`
	IDTokenExpiry time.Time `json:"id_token_expiry,omitzero"`
	Refresh       string    `json:"refresh_token,omitempty"`
	Ended         bool      `json:"ended,omitempty"`
	SignedInAt    time.Time `json:"signed_in_at,omitzero"`
	Unverified    bool      `json:"unverified,omitempty"`
	ProofKey      string    `json:"proof_key,omitempty"`
	SteppedUp     *StepUp   `json:"stepped_up,omitempty"`
	Wanted        *StepUp   `json:"wanted,omitempty"`
}

// errRecord is the cause when a record of the vault cannot be read as what was
// asked for.
var errRecord = errors.New("auth: the record is of another kind or of a newer version")

// MarshalForVault writes the session with its tokens in the open. Only the
// vault calls it, which seals the result before it leaves memory.
func (s *Session) MarshalForVault() ([]byte, error) {
	return json.Marshal(sealedSession{
		Version: 1,
		Issuer:  s.Identity.Issuer, Subject: s.Identity.Subject, Tenant: s.Identity.Tenant,
		Email: s.Identity.Email, Name: s.Identity.Name, AuthTime: s.Identity.AuthTime,
		IDToken: s.IDToken.Reveal(), IDTokenExpiry: s.IDTokenExpiry,
		Refresh: s.Refresh.Reveal(), Ended: s.Ended, SignedInAt: s.SignedInAt, Unverified: s.Unverified,
		ProofKey: s.ProofKey.Reveal(), SteppedUp: s.SteppedUp, Wanted: s.Wanted,
	})
}

// UnmarshalFromVault reads what MarshalForVault wrote.
func (s *Session) UnmarshalFromVault(data []byte) error {
	var in sealedSession
	if err := json.Unmarshal(data, &in); err != nil || in.Version != 1 {
		return errRecord
	}
	*s = Session{
		Identity: Identity{Issuer: in.Issuer, Subject: in.Subject, Tenant: in.Tenant, Email: in.Email, Name: in.Name, AuthTime: in.AuthTime},
		IDToken:  IDToken{secret.New(in.IDToken)}, IDTokenExpiry: in.IDTokenExpiry,
		Refresh: RefreshToken{secret.New(in.Refresh)}, Ended: in.Ended, SignedInAt: in.SignedInAt, Unverified: in.Unverified,
		ProofKey: ProofKey{secret.New(in.ProofKey)}, SteppedUp: in.SteppedUp, Wanted: in.Wanted,
	}
	return nil
}

// StoredCredentials are a connection's secrets in the form that the vault
// takes.
type StoredCredentials struct{ connection.Credentials }

type sealedCredentials struct {
	Version     int    `json:"version"`
	IdP         string `json:"idp,omitempty"`
	Resource    string `json:"resource,omitempty"`
	IdPKey      string `json:"idp_key,omitempty"`
	ResourceKey string `json:"resource_key,omitempty"`
}

// MarshalForVault writes the secrets in the open, for the vault alone.
func (c *StoredCredentials) MarshalForVault() ([]byte, error) {
	return json.Marshal(sealedCredentials{
		Version: 1, IdP: c.IdP.Reveal(), Resource: c.Resource.Reveal(),
		IdPKey: c.IdPKey.Reveal(), ResourceKey: c.ResourceKey.Reveal(),
	})
}

// UnmarshalFromVault reads what MarshalForVault wrote.
func (c *StoredCredentials) UnmarshalFromVault(data []byte) error {
	var in sealedCredentials
	if err := json.Unmarshal(data, &in); err != nil || in.Version != 1 {
		return errRecord
	}
	c.Credentials = connection.Credentials{
		IdP: secret.New(in.IdP), Resource: secret.New(in.Resource),
		IdPKey: secret.New(in.IdPKey), ResourceKey: secret.New(in.ResourceKey),
	}
	return nil
}
