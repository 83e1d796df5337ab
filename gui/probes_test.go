package gui

import (
	"os"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"

	"waybill/auth"
	"waybill/fault"
	"waybill/flow"
	"waybill/session"
)

// someResults are what came of the first probes, one of each kind.
func someResults() []flow.ProbeResult {
	all := auth.Probes()
	done := func(i int, o auth.ProbeOutcome) flow.ProbeResult {
		return flow.ProbeResult{Probe: all[i], State: flow.Done, Took: 40 * time.Millisecond, Outcome: o}
	}
	return []flow.ProbeResult{
		done(0, auth.ProbeOutcome{Verdict: auth.ProbeRefused, Says: "The provider took its default.", Status: 200}),
		done(1, auth.ProbeOutcome{Verdict: auth.ProbeRefused, Says: "It was refused.", Status: 400, Code: "invalid_scope", Server: "scope not allowed " + german}),
		done(2, auth.ProbeOutcome{Verdict: auth.ProbeAccepted, Says: "An ID-JAG was issued for another audience than the server's issuer.", Status: 200, IDJAG: "69586a9a"}),
		done(3, auth.ProbeOutcome{Says: "The server did not answer in time."}),
		{Probe: all[4], State: flow.Running, Began: noon, Until: noon.Add(5 * time.Minute)},
		{Probe: all[5], State: flow.Running, Began: noon},
	}
}

func (r *rig) openProbes() *probesPage {
	r.Helper()
	r.command("probes")
	p, ok := r.w.page.(*probesPage)
	if !ok {
		r.Fatalf("the page is a %T", r.w.page)
	}
	return p
}

// probeAll sends every probe.
func (r *rig) probeAll() {
	r.Helper()
	p := r.openProbes()
	r.tap("Choose all")
	p.send(p.chosen())
	r.settle()
}

func TestNoProbeIsSentBeforeItIsChosenAndConfirmed(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.b.probed = someResults()[:4]
		p := r.openProbes()
		r.tap("Send the probes…")
		r.w.doCommand(r.w.command("send-probes"))
		r.wantCalls(r.b.called())
		r.w.Canvas().Focus(p.entries[0].area)
		r.key(fyne.KeyDown)
		r.key(fyne.KeySpace)
		r.key(fyne.KeyDown)
		r.key(fyne.KeyReturn)
		r.wantText("2 probes are chosen for Built-in playground.")
		r.tap("Send the probes…")
		r.wantText("Send 2 probes?")
		r.wantText(auth.Probes()[1].Causes)
		r.tap("Send nothing")
		r.wantCalls(r.b.called())
		r.command("send-probes")
		r.tap("Yes, send now")
		r.wantCalls(r.b.called(), "probe ["+auth.Probes()[1].ID+" "+auth.Probes()[2].ID+"], waiting up to 1m0s")
		r.wantText("2 refused, 1 was accepted: a hole, 1 could not be told.")
		r.wantText("accepted: a hole")
	})
}

func TestTheVerdictsOfProbesComeAsTheyAreFound(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.b.probed, r.b.pause = someResults(), make(chan struct{})
		r.probeAll()
		for _, want := range []string{"1 refused so far", "2 refused so far", "2 refused, 1 was accepted: a hole so far"} {
			r.b.pause <- struct{}{}
			r.settle()
			r.wantText(want)
		}
		r.b.pause <- struct{}{}
		r.b.pause <- struct{}{}
		r.settle()
		r.wantText("waits until 12:10:00")
		r.tap("Stop")
		r.wantText("Stopped. The probes after that were not sent.")
		r.wantNoText("waits until")
	})
}

func TestAProbePageThatIsLeftStopsItsProbes(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.b.probed, r.b.pause = someResults(), make(chan struct{})
		r.probeAll()
		r.key(fyne.KeyEscape)
		if r.w.flow() == nil {
			t.Fatalf("the page is a %T", r.w.page)
		}
		r.settle() // the rig fails if anything is left running
	})
}

func TestWhereNothingRightIsTakenNoProbeIsSent(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.b.fail = fault.New(fault.StepExchange, fault.Offline, "unreachable", "The identity provider could not be reached.")
		r.probeAll()
		r.wantText("No probe was sent, since what is right was not taken either. The identity provider could not be reached.")
	})
}

func TestProbesNeedASession(t *testing.T) {
	signedOut(t, func(r *rig) {
		r.openProbes()
		r.wantText("A probe needs a session")
		r.tap("Choose all")
		r.tap("Send the probes…")
		r.wantCalls(r.b.called())
	})
	signedIn(t, func(r *rig) { // it ends while the page is open
		r.openProbes()
		r.b.states.Store(&session.State{Phase: session.SignedOut, Connections: builtinConnections()})
		r.settle()
		r.wantText("A probe needs a session")
	})
}

func TestTheScorecardIsWrittenToAFile(t *testing.T) {
	for format, holds := range map[string]string{"Markdown, to be read": "# ", "JSON, for programs": "{"} {
		signedIn(t, func(r *rig) {
			dir := r.inFolder(map[string]string{})
			r.b.probed = someResults()[:4]
			r.probeAll()
			r.tap("Export scorecard")
			r.tap(format)
			r.tap("Save")
			files, _ := os.ReadDir(dir)
			if len(files) != 1 || !strings.HasPrefix(files[0].Name(), "waybill-probes-2026-11-23-1205") {
				t.Fatalf("the folder holds %v", files)
			}
			if data, err := os.ReadFile(dir + "/" + files[0].Name()); err != nil || !strings.HasPrefix(string(data), holds) {
				t.Errorf("%v: %s", err, data)
			}
		})
	}
}

func TestEverythingOfTheProbesThatCanBePressedIsThereInWhole(t *testing.T) {
	testInWhole(t, map[string]func(r *rig, words string){
		"verdicts": func(r *rig, words string) {
			r.b.probed = someResults()
			r.b.probed[1].Outcome.Says, r.b.probed[1].Outcome.Server = words, words
			p := r.openProbes()
			p.entries[1].toggle()
			p.chooseAll()
			p.send(p.chosen())
		},
		"question": func(r *rig, words string) {
			p := r.openProbes()
			p.chooseAll()
			p.ask()
		},
		"learn": func(r *rig, words string) { r.command("learn") },
	})
}

func TestPictureOfTheProbes(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.b.probed, r.b.pause = someResults(), make(chan struct{}, 10)
		p := r.openProbes()
		for _, e := range p.entries[:6] {
			e.set(true)
		}
		p.entries[0].toggle()
		r.w.win.Resize(fyne.NewSize(1000, 900))
		p.ask()
		r.picture("probes-question", AppearanceLight)
		r.tap("Yes, send now")
		for range 6 {
			r.b.pause <- struct{}{}
		}
		r.settle()
		r.picture("probes", AppearanceLight, AppearanceDark)
		r.w.win.Resize(fyne.NewSize(340, 900))
		r.picture("probes-narrow", AppearanceDark)
	})
}
