package session_test

import (
	"context"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
	"waybill/flow"
	"waybill/playground"
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

// busy answers the requests from the second on, which are probes, as a server that
// asks for a pause, and lets those after it pass.
func (w *far) busy(times int32, wait string) (asked *atomic.Int32) {
	asked = new(atomic.Int32)
	own := w.servers.Handler(playground.AuthorizationServer)
	w.befall(authHost, trouble{answer: func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/token" {
			own.ServeHTTP(rw, r)
			return
		}
		if n := asked.Add(1); n > 1 && n <= 1+times {
			rw.Header().Set("Retry-After", wait)
			rw.WriteHeader(http.StatusTooManyRequests)
			return
		}
		own.ServeHTTP(rw, r)
	}})
	return asked
}

// R7: a server that asks for a pause gets it, and the probe is sent once more.
func TestR7_AProbeWaitsAsLongAsTheServerAsks(t *testing.T) {
	inFar(t, nil, func(w *far) {
		asked := w.busy(1, "20")
		var waited time.Duration
		start := time.Now()
		card, err := w.m.Probe(w.t.Context(), flow.ProbeOrder{IDs: []string{"signature", "aud"}, Patience: time.Minute}, func(r flow.ProbeResult) {
			if !r.Until.IsZero() {
				waited = time.Until(r.Until)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if refused, _, _ := card.Count(); refused != 2 || asked.Load() != 4 || waited != 20*time.Second || time.Since(start) < 20*time.Second {
			t.Errorf("%d refused after %d requests and %v; it said that it waits %v", refused, asked.Load(), time.Since(start), waited)
		}
	})
}

// R7: where the pause is longer than was allowed, that server is asked nothing more,
// and the other one still is.
func TestR7_AProbeThatMayNotWaitLeavesTheServerAlone(t *testing.T) {
	inFar(t, nil, func(w *far) {
		asked := w.busy(1, "600")
		start := time.Now()
		card := w.probe(flow.ProbeOrder{IDs: []string{"signature", "aud", "exchange-wider-scope", "replay"}, Patience: time.Minute})
		if asked.Load() != 2 || time.Since(start) > 10*time.Second {
			t.Errorf("%d requests in %v", asked.Load(), time.Since(start))
		}
		for _, r := range card.Results {
			want := auth.ProbeUnknown
			if r.Probe.ID == "exchange-wider-scope" {
				want = auth.ProbeRefused
			}
			if r.Outcome.Verdict != want || r.Outcome.Skipped != (r.Probe.ID == "aud" || r.Probe.ID == "replay") {
				t.Errorf("%s: %+v", r.Probe.ID, r.Outcome)
			}
		}
	})
}

// Cancelling ends a wait at once, and what was found until then is there.
func TestProbesEndWhenTheyAreCancelled(t *testing.T) {
	inFar(t, nil, func(w *far) {
		ctx, cancel := context.WithCancel(w.t.Context())
		var states []flow.State
		start := time.Now()
		card, err := w.m.Probe(ctx, flow.ProbeOrder{IDs: []string{"exp", "expired"}, Patience: time.Hour}, func(r flow.ProbeResult) {
			states = append(states, r.State)
			if !r.Until.IsZero() {
				time.AfterFunc(time.Minute, cancel)
			}
		})
		if !fault.Is(err, fault.Canceled) || time.Since(start) > 62*time.Second || card == nil {
			t.Fatalf("after %v: %v, %v", time.Since(start), card, err)
		}
		if refused, accepted, unknown := card.Count(); refused != 1 || accepted != 0 || unknown != 1 || card.Results[1].State != flow.NotRun || card.Took < time.Minute {
			t.Errorf("%+v", card.Results)
		}
		want := []flow.State{flow.Running, flow.Done, flow.Running, flow.Running, flow.NotRun}
		if !slices.Equal(states, want) {
			t.Errorf("it told of the states %v, want %v", states, want)
		}
	})
}

// Without a way that works a refusal says nothing: no probe is sent.
func TestNoProbeIsSentWhereNothingWorks(t *testing.T) {
	inFar(t, nil, func(w *far) {
		var asked atomic.Int32
		w.befall(authHost, trouble{answer: func(rw http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			rw.Header().Set("Content-Type", "application/json")
			rw.WriteHeader(http.StatusUnauthorized)
			_, _ = rw.Write([]byte(`{"error":"invalid_client"}`))
		}})
		card, err := w.m.Probe(w.t.Context(), flow.ProbeOrder{}, func(r flow.ProbeResult) { t.Errorf("%s was begun", r.Probe.ID) })
		if f := fault.As(err); card != nil || f == nil || f.Code != "invalid_client" || asked.Load() != 1 {
			t.Errorf("%v, %v after %d requests", card, err, asked.Load())
		}
		if _, err := w.m.Probe(w.t.Context(), flow.ProbeOrder{IDs: []string{"nothing"}}, nil); fault.As(err).Code != "no_such_probe" {
			t.Error(err)
		}
	})
}

// Each probe is a Run of its own, which holds no secret once it is over, and they
// push out nothing else.
func TestEachProbeIsRecordedWithoutItsSecrets(t *testing.T) {
	inFar(t, nil, func(w *far) {
		w.probe(flow.ProbeOrder{})
		w.probe(flow.ProbeOrder{IDs: []string{"exchange-wider-scope", "replay"}})
		signIns, probes, secrets := 0, 0, 0
		runs := w.m.Runs()
		for _, r := range runs {
			if r.Reason == flow.ReasonSignIn {
				signIns++
			}
			if r.Reason != flow.ReasonProbe {
				continue
			}
			probes++
			for _, s := range r.Steps {
				if s.State == flow.Running || s.Token != nil && !s.Token.Value.Empty() {
					t.Errorf("run %d: the step %s is %d and keeps a token: %t", r.ID, s.Name, s.State, s.Token != nil)
				}
				for _, x := range s.Exchanges {
					for _, h := range x.Secrets {
						secrets++
						if !h.Value.Empty() {
							t.Errorf("run %d keeps the %s", r.ID, h.Name)
						}
					}
				}
			}
		}
		if signIns != 1 || probes != 23 || secrets < 50 { // with the two requests that nothing is wrong with
			t.Errorf("%d sign-ins and %d probes are kept, with %d secrets named", signIns, probes, secrets)
		}
		last := runs[0].Step(fault.StepJWTBearer)
		if last.State != flow.Failed || len(last.Exchanges) != 2 || last.Fault.Code != "invalid_grant" || len(last.Notes) != 1 || last.Notes[0] != "Probe: Redeemed twice, refused. It was refused (invalid_grant)." {
			t.Errorf("%+v", last)
		}
		wide := runs[1]
		if s := wide.Step(fault.StepExchange); s.State != flow.Failed || s.Fault.Code != "invalid_scope" || wide.Step(fault.StepJWTBearer).State != flow.NotRun || wide.RoundTrips != 1 {
			t.Errorf("%+v", wide.Steps)
		}
	})
}
