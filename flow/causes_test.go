package flow_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"waybill/auth"
	"waybill/fault"
	"waybill/flow"
	"waybill/secret"
)

// first is the likeliest cause of the step that failed.
func first(t *testing.T, r *flow.Run, step fault.Step, earlier ...*flow.Run) flow.Cause {
	t.Helper()
	s := flow.Examine(r, earlier).Step(step)
	if s.Fault == nil {
		t.Fatalf("the step %q did not fail", step)
	}
	if len(s.Causes) == 0 {
		t.Fatalf("no cause for %s", s.Fault.Code)
	}
	for i, c := range s.Causes {
		if c.Sentence == "" || c.Remedy == "" && i == 0 || !strings.HasSuffix(c.Sentence, ".") || c.Evidence == 0 {
			t.Errorf("cause %d says too little: %+v", i, c)
		}
	}
	sameTruth(t, s)
	return s.Causes[0]
}

// sameTruth: where package auth ranks reasons, what the failure tells the user is
// what comes first among its causes. Only what was learned later, from an earlier
// run or from keys that were fetched afterwards, no failure can know.
func sameTruth(t *testing.T, s *flow.Step) {
	t.Helper()
	c := s.Causes[0]
	ranked := map[string]bool{"invalid_client": true, "bad_id_jag": true, "invalid_target": true, "invalid_grant": s.Name == fault.StepJWTBearer}
	later := map[string]bool{"replay": true, "signature": true, "key_not_published": true}
	if !ranked[s.Fault.Code] || later[c.Code] || c.Evidence == flow.Possible || s.Fault.Message == "Refused." {
		return
	}
	if told := s.Fault.Error(); !strings.Contains(told, c.Remedy) || s.Fault.Field != c.Field {
		t.Errorf("the failure says %q about %q, and its first cause %+v", told, s.Fault.Field, c)
	}
}

// Issue 5, 1: each fault that a strict server hides behind one opaque
// invalid_grant. Most of them the app finds before it sends the ID-JAG on; they
// are explained from the server's refusal as well.
func TestTheTrueCauseComesFirst_BehindOneOpaqueInvalidGrant(t *testing.T) {
	soon := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	for name, c := range map[string]struct {
		change func(*world)
		want   string
		sent   bool // the app itself sends it on
	}{
		"wrong typ":    {func(w *world) { w.typ = "JWT" }, "wrong_type", false},
		"wrong aud":    {func(w *world) { w.jag = map[string]any{"aud": "https://other.example"} }, "wrong_audience", false},
		"aud slash":    {func(w *world) { w.jag = map[string]any{"aud": w.as.URL + "/"} }, "wrong_audience", false},
		"two auds":     {func(w *world) { w.jag = map[string]any{"aud": []string{w.as.URL, "https://other.example"}} }, "several_audiences", false},
		"wrong client": {func(w *world) { w.jag = map[string]any{"client_id": idpClient} }, "wrong_client", false},
		"wrong issuer": {func(w *world) { w.jag = map[string]any{"iss": "https://other.example"} }, "wrong_issuer", false},
		"expired": {func(w *world) {
			w.jag = map[string]any{"iat": soon(-10 * time.Minute), "exp": soon(-5 * time.Minute)}
		}, "expired", false},
		"not yet valid":    {func(w *world) { w.jag = map[string]any{"nbf": soon(2 * time.Minute)} }, "not_yet_valid", true},
		"issued in future": {func(w *world) { w.jag = map[string]any{"iat": soon(2 * time.Minute)} }, "issued_in_future", true},
		"skew, ahead":      {func(w *world) { w.asClock = 10 * time.Minute }, "clock_skew", true},
		"skew, behind":     {func(w *world) { w.asClock = -10 * time.Minute }, "clock_skew", true},
		"unknown user":     {func(w *world) { w.knownUsers = nil }, "unknown_user", true},
		"lifetime 20 min":  {func(w *world) { w.jag = map[string]any{"exp": soon(20 * time.Minute)} }, "lifetime_long", true},
		"lifetime 2 h":     {func(w *world) { w.jag = map[string]any{"exp": soon(2 * time.Hour)} }, "lifetime_long", false},
		"unexpected cnf": {func(w *world) {
			w.jag = map[string]any{"cnf": map[string]any{"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}
		}, "unexpected_key", false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c.change(w)
			step := fault.StepExchange
			if c.sent {
				step = fault.StepJWTBearer
			}
			if got := first(t, w.run(false), step); got.Code != c.want || got.Field == "" && strings.HasPrefix(c.want, "wrong_a") {
				t.Errorf("as the app does it: first comes %+v", got)
			}
			got := first(t, w.run(true), fault.StepJWTBearer)
			if got.Code != c.want {
				t.Errorf("sent all the same: first comes %+v", got)
			}
			if strings.Contains(c.want, "unknown") != (got.Evidence == flow.Possible) {
				t.Errorf("the evidence is %v", got.Evidence)
			}
		})
	}
}

func TestTheTrueCauseComesFirst_Replay(t *testing.T) {
	w := newWorld(t)
	r := w.run(true) // redeems it
	if r.Step(fault.StepJWTBearer).Fault != nil {
		t.Fatal("the first time it is taken")
	}
	w.sendOn(r) // the same once more, in the same run
	if got := first(t, r, fault.StepJWTBearer); got.Code != "replay" || got.Evidence != flow.Proven {
		t.Errorf("within a run: first comes %+v", got)
	}
	// In another run, whose ID-JAG has the id of an earlier one.
	w = newWorld(t)
	w.jag = map[string]any{"jti": "the-same"}
	before := w.run(false)
	again := w.run(false)
	if got := first(t, again, fault.StepJWTBearer, before); got.Code != "replay" {
		t.Errorf("across runs: first comes %+v", got)
	}
	if got := first(t, again, fault.StepJWTBearer); got.Code == "replay" {
		t.Error("nothing shows a replay where the earlier run is not known")
	}
}

// Issue 5, 1: every row of the protocol's error table.
func TestTheTrueCauseComesFirst_OfTheErrorTable(t *testing.T) {
	for name, c := range map[string]struct {
		change   func(*world)
		step     fault.Step
		want     string
		evidence flow.Evidence // 0: any
	}{
		"IdP invalid_client, wrong secret":  {func(w *world) { w.plan.Credentials.IdP = secret.New("wrong") }, fault.StepExchange, "wrong_secret", flow.Likely},
		"AS invalid_client, wrong secret":   {func(w *world) { w.plan.Credentials.Resource = secret.New("wrong") }, fault.StepJWTBearer, "wrong_secret", flow.Likely},
		"IdP invalid_client, pairs crossed": {crossed, fault.StepExchange, "clients_crossed", flow.Proven},
		"AS invalid_client, the IdP's pair": {func(w *world) {
			w.plan.Connection.Resource.ClientID = idpClient
			w.jag = map[string]any{"client_id": idpClient}
		}, fault.StepJWTBearer, "clients_crossed", flow.Likely},
		"IdP invalid_client, method": {func(w *world) {
			w.plan.Provider.TokenAuthMethods = []string{"private_key_jwt"}
			w.plan.Credentials.IdP = secret.New("wrong")
		}, fault.StepExchange, "method_not_offered", flow.Proven},
		"IdP invalid_request, foreign token":  {foreignToken, fault.StepExchange, "id_token_of_another_client", flow.Proven},
		"IdP invalid_target":                  {refuses("idp", "invalid_target"), fault.StepExchange, "invalid_target", 0},
		"IdP invalid_target, audience slash":  {slashes, fault.StepExchange, "audience_slash", flow.Proven},
		"IdP invalid_target, resource slash":  {resourceSlash, fault.StepExchange, "resource_slash", flow.Proven},
		"IdP invalid_scope":                   {refuses("idp", "invalid_scope"), fault.StepExchange, "invalid_scope", 0},
		"IdP invalid_scope, unknown there":    {unknownScope, fault.StepExchange, "scope_unknown", flow.Proven},
		"IdP invalid_grant, session ended":    {refuses("idp", "invalid_grant"), fault.StepExchange, "invalid_grant", 0},
		"IdP invalid_grant, ID token expired": {expiredToken, fault.StepExchange, "id_token_expired", flow.Proven},
		"IdP access_denied":                   {refuses("idp", "access_denied"), fault.StepExchange, "access_denied", 0},
		"IdP step-up":                         {refuses("idp", "insufficient_user_authentication"), fault.StepExchange, "insufficient_user_authentication", 0},
		"AS empty grant":                      {func(w *world) { w.emptyGrant() }, fault.StepJWTBearer, "empty_grant", flow.Proven},
		"resource 401, aud":                   {func(w *world) { w.access = map[string]any{"aud": w.api.URL + "/"} }, fault.StepCall, "token_audience", flow.Proven},
		"resource 401, expired":               {func(w *world) { w.access = map[string]any{"exp": time.Now().Add(-time.Minute).Unix()} }, fault.StepCall, "token_expired", flow.Proven},
		"resource 401, issuer":                {func(w *world) { w.access = map[string]any{"iss": "https://other.example"} }, fault.StepCall, "token_issuer", flow.Likely},
		"resource 403 insufficient_scope":     {answers(403, `Bearer error="insufficient_scope", scope="todos.admin"`), fault.StepCall, "insufficient_scope", flow.Proven},
		"resource 406":                        {answers(406, ""), fault.StepCall, "http_406", 0},
		"resource 401, nothing can be seen":   {answers(401, `Bearer error="invalid_token"`), fault.StepCall, "invalid_token", 0},
		"IdP unreachable":                     {func(w *world) { w.idp.Close() }, fault.StepExchange, "network", 0},
		"AS does not list the grant":          {func(w *world) { w.plan.Server.GrantProfile = auth.No; w.knownUsers = nil }, fault.StepJWTBearer, "grant_not_listed", flow.Likely},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c.change(w)
			got := first(t, w.run(false), c.step)
			if got.Code != c.want || c.evidence != 0 && got.Evidence != c.evidence {
				t.Errorf("first comes %+v", got)
			}
		})
	}
}

func refuses(role, code string) func(*world) { return func(w *world) { w.refuse[role] = code } }

func answers(status int, challenge string) func(*world) {
	return func(w *world) {
		w.calls = func(rw http.ResponseWriter, _ *http.Request) {
			if challenge != "" {
				rw.Header().Set("WWW-Authenticate", challenge)
			}
			rw.WriteHeader(status)
		}
	}
}

func crossed(w *world) {
	c := &w.plan.Connection
	c.IdP.ClientID, c.Resource.ClientID = c.Resource.ClientID, c.IdP.ClientID
	w.plan.Credentials.IdP, w.plan.Credentials.Resource = w.plan.Credentials.Resource, w.plan.Credentials.IdP
}

func (w *world) useIDToken(changes map[string]any) {
	w.idToken = w.sign(changed(map[string]any{"iss": w.idp.URL, "aud": idpClient, "sub": "alice", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix()}, changes), "JWT")
	w.subject = auth.IDTokenSubject(auth.IDToken{Text: secret.New(w.idToken)})
}

func foreignToken(w *world) { w.useIDToken(map[string]any{"aud": "somebody-else"}) }
func expiredToken(w *world) {
	w.useIDToken(map[string]any{"exp": time.Now().Add(-time.Minute).Unix()})
}

func (w *world) emptyGrant() {
	w.plan.Connection.Resource.Scopes = []string{"todos.read"}
	old := w.as.Config.Handler
	w.as.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		r.PostForm.Set("scope", "")
		old.ServeHTTP(rw, r)
	})
}

func slashes(w *world) {
	w.refuse["idp"] = "invalid_target"
	w.plan.Metadata = &auth.ResourceMetadata{Resource: w.api.URL, AuthorizationServers: []string{w.as.URL + "/"}}
}

func resourceSlash(w *world) {
	w.refuse["idp"] = "invalid_target"
	w.plan.Metadata = &auth.ResourceMetadata{Resource: w.api.URL + "/", AuthorizationServers: []string{w.as.URL}}
}

func unknownScope(w *world) {
	w.refuse["idp"] = "invalid_scope"
	w.plan.Metadata = &auth.ResourceMetadata{Resource: w.api.URL, Scopes: []string{"tasks.read"}}
}

// Where everything is in order, every check that can be told holds, and each
// names the section that demands it.
func TestEveryCheckHoldsWhereAllIsWell(t *testing.T) {
	w := newWorld(t)
	w.plan.Server.GrantProfile, w.plan.Server.JWTBearer = auth.Yes, auth.Yes
	r := flow.Examine(w.run(false), nil)
	for _, name := range []fault.Step{fault.StepExchange, fault.StepJWTBearer, fault.StepCall} {
		s := r.Step(name)
		if s.Fault != nil || len(s.Checks) == 0 {
			t.Fatalf("%s: %v, %d checks", name, s.Fault, len(s.Checks))
		}
		for _, c := range s.Checks {
			if c.Verdict == auth.No || c.Section == "" || c.Name == "" || (c.Verdict == auth.Yes) != (c.Says == "") {
				t.Errorf("%s: %+v", name, c)
			}
		}
	}
	if got := r.Step(fault.StepExchange).Checks[0]; got.Name != "typ is oauth-id-jag+jwt" || got.Verdict != auth.Yes {
		t.Errorf("first comes %+v", got)
	}
	for i := range r.Steps {
		if len(r.Steps[i].Causes) != 0 {
			t.Errorf("causes without a failure: %+v", r.Steps[i].Causes)
		}
	}
}

func TestAFailedCheckSaysWhatItFound(t *testing.T) {
	w := newWorld(t)
	w.jag = map[string]any{"scope": "", "exp": time.Now().Add(20 * time.Minute).Unix()}
	s := flow.Examine(w.run(false), nil).Step(fault.StepExchange)
	want := map[string]bool{"the ID-JAG carries every scope asked for": false, "lifetime at most 5 minutes": false}
	for _, c := range s.Checks {
		if _, asked := want[c.Name]; asked && c.Verdict == auth.No && c.Says != "" && c.Advice {
			want[c.Name] = true
		}
	}
	for name, seen := range want {
		if !seen {
			t.Errorf("%q was not found wanting: %+v", name, s.Checks)
		}
	}
}
