package session

import (
	"context"
	"fmt"
	"math"
	"time"

	"waybill/auth"
	"waybill/fault"
	"waybill/replica"
)

// SignOutRequest says how to sign out.
type SignOutRequest struct {
	OpenBrowser bool // end the session at the identity provider too, in the browser

	// Lose is how many changes that the server does not have may be lost: as
	// many as the user was told. LoseAll stands for any number.
	Lose int
}

// LoseAll lets every change that was not sent be lost.
const LoseAll = math.MaxInt

// SignOutResult says what is left to do.
type SignOutResult struct {
	// EndSession is the address that ends the session at the identity provider
	// (OpenID Connect RP-Initiated Logout 1.0), "" where there is none.
	EndSession string

	// Revoked says whether the identity provider has forgotten the refresh token
	// (RFC 7009); Unknown where it offers no such thing, or there was no token.
	Revoked auth.Tri
}

// leaveLimit is how long signing out waits for the identity provider.
const leaveLimit = 3 * time.Second

// SignOut forgets the account in use: its key first, so that its local copy
// cannot be read from then on, then its tokens and its files. What the server
// does not have yet is lost with it: if that is more than the request allows,
// or nobody can tell, nothing is done and the Fault ("unsent") says so. Then the
// refresh token is revoked where the identity provider offers that (RFC 7009), as far
// as that works.
func (m *Manager) SignOut(ctx context.Context, req SignOutRequest) (SignOutResult, error) {
	if err := m.take(ctx); err != nil {
		return SignOutResult{}, err
	}
	defer m.give()
	a, err := m.needAccount()
	if err != nil {
		return SignOutResult{}, err
	}
	if err := a.mayLose(ctx, req.Lose); err != nil {
		return SignOutResult{}, err
	}
	plan := a.knownPlan(ctx)
	session := a.session.Load()
	_ = m.closeCurrent() // it was logged
	m.flows.Forget(a.name)
	if err := m.wipe(ctx, a.name, a.record.Account); err != nil {
		return SignOutResult{}, err
	}
	return m.leave(ctx, plan, session, req), nil
}

// mayLose refuses to lose more than n changes.
func (a *account) mayLose(ctx context.Context, n int) error {
	if n == LoseAll {
		return nil
	}
	s, err := a.replica.Loaded(ctx)
	if err != nil {
		f := fault.New(fault.StepStore, fault.Failed, "unsent", "It cannot be told which changes were not sent: the to-dos saved on this computer cannot be read.")
		return f.WithRemedy("They are lost for good if you sign out all the same.").Because(err)
	}
	unsent := s.Status.Waiting + s.Status.Look
	switch {
	case s.Notice != nil: // the copy that was set aside goes too, with what nobody could read of it
		f := fault.New(fault.StepStore, fault.Failed, "unsent", "The to-dos saved on this computer were damaged, and changes that were not sent may be lost.")
		return f.WithRemedy("The damaged file cannot be read any more once you sign out.")
	case unsent <= n:
		return nil
	case unsent == 1:
		return unsentFault("1 change has not been sent yet and would be lost.")
	}
	return unsentFault(fmt.Sprintf("%d changes have not been sent yet and would be lost.", unsent))
}

func unsentFault(sentence string) error {
	return fault.New(fault.StepStore, fault.Failed, "unsent", sentence).WithRemedy("Sync first, or sign out and lose what is not sent.")
}

// wipe destroys what is kept of the account of the named connection.
func (m *Manager) wipe(ctx context.Context, name, account string) error {
	defer m.lockRecordSoon(ctx, account)()
	for _, record := range []string{storeRecord(account), accountRecord(name)} {
		if err := m.vault.Delete(ctx, record); err != nil {
			return err
		}
	}
	m.mu.Lock()
	delete(m.kept, name)
	delete(m.histories, account)
	m.mu.Unlock()
	m.publish(func(*State) {})
	if dir := m.storeDir(); dir != "" {
		return replica.Remove(replica.Options{Dir: dir, Account: account})
	}
	return m.dropCopy(account)
}

// leave tells the identity provider, as far as that works.
func (m *Manager) leave(ctx context.Context, plan *auth.Plan, s *auth.Session, req SignOutRequest) SignOutResult {
	if plan == nil {
		return SignOutResult{} // the provider was never reached in this run
	}
	var result SignOutResult
	if err := auth.Revoke(ctx, m.o.Transport, plan, s); err != nil {
		result.Revoked = auth.No
		m.o.Log.Info("the refresh token was not revoked", "fault", fault.As(err).Code)
	} else if plan.Provider.RevocationEndpoint != "" && s.Renewable() {
		result.Revoked = auth.Yes
	}
	// Without the ID token as a hint: the address becomes an argument of the
	// program that opens the browser, which every user of this computer can read,
	// and the token is still good for a while. The identity provider may ask
	// whether to sign out instead.
	end, ok := auth.EndSessionURL(plan.Provider, nil, plan.Connection.IdP.ClientID, "")
	if !ok {
		return result
	}
	if req.OpenBrowser && m.o.OpenURL != nil {
		if err := m.o.OpenURL(end); err != nil {
			m.o.Log.Info("the browser was not opened to sign out")
		}
	}
	result.EndSession = end
	return result
}
