package state

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// maxFile is the size above which a file is taken for damaged.
const maxFile = 256 << 20

// PrivateDir makes dir and takes everybody else's rights on it away.
func PrivateDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a folder", dir)
	}
	if info.Mode().Perm()&0o077 == 0 || runtime.GOOS == "windows" {
		return nil
	}
	return os.Chmod(dir, 0o700)
}

// ReadFile reads a regular file. It refuses links and other kinds of file, so
// that nobody can plant one, and is fs.ErrNotExist if there is none.
func ReadFile(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s is too long", path)
	}
	return data, err
}

// WriteFile replaces the file at path, or makes it, readable by this user only.
// When it returns nil the contents are on disk; when it fails, or the machine
// stops meanwhile, the old contents are.
func WriteFile(path string, data []byte) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, filepath.Base(path)+".*.new") // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(data); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes a rename in dir durable. Windows has no such call and needs
// none: its rename is written through.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// SetAside renames a file that cannot be read to path.damaged-TIME and returns
// the new name. It never replaces a file that was set aside before.
func SetAside(path string, now time.Time) (string, error) {
	stamp := now.UTC().Format("20060102-150405")
	for n := 0; n < 1000; n++ {
		aside := fmt.Sprintf("%s.damaged-%s", path, stamp)
		if n > 0 {
			aside = fmt.Sprintf("%s-%d", aside, n)
		}
		if _, err := os.Lstat(aside); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		return aside, os.Rename(path, aside)
	}
	return "", fmt.Errorf("too many damaged files beside %s", path)
}

// removeLeftovers deletes what an interrupted WriteFile left behind: copies
// that were never put in place, and therefore never acknowledged.
func removeLeftovers(path string) {
	stale, err := filepath.Glob(path + ".*.new")
	if err != nil {
		return
	}
	for _, name := range stale {
		_ = os.Remove(name)
	}
}
