package transport

import (
	"mime"
	"strings"
	"unicode/utf8"
)

// deepest is how far JSON within a string of JSON is looked into: the answers
// of MCP servers hold it so.
const deepest = 3

// message fills in what is shown of a body. cut says that data is only its
// beginning.
func (r *redactor) message(m *Message, contentType, data string, cut bool) {
	m.Cut = cut
	for n := 0; cut && n < utf8.UTFMax && !utf8.ValidString(data) && data != ""; n++ {
		data = data[:len(data)-1] // half a character
	}
	if !utf8.ValidString(data) || strings.IndexByte(data, 0) >= 0 {
		return
	}
	media, _, _ := mime.ParseMediaType(contentType)
	switch {
	case media == "application/x-www-form-urlencoded":
		m.Form = r.form(data)
	case media == "text/event-stream":
		m.Body = r.lines(data, cut)
	case looksLikeJSON(data):
		m.Body = r.json(data, cut, deepest)
	default:
		m.Body = r.text(data, cut)
	}
}

func looksLikeJSON(data string) bool {
	for i := range len(data) {
		switch data[i] {
		case ' ', '\t', '\r', '\n':
		case '{', '[', '"':
			return true
		default:
			return false
		}
	}
	return false
}

// lines redacts an event stream, whose data are JSON.
func (r *redactor) lines(data string, cut bool) string {
	var b strings.Builder
	for line := range strings.Lines(data) {
		last := cut && !strings.HasSuffix(line, "\n")
		value, isData := strings.CutPrefix(line, "data:")
		if isData && looksLikeJSON(value) {
			b.WriteString("data:")
			b.WriteString(r.json(value, last, deepest))
		} else {
			b.WriteString(r.text(line, last))
		}
	}
	return b.String()
}

// text redacts what has no form that is known: what follows the name of a
// secret and an equals sign or a scheme is one too.
func (r *redactor) text(text string, cut bool) string {
	if cut {
		text = strings.TrimRightFunc(text, func(c rune) bool { return c < utf8.RuneSelf && (inTokenByte[c] || c == '.') })
	}
	if len(text) < minEcho {
		return r.scrub(text)
	}
	var b strings.Builder
	done := 0
	for i := 0; i < len(text); i++ {
		if !mayFollowName[text[i]] || text[i] == ' ' && (i < 4 || strings.IndexByte("rRcCpP", text[i-1]) < 0) {
			continue // the schemes end so
		}
		start := i
		for start > done && inTokenByte[text[start-1]] {
			start--
		}
		name := text[start:i]
		follows := text[i] != ' ' && r.secretParam(name) || text[i] == ' ' && isScheme(name)
		if !follows {
			continue
		}
		from := i + 1
		for from < len(text) && strings.IndexByte(" \"'", text[from]) >= 0 {
			from++
		}
		end := from
		for end < len(text) && strings.IndexByte("&;,<>\"' \t\r\n", text[end]) < 0 {
			end++
		}
		if word := text[from:end]; isScheme(word) || text[i] != '=' && isProse(word) {
			continue
		}
		b.WriteString(r.scrub(text[done:from]))
		b.WriteString(r.hide(name, text[from:end]))
		i, done = end-1, end
	}
	if done == 0 {
		return r.scrub(text)
	}
	b.WriteString(r.scrub(text[done:]))
	return b.String()
}

var mayFollowName = [256]bool{'=': true, ':': true, ' ': true}

// isProse reports whether word may well be one of a sentence.
func isProse(word string) bool {
	return len(word) < minEcho || len(word) < 16 && !strings.ContainsAny(word, "0123456789")
}

func isScheme(word string) bool {
	return len(word) >= 4 && len(word) <= 6 && (strings.EqualFold(word, "Bearer") || strings.EqualFold(word, "Basic") || strings.EqualFold(word, "DPoP"))
}
