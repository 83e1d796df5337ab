package session_test

import (
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"waybill/connection"
	"waybill/fault"
	"waybill/playground"
	"waybill/session"
)

// noFileHolds fails for a file of the folder in which one of the words stands.
func noFileHolds(t *testing.T, dir string, words ...string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		for _, word := range words {
			if strings.Contains(string(data), word) {
				t.Errorf("%s holds %q", path, word)
			}
		}
		return nil
	})
	if err != nil || files == 0 {
		t.Fatalf("%d files were looked at: %v", files, err)
	}
}

// pages are the authorization requests that the browser was sent to, since the
// last time.
func (w *world) pages() (out []url.Values) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, address := range w.opened {
		if u, err := url.Parse(address); err == nil {
			out = append(out, u.Query())
		}
	}
	w.opened = nil
	return out
}

// asked opens the app, whose session the playground now finds too weak.
func (w *world) asked(policy playground.Policy) *session.Manager {
	w.t.Helper()
	m := w.open()
	w.signIn(m, connection.PlaygroundName)
	w.close(m)
	w.playground.SetPolicy(policy)
	w.pages()
	return w.open() // without an access token
}

// S70: the step-up is said, nothing happens by itself, and the next sign-in is the
// one that was asked for; then everything goes on.
func TestS70_TheNextSignInIsTheOneThatWasAskedFor(t *testing.T) {
	for name, c := range map[string]struct {
		policy   playground.Policy
		sentence string
		maxAge   string
		acr      string
	}{
		"stronger":    {playground.Policy{ACR: playground.ACRStepUp}, "Stronger sign-in needed to sync", "", playground.ACRStepUp},
		"more recent": {playground.Policy{MaxAge: time.Nanosecond}, "Fresh sign-in needed to sync", "0", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			m := w.asked(c.policy)
			err := m.Sync(t.Context())
			if !fault.Is(err, fault.StepUp) {
				t.Fatalf("%v", err)
			}
			if s := m.Replica().Snapshot().Status; s.Sentence != c.sentence {
				t.Errorf("the status line says %q", s.Sentence)
			}
			if opened := w.pages(); len(opened) != 0 {
				t.Fatalf("the browser was opened by itself: %v", opened)
			}
			w.playground.SetPolicy(playground.Policy{ACR: c.policy.ACR, MaxAge: 100 * c.policy.MaxAge * time.Duration(time.Second)})
			w.signIn(m, connection.PlaygroundName)
			pages := w.pages()
			if len(pages) != 1 || pages[0].Get("max_age") != c.maxAge || pages[0].Get("acr_values") != c.acr || pages[0].Has("max_age") != (c.maxAge != "") {
				t.Fatalf("the browser was sent to %v", pages)
			}
			if s := m.Replica().Snapshot().Status; !strings.HasPrefix(s.Sentence, "Synced") || m.State().SignInNeeded {
				t.Errorf("after it: %q", s.Sentence)
			}
			if m.State().Account.StepUp {
				t.Error("a step-up is still asked for")
			}
			w.close(m)
		})
	}
}

// S70: another process knows what was asked for: waybill sign-in after a refusal in
// the window, or the other way round.
func TestS70_AnotherProcessKnowsWhatWasAskedFor(t *testing.T) {
	w := newWorld(t)
	m := w.asked(playground.Policy{ACR: playground.ACRStepUp})
	if err := m.Sync(t.Context()); !fault.Is(err, fault.StepUp) {
		t.Fatalf("%v", err)
	}
	w.close(m)
	m = w.open(func(o *session.Options) { o.Resume = false }) // no account is open, as at waybill sign-in
	w.signIn(m, connection.PlaygroundName)
	if pages := w.pages(); len(pages) != 1 || pages[0].Get("acr_values") != playground.ACRStepUp {
		t.Errorf("the browser was sent to %v", pages)
	}
	w.playground.SetPolicy(playground.Policy{})
	w.signIn(m, connection.PlaygroundName)
	if pages := w.pages(); len(pages) != 1 || pages[0].Has("acr_values") || pages[0].Has("max_age") {
		t.Errorf("an ordinary sign-in after it asks for %v", pages)
	}
	w.close(m)
}

// S70, S79: a server that is never satisfied is asked once after the sign-in, and
// then it is over.
func TestS70_S79_AServerThatIsNeverSatisfiedIsNoLoop(t *testing.T) {
	w, tap := newWiredWorld(t, playground.Options{})
	m := w.asked(playground.Policy{MaxAge: time.Nanosecond})
	if err := m.Sync(t.Context()); !fault.Is(err, fault.StepUp) {
		t.Fatalf("%v", err)
	}
	tap.take(playground.IdP)
	s, err := m.BeginSignIn(t.Context(), connection.PlaygroundName, session.SignInRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	err = m.Sync(t.Context())
	f := fault.As(err)
	if !fault.Is(err, fault.Denied) || f.Code != "insufficient_user_authentication" || !strings.Contains(f.Error(), "administrator") {
		t.Fatalf("%+v", f)
	}
	status := m.Replica().Snapshot().Status
	if !strings.HasPrefix(status.Sentence, "You have just signed in as strictly as was asked") || m.State().SignInNeeded || m.State().Account.StepUp {
		t.Errorf("the status line says %q", status.Sentence)
	}
	exchanges := 0
	for _, r := range tap.tokens(playground.IdP) {
		if r.form.Has("subject_token") {
			exchanges++
		}
	}
	// One by the sync that a sign-in begins, and one by the sync above, which the
	// user asked for; the first may have been that very one.
	if exchanges < 1 || exchanges > 2 || len(w.pages()) != 1 {
		t.Errorf("%d exchanges after the sign-in", exchanges)
	}
	w.close(m)
}

// S70: an identity provider that signs in more weakly than was asked is not asked
// again either.
func TestS70_ASignInThatIsWeakerThanAskedIsRefused(t *testing.T) {
	w := newWorld(t)
	m := w.asked(playground.Policy{ACR: "urn:nobody:knows:this"})
	if err := m.Sync(t.Context()); !fault.Is(err, fault.StepUp) {
		t.Fatalf("%v", err)
	}
	s, err := m.BeginSignIn(t.Context(), connection.PlaygroundName, session.SignInRequest{})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Wait(t.Context())
	if f := fault.As(err); !fault.Is(err, fault.Denied) || f.Code != "id_token_acr" || len(w.pages()) != 1 {
		t.Errorf("%v", err)
	}
	w.close(m)
}
