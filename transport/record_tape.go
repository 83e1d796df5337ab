package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
	"time"

	"waybill/fault"
)

// What is kept of a body at most, in bytes.
const (
	keptSmall    = 64 << 10 // Metadata, Token
	keptResource = 16 << 10 // Resource, Stream
)

func (r Role) kept() int {
	if r.buffered() {
		return keptSmall
	}
	return keptResource
}

func recorderOf(ctx context.Context) Recorder {
	r, _ := ctx.Value(recorderKey{}).(Recorder)
	return r
}

// tape records one exchange. A nil tape records nothing; its methods may be
// called all the same.
type tape struct {
	to   Recorder
	role Role

	mu     sync.Mutex
	redact redactor
	r      Recording
	kept   strings.Builder // the beginning of the answer's body
	whole  bool            // the answer was read to its end
	phases phases
}

// phases are the beginnings of what leads to a connection.
type phases struct {
	dns, connect, tls time.Time
	got               bool
}

// newTape begins a recording of req, if its context asks for one. body is a
// copy of what req will send, nil if there is none.
func (c *Client) newTape(req *http.Request, role Role, body func() (io.ReadCloser, error), start time.Time) *tape {
	to := recorderOf(req.Context())
	if to == nil {
		return nil
	}
	t := &tape{to: to, role: role}
	t.r = Recording{
		ID: c.recorded.Add(1), Step: stepOf(req.Context(), role.step()), Role: role,
		Method: req.Method, Start: start,
	}
	if t.r.Method == "" {
		t.r.Method = http.MethodGet
	}
	// The headers first: what they hold in confidence, address and body may quote.
	t.r.Request.Header = t.redact.header(req.Header)
	t.request(req, body)
	at := *req.URL
	at.User, at.Fragment, at.RawFragment = nil, "", ""
	t.r.URL = t.redact.address(at.String())
	t.record()
	return t
}

// request keeps the request's body.
func (t *tape) request(req *http.Request, body func() (io.ReadCloser, error)) {
	m := &t.r.Request
	m.Size = max(req.ContentLength, 0)
	if req.Body == nil || req.Body == http.NoBody {
		return
	}
	m.Cut = true
	if body == nil {
		return
	}
	copied, err := body()
	if err != nil {
		return
	}
	limit := t.role.kept()
	data, err := io.ReadAll(io.LimitReader(copied, int64(limit)+1))
	_ = copied.Close()
	if err != nil {
		return
	}
	cut := len(data) > limit
	if m.Size = max(m.Size, int64(len(data))); cut {
		data = data[:limit]
	}
	t.redact.message(m, req.Header.Get("Content-Type"), string(data), cut)
}

// record hands over what is known. t.mu is held, or nobody else knows t yet.
func (t *tape) record() {
	t.r.Timings.Total = time.Since(t.r.Start)
	t.r.Secrets = t.redact.hidden[:len(t.redact.hidden):len(t.redact.hidden)]
	t.to.Record(t.r)
}

// headers notes that the headers of the answer have arrived.
func (t *tape) headers(resp *http.Response) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.r.Status, t.r.Proto = resp.StatusCode, resp.Proto
	t.r.Response.Header = t.redact.header(resp.Header)
	t.r.Timings.Headers = time.Since(t.r.Start)
	if n := resp.ContentLength; n > 0 {
		t.kept.Grow(int(min(n, int64(t.role.kept()))))
	}
	t.record()
}

// read notes what was read of the answer's body.
func (t *tape) read(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.r.Response.Size += int64(len(p))
	if room := t.role.kept() - t.kept.Len(); room > 0 {
		t.kept.Write(p[:min(room, len(p))])
	}
}

// end notes that the exchange is over: well if err is nil or io.EOF.
func (t *tape) end(err error) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.r.Done {
		return
	}
	t.r.Done = true
	t.whole = errors.Is(err, io.EOF)
	if err != nil && !t.whole {
		t.r.Fault = fault.As(err)
	}
	if t.kept.Len() > 0 {
		t.body()
	}
	t.record()
}

// body has the answer's body redacted: now where it is known to hold secrets,
// when somebody looks where it is not. t.mu is held, and nothing is recorded
// after it.
func (t *tape) body() {
	m, r, data := t.r.Response, t.redact, t.kept.String()
	cut := int64(len(data)) < m.Size || !t.whole
	t.kept = strings.Builder{}
	redacted := func() (Message, []Hidden) {
		before := len(r.hidden)
		contentType := ""
		if types := m.Header["Content-Type"]; len(types) > 0 {
			contentType = types[0]
		}
		r.message(&m, contentType, data, cut)
		if len(r.hidden) > before {
			m.Header = r.again(m.Header)
		}
		data = ""
		return m, r.hidden
	}
	if t.role == Token {
		t.r.Response, t.redact.hidden = redacted()
		return
	}
	t.r.later = sync.OnceValues(redacted)
}

// again takes out of h what it quotes of secrets that were found since.
func (r *redactor) again(h http.Header) http.Header {
	out := h
	for name, values := range h {
		for i, value := range values {
			if kept := r.unquote(value); kept != value && !r.isPlaceholder(value) {
				if i == 0 || &out[name][0] == &values[0] {
					out = maps.Clone(out)
					out[name] = slices.Clone(values)
				}
				out[name][i] = kept
			}
		}
	}
	return out
}

// refuse notes why an answer that had ended is not used.
func (t *tape) refuse(f *fault.Fault) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.r.Done, t.r.Fault = true, f
	t.record()
}

// trace tells also, and t, of the connection.
func (t *tape) trace(also func(httptrace.GotConnInfo)) *httptrace.ClientTrace {
	if t == nil {
		return &httptrace.ClientTrace{GotConn: also}
	}
	p, times := &t.phases, &t.r.Timings
	note := func(f func(now time.Time)) {
		t.mu.Lock()
		defer t.mu.Unlock()
		if !p.got { // else another connection came first
			f(time.Now())
		}
	}
	begin := func(at *time.Time) func(time.Time) {
		return func(now time.Time) {
			if at.IsZero() {
				*at = now
			}
		}
	}
	return &httptrace.ClientTrace{
		DNSStart:          func(httptrace.DNSStartInfo) { note(begin(&p.dns)) },
		DNSDone:           func(httptrace.DNSDoneInfo) { note(func(now time.Time) { times.DNS = now.Sub(p.dns) }) },
		ConnectStart:      func(_, _ string) { note(begin(&p.connect)) },
		ConnectDone:       func(_, _ string, _ error) { note(func(now time.Time) { times.Connect = now.Sub(p.connect) }) },
		TLSHandshakeStart: func() { note(begin(&p.tls)) },
		TLSHandshakeDone:  func(tls.ConnectionState, error) { note(func(now time.Time) { times.TLS = now.Sub(p.tls) }) },
		GotConn: func(info httptrace.GotConnInfo) {
			also(info)
			t.got(info)
		},
	}
}

func (t *tape) got(info httptrace.GotConnInfo) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.phases.got = true
	if t.r.Reused = info.Reused; info.Reused {
		t.r.Timings.DNS, t.r.Timings.Connect, t.r.Timings.TLS = 0, 0, 0
	}
	if addr := info.Conn.RemoteAddr(); addr != nil {
		t.r.Remote = addr.String()
	}
}

// taped is an answer's body that is recorded as it is read.
type taped struct {
	io.ReadCloser
	tape *tape
}

// reading has what is read of rc recorded.
func (t *tape) reading(rc io.ReadCloser) io.ReadCloser {
	if t == nil {
		return rc
	}
	return &taped{rc, t}
}

func (b *taped) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.tape.read(p[:n])
	if err != nil {
		b.tape.end(err)
	}
	return n, err
}

// Close ends the recording too: what was not read of the answer is not known.
func (b *taped) Close() error {
	err := b.ReadCloser.Close()
	b.tape.end(nil)
	return err
}
