package session

import (
	"context"
	"path/filepath"
	"time"

	"waybill/auth"
	"waybill/fault"
	"waybill/internal/disk"
)

// recordLimit is how long a sign-in and a sign-out wait for a renewal of the
// session that they replace.
const recordLimit = 3 * time.Second

// lockRecord keeps other processes from changing what is kept of the account,
// until unlock is called. Where no lock can be had, as on
// a disk that cannot be written, there is nothing to protect either.
func (m *Manager) lockRecord(ctx context.Context, account string) (unlock func(), err error) {
	dir := m.storeDir()
	if dir == "" {
		return func() {}, nil
	}
	unlock, err = disk.Lock(ctx, filepath.Join(dir, "renew-"+account+".lock"))
	if err != nil && ctx.Err() != nil {
		return nil, fault.As(ctx.Err())
	}
	if err != nil {
		m.o.Log.Warn("the session is not locked", "fault", fault.As(err).Code)
		return func() {}, nil
	}
	return unlock, nil
}

// lockRecordSoon is lockRecord with a limit, after which it goes on without.
func (m *Manager) lockRecordSoon(ctx context.Context, account string) (unlock func()) {
	ctx, cancel := context.WithTimeout(ctx, recordLimit)
	defer cancel()
	unlock, err := m.lockRecord(ctx, account)
	if err != nil {
		return func() {}
	}
	return unlock
}

var errSignedOut = fault.New(fault.StepSignIn, fault.SignInNeeded, "signed_out", "You were signed out in another window.").
	WithRemedy("Sign in again.")

// exclude waits until nobody else renews the session, here or in another
// process, and returns it as it is kept by then, nil if there is none any more
// (auth.LadderOptions).
func (a *account) exclude(ctx context.Context) (*auth.Session, func(), error) {
	select {
	case a.renew <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, fault.As(ctx.Err())
	}
	unlock, err := a.m.lockRecord(ctx, a.record.Account)
	if err != nil {
		<-a.renew
		return nil, nil, err
	}
	release := func() {
		unlock()
		<-a.renew
	}
	saved, err := a.saved(ctx)
	if err != nil {
		release()
		return nil, nil, err
	}
	if saved != nil {
		a.session.Store(saved)
	}
	return saved, release, nil
}

// saved is the account's session as it is kept now, nil if another account or
// none is kept in its place.
func (a *account) saved(ctx context.Context) (*auth.Session, error) {
	var r record
	found, err := a.m.vault.Get(ctx, accountRecord(a.name), &r)
	if err != nil || !found || r.Account != a.record.Account || r.Fingerprint != a.record.Fingerprint {
		return nil, err
	}
	return &r.Session, nil
}

// save keeps a renewed session. It returns when that is durable, since the old
// refresh token may be void from the moment the new one is used (RFC 9700
// section 4.14.2). It never brings back a session that was signed out, and
// never replaces one of a later sign-in.
func (a *account) save(ctx context.Context, s *auth.Session) error {
	saved, err := a.saved(ctx)
	if err != nil {
		return err
	}
	if saved == nil || saved.SignedInAt.After(s.SignedInAt) {
		return errSignedOut
	}
	r := a.record
	r.Session = *s
	if err := a.m.vault.Put(ctx, accountRecord(a.name), &r); err != nil {
		return err
	}
	a.session.Store(s)
	a.m.mu.Lock()
	if _, kept := a.m.kept[a.name]; kept {
		a.m.kept[a.name] = keptOf(s)
	}
	a.m.mu.Unlock()
	a.publish(func(st *State) { st.Account = a.info() })
	return nil
}
