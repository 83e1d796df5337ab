package flow

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"waybill/e2e/desktop"
	"waybill/e2e/program"
)

// R27: a second start brings the window to the front that is open on the same
// data, within a second, and ends; on other data it opens its own.
func TestR27_ASecondStartRaisesTheFirstWindow(t *testing.T) {
	d := desktop.New(t, desktop.Options{Screen: true, Keyring: desktop.Unlocked})
	one := program.In(t, d, program.App, "WAYBILL_HOME="+t.TempDir())
	other := program.In(t, d, program.App, "WAYBILL_HOME="+t.TempDir())
	first := one.Begin()
	window := d.Window("Waybill", patience)
	second := other.Begin()
	if !desktop.Eventually(patience, func() bool { return d.Windows("Waybill") == 2 && !window.Focused() }) {
		t.Fatal("the window over other data did not open")
	}
	var took []time.Duration
	for range 5 {
		began := time.Now()
		again := one.Begin()
		if !desktop.Eventually(patience, window.Focused) {
			t.Fatal("the window does not have the keyboard")
		}
		took = append(took, time.Since(began).Round(time.Millisecond))
		raised(t, again)
		raised(t, other.Begin()) // which takes the keyboard away again
		if !desktop.Eventually(patience, func() bool { return !window.Focused() }) {
			t.Fatal("the other window did not come to the front")
		}
	}
	slices.Sort(took)
	t.Logf("in front after %v", took)
	if took[0] > time.Second {
		t.Errorf("in front after %v at best", took[0])
	}
	if n := d.Windows("Waybill"); n != 2 || !first.Running() || !second.Running() {
		t.Errorf("%d windows are open", n)
	}
	for _, p := range []*desktop.Process{first, second} {
		p.Interrupt()
		ended(t, p)
	}
}

// raised waits for the end of a start that found a window open.
func raised(t *testing.T, p *desktop.Process) {
	t.Helper()
	if r := p.Wait(patience); r.Code != 0 || !strings.Contains(r.Stdout, "open already") || r.Stderr != "" {
		t.Fatalf("the second start ended with status %d:\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
}

// R27: ten starts at once open one window, and what a killed one left behind
// hinders none.
func TestR27_TenStartsAtOnceOpenOneWindow(t *testing.T) {
	rounds := 2
	if os.Getenv("WAYBILL_SLOW") != "" {
		rounds = 20
	}
	d := desktop.New(t, desktop.Options{Screen: true, Keyring: desktop.Unlocked})
	waybill := program.In(t, d, program.App)
	for round := range rounds {
		all := make([]*desktop.Process, 10)
		for i := range all {
			all[i] = waybill.Begin()
		}
		running := func() []*desktop.Process {
			return slices.DeleteFunc(slices.Clone(all), func(p *desktop.Process) bool { return !p.Running() })
		}
		if !desktop.Eventually(patience, func() bool { return len(running()) <= 1 }) {
			t.Fatalf("round %d: %d of ten still run", round, len(running()))
		}
		left := running()
		if len(left) != 1 {
			t.Fatalf("round %d: none is left", round)
		}
		for _, p := range all {
			if p != left[0] {
				raised(t, p)
			}
		}
		if n := d.Windows("Waybill"); n != 1 {
			t.Fatalf("round %d: %d windows", round, n)
		}
		if round%2 == 0 {
			left[0].Kill()
			continue
		}
		left[0].Interrupt()
		ended(t, left[0])
	}
}
