package replica

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"waybill/api"
	"waybill/connection"
	"waybill/internal/virtualnet"
	"waybill/playground"
	"waybill/playground/playgroundtest"
	"waybill/secret"
	"waybill/todo"
	"waybill/transport"
)

// The protocols over which a sync is cut.
const (
	overHTTP1 = "HTTP 1.1"
	overHTTP2 = "HTTP 2 over TLS"
	overMCP1  = "MCP over HTTP 1.1"
	overMCP2  = "MCP over HTTP 2 over TLS"
)

func kindOf(protocol string) connection.ResourceKind {
	if protocol == overMCP1 || protocol == overMCP2 {
		return connection.MCP
	}
	return connection.REST
}

// cut is where a line breaks: the byte after that many is the first one lost.
type cut struct {
	way  int // up or down
	at   int
	dead bool // no other line either until the user is told; else only this one breaks
	eof  bool // it ends in order; else it is reset
}

func (c cut) String() string {
	return fmt.Sprintf("%s byte %d, %s, %s", []string{"up", "down"}[c.way], c.at,
		map[bool]string{true: "end of stream", false: "reset"}[c.eof], map[bool]string{true: "then nothing", false: "then another line"}[c.dead])
}

// why is what the reader of the line gets to know.
func (c cut) why() error {
	if c.eof {
		return io.EOF
	}
	return &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
}

// wire is the network of one computer. It counts what goes over it in both
// directions, and may break the connection over which one of the bytes goes.
type wire struct {
	net *virtualnet.Network

	mu     sync.Mutex
	off    bool
	open   []net.Conn
	cut    *cut // yet to come
	broken bool // it has come
	passed [2]bytes.Buffer
	every  *everyCut
}

const (
	up = iota
	down
)

func (w *wire) dial(ctx context.Context, network, address string) (net.Conn, error) {
	w.mu.Lock()
	off := w.off
	w.mu.Unlock()
	if off {
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ENETUNREACH}
	}
	conn, err := w.net.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.off { // it went away in this moment
		_ = conn.Close()
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ENETUNREACH}
	}
	w.every.dialled()
	w.open = append(w.open, conn)
	return &cutConn{Conn: conn, wire: w}, nil
}

// set takes the network away or gives it back, and counts from here on; c is
// where it breaks.
func (w *wire) set(off bool, c *cut) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.off, w.cut = off, c
	if off {
		for _, conn := range w.open {
			_ = conn.Close()
		}
		w.open = nil
	}
	w.passed[up].Reset()
	w.passed[down].Reset()
}

// passes counts the bytes that go one way, and returns how many of them come
// through; if not all do, the connection has broken with the error.
func (w *wire) passes(way int, p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if left := w.every.passes(way, p); left >= 0 {
		w.off = w.every.dead
		return left, w.every.why()
	}
	c, count := w.cut, &w.passed[way]
	if c == nil || c.way != way || count.Len()+len(p) <= c.at {
		count.Write(p)
		return len(p), nil
	}
	left := c.at - count.Len()
	count.Write(p[:left])
	w.cut, w.broken, w.off = nil, true, c.dead
	return left, c.why()
}

// cutConn is a connection of a wire.
type cutConn struct {
	net.Conn
	wire *wire
}

func (c *cutConn) Write(p []byte) (int, error) {
	n, broken := c.wire.passes(up, p)
	sent, err := c.Conn.Write(p[:n])
	if broken != nil {
		_ = c.Conn.Close()
		err = &net.OpError{Op: "write", Net: "tcp", Err: syscall.EPIPE}
	}
	return sent, err
}

func (c *cutConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	n, broken := c.wire.passes(down, p[:n])
	if broken != nil {
		_ = c.Conn.Close()
		err = broken
	}
	return n, err
}

// cutWorld is the playground, for as many users as are wanted.
type cutWorld struct {
	t    *testing.T
	net  *virtualnet.Network
	p    *playground.Playground
	kind connection.ResourceKind
	dir  string // "" keeps the copies in memory
	user int
}

// inCutWorld runs f in virtual time.
func inCutWorld(t *testing.T, protocol, dir string, f func(w *cutWorld)) {
	t.Helper()
	_, err := playgroundtest.Key() // before virtual time begins
	must(t, err)
	synctest.Test(t, func(t *testing.T) {
		n := virtualnet.New(0)
		const plain = "127.0.0.1:8001"
		at, mcp := "https://api.example", "https://mcp.example"
		switch protocol {
		case overHTTP1:
			at = "http://" + plain
		case overMCP1:
			mcp = "http://" + plain
		}
		p, err := playground.New(playground.Options{GenerateKey: playgroundtest.Key, Now: time.Now, Todos: 60, AccessTokenLife: 24 * time.Hour},
			playground.Origins{IdP: "https://idp.example", AuthorizationServer: "https://auth.example", API: at, MCP: mcp})
		must(t, err)
		switch protocol {
		case overHTTP1:
			n.ServePlain(plain, p.Handler(playground.API))
		case overMCP1:
			n.ServePlain(plain, p.Handler(playground.MCP))
		default:
			n.Serve("api.example", p.Handler(playground.API))
			n.Serve("mcp.example", p.Handler(playground.MCP))
		}
		f(&cutWorld{t: t, net: n, p: p, kind: kindOf(protocol), dir: dir})
		n.Close()
		must(t, p.Close())
	})
}

// RoundTrip answers requests without any network.
func (w *cutWorld) RoundTrip(r *http.Request) (*http.Response, error) {
	e, to := w.p.Endpoints(), playground.API
	switch r.URL.Scheme + "://" + r.URL.Host {
	case e.IdP:
		to = playground.IdP
	case e.AuthorizationServer:
		to = playground.AuthorizationServer
	}
	if r.Host == "" {
		r.Host = r.URL.Host
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	got := httptest.NewRecorder()
	w.p.Handler(to).ServeHTTP(got, r)
	return got.Result(), nil
}

func (w *cutWorld) post(address string, form url.Values) (out map[string]any) {
	w.t.Helper()
	answer, err := (&http.Client{Transport: w}).PostForm(address, form)
	must(w.t, err)
	defer answer.Body.Close()
	must(w.t, json.NewDecoder(answer.Body).Decode(&out))
	if answer.StatusCode != http.StatusOK {
		w.t.Fatalf("%s answered %v", address, out)
	}
	return out
}

// grant is an access token of the user for one kind of resource.
func (w *cutWorld) grant(kind connection.ResourceKind) secret.Text {
	w.t.Helper()
	const verifier, redirect = "a-verifier-of-at-least-forty-three-characters-0123", "http://127.0.0.1:8765/callback"
	e, sum := w.p.Endpoints(), sha256.Sum256([]byte(verifier))
	demo, resource, scopes := e.Clients.REST, e.API, "todos.read todos.write"
	if kind == connection.MCP {
		demo, resource, scopes = e.Clients.MCP, e.MCP, scopes+" mcp.access"
	}
	back, err := playgroundtest.NewBrowser(w, fmt.Sprintf("user%04d@example.com", w.user)).SignIn(w.t.Context(), e.IdP+"/authorize?"+url.Values{
		"response_type": {"code"}, "client_id": {demo.ClientID}, "redirect_uri": {redirect}, "scope": {"openid email"}, "state": {"s"}, "nonce": {"n"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}.Encode())
	must(w.t, err)
	identity := w.post(e.IdP+"/token", url.Values{"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")}, "redirect_uri": {redirect},
		"code_verifier": {verifier}, "client_id": {demo.ClientID}, "client_secret": {demo.ClientSecret.Reveal()}})
	waybill := w.post(e.IdP+"/token", url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "requested_token_type": {"urn:ietf:params:oauth:token-type:id-jag"},
		"subject_token": {identity["id_token"].(string)}, "subject_token_type": {"urn:ietf:params:oauth:token-type:id_token"},
		"audience": {e.AuthorizationServer}, "resource": {resource}, "scope": {scopes},
		"client_id": {demo.ClientID}, "client_secret": {demo.ClientSecret.Reveal()}})
	access := w.post(e.AuthorizationServer+"/token", url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {waybill["access_token"].(string)}, "scope": {scopes},
		"client_id": {demo.ResourceClientID}, "client_secret": {demo.ResourceClientSecret.Reveal()}})
	return secret.New(access["access_token"].(string))
}

// oneToken is an access token that is good for ever.
type oneToken struct{ secret.Text }

func (t oneToken) Token(context.Context) (secret.Text, []string, error) {
	return t.Text, []string{"todos.read", "todos.write", "mcp.access"}, nil
}
func (oneToken) Refused(secret.Text) {}

// atServer lists what the server has, without any network.
func (w *cutWorld) atServer(token secret.Text) (out []string) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.p.Endpoints().API+"/api/todos", nil)
	must(w.t, err)
	request.Header.Set("Authorization", "Bearer "+token.Reveal())
	answer, err := w.RoundTrip(request)
	must(w.t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	must(w.t, err)
	list, err := todo.DecodeList(body)
	must(w.t, err)
	return contentOf(list.Todos)
}

func contentOf(todos []todo.Todo) (out []string) {
	for _, t := range todos {
		out = append(out, fmt.Sprintf("%q %q %v %s %v %v", t.Title, t.Description, t.Completed, t.Priority, t.Tags, t.Due.Unix()))
	}
	slices.Sort(out)
	return out
}

// edit100 makes a hundred edits of every kind, to 90 to-dos.
func edit100(t *testing.T, r *Replica) {
	t.Helper()
	rows := slices.Clone(r.Snapshot().Rows)
	slices.SortFunc(rows, func(a, b *Row) int { return strings.Compare(a.Todo.ID, b.Todo.ID) })
	id := func(i int) string { return rows[i].Todo.ID }
	for i := range 30 {
		made, err := r.Add(t.Context(), todo.Todo{Title: fmt.Sprintf("added %02d", i), Description: "on a train", Tags: []string{"train"}, Priority: todo.High})
		must(t, err)
		if i%3 == 0 {
			update(t, r, made, todo.Patch{Completed: ptr(true)})
		}
		update(t, r, id(i), rename1(fmt.Sprintf("renamed %02d", i)))
		if i%3 == 1 {
			update(t, r, id(i), todo.Patch{Completed: ptr(!rows[i].Todo.Completed), Description: ptr("in a tunnel")})
		}
		switch {
		case i < 10:
			must(t, r.Delete(t.Context(), id(30+i)))
		case i < 20:
			update(t, r, id(30+i), todo.Patch{Tags: &[]string{"train", "tunnel"}, Due: ptr(time.Unix(1e9, 0).UTC())})
		}
	}
	if n := len(r.Outbox()); n != 100 {
		t.Fatalf("%d edits", n)
	}
}

// traveller is a new user with a new copy, who has made a hundred edits without
// a network.
type traveller struct {
	*Replica
	w     *cutWorld
	line  *wire
	token secret.Text // with which the server's list is looked at
	want  []string    // what must be here and at the server in the end
	end   func()
}

// client is the user's, over one kind of resource.
func (w *cutWorld) client(network *transport.Client) api.Client {
	o := api.Options{Transport: network, Tokens: oneToken{w.grant(w.kind)}, Resource: connection.Resource{Kind: w.kind, Scopes: []string{"todos.read", "todos.write"}}}
	if w.kind == connection.MCP {
		o.Resource.URL, o.Resource.Scopes = w.p.Endpoints().MCP, append(o.Resource.Scopes, "mcp.access")
		return api.NewMCP(o)
	}
	o.Resource.URL = w.p.Endpoints().API
	return api.NewREST(o)
}

func (w *cutWorld) travel() *traveller {
	t := w.t
	t.Helper()
	w.user++ // whose to-dos nobody has touched
	line := &wire{net: w.net}
	network := transport.New(transport.Options{DialContext: line.dial, RootCAs: w.net.CertPool()})
	client := w.client(network)
	o := Options{Account: "cut", Key: [32]byte{6}, Parallel: 1}
	if w.dir != "" {
		o.Dir = filepath.Join(w.dir, fmt.Sprint(w.user))
	}
	r, err := open(t.Context(), o, testSeams())
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx, client) }()
	must(t, r.SyncNow(t.Context()))
	line.set(true, nil)
	edit100(t, r)
	synctest.Wait()
	return &traveller{Replica: r, w: w, line: line, token: w.grant(connection.REST), want: content(r), end: func() {
		cancel()
		must(t, <-ended)
		must(t, r.Close())
		must(t, client.Close())
		network.CloseIdle()
		if w.dir != "" {
			must(t, os.RemoveAll(o.Dir))
		}
	}}
}

// home ends it: each edit is there once, here and at the server.
func (r *traveller) home(c any) {
	t := r.w.t
	t.Helper()
	if got := content(r.Replica); !slices.Equal(got, r.want) {
		t.Errorf("%v: here %v\nwant %v", c, got, r.want)
	}
	if got := r.w.atServer(r.token); !slices.Equal(got, r.want) {
		t.Errorf("%v: the server has %v\nwant %v", c, got, r.want)
	}
	r.end()
}

// sync does the whole of it once, over a line that breaks at c, if that is not
// nil. It returns what went up and down.
func (w *cutWorld) sync(c *cut) (passed [2][]byte) {
	w.t.Helper()
	r := w.travel()
	r.line.set(false, c)
	failed := r.SyncNow(w.t.Context()) // sends
	if failed == nil {
		failed = r.SyncNow(w.t.Context()) // fetches the list as it is now
	}
	r.line.mu.Lock()
	passed[up], passed[down] = bytes.Clone(r.line.passed[up].Bytes()), bytes.Clone(r.line.passed[down].Bytes())
	r.line.mu.Unlock()
	w.afterCut(r.Replica, r.line, c, failed)
	r.home(c)
	return passed
}

// afterCut looks at the status after the sync that was cut, and lets the time
// pass in which it must have come through by itself.
func (w *cutWorld) afterCut(r *Replica, line *wire, c *cut, failed error) {
	t := w.t
	t.Helper()
	waiting := 0
	for _, p := range r.Outbox() {
		if p.State != PendingWaiting {
			t.Errorf("%v: %+v", c, p)
		}
		waiting++
	}
	says, synced := r.Snapshot().Status, "Synced "+time.Now().Format("15:04")
	switch {
	case c != nil && !line.broken:
		t.Errorf("%v: nothing broke", c)
	case failed == nil && (waiting > 0 || says.Sentence != synced):
		t.Errorf("%v: %d edits wait after a sync, and the status says %q", c, waiting, says.Sentence)
	case failed != nil && waiting > 0 && says.Sentence != fmt.Sprintf("Offline. %s %s", changes(waiting), strings.TrimPrefix(r.kept(0), "0 changes ")):
		t.Errorf("%v: %d edits wait, and the status says %q", c, waiting, says.Sentence)
	case failed != nil && waiting == 0 && !strings.HasPrefix(says.Sentence, "Offline. Last synced "):
		t.Errorf("%v: no edit waits, and the status says %q", c, says.Sentence)
	case failed != nil && says.Kind != Offline:
		t.Errorf("%v: %+v", c, says)
	}
	line.set(false, nil)
	if failed != nil {
		time.Sleep(backOffActive + time.Second)
		synctest.Wait()
	}
	says, synced = r.Snapshot().Status, "Synced "+time.Now().Format("15:04")
	if says.Waiting+says.Look+len(r.Outbox()) > 0 || says.Kind != OK || says.Sentence != synced && failed == nil {
		t.Errorf("%v: %+v after half a minute; %+v", c, says, r.Outbox())
	}
}

// message is where one message of HTTP/1.1 lies in a stream.
type message struct {
	kind               string // "PATCH", "HTTP/1.1 200"
	start, header, end int
}

// messages takes a recorded stream of HTTP/1.1 apart.
func messages(t *testing.T, stream []byte) (out []message) {
	t.Helper()
	for at := 0; at < len(stream); {
		n := bytes.Index(stream[at:], []byte("\r\n\r\n"))
		if n < 0 {
			t.Fatalf("no header at %d of %d", at, len(stream))
		}
		m := message{start: at, header: at + n + 4}
		words := strings.Fields(string(stream[at:m.header]))
		if m.kind = words[0]; strings.HasPrefix(m.kind, "HTTP/") {
			m.kind += " " + words[1]
		}
		m.end = m.header
		for line := range strings.Lines(string(stream[at:m.header])) {
			if length, ok := strings.CutPrefix(line, "Content-Length: "); ok {
				var n int
				_, err := fmt.Sscan(length, &n)
				must(t, err)
				m.end += n
			}
		}
		out, at = append(out, m), m.end
	}
	return out
}

// edges are the bytes at which something begins or ends: in each message, or
// in the first of each kind.
func edges(all []message, firsts bool) (out []int) {
	seen := map[string]bool{}
	for _, m := range all {
		if firsts && seen[m.kind] {
			continue
		}
		seen[m.kind] = true
		out = append(out, m.start, m.header-1)
		if m.end > m.header {
			out = append(out, m.header, m.end-1)
		}
	}
	return out
}

// tlsEdges are the bytes at which a record of TLS begins (RFC 8446 section 5.1),
// and its first ones.
func tlsEdges(stream []byte) (out []int) {
	for at := 0; at+5 <= len(stream); at += 5 + int(binary.BigEndian.Uint16(stream[at+3:])) {
		out = append(out, at, at+1, at+5)
	}
	return out
}

// ways are the four ways to break at one byte.
func ways(way, at int) []cut {
	return []cut{{way, at, false, false}, {way, at, true, false}, {way, at, false, true}, {way, at, true, true}}
}

// cutsOf chooses where to cut a recorded stream: at every step-th byte in one
// way, at the edges in all of them if thorough.
func cutsOf(way, length int, edges []int, step int, thorough bool) (out []cut) {
	for i, at := 0, 0; at < length; i, at = i+1, at+step {
		out = append(out, ways(way, at)[i%4])
	}
	for i, at := range edges {
		switch {
		case at >= length:
		case thorough:
			out = append(out, ways(way, at)...)
		default:
			out = append(out, ways(way, at)[i%4])
		}
	}
	return out
}

// A sync of a hundred edits, over a line that breaks after each number of bytes
// in each direction: nothing is lost, nothing is there twice, and the status
// tells the truth. Some of the bytes are tried, those where a message begins or
// ends among them; TestR6_EveryMessageOfASyncCutAtEveryByte tries them all.
func TestR6_ASyncOfAHundredEditsCut(t *testing.T) {
	step, firsts := 7919, true
	if slow() {
		step, firsts = 211, false
	}
	passed := recorded(t, overHTTP1)
	var all [2][]message
	var cuts []cut
	for way := range passed {
		all[way] = messages(t, passed[way])
		cuts = append(cuts, cutsOf(way, len(passed[way]), edges(all[way], firsts), step, slow())...)
	}
	if len(all[up]) != len(all[down]) || len(all[up]) < 90 {
		t.Fatalf("%d requests, %d answers", len(all[up]), len(all[down]))
	}
	t.Logf("%d bytes up, %d bytes down", len(passed[up]), len(passed[down]))
	cutAt(t, overHTTP1, cuts)
}

// The same over HTTP/2, where a frame may be cut and requests share a
// connection. The streams differ by some bytes each time.
func TestR6_ASyncOverTLSCut(t *testing.T) {
	step, records := 6007, 4
	if slow() {
		step, records = 211, 200
	}
	if slow() && !raced {
		step, records = 7, 1e9
	}
	passed := recorded(t, overHTTP2)
	var cuts []cut
	for way := range passed {
		edges := tlsEdges(passed[way])
		cuts = append(cuts, cutsOf(way, len(passed[way])*9/10, edges[:min(records, len(edges))], step, slow())...)
	}
	t.Logf("%d bytes up, %d bytes down", len(passed[up]), len(passed[down]))
	cutAt(t, overHTTP2, cuts)
}

// An MCP server alone is a whole to-do service: the same edits over it, whose
// answers are event streams.
func TestR6_ASyncOverMCPCut(t *testing.T) {
	for _, protocol := range []string{overMCP1, overMCP2} {
		t.Run(protocol, func(t *testing.T) {
			step := 30_011
			if slow() {
				step = 401
			}
			passed := recorded(t, protocol)
			var cuts []cut
			for way := range passed {
				cuts = append(cuts, cutsOf(way, len(passed[way])*9/10, nil, step, false)...)
			}
			t.Logf("%d bytes up, %d bytes down", len(passed[up]), len(passed[down]))
			cutAt(t, protocol, cuts)
		})
	}
}

func recorded(t *testing.T, protocol string) (passed [2][]byte) {
	t.Helper()
	inCutWorld(t, protocol, inMemoryFolder(t), func(w *cutWorld) { passed = w.sync(nil) })
	return passed
}

// cutAt tries the cuts, some of them in each of several worlds.
func cutAt(t *testing.T, protocol string, cuts []cut) {
	t.Logf("%d cuts", len(cuts))
	seldomCollect(t)
	for chunk := range slices.Chunk(cuts, max(20, min(200, len(cuts)/8))) {
		t.Run(fmt.Sprint(chunk[0]), func(t *testing.T) {
			t.Parallel()
			inCutWorld(t, protocol, inMemoryFolder(t), func(w *cutWorld) {
				for _, c := range chunk {
					if w.sync(&c); t.Failed() {
						return // one is enough to look at
					}
				}
			})
		})
	}
}
