package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"waybill/connection"
	"waybill/fault"
	"waybill/internal/virtualnet"
	"waybill/transport"
)

// inVirtualTime runs f with a client of a server that answers tools/call as
// told, in virtual time, and checks that nothing is left behind.
func inVirtualTime(t *testing.T, http1 bool, own answers, f func(t *testing.T, n *virtualnet.Network, c *MCPClient, m *mint)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := virtualnet.New(100 * time.Millisecond)
		serve := n.Serve
		if http1 {
			serve = n.ServeHTTP1
		}
		serve("mcp.example", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var m rpc
			body, _ := io.ReadAll(r.Body)
			_ = json.Unmarshal(body, &m)
			if r.Method != http.MethodPost {
				m.Method = r.Method
			}
			answer, ok := own[m.Method]
			switch {
			case ok:
				answer(w, r, m)
			case m.Method == "initialize":
				w.Header().Set(headerSession, "s")
				replies(`{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"peer","version":"1"}}`)(w, r, m)
			case m.Method == "tools/call":
				replies(textResult(listJSON(t, milk)))(w, r, m)
			case m.Method == "server/discover":
				fails(400, "")(w, r, m)
			default:
				accepts(w, r, m)
			}
		}))
		tr := transport.New(transport.Options{DialContext: n.DialContext, RootCAs: n.CertPool()})
		m := &mint{scopes: mcpScopes}
		c := NewMCP(Options{Transport: tr, Tokens: m, Resource: connection.Resource{URL: "https://mcp.example/mcp", Scopes: mcpScopes, MCPVersion: legacy}})
		f(t, n, c, m)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		tr.CloseIdle()
		n.Close()
	})
}

func list(t *testing.T, c *MCPClient) (time.Duration, error) {
	start := time.Now()
	_, err := c.List(t.Context(), "")
	return time.Since(start), err
}

// hold writes text, and then a comment every so often until the client is gone.
func hold(text string, every time.Duration) func(http.ResponseWriter, *http.Request, rpc) {
	return func(w http.ResponseWriter, r *http.Request, m rpc) {
		w.Header().Set("Content-Type", "text/event-stream")
		streams(text)(w, r, m)
		w.(http.Flusher).Flush()
		for {
			select {
			case <-r.Context().Done():
				return
			case <-time.After(every):
				_, _ = io.WriteString(w, ":\n")
				w.(http.Flusher).Flush()
			}
		}
	}
}

func TestS80_SilentAndEndlessStreamsAreGivenUp(t *testing.T) {
	for name, c := range map[string]struct {
		every, limit time.Duration
	}{"silent": {time.Hour, stallLimit}, "trickling": {10 * time.Second, mcpCallLimit}} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, false, answers{"tools/call": hold("", c.every)}, func(t *testing.T, n *virtualnet.Network, client *MCPClient, _ *mint) {
				took, err := list(t, client)
				wantFault(t, err, fault.Offline)
				if took < c.limit || took > c.limit+2*time.Second {
					t.Errorf("given up after %v, want %v", took, c.limit)
				}
			})
		})
	}
}

func TestMCP_StreamThatStaysOpenBehindTheAnswerHoldsNothingUp(t *testing.T) {
	for _, http1 := range []bool{false, true} {
		var mu sync.Mutex
		var ended time.Time
		answer := `{"jsonrpc":"2.0","id":ID,"result":` + textResult(`[]`) + `}`
		inVirtualTime(t, http1, answers{"tools/call": func(w http.ResponseWriter, r *http.Request, m rpc) {
			hold(event(answer), time.Minute)(w, r, m)
			mu.Lock()
			ended = time.Now()
			mu.Unlock()
		}}, func(t *testing.T, n *virtualnet.Network, c *MCPClient, _ *mint) {
			if _, err := list(t, c); err != nil {
				t.Fatal(err)
			}
			answered := time.Now()
			time.Sleep(time.Hour)
			mu.Lock()
			defer mu.Unlock()
			if after := ended.Sub(answered); ended.IsZero() || after > drainLimit+time.Second {
				t.Errorf("the stream was left open for %v", after)
			}
		})
	}
}

func TestMCP_CancelledCallEndsAtOnce(t *testing.T) {
	inVirtualTime(t, false, answers{"tools/call": hold("", time.Hour)}, func(t *testing.T, n *virtualnet.Network, c *MCPClient, _ *mint) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		_, err := c.List(ctx, "")
		wantFault(t, err, fault.Offline)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 3*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start = time.Now()
		_, err = c.List(ctx, "")
		wantFault(t, err, fault.Canceled)
		if time.Since(start) != time.Second {
			t.Errorf("after %v", time.Since(start))
		}
	})
}

func TestMCP_CloseEndsCallsAndWaitsForNoServer(t *testing.T) {
	inVirtualTime(t, false, answers{"tools/call": hold("", time.Hour), "DELETE": hold("", time.Hour)}, func(t *testing.T, n *virtualnet.Network, c *MCPClient, m *mint) {
		var call sync.WaitGroup
		var err error
		call.Go(func() { _, err = c.List(t.Context(), "") })
		time.Sleep(5 * time.Second)
		m.Refused(m.held()) // no token is minted for a goodbye
		minted := m.count()
		start := time.Now()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took > goodbyeLimit {
			t.Errorf("Close took %v", took)
		}
		call.Wait()
		wantFault(t, err, fault.Canceled)
		_, err = c.List(t.Context(), "")
		wantFault(t, err, fault.Canceled)
		if m.count() != minted {
			t.Error("a token was minted for the goodbye")
		}
	})
}

func TestMCP_OfflineIsOneRequest(t *testing.T) {
	inVirtualTime(t, false, nil, func(t *testing.T, n *virtualnet.Network, c *MCPClient, _ *mint) {
		c.resource.MCPVersion = ""
		n.SetOffline(true)
		_, err := list(t, c)
		wantFault(t, err, fault.Offline)
		if d := n.Dials(); len(d) != 1 {
			t.Errorf("%d attempts", len(d))
		}
		n.SetOffline(false)
		if _, err := list(t, c); err != nil {
			t.Error(err)
		}
	})
}

// Some servers refuse every request that comes before the initialized
// notification, which is sent at the same time.
func TestMCP_CallThatCameBeforeInitializedIsRepeated(t *testing.T) {
	for _, http1 := range []bool{false, true} {
		var mu sync.Mutex
		initialized, calls := false, 0
		inVirtualTime(t, http1, answers{
			"notifications/initialized": func(w http.ResponseWriter, r *http.Request, m rpc) {
				time.Sleep(time.Second)
				mu.Lock()
				initialized = true
				mu.Unlock()
				accepts(w, r, m)
			},
			"tools/call": func(w http.ResponseWriter, r *http.Request, m rpc) {
				mu.Lock()
				defer mu.Unlock()
				if calls++; initialized {
					replies(textResult(listJSON(t, milk)))(w, r, m)
					return
				}
				fails(200, `{"jsonrpc":"2.0","id":ID,"error":{"code":-32602,"message":"Received request before initialization was complete"}}`)(w, r, m)
			},
		}, func(t *testing.T, n *virtualnet.Network, c *MCPClient, _ *mint) {
			if _, err := list(t, c); err != nil || calls != 2 {
				t.Errorf("%v after %d calls", err, calls)
			}
		})
	}
}

func TestMCP_ParallelCallsShareOneSession(t *testing.T) {
	opened := 0
	inVirtualTime(t, false, answers{"initialize": func(w http.ResponseWriter, r *http.Request, m rpc) {
		opened++
		w.Header().Set(headerSession, "s")
		replies(`{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"peer","version":"1"}}`)(w, r, m)
	}}, func(t *testing.T, n *virtualnet.Network, c *MCPClient, _ *mint) {
		var calls sync.WaitGroup
		errs := make([]error, 50)
		for i := range errs {
			calls.Go(func() { _, errs[i] = c.List(t.Context(), "") })
		}
		calls.Wait()
		if err := errors.Join(errs...); err != nil || opened != 1 {
			t.Errorf("%v with %d sessions", err, opened)
		}
	})
}

func TestMCP_WaitingForASessionCanBeCancelled(t *testing.T) {
	inVirtualTime(t, false, answers{"initialize": hold("", time.Hour)}, func(t *testing.T, n *virtualnet.Network, c *MCPClient, _ *mint) {
		var first sync.WaitGroup
		first.Go(func() { _, _ = c.List(t.Context(), "") })
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := c.List(ctx, "")
		wantFault(t, err, fault.Offline)
		if time.Since(start) != time.Second {
			t.Errorf("after %v", time.Since(start))
		}
		first.Wait()
	})
}

func TestREST_AnswerThatTricklesForEverIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := virtualnet.New(100 * time.Millisecond)
		n.Serve("api.example", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, " ")
				w.(http.Flusher).Flush()
				time.Sleep(20 * time.Second)
			}
		}))
		tr := transport.New(transport.Options{DialContext: n.DialContext, RootCAs: n.CertPool()})
		c := NewREST(Options{Transport: tr, Tokens: &mint{}, Resource: connection.Resource{URL: "https://api.example"}})
		start := time.Now()
		_, err := c.List(t.Context(), "")
		wantFault(t, err, fault.Offline)
		if took := time.Since(start); took < exchangeLimit || took > exchangeLimit+time.Second {
			t.Errorf("given up after %v", took)
		}
		_ = c.Close()
		tr.CloseIdle()
		n.Close()
	})
}

// A server that holds open what nobody waits for cannot hold up the client.
func TestMCP_AnswersToTheServerHoldNothingUp(t *testing.T) {
	for name, response := range map[string]func(http.ResponseWriter, *http.Request, rpc){
		"stream": hold("", time.Minute),
		"nothing": func(w http.ResponseWriter, r *http.Request, m rpc) {
			<-r.Context().Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, false, answers{
				"": response, // what has no method is a response of ours
				"tools/call": streams(event(`{"jsonrpc":"2.0","id":"from-server","method":"ping"}`) +
					event(`{"jsonrpc":"2.0","id":ID,"result":`+textResult(`[]`)+`}`)),
			}, func(t *testing.T, n *virtualnet.Network, c *MCPClient, _ *mint) {
				for range 3 {
					if took, err := list(t, c); err != nil || took > 2*time.Second {
						t.Errorf("%v after %v", err, took)
					}
				}
				time.Sleep(asideLimit)
				start := time.Now()
				if err := c.Close(); err != nil || time.Since(start) > goodbyeLimit {
					t.Errorf("%v after %v", err, time.Since(start))
				}
			})
		})
	}
}

func TestMCP_CloseWhileASessionIsOpened(t *testing.T) {
	inVirtualTime(t, false, answers{"initialize": func(w http.ResponseWriter, r *http.Request, m rpc) {
		time.Sleep(3 * time.Second)
		w.Header().Set(headerSession, "s")
		replies(`{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"peer","version":"1"}}`)(w, r, m)
	}}, func(t *testing.T, n *virtualnet.Network, c *MCPClient, _ *mint) {
		var call sync.WaitGroup
		var err error
		call.Go(func() { _, err = c.List(t.Context(), "") })
		time.Sleep(time.Second)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		call.Wait()
		wantFault(t, err, fault.Canceled)
	})
}

// An event of another type says nothing about the next one.
func TestMCP_EventsOfOtherTypesArePassedOver(t *testing.T) {
	p := newMCPPeer(t, answers{"tools/call": streams("event: heartbeat\n\nevent: other\ndata: nonsense\n\n: c\n\ndata: {\"jsonrpc\":\"2.0\",\ndata: \"id\":ID,\"result\":" + textResult(`[]`) + "}\n\n")})
	if _, err := p.mcp(t, legacy).List(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
}
