package gui

import (
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
)

// scopeChips are scopes that are asked for or not. Scopes of one's own can be
// added.
type scopeChips struct {
	box     *fyne.Container
	chips   *fyne.Container
	own     *field
	plus    *button
	fixed   string // the one that is always asked for; may be empty
	all     []string
	on      map[string]bool
	changed func() // may be nil
	focused func(fyne.CanvasObject)
}

func newScopeChips(title, fixed string, changed func()) *scopeChips {
	s := &scopeChips{fixed: fixed, on: map[string]bool{}, changed: changed, own: newField("Another scope")}
	s.chips = buttonRow()
	s.own.OnSubmitted = func(string) { s.addOwn() }
	s.plus = newIconButton(theme.ContentAddIcon(), "Add the scope", s.addOwn)
	s.box = column(5, newText(title, textStyle{size: labelSize, style: fyne.TextStyle{Bold: true}}), s.chips, row(4, s.own, s.own, s.plus))
	return s
}

// show offers these scopes, of which some are asked for.
func (s *scopeChips) show(offered, asked []string) {
	s.all, s.on = nil, map[string]bool{}
	for _, scope := range slices.Concat(asked, offered) {
		if scope != "" && !slices.Contains(s.all, scope) {
			s.all = append(s.all, scope)
		}
	}
	for _, scope := range asked {
		s.on[scope] = true
	}
	s.rebuild()
}

// asked are the scopes that are asked for, in their order.
func (s *scopeChips) asked() []string {
	var out []string
	for _, scope := range s.all {
		if s.on[scope] {
			out = append(out, scope)
		}
	}
	return out
}

func (s *scopeChips) rebuild() {
	s.chips.RemoveAll()
	for _, scope := range s.all {
		t := newToggle(show(scope, 120), s.on[scope], func(on bool) {
			s.on[scope] = on
			s.tell()
		})
		if scope == s.fixed {
			t.disabled = true
		}
		if s.focused != nil {
			t.onFocus = func() { s.focused(t) }
		}
		s.chips.Add(t)
	}
	s.tell()
}

func (s *scopeChips) tell() {
	if s.changed != nil {
		s.changed()
	}
}

// addOwn takes over what was typed: one scope or several.
func (s *scopeChips) addOwn() {
	for scope := range strings.FieldsSeq(s.own.Text) {
		if !slices.Contains(s.all, scope) {
			s.all = append(s.all, scope)
		}
		s.on[scope] = true
	}
	s.own.SetText("")
	s.rebuild()
}

// toggle is something that is on or off.
type toggle struct {
	press
	words string
	on    bool
}

func newToggle(words string, on bool, onChange func(bool)) *toggle {
	t := &toggle{words: words, on: on}
	t.extend(t, words, func() {
		t.on = !t.on
		t.Refresh()
		onChange(t.on)
	})
	return t
}

// AccessibilityLabel says whether it is on.
func (t *toggle) AccessibilityLabel() string {
	if t.on {
		return t.words + ", on"
	}
	return t.words + ", off"
}

const (
	toggleHeight = 28
	toggleLeft   = 31 // of the words, with the icon before them
	toggleRight  = 13
)

// likes is the width at which the words stand in one line.
func (t *toggle) likes() float32 {
	return ruler{size: labelSize}.width(t.words) + toggleLeft + toggleRight
}

// heightFor is the height of as many lines as the words need.
func (t *toggle) heightFor(width float32) float32 {
	rule := ruler{size: labelSize}
	return toggleHeight + rule.lineHeight()*float32(len(rule.wrap(t.words, max(1, width-toggleLeft-toggleRight+rounding), 0))-1)
}

func (t *toggle) CreateRenderer() fyne.WidgetRenderer {
	r := &toggleRenderer{toggle: t, back: canvas.NewRectangle(nil), words: newText("", textStyle{size: labelSize, wrap: true}), icon: canvas.NewImageFromResource(nil)}
	r.back.CornerRadius = 14
	r.icon.FillMode = canvas.ImageFillContain
	r.paint()
	return r
}

type toggleRenderer struct {
	toggle *toggle
	back   *canvas.Rectangle
	words  *text
	icon   *canvas.Image
}

func (r *toggleRenderer) Destroy() {}

func (r *toggleRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.back, r.words, r.icon}
}

func (r *toggleRenderer) MinSize() fyne.Size {
	likes := r.toggle.likes()
	if width := r.toggle.Size().Width; width > 0 {
		likes = min(likes, width)
	}
	return fyne.NewSize(min(90, likes), r.toggle.heightFor(likes))
}

func (r *toggleRenderer) Layout(size fyne.Size) {
	r.back.Resize(size)
	place(r.icon, 10, (size.Height-16)/2, 16, 16)
	pad := (toggleHeight - r.words.ruler().lineHeight()) / 2
	place(r.words, toggleLeft, pad, max(1, size.Width-toggleLeft-toggleRight+rounding), size.Height-2*pad)
}

func (r *toggleRenderer) Refresh() {
	r.paint()
	r.Layout(r.toggle.Size())
	canvas.Refresh(r.toggle)
}

func (r *toggleRenderer) paint() {
	t := r.toggle
	fill, border, ink, icon := colorCard, theme.ColorNameInputBorder, colorMuted, theme.ContentAddIcon()
	if t.hovered && !t.disabled {
		fill = theme.ColorNameHover
	}
	if t.on {
		fill, border, ink, icon = colorNavOn, colorNavOn, colorNavOnText, theme.ConfirmIcon()
	}
	paint(r.back, fill, border)
	if t.focused {
		r.back.StrokeColor, r.back.StrokeWidth = theme.Color(colorFocus), 2
	}
	r.words.content, r.words.color = t.words, ink
	r.words.Refresh()
	r.icon.Resource = theme.NewColoredResource(icon, ink)
	r.icon.Refresh()
}

// more hides what is rarely needed behind a link.
type more struct {
	box, inner *fyne.Container
	open       *link
	changed    func()
	words      [2]string // of the link: while it is shut, and while it is open
}

func newMore(changed func(), objects ...fyne.CanvasObject) *more {
	m := &more{inner: column(12, objects...), changed: changed, words: [2]string{"More", "Less"}}
	m.inner.Hide()
	m.open = newLink("More", func() { m.show(!m.inner.Visible()) })
	m.box = container.New(&columnLayout{gap: 12}, row(0, nil, m.open), m.inner)
	return m
}

// called gives the link other words: while it is shut, and while it is open.
func (m *more) called(shut, open string) *more {
	m.words = [2]string{shut, open}
	m.say()
	return m
}

func (m *more) say() {
	m.open.words = m.words[0]
	if m.inner.Visible() {
		m.open.words = m.words[1]
	}
	m.open.label = m.open.words
	m.open.Refresh()
}

func (m *more) show(open bool) {
	visible(m.inner, open)
	m.say()
	m.changed()
}

// holds reports whether o is among what is hidden.
func (m *more) holds(o fyne.CanvasObject) bool { return slices.Contains(m.inner.Objects, o) }
