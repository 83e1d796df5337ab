package main

import (
	"bytes"
	"image/color"
	"image/png"
	"os"
	"testing"
)

func TestTheCommittedIconIsWhatTheProgramDraws(t *testing.T) {
	data, err := os.ReadFile("../../Icon.png")
	if err != nil {
		t.Fatal(err)
	}
	committed, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	drawn := draw(side)
	if committed.Bounds() != drawn.Bounds() {
		t.Fatalf("Icon.png is %v, the program draws %v", committed.Bounds(), drawn.Bounds())
	}
	for y := range side {
		for x := range side {
			want, got := color.NRGBAModel.Convert(drawn.At(x, y)).(color.NRGBA), color.NRGBAModel.Convert(committed.At(x, y)).(color.NRGBA)
			if far(want.R, got.R) || far(want.G, got.G) || far(want.B, got.B) || far(want.A, got.A) {
				t.Fatalf("pixel %d,%d is %v, the program draws %v: run go run ./internal/icon", x, y, got, want)
			}
		}
	}
}

// far allows for processors that round a product and a sum at once.
func far(a, b uint8) bool { return max(a, b)-min(a, b) > 1 }

func TestTheIconIsClearAtSixteenPixels(t *testing.T) {
	small := draw(16)
	if c := small.NRGBAAt(0, 0); c.A > 60 {
		t.Errorf("the corner is not see-through: %v", c)
	}
	if c := small.NRGBAAt(2, 8); c.B < 0xb0 || c.R > 0x60 {
		t.Errorf("the ground beside the tag is not blue: %v", c)
	}
	if c := small.NRGBAAt(5, 6); c.R < 0xe0 || c.G < 0xe0 {
		t.Errorf("the tag is not paper: %v", c)
	}
	if c := small.NRGBAAt(7, 11); c.G < c.R+0x20 {
		t.Errorf("the check mark is not green: %v", c)
	}
}
