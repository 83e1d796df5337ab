package todo

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Listing is a server's answer to a request for to-dos.
type Listing struct {
	Todos []Todo // in the server's order, each id once, each with an id
	User  string // whose to-dos they are in the server's words, "" if not said

	// Skipped counts the entries that could not be read: not an object,
	// without an id, with an id that came before, or beyond a limit.
	Skipped int

	// Complete is false where entries were skipped, or where the answer itself
	// says that there are more (a count above the number of entries, a next
	// page). Deletions must not be inferred from an incomplete listing.
	Complete bool

	// Next is the cursor of the next page (nextCursor or next_cursor), "" if
	// the answer names none.
	Next string
}

// AnswerError is an answer that is JSON and says that the request failed, as
// MCP resources of Todo0 do under HTTP status 200. Code and Message are the
// server's words, as received: clean them before showing.
type AnswerError struct{ Code, Message string }

// Error does not repeat the server's words, since they are not clean.
func (e *AnswerError) Error() string { return "the answer holds an error instead of to-dos" }

// containers are the members under which a listing may be found, the likeliest
// first.
var containers = [...]string{"data", "todos", "items", "results"}

// DecodeList reads to-dos in every shape that is known: an array, an object
// that holds the array under data, todos, items or results (also inside data),
// or a single to-do, bare or under data. An object with an error member, or
// with success false, is an *AnswerError. Input beyond MaxList is ErrTooLarge;
// anything else is an error that wraps neither.
func DecodeList(data []byte) (Listing, error) {
	if !json.Valid(data) {
		return Listing{}, fmt.Errorf("not JSON: %w", errShape)
	}
	data = data[skipBlank(data, 0):]
	if data[0] == '[' {
		return decodeArray(data, Listing{Complete: true})
	}
	var answer envelope
	if err := answer.read(data, true); err != nil {
		return Listing{}, err
	}
	l := Listing{User: answer.user, Complete: !answer.more, Next: answer.next}
	switch {
	case answer.item:
		return decodeSingle(data, l)
	case answer.array != nil:
		l, err := decodeArray(answer.array, l)
		l.Complete = l.Complete && answer.count <= len(l.Todos)
		return l, err
	case answer.single != nil:
		return decodeSingle(answer.single, l)
	}
	return Listing{}, fmt.Errorf("no to-dos: %w", errShape)
}

// DecodeItem reads a single to-do, bare or under data. Its errors are those of
// DecodeList; an answer that holds none or several is one too.
func DecodeItem(data []byte) (Todo, error) {
	l, err := DecodeList(data)
	if err != nil {
		return Todo{}, err
	}
	if len(l.Todos) != 1 || l.Skipped > 0 {
		return Todo{}, fmt.Errorf("%d to-dos where one was expected: %w", len(l.Todos), errShape)
	}
	return l.Todos[0], nil
}

// envelope is the object around a listing.
type envelope struct {
	item   bool   // it is no envelope but a to-do itself
	array  []byte // the listing
	single []byte // the to-do under data
	found  [len(containers)][]byte
	user   string
	count  int
	more   bool
	next   string

	id, title, failed bool
	fail              AnswerError
	words             string // beside an error
}

// read finds the parts of an object. An array inside data is looked for once.
func (e *envelope) read(object []byte, outer bool) error {
	err := eachMember(object, func(name, value []byte) error {
		e.member(string(name), value)
		return nil
	})
	switch {
	case err != nil:
		return fmt.Errorf("neither an array nor an object: %w", err)
	case e.failed && (outer || !e.id || !e.title): // inside data, a to-do may have a member of that name
		if e.words != "" {
			e.fail.Message = e.words
		}
		return &e.fail
	case e.id && e.title:
		e.item = true
		return nil
	}
	for _, value := range e.found {
		if value != nil && value[0] == '[' {
			e.array = value
			return nil
		}
	}
	if data := e.found[0]; data != nil && data[0] == '{' && outer {
		return e.readData(data)
	}
	e.item = e.id
	return nil
}

// member takes note of one member.
func (e *envelope) member(name string, value []byte) {
	switch name {
	case "id":
		_, e.id = readID(value)
		e.id = e.id && !isNull(value)
	case "title":
		e.title = value[0] == '"'
	case "error":
		e.failed = e.fail.read(value) || e.failed
	case "success":
		e.failed = e.failed || string(value) == "false"
	case "error_description", "message":
		e.words, _ = readString(value)
	case "user":
		e.user, _ = readString(value)
	case "count", "total":
		e.count = max(e.count, readCount(value))
	case "nextCursor", "next_cursor":
		e.next, _ = readID(value)
		e.more = e.more || truthy(value)
	case "next", "nextPage", "next_page", "hasMore", "has_more":
		e.more = e.more || truthy(value)
	default:
		if i := slices.Index(containers[:], name); i >= 0 {
			e.found[i] = value
		}
	}
}

// readData looks into data, which holds either a to-do or a further envelope.
func (e *envelope) readData(value []byte) error {
	var inner envelope
	if err := inner.read(value, false); err != nil {
		return err
	}
	e.more, e.count = e.more || inner.more, max(e.count, inner.count)
	if e.user == "" {
		e.user = inner.user
	}
	if e.next == "" {
		e.next = inner.next
	}
	if e.array = inner.array; inner.item {
		e.single = value
	}
	return nil
}

// read takes an error member: words, or an object with code and message. It
// reports whether the member says that something failed.
func (e *AnswerError) read(value []byte) bool {
	if !truthy(value) {
		return false
	}
	if value[0] == '{' {
		_ = eachMember(value, func(name, v []byte) error {
			switch string(name) {
			case "code", "type":
				e.Code, _ = readID(v)
			case "message", "description":
				e.Message, _ = readString(v)
			}
			return nil
		})
		return true
	}
	if words, _ := readID(value); strings.ContainsAny(words, " \t\n") {
		e.Message = words
	} else {
		e.Code = words
	}
	return true
}

// truthy is false for null, false, 0, the empty string, array and object.
func truthy(value []byte) bool {
	switch string(value) {
	case "null", "false", "0", `""`, "[]", "{}":
		return false
	}
	return true
}

func readCount(value []byte) int {
	var n int
	if json.Unmarshal(value, &n) != nil {
		return 0
	}
	return n
}

func decodeSingle(data []byte, l Listing) (Listing, error) {
	item, err := decodeTodo(data)
	if err != nil {
		return Listing{}, err
	}
	if item.ID == "" {
		return Listing{}, fmt.Errorf("a to-do without an id: %w", errShape)
	}
	l.Todos = []Todo{item}
	return l, nil
}

func decodeArray(data []byte, l Listing) (Listing, error) {
	seen := make(map[string]struct{})
	count := 0
	err := eachElement(data, func(element []byte) error {
		if count++; count > MaxList {
			return fmt.Errorf("more than %d to-dos: %w", MaxList, ErrTooLarge)
		}
		item, err := decodeTodo(element)
		if _, double := seen[item.ID]; err != nil || item.ID == "" || double {
			l.Skipped++
			return nil
		}
		seen[item.ID] = struct{}{}
		l.Todos = append(l.Todos, item)
		return nil
	})
	if err != nil {
		return Listing{}, err
	}
	l.Complete = l.Complete && l.Skipped == 0
	return l, nil
}
