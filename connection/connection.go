// Package connection holds what a user or an administrator configured: which
// identity provider, which resource, which clients, which scopes.
//
// Invariant: a Connection never holds a secret, and every identifier in it is
// kept byte for byte as it was entered, since audience, resource and issuer are
// compared byte for byte by the servers (RFC 8414 section 3.3, RFC 8707).
package connection

// ResourceKind says how a resource is called.
type ResourceKind string

// The kinds of resource.
const (
	REST ResourceKind = "rest"
	MCP  ResourceKind = "mcp"
)

// AuthMethod is a client authentication method by its name in the OAuth
// registry (RFC 7591 section 2, OpenID Connect Core section 9).
type AuthMethod string

// The methods. AuthAuto lets the server's metadata decide: private_key_jwt if
// there is a key and the server offers it, else client_secret_basic, else
// client_secret_post; none if there is neither key nor secret.
const (
	AuthAuto          AuthMethod = ""
	ClientSecretBasic AuthMethod = "client_secret_basic"
	ClientSecretPost  AuthMethod = "client_secret_post"
	PrivateKeyJWT     AuthMethod = "private_key_jwt"
	AuthNone          AuthMethod = "none"
)

// The audiences of a client assertion. Okta and most others take the token
// endpoint's address (RFC 7523 section 3), some the issuer alone.
const (
	AudienceTokenEndpoint = "token_endpoint"
	AudienceIssuer        = "issuer"
)

// Assertion says what stands in the assertions that a client signs for
// private_key_jwt. The zero value is right for most servers.
type Assertion struct {
	Audience string `json:"audience,omitempty"` // AudienceTokenEndpoint (also if empty) or AudienceIssuer
	Lifetime int    `json:"lifetime,omitempty"` // in seconds, 30 to 3600; 0: 300
	OmitJTI  bool   `json:"omit_jti,omitempty"` // for servers that do not take a jti
}

// SubjectKind says what is exchanged for an ID-JAG.
type SubjectKind string

// The kinds. SubjectAuto takes the refresh token where there is one, else the
// ID token.
const (
	SubjectAuto         SubjectKind = ""
	SubjectIDToken      SubjectKind = "id_token"
	SubjectRefreshToken SubjectKind = "refresh_token"
)

// Scopes of OpenID Connect that a sign-in asks for unless the connection says
// otherwise.
var defaultIdPScopes = []string{"openid", "profile", "email", "offline_access"}

// IdP is the registration at the identity provider: used for sign-in, refresh
// and token exchange, and nowhere else.
type IdP struct {
	Issuer     string     `json:"issuer"`
	ClientID   string     `json:"client_id"`
	AuthMethod AuthMethod `json:"auth_method,omitempty"`
	Scopes     []string   `json:"scopes,omitempty"` // empty: openid profile email offline_access
	Prompt     string     `json:"prompt,omitempty"` // sent as prompt= if not empty

	Assertion Assertion `json:"assertion,omitzero"` // for private_key_jwt

	// Overrules of what discovery says, for servers without it; usually empty.
	AuthorizationEndpoint string `json:"authorization_endpoint,omitempty"`
	TokenEndpoint         string `json:"token_endpoint,omitempty"`
	JWKSURI               string `json:"jwks_uri,omitempty"`
	EndSessionEndpoint    string `json:"end_session_endpoint,omitempty"`
}

// Resource is the registration at the resource's own authorization server, and
// the resource itself.
type Resource struct {
	Kind ResourceKind `json:"kind"`
	URL  string       `json:"url"` // REST: the API's base; MCP: the server's address

	// Identifier is the resource parameter of the exchange (RFC 8707); empty:
	// what the protected resource metadata says, else URL.
	Identifier string `json:"identifier,omitempty"`

	// AuthorizationServer is the issuer of the resource's authorization
	// server, and, without Audience, the audience of the exchange; empty: the
	// one that the protected resource metadata names.
	AuthorizationServer string `json:"authorization_server,omitempty"`

	// Audience is the audience parameter of the exchange where the identity
	// provider does not take the authorization server's issuer for it:
	// PingFederate takes the id of its connection. It is sent byte for byte;
	// empty: the issuer.
	Audience string `json:"audience,omitempty"`

	ClientID   string     `json:"client_id"`
	AuthMethod AuthMethod `json:"auth_method,omitempty"`
	Scopes     []string   `json:"scopes,omitempty"` // empty: todos.read (and mcp.access for MCP)

	Assertion Assertion `json:"assertion,omitzero"` // for private_key_jwt

	TokenEndpoint string `json:"token_endpoint,omitempty"` // overrules metadata
	MCPVersion    string `json:"mcp_version,omitempty"`    // protocol version to speak; empty: negotiate

	// Todos says where the to-dos of a REST API are; nil: as at Todo0. What it
	// points to is never changed.
	Todos *Todos `json:"todos,omitempty"`
}

// Connection is one way to reach to-dos.
type Connection struct {
	Name        string      `json:"name"`
	Title       string      `json:"title,omitempty"`        // shown to people; empty: Name
	RedirectURI string      `json:"redirect_uri,omitempty"` // empty: http://127.0.0.1:0/callback; port 0 means any
	IdP         IdP         `json:"idp"`
	Resource    Resource    `json:"resource"`
	Subject     SubjectKind `json:"subject,omitempty"`

	// Approved pins what discovery found; nil: nothing was approved yet, and
	// what is found at first is what counts from then on.
	Approved *Approved `json:"approved,omitempty"`

	// DPoP asks for tokens that are bound to a key of this app's (RFC 9449): who
	// copies one cannot use it. What is not bound then is refused as a downgrade,
	// so both servers and the resource have to support it. False: bearer tokens.
	DPoP bool `json:"dpop,omitempty"`
}

// PlaygroundName and PlaygroundMCPName name the two connections that always
// exist: to the built-in playground over REST and over MCP.
const (
	PlaygroundName    = "playground"
	PlaygroundMCPName = "playground-mcp"
)

// IsBuiltIn reports whether name is one of the two connections to the built-in
// playground.
func IsBuiltIn(name string) bool { return name == PlaygroundName || name == PlaygroundMCPName }

// SignInScopes returns the scopes to ask for at sign-in.
func (c Connection) SignInScopes() []string {
	if len(c.IdP.Scopes) > 0 {
		return append([]string(nil), c.IdP.Scopes...)
	}
	return append([]string(nil), defaultIdPScopes...)
}

// ResourceScopes returns the scopes to ask for at the exchange and at the JWT
// bearer grant.
func (c Connection) ResourceScopes() []string {
	switch {
	case len(c.Resource.Scopes) > 0:
		return append([]string(nil), c.Resource.Scopes...)
	case c.Resource.Kind == MCP:
		return []string{"todos.read", "mcp.access"}
	default:
		return []string{"todos.read"}
	}
}

// DisplayTitle is Title, or Name without one.
func (c Connection) DisplayTitle() string {
	if c.Title != "" {
		return c.Title
	}
	return c.Name
}
