package connection

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
