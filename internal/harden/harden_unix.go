//go:build unix

package harden

import "golang.org/x/sys/unix"

// noCore sets both limits to 0: without the hard limit a program could raise
// it again.
func noCore() error {
	return unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
}
