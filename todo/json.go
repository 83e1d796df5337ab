package todo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of what is read from a server. They keep hostile input bounded; an
// honest server stays far below them.
const (
	MaxItemBytes = 4 << 20 // JSON text of one to-do
	MaxMembers   = 1000    // members of one to-do's JSON object
	MaxTags      = 1000    // tags of one to-do
	MaxList      = 250_000 // to-dos of one listing
)

// ErrTooLarge is wrapped by the errors of input beyond one of the limits.
var ErrTooLarge = errors.New("to-do answer beyond a limit")

// errShape says that JSON is well formed but not what was expected.
var errShape = errors.New("to-do answer of an unexpected shape")

// The members of a to-do's JSON object, in the order in which they are written.
const (
	memberID          = "id"
	memberTitle       = "title"
	memberDescription = "description"
	memberCompleted   = "completed"
	memberPriority    = "priority"
	memberTags        = "tags"
	memberDue         = "dueDate"
	memberETag        = "etag"
)

var memberNames = []string{memberID, memberTitle, memberDescription, memberCompleted,
	memberPriority, memberTags, memberDue, memberETag}

// UnmarshalJSON reads a to-do in the shape of Todo0's API, leniently: id may be
// a number, dueDate may be a date alone (midnight UTC then), priority may be in
// any case, a missing or null member leaves its field empty. Members that are
// unknown, or known but of a type that cannot be understood, are kept in Extra
// and written back by MarshalJSON. Of duplicate members the last one counts.
// Text that is not a JSON object, and input beyond MaxItemBytes, MaxMembers or
// MaxTags, is an error.
func (t *Todo) UnmarshalJSON(data []byte) error {
	if !json.Valid(data) {
		return fmt.Errorf("a to-do: %w", errShape)
	}
	item, err := decodeTodo(data)
	if err != nil {
		return err
	}
	*t = item
	return nil
}

// decodeTodo is UnmarshalJSON over JSON that is known to be valid.
func decodeTodo(data []byte) (Todo, error) {
	var t Todo
	if len(data) > MaxItemBytes {
		return t, fmt.Errorf("a to-do of %d bytes: %w", len(data), ErrTooLarge)
	}
	count := 0
	err := eachMember(data, func(name, value []byte) error {
		if count++; count > MaxMembers {
			return fmt.Errorf("a to-do of more than %d members: %w", MaxMembers, ErrTooLarge)
		}
		return t.setMember(name, value)
	})
	return t, err
}

// setMember sets the field that the member stands for, or keeps it in Extra.
func (t *Todo) setMember(name, value []byte) error {
	understood, err := true, error(nil)
	switch string(name) {
	case memberID:
		t.ID, understood = readID(value)
	case memberTitle:
		t.Title, understood = readString(value)
	case memberDescription:
		t.Description, understood = readString(value)
	case memberCompleted:
		t.Completed, understood = readBool(value)
	case memberPriority:
		t.Priority, understood = readPriority(value)
	case memberTags:
		t.Tags, understood, err = readTags(value)
	case memberDue:
		t.Due, understood = readTime(value)
	case memberETag:
		t.ETag, understood = readString(value)
	default:
		understood = false
	}
	if !understood {
		if t.Extra == nil {
			t.Extra = make(map[string]json.RawMessage)
		}
		t.Extra[string(name)] = bytes.Clone(value)
	} else if t.Extra != nil {
		delete(t.Extra, string(name))
	}
	return err
}

// MarshalJSON writes the to-do in the shape of Todo0's API: id, title and
// completed always, the other members only where they have a value, and then
// the members of Extra by name. A member of Extra that has the name of a field
// is written only where the field is empty.
func (t Todo) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, 160+len(t.Title)+len(t.Description))
	b = append(b, '{')
	fields := [...]struct {
		empty, always bool
		value         func([]byte) []byte
	}{
		{t.ID == "", true, func(b []byte) []byte { return appendString(b, t.ID) }},
		{t.Title == "", true, func(b []byte) []byte { return appendString(b, t.Title) }},
		{t.Description == "", false, func(b []byte) []byte { return appendString(b, t.Description) }},
		{!t.Completed, true, func(b []byte) []byte { return appendBool(b, t.Completed) }},
		{t.Priority == NoPriority, false, func(b []byte) []byte { return appendString(b, string(t.Priority)) }},
		{len(t.Tags) == 0, false, func(b []byte) []byte { return appendStrings(b, t.Tags) }},
		{t.Due.IsZero(), false, func(b []byte) []byte { return appendTime(b, t.Due) }},
		{t.ETag == "", false, func(b []byte) []byte { return appendString(b, t.ETag) }},
	}
	for i, f := range fields {
		if _, kept := t.Extra[memberNames[i]]; f.empty && (kept || !f.always) {
			continue
		}
		b = f.value(appendName(b, memberNames[i]))
	}
	names := make([]string, 0, len(t.Extra))
	for name := range t.Extra {
		if i := slices.Index(memberNames, name); i < 0 || fields[i].empty {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if b = appendName(b, name); len(t.Extra[name]) == 0 {
			b = append(b, "null"...)
		}
		b = append(b, t.Extra[name]...)
	}
	return append(b, '}'), nil
}

// UnmarshalJSON reads the body of a PATCH: an absent member is left unchanged,
// null clears the field. Unknown members are ignored. A known member of a wrong
// type is an error, since what the sender meant is not known.
func (p *Patch) UnmarshalJSON(data []byte) error {
	if !json.Valid(data) || len(data) > MaxItemBytes {
		return fmt.Errorf("a change: %w", errShape)
	}
	var out Patch
	err := eachMember(data, func(name, value []byte) error {
		ok, err := true, error(nil)
		switch string(name) {
		case memberTitle:
			out.Title, ok = pointer(readString(value))
		case memberDescription:
			out.Description, ok = pointer(readString(value))
		case memberCompleted:
			out.Completed, ok = pointer(readBool(value))
		case memberPriority:
			out.Priority, ok = pointer(readPriority(value))
		case memberTags:
			var tags []string
			tags, ok, err = readTags(value)
			out.Tags = &tags
		case memberDue:
			out.Due, ok = pointer(readTime(value))
		}
		if err == nil && !ok {
			err = fmt.Errorf("member %q of a change: %w", name, errShape)
		}
		return err
	})
	if err == nil {
		*p = out
	}
	return err
}

// MarshalJSON writes the changed fields only; a cleared description, priority,
// due date or set of tags is null.
func (p Patch) MarshalJSON() ([]byte, error) {
	b := append(make([]byte, 0, 96), '{')
	if p.Title != nil {
		b = appendString(appendName(b, memberTitle), *p.Title)
	}
	if p.Description != nil {
		b = appendOrNull(appendName(b, memberDescription), *p.Description == "", func(b []byte) []byte { return appendString(b, *p.Description) })
	}
	if p.Completed != nil {
		b = appendBool(appendName(b, memberCompleted), *p.Completed)
	}
	if p.Priority != nil {
		b = appendOrNull(appendName(b, memberPriority), *p.Priority == NoPriority, func(b []byte) []byte { return appendString(b, string(*p.Priority)) })
	}
	if p.Tags != nil {
		b = appendOrNull(appendName(b, memberTags), len(*p.Tags) == 0, func(b []byte) []byte { return appendStrings(b, *p.Tags) })
	}
	if p.Due != nil {
		b = appendOrNull(appendName(b, memberDue), p.Due.IsZero(), func(b []byte) []byte { return appendTime(b, *p.Due) })
	}
	return append(b, '}'), nil
}

func pointer[T any](v T, ok bool) (*T, bool) { return &v, ok }

// The readers below take one valid JSON value. Their last result says whether
// it was understood; null is understood as empty.

func isNull(value []byte) bool { return len(value) > 0 && value[0] == 'n' }

func readString(value []byte) (string, bool) {
	if isNull(value) {
		return "", true
	}
	if len(value) < 2 || value[0] != '"' {
		return "", false
	}
	if inner := value[1 : len(value)-1]; bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return string(inner), true
	}
	var s string
	err := json.Unmarshal(value, &s)
	return s, err == nil
}

// readID takes a string or a number; the digits of a number are kept as they
// are written, so that ids beyond 2^53 survive.
func readID(value []byte) (string, bool) {
	if len(value) > 0 && (value[0] == '-' || value[0] >= '0' && value[0] <= '9') {
		return string(value), true
	}
	return readString(value)
}

func readBool(value []byte) (bool, bool) {
	switch string(value) {
	case "true", `"true"`, "1":
		return true, true
	case "false", `"false"`, "0", "null":
		return false, true
	}
	return false, false
}

func readPriority(value []byte) (Priority, bool) {
	s, ok := readString(value)
	for _, known := range []Priority{Low, Medium, High} {
		if strings.EqualFold(s, string(known)) {
			return known, ok
		}
	}
	return Priority(s), ok
}

// readTags takes an array of strings. Anything else is not understood as a
// whole, so that no tag is dropped in silence.
func readTags(value []byte) ([]string, bool, error) {
	if isNull(value) {
		return nil, true, nil
	}
	var tags []string
	understood := true
	err := eachElement(value, func(element []byte) error {
		tag, ok := readString(element)
		understood = understood && ok && !isNull(element)
		if len(tags) >= MaxTags {
			return fmt.Errorf("a to-do of more than %d tags: %w", MaxTags, ErrTooLarge)
		}
		tags = append(tags, tag)
		return nil
	})
	if errors.Is(err, errShape) {
		return nil, false, nil
	}
	if err != nil || !understood {
		return nil, understood, err
	}
	return tags, true, nil
}

var timeLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05", time.DateOnly}

// readTime reads RFC 3339, a date and time without zone (UTC), or a date alone
// (midnight UTC). The result is in UTC and can be written again.
func readTime(value []byte) (time.Time, bool) {
	s, ok := readString(value)
	if !ok || s == "" {
		return time.Time{}, ok
	}
	for _, layout := range timeLayouts {
		if at, err := time.Parse(layout, s); err == nil {
			if at = at.UTC(); at.Year() >= 0 && at.Year() <= 9999 {
				return at, true
			}
		}
	}
	return time.Time{}, false
}

func appendName(b []byte, name string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return append(appendString(b, name), ':')
}

// appendString escapes what JSON demands and nothing more, except that invalid
// UTF-8 becomes U+FFFD as in encoding/json.
func appendString(b []byte, s string) []byte {
	plain := true
	for i := 0; i < len(s) && plain; i++ {
		plain = s[i] >= 0x20 && s[i] < 0x7f && s[i] != '"' && s[i] != '\\'
	}
	if plain {
		return append(append(append(b, '"'), s...), '"')
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string always encodes
	return append(b, bytes.TrimRight(out.Bytes(), "\n")...)
}

func appendStrings(b []byte, list []string) []byte {
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, s)
	}
	return append(b, ']')
}

func appendBool(b []byte, v bool) []byte { return fmt.Appendf(b, "%t", v) }

func appendTime(b []byte, at time.Time) []byte {
	return append(at.UTC().AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
}

func appendOrNull(b []byte, empty bool, value func([]byte) []byte) []byte {
	if empty {
		return append(b, "null"...)
	}
	return value(b)
}
