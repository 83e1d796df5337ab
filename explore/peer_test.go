package explore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"waybill/api"
	"waybill/connection"
	"waybill/explore"
	"waybill/fault"
	"waybill/secret"
	"waybill/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// oneToken stands in for the token ladder.
type oneToken struct{}

func (oneToken) Token(context.Context) (secret.Text, []string, error) {
	return secret.New("canary-token-abcdefghijklmnop"), nil, nil
}

func (oneToken) Refused(secret.Text) {}

// explorer explores the MCP server at url, in this version of the protocol; ""
// leaves it to the two.
func explorer(t *testing.T, url, version string) *explore.MCP {
	t.Helper()
	tr := transport.New(transport.Options{})
	c := api.NewMCP(api.Options{Transport: tr, Tokens: oneToken{}, Resource: connection.Resource{Kind: connection.MCP, URL: url, MCPVersion: version}})
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		tr.CloseIdle()
	})
	return explore.NewMCP(func(ctx context.Context, _ bool, f func(context.Context, *api.MCPClient) error) (uint64, error) {
		return 0, f(ctx, c)
	})
}

// rpc is a message that a peer received.
type rpc struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params struct {
		Cursor string                     `json:"cursor"`
		Meta   map[string]json.RawMessage `json:"_meta"`
	} `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Code int `json:"code"`
	} `json:"error"`
}

type answer = func(w http.ResponseWriter, r *http.Request, m rpc)

// peer is an MCP server that does as a test says, and what it was sent.
type peer struct {
	*httptest.Server
	mu   sync.Mutex
	seen []rpc
	head []http.Header
}

// newPeer answers some methods in its own way, and the rest as a stateful server
// of the version 2025-06-18 does.
func newPeer(t *testing.T, own map[string]answer) *peer {
	t.Helper()
	all := map[string]answer{
		"initialize": func(w http.ResponseWriter, r *http.Request, m rpc) {
			w.Header().Set("Mcp-Session-Id", "s")
			replies(`{"protocolVersion":"2025-06-18","capabilities":{"tools":{},"resources":{"subscribe":true},"prompts":{}},"serverInfo":{"name":"peer","version":"1"}}`)(w, r, m)
		},
		"notifications/initialized": accepts, "notifications/cancelled": accepts, "DELETE": accepts, "response": accepts,
		"tools/list": replies(`{"tools":[{"name":"t","inputSchema":{"type":"object"}}]}`),
	}
	for method, a := range own {
		all[method] = a
	}
	p := &peer{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m rpc
		body, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(body, &m)
		if r.Method != http.MethodPost {
			m.Method = r.Method
		} else if m.Method == "" {
			m.Method = "response"
		}
		p.mu.Lock()
		p.seen, p.head = append(p.seen, m), append(p.head, r.Header.Clone())
		p.mu.Unlock()
		if a := all[m.Method]; a != nil {
			a(w, r, m)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no such method"}}`, m.ID)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *peer) explorer(t *testing.T) *explore.MCP { return explorer(t, p.URL, "2025-06-18") }

// sent are the messages of one method.
func (p *peer) sent(method string) (out []rpc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.seen {
		if m.Method == method {
			out = append(out, m)
		}
	}
	return out
}

func accepts(w http.ResponseWriter, _ *http.Request, _ rpc) { w.WriteHeader(http.StatusAccepted) }

// replies answers with a result as plain JSON.
func replies(result string) answer {
	return func(w http.ResponseWriter, _ *http.Request, m rpc) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":%s}`, m.ID, result)
	}
}

// streams answers with an event stream of these messages; ID in them stands for
// the call's id.
func streams(messages ...string) answer {
	return func(w http.ResponseWriter, _ *http.Request, m rpc) {
		w.Header().Set("Content-Type", "text/event-stream")
		for _, message := range messages {
			fmt.Fprintf(w, "data: %s\n\n", strings.ReplaceAll(message, "ID", string(m.ID)))
			w.(http.Flusher).Flush()
		}
	}
}

// text is a text as JSON.
func text(s string) string {
	data, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(data)
}

func wantFault(t *testing.T, err error, kind fault.Kind, code string) {
	t.Helper()
	var f *fault.Fault
	if !errors.As(err, &f) || f.Kind != kind || f.Code != code {
		t.Fatalf("error %v (%+v), want kind %d, code %s", err, f, kind, code)
	}
	if strings.Contains(fmt.Sprintf("%v %+v", f, *f), "canary") {
		t.Errorf("the fault shows the token: %+v", f)
	}
}
