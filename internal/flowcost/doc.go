// Package flowcost measures what it costs to record the flow: the same
// sign-ins, token exchanges and calls by a process of their own, once with a
// recorder and once without. There is no code in it but tests.
package flowcost
