package session_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"waybill/connection"
	"waybill/internal/virtualnet"
	"waybill/playground"
	"waybill/playground/playgroundtest"
	"waybill/replica"
	"waybill/session"
	"waybill/todo"
	"waybill/transport"
)

// The three servers that the app talks to, in the order of the way to a token.
const (
	idpHost  = "idp.example"
	authHost = "auth.example"
	apiHost  = "api.example"
)

var hosts = []string{idpHost, authHost, apiHost}

// far is the app and its servers on a network in memory, in virtual time. What
// goes wrong on the way to each server is the test's.
type far struct {
	t         *testing.T
	net       *virtualnet.Network
	loopback  *virtualnet.Network
	strangers *virtualnet.Network // reached instead, with certificates that nobody knows
	servers   *playground.Playground
	transport *transport.Client
	m         *session.Manager
	browser   sync.WaitGroup

	mu       sync.Mutex
	troubles map[string]trouble // by host
}

// trouble is what happens on the way to a server in place of what should.
type trouble struct {
	dial   func(w *far, ctx context.Context) (net.Conn, error) // nil: as ever
	answer http.HandlerFunc                                    // nil: the server's own
}

// inFar runs f with somebody signed in and synced. Access tokens last 90 s, ID
// tokens two minutes, and the app asks for news every minute.
func inFar(t *testing.T, change func(*playground.Options), f func(w *far)) {
	t.Helper()
	if _, err := playgroundtest.Key(); err != nil { // before virtual time begins
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		const rtt = 50 * time.Millisecond
		w := &far{t: t, net: virtualnet.New(rtt), loopback: virtualnet.New(0), strangers: virtualnet.New(rtt), troubles: map[string]trouble{}}
		o := playground.Options{GenerateKey: playgroundtest.Key, AccessTokenLife: 90 * time.Second, IDTokenLife: 2 * time.Minute, Now: time.Now}
		if change != nil {
			change(&o)
		}
		var err error
		w.servers, err = playground.New(o, playground.Origins{
			IdP: "https://" + idpHost, AuthorizationServer: "https://" + authHost, API: "https://" + apiHost, MCP: "https://mcp.example"})
		if err != nil {
			t.Fatal(err)
		}
		defer w.close()
		for i, host := range hosts {
			w.net.Serve(host, w.around(host, w.servers.Handler([]playground.Role{playground.IdP, playground.AuthorizationServer, playground.API}[i])))
		}
		w.transport = transport.New(transport.Options{DialContext: w.dial, RootCAs: w.net.CertPool()})
		w.m, err = session.Open(t.Context(), session.Options{
			Dir: t.TempDir(), Transport: w.transport, OpenURL: w.openURL,
			Builtin: func(context.Context) ([]session.Configured, error) { return nil, nil },
			Listen:  func(_, address string) (net.Listener, error) { return w.loopback.Listen(address) },
		})
		if err != nil {
			t.Fatal(err)
		}
		w.signIn()
		f(w)
	})
}

func (w *far) close() {
	w.browser.Wait()
	if w.m != nil {
		if err := w.m.Close(); err != nil {
			w.t.Error(err)
		}
		w.transport.CloseIdle()
	}
	for _, n := range []*virtualnet.Network{w.net, w.loopback, w.strangers} {
		n.Close()
	}
	if err := w.servers.Close(); err != nil {
		w.t.Error(err)
	}
}

// around lets the test answer in a server's place.
func (w *far) around(host string, own http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if other := w.trouble(host).answer; other != nil {
			other(rw, r)
			return
		}
		own.ServeHTTP(rw, r)
	})
}

func (w *far) trouble(host string) trouble {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.troubles[host]
}

// befall has trouble begin on the way to host; connections that are open break.
func (w *far) befall(host string, t trouble) {
	w.mu.Lock()
	w.troubles[host] = t
	w.mu.Unlock()
	w.net.Break()
	synctest.Wait()
}

// heal ends all trouble.
func (w *far) heal() {
	w.mu.Lock()
	clear(w.troubles)
	w.mu.Unlock()
	w.net.Break()
	w.strangers.Break()
	synctest.Wait()
}

func (w *far) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	host, _, _ := net.SplitHostPort(addr)
	if dial := w.trouble(host).dial; dial != nil {
		return dial(w, ctx)
	}
	return w.net.DialContext(ctx, network, addr)
}

// openURL is the user at the browser, which shares no connection and no trouble
// with the app.
func (w *far) openURL(address string) error {
	w.browser.Go(func() {
		rt := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: w.net.CertPool()},
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				if strings.HasPrefix(addr, "127.0.0.1:") {
					return w.loopback.DialContext(ctx, network, addr)
				}
				return w.net.DialContext(ctx, network, addr)
			}}
		defer rt.CloseIdleConnections()
		b := playgroundtest.NewBrowser(rt, "ada@example.com")
		back, err := b.SignIn(w.t.Context(), address)
		if err == nil {
			_, err = b.Open(w.t.Context(), back.String())
		}
		if err != nil {
			w.t.Errorf("the browser: %v", err)
		}
	})
	return nil
}

const farName = "far"

// signIn signs in and returns when the first sync is over.
func (w *far) signIn() {
	w.t.Helper()
	e := w.servers.Endpoints()
	c := configured(e, e.Clients.REST, farName, connection.REST, e.API, "todos.read", "todos.write")
	c.Connection.RedirectURI = "http://127.0.0.1:8765/callback"
	c.Connection.Subject = connection.SubjectIDToken // the longer way: a refresh, then an exchange
	if err := w.m.Use(c.Connection, c.Credentials); err != nil {
		w.t.Fatal(err)
	}
	s, err := w.m.BeginSignIn(w.t.Context(), farName, session.SignInRequest{})
	if err == nil {
		err = s.Wait(w.t.Context())
	}
	if err == nil {
		err = w.m.Sync(w.t.Context())
	}
	if err != nil {
		w.t.Fatalf("sign-in: %v (%v)", err, errors.Unwrap(err))
	}
}

// wait lets virtual time go by.
func (w *far) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// status is what the status line says.
func (w *far) status() replica.Status {
	synctest.Wait()
	return w.m.Replica().Snapshot().Status
}

// add saves a to-do. It must never wait for the network.
func (w *far) add(title string) {
	w.t.Helper()
	start := time.Now()
	if _, err := w.m.Replica().Add(w.t.Context(), todo.Todo{Title: title}); err != nil {
		w.t.Fatalf("%q was not saved: %v", title, err)
	}
	if took := time.Since(start); took != 0 {
		w.t.Errorf("saving %q took %v", title, took)
	}
}

// synced waits until everything is at the server, at most for limit, without
// doing anything, and says how long that took.
func (w *far) synced(limit time.Duration) (took time.Duration, ok bool) {
	start := time.Now()
	for time.Since(start) <= limit {
		if s := w.status(); s.Kind == replica.OK && s.Waiting == 0 {
			return time.Since(start), true
		}
		time.Sleep(100 * time.Millisecond)
	}
	return time.Since(start), false
}

// atServer counts the to-dos of this title that another computer would see.
func (w *far) atServer(title string) (n int) {
	w.t.Helper()
	if err := w.m.Sync(w.t.Context()); err != nil {
		w.t.Errorf("sync: %v", err)
	}
	for _, r := range w.m.Replica().Snapshot().Rows {
		if r.Todo.Title == title && r.State == replica.Synced {
			n++
		}
	}
	return n
}

// asked counts the requests that came to a server's path since the last reset.
func (w *far) asked(what string) (n int) {
	for _, r := range w.net.Requests() {
		if strings.Replace(r.String(), ":443", "", 1) == what {
			n++
		}
	}
	return n
}

// onlyKnown checks that nobody but the three servers was ever dialled.
func (w *far) onlyKnown() {
	w.t.Helper()
	for _, addr := range w.net.Dials() {
		if host, _, _ := net.SplitHostPort(addr); !slices.Contains(hosts, host) {
			w.t.Errorf("O2: %s was dialled", addr)
		}
	}
}
