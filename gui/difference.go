package gui

import (
	"cmp"
	"strings"
	"unicode"

	"waybill/todo"
)

// run is a piece of a text that is the same on both sides, or is not.
type run struct {
	text    string
	differs bool
}

// compareMost is how many words of each side are compared with each other. Of
// longer texts only the beginning and the end that they share are found.
const compareMost = 600

// difference splits two texts into what they have in common and what they have
// not, in whole words.
func difference(a, b string) (ofA, ofB []run) {
	x, y := words(a), words(b)
	head := 0
	for head < len(x) && head < len(y) && x[head] == y[head] {
		head++
	}
	tail := 0
	for tail < len(x)-head && tail < len(y)-head && x[len(x)-1-tail] == y[len(y)-1-tail] {
		tail++
	}
	inX, inY := common(x[head:len(x)-tail], y[head:len(y)-tail])
	return runs(x, head, tail, inX), runs(y, head, tail, inY)
}

// words splits text into words, the blanks between them and single signs, so
// that joining them gives the text again.
func words(s string) []string {
	var out []string
	begin, kind := 0, -1
	for i, r := range s {
		k := 0
		switch {
		case unicode.IsSpace(r):
			k = 1
		case !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r), unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana):
			k = 2 // each by itself
		}
		if i > 0 && (k != kind || k == 2) {
			out = append(out, s[begin:i])
			begin = i
		}
		kind = k
	}
	if begin < len(s) {
		out = append(out, s[begin:])
	}
	return out
}

// common marks the words of the longest common subsequence of x and y.
func common(x, y []string) (inX, inY []bool) {
	inX, inY = make([]bool, len(x)), make([]bool, len(y))
	if len(x) > compareMost || len(y) > compareMost {
		return inX, inY
	}
	width := len(y) + 1
	longest := make([]int, (len(x)+1)*width) // of x[i:] and y[j:]
	for i := len(x) - 1; i >= 0; i-- {
		for j := len(y) - 1; j >= 0; j-- {
			at := i*width + j
			if x[i] == y[j] {
				longest[at] = longest[at+width+1] + 1
			} else {
				longest[at] = max(longest[at+width], longest[at+1])
			}
		}
	}
	for i, j := 0, 0; i < len(x) && j < len(y); {
		switch at := i*width + j; {
		case x[i] == y[j]:
			inX[i], inY[j] = true, true
			i, j = i+1, j+1
		case longest[at+width] >= longest[at+1]:
			i++
		default:
			j++
		}
	}
	return inX, inY
}

// runs joins neighbouring words of one kind. Blanks between two words that
// differ differ too, so that a changed phrase is one piece.
func runs(all []string, head, tail int, same []bool) []run {
	differs := func(i int) bool { return i >= head && i < len(all)-tail && !same[i-head] }
	var out []run
	for i, word := range all {
		d := differs(i)
		if !d && strings.TrimSpace(word) == "" && i > 0 && i+1 < len(all) && differs(i-1) && differs(i+1) {
			d = true
		}
		if n := len(out); n > 0 && out[n-1].differs == d {
			out[n-1].text += word
			continue
		}
		out = append(out, run{word, d})
	}
	return out
}

// shorten leaves out what is far from every difference: of a longer piece that is
// the same, keep characters beside the next difference stay.
func shorten(all []run, keep int) []run {
	out := make([]run, 0, len(all))
	for i, r := range all {
		first, last := i == 0, i == len(all)-1
		chars := []rune(r.text)
		switch n := len(chars); {
		case r.differs && n > 20*keep:
			r.text = string(chars[:20*keep]) + "…"
		case r.differs, n <= 2*keep:
		case first && last:
			r.text = string(chars[:2*keep]) + "…"
		case first:
			r.text = "…" + string(chars[n-keep:])
		case last:
			r.text = string(chars[:keep]) + "…"
		default:
			r.text = string(chars[:keep]) + " … " + string(chars[n-keep:])
		}
		out = append(out, r)
	}
	return out
}

// whole is a text of which all differs.
func whole(s string) []run { return []run{{s, true}} }

// sides are both values of a field with what differs marked.
type sides struct{ mine, theirs []run }

// sidesOf compares both values of a field: word by word in texts, as a whole in
// everything that is chosen from a few.
func sidesOf(f todo.Field, mine, theirs string) (s sides) {
	const none = "Empty"
	switch {
	case mine == "" || theirs == "", f != todo.FieldTitle && f != todo.FieldDescription && f != todo.FieldTags:
		s.mine, s.theirs = whole(cmp.Or(mine, none)), whole(cmp.Or(theirs, none))
	default:
		s.mine, s.theirs = difference(mine, theirs)
	}
	return s
}
