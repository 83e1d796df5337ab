package gui

import (
	"context"
	"fmt"
	"time"

	"fyne.io/fyne/v2"
)

// runner is something that a button starts and another one cancels, with what
// there is to say of it meanwhile.
type runner struct {
	w       *Window
	start   *button
	stop    *button
	says    *text
	bar     *timeBar
	box     *fyne.Container
	cancel  context.CancelFunc
	running bool
	turn    int // counts the runs: what comes late from an earlier one is nothing
	began   time.Time
	words   string // of the run, and what the server says of it
	timer   *time.Timer
	changed func()
}

func newRunner(w *Window, start *button, changed func()) *runner {
	r := &runner{w: w, start: start, cancel: func() {}, bar: newTimeBar(), changed: changed}
	r.stop = newButton("Cancel", buttonPlain, func() { r.cancel() })
	r.stop.Hide()
	r.bar.Hide()
	r.says = newText("", textStyle{color: colorMuted, size: labelSize, wrap: true})
	r.box = column(6, r.says, r.bar)
	r.box.Hide()
	return r
}

// run does work, which may wait, and then done, unless it was left meanwhile.
func (r *runner) run(words string, work func(ctx context.Context, tell progress) error, done func(error)) {
	if r.running {
		return
	}
	var ctx context.Context
	ctx, r.cancel = context.WithCancel(r.w.tasks.ctx)
	stop := r.cancel
	r.turn++
	mine := r.turn
	r.running, r.began, r.words = true, r.w.o.Now(), words
	r.bar.Hide()
	r.show()
	r.tick(mine)
	tell := r.progress(mine)
	r.w.tasks.start(func(context.Context) error {
		defer stop()
		return work(ctx, tell)
	}, func(err error) {
		if r.turn == mine {
			r.running = false
			r.show()
			done(err)
		}
	})
}

// progress says how far it is: done of total, which is 0 where nobody knows. It
// may be called from any goroutine.
type progress func(done, total float64, words string)

func (r *runner) progress(mine int) progress {
	return func(done, total float64, words string) {
		r.w.o.Do(func() {
			if r.turn != mine || !r.running {
				return
			}
			if words != "" {
				r.words = words
			}
			if total > 0 {
				r.bar.show(0, float32(min(1, max(0, done/total))), false)
				visible(r.bar, true)
			}
			r.show()
		})
	}
}

// leave gives it up.
func (r *runner) leave() {
	r.turn++
	r.cancel()
	r.running = false
	if r.timer != nil {
		r.timer.Stop()
	}
}

func (r *runner) show() {
	visible(r.start, !r.running)
	visible(r.stop, r.running)
	visible(r.box, r.running)
	if !r.running {
		r.bar.Hide()
		if r.timer != nil {
			r.timer.Stop()
		}
	}
	r.say()
	r.changed()
}

func (r *runner) say() {
	words := r.words
	if d := r.w.o.Now().Sub(r.began); d >= time.Second {
		words += fmt.Sprintf(" · %d s", int(d.Seconds()))
	}
	r.says.set(words)
}

// tick says each second how long it takes.
func (r *runner) tick(mine int) {
	r.timer = time.AfterFunc(time.Second, func() {
		r.w.o.Do(func() {
			if r.turn == mine && r.running {
				r.say()
				r.tick(mine)
			}
		})
	})
}
