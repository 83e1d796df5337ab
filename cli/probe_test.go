package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"waybill/auth"
	"waybill/cli"
	"waybill/session"
)

type scorecard struct {
	Version             int `json:"waybill_scorecard"`
	Refused, Accepted   int
	Unknown             int `json:"could_not_tell"`
	Probes              []map[string]any
	IdentityProvider    struct{ Issuer string } `json:"identity_provider"`
	AuthorizationServer struct{ Issuer string } `json:"authorization_server"`
	Audience, Resource  string
	Scopes              []string
	Connection          string
	Took                int `json:"took_ms"`
}

// Nothing is sent before somebody said yes to what it causes.
func TestProbesAreNotSentUnasked(t *testing.T) {
	s := newServer(t)
	c := s.signedIn("alice@example.com")
	c.fails(cli.ExitUsage, "possibly an alert", "probe")
	c.fails(cli.ExitUsage, "There is no terminal to ask at", "probe", "signature")
	c.fails(cli.ExitUsage, `no probe "sigature"`, "probe", "--yes", "sigature")
	c.fails(cli.ExitUsage, "Choose one", "probe", "--yes", "--json", "--markdown")
}

func TestProbesAgainstThePlayground(t *testing.T) {
	s := newServer(t)
	c := s.signedIn("alice@example.com")
	out, _ := c.runs("probe", "--yes")
	if want := "18 refused, 0 accepted, 1 could not tell\n"; !strings.HasSuffix(out, want) {
		t.Errorf("got %s, want %s", out, want)
	}
	card := answer[scorecard](c, "probe", "--yes", "signature", "exchange-wider-scope", "replay")
	if card.Version != 1 || card.Refused != 3 || card.Accepted != 0 || len(card.Probes) != 3 || card.Probes[0]["id"] != "exchange-wider-scope" {
		t.Errorf("%+v", card)
	}
	if e := s.p.Endpoints(); card.IdentityProvider.Issuer != e.IdP || card.AuthorizationServer.Issuer != e.AuthorizationServer || card.Resource != e.API {
		t.Errorf("%+v", card)
	}
	for _, p := range card.Probes {
		if p["verdict"] != "refused" || p["says"] == "" || p["section"] == "" {
			t.Errorf("%v", p)
		}
	}
	out, _ = c.runs("probe", "--yes", "--markdown", "signature", "expired")
	for _, want := range []string{"1 refused, **0 accepted**, 1 could not tell", "| Signature changed (`signature`) | refused |", "longer than was allowed to wait", "invalid\\_grant"} {
		if !strings.Contains(out, want) {
			t.Errorf("the Markdown lacks %q:\n%s", want, out)
		}
	}
}

// A hole is exit status 1, also for a program that reads the scorecard.
func TestAnAcceptedProbeIsAFailure(t *testing.T) {
	s := newServer(t)
	c := s.signedIn("alice@example.com")
	careless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "canary-token", "token_type": "Bearer", "scope": r.FormValue("scope")})
	}))
	defer careless.Close()
	run := func(args ...string) (status int, stdout, stderr string) {
		var out, errs bytes.Buffer
		status = cli.Run(t.Context(), cli.Env{
			Args: append([]string{"probe", "--sign-in", "--yes"}, args...), Stdout: &out, Stderr: &errs, LookupEnv: func(string) (string, bool) { return "", false },
			Open: func(ctx context.Context, _ cli.OpenOptions) (*session.Manager, error) {
				return session.Open(ctx, session.Options{Dir: c.home, Transport: c.transport, Keyring: c.ring, OpenURL: c.openURL, Offline: true,
					Builtin: func(ctx context.Context) ([]session.Configured, error) {
						all, err := c.builtin(ctx)
						all[0].Connection.Resource.TokenEndpoint = careless.URL
						return all, err
					}})
			},
		})
		return status, out.String(), errs.String()
	}
	status, out, errs := run("signature", "exchange-wider-scope")
	if status != cli.ExitFailed || !strings.Contains(out, "\naccepted        signature ") || !strings.Contains(out, "1 refused, 1 accepted") || !strings.Contains(errs, "1 of 2 probes were accepted") {
		t.Errorf("status %d\n%s%s", status, out, errs)
	}
	status, out, _ = run("--json", "signature")
	var card scorecard
	if err := json.Unmarshal([]byte(out), &card); err != nil || status != cli.ExitFailed || card.Accepted != 1 || strings.Contains(out, "canary") {
		t.Errorf("status %d, %v\n%s", status, err, out)
	}
}

func TestProbesAreListedWithWhatTheyCause(t *testing.T) {
	c := newServer(t).computer("alice@example.com")
	listed := answer[[]map[string]any](c, "probe", "list")
	out, _ := c.runs("probe", "list")
	text, err := os.ReadFile("../docs/FLOW.md")
	if err != nil {
		t.Fatal(err)
	}
	if len(listed) != len(auth.Probes()) {
		t.Errorf("%d of %d probes are listed", len(listed), len(auth.Probes()))
	}
	for _, p := range listed {
		id, _ := p["id"].(string)
		for name, value := range p {
			if value == "" {
				t.Errorf("%s: %s is empty", id, name)
			}
		}
		if !strings.Contains(out, id+": ") || !strings.Contains(string(text), "| `"+id+"` |") {
			t.Errorf("%s is not told of", id)
		}
	}
	raw, _ := json.Marshal(listed)
	if strings.Contains(string(raw), "null") {
		t.Errorf("%s", raw)
	}
}
