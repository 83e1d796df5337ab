// Package todostore keeps the to-dos that the playground's to-do API and its
// MCP server show: a list for each user, seeded when it is first looked at.
//
// Invariant: when a change is acknowledged it is on disk, whole, where a folder
// is given; a change that failed is neither on disk nor in memory. An item's
// ETag, and a list's, is made from its content, so that two versions that
// differ never share one, not even when an older folder is put back. Nothing is
// deleted because it could not be read.
//
// Each user has a file of their own, a log of changes that is only appended to:
// an edit then writes that one item and flushes once, whether the list has 20
// to-dos or 100,000, which replacing the file at every edit could not do. The
// file is replaced, atomically, when most of it is outdated.
package todostore

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"waybill/internal/disk"
	"waybill/todo"
)

// MaxSeed is the longest list that a new user can start with.
const MaxSeed = 100_000

// maxItems is how long a list may grow.
const maxItems = 2 * MaxSeed

// maxKeys is how many idempotency keys of a user are remembered; the oldest
// are forgotten first.
const maxKeys = 10_000

// Options are what a Store needs. The zero value keeps nothing on disk and
// gives every user the believable list.
type Options struct {
	Dir   string           // a folder of the store's own, for one process at a time; empty: nothing is kept
	Todos int              // how many to-dos a new user starts with, at most MaxSeed; 0: a believable list of about two dozen
	Now   func() time.Time // nil: time.Now; dates of the first list are relative to it, in its location
	Log   *slog.Logger     // nil: no log; receives no to-do's text
}

// Store is the to-dos of all users. It is safe for concurrent use, starts no
// goroutine and holds no file open.
type Store struct {
	o Options

	mu    sync.Mutex
	lists map[string]*list
}

// Errors of the store. What is refused leaves everything as it was.
var (
	ErrNotFound  = errors.New("there is no such to-do")
	ErrKeyReused = errors.New("the idempotency key was used for another to-do")
)

// InvalidError is a to-do or a change that the store does not take. Its text
// is one sentence for the caller.
type InvalidError struct{ Reason string }

func (e *InvalidError) Error() string { return e.Reason }

// ConflictError says that the item is there, but not as the caller expects.
type ConflictError struct {
	Current *Item
	Exists  bool // it was to be created; otherwise its ETag is another one
}

func (e *ConflictError) Error() string {
	if e.Exists {
		return "a to-do with this id exists"
	}
	return "the to-do was changed meanwhile"
}

// Open returns the store in o.Dir, which it makes if there is none.
func Open(o Options) (*Store, error) {
	if o.Todos < 0 || o.Todos > MaxSeed {
		return nil, fmt.Errorf("a list can start with 0 to %d to-dos, not %d", MaxSeed, o.Todos)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Dir != "" {
		if err := disk.EnsureFolder(o.Dir); err != nil {
			return nil, err
		}
	}
	return &Store{o: o, lists: make(map[string]*list)}, nil
}

// with runs f on the user's list, alone.
func (s *Store) with(user string, f func(*list) error) error {
	s.mu.Lock()
	l := s.lists[user]
	if l == nil {
		l = &list{}
		s.lists[user] = l
	}
	s.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.loaded {
		if err := s.load(user, l); err != nil {
			return fmt.Errorf("reading the stored to-dos: %w", err)
		}
	}
	return f(l)
}

// load reads the user's file, or begins a list where there is none.
func (s *Store) load(user string, l *list) error {
	l.reset()
	if s.o.Dir != "" {
		l.file = &journal{path: filepath.Join(s.o.Dir, fileName(user)), user: user, now: s.o.Now, log: s.o.Log}
		found, err := l.file.read(l.replay)
		if err != nil {
			return err
		}
		if found {
			l.loaded = true
			return nil
		}
	}
	l.reset()
	for _, t := range seed(s.o.Todos, s.o.Now()) {
		item, err := newItem(t, l.next)
		if err != nil {
			return err
		}
		l.put(item)
	}
	if l.file != nil {
		if err := l.file.replace(l.records); err != nil {
			return err
		}
	}
	l.loaded = true
	return nil
}

// ETag is the version of the user's whole list, cheap to ask for.
func (s *Store) ETag(user string) (etag string, err error) {
	err = s.with(user, func(l *list) error {
		etag = l.etag()
		return nil
	})
	return etag, err
}

// View returns the user's to-dos as they are now.
func (s *Store) View(user string) (v View, err error) {
	err = s.with(user, func(l *list) error {
		v = l.view()
		return nil
	})
	return v, err
}

// Get returns one to-do, or ErrNotFound.
func (s *Store) Get(user, id string) (item *Item, err error) {
	err = s.with(user, func(l *list) error {
		if item = l.byID[id]; item == nil {
			return ErrNotFound
		}
		return nil
	})
	return item, err
}

// Create adds t under its id, or under a new one if that is empty. A key that
// is not empty makes repeating the call safe: the same to-do again is answered
// with what the first call was answered, even if it was changed or deleted
// since; another to-do is ErrKeyReused. An id that is taken is a
// *ConflictError, a to-do that is not allowed an *InvalidError.
func (s *Store) Create(user string, t todo.Todo, key string) (item *Item, err error) {
	mark, err := fingerprint(t)
	if err != nil {
		return nil, err
	}
	err = s.with(user, func(l *list) error {
		if used, ok := l.keys[key]; ok && key != "" {
			if used.Print != mark {
				return ErrKeyReused
			}
			item, err = itemOf(used.Answer, used.N)
			return err
		}
		if item, err = l.prepare(t); err != nil {
			return err
		}
		r := record{N: item.n, Item: item.body}
		if key != "" {
			r.Key = &keyRecord{Key: key, Print: mark, N: item.n, Answer: item.body}
		}
		return l.commit(r)
	})
	return item, err
}

// Update changes the fields that p names. match decides by the item's ETag
// whether it is the version that the caller means; nil is any. Errors are
// ErrNotFound, *ConflictError and *InvalidError.
func (s *Store) Update(user, id string, p todo.Patch, match func(etag string) bool) (item *Item, err error) {
	err = s.with(user, func(l *list) error {
		old, err := l.find(id, match)
		if err != nil {
			return err
		}
		changed := p.Apply(old.Todo)
		if err := check(changed); err != nil {
			return err
		}
		if item, err = newItem(changed, old.n); err != nil {
			return err
		}
		if item.Todo.ETag == old.Todo.ETag {
			return nil // nothing differs, so there is nothing to write
		}
		return l.commit(record{N: item.n, Item: item.body})
	})
	return item, err
}

// Delete removes a to-do. match and the errors are as for Update.
func (s *Store) Delete(user, id string, match func(etag string) bool) error {
	return s.with(user, func(l *list) error {
		if _, err := l.find(id, match); err != nil {
			return err
		}
		return l.commit(record{Delete: id})
	})
}
