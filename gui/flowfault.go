package gui

import (
	"fmt"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"waybill/connection"
	"waybill/fault"
	"waybill/flow"
)

// failureCard says what went wrong at a step, what the causes may be and what to
// do about each.
func (p *flowPage) failureCard(s *flow.Step) fyne.CanvasObject {
	f := s.Fault
	body := column(8, newText(f.Message, textStyle{color: colorFaultText, style: fyne.TextStyle{Bold: true}, wrap: true}))
	if f.Remedy != "" && len(s.Causes) == 0 {
		body.Add(newText(f.Remedy, textStyle{color: colorFaultText, size: labelSize, wrap: true}))
		if b := p.fieldButton(f.Field); b != nil {
			body.Add(row(0, nil, b))
		}
	}
	if f.Server != "" {
		body.Add(serverWords(f))
	}
	panel := newPanel(body, panelStyle{fill: colorFault, border: colorFaultBorder, radius: 10, pad: even(14)})
	if len(s.Causes) == 0 {
		return panel
	}
	list := column(0, newText("What may be the cause, the likeliest first", textStyle{style: fyne.TextStyle{Bold: true}, wrap: true}))
	for i, c := range s.Causes {
		list.Add(p.causeLine(i+1, c))
	}
	return column(12, panel, card(list))
}

// serverWords are marked as what the server said.
func serverWords(f *fault.Fault) fyne.CanvasObject {
	title := "The server's own words"
	if f.Status != 0 {
		title += fmt.Sprintf(" (HTTP %d)", f.Status)
	}
	return column(4, newText(title, textStyle{color: colorFaultText, size: sizeCaption, wrap: true}),
		newPanel(newText("“"+show(f.Server, fault.MaxServerRunes)+"”", textStyle{wrap: true, style: fyne.TextStyle{Monospace: true}, size: sizeCaption}),
			panelStyle{fill: colorCard, border: colorFaultBorder, radius: 6, pad: even(8)}))
}

// causeLine is one possible cause.
func (p *flowPage) causeLine(number int, c flow.Cause) fyne.CanvasObject {
	words, color := evidenceWords(c.Evidence)
	title := newText(fmt.Sprintf("%d. %s", number, show(c.Sentence, 300)), textStyle{style: fyne.TextStyle{Bold: number == 1}, wrap: true})
	parts := column(4, title, newText(words, textStyle{color: color, size: sizeCaption, wrap: true}))
	if c.Remedy != "" {
		parts.Add(newText(show(c.Remedy, 300), textStyle{size: labelSize, wrap: true}))
	}
	var buttons []fyne.CanvasObject
	if b := p.fieldButton(c.Field); b != nil {
		buttons = append(buttons, b)
	}
	if c.Detail != "" {
		detail := newText(show(c.Detail, 500), textStyle{color: colorMuted, size: sizeCaption, wrap: true, style: fyne.TextStyle{Monospace: true}})
		detail.Hide()
		var open *button
		open = smallButton("For an engineer", buttonPlain, func() {
			visible(detail, !detail.Visible())
			open.icon = theme.MenuDropDownIcon()
			p.relayout()
		}).withIcon(theme.MenuDropDownIcon())
		p.keepInSight(&open.press)
		buttons = append(buttons, open)
		parts.Add(detail)
	}
	if len(buttons) > 0 {
		parts.Add(buttonRow(buttons...))
	}
	return column(0, inset(insets{9, 0, 9, 0}, parts), newPanel(gap(1, 1), panelStyle{fill: colorRule}))
}

// evidenceWords say what speaks for a cause.
func evidenceWords(e flow.Evidence) (string, fyne.ThemeColorName) {
	switch e {
	case flow.Proven:
		return "Seen in what was sent or received", theme.ColorNameError
	case flow.Likely:
		return "Something that was seen speaks for it", colorNoticeText
	default:
		return "Possible: nothing speaks against it", colorMuted
	}
}

// fieldButton leads to the field of the connection that a failure has to do
// with; nil where there is none or it cannot be edited.
func (p *flowPage) fieldButton(name string) *button {
	info := p.w.connection(p.run.Connection)
	of := connection.Field(name)
	if name == "" || info.BuiltIn || info.Placed != "" || info.Connection.Name == "" || of.Label() == "" {
		return nil
	}
	b := smallButton("Open the field: "+uncapital(of.Label()), buttonPlain, func() { p.w.editField(p.run.Connection, of) })
	if ruler := (ruler{sizeCaption, fyne.TextStyle{}}); ruler.width(b.words) > 250 {
		b.setWords("Open the field")
		b.label = "Open the field: " + uncapital(of.Label())
	}
	p.keepInSight(&b.press)
	return b
}
