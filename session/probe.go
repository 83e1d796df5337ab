package session

import (
	"context"
	"time"

	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
	"waybill/flow"
)

// Probe sends requests that the other side has to refuse, one after another, at
// the connection of the open account: those that are ordered and no other. It is
// for those who asked for it; what each probe leaves behind stands in its Causes.
//
// First comes a request that nothing is wrong with; where that fails no probe is
// sent. say is told of every change, on the goroutine of the caller. The
// Scorecard is there as soon as anything was sent, also beside an error: that of
// what kept it from starting, or of ctx. What a probe finds is no error.
func (m *Manager) Probe(ctx context.Context, order flow.ProbeOrder, say func(flow.ProbeResult)) (*flow.Scorecard, error) {
	a, err := m.needAccount()
	if err != nil {
		return nil, err
	}
	if err := a.connect(ctx); err != nil {
		return nil, err
	}
	plan, err := a.plan(ctx)
	if err != nil {
		return nil, err
	}
	probes, err := flow.ChooseProbes(plan.Connection, order.IDs)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(a.life, cancel)()
	r := &probing{a: a, order: order, say: say, card: flow.NewScorecard(plan, probes, time.Now()), until: map[fault.Step]time.Time{}}
	r.o = auth.ProbeOptions{
		Transport: m.o.Transport, Plan: plan, Exclude: a.exclude, Save: a.save, Patience: order.Patience,
		Subject: func(s *auth.Session) auth.Subject { return subjectOf(s, plan) },
	}
	defer func() { r.card.Took = time.Since(r.card.Began) }()
	if err := r.control(ctx); err != nil {
		return nil, err
	}
	return r.card, r.run(ctx)
}

// probing is one run of probes.
type probing struct {
	a     *account
	o     auth.ProbeOptions
	order flow.ProbeOrder
	say   func(flow.ProbeResult)
	card  *flow.Scorecard
	until map[fault.Step]time.Time // when the server of a step may be asked again
}

func (r *probing) control(ctx context.Context) error {
	p := r.a.flow.Mint(flow.ReasonProbe, "")
	r.o.Observe = p.Event
	err := auth.ProbeControl(p.Context(ctx), r.o)
	p.Event(auth.Event{Step: fault.StepJWTBearer, Note: "Before the probes: the request that nothing is wrong with."})
	p.End("", fault.As(err))
	return err
}

// send runs a probe, recorded as a Run of its own.
func (r *probing) send(ctx context.Context, probe auth.Probe) auth.ProbeOutcome {
	p := r.a.flow.Mint(flow.ReasonProbe, "")
	r.o.Observe = p.Event
	out := auth.RunProbe(p.Context(ctx), r.o, probe)
	p.Event(auth.Event{Step: probe.At, Note: "Probe: " + probe.Title + ", " + out.Verdict.String() + ". " + out.Says})
	p.End("", nil)
	return out
}

func (r *probing) run(ctx context.Context) error {
	for i := range r.card.Results {
		if err := r.one(ctx, &r.card.Results[i]); err != nil {
			return err
		}
	}
	return nil
}

// one runs a probe, and once more where the server asked for a pause that is not
// too long. The error is that of ctx.
func (r *probing) one(ctx context.Context, result *flow.ProbeResult) error {
	result.State, result.Began = flow.Running, time.Now()
	r.o.Waiting = func(until time.Time) { r.wait(result, until) }
	r.say(*result)
	out, asked := r.held(result.Probe)
	for tries := 0; !asked && tries < 2; tries++ {
		out = r.send(ctx, result.Probe)
		asked = out.Pause == 0 || !r.pause(ctx, result, out)
	}
	if err := ctx.Err(); err != nil {
		*result = flow.ProbeResult{Probe: result.Probe} // it was stopped, so it says nothing
		r.say(*result)
		return fault.As(err)
	}
	result.State, result.Until, result.Took, result.Outcome = flow.Done, time.Time{}, time.Since(result.Began), out
	r.say(*result)
	return nil
}

func (r *probing) wait(result *flow.ProbeResult, until time.Time) {
	result.Until = until
	r.say(*result)
}

// pause waits as long as a server asked for, and reports whether it may be asked
// again. Where that is longer than was allowed, the server is left alone so long.
func (r *probing) pause(ctx context.Context, result *flow.ProbeResult, out auth.ProbeOutcome) bool {
	until := time.Now().Add(out.Pause)
	if out.Pause > r.order.Patience {
		r.until[out.PausedBy] = until
		return false
	}
	r.wait(result, until)
	timer := time.NewTimer(out.Pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// held says why a probe is not sent: a server that it needs asked for a pause.
// Every probe begins at the identity provider.
func (r *probing) held(p auth.Probe) (out auth.ProbeOutcome, held bool) {
	for _, step := range []fault.Step{fault.StepExchange, p.At} {
		if until := r.until[step]; time.Now().Before(until) {
			return auth.ProbeOutcome{Skipped: true, Says: "The server asked not to be asked again for " +
				time.Until(until).Round(time.Second).String() + ", which is longer than was allowed to wait."}, true
		}
	}
	return auth.ProbeOutcome{}, false
}

// subjectOf is what the ladder would exchange first.
func subjectOf(s *auth.Session, plan *auth.Plan) auth.Subject {
	fixed := plan.Connection.Subject
	if s.Renewable() && fixed != connection.SubjectIDToken && (fixed == connection.SubjectRefreshToken || plan.Provider.RefreshSubject != auth.No) {
		return auth.RefreshTokenSubject(s.Refresh)
	}
	return auth.IDTokenSubject(s.IDToken)
}
