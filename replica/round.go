package replica

import (
	"context"
	"time"

	"waybill/api"
	"waybill/fault"
	"waybill/internal/disk"
)

// round brings the two sides together once: it sends what is waiting and, if
// asked to or due, fetches what the server has.
func (r *Replica) round(ctx context.Context, c api.Client, why reasons) error {
	release, err := r.own(ctx)
	if err != nil {
		return err
	}
	defer release()
	r.mu.Lock()
	err = r.lookElsewhere()
	fetchFirst := r.m.sync.at.IsZero() || r.m.sync.pullFirst || r.doubtfulCreates()
	due := time.Since(r.sync.lastPull) // of the monotonic clock: setting the clock does not stop the sync
	r.mu.Unlock()
	if err != nil {
		return err
	}
	fetch := due >= pollActive || why != setOf(WakeEdit) && (due >= pullFloor || why.has(setOf(WakeUser, WakeSignedIn, WakeNetwork, WakeResume)))
	if fetchFirst {
		if err := r.pull(ctx, c); err != nil {
			return err
		}
		fetch = false
	}
	if err := r.readCapabilities(ctx, c, why); err != nil && stops(err) {
		return err
	}
	sent := r.push(ctx, c)
	fetch = fetch || r.inDoubt()
	mayRead := sent == nil || !stops(sent) || fault.Is(sent, fault.Denied) || fault.Is(sent, fault.ReadOnly)
	if !fetch || !mayRead {
		return sent
	}
	if err := r.pull(ctx, c); err != nil {
		return err
	}
	// What the listing changed may have made more to send: a to-do that is gone
	// at the server and was edited here, for one.
	if again := r.push(ctx, c); sent == nil {
		sent = again
	}
	return sent
}

// inDoubt reports whether a to-do was found to be gone while it was sent. It
// may have been deleted, or the server may have been set up anew and have it
// under another id.
func (r *Replica) inDoubt() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.sync.doubt) > 0
}

// lookElsewhere reads what other processes wrote, and shows it. mu is held.
func (r *Replica) lookElsewhere() error {
	if r.failed != nil {
		return r.failed
	}
	before := r.store.last
	err := r.catchUp()
	if r.store.last != before {
		r.publish()
	}
	if err != nil {
		err = r.noteStore(err)
	}
	return err
}

// own waits until this process is the one that sends and fetches.
func (r *Replica) own(ctx context.Context) (release func(), err error) {
	unlock := func() {}
	if r.o.Dir != "" {
		ctx, cancel := context.WithTimeout(ctx, ownLimit)
		defer cancel()
		if unlock, err = disk.Lock(ctx, r.files.syncLock()); err != nil {
			return nil, err
		}
	}
	set := func(owner bool) {
		r.mu.Lock()
		r.sync.owner = owner
		r.mu.Unlock()
	}
	set(true)
	return func() {
		set(false)
		unlock()
	}, nil
}

// readCapabilities asks once per Run what can be done; again where nothing can
// be changed, and the user asks for a sync or has changes that wait.
func (r *Replica) readCapabilities(ctx context.Context, c api.Client, why reasons) error {
	r.mu.Lock()
	read := r.sync.capsRead
	again := r.m.sync.known && !r.m.sync.caps.Write && (r.m.waiting > 0 || why.has(setOf(WakeUser)))
	r.mu.Unlock()
	if read && !again {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	caps, err := c.Capabilities(ctx)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sync.capsRead = true
	if r.m.sync.known && r.m.sync.caps == caps {
		return nil
	}
	return r.commit(func() ([]*record, error) {
		s := r.syncRecord()
		s.known, s.caps = true, caps
		return []*record{{sync: s}}, nil
	})
}

// stops reports whether a Fault concerns everything that would be sent, not
// one to-do alone.
func stops(err error) bool {
	f := fault.As(err)
	switch f.Kind {
	case fault.Invalid, fault.NotFound, fault.Conflict:
		return false
	case fault.Offline, fault.Failed:
		return f.Status == 0 || f.RetryAfter >= 0 || f.Code == "captive_portal" || f.Step != fault.StepCall
	default:
		return true
	}
}
