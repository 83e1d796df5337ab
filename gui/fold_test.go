package gui

import (
	"fmt"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
)

// folding is a ledger of a pager that shows this JSON.
func folding(t *testing.T, body string) (*textPager, *ledger) {
	t.Helper()
	test.NewTempApp(t).Settings().SetTheme(newLook(AppearanceLight))
	l := newLedger("Answer")
	p := newTextPager(l, func() {})
	p.set(bodyEntries(body))
	l.Resize(fyne.NewSize(600, l.heightFor(600)))
	return p, l
}

func typeKeys(l *ledger, names ...fyne.KeyName) {
	for _, name := range names {
		l.TypedKey(&fyne.KeyEvent{Name: name})
	}
}

func wantLines(t *testing.T, l *ledger, want ...string) {
	t.Helper()
	if got := lines(l.entries); got != strings.Join(want, "\n") {
		t.Errorf("it shows\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

const foldedBody = `{"a":{"b":[1,2,{"c":"deep"}],"d":null},"e":[["x"]],"f":{}}`

func TestJSONIsFoldedAndUnfoldedByKeys(t *testing.T) {
	_, l := folding(t, foldedBody)
	whole := lines(l.entries)
	typeKeys(l, fyne.KeyDown, fyne.KeyDown, fyne.KeyLeft) // the second line, shut
	wantLines(t, l, `{`, `  "a": { … 2 members },`, `  "e": [`, `    [`, `      "x"`, `    ]`, `  ],`, `  "f": {}`, `}`)
	typeKeys(l, fyne.KeyDown, fyne.KeyReturn)
	wantLines(t, l, `{`, `  "a": { … 2 members },`, `  "e": [ … 1 item ],`, `  "f": {}`, `}`)
	typeKeys(l, fyne.KeyLeft) // what it is in
	if l.cursor != 0 {
		t.Errorf("the keys are about line %d and not about what opens it", l.cursor)
	}
	typeKeys(l, fyne.KeyLeft)
	wantLines(t, l, `{ … 3 members }`)
	typeKeys(l, fyne.KeyRight, fyne.KeyDown, fyne.KeySpace, fyne.KeyDown, fyne.KeyDown, fyne.KeyDown)
	if l.cursor != 4 {
		t.Errorf("the keys are about line %d", l.cursor)
	}
	typeKeys(l, fyne.KeyUp, fyne.KeyUp)
	var copied string
	l.copy = func(text string) { copied = text }
	l.TypedShortcut(&fyne.ShortcutCopy{})
	if copied != "    \"b\": [\n      1,\n      2,\n      {\n        \"c\": \"deep\"\n      }\n    ],\n" {
		t.Errorf("copied is\n%s", copied)
	}
	foldAll(l.all(), false)
	if l.refold(); lines(l.entries) != whole {
		t.Errorf("unfolded it is\n%s", lines(l.entries))
	}
}

func TestAClickFoldsTheLineThatOpens(t *testing.T) {
	p, l := folding(t, foldedBody)
	click := func(line int) {
		l.Tapped(&fyne.PointEvent{Position: fyne.NewPos(3, l.flow(600).tops[line]+ledgerLine/2)})
	}
	click(1)
	if got := l.entries[1].cells[0].text(); got != `  "a": { … 2 members },` {
		t.Errorf("after a click the line is %q", got)
	}
	click(2) // "e"
	click(3) // "f": {} opens nothing
	if len(l.entries) != 5 {
		t.Errorf("it shows %d lines", len(l.entries))
	}
	click(1)
	if got := l.entries[1].cells[0].text(); got != `  "a": {` {
		t.Errorf("after another click the line is %q", got)
	}
	if copied := plainOf(p.entries); strings.Contains(copied, "…") || !strings.Contains(copied, `"x"`) {
		t.Errorf("what is copied is folded:\n%s", copied)
	}
}

func TestASearchUnfoldsWhatLeadsToIt(t *testing.T) {
	_, l := folding(t, foldedBody)
	foldAll(l.all(), true)
	l.refold()
	wantLines(t, l, `{`, `  "a": { … 2 members },`, `  "e": [ … 1 item ],`, `  "f": {}`, `}`)
	if n := l.find("DEEP"); n != 1 {
		t.Fatalf("found %d times", n)
	}
	l.step(1)
	if text := l.entries[l.hits[l.at].entry].cells[0].text(); text != `        "c": "deep"` {
		t.Errorf("found in %q", text)
	}
	if got := lines(l.entries); !strings.Contains(got, `"e": [ … 1 item ]`) {
		t.Errorf("it opened what does not lead there:\n%s", got)
	}
	l.toggle(1) // folded again, nothing is marked in what is not there
	if len(l.hits) != 0 {
		t.Errorf("%d places are marked in what is folded", len(l.hits))
	}
}

// What a server sends can be as deep as it is long, or never end, or not fit
// together: folding shows no line twice and loses none.
func TestS81_FoldingOfHostileJSONLosesNothing(t *testing.T) {
	deep := strings.Repeat("[", 30_000) + strings.Repeat("]", 30_000)
	for _, body := range []string{deep, strings.Repeat(`{"a":`, 10_000), `{"a":[1}]`, `[[[]`, `]]]]`, `{{[,,,]}}`, `[{"a":"` + strings.Repeat("x", 2*lineChars) + `"}]`} {
		name := fmt.Sprintf("%.12s", body)
		all := short(bodyEntries(body))
		whole := len(all)
		for i := 0; i < len(all); i += max(1, len(all)/200) {
			if f := all[i].fold; f != nil {
				f.shut = true
				shown := unfolded(all)
				f.shut = false
				if len(shown) >= whole || len(shown) == 0 {
					t.Errorf("%s: with line %d shut %d of %d lines are shown", name, i, len(shown), whole)
				}
			}
		}
		foldAll(all, true)
		unfoldTo(all, []rune("nowhere in it"))
		foldAll(all, false)
		if len(unfolded(all)) != whole {
			t.Errorf("%s: of %d lines %d are left", name, whole, len(unfolded(all)))
		}
		eachLine(all, func(_ *entry, around []*fold) {
			if len(around) > deepest {
				t.Fatalf("%s: a line is in %d folds", name, len(around))
			}
		})
	}
}

// An answer of more than a page is folded as a whole: what closes may be on
// another page than what opens.
func TestAFoldReachesBeyondThePage(t *testing.T) {
	p, l := folding(t, `{"many":[`+strings.TrimSuffix(strings.Repeat("1,", 3*pageLines), ",")+`],"after":true}`)
	if !p.bar.Visible() {
		t.Fatal("there is only one page")
	}
	l.toggle(1)
	wantLines(t, l, `{`, fmt.Sprintf(`  "many": [ … %d items ],`, 3*pageLines), `  "after": true`, `}`)
	if p.bar.Visible() {
		t.Error("four lines need no pages")
	}
}

// The ring around what has the focus is as high as what is left when lines are
// folded, although the text is as wide as before.
func TestTheRingFollowsWhatIsFolded(t *testing.T) {
	_, l := folding(t, foldedBody)
	test.WidgetRenderer(l)
	l.FocusGained()
	for _, shut := range []bool{true, false} {
		foldAll(l.all(), shut)
		l.refold()
		l.Resize(fyne.NewSize(600, l.heightFor(600)))
		if got, want := l.drawn.ring.Size().Height, l.heightFor(600)+12; got != want {
			t.Errorf("folded %v: the ring is %v high, want %v", shut, got, want)
		}
	}
}
