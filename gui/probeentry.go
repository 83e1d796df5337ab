package gui

import (
	"fmt"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"waybill/auth"
	"waybill/flow"
)

// probeEntry is a probe on the list: what it is and causes, whether it is
// chosen, and what came of it. It can be pressed to choose it, and the arrow keys
// move from one to the next.
type probeEntry struct {
	page   *probesPage
	probe  auth.Probe
	on     bool
	result flow.ProbeResult

	panel   *panel
	area    *pressArea
	box     *canvas.Image // whether it is chosen
	verdict *text
	sign    *canvas.Image
	says    *fyne.Container
	details *fyne.Container
	open    *link
}

func newProbeEntry(p *probesPage, probe auth.Probe, at int) *probeEntry {
	e := &probeEntry{page: p, probe: probe, result: flow.ProbeResult{Probe: probe}}
	e.box, e.sign = newMarkIcon(theme.CheckButtonIcon(), colorMuted), newMarkIcon(theme.QuestionIcon(), colorMuted)
	e.verdict = newText("", textStyle{size: sizeCaption, full: true})
	e.says = column(3)
	title := newText(probe.Title, textStyle{style: fyne.TextStyle{Bold: true}, wrap: true})
	words := column(3, row(8, title, title, e.verdict, e.sign), newText("Causes: "+probe.Causes, textStyle{color: colorMuted, size: labelSize, wrap: true}), e.says)
	e.area = newPressArea(probe.Title, container.New(besideLayout{gap: 10}, e.box, words), insets{10, 12, 6, 12}, func() { e.set(!e.on); p.showState() })
	e.area.onFocus = func() { bringIntoSight(p.scroll, e.area) }
	e.area.keys = func(k *fyne.KeyEvent) bool { return e.key(at, k) }
	line := func(name, words string) fyne.CanvasObject {
		return newText(name+words, textStyle{size: labelSize, wrap: true})
	}
	e.details = column(4, line("Sends: ", probe.Sends), line("Has to happen: ", probe.Demands), newText(probe.Section, textStyle{size: sizeCaption, color: colorMuted, wrap: true}))
	e.details.Hide()
	e.open = newLink("More", e.toggle)
	e.open.onFocus = func() { bringIntoSight(p.scroll, e.open) }
	e.panel = newPanel(column(0, e.area, inset(insets{0, 12, 10, 40}, column(6, e.details, row(0, nil, e.open)))),
		panelStyle{fill: colorCard, border: theme.ColorNameSeparator, radius: 10})
	e.paint()
	return e
}

// toggle shows or hides what is sent and demanded.
func (e *probeEntry) toggle() {
	visible(e.details, !e.details.Visible())
	e.open.words = "More"
	if e.details.Visible() {
		e.open.words = "Less"
	}
	e.open.Refresh()
	e.page.w.relayout()
}

// key moves along the list.
func (e *probeEntry) key(at int, k *fyne.KeyEvent) bool {
	to := at
	switch k.Name {
	case fyne.KeyUp:
		to--
	case fyne.KeyDown:
		to++
	case fyne.KeyHome:
		to = 0
	case fyne.KeyEnd:
		to = len(e.page.entries) - 1
	default:
		return false
	}
	if to >= 0 && to < len(e.page.entries) {
		e.page.w.win.Canvas().Focus(e.page.entries[to].area)
	}
	return true
}

// set chooses it or not.
func (e *probeEntry) set(on bool) {
	e.on = on
	e.paint()
}

// show shows how far it is.
func (e *probeEntry) show(r flow.ProbeResult) {
	e.result = r
	e.says.RemoveAll()
	say := func(words string, color fyne.ThemeColorName, size float32) {
		if words != "" {
			e.says.Add(newText(words, textStyle{color: color, size: size, wrap: true}))
		}
	}
	if r.State == flow.Done {
		say(show(r.Says(), 400), "", labelSize)
		say(answerWords(r.Outcome), colorMuted, sizeCaption)
		if r.Outcome.Server != "" {
			say("The server's own words: “"+show(r.Outcome.Server, 300)+"”", colorMuted, sizeCaption)
		}
	}
	e.paint()
}

// answerWords say what came back.
func answerWords(o auth.ProbeOutcome) string {
	words := ""
	if o.Status != 0 {
		words = fmt.Sprintf("Answer: HTTP %d", o.Status)
		if o.Code != "" {
			words += ", " + show(o.Code, 60)
		}
	}
	if o.IDJAG != "" {
		if words != "" {
			words += " · "
		}
		words += "in the other side's log: jti " + show(o.IDJAG, 80)
	}
	return words
}

// paint draws what is chosen and the verdict.
func (e *probeEntry) paint() {
	icon, color, chosen := theme.CheckButtonIcon(), colorMuted, "not chosen"
	if e.on {
		icon, color, chosen = theme.CheckButtonCheckedIcon(), theme.ColorNamePrimary, "chosen"
	}
	e.box.Resource = theme.NewColoredResource(icon, color)
	e.box.Refresh()
	words, sign, ink := verdictOf(e.result, e.page.w.o.Now())
	e.verdict.color = ink
	e.verdict.set(words)
	e.verdict.Refresh()
	if sign != nil {
		e.sign.Resource = theme.NewColoredResource(sign, ink)
		e.sign.Refresh()
	}
	visible(e.sign, sign != nil)
	visible(e.verdict, words != "")
	e.area.label = e.probe.Title + ", " + chosen
	if words != "" {
		e.area.label += ", " + words
	}
	border := theme.ColorNameSeparator
	if e.result.Hole() {
		border = theme.ColorNameError
	}
	e.panel.setColors(colorCard, border)
}

// verdictOf says what came of a probe in a word or two.
func verdictOf(r flow.ProbeResult, now time.Time) (words string, sign fyne.Resource, ink fyne.ThemeColorName) {
	switch {
	case r.State == flow.Running && r.Until.After(now):
		return "waits until " + clockTime(r.Until, now), theme.HistoryIcon(), theme.ColorNamePrimary
	case r.State == flow.Running:
		return "under way", theme.MediaPlayIcon(), theme.ColorNamePrimary
	case r.State != flow.Done:
		return "", nil, colorMuted
	case r.Outcome.Skipped:
		return "left out", theme.ContentRemoveIcon(), colorMuted
	case r.Outcome.Verdict == auth.ProbeRefused:
		return "refused", theme.ConfirmIcon(), theme.ColorNameSuccess
	case r.Outcome.Verdict == auth.ProbeAccepted:
		return "accepted: a hole", theme.WarningIcon(), theme.ColorNameError
	default:
		return "could not tell", theme.QuestionIcon(), colorMuted
	}
}
