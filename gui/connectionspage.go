package gui

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"waybill/fault"
	"waybill/session"
)

// connectionsPage lists all connections: what each leads to, who is signed in,
// and what can be done with it.
type connectionsPage struct {
	*frame
	list   *fyne.Container
	add    *button
	shown  []connectionView
	cards  []*connectionCard
	broken int // files of an administrator that are of no use
}

func newConnectionsPage(w *Window) *connectionsPage {
	p := &connectionsPage{list: column(12)}
	p.frame = newFrame(w, w.showHome)
	p.top = true
	p.add = newButton("Add a connection", buttonPrimary, w.addConnection).withIcon(theme.ContentAddIcon())
	p.onSnapshot = p.show
	p.fill(p.head("Connections", p.add), column(14,
		blurb("A connection leads to the to-dos of one application: through your identity provider, which vouches for you there."), p.list))
	p.add.onFocus = p.follow(p.add)
	p.show()
	return p
}

func (p *connectionsPage) content() fyne.CanvasObject { return p.box }
func (p *connectionsPage) leave()                     { p.detach() }
func (p *connectionsPage) stays()                     {}

func (p *connectionsPage) stateChanged(s *session.State) {
	p.frame.stateChanged(s)
	p.show()
}

func (p *connectionsPage) escape() {
	if !p.escapes() {
		p.w.showHome()
	}
}

// show lists the connections anew, if anything about them is another. What has
// the focus keeps it.
func (p *connectionsPage) show() {
	if p.list == nil {
		return
	}
	var views []connectionView
	for _, info := range p.w.state.Connections {
		views = append(views, p.view(info))
	}
	if slices.Equal(views, p.shown) && p.broken == len(p.w.state.Unusable) {
		return
	}
	name, act := p.focused()
	p.shown, p.broken, p.cards = views, len(p.w.state.Unusable), nil
	p.list.RemoveAll()
	for i, v := range views {
		c := newConnectionCard(p, v, p.w.state.Connections[i], i)
		p.cards = append(p.cards, c)
		p.list.Add(c.panel)
	}
	if len(p.cards) == 2 { // the built-in ones alone
		p.list.Add(noConnections(p.w))
	}
	for _, f := range p.w.state.Unusable {
		p.list.Add(noticeCard("A connection that your administrator placed on this computer is not used: " + f.Fault.Error()))
	}
	p.refocus(name, act)
	if c := p.w.win.Content(); c != nil {
		c.Refresh()
	}
}

// noConnections stands below the built-in connections as long as there are no
// others.
func noConnections(w *Window) fyne.CanvasObject {
	words := newText("There are no connections to other services yet. Add one with a known service, by an address, from a file or by hand.", textStyle{color: colorMuted, wrap: true})
	return newPanel(column(10, words, row(0, nil, newButton("Add the first one", buttonPlain, w.addConnection))),
		panelStyle{border: theme.ColorNameSeparator, radius: 10, pad: even(16)})
}

// focused is which button of which connection has the focus.
func (p *connectionsPage) focused() (name, act string) {
	f := p.w.win.Canvas().Focused()
	for _, c := range p.cards {
		if f == fyne.Focusable(c.area) {
			return c.view.name, ""
		}
		for _, b := range c.buttons {
			if f == fyne.Focusable(b) {
				return c.view.name, b.words
			}
		}
	}
	return "", ""
}

func (p *connectionsPage) refocus(name, act string) {
	for _, c := range p.cards {
		if name == "" || c.view.name != name {
			continue
		}
		for _, b := range c.buttons {
			if act != "" && b.words == act {
				p.w.win.Canvas().Focus(b)
				return
			}
		}
		p.w.win.Canvas().Focus(c.area)
	}
}

// move brings the focus to the card by steps further.
func (p *connectionsPage) move(from, by int) {
	if to := from + by; to >= 0 && to < len(p.cards) {
		p.w.win.Canvas().Focus(p.cards[to].area)
	}
}

// editConnection opens the form of a connection of the user's own.
func (w *Window) editConnection(name string) { w.editField(name, "") }

// exportConnection writes a connection to a file, without its secrets.
func (w *Window) exportConnection(name string) {
	var c *chooser
	c = w.openChooser(chooserOptions{
		title: "Export a connection", save: true, main: "Save", endings: []string{".json"}, name: name + ".json",
		words:  "The file holds the settings of the connection and none of its secrets, and can be handed on.",
		chosen: func(path string) { w.writeConnection(c, name, path, false) },
	})
}

func (w *Window) writeConnection(c *chooser, name, path string, replace bool) {
	if filepath.Ext(path) == "" {
		path += ".json"
	}
	w.writeJSON(c, path, replace, func(ctx context.Context) (any, error) { return w.backend.ExportConnection(ctx, name) })
}

// writeJSON writes what get returns to a file, and asks before it replaces one.
func (w *Window) writeJSON(c *chooser, path string, replace bool, get func(context.Context) (any, error)) {
	w.writeFile(c, path, replace, func(ctx context.Context) ([]byte, error) {
		value, err := get(ctx)
		if err != nil {
			return nil, err
		}
		data, err := json.MarshalIndent(value, "", "  ")
		return append(data, '\n'), err
	})
}

// writeFile is writeJSON for bytes.
func (w *Window) writeFile(c *chooser, path string, replace bool, get func(context.Context) ([]byte, error)) {
	taken := false
	c.work("Saving…", func(ctx context.Context) error {
		data, err := get(ctx)
		if err != nil {
			return err
		}
		err = saveFile(ctx, path, data, replace)
		if taken = err != nil && fault.As(err).Code == "file_exists"; taken {
			return nil
		}
		return err
	}, func() {
		if taken {
			w.askToReplace(path, func() { w.writeFile(c, path, true, get) })
			return
		}
		c.sheet.close()
	})
}

// lastFailure is what last went wrong at a connection; nil for nothing.
func (p *connectionsPage) lastFailure(info session.ConnectionInfo) *fault.Fault {
	if p.todos != nil && p.w.state.Current == info.Connection.Name {
		if f := p.todos.Snapshot().Status.Fault; f != nil {
			return f
		}
	}
	return p.w.lasts[info.Connection.Name]
}
