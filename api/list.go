package api

import (
	"bytes"
	"encoding/json"
	"strings"

	"waybill/todo"
)

// decodeList reads a list of one or several pages, unless it is the one that
// etag describes.
func (s scopes) decodeList(pages []*answer, etag string) (List, error) {
	now := validatorOf(pages)
	if known := parseValidator(etag); known.sum == now.sum {
		return List{ETag: now.String(), NotModified: true}, nil
	}
	whole := List{ETag: now.String(), Complete: true}
	seen := map[string]bool{}
	for i, page := range pages {
		read, err := todo.DecodeList(page.body)
		if err != nil {
			return List{}, s.unreadable(page, listing, err)
		}
		if whole.User == "" {
			whole.User = read.User
		}
		more := i+1 < len(pages) // then the page itself says that there is more
		whole.Complete = whole.Complete && (read.Complete || more && read.Skipped == 0) && !linksNext(page)
		if len(pages) == 1 {
			whole.Todos = read.Todos
			continue
		}
		for _, t := range read.Todos {
			if seen[t.ID] { // the list was changed between two pages
				whole.Complete = false
				continue
			}
			seen[t.ID] = true
			whole.Todos = append(whole.Todos, t)
		}
	}
	return whole, nil
}

// linksNext reports whether there is a next page (RFC 8288). It is not followed:
// no server of to-dos is known that pages its REST API.
func linksNext(a *answer) bool {
	for _, link := range a.header.Values("Link") {
		if strings.Contains(strings.ToLower(link), "next") {
			return true
		}
	}
	return false
}

// nextCursor is where the rest of a list begins that an MCP tool answers page by
// page, "" at its end.
func nextCursor(body []byte) string {
	if !bytes.Contains(body, []byte(`"nextCursor"`)) {
		return ""
	}
	members, err := readObject(body)
	if err != nil {
		return ""
	}
	var cursor string
	_ = json.Unmarshal(members["nextCursor"], &cursor)
	return cursor
}
