package gui

import (
	"slices"
	"strings"
	"unicode"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// ledger shows any number of entries of text in up to three columns: headers,
// form fields, the claims of a token, the lines of a body. Only what is in sight
// is drawn, so that a body of 64 KiB costs no more than what fits on screen. It
// can be searched, and never interprets what it shows.
type ledger struct {
	widget.BaseWidget
	entries []*entry
	label   string // for assistive technology

	// sight is what of it can be seen, from its top to a place below; nil: all.
	sight   func() (top, bottom float32)
	scroll  func(e *fyne.KeyEvent) bool // moves the page; may be nil
	onFocus func()
	copy    func(string) // gets the chosen text on Ctrl+C; may be nil

	adv     advances
	flows   [2]ledgerFlow // at the last two widths
	drawn   *ledgerRenderer
	hits    []hit
	at      int // the hit that is shown, -1 for none
	focused bool

	// What belongs together can be folded where whoever gives the entries shows
	// them anew; refold is nil where they do not.
	refold func()
	all    func() []*entry           // with what is folded away
	bring  func(top, bottom float32) // brings a place into sight
	cursor int                       // the line that keys are about, -1 for none
	sought string

	looking bool // where it is, is being found out
}

// entry is one line of a ledger, or the title of those below it.
type entry struct {
	cells []cell
	title bool  // of what follows
	rule  bool  // a fine line is under it
	fold  *fold // what it opens, if that can be folded
}

// cell is a text in pieces of several colours.
type cell struct {
	spans []span
	mono  bool
	runes []rune // of all spans; made when it is first needed
	keep  int    // characters at its beginning that later lines of it are moved in by
}

type span struct {
	text string
	ink  fyne.ThemeColorName
}

// hit is a place that was searched for, in characters of a cell.
type hit struct{ entry, cell, from, to int }

// Sizes within a ledger.
const (
	ledgerSize   = 12.5 // of its text
	ledgerLine   = 18   // from one line to the next
	ledgerGap    = 14   // between columns
	ledgerRule   = 6    // above and below the text of an entry with a rule
	ledgerTitle  = 16   // above a title, but for the first
	ledgerStacks = 380  // narrower than that, the columns stand below each other
)

func newLedger(label string) *ledger {
	l := &ledger{label: label, at: -1, cursor: -1}
	l.ExtendBaseWidget(l)
	return l
}

// titleEntry is the title of the entries that follow.
func titleEntry(words string) *entry {
	return &entry{title: true, cells: []cell{{spans: []span{{words, theme.ColorNameForeground}}}}}
}

// namedEntry is a name with its value, and what is to be said of it, if anything.
func namedEntry(name string, value cell, remark string) *entry {
	e := &entry{cells: []cell{{spans: []span{{name, theme.ColorNameHyperlink}}, mono: true}, value}}
	if remark != "" {
		e.cells = append(e.cells, cell{spans: []span{{remark, colorMuted}}})
	}
	return e
}

// plainCell is text in one colour.
func plainCell(words string, ink fyne.ThemeColorName, mono bool) cell {
	return cell{spans: []span{{words, ink}}, mono: mono}
}

// wordsEntry is a line across all columns.
func wordsEntry(words string, ink fyne.ThemeColorName) *entry {
	return &entry{cells: []cell{plainCell(words, ink, false)}}
}

func (c *cell) text() string {
	var all strings.Builder
	for _, s := range c.spans {
		all.WriteString(s.text)
	}
	return all.String()
}

func (c *cell) chars() []rune {
	if c.runes == nil {
		c.runes = []rune(c.text())
	}
	return c.runes
}

// set shows these entries.
func (l *ledger) set(entries []*entry) {
	l.cursor, l.sought = -1, ""
	l.replace(entries)
}

// replace shows other lines of what it shows already. What was searched for is
// marked in them, and the line that keys are about stays it, if it is there.
func (l *ledger) replace(entries []*entry) {
	if l.cursor >= 0 {
		l.cursor = lineOf(entries, l.entries[l.cursor].itself())
	}
	l.entries = entries
	l.flows = [2]ledgerFlow{}
	l.mark()
}

// setCell replaces the text of a cell, as a countdown does.
func (l *ledger) setCell(e *entry, i int, c cell) {
	if e.cells[i].text() == c.text() {
		return
	}
	e.cells[i] = c
	l.flows = [2]ledgerFlow{}
	l.Refresh()
}

// plain is the whole text, with tabs between the columns.
func (l *ledger) plain() string {
	var all strings.Builder
	for _, e := range l.entries {
		for i := range e.cells {
			if i > 0 {
				all.WriteByte('\t')
			}
			all.WriteString(e.cells[i].text())
		}
		all.WriteByte('\n')
	}
	return all.String()
}

// find marks every place where these words stand, in whatever case, and says
// how many there are.
func (l *ledger) find(words string) int {
	l.sought = words
	if l.refold != nil && words != "" && unfoldTo(l.all(), folded([]rune(words))) {
		l.refold()
		return len(l.hits)
	}
	l.mark()
	return len(l.hits)
}

// mark marks what was searched for.
func (l *ledger) mark() {
	l.hits, l.at = l.hits[:0], -1
	if wanted := folded([]rune(l.sought)); len(wanted) > 0 {
		for i, e := range l.entries {
			for j := range e.cells {
				for _, from := range places(folded(e.cells[j].chars()), wanted) {
					l.hits = append(l.hits, hit{i, j, from, from + len(wanted)})
				}
			}
		}
	}
	l.Refresh()
}

// folded is a text without the difference between large and small letters,
// character by character.
func folded(runes []rune) []rune {
	out := slices.Clone(runes)
	for i, r := range out {
		out[i] = unicode.ToLower(r)
	}
	return out
}

// places are where wanted stands in text, one after the other.
func places(text, wanted []rune) (found []int) {
	for i := 0; i+len(wanted) <= len(text); i++ {
		if text[i] == wanted[0] && slices.Equal(text[i:i+len(wanted)], wanted) {
			found = append(found, i)
			i += len(wanted) - 1
		}
	}
	return found
}

// step goes to the next hit, or back to the one before, around the end, and
// returns where it is.
func (l *ledger) step(by int) (top, bottom float32) {
	n := len(l.hits)
	if n == 0 {
		return 0, 0
	}
	switch {
	case l.at < 0 && by < 0:
		l.at = n - 1
	case l.at < 0:
		l.at = 0
	default:
		l.at = (l.at + by + n) % n
	}
	l.Refresh()
	h := l.hits[l.at]
	f := l.flow(l.Size().Width)
	top = f.tops[h.entry] + f.rows[h.entry].lineOf(h)*ledgerLine
	return top, top + ledgerLine
}

func (l *ledger) heightFor(width float32) float32 {
	f := l.flow(width)
	return f.tops[len(l.entries)]
}

// look draws what has come into sight.
func (l *ledger) look() {
	if l.drawn != nil {
		l.drawn.draw(false)
	}
}

// Move follows what stands above it.
func (l *ledger) Move(to fyne.Position) {
	l.BaseWidget.Move(to)
	l.look()
}

// FocusGained shows that the keys move in it.
func (l *ledger) FocusGained() {
	l.focused = true
	l.Refresh()
	if l.onFocus != nil {
		l.onFocus()
	}
}

// FocusLost hides it.
func (l *ledger) FocusLost() { l.focused = false; l.Refresh() }

// TypedKey folds what can be folded, and else moves the page.
func (l *ledger) TypedKey(e *fyne.KeyEvent) {
	if l.foldKey(e) {
		return
	}
	if l.scroll == nil || !l.scroll(e) {
		handOn(l, e)
	}
}

// TypedRune goes to the window.
func (l *ledger) TypedRune(r rune) {
	if c := canvasOf(l); c != nil && c.OnTypedRune() != nil {
		c.OnTypedRune()(r)
	}
}

// TypedShortcut copies, and gives the window the rest.
func (l *ledger) TypedShortcut(s fyne.Shortcut) {
	if _, is := s.(*fyne.ShortcutCopy); is && l.copy != nil {
		l.copy(l.chosen())
		return
	}
	if c, ok := canvasOf(l).(fyne.Shortcutable); ok {
		c.TypedShortcut(s)
	}
}

// AccessibilityLabel is what it is, and its text as far as one wants to hear it.
func (l *ledger) AccessibilityLabel() string { return l.label + ": " + show(l.plain(), 2000) }

// AccessibilityRole is that of text.
func (l *ledger) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleText }

func (l *ledger) CreateRenderer() fyne.WidgetRenderer {
	r := &ledgerRenderer{ledger: l, ring: canvas.NewRectangle(nil)}
	r.ring.CornerRadius = 8
	l.drawn = r
	r.draw(true)
	return r
}
