package virtualnet

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"strings"
	"time"
)

// Serve answers https requests to host ("idp.example", port 443, or with a
// port of its own) with a certificate of the network's authority, over
// HTTP/1.1 and HTTP/2.
func (n *Network) Serve(host string, h http.Handler) { n.ServeTLS(host, h, nil) }

// ServeHTTP1 is Serve without HTTP/2.
func (n *Network) ServeHTTP1(host string, h http.Handler) {
	n.ServeTLS(host, h, &tls.Config{NextProtos: []string{"http/1.1"}})
}

// ServeTLS is Serve with a TLS configuration of the test's own; a certificate
// of the network's authority is added if it has none.
func (n *Network) ServeTLS(host string, h http.Handler, config *tls.Config) {
	addr := withPort(host, "443")
	if config == nil {
		config = &tls.Config{}
	}
	config = config.Clone()
	if len(config.Certificates) == 0 {
		name, _, _ := net.SplitHostPort(addr)
		config.Certificates = []tls.Certificate{n.Certificate(name, nil)}
	}
	s := n.server(addr, h)
	s.TLSConfig = config
	if len(config.NextProtos) > 0 {
		s.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
	}
	n.start(addr, func(l net.Listener) { _ = s.ServeTLS(l, "", "") })
}

// ServePlain answers http requests to addr, host:port.
func (n *Network) ServePlain(addr string, h http.Handler) {
	addr = withPort(addr, "80")
	s := n.server(addr, h)
	n.start(addr, func(l net.Listener) { _ = s.Serve(l) })
}

func withPort(host, port string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), port)
}

func (n *Network) server(addr string, h http.Handler) *http.Server {
	s := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n.mu.Lock()
			n.log = append(n.log, Request{addr, r.Method, r.URL.Path, r.Proto, time.Now()})
			n.handlers++
			n.mu.Unlock()
			defer n.handled()
			h.ServeHTTP(w, r)
		}),
		ErrorLog: log.New(io.Discard, "", 0), // broken handshakes are what some tests are about
	}
	n.mu.Lock()
	n.servers = append(n.servers, s)
	n.mu.Unlock()
	return s
}

// handled counts a handler's end, for which Close waits.
func (n *Network) handled() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.handlers--; n.handlers == 0 {
		n.idle.Broadcast()
	}
}

// start panics if addr is taken: two servers on one address are a mistake in
// the test.
func (n *Network) start(addr string, serve func(net.Listener)) {
	l, err := n.Listen(addr)
	if err != nil {
		panic("virtualnet: " + err.Error())
	}
	n.serving.Go(func() { serve(l) })
}

// CertPool returns the roots that a client has to trust.
func (n *Network) CertPool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(n.certs.root)
	return pool
}

// authority issues certificates.
type authority struct {
	root *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority() *authority {
	template := &x509.Certificate{
		Subject:  pkix.Name{CommonName: "virtualnet"},
		IsCA:     true,
		KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true,
	}
	a := &authority{key: newKey()}
	a.root = sign(template, template, a.key, a.key)
	return a
}

// Certificate issues a certificate for name, a host name or an IP address.
// change, if not nil, may make it unusual before it is signed.
func (n *Network) Certificate(name string, change func(*x509.Certificate)) tls.Certificate {
	template := &x509.Certificate{
		Subject:  pkix.Name{CommonName: name},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	key := newKey()
	leaf := sign(template, n.certs.root, key, n.certs.key, change)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
}

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic("virtualnet: " + err.Error())
	}
	return key
}

func sign(template, parent *x509.Certificate, key, by *ecdsa.PrivateKey, changes ...func(*x509.Certificate)) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic("virtualnet: " + err.Error())
	}
	template.SerialNumber = serial
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(365*24*time.Hour)
	for _, change := range changes {
		if change != nil {
			change(template)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	if err != nil {
		panic("virtualnet: " + err.Error())
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic("virtualnet: " + err.Error())
	}
	return cert
}
