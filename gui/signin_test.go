package gui

import (
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
	"waybill/session"
)

func TestAFreshInstallationOffersThePlaygroundFirst(t *testing.T) {
	signedOut(t, func(r *rig) {
		r.wantText("Welcome to Waybill")
		cards := find(r, func(*choiceCard) bool { return true })
		if len(cards) != 3 || !cards[0].main || cards[0].title.content != "Try the built-in playground" {
			r.Fatalf("%d choices, the first is %q", len(cards), cards[0].title.content)
		}
		r.key(fyne.KeyTab)
	})
}

func TestSigningInLeadsToTheToDos(t *testing.T) {
	signedOut(t, func(r *rig) {
		r.tap("Try the built-in playground")
		r.wantCalls(r.b.called(), "sign-in playground")
		r.wantText("Waiting for your browser")
		r.wantText("5:00 left")
		r.after(28 * time.Second)
		r.wantText("4:32 left")
		r.b.signedIn(newFakeTodos(r.b.now, believable(noon)))
		r.b.pendingSignIn().done <- nil
		r.settle()
		if len(r.shown()) != 8 {
			r.Error("the to-dos are not shown")
		}
	})
}

func TestTheBrowserCanBeOpenedAgainAndTheLinkCopied(t *testing.T) {
	signedOut(t, func(r *rig) {
		r.tap("Try the built-in playground")
		r.tap("Open the browser again")
		if r.b.pendingSignIn().reopened != 1 {
			r.Error("the browser was not opened again")
		}
		r.tap("Copy the link")
		if got := r.app.Clipboard().Content(); !strings.HasPrefix(got, "http://127.0.0.1:9001/authorize") {
			r.Errorf("the clipboard holds %q", got)
		}
		r.wantText("Copied")
	})
}

func TestR37_ASignInCanBeCancelled(t *testing.T) {
	for name, cancel := range map[string]func(*rig){
		"button": func(r *rig) { r.tap("Cancel") },
		"escape": func(r *rig) { r.key(fyne.KeyEscape) },
	} {
		t.Run(name, func(t *testing.T) {
			signedOut(t, func(r *rig) {
				r.tap("Try the built-in playground")
				s := r.b.pendingSignIn()
				cancel(r)
				r.wantText("Welcome to Waybill")
				r.wantNoText("Cancelled")
				if !s.canceled {
					r.Error("the sign-in goes on")
				}
				s.done <- fault.New(fault.StepSignIn, fault.Denied, "access_denied", "A late failure.")
				r.after(time.Minute)
				r.wantNoText("A late failure.")
			})
		})
	}
}

func TestR37_AnotherIdentityIsNamed(t *testing.T) {
	const says = "You are signed in as alice@example.com now, not as bob@example.com like before; 2 unsent changes of theirs are kept until they sign in again."
	signedIn(t, func(r *rig) {
		r.b.update(func(s *session.State) {
			account := *s.Account
			account.Replaced = &session.Replaced{Identity: auth.Identity{Email: "bob@example.com"}, Unsent: 2, Lasting: true}
			s.Account = &account
		})
		r.settle()
		r.wantText(says)
		r.tap("Understood")
		r.wantNoText(says)
		r.b.update(func(s *session.State) {
			account := *s.Account
			account.Renewable = !account.Renewable
			s.Account = &account
		})
		r.settle()
		r.wantNoText(says)
	})
}

func TestAFailedSignInNamesItsStep(t *testing.T) {
	signedOut(t, func(r *rig) {
		r.tap("Try the built-in playground")
		r.b.pendingSignIn().done <- fault.New(fault.StepExchange, fault.Config, "invalid_client", "The identity provider did not accept this app at the token exchange.").
			WithRemedy("Check the client id and secret at the identity provider.")
		r.settle()
		r.wantText("Welcome to Waybill")
		r.wantText("The identity provider did not accept this app at the token exchange. Check the client id")
		r.tap("Try the built-in playground") // trying again takes the failure away
		r.wantNoText("did not accept")
	})
}

func TestS17_ATakenPortIsSaid(t *testing.T) {
	signedOut(t, func(r *rig) {
		r.b.fail = fault.New(fault.StepSignIn, fault.Config, "port_in_use", "Port 8765 on this computer is in use by another program.")
		r.tap("Try the built-in playground")
		r.wantText("Port 8765 on this computer is in use by another program.")
		r.wantText("Welcome to Waybill")
	})
}

func TestASessionThatIsOverAsksForASignIn(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.change(func() { r.todos.status.Kind, r.todos.status.Sentence = 4, "Sign in to send 3 changes" })
		r.b.update(func(s *session.State) { s.SignInNeeded = true })
		r.settle()
		r.wantText("Sign in to send 3 changes.")
		if len(r.shown()) != 8 {
			r.Error("the to-dos are gone")
		}
		r.tap("Sign in")
		r.wantCalls(r.b.called(), "sign-in playground")
		r.key(fyne.KeyEscape)
		if len(r.shown()) != 8 {
			r.Error("cancelling does not lead back to the to-dos")
		}
	})
}

func TestAKeptAccountIsOpenedWithoutASignIn(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.b.update(func(s *session.State) {
			s.Connections = append(s.Connections, session.ConnectionInfo{SignedIn: true, Email: "bob@example.com",
				Connection: connection.Connection{Name: "xaa-dev", Title: "xaa.dev", Resource: connection.Resource{URL: "https://api.resource.xaa.dev"}}})
		})
		r.settle()
		r.w.doCommand(r.w.command("connections"))
		r.settle()
		r.wantText("Signed in as bob@example.com")
		r.tap("Switch to it: xaa.dev")
		r.wantCalls(r.b.called(), "switch xaa-dev")
		if len(r.shown()) != 8 {
			r.Error("the to-dos are not shown")
		}
	})
}

func TestAConnectionIsRemovedAfterAsking(t *testing.T) {
	signedOut(t, func(r *rig) {
		r.b.update(func(s *session.State) {
			s.Connections = append(s.Connections, session.ConnectionInfo{Connection: connection.Connection{Name: "mine", Title: "Mine"}})
		})
		r.settle()
		r.tap("Remove Mine")
		r.tap("Keep")
		r.wantCalls(r.b.called())
		r.tap("Remove Mine")
		r.tap("Remove")
		r.wantCalls(r.b.called(), "remove mine")
	})
}

// byHand goes to the form that asks for everything.
func (r *rig) byHand() {
	r.Helper()
	r.tap("Another provider")
	r.tap("Everything by hand")
}

// labelledField is the field with this label, the nth on the page.
func (r *rig) labelledField(label string, nth int) *labelled {
	r.Helper()
	p, ok := r.w.page.(*connectPage)
	if !ok {
		r.Fatalf("the page is a %T", r.w.page)
	}
	for _, l := range p.form.all() {
		if l.name == label {
			if nth--; nth < 0 {
				return l
			}
		}
	}
	r.Fatalf("there is no field %q", label)
	return nil
}

func (r *rig) fill(label string, nth int, value string) {
	r.Helper()
	f := r.labelledField(label, nth).field
	f.SetText(value)
	f.FocusLost()
	r.settle()
}

func TestConnectingToXaaDevAsksForTheTwoPairsAlone(t *testing.T) {
	signedOut(t, func(r *rig) {
		r.tap("Connect to xaa.dev")
		r.wantText("At the identity provider")
		r.wantText("At the resource")
		if got := r.labelledField("Redirect URI", 0).value(); got != "http://127.0.0.1:8765/callback" {
			r.Errorf("the redirect URI is %q", got)
		}
		r.tap("Copy the redirect URI")
		if got := r.app.Clipboard().Content(); got != "http://127.0.0.1:8765/callback" {
			r.Errorf("the clipboard holds %q", got)
		}
		r.fill("Client ID", 0, "client_1a2b")
		r.fill("Client ID", 1, "client_1a2b-at-todo0")
		r.fill("Client secret", 0, "secret-one\n")
		r.fill("Client secret", 1, "  secret-two")
		r.wantText("Blanks around the client secret were removed.")
		r.tap("Save and sign in")
		r.wantCalls(r.b.called(), "add xaa-dev", "sign-in xaa-dev")
		c := r.b.added
		if c.IdP.Issuer != "https://idp.xaa.dev" || c.IdP.ClientID != "client_1a2b" || c.Resource.ClientID != "client_1a2b-at-todo0" ||
			c.IdP.AuthMethod != connection.ClientSecretPost || c.Resource.Kind != connection.REST {
			r.Errorf("the connection is %+v", c)
		}
		if r.b.cred.IdP.Reveal() != "secret-one" || r.b.cred.Resource.Reveal() != "secret-two" {
			r.Error("the secrets were not trimmed, or are crossed")
		}
	})
}

func TestMCPIsAChoiceOfTheSameForm(t *testing.T) {
	signedOut(t, func(r *rig) {
		r.tap("Connect to xaa.dev")
		r.tap("MCP")
		r.fill("Client ID", 0, "client_1a2b")
		r.fill("Client ID", 1, "client_1a2b-at-todo0-mcp")
		r.fill("Client secret", 0, "one")
		r.fill("Client secret", 1, "two")
		r.tap("Save and sign in")
		if c := r.b.added; c.Resource.URL != "https://mcp.xaa.dev/mcp" || c.Name != "xaa-dev-mcp" {
			r.Errorf("the connection is %+v", c)
		}
	})
}

func TestACrossedPairIsNoticed(t *testing.T) {
	signedOut(t, func(r *rig) {
		r.tap("Connect to xaa.dev")
		r.fill("Client ID", 0, "client_1a2b-at-todo0")
		r.fill("Client ID", 1, "client_1a2b")
		r.wantText("The two client ids look crossed")
		r.fill("Client ID", 0, "client_1a2b")
		r.wantText("Both client ids are the same.")
		r.fill("Client ID", 1, "client_1a2b-at-todo0")
		r.wantNoText("look crossed")
		r.wantNoText("are the same")
		r.fill("Client secret", 0, "one")
		r.fill("Client secret", 1, "one")
		r.wantText("Both client secrets are the same.")
	})
}

func TestS91_ASecretIsNeverOnScreen(t *testing.T) {
	signedOut(t, func(r *rig) {
		r.byHand()
		canary := "canary-6f1c0e"
		r.fill("Client secret", 0, canary)
		r.fill("Client secret", 1, canary+"-too")
		if markup := test.RenderToMarkup(r.w.Canvas()); strings.Contains(markup, canary) {
			r.Error("the secret can be read on screen")
		}
		if got := r.w.win.Title(); got != Title {
			r.Errorf("the title of the window is %q", got)
		}
	})
}

func TestASlowKeyringIsNamed(t *testing.T) {
	signedOut(t, func(r *rig) {
		r.b.update(func(s *session.State) { s.Phase = session.Starting })
		r.settle()
		r.wantNoText("keyring")
		r.after(patience + time.Millisecond)
		r.wantText("Waiting for the keyring of this computer.")
		r.b.update(func(s *session.State) {
			s.Problem = fault.New(fault.StepSetup, fault.Failed, "newer", "The file connections.json was written by a newer Waybill.").WithRemedy("Update Waybill.")
		})
		r.settle()
		r.wantText("Waybill cannot open its data")
		r.wantText("was written by a newer Waybill. Update Waybill.")
		r.wantNoText("Start afresh")
	})
}

// S95: saved sign-ins that cannot be read are not the end of the road.
func TestS95_StartingAfreshIsOffered(t *testing.T) {
	signedOut(t, func(r *rig) {
		r.b.update(func(s *session.State) {
			s.Phase = session.Starting
			s.Problem = fault.New(fault.StepKeyring, fault.Failed, "vault_damaged", "The saved sign-ins on this computer are damaged and cannot be read.")
		})
		r.settle()
		r.wantText("are damaged and cannot be read.")
		r.tap("Start afresh")
		r.wantCalls(r.b.called(), "repair")
		r.b.update(func(s *session.State) { s.Problem = nil })
		r.settle()
		r.wantNoText("are damaged")
		r.wantNoText("Start afresh")
	})
}

func TestTheFormFollowsTheFocus(t *testing.T) {
	signedOut(t, func(r *rig) {
		r.w.win.Resize(fyne.NewSize(500, 400))
		r.byHand()
		r.w.win.Resize(fyne.NewSize(500, 401))
		p := r.w.page.(*connectPage)
		for _, o := range []fyne.Focusable{p.form.res.secret.field, p.save, p.form.fields[connection.FieldTitle].field} {
			r.w.Canvas().Focus(o)
			top := fyne.CurrentApp().Driver().AbsolutePositionForObject(o.(fyne.CanvasObject)).Y
			if bottom := top + o.(fyne.CanvasObject).Size().Height; top < 0 || bottom > 401 {
				r.Errorf("what has the focus is at %v to %v of 401", top, bottom)
			}
		}
	})
}
