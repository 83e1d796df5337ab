package transport_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"waybill/fault"
	"waybill/internal/virtualnet"
	"waybill/transport"
)

// act is what a server does with the request of a stream that has arrived
// whole. It returns false to close the connection.
type act func(f *http2.Framer, stream uint32) bool

func answer(f *http2.Framer, stream uint32) bool {
	var block bytes.Buffer
	_ = hpack.NewEncoder(&block).WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
	_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndHeaders: true})
	_ = f.WriteData(stream, true, []byte("{}"))
	return true
}

// half answers, and breaks off in the middle.
func half(f *http2.Framer, stream uint32) bool {
	var block bytes.Buffer
	e := hpack.NewEncoder(&block)
	_ = e.WriteField(hpack.HeaderField{Name: ":status", Value: "200"})
	_ = e.WriteField(hpack.HeaderField{Name: "content-length", Value: "4"})
	_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes(), EndHeaders: true})
	_ = f.WriteData(stream, false, []byte("{}"))
	return false
}

func reset(code http2.ErrCode) act {
	return func(f *http2.Framer, stream uint32) bool {
		_ = f.WriteRSTStream(stream, code)
		return true
	}
}

// goAway says that streams up to the last one may have been processed.
func goAway(taken bool) act {
	return func(f *http2.Framer, stream uint32) bool {
		last := stream
		if !taken {
			last = 0
		}
		_ = f.WriteGoAway(last, http2.ErrCodeNo, nil)
		return false
	}
}

func hangUp(*http2.Framer, uint32) bool { return false }

// frames speaks HTTP/2 over conn as act says.
func frames(conn net.Conn, config *tls.Config, does act) {
	secure := tls.Server(conn, config)
	defer func() { _ = secure.Close() }()
	if _, err := io.ReadFull(secure, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	framer := http2.NewFramer(secure, secure)
	_ = framer.WriteSettings()
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return
		}
		whole := false
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				_ = framer.WriteSettingsAck()
			}
		case *http2.HeadersFrame:
			whole = f.StreamEnded()
		case *http2.DataFrame: // the body has been read by net/http
			whole = f.StreamEnded()
		}
		if whole && !does(framer, frame.Header().StreamID) {
			return
		}
	}
}

// serveFrames serves host so; the first request is met with first, the others
// are answered. It counts them.
func serveFrames(t *testing.T, n *virtualnet.Network, host string, first act) *atomic.Int32 {
	t.Helper()
	l, err := n.Listen(host + ":443")
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{n.Certificate(host, nil)}, NextProtos: []string{"h2"}}
	requests := &atomic.Int32{}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go frames(conn, config, func(f *http2.Framer, stream uint32) bool {
				if requests.Add(1) == 1 {
					return first(f, stream)
				}
				return answer(f, stream)
			})
		}
	}()
	return requests
}

// net/http would send the request again with a new copy of its body. A code or
// an ID-JAG is sent once; whether another attempt makes sense is for the caller.
func TestS58_ARefusedTokenRequestIsNotRepeatedByTheLibrary(t *testing.T) {
	for name, first := range map[string]act{"refused": reset(http2.ErrCodeRefusedStream), "going away": goAway(false)} {
		inBubble(t, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
			requests := serveFrames(t, n, "as.example", first)
			_, _, err := post(t.Context(), c.HTTP(transport.Token, ""), "https://as.example/token")
			wantFault(t, err, fault.Offline, "network")
			synctest.Wait()
			if got := requests.Load(); got != 1 {
				t.Errorf("%s: the request was sent %d times", name, got)
			}
		})
	}
}

// R10: over HTTP/2 a request to a resource is sent a second time, once and over
// a connection that works, only if the server says that it did nothing with the
// first; every other end may have come after the deed, and is the caller's to
// judge.
func TestR10_OnlyWhatWasProvablyNotTakenIsSentAgain(t *testing.T) {
	for name, c := range map[string]struct {
		first act
		again bool
	}{
		"refused stream (RFC 9113 section 8.7)":                {reset(http2.ErrCodeRefusedStream), true},
		"GOAWAY that leaves it out (RFC 9113 section 6.8)":     {goAway(false), true},
		"GOAWAY that takes it in":                              {goAway(true), false},
		"reset with an internal error":                         {reset(http2.ErrCodeInternal), false},
		"reset with a cancellation":                            {reset(http2.ErrCodeCancel), false},
		"connection closed after the request":                  {hangUp, false},
		"connection closed in the middle of the answer's body": {half, false},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete} {
			t.Run(method+" "+name, func(t *testing.T) {
				inBubble(t, func(t *testing.T, n *virtualnet.Network, client *transport.Client) {
					requests := serveFrames(t, n, "api.example", c.first)
					_, body, err := send(t, client, method, "https://api.example/todos")
					if c.again != (err == nil && body == "{}") {
						t.Errorf("%q, %v", body, err)
					}
					if f := fault.As(err); !c.again && f.Kind != fault.Offline {
						t.Errorf("%v", err)
					}
					want := map[bool]int32{true: 2, false: 1}[c.again]
					if got := requests.Load(); got != want {
						t.Errorf("sent %d times, want %d", got, want)
					}
				})
			})
		}
	}
}

// send sends a request to a resource, with a body where its method has one.
func send(t *testing.T, c *transport.Client, method, url string, header ...string) (int, string, error) {
	t.Helper()
	var body io.Reader
	if method == http.MethodPost || method == http.MethodPatch {
		body = strings.NewReader(`{"title":"Milk"}`)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	origin, _ := transport.Origin(url)
	return do(c.HTTP(transport.Resource, origin), req)
}

// R10: over HTTP/1.1 a server or a proxy closes an idle connection in the very
// moment in which the next request is on its way. It is sent again, once, if
// doing it twice does no harm: reading does none, and a key makes of two one.
func TestR10_OnAConnectionThatClosesUnderARequestOnlyTheHarmlessIsRepeated(t *testing.T) {
	for _, c := range []struct {
		method string
		header []string
		again  bool
	}{
		{http.MethodGet, nil, true},
		{http.MethodPost, nil, false},
		{http.MethodPatch, []string{"If-Match", `"1"`}, false},
		{http.MethodDelete, []string{"If-Match", `"1"`}, false},
		{http.MethodPost, []string{"Idempotency-Key", "k1"}, true},
	} {
		t.Run(c.method+strings.Join(c.header, " "), func(t *testing.T) {
			inBubble(t, func(t *testing.T, n *virtualnet.Network, client *transport.Client) {
				l, err := n.Listen("127.0.0.1:80")
				if err != nil {
					t.Fatal(err)
				}
				var requests atomic.Int32
				go func() { // one answer for each connection; the next request is read, and nothing is said
					for {
						conn, err := l.Accept()
						if err != nil {
							return
						}
						go oneAnswer(conn, &requests)
					}
				}()
				if _, _, err := send(t, client, http.MethodGet, "http://127.0.0.1/todos"); err != nil {
					t.Fatal(err)
				}
				_, body, err := send(t, client, c.method, "http://127.0.0.1/todos", c.header...)
				if c.again != (err == nil && body == "{}") {
					t.Errorf("%q, %v", body, err)
				}
				synctest.Wait()
				want := map[bool]int32{true: 3, false: 2}[c.again]
				if got := requests.Load(); got != want {
					t.Errorf("%d requests arrived, want %d", got, want)
				}
			})
		})
	}
}

func oneAnswer(conn net.Conn, requests *atomic.Int32) {
	defer func() { _ = conn.Close() }()
	buf := make([]byte, 4096)
	for i := range 2 {
		if _, err := conn.Read(buf); err != nil {
			return
		}
		requests.Add(1)
		if i == 0 {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
		}
	}
}

// R28: after sleep every request uses a connection of its own time, and one that
// is under way is left where it is.
func TestR28_AfterSleepConnectionsAreOpenedAnew(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		inBubble(t, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
			asleep, awake := make(chan struct{}), make(chan struct{})
			handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					close(asleep)
					<-awake
				}
				_, _ = io.WriteString(w, "{}")
			})
			if http2 {
				n.Serve("api.example", handler)
			} else {
				n.ServeHTTP1("api.example", handler)
			}
			const url = "https://api.example/todos"
			if _, _, err := send(t, c, http.MethodGet, url); err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() {
				_, _, err := send(t, c, http.MethodPost, url)
				done <- err
			}()
			<-asleep
			before := len(n.Dials())
			c.Reconnect()
			for range 2 {
				if _, _, err := send(t, c, http.MethodGet, url); err != nil {
					t.Error(err)
				}
			}
			if got := len(n.Dials()) - before; got != 1 {
				t.Errorf("HTTP/2 %t: %d connections were opened", http2, got)
			}
			close(awake)
			if err := <-done; err != nil {
				t.Errorf("HTTP/2 %t: what was under way: %v", http2, err)
			}
			n.Break() // the old connection too
		})
	}
}
