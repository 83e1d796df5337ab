package gui

import (
	"context"
	"fmt"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"waybill/explore"
	"waybill/fault"
)

// This file holds the calls that were made, and the favourites.

// fetchHistory reads what is kept, and shows it.
func (p *explorePage) fetchHistory() {
	account := p.account
	var history *explore.History
	p.w.tasks.start(func(ctx context.Context) (err error) {
		history, err = p.w.backend.History(ctx)
		return err
	}, func(err error) {
		switch {
		case p.gone || !sameAccount(p.account, account):
		case err != nil:
			p.w.report(err)
		default:
			p.history = history
			p.showList()
		}
	})
}

// changeHistory changes what is kept, and shows it; done hears of a failure.
func (p *explorePage) changeHistory(change func(*explore.History) error, done func(error)) {
	p.w.tasks.start(func(ctx context.Context) error { return p.w.backend.ChangeHistory(ctx, change) }, func(err error) {
		if p.gone {
			return
		}
		done(err)
		if err == nil {
			p.fetchHistory()
		}
	})
}

func (p *explorePage) clearHistory() {
	p.changeHistory(func(h *explore.History) error { h.Clear(); return nil }, p.w.report)
}

// callWords say when a call was made and what came of it.
func callWords(c *explore.Call, now time.Time) string {
	words := ago(c.At, now)
	switch {
	case c.Status != 0:
		words += fmt.Sprintf(" · %d", c.Status)
	case c.Failed:
		words += " · failed"
	}
	if c.Took > 0 {
		words += " · " + took(c.Took)
	}
	return words
}

// ago is the time of today, or the day.
func ago(at, now time.Time) string {
	at = at.In(now.Location())
	if at.Year() == now.Year() && at.YearDay() == now.YearDay() {
		return at.Format("15:04")
	}
	return dayWords(at, now) + at.Format(", 15:04")
}

// callDetail shows a call that was made before, to be made again.
func (p *explorePage) callDetail(c *explore.Call) exploreDetail {
	if c.REST != nil {
		return newRequestDetail(p, nil, c)
	}
	if p.offers.tools != nil && c.Tool != nil {
		for i := range p.offers.tools.Items {
			if t := &p.offers.tools.Items[i]; t.Name == c.Tool.Name {
				return newToolDetail(p, t, c)
			}
		}
	}
	return newLostCall(p, c)
}

// lostCall is a call that cannot be made any more.
type lostCall struct{ box *fyne.Container }

func newLostCall(p *explorePage, c *explore.Call) *lostCall {
	return &lostCall{column(12, heading(show(c.Line(), 100), sizeTitle), p.callBar(c),
		noticeCard("The server does not offer this any more, so that it cannot be called again."))}
}

func (d *lostCall) object() fyne.CanvasObject { return d.box }
func (d *lostCall) focus() fyne.Focusable     { return nil }
func (d *lostCall) text() *ledger             { return nil }
func (d *lostCall) leave()                    {}

// callBar says what came of a call, and lets it be named and removed.
func (p *explorePage) callBar(c *explore.Call) fyne.CanvasObject {
	words := "Called " + callWords(c, p.w.o.Now()) + "."
	name := "Make it a favourite"
	if c.Favourite != "" {
		name = "Rename"
	}
	id, favourite := c.ID, c.Favourite
	rename := smallButton(name, buttonPlain, func() { p.askName(favourite, func(h *explore.History, to string) error { return h.Name(id, to) }) })
	remove := smallButton("Remove", buttonPlain, func() {
		p.changeHistory(func(h *explore.History) error { h.Remove(id); return nil }, func(err error) {
			if p.w.report(err); err == nil {
				p.drop()
				p.toList()
			}
		})
	}).withIcon(theme.DeleteIcon())
	rename.onFocus, remove.onFocus = p.follow(rename), p.follow(remove)
	body := column(8, newText(words, textStyle{color: colorMuted, size: labelSize, wrap: true}), buttonRow(rename, remove))
	if len(c.Left) > 0 {
		left := ""
		for i, n := range c.Left {
			if i > 0 {
				left += ", "
			}
			left += show(n, 60)
		}
		body.Add(noticeCard("Not kept, since it may be secret or is too long, and to be entered again: " + left + "."))
	}
	return body
}

// askName asks for the name of a favourite.
func (p *explorePage) askName(was string, keep func(h *explore.History, name string) error) {
	name := newLabelled("Name", "", "It stands at the top of the list.")
	name.set(was)
	var s *sheet
	ok := func() {
		to := name.value()
		if to == "" {
			name.fail("Give it a name.")
			s.relayout()
			return
		}
		p.changeHistory(func(h *explore.History) error { return keep(h, to) }, func(err error) {
			if err != nil {
				name.fail(show(fault.As(err).Error(), 300))
				s.relayout()
				return
			}
			s.close()
		})
	}
	name.field.OnSubmitted = func(string) { ok() }
	s = p.w.openSheet(sheetOptions{title: "A favourite", body: name.box, focus: name.field,
		buttons: []fyne.CanvasObject{newButton("Cancel", buttonPlain, func() { s.close() }), newButton("Keep", buttonPrimary, ok)}})
}
