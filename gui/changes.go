package gui

import (
	"waybill/replica"
	"waybill/todo"
	"waybill/wording"
)

// This file holds what a row of the outbox shows of a change, and what can be
// done about it; package wording has how it is said.

// changeAct is something that can be done to a change in the outbox.
type changeAct int

const (
	actRetry changeAct = iota
	actDiscard
	actCompare
	actRestore
)

// changeActs are what can be done to a change in this state, what is meant most
// often last.
func changeActs(s replica.PendingState) []changeAct {
	switch s {
	case replica.PendingRefused:
		return []changeAct{actDiscard, actRetry}
	case replica.PendingConflict:
		return []changeAct{actCompare}
	case replica.PendingWaiting:
		return []changeAct{actDiscard}
	case replica.PendingDiscarded:
		return []changeAct{actRestore}
	default:
		return nil
	}
}

func (a changeAct) String() string {
	switch a {
	case actRetry:
		return "Try again"
	case actDiscard:
		return "Discard"
	case actCompare:
		return "Compare"
	default:
		return "Bring back"
	}
}

// changeView is what a row of the outbox shows, worked out from its change.
type changeView struct {
	number uint64
	state  replica.PendingState
	what   string // Rename “Buy oat milk”
	how    string // Was “Buy milk”; may be empty
	why    string
	when   string
	exact  string // the same to the second
}

// view is what a row shows.
func (o *outbox) view(c *replica.Pending) changeView {
	now := o.page.w.o.Now()
	why := c.Why
	if c.State == replica.PendingRefused && c.Fault != nil && c.Fault.Server != "" {
		why = "The server's own words: “" + c.Fault.Server + "”" // they say what to change; the rest is in the details
	}
	return changeView{
		number: c.Number, state: c.State, what: wording.Change(c), how: wording.Difference(c, o.page.snapshot.Today, now),
		why: todo.Line(why), when: wording.Ago(c.Edit.At, now), exact: exactTime(c.Edit.At, now),
	}
}
