package gui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"waybill/auth"
	"waybill/session"
)

// verdictLine is one line of what was looked at: a mark, what it is about, how
// it ended in a word, and what is to be said of it.
type verdictLine struct {
	icon    fyne.Resource
	color   fyne.ThemeColorName
	title   string
	verdict string
	says    []verdictText
}

type verdictText struct {
	words string
	color fyne.ThemeColorName
}

func (v verdictLine) object(more ...fyne.CanvasObject) fyne.CanvasObject {
	title := newText(v.title, textStyle{style: fyne.TextStyle{Bold: true}, wrap: true})
	verdict := newText(v.verdict, textStyle{color: v.color, size: sizeCaption, full: true})
	parts := column(3, row(8, title, title, verdict))
	for _, s := range v.says {
		if s.words != "" {
			parts.Add(newText(s.words, textStyle{color: s.color, size: labelSize, wrap: true}))
		}
	}
	add(parts, more...)
	return column(0, inset(insets{9, 2, 9, 2}, container.New(besideLayout{gap: 10}, newMarkIcon(v.icon, v.color), parts)),
		newPanel(gap(1, 1), panelStyle{fill: colorRule}))
}

// checkLine is a check of a connection.
func checkLine(c session.Check) verdictLine {
	v := verdictLine{title: capital(c.Name), verdict: string(c.Verdict)}
	switch c.Verdict {
	case session.Passed:
		v.icon, v.color = theme.ConfirmIcon(), theme.ColorNameSuccess
	case session.Warned:
		v.icon, v.color = theme.WarningIcon(), colorNoticeText
	case session.Refuted:
		v.icon, v.color = theme.CancelIcon(), theme.ColorNameError
	default:
		v.icon, v.color = theme.QuestionIcon(), colorMuted
	}
	v.says = []verdictText{{c.Finding, ""}, {c.Remedy, colorMuted}}
	if c.Server != "" {
		v.says = append(v.says, verdictText{"The server's own words: “" + show(c.Server, 300) + "”", colorMuted})
	}
	return v
}

// placeLine is a place where discovery has looked.
func placeLine(p auth.Place) verdictLine {
	v := verdictLine{title: capital(p.For), verdict: "not taken", icon: theme.CancelIcon(), color: colorMuted}
	if p.Taken {
		v.verdict, v.icon, v.color = "taken", theme.ConfirmIcon(), theme.ColorNameSuccess
	}
	v.says = []verdictText{{show(p.Address, 200), colorMuted}, {p.Says, ""}}
	return v
}
