package api

import (
	"context"
	"errors"
	"net/http/httptrace"
	"testing"
	"testing/synctest"
	"time"
)

// R6: an answer to half of a request is no refusal of the change in it, and one
// that comes before all of the request was wanted is.
func TestR6_ARequestThatBrokeOffIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		never  bool
		broken bool
		took   time.Duration
	}{
		"it got out":                     {},
		"it broke":                       {err: errors.New("reset"), broken: true},
		"the answer overtook what broke": {err: errors.New("reset"), broken: true, took: 10 * time.Millisecond},
		"the server wants no more of it": {never: true, took: overtakes},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &sending{done: make(chan struct{})}
				told := httptrace.ContextClientTrace(s.trace(context.Background())).WroteRequest
				if !c.never {
					time.AfterFunc(c.took, func() { told(httptrace.WroteRequestInfo{Err: c.err}) })
				}
				began := time.Now()
				if got := s.broke(); got != c.broken || time.Since(began) != c.took {
					t.Errorf("%v after %s", got, time.Since(began))
				}
				told(httptrace.WroteRequestInfo{}) // a second time is none
			})
		})
	}
}
