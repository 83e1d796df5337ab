package gui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"waybill/fault"
	"waybill/flow"
	"waybill/session"
)

// learnPage explains Cross App Access to those who see it for the first time: a
// sequence diagram of the parties, whose arrows light up as the steps run.
type learnPage struct {
	*frame
	sequence *sequence
	state    *text
	run      *button
	shown    *flow.Run
	unwatch  func()
	gone     bool
}

// showLearn goes to the page that explains the steps.
func (w *Window) showLearn() { w.show(newLearnPage(w)) }

func newLearnPage(w *Window) *learnPage {
	p := &learnPage{sequence: newSequence(arrows()), state: newText("", textStyle{color: colorMuted, wrap: true})}
	p.frame = newFrame(w, w.showFlow)
	p.nav, p.width = navFlow, 1000
	p.run = newButton("Run the steps now", buttonPrimary, p.runNow).withIcon(theme.MediaPlayIcon())
	p.run.onFocus = func() { bringIntoSight(p.scroll, p.run) }
	words := blurb("One application may use another one on your behalf, without asking you for consent and without a second sign-in: your organisation has decided so at its identity provider. These are the parties, and what passes between them.")
	p.fill(p.head("How Cross App Access works", p.run), column(14, words, p.state, p.sequence))
	m := newMailbox(w.o.Do, func(runs *[]*flow.Run) { p.apply(*runs) })
	p.apply(w.backend.Runs())
	p.unwatch = w.backend.WatchRuns(func(runs []*flow.Run) { m.put(&runs) })
	return p
}

func (p *learnPage) content() fyne.CanvasObject { return p.box }
func (p *learnPage) stays()                     {}

func (p *learnPage) leave() {
	p.gone = true
	p.unwatch()
	p.detach()
}

func (p *learnPage) escape() {
	if !p.escapes() {
		p.w.showFlow()
	}
}

func (p *learnPage) stateChanged(s *session.State) {
	p.frame.stateChanged(s)
	p.show()
}

// apply shows the newest run in which more happened than a call.
func (p *learnPage) apply(runs []*flow.Run) {
	if p.gone {
		return
	}
	p.shown = runThatMatters(runs)
	p.show()
}

func (p *learnPage) show() {
	p.sequence.show(p.shown)
	words := "Nothing has run yet. Sign in, and the arrows light up as it happens."
	signedIn := p.w.state.Phase == session.SignedIn && !p.w.state.SignInNeeded
	switch r := p.shown; {
	case r != nil && r.Running:
		words = "It is happening now."
	case r != nil:
		words = "The arrows in colour show how it went at " + clockTime(r.Began, p.w.o.Now()) + "."
	case signedIn:
		words = "Nothing has run yet. Run the steps, and the arrows light up as it happens."
	}
	p.state.set(words)
	p.run.setEnabled(signedIn && (p.shown == nil || !p.shown.Running))
	if p.box != nil {
		p.w.relayout()
	}
}

func (p *learnPage) runNow() {
	p.run.Disable()
	p.w.runFrom(fault.StepExchange, func(err error) {
		if !p.gone {
			p.show()
			p.w.report(err)
		}
	})
}

// The parties, from left to right.
const (
	laneBrowser = iota
	laneWaybill
	laneProvider
	laneServer
	laneResource
	lanes
)

func laneNames() [lanes]string {
	return [lanes]string{"Your browser", "Waybill", "Identity provider", "Authorization server", "Resource"}
}

// shortLaneNames are for where there is no room for those.
func shortLaneNames() [lanes]string {
	return [lanes]string{"Your browser", "Waybill", "Identity provider", "Auth. server", "Resource"}
}

// arrow is one thing that passes from one party to another.
type arrow struct {
	from, to int
	step     fault.Step
	number   int    // of the step
	label    string // what passes
	says     string // one sentence
	answer   bool   // it is what the step brings
}

// arrows are all of them, in their order.
func arrows() []arrow {
	return []arrow{
		{laneWaybill, laneBrowser, fault.StepSignIn, 1, "sign-in page", "Waybill opens your browser at your identity provider, with a secret of its own that only it can redeem (PKCE).", false},
		{laneBrowser, laneProvider, fault.StepSignIn, 1, "who you are", "You sign in there, as for every other application. Waybill never sees your password.", false},
		{laneProvider, laneWaybill, fault.StepSignIn, 1, "ID token", "The browser comes back with a code, and Waybill gets an ID token for it: the provider's word on who you are.", true},
		{laneWaybill, laneProvider, fault.StepExchange, 2, "ID token", "Waybill asks the provider for access to the other application, and names its server and its resource (RFC 8693).", false},
		{laneProvider, laneWaybill, fault.StepExchange, 2, "ID-JAG", "Where the policy of your organisation allows it, an ID-JAG comes back: a waybill for one user, one app and one server, good for minutes.", true},
		{laneWaybill, laneServer, fault.StepJWTBearer, 3, "ID-JAG", "Waybill hands it to the authorization server of the other application, which checks who issued it, for whom, and that it is new (RFC 7523).", false},
		{laneServer, laneWaybill, fault.StepJWTBearer, 3, "access token", "That server trusts your identity provider, so it issues an access token of its own. Nobody had to ask you.", true},
		{laneWaybill, laneResource, fault.StepCall, 4, "access token", "With the access token Waybill calls the resource, until the token expires.", false},
		{laneResource, laneWaybill, fault.StepCall, 4, "your to-dos", "The resource gives what the token allows, and nothing else.", true},
	}
}
