package session

import (
	"context"
	"time"

	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
)

// Trace is one run of the steps after sign-in, without anything secret.
type Trace struct {
	Plan     *auth.Plan
	Subject  auth.Subject
	Exchange TraceStep
	Grant    *auth.Grant // nil if the exchange failed before there was one
	Redeem   TraceStep
	Access   *auth.Access
	Call     TraceStep
	Todos    int
}

// TraceStep is how one step went.
type TraceStep struct {
	Ran   bool
	Took  time.Duration
	Fault *fault.Fault // nil if it went well
}

// Trace runs the token exchange, the JWT bearer grant and the call anew for the
// open account, whatever tokens there are, and reports on each. The error is
// about what keeps it from starting; what fails later is in the Trace.
func (m *Manager) Trace(ctx context.Context) (*Trace, error) {
	a, err := m.needAccount()
	if err != nil {
		return nil, err
	}
	if err := a.connect(ctx); err != nil {
		return nil, err
	}
	plan, err := a.plans.plans.Get(ctx)
	if err != nil {
		return nil, err
	}
	t := &Trace{Plan: plan}
	if err := a.traceExchange(ctx, t); err != nil || t.Exchange.Fault != nil {
		return t, err
	}
	t.Redeem = timed(func() (err error) {
		t.Access, err = auth.RedeemIDJAG(ctx, m.o.Transport, plan, t.Grant)
		return err
	})
	if t.Redeem.Fault != nil {
		return t, nil
	}
	t.Call = timed(func() error {
		list, err := a.client.List(ctx, "")
		t.Todos = len(list.Todos)
		return err
	})
	return t, nil
}

// traceExchange is the first step. Nobody else renews the session meanwhile,
// since the refresh token may rotate.
func (a *account) traceExchange(ctx context.Context, t *Trace) error {
	session, release, err := a.exclude(ctx)
	if err != nil {
		return err
	}
	defer release()
	if session == nil {
		return errSignedOut
	}
	if with, made := session.WithProofKey(t.Plan.Connection); made {
		if err := a.save(ctx, with); err != nil {
			return err
		}
		session = with
	}
	t.Subject = subjectOf(session, t.Plan).Bound(session.ProofKey)
	t.Exchange = timed(func() (err error) {
		t.Grant, err = auth.ExchangeIDJAG(ctx, a.m.o.Transport, t.Plan, t.Subject)
		return err
	})
	if t.Grant == nil || t.Grant.Rotated.Empty() {
		return nil
	}
	renewed := *session
	renewed.Refresh = t.Grant.Rotated
	return a.save(context.WithoutCancel(ctx), &renewed)
}

func timed(f func() error) TraceStep {
	start := time.Now()
	err := f()
	return TraceStep{true, time.Since(start), fault.As(err)}
}

// subjectOf is what the ladder would exchange first.
func subjectOf(s *auth.Session, plan *auth.Plan) auth.Subject {
	fixed := plan.Connection.Subject
	if s.Renewable() && fixed != connection.SubjectIDToken && (fixed == connection.SubjectRefreshToken || plan.Provider.RefreshSubject != auth.No) {
		return auth.RefreshTokenSubject(s.Refresh)
	}
	return auth.IDTokenSubject(s.IDToken)
}
