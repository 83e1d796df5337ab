package flowcost

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"waybill/api"
	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
	"waybill/flow"
	"waybill/playground"
	"waybill/playground/playgroundtest"
	"waybill/secret"
	"waybill/transport"
)

// job is what the process that is measured is told: by whom and how often.
type job struct {
	Connection    connection.Connection
	IdP, Resource string // secrets
	Roots         []byte // the servers' certificate, PEM
	Flows         int
	Recorded      bool
	Count         bool // the requests; it costs a little
}

const isApp = "WAYBILL_FLOWCOST_APP"

func TestMain(m *testing.M) {
	if os.Getenv(isApp) == "" {
		os.Exit(m.Run())
	}
	if err := app(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// app goes through the flows and says how much processor time they took, in
// microseconds.
func app() error {
	var j job
	if err := json.NewDecoder(os.Stdin).Decode(&j); err != nil {
		return err
	}
	var requests atomic.Int64
	if err := j.once(&requests); err != nil { // what is made at first use is not counted
		return err
	}
	requests.Store(0)
	before := processorTime()
	for range j.Flows {
		if err := j.once(&requests); err != nil {
			return err
		}
	}
	_, err := fmt.Printf("took %d %d\n", processorTime()-before, requests.Load())
	return err
}

func processorTime() int64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail for this process
	return u.Utime.Nano()/1000 + u.Stime.Nano()/1000
}

// once is one flow from nothing: discovery, sign-in, token exchange, JWT bearer
// grant, call.
func (j job) once(requests *atomic.Int64) error {
	ctx := context.Background()
	o := transport.Options{RootCAs: x509.NewCertPool()}
	o.RootCAs.AppendCertsFromPEM(j.Roots)
	if j.Count {
		o.Observe = func(transport.Exchange) { requests.Add(1) }
	}
	t := transport.New(o)
	defer t.CloseIdle()
	recorder := flow.NewHistory().Recorder(j.Connection.Name)
	signIn, calls, under := &flow.Passage{}, &flow.Passage{}, func(*flow.Passage) context.Context { return ctx }
	if j.Recorded {
		signIn, calls = recorder.SignIn(), recorder.Call(flow.ReasonCall)
		under = func(p *flow.Passage) context.Context { return p.Context(ctx) }
	}
	credentials := connection.Credentials{IdP: secret.New(j.IdP), Resource: secret.New(j.Resource)}
	plan, err := auth.Resolve(under(signIn), t, j.Connection, credentials)
	if err != nil {
		return err
	}
	attempt, err := auth.Begin(under(signIn), auth.SignInOptions{Connection: j.Connection, Credentials: credentials, Transport: t,
		OpenURL: func(url string) error { _, err := fmt.Println(url); return err }})
	if err != nil {
		return err
	}
	session, err := attempt.Wait(ctx)
	if err != nil {
		return err
	}
	ladder := auth.LadderOptions{Transport: t, Session: func() *auth.Session { return session }, Plan: func(context.Context) (*auth.Plan, error) { return plan, nil }}
	if j.Recorded {
		signIn.End("", nil)
		mint := recorder.Mint(flow.ReasonMint, "")
		ladder.Begin = func(context.Context) (context.Context, func(error)) {
			return mint.Context(ctx), func(err error) { mint.End("", fault.As(err)) }
		}
		ladder.Observe = mint.Event
	}
	client := api.NewREST(api.Options{Transport: t, Tokens: auth.NewLadder(ladder), Resource: j.Connection.Resource})
	list, err := client.List(under(calls), "")
	if err == nil && len(list.Todos) == 0 {
		err = fmt.Errorf("no to-dos came")
	}
	if j.Recorded {
		calls.End(fmt.Sprintf("%d to-dos", len(list.Todos)), fault.As(err))
	}
	attempt.Cancel() // what the browser is shown in the end costs the same
	if closing := client.Close(); err == nil {
		err = closing
	}
	return err
}

// BenchmarkFlow is what one flow costs the app. The servers and the browser are
// another process. WAYBILL_FLOWCOST_COUNTER may name a program that runs the app
// and counts its instructions; see docs/FLOW.md.
func BenchmarkFlow(b *testing.B) {
	for _, recorded := range []bool{false, true} {
		b.Run(map[bool]string{false: "plain", true: "recorded"}[recorded], func(b *testing.B) {
			r := newWorld(b).run(job{Flows: b.N, Recorded: recorded})
			b.ReportMetric(float64(r.took)/float64(b.N), "cpu-µs/op")
			if r.instructions > 0 { // with those of the start and of one more flow
				b.ReportMetric(float64(r.instructions), "instructions")
			}
		})
	}
}

// Recording asks nobody anything.
func TestRecordingMakesNoRequest(t *testing.T) {
	w := newWorld(t)
	plain, recorded := w.run(job{Flows: 2, Count: true}), w.run(job{Flows: 2, Count: true, Recorded: true})
	if plain.requests < 14 || plain.requests != recorded.requests {
		t.Errorf("%d requests without a recorder, %d with one", plain.requests, recorded.requests)
	}
}

// world is the servers and the browser.
type world struct {
	tb    testing.TB
	p     *playground.Playground
	roots []byte
	rt    *http.Transport // the browser's
}

// newWorld starts the servers as they are in the world: over TLS.
func newWorld(tb testing.TB) *world {
	tb.Helper()
	servers := map[playground.Role]*httptest.Server{}
	at := func(role playground.Role) string {
		servers[role] = httptest.NewUnstartedServer(nil)
		return "https://" + servers[role].Listener.Addr().String()
	}
	p, err := playground.New(playground.Options{GenerateKey: playgroundtest.Key, Now: time.Now}, playground.Origins{
		IdP: at(playground.IdP), AuthorizationServer: at(playground.AuthorizationServer), API: at(playground.API), MCP: at(playground.MCP)})
	if err != nil {
		tb.Fatal(err)
	}
	w := &world{tb: tb, p: p}
	roots := x509.NewCertPool()
	for role, s := range servers {
		s.Config.Handler, s.EnableHTTP2 = p.Handler(role), true
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.StartTLS()
		w.roots = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
		roots.AddCert(s.Certificate())
	}
	w.rt = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	tb.Cleanup(func() {
		w.rt.CloseIdleConnections()
		for _, s := range servers {
			s.Close()
		}
		if err := p.Close(); err != nil {
			tb.Error(err)
		}
	})
	return w
}

// result is what the app says of itself, and its counter of it.
type result struct {
	took, requests, instructions int64
}

func (w *world) run(j job) (r result) {
	w.tb.Helper()
	e := w.p.Endpoints()
	c := e.Clients.REST
	j.Connection = connection.Connection{Name: "measured", IdP: connection.IdP{Issuer: e.IdP, ClientID: c.ClientID},
		Resource: connection.Resource{Kind: connection.REST, URL: e.API, Identifier: e.API, AuthorizationServer: e.AuthorizationServer,
			ClientID: c.ResourceClientID, Scopes: []string{"todos.read"}}}
	j.IdP, j.Resource = c.ClientSecret.Reveal(), c.ResourceClientSecret.Reveal()
	j.Roots = w.roots
	input, err := json.Marshal(j)
	if err != nil {
		w.tb.Fatal(err)
	}
	words := append(strings.Fields(os.Getenv("WAYBILL_FLOWCOST_COUNTER")), os.Args[0])
	cmd := exec.CommandContext(w.tb.Context(), words[0], words[1:]...)
	cmd.Env = append(os.Environ(), isApp+"=1", "GOMAXPROCS=1")
	cmd.Stdin = bytes.NewReader(input)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		w.tb.Fatal(err)
	}
	r.took = -1
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, err := fmt.Sscanf(lines.Text(), "took %d %d", &r.took, &r.requests); err != nil {
			w.browse(lines.Text())
		}
	}
	if err := cmd.Wait(); err != nil || r.took < 0 {
		w.tb.Fatalf("%v\n%s", err, said.Bytes())
	}
	if counted := counters.FindSubmatch(said.Bytes()); counted != nil {
		r.instructions, err = strconv.ParseInt(strings.ReplaceAll(string(counted[1]), ",", ""), 10, 64)
		if err != nil {
			w.tb.Fatal(err)
		}
	}
	return r
}

// counters finds the count in what valgrind's cachegrind or perf stat says.
var counters = regexp.MustCompile(`(?m)(?:I +refs: +|^ *)([0-9,]{4,})(?: +instructions:u|$)`)

// browse is the user, who signs in and comes back.
func (w *world) browse(address string) {
	b := playgroundtest.NewBrowser(w.rt, "ada@example.com")
	back, err := b.SignIn(context.Background(), address)
	if err != nil {
		w.tb.Errorf("the browser: %v", err)
		return
	}
	_, _ = b.Open(context.Background(), back.String()) // the app does not wait for the browser
}
