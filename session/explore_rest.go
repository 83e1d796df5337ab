package session

import (
	"context"

	"waybill/api"
	"waybill/connection"
	"waybill/explore"
	"waybill/fault"
	"waybill/flow"
)

// ExploreREST returns the way to the open account's REST API, with the account's
// tokens. What is called is recorded, each call as a Run of its own, and kept in
// the account's History. A connection to an MCP server is a Fault ("not_rest"). It
// asks nobody anything yet.
func (m *Manager) ExploreREST(ctx context.Context) (*explore.REST, error) {
	a, err := m.needAccount()
	if err != nil {
		return nil, err
	}
	configured, err := m.Configured(ctx, a.name)
	if err != nil {
		return nil, err
	}
	c := configured.Connection
	if c.Resource.Kind == connection.MCP {
		return nil, fault.New(fault.StepSetup, fault.Config, "not_rest", "The resource of this connection is an MCP server, which has tools and no addresses.").
			WithRemedy("Use its tools and resources, or choose another connection.")
	}
	return explore.NewREST(explore.RESTOptions{Resource: c.Resource, Bound: c.DPoP, Through: a.throughRaw, Remember: a.remember}), nil
}

// throughRaw calls f with the way to a REST API.
func (a *account) throughRaw(ctx context.Context, f func(context.Context, *api.Raw) error) (run uint64, err error) {
	return a.asked(ctx, func(ctx context.Context) error {
		raw, err := a.rawClient()
		if err != nil {
			return err
		}
		return f(ctx, raw)
	})
}

// asked calls f, which calls the resource, recorded as a Run of its own: what the
// user calls is looked at there, and must not vanish among the syncs.
func (a *account) asked(outer context.Context, f func(context.Context) error) (run uint64, err error) {
	p := a.flow.Call(flow.ReasonExplore)
	defer func() {
		outcome := ""
		if err == nil {
			outcome = "answered"
		}
		p.End(outcome, fault.As(err))
		if r := p.Run(); r != nil {
			run = r.ID
		}
	}()
	if err = a.connect(outer); err != nil {
		return 0, err
	}
	ctx, done := a.calls.until(p.Context(outer))
	err = a.steppedUp(outer, done(f(ctx)))
	if connection.IsBuiltIn(a.name) && fault.Is(err, fault.Offline) {
		_, _ = a.m.o.Builtin(outer)
	}
	return 0, err
}

// rawClient is the one Raw of the account, made when it is first needed. It is one
// so that tokens which are refused again and again are not asked for without end.
func (a *account) rawClient() (*api.Raw, error) {
	a.rawOnce.Do(func() { a.raw, a.rawErr = api.NewRaw(a.clientOptions()) })
	return a.raw, a.rawErr
}
