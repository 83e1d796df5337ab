package replica_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"waybill/connection"
)

// object is a to-do as one of the APIs below has it.
type object = map[string]any

// foreign is a server of to-dos that is not Todo0. It imitates the documented
// shapes of a well-known API; what it holds is exact, its answers get lost.
type foreign struct {
	*httptest.Server
	t     *testing.T
	mu    sync.Mutex
	items []object
	made  int
	calls []string // "POST path" …, those that had an effect
	lose  func(method string) bool
	extra string // a member that every seeded item has and Waybill does not know

	// What differs between the APIs.
	todos  connection.Todos
	scopes []string
	handle func(f *foreign, w http.ResponseWriter, r *http.Request, path string, body object)
	seed   func(f *foreign, title string) object
	title  string // name of the title's member
	rich   bool   // has priorities and tags
}

const foreignToken = "canary-foreign-token"

// serve starts the server with to-dos of these titles.
func (f *foreign) serve(t *testing.T, titles ...string) *foreign {
	t.Helper()
	f.t = t
	for _, title := range titles {
		f.items = append(f.items, f.seed(f, title))
	}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serveHTTP))
	t.Cleanup(f.Close)
	return f
}

func (f *foreign) serveHTTP(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer "+foreignToken {
		f.t.Errorf("a request without the token: %s %s", r.Method, r.URL)
	}
	var body object
	if len(data) > 0 {
		if err := json.Unmarshal(data, &body); err != nil {
			f.answer(w, 400, object{"error": "not JSON"})
			return
		}
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/base")
	if !ok {
		f.answer(w, 404, object{"error": "no such place"})
		return
	}
	before := len(f.calls)
	record := httptest.NewRecorder()
	f.handle(f, record, r, path, body)
	if len(f.calls) > before && f.lose != nil && f.lose(r.Method) {
		panic(http.ErrAbortHandler) // it was done, and nobody is told
	}
	maps.Copy(w.Header(), record.Header())
	w.WriteHeader(record.Code)
	_, _ = w.Write(record.Body.Bytes())
}

func (f *foreign) answer(w http.ResponseWriter, status int, body any) {
	if body == nil {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (f *foreign) did(r *http.Request) { f.calls = append(f.calls, r.Method+" "+r.URL.Path) }

func (f *foreign) set(g func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	g()
}

func (f *foreign) find(id string) object {
	for _, item := range f.items {
		if fmt.Sprint(item["id"]) == id {
			return item
		}
	}
	return nil
}

func (f *foreign) drop(id string) {
	f.items = slices.DeleteFunc(f.items, func(item object) bool { return fmt.Sprint(item["id"]) == id })
}

// named returns the item with this title, as JSON has it.
func (f *foreign) named(title string) object {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, item := range f.items {
		if item[f.title] == title && item["deleted"] != true {
			return maps.Clone(item)
		}
	}
	f.t.Fatalf("the server has no %q", title)
	return nil
}

func (f *foreign) titles() (out []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, item := range f.items {
		if item["deleted"] != true {
			out = append(out, item[f.title].(string))
		}
	}
	return slices.Sorted(slices.Values(out))
}

func (f *foreign) next() int { f.made++; return f.made }

// only reports whether a body has no other members than these; the servers
// refuse others, as the real ones do.
func (f *foreign) only(w http.ResponseWriter, body object, names ...string) bool {
	for name := range body {
		if !slices.Contains(names, name) {
			f.answer(w, 400, object{"error": object{"code": "invalidRequest", "message": "unknown member " + name}})
			return false
		}
	}
	return true
}

// Microsoft Graph To Do.
func graph() *foreign {
	now := func(f *foreign, item object) object {
		item["@odata.etag"] = fmt.Sprintf(`W/"%d"`, f.next())
		item["lastModifiedDateTime"] = fmt.Sprintf("2026-01-01T00:00:00.%07dZ", f.made)
		return item
	}
	fresh := func(f *foreign, title string) object {
		return now(f, object{"id": fmt.Sprintf("AAMk/%d=", f.next()), "title": title, "status": "notStarted", "importance": "normal",
			"body": object{"content": "", "contentType": "text"}, "categories": []any{}, "hasAttachments": false})
	}
	allowed := []string{"title", "status", "importance", "body", "categories", "dueDateTime"}
	take := func(f *foreign, w http.ResponseWriter, item, body object) bool {
		if !f.only(w, body, allowed...) {
			return false
		}
		due, _ := body["dueDateTime"].(object)
		switch status := body["status"]; {
		case status != nil && !slices.Contains([]any{"notStarted", "inProgress", "completed"}, status),
			due != nil && (len(due) != 2 || due["timeZone"] != "UTC"):
			f.answer(w, 400, object{"error": object{"code": "invalidRequest", "message": "no such value"}})
			return false
		}
		maps.Copy(item, body)
		if due != nil {
			item["dueDateTime"] = object{"dateTime": due["dateTime"].(string)[:10] + "T00:00:00.0000000", "timeZone": "UTC"}
		} else if _, cleared := body["dueDateTime"]; cleared {
			delete(item, "dueDateTime")
		}
		now(f, item)
		return true
	}
	return &foreign{
		todos: connection.Todos{Shape: "microsoft-todo", Path: graphList}, scopes: []string{"Tasks.ReadWrite"}, title: "title", rich: true, extra: "hasAttachments",
		seed: fresh,
		handle: func(f *foreign, w http.ResponseWriter, r *http.Request, path string, body object) {
			f.graphAnswers(w, r, path, body, fresh, take)
		},
	}
}

const graphList = "/me/todo/lists/L=/tasks"

func (f *foreign) graphAnswers(w http.ResponseWriter, r *http.Request, path string, body object, fresh func(*foreign, string) object, take func(*foreign, http.ResponseWriter, object, object) bool) {
	id := strings.TrimPrefix(path, graphList+"/")
	item := f.find(id)
	shown := func(item object) object {
		item = maps.Clone(item)
		item["@odata.context"] = "https://graph.example/v1.0/$metadata"
		return item
	}
	switch {
	case path == graphList && r.Method == "GET":
		skip, _ := strconv.Atoi(r.URL.Query().Get("$skip"))
		end := min(skip+10, len(f.items))
		page := object{"@odata.context": "x", "value": f.items[skip:end]}
		if end < len(f.items) {
			page["@odata.nextLink"] = f.URL + r.URL.Path + "?%24skip=" + strconv.Itoa(end)
		}
		f.answer(w, 200, page)
	case path == graphList && r.Method == "POST":
		item := fresh(f, "")
		if take(f, w, item, body) {
			f.items = append(f.items, item)
			f.did(r)
			f.answer(w, 201, shown(item))
		}
	case item == nil:
		f.answer(w, 404, object{"error": object{"code": "itemNotFound", "message": "The specified object was not found in the store."}})
	case r.Method == "GET":
		f.answer(w, 200, shown(item))
	case r.Method == "PATCH":
		if take(f, w, item, body) {
			f.did(r)
			f.answer(w, 200, shown(item))
		}
	case r.Method == "DELETE":
		f.drop(id)
		f.did(r)
		f.answer(w, 204, nil)
	}
}

// Google Tasks: what is deleted stays, marked; an empty list has no array.
func google() *foreign {
	now := func(f *foreign, item object) object {
		item["etag"] = fmt.Sprintf(`"MTIz%d"`, f.next())
		item["updated"] = fmt.Sprintf("2026-01-01T00:00:00.%03dZ", f.made%1000)
		return item
	}
	fresh := func(f *foreign, title string) object {
		return now(f, object{"kind": "tasks#task", "id": fmt.Sprintf("MTA%d", f.next()), "title": title, "status": "needsAction", "position": fmt.Sprintf("%020d", f.made)})
	}
	take := func(f *foreign, w http.ResponseWriter, item, body object) bool {
		if !f.only(w, body, "title", "notes", "status", "due") {
			return false
		}
		maps.Copy(item, body)
		if due, ok := item["due"].(string); ok {
			item["due"] = due[:10] + "T00:00:00.000Z"
		}
		maps.DeleteFunc(item, func(name string, value any) bool { return value == nil || value == "" && name == "notes" })
		if delete(item, "completed"); item["status"] == "completed" {
			item["completed"] = "2026-01-01T00:00:00.000Z"
		}
		now(f, item)
		return true
	}
	return &foreign{
		todos: connection.Todos{Shape: "google-tasks"}, scopes: []string{"https://www.googleapis.com/auth/tasks"}, title: "title", extra: "position",
		seed: fresh,
		handle: func(f *foreign, w http.ResponseWriter, r *http.Request, path string, body object) {
			f.googleAnswers(w, r, path, body, fresh, take, now)
		},
	}
}

const googleList = "/lists/@default/tasks"

func (f *foreign) googleAnswers(w http.ResponseWriter, r *http.Request, path string, body object, fresh func(*foreign, string) object, take func(*foreign, http.ResponseWriter, object, object) bool, now func(*foreign, object) object) {
	id := strings.TrimPrefix(path, googleList+"/")
	item := f.find(id)
	switch {
	case path == googleList && r.Method == "GET":
		all := slices.DeleteFunc(slices.Clone(f.items), func(item object) bool {
			return item["deleted"] == true || item["status"] == "completed" && r.URL.Query().Get("showHidden") != "true"
		})
		from, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Query().Get("pageToken"), "token/+"))
		end := min(from+7, len(all))
		page := object{"kind": "tasks#tasks", "etag": `"x"`}
		if len(all) > 0 {
			page["items"] = all[from:end]
		}
		if end < len(all) {
			page["nextPageToken"] = "token/+" + strconv.Itoa(end)
		}
		f.answer(w, 200, page)
	case path == googleList && r.Method == "POST":
		item := fresh(f, "")
		if take(f, w, item, body) {
			f.items = append(f.items, item)
			f.did(r)
			f.answer(w, 200, item)
		}
	case item == nil:
		f.answer(w, 404, object{"error": object{"code": 404, "message": "Not Found"}})
	case r.Method == "GET":
		w.Header().Set("ETag", item["etag"].(string))
		f.answer(w, 200, item)
	case r.Method == "PATCH":
		if take(f, w, item, body) {
			f.did(r)
			f.answer(w, 200, item)
		}
	case r.Method == "DELETE":
		item["deleted"] = true
		now(f, item)
		f.did(r)
		f.answer(w, 204, nil)
	}
}

// Todoist REST v2: open tasks only, and a request of its own to complete one.
// hides says that a completed task is not found under its id either.
func todoist(hides bool) *foreign {
	fresh := func(f *foreign, title string) object {
		return object{"id": fmt.Sprint(7000000000000 + f.next()), "content": title, "description": "", "is_completed": false, "labels": []any{}, "priority": 1, "due": nil,
			"url": "https://todoist.example/showTask", "order": f.made}
	}
	take := func(f *foreign, w http.ResponseWriter, item, body object) bool {
		if !f.only(w, body, "content", "description", "labels", "priority", "due_date", "due_string") {
			return false
		}
		for name, value := range body {
			switch name {
			case "due_date":
				item["due"] = object{"date": value, "string": value, "is_recurring": false}
			case "due_string":
				item["due"] = nil
			default:
				item[name] = value
			}
		}
		return true
	}
	return &foreign{
		todos: connection.Todos{Shape: "todoist"}, scopes: []string{"data:read_write"}, title: "content", rich: true, extra: "order",
		seed: fresh,
		handle: func(f *foreign, w http.ResponseWriter, r *http.Request, path string, body object) {
			id, act, _ := strings.Cut(strings.TrimPrefix(path, "/tasks/"), "/")
			item := f.find(id)
			switch {
			case path == "/tasks" && r.Method == "GET":
				f.answer(w, 200, slices.DeleteFunc(slices.Clone(f.items), func(item object) bool { return item["is_completed"] == true }))
			case path == "/tasks" && r.Method == "POST":
				item := fresh(f, "")
				if take(f, w, item, body) {
					f.items = append(f.items, item)
					f.did(r)
					f.answer(w, 200, item)
				}
			case item == nil, hides && item["is_completed"] == true && act == "":
				f.answer(w, 404, "Task not found")
			case act == "close" || act == "reopen":
				item["is_completed"] = act == "close"
				f.did(r)
				f.answer(w, 204, nil)
			case r.Method == "GET":
				f.answer(w, 200, item)
			case r.Method == "POST":
				if take(f, w, item, body) {
					f.did(r)
					f.answer(w, 200, item)
				}
			case r.Method == "DELETE":
				f.drop(id)
				f.did(r)
				f.answer(w, 204, nil)
			}
		},
	}
}

// JSONPlaceholder and json-server: numbers for ids, and a PUT that forgets what
// it is not sent.
func plain() *foreign {
	return &foreign{
		todos: connection.Todos{Shape: "json-server", New: map[string]any{"userId": 1.0}, Description: &connection.TodoText{Path: "note"}},
		title: "title", extra: "meta",
		seed: func(f *foreign, title string) object {
			return object{"userId": 1.0, "id": f.next(), "title": title, "completed": false, "meta": object{"from": "<seed> & more", "big": json.Number("12345678901234567890")}}
		},
		handle: func(f *foreign, w http.ResponseWriter, r *http.Request, path string, body object) {
			id := strings.TrimPrefix(path, "/todos/")
			item := f.find(id)
			switch {
			case path == "/todos" && r.Method == "GET":
				tag := fmt.Sprintf(`W/"%d-%d"`, len(f.items), len(f.calls))
				w.Header().Set("ETag", tag)
				if r.Header.Get("If-None-Match") == tag {
					w.WriteHeader(304)
					return
				}
				f.answer(w, 200, f.items)
			case path == "/todos" && r.Method == "POST":
				if body["userId"] == nil || body["id"] != nil {
					f.answer(w, 422, object{"error": "no user, or an id"})
					return
				}
				body["id"] = f.next()
				f.items = append(f.items, body)
				f.did(r)
				f.answer(w, 201, body)
			case item == nil:
				f.answer(w, 404, object{})
			case r.Method == "GET":
				f.answer(w, 200, item)
			case r.Method == "PUT":
				if fmt.Sprint(body["id"]) != id {
					f.answer(w, 422, object{"error": "another id"})
					return
				}
				clear(item)
				maps.Copy(item, body)
				item["id"], _ = strconv.Atoi(id)
				f.did(r)
				f.answer(w, 200, item)
			case r.Method == "DELETE":
				f.drop(id)
				f.did(r)
				f.answer(w, 200, object{})
			}
		},
	}
}

// rails is an API with everything that the others lack: wrapped bodies, pages
// by number with a total, entity tags that count, keys that are heeded, a header
// that must be there, tags in one string, seconds since 1970.
func rails() *foreign {
	keys := map[string]string{}
	fresh := func(f *foreign, title string) object {
		return object{"id": f.next(), "name": title, "notes": nil, "state": "open", "rank": 0, "tag_list": "", "due_at": nil, "version": f.next(), "color": "red"}
	}
	take := func(f *foreign, item, body object) {
		maps.Copy(item, body)
		item["version"] = f.next()
	}
	tag := func(item object) string { return fmt.Sprintf(`"v%v"`, item["version"]) }
	return &foreign{
		title: "name", rich: true, extra: "color",
		todos: railsTodos(),
		seed:  fresh,
		handle: func(f *foreign, w http.ResponseWriter, r *http.Request, path string, body object) {
			if r.Header.Get("X-Version") != "2026-11-01" {
				f.answer(w, 400, object{"error": "which version?"})
				return
			}
			inner, _ := body["item"].(object)
			id := strings.TrimSuffix(strings.TrimPrefix(path, "/v2/items/"), ".json")
			item := f.find(id)
			if match := r.Header.Get("If-Match"); item != nil && r.Method != "GET" && match != tag(item) {
				f.answer(w, 412, object{"error": "another version"})
				return
			}
			show := func(status int, item object) {
				w.Header().Set("ETag", tag(item))
				f.answer(w, status, object{"item": item})
			}
			switch {
			case path == "/v2/items" && r.Method == "GET":
				n, _ := strconv.Atoi(r.URL.Query().Get("page"))
				from := min((n-1)*5, len(f.items))
				f.answer(w, 200, object{"page": object{"items": f.items[from:min(from+5, len(f.items))], "total": len(f.items)}})
			case path == "/v2/items" && r.Method == "POST":
				if known := f.find(keys[r.Header.Get("Idempotency-Key")]); known != nil {
					show(200, known)
					return
				}
				item := fresh(f, "")
				take(f, item, inner)
				keys[r.Header.Get("Idempotency-Key")] = fmt.Sprint(item["id"])
				f.items = append(f.items, item)
				f.did(r)
				show(201, item)
			case item == nil:
				f.answer(w, 404, object{"error": "not_found"})
			case r.Method == "GET":
				show(200, item)
			case r.Method == "PATCH":
				take(f, item, inner)
				f.did(r)
				f.answer(w, 204, nil)
			case r.Method == "DELETE":
				f.drop(id)
				f.did(r)
				f.answer(w, 204, nil)
			}
		},
	}
}

func railsTodos() connection.Todos {
	return connection.Todos{
		Path: "/v2/items?sort=id", At: "page.items", ItemAt: "item", Wrap: "item", Item: "/v2/items/{id}.json",
		Paging: &connection.Paging{By: connection.PageNumber, Parameter: "page", Total: "/page/total"}, Title: "name",
		Description: &connection.TodoText{Path: "notes"},
		Done:        &connection.TodoDone{Path: "state", Values: []any{"closed", "cancelled"}, Open: "open"},
		Priority:    &connection.TodoPriority{TodoText: connection.TodoText{Path: "rank"}, None: 0.0, Low: 1.0, Medium: 2.0, High: 3.0},
		Tags:        &connection.TodoTags{TodoText: connection.TodoText{Path: "tag_list"}, As: connection.TagComma},
		Due:         &connection.TodoDue{TodoText: connection.TodoText{Path: "due_at"}, As: connection.DueUnix},
		Create:      "POST", Update: "PATCH", Delete: "DELETE", IfMatch: true, KeyHeader: "Idempotency-Key",
		Headers: map[string]string{"X-Version": "2026-11-01"},
	}
}

// day is a due date that every API above can keep.
var day = time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)
