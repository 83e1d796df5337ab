package gui

import (
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
)

func TestEveryCommandCanBeFoundAndNoKeyIsUsedTwice(t *testing.T) {
	signedIn(t, func(r *rig) {
		ids, keys := map[string]bool{}, map[string]string{}
		for _, c := range r.w.commands {
			if c.title == "" || c.run == nil || ids[c.id] {
				r.Errorf("the command %q has no title, nothing to run, or a namesake", c.id)
			}
			ids[c.id] = true
			for _, s := range c.strokes {
				key := s.String()
				if c.inList {
					key += " in " + string(c.group)
				}
				if other, taken := keys[key]; taken {
					r.Errorf("%s is used by %q and %q", s, other, c.id)
				}
				keys[key] = c.id
			}
		}
		inMenu := 0
		for _, m := range r.w.menu() {
			inMenu += len(m.Items)
		}
		if inMenu != len(r.w.commands) {
			r.Errorf("the menu has %d of %d commands", inMenu, len(r.w.commands))
		}
	})
}

func TestTheCheatSheetListsEveryKey(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.key(fyne.KeyF1)
		for _, c := range r.w.commands {
			if len(c.strokes) > 0 {
				r.wantText(c.title)
				r.wantText(c.keys())
			}
		}
		r.key(fyne.KeyEscape)
		r.wantNoText("Keyboard shortcuts")
	})
}

// The bar by which a long sheet scrolls stands beside what is read, not on it.
func TestTheBarOfASheetLiesOnNoWords(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.w.win.Resize(fyne.NewSize(340, 450))
		r.key(fyne.KeyF1)
		r.settle()
		bars := find(r, func(s *container.Scroll) bool { return s.Content.MinSize().Height > s.Size().Height })
		if len(bars) != 1 {
			t.Fatalf("%d scrollers", len(bars))
		}
		at := fyne.CurrentApp().Driver().AbsolutePositionForObject
		bar := at(bars[0]).X + bars[0].Size().Width - theme.Size(theme.SizeNameScrollBar)
		for _, p := range find(r, func(p *panel) bool { return p.Size().Width < 200 }) {
			if right := at(p).X + p.Size().Width; right > bar {
				t.Errorf("something reaches to %g, and the bar begins at %g", right, bar)
			}
		}
	})
}

func TestThePaletteRunsWhatItFinds(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.press(ctrl, fyne.KeyK)
		r.typed("short key")
		r.key(fyne.KeyReturn)
		r.wantText("Keyboard shortcuts")
		r.key(fyne.KeyEscape)
		r.press(ctrl, fyne.KeyK)
		r.typed("view")
		r.key(fyne.KeyDown)
		r.key(fyne.KeyDown)
		r.key(fyne.KeyUp)
		r.key(fyne.KeyReturn) // Search is first, Sync now second
		r.wantCalls(r.b.called(), "sync")
		r.press(ctrl, fyne.KeyK)
		r.typed("xyzzy")
		r.wantText("No command is called that.")
		r.key(fyne.KeyReturn)
		r.wantText("No command is called that.")
	})
}

func TestThePaletteOffersOnlyWhatCanBeDone(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.press(ctrl, fyne.KeyK)
		for _, item := range find(r, func(*navItem) bool { return true }) {
			if item.words == "Rename" || item.words == "Sign in again" {
				r.Errorf("%q is offered", item.words)
			}
		}
	})
}

func TestCommandsDoNotReachBehindADialog(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.press(ctrl, fyne.KeyComma)
		r.press(ctrl, fyne.Key4)
		r.key(fyne.KeyF5)
		r.typed("n")
		r.wantCalls(r.b.called())
		if len(r.shown()) != 8 || r.w.Canvas().Focused() != nil {
			r.Error("a command reached the page behind the dialog")
		}
	})
}

func TestEscapeClosesTheInnermostThing(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.press(ctrl, fyne.KeyComma)
		r.tap("About Waybill")
		r.wantText("1.2.3")
		r.key(fyne.KeyEscape)
		r.wantText("Appearance")
		r.key(fyne.KeyEscape)
		r.wantNoText("Appearance")
	})
}

func TestEscapeWorksWhereverTheFocusIs(t *testing.T) {
	signedIn(t, func(r *rig) {
		for _, words := range []string{"Close", "Sign out", "Light", "About Waybill"} {
			r.press(ctrl, fyne.KeyComma)
			for range 20 {
				r.w.Canvas().FocusNext()
				if l, ok := r.w.Canvas().Focused().(interface{ AccessibilityLabel() string }); ok && strings.HasPrefix(l.AccessibilityLabel(), words) {
					break
				}
			}
			if r.w.Canvas().Focused() == nil {
				r.Fatalf("Tab never reaches %q", words)
			}
			r.key(fyne.KeyEscape)
			if len(r.w.sheets) != 0 {
				r.Errorf("Escape does nothing while %q has the focus", words)
			}
		}
	})
}

func TestTheListsHaveKeys(t *testing.T) {
	signedIn(t, func(r *rig) {
		for key, rows := range map[fyne.KeyName]int{fyne.Key1: 8, fyne.Key2: 6, fyne.Key3: 3, fyne.Key4: 2} {
			r.press(ctrl, key)
			if got := len(r.shown()); got != rows {
				r.Errorf("Ctrl+%s shows %d to-dos, want %d", key, got, rows)
			}
		}
	})
}

func TestTheAppearanceIsKept(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.press(ctrl, fyne.KeyComma)
		r.tap("Dark")
		if r.w.appearance() != AppearanceDark || !r.app.Settings().Theme().(*look).isDark(1) {
			r.Error("the window is not dark")
		}
		r.key(fyne.KeyEscape)
		r.w.Close()
		r.open()
		if r.w.appearance() != AppearanceDark {
			r.Error("the next start forgot it")
		}
	})
}

func TestF10OpensTheMenu(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.key(fyne.KeyF10)
		if r.w.Canvas().Overlays().Top() == nil {
			r.Error("no menu is open")
		}
	})
}

func TestQuittingClosesEverything(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.press(ctrl, fyne.KeyQ)
		if !r.w.closed {
			r.Error("the window is still open")
		}
	})
}
