// Package instance lets one window at a time be open on a data folder.
//
// Invariant: of all processes of this computer that claim a folder at most one
// holds it, however many begin at once and however the one before ended; the
// others can do no more than ask it to come to the front. Only processes of the
// same user can ask, and nothing but the question and its answer crosses.
//
// Who holds the folder is decided by a file lock in it, which the system takes
// back from a process that is killed. The question is asked through a Unix
// socket, which every system that Waybill runs on has (Windows since 2018); what
// is left of one after a kill is in nobody's way.
package instance

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"waybill/fault"
	"waybill/internal/disk"
)

const (
	lockFile = "window.lock"

	// retry is how often a claim is tried while the holder begins or ends.
	retry = 20 * time.Millisecond
	// answerLimit is how long the holder may take to come to the front: it may
	// be drawing its first window. One that takes longer hangs.
	answerLimit = 15 * time.Second
	// talkLimit is how long the holder listens to one that says nothing.
	talkLimit = time.Second

	question = "waybill: come to the front\n"
	answer   = "waybill: done\n"
)

// Holder is the one process whose window is open on a folder.
type Holder struct {
	unlock func()
	socket net.Listener    // nil: nobody can ask
	life   context.Context // ends with Close
	end    context.CancelFunc
	close  func()

	mu    sync.Mutex // guards that no task begins after Close
	tasks sync.WaitGroup
}

// Claim makes this process the Holder of dir, a folder that is the user's
// alone. If another one is, it is asked to come to the front instead, and when
// it has, Claim returns nil and no error. The error is a Fault of code
// "window_stuck" if it does not, or the one that ended ctx.
//
// On a disk where no lock can be had, such as a read-only one, everyone who
// claims is a Holder.
func Claim(ctx context.Context, dir string) (*Holder, error) { return claim(ctx, dir, answerLimit) }

func claim(ctx context.Context, dir string, limit time.Duration) (*Holder, error) {
	limited, cancel := context.WithTimeoutCause(ctx, limit, errStuck)
	defer cancel()
	tick := time.NewTicker(retry)
	defer tick.Stop()
	for {
		unlock, held, err := disk.TryLock(filepath.Join(dir, lockFile))
		switch {
		case err != nil:
			return hold(func() {}, nil), nil
		case held:
			return hold(unlock, listen(dir)), nil
		case ask(limited, dir):
			return nil, nil
		}
		select {
		case <-tick.C:
		case <-limited.Done():
			return nil, fault.As(context.Cause(limited))
		}
	}
}

var errStuck = fault.New(fault.StepSetup, fault.Failed, "window_stuck", "Waybill is open already, but its window does not answer.").
	WithRemedy("Wait a moment and try again, or end it and start it anew; what you saved is safe.")

func hold(unlock func(), socket net.Listener) *Holder {
	h := &Holder{unlock: unlock, socket: socket}
	h.life, h.end = context.WithCancel(context.Background())
	h.close = sync.OnceFunc(h.shut)
	return h
}

// Serve calls raise whenever another process asks for the window, possibly on
// several goroutines at once, until Close. raise returns when the window is in
// front, or an error if it cannot be; its context ends with Close. Serve
// returns at once and must be called only once. Who asks before it is called
// waits.
func (h *Holder) Serve(raise func(context.Context) error) {
	if h.socket != nil {
		h.begin(func() { h.accept(raise) })
	}
}

func (h *Holder) begin(task func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.life.Err() == nil {
		h.tasks.Go(task)
	}
}

func (h *Holder) accept(raise func(context.Context) error) {
	for {
		c, err := h.socket.Accept()
		if err == nil {
			h.tasks.Go(func() { reply(h.life, c, raise) })
			continue
		}
		select {
		case <-h.life.Done():
			return
		case <-time.After(retry): // too many files are open, for one
		}
	}
}

// Close gives the folder up and may be called again. A process that asks from
// now on, or has asked and had no answer yet, becomes the next Holder.
func (h *Holder) Close() { h.close() }

func (h *Holder) shut() {
	h.mu.Lock()
	h.end()
	h.mu.Unlock()
	if h.socket != nil {
		_ = h.socket.Close() // and removes it
	}
	h.tasks.Wait()
	h.unlock()
}

// reply answers one question.
func reply(ctx context.Context, c net.Conn, raise func(context.Context) error) {
	defer c.Close()
	if !sameUser(c) {
		return
	}
	_ = c.SetDeadline(time.Now().Add(talkLimit))
	defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })()
	got := make([]byte, len(question))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != question {
		return
	}
	if err := raise(ctx); err != nil {
		return
	}
	_ = c.SetDeadline(time.Now().Add(talkLimit))
	_, _ = io.WriteString(c, answer)
}

// ask asks the holder of dir to come to the front and reports whether it did.
// It did not if it has not begun to listen, or has ended.
func ask(ctx context.Context, dir string) bool {
	for _, path := range places(dir) {
		c, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
		if err != nil {
			continue
		}
		defer c.Close()
		defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })()
		if !sameUser(c) {
			continue
		}
		if _, err := io.WriteString(c, question); err != nil {
			return false
		}
		got, err := io.ReadAll(io.LimitReader(c, int64(len(answer))))
		return err == nil && string(got) == answer
	}
	return false
}

// listen makes the socket in the first place where that can be done, and
// returns nil if there is none: then nobody can ask. The lock is held.
func listen(dir string) net.Listener {
	for _, path := range places(dir) {
		if disk.EnsureFolder(filepath.Dir(path)) != nil {
			continue
		}
		if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSocket != 0 {
			_ = os.Remove(path) // of a holder that was killed
		}
		l, err := net.Listen("unix", path)
		if err != nil {
			continue
		}
		_ = os.Chmod(path, 0o600) // its folder is closed to others all the same
		return l
	}
	return nil
}
