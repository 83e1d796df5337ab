package gui

import (
	"time"
	"unicode/utf8"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"waybill/todo"
)

// typingPause is how long nobody types before what was typed is saved.
const typingPause = time.Second

// editMost is how many characters of a description can be edited here: the
// toolkit's field is too slow for more.
const (
	editMost = 20_000
	readMost = 5_000 // of a longer one
)

const descriptionHeight = 120

// description is the text of a to-do: a field that saves itself when one stops
// typing or leaves it, or plain text where it cannot be written.
type description struct {
	box      *fyne.Container
	field    *field
	edit     fyne.CanvasObject // the field in its place
	read     *text
	readArea fyne.CanvasObject
	note     *text

	do    func(func())
	save  func(text, was string)
	base  string // what the to-do held when the text in the field was put there, or was saved
	now   string // what it holds now
	typed bool   // something was typed that is not saved
	own   bool   // the field's text is being set by us
	long  bool   // only the beginning is shown
	pause *time.Timer
	saves int // that are on their way to the disk: until then snapshots do not hold what was typed
	turn  int // counts the to-dos shown: a pause that ends late belongs to an earlier one
}

func newDescription(do func(func()), save func(text, was string)) *description {
	d := &description{do: do, save: save, field: newArea("Add a description")}
	d.field.OnChanged = func(string) {
		if !d.own {
			d.wasTyped()
		}
	}
	d.field.onBlur = d.leave
	d.field.SetMinRowsVisible(5)
	d.read = newText("", textStyle{size: sizeBody - 1, wrap: true})
	scroll := container.NewVScroll(inset(insets{9, 11, 9, 11}, d.read))
	d.readArea = newPanel(container.New(&fixedHeightLayout{descriptionHeight}, scroll),
		panelStyle{fill: theme.ColorNameInputBackground, border: theme.ColorNameSeparator, radius: 8})
	d.note = newText("This description is too long to be edited here. Only its beginning is shown.", textStyle{color: colorMuted, size: sizeCaption, wrap: true})
	d.edit = container.New(&fixedHeightLayout{descriptionHeight}, d.field)
	d.box = column(6, d.edit, d.readArea, d.note)
	return d
}

// open begins with the text of another to-do.
func (d *description) open(text string) {
	d.discard()
	d.turn++
	d.saves = 0
	d.base, d.now = text, text
	d.put(text)
}

// follow shows the text that the to-do has now, unless someone is typing: what
// is typed is an edit of what could be seen.
func (d *description) follow(text string) {
	d.now = text
	if d.typed || d.saves > 0 || d.field.focus && text != d.base {
		return
	}
	d.base = text
	d.put(text)
}

// leave saves what was typed. If nothing was, it shows what was held back
// because someone might have typed.
func (d *description) leave() {
	d.commit()
	d.follow(d.now)
}

func (d *description) put(text string) {
	shown := todo.Text(text)
	if d.long = utf8.RuneCountInString(text) > editMost; d.long {
		shown = firstRunes(shown, readMost) + "…"
	}
	d.own = true
	if d.field.Text != shown {
		d.field.SetText(shown)
	}
	d.own = false
	d.read.set(shown)
}

func firstRunes(s string, n int) string {
	for i := range s {
		if n--; n < 0 {
			return s[:i]
		}
	}
	return s
}

// setWritable chooses between the field and plain text.
func (d *description) setWritable(on bool) {
	on = on || d.typed // what is typed does not vanish
	visible(d.edit, on && !d.long)
	visible(d.readArea, !(on && !d.long) && d.base != "")
	visible(d.note, d.long)
	visible(d.box, on || d.base != "")
}

func (d *description) wasTyped() {
	d.typed = true
	if d.pause != nil {
		d.pause.Stop()
	}
	mine := d.turn
	d.pause = time.AfterFunc(typingPause, func() {
		d.do(func() {
			if d.turn == mine {
				d.commit()
			}
		})
	})
}

// commit saves what was typed.
func (d *description) commit() {
	if !d.typed {
		return
	}
	text, was := d.field.Text, d.base
	d.discard()
	if text == todo.Text(was) {
		return // typed and taken back
	}
	d.base = text
	d.saves++
	d.save(text, was)
}

// ended is told what became of a save. What could not be saved is taken up
// again, if it is still in the field.
func (d *description) ended(text, was string, err error) {
	d.saves--
	if err != nil && d.base == text && d.field.Text == text {
		d.base, d.typed = was, true
	}
}

// discard forgets that something was typed.
func (d *description) discard() {
	d.typed = false
	if d.pause != nil {
		d.pause.Stop()
	}
}
