// Package roundtrips counts what the way to the first to-do costs: in round
// trips, requests and connections, for Waybill and for two clients beside it.
//
// Invariant: everything but the network is real: the app from sign-in to local
// copy, the playground, TLS, HTTP/1.1 and HTTP/2. All time is virtual and a
// round trip is the only thing that takes any, so the counts are exact, the
// same on every machine, and held by equality.
package roundtrips
