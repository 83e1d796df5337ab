// Package peers holds Waybill against programs that others wrote: the official
// conformance suite of the Model Context Protocol and its server of everything,
// and a certified OpenID provider.
//
// Invariant: the peers' versions are pinned in package-lock.json, and nothing of
// them is changed but their configuration.
package peers
