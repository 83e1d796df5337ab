package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"waybill/connection"
	"waybill/fault"
)

const (
	updatedEvent = `data: {"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"todo0://todos"}}` + "\n\n"
	heededEvent  = `data: {"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":{}}}` + "\n\n"
)

// speaks answers with an event stream that stays open, after first has let it.
func speaks(first func(w http.ResponseWriter, r *http.Request) bool, events ...string) func(http.ResponseWriter, *http.Request, rpc) {
	return func(w http.ResponseWriter, r *http.Request, m rpc) {
		if first(w, r) {
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for _, e := range events {
			_, _ = io.WriteString(w, e)
		}
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
}

// watchPeer tells of one change, in the old way and in the new one.
func watchPeer(t *testing.T, first func(w http.ResponseWriter, r *http.Request) bool) *peer {
	can := `"capabilities":{"resources":{"subscribe":true}}`
	return newMCPPeer(t, answers{
		"initialize": func(w http.ResponseWriter, r *http.Request, m rpc) {
			w.Header().Set(headerSession, "s")
			replies(`{"protocolVersion":"`+legacy+`",`+can+`,"serverInfo":{"name":"p","version":"1"}}`)(w, r, m)
		},
		"server/discover":       replies(`{"resultType":"complete","supportedVersions":["` + modern + `"],` + can + `}`),
		"resources/subscribe":   replies(`{}`),
		"resources/unsubscribe": replies(`{}`),
		"GET":                   speaks(first, updatedEvent),
		"subscriptions/listen":  speaks(first, heededEvent, updatedEvent),
	})
}

func letsThrough(http.ResponseWriter, *http.Request) bool { return false }

// watches subscribes and waits for the change.
func watches(t *testing.T, c *MCPClient) *Watching {
	t.Helper()
	told := make(chan string, 100)
	w, err := c.Watch(t.Context(), "todo0://todos", func(uri string) { told <- uri })
	if err != nil {
		t.Fatal(err)
	}
	select {
	case uri := <-told:
		if uri != "todo0://todos" {
			t.Errorf("told of %q", uri)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was told")
	}
	return w
}

func TestWatch_ARefusedTokenIsRenewedOnce(t *testing.T) {
	for _, version := range []string{legacy, modern} {
		var asked atomic.Int64
		p := watchPeer(t, func(w http.ResponseWriter, r *http.Request) bool {
			if asked.Add(1) > 1 {
				return false
			}
			w.WriteHeader(http.StatusUnauthorized)
			return true
		})
		w := watches(t, p.mcp(t, version))
		w.Close()
		if asked.Load() != 2 || p.mint.count() != 2 || w.Err() != nil {
			t.Errorf("%s: %d streams, %d tokens, %v", version, asked.Load(), p.mint.count(), w.Err())
		}

		p = watchPeer(t, func(w http.ResponseWriter, r *http.Request) bool { w.WriteHeader(http.StatusUnauthorized); return true })
		_, err := p.mcp(t, version).Watch(t.Context(), "todo0://todos", func(string) {})
		if f := wantFault(t, err, fault.Denied); p.mint.count() != 2 {
			t.Errorf("%s: %d tokens, %+v", version, p.mint.count(), f)
		}
	}
}

// S71: a stream is asked for with a proof of its own, and with the server's nonce
// where it wants one.
func TestS71_AStreamIsAskedForWithAProof(t *testing.T) {
	for _, version := range []string{legacy, modern} {
		p := watchPeer(t, func(w http.ResponseWriter, r *http.Request) bool { return !hasNonce(r, "n1") && asks(w, "n1") })
		b := p.bound(t, connection.MCP, version)
		w := watches(t, b.client.(*MCPClient))
		w.Close()
		for _, r := range p.requests() {
			if !strings.HasPrefix(r.header.Get("Authorization"), "DPoP ") || !strings.Contains(r.header.Get("DPoP"), " "+r.method+" "+p.URL) {
				t.Errorf("%s: %s was sent with %q, %q", version, r.method, r.header.Get("Authorization"), r.header.Get("DPoP"))
			}
		}
		if p.mint.count() != 1 {
			t.Errorf("%s: %d tokens", version, p.mint.count())
		}
	}
}

func TestWatch_EndsWithTheClientAndWithItsSession(t *testing.T) {
	for _, version := range []string{legacy, modern} {
		c := watchPeer(t, letsThrough).mcp(t, version)
		w := watches(t, c)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		<-w.Done()
		if !fault.Is(w.Err(), fault.Canceled) {
			t.Errorf("%s: %v", version, w.Err())
		}
		w.Close()
	}
	c := watchPeer(t, letsThrough).mcp(t, legacy)
	w := watches(t, c)
	c.drop(c.current())
	<-w.Done()
	if f := wantFault(t, w.Err(), fault.Offline); f.Code != "subscription_ended" {
		t.Errorf("%+v", f)
	}
	watches(t, c).Close() // in another session
}

func TestWatch_GivesUpWhenTheCallerDoes(t *testing.T) {
	for _, version := range []string{legacy, modern} {
		for name, silent := range map[string]string{"no answer": "", "no confirmation": "data: {}\n"} {
			ctx, cancel := context.WithCancel(t.Context())
			p := watchPeer(t, func(w http.ResponseWriter, r *http.Request) bool {
				if silent != "" {
					w.Header().Set("Content-Type", "text/event-stream")
					w.(http.Flusher).Flush()
				}
				cancel()
				<-r.Context().Done()
				return true
			})
			w, err := p.mcp(t, version).Watch(ctx, "todo0://todos", func(string) {})
			if err == nil { // the old way confirms by another answer, which may have been faster
				w.Close()
			} else if !fault.Is(err, fault.Canceled) {
				t.Errorf("%s, %s: %v", version, name, err)
			}
		}
	}
}

func TestWatch_ARefusalIsSaid(t *testing.T) {
	for status, kind := range map[int]fault.Kind{404: fault.Failed, 405: fault.NotFound, 403: fault.Denied, 503: fault.Offline} {
		p := watchPeer(t, func(w http.ResponseWriter, r *http.Request) bool { w.WriteHeader(status); return true })
		_, err := p.mcp(t, legacy).Watch(t.Context(), "todo0://todos", func(string) {})
		if !fault.Is(err, kind) {
			t.Errorf("%d: %v (%+v)", status, err, fault.As(err))
		}
	}
	p := watchPeer(t, func(w http.ResponseWriter, r *http.Request) bool {
		sends(400, jsonType, `{"jsonrpc":"2.0","id":"watch","error":{"code":-32601,"message":"no such method"}}`)(w, r)
		return true
	})
	_, err := p.mcp(t, modern).Watch(t.Context(), "todo0://todos", func(string) {})
	wantFault(t, err, fault.NotFound)
}

// A caller that is slow is told of each resource once, and of so many at most.
func TestWatch_ManyChangesWhileTheCallerIsBusyAreToldOnce(t *testing.T) {
	u := newUpdates(nil)
	for range 1000 {
		u.add("a")
		u.add("b")
	}
	if waiting := u.take(); !slices.Equal(waiting, []string{"a", "b"}) {
		t.Errorf("%v wait", waiting)
	}
	for i := range 3 * maxWaiting {
		u.add(fmt.Sprint("x", i))
	}
	if n := len(u.take()); n != maxWaiting {
		t.Errorf("%d wait", n)
	}
	u.add("a")
	if waiting := u.take(); !slices.Equal(waiting, []string{"a"}) {
		t.Errorf("%v wait later", waiting)
	}
}

func TestUse_HandsOutTheAnswerAsItCame(t *testing.T) {
	p := newMCPPeer(t, answers{"tools/call": replies(`{"content":[],"z":1,"a":12345678901234567890}`)})
	c := p.mcp(t, legacy)
	for _, raw := range []bool{true, false} {
		err := c.Use(t.Context(), Use{Raw: raw}, func(ctx context.Context, s *mcp.ClientSession) error {
			if got := RawResult(ctx); got != nil {
				t.Errorf("before the call: %s", got)
			}
			_, err := s.CallTool(ctx, &mcp.CallToolParams{Name: "t"})
			want := `{"content":[],"z":1,"a":12345678901234567890}`
			if got := string(RawResult(ctx)); got != want && raw || got != "" && !raw {
				t.Errorf("raw %v: %s", raw, got)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	if RawResult(t.Context()) != nil {
		t.Error("a result of no call")
	}
}
