// Package todo holds what a to-do is, what an edit of one is, and how edits
// are applied and merged. It is a leaf: it knows no server, disk or window.
//
// Invariant: values are plain data. A function of this package never changes
// its arguments, and applying the same edit to the same to-do always gives the
// same result, on every machine and in any order that keeps the edits of one
// item in theirs.
package todo

import (
	"encoding/json"
	"time"
)

// Priority is how important a to-do is. The zero value is none.
type Priority string

// The priorities of Todo0's API.
const (
	NoPriority Priority = ""
	Low        Priority = "low"
	Medium     Priority = "medium"
	High       Priority = "high"
)

// Todo is one to-do item in the shape of Todo0's API. The zero value of a
// field means that the item does not have it.
type Todo struct {
	ID          string
	Title       string
	Description string
	Completed   bool
	Priority    Priority
	Tags        []string
	Due         time.Time // RFC 3339 at the API; zero: none

	// ETag is the item's version at its server, byte for byte as received
	// with its quotes, "" if unknown. In JSON it is "etag".
	ETag string

	// Extra keeps the members of the item's JSON object that Waybill does
	// not know, so that they survive a round trip.
	Extra map[string]json.RawMessage
}

// Patch is the set of fields that an edit changes: a nil field is left as it
// is. A pointer to the zero value clears the field.
type Patch struct {
	Title       *string
	Description *string
	Completed   *bool
	Priority    *Priority
	Tags        *[]string
	Due         *time.Time
}

// Op is what an edit does to its item.
type Op string

// The operations.
const (
	Create Op = "create"
	Update Op = "update"
	Delete Op = "delete"
)

// Edit is an intent: what the user wanted changed, and what the item looked
// like when they did.
type Edit struct {
	ID    string // the item's id; chosen by the client for Create
	Op    Op
	Patch Patch // for Create the whole item, for Update the changed fields, empty for Delete
	Base  Todo  // the item as it was when the edit was made; zero for Create
	At    time.Time
}
