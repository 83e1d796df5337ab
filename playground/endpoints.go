package playground

import (
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
