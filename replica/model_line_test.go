package replica

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"waybill/todo"
)

// line carries the requests of the computers to the server: not always, not
// always once, and not always in time.
type line struct {
	*server
	coin        *rand.Rand
	twice, late int      // of ten requests
	under       []func() // requests on their way whose sender has given up, or does not know of
	at          func()   // is called before and after each request
}

func (l *line) carry(do func() error) error {
	if l.at != nil {
		l.at()
		defer l.at()
	}
	dice := 10 // good weather
	if l.coin != nil {
		dice = l.coin.IntN(10)
	}
	switch {
	case dice < l.late:
		l.under = append(l.under, func() { _ = do() })
		return trouble(504, -1)
	case dice < l.late+l.twice && dice%2 == 0:
		_ = do() // and its answer is that of the second
	case dice < l.late+l.twice:
		l.under = append(l.under, func() { _ = do() })
	}
	return do()
}

// arrive lets everything that is on its way come to the server.
func (l *line) arrive() {
	for _, do := range l.under {
		do()
	}
	l.under = nil
}

func (l *line) Create(_ context.Context, t todo.Todo, key string) (got todo.Todo, err error) {
	err = l.carry(func() (err error) {
		got, err = l.server.Create(context.Background(), t, key)
		return err
	})
	return got, err
}

func (l *line) Update(_ context.Context, id string, p todo.Patch, ifMatch string) (got todo.Todo, err error) {
	err = l.carry(func() (err error) {
		got, err = l.server.Update(context.Background(), id, p, ifMatch)
		return err
	})
	return got, err
}

func (l *line) Delete(_ context.Context, id, ifMatch string) error {
	return l.carry(func() error { return l.server.Delete(context.Background(), id, ifMatch) })
}

// tag adds a tag that nothing else adds or takes away. Tags of several editors
// are merged, so it must be at its to-do in the end, whatever happened: it bears
// witness to its edit.
func (w *world) tag() {
	r := w.one()
	row := w.pick(r)
	w.tokens++
	tag := fmt.Sprint("witness ", w.tokens)
	w.allow(r.Update(context.Background(), row.Todo.ID, todo.Patch{Tags: ptr(append(slices.Clone(row.Todo.Tags), tag))}))
	w.witness[tag] = row.Todo.Description
}

func witnesses(tags []string) []string {
	return slices.DeleteFunc(slices.Clone(tags), func(tag string) bool { return !strings.HasPrefix(tag, "witness ") })
}

// shown is the to-dos, by their tokens, and the witnesses that r shows.
func shown(r *Replica) map[string]bool {
	out := descriptions(r)
	for _, row := range r.Snapshot().Rows {
		for _, tag := range witnesses(row.Todo.Tags) {
			out[tag] = true
		}
	}
	return out
}

// excuse notes what an action of the user may have taken away at r.
func (w *world) excuse(r *Replica, action func()) {
	before := shown(r)
	action()
	after := shown(r)
	for what := range before {
		if !after[what] {
			w.deleted[what] = true
		}
	}
}

// testify looks for the witnesses at the server.
func (w *world) testify() {
	if w.s.noETags {
		return // whoever writes last overwrites unseen; nothing here can know
	}
	for tag, token := range w.witness {
		if w.deleted[tag] || w.deleted[token] {
			continue
		}
		found := false
		var all []todo.Todo
		for _, item := range w.s.items {
			if item.Description == token {
				all, found = append(all, item), found || slices.Contains(item.Tags, tag)
			}
		}
		if !found {
			w.t.Fatalf("the edit that added %q to %q is lost, of which there is %+v\n%v", tag, token, all, w.s.calls)
		}
	}
}

// image is what a computer would find on its disk if it crashed now.
func (w *world) image() map[string][]byte {
	out := map[string][]byte{}
	for _, path := range w.filesHere() {
		data, err := os.ReadFile(path)
		if err != nil {
			w.t.Fatal(err)
		}
		out[path] = data
	}
	return out
}

// filesHere are the files of the account that hold something: neither the locks
// nor what SQLite makes anew.
func (w *world) filesHere() (out []string) {
	found, err := filepath.Glob(filesOf(w.options("alice")).base + ".*")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, path := range found {
		if ext := filepath.Ext(path); ext != ".sync" && ext != ".use" && !strings.HasSuffix(path, "-shm") {
			out = append(out, path)
		}
	}
	return out
}

// crashInSync ends the process here in the middle of a sync, before or after
// one of its requests.
func (w *world) crashInSync() {
	n := rapid.IntRange(0, 9).Draw(w.t, "point of the sync")
	var image map[string][]byte
	w.net.at = func() {
		if n == 0 {
			image = w.image()
		}
		n--
	}
	_ = w.here.round(context.Background(), w.net, setOf(WakeUser))
	w.net.at = nil
	if image == nil {
		image = w.image()
	}
	w.here.end()
	w.here.work.Wait()
	w.here.shutFile()
	old, err := filepath.Glob(filesOf(w.options("alice")).database() + "*")
	w.allow(err)
	for _, path := range old {
		w.allow(os.Remove(path))
	}
	for path, data := range image {
		w.allow(os.WriteFile(path, data, 0o600))
	}
	w.here = w.open(w.options("alice"))
	if notice := w.here.Snapshot().Notice; notice != nil {
		w.t.Fatalf("after a crash: %v", notice)
	}
}

// signOutAndIn signs out here, losing what was not sent, lets someone else in
// and signs in again.
func (w *world) signOutAndIn() {
	there := map[string]bool{}
	for _, item := range w.s.items {
		there[item.Description] = true
		for _, tag := range item.Tags {
			there[tag] = true
		}
	}
	for what := range shown(w.here) {
		w.deleted[what] = w.deleted[what] || !there[what] // as the user agreed to
	}
	w.tear(w.here, w.here.Outbox()...)
	w.allow(w.here.Close())
	w.allow(Remove(w.options("alice")))
	if left, err := filepath.Glob(filesOf(w.options("alice")).base + "*"); err != nil || len(left) > 0 {
		w.t.Fatalf("left after the sign-out: %v, %v", left, err)
	}
	w.signInAs()
	w.here = w.open(w.options("alice"))
	if n, m := len(w.here.Snapshot().Rows), len(w.here.Outbox()); n+m > 0 {
		w.t.Fatalf("%d to-dos and %d edits were left by a sign-out", n, m)
	}
}
