// Package wording is how Waybill says things about to-dos and about changes of
// them, in the window and in the terminal alike.
//
// Invariant: what it returns is one line that is fit to show: whatever stands
// in a to-do's texts has gone through todo.Line. It depends on the time and the
// place that it is given, and on no other.
package wording

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"waybill/todo"
)

// Short makes foreign text fit for one line, at most limit characters long.
func Short(text string, limit int) string {
	text = todo.Line(text)
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	for i := range text {
		if limit--; limit == 0 {
			return todo.Line(text[:i] + "…")
		}
	}
	return text
}

// Plural is "1 change", "3 changes".
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// Ago says how long ago something was: "just now", "2 min ago", "3 h ago",
// "2 Dec 10:42".
func Ago(at, now time.Time) string {
	switch d := now.Sub(at); {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 12*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	default:
		return at.In(now.Location()).Format("2 Jan 15:04")
	}
}

// Due says when something is due in full: "Sun 22 Nov (yesterday)", "Fri 27
// Nov, 17:00 (in 3 days)", "None".
func Due(due time.Time, today todo.Day, now time.Time) string {
	if due.IsZero() {
		return "None"
	}
	// The calendar day, as midnight UTC, on which it is due where now is.
	day := time.Unix(todo.DueDay(due, now.Location())*86400, 0).UTC()
	words := day.Format("Mon 2 Jan")
	if day.Year() != now.Year() {
		words = day.Format("Mon 2 Jan 2006")
	}
	if u := due.UTC(); !u.Equal(u.Truncate(24 * time.Hour)) { // midnight UTC is a whole day
		words += due.In(now.Location()).Format(", 15:04")
	}
	switch days := today.DaysUntil(due); {
	case days == -1:
		return words + " (yesterday)"
	case days == 0:
		return words + " (today)"
	case days == 1:
		return words + " (tomorrow)"
	case days > 1 && days <= 31:
		return fmt.Sprintf("%s (in %d days)", words, days)
	case days < -1 && days >= -31:
		return fmt.Sprintf("%s (%d days ago)", words, -days)
	default:
		return words
	}
}

// Priority names a priority.
func Priority(p todo.Priority) string {
	switch p {
	case todo.High:
		return "High"
	case todo.Medium:
		return "Medium"
	case todo.Low:
		return "Low"
	case todo.NoPriority:
		return "None"
	default:
		return Short(string(p), 30) // one that only the server knows
	}
}

// Status names whether a to-do is done.
func Status(done bool) string {
	if done {
		return "Completed"
	}
	return "To do"
}

// mostTags is how many tags of a to-do are said: a server may send any number.
const mostTags = 200

// Tags are the tags of a to-do as they are shown.
func Tags(tags []string) []string {
	out := make([]string, 0, len(tags))
	for _, tag := range tags[:min(len(tags), mostTags)] {
		out = append(out, todo.Line(tag))
	}
	return out
}

// FieldLabel is what a field is called above or before its value.
func FieldLabel(f todo.Field) string {
	switch f {
	case todo.FieldCompleted:
		return "Status"
	case todo.FieldDue:
		return "Due date"
	default:
		return strings.ToUpper(string(f[:1])) + string(f[1:])
	}
}

// Field is the value of a field as it is shown; "" if it has none. A description
// keeps its lines.
func Field(t *todo.Todo, f todo.Field, today todo.Day, now time.Time) string {
	switch f {
	case todo.FieldTitle:
		return todo.Line(t.Title)
	case todo.FieldDescription:
		return todo.Text(t.Description)
	case todo.FieldCompleted:
		return Status(t.Completed)
	case todo.FieldPriority:
		return Priority(t.Priority)
	case todo.FieldTags:
		return strings.Join(Tags(t.Tags), ", ")
	case todo.FieldDue:
		return Due(t.Due, today, now)
	default:
		return ""
	}
}
