package api_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"waybill/api"
	"waybill/connection"
	"waybill/internal/virtualnet"
	"waybill/playground"
	"waybill/playground/playgroundtest"
	"waybill/todo"
	"waybill/transport"
)

const rtt = 150 * time.Millisecond

// world is the playground on a network where only round trips take time.
type world struct {
	t   *testing.T
	net *virtualnet.Network
	p   *playground.Playground
	tr  *transport.Client
	rt  *http.Transport
}

// inWorld runs f in virtual time. With http1 the servers speak no HTTP/2.
func inWorld(t *testing.T, http1 bool, f func(w *world)) {
	if _, err := playgroundtest.Key(); err != nil { // before virtual time begins
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		n := virtualnet.New(rtt)
		p, err := playground.New(playground.Options{GenerateKey: playgroundtest.Key, Now: time.Now}, playground.Origins{
			IdP: "https://idp.example", AuthorizationServer: "https://auth.example", API: "https://api.example", MCP: "https://mcp.example"})
		if err != nil {
			t.Fatal(err)
		}
		serve := n.Serve
		if http1 {
			serve = n.ServeHTTP1
		}
		for host, role := range map[string]playground.Role{"idp.example": playground.IdP, "auth.example": playground.AuthorizationServer,
			"api.example": playground.API, "mcp.example": playground.MCP} {
			serve(host, p.Handler(role))
		}
		w := &world{t: t, net: n, p: p, tr: transport.New(transport.Options{DialContext: n.DialContext, RootCAs: n.CertPool()}),
			rt: &http.Transport{DialContext: n.DialContext, TLSClientConfig: &tls.Config{RootCAs: n.CertPool()}}}
		f(w)
		w.rt.CloseIdleConnections()
		w.tr.CloseIdle()
		n.Close()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
}

func (w *world) signIn(kind connection.ResourceKind) *grants {
	scope := restScope
	if kind == connection.MCP {
		scope = mcpScope
	}
	return signedIn(w.t, w.rt, w.p.Endpoints(), kind, scope)
}

// connect opens a connection ahead, as the app does while the user signs in.
func (w *world) connect(origin string) {
	w.tr.Preconnect(w.t.Context(), origin)
	time.Sleep(rtt) // it is free a moment after it is open
}

// costs runs f and compares what it cost with what it may cost.
func (w *world) costs(what string, trips float64, dials int, requests []string, f func() error) {
	w.t.Helper()
	w.net.Reset()
	var err error
	got := w.net.RoundTrips(func() { err = f() })
	synctest.Wait()
	if err != nil {
		w.t.Fatalf("%s: %v", what, err)
	}
	if got != trips {
		w.t.Errorf("%s took %.4f round trips, want exactly %.4f", what, got, trips)
	}
	if d := w.net.Dials(); len(d) != dials {
		w.t.Errorf("%s opened connections to %v, want %d", what, d, dials)
	}
	time.Sleep(5 * rtt) // what runs beside f has arrived, over a connection of its own if need be
	var sent []string
	for _, r := range w.net.Requests() {
		sent = append(sent, r.Method)
	}
	if !slices.Equal(sent, requests) {
		w.t.Errorf("%s sent %v, want %v", what, w.net.Requests(), requests)
	}
}

// preconnect opens a connection and lets it settle.
func (w *world) preconnect(origin string) {
	w.connect(origin)
	synctest.Wait()
}

func TestRoundTrips_RESTListIsOneWarmAndThreeCold(t *testing.T) {
	for _, http1 := range []bool{false, true} {
		inWorld(t, http1, func(w *world) {
			c := api.NewREST(w.signIn(connection.REST).options(w.tr, connection.REST, ""))
			defer c.Close()
			var etag string
			list := func() error {
				l, err := c.List(w.t.Context(), etag)
				if etag != "" && !l.NotModified {
					return errors.New("an unchanged list came again")
				}
				etag = l.ETag
				return err
			}
			get := []string{"GET"}
			w.costs("the first list", 3, 1, get, list)
			w.costs("an unchanged list", 1, 0, get, list)
			etag = ""
			w.costs("a whole list", 1, 0, get, list)
		})
	}
}

func TestRoundTrips_PreconnectedListIsOne(t *testing.T) {
	inWorld(t, false, func(w *world) {
		c := api.NewREST(w.signIn(connection.REST).options(w.tr, connection.REST, ""))
		defer c.Close()
		w.preconnect("https://api.example")
		w.costs("the first list", 1, 0, []string{"GET"}, func() error { return second(c.List(w.t.Context(), "")) })
	})
}

func TestRoundTrips_CapabilitiesAreOne(t *testing.T) {
	inWorld(t, false, func(w *world) {
		c := api.NewREST(w.signIn(connection.REST).options(w.tr, connection.REST, ""))
		defer c.Close()
		w.preconnect("https://api.example")
		w.costs("both OPTIONS", 1, 0, []string{"OPTIONS", "OPTIONS"}, func() error { return second(c.Capabilities(w.t.Context())) })
	})
}

func TestRoundTrips_ChangesAtTheSameTimeShareOneOverHTTP2(t *testing.T) {
	for _, kind := range []connection.ResourceKind{connection.REST, connection.MCP} {
		inWorld(t, false, func(w *world) {
			o := w.signIn(kind).options(w.tr, kind, "2026-07-28")
			var c api.Client = api.NewREST(o)
			if kind == connection.MCP {
				c = api.NewMCP(o)
			}
			defer c.Close()
			if _, err := c.Capabilities(w.t.Context()); err != nil {
				w.t.Fatal(err)
			}
			l, err := c.List(w.t.Context(), "")
			if err != nil {
				w.t.Fatal(err)
			}
			const parallel = 16
			method := map[connection.ResourceKind]string{connection.REST: "PATCH", connection.MCP: "POST"}[kind]
			w.costs("16 changes", 1, 0, slices.Repeat([]string{method}, parallel), func() error {
				var all sync.WaitGroup
				errs := make([]error, parallel)
				for i := range parallel {
					all.Go(func() {
						errs[i] = second(c.Update(w.t.Context(), l.Todos[i].ID, todo.Patch{Completed: new(true)}, l.Todos[i].ETag))
					})
				}
				all.Wait()
				return errors.Join(errs...)
			})
		})
	}
}

// MCP as in the table of round trips: with the two grants before it, 4 for the
// versions that need initialize and 3 from 2026-07-28 on.
func TestRoundTrips_MCP(t *testing.T) {
	for name, c := range map[string]struct {
		version string
		http1   bool
		trips   float64
		sent    []string
	}{
		"2025-03-26":           {"2025-03-26", false, 2, []string{"POST", "POST", "POST"}},
		"2025-06-18":           {"2025-06-18", false, 2, []string{"POST", "POST", "POST"}},
		"2025-11-25":           {"2025-11-25", false, 2, []string{"POST", "POST", "POST"}},
		"2026-07-28":           {"2026-07-28", false, 1, []string{"POST"}},
		"negotiated":           {"", false, 2, []string{"POST", "POST"}},
		"2025-11-25, HTTP/1.1": {"2025-11-25", true, 2, []string{"POST", "POST", "POST"}},
		"2026-07-28, HTTP/1.1": {"2026-07-28", true, 1, []string{"POST"}},
	} {
		t.Run(strings.ReplaceAll(name, "/", "-"), func(t *testing.T) {
			inWorld(t, c.http1, func(w *world) {
				o := w.signIn(connection.MCP).options(w.tr, connection.MCP, c.version)
				client := api.NewMCP(o)
				list := func() error { return second(client.List(w.t.Context(), "")) }
				w.preconnect("https://mcp.example")
				dials := 0
				if c.http1 && len(c.sent) == 3 {
					dials = 1 // the initialized notification, beside the call
				}
				w.costs("the first list", c.trips, dials, c.sent, list)
				w.costs("the second list", 1, 0, []string{"POST"}, list)
				if err := client.Close(); err != nil {
					w.t.Error(err)
				}
				o.Resource.MCPVersion = client.Version()
				next := api.NewMCP(o)
				defer next.Close()
				remembered := c.trips
				if c.version == "" {
					remembered = 1
				}
				w.costs("the first list of a process that remembers the version", remembered, 0, c.sent[:min(len(c.sent), 2*int(remembered)-1)],
					func() error { return second(next.List(w.t.Context(), "")) })
			})
		})
	}
}

// After the grants nothing but the call itself is left, whatever the resource.
func TestRoundTrips_WholeChainAfterTheSignIn(t *testing.T) {
	for kind, c := range map[connection.ResourceKind]struct {
		version string
		trips   float64
	}{connection.REST: {"", 3}, connection.MCP: {"2026-07-28", 3}} {
		inWorld(t, false, func(w *world) {
			g := w.signIn(kind)
			o := g.options(w.tr, kind, c.version)
			var client api.Client = api.NewREST(o)
			if kind == connection.MCP {
				client = api.NewMCP(o)
			}
			defer client.Close()
			token, _, err := g.Token(w.t.Context())
			if err != nil {
				w.t.Fatal(err)
			}
			g.Refused(token)
			origin, err := transport.Origin(g.resource)
			if err != nil {
				w.t.Fatal(err)
			}
			w.preconnect(origin)
			w.net.Reset()
			if got := w.net.RoundTrips(func() { err = second(client.List(context.WithoutCancel(w.t.Context()), "")) }); err != nil || got != c.trips {
				w.t.Errorf("%s: exchange, bearer and list took %v round trips, want %v (%v)", kind, got, c.trips, err)
			}
		})
	}
}
