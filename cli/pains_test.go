package cli_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"waybill/internal/xaadev"
)

// pain is one row of the list of what users of this field stumble over, made to
// happen, with the commands whose words have to help.
type pain struct {
	name     string
	happen   func(d *desk)
	commands [][]string
	lines    []string // of a long output, those that begin like this; nil: all
}

func habit(f func(*xaadev.Habits)) func(*desk) {
	return func(d *desk) {
		d.add("xaa-dev")
		d.dev.Change(f)
	}
}

var signIn, todos, doctor = []string{"sign-in", "--connection", "xaa-dev"}, []string{"todos", "--connection", "xaa-dev"}, []string{"doctor", "--connection", "xaa-dev"}

func pains() []pain {
	return []pain{
		{"two pairs of credentials, crossed: the secrets", func(d *desk) {
			d.env["IDP_SECRET"], d.env["RESOURCE_SECRET"] = d.env["RESOURCE_SECRET"], d.env["IDP_SECRET"]
			d.add("xaa-dev")
		}, [][]string{signIn, doctor}, []string{"waybill:", "failed"}},
		{"two pairs of credentials, crossed: the client ids", func(d *desk) {
			d.app.ClientID, d.app.RESTClientID = d.app.RESTClientID, d.app.ClientID
			d.answers = []string{d.app.ClientID, d.app.RESTClientID, d.app.Secret, d.app.RESTPair, "y"}
		}, [][]string{{"connections", "add", "--preset", "xaa-dev"}, doctor}, []string{"Warning", "waybill:", "failed", "warning"}},
		{"two pairs of credentials, crossed: one pair twice", func(d *desk) {
			d.answers = []string{d.app.ClientID, d.app.ClientID, d.app.Secret, d.app.Secret, "y"}
		}, [][]string{{"connections", "add", "--preset", "xaa-dev"}, signIn, todos}, []string{"Warning", "waybill:"}},
		{"audience or resource: a slash too many in the identifier", func(d *desk) { d.add("xaa-dev", "--set", "resource.identifier="+xaadev.API+"/") },
			[][]string{signIn, todos, doctor}, []string{"waybill:", "warning"}},
		{"audience or resource: a slash too many in the audience", func(d *desk) { d.add("xaa-dev", "--set", "resource.authorization_server="+xaadev.Server+"/") },
			[][]string{signIn, todos, doctor}, []string{"waybill:", "failed", "warning"}},
		{"audience or resource: a resource that the identity provider knows no connection to", func(d *desk) { d.add("xaa-dev", "--set", "resource.audience=https://other.example") },
			[][]string{signIn, todos}, []string{"waybill:"}},
		{"session dies after ten minutes", habit(func(h *xaadev.Habits) { h.NoRefreshToken = true }), [][]string{signIn, doctor}, []string{"The session", "warning"}},
		{"empty or narrowed scope: nothing is granted", habit(func(h *xaadev.Habits) { h.Narrow = "nothing" }), [][]string{signIn, todos, doctor}, []string{"waybill:", "failed"}},
		{"empty or narrowed scope: the connection at the identity provider does not allow it", func(d *desk) {
			d.add("xaa-dev")
			d.dev.Narrow(d.app.ClientID, "mcp.access")
		}, [][]string{signIn, todos}, []string{"waybill:"}},
		{"empty or narrowed scope: one of two is granted", func(d *desk) {
			d.add("xaa-dev-mcp")
			d.dev.Change(func(h *xaadev.Habits) { h.Narrow = "todos.read" })
		}, [][]string{{"sign-in", "--connection", "xaa-dev-mcp"}, {"todos", "--connection", "xaa-dev-mcp"}, {"doctor", "--connection", "xaa-dev-mcp"}}, []string{"waybill:", "warning"}},
		{"opaque invalid_grant: nothing to be seen from here", habit(func(h *xaadev.Habits) { h.DistrustIDJAGs = true }), [][]string{signIn, todos}, []string{"waybill:", "         The"}},
		{"opaque invalid_grant: made for another client", habit(func(h *xaadev.Habits) { h.WrongClient = true }), [][]string{signIn, todos}, []string{"waybill:"}},
		{"client authentication differs between servers", habit(func(h *xaadev.Habits) { h.BasicOnly = true }), [][]string{signIn, todos, doctor}, []string{"waybill:", "failed"}},
		{"discovery quirks", func(*desk) {}, [][]string{{"connections", "discover", xaadev.MCP, xaadev.IdP}}, nil},
		{"discovery quirks: metadata of another issuer", habit(func(h *xaadev.Habits) { h.SlashedIssuer = true }), [][]string{signIn, todos}, []string{"waybill:"}},
		{"clock skew", habit(func(h *xaadev.Habits) { h.ServerClock = -time.Minute }), [][]string{signIn, todos, doctor}, []string{"waybill:", "warning"}},
		{"pasted secrets with blanks or line ends", func(d *desk) {
			d.answers = []string{"  " + d.app.ClientID, d.app.RESTClientID + " ", d.app.Secret + "\n", "\t" + d.app.RESTPair, "y"}
		}, [][]string{{"connections", "add", "--preset", "xaa-dev"}, signIn}, []string{"Blanks", "waybill:", "Signed in"}},
		{"redirect URI and port: the port is taken", func(d *desk) {
			d.add("xaa-dev")
			l, err := d.net.Listen("127.0.0.1:8765")
			if err != nil {
				d.t.Fatal(err)
			}
			d.t.Cleanup(func() { _ = l.Close() })
		}, [][]string{signIn, doctor}, []string{"waybill:", "failed"}},
		{"redirect URI and port: localhost is not 127.0.0.1", func(d *desk) { d.add("xaa-dev", "--set", "redirect_uri=http://localhost:8765/callback") },
			[][]string{doctor}, []string{"failed"}},
		{"secrets in files", func(d *desk) {
			d.write("mine.json", `{"name":"mine","idp":{"issuer":"https://idp.xaa.dev","client_id":"a","client_secret":"s3cret"},"resource":{"kind":"rest","url":"https://api.resource.xaa.dev","client_id":"b"}}`)
		}, [][]string{{"connections", "add", "DIR/mine.json"}, {"connections", "add", "--preset", "xaa-dev", "--set", "resource.client_secret=s3cret"}}, []string{"waybill:"}},
		{"signing out that ends nothing", func(d *desk) {
			d.add("xaa-dev")
			d.must(signIn...)
		}, [][]string{{"sign-out", "--connection", "xaa-dev", "--no-browser"}}, nil},
	}
}

// Each of the twelve pains is made to happen, and what the app says about it is
// in testdata/pains.golden, to be read by people. WAYBILL_UPDATE=1 writes the
// file anew.
func TestEachPainOfThisFieldIsExplained(t *testing.T) {
	var all strings.Builder
	for _, p := range pains() {
		t.Run(p.name, func(t *testing.T) {
			d := newDesk(t)
			p.happen(d)
			fmt.Fprintf(&all, "# %s\n\n", p.name)
			for _, args := range p.commands {
				shown := strings.Join(args, " ")
				for i := range args {
					args[i] = strings.ReplaceAll(args[i], "DIR", d.dir)
				}
				if args[0] != "connections" {
					d.answers = nil
				}
				r := d.run(args...)
				fmt.Fprintf(&all, "$ waybill %s\n", shown)
				for line := range strings.Lines(d.constant(r.out + r.err)) {
					if p.lines == nil || begins(line, p.lines) {
						all.WriteString(line)
					}
				}
				fmt.Fprintf(&all, "(status %d)\n\n", r.status)
				for _, secret := range []string{d.app.Secret, d.app.RESTPair, d.app.MCPPair, "s3cret"} {
					if strings.Contains(r.out+r.err+d.log.String(), secret) { // S91: logs at every level
						t.Errorf("a secret is shown or logged by %s", shown)
					}
				}
			}
		})
	}
	checkGolden(t, "pains.golden", all.String())
}

func begins(line string, with []string) bool {
	for _, w := range with {
		if strings.HasPrefix(line, w) {
			return true
		}
	}
	return false
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("line %d\n- %s\n+ %s", i+1, w[i], g[i])
		}
	}
	return "one is longer"
}
