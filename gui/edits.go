package gui

import (
	"context"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"waybill/fault"
	"waybill/replica"
	"waybill/todo"
)

// This file holds what the page of to-dos changes. Every function returns at
// once; what it changed is shown by the next snapshot.

// add makes a to-do that belongs into the list on screen, so that it is seen.
func (p *todosPage) add(title string) {
	t := todo.Todo{Title: title}
	if p.filter.Tag != "" {
		t.Tags = []string{p.filter.Tag}
	}
	if p.filter.List == todo.ListDueToday {
		t.Due = wholeDay(p.w.o.Now())
	}
	if p.query != "" {
		p.clearSearch()
	}
	var id string
	p.w.tasks.queue(func(ctx context.Context) (err error) {
		id, err = p.todos.Add(ctx, t)
		return err
	}, func(err error) {
		switch p.w.report(err); {
		case p.gone:
		case err == nil:
			p.following = id
			p.apply(p.todos.Snapshot())
		case p.toolbar.add.Text == "":
			p.toolbar.add.SetText(title)
		}
	})
}

// update changes fields of a to-do; done is as for edit.
func (p *todosPage) update(id string, patch todo.Patch, done func(error)) {
	p.edit(func(ctx context.Context) error { return p.todos.Update(ctx, id, patch) }, done)
}

// updateFrom changes fields of a to-do of which the user had this version in
// view when that was begun, so that what others have made of them since is not
// overwritten. If it was deleted meanwhile the change wins: it is there again.
func (p *todosPage) updateFrom(was todo.Todo, patch todo.Patch, done func(error)) {
	base := patch.Restrict(was)
	p.edit(func(ctx context.Context) error {
		err := p.todos.UpdateFrom(ctx, was.ID, patch, base)
		if !fault.Is(err, fault.NotFound) {
			return err
		}
		id, err := p.todos.Add(ctx, patch.Apply(was))
		if err == nil {
			p.w.o.Do(func() {
				if !p.gone {
					p.following = id
					p.apply(p.todos.Snapshot())
					p.say("It was deleted elsewhere. Your change keeps it.", "Undo", p.undo)
				}
			})
		}
		return err
	}, done)
}

// toggle completes or reopens a to-do.
func (p *todosPage) toggle(id string) {
	row := p.row(id)
	if row == nil || !p.snapshot.CanUpdate {
		return
	}
	done := !row.Todo.Completed
	if id == p.chosen && !p.stays(row, done) {
		p.choose(p.list.after(id))
	}
	p.update(id, todo.Patch{Completed: &done}, nil)
}

// stays reports whether a to-do is still in the list on screen once it is
// completed or reopened.
func (p *todosPage) stays(row *replica.Row, done bool) bool {
	t := row.Todo
	t.Completed = done
	return p.filter.Match(t, p.snapshot.Today)
}

// remove deletes a to-do and offers to take that back.
func (p *todosPage) remove(id string) {
	row := p.row(id)
	if row == nil || !p.snapshot.CanDelete {
		return
	}
	if id == p.chosen {
		p.details.discard()
		p.choose(p.list.after(id))
		p.shell.setDetails(false)
	}
	p.edit(func(ctx context.Context) error { return p.todos.Delete(ctx, id) }, nil)
	p.say("Deleted “"+show(row.Todo.Title, 40)+"”", "Undo", p.undo)
}

// say tells for a moment what was done, and offers something about it.
func (p *todosPage) say(words, action string, act func()) {
	p.toast.show(p.w.o.Do, words, action, act)
	p.shell.arrange()
}

// undoName names what undo would take back, "" for nothing.
func (p *todosPage) undoName() string {
	if p.outbox != nil && len(p.outbox.taken) > 0 {
		return "Discard"
	}
	return p.snapshot.Undo
}

// undo takes back what was done last: in the outbox that may be a discard.
func (p *todosPage) undo() {
	if p.outbox != nil && len(p.outbox.taken) > 0 {
		p.outbox.undoDiscard()
		return
	}
	p.travel(p.todos.Undo, p.snapshot.Undo, "Undone: ", "Redo", p.redo)
}

func (p *todosPage) redo() {
	p.travel(p.todos.Redo, p.snapshot.Redo, "Done again: ", "Undo", p.undo)
}

// travel undoes or redoes and, when that is on the disk, names what it was and
// offers the way back.
func (p *todosPage) travel(change func(context.Context) error, what, said, back string, goBack func()) {
	p.toast.hide()
	done := func(ctx context.Context) error {
		err := change(ctx)
		if err == nil {
			p.w.o.Do(func() {
				if !p.gone && what != "" {
					p.say(said+uncapital(what), back, goBack)
				}
			})
		}
		return err
	}
	p.edit(done, nil)
}

// sync asks for a round now. Its outcome is in the status sentence; only what
// needs an answer is said besides.
func (p *todosPage) sync() {
	p.w.tasks.start(p.w.backend.Sync, func(err error) {
		if !p.gone && !fault.Is(err, fault.Offline) && !fault.Is(err, fault.SignInNeeded) {
			p.w.report(err)
		}
	})
}

// resolveRemoval answers what shall become of the to-dos that the server no
// longer lists, and says what was done.
func (p *todosPage) resolveRemoval(c replica.RemovalChoice, said string) {
	p.edit(func(ctx context.Context) error { return p.todos.ResolveRemoval(ctx, c) }, func(err error) {
		if err == nil {
			p.say(said, "", nil)
		}
	})
}

// rename puts the cursor into the title. Who came from a list goes on in it
// afterwards, where it is still on screen.
func (p *todosPage) rename(id string) {
	from := p.w.win.Canvas().Focused()
	p.openDetails(id)
	p.details.editTitle()
	switch from.(type) {
	case *todoList, *changeList:
		if p.shell.wide {
			p.details.title.back = from
		}
	}
}

func (p *todosPage) editDue(id string) {
	p.openDetails(id)
	p.details.openDueMenu()
}

// openTodoMenu is what a right click on a to-do opens: what can be done with it.
func (p *todosPage) openTodoMenu(_ string, at fyne.Position) {
	m := fyne.NewMenu("")
	for _, id := range []string{"open", "toggle", "rename", "due", "delete"} {
		if c := p.w.command(id); c.can() {
			m.Items = append(m.Items, fyne.NewMenuItem(c.title, func() { p.w.doCommand(c) }))
		}
	}
	newPopUpMenu(m, p.w.win.Canvas(), at)
}

// newPopUpMenu shows a menu at a place of the window.
func newPopUpMenu(m *fyne.Menu, c fyne.Canvas, at fyne.Position) {
	widget.ShowPopUpMenuAtPosition(m, c, at)
}
