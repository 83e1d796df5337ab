package flow

import (
	"context"
	"slices"
	"sync"
	"time"

	"waybill/auth"
	"waybill/fault"
	"waybill/internal/latest"
	"waybill/secret"
	"waybill/transport"
)

// What is kept at most.
const (
	maxRuns      = 20 // of all connections together
	maxProbes    = 24 // beside them: all probes once, so that they push out nothing else
	maxExchanges = 24 // of one step
	callGap      = 2 * time.Second
)

// History holds the last Runs of all connections, in memory only. It is safe
// for concurrent use.
type History struct {
	changes *latest.Value[uint64] // counts them; what they made of the Runs is found out when somebody looks

	mu        sync.Mutex
	last      uint64   // Run.ID
	runs      []*Run   // as they were handed out last, nil if they have changed since
	kept      []*draft // newest first
	recorders map[string]*Recorder
}

// NewHistory makes a History that holds nothing.
func NewHistory() *History {
	return &History{changes: latest.New(uint64(0)), recorders: map[string]*Recorder{}}
}

// Runs are those kept, newest first. Neither they nor the slice are changed
// afterwards.
func (h *History) Runs() []*Run {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.runs == nil {
		h.runs = make([]*Run, len(h.kept))
		for i, d := range h.kept {
			if d.shown == nil {
				d.shown = d.snapshot()
			}
			h.runs[i] = d.shown
		}
	}
	return h.runs
}

// Watch calls f with the Runs as they are and after each change, the newest
// only, from one goroutine; stop ends that and must not be called from f.
func (h *History) Watch(f func([]*Run)) (stop func()) {
	return h.changes.Watch(func(uint64) { f(h.Runs()) })
}

// Recorder returns the one of the named connection.
func (h *History) Recorder(connection string) *Recorder {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.recorders[connection]
	if r == nil {
		r = &Recorder{h: h, connection: connection}
		h.recorders[connection] = r
	}
	return r
}

// Forget drops everything of the named connection, its tokens first of all. What
// is still under way there is not recorded any more.
func (h *History) Forget(connection string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.recorders, connection) // what is under way writes into the old one, which nobody reads
	h.kept = slices.DeleteFunc(h.kept, func(d *draft) bool {
		if d.run.Connection == connection {
			d.gone = true
		}
		return d.gone
	})
	h.publish(nil)
}

// publish tells that d has changed. h.mu is held.
func (h *History) publish(d *draft) {
	if d != nil {
		d.shown = nil
	}
	h.runs = nil
	h.changes.Update(func(n uint64) uint64 { return n + 1 })
}

// Recorder makes Runs of what happens at one connection. It keeps the tokens in
// use, so that a Run that was served from one can show it. Its methods are safe
// for concurrent use and do not block.
type Recorder struct {
	h          *History
	connection string

	// Under h.mu:
	plan      *auth.Plan
	signedIn  time.Time
	brought   [3]*Token // in use: ID token, ID-JAG, access token
	extra     [3][]*Token
	scopes    [3]*Scopes
	discovery []*transport.Recording // that no Run has taken yet
}

// Passage is one attempt to get through some of the steps. What is sent under
// its Context belongs to it. It becomes a Run, or part of one, with the first
// thing that happens.
type Passage struct {
	r      *Recorder
	reason Reason
	note   string
	run    *draft // nil: nothing has happened
	stays  bool   // calls go into run, whatever token they carry
	over   bool   // End was called; what a stream still brings goes into run
}

// Context has what is sent under the result recorded as part of the passage.
func (p *Passage) Context(ctx context.Context) context.Context {
	return transport.WithRecorder(ctx, p)
}

// SignIn begins a sign-in.
func (r *Recorder) SignIn() *Passage {
	p := &Passage{r: r, reason: ReasonSignIn}
	r.h.mu.Lock()
	defer r.h.mu.Unlock()
	p.run = r.begin(ReasonSignIn)
	p.run.start(signIn, time.Now())
	p.run.open = append(p.run.open, p)
	r.h.publish(p.run)
	return p
}

// Mint is for the way to an access token; reason is ReasonMint, ReasonAgain or
// ReasonProbe. note is said at the JWT bearer grant, "" for nothing.
func (r *Recorder) Mint(reason Reason, note string) *Passage {
	return &Passage{r: r, reason: reason, note: note}
}

// Call is for calls of the resource. They join the Run that brought their token,
// or the one of the calls just before; what the user asked for is a Run of its own.
func (r *Recorder) Call(reason Reason) *Passage { return &Passage{r: r, reason: reason} }

// CallAfter is for the calls that the mint is made for: they belong to its Run,
// and no others do.
func (p *Passage) CallAfter() *Passage {
	p.r.h.mu.Lock()
	defer p.r.h.mu.Unlock()
	return &Passage{r: p.r, reason: p.reason, run: p.run, stays: p.run != nil}
}

// Run is what the passage is part of, as it is now; nil if nothing has happened.
func (p *Passage) Run() *Run {
	p.r.h.mu.Lock()
	defer p.r.h.mu.Unlock()
	if p.run == nil {
		return nil
	}
	return p.run.snapshot()
}

// Metadata records what is fetched to know the connection, for the Run that
// comes next or is under way.
func (r *Recorder) Metadata() transport.Recorder { return metadata{r} }

type metadata struct{ r *Recorder }

// Record implements transport.Recorder.
func (m metadata) Record(x transport.Recording) {
	h := m.r.h
	h.mu.Lock()
	defer h.mu.Unlock()
	if d := h.newest(m.r.connection); d != nil && (has(d.discovery, x.ID) || d.running()) {
		d.discovered(&x)
		h.publish(d)
		return
	}
	put(&m.r.discovery, &x, nil)
}

// Known notes what was found out of the connection.
func (r *Recorder) Known(plan *auth.Plan) {
	r.h.mu.Lock()
	defer r.h.mu.Unlock()
	if r.plan == plan {
		return
	}
	r.plan = plan
	if d := r.h.newest(r.connection); d != nil && d.run.Plan == nil {
		d.run.Plan = plan
		r.h.publish(d)
	}
}

// Session notes the session in use: that of a sign-in just made, or of an
// earlier one.
func (r *Recorder) Session(s *auth.Session) {
	r.h.mu.Lock()
	defer r.h.mu.Unlock()
	if r.signedIn.Equal(s.SignedInAt) {
		return
	}
	r.signedIn = s.SignedInAt
	if r.brought[signIn] != nil && r.brought[signIn].Value.Equal(s.IDToken.Text) {
		return // it was recorded as it came
	}
	r.brought, r.extra, r.scopes = [3]*Token{}, [3][]*Token{}, [3]*Scopes{}
	if !s.IDToken.Empty() {
		r.brought[signIn] = newToken(KindIDToken, s.IDToken.Text, s.SignedInAt, 0)
	}
	if !s.Refresh.Empty() {
		r.extra[signIn] = []*Token{newToken(KindRefreshToken, s.Refresh.Text, s.SignedInAt, 0)}
	}
}

// newest returns the connection's newest Run, nil without one. h.mu is held.
func (h *History) newest(connection string) *draft {
	for _, d := range h.kept {
		if d.run.Connection == connection {
			return d
		}
	}
	return nil
}

// begin makes a new Run, the newest. r.h.mu is held.
func (r *Recorder) begin(reason Reason) *draft {
	h := r.h
	if h.recorders[r.connection] != r {
		d := &draft{r: r, gone: true}
		d.run = *NewRun(0, r.connection, reason, time.Now()) // forgotten: for nobody
		return d
	}
	for _, d := range h.kept {
		if d.run.Connection == r.connection {
			d.strip()
		}
	}
	if old := h.newest(r.connection); reason == ReasonCall && old != nil && old.uneventful() {
		h.kept = slices.DeleteFunc(h.kept, func(d *draft) bool { return d == old })
	}
	h.last++
	d := &draft{r: r}
	d.run = *NewRun(h.last, r.connection, reason, time.Now())
	d.run.Plan = r.plan
	for _, x := range r.discovery {
		d.discovered(x)
	}
	r.discovery = nil
	h.kept = slices.Insert(h.kept, 0, d)
	h.trim(false, maxRuns)
	h.trim(true, maxProbes)
	return d
}

// trim lets go of the oldest Run, of probes or of everything else, that is one too
// many.
func (h *History) trim(probes bool, limit int) {
	n := 0
	for i, d := range h.kept {
		if (d.run.Reason == ReasonProbe) != probes {
			continue
		}
		if n++; n > limit {
			d.gone = true
			h.kept = slices.Delete(h.kept, i, i+1)
			return
		}
	}
}

// Record implements transport.Recorder.
func (p *Passage) Record(x transport.Recording) {
	h := p.r.h
	h.mu.Lock()
	defer h.mu.Unlock()
	d := h.holder(p.r.connection, x.ID)
	if d == nil {
		d = p.place(&x)
	}
	switch i := indexOf(&x); i {
	case discovery:
		d.discovered(&x)
	default:
		d.exchange(i, &x)
	}
	h.publish(d)
}

// holder is the Run that the exchange was put in when it began.
func (h *History) holder(connection string, id uint64) *draft {
	for _, d := range h.kept {
		if d.run.Connection == connection && d.holds(id) {
			return d
		}
	}
	return nil
}

// place chooses the Run for an exchange that begins. r.h.mu is held.
func (p *Passage) place(x *transport.Recording) *draft {
	if indexOf(x) == call {
		return p.placeCall(x)
	}
	if p.run == nil {
		p.join()
	}
	return p.run
}

// join makes the passage a Run of its own, or, for the mint that follows a
// sign-in, part of that one's.
func (p *Passage) join() {
	d := p.r.h.newest(p.r.connection)
	if p.reason != ReasonMint || d == nil || d.run.Reason != ReasonSignIn ||
		d.run.Steps[signIn].State != Done || d.run.Steps[exchangeStep].State != NotRun {
		d = p.r.begin(p.reason)
		d.fromSession()
	}
	if p.note != "" {
		d.note(redeem, p.note)
	}
	p.run, d.open = d, append(d.open, p)
}

// placeCall puts a call into the Run that brought its token, as long as it is
// what that one goes on with.
func (p *Passage) placeCall(x *transport.Recording) *draft {
	if p.over && p.run != nil {
		return p.run
	}
	if p.stays {
		if !slices.Contains(p.run.calls, p) {
			p.run.calls = append(p.run.calls, p)
		}
		return p.run
	}
	d := p.r.h.newest(p.r.connection)
	token := bearer(x)
	switch {
	case p.keeps(d, token):
		return p.run
	case d == nil, !d.uses(token), p.reason.own() && p.run == nil, p.run == nil && d.run.Reason.own(),
		d.run.Steps[call].State != NotRun && !d.busy() && time.Since(d.ended) > callGap:
		d = p.r.begin(p.reason)
		d.cached(token)
	}
	if p.run != d {
		if p.run != nil {
			p.run.leave(p, false)
		}
		p.run = d
		d.calls = append(d.calls, p)
	}
	return d
}

// keeps reports whether a call goes where the others of its passage went although
// d is newer: what the user asked for and what happens by itself do not mix. A call
// that was refused goes on where the next token came from.
func (p *Passage) keeps(d *draft, token secret.Text) bool {
	switch {
	case p.run == nil || d == nil || p.run == d:
		return false
	case d.run.Reason.own():
		return true
	}
	return p.reason.own() && !(p.run.refused() && d.mints() && d.uses(token))
}

func bearer(x *transport.Recording) secret.Text {
	for i := range x.Secrets {
		if x.Secrets[i].Name == "access_token" {
			return x.Secrets[i].Value
		}
	}
	return secret.Text{}
}

// Event notes how a step of the ladder went.
func (p *Passage) Event(e auth.Event) {
	h := p.r.h
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.run == nil {
		if e.Fault == nil {
			return
		}
		p.join()
	}
	i := slices.Index(order[:], e.Step)
	switch {
	case i < 0:
		if e.Note != "" {
			p.run.note(exchangeStep, e.Note)
		}
	case e.Note != "":
		p.run.note(i, e.Note)
	default:
		p.run.end(i, e.Fault, e.Rung)
	}
	h.publish(p.run)
}

// End notes how the passage ended: f is nil if it went well. outcome says what
// came of a call, such as "24 to-dos"; "" for nothing worth mentioning.
func (p *Passage) End(outcome string, f *fault.Fault) {
	h := p.r.h
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.run == nil && f != nil && p.worthRecording(f) {
		p.join()
	}
	p.over = true
	d := p.run
	if d == nil {
		return
	}
	d.open = slices.DeleteFunc(d.open, func(other *Passage) bool { return other == p })
	switch {
	case p.reason == ReasonSignIn:
		d.end(signIn, f, 0)
	case slices.Contains(d.calls, p):
		d.called(outcome, f)
		d.leave(p, f == nil)
	case f != nil:
		d.fail(f)
	}
	if f != nil {
		h.fold(d)
	}
	if p.reason == ReasonProbe {
		d.strip() // nothing that a probe brings is kept
	}
	h.publish(d)
}

// fold drops the Run before d if it failed in the same way: a sync that is tried
// again and again would push out everything else.
func (h *History) fold(d *draft) {
	at := slices.Index(h.kept, d)
	for i := at + 1; at >= 0 && i < len(h.kept); i++ {
		if old := h.kept[i]; old.run.Connection == d.run.Connection {
			if old.run.Reason == d.run.Reason && !d.run.Reason.own() && d.run.Reason != ReasonProbe && sameFailure(old, d) {
				old.gone = true
				h.kept = slices.Delete(h.kept, i, i+1)
			}
			return
		}
	}
}

func sameFailure(a, b *draft) bool {
	x, y := a.failure(), b.failure()
	return x != nil && y != nil && x.Step == y.Step && x.Kind == y.Kind && x.Code == y.Code
}

// worthRecording: what failed before anything was sent is a Run of its own if
// the user asked for it, or if the metadata that it failed for was asked for.
func (p *Passage) worthRecording(f *fault.Fault) bool {
	return p.reason.own() || f.Step == fault.StepDiscovery && len(p.r.discovery) > 0
}
