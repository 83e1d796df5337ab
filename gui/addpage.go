package gui

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"waybill/connection"
	"waybill/fault"
	"waybill/session"
)

// addPage is where a new connection begins: with a known service, by an
// address, from a file, or by hand.
type addPage struct {
	*frame
}

func newAddPage(w *Window) *addPage {
	p := &addPage{frame: newFrame(w, w.showConnections)}
	body := column(14)
	card := func(title, words string, act func()) *choiceCard {
		c := newChoiceCard(title, words, act)
		c.onFocus = p.follow(c)
		return c
	}
	address := card("By an address", "Of an MCP server, of an API, or of your identity provider. The rest is looked for, and you see where.", func() { w.show(newDiscoveryPage(w)) })
	file := card("From a file", "A connection file from your administrator or from another computer. You see whom it would contact before it is accepted.", w.importConnection)
	body.Add(twoColumns(500, address, file))
	body.Add(card("Everything by hand", presetNamed("by-hand").Needs, func() { w.show(newConnectPage(w, byHandForm(w))) }))
	body.Add(inset(insets{10, 0, 0, 0}, heading("Services that Waybill knows", sizeBody)))
	var cards []fyne.CanvasObject
	for _, preset := range connection.Presets() {
		if !preset.BuiltIn && !preset.ByAddress && preset.ID != "by-hand" {
			cards = append(cards, card(preset.Title, preset.Needs, func() { w.show(newConnectPage(w, presetForm(w, preset))) }))
		}
	}
	for pair := range slices.Chunk(cards, 2) {
		if len(pair) == 2 {
			body.Add(twoColumns(500, pair[0], pair[1]))
		} else {
			body.Add(pair[0])
		}
	}
	p.fill(p.head("Add a connection"), body)
	return p
}

func presetNamed(id string) connection.Preset {
	return connection.PresetsNamed(id)[0]
}

func (p *addPage) content() fyne.CanvasObject { return p.box }
func (p *addPage) leave()                     { p.detach() }
func (p *addPage) stays()                     {}

func (p *addPage) escape() {
	if !p.escapes() {
		p.w.showConnections()
	}
}

// importConnection asks for a connection file and shows what it would do.
func (w *Window) importConnection() {
	var c *chooser
	c = w.openChooser(chooserOptions{
		title: "Add a connection from a file", main: "Open", endings: []string{".json"},
		words:  "You see whom the connection would contact, and what it would send there, before anything is done.",
		chosen: func(path string) { w.readConnection(c, path) },
	})
}

// readConnection reads a connection file. Secrets that it refers to are not
// taken: a file from somebody else could name any variable of this computer, and
// the form asks for them anyway.
func (w *Window) readConnection(c *chooser, path string) {
	var file connection.File
	c.work("Reading…", func(ctx context.Context) error {
		data, err := await(ctx, func() ([]byte, error) {
			f, err := os.Open(path)
			if err != nil {
				return nil, unopened(path, err)
			}
			defer f.Close()
			return io.ReadAll(io.LimitReader(f, connection.MaxFileSize+1))
		})
		if err != nil {
			return err
		}
		file, err = connection.ParseFile(data, func(string) (string, bool) { return "not taken", true })
		return err
	}, func() {
		c.sheet.close()
		w.askToAccept(filepath.Base(path), file)
	})
}

// askToAccept shows whom a connection from a file contacts, and what becomes
// different if there is one of its name.
func (w *Window) askToAccept(name string, file connection.File) {
	conn := file.Connection
	old := w.connection(conn.Name)
	body := column(12, newText("“"+show(conn.DisplayTitle(), 60)+"” would contact these servers and send them this:", textStyle{wrap: true}))
	for _, contact := range conn.Contacts(nil) {
		body.Add(contactCard(contact))
	}
	for _, warning := range conn.Warnings(file.Credentials) {
		if warning.Field != connection.FieldSecret { // of which the file holds none
			body.Add(noticeCard(warning.Says))
		}
	}
	if len(file.Origins) > 0 {
		body.Add(blurb("The file leaves its secrets to the environment. They are asked for next instead."))
	}
	taken := old.Connection.Resource.URL != ""
	if taken {
		body.Add(heading("It takes the place of the connection of the same name", sizeBody))
		for _, d := range connection.Differences(old.Connection, conn) {
			body.Add(differenceLine(d))
		}
	}
	var s *sheet
	no := newButton("Cancel", buttonPlain, func() { s.close() })
	yes := newButton("Accept and go on", buttonPrimary, func() { s.close(); w.accepted(conn, old, taken) })
	o := sheetOptions{title: "Accept “" + show(name, 60) + "”?", body: body, width: 560, buttons: []fyne.CanvasObject{no, yes}, focus: no}
	if taken && (old.Placed != "" || old.BuiltIn) {
		body.Add(noticeCard("The connection of that name cannot be replaced: it is not yours."))
		o.buttons = []fyne.CanvasObject{no}
	}
	s = w.openSheet(o)
}

// accepted goes on to the form, where the secrets are asked for.
func (w *Window) accepted(conn connection.Connection, old session.ConnectionInfo, taken bool) {
	if !taken {
		o := wholeForm(conn)
		o.title, o.words = "Complete the connection", "The settings are those of the file. What is missing are the secrets."
		w.show(newConnectPage(w, o))
		return
	}
	var saved session.Saved
	w.tasks.start(func(ctx context.Context) (err error) {
		saved, err = w.backend.SavedSecrets(ctx, conn.Name)
		return err
	}, func(err error) {
		if w.report(err); err == nil {
			o := editForm(old.Connection, saved)
			o.base = conn
			w.show(newConnectPage(w, o))
		}
	})
}

// contactCard is a server with what it is sent.
func contactCard(c connection.Contact) fyne.CanvasObject {
	host := c.Host
	if host == "" {
		host = capital(c.Named)
	}
	parts := column(4, newText(show(host, 120), textStyle{style: fyne.TextStyle{Bold: true}, wrap: true}))
	for _, what := range c.Sends {
		parts.Add(newText("· "+show(what, 200), textStyle{color: colorMuted, size: labelSize, wrap: true}))
	}
	return newPanel(parts, panelStyle{fill: colorCard, border: theme.ColorNameSeparator, radius: 8, pad: insets{9, 12, 10, 12}})
}

func differenceLine(d connection.Difference) fyne.CanvasObject {
	value := func(s string) string {
		if s == "" {
			return "nothing"
		}
		return "“" + show(s, 160) + "”"
	}
	return newText(fault.Clean(d.Field.Label(), 80)+": was "+value(d.Was)+" and becomes "+value(d.Now), textStyle{size: labelSize, wrap: true})
}
