//go:build unix

package disk

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"waybill/fault"
)

// unsafeFile expects the Fault for something that must not be used.
func unsafeFile(t *testing.T, err error, why string) {
	t.Helper()
	var f *fault.Fault
	if !errors.As(err, &f) || f.Code != "unsafe_file" || !strings.Contains(f.Message, why) {
		t.Fatalf("got %v, want an unsafe file that %s", err, why)
	}
}

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestS94_FilesAndFoldersAreForTheirOwnerAloneWhateverTheUmask(t *testing.T) {
	for _, mask := range []int{0, 0o077, 0o777} {
		root := t.TempDir()
		folder, file, ensured := filepath.Join(root, "data"), "", ""
		func() {
			defer syscall.Umask(syscall.Umask(mask))
			if err := EnsureFolder(folder); err != nil {
				t.Fatal(err)
			}
			file, ensured = filepath.Join(folder, "vault"), filepath.Join(folder, "store")
			if err := errors.Join(Replace(file, []byte("x")), EnsureFile(ensured)); err != nil {
				t.Fatal(err)
			}
		}()
		if got := mode(t, folder); got != 0o700 {
			t.Errorf("umask %o: folder has mode %o", mask, got)
		}
		for _, path := range []string{file, ensured} {
			if got := mode(t, path); got != 0o600 {
				t.Errorf("umask %o: %s has mode %o", mask, filepath.Base(path), got)
			}
		}
	}
}

func TestS94_WideFolderAndFileAreNarrowed(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	file := filepath.Join(folder, "vault")
	if err := errors.Join(os.Mkdir(folder, 0o777), os.Chmod(folder, 0o777)); err != nil {
		t.Fatal(err)
	}
	put(t, file, "x")
	if err := os.Chmod(file, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := EnsureFolder(folder); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(file, 10); err != nil {
		t.Fatal(err)
	}
	if mode(t, folder) != 0o700 || mode(t, file) != 0o600 {
		t.Errorf("left at %o and %o", mode(t, folder), mode(t, file))
	}
}

func TestS94_PlantedLinksAreRefusedAndWhatTheyPointToIsUntouched(t *testing.T) {
	plants := map[string]func(target, path string) error{
		"is a link":         os.Symlink,
		"has a second name": os.Link,
		"is not a plain file": func(_, path string) error {
			return syscall.Mkfifo(path, 0o600)
		},
	}
	for why, plant := range plants {
		root := t.TempDir()
		target, path := filepath.Join(root, "precious"), filepath.Join(root, "vault")
		put(t, target, "precious")
		if err := plant(target, path); err != nil {
			t.Fatal(err)
		}
		_, err := Read(path, 100)
		unsafeFile(t, err, why)
		unsafeFile(t, Replace(path, []byte("y")), why)
		unsafeFile(t, EnsureFile(path), why)
		_, err = Lock(t.Context(), path)
		unsafeFile(t, err, why)
		if got, _ := os.ReadFile(target); string(got) != "precious" {
			t.Errorf("%s: the target now holds %q", why, got)
		}
	}
}

func TestS94_LinkPlantedForTheNewFileIsNotFollowed(t *testing.T) {
	root := t.TempDir()
	target, path := filepath.Join(root, "precious"), filepath.Join(root, "vault")
	put(t, target, "precious")
	if err := os.Symlink(target, path+".new"); err != nil {
		t.Fatal(err)
	}
	if err := Replace(path, []byte("y")); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(target); string(got) != "precious" {
		t.Errorf("the target now holds %q", got)
	}
}

func TestS94_LinkedFolderIsRefused(t *testing.T) {
	root := t.TempDir()
	link := filepath.Join(root, "data")
	if err := os.Symlink(t.TempDir(), link); err != nil {
		t.Fatal(err)
	}
	unsafeFile(t, EnsureFolder(link), "is a link")
	put(t, filepath.Join(root, "file"), "")
	if err := EnsureFolder(filepath.Join(root, "file")); err == nil {
		t.Error("a file is taken for a folder")
	}
}

func TestS94_ForeignOwnerIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	folder := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "vault")
	put(t, path, "x")
	if err := errors.Join(os.Chown(path, 12345, 12345), os.Chown(folder, 12345, 12345)); err != nil {
		t.Fatal(err)
	}
	_, err := Read(path, 100)
	unsafeFile(t, err, "belongs to another user")
	unsafeFile(t, Replace(path, []byte("y")), "belongs to another user")
	unsafeFile(t, EnsureFolder(folder), "belongs to another user")
}

func TestR20_ReplaceLeavesOldOrNewAtEveryStep(t *testing.T) {
	steps := []string{"create", "write", "flush file", "rename", "flush folder"}
	for _, crashAt := range steps {
		path := filepath.Join(t.TempDir(), "vault")
		put(t, path, "old")
		var seen []string
		crash := errors.New("crash")
		err := replace(path, []byte("new"), func(step string) error {
			seen = append(seen, step)
			if step == crashAt {
				return crash
			}
			return nil
		})
		if !errors.Is(err, crash) {
			t.Fatalf("%s: %v", crashAt, err)
		}
		want := "old"
		if crashAt == "flush folder" {
			want = "new"
		}
		if got, err := Read(path, 100); err != nil || string(got) != want {
			t.Errorf("after a crash at %s: %q, %v", crashAt, got, err)
		}
		if err := Replace(path, []byte("newer")); err != nil {
			t.Errorf("after a crash at %s the next replace fails: %v", crashAt, err)
		}
		if got, err := Read(path, 100); err != nil || string(got) != "newer" {
			t.Errorf("after a crash at %s: %q, %v", crashAt, got, err)
		}
		if seen[len(seen)-1] != crashAt {
			t.Errorf("went on after the crash: %v", seen)
		}
	}
}

func TestR22_FullDiskIsSaidAndTheOldContentStays(t *testing.T) {
	if err := Explain("written", "/x/vault", &fs.PathError{Op: "write", Path: "/x/vault", Err: syscall.ENOSPC}); !strings.Contains(err.Error(), "/x/vault could not be written: the disk is full.") {
		t.Error(err)
	}
	if err := Explain("written", "/x/vault", syscall.EROFS); !strings.Contains(err.Error(), "read-only") {
		t.Error(err)
	}
	if err := Explain("written", "/x/vault", syscall.EACCES); !strings.Contains(err.Error(), "not allowed") {
		t.Error(err)
	}
}

func TestReadHoldsItsLimitAndNamesMissingFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vault")
	if _, err := Read(path, 10); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("missing file: %v", err)
	}
	put(t, path, "0123456789")
	if got, err := Read(path, 10); err != nil || len(got) != 10 {
		t.Fatalf("%q, %v", got, err)
	}
	_, err := Read(path, 9)
	unsafeFile(t, err, "is larger than")
}

func TestSetAsideNeverWritesOverAnotherFile(t *testing.T) {
	path, now := filepath.Join(t.TempDir(), "vault"), time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	names := map[string]bool{}
	for _, content := range []string{"a", "b", "c"} {
		put(t, path, content)
		name, err := SetAside(path, now)
		if err != nil || names[name] || !strings.Contains(name, "vault.damaged-20260301-120000") {
			t.Fatalf("%s, %v", name, err)
		}
		names[name] = true
		if got, _ := os.ReadFile(name); string(got) != content {
			t.Errorf("%s holds %q", name, got)
		}
	}
}

func TestRemoveTakesWhatAnInterruptedReplaceLeft(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vault")
	put(t, path, "x")
	put(t, path+".new", "y")
	if err := errors.Join(Remove(path), Remove(path)); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(path + "*"); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestLockHasOneHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vault.lock")
	unlock, err := Lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, held, err := TryLock(path); held || err != nil {
		t.Fatalf("second holder: %v, %v", held, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := Lock(ctx, path); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("waited past its limit: %v", err)
	}
	unlock()
	unlock()
	again, held, err := TryLock(path)
	if !held || err != nil {
		t.Fatalf("after unlock: %v, %v", held, err)
	}
	again()
	if mode(t, path) != 0o600 {
		t.Errorf("lock file has mode %o", mode(t, path))
	}
}
