package todoapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"waybill/playground/internal/resourcetest"
	"waybill/playground/internal/todostore"
)

type object = map[string]any

// described is the API's own document.
type described struct {
	*api
	document object
	seen     map[string]bool // "METHOD path status" that a test brought about
}

func describe(t *testing.T) *described {
	t.Helper()
	d := &described{api: serve(t, todostore.Options{}), seen: map[string]bool{}}
	got := d.Do(t, http.MethodGet, "/openapi.json", d.read, "")
	if got.StatusCode != 200 || got.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("%d %v", got.StatusCode, got.Header)
	}
	d.document = members(t, got)
	return d
}

// follow follows a reference within the document.
func (d *described) follow(v any) object {
	o, _ := v.(object)
	ref, ok := o["$ref"].(string)
	if !ok {
		return o
	}
	var at any = d.document
	for name := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		at = at.(object)[name]
	}
	return d.follow(at)
}

// schema is one of the document's, ready to check values.
func (d *described) schema(t *testing.T, v any) *jsonschema.Resolved {
	t.Helper()
	all := object{"$defs": d.document["components"].(object)["schemas"], "allOf": []any{v}}
	data, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	var s jsonschema.Schema
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(data), "#/components/schemas/", "#/$defs/")), &s); err != nil {
		t.Fatal(err)
	}
	resolved, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	return resolved
}

// operation is what the document says of a method at a path.
func (d *described) operation(t *testing.T, method, template string) object {
	t.Helper()
	item, _ := d.document["paths"].(object)[template].(object)
	o, _ := item[strings.ToLower(method)].(object)
	if o == nil {
		t.Fatalf("%s %s is not in the document", method, template)
	}
	return o
}

// check holds an answer against what the document says of it.
func (d *described) check(t *testing.T, method, template string, got resourcetest.Answer) {
	t.Helper()
	name := fmt.Sprintf("%s %s %d", method, template, got.StatusCode)
	d.seen[name] = true
	response := d.follow(d.operation(t, method, template)["responses"].(object)[fmt.Sprint(got.StatusCode)])
	if response == nil {
		t.Errorf("%s is not in the document: %.200s", name, got.Body)
		return
	}
	for header := range d.follow(response["headers"]) {
		if got.Header.Get(header) == "" {
			t.Errorf("%s: no %s", name, header)
		}
	}
	content, has := response["content"].(object)
	if !has {
		if got.Body != "" {
			t.Errorf("%s: a body: %.200s", name, got.Body)
		}
		return
	}
	media, ok := content[got.Header.Get("Content-Type")].(object)
	if !ok {
		t.Errorf("%s: content of type %q", name, got.Header.Get("Content-Type"))
		return
	}
	if err := d.schema(t, media["schema"]).Validate(members(t, got)); err != nil {
		t.Errorf("%s: %v\n%.300s", name, err, got.Body)
	}
}

// do makes a request and checks its answer.
func (d *described) do(t *testing.T, method, template, id, token, body string, headers ...string) resourcetest.Answer {
	t.Helper()
	got := d.Do(t, method, strings.ReplaceAll(template, "{id}", id), token, body, headers...)
	d.check(t, method, template, got)
	return got
}

const (
	whole   = "/api/todos"
	single  = "/api/todos/{id}"
	inOrder = "/api/todos/completed /api/todos/incomplete /api/todos/stats"
)

// Every answer that the document names, but for those of a broken disk, is
// brought about here and held against it; and what is brought about stands in it.
func TestTheDocumentSaysWhatTheServerDoes(t *testing.T) {
	d := describe(t)
	none := d.Token("alice", "other")
	for _, path := range append([]string{whole}, strings.Fields(inOrder)...) {
		tag := d.do(t, "GET", path, "", d.read, "").Header.Get("ETag")
		d.do(t, "GET", path, "", d.read, "", "If-None-Match: "+tag)
	}
	made := d.do(t, "POST", whole, "", d.write, `{"id":"mine","title":"New","tags":["a"],"priority":"low","dueDate":"2026-12-01T00:00:00Z","description":"D","completed":true}`, jsonBody)
	d.do(t, "POST", whole, "", d.write, `{"id":"mine","title":"New"}`, jsonBody)
	tag := d.do(t, "GET", single, "mine", d.read, "").Header.Get("ETag")
	d.do(t, "GET", single, "mine", d.read, "", "If-None-Match: "+tag)
	if tag != made.Header.Get("ETag") {
		t.Errorf("%s, then %s", made.Header.Get("ETag"), tag)
	}
	for method, path := range map[string]string{"POST": whole, "PATCH": single} {
		d.do(t, method, path, "mine", d.write, strings.Repeat(" ", 2<<20+1), jsonBody)
		d.do(t, method, path, "mine", d.write, `x=y`, "Content-Type: text/plain")
		d.do(t, method, path, "mine", d.write, `{"title":" "}`, jsonBody)
	}
	for _, method := range []string{"GET", "PATCH", "DELETE"} {
		d.do(t, method, single, "nothing", d.write, `{"completed":false}`, jsonBody)
	}
	d.do(t, "PATCH", single, "mine", d.write, `{"completed":false}`, jsonBody, `If-Match: "old"`)
	d.do(t, "DELETE", single, "mine", d.write, "", `If-Match: "old"`)
	d.do(t, "PATCH", single, "mine", d.write, `{"completed":false}`, jsonBody)
	d.do(t, "DELETE", single, "mine", d.write, "")
	d.do(t, "GET", "/openapi.json", "", d.read, "")
	for path, item := range d.document["paths"].(object) {
		for method := range item.(object) {
			if method = strings.ToUpper(method); method == "PARAMETERS" {
				continue
			}
			d.do(t, method, path, "any", "", "{}", jsonBody)
			d.do(t, method, path, "any", none, "{}", jsonBody)
			d.do(t, method, path, "any", d.read, "{}", jsonBody, "Authorization: Bearer another")
		}
	}
	for path, item := range d.document["paths"].(object) {
		for method, o := range item.(object) {
			if method == "parameters" {
				continue
			}
			for status := range o.(object)["responses"].(object) {
				if name := strings.ToUpper(method) + " " + path + " " + status; status != "500" && !d.seen[name] {
					t.Errorf("the document has %s, which was not brought about", name)
				}
			}
		}
	}
}

// The document has all methods of all paths, and no other.
func TestTheDocumentHasEveryEndpoint(t *testing.T) {
	d := describe(t)
	for template, item := range d.document["paths"].(object) {
		allow := d.Do(t, http.MethodOptions, strings.ReplaceAll(template, "{id}", "any"), d.write, "").Header.Get("Allow")
		for method := range strings.SplitSeq(allow, ", ") {
			_, has := item.(object)[strings.ToLower(method)]
			if has == (method == "HEAD" || method == "OPTIONS") {
				t.Errorf("%s %s: allowed %s", method, template, allow)
			}
		}
		for method := range item.(object) {
			if method != "parameters" && !strings.Contains(allow, strings.ToUpper(method)) {
				t.Errorf("%s %s is not allowed", method, template)
			}
		}
	}
	for _, path := range strings.Fields(inOrder + " " + whole + " " + single + " /openapi.json") {
		if d.document["paths"].(object)[path] == nil {
			t.Errorf("%s is not in the document", path)
		}
	}
	if n := len(d.document["paths"].(object)); n != 6 {
		t.Errorf("%d paths", n)
	}
}

// What the document says of scopes is what the server asks for.
func TestTheDocumentNamesTheScopes(t *testing.T) {
	d := describe(t)
	for template, item := range d.document["paths"].(object) {
		for method, o := range item.(object) {
			if method == "parameters" {
				continue
			}
			needs := fmt.Sprint(o.(object)["security"].([]any)[0].(object)["accessToken"])
			got := d.Do(t, strings.ToUpper(method), strings.ReplaceAll(template, "{id}", "any"), d.Token("alice", "todos.read"), "{}", jsonBody)
			if writes := needs == "[todos.read todos.write]"; writes != (got.StatusCode == http.StatusForbidden) || !writes && needs != "[todos.read]" {
				t.Errorf("%s %s says %s: %d", method, template, needs, got.StatusCode)
			}
		}
	}
}

// The bodies that the schemas accept are accepted, the others refused.
func TestTheDocumentsBodiesAreTheServers(t *testing.T) {
	d := describe(t)
	schemas := d.document["components"].(object)["schemas"].(object)
	added := 0
	for _, test := range []struct{ method, path, schema, body string }{
		{"POST", whole, "NewTodo", `{"title":"a"}`},
		{"POST", whole, "NewTodo", `{"title":"a","unknown":{"b":[1]}}`},
		{"POST", whole, "NewTodo", `{"title":" "}`},
		{"POST", whole, "NewTodo", `{}`},
		{"POST", whole, "NewTodo", `{"title":"a","priority":"urgent"}`},
		{"POST", whole, "NewTodo", `{"title":"a","tags":[" "]}`},
		{"POST", whole, "NewTodo", `{"title":"a","id":"a/b"}`},
		{"PATCH", single, "Patch", `{"title":"b"}`},
		{"PATCH", single, "Patch", `{"title":""}`},
		{"PATCH", single, "Patch", `{"title":null}`},
		{"PATCH", single, "Patch", `{"description":null,"priority":null,"tags":null,"dueDate":null,"completed":null}`},
		{"PATCH", single, "Patch", `{"priority":"none of these"}`},
		{"PATCH", single, "Patch", `{"tags":["a"]}`},
		{"PATCH", single, "Patch", `{"tags":[1]}`},
		{"PATCH", single, "Patch", `{"completed":"yes"}`},
	} {
		added++
		id := fmt.Sprintf("t%d", added)
		d.Do(t, http.MethodPost, whole, d.write, `{"id":"`+id+`","title":"x"}`, jsonBody)
		var body any
		if err := json.Unmarshal([]byte(test.body), &body); err != nil {
			t.Fatal(err)
		}
		says := d.schema(t, schemas[test.schema]).Validate(body) == nil
		if got := d.do(t, test.method, test.path, id, d.write, test.body, jsonBody); says != (got.StatusCode < 300) {
			t.Errorf("%s %s: the schema accepts it: %t, the server: %d %s", test.method, test.body, says, got.StatusCode, got.Body)
		}
	}
	for path, method := range map[string]string{whole: "post", single: "patch"} {
		media := d.operation(t, method, path)["requestBody"].(object)["content"].(object)["application/json"].(object)
		example, err := json.Marshal(media["example"])
		if err != nil {
			t.Fatal(err)
		}
		if got := d.do(t, strings.ToUpper(method), path, "t1", d.write, string(example), jsonBody); got.StatusCode >= 300 {
			t.Errorf("the example of %s: %d %s", path, got.StatusCode, got.Body)
		}
	}
}
