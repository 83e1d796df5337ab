package session

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"waybill/auth"
	"waybill/transport"
)

// planner knows a connection and its metadata for as long as the account that
// uses it is open, so that no step waits for discovery that need not.
type planner struct {
	transport  *transport.Client
	log        *slog.Logger
	configured Configured
	plans      *auth.PlanCache

	// settle approves what was found, once it has worked; once.
	settle func()
}

func (m *Manager) newPlanner(c Configured) *planner {
	t := m.o.Transport
	p := &planner{transport: t, log: m.o.Log, configured: c, plans: auth.NewPlanCache(t, c.Connection, c.Credentials, nil)}
	p.plans.RecordBy(m.flows.Recorder(c.Connection.Name).Metadata())
	p.settle = sync.OnceFunc(func() { m.approveFirst(p) })
	return p
}

// warm fetches the metadata of both servers and opens the connections that the
// steps after sign-in will use, while the user is busy in the browser.
func (p *planner) warm(ctx context.Context) {
	var tasks sync.WaitGroup
	tasks.Go(func() { p.ahead(ctx) })
	tasks.Go(func() {
		if plan, err := p.plans.Get(ctx); err == nil { // else the step that needs it will say so
			p.preconnect(ctx, plan.Provider.TokenEndpoint)
		}
	})
	tasks.Wait()
	p.log.Debug(logWarm)
}

// ahead opens the connections that are needed once the identity provider has
// answered: to the authorization server and to the resource.
func (p *planner) ahead(ctx context.Context) {
	var tasks sync.WaitGroup
	tasks.Go(func() { p.preconnect(ctx, p.configured.Connection.Resource.URL) })
	tasks.Go(func() {
		if plan, err := p.plans.Get(ctx); err == nil {
			p.preconnect(ctx, plan.Server.TokenEndpoint)
		}
	})
	tasks.Wait()
}

// logWarm is logged when the steps after sign-in have nothing left to wait for
// but their own answers.
const logWarm = "ready for the steps after sign-in"

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
