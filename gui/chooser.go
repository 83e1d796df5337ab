package gui

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"waybill/fault"
)

// folderKey is the preference that holds the folder that was used last.
const folderKey = "folder"

// chooserOptions say which file is asked for. All but above and words are
// required.
type chooserOptions struct {
	title   string
	words   string            // what it is for
	above   fyne.CanvasObject // stands over the folder; may be nil
	save    bool              // a file is to be written; else one is to be read
	name    string            // of the file to be written, to begin with
	endings []string          // of the files shown
	main    string            // what the main button says
	chosen  func(path string) // called on the UI goroutine; the chooser stays open
}

// chooser is the dialog in which a file is chosen. Its field keeps the focus:
// the arrows move in the folder, Enter goes on, Backspace in the empty field
// goes up. What may wait for the disk runs elsewhere and ends with the dialog.
type chooser struct {
	w      *Window
	o      chooserOptions
	sheet  *sheet
	ctx    context.Context
	cancel context.CancelFunc

	dir     string
	all     []fileEntry
	turn    int // counts what was asked of the disk: an old answer is no answer
	field   *field
	list    *entryList
	none    *text // in its place where it is empty
	where   *text
	places  *fyne.Container
	said    *fyne.Container // what went wrong
	primary *button
}

func (w *Window) openChooser(o chooserOptions) *chooser {
	c := &chooser{w: w, o: o, where: newText("", textStyle{color: colorMuted, size: sizeCaption}), said: column(0), places: buttonRow()}
	c.ctx, c.cancel = context.WithCancel(w.tasks.ctx)
	placeholder := "Find a file, or type its path"
	if o.save {
		placeholder = "Name of the file"
	}
	c.field = newField(placeholder)
	c.field.SetText(o.name)
	c.field.OnChanged = func(string) { c.typed() }
	c.field.OnSubmitted = func(string) { c.goOn() }
	c.field.onKey = c.key
	c.list = newEntryList(w.o.Now, c.tapped)
	c.primary = newButton(o.main, buttonPrimary, c.goOn)
	c.none = newText("No JSON or CSV files here.", textStyle{color: colorMuted, align: fyne.TextAlignCenter, wrap: true})
	c.none.Hide()
	c.said.Hide()
	up := newIconButton(theme.MoveUpIcon(), "The folder above", c.goUp)
	body := column(10)
	if o.words != "" {
		body.Add(blurb(o.words))
	}
	if o.above != nil {
		body.Add(o.above)
	}
	body.Objects = append(body.Objects, c.field, c.places, row(6, c.where, up, c.where),
		newPanel(container.New(&fixedHeightLayout{6 * (entryHeight + 4)}, stack(c.list, centred(260, c.none))), panelStyle{fill: colorCard, border: theme.ColorNameSeparator, radius: 8, pad: even(4)}), c.said)
	c.sheet = w.openSheet(sheetOptions{title: o.title, body: body, width: 560, focus: c.field, closed: c.cancel,
		buttons: []fyne.CanvasObject{newButton("Cancel", buttonPlain, func() { c.sheet.close() }), c.primary}})
	c.field.TypedShortcut(&fyne.ShortcutSelectAll{})
	c.begin()
	return c
}

// begin shows the folder that was used last, or the one for documents.
func (c *chooser) begin() {
	last := c.w.app.Preferences().String(folderKey)
	type found struct {
		places []filePlace
		dir    string
	}
	ask(c, func() (found, error) {
		f := found{places: filePlaces(), dir: last}
		if kind, _ := kindOf(last); last == "" || kind != folderThere {
			f.dir = string(filepath.Separator)
			for _, p := range f.places[:min(2, len(f.places))] { // home, then the documents in it
				f.dir = p.path
			}
		}
		return f, nil
	}, func(f found) {
		for _, p := range f.places {
			c.places.Add(smallButton(show(p.words, 20), buttonPlain, func() { c.goTo(p.path) }))
		}
		c.sheet.relayout()
		c.goTo(f.dir)
	})
}

// ask runs work elsewhere and then done with its outcome, unless something else
// was asked meanwhile or the dialog is gone. A failure is said in the dialog.
func ask[T any](c *chooser, work func() (T, error), done func(T)) {
	c.turn++
	mine := c.turn
	var value T
	c.w.tasks.start(func(context.Context) (err error) {
		value, err = await(c.ctx, work)
		return err
	}, func(err error) {
		switch {
		case c.ctx.Err() != nil || c.turn != mine:
		case err != nil:
			c.say(err)
		default:
			done(value)
		}
	})
}

// goTo shows a folder.
func (c *chooser) goTo(dir string) {
	ask(c, func() ([]fileEntry, error) { return readFolder(dir, c.o.endings) }, func(entries []fileEntry) {
		c.dir, c.all = dir, entries
		c.where.set(show(homely(dir), 300))
		if !c.o.save {
			c.field.Entry.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEnd}) // nothing is selected any more
			c.field.SetText("")
		}
		c.say(nil)
		c.filter()
	})
}

func (c *chooser) goUp() {
	if c.dir != "" {
		c.goTo(filepath.Dir(c.dir))
	}
}

// filter shows what the field lets through, and chooses what is called exactly
// that, else the first of it.
func (c *chooser) filter() {
	words := c.field.Text
	if _, elsewhere := pathOf(c.dir, words); c.o.save || elsewhere {
		words = ""
	}
	var shown []fileEntry
	for _, e := range c.all {
		if matchesWords(e.name, words) {
			shown = append(shown, e)
		}
	}
	at, none := -1, "No JSON or CSV files here."
	switch {
	case words != "" && len(shown) > 0:
		at = max(0, slices.IndexFunc(shown, func(e fileEntry) bool { return strings.EqualFold(e.name, words) }))
	case len(c.all) > 0:
		none = "Nothing here is called that."
	}
	c.list.show(shown, at)
	c.none.set(none)
	visible(c.none, len(shown) == 0)
}

func (c *chooser) typed() {
	c.say(nil)
	if c.list.choose(-1); !c.o.save {
		c.filter()
	}
}

// key gets the keys that move in the folder.
func (c *chooser) key(e *fyne.KeyEvent) bool {
	last := len(c.list.entries) - 1
	switch e.Name {
	case fyne.KeyDown:
		c.list.choose(min(c.list.at+1, last))
	case fyne.KeyUp:
		c.list.choose(max(c.list.at-1, -1))
	case fyne.KeyPageDown:
		c.list.choose(min(c.list.at+5, last))
	case fyne.KeyPageUp:
		c.list.choose(max(c.list.at-5, min(0, last)))
	case fyne.KeyBackspace:
		if c.field.Text != "" {
			return false
		}
		c.goUp()
	default:
		return false
	}
	return true
}

// tapped goes into a folder and chooses a file.
func (c *chooser) tapped(i int) {
	c.w.win.Canvas().Focus(c.field)
	e := c.list.entries[i]
	switch {
	case e.folder:
		c.goTo(filepath.Join(c.dir, e.name))
	case c.o.save:
		c.field.SetText(e.name)
		c.list.choose(i)
	default:
		c.list.choose(i)
	}
}

// goOn goes into the chosen folder or takes the chosen file.
func (c *chooser) goOn() {
	if c.primary.disabled || c.dir == "" {
		return
	}
	words := strings.TrimSpace(c.field.Text)
	path, elsewhere := pathOf(c.dir, words)
	e, chosen := c.list.current()
	if chosen && (!elsewhere || c.o.save) && (!c.o.save || e.folder) {
		path = filepath.Join(c.dir, e.name)
	} else if words == "" {
		return
	}
	ask(c, func() (fileKind, error) { return kindOf(path) }, func(kind fileKind) {
		switch {
		case kind == folderThere:
			c.goTo(path)
		case kind == nothingThere && words != "" && os.IsPathSeparator(words[len(words)-1]):
			c.say(fault.New(fault.StepStore, fault.NotFound, "disk_missing", "There is no folder “"+show(filepath.Base(path), 60)+"” here."))
		case kind == nothingThere && !c.o.save:
			c.say(fault.New(fault.StepStore, fault.NotFound, "disk_missing", "There is no file “"+show(filepath.Base(path), 60)+"” here."))
		default:
			c.take(path)
		}
	})
}

func (c *chooser) take(path string) {
	c.w.app.Preferences().SetString(folderKey, filepath.Dir(path))
	c.o.chosen(path)
}

// work runs what is done with the file; it can be cancelled as long as the
// dialog is open. done is not called for a failure: that is said in the dialog.
func (c *chooser) work(words string, work func(context.Context) error, done func()) {
	c.primary.setWords(words)
	c.primary.Disable()
	c.say(nil)
	c.sheet.relayout()
	c.w.tasks.start(func(context.Context) error { return work(c.ctx) }, func(err error) {
		if c.ctx.Err() != nil {
			return
		}
		c.primary.setWords(c.o.main)
		c.primary.Enable()
		c.sheet.relayout()
		if err != nil {
			c.say(err)
			return
		}
		done()
	})
}

// say shows what went wrong, nil for nothing.
func (c *chooser) say(err error) {
	if err == nil && !c.said.Visible() {
		return
	}
	c.said.RemoveAll()
	if err != nil {
		c.said.Add(noticeCard(fault.As(err).Error()))
	}
	visible(c.said, err != nil)
	c.sheet.relayout()
}
