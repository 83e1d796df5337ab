//go:build unix

package auth

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"waybill/connection"
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
