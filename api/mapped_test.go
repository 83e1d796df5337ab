package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"waybill/connection"
	"waybill/fault"
	"waybill/todo"
)

// tasks describes a simple API.
func tasks() connection.Todos {
	return connection.Todos{
		Path: "/tasks", At: "items", Title: "name", Description: &connection.TodoText{Path: "text"}, Done: &connection.TodoDone{Path: "done"},
		Priority: &connection.TodoPriority{TodoText: connection.TodoText{Path: "rank"}, Low: 1.0, Medium: 2.0, High: 3.0},
		Tags:     &connection.TodoTags{TodoText: connection.TodoText{Path: "tags"}}, Due: &connection.TodoDue{TodoText: connection.TodoText{Path: "due"}},
		Create: "POST", Update: "PATCH", Delete: "DELETE",
	}
}

// mapped returns a client of the peer's API as d describes it.
func (p *peer) mapped(t *testing.T, d connection.Todos) Client {
	t.Helper()
	if err := d.Validate(); err != nil {
		t.Fatal(err)
	}
	c := NewREST(Options{Transport: p.client, Tokens: p.mint,
		Resource: connection.Resource{Kind: connection.REST, URL: p.URL + "/v1/?ignored", Scopes: []string{"tasks"}, Todos: &d}})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func with(change func(*connection.Todos)) connection.Todos {
	d := tasks()
	change(&d)
	return d
}

func TestMapped_AnItemIsReadAsItIsDescribed(t *testing.T) {
	due := time.Date(2026, 11, 27, 16, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		d    connection.Todos
		item string
		want todo.Todo
	}{
		"all": {tasks(), `{"id":7,"name":"Milk","text":"two","done":true,"rank":3,"tags":["a"],"due":"2026-11-27T17:00:00+01:00"}`,
			todo.Todo{ID: "7", Title: "Milk", Description: "two", Completed: true, Priority: todo.High, Tags: []string{"a"}, Due: due}},
		"null":           {tasks(), `{"id":"7","name":null,"text":null,"done":null,"rank":null,"tags":null,"due":null}`, todo.Todo{ID: "7"}},
		"not understood": {tasks(), `{"id":"7","name":"x","text":[1],"done":"perhaps","rank":9,"tags":["a",1],"due":"soon"}`, todo.Todo{ID: "7", Title: "x"}},
		"nested": {with(func(d *connection.Todos) {
			d.ID, d.Title, d.Done.Path, d.Done.Values, d.Done.Open = "/meta/@id", "fields.title", "state.name", []any{"Done", 2.0}, "Open"
			d.Due.Path, d.Due.Days = "due.at", true
		}), `{"meta":{"@id":"x/7"},"fields":{"title":"T"},"state":{"name":2},"due":{"at":"2026-11-27T23:59:59-08:00"}}`,
			todo.Todo{ID: "x/7", Title: "T", Completed: true, Due: due.Truncate(24 * time.Hour)}},
		"objects": {with(func(d *connection.Todos) {
			d.Tags.As, d.Tags.Name, d.Due.As = connection.TagObjects, "label", connection.DueUnix
		}),
			fmt.Sprintf(`{"id":"7","tags":[{"label":"a","id":1},{"label":"b"}],"due":%d}`, due.Unix()), todo.Todo{ID: "7", Tags: []string{"a", "b"}, Due: due}},
		"comma": {with(func(d *connection.Todos) { d.Tags.As, d.Due.As = connection.TagComma, connection.DueLocal }),
			`{"id":"7","tags":" a, b,,","due":"2026-11-27T16:00:00.0000000"}`, todo.Todo{ID: "7", Tags: []string{"a", "b"}, Due: due}},
		"date":             {with(func(d *connection.Todos) { d.Due.As = connection.DueDate }), `{"id":"7","due":"2026-11-27"}`, todo.Todo{ID: "7", Due: due.Truncate(24 * time.Hour)}},
		"text for numbers": {with(func(d *connection.Todos) { d.Priority.High = "p1" }), `{"id":"7","rank":"p1"}`, todo.Todo{ID: "7", Priority: todo.High}},
	} {
		r, err := mapping{c.d.Filled()}.read([]byte(c.item))
		if err != nil || r.ID != c.want.ID || !todo.SameContent(r.Todo, c.want) {
			t.Errorf("%s: %+v %v", name, r.Todo, err)
		}
	}
}

// Members that are not known, or not understood, are kept as they came.
func TestMapped_UnknownMembersAreKept(t *testing.T) {
	d := with(func(d *connection.Todos) { d.Due.Path, d.ETag = "due.at", "_etag" })
	r, err := mapping{d.Filled()}.read([]byte(`{"id":12345678901234567890,"name":"x","rank":9,"done":true,"due":{"at":"2026-01-01","zone":"CET"},"_etag":"\"1\"","a<b":{"c": 1e3}}`))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for name, value := range r.Extra {
		got[name] = string(value)
	}
	want := `map[a<b:{"c": 1e3} due:{"at":"2026-01-01","zone":"CET"} id:12345678901234567890 rank:9]`
	if fmt.Sprint(got) != want || r.ETag != `"1"` || r.ID != "12345678901234567890" {
		t.Errorf("%v\n%s", got, want)
	}
}

func TestMapped_TheFirstListingNamesWhatIsWrong(t *testing.T) {
	for body, says := range map[string]string{
		`{"value":[]}`: "There is no array of to-dos at “items” in the answer.", `{"items":{}}`: "There is no array of to-dos at “items” in the answer.",
		`[]`: "There is no array of to-dos at “items” in the answer.", `{"items":[{"uid":1,"name":"x"},7]}`: "No to-do in the answer has an id at “id”.",
		`{"items":[{"id":1,"title":"x"}]}`: "No to-do in the answer has a title at “name”.", `{"error":"nope nope"}`: "The to-do service answered with an error.",
		`not JSON`: "The to-do service gave an answer that cannot be read.",
	} {
		p := newPeer(t, nil, sends(200, jsonType, body))
		_, err := p.mapped(t, tasks()).List(t.Context(), "")
		var f *fault.Fault
		if !errors.As(err, &f) || f.Message != says {
			t.Errorf("%s: %v", body, err)
			continue
		}
		checkFault(t, f)
	}
	p := newPeer(t, nil, sends(200, jsonType, `[]`))
	_, err := p.mapped(t, with(func(d *connection.Todos) { d.At, d.Title = "", "" })).List(t.Context(), "")
	if err != nil {
		t.Error(err)
	}
	for _, body := range []string{`[]`, `{"error":"x"}`, `7`} {
		p := newPeer(t, nil, sends(200, jsonType, body))
		if l, err := p.mapped(t, with(func(d *connection.Todos) { d.Sparse = true })).List(t.Context(), ""); err == nil {
			t.Errorf("%s is an empty list: %+v", body, l)
		}
	}
}

// pagesOf answers with pages of a list of n, as the way of paging wants it.
func pagesOf(t *testing.T, n, size int, by string, change func(r *http.Request, page map[string]any, h http.Header)) *peer {
	var p *peer
	p = newPeer(t, nil, func(w http.ResponseWriter, r *http.Request) {
		var from int
		q := r.URL.Query()
		_, _ = fmt.Sscan(q.Get("from"), &from)
		if by == connection.PageNumber {
			from = (from - 1) * size
		}
		var items []map[string]any
		for i := from; i < min(from+size, n); i++ {
			items = append(items, map[string]any{"id": i, "name": fmt.Sprint("item ", i)})
		}
		page := map[string]any{"items": items, "total": n}
		if items == nil {
			page["items"] = []any{}
		}
		if next := from + size; next < n {
			page["token"] = fmt.Sprint(next)
			page["next"] = fmt.Sprintf("/v1/tasks?from=%d", next)
			w.Header().Set("Link", fmt.Sprintf(`<%s/x>; rel="prev", <?from=%d>; title="a"; rel="last next"`, p.URL, next))
		}
		if change != nil {
			change(r, page, w.Header())
		}
		w.Header().Set("Content-Type", jsonType)
		_ = json.NewEncoder(w).Encode(page)
	})
	return p
}

func paging(by string) connection.Todos {
	return with(func(d *connection.Todos) {
		d.Path += "?q=a%26b"
		d.Paging = map[string]*connection.Paging{
			connection.PageNext: {By: by, At: "next"}, connection.PageLink: {By: by}, connection.PageToken: {By: by, At: "token", Parameter: "from"},
			connection.PageNumber: {By: by, Parameter: "from", Total: "total"}, connection.PageOffset: {By: by, Parameter: "from", Total: "total"},
		}[by]
	})
}

var ways = []string{connection.PageNext, connection.PageLink, connection.PageToken, connection.PageNumber, connection.PageOffset}

func TestMapped_EveryWayOfPaging(t *testing.T) {
	for _, by := range ways {
		for _, n := range []int{0, 3, 4, 11} {
			p := pagesOf(t, n, 4, by, nil)
			c := p.mapped(t, paging(by))
			l, err := c.List(t.Context(), "")
			if err != nil || len(l.Todos) != n || !l.Complete {
				t.Errorf("%s of %d: %d, complete %v, %v", by, n, len(l.Todos), l.Complete, err)
			}
			if by != connection.PageNext && by != connection.PageLink {
				for _, r := range p.requests() {
					if !strings.Contains(r.uri, "q=a%26b") {
						t.Errorf("%s lost the query: %s", by, r.uri)
					}
				}
			}
			if again, err := c.List(t.Context(), l.ETag); err != nil || !again.NotModified {
				t.Errorf("%s of %d: the same list is another: %v", by, n, err)
			}
		}
	}
}

// What speaks against a list being whole is heeded (R34).
func TestR34_Mapped_AListThatMayNotBeWholeSaysSo(t *testing.T) {
	second := func(r *http.Request) bool { return r.URL.Query().Get("from") != "" && r.URL.Query().Get("from") != "1" }
	one := []map[string]any{{"id": 0, "name": "again"}}
	for name, c := range map[string]struct {
		by     string
		change func(r *http.Request, page map[string]any, h http.Header)
		least  int
	}{
		"next on another host": {connection.PageNext, func(_ *http.Request, page map[string]any, _ http.Header) {
			page["next"] = "https://evil.example/v1/tasks"
		}, 4},
		"next without a scheme": {connection.PageNext, func(_ *http.Request, page map[string]any, _ http.Header) { page["next"] = "//evil.example/tasks" }, 4},
		"next with a user":      {connection.PageNext, func(_ *http.Request, page map[string]any, _ http.Header) { page["next"] = "http://a@127.0.0.1/tasks" }, 4},
		"next is a number":      {connection.PageNext, func(_ *http.Request, page map[string]any, _ http.Header) { page["next"] = true }, 4},
		"next is long": {connection.PageNext, func(_ *http.Request, page map[string]any, _ http.Header) {
			page["next"] = "/" + strings.Repeat("x", 1e5)
		}, 4},
		"next is itself": {connection.PageNext, func(_ *http.Request, page map[string]any, _ http.Header) { page["next"] = "/v1/tasks?q=a%26b" }, 4},
		"token for ever": {connection.PageToken, func(_ *http.Request, page map[string]any, _ http.Header) { page["token"] = "4" }, 4},
		"link elsewhere": {connection.PageLink, func(_ *http.Request, _ map[string]any, h http.Header) {
			h.Set("Link", "<https://evil.example/>; rel=next")
		}, 4},
		"an item twice": {connection.PageToken, func(r *http.Request, page map[string]any, _ http.Header) {
			if second(r) {
				page["items"] = one
			}
		}, 4},
		"an item without id": {connection.PageToken, func(r *http.Request, page map[string]any, _ http.Header) {
			if !second(r) {
				page["items"] = []map[string]any{{"id": 0, "name": "a"}, {"name": "b"}}
			}
		}, 1},
		"another total": {connection.PageOffset, func(r *http.Request, page map[string]any, _ http.Header) {
			if second(r) {
				page["total"] = 12
			}
		}, 11},
		"no total":              {connection.PageNumber, func(_ *http.Request, page map[string]any, _ http.Header) { delete(page, "total") }, 11},
		"the number is ignored": {connection.PageNumber, func(_ *http.Request, page map[string]any, _ http.Header) { page["items"] = one; page["total"] = 5 }, 1},
	} {
		p := pagesOf(t, 11, 4, c.by, c.change)
		l, err := p.mapped(t, paging(c.by)).List(t.Context(), "")
		if err != nil || l.Complete || len(l.Todos) < c.least {
			t.Errorf("%s: complete %v, %d, %v", name, l.Complete, len(l.Todos), err)
		}
	}
	for name, body := range map[string]string{"cursor": `{"items":[],"nextCursor":"x"}`, "odata": `{"items":[],"@odata.nextLink":"x"}`, "more": `{"items":[],"has_more":true}`} {
		p := newPeer(t, nil, sends(200, jsonType, body))
		if l, err := p.mapped(t, tasks()).List(t.Context(), ""); err != nil || l.Complete {
			t.Errorf("%s without paging: complete, %v", name, err)
		}
	}
}

// Pages by number or offset, without a number of all: one page may be the whole
// list, several may have missed what moved between them.
func TestR34_Mapped_SeveralPagesWithoutATotalMayLackSome(t *testing.T) {
	for _, by := range []string{connection.PageNumber, connection.PageOffset} {
		for n, whole := range map[int]bool{0: true, 3: true, 4: true, 5: false, 11: false} {
			d := paging(by)
			d.Paging.Total = ""
			p := pagesOf(t, n, 4, by, nil)
			l, err := p.mapped(t, d).List(t.Context(), "")
			if err != nil || len(l.Todos) != n || l.Complete != whole {
				t.Errorf("%s of %d: %d, complete %v, %v", by, n, len(l.Todos), l.Complete, err)
			}
		}
	}
}

// What is only marked as deleted is not there.
func TestMapped_WhatIsMarkedAsDeletedIsNotThere(t *testing.T) {
	d := with(func(d *connection.Todos) { d.Deleted = "gone" })
	p := newPeer(t, nil, func(w http.ResponseWriter, r *http.Request) {
		body := `{"id":2,"name":"b","gone":true}`
		if strings.HasSuffix(r.URL.Path, "/tasks") {
			body = `{"items":[{"id":1,"name":"a","gone":false},` + body + `]}`
		}
		sends(200, jsonType, body)(w, r)
	})
	c := p.mapped(t, d)
	l, err := c.List(t.Context(), "")
	if err != nil || len(l.Todos) != 1 || l.Todos[0].ID != "1" || !l.Complete {
		t.Errorf("%+v %v", l, err)
	}
	_, err = c.Get(t.Context(), "2")
	wantFault(t, err, fault.NotFound)
	title := "x"
	_, err = c.Update(t.Context(), "2", todo.Patch{Title: &title}, "content:x")
	wantFault(t, err, fault.NotFound)
	if err := c.Delete(t.Context(), "2", "content:x"); err != nil {
		t.Error(err)
	}
}

// Where the list leaves out what is done, a to-do that is completed and then not
// there any more is as it was wanted; one that is edited is not.
func TestMapped_WhatIsDoneMayNotBeThereAnyMore(t *testing.T) {
	there := true
	p := newPeer(t, nil, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !there:
			w.WriteHeader(404)
		case strings.HasSuffix(r.URL.Path, "/close"):
			there = false
			w.WriteHeader(204)
		default:
			sends(200, jsonType, `{"id":"7","name":"Milk","done":false,"text":"","rank":null,"tags":[],"due":null}`)(w, r)
		}
	})
	c := p.mapped(t, with(func(d *connection.Todos) {
		d.OpenOnly, d.Done.Close, d.Done.Reopen = true, "/tasks/{id}/close", "/tasks/{id}/reopen"
	}))
	now, err := c.Get(t.Context(), "7")
	if err != nil {
		t.Fatal(err)
	}
	yes, title := true, "Oat milk"
	for range 2 { // the second one is repeated, since an answer was lost
		if got, err := c.Update(t.Context(), "7", todo.Patch{Completed: &yes, Title: &title}, now.ETag); err != nil || got.ID != "" {
			t.Errorf("%+v %v", got, err)
		}
	}
	_, err = c.Update(t.Context(), "7", todo.Patch{Title: &title}, now.ETag)
	wantFault(t, err, fault.NotFound)
}

// A page that cannot be had is an error, not a shorter list.
func TestR34_Mapped_AMissingPageIsAnError(t *testing.T) {
	for _, by := range ways {
		p := pagesOf(t, 11, 4, by, func(r *http.Request, page map[string]any, _ http.Header) {
			if from := r.URL.Query().Get("from"); from != "" && from != "1" {
				panic(http.ErrAbortHandler)
			}
		})
		if l, err := p.mapped(t, paging(by)).List(t.Context(), ""); !fault.Is(err, fault.Offline) || l.Todos != nil {
			t.Errorf("%s: %d, %v", by, len(l.Todos), err)
		}
	}
}

// S59, S62: whatever an id or an answer holds, everything goes to the origin of
// the resource, below its base, and with no other header than is allowed.
func TestMapped_NothingLeavesTheOrigin(t *testing.T) {
	elsewhere := newPeer(t, nil, func(w http.ResponseWriter, r *http.Request) { t.Errorf("sent elsewhere: %s", r.URL) })
	p := newPeer(t, nil, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", elsewhere.URL+"/tasks/9")
		w.Header().Set("Content-Type", jsonType)
		_, _ = fmt.Fprintf(w, `{"next":%q}`, elsewhere.URL)
	})
	d := paging(connection.PageNext)
	d.Done.Close, d.Done.Reopen, d.Headers = "/tasks/{id}/close", "/open?task={id}", map[string]string{"X-Version": "1"}
	c := p.mapped(t, d)
	yes, no := true, false
	for _, id := range []string{"..", ".", "../../x", "a/b", "?x=1", "#f", "@evil.example", "//evil.example", "\r\nHost: evil", "http://evil.example", "%2e%2e", "ü", ""} {
		_, _ = c.Get(t.Context(), id)
		_, _ = c.Update(t.Context(), id, todo.Patch{Completed: &yes}, "")
		_, _ = c.Update(t.Context(), id, todo.Patch{Completed: &no}, "")
		_ = c.Delete(t.Context(), id, "")
	}
	_, _ = c.List(t.Context(), "")
	_, _ = c.Create(t.Context(), todo.Todo{Title: "x"}, "key")
	seen := p.requests()
	if len(seen) < 40 {
		t.Fatalf("%d requests", len(seen))
	}
	for _, r := range seen {
		path, query, _ := strings.Cut(r.uri, "?")
		parts := strings.Split(strings.TrimPrefix(path, "/v1/"), "/")
		if !strings.HasPrefix(path, "/v1/") || slices.Contains(parts, "..") || slices.Contains(parts, ".") || len(parts) > 3 || strings.Count(query, "=") > 1 {
			t.Errorf("%s %s", r.method, r.uri)
		}
		if !strings.HasPrefix(r.header.Get("Authorization"), "Bearer canary") || r.header.Get("X-Version") != "1" || r.header.Get("Idempotency-Key") != "" {
			t.Errorf("%s: %v", r.uri, r.header)
		}
	}
}

// A description that was not validated is not used either.
func TestMapped_AWrongDescriptionSendsNothing(t *testing.T) {
	p := newPeer(t, nil, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("sent: %s", r.URL) })
	for _, d := range []connection.Todos{{Path: "//evil.example/"}, {Path: "/x", Headers: map[string]string{"Authorization": "x"}}, {}} {
		c := NewREST(Options{Transport: p.client, Tokens: p.mint, Resource: connection.Resource{Kind: connection.REST, URL: p.URL, Todos: &d}})
		_, err := c.List(t.Context(), "")
		wantFault(t, err, fault.Config)
		_, err = c.Get(t.Context(), "1")
		wantFault(t, err, fault.Config)
		_, err = c.Create(t.Context(), todo.Todo{Title: "x"}, "")
		wantFault(t, err, fault.Config)
		_, err = c.Update(t.Context(), "1", todo.Patch{}, "")
		wantFault(t, err, fault.Config)
		wantFault(t, c.Delete(t.Context(), "1", ""), fault.Config)
		_, err = c.Capabilities(t.Context())
		wantFault(t, err, fault.Config)
		_ = c.Close()
	}
}

// item answers like a server of one to-do, and counts its versions.
func item(t *testing.T, body *string, status int) *peer {
	return newPeer(t, nil, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", jsonType)
		if r.Method != http.MethodGet {
			w.WriteHeader(status)
			return
		}
		_, _ = io.WriteString(w, *body)
	})
}

// R31: without entity tags, a change that others made since is a conflict all
// the same, and nothing is sent.
func TestR31_Mapped_WithoutTagsAChangeByOthersIsAConflict(t *testing.T) {
	body := `{"id":"7","name":"Milk","text":"two","other":1}`
	p := item(t, &body, 204)
	c := p.mapped(t, tasks())
	now, err := c.Get(t.Context(), "7")
	if err != nil || now.ETag == "" {
		t.Fatalf("%+v %v", now, err)
	}
	title := "Oat milk"
	body = `{"id":"7","name":"Milk","text":"two","other":2}` // nothing that can be seen here
	if _, err := c.Update(t.Context(), "7", todo.Patch{Title: &title}, now.ETag); err != nil {
		t.Fatal(err)
	}
	body = `{"id":"7","name":"Milk","text":"three"}`
	before := len(p.requests())
	_, err = c.Update(t.Context(), "7", todo.Patch{Title: &title}, now.ETag)
	wantFault(t, err, fault.Conflict)
	var conflict *ConflictError
	if !errors.As(err, &conflict) || conflict.Current.Description != "three" || conflict.Current.ID != "7" {
		t.Errorf("%+v", conflict)
	}
	wantFault(t, c.Delete(t.Context(), "7", now.ETag), fault.Conflict)
	for _, r := range p.requests()[before:] {
		if r.method != "GET" {
			t.Errorf("%s was sent", r.method)
		}
	}
	if err := c.Delete(t.Context(), "7", conflict.Current.ETag); err != nil {
		t.Error(err)
	}
	for _, r := range p.requests() {
		if r.header.Get("If-Match") != "" {
			t.Errorf("If-Match %s to a server that is not known to heed it", r.header.Get("If-Match"))
		}
	}
}

// If-Match is sent where the API heeds it: with the tag that the edit was made
// on, or with that of the to-do as it was read just before.
func TestMapped_IfMatchWhereItIsHeeded(t *testing.T) {
	title, nested := "Oat milk", with(func(d *connection.Todos) { d.IfMatch, d.Title, d.ETag = true, "fields.name", "_etag" })
	for name, c := range map[string]struct {
		d       connection.Todos
		body    string
		version func(now todo.Todo) string
		want    []string // method and If-Match of each request of the update
	}{
		"the edit's": {with(func(d *connection.Todos) { d.IfMatch, d.ETag = true, "_etag" }), `{"id":"7","name":"Milk","_etag":"\"1\""}`,
			func(now todo.Todo) string { return now.ETag }, []string{`PATCH "1"`, "GET "}},
		"read before":  {nested, `{"id":"7","fields":{"name":"Milk","color":"red"},"_etag":"\"1\""}`, func(now todo.Todo) string { return now.ETag }, []string{"GET ", `PATCH "1"`, "GET "}},
		"the header's": {with(func(d *connection.Todos) { d.IfMatch = true }), `{"id":"7","name":"Milk"}`, func(now todo.Todo) string { return now.ETag }, []string{"GET ", `PATCH "h"`, "GET "}},
		"weak": {with(func(d *connection.Todos) { d.IfMatch, d.ETag = true, "_etag" }), `{"id":"7","name":"Milk","_etag":"W/\"1\""}`,
			func(now todo.Todo) string { return now.ETag }, []string{"GET ", "PATCH ", "GET "}},
		"overwrite": {with(func(d *connection.Todos) { d.IfMatch = true }), `{"id":"7","name":"Milk"}`, func(todo.Todo) string { return "" }, []string{"PATCH ", "GET "}},
	} {
		p := newPeer(t, nil, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"h"`)
			w.Header().Set("Content-Type", jsonType)
			if r.Method == "GET" {
				_, _ = io.WriteString(w, c.body)
			}
		})
		client := p.mapped(t, c.d)
		now, err := client.Get(t.Context(), "7")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Update(t.Context(), "7", todo.Patch{Title: &title}, c.version(now)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var got []string
		for _, r := range p.requests()[1:] {
			got = append(got, r.method+" "+r.header.Get("If-Match"))
			if name == "read before" && r.method == "PATCH" && r.body != `{"fields":{"color":"red","name":"Oat milk"}}` {
				t.Errorf("what stands beside a member is lost: %s", r.body)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// A PUT sends back what was read a moment before, whatever it holds.
func TestMapped_APutKeepsWhatItDoesNotKnow(t *testing.T) {
	body := `{"item":{"id":7,"name":"Milk","meta":{"n": 12345678901234567890, "s":"<&> "},"tags":[{"name":"a","color":"red"},{"name":"b"}],"done":false}}`
	p := item(t, &body, 200)
	c := p.mapped(t, with(func(d *connection.Todos) {
		d.Update, d.ItemAt, d.Wrap, d.Tags.As = "PUT", "item", "item", connection.TagObjects
	}))
	done, tags, text := true, []string{"c", "a"}, ""
	if _, err := c.Update(t.Context(), "7", todo.Patch{Completed: &done, Tags: &tags, Description: &text}, ""); err != nil {
		t.Fatal(err)
	}
	var sent map[string]map[string]json.RawMessage
	for _, r := range p.requests() {
		if r.method == "PUT" {
			if err := json.Unmarshal([]byte(r.body), &sent); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := sent["item"]
	if string(got["id"]) != "7" || string(got["name"]) != `"Milk"` || string(got["meta"]) != `{"n":12345678901234567890,"s":"<&> "}` ||
		string(got["done"]) != "true" || string(got["tags"]) != `[{"name":"c"},{"color":"red","name":"a"}]` || string(got["text"]) != `""` {
		t.Errorf("%s", sent)
	}
}

func TestMapped_WhatWouldNotComeBackIsRefusedBeforeItIsSent(t *testing.T) {
	p := newPeer(t, nil, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("sent: %s", r.URL) })
	due := time.Date(2026, 11, 27, 16, 0, 0, 500, time.UTC)
	for says, c := range map[string]struct {
		d connection.Todos
		t todo.Todo
	}{
		"no place for a description":            {with(func(d *connection.Todos) { d.Description = nil }), todo.Todo{Description: "x"}},
		"no place for a mark for what is done":  {with(func(d *connection.Todos) { d.Done = nil }), todo.Todo{Completed: true}},
		"no place for a priority":               {with(func(d *connection.Todos) { d.Priority = nil }), todo.Todo{Priority: todo.Low}},
		"no place for tags":                     {with(func(d *connection.Todos) { d.Tags = nil }), todo.Todo{Tags: []string{"a"}}},
		"no place for a due date":               {with(func(d *connection.Todos) { d.Due = nil }), todo.Todo{Due: due}},
		"the day of a due date, not its time":   {with(func(d *connection.Todos) { d.Due.Days = true }), todo.Todo{Due: due}},
		"cannot keep this due date":             {with(func(d *connection.Todos) { d.Due.As = connection.DueUnix }), todo.Todo{Due: due}},
		"does not know this priority":           {with(func(d *connection.Todos) { d.Priority.Medium = nil }), todo.Todo{Priority: todo.Medium}},
		"cannot keep this tags":                 {with(func(d *connection.Todos) { d.Tags.As = connection.TagComma }), todo.Todo{Tags: []string{"a,b"}}},
		"new to-dos only if they are not done":  {with(func(d *connection.Todos) { d.Done.Close, d.Done.Reopen = "/c/{id}", "/o/{id}" }), todo.Todo{Completed: true}},
		"only if they are not done yet. Change": {with(func(d *connection.Todos) { d.Shape, d.OpenOnly = "todoist", true; d.Done = nil }), todo.Todo{Completed: true}},
	} {
		_, err := p.mapped(t, c.d).Create(t.Context(), c.t, "")
		if f := wantFault(t, err, fault.Invalid); !strings.Contains(f.Error(), says) {
			t.Errorf("%q, want %q", f.Error(), says)
		}
	}
}

func TestMapped_CapabilitiesSayWhatCannotBeDone(t *testing.T) {
	all := Capabilities{Read: true, Write: true, Create: true, Update: true, Delete: true}
	because := func(c Capabilities, why string) Capabilities { c.Why = why; return c }
	for name, c := range map[string]struct {
		change func(*connection.Todos)
		want   Capabilities
	}{
		"all":         {func(*connection.Todos) {}, all},
		"read only":   {func(d *connection.Todos) { d.ReadOnly = "Ask Ann." }, Capabilities{Read: true, Why: "Ask Ann."}},
		"not said":    {func(d *connection.Todos) { d.Create, d.Update, d.Delete = "", "", "" }, Capabilities{Read: true, Why: whyNotDescribed}},
		"no delete":   {func(d *connection.Todos) { d.Delete = "" }, Capabilities{Read: true, Write: true, Create: true, Update: true, Why: whyNoDelete}},
		"scope":       {func(d *connection.Todos) { d.WriteScope = "tasks.write" }, Capabilities{Read: true, Why: "This connection does not ask for the scope tasks.write, so these to-dos can be read but not changed."}},
		"scope given": {func(d *connection.Todos) { d.WriteScope = "tasks" }, all},
		"no place": {func(d *connection.Todos) { d.Tags, d.Priority, d.Due.Days, d.OpenOnly = nil, nil, true, true },
			because(all, "This to-do service has no place for a priority or tags, keeps the day of a due date but not its time and lists only to-dos that are not done.")},
	} {
		p := newPeer(t, nil, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("asked: %s", r.URL) })
		got, err := p.mapped(t, with(c.change)).Capabilities(t.Context())
		if err != nil || got != c.want {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
}

// An answer that shows only a part of a to-do, or nothing, is followed by
// reading it; what was made is never reported as not made.
func TestMapped_AnswersThatShowLittle(t *testing.T) {
	whole := `{"id":"9","name":"Milk","text":"two","done":false,"rank":null,"tags":["a"],"due":null}`
	made := todo.Todo{Title: "Milk", Description: "two", Tags: []string{"a"}}
	for name, c := range map[string]struct {
		post, location, get string
		id                  string
		gets                int
	}{
		"whole": {whole, "", whole, "9", 0}, "a part": {`{"id":"9","name":"Milk"}`, "", whole, "9", 1}, "the id": {`{"id":"9"}`, "", whole, "9", 1},
		"a place": {``, "/v1/tasks/9", whole, "9", 1}, "nothing": {``, "", whole, "", 0}, "and cannot be read": {`{"id":"9"}`, "", `{}`, "9", 1},
	} {
		p := newPeer(t, nil, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", jsonType)
			if r.Method == "GET" {
				_, _ = io.WriteString(w, c.get)
				return
			}
			if c.location != "" {
				w.Header().Set("Location", c.location)
			}
			w.WriteHeader(201)
			_, _ = io.WriteString(w, c.post)
		})
		got, err := p.mapped(t, tasks()).Create(t.Context(), made, "k")
		if c.id == "" {
			if f := wantFault(t, err, fault.Failed); f.Status != 201 {
				t.Errorf("%s: %+v", name, f)
			}
			continue
		}
		if err != nil || got.ID != c.id || !todo.SameContent(got, made) || len(p.requests()) != 1+c.gets {
			t.Errorf("%s: %+v %v after %d requests", name, got, err, len(p.requests()))
		}
	}
}

// R31: net/http repeats a POST with an Idempotency-Key itself when a connection
// that was used before breaks. The key goes only where it is heeded.
func TestR31_Mapped_NoKeyWhereNobodyHeedsIt(t *testing.T) {
	for _, heeded := range []bool{false, true} {
		var made atomic.Int32 // on two connections
		p := newPeer(t, nil, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "GET" {
				sends(200, jsonType, `{"items":[]}`)(w, r)
				return
			}
			if made.Add(1) == 1 {
				panic(http.ErrAbortHandler)
			}
			sends(201, jsonType, `{"id":"9","name":"Milk","done":false}`)(w, r)
		})
		c := p.mapped(t, with(func(d *connection.Todos) {
			if heeded {
				d.KeyHeader = "Idempotency-Key"
			}
		}))
		if _, err := c.List(t.Context(), ""); err != nil { // leaves a connection to use again
			t.Fatal(err)
		}
		_, err := c.Create(t.Context(), todo.Todo{Title: "Milk"}, "key-1")
		if !heeded && (!fault.Is(err, fault.Offline) || made.Load() != 1) || heeded && (err != nil || made.Load() != 2) {
			t.Errorf("heeded %v: sent %d times, %v", heeded, made.Load(), err)
		}
	}
}

// A refusal to create says so once; it does not look like a to-do in the way.
func TestMapped_AConflictOnCreationIsARefusal(t *testing.T) {
	p := newPeer(t, nil, sends(409, jsonType, `{"error":{"code":"duplicate","message":"There is one of that name."}}`))
	_, err := p.mapped(t, tasks()).Create(t.Context(), todo.Todo{Title: "Milk"}, "")
	if f := wantFault(t, err, fault.Invalid); f.Status == 409 || f.Server != "There is one of that name." {
		t.Errorf("%+v", f)
	}
}

// Read by another description, the same list is another.
func TestMapped_ANewDescriptionReadsTheListAnew(t *testing.T) {
	p := newPeer(t, nil, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		if r.Header.Get("If-None-Match") == `"1"` {
			w.WriteHeader(304)
			return
		}
		sends(200, jsonType, `{"items":[{"id":1,"name":"a","title":"b"}]}`)(w, r)
	})
	one, two := p.mapped(t, tasks()), p.mapped(t, with(func(d *connection.Todos) { d.Title = "title" }))
	l, err := one.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := one.List(t.Context(), l.ETag); err != nil || !again.NotModified || again.ETag != l.ETag {
		t.Errorf("%+v %v", again, err)
	}
	if other, err := two.List(t.Context(), l.ETag); err != nil || other.NotModified || other.Todos[0].Title != "b" {
		t.Errorf("%+v %v", other, err)
	}
}
