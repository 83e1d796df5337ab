package gui

import (
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"waybill/auth"
	"waybill/flow"
)

// mostChecks is how many checks are listed.
const mostChecks = 200

func tally(checks []flow.Check) (yes, no, unknown int) {
	for _, c := range checks {
		switch c.Verdict {
		case auth.Yes:
			yes++
		case auth.No:
			no++
		default:
			unknown++
		}
	}
	return yes, no, unknown
}

// checkSign is the sign of a verdict.
func checkSign(v auth.Tri) (icon fyne.Resource, color fyne.ThemeColorName, words string) {
	switch v {
	case auth.Yes:
		return theme.ConfirmIcon(), theme.ColorNameSuccess, "holds"
	case auth.No:
		return theme.CancelIcon(), theme.ColorNameError, "does not hold"
	default:
		return theme.QuestionIcon(), colorMuted, "could not tell"
	}
}

// checkCard is the short list that stands beside a token.
func (p *flowPage) checkCard(s *flow.Step) fyne.CanvasObject {
	list := column(8, newText("Checks", textStyle{style: fyne.TextStyle{Bold: true}}))
	for _, c := range s.Checks[:min(len(s.Checks), mostChecks)] {
		icon, color, _ := checkSign(c.Verdict)
		says := column(1, newText(show(c.Name, 200), textStyle{size: labelSize, wrap: true}))
		if c.Says != "" {
			says.Add(newText(show(c.Says, 300), textStyle{size: sizeCaption, color: colorMuted, wrap: true}))
		}
		list.Add(container.New(besideLayout{gap: 9}, newMarkIcon(icon, color), says))
	}
	return card(list)
}

// checksTab lists every check with what was found and where it is demanded.
func (p *flowPage) checksTab(s *flow.Step) []fyne.CanvasObject {
	if len(s.Checks) == 0 && s.Scopes == nil {
		words := "Nothing was checked: this step has brought nothing that could be."
		if s.State == flow.Cached || s.State == flow.NotRun {
			words = nothingSent(s)
		}
		return []fyne.CanvasObject{aside(words)}
	}
	var objects []fyne.CanvasObject
	if s.Scopes != nil {
		objects = append(objects, p.scopeCard(s.Scopes))
	}
	list := column(0)
	if len(s.Checks) > 0 {
		list.Add(newText(countWords(s.Checks), textStyle{color: colorMuted, wrap: true}))
	}
	for _, c := range s.Checks[:min(len(s.Checks), mostChecks)] {
		v := verdictLine{title: show(c.Name, 200)}
		v.icon, v.color, v.verdict = checkSign(c.Verdict)
		v.says = []verdictText{{show(c.Says, 400), ""}, {show(c.Section, 160), colorMuted}}
		if c.Advice {
			v.says = append(v.says, verdictText{"Only the other side can decide this.", colorMuted})
		}
		list.Add(v.object())
	}
	for _, note := range s.Notes {
		list.Add(inset(insets{8, 0, 0, 0}, newText(show(note, 300), textStyle{color: colorMuted, size: labelSize, wrap: true})))
	}
	return append(objects, list)
}

// scopeCard shows which scopes were asked for and what came of each.
func (p *flowPage) scopeCard(s *flow.Scopes) fyne.CanvasObject {
	l := p.newPageLedger("Scopes")
	entries := []*entry{titleEntry("Scopes")}
	var all []string
	for _, list := range [][]string{s.Asked, s.InIDJAG, s.Granted} {
		for _, scope := range list {
			if !slices.Contains(all, scope) {
				all = append(all, scope)
			}
		}
	}
	for _, scope := range all[:min(len(all), mostChecks)] {
		e := namedEntry(clean(scope), scopeCell(scope, s), "")
		e.rule = true
		entries = append(entries, e)
	}
	if len(all) == 0 {
		entries = append(entries, wordsEntry("None was asked for and none is named.", colorMuted))
	}
	l.set(entries)
	return card(l)
}

// scopeCell says what became of a scope on its way.
func scopeCell(scope string, s *flow.Scopes) cell {
	var c cell
	for i, stage := range []struct {
		list    []string
		is, not string
	}{{s.Asked, "asked for", "not asked for"}, {s.InIDJAG, "in the ID-JAG", "not in the ID-JAG"}, {s.Granted, "granted", "not granted"}} {
		words, ink := stage.is, theme.ColorNameSuccess
		switch {
		case stage.list == nil:
			words, ink = strings.TrimPrefix(stage.is, "in the ")+": not said", colorMuted
		case !slices.Contains(stage.list, scope):
			words, ink = stage.not, colorNoticeText
		}
		if i > 0 {
			c.spans = append(c.spans, span{"  ·  ", colorMuted})
		}
		c.spans = append(c.spans, span{words, ink})
	}
	return c
}
