package gui

import (
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// openCheatSheet lists every command that has a key.
func (w *Window) openCheatSheet() {
	body := column(14)
	for _, g := range groups() {
		lines := column(2, newText(string(g), textStyle{color: colorMuted, size: sizeCaption, style: fyne.TextStyle{Bold: true}}))
		for _, c := range w.commands {
			if c.group == g && len(c.strokes) > 0 {
				lines.Add(keyLine(c.title, c.keys()))
			}
		}
		if g == groupTodo {
			lines.Add(keyLine("Move in the list", "Up, Down, Home, End"))
		}
		if g == groupHelp {
			lines.Add(keyLine("Menu", "F10"))
			lines.Add(keyLine("Close, or go back", "Escape"))
		}
		body.Add(lines)
	}
	w.openSheet(sheetOptions{title: "Keyboard shortcuts", body: body, width: 520})
}

func keyLine(title, keys string) fyne.CanvasObject {
	name := newText(title, textStyle{})
	return row(12, name, name, newPanel(newText(keys, textStyle{color: colorChipText, size: sizeCaption, full: true}),
		panelStyle{fill: colorChip, radius: 5, pad: insets{2, 7, 2, 7}}))
}

// openAbout says what this is.
func (w *Window) openAbout() {
	version := w.o.Version
	if version == "" {
		version = "development build"
	}
	body := column(10,
		newText("A to-do app that reaches your to-dos through Cross App Access: your identity provider vouches for you with an ID-JAG, the other application's authorization server takes it for an access token, and no second sign-in is needed.", textStyle{wrap: true}),
		pair("Version", newText(version, textStyle{size: labelSize})),
		pair("Secrets", newText(vaultWords(w.state), textStyle{size: labelSize, wrap: true})),
	)
	w.openSheet(sheetOptions{title: "Waybill", body: body})
}

// openCalendar asks for a day.
func (w *Window) openCalendar(now time.Time, set func(time.Time) func()) {
	var s *sheet
	calendar := widget.NewCalendar(now, func(day time.Time) {
		s.close()
		set(wholeDay(day))()
	})
	s = w.openSheet(sheetOptions{title: "Due on", body: calendar, width: 360})
}

// paletteMost is how many commands the palette shows at once.
const paletteMost = 10

// palette finds a command by a few of its letters.
type palette struct {
	w     *Window
	sheet *sheet
	field *field
	list  *fyne.Container
	found []*command
	at    int
}

func (w *Window) openPalette() {
	p := &palette{w: w, field: newField("What do you want to do?"), list: column(2)}
	p.field.OnChanged = func(string) { p.at = 0; p.show() }
	p.field.OnSubmitted = func(string) { p.run(p.at) }
	p.field.onKey = func(e *fyne.KeyEvent) bool {
		switch e.Name {
		case fyne.KeyDown:
			p.move(1)
		case fyne.KeyUp:
			p.move(-1)
		default:
			return false
		}
		return true
	}
	p.sheet = w.openSheet(sheetOptions{title: "Commands", bare: true, body: column(8, p.field, p.list), width: 480, focus: p.field})
	p.show()
}

func (p *palette) move(by int) {
	p.at = min(max(0, p.at+by), max(0, len(p.found)-1))
	p.show()
}

func (p *palette) show() {
	p.found = nil
	p.list.RemoveAll()
	for _, c := range p.w.commands {
		if c.id == "palette" || !c.can() || !matchesWords(c.words()+" "+string(c.group), p.field.Text) {
			continue
		}
		i := len(p.found)
		if i == paletteMost {
			break
		}
		p.found = append(p.found, c)
		p.list.Add(newPaletteItem(c, i == p.at, func() { p.run(i) }))
	}
	if len(p.found) == 0 {
		p.list.Add(inset(even(10), newText("No command is called that.", textStyle{color: colorMuted})))
	}
	p.sheet.relayout()
}

func (p *palette) run(i int) {
	if i >= len(p.found) {
		return
	}
	c := p.found[i]
	p.sheet.close()
	p.w.doCommand(c)
}

// newPaletteItem is a line of the palette.
func newPaletteItem(c *command, on bool, onTap func()) fyne.CanvasObject {
	item := newNavItem(c.words(), onTap)
	item.count, item.on, item.hint = -1, on, c.keys()
	item.pointerOnly = true // the field keeps the focus
	return item
}

// blurb is a paragraph in the muted colour.
func blurb(words string) *text {
	return newText(words, textStyle{color: colorMuted, wrap: true})
}

// heading is the title of a page or of a part of it.
func heading(words string, size float32) *text {
	return newText(words, textStyle{color: theme.ColorNameForeground, size: size, style: fyne.TextStyle{Bold: true}, wrap: true})
}
