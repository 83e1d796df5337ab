package auth

import (
	"cmp"
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"waybill/connection"
	"waybill/fault"
	"waybill/transport"
)

// Plan is everything that the chain from the session to an access token needs,
// resolved once. It is immutable and safe to share.
type Plan struct {
	Connection  connection.Connection
	Credentials connection.Credentials
	Provider    *Provider
	Server      *Server
	Metadata    *ResourceMetadata // nil if it was not needed or is not published

	// Audience and Resource are the parameters of the token exchange, byte for
	// byte: the issuer of the authorization server, unless the connection sets
	// another word for it, and the identifier of the resource (RFC 8707). The
	// issuer is what the connection says, or, where it says nothing, the one
	// authorization server that the resource names; it is never taken from that
	// server's own metadata.
	Audience string
	Resource string
}

// Resolve finds out what conn leaves open: it reads the metadata of the
// identity provider, of the resource and of its authorization server, as far
// as possible at the same time. Errors are Faults: Config with the field to
// set, or, with the code "server_changed", with the difference from what conn
// has approved; Offline; or Hostile.
func Resolve(ctx context.Context, t *transport.Client, conn connection.Connection, cred connection.Credentials) (*Plan, error) {
	trust(t, conn)
	r := conn.Resource
	p := &Plan{Connection: conn, Credentials: cred, Audience: cmp.Or(r.Audience, r.AuthorizationServer), Resource: r.Identifier}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		if p.Provider, err = DiscoverProvider(ctx, t, conn.IdP); err != nil {
			return err
		}
		return endpointBelongs(atProvider, conn.IdP.Issuer, p.Provider.TokenEndpoint, conn.IdP.TokenEndpoint)
	})
	if r.AuthorizationServer != "" {
		group.Go(func() (err error) {
			p.Server, err = DiscoverServer(ctx, t, r.AuthorizationServer, r.TokenEndpoint)
			return err
		})
	}
	group.Go(func() error { return p.resolveResource(ctx, t) })
	if err := group.Wait(); err != nil {
		return nil, at(fault.StepDiscovery, err)
	}
	if err := changeFault(p.Changes()); err != nil {
		return nil, err
	}
	return p, nil
}

// trust tells t of every host that conn names: the user's own network may hold
// them.
func trust(t *transport.Client, conn connection.Connection) {
	i, r := conn.IdP, conn.Resource
	for _, configured := range []string{
		i.Issuer, i.AuthorizationEndpoint, i.TokenEndpoint, i.JWKSURI, i.EndSessionEndpoint,
		r.URL, r.Identifier, r.AuthorizationServer, r.TokenEndpoint,
	} {
		t.Trust(configured)
	}
}

// resolveResource fills in what the resource's metadata has to say: its
// identifier, and its authorization server, where the connection does not.
func (p *Plan) resolveResource(ctx context.Context, t *transport.Client) (err error) {
	r := p.Connection.Resource
	if r.Identifier != "" && r.AuthorizationServer != "" {
		return nil
	}
	if p.Metadata, err = DiscoverResource(ctx, t, r); err != nil {
		return err
	}
	if p.Resource == "" {
		p.Resource = r.URL
		if p.Metadata != nil {
			p.Resource = p.Metadata.Resource
		}
	}
	if r.AuthorizationServer != "" {
		return nil
	}
	issuer, err := p.Metadata.onlyServer()
	if err != nil {
		return err
	}
	p.Audience = cmp.Or(r.Audience, issuer)
	p.Server, err = DiscoverServer(ctx, t, issuer, r.TokenEndpoint)
	return err
}

// pinned reports whether q sends tokens and secrets to the same places as p.
// Where one of them changed although the connection did not, somebody has to
// look at it first.
func (p *Plan) pinned(q *Plan) bool {
	return p.Audience == q.Audience && p.Resource == q.Resource &&
		p.Provider.Issuer == q.Provider.Issuer && p.Provider.TokenEndpoint == q.Provider.TokenEndpoint &&
		p.Server.Issuer == q.Server.Issuer && p.Server.TokenEndpoint == q.Server.TokenEndpoint
}

// How old a Plan may become before it is looked after, and how soon a failed
// look may be repeated.
const (
	planAge   = time.Hour
	planRetry = time.Minute
	planLimit = time.Minute // a resolution takes this long at most
)

// PlanCache resolves a connection once and keeps the Plan. It looks after it in
// the background when it is an hour old; while that fails, and if the answer
// would send tokens elsewhere than before, the old one stays. It is safe for
// concurrent use.
type PlanCache struct {
	transport *transport.Client
	conn      connection.Connection
	cred      connection.Credentials
	recorder  transport.Recorder // nil: nobody

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu      sync.Mutex
	plan    *Plan
	checked time.Time // when the next look counts from
	running *planRun
}

// planRun is one resolution that several callers wait for.
type planRun struct {
	done chan struct{}
	plan *Plan
	err  error
}

// NewPlanCache makes a PlanCache; it asks nobody before the first Get, but t may
// preconnect to what conn names from now on. known, if not nil, is a Plan of the
// same connection from before. Close it in the end.
func NewPlanCache(t *transport.Client, conn connection.Connection, cred connection.Credentials, known *Plan) *PlanCache {
	trust(t, conn)
	c := &PlanCache{transport: t, conn: conn, cred: cred, plan: known}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// RecordBy has r told of what is fetched; call it before the first Get.
func (c *PlanCache) RecordBy(r transport.Recorder) { c.recorder = r }

// Get returns the Plan, and waits only if there is none yet. Callers share one
// resolution, which goes on if one of them gives up.
func (c *PlanCache) Get(ctx context.Context) (*Plan, error) {
	c.mu.Lock()
	plan, run := c.plan, c.running
	if run == nil && (plan == nil || time.Since(c.checked) > planAge) {
		run = c.start()
	}
	c.mu.Unlock()
	if plan != nil {
		return plan, nil
	}
	select {
	case <-run.done:
		return run.plan, run.err
	case <-ctx.Done():
		return nil, at(fault.StepDiscovery, fault.As(ctx.Err()))
	}
}

// start begins a resolution. c.mu is held.
func (c *PlanCache) start() *planRun {
	run := &planRun{done: make(chan struct{})}
	if c.ctx.Err() != nil {
		run.err = fault.New(fault.StepDiscovery, fault.Canceled, "canceled", "Cancelled.")
		close(run.done)
		return run
	}
	c.running = run
	c.work.Go(func() {
		ctx, cancel := context.WithTimeout(c.ctx, planLimit)
		defer cancel()
		if c.recorder != nil {
			ctx = transport.WithRecorder(ctx, c.recorder)
		}
		run.plan, run.err = Resolve(ctx, c.transport, c.conn, c.cred)
		c.mu.Lock()
		defer c.mu.Unlock()
		switch {
		case run.err != nil:
			c.checked = time.Now().Add(planRetry - planAge)
		case c.plan == nil || c.plan.pinned(run.plan):
			c.plan, c.checked = run.plan, time.Now()
		default:
			c.checked = time.Now()
		}
		c.running = nil
		close(run.done)
	})
	return run
}

// Close ends a resolution under way and waits for it. Get then returns the Plan
// that there was, or a Fault of kind Canceled.
func (c *PlanCache) Close() {
	c.mu.Lock() // a Get that saw no end yet has added its resolution to work, or adds none
	c.cancel()
	c.mu.Unlock()
	c.work.Wait()
}
