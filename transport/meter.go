package transport

import (
	"bufio"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"
)

// Meter measures the exchanges of role Resource that are made under it, and has
// their answers handed over as they are: a redirect is an answer like others,
// which is still not followed, and the Content-Encoding field stays, although the
// body is decoded. It is for those who show an answer and do not use it. The zero
// value is ready; it is safe for concurrent use and holds the last exchange.
type Meter struct {
	wire  atomic.Int64
	first atomic.Int64 // nanoseconds since start
	start atomic.Pointer[time.Time]
}

type meterKey struct{}

// WithMeter has the requests under the result measured by m.
func WithMeter(ctx context.Context, m *Meter) context.Context {
	return context.WithValue(ctx, meterKey{}, m)
}

// Wire is how many bytes of the answer's body have come, compressed or not.
func (m *Meter) Wire() int64 { return m.wire.Load() }

// FirstByte is how long it took from sending until the answer began; 0 if it has
// not.
func (m *Meter) FirstByte() time.Duration { return time.Duration(m.first.Load()) }

// Total is how long it has been since the request was begun.
func (m *Meter) Total() time.Duration {
	if start := m.start.Load(); start != nil {
		return time.Since(*start)
	}
	return 0
}

// meterOf is the Meter of a request, nil without one.
func (rt *roundTripper) meterOf(ctx context.Context) *Meter {
	m, _ := ctx.Value(meterKey{}).(*Meter)
	if rt.role != Resource {
		return nil
	}
	return m
}

// begin starts to measure an exchange. The encoding that net/http would ask for
// and undo by itself is asked for here, so that it can be counted.
func (m *Meter) begin(req *http.Request) *http.Request {
	if m == nil {
		return req
	}
	now := time.Now()
	m.start.Store(&now)
	m.wire.Store(0)
	m.first.Store(0)
	req.Header.Set("Accept-Encoding", "gzip")
	return req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		GotFirstResponseByte: func() { m.first.Store(int64(time.Since(now))) },
	}))
}

// read counts what is read of an answer's body and decodes it.
func (m *Meter) read(resp *http.Response) {
	if m == nil {
		return
	}
	body := &counted{ReadCloser: resp.Body, n: &m.wire}
	resp.Body = body
	if encoding := resp.Header.Values("Content-Encoding"); len(encoding) == 1 && strings.EqualFold(encoding[0], "gzip") {
		resp.Body = &unzipped{counted: body}
	}
}

// counted counts what is read of a body.
type counted struct {
	io.ReadCloser
	n *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// unzipped decodes a body. One that only claims to be encoded, or is empty as in
// the answer to HEAD, is handed over as it is.
type unzipped struct {
	*counted
	plain io.Reader // nil before the first Read
}

func (u *unzipped) Read(p []byte) (int, error) {
	if u.plain == nil {
		ahead := bufio.NewReader(u.counted)
		u.plain = ahead
		if magic, err := ahead.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
			zip, err := gzip.NewReader(ahead)
			if err != nil {
				return 0, err
			}
			u.plain = zip
		}
	}
	return u.plain.Read(p)
}
