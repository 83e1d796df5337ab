package gui

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"waybill/fault"
	"waybill/flow"
)

// sequence is a sequence diagram: the parties as lanes, what passes between them
// as arrows, each with a sentence beside it or, in a narrow window, below it.
type sequence struct {
	widget.BaseWidget
	arrows []arrow
	states []arrowState
}

// arrowState is how far what an arrow stands for is.
type arrowState struct {
	state flow.State
	words string // the step with its state, above the first of its arrows; "" for the others
	label string // what passes
}

func newSequence(arrows []arrow) *sequence {
	s := &sequence{arrows: arrows}
	s.ExtendBaseWidget(s)
	s.show(nil)
	return s
}

// show lights up what has happened in a run; nil: nothing has.
func (s *sequence) show(r *flow.Run) {
	states := make([]arrowState, len(s.arrows))
	for i, a := range s.arrows {
		states[i].words, states[i].label = string(rune('0'+a.number))+" "+stepTitle(a.step), a.label
		if r != nil {
			states[i].label = passed(r, a)
			step := r.Step(a.step)
			states[i].state = step.State
			_, _, words := stepIcon(step.State)
			states[i].words += " · " + words
			if step.State == flow.Done {
				states[i].words += ", " + took(step.Took)
			}
			if a.answer && step.State == flow.Running {
				states[i].state = flow.NotRun // it has not come yet
			}
		}
		if i > 0 && s.arrows[i-1].step == a.step {
			states[i].words = ""
		}
	}
	s.states = states
	s.Refresh()
}

// passed is what went along an arrow in that run: most exchange an ID token, and
// some the refresh token in its place.
func passed(r *flow.Run, a arrow) string {
	if s := r.Step(a.step); a.step == fault.StepExchange && !a.answer {
		for i := range s.Exchanges {
			if strings.HasSuffix(formValue(&s.Exchanges[i].Request, "subject_token_type"), ":refresh_token") {
				return "refresh token"
			}
		}
	}
	return a.label
}

// AccessibilityLabel tells the diagram as text.
func (s *sequence) AccessibilityLabel() string {
	names := laneNames()
	var all []string
	for i, a := range s.arrows {
		if s.states[i].words != "" {
			all = append(all, s.states[i].words+".")
		}
		all = append(all, "From "+names[a.from]+" to "+names[a.to]+": "+s.states[i].label+". "+a.says)
	}
	return strings.Join(all, " ")
}

// AccessibilityRole is that of text.
func (s *sequence) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleText }

// Sizes of the diagram.
const (
	laneHead    = 40  // height of the parties' names
	arrowHeight = 46  // from one arrow to the next, at least
	arrowTip    = 7   // length of its tip
	sayBeside   = 620 // from this width on the sentences stand beside the arrows
	sayGap      = 24
	stepHead    = 22 // the name of a step above its first arrow
)

// sequenceShape is where everything is at a width.
type sequenceShape struct {
	beside bool
	lane   float32 // the width of one
	sayX   float32
	say    ruler
	width  float32 // of a sentence
	tops   []float32
	height float32
	lines  [][]string
}

func (s *sequence) shape(width float32) sequenceShape {
	h := sequenceShape{beside: width >= sayBeside, say: ruler{labelSize, fyne.TextStyle{}}, width: width, lane: width / lanes}
	if h.beside {
		h.lane = width * 0.56 / lanes
		h.sayX = h.lane*lanes + sayGap
		h.width = width - h.sayX
	}
	y := float32(laneHead + 10)
	for i, a := range s.arrows {
		h.tops = append(h.tops, y)
		lines := h.say.wrap(a.says, h.width, 0)
		h.lines = append(h.lines, lines)
		words := float32(len(lines)) * h.say.lineHeight()
		head := float32(0)
		if s.states[i].words != "" {
			head = stepHead
		}
		if h.beside {
			y += max(arrowHeight, head+words+12)
		} else {
			y += head + arrowHeight - 8 + words + 12
		}
	}
	h.height = y
	return h
}

func (s *sequence) heightFor(width float32) float32 { return s.shape(width).height }

func (s *sequence) CreateRenderer() fyne.WidgetRenderer {
	r := &sequenceRenderer{sequence: s}
	r.draw()
	return r
}

type sequenceRenderer struct {
	sequence *sequence
	objects  []fyne.CanvasObject
}

func (r *sequenceRenderer) Destroy()                     {}
func (r *sequenceRenderer) Objects() []fyne.CanvasObject { return r.objects }
func (r *sequenceRenderer) Layout(fyne.Size)             { r.draw() }

func (r *sequenceRenderer) MinSize() fyne.Size {
	return fyne.NewSize(280, r.sequence.heightFor(max(280, r.sequence.Size().Width)))
}

func (r *sequenceRenderer) Refresh() {
	r.draw()
	canvas.Refresh(r.sequence)
}

// draw makes everything anew: it is little, and changes a few times in a run.
func (r *sequenceRenderer) draw() {
	h := r.sequence.shape(max(280, r.sequence.Size().Width))
	r.objects = r.objects[:0]
	names, size := laneNames(), float32(sizeSmall)
	if h.lane < 92 {
		names, size = shortLaneNames(), 10
	}
	for i, name := range names {
		r.laneOf(h, i, name, size)
	}
	for i := range r.sequence.arrows {
		r.arrowOf(h, i)
	}
}

func (r *sequenceRenderer) put(o fyne.CanvasObject, x, y, w, h float32) {
	place(o, x, y, w, h)
	r.objects = append(r.objects, o)
}

// laneOf draws a party with its life line.
func (r *sequenceRenderer) laneOf(h sequenceShape, i int, name string, size float32) {
	x := h.lane * float32(i)
	life := canvas.NewLine(theme.Color(theme.ColorNameSeparator))
	life.StrokeWidth = 1
	life.Position1, life.Position2 = fyne.NewPos(x+h.lane/2, laneHead), fyne.NewPos(x+h.lane/2, h.height)
	r.objects = append(r.objects, life)
	box := canvas.NewRectangle(nil)
	paint(box, colorCard, theme.ColorNameInputBorder)
	if i == laneWaybill {
		paint(box, colorNavOn, colorNavOn)
	}
	box.CornerRadius = 8
	r.put(box, x+2, 0, h.lane-4, laneHead)
	rule := ruler{size, fyne.TextStyle{Bold: true}}
	lines := rule.wrap(name, h.lane-10, 2)
	y := (laneHead - rule.lineHeight()*float32(len(lines))) / 2
	for _, line := range lines {
		ink := theme.ColorNameForeground
		if i == laneWaybill {
			ink = colorNavOnText
		}
		words := canvas.NewText(line, theme.Color(ink))
		words.TextSize, words.TextStyle.Bold, words.Alignment = size, true, fyne.TextAlignCenter
		r.put(words, x, y, h.lane, rule.lineHeight())
		y += rule.lineHeight()
	}
}

// arrowInk is the colour of an arrow, and whether it has light.
func arrowInk(s flow.State, answer bool) (ink fyne.ThemeColorName, lit bool) {
	switch {
	case s == flow.Done:
		return theme.ColorNameSuccess, true
	case s == flow.Running:
		return theme.ColorNamePrimary, true
	case s == flow.Failed && answer:
		return theme.ColorNameError, true
	case s == flow.Failed:
		return theme.ColorNameSuccess, true
	default:
		return colorRing, false
	}
}

// arrowOf draws an arrow with what passes along it, and its sentence.
func (r *sequenceRenderer) arrowOf(h sequenceShape, i int) {
	a, st := r.sequence.arrows[i], r.sequence.states[i]
	ink, lit := arrowInk(st.state, a.answer)
	top := h.tops[i]
	sayX, sayY := h.sayX, top
	if st.words != "" {
		r.head(h, st, sayX, top)
		sayY += stepHead
		if !h.beside {
			top += stepHead
		}
	}
	y := top + 28 // of the arrow
	if h.beside {
		y = top + max(arrowHeight-18, sayY-top+float32(len(h.lines[i]))*h.say.lineHeight())/2 + 8
	} else {
		sayY = y + 8
	}
	r.tip(h, a, y, ink, lit)
	r.label(h, a, st.label, y, lit)
	if !h.beside {
		back := canvas.NewRectangle(theme.Color(theme.ColorNameBackground))
		r.put(back, 0, sayY, h.width, float32(len(h.lines[i]))*h.say.lineHeight())
	}
	for _, line := range h.lines[i] {
		words := canvas.NewText(line, theme.Color(colorMuted))
		if lit {
			words.Color = theme.Color(theme.ColorNameForeground)
		}
		words.TextSize = labelSize
		r.put(words, sayX, sayY, h.width, h.say.lineHeight())
		sayY += h.say.lineHeight()
	}
}

// head names the step that begins.
func (r *sequenceRenderer) head(h sequenceShape, st arrowState, x, y float32) {
	if !h.beside {
		r.put(canvas.NewRectangle(theme.Color(theme.ColorNameBackground)), 0, y, h.width, stepHead)
	}
	words := canvas.NewText(st.words, theme.Color(theme.ColorNameForeground))
	words.TextSize, words.TextStyle.Bold = labelSize, true
	r.put(words, x, y, h.width, stepHead-2)
}

// tip draws the line with its tip.
func (r *sequenceRenderer) tip(h sequenceShape, a arrow, y float32, ink fyne.ThemeColorName, lit bool) {
	from, to := (float32(a.from)+0.5)*h.lane, (float32(a.to)+0.5)*h.lane
	back := float32(-arrowTip)
	if to < from {
		back = arrowTip
	}
	width := float32(1.2)
	if lit {
		width = 2.4
	}
	to += back / 3 // the tip ends at the life line, and does not cover it
	for _, l := range [][4]float32{{from, y, to, y}, {to, y, to + back, y - arrowTip*0.6}, {to, y, to + back, y + arrowTip*0.6}} {
		line := canvas.NewLine(theme.Color(ink))
		line.StrokeWidth = width
		line.Position1, line.Position2 = fyne.NewPos(l[0], l[1]), fyne.NewPos(l[2], l[3])
		r.objects = append(r.objects, line)
	}
	dot := canvas.NewCircle(theme.Color(ink))
	r.put(dot, from-3, y-3, 6, 6)
}

// label says above the line what passes, within its lanes where it fits.
func (r *sequenceRenderer) label(h sequenceShape, a arrow, says string, y float32, lit bool) {
	rule := ruler{sizeSmall, fyne.TextStyle{}}
	w := rule.width(says) + 6
	middle := (float32(a.from) + float32(a.to) + 1) / 2 * h.lane
	x := min(max(0, middle-w/2), h.lane*lanes-w)
	back := canvas.NewRectangle(theme.Color(theme.ColorNameBackground))
	r.put(back, x, y-5-rule.lineHeight(), w, rule.lineHeight())
	ink := colorMuted
	if lit {
		ink = theme.ColorNameForeground
	}
	words := canvas.NewText(says, theme.Color(ink))
	words.TextSize, words.Alignment = sizeSmall, fyne.TextAlignCenter
	r.put(words, x, y-5-rule.lineHeight(), w, rule.lineHeight())
}
