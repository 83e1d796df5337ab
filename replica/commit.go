package replica

import (
	"errors"
	"sync"
	"time"

	"waybill/fault"
	"waybill/internal/disk"
	"waybill/internal/seal"
)

// errNothing ends a transaction in which there turned out to be nothing to write.
var errNothing = errors.New("replica: nothing to write")

// commit writes the records that build makes of the model as it is at that
// moment, what other processes wrote included, in one transaction. When it
// returns nil they are on the disk and in the model. mu is held.
func (r *Replica) commit(build func() ([]*record, error)) error {
	if r.failed != nil {
		return r.failed
	}
	var records []*record
	var refused error // by build: no fault of the disk
	err := r.store.transaction(func() error {
		if err := r.catchUp(); err != nil {
			return err
		}
		if records, refused = build(); refused != nil || len(records) == 0 {
			return errNothing
		}
		return r.store.append(records)
	})
	switch {
	case errors.Is(err, errNothing):
		return refused
	case err != nil:
		return r.noteStore(err)
	}
	var touched touched
	for _, record := range records {
		r.m.apply(record, &touched)
	}
	r.store.last += uint64(len(records))
	r.m.refresh(touched)
	_ = r.noteStore(nil)
	r.publish()
	r.touch()
	return nil
}

// noteStore keeps whether saving works, for the status.
func (r *Replica) noteStore(err error) error {
	err = inWords(err)
	var f *fault.Fault
	if errors.As(err, &f) && f.Step == fault.StepStore {
		r.sync.store = f
		r.publish()
	} else if err == nil {
		r.sync.store = nil
	}
	return err
}

// catchUp reads what other processes have written since the last look. mu is
// held.
func (r *Replica) catchUp() (err error) {
	changed, err := r.store.elsewhere()
	if err != nil || !changed {
		return err
	}
	defer func() {
		if err != nil {
			r.store.seen = -1 // look again the next time
		}
	}()
	if err = r.store.checkVersion(); err != nil {
		return err
	}
	epoch := r.store.head.epoch
	if err = r.store.readHead(); err != nil {
		return err
	}
	if r.store.head.epoch != epoch { // written anew: the records we have seen are gone
		return r.reload()
	}
	var touched touched
	err = r.store.each(r.store.conn, r.store.last, func(n uint64, rec *record) error {
		r.m.apply(rec, &touched)
		r.store.last = n
		return nil
	})
	r.m.refresh(touched)
	return err
}

// reload makes the model anew, keeping the rows that did not change.
func (r *Replica) reload() error {
	m := newModel(r.o.Now())
	last := r.store.head.first - 1
	err := r.store.each(r.store.conn, last, func(n uint64, rec *record) error {
		m.apply(rec, nil)
		last = n
		return nil
	})
	if err != nil {
		return err
	}
	for id, it := range m.items {
		if old := r.m.items[id]; old != nil {
			it.row = old.row
		}
	}
	m.refreshAll()
	r.m, r.store.last = m, last
	return nil
}

// jobs collects writes that come at the same time, so that they share one
// transaction: while one is flushed, the next ones gather.
type jobs struct {
	mu      sync.Mutex
	waiting []*job
}

type job struct {
	build func() ([]*record, error)
	done  chan error
}

// together commits build with whatever else is waiting. Builds must not depend
// on each other. A build that fails fails alone.
func (r *Replica) together(build func() ([]*record, error)) error {
	j := &job{build: build, done: make(chan error, 1)}
	r.jobs.mu.Lock()
	r.jobs.waiting = append(r.jobs.waiting, j)
	leads := len(r.jobs.waiting) == 1
	r.jobs.mu.Unlock()
	if leads {
		r.mu.Lock()
		r.jobs.mu.Lock()
		batch := r.jobs.waiting
		r.jobs.waiting = nil
		r.jobs.mu.Unlock()
		r.commitBatch(batch)
		r.mu.Unlock()
	}
	return <-j.done
}

func (r *Replica) commitBatch(batch []*job) {
	failed := make([]error, len(batch))
	err := r.commit(func() ([]*record, error) {
		all := &record{}
		for i, j := range batch {
			records, err := j.build()
			if failed[i] = err; err != nil {
				continue
			}
			for _, one := range records {
				all.add(one)
			}
		}
		if all.empty() {
			return nil, nil
		}
		return []*record{all}, nil
	})
	for i, j := range batch {
		if failed[i] == nil {
			failed[i] = err
		}
		j.done <- failed[i]
	}
}

// add appends the sections of another record that touches other to-dos.
func (r *record) add(o *record) {
	r.renames = append(r.renames, o.renames...)
	r.puts = append(r.puts, o.puts...)
	r.ghosts = append(r.ghosts, o.ghosts...)
	r.gone = append(r.gone, o.gone...)
	r.entries = append(r.entries, o.entries...)
	r.drops = append(r.drops, o.drops...)
	if o.sync != nil && r.sync != nil && o.sync.ids == idsUnknown {
		o.sync.ids = r.sync.ids
	}
	if o.sync != nil {
		r.sync = o.sync
	}
}

// maintain does what need not be done while anyone waits: it keeps the log
// short and the write-ahead log small.
func (r *Replica) maintain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed != nil || r.store.readOnly || r.o.Dir == "" || time.Since(r.tidied) < tidyEvery {
		return
	}
	r.tidied = time.Now()
	err := r.compact()
	if size := r.store.walSize(); err == nil && (size > maxWAL || size == 0) {
		if err = r.store.checkpoint(); err == nil {
			// The first write after a checkpoint flushes twice: let it not be an edit's.
			err = r.commit(func() ([]*record, error) { return []*record{{sync: r.syncRecord()}}, nil })
		}
	}
	if err == nil {
		err = r.saveFirstScreen()
	}
	if err == nil {
		err = r.saveMark()
	}
	if err != nil {
		r.log.Warn("keeping the local copy tidy failed", "code", fault.As(err).Code)
	}
}

const (
	maxWAL    = 1 << 20
	tidyEvery = time.Minute
)

// compact writes the log anew when most of it is dead. mu is held.
func (r *Replica) compact() error {
	live := len(r.m.items) + len(r.m.entries)
	if r.m.logged < 2*live+2000 {
		return nil
	}
	return r.rewrite()
}

// rewrite replaces the log by records that make the same model.
func (r *Replica) rewrite() error {
	s := r.store
	before := s.head
	var records []*record
	err := s.transaction(func() error {
		if err := r.catchUp(); err != nil {
			return err
		}
		before = s.head
		records = r.m.snapshot(r.o.Now().Add(-keepDiscarded))
		if err := s.exec("DELETE FROM log"); err != nil {
			return err
		}
		s.head.epoch++
		s.head.first = s.last + 1
		if err := s.exec("UPDATE head SET v = ?", s.sealHead()); err != nil {
			return err
		}
		return s.append(records)
	})
	if err != nil {
		s.head = before
		return r.noteStore(err)
	}
	s.last += uint64(len(records))
	r.firstSaved = 0
	r.m.logged = 0
	for _, rec := range records {
		r.m.logged += len(rec.puts) + len(rec.ghosts) + len(rec.entries)
	}
	return s.checkpoint()
}

// keepDiscarded is how long a discarded edit can be restored.
const keepDiscarded = 30 * 24 * time.Hour

// saveOnClose saves what makes the next start quick and what shows an older
// file. No edit depends on it, so its failure is only logged. mu is held.
func (r *Replica) saveOnClose() {
	if err := r.saveLast(); err != nil {
		r.log.Warn("closing the local copy", "code", fault.As(err).Code)
	}
}

func (r *Replica) saveLast() error {
	if r.failed != nil || r.o.Dir == "" || r.store.readOnly {
		return nil
	}
	select {
	case <-r.loaded:
	default:
		return nil
	}
	var err error
	if r.sync.lastSync.After(r.m.sync.at) {
		err = r.commit(func() ([]*record, error) { return []*record{{sync: r.syncRecord()}}, nil })
	}
	if err == nil {
		err = r.saveFirstScreen()
	}
	if err == nil {
		err = r.saveMark()
	}
	return err
}

// syncRecord is the state of the sync as it should be on disk.
func (r *Replica) syncRecord() *syncState {
	s := r.m.sync
	if r.sync.lastSync.After(s.at) {
		s.at = r.sync.lastSync
	}
	return &s
}

// checkMark holds the file against the mark beside it. A file that is older
// than the mark says is damage; an empty one is begun anew, and the user told.
func (r *Replica) checkMark() error {
	if r.store.readOnly {
		return nil
	}
	newest, err := r.store.newest()
	if err != nil {
		return err
	}
	switch known, ok := readMark(r.files.mark(), r.box()); {
	case !ok:
	case known.id == r.store.head.id && newest >= known.last:
		r.marked = known.last
		return nil
	case known.id == r.store.head.id || newest >= r.store.head.first:
		return &damage{what: older}
	default:
		r.notice = emptiedNotice
	}
	return r.beginMark()
}

// beginMark makes the mark of a file that is opened for the first time.
func (r *Replica) beginMark() error {
	newest, err := r.store.newest()
	if err != nil {
		return err
	}
	return r.replaceMark(newest)
}

// older is the damage of a file that was replaced by one from before.
const older = "older than its mark"

var emptiedNotice = fault.New(fault.StepStore, fault.Failed, "store_rolled_back",
	"The to-dos saved on this computer were emptied by something other than Waybill.").
	WithRemedy("They are fetched again; changes that had not been sent are lost.")

// saveMark notes how far the log has come.
func (r *Replica) saveMark() error {
	if r.marked == r.store.last {
		return nil
	}
	return r.replaceMark(r.store.last)
}

// replaceMark writes the mark, unless another process is doing that, or is
// syncing and will: only one at a time may replace the file.
func (r *Replica) replaceMark(last uint64) error {
	unlock, held, err := disk.TryLock(r.files.syncLock())
	if err != nil || !held {
		return err
	}
	defer unlock()
	r.marked = last
	return writeMark(r.files.mark(), r.box(), mark{r.store.head.id, last})
}

func (r *Replica) box() *seal.Box { return seal.New(r.o.Key) }

func ensureFolder(dir string) error { return disk.EnsureFolder(dir) }
