package virtualnet_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"waybill/internal/virtualnet"
)

func hello(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	_, _ = io.WriteString(w, "hello")
}

func client(n *virtualnet.Network, http2 bool) *http.Transport {
	return &http.Transport{
		DialContext:       n.DialContext,
		TLSClientConfig:   &tls.Config{RootCAs: n.CertPool()},
		ForceAttemptHTTP2: http2,
	}
}

func get(t *testing.T, rt http.RoundTripper, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.Proto
}

func TestAColdRequestCostsThreeRoundTripsAndAWarmOneExactlyOne(t *testing.T) {
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(proto, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := virtualnet.New(150 * time.Millisecond)
				defer n.Close()
				n.Serve("idp.example", http.HandlerFunc(hello))
				rt := client(n, proto == "HTTP/2.0")
				defer rt.CloseIdleConnections()
				for _, want := range []float64{3, 1, 1} {
					got := n.RoundTrips(func() {
						if p := get(t, rt, "https://idp.example/x"); p != proto {
							t.Errorf("spoke %s", p)
						}
					})
					if got != want {
						t.Errorf("took %v round trips, want %v", got, want)
					}
				}
				if d := n.Dials(); len(d) != 1 || d[0] != "idp.example:443" {
					t.Errorf("dialled %v", d)
				}
				if r := n.Requests(); len(r) != 3 || r[0].String() != "GET idp.example:443/x" || r[0].Proto != proto {
					t.Errorf("requests: %v", r)
				}
			})
		})
	}
}

func TestHTTP1OnlyAndPlainServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := virtualnet.New(time.Second)
		defer n.Close()
		n.ServeHTTP1("old.example:8443", http.HandlerFunc(hello))
		n.ServePlain("127.0.0.1:8080", http.HandlerFunc(hello))
		rt := client(n, true)
		defer rt.CloseIdleConnections()
		if p := get(t, rt, "https://old.example:8443/"); p != "HTTP/1.1" {
			t.Errorf("spoke %s", p)
		}
		if got := n.RoundTrips(func() { get(t, rt, "http://127.0.0.1:8080/") }); got != 2 {
			t.Errorf("plain http took %v round trips", got)
		}
	})
}

func TestWhatIsNotServedIsRefusedAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := virtualnet.New(time.Second)
		defer n.Close()
		_, err := n.DialContext(t.Context(), "tcp", "evil.example:443")
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("dialling nobody: %v", err)
		}
		if r := n.Refused(); len(r) != 1 || r[0] != "evil.example:443" {
			t.Errorf("refused %v", r)
		}
		n.Reset()
		if len(n.Refused())+len(n.Dials())+len(n.Requests()) != 0 {
			t.Error("Reset left something")
		}
	})
}

func TestOfflineBreaksWhatIsOpenAndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := virtualnet.New(time.Second)
		defer n.Close()
		n.Serve("idp.example", http.HandlerFunc(hello))
		rt := client(n, true)
		defer rt.CloseIdleConnections()
		get(t, rt, "https://idp.example/")
		n.SetOffline(true)
		if _, err := n.DialContext(t.Context(), "tcp", "idp.example:443"); !errors.Is(err, syscall.ENETUNREACH) {
			t.Errorf("dialling while offline: %v", err)
		}
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://idp.example/", nil)
		if resp, err := rt.RoundTrip(req); err == nil {
			_ = resp.Body.Close()
			t.Error("a request went through while offline")
		}
		n.SetOffline(false)
		get(t, rt, "https://idp.example/")
	})
}

// pipe returns the two ends of one connection.
func pipe(t *testing.T, n *virtualnet.Network) (client, server net.Conn) {
	t.Helper()
	l, err := n.Listen("a.example:1")
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan net.Conn, 1)
	go func() {
		c, _ := l.Accept()
		accepted <- c
	}()
	if client, err = n.DialContext(t.Context(), "tcp", "a.example:1"); err != nil {
		t.Fatal(err)
	}
	return client, <-accepted
}

func TestBytesArriveAfterHalfARoundTripAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := virtualnet.New(time.Second)
		defer n.Close()
		a, b := pipe(t, n)
		start := time.Now()
		_, _ = a.Write([]byte("one "))
		_, _ = a.Write([]byte("two"))
		_ = a.Close()
		all, err := io.ReadAll(b)
		if string(all) != "one two" || err != nil {
			t.Errorf("read %q, %v", all, err)
		}
		if took := time.Since(start); took != 500*time.Millisecond {
			t.Errorf("took %v", took)
		}
		if _, err := a.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("reading the closed end: %v", err)
		}
	})
}

func TestAWriterWaitsForASlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := virtualnet.New(time.Second)
		defer n.Close()
		a, b := pipe(t, n)
		_ = a.SetWriteDeadline(time.Now().Add(time.Minute))
		sent, err := a.Write(make([]byte, 4<<20))
		if !errors.Is(err, os.ErrDeadlineExceeded) || sent >= 4<<20 {
			t.Errorf("wrote %d, %v", sent, err)
		}
		_ = a.SetWriteDeadline(time.Time{})
		go func() {
			_, _ = a.Write(make([]byte, 4<<20))
			_ = a.Close()
		}()
		if got, err := io.Copy(io.Discard, b); got != int64(sent)+4<<20 || err != nil {
			t.Errorf("read %d, %v", got, err)
		}
	})
}

func TestADeadlineThatIsSetLaterWakesAReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := virtualnet.New(time.Second)
		defer n.Close()
		a, _ := pipe(t, n)
		failed := make(chan error)
		go func() {
			_, err := a.Read(make([]byte, 1))
			failed <- err
		}()
		synctest.Wait()
		_ = a.SetReadDeadline(time.Now().Add(time.Hour))
		synctest.Wait()
		_ = a.SetReadDeadline(time.Unix(1, 0))
		if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the reader got %v", err)
		}
	})
}

func TestADialCanBeCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := virtualnet.New(time.Hour)
		defer n.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := n.DialContext(ctx, "tcp", "a.example:1"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestCertificatesNameTheirHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := virtualnet.New(time.Second)
		defer n.Close()
		n.ServeTLS("idp.example", http.HandlerFunc(hello), &tls.Config{Certificates: []tls.Certificate{n.Certificate("other.example", nil)}})
		rt := client(n, false)
		defer rt.CloseIdleConnections()
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://idp.example/", nil)
		resp, err := rt.RoundTrip(req)
		if err == nil {
			_ = resp.Body.Close()
			t.Fatal("a certificate for another name was accepted")
		}
		if !strings.Contains(err.Error(), "other.example") {
			t.Errorf("got %v", err)
		}
	})
}

func TestItRunsOutsideOfABubbleTooAndEndsCleanly(t *testing.T) {
	defer goleak.VerifyNone(t)
	n := virtualnet.New(0)
	n.Serve("idp.example", http.HandlerFunc(hello))
	rt := client(n, true)
	get(t, rt, "https://idp.example/")
	rt.CloseIdleConnections()
	n.Close()
}

func TestALineMayBeSlowAndUnsteady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := virtualnet.New(100 * time.Millisecond)
		defer n.Close()
		n.SetLine(1000, time.Second)
		l, err := n.Listen("slow.example:80")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			conn, err := l.Accept()
			if err == nil {
				_, _ = io.Copy(conn, conn)
			}
		}()
		conn, err := n.DialContext(t.Context(), "tcp", "slow.example:80")
		if err != nil {
			t.Fatal(err)
		}
		want := make([]byte, 10_000)
		for i := range want {
			want[i] = byte(i / 7)
		}
		start := time.Now()
		if _, err := conn.Write(want); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(want))
		if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%v, the same bytes: %v", err, bytes.Equal(got, want))
		}
		// Ten seconds there, and back as they come.
		if took := time.Since(start); took < 10*time.Second || took > 45*time.Second {
			t.Errorf("took %v", took)
		}
	})
}
