package api

import (
	"context"
	"sync"
)

// maxWaiting bounds the changed resources that the caller was not yet told of.
const maxWaiting = 1000

// updates carries what has changed from a stream to the caller, each URI once,
// however slow the caller is.
type updates struct {
	told func(uri string)
	some chan struct{}

	mu      sync.Mutex
	waiting []string
	known   map[string]bool // that wait
}

func newUpdates(told func(string)) *updates {
	return &updates{told: told, some: make(chan struct{}, 1), known: map[string]bool{}}
}

func (u *updates) add(uri string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.known[uri] || len(u.waiting) >= maxWaiting {
		return
	}
	u.known[uri] = true
	u.waiting = append(u.waiting, uri)
	select {
	case u.some <- struct{}{}:
	default:
	}
}

func (u *updates) take() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	out := u.waiting
	u.waiting = nil
	clear(u.known)
	return out
}

// tell tells the caller until ctx ends.
func (u *updates) tell(ctx context.Context) {
	for {
		select {
		case <-u.some:
		case <-ctx.Done():
			return
		}
		for _, uri := range u.take() {
			if ctx.Err() != nil {
				return
			}
			u.told(uri)
		}
	}
}
