package gui

import (
	"context"
	"path/filepath"
	"strings"
	"time"
)

// saveAs says what is written to a file, in one of several formats.
type saveAs struct {
	title   string
	name    string    // how the name of the file begins
	at      time.Time // of what is written; it ends the name
	formats []saveFormat
}

// saveFormat is one of them. make runs away from the UI goroutine.
type saveFormat struct {
	words  string
	ending string // with its dot
	says   string // what is in the file
	make   func() ([]byte, error)
}

// openSaveAs asks where to write something, and as what.
func (w *Window) openSaveAs(o saveAs) {
	var c *chooser
	words := blurb("")
	var options []option[int]
	var endings []string
	for i, f := range o.formats {
		options, endings = append(options, option[int]{i, f.words}), append(endings, f.ending)
	}
	format := newChoice(options, 0, nil)
	choose := func(i int) {
		format.set(i)
		words.set(o.formats[i].says)
		if c != nil {
			c.field.SetText(withOneOf(endings, i, c.field.Text))
			c.sheet.relayout()
		}
	}
	format.onChoose = choose
	choose(0)
	name := o.name + "-" + o.at.In(w.o.Now().Location()).Format("2006-01-02-150405")
	c = w.openChooser(chooserOptions{
		title: o.title, save: true, main: "Save", endings: endings, name: name + endings[0], above: column(8, buttonRow(format.box.Objects...), words),
		chosen: func(path string) {
			i := format.chosen
			w.writeFile(c, withOneOf(endings, i, path), false, func(context.Context) ([]byte, error) { return o.formats[i].make() })
		},
	})
}

// withOneOf is the name of a file with the i-th of these endings, in the place
// of any other of them.
func withOneOf(endings []string, i int, name string) string {
	if name == "" {
		return ""
	}
	for _, ending := range endings {
		if strings.EqualFold(filepath.Ext(name), ending) {
			name = name[:len(name)-len(ending)]
			break
		}
	}
	return name + endings[i]
}
