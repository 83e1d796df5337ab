package gui

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"fyne.io/fyne/v2"

	"waybill/archive"
	"waybill/fault"
	"waybill/replica"
	"waybill/wording"
)

// This file holds how to-dos go into files and come out of them.

// openExport asks where to write the to-dos, and as what.
func (p *todosPage) openExport() {
	var c *chooser
	words := blurb("")
	format := newChoice([]option[archive.Format]{{archive.JSON, "JSON"}, {archive.CSV, "CSV, for spreadsheets"}}, archive.JSON, nil)
	choose := func(f archive.Format) {
		format.set(f)
		words.set(map[archive.Format]string{
			archive.JSON: "Keeps everything that the server knows of a to-do.",
			archive.CSV:  "A table of title, description, status, priority, due date and tags.",
		}[f])
		if c != nil {
			c.field.SetText(withEnding(c.field.Text, f))
			c.sheet.relayout()
		}
	}
	format.onChoose = choose
	choose(archive.JSON)
	c = p.openSave(saveOptions{
		title: "Export to-dos", name: "waybill", done: "Exported", above: column(8, format.box, words),
		format: func(path string) archive.Format {
			if strings.EqualFold(filepath.Ext(path), ".json") || strings.EqualFold(filepath.Ext(path), ".csv") {
				choose(archive.FormatOf(path)) // who writes the ending means it
			}
			return format.chosen
		},
	})
}

// openBackUp asks where to write a backup.
func (p *todosPage) openBackUp() {
	p.openSave(saveOptions{
		title: "Back up", name: "waybill-backup", done: "Backed up",
		words:  "A backup holds your to-dos as they are on this computer and the changes that are not sent yet. It holds no tokens or passwords, and is not encrypted.",
		format: func(string) archive.Format { return archive.Backup },
	})
}

// withEnding is the name with the ending of a format.
func withEnding(name string, f archive.Format) string {
	if name == "" {
		return ""
	}
	if ext := filepath.Ext(name); strings.EqualFold(ext, ".json") || strings.EqualFold(ext, ".csv") {
		name = strings.TrimSuffix(name, ext)
	}
	if f == archive.CSV {
		return name + ".csv"
	}
	return name + ".json"
}

// saveOptions say what is written. All but words and above are required.
type saveOptions struct {
	title, words string
	name         string // how the name of the file begins
	done         string // what was done then: "Exported"
	above        fyne.CanvasObject
	format       func(path string) archive.Format // that is asked for there
}

func (p *todosPage) openSave(o saveOptions) (c *chooser) {
	p.details.commit()
	c = p.w.openChooser(chooserOptions{
		title: o.title, words: o.words, above: o.above, save: true, main: "Save", endings: []string{".json", ".csv"},
		name: o.name + "-" + p.w.o.Now().Format(time.DateOnly) + ".json",
		chosen: func(path string) {
			f := o.format(path)
			p.save(c, o, withEnding(path, f), f, false)
		},
	})
	return c
}

// save writes the file, and asks before it replaces one.
func (p *todosPage) save(c *chooser, o saveOptions, path string, f archive.Format, replace bool) {
	taken, n := false, 0
	work := func(ctx context.Context) error {
		contents, err := p.w.backend.Contents(ctx, strings.TrimSpace("Waybill "+p.w.o.Version))
		if err != nil {
			return err
		}
		n = len(contents.Todos)
		data, err := archive.Encode(f, contents, archive.Options{ForSpreadsheets: true})
		if err != nil {
			return err
		}
		err = saveFile(ctx, path, data, replace)
		if taken = fault.As(err) != nil && fault.As(err).Code == "file_exists"; taken {
			return nil
		}
		return err
	}
	// Behind the edits: what was typed a moment ago belongs into the file.
	p.w.tasks.queue(func(context.Context) error { return nil }, func(error) {
		c.work("Saving…", work, func() {
			if taken {
				p.w.askToReplace(path, func() { p.save(c, o, path, f, true) })
				return
			}
			c.sheet.close()
			p.say(o.done+" "+wording.Plural(n, "to-do", "to-dos")+" to “"+show(filepath.Base(path), 60)+"”", "", nil)
		})
	})
}

// askToReplace asks before a file is lost. Enter alone keeps it.
func (w *Window) askToReplace(path string, replace func()) {
	var s *sheet
	keep := newButton("Keep it", buttonPlain, func() { s.close() })
	s = w.openSheet(sheetOptions{
		title:   "Replace “" + show(filepath.Base(path), 60) + "”?",
		body:    newText("There is a file of that name in “"+show(filepath.Base(filepath.Dir(path)), 60)+"” already. What is in it is lost if you replace it.", textStyle{wrap: true}),
		buttons: []fyne.CanvasObject{keep, newButton("Replace it", buttonDanger, func() { s.close(); replace() })}, focus: keep,
	})
}

// openImport asks for a file of to-dos.
func (p *todosPage) openImport() {
	p.openFile("Import to-dos", "A JSON or CSV file, from Waybill or from another program. You see what it would change before anything is changed.", "Open")
}

// openRestore asks for a backup.
func (p *todosPage) openRestore() {
	p.openFile("Restore a backup", "A backup that was made by Waybill. You see what it would change before anything is changed.", "Open")
}

func (p *todosPage) openFile(title, words, main string) {
	p.details.commit()
	var c *chooser
	c = p.w.openChooser(chooserOptions{
		title: title, words: words, main: main, endings: []string{".json", ".csv"},
		chosen: func(path string) { p.readFile(c, path) },
	})
}

// incoming is a file that was read, and what it would change.
type incoming struct {
	name  string
	file  *archive.File
	items []replica.Incoming
	other error // it is a backup of another account; nil if it is not
	would replica.Compared
}

// readFile reads a file and shows what it would change.
func (p *todosPage) readFile(c *chooser, path string) {
	in := incoming{name: filepath.Base(path)}
	c.work("Reading…", func(ctx context.Context) (err error) {
		in.file, err = await(ctx, func() (*archive.File, error) {
			f, err := os.Open(path)
			if err != nil {
				return nil, unopened(path, err)
			}
			defer f.Close()
			return archive.Read(f)
		})
		if err != nil {
			return err
		}
		in.items, in.other = p.w.backend.Incoming(in.file)
		if in.other != nil && fault.As(in.other).Code != "other_account" {
			return in.other
		}
		in.would, err = p.todos.Compare(ctx, in.items)
		return err
	}, func() {
		c.sheet.close()
		p.preview(in)
	})
}

// preview says what an import would change, and asks.
func (p *todosPage) preview(in incoming) {
	verb, done := "Import", "Imported"
	body := column(12)
	if in.file.Format == archive.Backup {
		verb, done = "Restore", "Restored"
		body.Add(blurb(p.madeWords(in.file.Header)))
	}
	body.Add(heading(comparedWords(in.would), sizeBody))
	changes := in.would.Added + in.would.Changed
	if changes > 0 {
		body.Add(blurb("To-dos that are not in the file stay as they are. One Undo takes all of it back."))
	}
	if in.other != nil {
		body.Add(noticeCard(fault.As(in.other).Error() + " Its to-dos would be added to yours."))
	}
	if len(in.file.Notices) > 0 {
		body.Add(noticeCard(strings.Join(in.file.Notices, "\n")))
	}
	var s *sheet
	closes := newButton("Cancel", buttonPlain, func() { s.close() })
	o := sheetOptions{title: verb + " “" + show(in.name, 60) + "”?", body: body, width: 480, buttons: []fyne.CanvasObject{closes}}
	if changes == 0 {
		o.title = "Nothing to " + uncapital(verb)
		closes.setWords("Close")
		o.focus = closes
	} else {
		main := newButton(verb+" "+wording.Plural(changes, "to-do", "to-dos"), buttonPrimary, func() { s.close(); p.bringIn(in.items, done) })
		o.buttons, o.focus = append(o.buttons, main), main
		if in.other != nil { // Enter alone brings in nothing of someone else's
			main.kind, o.focus = buttonDanger, closes
		}
	}
	s = p.w.openSheet(o)
}

// comparedWords say what a file would change.
func comparedWords(n replica.Compared) string {
	parts := parted(n)
	switch {
	case len(parts) == 0 && n.Same == 0:
		return "The file holds no to-dos."
	case len(parts) == 0 && n.Same == 1:
		return "Its to-do is here already, and the same."
	case len(parts) == 0:
		return fmt.Sprintf("Its %d to-dos are here already, and the same.", n.Same)
	case n.Same > 0:
		parts = append(parts, fmt.Sprintf("%d the same", n.Same))
	}
	return strings.Join(parts, ", ") + "."
}

// parted are what is new and what is changed, where there is any of it.
func parted(n replica.Compared) (parts []string) {
	if n.Added > 0 {
		parts = append(parts, fmt.Sprintf("%d new", n.Added))
	}
	if n.Changed > 0 {
		parts = append(parts, fmt.Sprintf("%d changed", n.Changed))
	}
	return parts
}

// madeWords say whose backup it is and from when.
func (p *todosPage) madeWords(h archive.Header) string {
	words := "A backup of " + show(h.Who(), 80)
	if h.Connection != "" {
		words += " at " + show(h.Connection, 60)
	}
	if !h.Made.IsZero() {
		words += ", made " + h.Made.In(p.w.o.Now().Location()).Format("Mon 2 Jan 2006, 15:04")
	}
	return words + "."
}

// bringIn makes the edits of a file, and offers to take them back.
func (p *todosPage) bringIn(items []replica.Incoming, done string) {
	var n replica.Compared
	p.edit(func(ctx context.Context) (err error) {
		n, err = p.todos.Import(ctx, items)
		return err
	}, func(err error) {
		switch {
		case err != nil:
		case n.Added+n.Changed == 0:
			p.say("Nothing was left to do", "", nil)
		default:
			p.say(done+": "+strings.Join(parted(n), ", "), "Undo", p.undo)
		}
	})
}
