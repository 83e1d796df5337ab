// Package latest hands the newest of a stream of immutable values to whoever
// watches, and lets the ones in between go.
//
// Invariant: a watcher is never called twice at once, never sees a value twice
// or an older one after a newer, and always sees the last value stored
// before it stops.
package latest

import "sync"

// Value holds the newest of a stream of values. The values must be immutable
// or owned by nobody. All methods are safe for concurrent use.
type Value[T any] struct {
	mu       sync.Mutex
	value    T
	version  uint64 // counts the values stored
	watchers map[*watcher]struct{}
}

type watcher struct {
	changed chan struct{} // holds one token when there is a value not yet seen
	quit    chan struct{}
	done    chan struct{}
}

// New returns a Value that holds initial.
func New[T any](initial T) *Value[T] {
	return &Value[T]{value: initial, watchers: map[*watcher]struct{}{}}
}

// Load returns the newest value.
func (v *Value[T]) Load() T {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.value
}

// Store replaces the value and wakes the watchers. It never waits for them.
func (v *Value[T]) Store(value T) { v.Update(func(T) T { return value }) }

// Update replaces the value by what change makes of it. change runs under a
// lock: it must be quick and must not use v.
func (v *Value[T]) Update(change func(T) T) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.value = change(v.value)
	v.version++
	for w := range v.watchers {
		select {
		case w.changed <- struct{}{}:
		default: // the watcher has yet to look; it will find this value
		}
	}
}

// Watch calls f with the value as it is, and again after each change, from one
// goroutine of its own; values that come while f runs are skipped but for the
// newest. stop ends that and returns when f is no longer running; it may be
// called more than once, and must not be called from f.
func (v *Value[T]) Watch(f func(T)) (stop func()) {
	w := &watcher{changed: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	w.changed <- struct{}{}
	v.mu.Lock()
	v.watchers[w] = struct{}{}
	v.mu.Unlock()
	go v.serve(w, f)
	return sync.OnceFunc(func() {
		v.mu.Lock()
		delete(v.watchers, w)
		v.mu.Unlock()
		close(w.quit)
		<-w.done
	})
}

func (v *Value[T]) serve(w *watcher, f func(T)) {
	defer close(w.done)
	var seen uint64
	for first := true; ; {
		select {
		case <-w.quit:
			return
		case <-w.changed:
		}
		v.mu.Lock()
		value, version := v.value, v.version
		v.mu.Unlock()
		// A wake-up may come for a value that the call before already had.
		if first || version != seen {
			f(value)
		}
		first, seen = false, version
	}
}
