package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"waybill/auth"
	"waybill/cli"
	"waybill/internal/xaadev"
)

// "Shown to hold" 4, in the terminal.
func TestXAADevWorksWithNothingTypedButTheFourCredentials(t *testing.T) {
	for preset, resource := range map[string]func(xaadev.Registration) (string, string){
		"xaa-dev":     func(a xaadev.Registration) (string, string) { return a.RESTClientID, a.RESTPair },
		"xaa-dev-mcp": func(a xaadev.Registration) (string, string) { return a.MCPClientID, a.MCPPair },
	} {
		t.Run(preset, func(t *testing.T) {
			d := newDesk(t)
			id, pair := resource(d.app)
			d.answers = []string{d.app.ClientID, id, d.app.Secret, pair, "y"}
			r := d.must("connections", "add", "--preset", preset)
			if len(d.answers) > 0 || len(d.asked) != 5 {
				t.Errorf("asked %q", d.asked)
			}
			r.contains(t, "idp.xaa.dev", "auth.resource.xaa.dev", "with its secret", "the access token")
			d.answers = nil
			d.must("sign-in", "--connection", preset).contains(t, "can be renewed")
			d.must("todos").contains(t, "Buy groceries")
		})
	}
}

// An Enter too many loses nothing of what was typed before.
func TestAnAnswerThatWillNotDoIsAskedForAgain(t *testing.T) {
	d := newDesk(t)
	d.answers = []string{d.app.ClientID, "", " ", d.app.RESTClientID, d.app.Secret, d.app.RESTPair, "y"}
	d.must("connections", "add", "--preset", "xaa-dev").contains(t, "cannot be empty")
	d.answers = []string{"", "", ""}
	if r := d.run("connections", "add", "--preset", "xaa-dev"); r.status != cli.ExitFailed || len(d.answers) > 0 {
		t.Errorf("status %d, unasked %q: %s", r.status, d.answers, r.err)
	}
}

// "Shown to hold" 3: from nothing but an MCP server's address.
func TestAConnectionIsMadeFromAnMCPServersAddress(t *testing.T) {
	d := newDesk(t)
	d.answers = []string{xaadev.IdP, d.app.ClientID, d.app.MCPClientID, d.app.Secret, d.app.MCPPair, "y"}
	r := d.must("connections", "add", xaadev.MCP, "--set", "redirect_uri="+registered, "--set", "idp.auth_method=client_secret_post", "--set", "resource.auth_method=client_secret_post")
	r.contains(t, "https://mcp.xaa.dev/.well-known/oauth-protected-resource/mcp\n    protected resource metadata, HTTP 200, taken",
		"https://idp.xaa.dev/.well-known/oauth-authorization-server\n    identity provider metadata, HTTP 404, not taken",
		"but it calls itself http://resource-auth-server:3002", "says that it takes ID-JAGs", `The connection "mcp.xaa.dev" will contact:`)
	d.answers = nil
	d.must("sign-in", "--connection", "mcp.xaa.dev")
	d.must("todos").contains(t, "Buy groceries")
}

// The preset for MCP servers asks for the address and finds the rest.
func TestThePresetForMCPServersBeginsWithTheAddress(t *testing.T) {
	d := newDesk(t)
	d.answers = []string{xaadev.MCP, xaadev.IdP, d.app.ClientID, d.app.MCPClientID, d.app.Secret, d.app.MCPPair, "y"}
	d.must("connections", "add", "--preset", "mcp", "--set", "redirect_uri="+registered, "--set", "idp.auth_method=client_secret_post", "--set", "resource.auth_method=client_secret_post")
	d.answers = nil
	shown := d.must("connections", "export", "mcp.xaa.dev").out
	if !strings.Contains(shown, `"kind": "mcp"`) || !strings.Contains(shown, `"authorization_server": "https://auth.resource.xaa.dev"`) {
		t.Errorf("%s", shown)
	}
	d.must("sign-in", "--connection", "mcp.xaa.dev")
	d.must("todos").contains(t, "Buy groceries")
}

// "Shown to hold" 3: from a JSON file; S106: nothing is accepted unseen.
func TestS106_AFileIsAcceptedOnlyAfterItWasShown(t *testing.T) {
	d := newDesk(t)
	d.add("xaa-dev")
	exported := d.must("connections", "export", "xaa-dev").out
	if strings.Contains(exported, "secret\":") || strings.Contains(exported, "approved") {
		t.Errorf("exported: %s", exported)
	}
	d.must("connections", "remove", "xaa-dev")
	path := d.write("mine.json", strings.Replace(strings.Replace(exported, `"issuer"`, `"client_secret": "${IDP_SECRET}", "issuer"`, 1),
		`"kind"`, `"client_secret": "${RESOURCE_SECRET}", "kind"`, 1))

	r := d.run("connections", "add", path)
	if r.status != cli.ExitUsage {
		t.Errorf("without a terminal and without --yes: status %d", r.status)
	}
	r.contains(t, "  idp.xaa.dev\n", "which is the environment variable IDP_SECRET", "which is the environment variable RESOURCE_SECRET", "add --yes")
	if list := d.must("connections", "list").out; strings.Contains(list, "xaa-dev") {
		t.Errorf("it was accepted: %s", list)
	}
	d.answers = []string{"n"}
	if r := d.run("connections", "add", path); r.status != cli.ExitFailed {
		t.Errorf("declined: status %d", r.status)
	}
	d.answers = []string{"yes"}
	d.must("connections", "add", path)
	d.answers = nil
	d.must("sign-in", "--connection", "xaa-dev")
	d.must("todos").contains(t, "Buy groceries")

	changed := d.write("evil.json", strings.Replace(exported, "https://auth.resource.xaa.dev", "https://auth.evil.example", 1))
	r = d.run("connections", "add", changed)
	r.contains(t, `resource.authorization_server was "https://auth.resource.xaa.dev" and becomes "https://auth.evil.example"`)
	if r.status != cli.ExitUsage || strings.Contains(d.must("connections", "show", "xaa-dev").out, "evil") {
		t.Errorf("a connection was replaced unseen: status %d", r.status)
	}
}

func TestDiscoverPrintsAProposalForProgramsAndPeople(t *testing.T) {
	d := newDesk(t)
	r := d.must("connections", "discover", xaadev.API, xaadev.IdP)
	r.contains(t, "resource.authorization_server  https://auth.resource.xaa.dev", "the resource's metadata", "missing: ")
	var found auth.Found
	r = d.must("connections", "discover", xaadev.API, xaadev.IdP, "--json", "--set", "idp.client_id=a", "--set", "resource.client_id=b")
	if err := json.Unmarshal([]byte(r.out), &found); err != nil || len(found.Missing) > 0 || len(found.Places) < 6 || found.Connection.Validate() != nil || r.err != "" {
		t.Errorf("%v %+v %s", err, found, r.err)
	}
	// What is proposed can be added as it is.
	data, _ := json.Marshal(found.Connection)
	d.must("connections", "add", "--yes", d.write("found.json", string(data)))
	for _, args := range [][]string{
		{"connections", "discover"}, {"connections", "discover", "a", "b", "c"}, {"connections", "add"}, {"connections", "add", "--preset", "nonsense"},
		{"connections", "add", "--preset", "playground"}, {"connections", "add", "--preset", "xaa-dev", "x.json"}, {"connections", "add", xaadev.MCP},
		{"connections", "discover", xaadev.API, "--set", "nonsense"},
	} {
		if r := d.run(args...); r.status != cli.ExitUsage {
			t.Errorf("%v: status %d %s", args, r.status, r.err)
		}
	}
	for _, args := range [][]string{
		{"connections", "discover", "api.example"}, {"connections", "discover", xaadev.API, "--set", "idp.client_secret=x"},
		{"connections", "add", "--yes", "--preset", "xaa-dev", "--set", "idp.client_secret=plain"}, {"connections", "export", "playground"}, {"connections", "export", "none"},
	} {
		if r := d.run(args...); r.status != cli.ExitFailed || strings.Contains(r.err, "plain\"") {
			t.Errorf("%v: status %d %s", args, r.status, r.err)
		}
	}
}

func TestApprovingShowsTheDifferenceFirst(t *testing.T) {
	d := newDesk(t)
	d.add("xaa-dev")
	d.must("sign-in", "--connection", "xaa-dev")
	d.must("todos")
	d.must("connections", "approve", "xaa-dev").contains(t, "Everything is as it was approved.")
	d.dev.Change(func(h *xaadev.Habits) { h.TokenEndpoint = xaadev.Server + "/v2/token" })
	const says = "The token endpoint of the authorization server was https://auth.resource.xaa.dev/token and is now https://auth.resource.xaa.dev/v2/token."
	if r := d.run("todos"); r.status != cli.ExitFailed {
		t.Errorf("status %d %s", r.status, r.err)
	}
	r := d.run("connections", "approve", "xaa-dev")
	if r.contains(t, says); r.status != cli.ExitUsage {
		t.Errorf("status %d", r.status)
	}
	d.answers = []string{"y"}
	d.must("connections", "approve", "xaa-dev")
	d.must("connections", "approve", "xaa-dev").contains(t, "Everything is as it was approved.")
	d.must("connections", "approve", "xaa-dev", "--json").contains(t, "[]")
}

func TestDoctorIsReadableByPrograms(t *testing.T) {
	d := newDesk(t)
	d.add("xaa-dev")
	var checks []map[string]string
	r := d.must("doctor", "--connection", "xaa-dev", "--json")
	if err := json.Unmarshal([]byte(r.out), &checks); err != nil || len(checks) < 10 {
		t.Fatalf("%v %s", err, r.out)
	}
	for _, c := range checks {
		if c["check"] == "" || c["verdict"] == "" || c["finding"] == "" || c["step"] == "" {
			t.Errorf("%v", c)
		}
	}
	d.net.SetOffline(true)
	r = d.run("doctor", "--connection", "xaa-dev")
	if r.status != cli.ExitOffline || strings.Count(r.out+r.err, "offline") != 1 {
		t.Errorf("offline: status %d\n%s%s", r.status, r.out, r.err)
	}
	if data, err := os.ReadFile(filepath.Join(d.dir, "connections.json")); err != nil || strings.Contains(string(data), d.app.Secret) {
		t.Errorf("%v: a secret in connections.json", err)
	}
}

// The private half of a key that is made here is nowhere but in the sealed store.
func TestS91_APrivateKeyIsMadeAndNeverShown(t *testing.T) {
	d := newDesk(t)
	d.answers = []string{"https://org.example", "agent", "https://api.example", "agent-at-api", "rest-secret", "y"}
	r := d.must("connections", "add", "--preset", "okta-ai-agent")
	r.contains(t, "with a signature by its key", "waybill connections key okta-ai-agent --at idp")
	d.answers = nil
	first := d.must("connections", "key", "okta-ai-agent")
	var jwk map[string]string
	if err := json.Unmarshal([]byte(first.out), &jwk); err != nil || jwk["kid"] == "" || jwk["kty"] != "EC" || jwk["d"] != "" || jwk["alg"] != "ES256" {
		t.Fatalf("%v %s", err, first.out)
	}
	if again := d.must("connections", "key", "okta-ai-agent"); again.out != first.out {
		t.Error("asking again makes another key")
	}
	other := d.must("connections", "key", "okta-ai-agent", "--at", "resource", "--alg", "RS256")
	if strings.Contains(other.out, `"d"`) || !strings.Contains(other.out, `"RSA"`) {
		t.Errorf("at the resource: %s", other.out)
	}
	// Changing a field that has nothing to do with it keeps the key.
	d.answers = []string{"https://org.example", "agent", "https://api.example/v2", "agent-at-api", "rest-secret", "y"}
	d.must("connections", "add", "--preset", "okta-ai-agent")
	d.answers = nil
	if again := d.must("connections", "key", "okta-ai-agent"); again.out != first.out {
		t.Error("the key is lost when the connection is changed")
	}
	if new := d.must("connections", "key", "okta-ai-agent", "--replace"); new.out == first.out {
		t.Error("--replace keeps the key")
	}
	for _, args := range [][]string{{"connections", "key", "playground"}, {"connections", "key", "okta-ai-agent", "--at", "home"}, {"connections", "key", "none"}} {
		if r := d.run(args...); r.status != cli.ExitFailed {
			t.Errorf("%v: %d", args, r.status)
		}
	}
}

// "Shown to hold" 3: placed by an administrator, it needs nothing but a sign-in.
func TestAPlacedConnectionNeedsNothingButASignIn(t *testing.T) {
	d := newDesk(t)
	folder := filepath.Join(d.dir, "etc")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	d.placed = []string{folder}
	d.add("xaa-dev")
	own := d.must("connections", "export", "xaa-dev").out
	d.must("connections", "remove", "xaa-dev")
	file := strings.Replace(strings.Replace(own, `"issuer"`, `"client_secret": "${IDP_SECRET}", "issuer"`, 1), `"kind"`, `"client_secret": "file:`+filepath.Join(d.dir, "pair")+`", "kind"`, 1)
	d.write("pair", d.app.RESTPair+"\n")
	d.write("etc/acme.json", strings.Replace(file, `"xaa-dev"`, `"acme"`, 1))
	d.write("etc/broken.json", strings.Replace(file, `"issuer"`, `"isuer"`, 1))

	d.must("connections", "list").contains(t, "acme", "placed by your administrator", "etc/broken.json is not used: The connection file has a field that Waybill does not know: \"idp.isuer\". Check its spelling. [idp.isuer]")
	d.checkList(2+1, folder)
	d.must("sign-in", "--connection", "acme")
	d.must("todos", "--connection", "acme").contains(t, "Buy groceries")
	d.must("doctor", "--connection", "acme").contains(t, "warning         file "+filepath.Join(folder, "broken.json"))
	d.must("sign-out", "--connection", "acme", "--no-browser")
	for _, args := range [][]string{
		{"connections", "remove", "acme"}, {"connections", "add", "--yes", d.write("own.json", strings.Replace(own, `"xaa-dev"`, `"acme"`, 1))},
		{"todos", "--connection-file", filepath.Join(d.dir, "own.json")},
	} {
		r := d.run(args...)
		if r.contains(t, "was placed by your administrator and cannot be changed or removed here"); r.status != cli.ExitFailed {
			t.Errorf("%v: status %d", args, r.status)
		}
	}
	// What was approved is kept beside it, and lapses with another file.
	data, err := os.ReadFile(filepath.Join(d.dir, "connections.json"))
	if err != nil || !strings.Contains(string(data), `"acme": {`) {
		t.Errorf("%v: nothing is pinned in %s", err, data)
	}
	d.dev.Change(func(h *xaadev.Habits) { h.TokenEndpoint = xaadev.Server + "/v2/token" })
	if r := d.run("sign-in", "--connection", "acme"); r.status != cli.ExitDone {
		t.Errorf("status %d %s", r.status, r.err)
	}
	if r := d.run("todos", "--connection", "acme"); r.status != cli.ExitFailed || !strings.Contains(r.err, "/v2/token") {
		t.Errorf("status %d %s", r.status, r.err)
	}
}

// checkList holds the list for programs against its schema: so many connections,
// and after them the broken file with the reason.
func (d *desk) checkList(connections int, folder string) {
	d.t.Helper()
	r := d.must("connections", "list", "--json")
	data, err := os.ReadFile("../docs/connections.schema.json")
	if err != nil {
		d.t.Fatal(err)
	}
	var schema jsonschema.Schema
	if err := json.Unmarshal(data, &schema); err != nil {
		d.t.Fatal(err)
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		d.t.Fatal(err)
	}
	var list any
	if err := json.Unmarshal([]byte(r.out), &list); err != nil {
		d.t.Fatal(err)
	}
	if err := resolved.Validate(list); err != nil {
		d.t.Errorf("%v\n%s", err, r.out)
	}
	all := list.([]any)
	if len(all) != connections+1 || r.err != "" {
		d.t.Fatalf("%s%s", r.out, r.err)
	}
	last := all[connections].(map[string]any)
	why, _ := last["error"].(map[string]any)
	if last["file"] != filepath.Join(folder, "broken.json") || why["code"] != "unknown_field" || why["field"] != "idp.isuer" {
		d.t.Errorf("%v", last)
	}
}
