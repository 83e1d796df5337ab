package gui

import (
	"context"
	"fmt"
	"strings"

	"fyne.io/fyne/v2"

	"waybill/explore"
)

// promptDetail is a prompt: its arguments are entered, and what it gives is shown.
// There is no model in Waybill that it would be sent to.
type promptDetail struct {
	answering
	prompt *explore.Prompt
	fields []*labelled
}

func newPromptDetail(p *explorePage, t *explore.Prompt) *promptDetail {
	d := &promptDetail{answering: newAnswering(p, "Messages"), prompt: t}
	head := p.saidOf(t.Label(), t.Name, t.Description, t.Warnings)
	head.Add(blurb("A prompt is text for a language model. Waybill has none and only shows what the prompt gives."))
	entered := column(12)
	for i := range t.Arguments {
		a := &t.Arguments[i]
		label := show(string(a.Label()), 80)
		if a.Required {
			label = asRequired(label)
		}
		l := newLabelled(label, "", show(string(a.Description), 300))
		l.field.OnSubmitted = func(string) { d.ask() }
		l.field.OnChanged = func(string) { l.fail("") }
		l.field.onFocus = p.follow(l.field)
		d.fields = append(d.fields, l)
		entered.Add(l.box)
	}
	ask := newButton("Show what it gives", buttonPrimary, d.ask)
	d.startedBy(ask)
	entered.Add(buttonRow(ask, d.runner.stop))
	entered.Add(d.runner.box)
	add(d.box, head, card(entered), d.said, d.result.box)
	return d
}

func (d *promptDetail) focus() fyne.Focusable {
	if len(d.fields) > 0 {
		return d.fields[0].field
	}
	return d.runner.start
}

// ask has the server make the messages.
func (d *promptDetail) ask() {
	args := map[string]string{}
	for i := range d.prompt.Arguments {
		a, l := &d.prompt.Arguments[i], d.fields[i]
		if l.field.Text != "" {
			args[string(a.Name)] = l.field.Text
		} else if a.Required {
			l.fail("Fill this in: it is required.")
			d.p.relayout()
			d.p.w.win.Canvas().Focus(l.field)
			return
		}
	}
	server := d.p.offers.mcp
	d.clear()
	var messages *explore.Messages
	d.runner.run("Asking…", func(ctx context.Context, _ progress) (err error) {
		messages, err = server.Prompt(ctx, d.prompt.Name, args)
		return err
	}, func(err error) {
		if d.answered(err, d.ask) {
			d.run = messages.Run
			d.show(messages)
		}
	})
}

func (d *promptDetail) show(m *explore.Messages) {
	var shown []answerPart
	var all []explore.Part
	if words := m.Description.Text(); strings.TrimSpace(words) != "" {
		shown = append(shown, answerPart{lines: []*entry{wordsEntry(clean(words), colorMuted)}})
	}
	for i := range m.Messages {
		part := &m.Messages[i].Part
		all = append(all, *part)
		title := fmt.Sprintf("%d · %s", i+1, show(string(m.Messages[i].Role), 30))
		if text := partsOf([]explore.Part{*part}); len(text) > 0 {
			text[0].title = title
			shown = append(shown, text[0])
		} else {
			shown = append(shown, answerPart{title: title, says: partTitle(part) + ", shown below."})
		}
	}
	if len(m.Messages) == 0 {
		shown = append(shown, answerPart{says: "It gives no messages."})
	}
	d.result.show(shown, all, d.p.flowButton(m.Run))
}
