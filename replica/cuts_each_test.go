package replica

import (
	"fmt"
	"slices"
	"testing"
)

// everyCut breaks the line in every message that goes one way, after the same
// number of bytes of each: once in each message, so that it comes through when
// it is sent again. A message is a request of HTTP/1.1, or the answer to it; one
// at a time is on its way.
type everyCut struct {
	cut // at counts from the beginning of each message

	turn    int            // who has spoken last: up, down or nobody
	request string         // the beginning of the last request
	said    int            // bytes of the message
	seen    map[string]int // how often each request was cut, or its answer
}

const nobody = -1

// dialled notes a new connection: the next byte begins a request.
func (e *everyCut) dialled() {
	if e != nil {
		e.turn = nobody
	}
}

// passes is how many bytes of p come through before the line breaks; -1 if it
// does not.
func (e *everyCut) passes(way int, p []byte) int {
	if e == nil {
		return -1
	}
	if e.turn != way {
		e.turn, e.said = way, 0
		if way == up {
			e.request = string(p)
		}
	}
	before := e.said
	e.said += len(p)
	if way != e.way || e.seen[e.request] > 0 || e.at < before || e.at >= e.said {
		return -1
	}
	e.seen[e.request]++
	e.turn = nobody
	return e.at - before
}

// syncCutInEach syncs until everything has come through.
func (w *cutWorld) syncCutInEach(e *everyCut) {
	t := w.t
	t.Helper()
	r := w.travel()
	e.seen = map[string]int{}
	r.line.set(false, nil)
	r.line.mu.Lock()
	r.line.every = e
	r.line.mu.Unlock()
	for quiet, round := 0, 0; quiet < 2; round++ { // one sends, one fetches the list as it is then
		cuts := len(e.seen)
		failed := r.SyncNow(t.Context())
		says, waiting := r.Snapshot().Status, len(r.Outbox())
		switch {
		case round > 1000:
			t.Fatalf("%v: no end; %+v", e.cut, says)
		case failed == nil && waiting > 0, failed != nil && says.Kind != Offline, says.Waiting != waiting, says.Look > 0:
			t.Errorf("%v: %d edits wait, the sync ended with %v, and the status says %+v", e.cut, waiting, failed, says)
		case failed != nil && len(e.seen) == cuts:
			t.Errorf("%v: nothing broke, and yet %v", e.cut, failed)
		}
		if quiet++; failed != nil {
			quiet = 0
		}
		r.line.mu.Lock()
		r.line.off = false
		r.line.mu.Unlock()
	}
	r.home(e.cut)
}

// Every message of a sync of a hundred edits is cut at every byte, in both
// directions: each request, and each answer. In one sync all messages break, at
// the same byte of each, one after the other; the next sync takes the next byte.
// Nothing is lost, and nothing is there twice. In CI some of the bytes are tried.
func TestR6_EveryMessageOfASyncCutAtEveryByte(t *testing.T) {
	step := 401
	if slow() {
		step = 7
	}
	if slow() && !raced {
		step = 1
	}
	passed := recorded(t, overHTTP1)
	seldomCollect(t)
	for way := range passed {
		all := messages(t, passed[way])
		var places []int
		for at := 0; at < longest(all); at += step {
			places = append(places, at)
		}
		t.Logf("%s: %d bytes in %d messages, the longest of %d; cut at %d places of each", []string{"up", "down"}[way], len(passed[way]), len(all), longest(all), len(places))
		for chunk := range slices.Chunk(places, max(4, min(100, len(places)/8))) {
			t.Run(fmt.Sprint([]string{"up ", "down "}[way], chunk[0]), func(t *testing.T) {
				t.Parallel()
				inCutWorld(t, overHTTP1, inMemoryFolder(t), func(w *cutWorld) {
					for _, at := range chunk {
						e := &everyCut{cut: ways(way, at)[at%4], turn: nobody}
						w.syncCutInEach(e)
						if want := longer(all, at); len(e.seen) < want {
							t.Errorf("%v: %d of %d messages were cut", e.cut, len(e.seen), want)
						}
						if t.Failed() {
							return // one is enough to look at
						}
					}
				})
			})
		}
	}
}

func longest(all []message) (n int) {
	for _, m := range all {
		n = max(n, m.end-m.start)
	}
	return n
}

// longer counts the messages that have a byte at that place.
func longer(all []message, at int) (n int) {
	for _, m := range all {
		if m.end-m.start > at {
			n++
		}
	}
	return n
}
