package gui

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"fyne.io/fyne/v2"

	"waybill/auth"
	"waybill/fault"
	"waybill/replica"
	"waybill/todo"
)

// truth is what a status sentence claims, and how each claim is checked against
// what the server has and when and how it last answered. n is the sentence's
// number.
type truth struct {
	form  *regexp.Regexp
	check func(h *history, n int, when string) string // "" if it is true
	rare  bool                                        // a short run may not come to it
}

func truths() []truth {
	form := regexp.MustCompile
	number := func(of func(*history) int) func(*history, int, string) string {
		return func(h *history, n int, _ string) string {
			if of(h) != n {
				return fmt.Sprintf("it is %d", of(h))
			}
			return ""
		}
	}
	return []truth{
		{form(`^Synced (\d\d:\d\d)$`), func(h *history, _ int, when string) string {
			switch {
			case len(h.unsent()) > 0:
				return fmt.Sprintf("%d changes are not at the server", len(h.unsent()))
			case when != h.clock(h.s.read):
				return "the list was read at " + h.clock(h.s.read)
			case !h.s.moved && !h.agree():
				return "the rows are not those of the server"
			}
			return ""
		}, false},
		{form(`^Synced (\d\d:\d\d) · (\d+) changes? waiting$`), func(h *history, n int, when string) string {
			if when != h.clock(h.s.read) || n != len(h.unsent()) {
				return fmt.Sprintf("it is %d, read at %s", len(h.unsent()), h.clock(h.s.read))
			}
			return ""
		}, true},
		{form(`^Offline\. (\d+) changes? kept until Waybill closes$`), func(h *history, n int, _ string) string {
			if !fault.Is(h.s.last, fault.Offline) || n != len(h.unsent()) {
				return fmt.Sprintf("it is %d, and the last call ended with %v", len(h.unsent()), h.s.last)
			}
			return ""
		}, false},
		{form(`^Offline\. Last synced (\d\d:\d\d)$`), func(h *history, _ int, when string) string {
			if !fault.Is(h.s.last, fault.Offline) || len(h.unsent()) > 0 || when != h.clock(h.s.read) {
				return fmt.Sprintf("%d changes wait, and the list was read at %s", len(h.unsent()), h.clock(h.s.read))
			}
			return ""
		}, false},
		{form(`^Sign in to send (\d+) changes?$`), func(h *history, n int, _ string) string {
			if !fault.Is(h.s.last, fault.SignInNeeded) || n != len(h.unsent()) {
				return fmt.Sprintf("it is %d, and the last call ended with %v", len(h.unsent()), h.s.last)
			}
			return ""
		}, false},
		{form(`^Sign in to sync$`), func(h *history, _ int, _ string) string {
			if !fault.Is(h.s.last, fault.SignInNeeded) || len(h.unsent()) > 0 {
				return fmt.Sprintf("%d changes wait, and the last call ended with %v", len(h.unsent()), h.s.last)
			}
			return ""
		}, false},
		{form(`^Access denied by your organisation\. (\d+) changes? kept until Waybill closes$`), number(func(h *history) int { return len(h.unsent()) }), false},
		{form(`^Access denied by your organisation\. Last synced \d\d:\d\d$`), func(h *history, _ int, _ string) string {
			if len(h.unsent()) > 0 {
				return "changes wait"
			}
			return ""
		}, false},
		{form(`^(\d+) changes? needs? a look$`), number(func(h *history) int { return len(h.look()) }), false},
	}
}

// asked are the truths about a server that asks for another sign-in, or that has
// changed.
func asked() []truth {
	form := regexp.MustCompile
	stepUp := func(acr string) func(*history, int, string) string {
		return func(h *history, n int, _ string) string {
			if f := fault.As(h.s.last); f == nil || f.Kind != fault.StepUp || f.Challenge["acr_values"] != acr || n != len(h.unsent()) {
				return fmt.Sprintf("it is %d, and the last call ended with %v", len(h.unsent()), h.s.last)
			}
			return ""
		}
	}
	return []truth{
		{form(`^Fresh sign-in needed to (?:sync|send (\d+) changes?)$`), stepUp(""), false},
		{form(`^Stronger sign-in needed to (?:sync|send (\d+) changes?)$`), stepUp("phishing-resistant"), false},
		{form(`^A server describes itself otherwise\. (\d+) changes? kept until Waybill closes$`), func(h *history, n int, _ string) string {
			if f := fault.As(h.s.last); f == nil || f.Code != changedServer || n != len(h.unsent()) {
				return fmt.Sprintf("it is %d, and the last call ended with %v", len(h.unsent()), h.s.last)
			}
			return ""
		}, false},
		{form(`^A server describes itself otherwise\. Last synced (\d\d:\d\d)$`), func(h *history, _ int, when string) string {
			if f := fault.As(h.s.last); f == nil || f.Code != changedServer || len(h.unsent()) > 0 || when != h.clock(h.s.read) {
				return fmt.Sprintf("%d changes wait, and the last call ended with %v", len(h.unsent()), h.s.last)
			}
			return ""
		}, false},
	}
}

// history is what one computer and others do to the same to-dos, with the window
// open.
type history struct {
	*rig
	real    *replica.Replica
	s       *toDoServer
	rand    *rand.Rand
	began   time.Time
	reached map[string]bool
	done    []string
}

func (h *history) clock(at time.Time) string { return noon.Add(at.Sub(h.began)).Format("15:04") }

// unsent are the changes that the outbox lists as not at the server.
func (h *history) unsent() []replica.Pending {
	return slices.DeleteFunc(h.real.Outbox(), func(c replica.Pending) bool { return c.State == replica.PendingDiscarded })
}

func (h *history) look() []replica.Pending {
	return slices.DeleteFunc(h.unsent(), func(c replica.Pending) bool {
		return c.State != replica.PendingConflict && c.State != replica.PendingRefused
	})
}

// agree reports whether the rows on the list are what the server has.
func (h *history) agree() bool {
	rows := h.page().snapshot.Rows
	if len(rows) != len(h.s.items) {
		return false
	}
	for _, row := range rows {
		if i := h.s.index(row.Todo.ID); i < 0 || !todo.SameContent(row.Todo, h.s.items[i]) {
			return false
		}
	}
	return true
}

// honest checks the sentence that is on the screen.
func (h *history) honest() {
	h.Helper()
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	words := h.page().status.sentence.words
	for _, t := range append(truths(), asked()...) {
		found := t.form.FindStringSubmatch(words)
		if found == nil {
			continue
		}
		h.reached[t.form.String()] = true
		n, when := 0, ""
		for _, group := range found[1:] {
			if number, err := strconv.Atoi(group); err == nil {
				n = number
			} else {
				when = group
			}
		}
		if wrong := t.check(h, n, when); wrong != "" {
			h.Fatalf("the window says %q, but %s\nafter %q\noutbox %+v", words, wrong, h.done, h.unsent())
		}
		for _, row := range h.page().snapshot.Rows {
			if row.State != replica.Synced && len(h.unsent()) == 0 {
				h.Fatalf("a row is marked and the outbox is empty, after %q", h.done)
			}
		}
		return
	}
	h.Fatalf("the window says %q, which nobody has described\nafter %q", words, h.done)
}

// step does one thing, by chance.
func (h *history) step() {
	p := h.page()
	rows := p.snapshot.Rows
	var row *replica.Row
	if len(rows) > 0 {
		row = rows[h.rand.IntN(len(rows))]
	}
	title := fmt.Sprint("Title ", len(h.done))
	steps := map[string]func(){
		"add":      func() { p.add(title) },
		"complete": func() { p.toggle(row.Todo.ID) },
		"rename":   func() { p.updateFrom(row.Todo, todo.Patch{Title: &title}, nil) },
		"delete":   func() { p.remove(row.Todo.ID) },
		"undo":     func() { p.undo() },
		"theirs":   func() { h.s.change(h.item(), func(t *todo.Todo) { t.Title = "Theirs " + title }) },
		"gone":     func() { h.s.remove(h.item()) },
		"offline":  func() { h.away(fault.Offline) },
		"sign-in":  func() { h.away(fault.SignInNeeded) },
		"denied":   func() { h.away(fault.Denied) },
		"fresher":  func() { h.asksFor("") },
		"stronger": func() { h.asksFor("phishing-resistant") },
		"changed": func() {
			h.s.set(func() {
				h.s.away = fault.New(fault.StepDiscovery, fault.Config, changedServer, "A server describes itself otherwise.")
			})
		},
		"approve":  func() { h.approve() },
		"online":   func() { h.s.set(func() { h.s.away = nil }) },
		"refusing": func() { h.refuse(fault.New(fault.StepCall, fault.Invalid, "invalid", "The server does not take it.")) },
		"taking":   func() { h.refuse(nil) },
		"discard":  func() { h.real.Discard(h.Context(), h.unsent()[0].Number) },
		"retry":    func() { h.real.Retry(h.Context(), h.look()[0].Number) },
		"mine":     func() { h.real.Resolve(h.Context(), h.look()[0].Edit.ID, replica.KeepMine) },
		"theirs!":  func() { h.real.Resolve(h.Context(), h.look()[0].Edit.ID, replica.KeepTheirs) },
		"later":    func() { h.after(time.Duration(1+h.rand.IntN(40)) * time.Minute) },
		"sync":     func() { h.sync(h.real) },
	}
	names := []string{"add", "complete", "rename", "rename", "delete", "undo", "theirs", "gone", "offline", "sign-in", "denied",
		"fresher", "stronger", "changed", "changed", "approve", "online", "online", "refusing", "taking", "discard", "retry", "mine", "theirs!", "later", "sync", "sync"}
	name := names[h.rand.IntN(len(names))]
	switch {
	case row == nil && slices.Contains([]string{"complete", "rename", "delete"}, name),
		h.item() == "" && slices.Contains([]string{"theirs", "gone"}, name),
		name == "discard" && len(h.unsent()) == 0,
		slices.Contains([]string{"retry", "mine", "theirs!"}, name) && len(h.look()) == 0:
		name = "sync"
	}
	h.done = append(h.done, name)
	steps[name]()
	h.settle()
	h.w.notices.clearFault()
}

// asksFor lets the server ask for a new sign-in (RFC 9470): by this means, or ""
// for any.
func (h *history) asksFor(acr string) {
	f := fault.New(fault.StepCall, fault.StepUp, "insufficient_user_authentication", "The server asks for a new sign-in.")
	if f.Challenge = map[string]string{"max_age": "60"}; acr != "" {
		f.Challenge = map[string]string{"acr_values": acr}
	}
	h.s.set(func() { h.s.away = f })
}

// approve looks at how the servers have changed and approves it, after which
// they answer again.
func (h *history) approve() {
	h.b.changes = []auth.Change{{What: "the token endpoint", Was: "https://as.example/token", Now: "https://as.example/v2/token"}}
	h.w.review(h.w.state.Current)
	h.settle()
	h.tap("Approve")
	h.s.set(func() { h.s.away = nil })
}

// item is the id of one that the server has, "" if it has none.
func (h *history) item() (id string) {
	h.s.set(func() {
		if n := len(h.s.items); n > 0 {
			id = h.s.items[h.rand.IntN(n)].ID
		}
	})
	return id
}

func (h *history) away(kind fault.Kind) {
	h.s.set(func() { h.s.away = fault.New(fault.StepCall, kind, "away", "It does not work.") })
}

func (h *history) refuse(err *fault.Fault) {
	h.s.set(func() {
		if h.s.gate = nil; err != nil {
			h.s.gate = func(context.Context) error { return err }
		}
	})
}

// I10: whatever happens, in whatever order, the sentence at the bottom of the
// window is true: its number is that of the outbox, what it says of the server
// is how the server answered last, and "Synced" means that every row is what the
// server has.
func TestI10_TheStatusSentenceIsTrue(t *testing.T) {
	seeds := 30
	if os.Getenv("WAYBILL_SLOW") != "" {
		seeds = 1000
	}
	reached := map[string]bool{}
	for seed := range seeds {
		s := newToDoServer(believable(noon)[:4]...)
		overReplica(t, s, func(r *rig, real *replica.Replica) {
			h := &history{rig: r, real: real, s: s, rand: rand.New(rand.NewPCG(uint64(seed), 10)), began: began(r), reached: reached}
			for range 20 {
				h.step()
				h.honest()
			}
		})
	}
	for _, truth := range append(truths(), asked()...) {
		if !truth.rare && !reached[truth.form.String()] {
			t.Errorf("no history came to %s", truth.form)
		}
	}
}

// began is the moment of virtual time that is noon.
func began(r *rig) time.Time { return time.Now().Add(-r.b.now().Sub(noon)) }

// While changes are being sent the sentence says which of how many, and no more
// are at the server than it says.
func TestI10_TheSentenceCountsWhatIsSent(t *testing.T) {
	s := newToDoServer(believable(noon)[:5]...)
	overReplica(t, s, func(r *rig, real *replica.Replica) {
		s.set(func() { s.away = fault.New(fault.StepCall, fault.Offline, "away", "The server cannot be reached.") })
		for _, row := range real.Snapshot().Rows {
			r.page().toggle(row.Todo.ID)
			r.settle()
		}
		if got := r.page().status.sentence.words; got != "Offline. 5 changes kept until Waybill closes" {
			t.Fatalf("the window says %q", got)
		}
		pass := make(chan struct{})
		s.set(func() {
			s.away = nil
			s.gate = func(ctx context.Context) error {
				select {
				case <-pass:
					return nil
				case <-ctx.Done():
					return fault.As(ctx.Err())
				}
			}
		})
		ended := make(chan error, 1)
		go func() { ended <- real.SyncNow(r.Context()) }()
		for sent := range 5 {
			r.settle()
			want := fmt.Sprintf("Sending %d of 5", sent+1)
			if got := r.page().status.sentence.words; got != want || r.page().status.sentence.kind != replica.Busy {
				t.Errorf("with %d at the server the window says %q, want %q", sent, got, want)
			}
			pass <- struct{}{}
			synctest.Wait()
		}
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		r.settle()
		if got := r.page().status.sentence.words; got != "Synced 12:05" {
			t.Errorf("at last the window says %q", got)
		}
		s.set(func() {
			for _, item := range s.items {
				if !item.Completed {
					t.Errorf("the server did not get %q", item.Title)
				}
			}
		})
	})
}

// The sentence is cut only where there is no room, and then said in full where
// the pointer rests.
func TestEverySentenceFitsIntoANarrowWindow(t *testing.T) {
	signedIn(t, func(r *rig) {
		r.w.win.Resize(fyne.NewSize(340, 640))
		for _, words := range []string{"Synced 24 Nov 2025 · 12 changes waiting", "Offline. 12345 changes saved on this computer", "Sending 12344 of 12345",
			"Sign in to send 12345 changes", "Stronger sign-in needed to send 12345 changes", "12345 changes need a look", "12345 of 100000 to-dos are no longer at the server"} {
			r.change(func() { r.todos.status = replica.Status{Sentence: words} })
			if s := r.page().status.sentence; s.MinSize().Width > s.Size().Width {
				t.Errorf("%q is %v wide and has %v", words, s.MinSize().Width, s.Size().Width)
			}
		}
	})
}
