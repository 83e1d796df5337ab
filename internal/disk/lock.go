package disk

import (
	"context"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// lockRetry is how often a waiting Lock looks again.
const lockRetry = 10 * time.Millisecond

// Lock waits until this caller alone, among all processes of this computer,
// holds the lock file at path, which it makes if need be, or until ctx ends,
// whose cause it then returns. The lock ends with unlock, or with the process. It must not be the file that is replaced under
// it, since a lock belongs to the file that was opened, not to its name.
func Lock(ctx context.Context, path string) (unlock func(), err error) {
	lock, err := newLock(path)
	if err != nil {
		return nil, err
	}
	if _, err := lock.TryLockContext(ctx, lockRetry); err != nil {
		_ = lock.Close()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, Explain("locked", path, err)
	}
	return once(lock), nil
}

// TryLock is Lock without waiting: held is false if someone else has it.
func TryLock(path string) (unlock func(), held bool, err error) {
	lock, err := newLock(path)
	if err != nil {
		return nil, false, err
	}
	held, err = lock.TryLock()
	if err != nil || !held {
		_ = lock.Close()
		if err != nil {
			err = Explain("locked", path, err)
		}
		return nil, false, err
	}
	return once(lock), true, nil
}

func newLock(path string) (*flock.Flock, error) {
	if err := EnsureFile(path); err != nil {
		return nil, err
	}
	return flock.New(path, flock.SetPermissions(fileMode)), nil
}

func once(lock *flock.Flock) func() {
	return sync.OnceFunc(func() { _ = lock.Close() })
}
