package gui

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
)

// flowing is an object whose height follows from its width.
type flowing interface{ heightFor(width float32) float32 }

// flowingLayout is a layout that can tell the height its objects take.
type flowingLayout interface {
	heightFor(objects []fyne.CanvasObject, width float32) float32
}

// shrinking is an object that takes the width that it would like to have where
// there is so much, and what there is elsewhere.
type shrinking interface {
	flowing
	likes() (width float32)
}

// rounding is what sums of widths may be off by: text that fits exactly stays in
// its line.
const rounding = 0.1

// sizeWithin is the size that o takes where there is this width.
func sizeWithin(o fyne.CanvasObject, width float32) fyne.Size {
	least := o.MinSize()
	if s, ok := o.(shrinking); ok {
		w := max(least.Width, min(s.likes(), width))
		return fyne.NewSize(w, s.heightFor(w))
	}
	return least
}

// heightFor is the height that o takes at this width. Wrapped text is asked
// beforehand, so that a page is right at its first layout.
func heightFor(o fyne.CanvasObject, width float32) float32 {
	switch o := o.(type) {
	case flowing:
		return o.heightFor(width)
	case *fyne.Container:
		if l, ok := o.Layout.(flowingLayout); ok {
			return l.heightFor(o.Objects, width)
		}
	}
	return o.MinSize().Height
}

// column puts objects below each other, as wide as itself.
func column(gap float32, objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(&columnLayout{gap: gap}, objects...)
}

type columnLayout struct {
	gap   float32
	width float32 // of the last layout
}

func (l *columnLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	l.width = size.Width
	y := float32(0)
	for _, o := range objects {
		if !o.Visible() {
			continue
		}
		h := heightFor(o, size.Width)
		o.Move(fyne.NewPos(0, y))
		o.Resize(fyne.NewSize(size.Width, h))
		y += h + l.gap
	}
}

func (l *columnLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	width := float32(0)
	for _, o := range objects {
		if o.Visible() {
			width = max(width, o.MinSize().Width)
		}
	}
	return fyne.NewSize(width, l.heightFor(objects, max(width, l.width)))
}

func (l *columnLayout) heightFor(objects []fyne.CanvasObject, width float32) float32 {
	height, gap := float32(0), float32(0)
	for _, o := range objects {
		if o.Visible() {
			height += gap + heightFor(o, width)
			gap = l.gap
		}
	}
	return height
}

// insets are the distances of an object from the sides of what holds it.
type insets struct{ top, right, bottom, left float32 }

func even(d float32) insets { return insets{d, d, d, d} }

// inset keeps o away from the sides.
func inset(in insets, o fyne.CanvasObject) *fyne.Container {
	return container.New(&insetLayout{in}, o)
}

type insetLayout struct{ insets }

func (l *insetLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	for _, o := range objects {
		o.Move(fyne.NewPos(l.left, l.top))
		o.Resize(fyne.NewSize(size.Width-l.left-l.right, size.Height-l.top-l.bottom))
	}
}

func (l *insetLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var least fyne.Size
	for _, o := range objects {
		least = least.Max(o.MinSize())
	}
	return least.AddWidthHeight(l.left+l.right, l.top+l.bottom)
}

func (l *insetLayout) heightFor(objects []fyne.CanvasObject, width float32) float32 {
	height := float32(0)
	for _, o := range objects {
		height = max(height, heightFor(o, width-l.left-l.right))
	}
	return height + l.top + l.bottom
}

// stack puts objects on top of each other.
func stack(objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(&insetLayout{}, objects...)
}

// row puts objects beside each other, each as high as itself needs and in the
// middle. The object that is grow takes what is left of the width; it may be
// nil.
func row(gap float32, grow fyne.CanvasObject, objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(&rowLayout{gap: gap, grow: grow}, objects...)
}

type rowLayout struct {
	gap  float32
	grow fyne.CanvasObject
}

func (l *rowLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	left := size.Width - l.MinSize(objects).Width
	x := float32(0)
	for _, o := range objects {
		if !o.Visible() {
			continue
		}
		least := o.MinSize()
		if o == l.grow {
			least.Width = max(0, least.Width+left)
		}
		if o == l.grow && least.Height < size.Height {
			if f, ok := o.(flowing); ok {
				least.Height = min(size.Height, f.heightFor(least.Width))
			}
		}
		o.Move(fyne.NewPos(x, (size.Height-least.Height)/2))
		o.Resize(least)
		x += least.Width + l.gap
	}
}

func (l *rowLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var least fyne.Size
	gap := float32(0)
	for _, o := range objects {
		if o.Visible() {
			m := o.MinSize()
			least.Width += gap + m.Width
			least.Height = max(least.Height, m.Height)
			gap = l.gap
		}
	}
	return least
}

func (l *rowLayout) heightFor(objects []fyne.CanvasObject, width float32) float32 {
	least := l.MinSize(objects)
	if l.grow != nil && l.grow.Visible() {
		rest := width - least.Width + l.grow.MinSize().Width
		least.Height = max(least.Height, heightFor(l.grow, rest))
	}
	return least.Height
}

// centred puts o in the middle of what holds it, at most width wide.
func centred(width float32, o fyne.CanvasObject) *fyne.Container {
	return container.New(&centredLayout{width}, o)
}

type centredLayout struct{ width float32 }

func (l *centredLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	w := min(l.width, size.Width)
	for _, o := range objects {
		h := min(heightFor(o, w), size.Height)
		o.Move(fyne.NewPos((size.Width-w)/2, max(0, (size.Height-h)/2.4))) // a little above the middle, as the eye expects
		o.Resize(fyne.NewSize(w, h))
	}
}

func (l *centredLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var least fyne.Size
	for _, o := range objects {
		least = least.Max(o.MinSize())
	}
	return least
}

func (l *centredLayout) heightFor(objects []fyne.CanvasObject, width float32) float32 {
	height := float32(0)
	for _, o := range objects {
		height = max(height, heightFor(o, min(l.width, width)))
	}
	return height
}

// gap is empty space of this size.
func gap(width, height float32) fyne.CanvasObject {
	r := canvas.NewRectangle(color.Transparent)
	r.SetMinSize(fyne.NewSize(width, height))
	return r
}

// fixedHeightLayout gives what it holds this height and no width of its own.
type fixedHeightLayout struct{ height float32 }

func (l *fixedHeightLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	for _, o := range objects {
		o.Move(fyne.Position{})
		o.Resize(size)
	}
}

func (l *fixedHeightLayout) MinSize([]fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(1, l.height)
}

// buttonRow puts buttons beside each other and into further lines where there
// is no room.
func buttonRow(buttons ...fyne.CanvasObject) *fyne.Container {
	return container.New(&wrapLayout{gap: 6}, buttons...)
}

type wrapLayout struct {
	gap   float32
	right bool    // lines end at the right
	width float32 // of the last layout
}

// flow places the objects, or only tells the height if place is nil. Where one
// line does not hold them all, the lines are about as long as each other: a last
// one with a single button looks forgotten.
func (l *wrapLayout) flow(objects []fyne.CanvasObject, width float32, place func(fyne.CanvasObject, fyne.Position, fyne.Size)) float32 {
	var shown []fyne.CanvasObject
	for _, o := range objects {
		if o.Visible() {
			shown = append(shown, o)
		}
	}
	lines := l.lines(shown, width, len(shown))
	if n := len(lines); n > 1 {
		if even := l.lines(shown, width, (len(shown)+n-1)/n); len(even) == n {
			lines = even
		}
	}
	y := float32(0)
	for i, line := range lines {
		long, high := l.measure(line, width)
		x := float32(0)
		if l.right {
			x = max(0, width-long)
		}
		if i > 0 {
			y += l.gap
		}
		for _, o := range line {
			m := sizeWithin(o, width)
			if place != nil {
				place(o, fyne.NewPos(x, y+(high-m.Height)/2), m)
			}
			x += m.Width + l.gap
		}
		y += high
	}
	return y
}

// lines breaks the objects into lines that fit and hold at most most of them.
func (l *wrapLayout) lines(objects []fyne.CanvasObject, width float32, most int) (lines [][]fyne.CanvasObject) {
	for _, o := range objects {
		if n := len(lines) - 1; n >= 0 && len(lines[n]) < most {
			if long, _ := l.measure(append(lines[n], o), width); long <= width {
				lines[n] = append(lines[n], o)
				continue
			}
		}
		lines = append(lines, []fyne.CanvasObject{o})
	}
	return lines
}

// measure is how long and how high a line is.
func (l *wrapLayout) measure(line []fyne.CanvasObject, width float32) (long, high float32) {
	for _, o := range line {
		m := sizeWithin(o, width)
		long, high = long+m.Width+l.gap, max(high, m.Height)
	}
	return long - l.gap, high
}

func (l *wrapLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	l.width = size.Width
	l.flow(objects, size.Width, func(o fyne.CanvasObject, at fyne.Position, s fyne.Size) {
		o.Move(at)
		o.Resize(s)
	})
}

func (l *wrapLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	width := float32(0)
	for _, o := range objects {
		width = max(width, o.MinSize().Width)
	}
	return fyne.NewSize(width, l.flow(objects, max(width, l.width), nil))
}

func (l *wrapLayout) heightFor(objects []fyne.CanvasObject, width float32) float32 {
	return l.flow(objects, width, nil)
}

// pair is a label with its value beside it.
func pair(label string, value fyne.CanvasObject) *fyne.Container {
	name := newText(label, textStyle{color: colorMuted, size: labelSize, full: true})
	return container.New(pairLayout{}, name, value)
}

// pairLayout keeps the label beside the first line of the value.
type pairLayout struct{}

func (l pairLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	place(objects[0], 0, 0, labelWidth, min(valueHeight, size.Height))
	h := heightFor(objects[1], size.Width-labelWidth)
	y := max(0, (valueHeight-h)/2)
	place(objects[1], labelWidth, y, size.Width-labelWidth, h)
}

func (l pairLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	m := objects[1].MinSize()
	return fyne.NewSize(labelWidth+m.Width, max(valueHeight, m.Height))
}

func (l pairLayout) heightFor(objects []fyne.CanvasObject, width float32) float32 {
	return max(valueHeight, heightFor(objects[1], width-labelWidth))
}

// underLayout puts the first object at the top, as high as it needs, and the
// second one below it in what is left.
type underLayout struct{}

func (underLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	h := heightFor(objects[0], size.Width)
	place(objects[0], 0, 0, size.Width, h)
	place(objects[1], 0, h, size.Width, max(0, size.Height-h))
}

func (underLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	a, b := objects[0].MinSize(), objects[1].MinSize()
	return fyne.NewSize(b.Width, a.Height+b.Height)
}

// downTo is how far below the top of a container o begins. The toolkit itself does
// not know where something is before it was drawn.
func downTo(in, o fyne.CanvasObject) (y float32, there bool) {
	if in == o {
		return 0, true
	}
	var children []fyne.CanvasObject
	switch in := in.(type) {
	case *fyne.Container:
		children = in.Objects
	case *panel:
		if in.content != nil {
			children = []fyne.CanvasObject{in.content}
		}
	}
	for _, child := range children {
		if y, there := downTo(child, o); there {
			return y + child.Position().Y, true
		}
	}
	return 0, false
}

// bringIntoSight scrolls so that o can be seen.
func bringIntoSight(scroll *container.Scroll, o fyne.CanvasObject) {
	const margin = 16
	d := fyne.CurrentApp().Driver()
	top := d.AbsolutePositionForObject(o).Y - d.AbsolutePositionForObject(scroll).Y
	bottom := top + o.Size().Height
	switch {
	case top < margin:
		scroll.ScrollToOffset(fyne.NewPos(0, max(0, scroll.Offset.Y+top-margin)))
	case bottom > scroll.Size().Height-margin:
		scroll.ScrollToOffset(fyne.NewPos(0, scroll.Offset.Y+bottom+margin-scroll.Size().Height))
	}
}
