package replica

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"waybill/fault"
	"waybill/todo"
)

// account are the options of one account's copy in a folder of its own.
func account(t testing.TB) Options {
	t.Helper()
	return Options{Dir: filepath.Join(t.TempDir(), "data"), Account: "https://idp.example alice", Key: [32]byte{1, 2, 3}}
}

// reopened closes r and opens the same copy again.
func reopened(t testing.TB, r *Replica) *Replica {
	t.Helper()
	must(t, r.Close())
	next := opened(t, r.o, testSeams())
	must(t, next.ready(context.Background()))
	return next
}

// roundNow does one whole round without a running loop.
func roundNow(t testing.TB, r *Replica, s *server) {
	t.Helper()
	must(t, r.round(context.Background(), s, setOf(WakeUser)))
	r.mu.Lock()
	r.sync.phase = idle
	r.publish()
	r.mu.Unlock()
}

func TestI1_WhatWasSavedIsThereAfterAStart(t *testing.T) {
	s := newServer(some(5)...)
	r := opened(t, account(t), testSeams())
	roundNow(t, r, s)
	s.before = func(string, string) error { return offline() }
	id := add(t, r, "new")
	update(t, r, "0", todo.Patch{Title: ptr("renamed"), Tags: &[]string{"a"}, Due: ptr(time.Unix(1e9, 5).UTC()), Description: ptr("words"), Priority: ptr(todo.Low), Completed: ptr(true)})
	must(t, r.Delete(t.Context(), "1"))
	_ = r.round(t.Context(), s, setOf(WakeUser))
	before, out := content(r), len(r.Outbox())
	r = reopened(t, r)
	if got := content(r); !slices.Equal(got, before) || len(r.Outbox()) != out {
		t.Fatalf("%v\n%v", got, before)
	}
	if st := r.Snapshot().Status; st.LastSync.IsZero() || st.Waiting != 3 || !r.Snapshot().Writable {
		t.Fatalf("%+v", st)
	}
	s.before = nil
	roundNow(t, r, s)
	if got, ok := s.get(id); !ok || got.Title != "new" || len(s.titles()) != 5 {
		t.Fatalf("%v", s.titles())
	}
	r = reopened(t, r)
	if len(r.Outbox()) != 0 || len(r.Snapshot().Rows) != 5 {
		t.Fatalf("%+v", r.Outbox())
	}
}

func TestI6_AnotherAccountSeesNothing(t *testing.T) {
	o := account(t)
	r := opened(t, o, testSeams())
	add(t, r, "secret of alice")
	o.Account = "https://idp.example bob"
	o.Key = [32]byte{9}
	other := opened(t, o, testSeams())
	if len(other.Snapshot().Rows) != 0 || len(other.Outbox()) != 0 {
		t.Fatal("bob sees alice's to-dos")
	}
}

func TestS97_NoTextLiesInTheOpen(t *testing.T) {
	o := account(t)
	r := opened(t, o, testSeams())
	s := newServer()
	for i := range 3000 {
		s.put(todo.Todo{ID: fmt.Sprint("id-canary-", i), Title: fmt.Sprint("title-canary-", i), Description: "description-canary", Tags: []string{"tag-canary"}})
	}
	roundNow(t, r, s)
	s.before = func(string, string) error { return offline() }
	add(t, r, "edit-canary")
	update(t, r, "id-canary-5", rename1("rename-canary"))
	sweep := func() {
		t.Helper()
		files, err := os.ReadDir(o.Dir)
		must(t, err)
		if len(files) < 3 {
			t.Fatalf("only %d files", len(files))
		}
		for _, f := range files {
			data, err := os.ReadFile(filepath.Join(o.Dir, f.Name()))
			must(t, err)
			for _, canary := range []string{"canary", "alice", "idp.example"} {
				if bytes.Contains(data, []byte(canary)) || strings.Contains(f.Name(), canary) {
					t.Errorf("%s holds %q", f.Name(), canary)
				}
			}
			if info, err := f.Info(); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %v", f.Name(), info.Mode())
			}
		}
	}
	sweep()
	must(t, r.Close())
	sweep()
}

func databaseOf(o Options) string { return filesOf(o).database() }

func hashOf(t testing.TB, path string) [32]byte {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	return sha256.Sum256(data)
}

func TestS98_AWrongKeyIsSaidAndTheFileKept(t *testing.T) {
	o := account(t)
	r := opened(t, o, testSeams())
	add(t, r, "mine")
	must(t, r.Close())
	before := hashOf(t, databaseOf(o))
	wrong := o
	wrong.Key = [32]byte{9, 9}
	_, err := Open(t.Context(), wrong)
	var f *fault.Fault
	if !errors.As(err, &f) || f.Code != "store_key" || f.Kind != fault.Config {
		t.Fatalf("%v", err)
	}
	if hashOf(t, databaseOf(o)) != before {
		t.Fatal("the file was changed")
	}
	right := opened(t, o, testSeams())
	row(t, right, "mine")
	must(t, right.Close())
	wrong.StartFresh = true
	fresh := opened(t, wrong, testSeams())
	if n := fresh.Snapshot().Notice; n == nil || len(fresh.Snapshot().Rows) != 0 {
		t.Fatalf("%v", n)
	}
	if aside := asides(t, o); len(aside) == 0 {
		t.Fatal("the old file is not kept")
	}
}

// asides lists the files that were set aside.
func asides(t testing.TB, o Options) (names []string) {
	t.Helper()
	files, err := os.ReadDir(o.Dir)
	must(t, err)
	for _, f := range files {
		if strings.Contains(f.Name(), ".damaged-") {
			names = append(names, f.Name())
		}
	}
	return names
}

func TestR26_AnOlderAppLeavesANewerFileAlone(t *testing.T) {
	o := account(t)
	newer := testSeams()
	newer.steps = append(slices.Clone(migrations), "CREATE TABLE later (x)")
	r := opened(t, o, newer)
	add(t, r, "mine")
	must(t, r.Close())
	before := hashOf(t, databaseOf(o))
	_, err := Open(t.Context(), o)
	var f *fault.Fault
	if !errors.As(err, &f) || f.Code != "store_newer" || !strings.Contains(f.Message, "format 2") {
		t.Fatalf("%v", err)
	}
	if hashOf(t, databaseOf(o)) != before || len(asides(t, o)) != 0 {
		t.Fatal("the file was changed")
	}
}

// slow reports whether there is time for every byte; else some are tried.
func slow() bool { return os.Getenv("WAYBILL_SLOW") != "" }

var errCrash = errors.New("crash")

func TestR25_AMigrationIsAllOrNothing(t *testing.T) {
	steps := later()
	for _, point := range []string{"", "migration 2", "migration 3", "commit", "committed", "checkpoint"} {
		o := account(t)
		r := opened(t, o, testSeams())
		add(t, r, "mine")
		must(t, r.Close())
		with := testSeams()
		with.steps = steps
		with.at = func(at string) error {
			if at == point {
				return errCrash
			}
			return nil
		}
		if point != "" {
			if _, err := open(t.Context(), o, with); !errors.Is(err, errCrash) {
				t.Fatalf("%s: %v", point, err)
			}
		}
		with.at = testSeams().at
		r = opened(t, o, with)
		row(t, r, "mine")
		if n := r.Snapshot().Notice; n != nil {
			t.Fatalf("%s: half a migration was left: %v", point, n)
		}
		var version, n int
		must(t, r.store.query("PRAGMA user_version", &version))
		must(t, r.store.query("SELECT count(y IS NULL) FROM later", &n))
		if version != 3 || n != 1 {
			t.Fatalf("%s: version %d, %d rows", point, version, n)
		}
		if !exists(r.store.backUpName(1)) {
			t.Fatalf("%s: no copy from before", point)
		}
		must(t, r.Close())
	}
}

// image copies the folder as it lies there at this moment: what a crash of the
// process would leave.
func image(t testing.TB, o Options) Options {
	t.Helper()
	copied := o
	copied.Dir = filepath.Join(t.TempDir(), "image")
	must(t, os.CopyFS(copied.Dir, os.DirFS(o.Dir)))
	for _, name := range []string{".use", ".sync"} {
		_ = os.Remove(filesOf(copied).base + name)
	}
	must(t, os.Chmod(copied.Dir, 0o700))
	files, err := os.ReadDir(copied.Dir)
	must(t, err)
	for _, f := range files {
		must(t, os.Chmod(filepath.Join(copied.Dir, f.Name()), 0o600))
	}
	return copied
}

// A crash before and after every write of a history of edits and syncs: the
// copy opens, what was acknowledged is there, and after a sync both sides are
// alike.
func TestR20_CrashAtEveryWrite(t *testing.T) {
	s := newServer(some(3)...)
	var acknowledged []string // titles that must be there
	var crashes []func()
	o := account(t)
	var r *Replica
	with := testSeams()
	crash := func(point string) { // what it left is looked at later, not in the middle of a write
		left, twin, saved := image(t, o), s.twin(), slices.Clone(acknowledged)
		crashes = append(crashes, func() { afterCrash(t, point, left, twin, saved) })
	}
	with.at = func(point string) error {
		if r != nil {
			crash(point)
		}
		return nil
	}
	r = opened(t, o, with)
	edit := func(title string, f func()) {
		f()
		acknowledged = append(acknowledged, title)
	}
	roundNow(t, r, s)
	edit("milk", func() { add(t, r, "milk") })
	edit("first", func() { update(t, r, "0", rename1("first")) })
	roundNow(t, r, s)
	edit("bread", func() { add(t, r, "bread") })
	acknowledged = slices.DeleteFunc(acknowledged, func(title string) bool { return title == "milk" })
	edit("oat milk", func() { update(t, r, row(t, r, "milk").Todo.ID, rename1("oat milk")) })
	must(t, r.Delete(t.Context(), "2"))
	roundNow(t, r, s)
	s.change("1", func(t *todo.Todo) { t.Title = "theirs" })
	edit("theirs", func() { roundNow(t, r, s) })
	r.mu.Lock()
	must(t, r.rewrite())
	r.mu.Unlock()
	must(t, r.Close())
	crash("the end")
	for _, check := range crashes {
		check()
	}
	if len(crashes) < 60 {
		t.Fatalf("only %d points", len(crashes))
	}
	t.Logf("%d points", len(crashes))
}

// twin is a server that holds the same.
func (s *server) twin() *server {
	twin := newServer()
	s.set(func() { twin.items, twin.keys, twin.etags = maps.Clone(s.items), maps.Clone(s.keys), s.etags })
	return twin
}

// afterCrash opens what a crash left and syncs it with a server in the state
// that the real one was in.
func afterCrash(t *testing.T, point string, crashed Options, twin *server, acknowledged []string) {
	t.Helper()
	after := opened(t, crashed, testSeams())
	must(t, after.ready(t.Context()))
	got := titlesOf(after)
	for _, title := range acknowledged {
		if !slices.Contains(got, title) {
			t.Fatalf("after a crash at %s: %q is lost: %v", point, title, got)
		}
	}
	roundNow(t, after, twin)
	roundNow(t, after, twin)
	if st := after.Snapshot().Status; st.Look > 0 || st.Waiting > 0 {
		t.Fatalf("after a crash at %s: %+v", point, after.Outbox())
	}
	if mine, theirs := titlesOf(after), twin.titles(); !slices.Equal(slices.Sorted(slices.Values(mine)), theirs) {
		t.Fatalf("after a crash at %s: here %v, there %v", point, mine, theirs)
	}
	must(t, after.Close())
}

// A crash at every byte of the write-ahead log, as a torn write leaves it.
func TestR20_TheLogCutAtEveryByte(t *testing.T) {
	o := account(t)
	r := opened(t, o, testSeams())
	s := newServer(some(3)...)
	roundNow(t, r, s)
	r.mu.Lock()
	must(t, r.store.checkpoint())
	r.mu.Unlock()
	type saved struct {
		size  int64
		title string
	}
	var all []saved
	for i := range 6 {
		title := fmt.Sprint("edit ", i)
		add(t, r, title)
		all = append(all, saved{r.store.walSize(), title})
	}
	step := int64(1)
	if !slow() {
		step = 131
	}
	crashed := image(t, o)
	wal := databaseOf(crashed) + "-wal"
	data, err := os.ReadFile(wal)
	must(t, err)
	main, err := os.ReadFile(databaseOf(crashed))
	must(t, err)
	for size := int64(len(data)); size >= 0; size -= step {
		must(t, os.WriteFile(wal, data[:size], 0o600))
		must(t, os.WriteFile(databaseOf(crashed), main, 0o600))
		_ = os.Remove(databaseOf(crashed) + "-shm")
		_ = os.Remove(filesOf(crashed).mark()) // of what was later than the crash
		after, err := open(t.Context(), crashed, testSeams())
		must(t, err)
		got := titlesOf(after)
		for _, one := range all {
			if one.size <= size && !slices.Contains(got, one.title) {
				t.Fatalf("cut at %d of %d: %q is lost", size, len(data), one.title)
			}
		}
		must(t, after.Close())
	}
}

// smallStore makes a copy with three unsent edits and returns its options.
func smallStore(t testing.TB, items int) Options {
	t.Helper()
	o := account(t)
	r := opened(t, o, testSeams())
	s := newServer(some(items)...)
	roundNow(t, r, s)
	for i := range 3 {
		add(t, r, fmt.Sprint("unsent ", i))
	}
	must(t, r.Close())
	return o
}

// openDamaged opens what may be damaged; whatever it finds, it must end in a
// working copy or a Fault, and the damaged file must be kept.
func openDamaged(t *testing.T, o Options, what string) (*Replica, bool) {
	t.Helper()
	r, err := open(t.Context(), o, testSeams())
	if err != nil {
		var f *fault.Fault
		if !errors.As(err, &f) || f.Message == "" {
			t.Fatalf("%s: %v", what, err)
		}
		if !exists(databaseOf(o)) {
			t.Fatalf("%s: the file is gone", what)
		}
		return nil, false
	}
	must(t, r.ready(t.Context()))
	return r, true
}

func TestR24_EveryByteFlipped(t *testing.T) {
	o := smallStore(t, 40)
	original, err := os.ReadFile(databaseOf(o))
	must(t, err)
	mark, err := os.ReadFile(filesOf(o).mark())
	must(t, err)
	step := 1
	if !slow() {
		step = 61
	}
	rebuilt, salvaged := 0, 0
	for at := 0; at < len(original); at += step {
		clean(t, o)
		data := slices.Clone(original)
		data[at] ^= 0x5a
		must(t, os.WriteFile(databaseOf(o), data, 0o600))
		must(t, os.WriteFile(filesOf(o).mark(), mark, 0o600))
		r, ok := openDamaged(t, o, fmt.Sprint("byte ", at))
		if !ok {
			continue
		}
		got := titlesOf(r)
		kept := 0
		for i := range 3 {
			if slices.Contains(got, fmt.Sprint("unsent ", i)) {
				kept++
			}
		}
		if r.Snapshot().Notice != nil {
			rebuilt++
			if kept == 3 {
				salvaged++
			}
			if len(asides(t, o)) == 0 {
				t.Fatalf("byte %d: rebuilt, and the damaged file is not kept", at)
			}
		} else if kept != 3 || len(got) != 43 {
			t.Fatalf("byte %d: opened without a word, with %d of 3 edits and %d rows", at, kept, len(got))
		}
		must(t, r.Close())
	}
	t.Logf("%d bytes of %d: %d rebuilt, %d of them with every unsent edit", (len(original)+step-1)/step, len(original), rebuilt, salvaged)
	if salvaged*2 < rebuilt {
		t.Errorf("unsent edits were saved in only %d of %d rebuilt copies", salvaged, rebuilt)
	}
}

// clean empties the folder.
func clean(t testing.TB, o Options) {
	t.Helper()
	files, err := os.ReadDir(o.Dir)
	must(t, err)
	for _, f := range files {
		must(t, os.Remove(filepath.Join(o.Dir, f.Name())))
	}
}

func TestR24_CutToEachLength(t *testing.T) {
	o := smallStore(t, 40)
	original, err := os.ReadFile(databaseOf(o))
	must(t, err)
	mark, err := os.ReadFile(filesOf(o).mark())
	must(t, err)
	step := 16
	if !slow() {
		step = 509
	}
	for size := 0; size < len(original); size += step {
		clean(t, o)
		must(t, os.WriteFile(databaseOf(o), original[:size], 0o600))
		must(t, os.WriteFile(filesOf(o).mark(), mark, 0o600))
		r, ok := openDamaged(t, o, fmt.Sprint("cut to ", size))
		if !ok {
			continue
		}
		if r.Snapshot().Notice == nil {
			t.Fatalf("cut to %d of %d: opened without a word", size, len(original))
		}
		must(t, r.Close())
	}
}

func TestS98_AnEmptiedAndAnOlderFileAreNoticed(t *testing.T) {
	o := smallStore(t, 5)
	older, err := os.ReadFile(databaseOf(o))
	must(t, err)
	r := opened(t, o, testSeams())
	add(t, r, "later")
	must(t, r.Close())

	must(t, os.WriteFile(databaseOf(o), older, 0o600))
	r = opened(t, o, testSeams())
	if n := r.Snapshot().Notice; n == nil || n.Code != "store_rolled_back" || !strings.Contains(n.Message, "older file") || len(asides(t, o)) == 0 {
		t.Fatalf("an older file: %v", n)
	}
	s := newServer(some(5)...)
	roundNow(t, r, s) // and nothing that the server has is sent twice or undone
	if got := s.titles(); len(got) != 8 {
		t.Fatalf("%v", got)
	}
	must(t, r.Close())
	r = opened(t, o, testSeams())
	if n := r.Snapshot().Notice; n != nil {
		t.Fatalf("said twice: %v", n)
	}
	must(t, r.Close())

	must(t, os.WriteFile(databaseOf(o), nil, 0o600))
	r = opened(t, o, testSeams())
	if n := r.Snapshot().Notice; n == nil || !strings.Contains(n.Message, "emptied") {
		t.Fatalf("an emptied file: %v", n)
	}
	must(t, r.Close())

	must(t, os.Remove(databaseOf(o)))
	r = opened(t, o, testSeams())
	if n := r.Snapshot().Notice; n == nil || !strings.Contains(n.Message, "emptied") {
		t.Fatalf("a removed file: %v", n)
	}
}

// Records that are swapped, doubled, left out or put back from earlier show.
func TestS98_RecordsMovedByHandAreNoticed(t *testing.T) {
	for what, sql := range map[string]string{
		"left out": "DELETE FROM log WHERE n = (SELECT max(n) - 1 FROM log)",
		"swapped":  `UPDATE log SET v = (SELECT v FROM log AS o WHERE o.n = (SELECT max(n) FROM log) - 1) WHERE n = (SELECT max(n) FROM log)`,
		"doubled":  "INSERT INTO log (n, v) SELECT max(n) + 1, v FROM log",
		"added":    "INSERT INTO log (n, v) SELECT max(n) + 1, randomblob(90) FROM log",
	} {
		o := smallStore(t, 5)
		s, err := openStore(databaseOf(o), o.Key, testSeams())
		must(t, err)
		must(t, s.exec(sql))
		s.close()
		r := opened(t, o, testSeams())
		if n := r.Snapshot().Notice; n == nil || n.Code != "store_damaged" || len(asides(t, o)) == 0 {
			t.Errorf("%s: %v", what, n)
		}
		must(t, r.Close())
	}
}

// A crash at every step of putting a rebuilt copy in place of a damaged one.
func TestR24_ACrashWhileRebuildingLosesNothing(t *testing.T) {
	o := smallStore(t, 5)
	s, err := openStore(databaseOf(o), o.Key, testSeams())
	must(t, err)
	must(t, s.exec("INSERT INTO log (n, v) SELECT max(n) + 1, randomblob(90) FROM log"))
	s.close()
	images := []Options{image(t, o)}
	with := testSeams()
	with.at = func(string) error {
		images = append(images, image(t, o))
		return nil
	}
	r := opened(t, o, with)
	must(t, r.Close())
	f := filesOf(o)
	// Between the renames.
	for _, step := range []func(c files){
		func(c files) { must(t, os.Rename(c.database(), c.database()+".damaged-x")) },
		func(c files) {
			must(t, os.Rename(c.database(), c.database()+".damaged-x"))
			must(t, os.WriteFile(c.database()+"-wal", []byte("left"), 0o600))
		},
	} {
		c := image(t, o)
		must(t, os.Rename(filesOf(c).database(), filesOf(c).fresh()))
		must(t, os.WriteFile(filesOf(c).database(), []byte("damaged"), 0o600))
		step(filesOf(c))
		images = append(images, c)
	}
	_ = f
	if len(images) < 8 {
		t.Fatalf("only %d points", len(images))
	}
	for i, crashed := range images {
		r, err := open(t.Context(), crashed, testSeams())
		must(t, err)
		for n := range 3 {
			if !slices.Contains(titlesOf(r), fmt.Sprint("unsent ", n)) {
				t.Errorf("point %d: %v", i, titlesOf(r))
			}
		}
		must(t, r.Close())
	}
}

func TestR22_AFullDiskIsSaidAndLosesNothing(t *testing.T) {
	o := account(t)
	r := opened(t, o, testSeams())
	s := newServer(some(3)...)
	roundNow(t, r, s)
	var pages int
	must(t, r.store.query("PRAGMA page_count", &pages))
	must(t, r.store.query(fmt.Sprint("PRAGMA max_page_count=", pages+10), &pages))
	var saved []string
	var err error
	for i := 0; err == nil && i < 1000; i++ {
		title := fmt.Sprint("edit ", i)
		if _, err = r.Add(t.Context(), todo.Todo{Title: title, Description: strings.Repeat("x", 500)}); err == nil {
			saved = append(saved, title)
		}
	}
	var f *fault.Fault
	if !errors.As(err, &f) || f.Code != "disk_full" || len(saved) == 0 {
		t.Fatalf("%v after %d edits", err, len(saved))
	}
	if st := r.Snapshot().Status; st.Kind != Attention || !strings.Contains(st.Sentence, "the disk is full") {
		t.Fatalf("%+v", st)
	}
	if n := len(r.Snapshot().Rows); n != 3+len(saved) {
		t.Fatalf("%d rows are shown, %d are saved", n, 3+len(saved))
	}
	crashed := opened(t, image(t, o), testSeams())
	if n := len(crashed.Snapshot().Rows); n != 3+len(saved) {
		t.Fatalf("%d rows after a crash, %d were saved", n, 3+len(saved))
	}
	must(t, r.store.query(fmt.Sprint("PRAGMA max_page_count=", pages+1000), &pages))
	add(t, r, "there is room again")
	if st := r.Snapshot().Status; st.Kind == Attention {
		t.Fatalf("%+v", st)
	}
	roundNow(t, r, s)
	if n := len(s.titles()); n != 3+len(saved)+1 {
		t.Fatalf("%d at the server", n)
	}
}

func TestR23_AWriteThatFailsIsNotSaidToBeSaved(t *testing.T) {
	for _, point := range []string{"begin", "append", "commit"} {
		o := account(t)
		with := testSeams()
		fail := false
		with.at = func(at string) error {
			if fail && at == point {
				return fault.New(fault.StepStore, fault.Failed, "disk_error", "The local copy could not be saved.")
			}
			return nil
		}
		r := opened(t, o, with)
		fail = true
		if _, err := r.Add(t.Context(), todo.Todo{Title: "lost"}); err == nil {
			t.Fatalf("%s: acknowledged", point)
		}
		if len(r.Snapshot().Rows) != 0 || sentence(r) != "The local copy could not be saved." {
			t.Fatalf("%s: %v, %s", point, titlesOf(r), sentence(r))
		}
		fail = false
		add(t, r, "kept")
		if got := titlesOf(reopened(t, r)); !slices.Equal(got, []string{"kept"}) {
			t.Fatalf("%s: %v", point, got)
		}
	}
}

func TestTheFirstScreenIsThereBeforeTheRest(t *testing.T) {
	o := account(t)
	r := opened(t, o, testSeams())
	s := newServer(some(5000)...)
	roundNow(t, r, s)
	want, whole := titlesOf(r), r.Snapshot()
	must(t, r.Close())

	settled := make(chan struct{})
	o.Settled = settled
	r = opened(t, o, testSeams())
	first := r.Snapshot()
	if !first.Loading || len(first.Rows) != firstRows || first.Counts.All != 5000 || first.Status.LastSync.IsZero() {
		t.Fatalf("%d rows, %+v", len(first.Rows), first)
	}
	for i, row := range first.Rows {
		if row.Todo.Title != want[i] {
			t.Fatalf("row %d is %q, want %q", i, row.Todo.Title, want[i])
		}
	}
	// What can be done looks the same from the start: nothing moves on the page.
	if first.Writable != whole.Writable || first.CanAdd != whole.CanAdd || first.CanUpdate != whole.CanUpdate || first.CanDelete != whole.CanDelete || first.Why != whole.Why {
		t.Errorf("at first %+v, then %+v", first, whole)
	}
	close(settled)
	must(t, r.whenLoaded(t.Context()))
	if got := titlesOf(r); !slices.Equal(got, want) || r.Snapshot().Loading {
		t.Fatalf("%d rows", len(got))
	}
}

func TestAnEditDoesNotWaitForTheFirstScreen(t *testing.T) {
	o := account(t)
	r := opened(t, o, testSeams())
	roundNow(t, r, newServer(some(5000)...))
	must(t, r.Close())
	o.Settled = make(chan struct{}) // nothing is ever drawn
	r = opened(t, o, testSeams())
	began := time.Now()
	if _, err := r.Add(t.Context(), todo.Todo{Title: "At once"}); err != nil {
		t.Fatal(err)
	}
	if r.Snapshot().Loading || len(r.Snapshot().Rows) != 5001 || time.Since(began) > mostUnsettled {
		t.Fatalf("%d rows after %s", len(r.Snapshot().Rows), time.Since(began))
	}
}

func TestTheRestIsReadThoughNothingIsDrawn(t *testing.T) {
	o := account(t)
	r := opened(t, o, testSeams())
	roundNow(t, r, newServer(some(500)...))
	must(t, r.Close())
	o.Settled = make(chan struct{})
	r = opened(t, o, testSeams())
	must(t, r.whenLoaded(t.Context()))
	if n := len(r.Snapshot().Rows); n != 500 {
		t.Fatalf("%d rows", n)
	}
}

func TestTheLogIsWrittenAnewWhenMostOfItIsDead(t *testing.T) {
	o := account(t)
	r := opened(t, o, testSeams())
	s := newServer(some(10)...)
	roundNow(t, r, s)
	for i := range 1100 {
		update(t, r, "3", rename1(fmt.Sprint("title ", i)))
		roundNow(t, r, s)
	}
	r.maintain()
	if r.store.head.epoch != 2 || r.m.logged > 20 {
		t.Fatalf("epoch %d, %d logged", r.store.head.epoch, r.m.logged)
	}
	before := content(r)
	r = reopened(t, r)
	if got := content(r); !slices.Equal(got, before) {
		t.Fatalf("%v", got)
	}
}

func TestHeaderSaysWhoseFileItIs(t *testing.T) {
	o := smallStore(t, 1)
	data, err := os.ReadFile(databaseOf(o))
	must(t, err)
	if binary.BigEndian.Uint32(data[68:]) != applicationID || int(binary.BigEndian.Uint32(data[60:])) != len(migrations) {
		t.Fatal("the header lacks application and version")
	}
}

// A folder that cannot be written: what is there is shown, and an edit is
// refused in words. (The log's index file is a folder here, since a test that
// runs as root could write to anything.)
func TestR23_AFolderThatCannotBeWrittenIsReadAndNoMore(t *testing.T) {
	o := smallStore(t, 3)
	must(t, os.Mkdir(databaseOf(o)+"-shm", 0o700))
	r := opened(t, o, testSeams())
	if n := len(r.Snapshot().Rows); n != 6 {
		t.Fatalf("%d rows", n)
	}
	_, err := r.Add(t.Context(), todo.Todo{Title: "lost"})
	var f *fault.Fault
	if !errors.As(err, &f) || f.Code != "disk_read_only" {
		t.Fatalf("%v", err)
	}
	if st := r.Snapshot().Status; st.Kind != Attention || len(r.Snapshot().Rows) != 6 {
		t.Fatalf("%+v", st)
	}
	if err := r.round(t.Context(), newServer(some(3)...), setOf(WakeUser)); err == nil {
		t.Fatal("a sync that could save nothing says that all is well")
	}
	must(t, r.Close())
	must(t, os.Remove(databaseOf(o)+"-shm"))
	r = opened(t, o, testSeams())
	add(t, r, "kept")
}

// The log has more in it than the file itself: reading the file alone would
// show what is not true.
func TestR23_AnOldStateIsNotShownForTheNewest(t *testing.T) {
	o := account(t)
	r := opened(t, o, testSeams())
	add(t, r, "mine")
	crashed := image(t, o)
	must(t, os.Remove(databaseOf(crashed)+"-shm"))
	must(t, os.Mkdir(databaseOf(crashed)+"-shm", 0o700))
	r = opened(t, crashed, testSeams())
	row(t, r, "mine")
	must(t, r.Close())
	s := &store{path: databaseOf(crashed), at: testSeams().at}
	if s.connectReadOnly() {
		t.Fatal("the file was read without its log")
	}
	must(t, os.Remove(databaseOf(crashed)+"-wal"))
	if !s.connectReadOnly() || !s.readOnly {
		t.Fatal("a file without a log was not read")
	}
	s.close()
}

func TestR9_TheClockMayJump(t *testing.T) {
	o := account(t)
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	o.Now = func() time.Time { return now }
	r := opened(t, o, testSeams())
	s := newServer(todo.Todo{ID: "1", Title: "today", Due: now})
	roundNow(t, r, s)
	for _, jump := range []time.Duration{5 * time.Minute, -10 * time.Minute, 24 * time.Hour, -48 * time.Hour, 10 * 365 * 24 * time.Hour, -20 * 365 * 24 * time.Hour} {
		now = now.Add(jump)
		id := add(t, r, fmt.Sprint("after ", jump))
		update(t, r, id, todo.Patch{Due: ptr(now)})
		roundNow(t, r, s)
		if st := r.Snapshot().Status; st.Kind != OK || !strings.HasPrefix(st.Sentence, "Synced "+now.Format("15:04")) {
			t.Errorf("after %v: %+v", jump, st)
		}
		if got := r.Snapshot().Counts.DueToday; got != len(r.Snapshot().Find(todo.Filter{List: todo.ListDueToday}, "")) || got < 1 {
			t.Errorf("after %v: %d due", jump, got)
		}
		r = reopened(t, r)
	}
	if got := len(s.titles()); got != 7 || len(r.Snapshot().Rows) != 7 {
		t.Fatalf("%d at the server", got)
	}
}

// R9: the hour that comes twice and the one that is left out, in the user's own
// place, with the app running: what is due today is what the calendar says.
func TestR9_TheClockIsSetForSummerAndWinter(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	must(t, err)
	for _, change := range []time.Time{
		time.Date(2026, 10, 25, 0, 0, 0, 0, berlin), time.Date(2027, 3, 28, 0, 0, 0, 0, berlin),
	} {
		o := account(t)
		now := change.Add(-2 * time.Hour)
		o.Now = func() time.Time { return now }
		r := opened(t, o, testSeams())
		s := newServer(todo.Todo{ID: "1", Title: "that day", Due: change}, todo.Todo{ID: "2", Title: "the day before", Due: change.AddDate(0, 0, -1)})
		roundNow(t, r, s)
		for range 60 { // half an hour each
			now = now.Add(30 * time.Minute)
			id := add(t, r, fmt.Sprint("at ", now))
			update(t, r, id, todo.Patch{Due: ptr(now)})
			roundNow(t, r, s)
			due := r.Snapshot().Find(todo.Filter{List: todo.ListDueToday}, "")
			for _, row := range r.Snapshot().Rows {
				open := row.Todo.Due.In(berlin).Format(time.DateOnly) <= now.In(berlin).Format(time.DateOnly)
				if listed := slices.ContainsFunc(due, func(other *Row) bool { return other.Todo.ID == row.Todo.ID }); listed != open {
					t.Fatalf("at %v: %q of %v is due: %v", now, row.Todo.Title, row.Todo.Due, listed)
				}
			}
			if st := r.Snapshot().Status; st.Sentence != "Synced "+now.Format("15:04") {
				t.Fatalf("at %v: %+v", now, st)
			}
		}
		if len(s.titles()) != 62 || len(r.Outbox()) != 0 {
			t.Fatalf("%d at the server", len(s.titles()))
		}
	}
}

// What the server has was lost with the damaged part, an unsent edit of it was
// not: the list is fetched before the edit is sent.
func TestR24_AfterARebuildTheListComesFirst(t *testing.T) {
	o := account(t)
	r := opened(t, o, testSeams())
	s := newServer(todo.Todo{ID: "1", Title: "Milk", Description: "two"})
	s.ownIDs = true // so that making it again would be a second one
	roundNow(t, r, s)
	update(t, r, "1", rename1("Oat milk"))
	must(t, r.Close())
	file, err := openStore(databaseOf(o), o.Key, testSeams())
	must(t, err)
	must(t, file.exec("UPDATE log SET v = randomblob(99) WHERE n = (SELECT min(n) FROM log)"))
	file.close()
	r = opened(t, o, testSeams())
	if n := r.Snapshot().Notice; n == nil || !strings.Contains(n.Message, "One unsent change was saved") {
		t.Fatalf("%v", n)
	}
	roundNow(t, r, s)
	if got, _ := s.get("1"); got.Title != "Oat milk" || got.Description != "two" || len(s.done()) != 1 {
		t.Fatalf("%+v, %v", got, s.done())
	}
	if row := row(t, r, "Oat milk"); row.State != Synced || len(r.Outbox()) != 0 {
		t.Fatalf("%+v, %+v", row, r.Outbox())
	}
}
