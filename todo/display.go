package todo

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds of what Line and Text show, in runes.
const (
	MaxLineRunes = 500
	MaxTextRunes = 100_000
	maxMarks     = 4 // combining marks on one character; Hebrew with accents needs four
)

// placeholder stands, visibly, for what cannot be shown safely.
const placeholder = '\u25a1' // a white square

// Line makes a to-do's text fit to show on one line: a title, a tag, a name.
//
// Nothing is hidden silently and nothing can reach beyond its line (CWE-150):
// control, bidirectional, zero-width, tag, private-use and other characters
// that are not seen become a visible square, a run of them one; more than a few
// combining marks on a character become one as well; all white space becomes
// blanks, and blanks around the text go. Letters of every script, emoji with their joiners
// and variation selectors, and the joiners that Arabic and Indic spelling needs
// stay. What is longer than MaxLineRunes is cut with an ellipsis. Line is
// idempotent.
func Line(s string) string { return show(s, MaxLineRunes, false) }

// Text is Line for text of several lines, such as a description: line ends
// stay, as "\n", and the bound is MaxTextRunes.
func Text(s string) string { return show(s, MaxTextRunes, true) }

func show(s string, limit int, lines bool) string {
	if plain(s, limit, lines) {
		return s
	}
	c := cleaner{lines: lines}
	for i := 0; i < len(s) && c.runes <= limit; {
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		if r == '\r' && strings.HasPrefix(s[i:], "\n") {
			continue
		}
		next, _ := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			r = '\ufffe' // not a character, so it is never taken for a real U+FFFD
		}
		c.add(r, next)
	}
	out := c.out
	if c.runes > limit {
		out = append(out[:limit-1], '…')
		for n := len(out) - 2; n >= 0 && (isJoiner(out[n]) || unicode.IsSpace(out[n])); n-- {
			out = slices.Delete(out, n, n+1) // a joiner or blank with nothing behind it
		}
	}
	return strings.TrimFunc(string(out), func(r rune) bool { return r == ' ' || r == '\n' })
}

// plain reports whether s is printable ASCII that needs no work, as most text is.
func plain(s string, limit int, lines bool) bool {
	if len(s) > limit {
		return false
	}
	for i := 0; i < len(s); i++ {
		if (s[i] < ' ' && (!lines || s[i] != '\n')) || s[i] > '~' {
			return false
		}
	}
	return s == "" || (s[0] > ' ' && s[len(s)-1] > ' ')
}

// cleaner decides rune by rune, from what it has let through before and from
// the next rune alone, so that its own output goes through it unchanged.
type cleaner struct {
	lines bool
	out   []rune
	runes int
	marks int // combining marks since the last base character
}

func (c *cleaner) add(r, next rune) {
	prev := rune('\n')
	if len(c.out) > 0 {
		prev = c.out[len(c.out)-1]
	}
	switch {
	case r == '\n' || r == '\r':
		c.put(c.lineEnd())
	case r == '\t' || r != '\u3000' && unicode.Is(unicode.Zs, r):
		c.put(' ')
	case isJoiner(r):
		if joins(prev, r, next) {
			c.put(r)
		} else {
			c.hide(prev)
		}
	case unicode.Is(unicode.Variation_Selector, r):
		if selectable(prev, r) {
			c.put(r)
		} else {
			c.hide(prev)
		}
	case unseen(r):
		c.hide(prev)
	case unicode.In(r, unicode.Mn, unicode.Me):
		c.mark(r, prev)
	default:
		c.marks = 0
		c.put(r)
	}
}

func (c *cleaner) put(r rune) {
	c.out = append(c.out, r)
	c.runes++
}

func (c *cleaner) lineEnd() rune {
	c.marks = 0
	if c.lines {
		return '\n'
	}
	return ' '
}

// hide shows that something is not shown.
func (c *cleaner) hide(prev rune) {
	if c.marks = 0; prev != placeholder {
		c.put(placeholder)
	}
}

// mark lets a combining mark through if its base has not too many already. One
// without a base gets the dotted circle, so that it sits on no other text.
func (c *cleaner) mark(r, prev rune) {
	switch {
	case prev == '\n' || prev == ' ':
		c.put('\u25cc')
		c.marks = 1
		c.put(r)
	case c.marks > maxMarks: // the square for the rest is there already
	case c.marks == maxMarks:
		c.put(placeholder)
		c.marks++
	default:
		c.marks++
		c.put(r)
	}
}

func isJoiner(r rune) bool { return r == '\u200c' || r == '\u200d' }

// joins reports whether a zero-width joiner or non-joiner does its work between
// prev and next: between two emoji, or inside a word of a script whose spelling
// uses them.
func joins(prev, r, next rune) bool {
	if r == '\u200d' && pictograph(next) && (pictograph(prev) || prev == '\ufe0f' || tone(prev)) {
		return true
	}
	return unicode.In(prev, joining...) && unicode.In(next, joining...) && unicode.IsLetter(next)
}

// joining are the scripts whose words hold U+200C or U+200D (RFC 5892 A.1, A.2).
var joining = []*unicode.RangeTable{unicode.Arabic, unicode.Syriac, unicode.Nko, unicode.Mongolian,
	unicode.Devanagari, unicode.Bengali, unicode.Gurmukhi, unicode.Gujarati, unicode.Oriya, unicode.Tamil,
	unicode.Telugu, unicode.Kannada, unicode.Malayalam, unicode.Sinhala, unicode.Khmer, unicode.Myanmar}

// selectable reports whether the variation selector may follow prev: the two
// for emoji and text after an emoji or the base of a keycap, the ideographic
// ones after an ideograph.
func selectable(prev, selector rune) bool {
	if selector == '\ufe0e' || selector == '\ufe0f' {
		return pictograph(prev) || prev >= '0' && prev <= '9' || prev == '#' || prev == '*'
	}
	return selector >= 0xe0100 && unicode.Is(unicode.Han, prev)
}

func tone(r rune) bool { return r >= 0x1f3fb && r <= 0x1f3ff }

// pictograph approximates Extended_Pictographic (UTS #51), which package
// unicode does not have. The placeholder is not one.
func pictograph(r rune) bool {
	if r < 0xa9 {
		return false
	}
	return unicode.Is(pictographs, r) && !tone(r)
}

var pictographs = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0xa9, 0xae, 5}, {0x203c, 0x2049, 13}, {0x2122, 0x2139, 23}, {0x2194, 0x21aa, 1},
		{0x231a, 0x23ff, 1}, {0x24c2, 0x25aa, 0xe8}, {0x25ab, 0x25b6, 11}, {0x25c0, 0x25fb, 59},
		{0x25fc, 0x25fe, 1}, {0x2600, 0x27bf, 1}, {0x2934, 0x2935, 1}, {0x2b05, 0x2b55, 1},
		{0x3030, 0x303d, 13}, {0x3297, 0x3299, 2},
	},
	R32: []unicode.Range32{{0x1f000, 0x1f1e5, 1}, {0x1f200, 0x1faff, 1}},
}

// unseen reports whether r is not seen though it may change what is: controls
// and format characters, private use, what is no character, Unicode line ends,
// and the letters and marks that Unicode lets fonts leave out.
func unseen(r rune) bool {
	if r < 0x7f {
		return r < ' '
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp,
		unicode.Noncharacter_Code_Point, unicode.Other_Default_Ignorable_Code_Point) ||
		r == '\u2800' // the empty Braille pattern
}

// DueLabel says when something is due as a row shows it: "Yesterday", "Today",
// "Tomorrow", a weekday within the next six days, else "2 Dec", with the year if
// it is another one. It is "" for the zero time.
func DueLabel(due time.Time, today Day) string {
	if due.IsZero() {
		return ""
	}
	day := time.Unix(DueDay(due, today.loc)*86400, 0).UTC()
	switch n := today.DaysUntil(due); {
	case n == -1:
		return "Yesterday"
	case n == 0:
		return "Today"
	case n == 1:
		return "Tomorrow"
	case n > 1 && n < 7:
		return day.Format("Mon")
	case day.Year() != time.Unix(today.number*86400, 0).UTC().Year():
		return day.Format("2 Jan 2006")
	default:
		return day.Format("2 Jan")
	}
}
