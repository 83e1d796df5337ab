package gui

import (
	"context"
	"fmt"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"waybill/connection"
	"waybill/fault"
	"waybill/secret"
	"waybill/session"
)

// connectPage asks for a connection. Its two cards keep the two registrations
// apart, since crossing them is the most common mistake of this protocol.
type connectPage struct {
	w       *Window
	body    fyne.CanvasObject
	form    *connectForm
	problem *panel
	says    *text
	save    *button
}

// newConnectPage asks for what the presets leave open, or, without any, for
// everything.
func newConnectPage(w *Window, presets []connection.Preset) *connectPage {
	p := &connectPage{w: w, says: newText("", textStyle{color: colorFaultText, wrap: true})}
	p.problem = newPanel(p.says, panelStyle{fill: colorFault, border: colorFaultBorder, radius: 8, pad: insets{9, 14, 9, 14}})
	p.problem.Hide()
	p.form = newConnectForm(w, presets)
	p.save = newButton("Save and sign in", buttonPrimary, p.submit)
	back := newButton("Back", buttonQuiet, w.showConnections).withIcon(theme.NavigateBackIcon())
	title, words := "Another provider", "You need a registration at the identity provider and one at the authorization server of the resource. What is left empty under “More” is found out from the servers themselves."
	if len(presets) > 0 {
		title, words = "Connect to xaa.dev", presets[0].Needs
	}
	parts := column(14, inset(insets{0, 0, 0, -buttonPadX}, row(0, nil, back)), heading(title, 20), blurb(words))
	if len(presets) > 0 {
		parts.Add(row(0, nil, newLink("Open "+presets[0].Register, func() { w.openLink(presets[0].Register) })))
	}
	for _, o := range p.form.objects() {
		parts.Add(o)
	}
	parts.Add(p.problem)
	parts.Add(buttonRow(p.save))
	scroll := container.NewVScroll(inset(insets{14, 20, 28, 20}, centred(860, parts)))
	for _, l := range p.form.all() {
		l.field.onFocus = func() { bringIntoSight(scroll, l.box) }
	}
	p.save.onFocus = func() { bringIntoSight(scroll, p.save) }
	p.body = stack(newPanel(nil, panelStyle{fill: theme.ColorNameBackground}), scroll)
	return p
}

// submit checks what was entered, keeps it, and signs in.
func (p *connectPage) submit() {
	c, cred, err := p.form.read()
	if err == nil {
		err = c.Validate()
	}
	if err == nil {
		err = p.taken(c.Name)
	}
	if p.show(err); err != nil {
		return
	}
	p.save.Disable()
	p.w.tasks.start(func(ctx context.Context) error { return p.w.backend.AddConnection(ctx, c, cred) }, func(err error) {
		p.save.Enable()
		if p.w.page != p {
			return
		}
		if p.show(err); err == nil {
			p.w.signIn(c.Name)
		}
	})
}

// taken is a Fault if the name belongs to another connection, which would be
// replaced.
func (p *connectPage) taken(name string) error {
	if p.w.connection(name).Connection.Resource.URL == "" {
		return nil
	}
	return fault.New(fault.StepSetup, fault.Config, "name_taken", fmt.Sprintf("There is a connection called %q already.", name)).
		WithRemedy("Choose another name, or remove that one first.")
}

func (p *connectPage) show(err error) {
	visible(p.problem, err != nil)
	if err != nil {
		p.says.set(formWords(fault.As(err)))
	}
	p.w.relayout()
}

// formWords puts a fault about a connection into the words of the form, which
// shows labels where a connection file has field names.
func formWords(f *fault.Fault) string {
	return strings.NewReplacer(
		`"idp.issuer"`, "“Issuer”", `"idp.client_id"`, "“Client ID” at the identity provider",
		`"resource.url"`, "“Address”", `"resource.client_id"`, "“Client ID” at the resource",
		`"resource.authorization_server"`, "“Authorization server”", `Set "name".`, "Change “Name”.",
	).Replace(f.Error())
}

func (p *connectPage) content() fyne.CanvasObject  { return p.body }
func (p *connectPage) stateChanged(*session.State) {}
func (p *connectPage) escape()                     { p.w.showConnections() }
func (p *connectPage) leave()                      {}

// askRemove forgets a connection, after asking.
func (w *Window) askRemove(info session.ConnectionInfo) {
	var s *sheet
	title := show(info.Connection.DisplayTitle(), 60)
	remove := newButton("Remove", buttonDanger, func() {
		s.close()
		w.tasks.start(func(ctx context.Context) error { return w.backend.RemoveConnection(ctx, info.Connection.Name) }, w.report)
	})
	keep := newButton("Keep", buttonPlain, func() { s.close() })
	s = w.openSheet(sheetOptions{
		title: "Remove “" + title + "”?", buttons: []fyne.CanvasObject{keep, remove}, focus: keep,
		body: newText("This forgets its settings, its secrets and its sign-in on this computer.", textStyle{wrap: true}),
	})
}

// secretOf reads a secret field.
func secretOf(f *labelled) secret.Text { return secret.New(f.value()) }
