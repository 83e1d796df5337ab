package gui

import (
	"testing"

	"fyne.io/fyne/v2"

	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
	"waybill/session"
)

// manyConnections is a list with everything that can be in one.
func (r *rig) manyConnections() {
	preset := connection.PresetsNamed("xaa-dev", "xaa-dev-mcp", "okta-ai-agent")
	okta := preset[2].Connection
	okta.Title, okta.Resource.URL = "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz GmbH", "https://to-dos.rindfleischetikettierungsueberwachung.example/api/v2"
	r.b.update(func(s *session.State) {
		s.Connections = append(builtinConnections(),
			session.ConnectionInfo{Connection: okta, Placed: "/etc/xdg/waybill/connections.d/okta.json"},
			session.ConnectionInfo{Connection: preset[0].Connection, SignedIn: true, Email: "bob@example.com", Until: noon.Add(-1)},
			session.ConnectionInfo{Connection: preset[1].Connection})
		if s.Phase == session.SignedIn {
			s.Connections[0].SignedIn, s.Connections[0].Email, s.Connections[0].Renewable = true, "alice@example.com", true
		}
		s.Unusable = []connection.Placed{{Path: "/etc/xdg/waybill/connections.d/old.json", Fault: fault.New(fault.StepSetup, fault.Config, "untrusted", "The file old.json may be written by others.")}}
	})
	r.w.lasts["xaa-dev-mcp"] = fault.New(fault.StepExchange, fault.Config, "invalid_target", "The identity provider has no resource connection for this audience and resource.")
	r.settle()
}

func (r *rig) openConnections() {
	r.w.doCommand(r.w.command("connections"))
	r.settle()
}

func TestPictureOfTheConnections(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.w.win.Resize(fyne.NewSize(1000, 760))
		r.manyConnections()
		r.openConnections()
		r.key(fyne.KeyTab)
		r.picture("connections", AppearanceLight, AppearanceDark)
		r.w.win.Resize(fyne.NewSize(360, 760))
		r.picture("connections-narrow", AppearanceLight)
	})
}

func TestPictureOfAddingAConnection(t *testing.T) {
	signedOut(t, func(r *rig) {
		r.w.win.Resize(fyne.NewSize(900, 700))
		r.tap("Another provider")
		r.picture("add", AppearanceLight)
		r.w.win.Resize(fyne.NewSize(360, 700))
		r.picture("add-narrow", AppearanceDark)
	})
}

// manyPlaces is what discovery told for an MCP server, and what it found.
func manyPlaces() ([]auth.Place, *auth.Found) {
	const mcp = "https://mcp.example/mcp"
	places := []auth.Place{
		{For: "the resource", Address: mcp, Status: 401, Taken: true, Says: "It asks for a token, and says where its metadata is."},
		{For: "protected resource metadata", Address: "https://mcp.example/.well-known/oauth-protected-resource/mcp", Status: 200, Taken: true, Says: "It is the metadata of https://mcp.example/mcp."},
		{For: "authorization server metadata", Address: "https://as.example/.well-known/oauth-authorization-server", Status: 200, Says: "The metadata names another issuer than it was fetched for.", Instead: "https://as.example/"},
		{For: "authorization server metadata", Address: "https://as.example/.well-known/openid-configuration", Status: 404, Says: "There is nothing there (HTTP 404)."},
	}
	c := connection.Connection{
		Name: "mcp.example", RedirectURI: connection.DefaultRedirectURI,
		Resource: connection.Resource{Kind: connection.MCP, URL: mcp, Identifier: mcp, AuthorizationServer: "https://as.example", Scopes: []string{"todos.read", "mcp.access"}},
	}
	found := &auth.Found{
		Connection: c, Places: places, Offered: []string{"todos.read", "todos.write", "mcp.access", "notes.read"},
		Missing: []connection.Field{connection.FieldIssuer, connection.FieldIdPClientID, connection.FieldClientID},
		Notes:   []string{"The authorization server publishes no metadata that can be used: set its token endpoint by hand, or ask whoever runs it."},
		Sources: []auth.Source{
			{Field: connection.FieldURL, Value: mcp, From: "entered"}, {Field: connection.FieldKind, Value: "mcp", From: "guessed from the address"},
			{Field: connection.FieldIdentifier, Value: mcp, From: "the resource's metadata"}, {Field: connection.FieldServer, Value: "https://as.example", From: "the resource's metadata"},
			{Field: connection.FieldScopes, Value: "todos.read mcp.access", From: "the resource's metadata"},
		},
	}
	return places, found
}

func TestPictureOfADiscovery(t *testing.T) {
	signedOut(t, func(r *rig) {
		r.b.places, r.b.found = manyPlaces()
		r.tap("Another provider")
		r.tap("By an address")
		r.typeInto("Address", "https://mcp.example/mcp")
		r.w.win.Resize(fyne.NewSize(900, 980))
		r.tap("Look")
		r.picture("discovery", AppearanceLight, AppearanceDark)
		r.w.win.Resize(fyne.NewSize(360, 760))
		r.picture("discovery-narrow", AppearanceLight)
	})
}

// manyChecks are verdicts of every kind.
func manyChecks() []session.Check {
	return []session.Check{
		{Name: "settings", Verdict: session.Passed, Finding: "All required fields are there."},
		{Name: "redirect port", Verdict: session.Refuted, Finding: "Port 8765 on this computer is taken by another program.", Remedy: "Close the program that uses it, or register a redirect URI with another port and set that here.", Field: connection.FieldRedirectURI, Code: "port_in_use"},
		{Name: "clock", Verdict: session.Warned, Finding: "This computer's clock is off by 42s.", Remedy: "Set the clock; tokens are refused when it is wrong."},
		{Name: "client at the resource", Verdict: session.Refuted, Finding: "The resource's authorization server did not accept this app.", Remedy: "Check its client id and secret.", Server: "Client authentication failed: Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz", Field: connection.FieldSecret},
		{Name: "sign-in", Verdict: session.CannotTell, Finding: "Nobody is signed in at this connection, so the later steps could not be tried.", Remedy: "Sign in and check again."},
	}
}

func TestPictureOfACheck(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.b.checks = manyChecks()
		r.manyConnections()
		r.w.win.Resize(fyne.NewSize(1000, 700))
		r.w.checkConnection("xaa-dev")
		r.settle()
		r.picture("check", AppearanceLight, AppearanceDark)
		r.w.win.Resize(fyne.NewSize(360, 700))
		r.picture("check-narrow", AppearanceDark)
	})
}

func TestPictureOfAFormWithFaults(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.w.win.Resize(fyne.NewSize(1000, 1500))
		r.openConnections()
		r.tap("Add a connection")
		r.tap("Everything by hand")
		r.typeInto("Issuer", "http://idp.example")
		r.tap("Key")
		r.tap("Save")
		r.picture("form-faults", AppearanceDark)
		r.w.win.Resize(fyne.NewSize(360, 2600))
		r.picture("form-narrow", AppearanceLight)
	})
}

func TestPictureOfTheDialogsAboutAConnection(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.w.win.Resize(fyne.NewSize(1000, 760))
		r.manyConnections()
		r.openConnections()
		r.w.askToApprove("xaa-dev", []auth.Change{{What: "the token endpoint of the identity provider", Was: "https://idp.xaa.dev/token", Now: "https://login.elsewhere.example/token"}})
		r.settle()
		r.picture("approve", AppearanceLight)
		r.key(fyne.KeyEscape)
		preset := connection.PresetsNamed("xaa-dev-mcp")[0].Connection
		preset.IdP.Issuer, preset.IdP.ClientID, preset.Resource.ClientID = "https://idp.example", "client_1", "client_1-at-todo0"
		r.w.askToAccept("colleague.json", connection.File{Connection: preset})
		r.settle()
		r.picture("accept", AppearanceDark)
		r.key(fyne.KeyEscape)
		r.w.showKey("xaa-dev", session.KeyRequest{At: session.AtIdP}, nil)
		r.settle()
		r.picture("key", AppearanceLight)
	})
}

func TestPictureOfWhereTheToDosAre(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.w.win.Resize(fyne.NewSize(1000, 790))
		c := xaaDev()
		c.DPoP = true
		p := r.editing(c)
		r.tap("Where the to-dos are")
		r.tap("Described here")
		r.fill("Everything else", 0, `{"title": "name" "done"}`)
		r.tap("Save")
		bringIntoSight(p.scroll, p.form.todos.rest.box)
		r.settle()
		r.picture("form-todos", AppearanceLight)
	})
}
