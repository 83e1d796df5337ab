package session_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"waybill/connection"
	"waybill/fault"
	"waybill/internal/virtualnet"
	"waybill/internal/xaadev"
	"waybill/secret"
	"waybill/session"
	"waybill/transport"
)

// xaa is a computer with a user, and xaa.dev, on a network in memory.
type xaa struct {
	t       *testing.T
	net     *virtualnet.Network
	dev     *xaadev.World
	browser *xaadev.Browser
	app     xaadev.Registration
	dir     string
	ring    *ring
	manager *session.Manager
}

const registeredURI = "http://127.0.0.1:8765/callback"

func newXAA(t *testing.T) *xaa {
	t.Helper()
	x := &xaa{t: t, net: virtualnet.New(0), dir: t.TempDir(), ring: newRing()}
	x.dev = xaadev.Start(x.net)
	x.browser = x.dev.NewBrowser(x.net, "ann@example.com")
	x.app = x.dev.Register(registeredURI)
	t.Cleanup(func() {
		_ = x.browser.Wait()
		x.net.Close()
	})
	x.open()
	return x
}

// open starts the app on its folder.
func (x *xaa) open() {
	x.t.Helper()
	tr := transport.New(transport.Options{DialContext: x.net.DialContext, RootCAs: x.net.CertPool()})
	x.t.Cleanup(tr.CloseIdle)
	m, err := session.Open(x.t.Context(), session.Options{
		Dir: x.dir, Transport: tr, Keyring: x.ring, OpenURL: x.browser.Open,
		Listen:  func(_, address string) (net.Listener, error) { return x.net.Listen(address) },
		Builtin: func(context.Context) ([]session.Configured, error) { return nil, errors.New("no playground here") },
	})
	if err != nil {
		x.t.Fatal(err)
	}
	x.manager = m
	x.t.Cleanup(func() { _ = m.Close() })
}

// preset fills in what a preset asks for, and nothing else.
func (x *xaa) preset(id string) (connection.Connection, connection.Credentials) {
	x.t.Helper()
	p := connection.PresetsNamed(id)[0]
	c, cred := p.Connection, connection.Credentials{}
	resID, resSecret := x.app.RESTClientID, x.app.RESTPair
	if c.Resource.Kind == connection.MCP {
		resID, resSecret = x.app.MCPClientID, x.app.MCPPair
	}
	for _, f := range p.Ask {
		var err error
		switch f {
		case connection.FieldIdPClientID:
			c, err = c.With(f, x.app.ClientID)
		case connection.FieldClientID:
			c, err = c.With(f, resID)
		case connection.FieldIdPSecret:
			cred.IdP = secret.New(x.app.Secret)
		case connection.FieldSecret:
			cred.Resource = secret.New(resSecret)
		default:
			x.t.Fatalf("%s asks for %s", id, f)
		}
		if err != nil {
			x.t.Fatal(err)
		}
	}
	return c, cred
}

func (x *xaa) add(c connection.Connection, cred connection.Credentials) {
	x.t.Helper()
	if err := x.manager.AddConnection(x.t.Context(), c, cred); err != nil {
		x.t.Fatal(err)
	}
}

func (x *xaa) signIn(name string) error {
	x.t.Helper()
	s, err := x.manager.BeginSignIn(x.t.Context(), name, session.SignInRequest{})
	if err == nil {
		err = s.Wait(x.t.Context())
	}
	if err == nil {
		err = x.manager.Sync(x.t.Context())
	}
	return err
}

func (x *xaa) saved() string {
	x.t.Helper()
	data, err := os.ReadFile(filepath.Join(x.dir, "connections.json"))
	if err != nil {
		x.t.Fatal(err)
	}
	return string(data)
}

// "Shown to hold" 4: nothing is typed but the four credentials.
func TestBothPresetsOfXAADevWorkWithTheFourCredentialsAlone(t *testing.T) {
	for _, id := range []string{"xaa-dev", "xaa-dev-mcp"} {
		t.Run(id, func(t *testing.T) {
			x := newXAA(t)
			c, cred := x.preset(id)
			x.add(c, cred)
			if err := x.signIn(c.Name); err != nil {
				t.Fatalf("%v (%v; browser: %v)", err, errors.Unwrap(err), x.browser.Wait())
			}
			if got := titles(x.manager); len(got) != 3 {
				t.Errorf("to-dos %v", got)
			}
			if !x.manager.State().Account.Renewable {
				t.Error("the session cannot be renewed")
			}
		})
	}
}

// S75: what a saved connection first worked with is pinned, beyond the process.
func TestS50S75_AChangeAtTheServerIsADifferenceToApprove(t *testing.T) {
	x := newXAA(t)
	c, cred := x.preset("xaa-dev")
	c.Resource.AuthorizationServer, c.Resource.Identifier = "", "" // found
	x.add(c, cred)
	if changes, err := x.manager.Changes(t.Context(), c.Name); err != nil || len(changes) > 0 {
		t.Fatalf("before the first use: %v %v", changes, err)
	}
	if err := x.signIn(c.Name); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(x.saved(), `"token_endpoint": "https://auth.resource.xaa.dev/token"`) {
		t.Fatalf("nothing is pinned: %s", x.saved())
	}
	x.dev.Change(func(h *xaadev.Habits) { h.TokenEndpoint = xaadev.Server + "/v2/token" })
	if err := x.manager.SwitchTo(t.Context(), c.Name); err != nil {
		t.Fatal(err)
	}
	x.reopen()
	err := x.manager.SwitchTo(t.Context(), c.Name)
	if err == nil {
		err = x.manager.Sync(t.Context())
	}
	if f := fault.As(err); f == nil || f.Code != "server_changed" || !strings.Contains(f.Message, "/v2/token") || !strings.Contains(f.Message, "xaa.dev/token and") {
		t.Fatalf("another token endpoint: %v", err)
	}
	for _, request := range x.dev.Seen() {
		if strings.Contains(request, "/v2/token") {
			t.Error("something was sent to it")
		}
	}
	changes, err := x.manager.Changes(t.Context(), c.Name)
	if err != nil || len(changes) != 1 {
		t.Fatalf("%v %v", changes, err)
	}
	if err := x.manager.Approve(t.Context(), c.Name, nil); fault.As(err) == nil || fault.As(err).Code != "server_changed" {
		t.Errorf("approved without a look: %v", err)
	}
	if err := x.manager.Approve(t.Context(), c.Name, changes); err != nil || !strings.Contains(x.saved(), "/v2/token") {
		t.Errorf("%v: %s", err, x.saved())
	}
	if changes, err := x.manager.Changes(t.Context(), c.Name); err != nil || len(changes) > 0 {
		t.Errorf("after approving: %v %v", changes, err)
	}
	x.dev.Change(func(h *xaadev.Habits) { h.TokenEndpoint = "" })
	if changes, err = x.manager.Changes(t.Context(), c.Name); err == nil {
		err = x.manager.Approve(t.Context(), c.Name, changes)
	}
	if err == nil {
		err = x.manager.Sync(t.Context())
	}
	if err != nil {
		t.Errorf("the open account does not go on: %v", err)
	}
}

// What a user sets by hand after discovery is approved by that; what came along
// from settings that are others now is not.
func TestWhatIsSetByHandNeedsNoSecondApproval(t *testing.T) {
	x := newXAA(t)
	c, cred := x.preset("xaa-dev")
	c.Approved = &connection.Approved{AuthorizationServer: "https://found.example", TokenEndpoint: "https://found.example/token", Identifier: "https://found.example"}
	x.add(c, cred)
	if err := x.signIn(c.Name); err != nil {
		t.Fatal(err)
	}
	kept := x.manager.State().Connections
	c = kept[len(kept)-1].Connection
	if c.Approved == nil || c.Approved.AuthorizationServer != xaadev.Server || c.Approved.Identifier != xaadev.API || c.Approved.TokenEndpoint != xaadev.Server+"/token" {
		t.Fatalf("approved %+v", c.Approved)
	}
	c.IdP.Issuer = "https://other.example"
	x.add(c, cred)
	kept = x.manager.State().Connections
	if got := kept[len(kept)-1].Connection; got.IdP.Issuer != c.IdP.Issuer || got.Approved != nil {
		t.Errorf("the approval of other settings is kept: %+v", got.Approved)
	}
}

// reopen starts the app anew.
func (x *xaa) reopen() {
	x.t.Helper()
	if err := x.manager.Close(); err != nil {
		x.t.Fatal(err)
	}
	x.open()
}
