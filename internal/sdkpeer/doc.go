// Package sdkpeer counts what the way from an ID token to the first to-do costs
// over MCP: for Waybill and, beside it, for the MCP SDK's own handler of
// enterprise-managed authorization.
//
// Invariant: both walk over the same network in virtual time, against the same
// playground, so that the counts are exact and the same on every machine.
package sdkpeer
