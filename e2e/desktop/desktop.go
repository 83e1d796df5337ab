// Package desktop is a desktop session for one test: a screen, a session bus, a
// keyring and a browser that are real programs, in folders that nobody else
// uses.
//
// Invariant: nothing of the person's own desktop, keyring or browser profile is
// read or changed, and every process that was started is gone when the test
// ends. A test sees what a person sees: it reads the screen and points at words
// on it.
package desktop

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Options says what the session has. The zero value is a session without
// screen, keyring and browser.
type Options struct {
	Screen  bool
	Keyring Keyring
	Browser bool // a Chromium as the handler of web addresses; needs Screen
}

// Keyring says what answers for secrets on the session bus.
type Keyring int

// The kinds of keyring.
const (
	NoBus    Keyring = iota // no session bus at all
	Unlocked                // a Secret Service with an empty, unlocked collection
	Absent                  // a session bus on which nothing answers for secrets
)

// Desktop is the session. Its methods fail the test when the session itself
// breaks; they are for the test's own goroutine.
type Desktop struct {
	Home string // the person's home folder

	t       testing.TB
	dir     string
	env     []string
	screen  string // the value of DISPLAY
	browser *chromium
}

// New starts a session and ends it with the test.
func New(t testing.TB, o Options) *Desktop {
	t.Helper()
	dir, err := os.MkdirTemp("", "waybill-desktop-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { removeAll(t, dir) })
	d := &Desktop{t: t, dir: dir, Home: filepath.Join(dir, "home")}
	for _, folder := range []string{"home", "run", "home/.config", "home/.local/share", "home/.cache"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	d.env = []string{
		"PATH=" + os.Getenv("PATH"), "LANG=en_US.UTF-8", "LANGUAGE=en", "TZ=UTC", "TERM=dumb",
		"HOME=" + d.Home, "USER=tester", "SHELL=/bin/sh",
		"XDG_RUNTIME_DIR=" + filepath.Join(dir, "run"),
		"XDG_CONFIG_HOME=" + filepath.Join(d.Home, ".config"),
		"XDG_DATA_HOME=" + filepath.Join(d.Home, ".local/share"),
		"XDG_CACHE_HOME=" + filepath.Join(d.Home, ".cache"),
		"GORACE=halt_on_error=1 exitcode=66",
	}
	if o.Screen {
		d.startScreen()
	}
	if o.Keyring != NoBus {
		d.startBus()
	}
	if o.Keyring == Unlocked {
		d.startKeyring()
	}
	if o.Browser {
		d.installBrowser()
	}
	return d
}

// Env is the session's environment with more set in it; a later setting of the
// same name wins.
func (d *Desktop) Env(more ...string) []string {
	return slices.Concat(d.env, more)
}

// Without is the session's environment without the named variables.
func (d *Desktop) Without(names ...string) []string {
	return slices.DeleteFunc(d.Env(), func(setting string) bool {
		name, _, _ := strings.Cut(setting, "=")
		return slices.Contains(names, name)
	})
}

func (d *Desktop) set(name, value string) { d.env = append(d.env, name+"="+value) }

// need finds a program that the session is made of.
func (d *Desktop) need(program string) string {
	d.t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		d.t.Fatalf("%s is missing on this machine: run scripts/setup test", program)
	}
	return path
}

// until asks again and again, without haste, until ready says yes. It is for
// what other programs do and give no signal for.
func (d *Desktop) until(limit time.Duration, what string, ready func() bool) {
	d.t.Helper()
	if !Eventually(limit, ready) {
		d.t.Fatalf("%s: still not so after %s", what, limit)
	}
}

// Eventually asks ready about twenty times a second until it says yes or limit
// has passed, and returns what it said last.
func Eventually(limit time.Duration, ready func() bool) bool {
	ticks := time.NewTicker(50 * time.Millisecond)
	defer ticks.Stop()
	deadline := time.After(limit)
	for {
		if ready() {
			return true
		}
		select {
		case <-ticks.C:
		case <-deadline:
			return ready()
		}
	}
}

// removeAll waits out programs that still write while they end.
func removeAll(t testing.TB, dir string) {
	if !Eventually(5*time.Second, func() bool { return os.RemoveAll(dir) == nil }) {
		t.Logf("%s could not be removed", dir)
	}
}

// evidence is where the picture of a failure is kept after the session is gone.
func (d *Desktop) evidence() string {
	return filepath.Join(os.TempDir(), "waybill-"+strings.ReplaceAll(d.t.Name(), "/", "-")+".png")
}
