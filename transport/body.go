package transport

import (
	"context"
	"io"
	"math"
	"net/http"
	"sync"
	"time"

	"waybill/fault"
)

// watch ends an exchange that takes too long.
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer

	copied func() (io.ReadCloser, error) // another copy of the request's body; nil: there is none
	tape   *tape                         // of the exchange under way; nil: it is not recorded

	mu   sync.Mutex
	wait time.Duration // between two reads; 0: no limit
	over bool
}

func newWatch(parent context.Context, role Role) *watch {
	w := &watch{}
	w.ctx, w.cancel = context.WithCancelCause(parent)
	limit := smallLimit
	switch role {
	case Resource:
		limit = headerLimit
	case Stream:
		limit = streamLimit
	}
	w.timer = time.AfterFunc(limit, func() { w.cancel(errTooSlow) })
	return w
}

// keepFor changes the limit to one between two reads.
func (w *watch) keepFor(d time.Duration) {
	w.mu.Lock()
	w.wait = d
	w.mu.Unlock()
	w.progress()
}

// pause lifts the limit: a stream may stay silent.
func (w *watch) pause() { w.timer.Stop() }

// progress starts the limit between two reads anew.
func (w *watch) progress() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.wait > 0 && !w.over {
		w.timer.Reset(w.wait)
	}
}

// endIn ends the exchange after d, however much still comes.
func (w *watch) endIn(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wait = 0
	w.timer.Reset(d)
}

func (w *watch) stop() {
	w.mu.Lock()
	w.over = true
	w.mu.Unlock()
	w.timer.Stop()
	w.cancel(context.Canceled)
}

// unbounded is the cap of a body whose parts are capped instead.
const unbounded = math.MaxInt64

// body is an answer's body with a cap, a limit between reads, and Faults for
// errors.
type body struct {
	rc    io.ReadCloser
	watch *watch
	step  fault.Step
	host  string
	left  int64
	err   error // what ended the body
}

func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if len(p) > 0 && b.left < int64(len(p)) {
		p = p[:b.left+1] // one byte more than allowed shows that there is more
	}
	n, err := b.rc.Read(p)
	b.watch.progress()
	if int64(n) > b.left {
		n, err = int(b.left), tooLarge(b.step, b.host)
	} else if err != nil && err != io.EOF {
		err = classify(b.step, b.host, b.watch.ctx, &cut{err})
	}
	b.left -= int64(n)
	b.err = err
	return n, err
}

// Close frees the connection for the next request if little of the answer is
// unread, and closes it otherwise.
func (b *body) Close() error {
	if b.err == nil && b.left != unbounded {
		b.watch.endIn(time.Second)
		_, _ = io.CopyN(io.Discard, b, drainCap)
	}
	err := b.rc.Close()
	if b.err == nil || b.err == io.EOF {
		b.err = http.ErrBodyReadAfterClose
	}
	b.watch.stop()
	return err
}

// events caps every message of an event stream instead of the whole; a line is
// part of a message, so it is capped as well.
type events struct {
	*body
	size  int  // bytes since the last message ended
	empty bool // nothing yet on this line
	cr    bool // the last byte was a carriage return
}

func (e *events) Read(p []byte) (int, error) {
	n, err := e.body.Read(p)
	for i, c := range p[:n] {
		if e.size++; e.size > messageCap {
			e.body.err = tooLarge(e.step, e.host)
			return i, e.body.err
		}
		switch {
		case c == '\n' && e.cr: // the second half of a line end
		case c == '\n' || c == '\r':
			if e.empty {
				e.size = 0
			}
			e.empty = true
		default:
			e.empty = false
		}
		e.cr = c == '\r'
	}
	return n, err
}

func tooLarge(step fault.Step, host string) *fault.Fault {
	return fault.New(step, fault.Hostile, "too_large",
		"The server at "+fault.Clean(host, 80)+" sent far more than such an answer can hold, and it was not read.")
}
