package gui

import (
	"fmt"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"waybill/todo"
	"waybill/wording"
)

// toolbar is what stands above the list: search, sync, and the field that adds
// a to-do or, where that cannot be, one sentence why.
type toolbar struct {
	box     *fyne.Container
	menu    *button // opens the sidebar in a narrow window
	search  *field
	hint    *searchHint
	sync    *button
	add     *field
	why     *text
	whyArea *panel
	busy    *busyLine
}

// toolbarActions are what the toolbar tells the page.
type toolbarActions struct {
	search func(query string)
	leave  func() // the keyboard moves on to the list
	sync   func()
	add    func(title string)
	drawer func()
}

func newToolbar(a toolbarActions) *toolbar {
	t := &toolbar{search: newField("Search"), add: newField("Add a to-do and press Enter"), busy: newBusyLine()}
	t.hint = newSearchHint(func() { t.search.SetText("") })
	t.search.ActionItem = t.hint
	t.search.OnChanged = func(query string) {
		t.hint.show(query != "")
		a.search(query)
	}
	t.search.onKey = func(e *fyne.KeyEvent) bool {
		switch e.Name {
		case fyne.KeyDown, fyne.KeyReturn, fyne.KeyEnter:
			a.leave()
			return true
		}
		return false
	}
	t.search.onEscape = func() bool {
		t.search.SetText("")
		a.leave()
		return true
	}
	t.add.OnSubmitted = func(title string) { t.submit(title, a.add) }
	t.add.onEscape = func() bool {
		t.add.SetText("")
		a.leave()
		return true
	}
	t.sync = newButton("Sync", buttonPlain, a.sync).withIcon(theme.ViewRefreshIcon())
	t.menu = newIconButton(theme.MenuIcon(), "Show the sidebar", a.drawer)
	t.menu.Hide()
	t.why = newText("", textStyle{color: colorMuted, size: sizeCaption, wrap: true})
	t.whyArea = newPanel(t.why, panelStyle{fill: colorChip, radius: 8, pad: insets{8, 12, 8, 12}})
	t.whyArea.Hide()
	top := row(10, t.search, t.menu, t.search, t.sync)
	t.box = column(10, top, t.add, t.whyArea)
	return t
}

func (t *toolbar) submit(title string, add func(string)) {
	if title = strings.TrimSpace(title); title != "" {
		t.add.SetText("")
		add(title)
	}
}

// show says how many there are to search in, and whether any can be added.
func (t *toolbar) show(f todo.Filter, counts todo.Counts, canAdd bool, why string) {
	t.search.SetPlaceHolder(searchWords(f, counts))
	visible(t.add, canAdd)
	visible(t.whyArea, !canAdd && why != "")
	t.why.set(why)
}

// searchWords say what is searched.
func searchWords(f todo.Filter, c todo.Counts) string {
	switch {
	case f.Tag != "":
		return "Search in " + show(f.Tag, 40) + "…"
	case f.List == todo.ListTodo:
		return fmt.Sprintf("Search %s…", wording.Plural(c.Todo, "open to-do", "open to-dos"))
	case f.List == todo.ListDueToday:
		return fmt.Sprintf("Search %s…", wording.Plural(c.DueToday, "to-do due today", "to-dos due today"))
	case f.List == todo.ListCompleted:
		return fmt.Sprintf("Search %s…", wording.Plural(c.Completed, "completed to-do", "completed to-dos"))
	default:
		return fmt.Sprintf("Search %s…", wording.Plural(c.All, "to-do", "to-dos"))
	}
}

// searchHint stands at the right of the search field: its shortcut, or, while
// something is searched, a button that clears it.
type searchHint struct {
	press
	clears bool
	narrow bool // there is no room for the shortcut
}

func newSearchHint(onClear func()) *searchHint {
	h := &searchHint{}
	h.extend(h, "Clear the search", onClear)
	h.disabled = true
	return h
}

func (h *searchHint) show(clears bool) {
	if h.clears != clears {
		h.clears, h.disabled = clears, !clears
		h.Refresh()
	}
}

func (h *searchHint) setNarrow(narrow bool) {
	if h.narrow != narrow {
		h.narrow = narrow
		h.Refresh()
	}
}

func (h *searchHint) CreateRenderer() fyne.WidgetRenderer {
	r := &hintRenderer{hint: h, words: canvas.NewText(stroke{key: fyne.KeyF, mod: ctrl}.String(), nil), icon: canvas.NewImageFromResource(nil)}
	r.words.TextSize = sizeCaption
	r.icon.FillMode = canvas.ImageFillContain
	r.paint()
	return r
}

type hintRenderer struct {
	hint  *searchHint
	words *canvas.Text
	icon  *canvas.Image
}

func (r *hintRenderer) Destroy()                     {}
func (r *hintRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.words, r.icon} }

func (r *hintRenderer) MinSize() fyne.Size {
	if r.hint.narrow {
		return fyne.NewSize(28, 20)
	}
	return fyne.NewSize(r.words.MinSize().Width+12, 20)
}

func (r *hintRenderer) Layout(size fyne.Size) {
	w := r.words.MinSize()
	r.words.Move(fyne.NewPos(size.Width-w.Width-12, (size.Height-w.Height)/2))
	r.words.Resize(w)
	r.icon.Move(fyne.NewPos(size.Width-26, (size.Height-16)/2))
	r.icon.Resize(fyne.NewSquareSize(16))
}

func (r *hintRenderer) Refresh() {
	r.paint()
	canvas.Refresh(r.hint)
}

func (r *hintRenderer) paint() {
	r.words.Hidden, r.icon.Hidden = r.hint.clears || r.hint.narrow, !r.hint.clears
	r.words.Color = theme.Color(theme.ColorNamePlaceHolder)
	ink := colorMuted
	if r.hint.hovered || r.hint.focused {
		ink = theme.ColorNameForeground
	}
	r.icon.Resource = theme.NewColoredResource(theme.CancelIcon(), ink)
	r.icon.Refresh()
}

// busyLine is a thin line that runs while something is sent or fetched.
type busyLine struct {
	box  *fyne.Container
	bar  *panel
	anim *fyne.Animation
	on   bool
}

func newBusyLine() *busyLine {
	b := &busyLine{bar: newPanel(nil, panelStyle{fill: theme.ColorNamePrimary, radius: 1})}
	b.box = container.NewWithoutLayout(b.bar)
	b.bar.Hide()
	return b
}

// The line moves in steps, since every one of them draws the window anew.
const (
	busyStep = 10
	busyY    = 3
)

// show runs the line or takes it away.
func (b *busyLine) show(on bool) {
	if b.on == on {
		return
	}
	b.on = on
	if b.anim != nil {
		b.anim.Stop()
		b.anim = nil
	}
	visible(b.bar, on)
	b.box.Refresh() // what was never on screen does not get there by itself
	if !on {
		return
	}
	if !fyne.CurrentApp().Settings().ShowAnimations() {
		place(b.bar, 0, busyY, b.box.Size().Width, 2)
		return
	}
	b.anim = &fyne.Animation{
		Duration: 1800 * time.Millisecond, AutoReverse: true, RepeatCount: fyne.AnimationRepeatForever, Curve: fyne.AnimationEaseInOut,
		Tick: func(done float32) {
			width := b.box.Size().Width
			x := float32(int(done*width*0.75/busyStep)) * busyStep
			place(b.bar, x, busyY, width*0.25, 2)
		},
	}
	b.anim.Start()
}
