package replica

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"waybill/fault"
	"waybill/todo"
)

// world is a server with what several computers and accounts do to it, and what
// must hold of them.
type world struct {
	dir    string
	s      *server
	net    *line
	now    time.Time
	here   *Replica // with a file; it crashes
	there  *Replica // another computer
	other  *server  // of another account
	t      *rapid.T
	tokens int

	signedInAs bool

	deleted map[string]bool   // tokens of to-dos that someone has deleted, and witnesses that someone took back
	made    map[string]bool   // tokens of all that were added
	witness map[string]string // the tags that bear witness, and the tokens of their to-dos
	typed   ledger
}

func (w *world) options(name string) Options {
	return Options{Dir: w.dir, Account: name, Parallel: 1, Now: func() time.Time { return w.now }}
}

func (w *world) open(o Options) *Replica {
	r, err := open(context.Background(), o, testSeams())
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// begin draws a world: what the server is like, and what it has.
func begin(t *rapid.T, dir string) *world {
	w := &world{dir: dir, s: newServer(), other: newServer(todo.Todo{ID: "1", Title: "of another account"}), t: t,
		now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), deleted: map[string]bool{}, made: map[string]bool{},
		witness: map[string]string{}, typed: ledger{}}
	w.net = &line{server: w.s}
	w.s.noKeys = rapid.Bool().Draw(t, "server without idempotency keys")
	w.s.ownIDs = rapid.Bool().Draw(t, "server gives its own ids")
	w.s.noETags = rapid.IntRange(0, 3).Draw(t, "server without versions") == 0
	w.s.trim = rapid.Bool().Draw(t, "server takes blanks off")
	for i := range rapid.IntRange(0, 4).Draw(t, "to-dos at the start") {
		token := w.token()
		w.typed.begin(w.s.put(todo.Todo{ID: fmt.Sprint(i), Title: fmt.Sprint("start ", i), Description: token}))
	}
	w.here, w.there = w.open(w.options("alice")), w.open(Options{Parallel: 1})
	return w
}

// token marks a to-do from its making to its end: nothing edits a description.
func (w *world) token() string {
	w.tokens++
	token := fmt.Sprint("token ", w.tokens)
	w.made[token] = true
	return token
}

func (w *world) one() *Replica {
	if rapid.Bool().Draw(w.t, "here") {
		return w.here
	}
	return w.there
}

// pick draws a row of r, or nil.
func (w *world) pick(r *Replica) *Row {
	rows := r.Snapshot().Rows
	if len(rows) == 0 {
		w.t.Skip("no row")
	}
	rows = slices.SortedFunc(slices.Values(rows), func(a, b *Row) int { return strings.Compare(a.Todo.Description, b.Todo.Description) })
	return rows[rapid.IntRange(0, len(rows)-1).Draw(w.t, "row")] // by what does not differ from run to run
}

// allow fails on an error that is not one of these kinds.
func (w *world) allow(err error, kinds ...fault.Kind) {
	w.t.Helper()
	if err == nil {
		return
	}
	for _, kind := range kinds {
		if fault.Is(err, kind) {
			return
		}
	}
	w.t.Fatalf("%v", err)
}

func (w *world) add() {
	r := w.one()
	item := todo.Todo{Title: w.title(), Description: w.token()}
	_, err := r.Add(context.Background(), item)
	w.allow(err)
	w.typed.begin(item)
}

// title is one that nobody has typed before.
func (w *world) title() string {
	w.tokens++
	form := rapid.SampledFrom([]string{"milk %d", "bread %d", " eggs %d", "salt %d "}).Draw(w.t, "title")
	return fmt.Sprintf(form, w.tokens)
}

// due is a time that nobody has typed before.
func (w *world) due() time.Time {
	w.tokens++
	return w.now.AddDate(0, 0, rapid.IntRange(-1, 1).Draw(w.t, "due")).Add(time.Duration(w.tokens) * time.Second)
}

func (w *world) edit() {
	r := w.one()
	p := todo.Patch{}
	switch rapid.IntRange(0, 4).Draw(w.t, "field") {
	case 0:
		p.Title = ptr(w.title())
	case 1:
		p.Completed = ptr(rapid.Bool().Draw(w.t, "completed"))
	case 2:
		p.Priority = ptr(rapid.SampledFrom([]todo.Priority{"", todo.Low, todo.High}).Draw(w.t, "priority"))
	case 3:
		p.Tags = ptr(rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 3, rapid.ID).Draw(w.t, "tags"))
	default:
		if p.Due = ptr(w.due()); rapid.Bool().Draw(w.t, "and the title") {
			p.Title = ptr(w.title())
		}
	}
	row := w.pick(r)
	if p.Tags != nil {
		p.Tags = ptr(append(*p.Tags, witnesses(row.Todo.Tags)...))
	}
	w.allow(r.Update(context.Background(), row.Todo.ID, p))
	w.typed.typed(row.Todo, p.Apply(row.Todo))
}

func (w *world) remove() {
	r := w.one()
	row := w.pick(r)
	w.deleted[row.Todo.Description] = true
	w.allow(r.Delete(context.Background(), row.Todo.ID))
}

// undo may delete or bring back, so every to-do that an undone edit could have
// made or deleted counts as deleted by someone.
func (w *world) undo() {
	r := w.one()
	before := byToken(r)
	w.excuse(r, func() {
		if rapid.Bool().Draw(w.t, "redo") {
			w.allow(r.Redo(context.Background()), fault.Invalid, fault.NotFound, fault.Conflict)
		} else {
			w.allow(r.Undo(context.Background()), fault.Invalid, fault.NotFound, fault.Conflict)
		}
	})
	for token, after := range byToken(r) {
		if old, ok := before[token]; ok {
			w.typed.tookBack(old, after)
		}
	}
}

func descriptions(r *Replica) map[string]bool {
	out := map[string]bool{}
	for _, row := range r.Snapshot().Rows {
		out[row.Todo.Description] = true
	}
	return out
}

func (w *world) sync() {
	r := w.one()
	err := r.round(context.Background(), w.net, setOf(WakeUser))
	w.calm(r)
	w.allow(err, fault.Offline, fault.Conflict)
}

func (w *world) calm(r *Replica) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sync.phase = idle
	r.publish()
}

// weather sets how bad the line is.
func (w *world) weather() {
	flaky := rapid.IntRange(0, 9).Draw(w.t, "answers lost of ten")
	// Drawn here once: the requests run on goroutines of their own.
	coin := rand.New(rand.NewPCG(rapid.Uint64().Draw(w.t, "which"), 0))
	lose := func(op, _ string) error {
		if coin.IntN(10) < flaky {
			return trouble(502, -1)
		}
		return nil
	}
	w.s.before, w.s.after = lose, lose
	w.net.coin = coin
	w.net.twice, w.net.late = rapid.IntRange(0, 4).Draw(w.t, "requests doubled of ten"), rapid.IntRange(0, 4).Draw(w.t, "requests late of ten")
}

func (w *world) arrive() {
	if len(w.net.under) == 0 {
		w.t.Skip("nothing is on its way")
	}
	w.net.arrive()
}

func (w *world) someoneElse() {
	byToken := map[string]string{}
	for id, item := range w.s.items {
		byToken[item.Description] = id
	}
	if len(byToken) == 0 {
		w.t.Skip("nothing at the server")
	}
	id := byToken[rapid.SampledFrom(slices.Sorted(maps.Keys(byToken))).Draw(w.t, "which")]
	item := w.s.items[id]
	defer func() {
		if now, ok := w.s.items[id]; ok {
			w.typed.typed(item, now)
		}
	}()
	switch rapid.IntRange(0, 3).Draw(w.t, "what") {
	case 0:
		w.deleted[item.Description] = true
		w.s.drop(id)
	case 1:
		w.s.change(id, func(t *todo.Todo) { t.Completed = !t.Completed })
	default:
		title := "theirs " + w.title()
		w.s.change(id, func(t *todo.Todo) { t.Title = title })
	}
}

// crash ends the process here without a word and starts it again: what was
// shown as saved is there.
func (w *world) crash() {
	before, edits := content(w.here), w.here.Snapshot().Status
	w.here.end()
	w.here.work.Wait()
	w.here.shutFile()
	w.here = w.open(w.options("alice"))
	if after := content(w.here); !slices.Equal(before, after) {
		w.t.Fatalf("before the crash %v\nafter it %v", before, after)
	}
	if after := w.here.Snapshot().Status; after.Waiting != edits.Waiting || after.Look != edits.Look {
		w.t.Fatalf("before the crash %+v\nafter it %+v", edits, after)
	}
}

func (w *world) restart() {
	w.allow(w.here.Close())
	w.here = w.open(w.options("alice"))
}

func (w *world) clockJumps() {
	w.now = w.now.Add(time.Duration(rapid.SampledFrom([]int{-87600, -24, -1, 1, 24, 87600}).Draw(w.t, "hours")) * time.Hour)
}

// another is signInAs without a sign-out.
func (w *world) another() {
	if w.signedInAs {
		w.t.Skip("once is enough")
	}
	w.signInAs()
}

// signInAs opens another account's copy in the same folder and syncs it with
// the other server, which must see nothing of the first.
func (w *world) signInAs() {
	w.signedInAs = true
	r := w.open(w.options("bob"))
	defer r.Close()
	w.allow(r.round(context.Background(), w.other, setOf(WakeUser)))
	if got := titlesOf(r); len(got) != 1 || len(w.other.calls) > 0 || len(r.Outbox()) > 0 {
		w.t.Fatalf("bob sees %v, his server saw %v", got, w.other.calls)
	}
}

func (w *world) resolve() {
	r := w.one()
	for _, row := range r.Snapshot().Rows {
		if row.State == Conflict {
			choice := rapid.SampledFrom([]Choice{KeepMine, KeepTheirs}).Draw(w.t, "choice")
			w.allow(r.Resolve(context.Background(), row.Todo.ID, choice))
			w.typed.resolved(row, choice)
			return
		}
	}
	w.t.Skip("no conflict")
}

func (w *world) setAside() {
	r := w.one()
	out := r.Outbox()
	if len(out) == 0 {
		w.t.Skip("empty outbox")
	}
	p := rapid.SampledFrom(out).Draw(w.t, "edit")
	w.tear(r, p)
	if p.State == PendingDiscarded {
		if p.Edit.Op == todo.Delete {
			for token := range descriptions(r) { // whatever it was
				w.deleted[token] = true
			}
		}
		w.allow(r.Restore(context.Background(), p.Number), fault.NotFound)
		return
	}
	w.excuse(r, func() { w.allow(r.Discard(context.Background(), p.Number)) })
}

func (w *world) rewrite() {
	w.here.mu.Lock()
	defer w.here.mu.Unlock()
	w.allow(w.here.rewrite())
}

// check is what holds at every moment.
func (w *world) check() {
	for _, r := range []*Replica{w.here, w.there} {
		s := r.Snapshot()
		waiting, look := 0, 0
		for _, p := range r.Outbox() {
			switch p.State {
			case PendingWaiting, PendingSending:
				waiting++
			case PendingConflict, PendingRefused:
				look++
			}
			if p.Why == "" || p.What == "" {
				w.t.Fatalf("an edit without a reason: %+v", p)
			}
		}
		if st := s.Status; st.Waiting != waiting || st.Look != look {
			w.t.Fatalf("the status says %d waiting and %d to look at, the outbox has %d and %d", st.Waiting, st.Look, waiting, look)
		}
		if says := s.Status.Sentence; waiting+look > 0 && strings.HasPrefix(says, "Synced") && !strings.Contains(says, "waiting") {
			w.t.Fatalf("%q with %d edits unsent", says, waiting+look)
		}
		if !slices.IsSortedFunc(s.Rows, func(a, b *Row) int { return todo.Compare(&a.Todo, &b.Todo, time.UTC) }) {
			w.t.Fatalf("out of order: %v", titlesOf(r))
		}
		if s.Counts.All != len(s.Rows) {
			w.t.Fatalf("%d counted, %d shown", s.Counts.All, len(s.Rows))
		}
	}
}

// settle lets the line be good and everyone sync; then all have the same, and
// every to-do is there once, unless someone deleted it.
func (w *world) settle() {
	w.s.before, w.s.after, w.net.coin = nil, nil, nil
	w.net.arrive()
	for range 6 {
		for _, r := range []*Replica{w.here, w.there} {
			if q := r.Snapshot().Removal; q != nil {
				w.t.Fatalf("asked about %+v", q)
			}
			err := r.round(context.Background(), w.net, setOf(WakeUser))
			w.calm(r)
			w.allow(err)
			for _, row := range r.Snapshot().Rows {
				if row.State == Conflict {
					w.allow(r.Resolve(context.Background(), row.Todo.ID, KeepTheirs))
					w.typed.resolved(row, KeepTheirs)
				}
			}
		}
	}
	for name, r := range map[string]*Replica{"here": w.here, "there": w.there} {
		if st := r.Snapshot().Status; st.Waiting+st.Look > 0 {
			w.t.Fatalf("%s: %+v\n%+v", name, st, r.Outbox())
		}
		if got, want := slices.Sorted(slices.Values(titlesOf(r))), w.s.titles(); !slices.Equal(got, want) {
			w.t.Fatalf("%s has %v, the server %v", name, got, want)
		}
	}
	if a, b := content(w.here), content(w.there); !slices.Equal(a, b) {
		w.t.Fatalf("here %v\nthere %v", a, b)
	}
	count := map[string]int{}
	for _, item := range w.s.items {
		count[item.Description]++
	}
	// A server that knows neither our ids nor our keys, where someone edits what
	// arrived before its lost answer is looked for: nothing can tell then.
	blind := w.s.ownIDs && w.s.noKeys
	for token := range w.made {
		// Deleted by someone and edited by two: each makes it again, and only a
		// server that keeps our id can see that it is the same one.
		revived := w.s.ownIDs && w.deleted[token]
		if n := count[token]; n > 1 && !blind && !revived || n == 0 && !w.deleted[token] {
			w.t.Fatalf("%q is there %d times; deleted: %v\n%v", token, n, w.deleted[token], w.s.calls)
		}
	}
	w.testify()
	w.account()
}

// inMemoryFolder is a folder that is quick to write to where there is one: what
// is tested here is what is written, not that it reaches the platters.
func inMemoryFolder(t *testing.T) string {
	if dir, err := os.MkdirTemp("/dev/shm", "waybill-"); err == nil {
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		return dir
	}
	return t.TempDir()
}

// seldomCollect lets garbage lie until the test ends: a fifth of the time of
// those that open thousands of copies goes into it.
func seldomCollect(t *testing.T) {
	before := debug.SetGCPercent(400)
	t.Cleanup(func() { debug.SetGCPercent(before) })
}

// histories is how many histories are tried, unless the command line says
// otherwise.
func histories(t *testing.T, n int) {
	t.Helper()
	must(t, flag.Set("rapid.nofailfile", "true")) // the seed that is printed is enough
	f := flag.Lookup("rapid.checks")
	if f.Value.String() == f.DefValue {
		must(t, flag.Set(f.Name, fmt.Sprint(n)))
		t.Cleanup(func() { _ = flag.Set(f.Name, f.DefValue) })
	}
}

// Any history of edits on two computers, edits by others, requests that get
// lost, come twice or late, crashes (in the middle of a sync too), clock jumps,
// sign-outs and another account in between: nothing saved is lost, nothing is
// done twice, and in the end all are alike.
func TestI1ToI10_AnyHistoryEndsWell(t *testing.T) {
	const workers = 2
	if slow() {
		histories(t, 100_000/workers)
	} else {
		histories(t, 2000/workers)
	}
	for worker := range workers {
		t.Run(fmt.Sprint(worker), func(t *testing.T) {
			t.Parallel()
			anyHistory(t)
		})
	}
}

func anyHistory(t *testing.T) {
	base := inMemoryFolder(t)
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		dir := filepath.Join(base, fmt.Sprint(n))
		w := begin(t, dir)
		defer func() {
			_ = w.here.Close()
			_ = w.there.Close()
			_ = os.RemoveAll(dir)
		}()
		actions := map[string]func(*rapid.T){"": func(*rapid.T) { w.check() }}
		for name, action := range map[string]func(){
			"add": w.add, "edit": w.edit, "edit more": w.edit, "delete": w.remove, "undo or redo": w.undo,
			"sync": w.sync, "sync more": w.sync, "weather": w.weather, "someone else": w.someoneElse,
			"crash": w.crash, "restart": w.restart, "clock jumps": w.clockJumps, "another account": w.another,
			"resolve": w.resolve, "discard, restore": w.setAside, "write log anew": w.rewrite,
			"tag": w.tag, "late requests arrive": w.arrive, "crash in a sync": w.crashInSync, "sign-out": w.signOutAndIn,
		} {
			actions[name] = func(t *rapid.T) { w.t = t; action() }
		}
		t.Repeat(actions)
		w.settle()
	})
}
