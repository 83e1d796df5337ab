package gui

import (
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"waybill/connection"
	"waybill/session"
)

// connectForm is the form of a connection: what it is called and where the
// browser comes back to, and a card for each of the two registrations.
type connectForm struct {
	w *Window
	o formOptions

	fields  map[connection.Field]*labelled
	kind    *choice[connection.ResourceKind]
	port    *choice[bool] // of the redirect URI: fixed or not
	subject *choice[connection.SubjectKind]
	dpop    *choice[bool]
	idp     *formSide
	res     *formSide
	general *more
	todos   *todosFields
	unread  map[connection.Field]string // what was wrong with them when they were read
	copyURI *button

	crossed     *panel
	crossedSays *text
}

func newConnectForm(w *Window, o formOptions) *connectForm {
	f := &connectForm{w: w, o: o, fields: map[connection.Field]*labelled{}}
	for _, of := range connection.Fields() {
		if w, ok := formFieldWords[of]; ok && !of.IsSecret() {
			f.fields[of] = newLabelled(w.label, w.placeholder, w.hint)
		}
	}
	f.kind = newChoice([]option[connection.ResourceKind]{{connection.REST, "REST"}, {connection.MCP, "MCP"}}, o.base.Resource.Kind, f.kindChosen)
	f.port = newChoice([]option[bool]{{false, "Any free port"}, {true, "Fixed port"}}, false, f.portChosen)
	f.subject = newChoice([]option[connection.SubjectKind]{
		{connection.SubjectAuto, "As the server says"}, {connection.SubjectRefreshToken, "Refresh token"}, {connection.SubjectIDToken, "ID token"},
	}, o.base.Subject, nil)
	f.dpop = newChoice([]option[bool]{{false, "Off"}, {true, "On, and required"}}, o.base.DPoP, nil)
	f.idp = newFormSide(f, session.AtIdP, o.base.IdP.AuthMethod, o.base.IdP.Assertion)
	f.res = newFormSide(f, session.AtResource, o.base.Resource.AuthMethod, o.base.Resource.Assertion)
	f.todos = newTodosFields(w.relayout, o.base.Resource.Todos)
	f.crossedSays = newText("", textStyle{color: colorNoticeText, size: labelSize, wrap: true})
	f.crossed = newPanel(f.crossedSays, panelStyle{fill: colorNotice, border: colorNoticeBorder, radius: 8, pad: insets{9, 12, 9, 12}})
	f.crossed.Hide()
	f.load(connection.Connection{}, o.base)
	f.listen()
	return f
}

// load shows the values of a connection in the place of those of another: what
// was typed over them stays.
func (f *connectForm) load(was, now connection.Connection) {
	for of, l := range f.fields {
		if l.value() == was.Get(of) {
			l.set(now.Get(of))
		}
	}
	f.idp.scopes.show([]string{"openid", "profile", "email", "offline_access"}, now.SignInScopes())
	offered := append([]string{"todos.read", "todos.write"}, f.o.offered...)
	if now.Resource.Kind == connection.MCP {
		offered = append(offered, "mcp.access")
	}
	f.res.scopes.show(offered, now.ResourceScopes())
	f.showRedirect()
}

// listen follows what is typed.
func (f *connectForm) listen() {
	for _, l := range f.all() {
		l.field.onBlur = func() {
			if l.trim() {
				f.w.relayout()
			}
			f.checkCrossed()
		}
	}
	uri := f.fields[connection.FieldRedirectURI]
	blur := uri.field.onBlur
	uri.field.onBlur = func() { blur(); f.showRedirect() }
	for of, from := range f.o.sources {
		if l := f.fields[of]; l != nil && l.value() != "" {
			l.explain(strings.TrimSpace(capital(from) + ". " + l.usual))
		}
	}
	if f.o.editing {
		name := f.fields[connection.FieldName]
		name.field.Disable()
		name.explain("The name of a connection stays.")
	}
}

// all are the fields of text and the secrets.
func (f *connectForm) all() []*labelled {
	var out []*labelled
	for _, of := range connection.Fields() {
		switch {
		case of == connection.FieldIdPSecret:
			out = append(out, f.idp.secret)
		case of == connection.FieldSecret:
			out = append(out, f.res.secret)
		case f.fields[of] != nil:
			out = append(out, f.fields[of])
		}
	}
	return slices.Concat(out, []*labelled{f.idp.key.lifetime, f.res.key.lifetime}, f.todos.all())
}

// objects are the parts of the form in their order.
func (f *connectForm) objects() []fyne.CanvasObject {
	f.copyURI = newIconButton(theme.ContentCopyIcon(), "Copy the redirect URI", func() { f.w.copy(f.fields[connection.FieldRedirectURI].value()) })
	uri := f.fields[connection.FieldRedirectURI].with(f.copyURI)
	top := f.sorted(nil, part{connection.FieldTitle, nil}, part{connection.FieldName, nil})
	redirect := column(8, uri, f.port.box)
	f.general = newMore(f.w.relayout, titled("What is exchanged for the ID-JAG", f.subject.box, "The refresh token lasts longer; some identity providers take the ID token alone."),
		titled(connection.FieldDPoP.Label(), f.dpop.box, "A token that somebody copies is of no use to them: each request is signed with a key of this computer, which both servers and the resource have to support."))
	if rest := f.sorted(f.hidden, part{connection.FieldTitle, nil}, part{connection.FieldName, nil}); len(rest) > 0 {
		f.general.inner.Objects = slices.Concat(rest, f.general.inner.Objects)
	}
	if b := f.o.base; b.DPoP || b.Subject != connection.SubjectAuto { // nothing unusual is hidden
		f.general.show(true)
	}
	head := column(14)
	if len(top) == 2 {
		head.Add(twoColumns(560, top[0], top[1]))
	} else {
		add(head, top...)
	}
	add(head, redirect, f.general.box)
	idp := f.idp.card("At the identity provider", "Signs you in and issues the ID-JAG. This pair is sent to the identity provider and nowhere else.")
	res := f.res.card("At the resource", "Takes the ID-JAG and gives access to the to-dos. This pair is sent to the resource's authorization server and nowhere else.")
	return []fyne.CanvasObject{head, f.crossed, twoColumns(620, card(idp), card(res))}
}

// part is a place in a card: a field of text, or what o shows of another field.
type part struct {
	of connection.Field
	o  fyne.CanvasObject // nil: the field of text
}

// hidden reports whether a field stands behind "More".
func (f *connectForm) hidden(of connection.Field) bool { return !f.o.asks(of) }

// sorted are the parts that stand in the open or, with a filter, those that it
// lets through.
func (f *connectForm) sorted(only func(connection.Field) bool, parts ...part) []fyne.CanvasObject {
	if only == nil {
		only = f.o.asks
	}
	var out []fyne.CanvasObject
	for _, p := range parts {
		if !only(p.of) {
			continue
		}
		if p.o == nil {
			p.o = f.fields[p.of].box
		}
		out = append(out, p.o)
	}
	return out
}

func add(to *fyne.Container, objects ...fyne.CanvasObject) {
	for _, o := range objects {
		to.Add(o)
	}
}

// titled puts a name above an object and a remark below it.
func titled(title string, o fyne.CanvasObject, remark string) *fyne.Container {
	c := column(5, newText(title, textStyle{size: labelSize, style: fyne.TextStyle{Bold: true}}), o)
	if remark != "" {
		c.Add(newText(remark, textStyle{color: colorMuted, size: sizeCaption, wrap: true}))
	}
	return c
}

// kindChosen takes the preset of that kind, or the scopes that this kind needs.
func (f *connectForm) kindChosen(kind connection.ResourceKind) {
	was := f.o.base
	for _, p := range f.o.kinds {
		if p.Connection.Resource.Kind == kind {
			f.o.base = p.Connection
			f.load(was, f.o.base)
			f.w.relayout()
			return
		}
	}
	asked := f.res.scopes.asked()
	if slices.Equal(asked, was.ResourceScopes()) {
		was.Resource.Kind, was.Resource.Scopes = kind, nil
		asked = was.ResourceScopes()
	}
	f.o.base.Resource.Kind = kind
	visible(f.todos.more.box, f.asksTodos())
	f.res.scopes.show(append([]string{"todos.read", "todos.write"}, f.o.offered...), asked)
	f.w.relayout()
}

// fixedPort is the port that is offered where a fixed one is wanted.
const fixedPort = 8765

func (f *connectForm) portChosen(fixed bool) {
	uri := f.fields[connection.FieldRedirectURI]
	r, err := connection.Connection{RedirectURI: uri.value()}.Redirect()
	if err != nil {
		r, _ = connection.Connection{}.Redirect()
	}
	if r.Port = 0; fixed {
		r.Port = fixedPort
	}
	uri.set(r.String())
	f.showRedirect()
	f.w.relayout()
}

// showRedirect says what the redirect URI is good for.
func (f *connectForm) showRedirect() {
	uri := f.fields[connection.FieldRedirectURI]
	r, err := connection.Connection{RedirectURI: uri.value()}.Redirect()
	if err != nil {
		return // said when the form is sent
	}
	f.port.set(r.Port != 0)
	if r.Port != 0 {
		uri.explain("Register exactly this at the identity provider, character for character: localhost is not 127.0.0.1.")
		return
	}
	uri.explain("Register this at the identity provider. Port 0 stands for any free port, which it must allow (RFC 8252); if it compares character for character, choose a fixed port.")
}

// read makes the connection of what was entered. Whether it will do is for
// validate to say.
func (f *connectForm) read() (connection.Connection, connection.Credentials) {
	for _, l := range f.all() {
		l.trim()
	}
	c := f.o.base
	for of, l := range f.fields {
		if changed, err := c.With(of, l.value()); err == nil {
			c = changed
		}
	}
	c.Resource.Kind, c.Subject, c.DPoP = f.kind.chosen, f.subject.chosen, f.dpop.chosen
	c.IdP.AuthMethod, c.Resource.AuthMethod = f.idp.method.chosen, f.res.method.chosen
	c.IdP.Scopes = unlessUsual(f.o.base.IdP.Scopes, f.idp.scopes.asked(), connection.Connection{}.SignInScopes())
	c.Resource.Scopes = unlessUsual(f.o.base.Resource.Scopes, f.res.scopes.asked(), connection.Connection{Resource: connection.Resource{Kind: c.Resource.Kind}}.ResourceScopes())
	f.unread = map[connection.Field]string{}
	switch {
	case c.Resource.Kind == connection.MCP:
		c.Resource.Todos = nil // an MCP server says itself where they are
	case f.asksTodos():
		c.Resource.Todos = f.todos.read(f.unread)
	}
	f.idp.key.read(&c.IdP.Assertion)
	f.res.key.read(&c.Resource.Assertion)
	if a, b := f.o.base, c; a.IdP.Issuer != b.IdP.Issuer || a.Resource.URL != b.Resource.URL {
		c.Approved = nil // it was for other servers
	}
	return c, connection.Credentials{IdP: f.idp.proof(), Resource: f.res.proof()}
}

// asksTodos reports whether the form asks where the to-dos are: of a REST API
// whose address it asks for.
func (f *connectForm) asksTodos() bool {
	return f.kind.chosen == connection.REST && f.o.asks(connection.FieldURL)
}

// unlessUsual are the scopes that a connection keeps: none where they are the
// usual ones and none were kept before.
func unlessUsual(kept, asked, usual []string) []string {
	if len(kept) == 0 && slices.Equal(asked, usual) {
		return nil
	}
	return asked
}

// checkCrossed says so if the two pairs look as if they were mixed up. It is a
// warning: some providers do use one pair for both.
func (f *connectForm) checkCrossed() {
	c, cred := f.o.base, connection.Credentials{IdP: f.idp.proof(), Resource: f.res.proof()}
	c.IdP.ClientID, c.Resource.ClientID = f.fields[connection.FieldIdPClientID].value(), f.fields[connection.FieldClientID].value()
	var words []string
	for _, w := range c.Warnings(cred) {
		if w.Field != connection.FieldMethod { // said where the method is chosen
			words = append(words, w.Says)
		}
	}
	f.crossedSays.set(strings.Join(words, " "))
	if shown := len(words) > 0; shown != f.crossed.Visible() {
		visible(f.crossed, shown)
		f.w.relayout()
	}
}
