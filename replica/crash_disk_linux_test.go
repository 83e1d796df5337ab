package replica

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"waybill/fault"
	"waybill/todo"
)

// onDisk runs f with a file system of its own, of that size: this test again,
// in a process that alone sees what it mounts. It returns what f needs to
// change the file system while it is in use.
func onDisk(t *testing.T, size string, f func(t *testing.T, dir string, remount func(options string))) {
	t.Helper()
	if os.Getenv("WAYBILL_TEST_MOUNT") == "" {
		command := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		command.Env = append(os.Environ(), "WAYBILL_TEST_MOUNT="+t.TempDir())
		command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
		if os.Geteuid() != 0 {
			command.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
			command.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		}
		out, err := command.CombinedOutput()
		if errors.Is(err, fsPermission) || strings.Contains(string(out), notMounted) {
			t.Skip("this system does not let a test mount a file system")
		}
		if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	dir := os.Getenv("WAYBILL_TEST_MOUNT")
	mount := func(flags uintptr, options string) error {
		return syscall.Mount("tmpfs", dir, "tmpfs", flags, options)
	}
	if err := errors.Join(syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""), mount(0, "size="+size)); err != nil {
		fmt.Println(notMounted, err)
		os.Exit(1)
	}
	f(t, filepath.Join(dir, "data"), func(options string) {
		t.Helper()
		flags := uintptr(syscall.MS_REMOUNT)
		if options == "ro" {
			flags, options = flags|syscall.MS_RDONLY, ""
		}
		must(t, mount(flags, options))
	})
}

var fsPermission = syscall.EPERM

const notMounted = "cannot mount:"

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var f *fault.Fault
	if !errors.As(err, &f) || f.Code != code || f.Message == "" || f.Remedy == "" {
		t.Fatalf("%v, want a Fault of code %s", err, code)
	}
}

// A disk of 64 kB, edited until it is full: the edit that has no room is
// refused, what was saved is there, now and after a start, and when there is
// room again everything goes on.
func TestR22_ADiskOf64KilobytesThatGetsFull(t *testing.T) {
	onDisk(t, "64k", func(t *testing.T, dir string, remount func(string)) {
		o := Options{Dir: dir, Account: "full", Key: [32]byte{1}}
		r := opened(t, o, testSeams())
		s := newServer(some(3)...)
		roundNow(t, r, s)
		var saved []string
		var err error
		for i := 0; err == nil && i < 1000; i++ {
			title := fmt.Sprint("edit ", i)
			if _, err = r.Add(t.Context(), todo.Todo{Title: title, Description: strings.Repeat("x", 300)}); err == nil {
				saved = append(saved, title)
			}
		}
		wantCode(t, err, "disk_full")
		if st := r.Snapshot().Status; st.Kind != Attention || !strings.Contains(st.Sentence, "the disk is full") || len(saved) < 5 {
			t.Fatalf("after %d edits: %+v", len(saved), st)
		}
		there := func(r *Replica) {
			t.Helper()
			if got := titlesOf(r); len(got) != 3+len(saved) || !containsAll(got, saved) {
				t.Fatalf("%d rows, %d were saved: %v", len(got), 3+len(saved), got)
			}
		}
		there(r)
		for range 20 { // and again: nothing spins, nothing is taken for saved
			if _, err := r.Add(t.Context(), todo.Todo{Title: "no room", Description: strings.Repeat("x", 4000)}); err == nil {
				t.Fatal("an edit for which there is no room was acknowledged")
			}
		}
		there(opened(t, image(t, o), testSeams()))
		must(t, r.Close())
		if r, err = open(t.Context(), o, testSeams()); err != nil {
			wantCode(t, err, "disk_full") // even the files of a start may find no room
		} else {
			there(r)
			must(t, r.Close())
		}
		remount("size=1m")
		r = opened(t, o, testSeams())
		there(r)
		add(t, r, "there is room again")
		roundNow(t, r, s)
		if st := r.Snapshot().Status; st.Kind != OK || len(s.titles()) != 3+len(saved)+1 {
			t.Fatalf("%+v, %d at the server", st, len(s.titles()))
		}
	})
}

func containsAll(all, some []string) bool {
	return !slices.ContainsFunc(some, func(one string) bool { return !slices.Contains(all, one) })
}

// A copy that begins on a disk without any room says so, and begins when there
// is some.
func TestR22_ANewCopyOnAFullDisk(t *testing.T) {
	onDisk(t, "64k", func(t *testing.T, dir string, remount func(string)) {
		o := Options{Dir: dir, Account: "full", Key: [32]byte{1}}
		must(t, os.Mkdir(dir, 0o700))
		for room := 0; room <= 56<<10; room += 4 << 10 {
			must(t, os.WriteFile(filepath.Join(filepath.Dir(dir), "other"), make([]byte, 60<<10-room), 0o600))
			r, err := open(t.Context(), o, testSeams())
			if err != nil {
				wantCode(t, err, "disk_full")
				continue
			}
			if _, err := r.Add(t.Context(), todo.Todo{Title: fmt.Sprint("with ", room)}); err != nil {
				wantCode(t, err, "disk_full")
			}
			must(t, r.Close())
		}
		remount("size=1m")
		r := opened(t, o, testSeams())
		add(t, r, "kept")
		if got := titlesOf(reopened(t, r)); !slices.Contains(got, "kept") || r.Snapshot().Notice != nil {
			t.Fatalf("%v, %v", got, r.Snapshot().Notice)
		}
	})
}

// A start on a disk without any room shows what there is, and says why an edit
// cannot be saved; as soon as there is room it is saved, without another start.
// So it is with a disk that can only be read.
func TestR22_R23_AStartThatCanOnlyReadWritesAsSoonAsItCan(t *testing.T) {
	onDisk(t, "1m", func(t *testing.T, dir string, remount func(string)) {
		o := Options{Dir: dir, Account: "full", Key: [32]byte{1}}
		r := opened(t, o, testSeams())
		s := newServer(some(3)...)
		roundNow(t, r, s)
		must(t, r.Close())
		other := filepath.Join(filepath.Dir(dir), "other")
		for code, c := range map[string]struct{ block, clear func() }{
			"disk_full":      {func() { fill(t, other, 0) }, func() { must(t, os.Remove(other)) }},
			"disk_read_only": {func() { remount("ro") }, func() { remount("size=1m") }},
		} {
			c.block()
			r = opened(t, o, testSeams())
			for range 3 {
				_, err := r.Add(t.Context(), todo.Todo{Title: "lost"})
				wantCode(t, err, code)
			}
			if st := r.Snapshot().Status; st.Kind != Attention {
				t.Errorf("%s: %+v", code, st)
			}
			c.clear()
			add(t, r, "kept after "+code)
			roundNow(t, r, s)
			if st := r.Snapshot().Status; st.Kind != OK {
				t.Errorf("%s: %+v", code, st)
			}
			next := reopened(t, r)
			if got := titlesOf(next); !slices.Contains(got, "kept after "+code) || slices.Contains(got, "lost") {
				t.Errorf("%s: %v", code, got)
			}
			must(t, next.Close())
		}
		if got := s.titles(); len(got) != 5 {
			t.Errorf("%v", got)
		}
	})
}

// R25: the disk gets full at each point of an update of the format. The copy
// opens, or it is said why not; it stays as it was until it is as it should be,
// with every edit, and what was made half-way is in nobody's way.
func TestR25_AMigrationOnAFullDisk(t *testing.T) {
	onDisk(t, "1m", func(t *testing.T, dir string, remount func(string)) {
		o := Options{Dir: dir, Account: "full", Key: [32]byte{1}}
		r := opened(t, o, testSeams())
		roundNow(t, r, newServer(some(200)...))
		add(t, r, "unsent")
		must(t, r.Close())
		original := image(t, o)
		with := testSeams()
		with.steps = later()
		other, refused, done := filepath.Join(filepath.Dir(dir), "other"), 0, 0
		for room := 0; room <= 96; room += 4 {
			must(t, errors.Join(os.RemoveAll(other), os.RemoveAll(dir), os.CopyFS(dir, os.DirFS(original.Dir)), os.Chmod(dir, 0o700)))
			fill(t, other, room<<10)
			r, err := open(t.Context(), o, with)
			if err != nil {
				wantCode(t, err, "disk_full")
				refused++
				must(t, os.Remove(other))
				r = opened(t, o, with)
			} else {
				done++
			}
			if got := titlesOf(r); len(got) != 201 || r.Snapshot().Notice != nil {
				t.Fatalf("with room for %d KiB: %d rows, %v", room, len(got), r.Snapshot().Notice)
			}
			row(t, r, "unsent")
			must(t, r.Close())
		}
		if t.Logf("%d refused, %d done", refused, done); refused < 3 || done < 3 {
			t.Errorf("refused %d times, done %d times: the disk was never full, or always", refused, done)
		}
	})
}

// fill leaves that many bytes of the disk.
func fill(t *testing.T, path string, room int) {
	t.Helper()
	f, err := os.Create(path)
	must(t, err)
	for err == nil {
		_, err = f.Write(make([]byte, 4<<10))
	}
	size, err := f.Seek(0, io.SeekEnd)
	must(t, err)
	must(t, errors.Join(f.Truncate(max(0, size-int64(room))), f.Close()))
}

// A disk that became read-only: what is there is shown, an edit is refused in
// words, and nothing is taken for damage.
func TestR23_AReadOnlyDisk(t *testing.T) {
	onDisk(t, "4m", func(t *testing.T, dir string, remount func(string)) {
		o := Options{Dir: dir, Account: "read-only", Key: [32]byte{1}}
		r := opened(t, o, testSeams())
		s := newServer(some(3)...)
		roundNow(t, r, s)
		add(t, r, "kept")
		must(t, r.Close())
		before := hashOf(t, databaseOf(o))
		remount("ro")
		r = opened(t, o, testSeams())
		row(t, r, "kept")
		_, err := r.Add(t.Context(), todo.Todo{Title: "lost"})
		wantCode(t, err, "disk_read_only")
		if err := r.round(t.Context(), s, setOf(WakeUser)); err == nil {
			t.Fatal("a sync that could save nothing says that all is well")
		}
		if st := r.Snapshot().Status; st.Kind != Attention || len(r.Snapshot().Rows) != 4 || len(s.titles()) != 3 {
			t.Fatalf("%+v", st)
		}
		must(t, r.Close())
		if hashOf(t, databaseOf(o)) != before {
			t.Fatal("the file was changed")
		}
		remount("size=4m")
		r = opened(t, o, testSeams())
		add(t, r, "kept too")
		roundNow(t, r, s)
		if len(s.titles()) != 5 {
			t.Fatalf("%v", s.titles())
		}
	})
}

// After a crash, with edits in the write-ahead log alone, on a disk that can
// only be read: what the file itself holds is not the truth, so nothing is
// shown for it; it is said what is wrong, and later all is there.
func TestR23_AReadOnlyDiskAfterACrash(t *testing.T) {
	onDisk(t, "4m", func(t *testing.T, dir string, remount func(string)) {
		o := Options{Dir: dir, Account: "read-only", Key: [32]byte{1}}
		r := opened(t, o, testSeams())
		add(t, r, "kept")
		crashed := image(t, o)
		must(t, r.Close())
		must(t, os.RemoveAll(dir))
		must(t, os.CopyFS(dir, os.DirFS(crashed.Dir)))
		remount("ro")
		_, err := open(t.Context(), o, testSeams())
		wantCode(t, err, "disk_read_only")
		remount("size=4m")
		row(t, opened(t, o, testSeams()), "kept")
	})
}

// One call after the other fails, in each thread, in the middle of edits, syncs
// and starts. The edit that it concerns is refused; what was acknowledged is
// there after the next start. A disk that cannot be read for a moment is not
// taken for a damaged copy.
func TestR22_R23_EachCallFailsInTurn(t *testing.T) {
	storyChild()
	step := 1000 // once for each kind of failure
	if slow() {
		step = 3
	}
	for _, inject := range []struct {
		calls, fails string
		most         int // of them in a thread, or about as many
		again        int // after how many it fails again
	}{
		{"pwrite64", "ENOSPC", 90, 37}, {"pwrite64", "EDQUOT", 90, 37}, {"pwrite64", "EIO", 90, 37}, {"pread64", "EIO", 60, 1000}, {"ftruncate", "EIO", 8, 5},
		{"open", "EMFILE", 9, 11}, {"openat", "EMFILE", 40, 37}, {"renameat", "EIO", 1, 2}, {"unlink", "EIO", 2, 3},
	} {
		t.Run(inject.calls+" "+inject.fails, func(t *testing.T) {
			runs, failed, acknowledged := 0, 0, 0
			try := func(nth int) {
				when := fmt.Sprintf("inject=%s:error=%s:when=%d+%d", inject.calls, inject.fails, 1+nth%inject.most, inject.again)
				p := recordStory(t, "failures", "-e", when)
				if len(p.calls) == 0 {
					return
				}
				h := p.heard(len(p.calls))
				p.afterPowerLoss(t, when, p.home, h)
				runs, acknowledged = runs+1, acknowledged+len(h.must)+len(h.gone)
				for _, c := range p.calls {
					failed += map[bool]int{true: 1}[c.name == inject.calls && c.failed]
				}
			}
			for nth := 1 + inject.most/3; nth <= inject.most+inject.most/3; nth += step {
				try(nth)
			}
			for nth := inject.most / 6; failed == 0 && nth > 0; nth /= 2 {
				try(nth) // a busy computer spreads the calls over more threads
			}
			if t.Logf("%d calls failed in %d runs, %d to-dos acknowledged", failed, runs, acknowledged); acknowledged == 0 || failed == 0 {
				t.Error("nothing was tried")
			}
		})
	}
}
