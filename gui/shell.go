package gui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// Widths of the page of to-dos.
const (
	sidebarWidth = 220
	detailsWidth = 320
	statusHeight = 30
	wideFrom     = 960 // from here the details are beside the list
	mediumFrom   = 700 // from here the sidebar is
)

// shell lays out the page of to-dos for any width: sidebar, list and details
// side by side; or sidebar and list, the details in the list's place; or the
// list alone, the sidebar a drawer over it.
type shell struct {
	box                            *fyne.Container
	sidebar, main, details, status fyne.CanvasObject
	shade                          *shade
	left, right, bottom            fyne.CanvasObject // fine lines between the panes
	toast                          *toast

	detailsOpen bool // where they are not beside the list: they are in its place
	drawerOpen  bool
	narrow      bool // the sidebar is a drawer
	wide        bool // the details are beside the list
	onShape     func()
}

func newShell(sidebar, main, details, status fyne.CanvasObject, toast *toast, onShape func()) *shell {
	s := &shell{sidebar: sidebar, main: main, details: details, status: status, toast: toast, onShape: onShape}
	s.left, s.right, s.bottom = line(), line(), line()
	s.shade = newShade(func() { s.setDrawer(false) })
	s.box = container.New(shellLayout{s}, main, details, s.right, toast.box, s.shade, sidebar, s.left, status, s.bottom)
	return s
}

// setDetails opens or closes the details where they take the list's place.
func (s *shell) setDetails(open bool) {
	if s.detailsOpen != open {
		s.detailsOpen = open
		s.arrange()
	}
}

func (s *shell) setDrawer(open bool) {
	if s.drawerOpen != open {
		s.drawerOpen = open
		s.arrange()
	}
}

func (s *shell) arrange() {
	s.box.Layout.Layout(s.box.Objects, s.box.Size())
	s.box.Refresh()
}

type shellLayout struct{ s *shell }

// MinSize lets the window become as small as a telephone.
func (l shellLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(340, 360) }

func (l shellLayout) Layout(_ []fyne.CanvasObject, size fyne.Size) {
	s := l.s
	narrow, wide := size.Width < mediumFrom, size.Width >= wideFrom
	if narrow != s.narrow || wide != s.wide {
		s.narrow, s.wide = narrow, wide
		s.drawerOpen = s.drawerOpen && narrow
		s.onShape()
	}
	height := size.Height - statusHeight
	x := float32(0)
	if !narrow {
		x = sidebarWidth
	}
	right := size.Width
	if wide {
		right -= detailsWidth
	}
	visible(s.sidebar, !narrow || s.drawerOpen)
	visible(s.left, !narrow || s.drawerOpen)
	visible(s.shade, narrow && s.drawerOpen)
	visible(s.details, wide || s.detailsOpen)
	visible(s.main, wide || !s.detailsOpen)
	visible(s.right, wide)

	place(s.sidebar, 0, 0, sidebarWidth, height)
	place(s.left, sidebarWidth-1, 0, 1, height)
	place(s.shade, 0, 0, size.Width, height)
	place(s.main, x, 0, right-x, height)
	if wide {
		place(s.details, right, 0, detailsWidth, height)
	} else {
		place(s.details, x, 0, size.Width-x, height)
	}
	place(s.right, right, 0, 1, height)
	place(s.status, 0, height, size.Width, statusHeight)
	place(s.bottom, 0, height, size.Width, 1)
	toast := s.toast.fit(right - x - 24)
	place(s.toast.box, x+(right-x-toast.Width)/2, height-toast.Height-14, toast.Width, toast.Height)
}

func place(o fyne.CanvasObject, x, y, width, height float32) {
	o.Move(fyne.NewPos(x, y))
	o.Resize(fyne.NewSize(width, height))
}

// visible shows or hides o, and does nothing where that is so already.
func visible(o fyne.CanvasObject, on bool) {
	switch {
	case on && !o.Visible():
		o.Show()
	case !on && o.Visible():
		o.Hide()
	}
}
