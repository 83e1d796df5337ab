package gui

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestAStormOfValuesIsDeliveredOnce(t *testing.T) {
	q := &queue{}
	var got []int
	m := newMailbox(q.do, func(v *int) { got = append(got, *v) })
	for i := range 200 {
		m.put(&i)
	}
	q.drain()
	if fmt.Sprint(got) != "[199]" {
		t.Fatalf("delivered %v, want the newest alone", got)
	}
}

func TestAValueThatComesDuringTheDeliveryIsNotLost(t *testing.T) {
	q := &queue{}
	var got []int
	var m *mailbox[int]
	m = newMailbox(q.do, func(v *int) {
		if got = append(got, *v); *v == 1 {
			two := 2
			m.put(&two)
		}
	})
	one := 1
	m.put(&one)
	for q.drain() {
		continue
	}
	if fmt.Sprint(got) != "[1 2]" {
		t.Fatalf("delivered %v", got)
	}
}

func TestManyWritersEndWithTheLastValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queue{}
		last := 0
		m := newMailbox(q.do, func(v *int) { last = *v })
		for range 4 {
			go func() {
				for i := range 1000 {
					m.put(&i)
				}
			}()
		}
		synctest.Wait()
		final := 4711
		m.put(&final)
		for q.drain() {
			continue
		}
		if last != final {
			t.Fatalf("the last value delivered is %d", last)
		}
	})
}

func TestEditsKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queue{}
		tasks := newTasks(q.do)
		var order []int
		for i := range 20 {
			tasks.queue(func(context.Context) error {
				time.Sleep(time.Duration(20-i) * time.Millisecond) // later ones are quicker
				order = append(order, i)
				return nil
			}, nil)
		}
		tasks.close()
		for i, n := range order {
			if i != n {
				t.Fatalf("done in the order %v", order)
			}
		}
		if len(order) != 20 {
			t.Fatalf("close lost %d edits", 20-len(order))
		}
	})
}

func TestNothingIsDeliveredAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queue{}
		tasks := newTasks(q.do)
		tasks.start(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
			func(error) { t.Error("an outcome came after close") })
		tasks.close()
		tasks.start(func(context.Context) error { t.Error("work began after close"); return nil }, nil)
		tasks.queue(func(context.Context) error { t.Error("an edit began after close"); return nil }, nil)
		q.drain()
		synctest.Wait()
	})
}

func TestCloseDoesNotWaitForEverForADiskThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tasks := newTasks((&queue{}).do)
		var err error
		tasks.queue(func(ctx context.Context) error { <-ctx.Done(); err = ctx.Err(); return err }, nil)
		began := time.Now()
		tasks.close()
		if took := time.Since(began); took != lastEdits || !errors.Is(err, context.Canceled) {
			t.Fatalf("close took %v, the edit ended with %v", took, err)
		}
	})
}
