package transport

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// sending knows the connection that a request goes out on, to tell whether it
// broke while it was written to. What a server answers to the first half of a
// request says nothing of it: some read to the end of what came and answer 400.
// (WroteRequest of httptrace is told before the last bytes leave the buffer.)
type sending struct{ conn atomic.Pointer[countedConn] }

// begin notes the connection, the last one where the request is sent again.
func (s *sending) begin(req *http.Request) *http.Request {
	return req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { s.conn.Store(countedOf(info.Conn)) },
	}))
}

// broke returns what broke the request off on its way, nil if nothing did.
func (s *sending) broke() error {
	if c := s.conn.Load(); c != nil {
		return c.broke()
	}
	return nil
}

// countedOf is the connection of ours below TLS, nil if there is none.
func countedOf(conn net.Conn) *countedConn {
	for {
		switch c := conn.(type) {
		case *countedConn:
			return c
		case *tls.Conn:
			conn = c.NetConn()
		default:
			return nil
		}
	}
}

// overtakes is how long broke waits for a Write under way: an answer may overtake
// the end of it, by little. A server that does not wait for the rest may answer
// while much is still to be written.
const overtakes = time.Second
