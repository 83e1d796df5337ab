package gui

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"waybill/todo"
)

// deepest is how far lines of JSON are moved in at most: a hostile body may be
// nested as deep as it is long.
const deepest = 24

// bodyEntries are the lines of a body: JSON pretty-printed and highlighted, even
// where its end is missing; anything else line by line as it is.
func bodyEntries(body string) []*entry {
	if trimmed := strings.TrimSpace(body); strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[") {
		p := &jsonPrinter{rest: trimmed}
		p.print()
		return p.entries
	}
	var entries []*entry
	for line := range strings.Lines(body) {
		entries = append(entries, codeEntry(strings.TrimRight(line, "\r\n")))
	}
	return entries
}

// codeEntry is a line of text as it is; blanks at its beginning stay.
func codeEntry(line string) *entry {
	bare := strings.TrimLeft(line, " \t")
	indent := strings.Repeat(" ", min(40, len(line)-len(bare)))
	return &entry{cells: []cell{{spans: []span{{indent + clean(bare), theme.ColorNameForeground}}, mono: true, keep: len(indent) + 2}}}
}

// clean makes a text of any length fit to show, on one line.
func clean(text string) string {
	return todo.Text(strings.NewReplacer("\n", " ", "\r", " ").Replace(text))
}

// jsonPrinter makes lines of JSON. It takes what is not JSON as it comes: what
// it shows is what was received, and not what it should have been.
type jsonPrinter struct {
	rest    string
	entries []*entry
	line    []span
	depth   int
	open    []*fold // for each depth: what was opened, and not closed yet
	closed  *fold   // what the line ends that is being made
	isKey   bool    // the next string is a key
}

func (p *jsonPrinter) print() {
	for p.rest != "" {
		switch c := p.rest[0]; c {
		case ' ', '\t', '\n', '\r':
			p.rest = p.rest[1:]
		case '{', '[':
			p.begin(c)
		case '}', ']':
			p.close(c)
		case ',':
			p.put(p.take(1), colorMuted)
			p.end()
			if p.isKey = false; p.depth > 0 {
				within := p.open[p.depth-1]
				within.members++
				p.isKey = !within.array
			}
		case ':':
			p.put(p.take(1)+" ", colorMuted)
			p.isKey = false
		case '"':
			p.text()
		default:
			p.word()
		}
	}
	p.end()
}

// begin begins an object or array; an empty one stays on its line.
func (p *jsonPrinter) begin(c byte) {
	inner := strings.TrimLeft(p.rest[1:], " \t\r\n")
	if inner != "" && inner[0] == c+2 { // { and }, [ and ] are two apart
		p.put(string(c)+inner[:1], colorMuted)
		p.rest = inner[1:]
		return
	}
	p.put(p.take(1), colorMuted)
	p.end()
	p.depth++
	p.open = append(p.open, &fold{first: p.entries[len(p.entries)-1], members: 1, array: c == '['})
	p.isKey = c == '{'
}

func (p *jsonPrinter) close(c byte) {
	p.end()
	if p.depth > 0 {
		p.depth--
		p.closed, p.open = p.open[p.depth], p.open[:p.depth]
	}
	p.rest = p.rest[1:]
	p.put(string(c), colorMuted)
}

// text takes a string, with its quotes.
func (p *jsonPrinter) text() {
	n := 1
	for n < len(p.rest) && p.rest[n] != '"' {
		if p.rest[n] == '\\' {
			n++
		}
		n++
	}
	ink := theme.ColorNameForeground
	if p.isKey {
		ink = theme.ColorNameHyperlink
	}
	p.put(clean(p.take(n+1)), ink)
}

// word takes a number, a literal, or whatever else it is.
func (p *jsonPrinter) word() {
	n := strings.IndexAny(p.rest, "{}[],:\" \t\r\n")
	if n < 0 {
		n = len(p.rest)
	}
	p.put(clean(p.take(n)), colorNoticeText)
}

func (p *jsonPrinter) take(n int) string {
	n = min(n, len(p.rest))
	taken := p.rest[:n]
	p.rest = p.rest[n:]
	return taken
}

func (p *jsonPrinter) put(text string, ink fyne.ThemeColorName) {
	if len(p.line) == 0 {
		p.line = append(p.line, span{strings.Repeat(" ", 2*min(p.depth, deepest)), colorMuted})
	}
	p.line = append(p.line, span{text, ink})
}

// end ends the line.
func (p *jsonPrinter) end() {
	if len(p.line) > 0 {
		p.entries = append(p.entries, &entry{cells: []cell{{spans: p.line, mono: true, keep: 2*min(p.depth, deepest) + 2}}})
		p.line = nil
		// What never ends cannot be folded, nor what nobody would look into.
		if f := p.closed; f != nil && p.depth < deepest {
			f.last, f.first.fold = p.entries[len(p.entries)-1], f
		}
		p.closed = nil
	}
}
