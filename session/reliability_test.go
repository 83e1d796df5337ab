package session_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
	"waybill/playground"
	"waybill/playground/playgroundtest"
	"waybill/replica"
	"waybill/session"
	"waybill/todo"
	"waybill/transport"
)

// R1: a start without any route, not even a refusal, with 10,000 to-dos: what is
// shown first is there as soon as with one, edits are taken, and nothing asks
// for anything.
func TestR1_AStartWithoutARouteShowsTheToDosAsSoon(t *testing.T) {
	p, err := playground.Start(t.Context(), playground.Options{GenerateKey: playgroundtest.Key, Todos: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.playground = p
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	m := w.open()
	w.signIn(m, connection.PlaygroundName)
	if n := len(titles(m)); n < 10_000 {
		t.Fatalf("%d to-dos", n)
	}
	w.close(m)
	dials, tried := &atomic.Int64{}, make(chan struct{}, 1000)
	nowhere := transport.New(transport.Options{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		dials.Add(1)
		select {
		case tried <- struct{}{}:
		default:
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	start := func(over *transport.Client) time.Duration {
		began := time.Now()
		m := w.open(func(o *session.Options) { o.Transport = over })
		took := time.Since(began)
		s := m.Replica().Snapshot()
		if st := m.State(); len(s.Rows) == 0 || st.Phase != session.SignedIn || st.SignInNeeded || st.Problem != nil {
			t.Fatalf("%d rows, %+v", len(s.Rows), st)
		}
		w.close(m)
		return took
	}
	// Of several, the quickest, since what else the computer does only adds.
	var online, offline time.Duration
	for try := range 60 {
		a, b := start(w.transport), start(nowhere)
		if try == 0 || a < online {
			online = a
		}
		if try == 0 || b < offline {
			offline = b
		}
		if try >= 4 && offline*10 <= online*11 {
			break
		}
	}
	t.Logf("offline against online: %.2f, over %d dials that nobody answered", float64(offline)/float64(online), dials.Load())
	if offline*10 > online*11 {
		t.Errorf("%.2f of the time with a network", float64(offline)/float64(online))
	}
	m = w.open(func(o *session.Options) { o.Transport = nowhere })
	<-tried // it is being dialled, for ever
	add(t, m, "Typed in a tunnel")
	w.close(m)
	m = w.open()
	w.sync(m)
	if titles(m)["Typed in a tunnel"] != replica.Synced {
		t.Errorf("%+v", m.Replica().Snapshot().Status)
	}
}

// fickleRing is a keyring that goes and comes.
type fickleRing struct {
	*ring
	gone atomic.Bool
}

var errNoBus = errors.New("no bus")

func (r *fickleRing) Get(service, user string) (string, error) {
	if r.gone.Load() {
		return "", errNoBus
	}
	return r.ring.Get(service, user)
}

func (r *fickleRing) Set(service, user, value string) error {
	if r.gone.Load() {
		return errNoBus
	}
	return r.ring.Set(service, user, value)
}

func (r *fickleRing) Delete(service, user string) error {
	if r.gone.Load() {
		return errNoBus
	}
	return r.ring.Delete(service, user)
}

// R38: the keyring goes while the app runs: the session goes on, another sign-in
// is kept, and nothing is lost; a start meanwhile begins a session of its own
// and leaves what is saved alone; with the keyring back everything is there.
func TestR38_AKeyringThatGoesWhileTheAppRuns(t *testing.T) {
	w, keys := newWorld(t), &fickleRing{ring: newRing()}
	with := func(o *session.Options) { o.Keyring = keys }
	m := w.open(with)
	w.signIn(m, connection.PlaygroundName)
	keys.gone.Store(true)
	add(t, m, "Typed without a keyring")
	w.sync(m)
	w.signIn(m, connection.PlaygroundMCPName)
	add(t, m, "Typed over MCP")
	w.sync(m)
	if st := m.State(); st.Phase != session.SignedIn || titles(m)["Typed over MCP"] != replica.Synced {
		t.Fatalf("%+v, %v", st, m.Replica().Snapshot().Status)
	}
	w.close(m)
	before := storeFiles(t, w.dir)

	m = w.open(with)
	if st := m.State(); st.VaultMode != auth.VaultMemory || st.Phase != session.SignedOut || !strings.Contains(st.VaultReason, "the saved ones are kept") {
		t.Fatalf("%+v", st)
	}
	w.signIn(m, connection.PlaygroundName)
	add(t, m, "Typed for this session only")
	w.sync(m)
	w.close(m)
	if after := storeFiles(t, w.dir); !maps.EqualFunc(before, after, bytes.Equal) {
		t.Error("a session without a keyring changed what is saved")
	}

	keys.gone.Store(false)
	m = w.open(with)
	if st := m.State(); st.VaultMode != auth.VaultKeyring || st.Phase != session.SignedIn {
		t.Fatalf("%+v", st)
	}
	for _, name := range []string{connection.PlaygroundMCPName, connection.PlaygroundName} { // both are kept
		if err := m.SwitchTo(t.Context(), name); err != nil || m.State().Phase != session.SignedIn {
			t.Fatalf("%v, %+v", err, m.State())
		}
	}
	w.sync(m)
	for _, title := range []string{"Typed without a keyring", "Typed over MCP", "Typed for this session only"} {
		if state, ok := titles(m)[title]; !ok || state != replica.Synced {
			t.Errorf("%q: %t, %v", title, ok, state)
		}
	}
}

// R38: a keyring that comes while the app runs changes nothing for the session
// that began without it, and serves the next one.
func TestR38_AKeyringThatComesWhileTheAppRuns(t *testing.T) {
	w, keys := newWorld(t), &fickleRing{ring: newRing()}
	with := func(o *session.Options) { o.Keyring = keys }
	keys.gone.Store(true)
	m := w.open(with)
	w.signIn(m, connection.PlaygroundName)
	keys.gone.Store(false)
	add(t, m, "Typed when it came")
	w.sync(m)
	if st := m.State(); st.VaultMode != auth.VaultMemory || titles(m)["Typed when it came"] != replica.Synced {
		t.Fatalf("%+v", st)
	}
	w.close(m)
	if files := storeFiles(t, w.dir); len(files) > 0 || len(keys.items) > 0 {
		t.Errorf("%d files, %d items in the keyring", len(files), len(keys.items))
	}
	m = w.open(with)
	if st := m.State(); st.VaultMode != auth.VaultKeyring || st.Phase != session.SignedOut {
		t.Fatalf("%+v", st)
	}
	w.signIn(m, connection.PlaygroundName)
	w.close(m)
	if m = w.open(with); m.State().Phase != session.SignedIn {
		t.Errorf("%+v", m.State())
	}
}

func add(t *testing.T, m *session.Manager, title string) {
	t.Helper()
	if _, err := m.Replica().Add(t.Context(), todo.Todo{Title: title}); err != nil {
		t.Fatal(err)
	}
}

// R40, R25: what an earlier release left on a computer, in its folder and in its
// keyring, is found again by one that is installed later, an unsent edit too.
func TestR40_AnInstallationIsFoundAgain(t *testing.T) {
	const fixture = "testdata/installation-1" // a later one is added beside it, see below
	w := newWorld(t)
	keys := newRing()
	with := func(o *session.Options) { o.Dir, o.Keyring = w.dir, keys }
	if _, err := os.Stat(fixture); errors.Is(err, os.ErrNotExist) {
		w.dir, _ = filepath.Abs(fixture)
		m := w.open(with)
		w.signIn(m, connection.PlaygroundName)
		w.close(m)
		m = w.open(with, func(o *session.Options) { o.Offline = true })
		add(t, m, "Typed before it was uninstalled")
		w.close(m)
		data, err := json.MarshalIndent(keys.items, "", "  ")
		if err == nil {
			err = os.WriteFile(filepath.Join(fixture, "keyring.json"), append(data, '\n'), 0o600)
		}
		t.Fatalf("%s was written: look at it and commit it (%v)", fixture, err)
	}
	if err := os.CopyFS(filepath.Join(w.dir, "home"), os.DirFS(fixture)); err != nil {
		t.Fatal(err)
	}
	w.dir = filepath.Join(w.dir, "home")
	data, err := os.ReadFile(filepath.Join(w.dir, "keyring.json"))
	if err == nil {
		err = json.Unmarshal(data, &keys.items)
	}
	if err != nil {
		t.Fatal(err)
	}
	m := w.open(with, func(o *session.Options) { o.Offline = true })
	st := m.State()
	if st.Phase != session.SignedIn || st.Account.Identity.Email != "alice@example.com" || st.VaultMode != auth.VaultKeyring || st.Problem != nil {
		t.Fatalf("%+v", st)
	}
	if got := titles(m); len(got) != 25 || got["Typed before it was uninstalled"] != replica.Waiting || len(m.Replica().Outbox()) != 1 {
		t.Errorf("%v", got)
	}
	if n := m.Replica().Snapshot().Notice; n != nil {
		t.Errorf("%v", n)
	}
}

// flapping is an MCP server that is renamed, restarted, updated and set back
// while it is used: what stands in front of the playground's.
type flapping struct {
	next http.Handler

	mu      sync.Mutex
	down    bool
	renamed bool
	speaks  string // the one version of the protocol; "" for all
}

const newest = "2026-07-28"

func (f *flapping) change(random *rand.Rand) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down, f.renamed = random.IntN(4) == 0, random.IntN(4) == 0
	f.speaks = []string{"", newest, "2025-11-25"}[random.IntN(3)]
}

func (f *flapping) calm() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down, f.renamed, f.speaks = false, false, ""
}

var tools = []string{"create_todo", "update_todo", "delete_todo", "list_todos"}

func (f *flapping) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	down, renamed, speaks := f.down, f.renamed, f.speaks
	f.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var m struct {
		ID     json.RawMessage
		Method string
		Params struct{ Name string }
	}
	_ = json.Unmarshal(body, &m)
	says := func(status, code int, words, data string) {
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(status)
		fmt.Fprintf(rw, `{"jsonrpc":"2.0","id":%s,"error":{"code":%d,"message":%q%s}}`, m.ID, code, words, data)
	}
	isNewest := r.Header.Get("Mcp-Protocol-Version") == newest
	switch {
	case down:
		rw.WriteHeader(http.StatusServiceUnavailable)
	case speaks != "" && speaks != newest && isNewest:
		says(400, -32022, "unsupported", `,"data":{"supported":["2025-11-25"],"requested":"2026-07-28"}`)
	case speaks == newest && !isNewest && r.Method == http.MethodPost:
		says(400, -32022, "unsupported", `,"data":{"supported":["2026-07-28"],"requested":"x"}`)
	case renamed && m.Method == "tools/call" && slices.Contains(tools, m.Params.Name):
		says(200, -32602, "unknown tool", "")
	default:
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		record := httptest.NewRecorder()
		f.next.ServeHTTP(record, r)
		answer := record.Body.Bytes()
		if renamed {
			for _, name := range tools {
				answer = bytes.ReplaceAll(answer, []byte(name), []byte("x_"+name[2:]))
			}
		}
		maps.Copy(rw.Header(), record.Header())
		rw.Header().Del("Content-Length")
		rw.WriteHeader(record.Code)
		_, _ = rw.Write(answer)
	}
}

// R36: the MCP server flaps while to-dos are added and renamed: the outbox is
// kept through all of it, and when the server is itself again everything is
// there once.
func TestR36_TheOutboxOutlivesAFlappingMCPServer(t *testing.T) {
	w := newWorld(t)
	e := w.playground.Endpoints()
	behind, err := url.Parse(e.MCP)
	if err != nil {
		t.Fatal(err)
	}
	f := &flapping{next: &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = behind.Scheme, behind.Host, behind.Host
	}}}
	front := httptest.NewServer(f)
	defer front.Close()
	c := configured(e, e.Clients.MCP, "flapping", connection.MCP, e.MCP, "todos.read", "todos.write", "mcp.access")
	c.Connection.Resource.URL = front.URL + behind.Path
	m := w.open()
	if err := m.Use(c.Connection, c.Credentials); err != nil {
		t.Fatal(err)
	}
	w.signIn(m, "flapping")
	random := rand.New(rand.NewPCG(36, 36))
	want, failed := map[string]string{}, 0 // ids and titles
	for i := range 60 {
		f.change(random)
		if title := fmt.Sprint("to-do ", i); i%3 > 0 || len(want) == 0 {
			id, err := m.Replica().Add(t.Context(), todo.Todo{Title: title})
			switch {
			case err == nil:
				want[id] = title
			case !fault.Is(err, fault.ReadOnly): // while the tools have other names
				t.Fatal(err)
			}
		} else {
			id := slices.Sorted(maps.Keys(want))[random.IntN(len(want))]
			if err := m.Replica().Update(t.Context(), id, todo.Patch{Title: &title}); err == nil {
				want[id] = title
			} else if !fault.Is(err, fault.ReadOnly) {
				t.Fatal(err)
			}
		}
		if m.Sync(t.Context()) != nil {
			failed++
		}
		for id, title := range want {
			if _, ok := titles(m)[title]; !ok {
				t.Fatalf("step %d: %s %q is not shown", i, id, title)
			}
		}
	}
	f.calm()
	w.sync(m)
	w.sync(m)
	if st := m.Replica().Snapshot().Status; st.Kind != replica.OK || st.Waiting+st.Look > 0 {
		t.Fatalf("%+v, %+v", st, m.Replica().Outbox())
	}
	if failed < 10 || len(want) < 10 {
		t.Errorf("%d of the syncs failed, %d to-dos were added: that is no flapping", failed, len(want))
	}
	count := map[string]int{}
	for _, r := range m.Replica().Snapshot().Rows {
		count[r.Todo.Title]++
	}
	for _, title := range want {
		if count[title] != 1 || titles(m)[title] != replica.Synced {
			t.Errorf("%q is there %d times", title, count[title])
		}
	}
	if len(count) != 24+len(want) {
		t.Errorf("%d to-dos, want %d", len(count), 24+len(want))
	}
}
