package latest_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"waybill/internal/latest"
)

func TestAWatcherSeesTheNewestAndSkipsTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := latest.New(0)
		var seen []int
		stop := v.Watch(func(n int) {
			seen = append(seen, n)
			time.Sleep(time.Second) // virtual: a slow watcher
		})
		synctest.Wait()
		for i := 1; i <= 1000; i++ {
			v.Store(i)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if fmt.Sprint(seen) != "[0 1000]" || v.Load() != 1000 {
			t.Fatalf("seen %v, loaded %d", seen, v.Load())
		}
		stop()
		stop()
		v.Store(1001)
		synctest.Wait()
		if len(seen) != 2 {
			t.Fatalf("called after stop: %v", seen)
		}
	})
}

func TestManyWritersNeverTurnAWatcherBack(t *testing.T) {
	v := latest.New(0)
	last, done := -1, make(chan struct{})
	stop := v.Watch(func(n int) {
		if n < last {
			t.Errorf("went back from %d to %d", last, n)
		}
		if last = n; n == 4000 {
			close(done)
		}
	})
	for range 4 {
		go func() {
			for range 1000 {
				v.Update(func(n int) int { return n + 1 })
			}
		}()
	}
	<-done
	stop()
}

func ExampleValue_Watch() {
	v := latest.New("first")
	got := make(chan string)
	stop := v.Watch(func(s string) { got <- s })
	fmt.Println(<-got)
	v.Store("second")
	fmt.Println(<-got)
	stop()
	// Output:
	// first
	// second
}
