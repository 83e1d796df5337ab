package gui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"waybill/replica"
	"waybill/session"
	"waybill/todo"
)

// frame is what the pages about access have around them: the sidebar and the
// status line of the open account. Without an account they stand alone.
type frame struct {
	w      *Window
	box    *fyne.Container
	body   fyne.CanvasObject
	scroll *container.Scroll // of the body
	shade  *shade
	menu   *button // opens the sidebar in a narrow window
	back   *button
	top    bool    // a page that the sidebar leads to: with it there, no way back is needed
	nav    nav     // the entry of the sidebar that it belongs to
	width  float32 // of its content at most

	todos   Todos // of the open account; nil without one
	stop    func()
	sidebar *sidebar
	status  *statusBar
	drawer  bool
	narrow  bool

	onSnapshot func() // the to-dos are others; may be nil
}

// newFrame makes the frame; fill puts the body into it. back is where the page
// is left to.
func newFrame(w *Window, back func()) *frame {
	f := &frame{w: w, width: 860}
	f.menu = newIconButton(theme.MenuIcon(), "Show the sidebar", func() { f.setDrawer(true) })
	f.back = newButton("Back", buttonQuiet, back).withIcon(theme.NavigateBackIcon())
	f.shade = newShade(func() { f.setDrawer(false) })
	return f
}

// fill puts the head, which stays, and the body, which scrolls, into the frame.
func (f *frame) fill(head, body fyne.CanvasObject) {
	f.scroll = container.NewVScroll(inset(insets{8, 20, 28, 20}, f.asWide(f.width, body)))
	f.put(head, f.scroll)
}

// fillPanes is fill for a body that scrolls by itself, in several places; scroll
// is the one in which what gets the focus is kept in sight.
func (f *frame) fillPanes(head, body fyne.CanvasObject, scroll *container.Scroll) {
	f.scroll = scroll
	f.put(head, inset(insets{8, 20, 0, 20}, f.asWide(f.width, body)))
}

func (f *frame) put(head, body fyne.CanvasObject) {
	f.body = stack(newPanel(nil, panelStyle{fill: theme.ColorNameBackground}),
		container.New(&underLayout{}, inset(insets{14, 20, 8, 20}, f.asWide(f.width, head)), body))
	f.box = container.New(frameLayout{f})
	f.attach()
}

// head is the usual head of a page: the way out, its title, and buttons.
func (f *frame) head(title string, buttons ...fyne.CanvasObject) fyne.CanvasObject {
	words := newText(title, textStyle{size: sizeTitle, style: fyne.TextStyle{Bold: true}, wrap: true, lines: 2})
	top := row(8, words, f.menu, words)
	return column(4, inset(insets{0, 0, 0, -buttonPadX}, row(0, nil, f.back)), container.New(barLayout{}, top, container.New(&wrapLayout{gap: 8, right: true}, buttons...)))
}

// attach takes the sidebar and the status line of the account that is open.
func (f *frame) attach() {
	f.detach()
	f.todos = f.w.route.todos
	f.box.Objects = []fyne.CanvasObject{f.body}
	if f.todos != nil {
		f.sidebar = newSidebar(sidebarActions{
			filter:  func(to todo.Filter) { f.w.showHome(); f.w.with(func(p *todosPage) { p.setFilter(to) })() },
			account: f.w.openMenu, settings: f.w.openSettings,
			outbox:      f.openOutbox,
			connections: func() { f.setDrawer(false); f.w.showConnections() },
			flow:        func() { f.setDrawer(false); f.w.showFlow() },
			explorer:    func() { f.setDrawer(false); f.w.showExplorer() },
		})
		f.sidebar.leaveTodos(f.nav)
		f.status = newStatusBar(f.openOutbox, f.w.tip)
		f.box.Objects = []fyne.CanvasObject{f.body, f.shade, f.sidebar.box, line(), f.status.box, line()}
		todos := f.todos
		m := newMailbox(f.w.o.Do, func(s *replica.Snapshot) {
			if f.todos == todos {
				f.apply(s)
			}
		})
		f.stop = todos.Watch(m.put)
		f.apply(todos.Snapshot())
	}
	f.stateChanged(f.w.state)
	f.box.Refresh()
}

func (f *frame) detach() {
	if f.stop != nil {
		f.stop()
	}
	f.stop, f.todos, f.sidebar, f.status, f.drawer = nil, nil, nil, nil, false
}

func (f *frame) openOutbox() {
	f.w.showHome()
	f.w.with((*todosPage).openOutbox)()
}

// apply shows a snapshot of the to-dos.
func (f *frame) apply(s *replica.Snapshot) {
	if f.sidebar == nil {
		return
	}
	f.sidebar.show(s.Counts, todo.Filter{}, s.Status.Waiting+s.Status.Look, false)
	f.status.showStatus(s.Status, f.w.o.Now())
	f.w.notices.snapshotChanged(s)
	if f.onSnapshot != nil {
		f.onSnapshot()
	}
}

// stateChanged follows the session, to another account too.
func (f *frame) stateChanged(s *session.State) {
	if f.todos != f.w.route.todos {
		f.attach()
		return
	}
	if f.sidebar != nil {
		f.sidebar.account.show(s.Account)
		f.status.showState(s, f.w.o.Now())
	}
}

// escapes closes the drawer, if it is open.
func (f *frame) escapes() bool {
	if !f.drawer {
		return false
	}
	f.setDrawer(false)
	return true
}

func (f *frame) setDrawer(open bool) {
	if f.drawer != open {
		f.drawer = open
		f.box.Layout.Layout(f.box.Objects, f.box.Size())
		f.box.Refresh()
	}
}

// follow keeps what has the focus in sight.
func (f *frame) follow(focused fyne.CanvasObject) func() {
	return func() { bringIntoSight(f.scroll, focused) }
}

type frameLayout struct{ f *frame }

// MinSize lets the window become as small as a telephone.
func (l frameLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(340, 360) }

func (l frameLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	f := l.f
	there := f.sidebar != nil
	f.narrow = size.Width < mediumFrom
	visible(f.menu, there && f.narrow)
	visible(f.back, !f.top || !there)
	if !there {
		place(objects[0], 0, 0, size.Width, size.Height)
		return
	}
	f.drawer = f.drawer && f.narrow
	height, x := size.Height-statusHeight, float32(0)
	if !f.narrow {
		x = sidebarWidth
	}
	open := !f.narrow || f.drawer
	visible(f.shade, f.drawer)
	visible(objects[2], open)
	visible(objects[3], open)
	place(objects[0], x, 0, size.Width-x, height)
	place(f.shade, 0, 0, size.Width, height)
	place(objects[2], 0, 0, sidebarWidth, height)
	place(objects[3], sidebarWidth-1, 0, 1, height)
	place(objects[4], 0, height, size.Width, statusHeight)
	place(objects[5], 0, height, size.Width, 1)
}

// asWide keeps o at most width wide: at the left beside the sidebar, and in the
// middle of a page that stands alone.
func (f *frame) asWide(width float32, o fyne.CanvasObject) *fyne.Container {
	return container.New(&wideLayout{f, width}, o)
}

type wideLayout struct {
	f     *frame
	width float32
}

func (l *wideLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	w, x := min(l.width, size.Width), float32(0)
	if l.f.sidebar == nil {
		x = (size.Width - w) / 2
	}
	for _, o := range objects {
		place(o, x, 0, w, max(size.Height, heightFor(o, w)))
	}
}

func (l *wideLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var least fyne.Size
	for _, o := range objects {
		least = least.Max(o.MinSize())
	}
	return least
}

func (l *wideLayout) heightFor(objects []fyne.CanvasObject, width float32) float32 {
	height := float32(0)
	for _, o := range objects {
		height = max(height, heightFor(o, min(l.width, width)))
	}
	return height
}
