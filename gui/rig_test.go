package gui

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/widget"

	"waybill/replica"
)

// queue is the UI goroutine of a test: what is handed to it runs when the test
// says so, on the test's goroutine.
type queue struct {
	mu  sync.Mutex
	fns []func()
	ran int
}

func (q *queue) do(f func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.fns = append(q.fns, f)
}

// drain runs what is queued and reports whether there was anything.
func (q *queue) drain() bool {
	q.mu.Lock()
	fns := q.fns
	q.fns = nil
	q.mu.Unlock()
	for _, f := range fns {
		f()
		q.ran++
	}
	return len(fns) > 0
}

// rig is a window in virtual time, over a backend in memory.
type rig struct {
	*testing.T
	app   fyne.App
	w     *Window
	b     *fakeBackend
	todos *fakeTodos
	q     *queue
}

// noon is the moment at which every test begins: a Monday.
var noon = time.Date(2026, 11, 23, 12, 5, 0, 0, time.UTC)

// clock is the test's: virtual time that begins at noon.
func clock() func() time.Time {
	began := time.Now()
	return func() time.Time { return noon.Add(time.Since(began)) }
}

// signedOut runs f with a window over a fresh installation.
func signedOut(t *testing.T, f func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { newRig(t, nil, f) })
}

// signedIn runs f with a window over the list of the design.
func signedIn(t *testing.T, f func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		now := clock()
		newRig(t, newFakeTodos(now, believable(now())), f)
	})
}

func newRig(t *testing.T, todos *fakeTodos, f func(*rig)) {
	r := &rig{T: t, app: test.NewApp(), q: &queue{}, todos: todos}
	r.b = newFakeBackend(clock())
	if todos != nil {
		r.b.signedIn(todos)
	}
	r.open()
	defer func() { // even if f gives up: its goroutines must end with the bubble
		r.w.Close()
		r.q.drain()
	}()
	f(r)
}

// open makes the window, as the start of the program does.
func (r *rig) open() {
	r.w = New(r.app, r.b, Options{Do: r.q.do, Now: r.b.now, Version: "1.2.3"})
	r.w.win.Resize(fyne.NewSize(1180, 760))
	r.settle()
}

// settle lets everything that was started come to rest.
func (r *rig) settle() {
	for range 100 {
		synctest.Wait()
		if !r.q.drain() {
			return
		}
	}
	r.Fatal("the window never comes to rest")
}

// after lets time go by.
func (r *rig) after(d time.Duration) {
	time.Sleep(d)
	r.settle()
}

func (r *rig) page() *todosPage {
	r.Helper()
	p := r.w.todos()
	if p == nil {
		r.Fatalf("the page is a %T, not the to-dos", r.w.page)
	}
	return p
}

// shown are the titles on the list, from the top.
func (r *rig) shown() []string {
	r.Helper()
	p := r.page()
	var titles []string
	for _, row := range p.list.rows.rows {
		titles = append(titles, p.view(row).title)
	}
	return titles
}

// key types a key as the driver does: to what has the focus, else to the
// window.
func (r *rig) key(name fyne.KeyName) {
	c := r.w.Canvas()
	if f := c.Focused(); f != nil {
		f.TypedKey(&fyne.KeyEvent{Name: name})
	} else {
		c.OnTypedKey()(&fyne.KeyEvent{Name: name})
	}
	r.settle()
}

// typed types characters.
func (r *rig) typed(words string) {
	for _, char := range words {
		c := r.w.Canvas()
		if f := c.Focused(); f != nil {
			f.TypedRune(char)
		} else {
			c.OnTypedRune()(char)
		}
	}
	r.settle()
}

// press types a key with modifiers, as the driver does: a field gets it first
// and hands it on. (The test canvas does not show its shortcuts, so they are
// looked up in the table.)
func (r *rig) press(mod fyne.KeyModifier, name fyne.KeyName) {
	s := stroke{key: name, mod: mod}.shortcut()
	if f, ok := r.w.Canvas().Focused().(*field); ok {
		f.TypedShortcut(s)
		if _, custom := s.(*desktop.CustomShortcut); !custom || isRedo(s) {
			r.settle()
			return
		}
	}
	for _, c := range r.w.commands {
		for _, own := range c.strokes {
			if own.mod != 0 && own.shortcut().ShortcutName() == s.ShortcutName() {
				r.w.doCommand(c)
			}
		}
	}
	r.settle()
}

// find returns the widgets on screen that match, in the topmost sheet if there
// is one.
func find[T fyne.CanvasObject](r *rig, match func(T) bool) []T {
	var found []T
	root := r.w.Canvas().Content()
	if top := r.w.Canvas().Overlays().Top(); top != nil {
		root = top
	}
	walk(root, func(o fyne.CanvasObject) {
		if t, ok := o.(T); ok && match(t) {
			found = append(found, t)
		}
	})
	return found
}

// walk visits everything that is visible.
func walk(o fyne.CanvasObject, visit func(fyne.CanvasObject)) {
	if o == nil || !o.Visible() {
		return
	}
	visit(o)
	for _, child := range childrenOf(o) {
		walk(child, visit)
	}
}

// childrenOf are the objects that o draws.
func childrenOf(o fyne.CanvasObject) []fyne.CanvasObject {
	switch o := o.(type) {
	case *fyne.Container:
		return o.Objects
	case fyne.Widget:
		return test.WidgetRenderer(o).Objects()
	}
	return nil
}

// tap presses the button with these words.
func (r *rig) tap(words string) {
	r.Helper()
	buttons := find(r, func(b *button) bool { return b.label == words || b.words == words })
	links := find(r, func(l *link) bool { return l.words == words })
	cards := find(r, func(c *choiceCard) bool { return c.title.content == words })
	navs := find(r, func(n *navItem) bool { return n.words == words })
	tabs := find(r, func(b *tabButton) bool { return b.words == words })
	choices := find(r, func(c *choiceButton) bool { return c.words == words })
	toggles := find(r, func(t *toggle) bool { return t.words == words })
	switch {
	case len(toggles) > 0:
		test.Tap(toggles[0])
	case len(buttons) > 0:
		test.Tap(buttons[0])
	case len(links) > 0:
		test.Tap(links[0])
	case len(cards) > 0:
		test.Tap(cards[0])
	case len(navs) > 0:
		test.Tap(navs[0])
	case len(tabs) > 0:
		test.Tap(tabs[0])
	case len(choices) > 0:
		test.Tap(choices[0])
	default:
		r.Fatalf("there is nothing to press that is called %q; on screen: %s", words, r.text())
	}
	r.settle()
}

// text is everything that can be read on screen.
func (r *rig) text() string {
	var all []string
	for _, t := range find(r, func(*text) bool { return true }) {
		all = append(all, t.content)
	}
	for _, b := range find(r, func(*button) bool { return true }) {
		all = append(all, b.words)
	}
	for _, b := range find(r, func(*valueButton) bool { return true }) {
		all = append(all, b.words)
	}
	for _, m := range find(r, func(*markedText) bool { return true }) {
		all = append(all, m.AccessibilityLabel())
	}
	for _, l := range find(r, func(*ledger) bool { return true }) {
		all = append(all, l.plain())
	}
	for _, f := range find(r, func(*chipFlow) bool { return true }) {
		all = append(all, f.AccessibilityLabel())
	}
	for _, c := range find(r, func(*changeRow) bool { return true }) {
		all = append(all, c.shown.what, c.shown.how, c.shown.why, c.shown.when)
	}
	return strings.Join(all, " | ")
}

func (r *rig) wantText(words string) {
	r.Helper()
	if text := r.text(); !strings.Contains(text, words) {
		r.Fatalf("%q is not on screen; what is: %s", words, text)
	}
}

func (r *rig) wantNoText(words string) {
	r.Helper()
	if text := r.text(); strings.Contains(text, words) {
		r.Fatalf("%q is on screen: %s", words, text)
	}
}

// rowWidget is the widget that shows this to-do.
func (r *rig) rowWidget(id string) *rowWidget {
	r.Helper()
	rows := find(r, func(w *rowWidget) bool { return w.shown.id == id })
	if len(rows) == 0 {
		r.Fatalf("no row shows %q", id)
	}
	return rows[0]
}

// click clicks into a row, on its check mark or beside it.
func (r *rig) click(id string, onCheck bool) {
	r.Helper()
	x := float32(200)
	if onCheck {
		x = rowCheckX
	}
	test.TapAt(r.rowWidget(id), fyne.NewPos(x, 10))
	r.settle()
}

func (r *rig) wantCalls(got []string, want ...string) {
	r.Helper()
	if strings.Join(got, "; ") != strings.Join(want, "; ") {
		r.Fatalf("called %q, want %q", got, want)
	}
}

// change changes the to-dos behind the window, as a sync does.
func (r *rig) change(f func()) {
	r.todos.change(f)
	r.settle()
}

func (r *rig) putRow(id string, change func(*replica.Row)) {
	r.change(func() {
		row := *r.todos.rows[id]
		change(&row)
		r.todos.rows[id] = &row
	})
}

// focusedField is the field that has the focus.
func (r *rig) focusedField() *field {
	r.Helper()
	f, ok := r.w.Canvas().Focused().(*field)
	if !ok {
		r.Fatalf("a %T has the focus, not a field", r.w.Canvas().Focused())
	}
	return f
}

var (
	_ fyne.Widget       = (*todoList)(nil)
	_ desktop.Hoverable = (*rowWidget)(nil)
	_ fyne.Focusable    = (*field)(nil)
	_ fyne.Disableable  = (*button)(nil)
	_ widget.ListItemID = 0
)
