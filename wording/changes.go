package wording

import (
	"strings"
	"time"

	"waybill/replica"
	"waybill/todo"
)

// Change names a change with its to-do: Rename “Buy milk”.
func Change(c *replica.Pending) string {
	title := Short(c.Title, 120)
	if title == "" {
		title = "Untitled"
	}
	return c.What + " “" + title + "”"
}

// Difference says what a change makes of what: “Buy oat milk” (was “Buy milk”).
// Where the name of the change has said the new title it is: Was “Buy milk”, and
// where that has said everything it is "".
func Difference(c *replica.Pending, today todo.Day, now time.Time) string {
	if c.Edit.Op == todo.Delete {
		return ""
	}
	fields := c.Edit.Patch.Fields()
	after := c.Edit.Patch.Apply(c.Edit.Base)
	said := func(t *todo.Todo, f todo.Field) string { return value(t, f, today, now) }
	var parts []string
	for _, f := range fields {
		switch {
		case c.Edit.Op == todo.Create && (f == todo.FieldTitle || said(&after, f) == said(&todo.Todo{}, f)):
		case c.Edit.Op == todo.Create:
			parts = append(parts, FieldLabel(f)+": "+said(&after, f))
		case len(fields) == 1 && f == todo.FieldCompleted: // the name of the change has said it
		case len(fields) == 1 && f == todo.FieldTitle && after.Title == c.Title: // so has it the new title
			parts = append(parts, "Was "+said(&c.Edit.Base, f))
		case len(fields) == 1:
			parts = append(parts, said(&after, f)+" (was "+said(&c.Edit.Base, f)+")")
		default:
			parts = append(parts, FieldLabel(f)+": "+said(&after, f)+" (was "+said(&c.Edit.Base, f)+")")
		}
	}
	return strings.Join(parts, " · ")
}

// Theirs says what the server has in the fields that both sides changed:
// Title: “Buy soy milk”.
func Theirs(row *replica.Row, today todo.Day, now time.Time) string {
	if row.Theirs == nil {
		return ""
	}
	var parts []string
	for _, f := range row.Fields {
		parts = append(parts, FieldLabel(f)+": "+value(row.Theirs, f, today, now))
	}
	return strings.Join(parts, " · ")
}

// value is a field's value in the middle of a line.
func value(t *todo.Todo, f todo.Field, today todo.Day, now time.Time) string {
	words := Short(Field(t, f, today, now), 160)
	switch {
	case words == "":
		return "nothing"
	case f == todo.FieldTitle || f == todo.FieldDescription:
		return "“" + words + "”"
	default:
		return words
	}
}

// ChangeState says how far a change is.
func ChangeState(s replica.PendingState) string {
	switch s {
	case replica.PendingSending:
		return "Being sent"
	case replica.PendingConflict:
		return "Changed at the server too"
	case replica.PendingRefused:
		return "Refused by the server"
	case replica.PendingDiscarded:
		return "Discarded"
	default:
		return "Waits to be sent"
	}
}

// StateName is the state of a change in JSON.
func StateName(s replica.PendingState) string {
	switch s {
	case replica.PendingSending:
		return "sending"
	case replica.PendingConflict:
		return "conflict"
	case replica.PendingRefused:
		return "refused"
	case replica.PendingDiscarded:
		return "discarded"
	default:
		return "waiting"
	}
}
