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
		return nil, unopened(dir, err)
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
		return nothingThere, unopened(path, err)
	case info.IsDir():
		return folderThere, nil
	default:
		return fileThere, nil
	}
}

// saveFile writes a file, whole or not at all, see disk.Save. Once ctx has ended
// nothing is begun any more.
func saveFile(ctx context.Context, path string, data []byte, replace bool) error {
	_, err := await(ctx, func() (struct{}, error) {
		if err := ctx.Err(); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, disk.Save(path, data, replace)
	})
	return err
}

// unopened says in one sentence why a file or a folder of the user cannot be read.
func unopened(path string, err error) error {
	words, code := "“"+show(filepath.Base(path), 60)+"” could not be opened", fault.As(disk.Explain("opened", path, err)).Code
	switch code {
	case "disk_missing":
		words += ": it is not there"
	case "disk_permission":
		words += ": access is not allowed"
	}
	return fault.New(fault.StepStore, fault.Failed, code, words+".").Because(err)
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
