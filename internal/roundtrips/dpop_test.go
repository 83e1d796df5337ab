package roundtrips

import (
	"slices"
	"testing"
	"time"

	"waybill/connection"
)

// Tokens that are bound to a key (DPoP) cost no round trip, no request and no
// connection more than bearer tokens: from the callback, for each further call,
// and for a mint.
func TestS71_DPoPCostsNoRoundTrip(t *testing.T) {
	for _, s := range settings() {
		s.dpop = true
		t.Run(s.String(), func(t *testing.T) {
			inWorld(t, s, func(w *world) {
				w.inApp(func(a *app) {
					a.signIn()
					trips, extra, call := w.s.firstCall()
					w.holds("from the callback", a.between(a.callback, a.todos), 3+trips, extra, slices.Concat([]string{askIdP, askIdP, askServer}, call)...)
					w.holds("a sync", a.sync(), 1, 0, w.s.nextCall())
					a.expire()
					w.holds("a sync with an expired token", a.sync(), 3, 0, askIdP, askServer, w.s.nextCall())
				})
			})
		})
	}
}

// Where the servers demand nonces, each costs one request more, once: from then on
// the newest is known, since every answer brings the next.
func TestS71_ANonceCostsOneRoundTripAtEachServerOnce(t *testing.T) {
	for _, s := range []setting{
		{rtt: 50 * time.Millisecond, kind: connection.REST, dpop: true, nonces: true},
		{rtt: 150 * time.Millisecond, kind: connection.REST, http1: true, dpop: true, nonces: true},
		{rtt: 50 * time.Millisecond, kind: connection.MCP, mcp: newest, dpop: true, nonces: true},
	} {
		t.Run(s.String(), func(t *testing.T) {
			inWorld(t, s, func(w *world) {
				w.inApp(func(a *app) {
					a.signIn()
					call := w.s.nextCall()
					w.holds("from the callback", a.between(a.callback, a.todos), 4+3, 0, askIdP, askIdP, askIdP, askServer, askServer, call, call)
					w.holds("a sync", a.sync(), 1, 0, call)
					a.expire()
					w.holds("a sync with an expired token", a.sync(), 3, 0, askIdP, askServer, call)
				})
			})
		})
	}
}
