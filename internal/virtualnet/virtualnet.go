// Package virtualnet is a network in memory for tests: real TLS, HTTP/1.1 and
// HTTP/2 over connections whose only property is a round-trip time, unless SetLine
// gives them more.
//
// Invariant: nothing but timers and channels makes a connection wait, so inside
// a bubble of testing/synctest all time is virtual and a round trip costs
// exactly what New was told. Outside of a bubble the same network runs in real
// time. Nothing ever leaves the process, and what is not served is refused and
// counted.
package virtualnet

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Network is one such network. It is safe for concurrent use.
type Network struct {
	rtt   time.Duration
	certs *authority

	mu        sync.Mutex
	listeners map[string]*listener
	servers   []*http.Server
	conns     map[*conn]struct{}
	offline   bool
	line      line
	log       []Request
	dials     []string
	refused   []string

	serving  sync.WaitGroup
	handlers int        // under way
	idle     *sync.Cond // no handler is; on mu
}

// Request is one request that a server of the network has received.
type Request struct {
	Host   string // host:port that serves
	Method string
	Path   string // without the query
	Proto  string // "HTTP/1.1" or "HTTP/2.0"
	At     time.Time
}

// String is method, host and path.
func (r Request) String() string { return r.Method + " " + r.Host + r.Path }

// New makes a network on which a round trip takes rtt. Inside a bubble, call it
// there: its certificates are valid around the time of the call.
func New(rtt time.Duration) *Network {
	n := &Network{rtt: rtt, certs: newAuthority(), listeners: map[string]*listener{}, conns: map[*conn]struct{}{}}
	n.idle = sync.NewCond(&n.mu)
	return n
}

// SetLine makes connections that are opened from now on carry at most that many
// bytes a second each way (0: any number), and be late by up to jitter besides.
func (n *Network) SetLine(bytesPerSecond int, jitter time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.line = line{bytesPerSecond, jitter}
}

// Listen accepts connections to addr, host:port, without TLS. Any host name
// will do.
func (n *Network) Listen(addr string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners[addr] != nil {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Addr: address(host, port), Err: syscall.EADDRINUSE}
	}
	l := &listener{network: n, key: addr, addr: address(host, port), queue: make(chan net.Conn), done: make(chan struct{})}
	n.listeners[addr] = l
	return l, nil
}

// DialContext connects to addr in one round trip. It can stand for
// net.Dialer.DialContext.
func (n *Network) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	n.mu.Lock()
	n.dials = append(n.dials, addr)
	n.mu.Unlock()
	if err := wait(ctx, n.rtt); err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	l, offline := n.listeners[addr], n.offline
	if l == nil || offline {
		n.refused = append(n.refused, addr)
		n.mu.Unlock()
		reason := syscall.ECONNREFUSED
		if offline {
			reason = syscall.ENETUNREACH
		}
		return nil, &net.OpError{Op: "dial", Net: network, Addr: address(host, port), Err: reason}
	}
	client, server := n.pair(l.addr)
	n.mu.Unlock()
	select {
	case l.queue <- server:
		return client, nil
	case <-l.done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	_ = client.Close()
	_ = server.Close()
	if err == nil {
		err = syscall.ECONNREFUSED
	}
	return nil, &net.OpError{Op: "dial", Net: network, Addr: address(host, port), Err: err}
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// SetOffline takes the network away or gives it back: while it is away, dials
// fail, and connections that are open break at once.
func (n *Network) SetOffline(offline bool) {
	n.mu.Lock()
	n.offline = offline
	var open []*conn
	if offline {
		for c := range n.conns {
			open = append(open, c)
		}
	}
	n.mu.Unlock()
	for _, c := range open {
		c.abort()
	}
}

// Break ends every open connection, as a router that forgot them does; new
// ones can be dialled.
func (n *Network) Break() {
	n.mu.Lock()
	var open []*conn
	for c := range n.conns {
		open = append(open, c)
	}
	n.mu.Unlock()
	for _, c := range open {
		c.abort()
	}
}

// Close stops all servers and connections and waits until the servers and the
// handlers have ended. Close idle connections of clients first.
func (n *Network) Close() {
	n.mu.Lock()
	servers := slices.Clone(n.servers)
	var left []*listener
	for _, l := range n.listeners {
		left = append(left, l)
	}
	n.mu.Unlock()
	for _, s := range servers {
		_ = s.Close()
	}
	for _, l := range left {
		_ = l.Close()
	}
	n.Break()
	n.serving.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	for n.handlers > 0 {
		n.idle.Wait()
	}
}

// RoundTrips runs f and returns how many round trips' time it took.
func (n *Network) RoundTrips(f func()) float64 {
	start := time.Now()
	f()
	return float64(time.Since(start)) / float64(n.rtt)
}

// Dials returns the addresses dialled so far, in order.
func (n *Network) Dials() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.dials)
}

// Refused returns the addresses dialled so far that nobody served.
func (n *Network) Refused() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.refused)
}

// Requests returns the requests received so far by handlers of Serve, ServePlain
// and ServeTLS, in order.
func (n *Network) Requests() []Request {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.log)
}

// Reset forgets the dials and requests counted so far; connections stay open.
func (n *Network) Reset() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.log, n.dials, n.refused = nil, nil, nil
}

// address is what a connection says of its end: the IP address in host, or one
// of those for documentation (RFC 5737).
func address(host, port string) *net.TCPAddr {
	ip := net.ParseIP(host)
	if ip == nil {
		ip = net.IPv4(192, 0, 2, 1)
	}
	var p int
	_, _ = fmt.Sscan(port, &p)
	return &net.TCPAddr{IP: ip, Port: p}
}

type listener struct {
	network *Network
	key     string
	addr    net.Addr
	queue   chan net.Conn
	done    chan struct{}
	once    sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.queue:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() {
		close(l.done)
		l.network.mu.Lock()
		delete(l.network.listeners, l.key)
		l.network.mu.Unlock()
	})
	return nil
}

func (l *listener) Addr() net.Addr { return l.addr }
