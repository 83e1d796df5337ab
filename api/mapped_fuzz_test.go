package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"waybill/connection"
	"waybill/fault"
	"waybill/secret"
	"waybill/todo"
	"waybill/transport"
)

// FuzzMapping: whatever a connection says and a server answers, a page is a list
// of to-dos with ids, each once, or a Fault; the next page and each to-do are at
// the resource's origin; and what is written of a to-do that was read is read as
// the same.
func FuzzMapping(f *testing.F) {
	item := `{"id":7,"title":"x","name":"y","done":true,"status":"completed","importance":"high","due":{"date":"2026-11-27"},"due_at":1795795200,"tags":["a"],"labels":[{"name":"b","c":1}],"notes":null}`
	for _, d := range []string{`{"path":"/x"}`, `{"shape":"microsoft-todo","path":"/x"}`, `{"shape":"google-tasks"}`, `{"shape":"todoist"}`, `{"shape":"json-server"}`,
		`{"path":"/x","at":"a.b","id":"/id","title":"t.u","tags":{"path":"labels","as":"objects"},"due":{"path":"due_at","as":"unix"},"priority":{"path":"p","low":1,"high":true},"paging":{"by":"page","parameter":"p"}}`,
		`{"path":"/x?a=b","tags":{"path":"t.s","as":"comma"},"due":{"path":"due.date","as":"date_time","with":{"due.zone":"UTC"}},"paging":{"by":"link"},"update":"PUT","wrap":"w"}`} {
		for _, body := range []string{"[" + item + "]", `{"value":[` + item + `],"@odata.nextLink":"https://api.example/x?2"}`, `{"items":[` + item + `,` + item + `],"nextPageToken":"2"}`,
			`{"a":{"b":[{"id":"..","t":{"u":"x"},"t":1}]}}`, `{"error":"` + fuzzToken + `"}`, `null`, `[null,1,"x",[],{}]`} {
			f.Add([]byte(d), []byte(body), `<https://evil.example/>; rel="next"`)
		}
	}
	network := transport.New(transport.Options{})
	f.Fuzz(func(t *testing.T, description, body []byte, link string) {
		var d connection.Todos
		if json.Unmarshal(description, &d) != nil || d.Validate() != nil {
			return
		}
		c := newMapped(Options{Transport: network, Tokens: &mint{}, Resource: connection.Resource{URL: "https://api.example/v1", Scopes: []string{"s"}, Todos: &d}}).(*mappedClient)
		defer func() { _ = c.Close() }()
		start, err := c.address(c.Path)
		if err != nil || !strings.HasPrefix(start, "https://api.example/v1/") {
			t.Fatalf("%q %v", start, err)
		}
		a := &answer{status: 200, header: http.Header{"Link": {link}}, body: body, token: secret.New(fuzzToken), granted: []string{"s"}}
		p := newPages()
		next, err := c.take(p, a, start)
		if err != nil {
			var fuzzed *fault.Fault
			if !errors.As(err, &fuzzed) {
				t.Fatalf("%v", err)
			}
			checkFuzzed(t, fuzzed)
			return
		}
		if next != "" && !strings.HasPrefix(next, "https://api.example/") {
			t.Errorf("the next page is %q", next)
		}
		seen := map[string]bool{}
		for _, item := range p.list.Todos {
			if item.ID == "" || seen[item.ID] {
				t.Fatalf("id %q twice or empty", item.ID)
			}
			seen[item.ID] = true
			if u, err := c.itemAddress(c.itemPath(), item.ID); err != nil || !strings.HasPrefix(u, "https://api.example/v1/") || strings.Contains(u, "/../") || strings.HasSuffix(u, "/..") {
				t.Errorf("the address of %q is %q, %v", item.ID, u, err)
			}
			c.checkWritten(t, item)
		}
	})
}

// checkWritten writes what the API has a place for and reads it again.
func (c *mappedClient) checkWritten(t *testing.T, item todo.Todo) {
	t.Helper()
	fields := todo.PatchOf(item).Fields()
	kept := fields[:0]
	for _, f := range fields {
		text := c.text(f)
		fits := c.unfit(patchOf(item, f)) == nil && c.place(f) != ""
		if fits && (text == nil || text.Write == "" && text.Clear == nil && len(text.With) == 0) && !(f == todo.FieldCompleted && c.acts()) {
			kept = append(kept, f)
		}
	}
	now := object{}
	now.set(c.ID.Parts(), rawOf(item.ID))
	body := c.body(item, kept, now, true)
	if c.Wrap != "" {
		body = memberOf(body, c.Wrap)
	}
	back, err := c.read(body)
	if err != nil || back.ID != item.ID {
		t.Fatalf("%s: %q is %q, %v", body, item.ID, back.ID, err)
	}
	if _, open := c.doneSent(); open == nil {
		return // read only: what is sent is not known
	}
	for _, f := range kept {
		if !patchOf(item, f).Changes(back.Todo).IsZero() {
			t.Errorf("%s of %+v is read from %s as %+v", f, item, body, back.Todo)
		}
	}
}

func (c *mappedClient) doneSent() (done, open any) {
	if c.Done == nil {
		return true, false
	}
	return c.Done.Sent()
}

// What 10,000 to-dos of another shape cost to read.
func BenchmarkMappedList(b *testing.B) {
	var body strings.Builder
	body.WriteString(`{"value":[`)
	for i := range 10_000 {
		if i > 0 {
			body.WriteString(",")
		}
		body.Write(rawOf(object{"id": rawOf(i), "title": rawOf("an ordinary title of a to-do"), "status": rawOf("notStarted"), "importance": rawOf("high"),
			"body": rawOf(map[string]string{"content": "some words", "contentType": "text"}), "@odata.etag": rawOf(`W/"x"`), "categories": rawOf([]string{"a"})}))
	}
	body.WriteString("]}")
	d := connection.Todos{Shape: "microsoft-todo", Path: "/x"}
	c := &mappedClient{mapping: mapping{d.Filled()}}
	a := &answer{status: 200, header: http.Header{}, body: []byte(body.String())}
	b.SetBytes(int64(len(a.body)))
	for b.Loop() {
		if _, err := c.take(newPages(), a, "https://api.example/x"); err != nil {
			b.Fatal(err)
		}
	}
}
