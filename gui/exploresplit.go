package gui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// exploreSplit puts the list beside what is chosen of it, or either of them alone
// where there is no room for both.
type exploreSplit struct {
	p      *explorePage
	box    *fyne.Container
	narrow bool
	opened bool // the chosen one is shown where there is no room for both
}

const (
	offersWidth = 280
	splitFrom   = 620 // from here both are there
	splitEdge   = 4   // within what scrolls, so that its edge cuts no ring around what has the focus
)

func newExploreSplit(p *explorePage, list fyne.CanvasObject) *exploreSplit {
	s := &exploreSplit{p: p}
	s.box = container.New(exploreSplitLayout{s}, list, p.frame.scroll)
	return s
}

// open shows the chosen one, or the list.
func (s *exploreSplit) open(detail bool) {
	if s.opened != detail {
		s.opened = detail
		s.box.Layout.Layout(s.box.Objects, s.box.Size())
		s.box.Refresh()
	}
}

type exploreSplitLayout struct{ s *exploreSplit }

func (l exploreSplitLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(200, 100) }

func (l exploreSplitLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	s := l.s
	s.narrow = size.Width < splitFrom
	visible(objects[0], !s.narrow || !s.opened)
	visible(objects[1], !s.narrow || s.opened)
	visible(s.p.toTheList, s.narrow)
	list, x := size.Width, float32(0)
	if !s.narrow {
		list, x = offersWidth, offersWidth+16
	}
	place(objects[0], 0, 0, list, max(0, size.Height-16))
	place(objects[1], x-splitEdge, -splitEdge, size.Width-x+splitEdge, size.Height+splitEdge)
}
