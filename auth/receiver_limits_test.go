//go:build unix

package auth

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"waybill/connection"
	"waybill/fault"
	"waybill/secret"
)

func TestS15_OversizedAndMalformedRequestsAreRefused(t *testing.T) {
	c := startReceiver(t)
	many := strings.Repeat("a=1&", 10_000)
	cases := map[string]string{
		"64 kB query":    "GET " + good("code=a&x="+strings.Repeat("y", 64<<10)) + " HTTP/1.1\r\nHost: " + c.addr() + "\r\n\r\n",
		"9 kB query":     "GET " + good("code=a&x="+strings.Repeat("y", 9<<10)) + " HTTP/1.1\r\nHost: " + c.addr() + "\r\n\r\n",
		"2 MB headers":   "GET " + good("code=a") + " HTTP/1.1\r\nHost: " + c.addr() + "\r\nX: " + strings.Repeat("y", 2<<20) + "\r\n\r\n",
		"10k parameters": "GET /callback?" + many + "code=a&state=" + testState + " HTTP/1.1\r\nHost: " + c.addr() + "\r\n\r\n",
		"bad escape":     "GET " + good("code=%zz") + " HTTP/1.1\r\nHost: " + c.addr() + "\r\n\r\n",
		"cut escape":     "GET " + good("code=%e") + " HTTP/1.1\r\nHost: " + c.addr() + "\r\n\r\n",
		"NUL":            "GET " + good("code=a%00") + " HTTP/1.1\r\nHost: " + c.addr() + "\r\n\r\n",
		"raw NUL":        "GET " + good("code=a\x00") + " HTTP/1.1\r\nHost: " + c.addr() + "\r\n\r\n",
		"line end":       "GET " + good("code=a%0d%0aSet-Cookie:x") + " HTTP/1.1\r\nHost: " + c.addr() + "\r\n\r\n",
		"invalid UTF-8":  "GET " + good("code=%ff%fe") + " HTTP/1.1\r\nHost: " + c.addr() + "\r\n\r\n",
		"garbage":        "\x16\x03\x01\x02\x00 not http\r\n\r\n",
		"HTTP/2 preface": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"smuggling":      "GET " + good("code=a") + " HTTP/1.1\r\nHost: " + c.addr() + "\r\nContent-Length: 5\r\nTransfer-Encoding: x\r\n\r\nabcde",
	}
	for what, raw := range cases {
		r := send(t, c, raw)
		if r.status != 0 && (r.status < 400 || r.status > 505) {
			t.Errorf("%s: %d", what, r.status)
		}
		pending(t, c, what, r)
	}
	succeeds(t, c)
}

func TestS16_SlowConnectionsDoNotKeepTheBrowserOut(t *testing.T) {
	c := startReceiver(t)
	var slow []net.Conn
	for range 200 {
		conn, err := net.Dial("tcp", c.addr())
		if err != nil {
			t.Fatal(err)
		}
		slow = append(slow, conn)
		_, _ = io.WriteString(conn, "G")
	}
	start := time.Now()
	succeeds(t, c)
	if took := time.Since(start); took > time.Second {
		t.Errorf("the real callback took %v", took)
	}
	start = time.Now()
	c.close()
	if took := time.Since(start); took > time.Second {
		t.Errorf("closing took %v", took)
	}
	open := 0
	for _, conn := range slow {
		_ = conn.SetReadDeadline(time.Now().Add(time.Second))
		if _, err := conn.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
			open++
		}
		_ = conn.Close()
	}
	if open > 0 {
		t.Errorf("%d connections are still open", open)
	}
	if c.server.ReadHeaderTimeout <= 0 || c.server.ReadHeaderTimeout > 5*time.Second {
		t.Errorf("headers may take %v", c.server.ReadHeaderTimeout)
	}
}

func TestS16_AtMost32ConnectionsAreHeld(t *testing.T) {
	crowd := &crowd{}
	var peers []net.Conn
	for range 100 {
		ours, peer := net.Pipe()
		peers = append(peers, peer)
		crowd.enter(&receiverConn{Conn: ours, crowd: crowd})
	}
	if len(crowd.conns) != maxConns {
		t.Errorf("%d are held", len(crowd.conns))
	}
	open := 0
	for _, peer := range peers {
		_ = peer.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		if _, err := peer.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
			open++
		}
	}
	if open != maxConns {
		t.Errorf("%d are open", open)
	}
}

func TestS17_TakenPortIsNamed(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	for _, host := range []string{"127.0.0.1", "localhost"} {
		_, err = listen(connection.Redirect{Host: host, Port: port, Path: "/callback"}, secret.New(testState), nil)
		f := fault.As(err)
		if f == nil || f.Code != "port_in_use" || f.Kind != fault.Config || !strings.Contains(f.Message, "port "+strconv.Itoa(port)) || f.Remedy == "" {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestS18_PortHeldOnAllInterfacesOrWithReusePortIsRefused(t *testing.T) {
	reuse := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
		})
	}}
	for what, address := range map[string]string{"all interfaces": "0.0.0.0:0", "the same address": "127.0.0.1:0"} {
		thief, err := reuse.Listen(t.Context(), "tcp4", address)
		if err != nil {
			t.Fatal(err)
		}
		c, err := listen(connection.Redirect{Host: "127.0.0.1", Port: thief.Addr().(*net.TCPAddr).Port, Path: "/callback"}, secret.New(testState), nil)
		if err == nil {
			c.close()
			t.Errorf("%s: bound beside another program", what)
		}
		_ = thief.Close()
	}
	c := startReceiver(t)
	if thief, err := reuse.Listen(t.Context(), "tcp4", c.addr()); err == nil {
		_ = thief.Close()
		t.Error("another program could bind beside us")
	}
}

func TestS19_PortRefusesOnceClosed(t *testing.T) {
	c := startReceiver(t)
	c.close()
	c.close()
	if conn, err := net.Dial("tcp", c.addr()); err == nil {
		_ = conn.Close()
		t.Error("the port still answers")
	}
}

func TestS21_ResultPageShowsNothingThatCameIn(t *testing.T) {
	nasty := url.QueryEscape("<script>alert(1)</script>\u202e\"'&")
	c := startReceiver(t)
	r := get(t, c, good("error=access_denied"+nasty+"&error_description="+nasty+"&error_uri="+nasty))
	if r.status != http.StatusSeeOther || r.header.Get("Location") != "/callback/not-completed" || r.body != "" {
		t.Fatalf("%d %s %q", r.status, r.header.Get("Location"), r.body)
	}
	page := get(t, c, "/callback/not-completed")
	if page.status != http.StatusOK || page.body != string(finalPage(true)) {
		t.Errorf("%d, %d bytes", page.status, len(page.body))
	}
	if r := get(t, c, "/callback/done"); r.status != http.StatusNotFound {
		t.Errorf("the page of a success exists after a refusal: %d", r.status)
	}
}

func TestS22_EveryAnswerHasStrictHeaders(t *testing.T) {
	c := startReceiver(t)
	answers := map[string]reply{
		"not found":      get(t, c, "/"),
		"wrong state":    get(t, c, "/callback?code=a&state=b"),
		"wrong host":     send(t, c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		"wrong method":   send(t, c, "POST /callback HTTP/1.1\r\nHost: "+c.addr()+"\r\nContent-Length: 0\r\n\r\n"),
		"unreadable":     send(t, c, "nonsense\r\n\r\n"),
		"too large":      send(t, c, "GET / HTTP/1.1\r\nX: "+strings.Repeat("x", 64<<10)+"\r\n\r\n"),
		"cross-site":     get(t, c, good("code=abc"), "Sec-Fetch-Mode: cors"),
		"accepted":       get(t, c, good("code=abc")),
		"result page":    get(t, c, "/callback/done"),
		"another answer": get(t, c, good("code=other")),
	}
	for what, r := range answers {
		if r.status == 0 {
			t.Errorf("%s: no answer: %q", what, r.head)
			continue
		}
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
		} {
			if got := r.header.Get(name); got != want {
				t.Errorf("%s (%d): %s is %q", what, r.status, name, got)
			}
		}
		csp := r.header.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none'; style-src 'sha256-") || !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("%s: policy %q", what, csp)
		}
		for _, name := range []string{"Server", "Set-Cookie", "Access-Control-Allow-Origin"} {
			if r.header.Get(name) != "" {
				t.Errorf("%s: has %s", what, name)
			}
		}
	}
}

func TestS22_PagesLoadNothingAndFitTheirPolicy(t *testing.T) {
	for _, refused := range []bool{false, true} {
		page := string(finalPage(refused))
		for _, bad := range []string{"http:", "https:", "//", "src=", "href=", "<script", "style=", "url(", "@import", "onload"} {
			if strings.Contains(page, bad) {
				t.Errorf("the page holds %q", bad)
			}
		}
		if !strings.Contains(page, "<style>"+pageStyle+"</style>") {
			t.Error("the style sheet is not the one that its policy names")
		}
		if !strings.Contains(page, "You can close this tab and go back to Waybill.") || !strings.Contains(page, "prefers-color-scheme: dark") {
			t.Error("the page lacks its sentence or its dark colours")
		}
		if rest := strings.Replace(page, pageStyle, "", 1); strings.ContainsAny(rest, "{}") {
			t.Error("a placeholder was left")
		}
	}
}

func TestS23_BrowserEndsAtAnAddressWithoutTheCode(t *testing.T) {
	c := startReceiver(t)
	resp, err := http.Get("http://" + c.addr() + good("code=abc"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Request.URL.String(); got != "http://"+c.addr()+"/callback/done" || resp.StatusCode != http.StatusOK {
		t.Errorf("ends at %s, %d", got, resp.StatusCode)
	}
}

// Another user of this computer can reach the port, but without the state
// neither finishes nor ends the sign-in.
func TestS24_OtherUserCannotFinishOrEndTheSignIn(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can act as another user")
	}
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed")
	}
	c := startReceiver(t)
	for _, query := range []string{"code=evil&state=guess", "error=access_denied", "error=access_denied&state=guess", ""} {
		command := exec.CommandContext(t.Context(), curl, "-s", "-o", "/dev/null", "-w", "%{http_code}", "http://"+c.addr()+"/callback?"+query)
		command.Dir, command.Env = "/", []string{"PATH=/usr/bin:/bin"}
		command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		out, err := command.Output()
		if err != nil || string(out) != "400" {
			t.Errorf("%s: %s, %v", query, out, err)
		}
		pending(t, c, query, reply{})
	}
	succeeds(t, c)
}

func FuzzCallbackQuery(f *testing.F) {
	for _, seed := range []string{
		"code=a&state=b", "error=access_denied&error_description=x+y&state=b&iss=https%3A%2F%2Fidp.example", "code=a&code=b&state=c", "%zz", "a=1;b=2", "code[]=1", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		answer, state, ok := parseCallback(query)
		if !ok {
			return
		}
		// What we take, the standard library reads the same way, and in no
		// other.
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatalf("%q: %v", query, err)
		}
		for name, all := range values {
			if len(all) != 1 {
				t.Fatalf("%q: %s is there %d times", query, name, len(all))
			}
		}
		if values.Get("state") != state || values.Get("code") != answer.code.Reveal() || values.Get("error") != answer.errorCode ||
			values.Get("iss") != answer.issuer || values.Has("iss") != answer.hasIssuer || values.Get("error_description") != answer.words {
			t.Fatalf("%q is read in two ways", query)
		}
		if state == "" || answer.code.Empty() == (answer.errorCode == "") {
			t.Fatalf("%q: neither or both", query)
		}
	})
}
