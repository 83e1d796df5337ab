package session

import (
	"context"
	"fmt"
	"time"

	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
)

// The names under which the vault keeps things.
func credentialsRecord(name string) string { return "credentials/" + name }
func accountRecord(name string) string     { return "account/" + name }
func storeRecord(account string) string    { return "store/" + account }

// kept is what is known of an account that is not open: nothing secret.
type kept struct {
	email     string
	renewable bool
	until     time.Time
}

func keptOf(s *auth.Session) kept {
	return kept{s.Identity.Email, s.Renewable(), s.IDTokenExpiry}
}

// builtinTitles are what the built-in connections are called before the
// playground has been started.
func builtinTitles() []connection.Connection {
	return []connection.Connection{
		{Name: connection.PlaygroundName, Title: "Built-in playground", Resource: connection.Resource{Kind: connection.REST}},
		{Name: connection.PlaygroundMCPName, Title: "Built-in playground (MCP)", Resource: connection.Resource{Kind: connection.MCP}},
	}
}

// infos lists the connections: the built-in ones, the administrator's, the
// user's own in order, and those of this process.
func (m *Manager) infos() []ConnectionInfo {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []ConnectionInfo
	add := func(c connection.Connection, builtIn bool) {
		k, signedIn := m.kept[c.Name]
		out = append(out, ConnectionInfo{Connection: c, BuiltIn: builtIn, SignedIn: signedIn, Email: k.email, Renewable: k.renewable, Until: k.until})
	}
	placed := m.placedNames()
	for _, c := range builtinTitles() {
		if known, ok := m.builtin[c.Name]; ok {
			c = known
		}
		add(c, true)
	}
	for _, p := range m.o.Placed {
		if p.Fault == nil {
			add(m.withApproval(p.Connection), false)
			out[len(out)-1].Placed = p.Path
		}
	}
	for _, c := range m.connections {
		if _, hidden := m.passing[c.Name]; !hidden && !placed[c.Name] {
			add(c, false)
		}
	}
	for _, c := range m.passing {
		add(c.Connection, false)
	}
	return out
}

// Use makes a connection known to this process only, in the place of a kept
// one of the same name.
func (m *Manager) Use(c connection.Connection, cred connection.Credentials) error {
	if err := m.checkName(c); err != nil {
		return err
	}
	m.mu.Lock()
	m.passing[c.Name] = Configured{c, cred}
	m.mu.Unlock()
	m.publish(func(*State) {})
	return nil
}

func (m *Manager) checkName(c connection.Connection) error {
	if m.placedNames()[c.Name] {
		return readOnly(c.Name)
	}
	if connection.IsBuiltIn(c.Name) {
		return fault.New(fault.StepSetup, fault.Config, "name_taken",
			fmt.Sprintf("The name %q belongs to the built-in playground.", c.Name)).WithRemedy("Choose another name.")
	}
	return c.Validate()
}

// AddConnection keeps a connection and seals its secrets. One of the same name
// is replaced; the account that was kept for that is then signed out, since
// its tokens belong to the old settings, but its to-dos are kept.
func (m *Manager) AddConnection(ctx context.Context, c connection.Connection, cred connection.Credentials) error {
	if err := m.checkName(c); err != nil {
		return err
	}
	vault, err := m.openVault()
	if err != nil {
		return err
	}
	if err := m.keepKeys(ctx, vault, c, &cred); err != nil {
		return err
	}
	// The secrets first: a connection without its secrets would be listed as
	// if it worked.
	if err := vault.Put(ctx, credentialsRecord(c.Name), &auth.StoredCredentials{Credentials: cred}); err != nil {
		return err
	}
	if err := m.changeSettings(func(s *settings) { s.put(c) }); err != nil {
		return err
	}
	m.publish(func(*State) {})
	return nil
}

// RemoveConnection forgets a connection with its secrets. The account that is
// kept for it must be signed out first: its to-dos and what was not sent yet
// would be left behind where nothing leads to them.
func (m *Manager) RemoveConnection(ctx context.Context, name string) error {
	if _, ok := m.find(name); !ok || connection.IsBuiltIn(name) {
		return unknownConnection(name)
	}
	if m.placedNames()[name] {
		return readOnly(name)
	}
	m.mu.Lock()
	_, kept := m.kept[name]
	m.mu.Unlock()
	if kept {
		return fault.New(fault.StepSetup, fault.Failed, "in_use", "Somebody is signed in at this connection.").
			WithRemedy("Sign out first.")
	}
	vault, err := m.openVault()
	if err != nil {
		return err
	}
	for _, record := range []string{accountRecord(name), credentialsRecord(name)} {
		if err := vault.Delete(ctx, record); err != nil {
			return err
		}
	}
	m.flows.Forget(name)
	if err := m.changeSettings(func(s *settings) { s.remove(name) }); err != nil {
		return err
	}
	m.publish(func(s *State) {
		if s.Current == name {
			s.Current = ""
		}
	})
	return nil
}

func unknownConnection(name string) error {
	return fault.New(fault.StepSetup, fault.Config, "unknown_connection",
		fmt.Sprintf("There is no connection called %q.", fault.Clean(name, 64))).
		WithRemedy("See 'waybill connections' for those there are.")
}

// find returns a connection as far as it is known without starting anything.
func (m *Manager) find(name string) (connection.Connection, bool) {
	for _, info := range m.infos() {
		if info.Connection.Name == name {
			return info.Connection, true
		}
	}
	return connection.Connection{}, false
}

// Configured returns the named connection with its secrets. For a built-in one
// it starts the playground.
func (m *Manager) Configured(ctx context.Context, name string) (Configured, error) {
	if connection.IsBuiltIn(name) {
		return m.startBuiltin(ctx, name)
	}
	if p := m.placed(name); p != nil {
		return m.configuredPlaced(ctx, p)
	}
	m.mu.Lock()
	passing, ok := m.passing[name]
	m.mu.Unlock()
	if ok {
		return passing, nil
	}
	c, ok := m.find(name)
	if !ok {
		return Configured{}, unknownConnection(name)
	}
	vault, err := m.openVault()
	if err != nil {
		return Configured{}, err
	}
	var cred auth.StoredCredentials
	if _, err := vault.Get(ctx, credentialsRecord(name), &cred); err != nil {
		return Configured{}, err
	}
	return Configured{c, cred.Credentials}, nil
}

func (m *Manager) startBuiltin(ctx context.Context, name string) (Configured, error) {
	all, err := m.o.Builtin(ctx)
	if err != nil {
		return Configured{}, err
	}
	var found Configured
	m.mu.Lock()
	for _, c := range all {
		m.builtin[c.Connection.Name] = c.Connection
		if c.Connection.Name == name {
			found = c
		}
	}
	m.mu.Unlock()
	m.publish(func(*State) {})
	if found.Connection.Name == "" {
		return Configured{}, unknownConnection(name)
	}
	return found, nil
}

func (m *Manager) openVault() (*auth.Vault, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.vault == nil {
		return nil, fault.New(fault.StepKeyring, fault.Failed, "vault_closed", "The keyring has not answered yet.").
			WithRemedy("Try again in a moment.")
	}
	return m.vault, nil
}
