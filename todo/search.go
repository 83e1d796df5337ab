package todo

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"github.com/lithammer/fuzzysearch/fuzzy"
	"golang.org/x/text/unicode/norm"
)

// Index searches a list of to-dos, by title, tags and description, without
// regard to case and accents. It keeps their folded text, so that a search
// over 100,000 to-dos takes a few milliseconds at most. An Index is immutable
// and safe for concurrent use; it keeps the pointers it is given, and the to-dos behind
// them must not change.
type Index struct {
	docs   []*Todo
	text   []byte   // folded text of all docs, one after the other, each ended by a zero byte
	starts []uint32 // where each doc's text starts, and at last where text ends
	heads  []uint32 // where the description starts in each doc's text
	masks  []uint32 // which letters are in each doc's title and tags
}

// docEnd ends a document, and descriptionMark stands before its description.
// Folding lets neither through from the text itself.
const (
	docEnd          = 0
	descriptionMark = 1
)

// How much is searched: of one description, and of all together before further
// descriptions are left out. Offsets fit 32 bits so.
const (
	maxDescription = 64 << 10
	maxSearched    = 1 << 30
)

// NewIndex makes an index of docs. Folded text of to-dos that old has too, by
// the same pointer, is taken over from it, which is far quicker than folding;
// old may be nil.
func NewIndex(docs []*Todo, old *Index) *Index {
	x := &Index{docs: docs, starts: make([]uint32, 0, len(docs)+1), heads: make([]uint32, 0, len(docs)), masks: make([]uint32, 0, len(docs))}
	if old == nil {
		old = &Index{}
	}
	x.text = make([]byte, 0, len(old.text)+1024)
	same := 0
	for same < len(docs) && same < len(old.docs) && docs[same] == old.docs[same] {
		same++
	}
	x.take(old, 0, same)
	tail := 0
	for tail < len(docs)-same && tail < len(old.docs)-same && docs[len(docs)-1-tail] == old.docs[len(old.docs)-1-tail] {
		tail++
	}
	x.fold(docs[same:len(docs)-tail], old, same, len(old.docs)-tail)
	x.take(old, len(old.docs)-tail, len(old.docs))
	x.starts = append(x.starts, uint32(len(x.text)))
	return x
}

// take appends the documents from..to of old as they are.
func (x *Index) take(old *Index, from, to int) {
	if from == to {
		return
	}
	shift := uint32(len(x.text)) - old.starts[from]
	x.text = append(x.text, old.text[old.starts[from]:old.starts[to]]...)
	for i := from; i < to; i++ {
		x.starts = append(x.starts, old.starts[i]+shift)
		x.heads = append(x.heads, old.heads[i]+shift)
	}
	x.masks = append(x.masks, old.masks[from:to]...)
}

// fold appends docs, which may stand in old between from and to.
func (x *Index) fold(docs []*Todo, old *Index, from, to int) {
	known := make(map[*Todo]int, to-from)
	for i := from; i < to; i++ {
		known[old.docs[i]] = i
	}
	for _, t := range docs {
		if i, ok := known[t]; ok {
			x.take(old, i, i+1)
			continue
		}
		start := len(x.text)
		x.starts = append(x.starts, uint32(start))
		x.text = appendFolded(x.text, t.Title)
		for _, tag := range t.Tags {
			x.text = appendFolded(append(x.text, ' '), tag)
		}
		x.masks = append(x.masks, letters(x.text[start:]))
		x.heads = append(x.heads, uint32(len(x.text)))
		if t.Description != "" && len(x.text) < maxSearched {
			x.text = appendFolded(append(x.text, descriptionMark), t.Description[:min(len(t.Description), maxDescription)])
		}
		x.text = append(x.text, docEnd)
	}
}

// Search returns the positions, in the list and in its order, of the to-dos
// that hold every word of the query somewhere. If none does, it returns those
// whose title or tags hold a word that abbreviates to each of them ("rls" for
// "release"), from three letters on. A query without a word finds everything.
func (x *Index) Search(query string) []int {
	words := bytes.Fields(appendFolded(nil, query))
	if len(words) == 0 {
		all := make([]int, len(x.docs))
		for i := range all {
			all[i] = i
		}
		return all
	}
	if found := x.holding(words); len(found) > 0 {
		return found
	}
	return x.abbreviated(words)
}

// Narrow is Search for a query that an earlier one was the beginning of, given
// what that one found: what people type next is looked for only there.
func (x *Index) Narrow(query string, found []int) []int {
	words := bytes.Fields(appendFolded(nil, query))
	var still []int
	for _, doc := range found {
		if x.holdsAll(doc, words) {
			still = append(still, doc)
		}
	}
	if len(still) > 0 {
		return still
	}
	return x.abbreviated(words)
}

// holding scans for the longest word, which is the rarest as a rule, and looks
// for the others only where it stands.
func (x *Index) holding(words [][]byte) []int {
	longest := 0
	for i := range words {
		if len(words[i]) > len(words[longest]) {
			longest = i
		}
	}
	words[0], words[longest] = words[longest], words[0]
	var found []int
	for at, doc := 0, 0; ; {
		hit := bytes.Index(x.text[at:], words[0])
		if hit < 0 {
			return found
		}
		doc = x.docAt(uint32(at+hit), doc)
		if x.holdsAll(doc, words[1:]) {
			found = append(found, doc)
		}
		at = int(x.starts[doc+1])
	}
}

// docAt finds the document at an offset, at or after the document from: first
// in steps that double, since hits are often close to each other.
func (x *Index) docAt(offset uint32, from int) int {
	low, step := from, 1
	for low+step < len(x.docs) && x.starts[low+step] <= offset {
		low += step
		step *= 2
	}
	high := min(low+step, len(x.docs))
	for high-low > 1 {
		if middle := (low + high) / 2; x.starts[middle] <= offset {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

func (x *Index) holdsAll(doc int, words [][]byte) bool {
	text := x.text[x.starts[doc]:x.starts[doc+1]]
	for _, word := range words {
		if !bytes.Contains(text, word) {
			return false
		}
	}
	return true
}

func (x *Index) abbreviated(words [][]byte) []int {
	var mask uint32
	for _, word := range words {
		if len(word) < 3 {
			return nil
		}
		mask |= letters(word)
	}
	var found []int
	for doc := range x.docs {
		if x.masks[doc]&mask == mask && abbreviates(words, x.text[x.starts[doc]:x.heads[doc]]) {
			found = append(found, doc)
		}
	}
	return found
}

// abbreviates reports whether each word starts like some word of text and its
// letters follow in it in order.
func abbreviates(words [][]byte, text []byte) bool {
	for _, word := range words {
		if !abbreviatesOne(word, text) {
			return false
		}
	}
	return true
}

func abbreviatesOne(word, text []byte) bool {
	for len(text) > 0 {
		end := bytes.IndexByte(text, ' ')
		if end < 0 {
			end = len(text)
		}
		if end >= len(word) && text[0] == word[0] && fuzzy.Match(string(word), string(text[:end])) {
			return true
		}
		text = text[min(end+1, len(text)):]
	}
	return false
}

// letters is the set of the Latin letters in folded text; everything else is
// one more member.
func letters(text []byte) uint32 {
	var set uint32
	for _, b := range text {
		switch {
		case b >= 'a' && b <= 'z':
			set |= 1 << (b - 'a')
		case b > ' ':
			set |= 1 << 26
		}
	}
	return set
}

// Fold returns text as search sees it: lower case, without accents, with the
// letters that do not decompose spelled out.
func Fold(text string) string { return string(appendFolded(nil, text)) }

func appendFolded(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= 0x80:
			return appendFoldedRunes(b, s[i:])
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		case c <= descriptionMark:
			c = ' '
		}
		b = append(b, c)
	}
	return b
}

func appendFoldedRunes(b []byte, s string) []byte {
	for _, r := range norm.NFKD.String(s) {
		if unicode.Is(unicode.Mn, r) {
			continue
		}
		r = unicode.ToLower(r)
		if spelled, ok := spellings[r]; ok {
			b = append(b, spelled...)
		} else if r <= descriptionMark {
			b = append(b, ' ')
		} else {
			b = utf8.AppendRune(b, r)
		}
	}
	return b
}

// spellings are for letters that people type in another way and that have no
// decomposition in Unicode.
var spellings = map[rune]string{
	'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'ł': "l", 'đ': "d", 'ð': "d", 'þ': "th", 'ħ': "h", 'ı': "i", 'ς': "σ",
}
