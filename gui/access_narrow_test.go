package gui

import (
	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
	"waybill/session"
)

// accessScenes are the pages and dialogs about connections, each with texts of
// this language in it.
func accessScenes() map[string]func(r *rig, words string) {
	named := func(r *rig, words string) connection.Connection {
		r.manyConnections()
		c := connection.PresetsNamed("okta-ai-agent")[0].Connection
		c.Title, c.IdP.Issuer, c.IdP.ClientID, c.Resource.URL, c.Resource.ClientID = words, "https://idp.example", words, "https://api.example", words
		c.Resource.Todos = &connection.Todos{Path: "/v1/tasks", Title: connection.Path(words[:60]), Create: "POST"}
		r.b.update(func(s *session.State) {
			s.Connections = append(s.Connections, session.ConnectionInfo{Connection: c, SignedIn: true, Email: words})
		})
		r.w.lasts[c.Name] = fault.New(fault.StepDiscovery, fault.Config, changedServer, words)
		r.settle()
		return c
	}
	return map[string]func(*rig, string){
		"connections": func(r *rig, words string) { named(r, words); r.openConnections() },
		"adding":      func(r *rig, _ string) { r.w.addConnection() },
		"form": func(r *rig, words string) {
			c := named(r, words)
			o := editForm(c, session.Saved{IdP: true, IdPKey: true})
			o.offered = []string{words}
			r.w.show(newConnectPage(r.w, o))
			p := r.w.page.(*connectPage)
			for _, m := range []*more{p.form.general, p.form.idp.more, p.form.res.more, p.form.todos.more} {
				m.show(true)
			}
		},
		"discovery": func(r *rig, words string) {
			r.b.places, r.b.found = manyPlaces()
			r.b.places[2].Instead = "https://" + words + ".example"
			r.b.found.Servers = []string{"https://as.example/" + words, "https://other.example"}
			r.w.addConnection()
			r.tap("By an address")
			r.typeInto("Address", "https://mcp.example/mcp")
			r.tap("Look")
		},
		"check": func(r *rig, words string) {
			named(r, words)
			r.b.checks = manyChecks()
			r.b.checks[1].Finding, r.b.checks[1].Code = words, changedServer
			r.w.checkConnection("xaa-dev")
		},
		"approval": func(r *rig, words string) {
			named(r, words)
			r.w.askToApprove("xaa-dev", []auth.Change{{What: "the token endpoint", Was: words, Now: words}})
		},
		"acceptance": func(r *rig, words string) {
			c := named(r, words)
			c.Title = ""
			r.w.askToAccept(words, connection.File{Connection: c})
		},
		"key": func(r *rig, words string) {
			r.w.showKey(words, session.KeyRequest{At: session.AtIdP}, func() {})
		},
		"sign-out elsewhere": func(r *rig, words string) {
			r.w.signOutAt(session.ConnectionInfo{Connection: named(r, words), Email: words})
		},
	}
}
