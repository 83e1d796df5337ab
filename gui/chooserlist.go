package gui

import (
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

const (
	entryHeight = 34
	entryIconX  = 10
	entryWordsX = 36
)

// entryList lists the files and folders of a folder. The field above it keeps
// the focus and moves the choice.
type entryList struct {
	widget.List
	entries []fileEntry
	at      int // the chosen one, -1 for none
	now     func() time.Time
	tapped  func(i int)
}

func newEntryList(now func() time.Time, tapped func(i int)) *entryList {
	l := &entryList{at: -1, now: now, tapped: tapped}
	l.HideSeparators = true
	l.Length = func() int { return len(l.entries) }
	l.CreateItem = func() fyne.CanvasObject { return newEntryRow(l) }
	l.UpdateItem = func(i int, o fyne.CanvasObject) {
		if i < len(l.entries) {
			o.(*entryRow).show(i)
		}
	}
	l.ExtendBaseWidget(l)
	return l
}

// Disabled keeps it out of the focus chain.
func (l *entryList) Disabled() bool { return true }

// Enable does nothing.
func (l *entryList) Enable() {}

// Disable does nothing.
func (l *entryList) Disable() {}

// show lists these.
func (l *entryList) show(entries []fileEntry, at int) {
	l.entries, l.at = entries, at
	l.Refresh()
	l.ScrollToTop()
}

// choose chooses one and brings it into sight.
func (l *entryList) choose(i int) {
	l.at = i
	l.Refresh()
	if i >= 0 {
		l.ScrollTo(i)
	}
}

// current is the chosen one.
func (l *entryList) current() (e fileEntry, ok bool) {
	if l.at < 0 || l.at >= len(l.entries) {
		return e, false
	}
	return l.entries[l.at], true
}

// entryRow shows a file or a folder.
type entryRow struct {
	press
	list *entryList
	i    int
}

func newEntryRow(l *entryList) *entryRow {
	r := &entryRow{list: l}
	r.extend(r, "", func() { l.tapped(r.i) })
	r.pointerOnly = true
	return r
}

func (r *entryRow) show(i int) {
	r.i, r.label = i, r.list.entries[i].name
	r.Refresh()
}

func (r *entryRow) CreateRenderer() fyne.WidgetRenderer {
	rr := &entryRenderer{row: r, back: canvas.NewRectangle(nil), icon: canvas.NewImageFromResource(nil), name: canvas.NewText("", nil), when: canvas.NewText("", nil)}
	rr.back.CornerRadius, rr.icon.FillMode = 6, canvas.ImageFillContain
	rr.name.TextSize, rr.when.TextSize = sizeBody, sizeCaption
	rr.paint()
	return rr
}

type entryRenderer struct {
	row        *entryRow
	back       *canvas.Rectangle
	icon       *canvas.Image
	name, when *canvas.Text
}

func (rr *entryRenderer) Destroy()           {}
func (rr *entryRenderer) MinSize() fyne.Size { return fyne.NewSize(120, entryHeight) }

func (rr *entryRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{rr.back, rr.icon, rr.name, rr.when}
}

func (rr *entryRenderer) Layout(size fyne.Size) {
	r := rr.row
	if r.i >= len(r.list.entries) {
		return
	}
	e := r.list.entries[r.i]
	rr.back.Resize(size)
	place(rr.icon, entryIconX, (size.Height-iconSide)/2, iconSide, iconSide)
	rr.when.Text = ""
	if !e.folder {
		rr.when.Text = dayWords(e.changed, r.list.now())
	}
	when := rr.when.MinSize()
	place(rr.when, size.Width-10-when.Width, (size.Height-when.Height)/2, when.Width, when.Height)
	rr.name.Text = ruler{sizeBody, rr.name.TextStyle}.cut(show(e.name, 200), size.Width-entryWordsX-when.Width-18)
	name := rr.name.MinSize()
	place(rr.name, entryWordsX, (size.Height-name.Height)/2, name.Width, name.Height)
}

// dayWords is a day, with its year where that is another one.
func dayWords(at, now time.Time) string {
	at = at.In(now.Location())
	if at.Year() == now.Year() {
		return at.Format("2 Jan")
	}
	return at.Format("2 Jan 2006")
}

func (rr *entryRenderer) Refresh() {
	rr.paint()
	rr.Layout(rr.row.Size())
	canvas.Refresh(rr.row)
}

func (rr *entryRenderer) paint() {
	r := rr.row
	fill, ink, muted := fyne.ThemeColorName(""), theme.ColorNameForeground, colorMuted
	switch {
	case r.i == r.list.at:
		fill, ink, muted = colorNavOn, colorNavOnText, colorNavOnText
	case r.hovered:
		fill = theme.ColorNameHover
	}
	paint(rr.back, fill, "")
	rr.name.Color, rr.when.Color = theme.Color(ink), theme.Color(muted)
	icon := theme.FileIcon()
	if r.i < len(r.list.entries) && r.list.entries[r.i].folder {
		icon = theme.FolderIcon()
	}
	rr.icon.Resource = theme.NewColoredResource(icon, muted)
	rr.icon.Refresh()
}
