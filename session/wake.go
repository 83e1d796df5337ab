package session

import (
	"context"
	"errors"
	"sync"

	"waybill/fault"
	"waybill/replica"
)

// Wake says that the computer has slept or come to another network: what is
// being asked of the resource is asked anew over new connections, and the sync
// runs now. It returns at once.
func (m *Manager) Wake() {
	m.o.Transport.Reconnect()
	a := m.current()
	if a == nil {
		return
	}
	a.calls.abandon()
	a.replica.Wake(replica.WakeResume)
}

var errWoken = errors.New("session: the computer has slept or changed its network")

// calls can abandon the calls to a resource that are under way: a connection
// that died while the computer slept says so only after half a minute. Nothing
// is lost or doubled by that, since each call may be repeated; a request for a
// token, which may not, goes on under the ladder.
type calls struct {
	mu   sync.Mutex
	life context.Context // of those under way; nil before the first
	end  context.CancelFunc
}

func (c *calls) abandon() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.end != nil {
		c.end()
	}
	c.life, c.end = nil, nil
}

func (c *calls) underWay() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.life == nil {
		c.life, c.end = context.WithCancel(context.Background())
	}
	return c.life
}

// until returns a context that also ends when the calls are abandoned. done is
// to be called at the end, with the call's error, and returns the right one.
func (c *calls) until(ctx context.Context) (_ context.Context, done func(error) error) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(c.underWay(), func() { cancel(errWoken) })
	return ctx, func(err error) error {
		defer cancel(nil)
		if stop(); err != nil && errors.Is(context.Cause(ctx), errWoken) {
			return fault.New(fault.StepCall, fault.Offline, "woken", "The network changed, or this computer slept, before the server had answered.").Because(err)
		}
		return err
	}
}
