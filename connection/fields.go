package connection

import (
	"fmt"
	"slices"
	"strings"

	"waybill/fault"
)

// Field names one setting of a connection as the connection file does: what
// stands in "idp" or "resource" with that and a dot before it.
type Field string

// The fields that are text. The last four are secrets: they belong to
// Credentials and never to a Connection.
const (
	FieldName          Field = "name"
	FieldTitle         Field = "title"
	FieldRedirectURI   Field = "redirect_uri"
	FieldSubject       Field = "subject"
	FieldIssuer        Field = "idp.issuer"
	FieldIdPClientID   Field = "idp.client_id"
	FieldIdPMethod     Field = "idp.auth_method"
	FieldIdPScopes     Field = "idp.scopes"
	FieldPrompt        Field = "idp.prompt"
	FieldAuthorization Field = "idp.authorization_endpoint"
	FieldIdPToken      Field = "idp.token_endpoint"
	FieldJWKS          Field = "idp.jwks_uri"
	FieldEndSession    Field = "idp.end_session_endpoint"
	FieldKind          Field = "resource.kind"
	FieldURL           Field = "resource.url"
	FieldIdentifier    Field = "resource.identifier"
	FieldServer        Field = "resource.authorization_server"
	FieldAudience      Field = "resource.audience"
	FieldClientID      Field = "resource.client_id"
	FieldMethod        Field = "resource.auth_method"
	FieldScopes        Field = "resource.scopes"
	FieldToken         Field = "resource.token_endpoint"
	FieldMCPVersion    Field = "resource.mcp_version"

	FieldIdPSecret Field = "idp.client_secret"
	FieldSecret    Field = "resource.client_secret"
	FieldIdPKey    Field = "idp.private_key"
	FieldKey       Field = "resource.private_key"
)

// Settings that are no text: Fields does not list them, and Get and With do not
// know them.
const (
	FieldDPoP         Field = "dpop"
	FieldIdPAssertion Field = "idp.assertion"
	FieldAssertion    Field = "resource.assertion"
	FieldTodos        Field = "resource.todos"
)

// fields holds them in the order in which a form asks for them, with what a
// person is told.
var fields = []struct {
	field       Field
	label, hint string
}{
	{FieldName, "Name", "Letters, digits, dots and dashes."},
	{FieldTitle, "Title", "What the connection is called in the window."},
	{FieldIssuer, "Issuer", "The identity provider's address, exactly as it writes it itself: a final slash matters."},
	{FieldIdPClientID, "Client ID at the identity provider", "Of the registration that signs you in."},
	{FieldIdPSecret, "Client secret at the identity provider", "It belongs to the client ID above and is sent to the identity provider only."},
	{FieldIdPKey, "Private key at the identity provider", "Made on this computer with 'waybill connections key'; its public half is registered at the identity provider."},
	{FieldIdPMethod, "Client authentication at the identity provider", "client_secret_basic, client_secret_post, private_key_jwt or none; empty: as the server's metadata says."},
	{FieldIdPScopes, "Scopes at the identity provider", "Separated by blanks; empty: openid profile email offline_access."},
	{FieldPrompt, "Prompt", "Sent as prompt= at sign-in, consent for example; usually empty."},
	{FieldAuthorization, "Authorization endpoint", "Overrules the identity provider's metadata; usually empty."},
	{FieldIdPToken, "Token endpoint of the identity provider", "Overrules its metadata; usually empty."},
	{FieldJWKS, "Key set", "Overrules the identity provider's metadata; usually empty."},
	{FieldEndSession, "End session endpoint", "Overrules the identity provider's metadata; usually empty."},
	{FieldKind, "Kind", "rest or mcp."},
	{FieldURL, "Address", "REST: the API's base; MCP: the server's address."},
	{FieldIdentifier, "Resource identifier", "The resource parameter of the token exchange; empty: what the resource says of itself, else its address."},
	{FieldServer, "Authorization server", "Its issuer, exactly as it writes it itself; empty: the one that the resource names."},
	{FieldAudience, "Audience", "The audience parameter of the token exchange, where it is not the authorization server's issuer: at PingFederate the id of the connection."},
	{FieldClientID, "Client ID at the resource", "Of the registration at the resource's authorization server; it is another one than at the identity provider."},
	{FieldSecret, "Client secret at the resource", "It belongs to the client ID above and is sent to the resource's authorization server only."},
	{FieldKey, "Private key at the resource", "Made on this computer with 'waybill connections key'; its public half is registered at the resource's authorization server."},
	{FieldMethod, "Client authentication at the resource", "client_secret_basic, client_secret_post, private_key_jwt or none; empty: as the server's metadata says."},
	{FieldScopes, "Scopes at the resource", "Separated by blanks; empty: todos.read, and mcp.access for MCP."},
	{FieldToken, "Token endpoint of the resource's authorization server", "Overrules its metadata; usually empty."},
	{FieldMCPVersion, "MCP version", "The protocol version to speak; empty: the newest that both know."},
	{FieldSubject, "Subject token", "refresh_token or id_token; empty: the refresh token where there is one."},
	{FieldRedirectURI, "Redirect URI", "Register exactly this at the identity provider. Port 0 means any free port, for providers that allow that."},
}

// Fields returns all fields in the order in which a form asks for them.
func Fields() []Field {
	var out []Field
	for _, f := range fields {
		out = append(out, f.field)
	}
	return out
}

// Label is what people are shown instead of the field's name; it is the name
// for a field that does not exist.
func (f Field) Label() string {
	if f == FieldDPoP {
		return "Tokens bound to this computer (DPoP)"
	}
	for _, known := range fields {
		if known.field == f {
			return known.label
		}
	}
	return string(f)
}

// Hint says in a sentence or two what belongs into the field.
func (f Field) Hint() string {
	for _, known := range fields {
		if known.field == f {
			return known.hint
		}
	}
	return ""
}

// IsSecret reports whether the field's value is a secret, which no Connection
// holds.
func (f Field) IsSecret() bool {
	return f == FieldIdPSecret || f == FieldSecret || f == FieldIdPKey || f == FieldKey
}

// Get returns the value of a field, scopes separated by blanks; "" for a
// secret and for a field that does not exist.
func (c Connection) Get(f Field) string {
	if scopes := c.scopeList(f); scopes != nil {
		return strings.Join(*scopes, " ")
	}
	if get, _ := c.access(f); get != nil {
		return get()
	}
	return ""
}

// With returns a copy in which the field has another value, kept byte for
// byte. Whether the value will do is for Validate to say. A field that does not
// exist and a secret are Faults of kind Config.
func (c Connection) With(f Field, value string) (Connection, error) {
	c.IdP.Scopes, c.Resource.Scopes = slices.Clone(c.IdP.Scopes), slices.Clone(c.Resource.Scopes)
	if scopes := c.scopeList(f); scopes != nil {
		*scopes = strings.Fields(value)
		return c, nil
	}
	if f.IsSecret() {
		return c, wrong("secret_in_connection", fmt.Sprintf("%q is a secret, which is not part of a connection.", f)).
			WithRemedy("Leave it out and be asked for it.")
	}
	_, set := c.access(f)
	if set == nil {
		return c, wrong("unknown_field", fmt.Sprintf("A connection has no field %q.", fault.Clean(string(f), 80))).
			WithRemedy("Check its spelling.")
	}
	set(value)
	return c, nil
}

func (c *Connection) scopeList(f Field) *[]string {
	switch f {
	case FieldIdPScopes:
		return &c.IdP.Scopes
	case FieldScopes:
		return &c.Resource.Scopes
	}
	return nil
}

// access returns how to read and write a field of c that holds one text.
func (c *Connection) access(f Field) (get func() string, set func(string)) {
	i, r := &c.IdP, &c.Resource
	texts := map[Field]*string{
		FieldName: &c.Name, FieldTitle: &c.Title, FieldRedirectURI: &c.RedirectURI,
		FieldIssuer: &i.Issuer, FieldIdPClientID: &i.ClientID, FieldPrompt: &i.Prompt,
		FieldAuthorization: &i.AuthorizationEndpoint, FieldIdPToken: &i.TokenEndpoint, FieldJWKS: &i.JWKSURI, FieldEndSession: &i.EndSessionEndpoint,
		FieldURL: &r.URL, FieldIdentifier: &r.Identifier, FieldServer: &r.AuthorizationServer, FieldAudience: &r.Audience,
		FieldClientID: &r.ClientID, FieldToken: &r.TokenEndpoint, FieldMCPVersion: &r.MCPVersion,
	}
	if text := texts[f]; text != nil {
		return func() string { return *text }, func(v string) { *text = v }
	}
	switch f {
	case FieldSubject:
		return func() string { return string(c.Subject) }, func(v string) { c.Subject = SubjectKind(v) }
	case FieldIdPMethod:
		return func() string { return string(i.AuthMethod) }, func(v string) { i.AuthMethod = AuthMethod(v) }
	case FieldMethod:
		return func() string { return string(r.AuthMethod) }, func(v string) { r.AuthMethod = AuthMethod(v) }
	case FieldKind:
		return func() string { return string(r.Kind) }, func(v string) { r.Kind = ResourceKind(v) }
	}
	return nil, nil
}
