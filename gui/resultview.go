package gui

import (
	"context"
	"fmt"
	"image"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"waybill/explore"
	"waybill/fault"
	"waybill/wording"
)

// resultView is what a server answered: its text, in one ledger that can be
// searched, and below it what is no text. Nothing of it is decoded, fetched or
// opened unless it is asked for.
type resultView struct {
	p      *explorePage
	box    *fyne.Container
	pager  *textPager
	turn   int // counts what was shown: a layout that comes late belongs to an earlier one
	others *fyne.Container
	copies *button
	folds  *button // hidden where there is nothing to fold
}

func newResultView(p *explorePage, name string) *resultView {
	v := &resultView{p: p, others: column(12)}
	v.pager = newTextPager(p.w.ledgerIn(p.scroll, name), p.relayout)
	v.copies = smallButton("Copy as text", buttonPlain, nil).withIcon(theme.ContentCopyIcon())
	v.copies.onTap = func() { p.w.copy(plainOf(v.pager.entries)); v.copies.setWords("Copied") }
	v.folds = smallButton(foldWords, buttonPlain, func() { v.foldAll(v.folds.words == foldWords) })
	v.box = column(12)
	return v
}

const foldWords, unfoldWords = "Fold all", "Unfold all"

// foldAll shuts every object and array within the outermost ones, or opens all.
func (v *resultView) foldAll(shut bool) {
	foldAll(v.pager.entries, shut)
	v.pager.ledger.refold()
	if v.folds.setWords(foldWords); shut {
		v.folds.setWords(unfoldWords)
	}
}

// clear takes away what is shown.
func (v *resultView) clear() {
	v.turn++
	v.box.RemoveAll()
	v.box.Hide()
	v.others.RemoveAll()
}

// part is what is shown of an answer under one title.
type answerPart struct {
	title string
	says  string // a sentence under it; may be empty
	text  string // cleaned when it is laid out
	lines []*entry
}

// show lays these parts out, away from the UI goroutine, since they may be long.
// buttons stand above them.
func (v *resultView) show(parts []answerPart, others []explore.Part, buttons ...fyne.CanvasObject) {
	v.clear()
	v.box.Show()
	mine := v.turn
	v.copies.setWords("Copy as text")
	find := smallButton("Find", buttonPlain, v.p.finder.open).withIcon(theme.SearchIcon())
	visible(v.folds, false)
	bar := append([]fyne.CanvasObject{v.copies, find, v.folds}, buttons...)
	for _, b := range bar {
		if b, is := b.(*button); is {
			b.onFocus = v.p.follow(b)
		}
	}
	v.box.Add(buttonRow(bar...))
	v.box.Add(card(v.pager.box))
	v.box.Add(v.others)
	for i := range others {
		if c := v.other(&others[i]); c != nil {
			v.others.Add(c)
		}
	}
	visible(v.others, len(v.others.Objects) > 0)
	v.pager.set([]*entry{wordsEntry("Laying out…", colorMuted)})
	var entries []*entry
	v.p.w.tasks.start(func(context.Context) error {
		entries = entriesOf(parts)
		return nil
	}, func(error) {
		if v.turn == mine && !v.p.gone {
			visible(v.folds, foldAll(entries, false))
			v.folds.setWords(foldWords)
			v.pager.set(entries)
			v.p.finder.again()
			v.p.reveal(v.box)
		}
	})
}

// entriesOf are the lines of all parts.
func entriesOf(parts []answerPart) []*entry {
	var out []*entry
	for _, p := range parts {
		if p.title != "" {
			out = append(out, titleEntry(p.title))
		}
		if p.says != "" {
			out = append(out, wordsEntry(p.says, colorMuted))
		}
		out = append(out, p.lines...)
		out = append(out, short(bodyEntries(p.text))...)
	}
	return out
}

func plainOf(entries []*entry) string { return (&ledger{entries: entries}).plain() }

// partsOf are the parts that are text.
func partsOf(parts []explore.Part) []answerPart {
	var out []answerPart
	for i := range parts {
		p := &parts[i]
		if text := string(p.Text); p.Kind == explore.TextPart || p.Kind == explore.Embedded && (text != "" || len(p.Data) == 0) {
			out = append(out, answerPart{title: partTitle(p), text: text, says: emptyWords(text)})
		}
	}
	return out
}

func emptyWords(text string) string {
	if strings.TrimSpace(text) == "" {
		return "It is empty."
	}
	return ""
}

// partTitle says what a part is.
func partTitle(p *explore.Part) string {
	words := "Text"
	switch p.Kind {
	case explore.ImagePart:
		words = "Picture"
	case explore.AudioPart:
		words = "Sound"
	case explore.Link:
		words = "A resource"
	case explore.Embedded:
		words = "Embedded resource"
	case explore.Unknown:
		words = "Something that this app does not know"
	}
	if p.JSON != nil && p.Kind == explore.TextPart {
		words = "JSON"
	}
	for _, more := range []string{show(string(p.URI), 120), show(string(p.MIMEType), 60)} {
		if more != "" {
			words += " · " + more
		}
	}
	return words
}

// other is a part that is no text; nil for one that is.
func (v *resultView) other(p *explore.Part) fyne.CanvasObject {
	title := newText(partTitle(p), textStyle{style: fyne.TextStyle{Bold: true}, wrap: true})
	size := sizeWords(int64(len(p.Data)))
	switch {
	case p.Kind == explore.Link:
		return card(v.link(p, title))
	case p.Kind == explore.ImagePart, p.Kind == explore.Embedded && strings.HasPrefix(string(p.MIMEType), "image/") && len(p.Data) > 0:
		return card(v.picture(p, title, size))
	case p.Kind == explore.AudioPart:
		return card(column(6, title, blurb(capital(size)+". Waybill plays no sounds."), v.save(p)))
	case p.Kind == explore.Embedded && len(p.Data) > 0:
		return card(column(6, title, blurb(capital(size)+" that are no text."), v.save(p)))
	case p.Kind == explore.Unknown:
		return card(column(6, title, blurb("A newer version of MCP may have it. Nothing of it was used.")))
	}
	return nil
}

// save offers to write a part to a file.
func (v *resultView) save(p *explore.Part) fyne.CanvasObject {
	b := v.p.w.saveButton("Save to a file", string(p.URI), string(p.MIMEType), p.Data)
	b.onFocus = v.p.follow(b)
	return row(0, nil, b)
}

// link is a resource that the answer names. It is read only when it is asked
// for, and at this server alone.
func (v *resultView) link(p *explore.Part, title fyne.CanvasObject) fyne.CanvasObject {
	body := column(6, title)
	for _, words := range []string{show(string(p.Title), 120), show(string(p.Description), 400)} {
		if words != "" {
			body.Add(newText(words, textStyle{size: labelSize, wrap: true}))
		}
	}
	read := smallButton("Read it at this server", buttonPlain, func() {
		v.p.open(newResourceDetail(v.p, &explore.Resource{URI: p.URI, Name: p.Name, Title: p.Title, Description: p.Description, MIMEType: p.MIMEType, Size: p.Size}), true)
	})
	read.onFocus = v.p.follow(read)
	body.Add(row(0, nil, read))
	return body
}

// pictureHigh is how high a picture is shown at most.
const pictureHigh = 420

// picture shows a picture once it is asked for.
func (v *resultView) picture(p *explore.Part, title fyne.CanvasObject, size string) fyne.CanvasObject {
	holder := column(8)
	var open *button
	open = smallButton("Show the picture", buttonPlain, func() {
		open.Disable()
		var decoded image.Image
		v.p.w.tasks.start(func(context.Context) (err error) { decoded, err = p.Picture(); return err }, func(err error) {
			if v.p.gone {
				return
			}
			if err != nil {
				holder.Objects = []fyne.CanvasObject{noticeCard(fault.As(err).Error())}
			} else {
				b := decoded.Bounds()
				shown := canvas.NewImageFromImage(decoded)
				shown.FillMode, shown.ScaleMode = canvas.ImageFillContain, canvas.ImageScaleSmooth
				holder.Objects = []fyne.CanvasObject{container.New(&fixedHeightLayout{min(pictureHigh, max(24, float32(b.Dy())))}, shown),
					blurb(fmt.Sprintf("%d × %s", b.Dx(), wording.Plural(b.Dy(), "pixel", "pixels")))}
			}
			visible(open, false)
			v.p.relayout()
		})
	})
	open.onFocus = v.p.follow(open)
	return column(8, title, blurb(capital(size)+"."), buttonRow(open, v.save(p)), holder)
}
