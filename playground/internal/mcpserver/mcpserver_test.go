package mcpserver_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"go.uber.org/goleak"

	"waybill/playground/internal/access"
	"waybill/playground/internal/mcpserver"
	"waybill/playground/internal/resourcetest"
	"waybill/playground/internal/todoapi"
	"waybill/playground/internal/todostore"
	"waybill/todo"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var versions = []string{"2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"}

// both is an MCP server and a to-do API over one store.
type both struct {
	*resourcetest.Server
	api         *resourcetest.Server
	read, write string
}

func serve(t *testing.T, o todostore.Options, silent bool) *both {
	t.Helper()
	store, err := todostore.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	s := resourcetest.Serve(t, mcpserver.Path, func(origin string, v access.Verifier) http.Handler {
		return mcpserver.New(mcpserver.Options{Origin: origin, AuthorizationServer: "https://auth.example", Verifier: v, Store: store, SilentScopeFailure: silent})
	})
	api := resourcetest.Serve(t, "", func(origin string, v access.Verifier) http.Handler {
		return todoapi.New(todoapi.Options{Origin: origin, AuthorizationServer: "https://auth.example", Verifier: v, Store: store})
	})
	return &both{s, api, s.Token("alice", "todos.read", "mcp.access"), s.Token("alice", "todos.read", "mcp.access", "todos.write")}
}

// bearer adds a token to every request.
type bearer struct {
	token string
	next  *http.Transport
}

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return b.next.RoundTrip(r)
}

// connect opens a session with the SDK's client; version "" negotiates.
func (b *both) connect(t *testing.T, token, version string) *mcp.ClientSession {
	t.Helper()
	next := &http.Transport{}
	t.Cleanup(next.CloseIdleConnections)
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(t.Context(), &mcp.StreamableClientTransport{
		Endpoint: b.Identifier, HTTPClient: &http.Client{Transport: bearer{token, next}}, MaxRetries: -1,
	}, &mcp.ClientSessionOptions{ProtocolVersion: version})
	if err != nil {
		t.Fatalf("version %q: %v", version, err)
	}
	t.Cleanup(func() { _ = session.Close() })
	return session
}

// call calls a tool and returns its text, which must be its structure too.
func call(t *testing.T, session *mcp.ClientSession, tool string, args any) (text string, failed bool) {
	t.Helper()
	result, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		t.Fatalf("%s: %v", tool, err)
	}
	if len(result.Content) != 1 {
		t.Fatalf("%s: %d contents", tool, len(result.Content))
	}
	content, ok := result.Content[0].(*mcp.TextContent)
	if !ok {
		t.Fatalf("%s: content is %T", tool, result.Content[0])
	}
	if !result.IsError {
		structure, err := json.Marshal(result.StructuredContent)
		if err != nil || !sameJSON(t, structure, []byte(content.Text)) {
			t.Errorf("%s: structure %s, text %s", tool, structure, content.Text)
		}
	}
	return content.Text, result.IsError
}

func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	p, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	q, err := json.Marshal(y)
	if err != nil {
		t.Fatal(err)
	}
	return string(p) == string(q)
}

func read(t *testing.T, session *mcp.ClientSession, uri string) string {
	t.Helper()
	result, err := session.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: uri})
	if err != nil || len(result.Contents) != 1 || result.Contents[0].MIMEType != "application/json" || result.Contents[0].URI != uri {
		t.Fatalf("%s: %+v, %v", uri, result, err)
	}
	return result.Contents[0].Text
}

func problem(t *testing.T, text string) (code string, current todo.Todo) {
	t.Helper()
	var p struct {
		Error string
		Data  todo.Todo
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return p.Error, p.Data
}

func TestR36_EveryProtocolVersionServesResourcesAndTools(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			s := serve(t, todostore.Options{}, false)
			session := s.connect(t, s.write, version)
			if got := session.InitializeResult().ProtocolVersion; got != version {
				t.Errorf("spoken is %s", got)
			}
			resources, err := session.ListResources(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			var uris []string
			for _, r := range resources.Resources {
				uris = append(uris, r.URI)
				if r.Name == "" || r.Description == "" || r.MIMEType != "application/json" {
					t.Errorf("%+v", r)
				}
			}
			slices.Sort(uris)
			if strings.Join(uris, " ") != "todo0://todos todo0://todos/completed todo0://todos/incomplete todo0://todos/stats" {
				t.Errorf("resources %v", uris)
			}
			tools, err := session.ListTools(t.Context(), nil)
			if err != nil || len(tools.Tools) != 4 {
				t.Fatalf("%d tools, %v", len(tools.Tools), err)
			}
			made, failed := call(t, session, "create_todo", map[string]any{"id": "n1", "title": "New"})
			if item, err := todo.DecodeItem([]byte(made)); failed || err != nil || item.ID != "n1" {
				t.Errorf("%s, %v", made, err)
			}
			l, err := todo.DecodeList([]byte(read(t, session, "todo0://todos")))
			if err != nil || len(l.Todos) != 25 || !l.Complete || l.User != "alice@example.com" {
				t.Errorf("%d to-dos of %s, %v", len(l.Todos), l.User, err)
			}
		})
	}
}

func TestTheNewestVersionIsNegotiated(t *testing.T) {
	s := serve(t, todostore.Options{}, false)
	if got := s.connect(t, s.read, "").InitializeResult().ProtocolVersion; got != versions[len(versions)-1] {
		t.Errorf("spoken is %s", got)
	}
}

func TestVersionsBefore20250326AreNotSpoken(t *testing.T) {
	s := serve(t, todostore.Options{}, false)
	got := s.post(t, s.read, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2024-11-05","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`)
	if got.StatusCode != 200 || strings.Contains(got.Body, "2024-11-05") || !strings.Contains(got.Body, `"protocolVersion":"2025-11-25"`) {
		t.Errorf("%d %s", got.StatusCode, got.Body)
	}
	if got := s.post(t, s.read, `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, "MCP-Protocol-Version: 2024-11-05"); got.StatusCode != 400 {
		t.Errorf("%d %s", got.StatusCode, got.Body)
	}
}

// post sends one message as a client would; headers come on top.
func (b *both) post(t *testing.T, token, body string, headers ...string) resourcetest.Answer {
	t.Helper()
	return b.Do(t, http.MethodPost, mcpserver.Path, token, body, append([]string{"Accept: application/json, text/event-stream", "Content-Type: application/json"}, headers...)...)
}

func TestRESTAndMCPShowTheSame(t *testing.T) {
	s := serve(t, todostore.Options{}, false)
	session := s.connect(t, s.write, "2025-06-18")
	apiToken := s.api.Token("alice", "todos.read", "todos.write")
	if _, failed := call(t, session, "update_todo", map[string]any{"id": "todo-2", "completed": true}); failed {
		t.Fatal("the update failed")
	}
	if got := s.api.Do(t, http.MethodDelete, "/api/todos/todo-1", apiToken, ""); got.StatusCode != 204 {
		t.Fatal(got.Status)
	}
	for path, uri := range map[string]string{
		"/api/todos": "todo0://todos", "/api/todos/completed": "todo0://todos/completed",
		"/api/todos/incomplete": "todo0://todos/incomplete", "/api/todos/stats": "todo0://todos/stats",
	} {
		if rest, text := s.api.Do(t, http.MethodGet, path, apiToken, "").Body, read(t, session, uri); rest != text {
			t.Errorf("%s: REST %.300s\nMCP %.300s", path, rest, text)
		}
	}
	rest := s.api.Do(t, http.MethodGet, "/api/todos", apiToken, "").Body
	if tool, failed := call(t, session, "list_todos", nil); failed || tool != rest {
		t.Errorf("list_todos: %.300s", tool)
	}
}

func TestListTodosFilters(t *testing.T) {
	s := serve(t, todostore.Options{}, false)
	session := s.connect(t, s.write, "")
	all, err := todo.DecodeList([]byte(read(t, session, "todo0://todos")))
	if err != nil {
		t.Fatal(err)
	}
	first := all.Todos[0] // due yesterday
	for name, c := range map[string]struct {
		args map[string]any
		keep func(todo.Todo) bool
	}{
		"nothing":   {map[string]any{}, func(todo.Todo) bool { return true }},
		"all":       {map[string]any{"status": "all"}, func(todo.Todo) bool { return true }},
		"completed": {map[string]any{"status": "completed"}, func(i todo.Todo) bool { return i.Completed }},
		"open":      {map[string]any{"status": "incomplete"}, func(i todo.Todo) bool { return !i.Completed }},
		"priority":  {map[string]any{"priority": "high"}, func(i todo.Todo) bool { return i.Priority == todo.High }},
		"tag":       {map[string]any{"tag": "Release"}, func(i todo.Todo) bool { return slices.Contains(i.Tags, "release") }},
		"query":     {map[string]any{"query": "THE "}, func(i todo.Todo) bool { return strings.Contains(strings.ToLower(i.Title+"\n"+i.Description), "the ") }},
		"due before": {map[string]any{"dueBefore": first.Due.AddDate(0, 0, 1).Format("2006-01-02")},
			func(i todo.Todo) bool { return !i.Due.IsZero() && !i.Due.After(first.Due) }},
		"due after": {map[string]any{"dueAfter": first.Due.Format("2006-01-02T15:04:05Z")}, func(i todo.Todo) bool { return i.Due.After(first.Due) }},
		"two of them": {map[string]any{"status": "incomplete", "tag": "security"},
			func(i todo.Todo) bool { return !i.Completed && slices.Contains(i.Tags, "security") }},
	} {
		text, failed := call(t, session, "list_todos", c.args)
		got, err := todo.DecodeList([]byte(text))
		if failed || err != nil {
			t.Errorf("%s: %s, %v", name, text, err)
			continue
		}
		var want []string
		for _, item := range all.Todos {
			if c.keep(item) {
				want = append(want, item.ID)
			}
		}
		var ids []string
		for _, item := range got.Todos {
			ids = append(ids, item.ID)
		}
		if !slices.Equal(ids, want) || len(want) == 0 {
			t.Errorf("%s: %v, want %v", name, ids, want)
		}
	}
	if text, failed := call(t, session, "list_todos", map[string]any{"dueBefore": "soon"}); !failed {
		t.Errorf("a time that is none: %s", text)
	}
}

func TestListTodosComesInPages(t *testing.T) {
	s := serve(t, todostore.Options{Todos: 25}, false)
	session := s.connect(t, s.read, "")
	cursor, ids := "", map[string]bool{}
	for pages := 1; ; pages++ {
		text, failed := call(t, session, "list_todos", map[string]any{"limit": 10, "cursor": cursor})
		l, err := todo.DecodeList([]byte(text))
		if failed || err != nil || len(l.Todos) > 10 || l.Complete != (l.Next == "") {
			t.Fatalf("%s, %v", text, err)
		}
		for _, item := range l.Todos {
			ids[item.ID] = true
		}
		if cursor = l.Next; cursor == "" {
			if pages != 3 || len(ids) != 25 {
				t.Errorf("%d pages, %d to-dos", pages, len(ids))
			}
			break
		}
	}
	if text, failed := call(t, session, "list_todos", map[string]any{"cursor": "x"}); !failed {
		t.Errorf("a made-up cursor: %s", text)
	}
}

func TestALongListStaysBelow8MiBAMessage(t *testing.T) {
	s := serve(t, todostore.Options{Todos: 30_000}, false)
	got := s.post(t, s.read, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_todos","arguments":{}}}`)
	if got.StatusCode != 200 || len(got.Body) > 8<<20 || !strings.Contains(got.Body, "nextCursor") {
		t.Errorf("%d, %d bytes", got.StatusCode, len(got.Body))
	}
}

func TestR31_CreateTodoWithAKeyAddsOnce(t *testing.T) {
	s := serve(t, todostore.Options{}, false)
	session := s.connect(t, s.write, "")
	args := map[string]any{"title": "Once", "description": "D", "priority": "low", "tags": []string{"a"}, "dueDate": "2026-12-01", "completed": true, "idempotencyKey": "k"}
	first, failed := call(t, session, "create_todo", args)
	item, err := todo.DecodeItem([]byte(first))
	if failed || err != nil || item.Extra != nil || item.Priority != todo.Low || !item.Completed {
		t.Errorf("%s, %v", first, err)
	}
	if again, _ := call(t, session, "create_todo", args); again != first {
		t.Errorf("%s, first %s", again, first)
	}
	args["title"] = "Twice"
	text, failed := call(t, session, "create_todo", args)
	if code, _ := problem(t, text); !failed || code != "idempotency_key_reused" {
		t.Errorf("%s", text)
	}
	text, failed = call(t, session, "create_todo", map[string]any{"title": "X", "id": item.ID})
	if code, current := problem(t, text); !failed || code != "already_exists" || current.ETag != item.ETag {
		t.Errorf("%s", text)
	}
}

func TestUpdateTodoChangesAndClears(t *testing.T) {
	s := serve(t, todostore.Options{}, false)
	session := s.connect(t, s.write, "")
	text, failed := call(t, session, "update_todo", map[string]any{"id": "todo-1", "description": nil, "priority": nil, "tags": nil, "dueDate": nil, "completed": true})
	item, err := todo.DecodeItem([]byte(text))
	if failed || err != nil || item.Title != "Rotate the staging signing keys" || !item.Completed || item.Description != "" || item.Priority != "" || item.Tags != nil || !item.Due.IsZero() {
		t.Errorf("%s, %v", text, err)
	}
}

func TestToolsRefuseAnotherVersion(t *testing.T) {
	s := serve(t, todostore.Options{}, false)
	session := s.connect(t, s.write, "")
	text, _ := call(t, session, "update_todo", map[string]any{"id": "todo-1", "title": "A"})
	current, err := todo.DecodeItem([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, tool := range []string{"update_todo", "delete_todo"} {
		text, failed := call(t, session, tool, map[string]any{"id": "todo-1", "ifMatch": `"old"`})
		if code, now := problem(t, text); !failed || code != "precondition_failed" || now.Title != "A" || now.ETag != current.ETag {
			t.Errorf("%s: %s", tool, text)
		}
	}
	if text, failed := call(t, session, "delete_todo", map[string]any{"id": "todo-1", "ifMatch": current.ETag}); failed || text != `{"id":"todo-1","success":true}` {
		t.Errorf("%s", text)
	}
	for _, tool := range []string{"update_todo", "delete_todo"} {
		text, failed := call(t, session, tool, map[string]any{"id": "todo-1"})
		if code, _ := problem(t, text); !failed || code != "not_found" {
			t.Errorf("%s: %s", tool, text)
		}
	}
}

func TestArgumentsAreHeldAgainstTheirSchema(t *testing.T) {
	s := serve(t, todostore.Options{}, false)
	session := s.connect(t, s.write, "")
	for _, c := range []struct {
		tool string
		args map[string]any
	}{
		{"list_todos", map[string]any{"status": "some"}},
		{"list_todos", map[string]any{"limit": 0}},
		{"list_todos", map[string]any{"unknown": 1}},
		{"create_todo", map[string]any{}},
		{"create_todo", map[string]any{"title": ""}},
		{"create_todo", map[string]any{"title": "X", "priority": nil}},
		{"create_todo", map[string]any{"title": "X", "color": "red"}},
		{"create_todo", map[string]any{"title": "X", "id": "a/b"}},
		{"update_todo", map[string]any{"title": "X"}},
		{"update_todo", map[string]any{"id": "todo-1", "title": nil}},
		{"update_todo", map[string]any{"id": "todo-1", "tags": "a"}},
		{"update_todo", map[string]any{"id": "todo-1", "dueDate": "soon"}},
		{"delete_todo", map[string]any{}},
	} {
		if text, failed := call(t, session, c.tool, c.args); !failed {
			t.Errorf("%s %v: %s", c.tool, c.args, text)
		}
	}
	if _, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "drop_table"}); err == nil {
		t.Error("an unknown tool was called")
	}
	if l, err := todo.DecodeList([]byte(read(t, session, "todo0://todos"))); err != nil || len(l.Todos) != 24 {
		t.Errorf("something was changed: %d to-dos, %v", len(l.Todos), err)
	}
}

func TestToolsSayWhatTheyDo(t *testing.T) {
	s := serve(t, todostore.Options{}, false)
	session := s.connect(t, s.write, "")
	tools, err := session.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	hints := map[string]string{}
	args := map[string]any{
		"list_todos":  map[string]any{"status": "all"},
		"create_todo": map[string]any{"id": "x", "title": "X", "tags": []string{"t"}, "dueDate": "2026-12-01"},
		"update_todo": map[string]any{"id": "x", "priority": "high"},
		"delete_todo": map[string]any{"id": "x"},
	}
	byName := map[string]*mcp.Tool{}
	for _, tool := range tools.Tools {
		byName[tool.Name] = tool
		a := tool.Annotations
		hints[tool.Name] = fmt.Sprint("read-only ", a.ReadOnlyHint, ", destructive ", *a.DestructiveHint, ", idempotent ", a.IdempotentHint, ", open ", *a.OpenWorldHint)
	}
	for name, want := range map[string]string{
		"list_todos":  "read-only true, destructive false, idempotent true, open false",
		"create_todo": "read-only false, destructive false, idempotent false, open false",
		"update_todo": "read-only false, destructive true, idempotent true, open false",
		"delete_todo": "read-only false, destructive true, idempotent true, open false",
	} {
		if hints[name] != want {
			t.Errorf("%s: %s", name, hints[name])
		}
	}
	for _, name := range []string{"list_todos", "create_todo", "update_todo", "delete_todo"} {
		if err := resolve(t, byName[name].InputSchema).Validate(args[name]); err != nil {
			t.Errorf("%s: arguments: %v", name, err)
		}
		text, failed := call(t, session, name, args[name])
		var out any
		if err := json.Unmarshal([]byte(text), &out); err != nil || failed {
			t.Errorf("%s: %s, %v", name, text, err)
		}
		if err := resolve(t, byName[name].OutputSchema).Validate(out); err != nil {
			t.Errorf("%s: result: %v", name, err)
		}
	}
}

// resolve makes a schema of what a client received.
func resolve(t *testing.T, received any) *jsonschema.Resolved {
	t.Helper()
	text, err := json.Marshal(received)
	if err != nil {
		t.Fatal(err)
	}
	var schema jsonschema.Schema
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	return resolved
}

const callDelete = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"delete_todo","arguments":{"id":"todo-1"}}}`
const readTodos = `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"todo0://todos"}}`

func TestScopesAreDemandedBeforeAnythingIsShown(t *testing.T) {
	s := serve(t, todostore.Options{}, false)
	for name, c := range map[string]struct {
		token, body, scope string
		status             int
	}{
		"no scope":                  {s.Token("alice"), readTodos, "todos.read mcp.access", 403},
		"no mcp.access":             {s.Token("alice", "todos.read", "todos.write"), readTodos, "todos.read mcp.access", 403},
		"no todos.read":             {s.Token("alice", "mcp.access"), readTodos, "todos.read mcp.access", 403},
		"no todos.write":            {s.read, callDelete, "todos.read mcp.access todos.write", 403},
		"no todos.write in a batch": {s.read, "[" + readTodos + "," + callDelete + "]", "todos.read mcp.access todos.write", 403},
		"read":                      {s.read, readTodos, "", 200},
		"write":                     {s.write, callDelete, "", 200},
	} {
		got := s.post(t, c.token, c.body, "MCP-Protocol-Version: 2025-03-26")
		challenge := got.Header.Get("WWW-Authenticate")
		if got.StatusCode != c.status || c.scope != "" && (!strings.Contains(challenge, `error="insufficient_scope"`) || !strings.Contains(challenge, `scope="`+c.scope+`"`)) {
			t.Errorf("%s: %d %s %.300s", name, got.StatusCode, challenge, got.Body)
		}
	}
}

func TestSilentScopeFailureAnswers200WithAnError(t *testing.T) {
	s := serve(t, todostore.Options{}, true)
	for _, version := range versions {
		session := s.connect(t, s.Token("alice"), version)
		if resources, err := session.ListResources(t.Context(), nil); err != nil || len(resources.Resources) != 4 {
			t.Errorf("%s: %v", version, err)
		}
		text := read(t, session, "todo0://todos")
		if code, _ := problem(t, text); code != "insufficient_scope" {
			t.Errorf("%s: %s", version, text)
		}
		if _, err := todo.DecodeList([]byte(text)); err == nil {
			t.Error("the client takes it for a list")
		}
		for tool, args := range map[string]map[string]any{"list_todos": {}, "create_todo": {"title": "X"}, "update_todo": {"id": "todo-1"}, "delete_todo": {"id": "todo-1"}} {
			text, failed := call(t, session, tool, args)
			if code, _ := problem(t, text); !failed || code != "insufficient_scope" {
				t.Errorf("%s: %s", tool, text)
			}
		}
	}
	if got := s.post(t, s.read, callDelete); got.StatusCode != 403 {
		t.Errorf("a reader deletes: %d %s", got.StatusCode, got.Body)
	}
	if got := s.post(t, s.Token("alice", "todos.read"), readTodos); got.StatusCode != 403 {
		t.Errorf("a token without mcp.access reads: %d %s", got.StatusCode, got.Body)
	}
	if l, err := todo.DecodeList([]byte(read(t, s.connect(t, s.read, ""), "todo0://todos"))); err != nil || len(l.Todos) != 24 {
		t.Errorf("%d to-dos, %v", len(l.Todos), err)
	}
}

func TestTheTransportsRulesAreHeld(t *testing.T) {
	s := serve(t, todostore.Options{}, false)
	const ok = "application/json, text/event-stream"
	message := "Content-Type: application/json"
	for name, c := range map[string]struct {
		method, path, token, body string
		headers                   []string
		status                    int
	}{
		"no token":          {"POST", "/mcp", "", readTodos, []string{"Accept: " + ok, message}, 401},
		"no Accept":         {"POST", "/mcp", s.read, readTodos, []string{message}, 406},
		"JSON only":         {"POST", "/mcp", s.read, readTodos, []string{"Accept: application/json", message}, 406},
		"events only":       {"POST", "/mcp", s.read, readTodos, []string{"Accept: text/event-stream", message}, 406},
		"two Accept fields": {"POST", "/mcp", s.read, readTodos, []string{"Accept: application/json", "Accept: text/event-stream;q=0.5", message}, 200},
		"anything":          {"POST", "/mcp", s.read, readTodos, []string{"Accept: */*", message}, 200},
		"GET":               {"GET", "/mcp", s.read, "", []string{"Accept: text/event-stream"}, 405},
		"DELETE":            {"DELETE", "/mcp", s.read, "", nil, 405},
		"another path":      {"POST", "/", s.read, readTodos, []string{"Accept: " + ok, message}, 404},
		"slash at the end":  {"POST", "/mcp/", s.read, readTodos, []string{"Accept: " + ok, message}, 404},
		"no type":           {"POST", "/mcp", s.read, readTodos, []string{"Accept: " + ok}, 415},
		"text":              {"POST", "/mcp", s.read, readTodos, []string{"Accept: " + ok, "Content-Type: text/plain"}, 415},
		"not JSON":          {"POST", "/mcp", s.read, "{", []string{"Accept: " + ok, message}, 400},
		"empty":             {"POST", "/mcp", s.read, "", []string{"Accept: " + ok, message}, 400},
		"no method":         {"POST", "/mcp", s.read, `{"jsonrpc":"2.0","id":1,"method":"nothing"}`, []string{"Accept: " + ok, message}, 400},
		"too long":          {"POST", "/mcp", s.read, strings.Repeat(" ", 5<<20), []string{"Accept: " + ok, message}, 413},
		"foreign Host":      {"POST", "/mcp", s.read, readTodos, []string{"Accept: " + ok, message, "Host: evil.example"}, 403},
		"foreign Origin":    {"POST", "/mcp", s.read, readTodos, []string{"Accept: " + ok, message, "Origin: https://evil.example"}, 403},
		"unknown version":   {"POST", "/mcp", s.read, readTodos, []string{"Accept: " + ok, message, "MCP-Protocol-Version: 2025-01-01"}, 400},
	} {
		got := s.Do(t, c.method, c.path, c.token, c.body, c.headers...)
		if got.StatusCode != c.status {
			t.Errorf("%s: %d %.300s", name, got.StatusCode, got.Body)
		}
		if c.status == 405 && got.Header.Get("Allow") != "POST" {
			t.Errorf("%s: Allow: %s", name, got.Header.Get("Allow"))
		}
		if c.status == 401 && !strings.Contains(got.Header.Get("WWW-Authenticate"), s.Origin+"/.well-known/oauth-protected-resource/mcp") {
			t.Errorf("%s: %s", name, got.Header.Get("WWW-Authenticate"))
		}
	}
	if got := s.Do(t, http.MethodGet, "/.well-known/oauth-protected-resource/mcp", "", ""); !strings.Contains(got.Body, `"resource":"`+s.Identifier+`"`) {
		t.Errorf("%s", got.Body)
	}
}

// What is the same for everybody may be remembered; to-dos may not.
func TestToDosAreForThisUsersCacheAlone(t *testing.T) {
	s := serve(t, todostore.Options{}, false)
	meta := `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}`
	got := s.post(t, s.read, `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"todo0://todos/stats",`+meta+`}}`,
		"MCP-Protocol-Version: 2026-07-28", "Mcp-Method: resources/read", "Mcp-Name: todo0://todos/stats")
	if got.StatusCode != 200 || !strings.Contains(got.Body, `"cacheScope":"private"`) || !strings.Contains(got.Body, `"ttlMs":0`) {
		t.Errorf("%d %s", got.StatusCode, got.Body)
	}
}

func TestParallelToolCallsLoseNothing(t *testing.T) {
	s := serve(t, todostore.Options{Dir: t.TempDir()}, false)
	var wg sync.WaitGroup
	for w := range 8 {
		version := versions[w%len(versions)]
		session := s.connect(t, s.write, version)
		wg.Go(func() {
			for i := range 10 {
				if text, failed := call(t, session, "create_todo", map[string]any{"id": fmt.Sprintf("w%d-%d", w, i), "title": "X"}); failed {
					t.Error(text)
				}
			}
		})
	}
	wg.Wait()
	text := s.api.Do(t, http.MethodGet, "/api/todos", s.api.Token("alice", "todos.read"), "").Body
	if l, err := todo.DecodeList([]byte(text)); err != nil || len(l.Todos) != 24+80 {
		t.Errorf("%d to-dos, %v", len(l.Todos), err)
	}
}

// inProcess calls the handler where a client would open a connection.
type inProcess struct {
	token string
	http.Handler
}

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+p.token)
	r.Host = r.URL.Host
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w.Result(), nil
}

// A bubble ends only when no goroutine is left in it.
func TestTheHandlerWorksInVirtualTime(t *testing.T) {
	for _, version := range versions {
		synctest.Test(t, func(t *testing.T) {
			store, err := todostore.Open(todostore.Options{Now: time.Now})
			if err != nil {
				t.Fatal(err)
			}
			var tokens resourcetest.Tokens
			h := mcpserver.New(mcpserver.Options{Origin: "https://mcp.example", AuthorizationServer: "https://auth.example", Verifier: &tokens, Store: store})
			token := tokens.Issue(access.Access{Subject: "a", Audience: "https://mcp.example/mcp", Scopes: []string{"todos.read", "mcp.access"}})
			session, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(), &mcp.StreamableClientTransport{
				Endpoint: "https://mcp.example/mcp", HTTPClient: &http.Client{Transport: inProcess{token, h}}, MaxRetries: -1, DisableStandaloneSSE: true,
			}, &mcp.ClientSessionOptions{ProtocolVersion: version})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
			if l, err := todo.DecodeList([]byte(read(t, session, "todo0://todos"))); err != nil || len(l.Todos) != 24 {
				t.Errorf("%d to-dos, %v", len(l.Todos), err)
			}
			if err := session.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
