package gui

import (
	"strings"
	"time"

	"waybill/replica"
	"waybill/todo"
)

// This file holds how a change in the outbox is said, and what can be done
// about it.

// changeAct is something that can be done to a change in the outbox.
type changeAct int

const (
	actRetry changeAct = iota
	actDiscard
	actCompare
	actRestore
)

// changeActs are what can be done to a change in this state, what is meant most
// often last.
func changeActs(s replica.PendingState) []changeAct {
	switch s {
	case replica.PendingRefused:
		return []changeAct{actDiscard, actRetry}
	case replica.PendingConflict:
		return []changeAct{actCompare}
	case replica.PendingWaiting:
		return []changeAct{actDiscard}
	case replica.PendingDiscarded:
		return []changeAct{actRestore}
	default:
		return nil
	}
}

func (a changeAct) String() string {
	switch a {
	case actRetry:
		return "Try again"
	case actDiscard:
		return "Discard"
	case actCompare:
		return "Compare"
	default:
		return "Bring back"
	}
}

// changeView is what a row of the outbox shows, worked out from its change.
type changeView struct {
	number uint64
	state  replica.PendingState
	what   string // Rename “Buy oat milk”
	how    string // Was “Buy milk”; may be empty
	why    string
	when   string
	exact  string // the same to the second
}

// view is what a row shows.
func (o *outbox) view(c *replica.Pending) changeView {
	now := o.page.w.o.Now()
	why := c.Why
	if c.State == replica.PendingRefused && c.Fault != nil && c.Fault.Server != "" {
		why = "The server's own words: “" + c.Fault.Server + "”" // they say what to change; the rest is in the details
	}
	return changeView{
		number: c.Number, state: c.State, what: changeTitle(c), how: changeWords(c, o.page.snapshot.Today, now),
		why: todo.Line(why), when: ago(c.Edit.At, now), exact: exactTime(c.Edit.At, now),
	}
}

// changeTitle names a change with its to-do.
func changeTitle(c *replica.Pending) string {
	title := show(c.Title, 120)
	if title == "" {
		title = "Untitled"
	}
	return c.What + " “" + title + "”"
}

// changeWords say what a change makes of what.
func changeWords(c *replica.Pending, today todo.Day, now time.Time) string {
	if c.Edit.Op == todo.Delete {
		return ""
	}
	fields := c.Edit.Patch.Fields()
	after := c.Edit.Patch.Apply(c.Edit.Base)
	said := func(t *todo.Todo, f todo.Field) string {
		words := show(fieldWords(t, f, today, now), 160)
		switch {
		case words == "":
			return "nothing"
		case f == todo.FieldTitle || f == todo.FieldDescription:
			return "“" + words + "”"
		default:
			return words
		}
	}
	var parts []string
	for _, f := range fields {
		switch {
		case c.Edit.Op == todo.Create && (f == todo.FieldTitle || said(&after, f) == said(&todo.Todo{}, f)):
		case c.Edit.Op == todo.Create:
			parts = append(parts, fieldLabel(f)+": "+said(&after, f))
		case len(fields) == 1 && f == todo.FieldCompleted: // the name of the change has said it
		case len(fields) == 1 && f == todo.FieldTitle && after.Title == c.Title: // so has it the new title
			parts = append(parts, "Was "+said(&c.Edit.Base, f))
		case len(fields) == 1:
			parts = append(parts, said(&after, f)+" (was "+said(&c.Edit.Base, f)+")")
		default:
			parts = append(parts, fieldLabel(f)+": "+said(&after, f)+" (was "+said(&c.Edit.Base, f)+")")
		}
	}
	return strings.Join(parts, " · ")
}

// fieldName is what a field is called in a sentence.
func fieldName(f todo.Field) string {
	switch f {
	case todo.FieldCompleted:
		return "status"
	case todo.FieldDue:
		return "due date"
	default:
		return string(f)
	}
}

// fieldLabel is what a field is called above or before its value.
func fieldLabel(f todo.Field) string {
	name := fieldName(f)
	return strings.ToUpper(name[:1]) + name[1:]
}

// fieldWords is the value of a field as it is shown.
func fieldWords(t *todo.Todo, f todo.Field, today todo.Day, now time.Time) string {
	switch f {
	case todo.FieldTitle:
		return todo.Line(t.Title)
	case todo.FieldDescription:
		return todo.Text(t.Description)
	case todo.FieldCompleted:
		return statusWords(t.Completed)
	case todo.FieldPriority:
		return priorityWords(t.Priority)
	case todo.FieldTags:
		return strings.Join(shownTags(t.Tags), ", ")
	case todo.FieldDue:
		return dueSentence(t.Due, today, now)
	default:
		return ""
	}
}
