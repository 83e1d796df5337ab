package virtualnet

import (
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// window is how much one direction holds before a writer waits, so that an
// endless answer costs no endless memory.
const window = 1 << 20

// pair makes the two ends of a connection. n.mu is held.
func (n *Network) pair(to net.Addr) (client, server *conn) {
	up, down := newHalf(n.rtt/2, n.line), newHalf(n.rtt/2, n.line)
	from := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 2), Port: 40000 + len(n.dials)%20000}
	client = &conn{network: n, in: down, out: up, local: from, remote: to}
	server = &conn{network: n, in: up, out: down, local: to, remote: from}
	n.conns[client], n.conns[server] = struct{}{}, struct{}{}
	return client, server
}

type conn struct {
	network       *Network
	in, out       *half
	local, remote net.Addr
	reads, writes deadline
}

func (c *conn) Read(p []byte) (int, error)  { return c.in.read(p, &c.reads) }
func (c *conn) Write(p []byte) (int, error) { return c.out.write(p, &c.writes) }

// Close lets the other end read what is under way, then the end of the stream.
func (c *conn) Close() error {
	c.out.finish(io.EOF)
	c.in.abandon(net.ErrClosed)
	c.network.mu.Lock()
	delete(c.network.conns, c)
	c.network.mu.Unlock()
	return nil
}

// abort breaks the connection for both ends at once.
func (c *conn) abort() {
	c.in.abandon(syscall.ECONNRESET)
	c.out.abandon(syscall.ECONNRESET)
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

func (c *conn) SetDeadline(t time.Time) error {
	c.reads.set(t)
	c.writes.set(t)
	return nil
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.reads.set(t)
	return nil
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.writes.set(t)
	return nil
}

// half is one direction: bytes that arrive after a delay.
type half struct {
	delay time.Duration
	line  line

	mu     sync.Mutex
	last   time.Time // when what was sent last arrives
	parts  []part
	held   int
	end    error         // what a reader gets after the parts; nil: still open
	broken error         // what both sides get at once; nil: intact
	turn   chan struct{} // closed and replaced whenever something changed
}

// part is what one write brought.
type part struct {
	at   time.Time
	data []byte
}

func newHalf(delay time.Duration, l line) *half {
	return &half{delay: delay, line: l, turn: make(chan struct{})}
}

// line is how a connection is besides its delay. The zero value is as quick as
// can be.
type line struct {
	perSecond int // bytes
	jitter    time.Duration
}

// packet is how many bytes arrive together on a line that is not quick.
const packet = 512

// send puts a copy of p on its way, in order after what is there. h.mu is held.
func (h *half) send(p []byte) {
	for len(p) > 0 {
		n := len(p)
		if h.line != (line{}) {
			n = min(n, packet)
		}
		at := time.Now().Add(h.delay)
		if h.line.jitter > 0 {
			at = at.Add(rand.N(h.line.jitter))
		}
		at = later(at, h.last)
		if h.line.perSecond > 0 {
			at = at.Add(time.Duration(n) * time.Second / time.Duration(h.line.perSecond))
		}
		h.last = at
		h.parts, p = append(h.parts, part{at, append([]byte(nil), p[:n]...)}), p[n:]
	}
}

// changed wakes all who wait. h.mu is held.
func (h *half) changed() {
	close(h.turn)
	h.turn = make(chan struct{})
}

func (h *half) read(p []byte, limit *deadline) (int, error) {
	for {
		expired, over := limit.state()
		if over {
			return 0, os.ErrDeadlineExceeded
		}
		h.mu.Lock()
		turn := h.turn
		var arrival <-chan time.Time
		var timer *time.Timer
		switch {
		case h.broken != nil:
			defer h.mu.Unlock()
			return 0, h.broken
		case len(h.parts) == 0:
		case time.Until(h.parts[0].at) > 0:
			timer = time.NewTimer(time.Until(h.parts[0].at))
			arrival = timer.C
		case h.parts[0].data == nil:
			defer h.mu.Unlock()
			return 0, h.end
		default:
			defer h.mu.Unlock()
			return h.take(p), nil
		}
		h.mu.Unlock()
		select {
		case <-turn:
		case <-arrival:
		case <-expired:
		}
		if timer != nil {
			timer.Stop()
		}
	}
}

// take copies out what has arrived. h.mu is held.
func (h *half) take(p []byte) int {
	n := copy(p, h.parts[0].data)
	if h.parts[0].data = h.parts[0].data[n:]; len(h.parts[0].data) == 0 {
		h.parts = h.parts[1:]
	}
	if h.held -= n; n > 0 {
		h.changed()
	}
	return n
}

func (h *half) write(p []byte, limit *deadline) (int, error) {
	sent := 0
	for {
		expired, over := limit.state()
		if over {
			return sent, os.ErrDeadlineExceeded
		}
		h.mu.Lock()
		switch {
		case h.broken != nil:
			defer h.mu.Unlock()
			return sent, h.broken
		case h.end != nil:
			h.mu.Unlock()
			return sent, net.ErrClosed
		}
		if n := min(len(p), window-h.held); n > 0 {
			h.send(p[:n])
			h.held += n
			h.changed()
			sent, p = sent+n, p[n:]
		}
		turn := h.turn
		h.mu.Unlock()
		if len(p) == 0 {
			return sent, nil
		}
		select {
		case <-turn:
		case <-expired:
		}
	}
}

// finish is called by the writing end: after what is under way, end.
func (h *half) finish(end error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.end == nil && h.broken == nil {
		h.end = end
		h.parts = append(h.parts, part{at: later(time.Now().Add(h.delay), h.last)})
		h.changed()
	}
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// abandon is called by the reading end, or when the connection breaks: nobody
// reads any more.
func (h *half) abandon(why error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.broken == nil {
		h.broken, h.parts, h.held = why, nil, 0
		h.changed()
	}
}

// deadline wakes those who wait when its time has come. The zero value has
// none.
type deadline struct {
	mu    sync.Mutex
	at    time.Time
	timer *time.Timer
	over  chan struct{}
}

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	// Those who wait look again at what holds now.
	if d.over != nil {
		closeOnce(d.over)
	}
	d.at, d.over = t, make(chan struct{})
	if t.IsZero() {
		return
	}
	over, left := d.over, time.Until(t)
	if left <= 0 {
		// A timer that is due would run on the spot, in the bubble's one race
		// context: two at once corrupt the race detector (golang/go#78156).
		closeOnce(over)
		return
	}
	d.timer = time.AfterFunc(left, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		closeOnce(over)
	})
}

func closeOnce(c chan struct{}) {
	select {
	case <-c:
	default:
		close(c)
	}
}

// state returns a channel that is closed when the deadline changes or has
// come, and whether it has come.
func (d *deadline) state() (<-chan struct{}, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over == nil {
		d.over = make(chan struct{})
	}
	return d.over, !d.at.IsZero() && !time.Now().Before(d.at)
}
