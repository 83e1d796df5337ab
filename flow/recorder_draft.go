package flow

import (
	"net/url"
	"slices"
	"time"

	"waybill/auth"
	"waybill/fault"
	"waybill/secret"
	"waybill/transport"
)

// Indices of the steps; discovery is none of them.
const (
	discovery    = -1
	signIn       = 0
	exchangeStep = 1
	redeem       = 2
	call         = 3
)

func indexOf(x transport.Recording) int {
	switch x.Role {
	case transport.Metadata:
		return discovery
	case transport.Resource, transport.Stream:
		return call
	}
	if i := slices.Index(order[:], x.Step); i >= 0 {
		return i
	}
	return discovery
}

// draft is a Run that may still change. Its slices are replaced, never changed
// in place, since snapshots share them. History.mu guards it.
type draft struct {
	r        *Recorder
	run      Run
	shown    *Run       // the last snapshot, nil if it has changed since
	open     []*Passage // that are under way: sign-in and mint
	calls    []*Passage // the same of calls
	ended    time.Time  // the last thing that ended
	stripped bool       // a newer Run of the connection holds the secrets now
	gone     bool       // nobody sees it any more
	outcomes []string
}

// snapshot is the Run as it is now.
func (d *draft) snapshot() *Run {
	run := d.run
	run.RoundTrips = answered(run.Discovery)
	run.Running = d.running()
	for i := range run.Steps {
		s := &run.Steps[i]
		run.RoundTrips += answered(s.Exchanges)
		if s.State == Running {
			s.Took = time.Since(s.Began)
		}
	}
	if run.Took = d.ended.Sub(run.Began); run.Running {
		run.Took = time.Since(run.Began)
	}
	run.Took = max(run.Took, 0)
	return &run
}

func (d *draft) running() bool {
	for i := range d.run.Steps {
		if d.run.Steps[i].State == Running {
			return true
		}
	}
	return len(d.open) > 0
}

// failure is the first Fault, nil if there is none.
func (d *draft) failure() *fault.Fault {
	for i := range d.run.Steps {
		if f := d.run.Steps[i].Fault; f != nil {
			return f
		}
	}
	return nil
}

func answered(all []transport.Recording) (n int) {
	for i := range all {
		if all[i].Status != 0 {
			n++
		}
	}
	return n
}

func (d *draft) uneventful() bool {
	s := &d.run.Steps[call]
	return d.run.Reason == ReasonCall && s.State == Done && s.Fault == nil && len(s.Notes) == 0 && !d.running()
}

func has(all []transport.Recording, id uint64) bool {
	return slices.ContainsFunc(all, func(x transport.Recording) bool { return x.ID == id })
}

func (d *draft) holds(id uint64) bool {
	for i := range d.run.Steps {
		if has(d.run.Steps[i].Exchanges, id) {
			return true
		}
	}
	return has(d.run.Discovery, id)
}

// put returns all with x in the place of its earlier form, or at the end as far
// as there is room.
func put(all []transport.Recording, x transport.Recording, omitted *int) []transport.Recording {
	for i := range all {
		if all[i].ID == x.ID {
			all = slices.Clone(all)
			all[i] = x
			return all
		}
	}
	if len(all) >= maxExchanges {
		if omitted != nil && !x.Done && x.Status == 0 {
			*omitted++
		}
		return all
	}
	return append(slices.Clip(all), x)
}

func (d *draft) discovered(x transport.Recording) {
	d.run.Discovery = put(d.run.Discovery, d.allowed(x), nil)
	d.touch(x)
}

// touch notes when something happened.
func (d *draft) touch(x transport.Recording) {
	if x.Start.Before(d.run.Began) {
		d.run.Began = x.Start
	}
	if end := x.Start.Add(x.Timings.Total); x.Done && end.After(d.ended) {
		d.ended = end
	}
}

// allowed is x without the values of its secrets where they are kept no more.
func (d *draft) allowed(x transport.Recording) transport.Recording {
	if !d.stripped {
		return x
	}
	x.Secrets = slices.Clone(x.Secrets)
	for i := range x.Secrets {
		x.Secrets[i].Value = secret.Text{}
	}
	return x
}

// strip drops every secret.
func (d *draft) strip() {
	if d.stripped {
		return
	}
	d.stripped, d.shown = true, nil
	strip := func(all []transport.Recording) []transport.Recording {
		all = slices.Clone(all)
		for i := range all {
			all[i] = d.allowed(all[i])
		}
		return all
	}
	d.run.Discovery = strip(d.run.Discovery)
	for i := range d.run.Steps {
		s := &d.run.Steps[i]
		s.Exchanges = strip(s.Exchanges)
		s.Token = s.Token.withoutValue()
		s.Extra = slices.Clone(s.Extra)
		for j := range s.Extra {
			s.Extra[j] = s.Extra[j].withoutValue()
		}
	}
}

// start notes that a step is under way.
func (d *draft) start(i int, at time.Time) {
	s := &d.run.Steps[i]
	if s.Began.IsZero() {
		s.Began = at
	}
	s.State, s.Why = Running, ""
}

// exchange puts x into a step and reads what it brought.
func (d *draft) exchange(i int, x transport.Recording) {
	s := &d.run.Steps[i]
	fresh := !has(s.Exchanges, x.ID)
	s.Exchanges = put(s.Exchanges, d.allowed(x), &s.Omitted)
	d.touch(x)
	if fresh && s.State != Running && !x.Done {
		d.start(i, x.Start)
	}
	if u, err := url.Parse(x.URL); err == nil {
		s.Party = u.Host
	}
	if i == call {
		d.settle()
		return
	}
	if fresh {
		d.asked(i, x)
	}
	if x.Done && x.Status == 200 {
		d.brought(i, x)
	}
}

// end notes how a step ended.
func (d *draft) end(i int, f *fault.Fault, rung auth.Rung) {
	s := &d.run.Steps[i]
	now := time.Now()
	if s.Began.IsZero() {
		s.Began = now
	}
	if now.After(d.ended) {
		d.ended = now
	}
	s.Took = now.Sub(s.Began)
	if f != nil {
		s.State, s.Fault = Failed, f
		d.unreached(i)
		return
	}
	switch {
	case i == exchangeStep && s.Fault != nil:
		d.note(i, "The identity provider did not take the subject that was sent first, so the ID token was sent.")
	case i == signIn && rung == auth.RungRenewed:
		d.note(i, "The ID token was renewed with the refresh token.")
	}
	s.State, s.Fault = Done, nil
	for j := i + 1; j < len(d.run.Steps); j++ {
		d.run.Steps[j].Why = ""
	}
}

// fail notes a failure outside of every exchange.
func (d *draft) fail(f *fault.Fault) {
	for i := range d.run.Steps {
		if d.run.Steps[i].State == Failed {
			return // it is told already
		}
	}
	i := slices.Index(order[:], f.Step)
	if i < signIn || d.run.Steps[i].State == Done || d.run.Steps[i].State == Cached {
		i = exchangeStep
		for i < call && d.run.Steps[i].State != NotRun {
			i++
		}
	}
	s := &d.run.Steps[i]
	if s.State != NotRun && s.State != Running {
		return
	}
	s.State, s.Fault, s.Why = Failed, f, ""
	d.ended = time.Now()
	d.unreached(i)
}

// unreached says of the steps after a failed one why they were not run.
func (d *draft) unreached(failed int) {
	for i := failed + 1; i < len(d.run.Steps); i++ {
		if s := &d.run.Steps[i]; s.State == NotRun || s.State == Cached {
			s.State, s.Why = NotRun, "It was not reached, since "+stepWords[failed]+" failed."
			s.Token, s.Extra, s.Scopes = nil, nil, nil
		}
	}
}

func (d *draft) note(i int, note string) {
	s := &d.run.Steps[i]
	if !slices.Contains(s.Notes, note) {
		s.Notes = append(slices.Clip(s.Notes), note)
	}
}

// NothingNew is the outcome of a call that found everything as it was.
const NothingNew = "nothing new"

// called notes what came of one call.
func (d *draft) called(outcome string, f *fault.Fault) {
	s := &d.run.Steps[call]
	if len(d.outcomes) > 0 && outcome == NothingNew {
		outcome = ""
	}
	if outcome != "" && !slices.Contains(d.outcomes, outcome) {
		d.outcomes = append(d.outcomes, outcome)
		s.Outcome = listed(d.outcomes)
	}
	if f != nil && f.Step == fault.StepCall {
		s.Fault = f
	}
}

// leave notes that p makes no more calls here. Where that did not go well and
// the last one was refused, that is why.
func (d *draft) leave(p *Passage, well bool) {
	d.shown = nil
	d.calls = slices.DeleteFunc(d.calls, func(other *Passage) bool { return other == p })
	s := &d.run.Steps[call]
	if n := len(s.Exchanges); s.Fault == nil && n > 0 && s.Exchanges[n-1].Status == 401 && !well {
		s.Fault = fault.New(fault.StepCall, fault.Denied, "invalid_token", "The resource refused the access token, so a new one was asked for.")
		s.Fault.Status = 401
	}
	d.settle()
}

// settle finds out how far the calls are.
func (d *draft) settle() {
	s := &d.run.Steps[call]
	if len(s.Exchanges) == 0 {
		return
	}
	open := len(d.calls) > 0
	for i := range s.Exchanges {
		open = open || !s.Exchanges[i].Done
	}
	switch {
	case open:
		d.start(call, s.Exchanges[0].Start)
		return
	case s.Fault != nil:
		s.State = Failed
	default:
		s.State = Done
	}
	if d.ended.After(s.Began) {
		s.Took = d.ended.Sub(s.Began)
	}
}

// uses reports whether the access token is the one that the Run brought or was
// served from.
func (d *draft) uses(token secret.Text) bool {
	t := d.run.Steps[redeem].Token
	return t != nil && !t.Value.Empty() && t.Value.Equal(token)
}
