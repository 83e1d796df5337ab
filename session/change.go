package session

import (
	"context"

	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
	"waybill/secret"
)

// Saved says which secrets are kept for a connection. The secrets themselves
// are not shown to anybody.
type Saved struct {
	IdP, Resource       bool // a client secret
	IdPKey, ResourceKey bool // a private key
}

// SavedSecrets says which secrets are kept for the named connection.
func (m *Manager) SavedSecrets(ctx context.Context, name string) (Saved, error) {
	configured, err := m.Configured(ctx, name)
	if err != nil {
		return Saved{}, err
	}
	c := configured.Credentials
	return Saved{!c.IdP.Empty(), !c.Resource.Empty(), !c.IdPKey.Empty(), !c.ResourceKey.Empty()}, nil
}

// ChangeConnection gives a connection of the user's own other settings. A secret
// that cred leaves empty stays as it is, as long as the client that it belongs
// to and the server that it goes to stay the same; else it is forgotten, since
// it would go to somebody else. An account that is open at the connection is
// opened anew, with the new settings; what they do to its sign-in is said at
// AddConnection.
func (m *Manager) ChangeConnection(ctx context.Context, c connection.Connection, cred connection.Credentials) error {
	if err := m.checkName(c); err != nil {
		return err
	}
	old, err := m.Configured(ctx, c.Name)
	if err != nil {
		return err
	}
	keepSecrets(old, c, &cred)
	m.mu.Lock()
	_, passing := m.passing[c.Name]
	m.mu.Unlock()
	if passing {
		err = m.Use(c, cred)
	} else {
		err = m.AddConnection(ctx, c, cred)
	}
	if err != nil {
		return err
	}
	return m.openAnew(ctx, c.Name)
}

// KeepsSecret reports whether a secret that is kept at a side of was would go
// with now: to the same server, for the same client.
func KeepsSecret(was, now connection.Connection, at Side) bool {
	if at == AtIdP {
		a, b := was.IdP, now.IdP
		return a.Issuer == b.Issuer && a.ClientID == b.ClientID && a.TokenEndpoint == b.TokenEndpoint
	}
	a, b := was.Resource, now.Resource
	return a.URL == b.URL && a.ClientID == b.ClientID && a.AuthorizationServer == b.AuthorizationServer && a.TokenEndpoint == b.TokenEndpoint
}

func keepSecrets(old Configured, now connection.Connection, cred *connection.Credentials) {
	keep := func(at Side, had secret.Text, into *secret.Text) {
		if into.Empty() && KeepsSecret(old.Connection, now, at) {
			*into = had
		}
	}
	keep(AtIdP, old.Credentials.IdP, &cred.IdP)
	keep(AtIdP, old.Credentials.IdPKey, &cred.IdPKey)
	keep(AtResource, old.Credentials.Resource, &cred.Resource)
	keep(AtResource, old.Credentials.ResourceKey, &cred.ResourceKey)
}

// Leaving is what signing out does beside forgetting what is on this computer.
type Leaving struct {
	EndsSession auth.Tri // the session at the identity provider, in the browser
	Revokes     auth.Tri // the refresh token, at the identity provider
}

// Leaving says what signing out of the open account would do. Where the
// identity provider cannot be reached within three seconds that is unknown.
func (m *Manager) Leaving(ctx context.Context) (Leaving, error) {
	a, err := m.needAccount()
	if err != nil {
		return Leaving{}, err
	}
	plan := a.knownPlan(ctx)
	if plan == nil {
		return Leaving{}, nil
	}
	l := Leaving{EndsSession: auth.No, Revokes: auth.No}
	if _, ok := auth.EndSessionURL(plan.Provider, nil, plan.Connection.IdP.ClientID, ""); ok {
		l.EndsSession = auth.Yes
	}
	if plan.Provider.RevocationEndpoint != "" && a.session.Load().Renewable() {
		l.Revokes = auth.Yes
	}
	return l, nil
}

// ExportConnection returns a connection as a file that can be handed on:
// without secrets, and without what this user has approved.
func (m *Manager) ExportConnection(ctx context.Context, name string) (connection.Connection, error) {
	if connection.IsBuiltIn(name) {
		return connection.Connection{}, fault.New(fault.StepSetup, fault.Config, "built_in", "The built-in playground is on every computer, at addresses of its own.")
	}
	configured, err := m.Configured(ctx, name)
	if err != nil {
		return connection.Connection{}, err
	}
	configured.Connection.Approved = nil
	return configured.Connection, nil
}
