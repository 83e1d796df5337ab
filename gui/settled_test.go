package gui

import (
	"testing"
	"time"

	"fyne.io/fyne/v2/test"
)

// withSettled is the rig over a window that says when it has drawn to-dos.
func withSettled(t *testing.T, start func(*testing.T, func(*rig)), f func(r *rig, said *int)) {
	t.Helper()
	start(t, func(r *rig) {
		r.w.Close()
		said := 0
		r.w = New(r.app, r.b, Options{Do: r.q.do, Now: r.b.now, Settled: func() { said++ }})
		r.settle()
		f(r, &said)
	})
}

func TestTheFirstToDosAreSaidToBeDrawnOnceTheyAre(t *testing.T) {
	withSettled(t, signedIn, func(r *rig, said *int) {
		r.after(time.Hour)
		if *said != 0 {
			t.Fatal("nothing has been drawn yet")
		}
		objects := len(r.w.holder.Objects)
		for range 3 {
			r.w.Canvas().Capture()
			r.settle()
		}
		if *said != 1 {
			t.Fatalf("said %d times", *said)
		}
		if len(r.w.holder.Objects) != objects-1 {
			t.Error("what told it is still drawn")
		}
	})
}

func TestAPageWithoutToDosIsNotTakenForThem(t *testing.T) {
	withSettled(t, signedOut, func(r *rig, said *int) {
		r.w.Canvas().Capture()
		r.settle()
		if *said != 0 {
			t.Fatal("there are no to-dos yet")
		}
	})
}

// TestTheAppEndsWithoutTheToolkitsLastEvent holds takeLast to what it relies
// on: that the hook can be taken, and that nothing has put another in its place.
func TestTheAppEndsWithoutTheToolkitsLastEvent(t *testing.T) {
	saved := 0
	app := test.NewTempApp(t)
	hooks := app.Lifecycle().(interface {
		OnStopped() func()
		SetOnStoppedHookExecuted(func())
	})
	hooks.SetOnStoppedHookExecuted(func() { saved++ })
	last := takeLast(app)
	if hooks.OnStopped() != nil {
		t.Fatal("the app still has a last event")
	}
	if last(); saved != 1 {
		t.Fatalf("what it would have done was done %d times", saved)
	}
	signedIn(t, func(r *rig) {
		lifecycle := r.app.Lifecycle().(interface{ OnStopped() func() })
		if lifecycle.OnStopped() != nil {
			t.Error("the window gives the app a last event")
		}
	})
}
