package replica

import (
	"context"
	"math/rand/v2"
	"time"

	"waybill/api"
	"waybill/fault"
)

// Timing of the sync.
const (
	pollActive = time.Minute      // between fetches while the user is there
	pollIdle   = 5 * time.Minute  // and while not
	activeFor  = 10 * time.Minute // how long the user counts as there
	pullFloor  = 5 * time.Second  // between fetches that nobody asked for

	backOffFirst  = time.Second
	backOffActive = 25 * time.Second // with the round itself, back in sync within 30 s of the last fault
	backOffIdle   = 5 * time.Minute
	maxRetryAfter = time.Hour

	callLimit = 30 * time.Second // for one to-do
	listLimit = 5 * time.Minute  // for all of them, on a slow line
	ownLimit  = 2 * time.Minute  // for another process to be done
)

// reasons is a set of Reason.
type reasons uint

func (s reasons) has(any reasons) bool { return s&any != 0 }

func setOf(list ...Reason) (s reasons) {
	for _, reason := range list {
		s |= 1 << reason
	}
	return s
}

var errRunning = fault.New(fault.StepStore, fault.Failed, "already_running", "The sync of these to-dos is running already.")

// Run keeps the copy in step with the server until ctx ends or the Replica is
// closed, and returns nil then. Several processes may run at the same time: at
// each moment one of them sends and fetches. It must not be called again
// before it has returned.
func (r *Replica) Run(ctx context.Context, client api.Client) error {
	if err := r.whenLoaded(ctx); err != nil {
		return nil // ctx has ended
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(r.life, cancel)()
	if err := r.startRun(); err != nil {
		return err
	}
	defer r.stopRun()
	unproved := r.o.Dir != ""
	next := setOf(WakeUser) // the first round is a whole one
	for failures := 0; ctx.Err() == nil; {
		waiters, more := r.takeWaiters()
		err := r.round(ctx, client, next|more)
		if ctx.Err() == nil {
			r.noteRound(err) // before SyncNow returns, whose callers look at the status
		}
		for _, w := range waiters {
			w <- err
		}
		if failures++; err == nil {
			failures = 0
			if unproved {
				unproved = false
				r.dropBackUps()
			}
		}
		if ctx.Err() != nil {
			break
		}
		r.maintain()
		next = r.sleep(ctx, r.pause(err, failures))
	}
	return nil
}

func (r *Replica) startRun() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.life.Err() != nil:
		return errClosed
	case r.failed != nil:
		return r.failed
	case r.sync.running:
		return errRunning
	}
	r.sync.running, r.sync.capsRead, r.sync.active = true, false, time.Now()
	r.work.Add(1)
	return nil
}

func (r *Replica) stopRun() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sync.running, r.sync.phase = false, idle
	for _, w := range r.sync.waiters {
		w <- errClosed
	}
	r.sync.waiters = nil
	r.publish()
	r.work.Done()
}

// takeWaiters begins a round: it is for everything that has been asked for until
// now.
func (r *Replica) takeWaiters() (waiters []chan error, why reasons) {
	r.mu.Lock()
	defer r.mu.Unlock()
	waiters, why = r.sync.waiters, r.sync.reasons
	r.sync.waiters, r.sync.reasons = nil, 0
	r.sync.asked = len(waiters) > 0
	return waiters, why
}

// SyncNow has Run do a whole round now, whatever it was waiting for, and
// returns that round's error, or nil. It waits for a Run that has yet to begin,
// as long as ctx lasts.
func (r *Replica) SyncNow(ctx context.Context) error {
	if err := r.ready(ctx); err != nil {
		return err
	}
	done := make(chan error, 1)
	r.mu.Lock()
	r.sync.waiters = append(r.sync.waiters, done)
	r.wakeFor(WakeUser)
	r.mu.Unlock()
	select {
	case err := <-done:
		return err
	case <-r.life.Done():
		return errClosed
	case <-ctx.Done():
		return fault.As(ctx.Err())
	}
}

// Wake tells Run that a sync is worth trying. What a server asked to wait for
// is waited for, unless the user asks.
func (r *Replica) Wake(reason Reason) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wakeFor(reason)
}

// wakeFor is Wake with mu held.
func (r *Replica) wakeFor(reason Reason) {
	r.sync.reasons |= setOf(reason)
	r.sync.active = time.Now()
	select {
	case r.sync.wake <- struct{}{}:
	default:
	}
}

// pause is how long to wait before the next round, and what may cut that short.
type pause struct {
	limited bool // false: until something cuts it short
	length  time.Duration
	cuts    reasons
}

// pause decides on the time until the next round.
func (r *Replica) pause(err error, failures int) pause {
	r.mu.Lock()
	active := time.Since(r.sync.active) < activeFor
	r.mu.Unlock()
	// An edit that is made while the server is away is no news about the server.
	news := setOf(WakeFocus, WakeNetwork, WakeResume, WakeSignedIn, WakeUser)
	poll, most := pollIdle, backOffIdle
	if active {
		poll, most = pollActive, backOffActive
	}
	if err == nil {
		return pause{true, poll, news | setOf(WakeEdit)}
	}
	f := fault.As(err)
	switch {
	case f.Kind == fault.SignInNeeded || f.Kind == fault.StepUp:
		return pause{cuts: setOf(WakeSignedIn, WakeUser)}
	case f.RetryAfter > 0:
		asked := min(time.Duration(f.RetryAfter)*time.Second, maxRetryAfter)
		return pause{true, asked + time.Duration(rand.Float64()*0.2*float64(asked)), setOf(WakeUser, WakeSignedIn)}
	case f.Kind == fault.Offline || f.Kind == fault.Failed || f.Kind == fault.Conflict:
		return pause{true, backOff(failures, most), news}
	default: // asking again soon does not help
		return pause{true, pollIdle, setOf(WakeSignedIn, WakeUser, WakeNetwork, WakeResume)}
	}
}

// backOff is a random time up to one that doubles with every failure.
func backOff(failures int, most time.Duration) time.Duration {
	ceiling := most
	if failures < 10 {
		ceiling = min(most, backOffFirst<<max(failures-1, 0))
	}
	return time.Duration(rand.Int64N(int64(ceiling))) + time.Millisecond
}

// sleep waits, and returns why it ended; 0 is the time.
func (r *Replica) sleep(ctx context.Context, p pause) reasons {
	var over <-chan time.Time
	if p.limited {
		timer := time.NewTimer(p.length)
		defer timer.Stop()
		over = timer.C
	}
	for {
		r.mu.Lock()
		got := r.sync.reasons
		if got.has(p.cuts) {
			r.sync.reasons = 0
			r.mu.Unlock()
			return got
		}
		r.mu.Unlock()
		select {
		case <-r.sync.wake:
		case <-over:
			r.mu.Lock()
			r.sync.reasons = 0
			r.mu.Unlock()
			return 0
		case <-ctx.Done():
			return 0
		}
	}
}

// dropBackUps drops what was kept for the case that a migration had gone wrong.
func (r *Replica) dropBackUps() {
	if err := r.files.removeBackUps(); err != nil {
		r.log.Warn("the copy from before an update was not removed", "code", fault.As(err).Code)
	}
}

// noteRound keeps how a round ended, for the status.
func (r *Replica) noteRound(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sync.phase, r.sync.asked, r.sync.last = idle, false, nil
	if err != nil {
		f := fault.As(err)
		if r.sync.store == nil { // that one is shown instead
			r.sync.last = f
		}
		r.log.Info("sync round failed", "step", f.Step, "code", f.Code, "kind", int(f.Kind), "status", f.Status)
	}
	r.publish()
}
