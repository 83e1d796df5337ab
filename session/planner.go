package session

import (
	"context"
	"sync"
	"time"

	"waybill/auth"
	"waybill/transport"
)

// planner knows a connection and its metadata for as long as the account that
// uses it is open, so that no step waits for discovery that need not.
type planner struct {
	transport  *transport.Client
	configured Configured
	plans      *auth.PlanCache
}

func newPlanner(t *transport.Client, c Configured) *planner {
	return &planner{t, c, auth.NewPlanCache(t, c.Connection, c.Credentials, nil)}
}

// warm fetches the metadata of both servers and opens the connections that the
// steps after sign-in will use, while the user is busy in the browser.
func (p *planner) warm(ctx context.Context) {
	var tasks sync.WaitGroup
	tasks.Go(func() { p.preconnect(ctx, p.configured.Connection.Resource.URL) })
	tasks.Go(func() {
		plan, err := p.plans.Get(ctx)
		if err != nil {
			return // the step that needs it will say so
		}
		tasks.Go(func() { p.preconnect(ctx, plan.Provider.TokenEndpoint) })
		tasks.Go(func() { p.preconnect(ctx, plan.Server.TokenEndpoint) })
	})
	tasks.Wait()
}

func (p *planner) preconnect(ctx context.Context, address string) {
	if origin, err := transport.Origin(address); err == nil {
		p.transport.Preconnect(ctx, origin)
	}
}

// skewAt is how far this computer's clock is behind that of the server at
// address, if the server has answered before.
func skewAt(t *transport.Client, address string) (time.Duration, bool) {
	origin, err := transport.Origin(address)
	if err != nil {
		return 0, false
	}
	return t.ServerClock(origin)
}
