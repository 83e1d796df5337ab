package connection

// Preset is a connection that is complete but for what only the user has: the
// two client ids and their secrets.
type Preset struct {
	Title      string
	Needs      string // what must have been done first, one or two sentences
	Register   string // the web page where the clients are registered, may be empty
	Connection Connection
}

// Presets lists the services that Waybill knows, in the order in which they
// are offered.
func Presets() []Preset {
	return []Preset{xaaDev(REST), xaaDev(MCP)}
}

// xaaDev is Okta's public playground. It compares redirect URIs byte for byte,
// so the port is fixed, and its documentation prescribes client_secret_post.
func xaaDev(kind ResourceKind) Preset {
	p := Preset{
		Title:    "xaa.dev to-dos over REST",
		Needs:    "Register an app at xaa.dev with the redirect URI below and a resource connection to Todo0. Both pairs of credentials are shown there once.",
		Register: "https://xaa.dev/developer/register",
		Connection: Connection{
			Name: "xaa-dev", Title: "xaa.dev", RedirectURI: "http://127.0.0.1:8765/callback",
			IdP: IdP{Issuer: "https://idp.xaa.dev", AuthMethod: ClientSecretPost, Prompt: "consent"},
			Resource: Resource{
				Kind: REST, URL: "https://api.resource.xaa.dev", Identifier: "https://api.resource.xaa.dev",
				AuthorizationServer: "https://auth.resource.xaa.dev", AuthMethod: ClientSecretPost,
				Scopes: []string{"todos.read"},
			},
		},
	}
	if kind == MCP {
		p.Title = "xaa.dev to-dos over MCP"
		c := &p.Connection
		c.Name, c.Title = "xaa-dev-mcp", "xaa.dev (MCP)"
		c.Resource.Kind, c.Resource.URL, c.Resource.Identifier = MCP, "https://mcp.xaa.dev/mcp", "https://mcp.xaa.dev/mcp"
		c.Resource.Scopes, c.Resource.MCPVersion = []string{"todos.read", "mcp.access"}, "2025-03-26"
	}
	return p
}
