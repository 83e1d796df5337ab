package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"waybill/fault"
	"waybill/internal/virtualnet"
)

// comeback is what a server was asked for the rest of a stream, and when.
type comeback struct {
	ids []string
	at  []time.Time
}

// resumes answers GET with these texts in turn, the last of them for ever.
func (a *comeback) resumes(t *testing.T, texts ...string) func(http.ResponseWriter, *http.Request, rpc) {
	return func(w http.ResponseWriter, r *http.Request, m rpc) {
		a.ids, a.at = append(a.ids, r.Header.Get("Last-Event-ID")), append(a.at, time.Now())
		for name, want := range map[string]string{headerSession: "s", headerVersion: legacy, "Accept": "text/event-stream"} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") || r.Header.Get("Content-Type") != "" {
			t.Errorf("the header is %v", r.Header)
		}
		streams(texts[min(len(a.ids), len(texts))-1])(w, r, m)
	}
}

const resumedID = "2" // of the first call of a session that has been opened

// answerTo is the event of an answer to a request with this id.
func answerTo(t *testing.T, id string) string {
	return "id: last\n" + event(fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":%s}`, id, textResult(listJSON(t, milk))))
}

// A server may close the stream of an answer at any time once it has sent an event
// with an id (MCP 2025-11-25, SEP-1699): the client comes back for the rest, and
// what it asked for is not asked for again.
func TestMCP_AStreamThatTheServerClosesIsResumed(t *testing.T) {
	var a comeback
	posts, id := 0, ""
	own := answers{"tools/call": func(w http.ResponseWriter, r *http.Request, m rpc) {
		posts++
		id = string(m.ID)
		streams("id: one\nretry: 2500\ndata: \n\n")(w, r, m)
	}}
	own["GET"] = func(w http.ResponseWriter, r *http.Request, m rpc) {
		rest := "id: two\ndata:\n\n"
		if len(a.ids) == 1 {
			rest = answerTo(t, id)
		}
		a.resumes(t, rest)(w, r, m)
	}
	inVirtualTime(t, false, own, func(t *testing.T, n *virtualnet.Network, c *MCPClient, _ *mint) {
		took, err := list(t, c)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(a.ids); got != "[one two]" || posts != 1 {
			t.Errorf("asked for what follows %s, and %d times for it all", got, posts)
		}
		if between := a.at[1].Sub(a.at[0]); between < 2500*time.Millisecond || between > 3*time.Second {
			t.Errorf("asked again after %v, and the server wants 2.5 s", between)
		}
		if took < 5*time.Second || took > 7*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestS80_RetryIsKeptWithinBounds(t *testing.T) {
	for retry, want := range map[string]time.Duration{"9223372036854775807": 30 * time.Second, "99999999999999999999": 30 * time.Second, "3600000": 30 * time.Second, "-1": time.Second, "0": time.Second, "soon": time.Second, "7000": 7 * time.Second} {
		t.Run(retry, func(t *testing.T) {
			var a comeback
			var closed time.Time
			inVirtualTime(t, false, answers{"GET": a.resumes(t, ""), "tools/call": func(w http.ResponseWriter, r *http.Request, m rpc) {
				streams("retry: "+retry+"\nid: 1\ndata:\n\n")(w, r, m)
				closed = time.Now()
			}}, func(t *testing.T, n *virtualnet.Network, c *MCPClient, _ *mint) {
				_, err := list(t, c)
				if f := wantFault(t, err, fault.Offline); f.Code != "truncated" {
					t.Errorf("code %s", f.Code)
				}
				if waited := a.at[0].Sub(closed); waited < want || waited > want+time.Second {
					t.Errorf("asked again after %v, want %v", waited, want)
				}
				if len(a.at) != maxFruitless {
					t.Errorf("asked %d times for nothing new", len(a.at))
				}
			})
		})
	}
}

// Where there is no rest to be had the line is broken, as it is without any ids:
// nothing that says the change was refused.
func TestR6_ARestThatIsRefusedIsABrokenLine(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request, rpc){
		"405": fails(405, ""), "404": fails(404, ""), "401": fails(401, ""), "400": fails(400, `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no"}}`), "503": fails(503, ""),
		"page": func(w http.ResponseWriter, _ *http.Request, _ rpc) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html>")
		},
		"another session": func(w http.ResponseWriter, r *http.Request, m rpc) {
			w.Header().Set(headerSession, "theirs")
			streams(event(`{"jsonrpc":"2.0","id":`+resumedID+`,"result":{}}`))(w, r, m)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, false, answers{"GET": answer, "tools/call": streams("id: 1\ndata:\n\n")}, func(t *testing.T, n *virtualnet.Network, c *MCPClient, _ *mint) {
				_, err := list(t, c)
				if f := wantFault(t, err, fault.Offline); f.Code != "truncated" {
					t.Errorf("code %s", f.Code)
				}
			})
		})
	}
}

func TestS89_AnEventIDThatIsNoneIsNotSentBack(t *testing.T) {
	for name, id := range map[string]string{"long": strings.Repeat("x", maxEventID+1), "control": "a\x01b", "nul": "a\x00b", "empty": ""} {
		t.Run(name, func(t *testing.T) {
			var a comeback
			inVirtualTime(t, false, answers{"GET": a.resumes(t, ""), "tools/call": streams("id: good\ndata:\n\nid: " + id + "\ndata:\n\n")}, func(t *testing.T, n *virtualnet.Network, c *MCPClient, _ *mint) {
				_, err := list(t, c)
				wantFault(t, err, fault.Offline)
				if len(a.ids) > 0 {
					t.Errorf("asked for what follows %.40q", a.ids)
				}
			})
		})
	}
}

func TestS81_MessageAfterMessageOverManyStreamsEnds(t *testing.T) {
	asked := 0
	flood := func(w http.ResponseWriter, r *http.Request, m rpc) {
		asked++
		streams(fmt.Sprintf("id: %d\n", asked)+strings.Repeat(event(`{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}`), 100))(w, r, m)
	}
	inVirtualTime(t, false, answers{"GET": flood, "tools/call": flood}, func(t *testing.T, n *virtualnet.Network, c *MCPClient, _ *mint) {
		_, err := list(t, c)
		wantFault(t, err, fault.Hostile)
		if asked > maxAside/100+1 {
			t.Errorf("read %d streams of 100 messages", asked)
		}
	})
}

func TestMCP_ACallThatWaitsToResumeIsCancelledAtOnce(t *testing.T) {
	var a comeback
	inVirtualTime(t, false, answers{"GET": a.resumes(t, ""), "tools/call": streams("retry: 25000\nid: 1\ndata:\n\n")}, func(t *testing.T, n *virtualnet.Network, c *MCPClient, _ *mint) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		_, err := c.List(ctx, "")
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 3*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if len(a.ids) > 0 {
			t.Error("asked for the rest all the same")
		}
	})
}

// From 2026-07-28 on the protocol has no resumption.
func TestMCP_NothingIsResumedWhereTheProtocolHasNoResumption(t *testing.T) {
	for version, want := range map[string]bool{"2025-03-26": true, legacy: true, "2025-11-25": true, versionModern: false, "2027-01-01": false, "": false} {
		req, err := http.NewRequest(http.MethodPost, "https://mcp.example/mcp", nil)
		if err != nil {
			t.Fatal(err)
		}
		if version != "" {
			req.Header.Set(headerVersion, version)
		}
		st := &callState{}
		if got := (&guard{}).resumption(req, message{id: "1", method: "tools/call"}, st) != nil; got != want {
			t.Errorf("%q: resumed %v", version, got)
		}
		if (&guard{}).resumption(req, message{id: "1", method: "initialize"}, st) != nil {
			t.Errorf("%q: the opening of a session is resumed", version)
		}
	}
}
