package transport_test

import (
	"crypto/tls"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"golang.org/x/net/http2"

	"waybill/fault"
	"waybill/internal/virtualnet"
	"waybill/transport"
)

// refuseStreams speaks HTTP/2 over conn and refuses every request, which says
// that it was not processed and may be sent again (RFC 9113 section 8.7).
func refuseStreams(conn net.Conn, config *tls.Config, requests *atomic.Int32) {
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
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				_ = framer.WriteSettingsAck()
			}
		case *http2.DataFrame: // the body has been read by net/http
			requests.Add(1)
			_ = framer.WriteRSTStream(f.StreamID, http2.ErrCodeRefusedStream)
		}
	}
}

// net/http would send the request again with a new copy of its body. A code or
// an ID-JAG is sent once; whether another attempt makes sense is for the caller.
func TestS58_ARefusedTokenRequestIsNotRepeatedByTheLibrary(t *testing.T) {
	inBubble(t, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
		l, err := n.Listen("as.example:443")
		if err != nil {
			t.Fatal(err)
		}
		config := &tls.Config{Certificates: []tls.Certificate{n.Certificate("as.example", nil)}, NextProtos: []string{"h2"}}
		var requests atomic.Int32
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				go refuseStreams(conn, config, &requests)
			}
		}()
		_, _, err = post(t.Context(), c.HTTP(transport.Token, ""), "https://as.example/token")
		wantFault(t, err, fault.Offline, "network")
		synctest.Wait()
		if got := requests.Load(); got != 1 {
			t.Errorf("the request was sent %d times", got)
		}
	})
}
