package gui

import (
	"fmt"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	"waybill/replica"
	"waybill/todo"
)

// emptyState stands where the list has nothing to show, and says why that is.
type emptyState struct {
	box          *fyne.Container
	title, words *text
	action       *button
	act          func()
}

func newEmptyState() *emptyState {
	e := &emptyState{}
	e.title = newText("", textStyle{size: sizeTitle, style: fyne.TextStyle{Bold: true}, align: fyne.TextAlignCenter, wrap: true})
	e.words = newText("", textStyle{color: colorMuted, align: fyne.TextAlignCenter, wrap: true})
	e.action = newButton("", buttonPlain, func() { e.act() })
	e.box = centred(380, column(8, e.title, e.words, gap(1, 2), newCentredRow(e.action)))
	return e
}

// emptyReason is why nothing is shown.
type emptyReason struct {
	title, words, action string
	act                  func()
}

func (e *emptyState) show(r emptyReason) {
	e.title.set(r.title)
	e.words.set(r.words)
	e.act = r.act
	visible(e.words, r.words != "")
	visible(e.action, r.action != "")
	e.action.setWords(r.action)
	e.box.Refresh()
}

// whyEmpty says why the page shows no to-do.
func (p *todosPage) whyEmpty() emptyReason {
	s := p.snapshot
	switch {
	case s.Loading, s.Counts.All == 0 && s.Status.LastSync.IsZero() && s.Status.Kind == replica.Busy:
		return emptyReason{title: "Fetching your to-dos", words: "They will be here in a moment."}
	case s.Counts.All == 0 && s.Status.LastSync.IsZero() && s.Status.Kind != replica.OK:
		return emptyReason{title: "Your to-dos could not be fetched yet", words: s.Status.Sentence + ".", action: "Try again", act: p.sync}
	case p.query != "":
		return emptyReason{title: fmt.Sprintf("Nothing matches “%s”", show(p.query, 60)),
			words: "The search looks at titles, descriptions and tags.", action: "Clear the search", act: p.clearSearch}
	case s.Counts.All == 0 && s.CanAdd:
		return emptyReason{title: "No to-dos yet", words: "Add the first one above: write what is to be done and press Enter."}
	case s.Counts.All == 0:
		return emptyReason{title: "No to-dos", words: "There is nothing at the server."}
	default:
		return emptyFilter(p.filter)
	}
}

func emptyFilter(f todo.Filter) emptyReason {
	switch {
	case f.Tag != "":
		return emptyReason{title: fmt.Sprintf("No to-do has the tag “%s”", show(f.Tag, 60))}
	case f.List == todo.ListTodo:
		return emptyReason{title: "Everything is done", words: "All your to-dos are completed."}
	case f.List == todo.ListDueToday:
		return emptyReason{title: "Nothing is due today", words: "Nothing is overdue either."}
	case f.List == todo.ListCompleted:
		return emptyReason{title: "Nothing is completed yet", words: "What you complete is kept here."}
	default:
		return emptyReason{title: "No to-dos"}
	}
}

// newCentredRow puts objects beside each other in the middle.
func newCentredRow(objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(centredRow{}, objects...)
}

type centredRow struct{}

func (centredRow) MinSize(objects []fyne.CanvasObject) fyne.Size {
	return (&rowLayout{gap: 8}).MinSize(objects)
}

func (l centredRow) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	least := l.MinSize(objects)
	x := (size.Width - least.Width) / 2
	for _, o := range objects {
		if o.Visible() {
			m := o.MinSize()
			place(o, x, (size.Height-m.Height)/2, m.Width, m.Height)
			x += m.Width + 8
		}
	}
}
