package gui

import (
	"testing"

	"fyne.io/fyne/v2"

	"waybill/connection"
	"waybill/session"
)

// editing opens the form of a connection of the user's own.
func (r *rig) editing(c connection.Connection) *connectPage {
	r.Helper()
	r.b.saved = session.Saved{IdP: true, Resource: true}
	r.b.update(func(s *session.State) {
		s.Connections = append(builtinConnections(), session.ConnectionInfo{Connection: c})
	})
	r.settle()
	r.w.editConnection(c.Name)
	r.settle()
	p, ok := r.w.page.(*connectPage)
	if !ok {
		r.Fatalf("the page is a %T", r.w.page)
	}
	return p
}

func xaaDev() connection.Connection {
	c := connection.PresetsNamed("xaa-dev")[0].Connection
	c.IdP.ClientID, c.Resource.ClientID = "client_1", "client_1-at-todo0"
	return c
}

func TestDPoPIsTurnedOnAndOffAndKept(t *testing.T) {
	signedIn(t, func(r *rig) {
		c := xaaDev()
		c.Subject = connection.SubjectIDToken
		p := r.editing(c)
		if !p.form.general.inner.Visible() {
			r.Error("a subject token that is chosen is hidden")
		}
		r.wantText("A token that somebody copies is of no use to them")
		r.tap("On, and required")
		r.tap("Save")
		r.wantCalls(r.b.called(), "change xaa-dev")
		want := c
		if want.DPoP = true; asJSON(r.b.added) != asJSON(want) {
			r.Errorf("kept is %s, want %s", asJSON(r.b.added), asJSON(want))
		}

		p = r.editing(r.b.added)
		if !p.form.dpop.chosen {
			r.Error("DPoP is not shown as on")
		}
		r.tap("Off")
		r.tap("Save")
		if asJSON(r.b.added) != asJSON(c) {
			r.Errorf("kept is %s, want %s", asJSON(r.b.added), asJSON(c))
		}
	})
}

func TestAFileThatTurnsDPoPOffSaysSo(t *testing.T) {
	signedIn(t, func(r *rig) {
		c := xaaDev()
		c.DPoP = true
		r.editing(c)
		now := c
		now.DPoP = false
		r.w.askToAccept("team.json", connection.File{Connection: now})
		r.settle()
		r.wantText("Tokens bound to this computer (DPoP): was “true” and becomes “false”")
	})
}

// Whoever goes through the form by Tab sees where they are.
func TestWhatHasTheFocusInTheFormIsInSight(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.w.win.Resize(fyne.NewSize(700, 520))
		c := xaaDev()
		c.DPoP, c.IdP.AuthMethod = true, connection.PrivateKeyJWT
		p := r.editing(c)
		for _, m := range []*more{p.form.idp.more, p.form.res.more} {
			m.show(true)
		}
		r.settle()
		d := fyne.CurrentApp().Driver()
		seen := map[fyne.Focusable]bool{}
		for range 150 {
			r.w.Canvas().FocusNext()
			r.settle()
			f := r.w.Canvas().Focused()
			o, ok := f.(fyne.CanvasObject)
			if !ok {
				r.Fatal("nothing has the focus")
			}
			top := d.AbsolutePositionForObject(o).Y
			seen[f] = true
			if top < 0 || top+o.Size().Height > r.w.Canvas().Size().Height {
				r.Errorf("%q has the focus from %v to %v of a window of %v", r.calledFocus(), top, top+o.Size().Height, r.w.Canvas().Size().Height)
			}
		}
		if len(seen) < 60 {
			r.Errorf("only %d things have the focus in turn", len(seen))
		}
	})
}
