package cli

import (
	"testing"
	"time"
)

// A date alone means the day, wherever one is; with a time it is one of here.
// What is listed can be given again.
func TestADueDateIsTheSameDayEverywhere(t *testing.T) {
	for _, hours := range []int{-10, 0, 13} {
		here := time.FixedZone("here", hours*3600)
		for given, want := range map[string]time.Time{
			"2026-12-24":                time.Date(2026, 12, 24, 0, 0, 0, 0, time.UTC),
			"2026-12-24 17:30":          time.Date(2026, 12, 24, 17, 30, 0, 0, here),
			"2026-12-24T17:30":          time.Date(2026, 12, 24, 17, 30, 0, 0, here),
			"2026-12-24T17:30:00+01:00": time.Date(2026, 12, 24, 16, 30, 0, 0, time.UTC),
			"none":                      {},
			"":                          {},
		} {
			at, err := parseDue(given, here)
			if err != nil || !at.Equal(want) {
				t.Errorf("UTC%+d: %q is %v, want %v: %v", hours, given, at, want, err)
			}
			if want.IsZero() {
				continue
			}
			text := dueText(at, here)
			if again, err := parseDue(text, here); err != nil || !again.Equal(want) {
				t.Errorf("UTC%+d: %q is listed as %q, which is %v: %v", hours, given, text, again, err)
			}
		}
		if text := dueText(time.Date(2026, 12, 24, 0, 0, 0, 0, time.UTC), here); text != "2026-12-24" {
			t.Errorf("UTC%+d: the day is listed as %q", hours, text)
		}
	}
	for _, no := range []string{"tomorrow", "24.12.2026", "2026-13-01", "9999-12-31T23:59:59-14:00"} {
		if at, err := parseDue(no, time.UTC); err == nil {
			t.Errorf("%q is %v", no, at)
		}
	}
}
