package gui

import (
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"waybill/fault"
	"waybill/session"
)

// patience is how long something may take before the window says so.
const patience = 300 * time.Millisecond

// startingPage is there until the keyring has answered, and stays if what lies
// on the disk cannot be opened.
type startingPage struct {
	w       *Window
	title   *text
	words   *text
	afresh  *button
	buttons *fyne.Container
	timer   *time.Timer
	problem *fault.Fault
	body    fyne.CanvasObject
}

func newStartingPage(w *Window) *startingPage {
	p := &startingPage{w: w}
	p.title = newText("", textStyle{size: sizeTitle, style: fyne.TextStyle{Bold: true}, align: fyne.TextAlignCenter, wrap: true})
	p.words = newText("", textStyle{color: colorMuted, align: fyne.TextAlignCenter, wrap: true})
	p.afresh = newButton("Start afresh", buttonPrimary, w.backend.Repair)
	p.buttons = newCentredRow(
		p.afresh,
		newButton("Details", buttonPlain, func() { w.openFault(p.problem) }),
		newButton("Quit", buttonPlain, w.quit))
	p.buttons.Hide()
	p.body = stack(newPanel(nil, panelStyle{fill: theme.ColorNameBackground}),
		centred(420, column(10, p.title, p.words, p.buttons)))
	p.timer = time.AfterFunc(patience, func() { w.o.Do(p.late) })
	return p
}

// late says what the window waits for.
func (p *startingPage) late() {
	if p.problem == nil {
		p.words.set("Waiting for the keyring of this computer. It may ask you to unlock it.")
		p.body.Refresh()
	}
}

// stateChanged says why nothing can be opened, if that is so.
func (p *startingPage) stateChanged(s *session.State) {
	p.problem = s.Problem
	if p.problem == nil {
		p.clear()
		return
	}
	visible(p.afresh, session.Repairable(p.problem))
	p.title.set("Waybill cannot open its data")
	p.words.set(p.problem.Error())
	p.buttons.Show()
	p.body.Refresh()
}

// clear takes away a problem that the user has answered.
func (p *startingPage) clear() {
	if !p.buttons.Visible() {
		return
	}
	p.title.set("")
	p.words.set("")
	p.buttons.Hide()
	p.body.Refresh()
}

func (p *startingPage) content() fyne.CanvasObject { return p.body }
func (p *startingPage) escape()                    {}
func (p *startingPage) leave()                     { p.timer.Stop() }
