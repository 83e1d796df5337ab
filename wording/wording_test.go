package wording_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"waybill/replica"
	"waybill/todo"
	"waybill/wording"
)

var noon = time.Date(2026, 11, 23, 12, 5, 0, 0, time.UTC) // a Monday

// wholeDay is the due time that means the day that many days from now.
func wholeDay(now time.Time, days int) time.Time {
	d := now.AddDate(0, 0, days)
	return time.Date(d.Year(), d.Month(), d.Day(), 0, 0, 0, 0, time.UTC)
}

func TestDatesAreSaidInFull(t *testing.T) {
	today := todo.DayOf(noon)
	for want, due := range map[string]time.Time{
		"None":                      {},
		"Sun 22 Nov (yesterday)":    wholeDay(noon, -1),
		"Mon 23 Nov (today)":        wholeDay(noon, 0),
		"Tue 24 Nov (tomorrow)":     wholeDay(noon, 1),
		"Fri 27 Nov (in 4 days)":    wholeDay(noon, 4),
		"Thu 12 Nov (11 days ago)":  wholeDay(noon, -11),
		"Sat 23 Jan 2027":           wholeDay(noon, 61),
		"Mon 23 Nov, 17:30 (today)": time.Date(2026, 11, 23, 17, 30, 0, 0, time.UTC),
	} {
		if got := wording.Due(due, today, noon); got != want {
			t.Errorf("%v is said as %q, want %q", due, got, want)
		}
	}
}

func TestADayIsTheSameDayEverywhere(t *testing.T) {
	for _, hours := range []int{-11, 0, 13} {
		zone := time.FixedZone("there", hours*3600)
		now := time.Date(2026, 11, 23, 8, 0, 0, 0, zone)
		if got := wording.Due(wholeDay(now, 0), todo.DayOf(now), now); got != "Mon 23 Nov (today)" {
			t.Errorf("at UTC%+d today is %q", hours, got)
		}
	}
}

func TestTimesAreSaidInWords(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"just now": 10 * time.Second, "2 min ago": 2*time.Minute + time.Second, "3 h ago": 3 * time.Hour, "21 Nov 12:05": 48 * time.Hour,
	} {
		if got := wording.Ago(noon.Add(-d), noon); got != want {
			t.Errorf("%v ago is %q, want %q", d, got, want)
		}
	}
}

func ptr[T any](v T) *T { return &v }

func TestAChangeIsSaidWithWhatItMakesOfWhat(t *testing.T) {
	base := todo.Todo{Title: "Buy milk", Priority: todo.Low, Tags: []string{"a"}}
	for _, c := range []struct {
		what       string
		edit       todo.Edit
		name, diff string
	}{
		{"Rename", todo.Edit{Op: todo.Update, Base: base, Patch: todo.Patch{Title: ptr("Buy oat milk")}},
			"Rename “Buy milk”", "“Buy oat milk” (was “Buy milk”)"}, // and renamed once more since
		{"Rename", todo.Edit{Op: todo.Update, Base: todo.Todo{Title: "Buy"}, Patch: todo.Patch{Title: ptr("Buy milk")}},
			"Rename “Buy milk”", "Was “Buy”"},
		{"Complete", todo.Edit{Op: todo.Update, Base: base, Patch: todo.Patch{Completed: ptr(true)}},
			"Complete “Buy milk”", ""},
		{"Edit", todo.Edit{Op: todo.Update, Base: base, Patch: todo.Patch{Priority: ptr(todo.High), Description: ptr("")}},
			"Edit “Buy milk”", "Description: nothing (was nothing) · Priority: High (was Low)"},
		{"Add", todo.Edit{Op: todo.Create, Patch: todo.PatchOf(todo.Todo{Title: "Buy milk", Tags: []string{"x", "y"}})},
			"Add “Buy milk”", "Tags: x, y"},
		{"Delete", todo.Edit{Op: todo.Delete, Base: base}, "Delete “Buy milk”", ""},
	} {
		p := &replica.Pending{Title: "Buy milk", What: c.what, Edit: c.edit}
		if got := wording.Change(p); got != c.name {
			t.Errorf("got %q, want %q", got, c.name)
		}
		if got := wording.Difference(p, todo.DayOf(noon), noon); got != c.diff {
			t.Errorf("%s: got %q, want %q", c.name, got, c.diff)
		}
	}
}

func TestTheOtherSideOfAConflictIsSaidFieldByField(t *testing.T) {
	row := &replica.Row{Fields: []todo.Field{todo.FieldTitle, todo.FieldDue}, Theirs: &todo.Todo{Title: "Buy soy milk"}}
	if got := wording.Theirs(row, todo.DayOf(noon), noon); got != "Title: “Buy soy milk” · Due date: None" {
		t.Errorf("got %q", got)
	}
	if got := wording.Theirs(&replica.Row{}, todo.DayOf(noon), noon); got != "" {
		t.Errorf("without a conflict: %q", got)
	}
}

func TestS84_HostileTextStaysInItsLine(t *testing.T) {
	evil := "\x1b[2J\u202eevil\nline\u2028" + strings.Repeat("x", 5000)
	p := &replica.Pending{Title: evil, What: "Edit", Edit: todo.Edit{Op: todo.Update, Base: todo.Todo{Title: evil},
		Patch: todo.PatchOf(todo.Todo{Title: evil + "2", Description: evil, Priority: todo.Priority(evil), Tags: []string{evil}})}}
	said := wording.Change(p) + wording.Difference(p, todo.DayOf(noon), noon)
	if strings.ContainsAny(said, "\x1b\u202e\n\u2028") || len(said) > 8000 {
		t.Errorf("%d bytes: %.200q", len(said), said)
	}
}

func TestEveryStateHasANameOfItsOwn(t *testing.T) {
	names := map[string]bool{}
	for s := replica.PendingWaiting; s <= replica.PendingDiscarded; s++ {
		names[wording.StateName(s)], names[wording.ChangeState(s)] = true, true
	}
	if len(names) != 10 {
		t.Errorf("the names are %v", names)
	}
}

func ExampleDifference() {
	due := wholeDay(noon, 1)
	c := replica.Pending{Title: "Buy milk", What: "Change due date", Edit: todo.Edit{Op: todo.Update, Patch: todo.Patch{Due: &due}}}
	fmt.Println(wording.Change(&c))
	fmt.Println(wording.Difference(&c, todo.DayOf(noon), noon))
	// Output:
	// Change due date “Buy milk”
	// Tue 24 Nov (tomorrow) (was None)
}
