// Package resourcetest puts a resource server of the playground on a loopback
// port for a test, and hands out tokens for it.
//
// Invariant: a token that was not handed out is not valid, and what a token
// allows is what the test said.
package resourcetest

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"waybill/playground/internal/access"
)

// Tokens are the tokens that were handed out. The zero value is ready, and it
// is safe for concurrent use.
type Tokens struct {
	mu   sync.Mutex
	list map[string]access.Access
}

// Issue hands out a token.
func (t *Tokens) Issue(a access.Access) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.list == nil {
		t.list = make(map[string]access.Access)
	}
	token := rand.Text()
	t.list[token] = a
	return token
}

// Verify is access.Verifier.
func (t *Tokens) Verify(_ context.Context, bearer string) (access.Access, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a, ok := t.list[bearer]
	if !ok {
		return a, fmt.Errorf("%w: it was never issued", access.ErrInvalid)
	}
	return a, nil
}

// Server is a resource server on a loopback port.
type Server struct {
	Tokens
	Origin     string
	Identifier string // the audience of its tokens
}

// Serve starts the server that build makes, until the test ends. path is where
// the resource is below its origin.
func Serve(t testing.TB, path string, build func(origin string, v access.Verifier) http.Handler) *Server {
	t.Helper()
	web := httptest.NewUnstartedServer(nil)
	s := &Server{Origin: "http://" + web.Listener.Addr().String()}
	s.Identifier = s.Origin + path
	web.Config.Handler = build(s.Origin, s)
	web.Start()
	t.Cleanup(web.Close)
	return s
}

// Token hands out a token of subject for this server with the scopes.
func (s *Server) Token(subject string, scopes ...string) string {
	return s.Issue(access.Access{Subject: subject, Email: subject + "@example.com", Audience: s.Identifier, ClientID: "test", Scopes: scopes})
}

// Answer is an answer with its body read.
type Answer struct {
	*http.Response
	Body string
}

// Do sends a request. Headers are "Name: value"; a Host is one of them.
func (s *Server) Do(t testing.TB, method, path, token, body string, headers ...string) Answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.Origin+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		if name == "Host" {
			req.Host = value
			continue
		}
		req.Header.Add(name, value)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return Answer{resp, string(text)}
}
