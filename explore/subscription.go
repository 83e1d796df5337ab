package explore

import (
	"context"
	"math/rand/v2"
	"time"

	"waybill/api"
	"waybill/fault"
)

// News is what a Subscription tells.
type News struct {
	Kind NewsKind
	URI  Said         // Updated: what has changed, which may be a part of the resource
	Why  *fault.Fault // BrokenOff
}

// NewsKind says what a News is about.
type NewsKind int

// The kinds of news.
const (
	Updated   NewsKind = iota // something has changed
	BrokenOff                 // the subscription broke off: what changes is not told until it is Renewed
	Renewed                   // it is there again; what has changed since it was BrokenOff was not told
)

// Subscription is told when a resource changes. One that breaks off, because the
// connection does, the server starts anew or it has forgotten the session, is
// renewed by itself. It ends with Close, and where renewing it is of no use: the
// server refuses it, the user has to sign in, the account is closed. Its methods
// are safe for concurrent use.
type Subscription struct {
	m    *MCP
	uri  string
	told func(News)
	ctx  context.Context // ends with Close
	end  context.CancelFunc
	done chan struct{}
	err  error // once done is closed
}

// Subscribe has told called with what a server tells of the resource and with how
// the subscription stands, one call at a time and never after Close has returned.
// It must not call Close. The server has to offer it; see Capabilities. ctx counts
// until the server has confirmed.
func (m *MCP) Subscribe(ctx context.Context, uri string, told func(News)) (*Subscription, error) {
	s := &Subscription{m: m, uri: uri, told: told, done: make(chan struct{})}
	s.ctx, s.end = context.WithCancel(context.Background())
	w, err := s.watch(ctx, true)
	if err != nil {
		s.end()
		return nil, err
	}
	close(w.begun)
	go s.keep(w)
	return s, nil
}

// Close ends the subscription and waits for that, at most about two seconds.
func (s *Subscription) Close() {
	s.end()
	<-s.done
}

// Done is closed when the subscription is over.
func (s *Subscription) Done() <-chan struct{} { return s.done }

// Err is why the subscription is over, nil after Close. It counts once Done is
// closed.
func (s *Subscription) Err() error { return s.err }

// watched is one subscription at the server.
type watched struct {
	*api.Watching
	begun chan struct{} // closed when its changes may be told
}

// watch subscribes. asked: the user does.
func (s *Subscription) watch(ctx context.Context, asked bool) (*watched, error) {
	w := &watched{begun: make(chan struct{})}
	run, err := s.m.through(ctx, asked, func(ctx context.Context, c *api.MCPClient) (err error) {
		w.Watching, err = c.Watch(ctx, s.uri, func(uri string) {
			select {
			case <-w.begun:
				s.told(News{Kind: Updated, URI: Said(uri)})
			case <-s.ctx.Done():
			}
		})
		return err
	})
	if err != nil {
		return nil, inRun(run, err)
	}
	return w, nil
}

// keep renews the subscription until it is over.
func (s *Subscription) keep(w *watched) {
	defer close(s.done)
	defer s.end()
	for failures := 0; w != nil; {
		began := time.Now()
		select {
		case <-w.Done():
		case <-s.ctx.Done():
			w.Close()
			return
		}
		w.Close()
		if time.Since(began) >= renewMost {
			failures = 0
		}
		w, failures, s.err = s.renew(w.Err(), failures)
	}
}

// renew subscribes anew after so many failures in a row, and tells of it. It
// returns nil where there is no use in that, with the reason, and after Close.
func (s *Subscription) renew(why error, failures int) (*watched, int, error) {
	for first := true; ; first = false {
		f := fault.As(why)
		if !passes(f) {
			return nil, 0, why
		}
		if first {
			s.told(News{Kind: BrokenOff, Why: f})
		}
		failures++
		select {
		case <-time.After(pause(f, failures)):
		case <-s.ctx.Done():
			return nil, 0, nil
		}
		var w *watched
		if w, why = s.watch(s.ctx, false); why == nil {
			s.told(News{Kind: Renewed})
			close(w.begun)
			return w, failures, nil
		}
		if s.ctx.Err() != nil {
			return nil, 0, nil
		}
	}
}

// How long a subscription that broke off waits before it is renewed.
const (
	renewFirst = time.Second
	renewMost  = time.Minute // one that held for so long has broken off for the first time again
	renewAsked = time.Hour   // how much of what a server asks for is kept to
)

// pause is a random time that doubles with each failure, or what the server asks
// for where that is longer.
func pause(f *fault.Fault, failures int) time.Duration {
	d := min(renewMost, renewFirst<<min(failures-1, 10))
	d = d/2 + rand.N(d/2)
	return max(d, min(time.Duration(f.RetryAfter)*time.Second, renewAsked))
}

// passes reports whether a failure may pass by itself.
func passes(f *fault.Fault) bool { return f.Kind == fault.Offline || f.Kind == fault.Failed }
