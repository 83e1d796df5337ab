package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"

	"waybill/connection"
	"waybill/fault"
	"waybill/todo"
	"waybill/transport"
)

// restClient speaks Todo0's REST API: /api/todos below the resource's URL.
type restClient struct {
	caller
	todos *url.URL // of the collection
	wrong error    // the Fault of an URL that tokens must not be sent to
	close context.CancelFunc
}

// NewREST returns a Client for a REST resource. Resource.URL is the API's base
// (https://api.example) or its collection (…/todos); an URL that a token must
// not be sent to makes every call fail with a Fault of kind Config. With
// Resource.Todos the API is what that says, below Resource.URL.
func NewREST(o Options) Client {
	if o.Resource.Todos != nil {
		return newMapped(o)
	}
	root, cancel := context.WithCancel(context.Background())
	c := &restClient{close: cancel, caller: newCaller(o, root)}
	origin, err := transport.Origin(o.Resource.URL)
	if err != nil {
		c.wrong = err
		return c
	}
	c.http = o.Transport.HTTP(transport.Resource, origin)
	if c.todos, err = collection(o.Resource.URL); err != nil { // cannot be: Origin parsed it
		c.wrong = garbled(0, err)
	}
	return c
}

// Address is where the to-dos of a resource are asked for: the collection of a
// REST API, or the MCP server. It is "" if the resource's URL is none.
func Address(r connection.Resource) string {
	if r.Kind == connection.MCP {
		return r.URL
	}
	if r.Todos != nil {
		base, _, _ := strings.Cut(r.URL, "?")
		return strings.TrimRight(base, "/") + r.Todos.Filled().Path
	}
	u, err := collection(r.URL)
	if err != nil {
		return ""
	}
	return u.String()
}

// collection is the address of Todo0's to-dos below a base address, or that
// address if it is theirs.
func collection(base string) (*url.URL, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	u.RawQuery = ""
	if !strings.HasSuffix(strings.TrimSuffix(u.Path, "/"), "/todos") {
		u = u.JoinPath("api", "todos")
	}
	u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/"), strings.TrimSuffix(u.RawPath, "/")
	return u, nil
}

func newCaller(o Options, root context.Context) caller {
	s := scopesOf(o.Resource)
	return caller{lines: &lines{}, bearer: &bearer{tokens: o.Tokens, prover: o.Prover, root: root}, scopes: s, root: root}
}

// do is caller.do for a client that may have a wrong URL or be closed.
func (c *restClient) do(ctx context.Context, r request) (*answer, error) {
	if c.wrong != nil {
		return nil, c.wrong
	}
	return c.caller.do(ctx, r)
}

// item is the URL of one to-do. The id is one path segment, whatever it holds.
func (c *restClient) item(id string) (string, error) {
	if c.wrong != nil {
		return "", c.wrong
	}
	segment := url.PathEscape(id)
	switch segment {
	case "":
		return "", notThere(reading, "")
	case ".", "..": // would be resolved away
		segment = strings.ReplaceAll(segment, ".", "%2E")
	}
	return c.todos.String() + "/" + segment, nil
}

// List implements Client.
func (c *restClient) List(ctx context.Context, etag string) (List, error) {
	if c.wrong != nil {
		return List{}, c.wrong
	}
	known := parseValidator(etag)
	r := request{method: http.MethodGet, url: c.todos.String(), about: listing, limit: maxList}
	if known.etag != "" {
		r.header = http.Header{"If-None-Match": {known.etag}}
	}
	a, err := c.do(ctx, r)
	if err != nil {
		return List{}, err
	}
	if a.status == http.StatusNotModified && known.etag != "" {
		return List{ETag: etag, NotModified: true}, nil
	}
	if err := c.usable(a, listing); err != nil {
		return List{}, err
	}
	return c.scopes.decodeList([]*answer{a}, etag)
}

// unreadable is the Fault of a success whose body says or is something else.
func (s scopes) unreadable(a *answer, about asking, err error) error {
	var said *todo.AnswerError
	if errors.As(err, &said) {
		return s.answerError(said, a, about)
	}
	if errors.Is(err, todo.ErrTooLarge) {
		return errTooLarge.Because(err)
	}
	return garbled(a.status, err)
}

// usable returns the Fault of an answer that is no success.
func (c *restClient) usable(a *answer, about asking) error {
	if a.ok() && !a.portal() {
		return nil
	}
	f := c.scopes.refusal(a, about)
	if about.change() && (f.Kind == fault.Conflict || a.status == http.StatusConflict) {
		return withCurrent(f, a)
	}
	return f
}

// withCurrent adds the item as it is at the server to a conflict. A 409 is a
// conflict only if it shows that item.
func withCurrent(f *fault.Fault, a *answer) error {
	current := currentItem(a.body)
	if current.ID == "" && a.status == http.StatusConflict {
		return f
	}
	if tag := entityTag(a.header); tag != "" && current.ID != "" {
		current.ETag = tag
	}
	g := *f
	g.Kind, g.Message, g.Remedy = fault.Conflict, conflict("").Message, ""
	return g.Because(&ConflictError{Current: current})
}

// currentItem finds the item in the answer to a refused change: bare, under
// data, or beside an error under current, todo or item.
func currentItem(body []byte) todo.Todo {
	if item, err := todo.DecodeItem(body); err == nil {
		return item
	}
	var around map[string]json.RawMessage
	if json.Unmarshal(body, &around) != nil {
		return todo.Todo{}
	}
	for _, name := range []string{"current", "data", "todo", "item"} {
		if item, err := todo.DecodeItem(around[name]); err == nil {
			return item
		}
	}
	return todo.Todo{}
}

// Get implements Client.
func (c *restClient) Get(ctx context.Context, id string) (todo.Todo, error) {
	u, err := c.item(id)
	if err != nil {
		return todo.Todo{}, err
	}
	a, err := c.do(ctx, request{method: http.MethodGet, url: u, about: reading})
	if err != nil {
		return todo.Todo{}, err
	}
	if err := c.usable(a, reading); err != nil {
		return todo.Todo{}, err
	}
	return c.decodeItem(a, id, reading)
}

// decodeItem reads one to-do and holds its id against the one asked for.
func (c *restClient) decodeItem(a *answer, id string, about asking) (todo.Todo, error) {
	t, err := todo.DecodeItem(a.body)
	if err != nil {
		return todo.Todo{}, c.scopes.unreadable(a, about, err)
	}
	if id != "" && t.ID != id {
		return todo.Todo{}, garbled(a.status, fmt.Errorf("asked for one to-do, answered with another"))
	}
	if tag := entityTag(a.header); tag != "" {
		t.ETag = tag
	}
	return t, nil
}

// Create implements Client.
func (c *restClient) Create(ctx context.Context, t todo.Todo, key string) (todo.Todo, error) {
	t.ETag = ""
	body, err := json.Marshal(t)
	if err != nil {
		return todo.Todo{}, garbled(0, err)
	}
	r := request{method: http.MethodPost, body: body, about: creating}
	if c.todos != nil {
		r.url = c.todos.String()
	}
	if key != "" {
		r.header = http.Header{"Idempotency-Key": {key}}
	}
	a, err := c.do(ctx, r)
	if err != nil {
		return todo.Todo{}, err
	}
	if err := c.usable(a, creating); err != nil {
		return todo.Todo{}, err
	}
	return c.changed(ctx, a, "", createdID(a.header, t.ID), creating)
}

// changed reads the item from the answer to a change. An answer that accepts
// the change but does not show the item is followed by reading it.
func (c *restClient) changed(ctx context.Context, a *answer, id, fallback string, about asking) (todo.Todo, error) {
	t, err := c.decodeItem(a, id, about)
	if fault.Is(err, fault.Failed) && fault.As(err).Code == codeGarbled && t.ID == "" {
		return c.Get(ctx, fallback)
	}
	return t, err
}

// createdID is the last segment of a Location header, else the proposed id.
// Nothing is ever fetched from a Location itself: it may name another origin.
func createdID(h http.Header, proposed string) string {
	u, err := url.Parse(h.Get("Location"))
	if err != nil {
		return proposed
	}
	id, err := url.PathUnescape(path.Base(u.EscapedPath()))
	if err != nil || id == "." || id == "/" || id == ".." {
		return proposed
	}
	return id
}

// Update implements Client.
func (c *restClient) Update(ctx context.Context, id string, p todo.Patch, ifMatch string) (todo.Todo, error) {
	body, err := json.Marshal(p)
	if err != nil {
		return todo.Todo{}, garbled(0, err)
	}
	a, err := c.change(ctx, http.MethodPatch, id, body, ifMatch)
	if err != nil {
		return todo.Todo{}, err
	}
	return c.changed(ctx, a, id, id, changing)
}

// Delete implements Client.
func (c *restClient) Delete(ctx context.Context, id string, ifMatch string) error {
	_, err := c.change(ctx, http.MethodDelete, id, nil, ifMatch)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

func (c *restClient) change(ctx context.Context, method, id string, body []byte, ifMatch string) (*answer, error) {
	u, err := c.item(id)
	if err != nil {
		return nil, err
	}
	r := request{method: method, url: u, body: body, about: changing}
	if strongTag(ifMatch) {
		r.header = http.Header{"If-Match": {ifMatch}}
	}
	a, err := c.do(ctx, r)
	if err != nil {
		return nil, err
	}
	return a, c.usable(a, changing)
}

// Capabilities implements Client. It asks the server (OPTIONS, RFC 9110 section
// 9.3.7) only if the grant would allow a change.
func (c *restClient) Capabilities(ctx context.Context) (Capabilities, error) {
	if c.wrong != nil {
		return Capabilities{}, c.wrong
	}
	_, granted, err := c.bearer.token(ctx)
	if err != nil {
		return Capabilities{}, err
	}
	can, changes := c.scopes.read(granted)
	if !changes {
		return can, nil
	}
	var list, item methods
	var errs [2]error
	var both sync.WaitGroup
	both.Go(func() { list, errs[0] = c.allowed(ctx, c.todos.String()) })
	both.Go(func() { item, errs[1] = c.allowed(ctx, c.todos.String()+"/any") })
	both.Wait()
	if err := cmp.Or(errs[0], errs[1]); err != nil {
		return Capabilities{}, err
	}
	return can.offering(list[http.MethodPost],
		list[http.MethodPatch] || item[http.MethodPatch],
		list[http.MethodDelete] || item[http.MethodDelete]), nil
}

// methods is the set of an Allow header.
type methods map[string]bool

// allowed asks for the methods of an address. A server that does not answer
// OPTIONS offers nothing as far as is known.
func (c *restClient) allowed(ctx context.Context, u string) (methods, error) {
	a, err := c.do(ctx, request{method: http.MethodOptions, url: u, about: listing})
	if err != nil {
		return nil, err
	}
	switch {
	case a.ok() && !a.portal():
	case a.status == http.StatusNotFound, a.status == http.StatusMethodNotAllowed, a.status == http.StatusNotImplemented:
	default:
		return nil, c.scopes.refusal(a, listing)
	}
	out := methods{}
	for name := range strings.SplitSeq(strings.Join(a.header.Values("Allow"), ","), ",") {
		out[strings.ToUpper(strings.TrimSpace(name))] = true
	}
	return out, nil
}

// Close implements Client.
func (c *restClient) Close() error {
	c.close()
	return nil
}
