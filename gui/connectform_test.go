package gui

import (
	"strings"
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

// remarkAt is what stands beside a field of the form.
func (r *rig) remarkAt(p *connectPage, of connection.Field) string {
	r.Helper()
	l := p.form.fieldOf(of)
	if !l.remark.Visible() || l.remark.color != colorFaultText {
		return ""
	}
	return l.remark.content
}

func TestWhereTheToDosAreIsChosenByServiceAndKept(t *testing.T) {
	signedIn(t, func(r *rig) {
		c := xaaDev()
		p := r.editing(c)
		if p.form.todos.more.inner.Visible() {
			r.Error("what is as at Todo0 is not folded away")
		}
		r.tap("Where the to-dos are")
		r.tap("Microsoft To Do")
		r.tap("Save")
		if got := r.remarkAt(p, fieldTodosPath); got != "Fill this in." {
			r.Errorf("beside the path stands %q", got)
		}
		r.fill("Path of the list", 0, "me/tasks")
		r.tap("Save")
		if got := r.remarkAt(p, fieldTodosPath); !strings.HasPrefix(got, "This does not begin with one slash.") {
			r.Errorf("beside the path stands %q", got)
		}
		r.wantCalls(r.b.called())
		r.fill("Path of the list", 0, "/me/todo/lists/a/tasks")
		r.tap("Save")
		want := c
		want.Resource.Todos = &connection.Todos{Shape: "microsoft-todo", Path: "/me/todo/lists/a/tasks"}
		if asJSON(r.b.added) != asJSON(want) {
			r.Errorf("kept is %s, want %s", asJSON(r.b.added), asJSON(want))
		}

		p = r.editing(r.b.added)
		if !p.form.todos.more.inner.Visible() || p.form.todos.path.value() != "/me/todo/lists/a/tasks" {
			r.Error("what is kept is not shown")
		}
		r.tap("As at Todo0")
		r.tap("Save")
		if asJSON(r.b.added) != asJSON(c) {
			r.Errorf("kept is %s, want %s", asJSON(r.b.added), asJSON(c))
		}
	})
}

func TestWhereTheToDosAreIsDescribedInTheForm(t *testing.T) {
	signedIn(t, func(r *rig) {
		c := xaaDev()
		p := r.editing(c)
		r.tap("Where the to-dos are")
		r.tap("Described here")
		if got := p.form.todos.rest.value(); got != todosTemplate {
			r.Errorf("the description begins with %q", got)
		}
		r.fill("Path of the list", 0, "/v2/items")
		for text, words := range map[string]string{
			"{\n \"id\": \"id\",\n \"title\" \"name\"\n}": "This is not valid JSON in line 3.",
			`{"id": "id"`:                      "This is no whole JSON object.",
			`{"titel": "name"}`:                `There is no member "titel". Check its spelling.`,
			`{"title": 3}`:                     `The member "title" has the wrong type.`,
			`{} {}`:                            "This goes on after its JSON object ends.",
			`{"headers": {"X-Api-Key": "a"}}`:  `"headers" holds "X-Api-Key", which looks like a credential`,
			`{"create": "PUT"}`:                `"create" is not POST`,
			`{"done": {"path": "title"}}`:      `"done.path" stands in the same place as title`,
			`{"paging": {"by": "turning it"}}`: `"paging.by" is none of next, link, token, page and offset`,
		} {
			r.fill("Everything else", 0, text)
			r.tap("Save")
			if got := r.remarkAt(p, connection.FieldTodos); !strings.HasPrefix(got, words) {
				r.Errorf("beside %s stands %q, want %q", text, got, words)
			}
		}
		r.wantCalls(r.b.called())
		r.fill("Place of the list in the answer", 0, "page.items")
		r.fill("Everything else", 0, `{"title": "name", "done": {"path": "state", "values": ["closed"], "open": "open"}, "update": "PATCH"}`)
		r.tap("Save")
		want := c
		want.Resource.Todos = &connection.Todos{Path: "/v2/items", At: "page.items", Title: "name",
			Done: &connection.TodoDone{Path: "state", Values: []any{"closed"}, Open: "open"}, Update: "PATCH"}
		if asJSON(r.b.added) != asJSON(want) {
			r.Errorf("kept is %s, want %s", asJSON(r.b.added), asJSON(want))
		}
		r.editing(r.b.added)
		r.tap("Save") // and nothing else
		if asJSON(r.b.added) != asJSON(want) {
			r.Errorf("unchanged it is %s, want %s", asJSON(r.b.added), asJSON(want))
		}
	})
}

// Who has a whole description from somewhere pastes it where there is room.
func TestAPastedDescriptionIsTakenApart(t *testing.T) {
	signedIn(t, func(r *rig) {
		p := r.editing(xaaDev())
		r.tap("Where the to-dos are")
		r.tap("Described here")
		r.fill("Everything else", 0, `{"shape": "google-tasks", "path": "/lists/a/tasks", "at": "items", "title": "name"}`)
		r.tap("Save")
		if got, want := asJSON(r.b.added.Resource.Todos), `{"shape":"google-tasks","path":"/lists/a/tasks","at":"items","title":"name"}`; got != want {
			r.Errorf("kept is %s, want %s", got, want)
		}
		if p.form.todos.path.value() != "/lists/a/tasks" || p.form.todos.shape.chosen != "google-tasks" {
			r.Error("the fields do not show what was pasted")
		}
	})
}

func TestAnMCPServerIsNotAskedWhereItsToDosAre(t *testing.T) {
	signedIn(t, func(r *rig) {
		c := xaaDev()
		c.Resource.Todos = &connection.Todos{Shape: "json-server"}
		p := r.editing(c)
		r.tap("MCP")
		if p.form.todos.more.box.Visible() {
			r.Error("it is asked")
		}
		r.tap("Save")
		if r.b.added.Resource.Kind != connection.MCP || r.b.added.Resource.Todos != nil {
			r.Errorf("kept is %s", asJSON(r.b.added))
		}
	})
}
