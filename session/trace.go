package session

import (
	"context"
	"fmt"
	"time"

	"waybill/api"
	"waybill/auth"
	"waybill/fault"
	"waybill/flow"
	"waybill/transport"
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
	Run      *flow.Run
}

// TraceStep is how one step went.
type TraceStep struct {
	// Ran is true from the first request on. A call over MCP that has its answer
	// may still wait for that of a notification which went out beside it.
	Ran   bool
	Took  time.Duration
	Fault *fault.Fault // nil if it went well
}

// Trace runs the token exchange, the JWT bearer grant and the call anew for the
// open account, whatever tokens there are, and reports on each; see RunAgain.
// The error is about what keeps it from starting; what fails later is in the
// Trace.
func (m *Manager) Trace(ctx context.Context) (*Trace, error) {
	a, err := m.needAccount()
	if err != nil {
		return nil, err
	}
	t, err := a.again(ctx, fault.StepExchange)
	if t.Exchange.Fault != nil || t.Redeem.Fault != nil || t.Call.Fault != nil {
		return t, nil
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

type passageKey struct{}

// again runs the steps from that one on. t is never nil.
func (a *account) again(ctx context.Context, from fault.Step) (t *Trace, err error) {
	t = &Trace{}
	note := ""
	switch from {
	case fault.StepExchange, fault.StepCall:
	case fault.StepJWTBearer:
		note = "An ID-JAG is redeemed once, so a new one was fetched first."
	default:
		return t, fault.New(from, fault.Failed, "not_alone", "This step cannot be run again by itself.").WithRemedy("Sign in again.")
	}
	p := a.flow.Mint(flow.ReasonAgain, note)
	defer func() {
		if t.Run = p.Run(); t.Run != nil {
			t.Run = flow.Examine(t.Run, nil)
		}
		t.Exchange, t.Redeem, t.Call = traced(t.Run, fault.StepExchange), traced(t.Run, fault.StepJWTBearer), traced(t.Run, fault.StepCall)
	}()
	if err := a.connect(ctx); err != nil {
		p.End("", fault.As(err))
		return t, err
	}
	if t.Plan, err = a.plan(ctx); err != nil {
		p.End("", fault.As(err))
		return t, err
	}
	known := func() {}
	if from == fault.StepCall {
		p = a.flow.Call(flow.ReasonAgain)
	} else {
		minted, err := a.ladder.Anew(context.WithValue(ctx, passageKey{}, p))
		t.Subject, t.Grant, t.Access = minted.Subject, minted.Grant, minted.Access
		known = a.learnKeys(ctx, p, t.Plan, t.Grant)
		if err != nil {
			known()
			p.End("", fault.As(err))
			return t, err
		}
		p = p.CallAfter()
	}
	list, err := a.client.List(p.Context(ctx), "")
	t.Todos = len(list.Todos)
	known()
	p.End(outcomeOf(list, err), fault.As(err))
	return t, err
}

// keysLimit bounds the wait for keys that only tell more of a run.
const keysLimit = 5 * time.Second

// learnKeys has the identity provider's keys at hand when known returns, as far
// as they can be had, so that the run can say who signed the ID-JAG. Whether they
// can is no matter of the run's success.
func (a *account) learnKeys(ctx context.Context, p *flow.Passage, plan *auth.Plan, grant *auth.Grant) (known func()) {
	if grant == nil {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		ctx, cancel := context.WithTimeout(transport.WithRecorder(ctx, a.flow.Metadata()), keysLimit)
		defer cancel()
		_ = plan.Provider.FetchKeys(ctx, a.plans.transport, grant.Token)
	}()
	return func() {
		<-done
		signed, _ := plan.Provider.Signed(grant.Token)
		p.Signed(signed.Verdict)
	}
}

func traced(run *flow.Run, step fault.Step) TraceStep {
	if run == nil {
		return TraceStep{}
	}
	s := run.Step(step)
	return TraceStep{Ran: s.State == flow.Done || s.State == flow.Failed || s.State == flow.Running, Took: s.Took, Fault: s.Fault}
}

// outcomeOf says what came of a call in a few words, "" if there is nothing to say.
func outcomeOf(result any, err error) string {
	if err != nil {
		return ""
	}
	switch v := result.(type) {
	case api.List:
		switch {
		case v.NotModified:
			return flow.NothingNew
		case len(v.Todos) == 1:
			return "1 to-do"
		}
		return fmt.Sprintf("%d to-dos", len(v.Todos))
	case api.Capabilities, used:
		return ""
	}
	return "changes sent"
}
