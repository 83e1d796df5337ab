package gui

import (
	"image"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
)

// settle says, when the page of to-dos has been drawn for the first time, that
// nothing stands in the way of work that can wait.
//
// The toolkit has no event for a frame. It asks an image for its pixels while
// it draws, though: what is queued then runs when the frame is done.
func (w *Window) settle(p page) {
	if _, shows := p.(*todosPage); !shows || w.o.Settled == nil {
		return
	}
	say := w.o.Settled
	w.o.Settled = nil
	var speck *fyne.Container
	drawn := func(int, int) image.Image {
		w.o.Do(func() {
			if speck != nil {
				w.holder.Remove(speck)
				speck = nil
				say()
			}
		})
		return image.NewNRGBA(image.Rect(0, 0, 1, 1))
	}
	pixel := canvas.NewRaster(drawn)
	pixel.Resize(fyne.NewSquareSize(1))
	speck = container.NewWithoutLayout(pixel)
	w.holder.Add(speck)
}
