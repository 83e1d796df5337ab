package xaadev

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"

	"waybill/internal/virtualnet"
)

// Browser is a user with this e-mail address at a browser on n.
type Browser struct {
	world *World
	net   *virtualnet.Network
	email string

	tabs sync.WaitGroup
	mu   sync.Mutex
	err  error
}

// NewBrowser makes a Browser. Wait for it in the end.
func (w *World) NewBrowser(n *virtualnet.Network, email string) *Browser {
	return &Browser{world: w, net: n, email: email}
}

// Open signs in at the address and follows the redirect back to the app, in the
// background, as a browser that was asked to open an address does. Pages that
// are no sign-in pages are just looked at.
func (b *Browser) Open(address string) error {
	b.tabs.Go(func() {
		if u, err := url.Parse(address); err == nil && u.Path != "/authorize" {
			b.keep(b.look(address))
			return
		}
		back, err := b.world.SignIn(address, b.email)
		for hop := 0; err == nil && back != "" && hop < 3; hop++ {
			back, err = b.get(back)
		}
		b.keep(err)
	})
	return nil
}

func (b *Browser) keep(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		b.err = err
	}
}

// look loads a page of the network, and follows nothing.
func (b *Browser) look(address string) error {
	request, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	conn, err := b.net.DialContext(context.Background(), "tcp", net.JoinHostPort(request.URL.Host, "443"))
	if err != nil {
		return err
	}
	secured := tls.Client(conn, &tls.Config{RootCAs: b.net.CertPool(), ServerName: request.URL.Host})
	defer func() { _ = secured.Close() }()
	request.Close = true
	if err := request.Write(secured); err != nil {
		return err
	}
	response, err := http.ReadResponse(bufio.NewReader(secured), request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// Wait waits until nothing is loaded any more, and returns what went wrong last,
// as the user sees it.
func (b *Browser) Wait() error {
	b.tabs.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// get loads a page of this computer and returns where it leads on to.
func (b *Browser) get(address string) (next string, err error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" {
		return "", fmt.Errorf("not an address of this computer: %s", address)
	}
	conn, err := b.net.DialContext(context.Background(), "tcp", u.Host)
	if err != nil {
		return "", err
	}
	defer func(c net.Conn) { _ = c.Close() }(conn)
	request, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	request.Close = true
	if err := request.Write(conn); err != nil {
		return "", err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return "", err
	}
	location := response.Header.Get("Location")
	if location == "" {
		return "", nil
	}
	to, err := u.Parse(location)
	if err != nil {
		return "", err
	}
	return to.String(), nil
}
