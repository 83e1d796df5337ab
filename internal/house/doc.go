// Package house holds the rules of Waybill's house as tests: which package may
// see which, where Fyne and HTTP may be used, how long a function may grow, and
// what a test may not do.
//
// Invariant: a rule that is written in CONTRIBUTING.md and can be checked by
// reading the source is checked here, and a breach names the file, the line and
// the rule.
package house
