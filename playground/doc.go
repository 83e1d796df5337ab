// Package playground is the whole of Cross App Access on one computer: an
// identity provider, a resource's authorization server, a to-do API and an MCP
// server, on four origins of their own.
//
// It answers as the public playground at xaa.dev does: a client that works
// against the one works against the other unchanged. Sign-in takes any e-mail
// address and any six digits, so it proves nothing about a person; it listens
// on this computer's loopback interface and nowhere else.
//
// Invariant: every check that a careful server makes is made here too, and is
// made before anything changes. A code, an ID-JAG (jti) and a rotated refresh
// token are each accepted exactly once, however many requests present them at
// the same time and whether or not the process was restarted in between. What
// was answered is on disk first. Nothing is ever deleted because it could not
// be read.
//
// # Signing in
//
// A browser that has signed in has a session at the identity provider, so the
// next app needs no page: that is single sign-on. Consent is never asked for,
// as an administrator has given it for everybody; an app that sends
// prompt=consent or prompt=select_account gets a page that asks whether to go on
// as this user. Signing out with the app's own ID token ends the session and
// the app's refresh tokens.
//
// # Proof of possession
//
// A token request that proves possession of a key (DPoP, RFC 9449) gets tokens
// that are bound to it, and what is bound is taken with a proof only. Proofs are
// each taken once; that is remembered in memory, so a restart forgets it for the
// minute that a proof is good. Options.DPoP makes them a must, or has them
// ignored as by a server that does not know them.
//
// # State
//
// With Options.Dir, keys, clients with their secrets, users, sessions, refresh
// tokens, ports and to-dos live in that folder (0700, files 0600), so that a
// restart continues every session. One process owns the folder at a time; a
// second one learns the first one's endpoints with Attach. Without Dir nothing
// is kept.
//
// # Ways to run it
//
// Start binds four loopback ports and serves until Close. New binds nothing:
// its handlers, one for each Role, are for tests over a network of their own,
// also under testing/synctest, since all times come from Options.Now and no
// goroutine outlives a request.
package playground
