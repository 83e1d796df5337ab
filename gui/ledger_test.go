package gui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/test"
)

// lines are the texts of entries, one per line.
func lines(entries []*entry) string {
	var all []string
	for _, e := range entries {
		all = append(all, e.cells[0].text())
	}
	return strings.Join(all, "\n")
}

func TestJSONIsPrintedWithOneMemberALine(t *testing.T) {
	for body, want := range map[string]string{
		`{"a":1,"b":[true,"x"],"c":{}}`: "{\n  \"a\": 1,\n  \"b\": [\n    true,\n    \"x\"\n  ],\n  \"c\": {}\n}",
		`{"a":"cut in the mid`:          "{\n  \"a\": \"cut in the mid",
		`[]`:                            "[]",
		`}{`:                            "}{",
		`{"e":"q\"\\"}`:                 "{\n  \"e\": \"q\\\"\\\\\"\n}",
		"{\"a\":\"\u202egnp\"}":         "{\n  \"a\": \"□gnp\"\n}",
		"<p>\n  no JSON\r\n</p>":        "<p>\n  no JSON\n</p>",
		`{"a":"x\`:                      "{\n  \"a\": \"x\\",
	} {
		if got := lines(bodyEntries(body)); got != want {
			t.Errorf("%s becomes\n%s\nwant\n%s", body, got, want)
		}
	}
}

func TestKeysAndValuesOfJSONLookDifferent(t *testing.T) {
	for _, e := range bodyEntries(`{"a":["b"],"c":"d"}`) {
		for _, s := range e.cells[0].spans {
			switch key := s.ink == "hyperlink"; s.text {
			case `"a"`, `"c"`:
				if !key {
					t.Errorf("%s looks like a value", s.text)
				}
			case `"b"`, `"d"`:
				if key {
					t.Errorf("%s looks like a key", s.text)
				}
			}
		}
	}
}

// A body that is as deep as it is long costs no more than another one.
func TestADeeplyNestedBodyIsPrintedInShortLines(t *testing.T) {
	total := 0
	for _, e := range bodyEntries(strings.Repeat("[", 32<<10)) {
		total += len(e.cells[0].text())
	}
	if total > 4<<20 {
		t.Fatalf("%d bytes", total)
	}
}

// longBody is a body of about 64 KiB.
func longBody() string {
	var b strings.Builder
	b.WriteString(`{"todos":[`)
	for i := 0; b.Len() < 64<<10; i++ {
		fmt.Fprintf(&b, `{"id":"%d","title":"预订酒店 Rindfleischetikettierung %d","completed":false,"due":"2026-11-23T00:00:00Z"},`, i, i)
	}
	return b.String()
}

func TestALongBodyIsDrawnOnlyWhereItIsSeen(t *testing.T) {
	test.NewTempApp(t).Settings().SetTheme(newLook(AppearanceLight))
	l := newLedger("Body")
	top := float32(0)
	l.sight = func() (float32, float32) { return top, top + 600 }
	began := time.Now()
	l.set(bodyEntries(longBody()))
	l.Resize(fyne.NewSize(800, l.heightFor(800)))
	r := test.WidgetRenderer(l)
	t.Logf("%d entries, laid out in %v", len(l.entries), time.Since(began))
	if n := len(r.Objects()); n > 1000 {
		t.Errorf("%d objects are drawn at the top", n)
	}
	began = time.Now()
	for range 100 {
		top += 300
		l.look()
	}
	t.Logf("scrolled 100 times in %v", time.Since(began))
	if n := len(r.Objects()); n > 1000 {
		t.Errorf("%d objects are drawn further down", n)
	}
	n := 0
	for _, o := range r.Objects() {
		if y := o.Position().Y; o != l.drawn.ring && y+ledgerLine >= top && y <= top+600 {
			n++
		}
	}
	if n < 50 {
		t.Errorf("only %d objects are in sight", n)
	}
}

func TestEveryLineOfALedgerFitsItsColumn(t *testing.T) {
	test.NewTempApp(t).Settings().SetTheme(newLook(AppearanceLight))
	for _, words := range []string{german, chinese, strings.Repeat("x", 300), strings.Repeat("Z\u0351\u0327\u0310", 60), "שלום עולם " + strings.Repeat("مرحبا ", 40)} {
		for _, width := range []float32{300, 500, 900} {
			l := newLedger("Text")
			l.set([]*entry{namedEntry("name", plainCell(words, "", true), words), {cells: []cell{plainCell(words, "", false)}}})
			l.Resize(fyne.NewSize(width, l.heightFor(width)))
			for _, o := range test.WidgetRenderer(l).Objects() {
				end := o.Position().X + o.Size().Width
				if words, is := o.(*canvas.Text); is && strings.HasSuffix(words.Text, " ") { // a blank at the end may
					end -= l.adv.of(' ', true)
				}
				if o != l.drawn.ring && end > width+1 {
					t.Errorf("%.20s at %v: something reaches to %v", words, width, end)
				}
			}
			f := l.flow(width)
			for i, e := range l.entries { // and nothing is lost
				for c := range e.cells {
					next := 0
					for _, line := range f.rows[i].lines {
						if line.cell == c {
							if line.from != next {
								t.Fatalf("%.20s at %v: the characters from %d to %d are in no line", words, width, next, line.from)
							}
							next = line.to
						}
					}
					if next != len(e.cells[c].chars()) {
						t.Fatalf("%.20s at %v: the text ends at %d of %d", words, width, next, len(e.cells[c].chars()))
					}
				}
			}
		}
	}
}

func TestALedgerFindsWordsInWhateverCase(t *testing.T) {
	test.NewTempApp(t).Settings().SetTheme(newLook(AppearanceLight))
	l := newLedger("Text")
	l.set([]*entry{namedEntry("Scope", plainCell("todos.read SCOPE", "", true), "the scope"), {cells: []cell{plainCell("nothing", "", false)}}})
	l.Resize(fyne.NewSize(600, 100))
	if n := l.find("scope"); n != 3 {
		t.Fatalf("found %d times", n)
	}
	var at []int
	for range 4 {
		l.step(1)
		at = append(at, l.at)
	}
	l.step(-1)
	if at = append(at, l.at); fmt.Sprint(at) != "[0 1 2 0 2]" {
		t.Errorf("went to %v", at)
	}
	if l.find("") != 0 || l.find("xyzzy") != 0 {
		t.Error("found what is not there")
	}
}
