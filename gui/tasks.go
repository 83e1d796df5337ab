package gui

import (
	"context"
	"sync"
	"time"
)

// tasks runs what may wait away from the UI goroutine, and brings the outcome
// back to it. After close no outcome is delivered any more.
type tasks struct {
	do     func(func())
	ctx    context.Context // ends with close
	cancel context.CancelFunc
	group  sync.WaitGroup

	// What was typed reaches the disk even if the window is closed at once.
	editCtx    context.Context
	editCancel context.CancelFunc

	// edits are done one after the other, in the order in which they were
	// made: two changes of one to-do must not overtake each other.
	mu      sync.Mutex
	edits   []func()
	working bool
	closed  bool
}

func newTasks(do func(func())) *tasks {
	t := &tasks{do: do}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.editCtx, t.editCancel = context.WithCancel(context.Background())
	return t
}

// start runs work on a goroutine of its own and then done on the UI goroutine.
// work must end when its context does; done may be nil.
func (t *tasks) start(work func(context.Context) error, done func(error)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	t.group.Go(func() { t.run(t.ctx, work, done) })
}

// queue is start for edits: work begins when those queued before have ended.
func (t *tasks) queue(work func(context.Context) error, done func(error)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	t.edits = append(t.edits, func() { t.run(t.editCtx, work, done) })
	if !t.working {
		t.working = true
		t.group.Go(t.drain)
	}
}

func (t *tasks) drain() {
	for {
		t.mu.Lock()
		if len(t.edits) == 0 {
			t.working = false
			t.mu.Unlock()
			return
		}
		next := t.edits[0]
		t.edits = t.edits[1:]
		t.mu.Unlock()
		next()
	}
}

func (t *tasks) run(ctx context.Context, work func(context.Context) error, done func(error)) {
	err := work(ctx)
	if done == nil {
		return
	}
	t.do(func() {
		if t.ctx.Err() == nil {
			done(err)
		}
	})
}

// lastEdits is how long close waits for the disk.
const lastEdits = 5 * time.Second

// close lets the edits that are queued reach the disk, cancels everything else
// and waits for it.
func (t *tasks) close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.cancel()
	limit := time.AfterFunc(lastEdits, t.editCancel)
	t.group.Wait()
	limit.Stop()
	t.editCancel()
}
