package gui

import (
	"errors"

	"fyne.io/fyne/v2/data/binding"

	"waybill/replica"
)

// boundRows is the list of to-dos that the List is bound to. It is reloaded
// with the rows of a snapshot and compares them by pointer, which is exact
// since a row that did not change keeps its pointer: only rows that are on
// screen and did change fire, whatever the length.
//
// Fyne's own bound lists keep an item for every element, and hand each of them
// that changed to the UI goroutine's queue: at 100,000 to-dos a keystroke in
// the search field would queue as many calls. Here only the elements that a
// row asked for have an item. Like every list binding it is touched on the UI
// goroutine alone.
type boundRows struct {
	listeners
	rows  []*replica.Row
	items map[int]*rowItem // of the rows that are or were on screen
}

var _ binding.DataList = (*boundRows)(nil)

// manyItems is how many items may pile up by scrolling before they are made
// anew.
const manyItems = 256

var errNoRow = errors.New("gui: no such row")

func newBoundRows() *boundRows { return &boundRows{items: map[int]*rowItem{}} }

// Length is the number of rows.
func (b *boundRows) Length() int { return len(b.rows) }

// GetItem returns the item of a row.
func (b *boundRows) GetItem(index int) (binding.DataItem, error) {
	if index < 0 || index >= len(b.rows) {
		return nil, errNoRow
	}
	item := b.items[index]
	if item == nil {
		item = &rowItem{row: b.rows[index]}
		b.items[index] = item
	}
	return item, nil
}

// reload replaces the rows and fires for what changed.
func (b *boundRows) reload(rows []*replica.Row) {
	resized := len(rows) != len(b.rows)
	b.rows = rows
	for index, item := range b.items {
		if index >= len(rows) {
			delete(b.items, index)
		} else {
			item.set(rows[index])
		}
	}
	if len(b.items) > manyItems {
		b.items, resized = map[int]*rowItem{}, true
	}
	if resized {
		b.fire()
	}
}

// index is where the to-do with this id is, -1 if nowhere.
func (b *boundRows) index(id string) int {
	for i, row := range b.rows {
		if row.Todo.ID == id {
			return i
		}
	}
	return -1
}

// rowItem is the binding of one row.
type rowItem struct {
	listeners
	row *replica.Row
}

func (i *rowItem) set(row *replica.Row) {
	if i.row != row {
		i.row = row
		i.fire()
	}
}

// listeners is the part that items and lists share. Fyne's own calls listeners
// through its queue; here everything is on the UI goroutine already.
type listeners struct{ all []binding.DataListener }

// AddListener adds l and calls it once.
func (ls *listeners) AddListener(l binding.DataListener) {
	ls.all = append(ls.all, l)
	l.DataChanged()
}

// RemoveListener removes l.
func (ls *listeners) RemoveListener(l binding.DataListener) {
	for i, other := range ls.all {
		if other == l {
			ls.all = append(ls.all[:i:i], ls.all[i+1:]...)
			return
		}
	}
}

func (ls *listeners) fire() {
	for _, l := range ls.all {
		l.DataChanged()
	}
}
