package connection

import "cmp"

// Approved is where a connection sent secrets and tokens when somebody last
// looked at that: what discovery had found then. What a server says later
// counts only as far as it is the same; everything else is a difference that
// has to be approved first. An empty member approves whatever is found.
type Approved struct {
	AuthorizationEndpoint string `json:"authorization_endpoint,omitempty"` // of the identity provider
	IdPTokenEndpoint      string `json:"idp_token_endpoint,omitempty"`
	JWKSURI               string `json:"jwks_uri,omitempty"`
	Identifier            string `json:"identifier,omitempty"` // of the resource
	AuthorizationServer   string `json:"authorization_server,omitempty"`
	TokenEndpoint         string `json:"token_endpoint,omitempty"` // of the authorization server
}

// For returns the approval as far as it can be meant for c: what c sets by hand
// has been approved by that, and goes before what was found.
func (a Approved) For(c Connection) Approved {
	if server := c.Resource.AuthorizationServer; server != "" && server != a.AuthorizationServer {
		a.AuthorizationServer, a.TokenEndpoint = server, "" // that of another server says nothing about this one's
	}
	for _, set := range []struct {
		value string
		field *string
	}{
		{c.IdP.AuthorizationEndpoint, &a.AuthorizationEndpoint}, {c.IdP.TokenEndpoint, &a.IdPTokenEndpoint}, {c.IdP.JWKSURI, &a.JWKSURI},
		{c.Resource.Identifier, &a.Identifier}, {c.Resource.TokenEndpoint, &a.TokenEndpoint},
	} {
		if set.value != "" {
			*set.field = set.value
		}
	}
	return a
}

// Or returns a with what it leaves open taken from found.
func (a Approved) Or(found Approved) Approved {
	return Approved{
		AuthorizationEndpoint: cmp.Or(a.AuthorizationEndpoint, found.AuthorizationEndpoint),
		IdPTokenEndpoint:      cmp.Or(a.IdPTokenEndpoint, found.IdPTokenEndpoint),
		JWKSURI:               cmp.Or(a.JWKSURI, found.JWKSURI),
		Identifier:            cmp.Or(a.Identifier, found.Identifier),
		AuthorizationServer:   cmp.Or(a.AuthorizationServer, found.AuthorizationServer),
		TokenEndpoint:         cmp.Or(a.TokenEndpoint, found.TokenEndpoint),
	}
}
