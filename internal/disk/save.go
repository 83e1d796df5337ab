package disk

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"waybill/fault"
)

// Save writes a file that the user asked for, under a name that they chose, for
// the owner alone: a file of another name in the same folder is written,
// flushed and then given the name. However it ends, the name stands for the
// old content or for all of the new.
//
// What is there already stays, and the error has the code "file_exists", unless
// over is true; anything but a plain file of this user is left alone even then,
// and a link is never followed.
func Save(path string, data []byte, over bool) (err error) {
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return unsaved(path, err)
	case info.IsDir():
		return notSaved(path, "is a folder")
	case unfit(info) != "":
		return notSaved(path, unfit(info))
	case !over:
		return errExists(path)
	}
	part := filepath.Join(filepath.Dir(path), ".waybill-"+rand.Text()[:8]+".part")
	err = write(part, data, func(string) error { return nil })
	if err == nil {
		err = name(part, path, over)
	}
	if err != nil {
		_ = os.Remove(part)
		return unsaved(path, err)
	}
	if err := flushFolder(filepath.Dir(path)); err != nil && !errors.Is(err, fs.ErrPermission) { // it may be closed to reading
		return Explain("written", path, err)
	}
	return nil
}

// unsaved is Explain for a file outside of Waybill's own folder.
func unsaved(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return notSaved(path, "lies in a folder that is not there")
	}
	f := fault.As(Explain("written", path, err))
	switch f.Code {
	case "disk_read_only", "disk_permission":
		return f.WithRemedy("Choose another folder.")
	}
	return f
}

// name gives the new file its name. A second name cannot take the place of a
// file that someone made meanwhile, as renaming would; where the disk has no
// second names, that moment is what is left open.
func name(part, path string, over bool) error {
	if over {
		return os.Rename(part, path)
	}
	err := os.Link(part, path)
	if err == nil {
		return os.Remove(part)
	}
	if _, there := os.Lstat(path); !errors.Is(there, fs.ErrNotExist) {
		return errExists(path)
	}
	return os.Rename(part, path)
}

func errExists(path string) error {
	return fault.New(fault.StepSetup, fault.Failed, "file_exists", fault.Clean(fmt.Sprintf("%s is there already.", path), 1024))
}

func notSaved(path, why string) error {
	return fault.New(fault.StepSetup, fault.Failed, "unsafe_file", fault.Clean(fmt.Sprintf("%s %s, so nothing is written there.", path, why), 1024)).
		WithRemedy("Choose another name.")
}
