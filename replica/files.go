package replica

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"waybill/fault"
	"waybill/internal/disk"
	"waybill/internal/seal"
)

// files names what belongs to one account's copy.
type files struct{ base string }

func filesOf(o Options) files {
	sum := sha256.Sum256([]byte("waybill account\n" + o.Account))
	return files{filepath.Join(o.Dir, "todos-"+hex.EncodeToString(sum[:12]))}
}

func (f files) database() string { return f.base + ".db" }
func (f files) fresh() string    { return f.base + ".fresh.db" } // a rebuilt one, before it takes its place
func (f files) mark() string     { return f.base + ".mark" }
func (f files) syncLock() string { return f.base + ".sync" } // who holds it sends and fetches
func (f files) useLock() string  { return f.base + ".use" }  // everyone who has it open shares it

// Beside names a file that lies beside the copy of o's account, and that Remove
// deletes with it; "" where nothing is written. name is of lower-case letters, and
// none that the copy uses itself.
func Beside(o Options, name string) string {
	if o.Dir == "" {
		return ""
	}
	return filesOf(o).base + "." + name
}

// mark is what lies beside the file and says what the file must hold at least,
// since an emptied or older file looks as good as any to SQLite.
type mark struct {
	id   string
	last uint64
}

// readMark returns the mark; ok is false if there is none that opens with the
// key.
func readMark(path string, box *seal.Box) (m mark, ok bool) {
	sealed, err := disk.Read(path, 4096)
	if err != nil {
		return mark{}, false
	}
	plain, err := box.Open(tableMark, "", 1, sealed)
	if err != nil {
		return mark{}, false
	}
	d := &decoder{s: string(plain)}
	m = mark{id: d.text(), last: d.uint()}
	return m, !d.bad
}

func writeMark(path string, box *seal.Box, m mark) error {
	e := &encoder{}
	e.text(m.id)
	e.uint(m.last)
	return disk.Replace(path, box.Seal(tableMark, "", 1, e.b))
}

// use is a share of the lock that says that the file is open.
type use struct{ lock *flock.Flock }

// share waits for the short while in which another process may be rebuilding
// the file.
func share(ctx context.Context, path string) (*use, error) {
	if err := disk.EnsureFile(path); err != nil {
		return nil, err
	}
	u := &use{flock.New(path, flock.SetPermissions(0o600))}
	short, cancel := context.WithTimeout(ctx, longestUse)
	defer cancel()
	if err := u.takeShare(short); err != nil {
		return nil, cmp.Or(cancelled(ctx), err)
	}
	return u, nil
}

// How long a process waits for those who have the file open, and how often it
// looks.
const (
	longestUse = 5 * time.Second
	lookForUse = 10 * time.Millisecond
)

func (u *use) takeShare(short context.Context) error {
	switch ok, err := u.lock.TryRLockContext(short, lookForUse); {
	case ok:
		return nil
	case short.Err() != nil:
		return errInUse
	default:
		return disk.Explain("locked", u.lock.Path(), err)
	}
}

// cancelled is why ctx has ended, or nil.
func cancelled(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return fault.As(ctx.Err())
}

var errInUse = fault.New(fault.StepStore, fault.Failed, "store_busy", "Another Waybill is using the local copy.").
	WithRemedy("Close it and try again.")

// alone runs f, which replaces the file at path, while no one else has it open.
// Of several that want to at the same time one does, and for the others, who
// wait for it, it is done. It answers errInUse when someone keeps the old file
// open.
func (u *use) alone(ctx context.Context, path string, f func() error) error {
	before := fileAt(path)
	replaced := func() bool { return !sameFile(before, fileAt(path)) }
	if err := u.lock.Unlock(); err != nil {
		return err
	}
	short, cancel := context.WithTimeout(ctx, longestUse)
	defer cancel()
	look := time.NewTicker(lookForUse)
	defer look.Stop()
	for !replaced() {
		ok, err := u.lock.TryLock()
		if err != nil {
			return disk.Explain("locked", u.lock.Path(), err)
		}
		if ok {
			if !replaced() {
				err = f()
			}
			return cmp.Or(err, u.lock.Unlock(), u.shareAgain(ctx))
		}
		select {
		case <-look.C:
		case <-short.Done():
			return cmp.Or(cancelled(ctx), error(errInUse))
		}
	}
	return u.shareAgain(ctx)
}

func (u *use) shareAgain(ctx context.Context) error {
	short, cancel := context.WithTimeout(ctx, longestUse)
	defer cancel()
	return u.takeShare(short)
}

// fileAt describes the file at path; nil for none.
func fileAt(path string) fs.FileInfo {
	info, err := os.Stat(path)
	if err != nil {
		return nil
	}
	return info
}

func sameFile(a, b fs.FileInfo) bool {
	return a == nil && b == nil || a != nil && b != nil && os.SameFile(a, b)
}

func (u *use) end() {
	if u != nil {
		_ = u.lock.Close()
	}
}

// exists reports whether there is something at path; if that cannot be told,
// there is.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// readable reads the database and its log, and returns why that cannot be done,
// see lookAgain: a copy must not be made anew because a cable is loose.
func (f files) readable() error {
	for _, path := range []string{f.database(), f.database() + "-wal"} {
		file, err := os.Open(path)
		if err == nil {
			_, err = io.Copy(io.Discard, file)
			_ = file.Close()
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return disk.Explain("read", path, err)
		}
	}
	return nil
}

// finishRebuild ends what a crash in the middle of putRebuilt left.
func (f files) finishRebuild(now time.Time) error {
	switch {
	case !exists(f.fresh()):
		return nil
	case exists(f.database()):
		return f.removeDatabase(f.fresh()) // it was not finished
	}
	return f.takePlace(now)
}

// putRebuilt sets the database aside and puts the rebuilt one in its place. It
// returns the name under which the old one is kept.
func (f files) putRebuilt(now time.Time) (aside string, err error) {
	if aside, err = disk.SetAside(f.database(), now); err != nil {
		return "", err
	}
	if exists(f.database() + "-wal") { // under the name that SQLite looks for
		if err := os.Rename(f.database()+"-wal", aside+"-wal"); err != nil {
			return "", disk.Explain("set aside", f.database(), err)
		}
	}
	return aside, f.takePlace(now)
}

func (f files) takePlace(now time.Time) error {
	if exists(f.database() + "-wal") {
		if _, err := disk.SetAside(f.database()+"-wal", now); err != nil {
			return err
		}
	}
	if err := os.Remove(f.database() + "-shm"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return disk.Explain("replaced", f.database(), err)
	}
	if err := os.Rename(f.fresh(), f.database()); err != nil {
		return disk.Explain("replaced", f.database(), err)
	}
	return nil
}

func (f files) removeDatabase(path string) error {
	var errs []error
	for _, suffix := range []string{"", "-wal", "-shm"} {
		errs = append(errs, disk.Remove(path+suffix))
	}
	return errors.Join(errs...)
}

// removeBackUps deletes the copies that were made before migrations.
func (f files) removeBackUps() error {
	return removeAll(filepath.Dir(f.base), filepath.Base(f.database())+formatSuffix)
}

// formatSuffix and the version from before it end the name of such a copy.
const formatSuffix = ".format-"

// removeAll deletes what begins with prefix in a folder.
func removeAll(dir, prefix string) error {
	found, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return disk.Explain("read", dir, err)
	}
	var errs []error
	for _, entry := range found {
		if strings.HasPrefix(entry.Name(), prefix) {
			errs = append(errs, disk.Remove(filepath.Join(dir, entry.Name())))
		}
	}
	return errors.Join(errs...)
}

// Remove deletes all files of an account's copy, those that were set aside
// included. Destroy its key first: then a crash half way leaves nothing that
// can be read. A process that has the copy open cannot save to it any more.
func Remove(o Options) error {
	if o.Dir == "" {
		return nil
	}
	return removeAll(o.Dir, filepath.Base(filesOf(o).base)+".")
}

// unreadableFault is for a file whose content does not open.
func unreadableFault(path string, cause error) error {
	return fault.New(fault.StepStore, fault.Config, "store_key",
		"The to-dos that are saved on this computer do not open with the key from the keyring.").
		WithRemedy("If the keyring was replaced, restore it; else start again: the old file is kept as it is.").
		Because(fmt.Errorf("%s: %w", filepath.Base(path), cause))
}
