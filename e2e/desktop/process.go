package desktop

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Result is how a finished command ended.
type Result struct {
	Stdout, Stderr string
	Code           int // -1 when a signal ended it
}

// Process is a command that was started and may still run.
type Process struct {
	Stdout, Stderr *Output

	t    testing.TB
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

// Run runs a command to its end, at most a minute long.
func (d *Desktop) Run(env []string, name string, args ...string) Result {
	d.t.Helper()
	return d.RunWith(env, "", name, args...)
}

// RunWith is Run with text on standard input.
func (d *Desktop) RunWith(env []string, stdin, name string, args ...string) Result {
	d.t.Helper()
	p := d.start(env, strings.NewReader(stdin), name, args...)
	return p.Wait(time.Minute)
}

// Start starts a command and ends it with the test at the latest.
func (d *Desktop) Start(env []string, name string, args ...string) *Process {
	d.t.Helper()
	return d.start(env, nil, name, args...)
}

// StartWith is Start with text on standard input.
func (d *Desktop) StartWith(env []string, stdin, name string, args ...string) *Process {
	d.t.Helper()
	return d.start(env, strings.NewReader(stdin), name, args...)
}

func (d *Desktop) start(env []string, stdin io.Reader, name string, args ...string) *Process {
	d.t.Helper()
	p := &Process{Stdout: &Output{}, Stderr: &Output{}, t: d.t, done: make(chan struct{})}
	p.cmd = exec.Command(name, args...)
	p.cmd.Env, p.cmd.Dir, p.cmd.Stdin = env, d.Home, stdin
	p.cmd.Stdout, p.cmd.Stderr = p.Stdout, p.Stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// A child that outlives the command must not keep Wait from returning.
	p.cmd.WaitDelay = 2 * time.Second
	if err := p.cmd.Start(); err != nil {
		d.t.Fatalf("%s cannot be started: %v", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	d.t.Cleanup(func() { p.Stop() })
	return p
}

// Wait waits for the end of the command and says how it ended.
func (p *Process) Wait(limit time.Duration) Result {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(limit):
		// A Go program answers this with what each of its goroutines waits for.
		_ = p.cmd.Process.Signal(syscall.SIGQUIT)
		select {
		case <-p.done:
		case <-time.After(5 * time.Second):
		}
		p.Stop()
		p.t.Fatalf("%s did not end within %s\nstdout:\n%s\nstderr:\n%s", p.cmd, limit, p.Stdout, p.Stderr)
	}
	return p.result()
}

func (p *Process) result() Result {
	return Result{p.Stdout.String(), p.Stderr.String(), p.cmd.ProcessState.ExitCode()}
}

// Running reports whether the command has not ended yet.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// PID is the command's process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Interrupt asks the command to end, as Ctrl+C does.
func (p *Process) Interrupt() { _ = p.cmd.Process.Signal(os.Interrupt) }

// Kill ends the command without warning and waits until it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Stop asks the command and its children to end and, when they do not, ends
// them. It returns when the command is gone.
func (p *Process) Stop() Result {
	group := -p.cmd.Process.Pid
	if p.Running() {
		_ = syscall.Kill(group, syscall.SIGTERM)
		select {
		case <-p.done:
		case <-time.After(5 * time.Second):
		}
	}
	if err := syscall.Kill(group, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		p.t.Logf("%s could not be ended: %v", p.cmd, err)
	}
	<-p.done
	return p.result()
}

// Output collects what a command prints. It is safe for concurrent use.
type Output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write appends what the command printed.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// String is all that was printed so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// Line waits for the first whole line that suits and returns it.
func (o *Output) Line(ctx context.Context, suits func(string) bool) (string, bool) {
	found := ""
	look := func() bool {
		lines := strings.Split(o.String(), "\n")
		for _, line := range lines[:len(lines)-1] {
			if suits(line) {
				found = line
				return true
			}
		}
		return ctx.Err() != nil
	}
	limit := time.Minute
	if deadline, ok := ctx.Deadline(); ok {
		limit = time.Until(deadline)
	}
	Eventually(limit, look)
	return found, found != ""
}
