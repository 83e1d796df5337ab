package gui

import (
	"slices"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"waybill/replica"
	"waybill/todo"
	"waybill/wording"
)

const (
	labelWidth = 90
	labelSize  = 13
)

// details shows one to-do with everything that can be changed about it. What
// is being typed is never overwritten by a snapshot.
type details struct {
	box  *fyne.Container
	page *todosPage
	row  *replica.Row // nil: none is chosen
	body *fyne.Container
	hint *fyne.Container // in place of the body, where none is chosen
	all  *container.Scroll

	backRow      *fyne.Container
	back         *button
	titleText    *text
	title        *inPlace
	status       *valueButton
	priority     *valueButton
	due          *valueButton
	tagChips     *chipFlow
	tags         *inPlace
	changed      *text
	changedRow   *fyne.Container
	description  *description
	state        *fyne.Container // cards: not sent, conflict, refused
	why          *text
	remove       *button
	renaming     todo.Todo // the to-do as it was when its title was opened
	tagging      todo.Todo // and when its tags were
	shownStateOf *replica.Row
}

func newDetails(p *todosPage) *details {
	d := &details{page: p}
	d.back = newButton("Back", buttonQuiet, p.closeDetails).withIcon(theme.NavigateBackIcon())
	d.titleText = newText("", textStyle{size: sizeTitle, style: fyne.TextStyle{Bold: true}, wrap: true, lines: 8})
	d.title = newInPlace("Title", d.titleText, d.beginTitle, d.saveTitle, d.relayout)
	d.status = newValueButton("Status", d.openStatusMenu)
	d.priority = newValueButton("Priority", d.openPriorityMenu)
	d.due = newValueButton("Due", d.openDueMenu)
	d.tagChips = newChipFlow("None")
	d.tags = newInPlace("Tags", d.tagChips, d.beginTags, d.saveTags, d.relayout)
	d.tags.field.SetPlaceHolder("release, home")
	d.changed = newText("", textStyle{size: sizeBody - 1})
	d.changedRow = pair("Changed", d.changed)
	d.description = newDescription(p.w.o.Do, d.saveDescription)
	d.state = column(10)
	d.why = newText("", textStyle{color: colorMuted, size: sizeCaption, wrap: true})
	d.remove = smallButton("Delete", buttonDanger, func() { p.remove(p.chosen) })
	d.body = column(14,
		d.title.box,
		column(0, pair("Status", d.status), pair("Priority", d.priority), pair("Due", d.due), pair("Tags", d.tags.box), d.changedRow),
		d.description.box, d.state, d.why, row(0, nil, d.remove))
	d.hint = centred(200, newText("Choose a to-do to see its details.", textStyle{color: colorMuted, align: fyne.TextAlignCenter, wrap: true}))
	d.all = container.NewVScroll(inset(insets{14, 16, 16, 16}, d.body))
	top := inset(insets{8, 8, 0, 8}, row(0, nil, d.back))
	d.backRow = top
	d.box = stack(newPanel(nil, panelStyle{fill: colorPane}),
		container.New(&underLayout{}, column(0, top), stack(d.all, d.hint)))
	d.showBack(false)
	return d
}

// showBack shows the way back to the list, where the details took its place.
func (d *details) showBack(on bool) { visible(d.backRow, on) }

// relayout gives the fields the height that they need now.
func (d *details) relayout() {
	d.body.Refresh()
	d.all.Refresh()
}

// show shows a to-do, nil for none.
func (d *details) show(r *replica.Row) {
	visible(d.hint, r == nil)
	visible(d.all, r != nil)
	if r == nil {
		d.commit() // what is typed into a to-do that goes away is an edit of it
		d.row = nil
		d.box.Refresh()
		return
	}
	if d.row == nil || d.row.Todo.ID != r.Todo.ID {
		d.title.finish(false)
		d.tags.finish(false)
		d.description.open(r.Todo.Description)
		d.all.ScrollToTop()
	}
	d.row = r
	d.showFields(&r.Todo)
	d.description.follow(r.Todo.Description)
	d.showAge()
	d.showState()
	d.relayout()
}

func (d *details) showFields(t *todo.Todo) {
	s := d.page.snapshot
	title := todo.Line(t.Title)
	if title == "" {
		title = "Untitled"
	}
	d.titleText.set(title)
	d.status.show(wording.Status(t.Completed), theme.ColorNameForeground)
	d.priority.show(wording.Priority(t.Priority), theme.ColorNameForeground)
	ink := theme.ColorNameForeground
	if !t.Due.IsZero() && !t.Completed && s.Today.DaysUntil(t.Due) < 0 {
		ink = colorOverdue
	}
	d.due.show(wording.Due(t.Due, s.Today, d.page.w.o.Now()), ink)
	d.tagChips.show(wording.Tags(t.Tags))
	for _, v := range []*valueButton{d.status, d.priority, d.due} {
		v.setEnabled(s.CanUpdate)
	}
	d.title.view.setEnabled(s.CanUpdate)
	d.tags.view.setEnabled(s.CanUpdate)
	d.description.setWritable(s.CanUpdate)
	visible(d.remove, s.CanDelete)
	d.showWhy()
}

// showWhy says why something cannot be changed, unless that is said above the
// list already.
func (d *details) showWhy() {
	s, p := d.page.snapshot, d.page
	said := !s.CanAdd && p.shell != nil && p.shell.wide && p.outbox == nil
	d.why.set(s.Why)
	visible(d.why, !(s.CanUpdate && s.CanDelete) && s.Why != "" && !said)
}

// showAge says when it was last changed here, as long as that is not synced.
func (d *details) showAge() {
	if d.row == nil {
		return
	}
	at := d.row.Changed
	visible(d.changedRow, !at.IsZero())
	if !at.IsZero() {
		d.changed.set(wording.Ago(at, d.page.w.o.Now()) + " on this computer")
	}
}

// typing reports whether the cursor is in one of the fields of a to-do.
func (d *details) typing() bool {
	return d.row != nil && (d.title.field.focus || d.tags.field.focus || d.description.field.focus)
}

// commit saves what is being typed.
func (d *details) commit() {
	d.title.finish(true)
	d.tags.finish(true)
	d.description.commit()
}

// discard lets what is being typed go.
func (d *details) discard() {
	d.title.finish(false)
	d.tags.finish(false)
	d.description.discard()
}

func (d *details) editTitle() { d.title.begin() }

func (d *details) beginTitle() string {
	d.renaming = d.row.Todo
	return todo.Line(d.row.Todo.Title)
}

func (d *details) saveTitle(title string) {
	title = strings.TrimSpace(title)
	if title == "" {
		return
	}
	was := d.renaming
	d.page.updateFrom(was, todo.Patch{Title: &title}, func(err error) {
		if err != nil && d.row != nil && d.row.Todo.ID == was.ID {
			d.title.beginWith(title)
			d.title.began, d.renaming = todo.Line(was.Title), was
		}
	})
}

func (d *details) beginTags() string {
	d.tagging = d.row.Todo
	return strings.Join(wording.Tags(d.row.Todo.Tags), ", ")
}

func (d *details) saveTags(words string) {
	tags := parseTags(words, d.tagging.Tags)
	if slices.Equal(tags, d.tagging.Tags) {
		return
	}
	d.page.updateFrom(d.tagging, todo.Patch{Tags: &tags}, nil)
}

// parseTags reads tags with commas between them. A tag that was there before
// is kept as it is, with what cannot be shown of it.
func parseTags(words string, before []string) []string {
	tags := []string{}
	for word := range strings.SplitSeq(words, ",") {
		tag := strings.TrimPrefix(strings.TrimSpace(word), "#")
		for _, b := range before {
			if todo.Line(b) == tag {
				tag = b
				break
			}
		}
		if tag != "" && !slices.ContainsFunc(tags, func(t string) bool { return strings.EqualFold(t, tag) }) {
			tags = append(tags, tag)
		}
	}
	return tags
}

// saveDescription is called with the text and with the one that it was made of.
func (d *details) saveDescription(mine, was string) {
	if d.row == nil {
		return
	}
	t, turn := d.row.Todo, d.description.turn
	t.Description = was
	d.page.updateFrom(t, todo.Patch{Description: &mine}, func(err error) {
		if d.description.turn == turn {
			d.description.ended(mine, was, err)
			d.page.apply(d.page.todos.Snapshot()) // which holds it, or never will
		}
	})
}

func (d *details) openStatusMenu() {
	if d.row == nil {
		return
	}
	id, done := d.row.Todo.ID, d.row.Todo.Completed
	d.menu(d.status, []menuChoice{
		{"To do", !done, func() { d.complete(id, false) }},
		{"Completed", done, func() { d.complete(id, true) }},
	})
}

func (d *details) complete(id string, done bool) {
	d.page.update(id, todo.Patch{Completed: &done}, nil)
}

func (d *details) openPriorityMenu() {
	if d.row == nil {
		return
	}
	was := d.row.Todo
	var choices []menuChoice
	for _, p := range []todo.Priority{todo.High, todo.Medium, todo.Low, todo.NoPriority} {
		choices = append(choices, menuChoice{wording.Priority(p), was.Priority == p, func() {
			d.page.updateFrom(was, todo.Patch{Priority: &p}, nil)
		}})
	}
	d.menu(d.priority, choices)
}

// openDueMenu offers the days that are meant most often, and a calendar.
func (d *details) openDueMenu() {
	if d.row == nil || !d.page.snapshot.CanUpdate {
		return
	}
	was, now := d.row.Todo, d.page.w.o.Now()
	set := func(due time.Time) func() {
		return func() { d.page.updateFrom(was, todo.Patch{Due: &due}, nil) }
	}
	monday := now.AddDate(0, 0, (8-int(now.Weekday()))%7)
	if now.Weekday() == time.Monday {
		monday = now.AddDate(0, 0, 7)
	}
	choices := []menuChoice{
		{"Today", false, set(wholeDay(now))},
		{"Tomorrow", false, set(wholeDay(now.AddDate(0, 0, 1)))},
		{"Next Monday, " + monday.Format("2 Jan"), false, set(wholeDay(monday))},
	}
	if week := now.AddDate(0, 0, 7); week.Day() != monday.Day() {
		choices = append(choices, menuChoice{"In a week, " + week.Format("Mon 2 Jan"), false, set(wholeDay(week))})
	}
	d.menu(d.due, append(choices,
		menuChoice{"Another day…", false, func() { d.page.w.openCalendar(now, set) }},
		menuChoice{"No date", d.row.Todo.Due.IsZero(), set(time.Time{})}))
}

// menuChoice is a value that a menu offers.
type menuChoice struct {
	words string
	on    bool
	pick  func()
}

func (d *details) menu(below fyne.CanvasObject, choices []menuChoice) {
	m := fyne.NewMenu("")
	for _, c := range choices {
		item := fyne.NewMenuItem(c.words, c.pick)
		item.Checked = c.on
		m.Items = append(m.Items, item)
	}
	at := fyne.CurrentApp().Driver().AbsolutePositionForObject(below)
	newPopUpMenu(m, d.page.w.win.Canvas(), at.AddXY(-8, below.Size().Height))
}
