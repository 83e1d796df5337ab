package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"waybill/fault"
	"waybill/internal/weburl"
)

// Limits that hold for every connection. A sign-in in the browser may take
// five minutes, and what was connected meanwhile should still be open then.
const (
	dialLimit      = 5 * time.Second // name look-up and connect
	handshakeLimit = 10 * time.Second
	idleLimit      = 6 * time.Minute
	headerCap      = 64 << 10
)

// Client hands out http.Clients that share one pool of connections. It is safe
// for concurrent use.
type Client struct {
	opts Options
	base atomic.Pointer[http.Transport] // see Reconnect

	recorded atomic.Uint64 // exchanges, see Recording.ID

	mu      sync.Mutex
	trusted map[string]bool          // host names, see Trust
	skew    map[string]time.Duration // by origin, see ServerClock
	nonces  map[string]string        // by origin, see DPoPNonce
	open    map[string]int           // connections by origin, those being opened too
}

// New makes a Client. It opens no connection and starts no goroutine.
func New(opts Options) *Client {
	if opts.UserAgent == "" {
		opts.UserAgent = "waybill"
	}
	c := &Client{opts: opts, trusted: map[string]bool{}, skew: map[string]time.Duration{}, nonces: map[string]string{}, open: map[string]int{}}
	c.base.Store(c.newBase())
	return c
}

func (c *Client) newBase() *http.Transport {
	return &http.Transport{
		Proxy:                  c.proxy,
		OnProxyConnectResponse: refusedByProxy,
		DialContext:            c.dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.opts.RootCAs},
		TLSHandshakeTimeout:    handshakeLimit,
		ForceAttemptHTTP2:      true, // a DialContext of one's own turns it off otherwise
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        idleLimit,
		MaxResponseHeaderBytes: headerCap,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: handshakeLimit},
	}
}

// HTTP returns a client with the rights of role. A client with an origin (see
// Origin) refuses every request elsewhere before it dials; origin "" allows any
// https origin, and is for Metadata. The origin of a Resource or Stream is what
// the user configured, so its host is trusted as with Trust. The result keeps
// no cookie, follows no redirect of its own, and may be copied to wrap its
// Transport. Errors of its requests hold a *fault.Fault, to be had by
// errors.As; its step is that of WithStep, else the role's usual one.
func (c *Client) HTTP(role Role, origin string) *http.Client {
	rt := &roundTripper{client: c, role: role}
	if origin != "" {
		pinned, err := Origin(origin)
		if err != nil {
			rt.broken = err
		}
		rt.origin = pinned
	}
	if rt.origin != "" && (role == Resource || role == Stream) {
		c.Trust(rt.origin)
	}
	return &http.Client{Transport: rt, CheckRedirect: useLastResponse}
}

func useLastResponse(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Trust notes that the user's configuration names the host of rawURL. Only
// such hosts may lie on this computer or in a private network; a host that
// merely some server named must have a public address, checked when it is
// dialled, so that no server can make the app knock at doors behind the
// firewall (RFC 9728 section 7.7). An address that CheckURL refuses is ignored.
func (c *Client) Trust(rawURL string) {
	if weburl.Check(rawURL) != "" {
		return
	}
	if u, err := url.Parse(rawURL); err == nil {
		c.trustHost(u.Hostname())
	}
}

func (c *Client) trustHost(host string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trusted[strings.ToLower(host)] = true
}

func (c *Client) trusts(host string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trusted[strings.ToLower(host)]
}

// CloseIdle closes the connections that no request uses.
func (c *Client) CloseIdle() { c.base.Load().CloseIdleConnections() }

// Reconnect has every request from now on use a connection that is opened from
// now on: after sleep, or on another network, those that are open may be dead
// without knowing it. A request under way goes on where it is; an HTTP/2
// connection that it was on is closed some minutes later.
func (c *Client) Reconnect() { c.base.Swap(c.newBase()).CloseIdleConnections() }

// proxy chooses the proxy of a request; a proxy is configured by the user, so
// its host is trusted.
func (c *Client) proxy(req *http.Request) (*url.URL, error) {
	if weburl.IsLoopback(req.URL.Hostname()) {
		return nil, nil
	}
	choose := c.opts.Proxy
	switch {
	case choose == nil && c.opts.DialContext != nil:
		return nil, nil
	case choose == nil:
		choose = http.ProxyFromEnvironment
	}
	u, err := choose(req)
	if err != nil {
		// The cause holds the address with its password, so it is left out.
		return nil, fault.New(stepOf(req.Context(), ""), fault.Config, "bad_proxy",
			"The address of this network's proxy cannot be read.").
			WithRemedy("Correct the environment variable HTTPS_PROXY.")
	}
	if u != nil {
		c.trustHost(u.Hostname())
	}
	return u, nil
}

func refusedByProxy(ctx context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	f := fault.New(stepOf(ctx, ""), fault.Offline, "proxy", "This network's proxy refused the connection.").
		WithRemedy("Check the proxy's settings and password.")
	f.Status = answer.StatusCode
	return f
}

// connect opens a TCP connection within dialLimit, to an address that its host
// may have.
func (c *Client) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, dialLimit, errTooSlow)
	defer cancel()
	if c.opts.DialContext != nil {
		return c.opts.DialContext(ctx, network, addr)
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	d := net.Dialer{ControlContext: func(ctx context.Context, _, address string, _ syscall.RawConn) error {
		return c.mayDial(ctx, host, address)
	}}
	return d.DialContext(ctx, network, addr)
}

// mayDial is asked after the name look-up, with the address that is really
// dialled, so that a name that changes its address gains nothing.
func (c *Client) mayDial(ctx context.Context, host, address string) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	ip := ap.Addr().Unmap().WithZone("")
	if strings.EqualFold(host, "localhost") && !ip.IsLoopback() {
		return private(ctx, host, "localhost is not this computer here")
	}
	if special(ip) && !c.trusts(host) {
		return private(ctx, host, "it lies in a private network and the connection does not name it")
	}
	return nil
}

func private(ctx context.Context, host, why string) error {
	return fault.New(stepOf(ctx, ""), fault.Hostile, "private_address",
		"The host "+fault.Clean(host, 80)+" was not contacted: "+why+".").
		WithRemedy("If its address is right, enter it in the connection.")
}

// Networks that net/netip has no name for: addresses shared behind a carrier's
// NAT (RFC 6598), and IPv4 addresses seen through NAT64 (RFC 6052).
var (
	sharedNAT = netip.MustParsePrefix("100.64.0.0/10")
	nat64     = netip.MustParsePrefix("64:ff9b::/96")
)

// special reports whether ip is not a public unicast address: loopback,
// private (RFC 1918, RFC 4193), shared (RFC 6598), link-local, multicast or
// unspecified.
func special(ip netip.Addr) bool {
	return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsMulticast() ||
		ip.IsUnspecified() || sharedNAT.Contains(ip) || nat64.Contains(ip) && special(netip.AddrFrom4(lastFour(ip)))
}

func lastFour(ip netip.Addr) [4]byte {
	b := ip.As16()
	return [4]byte(b[12:])
}

// errTooSlow is the cause of a context that one of our own limits ended.
var errTooSlow = errors.New("transport: limit reached")
