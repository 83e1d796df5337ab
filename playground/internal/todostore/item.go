package todostore

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"waybill/todo"
)

// Limits of what the store takes.
const (
	maxID    = 128     // bytes
	maxTags  = 100     // of one to-do
	maxTag   = 200     // bytes
	maxExtra = 1 << 16 // bytes of all unknown members together
	maxNames = 100     // unknown members

	// maxBody bounds the JSON of one to-do, so that it can be read again
	// whatever the escaping made of its texts.
	maxBody = todo.MaxItemBytes - 1<<10
)

// Item is one version of a to-do. It is immutable.
type Item struct {
	Todo todo.Todo // with its ETag; not to be changed
	JSON []byte    // the same as the services show it

	n      uint64 // its place in the list, never given to another item
	body   []byte // JSON without the ETag, as it is stored
	digest digest
}

// digest stands for an item's place and content.
type digest [2]uint64

func (d digest) bytes() []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, d[1]), d[0])
}

// newItem makes the item that shows t in place n. A to-do that is too long is
// an *InvalidError.
func newItem(t todo.Todo, n uint64) (*Item, error) {
	t.ETag = ""
	body, err := json.Marshal(t)
	if err != nil {
		return nil, err
	}
	if len(body) > maxBody {
		return nil, &InvalidError{"The to-do is too long."}
	}
	return makeItem(t, body, n), nil
}

// itemOf makes the item of a stored body.
func itemOf(body []byte, n uint64) (*Item, error) {
	var t todo.Todo
	if err := json.Unmarshal(body, &t); err != nil {
		return nil, err
	}
	if t.ID == "" || n == 0 {
		return nil, errors.New("a stored to-do without id or place")
	}
	return makeItem(t, body, n), nil
}

func makeItem(t todo.Todo, body []byte, n uint64) *Item {
	sum := sha256.Sum256(append(binary.BigEndian.AppendUint64(nil, n), body...))
	t.ETag = `"` + hex.EncodeToString(sum[:8]) + `"`
	shown := append(make([]byte, 0, len(body)+len(t.ETag)+12), body[:len(body)-1]...)
	shown = append(strconv.AppendQuote(append(shown, `,"etag":`...), t.ETag), '}')
	return &Item{Todo: t, JSON: shown, n: n, body: body,
		digest: digest{binary.BigEndian.Uint64(sum[8:16]), binary.BigEndian.Uint64(sum[16:24])}}
}

// fingerprint tells whether two requests ask for the same to-do.
func fingerprint(t todo.Todo) (string, error) {
	t.ETag = ""
	body, err := json.Marshal(t)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:16]), nil
}

// reserved are the names of collections below /api/todos.
func reserved(id string) bool {
	switch id {
	case "completed", "incomplete", "stats", ".", "..":
		return true
	}
	return false
}

// checkNew says why t cannot be created.
func checkNew(t todo.Todo) error {
	odd := strings.IndexFunc(t.ID, func(r rune) bool {
		return r > 0x7e || !strings.ContainsRune("-._~", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	if len(t.ID) > maxID || odd >= 0 || reserved(t.ID) {
		return &InvalidError{fmt.Sprintf("An id has 1 to %d letters, digits and - . _ ~, and is not the name of a list.", maxID)}
	}
	extra := 0
	for name, value := range t.Extra {
		switch name {
		case "id", "title", "description", "completed", "priority", "tags", "dueDate", "etag":
			return &InvalidError{"The member " + name + " has a value that is not understood."}
		}
		extra += len(name) + len(value)
	}
	if extra > maxExtra || len(t.Extra) > maxNames {
		return &InvalidError{fmt.Sprintf("There may be %d further members of %d bytes together.", maxNames, maxExtra)}
	}
	return check(t)
}

// check says why t cannot be kept.
func check(t todo.Todo) error {
	if strings.TrimSpace(t.Title) == "" {
		return &InvalidError{"A to-do needs a title."}
	}
	switch t.Priority {
	case todo.NoPriority, todo.Low, todo.Medium, todo.High:
	default:
		return &InvalidError{"A priority is high, medium or low."}
	}
	if len(t.Tags) > maxTags {
		return &InvalidError{fmt.Sprintf("A to-do has at most %d tags.", maxTags)}
	}
	for _, tag := range t.Tags {
		if strings.TrimSpace(tag) == "" || len(tag) > maxTag {
			return &InvalidError{fmt.Sprintf("A tag has 1 to %d bytes and is not blank.", maxTag)}
		}
	}
	return nil
}
