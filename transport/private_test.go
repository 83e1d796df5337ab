package transport_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"waybill/fault"
	"waybill/transport"
)

// S76: the address that is really dialled counts, whatever the name says.
func TestS76_AServerCannotSendTheAppIntoAPrivateNetwork(t *testing.T) {
	defer goleak.VerifyNone(t)
	var asked, opened atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	accepted := make(chan struct{}, 10)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
			accepted <- struct{}{}
		}
	}
	server.Start()
	defer server.Close()
	c := transport.New(transport.Options{Proxy: func(*http.Request) (*url.URL, error) { return nil, nil }})
	defer c.CloseIdle()

	_, _, err := get(t.Context(), c.HTTP(transport.Metadata, ""), server.URL)
	wantFault(t, err, fault.Hostile, "private_address")
	_, _, err = get(t.Context(), c.HTTP(transport.Token, server.URL), server.URL)
	wantFault(t, err, fault.Hostile, "private_address")
	_, _, err = get(t.Context(), c.HTTP(transport.Metadata, ""), "https://169.254.169.254/latest/meta-data")
	wantFault(t, err, fault.Hostile, "private_address")
	c.Preconnect(t.Context(), server.URL)
	if asked.Load() != 0 || opened.Load() != 0 {
		t.Fatalf("asked %d times, %d connections", asked.Load(), opened.Load())
	}

	c.Trust(server.URL)
	if _, _, err := get(t.Context(), c.HTTP(transport.Metadata, ""), server.URL); err != nil || asked.Load() != 1 {
		t.Errorf("a trusted host: %v, asked %d times", err, asked.Load())
	}
	<-accepted
	c.CloseIdle()
	c.Preconnect(t.Context(), server.URL)
	<-accepted
	if asked.Load() != 1 {
		t.Errorf("asked %d times", asked.Load())
	}
}

func TestS76_TheOriginOfAResourceIsWhatTheUserConfigured(t *testing.T) {
	defer goleak.VerifyNone(t)
	server := httptest.NewServer(says("{}"))
	defer server.Close()
	c := transport.New(transport.Options{})
	defer c.CloseIdle()
	if _, _, err := get(t.Context(), c.HTTP(transport.Resource, server.URL), server.URL); err != nil {
		t.Error(err)
	}
}

func TestR2_ANameThatDoesNotExistIsOffline(t *testing.T) {
	defer goleak.VerifyNone(t)
	c := transport.New(transport.Options{Proxy: func(*http.Request) (*url.URL, error) { return nil, nil }})
	defer c.CloseIdle()
	_, _, err := get(t.Context(), c.HTTP(transport.Metadata, ""), "https://nobody.invalid/")
	if f := fault.As(err); f.Kind != fault.Offline || f.Code != "dns" && f.Code != "timeout" {
		t.Errorf("got %q: %v", f.Code, err)
	}
}

func TestS61_AProxyIsUsedForTheOutsideOnlyAndItsPasswordNeverShown(t *testing.T) {
	defer goleak.VerifyNone(t)
	var methods, auth []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		methods = append(methods, r.Method+" "+r.Host)
		auth = append(auth, r.Header.Get("Proxy-Authorization"))
		w.Header().Set("Proxy-Authenticate", `Basic realm="canary"`)
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	defer proxy.Close()
	address := strings.Replace(proxy.URL, "http://", "http://user:canary@", 1)
	c := transport.New(transport.Options{Proxy: func(*http.Request) (*url.URL, error) { return url.Parse(address) }})
	defer c.CloseIdle()

	_, _, err := post(t.Context(), c.HTTP(transport.Token, ""), "https://idp.example/token")
	if f := wantFault(t, err, fault.Offline, "proxy"); f != nil && f.Status != http.StatusProxyAuthRequired {
		t.Errorf("status %d", f.Status)
	}
	if len(methods) != 1 || methods[0] != "CONNECT idp.example:443" || auth[0] == "" {
		t.Errorf("the proxy saw %v", methods)
	}

	server := httptest.NewServer(says("{}"))
	defer server.Close()
	if _, _, err := get(t.Context(), c.HTTP(transport.Resource, server.URL), server.URL); err != nil || len(methods) != 1 {
		t.Errorf("loopback: %v; the proxy saw %v", err, methods)
	}
}

func TestS61_AProxyAddressThatCannotBeReadIsNotQuoted(t *testing.T) {
	// Errors of net/url quote the whole address.
	c := transport.New(transport.Options{Proxy: func(*http.Request) (*url.URL, error) {
		return nil, &url.Error{Op: "parse", URL: "http://user:canary@[", Err: errors.New("missing ']' in host")}
	}})
	_, _, err := get(t.Context(), c.HTTP(transport.Metadata, ""), "https://idp.example/")
	wantFault(t, err, fault.Config, "bad_proxy")
}
