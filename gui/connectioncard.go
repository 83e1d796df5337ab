package gui

import (
	"fmt"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"waybill/session"
)

// connectionView is what the entry of a connection shows. It is comparable, so
// that only a difference is drawn anew.
type connectionView struct {
	name, title, address string
	kind                 string
	use, placed, builtIn bool
	signedIn             bool
	state                string
	color                fyne.ThemeColorName // of the state's dot
	failure              string
	changed              bool // the failure is one that can be approved
}

// view works out what the entry of a connection shows.
func (p *connectionsPage) view(info session.ConnectionInfo) connectionView {
	c, st := info.Connection, p.w.state
	v := connectionView{
		name: c.Name, title: show(c.DisplayTitle(), 80), address: show(c.Resource.URL, 160), kind: kindWords(c.Resource.Kind),
		placed: info.Placed != "", builtIn: info.BuiltIn, signedIn: info.SignedIn,
		use: st.Phase == session.SignedIn && st.Current == c.Name,
	}
	if v.address == "" {
		v.address = "On this computer"
	}
	v.state, v.color = signInState(info, v.use && st.SignInNeeded, p.w.o.Now())
	if f := p.lastFailure(info); f != nil {
		v.failure, v.changed = f.Message, f.Code == changedServer
	}
	return v
}

// signInState says who is signed in at a connection and for how long.
func signInState(info session.ConnectionInfo, ended bool, now time.Time) (string, fyne.ThemeColorName) {
	who := show(info.Email, 80)
	if who == "" {
		who = "somebody"
	}
	switch {
	case !info.SignedIn && info.BuiltIn:
		return "Not used yet", colorRing
	case !info.SignedIn:
		return "Nobody is signed in", colorRing
	case ended, !info.Renewable && !info.Until.IsZero() && !now.Before(info.Until):
		return "Sign-in needed: the session of " + who + " has ended", theme.ColorNameWarning
	case info.Renewable:
		return "Signed in as " + who + ", renewed without asking", theme.ColorNameSuccess
	case info.Until.IsZero():
		return "Signed in as " + who, theme.ColorNameSuccess
	default:
		return fmt.Sprintf("Signed in as %s until %s", who, info.Until.In(now.Location()).Format("15:04")), theme.ColorNameSuccess
	}
}

// connectionCard is the entry of one connection. Its upper part can be pressed,
// and the arrow keys move from one to the next.
type connectionCard struct {
	view    connectionView
	panel   *panel
	area    *pressArea
	buttons []*button
}

func newConnectionCard(p *connectionsPage, v connectionView, info session.ConnectionInfo, at int) *connectionCard {
	c := &connectionCard{view: v}
	title := newText(v.title, textStyle{style: fyne.TextStyle{Bold: true}, wrap: true})
	var marks []string
	if v.use {
		marks = append(marks, "In use")
	}
	if v.placed {
		marks = append(marks, "Placed by your administrator, read-only")
	}
	chips := newChipFlow("")
	chips.show(marks)
	visible(chips, len(marks) > 0)
	body := column(3, title, newText(v.kind+" · "+v.address, textStyle{color: colorMuted, size: labelSize, wrap: true, lines: 2}), chips,
		container.New(besideLayout{gap: 8}, newDot(v.color), newText(v.state, textStyle{size: labelSize, wrap: true})))
	if v.failure != "" {
		body.Add(newText(v.failure, textStyle{color: colorFaultText, size: labelSize, wrap: true, lines: 4}))
	}
	c.area = newPressArea(v.title+", "+v.kind+". "+v.state+".", body, insets{10, 14, 8, 14}, func() { p.w.use(info) })
	c.acts(p, info)
	objects := make([]fyne.CanvasObject, len(c.buttons))
	for i, b := range c.buttons {
		b.small, b.onFocus = true, p.follow(b)
		objects[i] = b
	}
	c.panel = newPanel(column(2, c.area, inset(insets{0, 14, 12, 14}, buttonRow(objects...))),
		panelStyle{fill: colorCard, border: theme.ColorNameSeparator, radius: 10})
	if v.use {
		c.panel.border = theme.ColorNamePrimary
	}
	c.area.onFocus = p.follow(c.panel)
	c.area.keys = func(e *fyne.KeyEvent) bool { return c.key(p, info, at, e) }
	return c
}

// acts makes the buttons, for what can be done with the connection.
func (c *connectionCard) acts(p *connectionsPage, info session.ConnectionInfo) {
	v, w, name := c.view, p.w, info.Connection.Name
	add := func(there bool, words string, kind buttonKind, act func()) {
		if there {
			b := newButton(words, kind, act)
			b.label = words + ": " + v.title
			c.buttons = append(c.buttons, b)
		}
	}
	add(v.changed, "Look at it", buttonPlain, func() { w.review(name) })
	open := "Switch to it"
	if v.use {
		open = "Open"
	}
	add(v.signedIn, open, buttonPlain, func() { p.w.use(info) })
	add(!v.signedIn || v.color == theme.ColorNameWarning, "Sign in", buttonPlain, func() { w.signIn(name) })
	add(true, "Check", buttonPlain, func() { w.checkConnection(name) })
	add(!v.builtIn && !v.placed, "Edit", buttonPlain, func() { p.w.editConnection(info.Connection.Name) })
	add(!v.builtIn, "Export…", buttonPlain, func() { w.exportConnection(name) })
	add(v.signedIn, "Sign out…", buttonPlain, func() { w.signOutAt(info) })
	add(!v.builtIn && !v.placed, "Remove…", buttonDanger, func() { w.askRemove(info) })
}

// key gets what is typed on the entry.
func (c *connectionCard) key(p *connectionsPage, info session.ConnectionInfo, at int, e *fyne.KeyEvent) bool {
	own := !info.BuiltIn && info.Placed == ""
	switch {
	case e.Name == fyne.KeyDown:
		p.move(at, 1)
	case e.Name == fyne.KeyUp:
		p.move(at, -1)
	case e.Name == fyne.KeyHome:
		p.move(0, 0)
	case e.Name == fyne.KeyEnd:
		p.move(len(p.cards)-1, 0)
	case e.Name == fyne.KeyF2 && own:
		p.w.editConnection(info.Connection.Name)
	case e.Name == fyne.KeyDelete && own:
		p.w.askRemove(info)
	default:
		return false
	}
	return true
}

// newDot is a small disc in a colour of the theme.
func newDot(color fyne.ThemeColorName) fyne.CanvasObject {
	return newPanel(gap(9, 9), panelStyle{fill: color, radius: 4.5})
}

// newMarkIcon is a picture of the size of a line, in a colour of the theme.
func newMarkIcon(icon fyne.Resource, color fyne.ThemeColorName) *canvas.Image {
	image := canvas.NewImageFromResource(theme.NewColoredResource(icon, color))
	image.FillMode = canvas.ImageFillContain
	image.SetMinSize(fyne.NewSquareSize(iconSide + 2))
	return image
}

// besideLayout puts the first object beside the first line of the second.
type besideLayout struct{ gap float32 }

func (l besideLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	m := objects[0].MinSize()
	place(objects[0], 0, max(0, (19-m.Height)/2), m.Width, m.Height)
	place(objects[1], m.Width+l.gap, 0, size.Width-m.Width-l.gap, size.Height)
}

func (l besideLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	a, b := objects[0].MinSize(), objects[1].MinSize()
	return fyne.NewSize(a.Width+l.gap+b.Width, max(a.Height, b.Height))
}

func (l besideLayout) heightFor(objects []fyne.CanvasObject, width float32) float32 {
	a := objects[0].MinSize()
	return max(a.Height, heightFor(objects[1], width-a.Width-l.gap))
}
