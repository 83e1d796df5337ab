package gui_test

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"waybill/gui"
	"waybill/session"
)

// The window is made of a Fyne app and a session, and runs until it is closed.
func ExampleRun() {
	var sessions session.Options // where the data lies, the keyring, the playground …
	m := session.Start(sessions)
	defer m.Close()
	app := test.NewApp() // app.NewWithID in the program
	gui.Run(app, gui.FromSession(m), gui.Options{Do: fyne.Do})
}
