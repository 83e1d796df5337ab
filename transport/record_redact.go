package transport

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"waybill/secret"
)

// Bounds of what is looked for.
const (
	tokenRun = 32 // characters of the base64url alphabet in a row that are taken for a token
	minEcho  = 6  // a shorter secret is not looked for inside of longer texts
	strong   = 22 // base64url characters that hold 128 bits
	maxKept  = 32 // secrets of one exchange that are kept apart; what comes beyond is left out
)

// redactor takes the secrets out of the texts of one exchange and keeps them
// apart. What one text was found to hold in confidence is looked for in those
// that come after it. The zero value is ready; it is for one goroutine at a time.
type redactor struct {
	hidden       []Hidden
	placeholders []string // of hidden
	echoes       []echo
	seen         [8]seenName
}

// seenName is a name that was sorted lately: a list repeats those of its items.
type seenName struct {
	name  string
	class nameClass
}

// class is the function class, from memory where that is quicker.
func (r *redactor) class(name string) nameClass {
	if name == "" {
		return anyName
	}
	at := &r.seen[(len(name)+int(name[0])+int(name[len(name)-1]))%len(r.seen)]
	if at.name != name {
		*at = seenName{name, class(name)}
	}
	return at.class
}

// echo is one way to write a secret that another text may quote.
type echo struct {
	form, placeholder string
	plain             bool // it is taken for a token in every text
}

// hide keeps value apart and returns what stands in its place. The same value
// has one placeholder, whatever it is called.
func (r *redactor) hide(name, value string) string {
	if value == "" || r.isPlaceholder(value) {
		return value
	}
	for i := range r.hidden {
		if r.hidden[i].Value.Reveal() == value {
			return r.placeholders[i]
		}
	}
	if len(r.hidden) == maxKept {
		return beyond
	}
	h := Hidden{Name: r.unused(known(name)), Value: secret.New(value), Token: isStrong(name, value)}
	placeholder := h.Placeholder()
	r.hidden, r.placeholders = append(r.hidden, h), append(r.placeholders, placeholder)
	r.expect(value, placeholder)
	return placeholder
}

// beyond is the placeholder of secrets that are not kept.
const beyond = "«…»"

func (r *redactor) isPlaceholder(text string) bool {
	if text == beyond {
		return true
	}
	return strings.HasPrefix(text, "«") && slices.Contains(r.placeholders, text)
}

func (r *redactor) unused(name string) string {
	taken := func(name string) bool {
		return slices.ContainsFunc(r.hidden, func(h Hidden) bool { return h.Name == name })
	}
	if !taken(name) {
		return name
	}
	for n := 2; ; n++ {
		if numbered := name + "_" + strconv.Itoa(n); !taken(numbered) {
			return numbered
		}
	}
}

// isStrong reports whether a fingerprint of value gives nothing away.
func isStrong(name, value string) bool {
	return class(name) != chosen && len(value) >= strong && !strings.Contains(value, " ")
}

// expect has value looked for from now on, in the ways that it may be written. A
// value that is long and plain is taken for a token in every other way.
func (r *redactor) expect(value, placeholder string) {
	plain := len(value) >= tokenRun && isPlain(value)
	r.echoes = append(r.echoes, echo{value, placeholder, plain && isToken(value)})
	if plain {
		return
	}
	forms := []string{value, url.QueryEscape(value), url.PathEscape(value), "", ""}
	if len(value) < tokenRun {
		forms[3] = base64.RawStdEncoding.EncodeToString([]byte(value))
		forms[4] = base64.RawURLEncoding.EncodeToString([]byte(value))
	}
	for i, form := range forms[1:] {
		if form == "" || slices.Contains(forms[:i+1], form) {
			continue
		}
		r.echoes = append(r.echoes, echo{form, placeholder, false})
		if i < 2 {
			if lower := lowerEscapes(form); lower != form {
				r.echoes = append(r.echoes, echo{lower, placeholder, false})
			}
		}
	}
}

// isPlain reports whether value is written alike in an address, in JSON and as it
// is.
func isPlain(value string) bool {
	for i := range len(value) {
		if c := value[i]; !inTokenByte[c] && c != '.' {
			return false
		}
	}
	return true
}

// lowerEscapes writes %2F as %2f.
func lowerEscapes(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:], strings.ToLower(s[i+1:i+3]))
			i += 2
		}
	}
	return string(b)
}

// needleEnd is how much of a form is looked for first: the processor finds so
// much at once.
const needleEnd = 48

// quotes reports whether text may hold a secret in a form that does not look like
// one.
func (r *redactor) quotes(text string) bool {
	for i := range r.echoes {
		form := r.echoes[i].form
		if r.echoes[i].plain || len(form) > len(text) || len(form) < minEcho && form != text {
			continue
		}
		if strings.Contains(text, form[:min(len(form), needleEnd)]) {
			return true
		}
	}
	return false
}

// unquote takes the secrets out of text that it quotes.
func (r *redactor) unquote(text string) string {
	for _, e := range r.echoes {
		if e.form == text {
			return e.placeholder
		}
		if len(e.form) >= minEcho && len(e.form) <= len(text) && strings.Contains(text, e.form[:min(len(e.form), needleEnd)]) {
			text = strings.ReplaceAll(text, e.form, e.placeholder)
		}
	}
	return text
}

// scrub takes out of text what it quotes and what looks like a token.
func (r *redactor) scrub(text string) string { return r.tokens(r.unquote(text)) }

// tokens takes out of text what looks like a token. It looks at every 32nd byte
// first, since a token that is long enough has one there.
func (r *redactor) tokens(text string) string {
	var b strings.Builder
	done := 0
	for i := tokenRun - 1; i < len(text); {
		if !inTokenByte[text[i]] {
			i += tokenRun
			continue
		}
		start, end := runAround(text, done, i)
		if token := text[start:end]; isToken(token) {
			b.WriteString(text[done:start])
			b.WriteString(r.hide("token", token))
			done = end
		}
		i = end + tokenRun
	}
	if done == 0 {
		return text
	}
	b.WriteString(text[done:])
	return b.String()
}

// runAround is the run of token characters around i, not before from. A JWT's
// three parts are one.
func runAround(text string, from, i int) (start, end int) {
	start, end = i, i
	for start > from && inTokenByte[text[start-1]] {
		start--
	}
	head := start
	for head > from && (inTokenByte[text[head-1]] || text[head-1] == '.') {
		head--
	}
	jwt := strings.HasPrefix(text[head:], "eyJ")
	if jwt {
		start = head
	}
	for end < len(text) && (inTokenByte[text[end]] || jwt && text[end] == '.') {
		end++
	}
	return start, end
}

// inTokenByte is the base64url alphabet.
var inTokenByte = func() (in [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") {
		in[c] = true
	}
	return in
}()

// isToken reports whether a run of token characters is long and random.
func isToken(run string) bool {
	return len(run) >= tokenRun && (strings.HasPrefix(run, "eyJ") || isRandom(run))
}

// isRandom tells a random run from a UUID and from one that is made of words,
// such as token_endpoint_auth_methods_supported.
func isRandom(run string) bool {
	for part := range strings.FieldsFuncSeq(run, func(c rune) bool { return c == '-' || c == '_' || c == '.' }) {
		if !isWord(part) {
			return true
		}
	}
	return false
}

// isWord reports whether part is a word in one case, several in camel case, a
// short number, or one of a UUID's groups.
func isWord(part string) bool {
	var digits, upper, hex, humps int
	for i := range len(part) {
		c := part[i]
		switch {
		case c >= '0' && c <= '9':
			digits++
			hex++
		case c >= 'A' && c <= 'Z':
			upper++
			if i > 0 && part[i-1] >= 'a' {
				humps++
			}
		case c <= 'f':
			hex++
		}
	}
	letters := len(part) - digits
	switch {
	case upper == 0 && hex == len(part), digits == len(part):
		return len(part) <= 12
	case digits > 0:
		return len(part) <= 12 && (upper == 0 || upper == letters)
	case upper == 0 || upper == len(part):
		return len(part) <= 24
	}
	return len(part) <= 48 && humps <= len(part)/6 && upper <= humps+1
}

// header returns h without its secrets.
func (r *redactor) header(h http.Header) http.Header {
	count := 0
	for _, values := range h {
		count += len(values)
	}
	out, all := make(http.Header, len(h)), make([]string, 0, count)
	for name, values := range h {
		begin := len(all)
		for _, value := range values {
			all = append(all, r.field(name, value))
		}
		out[name] = all[begin:len(all):len(all)]
	}
	return out
}

func (r *redactor) field(name, value string) string {
	switch name {
	case "Authorization", "Proxy-Authorization":
		return r.authorization(name, value)
	case "Dpop":
		return r.hide("DPoP", value)
	case "Cookie", "Set-Cookie", "Mcp-Session-Id":
		return r.hide(name, value)
	case "Location", "Content-Location", "Referer", "Refresh":
		return r.address(value)
	case "Etag", "If-Match", "If-None-Match", dpopNonceKey, "X-Request-Id", "X-Correlation-Id", "Request-Id", "Traceparent":
		return r.unquote(value)
	}
	if c := r.class(name); c == secretName || c == chosen {
		return r.hide(name, value)
	}
	return r.scrub(value)
}

// dpopNonceKey is HeaderDPoPNonce as it stands in an http.Header.
const dpopNonceKey = "Dpop-Nonce"

// authorization leaves the scheme, and of Basic credentials the id, which are
// shown decoded (RFC 7617 section 2, RFC 6749 section 2.3.1).
func (r *redactor) authorization(name, value string) string {
	scheme, rest, ok := strings.Cut(value, " ")
	rest = strings.TrimSpace(rest)
	switch {
	case !ok || rest == "":
		return r.hide(name, value)
	case strings.EqualFold(scheme, "Bearer"), strings.EqualFold(scheme, "DPoP"):
		return scheme + " " + r.hide("access_token", rest)
	case !strings.EqualFold(scheme, "Basic") || name != "Authorization":
		return scheme + " " + r.hide(name, rest)
	}
	pair, err := base64.StdEncoding.DecodeString(rest)
	id, password, both := strings.Cut(string(pair), ":")
	if err != nil || !both {
		return scheme + " " + r.hide(name, rest)
	}
	if plain, err := url.QueryUnescape(password); err == nil {
		password = plain
	}
	placeholder := r.hide("client_secret", password)
	r.echoes = append(r.echoes, echo{rest, placeholder, false}, echo{strings.TrimRight(rest, "="), placeholder, false})
	return scheme + " " + id + ":" + placeholder
}

// address returns an address without the secrets of its query and fragment.
func (r *redactor) address(address string) string {
	cut := strings.IndexAny(address, "?#")
	if cut < 0 {
		return r.scrub(address)
	}
	mark, rest := address[cut:cut+1], address[cut+1:]
	query, fragment, both := strings.Cut(rest, "#")
	out := r.scrub(address[:cut]) + mark + r.query(query)
	if both {
		out += "#" + r.query(fragment)
	}
	return out
}

// query keeps the order and the encoding of what it leaves.
func (r *redactor) query(query string) string {
	parts := strings.Split(query, "&")
	for i, part := range parts {
		name, value, ok := strings.Cut(part, "=")
		plain := unescapedParam(value)
		switch {
		case !ok:
			parts[i] = r.scrub(part)
		case r.secretParam(name):
			parts[i] = name + "=" + r.hide(name, plain)
		default:
			if kept := r.value(name, plain); kept != plain {
				parts[i] = name + "=" + kept
			}
		}
	}
	return strings.Join(parts, "&")
}

// form reads a form-encoded body, in its order.
func (r *redactor) form(body string) []Field {
	fields := []Field{}
	for part := range strings.SplitSeq(body, "&") {
		name, value, _ := strings.Cut(part, "=")
		name, value = unescapedParam(name), unescapedParam(value)
		switch {
		case part == "":
			continue
		case r.secretParam(name):
			value = r.hide(name, value)
		default:
			value = r.value(name, value)
		}
		fields = append(fields, Field{r.unquote(name), value})
	}
	return fields
}

func unescapedParam(text string) string {
	if strings.IndexByte(text, '%') < 0 && strings.IndexByte(text, '+') < 0 {
		return text
	}
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}

// secretParam reports whether a parameter of a query or a form is a secret.
func (r *redactor) secretParam(name string) bool {
	c := r.class(name)
	return c == secretName || c == chosen || c == codeName || c == stateName
}

// value is what is left of a value that its name does not make a secret.
func (r *redactor) value(name, value string) string {
	if r.class(name) == publicID && !strings.HasPrefix(value, "eyJ") {
		return r.unquote(value)
	}
	return r.scrub(value)
}
