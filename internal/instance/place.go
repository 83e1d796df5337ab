package instance

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"runtime"
)

// longestPath is what fits everywhere into the address of a Unix socket, whose
// room is 104 to 108 bytes with the end mark.
const longestPath = 103

// places are where the socket of dir may lie, best first: in dir itself, or,
// where that path is too long or the disk knows no sockets, in a folder of the
// user's own for such things, under a name that dir's path is hashed into.
func places(dir string) []string {
	all := []string{filepath.Join(dir, "window.sock")}
	if run := runFolder(); run != "" {
		sum := sha256.Sum256([]byte(dir))
		all = append(all, filepath.Join(run, "waybill", hex.EncodeToString(sum[:8])+".sock"))
	}
	var fit []string
	for _, path := range all {
		if len(path) <= longestPath {
			fit = append(fit, path)
		}
	}
	return fit
}

// runFolder is a folder for sockets that belongs to the user alone, "" if the
// system has none.
func runFolder() string {
	if run := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(run) {
		return run
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" {
		return os.TempDir()
	}
	return ""
}
