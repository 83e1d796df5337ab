package flow

import (
	"slices"
	"strings"
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

func indexOf(x *transport.Recording) int {
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

// draft is a Run that may still change. History.mu guards it. While things
// happen it notes them only; what they say is read when somebody looks.
type draft struct {
	r         *Recorder
	run       Run // without its exchanges
	discovery []*transport.Recording
	exchanges [4][]*transport.Recording
	unread    []reading // of token endpoints
	bearers   []secret.Text
	shown     *Run       // the last snapshot, nil if it has changed since
	open      []*Passage // that are under way: sign-in and mint
	calls     []*Passage // the same of calls
	ended     time.Time  // the last thing that ended
	stripped  bool       // a newer Run of the connection holds the secrets now
	gone      bool       // nobody sees it any more
	outcomes  []string
}

// reading is a token request that is to be read: what was asked, or what came.
type reading struct {
	step int
	x    *transport.Recording
	done bool
}

// read reads what is unread.
func (d *draft) read() {
	for _, u := range d.unread {
		if u.done {
			d.brought(u.step, u.x)
		} else {
			d.asked(u.step, u.x)
		}
	}
	d.unread = nil
}

// snapshot is the Run as it is now.
func (d *draft) snapshot() *Run {
	d.read()
	run := d.run
	run.Discovery = values(d.discovery)
	run.RoundTrips = answered(d.discovery)
	run.Running = d.running()
	for i := range run.Steps {
		s := &run.Steps[i]
		s.Exchanges = values(d.exchanges[i])
		s.Notes, s.Extra = slices.Clip(s.Notes), slices.Clip(s.Extra)
		run.RoundTrips += answered(d.exchanges[i])
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

// values opens all and copies them.
func values(all []*transport.Recording) []transport.Recording {
	if len(all) == 0 {
		return nil
	}
	out := make([]transport.Recording, len(all))
	for i, x := range all {
		*x = x.Open() // closed, it would keep the body as it came
		out[i] = *x
	}
	return out
}

func (d *draft) running() bool {
	for i := range d.run.Steps {
		if d.run.Steps[i].State == Running {
			return true
		}
	}
	return len(d.open) > 0
}

// busy reports whether somebody is waiting for what the Run comes to, and not just
// a stream of a subscription is open.
func (d *draft) busy() bool {
	for i := range call {
		if d.run.Steps[i].State == Running {
			return true
		}
	}
	return len(d.open) > 0 || len(d.calls) > 0
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

func answered(all []*transport.Recording) (n int) {
	for _, x := range all {
		if x.Status != 0 {
			n++
		}
	}
	return n
}

func (d *draft) uneventful() bool {
	s := &d.run.Steps[call]
	return d.run.Reason == ReasonCall && s.State == Done && s.Fault == nil && len(s.Notes) == 0 && !d.running()
}

func has(all []*transport.Recording, id uint64) bool {
	for _, x := range all {
		if x.ID == id {
			return true
		}
	}
	return false
}

func (d *draft) holds(id uint64) bool {
	for i := range d.exchanges {
		if has(d.exchanges[i], id) {
			return true
		}
	}
	return has(d.discovery, id)
}

// put keeps x in the place of its earlier form, or at the end as far as there is
// room, and returns where; nil if there is none.
func put(all *[]*transport.Recording, x *transport.Recording, omitted *int) *transport.Recording {
	for _, kept := range *all {
		if kept.ID == x.ID {
			*kept = *x
			return kept
		}
	}
	if len(*all) < maxExchanges {
		kept := new(transport.Recording)
		*kept = *x
		*all = append(*all, kept)
		return kept
	}
	if omitted != nil && !x.Done && x.Status == 0 {
		*omitted++
	}
	return nil
}

func (d *draft) discovered(x *transport.Recording) {
	d.bare(put(&d.discovery, x, nil))
	d.touch(x)
}

// touch notes when something happened.
func (d *draft) touch(x *transport.Recording) {
	if x.Start.Before(d.run.Began) {
		d.run.Began = x.Start
	}
	if end := x.Start.Add(x.Timings.Total); x.Done && end.After(d.ended) {
		d.ended = end
	}
}

// bare drops the values of what is secret in x, nil for nothing, where they are
// kept no more.
func (d *draft) bare(x *transport.Recording) {
	if !d.stripped || x == nil {
		return
	}
	*x = x.Open()
	x.Secrets = slices.Clone(x.Secrets)
	for i := range x.Secrets {
		x.Secrets[i].Value = secret.Text{}
	}
}

// strip drops every secret.
func (d *draft) strip() {
	if d.stripped {
		return
	}
	d.read()
	d.stripped, d.shown, d.bearers = true, nil, nil
	for _, x := range d.discovery {
		d.bare(x)
	}
	for i := range d.run.Steps {
		for _, x := range d.exchanges[i] {
			d.bare(x)
		}
		s := &d.run.Steps[i]
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

// exchange puts x into a step.
func (d *draft) exchange(i int, x *transport.Recording) {
	s := &d.run.Steps[i]
	fresh := !has(d.exchanges[i], x.ID)
	kept := put(&d.exchanges[i], x, &s.Omitted)
	d.touch(x)
	if fresh {
		s.Party = hostOf(x.URL)
		if s.State != Running && !x.Done {
			d.start(i, x.Start)
		}
	}
	switch {
	case i == call:
		d.settle()
	case kept == nil:
	case fresh:
		d.unread = append(d.unread, reading{i, kept, false})
	case x.Done && x.Status == 200:
		d.unread = append(d.unread, reading{i, kept, true})
		d.mayBear(i, kept)
	}
	if d.stripped {
		d.read()
		d.bare(kept)
	}
}

// mayBear notes what the calls of this Run may carry.
func (d *draft) mayBear(i int, x *transport.Recording) {
	if i != redeem || d.stripped {
		return
	}
	for j := range x.Secrets {
		if strings.HasPrefix(x.Secrets[j].Name, "access_token") {
			d.bearers = append(d.bearers, x.Secrets[j].Value)
		}
	}
}

func hostOf(address string) string {
	_, rest, _ := strings.Cut(address, "://")
	if end := strings.IndexAny(rest, "/?"); end >= 0 {
		rest = rest[:end]
	}
	return rest
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
	if s.Fault == nil && d.refused() && !well {
		s.Fault = fault.New(fault.StepCall, fault.Denied, "invalid_token", "The resource refused the access token, so a new one was asked for.")
		s.Fault.Status = 401
	}
	d.settle()
}

// refused reports whether the last call was answered with 401.
func (d *draft) refused() bool {
	n := len(d.exchanges[call])
	return n > 0 && d.exchanges[call][n-1].Status == 401
}

// mints reports whether the Run got an access token, or tried to.
func (d *draft) mints() bool { return len(d.exchanges[redeem]) > 0 }

// settle finds out how far the calls are.
func (d *draft) settle() {
	s := &d.run.Steps[call]
	all := d.exchanges[call]
	if len(all) == 0 {
		return
	}
	open := len(d.calls) > 0
	for _, x := range all {
		open = open || !x.Done
	}
	switch {
	case open:
		d.start(call, all[0].Start)
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
	return slices.ContainsFunc(d.bearers, token.Equal)
}
