package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"waybill/connection"
	"waybill/fault"
	"waybill/internal/virtualnet"
	"waybill/transport"
)

// site serves fixed documents by path, and 404 elsewhere.
type site map[string]string

func (s site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, ok := s[r.URL.RequestURI()]
	if !ok {
		http.NotFound(w, r)
		return
	}
	if strings.HasPrefix(body, "<") {
		w.Header().Set("Content-Type", "text/html")
	} else {
		w.Header().Set("Content-Type", "application/json")
	}
	_, _ = w.Write([]byte(body))
}

// inSites runs f with sites by host.
func inSites(t *testing.T, sites map[string]http.Handler, f func(t *testing.T, n *virtualnet.Network, c *transport.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := virtualnet.New(worldRTT)
		defer n.Close()
		for host, h := range sites {
			n.Serve(host, h)
		}
		c := transport.New(transport.Options{DialContext: n.DialContext, RootCAs: n.CertPool()})
		defer c.CloseIdle()
		f(t, n, c)
	})
}

func paths(n *virtualnet.Network) []string {
	var out []string
	for _, r := range n.Requests() {
		out = append(out, strings.TrimSuffix(r.Host, ":443")+r.Path)
	}
	return out
}

func asMetadata(issuer string) string {
	return jsonOf(map[string]any{"issuer": issuer, "token_endpoint": "https://as.example/token"})
}

func TestEveryStandardPlaceIsTried(t *testing.T) {
	for issuer, c := range map[string]struct{ place, asked string }{
		"https://as.example": {"/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server"},
		// Auth0 writes its issuer with a slash.
		"https://as.example/":       {"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server /.well-known/openid-configuration"},
		"https://as.example/tenant": {"/.well-known/oauth-authorization-server/tenant", "/.well-known/oauth-authorization-server/tenant"},
		"https://as.example/a/b/": {"/a/b/.well-known/openid-configuration",
			"/.well-known/oauth-authorization-server/a/b /.well-known/openid-configuration/a/b /a/b/.well-known/openid-configuration"},
	} {
		t.Run(issuer, func(t *testing.T) {
			inSites(t, map[string]http.Handler{"as.example": site{c.place: asMetadata(issuer)}}, func(t *testing.T, n *virtualnet.Network, tr *transport.Client) {
				s, err := DiscoverServer(t.Context(), tr, issuer, "")
				if err != nil || s.TokenEndpoint != "https://as.example/token" || s.Issuer != issuer || s.GrantProfile != Unknown {
					t.Fatalf("%+v, %v", s, err)
				}
				var asked []string
				for _, p := range paths(n) {
					asked = append(asked, strings.TrimPrefix(p, "as.example"))
				}
				equal(t, "asked", asked, strings.Fields(c.asked))
			})
		})
	}
}

func TestTheMetadataIsPreferredWhereBothAreThere(t *testing.T) {
	both := site{
		"/.well-known/oauth-authorization-server": jsonOf(map[string]any{
			"issuer": "https://as.example", "token_endpoint": "https://as.example/token",
			"authorization_grant_profiles_supported": []string{profileIDJAG}, "grant_types_supported": []string{"authorization_code"},
			"token_endpoint_auth_methods_supported": []string{"client_secret_post"},
		}),
		"/.well-known/openid-configuration": asMetadata("https://as.example"),
	}
	inSites(t, map[string]http.Handler{"as.example": both}, func(t *testing.T, _ *virtualnet.Network, tr *transport.Client) {
		s, err := DiscoverServer(t.Context(), tr, "https://as.example", "")
		if err != nil || s.GrantProfile != Yes || s.JWTBearer != No || !slices.Equal(s.TokenAuthMethods, []string{"client_secret_post"}) {
			t.Errorf("%+v, %v", s, err)
		}
		data, err := json.Marshal(s)
		var again Server
		if err != nil || json.Unmarshal(data, &again) != nil || again.TokenEndpoint != s.TokenEndpoint || again.GrantProfile != Yes {
			t.Errorf("it does not survive JSON: %s", data)
		}
	})
}

func TestS48_MetadataOfAnotherIssuerIsRefused(t *testing.T) {
	for name, said := range map[string]string{
		"other": "https://evil.example", "slash": "https://as.example/", "case": "https://AS.example", "port": "https://as.example:443",
		"scheme": "http://as.example", "encoding": "https://as%2Eexample", "missing": "", "query": "https://as.example?x",
	} {
		t.Run(name, func(t *testing.T) {
			inSites(t, map[string]http.Handler{"as.example": site{"/.well-known/oauth-authorization-server": asMetadata(said)}}, func(t *testing.T, n *virtualnet.Network, tr *transport.Client) {
				_, err := DiscoverServer(t.Context(), tr, "https://as.example", "")
				f := wantFault(t, err, fault.StepDiscovery, fault.Config, "issuer_mismatch")
				if !strings.Contains(f.Message, "https://as.example") || !strings.Contains(f.Message, fault.Clean(said, 100)) {
					t.Errorf("the difference is not shown: %q", f.Message)
				}
				if slash := strings.Contains(f.Message, "final slash"); slash != (name == "slash") {
					t.Errorf("%q", f.Message)
				}
				if len(n.Requests()) != 1 {
					t.Errorf("other places were tried: %v", paths(n))
				}
			})
		})
	}
}

func TestS49S50_ATokenEndpointElsewhereIsNotUsed(t *testing.T) {
	for endpoint, c := range map[string]struct {
		kind fault.Kind
		code string
	}{
		"http://as.example/token":           {fault.Hostile, "unsafe_endpoint"},
		"https://u:p@as.example/token":      {fault.Hostile, "unsafe_endpoint"},
		"https://as.example/token#f":        {fault.Hostile, "unsafe_endpoint"},
		"https://0x7f.1/token":              {fault.Hostile, "unsafe_endpoint"},
		"https://аs.example/token":          {fault.Hostile, "unsafe_endpoint"}, // a Cyrillic letter
		"file:///token":                     {fault.Hostile, "unsafe_endpoint"},
		"https://evil.example/token":        {fault.Config, "foreign_endpoint"},
		"https://as.example:8443/token":     {fault.Config, "foreign_endpoint"},
		"https://sub.as.example/token":      {fault.Config, "foreign_endpoint"},
		"http://127.0.0.1:22/token":         {fault.Config, "foreign_endpoint"},
		"https://as.example.evil.com/token": {fault.Config, "foreign_endpoint"},
		"":                                  {fault.Config, "no_endpoint"},
	} {
		t.Run(endpoint, func(t *testing.T) {
			body := jsonOf(map[string]any{"issuer": "https://as.example", "token_endpoint": endpoint})
			inSites(t, map[string]http.Handler{"as.example": site{"/.well-known/oauth-authorization-server": body}}, func(t *testing.T, _ *virtualnet.Network, tr *transport.Client) {
				_, err := DiscoverServer(t.Context(), tr, "https://as.example", "")
				wantFault(t, err, fault.StepDiscovery, c.kind, c.code)
			})
		})
	}
}

func TestS50_AnEndpointThatTheConnectionSetsIsUsed(t *testing.T) {
	const set = "https://tokens.example/token"
	for name, s := range map[string]site{
		"with metadata": {"/.well-known/oauth-authorization-server": asMetadata("https://as.example")}, "without": {},
	} {
		inSites(t, map[string]http.Handler{"as.example": s}, func(t *testing.T, _ *virtualnet.Network, tr *transport.Client) {
			got, err := DiscoverServer(t.Context(), tr, "https://as.example", set)
			if err != nil || got.TokenEndpoint != set {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
		})
	}
}

func TestDiscoveryToldFromAServerThatIsDown(t *testing.T) {
	down := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	inSites(t, map[string]http.Handler{
		"empty.example": site{}, "down.example": down,
		"web.example":   site{"/.well-known/oauth-authorization-server": "<html>", "/.well-known/openid-configuration": "<html>"},
		"array.example": site{"/.well-known/oauth-authorization-server": "[]"},
	}, func(t *testing.T, n *virtualnet.Network, tr *transport.Client) {
		_, err := DiscoverServer(t.Context(), tr, "https://empty.example", "")
		wantFault(t, err, fault.StepDiscovery, fault.Config, "no_document")
		_, err = DiscoverServer(t.Context(), tr, "https://web.example", "")
		wantFault(t, err, fault.StepDiscovery, fault.Offline, "captive_portal")
		_, err = DiscoverServer(t.Context(), tr, "https://array.example", "")
		wantFault(t, err, fault.StepDiscovery, fault.Failed, "bad_metadata")
		n.Reset()
		_, err = DiscoverServer(t.Context(), tr, "https://down.example", "https://down.example/token")
		wantFault(t, err, fault.StepDiscovery, fault.Offline, "unavailable")
		_, err = DiscoverServer(t.Context(), tr, "https://nobody.example", "")
		wantFault(t, err, fault.StepDiscovery, fault.Offline, "network")
		_, err = DiscoverServer(t.Context(), tr, "http://as.example", "")
		wantFault(t, err, fault.StepSetup, fault.Config, "bad_url")
		if len(n.Requests()) != 1 {
			t.Errorf("a server that is down was asked again: %v", paths(n))
		}
	})
}

func prm(resource string, servers ...string) string {
	return jsonOf(map[string]any{"resource": resource, "authorization_servers": servers, "scopes_supported": []string{"todos.read"}})
}

func TestTheResourcesMetadataIsFoundAtItsPathAndAtItsRoot(t *testing.T) {
	for name, c := range map[string]struct {
		url   string
		site  site
		asked int
	}{
		"REST":          {"https://api.example", site{"/.well-known/oauth-protected-resource": prm("https://api.example", "https://as.example")}, 1},
		"slash":         {"https://api.example/", site{"/.well-known/oauth-protected-resource": prm("https://api.example/", "https://as.example")}, 1},
		"MCP":           {"https://mcp.example/mcp", site{"/.well-known/oauth-protected-resource/mcp": prm("https://mcp.example/mcp", "https://as.example")}, 1},
		"MCP, root":     {"https://mcp.example/mcp", site{"/.well-known/oauth-protected-resource": prm("https://mcp.example/mcp", "https://as.example")}, 2},
		"root of host":  {"https://mcp.example/mcp", site{"/.well-known/oauth-protected-resource": prm("https://mcp.example", "https://as.example")}, 2},
		"with a query":  {"https://mcp.example/mcp?x=1", site{"/.well-known/oauth-protected-resource/mcp?x=1": prm("https://mcp.example/mcp?x=1", "https://as.example")}, 1},
		"slash at path": {"https://mcp.example/mcp/", site{"/.well-known/oauth-protected-resource/mcp": prm("https://mcp.example/mcp/", "https://as.example")}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			inSites(t, map[string]http.Handler{"api.example": c.site, "mcp.example": c.site}, func(t *testing.T, n *virtualnet.Network, tr *transport.Client) {
				m, err := DiscoverResource(t.Context(), tr, connection.Resource{URL: c.url})
				if err != nil || m == nil {
					t.Fatal(m, err)
				}
				if server, err := m.onlyServer(); server != "https://as.example" || err != nil || len(m.Scopes) != 1 {
					t.Errorf("%+v, %v", m, err)
				}
				if len(n.Requests()) != c.asked {
					t.Errorf("asked %v", paths(n))
				}
			})
		})
	}
}

// challenging answers 401 with a resource_metadata address, and serves
// documents beside.
func challenging(address string, documents site) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			panic("a credential was sent")
		}
		if _, ok := documents[r.URL.RequestURI()]; ok || strings.HasPrefix(r.URL.Path, "/.well-known/") {
			documents.ServeHTTP(w, r)
			return
		}
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer error="invalid_token", resource_metadata=%q`, address))
		w.WriteHeader(http.StatusUnauthorized)
	})
}

func TestTheResourcesOwn401MayNameItsMetadata(t *testing.T) {
	api := challenging("https://api.example/meta", site{"/meta": prm("https://api.example/v1", "https://as.example")})
	inSites(t, map[string]http.Handler{"api.example": api}, func(t *testing.T, _ *virtualnet.Network, tr *transport.Client) {
		m, err := DiscoverResource(t.Context(), tr, connection.Resource{URL: "https://api.example/v1"})
		if err != nil || m == nil || m.Resource != "https://api.example/v1" {
			t.Errorf("%+v, %v", m, err)
		}
	})
}

func TestS76_MetadataElsewhereIsNotFetched(t *testing.T) {
	for _, address := range []string{
		"http://169.254.169.254/latest", "http://127.0.0.1:22/", "file:///etc/passwd", "https://evil.example/meta",
		"https://api.example:8443/meta", "http://api.example/meta", "https://sub.api.example/meta", "//evil.example/meta", "", strings.Repeat("x", 9000),
	} {
		api := challenging(address, site{})
		inSites(t, map[string]http.Handler{"api.example": api}, func(t *testing.T, n *virtualnet.Network, tr *transport.Client) {
			m, err := DiscoverResource(t.Context(), tr, connection.Resource{URL: "https://api.example"})
			if m != nil || err != nil {
				t.Errorf("%q: %+v, %v", address, m, err)
			}
			for _, d := range n.Dials() {
				if d != "api.example:443" {
					t.Errorf("%q: dialled %s", address, d)
				}
			}
		})
	}
}

func TestS74_MetadataOfAnotherResourceStopsEverything(t *testing.T) {
	for name, said := range map[string]string{
		"host": "https://evil.example/mcp", "path": "https://mcp.example/other", "slash": "https://mcp.example/mcp/", "case": "https://mcp.example/MCP",
		"missing": "", "parent": "https://mcp.example", "child": "https://mcp.example/mcp/x", "scheme": "http://mcp.example/mcp",
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.net.Serve("mcp.example", site{"/.well-known/oauth-protected-resource/mcp": prm(said, "https://as.example")})
				conn := w.connection()
				conn.Resource.URL, conn.Resource.Identifier, conn.Resource.AuthorizationServer = "https://mcp.example/mcp", "", ""
				_, err := Resolve(t.Context(), w.transport, conn, credentials())
				f := wantFault(t, err, fault.StepDiscovery, fault.Config, "resource_mismatch")
				if slash := strings.Contains(f.Message, "final slash"); slash != (name == "slash") {
					t.Errorf("%q", f.Message)
				}
				if w.idp.tokens()+w.as.tokens() != 0 {
					t.Error("a token was asked for")
				}
			})
		})
	}
}

func TestS75_OnlyThePinnedServerIsContacted(t *testing.T) {
	thousand := make([]string, 1000)
	for i := range thousand {
		thousand[i] = fmt.Sprintf("https://evil%d.example", i)
	}
	for name, servers := range map[string][]string{"unpinned": {"https://evil.example"}, "thousand": thousand, "none": nil} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.api.metadata["authorization_servers"] = servers
				conn := w.connection()
				conn.Resource.Identifier = ""
				plan, err := Resolve(t.Context(), w.transport, conn, credentials())
				if err != nil || plan.Audience != "https://as.example" || plan.Resource != "https://api.example" {
					t.Errorf("pinned: %+v, %v", plan, err)
				}
				if name == "unpinned" {
					return
				}
				conn.Resource.AuthorizationServer = ""
				_, err = Resolve(t.Context(), w.transport, conn, credentials())
				code := map[string]string{"thousand": "several_authorization_servers", "none": "no_authorization_server"}[name]
				if f := wantFault(t, err, fault.StepDiscovery, fault.Config, code); len(f.Message) > 400 {
					t.Errorf("%d characters", len(f.Message))
				}
			})
		})
	}
}

func TestTheOneServerThatAResourceNamesIsTaken(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		conn := w.connection()
		conn.Resource.Identifier, conn.Resource.AuthorizationServer = "", ""
		plan, err := Resolve(t.Context(), w.transport, conn, credentials())
		if err != nil {
			t.Fatal(err)
		}
		if plan.Audience != "https://as.example" || plan.Resource != "https://api.example" || plan.Server.TokenEndpoint != "https://as.example/token" || plan.Metadata == nil {
			t.Errorf("%+v", plan)
		}
	})
}

func TestAResourceWithoutMetadataIsCalledByItsAddress(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.api.metadata = nil
		conn := w.connection()
		conn.Resource.Identifier = ""
		plan, err := Resolve(t.Context(), w.transport, conn, credentials())
		if err != nil || plan.Resource != "https://api.example" || plan.Metadata != nil {
			t.Errorf("%+v, %v", plan, err)
		}
		conn.Resource.AuthorizationServer = ""
		_, err = Resolve(t.Context(), w.transport, conn, credentials())
		wantFault(t, err, fault.StepDiscovery, fault.Config, "no_authorization_server")
	})
}

func TestTheIdentifierMayDifferFromTheAddress(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		conn := w.connection()
		conn.Resource.Identifier, conn.Resource.AuthorizationServer = "urn:todo0", ""
		plan, err := Resolve(t.Context(), w.transport, conn, credentials())
		if err != nil || plan.Resource != "urn:todo0" {
			t.Errorf("%+v, %v", plan, err)
		}
	})
}

func TestEverythingIsAskedAtTheSameTime(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		conn := w.connection()
		conn.Resource.Identifier = ""
		got := w.net.RoundTrips(func() {
			if _, err := Resolve(t.Context(), w.transport, conn, credentials()); err != nil {
				t.Fatal(err)
			}
		})
		if got != 3 || len(w.net.Dials()) != 3 {
			t.Errorf("%v round trips for %v", got, paths(w.net))
		}
	})
}

func TestS50_TheIdentityProvidersTokenEndpointBelongsToIt(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.idp.metadata["token_endpoint"] = "https://evil.example/token"
		_, err := Resolve(t.Context(), w.transport, w.connection(), credentials())
		wantFault(t, err, fault.StepDiscovery, fault.Config, "foreign_endpoint")
		conn := w.connection()
		conn.IdP.TokenEndpoint = "https://evil.example/token"
		if _, err := Resolve(t.Context(), w.transport, conn, credentials()); err != nil {
			t.Errorf("one that the connection sets: %v", err)
		}
	})
}

func TestThePlanIsResolvedOnceForAll(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		c := NewPlanCache(w.transport, w.connection(), credentials(), nil)
		defer c.Close()
		var failed atomic.Int32
		done := make(chan *Plan)
		for range 50 {
			go func() {
				p, err := c.Get(t.Context())
				if err != nil {
					failed.Add(1)
				}
				done <- p
			}()
		}
		first := <-done
		for range 49 {
			if p := <-done; p != first {
				t.Error("another plan")
			}
		}
		if failed.Load() != 0 || len(w.net.Dials()) != 2 {
			t.Errorf("%d failed, asked %v", failed.Load(), paths(w.net))
		}
	})
}

func TestThePlanIsLookedAfterInTheBackground(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		c := NewPlanCache(w.transport, w.connection(), credentials(), nil)
		defer c.Close()
		get := func() *Plan {
			t.Helper()
			p, err := c.Get(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		first := get()
		time.Sleep(2 * time.Hour)
		w.net.Reset()
		if got := w.net.RoundTrips(func() { get() }); got != 0 {
			t.Errorf("a known plan took %v round trips", got)
		}
		time.Sleep(time.Minute)
		if second := get(); second == first || len(w.net.Dials()) != 2 {
			t.Errorf("it was not looked after: %v", paths(w.net))
		}

		// While that fails, and when tokens would go elsewhere, the old one stays.
		third := get()
		time.Sleep(2 * time.Hour)
		w.net.SetOffline(true)
		for range 10 {
			get()
			time.Sleep(10 * time.Second)
		}
		if dials := len(w.net.Refused()); dials > 4 || dials == 0 {
			t.Errorf("%d dials while offline", dials)
		}
		w.net.SetOffline(false)
		w.as.set(func(p *party) { p.metadata["token_endpoint"] = "https://as.example/elsewhere" })
		time.Sleep(2 * time.Minute)
		get()
		time.Sleep(time.Minute)
		if p := get(); p != third || p.Server.TokenEndpoint != "https://as.example/token" {
			t.Errorf("S75: a changed server was taken: %+v", p.Server)
		}
		w.net.Reset() // the offline dials were meant
	})
}

// Close takes every Get that asks at the same moment: it waits for its
// resolution, or keeps it from beginning. The race detector is the judge.
func TestAPlanCacheIsClosedWhileItIsAsked(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		for range 50 {
			c := NewPlanCache(w.transport, w.connection(), credentials(), nil)
			var asking sync.WaitGroup
			for range 4 {
				asking.Go(func() { _, _ = c.Get(t.Context()) })
			}
			c.Close()
			asked := len(w.net.Dials())
			asking.Wait()
			synctest.Wait()
			if n := len(w.net.Dials()); n != asked {
				t.Fatalf("%d connections were opened after Close", n-asked)
			}
		}
	})
}

func TestAPlanThatCannotBeResolvedIsTriedAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		c := NewPlanCache(w.transport, w.connection(), credentials(), nil)
		w.net.SetOffline(true)
		_, err := c.Get(t.Context())
		wantFault(t, err, fault.StepDiscovery, fault.Offline, "network")
		w.net.SetOffline(false)
		if _, err := c.Get(t.Context()); err != nil {
			t.Error(err)
		}
		c.Close()
		if _, err := c.Get(t.Context()); err != nil {
			t.Errorf("a known plan after Close: %v", err)
		}
		closed := NewPlanCache(w.transport, w.connection(), credentials(), nil)
		closed.Close()
		_, err = closed.Get(t.Context())
		var f *fault.Fault
		if !errors.As(err, &f) || f.Kind != fault.Canceled {
			t.Errorf("after Close: %v", err)
		}
		w.net.Reset()
	})
}
