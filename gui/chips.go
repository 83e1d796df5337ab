package gui

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// chipFlow shows tags, in as many lines as they need.
type chipFlow struct {
	widget.BaseWidget
	tags []string
	none string // shown where there are none
}

func newChipFlow(none string) *chipFlow {
	f := &chipFlow{none: none}
	f.ExtendBaseWidget(f)
	return f
}

func (f *chipFlow) show(tags []string) {
	f.tags = tags
	f.Refresh()
}

// AccessibilityLabel is what the tags say.
func (f *chipFlow) AccessibilityLabel() string { return or(strings.Join(f.tags, ", "), f.none) }

// AccessibilityRole is that of text.
func (f *chipFlow) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleText }

const chipLine = valueHeight

// lay tells where each tag goes; it returns the number of lines.
func (f *chipFlow) lay(width float32, each func(words string, x, middle, width float32)) int {
	rule := ruler{sizeCaption, fyne.TextStyle{}}
	x, lines := float32(0), 1
	for _, tag := range f.tags {
		words := rule.cut(tag, max(40, width-2*chipPad))
		w := rule.width(words) + 2*chipPad
		if x > 0 && x+w > width {
			x, lines = 0, lines+1
		}
		each(words, x, float32(lines)*chipLine-chipLine/2, w)
		x += w + chipGap
	}
	return lines
}

func (f *chipFlow) heightFor(width float32) float32 {
	return chipLine * float32(f.lay(width, func(string, float32, float32, float32) {}))
}

func (f *chipFlow) CreateRenderer() fyne.WidgetRenderer {
	r := &chipFlowRenderer{flow: f, none: canvas.NewText("", nil)}
	r.none.TextSize = sizeBody - 1
	return r
}

type chipFlowRenderer struct {
	flow    *chipFlow
	none    *canvas.Text
	objects []fyne.CanvasObject
}

func (r *chipFlowRenderer) Destroy()                     {}
func (r *chipFlowRenderer) Objects() []fyne.CanvasObject { return r.objects }

func (r *chipFlowRenderer) MinSize() fyne.Size {
	return fyne.NewSize(60, r.flow.heightFor(max(60, r.flow.Size().Width)))
}

func (r *chipFlowRenderer) Layout(size fyne.Size) {
	r.objects = nil
	if len(r.flow.tags) == 0 {
		r.none.Text, r.none.Color = r.flow.none, theme.Color(theme.ColorNameForeground)
		h := r.none.MinSize().Height
		place(r.none, 0, (chipLine-h)/2, size.Width, h)
		r.objects = []fyne.CanvasObject{r.none}
		return
	}
	r.flow.lay(size.Width, func(words string, x, middle, width float32) {
		c := newChip()
		c.place(words, x, middle, width)
		r.objects = append(r.objects, c.back, c.words)
	})
}

func (r *chipFlowRenderer) Refresh() {
	r.Layout(r.flow.Size())
	canvas.Refresh(r.flow)
}
