package gui

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// R27: whoever asks for the window is told so when it is in front, and never
// once it is closed.
func TestR27_TheWindowIsRaisedFromAnotherGoroutine(t *testing.T) {
	signedOut(t, func(r *rig) {
		answer := make(chan error)
		ask := func(limit time.Duration) {
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			defer cancel()
			answer <- r.w.Raise(ctx)
		}
		go ask(time.Hour)
		synctest.Wait()
		select {
		case err := <-answer:
			r.Errorf("done before the UI goroutine did anything: %v", err)
		default:
		}
		r.q.drain()
		if err := <-answer; err != nil {
			r.Error(err)
		}
		r.w.Close()
		go ask(time.Second)
		synctest.Wait()
		r.q.drain()
		if err := <-answer; err == nil {
			r.Error("a window that is closed was raised")
		}
	})
}
