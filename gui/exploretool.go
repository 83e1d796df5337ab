package gui

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"waybill/explore"
	"waybill/fault"
	"waybill/flow"
)

// toolDetail is a tool: what it says of itself, a form for its arguments, and
// what came of calling it.
type toolDetail struct {
	answering
	tool   *explore.Tool
	args   *argsEditor
	asking *sheet
}

// newToolDetail shows a tool, with the arguments of an earlier call if there was
// one.
func newToolDetail(p *explorePage, t *explore.Tool, from *explore.Call) *toolDetail {
	d := &toolDetail{answering: newAnswering(p, "Result"), tool: t}
	f := t.Form()
	value := f.New()
	if from != nil && from.Tool != nil && len(from.Tool.Arguments) > 0 {
		if filled, err := f.Fill(from.Tool.Arguments); err == nil {
			value = filled
		}
	}
	d.args = newArgsEditor(formViewOptions{w: p.w, changed: func() {}, enter: d.call, follow: p.follow}, f, value, "Arguments")
	call := newButton("Call", buttonPrimary, d.call).withIcon(theme.MediaPlayIcon())
	d.startedBy(call)
	curl := newButton("Copy as curl", buttonPlain, nil).withIcon(theme.ContentCopyIcon())
	curl.onTap = func() { d.curl(); curl.setWords("Copied") }
	curl.onFocus = p.follow(curl)
	add(d.box, d.head(), card(column(12, d.args.box, buttonRow(call, d.runner.stop, curl), d.runner.box)), d.said, d.result.box)
	if from != nil {
		d.box.Objects = append([]fyne.CanvasObject{d.box.Objects[0], p.callBar(from)}, d.box.Objects[1:]...)
	}
	return d
}

func (d *toolDetail) focus() fyne.Focusable {
	if f := d.args.focus(); f != nil {
		return f
	}
	return d.runner.start
}

func (d *toolDetail) leave() {
	d.answering.leave()
	if d.asking != nil {
		d.asking.close()
	}
}

// head is what the tool says of itself.
func (d *toolDetail) head() fyne.CanvasObject {
	t := d.tool
	c := d.p.saidOf(t.Label(), t.Name, t.Description, t.Warnings)
	hints := newChipFlow("")
	hints.show(hintWords(t))
	c.Add(hints)
	return c
}

// saidOf is what a server says of something that it offers, with what is odd about
// it.
func (p *explorePage) saidOf(label, name, description explore.Said, warnings []explore.Warning) *fyne.Container {
	c := column(8, saidTitle(label, name))
	for _, w := range warnings {
		c.Add(noticeCard(w.String()))
	}
	if words := description.Text(); strings.TrimSpace(words) != "" {
		c.Add(foldedText(p, words))
	}
	return c
}

// saidTitle is what something is called, with the name that the protocol uses for
// it where that is another.
func saidTitle(label, name explore.Said) fyne.CanvasObject {
	c := column(2, heading(show(or(string(label), "No name"), 200), sizeTitle))
	if name != "" && name != label {
		c.Add(newText(show(string(name), 300), textStyle{color: colorMuted, size: sizeCaption, wrap: true, style: fyne.TextStyle{Monospace: true}}))
	}
	return c
}

// hintWords say what a tool says that it does. It cannot be relied on.
func hintWords(t *explore.Tool) []string {
	var out []string
	switch {
	case t.ReadOnly:
		out = append(out, "Says that it changes nothing")
	case t.Destructive:
		out = append(out, "May delete or overwrite")
	default:
		out = append(out, "Adds, deletes nothing")
	}
	if t.Idempotent && !t.ReadOnly {
		out = append(out, "Twice is as good as once")
	}
	if t.OpenWorld {
		return append(out, "May reach other systems")
	}
	return append(out, "Stays within its server")
}

// foldedFrom is from how many characters on a text is folded, and foldedLines how
// much of it is shown then.
const (
	foldedFrom  = 320
	foldedLines = 4
)

// foldedText is a paragraph of a server's, the beginning of it where it is long.
func foldedText(p *explorePage, words string) fyne.CanvasObject {
	t := newText(words, textStyle{size: labelSize, wrap: true})
	if len([]rune(words)) < foldedFrom && strings.Count(words, "\n") < foldedLines {
		return t
	}
	t.lines = foldedLines
	var open *link
	open = newLink("Show all of it", func() {
		open.words = "Show less"
		if t.lines == 0 {
			t.lines, open.words = foldedLines, "Show all of it"
		} else {
			t.lines = 0
		}
		t.wraps = [4]wrapped{}
		t.Refresh()
		open.Refresh()
		p.relayout()
	})
	open.onFocus = p.follow(open)
	return column(4, t, row(0, nil, open))
}

// call checks the arguments and calls the tool. One that may destroy something
// asks first.
func (d *toolDetail) call() {
	if d.runner.running {
		return
	}
	args, focus, ok := d.args.check()
	if !ok {
		d.p.relayout()
		if focus != nil {
			d.p.w.win.Canvas().Focus(focus)
		}
		return
	}
	if d.tool.Destructive {
		d.ask(args)
		return
	}
	d.callWith(args)
}

// ask names the tool and the arguments before something is called that may
// destroy.
func (d *toolDetail) ask(args json.RawMessage) {
	l := newLedger("Arguments")
	lines := short(bodyEntries(string(args)))
	if len(lines) > 60 {
		lines = append(lines[:60:60], wordsEntry(fmt.Sprintf("… and %d lines more", len(lines)-60), colorMuted))
	}
	l.set(lines)
	words := "The tool does not say that it leaves alone what is there: it may delete or overwrite something at " + show(d.p.account.Connection.DisplayTitle(), 60) + "."
	body := column(12, newText(words, textStyle{wrap: true}), titled("Tool", newText(show(string(d.tool.Name), 300), textStyle{wrap: true, style: fyne.TextStyle{Monospace: true}}), ""),
		titled("Arguments", inset(insets{0, 4, 0, 4}, newPanel(l, panelStyle{fill: colorCard, border: theme.ColorNameSeparator, radius: 8, pad: even(10)})), ""))
	var s *sheet
	call := newButton("Call it", buttonDanger, func() { s.close(); d.callWith(args) })
	keep := newButton("Do not call", buttonPlain, func() { s.close() })
	s = d.p.w.openSheet(sheetOptions{title: "Call “" + show(string(d.tool.Label()), 60) + "”?", body: body, width: 520, buttons: []fyne.CanvasObject{keep, call}, focus: keep,
		closed: func() { d.asking = nil }})
	d.asking = s
}

// callWith calls the tool.
func (d *toolDetail) callWith(args json.RawMessage) {
	p := d.p
	d.clear()
	server, began := p.offers.mcp, p.w.o.Now()
	var result *explore.Result
	d.runner.run("Calling…", func(ctx context.Context, tell progress) (err error) {
		result, err = server.Call(ctx, d.tool, args, func(pr explore.Progress) { tell(pr.Done, pr.Total, show(string(pr.Message), 200)) })
		return err
	}, func(err error) {
		p.fetchHistory()
		if d.answered(err, d.call) {
			d.run = result.Run
			d.show(result, explore.Call{At: began, Tool: &explore.ToolCall{Name: d.tool.Name, Arguments: args}, Failed: result.Failed, Took: result.Took})
		}
	})
}

// show shows the result.
func (d *toolDetail) show(r *explore.Result, call explore.Call) {
	head := answerPart{lines: []*entry{wordsEntry("The tool answered after "+took(r.Took)+".", theme.ColorNameSuccess)}}
	if r.Failed {
		head.lines = []*entry{wordsEntry("The tool says that it failed, after "+took(r.Took)+".", theme.ColorNameError)}
	}
	parts := append([]answerPart{head}, partsOf(r.Parts)...)
	if len(r.Parts) == 0 && r.Structured == nil {
		parts = append(parts, answerPart{says: "The answer is empty."})
	}
	if r.Structured != nil || r.Verdict == explore.Missing {
		parts = append(parts, structuredPart(r))
	}
	star := smallButton("Make it a favourite", buttonPlain, func() {
		d.p.askName("", func(h *explore.History, name string) error { return h.Name(h.Add(call).ID, name) })
	})
	d.result.show(parts, r.Parts, d.p.flowButton(r.Run), star)
}

// structuredPart is the structured content, with what the tool promised of it.
func structuredPart(r *explore.Result) answerPart {
	words, ink := "", colorMuted
	switch r.Verdict {
	case explore.Conforms:
		words, ink = "As the tool's output schema promises.", theme.ColorNameSuccess
	case explore.Breaks:
		words, ink = "Not as the tool's output schema promises: "+show(r.Why, 300), theme.ColorNameError
	case explore.Missing:
		words, ink = "The tool's output schema promises it, and there is none.", theme.ColorNameError
	case explore.Unchecked:
		words = "Not checked: " + show(r.Why, 300)
	default:
		words = "The tool has no output schema, so that nothing was promised of it."
	}
	return answerPart{title: "Structured content", lines: []*entry{wordsEntry(words, ink)}, text: string(r.Structured)}
}

// curl copies the call as a command.
func (d *toolDetail) curl() {
	c := d.p.account.Connection
	script := flow.Curl(explore.ToolDraft(c.Resource.URL, d.p.offers.server.Protocol, c.DPoP, explore.ToolCall{Name: d.tool.Name, Arguments: d.args.now()}))
	d.p.w.copy(script.Text)
}

// flowButton leads to the steps of a call; nil run: there are none.
func (p *explorePage) flowButton(run uint64) fyne.CanvasObject {
	b := smallButton("Open in Flow", buttonPlain, func() { p.showRun(run) })
	b.setEnabled(run != 0)
	b.onFocus = p.follow(b)
	return b
}

// faultCard says why there is no answer, and what can be done.
func (p *explorePage) faultCard(f *fault.Fault, again func(), run uint64) fyne.CanvasObject {
	if f.Kind == fault.Canceled {
		return noticeCard("Cancelled. The server was told; what it had done by then is done.")
	}
	body := column(8, newText(show(f.Message, 400), textStyle{color: colorFaultText, style: fyne.TextStyle{Bold: true}, wrap: true}))
	if f.Remedy != "" {
		body.Add(newText(show(f.Remedy, 400), textStyle{color: colorFaultText, size: labelSize, wrap: true}))
	}
	if f.Server != "" {
		body.Add(serverWords(f))
	}
	var buttons []fyne.CanvasObject
	switch f.Kind {
	case fault.SignInNeeded, fault.StepUp:
		buttons = append(buttons, smallButton("Sign in again", buttonPlain, p.w.signInAgain))
	case fault.Invalid, fault.Hostile:
	default:
		buttons = append(buttons, smallButton("Try again", buttonPlain, again))
	}
	if run != 0 {
		buttons = append(buttons, p.flowButton(run))
	}
	if len(buttons) > 0 {
		body.Add(buttonRow(buttons...))
	}
	return newPanel(body, panelStyle{fill: colorFault, border: colorFaultBorder, radius: 10, pad: even(14)})
}
