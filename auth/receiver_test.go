//go:build unix

package auth

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"waybill/connection"
	"waybill/fault"
	"waybill/secret"
)

const testState = "state-0123456789abcdefghijklmnopqrstuvwxyz-canary"

// startReceiver listens on any port of 127.0.0.1.
func startReceiver(t *testing.T) *receiver {
	t.Helper()
	c, err := listen(connection.Redirect{Host: "127.0.0.1", Path: "/callback"}, secret.New(testState), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	return c
}

func (c *receiver) addr() string {
	return net.JoinHostPort(c.redirect.Host, strconv.Itoa(c.redirect.Port))
}

// reply is what came back for raw bytes, status 0 if the connection was closed
// without an answer.
type reply struct {
	status int
	header http.Header
	body   string
	head   string
}

// send writes raw bytes to the receiver and reads the one answer.
func send(t *testing.T, c *receiver, raw string) reply {
	t.Helper()
	conn, err := net.Dial("tcp", c.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	go func() { _, _ = io.WriteString(conn, raw) }() // the receiver may stop reading before the end
	var all bytes.Buffer
	_, _ = io.Copy(&all, conn)
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(all.Bytes())), nil)
	if err != nil {
		return reply{head: all.String()}
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	head, _, _ := strings.Cut(all.String(), "\r\n\r\n")
	return reply{resp.StatusCode, resp.Header, string(body), head}
}

// get sends a GET with extra header lines.
func get(t *testing.T, c *receiver, target string, extra ...string) reply {
	t.Helper()
	return send(t, c, "GET "+target+" HTTP/1.1\r\nHost: "+c.addr()+"\r\n"+strings.Join(append(extra, "", ""), "\r\n"))
}

func good(parameters string) string { return "/callback?" + parameters + "&state=" + testState }

// pending checks that the sign-in still waits, and that nothing was told.
func pending(t *testing.T, c *receiver, what string, r reply) {
	t.Helper()
	select {
	case <-c.answers:
		t.Fatalf("%s: taken as the answer", what)
	default:
	}
	if strings.Contains(r.head+r.body, "canary") {
		t.Errorf("%s: the answer reveals the state", what)
	}
	if r.body != "" {
		t.Errorf("%s: the answer has the body %q", what, r.body)
	}
}

// succeeds checks that the right answer is still taken.
func succeeds(t *testing.T, c *receiver) {
	t.Helper()
	if r := get(t, c, good("code=abc")); r.status != http.StatusSeeOther {
		t.Fatalf("the right answer gets %d", r.status)
	}
	select {
	case a := <-c.answers:
		if a.code.Reveal() != "abc" || a.errorCode != "" {
			t.Fatal("another answer was taken")
		}
	default:
		t.Fatal("the right answer was not taken")
	}
}

func TestS1_ListensOnLoopbackOnly(t *testing.T) {
	c := startReceiver(t)
	port := fmt.Sprintf(":%04X ", c.redirect.Port)
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		data, err := os.ReadFile(table)
		if err != nil {
			t.Skip("no table of sockets here: ", err)
		}
		for line := range strings.Lines(string(data)) {
			local := strings.Fields(line)[1]
			if strings.Contains(line, port) && strings.HasSuffix(local+" ", port) && !strings.HasPrefix(local, "0100007F:") {
				t.Errorf("listens at %s", local)
			}
		}
	}
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		ip, _, err := net.ParseCIDR(a.String())
		if err != nil || ip.IsLoopback() {
			continue
		}
		if conn, err := net.DialTimeout("tcp", net.JoinHostPort(ip.String(), strconv.Itoa(c.redirect.Port)), time.Second); err == nil {
			_ = conn.Close()
			t.Errorf("answers at %s", ip)
		}
	}
}

func TestS2_RedirectURIIsAnIPLiteralAndLocalhostBindsBothFamilies(t *testing.T) {
	c := startReceiver(t)
	if !regexp.MustCompile(`^http://127\.0\.0\.1:[1-9][0-9]*/callback$`).MatchString(c.redirect.String()) {
		t.Errorf("redirect URI %s", c.redirect)
	}
	both, err := listen(connection.Redirect{Host: "localhost", Path: "/callback"}, secret.New(testState), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer both.close()
	hosts := []string{"127.0.0.1", "::1"}
	if l, err := net.Listen("tcp6", "[::1]:0"); err != nil {
		hosts = hosts[:1] // no IPv6 here
	} else {
		_ = l.Close()
	}
	for _, host := range hosts {
		conn, err := net.Dial("tcp", net.JoinHostPort(host, strconv.Itoa(both.redirect.Port)))
		if err != nil {
			t.Errorf("localhost does not answer at %s: %v", host, err)
			continue
		}
		_ = conn.Close()
	}
}

func TestS3_ForeignHostIsTurnedAway(t *testing.T) {
	c := startReceiver(t)
	port := strconv.Itoa(c.redirect.Port)
	hosts := []string{"evil.example", "localhost.evil", "localhost:" + port, "127.0.0.1", "127.0.0.1.evil.example:" + port, "[::1]:" + port, "127.0.0.1:1", "127.1:" + port, ""}
	for _, host := range hosts {
		r := send(t, c, "GET "+good("code=abc")+" HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
		if r.status != http.StatusMisdirectedRequest && r.status != http.StatusBadRequest {
			t.Errorf("Host %q: %d", host, r.status)
		}
		pending(t, c, "Host "+host, r)
	}
	for what, raw := range map[string]string{
		"two Host headers": "GET " + good("code=abc") + " HTTP/1.1\r\nHost: " + c.addr() + "\r\nHost: evil.example\r\n\r\n",
		"no Host header":   "GET " + good("code=abc") + " HTTP/1.1\r\n\r\n",
		"HTTP/1.0":         "GET " + good("code=abc") + " HTTP/1.0\r\n\r\n",
	} {
		r := send(t, c, raw)
		if r.status != http.StatusMisdirectedRequest && r.status != http.StatusBadRequest {
			t.Errorf("%s: %d", what, r.status)
		}
		pending(t, c, what, r)
	}
	succeeds(t, c)
}

func TestS4_OnlyTopLevelNavigationCounts(t *testing.T) {
	c := startReceiver(t)
	refused := map[string][]string{
		"fetch with CORS":   {"Origin: https://evil.example", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty"},
		"fetch no-cors":     {"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: empty"},
		"image":             {"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"},
		"script":            {"Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: script"},
		"frame":             {"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"},
		"web socket":        {"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"},
		"old browser, CORS": {"Origin: https://evil.example"},
	}
	for what, headers := range refused {
		r := get(t, c, good("code=abc"), headers...)
		if r.status != http.StatusForbidden {
			t.Errorf("%s: %d", what, r.status)
		}
		pending(t, c, what, r)
	}
	preflight := send(t, c, "OPTIONS /callback HTTP/1.1\r\nHost: "+c.addr()+"\r\nOrigin: https://evil.example\r\nAccess-Control-Request-Method: GET\r\nAccess-Control-Request-Private-Network: true\r\n\r\n")
	if preflight.status != http.StatusMethodNotAllowed {
		t.Errorf("preflight: %d", preflight.status)
	}
	for name := range preflight.header {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("preflight is answered with %s", name)
		}
	}
	pending(t, c, "preflight", preflight)
	// What a browser sends that comes from the identity provider's form.
	r := get(t, c, good("code=abc"), "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Sec-Fetch-User: ?1", "Origin: null")
	if r.status != http.StatusSeeOther {
		t.Errorf("a real navigation gets %d", r.status)
	}
}

func TestS5_OtherPathsDoNotExist(t *testing.T) {
	c := startReceiver(t)
	query := "?code=abc&state=" + testState
	for _, target := range []string{
		"/", "/favicon.ico", "/callback", "/callback/", "/callback" + "/x" + query, "/Callback" + query, "/callbackx" + query, "/x/callback" + query,
		"/callback/../callback" + query, "//callback" + query, "/%63allback" + query, "/callback%2f" + query, "/callback;x" + query,
		"/callback/done", "/callback/not-completed", "/callback/done" + query, "http://" + c.addr() + "/callback" + query, "http://evil.example/callback" + query,
	} {
		r := get(t, c, target)
		if r.status != http.StatusNotFound && r.status != http.StatusMisdirectedRequest && r.status != http.StatusBadRequest {
			t.Errorf("%s: %d", target, r.status)
		}
		pending(t, c, target, r)
	}
	succeeds(t, c)
}

func TestS6_OtherMethodsAreRefused(t *testing.T) {
	c := startReceiver(t)
	for _, method := range []string{"POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "FOO"} {
		r := send(t, c, method+" "+good("code=abc")+" HTTP/1.1\r\nHost: "+c.addr()+"\r\nContent-Length: 0\r\n\r\n")
		if r.status != http.StatusMethodNotAllowed || r.header.Get("Allow") != "GET" {
			t.Errorf("%s: %d, Allow %q", method, r.status, r.header.Get("Allow"))
		}
		pending(t, c, method, r)
	}
	r := send(t, c, "CONNECT "+c.addr()+" HTTP/1.1\r\nHost: "+c.addr()+"\r\n\r\n")
	if r.status != http.StatusMethodNotAllowed {
		t.Errorf("CONNECT: %d", r.status)
	}
	if r := send(t, c, "OPTIONS * HTTP/1.1\r\nHost: "+c.addr()+"\r\n\r\n"); r.status != http.StatusMethodNotAllowed {
		t.Errorf("OPTIONS *: %d", r.status)
	}
	succeeds(t, c)
}

func TestS7_CallbackWithoutStateIsIgnored(t *testing.T) {
	c := startReceiver(t)
	for _, query := range []string{"code=abc", "code=abc&state=", "code=abc&State=" + testState} {
		r := get(t, c, "/callback?"+query)
		if r.status != http.StatusBadRequest {
			t.Errorf("%s: %d", query, r.status)
		}
		pending(t, c, query, r)
	}
	succeeds(t, c)
}

func TestS8_ThousandWrongStatesAreIgnored(t *testing.T) {
	c := startReceiver(t)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for i := range 1000 {
		resp, err := client.Get(fmt.Sprintf("http://%s/callback?code=abc&state=%s%d", c.addr(), testState[:len(testState)-3], i%100))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Fatalf("attempt %d: %d", i, resp.StatusCode)
		}
	}
	pending(t, c, "wrong states", reply{})
	succeeds(t, c)
}

func TestS9_ErrorNeedsTheRightState(t *testing.T) {
	c := startReceiver(t)
	for _, query := range []string{"error=access_denied", "error=access_denied&state=wrong"} {
		r := get(t, c, "/callback?"+query)
		if r.status != http.StatusBadRequest {
			t.Errorf("%s: %d", query, r.status)
		}
		pending(t, c, query, r)
	}
	r := get(t, c, good("error=access_denied&error_description=no+such+luck"))
	if r.status != http.StatusSeeOther || r.header.Get("Location") != "/callback/not-completed" {
		t.Errorf("with the right state: %d, %s", r.status, r.header.Get("Location"))
	}
	if a := <-c.answers; a.errorCode != "access_denied" || a.words != "no such luck" || !a.code.Empty() {
		t.Errorf("taken as %+v", a)
	}
}

func TestS10_AmbiguousCallbacksAreRefused(t *testing.T) {
	c := startReceiver(t)
	for _, query := range []string{
		"code=a&code=b&state=" + testState, "code=a&state=" + testState + "&state=" + testState, "code=a&state=wrong&state=" + testState,
		"code=a&iss=x&iss=x&state=" + testState, "code=a&error=access_denied&state=" + testState, "code=a&error=&state=" + testState,
		"code[]=a&state=" + testState, "code[0]=a&state=" + testState, "code=a;state=" + testState, "code=a&state=" + testState + ";x=y",
		"code=a&co%64e=b&state=" + testState, "code=&state=" + testState, "state=" + testState, "error=&state=" + testState,
		"x=1&x=2&code=a&state=" + testState,
	} {
		r := get(t, c, "/callback?"+query)
		if r.status != http.StatusBadRequest {
			t.Errorf("%s: %d", query, r.status)
		}
		pending(t, c, query, r)
	}
	succeeds(t, c)
}

func TestS11_SameCallbackTwiceGetsTheSamePageAndCountsOnce(t *testing.T) {
	c := startReceiver(t)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if r := get(t, c, good("code=abc&iss=x")); r.status != http.StatusSeeOther || r.header.Get("Location") != "/callback/done" {
				t.Errorf("%d %s", r.status, r.header.Get("Location"))
			}
		})
	}
	wg.Wait()
	<-c.answers
	pending(t, c, "the same again", reply{})
}

func TestS12_SecondCallbackWithAnotherCodeIsRefused(t *testing.T) {
	c := startReceiver(t)
	succeeds(t, c)
	for _, query := range []string{"code=other", "error=access_denied", "code=abc&iss=x"} {
		r := get(t, c, good(query))
		if r.status != http.StatusBadRequest {
			t.Errorf("%s: %d", query, r.status)
		}
		pending(t, c, query, r)
	}
}

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
