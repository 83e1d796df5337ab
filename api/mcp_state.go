package api

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"waybill/secret"
)

// callState follows one attempt at a call through the SDK, in its context: what
// the guard learns there would be lost on the way back. The SDK also hands it to
// what it sends by itself, at the same time or later.
type callState struct {
	about      asking
	use        Use
	progressAs string // the token that the server names the call by in its progress
	limits     *limits
	session    atomic.Pointer[session] // whose first call it may be; nil while one is opened

	reopened bool // a forgotten session was opened anew for this call
	doubted  bool // a version taken for granted was given up for this call

	out       atomic.Bool   // a request went out
	cancelled chan struct{} // closed when the server was told that it is cancelled
	once      sync.Once     // closes cancelled

	mu      sync.Mutex
	token   secret.Text
	granted []string
	renewed bool            // a new token was minted for this call
	streams []chan struct{} // closed when an event stream was read to its end
	alone   bool            // a stream has its connection for itself (HTTP/1.1)
	problem error           // what was wrong in a stream
	result  json.RawMessage // of the last answer; kept with use

	telling sync.Mutex // held while the caller is told of progress
	over    bool       // under telling: the caller has its answer
}

// again is the state of another attempt at the same call.
func (st *callState) again(limits *limits) *callState {
	st.mu.Lock()
	defer st.mu.Unlock()
	return &callState{about: st.about, use: st.use, progressAs: st.progressAs, limits: limits, cancelled: make(chan struct{}), reopened: st.reopened, doubted: st.doubted,
		token: st.token, granted: st.granted, renewed: st.renewed}
}

type callKey struct{}

func stateOf(ctx context.Context) *callState {
	st, _ := ctx.Value(callKey{}).(*callState)
	return st
}

func (st *callState) progress() {
	if st != nil {
		st.limits.progress()
	}
}

// begin tells that what is sent from here on is the call, in s.
func (st *callState) begin(s *session) {
	st.mu.Lock()
	st.result = nil // of opening the session
	st.mu.Unlock()
	st.session.Store(s)
}

// keep remembers an answer as it came.
func (st *callState) keep(answer []byte) {
	if st == nil || !st.use.Raw {
		return
	}
	members, err := readObject(answer)
	if err != nil {
		return
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.result = members["result"]
}

// tell hands what the server says of the call to the caller, which hears nothing
// any more after quiet.
func (st *callState) tell(notification []byte) {
	if st == nil || st.use.Progress == nil {
		return
	}
	var said struct {
		Params mcp.ProgressNotificationParams `json:"params"`
	}
	if json.Unmarshal(notification, &said) != nil || said.Params.ProgressToken != st.progressAs {
		return
	}
	st.telling.Lock()
	defer st.telling.Unlock()
	if !st.over {
		st.use.Progress(said.Params)
	}
}

// await waits until the server was told that the call is cancelled, which the SDK
// does beside it, if somebody waits for the call: a program that ends right after
// would leave the server at work.
func (st *callState) await(root context.Context) {
	if !st.use.Patient || !st.out.Load() || st.limits.ctx.Err() == nil {
		return
	}
	timer := time.NewTimer(cancelLimit)
	defer timer.Stop()
	select {
	case <-st.cancelled:
	case <-timer.C:
	case <-root.Done():
	}
}

func (st *callState) quiet() {
	st.telling.Lock()
	defer st.telling.Unlock()
	st.over = true
}

func (st *callState) report(err error) {
	if st == nil {
		return
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.problem == nil {
		st.problem = err
	}
}

// settle waits a moment for the end of the streams so far: over HTTP/1.1 the
// next request would otherwise not find the connection free.
func (st *callState) settle() {
	st.mu.Lock()
	streams, alone := st.streams, st.alone
	st.alone = false
	st.mu.Unlock()
	if !alone {
		return
	}
	timer := time.NewTimer(settleLimit)
	defer timer.Stop()
	for _, closed := range streams {
		select {
		case <-closed:
		case <-timer.C:
			return
		case <-st.limits.ctx.Done():
			return
		}
	}
}

// takeOpen returns the streams that are not read to their end yet, once.
func (st *callState) takeOpen() (open []chan struct{}) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, closed := range st.streams {
		select {
		case <-closed:
		default:
			open = append(open, closed)
		}
	}
	st.streams = nil
	return open
}

// takeProblem returns what was wrong in a stream, once.
func (st *callState) takeProblem() error {
	st.mu.Lock()
	defer st.mu.Unlock()
	problem := st.problem
	st.problem = nil
	return problem
}

// sent is the token that was sent last.
func (st *callState) sent() secret.Text {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.token
}

// firstRefusal reports whether a 401 may be answered with a new token: once in
// each call.
func (st *callState) firstRefusal() bool {
	if st == nil {
		return false
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	return !st.renewed
}
