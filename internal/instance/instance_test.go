package instance

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"waybill/fault"
)

// folderVariable makes the test binary a program that claims a folder.
const folderVariable = "WAYBILL_TEST_CLAIM"

func TestMain(m *testing.M) {
	if dir := os.Getenv(folderVariable); dir != "" {
		os.Exit(program(dir))
	}
	goleak.VerifyTestMain(m)
}

// program claims dir, says what came of it, and as a Holder stays until its
// standard input ends, when it says how often it was asked.
func program(dir string) int {
	h, err := Claim(context.Background(), dir)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	if h == nil {
		fmt.Println("raised")
		return 0
	}
	var asked atomic.Int64
	h.Serve(func(context.Context) error { asked.Add(1); return nil })
	fmt.Println("holder")
	_, _ = io.Copy(io.Discard, os.Stdin)
	h.Close()
	fmt.Println("asked", asked.Load())
	return 0
}

// child is a process of program.
type child struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	out   *bufio.Reader
	first string // its first line
}

func startChild(t *testing.T, dir string) *child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{cmd: exec.CommandContext(t.Context(), self)}
	c.cmd.Env, c.cmd.Stderr = append(os.Environ(), folderVariable+"="+dir), os.Stderr
	out, err := c.cmd.StdoutPipe()
	if err == nil {
		c.stdin, err = c.cmd.StdinPipe()
	}
	if err == nil {
		err = c.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	c.out = bufio.NewReader(out)
	return c
}

func (c *child) line() string {
	line, _ := c.out.ReadString('\n')
	return strings.TrimSpace(line)
}

// rounds is how often the processes begin at once.
func rounds() int {
	if os.Getenv("WAYBILL_SLOW") != "" {
		return 100
	}
	return 4 // of each kind one, and after a kill too
}

// R27: two and ten starts at once, again and again on one folder; the one that
// got it ends in peace or is killed. Every time exactly one holds the folder,
// and every other one has raised it.
func TestR27_TwoAndTenStartsAtOnceGiveOneWindow(t *testing.T) {
	dir := t.TempDir()
	for round := range rounds() {
		n := []int{2, 10}[round%2]
		all := make([]*child, n)
		for i := range all {
			all[i] = startChild(t, dir)
		}
		var reading sync.WaitGroup
		for _, c := range all {
			reading.Go(func() { c.first = c.line() })
		}
		reading.Wait()
		var holder *child
		for _, c := range all {
			switch {
			case c.first == "holder" && holder == nil:
				holder = c
			case c.first != "raised":
				t.Errorf("round %d: of %d processes one says %q", round, n, c.first)
			}
		}
		if holder == nil {
			t.Fatalf("round %d: nobody holds the folder", round)
		}
		if round%4 < 2 {
			_ = holder.stdin.Close()
			if got, want := holder.line(), fmt.Sprint("asked ", n-1); got != want {
				t.Errorf("round %d: the window was %s times, want %s", round, got, want)
			}
		} else if err := holder.cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		for _, c := range all {
			_ = c.stdin.Close()
			_ = c.cmd.Wait()
		}
	}
}

func mustHold(t *testing.T, dir string) *Holder {
	t.Helper()
	h, err := Claim(t.Context(), dir)
	if err != nil || h == nil {
		t.Fatalf("not the holder: %v", err)
	}
	t.Cleanup(h.Close)
	return h
}

// counting serves h and counts how often it is asked.
func counting(h *Holder) *atomic.Int64 {
	n := &atomic.Int64{}
	h.Serve(func(context.Context) error { n.Add(1); return nil })
	return n
}

func TestR27_EachFolderHasAWindowOfItsOwn(t *testing.T) {
	one, other := counting(mustHold(t, t.TempDir())), counting(mustHold(t, t.TempDir()))
	if one.Load()+other.Load() != 0 {
		t.Error("one asked for the other")
	}
}

// Who asks while the holder is closing gets its place, and no window that is
// about to go.
func TestR27_WhoAsksAHolderThatEndsTakesItsPlace(t *testing.T) {
	dir := t.TempDir()
	first := mustHold(t, dir)
	asked := make(chan struct{})
	first.Serve(func(ctx context.Context) error {
		close(asked)
		<-ctx.Done()
		return ctx.Err()
	})
	next := make(chan *Holder, 1)
	go func() {
		h, err := Claim(t.Context(), dir)
		if err != nil {
			t.Error(err)
		}
		next <- h
	}()
	<-asked
	first.Close()
	h := <-next
	if h == nil {
		t.Fatal("raised a window that is gone")
	}
	h.Close()
}

// The app may be told to end before its window is there.
func TestServeAfterCloseDoesNothing(t *testing.T) {
	dir := t.TempDir()
	h := mustHold(t, dir)
	h.Close()
	counting(h) // TestMain looks for what goes on
	mustHold(t, dir)
}

func TestR27_AWindowThatCannotComeIsSaid(t *testing.T) {
	for name, serve := range map[string]func(*Holder){
		"hangs":    func(*Holder) {}, // it takes connections, as a stopped process does, and says nothing
		"refuses":  func(h *Holder) { h.Serve(func(context.Context) error { return errors.New("no window") }) },
		"is stuck": func(h *Holder) { h.Serve(func(ctx context.Context) error { <-ctx.Done(); return nil }) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			serve(mustHold(t, dir))
			h, err := claim(t.Context(), dir, 100*time.Millisecond)
			if f := fault.As(err); h != nil || f == nil || f.Code != "window_stuck" {
				t.Errorf("%v, %v", h, err)
			}
			gone, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := Claim(gone, dir); !fault.Is(err, fault.Canceled) {
				t.Errorf("given up: %v", err)
			}
		})
	}
}

// A path that is too long for a socket's address: the socket lies in the user's
// folder for such things, and without one a second window cannot raise the
// first, but does not open beside it either.
func TestR27_ALongPathIsNoHindrance(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long/", 30))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Run("with a folder for sockets", func(t *testing.T) {
		run, err := os.MkdirTemp("", "run") // a short path, unlike t.TempDir's
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(run) })
		t.Setenv("XDG_RUNTIME_DIR", run)
		asked := counting(mustHold(t, dir))
		if h, err := Claim(t.Context(), dir); h != nil || err != nil || asked.Load() != 1 {
			t.Errorf("not raised: %v, %v, asked %d times", h, err, asked.Load())
		}
	})
	t.Run("without", func(t *testing.T) {
		t.Setenv("XDG_RUNTIME_DIR", "")
		counting(mustHold(t, dir))
		if h, err := claim(t.Context(), dir, 100*time.Millisecond); h != nil || fault.As(err).Code != "window_stuck" {
			t.Errorf("%v, %v", h, err)
		}
	})
}

// R23: where no lock can be had the window opens all the same.
func TestR23_WithoutALockEveryoneIsAHolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, lockFile), 0o700); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		counting(mustHold(t, dir))
	}
}

// What stands where the socket belongs, and is none, is not removed.
func TestI9_AFileInTheSocketsPlaceIsKept(t *testing.T) {
	dir, run := t.TempDir(), t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", run)
	path := filepath.Join(dir, "window.sock")
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	asked := counting(mustHold(t, dir))
	if h, err := Claim(t.Context(), dir); h != nil || err != nil || asked.Load() != 1 {
		t.Errorf("not raised: %v, %v", h, err)
	}
	if text, err := os.ReadFile(path); string(text) != "mine" {
		t.Errorf("%q, %v", text, err)
	}
}
