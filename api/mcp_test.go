package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"waybill/connection"
	"waybill/fault"
	"waybill/todo"
	"waybill/transport"
)

func TestMCP_ListComesFromTheTool(t *testing.T) {
	for _, version := range []string{legacy, "2025-03-26", ""} {
		p := newMCPPeer(t, nil)
		c := p.mcp(t, version)
		for range 2 {
			l, err := c.List(t.Context(), "")
			if err != nil || len(l.Todos) != 1 || l.Todos[0].Title != milk.Title || !l.Complete || l.User != "ada@example.com" {
				t.Fatalf("%+v %v", l, err)
			}
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		got := p.methods()
		if count(got, "initialize") != 1 || count(got, "notifications/initialized") != 1 || count(got, "list_todos") != 2 || count(got, "DELETE") != 1 || count(got, "GET") != 0 {
			t.Fatalf("%q: %v", version, got)
		}
		if count(got, "server/discover") > 0 && version != "" {
			t.Fatal("asked for a version that the connection fixes")
		}
	}
}

func TestMCP_WhatIsDeclaredIsTheExtensionAndNothingElse(t *testing.T) {
	p := newMCPPeer(t, nil)
	if _, err := p.mcp(t, legacy).List(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	var said struct {
		Params struct {
			ProtocolVersion string                     `json:"protocolVersion"`
			Capabilities    map[string]json.RawMessage `json:"capabilities"`
		} `json:"params"`
	}
	if err := json.Unmarshal([]byte(p.requests()[0].body), &said); err != nil {
		t.Fatal(err)
	}
	if len(said.Params.Capabilities) != 1 || string(said.Params.Capabilities["extensions"]) != `{"`+extension+`":{}}` || said.Params.ProtocolVersion != legacy {
		t.Fatalf("%+v", said)
	}
}

func TestMCP_RequestsCarryTokenSessionAndVersion(t *testing.T) {
	p := newMCPPeer(t, nil)
	c := p.mcp(t, legacy)
	if _, err := c.List(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	for i, r := range p.requests() {
		if r.header.Get("Authorization") != "Bearer "+p.mint.held().Reveal() {
			t.Errorf("request %d is without the token", i)
		}
		if i > 0 && (r.header.Get(headerSession) != "session-1" || r.header.Get("Mcp-Protocol-Version") != legacy) {
			t.Errorf("request %d: %v", i, r.header)
		}
		if r.uri != "/mcp" {
			t.Errorf("request %d to %s", i, r.uri)
		}
	}
}

// xaa.dev offers resources and no tools.
func TestMCP_ListComesFromTheResourceWithoutTools(t *testing.T) {
	p := newMCPPeer(t, answers{
		"initialize":     replies(`{"protocolVersion":"2025-03-26","capabilities":{"resources":{}},"serverInfo":{"name":"todo0","version":"1"}}`),
		"resources/list": replies(`{"resources":[{"uri":"todo://todos/stats","name":"s"},{"uri":"todo://todos","name":"t"},{"uri":"todo://todos/completed","name":"c"}]}`),
	})
	c := p.mcp(t, "2025-03-26")
	for range 2 {
		if l, err := c.List(t.Context(), ""); err != nil || len(l.Todos) != 1 {
			t.Fatalf("%+v %v", l, err)
		}
	}
	if can, err := c.Capabilities(t.Context()); err != nil || !can.Read || can.Write || can.Why != whyNoWay {
		t.Fatalf("%+v %v", can, err)
	}
	got := slices.DeleteFunc(p.methods(), func(m string) bool { return m == "notifications/initialized" })
	if want := []string{"initialize", "resources/list", "resources/read", "resources/read"}; !slices.Equal(got, want) {
		t.Fatalf("%v", got)
	}
	for _, r := range p.requests() {
		if strings.Contains(r.body, "resources/read") && !strings.Contains(r.body, `"todo://todos"`) {
			t.Errorf("read %s", r.body)
		}
	}
}

func TestMCP_ServerWithoutTodosIsAFaultOfTheConnection(t *testing.T) {
	for name, own := range map[string]answers{
		"rpc error": {"tools/call": fails(200, `{"jsonrpc":"2.0","id":ID,"error":{"code":-32602,"message":"unknown tool"}}`), "resources/list": replies(`{"resources":[]}`)},
		"result":    {"tools/call": replies(errorResult("Unknown tool: list_todos")), "resources/list": replies(`{"resources":[{"uri":"x://todos/stats","name":"s"}]}`)},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newMCPPeer(t, own).mcp(t, legacy).List(t.Context(), "")
			wantFault(t, err, fault.Config)
		})
	}
}

// The silent failure of XAA servers: HTTP 200 and a text with an error member.
func TestMCP_ErrorInAResourcesTextIsAnError(t *testing.T) {
	for body, kind := range map[string]fault.Kind{
		`{"error":"insufficient_scope"}`:                                      fault.Denied,
		`{"error":"Missing required scope: todos.read"}`:                      fault.Denied,
		`{"error":{"code":"boom","message":"It broke"}}`:                      fault.Failed,
		`{"success":false,"error":"server_error","error_description":"Busy"}`: fault.Offline,
		`not JSON`: fault.Failed,
		``:         fault.Failed,
	} {
		p := newMCPPeer(t, answers{
			"initialize":     replies(`{"protocolVersion":"2025-03-26","capabilities":{"resources":{}},"serverInfo":{"name":"todo0","version":"1"}}`),
			"resources/read": replies(textResource(body)),
		})
		_, err := p.mcp(t, "").List(t.Context(), "")
		f := wantFault(t, err, kind)
		if kind == fault.Denied && f.Code != codeScope {
			t.Errorf("%s: code %s", body, f.Code)
		}
		p = newMCPPeer(t, answers{"tools/call": replies(textResult(body))})
		_, err = p.mcp(t, "").List(t.Context(), "")
		wantFault(t, err, kind)
	}
}

func TestMCP_UnchangedListIsRecognised(t *testing.T) {
	text := listJSON(t, milk)
	p := newMCPPeer(t, answers{"tools/call": func(w http.ResponseWriter, r *http.Request, m rpc) { replies(textResult(text))(w, r, m) }})
	c := p.mcp(t, legacy)
	l, err := c.List(t.Context(), "")
	if err != nil || l.ETag == "" {
		t.Fatalf("%+v %v", l, err)
	}
	if again, err := c.List(t.Context(), l.ETag); err != nil || !again.NotModified || again.ETag != l.ETag {
		t.Fatalf("%+v %v", again, err)
	}
	text = listJSON(t, todo.Todo{ID: "7", Title: "Buy oat milk"})
	if again, err := c.List(t.Context(), l.ETag); err != nil || again.NotModified || again.Todos[0].Title != "Buy oat milk" {
		t.Fatalf("%+v %v", again, err)
	}
}

func TestMCP_ListIsReadPageByPage(t *testing.T) {
	page := func(next string, ids ...string) string {
		body := `{"data":[`
		for i, id := range ids {
			body += strings.Repeat(",", min(i, 1)) + `{"id":"` + id + `","title":"t"}`
		}
		return body + `],"nextCursor":"` + next + `"}`
	}
	for name, c := range map[string]struct {
		pages    map[string]string
		todos    int
		complete bool
	}{
		"three pages":      {map[string]string{"": page("a", "1", "2"), "a": page("b", "3"), "b": page("", "4")}, 4, true},
		"moved between":    {map[string]string{"": page("a", "1", "2"), "a": page("", "2", "3")}, 3, false},
		"unreadable entry": {map[string]string{"": page("a", "1", ""), "a": page("", "2")}, 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := newMCPPeer(t, answers{"tools/call": func(w http.ResponseWriter, r *http.Request, m rpc) {
				var cursor string
				_ = json.Unmarshal(m.Params.Arguments["cursor"], &cursor)
				replies(textResult(c.pages[cursor]))(w, r, m)
			}})
			client := p.mcp(t, legacy)
			l, err := client.List(t.Context(), "")
			if err != nil || len(l.Todos) != c.todos || l.Complete != c.complete {
				t.Fatalf("%+v %v", l, err)
			}
			if again, err := client.List(t.Context(), l.ETag); err != nil || !again.NotModified {
				t.Fatalf("%+v %v", again, err)
			}
		})
	}
}

func TestR34_APageThatFailsFailsTheListing(t *testing.T) {
	for name, second := range map[string]func(http.ResponseWriter, *http.Request, rpc){
		"status": fails(500, "{}"), "error": replies(errorResult("no")), "circle": replies(textResult(`{"data":[],"nextCursor":"a"}`)),
	} {
		t.Run(name, func(t *testing.T) {
			p := newMCPPeer(t, answers{"tools/call": func(w http.ResponseWriter, r *http.Request, m rpc) {
				if len(m.Params.Arguments) == 0 {
					replies(textResult(`{"data":[{"id":"1","title":"a"}],"nextCursor":"a"}`))(w, r, m)
					return
				}
				second(w, r, m)
			}})
			l, err := p.mcp(t, legacy).List(t.Context(), "")
			if err == nil || l.Todos != nil {
				t.Fatalf("%+v", l)
			}
		})
	}
}

func TestMCP_WritesGoThroughTheToolsWithWhatTheyKnow(t *testing.T) {
	schema := func(names ...string) string {
		var out []string
		for _, name := range names {
			out = append(out, `"`+name+`":{}`)
		}
		return `,"properties":{` + strings.Join(out, ",") + `},"additionalProperties":false`
	}
	p := newMCPPeer(t, answers{
		"tools/list": replies(`{"tools":[` + strings.Join([]string{
			tool("list_todos", ""),
			tool("create_todo", schema("id", "title", "priority", "idempotencyKey")+`,"required":["title"]`),
			tool("update_todo", schema("id", "completed", "ifMatch")+`,"required":["id"]`),
			tool("delete_todo", schema("id")+`,"required":["id"]`),
		}, ",") + `]}`),
		"tools/call": replies(textResult(itemJSON(t, milk))),
	})
	c := p.mcp(t, legacy)
	can, err := c.Capabilities(t.Context())
	if want := (Capabilities{Read: true, Write: true, Create: true, Update: true, Delete: true}); err != nil || can != want {
		t.Fatalf("%+v %v", can, err)
	}
	if made, err := c.Create(t.Context(), milk, "key"); err != nil || made.ID != "7" {
		t.Fatalf("%+v %v", made, err)
	}
	if got, err := c.Update(t.Context(), "7", todo.Patch{Completed: pointerTo(true)}, `"1"`); err != nil || got.ID != "7" {
		t.Fatalf("%+v %v", got, err)
	}
	if err := c.Delete(t.Context(), "7", `"1"`); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"create_todo": `{"id":"7","idempotencyKey":"key","priority":"high","title":"Buy milk"}`,
		"update_todo": `{"completed":true,"id":"7","ifMatch":"\"1\""}`,
		"delete_todo": `{"id":"7"}`,
	}
	for _, r := range p.requests() {
		var m struct {
			Params struct {
				Name      string          `json:"name"`
				Arguments json.RawMessage `json:"arguments"`
			} `json:"params"`
		}
		_ = json.Unmarshal([]byte(r.body), &m)
		if w, ok := want[m.Params.Name]; ok && string(m.Params.Arguments) != w {
			t.Errorf("%s(%s), want %s", m.Params.Name, m.Params.Arguments, w)
		}
	}
	if got := p.methods(); count(got, "tools/list") != 1 {
		t.Errorf("%v", got)
	}
}

func TestMCP_ErrorsOfToolsAreThoseOfTheRESTAPI(t *testing.T) {
	item := `{"id":"7","title":"Buy oat milk"}`
	for body, kind := range map[string]fault.Kind{
		`{"success":false,"error":"precondition_failed","error_description":"Changed","data":` + item + `}`: fault.Conflict,
		`{"success":false,"error":"already_exists","data":` + item + `}`:                                    fault.Conflict,
		`{"success":false,"error":"not_found"}`:                                                             fault.NotFound,
		`{"success":false,"error":"invalid_todo","error_description":"A title is needed"}`:                  fault.Invalid,
		`{"success":false,"error":"idempotency_key_reused"}`:                                                fault.Invalid,
		`{"success":false,"error":"insufficient_scope"}`:                                                    fault.Denied,
		`{"success":false,"error":"forbidden"}`:                                                             fault.Denied,
		`{"success":false,"error":"server_error"}`:                                                          fault.Offline,
		`{"success":false,"error":"rate_limited"}`:                                                          fault.Offline,
		`It did not work.`: fault.Failed,
	} {
		for _, isError := range []bool{true, false} {
			if !isError && !strings.HasPrefix(body, "{") {
				continue
			}
			p := newMCPPeer(t, answers{"tools/call": replies(map[bool]string{true: errorResult(body), false: textResult(body)}[isError])})
			_, err := p.mcp(t, legacy).Update(t.Context(), "7", todo.Patch{Completed: pointerTo(true)}, `"1"`)
			wantFault(t, err, kind)
			var current *ConflictError
			if kind == fault.Conflict && (!errors.As(err, &current) || current.Current.Title != "Buy oat milk") {
				t.Errorf("%s: no current item", body)
			}
		}
	}
	p := newMCPPeer(t, answers{"tools/call": replies(errorResult(`{"error":"not_found"}`))})
	if err := p.mcp(t, legacy).Delete(t.Context(), "7", ""); err != nil {
		t.Error(err)
	}
}

func TestMCP_StatusesMeanWhatTheyMeanOverREST(t *testing.T) {
	for status, kind := range map[int]fault.Kind{
		400: fault.Failed, 403: fault.Denied, 405: fault.Config, 406: fault.Failed, 413: fault.Failed, 429: fault.Offline,
		500: fault.Offline, 502: fault.Offline, 503: fault.Offline, 504: fault.Offline, 511: fault.Offline, 302: fault.Offline, 307: fault.Offline,
	} {
		p := newMCPPeer(t, answers{"tools/call": fails(status, `{"error":"some_code","error_description":"Words"}`, "Retry-After", "17", "Location", "/login")})
		c := p.mcp(t, legacy)
		_, err := c.List(t.Context(), "")
		f := wantFault(t, err, kind)
		if status/100 != 3 && status != 511 && (f.RetryAfter != 17 || f.Server != "Words" || f.Status != status) {
			t.Errorf("%d: %+v", status, f)
		}
		if err := read(t, c, "todo0://todos"); err != nil {
			t.Errorf("%d: the session is of no use any more: %v", status, err)
		}
		if got := p.methods(); count(got, "initialize") != 1 {
			t.Errorf("%d: %v", status, got)
		}
	}
}

func TestMCP_InsufficientScopeNamesTheScope(t *testing.T) {
	p := newMCPPeer(t, answers{"tools/call": fails(403, `{}`, "WWW-Authenticate", `Bearer error="insufficient_scope", scope="todos.read mcp.access"`)})
	p.mint.scopes = []string{"todos.read"}
	_, err := p.mcp(t, legacy).List(t.Context(), "")
	if f := wantFault(t, err, fault.Denied); f.Message != "The access token lacks the scope mcp.access." || p.mint.count() != 1 {
		t.Fatalf("%q after %d tokens", f.Message, p.mint.count())
	}
}

func TestMCP_R12_ExpiredTokenIsMintedAnewOnce(t *testing.T) {
	for _, method := range []string{"initialize", "tools/call"} {
		var p *peer
		own := answers{}
		base := newMCPPeerAnswer(t, method)
		own[method] = func(w http.ResponseWriter, r *http.Request, m rpc) {
			refusing(func(token string) bool { return !strings.Contains(token, "000001") }, func(w http.ResponseWriter, r *http.Request) { base(w, r, m) })(w, r)
		}
		p = newMCPPeer(t, own)
		if _, err := p.mcp(t, legacy).List(t.Context(), ""); err != nil {
			t.Fatal(method, err)
		}
		if p.mint.count() != 2 {
			t.Errorf("%s: %d tokens", method, p.mint.count())
		}
	}
}

func newMCPPeerAnswer(t *testing.T, method string) func(http.ResponseWriter, *http.Request, rpc) {
	if method == "initialize" {
		return replies(`{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"peer","version":"1"}}`)
	}
	return replies(textResult(listJSON(t, milk)))
}

func TestMCP_S73_RefusedForEverIsShownAndMintsFewTokens(t *testing.T) {
	p := newMCPPeer(t, answers{"tools/call": func(w http.ResponseWriter, r *http.Request, m rpc) { refusing(never, nil)(w, r) }})
	c := p.mcp(t, legacy)
	const calls = 50
	for range calls {
		_, err := c.List(t.Context(), "")
		if f := wantFault(t, err, fault.Denied); f.Status != 401 {
			t.Fatalf("status %d", f.Status)
		}
	}
	got := p.methods()
	if count(got, "list_todos") != calls+backOffAfter || p.mint.count() != 1+backOffAfter || count(got, "initialize") != 1 {
		t.Fatalf("%d calls sent, %d tokens, %d sessions", count(got, "list_todos"), p.mint.count(), count(got, "initialize"))
	}
}

func TestMCP_ErrorsOfTheTokensAreHandedOnUnchanged(t *testing.T) {
	p := newMCPPeer(t, nil)
	over := fault.New(fault.StepExchange, fault.SignInNeeded, "invalid_grant", "The session is over.")
	p.mint.err = over
	c := p.mcp(t, legacy)
	if _, err := c.List(t.Context(), ""); err != error(over) || len(p.requests()) != 0 {
		t.Fatalf("%v after %d requests", err, len(p.requests()))
	}
	p.mint.err = nil
	p = newMCPPeer(t, answers{"tools/call": func(w http.ResponseWriter, r *http.Request, m rpc) {
		p.mint.mu.Lock()
		p.mint.err = over
		p.mint.mu.Unlock()
		refusing(never, nil)(w, r)
	}})
	if _, err := p.mcp(t, legacy).List(t.Context(), ""); err != error(over) {
		t.Fatalf("%v", err)
	}
}

func TestMCP_WrongResourceIsAFaultOfTheConnection(t *testing.T) {
	for _, r := range []connection.Resource{{URL: "http://mcp.example/mcp"}, {URL: "https://mcp.example/mcp", MCPVersion: "2099-01-01"}} {
		c := NewMCP(Options{Transport: transport.New(transport.Options{}), Tokens: &mint{}, Resource: r})
		_, err := c.List(t.Context(), "")
		wantFault(t, err, fault.Config)
		_, err = c.Capabilities(t.Context())
		wantFault(t, err, fault.Config)
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestUse_ErrorsSayWhatWasWrong(t *testing.T) {
	for code, kind := range map[int]fault.Kind{-32601: fault.NotFound, -32602: fault.Invalid, -32002: fault.Invalid, -32603: fault.Offline, -1: fault.Failed, -32022: fault.Config} {
		p := newMCPPeer(t, answers{"resources/read": fails(200, fmt.Sprintf(`{"jsonrpc":"2.0","id":ID,"error":{"code":%d,"message":"Words \u0007"}}`, code))})
		if f := wantFault(t, read(t, p.mcp(t, legacy), "x://y"), kind); f.Server != "Words □" {
			t.Errorf("%d: %q", code, f.Server)
		}
	}
}
