//go:build unix

package transport_test

import (
	"context"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"waybill/transport"
)

// R11: a name has an IPv6 and an IPv4 address, and what is sent to the first is
// never answered (RFC 8305): the request comes through over the second within a
// second.
func TestR11_ABrokenIPv6CostsLessThanASecond(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }))
	defer server.Close()
	port := server.Listener.Addr().(*net.TCPAddr).Port
	swallow(t, port)
	resolve(t, netip.MustParseAddr("::1"), netip.MustParseAddr("127.0.0.1"))

	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate()) // it is for example.com
	c := transport.New(transport.Options{RootCAs: roots, Proxy: func(*http.Request) (*url.URL, error) { return nil, nil }})
	defer c.CloseIdle()
	_, portText, _ := net.SplitHostPort(server.Listener.Addr().String())
	start := time.Now()
	_, body, err := send(t, c, http.MethodGet, "https://example.com:"+portText+"/todos")
	took := time.Since(start)
	if err != nil || body != "{}" || took > time.Second {
		t.Errorf("%q, %v, after %v", body, err, took)
	}
	t.Logf("after %v", took.Round(time.Millisecond))
}

// swallow takes connections to [::1]:port and leaves them without an answer: its
// queue of one is full. Where there is no IPv6 at all the address cannot be
// reached, which is the other way to be broken.
func swallow(t *testing.T, port int) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET6, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Log("this computer knows no IPv6")
		return
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	here := &syscall.SockaddrInet6{Port: port, Addr: netip.MustParseAddr("::1").As16()}
	if err := syscall.Bind(fd, here); err != nil {
		t.Log("this computer has no IPv6 address")
		return
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp6", netip.AddrPortFrom(netip.MustParseAddr("::1"), uint16(port)).String())
		cancel()
		if err != nil {
			return // the queue is full: from now on nobody is answered
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	t.Fatal("connections are still taken")
}

// resolve has every name look-up of this test answered with these addresses.
func resolve(t *testing.T, six, four netip.Addr) {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	before := net.DefaultResolver
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.Additionals = true, nil
			head := dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Class: dnsmessage.ClassINET, TTL: 60}
			switch m.Questions[0].Type {
			case dnsmessage.TypeA:
				m.Answers = []dnsmessage.Resource{{Header: head, Body: &dnsmessage.AResource{A: four.As4()}}}
			case dnsmessage.TypeAAAA:
				m.Answers = []dnsmessage.Resource{{Header: head, Body: &dnsmessage.AAAAResource{AAAA: six.As16()}}}
			}
			if out, err := m.Pack(); err == nil {
				_, _ = server.WriteTo(out, from)
			}
		}
	}()
	t.Cleanup(func() {
		net.DefaultResolver = before
		_ = server.Close()
		<-done
	})
}
