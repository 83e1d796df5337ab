package replica

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A call is a system call that a process has made: its name, its arguments with
// texts decoded, the path of its file, and what it returned.
type call struct {
	name   string
	args   []string
	path   string // of the first argument, if that is a file
	result int
	failed bool
}

// strace is the program that records system calls, or a reason to skip.
func straceFor(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed")
	}
	return path
}

// traced runs this test program under strace, as the test of that name with the
// environment, and returns the calls that change files, and what it wrote to its
// standard output among them. Further arguments are for strace.
func traced(t *testing.T, test string, env []string, more ...string) []call {
	t.Helper()
	trace := filepath.Join(t.TempDir(), "trace")
	args := append([]string{"-f", "-y", "-xx", "-s", "10000000", "-qq", "-e", "signal=none", "-o", trace,
		"-e", "trace=open,openat,creat,pread64,pwrite64,pwritev,write,writev,ftruncate,truncate,fallocate,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,link,linkat"}, more...)
	command := exec.Command(straceFor(t), append(args, os.Args[0], "-test.run=^"+test+"$")...)
	command.Env = append(append(os.Environ(), "GOMAXPROCS=1"), env...)
	var complaint bytes.Buffer
	command.Stderr = &complaint
	switch err := command.Run(); {
	case err != nil && strings.Contains(complaint.String(), "error while loading shared libraries"):
		return nil // what was made to fail met the system's loader: the program never began
	case err != nil:
		t.Fatalf("%v\n%s", err, &complaint)
	}
	text, err := os.ReadFile(trace)
	must(t, err)
	var calls []call
	begun := map[string]string{} // calls of threads that others have interrupted in the record
	for line := range strings.Lines(string(text)) {
		thread, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		rest = strings.TrimSpace(rest)
		if part, ok := strings.CutSuffix(rest, "<unfinished ...>"); ok {
			begun[thread] = part
			continue
		}
		if strings.HasPrefix(rest, "<... ") {
			_, after, _ := strings.Cut(rest, "resumed>")
			rest = begun[thread] + after
		}
		if c, ok := parseCall(rest); ok && (c.name != "pread64" || c.failed) {
			calls = append(calls, c)
		}
	}
	return calls
}

// parseCall reads `name(arg, arg) = result`.
func parseCall(line string) (c call, ok bool) {
	name, rest, found := strings.Cut(line, "(")
	end := strings.LastIndex(rest, ") = ")
	if end < 0 {
		end = strings.LastIndex(rest, ")       ") // padded
	}
	if !found || end < 0 {
		return c, false
	}
	_, result, _ := strings.Cut(rest[end:], "= ")
	number, _, _ := strings.Cut(result, " ")
	number, _, _ = strings.Cut(number, "<")
	n, err := strconv.Atoi(number)
	if err != nil {
		return c, false // it never returned
	}
	c = call{name: name, result: n, failed: n < 0}
	for arg := range strings.SplitSeq(rest[:end], ", ") {
		if text, ok := strings.CutPrefix(arg, `"`); ok {
			c.args = append(c.args, unhex(strings.TrimSuffix(text, `"`)))
			continue
		}
		if _, path, ok := strings.Cut(arg, "<"); ok && c.path == "" {
			path, _, _ = strings.Cut(path, ">")
			c.path = unhex(path)
		}
		c.args = append(c.args, arg)
	}
	return c, true
}

// unhex reads what strace writes for a text: \x41\x42…
func unhex(s string) string {
	b, err := hex.DecodeString(strings.ReplaceAll(s, `\x`, ""))
	if err != nil {
		return s
	}
	return string(b)
}

func (c call) int(i int) int {
	n, _ := strconv.Atoi(c.args[i])
	return n
}

// said is what the process wrote to its standard output with this call.
func (c call) said() (string, bool) {
	if c.name == "write" && strings.HasPrefix(c.args[0], "1<") {
		return c.args[1], true
	}
	return "", false
}

// replay does to the disk what the call did to the real one. A flush that failed
// loses what r decides on.
func (d *simDisk) replay(c call, r *rand.Rand) error {
	inside := func(path string) bool { return strings.HasPrefix(path, d.root+string(filepath.Separator)) }
	switch c.name {
	case "open", "openat", "creat", "mkdir", "mkdirat", "unlink", "unlinkat", "rmdir", "rename", "renameat", "renameat2", "link", "linkat", "truncate":
		return d.replayNames(c, inside)
	}
	path := c.path
	if _, told := c.said(); told {
		return nil
	}
	if !inside(path) && path != d.root || strings.HasSuffix(path, "-shm") {
		return nil
	}
	file, flush := d.now[path], c.name == "fsync" || c.name == "fdatasync"
	switch {
	case flush && (path == d.root || file != nil && file.folder):
		// SQLite does not look at whether this one succeeded, so its failure is not
		// tried: file systems in use keep the name of a file that was flushed.
		d.flushFolder(path)
	case flush && c.failed && file != nil:
		file.lose(r)
	case c.failed:
	case file == nil:
		return fmt.Errorf("%s of %s, which has no name any more", c.name, path)
	case flush:
		file.flush()
	case c.name == "pwrite64":
		file.apply(write{at: c.int(3), data: []byte(c.args[1][:c.result])})
	case c.name == "write":
		file.apply(write{at: len(file.bytes), data: []byte(c.args[1][:c.result])}) // nothing writes twice but to append
	case c.name == "ftruncate":
		file.apply(write{at: c.int(1), truncate: true})
	default:
		return fmt.Errorf("%s was not expected", c.name)
	}
	return nil
}

// replayNames does what the call did to names.
func (d *simDisk) replayNames(c call, inside func(string) bool) error {
	var paths []string
	for _, arg := range c.args {
		if strings.HasPrefix(arg, "/") {
			paths = append(paths, filepath.Clean(arg))
		}
	}
	switch {
	case c.failed || len(paths) == 0 || !inside(paths[0]):
		return nil
	case strings.HasPrefix(c.name, "open"):
		flags := strings.Join(c.args, " ")
		if d.now[paths[0]] == nil && strings.Contains(flags, "O_CREAT") {
			d.name("", paths[0], &inode{})
		}
		if strings.Contains(flags, "O_TRUNC") {
			d.now[paths[0]].apply(write{truncate: true})
		}
	case strings.HasPrefix(c.name, "mkdir"):
		d.name("", paths[0], &inode{folder: true})
	case strings.HasPrefix(c.name, "unlink"), c.name == "rmdir":
		d.name(paths[0], "", nil)
	case strings.HasPrefix(c.name, "rename") && len(paths) == 2:
		d.name(paths[0], paths[1], d.now[paths[0]])
	default:
		return fmt.Errorf("%s was not expected", c.name)
	}
	return nil
}
