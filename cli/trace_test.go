package cli_test

import (
	"regexp"
	"strings"
	"testing"

	"waybill/cli"
)

// step is a step of trace's output as JSON.
type step struct {
	Step   string         `json:"step"`
	At     string         `json:"at"`
	TookMS float64        `json:"took_ms"`
	Result string         `json:"result"`
	Why    string         `json:"why"`
	Claims map[string]any `json:"id_jag_claims"`
	Checks []struct {
		Name    string `json:"check"`
		Verdict string `json:"verdict"`
		Section string `json:"section"`
	} `json:"checks"`
	Scopes *struct {
		Asked, Granted []string
	} `json:"scopes"`
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
	steps := answer[[]step](c, "trace")
	if len(steps) != 4 || steps[0].Why == "" || steps[1].Claims["(header) typ"] != "oauth-id-jag+jwt" || len(steps[1].Checks) < 5 || steps[1].Checks[0].Section == "" ||
		steps[2].Scopes == nil || len(steps[2].Scopes.Asked) == 0 || !strings.HasSuffix(steps[2].At, "/token") || steps[2].TookMS <= 0 {
		t.Errorf("%+v", steps)
	}
	if only := answer[[]step](c, "trace", "--step", "3"); len(only) != 1 || only[0].Step != "JWT bearer grant (RFC 7523)" {
		t.Errorf("%+v", only)
	}
	if status, _, stderr := c.run(nil, "trace", "--step", "5"); status != cli.ExitUsage || !strings.Contains(stderr, "1 to 4") {
		t.Errorf("%d %s", status, stderr)
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
