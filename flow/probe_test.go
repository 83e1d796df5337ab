package flow_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
	"waybill/flow"
)

func card(t *testing.T) *flow.Scorecard {
	t.Helper()
	began := time.Date(2026, 5, 4, 10, 42, 0, 123456789, time.FixedZone("", 7200))
	plan := &auth.Plan{
		Connection: connection.Connection{Name: "acme", IdP: connection.IdP{ClientID: "client_1"}, Resource: connection.Resource{ClientID: "client_1-at-todo0"}},
		Provider:   &auth.Provider{Issuer: "https://idp.example", TokenEndpoint: "https://idp.example/token"},
		Server:     &auth.Server{Issuer: "https://as.example", TokenEndpoint: "https://as.example/token"},
		Audience:   "https://as.example", Resource: "https://api.example",
	}
	probes, err := flow.ChooseProbes(plan.Connection, []string{"replay", "signature", "aud", "expired", "exp"})
	if err != nil {
		t.Fatal(err)
	}
	c := flow.NewScorecard(plan, probes, began)
	c.Took = 3 * time.Second
	for i, out := range []auth.ProbeOutcome{
		{Verdict: auth.ProbeAccepted, Says: "It was taken.", Status: 200, IDJAG: "jti-7"},
		{Verdict: auth.ProbeRefused, Says: "It was refused (invalid_grant).", Status: 400, Code: "invalid_grant", Server: "no | <img src=x> `x` *bold* [l](u)", IDJAG: "jti-8"},
		{Says: "The server did not decide: it answered status 503.", Status: 503},
		{Says: "It would have to wait.", Skipped: true},
	} {
		r := &c.Results[i]
		r.State, r.Began, r.Took, r.Outcome = flow.Done, began.Add(time.Second), 40*time.Millisecond, out
	}
	return c
}

func TestAScorecardIsExportedAsDocumented(t *testing.T) {
	raw, err := json.MarshalIndent(card(t), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"waybill_scorecard": 1.0, "connection": "acme", "began": "2026-05-04T08:42:00.123Z", "took_ms": 3000.0,
		"refused": 1.0, "accepted": 1.0, "could_not_tell": 3.0,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	probes := got["probes"].([]any)
	var ids, verdicts []string
	for _, p := range probes {
		one := p.(map[string]any)
		ids, verdicts = append(ids, one["id"].(string)), append(verdicts, one["verdict"].(string))
	}
	if want := "signature aud exp replay expired"; strings.Join(ids, " ") != want {
		t.Errorf("the order is %v", ids)
	}
	if want := "accepted,refused,could not tell,could not tell,could not tell"; strings.Join(verdicts, ",") != want {
		t.Errorf("the verdicts are %v", verdicts)
	}
	first, last := probes[0].(map[string]any), probes[4].(map[string]any)
	if first["id_jag_jti"] != "jti-7" || first["http_status"] != 200.0 || first["skipped"] != nil || first["took_ms"] != 40.0 {
		t.Errorf("%v", first)
	}
	if last["skipped"] != true || last["says"] != "It was not run." || last["began"] != nil {
		t.Errorf("%v", last)
	}
}

// A server's words are text and nothing else in the Markdown.
func TestAScorecardReadsWell(t *testing.T) {
	text := card(t).Markdown()
	for _, want := range []string{
		"1 refused, **1 accepted**, 3 could not tell. Run 2026-05-04 08:42:00 UTC by Waybill.",
		"| authorization server | `https://as.example` | `https://as.example/token` | `client_1-at-todo0` |",
		"## Accepted: Signature changed\n", "- At: the authorization server\n", "- To be found in the log: ID-JAG `jti-7`, sent 08:42:01 UTC\n",
		"| Signature changed (`signature`) | **accepted** | It was taken. | 200 | `jti-7` |",
		`| 400 invalid\_grant: “no \| &lt;img src=x> \` + "`x\\` " + `\*bold\* \[l](u)” | ` + "`jti-8` |",
		"| could not tell | It was not run. |  |  |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the Markdown lacks %q", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

func TestProbesAreChosenByTheirIDs(t *testing.T) {
	bearer, bound := flow.ProbesFor(connection.Connection{}), flow.ProbesFor(connection.Connection{DPoP: true})
	if len(bound) != len(auth.Probes()) || len(bound)-len(bearer) != 2 {
		t.Errorf("%d and %d probes of %d", len(bearer), len(bound), len(auth.Probes()))
	}
	if _, err := flow.ChooseProbes(connection.Connection{}, []string{"signature", "no such\u202e"}); !fault.Is(err, fault.Config) || strings.Contains(err.Error(), "\u202e") {
		t.Error(err)
	}
}
