package peers

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"waybill/e2e/desktop"
	"waybill/e2e/program"
)

// Issue 5, 2: what trace writes as an HTTP Archive is accepted by a validator
// that we did not write: a run that went well, over REST and over MCP, one that
// was refused, and one where nobody answered. A file that is none is not.
func TestAForeignValidatorAcceptsTheHTTPArchives(t *testing.T) {
	d := desktop.New(t, desktop.Options{Keyring: desktop.Unlocked})
	at, playground := program.In(t, d, program.Headless, "WAYBILL_HOME="+t.TempDir()).Playground()
	connection := at.Connection("office")
	good := connection.File(t)
	connection.Part("resource")["client_secret"] = "${WRONG_SECRET}"
	bad := connection.File(t)
	waybill := program.In(t, d, program.Headless, append(at.Secrets(), "WAYBILL_HOME="+t.TempDir(), "WRONG_SECRET=not-the-right-one")...)
	grace := []string{"email=grace@example.com", "code=123456"}
	dir := t.TempDir()
	var files []string
	trace := func(name string, args ...string) {
		t.Helper()
		file := filepath.Join(dir, name+".har")
		r := waybill.Browsing(grace, append([]string{"trace", "--sign-in", "--no-browser", "--har", file}, args...)...)
		if _, err := os.Stat(file); err != nil {
			t.Fatalf("%s: trace ended with %d and wrote nothing:\n%s%s", name, r.Code, r.Stdout, r.Stderr)
		}
		files = append(files, file)
	}
	trace("rest", "--connection", "playground")
	trace("mcp", "--connection", "playground-mcp")
	trace("good", "--connection-file", good)
	trace("refused", "--connection-file", bad)
	playground.Interrupt()
	playground.Wait(10 * time.Second)
	if r := waybill.Command("trace", "--connection-file", good, "--har", filepath.Join(dir, "gone.har")); r.Code == 0 {
		t.Fatalf("nobody is there:\n%s", r.Stdout)
	}
	if _, err := os.Stat(filepath.Join(dir, "gone.har")); err == nil {
		files = append(files, filepath.Join(dir, "gone.har"))
	}

	said := d.Start(d.Env(), node(t), append([]string{here(t, "har-validator.mjs")}, files...)...).Wait(time.Minute)
	if said.Code != 0 {
		t.Fatalf("the validator refuses:\n%s%s", said.Stdout, said.Stderr)
	}
	if all := regexp.MustCompile(`(?m)^[1-9]\d* entries$`).FindAllString(said.Stdout, -1); len(all) != len(files) {
		t.Fatalf("%d of %d files hold something:\n%s", len(all), len(files), said.Stdout)
	}
	t.Logf("accepted: %s", strings.ReplaceAll(strings.TrimSpace(said.Stdout), "\n", ", "))

	none := filepath.Join(dir, "none.har")
	if err := os.WriteFile(none, []byte(`{"log":{"version":"1.2","entries":[{}]}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if said := d.Start(d.Env(), node(t), here(t, "har-validator.mjs"), none).Wait(time.Minute); said.Code == 0 {
		t.Fatal("the validator accepts what is no HTTP Archive")
	}
}
