package gui

import (
	"time"

	"waybill/replica"
)

// showBusy runs the thin line, but only for what takes a while.
func (p *todosPage) showBusy(busy bool) {
	if p.busySoon != nil {
		p.busySoon.Stop()
		p.busySoon = nil
	}
	if !busy || p.toolbar.busy.on {
		p.toolbar.busy.show(busy)
		return
	}
	p.busySoon = time.AfterFunc(patience, func() {
		p.w.o.Do(func() {
			if !p.gone && p.snapshot.Status.Kind == replica.Busy {
				p.toolbar.busy.show(true)
			}
		})
	})
}

// schedule wakes the page when a time that it shows is no longer true: the
// token's or the last change's, each said in minutes.
func (p *todosPage) schedule() {
	if p.minute != nil {
		p.minute.Stop()
		p.minute = nil
	}
	now := p.w.o.Now()
	token := p.w.state.Token
	row := p.current()
	if !(token.Have && token.Expires.After(now)) && (row == nil || row.Changed.IsZero()) {
		return
	}
	next := time.Minute
	if token.Have && token.Expires.After(now) {
		next = token.Expires.Sub(now)%time.Minute + time.Millisecond
	}
	p.minute = time.AfterFunc(next, func() {
		p.w.o.Do(func() {
			if !p.gone {
				p.status.showState(p.w.state, p.w.o.Now())
				p.details.showAge()
				p.schedule()
			}
		})
	})
}
