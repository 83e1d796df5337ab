package harden

import "golang.org/x/sys/unix"

// Process hardens this process; call it once, first thing in main. An error
// means that the system refused, and is no reason not to go on.
func Process() error {
	if err := noCore(); err != nil {
		return err
	}
	return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}
