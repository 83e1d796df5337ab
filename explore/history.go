package explore

import (
	"encoding/json"
	"time"

	"waybill/transport"
)

// Bounds of a History.
const (
	MaxHistory    = 100      // calls that are kept beside the favourites
	MaxFavourites = 100      //
	MaxKept       = 64 << 10 // bytes of a body, or of arguments, beyond which they are not kept
	maxHistory    = 2 << 20  // bytes of a History; the oldest calls go first
	maxFavourite  = 80       // runes of a favourite's name
)

// Call is one call of a resource that can be made again: a request to a REST API,
// or a tool of an MCP server with its arguments. It holds neither token nor answer.
type Call struct {
	ID string    `json:"id"` // set when it is kept; names it within its History
	At time.Time `json:"at"` // of the last time that it was made

	// Favourite is the name that the user gave it, "" if it is none.
	Favourite string `json:"favourite,omitempty"`

	REST *Request  `json:"rest,omitempty"` // exactly one of these is there
	Tool *ToolCall `json:"tool,omitempty"`

	// Left names what was not kept: the names of header fields and query parameters
	// that are secrets by their name and have no value here, and "body" or
	// "arguments" for one that is too long. It has to be given again.
	Left []string `json:"left,omitempty"`

	Status int           `json:"status,omitempty"` // HTTP status of the answer; 0 for tools, and if there was none
	Failed bool          `json:"failed,omitempty"` // there was no answer, or the tool said that it failed
	Took   time.Duration `json:"took,omitempty"`
}

// ToolCall is a call of a tool.
type ToolCall struct {
	Name      Said            `json:"name"`
	Arguments json.RawMessage `json:"arguments,omitempty"` // a JSON object; nil: none
}

// Line says what was called, on one line that may be shown as it is: the method
// and the path with its query, or the tool.
func (c *Call) Line() string { return c.line() }

// ToolDraft is what calling a tool would be recorded as, for flow.Curl: the
// JSON-RPC request alone, with placeholders for the token and for the session of
// a server that has them. url is the server's; protocol its version of MCP.
func ToolDraft(url, protocol string, bound bool, c ToolCall) transport.Recording {
	return toolDraft(url, protocol, bound, c)
}

// History is what was called at a resource, and the favourites. The zero value is
// empty. It is not safe for concurrent use.
type History struct {
	Calls      []Call `json:"calls,omitempty"`      // newest first, no two the same but for their time
	Favourites []Call `json:"favourites,omitempty"` // by name

	// Tools are the fingerprints of an MCP server's tools, by name, as they were
	// listed last; see Listed.
	Tools map[Said]string `json:"tools,omitempty"`
}

// Add puts a call at the beginning of Calls, in the place of one that was the
// same, and returns it as it is kept: without what is secret by its name.
func (h *History) Add(c Call) Call { return h.add(c) }

// Find returns the call with the id, of either list; nil if there is none.
func (h *History) Find(id string) *Call { return h.find(id) }

// Name makes the call with the id a favourite, or names one anew; "" makes it none
// any more. A name that another favourite has, or too many of them, is a Fault.
func (h *History) Name(id, name string) error { return h.name(id, name) }

// Remove forgets the call with the id, in both lists. Clear forgets all but the
// favourites.
func (h *History) Remove(id string) { h.remove(id) }

// Listed takes the fingerprints of tools that were listed now, and reports whether
// that changed anything. A tool that is not among them is kept in mind: it may come
// back as another.
func (h *History) Listed(now map[Said]string) (changed bool) {
	if h.Tools == nil {
		h.Tools = map[Said]string{}
	}
	for name, print := range now {
		if h.Tools[name] != print {
			h.Tools[name], changed = print, true
		}
	}
	for name := range h.Tools {
		if _, listed := now[name]; len(h.Tools) > maxKnown && !listed {
			delete(h.Tools, name)
		}
	}
	return changed
}

// maxKnown bounds the tools whose fingerprints are kept, beside those of the last
// listing.
const maxKnown = MaxListed

// Clear forgets the calls, but not the favourites.
func (h *History) Clear() { h.Calls = nil }
