package api

import (
	"context"
	"errors"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"waybill/fault"
)

var (
	errUnwatched = fault.New(fault.StepCall, fault.Canceled, "unsubscribed", "The subscription was ended here.")
	errUnheeded  = fault.New(fault.StepCall, fault.Offline, "subscription_ended", "The MCP server ended the subscription.").WithRemedy("Subscribe again.")
	errNoWatch   = fault.New(fault.StepCall, fault.NotFound, "no_subscriptions", "The MCP server does not tell of changes of its resources.")
)

// Watching is a subscription to a resource. It ends with Close, with the client,
// and by itself where the server ends it or the session. Its methods are safe
// for concurrent use.
type Watching struct {
	uri   string
	queue *updates
	ctx   context.Context // its cause says why it is over
	end   context.CancelCauseFunc
	done  chan struct{}
	l     *listener
}

// Watch subscribes to a resource and has updated called with the URI of what has
// changed, which may be a part of it, one call at a time, from a goroutine of
// its own; of many changes of the same at once it is told once. It returns once
// the server has confirmed. A server that does not offer it is a Fault of kind
// NotFound. ctx counts until then.
func (c *MCPClient) Watch(ctx context.Context, uri string, updated func(uri string)) (*Watching, error) {
	var w *Watching
	st := &callState{about: anything, use: Use{Described: true}}
	err := c.callAs(ctx, st, func(ctx context.Context, s *session) (err error) {
		info := s.cs.InitializeResult()
		if can := info.Capabilities; can == nil || can.Resources == nil || !can.Resources.Subscribe {
			return errNoWatch
		}
		w = &Watching{uri: uri, queue: newUpdates(updated), done: make(chan struct{})}
		w.ctx, w.end = context.WithCancelCause(context.Background())
		if info.ProtocolVersion >= versionModern {
			err = w.listen(ctx, c, info.ProtocolVersion)
		} else {
			err = w.subscribe(ctx, c, s)
		}
		if err == nil && !c.spawn(w.run) {
			err = errClosed
		}
		if err != nil {
			w.end(err)
			w.leave()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return w, nil
}

// subscribe has the session's stream opened first, so that no change is missed.
// A server tells of changes in one place of each session only, so subscriptions
// share it.
func (w *Watching) subscribe(ctx context.Context, c *MCPClient, s *session) error {
	s.begin() // what this call sends waits for the initialized notification
	select {
	case <-s.ready:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case s.hearing <- struct{}{}:
		defer func() { <-s.hearing }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if s.listener == nil || !s.listener.add(w) {
		l := newListener(ctx, c, s.cs.InitializeResult().ProtocolVersion)
		l.session = s
		l.add(w) // before anything is heard
		if err := l.hear(ctx); err != nil {
			l.end(err)
			return err
		}
		s.listener = l
	}
	return s.cs.Subscribe(ctx, &mcp.SubscribeParams{URI: w.uri})
}

// listen sends the one request whose answer is the stream of updates.
func (w *Watching) listen(ctx context.Context, c *MCPClient, version string) error {
	l := newListener(ctx, c, version)
	l.add(w)
	if err := l.ask(ctx, w.uri); err != nil {
		l.end(err)
		return err
	}
	select {
	case <-l.heeded:
		return nil
	case <-l.done:
		return context.Cause(l.ctx)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// run tells of changes until the subscription is over.
func (w *Watching) run() {
	defer close(w.done)
	w.queue.tell(w.ctx)
}

// leave lets go of the stream, whose last subscription ends it.
func (w *Watching) leave() {
	if w.l != nil {
		w.l.remove(w)
	}
}

// Close ends the subscription and waits for that, at most about two seconds.
// updated is not called after it has returned; it must not call it.
func (w *Watching) Close() {
	w.end(errUnwatched)
	<-w.done
	if l := w.l; l.session != nil && context.Cause(l.ctx) == nil && l.c.current() == l.session {
		ctx, cancel := context.WithTimeout(context.Background(), goodbyeLimit)
		defer cancel()
		_ = l.c.call(ctx, anything, func(ctx context.Context, s *session) error {
			if s != l.session {
				return nil
			}
			return s.cs.Unsubscribe(ctx, &mcp.UnsubscribeParams{URI: w.uri})
		})
	}
	w.leave()
}

// Done is closed when the subscription is over.
func (w *Watching) Done() <-chan struct{} { return w.done }

// Err is why the subscription is over, nil after Close.
func (w *Watching) Err() error {
	if cause := context.Cause(w.ctx); !errors.Is(cause, errUnwatched) {
		return cause
	}
	return nil
}
