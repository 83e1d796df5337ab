package gui

import (
	"context"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"waybill/replica"
	"waybill/session"
	"waybill/todo"
)

// todosPage shows the to-dos of one account. Nothing of it outlives the
// account: another one gets another page.
type todosPage struct {
	w        *Window
	todos    Todos
	mailbox  *mailbox[replica.Snapshot]
	stop     func()
	snapshot *replica.Snapshot

	filter   todo.Filter
	query    string
	searcher *searcher
	chosen   string // id of the to-do whose details are shown, "" for none

	shell   *shell
	middle  *fyne.Container // holds main, or the outbox
	main    *fyne.Container // the list with what stands above it
	sidebar *sidebar
	toolbar *toolbar
	list    *todoList
	empty   *emptyState
	details *details
	status  *statusBar
	toast   *toast
	outbox  *outbox  // nil while the list is shown
	compare *compare // nil while it is closed

	minute    *time.Timer // the next moment at which something shown is no longer true
	busySoon  *time.Timer
	gone      bool   // leave was called
	following string // id of a to-do just added, to be chosen when it is in the list
}

func newTodosPage(w *Window, todos Todos) *todosPage {
	p := &todosPage{w: w, todos: todos, snapshot: todos.Snapshot()}
	p.searcher = &searcher{tasks: w.tasks, found: p.present}
	p.sidebar = newSidebar(sidebarActions{
		filter: p.setFilter, account: w.openMenu, outbox: p.openOutboxFromSidebar, settings: w.openSettings,
		connections: w.showConnections, flow: w.showFlow, explorer: w.showExplorer,
	})
	p.toolbar = newToolbar(toolbarActions{
		search: p.setQuery, leave: p.focusList, sync: p.sync, add: p.add,
		drawer: func() { p.shell.setDrawer(true) },
	})
	p.list = newTodoList(listActions{
		view: p.view, writable: func() bool { return p.snapshot.CanUpdate }, choose: p.choose, open: p.openDetails,
		toggle: p.toggle, remove: p.remove, edit: p.rename, menu: p.openTodoMenu, tip: w.tip,
	})
	p.empty = newEmptyState()
	p.details = newDetails(p)
	p.status = newStatusBar(p.openOutbox, w.tip)
	p.toast = newToast()
	p.middle = stack(p.mainPane())
	p.shell = newShell(p.sidebar.box, p.middle, p.details.box, p.status.box, p.toast, p.shapeChanged)
	p.mailbox = newMailbox(w.o.Do, p.apply)
	p.apply(p.snapshot)
	p.stop = todos.Watch(p.mailbox.put)
	return p
}

// mainPane is the list with what stands above it.
func (p *todosPage) mainPane() fyne.CanvasObject {
	head := inset(insets{14, 18, 2, 18}, p.toolbar.box)
	line := container.New(&fixedHeightLayout{8}, p.toolbar.busy.box)
	body := stack(inset(insets{0, 18, 0, 18}, p.list), p.empty.box)
	p.main = stack(newPanel(nil, panelStyle{fill: theme.ColorNameBackground}),
		container.New(&underLayout{}, column(0, head, inset(insets{0, 18, 0, 18}, line)), body))
	return p.main
}

func (p *todosPage) content() fyne.CanvasObject { return p.shell.box }

func (p *todosPage) stateChanged(s *session.State) {
	p.sidebar.account.show(s.Account)
	p.status.showState(s, p.w.o.Now())
	p.schedule()
}

// leave saves what is being typed.
func (p *todosPage) leave() {
	p.details.commit()
	p.gone = true
	p.stop()
	p.toolbar.busy.show(false)
	for _, t := range []*time.Timer{p.minute, p.busySoon, p.toast.timer} {
		if t != nil {
			t.Stop()
		}
	}
}

// escape goes back one step: from the drawer, from the details, from a search.
func (p *todosPage) escape() {
	switch {
	case p.shell.drawerOpen:
		p.shell.setDrawer(false)
	case p.shell.detailsOpen && !p.shell.wide:
		p.closeDetails()
	case p.outbox != nil:
		p.leaveOutbox()
	case p.query != "":
		p.clearSearch()
	default:
		p.focusList()
	}
}

// strayKey gets the keys that nothing focused has used: the arrows lead into
// the list.
func (p *todosPage) strayKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyDown, fyne.KeyUp, fyne.KeyHome, fyne.KeyEnd, fyne.KeyPageDown, fyne.KeyPageUp:
		p.focusList()
	}
}

// apply shows a snapshot.
func (p *todosPage) apply(s *replica.Snapshot) {
	if p.gone {
		return
	}
	before := p.snapshot
	p.snapshot = s
	p.showSidebar()
	p.showToolbar()
	p.refilter()
	if !s.Today.Equal(before.Today) || s.CanUpdate != before.CanUpdate {
		p.list.repaint() // the rows are the same, and look different
	}
	p.details.show(p.current())
	if p.compare != nil {
		p.compare.follow(p.row(p.compare.row.Todo.ID))
	}
	p.status.showStatus(s.Status, p.w.o.Now())
	p.showBusy(s.Status.Kind == replica.Busy)
	p.w.notices.snapshotChanged(s)
	if p.outbox != nil {
		p.outbox.showState()
		p.outbox.read()
	}
	if p.following != "" && p.row(p.following) != nil {
		if !p.details.typing() { // whoever types is somewhere else already
			p.choose(p.following)
			p.list.setChosen(p.following, true)
		}
		p.following = ""
	}
}

// showSidebar follows the counts and what is chosen.
func (p *todosPage) showSidebar() {
	st := p.snapshot.Status
	p.sidebar.show(p.snapshot.Counts, p.filter, st.Waiting+st.Look, p.outbox != nil)
}

// showToolbar follows the snapshot, and moves the list where the toolbar is
// now higher or lower. (Fyne itself notices only one such change at a time.)
func (p *todosPage) showToolbar() {
	width := p.toolbar.box.Size().Width
	before := heightFor(p.toolbar.box, width)
	p.toolbar.show(p.filter, p.snapshot.Counts, p.snapshot.CanAdd, p.snapshot.Why)
	if heightFor(p.toolbar.box, width) != before {
		p.main.Refresh()
	}
}

// refilter shows the rows that filter and search let through.
func (p *todosPage) refilter() {
	if p.query != "" {
		p.searcher.ask(searchWish{snapshot: p.snapshot, filter: p.filter, query: p.query})
		return
	}
	p.searcher.forget()
	p.present(p.snapshot.Find(p.filter, ""))
}

// present puts these rows on screen.
func (p *todosPage) present(rows []*replica.Row) {
	if p.gone {
		return
	}
	p.list.reload(rows)
	p.list.setChosen(p.chosen, false)
	visible(p.list, len(rows) > 0)
	if visible(p.empty.box, len(rows) == 0); len(rows) == 0 {
		p.empty.show(p.whyEmpty())
	}
}

// shapeChanged follows the width of the window.
func (p *todosPage) shapeChanged() {
	visible(p.toolbar.menu, p.shell.narrow)
	if p.outbox != nil {
		visible(p.outbox.menu, p.shell.narrow)
		p.outbox.box.Refresh()
	}
	p.toolbar.hint.setNarrow(p.shell.narrow)
	p.toolbar.search.Refresh()
	p.details.showBack(!p.shell.wide)
	p.details.showWhy()
}

// setFilter shows another list.
func (p *todosPage) setFilter(f todo.Filter) {
	p.filter = f
	p.shell.setDrawer(false)
	p.closeOutbox()
	p.closeDetails()
	p.showSidebar()
	p.showToolbar()
	p.refilter()
	p.list.ScrollToTop()
}

func (p *todosPage) setQuery(query string) {
	p.query = query
	p.refilter()
	p.list.ScrollToTop()
}

// view is what a row shows.
func (p *todosPage) view(r *replica.Row) rowView {
	t := &r.Todo
	v := rowView{
		id: t.ID, title: todo.Line(t.Title), done: t.Completed, priority: t.Priority, state: r.State,
		due: todo.DueLabel(t.Due, p.snapshot.Today),
	}
	if v.title == "" {
		v.title = "Untitled"
	}
	v.overdue = v.due != "" && !t.Completed && p.snapshot.Today.DaysUntil(t.Due) < 0
	if !t.Completed {
		for _, tag := range t.Tags[:min(len(t.Tags), tagsOnRow)] {
			v.tags = append(v.tags, todo.Line(tag))
		}
	}
	return v
}

// tagsOnRow is how many tags of a to-do a row looks at.
const tagsOnRow = 6

func (p *todosPage) clearSearch() { p.toolbar.search.SetText("") }

// row is the to-do with this id, nil if there is none.
func (p *todosPage) row(id string) *replica.Row {
	if id == "" {
		return nil
	}
	for _, r := range p.snapshot.Rows {
		if r.Todo.ID == id {
			return r
		}
	}
	return nil
}

// current is the to-do whose details are shown.
func (p *todosPage) current() *replica.Row { return p.row(p.chosen) }

// choose shows the details of a to-do.
func (p *todosPage) choose(id string) {
	if id == p.chosen {
		return
	}
	p.details.commit()
	p.chosen = id
	p.list.setChosen(id, false)
	p.details.show(p.current())
	p.schedule()
}

// openDetails brings the details to the front where they are not beside the
// list.
func (p *todosPage) openDetails(id string) {
	p.choose(id)
	p.shell.setDetails(true)
}

func (p *todosPage) closeDetails() {
	p.details.commit()
	if p.shell.detailsOpen {
		p.shell.setDetails(false)
		p.focusList()
	}
}

func (p *todosPage) focus(f fyne.Focusable) { p.w.win.Canvas().Focus(f) }

func (p *todosPage) focusList() {
	if p.outbox != nil {
		p.focus(p.outbox.list)
		return
	}
	if p.list.Visible() {
		p.focus(p.list)
		return
	}
	p.w.win.Canvas().Unfocus()
}

func (p *todosPage) focusSearch() {
	p.closeOutbox()
	p.closeDetails()
	p.focus(p.toolbar.search)
	p.toolbar.search.TypedShortcut(&fyne.ShortcutSelectAll{})
}

func (p *todosPage) focusAdd() {
	p.closeOutbox()
	p.closeDetails()
	p.focus(p.toolbar.add)
}

// menuPosition is below the account header, or below the button that stands
// for it in a narrow window.
func (p *todosPage) menuPosition() fyne.Position {
	o := fyne.CanvasObject(p.sidebar.account)
	switch {
	case !p.shell.narrow || p.shell.drawerOpen:
	case p.outbox != nil:
		o = p.outbox.menu
	default:
		o = p.toolbar.menu
	}
	at := fyne.CurrentApp().Driver().AbsolutePositionForObject(o)
	return at.AddXY(0, o.Size().Height+2)
}

// edit queues a change: it is on the disk before the next one begins. done, which
// may be nil, is told the outcome as long as the page is there; a failure was
// reported then.
func (p *todosPage) edit(change func(context.Context) error, done func(error)) {
	if p.outbox != nil {
		p.outbox.taken = nil // this edit is what Undo takes back now
	}
	p.w.tasks.queue(change, func(err error) {
		if p.w.report(err); done != nil && !p.gone {
			done(err)
		}
	})
}
