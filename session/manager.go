package session

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"waybill/api"
	"waybill/auth"
	"waybill/connection"
	"waybill/explore"
	"waybill/fault"
	"waybill/flow"
	"waybill/internal/latest"
	"waybill/replica"
	"waybill/secret"
	"waybill/transport"
)

// Configured is a connection with its secrets.
type Configured struct {
	Connection  connection.Connection
	Credentials connection.Credentials
}

// Options are what a Manager needs. Dir, Transport and Builtin are required.
type Options struct {
	Dir       string // the folder for all data; created if it is missing
	Transport *transport.Client

	// Keyring keeps the one key under which secrets are sealed; nil: none.
	Keyring auth.Keyring
	// Passphrase is asked for where there is no keyring; nil: secrets last
	// only for this process.
	Passphrase func() (secret.Text, bool)

	// Builtin starts the built-in playground, or finds the one that runs, and
	// returns its two connections. It is called when one of them is first
	// used, not before, and must be safe to call again.
	Builtin func(ctx context.Context) ([]Configured, error)

	// Placed are the connections that an administrator placed on this computer;
	// see connection.ReadPlaced. They go before the user's own of the same name,
	// and cannot be changed or removed here.
	Placed []connection.Placed

	// Resume opens the account of the connection used last; without it none is
	// open until SwitchTo or a sign-in.
	Resume bool
	// Repair is the user's answer to a Fault that Repairable reports: what
	// cannot be read is set aside, not deleted, and begun anew.
	Repair bool
	// Offline keeps an account that is opened from syncing.
	Offline bool

	// Settled is closed once what the window shows first is on the screen; see
	// the option of package replica. Nil: nothing is waited for.
	Settled <-chan struct{}

	OpenURL func(url string) error // opens the system browser; nil: it is never opened
	Log     *slog.Logger           // nil: no log

	// Listen replaces the loopback port that a sign-in's answer is awaited on,
	// for tests on a network in memory; nil: a port of this computer.
	Listen func(network, address string) (net.Listener, error)
}

// Manager holds the connections and the account in use. All methods are safe
// for concurrent use; those that take a context may wait for the keyring, the
// disk or the network and belong on no UI goroutine.
type Manager struct {
	o     Options
	state *latest.Value[*State]
	flows *flow.History
	life  context.Context
	end   context.CancelFunc
	tasks sync.WaitGroup

	// turn is held by whatever changes which account is open: one at a time,
	// and by Close for good.
	turn     chan struct{}
	inMemory map[string]*replica.Replica // local copies that nothing is written of, by account; of the turn
	close    func() error

	beginning sync.Mutex // held while a sign-in is begun

	mu          sync.Mutex
	vault       *auth.Vault
	connections []connection.Connection          // the user's own, in order
	approved    map[string]approval              // of those that are not
	accepted    map[string]string                // digests of files, by name; see Accepted
	passing     map[string]Configured            // for this process only, by name
	builtin     map[string]connection.Connection // as far as known
	kept        map[string]kept                  // the account kept per connection
	histories   map[string]explore.History       // of accounts that nothing is written of
	account     *account
	pending     *SignIn // the last one begun, over or not
}

// Open opens the vault and, with Resume, the local copy of the account used
// last. It does not wait for the network. Without a keyring
// the Manager works all the same, and State says so; an error is one of the
// disk: unreadable, damaged, or made by a newer version.
func Open(ctx context.Context, o Options) (*Manager, error) {
	m := newManager(o)
	if err := m.open(ctx, o.Repair); err != nil {
		_ = m.Close()
		return nil, err
	}
	return m, nil
}

// Start is Open in the background, for a window that is to be on screen before
// the keyring answers: until it has, State's Phase is Starting. If it does not
// work out State's Problem says why.
func Start(o Options) *Manager {
	m := newManager(o)
	m.begin(nil, func() { m.openShowing(o.Repair) })
	return m
}

func (m *Manager) openShowing(repair bool) {
	if err := m.open(m.life, repair); err != nil && m.life.Err() == nil {
		m.publish(func(s *State) { s.Problem = fault.As(err) })
	}
}

// Repair starts afresh after a Problem that Repairable reports, in the
// background: what cannot be read is set aside and begun anew. It does nothing
// at any other time.
func (m *Manager) Repair() {
	if !Repairable(m.State().Problem) {
		return
	}
	m.publish(func(s *State) { s.Problem = nil })
	m.begin(nil, func() { m.openShowing(true) })
}

// begin runs task in the background, after note, unless the Manager is closing;
// Close waits for it.
func (m *Manager) begin(note, task func()) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.life.Err() != nil {
		return false
	}
	if note != nil {
		note()
	}
	m.tasks.Go(task)
	return true
}

// Repairable reports whether starting afresh, with what cannot be read set
// aside, would help against f.
func Repairable(f *fault.Fault) bool {
	if f == nil {
		return false
	}
	switch f.Code {
	case "vault_damaged", "vault_key_missing", "vault_key_wrong", "vault_rolled_back":
		return true
	}
	return false
}

func newManager(o Options) *Manager {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	m := &Manager{o: o, state: latest.New(&State{}), flows: flow.NewHistory(), turn: make(chan struct{}, 1), inMemory: map[string]*replica.Replica{}}
	m.passing, m.builtin, m.kept = map[string]Configured{}, map[string]connection.Connection{}, map[string]kept{}
	m.histories = map[string]explore.History{}
	m.life, m.end = context.WithCancel(context.Background())
	m.close = sync.OnceValue(m.shut)
	return m
}

// open loads everything that is on disk.
func (m *Manager) open(ctx context.Context, repair bool) error {
	if err := m.take(ctx); err != nil {
		return err
	}
	defer m.give()
	settings, err := loadSettings(m.o.Dir)
	if err != nil {
		return err
	}
	m.mu.Lock()
	m.connections, m.approved, m.accepted = settings.Connections, settings.Approved, settings.Accepted
	m.mu.Unlock()
	m.publish(func(s *State) { s.Current = settings.Current })

	vault, err := auth.OpenVault(ctx, auth.VaultOptions{
		Dir: m.o.Dir, Keyring: m.o.Keyring, Service: "Waybill", Passphrase: m.o.Passphrase, Repair: repair,
	})
	if err != nil {
		return err
	}
	m.mu.Lock()
	m.vault = vault
	m.mu.Unlock()
	m.loadKept(ctx)
	if m.o.Resume {
		if err := m.openKept(ctx, settings.Current); err != nil {
			return err
		}
	}
	m.publish(func(s *State) {
		s.VaultMode, s.VaultReason = vault.Mode(), vault.Reason()
		if s.Phase == Starting {
			s.Phase = SignedOut
		}
	})
	return nil
}

// take waits for the turn to change the account in use.
func (m *Manager) take(ctx context.Context) error {
	select {
	case m.turn <- struct{}{}:
	case <-ctx.Done():
		return fault.As(ctx.Err())
	case <-m.life.Done():
		return errClosing
	}
	if m.life.Err() != nil {
		m.give()
		return errClosing
	}
	return nil
}

var errClosing = fault.New(fault.StepSetup, fault.Canceled, "closed", "Waybill is closing.")

func (m *Manager) give() { <-m.turn }

// State returns the present state; never nil.
func (m *Manager) State() *State { return m.state.Load() }

// Watch calls f with the present state and after each change, the newest only,
// from one goroutine; stop ends that and must not be called from f.
func (m *Manager) Watch(f func(*State)) (stop func()) { return m.state.Watch(f) }

// publish makes a new State of the present one.
func (m *Manager) publish(change func(*State)) {
	m.state.Update(func(old *State) *State {
		s := *old
		change(&s)
		s.Connections, s.Unusable = m.infos(), m.unusable()
		return &s
	})
}

// Replica returns the local copy of the open account, nil without one.
func (m *Manager) Replica() *replica.Replica {
	if a := m.current(); a != nil {
		return a.replica
	}
	return nil
}

func (m *Manager) current() *account {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.account
}

// open account, or the Fault that says that there is none.
func (m *Manager) needAccount() (*account, error) {
	if a := m.current(); a != nil {
		return a, nil
	}
	return nil, fault.New(fault.StepSignIn, fault.SignInNeeded, "signed_out", "You are not signed in.").
		WithRemedy("Sign in first.")
}

// Sync brings the local copy and the resource together once and waits for it.
func (m *Manager) Sync(ctx context.Context) error {
	a, err := m.needAccount()
	if err != nil {
		return err
	}
	return a.sync(ctx)
}

// Client returns the client of the open account's resource. An MCP resource's
// client is an *api.MCPClient.
func (m *Manager) Client(ctx context.Context) (api.Client, error) {
	a, err := m.needAccount()
	if err != nil {
		return nil, err
	}
	if err := a.connect(ctx); err != nil {
		return nil, err
	}
	return a.client, nil
}

// closeLimit is how long Close waits for what is under way.
const closeLimit = 5 * time.Second

// Close ends everything that is under way and closes the local copy. What was
// edited is on disk already. Close may be called more than once.
func (m *Manager) Close() error { return m.close() }

func (m *Manager) shut() error {
	m.mu.Lock()
	m.end() // under mu, so that nothing begins from here on
	pending := m.pending
	m.mu.Unlock()
	stuck := fault.New(fault.StepSetup, fault.Failed, "close", "Something did not end when Waybill closed.")
	var err error
	select {
	case m.turn <- struct{}{}: // kept: no account is opened any more
		err = errors.Join(m.closeCurrent(), m.dropCopies())
	case <-time.After(closeLimit):
		err = stuck
	}
	if pending != nil {
		pending.settle()
	}
	done := make(chan struct{})
	go func() { m.tasks.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(closeLimit):
		err = errors.Join(err, stuck)
	}
	return err
}
