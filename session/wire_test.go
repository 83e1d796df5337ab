package session_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"waybill/playground"
	"waybill/playground/playgroundtest"
	"waybill/transport"
)

// wire is the playground on four real sockets, with somebody who reads along: what
// was sent is seen where it arrives, not where it is meant to be sent.
type wire struct {
	mu   sync.Mutex
	sent map[playground.Role][]sent

	// instead answers what arrives itself, by returning true; nil: nothing. It is
	// set before the first request.
	instead func(role playground.Role, w http.ResponseWriter, r *http.Request) bool
}

type sent struct {
	method, path string
	header       http.Header
	form         url.Values // of a token request
}

// newWiredWorld is newWorld with a playground of these options on a wire.
func newWiredWorld(t *testing.T, o playground.Options) (*world, *wire) {
	t.Helper()
	tap := &wire{sent: map[playground.Role][]sent{}}
	roles := []playground.Role{playground.IdP, playground.AuthorizationServer, playground.API, playground.MCP}
	servers, at := map[playground.Role]*httptest.Server{}, map[playground.Role]string{}
	for _, role := range roles {
		servers[role] = httptest.NewUnstartedServer(nil)
		at[role] = "http://" + servers[role].Listener.Addr().String()
	}
	o.GenerateKey = playgroundtest.Key
	p, err := playground.New(o, playground.Origins{IdP: at[playground.IdP], AuthorizationServer: at[playground.AuthorizationServer], API: at[playground.API], MCP: at[playground.MCP]})
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range roles {
		servers[role].Config.Handler = tap.reading(role, p.Handler(role))
		servers[role].Start()
	}
	w := &world{t: t, dir: t.TempDir(), ring: newRing(), playground: p, email: "alice@example.com", transport: transport.New(transport.Options{})}
	t.Cleanup(func() {
		w.browser.Wait()
		w.transport.CloseIdle()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		for _, s := range servers {
			s.Close()
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return w, tap
}

func (w *wire) reading(role playground.Role, next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		s := sent{method: r.Method, path: r.URL.Path, header: r.Header.Clone()}
		if r.URL.Path == "/token" {
			s.form, _ = url.ParseQuery(string(body))
		}
		w.mu.Lock()
		w.sent[role] = append(w.sent[role], s)
		w.mu.Unlock()
		if w.instead == nil || !w.instead(role, rw, r) {
			next.ServeHTTP(rw, r)
		}
	})
}

// take returns what arrived at a service since the last time.
func (w *wire) take(role playground.Role) []sent {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.sent[role]
	w.sent[role] = nil
	return out
}

// tokens is take for the token endpoint alone.
func (w *wire) tokens(role playground.Role) (out []sent) {
	for _, s := range w.take(role) {
		if s.path == "/token" {
			out = append(out, s)
		}
	}
	return out
}
