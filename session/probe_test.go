package session_test

import (
	"testing"
	"time"

	"waybill/auth"
	"waybill/connection"
	"waybill/flow"
	"waybill/session"
)

// probe runs probes at the open account, and returns what came of them.
func (w *far) probe(order flow.ProbeOrder) *flow.Scorecard {
	w.t.Helper()
	card, err := w.m.Probe(w.t.Context(), order, func(flow.ProbeResult) {})
	if err != nil {
		w.t.Fatalf("the probes were not sent: %v", err)
	}
	return card
}

// signInBound signs in at a connection that asks for DPoP.
func (w *far) signInBound() {
	w.t.Helper()
	e := w.servers.Endpoints()
	c := configured(e, e.Clients.REST, "bound", connection.REST, e.API, "todos.read", "todos.write")
	c.Connection.RedirectURI, c.Connection.DPoP = "http://127.0.0.1:8766/callback", true
	if err := w.m.Use(c.Connection, c.Credentials); err != nil {
		w.t.Fatal(err)
	}
	s, err := w.m.BeginSignIn(w.t.Context(), "bound", session.SignInRequest{})
	if err == nil {
		err = s.Wait(w.t.Context())
	}
	if err != nil {
		w.t.Fatalf("sign-in: %v", err)
	}
}

// The playground refuses what the specifications forbid. Each hole that is planted
// into it (scripts/planted) has to turn exactly the probe that looks for it.
func TestThePlaygroundRefusesEachProbe(t *testing.T) {
	inFar(t, nil, func(w *far) {
		results := w.probe(flow.ProbeOrder{Patience: 10 * time.Minute}).Results
		w.signInBound()
		results = append(results, w.probe(flow.ProbeOrder{IDs: []string{"no-proof", "other-key"}}).Results...)
		var accepted, unknown []string
		for _, r := range results {
			switch {
			case r.Hole():
				accepted = append(accepted, r.Probe.ID)
			case r.Outcome.Verdict != auth.ProbeRefused:
				unknown = append(unknown, r.Probe.ID)
			}
			t.Logf("%-24s %-14s %d %-16s %s", r.Probe.ID, r.Outcome.Verdict, r.Outcome.Status, r.Took, r.Outcome.Says)
		}
		if len(results) != len(auth.Probes()) {
			t.Errorf("%d probes ran, and there are %d", len(results), len(auth.Probes()))
		}
		if len(accepted)+len(unknown) > 0 {
			t.Errorf("accepted: %v, could not tell: %v", accepted, unknown)
		}
	})
}
