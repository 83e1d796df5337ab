package gui

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"waybill/flow"
)

// tokenTab shows what the step's token says, with the checks beside it.
func (p *flowPage) tokenTab(s *flow.Step) []fyne.CanvasObject {
	tokens := tokensOf(s)
	if len(tokens) == 0 {
		words := "This step brought no token."
		if s.State == flow.Cached || s.State == flow.NotRun {
			words = nothingSent(s)
		}
		return []fyne.CanvasObject{aside(words)}
	}
	t := tokens[min(p.token, len(tokens)-1)]
	var objects []fyne.CanvasObject
	if len(tokens) > 1 {
		var all []fyne.CanvasObject
		for i, t := range tokens {
			b := smallButton(tokenName(t.Kind), buttonPlain, func() { p.token = i; p.show() })
			if i == p.token {
				b.kind = buttonPrimary
			}
			p.keepInSight(&b.press)
			all = append(all, b)
		}
		objects = append(objects, buttonRow(all...))
	}
	left := column(12, card(p.tokenSays(t)), card(column(10, newText("The token itself", textStyle{style: fyne.TextStyle{Bold: true}}),
		p.secretRow(tokenName(t.Kind), t.Print, t.Value, t.Length).box)))
	if len(s.Checks) == 0 {
		return append(objects, left)
	}
	return append(objects, container.New(&splitLayout{twoColumnsLayout{gap: 16, from: 760}, 0.58}, left, p.checkCard(s)))
}

// tokenSays is the table of a token's header and claims.
func (p *flowPage) tokenSays(t *flow.Token) fyne.CanvasObject {
	life := newText(lifeWords(t, p.w.o.Now()), textStyle{color: colorMuted, size: sizeCaption, wrap: true})
	p.ticking = append(p.ticking, func(now time.Time) { life.set(lifeWords(t, now)) })
	head := column(2, newText(tokenName(t.Kind), textStyle{style: fyne.TextStyle{Bold: true}}), life)
	if t.Opaque {
		return column(10, head, newText("This token is opaque: it is no JWT, and only the server that issued it can say what it means. That is allowed. What is known of it is what came with it in the answer.", textStyle{color: colorMuted, wrap: true}))
	}
	l := p.newPageLedger(tokenName(t.Kind))
	var entries []*entry
	for _, c := range flow.Explain(t, p.w.o.Now()) {
		meaning := c.Meaning
		if c.Header {
			meaning = "header · " + meaning
		}
		e := namedEntry(clean(c.Name), plainCell(clean(c.Value), theme.ColorNameForeground, true), meaning)
		e.rule = true
		entries = append(entries, e)
		if !c.At.IsZero() {
			p.ticking = append(p.ticking, func(now time.Time) {
				l.setCell(e, 1, plainCell(flow.When(c.At, now), theme.ColorNameForeground, true))
			})
		}
	}
	l.set(entries)
	return column(10, head, l)
}

func tokenName(k flow.TokenKind) string {
	switch k {
	case flow.KindIDToken:
		return "ID token"
	case flow.KindRefreshToken:
		return "Refresh token"
	case flow.KindIDJAG:
		return "ID-JAG"
	case flow.KindAccessToken:
		return "Access token"
	case flow.KindProviderAccessToken:
		return "Access token of the identity provider"
	default:
		return "Token"
	}
}

// lifeWords say when a token came and how long it lasts.
func lifeWords(t *flow.Token, now time.Time) string {
	words := "Received " + clockTime(t.Received, now)
	end := tokenEnds(t)
	switch left := end.Sub(now); {
	case end.IsZero():
		words += " · how long it lasts was not said"
	case left > 0:
		words += " · expires in " + remaining(left)
	default:
		words += " · expired " + remaining(-left) + " ago"
	}
	if t.Kind == flow.KindProviderAccessToken {
		words += " · not used by Waybill"
	}
	return words
}

func unixTime(raw json.RawMessage) (time.Time, bool) {
	var seconds float64
	if len(raw) == 0 || json.Unmarshal(raw, &seconds) != nil || math.Abs(seconds) > 1e11 {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0), true
}

// splitLayout is two columns of which the first takes a share.
type splitLayout struct {
	twoColumnsLayout
	first float32
}

func (l *splitLayout) widths(width float32) (a, b float32) {
	a = (width - l.gap) * l.first
	return a, width - l.gap - a
}

func (l *splitLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	if size.Width < l.from {
		l.twoColumnsLayout.Layout(objects, size)
		return
	}
	l.width = size.Width
	a, b := l.widths(size.Width)
	place(objects[0], 0, 0, a, heightFor(objects[0], a))
	place(objects[1], a+l.gap, 0, b, heightFor(objects[1], b))
}

func (l *splitLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	width := max(objects[0].MinSize().Width, objects[1].MinSize().Width)
	return fyne.NewSize(width, l.heightFor(objects, max(width, l.width)))
}

func (l *splitLayout) heightFor(objects []fyne.CanvasObject, width float32) float32 {
	if width < l.from {
		return l.twoColumnsLayout.heightFor(objects, width)
	}
	a, b := l.widths(width)
	return max(heightFor(objects[0], a), heightFor(objects[1], b))
}

// countWords say how many checks hold.
func countWords(checks []flow.Check) string {
	yes, no, unknown := tally(checks)
	parts := []string{fmt.Sprintf("%d of %d hold", yes, len(checks))}
	if no > 0 {
		parts = append(parts, fmt.Sprintf("%d do not", no))
	}
	if unknown > 0 {
		parts = append(parts, fmt.Sprintf("%d could not be told", unknown))
	}
	return strings.Join(parts, " · ")
}
