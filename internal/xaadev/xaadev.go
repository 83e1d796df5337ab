// Package xaadev stands in for xaa.dev, the public playground of Cross App
// Access, in tests: its four hosts under their real names, on a network in
// memory, with the habits and the faults that it is known for.
//
// Invariant: what it does is what the documentation of xaa.dev and clients that
// work against it say, nothing kinder: redirect URIs are compared byte for byte,
// clients authenticate with client_secret_post, audience and resource are both
// required, a grant without a scope is an empty one. It shares no code of the
// protocol with the app that calls it. What is unconfirmed of the real one is a
// Habit that a test can set either way.
package xaadev

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"waybill/internal/virtualnet"
)

// The addresses, as the documentation has them.
const (
	IdP    = "https://idp.xaa.dev"
	Server = "https://auth.resource.xaa.dev"
	API    = "https://api.resource.xaa.dev"
	MCP    = "https://mcp.xaa.dev/mcp"
)

// Habits change how the world behaves. The zero value is xaa.dev as it is.
type Habits struct {
	NoRefreshToken  bool          // the IdP gives none, whatever is asked
	Revokes         bool          // the IdP has a revocation endpoint (RFC 7009), which xaa.dev has not
	BasicOnly       bool          // the AS takes client_secret_basic and no other
	DistrustIDJAGs  bool          // the AS refuses every ID-JAG, in one opaque sentence
	WrongClient     bool          // the IdP makes ID-JAGs for its own client id
	Narrow          string        // the AS grants this scope at most; "": what is asked
	ServerClock     time.Duration // how far the AS's clock is ahead
	EveryClock      time.Duration // how far the clocks of all four are, by the Date of their answers
	NoChallenge     bool          // the API's 401 does not say where its metadata is
	SlashedIssuer   bool          // the AS's metadata calls itself with a final slash
	TokenEndpoint   string        // that the AS's metadata names; "": its own
	UnquotedProfile bool          // the AS's metadata does not list the ID-JAG grant profile
}

// Registration is an app, with a pair of credentials for each of the three
// places.
type Registration struct {
	ClientID, Secret       string // at the IdP
	RESTClientID, RESTPair string // at the AS, for the REST API: id and secret
	MCPClientID, MCPPair   string // at the AS, for the MCP server: id and secret

	redirects []string
	scopes    []string // of the resource connections
}

// World is one xaa.dev. It is safe for concurrent use.
type World struct {
	key *ecdsa.PrivateKey

	mu      sync.Mutex
	habits  Habits
	apps    []*Registration
	codes   map[string]code
	refresh map[string]identity // by refresh token
	ids     map[string]identity // by ID token
	seen    map[string]bool     // jti of ID-JAGs
	log     []string
	instead map[string]http.Handler // by address
	count   int
}

type identity struct{ clientID, email string }

type code struct {
	identity
	redirect, nonce, challenge, scope string
}

// Start serves the four hosts on n.
func Start(n *virtualnet.Network) *World {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic("xaadev: " + err.Error())
	}
	w := &World{key: key, codes: map[string]code{}, refresh: map[string]identity{}, ids: map[string]identity{}, seen: map[string]bool{}, instead: map[string]http.Handler{}}
	for address, handler := range map[string]http.Handler{IdP: w.idp(), Server: w.server(), API: w.api(), MCP: w.mcp()} {
		u, _ := url.Parse(address)
		n.Serve(u.Host, w.logged(handler))
	}
	return w
}

// Register makes an app with resource connections to Todo0 over REST and MCP.
func (w *World) Register(redirects ...string) Registration {
	w.mu.Lock()
	defer w.mu.Unlock()
	id := "client_" + strings.ToLower(rand.Text())[:12]
	r := &Registration{
		ClientID: id, Secret: "idp-" + rand.Text(),
		RESTClientID: id + "-at-todo0", RESTPair: "rest-" + rand.Text(),
		MCPClientID: id + "-at-todo0-mcp", MCPPair: "mcp-" + rand.Text(),
		redirects: redirects, scopes: []string{"todos.read", "mcp.access"},
	}
	w.apps = append(w.apps, r)
	return *r
}

// Change changes the habits.
func (w *World) Change(f func(*Habits)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f(&w.habits)
}

// Narrow takes scopes from the resource connections of an app.
func (w *World) Narrow(clientID string, scopes ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if app := w.app(clientID); app != nil {
		app.scopes = scopes
	}
}

// EndSessions makes every refresh token and ID token worthless.
func (w *World) EndSessions() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.refresh)
	clear(w.ids)
}

// Seen returns everything that has arrived, request by request: host, method,
// path, query, headers and body. It is for looking for what must not be there.
func (w *World) Seen() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.log)
}

func (w *World) logged(usual http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body := readAll(r)
		w.mu.Lock()
		w.log = append(w.log, fmt.Sprintf("%s %s%s %v %s", r.Method, r.Host, r.URL.RequestURI(), r.Header, body))
		instead := w.instead["https://"+r.Host+r.URL.Path]
		ahead := w.habits.EveryClock
		w.mu.Unlock()
		if ahead != 0 {
			rw.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
		}
		if instead == nil {
			instead = usual
		}
		instead.ServeHTTP(rw, r)
	})
}

// Answer has h answer at an address, without a query, instead of what is there; nil
// undoes that.
func (w *World) Answer(address string, h http.HandlerFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if h == nil {
		delete(w.instead, address)
		return
	}
	w.instead[address] = h
}

func (w *World) habit() Habits {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.habits
}

// app finds a registration by its id at the IdP. mu is held.
func (w *World) app(clientID string) *Registration {
	for _, a := range w.apps {
		if a.ClientID == clientID {
			return a
		}
	}
	return nil
}

// next is a number that was not given before. mu is held.
func (w *World) next() int {
	w.count++
	return w.count
}

// sign makes a JWT.
func (w *World) sign(typ string, claims map[string]any) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: w.key, KeyID: "one"}},
		(&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		panic("xaadev: " + err.Error())
	}
	payload, _ := json.Marshal(claims)
	signed, err := signer.Sign(payload)
	if err != nil {
		panic("xaadev: " + err.Error())
	}
	out, err := signed.CompactSerialize()
	if err != nil {
		panic("xaadev: " + err.Error())
	}
	return out
}

// verify reads a JWT of this world; nil claims if it is none of that type.
func (w *World) verify(token, typ string) map[string]any {
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || signed.Signatures[0].Header.ExtraHeaders[jose.HeaderType] != typ {
		return nil
	}
	payload, err := signed.Verify(&w.key.PublicKey)
	if err != nil {
		return nil
	}
	var claims map[string]any
	if json.Unmarshal(payload, &claims) != nil {
		return nil
	}
	return claims
}

func text(claims map[string]any, name string) string {
	s, _ := claims[name].(string)
	return s
}

func number(claims map[string]any, name string) int64 {
	n, _ := claims[name].(float64)
	return int64(n)
}

// within returns what of asked is in allowed, in the order of asked.
func within(asked string, allowed []string) string {
	var out []string
	for _, s := range strings.Fields(asked) {
		if slices.Contains(allowed, s) {
			out = append(out, s)
		}
	}
	return strings.Join(out, " ")
}
