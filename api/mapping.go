package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"waybill/connection"
	"waybill/todo"
)

// mapping reads and writes to-dos in the shape that a connection describes. It
// is immutable.
//
// Invariant: what put writes for a value, read reads as that value; a value of
// which that is not true is refused before anything is sent (unfit). Else a
// to-do whose answer was lost would not be recognised in the next listing.
type mapping struct {
	connection.Todos // filled and valid
}

// object is a JSON object, its values as they were received.
type object map[string]json.RawMessage

// at returns the value at path; nil if there is none, or null.
func (o object) at(path connection.Path) json.RawMessage {
	parts := path.Parts()
	for len(parts) > 1 {
		var inner object
		if json.Unmarshal(o[parts[0]], &inner) != nil {
			return nil
		}
		o, parts = inner, parts[1:]
	}
	if len(parts) == 0 || isNull(o[parts[0]]) {
		return nil
	}
	return o[parts[0]]
}

// has reports whether the outermost member of path is there.
func (o object) has(path connection.Path) bool {
	parts := path.Parts()
	if len(parts) == 0 {
		return false
	}
	_, there := o[parts[0]]
	return there
}

// set puts a value at path, and makes the objects on the way.
func (o object) set(parts []string, value json.RawMessage) {
	if len(parts) == 1 {
		o[parts[0]] = value
		return
	}
	inner := object{}
	if json.Unmarshal(o[parts[0]], &inner) != nil || inner == nil {
		inner = object{}
	}
	inner.set(parts[1:], value)
	o[parts[0]] = rawOf(inner)
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// rawOf writes a value that can be written.
func rawOf(value any) json.RawMessage {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(value)
	return bytes.TrimRight(b.Bytes(), "\n")
}

// found is one to-do as it was read.
type found struct {
	todo.Todo
	raw  object
	gone bool // the API keeps it, marked as deleted
}

// maxID bounds the length of an id, which goes into addresses, in bytes.
const maxID = 1 << 10

// read reads one to-do. One without an id that can be used has an empty ID.
// Extra holds the members that are not wholly known, and always the id, as the
// API writes it: that tells a to-do that was read from one that is new.
func (m mapping) read(data []byte) (found, error) {
	var r found
	if len(data) > todo.MaxItemBytes {
		return r, fmt.Errorf("a to-do of %d bytes: %w", len(data), todo.ErrTooLarge)
	}
	if err := json.Unmarshal(data, &r.raw); err != nil || r.raw == nil {
		return r, fmt.Errorf("a to-do that is no object: %w", errMessage)
	}
	if len(r.raw) > todo.MaxMembers {
		return r, fmt.Errorf("a to-do of more than %d members: %w", todo.MaxMembers, todo.ErrTooLarge)
	}
	var deleted bool
	r.gone = json.Unmarshal(r.raw.at(m.Deleted), &deleted) == nil && deleted
	switch id := scalarOf(r.raw.at(m.ID)).(type) {
	case string:
		r.ID = id
	case json.Number:
		r.ID = id.String()
	}
	if len(r.ID) > maxID {
		r.ID = ""
	}
	known := map[connection.Path]bool{}
	if m.ETag != "" {
		r.ETag, known[m.ETag] = tagIn(r.raw.at(m.ETag))
	}
	r.Title, known[m.Title] = textOf(r.raw.at(m.Title))
	if err := m.readFields(&r, known); err != nil {
		return r, err
	}
	r.Extra = maps.Clone(r.raw)
	for path, understood := range known {
		if parts := path.Parts(); understood && len(parts) == 1 {
			delete(r.Extra, parts[0])
		}
	}
	if r.ETag == "" {
		r.ETag = m.version(r)
	}
	return r, nil
}

// readFields reads the fields that the mapping has beside id and title, and
// notes in known which were understood.
func (m mapping) readFields(r *found, known map[connection.Path]bool) error {
	if f := m.Description; f != nil {
		r.Description, known[f.Path] = textOf(r.raw.at(f.Path))
	}
	if f := m.Done; f != nil {
		value := scalarOf(r.raw.at(f.Path))
		r.Completed = value != nil && f.Means(value)
		done, open := f.Sent()
		known[f.Path] = connection.SameValue(value, done) || connection.SameValue(value, open)
	}
	if f := m.Priority; f != nil {
		r.Priority, known[f.Path] = priorityOf(f, r.raw.at(f.Path))
	}
	if f := m.Tags; f != nil {
		var err error
		if r.Tags, known[f.Path], err = tagsOf(f, r.raw.at(f.Path)); err != nil {
			return err
		}
	}
	if f := m.Due; f != nil {
		r.Due, known[f.Path] = dueOf(f, r.raw.at(f.Path))
	}
	return nil
}

// contentMark begins the version of a to-do that has no entity tag. It is none
// by its syntax, so it is never sent.
const contentMark = "content:"

// version identifies what is read of a to-do that its server gives no version.
func (m mapping) version(r found) string {
	h := sha256.New()
	content := r.Todo
	content.ETag, content.Extra = "", nil
	h.Write(rawOf(content))
	var updated bytes.Buffer
	if json.Compact(&updated, r.raw.at(m.Updated)) == nil {
		h.Write(updated.Bytes())
	}
	return contentMark + base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:18])
}

// is reports whether a to-do still has the version that an edit was made on.
func (m mapping) is(r found, version string) bool {
	if strings.HasPrefix(version, contentMark) {
		return m.version(r) == version
	}
	return r.ETag == version
}

// tagIn reads an entity tag from a to-do, where many APIs write it without its
// quotes.
func tagIn(raw json.RawMessage) (string, bool) {
	tag, ok := textOf(raw)
	if !ok || len(tag) > maxETags || strings.HasPrefix(tag, contentMark) || strings.ContainsFunc(tag, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", false
	}
	return tag, true
}

// scalarOf reads text, a number, true or false out of valid JSON; nil for
// anything else.
func scalarOf(raw json.RawMessage) any {
	if len(raw) == 0 {
		return nil
	}
	switch raw[0] {
	case '"':
		var text string
		if json.Unmarshal(raw, &text) == nil {
			return text
		}
	case 't', 'f':
		return raw[0] == 't'
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return json.Number(raw)
	}
	return nil
}

// textOf reads text; nothing and null are empty text.
func textOf(raw json.RawMessage) (text string, understood bool) {
	if raw == nil {
		return "", true
	}
	err := json.Unmarshal(raw, &text)
	return text, err == nil
}

func priorityOf(f *connection.TodoPriority, raw json.RawMessage) (todo.Priority, bool) {
	value := scalarOf(raw)
	for _, p := range []struct {
		is    todo.Priority
		value any
	}{{todo.NoPriority, f.None}, {todo.Low, f.Low}, {todo.Medium, f.Medium}, {todo.High, f.High}} {
		if p.value != nil && value != nil && connection.SameValue(p.value, value) {
			return p.is, true
		}
	}
	return todo.NoPriority, raw == nil
}

// tagsOf reads tags. Those of which one cannot be understood are not, as a
// whole, so that none is dropped in silence.
func tagsOf(f *connection.TodoTags, raw json.RawMessage) (tags []string, understood bool, err error) {
	if raw == nil {
		return nil, true, nil
	}
	if f.As == connection.TagComma {
		text, ok := textOf(raw)
		for tag := range strings.SplitSeq(text, ",") {
			if tag = strings.TrimSpace(tag); tag != "" {
				tags = append(tags, tag)
			}
		}
		return bounded(tags, ok)
	}
	if f.As != connection.TagObjects {
		var list []*string
		ok := json.Unmarshal(raw, &list) == nil
		for _, tag := range list {
			if ok = ok && tag != nil; ok {
				tags = append(tags, *tag)
			}
		}
		return bounded(tags, ok)
	}
	var list []object
	ok := json.Unmarshal(raw, &list) == nil
	for _, tag := range list {
		name, named := scalarOf(tag.at(tagName(f))).(string)
		ok = ok && named
		tags = append(tags, name)
	}
	return bounded(tags, ok)
}

func bounded(tags []string, understood bool) ([]string, bool, error) {
	if len(tags) > todo.MaxTags {
		return nil, false, fmt.Errorf("a to-do of more than %d tags: %w", todo.MaxTags, todo.ErrTooLarge)
	}
	if !understood {
		return nil, false, nil
	}
	return tags, true, nil
}

// tagName is where a tag's object has its name.
func tagName(f *connection.TodoTags) connection.Path {
	if f.Name == "" {
		return "name"
	}
	return connection.Member(f.Name)
}

// lastSecond is the end of the year 9999, which is as far as RFC 3339 goes.
const lastSecond = 253402300799

func dueOf(f *connection.TodoDue, raw json.RawMessage) (due time.Time, understood bool) {
	if raw == nil {
		return due, true
	}
	switch value := scalarOf(raw).(type) {
	case json.Number:
		seconds, err := value.Int64()
		if err != nil || f.As != connection.DueUnix || seconds < 0 || seconds > lastSecond {
			return due, false
		}
		due = time.Unix(seconds, 0).UTC()
	case string:
		if value == "" {
			return due, true
		}
		if due, understood = parseDue(value); !understood {
			return time.Time{}, false
		}
	default:
		return due, false
	}
	if f.Days { // the day as it is written, whatever the zone
		year, month, day := due.Date()
		due = time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	}
	if due = due.UTC(); due.Year() < 0 || due.Year() > 9999 || due.IsZero() {
		return time.Time{}, false
	}
	return due, true
}

func parseDue(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", time.DateOnly} {
		if due, err := time.Parse(layout, text); err == nil {
			return due, true
		}
	}
	return time.Time{}, false
}
