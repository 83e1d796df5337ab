package playground

import (
	"crypto/rsa"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"waybill/secret"
)

// Options are the settings of a playground. The zero value is an ephemeral one
// with the lifetimes of xaa.dev.
type Options struct {
	Dir   string // the folder for the state; empty: nothing is kept
	Addr  string // a loopback IP address; empty: 127.0.0.1
	Ports Ports  // zero fields: the port of the last start, else any free one

	Todos   int           // how many to-dos a new user starts with; 0: a believable list of about two dozen
	Latency time.Duration // how long every answer is held back, to try slow networks
	Trust   []string      // further issuers whose ID-JAGs the authorization server takes
	Clients []Client      // further registrations besides the two demo clients
	Policy  Policy        // what the identity provider refuses; SetPolicy changes it

	// Lifetimes; zero fields are those of xaa.dev.
	CodeLife         time.Duration // 60 s
	IDTokenLife      time.Duration // 10 min, also of the identity provider's own access token
	IDJAGLife        time.Duration // 5 min, at most one hour
	AccessTokenLife  time.Duration // 2 h
	RefreshTokenLife time.Duration // 30 days from its last rotation
	SessionLife      time.Duration // 8 h, of the browser's session at the identity provider

	Log *slog.Logger     // nil: no log; never receives a secret or a token
	Now func() time.Time // nil: time.Now

	// HTTPClient fetches the keys of trusted issuers; nil: one of its own.
	// It must not follow redirects.
	HTTPClient *http.Client

	// GenerateKey makes a signing key; nil: a new RSA key of 2048 bits. It is
	// a seam for tests that start many playgrounds.
	GenerateKey func() (*rsa.PrivateKey, error)
}

// Ports are the TCP ports of the four services.
type Ports struct {
	IdP                 int `json:"idp"`
	AuthorizationServer int `json:"authorization_server"`
	API                 int `json:"api"`
	MCP                 int `json:"mcp"`
}

// Role names one of the four services.
type Role int

// The services.
const (
	IdP Role = iota
	AuthorizationServer
	API
	MCP
)

// String names the role as the JSON of Endpoints does.
func (r Role) String() string {
	return [...]string{"idp", "authorization_server", "api", "mcp"}[r]
}

// Origins are the four origins (scheme://host[:port], no path, no final slash)
// under which the handlers of New are reached. The issuers are the first two
// byte for byte; the MCP server is at MCP + "/mcp".
type Origins struct{ IdP, AuthorizationServer, API, MCP string }

// Client is a further registration at the identity provider and, with
// Connections, at the authorization server.
type Client struct {
	ID     string
	Name   string          // shown on the sign-in page; empty: ID
	Secret secret.Text     // for client_secret_basic and client_secret_post
	JWKS   json.RawMessage // public keys (RFC 7517 section 5) for private_key_jwt
	Public bool            // has neither; authenticates with its id alone

	// RedirectURIs are compared byte for byte; only the port of a loopback IP
	// address may differ (RFC 8252 section 7.3).
	RedirectURIs           []string
	PostLogoutRedirectURIs []string // compared byte for byte

	Connections []ResourceConnection
}

// ResourceConnection is the identity provider's policy that lets a client
// reach one of the two resources, and the client's registration at their
// authorization server.
type ResourceConnection struct {
	Resource Role     // API or MCP
	Scopes   []string // what may be asked for; empty: all scopes of that resource

	ClientID string          // at the authorization server; empty: ID + "-at-todo0" or "-at-todo0-mcp"
	Secret   secret.Text     // of that client
	JWKS     json.RawMessage // its public keys for private_key_jwt
}

// Policy is what the identity provider refuses at the token exchange.
type Policy struct {
	DenyUsers   []string // e-mail addresses that are answered access_denied
	DenyClients []string // client ids that are answered access_denied

	// MaxAge, if positive, asks for a sign-in that is no older, and ACR, if
	// not empty, for one of that strength; else the answer is
	// insufficient_user_authentication with max_age and acr_values.
	MaxAge time.Duration
	ACR    string
}
