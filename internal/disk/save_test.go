//go:build unix

package disk

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"waybill/fault"
)

// holds expects the file to have this content, and nothing to lie beside it but
// the names given.
func holds(t *testing.T, path, want string, beside ...string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s holds %q, want %q: %v", path, got, want, err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != filepath.Base(path) && !slices.Contains(beside, e.Name()) {
			t.Errorf("%s was left", e.Name())
		}
	}
}

func code(err error) string {
	if err == nil {
		return ""
	}
	return fault.As(err).Code
}

func TestSaveIsForTheOwnerAloneAndTouchesNothingElse(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	path := filepath.Join(t.TempDir(), "todos.csv")
	put(t, path+".new", "of the user")
	if err := Save(path, []byte("one"), false); err != nil {
		t.Fatal(err)
	}
	holds(t, path, "one", "todos.csv.new")
	holds(t, path+".new", "of the user", "todos.csv")
	if got := mode(t, path); got != 0o600 {
		t.Errorf("the mode is %o", got)
	}
}

func TestSaveWritesOverAFileOnlyWhenTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "todos.csv")
	put(t, path, "old")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Save(path, []byte("new"), false); code(err) != "file_exists" {
		t.Errorf("it was %v", err)
	}
	holds(t, path, "old")
	if err := Save(path, []byte("new"), true); err != nil {
		t.Fatal(err)
	}
	holds(t, path, "new")
	if got := mode(t, path); got != 0o600 {
		t.Errorf("the mode is %o", got)
	}
}

func TestSaveFollowsNoLink(t *testing.T) {
	for what, plant := range map[string]func(target, path string) error{
		"is a link": os.Symlink,
		"is a folder": func(_, path string) error {
			return os.Mkdir(path, 0o700)
		},
		"is not a plain file": func(_, path string) error {
			return syscall.Mkfifo(path, 0o600)
		},
	} {
		root := t.TempDir()
		target, path := filepath.Join(root, "precious"), filepath.Join(root, "todos.csv")
		put(t, target, "precious")
		if err := plant(target, path); err != nil {
			t.Fatal(err)
		}
		for _, over := range []bool{false, true} {
			if err := Save(path, []byte("new"), over); code(err) != "unsafe_file" || !strings.Contains(err.Error(), what) {
				t.Errorf("%s, over %t: %v", what, over, err)
			}
		}
		holds(t, target, "precious", "todos.csv")
	}
	root := t.TempDir()
	path := filepath.Join(root, "todos.csv")
	if err := os.Symlink(filepath.Join(root, "nowhere"), path); err != nil {
		t.Fatal(err)
	}
	if err := Save(path, []byte("new"), true); code(err) != "unsafe_file" {
		t.Errorf("a link to nothing: %v", err)
	}
}

// A second name of a file keeps the old content: what is replaced is the name.
func TestSaveReplacesTheNameNotWhatOtherNamesStandFor(t *testing.T) {
	root := t.TempDir()
	other, path := filepath.Join(root, "precious"), filepath.Join(root, "todos.csv")
	put(t, other, "precious")
	if err := os.Link(other, path); err != nil {
		t.Fatal(err)
	}
	if err := Save(path, []byte("new"), true); err != nil {
		t.Fatal(err)
	}
	holds(t, other, "precious", "todos.csv")
	holds(t, path, "new", "precious")
}

// Someone may make the file between the look and the naming.
func TestSaveLosesNoRaceForTheName(t *testing.T) {
	root := t.TempDir()
	part, path := filepath.Join(root, "part"), filepath.Join(root, "todos.csv")
	put(t, part, "ours")
	put(t, path, "theirs")
	if err := name(part, path, false); code(err) != "file_exists" {
		t.Errorf("it was %v", err)
	}
	holds(t, path, "theirs", "part")
}

func TestSaveSaysWhatIsWrongAndLeavesNothing(t *testing.T) {
	root := t.TempDir()
	if err := Save(filepath.Join(root, "missing", "todos.csv"), nil, false); !strings.Contains(err.Error(), "lies in a folder that is not there") {
		t.Errorf("a missing folder: %v", err)
	}
	put(t, filepath.Join(root, "file"), "x")
	if err := Save(filepath.Join(root, "file", "todos.csv"), nil, false); code(err) != "disk_error" {
		t.Errorf("a file for a folder: %v", err)
	}
	if err := Save(filepath.Join(root, strings.Repeat("x", 300)), nil, true); code(err) != "disk_error" {
		t.Errorf("a name that is too long: %v", err)
	}
	long := filepath.Join(root, strings.Repeat("x", 255))
	if err := Save(long, []byte("new"), false); err != nil {
		t.Errorf("the longest name: %v", err)
	}
	holds(t, long, "new", "file")
	if f := fault.As(unsaved("/x", syscall.EACCES)); strings.Contains(f.Error(), "WAYBILL_HOME") || !strings.Contains(f.Error(), "Choose another folder") {
		t.Errorf("no permission: %v", f)
	}
}
