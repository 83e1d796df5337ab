package peers

import (
	"bytes"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"waybill/e2e/desktop"
	"waybill/e2e/program"
)

// checkpoint lets requests through to a server that knows no tokens, if the
// playground's MCP server would take their token. It notes the methods of the
// messages that it lets through, and tools by their names.
type checkpoint struct {
	*httptest.Server
	mu   sync.Mutex
	seen []string
	bad  int // requests with a token that was not taken
}

// newCheckpoint stands before the server at inner and takes the tokens of judge.
func newCheckpoint(t *testing.T, inner, judge string) *checkpoint {
	t.Helper()
	target, err := url.Parse(inner)
	if err != nil {
		t.Fatal(err)
	}
	c := &checkpoint{}
	forward := &httputil.ReverseProxy{FlushInterval: -1, ErrorLog: log.New(io.Discard, "", 0), Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Header.Del("Authorization") // a token goes no further than to whom it is for
	}}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ask, err := http.NewRequestWithContext(r.Context(), http.MethodGet, judge, nil)
		if err != nil {
			t.Error(err)
			return
		}
		ask.Header.Set("Authorization", r.Header.Get("Authorization"))
		judged, err := http.DefaultClient.Do(ask)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		judged.Body.Close()
		if judged.StatusCode != http.StatusMethodNotAllowed { // it takes only POST, from whoever may
			c.mu.Lock()
			c.bad++
			c.mu.Unlock()
			w.Header().Set("WWW-Authenticate", judged.Header.Get("WWW-Authenticate"))
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		c.note(r)
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *checkpoint) note(r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	var m struct {
		Method string
		Params struct{ Name string }
	}
	_ = json.Unmarshal(body, &m)
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.Method == "" {
		m.Method = r.Method
	}
	c.seen = append(c.seen, m.Method, m.Params.Name)
}

// saw reports whether a method, or a tool's name, came through.
func (c *checkpoint) saw(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Contains(c.seen, name)
}

// everything starts npm's server-everything and returns its address.
func everything(t *testing.T, d *desktop.Desktop) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	l.Close()
	p := d.Start(d.Env("PORT="+port), node(t), here(t, "node_modules/@modelcontextprotocol/server-everything/dist/index.js"), "streamableHttp")
	if !desktop.Eventually(time.Minute, func() bool { return strings.Contains(p.Stderr.String(), "listening") || !p.Running() }) || !p.Running() {
		t.Fatalf("server-everything did not start:\n%s%s", p.Stdout, p.Stderr)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("server-everything said:\n%s%s", p.Stdout, p.Stderr)
		}
	})
	return "http://127.0.0.1:" + port
}

// explorer is the program, signed in to server-everything behind a checkpoint.
type explorer struct {
	*program.Waybill
	t          *testing.T
	file       string
	checkpoint *checkpoint
}

func newExplorer(t *testing.T) *explorer {
	t.Helper()
	d := desktop.New(t, desktop.Options{Keyring: desktop.Unlocked})
	at, _ := program.In(t, d, program.Headless, "WAYBILL_HOME="+t.TempDir()).Playground()
	gate := newCheckpoint(t, everything(t, d), at.MCP)
	file := at.MCPConnection("everything", gate.URL+"/mcp").File(t)
	waybill := program.In(t, d, program.Headless, append(at.MCPSecrets(), "WAYBILL_HOME="+t.TempDir())...)
	if r := waybill.Browsing([]string{"email=grace@example.com", "code=123456"}, "sign-in", "--no-browser", "--accept", "--connection-file", file); r.Code != 0 {
		t.Fatalf("sign-in ended with %d:\n%s", r.Code, r.Stderr)
	}
	return &explorer{waybill, t, file, gate}
}

func (e *explorer) mcp(args ...string) desktop.Result {
	e.t.Helper()
	return e.Command(append([]string{"mcp", "--connection-file", e.file}, args...)...)
}

// shows runs a command that has to work, and whose output holds these.
func (e *explorer) shows(want []string, args ...string) desktop.Result {
	e.t.Helper()
	r := e.mcp(args...)
	if r.Code != 0 {
		e.t.Fatalf("%q ended with %d:\n%s%s", args, r.Code, r.Stdout, r.Stderr)
	}
	for _, text := range want {
		if !strings.Contains(r.Stdout, text) {
			e.t.Errorf("%q does not show %q:\n%s%s", args, text, r.Stdout, r.Stderr)
		}
	}
	return r
}

// tool and part are what mcp tools and mcp call print for a program.
type (
	tool struct {
		Name     string
		Warnings []string
	}
	part struct {
		Kind string
		Data []byte
	}
)

// Issue 6, 1: everything that a server which we did not write offers can be seen
// and used.
func TestTheEverythingServerIsExploredByTheRealProgram(t *testing.T) {
	e := newExplorer(t)
	e.shows([]string{"protocol", "2025-11-25", "tools, resources, subscriptions, prompts"}, "info")
	e.shows([]string{"echo", "get-sum", "get-tiny-image", "trigger-long-running-operation"}, "tools")
	tools := program.JSON[[]tool](t, e.mcp("tools", "--json"))
	for _, tool := range tools {
		if len(tool.Warnings) > 0 {
			t.Errorf("%s: %v", tool.Name, tool.Warnings)
		}
		for _, never := range []string{"sampling", "elicitation", "roots"} {
			if strings.Contains(tool.Name, never) {
				t.Errorf("S82: %s is offered, so the server believes that we offer %s", tool.Name, never)
			}
		}
	}

	e.shows([]string{"Echo: hello"}, "call", "echo", "--arg", "message=hello")
	e.shows([]string{"42"}, "call", "get-sum", "--args", `{"a": 2}`, "--arg", "b=40")
	if r := e.mcp("call", "get-sum", "--arg", "a=two", "--arg", "b=1"); r.Code != 1 || !strings.Contains(r.Stderr, "a: Write a number") || !strings.Contains(r.Stderr, "Nothing was sent") {
		t.Errorf("status %d:\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	weather := e.shows([]string{"temperature", "conditions", "humidity"}, "call", "get-structured-content", "--arg", "location=Chicago", "--json")
	if strings.Contains(weather.Stderr, "Note:") || !json.Valid([]byte(weather.Stdout)) {
		t.Errorf("%s%s", weather.Stdout, weather.Stderr)
	}
	parts := program.JSON[[]part](t, e.mcp("call", "get-tiny-image", "--json"))
	if i := slices.IndexFunc(parts, func(p part) bool { return p.Kind == "image" }); i < 0 || !bytes.HasPrefix(parts[i].Data, []byte("\x89PNG")) {
		t.Errorf("no picture in %d parts", len(parts))
	}
	e.shows([]string{"[image image/png"}, "call", "get-tiny-image")
	e.shows([]string{"demo://resource/dynamic/text/1"}, "call", "get-resource-reference", "--arg", "resourceType=Text", "--arg", "resourceId=1", "--json")
	e.shows([]string{"resource_link"}, "call", "get-resource-links", "--arg", "count=2", "--json")

	e.shows([]string{"demo://resource/static/document/"}, "resources")
	e.shows([]string{"demo://resource/dynamic/text/{resourceId}"}, "templates")
	e.shows([]string{"Resource 7"}, "read", "demo://resource/dynamic/text/{resourceId}", "--arg", "resourceId=7")
	e.shows([]string{"args-prompt", "[city*]", "[state]"}, "prompts")
	e.shows([]string{"What's weather in Ur, Sumer?"}, "prompt", "args-prompt", "--arg", "city=Ur", "--arg", "state=Sumer")
	if e.checkpoint.bad != 0 {
		t.Errorf("%d requests had a token that was not taken", e.checkpoint.bad)
	}
}

func TestTheEverythingServersProgressCancelAndUpdates(t *testing.T) {
	e := newExplorer(t)
	long := []string{"call", "trigger-long-running-operation", "--arg", "steps=4", "--arg"}
	if r := e.shows([]string{"completed"}, append(long, "duration=1")...); !strings.Contains(r.Stderr, "1 of 4\n") || !strings.Contains(r.Stderr, "4 of 4\n") {
		t.Errorf("progress: %s", r.Stderr)
	}

	stuck := e.Begin(append([]string{"mcp", "--connection-file", e.file}, append(long, "duration=40")...)...)
	if !desktop.Eventually(30*time.Second, func() bool { return strings.Contains(stuck.Stderr.String(), "1 of 4") || !stuck.Running() }) {
		t.Fatalf("no progress:\n%s", stuck.Stderr)
	}
	stuck.Interrupt()
	if r := stuck.Wait(10 * time.Second); r.Code == 0 || !strings.Contains(r.Stderr, "ancelled") {
		t.Errorf("status %d:\n%s", r.Code, r.Stderr)
	}
	if !desktop.Eventually(10*time.Second, func() bool { return e.checkpoint.saw("notifications/cancelled") }) {
		t.Error("the server was not told that the call is cancelled")
	}

	uri := "demo://resource/dynamic/text/1"
	if r := e.shows(nil, "subscribe", uri, "--count", "2", "--call", "toggle-subscriber-updates"); r.Stdout != uri+"\n"+uri+"\n" {
		t.Errorf("%s%s", r.Stdout, r.Stderr)
	}
	if !e.checkpoint.saw("resources/unsubscribe") || !e.checkpoint.saw(http.MethodDelete) {
		t.Error("the server was not told of the end")
	}
}

// The check is one: without a token, and with one for something else, nothing
// comes through.
func TestTheCheckpointLetsOnlyTheRightTokenThrough(t *testing.T) {
	e := newExplorer(t)
	before := len(e.checkpoint.seen)
	for _, token := range []string{"", "Bearer x", "Bearer eyJhbGciOiJub25lIn0.e30."} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.checkpoint.URL+"/mcp", strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"ping"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%q: %d", token, resp.StatusCode)
		}
	}
	if len(e.checkpoint.seen) != before {
		t.Error("something came through")
	}
}
