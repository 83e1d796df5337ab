package connection

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"waybill/fault"
)

// Limits of what says where to-dos are. An honest one stays far below them.
const (
	maxTodoPath    = 2048 // bytes of the path of a request
	maxTodoName    = 128  // bytes of the name of a member, a header or a parameter
	maxTodoDepth   = 8    // names on the way to a value
	maxTodoHeaders = 16
	maxTodoHeader  = 1024 // bytes of a header's value
	maxTodoWords   = 200  // bytes of a sentence
	maxTodoValues  = 32   // values that mean done
)

// todosField is the name of a member, as a Fault gives it.
func todosField(member string) string { return "resource.todos." + member }

func badTodos(member, why string) *fault.Fault {
	return wrong("bad_todos", fmt.Sprintf("%q %s.", todosField(member), why)).About(todosField(member))
}

func (c Connection) validateTodos() error {
	if c.Resource.Todos == nil {
		return nil
	}
	if c.Resource.Kind != REST {
		return wrong("bad_todos", `"resource.todos" is for REST; an MCP server says itself where its to-dos are.`).WithRemedy("Leave it out.")
	}
	return c.Resource.Todos.Validate()
}

// Validate reports the first thing in t that cannot be right, as a Fault of
// kind Config that names the member as the connection file does. What only the
// API knows shows at the first listing.
func (t Todos) Validate() error {
	if _, known := shapes()[t.Shape]; t.Shape != "" && !known {
		return badTodos("shape", "is none that Waybill knows").WithRemedy("Use " + strings.Join(Shapes(), ", ") + ", or leave it out.")
	}
	t = t.Filled()
	for _, f := range []func() *fault.Fault{t.checkPaths, t.checkPlaces, t.checkMethods, t.checkDone, t.checkPriority, t.checkForms, t.checkPaging, t.checkHeaders} {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

// checkPaths looks at what requests are sent to.
func (t Todos) checkPaths() *fault.Fault {
	if t.Path == "" {
		return wrong("missing_field", fmt.Sprintf("The connection lacks %q.", todosField("path"))).About(todosField("path")).
			WithRemedy("Set it to the path of the list below resource.url.")
	}
	done := TodoDone{}
	if t.Done != nil {
		done = *t.Done
	}
	for _, p := range []struct {
		member, value string
		ids           int
	}{{"path", t.Path, 0}, {"item", t.Item, 1}, {"done.close", done.Close, 1}, {"done.reopen", done.Reopen, 1}} {
		if p.value == "" {
			continue
		}
		if why := wrongPath(p.value, p.ids); why != "" {
			return badTodos(p.member, why).WithRemedy("Write a path below resource.url, such as /v1/tasks or /v1/tasks/{id}.")
		}
	}
	return nil
}

// wrongPath says what is wrong with the path of a request, as the end of a
// sentence. A path that is right, put behind an address, never leaves its
// origin.
func wrongPath(path string, ids int) string {
	plain := strings.ReplaceAll(path, "{id}", "x")
	u, err := url.Parse(plain)
	switch {
	case len(path) > maxTodoPath:
		return "is too long"
	case strings.Count(path, "{id}") != ids && ids == 0:
		return "holds {id}, which is for one to-do"
	case strings.Count(path, "{id}") != ids:
		return "does not hold {id} exactly once"
	case strings.ContainsAny(plain, "{}"):
		return "holds a place in braces that is not filled in"
	case !strings.HasPrefix(plain, "/") || strings.HasPrefix(plain, "//"):
		return "does not begin with one slash"
	case strings.ContainsFunc(plain, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' || r == '#' }):
		return "holds a character that does not belong into a path"
	case err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Fragment != "":
		return "is no path"
	}
	for segment := range strings.SplitSeq(u.Path, "/") {
		if segment == "." || segment == ".." {
			return "goes up with dots"
		}
	}
	return ""
}

// checkPlaces looks at where values stand, and that no two share a place.
func (t Todos) checkPlaces() *fault.Fault {
	type place struct {
		member string
		path   Path
	}
	read := []place{{"id", t.ID}, {"title", t.Title}}
	other := []place{{"at", t.At}, {"item_at", t.ItemAt}, {"deleted", t.Deleted}, {"updated", t.Updated}, {"etag", t.ETag}}
	if t.Done != nil {
		read = append(read, place{"done.path", t.Done.Path})
	}
	for _, f := range t.texts() {
		read = append(read, place{f.member + ".path", f.text.Path})
		other = append(other, place{f.member + ".write", f.text.Write}, place{f.member + ".clear_at", f.text.ClearAt})
		for path, value := range f.text.With {
			other = append(other, place{f.member + ".with", cmp.Or(path, "/")})
			if !scalar(value) {
				return badTodos(f.member+".with", "holds something else than text, a number, true or false")
			}
		}
	}
	for _, p := range slices.Concat(read, other) {
		if why := wrongPlace(p.path); why != "" {
			return badTodos(p.member, why)
		}
	}
	for i, p := range read {
		if p.path == "" {
			return badTodos(p.member, "is empty")
		}
		for _, q := range read[:i] {
			if shared := min(len(p.path.Parts()), len(q.path.Parts())); slices.Equal(p.path.Parts()[:shared], q.path.Parts()[:shared]) {
				return badTodos(p.member, "stands in the same place as "+q.member)
			}
		}
	}
	if why := wrongPlace(Path("/" + t.Wrap)); t.Wrap != "" && (why != "" || strings.ContainsAny(t.Wrap, "/~")) {
		return badTodos("wrap", "is no name of a member")
	}
	return nil
}

type textField struct {
	member string
	text   TodoText
}

// texts lists the fields that are there and are TodoTexts.
func (t Todos) texts() (out []textField) {
	if t.Description != nil {
		out = append(out, textField{"description", *t.Description})
	}
	if t.Priority != nil {
		out = append(out, textField{"priority", t.Priority.TodoText})
	}
	if t.Tags != nil {
		out = append(out, textField{"tags", t.Tags.TodoText})
	}
	if t.Due != nil {
		out = append(out, textField{"due", t.Due.TodoText})
	}
	return out
}

// wrongPlace says what is wrong with a Path, as the end of a sentence.
func wrongPlace(p Path) string {
	parts := p.Parts()
	if len(parts) > maxTodoDepth {
		return fmt.Sprintf("goes through more than %d members", maxTodoDepth)
	}
	for _, name := range parts {
		switch {
		case name == "":
			return "holds an empty name"
		case len(name) > maxTodoName || name != fault.Clean(name, maxTodoName):
			return "holds a name that is too long, or with characters that cannot be seen"
		}
	}
	return ""
}

func (t Todos) checkMethods() *fault.Fault {
	for _, m := range []struct {
		member, value string
		may           []string
	}{{"create", t.Create, []string{"POST"}}, {"update", t.Update, []string{"PATCH", "PUT", "POST"}}, {"delete", t.Delete, []string{"DELETE"}}} {
		if m.value != "" && !slices.Contains(m.may, m.value) {
			return badTodos(m.member, "is not "+strings.Join(m.may, " or ")).WithRemedy("Leave it out if the API does not offer it.")
		}
	}
	if len(t.ReadOnly) > maxTodoWords || t.ReadOnly != fault.Clean(t.ReadOnly, maxTodoWords) {
		return badTodos("read_only", "is too long, or holds characters that cannot be seen")
	}
	if len(t.WriteScope) > maxTodoWords || strings.ContainsFunc(t.WriteScope, func(r rune) bool { return r <= ' ' || r > 0x7e || r == '"' || r == '\\' }) {
		return badTodos("write_scope", "is no scope")
	}
	return nil
}

func (t Todos) checkDone() *fault.Fault {
	d := t.Done
	if d == nil {
		return nil
	}
	if len(d.Values) > maxTodoValues || !scalar(d.Values...) || d.Done != nil && !scalar(d.Done) || d.Open != nil && !scalar(d.Open) {
		return badTodos("done", "holds too many values, or one that is not text, a number, true or false")
	}
	if (d.Close == "") != (d.Reopen == "") {
		return badTodos("done", "has one of close and reopen, and needs both or none")
	}
	if d.Close != "" || t.Create == "" && t.Update == "" {
		return nil
	}
	done, open := d.Sent()
	switch {
	case open == nil:
		return badTodos("done.open", "is missing: what is sent for a to-do that is not done")
	case !d.Means(done):
		return badTodos("done.done", "is not among the values that mean done")
	case d.Means(open):
		return badTodos("done.open", "is among the values that mean done")
	}
	return nil
}

// Means reports whether a value means that a to-do is done.
func (d TodoDone) Means(value any) bool {
	values := d.Values
	if len(values) == 0 {
		values = []any{true}
	}
	return slices.ContainsFunc(values, func(v any) bool { return SameValue(v, value) })
}

// Sent returns what is sent for done and for not done; open is nil if it is not
// known.
func (d TodoDone) Sent() (done, open any) {
	done, open = d.Done, d.Open
	if done == nil {
		if done = true; len(d.Values) > 0 {
			done = d.Values[0]
		}
	}
	if open == nil && SameValue(done, true) {
		open = false
	}
	return done, open
}

// SameValue reports whether two scalars are the same in JSON; text that looks
// like a number is not one.
func SameValue(a, b any) bool {
	switch x := a.(type) {
	case string:
		y, ok := b.(string)
		return ok && x == y
	case bool:
		y, ok := b.(bool)
		return ok && x == y
	}
	x, y := digits(a), digits(b)
	return x == y && x != ""
}

// digits is a number as JSON writes it, "" for anything else.
func digits(value any) string {
	switch n := value.(type) {
	case json.Number:
		return n.String()
	case int:
		return strconv.Itoa(n)
	case float64:
		text, _ := json.Marshal(n)
		return string(text)
	}
	return ""
}

// scalar reports whether all values are text, numbers, true or false.
func scalar(values ...any) bool {
	for _, v := range values {
		switch v := v.(type) {
		case string:
			if len(v) > maxTodoHeader {
				return false
			}
		case bool, int, float64, json.Number:
		default:
			return false
		}
	}
	return true
}

func (t Todos) checkPriority() *fault.Fault {
	p := t.Priority
	if p == nil {
		return nil
	}
	var seen []any
	for _, v := range []any{p.None, p.Low, p.Medium, p.High} {
		if v == nil {
			continue
		}
		if !scalar(v) || slices.ContainsFunc(seen, func(other any) bool { return SameValue(v, other) }) {
			return badTodos("priority", "has a value twice, or one that is not text, a number, true or false")
		}
		seen = append(seen, v)
	}
	if p.Low == nil && p.Medium == nil && p.High == nil {
		return badTodos("priority", "has no value for any priority").WithRemedy(`Set some of "low", "medium" and "high".`)
	}
	return nil
}

// checkForms looks at tags, due dates, and what clears a field.
func (t Todos) checkForms() *fault.Fault {
	if t.Tags != nil && !slices.Contains([]string{"", TagStrings, TagObjects, TagComma}, t.Tags.As) {
		return badTodos("tags.as", "is none of strings, objects and comma")
	}
	if t.Tags != nil && wrongPlace(Path("/"+t.Tags.Name)) != "" && t.Tags.Name != "" {
		return badTodos("tags.name", "is no name of a member")
	}
	if t.Due != nil && !slices.Contains([]string{"", DueRFC3339, DueDate, DueLocal, DueUnix}, t.Due.As) {
		return badTodos("due.as", "is none of rfc3339, date, date_time and unix")
	}
	for _, f := range t.texts() {
		if f.text.Clear != nil && !scalar(f.text.Clear) {
			return badTodos(f.member+".clear", "is not text, a number, true or false")
		}
	}
	if data, err := json.Marshal(t.New); err != nil || len(data) > MaxFileSize {
		return badTodos("new", "is too large")
	}
	return nil
}

func (t Todos) checkPaging() *fault.Fault {
	p := t.Paging
	if p == nil {
		return nil
	}
	for member, path := range map[string]Path{"paging.at": p.At, "paging.total": p.Total} {
		if why := wrongPlace(path); why != "" {
			return badTodos(member, why)
		}
	}
	if len(p.Parameter) > maxTodoName || p.Parameter != fault.Clean(p.Parameter, maxTodoName) {
		return badTodos("paging.parameter", "is too long, or holds characters that cannot be seen")
	}
	at, parameter := p.By == PageNext || p.By == PageToken, p.By == PageToken || p.By == PageNumber || p.By == PageOffset
	switch {
	case !at && !parameter && p.By != PageLink:
		return badTodos("paging.by", "is none of next, link, token, page and offset")
	case at && p.At == "":
		return badTodos("paging.at", "is missing")
	case parameter && p.Parameter == "":
		return badTodos("paging.parameter", "is missing")
	case p.First != nil && (*p.First < 0 || *p.First > 1):
		return badTodos("paging.first", "is neither 0 nor 1")
	}
	return nil
}

// Headers that are not the connection's to set: those that HTTP itself or this
// app needs, that say where a request goes or what it does, and that carry a
// credential.
var (
	ownHeaders  = []string{"host", "connection", "te", "trailer", "upgrade", "expect", "via", "forwarded", "range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "keep-alive", "user-agent", "idempotency-key", "x-idempotency-key"}
	ownPrefixes = []string{"proxy-", "content-length", "content-encoding", "transfer-", "accept-encoding", "x-forwarded", "x-http-method", "x-method", "x-original", "x-rewrite", "sec-"}
	credentials = []string{"authorization", "authentication", "cookie", "token", "secret", "password", "api-key", "apikey", "x-auth", "access-key", "credential", "signature"}
)

func (t Todos) checkHeaders() *fault.Fault {
	if len(t.Headers) > maxTodoHeaders {
		return badTodos("headers", "holds too many")
	}
	for name, value := range t.Headers {
		lower := strings.ToLower(name)
		has := func(part string) bool { return strings.Contains(lower, part) }
		begins := func(part string) bool { return strings.HasPrefix(lower, part) }
		shown := fault.Clean(name, 40)
		switch {
		case !headerName(name):
			return badTodos("headers", fmt.Sprintf("holds %q, which is no name of a header", shown))
		case slices.ContainsFunc(append(slices.Clone(credentials), "key"), has):
			return badTodos("headers", fmt.Sprintf("holds %q, which looks like a credential", shown)).
				WithRemedy("A connection holds no secrets: requests carry the access token and nothing else.")
		case slices.Contains(ownHeaders, lower) || slices.ContainsFunc(ownPrefixes, begins):
			return badTodos("headers", fmt.Sprintf("holds %q, which Waybill sets itself", shown))
		case len(value) > maxTodoHeader || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > 0x7e }):
			return badTodos("headers", fmt.Sprintf("holds a value for %q that is no plain text", shown))
		case (lower == "accept" || lower == "content-type") && !strings.Contains(value, "json"):
			return badTodos("headers", fmt.Sprintf("sets %q to something else than JSON", shown))
		}
	}
	return t.checkKeyHeader()
}

func (t Todos) checkKeyHeader() *fault.Fault {
	lower := strings.ToLower(t.KeyHeader)
	known := lower == "idempotency-key" || lower == "x-idempotency-key"
	if t.KeyHeader == "" || known {
		return nil
	}
	if !headerName(t.KeyHeader) || slices.Contains(ownHeaders, lower) || lower == "accept" || lower == "content-type" ||
		slices.ContainsFunc(slices.Concat(ownPrefixes, credentials), func(part string) bool { return strings.Contains(lower, part) }) {
		return badTodos("key_header", "is no name of a header, or of one with another meaning")
	}
	return nil
}

func headerName(name string) bool {
	return name != "" && len(name) <= maxTodoName && !strings.ContainsFunc(name, func(r rune) bool {
		return !(r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	})
}
