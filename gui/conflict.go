package gui

import (
	"context"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"waybill/replica"
	"waybill/todo"
	"waybill/wording"
)

// compare is the dialog that shows both versions of a to-do side by side, field
// by field with what differs marked, and asks which one stays.
type compare struct {
	page   *todosPage
	sheet  *sheet
	row    *replica.Row
	theirs map[todo.Field]bool // fields of which the server's value was chosen, where there are several
	body   *fyne.Container
	mix    *button
}

// openConflict compares both versions of the chosen to-do.
func (p *todosPage) openConflict() {
	row := p.current()
	if row == nil || row.State != replica.Conflict || p.compare != nil {
		return
	}
	p.details.commit()
	c := &compare{page: p, row: row, theirs: map[todo.Field]bool{}, body: column(16)}
	c.mix = newButton("Keep the mix", buttonPrimary, c.keepMix)
	c.mix.Hide()
	c.build()
	p.compare = c
	o := c.choices()
	o.body, o.width, o.rune, o.closed = c.body, 720, c.rune, func() { p.compare = nil }
	c.sheet = p.w.openSheet(o)
}

// choices are what the dialog is called and what can be chosen in it.
func (c *compare) choices() sheetOptions {
	keep := func(words string, choice replica.Choice) *button {
		return newButton(words, buttonPlain, func() { c.keep(choice) })
	}
	mine, theirs := keep("Keep mine", replica.KeepMine), keep("Keep theirs", replica.KeepTheirs)
	title := "“" + show(c.row.Todo.Title, 60) + "”"
	if c.row.Theirs == nil {
		return sheetOptions{title: title + " was deleted at the server", focus: mine, buttons: []fyne.CanvasObject{theirs, mine}}
	}
	both := keep("Keep both", replica.KeepBoth)
	return sheetOptions{title: "Two versions of " + title, focus: both, buttons: []fyne.CanvasObject{c.mix, both, theirs, mine}}
}

// follow shows the to-do as it is now, or closes where there is nothing left to
// choose.
func (c *compare) follow(row *replica.Row) {
	switch {
	case row == nil || row.State != replica.Conflict:
		c.sheet.close()
	case (row.Theirs == nil) != (c.row.Theirs == nil): // other choices
		c.sheet.close()
		c.page.openConflict()
	case row != c.row:
		c.row = row
		c.build()
		c.sheet.relayout()
	}
}

func (c *compare) build() {
	p := c.page
	c.body.RemoveAll()
	if c.row.Theirs == nil {
		c.body.Add(newText("You changed it on this computer. “Keep mine” adds it to the server again, “Keep theirs” removes it here. The keys are M and T.", textStyle{color: colorMuted, wrap: true}))
		return
	}
	c.body.Add(newText("It was changed on this computer and at the server since they last agreed. “Keep both” makes yours a second to-do.",
		textStyle{color: colorMuted, wrap: true}))
	for _, f := range c.row.Fields {
		c.body.Add(c.field(f, p.snapshot.Today))
	}
	c.body.Add(newText("The keys M, T and B keep mine, theirs and both. Escape leaves it open.", textStyle{color: colorMuted, size: sizeCaption, wrap: true}))
}

// field is a field with both of its values.
func (c *compare) field(f todo.Field, today todo.Day) fyne.CanvasObject {
	now := c.page.w.o.Now()
	values := sidesOf(f, wording.Field(&c.row.Todo, f, today, now), wording.Field(c.row.Theirs, f, today, now))
	label := newText(wording.FieldLabel(f), textStyle{style: fyne.TextStyle{Bold: true}})
	head := row(10, label, label)
	if len(c.row.Fields) > 1 {
		sides := newChoice([]option[bool]{{false, "Mine"}, {true, "Theirs"}}, c.theirs[f], func(theirs bool) {
			c.theirs[f] = theirs
			c.showMix()
		})
		head.Add(row(6, nil, sides.box.Objects...))
	}
	return column(6, head, twoColumns(440, side("On this computer", values.mine), side("At the server", values.theirs)))
}

// side is one of the two values.
func side(whose string, runs []run) fyne.CanvasObject {
	return newPanel(column(3, newText(whose, textStyle{color: colorMuted, size: sizeSmall, style: fyne.TextStyle{Bold: true}}),
		newMarkedText(whose, shorten(runs, 300), sizeBody, 40)),
		panelStyle{fill: colorCard, border: theme.ColorNameSeparator, radius: 8, pad: insets{8, 12, 10, 12}})
}

// showMix offers what was chosen field by field, once it is neither mine nor
// theirs as a whole.
func (c *compare) showMix() {
	n := len(c.chosenTheirs())
	visible(c.mix, n > 0 && n < len(c.row.Fields))
	c.sheet.relayout()
}

func (c *compare) chosenTheirs() (fields []todo.Field) {
	for _, f := range c.row.Fields {
		if c.theirs[f] {
			fields = append(fields, f)
		}
	}
	return fields
}

// rune chooses with a letter.
func (c *compare) rune(r rune) bool {
	choice, ok := map[rune]replica.Choice{'m': replica.KeepMine, 't': replica.KeepTheirs, 'b': replica.KeepBoth}[r]
	if ok = ok && (choice != replica.KeepBoth || c.row.Theirs != nil); ok {
		c.keep(choice)
	}
	return ok
}

func (c *compare) keep(choice replica.Choice) {
	c.sheet.close()
	c.page.resolve(c.row, choice)
}

// keepMix keeps mine but for the fields of which theirs was chosen.
func (c *compare) keepMix() {
	p, id, patch := c.page, c.row.Todo.ID, patchOf(c.row.Theirs, c.chosenTheirs())
	c.sheet.close()
	p.edit(func(ctx context.Context) error {
		if err := p.todos.Resolve(ctx, id, replica.KeepMine); err != nil {
			return err
		}
		return p.todos.Update(ctx, id, patch)
	}, nil)
	p.say("Kept some of each", "", nil)
}

// patchOf is the patch that sets these fields as they are in t.
func patchOf(t *todo.Todo, fields []todo.Field) todo.Patch {
	patch := todo.PatchOf(*t)
	for _, f := range patch.Fields() {
		if !slices.Contains(fields, f) {
			patch = patch.Without(f)
		}
	}
	return patch
}

// resolve ends a conflict, says which version stayed and offers the other one.
func (p *todosPage) resolve(row *replica.Row, choice replica.Choice) {
	id := row.Todo.ID
	p.edit(func(ctx context.Context) error { return p.todos.Resolve(ctx, id, choice) }, nil)
	words, other := "Kept both. Yours is a second to-do.", (*todo.Todo)(nil)
	switch choice {
	case replica.KeepMine:
		words, other = "Kept mine", row.Theirs
	case replica.KeepTheirs:
		words, other = "Kept theirs", &row.Todo
	}
	if other == nil || row.Theirs == nil {
		p.say(words, "", nil)
		return
	}
	patch := patchOf(other, row.Fields)
	p.say(words, "Undo", func() {
		p.toast.hide()
		p.update(id, patch, nil)
	})
}
