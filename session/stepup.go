package session

import (
	"context"

	"waybill/auth"
	"waybill/fault"
)

// steppedUp handles a call that failed because the resource asks for a step-up
// (RFC 9470): what it asks for is kept for the next sign-in, and where this very
// sign-in was made for it already, no other is asked for. Other errors are
// returned as they are.
func (a *account) steppedUp(ctx context.Context, err error) error {
	if !fault.Is(err, fault.StepUp) {
		return err
	}
	f := a.session.Load().StepUpAgain(fault.As(err))
	if f.Kind != fault.StepUp {
		return f
	}
	if keeping := a.want(ctx, auth.StepUpOf(f)); keeping != nil {
		a.m.o.Log.Warn("what the next sign-in has to be was not kept", "fault", fault.As(keeping).Code)
	}
	return f
}

// want keeps what the next sign-in has to be. What the token ladder was asked, it
// has kept itself.
func (a *account) want(ctx context.Context, asked auth.StepUp) error {
	if a.session.Load().Wanted.Equal(&asked) {
		return nil
	}
	session, release, err := a.exclude(ctx)
	if err != nil {
		return err
	}
	defer release()
	if session == nil { // signed out meanwhile
		return nil
	}
	changed := *session
	changed.Wanted = &asked
	return a.save(ctx, &changed)
}

// wanted is what a server has asked of the next sign-in at the named connection,
// nil if nothing.
func (m *Manager) wanted(ctx context.Context, name string) *auth.StepUp {
	if a := m.current(); a != nil && a.name == name {
		return a.session.Load().Wanted
	}
	vault, err := m.openVault()
	if err != nil {
		return nil
	}
	var r record
	if found, err := vault.Get(ctx, accountRecord(name), &r); err != nil || !found {
		return nil
	}
	return r.Session.Wanted
}
