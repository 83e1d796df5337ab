package state

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func open(t *testing.T, dir string, now func() time.Time) *Store {
	t.Helper()
	s, err := Open(dir, now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func email(s *Store, subject string) (email string) {
	s.View(func(d *Data) { email = d.Users[subject].Email })
	return email
}

func TestUpdateIsOnDiskWhenItReturns(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, time.Now)
	if err := s.Update(func(d *Data) error { d.Users["u"] = User{Email: "a@example.com"}; return nil }); err != nil {
		t.Fatal(err)
	}
	if got := email(open(t, dir, time.Now), "u"); got != "a@example.com" {
		t.Errorf("another process sees %q", got)
	}
}

func TestFailedUpdateIsUndone(t *testing.T) {
	for name, dir := range map[string]string{"in memory": "", "on disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			s := open(t, dir, time.Now)
			if err := s.Update(func(d *Data) error { d.Users["u"] = User{Email: "old"}; return nil }); err != nil {
				t.Fatal(err)
			}
			no := errors.New("no")
			err := s.Update(func(d *Data) error {
				d.Users["u"] = User{Email: "new"}
				d.Spend("x", time.Now().Add(time.Hour))
				return no
			})
			if !errors.Is(err, no) || email(s, "u") != "old" {
				t.Errorf("after %v there is %q", err, email(s, "u"))
			}
			if fresh, err := s.Spend("x", time.Now().Add(time.Hour)); err != nil || !fresh {
				t.Errorf("x was spent by an update that failed: %v", err)
			}
		})
	}
}

func TestDiskThatRefusesUndoesTheUpdate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sub")
	s := open(t, dir, time.Now)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(func(d *Data) error { d.Users["u"] = User{Email: "a"}; return nil }); err == nil || email(s, "u") != "" {
		t.Errorf("without a folder: %v, and memory has %q", err, email(s, "u"))
	}
}

func TestSpendingHappensOnce(t *testing.T) {
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	s := open(t, t.TempDir(), func() time.Time { return now })
	won := make(chan bool, 50)
	var all sync.WaitGroup
	for range cap(won) {
		all.Go(func() {
			fresh, err := s.Spend("it", now.Add(time.Minute))
			if err != nil {
				t.Error(err)
			}
			won <- fresh
		})
	}
	all.Wait()
	close(won)
	count := 0
	for fresh := range won {
		if fresh {
			count++
		}
	}
	if count != 1 {
		t.Errorf("%d of 50 spent it", count)
	}
}

func TestWhatExpiredIsForgotten(t *testing.T) {
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	s := open(t, "", func() time.Time { return now })
	fill := func(d *Data) error {
		d.Logins["l"], d.Grants["g"] = Login{Expires: now}, Grant{Expires: now}
		d.Spend("s", now)
		d.Users["u"] = User{}
		return nil
	}
	if err := s.Update(fill); err != nil {
		t.Fatal(err)
	}
	count := func() (n int) {
		s.View(func(d *Data) { n = len(d.Logins) + len(d.Grants) + len(d.Spent) + len(d.Users) })
		return n
	}
	if count() != 4 {
		t.Errorf("%d entries", count())
	}
	now = now.Add(time.Second)
	if err := s.Update(func(*Data) error { return nil }); err != nil || count() != 1 {
		t.Errorf("%d entries, %v", count(), err)
	}
}

// A process that died while it wrote leaves its copy; the state is that of the
// last update that was acknowledged.
func TestInterruptedWriteLeavesTheOldState(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, time.Now)
	if err := s.Update(func(d *Data) error { d.Users["u"] = User{Email: "kept"}; return nil }); err != nil {
		t.Fatal(err)
	}
	half := filepath.Join(dir, FileName+".new")
	if err := os.WriteFile(half, []byte(`{"version":1,"users":{"u":{"email":"ha`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := email(open(t, dir, time.Now), "u"); got != "kept" {
		t.Errorf("the state has %q", got)
	}
	s = open(t, dir, time.Now)
	if err := s.Update(func(d *Data) error { d.Users["u"] = User{Email: "newer"}; return nil }); err != nil {
		t.Errorf("the half-written copy is in the way: %v", err)
	}
	if got := email(open(t, dir, time.Now), "u"); got != "newer" {
		t.Errorf("the state has %q", got)
	}
}

// R24: the file cut to each length is either read whole or set aside; nothing
// is deleted and nothing panics.
func TestR24_EveryCutIsSetAside(t *testing.T) {
	source := t.TempDir()
	s := open(t, source, time.Now)
	if err := s.Update(func(d *Data) error { d.Installation = "i"; d.Users["u"] = User{Email: "kept"}; return nil }); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(filepath.Join(source, FileName))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for n := range len(whole) {
		path := filepath.Join(dir, FileName)
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if got := email(open(t, dir, time.Now), "u"); got != "" {
			t.Errorf("cut to %d bytes it has %q", n, got)
		}
	}
	kept, err := filepath.Glob(filepath.Join(dir, FileName+".damaged-*"))
	if err != nil || len(kept) != len(whole) {
		t.Errorf("%d of %d damaged files were kept, %v", len(kept), len(whole), err)
	}
}
