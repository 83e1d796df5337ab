// Package gui is Waybill's window.
//
// Invariant: everything in it that touches a widget or a binding runs on the
// UI goroutine. Other goroutines reach it only through the function Do of
// Options, and what they bring is immutable. Nothing that may wait, for a disk,
// a keyring or a network, runs on the UI goroutine. Text that came from a server
// is shown through the sanitiser of package todo, and never as markup.
//
// Files are split by role: one per page, pane, dialog or widget; commands.go
// holds the one table that menu, shortcuts, palette and cheat sheet come from.
package gui

import (
	"context"
	"time"

	"fyne.io/fyne/v2"
)

// Title is the title of the window. It stays the same on every page and holds
// nothing of the user's.
const Title = "Waybill"

// Options are what the window needs from the process around it.
type Options struct {
	// Do runs a function on the UI goroutine, later and in order: fyne.Do in
	// the app, a queue in tests. Required.
	Do func(func())

	// Now is the clock; nil is time.Now.
	Now func() time.Time

	// OpenURL opens an https address in the user's browser; nil leaves it to
	// the app. It may be called from any goroutine.
	OpenURL func(address string) error

	// Settled is called on the UI goroutine, once, when the first to-dos have
	// been drawn; may be nil.
	Settled func()

	// Shown is called by Run, once, when the window is on its way to the screen,
	// with the window's Raise; may be nil.
	Shown func(raise func(context.Context) error)

	// Version is what the About dialog shows; may be empty.
	Version string
}

// Run shows the window and serves it until it is closed. It must be called on
// the goroutine of main. When it returns, nothing that the window started is
// still running; the backend stays open.
func Run(app fyne.App, backend Backend, o Options) {
	w := New(app, backend, o)
	last := takeLast(app)
	w.Show()
	if o.Shown != nil {
		o.Shown(w.Raise)
	}
	app.Run()
	w.Close()
	last()
}
