package session

import (
	"context"
	"encoding/json"
	"fmt"

	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
	"waybill/secret"
)

// Side is one of the two registrations of a connection.
type Side string

// The sides, by the names that they have in a connection file.
const (
	AtIdP      Side = "idp"
	AtResource Side = "resource"
)

// KeyRequest says which key is meant.
type KeyRequest struct {
	At        Side   // "": AtIdP
	Algorithm string // of a key that is made; see auth.NewClientKey
	Replace   bool   // make a new one though there is one
}

// ClientKey returns the public half of the connection's key for private_key_jwt
// as a JWK, to be registered at the server. If there is none yet, or Replace is
// set, it makes one; the private half stays sealed in the vault and is never
// shown. Where nothing can be kept beyond this process no key is made, since its
// registration would be worth nothing afterwards.
func (m *Manager) ClientKey(ctx context.Context, name string, r KeyRequest) (json.RawMessage, error) {
	if connection.IsBuiltIn(name) {
		return nil, fault.New(fault.StepSetup, fault.Config, "built_in", "The built-in playground needs no key.")
	}
	if r.At != "" && r.At != AtIdP && r.At != AtResource {
		return nil, fault.New(fault.StepSetup, fault.Config, "bad_side", fmt.Sprintf("%q is neither idp nor resource.", fault.Clean(string(r.At), 40)))
	}
	configured, err := m.Configured(ctx, name)
	if err != nil {
		return nil, err
	}
	key := keyAt(&configured.Credentials, r.At)
	if !key.Empty() && !r.Replace {
		return auth.PublicClientKey(*key)
	}
	vault, err := m.openVault()
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	_, passing := m.passing[name]
	m.mu.Unlock()
	if passing || vault.Mode() == auth.VaultMemory {
		return nil, fault.New(fault.StepKeyring, fault.Failed, "not_kept", "A key that is made now could not be kept beyond this process.").
			WithRemedy("Unlock the keyring or set a passphrase, and add the connection first.")
	}
	made, err := auth.NewClientKey(r.Algorithm)
	if err != nil {
		return nil, err
	}
	*key = made
	record, kept := credentialsRecord(name), configured.Credentials
	if p := m.placed(name); p != nil { // what the administrator gave stays where it is
		record, kept = placedRecord(p.Connection), connection.Credentials{}
		if !keyAt(&p.Credentials, r.At).Empty() {
			return nil, readOnly(name)
		}
		for _, at := range []Side{AtIdP, AtResource} {
			if keyAt(&p.Credentials, at).Empty() {
				*keyAt(&kept, at) = *keyAt(&configured.Credentials, at)
			}
		}
	}
	if err := vault.Put(ctx, record, &auth.StoredCredentials{Credentials: kept}); err != nil {
		return nil, err
	}
	return auth.PublicClientKey(made)
}

func keyAt(c *connection.Credentials, at Side) *secret.Text {
	if at == AtResource {
		return &c.ResourceKey
	}
	return &c.IdPKey
}

// keepKeys takes the keys over that were made here for the connection that c
// takes the place of: nobody has them to enter again. A key goes only with the
// client that it was registered for, at the same server.
func (m *Manager) keepKeys(ctx context.Context, vault *auth.Vault, c connection.Connection, cred *connection.Credentials) error {
	old, ok := m.find(c.Name)
	if !ok {
		return nil
	}
	var had auth.StoredCredentials
	if _, err := vault.Get(ctx, credentialsRecord(c.Name), &had); err != nil {
		return err
	}
	if cred.IdPKey.Empty() && old.IdP.Issuer == c.IdP.Issuer && old.IdP.TokenEndpoint == c.IdP.TokenEndpoint && old.IdP.ClientID == c.IdP.ClientID {
		cred.IdPKey = had.IdPKey
	}
	a, b := old.Resource, c.Resource
	if cred.ResourceKey.Empty() && a.AuthorizationServer == b.AuthorizationServer && a.TokenEndpoint == b.TokenEndpoint && a.URL == b.URL && a.ClientID == b.ClientID {
		cred.ResourceKey = had.ResourceKey
	}
	return nil
}
