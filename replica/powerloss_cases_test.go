package replica

import (
	"bytes"
	"context"
	"encoding/gob"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"waybill/fault"
	"waybill/todo"
)

// story is a process that works with a copy and says what it has done. What it
// says and what it does to files is recorded, so that the power can be cut at
// each moment of it.
type story struct {
	name string
	o    Options
	with seams
	r    *Replica
	s    *server
	err  error // the first that was not expected
}

// stories are what is recorded.
var stories = map[string]struct {
	prepare func(t *testing.T, o Options) // before the recording; nil for nothing
	with    func(*seams)                  // nil for nothing
	run     func(y *story)
}{
	"a day":       {run: (*story).aDay},
	"two at once": {run: (*story).twoAtOnce},
	"a rebuild":   {prepare: prepareDamaged, run: (*story).goOn},
	"an upgrade":  {prepare: prepareSmall, with: upgraded, run: (*story).goOn},
	"failures":    {run: (*story).aDay},
}

func upgraded(with *seams) {
	with.steps = later()
}

// prepareSmall makes a copy with unsent edits.
func prepareSmall(t *testing.T, o Options) {
	t.Helper()
	r := opened(t, o, testSeams())
	roundNow(t, r, newServer(some(40)...))
	for i := range 3 {
		add(t, r, fmt.Sprint("unsent ", i))
	}
	must(t, r.Close())
}

func prepareDamaged(t *testing.T, o Options) {
	t.Helper()
	prepareSmall(t, o)
	s, err := openStore(databaseOf(o), o.Key, testSeams())
	must(t, err)
	must(t, s.exec("UPDATE log SET v = randomblob(99) WHERE n = (SELECT min(n) + 1 FROM log)"))
	s.close()
}

// say tells what is so from now on. "+title" is acknowledged, "-title" is about
// to be changed, "!title" is acknowledged to be gone.
func (y *story) say(what string) { _, _ = os.Stdout.WriteString(what + "\n") }

// serverState is what the server holds.
type serverState struct {
	Items map[string]todo.Todo
	Keys  map[string]string
	ETags int
}

func (y *story) sayServer() {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(serverState{y.s.items, y.s.keys, y.s.etags}); err != nil {
		y.fail(err)
	}
	y.say("server " + hex.EncodeToString(b.Bytes()))
}

// fail keeps the first error. That the disk fails is for the story to live with;
// one that cannot be read looks damaged to SQLite.
func (y *story) fail(err error) bool {
	if err == nil {
		return false
	}
	if code := fault.As(inWords(err)).Code; y.err == nil && !strings.HasPrefix(code, "disk_") && code != "store_damaged" {
		y.err = err
	}
	return true
}

func (y *story) open() {
	if y.r != nil {
		y.fail(y.r.Close())
		y.r = nil
	}
	var err error
	for range 5 { // a disk that fails once lets it be opened the next time
		if y.r, err = open(context.Background(), y.o, y.with); err == nil {
			break
		}
		if y.fail(err); y.err != nil {
			break
		}
	}
	if err == nil && y.r.Snapshot().Notice != nil && y.name != "a rebuild" {
		err = y.r.Snapshot().Notice
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "opening:", err, errors.Unwrap(err))
		os.Exit(1)
	}
}

func (y *story) add(title string) {
	if _, err := y.r.Add(context.Background(), todo.Todo{Title: title}); !y.fail(err) {
		y.say("+" + title)
	}
}

func (y *story) find(title string) string {
	for _, row := range y.r.Snapshot().Rows {
		if row.Todo.Title == title {
			return row.Todo.ID
		}
	}
	return "nothing"
}

func (y *story) rename(from, to string) {
	y.say("-" + from)
	if !y.fail(notThere(y.r.Update(context.Background(), y.find(from), rename1(to)))) {
		y.say("+" + to)
	}
}

// notThere lets an edit fail whose to-do could not be saved before.
func notThere(err error) error {
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.StepStore, fault.Failed, "disk_error", "Nothing to edit.")
	}
	return err
}

func (y *story) remove(title string) {
	y.say("-" + title)
	if !y.fail(notThere(y.r.Delete(context.Background(), y.find(title)))) {
		y.say("!" + title)
	}
}

func (y *story) round() (done bool) {
	return !y.fail(y.r.round(context.Background(), y.s, setOf(WakeUser)))
}

// goOn edits and syncs a little with a copy that is there.
func (y *story) goOn() {
	for i := range 3 {
		y.say(fmt.Sprint("+unsent ", i))
	}
	y.open()
	y.add("after it")
	y.rename("unsent 1", "sent 1")
	y.round()
	y.rename("item 007", "renamed")
	y.open()
	y.add("at the end")
}

// aDay begins a copy and does with it what there is to do.
func (y *story) aDay() {
	y.open()
	y.add("before the first sync")
	y.round()
	for i := range 8 {
		y.add(fmt.Sprint("morning ", i))
		y.rename(fmt.Sprintf("item %03d", i), fmt.Sprint("renamed ", i))
	}
	y.round()
	y.remove("morning 2")
	y.remove("item 020")
	y.rename("morning 3", "noon 3")
	y.r.maintain()
	y.rename("noon 3", "evening 3")
	y.s.change("30", func(t *todo.Todo) { t.Title = "theirs" })
	y.sayServer()
	if y.round() {
		y.say("+theirs")
	}
	y.r.mu.Lock()
	y.fail(y.r.rewrite())
	y.r.mu.Unlock()
	y.add("after the rewriting")
	y.open()
	y.add("after a start")
	y.rename("after a start", "after a start, renamed")
	y.r.mu.Lock()
	y.fail(y.r.store.checkpoint())
	y.r.mu.Unlock()
	y.add("after a checkpoint")
	y.round()
	y.remove("before the first sync")
	y.open()
	y.add("night")
}

// twoAtOnce has two processes' worth of copies write in turn.
func (y *story) twoAtOnce() {
	y.open()
	one := y.r
	y.r = nil
	y.open()
	two := y.r
	for i := range 10 {
		y.r = []*Replica{one, two}[i%2]
		y.add(fmt.Sprint("turn ", i))
		if i%3 == 2 {
			y.round()
			y.r.maintain()
		}
		y.r = []*Replica{two, one}[i%2]
		y.r.mu.Lock()
		y.fail(y.r.lookElsewhere())
		y.r.mu.Unlock()
		y.rename(fmt.Sprint("turn ", i), fmt.Sprint("taken ", i))
	}
	y.fail(one.Close())
	y.r = two
	y.open()
	y.add("the end")
}

func storyOptions(home string) Options {
	return Options{Dir: filepath.Join(home, "waybill", "data"), Account: "power", Key: [32]byte{2, 1}}
}

func storySeams(name string) seams {
	with := testSeams()
	if change := stories[name].with; change != nil {
		change(&with)
	}
	return with
}

// storyChild is the process that is recorded, if this is one.
func storyChild() {
	name := os.Getenv("WAYBILL_TEST_STORY")
	if name == "" {
		return
	}
	y := &story{name: name, o: storyOptions(os.Getenv("WAYBILL_TEST_HOME")), with: storySeams(name), s: newServer(some(40)...)}
	y.o.Parallel = 1
	y.s.after = func(string, string) error { y.sayServer(); return nil }
	y.sayServer()
	if stories[name].run(y); y.err != nil {
		fmt.Fprintln(os.Stderr, y.err)
		os.Exit(1)
	}
	y.say("end")
	os.Exit(0) // a crash is the normal end
}

// recording is a story as it was recorded.
type recording struct {
	name  string
	home  string
	start map[string]*inode
	calls []call
}

func recordStory(t *testing.T, name string, more ...string) *recording {
	t.Helper()
	p := &recording{name: name, home: t.TempDir()}
	if prepare := stories[name].prepare; prepare != nil {
		prepare(t, storyOptions(p.home))
	}
	p.start = newSimDisk(t, p.home).now
	p.calls = traced(t, t.Name(), []string{"WAYBILL_TEST_STORY=" + name, "WAYBILL_TEST_HOME=" + p.home}, more...)
	return p
}

// heard is what the process has said until a moment.
type heard struct {
	must, gone map[string]bool
	server     string
	ended      bool
}

func (h *heard) hear(line string) {
	switch what, rest, _ := strings.Cut(line, " "); {
	case line == "":
	case what == "server":
		h.server = rest
	case line == "end":
		h.ended = true
	case line[0] == '+':
		h.must[line[1:]] = true
	case line[0] == '-':
		delete(h.must, line[1:])
	case line[0] == '!':
		h.gone[line[1:]] = true
	}
}

// cutPower replays the recording up to a moment, cuts the power, and leaves in
// dir what the disk holds then.
func (p *recording) cutPower(t *testing.T, r *rand.Rand, until int, to string) heard {
	t.Helper()
	d := &simDisk{root: p.home, now: map[string]*inode{}, kept: map[string]*inode{}}
	for path, file := range p.start {
		c := &inode{folder: file.folder, kept: slices.Clone(file.kept), bytes: slices.Clone(file.bytes)}
		d.now[path], d.kept[path] = c, c
	}
	for _, c := range p.calls[:until] {
		must(t, d.replay(c, r))
	}
	d.crash(t, r, to)
	return p.heard(until)
}

// heard is what the process has said until a moment.
func (p *recording) heard(until int) heard {
	said, h := "", heard{must: map[string]bool{}, gone: map[string]bool{}}
	for _, c := range p.calls[:until] {
		words, _ := c.said()
		said += words
	}
	for line := range strings.Lines(said) {
		if whole, ok := strings.CutSuffix(line, "\n"); ok {
			h.hear(whole)
		}
	}
	return h
}

// afterPowerLoss opens what is left and holds it against what was said; then
// both sides are brought together.
func (p *recording) afterPowerLoss(t *testing.T, what, home string, h heard) {
	t.Helper()
	after, err := open(t.Context(), storyOptions(home), storySeams(p.name))
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	defer func() { must(t, after.Close()) }()
	must(t, after.ready(t.Context()))
	got := titlesOf(after)
	for title := range h.must {
		if !slices.Contains(got, title) {
			t.Fatalf("%s: %q is lost: %v", what, title, got)
		}
	}
	for title := range h.gone {
		if slices.Contains(got, title) {
			t.Fatalf("%s: %q is there again: %v", what, title, got)
		}
	}
	// A copy whose making was interrupted may be called damaged: there is nothing in it.
	if n := after.Snapshot().Notice; n != nil && p.name != "a rebuild" && len(h.must)+len(h.gone) > 0 {
		t.Fatalf("%s: %v", what, n)
	}
	if h.server == "" {
		return
	}
	var state serverState
	raw, err := hex.DecodeString(h.server)
	must(t, err)
	must(t, gob.NewDecoder(bytes.NewReader(raw)).Decode(&state))
	twin := newServer()
	twin.items, twin.etags = state.Items, state.ETags
	if state.Keys != nil {
		twin.keys = state.Keys
	}
	roundNow(t, after, twin)
	roundNow(t, after, twin)
	if st := after.Snapshot().Status; st.Look > 0 || st.Waiting > 0 {
		t.Fatalf("%s: %+v", what, after.Outbox())
	}
	got = slices.Sorted(slices.Values(titlesOf(after)))
	if there := twin.titles(); !slices.Equal(got, there) || len(slices.Compact(there)) != len(got) {
		t.Fatalf("%s: here %v, there %v", what, got, there)
	}
	for title := range h.must {
		if !slices.Contains(got, title) {
			t.Fatalf("%s: %q is lost with the sync: %v", what, title, got)
		}
	}
}

// The power goes at any moment of what the program really does to its files:
// what was not flushed is kept, lost, torn or kept out of order, names that
// were not flushed are there or not. What was acknowledged is there.
func TestR21_NoLossOfPowerLosesAnEdit(t *testing.T) {
	storyChild()
	seeds := 200
	if slow() {
		seeds = 10_000
	}
	names := []string{"a day", "two at once", "a rebuild", "an upgrade"}
	for _, name := range names {
		p := recordStory(t, name)
		t.Logf("%s: %d system calls", name, len(p.calls))
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p.loseOften(t, 0, seeds/len(names))
		})
	}
}

// The nth flush of a thread fails: what it was to write may be lost though the
// program still sees it, and later flushes succeed. What was acknowledged after
// it is there, and so is what was before.
func TestR23_AFailedFlushIsNotTakenForDone(t *testing.T) {
	storyChild()
	step, seeds := 23, 20
	if slow() {
		step, seeds = 1, 60
	}
	failures := 0
	for nth := 1; ; nth += step {
		p := recordStory(t, "failures", "-e", fmt.Sprintf("inject=fsync:error=EIO:when=%d", nth))
		failed := slices.IndexFunc(p.calls, func(c call) bool { return c.name == "fsync" && c.failed })
		if failed < 0 {
			break // there are fewer
		}
		failures++
		t.Run(fmt.Sprint("flush ", nth), func(t *testing.T) { p.loseOften(t, failed, seeds) })
	}
	if t.Logf("%d runs in which a flush failed", failures); failures < 2 {
		t.Error("too few")
	}
}

// loseOften cuts the power at moments and in ways that are drawn.
// from is the first of the moments.
func (p *recording) loseOften(t *testing.T, from, seeds int) {
	base := inMemoryFolder(t)
	for seed := range seeds {
		r := rand.New(rand.NewPCG(uint64(seed), 21))
		until := from + 1 + r.IntN(len(p.calls)-from)
		home := filepath.Join(base, fmt.Sprint(seed))
		must(t, os.Mkdir(home, 0o700))
		h := p.cutPower(t, r, until, home)
		p.afterPowerLoss(t, fmt.Sprintf("%s, seed %d, after %d of %d calls", p.name, seed, until, len(p.calls)), home, h)
		must(t, os.RemoveAll(home))
	}
}
