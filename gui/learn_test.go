package gui

import (
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
)

func TestWhoeverAsksWhatThisIsSeesTheStepsExplained(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.openFlow()
		r.tap("What is this?")
		r.wantText("How Cross App Access works")
		r.wantText("Nothing has run yet. Run the steps")
		r.tap("Run the steps now")
		r.wantCalls(r.b.called(), "run again from token exchange")
		r.showRuns(liveRun(1, noon))
		r.wantText("It is happening now.")
		p := r.w.page.(*learnPage)
		told := p.sequence.AccessibilityLabel()
		for _, words := range []string{"1 Sign in · done, 98 ms.", "3 JWT bearer grant · running.", "4 Call the resource · not run.", "From Identity provider to Waybill: ID-JAG."} {
			if !strings.Contains(told, words) {
				t.Errorf("%q is not told: %s", words, told)
			}
		}
		r.showRuns(goodRun(2, noon), liveRun(1, noon))
		r.wantText("The arrows in colour show how it went at 12:05:00.")
		renewed := goodRun(3, noon)
		form := renewed.Steps[1].Exchanges[0].Request.Form
		for i := range form {
			if form[i].Name == "subject_token_type" {
				form[i].Value = "urn:ietf:params:oauth:token-type:refresh_token"
			}
		}
		if told := p.sequence.AccessibilityLabel(); !strings.Contains(told, "From Waybill to Identity provider: ID token.") {
			t.Errorf("what was exchanged is not told: %s", told)
		}
		r.showRuns(renewed)
		if told := p.sequence.AccessibilityLabel(); !strings.Contains(told, "From Waybill to Identity provider: refresh token.") {
			t.Errorf("what was exchanged is not told: %s", told)
		}
		r.key(fyne.KeyEscape)
		if r.w.flow() == nil {
			t.Errorf("Escape leads to a %T", r.w.page)
		}
		r.after(time.Minute)
	})
}

func TestTheStepsAreExplainedToWhoeverIsNotSignedIn(t *testing.T) {
	signedOut(t, func(r *rig) {
		r.command("learn")
		r.wantText("Sign in, and the arrows light up as it happens.")
		r.tap("Run the steps now") // it does nothing
		r.wantCalls(r.b.called())
	})
}
