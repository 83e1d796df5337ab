package gui

import (
	"fmt"
	"strings"
	"unicode"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"waybill/connection"
	"waybill/fault"
)

// connectForm is the form of a connection: what it is called and where the
// browser comes back to, and a card for each of the two registrations.
type connectForm struct {
	w       *Window
	presets []connection.Preset // by kind of resource; nil: everything is asked for
	base    connection.Connection

	kind     *choice[connection.ResourceKind]
	name     *labelled
	redirect *labelled

	issuer, idpID, idpSecret, idpScopes     *labelled
	idpMethod                               *choice[connection.AuthMethod]
	url, resID, resSecret, server, resource *labelled
	resScopes                               *labelled
	resMethod                               *choice[connection.AuthMethod]

	crossed     *panel
	crossedSays *text
}

func newConnectForm(w *Window, presets []connection.Preset) *connectForm {
	f := &connectForm{w: w, presets: presets, base: connection.Connection{RedirectURI: connection.DefaultRedirectURI}}
	kind := connection.REST
	if len(presets) > 0 {
		f.base, kind = presets[0].Connection, presets[0].Connection.Resource.Kind
	}
	f.kind = newChoice([]option[connection.ResourceKind]{{connection.REST, "REST"}, {connection.MCP, "MCP"}}, kind, f.kindChosen)
	f.name = newLabelled("Name", "my-organisation", "Letters, digits, dots and dashes.")
	f.redirect = newLabelled("Redirect URI", "", "Register exactly this at the identity provider, character for character. Port 0 means any free port, for providers that allow that.")
	f.issuer = newLabelled("Issuer", "https://idp.example", "The identity provider's address, exactly as it writes it itself: a final slash matters.")
	f.idpID, f.idpSecret = newLabelled("Client ID", "", ""), newSecretLabelled("Client secret")
	f.idpScopes = newLabelled("Scopes", "openid profile email offline_access", "")
	f.url = newLabelled("Address", "https://api.example", "")
	f.resID, f.resSecret = newLabelled("Client ID", "", "The id that this app has at the resource's authorization server. It is another one than at the identity provider."), newSecretLabelled("Client secret")
	f.server = newLabelled("Authorization server", "Found out from the resource", "Its issuer. It is the audience of the token exchange, compared character for character.")
	f.resource = newLabelled("Resource identifier", "Found out from the resource", "")
	f.resScopes = newLabelled("Scopes", "todos.read", "Add todos.write to be able to change to-dos.")
	f.idpMethod, f.resMethod = newMethodChoice(), newMethodChoice()
	f.crossedSays = newText("", textStyle{color: colorNoticeText, size: labelSize, wrap: true})
	f.crossed = newPanel(f.crossedSays, panelStyle{fill: colorNotice, border: colorNoticeBorder, radius: 8, pad: insets{9, 12, 9, 12}})
	f.crossed.Hide()
	f.name.set(f.base.Name)
	f.redirect.set(f.base.RedirectURI)
	for _, l := range []*labelled{f.idpID, f.idpSecret, f.resID, f.resSecret} {
		l.field.onBlur = func() {
			if l.trim() {
				w.relayout()
			}
			f.checkCrossed()
		}
	}
	return f
}

func newMethodChoice() *choice[connection.AuthMethod] {
	return newChoice([]option[connection.AuthMethod]{
		{connection.AuthAuto, "As the server says"}, {connection.ClientSecretBasic, "Basic"}, {connection.ClientSecretPost, "Post"}, {connection.AuthNone, "None"},
	}, connection.AuthAuto, nil)
}

// objects are the parts of the form in their order.
func (f *connectForm) objects() []fyne.CanvasObject {
	copyURI := newIconButton(theme.ContentCopyIcon(), "Copy the redirect URI", func() { f.w.copy(f.redirect.value()) })
	redirect := f.redirect.with(copyURI)
	kind := column(5, newText("Kind", textStyle{size: labelSize, style: fyne.TextStyle{Bold: true}}), f.kind.box)
	idp := column(12, heading("At the identity provider", 16), blurb("Signs you in and issues the ID-JAG."))
	res := column(12, heading("At the resource", 16), blurb("Takes the ID-JAG and gives access to the to-dos."), kind)
	if f.presets == nil {
		add(idp, f.issuer.box, f.idpID.box, f.idpSecret.box, f.more(f.idpScopes.box, method(f.idpMethod)))
		add(res, f.url.box, f.resID.box, f.resSecret.box, f.more(f.server.box, f.resource.box, f.resScopes.box, method(f.resMethod)))
		return []fyne.CanvasObject{twoColumns(560, f.name.box, redirect), twoColumns(560, card(idp), card(res)), f.crossed}
	}
	add(idp, f.idpID.box, f.idpSecret.box)
	add(res, f.resID.box, f.resSecret.box)
	return []fyne.CanvasObject{redirect, twoColumns(560, card(idp), card(res)), f.crossed}
}

func add(to *fyne.Container, objects ...fyne.CanvasObject) {
	for _, o := range objects {
		to.Add(o)
	}
}

func method(c *choice[connection.AuthMethod]) fyne.CanvasObject {
	return column(5, newText("The client authenticates with", textStyle{size: labelSize, style: fyne.TextStyle{Bold: true}}), buttonRow(c.box.Objects...))
}

// kindChosen takes the preset of that kind.
func (f *connectForm) kindChosen(kind connection.ResourceKind) {
	for _, p := range f.presets {
		if p.Connection.Resource.Kind == kind {
			f.base = p.Connection
		}
	}
	placeholder := "todos.read"
	if kind == connection.MCP {
		placeholder = "todos.read mcp.access"
	}
	f.resScopes.field.SetPlaceHolder(placeholder)
}

// read makes the connection of what was entered. Only the form of the values
// is checked here.
func (f *connectForm) read() (connection.Connection, connection.Credentials, error) {
	for _, l := range f.all() {
		l.trim()
	}
	c := f.base
	c.RedirectURI = f.redirect.value()
	c.IdP.ClientID, c.Resource.ClientID = f.idpID.value(), f.resID.value()
	cred := connection.Credentials{IdP: secretOf(f.idpSecret), Resource: secretOf(f.resSecret)}
	if f.presets == nil {
		c.Name = f.name.value()
		c.IdP.Issuer, c.IdP.AuthMethod, c.IdP.Scopes = f.issuer.value(), f.idpMethod.chosen, strings.Fields(f.idpScopes.value())
		c.Resource.Kind, c.Resource.URL = f.kind.chosen, f.url.value()
		c.Resource.AuthMethod, c.Resource.Scopes = f.resMethod.chosen, strings.Fields(f.resScopes.value())
		c.Resource.AuthorizationServer, c.Resource.Identifier = f.server.value(), f.resource.value()
	}
	f.checkCrossed()
	if c.IdP.ClientID == "" || c.Resource.ClientID == "" {
		return c, cred, fault.New(fault.StepSetup, fault.Config, "missing_field", "Both client ids are needed: one for each card.")
	}
	return c, cred, nil
}

func (f *connectForm) all() []*labelled {
	return []*labelled{f.name, f.redirect, f.issuer, f.idpID, f.idpSecret, f.idpScopes,
		f.url, f.resID, f.resSecret, f.server, f.resource, f.resScopes}
}

// checkCrossed says so if the two pairs look as if they were mixed up. It is a
// warning: some providers do use one pair for both.
func (f *connectForm) checkCrossed() {
	words := crossedWords(f.idpID.value(), f.resID.value(), f.idpSecret.value(), f.resSecret.value())
	f.crossedSays.set(words)
	if shown := words != ""; shown != f.crossed.Visible() {
		visible(f.crossed, shown)
		f.w.relayout()
	}
}

// crossedWords says what looks mixed up about the two pairs, "" if nothing.
func crossedWords(idpID, resID, idpSecret, resSecret string) string {
	switch {
	case strings.Contains(idpID, "-at-") && !strings.Contains(resID, "-at-"):
		return "The two pairs look crossed: a client ID with “-at-” in it belongs into the card of the resource."
	case idpID != "" && idpID == resID:
		return "Both cards have the same client ID. As a rule they differ; at xaa.dev the one of the resource ends in “-at-” and the resource's name."
	case idpSecret != "" && idpSecret == resSecret:
		return "Both cards have the same client secret. As a rule they differ."
	default:
		return ""
	}
}

// labelled is a field with its name above and a remark below.
type labelled struct {
	box    *fyne.Container
	field  *field
	label  *text
	remark *text
	usual  string // the remark while there is nothing else to say
	name   string
	beside *fyne.Container
}

func newLabelled(label, placeholder, remark string) *labelled {
	return labelField(label, newField(placeholder), remark)
}

func newSecretLabelled(label string) *labelled {
	return labelField(label, newSecretField(""), "")
}

func labelField(label string, f *field, remark string) *labelled {
	l := &labelled{field: f, usual: remark, name: label}
	l.label = newText(label, textStyle{size: labelSize, style: fyne.TextStyle{Bold: true}})
	l.remark = newText(remark, textStyle{color: colorMuted, size: sizeCaption, wrap: true})
	visible(l.remark, remark != "")
	l.beside = stack(f)
	l.box = column(5, l.label, l.beside, l.remark)
	return l
}

// with puts an object to the right of the field.
func (l *labelled) with(o fyne.CanvasObject) fyne.CanvasObject {
	l.beside.Objects = []fyne.CanvasObject{row(6, l.field, l.field, o)}
	return l.box
}

func (l *labelled) value() string { return strings.TrimSpace(l.field.Text) }

func (l *labelled) set(value string) { l.field.SetText(value) }

// trim takes away what a paste brought along, and says so; it reports whether
// there was anything.
func (l *labelled) trim() bool {
	clean := strings.TrimFunc(l.field.Text, unicode.IsSpace)
	if clean == l.field.Text {
		return false
	}
	l.field.SetText(clean)
	words := fmt.Sprintf("Blanks around the %s were removed.", strings.ToLower(l.name))
	if l.usual != "" {
		words += " " + l.usual
	}
	l.remark.set(words)
	l.remark.Show()
	return true
}

// more hides what is rarely needed behind a link.
func (f *connectForm) more(objects ...fyne.CanvasObject) fyne.CanvasObject {
	inner := column(12, objects...)
	inner.Hide()
	open := newLink("More", nil)
	open.onTap = func() {
		if open.words = "More"; !inner.Visible() {
			open.words = "Less"
		}
		visible(inner, !inner.Visible())
		f.w.relayout()
	}
	return column(12, row(0, nil, open), inner)
}
