package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"waybill/cli"
)

// file exports a preset that was added, with references to its secrets, and
// removes it.
func (d *desk) file(name string) string {
	d.t.Helper()
	d.add("xaa-dev")
	own := d.must("connections", "export", "xaa-dev").out
	d.must("connections", "remove", "xaa-dev")
	return d.write(name, withSecrets(own))
}

func withSecrets(exported string) string {
	return strings.Replace(strings.Replace(exported, `"issuer"`, `"client_secret": "${IDP_SECRET}", "issuer"`, 1),
		`"kind"`, `"client_secret": "${RESOURCE_SECRET}", "kind"`, 1)
}

// S106: at a terminal a file's connection is used only after it was accepted, and
// that is asked once for each content.
func TestS106_AFileThatIsNamedIsShownAndAcceptedBeforeItIsUsed(t *testing.T) {
	d := newDesk(t)
	path := d.file("mine.json")
	shows := []string{`The connection "xaa-dev" will contact:`, "  auth.resource.xaa.dev\n", "which is the environment variable IDP_SECRET"}

	before := len(d.dev.Seen())
	d.answers = []string{"n"}
	r := d.run("sign-in", "--connection-file", path)
	if r.contains(t, shows...); r.status != cli.ExitFailed || len(d.dev.Seen()) != before {
		t.Errorf("declined: status %d, and %d requests were sent", r.status, len(d.dev.Seen())-before)
	}
	d.answers = []string{"y"}
	d.must("sign-in", "--connection-file", path).contains(t, shows...)
	d.answers = []string{}
	r = d.must("todos", "--connection-file", path)
	if r.contains(t, "Buy groceries"); strings.Contains(r.err, "will contact") {
		t.Errorf("it is shown again: %s", r.err)
	}

	// Other variables, or another server, are another content.
	for old, new := range map[string]string{"${RESOURCE_SECRET}": "${IDP_SECRET}", "https://auth.resource.xaa.dev": "https://auth.evil.example"} {
		asked := len(d.asked)
		d.answers = []string{"n"}
		r := d.run("todos", "--connection-file", d.write("evil.json", strings.Replace(d.read("mine.json"), old, new, 1)))
		if r.status != cli.ExitFailed || len(d.asked) != asked+1 {
			t.Errorf("%s: status %d, %d questions", new, r.status, len(d.asked)-asked)
		}
	}
}

// S106: where nobody can be asked, naming the file accepts it, and what it contacts
// is shown each time; --accept accepts it for good.
func TestS106_AScriptIsShownWhatItsFileContacts(t *testing.T) {
	d := newDesk(t)
	path := d.file("mine.json")
	d.must("sign-in", "--connection-file", path).contains(t, "will contact:", "  idp.xaa.dev\n")
	r := d.must("todos", "--json", "--connection-file", path)
	var line struct {
		Connection string
		Contacts   []struct{ Host string }
	}
	if err := json.Unmarshal([]byte(r.err), &line); err != nil || line.Connection != "xaa-dev" || len(line.Contacts) != 3 {
		t.Errorf("for a program: %v %+v\n%s", err, line, r.err)
	}
	d.must("todos", "--connection-file", path, "--accept").contains(t, "will contact:")
	if r := d.must("todos", "--connection-file", path); strings.Contains(r.err, "will contact") {
		t.Errorf("after --accept: %s", r.err)
	}
}

// S106: a file takes the place of a connection that is kept, and of its name, only
// after the difference was shown and accepted.
func TestS106_AFileDoesNotTakeAConnectionsPlaceUnseen(t *testing.T) {
	d := newDesk(t)
	d.add("xaa-dev")
	own := d.must("connections", "export", "xaa-dev").out
	evil := d.write("evil.json", strings.Replace(withSecrets(own), "https://api.resource.xaa.dev", "https://api.evil.example", 1))
	r := d.run("todos", "--connection-file", evil)
	r.contains(t, `resource.url was "https://api.resource.xaa.dev" and becomes "https://api.evil.example"`, "add --accept if it is right")
	if r.status != cli.ExitUsage {
		t.Errorf("status %d", r.status)
	}
	// The very same connection takes nobody's place.
	d.must("sign-in", "--connection-file", d.write("same.json", withSecrets(own)))
}
