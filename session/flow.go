package session

import (
	"context"

	"waybill/auth"
	"waybill/fault"
	"waybill/flow"
)

// Runs are the last passages through the steps, newest first, those under way
// included; see flow.History. They are forgotten with the process, and those of
// a connection when its user signs out.
func (m *Manager) Runs() []*flow.Run { return examined(m.flows.Runs(), nil) }

// WatchRuns calls f with the Runs as they are and after each change, the newest
// only, from one goroutine; stop ends that and must not be called from f.
func (m *Manager) WatchRuns(f func([]*flow.Run)) (stop func()) {
	known := map[*flow.Run]*flow.Run{}
	return m.flows.Watch(func(runs []*flow.Run) {
		out := examined(runs, known)
		clear(known)
		for i, r := range runs {
			known[r] = out[i]
		}
		f(out)
	})
}

// examined are runs with their checks and causes; known holds those that were
// examined before. It is done for who looks at them, and not when they happen.
func examined(runs []*flow.Run, known map[*flow.Run]*flow.Run) []*flow.Run {
	out := make([]*flow.Run, len(runs))
	for i, r := range runs {
		if out[i] = known[r]; out[i] == nil {
			out[i] = flow.Examine(r, runs[i+1:])
		}
	}
	return out
}

// RunAgain runs the steps from that one on once more for the open account,
// whatever tokens there are, and returns when the last one has ended, with the
// Fault of the first that failed. What it brings is used from then on. An ID-JAG
// is redeemed once, so from the JWT bearer grant on means with a new one. The
// sign-in is BeginSignIn's.
func (m *Manager) RunAgain(ctx context.Context, from fault.Step) error {
	a, err := m.needAccount()
	if err != nil {
		return err
	}
	_, err = a.again(ctx, from)
	return err
}

// plan is what is known of the connection.
func (a *account) plan(ctx context.Context) (*auth.Plan, error) {
	plan, err := a.plans.plans.Get(ctx)
	if err == nil {
		a.flow.Known(plan)
	}
	return plan, err
}

// beginMint has a mint recorded: as what the user asked for, where ctx says so.
func (a *account) beginMint(ctx context.Context) (context.Context, func(error)) {
	p, _ := ctx.Value(passageKey{}).(*flow.Passage)
	if p == nil {
		p = a.flow.Mint(flow.ReasonMint, "")
	}
	a.minting = p
	return p.Context(context.Background()), func(err error) { p.End("", fault.As(err)) }
}
