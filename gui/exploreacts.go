package gui

import "fyne.io/fyne/v2"

// exploreCommands are about what the resource offers.
func (w *Window) exploreCommands() []*command {
	on := func(allowed func(*explorePage) bool) func() bool {
		return func() bool { p := w.explorer(); return p != nil && allowed(p) }
	}
	with := func(f func(*explorePage)) func() {
		return func() {
			if p := w.explorer(); p != nil {
				f(p)
			}
		}
	}
	return []*command{
		{id: "explorer", group: groupExplore, title: "Explorer: what the resource offers", strokes: []stroke{{key: fyne.KeyB, mod: ctrl}}, enabled: w.canLeave, run: w.showExplorer},
		{id: "explorer-call", group: groupExplore, title: "Call or send it", strokes: []stroke{{key: fyne.KeyReturn, mod: ctrl}},
			enabled: on(func(p *explorePage) bool { r := p.running(); return r != nil && !r.running }), run: with(func(p *explorePage) { p.running().start.Tapped(nil) })},
		{id: "explorer-cancel", group: groupExplore, title: "Cancel the call",
			enabled: on(func(p *explorePage) bool { r := p.running(); return r != nil && r.running }), run: with(func(p *explorePage) { p.running().cancel() })},
		{id: "explorer-curl", group: groupExplore, title: "Copy the call as curl",
			enabled: on(func(p *explorePage) bool { _, is := p.detail.(interface{ curl() }); return is }), run: with(func(p *explorePage) { p.detail.(interface{ curl() }).curl() })},
		{id: "explorer-flow", group: groupExplore, title: "Show the steps of the call",
			enabled: on(func(p *explorePage) bool { return p.run() != 0 }), run: with(func(p *explorePage) { p.showRun(p.run()) })},
		{id: "explorer-fold", group: groupExplore, title: "Fold all of the answer, but for its outermost members",
			enabled: on(func(p *explorePage) bool { return p.answer() != nil }), run: with(func(p *explorePage) { p.answer().foldAll(true) })},
		{id: "explorer-unfold", group: groupExplore, title: "Unfold all of the answer",
			enabled: on(func(p *explorePage) bool { return p.answer() != nil }), run: with(func(p *explorePage) { p.answer().foldAll(false) })},
		{id: "explorer-list", group: groupExplore, title: "Go to the list", enabled: on(func(p *explorePage) bool { return p.split.box.Visible() }), run: with((*explorePage).toList)},
		{id: "explorer-again", group: groupExplore, title: "Ask again what is offered", enabled: on(func(p *explorePage) bool { return !p.again.disabled }), run: with((*explorePage).load)},
		{id: "explorer-forget", group: groupExplore, title: "Clear the history of calls, but not the favourites",
			enabled: on(func(p *explorePage) bool { return p.history != nil && len(p.history.Calls) > 0 }), run: with((*explorePage).clearHistory)},
	}
}

// running is what the chosen one is called by; nil where nothing can be called.
func (p *explorePage) running() *runner {
	if d, is := p.detail.(interface{ by() *runner }); is && d.by().start.onTap != nil {
		return d.by()
	}
	return nil
}

// answer is what is shown of an answer that has something to fold; nil: there is
// none.
func (p *explorePage) answer() *resultView {
	if d, is := p.detail.(interface{ view() *resultView }); is && d.view().box.Visible() && d.view().folds.Visible() {
		return d.view()
	}
	return nil
}

// run is the run that recorded the call whose answer is shown; 0: there is none.
func (p *explorePage) run() uint64 {
	if d, is := p.detail.(interface{ recorded() uint64 }); is {
		return d.recorded()
	}
	return 0
}
