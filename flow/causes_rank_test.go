package flow_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

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
