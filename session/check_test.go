package session_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"waybill/connection"
	"waybill/internal/xaadev"
	"waybill/secret"
	"waybill/session"
)

func shown(checks []session.Check) string {
	var out strings.Builder
	for _, c := range checks {
		fmt.Fprintf(&out, "%s: %s: %s %s [%s %s %s]\n", c.Verdict, c.Name, c.Finding, c.Remedy, c.Step, c.Field, c.Code)
	}
	return out.String()
}

// check checks a connection, and holds what was streamed against what came out.
func (x *xaa) check(name string) []session.Check {
	x.t.Helper()
	var streamed []session.Check
	checks := x.manager.CheckConnection(x.t.Context(), name, func(c session.Check) { streamed = append(streamed, c) })
	if !slices.Equal(streamed, checks) {
		x.t.Error("what was told on the way is not what came out")
	}
	for _, c := range checks {
		if c.Finding == "" || c.Step == "" || (c.Verdict == session.Refuted || c.Verdict == session.Warned) && c.Remedy == "" {
			x.t.Errorf("a check without finding, step or remedy: %+v", c)
		}
	}
	return checks
}

func TestDoctorFindsNothingWrongWithXAADev(t *testing.T) {
	for _, id := range []string{"xaa-dev", "xaa-dev-mcp"} {
		t.Run(id, func(t *testing.T) {
			x := newXAA(t)
			c, cred := x.preset(id)
			x.add(c, cred)
			before := x.check(c.Name)
			if err := x.signIn(c.Name); err != nil {
				t.Fatal(err)
			}
			after := x.check(c.Name)
			for _, name := range []string{"settings", "redirect port", "connection to idp.xaa.dev", "connection to auth.resource.xaa.dev", "identity provider", "resource metadata",
				"scopes", "authorization server", "grant profile", "clock", "redirect URI", "address of the to-dos", "client at the identity provider", "client at the resource"} {
				if !slices.ContainsFunc(before, func(c session.Check) bool { return c.Name == name && c.Verdict == session.Passed }) {
					t.Errorf("without a user, %s is not passed:\n%s", name, shown(before))
				}
			}
			for _, check := range after {
				if check.Verdict != session.Passed {
					t.Errorf("with a user: %+v", check)
				}
			}
			last := "call to the resource"
			if c.Resource.Kind == connection.MCP {
				last = "MCP protocol"
			}
			if got := after[len(after)-1]; got.Name != last {
				t.Errorf("the last check is %+v", got)
			}
			if before[len(before)-1].Name != "sign-in" || before[len(before)-1].Verdict != session.CannotTell {
				t.Errorf("nothing is said of the missing sign-in:\n%s", shown(before))
			}
		})
	}
}

func TestDoctorSaysWhichPairIsWrong(t *testing.T) {
	const idp, resource = "client at the identity provider", "client at the resource"
	for _, c := range []struct {
		name   string
		change func(*connection.Connection, *connection.Credentials)
		wrong  []string
		right  []string
	}{
		{"secret at the identity provider", func(_ *connection.Connection, cred *connection.Credentials) { cred.IdP = secret.New("wrong") }, []string{idp}, []string{resource}},
		{"secret at the resource", func(_ *connection.Connection, cred *connection.Credentials) { cred.Resource = secret.New("wrong") }, []string{resource}, []string{idp}},
		{"no secret", func(_ *connection.Connection, cred *connection.Credentials) { cred.Resource = secret.Text{} }, []string{resource}, []string{idp}},
		{"secrets crossed", func(_ *connection.Connection, cred *connection.Credentials) {
			cred.IdP, cred.Resource = cred.Resource, cred.IdP
		}, []string{idp, resource, "both pairs"}, nil},
		{"suffix forgotten", func(c *connection.Connection, _ *connection.Credentials) { c.Resource.ClientID = c.IdP.ClientID }, []string{resource}, []string{idp}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := newXAA(t)
			conn, cred := x.preset("xaa-dev")
			c.change(&conn, &cred)
			x.add(conn, cred)
			checks := x.check(conn.Name)
			for _, check := range checks {
				if slices.Contains(c.wrong, check.Name) && check.Verdict != session.Refuted || slices.Contains(c.right, check.Name) && check.Verdict != session.Passed {
					t.Errorf("%+v", check)
				}
			}
			for _, name := range slices.Concat(c.wrong, c.right) {
				if !slices.ContainsFunc(checks, func(check session.Check) bool { return check.Name == name }) {
					t.Errorf("%s was not checked:\n%s", name, shown(checks))
				}
			}
			x.secretsStayHome(cred)
		})
	}
}

// secretsStayHome looks for each secret in everything that arrived elsewhere.
func (x *xaa) secretsStayHome(cred connection.Credentials) {
	x.t.Helper()
	for _, request := range x.dev.Seen() {
		atIdP, atServer := strings.HasPrefix(request, "POST idp.xaa.dev/token "), strings.HasPrefix(request, "POST auth.resource.xaa.dev/token ")
		if !cred.IdP.Empty() && strings.Contains(request, cred.IdP.Reveal()) && !atIdP {
			x.t.Errorf("the secret of the identity provider went to %.60s", request)
		}
		if !cred.Resource.Empty() && strings.Contains(request, cred.Resource.Reveal()) && !atServer {
			x.t.Errorf("the secret of the resource went to %.60s", request)
		}
	}
}

func TestDoctorSaysOnceThatTheComputerIsOffline(t *testing.T) {
	x := newXAA(t)
	c, cred := x.preset("xaa-dev")
	x.add(c, cred)
	x.net.SetOffline(true)
	checks := x.check(c.Name)
	if got := checks[len(checks)-1]; len(checks) != 3 || got.Name != "network" || got.Verdict != session.CannotTell {
		t.Errorf("offline:\n%s", shown(checks))
	}
}

func TestDoctorNamesTheServerThatCannotBeReached(t *testing.T) {
	x := newXAA(t)
	c, cred := x.preset("xaa-dev")
	c.Resource.AuthorizationServer = "https://auth.resource.xaa.example"
	x.add(c, cred)
	checks := x.check(c.Name)
	text := shown(checks)
	for _, line := range []string{
		"failed: connection to auth.resource.xaa.example: The server at auth.resource.xaa.example could not be reached.",
		"[discovery resource.authorization_server network]", "passed: identity provider:", "warning: audience:",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("%q is missing in\n%s", line, text)
		}
	}
}

func TestDoctorFindsWhatIsWrongAtEachStep(t *testing.T) {
	for _, c := range []struct {
		name   string
		spoil  func(x *xaa, c *connection.Connection)
		signIn bool
		says   string
	}{
		{"redirect URI", func(_ *xaa, c *connection.Connection) { c.RedirectURI = "http://localhost:8765/callback" }, false,
			"failed: redirect URI: The identity provider does not take the redirect URI http://localhost:8765/callback"},
		{"port", func(x *xaa, _ *connection.Connection) {
			l, err := x.net.Listen("127.0.0.1:8765")
			if err != nil {
				x.t.Fatal(err)
			}
			x.t.Cleanup(func() { _ = l.Close() })
		}, false, "failed: redirect port: Port 8765 on this computer is taken by another program."},
		{"issuer", func(x *xaa, _ *connection.Connection) {
			x.dev.Change(func(h *xaadev.Habits) { h.SlashedIssuer = true })
		}, false, "(they differ only by a final slash)"},
		{"identifier", func(_ *xaa, c *connection.Connection) { c.Resource.Identifier += "/" }, false, "[token exchange resource.identifier"},
		{"address", func(_ *xaa, c *connection.Connection) { c.Resource.URL = xaadev.API + "/v2" }, false,
			"failed: address of the to-dos: There is nothing at https://api.resource.xaa.dev/v2/api/todos (HTTP 404)."},
		{"profile", func(x *xaa, _ *connection.Connection) {
			x.dev.Change(func(h *xaadev.Habits) { h.UnquotedProfile = true })
		}, false, "could not tell: grant profile:"},
		{"server's clock", func(x *xaa, _ *connection.Connection) {
			x.dev.Change(func(h *xaadev.Habits) { h.ServerClock = -time.Minute })
		}, false, "behind this computer's and the other servers'. Tell whoever runs it"},
		{"scopes", func(_ *xaa, c *connection.Connection) { c.Resource.Scopes = []string{"todos.read", "todos.admin"} }, false, "warning: scopes: The resource does not list the scope todos.admin."},
		{"session", func(x *xaa, _ *connection.Connection) {
			x.dev.Change(func(h *xaadev.Habits) { h.NoRefreshToken = true })
		}, true, "warning: sign-in: Somebody is signed in, but the session cannot be renewed"},
		{"empty grant", func(x *xaa, _ *connection.Connection) { x.dev.Change(func(h *xaadev.Habits) { h.Narrow = "nothing" }) }, true,
			"Asked for: todos.read; in the ID-JAG: todos.read; granted: none."},
		{"resource connection", func(x *xaa, _ *connection.Connection) { x.dev.Narrow(x.app.ClientID, "mcp.access") }, true, "failed: token exchange: The identity provider does not allow this app the scope"},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := newXAA(t)
			conn, cred := x.preset("xaa-dev")
			c.spoil(x, &conn)
			x.add(conn, cred)
			if c.signIn {
				_ = x.signIn(conn.Name) // the sync may fail
			}
			if text := shown(x.check(conn.Name)); !strings.Contains(text, c.says) {
				t.Errorf("%q is missing in\n%s", c.says, text)
			}
			x.secretsStayHome(cred)
		})
	}
}
