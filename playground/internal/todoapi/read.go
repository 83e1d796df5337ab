package todoapi

import (
	"net/http"
	"strings"

	"waybill/playground/internal/access"
	"waybill/playground/internal/resource"
	"waybill/todo"
)

func all(todo.Todo) bool { return true }

// list answers with a part of the list. The ETag of a part is that of the whole
// with the part's name: it changes a little too often, and costs nothing.
func (s *server) list(part string, keep func(todo.Todo) bool) func(http.ResponseWriter, *http.Request, access.Access) {
	return func(w http.ResponseWriter, r *http.Request, a access.Access) {
		if s.unchanged(w, r, a, part) {
			return
		}
		view, err := s.o.Store.View(a.Subject)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		w.Header().Set("ETag", tagOf(view.ETag, part))
		if part != "" {
			view = view.Only(keep)
		}
		resource.Write(w, http.StatusOK, view.ListJSON(resource.Owner(a)))
	}
}

func (s *server) stats(w http.ResponseWriter, r *http.Request, a access.Access) {
	if s.unchanged(w, r, a, "stats") {
		return
	}
	view, err := s.o.Store.View(a.Subject)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("ETag", tagOf(view.ETag, "stats"))
	resource.Write(w, http.StatusOK, view.StatsJSON(resource.Owner(a)))
}

// unchanged answers 304 where the caller has what there is, without looking at
// any to-do.
func (s *server) unchanged(w http.ResponseWriter, r *http.Request, a access.Access, part string) bool {
	if len(r.Header.Values("If-None-Match")) == 0 {
		return false
	}
	etag, err := s.o.Store.ETag(a.Subject)
	if err != nil {
		s.fail(w, r, err)
		return true
	}
	return notModified(w, r, tagOf(etag, part))
}

// tagOf makes the ETag of a part of the list.
func tagOf(etag, part string) string {
	if part == "" {
		return etag
	}
	return strings.TrimSuffix(etag, `"`) + "-" + part + `"`
}

func (s *server) get(w http.ResponseWriter, r *http.Request, a access.Access) {
	item, err := s.o.Store.Get(a.Subject, idOf(r))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if notModified(w, r, item.Todo.ETag) {
		return
	}
	w.Header().Set("ETag", item.Todo.ETag)
	resource.Write(w, http.StatusOK, item.Answer())
}

func idOf(r *http.Request) string { return strings.TrimPrefix(r.URL.Path, collection+"/") }

// notModified answers 304 if If-None-Match has the ETag, by weak comparison
// (RFC 9110 section 13.1.2).
func notModified(w http.ResponseWriter, r *http.Request, etag string) bool {
	if !matches(r.Header.Values("If-None-Match"), etag, true) {
		return false
	}
	w.Header().Set("ETag", etag)
	w.WriteHeader(http.StatusNotModified)
	return true
}

// matches reports whether a list of entity tags has etag, which is strong, or
// is a star (RFC 9110 sections 8.8.3.2 and 13.1). Of a list that is not well
// formed the part before the fault counts.
func matches(fields []string, etag string, weak bool) bool {
	for _, rest := range fields {
		for {
			rest = strings.TrimLeft(rest, " \t,")
			if strings.HasPrefix(rest, "*") {
				return true
			}
			tag, isWeak := strings.CutPrefix(rest, "W/")
			if !strings.HasPrefix(tag, `"`) {
				break
			}
			end := strings.IndexByte(tag[1:], '"')
			if end < 0 {
				break
			}
			if tag[:end+2] == etag && (weak || !isWeak) {
				return true
			}
			rest = tag[end+2:]
		}
	}
	return false
}
