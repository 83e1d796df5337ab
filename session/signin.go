package session

import (
	"context"
	"time"

	"waybill/auth"
	"waybill/fault"
	"waybill/transport"
)

// SignInRequest says how to sign in.
type SignInRequest struct {
	NoBrowser bool   // the caller shows the address; the browser is not opened
	LoginHint string // the e-mail address to offer at the identity provider

	// For a step-up (RFC 9470): how old the sign-in may be at most, in seconds,
	// and how strong it must be. Where neither is set, it is what a server has
	// asked for since the last sign-in.
	MaxAge    *int
	ACRValues string
}

// SignIn is one sign-in under way.
type SignIn struct {
	attempt *auth.Attempt
	cancel  context.CancelFunc
	done    chan struct{}
	err     error
}

// BeginSignIn starts a sign-in at the named connection and returns as soon as
// the listener for the answer is bound. A sign-in that is still under way is
// cancelled. When it succeeds the account is opened, whether or not somebody
// waits for it.
func (m *Manager) BeginSignIn(ctx context.Context, name string, req SignInRequest) (*SignIn, error) {
	if _, err := m.openVault(); err != nil {
		return nil, err
	}
	configured, err := m.Configured(ctx, name)
	if err != nil {
		return nil, err
	}
	m.beginning.Lock() // each one cancels the one before it
	defer m.beginning.Unlock()
	m.mu.Lock()
	var before *auth.Attempt
	if m.pending != nil {
		before = m.pending.attempt
	}
	m.mu.Unlock()
	if asked := m.wanted(ctx, name); asked != nil && req.MaxAge == nil && req.ACRValues == "" {
		req.MaxAge, req.ACRValues = asked.MaxAge, asked.ACRValues
	}
	plans := m.newPlanner(configured)
	passage := m.flows.Recorder(name).SignIn()
	life, cancel := context.WithCancel(passage.Context(m.life))
	open := m.o.OpenURL
	if req.NoBrowser {
		open = nil
	}
	attempt, err := auth.Begin(life, auth.SignInOptions{
		Connection: configured.Connection, Credentials: configured.Credentials, Transport: m.o.Transport,
		OpenURL: open, LoginHint: req.LoginHint, MaxAge: req.MaxAge, ACRValues: req.ACRValues, Warm: plans.warm,
		Replaces: before, Listen: m.o.Listen,
	})
	if err != nil {
		cancel()
		plans.plans.Close()
		passage.End("", fault.As(err))
		return nil, err
	}
	s := &SignIn{attempt: attempt, cancel: cancel, done: make(chan struct{})}
	began := m.begin(func() { m.pending = s }, func() {
		defer close(s.done)
		defer cancel()
		session, err := attempt.Wait(life)
		passage.End("", fault.As(err)) // the mint that follows is part of the same run
		if err == nil {
			if err = m.adopt(life, plans, session); err != nil {
				passage.End("", fault.As(err))
			}
		} else {
			plans.plans.Close()
		}
		s.err = err
	})
	if !began {
		s.Cancel()
		plans.plans.Close()
		passage.End("", errClosing)
		return nil, errClosing
	}
	return s, nil
}

// URL returns the address to open, as soon as discovery has found it.
func (s *SignIn) URL(ctx context.Context) (string, error) { return s.attempt.URL(ctx) }

// RedirectURI is where the answer is awaited, as it must be registered.
func (s *SignIn) RedirectURI() string { return s.attempt.RedirectURI() }

// Deadline is when the sign-in gives up.
func (s *SignIn) Deadline() time.Time { return s.attempt.Deadline() }

// Reopen opens the browser again.
func (s *SignIn) Reopen() error { return s.attempt.Reopen() }

// Cancel ends the sign-in; its port is closed when Cancel returns.
func (s *SignIn) Cancel() {
	s.attempt.Cancel()
	s.cancel()
}

// settle ends the sign-in if it is under way. After a success it lets the
// browser fetch its last page first.
func (s *SignIn) settle() {
	select {
	case <-s.done:
		if s.err == nil {
			ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
			defer cancel()
			s.attempt.Settle(ctx)
		}
	default:
	}
	s.Cancel()
}

// Wait returns when the account is open and its first sync has begun, or with
// the Fault that ended the sign-in. Giving up waiting does not end it.
func (s *SignIn) Wait(ctx context.Context) error {
	select {
	case <-s.done:
		return s.err
	case <-ctx.Done():
		return fault.As(ctx.Err())
	}
}

// SignInWithIDToken opens the account of an ID token that was obtained
// elsewhere. It lasts as long as that token.
func (m *Manager) SignInWithIDToken(ctx context.Context, name string, raw auth.IDToken) error {
	if _, err := m.openVault(); err != nil {
		return err
	}
	configured, err := m.Configured(ctx, name)
	if err != nil {
		return err
	}
	plans := m.newPlanner(configured)
	plan, err := plans.plans.Get(ctx)
	if err != nil {
		plans.plans.Close()
		return err
	}
	ctx = transport.WithRecorder(ctx, m.flows.Recorder(name).Metadata())
	session, err := auth.SessionFromIDToken(ctx, m.o.Transport, plan.Provider, configured.Connection.IdP.ClientID, raw)
	if err != nil {
		plans.plans.Close()
		return err
	}
	return m.adopt(ctx, plans, session)
}

// adopt keeps a new session and makes its account the one in use. plans is
// closed with the account, or at once if that does not come about.
func (m *Manager) adopt(ctx context.Context, plans *planner, s *auth.Session) (err error) {
	defer func() {
		if err != nil {
			plans.plans.Close()
		}
	}()
	if err := m.take(ctx); err != nil {
		return err
	}
	defer m.give()
	c := plans.configured.Connection
	r := record{
		Account: accountName(s.Identity, c), Fingerprint: fingerprint(c), Title: c.DisplayTitle(), Session: *s,
	}
	key, err := keyFor(ctx, m.vault, r.Account)
	if err != nil {
		return err
	}
	if old := m.current(); old != nil && old.name == c.Name {
		old.forget() // a renewal of the old session must not be kept over the new one
	}
	took := m.replacedBy(ctx, c.Name, s.Identity)
	unlock := m.lockRecordSoon(ctx, r.Account)
	err = m.vault.Put(ctx, accountRecord(c.Name), &r)
	unlock()
	if err != nil {
		return err
	}
	_ = m.closeCurrent() // it was logged
	if err := m.openAccount(ctx, c.Name, r, key, plans, took); err != nil {
		return err
	}
	m.remember(c.Name)
	return nil
}

// replacedBy is whose place at the connection a sign-in takes; nil if nobody's.
// The turn is held.
func (m *Manager) replacedBy(ctx context.Context, name string, now auth.Identity) *Replaced {
	var old record
	if found, err := m.vault.Get(ctx, accountRecord(name), &old); err != nil || !found || old.Session.Identity.Same(now) {
		return nil
	}
	took := &Replaced{Identity: old.Session.Identity, Lasting: m.storeDir() != ""}
	if a := m.current(); a != nil && a.record.Account == old.Account {
		says := a.replica.Snapshot().Status
		took.Unsent = says.Waiting + says.Look
	}
	return took
}
