package gui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
)

// tick is the round check mark: an empty ring, or a filled disc with a check.
// It is drawn of three primitives, so that a row stays cheap.
type tick struct {
	disc        *canvas.Circle
	short, long *canvas.Line
}

const tickSide = 18

func newTick() tick {
	return tick{disc: canvas.NewCircle(nil), short: canvas.NewLine(nil), long: canvas.NewLine(nil)}
}

func (t tick) objects() []fyne.CanvasObject { return []fyne.CanvasObject{t.disc, t.short, t.long} }

// place puts its middle at x, y.
func (t tick) place(x, y float32) {
	t.disc.Move(fyne.NewPos(x-tickSide/2, y-tickSide/2))
	t.disc.Resize(fyne.NewSquareSize(tickSide))
	t.short.Position1, t.short.Position2 = fyne.NewPos(x-4, y+0.2), fyne.NewPos(x-1.2, y+3.2)
	t.long.Position1, t.long.Position2 = fyne.NewPos(x-1.2, y+3.2), fyne.NewPos(x+4.2, y-3.2)
}

// paint shows it done or not; writable is false where it cannot be changed.
func (t tick) paint(done, writable, hovered bool) {
	t.short.Hidden, t.long.Hidden = !done, !done
	switch {
	case done:
		t.disc.FillColor, t.disc.StrokeWidth = theme.Color(theme.ColorNameSuccess), 0
		if !writable {
			t.disc.FillColor = theme.Color(colorRing)
		}
	default:
		t.disc.FillColor, t.disc.StrokeWidth = seeThrough(), 1.8
		t.disc.StrokeColor = theme.Color(colorRing)
		if !writable {
			t.disc.StrokeColor = theme.Color(theme.ColorNameSeparator)
		} else if hovered {
			t.disc.StrokeColor = theme.Color(theme.ColorNameSuccess)
		}
	}
	ink := theme.Color(theme.ColorNameBackground)
	for _, l := range []*canvas.Line{t.short, t.long} {
		l.StrokeColor, l.StrokeWidth = ink, 1.8
	}
}
