package gui

import (
	"context"

	"fyne.io/fyne/v2"

	"waybill/connection"
	"waybill/fault"
	"waybill/session"
)

// This file holds what can be done on the Flow page.

// flowCommands are about the steps of Cross App Access.
func (w *Window) flowCommands() []*command {
	onFlow := func(allowed func(*flowPage) bool) func() bool {
		return func() bool { p := w.flow(); return p != nil && p.run != nil && allowed(p) }
	}
	with := func(f func(*flowPage)) func() {
		return func() {
			if p := w.flow(); p != nil {
				f(p)
			}
		}
	}
	onProbes := func(allowed func(*probesPage) bool) func() bool {
		return func() bool { p, is := w.page.(*probesPage); return is && allowed(p) }
	}
	probing := func(f func(*probesPage)) func() {
		return func() {
			if p, is := w.page.(*probesPage); is {
				f(p)
			}
		}
	}
	finder := func() *finder {
		if p := w.explorer(); p != nil {
			return p.finder
		}
		if p := w.flow(); p != nil && p.run != nil {
			return p.finder
		}
		return nil
	}
	finding := func() bool { f := finder(); return f != nil && f.box.Visible() }
	return []*command{
		{id: "flow", group: groupFlow, title: "Flow: every step of the access", strokes: []stroke{{key: fyne.KeyT, mod: ctrl}}, enabled: w.canLeave, run: w.showFlow},
		{id: "run-again", group: groupFlow, title: "Run the steps again", strokes: []stroke{{key: fyne.KeyR, mod: ctrl | fyne.KeyModifierShift}},
			enabled: func() bool { p := w.flow(); return p != nil && p.canRun() }, run: with(func(p *flowPage) { p.runAgain(fault.StepExchange) })},
		{id: "runs", group: groupFlow, title: "Show an earlier run", enabled: onFlow(func(p *flowPage) bool { return len(p.runs) > 1 }), run: with((*flowPage).openRuns)},
		{id: "export-trace", group: groupFlow, title: "Export the trace…", enabled: onFlow(func(*flowPage) bool { return true }), run: with((*flowPage).openExport)},
		{id: "find-next", group: groupFlow, title: "Next match", strokes: []stroke{{key: fyne.KeyF3}}, enabled: finding, run: func() { finder().step(1) }},
		{id: "find-previous", group: groupFlow, title: "Match before", strokes: []stroke{{key: fyne.KeyF3, mod: fyne.KeyModifierShift}}, enabled: finding,
			run: func() { finder().step(-1) }},
		{id: "probes", group: groupFlow, title: "Probes: does the other side refuse what it should?", enabled: w.canLeave, run: w.showProbes},
		{id: "send-probes", group: groupFlow, title: "Send the chosen probes…", enabled: onProbes(func(p *probesPage) bool { return !p.running && !p.start.disabled }), run: probing((*probesPage).ask)},
		{id: "export-scorecard", group: groupFlow, title: "Export the scorecard…", enabled: onProbes(func(p *probesPage) bool { return p.card != nil }), run: probing((*probesPage).openExport)},
		{id: "learn", group: groupFlow, title: "How Cross App Access works", enabled: w.canLeave, run: w.showLearn},
	}
}

// canRun reports whether the steps can be run: somebody has to be signed in.
func (p *flowPage) canRun() bool {
	return p.w.state.Phase == session.SignedIn && !p.w.state.SignInNeeded && (p.run == nil || !p.run.Running)
}

func (p *flowPage) showButtons() {
	p.again.setEnabled(p.w.state.Phase == session.SignedIn && (p.run == nil || !p.run.Running))
	p.save.setEnabled(p.run != nil)
	p.picker.setEnabled(len(p.runs) > 1)
}

// whyEmpty says why there is no run to be shown.
func (p *flowPage) whyEmpty() emptyReason {
	words := "What Waybill exchanges with your identity provider and with the resource is shown here, step by step, as soon as it does so."
	switch s := p.w.state; {
	case s.Phase == session.SignedIn && s.SignInNeeded:
		return emptyReason{title: "Nothing was exchanged yet", words: words + " Your session has ended.", action: "Sign in", act: p.w.signInAgain}
	case s.Phase == session.SignedIn:
		return emptyReason{title: "Nothing was exchanged yet", words: words, action: "Run the steps now", act: func() { p.runAgain(fault.StepExchange) }}
	default:
		return emptyReason{title: "Nobody is signed in", words: words + " Sign in to see the first run.", action: "Choose a connection", act: p.w.showConnections}
	}
}

// openAgain offers what can be run again.
func (p *flowPage) openAgain() {
	item := func(words string, from fault.Step) *fyne.MenuItem {
		return fyne.NewMenuItem(words, func() { p.runAgain(from) })
	}
	signIn := fyne.NewMenuItem("All steps, with a new sign-in in the browser", func() { p.w.signInAgain() })
	m := fyne.NewMenu("", item("From the token exchange on", fault.StepExchange), item("Only the call to the resource", fault.StepCall), signIn)
	if p.w.state.SignInNeeded {
		m.Items[0].Disabled, m.Items[1].Disabled = true, true
	}
	p.openMenuAt(m, p.again)
}

// runAgain runs the steps from this one on, and shows the run that comes of it.
func (p *flowPage) runAgain(from fault.Step) {
	if !p.canRun() {
		return
	}
	p.pinned, p.chosen = 0, false
	p.again.Disable()
	p.w.runFrom(from, func(err error) {
		if p.gone {
			return
		}
		p.showButtons()
		// What failed at a step is shown there; the rest has no other place.
		if err != nil && (p.run == nil || p.run.Step(fault.As(err).Step) == nil) {
			p.w.report(err)
		}
	})
}

// runFrom runs the steps from this one on.
func (w *Window) runFrom(from fault.Step, done func(error)) {
	w.tasks.start(func(ctx context.Context) error { return w.backend.RunAgain(ctx, from) }, done)
}

// openRuns lets one of the runs be chosen.
func (p *flowPage) openRuns() {
	m, now := fyne.NewMenu(""), p.w.o.Now()
	for _, r := range p.runs {
		item := fyne.NewMenuItem(runWords(r, now), func() {
			p.pinned, p.chosen = r.ID, false
			p.showRun(r)
		})
		item.Checked = r == p.run
		m.Items = append(m.Items, item)
	}
	p.openMenuAt(m, p.picker)
}

// openExport asks where to write the trace, and as what.
func (p *flowPage) openExport() {
	run := p.run
	if run == nil {
		return
	}
	p.w.openSaveAs(saveAs{
		title: "Export the trace", name: "waybill-trace", at: run.Began,
		formats: []saveFormat{
			{"JSON", ".json", "Everything that stands on this page: the steps with what was sent, what came back, the tokens' claims, the checks and the causes. Secrets are left out, so that the file can be handed on.",
				func() ([]byte, error) { return traceOf(run, p.w.o.Version) }},
			{"HAR, for other tools", ".har", "The exchanges alone, in the format of browsers and proxies. Secrets are left out, so that the file can be handed on.",
				func() ([]byte, error) { return harOf(run, p.w.o.Version) }},
		},
	})
}

// editField opens the form of a connection of the user's own, at one of its
// fields; "": at its beginning.
func (w *Window) editField(name string, of connection.Field) {
	page := w.page
	var saved session.Saved
	w.tasks.start(func(ctx context.Context) (err error) {
		saved, err = w.backend.SavedSecrets(ctx, name)
		return err
	}, func(err error) {
		if w.page != page {
			return
		}
		if err != nil {
			w.reportAt(name, err)
			return
		}
		p := newConnectPage(w, editForm(w.connection(name).Connection, saved))
		w.show(p)
		p.goTo(of)
	})
}
