package api

import (
	"errors"
	"io"
	"net/http"
	"testing"

	"waybill/connection"
	"waybill/fault"
	"waybill/todo"
)

func TestREST_CreateSendsIDAndKeyAndTakesTheServersItem(t *testing.T) {
	p := newPeer(t, readWrite, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, itemJSON(t, todo.Todo{ID: "server-42", Title: "Buy milk"}))
	})
	draft := milk
	draft.ETag = `"stale"`
	made, err := p.rest(t).Create(t.Context(), draft, "key-1")
	if err != nil || made.ID != "server-42" || made.ETag != `"1"` {
		t.Fatalf("%+v %v", made, err)
	}
	r := p.requests()[0]
	if r.method != "POST" || r.uri != "/api/todos" || r.header.Get("Idempotency-Key") != "key-1" || r.header.Get("Content-Type") != jsonType {
		t.Fatalf("%s %s %v", r.method, r.uri, r.header)
	}
	if r.body != `{"id":"7","title":"Buy milk","completed":false,"priority":"high","tags":["home"]}` {
		t.Fatalf("body %s", r.body)
	}
}

func TestREST_UpdateSendsOnlyTheChangeAndItsBase(t *testing.T) {
	p := newPeer(t, readWrite, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch && r.Header.Get("If-Match") == "" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.Header().Set("ETag", `"2"`)
		_, _ = io.WriteString(w, itemJSON(t, milk))
	})
	c := p.rest(t)
	patch := todo.Patch{Completed: pointerTo(true), Priority: pointerTo(todo.NoPriority)}
	got, err := c.Update(t.Context(), "7", patch, `"1"`)
	if err != nil || got.ETag != `"2"` {
		t.Fatalf("%+v %v", got, err)
	}
	r := p.requests()[0]
	if r.method != "PATCH" || r.header.Get("If-Match") != `"1"` || r.body != `{"completed":true,"priority":null}` {
		t.Fatalf("%s %v %s", r.method, r.header, r.body)
	}
	// A weak tag never matches, and a tag with a line end is no header value.
	for _, tag := range []string{"", `W/"1"`, "\"a\r\nX: y\""} {
		if got, err = c.Update(t.Context(), "7", patch, tag); err != nil || got.ETag != `"2"` {
			t.Fatalf("%q: %+v %v", tag, got, err)
		}
	}
}

func TestREST_ConflictCarriesTheItemAsItIs(t *testing.T) {
	item := `{"id":"7","title":"Buy oat milk","etag":"\"in-item\""}`
	for name, body := range map[string]string{
		"bare": item, "data": `{"success":false,"error":"precondition_failed","data":` + item + `}`,
		"current": `{"error":"conflict","current":` + item + `}`,
	} {
		for _, status := range []int{412, 409} {
			p := newPeer(t, readWrite, sends(status, jsonType, body, "ETag", `"now"`))
			c := p.rest(t)
			_, err := c.Update(t.Context(), "7", todo.Patch{}, `"old"`)
			wantFault(t, err, fault.Conflict)
			var current *ConflictError
			if !errors.As(err, &current) || current.Current.Title != "Buy oat milk" || current.Current.ETag != `"now"` {
				t.Errorf("%s %d: %v", name, status, current)
			}
			err = c.Delete(t.Context(), "7", `"old"`)
			wantFault(t, err, fault.Conflict)
			if !errors.As(err, &current) {
				t.Error("no current item for a delete")
			}
		}
	}
	p := newPeer(t, readWrite, sends(412, jsonType, `{"error":"precondition_failed"}`))
	_, err := p.rest(t).Update(t.Context(), "7", todo.Patch{}, `"old"`)
	wantFault(t, err, fault.Conflict)
	var current *ConflictError
	if !errors.As(err, &current) || current.Current.ID != "" {
		t.Error("a conflict without the item")
	}
}

func TestREST_DeletedAlreadyIsDone(t *testing.T) {
	for _, status := range []int{200, 202, 204, 404, 410} {
		p := newPeer(t, readWrite, sends(status, jsonType, ""))
		if err := p.rest(t).Delete(t.Context(), "7", `"1"`); err != nil {
			t.Errorf("%d: %v", status, err)
		}
		if r := p.requests()[0]; r.method != "DELETE" || r.header.Get("If-Match") != `"1"` {
			t.Errorf("%+v", r)
		}
	}
}

func TestREST_CapabilitiesAreWhatWasGrantedAndIsOffered(t *testing.T) {
	read := []string{"todos.read"}
	for name, c := range map[string]struct {
		asked, granted []string
		list, item     string // Allow; "405": no OPTIONS
		want           Capabilities
		requests       int
	}{
		"all":           {readWrite, readWrite, "GET, POST, OPTIONS", "GET, PATCH, DELETE", Capabilities{Read: true, Write: true, Create: true, Update: true, Delete: true}, 2},
		"not said":      {readWrite, nil, "GET,POST", "patch,delete", Capabilities{Read: true, Write: true, Create: true, Update: true, Delete: true}, 2},
		"not asked":     {read, read, "", "", Capabilities{Read: true, Why: whyNotAsked}, 0},
		"not granted":   {readWrite, read, "", "", Capabilities{Read: true, Why: whyNotGiven}, 0},
		"write only":    {readWrite, []string{"todos.write"}, "", "", Capabilities{Why: whyNothing}, 0},
		"xaa.dev":       {readWrite, readWrite, "GET, HEAD", "GET", Capabilities{Read: true, Why: whyNoWay}, 2},
		"no OPTIONS":    {readWrite, readWrite, "405", "405", Capabilities{Read: true, Why: whyNoWay}, 2},
		"no delete":     {readWrite, readWrite, "GET, POST", "PATCH", Capabilities{Read: true, Write: true, Create: true, Update: true, Why: whyNoDelete}, 2},
		"no create":     {readWrite, readWrite, "GET", "PATCH, DELETE", Capabilities{Read: true, Write: true, Update: true, Delete: true, Why: whyNoCreate}, 2},
		"no update":     {readWrite, readWrite, "GET, POST", "DELETE", Capabilities{Read: true, Write: true, Create: true, Delete: true, Why: whyNoUpdate}, 2},
		"other scopes":  {[]string{"tasks"}, []string{"tasks"}, "", "", Capabilities{Read: true, Why: whyNotAsked}, 0},
		"item by 404":   {readWrite, readWrite, "GET, POST", "404", Capabilities{Read: true, Write: true, Create: true, Why: whyNoUpdate}, 2},
		"all on a list": {readWrite, readWrite, "GET, POST, PATCH, DELETE", "405", Capabilities{Read: true, Write: true, Create: true, Update: true, Delete: true}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t, c.granted, func(w http.ResponseWriter, r *http.Request) {
				allow := c.list
				if r.URL.Path != "/api/todos" {
					allow = c.item
				}
				if r.Method != http.MethodOptions {
					t.Errorf("%s %s", r.Method, r.URL)
				}
				switch allow {
				case "405":
					w.WriteHeader(http.StatusMethodNotAllowed)
				case "404":
					w.WriteHeader(http.StatusNotFound)
				default:
					w.Header().Set("Allow", allow)
					w.WriteHeader(http.StatusNoContent)
				}
			})
			client := NewREST(Options{Transport: p.client, Tokens: p.mint, Resource: connection.Resource{URL: p.URL, Scopes: c.asked}})
			got, err := client.Capabilities(t.Context())
			if err != nil || got != c.want || len(p.requests()) != c.requests {
				t.Fatalf("%+v %v with %d requests, want %+v with %d", got, err, len(p.requests()), c.want, c.requests)
			}
		})
	}
}

func TestREST_CapabilitiesOfAServerInTroubleAreUnknown(t *testing.T) {
	p := newPeer(t, readWrite, sends(503, jsonType, "{}"))
	_, err := p.rest(t).Capabilities(t.Context())
	wantFault(t, err, fault.Offline)
}
