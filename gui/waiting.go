package gui

import (
	"context"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"waybill/fault"
	"waybill/session"
)

// waitingPage is there while the user is in the browser. It says how long it
// still waits, opens the browser again, copies the link, and can be cancelled.
type waitingPage struct {
	w    *Window
	name string
	body fyne.CanvasObject

	stop     context.CancelFunc
	signIn   SignIn // nil until the browser has been opened
	deadline time.Time
	second   *time.Timer
	over     bool

	says, left   *text
	reopen, copy *button
	track        *timeTrack
}

func newWaitingPage(w *Window, name string) *waitingPage {
	p := &waitingPage{w: w, name: name}
	info := w.connection(name)
	w.notices.clearFault()
	p.says = newText("Opening your browser…", textStyle{wrap: true})
	p.left = newText("", textStyle{color: colorMuted, size: labelSize})
	p.track = newTimeTrack()
	p.reopen = newButton("Open the browser again", buttonPlain, p.openAgain)
	p.copy = newButton("Copy the link", buttonPlain, p.copyLink).withIcon(theme.ContentCopyIcon())
	cancel := newButton("Cancel", buttonPlain, p.cancel)
	p.reopen.disabled, p.copy.disabled = true, true
	parts := column(14, heading("Waiting for your browser", 20), p.says)
	if info.BuiltIn {
		parts.Add(blurb("The built-in playground takes any e-mail address and any six digits. Nothing leaves this computer."))
	}
	parts.Add(column(6, p.track.panel, p.left))
	parts.Add(buttonRow(p.reopen, p.copy, cancel))
	p.body = stack(newPanel(nil, panelStyle{fill: theme.ColorNameBackground}),
		container.NewVScroll(inset(even(18), centred(560, card(parts)))))
	p.begin()
	return p
}

// begin opens the browser and waits for the sign-in.
func (p *waitingPage) begin() {
	var ctx context.Context
	ctx, p.stop = context.WithCancel(p.w.tasks.ctx)
	p.w.tasks.start(func(context.Context) error {
		s, err := p.w.backend.BeginSignIn(ctx, p.name)
		if err != nil {
			return err
		}
		defer s.Cancel()
		p.w.o.Do(func() { p.opened(s) })
		return s.Wait(ctx)
	}, p.ended)
}

// opened says that the browser has been opened.
func (p *waitingPage) opened(s SignIn) {
	if p.over {
		return
	}
	p.signIn, p.deadline = s, s.Deadline()
	title := show(p.w.connection(p.name).Connection.DisplayTitle(), 60)
	p.says.set("Sign in to “" + title + "” in the browser window that has just opened. Waybill goes on by itself when you are done.")
	p.reopen.Enable()
	p.copy.Enable()
	p.w.relayout()
	p.track.whole = p.deadline.Sub(p.w.o.Now())
	p.tick()
}

// tick counts down.
func (p *waitingPage) tick() {
	if p.over {
		return
	}
	rest := max(0, p.deadline.Sub(p.w.o.Now()))
	p.left.set(countdown(rest) + " left")
	p.track.show(rest)
	if rest == 0 {
		return
	}
	next := rest % time.Second
	if next < 50*time.Millisecond {
		next += time.Second
	}
	p.second = time.AfterFunc(next, func() { p.w.o.Do(p.tick) })
}

// ended goes on to the to-dos, or back with what went wrong.
func (p *waitingPage) ended(err error) {
	if p.over {
		return
	}
	p.finish()
	p.w.page = nil // showHome must not keep a page that has ended
	p.w.state = p.w.backend.State()
	p.w.route = route{p.w.state.Phase, p.w.backend.Todos()}
	p.w.showHome()
	if p.w.reportAt(p.name, err); err == nil && p.w.state.Account != nil {
		p.w.with(func(t *todosPage) { t.say(signedInWords(p.w.state.Account), "", nil) })()
	}
}

// finish ends the wait and what belongs to it.
func (p *waitingPage) finish() {
	p.over = true
	p.stop()
	if p.second != nil {
		p.second.Stop()
	}
}

func (p *waitingPage) cancel() {
	if !p.over {
		p.ended(fault.As(context.Canceled))
	}
}

func (p *waitingPage) openAgain() {
	s := p.signIn
	p.w.tasks.start(func(context.Context) error { return s.Reopen() }, p.w.report)
}

// copyLink waits for the address, which is there once the identity provider's
// metadata is.
func (p *waitingPage) copyLink() {
	s := p.signIn
	var address string
	p.w.tasks.start(func(ctx context.Context) (err error) {
		address, err = s.URL(ctx)
		return err
	}, func(err error) {
		if p.over {
			return
		}
		if p.w.report(err); err == nil {
			p.w.copy(address)
			p.copy.setWords("Copied")
		}
	})
}

func (p *waitingPage) content() fyne.CanvasObject  { return p.body }
func (p *waitingPage) stateChanged(*session.State) {}
func (p *waitingPage) escape()                     { p.cancel() }
func (p *waitingPage) leave()                      { p.finish() }

// timeTrack shows as a bar how much of the time is left.
type timeTrack struct {
	panel *panel
	bar   *panel
	whole time.Duration
	part  float32
}

func newTimeTrack() *timeTrack {
	t := &timeTrack{bar: newPanel(nil, panelStyle{fill: theme.ColorNamePrimary, radius: 2}), part: 1}
	t.panel = newPanel(container.New(trackLayout{t}, t.bar), panelStyle{fill: theme.ColorNameSeparator, radius: 2})
	return t
}

func (t *timeTrack) show(rest time.Duration) {
	if t.whole > 0 {
		t.part = float32(rest) / float32(t.whole)
	}
	t.panel.content.Refresh()
}

type trackLayout struct{ t *timeTrack }

func (trackLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(10, 4) }

func (l trackLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	place(objects[0], 0, 0, size.Width*min(1, max(0, l.t.part)), size.Height)
}
