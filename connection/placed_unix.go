//go:build unix

package connection

import (
	"io/fs"
	"os"
	"syscall"
)

// trusted reports whether nobody but root and the user can have written a file
// or folder.
func trusted(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && (st.Uid == 0 || int(st.Uid) == os.Getuid()) && info.Mode().Perm()&0o022 == 0
}

// open reports whether everybody may read a file.
func open(info fs.FileInfo) bool { return info.Mode().Perm()&0o004 != 0 }

// openAtOnce opens a file for reading without waiting for the other end of a
// pipe.
func openAtOnce(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
}
