package gui

import (
	"image/color"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

// Appearance is the user's choice between light and dark.
type Appearance string

// The appearances. AppearanceSystem follows the desktop.
const (
	AppearanceSystem Appearance = "system"
	AppearanceLight  Appearance = "light"
	AppearanceDark   Appearance = "dark"
)

// The colours that Fyne has no name for.
const (
	colorSidebar      fyne.ThemeColorName = "waybill.sidebar"      // behind sidebar and status bar
	colorPane         fyne.ThemeColorName = "waybill.pane"         // behind the details
	colorCard         fyne.ThemeColorName = "waybill.card"         // behind cards and buttons
	colorMuted        fyne.ThemeColorName = "waybill.muted"        // labels, counts, dates
	colorNav          fyne.ThemeColorName = "waybill.nav"          // entries of the sidebar
	colorNavOn        fyne.ThemeColorName = "waybill.navOn"        // the chosen entry
	colorNavOnText    fyne.ThemeColorName = "waybill.navOnText"    // its text
	colorRowOn        fyne.ThemeColorName = "waybill.rowOn"        // the chosen row
	colorChip         fyne.ThemeColorName = "waybill.chip"         // behind tags
	colorChipText     fyne.ThemeColorName = "waybill.chipText"     // tags
	colorDone         fyne.ThemeColorName = "waybill.done"         // text of a completed to-do
	colorRing         fyne.ThemeColorName = "waybill.ring"         // the empty check mark
	colorOverdue      fyne.ThemeColorName = "waybill.overdue"      // text of a date that has passed
	colorHigh         fyne.ThemeColorName = "waybill.high"         // priority dots
	colorMedium       fyne.ThemeColorName = "waybill.medium"       //
	colorLow          fyne.ThemeColorName = "waybill.low"          //
	colorStatusText   fyne.ThemeColorName = "waybill.statusText"   // of the status bar
	colorNotice       fyne.ThemeColorName = "waybill.notice"       // behind notices
	colorNoticeBorder fyne.ThemeColorName = "waybill.noticeBorder" //
	colorNoticeText   fyne.ThemeColorName = "waybill.noticeText"   //
	colorFault        fyne.ThemeColorName = "waybill.fault"        // behind errors
	colorFaultBorder  fyne.ThemeColorName = "waybill.faultBorder"  //
	colorFaultText    fyne.ThemeColorName = "waybill.faultText"    //
	colorMark         fyne.ThemeColorName = "waybill.mark"         // behind what differs between two texts
	colorFocus        fyne.ThemeColorName = "waybill.focus"        // the ring around what has the focus
	colorRule         fyne.ThemeColorName = "waybill.rule"         // the fine line between rows
	colorFill         fyne.ThemeColorName = "waybill.fill"         // main buttons, the avatar
	colorFillHover    fyne.ThemeColorName = "waybill.fillHover"    // a main button under the pointer
)

// The text sizes. Fyne's own names carry body, caption and heading.
const (
	sizeBody    = 14
	sizeCaption = 12
	sizeSmall   = 11
	sizeTitle   = 17
	sizeHeading = 24
)

// look is the theme: the colours, sizes and radii of the design, in light and
// dark. Fonts and icons are Fyne's.
type look struct {
	fyne.Theme // what is not ours
	appearance Appearance
	light      map[fyne.ThemeColorName]color.Color
	dark       map[fyne.ThemeColorName]color.Color
	sizes      map[fyne.ThemeSizeName]float32
}

func newLook(a Appearance) *look {
	return &look{Theme: theme.DefaultTheme(), appearance: a, light: lightColors(), dark: darkColors(), sizes: sizes()}
}

// Color returns the colour of this name; the chosen appearance outweighs the
// desktop's.
func (l *look) Color(name fyne.ThemeColorName, variant fyne.ThemeVariant) color.Color {
	if l.isDark(variant) {
		if c, ok := l.dark[name]; ok {
			return c
		}
		return l.Theme.Color(name, theme.VariantDark)
	}
	if c, ok := l.light[name]; ok {
		return c
	}
	return l.Theme.Color(name, theme.VariantLight)
}

func (l *look) isDark(variant fyne.ThemeVariant) bool {
	switch l.appearance {
	case AppearanceDark:
		return true
	case AppearanceLight:
		return false
	default:
		return variant == theme.VariantDark
	}
}

// Size returns the size of this name.
func (l *look) Size(name fyne.ThemeSizeName) float32 {
	if s, ok := l.sizes[name]; ok {
		return s
	}
	return l.Theme.Size(name)
}

func sizes() map[fyne.ThemeSizeName]float32 {
	return map[fyne.ThemeSizeName]float32{
		theme.SizeNameText:            sizeBody,
		theme.SizeNameCaptionText:     sizeCaption,
		theme.SizeNameSubHeadingText:  sizeTitle,
		theme.SizeNameHeadingText:     sizeHeading,
		theme.SizeNameInnerPadding:    9,
		theme.SizeNameInputRadius:     8,
		theme.SizeNameButtonRadius:    8,
		theme.SizeNameCardRadius:      8,
		theme.SizeNameSelectionRadius: 6,
		theme.SizeNamePopupRadius:     12,
		theme.SizeNameDialogRadius:    12,
		theme.SizeNameMenuRadius:      8,
		theme.SizeNameScrollBar:       9,
		theme.SizeNameScrollBarRadius: 5,
		theme.SizeNameInlineIcon:      18,
		theme.SizeNameModalBlurRadius: 0, // the page behind a dialog stays readable
	}
}

func hex(rgb uint32) color.Color {
	return color.NRGBA{R: uint8(rgb >> 16), G: uint8(rgb >> 8), B: uint8(rgb), A: 0xff}
}

func hexA(rgb uint32, alpha float64) color.Color {
	c := hex(rgb).(color.NRGBA)
	c.A = uint8(math.Round(alpha * 255))
	return c
}

// lightColors are the design's, some of its greys a shade darker so that all
// text has a contrast of at least 4.5 to 1 (WCAG 2.1, 1.4.3).
func lightColors() map[fyne.ThemeColorName]color.Color {
	return map[fyne.ThemeColorName]color.Color{
		theme.ColorNameBackground:          hex(0xffffff),
		theme.ColorNameForeground:          hex(0x1b1f24),
		theme.ColorNamePrimary:             hex(0x3757d6),
		theme.ColorNameForegroundOnPrimary: hex(0xffffff),
		theme.ColorNameHyperlink:           hex(0x2340b0),
		theme.ColorNameButton:              hex(0xeef0f4),
		theme.ColorNameDisabled:            hex(0x9a9aaa),
		theme.ColorNameDisabledButton:      hex(0xf4f5f7),
		theme.ColorNameInputBackground:     hex(0xffffff),
		theme.ColorNameInputBorder:         hex(0xcdd2da),
		theme.ColorNamePlaceHolder:         hex(0x6f6f82),
		theme.ColorNameHover:               hexA(0x1b1f24, 0.05),
		theme.ColorNamePressed:             hexA(0x1b1f24, 0.10),
		theme.ColorNameFocus:               hex(0xdfe5fb),
		theme.ColorNameSelection:           hex(0xc9d4fb),
		theme.ColorNameSeparator:           hex(0xe1e4e8),
		theme.ColorNameShadow:              hexA(0x101828, 0.24),
		theme.ColorNameScrollBar:           hexA(0x1b1f24, 0.28),
		theme.ColorNameScrollBarBackground: hexA(0x1b1f24, 0),
		theme.ColorNameMenuBackground:      hex(0xffffff),
		theme.ColorNameOverlayBackground:   hex(0xffffff),
		theme.ColorNameHeaderBackground:    hex(0xf4f5f7),
		theme.ColorNameSuccess:             hex(0x2e9d62),
		theme.ColorNameWarning:             hex(0xe2a32b),
		theme.ColorNameError:               hex(0xc23b32),
		theme.ColorNameForegroundOnError:   hex(0xffffff),
		theme.ColorNameForegroundOnSuccess: hex(0xffffff),

		colorSidebar: hex(0xf4f5f7), colorPane: hex(0xfbfbfc), colorCard: hex(0xffffff),
		colorMuted: hex(0x686879), colorNav: hex(0x1b1f24),
		colorNavOn: hex(0xdfe5fb), colorNavOnText: hex(0x2340b0),
		colorRowOn: hex(0xf0f3fe), colorChip: hex(0xeef0f4), colorChipText: hex(0x555566),
		colorDone: hex(0x6c6c7c), colorRing: hex(0x9aa3b2), colorOverdue: hex(0xc23b32),
		colorHigh: hex(0xd9483b), colorMedium: hex(0xe2a32b), colorLow: hex(0xa9b2c0),
		colorStatusText: hex(0x555566), colorNotice: hex(0xfff7e6), colorNoticeBorder: hex(0xf1d79b), colorNoticeText: hex(0x7a5600),
		colorFault: hex(0xfdecea), colorFaultBorder: hex(0xf3c1bb), colorFaultText: hex(0x8f241c),
		colorMark: hex(0xfbe3a4), colorFocus: hexA(0x3757d6, 0.55), colorRule: hex(0xeef0f3), colorFill: hex(0x3757d6), colorFillHover: hex(0x2d49b8),
	}
}

func darkColors() map[fyne.ThemeColorName]color.Color {
	return map[fyne.ThemeColorName]color.Color{
		theme.ColorNameBackground:          hex(0x15181d),
		theme.ColorNameForeground:          hex(0xe3e7ee),
		theme.ColorNamePrimary:             hex(0x5b79f0),
		theme.ColorNameForegroundOnPrimary: hex(0xffffff),
		theme.ColorNameHyperlink:           hex(0x9fb2ff),
		theme.ColorNameButton:              hex(0x2a2f38),
		theme.ColorNameDisabled:            hex(0x5f6875),
		theme.ColorNameDisabledButton:      hex(0x1f242c),
		theme.ColorNameInputBackground:     hex(0x1b1f26),
		theme.ColorNameInputBorder:         hex(0x3a4150),
		theme.ColorNamePlaceHolder:         hex(0x8b94a3),
		theme.ColorNameHover:               hexA(0xe3e7ee, 0.06),
		theme.ColorNamePressed:             hexA(0xe3e7ee, 0.12),
		theme.ColorNameFocus:               hex(0x2a3767),
		theme.ColorNameSelection:           hex(0x33488c),
		theme.ColorNameSeparator:           hex(0x2a2f38),
		theme.ColorNameShadow:              hexA(0x000000, 0.55),
		theme.ColorNameScrollBar:           hexA(0xe3e7ee, 0.28),
		theme.ColorNameScrollBarBackground: hexA(0xe3e7ee, 0),
		theme.ColorNameMenuBackground:      hex(0x20252d),
		theme.ColorNameOverlayBackground:   hex(0x1b1f26),
		theme.ColorNameHeaderBackground:    hex(0x1b1f26),
		theme.ColorNameSuccess:             hex(0x4cc38a),
		theme.ColorNameWarning:             hex(0xe2a32b),
		theme.ColorNameError:               hex(0xf0857c),
		theme.ColorNameForegroundOnError:   hex(0x15181d),
		theme.ColorNameForegroundOnSuccess: hex(0x15181d),

		colorSidebar: hex(0x1b1f26), colorPane: hex(0x1b1f26), colorCard: hex(0x1b1f26),
		colorMuted: hex(0x8b94a3), colorNav: hex(0xc4cad4),
		colorNavOn: hex(0x2a3767), colorNavOnText: hex(0xc9d5ff),
		colorRowOn: hex(0x20283f), colorChip: hex(0x2a2f38), colorChipText: hex(0xb4bcc9),
		colorDone: hex(0x8690a0), colorRing: hex(0x6b7484), colorOverdue: hex(0xf0857c),
		colorHigh: hex(0xe5675b), colorMedium: hex(0xe2a32b), colorLow: hex(0x6b7484),
		colorStatusText: hex(0x9aa3b2), colorNotice: hex(0x2e2717), colorNoticeBorder: hex(0x5a4a1e), colorNoticeText: hex(0xf0cf85),
		colorFault: hex(0x331c1b), colorFaultBorder: hex(0x6b322d), colorFaultText: hex(0xf5b0a9),
		colorMark: hex(0x66531c), colorFocus: hexA(0x7f97f6, 0.65), colorRule: hex(0x22272f), colorFill: hex(0x4a66de), colorFillHover: hex(0x3f5ad0),
	}
}
