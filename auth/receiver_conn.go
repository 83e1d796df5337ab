package auth

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// maxConns is how many connections the receiver holds at once.
const maxConns = 32

// crowd bounds the connections. One too many pushes out the one that has
// waited longest without sending a whole request, so that connections which
// are opened and left cannot keep the browser out.
type crowd struct {
	mu    sync.Mutex
	conns []*receiverConn // in the order in which they came
}

func (c *crowd) enter(conn *receiverConn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns = append(c.conns, conn)
	if len(c.conns) <= maxConns {
		return
	}
	idle := slices.IndexFunc(c.conns, func(conn *receiverConn) bool { return !conn.served.Load() })
	out := c.conns[idle] // the newest is idle in any case
	c.conns = slices.Delete(c.conns, idle, idle+1)
	_ = out.Conn.Close()
}

func (c *crowd) leave(conn *receiverConn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(c.conns, conn); i >= 0 {
		c.conns = slices.Delete(c.conns, i, i+1)
	}
}

type crowdedListener struct {
	net.Listener
	crowd *crowd
}

func (l *crowdedListener) Accept() (net.Conn, error) {
	inner, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	conn := &receiverConn{Conn: inner, crowd: l.crowd}
	l.crowd.enter(conn)
	return conn, nil
}

// receiverConn is one connection to the receiver.
type receiverConn struct {
	net.Conn
	crowd  *crowd
	served atomic.Bool // a whole request has come
}

func (c *receiverConn) Close() error {
	c.crowd.leave(c)
	return c.Conn.Close()
}

// Write gives the answers that net/http makes itself, to requests that it
// cannot read, the same headers as all others.
func (c *receiverConn) Write(p []byte) (int, error) {
	const version = "HTTP/1.1 "
	if !bytes.HasPrefix(p, []byte(version)) || bytes.Contains(p, []byte("\r\nCache-Control: no-store\r\n")) {
		return c.Conn.Write(p)
	}
	status, err := strconv.Atoi(string(p[len(version):min(len(p), len(version)+3)]))
	if err != nil {
		status = http.StatusBadRequest
	}
	if _, err := c.Conn.Write(bareAnswer(status)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// bareAnswer is a whole answer without content.
func bareAnswer(status int) []byte {
	var b strings.Builder
	b.WriteString("HTTP/1.1 " + strconv.Itoa(status) + " " + http.StatusText(status) + "\r\n")
	for _, h := range strictHeaders() {
		b.WriteString(h[0] + ": " + h[1] + "\r\n")
	}
	b.WriteString("Content-Length: 0\r\nConnection: close\r\n\r\n")
	return []byte(b.String())
}

type receiverConnKey struct{}

func withReceiverConn(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, receiverConnKey{}, conn)
}

// markServed keeps the request's connection from being pushed out.
func markServed(r *http.Request) {
	if conn, ok := r.Context().Value(receiverConnKey{}).(*receiverConn); ok {
		conn.served.Store(true)
	}
}
