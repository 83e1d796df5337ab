package gui

import (
	"context"
	"net/url"
	"runtime"
	"sync/atomic"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	"waybill/fault"
	"waybill/replica"
	"waybill/session"
)

// page is what fills the window.
type page interface {
	content() fyne.CanvasObject
	stateChanged(*session.State) // the session's state is another
	escape()                     // Escape was pressed and no dialog was open
	leave()                      // it is about to be replaced
}

// staying is a page that is not about the open account: it stays when that is
// another one.
type staying interface{ stays() }

// Window is Waybill's window. Its methods belong on the UI goroutine.
type Window struct {
	app     fyne.App
	win     fyne.Window
	backend Backend
	o       Options

	tasks    *tasks
	commands []*command
	notices  *notices
	tip      *tip
	secrets  *secrets
	holder   *fyne.Container // holds the page
	page     page
	sheets   []*sheet

	// lasts are the last failures at each connection, by name, for as long as
	// the window is open.
	lasts map[string]*fault.Fault

	state  *session.State
	states *mailbox[session.State]
	stop   func()
	route  route
	closed bool
	ended  atomic.Bool // the UI goroutine is about to end: nothing is handed to it any more
}

// route is what decides which page belongs on screen.
type route struct {
	phase session.Phase
	todos Todos
}

// New makes the window; Show shows it. It must be called on the goroutine of
// main, or on the test's.
func New(app fyne.App, backend Backend, o Options) *Window {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.OpenURL == nil {
		o.OpenURL = func(address string) error {
			u, err := url.Parse(address)
			if err != nil {
				return err
			}
			return app.OpenURL(u)
		}
	}
	w := &Window{app: app, backend: backend, state: backend.State(), lasts: map[string]*fault.Fault{}}
	do := o.Do
	o.Do = func(f func()) { // once the app has stopped, fyne.Do would run it right here
		if !w.ended.Load() {
			do(f)
		}
	}
	w.o, w.tasks = o, newTasks(o.Do)
	app.Settings().SetTheme(newLook(w.appearance()))
	w.win = app.NewWindow(Title)
	w.win.SetPadded(false)
	w.commands = w.commandTable()
	w.secrets = &secrets{w: w}
	w.notices = newNotices(w)
	w.holder = container.NewStack()
	w.tip = newTip(o.Do)
	w.win.SetContent(stack(container.New(&underLayout{}, w.notices.box, w.holder), w.tip.box))
	w.win.Resize(fyne.NewSize(1180, 760))
	w.win.SetMaster()
	w.win.SetCloseIntercept(w.quit)
	w.bindKeys()
	if runtime.GOOS == "darwin" { // where the menu costs no room and is expected
		w.win.SetMainMenu(fyne.NewMainMenu(w.menu()...))
	}
	app.Lifecycle().SetOnEnteredForeground(func() {
		if p := w.todos(); p != nil {
			p.todos.Wake(replica.WakeFocus)
		}
	})
	app.Lifecycle().SetOnExitedForeground(w.secrets.hide)
	w.states = newMailbox(o.Do, w.showState)
	w.showState(w.state)
	w.stop = backend.Watch(w.states.put)
	return w
}

// Show brings the window to the screen, or to the front if it is there.
func (w *Window) Show() {
	w.win.Show()
	w.win.RequestFocus()
}

// Canvas is what the window shows, for tests and screenshots.
func (w *Window) Canvas() fyne.Canvas { return w.win.Canvas() }

// Close takes the window down and waits for what it started. It may be called
// more than once.
func (w *Window) Close() {
	if w.closed {
		return
	}
	w.closed = true
	w.tip.away(w.tip.owner)
	w.page.leave()
	w.secrets.close()
	w.ended.Store(true)
	w.stop()
	w.tasks.close()
}

// quit saves what is being typed and ends the app. The window goes at once, for
// what is under way may take a moment to end.
func (w *Window) quit() {
	w.page.leave()
	w.win.Hide()
	w.Close()
	w.win.Close()
	w.app.Quit()
}

// showState follows the session.
func (w *Window) showState(s *session.State) {
	if w.closed {
		return
	}
	w.state = s
	now := route{s.Phase, w.backend.Todos()}
	if w.page == nil || now != w.route {
		w.route = now
		if _, stays := w.page.(staying); !stays {
			w.showHome()
		}
	}
	w.page.stateChanged(s)
	w.notices.stateChanged(s)
}

// showHome shows the page that the state of the session asks for.
func (w *Window) showHome() {
	switch {
	case w.waiting() != nil:
		// The page that waits for the browser goes on by itself: it has something
		// to say at its end, and hears of it after the session has.
	case w.route.phase == session.SignedIn && w.route.todos != nil:
		w.show(newTodosPage(w, w.route.todos))
	case w.route.phase == session.Starting:
		w.show(newStartingPage(w))
	default:
		w.show(newWelcomePage(w))
	}
}

// show replaces the page.
func (w *Window) show(p page) {
	if w.page != nil {
		w.page.leave()
	}
	w.closeSheets()
	w.tip.away(w.tip.owner)
	w.win.Canvas().Unfocus()
	w.page = p
	w.holder.Objects = []fyne.CanvasObject{p.content()}
	w.holder.Refresh()
	p.stateChanged(w.state)
	w.settle(p)
}

// todos is the page of to-dos, nil while another one is shown.
func (w *Window) todos() *todosPage {
	p, _ := w.page.(*todosPage)
	return p
}

func (w *Window) waiting() *waitingPage {
	p, _ := w.page.(*waitingPage)
	return p
}

// canLeave reports whether the page may be left for another connection.
func (w *Window) canLeave() bool { return w.waiting() == nil && w.state.Phase != session.Starting }

// signIn starts a sign-in and shows the page that waits for it.
func (w *Window) signIn(name string) { w.show(newWaitingPage(w, name)) }

func (w *Window) signInAgain() { w.signIn(w.state.Current) }

// use goes to a connection: to the account that is kept for it, else to its
// sign-in page.
func (w *Window) use(info session.ConnectionInfo) {
	name := info.Connection.Name
	if w.state.Phase == session.SignedIn && w.state.Current == name {
		w.showHome()
		return
	}
	if !info.SignedIn {
		w.signIn(name)
		return
	}
	// Queued behind the edits: those of this account must be on the disk first.
	w.tasks.queue(func(ctx context.Context) error { return w.backend.SwitchTo(ctx, name) }, func(err error) {
		if fault.Is(err, fault.SignInNeeded) && w.canLeave() {
			w.signIn(name)
			return
		}
		if w.reportAt(name, err); err == nil {
			w.showHome()
		}
	})
}

// relayout gives everything on screen the room that it needs now. Pages call it
// when one of their texts or fields has come or gone.
func (w *Window) relayout() { w.win.Content().Refresh() }

// report shows a failure on whatever page is there; nil and what the user
// cancelled are nothing to report.
func (w *Window) report(err error) {
	if err == nil || fault.Is(err, fault.Canceled) {
		return
	}
	w.notices.fault(fault.As(err))
}

// openLink opens a web page of ours, off the UI goroutine since starting a
// browser may take a while.
func (w *Window) openLink(address string) {
	w.tasks.start(func(context.Context) error { return w.o.OpenURL(address) }, func(err error) {
		if err != nil {
			w.report(fault.New(fault.StepInteraction, fault.Failed, "browser", "The browser could not be opened.").
				WithRemedy("Open " + address + " yourself.").Because(err))
		}
	})
}

// copy puts text on the clipboard.
func (w *Window) copy(text string) { w.app.Clipboard().SetContent(text) }

const appearanceKey = "appearance"

// appearance is what the user has chosen.
func (w *Window) appearance() Appearance {
	switch a := Appearance(w.app.Preferences().StringWithFallback(appearanceKey, string(AppearanceSystem))); a {
	case AppearanceLight, AppearanceDark:
		return a
	default:
		return AppearanceSystem
	}
}

func (w *Window) setAppearance(a Appearance) {
	w.app.Preferences().SetString(appearanceKey, string(a))
	w.app.Settings().SetTheme(newLook(a))
}

// openMenu shows the menu of all commands.
func (w *Window) openMenu() {
	at := fyne.NewPos(12, 60)
	if p := w.todos(); p != nil {
		at = p.menuPosition()
	}
	root := fyne.NewMenu("")
	for _, m := range w.menu() {
		item := fyne.NewMenuItem(m.Label, nil)
		item.ChildMenu = m
		root.Items = append(root.Items, item)
	}
	newPopUpMenu(root, w.win.Canvas(), at)
}
