package replica

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"waybill/api"
	"waybill/fault"
	"waybill/todo"
)

// bigStore is a copy of at least 256 kB as its process left it, with unsent
// edits at its beginning and at its end.
type bigStore struct {
	o        Options
	database []byte
	mark     []byte
	rows     int
	unsent   []string
}

func newBigStore(t *testing.T) *bigStore {
	t.Helper()
	b := &bigStore{o: account(t)}
	r := opened(t, b.o, testSeams())
	edit := func(title string) {
		add(t, r, title)
		b.unsent = append(b.unsent, title)
	}
	edit("unsent at the beginning")
	r.mu.Lock()
	must(t, r.takeList(api.List{Todos: believable(1600), ETag: `"1"`, Complete: true}))
	r.mu.Unlock()
	for i := range 6 {
		edit(fmt.Sprint("unsent at the end ", i))
	}
	b.rows = len(r.Snapshot().Rows)
	must(t, r.Close())
	var err error
	b.database, err = os.ReadFile(databaseOf(b.o))
	must(t, err)
	b.mark, err = os.ReadFile(filesOf(b.o).mark())
	must(t, err)
	if len(b.database) < 256<<10 || len(b.database) > 300<<10 {
		t.Fatalf("the store has %d bytes", len(b.database))
	}
	return b
}

// damages counts what became of damaged copies.
type damages struct{ silent, rebuilt, saved, first, refused atomic.Int64 }

func (d *damages) String() string {
	return fmt.Sprintf("%d opened as if nothing were, %d made anew, %d of them with every unsent edit, %d not opened; the first edit was there %d times",
		d.silent.Load(), d.rebuilt.Load(), d.saved.Load(), d.refused.Load(), d.first.Load())
}

// try opens a copy with this content. It must end in a whole copy, or in one
// that was made anew and says so, or in a Fault; in each case but the first the
// damaged file is kept as it was.
func (b *bigStore) try(dir string, database []byte, d *damages) error {
	o := b.o
	o.Dir = dir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := errors.Join(os.WriteFile(databaseOf(o), database, 0o600), os.WriteFile(filesOf(o).mark(), b.mark, 0o600)); err != nil {
		return err
	}
	r, err := open(context.Background(), o, testSeams())
	if err != nil {
		var f *fault.Fault
		if d.refused.Add(1); !errors.As(err, &f) || f.Code == "internal" || f.Remedy == "" {
			return fmt.Errorf("it does not open, and that is said as %w", err)
		}
		return kept(databaseOf(o), database)
	}
	defer r.Close()
	<-r.loaded
	unsent := 0
	for _, title := range titlesOf(r) {
		if slices.Contains(b.unsent, title) {
			unsent++
		}
		if title == b.unsent[0] {
			d.first.Add(1)
		}
	}
	s := r.Snapshot()
	if s.Notice == nil {
		if d.silent.Add(1); unsent != len(b.unsent) || len(s.Rows) != b.rows {
			return fmt.Errorf("it opened without a word, with %d of %d edits and %d of %d rows", unsent, len(b.unsent), len(s.Rows), b.rows)
		}
		return nil
	}
	if d.rebuilt.Add(1); unsent == len(b.unsent) {
		d.saved.Add(1)
	}
	if len(database) == 0 && s.Notice.Code == "store_rolled_back" {
		return nil // there is nothing to keep
	}
	found, err := filepath.Glob(databaseOf(o) + ".damaged-*")
	if err != nil || len(found) == 0 || !strings.Contains(s.Notice.Remedy, ".damaged-") {
		return fmt.Errorf("it was made anew, and the damaged file is not kept: %v, %w", found, s.Notice)
	}
	return kept(found[0], database)
}

// kept reports that a file is not what it was.
func kept(path string, want []byte) error {
	got, err := os.ReadFile(path)
	if err == nil && !slices.Equal(got, want) {
		err = fmt.Errorf("%s was changed", filepath.Base(path))
	}
	return err
}

// each calls damage for every step-th number below n, on as many goroutines as
// there are processors, and tries what it returns. WAYBILL_PART=3/16 leaves it at
// a sixteenth of them, so that what takes hours can be done bit by bit.
func (b *bigStore) each(t *testing.T, n, step int, what string, damage func(at int) []byte) *damages {
	t.Helper()
	base := inMemoryFolder(t)
	seldomCollect(t)
	var d damages
	var workers sync.WaitGroup
	var failed atomic.Bool
	numbers := make(chan int)
	for worker := range 2 {
		workers.Go(func() {
			for at := range numbers {
				if err := b.try(filepath.Join(base, fmt.Sprint(worker)), damage(at), &d); err != nil && !failed.Swap(true) {
					t.Errorf("%s %d: %v", what, at, err)
				}
			}
		})
	}
	tried, part, parts := 0, 0, 1
	if asked := os.Getenv("WAYBILL_PART"); asked != "" {
		if n, err := fmt.Sscanf(asked, "%d/%d", &part, &parts); n != 2 || part < 0 || part >= parts {
			t.Fatalf("WAYBILL_PART is %q and not like 3/16: %v", asked, err)
		}
	}
	for at := part * step; at < n && !failed.Load(); at += step * parts {
		numbers <- at
		tried++
	}
	close(numbers)
	workers.Wait()
	t.Logf("%s: %d of %d tried; %v", what, tried, n, &d)
	return &d
}

// mostlySaved wants that damage at one place costs unsent edits at that place
// alone.
func (d *damages) mostlySaved(t *testing.T) {
	t.Helper()
	if rebuilt, saved := d.rebuilt.Load(), d.saved.Load(); saved*10 < rebuilt*9 {
		t.Errorf("every unsent edit was saved in only %d of %d copies that were made anew", saved, rebuilt)
	}
}

// thorough is the step through the bytes of a store: each of them where there is
// time for it.
func thorough(step int) int {
	switch {
	case slow() && !raced:
		return 1
	case slow():
		return step / 16
	}
	return step
}

func TestR24_EveryByteOfABigStoreFlipped(t *testing.T) {
	b := newBigStore(t)
	b.each(t, len(b.database), thorough(6007), "byte flipped", func(at int) []byte {
		data := slices.Clone(b.database)
		data[at] ^= 0x5a
		return data
	}).mostlySaved(t)
}

func TestR24_ABigStoreCutToEachLength(t *testing.T) {
	b := newBigStore(t)
	d := b.each(t, len(b.database), thorough(12007), "cut to", func(size int) []byte { return b.database[:size] })
	// What stands before the cut can be read, once the first few pages are there.
	if n, first := d.rebuilt.Load(), d.first.Load(); first*4 < n*3 {
		t.Errorf("the edit at the beginning was saved in only %d of %d copies", first, n)
	}
}

func TestR24_EachPageZeroed(t *testing.T) {
	b := newBigStore(t)
	step := 23
	if slow() {
		step = 1
	}
	b.each(t, len(b.database)/pageSize, step, "page zeroed", func(page int) []byte {
		data := slices.Clone(b.database)
		clear(data[page*pageSize : (page+1)*pageSize])
		return data
	}).mostlySaved(t)
}

// A byte of the write-ahead log that a crash left is flipped: what was saved
// before that place is there. What came after it cannot be told from what a
// crash cut off, unless the mark knows of it.
func TestR24_EveryByteOfTheLogFlipped(t *testing.T) {
	o := account(t)
	r := opened(t, o, testSeams())
	roundNow(t, r, newServer(some(3)...))
	r.mu.Lock()
	must(t, r.store.checkpoint())
	r.mu.Unlock()
	ends := map[string]int64{}
	for i := range 6 {
		title := fmt.Sprint("edit ", i)
		add(t, r, title)
		ends[title] = r.store.walSize()
	}
	crashed := image(t, o)
	wal, err := os.ReadFile(databaseOf(crashed) + "-wal")
	must(t, err)
	main, err := os.ReadFile(databaseOf(crashed))
	must(t, err)
	mark, err := os.ReadFile(filesOf(crashed).mark())
	must(t, err)
	crashed.Dir = filepath.Join(inMemoryFolder(t), "data")
	for at := 0; at < len(wal); at += thorough(160) {
		must(t, os.MkdirAll(crashed.Dir, 0o700))
		data := slices.Clone(wal)
		data[at] ^= 0x5a
		must(t, os.WriteFile(databaseOf(crashed), main, 0o600))
		must(t, os.WriteFile(databaseOf(crashed)+"-wal", data, 0o600))
		must(t, os.WriteFile(filesOf(crashed).mark(), mark, 0o600))
		after, err := open(t.Context(), crashed, testSeams())
		must(t, err)
		got := titlesOf(after)
		for title, end := range ends {
			if end <= int64(at) && !slices.Contains(got, title) {
				t.Fatalf("byte %d of %d: %q is lost, which ended at %d", at, len(wal), title, end)
			}
		}
		must(t, after.Close())
		must(t, os.RemoveAll(crashed.Dir))
	}
}

// The mark is there to notice, and nothing hangs on it: whatever is wrong with
// it, the copy opens with all that it has.
func TestR24_EveryByteOfTheMarkFlippedAndCut(t *testing.T) {
	o := smallStore(t, 5)
	database, err := os.ReadFile(databaseOf(o))
	must(t, err)
	mark, err := os.ReadFile(filesOf(o).mark())
	must(t, err)
	for at := range len(mark) {
		flipped := slices.Clone(mark)
		flipped[at] ^= 0x5a
		for _, data := range [][]byte{flipped, mark[:at]} {
			clean(t, o)
			must(t, os.WriteFile(databaseOf(o), database, 0o600))
			must(t, os.WriteFile(filesOf(o).mark(), data, 0o600))
			r := opened(t, o, testSeams())
			if got := titlesOf(r); len(got) != 8 || r.Snapshot().Notice != nil {
				t.Fatalf("byte %d: %v, %v", at, got, r.Snapshot().Notice)
			}
			must(t, r.Close())
		}
	}
}

// Ten processes open a damaged copy at the same moment: one of them makes it
// anew, no edit is lost, and no two of them do it one after the other. The
// others wait for it: nobody is told that it is in use.
func TestR27_TenOpenADamagedCopyAtOnce(t *testing.T) {
	for range 5 {
		o := smallStore(t, 40)
		s, err := openStore(databaseOf(o), o.Key, testSeams())
		must(t, err)
		must(t, s.exec("INSERT INTO log (n, v) SELECT max(n) + 1, randomblob(90) FROM log"))
		s.close()
		var all sync.WaitGroup
		var opened, told atomic.Int64
		for range 10 {
			all.Go(func() {
				r, err := open(t.Context(), o, testSeams())
				if err != nil {
					t.Error(err)
					return
				}
				<-r.loaded
				if r.Snapshot().Notice != nil {
					told.Add(1)
				}
				if opened.Add(1); len(unsentOf(r)) != 3 {
					t.Errorf("%v", titlesOf(r))
				}
				must(t, r.Close())
			})
		}
		all.Wait()
		if n := len(asides(t, o)); opened.Load() != 10 || told.Load() != 1 || n == 0 || n > 2 { // the file, and its log
			t.Errorf("%d opened it, %d were told, %v were set aside", opened.Load(), told.Load(), asides(t, o))
		}
		last, err := open(t.Context(), o, testSeams())
		must(t, err)
		if len(unsentOf(last)) != 3 || last.Snapshot().Notice != nil {
			t.Errorf("%v, %v", titlesOf(last), last.Snapshot().Notice)
		}
		must(t, last.Close())
	}
}

func unsentOf(r *Replica) (out []todo.Edit) {
	for _, p := range r.Outbox() {
		out = append(out, p.Edit)
	}
	return out
}
