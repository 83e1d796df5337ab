package transport_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"waybill/fault"
	"waybill/internal/virtualnet"
	"waybill/transport"
)

func TestS51R4_AServerThatCannotProveItselfIsNotBelieved(t *testing.T) {
	cases := map[string]struct {
		config func(n *virtualnet.Network) *tls.Config
		word   string
	}{
		"expired": {func(n *virtualnet.Network) *tls.Config {
			return certified(n.Certificate("as.example", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }))
		}, "clock"},
		"not valid yet": {func(n *virtualnet.Network) *tls.Config {
			return certified(n.Certificate("as.example", func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }))
		}, "clock"},
		"another name": {func(n *virtualnet.Network) *tls.Config {
			return certified(n.Certificate("evil.example", nil))
		}, "another name"},
		"a wildcard too far up": {func(n *virtualnet.Network) *tls.Config {
			return certified(n.Certificate("*.as.example", nil))
		}, "another name"},
		"an authority nobody knows": {func(*virtualnet.Network) *tls.Config {
			return certified(virtualnet.New(0).Certificate("as.example", nil))
		}, "nobody"},
		"not for servers": {func(n *virtualnet.Network) *tls.Config {
			return certified(n.Certificate("as.example", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }))
		}, ""},
		"TLS 1.1": {func(n *virtualnet.Network) *tls.Config {
			c := certified(n.Certificate("as.example", nil))
			c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
			return c
		}, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
				n.ServeTLS("as.example", says("{}"), tc.config(n))
				for _, role := range []transport.Role{transport.Token, transport.Resource} {
					_, _, err := post(t.Context(), c.HTTP(role, "https://as.example"), "https://as.example/token")
					f := wantFault(t, err, fault.Offline, "tls")
					if f != nil && !strings.Contains(f.Error(), tc.word) {
						t.Errorf("%q does not hold %q", f.Error(), tc.word)
					}
				}
				if r := n.Requests(); len(r) != 0 {
					t.Errorf("a request was sent: %v", r)
				}
			})
		})
	}
}

func certified(c tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{c}}
}

func TestR3_AServerThatSpeaksNoTLSIsOffline(t *testing.T) {
	inBubble(t, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
		n.ServePlain("as.example:443", says("{}"))
		_, _, err := post(t.Context(), c.HTTP(transport.Token, ""), "https://as.example/token")
		if f := fault.As(err); f.Kind != fault.Offline {
			t.Errorf("got %v", err)
		}
	})
}

func TestS51_OnlyAnExplicitAuthorityIsTrustedBesideTheSystems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := virtualnet.New(rtt)
		n.Serve("as.example", says("{}"))
		system := transport.New(transport.Options{DialContext: n.DialContext, RootCAs: x509.NewCertPool()})
		_, _, err := get(t.Context(), system.HTTP(transport.Metadata, ""), "https://as.example/")
		wantFault(t, err, fault.Offline, "tls")
		explicit := newClient(n, nil)
		if status, _, err := get(t.Context(), explicit.HTTP(transport.Metadata, ""), "https://as.example/"); status != http.StatusOK || err != nil {
			t.Errorf("%d, %v", status, err)
		}
		system.CloseIdle()
		explicit.CloseIdle()
		n.Close()
	})
}
