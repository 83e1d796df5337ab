package gui

import (
	"runtime"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"waybill/replica"
	"waybill/todo"
)

// group orders the commands in the menu and on the cheat sheet.
type group string

const (
	groupTodo    group = "To-do"
	groupFile    group = "File"
	groupOutbox  group = "Outbox"
	groupView    group = "View"
	groupFlow    group = "Flow"
	groupExplore group = "Explorer"
	groupAccount group = "Account"
	groupHelp    group = "Help"
)

func groups() []group {
	return []group{groupTodo, groupFile, groupOutbox, groupView, groupFlow, groupExplore, groupAccount, groupHelp}
}

// stroke is a key with its modifiers, or a character.
type stroke struct {
	key  fyne.KeyName
	mod  fyne.KeyModifier
	char rune // instead of key: whatever key makes it
}

// command is one thing that can be done. The table of them feeds the menu, the
// shortcuts, the palette and the cheat sheet.
type command struct {
	id      string
	group   group
	title   string
	name    func() string // what it is called at this moment; nil: title
	strokes []stroke
	inList  bool // its keys are the list's own, while the list has the focus
	enabled func() bool
	run     func()
}

const ctrl = fyne.KeyModifierShortcutDefault

// commandTable is the one table of commands.
func (w *Window) commandTable() []*command {
	return slices.Concat(w.todoCommands(), w.fileCommands(), w.outboxCommands(), w.viewCommands(), w.flowCommands(), w.exploreCommands(), w.accountCommands(), w.helpCommands())
}

func (w *Window) onTodos() bool { return w.todos() != nil }

// with is a command on the page of to-dos.
func (w *Window) with(f func(*todosPage)) func() {
	return func() {
		if p := w.todos(); p != nil {
			f(p)
		}
	}
}

// when reports whether the page of to-dos is there and what it shows allows
// something.
func (w *Window) when(allowed func(*todosPage) bool) func() bool {
	return func() bool { p := w.todos(); return p != nil && allowed(p) }
}

func (w *Window) todoCommands() []*command {
	chosen := w.when(func(p *todosPage) bool { return p.current() != nil })
	canEdit := w.when(func(p *todosPage) bool { return p.current() != nil && p.snapshot.CanUpdate })
	return []*command{
		{id: "add", group: groupTodo, title: "Add a to-do", strokes: []stroke{{char: 'n'}, {key: fyne.KeyN, mod: ctrl}},
			enabled: w.when(func(p *todosPage) bool { return p.snapshot.CanAdd }), run: w.with((*todosPage).focusAdd)},
		{id: "toggle", group: groupTodo, title: "Complete or reopen", strokes: []stroke{{key: fyne.KeySpace}}, inList: true,
			enabled: canEdit, run: w.with(func(p *todosPage) { p.toggle(p.chosen) })},
		{id: "open", group: groupTodo, title: "Show the details", strokes: []stroke{{key: fyne.KeyReturn}}, inList: true,
			enabled: chosen, run: w.with(func(p *todosPage) { p.openDetails(p.chosen) })},
		{id: "rename", group: groupTodo, title: "Rename", strokes: []stroke{{key: fyne.KeyF2}},
			enabled: canEdit, run: w.with(func(p *todosPage) { p.rename(p.chosen) })},
		{id: "due", group: groupTodo, title: "Change the due date", strokes: []stroke{{key: fyne.KeyD, mod: ctrl}},
			enabled: canEdit, run: w.with(func(p *todosPage) { p.editDue(p.chosen) })},
		{id: "delete", group: groupTodo, title: "Delete", strokes: []stroke{{key: fyne.KeyDelete}}, inList: true,
			enabled: w.when(func(p *todosPage) bool { return p.current() != nil && p.snapshot.CanDelete }),
			run:     w.with(func(p *todosPage) { p.remove(p.chosen) })},
		{id: "undo", group: groupTodo, title: "Undo", strokes: []stroke{{key: fyne.KeyZ, mod: ctrl}},
			name:    w.named("Undo", func(p *todosPage) string { return p.undoName() }),
			enabled: w.when(func(p *todosPage) bool { return p.undoName() != "" }), run: w.with((*todosPage).undo)},
		{id: "redo", group: groupTodo, title: "Redo", strokes: []stroke{{key: fyne.KeyZ, mod: ctrl | fyne.KeyModifierShift}, {key: fyne.KeyY, mod: ctrl}},
			name:    w.named("Redo", func(p *todosPage) string { return p.snapshot.Redo }),
			enabled: w.when(func(p *todosPage) bool { return p.snapshot.Redo != "" }), run: w.with((*todosPage).redo)},
	}
}

// fileCommands are about files that people keep.
func (w *Window) fileCommands() []*command {
	canImport := w.when(func(p *todosPage) bool { return p.snapshot.CanAdd })
	return []*command{
		{id: "export", group: groupFile, title: "Export…", strokes: []stroke{{key: fyne.KeyE, mod: ctrl}},
			enabled: w.onTodos, run: w.with((*todosPage).openExport)},
		{id: "import", group: groupFile, title: "Import…", strokes: []stroke{{key: fyne.KeyI, mod: ctrl}},
			enabled: canImport, run: w.with((*todosPage).openImport)},
		{id: "back-up", group: groupFile, title: "Back up…", enabled: w.onTodos, run: w.with((*todosPage).openBackUp)},
		{id: "restore-backup", group: groupFile, title: "Restore a backup…", enabled: canImport, run: w.with((*todosPage).openRestore)},
	}
}

// outboxCommands are about the changes that the server does not have.
func (w *Window) outboxCommands() []*command {
	can := func(a changeAct) func() bool {
		return w.when(func(p *todosPage) bool {
			c := p.chosenChange()
			return c != nil && slices.Contains(changeActs(c.State), a)
		})
	}
	do := func(a changeAct) func() { return w.with(func(p *todosPage) { p.outbox.act(p.chosenChange(), a) }) }
	return []*command{
		{id: "outbox", group: groupOutbox, title: "Changes that are not sent yet", strokes: []stroke{{key: fyne.KeyO, mod: ctrl}},
			enabled: w.onTodos, run: w.with((*todosPage).openOutbox)},
		{id: "compare", group: groupOutbox, title: "Compare both versions", strokes: []stroke{{char: 'c'}},
			enabled: w.when(func(p *todosPage) bool { r := p.current(); return r != nil && r.State == replica.Conflict }),
			run:     w.with((*todosPage).openConflict)},
		{id: "retry", group: groupOutbox, title: "Try the change again", strokes: []stroke{{char: 'r'}},
			enabled: can(actRetry), run: do(actRetry)},
		{id: "retry-all", group: groupOutbox, title: "Try all refused changes again",
			enabled: w.when(func(p *todosPage) bool { return p.outbox != nil && p.outbox.retry.Visible() }),
			run:     w.with(func(p *todosPage) { p.outbox.retryAll() })},
		{id: "discard", group: groupOutbox, title: "Discard the change", strokes: []stroke{{key: fyne.KeyDelete}}, inList: true,
			enabled: can(actDiscard), run: do(actDiscard)},
		{id: "restore", group: groupOutbox, title: "Bring the change back", strokes: []stroke{{char: 'b'}},
			enabled: can(actRestore), run: do(actRestore)},
	}
}

func (w *Window) viewCommands() []*command {
	commands := []*command{
		{id: "search", group: groupView, title: "Search", strokes: []stroke{{key: fyne.KeyF, mod: ctrl}, {char: '/'}},
			enabled: func() bool { return w.onTodos() || w.explorer() != nil || w.flow() != nil && w.flow().run != nil }, run: w.search},
		{id: "sync", group: groupView, title: "Sync now", strokes: []stroke{{key: fyne.KeyF5}, {key: fyne.KeyR, mod: ctrl}},
			enabled: w.onTodos, run: w.with((*todosPage).sync)},
	}
	digits := []fyne.KeyName{fyne.Key1, fyne.Key2, fyne.Key3, fyne.Key4}
	for i, list := range sidebarLists() {
		commands = append(commands, &command{
			id: "list-" + string(list.value), group: groupView, title: "Show: " + list.words,
			strokes: []stroke{{key: digits[i], mod: ctrl}}, enabled: w.onTodos,
			run: w.with(func(p *todosPage) { p.setFilter(todo.Filter{List: list.value}) }),
		})
	}
	return commands
}

func (w *Window) accountCommands() []*command {
	return []*command{
		{id: "sign-in", group: groupAccount, title: "Sign in again",
			enabled: w.when(func(*todosPage) bool { return w.state.SignInNeeded }), run: w.signInAgain},
		{id: "connections", group: groupAccount, title: "Connections", strokes: []stroke{{key: fyne.KeyL, mod: ctrl}}, enabled: w.canLeave, run: w.showConnections},
		{id: "add-connection", group: groupAccount, title: "Add a connection", enabled: w.canLeave, run: w.addConnection},
		{id: "check-connection", group: groupAccount, title: "Check this connection",
			enabled: func() bool { return w.canLeave() && w.state.Current != "" }, run: func() { w.checkConnection(w.state.Current) }},
		{id: "sign-out", group: groupAccount, title: "Sign out", enabled: func() bool { return w.route.todos != nil }, run: w.askSignOut},
		{id: "settings", group: groupAccount, title: "Settings", strokes: []stroke{{key: fyne.KeyComma, mod: ctrl}}, run: w.openSettings},
	}
}

func (w *Window) helpCommands() []*command {
	return []*command{
		{id: "palette", group: groupHelp, title: "Find a command", strokes: []stroke{{key: fyne.KeyK, mod: ctrl}}, run: w.openPalette},
		{id: "keys", group: groupHelp, title: "Keyboard shortcuts", strokes: []stroke{{key: fyne.KeyF1}, {char: '?'}}, run: w.openCheatSheet},
		{id: "about", group: groupHelp, title: "About Waybill", run: w.openAbout},
		{id: "quit", group: groupHelp, title: "Quit", strokes: []stroke{{key: fyne.KeyQ, mod: ctrl}}, run: w.quit},
	}
}

// named is a title with what it is about: "Undo: rename".
func (w *Window) named(title string, of func(*todosPage) string) func() string {
	return func() string {
		if p := w.todos(); p != nil && of(p) != "" {
			return title + ": " + uncapital(of(p))
		}
		return title
	}
}

// words are what the command is called at this moment.
func (c *command) words() string {
	if c.name != nil {
		return c.name()
	}
	return c.title
}

func (c *command) can() bool { return c.enabled == nil || c.enabled() }

// command finds one by its id.
func (w *Window) command(id string) *command {
	for _, c := range w.commands {
		if c.id == id {
			return c
		}
	}
	return nil
}

// do runs a command if it can be run now. While a dialog is open its page is
// out of reach, for the keyboard as for the pointer.
func (w *Window) doCommand(c *command) bool {
	if c == nil || len(w.sheets) > 0 || !c.can() {
		return false
	}
	c.run()
	return true
}

// bindKeys registers the shortcuts, and the keys that come without one.
func (w *Window) bindKeys() {
	cv := w.win.Canvas()
	for _, c := range w.commands {
		for _, s := range c.strokes {
			if s.mod != 0 {
				cv.AddShortcut(s.shortcut(), func(fyne.Shortcut) { w.doCommand(c) })
			}
		}
	}
	cv.SetOnTypedKey(w.typedKey)
	cv.SetOnTypedRune(w.typedRune)
}

// shortcut is how Fyne names the stroke: it has names of its own for undo and
// redo.
func (s stroke) shortcut() fyne.Shortcut {
	switch {
	case s.mod == ctrl && s.key == fyne.KeyZ:
		return &fyne.ShortcutUndo{}
	case s.mod == ctrl && s.key == fyne.KeyY:
		return &fyne.ShortcutRedo{}
	default:
		return &desktop.CustomShortcut{KeyName: s.key, Modifier: s.mod}
	}
}

// typedKey gets the keys that nothing focused has used.
func (w *Window) typedKey(e *fyne.KeyEvent) {
	if e.Name == fyne.KeyEscape {
		w.escape()
		return
	}
	if e.Name == fyne.KeyF10 {
		if len(w.sheets) == 0 {
			w.openMenu()
		}
		return
	}
	for _, c := range w.commands {
		for _, s := range c.strokes {
			if s.mod == 0 && s.char == 0 && s.key == e.Name && !c.inList && w.doCommand(c) {
				return
			}
		}
	}
	if p := w.todos(); p != nil && len(w.sheets) == 0 {
		p.strayKey(e)
	}
}

// typedRune gets the characters that no field has taken.
func (w *Window) typedRune(r rune) {
	if n := len(w.sheets); n > 0 {
		if top := w.sheets[n-1]; top.rune != nil {
			top.rune(r)
		}
		return
	}
	for _, c := range w.commands {
		for _, s := range c.strokes {
			if s.char != 0 && s.char == r && w.doCommand(c) {
				return
			}
		}
	}
}

// escape closes what is open, the innermost first.
func (w *Window) escape() {
	if w.closeSheet() {
		return
	}
	w.page.escape()
}

// String is how a stroke is written on the cheat sheet.
func (s stroke) String() string {
	if s.char != 0 {
		return strings.ToUpper(string(s.char))
	}
	var parts []string
	if s.mod&ctrl != 0 {
		name := "Ctrl"
		if runtime.GOOS == "darwin" {
			name = "⌘"
		}
		parts = append(parts, name)
	}
	if s.mod&fyne.KeyModifierShift != 0 {
		parts = append(parts, "Shift")
	}
	name := string(s.key)
	switch s.key {
	case fyne.KeyReturn:
		name = "Enter"
	case fyne.KeySpace:
		name = "Space"
	case fyne.KeyDelete:
		name = "Delete"
	}
	return strings.Join(append(parts, name), "+")
}

// keys is how the command's strokes are written.
func (c *command) keys() string {
	words := make([]string, len(c.strokes))
	for i, s := range c.strokes {
		words[i] = s.String()
	}
	return strings.Join(words, " or ")
}

// menu makes the menu of the command table.
func (w *Window) menu() []*fyne.Menu {
	var menus []*fyne.Menu
	for _, g := range groups() {
		m := fyne.NewMenu(string(g))
		for _, c := range w.commands {
			if c.group != g {
				continue
			}
			item := fyne.NewMenuItem(c.words(), func() { w.doCommand(c) })
			item.Disabled = !c.can()
			item.IsQuit = c.id == "quit"
			if len(c.strokes) > 0 && c.strokes[0].mod != 0 {
				item.Shortcut = c.strokes[0].shortcut()
			}
			m.Items = append(m.Items, item)
		}
		menus = append(menus, m)
	}
	return menus
}
