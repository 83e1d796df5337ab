package roundtrips

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"waybill/connection"
	"waybill/todo"
)

// settings are all networks and resources that the goals hold for.
func settings() (all []setting) {
	for _, rtt := range []time.Duration{50 * time.Millisecond, 150 * time.Millisecond} {
		for _, http1 := range []bool{false, true} {
			all = append(all, setting{rtt: rtt, http1: http1, kind: connection.REST})
			for _, version := range []string{oldest, newest} {
				all = append(all, setting{rtt: rtt, http1: http1, kind: connection.MCP, mcp: version})
			}
		}
	}
	return all
}

// each runs f in every setting.
func each(t *testing.T, f func(w *world)) {
	for _, s := range settings() {
		t.Run(s.String(), func(t *testing.T) { inWorld(t, s, f) })
	}
}

// The requests of the steps.
const (
	askIdP    = "POST idp.example/token" // for the code, and for the exchange
	askServer = "POST auth.example/token"
	askAPI    = "GET api.example/api/todos"
	askMCP    = "POST mcp.example/mcp"
)

// firstCall is what the first call to the resource takes: the call, and before
// MCP 2026-07-28 initialize, which it has to wait for, and the notification
// beside it. Over HTTP/1.1 the notification needs a connection of its own.
func (s setting) firstCall() (trips float64, extra int, requests []string) {
	switch {
	case s.kind == connection.REST:
		return 1, 0, []string{askAPI}
	case s.mcp >= newest:
		return 1, 0, []string{askMCP}
	case s.http1:
		return 2, 1, []string{askMCP, askMCP}
	default:
		return 2, 0, []string{askMCP, askMCP, askMCP}
	}
}

// nextCall is what every further one takes.
func (s setting) nextCall() string {
	if s.kind == connection.REST {
		return askAPI
	}
	return askMCP
}

// holds compares what a way cost with what it has to cost, exactly.
func (w *world) holds(what string, got cost, trips float64, dials int, requests ...string) {
	w.t.Helper()
	if got.trips != trips || len(got.dials) != dials || !slices.Equal(got.requests, requests) {
		w.t.Errorf("%s took %v;\nwant %.4f, %d connections, %v", what, got, trips, dials, requests)
	}
}

// After the browser's callback exactly four dependent round trips lead to the
// to-dos over REST: code, exchange, JWT bearer, API. No connection is opened,
// though the user took minutes.
func TestAfterTheCallbackFourRoundTripsAndNoNewConnection(t *testing.T) {
	each(t, func(w *world) {
		w.inApp(func(a *app) {
			a.signIn()
			trips, extra, call := w.s.firstCall()
			w.holds("from the callback", a.between(a.callback, a.todos), 3+trips, extra, slices.Concat([]string{askIdP, askIdP, askServer}, call)...)
			w.holds("from the ID token", a.between(a.exchanged, a.todos), 2+trips, extra, slices.Concat([]string{askIdP, askServer}, call)...)
		})
	})
}

func TestAnAccessTokenThatIsStillValidCostsOneRoundTrip(t *testing.T) {
	each(t, func(w *world) {
		w.inApp(func(a *app) {
			a.signIn()
			w.holds("a sync", a.sync(), 1, 0, w.s.nextCall())
			w.holds("another", a.sync(), 1, 0, w.s.nextCall())
			a.breakAll()
			w.holds("a sync without a connection", a.sync(), 3, 1, w.s.nextCall())
			w.holds("the one after it", a.sync(), 1, 0, w.s.nextCall())
		})
	})
}

// An expired access token costs the chain of three, and with every connection
// gone as well two more: the three handshakes are made at the same time.
func TestAMintCostsThreeRoundTripsAndFiveWithoutConnections(t *testing.T) {
	each(t, func(w *world) {
		chain := []string{askIdP, askServer, w.s.nextCall()}
		w.inApp(func(a *app) {
			a.signIn()
			a.expire()
			w.holds("a sync with an expired token", a.sync(), 3, 0, chain...)
			a.rest()
			a.expire()
			a.breakAll()
			w.holds("a sync with nothing but metadata", a.sync(), 5, 3, chain...)
		})
	})
}

// The same from the ID token on, when nothing is left of the sign-in but it and
// the metadata: MCP before 2026-07-28 has to open its session too.
func TestFromTheIDTokenWithNothingButMetadataFiveRoundTrips(t *testing.T) {
	each(t, func(w *world) {
		w.inApp(func(a *app) {
			a.cold = true
			a.signIn()
			trips, extra, call := w.s.firstCall()
			w.holds("from the ID token", a.between(a.exchanged, a.todos), 4+trips, 3+extra, slices.Concat([]string{askIdP, askServer}, call)...)
		})
	})
}

// Opening an account that was kept takes one round trip more: both servers'
// metadata is fetched at the same time, over the connections that the grants
// use next.
func TestOpeningAKeptAccountTakesSixRoundTrips(t *testing.T) {
	each(t, func(w *world) {
		w.inApp(func(a *app) {
			a.signIn()
			if err := a.m.SwitchTo(w.t.Context(), connection.PlaygroundName); err != nil {
				w.t.Fatal(err)
			}
			a.rest()
			a.breakAll()
			start := time.Now()
			if err := a.m.SwitchTo(w.t.Context(), connectionName); err != nil {
				w.t.Fatal(err)
			}
			got := a.between(start, a.shown())
			trips, extra, call := w.s.firstCall()
			slices.Sort(got.requests[:min(2, len(got.requests))]) // both at the same time
			w.holds("from the start", got, 5+trips, 3+extra, slices.Concat([]string{
				"GET auth.example/.well-known/oauth-authorization-server", "GET idp.example/.well-known/openid-configuration", askIdP, askServer}, call)...)
			a.rest()
		})
	})
}

// A hundred edits of a hundred items are at the server two round trips after it
// takes them again, over a connection that requests share: one at first, then
// the rest. The listing is the third. A connection takes two more to open, and
// it is one.
func TestAHundredEditsOfAHundredItemsTakeThreeRoundTrips(t *testing.T) {
	for _, rtt := range []time.Duration{50 * time.Millisecond, 150 * time.Millisecond} {
		s := setting{rtt: rtt, kind: connection.REST, todos: 100, writes: true}
		t.Run(s.String(), func(t *testing.T) {
			inWorld(t, s, func(w *world) {
				w.inApp(func(a *app) {
					a.signIn()
					a.editAll("at first")
					a.sends("with a connection", 3, 0)
					a.editAll("again")
					a.breakAll()
					a.sends("without one", 5, 1)
				})
			})
		})
	}
}

// editAll edits every to-do while the server takes nothing.
func (a *app) editAll(words string) {
	a.t.Helper()
	a.busy.Store(true)
	local := a.m.Replica()
	for _, row := range local.Snapshot().Rows {
		title := row.Todo.Title + " " + words
		if err := local.Update(a.t.Context(), row.Todo.ID, todo.Patch{Title: &title}); err != nil {
			a.t.Fatal(err)
		}
	}
	a.rest()
	synctest.Wait()
	if n := local.Snapshot().Status.Waiting; n != a.s.todos {
		a.t.Fatalf("%d edits are waiting", n)
	}
	a.busy.Store(false)
}

// sends holds what it takes to send them.
func (a *app) sends(how string, trips float64, dials int) {
	a.t.Helper()
	got := a.sync()
	if n := a.m.Replica().Snapshot().Status.Waiting; n != 0 {
		a.t.Fatalf("%s %d edits are still here", how, n)
	}
	if got.trips != trips || len(got.requests) != a.s.todos+1 || len(got.dials) != dials {
		a.t.Errorf("%s it took %.4f round trips, %d requests and %d connections; want %.4f, %d and %d",
			how, got.trips, len(got.requests), len(got.dials), trips, a.s.todos+1, dials)
	}
}

// That nothing changed costs one request and at most 1 KiB, however many to-dos
// there are.
func TestThatNothingChangedIsSaidInAKibibyte(t *testing.T) {
	for _, todos := range []int{10, 10_000} {
		for _, http1 := range []bool{false, true} {
			s := setting{rtt: 50 * time.Millisecond, http1: http1, kind: connection.REST, todos: todos}
			t.Run(fmt.Sprint(s, ", ", todos), func(t *testing.T) {
				inWorld(t, s, func(w *world) {
					w.inApp(func(a *app) {
						a.signIn()
						before := w.received.Load()
						w.holds("a sync", a.sync(), 1, 0, askAPI)
						a.rest()
						got := w.received.Load() - before
						t.Logf("%d bytes", got)
						if got == 0 || got > 1024 {
							t.Errorf("%d bytes came for nothing new", got)
						}
					})
				})
			})
		}
	}
}
