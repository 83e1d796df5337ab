package roundtrips

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"waybill/connection"
	"waybill/internal/virtualnet"
	"waybill/playground"
	"waybill/playground/playgroundtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// setting is the network and the resource of one run.
type setting struct {
	rtt   time.Duration
	http1 bool // the servers speak no HTTP/2
	kind  connection.ResourceKind
	mcp   string // MCP: the protocol version that the server speaks and the connection names

	todos  int  // how many there are; 0 for the playground's own
	writes bool // they can be edited

	dpop   bool // tokens are bound to a key
	nonces bool // every server demands its own in the proofs

	// bent makes the authorization server courteous, for the SDK's handler.
	bent bool
}

func (s setting) String() string {
	name := fmt.Sprintf("%s %v", strings.TrimSpace(string(s.kind)+" "+s.mcp), s.rtt)
	if s.http1 {
		name += " HTTP 1.1"
	}
	if s.dpop {
		name += " DPoP"
	}
	return name
}

// The protocol versions of MCP between which the cost differs: without and with
// initialize.
const (
	newest = "2026-07-28"
	oldest = "2025-03-26"
)

// accessLife is how long an access token lasts here: long enough for a few
// calls, and over before the sync looks for news by itself.
const accessLife = 30 * time.Second

// world is the playground on a network where only round trips take time, and
// the loopback of the user's computer, where nothing does.
type world struct {
	t        *testing.T
	s        setting
	net      *virtualnet.Network
	loopback *virtualnet.Network
	at       playground.Endpoints

	busy atomic.Bool // the API takes nothing, and says so

	received atomic.Int64 // bytes, by all clients

	mu    sync.Mutex
	dials []event
}

// event is a request or the beginning of a connection.
type event struct {
	what string
	at   time.Time
}

// inWorld runs f in a bubble. When it has ended nothing is left open.
func inWorld(t *testing.T, s setting, f func(w *world)) {
	t.Helper()
	if _, err := playgroundtest.Key(); err != nil { // before virtual time begins
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, s: s, net: virtualnet.New(s.rtt), loopback: virtualnet.New(0)}
		p, err := playground.New(playground.Options{GenerateKey: playgroundtest.Key, AccessTokenLife: accessLife, Todos: s.todos, Now: time.Now, DPoPNonce: s.nonces},
			playground.Origins{IdP: "https://idp.example", AuthorizationServer: "https://auth.example", API: "https://api.example", MCP: "https://mcp.example"})
		if err != nil {
			t.Fatal(err)
		}
		w.at = p.Endpoints()
		serve := w.net.Serve
		if s.http1 {
			serve = w.net.ServeHTTP1
		}
		defer func() {
			w.net.Close()
			w.loopback.Close()
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}()
		authorizationServer, mcpServer := p.Handler(playground.AuthorizationServer), p.Handler(playground.MCP)
		if _, _, scopes := w.demo(); s.bent {
			authorizationServer = courteous(authorizationServer, scopes)
		}
		if s.mcp < newest {
			mcpServer = legacy(mcpServer)
		}
		serve("idp.example", p.Handler(playground.IdP))
		serve("auth.example", authorizationServer)
		serve("api.example", w.unlessBusy(p.Handler(playground.API)))
		serve("mcp.example", mcpServer)
		f(w)
	})
}

// dial connects to a server, and notes that it does.
func (w *world) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	w.mu.Lock()
	w.dials = append(w.dials, event{addr, time.Now()})
	w.mu.Unlock()
	c, err := w.net.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &measured{c, &w.received}, nil
}

// measured counts what arrives, TLS and headers included.
type measured struct {
	net.Conn
	received *atomic.Int64
}

func (c *measured) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.received.Add(int64(n))
	return n, err
}

// plain is an HTTP transport of the kind that any program has, without
// connections yet.
func (w *world) plain() *http.Transport {
	return &http.Transport{DialContext: w.dial, TLSClientConfig: &tls.Config{RootCAs: w.net.CertPool()}, ForceAttemptHTTP2: true}
}

// demo is the playground's client for the resource, and what it may ask for.
func (w *world) demo() (client playground.DemoClient, resource string, scopes []string) {
	if w.s.kind == connection.MCP {
		return w.at.Clients.MCP, w.at.MCP, []string{"todos.read", "mcp.access"}
	}
	if w.s.writes {
		return w.at.Clients.REST, w.at.API, []string{"todos.read", "todos.write"}
	}
	return w.at.Clients.REST, w.at.API, []string{"todos.read"}
}

func (w *world) unlessBusy(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.busy.Load() {
			rw.Header().Set("Retry-After", "3600")
			rw.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		next.ServeHTTP(rw, r)
	})
}

// cost is what a way took.
type cost struct {
	trips    float64
	requests []string // that arrived at servers, in order
	dials    []string // connections begun
}

func (c cost) String() string {
	return fmt.Sprintf("%.4f round trips, %d requests %v, %d connections %v", c.trips, len(c.requests), c.requests, len(c.dials), c.dials)
}

// between is what the time from start until end cost. What begins at the very
// end does not count: it cannot have been waited for.
func (w *world) between(start, end time.Time) cost {
	c := cost{trips: float64(end.Sub(start)) / float64(w.s.rtt)}
	within := func(at time.Time) bool { return !at.Before(start) && at.Before(end) }
	for _, r := range w.net.Requests() {
		if within(r.At) {
			c.requests = append(c.requests, strings.Replace(r.String(), ":443", "", 1))
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.dials {
		if within(d.at) {
			c.dials = append(c.dials, d.what)
		}
	}
	return c
}

// measure is what f costs.
func (w *world) measure(f func() error) cost {
	w.t.Helper()
	synctest.Wait()
	start := time.Now()
	if err := f(); err != nil {
		w.t.Fatal(err)
	}
	return w.between(start, time.Now())
}

// rest lets everything that runs beside come to an end.
func (w *world) rest() { time.Sleep(10 * w.s.rtt) }

// breakAll ends every connection, and lets everybody notice.
func (w *world) breakAll() {
	w.net.Break()
	synctest.Wait()
}
