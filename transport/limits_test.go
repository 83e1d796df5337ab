package transport_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"waybill/fault"
	"waybill/internal/virtualnet"
	"waybill/transport"
)

// endless writes without end until the client goes.
func endless(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	chunk := bytes.Repeat([]byte(" "), 32<<10)
	for {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

// gzipped is 8 MiB in about 8 kB.
func gzipped(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(make([]byte, 8<<20)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil || b.Len() > 16<<10 {
		t.Fatalf("%d bytes, %v", b.Len(), err)
	}
	return b.Bytes()
}

func TestS55_AnAnswerIsReadUpToItsCapOnly(t *testing.T) {
	huge := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1073741824")
		endless(w, r)
	}
	zipped := gzipped(t)
	bomb := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(zipped)
	}
	for name, handler := range map[string]http.HandlerFunc{"endless": endless, "bomb": bomb, "huge": huge} {
		for _, role := range []transport.Role{transport.Metadata, transport.Token} {
			t.Run(fmt.Sprintf("%s/role %d", name, role), func(t *testing.T) {
				inBubble(t, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
					n.Serve("as.example", handler)
					n.ServeHTTP1("old.example", handler)
					var before, after runtime.MemStats
					runtime.ReadMemStats(&before)
					for _, host := range []string{"as.example", "old.example"} {
						_, body, err := get(t.Context(), c.HTTP(role, ""), "https://"+host+"/")
						wantFault(t, err, fault.Hostile, "too_large")
						if body != "" {
							t.Errorf("%d bytes were handed on", len(body))
						}
					}
					runtime.ReadMemStats(&after)
					if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
						t.Errorf("the heap grew by %d bytes", grown)
					}
				})
			})
		}
	}
}

func TestS55_ASlowAnswerEndsAfterFifteenSeconds(t *testing.T) {
	drip := func(w http.ResponseWriter, r *http.Request) {
		for {
			if _, err := io.WriteString(w, " "); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
			select {
			case <-time.After(time.Second):
			case <-r.Context().Done():
				return
			}
		}
	}
	stall := func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	silent := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for name, handler := range map[string]http.HandlerFunc{"drip": drip, "stall": stall, "silent": silent} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
				n.Serve("as.example", handler)
				start := time.Now()
				_, _, err := get(t.Context(), c.HTTP(transport.Token, ""), "https://as.example/")
				wantFault(t, err, fault.Offline, "timeout")
				if took := time.Since(start); took != 15*time.Second {
					t.Errorf("gave up after %v", took)
				}
			})
		})
	}
}

// raw serves one fixed answer byte by byte over plain http on loopback, and
// closes after cut bytes.
func raw(t *testing.T, n *virtualnet.Network, answer string, cut int) (requests func() int) {
	t.Helper()
	l, err := n.Listen("127.0.0.1:80")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 4096)
			if _, err := conn.Read(buf); err == nil {
				count++
				_, _ = io.WriteString(conn, answer[:cut])
			}
			_ = conn.Close()
		}
	}()
	return func() int { synctest.Wait(); return count }
}

func TestS55_AnAnswerThatIsCutAnywhereIsNotUsed(t *testing.T) {
	body := `{"access_token":"abc","token_type":"Bearer"}`
	answer := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	for cut := range len(answer) {
		inBubble(t, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
			requests := raw(t, n, answer, cut)
			_, got, err := post(t.Context(), c.HTTP(transport.Token, ""), "http://127.0.0.1/token")
			f := fault.As(err)
			if f == nil || f.Kind != fault.Offline || f.Code != "truncated" && f.Code != "network" || got != "" {
				t.Errorf("cut at %d: %q, %v", cut, got, err)
			}
			if requests() != 1 {
				t.Errorf("cut at %d: the request was sent %d times", cut, requests())
			}
		})
	}
}

func TestS58_ATokenRequestIsSentOnceWhateverHappens(t *testing.T) {
	inBubble(t, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
		l, err := n.Listen("127.0.0.1:80")
		if err != nil {
			t.Fatal(err)
		}
		requests := 0
		go func() { // answers the first request of each connection, drops the second
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					defer func() { _ = conn.Close() }()
					buf := make([]byte, 4096)
					for i := range 2 {
						if _, err := conn.Read(buf); err != nil {
							return
						}
						requests++
						if i == 0 {
							_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
						}
					}
				}()
			}
		}()
		hc := c.HTTP(transport.Token, "")
		if _, _, err := post(t.Context(), hc, "http://127.0.0.1/token"); err != nil {
			t.Fatal(err)
		}
		_, _, err = post(t.Context(), hc, "http://127.0.0.1/token")
		wantFault(t, err, fault.Offline, "network")
		synctest.Wait()
		if requests != 2 {
			t.Errorf("%d requests arrived for two", requests)
		}
	})
}

func TestR10_AConnectionThatDiedWhileIdleIsReplaced(t *testing.T) {
	inBubble(t, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
		n.Serve("as.example", says("{}"))
		n.ServeHTTP1("old.example", says("{}"))
		for _, host := range []string{"as.example", "old.example"} {
			hc := c.HTTP(transport.Token, "")
			for range 3 {
				if _, _, err := post(t.Context(), hc, "https://"+host+"/token"); err != nil {
					t.Errorf("%s: %v", host, err)
				}
				n.Break()
				synctest.Wait()
			}
		}
		if d, r := n.Dials(), n.Requests(); len(d) != 6 || len(r) != 6 {
			t.Errorf("%d dials, %d requests", len(d), len(r))
		}
	})
}

func TestR10_AHalfOpenConnectionIsNoticed(t *testing.T) {
	inBubble(t, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
		l, err := n.Listen("127.0.0.1:80")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			conn, err := l.Accept()
			if err == nil {
				_, _ = io.Copy(io.Discard, conn) // reads, and never answers
			}
		}()
		start := time.Now()
		_, _, err = get(t.Context(), c.HTTP(transport.Resource, "http://127.0.0.1"), "http://127.0.0.1/todos")
		wantFault(t, err, fault.Offline, "timeout")
		if took := time.Since(start); took != 30*time.Second {
			t.Errorf("gave up after %v", took)
		}
	})
}

func TestR2_ADialEndsAfterFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := transport.New(transport.Options{DialContext: virtualnet.New(time.Hour).DialContext})
		start := time.Now()
		_, _, err := get(t.Context(), c.HTTP(transport.Metadata, ""), "https://idp.example/")
		wantFault(t, err, fault.Offline, "timeout")
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("gave up after %v", took)
		}
	})
}

func TestResourceAnswersMayBeLargeButMustMoveOn(t *testing.T) {
	inBubble(t, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
		mux := http.NewServeMux()
		mux.HandleFunc("/endless", endless)
		mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 8<<20)) })
		mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
			for range 10 {
				_, _ = io.WriteString(w, "x")
				_ = http.NewResponseController(w).Flush()
				time.Sleep(20 * time.Second)
			}
			<-r.Context().Done()
		})
		n.Serve("api.example", mux)
		hc := c.HTTP(transport.Resource, "https://api.example")
		if _, body, err := get(t.Context(), hc, "https://api.example/large"); len(body) != 8<<20 || err != nil {
			t.Errorf("%d bytes, %v", len(body), err)
		}
		_, body, err := get(t.Context(), hc, "https://api.example/endless")
		wantFault(t, err, fault.Hostile, "too_large")
		if len(body) != 64<<20 {
			t.Errorf("%d bytes were read", len(body))
		}
		start := time.Now()
		_, body, err = get(t.Context(), hc, "https://api.example/slow")
		wantFault(t, err, fault.Offline, "timeout")
		if took := time.Since(start).Round(time.Second); body != "xxxxxxxxxx" || took != 210*time.Second {
			t.Errorf("read %q in %v", body, took)
		}
	})
}

func TestS80_EventStreamsAreCappedByMessageAndMayBeSilent(t *testing.T) {
	inBubble(t, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
		stream := func(f func(w io.Writer)) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
				_ = http.NewResponseController(w).Flush()
				f(w)
			}
		}
		mux := http.NewServeMux()
		mux.Handle("/many", stream(func(w io.Writer) {
			for range 20 {
				_, _ = io.WriteString(w, "data: "+strings.Repeat("x", 1<<20)+"\n\n")
			}
		}))
		mux.Handle("/late", stream(func(w io.Writer) {
			time.Sleep(time.Hour)
			_, _ = io.WriteString(w, "data: x\r\n\r\n")
		}))
		mux.Handle("/line", stream(func(w io.Writer) { _, _ = w.Write(bytes.Repeat([]byte("x"), 9<<20)) }))
		mux.Handle("/lines", stream(func(w io.Writer) { _, _ = w.Write(bytes.Repeat([]byte("x\r\n"), 3<<20)) }))
		mux.HandleFunc("/json", func(w http.ResponseWriter, r *http.Request) { endless(w, r) })
		n.Serve("mcp.example", mux)
		hc := c.HTTP(transport.Stream, "https://mcp.example")
		if _, body, err := get(t.Context(), hc, "https://mcp.example/many"); len(body) != 20*(1<<20+8) || err != nil {
			t.Errorf("many: %d bytes, %v", len(body), err)
		}
		if _, body, err := get(t.Context(), hc, "https://mcp.example/late"); body != "data: x\r\n\r\n" || err != nil {
			t.Errorf("late: %q, %v", body, err)
		}
		for _, path := range []string{"line", "lines", "json"} {
			_, body, err := get(t.Context(), hc, "https://mcp.example/"+path)
			wantFault(t, err, fault.Hostile, "too_large")
			if len(body) > 8<<20 {
				t.Errorf("%s: %d bytes were read", path, len(body))
			}
		}
	})
}

func TestAnAnswerThatIsNotReadFreesItsConnection(t *testing.T) {
	inBubble(t, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
		n.ServeHTTP1("api.example", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write(make([]byte, 30<<10))
		}))
		hc := c.HTTP(transport.Resource, "https://api.example")
		for range 5 {
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example/", nil)
			resp, err := hc.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
		}
		if d := n.Dials(); len(d) != 1 {
			t.Errorf("%d connections for five requests", len(d))
		}
	})
}

func TestClosingADrippingAnswerTakesASecondAtMost(t *testing.T) {
	inBubble(t, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
		n.Serve("api.example", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, "x")
				_ = http.NewResponseController(w).Flush()
				time.Sleep(500 * time.Millisecond)
			}
		}))
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example/", nil)
		resp, err := c.HTTP(transport.Resource, "https://api.example").Do(req)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_ = resp.Body.Close()
		if took := time.Since(start); took > time.Second {
			t.Errorf("Close took %v", took)
		}
	})
}

func TestPreconnectLeavesOneRoundTripAndNoNewConnection(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("HTTP/2 %v", http2), func(t *testing.T) {
			inBubble(t, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
				serve := n.ServeHTTP1
				if http2 {
					serve = n.Serve
				}
				hosts := []string{"idp.example", "as.example", "api.example"}
				for _, h := range hosts {
					serve(h, says("{}"))
				}
				preconnect := func() {
					var all sync.WaitGroup
					for _, h := range hosts {
						all.Go(func() { c.Preconnect(t.Context(), "https://"+h) })
					}
					all.Wait()
				}
				if cold := n.RoundTrips(preconnect); cold != 2 || len(n.Dials()) != 3 {
					t.Errorf("preconnecting took %v round trips and %v", cold, n.Dials())
				}
				synctest.Wait()
				if again := n.RoundTrips(preconnect); again != 0 || len(n.Dials()) != 3 {
					t.Errorf("preconnecting again took %v round trips and %v", again, n.Dials())
				}
				if sent := n.Requests(); len(sent) != 0 {
					t.Errorf("sent %v ahead", sent)
				}
				n.Reset()
				for _, h := range hosts {
					time.Sleep(4 * time.Minute / 3) // the user types a password
					role, origin := transport.Token, ""
					if h == "api.example" {
						role, origin = transport.Resource, "https://api.example"
					}
					got := n.RoundTrips(func() {
						if _, _, err := post(t.Context(), c.HTTP(role, origin), "https://"+h+"/x"); err != nil {
							t.Error(err)
						}
					})
					if got != 1 {
						t.Errorf("%s: %v round trips", h, got)
					}
				}
				if d := n.Dials(); len(d) != 0 {
					t.Errorf("dialled %v", d)
				}
			})
		})
	}
}

// What is open or being opened is left alone, whoever opens it; what has been
// closed is opened anew.
func TestPreconnectOpensOneConnectionOnly(t *testing.T) {
	inBubble(t, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
		n.Serve("as.example", says("{}"))
		var all sync.WaitGroup
		all.Go(func() {
			if _, _, err := post(t.Context(), c.HTTP(transport.Token, ""), "https://as.example/token"); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		for range 3 {
			all.Go(func() { c.Preconnect(t.Context(), "https://as.example") })
		}
		all.Wait()
		if d := n.Dials(); len(d) != 1 {
			t.Errorf("dialled %v", d)
		}
		for _, end := range []func(){n.Break, c.CloseIdle} {
			end()
			synctest.Wait()
			n.Reset()
			c.Preconnect(t.Context(), "https://as.example")
			synctest.Wait()
			if d := n.Dials(); len(d) != 1 {
				t.Errorf("dialled %v for a connection that was lost", d)
			}
		}
	})
}

// A caller that gives up does not waste the connection that is being opened.
func TestPreconnectGoesOnWithoutItsCaller(t *testing.T) {
	inBubble(t, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
		n.Serve("as.example", says("{}"))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			c.Preconnect(ctx, "https://as.example")
			close(done)
		}()
		synctest.Wait()
		cancel()
		if took := n.RoundTrips(func() { <-done }); took != 0 {
			t.Errorf("returned after %v round trips", took)
		}
		time.Sleep(time.Minute)
		got := n.RoundTrips(func() {
			if _, _, err := post(t.Context(), c.HTTP(transport.Token, ""), "https://as.example/token"); err != nil {
				t.Error(err)
			}
		})
		if got != 1 || len(n.Dials()) != 1 {
			t.Errorf("took %v round trips and %v", got, n.Dials())
		}
	})
}

func TestPreconnectIsBestEffort(t *testing.T) {
	inBubble(t, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
		l, err := n.Listen("silent.example:443")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for { // accepts, and never says a word
				if _, err := l.Accept(); err != nil {
					return
				}
			}
		}()
		start := time.Now()
		for _, origin := range []string{"nonsense", "http://idp.example", "https://nobody.example", "https://silent.example"} {
			c.Preconnect(t.Context(), origin)
		}
		if took := time.Since(start); took > 11*time.Second {
			t.Errorf("took %v", took)
		}
	})
}
