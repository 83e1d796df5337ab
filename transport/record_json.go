package transport

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonScan redacts JSON, or what resembles it, in one pass: it need be neither
// whole nor valid.
type jsonScan struct {
	*redactor
	in    string
	cut   bool
	depth int  // how far JSON in strings is looked into
	quote bool // a secret may be quoted, as it is or behind escapes

	name  string // that the next value has
	class nameClass
	level int // of brackets
	under int // the level from which all is secret; 0: none

	out  strings.Builder
	done int // of in, written to out
}

// json redacts text. What it finds to be secret may stand further up as well,
// under a name that says nothing; so if something short was found, which nothing
// else would show, it looks once more.
func (r *redactor) json(text string, cut bool, depth int) string {
	known := len(r.echoes)
	text = r.jsonOnce(text, cut, depth)
	if len(r.echoes) > known && r.quotes(text) {
		text = r.jsonOnce(text, cut, depth)
	}
	return text
}

func (r *redactor) jsonOnce(text string, cut bool, depth int) string {
	s := jsonScan{redactor: r, in: text, cut: cut, depth: depth, quote: r.quotes(text) || strings.IndexByte(text, '\\') >= 0}
	for i := 0; i < len(text); {
		begin := strings.IndexByte(text[i:], '"')
		if begin < 0 {
			s.gap(i, len(text))
			break
		}
		begin += i
		s.gap(i, begin)
		end, closed := stringEnd(text, begin)
		inner := end
		if closed {
			inner--
		}
		if closed && s.isName(end) {
			s.setName(begin+1, inner)
		} else {
			s.value(begin+1, inner, closed)
		}
		i = end
	}
	if s.done == 0 {
		return text
	}
	s.out.WriteString(text[s.done:])
	return s.out.String()
}

// stringEnd is behind the closing quote of the string that begins at i.
func stringEnd(text string, i int) (end int, closed bool) {
	for end = i + 1; ; {
		n := strings.IndexByte(text[end:], '"')
		if n < 0 {
			return len(text), false
		}
		end += n + 1
		slash := end - 2
		for slash > i && text[slash] == '\\' {
			slash--
		}
		if (end-2-slash)%2 == 0 {
			return end, true
		}
	}
}

// isName reports whether a colon follows at i.
func (s *jsonScan) isName(i int) bool {
	for i < len(s.in) && strings.IndexByte(" \t\r\n", s.in[i]) >= 0 {
		i++
	}
	return i < len(s.in) && s.in[i] == ':'
}

// setName reads a name. One that is, or quotes, a secret is hidden.
func (s *jsonScan) setName(begin, end int) {
	s.name = unescaped(s.in[begin:end])
	s.class = s.redactor.class(s.name)
	if len(s.name) < minEcho {
		return
	}
	if kept := s.scrubIf(s.name); kept != s.name {
		s.replace(begin, end, escaped(kept))
	}
}

// scrubIf is scrub where there is a reason for it.
func (s *jsonScan) scrubIf(text string) string {
	if s.quote {
		return s.scrub(text)
	}
	return s.tokens(text)
}

func (s *jsonScan) secret() bool { return s.under > 0 || s.class == secretName || s.class == chosen }

// gap looks at what stands between two strings: brackets and numbers.
func (s *jsonScan) gap(begin, end int) {
	whole := false
	if n := end - begin; n >= tokenRun || s.quote && n >= minEcho { // no such number is needed, and no such word known
		text := s.in[begin:end]
		if kept := s.scrubIf(text); kept != text {
			s.replace(begin, end, kept)
			whole = true
		}
	}
	for i := begin; i < end; i++ {
		switch c := s.in[i]; {
		case c == '{' || c == '[':
			s.level++
			if s.under == 0 && s.secret() {
				s.under = s.level
			}
		case c == '}' || c == ']':
			s.level = max(s.level-1, 0)
			if s.under > s.level {
				s.under = 0
			}
			s.name, s.class = "", anyName
		case (c == '-' || c >= '0' && c <= '9') && s.secret() && !whole:
			number := i
			for i < end && strings.IndexByte("+-.0123456789eE", s.in[i]) >= 0 {
				i++
			}
			s.replace(number, i, `"`+s.hide(s.called(), s.in[number:i])+`"`)
			i--
		}
	}
}

// called is what a value without a name that says something is called.
func (s *jsonScan) called() string {
	if c := s.class; c == secretName || c == chosen {
		return s.name
	}
	return "secret"
}

// value looks at a string between its quotes.
func (s *jsonScan) value(begin, end int, closed bool) {
	plain := unescaped(s.in[begin:end])
	if plain == "" || s.isPlaceholder(plain) {
		return
	}
	kept := plain
	switch {
	case s.secret():
		kept = s.hide(s.called(), plain)
		s.quote = s.quote || len(s.echoes) > 0 && !s.echoes[len(s.echoes)-1].plain
	case s.class == keyPart && len(plain) >= 16 && allToken(plain), s.class == codeName && isCode(plain):
		kept = s.hide(s.name, plain)
	case s.class == publicID && !strings.HasPrefix(plain, "eyJ"):
		kept = s.unquote(plain)
	case !closed:
		kept = s.text(plain, true)
	case s.depth > 0 && looksLikeJSON(plain):
		kept = s.json(plain, false, s.depth-1)
	case s.quote || strings.IndexByte(plain, '=') >= 0 || strings.IndexByte(plain, ' ') >= 0 || namesFirst(plain):
		kept = s.text(plain, false)
	default:
		kept = s.scrubIf(plain)
	}
	if kept != plain {
		s.replace(begin, end, escaped(kept))
	}
}

// namesFirst reports whether text may be a name, a colon and a value, and is no
// date and no address.
func namesFirst(text string) bool {
	colon := strings.IndexByte(text, ':')
	return colon > 0 && (text[0] < '0' || text[0] > '9') && !strings.HasPrefix(text[colon:], "://")
}

// isCode tells an authorization code from an error's code: it is no word.
func isCode(value string) bool {
	return len(value) >= 16 && allToken(value) && isRandom(value)
}

func allToken(value string) bool {
	for i := range len(value) {
		if !inTokenByte[value[i]] {
			return false
		}
	}
	return true
}

func (s *jsonScan) replace(begin, end int, by string) {
	s.out.WriteString(s.in[s.done:begin])
	s.out.WriteString(by)
	s.done = end
}

// unescaped reads the escapes of a JSON string (RFC 8259 section 7). What is no
// escape stays.
func unescaped(raw string) string {
	i := strings.IndexByte(raw, '\\')
	if i < 0 {
		return raw
	}
	out := append(make([]byte, 0, len(raw)), raw[:i]...)
	for i < len(raw) {
		if raw[i] != '\\' || i+1 == len(raw) {
			out = append(out, raw[i])
			i++
			continue
		}
		if raw[i+1] == 'u' {
			c, n := unescapedRune(raw[i:])
			out = utf8.AppendRune(out, c)
			i += n
			continue
		}
		c := raw[i+1]
		if n := strings.IndexByte("bfnrt", c); n >= 0 {
			c = "\b\f\n\r\t"[n]
		}
		out = append(out, c)
		i += 2
	}
	return string(out)
}

// unescapedRune reads \uXXXX, or two of them that are one character.
func unescapedRune(raw string) (c rune, length int) {
	first, ok := hex4(raw)
	if !ok {
		return 'u', 2
	}
	if utf16.IsSurrogate(first) {
		if second, ok := hex4(raw[6:]); ok {
			if both := utf16.DecodeRune(first, second); both != utf8.RuneError {
				return both, 12
			}
		}
	}
	return first, 6
}

func hex4(raw string) (c rune, ok bool) {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return 0, false
	}
	for _, d := range []byte(raw[2:6]) {
		n := strings.IndexByte("0123456789abcdef", d|0x20)
		if n < 0 {
			return 0, false
		}
		c = c<<4 | rune(n)
	}
	return c, true
}

// escaped writes text as a JSON string without its quotes.
func escaped(text string) string {
	if !strings.ContainsFunc(text, mustEscape) {
		return text
	}
	var b strings.Builder
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c < ' ':
			const digits = "0123456789abcdef"
			b.WriteString(`\u00`)
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

func mustEscape(c rune) bool { return c < ' ' || c == '"' || c == '\\' }
