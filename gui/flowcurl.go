package gui

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"waybill/flow"
)

// curlTab shows how an exchange is repeated by hand.
func (p *flowPage) curlTab(s *flow.Step) []fyne.CanvasObject {
	e := p.exchange()
	if e == nil {
		return []fyne.CanvasObject{aside(nothingSent(s))}
	}
	script := flow.Curl(*e)
	l := p.newPageLedger("curl")
	l.set(curlEntries(script.Text))
	objects := []fyne.CanvasObject{p.exchangeBar(s, e, "Copy the command", func() string { return script.Text }), card(l)}
	if script.Cut {
		objects = append(objects, aside("The body of the request was too long to be kept whole: the command lacks its end."))
	}
	if len(script.Variables) == 0 {
		return objects
	}
	list := column(12, newText("Variables", textStyle{style: fyne.TextStyle{Bold: true}}),
		newText("The command holds no secret: it takes each from a variable of the shell. Set these before you run it.", textStyle{color: colorMuted, size: sizeCaption, wrap: true}))
	for _, v := range script.Variables {
		list.Add(column(2, p.secretRow(v.Name, "", v.Value, len(v.Value.Reveal())).box, newText(capital(v.Meaning)+".", textStyle{color: colorMuted, size: sizeCaption, wrap: true})))
	}
	return append(objects, card(list))
}

// curlEntries are the lines of a command, its variables highlighted.
func curlEntries(script string) []*entry {
	var entries []*entry
	for line := range strings.Lines(script) {
		e := codeEntry(strings.TrimRight(line, "\r\n"))
		text := e.cells[0].spans[0].text
		var spans []span
		for text != "" {
			i := strings.IndexByte(text, '$')
			if i < 0 {
				break
			}
			n := i + 1
			for n < len(text) && (text[n] == '_' || text[n] == '{' || text[n] == '}' || text[n] >= 'A' && text[n] <= 'Z' || text[n] >= '0' && text[n] <= '9') {
				n++
			}
			spans = append(spans, span{text[:i], theme.ColorNameForeground}, span{text[i:n], theme.ColorNameHyperlink})
			text = text[n:]
		}
		e.cells[0].spans = append(spans, span{text, theme.ColorNameForeground})
		entries = append(entries, e)
	}
	return entries
}
