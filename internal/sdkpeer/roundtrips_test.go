package sdkpeer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth/extauth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
	"golang.org/x/oauth2"

	"waybill/api"
	"waybill/auth"
	"waybill/connection"
	"waybill/internal/virtualnet"
	"waybill/playground"
	"waybill/playground/playgroundtest"
	"waybill/secret"
	"waybill/transport"
)

const rtt = 150 * time.Millisecond

var scopes = []string{"todos.read", "mcp.access"}

// world is the playground on a network where only round trips take time.
type world struct {
	t       *testing.T
	net     *virtualnet.Network
	at      playground.Endpoints
	idToken string
}

// inWorld runs f after somebody has signed in: an ID token is there, and no
// connection is open.
func inWorld(t *testing.T, f func(w *world)) {
	if _, err := playgroundtest.Key(); err != nil { // before virtual time begins
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		n := virtualnet.New(rtt)
		p, err := playground.New(playground.Options{GenerateKey: playgroundtest.Key, Now: time.Now}, playground.Origins{
			IdP: "https://idp.example", AuthorizationServer: "https://auth.example", API: "https://api.example", MCP: "https://mcp.example"})
		if err != nil {
			t.Fatal(err)
		}
		n.Serve("idp.example", p.Handler(playground.IdP))
		n.Serve("auth.example", courteous(p.Handler(playground.AuthorizationServer)))
		n.Serve("api.example", p.Handler(playground.API))
		n.Serve("mcp.example", p.Handler(playground.MCP))
		w := &world{t: t, net: n, at: p.Endpoints()}
		w.signIn()
		f(w)
		n.Close()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
}

// courteous lets the SDK's handler through, which the playground, like xaa.dev,
// would stop twice: it adds the PKCE member that the handler wants to see in
// metadata, and to a JWT bearer grant without a scope the scope.
func courteous(server http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost:
			if err := r.ParseForm(); err == nil && r.PostForm.Get("scope") == "" {
				r.PostForm.Set("scope", strings.Join(scopes, " "))
			}
			body := r.PostForm.Encode()
			r.Body, r.ContentLength, r.Form, r.PostForm = io.NopCloser(strings.NewReader(body)), int64(len(body)), nil, nil
			server.ServeHTTP(rw, r)
		case strings.HasPrefix(r.URL.Path, "/.well-known/oauth-authorization-server"):
			answer := httptest.NewRecorder()
			server.ServeHTTP(answer, r)
			var metadata map[string]any
			if json.Unmarshal(answer.Body.Bytes(), &metadata) == nil {
				metadata["code_challenge_methods_supported"] = []string{"S256"}
			}
			rw.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(rw).Encode(metadata)
		default:
			server.ServeHTTP(rw, r)
		}
	})
}

// fresh is an HTTP transport without connections.
func (w *world) fresh() *http.Transport {
	return &http.Transport{DialContext: w.net.DialContext, TLSClientConfig: &tls.Config{RootCAs: w.net.CertPool()}, ForceAttemptHTTP2: true}
}

// signIn signs a person in for the MCP demo client; what that costs does not
// count.
func (w *world) signIn() {
	w.t.Helper()
	const verifier, redirect = "a-verifier-of-at-least-forty-three-characters-0123", "http://127.0.0.1:8765/callback"
	rt := w.fresh()
	defer rt.CloseIdleConnections()
	sum := sha256.Sum256([]byte(verifier))
	client := w.at.Clients.MCP
	q := url.Values{"response_type": {"code"}, "client_id": {client.ClientID}, "redirect_uri": {redirect}, "scope": {"openid email"}, "state": {"s"}, "nonce": {"n"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}
	back, err := playgroundtest.NewBrowser(rt, "ada@example.com").SignIn(w.t.Context(), w.at.IdP+"/authorize?"+q.Encode())
	if err != nil {
		w.t.Fatal(err)
	}
	answer, err := (&http.Client{Transport: rt}).PostForm(w.at.IdP+"/token", url.Values{"grant_type": {"authorization_code"},
		"code": {back.Query().Get("code")}, "redirect_uri": {redirect}, "code_verifier": {verifier},
		"client_id": {client.ClientID}, "client_secret": {client.ClientSecret.Reveal()}})
	if err != nil {
		w.t.Fatal(err)
	}
	defer answer.Body.Close()
	var tokens struct {
		IDToken string `json:"id_token"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&tokens); err != nil || tokens.IDToken == "" {
		w.t.Fatalf("no ID token: %v", err)
	}
	w.idToken = tokens.IDToken
}

// cost is what one way took.
type cost struct {
	trips           float64
	requests, dials int
}

func (w *world) measure(f func(ctx context.Context) error) cost {
	w.t.Helper()
	w.net.Reset()
	var err error
	trips := w.net.RoundTrips(func() { err = f(w.t.Context()) })
	if err != nil {
		w.t.Fatal(err)
	}
	return cost{trips, len(w.net.Requests()), len(w.net.Dials())}
}

// waybill is the way of the app. With warm, what it does while the person is
// still typing in the browser has been done: metadata, keys, connections.
func (w *world) waybill(version string, warm bool) cost {
	w.t.Helper()
	client := w.at.Clients.MCP
	tr := transport.New(transport.Options{DialContext: w.net.DialContext, RootCAs: w.net.CertPool()})
	defer tr.CloseIdle()
	conn := connection.Connection{Name: "mcp",
		IdP: connection.IdP{Issuer: w.at.IdP, ClientID: client.ClientID},
		Resource: connection.Resource{Kind: connection.MCP, URL: w.at.MCP, Identifier: w.at.MCP, AuthorizationServer: w.at.AuthorizationServer,
			ClientID: client.ResourceClientID, Scopes: scopes, MCPVersion: version}}
	plans := auth.NewPlanCache(tr, conn, connection.Credentials{IdP: client.ClientSecret, Resource: client.ResourceClientSecret}, nil)
	defer plans.Close()
	var session *auth.Session
	ladder := auth.NewLadder(auth.LadderOptions{Plan: plans.Get, Transport: tr, Session: func() *auth.Session { return session }})
	mcpClient := api.NewMCP(api.Options{Transport: tr, Tokens: ladder, Resource: conn.Resource})
	defer mcpClient.Close()
	check := func(ctx context.Context) error {
		plan, err := plans.Get(ctx)
		if err != nil {
			return err
		}
		session, err = auth.SessionFromIDToken(ctx, tr, plan.Provider, client.ClientID, auth.IDToken{Text: secret.New(w.idToken)})
		return err
	}
	if warm {
		if err := check(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		for _, address := range []string{w.at.AuthorizationServer, w.at.MCP} {
			origin, err := transport.Origin(address)
			if err != nil {
				w.t.Fatal(err)
			}
			tr.Preconnect(w.t.Context(), origin)
		}
	}
	return w.measure(func(ctx context.Context) error {
		if !warm {
			if err := check(ctx); err != nil {
				return err
			}
		}
		list, err := mcpClient.List(ctx, "")
		if err == nil && len(list.Todos) == 0 {
			return fmt.Errorf("no to-dos")
		}
		return err
	})
}

// guarded fetches each piece of metadata over a connection of its own, as the
// SDK does with any transport whose dialling it may replace. It leaves alone one
// that dials by itself, which a network in memory needs.
type guarded struct {
	*http.Transport
	fresh func() *http.Transport
}

func (g guarded) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.URL.Path, "/.well-known/") {
		return g.fresh().RoundTrip(r)
	}
	return g.Transport.RoundTrip(r)
}

// sdk is the way of the SDK: its handler, its client, its defaults. Without
// guard it keeps to the connections that it has.
func (w *world) sdk(guard bool) cost {
	w.t.Helper()
	demo := w.at.Clients.MCP
	shared := w.fresh()
	defer shared.CloseIdleConnections()
	var rt http.RoundTripper = shared
	if guard {
		rt = guarded{shared, func() *http.Transport {
			once := w.fresh()
			w.t.Cleanup(once.CloseIdleConnections)
			return once
		}}
	}
	credentials := func(id string, s secret.Text) *oauthex.ClientCredentials {
		return &oauthex.ClientCredentials{ClientID: id, ClientSecretAuth: &oauthex.ClientSecretAuth{ClientSecret: s.Reveal()}}
	}
	handler, err := extauth.NewEnterpriseHandler(&extauth.EnterpriseHandlerConfig{
		IdPIssuerURL: w.at.IdP, IdPCredentials: credentials(demo.ClientID, demo.ClientSecret),
		MCPAuthServerURL: w.at.AuthorizationServer, MCPResourceURI: w.at.MCP,
		MCPCredentials: credentials(demo.ResourceClientID, demo.ResourceClientSecret), MCPScopes: scopes,
		HTTPClient: &http.Client{Transport: rt},
		IDTokenFetcher: func(context.Context) (*oauth2.Token, error) {
			return new(oauth2.Token).WithExtra(map[string]any{"id_token": w.idToken}), nil
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	client := mcp.NewClient(&mcp.Implementation{Name: "peer", Version: "1"}, nil)
	var open *mcp.ClientSession
	spent := w.measure(func(ctx context.Context) error {
		if open, err = client.Connect(ctx, &mcp.StreamableClientTransport{Endpoint: w.at.MCP, HTTPClient: &http.Client{Transport: rt}, OAuthHandler: handler}, nil); err != nil {
			return err
		}
		result, err := open.CallTool(ctx, &mcp.CallToolParams{Name: "list_todos", Arguments: map[string]any{}})
		if err != nil {
			return err
		}
		text, err := json.Marshal(result.Content)
		if err != nil || result.IsError || !bytes.Contains(text, []byte("title")) {
			return fmt.Errorf("no to-dos: %s %v", text, err)
		}
		return nil
	})
	if err := open.Close(); err != nil {
		w.t.Logf("closing: %v", err)
	}
	return spent
}

func TestRoundTripsBesideTheSDKsOwnHandler(t *testing.T) {
	var peer, lenient cost
	inWorld(t, func(w *world) { peer = w.sdk(true) })
	inWorld(t, func(w *world) { lenient = w.sdk(false) })
	fmt.Printf("\nFrom an ID token to the first to-do over MCP, virtual time, %v a round trip:\n\n", rtt)
	fmt.Printf("%-56s %11s %8s %11s %6s\n", "", "round trips", "requests", "connections", "ratio")
	tell := func(what string, c cost) {
		fmt.Printf("%-56s %11.4f %8d %11d %6.2f\n", what, c.trips, c.requests, c.dials, c.trips/peer.trips)
	}
	tell("the SDK's EnterpriseHandler and client", peer)
	tell("the same, without its new connection for each metadata", lenient)
	for _, c := range []struct {
		what, version string
		warm          bool
		trips         float64
		dials         int
	}{
		{"Waybill, MCP 2026-07-28, warmed during the sign-in", "2026-07-28", true, 3, 0},
		{"Waybill, MCP 2025-03-26, warmed during the sign-in", "2025-03-26", true, 4, 0},
		{"Waybill, MCP 2026-07-28, everything cold", "2026-07-28", false, 9, 3},
	} {
		inWorld(t, func(w *world) {
			got := w.waybill(c.version, c.warm)
			tell(c.what, got)
			if got.trips != c.trips || got.dials != c.dials {
				t.Errorf("%s took %.4f round trips and %d connections; %.0f and %d are due", c.what, got.trips, got.dials, c.trips, c.dials)
			}
			if got.trips >= lenient.trips {
				t.Errorf("%s is no better than the peer", c.what)
			}
		})
	}
}
