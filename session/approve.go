package session

import (
	"context"
	"slices"

	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
)

// Discover proposes a connection from one or two addresses; see auth.Discover.
// It keeps nothing: give the proposal, completed, to AddConnection. each is
// called on this goroutine with every address as it has been asked.
func (m *Manager) Discover(ctx context.Context, q auth.Query, each func(auth.Place)) (*auth.Found, error) {
	return auth.Discover(ctx, m.o.Transport, q, each)
}

// Changes asks the servers of a connection anew and returns what they say
// otherwise than was approved; nothing for a connection that nobody has used
// yet. Nothing secret is sent.
func (m *Manager) Changes(ctx context.Context, name string) ([]auth.Change, error) {
	_, changes, err := m.look(ctx, name)
	return changes, err
}

// Approve approves what the servers of a connection say now, if the difference
// is still the one that was seen; else it is a Fault of kind Config with the
// code "server_changed" that states the new one. What an administrator has
// pinned is not the user's to approve: the code is "read_only" then.
func (m *Manager) Approve(ctx context.Context, name string, seen []auth.Change) error {
	plan, changes, err := m.look(ctx, name)
	if err != nil {
		return err
	}
	if !slices.Equal(changes, seen) {
		return fault.New(fault.StepDiscovery, fault.Config, "server_changed", "What the servers say has changed again meanwhile.").
			WithRemedy("Look at the difference once more.")
	}
	if p := m.placed(name); p != nil && p.Connection.Approved != nil {
		return readOnly(name)
	}
	if err := m.keepApproval(plan.Connection, plan.Approval()); err != nil {
		return err
	}
	return m.openAnew(ctx, name)
}

// openAnew closes and opens the account of the named connection, if it is the
// one that is open: it goes by what was approved when it was opened.
func (m *Manager) openAnew(ctx context.Context, name string) error {
	if err := m.take(ctx); err != nil {
		return err
	}
	defer m.give()
	if a := m.current(); a == nil || a.name != name {
		return nil
	}
	_ = m.closeCurrent() // it was logged
	return m.openKept(ctx, name)
}

// look resolves a connection as if nothing was approved.
func (m *Manager) look(ctx context.Context, name string) (*auth.Plan, []auth.Change, error) {
	configured, err := m.Configured(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	approved := configured.Connection.Approved
	configured.Connection.Approved = nil
	plan, err := auth.Resolve(ctx, m.o.Transport, configured.Connection, configured.Credentials)
	if err != nil {
		return nil, nil, err
	}
	plan.Connection.Approved = approved
	return plan, plan.Changes(), nil
}

// approveFirst keeps what a connection was first seen to work with, as far as
// nothing else was approved before. That it cannot be written down is no reason
// not to work.
func (m *Manager) approveFirst(p *planner) {
	c := p.configured.Connection
	if placed := m.placed(c.Name); connection.IsBuiltIn(c.Name) || placed != nil && placed.Connection.Approved != nil {
		return
	}
	plan, err := p.plans.Get(m.life) // it is there: a token came of it
	if err == nil {
		approval := plan.Approval()
		if c.Approved != nil {
			approval = c.Approved.Or(approval)
		}
		if c.Approved != nil && approval == *c.Approved {
			return
		}
		err = m.keepApproval(c, approval)
	}
	if err != nil {
		m.o.Log.Warn("what the servers said was not pinned", "fault", fault.As(err).Code)
	}
}

// keepApproval pins a for c. The connections of this process only are pinned
// for as long as it runs, and those of the built-in playground not at all.
func (m *Manager) keepApproval(c connection.Connection, a connection.Approved) error {
	m.mu.Lock()
	passing, ok := m.passing[c.Name]
	if ok {
		passing.Connection.Approved = &a
		m.passing[c.Name] = passing
	}
	m.mu.Unlock()
	if ok || connection.IsBuiltIn(c.Name) {
		return nil
	}
	err := m.changeSettings(func(s *settings) {
		if i := s.index(c.Name); i >= 0 && m.placed(c.Name) == nil {
			if fingerprint(s.Connections[i]) == fingerprint(c) { // else it was replaced meanwhile
				s.Connections[i].Approved = &a
			}
			return
		}
		if s.Approved == nil {
			s.Approved = map[string]approval{}
		}
		s.Approved[c.Name] = approval{fingerprint(c), a}
	})
	if err == nil {
		m.publish(func(*State) {})
	}
	return err
}
