package session

import (
	"context"

	"waybill/api"
	"waybill/connection"
	"waybill/fault"
	"waybill/flow"
	"waybill/todo"
)

// resource is the client that an account's sync uses. It makes the way to the
// resource when it is first needed, and again if that failed, so that what
// stands in the way is told and retried like every other failure of a sync.
type resource struct{ a *account }

var _ api.Client = resource{}

// through calls f with the client. Where the built-in playground does not
// answer, the process that ran it may have ended: it is started here then, for
// the next try.
func through[T any](outer context.Context, r resource, f func(context.Context, api.Client) (T, error)) (out T, err error) {
	p := r.a.flow.Call(flow.ReasonCall)
	defer func() { p.End(outcomeOf(out, err), fault.As(err)) }()
	if err = r.a.connect(outer); err != nil {
		return out, err
	}
	ctx, done := r.a.calls.until(p.Context(outer))
	out, err = f(ctx, r.a.client)
	err = r.a.steppedUp(outer, done(err))
	if connection.IsBuiltIn(r.a.name) && fault.Is(err, fault.Offline) {
		_, _ = r.a.m.o.Builtin(outer)
	}
	return out, err
}

func (r resource) List(ctx context.Context, etag string) (api.List, error) {
	return through(ctx, r, func(ctx context.Context, c api.Client) (api.List, error) { return c.List(ctx, etag) })
}

func (r resource) Get(ctx context.Context, id string) (todo.Todo, error) {
	return through(ctx, r, func(ctx context.Context, c api.Client) (todo.Todo, error) { return c.Get(ctx, id) })
}

func (r resource) Create(ctx context.Context, t todo.Todo, key string) (todo.Todo, error) {
	return through(ctx, r, func(ctx context.Context, c api.Client) (todo.Todo, error) { return c.Create(ctx, t, key) })
}

func (r resource) Update(ctx context.Context, id string, p todo.Patch, ifMatch string) (todo.Todo, error) {
	return through(ctx, r, func(ctx context.Context, c api.Client) (todo.Todo, error) { return c.Update(ctx, id, p, ifMatch) })
}

func (r resource) Delete(ctx context.Context, id, ifMatch string) error {
	_, err := through(ctx, r, func(ctx context.Context, c api.Client) (struct{}, error) {
		return struct{}{}, c.Delete(ctx, id, ifMatch)
	})
	return err
}

func (r resource) Capabilities(ctx context.Context) (api.Capabilities, error) {
	return through(ctx, r, func(ctx context.Context, c api.Client) (api.Capabilities, error) { return c.Capabilities(ctx) })
}

func (r resource) Multiplexed() bool {
	select {
	case <-r.a.up:
		return r.a.client.Multiplexed()
	default:
		return false
	}
}

// Close does nothing: the client is closed with the account.
func (r resource) Close() error { return nil }
