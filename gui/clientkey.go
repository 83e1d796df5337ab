package gui

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"waybill/connection"
	"waybill/session"
)

// makeKeys makes the keys that a connection needs, one after the other, shows
// the public half of each, and then goes on.
func (w *Window) makeKeys(c connection.Connection, needed []session.KeyRequest, then func(name string)) {
	if len(needed) == 0 {
		then(c.Name)
		return
	}
	w.showKey(c.Name, needed[0], func() { w.makeKeys(c, needed[1:], then) })
}

// showKey shows the public half of a key, which is made first if there is none
// yet. goOn is what comes afterwards; nil: nothing.
func (w *Window) showKey(name string, r session.KeyRequest, goOn func()) {
	var public json.RawMessage
	w.tasks.start(func(ctx context.Context) (err error) {
		public, err = w.backend.ClientKey(ctx, name, r)
		return err
	}, func(err error) {
		if w.reportAt(name, err); err == nil {
			w.openKey(name, r.At, public, goOn)
		}
	})
}

// openKey is the dialog with a public key.
func (w *Window) openKey(name string, at session.Side, public json.RawMessage, goOn func()) {
	var pretty bytes.Buffer
	if json.Indent(&pretty, public, "", "  ") != nil {
		pretty.Write(public)
	}
	var jwk struct {
		Kid string `json:"kid"`
		Alg string `json:"alg"`
	}
	_ = json.Unmarshal(public, &jwk) // shown as it is either way
	where := "the identity provider"
	if at == session.AtResource {
		where = "the resource's authorization server"
	}
	body := column(12,
		newText("Register this public key at "+where+", for this client, with private_key_jwt as its authentication. The private key stays sealed on this computer.", textStyle{wrap: true}),
		pair("Key ID", newText(show(jwk.Kid, 80), textStyle{wrap: true})), pair("Algorithm", newText(show(jwk.Alg, 20), textStyle{})),
		newPanel(newText(pretty.String(), textStyle{wrap: true, size: sizeCaption, style: fyne.TextStyle{Monospace: true}}), panelStyle{fill: colorChip, radius: 8, pad: even(10)}))
	var s *sheet
	copies := newButton("Copy", buttonPlain, func() { w.copy(pretty.String()) }).withIcon(theme.ContentCopyIcon())
	saves := newButton("Save…", buttonPlain, func() { w.saveKey(name, at, public) })
	done := newButton("Close", buttonPrimary, func() { s.close() })
	if goOn != nil {
		done = newButton("It is registered: go on", buttonPrimary, func() { s.close(); goOn() })
	}
	s = w.openSheet(sheetOptions{title: "Register this public key", body: body, width: 560, buttons: []fyne.CanvasObject{copies, saves, done}, focus: copies})
}

func (w *Window) saveKey(name string, at session.Side, public json.RawMessage) {
	var c *chooser
	c = w.openChooser(chooserOptions{
		title: "Save the public key", save: true, main: "Save", endings: []string{".json"}, name: name + "-" + string(at) + "-public-key.json",
		chosen: func(path string) {
			if filepath.Ext(path) == "" {
				path += ".json"
			}
			w.writeJSON(c, path, false, func(context.Context) (any, error) { return public, nil })
		},
	})
}

// askForNewKey makes a key in the place of another, after asking: the server
// knows the other one.
func (w *Window) askForNewKey(name string, r session.KeyRequest) {
	var s *sheet
	anew := newButton("Make a new key", buttonDanger, func() { s.close(); w.showKey(name, r, nil) })
	keep := newButton("Keep the key", buttonPlain, func() { s.close() })
	s = w.openSheet(sheetOptions{title: "Make a new key?", buttons: []fyne.CanvasObject{keep, anew}, focus: keep,
		body: newText("The key that there is now is gone then. Sign-ins fail until the new one is registered at the server.", textStyle{wrap: true})})
}
