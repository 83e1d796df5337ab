package roundtrips

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"waybill/connection"
	"waybill/internal/virtualnet"
	"waybill/playground/playgroundtest"
	"waybill/replica"
	"waybill/session"
	"waybill/transport"
)

// typing is how long the user takes in the browser. The answer is awaited for
// five minutes. The servers here leave a connection open that nobody uses; the
// app opens one that is closed again while a token is minted.
const typing = 4 * time.Minute

const connectionName = "counted"

// app is Waybill as a whole but for window and terminal, and its user.
type app struct {
	*world
	m         *session.Manager
	transport *transport.Client
	browser   sync.WaitGroup

	// cold breaks every connection the moment the ID token is there: what is
	// left of the sign-in is the metadata.
	cold bool

	callback  time.Time // when the browser brought the code
	exchanged time.Time // when the code had been exchanged
	todos     time.Time // when there was something to show
}

// inApp runs f with the app started and nobody signed in.
func (w *world) inApp(f func(a *app)) {
	w.t.Helper()
	a := &app{world: w}
	a.transport = transport.New(transport.Options{DialContext: w.dial, RootCAs: w.net.CertPool(), Observe: a.observe})
	var err error
	a.m, err = session.Open(w.t.Context(), session.Options{
		Dir: w.t.TempDir(), Transport: a.transport, OpenURL: a.openURL,
		Builtin: func(context.Context) ([]session.Configured, error) { return nil, nil },
		Listen:  func(_, address string) (net.Listener, error) { return w.loopback.Listen(address) },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() {
		a.browser.Wait()
		if err := a.m.Close(); err != nil {
			w.t.Error(err)
		}
		a.transport.CloseIdle()
	}()
	f(a)
}

// observe sees every exchange. The first at a token endpoint is that of the
// code; none of them overlap.
func (a *app) observe(e transport.Exchange) {
	if e.Role != transport.Token || !a.exchanged.IsZero() {
		return
	}
	if a.cold {
		a.breakAll()
	}
	a.exchanged = time.Now()
}

// openURL is the user at the browser, who needs a while.
func (a *app) openURL(address string) error {
	a.browser.Go(func() {
		rt := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: a.net.CertPool()}, DialContext: a.browse}
		defer rt.CloseIdleConnections()
		b := playgroundtest.NewBrowser(rt, "ada@example.com")
		time.Sleep(typing)
		back, err := b.SignIn(a.t.Context(), address)
		if err != nil {
			a.t.Errorf("the browser at the identity provider: %v", err)
			return
		}
		a.callback = time.Now()
		if _, err := b.Open(a.t.Context(), back.String()); err != nil {
			a.t.Errorf("the browser on its way back: %v", err)
		}
	})
	return nil
}

// browse dials for the browser, which shares no connection with the app.
func (a *app) browse(ctx context.Context, network, addr string) (net.Conn, error) {
	on := map[bool]*virtualnet.Network{true: a.loopback, false: a.net}[strings.HasPrefix(addr, "127.0.0.1:")]
	return on.DialContext(ctx, network, addr)
}

// signIn goes from the button to the first to-dos on screen.
func (a *app) signIn() {
	a.t.Helper()
	client, resource, scopes := a.demo()
	c := connection.Connection{
		Name: connectionName, DPoP: a.s.dpop, RedirectURI: "http://127.0.0.1:8765/callback",
		IdP: connection.IdP{Issuer: a.at.IdP, ClientID: client.ClientID},
		Resource: connection.Resource{
			Kind: a.s.kind, URL: resource, Identifier: resource, AuthorizationServer: a.at.AuthorizationServer,
			ClientID: client.ResourceClientID, Scopes: scopes, MCPVersion: a.s.mcp,
		},
	}
	if err := a.m.Use(c, connection.Credentials{IdP: client.ClientSecret, Resource: client.ResourceClientSecret}); err != nil {
		a.t.Fatal(err)
	}
	s, err := a.m.BeginSignIn(a.t.Context(), connectionName, session.SignInRequest{})
	if err != nil {
		a.t.Fatal(err)
	}
	if err := s.Wait(a.t.Context()); err != nil {
		a.t.Fatal(err)
	}
	a.todos = a.shown()
	a.rest()
}

// shown waits until there are to-dos to show, and says when that was.
func (a *app) shown() time.Time {
	first := make(chan time.Time, 1)
	stop := a.m.Replica().Watch(func(s *replica.Snapshot) {
		if len(s.Rows) > 0 {
			select {
			case first <- time.Now():
			default:
			}
		}
	})
	defer stop()
	return <-first
}

// sync is what it costs to look for news.
func (a *app) sync() cost {
	a.t.Helper()
	return a.measure(func() error { return a.m.Sync(a.t.Context()) })
}

// expire lets the access token grow old.
func (a *app) expire() {
	time.Sleep(accessLife)
	synctest.Wait()
}
