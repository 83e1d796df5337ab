package api

import (
	"context"
	"sync/atomic"
	"time"
)

// Limits of one call. A server may trickle its answer, but not for ever.
const (
	stallLimit   = 30 * time.Second // without anything arriving
	mcpCallLimit = 5 * time.Minute
	settleLimit  = 10 * time.Millisecond // for the end of a stream, if its connection is wanted next
	drainLimit   = time.Second           // for the end of a stream whose answer has arrived
	cancelLimit  = time.Second           // for telling the server that a call is cancelled
	patientLimit = 30 * time.Minute      // of a call that the user can cancel, also without anything arriving
)

// limits bound one call in time. Their context ends with the caller's, when the
// client is closed, when nothing arrived for stallLimit, and after mcpCallLimit;
// a patient call's after patientLimit instead.
// Unlike a context of the caller they can outlast the call.
type limits struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	still  time.Duration // without anything arriving
	stall  *time.Timer
	total  *time.Timer
	detach [2]func() bool // from the caller's context and from the client's
	ended  atomic.Bool
}

func newLimits(caller, root context.Context, patient bool) *limits {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(caller))
	l, total := &limits{ctx: ctx, cancel: cancel, still: stallLimit}, mcpCallLimit
	if patient {
		l.still, total = patientLimit, patientLimit
	}
	l.detach = [2]func() bool{
		context.AfterFunc(caller, func() { cancel(context.Cause(caller)) }),
		context.AfterFunc(root, func() { cancel(errClosed) }),
	}
	l.stall = time.AfterFunc(l.still, func() { cancel(errStalled) })
	l.total = time.AfterFunc(total, func() { cancel(errStalled) })
	return l
}

// progress tells that something arrived.
func (l *limits) progress() {
	if !l.ended.Load() {
		l.stall.Reset(l.still)
	}
}

// stop frees everything. It must be called once the answer is read.
func (l *limits) stop() {
	l.ended.Store(true)
	l.stall.Stop()
	l.total.Stop()
	for _, detach := range l.detach {
		detach()
	}
	l.cancel(nil)
}

// stopWhen is stop as soon as all of done are closed, and after drainLimit at
// the latest. Until then the end of the caller's context changes nothing, so that
// a connection whose answer is complete can be used again.
func (l *limits) stopWhen(done []chan struct{}, root context.Context) {
	l.ended.Store(true)
	l.detach[0]()
	l.stall.Stop()
	timer := time.NewTimer(drainLimit)
	go func() {
		defer timer.Stop()
		defer l.stop()
		for _, closed := range done {
			select {
			case <-closed:
			case <-timer.C:
				return
			case <-root.Done():
				return
			}
		}
	}()
}
