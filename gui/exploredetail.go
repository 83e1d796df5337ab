package gui

import (
	"fyne.io/fyne/v2"

	"waybill/explore"
	"waybill/fault"
)

// answering is what everything that can be called has in common: the button that
// does it, how far it is, why it failed, and the answer.
type answering struct {
	p      *explorePage
	runner *runner
	result *resultView
	said   *fyne.Container // what went wrong
	box    *fyne.Container
	run    uint64 // that recorded the call; 0: none did
}

func newAnswering(p *explorePage, name string) answering {
	d := answering{p: p, said: column(8), result: newResultView(p, name), box: column(12)}
	d.said.Hide()
	d.result.box.Hide()
	return d
}

// startedBy makes the runner of a button.
func (d *answering) startedBy(b *button) {
	running := false
	d.runner = newRunner(d.p.w, b, func() {
		if d.runner.running && !running {
			d.p.reveal(d.runner.box)
		}
		running = d.runner.running
		d.p.relayout()
	})
	b.onFocus, d.runner.stop.onFocus = d.p.follow(b), d.p.follow(d.runner.stop)
}

func (d *answering) object() fyne.CanvasObject { return d.box }
func (d *answering) focus() fyne.Focusable     { return d.runner.start }

func (d *answering) text() *ledger {
	if !d.result.box.Visible() {
		return nil
	}
	return d.result.pager.ledger
}

func (d *answering) leave() {
	d.runner.leave()
	d.result.turn++
}

// clear takes the answer of an earlier call away.
func (d *answering) clear() {
	if d.runner.running {
		return
	}
	d.run = 0
	d.said.RemoveAll()
	d.said.Hide()
	d.result.clear()
}

// say puts something above the answer.
func (d *answering) say(o fyne.CanvasObject) {
	d.said.Add(o)
	d.said.Show()
}

// answered reports whether there is an answer, and says otherwise why there is
// none.
func (d *answering) answered(err error, again func()) bool {
	d.run = explore.RunOf(err)
	// A button that is hidden now may have had the focus.
	if f := d.p.w.win.Canvas().Focused(); f == fyne.Focusable(d.runner.stop) {
		d.p.w.win.Canvas().Focus(d.runner.start)
	}
	if err != nil {
		d.say(d.p.faultCard(fault.As(err), again, d.run))
		d.p.reveal(d.said)
	}
	return err == nil
}

func (d *answering) by() *runner { return d.runner }

func (d *answering) view() *resultView { return d.result }

func (d *answering) recorded() uint64 { return d.run }
