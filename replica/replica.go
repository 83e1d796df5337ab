// Package replica keeps a local copy of one account's to-dos, and an outbox of
// the edits that the server does not have yet.
//
// Invariant: an edit that was acknowledged to the user is on the disk, and
// leaves the outbox only when the server has taken it, or when the user has
// discarded it. Nothing else removes it: no error of a server, no damage, no
// listing that lacks its to-do. What is shown is always the server's to-do with
// the outbox on top.
//
// The copy is a log of sealed records in SQLite; package-internal types say
// more: store for the file, model for what the records mean.
package replica

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"waybill/fault"
	"waybill/internal/latest"
	"waybill/todo"
)

// Replica is one open local copy. Its methods are safe for concurrent use. None
// waits for the network but SyncNow; those with a context wait for the disk.
type Replica struct {
	o         Options
	files     files
	seams     seams
	run       uint64 // names this process among those that use the file
	log       *slog.Logger
	snapshots *latest.Value[*Snapshot]
	find      *finder

	life   context.Context // ends with Close
	end    context.CancelFunc
	work   sync.WaitGroup // goroutines, and Run
	loaded chan struct{}  // closed when all rows are there, or loading has failed
	needed func()         // all rows are, without waiting for the first screen

	mu         sync.Mutex // guards all below, and all writing
	store      *store
	use        *use
	m          *model
	failed     error // why nothing can be read or saved; nil if all is well
	first      *firstScreen
	firstSaved uint64 // number of the last record that the saved first screen knows
	marked     uint64 // number of the last record that the mark knows
	sending    map[uint64]bool
	sync       syncing
	tidied     time.Time // when maintain last ran
	undo, redo []step
	removal    *removal
	notice     *fault.Fault
	generation uint64

	jobs jobs
}

// loadAtOnce is how many records Open reads before it returns; more of them
// are read while the first screen is shown already.
const loadAtOnce = 100

// Open opens the local copy of an account, or begins one. It returns as soon as
// there is something to show. A copy that is damaged is rebuilt from what can
// be read of it, and kept; Snapshot.Notice says so then.
//
// Errors are Faults: of kind Config and code "store_key" for a copy that does
// not open with this key, "store_newer" for one of a newer Waybill; the file is
// left as it is. Other codes say what is wrong with the disk.
func Open(ctx context.Context, o Options) (*Replica, error) {
	return open(ctx, o, seams{migrations, func(string) error { return nil }, watchFolder})
}

// seams are where tests reach in: other migrations, an error at a point of
// writing, a folder that is not watched.
type seams struct {
	steps []string
	at    func(point string) error
	watch func(dir string) (events <-chan fsnotify.Event, lost <-chan error, stop func())
}

func open(ctx context.Context, o Options, with seams) (*Replica, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Parallel <= 0 {
		o.Parallel = 16
	}
	if o.Shared <= 0 {
		o.Shared = 100
	}
	r := &Replica{o: o, seams: with, run: rand.Uint64() | 1, log: o.Log, loaded: make(chan struct{}),
		needed: func() {}, m: newModel(o.Now()), sending: map[uint64]bool{}, find: &finder{}}
	r.sync.wake, r.sync.handed = make(chan struct{}, 1), map[uint64]bool{}
	r.sync.doubt = map[string]bool{}
	r.life, r.end = context.WithCancel(context.Background())
	if err := r.openFile(ctx); err != nil {
		r.end()
		return nil, err
	}
	r.snapshots = latest.New(r.snapshot())
	if err := r.begin(); err != nil {
		r.shut()
		return nil, err
	}
	return r, nil
}

// openFile opens the store, rebuilding it if need be.
func (r *Replica) openFile(ctx context.Context) (err error) {
	if r.o.Dir == "" {
		r.store, err = openStore("", r.o.Key, r.seams)
		return err
	}
	if err := ensureFolder(r.o.Dir); err != nil {
		return err
	}
	r.files = filesOf(r.o)
	if r.use, err = share(ctx, r.files.useLock()); err != nil {
		return err
	}
	if err := r.files.finishRebuild(r.o.Now()); err != nil {
		return err
	}
	for range lookAgain {
		if err = r.openMarked(); !isDamage(err) {
			break
		}
		r.shutStore()
	}
	if err != nil {
		err = r.recover(ctx, err)
	}
	if err != nil {
		r.shutFile()
	}
	return inWords(err)
}

// lookAgain is how often a damaged copy is looked at before it is made anew:
// SQLite calls a disk that fails to read for a moment a malformed database too.
const lookAgain = 3

// openMarked opens the store and holds it against its mark.
func (r *Replica) openMarked() (err error) {
	if r.store, err = openStore(r.files.database(), r.o.Key, r.seams); err != nil {
		return err
	}
	return r.checkMark()
}

// recover opens the store after an error, if that can be done without guessing.
func (r *Replica) recover(ctx context.Context, cause error) (err error) {
	r.shutStore()
	switch {
	case errors.Is(cause, errUnreadable):
		if _, right := readMark(r.files.mark(), r.box()); right {
			r.notice, err = rebuild(ctx, r.files, r.use, r.o, r.seams, cause)
		} else if r.o.StartFresh {
			err = r.use.alone(ctx, r.files.database(), func() (err error) {
				r.notice, err = r.files.startFresh(r.o)
				return err
			})
		} else {
			err = unreadableFault(r.files.database(), cause)
		}
	case isDamage(cause):
		if err = r.files.readable(); err == nil {
			r.notice, err = rebuild(ctx, r.files, r.use, r.o, r.seams, cause)
		}
	default:
		err = cause
	}
	if err != nil {
		return err
	}
	if r.store, err = openStore(r.files.database(), r.o.Key, r.seams); err != nil {
		return err
	}
	return r.beginMark()
}

// begin loads the copy, or its first screen and the rest in the background.
func (r *Replica) begin() error {
	newest, err := r.store.newest()
	if err != nil {
		return inWords(err)
	}
	if newest+1-r.store.head.first < loadAtOnce {
		r.load(false)
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.failed
	}
	r.mu.Lock()
	r.first = r.store.readFirstScreen(r.o.Now())
	r.publish()
	r.mu.Unlock()
	needed := make(chan struct{})
	r.needed = sync.OnceFunc(func() { close(needed) })
	r.work.Go(func() {
		r.awaitSettled(needed)
		r.load(true)
	})
	return nil
}

// mostUnsettled bounds the wait for the first screen, should nobody say that it
// is there.
const mostUnsettled = time.Second

// awaitSettled waits until reading is in nobody's way, or is needed.
func (r *Replica) awaitSettled(needed <-chan struct{}) {
	if r.o.Settled == nil {
		return
	}
	late := time.NewTimer(mostUnsettled)
	defer late.Stop()
	select {
	case <-r.o.Settled:
	case <-needed:
	case <-late.C:
	case <-r.life.Done():
	}
}

// load reads the whole log; aside from the connection that edits go through, if
// that may take long.
func (r *Replica) load(aside bool) {
	defer close(r.loaded)
	var m *model
	var err error
	for range lookAgain {
		if m, err = r.readAll(aside); !isDamage(err) {
			break
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if isDamage(err) {
		if err = r.recover(r.life, err); err == nil {
			m, err = r.readAll(aside)
		}
	}
	r.first = nil
	switch {
	case r.life.Err() != nil:
		r.failed = errClosed
	case err != nil:
		r.failed = inWords(err)
	default:
		r.m = m
		r.sync.lastSync = m.sync.at
		if r.o.Dir != "" && !r.store.readOnly {
			r.watchFile()
		}
	}
	r.publish()
}

// readAll makes the model from the log as it is at one moment.
func (r *Replica) readAll(aside bool) (*model, error) {
	s := r.store
	if _, err := s.elsewhere(); err != nil { // from here on: what is written later is noticed
		return nil, err
	}
	m := newModel(r.o.Now())
	from := rows(s.conn)
	if aside {
		other, done, err := s.reader()
		if err != nil {
			return nil, err
		}
		defer done()
		from = other
	}
	last := s.head.first - 1
	err := s.each(from, last, func(n uint64, rec *record) error {
		m.apply(rec, nil)
		last = n
		return r.life.Err()
	})
	if err != nil {
		return nil, err
	}
	m.refreshAll()
	s.last = last
	return m, nil
}

// ready waits until edits can be made.
func (r *Replica) ready(ctx context.Context) error {
	r.needed()
	return r.whenLoaded(ctx)
}

// whenLoaded is ready for those who are in no hurry.
func (r *Replica) whenLoaded(ctx context.Context) error {
	select {
	case <-r.loaded:
		return nil
	case <-ctx.Done():
		return fault.As(ctx.Err())
	}
}

// Loaded waits until all to-dos are read, and returns a snapshot that holds
// them. It fails if they cannot be read.
func (r *Replica) Loaded(ctx context.Context) (*Snapshot, error) {
	if err := r.ready(ctx); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed != nil {
		return nil, r.failed
	}
	return r.Snapshot(), nil
}

// Snapshot returns the newest snapshot; it is never nil. Its Loading says
// whether there is more to come.
func (r *Replica) Snapshot() *Snapshot { return r.snapshots.Load() }

// Watch calls f with the newest snapshot, at once and after every change, from
// a goroutine of its own and never twice at a time; snapshots that come while f
// runs are skipped but for the last. stop must not be called from f.
func (r *Replica) Watch(f func(*Snapshot)) (stop func()) { return r.snapshots.Watch(f) }

// DismissNotice ends Snapshot.Notice.
func (r *Replica) DismissNotice() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notice = nil
	r.publish()
}

// Close ends everything that the Replica has running and closes its file. It
// waits for a request that is being sent no longer than to cancel it. Closing
// again does nothing.
func (r *Replica) Close() error {
	r.mu.Lock()
	r.end() // under mu, so that no Run starts from here on
	r.mu.Unlock()
	r.work.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.saveOnClose()
	r.shutFile()
	return nil
}

// shut is Close for a Replica that was never handed out.
func (r *Replica) shut() {
	r.end()
	r.work.Wait()
	r.shutFile()
}

func (r *Replica) shutStore() {
	if r.store != nil {
		r.store.close()
		r.store = nil
	}
}

func (r *Replica) shutFile() {
	r.shutStore()
	r.use.end()
	r.use = nil
	if r.failed == nil {
		r.failed = errClosed
	}
}

var errClosed = fault.New(fault.StepStore, fault.Canceled, "store_closed", "The local copy is closed.")

// publish hands out a new snapshot.
func (r *Replica) publish() {
	r.generation++
	r.snapshots.Store(r.snapshot())
}

// snapshot describes the present.
func (r *Replica) snapshot() *Snapshot {
	s := &Snapshot{Generation: r.generation, Notice: r.notice, find: r.find}
	now := r.o.Now()
	if f := r.first; f != nil {
		s.Rows, s.Counts, s.Today, s.Loading = f.rows, f.counts, todo.DayOf(now), true
		s.Status = Status{Sentence: "Opening", Kind: Busy, LastSync: f.sync.at}
		s.setWritable(f.sync, r.failed)
		return s
	}
	m := r.m
	m.turnDay(now)
	s.Rows, s.Counts, s.Today = m.rows, m.tally.Counts(), m.today
	s.Status = r.status(now)
	s.setWritable(&m.sync, r.failed)
	s.Undo, s.Redo = label(r.undo), label(r.redo)
	if q := r.removal; q != nil {
		s.Removal = &Removal{Missing: len(q.ids), Total: q.total}
	}
	return s
}

func (s *Snapshot) setWritable(known *syncState, failed error) {
	caps := known.caps
	switch {
	case failed != nil:
		s.Why = fault.As(failed).Message
	case !known.known:
		s.Why = "It is not known yet whether these to-dos can be changed: the server was never reached."
	default:
		s.Writable, s.Why = caps.Write, caps.Why
		s.CanAdd, s.CanUpdate, s.CanDelete = caps.Create, caps.Update, caps.Delete
	}
}
