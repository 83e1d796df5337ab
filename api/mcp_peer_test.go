package api

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"waybill/connection"
)

// rpc is a message that an MCP peer received.
type rpc struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params struct {
		Name      string                     `json:"name"`
		URI       string                     `json:"uri"`
		Cursor    string                     `json:"cursor"`
		Arguments map[string]json.RawMessage `json:"arguments"`
	} `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Code int `json:"code"`
	} `json:"error"`
}

// answers says how a peer answers the messages of one method.
type answers map[string]func(w http.ResponseWriter, r *http.Request, m rpc)

const (
	legacy = "2025-06-18"
	modern = "2026-07-28"
)

var mcpScopes = []string{"todos.read", "todos.write", "mcp.access"}

// newMCPPeer is an MCP server that does as a test says, and everything else as
// an ordinary stateful server of the version legacy does.
func newMCPPeer(t *testing.T, own answers) *peer {
	t.Helper()
	sessions := 0
	all := answers{
		"initialize": func(w http.ResponseWriter, r *http.Request, m rpc) {
			sessions++
			w.Header().Set(headerSession, fmt.Sprintf("session-%d", sessions))
			replies(fmt.Sprintf(`{"protocolVersion":%q,"capabilities":{"tools":{},"resources":{}},"serverInfo":{"name":"peer","version":"1"}}`, legacy))(w, r, m)
		},
		"notifications/initialized": accepts,
		"notifications/cancelled":   accepts,
		"tools/list":                replies(`{"tools":[` + strings.Join([]string{tool("list_todos", ``), tool("create_todo", ``), tool("update_todo", ``), tool("delete_todo", ``)}, ",") + `]}`),
		"tools/call":                replies(textResult(listJSON(t, milk))),
		"resources/list":            replies(`{"resources":[{"uri":"todo0://todos","name":"todos"}]}`),
		"resources/read":            replies(textResource(listJSON(t, milk))),
		"DELETE":                    func(w http.ResponseWriter, r *http.Request, m rpc) { w.WriteHeader(http.StatusNoContent) },
	}
	for method, answer := range own {
		all[method] = answer
	}
	return newPeer(t, mcpScopes, func(w http.ResponseWriter, r *http.Request) {
		var m rpc
		body, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(body, &m)
		if r.Method != http.MethodPost {
			m.Method = r.Method
		}
		if m.Method == "" {
			m.Method = "response"
		}
		if answer := all[m.Method]; answer != nil {
			answer(w, r, m)
			return
		}
		sends(400, jsonType, fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no such method"}}`, m.ID))(w, r)
	})
}

func accepts(w http.ResponseWriter, r *http.Request, m rpc) { w.WriteHeader(http.StatusAccepted) }

// replies answers with a result as plain JSON.
func replies(result string) func(http.ResponseWriter, *http.Request, rpc) {
	return func(w http.ResponseWriter, r *http.Request, m rpc) {
		sends(200, jsonType, fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":%s}`, m.ID, result))(w, r)
	}
}

// streams answers with an event stream; ID in it stands for the call's id.
func streams(events string) func(http.ResponseWriter, *http.Request, rpc) {
	return func(w http.ResponseWriter, r *http.Request, m rpc) {
		sends(200, "text/event-stream", strings.ReplaceAll(events, "ID", string(m.ID)))(w, r)
	}
}

// fails answers with an HTTP status.
func fails(status int, body string, header ...string) func(http.ResponseWriter, *http.Request, rpc) {
	return func(w http.ResponseWriter, r *http.Request, m rpc) {
		sends(status, jsonType, strings.ReplaceAll(body, "ID", string(m.ID)), header...)(w, r)
	}
}

func textResult(text string) string {
	return fmt.Sprintf(`{"content":[{"type":"text","text":%s}]}`, rawJSON(text))
}

func errorResult(text string) string {
	return fmt.Sprintf(`{"isError":true,"content":[{"type":"text","text":%s}]}`, rawJSON(text))
}

func textResource(text string) string {
	return fmt.Sprintf(`{"contents":[{"uri":"todo0://todos","mimeType":"application/json","text":%s}]}`, rawJSON(text))
}

// tool is an entry of tools/list; schema are further members of its schema.
func tool(name, schema string) string {
	return fmt.Sprintf(`{"name":%s,"inputSchema":{"type":"object"%s}}`, rawJSON(name), schema)
}

func (p *peer) mcp(t *testing.T, version string) *MCPClient {
	t.Helper()
	c := NewMCP(Options{Transport: p.client, Tokens: p.mint,
		Resource: connection.Resource{Kind: connection.MCP, URL: p.URL + "/mcp", Scopes: mcpScopes, MCPVersion: version}})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// methods are what the peer was sent, in order.
func (p *peer) methods() []string {
	var out []string
	for _, s := range p.requests() {
		var m rpc
		_ = json.Unmarshal([]byte(s.body), &m)
		switch {
		case s.method != http.MethodPost:
			out = append(out, s.method)
		case m.Method == "tools/call":
			out = append(out, m.Params.Name)
		case m.Method == "":
			out = append(out, "response")
		default:
			out = append(out, m.Method)
		}
	}
	return out
}

func count(list []string, what string) (n int) {
	for _, s := range list {
		if s == what {
			n++
		}
	}
	return n
}
