package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"waybill/connection"
	"waybill/fault"
	"waybill/transport"
)

// sdkServer is a genuine server of the Go SDK that keeps sessions, until stop.
func sdkServer(t *testing.T, plain bool) (h http.Handler, stop func()) {
	s := mcp.NewServer(&mcp.Implementation{Name: "peer", Version: "1"}, nil)
	type none struct{}
	mcp.AddTool(s, &mcp.Tool{Name: "list_todos"}, func(ctx context.Context, _ *mcp.CallToolRequest, _ none) (*mcp.CallToolResult, any, error) {
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: listJSON(t, milk)}}}, nil, nil
	})
	s.AddResource(&mcp.Resource{URI: "todo0://todos", Name: "todos"}, func(ctx context.Context, req *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
		return &mcp.ReadResourceResult{Cacheable: mcp.Cacheable{TTLMs: 1 << 40}, Contents: []*mcp.ResourceContents{{URI: req.Params.URI, Text: listJSON(t, milk)}}}, nil
	})
	stop = func() {
		for session := range s.Sessions() {
			_ = session.Close()
		}
	}
	return mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s }, &mcp.StreamableHTTPOptions{JSONResponse: plain}), stop
}

// read reads a resource as who uses a session does.
func read(t *testing.T, c *MCPClient, uri string) error {
	t.Helper()
	return c.Use(t.Context(), Use{}, func(ctx context.Context, s *mcp.ClientSession) error {
		_, err := s.ReadResource(ctx, &mcp.ReadResourceParams{URI: uri})
		return err
	})
}

// TestR36_StatefulServerOfTheSDKRestarts: all sessions are gone at once.
func TestR36_StatefulServerOfTheSDKRestarts(t *testing.T) {
	for _, plain := range []bool{false, true} {
		for _, version := range []string{"2025-03-26", "2025-06-18", "2025-11-25"} {
			var current atomic.Value
			h, stop := sdkServer(t, plain)
			current.Store(h)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { current.Load().(http.Handler).ServeHTTP(w, r) }))
			tr := transport.New(transport.Options{})
			c := NewMCP(Options{Transport: tr, Tokens: &mint{scopes: mcpScopes}, Resource: connection.Resource{URL: server.URL, Scopes: mcpScopes, MCPVersion: version}})
			for range 3 {
				for range 2 {
					if l, err := c.List(t.Context(), ""); err != nil || len(l.Todos) != 1 {
						t.Fatalf("%s: %+v %v", version, l, err)
					}
				}
				if c.Version() != version {
					t.Errorf("spoke %s", c.Version())
				}
				if can, err := c.Capabilities(t.Context()); err != nil || can.Why != whyNoWay {
					t.Errorf("%+v %v", can, err)
				}
				if err := c.Use(t.Context(), Use{}, func(ctx context.Context, s *mcp.ClientSession) error {
					_, err := s.CallTool(ctx, &mcp.CallToolParams{Name: "no_such_tool"})
					return err
				}); !fault.Is(err, fault.Invalid) {
					t.Errorf("%v", err)
				}
				if err := read(t, c, "todo0://none"); !fault.Is(err, fault.Invalid) {
					t.Errorf("%v", err)
				}
				next, stopNext := sdkServer(t, plain)
				current.Store(next)
				stop()
				stop = stopNext
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			stop()
			tr.CloseIdle()
			server.Close()
		}
	}
}

// A server may ask for its answers to be kept; a list that the user asks for is
// fetched all the same.
func TestMCP_AnswersAreNotKeptForAsLongAsAServerLikes(t *testing.T) {
	p := newMCPPeer(t, answers{"resources/read": replies(`{"resultType":"complete","ttlMs":9000000000000,"contents":[{"uri":"todo0://todos","text":"[]"}]}`)})
	c := p.mcp(t, modern)
	for range 3 {
		if err := read(t, c, "todo0://todos"); err != nil {
			t.Fatal(err)
		}
	}
	if got := p.methods(); count(got, "resources/read") != 3 {
		t.Errorf("%v", got)
	}
}
