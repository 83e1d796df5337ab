package auth

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"waybill/connection"
	"waybill/fault"
	"waybill/internal/virtualnet"
	"waybill/transport"
)

// guarded is a site that asks for a token everywhere else.
type guarded struct {
	site
	challenge string
}

func (g guarded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, ok := g.site[r.URL.RequestURI()]; ok || strings.HasPrefix(r.URL.Path, "/.well-known/") {
		g.site.ServeHTTP(w, r)
		return
	}
	w.Header().Set("WWW-Authenticate", g.challenge)
	w.WriteHeader(http.StatusUnauthorized)
}

const (
	mcpIdP = `{"issuer":"https://idp.example","authorization_endpoint":"https://idp.example/authorize","token_endpoint":"https://idp.example/token",
		"jwks_uri":"https://idp.example/jwks","token_exchange_subject_token_types_supported":["urn:ietf:params:oauth:token-type:refresh_token"]}`
	mcpServer = `{"issuer":"https://as.example","token_endpoint":"https://as.example/token","authorization_grant_profiles_supported":["urn:ietf:params:oauth:grant-profile:id-jag"]}`
)

// mcpWorld is an MCP server, its authorization server and an identity provider.
func mcpWorld() map[string]http.Handler {
	return map[string]http.Handler{
		"mcp.example": guarded{site{
			"/.well-known/oauth-protected-resource/mcp": `{"resource":"https://mcp.example/mcp","authorization_servers":["https://as.example"],"scopes_supported":["todos.write","todos.read","mcp.access","other"]}`,
			"/.well-known/oauth-authorization-server":   `{"issuer":"http://internal:8080","token_endpoint":"http://internal:8080/token"}`,
		}, `Bearer resource_metadata="https://mcp.example/.well-known/oauth-protected-resource/mcp"`},
		"as.example": site{
			"/.well-known/oauth-authorization-server": mcpServer,
			"/.well-known/openid-configuration":       `{"issuer":"https://as.example","token_endpoint":"https://as.example/token"}`,
		},
		"idp.example": site{"/.well-known/openid-configuration": mcpIdP},
	}
}

func told(places []Place) string {
	var out []string
	for _, p := range places {
		mark := "-"
		if p.Taken {
			mark = "+"
		}
		out = append(out, fmt.Sprintf("%s %s %d %s: %s", mark, strings.TrimPrefix(p.Address, "https://"), p.Status, p.For, p.Says))
	}
	return strings.Join(out, "\n")
}

func TestAnMCPServersAddressIsEnough(t *testing.T) {
	inSites(t, mcpWorld(), func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
		var streamed []Place
		found, err := Discover(t.Context(), c, Query{Address: "https://mcp.example/mcp", Issuer: "https://idp.example"}, func(p Place) { streamed = append(streamed, p) })
		if err != nil {
			t.Fatal(err)
		}
		if told(streamed) != told(found.Places) {
			t.Error("what was told on the way is not what came out")
		}
		want := connection.Connection{
			Name: "mcp.example", RedirectURI: connection.DefaultRedirectURI, IdP: connection.IdP{Issuer: "https://idp.example"},
			Resource: connection.Resource{Kind: connection.MCP, URL: "https://mcp.example/mcp", Identifier: "https://mcp.example/mcp",
				AuthorizationServer: "https://as.example", Scopes: []string{"todos.read", "todos.write", "mcp.access"}},
			Approved: &connection.Approved{AuthorizationEndpoint: "https://idp.example/authorize", IdPTokenEndpoint: "https://idp.example/token",
				JWKSURI: "https://idp.example/jwks", Identifier: "https://mcp.example/mcp", AuthorizationServer: "https://as.example", TokenEndpoint: "https://as.example/token"},
		}
		if jsonOf(found.Connection) != jsonOf(want) {
			t.Errorf("proposed\n%s, not\n%s", jsonOf(found.Connection), jsonOf(want))
		}
		if len(found.Missing) != 2 || found.Missing[0] != connection.FieldIdPClientID || found.Missing[1] != connection.FieldClientID {
			t.Errorf("missing %v", found.Missing)
		}
		all := told(found.Places)
		for _, line := range []string{
			"+ mcp.example/mcp 401 the resource: It asks for a token, and says where",
			"+ mcp.example/.well-known/oauth-protected-resource/mcp 200",
			"- mcp.example/.well-known/oauth-protected-resource 404",
			"+ as.example/.well-known/oauth-authorization-server 200 authorization server metadata: It is the metadata of https://as.example, which says that it takes ID-JAGs.",
			"- as.example/.well-known/openid-configuration 200 authorization server metadata: It answers too, without saying that it takes ID-JAGs",
			"- mcp.example/.well-known/oauth-authorization-server 200 authorization server metadata: The authorization server is asked for as https://mcp.example, but it calls itself http://internal:8080.",
			"+ idp.example/.well-known/openid-configuration 200",
		} {
			if !strings.Contains(all, line) {
				t.Errorf("nothing is said of %q in\n%s", line, all)
			}
		}
		if slices.ContainsFunc(n.Dials(), func(a string) bool { return strings.Contains(a, "internal") }) {
			t.Errorf("a leaked address was contacted: %v", n.Dials())
		}
		from := map[connection.Field]string{}
		for _, s := range found.Sources {
			from[s.Field] = s.From
		}
		if from[connection.FieldServer] != fromResource || from[connection.FieldURL] != fromUser || from[connection.FieldKind] != fromAddress {
			t.Errorf("sources %v", from)
		}
	})
}

func TestAnIssuerIsKnownByItsMetadata(t *testing.T) {
	inSites(t, mcpWorld(), func(t *testing.T, _ *virtualnet.Network, c *transport.Client) {
		found, err := Discover(t.Context(), c, Query{Address: "https://idp.example"}, nil)
		if err != nil || found.Connection.IdP.Issuer != "https://idp.example" || found.Connection.Resource.URL != "" {
			t.Errorf("%v %+v", err, found.Connection)
		}
		found, err = Discover(t.Context(), c, Query{Address: "https://as.example"}, nil)
		if err != nil || found.Connection.Resource.AuthorizationServer != "https://as.example" || found.Connection.IdP.Issuer != "" {
			t.Errorf("an authorization server: %v %+v", err, found.Connection)
		}
		_, err = Discover(t.Context(), c, Query{Address: "https://idp.example/"}, nil)
		if f := fault.As(err); f == nil || f.Code != "issuer_mismatch" || !strings.Contains(f.Message, "differ only by a final slash") {
			t.Errorf("an issuer with a slash too many: %v", err)
		}
	})
}

func TestWhatTheUserEntersGoesBeforeWhatIsFound(t *testing.T) {
	inSites(t, mcpWorld(), func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
		given := connection.Connection{Name: "mine", Resource: connection.Resource{
			Kind: connection.REST, Identifier: "urn:mine", AuthorizationServer: "https://idp.example", Scopes: []string{"x"},
		}}
		found, err := Discover(t.Context(), c, Query{Address: "https://mcp.example/mcp", Given: given}, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := found.Connection
		got.Approved = nil
		given.Resource.URL, given.RedirectURI = "https://mcp.example/mcp", connection.DefaultRedirectURI
		if jsonOf(got) != jsonOf(given) {
			t.Errorf("overruled: %s", jsonOf(got))
		}
		if !strings.Contains(strings.Join(found.Notes, " "), "names another authorization server") {
			t.Errorf("notes %v", found.Notes)
		}
		for _, p := range found.Places {
			if strings.Contains(p.Address, "as.example") {
				t.Errorf("a server was asked that the user did not choose: %s", p.Address)
			}
		}
	})
}

// S75: of several servers, and of a thousand, none is asked.
func TestS75_AmongSeveralServersTheUserChooses(t *testing.T) {
	sites := mcpWorld()
	var named []string
	for i := range 1000 {
		named = append(named, fmt.Sprintf("https://as%d.example", i))
	}
	sites["mcp.example"] = guarded{site{"/.well-known/oauth-protected-resource/mcp": jsonOf(map[string]any{
		"resource": "https://mcp.example/mcp", "authorization_servers": named})}, "Bearer"}
	inSites(t, sites, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
		found, err := Discover(t.Context(), c, Query{Address: "https://mcp.example/mcp"}, nil)
		if err != nil || len(found.Servers) != manyServers || found.Connection.Resource.AuthorizationServer != "" {
			t.Errorf("%v, %d to choose from", err, len(found.Servers))
		}
		for _, d := range n.Dials() {
			if d != "mcp.example:443" {
				t.Errorf("%s was contacted", d)
			}
		}
	})
}

func TestS76_TheResourceCannotSendDiscoveryElsewhere(t *testing.T) {
	sites := mcpWorld()
	sites["mcp.example"] = guarded{site{}, `Bearer resource_metadata="https://evil.example/x"`}
	inSites(t, sites, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
		found, err := Discover(t.Context(), c, Query{Address: "https://mcp.example/mcp"}, nil)
		if err != nil || !strings.Contains(told(found.Places), "- evil.example/x 0 protected resource metadata: The resource names this address, which is not its own") {
			t.Errorf("%v\n%s", err, told(found.Places))
		}
		if slices.Contains(n.Dials(), "evil.example:443") {
			t.Error("it was contacted")
		}
	})
}

func TestMetadataThatDiffersByASlashIsRefusedAndSaysSo(t *testing.T) {
	sites := mcpWorld()
	sites["mcp.example"] = guarded{site{"/.well-known/oauth-protected-resource/mcp": `{"resource":"https://mcp.example/mcp/","authorization_servers":["https://as.example"]}`}, "Bearer"}
	inSites(t, sites, func(t *testing.T, _ *virtualnet.Network, c *transport.Client) {
		found, err := Discover(t.Context(), c, Query{Address: "https://mcp.example/mcp"}, nil)
		if err != nil || found.Connection.Resource.Identifier != "" || found.Connection.Resource.AuthorizationServer != "" {
			t.Fatalf("%v %+v", err, found.Connection)
		}
		var p Place
		for _, p = range found.Places {
			if p.Instead != "" {
				break
			}
		}
		if p.Instead != "https://mcp.example/mcp/" || !strings.Contains(p.Says, "differ only by a final slash") {
			t.Errorf("%+v", p)
		}
	})
}

func TestATokenEndpointElsewhereIsShownAndApproved(t *testing.T) {
	sites := mcpWorld()
	sites["idp.example"] = site{"/.well-known/openid-configuration": strings.Replace(mcpIdP, "https://idp.example/token", "https://tokens.example/token", 1)}
	inSites(t, sites, func(t *testing.T, _ *virtualnet.Network, c *transport.Client) {
		found, err := Discover(t.Context(), c, Query{Address: "https://idp.example"}, nil)
		if err != nil || found.Connection.IdP.TokenEndpoint != "https://tokens.example/token" || len(found.Notes) != 1 {
			t.Fatalf("%v %+v %v", err, found.Connection.IdP, found.Notes)
		}
	})
}

func TestDiscoveryOfflineSaysSoOnce(t *testing.T) {
	inSites(t, mcpWorld(), func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
		n.SetOffline(true)
		found, err := Discover(t.Context(), c, Query{Address: "https://mcp.example/mcp", Issuer: "https://idp.example"}, nil)
		if !fault.Is(err, fault.Offline) || len(found.Places) != 1 {
			t.Errorf("%v\n%s", err, told(found.Places))
		}
		for _, bad := range []string{"mcp.example", "http://mcp.example", "https://a b", "https://me@mcp.example", "file:///x"} {
			if _, err := Discover(t.Context(), c, Query{Address: bad}, nil); !fault.Is(err, fault.Config) {
				t.Errorf("%q: %v", bad, err)
			}
		}
	})
}

// S50, S75, S106: what a server says otherwise than was approved is a stated
// difference, and nothing is sent before it is approved.
func TestS50S75_NothingFoundChangesWhatWasApproved(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		conn := w.connection()
		conn.Resource.AuthorizationServer, conn.Resource.Identifier = "", ""
		plan, err := Resolve(t.Context(), w.transport, conn, credentials())
		if err != nil {
			t.Fatal(err)
		}
		approval := plan.Approval()
		conn.Approved = &approval
		if plan, err = Resolve(t.Context(), w.transport, conn, credentials()); err != nil || len(plan.Changes()) > 0 {
			t.Fatalf("what was approved: %v", err)
		}
		for _, c := range []struct {
			change func()
			says   string
		}{
			{func() { w.as.set(func(p *party) { p.metadata["token_endpoint"] = "https://as.example/other" }) },
				"the token endpoint of the authorization server was https://as.example/token and is now https://as.example/other"},
			{func() { w.idp.set(func(p *party) { p.metadata["token_endpoint"] = "https://idp.example/token/" }) },
				"the token endpoint of the identity provider was https://idp.example/token and is now https://idp.example/token/ (they differ only by a final slash)"},
			{func() { w.idp.set(func(p *party) { p.metadata["authorization_endpoint"] = "https://phish.example/" }) }, "the sign-in page of the identity provider was https://idp.example/authorize"},
			{func() { w.idp.set(func(p *party) { delete(p.metadata, "jwks_uri") }) }, "is now missing"},
		} {
			c.change()
			_, err = Resolve(t.Context(), w.transport, conn, credentials())
			if f := fault.As(err); f == nil || f.Code != "server_changed" || f.Kind != fault.Config || !strings.Contains(f.Message, c.says) {
				t.Errorf("%v does not say %q", err, c.says)
			}
		}
		o := SignInOptions{Connection: conn, Credentials: credentials(), Transport: w.transport, Listen: func(_, address string) (net.Listener, error) { return w.net.Listen(address) }}
		o.Connection.RedirectURI = "http://127.0.0.1:8765/callback"
		attempt, err := Begin(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		defer attempt.Cancel()
		if _, err := attempt.Wait(t.Context()); err == nil || fault.As(err).Code != "server_changed" {
			t.Errorf("the browser is sent to a page that nobody approved: %v", err)
		}
		conn.Approved = nil
		if _, err = Resolve(t.Context(), w.transport, conn, credentials()); err != nil || len(w.idp.forms)+len(w.as.forms) > 0 {
			t.Errorf("%v, %d requests with secrets", err, len(w.idp.forms)+len(w.as.forms))
		}
	})
}
