package api

import (
	"net/http"
	"net/url"
	"strings"

	"waybill/connection"
)

// Endpoint is one thing that a REST API with to-dos offers, as far as the
// connection says so: the server was not asked.
type Endpoint struct {
	Method  string
	Path    string // below the origin, escaped; {id} stands for a to-do's
	Query   string // that belongs to it; "" for none
	Summary string
	Body    string // an example in JSON; "" if it takes none
}

// Endpoints are those of a resource of kind REST: Todo0's, or what Todos of the
// resource says. It is nil for other resources.
func Endpoints(r connection.Resource) []Endpoint {
	if r.Kind == connection.MCP {
		return nil
	}
	if r.Todos != nil {
		return describedEndpoints(r)
	}
	list, err := collection(r.URL)
	if err != nil {
		return nil
	}
	path := "/" + strings.TrimLeft(list.EscapedPath(), "/")
	return []Endpoint{
		{http.MethodGet, path, "", "List all to-dos", ""},
		{http.MethodGet, path + "/completed", "", "List the to-dos that are done", ""},
		{http.MethodGet, path + "/incomplete", "", "List the to-dos that are open", ""},
		{http.MethodGet, path + "/stats", "", "Count the to-dos", ""},
		{http.MethodGet, path + "/{id}", "", "Read one to-do", ""},
		{http.MethodPost, path, "", "Add a to-do, where the server offers that", `{"title":"Buy milk"}`},
		{http.MethodPatch, path + "/{id}", "", "Change a to-do, where the server offers that", `{"completed":true}`},
		{http.MethodDelete, path + "/{id}", "", "Delete a to-do, where the server offers that", ""},
	}
}

// describedEndpoints are those of a connection that describes its API.
func describedEndpoints(r connection.Resource) (all []Endpoint) {
	base, err := url.Parse(r.URL)
	if err != nil {
		return nil
	}
	c := &mappedClient{mapping: mapping{r.Todos.Filled()}}
	prefix := strings.TrimRight(base.EscapedPath(), "/")
	add := func(method, path, summary, body string) {
		path, query, _ := strings.Cut(path, "?")
		all = append(all, Endpoint{method, prefix + path, query, summary, body})
	}
	add(http.MethodGet, c.Path, "List the to-dos", "")
	add(http.MethodGet, c.itemPath(), "Read one to-do", "")
	if c.can(c.Todos.Create) {
		add(c.Todos.Create, c.addPath(), "Add a to-do", "{}")
	}
	if c.can(c.Todos.Update) {
		add(c.Todos.Update, c.itemPath(), "Change a to-do", "{}")
	}
	if c.can(c.Todos.Delete) {
		add(c.Todos.Delete, c.itemPath(), "Delete a to-do", "")
	}
	return all
}
