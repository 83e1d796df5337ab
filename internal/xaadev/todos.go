package xaadev

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

type item struct {
	ID          string   `json:"id"`
	Title       string   `json:"title"`
	Description string   `json:"description,omitempty"`
	Completed   bool     `json:"completed"`
	Priority    string   `json:"priority,omitempty"`
	Tags        []string `json:"tags,omitempty"`
	DueDate     string   `json:"dueDate,omitempty"`
}

// items are the to-dos that everybody has there.
var items = []item{
	{ID: "1", Title: "Review the quarterly report", Completed: false, Priority: "high", Tags: []string{"work"}, DueDate: "2026-06-30T17:00:00Z"},
	{ID: "2", Title: "Buy groceries", Completed: true, Priority: "low"},
	{ID: "3", Title: "Read the ID-JAG draft", Description: "Section 4.4", Completed: false, Priority: "medium"},
}

func chosen(which string) []item {
	return slices.DeleteFunc(slices.Clone(items), func(i item) bool {
		return which == "completed" && !i.Completed || which == "incomplete" && i.Completed
	})
}

// listing answers one of the four reads; false if there is no such.
func listing(which, user string) (any, bool) {
	switch which {
	case "", "completed", "incomplete":
		list := chosen(which)
		return map[string]any{"success": true, "count": len(list), "user": user, "data": list}, true
	case "stats":
		done := len(chosen("completed"))
		return map[string]any{"success": true, "data": map[string]int{"total": len(items), "completed": done, "incomplete": len(items) - done}}, true
	}
	return nil, false
}

// api is Todo0 over REST. It has no writes.
func (w *World) api() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/oauth-protected-resource", func(rw http.ResponseWriter, _ *http.Request) {
		reply(rw, http.StatusOK, resourceMetadata(API, "todos.read", "todos.write"))
	})
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", leak)
	mux.HandleFunc("GET /api/todos", w.withToken(API, "/.well-known/oauth-protected-resource", w.readTodos))
	mux.HandleFunc("GET /api/todos/{which}", w.withToken(API, "/.well-known/oauth-protected-resource", w.readTodos))
	return mux
}

func resourceMetadata(resource string, scopes ...string) map[string]any {
	return map[string]any{
		"resource": resource, "authorization_servers": []string{Server}, "scopes_supported": scopes, "bearer_methods_supported": []string{"header"},
	}
}

func (w *World) readTodos(rw http.ResponseWriter, r *http.Request, claims map[string]any) {
	if !slices.Contains(fields(text(claims, "scope")), "todos.read") {
		rw.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="todos.read"`)
		reply(rw, http.StatusForbidden, map[string]any{"success": false, "error": "insufficient_scope"})
		return
	}
	if answer, ok := listing(r.PathValue("which"), text(claims, "sub")); ok {
		reply(rw, http.StatusOK, answer)
		return
	}
	for _, i := range items {
		if i.ID == r.PathValue("which") {
			reply(rw, http.StatusOK, map[string]any{"success": true, "data": i})
			return
		}
	}
	reply(rw, http.StatusNotFound, map[string]any{"success": false, "error": "Todo not found"})
}

// withToken lets a request through that carries an access token for resource.
func (w *World) withToken(resource, metadata string, next func(http.ResponseWriter, *http.Request, map[string]any)) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		claims := w.verify(token, "at+jwt")
		if claims == nil || text(claims, "aud") != resource || number(claims, "exp") <= time.Now().Unix() {
			challenge := "Bearer"
			if !w.habit().NoChallenge {
				challenge = fmt.Sprintf(`Bearer resource_metadata="https://%s%s"`, r.Host, metadata)
			}
			if bearer {
				challenge += `, error="invalid_token"`
				challenge = strings.Replace(challenge, "Bearer,", "Bearer", 1)
			}
			rw.Header().Set("WWW-Authenticate", challenge)
			reply(rw, http.StatusUnauthorized, map[string]any{"success": false, "error": "invalid_token"})
			return
		}
		next(rw, r, claims)
	}
}

func fields(scope string) []string { return strings.Fields(scope) }
