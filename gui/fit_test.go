package gui

import (
	"strings"
	"testing"
	"unicode/utf8"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"pgregory.net/rapid"
)

func TestTextIsCutToItsWidth(t *testing.T) {
	test.NewTempApp(t)
	rule := ruler{sizeBody, fyne.TextStyle{}}
	for _, s := range []string{"", "short", strings.Repeat("long words ", 50), strings.Repeat("x", 5000), "购买机票并预订酒店购买机票并预订酒店", "one\xffbroken" + strings.Repeat("\xff", 300)} {
		for _, width := range []float32{0, 5, 40, 200} {
			cut := rule.cut(s, width)
			if width > rule.width("…") && rule.width(cut) > width+0.5 {
				t.Errorf("%.20q at %v is %q, %v wide", s, width, cut, rule.width(cut))
			}
			if cut != s && cut != "" && !strings.HasSuffix(cut, "…") {
				t.Errorf("%.20q was cut to %q without an ellipsis", s, cut)
			}
		}
	}
	if got := rule.cut("short", 400); got != "short" {
		t.Errorf("a text that fits became %q", got)
	}
}

func TestNoLineIsWiderThanItsParagraph(t *testing.T) {
	test.NewTempApp(t)
	rule := ruler{sizeBody, fyne.TextStyle{}}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOfN(rapid.SampledFrom([]rune("aWi -/\n漢字ßé.…👩")), 0, 120, -1).Draw(t, "text")
		width := float32(rapid.IntRange(30, 300).Draw(t, "width"))
		lines := rule.wrap(s, width, 0)
		for _, line := range lines {
			if rule.width(line) > width+0.5 && utf8.RuneCountInString(line) > 1 {
				t.Fatalf("the line %q is %v wide, of %v", line, rule.width(line), width)
			}
		}
		keep := func(s string) string {
			return strings.Map(func(r rune) rune {
				if r == ' ' || r == '\n' {
					return -1
				}
				return r
			}, s)
		}
		if got := keep(strings.Join(lines, "")); got != keep(s) {
			t.Fatalf("wrapping %q lost text: %q", s, got)
		}
	})
}

func TestAParagraphBreaksBetweenWordsAndInsideChinese(t *testing.T) {
	test.NewTempApp(t)
	rule := ruler{sizeBody, fyne.TextStyle{}}
	lines := rule.wrap("Rotate the staging signing keys", rule.width("Rotate the staging"), 0)
	if strings.Join(lines, "|") != "Rotate the staging|signing keys" {
		t.Errorf("broken as %q", lines)
	}
	if lines := rule.wrap("购买机票并预订酒店", rule.width("购买机票"), 0); len(lines) < 2 {
		t.Errorf("Chinese text did not break: %q", lines)
	}
}

func TestALimitedParagraphSaysThatThereIsMore(t *testing.T) {
	test.NewTempApp(t)
	rule := ruler{sizeBody, fyne.TextStyle{}}
	lines := rule.wrap(strings.Repeat("word ", 100), 120, 3)
	if len(lines) != 3 || !strings.HasSuffix(lines[2], "…") {
		t.Errorf("broken as %q", lines)
	}
	if lines := rule.wrap("one\ntwo\nthree", 200, 2); len(lines) != 2 || lines[1] != "two…" {
		t.Errorf("broken as %q", lines)
	}
}

func TestAMegabyteIsCutInNoTime(t *testing.T) {
	test.NewTempApp(t)
	rule := ruler{sizeBody, fyne.TextStyle{}}
	long := strings.Repeat("zalgo Z͑̑ ", 100_000)
	if n := testing.AllocsPerRun(1, func() { rule.prefix(long, 300) }); n > 5000 {
		t.Errorf("measuring a megabyte allocates %v times: more than its beginning was looked at", n)
	}
}
