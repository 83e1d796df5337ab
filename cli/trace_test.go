package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"waybill/cli"
	"waybill/playground"
)

// traceFile is what trace prints with --json, as far as these tests read it.
type traceFile struct {
	Format   string
	Version  int
	Redacted bool
	Runs     []struct {
		Steps []struct {
			Step, State, Why, Outcome string
			Exchanges                 []any
			Checks                    []struct{ Section string }
			Token                     *struct{ Header, Claims map[string]any }
			Error                     *struct{ Code string }
			Causes                    []struct{ Code string }
		}
	}
}

func TestTraceShowsAllStepsAndWhatWasNotNeeded(t *testing.T) {
	s := newServer(t)
	c := s.computer("alice@example.com")
	c.runs("sign-in")
	out, _ := c.runs("trace")
	for _, says := range []string{"1  sign-in ", "not needed", "The refresh token of the sign-in at ", " stands in for a new one.",
		"2  token exchange (RFC 8693)", "ID-JAG issued for the refresh token", "3  JWT bearer grant (RFC 7523)", "access token issued", "4  call to the resource", "24 to-dos", "client_id", "passed"} {
		if !strings.Contains(out, says) {
			t.Errorf("%q is not in\n%s", says, out)
		}
	}
	if strings.Contains(out, "grant_type=") {
		t.Errorf("requests are printed without --verbose:\n%s", out)
	}
	file := answer[traceFile](c, "trace")
	if file.Format != "waybill-trace" || file.Version != 1 || !file.Redacted || len(file.Runs) != 1 || len(file.Runs[0].Steps) != 4 {
		t.Fatalf("%+v", file)
	}
	if steps := file.Runs[0].Steps; steps[0].Why == "" || steps[1].Token.Header["typ"] != "oauth-id-jag+jwt" || len(steps[1].Checks) < 5 || len(steps[2].Exchanges) != 1 || steps[3].Outcome != "24 to-dos" {
		t.Errorf("%+v", steps)
	}
	if out, _ := c.runs("trace", "--step", "3"); !strings.HasPrefix(out, "3  JWT bearer grant") || strings.Contains(out, "2  token exchange") {
		t.Error(out)
	}
	for says, args := range map[string][]string{"1 to 4": {"trace", "--step", "5"}, "leave out": {"trace", "--json", "--verbose"}} {
		if status, _, stderr := c.run(nil, args...); status != cli.ExitUsage || !strings.Contains(stderr, says) {
			t.Errorf("%d %s", status, stderr)
		}
	}
}

func TestTraceWritesAnHTTPArchive(t *testing.T) {
	c := newServer(t).computer("alice@example.com")
	path := filepath.Join(t.TempDir(), "run.har")
	c.runs("trace", "--sign-in", "--har", path)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var har struct {
		Log struct {
			Version string
			Entries []any
		}
	}
	if err := json.Unmarshal(data, &har); err != nil || har.Log.Version != "1.2" || len(har.Log.Entries) < 6 {
		t.Errorf("%v %d entries", err, len(har.Log.Entries))
	}
	c.fails(cli.ExitFailed, "--force", "trace", "--har", path)
	c.runs("trace", "--har", path, "--force")
}

// A run that fails is printed as far as it went, with what may be the cause.
func TestTraceOfAFailureSaysWhereAndWhy(t *testing.T) {
	s := newServer(t)
	c := s.computer("alice@example.com")
	c.runs("sign-in")
	s.p.SetPolicy(playground.Policy{DenyUsers: []string{"alice@example.com"}})
	status, out, stderr := c.run(nil, "trace")
	for _, says := range []string{"2  token exchange (RFC 8693)", "failed", "Cause 1: ", "4  call to the resource", "not run", "It was not reached, since the token exchange failed."} {
		if status != cli.ExitFailed || !strings.Contains(out, says) || stderr == "" {
			t.Errorf("%d: %q is not in %s%s", status, says, out, stderr)
		}
	}
	status, out, _ = c.run(nil, "trace", "--json")
	var file traceFile
	if err := json.Unmarshal([]byte(out), &file); err != nil || status != cli.ExitFailed {
		t.Fatalf("%d %v %s", status, err, out)
	}
	if s := file.Runs[0].Steps[1]; s.State != "failed" || s.Error == nil || s.Error.Code != "access_denied" || len(s.Causes) == 0 {
		t.Errorf("%+v", s)
	}
}

// looksSecret is a JWT, or a run that is as long and mixed as a token.
var looksSecret = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{20,}|[A-Za-z0-9_-]*[a-z][A-Za-z0-9_-]*[A-Z][A-Za-z0-9_-]*[0-9][A-Za-z0-9_-]{24,}`)

// S91: requests and answers are printed as they were, but for what is secret.
func TestS91_TraceVerboseIsRedacted(t *testing.T) {
	s := newServer(t)
	c := s.computer("alice@example.com")
	out, stderr := c.runs("trace", "--verbose", "--sign-in")
	client := s.p.Endpoints().Clients.REST
	for _, secret := range []string{client.ClientSecret.Reveal(), client.ResourceClientSecret.Reveal()} {
		if strings.Contains(out+stderr, secret) {
			t.Errorf("a client secret is shown: %.4s…", secret)
		}
	}
	for line := range strings.Lines(out) {
		public := strings.Contains(line, `"n": "`) || strings.Contains(line, `"kid": "`) || strings.Contains(line, "jti ") || strings.Contains(line, "nonce ") || strings.Contains(line, "kid ") || strings.Contains(line, "_hash ") || strings.Contains(line, "ETag")
		if found := looksSecret.FindString(line); found != "" && !public {
			t.Errorf("this looks like a token: %s", line)
		}
	}
	for _, says := range []string{"> POST ", "grant_type=urn:ietf:params:oauth:grant-type:token-exchange", "subject_token=«subject_token»", "assertion=«assertion»", "Authorization: Bearer «access_token»",
		":«client_secret»", "code_verifier=«code_verifier»", `"access_token": "«access_token»"`, "< HTTP/1.1 200 OK (total ", " bytes, connection reused, 127.0.0.1:", "/.well-known/openid-configuration", "opaque: only its issuer can read it", "fingerprint "} {
		if !strings.Contains(out, says) {
			t.Errorf("%q is not in\n%s", says, out)
		}
	}
}
