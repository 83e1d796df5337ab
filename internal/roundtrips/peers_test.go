package roundtrips

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/auth/extauth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
	"golang.org/x/oauth2"

	"waybill/playground/playgroundtest"
	"waybill/secret"
)

// idToken signs somebody in for a peer. What that costs does not count, and
// no connection of it is left.
func (w *world) idToken() string {
	w.t.Helper()
	rt := w.plain()
	defer rt.CloseIdleConnections()
	client, _, _ := w.demo()
	config := oauth2.Config{
		ClientID: client.ClientID, ClientSecret: client.ClientSecret.Reveal(), RedirectURL: "http://127.0.0.1:8765/callback", Scopes: []string{"openid", "email"},
		Endpoint: oauth2.Endpoint{AuthURL: w.at.IdP + "/authorize", TokenURL: w.at.IdP + "/token", AuthStyle: oauth2.AuthStyleInParams},
	}
	verifier := oauth2.GenerateVerifier()
	page := config.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("nonce", "nonce"))
	back, err := playgroundtest.NewBrowser(rt, "ada@example.com").SignIn(w.t.Context(), page)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx := context.WithValue(w.t.Context(), oauth2.HTTPClient, &http.Client{Transport: rt})
	token, err := config.Exchange(ctx, back.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		w.t.Fatal(err)
	}
	id, _ := token.Extra("id_token").(string)
	return id
}

// sample is how public samples do it: with every call they read both servers'
// metadata and go through both grants, one request after the other.
type sample struct {
	*world
	http *http.Client
	id   string
}

// sample is its first call, with no connection open, and its second.
func (w *world) sample() (first, again cost) {
	s := &sample{world: w, http: &http.Client{Transport: w.plain()}, id: w.idToken()}
	defer s.http.CloseIdleConnections()
	return w.measure(s.todos), w.measure(s.todos)
}

func (s *sample) todos() error {
	client, resource, scopes := s.demo()
	scope := strings.Join(scopes, " ")
	provider, err := s.get(s.at.IdP+"/.well-known/openid-configuration", "")
	if err != nil {
		return err
	}
	jag, err := s.post(provider["token_endpoint"], url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "requested_token_type": {"urn:ietf:params:oauth:token-type:id-jag"},
		"subject_token": {s.id}, "subject_token_type": {"urn:ietf:params:oauth:token-type:id_token"},
		"audience": {s.at.AuthorizationServer}, "resource": {resource}, "scope": {scope},
		"client_id": {client.ClientID}, "client_secret": {client.ClientSecret.Reveal()},
	})
	if err != nil {
		return err
	}
	server, err := s.get(s.at.AuthorizationServer+"/.well-known/oauth-authorization-server", "")
	if err != nil {
		return err
	}
	access, err := s.post(server["token_endpoint"], url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {fmt.Sprint(jag["access_token"])}, "scope": {scope},
		"client_id": {client.ResourceClientID}, "client_secret": {client.ResourceClientSecret.Reveal()},
	})
	if err != nil {
		return err
	}
	list, err := s.get(resource+"/api/todos", fmt.Sprint(access["access_token"]))
	if err == nil && list["data"] == nil {
		err = errors.New("no to-dos")
	}
	return err
}

func (s *sample) get(address, bearer string) (map[string]any, error) {
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	return s.do(req)
}

func (s *sample) post(endpoint any, form url.Values) (map[string]any, error) {
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, fmt.Sprint(endpoint), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return s.do(req)
}

func (s *sample) do(req *http.Request) (out map[string]any, err error) {
	resp, err := s.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body) // to its end, so that the connection is kept
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answered %s", req.URL.Host, resp.Status)
	}
	if err != nil {
		return nil, err
	}
	return out, json.Unmarshal(body, &out)
}

// sdk is the MCP SDK's client with its own handler of enterprise-managed
// authorization, both with their defaults.
type sdk struct {
	*world
	http    *http.Client
	handler *extauth.EnterpriseHandler
	session *mcp.ClientSession // nil: not connected yet
}

// sdk is that client's first call, with no connection open, and its second.
//
// The SDK fetches each metadata document with a copy of the transport that it
// is given, and so over a connection of its own, to keep servers from sending it
// into private networks. It leaves alone a transport that dials by itself, as
// one for a network in memory has to. With apart this does what the SDK does
// elsewhere; without, it is generous to the SDK.
func (w *world) sdk(apart bool) (first, again cost) {
	shared := w.plain()
	var fresh []*http.Transport
	var rt http.RoundTripper = shared
	if apart {
		rt = roundTripper(func(r *http.Request) (*http.Response, error) {
			if !strings.Contains(r.URL.Path, "/.well-known/") {
				return shared.RoundTrip(r)
			}
			fresh = append(fresh, w.plain())
			return fresh[len(fresh)-1].RoundTrip(r)
		})
	}
	c := &sdk{world: w, http: &http.Client{Transport: rt}}
	defer func() {
		if c.session != nil {
			_ = c.session.Close()
		}
		for _, t := range append(fresh, shared) {
			t.CloseIdleConnections()
		}
	}()
	c.authorize()
	return w.measure(c.todos), w.measure(c.todos)
}

// authorize makes the handler.
func (c *sdk) authorize() {
	client, resource, scopes := c.demo()
	credentials := func(id string, s secret.Text) *oauthex.ClientCredentials {
		return &oauthex.ClientCredentials{ClientID: id, ClientSecretAuth: &oauthex.ClientSecretAuth{ClientSecret: s.Reveal()}}
	}
	id := c.idToken()
	var err error
	c.handler, err = extauth.NewEnterpriseHandler(&extauth.EnterpriseHandlerConfig{
		IdPIssuerURL: c.at.IdP, IdPCredentials: credentials(client.ClientID, client.ClientSecret),
		MCPAuthServerURL: c.at.AuthorizationServer, MCPResourceURI: resource,
		MCPCredentials: credentials(client.ResourceClientID, client.ResourceClientSecret), MCPScopes: scopes,
		HTTPClient: c.http,
		IDTokenFetcher: func(context.Context) (*oauth2.Token, error) {
			return new(oauth2.Token).WithExtra(map[string]any{"id_token": id}), nil
		},
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (c *sdk) todos() (err error) {
	ctx := c.t.Context()
	if c.session == nil {
		client := mcp.NewClient(&mcp.Implementation{Name: "peer", Version: "1"}, nil)
		c.session, err = client.Connect(ctx, &mcp.StreamableClientTransport{Endpoint: c.at.MCP, HTTPClient: c.http, OAuthHandler: c.handler}, nil)
		if err != nil {
			return err
		}
	}
	result, err := c.session.CallTool(ctx, &mcp.CallToolParams{Name: "list_todos", Arguments: map[string]any{}})
	if err != nil {
		return err
	}
	text, err := json.Marshal(result.Content)
	if err == nil && (result.IsError || !bytes.Contains(text, []byte("title"))) {
		err = fmt.Errorf("no to-dos: %s", text)
	}
	return err
}

// courteous lets the SDK's handler through, which the playground's
// authorization server, like xaa.dev's, would stop twice: it adds the PKCE
// member that the handler wants to see in metadata, and the scope to a JWT
// bearer grant without one. Neither takes time.
func courteous(server http.Handler, scopes []string) http.Handler {
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

// legacy makes an MCP server one of the time before server/discover, which such
// servers refuse for the protocol version in its header.
func legacy(server http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" && r.Header.Get("Mcp-Protocol-Version") >= "2026" {
			http.Error(rw, "Bad Request: Unsupported protocol version", http.StatusBadRequest)
			return
		}
		server.ServeHTTP(rw, r)
	})
}
