//go:build !linux && unix

package harden

// Process hardens this process; call it once, first thing in main. An error
// means that the system refused, and is no reason not to go on.
func Process() error { return noCore() }
