package gui

import (
	"strings"
	"testing"
	"time"

	"waybill/todo"
)

func TestDatesAreSaidInFull(t *testing.T) {
	today := todo.DayOf(noon)
	for want, due := range map[string]time.Time{
		"None":                      {},
		"Sun 22 Nov (yesterday)":    wholeDayAt(noon, -1),
		"Mon 23 Nov (today)":        wholeDayAt(noon, 0),
		"Tue 24 Nov (tomorrow)":     wholeDayAt(noon, 1),
		"Fri 27 Nov (in 4 days)":    wholeDayAt(noon, 4),
		"Thu 12 Nov (11 days ago)":  wholeDayAt(noon, -11),
		"Sat 23 Jan 2027":           wholeDayAt(noon, 61),
		"Mon 23 Nov, 17:30 (today)": time.Date(2026, 11, 23, 17, 30, 0, 0, time.UTC),
	} {
		if got := dueSentence(due, today, noon); got != want {
			t.Errorf("%v is said as %q, want %q", due, got, want)
		}
	}
}

func TestADayIsTheSameDayEverywhere(t *testing.T) {
	for _, hours := range []int{-11, 0, 13} {
		zone := time.FixedZone("there", hours*3600)
		now := time.Date(2026, 11, 23, 8, 0, 0, 0, zone)
		if got := dueSentence(wholeDay(now), todo.DayOf(now), now); got != "Mon 23 Nov (today)" {
			t.Errorf("at UTC%+d today is %q", hours, got)
		}
	}
}

func TestTimesAreSaidInWords(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"just now": 10 * time.Second, "2 min ago": 2*time.Minute + time.Second, "3 h ago": 3 * time.Hour, "21 Nov 12:05": 48 * time.Hour,
	} {
		if got := ago(noon.Add(-d), noon); got != want {
			t.Errorf("%v ago is %q, want %q", d, got, want)
		}
	}
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
