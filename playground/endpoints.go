package playground

import (
	"encoding/json"
	"log/slog"

	"waybill/secret"
)

// Endpoints says where the services are and how the demo clients authenticate.
//
// Its JSON is for handing credentials to a client and therefore shows the
// secrets; everything else that prints it redacts them.
type Endpoints struct {
	IdP                 string // issuer of the identity provider
	AuthorizationServer string // issuer of the resource's authorization server
	API                 string // base and identifier of the to-do API
	MCP                 string // address and identifier of the MCP server
	Clients             DemoClients
}

// DemoClients are the two clients that every installation has.
type DemoClients struct{ REST, MCP DemoClient }

// DemoClient is one client with its two registrations.
type DemoClient struct {
	ClientID             string      // at the identity provider
	ClientSecret         secret.Text // at the identity provider
	ResourceClientID     string      // at the authorization server
	ResourceClientSecret secret.Text // at the authorization server
}

// endpointsJSON is the form in which Endpoints are handed on.
type endpointsJSON struct {
	IdP                 string `json:"idp"`
	AuthorizationServer string `json:"authorization_server"`
	API                 string `json:"api"`
	MCP                 string `json:"mcp"`
	Clients             struct {
		REST clientJSON `json:"rest"`
		MCP  clientJSON `json:"mcp"`
	} `json:"clients"`
}

type clientJSON struct {
	ClientID             string `json:"client_id"`
	ClientSecret         string `json:"client_secret"`
	ResourceClientID     string `json:"resource_client_id"`
	ResourceClientSecret string `json:"resource_client_secret"`
}

// MarshalJSON shows the secrets.
func (e Endpoints) MarshalJSON() ([]byte, error) {
	out := endpointsJSON{IdP: e.IdP, AuthorizationServer: e.AuthorizationServer, API: e.API, MCP: e.MCP}
	show := func(c DemoClient) clientJSON {
		return clientJSON{c.ClientID, c.ClientSecret.Reveal(), c.ResourceClientID, c.ResourceClientSecret.Reveal()}
	}
	out.Clients.REST, out.Clients.MCP = show(e.Clients.REST), show(e.Clients.MCP)
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (e *Endpoints) UnmarshalJSON(raw []byte) error {
	var in endpointsJSON
	if err := json.Unmarshal(raw, &in); err != nil {
		return err
	}
	hide := func(c clientJSON) DemoClient {
		return DemoClient{c.ClientID, secret.New(c.ClientSecret), c.ResourceClientID, secret.New(c.ResourceClientSecret)}
	}
	*e = Endpoints{
		IdP: in.IdP, AuthorizationServer: in.AuthorizationServer, API: in.API, MCP: in.MCP,
		Clients: DemoClients{REST: hide(in.Clients.REST), MCP: hide(in.Clients.MCP)},
	}
	return nil
}

// LogValue leaves the clients out, since a log in JSON would otherwise show the
// secrets.
func (e Endpoints) LogValue() slog.Value {
	return slog.GroupValue(slog.String("idp", e.IdP), slog.String("authorization_server", e.AuthorizationServer),
		slog.String("api", e.API), slog.String("mcp", e.MCP))
}
