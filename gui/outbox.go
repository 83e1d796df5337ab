package gui

import (
	"context"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"waybill/replica"
	"waybill/todo"
)

// outboxMost is how many changes the dialog lists; more are counted.
const outboxMost = 100

// outbox is the dialog that lists the changes that the server does not have:
// what, when, why each waits, and what can be done about it.
type outbox struct {
	page  *todosPage
	sheet *sheet
	list  *fyne.Container
	state *text
	turn  int // of the list asked for last: an older answer is dropped
}

// openOutbox shows what is not sent, and the state of the sync.
func (p *todosPage) openOutbox() {
	if p.outbox != nil {
		return
	}
	o := &outbox{page: p, list: column(0), state: newText("", textStyle{wrap: true})}
	body := column(12, o.state, o.list)
	o.sheet = p.w.openSheet(sheetOptions{
		title: "Sync", body: body, width: 560,
		buttons: []fyne.CanvasObject{newButton("Sync now", buttonPrimary, p.sync)},
		closed:  func() { p.outbox = nil },
	})
	p.outbox = o
	o.reload()
}

// reload reads the outbox, which may wait for the disk, and shows it.
func (o *outbox) reload() {
	o.turn++
	mine := o.turn
	var pending []replica.Pending
	o.page.w.tasks.start(func(context.Context) error {
		pending = o.page.todos.Outbox()
		return nil
	}, func(error) {
		if o.turn == mine && o.page.outbox == o {
			o.show(pending)
		}
	})
}

func (o *outbox) show(pending []replica.Pending) {
	st := o.page.snapshot.Status
	words := st.Sentence + "."
	if st.Fault != nil {
		words += " " + st.Fault.Error()
	}
	if len(pending) == 0 {
		words += " Every change is at the server."
	}
	o.state.set(words)
	o.list.RemoveAll()
	for _, c := range pending[:min(len(pending), outboxMost)] {
		o.list.Add(o.entry(c))
	}
	if more := len(pending) - outboxMost; more > 0 {
		o.list.Add(inset(insets{10, 0, 0, 0}, newText("And "+plural(more, "more change", "more changes")+".", textStyle{color: colorMuted})))
	}
	o.sheet.relayout()
}

// entry is one change.
func (o *outbox) entry(c replica.Pending) fyne.CanvasObject {
	ink := theme.ColorNameForeground
	if c.State == replica.PendingDiscarded {
		ink = colorDone
	}
	what := newText(c.What+" “"+show(c.Title, 120)+"”", textStyle{
		color: ink, wrap: true, lines: 2,
		style: fyne.TextStyle{Bold: c.State != replica.PendingDiscarded, Strikethrough: c.State == replica.PendingDiscarded},
	})
	when := newText(ago(c.Edit.At, o.page.w.o.Now()), textStyle{color: colorMuted, size: sizeCaption, full: true})
	parts := column(4, row(10, what, what, when))
	if c.Why != "" {
		parts.Add(newText(c.Why, textStyle{color: colorMuted, size: labelSize, wrap: true}))
	}
	if buttons := o.buttons(c); len(buttons) > 0 {
		parts.Add(buttonRow(buttons...))
	}
	return column(0, line(), inset(insets{10, 0, 10, 0}, parts))
}

// buttons are what can be done about a change in its state.
func (o *outbox) buttons(c replica.Pending) []fyne.CanvasObject {
	p := o.page
	do := func(words string, change func(context.Context, uint64) error) fyne.CanvasObject {
		return smallButton(words, buttonPlain, func() {
			p.edit(func(ctx context.Context) error { return change(ctx, c.Number) }, nil)
			o.reloadSoon()
		})
	}
	var out []fyne.CanvasObject
	switch c.State {
	case replica.PendingRefused:
		out = append(out, do("Try again", p.todos.Retry), do("Discard", p.todos.Discard))
	case replica.PendingWaiting:
		out = append(out, do("Discard", p.todos.Discard))
	case replica.PendingDiscarded:
		out = append(out, do("Bring it back", p.todos.Restore))
	}
	if c.State == replica.PendingConflict || c.State == replica.PendingRefused {
		out = append(out, smallButton("Look at it", buttonPlain, func() {
			o.sheet.close()
			p.lookAt(c.Edit.ID)
		}))
	}
	if c.Fault != nil {
		out = append(out, smallButton("Details", buttonPlain, func() { p.w.openFault(c.Fault) }))
	}
	return out
}

// reloadSoon reads again once the edits that are queued are done.
func (o *outbox) reloadSoon() {
	o.page.w.tasks.queue(func(context.Context) error { return nil }, func(error) {
		if o.page.outbox == o {
			o.reload()
		}
	})
}

// lookAt shows a to-do, whatever the list on screen is.
func (p *todosPage) lookAt(id string) {
	row := p.row(id)
	if row == nil {
		return
	}
	if !p.filter.Match(row.Todo, p.snapshot.Today) || p.query != "" {
		p.clearSearch()
		p.setFilter(todo.Filter{})
	}
	p.openDetails(id)
	p.list.setChosen(id, true)
}
