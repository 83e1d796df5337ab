package api

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// Use says how a session is used.
type Use struct {
	// Patient calls may take up to half an hour, also without anything
	// arriving. Other calls end when a server is silent for half a minute.
	Patient bool

	// Described calls need what the server says of itself, which is otherwise
	// not asked for where its version is known (from 2026-07-28 on).
	Described bool

	// Raw answers can be had as they came; see RawResult.
	Raw bool

	// Progress is told what the server says of a tool's call that is under way,
	// one thing at a time and nothing after Use has returned; nil: nothing is
	// asked for. The answer is not read further until it returns.
	Progress func(mcp.ProgressNotificationParams)
}

// Use runs f in a session, which is opened if none is. f sends with ctx and
// returns the SDK's errors as they are; Use turns them into Faults. f is run
// again in a new session where the server has forgotten this one, and where it
// turns out to speak another version: it has not carried out anything then.
// Everything that is said of MCPClient holds for what f does.
func (c *MCPClient) Use(ctx context.Context, use Use, f func(ctx context.Context, s *mcp.ClientSession) error) error {
	st := &callState{about: anything, use: use}
	if use.Progress != nil {
		st.progressAs = "call-" + strconv.FormatUint(c.watched.Add(1), 10)
	}
	return c.callAs(ctx, st, func(ctx context.Context, s *session) error { return f(ctx, s.cs) })
}

// RawResult returns, in a Use with Raw, the result of the last answer as the
// server wrote it: the members in its order, the numbers in its digits. It is nil
// before the first, and must not be changed.
func RawResult(ctx context.Context) json.RawMessage {
	st := stateOf(ctx)
	if st == nil {
		return nil
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.result
}

const methodProgress = "notifications/progress"

// heard is told of every message that answers the call or comes with its answer.
func (st *callState) heard(m message, data []byte) {
	switch m.method {
	case "":
		st.keep(data)
	case methodProgress:
		st.tell(data)
	}
}
