package gui

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"waybill/fault"
	"waybill/internal/disk"
)

// This file holds what the window does with files and folders of the user. All
// of it may wait for the disk, so none of it belongs on the UI goroutine.

// fileEntry is a file or a folder in a folder.
type fileEntry struct {
	name    string
	folder  bool
	changed time.Time
}

// readFolder lists a folder: the folders in it, then the files whose names end
// like this, all by their names. Hidden ones are left out.
func readFolder(dir string, endings []string) ([]fileEntry, error) {
	all, err := os.ReadDir(dir)
	if err != nil {
		return nil, fileFault("opened", dir, err)
	}
	var entries []fileEntry
	for _, e := range all {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		info, err := os.Stat(filepath.Join(dir, e.Name())) // of what a link leads to
		if err != nil || !info.IsDir() && !(info.Mode().IsRegular() && slices.Contains(endings, strings.ToLower(filepath.Ext(e.Name())))) {
			continue
		}
		entries = append(entries, fileEntry{e.Name(), info.IsDir(), info.ModTime()})
	}
	slices.SortStableFunc(entries, func(a, b fileEntry) int {
		switch {
		case a.folder && !b.folder:
			return -1
		case b.folder && !a.folder:
			return 1
		}
		return cmp.Compare(strings.ToLower(a.name), strings.ToLower(b.name))
	})
	return entries, nil
}

// fileKind says what is at a path.
type fileKind int

const (
	nothingThere fileKind = iota
	folderThere
	fileThere
)

func kindOf(path string) (fileKind, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nothingThere, nil
	case err != nil:
		return nothingThere, fileFault("opened", path, err)
	case info.IsDir():
		return folderThere, nil
	default:
		return fileThere, nil
	}
}

// errTaken says that a file is there already.
var errTaken = errors.New("there is a file of that name")

// saveFile writes a file for its owner alone, whole or not at all. It fails with
// errTaken where there is one already, unless that is to be replaced. Once ctx
// has ended nothing is changed any more.
func saveFile(ctx context.Context, path string, data []byte, replace bool) (err error) {
	if !replace {
		place, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if errors.Is(err, fs.ErrExist) {
			return errTaken
		}
		if err != nil {
			return fileFault("written", path, err)
		}
		_ = place.Close()
	}
	err = writeBeside(ctx, path, data)
	if err != nil && !replace {
		_ = os.Remove(path) // empty, and ours
	}
	return err
}

// writeBeside writes a file beside path and gives it that name.
func writeBeside(ctx context.Context, path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".waybill-*")
	if err != nil {
		return fileFault("written", path, err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		if err = ctx.Err(); err == nil {
			err = os.Rename(f.Name(), path)
		}
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fileFault("written", path, err)
	}
	return nil
}

// fileFault says in one sentence what could not be done with a file of the user.
func fileFault(doing, path string, err error) error {
	if errors.Is(err, context.Canceled) {
		return fault.As(err)
	}
	words, remedy := "“"+show(filepath.Base(path), 60)+"” could not be "+doing, "Choose another place."
	code := fault.As(disk.Explain(doing, path, err)).Code
	switch code {
	case "disk_missing":
		words += ": it is not there"
		if doing == "written" {
			words = "There is no folder “" + show(filepath.Base(filepath.Dir(path)), 60) + "”"
		}
	case "disk_permission":
		words += ": access is not allowed"
	case "disk_full":
		words, remedy = words+": the disk is full", "Free some space, or choose another place."
	case "disk_read_only":
		words += ": the disk is read-only"
	}
	return fault.New(fault.StepStore, fault.Failed, code, words+".").WithRemedy(remedy).Because(err)
}

// await runs f, which may hang on a disk that does not answer, and returns what
// it returns, or that ctx has ended.
func await[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		value, err := f()
		done <- outcome{value, err}
	}()
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		var none T
		return none, fault.As(ctx.Err())
	}
}

// filePlace is a folder that people keep files in.
type filePlace struct{ words, path string }

// filePlaces are the home folder and those in it that are there.
func filePlaces() []filePlace {
	home, err := os.UserHomeDir()
	if err != nil {
		return nil
	}
	places := []filePlace{{"Home", home}}
	own := xdgFolders(home)
	for _, p := range []struct{ words, key string }{{"Documents", "XDG_DOCUMENTS_DIR"}, {"Downloads", "XDG_DOWNLOAD_DIR"}, {"Desktop", "XDG_DESKTOP_DIR"}} {
		path := own[p.key]
		if path == "" {
			path = filepath.Join(home, p.words)
		}
		if kind, _ := kindOf(path); kind == folderThere && path != home {
			places = append(places, filePlace{filepath.Base(path), path})
		}
	}
	return places
}

// xdgFolders reads how the folders are called in the user's language, where the
// desktop says so (xdg-user-dirs).
func xdgFolders(home string) map[string]string {
	config, err := os.UserConfigDir()
	if err != nil {
		return nil
	}
	f, err := os.Open(filepath.Join(config, "user-dirs.dirs"))
	if err != nil {
		return nil
	}
	defer f.Close()
	folders := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(strings.TrimSpace(lines.Text()), "="); ok && !strings.HasPrefix(key, "#") {
			folders[key] = strings.Replace(strings.Trim(value, `"`), "$HOME", home, 1)
		}
	}
	return folders
}

// homely is a path as people write it: "~" is the home folder.
func homely(path string) string {
	home, err := os.UserHomeDir()
	if rest, ok := strings.CutPrefix(path, home); ok && err == nil && (rest == "" || os.IsPathSeparator(rest[0])) {
		return "~" + rest
	}
	return path
}

// pathOf is the path that the words typed in a folder mean, and whether they are
// more than the name of a file in it.
func pathOf(dir, words string) (path string, elsewhere bool) {
	home, _ := os.UserHomeDir()
	switch {
	case words == "~":
		return home, true
	case strings.HasPrefix(words, "~/"), strings.HasPrefix(words, `~\`):
		return filepath.Join(home, words[2:]), true
	case filepath.IsAbs(words):
		return filepath.Clean(words), true
	default:
		return filepath.Join(dir, words), words == ".." || strings.ContainsRune(words, '/') || strings.ContainsRune(words, filepath.Separator)
	}
}
