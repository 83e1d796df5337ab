package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"waybill/connection"
	"waybill/fault"
	"waybill/secret"
	"waybill/todo"
	"waybill/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// mint stands in for the token ladder: one token is kept until it is refused.
type mint struct {
	mu      sync.Mutex
	scopes  []string // granted; nil: not said
	err     error
	current secret.Text
	minted  int
	refused []secret.Text
}

func (m *mint) Token(ctx context.Context) (secret.Text, []string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return secret.Text{}, nil, m.err
	}
	if m.current.Empty() {
		m.minted++
		m.current = secret.New(fmt.Sprintf("canary-token-%06d-abcdefghijklmnop", m.minted))
	}
	return m.current, m.scopes, nil
}

func (m *mint) Refused(token secret.Text) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refused = append(m.refused, token)
	if token.Equal(m.current) {
		m.current = secret.Text{}
	}
}

func (m *mint) held() secret.Text {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.current
}

func (m *mint) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.minted
}

var readWrite = []string{"todos.read", "todos.write"}

// peer is a resource server that does as a test says, and what it was sent.
type peer struct {
	*httptest.Server
	mint   *mint
	client *transport.Client

	mu   sync.Mutex
	seen []seen
}

type seen struct {
	method, uri string
	header      http.Header
	body        string
}

func newPeer(t *testing.T, scopes []string, handle http.HandlerFunc) *peer {
	t.Helper()
	p := &peer{mint: &mint{scopes: scopes}, client: transport.New(transport.Options{})}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		p.mu.Lock()
		p.seen = append(p.seen, seen{r.Method, r.RequestURI, r.Header.Clone(), string(body)})
		p.mu.Unlock()
		handle(w, r)
	}))
	t.Cleanup(func() {
		p.client.CloseIdle()
		p.Server.Close()
		for _, s := range p.requests() {
			if strings.Contains(s.uri, "canary") {
				t.Errorf("S59: a token in the address %s %s", s.method, s.uri)
			}
		}
	})
	return p
}

func (p *peer) requests() []seen {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]seen(nil), p.seen...)
}

// rest returns a client of the peer's REST API that asks for the scopes which
// the peer grants.
func (p *peer) rest(t *testing.T) Client {
	t.Helper()
	c := NewREST(Options{Transport: p.client, Tokens: p.mint,
		Resource: connection.Resource{Kind: connection.REST, URL: p.URL, Scopes: readWrite}})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// sends answers every request alike.
func sends(status int, kind, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

const jsonType = "application/json"

// wantFault checks the kind of an error, and what holds for every Fault.
func wantFault(t *testing.T, err error, kind fault.Kind) *fault.Fault {
	t.Helper()
	var f *fault.Fault
	if !errors.As(err, &f) {
		t.Fatalf("error %v is no Fault", err)
	}
	if f.Kind != kind {
		t.Fatalf("kind %d of %q (code %s, server %q), want %d", f.Kind, f.Error(), f.Code, f.Server, kind)
	}
	checkFault(t, f)
	return f
}

func checkFault(t *testing.T, f *fault.Fault) {
	t.Helper()
	for name, text := range map[string]string{"message": f.Message, "remedy": f.Remedy, "server": f.Server, "code": f.Code, "all": fmt.Sprintf("%v %+v %#v", f.Error(), f.Challenge, f.Server)} {
		if strings.Contains(text, "canary") {
			t.Errorf("the %s shows a token: %q", name, text)
		}
		if text != fault.Clean(text, 4096) && name != "all" {
			t.Errorf("the %s is not clean: %q", name, text)
		}
	}
	if f.Step == "" || f.Code == "" || !strings.HasSuffix(f.Message, ".") {
		t.Errorf("incomplete fault: step %q, code %q, message %q", f.Step, f.Code, f.Message)
	}
	if len([]rune(f.Server)) > fault.MaxServerRunes {
		t.Errorf("%d runes of the server's words", len([]rune(f.Server)))
	}
}

func listJSON(t testing.TB, todos ...todo.Todo) string {
	t.Helper()
	if todos == nil {
		todos = []todo.Todo{}
	}
	data, err := json.Marshal(map[string]any{"success": true, "count": len(todos), "user": "ada@example.com", "data": todos})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func itemJSON(t testing.TB, item todo.Todo) string {
	t.Helper()
	data, err := json.Marshal(map[string]any{"success": true, "data": item})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func pointerTo[T any](v T) *T { return &v }
