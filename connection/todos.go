package connection

import (
	"strings"
)

// Path says where a value stands inside a JSON value: the names of the object
// members on the way, joined by dots ("due.date"), or a JSON pointer (RFC 6901,
// "/due/date"), which a name that holds a dot itself needs ("/@odata.nextLink").
// "" is the whole value. Elements of arrays cannot be named.
type Path string

// Member is the Path of a member of the whole value, whatever its name.
func Member(name string) Path {
	return Path("/" + strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1"))
}

// Parts returns the names on the way; nil for the whole value.
func (p Path) Parts() []string {
	if p == "" {
		return nil
	}
	if !strings.HasPrefix(string(p), "/") {
		return strings.Split(string(p), ".")
	}
	parts := strings.Split(string(p[1:]), "/")
	for i := range parts {
		parts[i] = strings.ReplaceAll(strings.ReplaceAll(parts[i], "~1", "/"), "~0", "~")
	}
	return parts
}

// Todos says where the to-dos of a REST API are that is not Todo0's, and which
// requests change them. A Resource without one is read as Todo0's.
//
// All addresses are paths below Resource.URL and stay within its origin. A
// member that is left out counts as Shape has it; without a Shape, as is said
// beside it. A JSON value is any scalar: a string, a number, true, false.
type Todos struct {
	// Shape names one of Shapes, of which the members count that are not
	// given here.
	Shape string `json:"shape,omitempty"`

	// Path is where the list is read (GET) and a to-do is added (POST, then
	// without the query): it begins with a slash and may have a query.
	Path string `json:"path,omitempty"`
	At   Path   `json:"at,omitempty"` // of the array in the answer; "": the answer is the array

	// Sparse says that the API leaves the array out where there are no to-dos.
	Sparse bool `json:"sparse,omitempty"`

	// Paging says how the rest of a list is had; nil: it comes in one answer.
	Paging *Paging `json:"paging,omitempty"`

	// OpenOnly says that the list leaves out to-dos that are done. They vanish
	// here then too, and a to-do that is done already cannot be added.
	OpenOnly bool `json:"open_only,omitempty"`

	// Item is the path of one to-do, with {id} for its id; empty: Path without
	// its query, a slash and {id}.
	Item   string `json:"item,omitempty"`
	ItemAt Path   `json:"item_at,omitempty"` // of the to-do in an answer that holds one; "": the answer is the to-do
	Wrap   string `json:"wrap,omitempty"`    // name of the member that a to-do is sent in; empty: it is the body

	ID          Path           `json:"id,omitempty"`    // empty: id; a string or a number
	Title       Path           `json:"title,omitempty"` // empty: title
	Description *TodoText      `json:"description,omitempty"`
	Done        *TodoDone      `json:"done,omitempty"`
	Priority    *TodoPriority  `json:"priority,omitempty"`
	Tags        *TodoTags      `json:"tags,omitempty"`
	Due         *TodoDue       `json:"due,omitempty"`
	Deleted     Path           `json:"deleted,omitempty"` // true there: the to-do is not there any more
	Updated     Path           `json:"updated,omitempty"` // changes with every change of the to-do
	ETag        Path           `json:"etag,omitempty"`    // of the to-do's entity tag
	New         map[string]any `json:"new,omitempty"`     // members that are sent with every to-do that is added, by name

	// The methods that add, change and delete: POST; PATCH or POST with what
	// changed, or PUT with the whole to-do; DELETE. Empty: that cannot be done.
	Create string `json:"create,omitempty"`
	Update string `json:"update,omitempty"`
	Delete string `json:"delete,omitempty"`

	// ReadOnly is a sentence for the user that says why nothing can be changed;
	// Create, Update and Delete count for nothing then.
	ReadOnly string `json:"read_only,omitempty"`

	// WriteScope is the scope without which nothing can be changed; empty: no
	// scope is known for that.
	WriteScope string `json:"write_scope,omitempty"`

	// IfMatch says that the API refuses a change with 412 where If-Match names
	// another entity tag than the to-do has (RFC 9110 section 13.1.1). Without
	// it, and where there is no strong entity tag, the to-do is read before each
	// change and compared, so that a change between the two requests goes
	// unnoticed.
	IfMatch bool `json:"if_match,omitempty"`

	// KeyHeader is the header that makes it safe to repeat the request that
	// adds a to-do, such as Idempotency-Key; empty: the API knows none, and
	// none is sent. A lost answer is then followed by reading the list.
	KeyHeader string `json:"key_header,omitempty"`

	// Headers are sent with every request. None carries a credential.
	Headers map[string]string `json:"headers,omitempty"`
}

// TodoText is a field that holds text.
type TodoText struct {
	Path  Path `json:"path"`            // where it is read
	Write Path `json:"write,omitempty"` // where it is sent, if that is elsewhere

	// With are values that are sent beside one that is not empty, by the path
	// at which they stand.
	With map[Path]any `json:"with,omitempty"`

	// Clear is what is sent for an empty value, at ClearAt if that is given.
	// Nil: "" for a description, no tags for tags, else null; for a due date
	// inside an object, null for the object.
	Clear   any  `json:"clear,omitempty"`
	ClearAt Path `json:"clear_at,omitempty"`
}

// TodoDone says when a to-do is done.
type TodoDone struct {
	Path   Path  `json:"path"`
	Values []any `json:"values,omitempty"` // that mean done; none: true
	Done   any   `json:"done,omitempty"`   // sent for done; nil: the first of Values
	Open   any   `json:"open,omitempty"`   // sent for not done; nil: false, where Values are true

	// Close and Reopen are paths with {id} to which an empty POST is sent
	// instead of a value. Both are given, or none.
	Close  string `json:"close,omitempty"`
	Reopen string `json:"reopen,omitempty"`
}

// TodoPriority says which value stands for which priority. A priority without
// a value cannot be kept by the API. Other values that are read count as none.
type TodoPriority struct {
	TodoText
	None   any `json:"none,omitempty"` // nil: the member is missing or null
	Low    any `json:"low,omitempty"`
	Medium any `json:"medium,omitempty"`
	High   any `json:"high,omitempty"`
}

// The forms of tags.
const (
	TagStrings = "strings" // an array of strings
	TagObjects = "objects" // an array of objects with a name
	TagComma   = "comma"   // one string, separated by commas
)

// TodoTags says how tags are written.
type TodoTags struct {
	TodoText
	As   string `json:"as,omitempty"`   // one of the forms; empty: TagStrings
	Name string `json:"name,omitempty"` // for TagObjects: the member that holds a tag's name; empty: name
}

// The forms of a due date. All are in UTC.
const (
	DueRFC3339 = "rfc3339"   // 2026-11-27T16:00:00Z
	DueDate    = "date"      // 2026-11-27
	DueLocal   = "date_time" // 2026-11-27T16:00:00, without a zone
	DueUnix    = "unix"      // a number of seconds since 1970
)

// TodoDue says how a due date is written. What is read may be in any of the
// textual forms.
type TodoDue struct {
	TodoText
	As string `json:"as,omitempty"` // one of the forms; empty: DueRFC3339

	// Days says that the API keeps the day alone, whatever the form: a time of
	// day that is read is left out, and one that is entered is refused.
	Days bool `json:"days,omitempty"`
}

// The ways of paging.
const (
	PageNext   = "next"   // a member of the answer holds the address of the next page
	PageLink   = "link"   // a Link header does (RFC 8288, rel=next)
	PageToken  = "token"  // a member of the answer is to be sent as a parameter
	PageNumber = "page"   // a parameter counts pages
	PageOffset = "offset" // a parameter counts to-dos
)

// Paging says how a list goes on. An address of another origin is never
// followed: the list counts as incomplete then, and nothing that it lacks is
// taken for deleted.
//
// By page or offset, requests go on until a page is empty or Total is reached.
// A list of several such pages counts as complete only if all of them give the
// same Total and there are as many to-dos, since one that moves from one page to
// another meanwhile is missed otherwise.
type Paging struct {
	By        string `json:"by"`                  // one of the ways
	At        Path   `json:"at,omitempty"`        // next: of the address; token: of the token
	Parameter string `json:"parameter,omitempty"` // token, page, offset: name of the query parameter
	First     *int   `json:"first,omitempty"`     // page: number of the first page; nil: 1
	Total     Path   `json:"total,omitempty"`     // of the number of all to-dos in the answer; may be left out
}
