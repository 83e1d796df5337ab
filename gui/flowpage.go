package gui

import (
	"slices"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"waybill/fault"
	"waybill/flow"
	"waybill/session"
	"waybill/transport"
)

// discoveryStep stands for the discovery, which comes before the steps, where
// else the number of a step does.
const discoveryStep = -1

// flowPage shows the steps of Cross App Access as they ran: the time line, and
// of the chosen step what was sent, what came back, what its token says, how to
// repeat it by hand, and what was checked.
type flowPage struct {
	*frame
	runs    []*flow.Run // the newest first
	run     *flow.Run   // the one that is shown; nil if there is none
	pinned  uint64      // the run that was chosen; 0: it is always the newest
	at      int         // the step that is shown, or discoveryStep
	chosen  bool        // the user chose it, so it stays
	tab     flowTab
	picked  uint64 // the exchange that was chosen of several; 0: the last
	token   int    // the token that was chosen of several
	mailbox *mailbox[[]*flow.Run]
	unwatch func()
	timer   *time.Timer
	gone    bool

	summary             *text
	picker, again, save *button
	newer               *link // leads to the newest run, where another one is shown
	cards               *flowCards
	discovery           *flowDiscovery
	empty               *emptyState
	parts               *fyne.Container // of a run: time line, failure, tabs
	failure             *fyne.Container
	tabs                *tabStrip
	body                *fyne.Container
	finder              *finder
	ledger              *ledger // of the tab, for the finder; nil if there is none
	ticking             []func(now time.Time)
	shown               flowShown
}

// flowShown is what the lower part shows: it is made anew only where that is
// another.
type flowShown struct {
	run       uint64
	at        int
	tab       flowTab
	token     int
	exchange  uint64
	exchanges int
	done      bool
	state     flow.State
	fault     *fault.Fault
	causes    int
	value     *flow.Token
	checks    int
	newest    bool
}

// showFlow goes to the page of the steps.
func (w *Window) showFlow() { w.show(newFlowPage(w)) }

// flow is the page of the steps, nil while another one is shown.
func (w *Window) flow() *flowPage {
	p, _ := w.page.(*flowPage)
	return p
}

func newFlowPage(w *Window) *flowPage {
	p := &flowPage{tab: tabToken, failure: column(0), body: column(12)}
	p.frame = newFrame(w, w.showHome)
	p.top, p.nav, p.width = true, navFlow, 1240
	p.cards = newFlowCards(p.choose)
	p.discovery = newFlowDiscovery(func() { p.choose(discoveryStep) })
	p.tabs = newTabStrip(flowTabs(), p.showTab)
	p.finder = newFinder(w, p)
	p.empty = newEmptyState()
	p.parts = column(12, p.cards.box, p.discovery.panel, p.failure, p.tabs.box, p.body)
	for _, f := range append(p.cards.areas(), &p.discovery.area.press, &p.tabs.buttons[0].press) {
		p.keepInSight(f)
	}
	p.fill(p.flowHead(), stack(p.parts, inset(insets{40, 0, 0, 0}, p.empty.box)))
	p.scroll.OnScrolled = func(fyne.Position) { p.look() }
	p.mailbox = newMailbox(w.o.Do, func(runs *[]*flow.Run) { p.apply(*runs) })
	p.apply(w.backend.Runs())
	p.unwatch = w.backend.WatchRuns(func(runs []*flow.Run) { p.mailbox.put(&runs) })
	return p
}

// flowHead is the title with what there is to say of the run, and the buttons.
func (p *flowPage) flowHead() fyne.CanvasObject {
	p.summary = newText("", textStyle{color: colorMuted, full: true})
	title := newText("Flow", textStyle{size: sizeTitle, style: fyne.TextStyle{Bold: true}, full: true})
	p.picker = newButton("Runs", buttonPlain, p.openRuns).withIcon(theme.HistoryIcon())
	p.again = newButton("Run again", buttonPlain, p.openAgain).withIcon(theme.ViewRefreshIcon())
	p.save = newButton("Export trace", buttonPlain, p.openExport).withIcon(theme.DocumentSaveIcon())
	probes := newButton("Probes", buttonPlain, p.w.showProbes)
	p.newer = newLink("Show the newest", p.showNewest)
	p.newer.Hide()
	words := container.New(&flowTitleLayout{}, p.menu, title, p.summary, newLink("What is this?", p.w.showLearn), p.newer)
	return column(4, inset(insets{0, 0, 0, -buttonPadX}, row(0, nil, p.back)),
		container.New(barLayout{}, words, container.New(&wrapLayout{gap: 8, right: true}, p.picker, p.again, p.save, probes)),
		p.finder.box)
}

// keepInSight scrolls to what gets the focus.
func (p *flowPage) keepInSight(f *press) {
	f.onFocus = func() { bringIntoSight(p.scroll, f.self) }
}

func (p *flowPage) content() fyne.CanvasObject { return p.box }
func (p *flowPage) stays()                     {}

func (p *flowPage) leave() {
	p.gone = true
	p.unwatch()
	p.w.secrets.hide()
	if p.timer != nil {
		p.timer.Stop()
	}
	p.detach()
}

func (p *flowPage) stateChanged(s *session.State) {
	p.frame.stateChanged(s)
	p.showButtons()
	if p.run == nil {
		p.show()
	}
}

func (p *flowPage) escape() {
	switch {
	case p.escapes():
	case p.finder.close():
	default:
		p.w.showHome()
	}
}

// runThatMatters is the newest run in which more happened than a call with a
// token that was there: those come every few minutes, and say nothing of the
// steps before. What the Explorer called is opened from there. nil: there is none
// at all.
func runThatMatters(runs []*flow.Run) *flow.Run {
	for _, r := range runs {
		failed := slices.ContainsFunc(r.Steps[:], func(s flow.Step) bool { return s.State == flow.Failed })
		if r.Reason != flow.ReasonProbe && r.Reason != flow.ReasonExplore && (r.Reason != flow.ReasonCall || failed) {
			return r
		}
	}
	if len(runs) == 0 {
		return nil
	}
	return runs[0]
}

// apply shows these runs: the newest one, or the one that was chosen as long as
// it is kept.
func (p *flowPage) apply(runs []*flow.Run) {
	if p.gone {
		return
	}
	p.runs = slices.Clone(runs)
	slices.SortFunc(p.runs, func(a, b *flow.Run) int { return int(int64(b.ID) - int64(a.ID)) })
	run := runThatMatters(p.runs)
	if i := slices.IndexFunc(p.runs, func(r *flow.Run) bool { return r.ID == p.pinned }); i >= 0 {
		run = p.runs[i]
	} else {
		p.pinned = 0
	}
	p.showRun(run)
}

// showRun shows a run. Unless the user has chosen a step, it is the one that
// matters: the failed one, the one under way, else the last that brought a token.
func (p *flowPage) showRun(run *flow.Run) {
	if run != nil && (p.run == nil || p.run.ID != run.ID) {
		p.picked, p.token = 0, 0
	}
	p.run = run
	if run != nil && !p.chosen {
		p.at = stepThatMatters(run)
		if p.tab == tabToken && run.Steps[p.at].State == flow.Failed {
			p.tab = tabResponse // there is no token to be seen
		}
	}
	p.show()
}

// isLast reports whether the newest run is shown.
func (p *flowPage) isLast() bool { return p.run == p.runs[0] }

// showNewest goes back to following what happens.
func (p *flowPage) showNewest() {
	p.pinned, p.chosen = 0, false
	p.showRun(runThatMatters(p.runs))
}

// stepThatMatters is the step that a run is shown with at first.
func stepThatMatters(run *flow.Run) int {
	at := 0
	for i := range run.Steps {
		switch s := &run.Steps[i]; {
		case s.State == flow.Failed || s.State == flow.Running:
			return i
		case s.State == flow.Done && s.Token != nil:
			at = i
		}
	}
	return at
}

// step is what is shown below the time line; for the discovery a step is made
// of it.
func (p *flowPage) step() *flow.Step {
	if p.at != discoveryStep {
		return &p.run.Steps[p.at]
	}
	s := &flow.Step{Name: fault.StepDiscovery, State: flow.Done, Exchanges: p.run.Discovery}
	for i := range p.run.Discovery {
		s.State = flow.Done
		if !p.run.Discovery[i].Done {
			s.State = flow.Running
		}
	}
	return s
}

// show brings everything up to date.
func (p *flowPage) show() {
	visible(p.parts, p.run != nil)
	visible(p.empty.box, p.run == nil)
	p.showButtons()
	if p.run == nil {
		p.summary.set("")
		p.empty.show(p.whyEmpty())
		p.body.RemoveAll()
		p.relayout()
		return
	}
	now := p.w.o.Now()
	visible(p.newer, p.run != runThatMatters(p.runs))
	p.summary.set(summaryOf(p.run, p.isLast(), now))
	p.cards.show(p.run, p.at, now)
	p.discovery.show(p.run, p.at == discoveryStep)
	p.showLower()
	p.schedule()
}

// showLower makes what is below the time line anew, where that is another.
func (p *flowPage) showLower() {
	s, e := p.step(), p.exchange()
	is := flowShown{run: p.run.ID, at: p.at, tab: p.tab, token: p.token, exchanges: len(s.Exchanges), state: s.State,
		fault: s.Fault, causes: len(s.Causes), value: s.Token, checks: len(s.Checks), newest: p.run == p.runs[0]}
	if e != nil {
		is.exchange, is.done = e.ID, e.Done
	}
	if is == p.shown {
		p.relayout()
		return
	}
	moved := is.run != p.shown.run || is.at != p.shown.at || is.tab != p.shown.tab
	p.shown = is
	p.w.secrets.hide()
	p.failure.RemoveAll()
	if s.Fault != nil {
		p.failure.Add(p.failureCard(s))
	}
	visible(p.failure, s.Fault != nil)
	p.showBody(moved)
	p.relayout()
}

// relayout gives everything its room, once the page is on screen.
func (p *flowPage) relayout() {
	if p.box != nil && p.w.win.Content() != nil {
		p.w.relayout()
		p.look()
	}
}

// text is what can be searched.
func (p *flowPage) text() (*ledger, *container.Scroll) { return p.ledger, p.scroll }

// fetchText shows the answer.
func (p *flowPage) fetchText() { p.showTab(tabResponse) }

// look lets the text draw what has come into sight.
func (p *flowPage) look() {
	if p.ledger != nil {
		p.ledger.look()
	}
}

// exchange is the one whose request and answer are shown, nil if there is none.
func (p *flowPage) exchange() *transport.Recording {
	all := p.step().Exchanges
	for i := range all {
		if all[i].ID == p.picked {
			return &all[i]
		}
	}
	if len(all) == 0 {
		return nil
	}
	return &all[len(all)-1]
}

// choose shows another step.
func (p *flowPage) choose(at int) {
	if p.run == nil {
		return
	}
	p.at, p.chosen, p.picked, p.token = at, true, 0, 0
	p.pinned = p.run.ID // whoever looks at it does not want another one under the eyes
	p.show()
}

// showTab shows another side of the step.
func (p *flowPage) showTab(t flowTab) {
	p.tab = t
	p.tabs.set(t)
	if p.run != nil {
		p.pinned = p.run.ID
		p.show()
	}
}

// tickNow brings what counts up or down up to date.
func (p *flowPage) tickNow() {
	now := p.w.o.Now()
	if p.run == nil {
		return
	}
	p.summary.set(summaryOf(p.run, p.isLast(), now))
	p.cards.show(p.run, p.at, now)
	for _, f := range p.ticking {
		f(now)
	}
}

// How often what counts is brought up to date: a run under way, and a token.
const (
	tickRunning = 200 * time.Millisecond
	tickToken   = time.Second
)

// schedule wakes the page as long as something on it counts.
func (p *flowPage) schedule() {
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
	every := time.Duration(0)
	switch {
	case p.gone || p.run == nil:
	case p.run.Running:
		every = tickRunning
	case counts(p.run, p.w.o.Now()):
		every = tickToken
	}
	if every == 0 {
		return
	}
	p.timer = time.AfterFunc(every, func() {
		p.w.o.Do(func() {
			if !p.gone {
				p.tickNow()
				p.schedule()
			}
		})
	})
}
