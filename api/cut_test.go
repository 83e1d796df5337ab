package api

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"testing"

	"waybill/fault"
)

// TestR6_AnswerCutAtEveryByte: of an answer that breaks off nothing is used.
func TestR6_AnswerCutAtEveryByte(t *testing.T) {
	whole := listJSON(t, milk)
	at := 0
	p := newPeer(t, readWrite, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(whole)))
		w.Header().Set("ETag", `"new"`)
		_, _ = io.WriteString(w, whole[:at])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	c := p.rest(t)
	for at = range len(whole) {
		l, err := c.List(t.Context(), "")
		if l.Todos != nil || l.ETag != "" {
			t.Fatalf("cut at %d: %+v", at, l)
		}
		wantFault(t, err, fault.Offline)
	}
}

func TestR6_MCPAnswerCutAtEveryByte(t *testing.T) {
	for name, kind := range map[string]string{"plain": jsonType, "stream": "text/event-stream"} {
		t.Run(name, func(t *testing.T) {
			at := 0
			p := newMCPPeer(t, answers{"tools/call": func(w http.ResponseWriter, r *http.Request, m rpc) {
				whole := fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":%s}`, m.ID, textResult(listJSON(t, milk)))
				w.Header().Set("Content-Type", kind)
				if kind == jsonType {
					w.Header().Set("Content-Length", strconv.Itoa(len(whole)))
				} else {
					whole = "id: 1\n" + event(whole)
				}
				_, _ = io.WriteString(w, whole[:min(at, len(whole)-2)])
				w.(http.Flusher).Flush()
				panic(http.ErrAbortHandler)
			}})
			c := p.mcp(t, legacy)
			for at = range 250 {
				l, err := c.List(t.Context(), "")
				if l.Todos != nil {
					t.Fatalf("cut at %d: %+v", at, l)
				}
				wantFault(t, err, fault.Offline)
			}
			if got := p.methods(); count(got, "initialize") != 1 || count(got, "list_todos") != 250 {
				t.Errorf("%d sessions, %d calls", count(got, "initialize"), count(got, "list_todos"))
			}
		})
	}
}
