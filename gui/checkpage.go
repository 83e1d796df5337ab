package gui

import (
	"context"
	"fmt"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"waybill/session"
	"waybill/wording"
)

// checkPage checks a connection: the verdicts come as they are found.
type checkPage struct {
	*frame
	name   string
	checks []session.Check
	run    int // counts the runs: what comes late from an earlier one is nothing
	over   bool
	stop   context.CancelFunc

	state               *text
	list                *fyne.Container
	again, cancel, copy *button
}

func newCheckPage(w *Window, name string) *checkPage {
	p := &checkPage{frame: newFrame(w, w.showConnections), name: name, list: column(0)}
	p.state = newText("", textStyle{color: colorMuted, wrap: true})
	p.again = newButton("Check again", buttonPlain, p.begin).withIcon(theme.ViewRefreshIcon())
	p.cancel = newButton("Cancel", buttonPlain, func() { p.stop() })
	p.copy = newButton("Copy as text", buttonPlain, p.copyAll).withIcon(theme.ContentCopyIcon())
	title := show(w.connection(name).Connection.DisplayTitle(), 60)
	p.fill(p.head("Check of “"+title+"”", p.cancel, p.again, p.copy), column(8, p.state, p.list))
	p.begin()
	return p
}

// begin runs the checks.
func (p *checkPage) begin() {
	var ctx context.Context
	ctx, p.stop = context.WithCancel(p.w.tasks.ctx)
	stop := p.stop
	p.run++
	mine := p.run
	p.checks, p.over = nil, false
	p.list.RemoveAll()
	p.showState()
	p.w.tasks.start(func(context.Context) error {
		defer stop()
		p.w.backend.CheckConnection(ctx, p.name, func(c session.Check) {
			p.w.o.Do(func() {
				if p.run == mine && !p.over {
					p.found(c)
				}
			})
		})
		return ctx.Err()
	}, func(err error) {
		if p.run == mine && !p.over {
			p.over = true
			p.showEnd(err != nil)
		}
	})
}

// found adds a verdict to the list.
func (p *checkPage) found(c session.Check) {
	if c.Code == "canceled" {
		return // it was this page that ended it
	}
	p.checks = append(p.checks, c)
	var more []fyne.CanvasObject
	info := p.w.connection(p.name)
	switch {
	case c.Code == changedServer:
		more = append(more, smallButton("Look at it", buttonPlain, func() { p.w.review(p.name) }))
	case (c.Verdict == session.Refuted || c.Verdict == session.Warned) && c.Field != "" && !info.BuiltIn && info.Placed == "":
		more = append(more, smallButton("Edit the connection", buttonPlain, func() { p.w.editConnection(p.name) }))
	}
	if len(more) > 0 {
		more = []fyne.CanvasObject{row(0, nil, more[0])}
	}
	p.list.Add(checkLine(c).object(more...))
	p.showState()
}

// showState says how far it is.
func (p *checkPage) showState() {
	words := "Looking at every step of the connection…"
	if len(p.checks) > 0 {
		words = p.count() + " so far; looking on…"
	}
	p.show(words)
}

func (p *checkPage) showEnd(cancelled bool) {
	words := p.count() + "."
	if cancelled {
		words = "Cancelled. " + capital(words)
	}
	p.show(words)
	if !cancelled {
		delete(p.w.lasts, p.name)
	}
	for i := len(p.checks) - 1; i >= 0; i-- { // the first failure is what its entry says
		if c := p.checks[i]; c.Verdict == session.Refuted {
			p.w.lasts[p.name] = checkFault(c)
		}
	}
}

func (p *checkPage) show(words string) {
	p.state.set(words)
	visible(p.cancel, !p.over)
	visible(p.again, p.over)
	p.copy.setEnabled(len(p.checks) > 0)
	if p.box != nil {
		p.w.relayout()
	}
}

// count is how many checks ended how.
func (p *checkPage) count() string {
	many := map[session.Verdict]int{}
	for _, c := range p.checks {
		many[c.Verdict]++
	}
	parts := []string{fmt.Sprintf("%d passed", many[session.Passed])}
	if n := many[session.Warned]; n > 0 {
		parts = append(parts, wording.Plural(n, "warning", "warnings"))
	}
	if n := many[session.Refuted]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", n))
	}
	if n := many[session.CannotTell]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d could not be told", n))
	}
	return strings.Join(parts, ", ")
}

// copyAll puts all verdicts on the clipboard.
func (p *checkPage) copyAll() {
	lines := []string{"Check of the connection " + p.name + ", " + exactTime(p.w.o.Now(), p.w.o.Now())}
	for _, c := range p.checks {
		lines = append(lines, fmt.Sprintf("%s: %s. %s %s", c.Verdict, c.Name, c.Finding, c.Remedy))
		if c.Server != "" {
			lines = append(lines, "    The server's own words: "+c.Server)
		}
	}
	p.w.copy(strings.Join(lines, "\n") + "\n")
	p.copy.setWords("Copied")
}

func (p *checkPage) content() fyne.CanvasObject { return p.box }
func (p *checkPage) stays()                     {}

func (p *checkPage) leave() {
	p.over = true
	p.stop()
	p.detach()
}

func (p *checkPage) escape() {
	if !p.escapes() {
		p.w.showConnections()
	}
}
