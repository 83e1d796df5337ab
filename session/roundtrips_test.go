package session_test

import (
	"context"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"

	"waybill/connection"
	"waybill/replica"
	"waybill/session"
	"waybill/transport"
)

// recorder keeps what the app asked for, in order.
type recorder struct {
	mu        sync.Mutex
	exchanges []transport.Exchange
	keys      chan struct{} // closed when the identity provider's keys have been fetched
}

func (r *recorder) observe(e transport.Exchange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.exchanges = append(r.exchanges, e)
	if strings.HasSuffix(e.URL, "/jwks") {
		close(r.keys) // a second fetch would panic, as it should: the keys are cached
	}
}

func (r *recorder) reset() []transport.Exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.exchanges
	r.exchanges = nil
	return out
}

// warmHandler is a log that closes a channel when the app says that it is warm.
type warmHandler struct {
	slog.Handler
	once *sync.Once
	warm chan struct{}
}

func (h warmHandler) Enabled(context.Context, slog.Level) bool { return true }
func (h warmHandler) Handle(_ context.Context, r slog.Record) error {
	if r.Message == session.LogWarm {
		h.once.Do(func() { close(h.warm) })
	}
	return nil
}

// After the callback four requests lead to the to-dos, each on a connection
// that was open before; while the token lasts, each further sync is one.
func TestAfterTheCallbackFourRequestsAndNoNewConnection(t *testing.T) {
	w := newWorld(t)
	rec := &recorder{keys: make(chan struct{})}
	w.transport = transport.New(transport.Options{Observe: rec.observe})
	warm := warmHandler{slog.DiscardHandler, &sync.Once{}, make(chan struct{})}
	callback := make(chan struct{})
	m := w.open(func(o *session.Options) {
		o.Log = slog.New(warm)
		o.OpenURL = func(address string) error {
			w.browser.Go(func() {
				// The user is slower than the warming.
				<-warm.warm
				<-rec.keys
				rec.reset()
				close(callback)
				_ = w.openURL(address)
			})
			return nil
		}
	})
	s, err := m.BeginSignIn(t.Context(), connection.PlaygroundName, session.SignInRequest{})
	if err != nil {
		t.Fatal(err)
	}
	<-callback
	if err := s.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitForTodos(t, m)
	e := w.playground.Endpoints()
	want := []string{"POST " + e.IdP + "/token", "POST " + e.IdP + "/token", "POST " + e.AuthorizationServer + "/token", "GET " + e.API + "/api/todos"}
	got := chain(t, rec.reset())
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("after the callback:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	w.sync(m)
	if got := chain(t, rec.reset()); len(got) != 1 || got[0] != want[3] {
		t.Errorf("a sync with a valid token: %v", got)
	}
}

// waitForTodos returns when the first sync has ended.
func waitForTodos(t *testing.T, m *session.Manager) {
	t.Helper()
	done := make(chan struct{})
	var once sync.Once
	stop := m.Replica().Watch(func(s *replica.Snapshot) {
		if s.Status.Kind == replica.OK && !s.Status.LastSync.IsZero() {
			once.Do(func() { close(done) })
		}
	})
	<-done
	stop()
}

// chain lists the exchanges that depend on one another, and fails for one on a
// new connection. OPTIONS runs beside the listing and nothing waits for it.
func chain(t *testing.T, exchanges []transport.Exchange) (out []string) {
	t.Helper()
	for _, e := range exchanges {
		u, err := url.Parse(e.URL)
		if err != nil || u.RawQuery != "" {
			t.Errorf("S59: %s has a query", e.URL)
		}
		if e.Method == "OPTIONS" {
			continue
		}
		if !e.Reused {
			t.Errorf("%s %s opened a new connection", e.Method, e.URL)
		}
		out = append(out, e.Method+" "+e.URL)
	}
	return out
}
