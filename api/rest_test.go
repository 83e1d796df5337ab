package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"waybill/connection"
	"waybill/fault"
	"waybill/secret"
	"waybill/todo"
	"waybill/transport"
)

var milk = todo.Todo{ID: "7", Title: "Buy milk", Priority: todo.High, Tags: []string{"home"}}

func TestREST_ListHasTheUserTheTagAndTheTodos(t *testing.T) {
	p := newPeer(t, readWrite, sends(200, jsonType, listJSON(t, milk), "ETag", `"v1"`))
	l, err := p.rest(t).List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Todos) != 1 || l.Todos[0].Title != "Buy milk" || l.User != "ada@example.com" || !l.Complete || l.NotModified {
		t.Fatalf("list %+v", l)
	}
	r := p.requests()[0]
	if r.uri != "/api/todos" || r.method != http.MethodGet || r.header.Get("Accept") != "application/json" {
		t.Fatalf("request %s %s %v", r.method, r.uri, r.header)
	}
	if got := r.header.Get("Authorization"); got != "Bearer "+p.mint.held().Reveal() {
		t.Fatal("the request does not carry the token")
	}
	if r.header.Get("If-None-Match") != "" {
		t.Fatal("If-None-Match without an earlier list")
	}
}

func TestREST_BaseURLMayBeTheCollection(t *testing.T) {
	for _, suffix := range []string{"", "/", "/api/todos", "/api/todos/", "/v2", "/my%20app/todos"} {
		p := newPeer(t, readWrite, sends(200, jsonType, "[]"))
		c := NewREST(Options{Transport: p.client, Tokens: p.mint, Resource: connection.Resource{URL: p.URL + suffix}})
		if _, err := c.List(t.Context(), ""); err != nil {
			t.Fatal(suffix, err)
		}
		want := map[string]string{"": "/api/todos", "/": "/api/todos", "/api/todos": "/api/todos", "/api/todos/": "/api/todos",
			"/v2": "/v2/api/todos", "/my%20app/todos": "/my%20app/todos"}[suffix]
		if got := p.requests()[0].uri; got != want {
			t.Errorf("%q asks %s, want %s", suffix, got, want)
		}
		_ = c.Close()
	}
}

func TestREST_UnchangedListIsNotSentAgain(t *testing.T) {
	p := newPeer(t, readWrite, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		if r.Header.Get("If-None-Match") == `"v1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = io.WriteString(w, listJSON(t, milk))
	})
	c := p.rest(t)
	first, err := c.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.List(t.Context(), first.ETag)
	if err != nil || !again.NotModified || again.Todos != nil || again.ETag != first.ETag {
		t.Fatalf("%+v %v", again, err)
	}
	if got := p.requests()[1].header.Get("If-None-Match"); got != `"v1"` {
		t.Fatalf("If-None-Match %q is not the server's tag byte for byte", got)
	}
}

func TestREST_EqualBodyIsRecognisedWhereIfNoneMatchIsIgnored(t *testing.T) {
	tags := []string{"", `"a"`, `"b"`, `not a tag`}
	calls := 0
	p := newPeer(t, readWrite, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", tags[calls])
		calls++
		_, _ = io.WriteString(w, listJSON(t, milk))
	})
	c := p.rest(t)
	etag := ""
	for i := range tags {
		l, err := c.List(t.Context(), etag)
		if err != nil || l.NotModified != (i > 0) {
			t.Fatalf("list %d: %+v %v", i, l, err)
		}
		etag = l.ETag
	}
}

func TestREST_ChangedBodyUnderAnOldTagIsRead(t *testing.T) {
	calls := 0
	p := newPeer(t, readWrite, func(w http.ResponseWriter, r *http.Request) {
		calls++
		w.Header().Set("ETag", `"stuck"`)
		_, _ = io.WriteString(w, listJSON(t, todo.Todo{ID: "1", Title: fmt.Sprint(calls)}))
	})
	c := p.rest(t)
	l, err := c.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if l, err = c.List(t.Context(), l.ETag); err != nil || l.NotModified || l.Todos[0].Title != "2" {
		t.Fatalf("%+v %v", l, err)
	}
}

func TestREST_NotModifiedWithoutATagIsAnError(t *testing.T) {
	p := newPeer(t, readWrite, sends(304, jsonType, ""))
	_, err := p.rest(t).List(t.Context(), "")
	wantFault(t, err, fault.Failed)
}

func TestR34_IncompleteListingSaysSo(t *testing.T) {
	for name, peerSays := range map[string]http.HandlerFunc{
		"count":     sends(200, jsonType, `{"count":2,"data":[{"id":"1","title":"a"}]}`),
		"next":      sends(200, jsonType, `{"next":"https://evil.example/api/todos?page=2","data":[{"id":"1","title":"a"}]}`),
		"link":      sends(200, jsonType, `[{"id":"1","title":"a"}]`, "Link", `<https://evil.example/>; rel="next"`),
		"no id":     sends(200, jsonType, `[{"id":"1","title":"a"},{"title":"b"}]`),
		"double id": sends(200, jsonType, `[{"id":"1","title":"a"},{"id":"1","title":"b"}]`),
	} {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t, readWrite, peerSays)
			l, err := p.rest(t).List(t.Context(), "")
			if err != nil || l.Complete || len(l.Todos) != 1 {
				t.Fatalf("%+v %v", l, err)
			}
			if len(p.requests()) != 1 {
				t.Fatal("a next link was followed")
			}
		})
	}
}

// TestREST_Statuses is the table of what each status means for each request.
func TestREST_Statuses(t *testing.T) {
	type row struct {
		status             int
		list, item, change fault.Kind
	}
	const (
		offline, denied, config, missingItem = fault.Offline, fault.Denied, fault.Config, fault.NotFound
		invalid, failed, conflict, readOnly  = fault.Invalid, fault.Failed, fault.Conflict, fault.ReadOnly
	)
	for _, r := range []row{
		{400, failed, failed, invalid}, {402, denied, denied, denied}, {403, denied, denied, denied},
		{404, config, missingItem, missingItem}, {405, config, config, readOnly}, {406, failed, failed, failed},
		{407, offline, offline, offline}, {408, offline, offline, offline}, {409, failed, failed, invalid},
		{410, config, missingItem, missingItem}, {411, failed, failed, invalid}, {412, conflict, conflict, conflict},
		{413, failed, failed, invalid}, {414, failed, failed, invalid}, {415, failed, failed, failed},
		{418, failed, failed, invalid}, {421, failed, failed, invalid}, {422, failed, failed, invalid},
		{423, offline, offline, offline}, {425, offline, offline, offline}, {428, conflict, conflict, conflict},
		{429, offline, offline, offline}, {431, failed, failed, invalid}, {451, denied, denied, denied},
		{500, offline, offline, offline}, {501, config, config, readOnly}, {502, offline, offline, offline},
		{503, offline, offline, offline}, {504, offline, offline, offline}, {507, offline, offline, offline},
		{511, offline, offline, offline}, {599, offline, offline, offline},
		{301, offline, offline, offline}, {302, offline, offline, offline}, {303, offline, offline, offline},
		{307, offline, offline, offline}, {308, offline, offline, offline}, {300, offline, offline, offline},
	} {
		t.Run(fmt.Sprint(r.status), func(t *testing.T) {
			p := newPeer(t, readWrite, sends(r.status, jsonType, `{"error":"some_code","error_description":"Words of the\u0007 server"}`, "Location", "/login"))
			c := p.rest(t)
			_, err := c.List(t.Context(), "")
			f := wantFault(t, err, r.list)
			if f.Status != r.status && r.status != 511 {
				t.Errorf("status %d", f.Status)
			}
			if r.status/100 != 3 && r.status != 511 && (f.Server != "Words of the□ server" || f.Code != "some_code") {
				t.Errorf("code %q, server %q", f.Code, f.Server)
			}
			_, err = c.Get(t.Context(), "7")
			wantFault(t, err, r.item)
			_, err = c.Update(t.Context(), "7", todo.Patch{Completed: pointerTo(true)}, `"v"`)
			wantFault(t, err, r.change)
			if n := len(p.requests()); n != 3 {
				t.Errorf("%d requests for 3 calls", n)
			}
		})
	}
}

func TestR7_RetryAfterIsHandedOnClamped(t *testing.T) {
	for value, want := range map[string]int{
		"": -1, "0": 0, "17": 17, "3600": 3600, "3601": 3600, "31536000": 3600, "99999999999999999999999": 3600,
		"-5": -1, "soon": -1, "1.5": -1, "Wed, 21 Oct 2015 07:28:30 GMT": 30, "Wed, 21 Oct 2015 07:27:00 GMT": 0, "Fri, 21 Oct 2016 07:28:00 GMT": 3600,
	} {
		for _, status := range []int{429, 503} {
			p := newPeer(t, readWrite, sends(status, jsonType, `{}`, "Retry-After", value, "Date", "Wed, 21 Oct 2015 07:28:00 GMT"))
			_, err := p.rest(t).List(t.Context(), "")
			if f := wantFault(t, err, fault.Offline); f.RetryAfter != want {
				t.Errorf("Retry-After %q is %d seconds, want %d", value, f.RetryAfter, want)
			}
		}
	}
}

func TestR3_CaptivePortalIsOffline(t *testing.T) {
	page := "<!doctype html><title>Hotel</title>Please sign in"
	for name, peerSays := range map[string]http.HandlerFunc{
		"200 html":          sends(200, "text/html; charset=utf-8", page),
		"200 html as json":  sends(200, jsonType, "\ufeff  "+page),
		"302":               sends(302, "text/html", page, "Location", "http://portal.example/"),
		"307":               sends(307, "text/html", page, "Location", "http://portal.example/"),
		"511":               sends(511, "text/html", page),
		"200 xhtml, no end": sends(200, "application/xhtml+xml", "<"),
	} {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t, readWrite, peerSays)
			c := p.rest(t)
			calls := map[string]func() error{
				"list":   func() error { _, err := c.List(t.Context(), `"old"`); return err },
				"get":    func() error { _, err := c.Get(t.Context(), "1"); return err },
				"create": func() error { _, err := c.Create(t.Context(), milk, "k"); return err },
				"update": func() error { _, err := c.Update(t.Context(), "1", todo.Patch{}, ""); return err },
				"delete": func() error { return c.Delete(t.Context(), "1", "") },
				"can":    func() error { _, err := c.Capabilities(t.Context()); return err },
			}
			for call, do := range calls {
				if f := wantFault(t, do(), fault.Offline); f.Code != "captive_portal" {
					t.Errorf("%s: code %s", call, f.Code)
				}
			}
			if p.mint.count() != 1 {
				t.Error("a portal made the app mint a token")
			}
		})
	}
}

func TestS52_RedirectIsNeverFollowed(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s arrived at another origin", r.Method, r.URL)
	}))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		p := newPeer(t, readWrite, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL+r.URL.Path, status)
		})
		c := p.rest(t)
		_, err := c.Create(t.Context(), milk, "k")
		wantFault(t, err, fault.Offline)
		_, err = c.List(t.Context(), "")
		wantFault(t, err, fault.Offline)
		if len(p.requests()) != 2 {
			t.Errorf("%d: %d requests", status, len(p.requests()))
		}
	}
}

func TestS78_LocationOfAnotherOriginOnlyNamesTheID(t *testing.T) {
	p := newPeer(t, readWrite, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.Header().Set("Location", "https://evil.example/api/todos/a%2Fb")
			w.WriteHeader(http.StatusCreated)
			return
		}
		_, _ = io.WriteString(w, itemJSON(t, todo.Todo{ID: "a/b", Title: "Buy milk"}))
	})
	made, err := p.rest(t).Create(t.Context(), milk, "")
	if err != nil || made.ID != "a/b" {
		t.Fatalf("%+v %v", made, err)
	}
	if got := p.requests()[1].uri; got != "/api/todos/a%2Fb" {
		t.Fatalf("then asked for %s", got)
	}
}

func TestREST_WrongURLIsAFaultOfTheConnection(t *testing.T) {
	for _, u := range []string{"http://api.example", "ftp://api.example", "https://user@api.example", "::", "https://api.example/#x"} {
		c := NewREST(Options{Transport: transport.New(transport.Options{}), Tokens: &mint{}, Resource: connection.Resource{URL: u}})
		_, err := c.List(t.Context(), "")
		wantFault(t, err, fault.Config)
		_, err = c.Get(t.Context(), "1")
		wantFault(t, err, fault.Config)
		_, err = c.Create(t.Context(), milk, "")
		wantFault(t, err, fault.Config)
		_, err = c.Update(t.Context(), "1", todo.Patch{}, "")
		wantFault(t, err, fault.Config)
		wantFault(t, c.Delete(t.Context(), "1", ""), fault.Config)
		_, err = c.Capabilities(t.Context())
		wantFault(t, err, fault.Config)
		_ = c.Close()
	}
}

func TestREST_GetHoldsTheIDAgainstTheAnswer(t *testing.T) {
	p := newPeer(t, readWrite, sends(200, jsonType, itemJSON(t, milk), "ETag", `"h"`))
	c := p.rest(t)
	got, err := c.Get(t.Context(), "7")
	if err != nil || got.Title != milk.Title || got.ETag != `"h"` {
		t.Fatalf("%+v %v", got, err)
	}
	_, err = c.Get(t.Context(), "8")
	wantFault(t, err, fault.Failed)
}

func TestREST_AnIDIsOnePathSegment(t *testing.T) {
	for id, want := range map[string]string{
		"a/b": "/api/todos/a%2Fb", "..": "/api/todos/%2E%2E", ".": "/api/todos/%2E", "?x=1#y": "/api/todos/%3Fx=1%23y",
		"é": "/api/todos/%C3%A9", "a b": "/api/todos/a%20b", "\r\nX: y": "/api/todos/%0D%0AX:%20y",
	} {
		p := newPeer(t, readWrite, sends(404, jsonType, "{}"))
		if err := p.rest(t).Delete(t.Context(), id, ""); err != nil {
			t.Fatal(err)
		}
		if got := p.requests()[0].uri; got != want {
			t.Errorf("id %q is asked for as %s, want %s", id, got, want)
		}
	}
	p := newPeer(t, readWrite, sends(200, jsonType, "{}"))
	_, err := p.rest(t).Get(t.Context(), "")
	wantFault(t, err, fault.NotFound)
	if len(p.requests()) != 0 {
		t.Error("the empty id was asked for")
	}
}

func TestREST_SuccessThatIsAnErrorIsAnError(t *testing.T) {
	for body, kind := range map[string]fault.Kind{
		`{"success":false,"error":"Something broke"}`:     fault.Failed,
		`{"error":{"code":"x","message":"y"}}`:            fault.Failed,
		`{"error":"insufficient_scope","message":"nope"}`: fault.Denied,
		`{"hello":"world"}`:                               fault.Failed,
		``:                                                fault.Failed,
		`nonsense`:                                        fault.Failed,
		`{"data":`:                                        fault.Failed,
		`"text"`:                                          fault.Failed,
	} {
		p := newPeer(t, readWrite, sends(200, jsonType, body))
		_, err := p.rest(t).List(t.Context(), "")
		wantFault(t, err, kind)
	}
}

func TestREST_ErrorsOfTheTokensAreHandedOnUnchanged(t *testing.T) {
	p := newPeer(t, nil, sends(200, jsonType, "[]"))
	p.mint.err = fault.New(fault.StepExchange, fault.SignInNeeded, "invalid_grant", "The session is over.")
	c := p.rest(t)
	if _, err := c.List(t.Context(), ""); err != p.mint.err {
		t.Fatal(err)
	}
	if _, err := c.Capabilities(t.Context()); err != p.mint.err {
		t.Fatal(err)
	}
	if len(p.requests()) != 0 {
		t.Fatal("a request without a token")
	}
}

func TestREST_AnEmptyGrantIsNotTried(t *testing.T) {
	p := newPeer(t, []string{}, sends(200, jsonType, "[]"))
	_, err := p.rest(t).List(t.Context(), "")
	if f := wantFault(t, err, fault.Denied); f.Step != fault.StepJWTBearer {
		t.Errorf("step %s", f.Step)
	}
	if len(p.requests()) != 0 {
		t.Fatal("a call with an empty grant")
	}
}

func TestREST_CancelAndCloseEndCalls(t *testing.T) {
	arrived := make(chan struct{}, 2)
	p := newPeer(t, readWrite, func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-r.Context().Done()
	})
	c := p.rest(t)
	ctx, cancel := context.WithCancel(t.Context())
	var calls sync.WaitGroup
	errs := make([]error, 2)
	calls.Go(func() { _, errs[0] = c.List(ctx, "") })
	<-arrived
	cancel()
	calls.Wait()
	calls.Go(func() { _, errs[1] = c.List(t.Context(), "") })
	<-arrived
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	calls.Wait()
	for _, err := range errs {
		wantFault(t, err, fault.Canceled)
	}
	_, err := c.List(t.Context(), "")
	wantFault(t, err, fault.Canceled)
	if len(p.requests()) != 2 {
		t.Error("a request after Close")
	}
}

func TestREST_AnswerCutOffIsOffline(t *testing.T) {
	p := newPeer(t, readWrite, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"data":[{"id":"1","title":"a"}`)
	})
	_, err := p.rest(t).List(t.Context(), "")
	wantFault(t, err, fault.Offline)
}

func TestREST_UnreachableServerIsOffline(t *testing.T) {
	p := newPeer(t, readWrite, sends(200, jsonType, "[]"))
	c := p.rest(t)
	p.Server.Close()
	_, err := c.List(t.Context(), "")
	wantFault(t, err, fault.Offline)
}

func TestREST_MoreThanTheLimitIsNotRead(t *testing.T) {
	p := newPeer(t, readWrite, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"data":{"id":"7","title":"`)
		chunk := strings.Repeat("x", 1<<20)
		for range 9 {
			_, _ = io.WriteString(w, chunk)
		}
		_, _ = io.WriteString(w, `"}}`)
	})
	_, err := p.rest(t).Get(t.Context(), "7")
	wantFault(t, err, fault.Hostile)
}

func TestREST_AnEchoedTokenIsNotShown(t *testing.T) {
	p := newPeer(t, readWrite, func(w http.ResponseWriter, r *http.Request) {
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token", error_description="bad `+token+`"`)
		sends(403, jsonType, `{"error":"`+token+`","error_description":"you sent `+token+`"}`)(w, r)
	})
	_, err := p.rest(t).List(t.Context(), "")
	if f := wantFault(t, err, fault.Denied); !strings.Contains(f.Server, secret.Redacted) {
		t.Errorf("server %q", f.Server)
	}
}
