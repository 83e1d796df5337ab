package gui

import "fyne.io/fyne/v2"

// takeLast takes from the app what it would do as its last event, and returns
// it: to save the preferences. Fyne 2.8.1 hands that event to the UI goroutine
// at the very moment at which it closes the queue to it; about one end in fifty
// then was a panic ("send on closed channel") or never came. For the same reason
// the window must not set an OnStopped of its own.
func takeLast(app fyne.App) func() {
	hooks, ok := app.Lifecycle().(interface {
		OnStopped() func()
		SetOnStoppedHookExecuted(func())
	})
	if !ok || hooks.OnStopped() == nil {
		return func() {}
	}
	last := hooks.OnStopped()
	hooks.SetOnStoppedHookExecuted(nil)
	return last
}
