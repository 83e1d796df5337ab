package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"hash"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"waybill/connection"
	"waybill/fault"
	"waybill/todo"
)

// maxListPages is how many pages of a list are read.
const maxListPages = 1000

// pageByPage gathers a list that may come page by page.
type pageByPage struct {
	list   List
	seen   map[string]bool // ids
	been   map[string]bool // addresses
	sum    hash.Hash
	size   int // bytes
	first  *answer
	count  int // pages read that hold anything
	total  int // to-dos in all, as the server says; -1: it does not
	at     int // elements read so far
	number int // of the page that is next
}

func newPages() *pageByPage {
	return &pageByPage{seen: map[string]bool{}, been: map[string]bool{}, sum: sha256.New(), list: List{Complete: true}, total: -1, number: 1}
}

// List implements Client. A list of several pages is complete only if nothing
// speaks against that: see connection.Paging.
func (c *mappedClient) List(ctx context.Context, etag string) (List, error) {
	start, err := c.address(c.Path)
	if err != nil {
		return List{}, err
	}
	known, mine := c.known(etag)
	p := newPages()
	if c.Paging != nil && c.Paging.First != nil {
		p.number = *c.Paging.First
	}
	next := start
	if c.Paging != nil && c.Paging.By == connection.PageNumber {
		next = withQuery(start, c.Paging.Parameter, strconv.Itoa(p.number))
	}
	for next != "" {
		if len(p.been) == maxListPages || p.been[next] {
			p.list.Complete = false
			break
		}
		p.been[next] = true
		a, err := c.page(ctx, next, known.etag, p.first == nil)
		switch {
		case err != nil && p.first != nil && c.beyondTheLast(err):
			next = ""
			continue
		case err != nil:
			return List{}, err
		case a.status == http.StatusNotModified:
			return List{ETag: etag, NotModified: true}, nil
		}
		if next, err = c.take(p, a, start); err != nil {
			return List{}, err
		}
	}
	if p.count > 1 && c.counts() {
		p.list.Complete = p.list.Complete && p.total == p.at
	}
	p.list.Complete = p.list.Complete && p.total <= p.at
	now := validator{sum: base64.RawURLEncoding.EncodeToString(p.sum.Sum(nil))}
	if len(p.been) == 1 { // the tag of one page says nothing of another
		now.etag = entityTag(p.first.header)
	}
	if mine && known.sum == now.sum {
		return List{ETag: c.mark() + now.String(), NotModified: true}, nil
	}
	p.list.ETag = c.mark() + now.String()
	return p.list, nil
}

// mark names the description by which a list was read: read by another, the
// same list is another.
func (c *mappedClient) mark() string {
	sum := sha256.Sum256(rawOf(c.Todos))
	return base64.RawURLEncoding.EncodeToString(sum[:6]) + " "
}

// known takes apart what List gave out under the same description.
func (c *mappedClient) known(etag string) (validator, bool) {
	rest, mine := strings.CutPrefix(etag, c.mark())
	if !mine {
		return validator{}, false
	}
	return parseValidator(rest), true
}

// counts reports whether pages are asked for by number or offset.
func (c *mappedClient) counts() bool {
	return c.Paging != nil && (c.Paging.By == connection.PageNumber || c.Paging.By == connection.PageOffset)
}

// beyondTheLast reports whether an error is how some servers say that there is
// no such page.
func (c *mappedClient) beyondTheLast(err error) bool {
	return c.counts() && fault.As(err).Status == http.StatusNotFound
}

// page reads one page.
func (c *mappedClient) page(ctx context.Context, address, etag string, first bool) (*answer, error) {
	r := request{method: http.MethodGet, url: address, about: listing, limit: maxList}
	if first && etag != "" {
		r.header = http.Header{"If-None-Match": {etag}}
	}
	a, err := c.ask(ctx, r)
	if err != nil || a.status == http.StatusNotModified && r.header != nil {
		return a, err
	}
	return a, c.usable(a, listing)
}

// take brings a page into the list and returns the address of the next one, ""
// if there is none.
func (c *mappedClient) take(p *pageByPage, a *answer, start string) (next string, err error) {
	if p.size += len(a.body); p.size > maxList {
		return "", errTooLarge
	}
	if !json.Valid(a.body) {
		return "", garbled(a.status, errMessage)
	}
	p.sum.Write(a.body)
	if p.first == nil {
		p.first = a
	}
	array := inside(a.body, c.At)
	if array == nil && c.Sparse && !failed(a.body) {
		array = []byte("[]")
	}
	if len(array) == 0 || array[0] != '[' {
		return "", c.missing(a, listing, "There is no array of to-dos"+whereIn(c.At)+" in the answer.", "at")
	}
	elements, fresh, err := c.elements(p, a, array)
	if err != nil {
		return "", err
	}
	p.at += elements
	if elements > 0 {
		p.count++
	}
	c.takeTotal(p, a)
	return c.next(p, a, start, elements, fresh), nil
}

// elements reads the to-dos of a page: how many there are, and how many are not
// of a page before.
func (c *mappedClient) elements(p *pageByPage, a *answer, array []byte) (all, fresh int, err error) {
	dec := json.NewDecoder(bytes.NewReader(array))
	if _, err := dec.Token(); err != nil {
		return 0, 0, garbled(a.status, err)
	}
	withID, titled := 0, 0
	for ; dec.More(); all++ {
		var element json.RawMessage
		if err := dec.Decode(&element); err != nil {
			return 0, 0, garbled(a.status, err)
		}
		if p.at+all >= todo.MaxList {
			return 0, 0, errTooLarge
		}
		r, err := c.read(element)
		if err == nil && r.ID != "" {
			withID++
		}
		if err == nil && r.raw.has(c.Title) {
			titled++
		}
		switch {
		case err != nil || r.ID == "" || p.seen[r.ID]:
			p.list.Complete = false
			continue
		}
		p.seen[r.ID] = true
		fresh++
		if !r.gone {
			p.list.Todos = append(p.list.Todos, r.Todo)
		}
	}
	switch {
	case all > 0 && withID == 0:
		err = c.missing(a, listing, "No to-do in the answer has an id"+whereIn(c.ID)+".", "id")
	case all > 0 && titled == 0:
		err = c.missing(a, listing, "No to-do in the answer has a title"+whereIn(c.Title)+".", "title")
	}
	return all, fresh, err
}

// takeTotal notes how many to-dos there are in all. Two pages that say
// different numbers are of two different lists.
func (c *mappedClient) takeTotal(p *pageByPage, a *answer) {
	if c.Paging == nil || c.Paging.Total == "" {
		return
	}
	var total int
	if json.Unmarshal(inside(a.body, c.Paging.Total), &total) != nil || total < 0 || p.count > 1 && total != p.total {
		p.list.Complete = false
		return
	}
	p.total = total
}

// next is the address of the page that follows. One that leads elsewhere, or
// that cannot be understood, makes the list incomplete.
func (c *mappedClient) next(p *pageByPage, a *answer, start string, elements, fresh int) string {
	if c.Paging == nil {
		if linksNext(a) || saysMore(a.body) {
			p.list.Complete = false
		}
		return ""
	}
	unclear := func() string {
		p.list.Complete = false
		return ""
	}
	switch c.Paging.By {
	case connection.PageLink:
		target, more := nextLink(a.header)
		if !more {
			return ""
		}
		return c.follow(p, start, target)
	case connection.PageNext, connection.PageToken:
		raw := inside(a.body, c.Paging.At)
		if isNull(raw) || string(raw) == `""` || string(raw) == "false" {
			return ""
		}
		var where string
		switch value := scalarOf(raw).(type) {
		case string:
			where = value
		case json.Number:
			where = value.String()
		}
		if where == "" || len(where) > 4*maxTodoAddress {
			return unclear()
		}
		if c.Paging.By == connection.PageToken {
			return withQuery(start, c.Paging.Parameter, where)
		}
		return c.follow(p, start, where)
	}
	switch {
	case elements == 0, p.total >= 0 && p.at >= p.total:
		return ""
	case fresh == 0: // the same page again: the parameter means nothing there
		return unclear()
	case c.Paging.By == connection.PageNumber:
		p.number++
		return withQuery(start, c.Paging.Parameter, strconv.Itoa(p.number))
	default:
		return withQuery(start, c.Paging.Parameter, strconv.Itoa(p.at))
	}
}

// maxTodoAddress bounds the address of a page, in bytes; a token may be longer.
const maxTodoAddress = 8 << 10

// follow resolves the address of a next page against that of the list.
func (c *mappedClient) follow(p *pageByPage, start, target string) string {
	from, err := url.Parse(start)
	if err != nil || len(target) > maxTodoAddress {
		p.list.Complete = false
		return ""
	}
	to, err := from.Parse(target)
	if err == nil {
		target, err = c.within(to.String())
	}
	if err != nil {
		p.list.Complete = false
		return ""
	}
	return target
}

// withQuery sets one parameter of an address.
func withQuery(address, name, value string) string {
	u, err := url.Parse(address)
	if err != nil { // cannot be: it was made from parts that were checked
		return address
	}
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String()
}

// nextLink finds the address of the next page in Link headers (RFC 8288 section
// 3).
func nextLink(h http.Header) (target string, more bool) {
	for _, field := range h.Values("Link") {
		for field != "" {
			_, rest, ok := strings.Cut(field, "<")
			if !ok {
				break
			}
			address, parameters, ok := strings.Cut(rest, ">")
			if !ok {
				break
			}
			parameters, field, _ = strings.Cut(parameters, ",")
			if isNext(parameters) {
				return address, true
			}
		}
	}
	return "", false
}

func isNext(parameters string) bool {
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		if !strings.EqualFold(strings.TrimSpace(name), "rel") {
			continue
		}
		for relation := range strings.FieldsSeq(strings.Trim(strings.TrimSpace(value), `"`)) {
			if strings.EqualFold(relation, "next") {
				return true
			}
		}
	}
	return false
}

// memberOf finds a member of an object in JSON that is valid; nil if there is
// none. It keeps nothing else, so that a large object costs no memory.
func memberOf(data []byte, name string) json.RawMessage {
	dec := json.NewDecoder(bytes.NewReader(data))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return nil
	}
	var value json.RawMessage
	for dec.More() {
		key, err := dec.Token()
		if err == nil {
			err = dec.Decode(&value)
		}
		if err != nil {
			return nil
		}
		if key == name {
			return value
		}
	}
	return nil
}
