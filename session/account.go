package session

import (
	"context"
	"path/filepath"
	"reflect"
	"sync"
	"sync/atomic"

	"waybill/api"
	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
	"waybill/internal/disk"
	"waybill/replica"
)

// account is the open account: its local copy is there from the start, its way
// to the resource as soon as the connection has been looked up.
type account struct {
	m       *Manager
	name    string // of the connection
	title   string
	record  record
	replica *replica.Replica
	session atomic.Pointer[auth.Session]

	life  context.Context
	end   context.CancelFunc
	tasks sync.WaitGroup

	// bring is held while the way to the resource is made; the fields below
	// are set once, under it, before up is closed.
	bring  chan struct{}
	up     chan struct{}
	plans  *planner
	ladder *auth.Ladder
	client api.Client
}

// loadKept finds out for which connections an account is kept.
func (m *Manager) loadKept(ctx context.Context) {
	for _, info := range m.infos() {
		name := info.Connection.Name
		var r record
		found, err := m.vault.Get(ctx, accountRecord(name), &r)
		if err != nil {
			m.o.Log.Warn("an account cannot be read", "connection", name, "fault", fault.As(err).Code)
		}
		if found && err == nil {
			m.mu.Lock()
			m.kept[name] = r.Session.Identity.Email
			m.mu.Unlock()
		}
	}
}

// openKept opens the account that is kept for the connection, if there is one.
// The turn is held.
func (m *Manager) openKept(ctx context.Context, name string) error {
	if name == "" {
		return nil
	}
	var r record
	found, err := m.vault.Get(ctx, accountRecord(name), &r)
	if err != nil || !found {
		return err
	}
	var key storeKey
	if found, err = m.vault.Get(ctx, storeRecord(r.Account), &key); err != nil {
		return err
	}
	if !found {
		// A sign-out destroys the key first; it was interrupted after that.
		return m.wipe(ctx, name, r.Account)
	}
	return m.openAccount(ctx, name, r, key, nil)
}

// openAccount opens the local copy of r's user, makes it the account in use
// and starts to sync it. plans is what a sign-in just looked up, nil at a
// start. The turn is held.
func (m *Manager) openAccount(ctx context.Context, name string, r record, key storeKey, plans *planner) error {
	local, err := replica.Open(ctx, replica.Options{Dir: m.storeDir(), Key: key.key, StartFresh: key.fresh, Account: r.Account, Log: m.o.Log})
	if err != nil {
		return err
	}
	a := &account{
		m: m, name: name, title: r.Title, record: r, replica: local,
		bring: make(chan struct{}, 1), up: make(chan struct{}),
	}
	s := r.Session
	a.session.Store(&s)
	a.life, a.end = context.WithCancel(m.life)
	m.mu.Lock()
	m.account = a
	m.kept[name] = r.Session.Identity.Email
	m.mu.Unlock()
	m.publish(func(st *State) {
		st.Phase, st.Current, st.SignInNeeded, st.Token = SignedIn, name, false, auth.TokenStatus{}
		st.Account = a.info()
	})
	if !m.o.Offline {
		a.tasks.Go(func() { a.run(plans) })
	}
	a.tasks.Go(a.mirror)
	return nil
}

func (m *Manager) storeDir() string {
	if m.vault.Mode() == auth.VaultMemory {
		return "" // without a lasting key nothing on disk could be read again
	}
	return m.o.Dir
}

func (a *account) info() *AccountInfo {
	c, ok := a.m.find(a.name)
	if !ok || c.Name == "" {
		c = connection.Connection{Name: a.name, Title: a.title}
	}
	s := a.session.Load()
	return &AccountInfo{Identity: s.Identity, Connection: c, Renewable: s.Renewable()}
}

// run makes the way to the resource and syncs until the account is closed.
func (a *account) run(plans *planner) {
	if err := a.connect(a.life, plans); err != nil {
		if a.life.Err() == nil {
			a.m.o.Log.Warn("the way to the resource is not there", "fault", fault.As(err).Code)
		}
		// A later Sync tries again; until then the local copy is all there is.
		select {
		case <-a.up:
		case <-a.life.Done():
			return
		}
	}
	if err := a.replica.Run(a.life, a.client); err != nil && a.life.Err() == nil {
		a.m.o.Log.Error("the sync ended", "fault", fault.As(err).Code)
	}
}

// ready waits until the way to the resource is there, making it if an earlier
// try failed.
func (a *account) ready(ctx context.Context) error { return a.connect(ctx, nil) }

// connect looks up the connection and makes the ladder and the client, once.
func (a *account) connect(ctx context.Context, plans *planner) error {
	select {
	case <-a.up:
		return nil
	case a.bring <- struct{}{}:
		defer func() { <-a.bring }()
	case <-ctx.Done():
		return fault.As(ctx.Err())
	}
	select {
	case <-a.up:
		return nil
	default:
	}
	if plans == nil {
		configured, err := a.m.Configured(ctx, a.name)
		if err != nil {
			return err
		}
		plans = a.m.newPlanner(configured)
	}
	c := plans.configured.Connection
	if fingerprint(c) != a.record.Fingerprint {
		return fault.New(fault.StepSignIn, fault.SignInNeeded, "connection_changed",
			"The connection was changed since you signed in.").WithRemedy("Sign in again.")
	}
	a.build(plans)
	a.m.publish(func(s *State) { s.Account = a.info() })
	return nil
}

func (a *account) build(plans *planner) {
	a.plans = plans
	a.ladder = auth.NewLadder(auth.LadderOptions{
		Plan: plans.plans.Get, Transport: a.m.o.Transport, Session: a.session.Load, Save: a.save, Exclude: a.exclude,
	})
	o := api.Options{Transport: a.m.o.Transport, Tokens: tokens{a.ladder, plans}, Resource: plans.configured.Connection.Resource}
	if o.Resource.Kind == connection.MCP {
		a.client = api.NewMCP(o)
	} else {
		a.client = api.NewREST(o)
	}
	close(a.up)
}

// knownPlan is the metadata, if it has been or can be looked up quickly.
func (a *account) knownPlan(ctx context.Context) *auth.Plan {
	ctx, cancel := context.WithTimeout(ctx, leaveLimit)
	defer cancel()
	if err := a.ready(ctx); err != nil {
		return nil
	}
	plan, err := a.plans.plans.Get(ctx)
	if err != nil {
		return nil
	}
	return plan
}

// save keeps a renewed session. It returns when that is durable, since the old
// refresh token may be void from the moment the new one is used (RFC 9700
// section 4.14.2).
func (a *account) save(ctx context.Context, s *auth.Session) error {
	r := a.record
	r.Session = *s
	if err := a.m.vault.Put(ctx, accountRecord(a.name), &r); err != nil {
		return err
	}
	a.session.Store(s)
	a.m.publish(func(st *State) { st.Account = a.info() })
	return nil
}

// exclude keeps other processes from renewing the session at the same time,
// since a rotated refresh token is good for one of them only, and returns the
// session as the last of them left it.
func (a *account) exclude(ctx context.Context) (*auth.Session, func(), error) {
	unlock := func() {}
	if a.m.storeDir() != "" {
		var err error
		if unlock, err = disk.Lock(ctx, filepath.Join(a.m.o.Dir, "renew-"+a.record.Account+".lock")); err != nil {
			return nil, nil, err
		}
	}
	var r record
	found, err := a.m.vault.Get(ctx, accountRecord(a.name), &r)
	switch {
	case err != nil:
		unlock()
		return nil, nil, err
	case !found || r.Account != a.record.Account:
		return nil, unlock, nil // signed out, or as someone else, by another process
	}
	return &r.Session, unlock, nil
}

// mirror carries what the sync learns into the State: how the access token
// stands and whether a sign-in is needed.
func (a *account) mirror() {
	stop := a.replica.Watch(func(s *replica.Snapshot) {
		var token auth.TokenStatus
		select {
		case <-a.up:
			token = a.ladder.Status()
		default:
		}
		needed := s.Status.Kind == replica.SignIn
		old := a.m.State()
		if reflect.DeepEqual(old.Token, token) && old.SignInNeeded == needed {
			return
		}
		a.m.publish(func(st *State) { st.Token, st.SignInNeeded = token, needed })
	})
	<-a.life.Done()
	stop()
}

// close ends the sync and closes the local copy.
func (a *account) close() error {
	a.end()
	a.tasks.Wait()
	var err error
	select {
	case <-a.up:
		a.ladder.Forget() // so that no mint saves the session after a sign-out
		err = a.client.Close()
		a.plans.plans.Close()
	default:
	}
	if closing := a.replica.Close(); closing != nil {
		err = closing
	}
	return err
}

// closeCurrent closes the open account, if there is one. The turn is held.
func (m *Manager) closeCurrent() {
	m.mu.Lock()
	a := m.account
	m.account = nil
	m.mu.Unlock()
	if a == nil {
		return
	}
	m.publish(func(s *State) {
		s.Phase, s.Account, s.Token, s.SignInNeeded = SignedOut, nil, auth.TokenStatus{}, false
	})
	if err := a.close(); err != nil {
		m.o.Log.Warn("an account did not close cleanly", "fault", fault.As(err).Code)
	}
}

// SwitchTo opens the account that is kept for the named connection, or shows
// that there is none: State is then SignedOut with that connection.
func (m *Manager) SwitchTo(ctx context.Context, name string) error {
	if _, ok := m.find(name); !ok {
		return unknownConnection(name)
	}
	if err := m.take(ctx); err != nil {
		return err
	}
	defer m.give()
	if _, err := m.openVault(); err != nil {
		return err
	}
	if a := m.current(); a != nil && a.name == name {
		return nil
	}
	m.closeCurrent()
	m.publish(func(s *State) { s.Current = name })
	if err := m.openKept(ctx, name); err != nil {
		return err
	}
	return m.remember(name)
}

// remember makes name the connection to begin with next time. A connection
// that only this process knows is not remembered.
func (m *Manager) remember(name string) error {
	m.mu.Lock()
	_, passing := m.passing[name]
	m.mu.Unlock()
	if passing {
		return nil
	}
	return m.changeSettings(func(s *settings) { s.Current = name })
}
