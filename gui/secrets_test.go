package gui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"

	"waybill/secret"
)

// S104: a secret is on screen for ten seconds only, and on the clipboard for
// thirty.
func TestS104_ASecretIsRevealedForAMoment(t *testing.T) {
	reveal := func(r *rig) *flowPage {
		p := r.openFlow(goodRun(1, lately))
		p.choose(1)
		p.showTab(tabRequest)
		r.settle()
		r.wantNoText(fakeSecret)
		r.tap("Reveal for 10 seconds: client_secret")
		r.wantText(fakeSecret)
		return p
	}
	signedIn(t, func(r *rig) { // the time is over
		reveal(r)
		r.after(9 * time.Second)
		r.wantText("Hide (1)")
		r.after(time.Second)
		r.wantNoText(fakeSecret)
	})
	signedIn(t, func(r *rig) { // it is hidden by hand
		reveal(r)
		r.tap("Hide (10)")
		r.wantNoText(fakeSecret)
	})
	signedIn(t, func(r *rig) { // another side is looked at
		p := reveal(r)
		p.showTab(tabResponse)
		p.showTab(tabRequest)
		r.settle()
		r.wantNoText(fakeSecret)
	})
	signedIn(t, func(r *rig) { // the page is left
		reveal(r)
		r.key(fyne.KeyEscape)
		r.command("flow")
		r.wantNoText(fakeSecret)
		r.after(time.Minute)
	})
	signedIn(t, func(r *rig) { // the window loses the focus
		reveal(r)
		r.app.Lifecycle().(interface{ OnExitedForeground() func() }).OnExitedForeground()()
		r.settle()
		r.wantNoText(fakeSecret)
	})
	signedIn(t, func(r *rig) { // another run has taken its place
		reveal(r)
		old := goodRun(1, lately) // as the history keeps it then
		for i := range old.Steps[1].Exchanges[0].Secrets {
			old.Steps[1].Exchanges[0].Secrets[i].Value = secret.Text{}
		}
		r.showRuns(failedRun(2, noon), old)
		r.wantNoText(fakeSecret)
		r.wantText("only the newest run keeps the value itself")
		r.wantNoText(revealWords)
	})
}

func TestS104_ACopiedSecretLeavesTheClipboard(t *testing.T) {
	copied := func(r *rig) {
		p := r.openFlow(goodRun(1, lately))
		p.choose(1)
		p.showTab(tabRequest)
		r.settle()
		r.tap("Copy: client_secret")
		r.wantClipboard(fakeSecret)
	}
	signedIn(t, func(r *rig) {
		copied(r)
		r.after(29 * time.Second)
		r.wantClipboard(fakeSecret)
		r.after(time.Second)
		r.wantClipboard("")
	})
	signedIn(t, func(r *rig) { // what was copied since stays
		copied(r)
		r.app.Clipboard().SetContent("something else")
		r.after(time.Minute)
		r.wantClipboard("something else")
	})
	signedIn(t, func(r *rig) { // leaving the page does not keep it there
		copied(r)
		r.key(fyne.KeyEscape)
		r.after(30 * time.Second)
		r.wantClipboard("")
	})
	signedIn(t, func(r *rig) { // neither does the end
		copied(r)
		r.w.Close()
		r.wantClipboard("")
	})
}

func (r *rig) wantClipboard(words string) {
	r.Helper()
	if got := r.app.Clipboard().Content(); got != words {
		r.Fatalf("the clipboard holds %q, not %q", got, words)
	}
}

// S91: no text, label or copy of the page holds a secret.
func TestS91_NoSideOfAFlowShowsASecret(t *testing.T) {
	signedIn(t, func(r *rig) {
		p := r.openFlow(goodRun(1, lately))
		sweep := func(where, text string) {
			for _, canary := range []string{fakeSecret, fakeIDJAG, fakeAccess} {
				if strings.Contains(text, canary) {
					t.Errorf("%s: a secret is in sight", where)
				}
			}
		}
		for at := discoveryStep; at < 4; at++ {
			p.choose(at)
			for _, tab := range flowTabs() {
				p.showTab(tab.value)
				r.settle()
				sweep(fmt.Sprint(at, tab.words), r.text())
				for _, o := range find(r, func(o fyne.CanvasObject) bool { _, is := o.(accessible); return is }) {
					sweep(fmt.Sprint(at, tab.words), o.(accessible).AccessibilityLabel())
				}
				if p.ledger != nil {
					p.ledger.TypedShortcut(&fyne.ShortcutCopy{})
					sweep("clipboard", r.app.Clipboard().Content())
				}
				sweep("title", r.w.win.Title())
			}
		}
	})
}

type accessible interface{ AccessibilityLabel() string }
