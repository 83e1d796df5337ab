package peers

import (
	"encoding/json"
	"regexp"
	"testing"
	"time"

	"waybill/e2e/desktop"
	"waybill/e2e/program"
)

// suite runs one scenario of the conformance suite with a client, in a version of
// the protocol, or "" for what belongs to none, and returns what the suite said.
// Each of its checks must have passed, but for those that it skipped because its
// server offers nothing that they are about. It counts what it saw: a run that
// ended early has fewer checks.
func suite(t *testing.T, d *desktop.Desktop, client, scenario, version string, env ...string) string {
	t.Helper()
	args := []string{here(t, "node_modules/@modelcontextprotocol/conformance/dist/index.js"), "client",
		"--command", node(t) + " " + here(t, client), "--scenario", scenario, "--output-dir", t.TempDir()}
	if version != "" {
		args = append(args, "--spec-version", version)
	}
	run := d.Start(d.Env(env...), node(t), args...).Wait(2 * time.Minute)
	said := regexp.MustCompile(`\x1b\[[0-9;]*m`).ReplaceAllString(run.Stdout+run.Stderr, "")
	passed := regexp.MustCompile(`Passed: (\d+)/(\d+), (\d+) failed, (\d+) warnings`).FindStringSubmatch(said)
	if run.Code != 0 || passed == nil || passed[1] != passed[2] || passed[1] == "0" || passed[3] != "0" || passed[4] != "0" {
		t.Fatalf("status %d\n%s", run.Code, said)
	}
	t.Log(passed[0])
	return said
}

func TestTheMCPConformanceScenarioPassesAllItsChecks(t *testing.T) {
	d := desktop.New(t, desktop.Options{})
	said := suite(t, d, "conformance-client.mjs", "auth/enterprise-managed-authorization", "", program.App+"="+program.Path(t, program.App))
	for _, check := range []string{"complete-flow-token-exchange", "complete-flow-jwt-bearer"} {
		if !regexp.MustCompile(`\[` + check + `\s*\] SUCCESS`).MatchString(said) {
			t.Errorf("the check %s did not succeed:\n%s", check, said)
		}
	}
}

// Issue 6, 1: the scenarios that apply to a client which gets its tokens by Cross
// App Access and offers servers nothing. docs/EXPLORER.md says why the others are
// left out.
func TestTheMCPConformanceScenariosThatApplyPass(t *testing.T) {
	d := desktop.New(t, desktop.Options{Keyring: desktop.Unlocked})
	at, _ := program.In(t, d, program.Headless, "WAYBILL_HOME="+t.TempDir()).Playground()
	connection, err := json.Marshal(at.MCPConnection("conformance", at.MCP))
	if err != nil {
		t.Fatal(err)
	}
	env := append(at.MCPSecrets(), "CONFORMANCE_CONNECTION="+string(connection),
		program.Headless+"="+program.Path(t, program.Headless), program.Browse+"="+program.Path(t, program.Browse))
	for _, c := range []struct{ scenario, version string }{
		{"initialize", "2025-06-18"}, {"initialize", "2025-11-25"},
		{"tools_call", "2025-06-18"}, {"tools_call", "2025-11-25"}, {"tools_call", "2026-07-28"},
		{"sse-retry", "2025-11-25"},
		{"request-metadata", "2026-07-28"},
		{"http-standard-headers", "2026-07-28"}, {"http-custom-headers", "2026-07-28"}, {"http-invalid-tool-headers", "2026-07-28"},
		{"json-schema-ref-no-deref", "2026-07-28"},
		{"json-schema-2020-12-preservation", "2025-11-25"}, {"json-schema-2020-12-preservation", "2026-07-28"},
	} {
		t.Run(c.scenario+" "+c.version, func(t *testing.T) { suite(t, d, "conformance-explorer.mjs", c.scenario, c.version, env...) })
	}
}
