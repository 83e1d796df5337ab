package session_test

import (
	"testing"

	"waybill/auth"
	"waybill/connection"
	"waybill/replica"
	"waybill/session"
)

// R16, I1: without a keyring everything is kept in memory alone; what was not
// sent when the session ended is still there after the sign-in that it asks for.
func TestR16_SigningInAgainKeepsWhatIsOnlyInMemory(t *testing.T) {
	inFar(t, nil, func(w *far) {
		if mode := w.m.State().VaultMode; mode != auth.VaultMemory {
			w.t.Fatalf("the vault is %v", mode)
		}
		w.befall(apiHost, trouble{dial: refused})
		w.add("Typed before the sign-in")
		s, err := w.m.BeginSignIn(w.t.Context(), farName, session.SignInRequest{})
		if err == nil {
			err = s.Wait(w.t.Context())
		}
		if err != nil {
			w.t.Fatal(err)
		}
		if st := w.status(); st.Waiting != 1 {
			w.t.Errorf("after the sign-in: %+v", st)
		}
		w.heal()
		if n := w.atServer("Typed before the sign-in"); n != 1 {
			w.t.Errorf("%d at the server", n)
		}
	})
}

// only signs in, and does not sync.
func (w *world) only(m *session.Manager, name, email string) {
	w.t.Helper()
	w.as(email)
	s, err := m.BeginSignIn(w.t.Context(), name, session.SignInRequest{})
	if err == nil {
		err = s.Wait(w.t.Context())
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.browser.Wait() // it has its last page
}

// I1: another account of the same session leaves what is only in memory alone,
// and a sign-out leaves nothing of it.
func TestI1_SwitchingKeepsWhatIsOnlyInMemory(t *testing.T) {
	w := newWorld(t)
	offline := func(o *session.Options) { o.Keyring, o.Offline = nil, true }
	m := w.open(offline)
	in := func(name, email string) {
		t.Helper()
		w.only(m, name, email)
	}
	in(connection.PlaygroundName, "alice@example.com")
	add(t, m, "Alice's over REST")
	in(connection.PlaygroundMCPName, "alice@example.com")
	add(t, m, "Alice's over MCP")
	in(connection.PlaygroundName, "bob@example.com")
	if got := titles(m); len(got) != 0 {
		t.Fatalf("S102: Bob sees %v", got)
	}
	add(t, m, "Bob's")
	for _, name := range []string{connection.PlaygroundMCPName, connection.PlaygroundName} {
		if err := m.SwitchTo(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{connection.PlaygroundMCPName: "Alice's over MCP", connection.PlaygroundName: "Bob's"}[name]
		if got := titles(m); len(got) != 1 || got[want] != replica.Waiting {
			t.Fatalf("%s: %v", name, got)
		}
	}
	in(connection.PlaygroundName, "alice@example.com")
	if got := titles(m); len(got) != 1 || got["Alice's over REST"] != replica.Waiting {
		t.Fatalf("%v", got)
	}
	if _, err := m.SignOut(t.Context(), session.SignOutRequest{Lose: 1}); err != nil {
		t.Fatal(err)
	}
	in(connection.PlaygroundName, "alice@example.com")
	if got := titles(m); len(got) != 0 {
		t.Fatalf("after the sign-out: %v", got)
	}
	w.close(m)
	if files := storeFiles(t, w.dir); len(files) > 0 {
		t.Errorf("%v", files)
	}
}

// R37: who signs in as somebody else is told so, with what waits of the one
// before; who signs in again is not.
func TestR37_AnotherIdentityIsNamed(t *testing.T) {
	for name, change := range map[string]func(*session.Options){
		"kept":      func(o *session.Options) { o.Offline = true },
		"in memory": func(o *session.Options) { o.Keyring, o.Offline = nil, true },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			m := w.open(change)
			in := func(email string) *session.Replaced {
				w.only(m, connection.PlaygroundName, email)
				return m.State().Account.Replaced
			}
			if r := in("alice@example.com"); r != nil {
				t.Errorf("the first one is told of %+v", r)
			}
			add(t, m, "Alice's")
			if r := in("alice@example.com"); r != nil {
				t.Errorf("Alice again is told of %+v", r)
			}
			r := in("bob@example.com")
			if r == nil || r.Identity.Email != "alice@example.com" || r.Unsent != 1 || r.Lasting != (name == "kept") {
				t.Errorf("Bob is told of %+v", r)
			}
			if r = in("alice@example.com"); r == nil || r.Identity.Email != "bob@example.com" || r.Unsent != 0 {
				t.Errorf("Alice is told of %+v", r)
			}
			if got := titles(m); len(got) != 1 || got["Alice's"] != replica.Waiting {
				t.Errorf("Alice has %v", got)
			}
		})
	}
}
