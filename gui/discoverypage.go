package gui

import (
	"context"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
)

// discoveryPage looks for a connection from an address, and shows every place
// where it has looked.
type discoveryPage struct {
	*frame
	address, issuer *labelled
	look            *button
	stop            context.CancelFunc // of the search under way; nil before the first
	run             int                // counts the searches
	over            bool               // the search has ended, or the page was left
	found           *auth.Found

	server string // the authorization server that was chosen of several
	state  *text
	result *fyne.Container
	list   *fyne.Container
}

func newDiscoveryPage(w *Window) *discoveryPage {
	p := &discoveryPage{frame: newFrame(w, w.addConnection), result: column(12), list: column(0), over: true}
	p.address = newLabelled("Address", "https://mcp.example/mcp", "Of an MCP server, of an API, of an authorization server, or of your identity provider.")
	p.issuer = newLabelled("Issuer of your identity provider", "https://idp.example", "May be left empty now; the connection needs it in the end.")
	p.state = newText("", textStyle{color: colorMuted, wrap: true})
	p.state.Hide()
	p.look = newButton("Look", buttonPrimary, p.toggle)
	for _, l := range []*labelled{p.address, p.issuer} {
		l.field.OnSubmitted = func(string) { p.begin("") }
		l.field.onFocus = p.follow(l.box)
	}
	p.look.onFocus = p.follow(p.look)
	body := column(14, blurb("Nothing secret is sent. Each standard place is asked, and what came of it is shown."),
		twoColumns(500, p.address.box, p.issuer.box), row(0, nil, p.look), p.state, p.result, p.list)
	p.fill(p.head("A connection by an address"), body)
	return p
}

// toggle begins a search, or ends the one under way.
func (p *discoveryPage) toggle() {
	if p.over {
		p.begin("")
		return
	}
	p.stop()
}

// begin searches. server is the one of several authorization servers that was
// chosen, "" before that.
func (p *discoveryPage) begin(server string) {
	p.address.trim()
	p.issuer.trim()
	if p.address.value() == "" && p.issuer.value() == "" {
		p.address.fail("Enter an address.")
		p.w.relayout()
		p.w.win.Canvas().Focus(p.address.field)
		return
	}
	p.address.fail("")
	if p.stop != nil {
		p.stop()
	}
	var ctx context.Context
	ctx, p.stop = context.WithCancel(p.w.tasks.ctx)
	stop := p.stop
	p.run++
	mine := p.run
	p.over, p.server, p.found = false, server, nil
	p.list.RemoveAll()
	p.result.RemoveAll()
	p.look.setWords("Stop")
	p.tell("Looking…")
	p.w.relayout()
	q := auth.Query{Address: p.address.value(), Issuer: p.issuer.value()}
	if server != "" {
		q.Given.Resource.URL, q.Given.Resource.AuthorizationServer = q.Address, server
	}
	var found *auth.Found
	p.w.tasks.start(func(context.Context) (err error) {
		defer stop()
		found, err = p.w.backend.Discover(ctx, q, func(place auth.Place) {
			p.w.o.Do(func() {
				if p.run == mine && !p.over {
					p.asked(place)
				}
			})
		})
		return err
	}, func(err error) {
		if p.run == mine && !p.over {
			p.ended(found, err)
		}
	})
}

func (p *discoveryPage) tell(words string) {
	p.state.set(words)
	visible(p.state, words != "")
}

// asked adds a place to the list.
func (p *discoveryPage) asked(place auth.Place) {
	var more []fyne.CanvasObject
	if place.Instead != "" {
		more = append(more, buttonRow(smallButton("Use "+show(place.Instead, 200), buttonPlain, func() { p.use(place) }).wrapping()))
	}
	p.list.Add(placeLine(place).object(more...))
	p.w.relayout()
}

// use looks again with the name that a server gives itself.
func (p *discoveryPage) use(place auth.Place) {
	switch {
	case strings.HasPrefix(place.For, "authorization server") && p.address.value() != "":
		p.begin(place.Instead)
		return
	case strings.HasPrefix(place.For, "identity provider") && p.issuer.value() != "":
		p.issuer.set(place.Instead)
	default:
		p.address.set(place.Instead)
	}
	p.begin("")
}

// ended says what was found and offers to go on.
func (p *discoveryPage) ended(found *auth.Found, err error) {
	p.over, p.found = true, found
	p.look.setWords("Look again")
	switch {
	case fault.Is(err, fault.Canceled):
		p.tell("Stopped.")
	case err != nil:
		p.tell("")
		p.result.Add(noticeCard(fault.As(err).Error()))
	default:
		p.tell("")
	}
	if found == nil {
		p.w.relayout()
		return
	}
	if len(found.Notes) > 0 {
		p.result.Add(noticeCard(strings.Join(found.Notes, "\n")))
	}
	if len(found.Servers) > 0 {
		p.offerServers(found.Servers)
	}
	p.offer(found)
	p.w.relayout()
}

// offerServers lets one of several authorization servers be chosen.
func (p *discoveryPage) offerServers(servers []string) {
	var options []fyne.CanvasObject
	for _, s := range servers {
		b := smallButton(show(s, 200), buttonPlain, func() { p.begin(s) }).wrapping()
		b.onFocus = p.follow(b)
		options = append(options, b)
	}
	p.result.Add(titled("The authorization server to use", buttonRow(options...), ""))
}

// offer shows the proposal, and goes on to the form with it.
func (p *discoveryPage) offer(found *auth.Found) {
	if len(found.Sources) == 0 {
		return
	}
	lines := column(7, heading("What is known", sizeBody))
	for _, s := range found.Sources {
		if s.Field != connection.FieldName && s.Field != connection.FieldRedirectURI {
			lines.Add(container.New(&twoColumnsLayout{gap: 3, from: 420}, newText(s.Field.Label(), textStyle{color: colorMuted, size: labelSize, wrap: true}),
				column(1, newText(show(s.Value, 200), textStyle{size: labelSize, wrap: true}), newText(capital(s.From), textStyle{color: colorMuted, size: sizeSmall, wrap: true}))))
		}
	}
	p.result.Add(card(lines))
	var missing []string
	for _, f := range found.Missing {
		missing = append(missing, uncapital(f.Label()))
	}
	if len(missing) > 0 {
		p.result.Add(newText("Still needed: "+strings.Join(missing, ", ")+".", textStyle{wrap: true}))
	}
	goOn := newButton("Complete this connection", buttonPrimary, p.goOn).withIcon(theme.NavigateNextIcon())
	p.look.kind = buttonPlain
	p.look.Refresh()
	goOn.onFocus = p.follow(goOn)
	p.result.Add(row(0, nil, goOn))
	p.w.win.Canvas().Focus(goOn)
}

// goOn completes the proposal in the form.
func (p *discoveryPage) goOn() {
	o := wholeForm(p.found.Connection)
	o.base.Name = p.w.freeName(o.base.Name)
	o.title, o.words = "Complete the connection", "What was found stands here already. The client IDs and secrets are those of your two registrations."
	o.offered, o.sources = p.found.Offered, map[connection.Field]string{}
	for _, s := range p.found.Sources {
		o.sources[s.Field] = s.From
		if strings.HasPrefix(s.From, "the ") {
			o.sources[s.Field] = "from " + s.From
		}
	}
	p.w.show(newConnectPage(p.w, o))
}

func (p *discoveryPage) content() fyne.CanvasObject { return p.box }
func (p *discoveryPage) stays()                     {}

func (p *discoveryPage) leave() {
	p.over = true
	if p.stop != nil {
		p.stop()
	}
	p.detach()
}

func (p *discoveryPage) escape() {
	if !p.escapes() {
		p.w.addConnection()
	}
}
