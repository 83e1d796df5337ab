package replica

import (
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"

	"waybill/fault"
)

// watchFile notices what other processes write to the file: the operating
// system says that the folder changed, and SQLite whether it was someone else.
// While nothing happens it costs nothing. Where a folder cannot be watched the
// file is looked at every other second. mu is held.
func (r *Replica) watchFile() {
	events, lost, stop := r.seams.watch(r.o.Dir)
	r.work.Go(func() {
		defer stop()
		var ticks <-chan time.Time
		if events == nil {
			ticker := time.NewTicker(2 * time.Second)
			defer ticker.Stop()
			ticks = ticker.C
		}
		for {
			select {
			case e := <-events:
				if !r.concerns(e) {
					continue
				}
			case <-lost: // too many events: some were left out
			case <-ticks:
			case <-r.life.Done():
				return
			}
			r.noticeOthers()
		}
	})
}

func watchFolder(dir string) (<-chan fsnotify.Event, <-chan error, func()) {
	w, err := fsnotify.NewWatcher()
	if err == nil {
		if err = w.Add(dir); err == nil {
			return w.Events, w.Errors, func() { _ = w.Close() }
		}
		_ = w.Close()
	}
	return nil, nil, func() {}
}

// concerns reports whether an event says that records were added, see touch, or
// that the file is gone. Writes to the write-ahead log itself say nothing: they
// come before the transaction can be seen.
func (r *Replica) concerns(e fsnotify.Event) bool {
	switch filepath.Base(e.Name) {
	case filepath.Base(r.files.useLock()):
		return true
	case filepath.Base(r.files.database()):
		return e.Op&(fsnotify.Remove|fsnotify.Rename) != 0
	default:
		return false
	}
}

// touch tells the other processes that there is something new. It need not
// reach the disk, and its failure is no harm: they see it when they write.
func (r *Replica) touch() {
	if r.o.Dir != "" {
		now := time.Now()
		_ = os.Chtimes(r.files.useLock(), now, now)
	}
}

var errRemoved = fault.New(fault.StepStore, fault.SignInNeeded, "store_removed", "The to-dos saved on this computer were removed: this account was signed out elsewhere.").
	WithRemedy("Sign in again.")

// noticeOthers takes in what another process wrote.
func (r *Replica) noticeOthers() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed != nil {
		return
	}
	if !exists(r.files.database()) {
		r.failed = errRemoved // nothing that is saved from now on would be kept
		r.publish()
		return
	}
	waiting, last := r.m.waiting, r.store.last
	if r.lookElsewhere() == nil && r.store.last != last && r.m.waiting > waiting {
		r.wakeFor(WakeEdit)
	}
}
