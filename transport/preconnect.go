package transport

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"time"
)

type (
	originKey struct{} // the origin that what is dialled under a context is for
	aheadKey  struct{} // the *ahead that a context belongs to
)

// ahead is a connection that is opened before anything is sent over it.
type ahead struct {
	dialled context.CancelFunc // the dial has begun and goes on alone
	settled func()             // it has come to something or to nothing
}

// Preconnect opens a connection to origin for a later request, TLS included,
// and returns when it is open or cannot be had. It does nothing if one is open
// or being opened, and sends nothing over it. A request made meanwhile, or in
// the very moment that Preconnect returns, may open a connection of its own.
func (c *Client) Preconnect(ctx context.Context, origin string) {
	pinned, err := Origin(origin)
	if err != nil || c.connected(pinned) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, originKey{}, pinned), handshakeLimit)
	defer cancel()
	// net/http connects only for a request. This one gives up as soon as it is
	// being dialled for; the dial goes on and its connection is kept.
	waiting, giveUp := context.WithCancel(ctx)
	defer giveUp()
	settled := make(chan struct{})
	a := &ahead{dialled: giveUp, settled: sync.OnceFunc(func() { close(settled) })}
	waiting = httptrace.WithClientTrace(context.WithValue(waiting, aheadKey{}, a), &httptrace.ClientTrace{
		TLSHandshakeDone: func(tls.ConnectionState, error) { a.settled() },
	})
	req, err := http.NewRequestWithContext(waiting, http.MethodHead, pinned+"/", nil)
	if err != nil {
		return
	}
	// Where the connection stands as fast as the request is given up, either may
	// win. Then the body, shorter than it is said to be, holds the request back:
	// that is an error before the first byte leaves the buffer, as long as the
	// body is one of those that net/http knows not to block.
	nothing := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("")), nil }
	req.Body, _ = nothing()
	req.GetBody, req.ContentLength = nothing, 1
	req.Header.Set("User-Agent", c.opts.UserAgent)
	resp, err := c.base.Load().RoundTrip(req)
	if err == nil { // an answer to half a request
		_ = resp.Body.Close()
		return
	}
	if ctx.Err() == nil && waiting.Err() == nil {
		return // it was refused before anything was dialled
	}
	select {
	case <-settled:
	case <-ctx.Done():
	}
}

// dial opens a connection and counts it for its origin as long as it lasts.
func (c *Client) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	origin, _ := ctx.Value(originKey{}).(string)
	a, _ := ctx.Value(aheadKey{}).(*ahead)
	c.count(origin, 1)
	gone := sync.OnceFunc(func() {
		c.count(origin, -1)
		if a != nil {
			a.settled()
		}
	})
	if a != nil {
		a.dialled()
	}
	conn, err := c.connect(ctx, network, addr)
	if err != nil {
		gone()
		return nil, err
	}
	if a != nil && strings.HasPrefix(origin, "http:") {
		a.settled() // there is no TLS to wait for
	}
	return newCountedConn(conn, gone), nil
}

// countedConn tells when it is closed, and whether writing to it has failed.
type countedConn struct {
	net.Conn
	gone   func()
	turn   chan struct{} // holds one while nobody writes
	failed error         // of writing; whoever has the turn may look
}

func newCountedConn(conn net.Conn, gone func()) *countedConn {
	c := &countedConn{Conn: conn, gone: gone, turn: make(chan struct{}, 1)}
	c.turn <- struct{}{}
	return c
}

func (c *countedConn) Write(p []byte) (int, error) {
	<-c.turn
	n, err := c.Conn.Write(p)
	if err != nil {
		c.failed = err
	}
	c.turn <- struct{}{}
	return n, err
}

// broke returns the error of a Write, also of the one under way if that ends
// soon.
func (c *countedConn) broke() error {
	timer := time.NewTimer(overtakes)
	defer timer.Stop()
	select {
	case <-c.turn:
		err := c.failed
		c.turn <- struct{}{}
		return err
	case <-timer.C:
		return nil
	}
}

func (c *countedConn) Close() error {
	c.gone()
	return c.Conn.Close()
}

func (c *Client) count(origin string, by int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[origin] += by; c.open[origin] == 0 {
		delete(c.open, origin)
	}
}

// connected reports whether a connection to origin is open or being opened.
func (c *Client) connected(origin string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open[origin] > 0
}
