package gui

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"

	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
	"waybill/session"
)

// typeInto types into the field with this label: the first on the page.
func (r *rig) typeInto(label, value string) {
	r.Helper()
	var fields []*labelled
	switch p := r.w.page.(type) {
	case *discoveryPage:
		fields = []*labelled{p.address, p.issuer}
	case *connectPage:
		fields = p.form.all()
	}
	for _, l := range fields {
		if l.name == label {
			r.w.Canvas().Focus(l.field)
			l.field.TypedShortcut(&fyne.ShortcutSelectAll{})
			r.typed(value)
			return
		}
	}
	r.Fatalf("there is no field %q on a %T", label, r.w.page)
}

// called is what assistive technology calls the thing that has the focus.
func (r *rig) calledFocus() string {
	switch f := r.w.Canvas().Focused().(type) {
	case *field:
		if p, ok := r.w.page.(*connectPage); ok {
			for of, l := range p.form.fields {
				if l.field == f {
					return string(of)
				}
			}
			for name, side := range map[string]*formSide{"idp.": p.form.idp, "resource.": p.form.res} {
				switch f {
				case side.secret.field:
					return name + "client_secret"
				case side.scopes.own:
					return name + "another scope"
				}
			}
		}
		return f.PlaceHolder
	case interface{ AccessibilityLabel() string }:
		return f.AccessibilityLabel()
	}
	return ""
}

// tabTo presses Tab until this has the focus.
func (r *rig) tabTo(name string) {
	r.Helper()
	var seen []string
	for range 120 {
		r.w.Canvas().FocusNext()
		r.settle()
		if r.calledFocus() == name {
			return
		}
		seen = append(seen, r.calledFocus())
	}
	r.Fatalf("Tab never leads to %q, only to %q", name, seen)
}

// A whole connection by hand, by nothing but the keyboard.
func TestAConnectionIsMadeByTheKeyboardAlone(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.press(ctrl, fyne.KeyL)
		r.tabTo("Add a connection")
		r.key(fyne.KeyReturn)
		r.tabTo("Everything by hand. " + presetNamed("by-hand").Needs)
		r.key(fyne.KeySpace)
		enter := func(of connection.Field, value string) {
			r.tabTo(string(of))
			r.focusedField().TypedShortcut(&fyne.ShortcutSelectAll{})
			r.typed(value)
		}
		enter(connection.FieldTitle, "My org")
		enter(connection.FieldName, "my-org")
		r.tabTo("Fixed port")
		r.key(fyne.KeyReturn)
		enter(connection.FieldIssuer, "https://idp.example/")
		enter(connection.FieldIdPClientID, "client_1")
		r.tabTo("Post")
		r.key(fyne.KeySpace)
		enter(connection.FieldIdPSecret, "one")
		r.tabTo("MCP")
		r.key(fyne.KeySpace)
		enter(connection.FieldURL, "https://mcp.example/mcp")
		enter(connection.FieldServer, "https://as.example/")
		enter(connection.FieldClientID, "client_1-at-mcp")
		enter(connection.FieldSecret, "two")
		r.tabTo("todos.write, off")
		r.key(fyne.KeySpace)
		r.tabTo("resource.another scope")
		r.typed("notes.read")
		r.key(fyne.KeyReturn)
		r.tabTo("Save and sign in")
		r.key(fyne.KeyReturn)
		r.wantCalls(r.b.called(), "add my-org", "sign-in my-org")
		c := r.b.added
		want := connection.Connection{
			Name: "my-org", Title: "My org", RedirectURI: "http://127.0.0.1:8765/callback",
			IdP: connection.IdP{Issuer: "https://idp.example/", ClientID: "client_1", AuthMethod: connection.ClientSecretPost},
			Resource: connection.Resource{Kind: connection.MCP, URL: "https://mcp.example/mcp", AuthorizationServer: "https://as.example/",
				ClientID: "client_1-at-mcp", Scopes: []string{"todos.read", "mcp.access", "todos.write", "notes.read"}},
		}
		if got, wanted := asJSON(c), asJSON(want); got != wanted {
			r.Errorf("the connection is\n%s, want\n%s", got, wanted)
		}
		if r.b.cred.IdP.Reveal() != "one" || r.b.cred.Resource.Reveal() != "two" {
			r.Error("the secrets are crossed or not there")
		}
	})
}

func asJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

func TestTheListOfConnectionsIsUsedByTheKeyboard(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.manyConnections()
		r.openConnections()
		p := r.w.page.(*connectionsPage)
		r.tabTo("Built-in playground, REST. Signed in as alice@example.com, renewed without asking.")
		for range 3 {
			r.key(fyne.KeyDown)
		}
		if p.cards[3].view.name != "xaa-dev" || r.w.Canvas().Focused() != fyne.Focusable(p.cards[3].area) {
			r.Fatalf("the arrow keys lead to %q", r.calledFocus())
		}
		r.key(fyne.KeyDelete)
		r.wantText("Remove “xaa.dev”?")
		r.key(fyne.KeyEscape)
		r.w.Canvas().Focus(p.cards[2].area) // the administrator's
		r.key(fyne.KeyDelete)
		r.key(fyne.KeyF2)
		if len(r.w.sheets) > 0 || r.w.page != page(p) {
			r.Error("a connection of the administrator's can be changed")
		}
		r.w.Canvas().Focus(p.cards[4].area)
		r.b.update(func(s *session.State) {
			s.Connections = slices.Clone(s.Connections)
			s.Connections[4].SignedIn, s.Connections[4].Renewable, s.Connections[4].Email = true, true, "carol@example.com"
		})
		r.settle()
		r.wantText("Signed in as carol@example.com, renewed without asking")
		if !strings.HasPrefix(r.calledFocus(), "xaa.dev (MCP), MCP. Signed in as carol") {
			r.Errorf("the focus went to %q when the list changed", r.calledFocus())
		}
		r.key(fyne.KeyReturn)
		r.wantCalls(r.b.called(), "switch xaa-dev-mcp")
	})
}

func TestTheSidebarLeadsToTheConnectionsAndBack(t *testing.T) {
	for _, width := range []float32{1180, 360} {
		signedIn(t, func(r *rig) {
			r.w.win.Resize(fyne.NewSize(width, 700))
			show := func() {
				if width < mediumFrom {
					r.tap("Show the sidebar")
				}
			}
			show()
			r.tap("Connections")
			p, ok := r.w.page.(*connectionsPage)
			if !ok || !p.sidebar.access[navConnections].on || p.sidebar.lists[0].on {
				r.Fatalf("the page is a %T", r.w.page)
			}
			r.wantText("There are no connections to other services yet.")
			show()
			r.tap("Completed")
			if got := r.shown(); len(got) != 2 {
				r.Errorf("%v wide: %q", width, got)
			}
			r.openConnections()
			r.key(fyne.KeyEscape)
			r.page()
		})
	}
}

func TestSwitchingAndSigningOutKeepTheListInPlace(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.openConnections()
		r.b.leaving = session.Leaving{EndsSession: auth.Yes, Revokes: auth.No}
		r.tap("Sign out…: Built-in playground")
		r.wantText("Your browser opens to end your session there.")
		r.wantNoText("refresh token too")
		r.tap("Sign out")
		r.wantCalls(r.b.called(), "sign-out, losing 0")
		p, ok := r.w.page.(*connectionsPage)
		if !ok || p.sidebar != nil {
			r.Fatalf("after the sign-out there is a %T", r.w.page)
		}
		r.wantText("Not used yet")
		r.b.signedIn(newFakeTodos(r.b.now, believable(noon)))
		r.settle()
		if p.sidebar == nil {
			r.Error("the sidebar of the account is not there")
		}
	})
}

func TestSigningOutElsewhereComesBack(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.manyConnections()
		r.openConnections()
		r.b.leaving = session.Leaving{}
		r.tap("Sign out…: xaa.dev")
		r.wantText("This forgets the tokens of bob@example.com")
		r.tap("Sign out")
		r.wantCalls(r.b.called(), "switch xaa-dev", "sign-out, losing 0", "switch playground")
	})
}

func TestWhatSigningOutEndsIsSaidAsFarAsItIsKnown(t *testing.T) {
	for words, l := range map[string]session.Leaving{
		"told to forget the refresh token too. Your browser opens": {EndsSession: auth.Yes, Revokes: auth.Yes},
		"your browser stays signed in":                             {EndsSession: auth.No, Revokes: auth.No},
		"where it offers that. Your session there ends where":      {},
	} {
		if got := leavingWords(l); !strings.Contains(got, words) {
			t.Errorf("%+v: %s", l, got)
		}
	}
}

func TestAfterASignInItIsSaidWhetherItLasts(t *testing.T) {
	for renewable, words := range map[bool]string{
		true:  "Signed in as alice@example.com. The session is renewed without asking you.",
		false: "The session cannot be renewed: the identity provider gave no refresh token",
	} {
		signedOut(t, func(r *rig) {
			r.tap("Try the built-in playground")
			r.b.signedIn(newFakeTodos(r.b.now, believable(noon)))
			r.b.update(func(s *session.State) {
				a := *s.Account
				a.Renewable = renewable
				s.Account = &a
			})
			r.b.pendingSignIn().done <- nil
			r.settle()
			r.wantText(words)
		})
	}
}

func TestEachWrongFieldIsSaidBesideIt(t *testing.T) {
	signedOut(t, func(r *rig) {
		r.byHand()
		r.typeInto("Name", "my org")
		r.typeInto("Issuer", "http://idp.example")
		r.typeInto("Redirect URI", "http://0.0.0.0:8765/callback")
		r.tap("Post")
		r.tap("Save")
		p := r.w.page.(*connectPage)
		for of, words := range map[connection.Field]string{
			connection.FieldName: "A connection needs a name of letters", connection.FieldIssuer: "This address is plain http",
			connection.FieldRedirectURI: "is not http on this computer", connection.FieldIdPClientID: "Fill this in.",
			connection.FieldURL: "Fill this in.", connection.FieldClientID: "Fill this in.", connection.FieldIdPSecret: "Paste it here.",
		} {
			if l := p.form.fieldOf(of); !strings.Contains(l.remark.content, words) || l.remark.color != colorFaultText || !l.remark.Visible() {
				r.Errorf("beside %s stands %q", of, l.remark.content)
			}
		}
		if r.focusedField() != p.form.fields[connection.FieldName].field {
			r.Error("the first wrong field has not the focus")
		}
		r.wantCalls(r.b.called())
		r.typeInto("Issuer", "https://idp.example")
		r.tap("Save")
		if l := p.form.fields[connection.FieldIssuer]; l.remark.color == colorFaultText {
			r.Errorf("beside a field that is right now stands %q", l.remark.content)
		}
	})
}

func TestAWrongFieldBehindMoreIsBroughtToLight(t *testing.T) {
	signedOut(t, func(r *rig) {
		r.tap("Connect to xaa.dev")
		for label, nth := range map[string]int{"Client ID": 0, "Client secret": 0} {
			r.fill(label, nth, "a")
			r.fill(label, nth+1, "b")
		}
		r.fill("Token endpoint", 1, "http://elsewhere.example/token")
		r.tap("Save")
		r.wantText("This address is plain http")
		r.wantCalls(r.b.called())
	})
}

func TestASavedConnectionIsEditedWithItsSecretsUnseen(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.manyConnections()
		r.b.saved = session.Saved{IdP: true, Resource: true}
		r.openConnections()
		r.tap("Edit: xaa.dev")
		p := r.w.page.(*connectPage)
		for _, l := range []*labelled{p.form.idp.secret, p.form.res.secret} {
			if l.field.PlaceHolder != "Saved. Leave it empty to keep it." || l.field.Text != "" {
				r.Errorf("the field of a saved secret says %q", l.field.PlaceHolder)
			}
		}
		r.fill("Client ID", 0, "client_1")
		r.fill("Client ID", 1, "client_1-at-todo0")
		r.tap("Save")
		r.wantText("Paste it here.") // the secrets belonged to other clients
		r.wantCalls(r.b.called())
		r.fill("Client ID", 0, "")
		r.fill("Client secret", 0, "one")
		r.fill("Client secret", 1, "two")
		r.fill("Client ID", 0, "client_1")
		r.fill("Title", 0, "Playground of Okta")
		r.tap("Save")
		r.wantCalls(r.b.called(), "change xaa-dev")
		if r.b.added.Title != "Playground of Okta" || r.b.added.Name != "xaa-dev" || r.b.cred.Resource.Reveal() != "two" {
			r.Errorf("%+v", r.b.added)
		}
		r.wantText("Playground of Okta")
	})
}

func TestAKeyIsMadeWhenTheConnectionIsSaved(t *testing.T) {
	signedOut(t, func(r *rig) {
		r.tap("Another provider")
		r.tap("Okta AI agent with a key")
		r.wantText("The key is made on this computer when the connection is saved.")
		r.fill("Issuer", 0, "https://dev-1.okta.com")
		r.fill("Client ID", 0, "agent")
		r.fill("Address", 0, "https://api.example")
		r.fill("Client ID", 1, "agent-at-api")
		r.fill("Client secret", 1, "two")
		r.fill("Lifetime of an assertion, in seconds", 0, "4000")
		r.tap("Save and sign in")
		r.wantText("Enter a number between 30 and 3600.")
		r.fill("Lifetime of an assertion, in seconds", 0, "600")
		r.tap("Issuer") // the choice of the audience
		r.tap("Save and sign in")
		r.wantCalls(r.b.called(), "add okta-ai-agent", "key okta-ai-agent idp ES256")
		if a := r.b.added.IdP.Assertion; a.Audience != connection.AudienceIssuer || a.Lifetime != 600 {
			r.Errorf("the assertion is %+v", a)
		}
		r.wantText("key-1")
		r.tap("Copy")
		if got := r.app.Clipboard().Content(); !strings.Contains(got, `"kid": "key-1"`) || !json.Valid([]byte(got)) {
			r.Errorf("the clipboard holds %q", got)
		}
		r.tap("It is registered: go on")
		if calls := r.b.called(); calls[len(calls)-1] != "sign-in okta-ai-agent" {
			r.Errorf("called %q", calls)
		}
	})
}

func TestAPublicClientAtTheResourceIsWarnedOf(t *testing.T) {
	signedOut(t, func(r *rig) {
		r.byHand()
		p := r.w.page.(*connectPage)
		p.form.res.method.buttons[4].Tapped(nil)
		r.settle()
		r.wantText("public clients should not use ID-JAGs")
		p.form.idp.scopes.chips.Objects[3].(*toggle).Tapped(nil)
		r.settle()
		r.wantText("Without offline_access the session ends with its ID token")
	})
}

func TestDiscoveryShowsEveryPlaceAsItIsAsked(t *testing.T) {
	signedOut(t, func(r *rig) {
		r.b.places, r.b.found = manyPlaces()
		r.b.pause = make(chan struct{})
		r.tap("Another provider")
		r.tap("By an address")
		r.tap("Look")
		r.wantText("Enter an address.")
		r.typeInto("Address", " https://mcp.example/mcp")
		r.key(fyne.KeyReturn)
		r.wantText("Looking…")
		r.wantNoText("It asks for a token")
		r.b.pause <- struct{}{}
		r.settle()
		r.wantText("It asks for a token, and says where its metadata is.")
		r.wantNoText("It is the metadata of")
		close(r.b.pause)
		r.settle()
		r.wantText("Still needed: issuer, client ID at the identity provider, client ID at the resource.")
		r.key(fyne.KeyReturn) // the way on has the focus
		p := r.w.page.(*connectPage)
		if c, _ := p.form.read(); c.Resource.AuthorizationServer != "https://as.example" || c.Resource.Kind != connection.MCP || c.Name != "mcp.example" {
			r.Errorf("the form has %+v", c)
		}
		r.wantText("From the resource's metadata.")
		if len(find(r, func(t *toggle) bool { return t.words == "notes.read" && !t.on })) != 1 {
			r.Error("what the resource lists is not offered as a scope")
		}
		r.wantCalls(r.b.called(), "discover https://mcp.example/mcp  ")
	})
}

func TestDiscoveryIsStopped(t *testing.T) {
	signedOut(t, func(r *rig) {
		r.b.places, r.b.found = manyPlaces()
		r.b.pause = make(chan struct{})
		r.tap("Another provider")
		r.tap("By an address")
		r.typeInto("Address", "https://mcp.example/mcp")
		r.tap("Look")
		r.tap("Stop")
		r.wantText("Stopped.")
		r.tap("Look again")
		r.key(fyne.KeyEscape) // ends it too
		r.wantText("Add a connection")
		r.after(time.Minute)
	})
}

func TestOneOfSeveralAuthorizationServersIsChosen(t *testing.T) {
	signedOut(t, func(r *rig) {
		places, found := manyPlaces()
		r.b.places, r.b.found = places, found
		found.Servers = []string{"https://as.example", "https://other.example"}
		r.tap("Another provider")
		r.tap("By an address")
		r.typeInto("Address", "https://mcp.example/mcp")
		r.tap("Look")
		r.tap("https://other.example")
		r.tap("Use https://as.example/") // as the server writes it itself
		r.wantCalls(r.b.called(), "discover https://mcp.example/mcp  ", "discover https://mcp.example/mcp  https://other.example", "discover https://mcp.example/mcp  https://as.example/")
	})
}

func TestVerdictsComeOneByOneAndAreCopied(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.b.checks = manyChecks()
		r.b.pause = make(chan struct{})
		r.manyConnections()
		r.openConnections()
		r.tap("Check: xaa.dev")
		r.wantText("Looking at every step of the connection…")
		r.b.pause <- struct{}{}
		r.settle()
		r.wantText("1 passed so far; looking on…")
		r.tap("Cancel")
		r.wantText("Cancelled. 1 passed.")
		close(r.b.pause)
		r.tap("Check again")
		r.wantText("1 passed, 1 warning, 2 failed, 1 could not be told.")
		r.tap("Copy as text")
		got := r.app.Clipboard().Content()
		for _, line := range []string{"passed: settings. All required fields are there.", "failed: redirect port. Port 8765 on this computer is taken", "The server's own words: Client authentication failed"} {
			if !strings.Contains(got, line) {
				r.Errorf("%q is not in %q", line, got)
			}
		}
		r.tap("Edit the connection")
		r.wantText("Edit “xaa.dev”")
		r.key(fyne.KeyEscape)
		r.wantText("Port 8765 on this computer is taken by another program.") // its entry says it
	})
}

func TestAChangedServerIsApprovedOrNot(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.manyConnections()
		r.b.changes = []auth.Change{{What: "the token endpoint of the identity provider", Was: "https://idp.xaa.dev/token", Now: "https://login.elsewhere.example/token"}}
		f := fault.New(fault.StepDiscovery, fault.Config, changedServer, "A server describes itself otherwise than when this connection was approved, and nothing was sent.")
		r.w.signIn("xaa-dev")
		r.settle()
		r.b.pendingSignIn().done <- f
		r.settle()
		r.tap("Look at it")
		r.wantText("https://login.elsewhere.example/token")
		r.tap("Do not approve")
		r.wantCalls(r.b.called(), "sign-in xaa-dev")
		r.openConnections()
		r.tap("Look at it: xaa.dev")
		r.tap("Approve")
		r.wantCalls(r.b.called(), "sign-in xaa-dev", "approve xaa-dev 1")
		r.wantNoText("describes itself otherwise")
	})
}

func TestAnImportedFileShowsWhomItContactsFirst(t *testing.T) {
	signedOut(t, func(r *rig) {
		dir := r.TempDir()
		path := filepath.Join(dir, "team.json")
		file := `{"name": "team", "idp": {"issuer": "https://idp.example", "client_id": "client_1", "client_secret": "${HOME}"},
			"resource": {"kind": "rest", "url": "https://api.example", "client_id": "client_1-at-api", "token_endpoint": "https://as.example/token"}}`
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			r.Fatal(err)
		}
		r.tap("Another provider")
		r.tap("From a file")
		r.w.Canvas().Overlays().Top()
		r.typed(path)
		r.key(fyne.KeyReturn)
		r.wantText("idp.example")
		r.wantText("as.example")
		r.wantText("They are asked for next instead.")
		r.wantCalls(r.b.called())
		r.tap("Accept and go on")
		p := r.w.page.(*connectPage)
		if p.form.idp.secret.field.Text != "" {
			r.Error("the file has taken a variable of this computer")
		}
		r.fill("Client secret", 0, "one")
		r.fill("Client secret", 1, "two")
		r.tap("Save and sign in")
		r.wantCalls(r.b.called(), "add team", "sign-in team")
		if r.b.cred.IdP.Reveal() != "one" || r.b.added.Resource.TokenEndpoint != "https://as.example/token" {
			r.Errorf("%+v", r.b.added)
		}
	})
}

func TestAConnectionIsExportedToAFile(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.manyConnections()
		r.openConnections()
		path := filepath.Join(r.TempDir(), "mine.json")
		r.tap("Export…: xaa.dev")
		r.focusedField().TypedShortcut(&fyne.ShortcutSelectAll{})
		r.typed(path)
		r.key(fyne.KeyReturn)
		data, err := os.ReadFile(path)
		if err != nil {
			r.Fatal(err)
		}
		var c connection.Connection
		if err := json.Unmarshal(data, &c); err != nil || c.IdP.Issuer != "https://idp.xaa.dev" {
			r.Errorf("%v: %s", err, data)
		}
	})
}

// A page that is left takes what it began with it.
func TestALeftCheckEnds(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.b.checks, r.b.pause = manyChecks(), make(chan struct{})
		r.w.checkConnection(connection.PlaygroundName)
		r.settle()
		r.key(fyne.KeyEscape)
		if _, ok := r.w.page.(*connectionsPage); !ok {
			r.Fatalf("Escape leads to a %T", r.w.page)
		}
		select {
		case r.b.pause <- struct{}{}:
			r.Error("the check goes on")
		default:
		}
	})
}
