package session_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
	"waybill/flow"
	"waybill/playground"
	"waybill/session"
)

// settled waits until nothing is under way, and returns the newest run.
func settled(t *testing.T, m *session.Manager, is func(*flow.Run) bool) *flow.Run {
	t.Helper()
	found := make(chan *flow.Run, 1)
	stop := m.WatchRuns(func(runs []*flow.Run) {
		if len(runs) > 0 && !runs[0].Running && is(runs[0]) {
			select {
			case found <- runs[0]:
			default:
			}
		}
	})
	defer stop()
	select {
	case r := <-found:
		return r
	case <-time.After(20 * time.Second):
		t.Fatalf("it did not come to that: %s", sketch(m.Runs()))
		return nil
	}
}

func called(r *flow.Run) bool { return r.Step(fault.StepCall).State == flow.Done }

// sketch is what runs are, for a failed test.
func sketch(runs []*flow.Run) string {
	var b strings.Builder
	for _, r := range runs {
		fmt.Fprintf(&b, "\n%d reason %d running %v trips %d discovery %d", r.ID, r.Reason, r.Running, r.RoundTrips, len(r.Discovery))
		for _, s := range r.Steps {
			fmt.Fprintf(&b, "\n   %s: state %d, %d exchanges, %q, %q, %v %v", s.Name, s.State, len(s.Exchanges), s.Outcome, s.Why, s.Notes, s.Fault)
		}
	}
	return b.String()
}

func states(r *flow.Run) string {
	var all []string
	for _, s := range r.Steps {
		all = append(all, map[flow.State]string{flow.NotRun: "-", flow.Running: "running", flow.Done: "done", flow.Failed: "failed", flow.Cached: "cached"}[s.State])
	}
	return strings.Join(all, " ")
}

// secretsOf are the values that the runs keep apart.
func secretsOf(runs []*flow.Run) map[string]string {
	out := map[string]string{}
	add := func(t *flow.Token) {
		if t != nil && !t.Value.Empty() {
			out[t.Value.Reveal()] = "a token"
		}
	}
	for _, r := range runs {
		all := r.Discovery
		for _, s := range r.Steps {
			all = append(all, s.Exchanges...)
			add(s.Token)
			for _, t := range s.Extra {
				add(t)
			}
		}
		for _, x := range all {
			for _, h := range x.Secrets {
				if !h.Value.Empty() {
					out[h.Value.Reveal()] = h.Name
				}
			}
		}
	}
	return out
}

// S91: no way to print a run shows a secret of it.
func keepsSecrets(t *testing.T, runs []*flow.Run) {
	t.Helper()
	secrets := secretsOf(runs)
	if len(secrets) == 0 {
		t.Error("there is no secret to look for")
	}
	for _, r := range runs {
		data, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		shown := fmt.Sprintf("%v %+v %#v %v %+v %#v %s", r, r, r, *r, *r, *r, data)
		for i := range r.Steps {
			s := &r.Steps[i]
			shown += fmt.Sprintf("%v %+v %#v %v %+v %#v %v", s.Exchanges, s.Exchanges, s.Exchanges, s.Token, s.Token, s.Extra, s.Scopes)
			if s.Token != nil {
				shown += fmt.Sprintf("%+v %#v", *s.Token, *s.Token)
			}
		}
		for value, name := range secrets {
			if strings.Contains(shown, value) {
				t.Errorf("run %d shows %s %.6q…", r.ID, name, value)
			}
		}
	}
}

func TestASignInAndTheSyncAfterItAreOneRun(t *testing.T) {
	for _, name := range []string{connection.PlaygroundName, connection.PlaygroundMCPName} {
		w := newWorld(t)
		m := w.open()
		w.signIn(m, name)
		r := settled(t, m, called)
		if states(r) != "done done done done" || r.Reason != flow.ReasonSignIn || r.Connection != name || len(m.Runs()) != 1 || r.Plan == nil || len(r.Discovery) < 3 {
			t.Fatalf("%s", sketch(m.Runs()))
		}
		e := w.playground.Endpoints()
		for i, want := range []struct {
			party, outcome string
			kind           flow.TokenKind
			claims         []string
		}{
			{e.IdP, "ID token, refresh token", flow.KindIDToken, []string{"iss", "sub", "aud", "nonce"}},
			{e.IdP, "ID-JAG issued for the refresh token", flow.KindIDJAG, []string{"aud", "client_id", "resource", "jti"}},
			{e.AuthorizationServer, "access token issued", flow.KindAccessToken, []string{"aud", "scope"}},
			{e.API, "24 to-dos", 0, nil},
		} {
			s := r.Steps[i]
			if name == connection.PlaygroundMCPName && i == 3 {
				want.party = e.MCP
			}
			if s.Party == "" || !strings.Contains(want.party, s.Party) || s.Outcome != want.outcome || s.Took <= 0 || len(s.Exchanges) == 0 || s.Why != "" {
				t.Errorf("%s: party %q, %q, %q, %v, %d exchanges", s.Name, s.Party, s.Outcome, s.Why, s.Took, len(s.Exchanges))
			}
			if want.kind == 0 {
				continue
			}
			if s.Token == nil || s.Token.Kind != want.kind || s.Token.Opaque || s.Token.Value.Empty() || s.Token.Print == "" || s.Token.Header["alg"] == nil {
				t.Fatalf("%s: %+v", s.Name, s.Token)
			}
			for _, claim := range want.claims {
				if s.Token.Claims[claim] == nil {
					t.Errorf("%s: the token has no %s", s.Name, claim)
				}
			}
		}
		if extra := r.Steps[0].Extra; len(extra) != 2 || !extra[0].Opaque || extra[0].Kind != flow.KindRefreshToken {
			t.Errorf("%+v", extra)
		}
		if s := r.Steps[2].Scopes; s == nil || len(s.Asked) < 2 || len(s.InIDJAG) < 2 || r.Steps[1].Scopes.InIDJAG == nil {
			t.Errorf("%+v %+v", s, r.Steps[1].Scopes)
		}
		keepsSecrets(t, m.Runs())
		w.close(m)
	}
}

// What was there is said and why, and a sync that goes on as ever takes the place
// of the one before it.
func TestRunsAreGroupedAndUneventfulOnesReplaceEachOther(t *testing.T) {
	inFar(t, nil, func(w *far) {
		runs := w.m.Runs()
		if len(runs) != 1 || states(runs[0]) != "done done done done" {
			t.Fatalf("after the sign-in: %s", sketch(runs))
		}
		// The app asks for news every minute, and the user does so too; a token
		// lasts 90 s.
		began := time.Now()
		seen := map[flow.Reason]int{}
		why := map[string]bool{}
		for time.Since(began) < 10*time.Minute {
			<-time.After(10 * time.Second)
			if err := w.m.Sync(w.t.Context()); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			runs = w.m.Runs()
			seen[runs[0].Reason]++
			for _, s := range runs[0].Steps {
				if s.State == flow.Cached {
					why[s.Why] = true
				}
			}
		}
		// A renewal that began early may be under way behind the last sync.
		for slices.ContainsFunc(runs, func(r *flow.Run) bool { return r.Running }) {
			<-time.After(time.Second)
			runs = w.m.Runs()
		}
		if seen[flow.ReasonMint] == 0 || seen[flow.ReasonCall] < 10 || len(runs) > 20 {
			t.Errorf("%v %s", seen, sketch(runs))
		}
		for i, r := range runs {
			if i > 0 && r.Reason == flow.ReasonCall && runs[i-1].Reason == flow.ReasonCall {
				t.Errorf("two uneventful runs are kept: %s", sketch(runs))
			}
			if i > 0 {
				if left := secretsOf([]*flow.Run{r}); len(left) != 0 {
					t.Errorf("run %d keeps %d secrets", r.ID, len(left))
				}
				if s := r.Steps[2]; s.Token == nil || s.Token.Claims == nil || s.Token.Print == "" {
					t.Errorf("run %d has lost what its token says", r.ID)
				}
			}
		}
		if len(secretsOf(runs[:1])) == 0 {
			t.Error("the newest run cannot be revealed")
		}
		keepsSecrets(t, runs)
		for says, want := range map[string]bool{"The access token from ": true, "You have been signed in since ": true, "A new ID-JAG is needed only ": true} {
			found := false
			for sentence := range why {
				found = found || strings.HasPrefix(sentence, says)
			}
			if found != want {
				t.Errorf("%q is not among %v", says, why)
			}
		}
	})
}

func TestRunAgainRunsFromTheStepOnThatIsAskedFor(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	w.signIn(m, connection.PlaygroundName)
	settled(t, m, called)
	first := m.Runs()[0].Steps[2].Token
	for _, c := range []struct {
		from   fault.Step
		states string
		note   string
	}{
		{fault.StepExchange, "cached done done done", ""},
		{fault.StepJWTBearer, "cached done done done", "An ID-JAG is redeemed once, so a new one was fetched first."},
		{fault.StepCall, "cached cached cached done", ""},
	} {
		if err := m.RunAgain(t.Context(), c.from); err != nil {
			t.Fatal(err)
		}
		r := m.Runs()[0]
		if states(r) != c.states || r.Reason != flow.ReasonAgain || r.Steps[3].Outcome != "24 to-dos" || strings.Join(r.Steps[2].Notes, "") != c.note || r.Running {
			t.Errorf("%s: %s", c.from, sketch(m.Runs()[:1]))
		}
		if c.from != fault.StepCall && r.Steps[2].Token.Print == first.Print {
			t.Errorf("%s: no new token", c.from)
		}
		if c.from == fault.StepCall && (!strings.HasPrefix(r.Steps[2].Why, "The access token from ") || !strings.HasSuffix(r.Steps[2].Why, "1 h 59 min.") && !strings.HasSuffix(r.Steps[2].Why, "2 h 0 min.") || len(r.Steps[3].Exchanges) != 1) {
			t.Errorf("%s", sketch(m.Runs()[:1]))
		}
		first = r.Steps[2].Token
		keepsSecrets(t, m.Runs())
	}
	if f := fault.As(m.RunAgain(t.Context(), fault.StepSignIn)); f == nil || f.Code != "not_alone" {
		t.Error(f)
	}
	w.sync(m)
	if r := m.Runs()[0]; r.Reason != flow.ReasonCall || states(r) != "cached cached cached done" || r.Steps[2].Token.Print != first.Print {
		t.Errorf("the sync does not use what was minted anew: %s", sketch(m.Runs()[:1]))
	}
}

func TestAFailureIsRecordedAtItsStep(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	w.signIn(m, connection.PlaygroundName)
	settled(t, m, called)
	w.playground.SetPolicy(playground.Policy{DenyUsers: []string{"alice@example.com"}})
	if err := m.RunAgain(t.Context(), fault.StepExchange); !fault.Is(err, fault.Denied) {
		t.Fatal(err)
	}
	r := m.Runs()[0]
	s := r.Step(fault.StepExchange)
	if states(r) != "cached failed - -" || s.Fault == nil || s.Fault.Code != "access_denied" || len(s.Exchanges) != 1 || s.Exchanges[0].Status < 400 ||
		r.Steps[2].Why != "It was not reached, since the token exchange failed." || r.Running {
		t.Errorf("%s", sketch(m.Runs()[:1]))
	}
	keepsSecrets(t, m.Runs())
}

// What fails again and again in the same way is kept once.
func TestASyncThatIsRetriedInVainIsOneRun(t *testing.T) {
	inFar(t, nil, func(w *far) {
		before := len(w.m.Runs())
		w.befall(authHost, trouble{dial: func(*far, context.Context) (net.Conn, error) { return nil, errors.New("no route") }})
		for range 5 {
			<-time.After(10 * time.Minute)
			_ = w.m.Sync(w.t.Context())
		}
		synctest.Wait()
		// One that wanted to renew the token early and failed, a call with the
		// token that was still good, and the hundreds that failed afterwards.
		if runs := w.m.Runs(); len(runs) > before+3 || runs[0].Steps[2].State != flow.Failed || runs[0].Steps[2].Fault.Kind != fault.Offline {
			t.Errorf("%s", sketch(runs))
		}
	})
}

func TestAFailedSignInIsARun(t *testing.T) {
	w := newWorld(t)
	m := w.open(func(o *session.Options) { o.OpenURL = func(string) error { return nil } })
	s, err := m.BeginSignIn(t.Context(), connection.PlaygroundName, session.SignInRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.URL(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r := m.Runs()[0]; !r.Running || r.Steps[0].State != flow.Running || len(r.Discovery) == 0 {
		t.Errorf("while the user types: %s", sketch(m.Runs()))
	}
	s.Cancel()
	_ = s.Wait(t.Context())
	if r := m.Runs()[0]; r.Running || states(r) != "failed - - -" || r.Steps[0].Fault.Kind != fault.Canceled {
		t.Errorf("%s", sketch(m.Runs()))
	}
}

// S100: a sign-out leaves no run of the connection.
func TestS100_ASignOutForgetsTheRuns(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	w.signIn(m, connection.PlaygroundMCPName)
	w.signIn(m, connection.PlaygroundName)
	settled(t, m, called)
	if _, err := m.SignOut(t.Context(), session.SignOutRequest{Lose: session.LoseAll}); err != nil {
		t.Fatal(err)
	}
	runs := m.Runs()
	for _, r := range runs {
		if r.Connection == connection.PlaygroundName {
			t.Errorf("a run is left: %s", sketch(runs))
		}
	}
	if len(runs) == 0 {
		t.Error("the other connection's run is gone as well")
	}
	w.signIn(m, connection.PlaygroundName)
	if r := settled(t, m, called); r.Connection != connection.PlaygroundName || r.Reason != flow.ReasonSignIn {
		t.Errorf("%s", sketch(m.Runs()))
	}
}

// A token that the resource refuses is seen, and the new one and its call are
// another run.
func TestARefusedTokenEndsItsRun(t *testing.T) {
	inFar(t, nil, func(w *far) {
		refused := false
		w.befall(apiHost, trouble{answer: func(rw http.ResponseWriter, r *http.Request) {
			if !refused {
				refused = true
				rw.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
				rw.WriteHeader(http.StatusUnauthorized)
				return
			}
			w.servers.Handler(playground.API).ServeHTTP(rw, r)
		}})
		<-time.After(10 * time.Second)
		if err := w.m.Sync(w.t.Context()); err != nil {
			t.Fatal(err)
		}
		runs := w.m.Runs()
		if len(runs) != 3 || states(runs[0]) != "cached done done done" || states(runs[1]) != "cached cached cached failed" ||
			runs[1].Steps[3].Fault.Code != "invalid_token" || runs[0].Reason != flow.ReasonMint || runs[1].Reason != flow.ReasonCall {
			t.Errorf("%s", sketch(runs))
		}
		keepsSecrets(t, runs)
	})
}

// Who runs the steps again is told whether a published key signed the ID-JAG.
func TestARunThatWasAskedForChecksTheSignature(t *testing.T) {
	w := newWorld(t)
	m := w.open()
	w.signIn(m, connection.PlaygroundName)
	settled(t, m, called)
	if err := m.RunAgain(t.Context(), fault.StepExchange); err != nil {
		t.Fatal(err)
	}
	holds := func(r *flow.Run) {
		t.Helper()
		for _, c := range r.Step(fault.StepExchange).Checks {
			if strings.HasPrefix(c.Name, "signature") && c.Verdict == auth.Yes && c.Says == "" {
				return
			}
		}
		t.Errorf("%+v", r.Step(fault.StepExchange).Checks)
	}
	r := settled(t, m, func(r *flow.Run) bool { return r.Reason == flow.ReasonAgain })
	holds(r)
	// A newer run takes the values away, and not what was found.
	if err := m.RunAgain(t.Context(), fault.StepExchange); err != nil {
		t.Fatal(err)
	}
	settled(t, m, func(newest *flow.Run) bool { return newest.ID > r.ID })
	for _, old := range m.Runs() {
		if old.ID == r.ID {
			if !old.Step(fault.StepExchange).Token.Value.Empty() {
				t.Error("the older run still holds its ID-JAG")
			}
			holds(old)
			return
		}
	}
	t.Error("the older run is gone")
}

// allHolds: where all is well at a server that keeps to the draft, no check
// fails, and none but the access token's typ and what metadata leaves out stays
// open.
func allHolds(t *testing.T, r *flow.Run, bound bool) {
	t.Helper()
	keys := 0
	for i := range r.Steps {
		for _, c := range r.Steps[i].Checks {
			if c.Verdict == auth.No || c.Verdict == auth.Unknown && !strings.HasPrefix(c.Name, "metadata:") {
				t.Errorf("%s: %+v", r.Steps[i].Name, c)
			}
			if strings.HasPrefix(c.Name, "cnf ") && c.Verdict == auth.Yes {
				keys++
			}
		}
		if len(r.Steps[i].Causes) > 0 {
			t.Errorf("%s: causes where nothing failed: %+v", r.Steps[i].Name, r.Steps[i].Causes)
		}
	}
	if want := map[bool]int{true: 2}[bound]; keys != want {
		t.Errorf("%d of %d bindings to the key were checked", keys, want)
	}
}
