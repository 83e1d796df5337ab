package auth

import (
	"errors"
	"syscall"

	"golang.org/x/sys/windows"
)

// exclusive keeps other programs from listening on the same port, which
// Windows allows otherwise (SO_EXCLUSIVEADDRUSE, the complement of
// SO_REUSEADDR).
func exclusive(_, _ string, c syscall.RawConn) error {
	var err error
	if controlErr := c.Control(func(fd uintptr) {
		err = windows.SetsockoptInt(windows.Handle(fd), windows.SOL_SOCKET, ^windows.SO_REUSEADDR, 1)
	}); controlErr != nil {
		return controlErr
	}
	return err
}

// isTaken knows the two errors that Windows has for a port in use: one of them
// stands for a port that another program holds exclusively.
func isTaken(err error) bool {
	return errors.Is(err, windows.WSAEADDRINUSE) || errors.Is(err, windows.WSAEACCES)
}
