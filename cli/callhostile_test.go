package cli_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"waybill/cli"
	"waybill/playground"
	"waybill/playground/playgroundtest"
)

// tampered is a playground whose to-do API is answered by first where that wants
// to. It notes what it was asked.
type tampered struct {
	*server
	mu    sync.Mutex
	lines []string
}

func newTampered(t *testing.T, first func(w http.ResponseWriter, r *http.Request) bool) *tampered {
	t.Helper()
	roles := []playground.Role{playground.IdP, playground.AuthorizationServer, playground.API, playground.MCP}
	servers, at := map[playground.Role]*httptest.Server{}, map[playground.Role]string{}
	for _, role := range roles {
		servers[role] = httptest.NewUnstartedServer(nil)
		at[role] = "http://" + servers[role].Listener.Addr().String()
	}
	p, err := playground.New(playground.Options{GenerateKey: playgroundtest.Key},
		playground.Origins{IdP: at[playground.IdP], AuthorizationServer: at[playground.AuthorizationServer], API: at[playground.API], MCP: at[playground.MCP]})
	if err != nil {
		t.Fatal(err)
	}
	s := &tampered{server: &server{t: t, p: p}}
	for _, role := range roles {
		servers[role].Config.Handler = p.Handler(role)
		if role == playground.API {
			servers[role].Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s.mu.Lock()
				s.lines = append(s.lines, r.Method+" "+r.URL.Path)
				s.mu.Unlock()
				if !first(w, r) {
					p.Handler(playground.API).ServeHTTP(w, r)
				}
			})
		}
		servers[role].Start()
	}
	t.Cleanup(func() {
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		for _, one := range servers {
			one.Close()
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// asked is how often that line was asked.
func (s *tampered) asked(line string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lines {
		if l == line {
			n++
		}
	}
	return n
}

func TestS84_CallShowsTextAndRefusesBytes(t *testing.T) {
	const text = "one\x1b[2J\ntwo\u202e\r\n\x07"
	s := newTampered(t, func(w http.ResponseWriter, r *http.Request) bool {
		switch r.URL.Path {
		case "/text":
			w.Header().Set("X-Odd", "a\u202eb")
			_, _ = io.WriteString(w, text)
		case "/long":
			_, _ = io.WriteString(w, strings.Repeat("x", 200_000))
		case "/bytes":
			w.Header().Set("Content-Type", "image/png")
			_, _ = w.Write([]byte{0x89, 'P', 'N', 'G', 0, 0x1b})
		case "/away":
			w.Header().Set("Location", "https://evil.example/\u202e")
			w.WriteHeader(302)
		case "/echo":
			_, _ = io.WriteString(w, r.Header.Get("Authorization"))
		case "/endless":
			for {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return true
				}
			}
		default:
			return false
		}
		return true
	})
	c := s.signedIn("alice@example.com")
	out, errs := c.runs("call", "/text", "--include")
	if strings.ContainsAny(out+errs, "\x1b\u202e\x07\r") || !strings.Contains(out, "one□[2J\ntwo□") || !strings.Contains(out, "X-Odd: a□b\n") {
		t.Errorf("%q %q", out, errs)
	}
	if out, _ := c.runs("call", "/text", "--raw"); out != text {
		t.Errorf("%q", out)
	}
	if out, errs := c.runs("call", "/long"); len(out) > 110_000 || !strings.Contains(errs, "only the first 100000 characters") {
		t.Errorf("%d characters: %s", len(out), errs)
	}
	if out, errs := c.runs("call", "/bytes"); out != "" || !strings.Contains(errs, "6 bytes of image/png. With --raw") {
		t.Errorf("%q %s", out, errs)
	}
	if out, _ := c.runs("call", "/bytes", "--raw"); out != "\x89PNG\x00\x1b" {
		t.Errorf("%q", out)
	}
	if a := answer[struct {
		Bytes []byte `json:"body_base64"`
	}](c, "call", "/bytes"); string(a.Bytes) != "\x89PNG\x00\x1b" {
		t.Errorf("%q", a.Bytes)
	}
	status, out, errs := c.run(nil, "call", "/away")
	if status != cli.ExitFailed || strings.Contains(out+errs, "\u202e") || !strings.Contains(errs, "it points to https://evil.example/□, which was not followed") {
		t.Errorf("%d %q %q", status, out, errs)
	}
	for _, args := range [][]string{{}, {"--raw"}, {"--json"}} {
		if out, errs := c.runs(append([]string{"call", "/echo"}, args...)...); strings.Contains(out+errs, "eyJ") || !strings.Contains(out, "Bearer [redacted]") {
			t.Errorf("S91: %q: %q %q", args, out, errs)
		}
	}
	if out, errs := c.runs("call", "/endless", "--raw"); len(out) != 8<<20 || !strings.Contains(errs, "longer than 8 MiB") {
		t.Errorf("%d bytes, %s", len(out), errs)
	}
}

// What changes something goes out once, whatever the server answers and whatever
// else happens in between.
func TestADeletionIsSentOnce(t *testing.T) {
	var mu sync.Mutex
	says := ""
	s := newTampered(t, func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if says == "" || !strings.HasPrefix(r.URL.Path, "/api/todos/x") {
			return false
		}
		w.Header().Set("WWW-Authenticate", fmt.Sprintf("Bearer error=%q", says))
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	set := func(code string) {
		mu.Lock()
		defer mu.Unlock()
		says = code
	}
	c := s.signedIn("alice@example.com")
	set("invalid_token")
	c.fails(cli.ExitFailed, "nothing was sent a second time", "call", "DELETE", "/api/todos/x1")
	c.fails(cli.ExitFailed, "refused a newly issued access token", "call", "/api/todos/x2")
	set("insufficient_user_authentication")
	c.fails(cli.ExitSignInNeeded, "stronger or more recent sign-in", "call", "DELETE", "/api/todos/x3")
	c.fails(cli.ExitFailed, "was not sent again", "call", "DELETE", "/api/todos/x4", "--sign-in")
	for line, want := range map[string]int{"DELETE /api/todos/x1": 1, "GET /api/todos/x2": 2, "DELETE /api/todos/x3": 1, "DELETE /api/todos/x4": 1} {
		if n := s.asked(line); n != want {
			t.Errorf("%s: %d times, want %d", line, n, want)
		}
	}
}
