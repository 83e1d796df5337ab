package gui

import (
	"strings"
	"testing"
	"time"
)

func TestTimesAreSaidInWords(t *testing.T) {
	for want, d := range map[string]time.Duration{"1 h 53 min": 113*time.Minute + 59*time.Second, "5 min": 5 * time.Minute, "less than a minute": 59 * time.Second} {
		if got := left(d); got != want {
			t.Errorf("%v left is %q, want %q", d, got, want)
		}
	}
	for want, d := range map[string]time.Duration{"4:32": 272 * time.Second, "0:00": -time.Second, "0:09": 9 * time.Second} {
		if got := countdown(d); got != want {
			t.Errorf("%v counts down as %q, want %q", d, got, want)
		}
	}
}

func TestInitials(t *testing.T) {
	for _, c := range []struct{ name, email, want string }{
		{"", "alice@example.com", "AL"},
		{"Alice B. Smith", "x@example.com", "AB"},
		{"Ødegård", "x@example.com", "ØD"},
		{"", "j.doe@example.com", "JD"},
		{"", "7@example.com", "7"},
		{"", "", "?"},
		{"***", "@", "?"},
	} {
		if got := initials(c.name, c.email); got != c.want {
			t.Errorf("%q, %q: %q, want %q", c.name, c.email, got, c.want)
		}
	}
}

func TestForeignTextIsShownOnOneLine(t *testing.T) {
	if got := show("a\nb\x1b[31m", 20); strings.ContainsAny(got, "\n\x1b") {
		t.Errorf("shown as %q", got)
	}
	if got := show(strings.Repeat("é", 50), 10); len([]rune(got)) != 10 || !strings.HasSuffix(got, "…") {
		t.Errorf("cut to %q", got)
	}
}

func TestAllWordsOfAQueryAreLookedFor(t *testing.T) {
	for query, want := range map[string]bool{"": true, "sign": true, "OUT sign": true, "sígn": true, "sign x": false} {
		if got := matchesWords("Sign out Account", query); got != want {
			t.Errorf("%q: %v", query, got)
		}
	}
}
