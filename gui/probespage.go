package gui

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"waybill/auth"
	"waybill/fault"
	"waybill/flow"
	"waybill/session"
	"waybill/wording"
)

// probesPage sends what the other side has to refuse, for those who ask for it:
// they choose among the probes, are told what each causes, and confirm. The
// verdicts come as they are found.
type probesPage struct {
	*frame
	probes  []auth.Probe
	entries []*probeEntry
	card    *flow.Scorecard // of the last run; nil before it
	run     int             // counts the runs: what comes late from an earlier one is nothing
	running bool
	cancel  context.CancelFunc
	account *session.AccountInfo

	list              *fyne.Container
	state             *text
	problem           *fyne.Container
	start, stop, save *button
	all               *button
}

// How long one waits at a stretch: for an ID-JAG to expire, and else where a
// server asks for a pause.
const (
	probePatience     = time.Minute
	probeWaitsForLong = 10 * time.Minute
)

// showProbes goes to the page of the probes.
func (w *Window) showProbes() { w.show(newProbesPage(w)) }

func newProbesPage(w *Window) *probesPage {
	p := &probesPage{list: column(10), problem: column(0), state: newText("", textStyle{color: colorMuted, wrap: true}), cancel: func() {}}
	p.frame = newFrame(w, w.showFlow)
	p.nav = navFlow
	p.start = newButton("Send the probes…", buttonPrimary, p.ask)
	p.stop = newButton("Stop", buttonPlain, func() { p.cancel() })
	p.save = newButton("Export scorecard", buttonPlain, p.openExport).withIcon(theme.DocumentSaveIcon())
	p.all = newButton("Choose all", buttonPlain, p.chooseAll)
	words := blurb("A probe sends something that the other side has to refuse, and looks whether it does. It is meant for those who run that side or were asked to test it: each leaves traces there. Nothing is sent before you have chosen it and confirmed.")
	p.fill(p.head("Probes", p.all, p.save, p.stop, p.start), column(12, words, p.problem, p.state, p.list))
	p.rebuild()
	return p
}

func (p *probesPage) content() fyne.CanvasObject { return p.box }
func (p *probesPage) stays()                     {}

func (p *probesPage) leave() {
	p.run++
	p.cancel()
	p.detach()
}

func (p *probesPage) escape() {
	if !p.escapes() {
		p.w.showFlow()
	}
}

func (p *probesPage) stateChanged(s *session.State) {
	p.frame.stateChanged(s)
	if p.list != nil && (s.Account == nil) != (p.account == nil) || s.Account != nil && p.account != nil && s.Account.Connection.Name != p.account.Connection.Name {
		p.run++
		p.cancel()
		p.running, p.card = false, nil
		p.rebuild()
		return
	}
	p.showState()
}

// rebuild lists the probes that fit the connection.
func (p *probesPage) rebuild() {
	p.account = p.w.state.Account
	p.list.RemoveAll()
	p.entries, p.probes = nil, nil
	if p.account == nil {
		p.list.Add(aside("Nobody is signed in. A probe needs a session: sign in at the connection that is to be tested."))
		p.showState()
		return
	}
	p.probes = flow.ProbesFor(p.account.Connection)
	for i, probe := range p.probes {
		e := newProbeEntry(p, probe, i)
		p.entries = append(p.entries, e)
		p.list.Add(e.panel)
	}
	p.showState()
}

// chosen are the probes that are to be sent.
func (p *probesPage) chosen() (all []auth.Probe) {
	for _, e := range p.entries {
		if e.on {
			all = append(all, e.probe)
		}
	}
	return all
}

// chooseAll chooses all, or none if all are chosen.
func (p *probesPage) chooseAll() {
	on := len(p.chosen()) < len(p.entries)
	for _, e := range p.entries {
		e.set(on)
	}
	p.showState()
}

// showState follows what is chosen, and how far it is.
func (p *probesPage) showState() {
	n := len(p.chosen())
	visible(p.problem, len(p.problem.Objects) > 0)
	visible(p.stop, p.running)
	visible(p.start, !p.running)
	p.start.setEnabled(n > 0 && p.account != nil && !p.w.state.SignInNeeded)
	p.save.setEnabled(p.card != nil && !p.running)
	p.all.setEnabled(!p.running && len(p.entries) > 0)
	words := "Choose all"
	if n > 0 && n == len(p.entries) {
		words = "Choose none"
	}
	p.all.setWords(words)
	p.state.set(p.stateWords(n))
	if p.box != nil {
		p.w.relayout()
	}
}

func (p *probesPage) stateWords(n int) string {
	switch {
	case p.account == nil:
		return ""
	case p.running:
		return "Sending… " + capital(p.count()) + " so far."
	case p.card != nil:
		return capital(p.count()) + "."
	case n == 0:
		return "Choose the probes that are to be sent to " + show(p.account.Connection.DisplayTitle(), 60) + "."
	default:
		return wording.Plural(n, "probe is", "probes are") + " chosen for " + show(p.account.Connection.DisplayTitle(), 60) + "."
	}
}

// count says how many probes ended how.
func (p *probesPage) count() string {
	var refused, holes, unknown int
	for _, e := range p.entries {
		switch r := e.result; {
		case r.Hole():
			holes++
		case r.State != flow.Done:
		case r.Outcome.Verdict == auth.ProbeRefused:
			refused++
		default:
			unknown++
		}
	}
	parts := []string{fmt.Sprintf("%d refused", refused)}
	if holes > 0 {
		parts = append(parts, wording.Plural(holes, "was accepted: a hole", "were accepted: holes"))
	}
	if unknown > 0 {
		parts = append(parts, fmt.Sprintf("%d could not be told", unknown))
	}
	return strings.Join(parts, ", ")
}

// ask says what the chosen probes cause, before anything is sent.
func (p *probesPage) ask() {
	chosen := p.chosen()
	if len(chosen) == 0 || p.running || p.account == nil {
		return
	}
	body := column(12, newText("They go to the identity provider "+show(p.account.Identity.Issuer, 100)+" and to the authorization server of "+show(p.account.Connection.Resource.URL, 100)+
		", with your session and the app's own credentials. Send them only if you run that side or were asked to test it.", textStyle{wrap: true}))
	causes := column(6, newText("What they leave behind there", textStyle{style: fyne.TextStyle{Bold: true}, wrap: true}))
	said, waits := map[string]bool{}, 0
	for _, probe := range chosen {
		if probe.Waits {
			waits++
		}
		if !said[probe.Causes] {
			said[probe.Causes] = true
			causes.Add(newText("· "+probe.Causes, textStyle{size: labelSize, wrap: true}))
		}
	}
	body.Add(causes)
	if waits > 0 {
		body.Add(noticeCard(wording.Plural(waits, "of them waits", "of them wait") + " until an ID-JAG has expired, which takes minutes."))
	}
	var s *sheet
	send := newButton("Yes, send now", buttonDanger, func() { s.close(); p.send(chosen) })
	keep := newButton("Send nothing", buttonPlain, func() { s.close() })
	s = p.w.openSheet(sheetOptions{title: "Send " + wording.Plural(len(chosen), "probe", "probes") + "?", body: body, width: 560, buttons: []fyne.CanvasObject{keep, send}, focus: keep})
}

// send runs the probes.
func (p *probesPage) send(chosen []auth.Probe) {
	order := flow.ProbeOrder{Patience: probePatience}
	for _, probe := range chosen {
		order.IDs = append(order.IDs, probe.ID)
		if probe.Waits {
			order.Patience = probeWaitsForLong
		}
	}
	var ctx context.Context
	ctx, p.cancel = context.WithCancel(p.w.tasks.ctx)
	stop := p.cancel
	p.run++
	mine := p.run
	p.running, p.card = true, nil
	p.problem.RemoveAll()
	for _, e := range p.entries {
		e.show(flow.ProbeResult{Probe: e.probe})
		e.area.setEnabled(false)
	}
	p.showState()
	var card *flow.Scorecard
	p.w.tasks.start(func(context.Context) (err error) {
		defer stop()
		card, err = p.w.backend.Probe(ctx, order, func(r flow.ProbeResult) {
			p.w.o.Do(func() {
				if p.run == mine {
					p.found(r)
				}
			})
		})
		return err
	}, func(err error) {
		if p.run == mine {
			p.ended(card, err)
		}
	})
}

// found shows how far a probe is.
func (p *probesPage) found(r flow.ProbeResult) {
	for _, e := range p.entries {
		if e.probe.ID == r.Probe.ID {
			e.show(r)
		}
	}
	p.showState()
}

func (p *probesPage) ended(card *flow.Scorecard, err error) {
	p.running, p.card = false, card
	for _, e := range p.entries {
		e.area.setEnabled(true)
		if e.result.State == flow.Running {
			e.show(flow.ProbeResult{Probe: e.probe})
		}
	}
	switch f := fault.As(err); {
	case err == nil:
	case f.Kind == fault.Canceled:
		p.problem.Add(noticeCard("Stopped. The probes after that were not sent."))
	default:
		p.problem.Add(noticeCard("No probe was sent, since what is right was not taken either. " + f.Error()))
	}
	p.showState()
}

// openExport asks where to write the scorecard, and as what.
func (p *probesPage) openExport() {
	card := p.card
	if card == nil {
		return
	}
	const says = "What was sent, what came back and how it is to be judged, for whoever runs the other side. It holds no token and no secret."
	p.w.openSaveAs(saveAs{
		title: "Export the scorecard", name: "waybill-probes", at: card.Began,
		formats: []saveFormat{
			{"Markdown, to be read", ".md", says, func() ([]byte, error) { return []byte(card.Markdown()), nil }},
			{"JSON, for programs", ".json", says, func() ([]byte, error) { return json.MarshalIndent(card, "", "  ") }},
		},
	})
}
