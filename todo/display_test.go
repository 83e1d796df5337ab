package todo_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"waybill/todo"
)

func TestS84_WhatIsNotSeenBecomesVisible(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                         "plain",
		"  around  ":                    "around",
		"a\x1b[31mred":                  "a□[31mred",
		"a\x00\x01\x02b":                "a□b",
		"abc\u202egnp.exe":              "abc□gnp.exe",
		"a\u2066b\u2069":                "a□b□",
		"zero\u200bwidth":               "zero□width",
		"joined\u200dword":              "joined□word",
		"tag\U000e0041\U000e0042s":      "tag□s",
		"two\u2028lines":                "two□lines",
		"next\u0085line":                "next□line",
		"private \ue000":                "private □",
		"bad \xff\xfe bytes":            "bad □ bytes",
		"a real \ufffd":                 "a real \ufffd",
		"no\u00a0break\u2003space":      "no break space",
		"tab\tand\nline":                "tab and line",
		"filler \u3164 and \u2800":      "filler □ and □",
		"soft\u00adhyphen":              "soft□hyphen",
		"\u0301lost accent":             "\u25cc\u0301lost accent",
		"Zalgo" + marks(1000) + " ends": "Zalgo" + marks(4) + "□ ends",
	} {
		if got := todo.Line(in); got != want {
			t.Errorf("%+q became %+q, want %+q", in, got, want)
		}
	}
}

func marks(n int) string { return strings.Repeat("\u0336", n) }

func TestWhatPeopleWriteSurvives(t *testing.T) {
	for _, s := range []string{
		"Ménage à trois cafés", "Việt Nam", "e\u0301", "שָׁלוֹם עֲלֵיכֶם", "مرحبا بالعالم", "می\u200cخواهم", "क्\u200dष",
		"買い物", "葛\U000e0100飾", "한국어", "สวัสดี", "👩\u200d👩\u200d👧\u200d👦", "🏳\ufe0f\u200d🌈", "👍🏽", "👩🏽\u200d💻", "❤\ufe0f", "1\ufe0f\u20e3", "🇩🇪", "日本\u3000語",
	} {
		if got := todo.Line(s); got != s {
			t.Errorf("%+q became %+q", s, got)
		}
	}
}

func TestLinesStayInText(t *testing.T) {
	if got := todo.Text("\n one\r\ntwo\rthree\n\n- four\tfive\x00\n"); got != "one\ntwo\nthree\n\n- four five□" {
		t.Fatalf("%+q", got)
	}
}

func TestShownTextIsBounded(t *testing.T) {
	if got := todo.Line(strings.Repeat("x", 2000)); utf8.RuneCountInString(got) != todo.MaxLineRunes || !strings.HasSuffix(got, "x…") {
		t.Fatalf("%d runes", utf8.RuneCountInString(got))
	}
	if got := todo.Text(strings.Repeat("é\n", todo.MaxTextRunes)); utf8.RuneCountInString(got) > todo.MaxTextRunes {
		t.Fatalf("%d runes", utf8.RuneCountInString(got))
	}
}

func FuzzLine(f *testing.F) {
	for _, s := range []string{"", "plain", "a\u200d😀\u200d😀", "\u0301\u0301", "😀\ufe0f\u200d❤\ufe0f\u200d", strings.Repeat("👩\u200d", 600), "\xff\u202e", "क्\u200dष\u200c", " \n\u0301", strings.Repeat(" ", 600) + "\u0301"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		line, text := todo.Line(s), todo.Text(s)
		for kind, got := range map[string]string{"line": line, "text": text} {
			again := todo.Line
			if kind == "text" {
				again = todo.Text
			}
			if twice := again(got); twice != got {
				t.Fatalf("%s %+q became %+q the second time", kind, got, twice)
			}
			check(t, kind, got)
		}
		if utf8.RuneCountInString(line) > todo.MaxLineRunes || utf8.RuneCountInString(text) > todo.MaxTextRunes {
			t.Fatal("too long")
		}
	})
}

// check looks for what must never be shown.
func check(t *testing.T, kind, got string) {
	t.Helper()
	if !utf8.ValidString(got) {
		t.Fatalf("%s: invalid UTF-8", kind)
	}
	run := 0
	for _, r := range got {
		switch {
		case r == '\n' && kind == "text":
		case r == '\u200c' || r == '\u200d':
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp):
			t.Fatalf("%s holds %U", kind, r)
		}
		if run++; !unicode.In(r, unicode.Mn, unicode.Me) {
			run = 0
		}
		if run > 6 { // four marks, and variation selectors
			t.Fatalf("%s has a pile of marks: %+q", kind, got)
		}
	}
}
