package todostore

import (
	"encoding/json"
	"strconv"

	"waybill/todo"
)

// maxPage keeps an answer that holds a page twice, as text and as structure,
// below the 8 MiB that clients take in one message.
const maxPage = 3 << 20

// View is a user's to-dos at one moment, in the order in which they were
// created. It is immutable.
type View struct {
	ETag  string // of the whole list, also where Items are a part of it
	Items []*Item
}

// Only returns the items that keep is true for.
func (v View) Only(keep func(todo.Todo) bool) View {
	part := View{ETag: v.ETag}
	for _, item := range v.Items {
		if keep(item.Todo) {
			part.Items = append(part.Items, item)
		}
	}
	return part
}

// The answers below are the same over REST and over MCP.

// ListJSON is the answer to a request for a list. user is whose list it is, for
// people. further are members to add, each `,"name":value`.
func (v View) ListJSON(user string, further ...string) []byte {
	size := 128 + len(user)
	for _, item := range v.Items {
		size += len(item.JSON) + 1
	}
	b := append(make([]byte, 0, size), `{"success":true,"count":`...)
	b = strconv.AppendInt(b, int64(len(v.Items)), 10)
	b = append(appendUser(b, user), `,"data":[`...)
	for i, item := range v.Items {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, item.JSON...)
	}
	b = append(b, ']')
	for _, member := range further {
		b = append(b, member...)
	}
	return append(b, '}')
}

// StatsJSON is the answer to a request for the numbers. They stand both in the
// answer itself and under data, since clients look in either place.
func (v View) StatsJSON(user string) []byte {
	completed := 0
	for _, item := range v.Items {
		if item.Todo.Completed {
			completed++
		}
	}
	numbers := `"total":` + strconv.Itoa(len(v.Items)) + `,"completed":` + strconv.Itoa(completed) +
		`,"incomplete":` + strconv.Itoa(len(v.Items)-completed)
	b := appendUser([]byte(`{"success":true`), user)
	return append(b, `,`+numbers+`,"data":{`+numbers+`}}`...)
}

// Answer is the answer that shows this item.
func (i *Item) Answer() []byte {
	b := append(make([]byte, 0, len(i.JSON)+32), `{"success":true,"data":`...)
	return append(append(b, i.JSON...), '}')
}

func appendUser(b []byte, user string) []byte {
	name, err := json.Marshal(user)
	if err != nil { // a string always encodes
		return b
	}
	return append(append(b, `,"user":`...), name...)
}

// Page returns at most limit items that follow the one that the cursor names,
// and the cursor of the next page, "" if there is none. An empty cursor is the
// beginning. A page has at most maxPage bytes of JSON, but at least one item.
// An item that is there all the while is on exactly one page, whatever else is
// added or removed between two pages.
func (v View) Page(cursor string, limit int) (page View, next string, err error) {
	from := 0
	if cursor != "" {
		last, err := strconv.ParseUint(cursor, 10, 64)
		if err != nil {
			return View{}, "", &InvalidError{"The cursor is not one of an earlier page."}
		}
		for from < len(v.Items) && v.Items[from].n <= last {
			from++
		}
	}
	to, size, limit := from, 0, max(limit, 1)
	for to < len(v.Items) && to-from < limit && (to == from || size+len(v.Items[to].JSON) <= maxPage) {
		size += len(v.Items[to].JSON)
		to++
	}
	if to < len(v.Items) {
		next = strconv.FormatUint(v.Items[to-1].n, 10)
	}
	return View{ETag: v.ETag, Items: v.Items[from:to]}, next, nil
}
