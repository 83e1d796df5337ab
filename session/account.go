package session

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"waybill/api"
	"waybill/auth"
	"waybill/connection"
	"waybill/explore"
	"waybill/fault"
	"waybill/flow"
	"waybill/replica"
)

// account is the open account: its local copy is there from the start, its way
// to the resource as soon as the connection has been looked up.
type account struct {
	m       *Manager
	name    string // of the connection
	title   string
	record  record
	took    *Replaced // whose place it has taken; nil if nobody's
	replica *replica.Replica
	session atomic.Pointer[auth.Session]

	life  context.Context
	end   context.CancelFunc
	runs  context.Context // ends with the sync; its cause says why
	tasks sync.WaitGroup
	calls calls

	// renew is held while the session is renewed.
	renew chan struct{}

	mcp     func() *explore.MCP // makes it once
	flow    *flow.Recorder
	minting *flow.Passage // the last mint; the ladder's steps read it, one mint after the other

	// bring is held while the way to the resource is made, and for good once
	// the account is closed; the fields below are set once, under it, before up
	// is closed. given is what a sign-in just looked up, nil at a start.
	bring  chan struct{}
	given  *planner
	up     chan struct{}
	plans  *planner
	ladder *auth.Ladder
	client api.Client

	rawOnce sync.Once // see rawClient
	raw     *api.Raw
	rawErr  error
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
			m.kept[name] = keptOf(&r.Session)
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
	return m.openAccount(ctx, name, r, key, nil, nil)
}

// openAccount opens the local copy of r's user, makes it the account in use
// and starts to sync it. given is what a sign-in just looked up, nil at a
// start; it is closed with the account. took is whose place it takes; nil if
// nobody's. The turn is held.
func (m *Manager) openAccount(ctx context.Context, name string, r record, key storeKey, given *planner, took *Replaced) error {
	local, err := m.copyOf(ctx, r.Account, key)
	if err != nil {
		return err
	}
	a := &account{
		m: m, name: name, title: r.Title, record: r, took: took, replica: local,
		flow: m.flows.Recorder(name), renew: make(chan struct{}, 1), bring: make(chan struct{}, 1), given: given, up: make(chan struct{}),
	}
	a.mcp = sync.OnceValue(a.exploreMCP)
	s := r.Session
	a.session.Store(&s)
	a.flow.Session(&s)
	a.life, a.end = context.WithCancel(m.life)
	runs, ended := context.WithCancelCause(a.life)
	a.runs = runs
	m.mu.Lock()
	m.account = a
	m.kept[name] = keptOf(&r.Session)
	m.mu.Unlock()
	m.publish(func(st *State) {
		st.Phase, st.Current, st.SignInNeeded, st.Token = SignedIn, name, false, auth.TokenStatus{}
		st.Account = a.info()
	})
	a.tasks.Go(func() { ended(a.run()) })
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
	return &AccountInfo{Identity: s.Identity, Connection: c, Renewable: s.Renewable(), StepUp: s.Wanted != nil, Replaced: a.took}
}

// publish changes the State as long as a is the account in use: what is learnt
// while it is being closed says nothing about what comes after it.
func (a *account) publish(change func(*State)) {
	a.m.publish(func(s *State) {
		if a.m.current() == a {
			change(s)
		}
	})
}

// run syncs until the account is closed, and says why it ended before that.
func (a *account) run() error {
	if a.m.o.Offline {
		return fault.New(fault.StepCall, fault.Offline, "offline", "Waybill was told to stay offline.")
	}
	err := a.replica.Run(a.life, resource{a})
	if err != nil && a.life.Err() == nil {
		a.m.o.Log.Error("the sync ended", "fault", fault.As(err).Code)
	}
	return err
}

// sync has one round run and waits for it.
func (a *account) sync(ctx context.Context) error {
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(a.runs, cancel)()
	err := a.replica.SyncNow(within)
	if err != nil && within.Err() != nil && ctx.Err() == nil {
		return fault.As(context.Cause(a.runs)) // there is no sync that could do it
	}
	return err
}

// connect looks up the connection and makes the ladder and the client, once.
func (a *account) connect(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(a.life, cancel)()
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
	if a.given != nil {
		a.build(a.given)
		return nil
	}
	configured, err := a.m.Configured(ctx, a.name)
	if err != nil {
		return err
	}
	if fingerprint(configured.Connection) != a.record.Fingerprint {
		return fault.New(fault.StepSignIn, fault.SignInNeeded, "connection_changed",
			"The connection was changed since you signed in.").WithRemedy("Sign in again.")
	}
	a.build(a.m.newPlanner(configured))
	a.publish(func(s *State) { s.Account = a.info() })
	return nil
}

func (a *account) build(plans *planner) {
	a.plans = plans
	a.ladder = auth.NewLadder(auth.LadderOptions{
		Plan: a.plan, Begin: a.beginMint, Observe: func(e auth.Event) { a.minting.Event(e) }, Transport: a.m.o.Transport, Session: a.session.Load, Exclude: a.exclude, Save: a.save,
	})
	o := a.clientOptions()
	if o.Resource.Kind == connection.MCP {
		a.client = api.NewMCP(o)
	} else {
		a.client = api.NewREST(o)
	}
	close(a.up)
}

// clientOptions are what a client of the resource needs.
func (a *account) clientOptions() api.Options {
	c := a.plans.configured.Connection
	o := api.Options{Transport: a.m.o.Transport, Tokens: tokens{a.ladder, a.plans}, Resource: c.Resource}
	if c.DPoP {
		o.Prover = a.ladder
	}
	return o
}

// knownPlan is the metadata, if it has been or can be looked up quickly.
func (a *account) knownPlan(ctx context.Context) *auth.Plan {
	ctx, cancel := context.WithTimeout(ctx, leaveLimit)
	defer cancel()
	if err := a.connect(ctx); err != nil {
		return nil
	}
	plan, err := a.plans.plans.Get(ctx)
	if err != nil {
		return nil
	}
	return plan
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
		a.publish(func(st *State) { st.Token, st.SignInNeeded = token, needed })
	})
	<-a.life.Done()
	stop()
}

// renewGrace is how long closing an account waits for a renewal under way:
// its answer may hold the only refresh token that still works.
const renewGrace = 2 * time.Second

// forget drops the tokens and ends a renewal under way; nothing is saved from
// then on.
func (a *account) forget() {
	select {
	case <-a.up:
		a.ladder.Forget()
	default:
	}
}

// close ends the sync and closes the local copy.
func (a *account) close() error {
	a.end()
	a.bring <- struct{}{} // kept: nobody makes the way to the resource any more
	a.tasks.Wait()
	var err error
	if a.client != nil {
		select {
		case a.renew <- struct{}{}:
		case <-time.After(renewGrace):
		}
		a.forget()
		err = a.client.Close()
		a.rawOnce.Do(func() { a.rawErr = errClosing })
		if a.raw != nil {
			err = errors.Join(err, a.raw.Close())
		}
		a.plans.plans.Close()
	} else if a.given != nil {
		a.given.plans.Close()
	}
	if closing := a.m.closeCopy(a); closing != nil {
		err = closing
	}
	return err
}

// closeCurrent closes the open account, if there is one. The turn is held.
func (m *Manager) closeCurrent() error {
	m.mu.Lock()
	a := m.account
	m.account = nil
	m.mu.Unlock()
	if a == nil {
		return nil
	}
	m.publish(func(s *State) {
		s.Phase, s.Account, s.Token, s.SignInNeeded = SignedOut, nil, auth.TokenStatus{}, false
	})
	err := a.close()
	if err != nil {
		m.o.Log.Warn("an account did not close cleanly", "fault", fault.As(err).Code)
	}
	return err
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
	_ = m.closeCurrent() // it was logged
	m.publish(func(s *State) { s.Current = name })
	if err := m.openKept(ctx, name); err != nil {
		return err
	}
	if m.current() != nil {
		m.remember(name)
	}
	return nil
}

// remember makes name the connection to begin with next time. A connection
// that only this process knows is not remembered. That it cannot be written
// down, on a full disk for one, is no reason not to show the to-dos.
func (m *Manager) remember(name string) {
	m.mu.Lock()
	_, passing := m.passing[name]
	m.mu.Unlock()
	if s, err := loadSettings(m.o.Dir); passing || err == nil && s.Current == name {
		return
	}
	if err := m.changeSettings(func(s *settings) { s.Current = name }); err != nil {
		m.o.Log.Warn("the connection in use was not remembered", "fault", fault.As(err).Code)
	}
}
