package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// aToken is a signed JWT.
var aToken = regexp.MustCompile(`eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+`)

// S91, S105: what is done with a connection shows its secrets to nobody: not on
// the screen, not in a file but sealed, not in the arguments or the environment
// of a program that is started.
func TestS91_TheSecretsOfAConnectionAreNowhereButSealed(t *testing.T) {
	c := newComputer(t)
	e := c.playground("--todos", "3")
	client := e.Clients.REST
	secrets := []string{client.ClientSecret.Reveal(), client.ResourceClientSecret.Reveal()}
	c.write("bin/xdg-open", strings.Replace(c.read("bin/xdg-open"), "#!/bin/sh\n",
		"#!/bin/sh\nenv >>'"+c.path("opened")+"'; tr '\\0' '\\n' </proc/$$/environ >>'"+c.path("opened")+"'; echo \"$@\" >>'"+c.path("opened")+"'\n", 1))
	file := func(name, idp, resource string) string {
		return fmt.Sprintf(`{"name": %q, "idp": {"issuer": %q, "client_id": %q, "client_secret": %q},
  "resource": {"kind": "rest", "url": %q, "client_id": %q, "client_secret": %q, "scopes": ["todos.read", "todos.write"]}}`,
			name, e.IdP, client.ClientID, idp, e.API, client.ResourceClientID, resource)
	}
	c.write("mine.json", file("mine", "${IDP_SECRET}", "${RESOURCE_SECRET}"))
	c.write("admin/pair", secrets[1])
	if err := os.Chmod(c.path("admin/pair"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.write("etc/waybill/connections.d/acme.json", file("acme", "${ACME_SECRET}", "file:"+c.path("admin/pair")))
	c.env = append(c.env, "ACME_SECRET="+secrets[0], "XDG_CONFIG_DIRS="+c.path("etc"))

	var shown bytes.Buffer
	for _, args := range [][]string{
		{"connections", "add", "--yes", c.path("mine.json")}, {"connections", "list"}, {"connections", "list", "--json"},
		{"connections", "show", "mine"}, {"connections", "show", "acme"}, {"connections", "export", "mine"}, {"connections", "export", "acme"},
		{"connections", "key", "mine"}, {"connections", "key", "mine", "--at", "resource", "--alg", "RS256"}, {"connections", "discover", e.API, e.IdP, "--json"},
		{"sign-in", "--connection", "mine"}, {"todos", "--connection", "mine"}, {"connections", "approve", "mine"}, {"doctor", "--connection", "mine"}, {"doctor", "--connection", "mine", "--json"},
		{"trace", "--connection", "mine"}, {"sign-in", "--connection", "acme"}, {"todos", "--connection", "acme"}, {"doctor", "--connection", "acme"},
		{"trace", "--connection", "acme", "--verbose"}, {"trace", "--connection", "acme", "--json"},
		{"trace", "--connection", "acme", "--step", "3", "--verbose", "--har", c.path("home/acme.har")},
		{"connections", "add", c.path("mine.json")}, {"connections", "remove", "acme"}, {"connections", "add", "--yes", "--preset", "xaa-dev", "--set", "idp.client_secret=${IDP_SECRET}"},
	} {
		cmd := c.command(args...)
		if args[1] == "add" { // what nobody asks for stays in the environment, as the user put it there
			cmd.Env = append(cmd.Env, "IDP_SECRET="+secrets[0], "RESOURCE_SECRET="+secrets[1])
		}
		cmd.Stdout, cmd.Stderr = &shown, &shown
		_ = cmd.Run() // the last ones are refused, and say so
	}
	if har := c.read("home/acme.har"); !strings.Contains(har, "subject_token") || aToken.MatchString(har) {
		t.Errorf("the archive of the requests holds a token, or no request:\n%s", har)
	}
	if token := aToken.FindString(shown.String()); token != "" {
		t.Errorf("a token is shown: %.20s…", token)
	}
	for _, words := range []string{"«client_secret»", "«assertion»", "Bearer «access_token»", `"format": "waybill-trace"`, "The connection \"mine\" is added.", "Signed in as", "placed by your administrator", "add --yes"} {
		if !strings.Contains(shown.String(), words) {
			t.Errorf("%q was not said:\n%s", words, shown.String())
		}
	}
	opened := c.read("opened")
	if !strings.Contains(opened, "/authorize?") || !strings.Contains(opened, "WAYBILL_HOME=") {
		t.Errorf("the browser was not watched: %s", opened)
	}
	for _, secret := range append(secrets, `"d"`, "PRIVATE KEY") {
		if strings.Contains(shown.String(), secret) {
			t.Errorf("a secret is shown: %.3s…", secret)
		}
		if strings.Contains(opened, secret) {
			t.Errorf("the browser was told a secret: %.3s…", secret)
		}
		c.nowhere(secret)
	}
}

func (c *computer) read(name string) string {
	c.t.Helper()
	data, err := os.ReadFile(c.path(name))
	if err != nil {
		c.t.Fatal(err)
	}
	return string(data)
}

// nowhere looks for a text in every file that the program wrote.
func (c *computer) nowhere(text string) {
	c.t.Helper()
	files := 0
	err := filepath.WalkDir(c.path("home"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if files++; bytes.Contains(data, []byte(text)) {
			c.t.Errorf("%s holds %.3s…", d.Name(), text)
		}
		return err
	})
	if err != nil || files < 3 {
		c.t.Errorf("%d files were looked at: %v", files, err)
	}
}
