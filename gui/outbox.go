package gui

import (
	"context"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"waybill/replica"
	"waybill/todo"
	"waybill/wording"
)

// outbox takes the list's place and shows the changes that the server does not
// have: what, when, why each waits, and what can be done about it. The to-do of
// the chosen one is in the details.
type outbox struct {
	page  *todosPage
	box   *fyne.Container
	menu  *button // opens the sidebar in a narrow window
	state *text
	retry *button
	list  *changeList
	empty *emptyState
	body  *fyne.Container

	want           string     // id of the to-do whose change is chosen first
	reading, again bool       // the outbox is being read; it is to be read once more
	taken          [][]uint64 // what was discarded since the page was opened, the last one last
}

// openOutbox shows the outbox in the list's place.
func (p *todosPage) openOutbox() {
	if p.outbox != nil {
		p.focus(p.outbox.list)
		return
	}
	p.closeDetails()
	p.outbox = newOutbox(p)
	p.showMain()
	p.outbox.read()
	p.focus(p.outbox.list)
}

// openOutboxFromSidebar also closes the drawer, where the sidebar is one.
func (p *todosPage) openOutboxFromSidebar() {
	p.shell.setDrawer(false)
	p.openOutbox()
}

// closeOutbox shows the list again.
func (p *todosPage) closeOutbox() {
	if p.outbox == nil {
		return
	}
	p.details.commit()
	p.w.tip.away(p.w.tip.owner)
	p.outbox = nil
	p.shell.setDetails(false)
	p.showMain()
}

// showMain puts the list or the outbox into the middle of the page.
func (p *todosPage) showMain() {
	p.middle.Objects = []fyne.CanvasObject{p.main}
	if p.outbox != nil {
		p.middle.Objects = []fyne.CanvasObject{p.outbox.box}
	}
	p.middle.Refresh()
	p.showSidebar()
	p.shapeChanged()
}

func newOutbox(p *todosPage) *outbox {
	o := &outbox{page: p, want: p.chosen, state: newText("", textStyle{color: colorMuted, wrap: true}), empty: newEmptyState()}
	o.menu = newIconButton(theme.MenuIcon(), "Show the sidebar", func() { p.shell.setDrawer(true) })
	o.retry = smallButton("Try all again", buttonPlain, o.retryAll)
	o.retry.Hide()
	title := newText("Outbox", textStyle{size: sizeTitle, style: fyne.TextStyle{Bold: true}})
	sync := newButton("Sync", buttonPlain, p.sync).withIcon(theme.ViewRefreshIcon())
	back := newIconButton(theme.CancelIcon(), "Back to the list", p.leaveOutbox)
	o.list = newChangeList(changeActions{
		view: o.view, choose: o.choose, open: o.open, act: o.act, leave: p.leaveOutbox, tip: p.w.tip,
	})
	head := inset(insets{14, 18, 10, 18}, column(8, row(8, title, o.menu, title, sync, back), row(8, o.state, o.state, o.retry)))
	o.body = stack(inset(insets{0, 18, 0, 18}, o.list), o.empty.box)
	o.empty.box.Hide()
	o.box = stack(newPanel(nil, panelStyle{fill: theme.ColorNameBackground}), container.New(&underLayout{}, head, o.body))
	o.showState()
	return o
}

// chosenChange is the change that is chosen in the outbox, nil where that is not
// open or is empty.
func (p *todosPage) chosenChange() *replica.Pending {
	if p.outbox == nil {
		return nil
	}
	return p.outbox.list.current()
}

// leaveOutbox goes back to the list.
func (p *todosPage) leaveOutbox() {
	p.closeOutbox()
	p.focusList()
}

// showState says what is so, as the status line does, and why.
func (o *outbox) showState() {
	o.state.set(stateSentences(o.page.snapshot.Status))
	o.box.Refresh()
}

// stateSentences are the sentence of the status line and what belongs to it.
func stateSentences(st replica.Status) string {
	words := st.Sentence + "."
	if strings.HasSuffix(st.Sentence, ".") {
		words = st.Sentence
	}
	switch f := st.Fault; {
	case f == nil:
	case !strings.Contains(words, f.Message):
		words += " " + f.Error()
	case f.Remedy != "" && !strings.Contains(words, f.Remedy):
		words += " " + f.Remedy
	}
	return words
}

// read reads the outbox, which may wait for the disk, and shows it. However
// often it is asked for, one reading runs and one more follows.
func (o *outbox) read() {
	if o.reading {
		o.again = true
		return
	}
	o.reading, o.again = true, false
	var pending []replica.Pending
	todos := o.page.todos
	o.page.w.tasks.start(func(context.Context) error {
		pending = todos.Outbox()
		slices.SortStableFunc(pending, func(a, b replica.Pending) int { return urgency(a.State) - urgency(b.State) })
		return nil
	}, func(error) {
		o.reading = false
		if o.page.outbox != o || o.page.gone {
			return
		}
		o.show(pending)
		if o.again {
			o.read()
		}
	})
}

// urgency orders what needs a look before what waits, and what was discarded
// last.
func urgency(s replica.PendingState) int {
	switch s {
	case replica.PendingConflict, replica.PendingRefused:
		return 0
	case replica.PendingDiscarded:
		return 2
	default:
		return 1
	}
}

func (o *outbox) show(pending []replica.Pending) {
	o.list.reload(pending, o.want)
	o.want = ""
	refused := 0
	for _, c := range pending {
		if c.State == replica.PendingRefused {
			refused++
		}
	}
	visible(o.retry, refused > 1)
	visible(o.list, len(pending) > 0)
	if visible(o.empty.box, len(pending) == 0); len(pending) == 0 {
		o.empty.show(o.whyEmpty())
	}
	o.showState()
	if c := o.list.current(); c != nil && o.page.chosen != c.Edit.ID {
		o.page.choose(c.Edit.ID)
	}
}

func (o *outbox) whyEmpty() emptyReason {
	if st := o.page.snapshot.Status; st.LastSync.IsZero() {
		return emptyReason{title: "Nothing waits to be sent", words: "The to-dos were not fetched from the server yet.", action: "Sync now", act: o.page.sync}
	}
	return emptyReason{title: "Every change is at the server", words: "What you change while you are offline waits here until it is sent."}
}

// choose shows the to-do of a change in the details.
func (o *outbox) choose(c *replica.Pending) { o.page.choose(c.Edit.ID) }

// open shows what a change is about: both versions where there are two.
func (o *outbox) open(c *replica.Pending) {
	if row := o.page.row(c.Edit.ID); row != nil && row.State == replica.Conflict && c.State == replica.PendingConflict {
		o.page.openConflict()
		return
	}
	o.page.openDetails(c.Edit.ID)
}

// act does to a change what a button or a key asks for.
func (o *outbox) act(c *replica.Pending, a changeAct) {
	if !slices.Contains(changeActs(c.State), a) {
		return
	}
	p, number := o.page, c.Number
	switch a {
	case actCompare:
		o.choose(c)
		o.open(c)
		return
	case actRetry:
		p.edit(func(ctx context.Context) error { return p.todos.Retry(ctx, number) }, nil)
	case actRestore:
		p.edit(func(ctx context.Context) error { return p.todos.Restore(ctx, number) }, nil)
	case actDiscard:
		o.discard(*c)
	}
	o.readSoon()
}

// discard takes a change out, and offers to bring it back. With the creation of
// a to-do go the later changes of it.
func (o *outbox) discard(c replica.Pending) {
	numbers := []uint64{c.Number}
	if c.Edit.Op == todo.Create {
		for _, other := range o.list.rows {
			if other.Edit.ID == c.Edit.ID && other.Number > c.Number && other.State != replica.PendingDiscarded {
				numbers = append(numbers, other.Number)
			}
		}
	}
	p := o.page
	o.list.skip(c.Number)
	p.edit(func(ctx context.Context) error { return p.todos.Discard(ctx, c.Number) }, nil)
	o.taken = append(o.taken, numbers) // after edit, which forgets them
	p.say("Discarded: "+wording.Change(&c), "Undo", o.undoDiscard)
}

// undoDiscard brings back what was discarded last; false if nothing was.
func (o *outbox) undoDiscard() {
	if len(o.taken) == 0 {
		return
	}
	p, last := o.page, len(o.taken)-1
	rest, numbers := o.taken[:last], slices.Sorted(slices.Values(o.taken[last]))
	p.toast.hide()
	p.edit(func(ctx context.Context) error {
		for _, n := range numbers {
			if err := p.todos.Restore(ctx, n); err != nil {
				return err
			}
		}
		return nil
	}, nil)
	o.taken = rest
	o.readSoon()
}

// retryAll sends all that was refused again.
func (o *outbox) retryAll() {
	p := o.page
	var numbers []uint64
	for _, c := range o.list.rows {
		if c.State == replica.PendingRefused {
			numbers = append(numbers, c.Number)
		}
	}
	p.edit(func(ctx context.Context) error {
		for _, n := range numbers {
			if err := p.todos.Retry(ctx, n); err != nil {
				return err
			}
		}
		return nil
	}, nil)
	o.readSoon()
}

// readSoon reads again once the edits that are queued are done.
func (o *outbox) readSoon() {
	o.page.w.tasks.queue(func(context.Context) error { return nil }, func(error) {
		if o.page.outbox == o {
			o.read()
		}
	})
}
