package gui

import (
	"context"

	"fyne.io/fyne/v2"

	"waybill/connection"
	"waybill/fault"
	"waybill/session"
)

// connectPage asks for a connection. Its two cards keep the two registrations
// apart, since crossing them is the most common mistake of this protocol.
type connectPage struct {
	*frame
	form    *connectForm
	problem *panel
	says    *text
	save    *button // and sign in
	only    *button // and nothing else
	check   *button
}

func newConnectPage(w *Window, o formOptions) *connectPage {
	p := &connectPage{frame: newFrame(w, w.showConnections), says: newText("", textStyle{color: colorFaultText, wrap: true})}
	p.problem = newPanel(p.says, panelStyle{fill: colorFault, border: colorFaultBorder, radius: 8, pad: insets{9, 14, 9, 14}})
	p.problem.Hide()
	p.form = newConnectForm(w, o)
	p.save = newButton("Save and sign in", buttonPrimary, func() { p.submit(w.signIn) })
	p.only = newButton("Save", buttonPlain, func() { p.submit(func(string) { w.showConnections() }) })
	p.check = newButton("Save and check", buttonPlain, func() { p.submit(w.checkConnection) })
	if o.editing {
		p.save.kind, p.only.kind = buttonPlain, buttonPrimary
	}
	body := column(14, blurb(o.words))
	if o.register != "" {
		body.Add(row(0, nil, newButton("Open the registration page", buttonPlain, func() { w.openLink(o.register) })))
	}
	add(body, p.form.objects()...)
	add(body, p.problem, buttonRow(p.buttons()...))
	p.fill(p.head(o.title), body)
	p.followFocus()
	return p
}

// buttons are those at the end of the form, the main one first.
func (p *connectPage) buttons() []fyne.CanvasObject {
	if p.form.o.editing {
		return []fyne.CanvasObject{p.only, p.check, p.save}
	}
	return []fyne.CanvasObject{p.save, p.check, p.only}
}

// followFocus keeps whatever has the focus in sight.
func (p *connectPage) followFocus() {
	for _, l := range p.form.all() {
		l.field.onFocus = p.follow(l.box)
	}
	f := p.form
	for _, c := range []interface {
		followed(func(fyne.CanvasObject) func())
	}{f.kind, f.port, f.subject, f.dpop, f.idp.method, f.res.method, f.idp.key.audience, f.idp.key.algorithm, f.res.key.audience, f.res.key.algorithm} {
		c.followed(p.follow)
	}
	f.todos.followed(p.follow)
	f.general.open.onFocus = p.follow(f.general.open)
	for _, s := range []*formSide{f.idp, f.res} {
		s.scopes.own.onFocus = p.follow(s.scopes.own)
		s.scopes.plus.onFocus = p.follow(s.scopes.plus)
		s.scopes.focused = func(o fyne.CanvasObject) { bringIntoSight(p.scroll, o) }
		s.scopes.rebuild()
		s.more.open.onFocus = p.follow(s.more.open)
	}
	f.copyURI.onFocus = p.follow(f.copyURI)
	for _, b := range []*button{p.save, p.only, p.check} {
		b.onFocus = p.follow(b)
	}
}

// goTo brings a field into sight and gives it the focus, whatever hides it.
func (p *connectPage) goTo(of connection.Field) {
	f := p.form
	if l := f.fieldOf(of); l != nil {
		f.reveal(l.box)
		p.w.relayout()
		p.w.win.Canvas().Focus(l.field)
		return
	}
	side := f.res
	switch of {
	case connection.FieldIdPScopes, connection.FieldIdPMethod:
		side = f.idp
	case connection.FieldKind:
		p.w.win.Canvas().Focus(f.kind.buttons[0])
		return
	}
	if of == connection.FieldIdPMethod || of == connection.FieldMethod {
		p.w.win.Canvas().Focus(side.method.buttons[0])
		return
	}
	if of == connection.FieldIdPScopes || of == connection.FieldScopes {
		p.w.win.Canvas().Focus(side.scopes.own)
	}
}

// submit checks what was entered, keeps it, and goes on.
func (p *connectPage) submit(then func(name string)) {
	c, cred := p.form.read()
	p.form.checkCrossed()
	first := p.form.say(p.form.wrongs(c))
	p.show(nil)
	if first == nil {
		if err := c.Validate(); err != nil { // something that no field is about
			p.show(err)
			return
		}
		p.keep(c, cred, then)
		return
	}
	p.w.relayout()
	p.w.win.Canvas().Focus(first.field)
}

func (p *connectPage) keep(c connection.Connection, cred connection.Credentials, then func(string)) {
	keep := p.w.backend.AddConnection
	if p.form.o.editing {
		keep = p.w.backend.ChangeConnection
	}
	p.enable(false)
	p.w.tasks.start(func(ctx context.Context) error { return keep(ctx, c, cred) }, func(err error) {
		p.enable(true)
		if p.w.page != p {
			return
		}
		if p.show(err); err != nil {
			return
		}
		delete(p.w.lasts, c.Name)
		p.form.o.editing = true // it is kept: saving again changes it
		p.w.makeKeys(c, p.form.keyRequests(c), then)
	})
}

func (p *connectPage) enable(on bool) {
	for _, b := range []*button{p.save, p.only, p.check} {
		b.setEnabled(on)
	}
}

func (p *connectPage) show(err error) {
	visible(p.problem, err != nil)
	if err != nil {
		p.says.set(fault.As(err).Error())
	}
	p.w.relayout()
}

// keeps reports whether what is kept for a client still belongs to it.
func (f *connectForm) keeps(s *formSide, c connection.Connection) bool {
	return session.KeepsSecret(f.o.base, c, s.at)
}

// keyRequests are the keys that the connection needs and that are not there yet.
func (f *connectForm) keyRequests(c connection.Connection) []session.KeyRequest {
	var out []session.KeyRequest
	for _, s := range []*formSide{f.idp, f.res} {
		if s.method.chosen == connection.PrivateKeyJWT && !(s.key.has && f.keeps(s, c)) {
			out = append(out, session.KeyRequest{At: s.at, Algorithm: s.key.algorithm.chosen})
		}
	}
	return out
}

func (p *connectPage) content() fyne.CanvasObject { return p.box }
func (p *connectPage) leave()                     { p.detach() }
func (p *connectPage) stays()                     {}

func (p *connectPage) escape() {
	if !p.escapes() {
		p.w.showConnections()
	}
}

// askRemove forgets a connection, after asking.
func (w *Window) askRemove(info session.ConnectionInfo) {
	var s *sheet
	title := show(info.Connection.DisplayTitle(), 60)
	remove := newButton("Remove", buttonDanger, func() {
		s.close()
		name := info.Connection.Name
		w.tasks.start(func(ctx context.Context) error { return w.backend.RemoveConnection(ctx, name) }, func(err error) { w.reportAt(name, err) })
	})
	keep := newButton("Keep", buttonPlain, func() { s.close() })
	s = w.openSheet(sheetOptions{
		title: "Remove “" + title + "”?", buttons: []fyne.CanvasObject{keep, remove}, focus: keep,
		body: newText("This forgets its settings and its secrets on this computer.", textStyle{wrap: true}),
	})
}
