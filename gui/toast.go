package gui

import (
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

// toastTime is how long a toast stays.
const toastTime = 8 * time.Second

// toast says for a moment what was done and offers to take it back, where that
// can be done.
type toast struct {
	box    *fyne.Container
	frame  *panel
	words  *text
	action *button
	act    func()
	timer  *time.Timer
	count  int // of toasts shown: a timer that fires late belongs to an earlier one
}

func newToast() *toast {
	t := &toast{words: newText("", textStyle{wrap: true, lines: 2})}
	t.action = smallButton("", buttonPlain, func() { t.act() })
	t.frame = newPanel(row(14, t.words, t.words, t.action), panelStyle{
		fill: theme.ColorNameOverlayBackground, border: theme.ColorNameSeparator, radius: 10, shadow: true,
	})
	t.box = stack(t.frame)
	t.box.Hide()
	return t
}

func (t *toast) show(do func(func()), words, action string, act func()) {
	t.words.set(words)
	t.action.setWords(action)
	visible(t.action, action != "")
	t.frame.pad = insets{6, 8, 6, 16}
	if action == "" {
		t.frame.pad = insets{11, 16, 11, 16}
	}
	t.act = act
	t.box.Show()
	t.box.Refresh()
	t.count++
	mine := t.count
	if t.timer != nil {
		t.timer.Stop()
	}
	t.timer = time.AfterFunc(toastTime, func() {
		do(func() {
			if t.count == mine {
				t.hide()
			}
		})
	})
}

// fit is the size of the toast where it may be this wide.
func (t *toast) fit(most float32) fyne.Size {
	width := t.words.ruler().width(t.words.content) + 1 + t.frame.pad.left + t.frame.pad.right
	if t.action.Visible() {
		width += 14 + t.action.MinSize().Width
	}
	width = min(width, most)
	return fyne.NewSize(width, t.frame.heightFor(width))
}

func (t *toast) hide() { visible(t.box, false) }
