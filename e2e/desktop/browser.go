package desktop

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	cdptarget "github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// chromium is the session's browser: not running until something opens a web
// address.
type chromium struct {
	port    int
	pidFile string
}

// installBrowser makes a Chromium the handler of web addresses, by a desktop
// file as a package would bring it, so that xdg-open starts it. It listens for
// a debugger, through which a test does what a person would.
func (d *Desktop) installBrowser() {
	d.t.Helper()
	d.browser = &chromium{port: freePort(d.t), pidFile: filepath.Join(d.dir, "browser.pid")}
	arguments := []string{"--disable-gpu", "--disable-quic", "--no-first-run", "--no-default-browser-check",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--password-store=basic",
		"--disable-features=Translate", "--lang=en-US", fmt.Sprintf("--window-position=%d,0", browserLeft), "--window-size=1200,880",
		"--remote-debugging-port=" + strconv.Itoa(d.browser.port)}
	if os.Getuid() == 0 {
		arguments = append(arguments, "--no-sandbox") // Chromium's sandbox refuses root
	}
	program, profile, home := d.chromiumPath(), filepath.Join(d.dir, "chromium"), ""
	if strings.HasPrefix(program, "/snap/") {
		// A snap sees nothing outside of its owner's home.
		own := os.Getenv("HOME")
		profile, home = filepath.Join(own, "snap/chromium/common", filepath.Base(d.dir)), "HOME="+own
		d.t.Cleanup(func() { removeAll(d.t, profile) })
	}
	wrapper := d.File("browser.sh", fmt.Sprintf("#!/bin/sh\necho $$ >%s\nexec env DBUS_SESSION_BUS_ADDRESS=\"${DBUS_SESSION_BUS_ADDRESS:-disabled:}\" %s %s --user-data-dir=%s %s \"$@\" >%s 2>&1\n",
		d.browser.pidFile, home, program, profile, strings.Join(arguments, " "), filepath.Join(d.dir, "browser.log")))
	if err := os.Chmod(wrapper, 0o700); err != nil {
		d.t.Fatal(err)
	}
	d.File("home/.local/share/applications/waybill-test-browser.desktop", "[Desktop Entry]\nType=Application\nName=Test browser\nExec="+wrapper+
		" %u\nMimeType=x-scheme-handler/http;x-scheme-handler/https;text/html;\n")
	d.File("home/.config/mimeapps.list", "[Default Applications]\nx-scheme-handler/http=waybill-test-browser.desktop\n"+
		"x-scheme-handler/https=waybill-test-browser.desktop\ntext/html=waybill-test-browser.desktop\n")
	d.t.Cleanup(d.browser.stop)
}

func (d *Desktop) chromiumPath() string {
	d.t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome-stable", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	d.t.Fatal("Chromium is missing on this machine: run scripts/setup test")
	return ""
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// stop ends the browser that the session's wrapper started, and no other.
func (c *chromium) stop() {
	text, err := os.ReadFile(c.pidFile)
	if err != nil {
		return // never started
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 1 {
		return
	}
	_ = syscall.Kill(pid, syscall.SIGTERM)
	if !Eventually(5*time.Second, func() bool { return syscall.Kill(pid, 0) != nil }) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// BrowserStarted reports whether anything opened the browser in this session.
func (d *Desktop) BrowserStarted() bool {
	_, err := os.Stat(d.browser.pidFile)
	return err == nil
}

// target is a page as the debugger lists it.
type target struct {
	ID   string `json:"id"`
	Type string `json:"type"`
	URL  string `json:"url"`
}

func (c *chromium) targets() []target {
	client := http.Client{Timeout: 2 * time.Second}
	answer, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/json/list", c.port))
	if err != nil {
		return nil
	}
	defer answer.Body.Close()
	var all []target
	if json.NewDecoder(io.LimitReader(answer.Body, 1<<20)).Decode(&all) != nil {
		return nil
	}
	return all
}

// Page is a page of the browser that something else opened.
type Page struct {
	d   *Desktop
	id  string
	ctx context.Context
}

// Page waits until a page whose address contains part is open, and takes hold
// of it.
func (d *Desktop) Page(part string, limit time.Duration) *Page {
	d.t.Helper()
	var id string
	d.until(limit, "the browser shows "+part, func() bool {
		for _, page := range d.browser.targets() {
			if page.Type == "page" && strings.Contains(page.URL, part) {
				id = page.ID
				return true
			}
		}
		return false
	})
	allocator, stop := chromedp.NewRemoteAllocator(d.t.Context(), fmt.Sprintf("ws://127.0.0.1:%d", d.browser.port))
	d.t.Cleanup(stop)
	var ctx context.Context
	var err error
	if !Eventually(limit, func() bool { // between two documents a page cannot be taken hold of
		var cancel context.CancelFunc
		ctx, cancel = chromedp.NewContext(allocator, chromedp.WithTargetID(cdptarget.ID(id)))
		d.t.Cleanup(cancel)
		// The first run makes the connection, which lives as long as its context:
		// the page's own, not one with a limit.
		err = chromedp.Run(ctx)
		return err == nil
	}) {
		d.t.Fatalf("no hold of the page: %v", err)
	}
	return &Page{d, id, ctx}
}

// Do carries out actions on the page within half a minute.
func (p *Page) Do(actions ...chromedp.Action) {
	p.d.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		p.d.t.Fatalf("the browser: %v", err)
	}
}

// Await waits until the page shows what the CSS selector names.
func (p *Page) Await(selector string) {
	p.d.t.Helper()
	p.read(chromedp.WaitVisible(selector, chromedp.ByQuery))
}

// Text is all text on the page.
func (p *Page) Text() string {
	p.d.t.Helper()
	var text string
	p.read(chromedp.Text("body", &text, chromedp.ByQuery))
	return text
}

// read looks at the page within half a minute. Between two documents there is
// nothing to look at and the browser says so at once; looking changes nothing,
// so it looks again, which Do must not.
func (p *Page) read(action chromedp.Action) {
	p.d.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 30*time.Second)
	defer cancel()
	var err error
	if !Eventually(30*time.Second, func() bool { err = chromedp.Run(ctx, action); return err == nil || ctx.Err() != nil }) || err != nil {
		p.d.t.Fatalf("the browser: %v", err)
	}
}

// Host is the host and port of the page's address. The browser is asked, not a
// script in the page, which has no place to run between two documents; for a
// moment the browser has no address either.
func (p *Page) Host() string {
	p.d.t.Helper()
	var host string
	p.d.until(30*time.Second, "the browser says where its page is", func() bool {
		for _, page := range p.d.browser.targets() {
			if at, err := url.Parse(page.URL); page.ID == p.id && err == nil {
				host = at.Host
			}
		}
		return host != ""
	})
	return host
}

// AwaitAway waits until the page's address has another host.
func (p *Page) AwaitAway(host string, limit time.Duration) {
	p.d.t.Helper()
	p.d.until(limit, "the browser has left "+host, func() bool { return p.Host() != host })
}

// CloseBrowser closes the browser as a person does who closes its window.
func (p *Page) CloseBrowser() {
	p.d.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 10*time.Second)
	defer cancel()
	_ = chromedp.Run(ctx, browser.Close())
	p.d.browser.stop()
	_ = os.Remove(p.d.browser.pidFile) // so that a later start is noticed
}
