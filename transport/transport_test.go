package transport_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"waybill/fault"
	"waybill/internal/virtualnet"
	"waybill/transport"
)

const rtt = 100 * time.Millisecond

// inBubble runs f with a network and a client of it, in virtual time, and
// closes both.
func inBubble(t *testing.T, f func(t *testing.T, n *virtualnet.Network, c *transport.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := virtualnet.New(rtt)
		defer n.Close()
		c := newClient(n, nil)
		defer c.CloseIdle()
		f(t, n, c)
	})
}

func newClient(n *virtualnet.Network, observe func(transport.Exchange)) *transport.Client {
	return transport.New(transport.Options{DialContext: n.DialContext, RootCAs: n.CertPool(), Observe: observe})
}

// post sends a form with a secret in it and a bearer token, and reads the
// whole answer.
func post(ctx context.Context, hc *http.Client, url string) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader("client_secret=canary"))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Bearer canary")
	return do(hc, req)
}

func get(ctx context.Context, hc *http.Client, url string) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	return do(hc, req)
}

func do(hc *http.Client, req *http.Request) (int, string, error) {
	resp, err := hc.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

// wantFault checks kind and code, and that nothing secret or foreign shows.
func wantFault(t *testing.T, err error, kind fault.Kind, code string) *fault.Fault {
	t.Helper()
	var f *fault.Fault
	if !errors.As(err, &f) {
		t.Errorf("got %v, want a fault %q", err, code)
		return nil
	}
	if f.Kind != kind || f.Code != code {
		t.Errorf("got kind %d, code %q (%v), want kind %d, code %q", f.Kind, f.Code, err, kind, code)
	}
	if strings.Contains(err.Error(), "canary") {
		t.Errorf("the error shows a secret: %v", err)
	}
	return f
}

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, text)
	}
}

func TestS49_NothingIsSentToAnUnsafeAddress(t *testing.T) {
	inBubble(t, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
		for _, url := range []string{
			"http://idp.example/", "https://user@idp.example/", "https://idp.example/#f",
			"https://2130706433/", "https://0x7f.1/", "https://bücher.example/", "ftp://idp.example/",
		} {
			_, _, err := get(t.Context(), c.HTTP(transport.Metadata, ""), url)
			var f *fault.Fault
			if !errors.As(err, &f) {
				t.Errorf("%s: %v", url, err)
			}
		}
		if d := n.Dials(); len(d) != 0 {
			t.Errorf("dialled %v", d)
		}
	})
}

func TestS60_NoCookieIsKept(t *testing.T) {
	inBubble(t, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
		n.Serve("idp.example", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if len(r.Cookies()) > 0 {
				t.Errorf("a cookie came back: %v", r.Cookies())
			}
			http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
			_, _ = io.WriteString(w, "{}")
		}))
		for range 3 {
			if _, _, err := get(t.Context(), c.HTTP(transport.Resource, "https://idp.example"), "https://idp.example/"); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestS78_ABearerGoesToItsOriginAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
		n.Serve("api.example", says("{}"))
		for _, role := range []transport.Role{transport.Token, transport.Resource, transport.Stream} {
			hc := c.HTTP(role, "https://API.example")
			for _, url := range []string{"https://api.example/x", "https://api.example:443/x"} {
				if _, _, err := post(t.Context(), hc, url); err != nil {
					t.Errorf("%s: %v", url, err)
				}
			}
			n.Reset()
			for _, url := range []string{
				"https://evil.example/x", "https://api.example:444/x", "https://a.api.example/x",
				"http://127.0.0.1/x", "https://api.example.evil.example/x",
			} {
				_, _, err := post(t.Context(), hc, url)
				wantFault(t, err, fault.Hostile, "wrong_origin")
			}
			if d := n.Dials(); len(d) != 0 {
				t.Errorf("dialled %v", d)
			}
		}
		_, _, err := post(t.Context(), c.HTTP(transport.Token, "nonsense"), "https://api.example/x")
		wantFault(t, err, fault.Config, "bad_url")
	})
}

func TestMetadataCarriesNothingButItsAddress(t *testing.T) {
	inBubble(t, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
		n.Serve("idp.example", says("{}"))
		hc := c.HTTP(transport.Metadata, "")
		_, _, err := post(t.Context(), hc, "https://idp.example/")
		wantFault(t, err, fault.Failed, "internal")
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://idp.example/", nil)
		req.Header.Set("Authorization", "Bearer canary")
		_, _, err = do(hc, req)
		wantFault(t, err, fault.Failed, "internal")
		if d := n.Dials(); len(d) != 0 {
			t.Errorf("dialled %v", d)
		}
	})
}

func TestObserversSeeNoSecret(t *testing.T) {
	var mu sync.Mutex
	var seen []transport.Exchange
	synctest.Test(t, func(t *testing.T) {
		n := virtualnet.New(rtt)
		c := newClient(n, func(e transport.Exchange) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, e)
		})
		n.Serve("idp.example", says("{}"))
		ctx := transport.WithStep(t.Context(), fault.StepExchange)
		for range 2 {
			if _, _, err := post(ctx, c.HTTP(transport.Token, ""), "https://idp.example/token?code=canary"); err != nil {
				t.Error(err)
			}
		}
		_, _, err := post(ctx, c.HTTP(transport.Token, ""), "https://nobody.example/token?code=canary")
		if f := wantFault(t, fault.As(err), fault.Offline, "network"); f.Step != fault.StepExchange {
			t.Errorf("step %q", f.Step)
		}
		c.CloseIdle()
		n.Close()
	})
	if len(seen) != 3 {
		t.Fatalf("saw %d exchanges", len(seen))
	}
	first, second, third := seen[0], seen[1], seen[2]
	if first.URL != "https://idp.example/token" || first.Method != "POST" || first.Status != 200 || first.Proto != "HTTP/2.0" || first.Reused || first.Took != 3*rtt {
		t.Errorf("first: %+v", first)
	}
	if !second.Reused || second.Took != rtt {
		t.Errorf("second: %+v", second)
	}
	if third.Fault == nil || third.Status != 0 || strings.Contains(third.URL, "canary") {
		t.Errorf("third: %+v", third)
	}
}

func TestTheCallersCancellationIsNoNetworkFault(t *testing.T) {
	inBubble(t, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
		n.Serve("idp.example", says("{}"))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(rtt, cancel)
		_, _, err := post(ctx, c.HTTP(transport.Token, ""), "https://idp.example/token")
		wantFault(t, err, fault.Canceled, "canceled")
		if !errors.Is(err, context.Canceled) {
			t.Error("the cause is lost")
		}
		ctx, cancel = context.WithTimeout(t.Context(), rtt)
		defer cancel()
		_, _, err = post(ctx, c.HTTP(transport.Token, ""), "https://idp.example/token")
		wantFault(t, err, fault.Offline, "timeout")
	})
}

func TestServerClockComesFromTheDateField(t *testing.T) {
	inBubble(t, func(t *testing.T, n *virtualnet.Network, c *transport.Client) {
		ahead := 90 * time.Second
		age := ""
		n.Serve("idp.example", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
			if age != "" {
				w.Header().Set("Age", age)
			}
		}))
		if _, ok := c.ServerClock("https://idp.example"); ok {
			t.Error("a clock is known before any answer")
		}
		ask := func() time.Duration {
			if _, _, err := get(t.Context(), c.HTTP(transport.Metadata, ""), "https://idp.example/x"); err != nil {
				t.Fatal(err)
			}
			skew, ok := c.ServerClock("https://idp.example:443/other")
			if !ok {
				t.Error("the clock is not known")
			}
			return skew
		}
		if got := ask(); (got - ahead).Abs() > time.Second {
			t.Errorf("skew %v, want about %v", got, ahead)
		}
		ahead = -time.Hour
		if got := ask(); (got - ahead).Abs() > time.Second {
			t.Errorf("skew %v, want about %v", got, ahead)
		}
		ahead, age = time.Hour, "7200"
		if got := ask(); (got + time.Hour).Abs() > time.Second {
			t.Errorf("an answer out of a cache set the clock to %v", got)
		}
	})
}
