package api_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"waybill/api"
	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
	"waybill/playground"
	"waybill/playground/playgroundtest"
	"waybill/secret"
	"waybill/todo"
	"waybill/transport"
)

// The tests of this file run against the built-in playground, with tokens that
// its own grants issued.

var _ api.Tokens = (*auth.Ladder)(nil)

// grants are Tokens by the two grants of Cross App Access, as anybody could
// write them over net/http.
type grants struct {
	http     *http.Client
	at       playground.Endpoints
	demo     playground.DemoClient
	resource string
	scope    string

	mu      sync.Mutex
	idToken string
	token   secret.Text
	granted []string
	minted  int
}

func (g *grants) post(ctx context.Context, address string, form url.Values) (map[string]any, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := g.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %d %v", address, resp.StatusCode, out["error"])
	}
	return out, nil
}

// signIn is step 1, with the playground's sign-in page.
func (g *grants) signIn(ctx context.Context, email string) error {
	const verifier, redirect = "a-verifier-of-at-least-forty-three-characters-0123", "http://127.0.0.1:8765/callback"
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{"response_type": {"code"}, "client_id": {g.demo.ClientID}, "redirect_uri": {redirect}, "scope": {"openid email"}, "state": {"s"}, "nonce": {"n"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}
	back, err := playgroundtest.NewBrowser(g.http.Transport, email).SignIn(ctx, g.at.IdP+"/authorize?"+q.Encode())
	if err != nil {
		return err
	}
	out, err := g.post(ctx, g.at.IdP+"/token", url.Values{"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")}, "redirect_uri": {redirect},
		"code_verifier": {verifier}, "client_id": {g.demo.ClientID}, "client_secret": {g.demo.ClientSecret.Reveal()}})
	if err != nil {
		return err
	}
	g.idToken, _ = out["id_token"].(string)
	return nil
}

// Token implements api.Tokens by steps 2 and 3.
func (g *grants) Token(ctx context.Context) (secret.Text, []string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.token.Empty() {
		return g.token, g.granted, nil
	}
	out, err := g.post(ctx, g.at.IdP+"/token", url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "requested_token_type": {"urn:ietf:params:oauth:token-type:id-jag"},
		"subject_token": {g.idToken}, "subject_token_type": {"urn:ietf:params:oauth:token-type:id_token"},
		"audience": {g.at.AuthorizationServer}, "resource": {g.resource}, "scope": {g.scope},
		"client_id": {g.demo.ClientID}, "client_secret": {g.demo.ClientSecret.Reveal()}})
	if err != nil {
		return secret.Text{}, nil, err
	}
	out, err = g.post(ctx, g.at.AuthorizationServer+"/token", url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {out["access_token"].(string)}, "scope": {g.scope},
		"client_id": {g.demo.ResourceClientID}, "client_secret": {g.demo.ResourceClientSecret.Reveal()}})
	if err != nil {
		return secret.Text{}, nil, err
	}
	g.minted++
	g.token, g.granted = secret.New(out["access_token"].(string)), strings.Fields(out["scope"].(string))
	return g.token, g.granted, nil
}

// Refused implements api.Tokens.
func (g *grants) Refused(token secret.Text) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if token.Equal(g.token) {
		g.token = secret.Text{}
	}
}

// signedIn returns grants for one resource of the playground, and a way to call
// that resource.
func signedIn(t testing.TB, rt http.RoundTripper, at playground.Endpoints, kind connection.ResourceKind, scope string) *grants {
	t.Helper()
	g := &grants{http: &http.Client{Transport: rt}, at: at, demo: at.Clients.REST, resource: at.API, scope: scope}
	if kind == connection.MCP {
		g.demo, g.resource = at.Clients.MCP, at.MCP
	}
	if err := g.signIn(t.Context(), "ada@example.com"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := g.Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	return g
}

func (g *grants) options(tr *transport.Client, kind connection.ResourceKind, version string) api.Options {
	return api.Options{Transport: tr, Tokens: g, Resource: connection.Resource{Kind: kind, URL: g.resource, Scopes: strings.Fields(g.scope), MCPVersion: version}}
}

const (
	restScope = "todos.read todos.write"
	mcpScope  = "todos.read todos.write mcp.access"
)

// started is a playground on this computer's loopback.
func started(t *testing.T, o playground.Options) (*playground.Playground, *http.Transport, *transport.Client) {
	t.Helper()
	o.GenerateKey = playgroundtest.Key
	p, err := playground.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	rt, tr := &http.Transport{}, transport.New(transport.Options{})
	t.Cleanup(func() {
		rt.CloseIdleConnections()
		tr.CloseIdle()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p, rt, tr
}

// clients runs f over REST and over MCP in three versions.
func clients(t *testing.T, o playground.Options, scopes map[connection.ResourceKind]string, f func(t *testing.T, c api.Client, g *grants)) {
	for _, c := range []struct {
		kind    connection.ResourceKind
		version string
	}{{connection.REST, ""}, {connection.MCP, ""}, {connection.MCP, "2025-03-26"}, {connection.MCP, "2025-11-25"}, {connection.MCP, "2026-07-28"}} {
		t.Run(string(c.kind)+c.version, func(t *testing.T) {
			p, rt, tr := started(t, o)
			g := signedIn(t, rt, p.Endpoints(), c.kind, scopes[c.kind])
			var client api.Client = api.NewREST(g.options(tr, c.kind, c.version))
			if c.kind == connection.MCP {
				client = api.NewMCP(g.options(tr, c.kind, c.version))
			}
			defer func() {
				if err := client.Close(); err != nil {
					t.Error(err)
				}
			}()
			f(t, client, g)
		})
	}
}

var readAndWrite = map[connection.ResourceKind]string{connection.REST: restScope, connection.MCP: mcpScope}

func TestPlayground_EveryOperationOverRESTAndOverMCP(t *testing.T) {
	clients(t, playground.Options{}, readAndWrite, func(t *testing.T, c api.Client, _ *grants) {
		ctx := t.Context()
		can, err := c.Capabilities(ctx)
		if want := (api.Capabilities{Read: true, Write: true, Create: true, Update: true, Delete: true}); err != nil || can != want {
			t.Fatalf("%+v %v", can, err)
		}
		first, err := c.List(ctx, "")
		if err != nil || len(first.Todos) < 20 || !first.Complete || first.User != "ada@example.com" {
			t.Fatalf("%d to-dos of %q, complete %t, %v", len(first.Todos), first.User, first.Complete, err)
		}
		if again, err := c.List(ctx, first.ETag); err != nil || !again.NotModified {
			t.Fatalf("unchanged list: %+v %v", again, err)
		}
		due := time.Date(2031, 2, 3, 0, 0, 0, 0, time.UTC)
		draft := todo.Todo{ID: "own-id-1", Title: "Würfel \"kaufen\"\nheute", Description: "d", Priority: todo.Low, Tags: []string{"a", "b c"}, Due: due}
		made, err := c.Create(ctx, draft, "key-1")
		if err != nil || made.ID != draft.ID || made.Title != draft.Title || !made.Due.Equal(due) || made.ETag == "" {
			t.Fatalf("%+v %v", made, err)
		}
		if again, err := c.Create(ctx, draft, "key-1"); err != nil || again.ID != made.ID {
			t.Fatalf("repeated with its key: %+v %v", again, err)
		}
		got, err := c.Get(ctx, made.ID)
		if err != nil || got.ETag != made.ETag || !slices.Equal(got.Tags, draft.Tags) {
			t.Fatalf("%+v %v", got, err)
		}
		done, err := c.Update(ctx, made.ID, todo.Patch{Completed: new(true), Priority: new(todo.NoPriority), Due: new(time.Time{}), Tags: &[]string{}}, made.ETag)
		if err != nil || !done.Completed || done.Priority != todo.NoPriority || !done.Due.IsZero() || len(done.Tags) != 0 || done.Title != draft.Title {
			t.Fatalf("%+v %v", done, err)
		}
		_, err = c.Update(ctx, made.ID, todo.Patch{Title: new("Later")}, made.ETag)
		wantConflict(t, err, done)
		wantConflict(t, c.Delete(ctx, made.ID, made.ETag), done)
		if err := c.Delete(ctx, made.ID, done.ETag); err != nil {
			t.Fatal(err)
		}
		if err := c.Delete(ctx, made.ID, done.ETag); err != nil {
			t.Fatalf("deleted twice: %v", err)
		}
		for name, err := range map[string]error{"get": second(c.Get(ctx, made.ID)), "update": second(c.Update(ctx, made.ID, todo.Patch{Title: new("x")}, ""))} {
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("%s of what is gone: %v", name, err)
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }

func wantConflict(t *testing.T, err error, current todo.Todo) {
	t.Helper()
	var c *api.ConflictError
	if !fault.Is(err, fault.Conflict) || !errors.As(err, &c) {
		t.Fatalf("no conflict: %v", err)
	}
	if c.Current.ID != current.ID || c.Current.ETag != current.ETag || c.Current.Title != current.Title {
		t.Errorf("the current item is %+v, want %+v", c.Current, current)
	}
}

func TestPlayground_RefusedChangesAreInvalid(t *testing.T) {
	clients(t, playground.Options{}, readAndWrite, func(t *testing.T, c api.Client, _ *grants) {
		ctx := t.Context()
		if _, err := c.Create(ctx, todo.Todo{ID: "taken", Title: "A"}, "key"); err != nil {
			t.Fatal(err)
		}
		if err := second(c.Create(ctx, todo.Todo{ID: "other", Title: "B"}, "key")); !fault.Is(err, fault.Invalid) {
			t.Errorf("a key for another to-do: %v", err)
		}
		err := second(c.Create(ctx, todo.Todo{ID: "taken", Title: "C"}, "key-2"))
		var exists *api.ConflictError
		if !fault.Is(err, fault.Conflict) || !errors.As(err, &exists) || exists.Current.Title != "A" {
			t.Errorf("an id that is taken: %v", err)
		}
		if err := second(c.Create(ctx, todo.Todo{ID: "blank", Title: "   "}, "")); !fault.Is(err, fault.Invalid) {
			t.Errorf("a blank title: %v", err)
		}
		if l, err := c.List(ctx, ""); err != nil || slices.ContainsFunc(l.Todos, func(t todo.Todo) bool { return t.ID == "other" || t.ID == "blank" }) {
			t.Errorf("something was added: %v", err)
		}
	})
}

func TestPlayground_ReadOnlyGrantSaysWhy(t *testing.T) {
	readOnly := map[connection.ResourceKind]string{connection.REST: "todos.read", connection.MCP: "todos.read mcp.access"}
	clients(t, playground.Options{}, readOnly, func(t *testing.T, c api.Client, _ *grants) {
		can, err := c.Capabilities(t.Context())
		if err != nil || !can.Read || can.Write || can.Why == "" {
			t.Fatalf("%+v %v", can, err)
		}
		if l, err := c.List(t.Context(), ""); err != nil || len(l.Todos) == 0 {
			t.Fatal(err)
		}
		err = second(c.Update(t.Context(), "x", todo.Patch{Title: new("x")}, ""))
		f := fault.As(err)
		if f.Kind != fault.Denied || f.Code != "insufficient_scope" || !strings.Contains(f.Message, "todos.write") {
			t.Errorf("%+v", f)
		}
	})
}

func TestPlayground_MissingScopeForMCPIsNamed(t *testing.T) {
	p, rt, tr := started(t, playground.Options{})
	g := signedIn(t, rt, p.Endpoints(), connection.MCP, "todos.read")
	o := g.options(tr, connection.MCP, "")
	o.Resource.Scopes = []string{"todos.read", "mcp.access"}
	c := api.NewMCP(o)
	defer c.Close()
	f := fault.As(second(c.List(t.Context(), "")))
	if f.Kind != fault.Denied || f.Message != "The access token lacks the scope mcp.access." {
		t.Errorf("%+v", f)
	}
}

func TestPlayground_R12_ExpiredTokenIsMintedAnew(t *testing.T) {
	clients(t, playground.Options{}, readAndWrite, func(t *testing.T, c api.Client, g *grants) {
		if _, err := c.List(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		g.mu.Lock()
		g.token = secret.New("a-token-that-nobody-issued")
		g.mu.Unlock()
		if _, err := c.List(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		if g.minted != 2 {
			t.Errorf("%d tokens", g.minted)
		}
	})
}

// More than the MCP server answers in one page.
func TestPlayground_ThousandsOfTodos(t *testing.T) {
	const many = 10_050
	p, rt, tr := started(t, playground.Options{Todos: many})
	c := api.NewMCP(signedIn(t, rt, p.Endpoints(), connection.MCP, mcpScope).options(tr, connection.MCP, ""))
	defer c.Close()
	l, err := c.List(t.Context(), "")
	if err != nil || len(l.Todos) != many || !l.Complete {
		t.Fatalf("%d, complete %t, %v", len(l.Todos), l.Complete, err)
	}
}
