package playground

import (
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"waybill/playground/internal/idp"
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

	// DPoP says how the servers treat proofs of possession (RFC 9449), and
	// DPoPNonce has them demand their nonces in the proofs.
	DPoP      DPoPMode
	DPoPNonce bool

	// ScopeErrors makes the MCP server answer 403 insufficient_scope to a token
	// without the scopes. Without it the server does as xaa.dev's: it lists
	// everything, and reading gives, under status 200, text with an error.
	ScopeErrors bool

	// Lifetimes, counted in whole seconds; zero fields are those of xaa.dev.
	CodeLife         time.Duration // 60 s, at most 10 min
	IDTokenLife      time.Duration // 10 min, at most a day; also of the identity provider's own access token
	IDJAGLife        time.Duration // 5 min, at most one hour
	AccessTokenLife  time.Duration // 2 h, at most a day
	RefreshTokenLife time.Duration // 30 days from its last rotation
	SessionLife      time.Duration // 8 h, of the browser's session at the identity provider

	Log *slog.Logger     // nil: no log; never receives a secret or a token
	Now func() time.Time // nil: time.Now

	// HTTPClient fetches the keys of trusted issuers; nil: one of its own.
	// No redirect is followed and no cookie sent, whatever it says.
	HTTPClient *http.Client

	// GenerateKey makes a signing key; nil: a new RSA key of 2048 bits. It is
	// a seam for tests that start many playgrounds.
	GenerateKey func() (*rsa.PrivateKey, error)
}

// DPoPMode says how proofs of possession (DPoP, RFC 9449) are treated.
type DPoPMode int

// The modes. A client of which DPoP is required gets nothing without a proof at
// any token request.
const (
	DPoPOptional DPoPMode = iota // who sends a proof gets tokens that are bound to its key
	DPoPRequired                 // of every client
	DPoPOff                      // proofs are ignored, as by servers that do not know them
)

// String is the mode's name.
func (m DPoPMode) String() string {
	return [...]string{"optional", "required", "off"}[m]
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
// byte for byte; the MCP server is at MCP + "/mcp". AuthorizationServer may end in
// a slash, which then belongs to the issuer, as it does at Auth0.
type Origins struct{ IdP, AuthorizationServer, API, MCP string }

// Client is a further registration at the identity provider and, with
// Connections, at the authorization server.
type Client struct {
	ID     string
	Name   string          // shown on the sign-in page; empty: ID
	Secret secret.Text     // for client_secret_basic and client_secret_post
	JWKS   json.RawMessage // public keys (RFC 7517 section 5) for private_key_jwt
	Public bool            // has neither; authenticates with its id alone
	Bound  bool            // DPoP is required of it (dpop_bound_access_tokens, RFC 9449 section 5.2)

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

	// Public lets it authenticate with its id alone. The draft says that this
	// flow SHOULD be for confidential clients only (section 9.1): whoever gets
	// hold of an ID-JAG can redeem it then, unless it is bound to a key.
	Public bool
}

// Policy is what the identity provider refuses at the token exchange, beside
// what no resource connection allows.
type Policy struct {
	DenyUsers   []string // e-mail addresses that are answered access_denied
	DenyClients []string // client ids that are answered access_denied

	// MaxAge, if positive, asks for a sign-in that is no older, and ACR, if
	// not empty, for one of that strength; else the answer is
	// insufficient_user_authentication with max_age and acr_values.
	MaxAge time.Duration
	ACR    string // ACRStepUp or another of acr_values_supported
}

// ACRStepUp is the stronger of the two authentication contexts that the
// identity provider knows. A sign-in reaches it by being asked for it in
// acr_values.
const ACRStepUp = idp.ACRStepUp

// withDefaults fills what is left out and checks the rest.
func (o Options) withDefaults() (Options, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Addr == "" {
		o.Addr = "127.0.0.1"
	}
	if ip, err := netip.ParseAddr(o.Addr); err != nil || !ip.IsLoopback() || ip.Zone() != "" {
		return o, fmt.Errorf("the playground cannot listen on %q: it takes any six digits for a sign-in, so it serves this computer only, on a loopback address such as 127.0.0.1", o.Addr)
	}
	if o.HTTPClient == nil {
		o.HTTPClient = &http.Client{}
	}
	if o.Latency < 0 || o.Latency > time.Minute {
		return o, fmt.Errorf("the latency has to be between 0 and one minute, and is %v", o.Latency)
	}
	for _, life := range []struct {
		name          string
		value         *time.Duration
		usual, atMost time.Duration
	}{
		{"an authorization code", &o.CodeLife, time.Minute, 10 * time.Minute},
		{"an ID token", &o.IDTokenLife, 10 * time.Minute, 24 * time.Hour},
		{"an ID-JAG", &o.IDJAGLife, 5 * time.Minute, time.Hour},
		{"an access token", &o.AccessTokenLife, 2 * time.Hour, 24 * time.Hour},
		{"a refresh token", &o.RefreshTokenLife, 30 * 24 * time.Hour, 10 * 365 * 24 * time.Hour},
		{"a session", &o.SessionLife, 8 * time.Hour, 365 * 24 * time.Hour},
	} {
		if *life.value == 0 {
			*life.value = life.usual
		}
		if *life.value < time.Second || *life.value > life.atMost {
			return o, fmt.Errorf("the life of %s has to be between one second and %v, and is %v", life.name, life.atMost, *life.value)
		}
		*life.value = life.value.Truncate(time.Second)
	}
	return o, nil
}
