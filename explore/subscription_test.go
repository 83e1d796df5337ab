package explore_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"waybill/api"
	"waybill/connection"
	"waybill/explore"
	"waybill/fault"
	"waybill/internal/virtualnet"
	"waybill/transport"
)

// teller is an MCP server that tells of changes, in virtual time. From 2026-07-28
// on it has no sessions.
type teller struct {
	t       *testing.T
	net     *virtualnet.Network
	mcp     *explore.MCP
	version string

	mu       sync.Mutex
	sessions int // that there were; it knows the last one alone
	streams  map[int]chan string
	opened   []time.Time // when streams were asked for
	refuse   int         // status of every request for a stream, 0 for none
	curt     bool        // every stream ends at once

	news []string // that was told
}

// telling runs f with a server and a client of this version.
func telling(t *testing.T, f func(p *teller)) {
	for _, version := range []string{"2025-06-18", "2026-07-28"} {
		t.Run(version, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &teller{t: t, net: virtualnet.New(20 * time.Millisecond), version: version, streams: map[int]chan string{}}
				p.net.Serve("mcp.example", p)
				tr := transport.New(transport.Options{DialContext: p.net.DialContext, RootCAs: p.net.CertPool()})
				c := api.NewMCP(api.Options{Transport: tr, Tokens: oneToken{}, Resource: connection.Resource{Kind: connection.MCP, URL: "https://mcp.example/mcp", MCPVersion: version}})
				p.mcp = explore.NewMCP(func(ctx context.Context, _ bool, f func(context.Context, *api.MCPClient) error) (uint64, error) {
					return 0, f(ctx, c)
				})
				f(p)
				p.restart()
				if err := c.Close(); err != nil {
					t.Error(err)
				}
				tr.CloseIdle()
				p.net.Close()
			})
		})
	}
}

func (p *teller) modern() bool { return p.version >= "2026" }

// ServeHTTP implements http.Handler.
func (p *teller) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var m rpc
	body, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(body, &m)
	p.mu.Lock()
	known := p.modern() || m.Method == "initialize" || r.Header.Get("Mcp-Session-Id") == strconv.Itoa(p.sessions)
	p.mu.Unlock()
	const can = `"capabilities":{"tools":{},"resources":{"subscribe":true}}`
	switch {
	case !known:
		w.WriteHeader(http.StatusNotFound)
	case m.Method == "initialize":
		p.mu.Lock()
		p.sessions++
		w.Header().Set("Mcp-Session-Id", strconv.Itoa(p.sessions))
		p.mu.Unlock()
		replies(`{"protocolVersion":"`+p.version+`",`+can+`,"serverInfo":{"name":"p","version":"1"}}`)(w, r, m)
	case m.Method == "server/discover":
		replies(`{"resultType":"complete","supportedVersions":["`+p.version+`"],`+can+`}`)(w, r, m)
	case r.Method == http.MethodGet:
		p.stream(w, r, "")
	case m.Method == "subscriptions/listen":
		p.stream(w, r, `{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":{}}}`)
	case m.Method == "resources/subscribe", m.Method == "resources/unsubscribe":
		replies(`{}`)(w, r, m)
	case m.Method == "tools/list":
		replies(`{"tools":[],"resultType":"complete"}`)(w, r, m)
	default:
		accepts(w, r, m)
	}
}

// stream tells of changes until the server starts anew.
func (p *teller) stream(w http.ResponseWriter, r *http.Request, first string) {
	p.mu.Lock()
	p.opened = append(p.opened, time.Now())
	id, changed := len(p.opened), make(chan string)
	p.streams[id] = changed
	refuse, curt := p.refuse, p.curt
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.streams, id)
		p.mu.Unlock()
	}()
	if refuse != 0 {
		w.Header().Set("Retry-After", "300")
		w.WriteHeader(refuse)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	if first != "" {
		fmt.Fprintf(w, "data: %s\n\n", first)
	}
	w.(http.Flusher).Flush()
	for !curt {
		select {
		case uri, on := <-changed:
			if !on {
				return
			}
			fmt.Fprintf(w, "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\",\"params\":{\"uri\":%q}}\n\n", uri)
			w.(http.Flusher).Flush()
		case <-r.Context().Done():
			return
		}
	}
}

// restart has the server forget its session and end its streams.
func (p *teller) restart() {
	p.mu.Lock()
	p.sessions += 100
	for id, c := range p.streams {
		close(c)
		delete(p.streams, id)
	}
	p.mu.Unlock()
	synctest.Wait()
}

// change tells of one on each stream there is.
func (p *teller) change(uri string) {
	p.mu.Lock()
	for _, c := range p.streams {
		c <- uri
	}
	p.mu.Unlock()
	time.Sleep(time.Second)
}

func (p *teller) set(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

// told collects the news.
func (p *teller) told(n explore.News) {
	p.mu.Lock()
	defer p.mu.Unlock()
	word := "renewed"
	switch n.Kind {
	case explore.Updated:
		word = string(n.URI)
	case explore.BrokenOff:
		word = "broken off: " + n.Why.Code
	}
	p.news = append(p.news, word)
}

// wantNews checks what was told since the last time.
func (p *teller) wantNews(when, want string) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if got := strings.Join(p.news, ", "); got != want {
		p.t.Errorf("%s: %q, want %q", when, got, want)
	}
	p.news = nil
}

// subscribed is a subscription whose first change was told.
func (p *teller) subscribed() *explore.Subscription {
	p.t.Helper()
	s, err := p.mcp.Subscribe(p.t.Context(), "x://a", p.told)
	if err != nil {
		p.t.Fatal(err)
	}
	p.change("x://a")
	p.wantNews("at first", "x://a")
	return s
}

// A server that starts anew has forgotten the session, and one that cannot be
// reached for a while is asked seldom: the subscription is there again, and it is
// said that something may have been missed.
func TestASubscriptionIsRenewedAfterTheServerStartedAnew(t *testing.T) {
	telling(t, func(p *teller) {
		s := p.subscribed()
		p.restart()
		time.Sleep(5 * time.Second)
		p.change("x://a")
		p.wantNews("after the restart", "broken off: subscription_ended, renewed, x://a")

		p.net.SetOffline(true)
		p.net.Break()
		p.net.Reset()
		time.Sleep(10 * time.Minute)
		p.wantNews("without a network", "broken off: truncated")
		if n := len(p.net.Dials()); n < 10 || n > 30 {
			p.t.Errorf("%d dials in ten minutes", n)
		}
		p.net.SetOffline(false)
		time.Sleep(61 * time.Second)
		p.change("x://a")
		p.wantNews("with the network again", "renewed, x://a")
		s.Close()
		p.change("x://a")
		p.wantNews("after Close", "")
		if s.Err() != nil {
			p.t.Error(s.Err())
		}
	})
}

// A session of which another call learns that it is forgotten (404) takes the
// subscription with it.
func TestASubscriptionIsRenewedInTheNextSession(t *testing.T) {
	telling(t, func(p *teller) {
		if p.modern() {
			return // it has no sessions
		}
		s := p.subscribed()
		p.set(func() { p.sessions += 100 }) // the stream stays open
		if _, err := p.mcp.Tools(p.t.Context()); err != nil {
			p.t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		p.change("x://a")
		p.wantNews("in the next session", "broken off: subscription_ended, renewed, x://a")
		s.Close()
	})
}

// A server that ends each stream at once is not asked more than about once a
// minute, and one that held for a minute is renewed as quickly as the first time.
func TestAServerThatEndsEachSubscriptionIsAskedSeldom(t *testing.T) {
	telling(t, func(p *teller) {
		s := p.subscribed()
		p.set(func() { p.curt, p.opened = true, nil })
		p.restart()
		time.Sleep(time.Hour)
		var opened []time.Time
		p.set(func() { opened, p.curt, p.news = p.opened, false, nil })
		if n := len(opened); n < 60 || n > 130 {
			p.t.Errorf("asked %d times in an hour", n)
		}
		time.Sleep(5 * time.Minute)
		p.set(func() { p.news = nil })
		p.restart()
		time.Sleep(2 * time.Second)
		p.wantNews("after it held", "broken off: subscription_ended, renewed")
		s.Close()
	})
}

// A server that says when it wants to be asked again is not asked before.
func TestASubscriptionIsRenewedWhenTheServerWantsIt(t *testing.T) {
	telling(t, func(p *teller) {
		s := p.subscribed()
		p.set(func() { p.refuse, p.opened = http.StatusServiceUnavailable, nil })
		p.restart()
		time.Sleep(11 * time.Minute)
		p.set(func() {
			if len(p.opened) != 3 || p.opened[1].Sub(p.opened[0]) < 5*time.Minute || p.opened[2].Sub(p.opened[1]) < 5*time.Minute {
				p.t.Errorf("asked at %v", p.opened)
			}
		})
		s.Close()
	})
}

// What renewing is of no use for ends the subscription.
func TestASubscriptionThatIsRefusedIsOver(t *testing.T) {
	telling(t, func(p *teller) {
		s := p.subscribed()
		p.set(func() { p.refuse = http.StatusForbidden })
		p.restart()
		<-s.Done()
		if !fault.Is(s.Err(), fault.Denied) {
			p.t.Errorf("%v", s.Err())
		}
		p.wantNews("refused", "broken off: subscription_ended")
		s.Close()
	})
}

// Close ends one that waits to be renewed, and nothing is told afterwards.
func TestASubscriptionIsClosedWhileItIsBrokenOff(t *testing.T) {
	telling(t, func(p *teller) {
		s := p.subscribed()
		p.net.SetOffline(true)
		p.net.Break()
		time.Sleep(5 * time.Minute)
		p.wantNews("without a network", "broken off: truncated")
		began := time.Now()
		if s.Close(); time.Since(began) > 0 || s.Err() != nil {
			p.t.Errorf("after %v: %v", time.Since(began), s.Err())
		}
		p.net.SetOffline(false)
		time.Sleep(time.Hour)
		p.wantNews("after Close", "")
	})
}
