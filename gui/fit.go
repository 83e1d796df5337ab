package gui

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"fyne.io/fyne/v2"
)

// ruler measures text of one size and style.
type ruler struct {
	size  float32
	style fyne.TextStyle
}

func (r ruler) width(s string) float32 { return fyne.MeasureText(s, r.size, r.style).Width }

// widest is the width of the longest line of s.
func (r ruler) widest(s string) (width float32) {
	for line := range strings.SplitSeq(s, "\n") {
		width = max(width, r.width(line))
	}
	return width
}

// lineHeight is the same for every text of this ruler.
func (r ruler) lineHeight() float32 { return fyne.MeasureText("Mg", r.size, r.style).Height }

// cut shortens s to what fits into width, with an ellipsis where something is
// missing.
func (r ruler) cut(s string, width float32) string {
	if width <= 0 {
		return ""
	}
	if r.fits(s, width) {
		return s
	}
	n := r.prefix(s, width-r.width("…"))
	return strings.TrimRightFunc(s[:n], unicode.IsSpace) + "…"
}

// prefix is the length in bytes of the longest beginning of s, in whole
// characters, that fits into width.
func (r ruler) prefix(s string, width float32) int {
	// Doubling first: of a very long text only the beginning is measured.
	low, high := 0, min(len(s), 32)
	for high < len(s) && r.width(s[:boundary(s, high)]) <= width {
		low, high = boundary(s, high), min(len(s), high*2)
	}
	for low < high {
		middle := boundary(s, (low+high+1)/2)
		if middle <= low {
			_, n := utf8.DecodeRuneInString(s[low:])
			if middle = low + n; middle > high {
				break
			}
		}
		if r.width(s[:middle]) <= width {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return boundary(s, low)
}

// boundary is the last beginning of a character at or before byte i.
func boundary(s string, i int) int {
	for i > 0 && i < len(s) && !utf8.RuneStart(s[i]) {
		i--
	}
	return i
}

// wrap breaks s into lines of at most width: at line ends, between words, and
// inside a word only where it is longer than a line. At most limit lines are
// made, the last one cut with an ellipsis; 0 is no limit.
func (r ruler) wrap(s string, width float32, limit int) []string {
	var lines []string
	for paragraph := range strings.SplitSeq(s, "\n") {
		for {
			if limit > 0 && len(lines) == limit-1 {
				return append(lines, r.cutRest(paragraph, s, width))
			}
			n := r.lineEnd(paragraph, width)
			lines = append(lines, strings.TrimRightFunc(paragraph[:n], unicode.IsSpace))
			paragraph = strings.TrimLeftFunc(paragraph[n:], unicode.IsSpace)
			if paragraph == "" {
				break
			}
		}
	}
	return lines
}

// cutRest makes the last line of a limited text: an ellipsis shows that there
// is more, even where the line itself would fit.
func (r ruler) cutRest(rest, whole string, width float32) string {
	if r.fits(rest, width) && strings.HasSuffix(whole, rest) {
		return rest
	}
	if r.fits(rest+"…", width) {
		return rest + "…"
	}
	return r.cut(rest, width)
}

// lineEnd is where the first line of s ends, at least one character on.
func (r ruler) lineEnd(s string, width float32) int {
	if len(s) == len(head(s)) && r.width(s) <= width {
		return len(s)
	}
	n := r.prefix(s, width)
	if n >= len(s) {
		return len(s)
	}
	if n == 0 {
		_, n = utf8.DecodeRuneInString(s)
		return n
	}
	if at := breakBefore(s, n); at > 0 {
		return at
	}
	return n
}

// fits reports whether s is at most so wide. Of a very long text that is not,
// only the beginning is measured.
func (r ruler) fits(s string, width float32) bool {
	h := head(s)
	return r.width(h) <= width && (len(h) == len(s) || r.width(s) <= width)
}

// head keeps the first measurement of a very long text short.
func head(s string) string { return s[:boundary(s, min(len(s), 512))] }

// breakBefore is the last place at or before n where a line may end: after
// white space or a hyphen, or beside a character of a script that is written
// without spaces.
func breakBefore(s string, n int) int {
	next, _ := utf8.DecodeRuneInString(s[n:])
	for i := n; i > 0; {
		r, size := utf8.DecodeLastRuneInString(s[:i])
		if unicode.IsSpace(next) && i == n || unicode.IsSpace(r) || r == '/' || spaceless(r) || spaceless(next) || r == '-' && afterWord(s[:i-1]) {
			return i
		}
		i, next = i-size, r
	}
	return 0
}

// afterWord reports whether s ends with three letters or more: what stands
// before a hyphen that a line may end after. (Not the one of "to-do".)
func afterWord(s string) bool {
	for range 3 {
		r, size := utf8.DecodeLastRuneInString(s)
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return false
		}
		s = s[:len(s)-size]
	}
	return true
}

// spaceless reports whether lines may break beside r without a space.
func spaceless(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Hangul)
}
