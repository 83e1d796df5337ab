package todoapi

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"waybill/playground/internal/access"
	"waybill/playground/internal/resource"
	"waybill/todo"
)

// maxBody is the longest body that is read, in bytes; maxKey the longest
// Idempotency-Key.
const (
	maxBody = 2 << 20
	maxKey  = 255
)

// create answers POST: 201 with the new item, or the same answer again for an
// Idempotency-Key that was used for the same to-do; 409 with the item that has
// the id already; 422 for a to-do that is not taken and for a key that was used
// for another one (draft-ietf-httpapi-idempotency-key-header section 2.7).
func (s *server) create(w http.ResponseWriter, r *http.Request, a access.Access) {
	keys := r.Header.Values("Idempotency-Key")
	if len(keys) > 1 || len(keys) == 1 && (keys[0] == "" || len(keys[0]) > maxKey) {
		refuse(w, http.StatusBadRequest, "invalid_request", "An Idempotency-Key is one header of 1 to 255 bytes.")
		return
	}
	var t todo.Todo
	if !readBody(w, r, &t, "application/json") {
		return
	}
	item, err := s.o.Store.Create(a.Subject, t, strings.Join(keys, ""))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Location", collection+"/"+item.Todo.ID)
	w.Header().Set("ETag", item.Todo.ETag)
	resource.Write(w, http.StatusCreated, item.Answer())
}

// update answers PATCH, whose body is the members to change as in a JSON Merge
// Patch (RFC 7396).
func (s *server) update(w http.ResponseWriter, r *http.Request, a access.Access) {
	var p todo.Patch
	if !readBody(w, r, &p, "application/json", "application/merge-patch+json") {
		return
	}
	item, err := s.o.Store.Update(a.Subject, idOf(r), p, ifMatch(r))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("ETag", item.Todo.ETag)
	resource.Write(w, http.StatusOK, item.Answer())
}

func (s *server) remove(w http.ResponseWriter, r *http.Request, a access.Access) {
	if err := s.o.Store.Delete(a.Subject, idOf(r), ifMatch(r)); err != nil {
		s.fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// ifMatch is the precondition of the request, nil if it has none. If-Match is
// optional: without it the last writer wins.
func ifMatch(r *http.Request) func(etag string) bool {
	fields := r.Header.Values("If-Match")
	if len(fields) == 0 {
		return nil
	}
	return func(etag string) bool { return matches(fields, etag, false) }
}

// readBody reads the JSON body into v, or answers why not.
func readBody(w http.ResponseWriter, r *http.Request, v json.Unmarshaler, types ...string) bool {
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset := parameters["charset"]
	known := false
	for _, t := range types {
		known = known || t == kind
	}
	if err != nil || !known || charset != "" && !strings.EqualFold(charset, "utf-8") || r.Header.Get("Content-Encoding") != "" {
		w.Header().Set("Accept-Patch", "application/json, application/merge-patch+json")
		refuse(w, http.StatusUnsupportedMediaType, "unsupported_media_type", "The body is "+strings.Join(types, " or ")+" in UTF-8, not compressed.")
		return false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		refuse(w, http.StatusRequestEntityTooLarge, "too_large", "The body is longer than 2 MiB.")
		return false
	case err != nil, !json.Valid(body):
		refuse(w, http.StatusBadRequest, "invalid_request", "The body is not JSON.")
		return false
	}
	if err := v.UnmarshalJSON(body); err != nil {
		refuse(w, http.StatusUnprocessableEntity, "invalid_todo", "The body is not a to-do, or a member of it has the wrong type.")
		return false
	}
	return true
}

// fail answers with what an error of the store means.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := resource.ProblemOf(err)
	if p.Status == http.StatusInternalServerError {
		s.o.Log.Error("the to-do API cannot answer", "method", r.Method, "error", err)
	}
	resource.Refuse(w, p)
}
