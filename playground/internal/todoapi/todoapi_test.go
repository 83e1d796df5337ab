package todoapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"waybill/playground/internal/access"
	"waybill/playground/internal/resourcetest"
	"waybill/playground/internal/todoapi"
	"waybill/playground/internal/todostore"
	"waybill/todo"
)

const jsonBody = "Content-Type: application/json"

// api is a to-do API with tokens of Alice's.
type api struct {
	*resourcetest.Server
	dir              string
	read, write, bob string
}

func serve(t *testing.T, o todostore.Options) *api {
	t.Helper()
	store, err := todostore.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	s := resourcetest.Serve(t, "", func(origin string, v access.Verifier) http.Handler {
		return todoapi.New(todoapi.Options{Origin: origin, AuthorizationServer: "https://auth.example", Verifier: v, Store: store})
	})
	return &api{s, o.Dir, s.Token("alice", "todos.read"), s.Token("alice", "todos.read", "todos.write"), s.Token("bob", "todos.read", "todos.write")}
}

// members decodes an answer into its members.
func members(t *testing.T, a resourcetest.Answer) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(a.Body), &m); err != nil {
		t.Fatalf("%d %q: %v", a.StatusCode, a.Body, err)
	}
	return m
}

func item(t *testing.T, a resourcetest.Answer) todo.Todo {
	t.Helper()
	got, err := todo.DecodeItem([]byte(a.Body))
	if err != nil {
		t.Fatalf("%d %q: %v", a.StatusCode, a.Body, err)
	}
	return got
}

func list(t *testing.T, a resourcetest.Answer) todo.Listing {
	t.Helper()
	l, err := todo.DecodeList([]byte(a.Body))
	if err != nil {
		t.Fatalf("%d %q: %v", a.StatusCode, a.Body, err)
	}
	return l
}

func TestTheListIsInTodo0sShape(t *testing.T) {
	s := serve(t, todostore.Options{})
	got := s.Do(t, http.MethodGet, "/api/todos", s.read, "", "Accept: application/json")
	m := members(t, got)
	if got.StatusCode != 200 || got.Header.Get("Content-Type") != "application/json" || m["success"] != true || m["count"] != 24.0 || m["user"] != "alice@example.com" {
		t.Errorf("%d %v %.200s", got.StatusCode, got.Header, got.Body)
	}
	data, _ := m["data"].([]any)
	if len(data) != 24 {
		t.Fatalf("%d to-dos", len(data))
	}
	for _, entry := range data {
		fields, _ := entry.(map[string]any)
		if _, ok := fields["id"].(string); !ok || fields["title"] == "" {
			t.Errorf("%v", fields)
		}
		if _, ok := fields["completed"].(bool); !ok {
			t.Errorf("%v", fields)
		}
		if due, ok := fields["dueDate"]; ok {
			if _, err := time.Parse(time.RFC3339, fmt.Sprint(due)); err != nil {
				t.Error(err)
			}
		}
	}
	if l := list(t, got); !l.Complete || l.Skipped != 0 || l.User != "alice@example.com" {
		t.Errorf("read by the client: %+v", l)
	}
}

func TestThePartsMakeUpTheWhole(t *testing.T) {
	s := serve(t, todostore.Options{})
	done := list(t, s.Do(t, http.MethodGet, "/api/todos/completed", s.read, ""))
	open := list(t, s.Do(t, http.MethodGet, "/api/todos/incomplete", s.read, ""))
	for _, item := range done.Todos {
		if !item.Completed {
			t.Errorf("%s is open", item.Title)
		}
	}
	for _, item := range open.Todos {
		if item.Completed {
			t.Errorf("%s is done", item.Title)
		}
	}
	m := members(t, s.Do(t, http.MethodGet, "/api/todos/stats", s.read, ""))
	inner, _ := m["data"].(map[string]any)
	for _, numbers := range []map[string]any{m, inner} {
		if numbers["total"] != 24.0 || numbers["completed"] != float64(len(done.Todos)) || numbers["incomplete"] != float64(len(open.Todos)) {
			t.Errorf("%v, lists of %d and %d", numbers, len(done.Todos), len(open.Todos))
		}
	}
	if len(done.Todos)+len(open.Todos) != 24 {
		t.Errorf("%d and %d", len(done.Todos), len(open.Todos))
	}
}

func TestOneToDo(t *testing.T) {
	s := serve(t, todostore.Options{})
	got := s.Do(t, http.MethodGet, "/api/todos/todo-1", s.read, "")
	if it := item(t, got); got.StatusCode != 200 || it.Title != "Rotate the staging signing keys" || it.ETag != got.Header.Get("ETag") || it.ETag == "" {
		t.Errorf("%d %+v", got.StatusCode, it)
	}
	if m := members(t, got); m["success"] != true {
		t.Errorf("%v", m)
	}
}

func TestAnUnchangedAnswerIsNotSentAgain(t *testing.T) {
	s := serve(t, todostore.Options{})
	for _, path := range []string{"/api/todos", "/api/todos/completed", "/api/todos/incomplete", "/api/todos/stats", "/api/todos/todo-1"} {
		etag := s.Do(t, http.MethodGet, path, s.read, "").Header.Get("ETag")
		if !strings.HasPrefix(etag, `"`) {
			t.Errorf("%s: ETag %s is not strong", path, etag)
		}
		for _, have := range []string{etag, "W/" + etag, `"a", ` + etag + `, "b"`, "*"} {
			got := s.Do(t, http.MethodGet, path, s.read, "", "If-None-Match: "+have)
			if got.StatusCode != 304 || got.Body != "" || got.Header.Get("ETag") != etag {
				t.Errorf("%s with %s: %d %q", path, have, got.StatusCode, got.Body)
			}
		}
		for _, have := range []string{`"other"`, strings.Trim(etag, `"`), `"`, "", etag[:len(etag)-1]} {
			if got := s.Do(t, http.MethodGet, path, s.read, "", "If-None-Match: "+have); got.StatusCode != 200 {
				t.Errorf("%s with %q: %d", path, have, got.StatusCode)
			}
		}
		if got := s.Do(t, http.MethodHead, path, s.read, ""); got.StatusCode != 200 || got.Body != "" || got.Header.Get("ETag") != etag {
			t.Errorf("HEAD %s: %d", path, got.StatusCode)
		}
	}
	etag := s.Do(t, http.MethodGet, "/api/todos", s.read, "").Header.Get("ETag")
	if got := s.Do(t, http.MethodPatch, "/api/todos/todo-1", s.write, `{"completed":true}`, jsonBody); got.StatusCode != 200 {
		t.Fatalf("%d %s", got.StatusCode, got.Body)
	}
	if got := s.Do(t, http.MethodGet, "/api/todos", s.read, "", "If-None-Match: "+etag); got.StatusCode != 200 {
		t.Errorf("after a change: %d", got.StatusCode)
	}
}

func TestAToDoIsCreatedWithTheClientsID(t *testing.T) {
	s := serve(t, todostore.Options{})
	body := `{"id":"my-1","title":"New","description":"D","priority":"high","tags":["a","b"],"dueDate":"2026-12-01","colour":{"r":1}}`
	got := s.Do(t, http.MethodPost, "/api/todos", s.write, body, jsonBody)
	made := item(t, got)
	if got.StatusCode != 201 || got.Header.Get("Location") != "/api/todos/my-1" || got.Header.Get("ETag") != made.ETag {
		t.Errorf("%d %v", got.StatusCode, got.Header)
	}
	if made.ID != "my-1" || made.Priority != todo.High || len(made.Tags) != 2 || made.Due.Day() != 1 || string(made.Extra["colour"]) != `{"r":1}` {
		t.Errorf("%+v", made)
	}
	if again := item(t, s.Do(t, http.MethodGet, "/api/todos/my-1", s.read, "")); again.ETag != made.ETag || again.Title != "New" {
		t.Errorf("%+v", again)
	}
	if got := s.Do(t, http.MethodGet, "/api/todos/my-1", s.bob, ""); got.StatusCode != 404 {
		t.Errorf("Bob sees it: %d", got.StatusCode)
	}
	got = s.Do(t, http.MethodPost, "/api/todos", s.write, `{"title":"No id"}`, jsonBody)
	if chosen := item(t, got); got.StatusCode != 201 || chosen.ID == "" {
		t.Errorf("%d %+v", got.StatusCode, chosen)
	}
	got = s.Do(t, http.MethodPost, "/api/todos", s.write, body, jsonBody)
	m := members(t, got)
	current, _ := m["data"].(map[string]any)
	if got.StatusCode != 409 || m["error"] != "already_exists" || current["etag"] != made.ETag || got.Header.Get("ETag") != made.ETag {
		t.Errorf("the same id again: %d %s", got.StatusCode, got.Body)
	}
}

func TestR31_ARepeatedCreationIsAnsweredTheSameAndMadeOnce(t *testing.T) {
	s := serve(t, todostore.Options{Dir: t.TempDir()})
	const body, spaced = `{"id":"k","title":"Once"}`, `{ "title": "Once", "id": "k" }`
	first := s.Do(t, http.MethodPost, "/api/todos", s.write, body, jsonBody, "Idempotency-Key: abc")
	for _, same := range []string{body, spaced} {
		again := s.Do(t, http.MethodPost, "/api/todos", s.write, same, jsonBody, "Idempotency-Key: abc")
		if again.StatusCode != 201 || again.Body != first.Body || again.Header.Get("ETag") != first.Header.Get("ETag") {
			t.Errorf("%d %s, first %s", again.StatusCode, again.Body, first.Body)
		}
	}
	other := s.Do(t, http.MethodPost, "/api/todos", s.write, `{"id":"k2","title":"Other"}`, jsonBody, "Idempotency-Key: abc")
	if m := members(t, other); other.StatusCode != 422 || m["error"] != "idempotency_key_reused" {
		t.Errorf("%d %s", other.StatusCode, other.Body)
	}
	for _, bad := range []string{"Idempotency-Key: ", "Idempotency-Key: " + strings.Repeat("x", 256)} {
		if got := s.Do(t, http.MethodPost, "/api/todos", s.write, body, jsonBody, bad); got.StatusCode != 400 {
			t.Errorf("%.30s: %d", bad, got.StatusCode)
		}
	}
	if got := s.Do(t, http.MethodPost, "/api/todos", s.write, body, jsonBody, "Idempotency-Key: a", "Idempotency-Key: b"); got.StatusCode != 400 {
		t.Errorf("two keys: %d", got.StatusCode)
	}
	if l := list(t, s.Do(t, http.MethodGet, "/api/todos", s.read, "")); len(l.Todos) != 25 {
		t.Errorf("%d to-dos", len(l.Todos))
	}
}

func TestR31_ParallelRepetitionsMakeOneToDo(t *testing.T) {
	s := serve(t, todostore.Options{Dir: t.TempDir()})
	var wg sync.WaitGroup
	var bodies sync.Map
	for range 20 {
		wg.Go(func() {
			got := s.Do(t, http.MethodPost, "/api/todos", s.write, `{"title":"Once"}`, jsonBody, "Idempotency-Key: abc")
			bodies.Store(got.Body, got.StatusCode)
		})
	}
	wg.Wait()
	different := 0
	bodies.Range(func(_, status any) bool {
		different++
		return status == 201
	})
	if l := list(t, s.Do(t, http.MethodGet, "/api/todos", s.read, "")); len(l.Todos) != 25 || different != 1 {
		t.Errorf("%d to-dos, %d different answers", len(l.Todos), different)
	}
}

func TestAChangeNamesItsFieldsOnly(t *testing.T) {
	s := serve(t, todostore.Options{})
	before := item(t, s.Do(t, http.MethodGet, "/api/todos/todo-1", s.read, ""))
	got := s.Do(t, http.MethodPatch, "/api/todos/todo-1", s.write, `{"description":null,"dueDate":null,"tags":["x"]}`, "Content-Type: application/merge-patch+json; charset=utf-8")
	after := item(t, got)
	if got.StatusCode != 200 || after.Title != before.Title || after.Priority != before.Priority || after.Description != "" || !after.Due.IsZero() || after.Tags[0] != "x" {
		t.Errorf("%d %+v", got.StatusCode, after)
	}
	if after.ETag == before.ETag || got.Header.Get("ETag") != after.ETag {
		t.Errorf("ETag %s, before %s", after.ETag, before.ETag)
	}
}

func TestIfMatchGuardsAgainstLostUpdates(t *testing.T) {
	s := serve(t, todostore.Options{})
	const path = "/api/todos/todo-1"
	old := s.Do(t, http.MethodGet, path, s.read, "").Header.Get("ETag")
	got := s.Do(t, http.MethodPatch, path, s.write, `{"title":"A"}`, jsonBody, "If-Match: "+old)
	if got.StatusCode != 200 {
		t.Fatalf("%d %s", got.StatusCode, got.Body)
	}
	current := got.Header.Get("ETag")
	for _, have := range []string{old, "W/" + current, `"x", "y"`, "nonsense"} {
		for _, method := range []string{http.MethodPatch, http.MethodDelete} {
			got := s.Do(t, method, path, s.write, `{"title":"B"}`, jsonBody, "If-Match: "+have)
			m := members(t, got)
			data, _ := m["data"].(map[string]any)
			if got.StatusCode != 412 || m["error"] != "precondition_failed" || data["title"] != "A" || data["etag"] != current || got.Header.Get("ETag") != current {
				t.Errorf("%s with %s: %d %s", method, have, got.StatusCode, got.Body)
			}
		}
	}
	if got := s.Do(t, http.MethodPatch, path, s.write, `{"title":"C"}`, jsonBody, "If-Match: *"); got.StatusCode != 200 {
		t.Errorf("any version: %d", got.StatusCode)
	}
	last := s.Do(t, http.MethodPatch, path, s.write, `{"title":"D"}`, jsonBody).Header.Get("ETag") // the precondition is optional
	if got := s.Do(t, http.MethodDelete, path, s.write, "", `If-Match: "x", `+last); got.StatusCode != 204 || got.Body != "" {
		t.Errorf("%d %q", got.StatusCode, got.Body)
	}
	for _, method := range []string{http.MethodPatch, http.MethodDelete, http.MethodGet} {
		if got := s.Do(t, method, path, s.write, `{}`, jsonBody, "If-Match: "+last); got.StatusCode != 404 || members(t, got)["error"] != "not_found" {
			t.Errorf("%s of what is gone: %d", method, got.StatusCode)
		}
	}
}

func TestOptionsAllowWhatTheTokenAllows(t *testing.T) {
	s := serve(t, todostore.Options{})
	none, writeOnly := s.Token("alice"), s.Token("alice", "todos.write")
	for path, want := range map[string][2]string{
		"/api/todos":           {"GET, HEAD, OPTIONS", "GET, HEAD, POST, OPTIONS"},
		"/api/todos/todo-1":    {"GET, HEAD, OPTIONS", "DELETE, GET, HEAD, PATCH, OPTIONS"},
		"/api/todos/stats":     {"GET, HEAD, OPTIONS", "GET, HEAD, OPTIONS"},
		"/api/todos/completed": {"GET, HEAD, OPTIONS", "GET, HEAD, OPTIONS"},
	} {
		for token, allow := range map[string]string{s.read: want[0], s.write: want[1], none: "OPTIONS", writeOnly: "OPTIONS"} {
			if got := s.Do(t, http.MethodOptions, path, token, ""); got.StatusCode != 204 || got.Header.Get("Allow") != allow || got.Body != "" {
				t.Errorf("%s: %d, Allow: %s, want %s", path, got.StatusCode, got.Header.Get("Allow"), allow)
			}
		}
	}
	if got := s.Do(t, http.MethodOptions, "/api/todos", "", ""); got.StatusCode != 401 || got.Header.Get("Allow") != "" {
		t.Errorf("without a token: %d", got.StatusCode)
	}
}

func TestWhatIsAskedWronglyIsRefusedAsJSON(t *testing.T) {
	s := serve(t, todostore.Options{})
	long := `{"title":"` + strings.Repeat("x", 2<<20) + `"}`
	for name, c := range map[string]struct {
		method, path, token, body string
		headers                   []string
		status                    int
		code                      string
	}{
		"no such path":          {"GET", "/", s.read, "", nil, 404, "not_found"},
		"prefix":                {"GET", "/api/todosx", s.read, "", nil, 404, "not_found"},
		"slash at the end":      {"GET", "/api/todos/", s.read, "", nil, 404, "not_found"},
		"double slash":          {"GET", "/api//todos", s.read, "", nil, 404, "not_found"},
		"dots":                  {"GET", "/api/todos/../todos", s.read, "", nil, 404, "not_found"},
		"deeper":                {"GET", "/api/todos/todo-1/x", s.read, "", nil, 404, "not_found"},
		"encoded slash":         {"GET", "/api/todos/todo%2f1", s.read, "", nil, 404, "not_found"},
		"no such to-do":         {"GET", "/api/todos/none", s.read, "", nil, 404, "not_found"},
		"put":                   {"PUT", "/api/todos/todo-1", s.write, "{}", []string{jsonBody}, 405, "method_not_allowed"},
		"post to an item":       {"POST", "/api/todos/todo-1", s.write, "{}", []string{jsonBody}, 405, "method_not_allowed"},
		"delete all":            {"DELETE", "/api/todos", s.write, "", nil, 405, "method_not_allowed"},
		"unknown verb":          {"BREW", "/api/todos", s.write, "", nil, 405, "method_not_allowed"},
		"trace":                 {"TRACE", "/api/todos", s.write, "", nil, 405, "method_not_allowed"},
		"write without scope":   {"POST", "/api/todos", s.read, `{"title":"X"}`, []string{jsonBody}, 403, "insufficient_scope"},
		"change without scope":  {"PATCH", "/api/todos/todo-1", s.read, `{}`, []string{jsonBody}, 403, "insufficient_scope"},
		"delete without scope":  {"DELETE", "/api/todos/todo-1", s.read, "", nil, 403, "insufficient_scope"},
		"read without scope":    {"GET", "/api/todos", s.Token("alice", "todos.write"), "", nil, 403, "insufficient_scope"},
		"not JSON":              {"POST", "/api/todos", s.write, `{"title":`, []string{jsonBody}, 400, "invalid_request"},
		"empty":                 {"POST", "/api/todos", s.write, ``, []string{jsonBody}, 400, "invalid_request"},
		"two values":            {"POST", "/api/todos", s.write, `{"title":"X"} {}`, []string{jsonBody}, 400, "invalid_request"},
		"very deep":             {"POST", "/api/todos", s.write, `{"title":"X","a":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`, []string{jsonBody}, 400, "invalid_request"},
		"too long":              {"POST", "/api/todos", s.write, long, []string{jsonBody}, 413, "too_large"},
		"change too long":       {"PATCH", "/api/todos/todo-1", s.write, long, []string{jsonBody}, 413, "too_large"},
		"no type":               {"POST", "/api/todos", s.write, `{"title":"X"}`, nil, 415, "unsupported_media_type"},
		"form":                  {"POST", "/api/todos", s.write, `title=X`, []string{"Content-Type: application/x-www-form-urlencoded"}, 415, "unsupported_media_type"},
		"merge patch to create": {"POST", "/api/todos", s.write, `{"title":"X"}`, []string{"Content-Type: application/merge-patch+json"}, 415, "unsupported_media_type"},
		"other letters":         {"PATCH", "/api/todos/todo-1", s.write, `{}`, []string{"Content-Type: application/json; charset=latin1"}, 415, "unsupported_media_type"},
		"compressed":            {"PATCH", "/api/todos/todo-1", s.write, `{}`, []string{jsonBody, "Content-Encoding: gzip"}, 415, "unsupported_media_type"},
		"no object":             {"POST", "/api/todos", s.write, `[]`, []string{jsonBody}, 422, "invalid_todo"},
		"no title":              {"POST", "/api/todos", s.write, `{}`, []string{jsonBody}, 422, "invalid_todo"},
		"id of a list":          {"POST", "/api/todos", s.write, `{"id":"stats","title":"X"}`, []string{jsonBody}, 422, "invalid_todo"},
		"type of a member":      {"POST", "/api/todos", s.write, `{"title":"X","dueDate":"soon"}`, []string{jsonBody}, 422, "invalid_todo"},
		"title taken away":      {"PATCH", "/api/todos/todo-1", s.write, `{"title":null}`, []string{jsonBody}, 422, "invalid_todo"},
		"type in a change":      {"PATCH", "/api/todos/todo-1", s.write, `{"completed":"maybe"}`, []string{jsonBody}, 422, "invalid_todo"},
		"no token":              {"GET", "/api/todos", "", "", nil, 401, "unauthorized"},
		"no token, no path":     {"GET", "/nowhere", "", "", nil, 401, "unauthorized"},
	} {
		got := s.Do(t, c.method, c.path, c.token, c.body, c.headers...)
		if got.StatusCode != c.status || got.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.Body)
			continue
		}
		m := members(t, got)
		if m["success"] != false || m["error"] != c.code || m["error_description"] == "" {
			t.Errorf("%s: %s", name, got.Body)
		}
		if c.status == 405 && got.Header.Get("Allow") == "" {
			t.Errorf("%s: no Allow", name)
		}
	}
	if l := list(t, s.Do(t, http.MethodGet, "/api/todos", s.read, "")); len(l.Todos) != 24 {
		t.Errorf("something was changed: %d to-dos", len(l.Todos))
	}
	missing := s.Do(t, "PATCH", "/api/todos/todo-1", s.read, `{}`, jsonBody).Header.Get("WWW-Authenticate")
	if !strings.Contains(missing, `scope="todos.read todos.write"`) || !strings.Contains(missing, `resource_metadata="`+s.Origin+`/.well-known/oauth-protected-resource"`) {
		t.Errorf("the challenge is %s", missing)
	}
}

func TestR23_AStoreThatCannotBeWrittenIsAServerError(t *testing.T) {
	s := serve(t, todostore.Options{Dir: t.TempDir()})
	s.Do(t, http.MethodGet, "/api/todos", s.read, "")
	if err := os.RemoveAll(s.dir); err != nil {
		t.Fatal(err)
	}
	got := s.Do(t, http.MethodDelete, "/api/todos/todo-1", s.write, "")
	if m := members(t, got); got.StatusCode != 500 || m["error"] != "server_error" || strings.Contains(got.Body, s.dir) {
		t.Errorf("%d %s", got.StatusCode, got.Body)
	}
	if got := s.Do(t, http.MethodGet, "/api/todos/todo-1", s.read, ""); got.StatusCode != 200 {
		t.Errorf("reading: %d", got.StatusCode)
	}
}

func TestParallelWritersOverHTTPLoseNothing(t *testing.T) {
	s := serve(t, todostore.Options{Dir: t.TempDir()})
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for range 10 { // all add a tag to the same to-do, by compare and swap
				for {
					now := item(t, s.Do(t, http.MethodGet, "/api/todos/todo-6", s.read, ""))
					tags, err := json.Marshal(append(now.Tags, fmt.Sprint("t", w)))
					if err != nil {
						t.Error(err)
					}
					if s.Do(t, http.MethodPatch, "/api/todos/todo-6", s.write, `{"tags":`+string(tags)+`}`, jsonBody, "If-Match: "+now.ETag).StatusCode == 200 {
						break
					}
				}
			}
		})
	}
	wg.Wait()
	if got := item(t, s.Do(t, http.MethodGet, "/api/todos/todo-6", s.read, "")); len(got.Tags) != 80 {
		t.Errorf("%d tags", len(got.Tags))
	}
}

// In a bubble the handler is called without a listener, and the days of the
// first list are those of the injected clock.
func TestTheHandlerWorksInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, err := todostore.Open(todostore.Options{Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		var tokens resourcetest.Tokens
		h := todoapi.New(todoapi.Options{Origin: "https://api.example", AuthorizationServer: "https://auth.example", Verifier: &tokens, Store: store})
		time.Sleep(48 * time.Hour)
		w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "GET", "https://api.example/api/todos", nil)
		r.Header.Set("Authorization", "Bearer "+tokens.Issue(access.Access{Subject: "a", Audience: "https://api.example", Scopes: []string{"todos.read"}}))
		h.ServeHTTP(w, r)
		l, err := todo.DecodeList(w.Body.Bytes())
		if err != nil {
			t.Fatalf("%d: %v", w.Code, err)
		}
		due := 0
		for _, item := range l.Todos {
			if item.IsDue(todo.DayOf(time.Now())) {
				due++
			}
		}
		if due != 3 {
			t.Errorf("%d are due", due)
		}
	})
}

// Whatever a PATCH says, the answer is one of those that are promised, and the
// to-do stays one.
func FuzzPatchBody(f *testing.F) {
	for _, seed := range []string{`{}`, `{"title":"x"}`, `{"tags":["a",null]}`, `{"dueDate":"9999-12-31T23:59:59Z","priority":"low"}`, `[]`, `{"title":""}`} {
		f.Add([]byte(seed))
	}
	store, err := todostore.Open(todostore.Options{})
	if err != nil {
		f.Fatal(err)
	}
	var tokens resourcetest.Tokens
	h := todoapi.New(todoapi.Options{Origin: "https://api.example", AuthorizationServer: "https://auth.example", Verifier: &tokens, Store: store})
	bearer := "Bearer " + tokens.Issue(access.Access{Subject: "a", Audience: "https://api.example", Scopes: []string{"todos.read", "todos.write"}})
	call := func(t *testing.T, method string, body []byte) *httptest.ResponseRecorder {
		w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), method, "https://api.example/api/todos/todo-1", strings.NewReader(string(body)))
		r.Header.Set("Authorization", bearer)
		r.Header.Set("Content-Type", "application/json")
		h.ServeHTTP(w, r)
		return w
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		switch w := call(t, http.MethodPatch, body); w.Code {
		case 200, 400, 422:
			if !json.Valid(w.Body.Bytes()) {
				t.Errorf("%d %q", w.Code, w.Body)
			}
		default:
			t.Errorf("%d %q", w.Code, w.Body)
		}
		got, err := todo.DecodeItem(call(t, http.MethodGet, nil).Body.Bytes())
		if err != nil || got.ID != "todo-1" || strings.TrimSpace(got.Title) == "" {
			t.Errorf("%+v, %v", got, err)
		}
	})
}
