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
	save  func(text string, known []string)
	known []string // what the to-do may hold without anyone else having changed it
	typed bool     // something was typed that is not saved
	own   bool     // the field's text is being set by us
	long  bool     // only the beginning is shown
	pause *time.Timer
	turn  int // counts the to-dos shown: a pause that ends late belongs to an earlier one
}

func newDescription(do func(func()), save func(string, []string)) *description {
	d := &description{do: do, save: save, field: newArea("Add a description")}
	d.field.OnChanged = func(string) {
		if !d.own {
			d.wasTyped()
		}
	}
	d.field.onBlur = d.commit
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
	d.known = []string{text}
	d.put(text)
}

// follow shows the text that the to-do has now, unless someone is typing.
func (d *description) follow(text string) {
	if d.typed || d.field.focus && text != d.known[len(d.known)-1] {
		return
	}
	d.known = []string{text}
	d.put(text)
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
	visible(d.edit, on && !d.long)
	visible(d.readArea, !(on && !d.long) && d.known[0] != "")
	visible(d.note, d.long)
	visible(d.box, on || d.known[0] != "")
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
	text, known := d.field.Text, d.known
	d.discard()
	if text == todo.Text(known[len(known)-1]) {
		return // typed and taken back
	}
	d.known = append(d.known, text)
	d.save(text, known)
}

// notSaved takes up again what could not be saved, if it is still in the field.
func (d *description) notSaved(text string) {
	if last := len(d.known) - 1; last > 0 && d.known[last] == text && d.field.Text == text {
		d.known, d.typed = d.known[:last], true
	}
}

// discard forgets that something was typed.
func (d *description) discard() {
	d.typed = false
	if d.pause != nil {
		d.pause.Stop()
	}
}
