package gui

import (
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"waybill/flow"
	"waybill/wording"
)

// flowCards is the time line: a card for each step. The arrow keys move from
// one to the next.
type flowCards struct {
	box    *fyne.Container
	cards  []*stepCard
	layout *cardsLayout
}

func newFlowCards(choose func(at int)) *flowCards {
	c := &flowCards{}
	var objects []fyne.CanvasObject
	for i := range (&flow.Run{}).Steps {
		card := newStepCard(func() { c.goTo(i, choose) })
		card.area.keys = func(e *fyne.KeyEvent) bool { return c.key(i, e, choose) }
		c.cards = append(c.cards, card)
		objects = append(objects, card.box)
	}
	c.layout = &cardsLayout{cards: c.cards}
	c.box = container.New(c.layout, objects...)
	return c
}

func (c *flowCards) areas() (all []*press) {
	for _, card := range c.cards {
		all = append(all, &card.area.press)
	}
	return all
}

// key moves along the time line.
func (c *flowCards) key(at int, e *fyne.KeyEvent, choose func(int)) bool {
	to := at
	switch e.Name {
	case fyne.KeyLeft, fyne.KeyUp:
		to--
	case fyne.KeyRight, fyne.KeyDown:
		to++
	case fyne.KeyHome:
		to = 0
	case fyne.KeyEnd:
		to = len(c.cards) - 1
	default:
		return false
	}
	if to >= 0 && to < len(c.cards) {
		c.goTo(to, choose)
	}
	return true
}

// goTo shows a step, from where the arrow keys go on.
func (c *flowCards) goTo(at int, choose func(int)) {
	choose(at)
	if cv := canvasOf(c.cards[at].area); cv != nil {
		cv.Focus(c.cards[at].area)
	}
}

// show brings the cards up to date.
func (c *flowCards) show(r *flow.Run, chosen int, now time.Time) {
	changed := false
	for i, card := range c.cards {
		changed = card.show(viewOf(r, i, i == chosen, now)) || changed
	}
	if changed {
		c.box.Refresh()
	}
}

// stepView is what a card shows. It is comparable, so that only a difference is
// drawn anew.
type stepView struct {
	number                int
	title, party, outcome string
	state                 flow.State
	from, to              float32 // on the run's time line, from 0 to 1
	chosen                bool
}

func viewOf(r *flow.Run, i int, chosen bool, now time.Time) stepView {
	s := &r.Steps[i]
	v := stepView{number: i + 1, title: stepTitle(s.Name), party: show(s.Party, 120), outcome: outcomeOf(s, r.Running, now), state: s.State, chosen: chosen}
	if what := show(whatOf(s), 120); v.party == "" {
		v.party = what
	} else if what != "" {
		v.party += " · " + what
	}
	whole := lasted(r.Running, r.Began, r.Took, now)
	if !s.Began.IsZero() && whole > 0 {
		v.from = share(s.Began.Sub(r.Began), whole)
		v.to = share(s.Began.Sub(r.Began)+lasted(s.State == flow.Running, s.Began, s.Took, now), whole)
	}
	return v
}

// share is which part of the whole d is.
func share(d, whole time.Duration) float32 {
	return min(1, max(0, float32(d)/float32(whole)))
}

// stepCard is the card of a step.
type stepCard struct {
	box            *fyne.Container
	back           *panel
	area           *pressArea
	title          *text
	party, outcome *text
	sign           *canvas.Image
	bar            *timeBar
	view           stepView
}

func newStepCard(onTap func()) *stepCard {
	c := &stepCard{bar: newTimeBar(), sign: newMarkIcon(theme.ContentRemoveIcon(), colorMuted)}
	c.title = newText("", textStyle{style: fyne.TextStyle{Bold: true}})
	c.party = newText("", textStyle{color: colorMuted, size: sizeCaption, wrap: true, lines: 2})
	c.outcome = newText("", textStyle{color: colorMuted, size: sizeCaption, wrap: true, lines: 3})
	c.back = newPanel(nil, panelStyle{fill: colorCard, border: theme.ColorNameSeparator, radius: 10})
	c.area = newPressArea("", column(5, row(6, c.title, c.title, c.sign), c.party, gap(1, 1), c.bar, c.outcome), insets{11, 12, 11, 12}, onTap)
	c.box = stack(c.back, c.area)
	return c
}

// show reports whether anything was different.
func (c *stepCard) show(v stepView) bool {
	if v == c.view {
		return false
	}
	c.view = v
	icon, color, state := stepIcon(v.state)
	c.title.set(string(rune('0'+v.number)) + " " + v.title)
	c.party.set(v.party)
	c.outcome.set(v.outcome)
	c.sign.Resource = theme.NewColoredResource(icon, color)
	c.sign.Refresh()
	c.bar.show(v.from, v.to, v.state == flow.Failed)
	c.area.label = "Step " + c.title.content + ", " + state + ", " + v.party + ". " + v.outcome
	c.back.thick = v.chosen
	if border := theme.ColorNameSeparator; v.chosen {
		c.area.label += " Chosen."
		c.back.setColors(colorCard, theme.ColorNamePrimary)
	} else {
		c.back.setColors(colorCard, border)
	}
	return true
}

// cardsLayout puts the cards beside each other where there is room, else two
// and two, else below each other; there, only the chosen one says it all.
type cardsLayout struct {
	cards []*stepCard
	width float32
}

const (
	cardsGap   = 12
	cardsFour  = 800 // from this width on there are four beside each other
	cardsTwo   = 420
	cardsSmall = 12 // between the cards below each other
)

func (l *cardsLayout) columns(width float32) int {
	switch {
	case width >= cardsFour:
		return 4
	case width >= cardsTwo:
		return 2
	default:
		return 1
	}
}

// fold leaves out what there is no room for.
func (l *cardsLayout) fold(columns int) {
	for _, c := range l.cards {
		whole := columns > 1 || c.view.chosen || c.view.state == flow.Failed || c.view.state == flow.Running
		visible(c.party, whole)
		visible(c.outcome, whole)
	}
}

func (l *cardsLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	l.width = size.Width
	l.flow(objects, size.Width, func(o fyne.CanvasObject, x, y, w, h float32) { place(o, x, y, w, h) })
}

func (l *cardsLayout) flow(objects []fyne.CanvasObject, width float32, put func(o fyne.CanvasObject, x, y, w, h float32)) float32 {
	n := l.columns(width)
	l.fold(n)
	each := (width - float32(n-1)*cardsGap) / float32(n)
	y := float32(0)
	for i := 0; i < len(objects); i += n {
		high := float32(0)
		for _, o := range objects[i:min(i+n, len(objects))] {
			high = max(high, heightFor(o, each))
		}
		for j, o := range objects[i:min(i+n, len(objects))] {
			put(o, float32(j)*(each+cardsGap), y, each, high)
		}
		y += high + cardsGap
	}
	return y - cardsGap
}

func (l *cardsLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(120, l.heightFor(objects, max(120, l.width)))
}

func (l *cardsLayout) heightFor(objects []fyne.CanvasObject, width float32) float32 {
	return l.flow(objects, width, func(fyne.CanvasObject, float32, float32, float32, float32) {})
}

// flowDiscovery is the line of what was fetched before the first step.
type flowDiscovery struct {
	panel *panel
	area  *pressArea
	words *text
}

func newFlowDiscovery(onTap func()) *flowDiscovery {
	d := &flowDiscovery{words: newText("", textStyle{color: colorMuted, size: sizeCaption, wrap: true})}
	d.area = newPressArea("", d.words, insets{7, 12, 7, 12}, onTap)
	d.panel = newPanel(d.area, panelStyle{fill: colorCard, border: theme.ColorNameSeparator, radius: 10})
	return d
}

func (d *flowDiscovery) show(r *flow.Run, chosen bool) {
	n, failed, long := len(r.Discovery), 0, time.Duration(0)
	for i := range r.Discovery {
		long = max(long, r.Discovery[i].Start.Sub(r.Discovery[0].Start)+r.Discovery[i].Timings.Total)
		if r.Discovery[i].Fault != nil {
			failed++
		}
	}
	words := "Before the steps: " + wording.Plural(n, "request", "requests") + " for metadata · " + took(long)
	if failed > 0 {
		words += " · " + wording.Plural(failed, "answer", "answers") + " not used"
	}
	d.words.set(words)
	d.area.label = words
	d.panel.thick = chosen
	border := theme.ColorNameSeparator
	if chosen {
		border = theme.ColorNamePrimary
	}
	d.panel.setColors(colorCard, border)
	visible(d.panel, n > 0)
}

// flowTitleLayout puts the button of the sidebar, the title, the summary and the
// links in one line or, where there is too little room, the summary below.
type flowTitleLayout struct{ width float32 }

func (l *flowTitleLayout) flow(objects []fyne.CanvasObject, width float32, put func(o fyne.CanvasObject, x, y float32, s fyne.Size)) float32 {
	const gap, line = 10, 28
	row, summary := objects, objects[2]
	if l.long(row, gap) > width {
		row = append([]fyne.CanvasObject{objects[0], objects[1]}, objects[3:]...)
	}
	x, high := float32(0), float32(line)
	for _, o := range row {
		if o.Visible() {
			high = max(high, o.MinSize().Height)
		}
	}
	for _, o := range row {
		if o.Visible() {
			m := o.MinSize()
			put(o, x, (high-m.Height)/2, m)
			x += m.Width + gap
		}
	}
	if len(row) == len(objects) {
		return high
	}
	m := summary.MinSize()
	put(summary, 0, high, fyne.NewSize(width, m.Height))
	return high + m.Height
}

// long is how much room the objects take beside each other.
func (l *flowTitleLayout) long(objects []fyne.CanvasObject, gap float32) float32 {
	need := -gap
	for _, o := range objects {
		if o.Visible() {
			need += o.MinSize().Width + gap
		}
	}
	return need
}

func (l *flowTitleLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	l.width = size.Width
	l.flow(objects, size.Width, func(o fyne.CanvasObject, x, y float32, s fyne.Size) { place(o, x, y, s.Width, s.Height) })
}

func (l *flowTitleLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(160, l.heightFor(objects, max(160, l.width)))
}

func (l *flowTitleLayout) heightFor(objects []fyne.CanvasObject, width float32) float32 {
	return l.flow(objects, width, func(fyne.CanvasObject, float32, float32, fyne.Size) {})
}
