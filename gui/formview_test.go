package gui

import (
	"image"
	"image/draw"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/test"

	"waybill/form"
)

// The mark of what is required stands behind the label, whichever way that runs.
func TestTheMarkOfWhatIsRequiredStandsBehindTheLabel(t *testing.T) {
	test.NewTempApp(t).Settings().SetTheme(newLook(AppearanceLight))
	for _, name := range []string{"owner", "העבר", "اسم", "اسم 2", "due اسم"} {
		label := labelOf(&form.Field{Name: name, Required: true}, "")
		at := fyne.MeasureText(name, sizeBody, fyne.TextStyle{}).Width
		if whole := fyne.MeasureText(label, sizeBody, fyne.TextStyle{}).Width; whole > at+fyne.MeasureText(" (required)", sizeBody, fyne.TextStyle{}).Width+1 {
			t.Errorf("%q: the isolating characters take room", name)
		}
		alone, marked := drawnText(name), drawnText(label)
		for x := range int(at) - 2 {
			if a, b := inkIn(alone, x), inkIn(marked, x); max(a-b, b-a) > 150 {
				t.Fatalf("%q: something else stands where the label was, %d from the left: ink of %d and not of %d", name, x, b, a)
			}
		}
	}
}

// inkIn is how much is drawn in a column of a picture. How high a text stands
// depends on which fonts are in it.
func inkIn(m *image.Gray, x int) (ink int) {
	for y := range m.Bounds().Dy() {
		ink += 255 - int(m.GrayAt(x, y).Y)
	}
	return ink
}

func drawnText(words string) *image.Gray {
	c := canvas.NewText(words, nil)
	c.TextSize = sizeBody
	w := test.NewWindow(c)
	defer w.Close()
	w.SetPadded(false)
	w.Resize(fyne.NewSize(300, 30))
	shot := w.Canvas().Capture()
	out := image.NewGray(shot.Bounds())
	draw.Draw(out, out.Bounds(), shot, image.Point{}, draw.Src)
	return out
}
