package gui

import (
	"fmt"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"waybill/session"
	"waybill/todo"
)

// tagsFirst is how many tags the sidebar shows until it is asked for all, and
// tagsMost how many then: a server may send any number.
const (
	tagsFirst = 12
	tagsMost  = 200
)

// sidebar says whose to-dos these are and holds the lists, the tags and the
// way to the settings.
type sidebar struct {
	box      *fyne.Container
	account  *accountHeader
	lists    []*navItem // in the order of sidebarLists
	tagLabel *text
	tags     []*navItem
	items    *fyne.Container
	access   [navs]*navItem // the pages about access
	outbox   *navItem       // there while something is not sent, or the outbox is shown
	away     bool           // another page than that of the to-dos is shown
	scroll   *container.Scroll
	more     *link
	all      bool // all tags are shown

	counts   todo.Counts
	filter   todo.Filter
	onFilter func(todo.Filter)
}

func sidebarLists() []option[todo.List] {
	return []option[todo.List]{
		{todo.ListAll, "All"}, {todo.ListTodo, "To do"},
		{todo.ListDueToday, "Due today"}, {todo.ListCompleted, "Completed"},
	}
}

// sidebarActions are what the sidebar tells the page. All are required.
type sidebarActions struct {
	filter                    func(todo.Filter)
	account, outbox, settings func()
	connections               func()
	flow, explorer            func()
}

// nav is an entry of the sidebar that leads to a page about access.
type nav int

const (
	navConnections nav = iota
	navFlow
	navExplorer
	navs
)

func newSidebar(a sidebarActions) *sidebar {
	s := &sidebar{onFilter: a.filter, account: newAccountHeader(a.account)}
	s.tagLabel = newText("TAGS", textStyle{color: colorMuted, size: sizeSmall, style: fyne.TextStyle{Bold: true}, full: true})
	s.more = newLink("", func() { s.all = true; s.rebuild() })
	s.items = column(2.5)
	for _, l := range sidebarLists() {
		s.lists = append(s.lists, newNavItem(l.words, func() { a.filter(todo.Filter{List: l.value}) }))
	}
	s.access = [navs]*navItem{navFlow: newNavItem("Flow", a.flow), navExplorer: newNavItem("Explorer", a.explorer), navConnections: newNavItem("Connections", a.connections)}
	for _, item := range s.access {
		item.count = -1
	}
	s.outbox = newNavItem("Outbox", a.outbox)
	s.outbox.Hide()
	settings := newNavItem("Settings", a.settings)
	settings.count = -1
	s.rebuild()
	s.scroll = container.NewVScroll(inset(insets{0, 10, 8, 10}, s.items))
	body := container.NewBorder(inset(insets{14, 8, 12, 10}, s.account), inset(insets{6, 10, 14, 10}, column(2.5, s.outbox, settings)), nil, nil, s.scroll)
	s.box = stack(newPanel(nil, panelStyle{fill: colorSidebar}), body)
	return s
}

// show shows the numbers and which entry is chosen; unsent is how many changes
// the server does not have, and inOutbox whether they are what is on screen.
func (s *sidebar) show(counts todo.Counts, filter todo.Filter, unsent int, inOutbox bool) {
	same := sameTags(s.counts.Tags, counts.Tags)
	s.counts, s.filter = counts, filter
	elsewhere := inOutbox || s.away
	if !same {
		s.rebuild()
	}
	for i, n := range []int{counts.All, counts.Todo, counts.DueToday, counts.Completed} {
		s.lists[i].show(n, !elsewhere && filter.Tag == "" && filter.List == sidebarLists()[i].value)
	}
	for i, item := range s.tags {
		item.show(counts.Tags[i].Count, !elsewhere && filter.Tag == counts.Tags[i].Tag)
	}
	s.outbox.show(unsent, inOutbox)
	if there := unsent > 0 || inOutbox; s.outbox.Visible() != there {
		visible(s.outbox, there)
		s.box.Refresh()
	}
}

// leaveTodos marks the entry of another page than that of the to-dos.
func (s *sidebar) leaveTodos(to nav) {
	s.away = true
	s.access[to].on = true
	s.access[to].Refresh()
}

func sameTags(a, b []todo.TagCount) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Tag != b[i].Tag {
			return false
		}
	}
	return true
}

// rebuild makes the entries of the tags anew.
func (s *sidebar) rebuild() {
	s.items.RemoveAll()
	for _, item := range s.lists {
		s.items.Add(item)
	}
	limit := tagsFirst
	if s.all {
		limit = tagsMost
	}
	tags := s.counts.Tags
	s.tags = nil
	if len(tags) > 0 {
		s.items.Add(inset(insets{13, 0, 3, 10}, s.tagLabel))
	}
	for i, t := range tags[:min(limit, len(tags))] {
		item := newNavItem(show(t.Tag, 60), func() { s.onFilter(todo.Filter{Tag: t.Tag}) })
		item.show(tags[i].Count, s.filter.Tag == t.Tag)
		s.tags = append(s.tags, item)
		s.items.Add(item)
	}
	if len(tags) > tagsFirst && !s.all {
		s.more.words = fmt.Sprintf("Show all %d", len(tags))
		s.items.Add(inset(insets{4, 10, 4, 10}, s.more))
	}
	s.items.Add(inset(insets{13, 0, 3, 10}, newText("ACCESS", textStyle{color: colorMuted, size: sizeSmall, style: fyne.TextStyle{Bold: true}, full: true})))
	s.items.Add(s.access[navFlow])
	s.items.Add(s.access[navExplorer])
	s.items.Add(s.access[navConnections])
	s.items.Refresh()
	if s.scroll != nil {
		s.scroll.Refresh()
	}
}

// navItem is an entry of the sidebar with a number.
type navItem struct {
	press
	words string
	count int // negative: none is shown
	on    bool
	hint  string // in place of the number
}

func newNavItem(words string, onTap func()) *navItem {
	n := &navItem{words: words}
	n.extend(n, words, onTap)
	return n
}

func (n *navItem) show(count int, on bool) {
	if n.count != count || n.on != on {
		n.count, n.on = count, on
		n.label = fmt.Sprintf("%s, %d", n.words, count)
		n.Refresh()
	}
}

func (n *navItem) CreateRenderer() fyne.WidgetRenderer {
	r := &navRenderer{item: n, back: canvas.NewRectangle(nil), words: canvas.NewText("", nil), count: canvas.NewText("", nil)}
	r.back.CornerRadius = 6
	r.paint()
	return r
}

type navRenderer struct {
	item         *navItem
	back         *canvas.Rectangle
	words, count *canvas.Text
}

func (r *navRenderer) Destroy() {}

func (r *navRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.back, r.words, r.count}
}

func (r *navRenderer) MinSize() fyne.Size { return fyne.NewSize(120, 33) }

func (r *navRenderer) Layout(size fyne.Size) {
	r.back.Resize(size)
	count := r.count.MinSize()
	r.count.Move(fyne.NewPos(size.Width-10-count.Width, (size.Height-count.Height)/2))
	r.count.Resize(count)
	room := size.Width - 20
	if count.Width > 0 {
		room -= count.Width + 8
	}
	r.words.Text = ruler{sizeBody, r.words.TextStyle}.cut(r.item.words, room)
	words := r.words.MinSize()
	r.words.Move(fyne.NewPos(10, (size.Height-words.Height)/2))
	r.words.Resize(words)
}

func (r *navRenderer) Refresh() {
	r.paint()
	r.Layout(r.item.Size())
	canvas.Refresh(r.item)
}

func (r *navRenderer) paint() {
	n := r.item
	fill, ink := fyne.ThemeColorName(""), colorNav
	switch {
	case n.on:
		fill, ink = colorNavOn, colorNavOnText
	case n.hovered:
		fill = theme.ColorNameHover
	}
	paint(r.back, fill, "")
	if n.focused {
		r.back.StrokeColor, r.back.StrokeWidth = theme.Color(colorFocus), 2
	}
	r.words.TextSize, r.words.TextStyle.Bold, r.words.Color = sizeBody, n.on, theme.Color(ink)
	r.count.Text = n.hint
	if n.count >= 0 {
		r.count.Text = fmt.Sprint(n.count)
	}
	r.count.TextSize, r.count.TextStyle.Bold, r.count.Color = sizeCaption, n.on, theme.Color(colorMuted)
	if n.on {
		r.count.Color = theme.Color(colorNavOnText)
	}
}

// accountHeader says whose to-dos these are. Pressing it opens the menu.
type accountHeader struct {
	press
	initials, name, connection string
}

func newAccountHeader(onTap func()) *accountHeader {
	a := &accountHeader{}
	a.extend(a, "Account and menu", onTap)
	return a
}

func (a *accountHeader) show(info *session.AccountInfo) {
	if info == nil {
		return
	}
	id := info.Identity
	name := id.Email
	if name == "" {
		name = id.Name
	}
	if name == "" {
		name = id.Subject
	}
	a.initials, a.name = initials(id.Name, name), show(name, 80)
	a.connection = show(info.Connection.DisplayTitle(), 80)
	a.label = "Signed in as " + a.name + ", " + a.connection + ". Opens the menu."
	a.Refresh()
}

func (a *accountHeader) CreateRenderer() fyne.WidgetRenderer {
	r := &accountRenderer{
		header: a, back: canvas.NewRectangle(nil), disc: canvas.NewCircle(nil), initials: canvas.NewText("", nil),
		name: canvas.NewText("", nil), connection: canvas.NewText("", nil),
	}
	r.back.CornerRadius = 6
	r.initials.TextStyle.Bold, r.name.TextStyle.Bold = true, true
	r.initials.TextSize, r.name.TextSize, r.connection.TextSize = 13, 13, sizeSmall
	r.paint()
	return r
}

type accountRenderer struct {
	header                     *accountHeader
	back                       *canvas.Rectangle
	disc                       *canvas.Circle
	initials, name, connection *canvas.Text
}

func (r *accountRenderer) Destroy() {}

func (r *accountRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.back, r.disc, r.initials, r.name, r.connection}
}

func (r *accountRenderer) MinSize() fyne.Size { return fyne.NewSize(140, 46) }

func (r *accountRenderer) Layout(size fyne.Size) {
	const side, inset = 34, 6
	r.back.Resize(size)
	middle := size.Height / 2
	r.disc.Move(fyne.NewPos(inset, middle-side/2))
	r.disc.Resize(fyne.NewSquareSize(side))
	in := r.initials.MinSize()
	r.initials.Move(fyne.NewPos(inset+(side-in.Width)/2, middle-in.Height/2))
	r.initials.Resize(in)
	x := float32(inset + side + 9)
	room := size.Width - x - 4
	r.name.Text = ruler{13, r.name.TextStyle}.cut(r.header.name, room)
	r.connection.Text = ruler{sizeSmall, fyne.TextStyle{}}.cut(r.header.connection, room)
	name, conn := r.name.MinSize(), r.connection.MinSize()
	top := middle - (name.Height+conn.Height)/2
	r.name.Move(fyne.NewPos(x, top))
	r.name.Resize(name)
	r.connection.Move(fyne.NewPos(x, top+name.Height))
	r.connection.Resize(conn)
}

func (r *accountRenderer) Refresh() {
	r.paint()
	r.Layout(r.header.Size())
	canvas.Refresh(r.header)
}

func (r *accountRenderer) paint() {
	h := r.header
	paint(r.back, "", "")
	if h.hovered {
		r.back.FillColor = theme.Color(theme.ColorNameHover)
	}
	if h.focused {
		r.back.StrokeColor, r.back.StrokeWidth = theme.Color(colorFocus), 2
	}
	r.disc.FillColor, r.initials.Color = theme.Color(colorFill), theme.Color(theme.ColorNameForegroundOnPrimary)
	r.initials.Text = h.initials
	r.name.Color, r.connection.Color = theme.Color(theme.ColorNameForeground), theme.Color(colorMuted)
}
