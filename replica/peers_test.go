package replica

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"waybill/todo"
)

// realSeams are those of the program: folders are watched.
func realSeams() seams { return seams{migrations, func(string) error { return nil }, watchFolder} }

// shows waits until r shows what f wants, and returns how long that took.
func shows(t testing.TB, r *Replica, what string, f func(*Snapshot) bool) time.Duration {
	t.Helper()
	start := time.Now()
	seen := make(chan struct{})
	var once sync.Once
	stop := r.Watch(func(s *Snapshot) {
		if f(s) {
			once.Do(func() { close(seen) })
		}
	})
	defer stop()
	select {
	case <-seen:
		return time.Since(start)
	case <-time.After(20 * time.Second):
		t.Fatalf("never shown: %s; there is %v", what, titlesOf(r))
		return 0
	}
}

func showing(title string) func(*Snapshot) bool {
	return func(s *Snapshot) bool {
		return slices.ContainsFunc(s.Rows, func(r *Row) bool { return r.Todo.Title == title })
	}
}

func TestR27_TwoProcessesSeeEachOthersEditsWithinASecond(t *testing.T) {
	o := account(t)
	window, terminal := opened(t, o, realSeams()), opened(t, o, realSeams())
	for i := range 10 {
		add(t, terminal, fmt.Sprint("terminal ", i))
		if took := shows(t, window, "the terminal's edit", showing(fmt.Sprint("terminal ", i))); took > time.Second {
			t.Errorf("seen after %v", took)
		}
		add(t, window, fmt.Sprint("window ", i))
		if took := shows(t, terminal, "the window's edit", showing(fmt.Sprint("window ", i))); took > time.Second {
			t.Errorf("seen after %v", took)
		}
	}
	must(t, window.Delete(t.Context(), row(t, window, "terminal 3").Todo.ID))
	shows(t, terminal, "the deletion", func(s *Snapshot) bool { return !showing("terminal 3")(s) })
}

// Where the folder cannot be watched, the file is looked at now and then.
func TestR27_WithoutAWatchTheFileIsLookedAt(t *testing.T) {
	o := account(t)
	blind := realSeams()
	blind.watch = func(string) (<-chan fsEvent, <-chan error, func()) { return nil, nil, func() {} }
	window, terminal := opened(t, o, blind), opened(t, o, blind)
	add(t, terminal, "seen")
	if took := shows(t, window, "the edit", showing("seen")); took > 5*time.Second {
		t.Errorf("seen after %v", took)
	}
}

func TestR27_TheFileMayBeWrittenAnewUnderTheOther(t *testing.T) {
	o := account(t)
	window, terminal := opened(t, o, realSeams()), opened(t, o, realSeams())
	s := newServer(some(50)...)
	roundNow(t, window, s)
	id := add(t, window, "unsent")
	shows(t, terminal, "the edit", showing("unsent"))
	kept := row(t, terminal, "item 007")
	window.mu.Lock()
	must(t, window.rewrite())
	window.mu.Unlock()
	update(t, terminal, id, rename1("edited"))
	shows(t, window, "the edit after the rewriting", showing("edited"))
	if row(t, terminal, "item 007") != kept {
		t.Error("a row that did not change is another one")
	}
}

// Ten at once, many edits, one of them or another syncing: nothing is lost,
// nothing is sent twice, and at each moment one of them sends.
func TestR27_TenProcessesAtOnce(t *testing.T) {
	o := account(t)
	s := newServer()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	var edits sync.WaitGroup
	replicas := make([]*Replica, 10)
	for i := range replicas {
		replicas[i] = opened(t, o, realSeams())
	}
	for i, r := range replicas {
		all.Go(func() {
			if err := r.Run(ctx, s); err != nil {
				t.Error(err)
			}
		})
		edits.Go(func() {
			for n := range 5 {
				id, err := r.Add(ctx, todo.Todo{Title: fmt.Sprintf("%d %d", i, n)})
				if err == nil {
					err = r.Update(ctx, id, todo.Patch{Completed: ptr(true)})
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	edits.Wait()
	for _, r := range replicas {
		shows(t, r, "everything synced", func(s *Snapshot) bool { return len(s.Rows) == 50 && s.Status.Waiting == 0 })
	}
	cancel()
	all.Wait()
	if got := s.titles(); len(got) != 50 || len(slices.Compact(got)) != 50 {
		t.Fatalf("%d to-dos at the server", len(got))
	}
	creates := 0
	for _, call := range s.done() {
		if strings.HasPrefix(call, "create") {
			creates++
		}
	}
	if creates != 50 {
		t.Fatalf("%d creations", creates)
	}
}

// A second process edits and is killed without warning, over and over; the
// test is that program too.
func TestR20_KilledWithoutWarning(t *testing.T) {
	if os.Getenv("WAYBILL_TEST_CHILD") != "" {
		child()
		return
	}
	rounds := 10
	if slow() {
		rounds = 1000
	}
	o := account(t)
	must(t, os.MkdirAll(o.Dir, 0o700))
	var acknowledged []string
	for round := range rounds {
		command := exec.Command(os.Args[0], "-test.run=TestR20_KilledWithoutWarning")
		command.Env = append(os.Environ(), "WAYBILL_TEST_CHILD="+o.Dir, fmt.Sprint("WAYBILL_TEST_ROUND=", round))
		out, err := command.StdoutPipe()
		must(t, err)
		must(t, command.Start())
		lines := bufio.NewScanner(out)
		for left := 5 + rand.IntN(30); left > 0 && lines.Scan(); left-- {
			if title, ok := strings.CutPrefix(lines.Text(), "saved "); ok {
				acknowledged = append(acknowledged, title)
			}
		}
		must(t, command.Process.Kill())
		for lines.Scan() { // what it had said before it died
			if title, ok := strings.CutPrefix(lines.Text(), "saved "); ok {
				acknowledged = append(acknowledged, title)
			}
		}
		_ = command.Wait()
		r := opened(t, o, testSeams())
		must(t, r.ready(t.Context()))
		got := titlesOf(r)
		for _, title := range acknowledged {
			if !slices.Contains(got, title) {
				t.Fatalf("round %d: %q was acknowledged and is lost", round, title)
			}
		}
		if r.Snapshot().Notice != nil {
			t.Fatalf("round %d: %v", round, r.Snapshot().Notice)
		}
		must(t, r.Close())
		if len(acknowledged) > 400 {
			clean(t, o)
			acknowledged = nil
		}
	}
}

// child edits until it is killed, and says what was saved.
func child() {
	r, err := Open(context.Background(), Options{Dir: os.Getenv("WAYBILL_TEST_CHILD"), Account: "https://idp.example alice", Key: [32]byte{1, 2, 3}})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for n := 0; ; n++ {
		title := fmt.Sprintf("round %s edit %d", os.Getenv("WAYBILL_TEST_ROUND"), n)
		if _, err := r.Add(context.Background(), todo.Todo{Title: title}); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Stdout.WriteString("saved " + title + "\n")
	}
}

func TestSignedOutElsewhereIsSaid(t *testing.T) {
	o := account(t)
	r := opened(t, o, realSeams())
	add(t, r, "mine")
	must(t, Remove(o))
	shows(t, r, "that it is gone", func(s *Snapshot) bool { return strings.Contains(s.Status.Sentence, "signed out elsewhere") })
	if _, err := r.Add(t.Context(), todo.Todo{Title: "lost"}); err == nil {
		t.Fatal("an edit was acknowledged that is saved nowhere")
	}
	left, err := os.ReadDir(o.Dir)
	must(t, err)
	for _, f := range left {
		data, _ := os.ReadFile(f.Name())
		if bytes.Contains(data, []byte("SQLite")) {
			t.Errorf("%s is left", f.Name())
		}
	}
}

// One edit is one flush of the disk, and writes little, however many to-dos
// there are. The system calls are counted by strace, where there is one.
func TestOneEditIsOneFlush(t *testing.T) {
	if dir := os.Getenv("WAYBILL_TEST_FLUSH"); dir != "" {
		flushChild(dir)
		return
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed")
	}
	o := account(t)
	r := opened(t, o, testSeams())
	roundNow(t, r, newServer(some(100_000)...))
	must(t, r.Close())
	count := func(edits int) (flushes, bytes int) {
		command := exec.Command(strace, "-f", "-qq", "-e", "trace=fsync,fdatasync,pwrite64,write", "-o", o.Dir+"/trace", os.Args[0], "-test.run=TestOneEditIsOneFlush")
		command.Env = append(os.Environ(), "WAYBILL_TEST_FLUSH="+o.Dir, fmt.Sprint("WAYBILL_TEST_EDITS=", edits), "GOMAXPROCS=1")
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		trace, err := os.ReadFile(o.Dir + "/trace")
		must(t, err)
		for line := range strings.Lines(string(trace)) {
			if strings.Contains(line, "sync(") {
				flushes++
			}
			if _, after, ok := strings.Cut(line, "pwrite64("); ok {
				var n int
				if at := strings.LastIndex(after, "= "); at > 0 {
					_, _ = fmt.Sscan(after[at+2:], &n)
				}
				bytes += n
			}
		}
		return flushes, bytes
	}
	count(1) // leaves the write-ahead log as both of the following find it
	flushes0, bytes0 := count(10)
	flushes1, bytes1 := count(110)
	if got := flushes1 - flushes0; got != 100 {
		t.Errorf("100 edits flushed %d times", got)
	}
	if got := (bytes1 - bytes0) / 100; got > 4096 {
		t.Errorf("%d bytes per edit", got)
	} else {
		t.Logf("%d bytes per edit", got)
	}
}

func flushChild(dir string) {
	r, err := Open(context.Background(), Options{Dir: dir, Account: "https://idp.example alice", Key: [32]byte{1, 2, 3}})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	var edits int
	_, _ = fmt.Sscan(os.Getenv("WAYBILL_TEST_EDITS"), &edits)
	for n := range edits {
		if err := r.Update(context.Background(), fmt.Sprint(n), rename1(fmt.Sprint("an ordinary title of a to-do ", edits))); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	os.Exit(0) // without Close, which writes too
}

// Two processes that both have much to send: at each moment one of them talks
// to the server.
func TestR27_OneSendsAtATime(t *testing.T) {
	o := account(t)
	o.Parallel = 1
	s := newServer()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	one, two := opened(t, o, realSeams()), opened(t, o, realSeams())
	s.latency = time.Millisecond // long enough for the other to come in
	for _, r := range []*Replica{one, two} {
		all.Go(func() {
			if err := r.Run(ctx, s); err != nil {
				t.Error(err)
			}
		})
	}
	for i := range 50 {
		add(t, one, fmt.Sprint("one ", i))
		add(t, two, fmt.Sprint("two ", i))
	}
	for _, r := range []*Replica{one, two} {
		shows(t, r, "everything synced", func(s *Snapshot) bool { return len(s.Rows) == 100 && s.Status.Waiting == 0 })
	}
	cancel()
	all.Wait()
	if s.mostFly != 1 {
		t.Errorf("%d requests at the same time", s.mostFly)
	}
}

// One process has sent the creation that another one made, and the answer was
// lost: the other must not delete the to-do as if nobody had heard of it.
func TestR27_WhatAnotherProcessHasSentIsNotTakenForUnsent(t *testing.T) {
	for _, keeps := range []string{"may keep ids", "keeps ids"} {
		o := account(t)
		one, two := opened(t, o, testSeams()), opened(t, o, testSeams())
		s := newServer()
		if keeps == "keeps ids" {
			add(t, one, "Bread") // tells that it does
		}
		roundNow(t, two, s)
		before := s.titles()
		id := add(t, one, "Milk")
		s.after = func(op, _ string) error {
			if op == "create" {
				return offline()
			}
			return nil
		}
		if err := two.round(t.Context(), s, setOf(WakeUser)); err == nil || len(s.titles()) != len(before)+1 {
			t.Fatalf("%v, %v", err, s.titles())
		}
		s.after = nil
		must(t, one.Delete(t.Context(), id))
		roundNow(t, one, s)
		roundNow(t, one, s)
		if got := s.titles(); !slices.Equal(got, before) || !slices.Equal(titlesOf(one), before) {
			t.Errorf("a server that %s: deleted here, at the server are %v, here %v", keeps, got, titlesOf(one))
		}
	}
}
