package gui

import "sync/atomic"

// mailbox carries a stream of immutable values to the UI goroutine. Only the
// newest is delivered: a value that is overtaken while the UI goroutine is busy
// is never shown, so a storm of snapshots costs no more than the window can
// draw.
type mailbox[T any] struct {
	do      func(func())
	deliver func(*T) // runs on the UI goroutine
	newest  atomic.Pointer[T]
	queued  atomic.Bool
}

func newMailbox[T any](do func(func()), deliver func(*T)) *mailbox[T] {
	return &mailbox[T]{do: do, deliver: deliver}
}

// put may be called on any goroutine.
func (m *mailbox[T]) put(value *T) {
	m.newest.Store(value)
	if m.queued.CompareAndSwap(false, true) {
		m.do(m.take)
	}
}

// take lowers the flag first: a value stored after that queues a call of its
// own, so the last one is never left lying.
func (m *mailbox[T]) take() {
	m.queued.Store(false)
	if value := m.newest.Swap(nil); value != nil {
		m.deliver(value)
	}
}
