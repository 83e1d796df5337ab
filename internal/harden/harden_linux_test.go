package harden

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// The test hardens and crashes a process of its own: this test binary, started
// again with crashVariable set.
const crashVariable = "WAYBILL_TEST_HARDEN_CRASH"

func TestMain(m *testing.M) {
	if os.Getenv(crashVariable) == "" {
		os.Exit(m.Run())
	}
	if err := Process(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	var limit unix.Rlimit
	err := unix.Getrlimit(unix.RLIMIT_CORE, &limit)
	dumpable, err2 := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	fmt.Println("limit", limit.Cur, limit.Max, err, "dumpable", dumpable, err2)
	panic("crash") // with GOTRACEBACK=crash it ends in SIGABRT, which dumps core where that is allowed
}

func TestS93_NoCoreFileAndNotDumpable(t *testing.T) {
	folder := t.TempDir()
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Dir, command.Env = folder, append(os.Environ(), crashVariable+"=1", "GOTRACEBACK=crash")
	out, _ := command.CombinedOutput()
	if !strings.Contains(string(out), "limit 0 0 <nil> dumpable 0 <nil>") {
		t.Errorf("the process says %q", out)
	}
	if left, _ := filepath.Glob(filepath.Join(folder, "*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}
