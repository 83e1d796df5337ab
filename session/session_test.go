package session_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
	"waybill/playground"
	"waybill/playground/playgroundtest"
	"waybill/replica"
	"waybill/session"
	"waybill/todo"
	"waybill/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ring is an operating system's keyring in memory.
type ring struct {
	mu    sync.Mutex
	items map[string]string
}

func newRing() *ring { return &ring{items: map[string]string{}} }

func (r *ring) Get(service, user string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.items[service+"/"+user]
	if !ok {
		return "", auth.ErrKeyringNotFound
	}
	return v, nil
}

func (r *ring) Set(service, user, value string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.items[service+"/"+user] = value
	return nil
}

func (r *ring) Delete(service, user string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.items[service+"/"+user]; !ok {
		return auth.ErrKeyringNotFound
	}
	delete(r.items, service+"/"+user)
	return nil
}

// world is a computer with a user, a browser and the built-in playground.
type world struct {
	t          *testing.T
	dir        string
	ring       *ring
	playground *playground.Playground
	transport  *transport.Client

	mu      sync.Mutex
	email   string // who the next sign-in is by
	opened  []string
	browser sync.WaitGroup
}

func newWorld(t *testing.T) *world {
	t.Helper()
	p, err := playground.Start(t.Context(), playground.Options{GenerateKey: playgroundtest.Key})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: t.TempDir(), ring: newRing(), playground: p, email: "alice@example.com",
		transport: transport.New(transport.Options{})}
	t.Cleanup(func() {
		w.browser.Wait()
		w.transport.CloseIdle()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	return w
}

func (w *world) as(email string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.email = email
}

// openURL is the user at the browser: it signs in and follows the redirect
// back to the app.
func (w *world) openURL(address string) error {
	w.mu.Lock()
	email := w.email
	w.opened = append(w.opened, address)
	w.mu.Unlock()
	w.browser.Go(func() {
		if !strings.Contains(address, "/authorize") {
			return
		}
		b := playgroundtest.NewBrowser(nil, email)
		back, err := b.SignIn(context.Background(), address)
		var page *playgroundtest.Page
		if err == nil {
			page, err = b.Open(context.Background(), back.String())
		}
		if err == nil && page.Target != nil {
			_, err = b.Open(context.Background(), page.Target.String()) // the last page
		}
		if err != nil {
			w.t.Errorf("the browser did not get back to the app: %v", err)
		}
	})
	return nil
}

func (w *world) builtin(context.Context) ([]session.Configured, error) {
	e := w.playground.Endpoints()
	return []session.Configured{
		configured(e, e.Clients.REST, connection.PlaygroundName, connection.REST, e.API, "todos.read", "todos.write"),
		configured(e, e.Clients.MCP, connection.PlaygroundMCPName, connection.MCP, e.MCP, "todos.read", "todos.write", "mcp.access"),
	}, nil
}

func configured(e playground.Endpoints, c playground.DemoClient, name string, kind connection.ResourceKind, url string, scopes ...string) session.Configured {
	return session.Configured{
		Connection: connection.Connection{
			Name: name, IdP: connection.IdP{Issuer: e.IdP, ClientID: c.ClientID},
			Resource: connection.Resource{Kind: kind, URL: url, Identifier: url, AuthorizationServer: e.AuthorizationServer, ClientID: c.ResourceClientID, Scopes: scopes},
		},
		Credentials: connection.Credentials{IdP: c.ClientSecret, Resource: c.ResourceClientSecret},
	}
}

func (w *world) options() session.Options {
	return session.Options{Dir: w.dir, Transport: w.transport, Keyring: w.ring, Builtin: w.builtin, OpenURL: w.openURL, Resume: true}
}

// open starts the app.
func (w *world) open(change ...func(*session.Options)) *session.Manager {
	w.t.Helper()
	o := w.options()
	for _, c := range change {
		c(&o)
	}
	m, err := session.Open(w.t.Context(), o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = m.Close() })
	return m
}

func (w *world) close(m *session.Manager) {
	w.t.Helper()
	if err := m.Close(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) signIn(m *session.Manager, name string) {
	w.t.Helper()
	s, err := m.BeginSignIn(w.t.Context(), name, session.SignInRequest{})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := s.Wait(w.t.Context()); err != nil {
		w.t.Fatalf("sign-in: %v (%v)", err, errors.Unwrap(err))
	}
	w.sync(m)
}

func (w *world) sync(m *session.Manager) {
	w.t.Helper()
	if err := m.Sync(w.t.Context()); err != nil {
		w.t.Fatalf("sync: %v (%v)", err, errors.Unwrap(err))
	}
}

func titles(m *session.Manager) map[string]replica.RowState {
	out := map[string]replica.RowState{}
	for _, r := range m.Replica().Snapshot().Rows {
		out[r.Todo.Title] = r.State
	}
	return out
}

const seeded = "Rotate the staging signing keys" // stands in every new user's list

func (w *world) browserOpened() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.opened)
}

func TestASignInShowsTheUsersTodosAndARestartNeedsNone(t *testing.T) {
	for _, name := range []string{connection.PlaygroundName, connection.PlaygroundMCPName} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			m := w.open()
			if st := m.State(); st.Phase != session.SignedOut || len(st.Connections) != 2 || st.VaultMode != auth.VaultKeyring {
				t.Fatalf("a first start is %+v", st)
			}
			w.signIn(m, name)
			st := m.State()
			if st.Phase != session.SignedIn || st.Account.Identity.Email != "alice@example.com" || !st.Account.Renewable || st.Current != name {
				t.Fatalf("after the sign-in: %+v", st)
			}
			if _, ok := titles(m)[seeded]; !ok || len(titles(m)) != 24 {
				t.Fatalf("%d to-dos", len(titles(m)))
			}
			w.close(m)

			m = w.open()
			if st := m.State(); st.Phase != session.SignedIn || st.Account.Identity.Email != "alice@example.com" || len(titles(m)) != 24 {
				t.Fatalf("after a restart, without a network call: %+v, %d to-dos", st, len(titles(m)))
			}
			w.sync(m)
			if n := w.browserOpened(); n != 1 {
				t.Errorf("the browser was opened %d times", n)
			}
		})
	}
}

func TestAnEditReachesTheServerAndAnotherComputer(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	w.signIn(m, connection.PlaygroundName)
	if _, err := m.Replica().Add(t.Context(), todo.Todo{Title: "Written here"}); err != nil {
		t.Fatal(err)
	}
	w.sync(m)
	if titles(m)["Written here"] != replica.Synced {
		t.Fatal("the edit is not synced")
	}
	w.close(m)

	w.dir, w.ring = t.TempDir(), newRing() // another computer
	m = w.open()
	w.signIn(m, connection.PlaygroundName)
	if _, ok := titles(m)["Written here"]; !ok {
		t.Error("the other computer does not see the edit")
	}
}

// S102: another user of the same connection sees nothing of the first one's,
// and sends nothing of it; the first one finds it again.
func TestS102_AnotherUserSeesAndSendsNothingOfTheFirst(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	w.signIn(m, connection.PlaygroundName)
	w.close(m)
	m = w.open(func(o *session.Options) { o.Offline = true })
	if _, err := m.Replica().Add(t.Context(), todo.Todo{Title: "Alice's, not sent yet"}); err != nil {
		t.Fatal(err)
	}
	w.close(m)

	m = w.open()
	w.as("bob@example.com")
	w.signIn(m, connection.PlaygroundName)
	if _, ok := titles(m)["Alice's, not sent yet"]; ok || len(m.Replica().Outbox()) != 0 {
		t.Fatal("Bob has Alice's edit")
	}
	w.close(m)

	m = w.open()
	w.as("alice@example.com")
	w.signIn(m, connection.PlaygroundName)
	if state, ok := titles(m)["Alice's, not sent yet"]; !ok || state != replica.Synced {
		t.Errorf("Alice's edit: there %t, state %d", ok, state)
	}
}

// S100, S101: signing out destroys the key and the files and ends the session
// at the identity provider; a copy of the files cannot be read afterwards.
func TestS100_SigningOutLeavesNothingToRead(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	w.signIn(m, connection.PlaygroundName)
	w.sync(m)
	copied := storeFiles(t, w.dir)
	if len(copied) == 0 {
		t.Fatal("there is no store to copy")
	}
	result, err := m.SignOut(t.Context(), session.SignOutRequest{OpenBrowser: true})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(result.EndSession, "/session/end") || w.browserOpened() != 2 {
		t.Errorf("the session at the provider was not ended: %q", result.EndSession)
	}
	if st := m.State(); st.Phase != session.SignedOut || st.Account != nil || m.Replica() != nil {
		t.Errorf("still signed in: %+v", st)
	}
	if left := storeFiles(t, w.dir); len(left) != 0 {
		t.Errorf("files are left: %v", left)
	}
	w.close(m)
	w.restore(copied)
	m = w.open()
	if m.State().Phase != session.SignedOut || m.Replica() != nil {
		t.Error("the copied files were opened after the sign-out")
	}
	w.signIn(m, connection.PlaygroundName)
	w.noKeyFits(m)
}

// noKeyFits looks whether the copy that lay there at the last sign-in was one
// that could not be read.
func (w *world) noKeyFits(m *session.Manager) {
	w.t.Helper()
	if n := m.Replica().Snapshot().Notice; n == nil || n.Code != "store_key" {
		w.t.Errorf("the copy from before the sign-out can still be read: %v", n)
	}
}

// S101: that a file cannot be deleted does not keep its key.
func TestS101_TheKeyGoesThoughAFileCannot(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	w.signIn(m, connection.PlaygroundName)
	var stuck string
	for name := range storeFiles(t, w.dir) {
		base, _, _ := strings.Cut(name, ".db")
		stuck = filepath.Join(w.dir, base+".stuck")
	}
	copied := storeFiles(t, w.dir)
	// A folder that is not empty is not deleted, even for root.
	if err := os.MkdirAll(filepath.Join(stuck, "inside"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := m.SignOut(t.Context(), session.SignOutRequest{}); err == nil {
		t.Error("it is not said that a file is left")
	}
	w.close(m)
	if err := os.RemoveAll(stuck); err != nil {
		t.Fatal(err)
	}
	w.restore(copied)
	m = w.open()
	if m.State().Phase != session.SignedOut {
		t.Errorf("still signed in: %+v", m.State())
	}
	w.signIn(m, connection.PlaygroundName)
	w.noKeyFits(m)
}

// restore puts back files that were copied before.
func (w *world) restore(files map[string][]byte) {
	w.t.Helper()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(w.dir, name), data, 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
}

// S102: whatever of an account differs, its copy is another one.
func TestS102_TheSameSubjectElsewhereIsAnotherAccount(t *testing.T) {
	var c connection.Connection
	c.Resource.Kind, c.Resource.URL = connection.REST, "https://api.example"
	alice := auth.Identity{Issuer: "https://idp.example", Subject: "alice", Tenant: "t1", Email: "alice@example.com"}
	first := session.AccountName(alice, c)
	for what, change := range map[string]func(*auth.Identity, *connection.Connection){
		"another identity provider":   func(i *auth.Identity, _ *connection.Connection) { i.Issuer = "https://other.example" },
		"another user":                func(i *auth.Identity, _ *connection.Connection) { i.Subject = "bob" },
		"another tenant":              func(i *auth.Identity, _ *connection.Connection) { i.Tenant = "t2" },
		"another kind of resource":    func(_ *auth.Identity, c *connection.Connection) { c.Resource.Kind = connection.MCP },
		"another resource":            func(_ *auth.Identity, c *connection.Connection) { c.Resource.URL = "https://api.example/2" },
		"a name that runs on":         func(i *auth.Identity, _ *connection.Connection) { i.Subject, i.Tenant = "alicet1", "" },
		"a name with a line end":      func(i *auth.Identity, _ *connection.Connection) { i.Subject, i.Tenant = "alice\nt1", "" },
		"a name that looks like it":   func(i *auth.Identity, _ *connection.Connection) { i.Subject, i.Tenant = "alice\\nt1", "" },
		"a name that is another part": func(i *auth.Identity, _ *connection.Connection) { i.Issuer, i.Subject = i.Subject, i.Issuer },
	} {
		i, other := alice, c
		change(&i, &other)
		if session.AccountName(i, other) == first {
			t.Errorf("%s opens the copy of the first", what)
		}
	}
	alice.Email = "alice@new.example"
	if session.AccountName(alice, c) != first {
		t.Error("another address of the same user is another account")
	}
}

func storeFiles(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "todos-*.db*"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(name)] = data
	}
	return out
}

// S96: without a keyring everything works for this process, says so, and
// leaves neither token nor to-do on the disk.
func TestS96_WithoutAKeyringNothingIsKept(t *testing.T) {
	w := newWorld(t)
	noRing := func(o *session.Options) { o.Keyring = nil }
	m := w.open(noRing)
	if st := m.State(); st.VaultMode != auth.VaultMemory || st.VaultReason == "" {
		t.Fatalf("mode %v, reason %q", st.VaultMode, st.VaultReason)
	}
	w.signIn(m, connection.PlaygroundName)
	if len(titles(m)) != 24 {
		t.Fatalf("%d to-dos", len(titles(m)))
	}
	if files := storeFiles(t, w.dir); len(files) != 0 {
		t.Errorf("a store was written: %v", files)
	}
	w.close(m)
	if m = w.open(noRing); m.State().Phase != session.SignedOut {
		t.Error("a session was kept without a keyring")
	}
}

func TestAChangedConnectionNeedsANewSignIn(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	all, _ := w.builtin(t.Context())
	mine := all[0]
	mine.Connection.Name = "mine"
	if err := m.AddConnection(t.Context(), mine.Connection, mine.Credentials); err != nil {
		t.Fatal(err)
	}
	w.signIn(m, "mine")
	changed := mine.Connection
	changed.Resource.ClientID = "another-client"
	if err := m.AddConnection(t.Context(), changed, mine.Credentials); err != nil {
		t.Fatal(err)
	}
	w.close(m)
	m = w.open()
	if len(titles(m)) != 24 {
		t.Error("the local copy is not shown")
	}
	err := m.Sync(t.Context())
	if f := fault.As(err); f == nil || f.Code != "connection_changed" || f.Kind != fault.SignInNeeded {
		t.Errorf("the old session was used under new settings: %v", err)
	}
	await(t, m, func(s *session.State) bool { return s.SignInNeeded })
}

func TestConnectionsAreKeptWithoutTheirSecrets(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	all, _ := w.builtin(t.Context())
	mine := all[0]
	mine.Connection.Name = "mine"
	if err := m.AddConnection(t.Context(), mine.Connection, mine.Credentials); err != nil {
		t.Fatal(err)
	}
	w.close(m)
	err := filepath.WalkDir(w.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if strings.Contains(string(data), mine.Credentials.IdP.Reveal()) {
			t.Errorf("S91: %s holds the client secret", filepath.Base(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	m = w.open()
	got, err := m.Configured(t.Context(), "mine")
	if err != nil || !got.Credentials.Resource.Equal(mine.Credentials.Resource) || got.Connection.IdP.ClientID != mine.Connection.IdP.ClientID {
		t.Errorf("read back: %v", err)
	}
	if err := m.RemoveConnection(t.Context(), "mine"); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Configured(t.Context(), "mine"); !fault.Is(err, fault.Config) {
		t.Errorf("still there: %v", err)
	}
	if err := m.AddConnection(t.Context(), all[0].Connection, all[0].Credentials); !fault.Is(err, fault.Config) {
		t.Error("a connection took the built-in playground's name")
	}
}

func TestSwitchingBetweenTwoAccounts(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	w.signIn(m, connection.PlaygroundName)
	w.as("bob@example.com")
	w.signIn(m, connection.PlaygroundMCPName)
	if m.State().Account.Identity.Email != "bob@example.com" {
		t.Fatal("not Bob")
	}
	if err := m.SwitchTo(t.Context(), connection.PlaygroundName); err != nil {
		t.Fatal(err)
	}
	if st := m.State(); st.Account == nil || st.Account.Identity.Email != "alice@example.com" || len(titles(m)) != 24 {
		t.Fatalf("after switching: %+v", st)
	}
	w.sync(m)
	if err := m.SwitchTo(t.Context(), "nowhere"); !fault.Is(err, fault.Config) {
		t.Errorf("switched to an unknown connection: %v", err)
	}
}

// S20: a second sign-in cancels the first.
func TestS20_ASecondSignInCancelsTheFirst(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	first, err := m.BeginSignIn(t.Context(), connection.PlaygroundName, session.SignInRequest{NoBrowser: true})
	if err != nil {
		t.Fatal(err)
	}
	w.signIn(m, connection.PlaygroundName)
	if err := first.Wait(t.Context()); !fault.Is(err, fault.Canceled) {
		t.Errorf("the first ended with %v", err)
	}
}

func TestCancelAndCloseEndASignInAtOnce(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	s, err := m.BeginSignIn(t.Context(), connection.PlaygroundName, session.SignInRequest{NoBrowser: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Cancel()
	if err := s.Wait(t.Context()); !fault.Is(err, fault.Canceled) {
		t.Errorf("ended with %v", err)
	}
	s, err = m.BeginSignIn(t.Context(), connection.PlaygroundName, session.SignInRequest{NoBrowser: true})
	if err != nil {
		t.Fatal(err)
	}
	w.close(m)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := s.Wait(ctx); !fault.Is(err, fault.Canceled) {
		t.Errorf("after Close it ended with %v", err)
	}
}

func TestADamagedSettingsFileIsNamedAndKept(t *testing.T) {
	w := newWorld(t)
	path := filepath.Join(w.dir, "connections.json")
	if err := os.WriteFile(path, []byte("{not json"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := session.Open(t.Context(), w.options())
	if f := fault.As(err); f == nil || !strings.Contains(f.Error(), path) {
		t.Errorf("Open: %v", err)
	}
	m := session.Start(w.options())
	defer m.Close()
	problems := make(chan *fault.Fault, 1)
	stop := m.Watch(func(s *session.State) {
		if s.Problem != nil {
			select {
			case problems <- s.Problem:
			default:
			}
		}
	})
	defer stop()
	if f := <-problems; !strings.Contains(f.Error(), "connections.json") {
		t.Errorf("State.Problem: %v", f)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "{not json" {
		t.Errorf("the file was touched: %q %v", data, err)
	}
}

func TestASettingsFileThatIsNoPlainFileIsNamedWithWhatToDo(t *testing.T) {
	for what, put := range map[string]func(path string) error{
		"a link":           func(path string) error { return os.Symlink(path+".elsewhere", path) },
		"not a plain file": func(path string) error { return os.Mkdir(path, 0o700) },
		"larger than":      func(path string) error { return os.WriteFile(path, make([]byte, 5<<20), 0o600) },
		"is damaged. Mend": func(path string) error { return os.WriteFile(path, nil, 0o600) },
	} {
		w := newWorld(t)
		path := filepath.Join(w.dir, "connections.json")
		if err := put(path); err != nil {
			t.Fatal(err)
		}
		_, err := session.Open(t.Context(), w.options())
		if f := fault.As(err); f == nil || !strings.Contains(f.Error(), path) || !strings.Contains(f.Error(), what) || f.Remedy == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// S95, S98: a lost key is said, the old file is kept, and starting afresh is
// the user's choice.
func TestS95_ALostKeyIsSaidAndStartingAfreshIsAChoice(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	w.signIn(m, connection.PlaygroundName)
	w.close(m)
	before := vaultFiles(t, w.dir)
	w.ring = newRing()
	_, err := session.Open(t.Context(), w.options())
	if f := fault.As(err); !session.Repairable(f) {
		t.Fatalf("Open: %v", err)
	}
	if now := vaultFiles(t, w.dir); len(now) != len(before) {
		t.Fatalf("the files were touched: %v, before %v", now, before)
	}
	m = session.Start(w.options())
	defer m.Close()
	await(t, m, func(s *session.State) bool { return s.Problem != nil })
	m.Repair()
	await(t, m, func(s *session.State) bool { return s.Phase == session.SignedOut && s.Problem == nil })
	if now := vaultFiles(t, w.dir); len(now) <= len(before) {
		t.Errorf("the old file was not kept: %v", now)
	}
	w.signIn(m, connection.PlaygroundName)
}

func vaultFiles(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "vault*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// await returns when the state is as wanted.
func await(t *testing.T, m *session.Manager, wanted func(*session.State) bool) {
	t.Helper()
	reached := make(chan struct{})
	var once sync.Once
	stop := m.Watch(func(s *session.State) {
		if wanted(s) {
			once.Do(func() { close(reached) })
		}
	})
	defer stop()
	<-reached
}
