package gui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"

	"waybill/replica"
)

// chip is a tag on a row.
type chip struct {
	back  *canvas.Rectangle
	words *canvas.Text
}

const chipHeight = 18

func newChip() *chip {
	c := &chip{back: canvas.NewRectangle(nil), words: canvas.NewText("", nil)}
	c.back.CornerRadius, c.words.TextSize = chipHeight/2, sizeCaption
	return c
}

func (c *chip) place(words string, x, middle, width float32) {
	c.back.FillColor, c.words.Color = theme.Color(colorChip), theme.Color(colorChipText)
	c.words.Text = words
	c.back.Move(fyne.NewPos(x, middle-chipHeight/2))
	c.back.Resize(fyne.NewSize(width, chipHeight))
	size := c.words.MinSize()
	c.words.Move(fyne.NewPos(x+chipPad, middle-size.Height/2))
	c.words.Resize(size)
}

// mark shows at the right of a row that it is not what the server has: an
// arrow going round while it waits, an exclamation mark where a look is
// needed.
type mark struct {
	wait *canvas.Image
	disc *canvas.Circle
	bang *canvas.Text
}

func newMark() mark {
	m := mark{wait: canvas.NewImageFromResource(nil), disc: canvas.NewCircle(nil), bang: canvas.NewText("!", nil)}
	m.wait.FillMode = canvas.ImageFillContain
	m.bang.TextSize, m.bang.TextStyle.Bold = sizeSmall, true
	return m
}

func (m mark) objects() []fyne.CanvasObject { return []fyne.CanvasObject{m.wait, m.disc, m.bang} }

func (m mark) place(x, middle float32) {
	m.wait.Move(fyne.NewPos(x-7, middle-7))
	m.wait.Resize(fyne.NewSquareSize(14))
	m.disc.Move(fyne.NewPos(x-7, middle-7))
	m.disc.Resize(fyne.NewSquareSize(14))
	size := m.bang.MinSize()
	m.bang.Move(fyne.NewPos(x-size.Width/2, middle-size.Height/2))
	m.bang.Resize(size)
}

func (m mark) paint(s replica.RowState) {
	m.wait.Hidden = s != replica.Waiting
	look := s == replica.Conflict || s == replica.Refused
	m.disc.Hidden, m.bang.Hidden = !look, !look
	if s == replica.Waiting && m.wait.Resource == nil {
		m.wait.Resource = theme.NewColoredResource(theme.ViewRefreshIcon(), colorMuted)
		m.wait.Refresh()
	}
	if look {
		m.disc.FillColor, m.bang.Color = theme.Color(colorNoticeText), theme.Color(colorNotice)
	}
}
