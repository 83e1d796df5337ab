package gui

import (
	"fyne.io/fyne/v2"

	"waybill/fault"
	"waybill/replica"
	"waybill/wording"
)

// showState shows a card for whatever keeps the to-do from being synced.
func (d *details) showState() {
	if d.shownStateOf == d.row {
		return
	}
	d.shownStateOf = d.row
	d.state.RemoveAll()
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

// conflictCard shows both sides of every field that both changed.
func (d *details) conflictCard(r *replica.Row) fyne.CanvasObject {
	p := d.page
	words := "Changed here and at the server. Which one shall stay?"
	var parts []fyne.CanvasObject
	if r.Theirs == nil {
		words = "Changed here and deleted at the server. Which one shall stay?"
	} else {
		today, now := p.snapshot.Today, p.w.o.Now()
		for _, f := range r.Fields {
			parts = append(parts, versus(wording.FieldLabel(f), sidesOf(f, wording.Field(&r.Todo, f, today, now), wording.Field(r.Theirs, f, today, now))))
		}
	}
	resolve := func(words string, c replica.Choice) fyne.CanvasObject {
		return smallButton(words, buttonPlain, func() { p.resolve(r, c) })
	}
	choices := []fyne.CanvasObject{resolve("Keep mine", replica.KeepMine), resolve("Keep theirs", replica.KeepTheirs)}
	if r.Theirs != nil {
		choices = append(choices, resolve("Keep both", replica.KeepBoth), smallButton("Compare", buttonPlain, p.openConflict))
	}
	return noticeCard(words, append(parts, buttonRow(choices...))...)
}

// versus puts the two values of a field below each other.
func versus(field string, s sides) fyne.CanvasObject {
	value := func(whose string, runs []run) fyne.CanvasObject {
		whose = field + " " + uncapital(whose)
		return column(1, newText(whose, textStyle{color: colorNoticeText, size: sizeSmall, style: fyne.TextStyle{Bold: true}}),
			newMarkedText(whose, shorten(runs, 60), labelSize, 6))
	}
	return column(6, value("Here", s.mine), value("At the server", s.theirs))
}

// refusedCard says why the server does not take a change, in its own words too,
// and what can be done.
func (d *details) refusedCard(r *replica.Row) fyne.CanvasObject {
	f := r.Fault
	if f == nil {
		f = fault.New(fault.StepCall, fault.Invalid, "", "The server did not take this change.")
	}
	var parts []fyne.CanvasObject
	if f.Server != "" {
		parts = append(parts, column(1, newText("The server's own words", textStyle{color: colorNoticeText, size: sizeSmall, style: fyne.TextStyle{Bold: true}}),
			newText(f.Server, textStyle{size: labelSize, wrap: true, lines: 6})))
	}
	return noticeCard(f.Error(), append(parts, buttonRow(
		smallButton("What can be done", buttonPlain, d.page.openOutbox),
		smallButton("Details", buttonPlain, func() { d.page.w.openFault(f) })))...)
}
