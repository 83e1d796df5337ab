package session_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"waybill/internal/wake"
	"waybill/playground"
	"waybill/replica"
	"waybill/session"
)

// stall holds up the requests that suit: they are done at the server, and their
// answers get lost in a connection that has died without saying so.
func (w *far) stall(host string, role playground.Role, suits func(*http.Request) bool) (stalled *atomic.Int64) {
	stalled = &atomic.Int64{}
	own := w.servers.Handler(role)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.troubles[host] = trouble{answer: func(rw http.ResponseWriter, r *http.Request) {
		if !suits(r) {
			own.ServeHTTP(rw, r)
			return
		}
		own.ServeHTTP(httptest.NewRecorder(), r)
		stalled.Add(1)
		<-r.Context().Done()
	}}
	return stalled
}

// clear ends trouble but leaves the connections as they are: what hangs hangs.
func (w *far) clear() {
	w.mu.Lock()
	clear(w.troubles)
	w.mu.Unlock()
}

func method(m string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.Method == m }
}

// R28: the computer sleeps in the middle of a request, and wakes with a
// connection that is dead and does not say so. Whatever was under way, the app
// is in sync within five seconds, nothing is done twice, and there is no burst.
func TestR28_AfterSleepNothingHangsAndNothingIsDoubled(t *testing.T) {
	for _, under := range []string{"GET", "POST"} {
		inFar(t, nil, func(w *far) {
			stalled := w.stall(apiHost, playground.API, method(under))
			w.add("Typed before the lid was closed")
			for stalled.Load() == 0 { // an edit goes at once, a listing with the next minute
				time.Sleep(time.Second)
			}
			if s := w.status(); under == "POST" && s.Kind != replica.Busy {
				t.Errorf("%s: %+v", under, s)
			}
			w.clear()
			w.net.Reset()
			w.m.Wake()
			took, ok := w.synced(5 * time.Second)
			if !ok {
				t.Errorf("%s: after %v: %+v", under, took, w.status())
			}
			if n := w.asked("POST "+idpHost+"/token") + w.asked("POST "+authHost+"/token"); n > 3 {
				t.Errorf("%s: %d requests for tokens", under, n)
			}
			if n := w.asked("GET " + apiHost + "/api/todos"); n > 2 {
				t.Errorf("%s: %d listings", under, n)
			}
			if n := w.atServer("Typed before the lid was closed"); n != 1 {
				t.Errorf("I2: %s: %d at the server", under, n)
			}
			w.net.Break() // the dead ones too
		})
	}
}

// R18, R28: a refresh token that is being spent when the computer wakes is not
// given up: its answer may hold the only one that is left.
func TestR28_ARequestForATokenIsNotAbandoned(t *testing.T) {
	inFar(t, nil, func(w *far) {
		own := w.servers.Handler(playground.IdP)
		var answered atomic.Int64
		w.befall(idpHost, trouble{answer: func(rw http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				answered.Add(1)
				time.Sleep(4 * time.Second)
			}
			own.ServeHTTP(rw, r)
		}})
		for answered.Load() == 0 {
			time.Sleep(time.Second)
		}
		w.net.Reset()
		w.m.Wake()
		w.m.Wake() // the lid, then the network
		took, ok := w.synced(15 * time.Second)
		if !ok {
			t.Errorf("after %v: %+v", took, w.status())
		}
		w.clear()
		time.Sleep(10 * time.Minute) // five renewals more
		if s := w.status(); s.Kind != replica.OK {
			t.Errorf("the session was lost: %+v", s)
		}
	})
}

// R28: with nothing to do and nobody signed in, waking is harmless; and a wake
// while the network is not there yet leads to no burst when it is.
func TestR28_WakingWithoutANetworkIsPatient(t *testing.T) {
	inFar(t, nil, func(w *far) {
		w.net.SetOffline(true)
		time.Sleep(8 * time.Hour)
		w.net.Reset()
		const flaps = 20
		for range flaps { // a network that comes and goes, noticed as often as it is looked at
			w.m.Wake()
			time.Sleep(wake.Tick)
		}
		// One try each time, over one connection to each server, and what the
		// back-off adds.
		if n := len(w.net.Dials()); n > 2*flaps*len(hosts) {
			t.Errorf("%d connections were tried", n)
		}
		w.net.SetOffline(false)
		w.net.Reset()
		w.m.Wake()
		if took, ok := w.synced(5 * time.Second); !ok {
			t.Errorf("after %v: %+v", took, w.status())
		}
		if a, b := w.asked("POST "+idpHost+"/token"), w.asked("POST "+authHost+"/token"); a > 2 || b > 1 {
			t.Errorf("%d and %d requests for tokens", a, b)
		}
		if _, err := w.m.SignOut(w.t.Context(), session.SignOutRequest{}); err != nil {
			t.Error(err)
		}
		w.m.Wake()
		synctest.Wait()
	})
}
