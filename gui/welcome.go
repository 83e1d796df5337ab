package gui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"waybill/connection"
	"waybill/session"
)

// welcomePage is what a fresh installation shows, and where another connection
// is chosen later: the built-in playground first, since it needs nothing else.
type welcomePage struct {
	w       *Window
	body    fyne.CanvasObject
	parts   *fyne.Container
	kept    *fyne.Container // connections that were made before, which come first
	back    *button
	builtin *choiceCard
}

func newWelcomePage(w *Window) *welcomePage {
	p := &welcomePage{w: w, kept: column(8)}
	p.back = newButton("Back to your to-dos", buttonQuiet, w.showHome).withIcon(theme.NavigateBackIcon())
	p.builtin = newChoiceCard("Try the built-in playground",
		"Everything runs on this computer: an identity provider, an authorization server and a to-do service. Any e-mail address and any six digits will do. Nothing leaves this computer.",
		func() { w.use(w.connection(connection.PlaygroundName)) })
	p.builtin.main = true
	mcp := newLink("The same over MCP instead of REST", func() { w.use(w.connection(connection.PlaygroundMCPName)) })
	xaa := newChoiceCard("Connect to xaa.dev", "The public playground for Cross App Access. You register this app there first.",
		func() { w.show(newConnectPage(w, presetForm(w, connection.PresetsNamed("xaa-dev", "xaa-dev-mcp")...))) })
	other := newChoiceCard("Another provider", "Your own identity provider and a to-do service that trusts it.",
		w.addConnection)
	p.parts = column(14,
		inset(insets{0, 0, 0, -buttonPadX}, row(0, nil, p.back)), p.title(),
		newText("Your to-dos live in another application. Waybill shows them here without asking you to sign in there: your identity provider vouches for you. You sign in once, in your browser.", textStyle{wrap: true}),
		p.kept, gap(1, 2), p.builtin, inset(insets{-4, 0, 6, 18}, row(0, nil, mcp)),
		twoColumns(440, xaa, other), inset(insets{10, 0, 0, 0}, row(0, nil, newLink("All connections", w.showConnections))))
	p.body = stack(newPanel(nil, panelStyle{fill: theme.ColorNameBackground}),
		container.NewVScroll(inset(insets{24, 20, 28, 20}, centred(660, p.parts))))
	p.stateChanged(w.state)
	return p
}

// title is the icon beside a greeting.
func (p *welcomePage) title() fyne.CanvasObject {
	words := heading("Welcome to Waybill", sizeHeading)
	if p.w.app.Icon() == nil {
		return words
	}
	icon := canvas.NewImageFromResource(p.w.app.Icon())
	icon.FillMode = canvas.ImageFillContain
	icon.SetMinSize(fyne.NewSquareSize(44))
	return row(14, words, icon, words)
}

// connection finds what is known of a connection.
func (w *Window) connection(name string) session.ConnectionInfo {
	for _, info := range w.state.Connections {
		if info.Connection.Name == name {
			return info
		}
	}
	return session.ConnectionInfo{Connection: connection.Connection{Name: name}}
}

// stateChanged lists the connections that there are.
func (p *welcomePage) stateChanged(s *session.State) {
	visible(p.back, s.Phase == session.SignedIn)
	p.kept.RemoveAll()
	for _, info := range s.Connections {
		if !info.BuiltIn || info.SignedIn {
			p.kept.Add(p.entry(info))
		}
	}
	visible(p.kept, len(p.kept.Objects) > 0)
	if len(p.kept.Objects) > 0 {
		p.kept.Objects = append([]fyne.CanvasObject{inset(insets{10, 0, 0, 0}, heading("Your connections", sizeBody))}, p.kept.Objects...)
	}
	p.body.Refresh()
}

// entry is a connection that was made before.
func (p *welcomePage) entry(info session.ConnectionInfo) fyne.CanvasObject {
	c := info.Connection
	says := show(c.IdP.Issuer, 100)
	action := "Sign in"
	if info.SignedIn {
		says, action = "Signed in as "+show(info.Email, 80), "Open"
	}
	words := column(2, newText(show(c.DisplayTitle(), 80), textStyle{style: fyne.TextStyle{Bold: true}}),
		newText(says, textStyle{color: colorMuted, size: labelSize}))
	buttons := []fyne.CanvasObject{words, newButton(action, buttonPlain, func() { p.w.use(info) })}
	if !info.BuiltIn && info.Placed == "" {
		buttons = append(buttons, newIconButton(theme.DeleteIcon(), "Remove "+show(c.DisplayTitle(), 60), func() { p.w.askRemove(info) }))
	}
	return newPanel(row(8, words, buttons...), panelStyle{fill: colorCard, border: theme.ColorNameSeparator, radius: 10, pad: insets{10, 10, 10, 16}})
}

func (p *welcomePage) content() fyne.CanvasObject { return p.body }
func (p *welcomePage) leave()                     {}

func (p *welcomePage) escape() {
	if p.w.state.Phase == session.SignedIn {
		p.w.showHome()
	}
}

// choiceCard is a large thing to press, with a sentence about it.
type choiceCard struct {
	press
	title, words *text
	main         bool // the one that is offered first
}

func newChoiceCard(title, words string, onTap func()) *choiceCard {
	c := &choiceCard{
		title: newText(title, textStyle{size: 16, style: fyne.TextStyle{Bold: true}, wrap: true}),
		words: newText(words, textStyle{color: colorMuted, size: labelSize, wrap: true}),
	}
	c.extend(c, title+". "+words, onTap)
	return c
}

const cardPad = 18

func (c *choiceCard) heightFor(width float32) float32 {
	inner := width - 2*cardPad - c.arrowRoom()
	return c.title.heightFor(inner) + 5 + c.words.heightFor(inner) + 2*cardPad
}

func (c *choiceCard) arrowRoom() float32 {
	if c.main {
		return 34
	}
	return 0
}

func (c *choiceCard) CreateRenderer() fyne.WidgetRenderer {
	r := &choiceCardRenderer{card: c, back: canvas.NewRectangle(nil), arrow: canvas.NewImageFromResource(nil)}
	r.back.CornerRadius = 12
	r.arrow.FillMode = canvas.ImageFillContain
	r.paint()
	return r
}

type choiceCardRenderer struct {
	card  *choiceCard
	back  *canvas.Rectangle
	arrow *canvas.Image
}

func (r *choiceCardRenderer) Destroy() {}

func (r *choiceCardRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.back, r.card.title, r.card.words, r.arrow}
}

func (r *choiceCardRenderer) MinSize() fyne.Size {
	return fyne.NewSize(200, r.card.heightFor(max(200, r.card.Size().Width)))
}

func (r *choiceCardRenderer) Layout(size fyne.Size) {
	c := r.card
	r.back.Resize(size)
	inner := size.Width - 2*cardPad - c.arrowRoom()
	title := c.title.heightFor(inner)
	place(c.title, cardPad, cardPad, inner, title)
	place(c.words, cardPad, cardPad+title+5, inner, c.words.heightFor(inner))
	place(r.arrow, size.Width-cardPad-22, (size.Height-22)/2, 22, 22)
}

func (r *choiceCardRenderer) Refresh() {
	r.paint()
	r.card.title.Refresh()
	r.card.words.Refresh()
	canvas.Refresh(r.card)
}

func (r *choiceCardRenderer) paint() {
	c := r.card
	fill, border := colorCard, theme.ColorNameInputBorder
	ink, muted := theme.ColorNameForeground, colorMuted
	if c.main {
		fill, border, ink, muted = colorFill, "", theme.ColorNameForegroundOnPrimary, theme.ColorNameForegroundOnPrimary
		if c.hovered {
			fill = colorFillHover
		}
	} else if c.hovered {
		border = theme.ColorNamePrimary
	}
	paint(r.back, fill, border)
	if c.focused {
		r.back.StrokeColor, r.back.StrokeWidth = theme.Color(colorFocus), 3
	}
	c.title.color, c.words.color = ink, muted
	if r.arrow.Hidden = !c.main; c.main {
		r.arrow.Resource = theme.NewColoredResource(theme.NavigateNextIcon(), ink)
	}
}

// twoColumns puts two objects beside each other, equally wide and high, or
// below each other where there is no room.
func twoColumns(from float32, a, b fyne.CanvasObject) *fyne.Container {
	return container.New(&twoColumnsLayout{gap: 14, from: from}, a, b)
}

type twoColumnsLayout struct {
	gap   float32
	from  float32 // the width from which on there is room
	width float32 // of the last layout
}

func (l *twoColumnsLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	l.width = size.Width
	if size.Width < l.from {
		(&columnLayout{gap: l.gap}).Layout(objects, size)
		return
	}
	half := (size.Width - l.gap) / 2
	height := l.heightFor(objects, size.Width)
	place(objects[0], 0, 0, half, height)
	place(objects[1], half+l.gap, 0, half, height)
}

func (l *twoColumnsLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	width := max(objects[0].MinSize().Width, objects[1].MinSize().Width)
	return fyne.NewSize(width, l.heightFor(objects, max(width, l.width)))
}

func (l *twoColumnsLayout) heightFor(objects []fyne.CanvasObject, width float32) float32 {
	if width < l.from {
		return (&columnLayout{gap: l.gap}).heightFor(objects, width)
	}
	half := (width - l.gap) / 2
	return max(heightFor(objects[0], half), heightFor(objects[1], half))
}
