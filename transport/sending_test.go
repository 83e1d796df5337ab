package transport

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"

	"waybill/fault"
)

// halfConn hands over all but the end of what is written, and says that it broke
// once there is an answer to that.
type halfConn struct {
	*net.TCPConn
	answered chan struct{}
	once     sync.Once
}

func (c *halfConn) Write(p []byte) (int, error) {
	n, err := c.TCPConn.Write(p[:len(p)-10])
	if err != nil {
		return n, err
	}
	_ = c.CloseWrite()
	<-c.answered
	return n, syscall.EPIPE
}

func (c *halfConn) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	c.once.Do(func() { close(c.answered) })
	return n, err
}

// R6: an answer to half of a request is no refusal of what is in it.
func TestR6_AnAnswerToHalfOfARequestIsNone(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err == nil {
			t.Error("all of it arrived")
		}
		http.Error(w, "failed to read the body", http.StatusBadRequest)
	}))
	defer server.Close()
	c := New(Options{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &halfConn{TCPConn: conn.(*net.TCPConn), answered: make(chan struct{})}, nil
	}})
	defer c.CloseIdle()
	c.Trust(server.URL)
	_, err := c.HTTP(Resource, server.URL).Post(server.URL, "application/json", strings.NewReader(strings.Repeat("x", 1000)))
	if !fault.Is(err, fault.Offline) {
		t.Errorf("%v", err)
	}
}
