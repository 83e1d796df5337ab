package session_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"waybill/replica"
)

// R7: what a server asks for in Retry-After, in each form, is waited for, at
// most an hour and at most a fifth longer; what is no time at all leaves it to
// the app's own patience.
func TestR7_RetryAfterInEachForm(t *testing.T) {
	for field, want := range map[string]time.Duration{
		"": 0, "0": 0, "-5": 0, "soon": 0, "1.5": 0, "Mon, 01 Jan 1900 00:00:00 GMT": 0,
		"7": 7 * time.Second, "600": 10 * time.Minute, "DATE": 90 * time.Second, "31536000": time.Hour, "YEAR": time.Hour,
		"99999999999999999999": time.Hour,
	} {
		status := []int{http.StatusTooManyRequests, http.StatusServiceUnavailable}[len(field)%2]
		t.Run(fmt.Sprintf("%d %q", status, field), func(t *testing.T) {
			inFar(t, nil, func(w *far) {
				var last atomic.Pointer[time.Time]
				var requests atomic.Int64
				w.befall(apiHost, trouble{answer: func(rw http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					now := time.Now()
					last.Store(&now)
					requests.Add(1)
					value := field
					if in, ok := map[string]time.Duration{"DATE": 90 * time.Second, "YEAR": 365 * 24 * time.Hour}[field]; ok {
						value = now.Add(in).UTC().Format(http.TimeFormat)
					}
					if field != "" {
						rw.Header().Set("Retry-After", value)
					}
					rw.WriteHeader(status)
				}})
				w.add("Typed while it was busy")
				for last.Load() == nil {
					w.wait(time.Second)
				}
				w.wait(time.Millisecond)
				first := *last.Load()
				for last.Load().Equal(first) {
					w.wait(time.Second)
				}
				took := last.Load().Sub(first)
				switch {
				case want > 0 && (took < want || took > want*12/10+time.Second):
					t.Errorf("%d %q: waited %v, want %v and at most a fifth more", status, field, took, want)
				case want == 0 && took > healed:
					t.Errorf("%d %q: waited %v", status, field, took)
				}
				if s := w.status(); s.Kind != replica.Offline || s.Waiting != 1 {
					t.Errorf("%d %q: %+v", status, field, s)
				}
				if want == 0 {
					requests.Store(0)
					w.wait(10 * time.Minute)
					if n := requests.Load(); n > 120 {
						t.Errorf("%d %q: %d requests in ten minutes", status, field, n)
					}
				}
				w.heal()
				if n := w.atServer("Typed while it was busy"); n != 1 { // the user asks, and need not wait
					t.Errorf("%d %q: %d at the server", status, field, n)
				}
			})
		})
	}
}

// R5: a kilobyte a second, and a line that is late by up to a second: adding
// waits for nothing, and in the end everything is at the server and here.
func TestR5_SlowAndUnsteadyLines(t *testing.T) {
	for name, line := range map[string]struct {
		perSecond int
		jitter    time.Duration
	}{"1 kB a second": {1000, 0}, "jitter": {0, time.Second}, "both": {1000, 200 * time.Millisecond}} {
		t.Run(name, func(t *testing.T) {
			inFar(t, nil, func(w *far) {
				w.net.SetLine(line.perSecond, line.jitter)
				w.net.Break()
				w.wait(10 * time.Minute) // so that tokens have to be asked for again
				all := strings.Fields("one two three four five")
				for _, title := range all {
					w.add(title)
				}
				if took, ok := w.synced(10 * time.Minute); !ok {
					t.Errorf("after %v: %+v", took, w.status())
				}
				for _, title := range all {
					if n := w.atServer(title); n != 1 {
						t.Errorf("%q: %d at the server", title, n)
					}
				}
			})
		})
	}
}
