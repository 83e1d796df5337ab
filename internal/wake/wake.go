// Package wake notices that the computer has slept, or has come to another
// network.
//
// Invariant: what happened is told within Tick and a little more after it is
// over, once, and nothing is told while nothing happens.
//
// No system is asked for its events: each has its own, some lose them in a
// sandbox, and none tells of a process that was merely stopped. Two clocks and
// the list of addresses say as much on all of them, for a look that takes some
// tens of microseconds every Tick.
package wake

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Tick is how often Watch looks.
const Tick = 4 * time.Second

// slack is by how much a clock may be off from one look to the next without
// meaning anything: a busy machine, or a clock that is being set right.
const slack = 3 * time.Second

// Watch calls woke after the computer or this process has slept for longer than
// a few seconds, and after it has come to a network, until ctx ends. A clock
// that is set forward looks like sleep.
func Watch(ctx context.Context, woke func()) {
	began := time.Now()
	watch(ctx, woke, func() reading {
		now := time.Now()
		return reading{wall: now.Round(0), running: now.Sub(began), network: network()}
	})
}

// reading is what is looked at.
type reading struct {
	wall    time.Time     // the clock on the wall
	running time.Duration // the monotonic clock, which some systems stop in sleep and others do not
	network string
}

func watch(ctx context.Context, woke func(), read func() reading) {
	ticks := time.NewTicker(Tick)
	defer ticks.Stop()
	last := read()
	for {
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return
		}
		now := read()
		if slept(last, now) || now.network != "" && now.network != last.network {
			woke()
			after := read() // woke may have taken its time
			now.wall, now.running = after.wall, after.running
		}
		last = now
	}
}

// slept reports whether more time went by between two looks than between two
// ticks, on either clock.
func slept(last, now reading) bool {
	return now.wall.Sub(last.wall) > Tick+slack || now.running-last.running > Tick+slack
}

// network names the addresses through which this computer can be reached from
// elsewhere, "" if there is none.
func network() string {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return ""
	}
	var own []string
	for _, a := range all {
		prefix, err := netip.ParsePrefix(a.String())
		if err == nil && !prefix.Addr().IsLoopback() && !prefix.Addr().IsLinkLocalUnicast() {
			own = append(own, prefix.String())
		}
	}
	slices.Sort(own)
	return strings.Join(own, " ")
}
