package connection_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"waybill/connection"
	"waybill/fault"
)

// described is a connection to an API that says everything there is to say.
const described = `{"name": "my-org",
 "idp": {"issuer": "https://idp.example/", "client_id": "client_1"},
 "resource": {"kind": "rest", "url": "https://api.example/v1", "client_id": "c", "scopes": ["tasks"],
  "todos": {"path": "/lists/7/tasks?all=true", "at": "/page/items", "open_only": false, "sparse": true,
   "paging": {"by": "page", "parameter": "page", "first": 0, "total": "page.total"},
   "item": "/tasks/{id}.json", "item_at": "task", "wrap": "task", "id": "uid", "title": "name",
   "description": {"path": "body.text", "with": {"body.type": "text"}, "clear": "-"},
   "done": {"path": "state", "values": ["closed", 2, true], "done": 2, "open": 1},
   "priority": {"path": "rank", "none": 0, "low": 1, "high": "top"},
   "tags": {"path": "labels", "as": "objects", "name": "title"},
   "due": {"path": "due.date", "write": "due_date", "as": "date", "days": true, "clear": "no date", "clear_at": "due_string"},
   "deleted": "trashed", "updated": "changed", "etag": "/@etag", "new": {"project": {"id": 3}},
   "create": "POST", "update": "PATCH", "delete": "DELETE", "write_scope": "tasks.write", "if_match": true,
   "key_header": "Idempotency-Key", "headers": {"X-Version": "2026-11-01", "Content-Type": "application/merge-patch+json"}}}}`

func TestTodosAreReadAndWrittenAsTheyAre(t *testing.T) {
	c, _, err := connection.Parse([]byte(described), environment())
	if err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	back, _, err := connection.Parse(out, environment())
	if err != nil || !reflect.DeepEqual(back, c) {
		t.Errorf("does not read back: %v\n%s", err, out)
	}
	if d := c.Resource.Todos; d.Due.Write != "due_date" || *d.Paging.First != 0 || d.Priority.High != "top" || d.New["project"] == nil {
		t.Errorf("%+v", d)
	}
}

// mistakes are made by replacing a part of the description.
var mistakes = []struct{ old, new, says string }{
	{`"kind": "rest"`, `"kind": "mcp"`, `"resource.todos" is for REST`},
	{`"sparse": true`, `"shape": "outlook"`, `"resource.todos.shape"`},
	{`"sparse": true`, `"spars": true`, "spars"},
	{`"at": "/page/items"`, `"at": 7`, `"resource.todos.at"`},
	{`"path": "rank"`, `"path": 7`, `"resource.todos.priority.path"`},
	{`"path": "/lists/7/tasks?all=true", `, ``, `lacks "resource.todos.path"`},
	{`/lists/7/tasks?all=true`, `/lists/{list}/tasks`, `"resource.todos.path" holds a place in braces`},
	{`/lists/7/tasks?all=true`, `/lists/{id}/tasks`, `"resource.todos.path" holds {id}`},
	{`/lists/7/tasks?all=true`, `lists`, "begin with one slash"},
	{`/lists/7/tasks?all=true`, `//evil.example/x`, "begin with one slash"},
	{`/lists/7/tasks?all=true`, `https://evil.example/x`, "begin with one slash"},
	{`/lists/7/tasks?all=true`, `@evil.example/x`, "begin with one slash"},
	{`/lists/7/tasks?all=true`, `/../../x`, "goes up"},
	{`/lists/7/tasks?all=true`, `/a/%2e%2E/x`, "goes up"},
	{`/lists/7/tasks?all=true`, `/a\\b`, "character"},
	{`/lists/7/tasks?all=true`, `/a b`, "character"},
	{`/lists/7/tasks?all=true`, `/a#b`, "character"},
	{`/lists/7/tasks?all=true`, `/` + strings.Repeat("x", 5000), "too long"},
	{`/lists/7/tasks?all=true`, `/a%zz`, "is no path"},
	{`/tasks/{id}.json`, `/tasks`, `"resource.todos.item" does not hold {id}`},
	{`/tasks/{id}.json`, `/tasks/{id}/{id}`, `"resource.todos.item" does not hold {id} exactly once`},
	{`"/page/items"`, `"a.b.c.d.e.f.g.h.i"`, `"resource.todos.at" goes through`},
	{`"/page/items"`, `"a..b"`, "empty name"},
	{`"/page/items"`, `"a\u202eb"`, "cannot be seen"},
	{`"title": "name"`, `"title": "state.x"`, "the same place as title"},
	{`"wrap": "task"`, `"wrap": "a/b"`, `"resource.todos.wrap"`},
	{`"with": {"body.type": "text"}`, `"with": {"body.type": ["text"]}`, `"resource.todos.description.with"`},
	{`"with": {"body.type": "text"}`, `"with": {"": "text"}`, `"resource.todos.description.with"`},
	{`"clear": "-"`, `"clear": {}`, `"resource.todos.description.clear"`},
	{`"open": 1`, `"open": true`, `"resource.todos.done.open" is among`},
	{`"done": 2, "open": 1`, `"done": 2`, `"resource.todos.done.open" is missing`},
	{`"done": 2, "open": 1`, `"done": 3, "open": 1`, `"resource.todos.done.done" is not among`},
	{`"values": ["closed", 2, true]`, `"values": [["closed"]]`, `"resource.todos.done" holds`},
	{`"done": 2, "open": 1`, `"close": "/tasks/{id}/close"`, `"resource.todos.done" has one of`},
	{`"done": 2, "open": 1`, `"close": "/close", "reopen": "/tasks/{id}/open"`, `"resource.todos.done.close" does not hold`},
	{`"low": 1`, `"low": 0`, `"resource.todos.priority" has a value twice`},
	{`"none": 0, "low": 1, "high": "top"`, `"none": 0`, `"resource.todos.priority" has no value`},
	{`"as": "objects"`, `"as": "list"`, `"resource.todos.tags.as"`},
	{`"as": "date"`, `"as": "cet"`, `"resource.todos.due.as"`},
	{`"by": "page"`, `"by": "guess"`, `"resource.todos.paging.by"`},
	{`"by": "page", "parameter": "page"`, `"by": "offset"`, `"resource.todos.paging.parameter" is missing`},
	{`"by": "page", "parameter": "page"`, `"by": "next"`, `"resource.todos.paging.at" is missing`},
	{`"first": 0`, `"first": 2`, `"resource.todos.paging.first"`},
	{`"create": "POST"`, `"create": "TRACE"`, `"resource.todos.create"`},
	{`"update": "PATCH"`, `"update": "DELETE"`, `"resource.todos.update"`},
	{`"delete": "DELETE"`, `"delete": "POST"`, `"resource.todos.delete"`},
	{`"write_scope": "tasks.write"`, `"write_scope": "a b"`, `"resource.todos.write_scope"`},
	{`"sparse": true`, `"read_only": "a\u0007b"`, `"resource.todos.read_only"`},
	{`"X-Version"`, `"Authorization"`, "looks like a credential"},
	{`"X-Version"`, `"x-api-key"`, "looks like a credential"},
	{`"X-Version"`, `"Ocp-Apim-Subscription-Key"`, "looks like a credential"},
	{`"X-Version"`, `"Cookie"`, "looks like a credential"},
	{`"X-Version"`, `"Proxy-Authorization"`, "looks like a credential"},
	{`"X-Version"`, `"Host"`, "which Waybill sets itself"},
	{`"X-Version"`, `"X-Forwarded-Host"`, "which Waybill sets itself"},
	{`"X-Version"`, `"X-HTTP-Method-Override"`, "which Waybill sets itself"},
	{`"X-Version"`, `"Transfer-Encoding"`, "which Waybill sets itself"},
	{`"X-Version"`, `"Idempotency-Key"`, "looks like a credential"},
	{`"X-Version"`, `"X Version"`, "no name of a header"},
	{`"2026-11-01"`, `"a\r\nHost: b"`, "no plain text"},
	{`application/merge-patch+json`, `text/html`, "something else than JSON"},
	{`"key_header": "Idempotency-Key"`, `"key_header": "Authorization"`, `"resource.todos.key_header"`},
	{`"key_header": "Idempotency-Key"`, `"key_header": "Host"`, `"resource.todos.key_header"`},
}

// Each mistake is a Fault that names its member.
func TestTodosMistakesAreNamed(t *testing.T) {
	for _, c := range mistakes {
		changed := strings.Replace(described, c.old, c.new, 1)
		if changed == described {
			t.Fatalf("%s is not in the file", c.old)
		}
		_, _, err := connection.Parse([]byte(changed), environment())
		if f := fault.As(err); err == nil || f.Kind != fault.Config || !strings.Contains(f.Error(), c.says) {
			t.Errorf("%s -> %.80s: %v", c.old, c.new, err)
		}
	}
}

// A shape needs a path at most, and what is given beside it counts before it.
func TestEveryShapeIsComplete(t *testing.T) {
	if got := connection.Shapes(); !slices.Equal(got, []string{"google-tasks", "json-server", "microsoft-todo", "todoist"}) {
		t.Fatalf("%v", got)
	}
	for _, name := range connection.Shapes() {
		own := connection.Todos{Shape: name, Path: "/mine", Title: "summary", Paging: &connection.Paging{By: connection.PageLink}}
		if err := own.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := own.Filled(); got.Path != "/mine" || got.Title != "summary" || got.Paging.By != connection.PageLink || got.ID != "id" || got.Create != "POST" || got.Done == nil {
			t.Errorf("%s: %+v", name, got)
		}
		if once := own.Filled(); !reflect.DeepEqual(once.Filled(), once) {
			t.Errorf("%s: filled twice is another", name)
		}
	}
	if err := (connection.Todos{Shape: "microsoft-todo"}).Validate(); err == nil || !strings.Contains(err.Error(), "resource.todos.path") {
		t.Errorf("a list of Microsoft To Do without its path: %v", err)
	}
}

func TestPathsAreDottedOrPointers(t *testing.T) {
	for path, want := range map[connection.Path][]string{
		"": nil, "a": {"a"}, "a.b": {"a", "b"}, "/a/b": {"a", "b"}, "/@odata.nextLink": {"@odata.nextLink"}, "/a~1b/m~0n": {"a/b", "m~n"}, "/~01": {"~1"},
	} {
		if got := path.Parts(); !slices.Equal(got, want) {
			t.Errorf("%q: %q", path, got)
		}
	}
	for _, name := range []string{"plain", "@odata.etag", "a/b", "~1", "~"} {
		if got := connection.Member(name).Parts(); !slices.Equal(got, []string{name}) {
			t.Errorf("%q: %q", name, got)
		}
	}
}

// FuzzTodos: a description that Validate accepts names no place but one below
// the resource, and reads back as it was written.
func FuzzTodos(f *testing.F) {
	var file struct {
		Resource struct{ Todos json.RawMessage }
	}
	if err := json.Unmarshal([]byte(described), &file); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(file.Resource.Todos))
	for _, name := range connection.Shapes() {
		f.Add(fmt.Appendf(nil, `{"shape":%q,"path":"/x"}`, name))
	}
	f.Add([]byte(`{"path":"//x","headers":{"Authorization":"x"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var d connection.Todos
		if json.Unmarshal(data, &d) != nil {
			return
		}
		err := d.Validate()
		if err != nil {
			if f := fault.As(err); f.Kind != fault.Config || f.Message != fault.Clean(f.Message, 4096) {
				t.Errorf("%+v", f)
			}
			return
		}
		filled := d.Filled()
		for _, path := range []string{filled.Path, filled.Item} {
			if path != "" && (path[0] != '/' || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\# \n")) {
				t.Errorf("the path %q", path)
			}
		}
		for name := range filled.Headers {
			if strings.EqualFold(name, "authorization") || strings.EqualFold(name, "host") {
				t.Errorf("the header %q", name)
			}
		}
		out, err := json.Marshal(d)
		var back connection.Todos
		if err != nil || json.Unmarshal(out, &back) != nil || back.Validate() != nil {
			t.Errorf("%s does not read back: %v", out, err)
		}
	})
}
