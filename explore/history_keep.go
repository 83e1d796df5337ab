package explore

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"waybill/fault"
	"waybill/todo"
	"waybill/transport"
)

func (h *History) add(c Call) Call {
	c = c.withoutSecrets()
	c.ID, c.Favourite = newID(), ""
	same := func(other Call) bool { return other.same(c) }
	if i := slices.IndexFunc(h.Calls, same); i >= 0 {
		c.ID = h.Calls[i].ID
		h.Calls = slices.Delete(h.Calls, i, i+1)
	}
	if i := slices.IndexFunc(h.Favourites, same); i >= 0 {
		f := &h.Favourites[i]
		f.At, f.Status, f.Failed, f.Took = c.At, c.Status, c.Failed, c.Took
	}
	h.Calls = slices.Insert(h.Calls, 0, c)
	h.Calls = h.Calls[:min(len(h.Calls), MaxHistory)]
	room := maxHistory
	for i, c := range h.Calls {
		if room -= c.size(); room < 0 && i > 0 {
			h.Calls = h.Calls[:i]
			break
		}
	}
	return c
}

// newID names a call: 13 characters that nothing else has.
func newID() string { return strings.ToLower(rand.Text()[:13]) }

// same reports whether two calls ask for the same.
func (c Call) same(other Call) bool {
	a, b := c.REST, other.REST
	if a != nil && b != nil {
		return a.method() == b.method() && a.Path == b.Path && slices.Equal(a.Query, b.Query) && slices.Equal(a.Header, b.Header) && bytes.Equal(a.Body, b.Body)
	}
	x, y := c.Tool, other.Tool
	return a == nil && b == nil && x != nil && y != nil && x.Name == y.Name && bytes.Equal(compact(x.Arguments), compact(y.Arguments))
}

// compact is JSON as it is kept.
func compact(data json.RawMessage) []byte {
	var b bytes.Buffer
	if json.Compact(&b, data) != nil {
		return data
	}
	return b.Bytes()
}

// size is about how many bytes the call takes when it is kept.
func (c Call) size() (n int) {
	n = 300 + len(c.Favourite)
	if r := c.REST; r != nil {
		n += len(r.Path) + len(r.Body)*4/3
		for _, p := range slices.Concat(r.Query, r.Header) {
			n += 30 + len(p.Name) + len(p.Value)
		}
	}
	if c.Tool != nil {
		n += len(c.Tool.Name) + len(c.Tool.Arguments)
	}
	return n
}

func (h *History) find(id string) *Call {
	for _, list := range [][]Call{h.Favourites, h.Calls} {
		if i := slices.IndexFunc(list, func(c Call) bool { return c.ID == id }); i >= 0 {
			return &list[i]
		}
	}
	return nil
}

func (h *History) remove(id string) {
	is := func(c Call) bool { return c.ID == id }
	h.Calls, h.Favourites = slices.DeleteFunc(h.Calls, is), slices.DeleteFunc(h.Favourites, is)
}

func (h *History) name(id, name string) error {
	c := h.find(id)
	if c == nil {
		return fault.New(fault.StepStore, fault.NotFound, "no_such_call", "This call is not kept any more.")
	}
	if name = strings.TrimSpace(name); name == "" {
		if c.Favourite != "" {
			h.remove(id)
		}
		return nil
	}
	if len([]rune(name)) > maxFavourite || name != todo.Line(name) {
		return fault.New(fault.StepStore, fault.Invalid, "bad_name", fmt.Sprintf("A name has at most %d characters, all of them visible.", maxFavourite))
	}
	room := maxHistory - c.size()
	for _, other := range h.Favourites {
		if room -= other.size(); other.ID != id && strings.EqualFold(other.Favourite, name) {
			return fault.New(fault.StepStore, fault.Invalid, "name_taken", "Another favourite has this name.")
		}
	}
	if c.Favourite != "" {
		c.Favourite = name
	} else {
		if len(h.Favourites) >= MaxFavourites || room < 0 {
			return fault.New(fault.StepStore, fault.Invalid, "too_many", "There is no room for another favourite.").
				WithRemedy("Remove one first.")
		}
		favourite := *c
		favourite.ID, favourite.Favourite = newID(), name
		h.Favourites = append(h.Favourites, favourite)
	}
	slices.SortFunc(h.Favourites, func(a, b Call) int {
		return cmp.Compare(strings.ToLower(a.Favourite), strings.ToLower(b.Favourite))
	})
	return nil
}

func (c *Call) line() string {
	switch {
	case c.REST != nil:
		path := c.REST.Path
		for _, p := range c.REST.Query {
			mark := "&"
			if !strings.Contains(path, "?") {
				mark = "?"
			}
			path += mark + url.QueryEscape(p.Name) + "=" + url.QueryEscape(p.Value)
		}
		return todo.Line(c.REST.method() + " " + path)
	case c.Tool != nil:
		return todo.Line(string(c.Tool.Name))
	}
	return ""
}

// withoutSecrets is c as it may be kept.
func (c Call) withoutSecrets() Call {
	k := keeper{}
	if c.REST != nil {
		r := *c.REST
		r.Path, r.Query, r.Header = k.path(r.Path), k.pairs(r.Query), k.pairs(r.Header)
		r.Body = k.body(r.Body, "body")
		c.REST = &r
	}
	if c.Tool != nil {
		t := *c.Tool
		t.Arguments = k.body(t.Arguments, "arguments")
		c.Tool = &t
	}
	c.Left = k.left
	return c
}

// keeper takes out what is not kept, and notes its names.
type keeper struct {
	left  []string
	times int
}

func (k *keeper) leave(name string) {
	k.times++
	if name = fault.Clean(name, 60); !slices.Contains(k.left, name) {
		k.left = append(k.left, name)
	}
}

// jwt is what all JSON web tokens look like.
var jwt = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`)

// value is the value of something with that name, as it may be kept.
func (k *keeper) value(name, value string) string {
	if value != "" && transport.SecretName(name) {
		k.leave(name)
		return ""
	}
	for jwt.MatchString(value) { // what is left may be one again
		k.leave(name)
		value = jwt.ReplaceAllString(value, "")
	}
	return value
}

func (k *keeper) pairs(in []Pair) []Pair {
	var out []Pair
	for _, p := range in {
		out = append(out, Pair{p.Name, k.value(p.Name, p.Value)})
	}
	return out
}

// path looks at the query that a path may have.
func (k *keeper) path(path string) string {
	path, query, has := strings.Cut(path, "?")
	if path = k.value("path", path); !has {
		return path
	}
	return path + "?" + k.form(query)
}

// form looks at a query, or a body that is form-encoded.
func (k *keeper) form(query string) string {
	parts := strings.Split(query, "&")
	for i, part := range parts {
		name, value, _ := strings.Cut(part, "=")
		plain, err := url.QueryUnescape(name)
		if err != nil {
			plain = name
		}
		if kept := k.value(plain, value); kept != value {
			parts[i] = name + "=" + kept
		}
	}
	return k.value("query", strings.Join(parts, "&")) // a name may hold a token
}

// body is a body, or arguments, as they may be kept: nil if they are too long, or
// hold a token where nothing can be taken out.
func (k *keeper) body(data []byte, name string) []byte {
	if data == nil {
		return nil
	}
	if len(data) <= MaxKept {
		if out := k.content(data, name); !jwt.Match(out) {
			return out
		}
	}
	k.leave(name)
	return nil
}

// content looks at JSON, or else at what may be form-encoded or any text.
func (k *keeper) content(data []byte, name string) []byte {
	var v any
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if !json.Valid(data) || decoder.Decode(&v) != nil {
		if bytes.ContainsAny(data, " \t\r\n") {
			return []byte(k.value(name, string(data)))
		}
		return []byte(k.form(string(data)))
	}
	before := k.times
	v = k.json(name, v)
	if k.times == before {
		return data // byte for byte
	}
	out, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return out
}

// json goes through a JSON value; json.Valid has bounded its depth.
func (k *keeper) json(name string, v any) any {
	switch v := v.(type) {
	case string:
		return k.value(name, v)
	case []any:
		for i := range v {
			v[i] = k.json(name, v[i])
		}
	case map[string]any:
		for _, member := range slices.Sorted(maps.Keys(v)) {
			v[member] = k.json(member, v[member])
		}
	}
	return v
}
