package peers

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"waybill/e2e/desktop"
	"waybill/e2e/program"
)

// node finds the Node.js that the peers need: the pinned one that npm installed
// beside them, else the machine's.
func node(t *testing.T) string {
	t.Helper()
	if found, _ := filepath.Glob("node_modules/node-linux-*/bin/node"); len(found) > 0 {
		path, err := filepath.Abs(found[0])
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	path, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("Node.js is missing: run scripts/setup peers, then npm ci in e2e/peers")
	}
	return path
}

func here(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%s is missing: run npm ci in e2e/peers", name)
	}
	return path
}

// provider starts oidc-provider and returns its issuer and its process.
func provider(t *testing.T, d *desktop.Desktop, settings map[string]any) (string, *desktop.Process) {
	t.Helper()
	text, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	p := d.StartWith(d.Env(), string(text), node(t), here(t, "oidc-provider.mjs"))
	if !desktop.Eventually(time.Minute, func() bool { return strings.Contains(p.Stdout.String(), "\n") || !p.Running() }) || !p.Running() {
		t.Fatalf("oidc-provider did not start:\n%s", p.Stderr)
	}
	return strings.TrimSpace(p.Stdout.String()), p
}

// happened counts an event that the provider told.
func happened(p *desktop.Process, event string) int {
	return strings.Count(p.Stderr.String(), "event "+event+"\n")
}

// A certified provider serves the sign-in; its ID token is exchanged there for
// an ID-JAG (the one grant that we added to it, by its own extension point),
// and the built-in playground, told to trust it, does the rest. Its ID tokens
// last six seconds and it takes no refresh token as subject, so the second
// command has to use the refresh token grant.
func TestACertifiedProviderServesSignInRefreshAndSignOut(t *testing.T) {
	d := desktop.New(t, desktop.Options{Keyring: desktop.Unlocked})
	const secret = "at-least-thirty-two-characters-long"
	settings := map[string]any{"client_id": "waybill", "client_secret": secret, "redirect_uri": "http://127.0.0.1/callback", "id_token_seconds": 6}

	// The playground has to know the provider's issuer, and the provider the
	// client that the playground made.
	clients, first := program.In(t, d, program.Headless).Playground()
	settings["resource_client_id"] = clients.Clients.REST.ResourceID
	first.Interrupt()
	first.Wait(10 * time.Second)
	issuer, op := provider(t, d, settings)
	t.Cleanup(func() { t.Logf("oidc-provider said:\n%s", op.Stderr) })
	at, _ := program.In(t, d, program.Headless).Playground("--trust", issuer)
	if at.Clients.REST.ResourceID != clients.Clients.REST.ResourceID {
		t.Fatal("the playground did not keep its clients over a restart")
	}

	connection := at.Connection("certified")
	idp := connection.Part("idp")
	idp["issuer"], idp["client_id"], idp["prompt"] = issuer, "waybill", "consent" // OpenID Connect Core section 11
	delete(idp, "auth_method")                                                    // left to its metadata
	connection.Part("resource")["scopes"] = []string{"todos.read"}
	file := connection.File(t)
	waybill := program.In(t, d, program.App, "WAYBILL_HOME="+t.TempDir(), "IDP_SECRET="+secret, "RESOURCE_SECRET="+at.Clients.REST.ResourceSecret)

	signedIn := waybill.Browsing([]string{"login=ada@example.com", "password=anything"}, "sign-in", "--no-browser", "--connection-file", file, "--json")
	who := program.JSON[struct {
		Issuer, Subject string
		Renewable       bool
	}](t, signedIn)
	if who.Issuer != issuer || who.Subject != "ada@example.com" || !who.Renewable {
		t.Fatalf("signed in as %+v", who)
	}

	expired := time.Now().Add(6 * time.Second)
	desktop.Eventually(10*time.Second, func() bool { return time.Now().After(expired) })
	before := happened(op, "refresh_token")
	todos := program.JSON[program.Todos](t, waybill.Command("todos", "--json", "--connection-file", file))
	if todos.Count < 20 {
		t.Fatalf("%d to-dos", todos.Count)
	}
	if happened(op, "refresh_token") != before+1 {
		t.Fatalf("%d refresh token grants for one command", happened(op, "refresh_token")-before)
	}
	// The provider rotates: an old refresh token would end the session there.
	if again := waybill.Command("todos", "--connection-file", file); again.Code != 0 || happened(op, "grant.revoked") != 0 {
		t.Fatalf("the next command ended with %d:\n%s", again.Code, again.Stderr)
	}

	out := waybill.Browsing(nil, "sign-out", "--no-browser", "--connection-file", file)
	if out.Code != 0 || !strings.Contains(out.Stderr, "Signed out") {
		t.Fatalf("sign-out ended with %d:\n%s%s", out.Code, out.Stdout, out.Stderr)
	}
	if happened(op, "end_session.success") != 1 {
		t.Error("the session at the provider was not ended")
	}
	if r := waybill.Command("todos", "--connection-file", file); r.Code != 3 {
		t.Fatalf("after sign-out the status is %d:\n%s", r.Code, r.Stderr)
	}
}
