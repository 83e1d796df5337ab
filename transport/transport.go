// Package transport makes the one HTTP client that everything in Waybill goes
// through.
//
// Invariant: a request that carries a credential is sent to one origin and
// nowhere else: no redirect is followed with a body or an Authorization header,
// none is accepted as an answer, and a pinned client refuses another origin
// before it dials. Every answer is bounded in size and every wait in time. No
// cookie is kept. What fails comes out as a *fault.Fault that shows neither a
// secret nor a server's words.
package transport

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"time"

	"waybill/fault"
	"waybill/internal/weburl"
)

// Role says what a client is for, and so what its requests may do.
type Role int

// The roles.
const (
	// Metadata reads public documents: GET without a body and without an
	// Authorization header; at most three redirects, within one origin.
	Metadata Role = iota

	// Token sends secrets to a token endpoint: no redirect, nothing is sent
	// twice, not even by net/http.
	Token

	// Resource calls an API with a bearer token: one origin, no redirect.
	Resource

	// Stream is Resource for answers that may be event streams (MCP): the cap
	// is per message, and a stream may last.
	Stream
)

// Options are what a Client may be given; the zero value is right for use.
type Options struct {
	// DialContext replaces the network, for tests; nil: a net.Dialer. With it,
	// addresses are not checked when they are dialled and no proxy is taken
	// from the environment.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)

	// RootCAs are trusted instead of the system's, from a developer's explicit
	// file; nil: the system's.
	RootCAs *x509.CertPool

	// UserAgent is sent with every request; empty: "waybill".
	UserAgent string

	// Proxy chooses a proxy; nil: HTTPS_PROXY and its kin of the environment.
	// Loopback addresses never go through one.
	Proxy func(*http.Request) (*url.URL, error)

	// Observe is told of every exchange when its headers have arrived or it
	// has failed; nil: nobody is. It is called on the caller's goroutine,
	// possibly on several at once, and must not block.
	Observe func(Exchange)
}

// Exchange is one request and what came of it, without anything secret.
type Exchange struct {
	Role   Role
	Method string
	URL    string // without its query
	Status int    // 0 if there was no answer
	Proto  string // "HTTP/1.1", "HTTP/2.0"; "" if there was no answer
	Reused bool   // the connection had been open before
	Start  time.Time
	Took   time.Duration // until the headers, or for Metadata and Token until the whole answer was there
	Fault  *fault.Fault  // nil if there was an answer that keeps the rules
}

// Origin returns scheme://host:port of an address that CheckURL accepts, in
// lower case and with the port always written, so that two addresses have the
// same origin (RFC 6454 section 5) exactly if the results are equal. The error
// is that of CheckURL.
func Origin(rawURL string) (string, error) {
	origin, ok := weburl.Origin(rawURL)
	if !ok {
		return "", CheckURL(rawURL)
	}
	return origin, nil
}

// CheckURL reports, as a Fault of kind Config, why a secret or a token may not
// be sent to rawURL: it must be https, or http on this computer's loopback,
// without user information and fragment, with a host name that cannot be read
// as another (RFC 9700 section 2.6, RFC 8252 section 8.3).
func CheckURL(rawURL string) error {
	why := weburl.Check(rawURL)
	if why == "" {
		return nil
	}
	return fault.New(fault.StepSetup, fault.Config, "bad_url", "The address "+fault.Clean(rawURL, 120)+" "+why+".").
		WithRemedy("Use an https address.")
}
