package xaadev

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

const mcpVersion = "2025-03-26"

// mcp is Todo0 over MCP, Streamable HTTP without sessions: resources and no
// tools. Its metadata is at the place with the path.
func (w *World) mcp() http.Handler {
	const metadata = "/.well-known/oauth-protected-resource/mcp"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+metadata, func(rw http.ResponseWriter, _ *http.Request) {
		reply(rw, http.StatusOK, resourceMetadata(MCP, "todos.read", "mcp.access"))
	})
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", leak)
	mux.HandleFunc("/mcp", w.withToken(MCP, metadata, func(rw http.ResponseWriter, r *http.Request, claims map[string]any) {
		accept := r.Header.Get("Accept")
		switch {
		case r.Method != http.MethodPost:
			rw.Header().Set("Allow", "POST")
			rw.WriteHeader(http.StatusMethodNotAllowed)
		case !strings.Contains(accept, "application/json") || !strings.Contains(accept, "text/event-stream"):
			reply(rw, http.StatusNotAcceptable, rpcError(nil, -32000, "Not Acceptable: Client must accept both application/json and text/event-stream"))
		default:
			w.rpc(rw, r, claims)
		}
	}))
	return mux
}

func rpcError(id json.RawMessage, code int, words string) map[string]any {
	return map[string]any{"jsonrpc": "2.0", "id": id, "error": map[string]any{"code": code, "message": words}}
}

func (w *World) rpc(rw http.ResponseWriter, r *http.Request, claims map[string]any) {
	var m struct {
		ID     json.RawMessage `json:"id"`
		Method string          `json:"method"`
		Params struct {
			URI string `json:"uri"`
		} `json:"params"`
	}
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		reply(rw, http.StatusBadRequest, rpcError(nil, -32700, "Parse error"))
		return
	}
	if m.ID == nil {
		rw.WriteHeader(http.StatusAccepted)
		return
	}
	var result any
	switch m.Method {
	case "initialize":
		result = map[string]any{
			"protocolVersion": mcpVersion, "capabilities": map[string]any{"resources": map[string]any{}},
			"serverInfo": map[string]string{"name": "todo0-mcp", "version": "1.0.0"},
		}
	case "ping":
		result = map[string]any{}
	case "resources/list":
		var list []map[string]string
		for _, which := range []string{"", "/completed", "/incomplete", "/stats"} {
			list = append(list, map[string]string{"uri": "todo0://todos" + which, "name": "todos" + which, "mimeType": "application/json"})
		}
		result = map[string]any{"resources": list}
	case "resources/read":
		result = readResource(m.Params.URI, claims)
	}
	answer := map[string]any{"jsonrpc": "2.0", "id": m.ID, "result": result}
	if result == nil {
		answer = rpcError(m.ID, -32601, "Method not found")
	}
	data, _ := json.Marshal(answer)
	rw.Header().Set("Content-Type", "text/event-stream")
	_, _ = fmt.Fprintf(rw, "event: message\ndata: %s\n\n", data)
}

// readResource fails silently without the scopes: the call succeeds, and its
// text is an error.
func readResource(uri string, claims map[string]any) any {
	granted := fields(text(claims, "scope"))
	which := strings.TrimPrefix(strings.TrimPrefix(uri, "todo0://todos"), "/")
	var value any = map[string]string{"error": "Insufficient scope. Required: todos.read, mcp.access"}
	if slices.Contains(granted, "todos.read") && slices.Contains(granted, "mcp.access") {
		list, ok := listing(which, text(claims, "sub"))
		if !ok || !strings.HasPrefix(uri, "todo0://todos") {
			return nil
		}
		value = list
	}
	data, _ := json.Marshal(value)
	return map[string]any{"contents": []map[string]string{{"uri": uri, "mimeType": "application/json", "text": string(data)}}}
}
