// Package todoapi is the playground's to-do API: the endpoints of xaa.dev's
// Todo0, and for tokens with the scope todos.write the means to change to-dos.
//
// Invariant: no to-do is shown without a valid token that was minted for this
// resource and has todos.read, and none is changed without todos.write as well.
// Every answer is JSON. A change that its precondition (RFC 9110 section 13)
// forbids is not made, and a creation that is repeated with its Idempotency-Key
// is made once.
package todoapi

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"waybill/playground/internal/access"
	"waybill/playground/internal/dpop"
	"waybill/playground/internal/resource"
	"waybill/playground/internal/todostore"
	"waybill/todo"
)

// The scopes of this resource.
const (
	ScopeRead  = "todos.read"
	ScopeWrite = "todos.write"
)

// Options are what the to-do API needs. All fields but Log are required.
type Options struct {
	Origin              string // scheme://host[:port] under which it is reached; also the resource's identifier
	AuthorizationServer string // issuer
	Verifier            access.Verifier
	Proofs              dpop.Policy // the zero value: no token is bound to a key
	Store               *todostore.Store
	Log                 *slog.Logger // nil: no log
}

// collection is where the to-dos are.
const collection = "/api/todos"

type server struct {
	o         Options
	protected *resource.Server
}

// New returns the to-do API with its protected resource metadata. It starts
// nothing and is safe for concurrent use.
func New(o Options) http.Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &server{o: o, protected: resource.New(resource.Options{
		Origin: o.Origin, Name: "Todo0 of the built-in playground", AuthorizationServer: o.AuthorizationServer,
		Scopes: []string{ScopeRead, ScopeWrite}, Verifier: o.Verifier, Proofs: o.Proofs,
	})}
	return s.protected.Guard(s)
}

// endpoint is what a path leads to: a handler for each method. HEAD comes with
// GET.
type endpoint struct {
	methods map[string]func(http.ResponseWriter, *http.Request, access.Access)
}

// ServeHTTP authenticates, finds the endpoint and checks the scopes, in this
// order: who has no token learns nothing about the paths.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "private, no-cache")
	w.Header().Set("Vary", "Authorization")
	a, ok := s.protected.Authenticate(w, r)
	if !ok {
		return
	}
	e, ok := s.route(r.URL.Path)
	if !ok {
		refuse(w, http.StatusNotFound, "not_found", "There is nothing at this address.")
		return
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	handle := e.methods[method]
	switch {
	case r.Method == http.MethodOptions:
		w.Header().Set("Allow", e.allow(a))
		w.WriteHeader(http.StatusNoContent)
	case handle == nil:
		resource.NotAllowed(w, e.allow(a))
	case method == http.MethodGet && s.protected.Require(w, a, ScopeRead):
		handle(w, r, a)
	case method != http.MethodGet && s.protected.Require(w, a, ScopeRead, ScopeWrite):
		handle(w, r, a)
	}
}

// route finds the endpoint of a path. The path is compared as it is: it is
// neither cleaned nor redirected.
func (s *server) route(path string) (endpoint, bool) {
	type methods = map[string]func(http.ResponseWriter, *http.Request, access.Access)
	switch path {
	case document:
		return endpoint{methods{http.MethodGet: describe}}, true
	case collection:
		return endpoint{methods{http.MethodGet: s.list("", all), http.MethodPost: s.create}}, true
	}
	id, found := strings.CutPrefix(path, collection+"/")
	if !found || id == "" || strings.Contains(id, "/") {
		return endpoint{}, false
	}
	switch id {
	case "completed":
		return endpoint{methods{http.MethodGet: s.list(id, func(t todo.Todo) bool { return t.Completed })}}, true
	case "incomplete":
		return endpoint{methods{http.MethodGet: s.list(id, func(t todo.Todo) bool { return !t.Completed })}}, true
	case "stats":
		return endpoint{methods{http.MethodGet: s.stats}}, true
	}
	return endpoint{methods{http.MethodGet: s.get, http.MethodPatch: s.update, http.MethodDelete: s.remove}}, true
}

// allow lists the methods that this token may use here.
func (e endpoint) allow(a access.Access) string {
	var list []string
	for method := range e.methods {
		switch {
		case method != http.MethodGet && a.Has(ScopeRead) && a.Has(ScopeWrite):
			list = append(list, method)
		case method == http.MethodGet && a.Has(ScopeRead):
			list = append(list, method, http.MethodHead)
		}
	}
	slices.Sort(list)
	return strings.Join(append(list, http.MethodOptions), ", ")
}

func refuse(w http.ResponseWriter, status int, code, description string) {
	resource.Refuse(w, resource.Problem{Status: status, Code: code, Description: description})
}
