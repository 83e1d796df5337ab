package replica

import (
	"path/filepath"
	"strings"
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

// concerns reports whether an event is about the records of this account.
func (r *Replica) concerns(e fsnotify.Event) bool {
	database := filepath.Base(r.files.database())
	name := filepath.Base(e.Name)
	return name == database || strings.TrimPrefix(name, database) == "-wal"
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
