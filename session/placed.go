package session

import (
	"context"
	"fmt"

	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
)

// placedRecord is where the vault keeps the keys that were made for a placed
// connection. It is bound to the settings, so that a key goes nowhere else when
// a file of the same name says something else.
func placedRecord(c connection.Connection) string { return "placed/" + fingerprint(c) }

// placed returns the connection of this name that an administrator placed, nil
// if there is none.
func (m *Manager) placed(name string) *connection.Placed {
	for i, p := range m.o.Placed {
		if p.Fault == nil && p.Connection.Name == name {
			return &m.o.Placed[i]
		}
	}
	return nil
}

func (m *Manager) placedNames() map[string]bool {
	out := map[string]bool{}
	for _, p := range m.o.Placed {
		if p.Fault == nil {
			out[p.Connection.Name] = true
		}
	}
	return out
}

// unusable are the files that hold no connection that can be used.
func (m *Manager) unusable() []connection.Placed {
	var out []connection.Placed
	for _, p := range m.o.Placed {
		if p.Fault != nil {
			out = append(out, p)
		}
	}
	return out
}

// withApproval adds what the user has approved to a connection that pins
// nothing itself. m.mu is held.
func (m *Manager) withApproval(c connection.Connection) connection.Connection {
	if a, ok := m.approved[c.Name]; ok && c.Approved == nil && a.Fingerprint == fingerprint(c) {
		c.Approved = &a.Approved
	}
	return c
}

// configuredPlaced is a placed connection with the secrets of its file, and with
// the keys that were made here where the file has none.
func (m *Manager) configuredPlaced(ctx context.Context, p *connection.Placed) (Configured, error) {
	m.mu.Lock()
	c := Configured{m.withApproval(p.Connection), p.Credentials}
	m.mu.Unlock()
	vault, err := m.openVault()
	if err != nil {
		return Configured{}, err
	}
	var made auth.StoredCredentials
	if _, err := vault.Get(ctx, placedRecord(p.Connection), &made); err != nil {
		return Configured{}, err
	}
	if c.Credentials.IdPKey.Empty() {
		c.Credentials.IdPKey = made.IdPKey
	}
	if c.Credentials.ResourceKey.Empty() {
		c.Credentials.ResourceKey = made.ResourceKey
	}
	return c, nil
}

func readOnly(name string) error {
	return fault.New(fault.StepSetup, fault.Config, "read_only",
		fmt.Sprintf("The connection %q was placed by your administrator and cannot be changed or removed here.", fault.Clean(name, 64))).
		WithRemedy("Use another name for one of your own, or ask your administrator.")
}
