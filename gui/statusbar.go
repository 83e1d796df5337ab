package gui

import (
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"

	"waybill/auth"
	"waybill/connection"
	"waybill/replica"
	"waybill/session"
)

// statusBar is the line at the bottom: the status sentence, which opens the
// outbox when it is pressed; how long the access token lasts and for what; the
// kind of resource and the connection.
type statusBar struct {
	box           *fyne.Container
	sentence      *statusSentence
	token, scopes *text
	where         *text
}

func newStatusBar(onStatus func(), t *tip) *statusBar {
	caption := textStyle{color: colorStatusText, size: sizeCaption, full: true}
	s := &statusBar{sentence: newStatusSentence(onStatus, t), token: newText("", caption), scopes: newText("", caption), where: newText("", caption)}
	bar := stack(newPanel(nil, panelStyle{fill: colorSidebar}))
	bar.Add(container.New(statusLayout{s}, s.sentence, s.token, s.scopes, s.where))
	s.box = bar
	return s
}

func (s *statusBar) showStatus(st replica.Status, now time.Time) {
	last := "Never synced yet."
	if !st.LastSync.IsZero() {
		last = "Last synced " + exactTime(st.LastSync, now) + "."
	}
	s.sentence.more = last + " Opens the outbox."
	s.sentence.show(st.Sentence, st.Kind)
	s.relayout()
}

func (s *statusBar) showState(state *session.State, now time.Time) {
	token, scopes, where := "", "", ""
	if state.Token.Have {
		token = "Access token: " + tokenLeft(state.Token, now)
		scopes = show(strings.Join(state.Token.Granted, " "), 120)
	}
	if state.Account != nil {
		c := state.Account.Connection
		where = kindWords(c.Resource.Kind) + " · " + show(c.DisplayTitle(), 60)
	}
	s.token.set(token)
	s.scopes.set(scopes)
	s.where.set(where)
	s.relayout()
}

func (s *statusBar) relayout() {
	for _, o := range s.box.Objects {
		if c, ok := o.(*fyne.Container); ok {
			c.Refresh()
		}
	}
}

func tokenLeft(t auth.TokenStatus, now time.Time) string {
	d := t.Expires.Sub(now)
	if d <= 0 {
		return "renewed when it is needed"
	}
	return left(d) + " left"
}

func kindWords(k connection.ResourceKind) string {
	if k == connection.MCP {
		return "MCP"
	}
	return "REST"
}

// statusLayout lets what matters least go first where there is little room.
type statusLayout struct{ s *statusBar }

func (l statusLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(200, statusHeight) }

func (l statusLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	const between = 18
	s := l.s
	room := size.Width - 14 - 4
	sentence := min(s.sentence.MinSize().Width, room)
	place(s.sentence, 4, 2, sentence, size.Height-4)
	x, rest := 4+sentence, room-sentence
	// In the order of their worth, each is shown where it still fits.
	show := map[*text]bool{}
	for _, t := range []*text{s.where, s.token, s.scopes} {
		w := t.MinSize().Width + between
		if t.content != "" && rest >= w {
			show[t], rest = true, rest-w
		}
	}
	for _, t := range []*text{s.token, s.scopes} {
		visible(t, show[t])
		if show[t] {
			w := t.MinSize()
			place(t, x+between-8, (size.Height-w.Height)/2, w.Width, w.Height)
			x += between + w.Width
		}
	}
	visible(s.where, show[s.where])
	w := s.where.MinSize()
	place(s.where, size.Width-14-w.Width, (size.Height-w.Height)/2, w.Width, w.Height)
}

// statusSentence is the sentence with its dot.
type statusSentence struct {
	press
	words string
	kind  replica.StatusKind
	more  string // what its tip says
	tip   *tip
}

func newStatusSentence(onTap func(), t *tip) *statusSentence {
	s := &statusSentence{tip: t}
	s.extend(s, "", onTap)
	return s
}

// MouseIn shows where a press leads, and the whole sentence where it is cut.
func (s *statusSentence) MouseIn(e *desktop.MouseEvent) {
	s.press.MouseIn(e)
	words := s.more
	if s.MinSize().Width > s.Size().Width {
		words = s.words + "\n" + words
	}
	s.tip.over(s, words, e.AbsolutePosition)
}

// MouseOut takes that away.
func (s *statusSentence) MouseOut() {
	s.press.MouseOut()
	s.tip.away(s)
}

// AccessibilityLabel is the sentence, and where a press leads.
func (s *statusSentence) AccessibilityLabel() string { return s.words + ". " + s.more }

func (s *statusSentence) show(words string, kind replica.StatusKind) {
	if s.words != words || s.kind != kind {
		s.words, s.kind = words, kind
		s.Refresh()
	}
}

func (s *statusSentence) CreateRenderer() fyne.WidgetRenderer {
	r := &sentenceRenderer{sentence: s, back: canvas.NewRectangle(nil), dot: canvas.NewCircle(nil), words: canvas.NewText("", nil)}
	r.back.CornerRadius, r.words.TextSize = 5, sizeCaption
	r.paint()
	return r
}

type sentenceRenderer struct {
	sentence *statusSentence
	back     *canvas.Rectangle
	dot      *canvas.Circle
	words    *canvas.Text
}

func (r *sentenceRenderer) Destroy() {}

func (r *sentenceRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.back, r.dot, r.words}
}

func (r *sentenceRenderer) MinSize() fyne.Size {
	return fyne.NewSize(24+ruler{sizeCaption, fyne.TextStyle{}}.width(r.sentence.words)+8, 24)
}

func (r *sentenceRenderer) Layout(size fyne.Size) {
	r.back.Resize(size)
	r.dot.Move(fyne.NewPos(10, size.Height/2-4))
	r.dot.Resize(fyne.NewSquareSize(8))
	r.words.Text = ruler{sizeCaption, fyne.TextStyle{}}.cut(r.sentence.words, size.Width-32)
	w := r.words.MinSize()
	r.words.Move(fyne.NewPos(24, (size.Height-w.Height)/2))
	r.words.Resize(w)
}

func (r *sentenceRenderer) Refresh() {
	r.paint()
	r.Layout(r.sentence.Size())
	canvas.Refresh(r.sentence)
}

func (r *sentenceRenderer) paint() {
	s := r.sentence
	paint(r.back, "", "")
	if s.hovered {
		r.back.FillColor = theme.Color(theme.ColorNameHover)
	}
	if s.focused {
		r.back.StrokeColor, r.back.StrokeWidth = theme.Color(colorFocus), 2
	}
	r.dot.FillColor = theme.Color(statusColor(s.kind))
	r.words.Color = theme.Color(colorStatusText)
}

func statusColor(k replica.StatusKind) fyne.ThemeColorName {
	switch k {
	case replica.OK:
		return theme.ColorNameSuccess
	case replica.Busy:
		return theme.ColorNamePrimary
	case replica.Attention, replica.SignIn:
		return theme.ColorNameWarning
	default:
		return colorRing
	}
}
