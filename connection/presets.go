package connection

import "slices"

// Preset is a connection that is complete but for what only the user has.
type Preset struct {
	ID       string // stays the same; "xaa-dev"
	Title    string
	Needs    string // what an administrator must have done first, one or two sentences
	Register string // the web page where that is done, may be empty

	// Ask are the fields that the user has to fill in, in the order of a form;
	// nothing else need be touched. Those in Empty may be left empty all the
	// same: Discover finds them, or the server's metadata does.
	Ask   []Field
	Empty []Field

	// BuiltIn is true for the playground: its connections exist already and
	// nothing is asked.
	BuiltIn bool

	// ByAddress is true where discovery from resource.url comes first.
	ByAddress bool

	Connection Connection
}

// Presets lists the services that Waybill knows, in the order in which they
// are offered. No two have the same ID or connection name.
func Presets() []Preset {
	return slices.Concat(
		[]Preset{builtIn(REST), builtIn(MCP), xaaDev(REST), xaaDev(MCP)},
		[]Preset{oktaToXAADev(), oktaAgent(), oktaToAuth0(), pingFederate()},
		[]Preset{mcpByAddress(), byHand()},
	)
}

// PresetsNamed returns those of Presets that have one of the ids, in the order
// of the ids.
func PresetsNamed(ids ...string) []Preset {
	var out []Preset
	for _, id := range ids {
		for _, p := range Presets() {
			if p.ID == id {
				out = append(out, p)
			}
		}
	}
	return out
}

// fixedRedirect is the redirect URI where the identity provider compares it
// byte for byte, so that the port cannot be chosen at each sign-in.
const fixedRedirect = "http://127.0.0.1:8765/callback"

// bothPairs are the two registrations, which nobody but the user has.
var bothPairs = []Field{FieldIdPClientID, FieldIdPSecret, FieldClientID, FieldSecret}

func builtIn(kind ResourceKind) Preset {
	p := Preset{
		ID: PlaygroundName, Title: "Built-in playground over REST", BuiltIn: true,
		Needs:      "Nothing: an identity provider, an authorization server and a to-do service run on this computer.",
		Connection: Connection{Name: PlaygroundName, Title: "Built-in playground", Resource: Resource{Kind: REST}},
	}
	if kind == MCP {
		p.ID, p.Title = PlaygroundMCPName, "Built-in playground over MCP"
		p.Connection.Name, p.Connection.Title, p.Connection.Resource.Kind = PlaygroundMCPName, "Built-in playground (MCP)", MCP
	}
	return p
}

// todo0 is xaa.dev's to-do service. Its documentation prescribes
// client_secret_post.
func todo0(kind ResourceKind) Resource {
	r := Resource{
		Kind: REST, URL: "https://api.resource.xaa.dev", Identifier: "https://api.resource.xaa.dev",
		AuthorizationServer: "https://auth.resource.xaa.dev", AuthMethod: ClientSecretPost,
		Scopes: []string{"todos.read"},
	}
	if kind == MCP {
		r.Kind, r.URL, r.Identifier = MCP, "https://mcp.xaa.dev/mcp", "https://mcp.xaa.dev/mcp"
		r.Scopes, r.MCPVersion = []string{"todos.read", "mcp.access"}, "2025-03-26"
	}
	return r
}

// xaaDev is Okta's public playground. It compares redirect URIs byte for byte.
func xaaDev(kind ResourceKind) Preset {
	p := Preset{
		ID: "xaa-dev", Title: "xaa.dev to-dos over REST",
		Needs:    "Register an app at xaa.dev with the redirect URI below and a resource connection to Todo0. Both pairs of credentials are shown there once.",
		Register: "https://xaa.dev/developer/register",
		Ask:      bothPairs,
		Connection: Connection{
			Name: "xaa-dev", Title: "xaa.dev", RedirectURI: fixedRedirect,
			IdP:      IdP{Issuer: "https://idp.xaa.dev", AuthMethod: ClientSecretPost, Prompt: "consent"},
			Resource: todo0(kind),
		},
	}
	if kind == MCP {
		p.ID, p.Title = "xaa-dev-mcp", "xaa.dev to-dos over MCP"
		p.Connection.Name, p.Connection.Title = "xaa-dev-mcp", "xaa.dev (MCP)"
	}
	return p
}

// oktaToXAADev is xaa.dev's "test your requesting app": sign-in at one's own
// Okta org, to-dos at xaa.dev. Only the org's own authorization server issues
// ID-JAGs, so the issuer has no /oauth2 path.
func oktaToXAADev() Preset {
	return Preset{
		ID: "okta-to-xaa-dev", Title: "Your Okta org to xaa.dev",
		Needs:    "An administrator of the Okta org switches on Cross App Access, registers this app there with the redirect URI below, and connects it to Todo0. xaa.dev shows the pair for the resource under “Test your requesting app”.",
		Register: "https://xaa.dev/developer/register",
		Ask:      slices.Concat([]Field{FieldIssuer}, bothPairs),
		Connection: Connection{
			Name: "okta-xaa-dev", Title: "Okta to xaa.dev", RedirectURI: fixedRedirect,
			IdP: IdP{}, Resource: todo0(REST),
		},
	}
}

// oktaAgent signs its requests instead of sending a secret. Okta takes the
// token endpoint's address as the assertion's audience, which is the default.
func oktaAgent() Preset {
	return Preset{
		ID: "okta-ai-agent", Title: "Okta AI agent with a key",
		Needs: "An administrator of the Okta org registers an AI agent with the redirect URI below and the public key that Waybill makes, and adds a resource connection. The resource identifier here must equal the one of that connection.",
		Ask: []Field{FieldName, FieldIssuer, FieldIdPClientID, FieldIdPKey, FieldKind, FieldURL, FieldIdentifier,
			FieldServer, FieldClientID, FieldSecret, FieldScopes},
		Empty: []Field{FieldIdentifier, FieldServer, FieldScopes, FieldSecret},
		Connection: Connection{
			Name: "okta-ai-agent", Title: "Okta AI agent", RedirectURI: fixedRedirect,
			IdP: IdP{AuthMethod: PrivateKeyJWT}, Resource: Resource{Kind: REST},
		},
	}
}

// oktaToAuth0: Auth0's issuers end in a slash, which belongs to the audience.
func oktaToAuth0() Preset {
	return Preset{
		ID: "okta-to-auth0", Title: "Your Okta org to an app behind Auth0",
		Needs: "An administrator of the Okta org connects this app to the other one, and an administrator of the Auth0 tenant accepts ID-JAGs from that org for this client (early access). The authorization server is https://{tenant}/ with its final slash, the resource identifier the API identifier at Auth0.",
		Ask:   []Field{FieldName, FieldIssuer, FieldIdPClientID, FieldIdPSecret, FieldKind, FieldURL, FieldServer, FieldIdentifier, FieldClientID, FieldSecret, FieldScopes},
		Empty: []Field{FieldScopes},
		Connection: Connection{
			Name: "okta-auth0", Title: "Okta to Auth0", RedirectURI: fixedRedirect,
			Resource: Resource{Kind: REST, AuthMethod: ClientSecretPost},
		},
	}
}

// pingFederate takes the id of its connection for an audience, and recommends
// the refresh token as the subject.
func pingFederate() Preset {
	return Preset{
		ID: "pingfederate", Title: "PingFederate with the refresh token",
		Needs: "An administrator of PingFederate (13.1 or later) registers this app with the redirect URI below, the refresh token grant and token exchange, and sets up the connection to the resource. The audience is the id of that connection, not an address.",
		Ask: []Field{FieldName, FieldIssuer, FieldIdPClientID, FieldIdPSecret, FieldAudience, FieldKind, FieldURL, FieldIdentifier,
			FieldServer, FieldClientID, FieldSecret, FieldScopes},
		Empty: []Field{FieldIdentifier, FieldServer, FieldScopes},
		Connection: Connection{
			Name: "pingfederate", Title: "PingFederate", RedirectURI: fixedRedirect,
			Resource: Resource{Kind: REST}, Subject: SubjectRefreshToken,
		},
	}
}

// mcpByAddress is for MCP servers under "enterprise-managed authorization":
// the rest is found from the address (RFC 9728, RFC 8414).
func mcpByAddress() Preset {
	return Preset{
		ID: "mcp", Title: "An MCP server, by its address", ByAddress: true,
		Needs: "Whoever runs the MCP server trusts your identity provider (enterprise-managed authorization) and gives you a client ID there; your identity provider has registered this app too.",
		Ask:   slices.Concat([]Field{FieldURL, FieldIssuer}, bothPairs),
		Empty: []Field{FieldIdPSecret, FieldSecret},
		Connection: Connection{
			Name: "mcp", Title: "MCP server", RedirectURI: DefaultRedirectURI, Resource: Resource{Kind: MCP},
		},
	}
}

func byHand() Preset {
	return Preset{
		ID: "by-hand", Title: "Everything by hand",
		Needs: "A registration at the identity provider and one at the resource's authorization server, and a connection between the two.",
		Ask: []Field{FieldName, FieldIssuer, FieldIdPClientID, FieldIdPSecret, FieldKind, FieldURL, FieldIdentifier, FieldServer,
			FieldClientID, FieldSecret, FieldScopes, FieldRedirectURI},
		Empty:      []Field{FieldIdPSecret, FieldIdentifier, FieldServer, FieldSecret, FieldScopes, FieldRedirectURI},
		Connection: Connection{Name: "my-connection", RedirectURI: DefaultRedirectURI, Resource: Resource{Kind: REST}},
	}
}
