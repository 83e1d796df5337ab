// Package disk makes, reads and replaces the files that Waybill keeps.
//
// Invariant: what this package makes is readable by its owner alone, whatever
// the umask; what it reads or replaces is a plain file of that owner, with one
// name, never a link; and a file that is replaced holds, after a crash or power
// loss at any moment, either all of the old or all of the new content.
//
// Errors are *fault.Fault with the file's name and what is wrong with it; the
// cause stays reachable, so that errors.Is(err, fs.ErrNotExist) works.
//
// Permissions, ownership and the flushing of folders are those of POSIX
// systems; on Windows a file inherits the access rules of the user's profile.
package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"waybill/fault"
)

const (
	folderMode fs.FileMode = 0o700
	fileMode   fs.FileMode = 0o600
)

// EnsureFolder makes the folder and its missing parents, for the owner alone.
// A folder that is there already is narrowed to that; one that is a link or
// belongs to someone else is refused.
func EnsureFolder(path string) error {
	if err := makeFolder(path); err != nil {
		return Explain("made", path, err)
	}
	info, err := os.Lstat(path)
	if err != nil {
		return Explain("read", path, err)
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return refuse(path, "is a link")
	case !info.IsDir():
		return refuse(path, "is not a folder")
	case foreign(info):
		return refuse(path, "belongs to another user of this computer")
	}
	if tooOpen(info) || info.Mode().Perm()&folderMode != folderMode {
		if err := os.Chmod(path, folderMode); err != nil {
			return Explain("closed to others", path, err)
		}
	}
	return nil
}

// makeFolder makes the folder and its missing parents, and flushes each name
// that it makes: with a folder that a power loss takes away goes everything that
// was flushed in it.
func makeFolder(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := makeFolder(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, folderMode); errors.Is(err, fs.ErrExist) {
		return nil // another process was quicker, or it is no folder
	} else if err != nil {
		return err
	}
	err := flushFolder(parent)
	if err == nil || errors.Is(err, fs.ErrPermission) { // it may be closed to reading
		return nil
	}
	_ = os.Remove(path) // so that the next try flushes its name
	return err
}

// EnsureFile makes an empty file for the owner alone, for someone else, such
// as a database, to open by name. A file that is there already is checked as
// Read checks it, and left as it is.
func EnsureFile(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|noFollow, fileMode)
	if errors.Is(err, fs.ErrExist) {
		f, err = open(path)
		if err != nil {
			return err
		}
		return f.Close()
	}
	if err != nil {
		return Explain("made", path, err)
	}
	err = errors.Join(narrow(f), f.Close())
	if err != nil {
		return Explain("made", path, err)
	}
	return nil
}

// Read returns the content of a file of at most limit bytes. It refuses links,
// files with a second name, files of other users and anything that is not a
// plain file, and narrows permissions that are too wide. The error for a
// missing file is fs.ErrNotExist.
func Read(path string, limit int64) ([]byte, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, Explain("read", path, err)
	}
	if int64(len(data)) > limit {
		return nil, refuse(path, fmt.Sprintf("is larger than the %d bytes that it can have", limit))
	}
	return data, nil
}

// Replace gives the file new content, atomically: it writes a file beside it,
// flushes it, renames it over the old one and flushes the folder. When Replace
// returns nil the new content survives a power loss; when it returns an error
// the old content is still there, or, if only the last flush failed, either
// one is. Writers of one file must exclude each other, see Lock.
func Replace(path string, data []byte) error { return replace(path, data, nil) }

// replace calls at, if there is one, before each of its steps; an error from
// it ends the work there as a crash would.
func replace(path string, data []byte, at func(step string) error) (err error) {
	if at == nil {
		at = func(string) error { return nil }
	}
	if f, err := open(path); err == nil {
		_ = f.Close()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	next := path + ".new"
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Explain("replaced", path, err)
	}
	if err := write(next, data, at); err != nil {
		return Explain("written", path, err)
	}
	if err := at("rename"); err != nil {
		return err
	}
	if err := os.Rename(next, path); err != nil {
		return Explain("replaced", path, err)
	}
	if err := at("flush folder"); err != nil {
		return err
	}
	if err := flushFolder(filepath.Dir(path)); err != nil {
		return Explain("replaced", path, err)
	}
	return nil
}

func write(path string, data []byte, at func(step string) error) error {
	if err := at("create"); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|noFollow, fileMode)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := narrow(f); err != nil {
		return err
	}
	if err := at("write"); err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := at("flush file"); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}

// Remove deletes the file, and what an interrupted Replace of it left, and
// flushes the folder. A missing file is no error. A link is removed itself,
// not what it points to.
func Remove(path string) error {
	for _, name := range []string{path + ".new", path} {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return Explain("deleted", name, err)
		}
	}
	if err := flushFolder(filepath.Dir(path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Explain("deleted", path, err)
	}
	return nil
}

// SetAside renames a file that cannot be read to NAME.damaged-DATE, so that it
// is kept, and returns the new name. It never writes over another file.
func SetAside(path string, now time.Time) (string, error) {
	base := path + ".damaged-" + now.UTC().Format("20060102-150405")
	for n := 1; ; n++ {
		name := base
		if n > 1 {
			name = fmt.Sprintf("%s-%d", base, n)
		}
		if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := os.Rename(path, name); err != nil {
			return "", Explain("set aside", path, err)
		}
		if err := flushFolder(filepath.Dir(path)); err != nil {
			return "", Explain("set aside", path, err)
		}
		return name, nil
	}
}

// open opens a file for reading after all checks.
func open(path string) (*os.File, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, Explain("read", path, err)
	}
	if why := unfit(info); why != "" {
		return nil, refuse(path, why)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|noFollow, 0)
	if err != nil {
		return nil, Explain("read", path, err)
	}
	why, err := examine(f)
	switch {
	case err != nil:
		_ = f.Close()
		return nil, Explain("read", path, err)
	case why != "":
		_ = f.Close()
		return nil, refuse(path, why)
	}
	return f, nil
}

// examine checks the file that was really opened, and narrows it.
func examine(f *os.File) (why string, err error) {
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if why = unfit(info); why != "" {
		return why, nil
	}
	names, err := nameCount(f, info)
	switch {
	case err != nil:
		return "", err
	case names > 1:
		return "has a second name (a hard link)", nil
	case tooOpen(info):
		return "", f.Chmod(fileMode)
	}
	return "", nil
}

// unfit says what is wrong with a file, as the end of a sentence, or "".
func unfit(info fs.FileInfo) string {
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return "is a link"
	case !info.Mode().IsRegular():
		return "is not a plain file"
	case foreign(info):
		return "belongs to another user of this computer"
	}
	return ""
}

// narrow undoes what a umask took away from the owner.
func narrow(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if runtimeHasModes && info.Mode().Perm() != fileMode {
		return f.Chmod(fileMode)
	}
	return nil
}

// refuse is the Fault for a file or folder that must not be used.
func refuse(path, why string) error {
	return fault.New(fault.StepStore, fault.Config, "unsafe_file", fault.Clean(fmt.Sprintf("%s %s, so Waybill does not use it.", path, why), 1024)).
		WithRemedy("Remove it or move it away, or give Waybill another folder with WAYBILL_HOME.")
}

// Explain makes a Fault of an error of the operating system: doing is what
// could not be done with the file ("read", "written", …). A Fault comes back
// as it is.
func Explain(doing, path string, err error) error {
	var f *fault.Fault
	if errors.As(err, &f) {
		return f
	}
	sentence := func(why string) string {
		return fault.Clean(fmt.Sprintf("%s could not be %s%s.", path, doing, why), 1024)
	}
	explained := func(code, why, remedy string) error {
		return fault.New(fault.StepStore, fault.Failed, code, sentence(why)).WithRemedy(remedy).Because(err)
	}
	switch {
	case isFull(err):
		return explained("disk_full", ": the disk is full", "Free some space and try again; nothing that was saved before is lost.")
	case isReadOnly(err):
		return explained("disk_read_only", ": the disk is read-only", "Make it writable, or give Waybill another folder with WAYBILL_HOME.")
	case errors.Is(err, fs.ErrPermission):
		return explained("disk_permission", ": access is not allowed", "Check who owns the folder, or give Waybill another one with WAYBILL_HOME.")
	case errors.Is(err, fs.ErrNotExist):
		return explained("disk_missing", ": it is not there", "")
	default:
		return explained("disk_error", "", "Check the disk; nothing that was saved before is lost.")
	}
}
