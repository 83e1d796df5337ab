package gui

import (
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/software"
)

// lately is when the runs of the pictures began.
var lately = noon.Add(-42 * time.Second)

func TestPictureOfAFlow(t *testing.T) {
	signedIn(t, func(r *rig) {
		p := r.openFlow(goodRun(1, lately))
		p.choose(1)
		r.picture("flow", AppearanceLight, AppearanceDark)
	})
}

func TestPictureOfAFailedFlow(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.manyConnections()
		failed := failedRun(2, lately)
		failed.Connection = "xaa-dev"
		r.openFlow(failed, goodRun(1, lately.Add(-time.Minute)))
		r.w.win.Resize(fyne.NewSize(1180, 900))
		r.picture("flow-failed", AppearanceLight, AppearanceDark)
		r.w.win.Resize(fyne.NewSize(340, 900))
		r.picture("flow-failed-narrow", AppearanceDark)
	})
}

func TestPictureOfARequest(t *testing.T) {
	signedIn(t, func(r *rig) {
		p := r.openFlow(goodRun(1, lately))
		p.choose(1)
		p.showTab(tabRequest)
		r.command("search")
		r.typed("resource")
		r.w.win.Resize(fyne.NewSize(1180, 860))
		r.picture("flow-request", AppearanceLight)
		r.w.win.Resize(fyne.NewSize(340, 860))
		r.picture("flow-request-narrow", AppearanceLight)
	})
}

func TestPictureOfAFlowInANarrowWindow(t *testing.T) {
	signedIn(t, func(r *rig) {
		p := r.openFlow(goodRun(1, lately))
		p.choose(1)
		r.w.win.Resize(fyne.NewSize(340, 1100))
		r.picture("flow-narrow", AppearanceLight)
		r.w.win.Resize(fyne.NewSize(720, 760))
		r.picture("flow-medium", AppearanceDark)
	})
}

func TestPictureOfAFlowUnderWay(t *testing.T) {
	signedIn(t, func(r *rig) {
		p := r.openFlow(liveRun(1, noon.Add(-250*time.Millisecond)))
		p.showTab(tabResponse)
		r.picture("flow-live", AppearanceDark)
	})
}

func TestPictureOfTheChecksOfAFlow(t *testing.T) {
	signedIn(t, func(r *rig) {
		p := r.openFlow(goodRun(1, lately))
		p.choose(1)
		p.showTab(tabChecks)
		r.w.win.Resize(fyne.NewSize(1000, 860))
		r.picture("flow-checks", AppearanceDark)
	})
}

func TestPictureOfHostileTextInAFlow(t *testing.T) {
	signedIn(t, func(r *rig) {
		p := r.openFlow(hostileRun(1, lately, "\x1b[31mred\x00 \u202egnp.exe "+strings.Repeat("Z\u0351\u0327\u0310\u0352\u0353\u0354", 30)+german))
		p.showTab(tabResponse)
		r.w.win.Resize(fyne.NewSize(1000, 1000))
		r.picture("flow-hostile", AppearanceLight)
	})
}

func TestPictureOfNoFlowYet(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.openFlow()
		r.w.win.Resize(fyne.NewSize(1000, 560))
		r.picture("flow-empty", AppearanceLight)
	})
}

func TestPictureOfHowItWorks(t *testing.T) {
	signedOut(t, func(r *rig) {
		r.command("learn")
		r.w.win.Resize(fyne.NewSize(1000, 860))
		r.picture("learn", AppearanceLight)
	})
	signedIn(t, func(r *rig) {
		r.showRuns(failedRun(1, lately))
		r.command("learn")
		r.w.win.Resize(fyne.NewSize(1180, 860))
		r.picture("learn-failed", AppearanceDark)
		r.showRuns(liveRun(2, noon))
		r.w.win.Resize(fyne.NewSize(340, 1100))
		r.picture("learn-narrow", AppearanceLight)
	})
}

func TestPictureOfAFlowAtTwiceTheSize(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.w.Canvas().(software.WindowlessCanvas).SetScale(2)
		p := r.openFlow(goodRun(1, lately))
		p.choose(1)
		r.w.win.Resize(fyne.NewSize(820, 700))
		r.picture("flow-2x", AppearanceLight, AppearanceDark)
	})
}

func TestPictureOfARevealedSecret(t *testing.T) {
	signedIn(t, func(r *rig) {
		p := r.openFlow(goodRun(1, lately))
		p.choose(1)
		p.showTab(tabCurl)
		r.w.win.Resize(fyne.NewSize(1000, 760))
		for _, b := range find(r, func(b *button) bool { return b.words == revealWords })[:1] {
			b.Tapped(nil)
		}
		r.settle()
		r.picture("flow-curl", AppearanceLight)
	})
}
