package api

import (
	"context"
	"net/http/httptrace"
	"sync"
	"time"

	"waybill/fault"
)

// errHalfSent says that a request did not get out in whole. What a server answers
// to the first half of one is no word on the other.
var errHalfSent = fault.New(fault.StepCall, fault.Offline, "unreachable", "The line to the to-do service broke.").
	WithRemedy("Check the network, or try again later.")

// sending notices whether a request gets out in whole.
type sending struct {
	once sync.Once
	done chan struct{} // closed when it is known
	err  error         // set before
}

// trace has the HTTP client tell s. Of a request that is sent twice the first
// time counts, since that is when something was refused for a nonce or a token.
func (s *sending) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(info httptrace.WroteRequestInfo) {
		s.once.Do(func() { s.err = info.Err; close(s.done) })
	}})
}

// broke reports whether the request broke off on its way. An answer may overtake
// what is told of the request, by little.
func (s *sending) broke() bool {
	timer := time.NewTimer(overtakes)
	defer timer.Stop()
	select {
	case <-s.done:
		return s.err != nil
	case <-timer.C:
		return false // the server did not wait for the rest, which is its right
	}
}

// overtakes is how long broke waits at most.
const overtakes = time.Second
