package gui

import (
	"context"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"waybill/connection"
	"waybill/explore"
	"waybill/fault"
	"waybill/session"
)

// explorePage shows what the resource of the open account offers, and calls it:
// a list at the left, and what is chosen of it at the right.
type explorePage struct {
	*frame
	account *session.AccountInfo // whose resource is shown; nil: nobody's
	stop    context.CancelFunc   // of the listing under way
	turn    int                  // counts the listings
	loading bool
	failed  *fault.Fault // why there is no listing
	offers  offered
	history *explore.History
	watches map[string]*watch // by URI
	gone    bool

	summary   *text
	again     *button
	filter    *field
	nothing   *text // in the place of a list that is empty
	list      *offerList
	split     *exploreSplit
	toTheList *fyne.Container // from the chosen one to the list, where there is no room for both
	holder    *fyne.Container
	empty     *emptyState
	finder    *finder
	key       string // of what is shown
	detail    exploreDetail
}

// offered is what the resource offers.
type offered struct {
	mcp       MCPServer // nil with a REST API
	rest      RESTServer
	server    *explore.Server
	tools     *explore.List[explore.Tool]
	resources *explore.List[explore.Resource]
	templates *explore.List[explore.Template]
	prompts   *explore.List[explore.Prompt]
	endpoints *explore.Endpoints
	problems  []string // what could not be listed, in sentences
}

// exploreDetail is what is shown of one offer.
type exploreDetail interface {
	object() fyne.CanvasObject
	focus() fyne.Focusable // what has the focus when one goes to it; nil: nothing
	text() *ledger         // what can be searched; nil: nothing
	leave()                // it is about to be replaced
}

// showExplorer goes to the page of what the resource offers.
func (w *Window) showExplorer() { w.show(newExplorePage(w)) }

// explorer is the page of what the resource offers, nil while another one is
// shown.
func (w *Window) explorer() *explorePage {
	p, _ := w.page.(*explorePage)
	return p
}

func newExplorePage(w *Window) *explorePage {
	p := &explorePage{holder: column(12), stop: func() {}, watches: map[string]*watch{}}
	p.frame = newFrame(w, w.showHome)
	p.top, p.nav, p.width = true, navExplorer, 1240
	p.frame.scroll = container.NewVScroll(inset(insets{splitEdge, 12, 28, splitEdge}, p.holder))
	p.filter = newField("Find in the list")
	p.filter.OnChanged = func(string) { p.showList() }
	p.filter.OnSubmitted = func(string) { p.toList() }
	p.filter.onKey = p.filterKey
	p.filter.onEscape = func() bool {
		was := p.filter.Text != ""
		p.filter.SetText("")
		p.toList()
		return was
	}
	p.list = newOfferList(p.choose)
	p.nothing = newText("", textStyle{color: colorMuted, align: fyne.TextAlignCenter, wrap: true})
	p.toTheList = row(0, nil, newLink("Back to the list", p.toList))
	p.finder = newFinder(w, p)
	p.empty = newEmptyState()
	pane := newPanel(stack(p.list, inset(insets{20, 12, 0, 12}, p.nothing)), panelStyle{fill: colorCard, border: theme.ColorNameSeparator, radius: 10, pad: insets{5, 2, 5, 2}})
	p.split = newExploreSplit(p, container.New(&underLayout{}, inset(insets{0, 0, 8, 0}, p.filter), pane))
	p.fillPanes(p.exploreHead(), stack(p.split.box, inset(insets{40, 0, 0, 0}, p.empty.box)), p.frame.scroll)
	p.scroll.OnScrolled = func(fyne.Position) { p.look() }
	p.load()
	return p
}

func (p *explorePage) exploreHead() fyne.CanvasObject {
	p.summary = newText("", textStyle{color: colorMuted, size: labelSize, wrap: true, lines: 2})
	title := newText("Explorer", textStyle{size: sizeTitle, style: fyne.TextStyle{Bold: true}, full: true})
	p.again = newButton("Ask again", buttonPlain, p.load).withIcon(theme.ViewRefreshIcon())
	return column(4, inset(insets{0, 0, 0, -buttonPadX}, row(0, nil, p.back)), row(8, title, p.menu, title, p.again), p.summary, p.finder.box)
}

func (p *explorePage) content() fyne.CanvasObject { return p.box }
func (p *explorePage) stays()                     {}

func (p *explorePage) leave() {
	p.gone = true
	p.turn++
	p.stop()
	p.drop()
	p.endWatches()
	p.detach()
}

// drop gives up what is shown.
func (p *explorePage) drop() {
	if p.detail != nil {
		p.detail.leave()
	}
	p.detail, p.key = nil, ""
	p.holder.RemoveAll()
}

func (p *explorePage) stateChanged(s *session.State) {
	p.frame.stateChanged(s)
	if !sameAccount(p.account, s.Account) {
		p.load()
	}
}

func sameAccount(a, b *session.AccountInfo) bool {
	return a == b || a != nil && b != nil && a.Connection.Name == b.Connection.Name && a.Identity.Subject == b.Identity.Subject
}

// escape goes back, step by step: out of the search, from a call that is under
// way, to the list, to the to-dos.
func (p *explorePage) escape() {
	switch {
	case p.escapes():
	case p.finder.close():
	case p.running() != nil && p.running().running:
		p.running().cancel()
	case p.split.narrow && p.split.opened:
		p.toList()
	case p.detail != nil && p.split.box.Visible() && p.w.win.Canvas().Focused() != fyne.Focusable(p.list):
		p.toList()
	default:
		p.w.showHome()
	}
}

// toList goes to the list.
func (p *explorePage) toList() {
	p.split.open(false)
	p.w.win.Canvas().Focus(p.list)
	if p.list.at < 0 {
		p.list.goTo(0, 1)
	}
}

func (p *explorePage) filterKey(e *fyne.KeyEvent) bool {
	if e.Name != fyne.KeyDown {
		return false
	}
	p.toList()
	return true
}

// load asks the resource what it offers.
func (p *explorePage) load() {
	p.stop()
	p.turn++
	mine := p.turn
	account := p.w.state.Account
	if !sameAccount(p.account, account) {
		p.drop()
		p.endWatches()
		p.history, p.offers = nil, offered{}
	}
	p.account, p.failed, p.loading = account, nil, account != nil
	p.show()
	if account == nil {
		return
	}
	var ctx context.Context
	ctx, p.stop = context.WithCancel(p.w.tasks.ctx)
	stop := p.stop
	var found offered
	p.w.tasks.start(func(context.Context) (err error) {
		defer stop()
		found, err = askOffers(ctx, p.w.backend, account.Connection.Resource.Kind)
		return err
	}, func(err error) {
		if p.turn != mine {
			return
		}
		p.loading = false
		if err != nil {
			p.failed = fault.As(err)
		} else {
			p.offers = found
		}
		p.show()
		if err == nil {
			p.first()
		}
	})
	p.fetchHistory()
}

// first shows what is shown before anything is chosen, or what was, anew.
func (p *explorePage) first() {
	if p.detail == nil {
		p.toList()
		return
	}
	p.list.mark(p.key)
	if _, is := p.detail.(*about); is && p.list.at >= 0 {
		p.put(p.list.offers[p.list.at].open())
	}
}

// show brings the page up to date with what is known.
func (p *explorePage) show() {
	reason, there := p.whyNot(), p.offers.mcp != nil || p.offers.rest != nil
	there = there && reason.title == ""
	visible(p.split.box, there)
	visible(p.empty.box, !there)
	p.again.setEnabled(p.account != nil && !p.loading)
	p.summary.set(p.summaryWords())
	if !there {
		p.empty.show(reason)
	}
	p.showList()
	p.relayout()
}

// whyNot says why nothing is shown.
func (p *explorePage) whyNot() emptyReason {
	const words = "What the other application offers is listed here, and can be called."
	switch {
	case p.account == nil && p.w.state.Phase == session.SignedIn:
		return emptyReason{title: "One moment", words: words}
	case p.account == nil:
		return emptyReason{title: "Nobody is signed in", words: words + " Sign in first.", action: "Choose a connection", act: p.w.showConnections}
	case p.failed != nil:
		return p.whyFailed(p.failed)
	case p.loading && p.offers.mcp == nil && p.offers.rest == nil:
		return emptyReason{title: "Asking what is offered", words: "It will be here in a moment.", action: "Cancel", act: func() { p.stop() }}
	}
	return emptyReason{}
}

func (p *explorePage) whyFailed(f *fault.Fault) emptyReason {
	r := emptyReason{title: "What is offered could not be listed", words: strings.TrimSpace(show(f.Message, 300) + " " + show(f.Remedy, 300)), action: "Try again", act: p.load}
	switch f.Kind {
	case fault.Offline:
		r.title = "The resource cannot be reached"
	case fault.Canceled:
		r.title, r.words = "Nothing was listed", "You stopped it."
	case fault.SignInNeeded, fault.StepUp:
		r.action, r.act = "Sign in again", p.w.signInAgain
	}
	return r
}

// summaryWords say what is explored, in a line.
func (p *explorePage) summaryWords() string {
	switch s := p.offers.server; {
	case p.account == nil:
		return ""
	case s != nil:
		words := show(string(or(s.Title.Line(), s.Name.Line())), 60)
		if v := show(string(s.Version), 20); v != "" {
			words += " " + v
		}
		return words + " · MCP " + show(s.Protocol, 20) + " · " + offeredWords(&p.offers)
	case p.account.Connection.Resource.Kind == connection.MCP:
		return "MCP · " + show(p.account.Connection.Resource.URL, 80)
	default:
		return "REST · " + show(p.account.Connection.Resource.URL, 80)
	}
}

// choose shows one of the list; enter: and goes to it.
func (p *explorePage) choose(o *offer, enter bool) {
	if p.key != o.key || p.detail == nil {
		if p.split.narrow && !enter {
			return // there is no room to show it beside the list
		}
		p.key = o.key
		p.put(o.open())
	}
	if enter {
		p.enter()
	}
}

// open shows something that is not chosen on the list.
func (p *explorePage) open(d exploreDetail, enter bool) {
	p.key = ""
	p.list.mark("")
	p.put(d)
	if enter {
		p.enter()
	}
}

func (p *explorePage) put(d exploreDetail) {
	if p.detail != nil {
		p.detail.leave()
	}
	p.detail = d
	p.finder.close()
	p.holder.Objects = []fyne.CanvasObject{p.toTheList, d.object()}
	p.scroll.ScrollToTop()
	p.relayout()
}

// enter goes to what is shown.
func (p *explorePage) enter() {
	p.split.open(true)
	p.relayout()
	if f := p.detail.focus(); f != nil {
		p.w.win.Canvas().Focus(f)
	}
}

// text is what can be searched.
func (p *explorePage) text() (*ledger, *container.Scroll) {
	if p.detail == nil {
		return nil, p.scroll
	}
	return p.detail.text(), p.scroll
}

// fetchText does nothing: there is a text as soon as something was called.
func (p *explorePage) fetchText() {}

// search looks in the answer, if there is one and one is at it, else in the list.
func (p *explorePage) search() {
	l, _ := p.text()
	focused := p.w.win.Canvas().Focused()
	if l != nil && focused != fyne.Focusable(p.list) && focused != fyne.Focusable(p.filter) {
		p.finder.open()
		return
	}
	p.split.open(false)
	p.w.win.Canvas().Focus(p.filter)
	p.filter.TypedShortcut(&fyne.ShortcutSelectAll{})
}

// relayout gives everything its room, once the page is on screen.
func (p *explorePage) relayout() {
	if p.box != nil && p.w.win.Content() != nil && !p.gone {
		p.w.relayout()
		p.look()
	}
}

// reveal scrolls to what has just come, where little or nothing of it can be seen.
func (p *explorePage) reveal(o fyne.CanvasObject) {
	const enough, above = 220, 72
	p.relayout()
	down, there := downTo(p.scroll.Content, o)
	if !there {
		return
	}
	top := down - p.scroll.Offset.Y
	if high := p.scroll.Size().Height; top < 0 || top > high-min(enough, o.Size().Height) {
		most := p.scroll.Content.MinSize().Height - high
		p.scroll.ScrollToOffset(fyne.NewPos(0, max(0, min(most, down-above))))
	}
	p.look()
}

// look lets the text draw what has come into sight.
func (p *explorePage) look() {
	if l, _ := p.text(); l != nil {
		l.look()
	}
}

// showRun goes to the Flow page with the run that recorded a call.
func (p *explorePage) showRun(id uint64) {
	w := p.w
	w.showFlow()
	if f := w.flow(); f != nil {
		f.pinned = id
		f.apply(w.backend.Runs())
	}
}
