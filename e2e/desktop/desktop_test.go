package desktop

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

func TestAWebAddressOpensInTheSessionsOwnBrowser(t *testing.T) {
	var posted atomic.Value
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if r.Method == http.MethodPost {
			posted.Store(r.PostFormValue("word"))
			fmt.Fprint(w, "<title>Thanks</title><h1 class=thanks>Thank you very much</h1>")
			return
		}
		fmt.Fprint(w, `<title>A question</title><h1>Please enter something</h1><form method=post><input name=word><button>Send</button></form>`)
	}))
	t.Cleanup(site.Close)

	d := New(t, Options{Screen: true, Browser: true})
	if d.BrowserStarted() {
		t.Fatal("the browser runs before anything opened it")
	}
	d.Start(d.Env(), d.need("xdg-open"), site.URL+"/ask")
	page := d.Page("/ask", 30*time.Second)
	page.Do(chromedp.SendKeys("input", "marmalade", chromedp.ByQuery), chromedp.Click("button", chromedp.ByQuery))
	page.Await("h1.thanks")
	if got := posted.Load(); got != "marmalade" {
		t.Fatalf("the form was posted with %v", got)
	}
	if text := page.Text(); !strings.Contains(text, "Thank you") {
		t.Fatalf("the page says %q", text)
	}
	page.CloseBrowser()
}

// A page that goes on to the next document again and again is read all the
// same: between two documents there is nothing to read for a moment.
func TestAPageThatIsOnItsWayIsRead(t *testing.T) {
	const documents = 150
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		if n == documents {
			fmt.Fprint(w, `<h1 class=last>Arrived</h1>`)
			return
		}
		fmt.Fprintf(w, `<h1>On the way</h1><script>setTimeout(() => location.replace("/walk?n=%d"), 40)</script>`, n+1)
	}))
	t.Cleanup(site.Close)
	d := New(t, Options{Screen: true, Browser: true})
	d.Start(d.Env(), d.need("xdg-open"), site.URL+"/walk")
	page := d.Page("/walk", 30*time.Second)
	host := strings.TrimPrefix(site.URL, "http://")
	reads := 0
	for text := ""; !strings.Contains(text, "Arrived"); reads++ {
		if text = page.Text(); page.Host() != host {
			t.Fatalf("after %d reads the page is at %q", reads, page.Host())
		}
	}
	t.Logf("read %d times on the way", reads)
	page.Await("h1.last")
	page.CloseBrowser()
}

func TestTheKeyringIsPrivateAndUnlocked(t *testing.T) {
	d := New(t, Options{Keyring: Unlocked})
	locked := d.Run(d.Env(), d.need("dbus-send"), "--session", "--print-reply", "--dest=org.freedesktop.secrets", "/org/freedesktop/secrets/aliases/default",
		"org.freedesktop.DBus.Properties.Get", "string:org.freedesktop.Secret.Collection", "string:Locked")
	if !strings.Contains(locked.Stdout, "boolean false") {
		t.Fatalf("the keyring is not there or locked: %s%s", locked.Stdout, locked.Stderr)
	}
	items := d.Run(d.Env(), d.need("dbus-send"), "--session", "--print-reply", "--dest=org.freedesktop.secrets", "/org/freedesktop/secrets/aliases/default",
		"org.freedesktop.DBus.Properties.Get", "string:org.freedesktop.Secret.Collection", "string:Items")
	if strings.Contains(items.Stdout, "object path \"/") {
		t.Fatalf("the keyring is not empty: %s", items.Stdout)
	}
}

func TestWordsAreFoundDespiteALetterReadWrong(t *testing.T) {
	table := "5\t1\t1\t1\t1\t1\t20\t20\t40\t20\t90\tRotate\n5\t1\t1\t1\t1\t2\t80\t20\t40\t20\t90\tthe\n5\t1\t1\t1\t1\t3\t140\t20\t40\t20\t90\tstaglng\n5\t1\t1\t2\t1\t1\t20\t200\t40\t20\t90\tkeys\n"
	r := parseTSV(table)
	if box, ok := r.Find("rotate the staging"); !ok || box.Min.X != 10 || box.Max.X != 90 {
		t.Fatalf("found %v at %v", ok, box)
	}
	if _, ok := r.Find("staging keys"); ok {
		t.Fatal("words on different lines are no phrase")
	}
	if _, ok := r.Find("ripe"); ok {
		t.Fatal("a word that is not there was found")
	}
}
