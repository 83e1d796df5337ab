package gui

import (
	"fmt"
	"testing"

	"fyne.io/fyne/v2/data/binding"

	"waybill/replica"
	"waybill/todo"
)

func someRows(n int) []*replica.Row {
	rows := make([]*replica.Row, n)
	for i := range rows {
		rows[i] = &replica.Row{Todo: todo.Todo{ID: fmt.Sprint(i)}}
	}
	return rows
}

// listened asks for items and notes which of them fire.
func listened(t *testing.T, b *boundRows, indexes ...int) *[]int {
	var fired []int
	for _, i := range indexes {
		item, err := b.GetItem(i)
		if err != nil {
			t.Fatal(err)
		}
		item.AddListener(binding.NewDataListener(func() { fired = append(fired, i) }))
	}
	fired = nil // adding calls once
	return &fired
}

func TestOnlyRowsThatChangedFire(t *testing.T) {
	b := newBoundRows()
	rows := someRows(10)
	b.reload(rows)
	fired := listened(t, b, 0, 1, 2)
	next := append([]*replica.Row(nil), rows...)
	next[1], next[7] = &replica.Row{}, &replica.Row{} // one on screen, one not
	b.reload(next)
	if fmt.Sprint(*fired) != "[1]" {
		t.Errorf("fired: %v", *fired)
	}
	b.reload(next)
	if len(*fired) != 1 {
		t.Errorf("the same rows fired again: %v", *fired)
	}
}

func TestTheListFiresWhenItsLengthChanges(t *testing.T) {
	b := newBoundRows()
	b.reload(someRows(3))
	fired := 0
	b.AddListener(binding.NewDataListener(func() { fired++ }))
	b.reload(someRows(3))
	b.reload(someRows(4))
	if fired != 2 { // once at first, once for the fourth row
		t.Errorf("fired %d times", fired)
	}
	if _, err := b.GetItem(4); err == nil {
		t.Error("there is an item beyond the end")
	}
}

func TestItemsDoNotPileUp(t *testing.T) {
	b := newBoundRows()
	b.reload(someRows(10_000))
	for i := range 5_000 {
		if _, err := b.GetItem(i); err != nil {
			t.Fatal(err)
		}
	}
	b.reload(someRows(10_000))
	if len(b.items) > manyItems {
		t.Errorf("%d items are kept", len(b.items))
	}
}

func TestARemovedListenerIsNotCalled(t *testing.T) {
	b := newBoundRows()
	b.reload(someRows(1))
	item, _ := b.GetItem(0)
	calls := 0
	l := binding.NewDataListener(func() { calls++ })
	item.AddListener(l)
	item.RemoveListener(l)
	b.reload(someRows(1))
	if calls != 1 {
		t.Errorf("called %d times", calls)
	}
}

func TestAReloadCostsWhatIsOnScreen(t *testing.T) {
	for _, n := range []int{1_000, 100_000} {
		b := newBoundRows()
		a, c := someRows(n), someRows(n)
		b.reload(a)
		listened(t, b, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
		if allocs := testing.AllocsPerRun(10, func() { b.reload(c); b.reload(a) }); allocs > 50 {
			t.Errorf("a reload of %d rows allocates %v times", n, allocs)
		}
	}
}
