package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"waybill/connection"
	"waybill/fault"
	"waybill/todo"
	"waybill/transport"
)

// mappedClient speaks a REST API that a connection describes.
//
// Such an API may have no entity tags, no idempotency keys and ids of its own.
// What Client promises holds all the same, but for the time between two
// requests: without If-Match a to-do is read before it is changed, and a change
// made by others since the edit was made is a conflict.
type mappedClient struct {
	caller
	mapping
	base, origin string // of every address: Resource.URL without its query
	wrong        error  // the Fault of a description that cannot be used
	end          context.CancelFunc
}

// newMapped returns a Client for a Resource with Todos.
func newMapped(o Options) Client {
	root, end := context.WithCancel(context.Background())
	c := &mappedClient{end: end, caller: newCaller(o, root), mapping: mapping{o.Resource.Todos.Filled()}}
	origin, err := transport.Origin(o.Resource.URL)
	if err == nil {
		err = o.Resource.Todos.Validate()
	}
	if err != nil {
		c.wrong = err
		return c
	}
	c.http, c.origin = o.Transport.HTTP(transport.Resource, origin), origin
	base, err := url.Parse(o.Resource.URL)
	if err != nil { // cannot be: Origin parsed it
		c.wrong = garbled(0, err)
		return c
	}
	base.RawQuery, base.ForceQuery = "", false
	c.base = strings.TrimRight(base.String(), "/")
	return c
}

// address returns the whole address of a path below the resource. It never has
// another origin.
func (c *mappedClient) address(path string) (string, error) {
	if c.wrong != nil {
		return "", c.wrong
	}
	return c.within(c.base + path)
}

// within returns an address if it is of the resource's origin.
func (c *mappedClient) within(address string) (string, error) {
	if origin, err := transport.Origin(address); err != nil || origin != c.origin {
		return "", hostile("other_origin", "The to-do service pointed to another server.").Because(err)
	}
	return address, nil
}

// itemAddress fills an id into a path. It is one path segment, or one value of
// the query, whatever it holds.
func (c *mappedClient) itemAddress(path, id string) (string, error) {
	if c.wrong != nil {
		return "", c.wrong
	}
	if id == "" || len(id) > maxID {
		return "", notThere(reading, "")
	}
	before, after, _ := strings.Cut(path, "{id}")
	segment := url.PathEscape(id)
	if strings.Contains(before, "?") {
		segment = url.QueryEscape(id)
	} else if strings.Trim(id, ".") == "" { // would be resolved away
		segment = strings.ReplaceAll(segment, ".", "%2E")
	}
	return c.address(before + segment + after)
}

// itemPath is the path of one to-do.
func (c *mappedClient) itemPath() string {
	if c.Item != "" {
		return c.Item
	}
	return c.addPath() + "/{id}"
}

// addPath is the path at which a to-do is added.
func (c *mappedClient) addPath() string {
	path, _, _ := strings.Cut(c.Path, "?")
	return strings.TrimSuffix(path, "/")
}

// ask sends a request with the headers that the API demands.
func (c *mappedClient) ask(ctx context.Context, r request) (*answer, error) {
	h := http.Header{}
	for name, value := range c.Headers {
		if r.body != nil || !strings.EqualFold(name, "Content-Type") {
			h.Set(name, value)
		}
	}
	for name, values := range r.header {
		h[name] = values
	}
	r.header = h
	return c.do(ctx, r)
}

// usable returns the Fault of an answer that is no success. A conflict shows
// nothing: which shape the to-do would have in it is not known.
func (c *mappedClient) usable(a *answer, about asking) error {
	if a.ok() && !a.portal() {
		return nil
	}
	f := c.scopes.refusal(a, about)
	if f.Kind == fault.Conflict && about.change() {
		return f.Because(&ConflictError{})
	}
	if a.status == http.StatusConflict && about == creating {
		// No to-do is in the way, since the API chooses the ids: it is refused.
		g := *f
		g.Status = http.StatusUnprocessableEntity
		return &g
	}
	return f
}

// Get implements Client.
func (c *mappedClient) Get(ctx context.Context, id string) (todo.Todo, error) {
	r, _, err := c.get(ctx, id)
	return r.Todo, err
}

// get reads one to-do, and the entity tag that belongs to it.
func (c *mappedClient) get(ctx context.Context, id string) (found, string, error) {
	u, err := c.itemAddress(c.itemPath(), id)
	if err != nil {
		return found{}, "", err
	}
	a, err := c.ask(ctx, request{method: http.MethodGet, url: u, about: reading})
	if err != nil {
		return found{}, "", err
	}
	if err := c.usable(a, reading); err != nil {
		return found{}, "", err
	}
	r, err := c.one(a, id, reading)
	if err != nil {
		return found{}, "", err
	}
	if r.gone {
		return found{}, "", notThere(reading, "")
	}
	tag := entityTag(a.header)
	if !strings.HasPrefix(r.ETag, contentMark) {
		tag = r.ETag
	}
	return r, tag, nil
}

// one reads the to-do in an answer that holds one, and holds its id against the
// one asked for.
func (c *mappedClient) one(a *answer, id string, about asking) (found, error) {
	if !json.Valid(a.body) {
		return found{}, garbled(a.status, errMessage)
	}
	body := a.body
	if c.ItemAt != "" {
		if body = inside(a.body, c.ItemAt); body == nil {
			return found{}, c.missing(a, about, "There is no to-do"+whereIn(c.ItemAt)+" in the answer for one.", "item_at")
		}
	}
	r, err := c.read(body)
	switch {
	case err != nil:
		return found{}, c.scopes.unreadable(a, about, err)
	case r.ID == "":
		return found{}, c.missing(a, about, "There is no id"+whereIn(c.ID)+" in the answer for one to-do.", "id")
	case id != "" && r.ID != id:
		return found{}, garbled(a.status, errors.New("asked for one to-do, answered with another"))
	}
	return r, nil
}

// codeShape marks an answer that is not of the shape that the connection says.
const codeShape = "wrong_shape"

// missing is the Fault of an answer that lacks what the connection says is in
// it, or of what that answer says instead.
func (c *mappedClient) missing(a *answer, about asking, sentence, member string) error {
	var said *todo.AnswerError
	if _, err := todo.DecodeList(a.body); errors.As(err, &said) {
		return c.scopes.answerError(said, a, about)
	}
	f := fault.New(fault.StepCall, fault.Config, codeShape, sentence).
		WithRemedy(fmt.Sprintf("Check %q in the connection.", "resource.todos."+member))
	f.Status = a.status
	return f
}

// failed reports whether an answer is no object, or one that says that the
// request failed.
func failed(body []byte) bool {
	var said *todo.AnswerError
	_, err := todo.DecodeList(body)
	return errors.As(err, &said) || !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{"))
}

// whereIn says where something was looked for, as a part of a sentence.
func whereIn(at connection.Path) string {
	if at == "" {
		return ""
	}
	return " at “" + fault.Clean(string(at), 80) + "”"
}

// The sentences of Capabilities.Why that only a described API has.
const whyNotDescribed = "The connection does not say how to-dos are changed at this service, so they can be read only."

// Capabilities implements Client. The server is not asked: what it offers is
// what the connection says.
func (c *mappedClient) Capabilities(ctx context.Context) (Capabilities, error) {
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
	can = can.offering(c.can(c.Todos.Create), c.can(c.Todos.Update) || c.acts() && c.ReadOnly == "", c.can(c.Todos.Delete))
	switch {
	case c.ReadOnly != "":
		can.Why = c.ReadOnly
	case !can.Write:
		can.Why = whyNotDescribed
	case can.Why == "":
		can.Why = c.lacks()
	}
	return can, nil
}

// can reports whether a change is offered for which method is sent.
func (c *mappedClient) can(method string) bool { return method != "" && c.ReadOnly == "" }

// lacks says which fields the API has no place for, "" if it has one for each.
func (c *mappedClient) lacks() string {
	var without []string
	for _, f := range []todo.Field{todo.FieldDescription, todo.FieldCompleted, todo.FieldPriority, todo.FieldTags, todo.FieldDue} {
		if c.place(f) == "" {
			without = append(without, article(f)+names[f])
		}
	}
	parts := []string{}
	if len(without) > 0 {
		parts = append(parts, "has no place for "+listed(without, "or"))
	}
	if c.Due != nil && c.Due.Days {
		parts = append(parts, "keeps the day of a due date but not its time")
	}
	if c.OpenOnly {
		parts = append(parts, "lists only to-dos that are not done")
	}
	if len(parts) == 0 {
		return ""
	}
	return "This to-do service " + listed(parts, "and") + "."
}

// listed joins words as a sentence does.
func listed(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " " + last + " " + words[len(words)-1]
}

// Close implements Client.
func (c *mappedClient) Close() error {
	c.end()
	return nil
}

// inside finds a value inside JSON that is valid, without keeping what is
// beside it.
func inside(data []byte, at connection.Path) json.RawMessage {
	for _, name := range at.Parts() {
		if data = memberOf(data, name); data == nil {
			return nil
		}
	}
	return data
}

// saysMore reports whether an object says that there is more than it holds, in one
// of the ways that are common.
func saysMore(data []byte) bool {
	return slices.ContainsFunc([]string{"nextCursor", "next_cursor", "nextPageToken", "next_page_token", "next", "nextPage", "next_page", "hasMore", "has_more", "@odata.nextLink", "nextLink"}, func(name string) bool {
		switch string(memberOf(data, name)) {
		case "", "null", "false", "0", `""`, "[]", "{}":
			return false
		}
		return true
	})
}
