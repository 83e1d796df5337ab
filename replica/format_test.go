package replica

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"waybill/fault"
	"waybill/todo"
)

// fixtures are copies as each format's Waybill left them, with everything in
// them that a record can hold.
const fixtures = "testdata"

// fixtureOptions open a copy of one.
func fixtureOptions(dir string) Options {
	return Options{Dir: dir, Account: "https://idp.example ada", Key: [32]byte{25},
		Now: func() time.Time { return time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC) }}
}

// writeFixture makes the copy of the format that this Waybill writes.
func writeFixture(t *testing.T, dir string) {
	t.Helper()
	r := opened(t, fixtureOptions(dir), testSeams())
	s := newServer(some(40)...)
	s.ownIDs = true
	roundNow(t, r, s)
	add(t, r, "made here, under another name there")
	roundNow(t, r, s)
	s.reject = func(_ string, item todo.Todo) error {
		if item.Title == "too long" {
			return invalid("the title is too long")
		}
		return nil
	}
	update(t, r, "4", rename1("too long"))
	update(t, r, "5", rename1("mine"))
	s.change("5", func(t *todo.Todo) { t.Title = "theirs" })
	roundNow(t, r, s)
	update(t, r, "6", rename1("not wanted"))
	must(t, r.Discard(t.Context(), r.Outbox()[2].Number))
	due := time.Date(2026, 12, 24, 0, 0, 0, 0, time.UTC)
	_, err := r.Add(t.Context(), todo.Todo{Title: "not sent", Description: "with\na note", Priority: todo.High, Tags: []string{"a", "ü"}, Due: due})
	must(t, err)
	update(t, r, "1", rename1("renamed"))
	update(t, r, "2", todo.Patch{Completed: ptr(true)})
	must(t, r.Delete(t.Context(), "3"))
	r = reopened(t, r)
	must(t, os.WriteFile(filepath.Join(dir, "seen.txt"), []byte(seen(t, r)), 0o600))
	must(t, r.Close())
	for _, lock := range []string{r.files.syncLock(), r.files.useLock()} {
		must(t, os.Remove(lock))
	}
}

// seen is what a copy says, without what differs from run to run.
func seen(t *testing.T, r *Replica) string {
	t.Helper()
	must(t, r.ready(t.Context()))
	var b strings.Builder
	for _, row := range r.Snapshot().Rows {
		fmt.Fprintf(&b, "%q %q %v %q %q %s %d %v", row.Todo.Title, row.Todo.Description, row.Todo.Completed, row.Todo.Priority,
			row.Todo.Tags, row.Todo.Due.Format(time.DateOnly), row.State, row.Fields)
		if row.Theirs != nil {
			fmt.Fprintf(&b, " %q", row.Theirs.Title)
		}
		if row.Fault != nil {
			fmt.Fprintf(&b, " %s %q", row.Fault.Code, row.Fault.Server)
		}
		fmt.Fprintln(&b)
	}
	for _, p := range r.Outbox() {
		fmt.Fprintf(&b, "%d %s %q %d %v\n", p.Number, p.What, p.Title, p.State, p.Edit.At.UTC().Format(time.RFC3339))
	}
	st := r.Snapshot().Status
	fmt.Fprintf(&b, "%q, %d waiting, %d to look at, writable %v\n", st.Sentence, st.Waiting, st.Look, r.Snapshot().Writable)
	return b.String()
}

// R25: every format that was ever released opens in this Waybill and in one
// that knows more steps, and shows exactly what it showed then. A format that
// has no fixture yet gets one, which is to be committed.
func TestR25_EveryReleasedFormatOpens(t *testing.T) {
	for format := 1; format <= len(migrations); format++ {
		dir, err := filepath.Abs(filepath.Join(fixtures, fmt.Sprint("format-", format)))
		must(t, err)
		if !exists(dir) && format == len(migrations) {
			writeFixture(t, dir)
			t.Fatalf("%s was written: look at it and commit it", dir)
		}
		want, err := os.ReadFile(filepath.Join(dir, "seen.txt"))
		must(t, err)
		for _, steps := range [][]string{migrations, later()} {
			o := image(t, fixtureOptions(dir))
			with := testSeams()
			with.steps = steps
			r := opened(t, o, with)
			if got := seen(t, r); got != string(want) || r.Snapshot().Notice != nil {
				t.Errorf("format %d, read by one that knows %d:\n%s\nwant\n%s\n%v", format, len(steps), got, want, r.Snapshot().Notice)
			}
			s := newServer(some(40)...)
			s.change("5", func(t *todo.Todo) { t.Title = "theirs" })
			roundNow(t, r, s)
			if got := s.titles(); !slices.Contains(got, "not sent") || !slices.Contains(got, "renamed") || slices.Contains(got, "item 003") {
				t.Errorf("format %d: what was not sent then is not sent now: %v", format, got)
			}
			must(t, r.Close())
		}
	}
}

// later are the migrations of a Waybill to come.
func later() []string {
	return append(slices.Clone(migrations), "CREATE TABLE later (x); INSERT INTO later VALUES (1)", "ALTER TABLE later ADD COLUMN y")
}

// R25: the copy from before a migration is there until a sync has gone well, and
// not longer.
func TestR25_TheBackupStaysUntilASyncWentWell(t *testing.T) {
	o := smallStore(t, 5)
	with := testSeams()
	with.steps = later()
	s := newServer(some(5)...)
	s.before = func(string, string) error { return offline() }
	for _, online := range []bool{false, true} {
		r := opened(t, o, with)
		backup := r.store.backUpName(len(migrations))
		if !exists(backup) {
			t.Fatal("there is no backup")
		}
		if online {
			s.set(func() { s.before = nil })
		}
		done := make(chan error, 1)
		go func() { done <- r.Run(t.Context(), s) }()
		err := r.SyncNow(t.Context())
		must(t, r.Close())
		must(t, <-done)
		if (err == nil) != online || exists(backup) == online {
			t.Fatalf("online %v: %v, the backup is there: %v", online, err, exists(backup))
		}
	}
	// It is a whole copy, of which the older Waybill could go on.
	o = smallStore(t, 5)
	r := opened(t, o, with)
	backup, err := os.ReadFile(r.store.backUpName(len(migrations)))
	must(t, err)
	must(t, r.Close())
	must(t, os.WriteFile(databaseOf(o), backup, 0o600))
	if got := titlesOf(opened(t, o, testSeams())); len(got) != 8 {
		t.Fatalf("%v", got)
	}
}

// R40, R26: a newer Waybill is installed and started while this one runs, and
// brings the file up to date. This one shows what it has, saves nothing more
// into a format that it does not know, sends nothing, and says why; what it had
// saved is in the newer one.
func TestR40_AnUpdateWhileThisOneRuns(t *testing.T) {
	o := smallStore(t, 5)
	s := newServer(some(5)...)
	old := opened(t, o, testSeams())
	add(t, old, "saved by the old one")
	with := testSeams()
	with.steps = later()
	newer := opened(t, o, with)
	row(t, newer, "saved by the old one")
	add(t, newer, "saved by the new one")
	for range 3 {
		_, err := old.Add(t.Context(), todo.Todo{Title: "lost"})
		var f *fault.Fault
		if !errors.As(err, &f) || f.Code != "store_newer" || f.Remedy == "" {
			t.Fatalf("%v", err)
		}
		if err := old.round(t.Context(), s, setOf(WakeUser)); !errors.As(err, &f) || f.Code != "store_newer" || len(s.done()) > 0 {
			t.Fatalf("%v, %v", err, s.done())
		}
	}
	if st := old.Snapshot().Status; st.Kind != Attention || !strings.Contains(st.Sentence, "newer Waybill") || len(old.Snapshot().Rows) != 9 {
		t.Fatalf("%+v, %v", st, titlesOf(old))
	}
	old.maintain()
	must(t, old.Close())
	roundNow(t, newer, s)
	if got := s.titles(); len(got) != 10 || !slices.Contains(got, "saved by the old one") || slices.Contains(got, "lost") {
		t.Fatalf("%v", got)
	}
	newer = func() *Replica { must(t, newer.Close()); return opened(t, o, with) }()
	if newer.Snapshot().Notice != nil || len(newer.Snapshot().Rows) != 10 {
		t.Fatalf("%v, %v", newer.Snapshot().Notice, titlesOf(newer))
	}
}
