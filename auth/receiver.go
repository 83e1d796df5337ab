package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"sync"
	"syscall"
	"time"

	"waybill/connection"
	"waybill/fault"
	"waybill/secret"
)

const (
	// requestLimit is how long a request's headers, its whole, and its answer
	// may each take.
	requestLimit = 4 * time.Second

	headersLimit = 32 << 10 // bytes of a request's line and headers
	queryLimit   = 8 << 10  // bytes of a callback's query

	// pageLimit is how long the port stays open after the answer, for the
	// browser to fetch the page it is sent on to; pageGrace how long after
	// that, for the same answer sent twice by a link scanner and the browser.
	pageLimit = 3 * time.Second
	pageGrace = 500 * time.Millisecond
)

// callback is an answer to the authorization request that carried the right
// state (RFC 6749 sections 4.1.2 and 4.1.2.1).
type callback struct {
	code      secret.Text
	errorCode string // the error parameter, "" for an answer with a code
	words     string // error_description, as received
	issuer    string // the iss parameter (RFC 9207)
	hasIssuer bool
}

// same reports whether the browser sent the very same answer again.
func (a *callback) same(other callback) bool {
	return a.code.Equal(other.code) && a.errorCode == other.errorCode && a.words == other.words &&
		a.issuer == other.issuer && a.hasIssuer == other.hasIssuer
}

// receiver awaits the answer on a loopback port (RFC 8252 section 7.3). It
// takes one answer: the first top-level navigation to the very path, with the
// very state. Everything else is answered without effect and without telling
// anything.
type receiver struct {
	redirect connection.Redirect // with the port in use
	state    secret.Text
	server   *http.Server
	serving  sync.WaitGroup

	answers  chan callback // receives the one answer
	pageSeen chan struct{} // closed when the browser has fetched the final page

	mu       sync.Mutex
	accepted *callback
	page     sync.Once
}

// listenFunc is net.Listen, or what stands for it in a test.
type listenFunc func(network, address string) (net.Listener, error)

// listenAlone is net.Listen for a port that no other process may share.
func listenAlone(network, address string) (net.Listener, error) {
	config := net.ListenConfig{Control: exclusive}
	return config.Listen(context.Background(), network, address)
}

// listen binds the redirect URI's address, on loopback only.
func listen(r connection.Redirect, state secret.Text, open listenFunc) (*receiver, error) {
	if open == nil {
		open = listenAlone
	}
	listeners, port, err := bind(r, open)
	if err != nil {
		return nil, err
	}
	r.Port = port
	c := &receiver{redirect: r, state: state, answers: make(chan callback, 1), pageSeen: make(chan struct{})}
	c.server = &http.Server{
		Handler:                      c,
		ReadHeaderTimeout:            requestLimit,
		ReadTimeout:                  requestLimit,
		WriteTimeout:                 requestLimit,
		MaxHeaderBytes:               headersLimit,
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     log.New(io.Discard, "", 0),
		ConnContext:                  withReceiverConn,
	}
	c.server.SetKeepAlivesEnabled(false)
	crowd := &crowd{}
	for _, l := range listeners {
		c.serving.Go(func() { _ = c.server.Serve(&crowdedListener{Listener: l, crowd: crowd}) })
	}
	return c, nil
}

// close closes the port and every connection; when it returns, the port
// refuses. It may be called more than once.
func (c *receiver) close() {
	_ = c.server.Close()
	c.serving.Wait()
}

// linger keeps the port open until the browser has its page, for a bounded
// time, then closes it. stop ends the wait at once.
func (c *receiver) linger(stop <-chan struct{}) {
	defer c.close()
	limit := time.NewTimer(pageLimit)
	defer limit.Stop()
	select {
	case <-stop:
		return
	case <-limit.C:
		return
	case <-c.pageSeen:
	}
	select {
	case <-stop:
	case <-time.After(pageGrace):
	}
}

// bind opens the listeners: one for an address, both families for "localhost",
// since the browser may try either (RFC 8252 section 8.3).
func bind(r connection.Redirect, open listenFunc) ([]net.Listener, int, error) {
	hosts := []string{r.Host}
	if net.ParseIP(r.Host) == nil {
		hosts = []string{"127.0.0.1", "::1"}
	}
	const attempts = 8 // a port that was free in one family may be taken in the other
	var err error
	for range attempts {
		var listeners []net.Listener
		var port int
		if listeners, port, err = bindAll(hosts, r.Port, open); err == nil {
			return listeners, port, nil
		}
		if r.Port != 0 {
			break
		}
	}
	return nil, 0, bindFault(r, err)
}

func bindAll(hosts []string, port int, open listenFunc) (listeners []net.Listener, used int, err error) {
	used = port
	for _, host := range hosts {
		l, err := open(network(host), net.JoinHostPort(host, strconv.Itoa(used)))
		if err != nil && len(listeners) > 0 && noSuchFamily(err) {
			continue // this computer has no IPv6, so nobody can wait there
		}
		if err != nil {
			for _, l := range listeners {
				_ = l.Close()
			}
			return nil, 0, err
		}
		listeners = append(listeners, l)
		used = l.Addr().(*net.TCPAddr).Port
	}
	return listeners, used, nil
}

func network(host string) string {
	if ip := net.ParseIP(host); ip != nil && ip.To4() == nil {
		return "tcp6"
	}
	return "tcp4"
}

func noSuchFamily(err error) bool {
	return errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)
}

// bindFault names the port, since that is what the user can do something
// about.
func bindFault(r connection.Redirect, err error) *fault.Fault {
	if errors.Is(err, syscall.EADDRINUSE) || isTaken(err) {
		return fault.New(fault.StepSignIn, fault.Config, "port_in_use",
			fmt.Sprintf("Sign-in cannot start: port %d, which the redirect URI names, is in use by another program.", r.Port)).
			WithRemedy("Close that program, or register another port at the identity provider and set it in the connection.").
			About("redirect_uri").Because(err)
	}
	return fault.New(fault.StepSignIn, fault.Config, "port_refused",
		fmt.Sprintf("Sign-in cannot start: this computer does not let Waybill listen at %s.", r)).
		WithRemedy("Register a port above 1023 at the identity provider and set it in the connection.").About("redirect_uri").Because(err)
}
