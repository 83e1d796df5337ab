// Command icon draws Waybill's icon: a consignment tag with a check mark.
//
// Invariant: the picture is made by this program alone, from the shapes below.
// A test compares Icon.png with it; after a change run it again from the root of
// the module:
//
//	go run ./internal/icon
package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
)

// side is the width and height of the picture in pixels.
const side = 512

func main() {
	if err := run("Icon.png"); err != nil {
		fmt.Fprintln(os.Stderr, "icon:", err)
		os.Exit(1)
	}
}

func run(file string) error {
	data, err := encode(draw(side))
	if err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o644)
}

func encode(img image.Image) ([]byte, error) {
	var out bytes.Buffer
	err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, img)
	return out.Bytes(), err
}

// The colours: the blue of the window, paper, and the green of what is done.
var (
	blue  = color.NRGBA{0x37, 0x57, 0xd6, 0xff}
	paper = color.NRGBA{0xff, 0xff, 0xff, 0xff}
	green = color.NRGBA{0x2e, 0x9d, 0x62, 0xff}
)

// point is a place in the picture, which is one unit wide and high.
type point struct{ x, y float64 }

// draw paints the picture at n by n pixels. Each shape is a signed distance,
// which gives edges that are smooth at every size.
func draw(n int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, n, n))
	edge := 1 / float64(n) // one pixel
	for y := range n {
		for x := range n {
			p := point{(float64(x) + 0.5) * edge, (float64(y) + 0.5) * edge}
			c := color.NRGBA{blue.R, blue.G, blue.B, 0}
			c = over(c, blue, cover(roundedBox(p, point{0.5, 0.5}, 0.47, 0.47, 0.215), edge))
			c = over(c, paper, cover(tag(p), edge))
			c = over(c, green, cover(check(p), edge))
			img.SetNRGBA(x, y, c)
		}
	}
	return img
}

// cover is how much of a pixel a shape covers whose edge is this far away.
func cover(distance, pixel float64) float64 { return min(1, max(0, 0.5-distance/pixel)) }

// over paints c over what is there.
func over(under, c color.NRGBA, part float64) color.NRGBA {
	if part == 0 {
		return under
	}
	alpha := float64(under.A) / 255
	out := part + alpha*(1-part)
	mix := func(a, b uint8) uint8 {
		return uint8(math.Round((float64(b)*part + float64(a)*alpha*(1-part)) / out))
	}
	return color.NRGBA{mix(under.R, c.R), mix(under.G, c.G), mix(under.B, c.B), uint8(math.Round(out * 255))}
}

// tag is a label of paper: two corners cut off at the top, and a hole.
func tag(p point) float64 {
	body := roundedBox(p, point{0.5, 0.505}, 0.275, 0.365, 0.055)
	left := ((0.225+0.17-p.x)+(0.14-p.y))/math.Sqrt2 + 0.002
	right := ((p.x-0.775+0.17)+(0.14-p.y))/math.Sqrt2 + 0.002
	hole := 0.058 - math.Hypot(p.x-0.5, p.y-0.272)
	return max(body, left, right, hole)
}

// check is a check mark with round ends.
func check(p point) float64 {
	a, b, c := point{0.355, 0.605}, point{0.462, 0.712}, point{0.652, 0.482}
	return min(segment(p, a, b), segment(p, b, c)) - 0.047
}

// roundedBox is the distance to a box around a middle, negative inside.
func roundedBox(p, middle point, halfWidth, halfHeight, radius float64) float64 {
	x := math.Abs(p.x-middle.x) - halfWidth + radius
	y := math.Abs(p.y-middle.y) - halfHeight + radius
	return math.Hypot(max(x, 0), max(y, 0)) + min(max(x, y), 0) - radius
}

// segment is the distance to a line between two points.
func segment(p, a, b point) float64 {
	dx, dy := b.x-a.x, b.y-a.y
	t := ((p.x-a.x)*dx + (p.y-a.y)*dy) / (dx*dx + dy*dy)
	t = min(1, max(0, t))
	return math.Hypot(p.x-a.x-t*dx, p.y-a.y-t*dy)
}
