package session_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"waybill/connection"
	"waybill/fault"
	"waybill/internal/latest"
	"waybill/playground"
	"waybill/playground/playgroundtest"
	"waybill/session"
	"waybill/todo"
)

func TestLookingAtASignedOutConnectionIsNotRemembered(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	w.signIn(m, connection.PlaygroundName)
	if err := m.SwitchTo(t.Context(), connection.PlaygroundMCPName); err != nil {
		t.Fatal(err)
	}
	if st := m.State(); st.Phase != session.SignedOut || st.Current != connection.PlaygroundMCPName {
		t.Fatalf("switched to %+v", st)
	}
	w.close(m)
	if st := w.open().State(); st.Phase != session.SignedIn || st.Current != connection.PlaygroundName {
		t.Errorf("the next start begins at %q, signed in: %t", st.Current, st.Phase == session.SignedIn)
	}
}

// R22: where the settings cannot be written, as on a full disk, everything that
// does not need to write them goes on.
func TestR22_SettingsThatCannotBeWrittenKeepNobodyFromTheTodos(t *testing.T) {
	w := newWorld(t)
	if err := os.Mkdir(filepath.Join(w.dir, "connections.json.lock"), 0o700); err != nil {
		t.Fatal(err)
	}
	m := w.open()
	w.signIn(m, connection.PlaygroundName)
	w.signIn(m, connection.PlaygroundMCPName)
	if err := m.SwitchTo(t.Context(), connection.PlaygroundName); err != nil {
		t.Errorf("not switched: %v", err)
	}
	if _, ok := titles(m)[seeded]; !ok {
		t.Error("the to-dos are not shown")
	}
	all, _ := w.builtin(t.Context())
	mine := all[0]
	mine.Connection.Name = "mine"
	if f := fault.As(m.AddConnection(t.Context(), mine.Connection, mine.Credentials)); f == nil || f.Code != "unwritable" {
		t.Errorf("a connection that was not kept counts as added: %v", f)
	}
}

func TestAConnectionWithAKeptAccountIsNotRemoved(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	all, _ := w.builtin(t.Context())
	mine := all[0]
	mine.Connection.Name = "mine"
	if err := m.AddConnection(t.Context(), mine.Connection, mine.Credentials); err != nil {
		t.Fatal(err)
	}
	w.signIn(m, "mine")
	w.close(m)
	m = w.open(func(o *session.Options) { o.Resume = false })
	if f := fault.As(m.RemoveConnection(t.Context(), "mine")); f == nil || f.Code != "in_use" {
		t.Fatalf("removed with somebody signed in: %v", f)
	}
	if err := m.SwitchTo(t.Context(), "mine"); err != nil || m.State().Account == nil {
		t.Fatalf("the account is gone: %v", err)
	}
	if _, err := m.SignOut(t.Context(), session.SignOutRequest{}); err != nil {
		t.Fatal(err)
	}
	if err := m.RemoveConnection(t.Context(), "mine"); err != nil {
		t.Errorf("not removed after signing out: %v", err)
	}
}

func TestTwoProcessesAddConnectionsAtOnce(t *testing.T) {
	w := newWorld(t)
	all, _ := w.builtin(t.Context())
	const each = 6
	var adding sync.WaitGroup
	for p := range 2 {
		m := w.open(func(o *session.Options) { o.Keyring = nil }) // each with secrets of its own, in memory
		for i := range each {
			c := all[0]
			c.Connection.Name = fmt.Sprintf("c%d-%d", p, i)
			adding.Go(func() {
				if err := m.AddConnection(t.Context(), c.Connection, c.Credentials); err != nil {
					t.Error(err)
				}
			})
		}
	}
	adding.Wait()
	if n := len(w.open().State().Connections); n != 2+2*each {
		t.Errorf("%d of %d connections are kept", n-2, 2*each)
	}
}

// Closing the window while the account of the last time is still being opened
// leaves nothing running; TestMain looks.
func TestCloseWhileOpening(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	w.signIn(m, connection.PlaygroundName)
	w.close(m)
	for i := range 30 {
		m := session.Start(w.options())
		for range i * 400 {
			runtime.Gosched() // another moment each time
		}
		w.close(m)
		if m.Replica() != nil {
			t.Fatal("an account is open after Close")
		}
	}
}

func TestNothingBeginsAfterClose(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	w.close(m)
	if _, err := m.BeginSignIn(t.Context(), connection.PlaygroundName, session.SignInRequest{}); !fault.Is(err, fault.Canceled) {
		t.Errorf("a sign-in began: %v", err)
	}
	if err := m.SwitchTo(t.Context(), connection.PlaygroundName); !fault.Is(err, fault.Canceled) {
		t.Errorf("switched: %v", err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

func TestS20_OfTwoSignInsBegunAtOnceOneIsLeft(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	ended := make(chan error, 2)
	var begun sync.WaitGroup
	for range 2 {
		begun.Go(func() {
			s, err := m.BeginSignIn(t.Context(), connection.PlaygroundName, session.SignInRequest{NoBrowser: true})
			if err != nil {
				t.Error(err)
				return
			}
			go func() { ended <- s.Wait(context.Background()) }()
		})
	}
	begun.Wait()
	select {
	case err := <-ended:
		if !fault.Is(err, fault.Canceled) {
			t.Errorf("the first ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("both sign-ins go on")
	}
	w.close(m)
	<-ended
}

// A session is closed and another account opened while somebody waits for a
// sync: no race, and the caller is told.
func TestSyncWhileSwitching(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	w.signIn(m, connection.PlaygroundName)
	w.signIn(m, connection.PlaygroundMCPName)
	var syncing sync.WaitGroup
	for range 6 {
		syncing.Go(func() { _ = m.Sync(t.Context()) })
		for _, name := range []string{connection.PlaygroundName, connection.PlaygroundMCPName} {
			if err := m.SwitchTo(t.Context(), name); err != nil {
				t.Error(err)
			}
			syncing.Go(func() { _ = m.Sync(t.Context()) })
		}
	}
	syncing.Wait()
	w.sync(m)
	if st := m.State(); st.Account == nil || st.Account.Connection.Name != connection.PlaygroundMCPName {
		t.Errorf("%+v", st)
	}
}

// What an account reports while it is being closed is not shown after it.
func TestSignedOutMeansThatNothingIsLeftInTheState(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	for range 5 {
		w.signIn(m, connection.PlaygroundName)
		if _, err := m.SignOut(t.Context(), session.SignOutRequest{}); err != nil {
			t.Fatal(err)
		}
		if st := m.State(); st.Account != nil || st.Token.Have || st.Token.Asked != nil || st.SignInNeeded {
			t.Fatalf("left over: %+v", st)
		}
	}
}

// The process that ran the built-in playground ends: the one that used it too
// takes it over.
func TestThePlaygroundIsTakenOverWhenItsProcessEnds(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	start := func() (*playground.Playground, error) {
		return playground.Start(context.Background(), playground.Options{Dir: dir, GenerateKey: playgroundtest.Key})
	}
	theirs, err := start()
	if err != nil {
		t.Fatal(err)
	}
	own := latest.New[*playground.Playground](nil)
	m := w.open(func(o *session.Options) {
		o.Builtin = func(context.Context) ([]session.Configured, error) {
			e, ok := playground.Attach(dir)
			if !ok {
				p, err := start()
				if err != nil {
					return nil, err
				}
				own.Store(p)
				e = p.Endpoints()
			}
			return []session.Configured{configured(e, e.Clients.REST, connection.PlaygroundName, connection.REST, e.API, "todos.read", "todos.write")}, nil
		}
	})
	w.signIn(m, connection.PlaygroundName)
	if err := theirs.Close(); err != nil {
		t.Fatal(err)
	}
	if err := m.Sync(t.Context()); err != nil && !fault.Is(err, fault.Offline) {
		t.Errorf("the playground's end looks like %v", err)
	}
	if err := m.Sync(t.Context()); err != nil {
		t.Errorf("not taken over: %v", err)
	}
	w.close(m)
	if p := own.Load(); p == nil || p.Close() != nil {
		t.Error("the playground was not started anew, or did not end")
	}
}

func TestAnOfflineManagerSaysSoAtOnce(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	w.signIn(m, connection.PlaygroundName)
	w.close(m)
	m = w.open(func(o *session.Options) { o.Offline = true })
	if err := m.Sync(t.Context()); !fault.Is(err, fault.Offline) || errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestNoTokenIsInAnAddressThatIsOpened(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	w.signIn(m, connection.PlaygroundName)
	result, err := m.SignOut(t.Context(), session.SignOutRequest{OpenBrowser: true})
	if err != nil || result.EndSession == "" {
		t.Fatal(result, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, address := range append(w.opened, result.EndSession) {
		if strings.Contains(address, "eyJ") { // how every JWT begins
			t.Errorf("S91: a token is in %.40s…", address)
		}
	}
}

// I1: the copy of many to-dos is still being read when it is asked what would be
// lost.
func TestSigningOutLosesNoMoreThanWasAgreedTo(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	w.signIn(m, connection.PlaygroundName)
	w.close(m)
	m = w.open(func(o *session.Options) { o.Offline = true })
	const unsent = 150 // so many are not read at once
	for i := range unsent {
		if _, err := m.Replica().Add(t.Context(), todo.Todo{Title: fmt.Sprint("unsent ", i)}); err != nil {
			t.Fatal(err)
		}
	}
	w.close(m)
	m = w.open(func(o *session.Options) { o.Offline, o.Settled = true, make(chan struct{}) })
	if !m.Replica().Snapshot().Loading {
		t.Fatal("all is read already: this tests nothing")
	}
	for _, lose := range []int{0, unsent - 1} {
		_, err := m.SignOut(t.Context(), session.SignOutRequest{Lose: lose})
		if f := fault.As(err); err == nil || f.Code != "unsent" || !strings.HasPrefix(f.Message, "150 changes ") {
			t.Fatalf("with %d: %v", lose, err)
		}
	}
	if n := len(m.Replica().Outbox()); n != unsent {
		t.Fatalf("%d are left", n)
	}
	if _, err := m.SignOut(t.Context(), session.SignOutRequest{Lose: unsent}); err != nil || m.State().Account != nil {
		t.Fatal(err)
	}
}

// Who signs out just after the copy was found damaged is asked: how many
// changes it held, nobody can tell.
func TestSigningOutOfACopyThatWasDamagedIsAsked(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	w.signIn(m, connection.PlaygroundName)
	if _, err := m.Replica().Add(t.Context(), todo.Todo{Title: "only here"}); err != nil {
		t.Fatal(err)
	}
	w.close(m)
	copies, err := filepath.Glob(filepath.Join(w.dir, "todos-*.db"))
	if err != nil || len(copies) != 1 {
		t.Fatalf("%q, %v", copies, err)
	}
	if err := os.WriteFile(copies[0], []byte(strings.Repeat("no database ", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	m = w.open(func(o *session.Options) { o.Offline = true })
	_, err = m.SignOut(t.Context(), session.SignOutRequest{})
	if f := fault.As(err); err == nil || f.Code != "unsent" || !strings.Contains(f.Message, "damaged") {
		t.Fatalf("%v", err)
	}
	if kept, _ := filepath.Glob(filepath.Join(w.dir, "*.damaged-*")); len(kept) == 0 || m.State().Account == nil {
		t.Fatal("it is gone already")
	}
	if _, err := m.SignOut(t.Context(), session.SignOutRequest{Lose: session.LoseAll}); err != nil || m.State().Account != nil {
		t.Fatal(err)
	}
}

// The terminal shows all to-dos, not those that are read first.
func TestLoadedWaitsForEveryToDo(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	w.signIn(m, connection.PlaygroundName)
	if err := m.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := len(m.Replica().Snapshot().Rows)
	for i := range 150 {
		if _, err := m.Replica().Add(t.Context(), todo.Todo{Title: fmt.Sprint("one more ", i)}); err != nil {
			t.Fatal(err)
		}
	}
	w.close(m)
	m = w.open(func(o *session.Options) { o.Offline, o.Settled = true, make(chan struct{}) })
	s, err := m.Replica().Loaded(t.Context())
	if err != nil || s.Loading || len(s.Rows) != before+150 {
		t.Fatalf("%v: %d to-dos, want %d", err, len(s.Rows), before+150)
	}
}
