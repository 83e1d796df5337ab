package flow_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"waybill/auth"
	"waybill/fault"
	"waybill/flow"
)

// Two clocks that differ are the reason only where that puts the ID-JAG outside
// of its time: else what is seen to be wrong comes first, and a small difference
// accuses nobody.
func TestADifferenceOfTheClocksIsNotBlamedForWhatItDoesNotDo(t *testing.T) {
	for name, c := range map[string]struct {
		change   func(*world)
		want     string
		evidence flow.Evidence
	}{
		"ahead, wrong audience":   {func(w *world) { w.asClock = time.Minute; w.jag = map[string]any{"aud": "https://other.example"} }, "wrong_audience", flow.Proven},
		"behind, wrong client":    {func(w *world) { w.asClock = -25 * time.Second; w.jag = map[string]any{"client_id": "x"} }, "wrong_client", flow.Proven},
		"ahead, unknown user":     {func(w *world) { w.asClock = time.Minute; w.knownUsers = nil }, "unknown_user", flow.Possible},
		"behind, but tolerated":   {func(w *world) { w.asClock = -25 * time.Second; w.knownUsers = nil }, "clock_skew", flow.Likely},
		"behind, not tolerated":   {func(w *world) { w.asClock = -45 * time.Second }, "clock_skew", flow.Proven},
		"ahead beyond its time":   {func(w *world) { w.asClock = 6 * time.Minute }, "clock_skew", flow.Proven},
		"a Date out of a cache":   {func(w *world) { w.asDate = "cached"; w.knownUsers = nil }, "unknown_user", flow.Possible},
		"no Date at all":          {func(w *world) { w.asDate = "none"; w.knownUsers = nil }, "unknown_user", flow.Possible},
		"nonsense in place of it": {func(w *world) { w.asDate = "nonsense"; w.knownUsers = nil }, "unknown_user", flow.Possible},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c.change(w)
			w.dateOfAS()
			if got := first(t, w.run(true), fault.StepJWTBearer); got.Code != c.want || got.Evidence != c.evidence {
				t.Errorf("first comes %+v", got)
			}
		})
	}
}

// dateOfAS has the authorization server's Date field say what asDate asks for.
func (w *world) dateOfAS() {
	if w.asDate == "" {
		return
	}
	old := w.as.Config.Handler
	w.as.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		recorded := httptest.NewRecorder()
		old.ServeHTTP(recorded, r)
		rw.Header().Set("Content-Type", "application/json")
		switch w.asDate {
		case "cached":
			rw.Header().Set("Age", "3600")
			rw.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
		case "none":
			rw.Header()["Date"] = nil
		case "nonsense":
			rw.Header().Set("Date", "yesterday")
		}
		rw.WriteHeader(recorded.Code)
		_, _ = rw.Write(recorded.Body.Bytes())
	})
}

// What the resource says of itself is asked for when the target was refused, and
// found again in what was recorded.
func TestARefusedTargetIsComparedWithWhatTheResourceSays(t *testing.T) {
	for name, c := range map[string]struct {
		says, want, field string
	}{
		"resource slash":    {`{"resource":"API/","authorization_servers":["AS"]}`, "resource_slash", "resource.identifier"},
		"another resource":  {`{"resource":"API","authorization_servers":["AS"]}`, "wrong_resource", "resource.identifier"},
		"audience slash":    {`{"resource":"ASKED","authorization_servers":["AS/"]}`, "audience_slash", "resource.authorization_server"},
		"another server":    {`{"resource":"ASKED","authorization_servers":["https://other.example"]}`, "wrong_audience", "resource.authorization_server"},
		"all is as it says": {`{"resource":"ASKED","authorization_servers":["AS"]}`, "invalid_target", "resource.identifier"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.refuse["idp"] = "invalid_target"
			r := &w.plan.Connection.Resource
			r.URL, r.Identifier, r.AuthorizationServer = w.api.URL+"/v1", w.api.URL+"/v1", w.as.URL
			asked := r.URL
			if c.want == "wrong_resource" || c.want == "resource_slash" {
				asked, r.Identifier = w.api.URL, w.api.URL
			}
			w.plan.Resource = asked
			body := strings.NewReplacer("API/", w.api.URL+"/", "API", w.api.URL+"/v1", "ASKED", asked, "AS", w.as.URL).Replace(c.says)
			w.calls = func(rw http.ResponseWriter, r *http.Request) {
				if !strings.HasPrefix(r.URL.Path, "/.well-known/oauth-protected-resource") || strings.HasSuffix(r.URL.Path, "/v1") && strings.Contains(c.says, "API/") {
					rw.WriteHeader(http.StatusNotFound)
					return
				}
				rw.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(rw, body)
			}
			run := w.run(false)
			run.Discovery = w.of(fault.StepDiscovery)
			if got := first(t, run, fault.StepExchange); got.Code != c.want || got.Field != c.field {
				t.Errorf("first comes %+v", got)
			}
		})
	}
}

// What the identity provider's metadata leaves out of its lists is seen before it
// is guessed at.
func TestWhatTheIdentityProviderDoesNotListIsSeen(t *testing.T) {
	const exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	for name, c := range map[string]struct {
		refuses string
		change  func(*auth.Provider)
		want    string
		field   string
	}{
		"no token exchange":     {"unsupported_grant_type", func(p *auth.Provider) { p.Grants = []string{"authorization_code"} }, "exchange_not_listed", ""},
		"token exchange":        {"unsupported_grant_type", func(p *auth.Provider) { p.Grants = []string{exchange} }, "unsupported_grant_type", ""},
		"nothing is said":       {"unauthorized_client", func(*auth.Provider) {}, "unauthorized_client", ""},
		"another subject":       {"unsupported_token_type", func(p *auth.Provider) { p.SubjectTokenTypes = []string{"urn:x:refresh_token"} }, "subject_not_listed", "subject"},
		"opaque, and not taken": {"invalid_request", func(p *auth.Provider) { p.SubjectTokenTypes = []string{} }, "subject_not_listed", "subject"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.refuse["idp"] = c.refuses
			c.change(w.plan.Provider)
			if got := first(t, w.run(false), fault.StepExchange); got.Code != c.want || c.field != "" && got.Field != c.field {
				t.Errorf("first comes %+v", got)
			}
		})
	}
}

// A resource that misses a scope is told with what was asked for, what the
// ID-JAG carried and what was granted.
func TestAMissingScopeIsShownWhereItWasLost(t *testing.T) {
	w := newWorld(t)
	answers(403, `Bearer error="insufficient_scope", scope="todos.read"`)(w)
	w.jag = map[string]any{"scope": "profile"}
	w.access = map[string]any{"scope": "something.else"}
	r := flow.Examine(w.run(false), nil)
	c := r.Step(fault.StepCall).Causes[0]
	if c.Code != "insufficient_scope" || c.Evidence != flow.Proven || c.Detail != "Asked for “todos.read”; in the ID-JAG “profile”; granted “todos.read”." {
		t.Errorf("first comes %+v", c)
	}
	for _, check := range r.Step(fault.StepJWTBearer).Checks {
		if check.Name == "its scope is what was granted" && check.Verdict == auth.No && strings.Contains(check.Says, "something.else") {
			return
		}
	}
	t.Errorf("the token's own scope was not compared: %+v", r.Step(fault.StepJWTBearer).Checks)
}
