package todostore

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"sync"

	"waybill/todo"
)

// list is the to-dos of one user. Its methods are called under its lock.
type list struct {
	mu     sync.Mutex
	loaded bool
	byID   map[string]*Item
	order  []*Item // by n, which is the order in which they were created
	next   uint64  // the n of the next new item
	sum    [2]uint64
	keys   map[string]keyRecord
	oldest []string // the keys in the order of their use
	file   *journal // nil: nothing is kept
}

func (l *list) reset() {
	l.byID, l.order, l.next, l.sum = make(map[string]*Item), nil, 1, [2]uint64{}
	l.keys, l.oldest = make(map[string]keyRecord), nil
}

// find returns the item if it is the version that match means.
func (l *list) find(id string, match func(etag string) bool) (*Item, error) {
	item := l.byID[id]
	if item == nil {
		return nil, ErrNotFound
	}
	if match != nil && !match(item.Todo.ETag) {
		return nil, &ConflictError{Current: item}
	}
	return item, nil
}

// prepare makes the item that t would become.
func (l *list) prepare(t todo.Todo) (*Item, error) {
	if t.ID == "" {
		t.ID = strings.ToLower(rand.Text())
	}
	if err := checkNew(t); err != nil {
		return nil, err
	}
	if there := l.byID[t.ID]; there != nil {
		return nil, &ConflictError{Current: there, Exists: true}
	}
	if len(l.order) >= maxItems {
		return nil, &InvalidError{fmt.Sprintf("A list holds at most %d to-dos.", maxItems)}
	}
	return newItem(t, l.next)
}

// commit writes the record, and only then changes what is shown.
func (l *list) commit(r record) error {
	if l.file != nil {
		if err := l.file.append(r); err != nil {
			return err
		}
	}
	if err := l.replay(r); err != nil {
		return err
	}
	if l.file != nil && l.file.lines > 2*(len(l.order)+len(l.oldest))+1000 {
		l.file.shrink(l.records)
	}
	return nil
}

// replay does what a record says.
func (l *list) replay(r record) error {
	if r.Key != nil {
		l.remember(*r.Key)
	}
	switch {
	case len(r.Item) > 0:
		item, err := itemOf(r.Item, r.N)
		if err != nil {
			return err
		}
		l.put(item)
	case r.Delete != "":
		l.remove(r.Delete)
	}
	return nil
}

// records calls yield with what makes up the list now, for a new file.
func (l *list) records(yield func(record) error) error {
	for _, item := range l.order {
		if err := yield(record{N: item.n, Item: item.body}); err != nil {
			return err
		}
	}
	for _, key := range l.oldest {
		used := l.keys[key]
		if err := yield(record{Key: &used}); err != nil {
			return err
		}
	}
	return nil
}

// put adds the item, or replaces the one with its id.
func (l *list) put(item *Item) {
	if old := l.byID[item.Todo.ID]; old != nil {
		l.remove(old.Todo.ID)
	}
	l.byID[item.Todo.ID] = item
	at, _ := l.position(item.n)
	l.order = slices.Insert(l.order, at, item)
	l.next = max(l.next, item.n+1)
	l.add(item.digest)
}

func (l *list) remove(id string) {
	item := l.byID[id]
	if item == nil {
		return
	}
	delete(l.byID, id)
	at, _ := l.position(item.n)
	l.order = slices.Delete(l.order, at, at+1)
	l.subtract(item.digest)
}

func (l *list) position(n uint64) (int, bool) {
	return slices.BinarySearchFunc(l.order, n, func(item *Item, n uint64) int { return cmp.Compare(item.n, n) })
}

func (l *list) remember(k keyRecord) {
	if _, known := l.keys[k.Key]; !known {
		l.oldest = append(l.oldest, k.Key)
	}
	l.keys[k.Key] = k
	if len(l.oldest) > maxKeys {
		delete(l.keys, l.oldest[0])
		l.oldest = slices.Delete(l.oldest, 0, 1)
	}
}

// The sum of all items' digests changes with every edit, costs the same however
// long the list is, and does not depend on how the list came to be.

func (l *list) add(d digest) {
	low, carry := bits.Add64(l.sum[0], d[0], 0)
	high, _ := bits.Add64(l.sum[1], d[1], carry)
	l.sum = [2]uint64{low, high}
}

func (l *list) subtract(d digest) {
	low, borrow := bits.Sub64(l.sum[0], d[0], 0)
	high, _ := bits.Sub64(l.sum[1], d[1], borrow)
	l.sum = [2]uint64{low, high}
}

// etag is strong: the sum stands for every byte that an answer shows.
func (l *list) etag() string {
	return `"` + hex.EncodeToString(digest(l.sum).bytes()) + `"`
}

func (l *list) view() View {
	return View{ETag: l.etag(), Items: slices.Clone(l.order)}
}
