package gui

import (
	"image/color"
	"math"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"
)

// luminance and contrast as WCAG 2.1 defines them.
func luminance(c color.Color) float64 {
	r, g, b, _ := c.RGBA()
	lin := func(v uint32) float64 {
		x := float64(v) / 0xffff
		if x <= 0.03928 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	return 0.2126*lin(r) + 0.7152*lin(g) + 0.0722*lin(b)
}

func contrast(a, b color.Color) float64 {
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func TestAllTextHasEnoughContrast(t *testing.T) {
	test.NewTempApp(t)
	pairs := map[fyne.ThemeColorName][]fyne.ThemeColorName{
		theme.ColorNameForeground:          {theme.ColorNameBackground, colorPane, colorCard, colorSidebar, colorRowOn, theme.ColorNameOverlayBackground},
		colorMuted:                         {theme.ColorNameBackground, colorPane, colorCard, colorSidebar, colorRowOn, theme.ColorNameOverlayBackground},
		colorDone:                          {theme.ColorNameBackground, colorRowOn},
		colorOverdue:                       {theme.ColorNameBackground, colorRowOn, colorPane},
		colorNav:                           {colorSidebar},
		colorNavOnText:                     {colorNavOn},
		colorChipText:                      {colorChip},
		colorStatusText:                    {colorSidebar},
		colorNoticeText:                    {colorNotice},
		colorFaultText:                     {colorFault},
		theme.ColorNameForegroundOnPrimary: {colorFill, colorFillHover},
		theme.ColorNamePlaceHolder:         {theme.ColorNameInputBackground},
		theme.ColorNameHyperlink:           {theme.ColorNameBackground, theme.ColorNameOverlayBackground, colorSidebar},
		theme.ColorNameError:               {colorCard, theme.ColorNameOverlayBackground},
	}
	for _, a := range []Appearance{AppearanceLight, AppearanceDark} {
		l := newLook(a)
		for ink, grounds := range pairs {
			for _, ground := range grounds {
				if got := contrast(l.Color(ink, 0), l.Color(ground, 0)); got < 4.5 {
					t.Errorf("%s: %s on %s has a contrast of %.2f", a, ink, ground, got)
				}
			}
		}
	}
}

func TestEveryColourExistsInBothVariants(t *testing.T) {
	test.NewTempApp(t)
	l := newLook(AppearanceSystem)
	for name := range l.light {
		if _, ok := l.dark[name]; !ok {
			t.Errorf("%s has no dark colour", name)
		}
	}
	if len(l.light) != len(l.dark) {
		t.Errorf("%d light colours, %d dark ones", len(l.light), len(l.dark))
	}
}

func TestTheAppearanceOutweighsTheDesktop(t *testing.T) {
	test.NewTempApp(t)
	for a, want := range map[Appearance][2]bool{AppearanceSystem: {false, true}, AppearanceLight: {false, false}, AppearanceDark: {true, true}} {
		l := newLook(a)
		if got := [2]bool{l.isDark(theme.VariantLight), l.isDark(theme.VariantDark)}; got != want {
			t.Errorf("%s is dark on a light and a dark desktop: %v", a, got)
		}
	}
}
