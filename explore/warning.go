package explore

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// String says what is odd, in one sentence for a person, to be shown as it is.
func (w Warning) String() string {
	switch w.Kind {
	case Duplicate:
		return "The server lists this name more than once."
	case LooksLike:
		return "The name looks like that of another one, " + w.Other.Line() + ", and is not the same."
	case Hidden:
		return "The name holds characters that are not seen."
	case Changed:
		return "The server describes this tool otherwise than when it was listed before."
	case Remote:
		return "The tool's schema refers to another document, which is not fetched: enter the arguments as JSON."
	case BadSchema:
		return "The tool's schema cannot be used in full, so arguments are not checked before they are sent."
	}
	return ""
}

// oddNames says what is odd about each of n names.
func oddNames(n int, name func(int) Said) [][]Warning {
	count, first := map[Said]int{}, map[string]Said{}
	mixed := map[string]Said{} // a second name for a skeleton
	for i := range n {
		s := name(i)
		if count[s]++; count[s] > 1 {
			continue
		}
		k := skeleton(string(s))
		if _, known := first[k]; !known {
			first[k] = s
		} else if mixed[k] == "" {
			mixed[k] = s
		}
	}
	out := make([][]Warning, n)
	for i := range n {
		s := name(i)
		if count[s] > 1 {
			out[i] = append(out[i], Warning{Kind: Duplicate})
		}
		k := skeleton(string(s))
		if other := mixed[k]; other != "" {
			if s != first[k] {
				other = first[k]
			}
			out[i] = append(out[i], Warning{Kind: LooksLike, Other: other})
		}
		if s.hides() {
			out[i] = append(out[i], Warning{Kind: Hidden})
		}
	}
	return out
}

// hides reports whether s holds what a screen does not show as it is.
func (s Said) hides() bool {
	return strings.ContainsFunc(string(s), func(r rune) bool { return !unicode.IsPrint(r) }) || s.Line() != string(s) && len(s) < 400
}

// maxGlance bounds, in bytes, the names that are looked at for their likeness.
const maxGlance = 1024

// skeleton is what a name looks like at a glance: two names of one skeleton are
// taken for one another.
func skeleton(name string) string {
	if len(name) > maxGlance {
		return name
	}
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(name)) {
		switch twin, known := twins[r]; {
		case known:
			b.WriteRune(twin)
		case unicode.IsPrint(r) && !unicode.Is(unicode.Mn, r) && !unicode.IsSpace(r) && r != '_' && r != '-' && r != '.':
			b.WriteRune(r)
		}
	}
	return strings.ReplaceAll(b.String(), "rn", "m")
}

// twins are lower-case letters and digits that look like a Latin letter; the
// most frequent ones of Unicode's table of confusables (UTS #39).
var twins = map[rune]rune{
	'а': 'a', 'ɑ': 'a', 'α': 'a', 'в': 'b', 'ь': 'b', 'ϲ': 'c', 'с': 'c', 'ԁ': 'd', 'е': 'e', 'ҽ': 'e', 'є': 'e', 'ε': 'e', 'ɡ': 'g', 'ց': 'g',
	'һ': 'h', 'н': 'h', 'հ': 'h', 'і': 'l', 'ı': 'l', 'ι': 'l', 'ӏ': 'l', 'i': 'l', '1': 'l', '|': 'l', 'ǀ': 'l', 'ј': 'j', 'ϳ': 'j', 'к': 'k', 'κ': 'k',
	'м': 'm', 'μ': 'u', 'ո': 'n', 'п': 'n', 'η': 'n', 'о': 'o', 'ο': 'o', 'օ': 'o', 'σ': 'o', '0': 'o', 'р': 'p', 'ρ': 'p', 'ԛ': 'q', 'г': 'r',
	'ѕ': 's', 'ꜱ': 's', '5': 's', 'т': 't', 'τ': 't', 'υ': 'u', 'ս': 'u', 'ѵ': 'v', 'ν': 'v', 'ԝ': 'w', 'ω': 'w', 'ѡ': 'w', 'х': 'x', 'χ': 'x',
	'у': 'y', 'γ': 'y', 'ү': 'y', 'ᴢ': 'z', '2': 'z',
}
