package gui

import (
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
)

// tipDelay is how long the pointer rests before a tip appears.
const tipDelay = 500 * time.Millisecond

// tipWidth is the most that a tip is wide.
const tipWidth = 320

// tip says in words what a mark, a picture or a cut text under the pointer
// means. There is one in a window. It never takes the pointer or the focus, and
// what it says is in the accessible label of the thing as well.
type tip struct {
	box   *fyne.Container // as large as the window
	panel *panel
	words *text
	do    func(func())
	timer *time.Timer
	owner any // what the pointer is over; nil: nothing that has a tip
	turn  int // counts what was asked for: a timer that fires late belongs to an earlier one
}

func newTip(do func(func())) *tip {
	t := &tip{do: do, words: newText("", textStyle{size: sizeCaption, wrap: true, lines: 12})}
	t.panel = newPanel(t.words, panelStyle{
		fill: theme.ColorNameOverlayBackground, border: theme.ColorNameInputBorder, radius: 6, pad: insets{5, 9, 6, 9},
	})
	t.panel.Hide()
	t.box = container.NewWithoutLayout(t.panel)
	return t
}

// over says that the pointer is at a place of the window, over a thing that
// these words belong to. Calling it again for the same thing changes nothing.
func (t *tip) over(owner any, words string, at fyne.Position) {
	if t.owner == owner && t.words.content == words || words == "" {
		return
	}
	t.away(t.owner)
	t.owner = owner
	t.words.set(words)
	mine := t.turn
	t.timer = time.AfterFunc(tipDelay, func() {
		t.do(func() {
			if t.turn == mine {
				t.show(at)
			}
		})
	})
}

// away says that the pointer has left the thing.
func (t *tip) away(owner any) {
	if owner == nil || t.owner != owner {
		return
	}
	t.turn++
	t.owner = nil
	t.words.set("")
	if t.timer != nil {
		t.timer.Stop()
	}
	visible(t.panel, false)
}

// show puts the tip below the pointer, or above it where there is no room.
func (t *tip) show(at fyne.Position) {
	const margin, below = 6, 20
	room := t.box.Size()
	pad := t.panel.pad.left + t.panel.pad.right
	width := min(t.words.ruler().widest(t.words.content)+pad+1, tipWidth, room.Width-2*margin)
	height := t.panel.heightFor(width)
	x := min(max(margin, at.X-12), room.Width-margin-width)
	y := at.Y + below
	if y+height > room.Height-margin {
		y = at.Y - height - 8
	}
	place(t.panel, x, y, width, height)
	visible(t.panel, true)
	t.panel.Refresh()
}
