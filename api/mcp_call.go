package api

import (
	"context"
	"errors"
	"slices"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"waybill/fault"
)

// call runs f in a session. A session that the server has forgotten is opened
// anew once, and a version that it does not speak is given up once; both are
// known before the server has done anything.
func (c *MCPClient) call(ctx context.Context, about asking, f func(context.Context, *session) error) error {
	return c.callAs(ctx, &callState{about: about}, f)
}

// callAs is call with more said about it.
func (c *MCPClient) callAs(ctx context.Context, st *callState, f func(context.Context, *session) error) error {
	if c.wrong != nil {
		return c.wrong
	}
	var err error
	if st.token, st.granted, err = c.handler.bearer.token(ctx); err != nil {
		return err
	}
	for {
		st = st.again(newLimits(ctx, c.root, st.use.Patient))
		if err = c.once(st, f); !errors.Is(err, errReopen) {
			return err
		}
	}
}

// errReopen marks an error after which a call is repeated in a new session.
var errReopen = errors.New("api: open another session")

// forgotten handles errSessionGone.
func (c *MCPClient) forgotten(st *callState, s *session) error {
	if s != nil {
		s.gone.Store(true)
		c.drop(s)
	}
	if st.reopened {
		return fault.New(fault.StepCall, fault.Failed, "session_gone", "The MCP server keeps ending the session.").
			WithRemedy("Try again later.")
	}
	st.reopened = true
	return errReopen
}

// doubt handles err, which may come from a server that does not speak the
// version that was taken for granted, because it did the last time or because
// the connection says so: the next session negotiates one.
func (c *MCPClient) doubt(st *callState, s *session, err error) error {
	if s != nil {
		c.drop(s)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if st.doubted {
		return err
	}
	c.version, c.doubted, st.doubted = "", true, true
	return errReopen
}

func (c *MCPClient) once(st *callState, f func(context.Context, *session) error) error {
	defer c.release(st)
	defer st.quiet()
	inner := context.WithValue(st.limits.ctx, callKey{}, st)
	s, err := c.open(inner)
	if err != nil {
		return c.explain(st, nil, err)
	}
	defer s.begin()
	st.settle()
	st.begin(s)
	if err = f(inner, s); err == nil {
		s.proven.Store(true)
	} else {
		st.await(c.root)
	}
	return c.explain(st, s, err)
}

// afterInitialized repeats a call that a server refused because it had not yet
// seen the initialized notification, which goes out beside the first calls.
func afterInitialized(ctx context.Context, send func() (mcp.Result, error)) (mcp.Result, error) {
	st := stateOf(ctx)
	var s *session
	if st != nil {
		s = st.session.Load()
	}
	if s == nil || s.isReady() {
		return send()
	}
	res, err := send()
	if !tooEarly(err) {
		return res, err
	}
	select {
	case <-s.ready:
		return send()
	case <-ctx.Done():
		return res, err
	}
}

// tooEarly reports whether a server may have refused a call because it had not
// yet seen the initialized notification.
func tooEarly(err error) bool {
	var wire *jsonrpc.Error
	return errors.As(err, &wire) &&
		slices.Contains([]int64{0, jsonrpc.CodeInvalidRequest, jsonrpc.CodeInvalidParams, codeNoSession}, wire.Code)
}

// release ends a call, once its streams are read to their end.
func (c *MCPClient) release(st *callState) {
	st.settle()
	if open := st.takeOpen(); len(open) > 0 {
		st.limits.stopWhen(open, c.root)
		return
	}
	st.limits.stop()
}

// explain turns what the SDK returns into a Fault, and lets go of a session
// that is of no use any more. s is nil if none could be opened.
func (c *MCPClient) explain(st *callState, s *session, err error) error {
	if err == nil {
		return nil
	}
	problem := st.takeProblem()
	var own opaque
	var f *fault.Fault
	var wire *jsonrpc.Error
	switch {
	case context.Cause(st.limits.ctx) != nil:
		return unreachable(st.limits.ctx, err)
	case errors.As(err, &own):
		return own.err
	case problem != nil:
		return unreachable(st.limits.ctx, problem)
	case errors.Is(err, errSessionGone):
		return c.forgotten(st, s)
	case errors.As(err, &f): // before the next: the SDK marks these as JSON-RPC errors of its own
		if f.Code == codeSwapped && s != nil {
			c.drop(s)
		}
		if err = unreachable(st.limits.ctx, err); c.doubtful(s, 0) && misunderstood(f) {
			return c.doubt(st, s, err)
		}
		return err
	case errors.As(err, &wire):
		about := st.about
		if s == nil {
			about = listing
		}
		if err = rpcFault(wire, about, st); c.doubtful(s, wire.Code) {
			return c.doubt(st, s, err)
		}
		return err
	}
	if s != nil {
		c.drop(s)
	}
	return c.puzzling(st, s, err)
}

// misunderstood reports whether a server may have refused a request because it
// did not understand it.
func misunderstood(f *fault.Fault) bool {
	switch f.Kind {
	case fault.Config, fault.Failed, fault.Invalid, fault.NotFound, fault.ReadOnly:
		return f.Status >= 400 && f.Status < 500
	}
	return false
}

// puzzling is the Fault of an error that neither HTTP nor the protocol explains.
func (c *MCPClient) puzzling(st *callState, s *session, err error) error {
	switch {
	case errors.Is(err, mcp.ErrConnectionClosed):
		return unreachable(st.limits.ctx, err)
	case s != nil:
		return garbled(0, err)
	}
	f := fault.New(fault.StepCall, fault.Config, "mcp_version", "This app and the MCP server have no protocol version in common.").
		WithRemedy("Check the address of the resource, and the protocol version if the connection fixes one.").Because(err)
	return c.doubt(st, nil, f)
}

// doubtful reports whether an error with this code may come from a server that
// does not speak the version that was taken for granted. A session in which a
// call has succeeded is beyond doubt.
func (c *MCPClient) doubtful(s *session, code int64) bool {
	switch {
	case s == nil:
		return c.knownVersion() != ""
	case code == mcp.CodeUnsupportedProtocolVersion:
		return true
	}
	return s.assumed != "" && !s.proven.Load() &&
		slices.Contains([]int64{0, codeNoSession, jsonrpc.CodeInvalidRequest, jsonrpc.CodeMethodNotFound, jsonrpc.CodeParseError}, code)
}
