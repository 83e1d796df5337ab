package gui

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"

	"waybill/connection"
	"waybill/fault"
	"waybill/flow"
)

func TestTheFlowPageIsReachedFromTheSidebarAndByKey(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.showRuns(goodRun(1, lately))
		r.tap("Flow")
		if r.w.flow() == nil || !r.w.flow().sidebar.access[navFlow].on {
			r.Fatalf("the page is a %T", r.w.page)
		}
		r.key(fyne.KeyEscape)
		r.page()
		r.press(ctrl, fyne.KeyT)
		r.wantText("Last run 12:04:18 · 4 round trips · 412 ms")
		r.wantText("2 Token exchange")
		r.wantText("111 ms · ID-JAG, 4 min 18 s left")
	})
}

// The card that matters is shown first: the failed one, else the last that
// brought a token.
func TestAFlowShowsTheStepThatMatters(t *testing.T) {
	signedIn(t, func(r *rig) {
		p := r.openFlow(goodRun(1, lately))
		if p.at != 2 {
			t.Errorf("the step %d is shown of a good run", p.at)
		}
		r.showRuns(failedRun(2, lately.Add(time.Minute)), goodRun(1, lately))
		if p.at != 2 || p.tab != tabResponse {
			t.Errorf("the step %d and the tab %d are shown of a failed run", p.at, p.tab)
		}
		r.wantText("The resource's authorization server did not accept this app.")
		r.wantText("“Client authentication failed”")
		r.wantText("1. The client secret at the resource is wrong.")
	})
}

func TestTheArrowKeysMoveAmongTheSteps(t *testing.T) {
	signedIn(t, func(r *rig) {
		p := r.openFlow(goodRun(1, lately))
		r.w.Canvas().Focus(p.cards.cards[2].area)
		for _, c := range []struct {
			key  fyne.KeyName
			want int
		}{{fyne.KeyRight, 3}, {fyne.KeyRight, 3}, {fyne.KeyLeft, 2}, {fyne.KeyHome, 0}, {fyne.KeyUp, 0}, {fyne.KeyEnd, 3}} {
			r.key(c.key)
			if f := r.w.Canvas().Focused(); p.at != c.want || f != fyne.Focusable(p.cards.cards[c.want].area) {
				t.Fatalf("%s leads to %d with the focus on a %T", c.key, p.at, f)
			}
		}
		r.tap("Token")
		r.key(fyne.KeyRight)
		if p.tab != tabCurl {
			t.Errorf("the tab is %d", p.tab)
		}
		r.showRuns(goodRun(2, lately.Add(time.Second)), goodRun(1, lately))
		if p.at != 3 || p.run.ID != 1 {
			t.Errorf("a new run took the place of what is looked at: step %d of run %d is shown", p.at, p.run.ID)
		}
		r.tap("Show the newest")
		if p.at != 2 || p.run.ID != 2 {
			t.Errorf("step %d of run %d is shown", p.at, p.run.ID)
		}
		r.wantNoText("Show the newest")
	})
}

// A call with a token that was there comes with every sync, and says nothing of
// the steps before.
func TestACallAloneDoesNotTakeThePlaceOfARunWithMoreInIt(t *testing.T) {
	signedIn(t, func(r *rig) {
		call := goodRun(2, noon)
		call.Reason = flow.ReasonCall
		p := r.openFlow(call, goodRun(1, lately))
		if p.run.ID != 1 {
			t.Errorf("run %d is shown", p.run.ID)
		}
		failed := failedRun(3, noon)
		failed.Reason = flow.ReasonCall
		r.showRuns(failed, call, goodRun(1, lately))
		if p.run.ID != 3 {
			t.Errorf("run %d is shown after a failure", p.run.ID)
		}
		r.showRuns(call)
		if p.run.ID != 2 {
			t.Errorf("run %d is shown where there is no other", p.run.ID)
		}
	})
}

func TestAnEarlierRunStaysWhileNewOnesCome(t *testing.T) {
	signedIn(t, func(r *rig) {
		old := goodRun(1, lately.Add(-time.Minute))
		p := r.openFlow(goodRun(2, lately), old)
		r.command("runs")
		r.choose("12:03:18 · sign-in · 412 ms")
		r.wantText("Run of 12:03:18")
		r.showRuns(failedRun(3, noon), goodRun(2, lately), old)
		if p.run != old {
			t.Fatalf("run %d is shown", p.run.ID)
		}
		r.showRuns(failedRun(3, noon)) // it was dropped
		if p.run.ID != 3 {
			t.Errorf("run %d is shown", p.run.ID)
		}
	})
}

func TestARunUnderWayCountsUp(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.openFlow(liveRun(1, noon.Add(-250*time.Millisecond)))
		r.wantText("so far")
		r.wantText("41 ms · under way")
		r.after(2 * time.Second)
		r.wantText("2.2 s so far")
		r.wantText("2.0 s · under way")
		r.wantText("Not yet.")
	})
}

func TestATokensTimeCountsDown(t *testing.T) {
	signedIn(t, func(r *rig) {
		p := r.openFlow(goodRun(1, lately))
		p.choose(1)
		r.wantText("12:09:18 (in 4 min 18 s)")
		r.after(time.Minute)
		r.wantText("12:09:18 (in 3 min 18 s)")
		r.wantText("expires in 3 min 18 s")
		r.after(4 * time.Minute)
		r.wantText("expired 42 s ago")
		r.wantText("111 ms · ID-JAG, expired")
	})
}

func TestRunAgainStartsWhereItWasAskedTo(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.openFlow(goodRun(1, lately))
		r.tap("Run again")
		r.choose("Only the call to the resource")
		r.press(ctrl|fyne.KeyModifierShift, fyne.KeyR)
		r.wantCalls(r.b.called(), "run again from call to the resource", "run again from token exchange")
	})
}

func TestAStepIsNotRunForWhoeverIsNotSignedIn(t *testing.T) {
	signedOut(t, func(r *rig) {
		r.openFlow()
		r.wantText("Nobody is signed in")
		r.press(ctrl|fyne.KeyModifierShift, fyne.KeyR)
		r.wantCalls(r.b.called())
		r.showRuns(failedRun(1, noon)) // a sign-in that failed is seen all the same
		r.wantText("did not accept this app")
		r.tap("Back")
		r.wantText("Try the built-in playground")
	})
}

func TestOfflineAFlowSaysWhatWasNotReached(t *testing.T) {
	signedIn(t, func(r *rig) {
		run := failedRun(1, lately)
		s := run.Step(fault.StepJWTBearer)
		s.Causes, s.Exchanges = nil, nil
		s.Fault = fault.New(fault.StepJWTBearer, fault.Offline, "unreachable", "The authorization server could not be reached.").WithRemedy("Try again when you are online.")
		r.openFlow(run)
		r.wantText("The authorization server could not be reached.")
		r.wantText("Try again when you are online.")
		r.tap("curl")
		r.wantText("Nothing was sent.")
	})
}

func TestACauseLeadsToTheFieldOfTheConnection(t *testing.T) {
	for field, want := range map[string]string{"resource.client_secret": "Client secret", "idp.prompt": "Prompt", "resource.scopes": "", "resource.auth_method": "", "name": ""} {
		signedIn(t, func(r *rig) {
			r.manyConnections()
			run := failedRun(1, lately)
			run.Connection = "xaa-dev"
			run.Steps[2].Causes[0].Field = field
			r.openFlow(run)
			r.tap("Open the field: " + uncapital(connection.Field(field).Label()))
			p, ok := r.w.page.(*connectPage)
			if !ok {
				r.Fatalf("the page is a %T", r.w.page)
			}
			focused := r.w.Canvas().Focused()
			if l := p.form.fieldOf(connection.Field(field)); l != nil && (focused != fyne.Focusable(l.field) && !l.field.Disabled() || want != "" && l.name != want) {
				t.Errorf("%s: a %T has the focus", field, focused)
			} else if l == nil && focused == nil {
				t.Errorf("%s: nothing has the focus", field)
			}
		})
	}
}

func TestTheBuiltInConnectionHasNoFieldToOpen(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.openFlow(failedRun(1, lately))
		r.wantNoText("Open the field")
		r.wantNoText("idp.client_id \"client_1a2b\" is not")
		r.tap("For an engineer")
		r.wantText("secret of 27 characters")
	})
}

func TestWhatIsFoundInARequestIsBroughtIntoSight(t *testing.T) {
	signedIn(t, func(r *rig) {
		run := goodRun(1, lately)
		run.Steps[3].Exchanges[0].Response.Body = longBody()
		p := r.openFlow(run)
		p.choose(3)
		p.showTab(tabResponse)
		r.press(ctrl, fyne.KeyF)
		r.typed(`"id": "300"`)
		r.wantText("1 of 1")
		if p.scroll.Offset.Y < 5000 {
			t.Errorf("scrolled to %v", p.scroll.Offset)
		}
		seen := false
		for _, o := range p.ledger.drawn.objects {
			seen = seen || strings.Contains(textOf(o), `"300"`)
		}
		if !seen {
			t.Error("what was found is not drawn")
		}
		r.focusedField().SetText("")
		r.typed("completed")
		r.key(fyne.KeyF3)
		r.press(fyne.KeyModifierShift, fyne.KeyF3)
		r.key(fyne.KeyUp)
		n := len(p.ledger.hits)
		r.wantText(fmt.Sprintf("%d of %d", n, n))
		r.key(fyne.KeyEscape)
		r.wantNoText(fmt.Sprintf("%d of %d", n, n))
		if r.w.flow() == nil {
			t.Error("Escape left the page")
		}
	})
}

func TestTheTraceIsWrittenToAFile(t *testing.T) {
	for format, ending := range map[string]string{"JSON": ".json", "HAR, for other tools": ".har"} {
		signedIn(t, func(r *rig) {
			dir := r.inFolder(map[string]string{})
			r.openFlow(goodRun(1, lately))
			r.tap("Export trace")
			r.tap(format)
			r.tap("Save")
			data, err := os.ReadFile(dir + "/waybill-trace-2026-11-23-120418" + ending)
			if err != nil || !json.Valid(data) {
				t.Fatalf("%v: %.200s", err, data)
			}
			for _, canary := range []string{fakeSecret, fakeIDJAG, fakeAccess} {
				if strings.Contains(string(data), canary) {
					t.Error("a secret is in the file")
				}
			}
		})
	}
}

func TestOneOfSeveralExchangesIsChosen(t *testing.T) {
	signedIn(t, func(r *rig) {
		p := r.openFlow(goodRun(1, lately))
		p.choose(discoveryStep)
		p.showTab(tabResponse)
		r.tap("Exchange 3 of 3")
		r.choose("GET /.well-known/openid-configuration · 200 · 64 ms")
		r.tap("Request")
		r.wantText("https://idp.xaa.dev/.well-known/openid-configuration")
	})
}

func TestAnOpaqueTokenIsSaidToBeOpaque(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.openFlow(goodRun(1, lately))
		r.wantText("This token is opaque")
		r.wantText("fingerprint 0c11aa77 · 28 characters")
		p := r.w.flow()
		p.choose(0)
		r.tap("Refresh token")
		r.wantText("how long it lasts was not said")
	})
}

// What a server sends to do harm reaches the screen through the sanitiser only.
func TestHostileTextInAFlowIsShownHarmless(t *testing.T) {
	signedIn(t, func(r *rig) {
		p := r.openFlow(hostileRun(1, lately, "a\x1b[31m\u202e\x00\u200b\U000e0041"))
		for at := range 4 {
			p.choose(at)
			for _, tab := range flowTabs() {
				p.showTab(tab.value)
				r.settle()
				if text := r.text(); strings.ContainsAny(text, "\x1b\u202e\x00\u200b\U000e0041") {
					t.Errorf("step %d, %s: %q", at, tab.words, text)
				}
			}
		}
	})
}

// flowScenes are the states of the page.
func flowScenes() map[string]func(r *rig, words string) {
	scenes := map[string]func(r *rig, words string){
		"no run": func(r *rig, words string) { r.openFlow() },
		"finding": func(r *rig, words string) {
			r.openFlow(goodRun(1, lately))
			r.command("search")
		},
	}
	for _, tab := range flowTabs() {
		for name, at := range map[string]int{"exchange": 1, "failure": 2} {
			scenes[name+" "+tab.words] = func(r *rig, words string) {
				r.manyConnections()
				run := hostileRun(1, lately, words)
				run.Connection = "xaa-dev"
				p := r.openFlow(run)
				p.choose(at)
				p.showTab(tab.value)
			}
		}
	}
	return scenes
}

func TestEverythingOfAFlowThatCanBePressedIsThereInWhole(t *testing.T) {
	testInWhole(t, flowScenes())
}

// textOf is what a text on the canvas says.
func textOf(o fyne.CanvasObject) string {
	if t, is := o.(*canvas.Text); is {
		return t.Text
	}
	return ""
}

// choose presses an entry of the menu that is open.
func (r *rig) choose(words string) {
	r.Helper()
	var all []string
	var wanted fyne.Tappable
	walk(r.w.Canvas().Overlays().Top(), func(o fyne.CanvasObject) {
		if t, is := o.(*canvas.Text); is {
			all = append(all, t.Text)
		}
		item, is := o.(fyne.Tappable)
		if !is {
			return
		}
		for _, child := range childrenOf(o) {
			if strings.TrimSpace(textOf(child)) == words {
				wanted = item
			}
		}
	})
	if wanted == nil {
		r.Fatalf("the menu has no entry %q, but %q", words, all)
	}
	wanted.Tapped(&fyne.PointEvent{})
	r.settle()
}

func TestAFailureLeadsToItsSteps(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.w.openFault(fault.New(fault.StepJWTBearer, fault.Config, "invalid_client", "Refused."))
		r.wantNoText("Show the steps")
		r.key(fyne.KeyEscape)
		r.showRuns(failedRun(1, lately))
		r.w.openFault(fault.New(fault.StepJWTBearer, fault.Config, "invalid_client", "Refused."))
		r.tap("Show the steps")
		r.wantText("1. The client secret at the resource is wrong.")
	})
}
