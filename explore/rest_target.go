package explore

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"waybill/fault"
	"waybill/transport"
)

// check builds the address of a request, and refuses what could be read in more
// than one way: what stands in the result is what is sent, byte for byte.
func (r *REST) check(q Request) (address string, err error) {
	if why := badMethod(q.method()); why != "" {
		return "", invalid("method", why)
	}
	origin, err := transport.Origin(r.o.Resource.URL)
	if err != nil {
		return "", err
	}
	base, err := url.Parse(r.o.Resource.URL)
	if err != nil {
		return "", transport.CheckURL(r.o.Resource.URL) // cannot be: Origin parsed it
	}
	path, why := pathOf(q.Path, origin)
	if why != "" {
		return "", invalid("path", why)
	}
	target, why := target(path, q.Query)
	if why != "" {
		return "", invalid("path", why)
	}
	if why := badFields(q.Header); why != "" {
		return "", invalid("header", why)
	}
	if len(q.Body) > MaxBody {
		return "", invalid("body", fmt.Sprintf("The body is longer than %d MiB.", MaxBody>>20))
	}
	address = strings.ToLower(base.Scheme) + "://" + base.Host + target
	// Once more, by those who send it.
	again, err := url.Parse(address)
	if err != nil || again.RequestURI() != target || again.Host != base.Host {
		return "", invalid("path", "This cannot be written as an address.")
	}
	if to, err := transport.Origin(address); err != nil || to != origin {
		return "", invalid("path", "This address is not of the resource.")
	}
	return address, nil
}

func invalid(code, sentence string) *fault.Fault {
	return fault.New(fault.StepCall, fault.Invalid, "bad_"+code, sentence)
}

// pathOf returns what stands after the origin, which text may have before it, if
// it is that one.
func pathOf(text, origin string) (path, why string) {
	switch {
	case text == "":
		return "", "Give a path that begins with a slash, such as /api/todos."
	case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", "A path holds no line ends and no control characters."
	case strings.Contains(text, "#"):
		return "", "What follows a # is never sent to a server. Write %23 for the character itself."
	case strings.HasPrefix(text, "//"):
		return "", "An address that begins with // names another host. Begin with one slash."
	case strings.HasPrefix(text, "/"):
		return text, ""
	}
	scheme, rest, whole := strings.Cut(text, "://")
	if !whole || strings.ContainsAny(scheme, "/?") {
		return "", "Give a path that begins with a slash, such as /api/todos."
	}
	host := rest
	if i := strings.IndexAny(rest, `/?\`); i >= 0 {
		host, path = rest[:i], rest[i:]
	}
	if strings.Contains(host, "@") {
		return "", "An address with a user name is not called."
	}
	if to, err := transport.Origin(scheme + "://" + host); err != nil || to != origin {
		return "", "This address is of another server. The access token is for " + origin + " alone."
	}
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	if strings.HasPrefix(path, "//") {
		return "", "A path that begins with // could be read as another host. Begin with one slash."
	}
	return path, ""
}

// unfilled is a part of a path template that nothing was put in the place of.
var unfilled = regexp.MustCompile(`\{[^{}/]*\}`)

// target is path, with its query and the pairs after it, as it is sent.
func target(path string, pairs []Pair) (_, why string) {
	path, query, has := strings.Cut(path, "?")
	if part := unfilled.FindString(path); part != "" {
		return "", "Put a value in the place of " + fault.Clean(part, 60) + "."
	}
	if strings.Contains(path, `\`) {
		return "", `Some servers read a \ as a slash. Write %5C for the character itself.`
	}
	path, ok := escape(path, "!$&'()*+,;=:@/")
	if !ok {
		return "", badPercent
	}
	for segment := range strings.SplitSeq(path, "/") {
		name, _, _ := strings.Cut(segment, ";")
		if plain, err := url.PathUnescape(name); err != nil || plain == "." || plain == ".." {
			return "", "A path with . or .. between slashes is read differently by different servers. Write the path that it leads to."
		}
	}
	var parts []string
	if has && query != "" {
		if query, ok = escape(query, "!$&'()*+,;=:@/?[]"); !ok {
			return "", badPercent
		}
		parts = append(parts, query)
	}
	for _, p := range pairs {
		if p.Name == "" {
			return "", "A parameter of the query needs a name."
		}
		parts = append(parts, url.QueryEscape(p.Name)+"="+url.QueryEscape(p.Value))
	}
	if out := path + "?" + strings.Join(parts, "&"); len(parts) > 0 {
		path = out
	}
	if len(path) > MaxTarget {
		return "", fmt.Sprintf("Path and query together are longer than %d KiB.", MaxTarget>>10)
	}
	return path, ""
}

const badPercent = "A % is followed by two hexadecimal digits. Write %25 for the character itself."

// escape percent-encodes what is neither unreserved (RFC 3986 section 2.3) nor in
// also; what is encoded already stays. It is not ok if a % means nothing.
func escape(text, also string) (_ string, ok bool) {
	var b strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._~", c) >= 0, strings.IndexByte(also, c) >= 0:
			b.WriteByte(c)
		case c == '%':
			if i+2 >= len(text) || !isHex(text[i+1]) || !isHex(text[i+2]) {
				return "", false
			}
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String(), true
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}
