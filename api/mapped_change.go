package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"waybill/fault"
	"waybill/todo"
)

// Create implements Client. Ids are the API's to choose. The key is sent only
// in the header that the connection names: net/http itself repeats a POST that
// has an Idempotency-Key, which doubles the to-do where nobody heeds it.
func (c *mappedClient) Create(ctx context.Context, t todo.Todo, key string) (todo.Todo, error) {
	if c.wrong != nil {
		return todo.Todo{}, c.wrong
	}
	if !c.can(c.Todos.Create) {
		return todo.Todo{}, c.readOnly(whyNoCreate)
	}
	if err := c.unfit(todo.PatchOf(t)); err != nil {
		return todo.Todo{}, err
	}
	if err := c.again(ctx, t); err != nil {
		return todo.Todo{}, err
	}
	if t.Completed && c.acts() {
		return todo.Todo{}, unfitting("not_open", "This to-do service takes new to-dos only if they are not done yet.")
	}
	u, err := c.address(c.addPath())
	if err != nil {
		return todo.Todo{}, err
	}
	r := request{method: c.Todos.Create, url: u, body: c.newBody(t), about: creating}
	if key != "" && c.KeyHeader != "" {
		r.header = http.Header{http.CanonicalHeaderKey(c.KeyHeader): {key}}
	}
	a, err := c.ask(ctx, r)
	if err != nil {
		return todo.Todo{}, err
	}
	if err := c.usable(a, creating); err != nil {
		return todo.Todo{}, err
	}
	return c.created(ctx, a, t)
}

// again looks for a to-do that is made again because a listing lacks it, which
// may be wrong: what was missed while pages moved, or is done, is not doubled.
func (c *mappedClient) again(ctx context.Context, t todo.Todo) error {
	if _, wasRead := t.Extra[c.ID.Parts()[0]]; !wasRead {
		return nil
	}
	now, _, err := c.get(ctx, t.ID)
	if fault.Is(err, fault.NotFound) && !(t.Completed && c.OpenOnly) {
		return nil
	}
	if fault.Is(err, fault.NotFound) { // as it is wanted: done, or gone
		now.Todo = t
	} else if err != nil {
		return err
	}
	return conflict("still_there").Because(&ConflictError{Current: now.Todo})
}

// created reads the to-do from the answer to its creation. An answer that does
// not show it is followed by reading it.
func (c *mappedClient) created(ctx context.Context, a *answer, t todo.Todo) (todo.Todo, error) {
	r, err := c.one(a, "", creating)
	if err != nil && !unshown(err) {
		return todo.Todo{}, err
	}
	if err == nil && c.shows(r.raw, t, nil, todo.PatchOf(t).Fields()) {
		return r.Todo, nil
	}
	if r.ID == "" && strings.HasSuffix(c.itemPath(), "/{id}") {
		r.ID = createdID(a.header, "")
	}
	if r.ID == "" {
		return todo.Todo{}, garbled(a.status, errNoID) // the next listing tells
	}
	if now, _, err := c.get(ctx, r.ID); err == nil {
		return now.Todo, nil
	}
	// It is there: an error would have it made a second time.
	t.ID, t.ETag = r.ID, ""
	return t, nil
}

var errNoID = errors.New("api: the answer does not say which id the new to-do has")

// unshown reports whether an answer was accepted but shows no to-do.
func unshown(err error) bool {
	code := fault.As(err).Code
	return code == codeGarbled || code == codeShape
}

// shows reports whether an answer shows a to-do as a whole and not only a part
// of it: all that was sent, and what it had before if that is known.
func (m mapping) shows(raw object, t todo.Todo, before object, sent []todo.Field) bool {
	for _, f := range todo.PatchOf(t).Fields() {
		place := m.place(f)
		expected := before.has(place) || slices.Contains(sent, f) && !isEmpty(t, f)
		if place != "" && expected && !raw.has(place) {
			return false
		}
	}
	return raw.has(m.Title)
}

// before reads a to-do ahead of its change, where that is needed to write the
// change or to know that nobody else has changed it since version. tag is what
// If-Match is to hold, "" for nothing.
func (c *mappedClient) before(ctx context.Context, id, version string, needed bool) (now *found, tag string, err error) {
	sends := c.IfMatch && strongTag(version) && !strings.HasPrefix(version, contentMark)
	switch {
	case needed:
	case sends:
		return nil, version, nil
	case version == "":
		return nil, "", nil
	}
	r, tag, err := c.get(ctx, id)
	if err != nil {
		return nil, "", err
	}
	if version != "" && !c.is(r, version) && tag != version {
		return nil, "", conflict("changed").Because(&ConflictError{Current: r.Todo})
	}
	if !c.IfMatch || !strongTag(tag) {
		tag = ""
	}
	return &r, tag, nil
}

// Update implements Client.
func (c *mappedClient) Update(ctx context.Context, id string, p todo.Patch, ifMatch string) (todo.Todo, error) {
	if c.wrong != nil {
		return todo.Todo{}, c.wrong
	}
	acts := p.Completed != nil && c.acts()
	fields := slices.DeleteFunc(p.Fields(), func(f todo.Field) bool {
		return c.place(f) == "" || acts && f == todo.FieldCompleted
	})
	if !c.can(c.Todos.Update) && !(acts && len(fields) == 0 && c.ReadOnly == "") {
		return todo.Todo{}, c.readOnly(whyNoUpdate)
	}
	if err := c.unfit(p); err != nil {
		return todo.Todo{}, err
	}
	leaves := acts && *p.Completed && c.OpenOnly // what is done may not be there any more
	now, tag, err := c.before(ctx, id, ifMatch, c.wantsNow(p))
	switch {
	case leaves && fault.Is(err, fault.NotFound):
		return todo.Todo{}, nil
	case err != nil:
		return todo.Todo{}, err
	}
	var a *answer
	if len(fields) > 0 {
		if a, err = c.send(ctx, id, p, fields, now, tag); err != nil {
			return todo.Todo{}, err
		}
	}
	if acts && (now == nil || now.Completed != *p.Completed) {
		if err := c.act(ctx, id, *p.Completed); err != nil && !(leaves && fault.Is(err, fault.NotFound)) {
			return todo.Todo{}, err
		}
		a = nil
	}
	got, err := c.updated(ctx, a, id, p, now, fields)
	if leaves && fault.Is(err, fault.NotFound) {
		return todo.Todo{}, nil
	}
	return got, err
}

// send sends the fields of a change.
func (c *mappedClient) send(ctx context.Context, id string, p todo.Patch, fields []todo.Field, now *found, tag string) (*answer, error) {
	u, err := c.itemAddress(c.itemPath(), id)
	if err != nil {
		return nil, err
	}
	var raw object
	if now != nil {
		raw = now.raw
	}
	method := c.Todos.Update
	r := request{method: method, url: u, about: changing, body: c.body(p.Apply(todo.Todo{}), fields, raw, method == http.MethodPut)}
	if tag != "" {
		r.header = http.Header{"If-Match": {tag}}
	}
	a, err := c.ask(ctx, r)
	if err != nil {
		return nil, err
	}
	return a, c.usable(a, changing)
}

// act completes a to-do, or opens it again, by a request of its own.
func (c *mappedClient) act(ctx context.Context, id string, completed bool) error {
	path := c.Done.Reopen
	if completed {
		path = c.Done.Close
	}
	u, err := c.itemAddress(path, id)
	if err != nil {
		return err
	}
	a, err := c.ask(ctx, request{method: http.MethodPost, url: u, about: changing})
	if err != nil {
		return err
	}
	return c.usable(a, changing)
}

// updated reads the to-do from the answer to a change, or reads it anew where
// that does not show the whole of it.
func (c *mappedClient) updated(ctx context.Context, a *answer, id string, p todo.Patch, now *found, sent []todo.Field) (todo.Todo, error) {
	if a != nil && now != nil {
		r, err := c.one(a, id, changing)
		if err == nil && c.shows(r.raw, p.Apply(todo.Todo{}), now.raw, sent) {
			return r.Todo, nil
		}
		if err != nil && !unshown(err) {
			return todo.Todo{}, err
		}
	}
	return c.Get(ctx, id)
}

// Delete implements Client.
func (c *mappedClient) Delete(ctx context.Context, id, ifMatch string) error {
	if c.wrong != nil {
		return c.wrong
	}
	if !c.can(c.Todos.Delete) {
		return c.readOnly(whyNoDelete)
	}
	err := c.remove(ctx, id, ifMatch)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

func (c *mappedClient) remove(ctx context.Context, id, ifMatch string) error {
	u, err := c.itemAddress(c.itemPath(), id)
	if err != nil {
		return err
	}
	_, tag, err := c.before(ctx, id, ifMatch, false)
	if err != nil {
		return err
	}
	r := request{method: c.Todos.Delete, url: u, about: changing}
	if tag != "" {
		r.header = http.Header{"If-Match": {tag}}
	}
	a, err := c.ask(ctx, r)
	if err != nil {
		return err
	}
	return c.usable(a, changing)
}

// readOnly is the Fault of a change that is not offered.
func (c *mappedClient) readOnly(why string) error {
	return fault.New(fault.StepCall, fault.ReadOnly, "not_offered", cmp.Or(c.ReadOnly, why))
}
