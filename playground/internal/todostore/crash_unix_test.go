//go:build unix

package todostore_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"waybill/playground/internal/todostore"
	"waybill/todo"
)

// child starts this test program again, to run one function in a process of its
// own.
func child(t *testing.T, name, dir string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+name+"$")
	cmd.Env = append(os.Environ(), "TODOSTORE_CHILD="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}

// A process that edits is killed while it does, 20 times on the same folder.
func TestR20_AKilledProcessLosesNoAcknowledgedEdit(t *testing.T) {
	if dir := os.Getenv("TODOSTORE_CHILD"); dir != "" {
		s := open(t, todostore.Options{Dir: dir, Todos: 1})
		for i := len(view(t, s, alice).Items); ; i++ {
			id := fmt.Sprintf("n%d", i)
			create(t, s, todo.Todo{ID: id, Title: id}, id)
			fmt.Println("made", id)
		}
	}
	dir := t.TempDir()
	acknowledged := 0
	for round := range 20 {
		cmd, lines := child(t, t.Name(), dir)
		for stop := 1 + round%7; stop > 0 && lines.Scan(); stop-- {
			acknowledged++
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() { // what it wrote before it was killed counts as well
			if strings.HasPrefix(lines.Text(), "made n") {
				acknowledged++
			}
		}
		_ = cmd.Wait()
		s := open(t, todostore.Options{Dir: dir, Todos: 1})
		there := len(view(t, s, alice).Items) - 1
		if there < acknowledged || there > acknowledged+1 {
			t.Fatalf("round %d: %d to-dos, %d acknowledged", round, there, acknowledged)
		}
		acknowledged = there // one may be written and not acknowledged
	}
	if acknowledged < 20 {
		t.Errorf("only %d edits were made", acknowledged)
	}
}

// The disk is full in the middle of a line: the limit on the file's size cuts
// the write as a full disk would.
func TestR22_AFullDiskRefusesTheEditAndKeepsTheRest(t *testing.T) {
	if dir := os.Getenv("TODOSTORE_CHILD"); dir != "" {
		fullDisk(t, dir)
		fmt.Println("done")
		return
	}
	dir := t.TempDir()
	cmd, lines := child(t, t.Name(), dir)
	done := false
	for lines.Scan() {
		done = done || lines.Text() == "done"
		if !strings.HasPrefix(lines.Text(), "PASS") {
			t.Log(lines.Text())
		}
	}
	if err := cmd.Wait(); err != nil || !done {
		t.Fatalf("the process with the full disk: %v", err)
	}
	if _, err := open(t, todostore.Options{Dir: dir}).Get(alice, "after"); err != nil {
		t.Errorf("the edit after space was freed: %v", err)
	}
}

func fullDisk(t *testing.T, dir string) {
	signal.Ignore(syscall.SIGXFSZ)
	s := open(t, todostore.Options{Dir: dir, Todos: 1})
	before := view(t, s, alice)
	info, err := os.Stat(file(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: uint64(info.Size()) + 20, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(alice, todo.Todo{ID: "full", Title: "Full"}, ""); err == nil {
		t.Error("an edit was taken on a full disk")
	}
	if after := view(t, s, alice); after.ETag != before.ETag {
		t.Error("the refused edit is shown")
	}
	if now, err := os.Stat(file(t, dir)); err != nil || now.Size() != info.Size() {
		t.Errorf("half a line was left behind: %v", err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	create(t, s, todo.Todo{ID: "after", Title: "After"}, "")
}
