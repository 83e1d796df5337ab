package replica_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"waybill/api"
	"waybill/auth"
	"waybill/connection"
	"waybill/playground"
	"waybill/playground/playgroundtest"
	"waybill/replica"
	"waybill/secret"
	"waybill/todo"
	"waybill/transport"
)

// version makes the content that a to-do has in a version: every field of it
// tells the version, so that a part of an edit shows.
func version(name string, v int) todo.Todo {
	return todo.Todo{Title: fmt.Sprintf("%s v%d", name, v), Completed: v%2 == 1, Description: fmt.Sprint("text of version ", v),
		Priority: []todo.Priority{"", todo.Low, todo.Medium, todo.High}[v%4]}
}

// versionOf reads the name and version of a to-do that version made; "" for
// any other.
func versionOf(t todo.Todo) (name string, v int, err error) {
	name, number, found := strings.Cut(t.Title, " v")
	v, bad := strconv.Atoi(number)
	if !found || bad != nil {
		return "", 0, nil
	}
	if !todo.SameContent(version(name, v), t) {
		err = fmt.Errorf("half of an edit: %+v", t)
	}
	return name, v, err
}

// witness is the playground's to-do API, or its MCP server, with someone who
// writes down what happens, in which order, and may hold it up.
type witness struct {
	inner http.Handler
	mcp   bool

	mu      sync.Mutex
	flying  int
	hold    func(stage string)  // called when a request has come ("before") and when it is done ("after")
	known   map[string]int      // version by id
	created map[string][]string // ids by name
	wrong   []string
}

func (w *witness) set(hold func(stage string)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hold = hold
}

func (w *witness) at(stage string, flying int) {
	w.mu.Lock()
	w.flying += flying
	hold := w.hold
	w.mu.Unlock()
	if hold != nil {
		hold(stage)
	}
}

func (w *witness) inFlight() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.flying
}

func (w *witness) ServeHTTP(to http.ResponseWriter, r *http.Request) {
	w.at("before", 1)
	body, _ := io.ReadAll(r.Body) // what has arrived has arrived: its sender may be dead by now
	r = r.WithContext(context.WithoutCancel(r.Context()))
	r.Body = io.NopCloser(bytes.NewReader(body))
	got := httptest.NewRecorder()
	w.mu.Lock()
	w.inner.ServeHTTP(got, r)
	if w.mcp {
		w.note(toolChange(body, got))
	} else {
		w.note(changeOf(r.Method, got))
	}
	w.mu.Unlock()
	w.at("after", 0)
	for name, values := range got.Header() {
		to.Header()[name] = values
	}
	to.WriteHeader(got.Code)
	_, _ = to.Write(got.Body.Bytes())
	w.mu.Lock()
	w.flying--
	w.mu.Unlock()
}

// changeOf is the to-do in the answer to a request that created or changed it; nil
// if it did neither.
func changeOf(method string, got *httptest.ResponseRecorder) (item []byte, created bool) {
	if got.Code != http.StatusOK && got.Code != http.StatusCreated || method != http.MethodPost && method != http.MethodPatch {
		return nil, false
	}
	return got.Body.Bytes(), method == http.MethodPost
}

// toolChange is the same for a call of an MCP server's tool.
func toolChange(body []byte, got *httptest.ResponseRecorder) (item []byte, created bool) {
	var call struct {
		Params struct{ Name string }
	}
	var answer struct {
		Result struct {
			IsError bool
			Content []struct{ Text string }
		}
	}
	_ = json.Unmarshal(body, &call)
	if name := call.Params.Name; name != "create_todo" && name != "update_todo" {
		return nil, false
	}
	said := got.Body.Bytes()
	if _, data, is := bytes.Cut(said, []byte("data: ")); is { // an event stream
		said = data
	}
	if json.NewDecoder(bytes.NewReader(said)).Decode(&answer) != nil || answer.Result.IsError || len(answer.Result.Content) == 0 {
		return nil, false
	}
	return []byte(answer.Result.Content[0].Text), call.Params.Name == "create_todo"
}

// note holds a change against what was there before: per to-do, versions only
// grow. A creation that is answered from memory is no effect.
func (w *witness) note(body []byte, create bool) {
	if body == nil {
		return
	}
	item, err := todo.DecodeItem(body)
	if err != nil {
		w.wrong = append(w.wrong, err.Error())
		return
	}
	name, v, err := versionOf(item)
	last, known := w.known[item.ID]
	switch {
	case name == "" || create && known:
		return
	case err != nil:
		w.wrong = append(w.wrong, err.Error())
	case v < last:
		w.wrong = append(w.wrong, fmt.Sprintf("%s went from version %d back to %d", name, last, v))
	}
	if !known {
		w.created[name] = append(w.created[name], item.ID)
	}
	w.known[item.ID] = v
}

// onLoopback serves the playground on real sockets, its to-do API or MCP server
// through the witness.
func onLoopback(t *testing.T, kind connection.ResourceKind) (*playground.Playground, *witness) {
	t.Helper()
	listeners := map[playground.Role]net.Listener{}
	origin := func(role playground.Role) string {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		check(t, err)
		listeners[role] = l
		return "http://" + l.Addr().String()
	}
	p, err := playground.New(playground.Options{GenerateKey: playgroundtest.Key, AccessTokenLife: 24 * time.Hour}, playground.Origins{
		IdP: origin(playground.IdP), AuthorizationServer: origin(playground.AuthorizationServer), API: origin(playground.API), MCP: origin(playground.MCP)})
	check(t, err)
	watched := map[connection.ResourceKind]playground.Role{connection.REST: playground.API, connection.MCP: playground.MCP}[kind]
	w := &witness{inner: p.Handler(watched), mcp: kind == connection.MCP, known: map[string]int{}, created: map[string][]string{}}
	var serving sync.WaitGroup
	var servers []*http.Server
	for role, l := range listeners {
		s := &http.Server{Handler: p.Handler(role)}
		if role == watched {
			s.Handler = w
		}
		servers = append(servers, s)
		serving.Go(func() { _ = s.Serve(l) })
	}
	t.Cleanup(func() {
		for _, s := range servers {
			_ = s.Close()
		}
		serving.Wait()
		check(t, p.Close())
	})
	return p, w
}

// grant is an access token for the to-do API or the MCP server of the playground.
func grant(t *testing.T, p *playground.Playground, kind connection.ResourceKind) (connection.Connection, secret.Text) {
	t.Helper()
	e := p.Endpoints()
	demo, address := e.Clients.REST, e.API
	if kind == connection.MCP {
		demo, address = e.Clients.MCP, e.MCP
	}
	network := transport.New(transport.Options{})
	defer network.CloseIdle()
	conn := connection.Connection{
		Name: "playground", IdP: connection.IdP{Issuer: e.IdP, ClientID: demo.ClientID},
		Resource: connection.Resource{Kind: kind, URL: address, AuthorizationServer: e.AuthorizationServer,
			ClientID: demo.ResourceClientID, Scopes: scopesOf(kind)},
	}
	secrets := connection.Credentials{IdP: demo.ClientSecret, Resource: demo.ResourceClientSecret}
	session := signIn(t, network, conn, secrets)
	plan, err := auth.Resolve(t.Context(), network, conn, secrets)
	check(t, err)
	ladder := auth.NewLadder(auth.LadderOptions{
		Plan: func(context.Context) (*auth.Plan, error) { return plan, nil }, Transport: network,
		Session: func() *auth.Session { return session },
	})
	token, _, err := ladder.Token(t.Context())
	check(t, err)
	return conn, token
}

func scopesOf(kind connection.ResourceKind) []string {
	if kind == connection.MCP {
		return []string{"todos.read", "todos.write", "mcp.access"}
	}
	return []string{"todos.read", "todos.write"}
}

// fixed is one access token for all requests.
type fixed struct {
	token  secret.Text
	scopes []string
}

func (f fixed) Token(context.Context) (secret.Text, []string, error) { return f.token, f.scopes, nil }
func (f fixed) Refused(secret.Text)                                  {}

// victim is what a process that is to be killed is told.
type victim struct {
	Dir, Address, Token, Prefix string
	Kind                        connection.ResourceKind
	Seed                        uint64
}

func (v victim) open() (*replica.Replica, error) {
	return replica.Open(context.Background(), replica.Options{Dir: v.Dir, Account: "killed", Key: [32]byte{4, 5, 6}})
}

func (v victim) client(network *transport.Client) api.Client {
	o := api.Options{Transport: network, Tokens: fixed{secret.New(v.Token), scopesOf(v.Kind)},
		Resource: connection.Resource{Kind: v.Kind, URL: v.Address, Scopes: scopesOf(v.Kind)}}
	if v.Kind == connection.MCP {
		return api.NewMCP(o)
	}
	return api.NewREST(o)
}

// mine lists the rows of this victim by name.
func (v victim) mine(r *replica.Replica) map[string]*replica.Row {
	rows := map[string]*replica.Row{}
	for _, row := range r.Snapshot().Rows {
		if name, _, _ := versionOf(row.Todo); strings.HasPrefix(name, v.Prefix) {
			rows[name] = row
		}
	}
	return rows
}

// live opens the copy, says what is in it, and then edits and syncs until it is
// killed. What it writes to its standard output it has done.
func (v victim) live() error {
	say := func(words ...any) { _, _ = os.Stdout.WriteString(fmt.Sprintln(words...)) }
	start := time.Now()
	r, err := v.open()
	if err != nil {
		return err
	}
	whole := make(chan struct{})
	once := sync.OnceFunc(func() { close(whole) })
	r.Watch(func(s *replica.Snapshot) {
		if !s.Loading {
			once()
		}
	})
	<-whole
	say("opened", time.Since(start).Milliseconds())
	if n := r.Snapshot().Notice; n != nil {
		return n
	}
	for name, row := range v.mine(r) {
		_, number, err := versionOf(row.Todo)
		if err != nil {
			return err
		}
		say("has", name, number)
	}
	say("begins")
	ended := make(chan error, 1)
	go func() { ended <- r.Run(context.Background(), v.client(transport.New(transport.Options{}))) }()
	random := rand.New(rand.NewPCG(v.Seed, 20))
	for n := 0; ; n++ {
		select {
		case err := <-ended:
			return fmt.Errorf("the sync ended: %w", err)
		default:
		}
		if err := v.edit(r, random, n, say); err != nil {
			return err
		}
	}
}

// edit makes one edit: it says what it is going to do, and then that it is
// saved.
func (v victim) edit(r *replica.Replica, random *rand.Rand, n int, say func(...any)) error {
	rows := v.mine(r)
	names := make([]string, 0, len(rows))
	for name := range rows {
		names = append(names, name)
	}
	slices.Sort(names)
	if len(names) < 3 || len(names) < 12 && random.IntN(4) == 0 {
		name := fmt.Sprintf("%s%x-%d", v.Prefix, v.Seed, n)
		say("try", name, 1)
		if _, err := r.Add(context.Background(), version(name, 1)); err != nil {
			return err
		}
		say("saved", name, 1)
		return nil
	}
	name := names[random.IntN(len(names))]
	row := rows[name]
	if random.IntN(10) == 0 {
		say("try", name, gone)
		if err := r.Delete(context.Background(), row.Todo.ID); err != nil {
			return err
		}
		say("saved", name, gone)
		return nil
	}
	_, number, err := versionOf(row.Todo)
	if err != nil {
		return err
	}
	number++
	say("try", name, number)
	if err := r.Update(context.Background(), row.Todo.ID, todo.PatchOf(version(name, number))); err != nil {
		return err
	}
	say("saved", name, number)
	return nil
}

// gone stands for the version of a to-do that was deleted: it is the last.
const gone = 1 << 30

// ledger is what the killed processes have acknowledged: of each to-do the
// newest version that was said to be saved, and the newest that was tried.
type ledger struct {
	mu           sync.Mutex
	saved, tried map[string]int
	has          map[string]int // what a process that has just opened the copy says that it has
	edits        int            // acknowledged
	beyond       int            // versions that were there though nobody had said that they are saved
	opened       int            // processes that had opened the copy before they were killed
	slowest      int            // of these openings, in milliseconds
}

// hear takes in one line of a process.
func (l *ledger) hear(prefix, line string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var name string
	var number int
	what, rest, _ := strings.Cut(line, " ")
	if n, _ := fmt.Sscan(rest, &name, &number); n == 0 && what == "begins" {
		return l.compare(prefix)
	} else if n == 1 && what == "opened" {
		number, _ = strconv.Atoi(name)
		l.opened, l.slowest = l.opened+1, max(l.slowest, number)
		return nil
	}
	switch what {
	case "has":
		l.has[name] = number
	case "try":
		l.tried[name] = number
	case "saved":
		l.saved[name] = number
		l.edits++
	default:
		return fmt.Errorf("a process said %q", line)
	}
	return nil
}

// compare holds what a process has opened against what was acknowledged before.
// What it shows counts as acknowledged from now on.
func (l *ledger) compare(prefix string) error {
	for name, tried := range l.tried {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		saved := l.saved[name]
		has, there := l.has[name]
		if !there && saved > 0 {
			has = gone
		}
		if has < saved || has > tried {
			return fmt.Errorf("%s: version %d is there; %d was acknowledged, %d was tried", name, has, saved, tried)
		}
		if has > saved {
			l.beyond++
		}
		l.saved[name], l.tried[name] = has, has
		if has == 0 { // its creation was not acknowledged, and has not come through
			delete(l.saved, name)
			delete(l.tried, name)
		}
		delete(l.has, name)
	}
	for name := range l.has {
		if strings.HasPrefix(name, prefix) {
			return fmt.Errorf("%s is there, and nobody made it", name)
		}
	}
	return nil
}

// process is one that edits and syncs until it is killed.
type process struct {
	command *exec.Cmd
	prefix  string
	lines   *bufio.Scanner
	errors  bytes.Buffer
	dead    chan struct{} // closed when it is
	kill    func()
}

func begin(t *testing.T, v victim, atKill func()) *process {
	t.Helper()
	p := &process{command: exec.Command(os.Args[0], "-test.run=^TestR20_KilledWhileItEditsAndSyncs$"), prefix: v.Prefix, dead: make(chan struct{})}
	told, err := json.Marshal(v)
	check(t, err)
	p.command.Env = append(os.Environ(), "WAYBILL_TEST_VICTIM=1")
	p.command.Stdin, p.command.Stderr = bytes.NewReader(told), &p.errors
	out, err := p.command.StdoutPipe()
	check(t, err)
	check(t, p.command.Start())
	p.lines = bufio.NewScanner(out)
	p.kill = sync.OnceFunc(func() {
		atKill()
		_ = p.command.Process.Kill()
	})
	return p
}

// listen hears the process to its end, which must be that it is killed.
func (p *process) listen(l *ledger, each func(line string)) (err error) {
	defer close(p.dead)
	for p.lines.Scan() {
		if heard := l.hear(p.prefix, p.lines.Text()); err == nil && heard != nil {
			err = heard
			p.kill()
		}
		each(p.lines.Text())
	}
	if ended := p.command.Wait(); p.command.ProcessState.Exited() {
		err = errors.Join(err, fmt.Errorf("a process ended by itself: %w\n%s", ended, &p.errors))
	}
	return err
}

// fate is when a process is killed.
type fate struct {
	when    string
	line    func(said string)  // at each line of it
	request func(stage string) // at each stage of a request
}

// fates draws when to kill p. later is closed when the next process is under
// way.
func fates(p *process, random *rand.Rand, later <-chan struct{}) fate {
	var mu sync.Mutex
	left := 1 + random.IntN(40)
	last := func() bool {
		mu.Lock()
		defer mu.Unlock()
		left--
		return left == 0
	}
	at := func(wanted string, then func()) func(string) {
		return func(stage string) {
			if stage == wanted && last() {
				p.kill()
				<-p.dead // what the server does from here on it does for a dead process
				then()
			}
		}
	}
	nothing := func() {}
	switch random.IntN(10) {
	case 0, 1:
		early := time.AfterFunc(time.Duration(random.IntN(400))*time.Millisecond, p.kill)
		return fate{"at any time, also while it starts", func(string) { _ = early }, func(string) {}}
	case 2, 3:
		return fate{"before a request took effect", func(string) {}, at("before", nothing)}
	case 4:
		return fate{"before a request that takes effect when the next process is under way", func(string) {}, at("before", func() { <-later })}
	case 5, 6:
		return fate{"after a request took effect, before its answer", func(string) {}, at("after", nothing)}
	default:
		return fate{"while it edits", func(said string) {
			if strings.HasPrefix(said, "saved") && last() {
				p.kill()
			}
		}, func(string) {}}
	}
}

// halfWritten reports whether the write-ahead log ends in the middle of a
// transaction: in pages that no commit follows.
func halfWritten(t *testing.T, dir string) bool {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(dir, "*.db-wal"))
	check(t, err)
	half := false
	for _, name := range logs {
		data, err := os.ReadFile(name)
		check(t, err)
		if len(data) < 32 {
			continue
		}
		size, salt := 24+int(binary.BigEndian.Uint32(data[8:])), data[16:24]
		for at := 32; at+24 <= len(data) && bytes.Equal(data[at+8:at+16], salt); at += size {
			half = binary.BigEndian.Uint32(data[at+4:]) == 0 || at+size > len(data)
		}
	}
	return half
}

// settle lets everything arrive, and holds the copy and the server against what
// was acknowledged: each to-do once, in its last version.
func settle(t *testing.T, v victim, l *ledger, w *witness) {
	t.Helper()
	network := transport.New(transport.Options{})
	defer network.CloseIdle()
	client := v.client(network)
	defer func() { check(t, client.Close()) }()
	r, err := v.open()
	check(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx, client) }()
	for tries := 0; tries == 0 || r.Snapshot().Status.Waiting > 0; tries++ {
		if err := r.SyncNow(ctx); err != nil || tries > 20 {
			t.Fatalf("%d tries: %v; %+v", tries, err, r.Snapshot().Status)
		}
	}
	if st := r.Snapshot().Status; st.Look > 0 || st.Kind != replica.OK {
		t.Fatalf("%+v\n%+v", st, r.Outbox())
	}
	list, err := client.List(ctx, "")
	check(t, err)
	var here []todo.Todo
	for _, row := range r.Snapshot().Rows {
		here = append(here, row.Todo)
		if name, number, _ := versionOf(row.Todo); name != "" {
			l.has[name] = number
		}
	}
	check(t, l.compare(""))
	cancel()
	check(t, <-ended)
	check(t, r.Close())
	for where, todos := range map[string][]todo.Todo{"here": here, "at the server": list.Todos} {
		found := map[string]int{}
		for _, item := range todos {
			name, number, err := versionOf(item)
			check(t, err)
			if name == "" {
				continue // of the playground
			}
			if found[name] > 0 || number != l.saved[name] {
				t.Errorf("%s: %s is there in version %d and %d, want %d", where, name, found[name], number, l.saved[name])
			}
			found[name] = number
		}
		for name, number := range l.saved {
			if number != gone && found[name] == 0 {
				t.Errorf("%s: %s version %d is lost", where, name, number)
			}
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, ids := range w.created {
		if len(ids) > 1 {
			t.Errorf("%s was made %d times", name, len(ids))
		}
	}
	for _, wrong := range w.wrong {
		t.Error(wrong)
	}
}

// A process that edits and syncs against the built-in playground, over REST and over
// MCP, is killed without warning, over and over: while it opens, edits, sends, and
// waits for an answer; sometimes two are killed at once. The next one opens what was
// left. The test is that process too.
func TestR20_KilledWhileItEditsAndSyncs(t *testing.T) {
	if os.Getenv("WAYBILL_TEST_VICTIM") != "" {
		var v victim
		err := json.NewDecoder(os.Stdin).Decode(&v)
		if err == nil {
			err = v.live()
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	kills := 24
	if os.Getenv("WAYBILL_SLOW") != "" {
		kills = 1000
	}
	for _, kind := range []connection.ResourceKind{connection.REST, connection.MCP} {
		t.Run(string(kind), func(t *testing.T) { killedOver(t, kind, kills) })
	}
}

func killedOver(t *testing.T, kind connection.ResourceKind, kills int) {
	p, w := onLoopback(t, kind)
	conn, token := grant(t, p, kind)
	k := &killer{w: w, l: &ledger{saved: map[string]int{}, tried: map[string]int{}, has: map[string]int{}},
		v:      victim{Dir: filepath.Join(t.TempDir(), "data"), Address: conn.Resource.URL, Kind: kind, Token: token.Reveal()},
		random: rand.New(rand.NewPCG(20, 1000)), how: map[string]int{}, held: make(chan struct{})}
	for rounds := 1; k.kills < kills; rounds++ {
		k.round(t)
		if rounds%100 == 0 {
			settle(t, k.v, k.l, w)
		}
	}
	close(k.held)
	settle(t, k.v, k.l, w)
	t.Logf("%d kills: %v", k.kills, k.how)
	t.Logf("%d of them with a request at the server, %d with a transaction half written, %d with an edit saved that was not acknowledged yet",
		k.inFlight, k.half, k.l.beyond)
	if len(w.known) == 0 {
		t.Error("the server's own record is empty")
	}
	t.Logf("%d edits of %d to-dos acknowledged; the copy was opened %d times, in at most %d ms", k.l.edits, len(k.l.saved), k.l.opened, k.l.slowest)
	if k.l.slowest > 2000 {
		t.Errorf("opening took %d ms", k.l.slowest)
	}
}

// killer starts processes and kills them.
type killer struct {
	v      victim
	w      *witness
	l      *ledger
	random *rand.Rand
	held   chan struct{} // closed when the next process is under way

	how                   map[string]int
	kills, inFlight, half int
}

// round starts one process or two and kills them.
func (k *killer) round(t *testing.T) {
	t.Helper()
	prefixes := []string{"a-", "b-"}
	if k.random.IntN(4) > 0 {
		prefixes = prefixes[:1]
	}
	held := k.held
	k.held = make(chan struct{})
	underWay := sync.OnceFunc(func() { close(held) })
	var all []*process
	for _, prefix := range prefixes {
		v := k.v
		v.Prefix, v.Seed = prefix, k.random.Uint64()
		all = append(all, begin(t, v, func() { k.inFlight += min(k.w.inFlight(), 1) }))
	}
	f := fates(all[0], k.random, k.held)
	k.how[f.when]++
	k.w.set(f.request)
	saved := 0
	failed := make(chan error, len(all))
	for i, p := range all {
		go func() {
			failed <- p.listen(k.l, func(said string) {
				if i > 0 {
					return
				}
				if saved += strings.Count(said, "saved"); saved >= 3 {
					underWay()
				}
				f.line(said)
			})
		}()
	}
	for i, p := range all {
		select {
		case <-p.dead:
		case <-time.After(time.Minute):
			t.Fatalf("process %d was not killed: %s", i, f.when)
		}
		for _, other := range all {
			other.kill() // at the same time as the first
		}
	}
	underWay()
	k.w.set(nil)
	for range all {
		check(t, <-failed)
	}
	k.kills += len(all)
	k.half += map[bool]int{true: 1}[halfWritten(t, k.v.Dir)]
}
