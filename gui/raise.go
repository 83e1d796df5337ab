package gui

import "context"

// Raise brings the window to the front, as a second start of the app asks for.
// It may be called on any goroutine but the UI's, and returns when that is done
// or ctx ends; after the window was closed it is never done.
func (w *Window) Raise(ctx context.Context) error {
	done := make(chan struct{})
	w.o.Do(func() {
		if w.closed {
			return
		}
		w.Show()
		close(done)
	})
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
