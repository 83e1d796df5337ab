package gui

import (
	"fmt"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"waybill/secret"
	"waybill/wording"
)

// How long a secret stays revealed, and on the clipboard (S104).
const (
	revealFor = 10 * time.Second
	copyFor   = 30 * time.Second
)

// secrets sees to it that what is secret is on screen and on the clipboard for
// a moment only, and one at a time.
type secrets struct {
	w       *Window
	shown   *secretRow // nil: nothing is revealed
	until   time.Time
	timer   *time.Timer
	copied  secret.Text // what this window put on the clipboard
	copying *secretRow
	clear   *time.Timer
}

// reveal shows the value of a row until its time is over, the page is left or
// the window loses the focus.
func (s *secrets) reveal(row *secretRow) {
	s.hide()
	s.shown, s.until = row, s.w.o.Now().Add(revealFor)
	row.open(s.left())
	s.again()
}

// again counts the seconds down.
func (s *secrets) again() {
	row := s.shown
	s.timer = time.AfterFunc(time.Second, func() {
		s.w.o.Do(func() {
			if s.shown != row {
				return
			}
			if s.left() <= 0 {
				s.hide()
				return
			}
			row.count(s.left())
			s.again()
		})
	})
}

func (s *secrets) left() time.Duration { return s.until.Sub(s.w.o.Now()) }

// hide takes what is revealed away.
func (s *secrets) hide() {
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	if row := s.shown; row != nil {
		s.shown = nil
		row.shut()
	}
}

// copy puts a value on the clipboard, and takes it from there again unless
// something else stands there by then.
func (s *secrets) copy(row *secretRow, value secret.Text) {
	s.uncopy()
	s.copied, s.copying = value, row
	s.w.copy(value.Reveal())
	row.copy.setWords("Copied for 30 seconds")
	row.changed()
	s.clear = time.AfterFunc(copyFor, func() { s.w.o.Do(s.uncopy) })
}

// uncopy clears the clipboard, if it still holds what was put there.
func (s *secrets) uncopy() {
	if s.clear != nil {
		s.clear.Stop()
		s.clear = nil
	}
	if s.copied.Empty() {
		return
	}
	if c := s.w.app.Clipboard(); s.copied.Equal(secret.New(c.Content())) {
		c.SetContent("")
	}
	if s.copying != nil {
		s.copying.copy.setWords("Copy")
		s.copying.changed()
	}
	s.copied, s.copying = secret.Text{}, nil
}

// close is for the end of the window.
func (s *secrets) close() {
	s.hide()
	s.uncopy()
}

// secretRow is a secret value: what it is called and how it can be told from
// another, with buttons that reveal and copy it.
type secretRow struct {
	box          *fyne.Container
	name         string
	value        secret.Text
	reveal, copy *button
	ledger       *ledger // shows the value
	holder       *panel
	changed      func()
}

// newSecretRow makes the row; remark says more of the value, and changed is told
// when the row is higher or lower.
func newSecretRow(s *secrets, name, remark string, value secret.Text, changed func()) *secretRow {
	r := &secretRow{name: name, value: value, ledger: newLedger("The value of " + name), changed: changed}
	r.reveal = smallButton(revealWords, buttonPlain, func() {
		if s.shown == r {
			s.hide()
			return
		}
		s.reveal(r)
	}).withIcon(theme.VisibilityIcon())
	r.reveal.label = revealWords + ": " + name
	r.copy = smallButton("Copy", buttonPlain, func() { s.copy(r, value) }).withIcon(theme.ContentCopyIcon())
	r.copy.label = "Copy: " + name
	r.holder = newPanel(r.ledger, panelStyle{fill: colorNotice, border: colorNoticeBorder, radius: 8, pad: even(10)})
	r.holder.Hide()
	words := column(1, newText(name, textStyle{size: labelSize, style: fyne.TextStyle{Monospace: true}, color: theme.ColorNameHyperlink, wrap: true}),
		newText(remark, textStyle{size: sizeCaption, color: colorMuted, wrap: true}))
	r.box = column(6, words)
	if value.Empty() {
		r.reveal.Hide()
		r.copy.Hide()
	} else {
		r.box.Add(buttonRow(r.reveal, r.copy))
	}
	r.box.Add(r.holder)
	return r
}

const revealWords = "Reveal for 10 seconds"

func (r *secretRow) open(left time.Duration) {
	r.ledger.set([]*entry{{cells: []cell{plainCell(clean(r.value.Reveal()), theme.ColorNameForeground, true)}}})
	r.holder.Show()
	r.count(left)
	r.changed()
}

func (r *secretRow) count(left time.Duration) {
	r.reveal.setWords(fmt.Sprintf("Hide (%d)", int((left+time.Second-1)/time.Second)))
}

func (r *secretRow) shut() {
	r.ledger.set(nil)
	r.holder.Hide()
	r.reveal.setWords(revealWords)
	r.reveal.label = revealWords + ": " + r.name
	r.changed()
}

// secretRemark tells a secret from others without showing it.
func secretRemark(value secret.Text, print string, length int) string {
	words := wording.Plural(length, "character", "characters")
	if print != "" {
		words = "fingerprint " + print + " · " + words
	}
	if value.Empty() {
		words += " · only the newest run keeps the value itself"
	}
	return words
}
