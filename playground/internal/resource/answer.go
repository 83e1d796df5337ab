package resource

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"waybill/playground/internal/access"
	"waybill/playground/internal/todostore"
)

// Problem is an answer that refuses a request.
type Problem struct {
	Status      int
	Code        string          // short, for programs
	Description string          // one sentence, for people
	Data        json.RawMessage // the item that stands in the way, if there is one
	ETag        string          // of Data
}

// JSON is the problem as an answer's body: success is false, and error names
// the code.
func (p Problem) JSON() []byte {
	body, err := json.Marshal(struct {
		Success     bool            `json:"success"`
		Code        string          `json:"error"`
		Description string          `json:"error_description,omitempty"`
		Data        json.RawMessage `json:"data,omitempty"`
	}{false, p.Code, p.Description, p.Data})
	if err != nil { // only Data can fail, and it comes from the store
		return []byte(`{"success":false,"error":"server_error"}`)
	}
	return body
}

// Error is the body, so that a problem can be an MCP tool's error text.
func (p Problem) Error() string { return string(p.JSON()) }

// Refuse answers with a problem. Refusals are never cached.
func Refuse(w http.ResponseWriter, p Problem) {
	w.Header().Set("Cache-Control", "no-store")
	if p.ETag != "" {
		w.Header().Set("ETag", p.ETag)
	}
	Write(w, p.Status, p.JSON())
}

// NotAllowed answers 405 and names the methods that are (RFC 9110 section
// 15.5.6).
func NotAllowed(w http.ResponseWriter, allow string) {
	w.Header().Set("Allow", allow)
	Refuse(w, Problem{Status: http.StatusMethodNotAllowed, Code: "method_not_allowed", Description: "The methods here are " + allow + "."})
}

// Write answers with JSON.
func Write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// ProblemOf says what an error of the store means to a caller. Those that are
// no caller's fault are a server_error without any detail.
func ProblemOf(err error) Problem {
	var invalid *todostore.InvalidError
	var conflict *todostore.ConflictError
	switch {
	case errors.Is(err, todostore.ErrNotFound):
		return Problem{Status: http.StatusNotFound, Code: "not_found", Description: "There is no such to-do."}
	case errors.Is(err, todostore.ErrKeyReused):
		return Problem{Status: http.StatusUnprocessableEntity, Code: "idempotency_key_reused", Description: "This idempotency key was used for another to-do."}
	case errors.As(err, &invalid):
		return Problem{Status: http.StatusUnprocessableEntity, Code: "invalid_todo", Description: invalid.Reason}
	case errors.As(err, &conflict):
		p := Problem{Status: http.StatusPreconditionFailed, Code: "precondition_failed",
			Description: "The to-do was changed meanwhile. The answer has it as it is now.",
			Data:        conflict.Current.JSON, ETag: conflict.Current.Todo.ETag}
		if conflict.Exists {
			p.Status, p.Code, p.Description = http.StatusConflict, "already_exists", "There is a to-do with this id. The answer has it."
		}
		return p
	}
	return Problem{Status: http.StatusInternalServerError, Code: "server_error", Description: "The to-dos cannot be read or written at the moment."}
}

// Owner is whose to-dos a token shows, for people.
func Owner(a access.Access) string {
	if a.Email != "" {
		return a.Email
	}
	return a.Subject
}

// describe returns the sentence of a Verifier's error. Other errors, such as a
// cancelled context, are not for the caller's eyes.
func describe(err error) string {
	if errors.Is(err, access.ErrInvalid) {
		return err.Error()
	}
	return "The access token could not be verified."
}
