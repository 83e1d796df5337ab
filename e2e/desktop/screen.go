package desktop

import (
	"bufio"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The screen is wide enough for the app's window and the browser's beside it,
// so that neither hides the other.
const (
	screenWidth, screenHeight = 2560, 900
	browserLeft               = 1300
)

// startScreen starts an X server without a monitor on a free display.
func (d *Desktop) startScreen() {
	d.t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		d.t.Fatal(err)
	}
	defer read.Close()
	server := exec.Command(d.need("Xvfb"), "-displayfd", "3", "-screen", "0", fmt.Sprintf("%dx%dx24", screenWidth, screenHeight), "-nolisten", "tcp")
	server.ExtraFiles = []*os.File{write}
	if err := server.Start(); err != nil {
		d.t.Fatalf("Xvfb cannot be started: %v", err)
	}
	write.Close()
	d.t.Cleanup(func() {
		_ = server.Process.Signal(os.Interrupt)
		_ = server.Wait()
	})
	_ = read.SetReadDeadline(time.Now().Add(20 * time.Second))
	number, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		d.t.Fatalf("Xvfb did not say its display: %v", err)
	}
	d.screen = ":" + strings.TrimSpace(number)
	d.set("DISPLAY", d.screen)
}

// File writes a file that only this session sees and returns its path.
func (d *Desktop) File(name, text string) string {
	d.t.Helper()
	path := filepath.Join(d.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
	return path
}

// Window is a top-level window by its X id.
type Window struct {
	d  *Desktop
	id string
	x  *xConnection
}

// Window waits for a visible window whose title contains title, moves it to the
// left edge and gives it the keyboard, as clicking on its title bar would.
func (d *Desktop) Window(title string, limit time.Duration) *Window {
	d.t.Helper()
	w := &Window{d: d, x: d.connect()}
	d.until(limit, "a window titled "+strconv.Quote(title)+" is on the screen", func() bool {
		found := d.Run(d.Env(), d.need("xdotool"), "search", "--onlyvisible", "--name", title)
		w.id, _, _ = strings.Cut(strings.TrimSpace(found.Stdout), "\n")
		return w.id != ""
	})
	w.xdotool("windowmove", w.id, "0", "0")
	w.xdotool("windowfocus", w.id)
	return w
}

// Windows counts the visible windows whose title contains title.
func (d *Desktop) Windows(title string) int {
	d.t.Helper()
	found := d.Run(d.Env(), d.need("xdotool"), "search", "--onlyvisible", "--name", title)
	return len(strings.Fields(found.Stdout))
}

func (w *Window) xdotool(args ...string) {
	w.d.t.Helper()
	if r := w.d.Run(w.d.Env(), w.d.need("xdotool"), args...); r.Code != 0 {
		w.d.t.Fatalf("xdotool %s: %s", strings.Join(args, " "), r.Stderr)
	}
}

// Focused reports whether the window has the keyboard.
func (w *Window) Focused() bool {
	w.d.t.Helper()
	return strings.TrimSpace(w.d.Run(w.d.Env(), w.d.need("xdotool"), "getwindowfocus").Stdout) == w.id
}

// Title is what the window's title bar says.
func (w *Window) Title() string {
	w.d.t.Helper()
	return strings.TrimSpace(w.d.Run(w.d.Env(), w.d.need("xdotool"), "getwindowname", w.id).Stdout)
}

// Click presses the first mouse button at a place in the window.
func (w *Window) Click(at image.Point) {
	w.d.t.Helper()
	w.xdotool("mousemove", "--window", w.id, strconv.Itoa(at.X), strconv.Itoa(at.Y))
	w.xdotool("click", "1")
}

// Type types text.
func (w *Window) Type(text string) {
	w.d.t.Helper()
	w.xdotool("type", "--delay", "20", text)
}

// Key presses a key by its X name, such as "Return" or "ctrl+q".
func (w *Window) Key(name string) {
	w.d.t.Helper()
	w.xdotool("key", name)
}
