package wake

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// computer is one whose clocks and network the test sets. Its time goes by in
// virtual time, beside what it slept.
type computer struct {
	t     *testing.T
	began time.Time

	mu      sync.Mutex
	wall    time.Duration // by how much the wall clock is ahead of virtual time
	stopped time.Duration // and the monotonic one
	network string
	told    int
}

func on(t *testing.T, f func(c *computer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := &computer{t: t, began: time.Now(), network: "192.0.2.7/24"}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			watch(ctx, func() { c.change(func() { c.told++ }) }, c.read)
		}()
		defer func() { cancel(); <-done }()
		time.Sleep(time.Hour + time.Second) // an ordinary hour first
		c.expect("an ordinary hour", 0)
		f(c)
	})
}

func (c *computer) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

func (c *computer) read() reading {
	c.mu.Lock()
	defer c.mu.Unlock()
	gone := time.Since(c.began)
	return reading{wall: c.began.Add(gone + c.wall).Round(0), running: gone + c.stopped, network: c.network}
}

// expect lets five seconds go by and counts what was told in them.
func (c *computer) expect(what string, n int) {
	c.t.Helper()
	c.change(func() { c.told = 0 })
	for _, d := range []time.Duration{5 * time.Second, time.Minute} {
		time.Sleep(d)
		synctest.Wait()
		c.change(func() {
			if c.told != n {
				c.t.Errorf("%s: told %d times within %v, want %d", what, c.told, d, n)
			}
		})
	}
}

func TestR28_SleepIsNoticedWithinFiveSeconds(t *testing.T) {
	for name, d := range map[string]time.Duration{"a minute": time.Minute, "a night": 8 * time.Hour, "a weekend": 72 * time.Hour} {
		on(t, func(c *computer) {
			c.change(func() { c.wall += d }) // the monotonic clock stands still while Linux and macOS sleep
			c.expect(name+" with one clock", 1)
		})
		on(t, func(c *computer) {
			c.change(func() { c.wall, c.stopped = c.wall+d, c.stopped+d }) // and goes on elsewhere, and while a process is stopped
			c.expect(name+" with both clocks", 1)
		})
	}
}

// R9: a clock that is corrected or set back is no sleep.
func TestR9_AClockThatIsSetBackIsNoSleep(t *testing.T) {
	on(t, func(c *computer) {
		c.change(func() { c.wall -= 24 * time.Hour })
		c.expect("a day back", 0)
		c.change(func() { c.wall += 2 * time.Second })
		c.expect("two seconds forward", 0)
		c.change(func() { c.wall += 24 * time.Hour })
		c.expect("a day forward", 1) // which nothing tells from sleep; one sync too many
	})
}

func TestR28_ANewNetworkIsNoticed(t *testing.T) {
	on(t, func(c *computer) {
		c.change(func() { c.network = "198.51.100.3/24" })
		c.expect("another network", 1)
		c.change(func() { c.network = "" })
		c.expect("none", 0)
		c.change(func() { c.network = "198.51.100.3/24" })
		c.expect("the same again", 1)
		c.change(func() { c.network = "198.51.100.3/24 2001:db8::5/64" })
		c.expect("one more", 1)
	})
}

func TestThisComputersNetworkDoesNotChangeByItself(t *testing.T) {
	if one, two := network(), network(); one != two {
		t.Errorf("%q, then %q", one, two)
	}
}

func BenchmarkLook(b *testing.B) {
	for b.Loop() {
		network()
	}
}
