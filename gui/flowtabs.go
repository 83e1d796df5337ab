package gui

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"waybill/flow"
	"waybill/secret"
	"waybill/transport"
	"waybill/wording"
)

// flowTab is a side of a step.
type flowTab int

const (
	tabRequest flowTab = iota
	tabResponse
	tabToken
	tabCurl
	tabChecks
)

func flowTabs() []option[flowTab] {
	return []option[flowTab]{{tabRequest, "Request"}, {tabResponse, "Response"}, {tabToken, "Token"}, {tabCurl, "curl"}, {tabChecks, "Checks"}}
}

// showBody makes what the tab shows. moved: it is another side or step than
// before, so that what was scrolled to is gone.
func (p *flowPage) showBody(moved bool) {
	p.tabs.set(p.tab)
	p.ledger, p.ticking = nil, nil
	p.body.RemoveAll()
	s := p.step()
	switch p.tab {
	case tabToken:
		add(p.body, p.tokenTab(s)...)
	case tabChecks:
		add(p.body, p.checksTab(s)...)
	case tabCurl:
		add(p.body, p.curlTab(s)...)
	default:
		add(p.body, p.exchangeTab(s)...)
	}
	if moved {
		p.finder.forget()
	}
	p.finder.again()
}

// aside is a muted sentence in the place of what there is not.
func aside(words string) fyne.CanvasObject {
	return card(newText(words, textStyle{color: colorMuted, wrap: true}))
}

// nothingSent says why there is no exchange to be shown.
func nothingSent(s *flow.Step) string {
	switch s.State {
	case flow.Cached:
		return "Nothing was sent. " + or(show(s.Why, 200), "What this step would have brought was there already.")
	case flow.Running:
		return "Nothing was sent yet."
	case flow.Done:
		return "Nothing was recorded of this step."
	default:
		return "Nothing was sent. " + or(show(s.Why, 200), "This step was not reached.")
	}
}

// newPageLedger makes a ledger that draws what of it the page shows.
func (p *flowPage) newPageLedger(label string) *ledger {
	p.ledger = p.w.ledgerIn(p.scroll, label)
	return p.ledger
}

// showFolding shows entries of which some can be folded.
func (p *flowPage) showFolding(l *ledger, all []*entry) {
	l.all = func() []*entry { return all }
	l.refold = func() { l.replace(unfolded(all)); p.relayout() }
	l.set(unfolded(all))
}

// ledgerIn is a ledger within something that scrolls: it draws what of it can be
// seen there.
func (w *Window) ledgerIn(scroll *container.Scroll, label string) *ledger {
	l := newLedger(label)
	l.sight = func() (float32, float32) {
		d := fyne.CurrentApp().Driver()
		top := d.AbsolutePositionForObject(scroll).Y - d.AbsolutePositionForObject(l).Y
		return top, top + max(scroll.Size().Height, 400)
	}
	l.bring = func(top, bottom float32) { bring(l, scroll, top, bottom) }
	l.scroll, l.copy = func(e *fyne.KeyEvent) bool { return scrollKey(scroll, e) }, w.copy
	return l
}

// scrollKey scrolls by the keys that move in a text.
func scrollKey(scroll *container.Scroll, e *fyne.KeyEvent) bool {
	page := max(ledgerLine, scroll.Size().Height-40)
	y := scroll.Offset.Y
	switch e.Name {
	case fyne.KeyDown:
		y += 2 * ledgerLine
	case fyne.KeyUp:
		y -= 2 * ledgerLine
	case fyne.KeyPageDown:
		y += page
	case fyne.KeyPageUp:
		y -= page
	case fyne.KeyHome:
		y = 0
	case fyne.KeyEnd:
		y = scroll.Content.Size().Height
	default:
		return false
	}
	scroll.ScrollToOffset(fyne.NewPos(0, max(0, min(y, scroll.Content.Size().Height-scroll.Size().Height))))
	return true
}

// exchangeTab is the request or the answer of an exchange.
func (p *flowPage) exchangeTab(s *flow.Step) []fyne.CanvasObject {
	e := p.exchange()
	if e == nil {
		return []fyne.CanvasObject{aside(nothingSent(s))}
	}
	request := p.tab == tabRequest
	name, m := "Response", &e.Response
	if request {
		name, m = "Request", &e.Request
	}
	l := p.newPageLedger(name)
	entries := answerEntries(e)
	if request {
		entries = requestEntries(e)
	}
	p.showFolding(l, append(entries, messageEntries(m, !e.Done && !request)...))
	objects := []fyne.CanvasObject{p.exchangeBar(s, e, "Copy as text", l.plain), card(l)}
	if hidden := hiddenIn(e, m); len(hidden) > 0 {
		objects = append(objects, p.hiddenCard(hidden))
	}
	return objects
}

// exchangeBar names the exchange that is shown, and lets another one be chosen
// and the text be copied.
func (p *flowPage) exchangeBar(s *flow.Step, e *transport.Recording, copyWords string, text func() string) fyne.CanvasObject {
	copies := smallButton(copyWords, buttonPlain, nil).withIcon(theme.ContentCopyIcon())
	copies.onTap = func() { p.w.copy(text()); copies.setWords("Copied") }
	find := smallButton("Find", buttonPlain, p.w.search).withIcon(theme.SearchIcon())
	bar := []fyne.CanvasObject{copies, find}
	if len(s.Exchanges) > 1 {
		at := slices.IndexFunc(s.Exchanges, func(o transport.Recording) bool { return o.ID == e.ID })
		words := fmt.Sprintf("Exchange %d of %d", at+1, len(s.Exchanges)+s.Omitted)
		var pick *button
		pick = smallButton(words, buttonPlain, func() { p.openExchanges(s, pick) }).withIcon(theme.MenuDropDownIcon())
		bar = append([]fyne.CanvasObject{pick}, bar...)
		p.keepInSight(&pick.press)
	}
	p.keepInSight(&copies.press)
	p.keepInSight(&find.press)
	return buttonRow(bar...)
}

// openExchanges lets one of several exchanges be chosen.
func (p *flowPage) openExchanges(s *flow.Step, at *button) {
	m := fyne.NewMenu("")
	for i := range s.Exchanges {
		e := &s.Exchanges[i]
		item := fyne.NewMenuItem(exchangeWords(e), func() { p.picked = e.ID; p.show() })
		item.Checked = p.exchange() != nil && p.exchange().ID == e.ID
		m.Items = append(m.Items, item)
	}
	if s.Omitted > 0 {
		item := fyne.NewMenuItem(fmt.Sprintf("%d more are not kept", s.Omitted), nil)
		item.Disabled = true
		m.Items = append(m.Items, item)
	}
	p.openMenuAt(m, at)
}

func (p *flowPage) openMenuAt(m *fyne.Menu, under fyne.CanvasObject) { p.w.openMenuUnder(m, under) }

func (w *Window) openMenuUnder(m *fyne.Menu, under fyne.CanvasObject) {
	at := fyne.CurrentApp().Driver().AbsolutePositionForObject(under)
	newPopUpMenu(m, w.win.Canvas(), at.AddXY(0, under.Size().Height+2))
}

// exchangeWords name an exchange in one line.
func exchangeWords(e *transport.Recording) string {
	words := e.Method + " " + show(pathOfURL(e.URL), 50)
	switch {
	case e.Status != 0:
		words += fmt.Sprintf(" · %d", e.Status)
	case e.Done:
		words += " · no answer"
	}
	return words + " · " + took(e.Timings.Total)
}

func requestEntries(e *transport.Recording) []*entry {
	return []*entry{
		{cells: []cell{{spans: []span{{clean(e.Method) + " ", theme.ColorNameHyperlink}, {clean(e.URL), theme.ColorNameForeground}}, mono: true}}},
		wordsEntry(wayWords(e), colorMuted),
	}
}

// wayWords say how the exchange went over the network.
func wayWords(e *transport.Recording) string {
	var parts []string
	if e.Proto != "" {
		parts = append(parts, show(e.Proto, 20))
	}
	if e.Reused {
		parts = append(parts, "over an open connection")
	} else if e.Timings.Connect > 0 {
		parts = append(parts, "new connection")
	}
	if e.Remote != "" {
		parts = append(parts, "to "+show(e.Remote, 60))
	}
	parts = append(parts, e.Start.Format("15:04:05.000"))
	for _, t := range []struct {
		name string
		d    time.Duration
	}{{"DNS", e.Timings.DNS}, {"TCP", e.Timings.Connect}, {"TLS", e.Timings.TLS}, {"first byte after", e.Timings.Headers}, {"in all", e.Timings.Total}} {
		if t.d > 0 {
			parts = append(parts, t.name+" "+took(t.d))
		}
	}
	return strings.Join(parts, " · ")
}

func answerEntries(e *transport.Recording) []*entry {
	var entries []*entry
	switch {
	case e.Status != 0:
		ink := theme.ColorNameSuccess
		if e.Status >= 400 {
			ink = theme.ColorNameError
		}
		entries = append(entries, &entry{cells: []cell{{spans: []span{{fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status)), ink}}, mono: true}}}, wordsEntry(wayWords(e), colorMuted))
	case e.Done:
		entries = append(entries, wordsEntry("There was no answer.", theme.ColorNameError))
	default:
		entries = append(entries, wordsEntry("Waiting for the answer…", colorMuted))
	}
	if e.Fault != nil {
		entries = append(entries, wordsEntry("This answer was not used: "+show(e.Fault.Message, 300), theme.ColorNameError))
	}
	return entries
}

// messageEntries are headers, form and body.
func messageEntries(m *transport.Message, more bool) []*entry {
	var entries []*entry
	if len(m.Header) > 0 {
		entries = append(entries, titleEntry("Headers"))
		names := make([]string, 0, len(m.Header))
		for name := range m.Header {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			for _, value := range m.Header[name] {
				entries = append(entries, namedEntry(clean(name), plainCell(clean(value), theme.ColorNameForeground, true), ""))
			}
		}
	}
	if len(m.Form) > 0 {
		entries = append(entries, titleEntry("Form fields"))
		for _, f := range m.Form {
			entries = append(entries, namedEntry(clean(f.Name), plainCell(clean(f.Value), theme.ColorNameForeground, true), ""))
		}
	}
	if m.Body != "" {
		entries = append(entries, titleEntry("Body, "+sizeWords(m.Size)))
		entries = append(entries, bodyEntries(m.Body)...)
	}
	switch {
	case m.Cut:
		entries = append(entries, wordsEntry("The rest of "+sizeWords(m.Size)+" was not kept.", colorNoticeText))
	case m.Body == "" && len(m.Form) == 0 && m.Size > 0:
		entries = append(entries, titleEntry("Body"), wordsEntry(sizeWords(m.Size)+" that are no text.", colorMuted))
	case m.Body == "" && len(m.Form) == 0 && !more:
		entries = append(entries, titleEntry("Body"), wordsEntry("There is none.", colorMuted))
	}
	return entries
}

func sizeWords(n int64) string {
	if n < 10_000 {
		return wording.Plural(int(n), "byte", "bytes")
	}
	return fmt.Sprintf("%d KiB", (n+512)/1024)
}

// hiddenIn are the secrets whose placeholders stand in a message, or in the
// address for a request.
func hiddenIn(e *transport.Recording, m *transport.Message) []transport.Hidden {
	var text strings.Builder
	if m == &e.Request {
		text.WriteString(e.URL)
	}
	for _, values := range m.Header {
		text.WriteString(strings.Join(values, "\n"))
	}
	for _, f := range m.Form {
		text.WriteString(f.Value + "\n")
	}
	text.WriteString(m.Body)
	var found []transport.Hidden
	for _, h := range e.Secrets {
		if strings.Contains(text.String(), h.Placeholder()) {
			found = append(found, h)
		}
	}
	return found
}

// hiddenCard lists secrets, each with its buttons.
func (p *flowPage) hiddenCard(hidden []transport.Hidden) fyne.CanvasObject {
	list := column(12, newText("Hidden values", textStyle{style: fyne.TextStyle{Bold: true}}),
		newText("Secrets stand as placeholders above, in exports and on the clipboard. A value that is revealed here is hidden again by itself.", textStyle{color: colorMuted, size: sizeCaption, wrap: true}))
	for _, h := range hidden {
		print := ""
		if h.Token {
			print = h.Value.Fingerprint()
		}
		list.Add(p.secretRow(show(h.Name, 120), print, h.Value, len(h.Value.Reveal())).box)
	}
	return card(list)
}

// secretRow is a secret of this page.
func (p *flowPage) secretRow(name, print string, value secret.Text, length int) *secretRow {
	r := newSecretRow(p.w.secrets, name, secretRemark(value, print, length), value, p.relayout)
	p.keepInSight(&r.reveal.press)
	p.keepInSight(&r.copy.press)
	return r
}
