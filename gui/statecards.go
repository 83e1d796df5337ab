package gui

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"waybill/fault"
	"waybill/replica"
	"waybill/todo"
)

// clash is what was typed into a field whose value another side changed
// meanwhile. It is kept until the user has said which one stays.
type clash struct {
	id           string
	field        todo.Field
	mine, theirs string
}

func (d *details) hold(c *clash) {
	d.held = c
	d.showState()
	d.relayout()
}

// showState shows a card for whatever keeps the to-do from being synced.
func (d *details) showState() {
	if d.shownStateOf == d.row && d.shownClash == d.held {
		return
	}
	d.shownStateOf, d.shownClash = d.row, d.held
	d.state.RemoveAll()
	if c := d.held; c != nil {
		d.state.Add(d.clashCard(c))
	}
	switch r := d.row; r.State {
	case replica.Waiting:
		d.state.Add(noticeCard("Not synced yet. It is saved on this computer and sent at the next sync."))
	case replica.Conflict:
		d.state.Add(d.conflictCard(r))
	case replica.Refused:
		d.state.Add(d.refusedCard(r))
	}
	visible(d.state, len(d.state.Objects) > 0)
}

// noticeCard is a sentence in the colours of a notice, with what belongs to it
// below.
func noticeCard(words string, more ...fyne.CanvasObject) fyne.CanvasObject {
	says := newText(words, textStyle{color: colorNoticeText, size: labelSize, wrap: true})
	body := column(10, append([]fyne.CanvasObject{says}, more...)...)
	return newPanel(body, panelStyle{fill: colorNotice, border: colorNoticeBorder, radius: 8, pad: insets{8, 12, 9, 12}})
}

func (d *details) clashCard(c *clash) fyne.CanvasObject {
	keep := func(mine bool) func() {
		return func() {
			d.held = nil
			if mine {
				d.page.update(c.id, patchText(c.field, c.mine), func() { d.hold(c) })
			}
			d.showState()
			d.relayout()
		}
	}
	return noticeCard("This "+fieldName(c.field)+" was changed elsewhere while you were typing.",
		versus(c.field, show(c.mine, 300), show(c.theirs, 300)),
		buttonRow(smallButton("Keep mine", buttonPlain, keep(true)), smallButton("Keep theirs", buttonPlain, keep(false))))
}

func patchText(f todo.Field, text string) todo.Patch {
	if f == todo.FieldTitle {
		return todo.Patch{Title: &text}
	}
	return todo.Patch{Description: &text}
}

// conflictCard shows both sides of every field that both changed.
func (d *details) conflictCard(r *replica.Row) fyne.CanvasObject {
	var sides []fyne.CanvasObject
	for _, f := range r.Fields {
		if r.Theirs != nil {
			sides = append(sides, versus(f, d.fieldWords(&r.Todo, f), d.fieldWords(r.Theirs, f)))
		}
	}
	resolve := func(c replica.Choice) func() { return func() { d.page.resolve(r.Todo.ID, c) } }
	sides = append(sides, buttonRow(
		smallButton("Keep mine", buttonPlain, resolve(replica.KeepMine)),
		smallButton("Keep theirs", buttonPlain, resolve(replica.KeepTheirs)),
		smallButton("Keep both", buttonPlain, resolve(replica.KeepBoth))))
	return noticeCard("Changed here and at the server. Which one shall stay?", sides...)
}

// versus puts the two values of a field below each other.
func versus(f todo.Field, mine, theirs string) fyne.CanvasObject {
	value := func(who, words string) fyne.CanvasObject {
		if words == "" {
			words = "Empty"
		}
		return column(1, newText(who, textStyle{color: colorNoticeText, size: sizeSmall, style: fyne.TextStyle{Bold: true}}),
			newText(words, textStyle{color: theme.ColorNameForeground, size: labelSize, wrap: true, lines: 6}))
	}
	name := fieldName(f)
	name = strings.ToUpper(name[:1]) + name[1:]
	return column(6, value(name+" here", mine), value(name+" at the server", theirs))
}

func (d *details) refusedCard(r *replica.Row) fyne.CanvasObject {
	f := r.Fault
	if f == nil {
		f = fault.New(fault.StepCall, fault.Invalid, "", "The server did not take this change.")
	}
	return noticeCard(f.Error(), buttonRow(
		smallButton("Details", buttonPlain, func() { d.page.w.openFault(f) }),
		smallButton("What can be done", buttonPlain, d.page.openOutbox)))
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

// fieldWords is the value of a field as it is shown.
func (d *details) fieldWords(t *todo.Todo, f todo.Field) string {
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
		return dueSentence(t.Due, d.page.snapshot.Today, d.page.w.o.Now())
	default:
		return ""
	}
}
