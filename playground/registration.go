package playground

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"waybill/playground/internal/oauth"
)

// registration is a Client as a file gives it, in the names of RFC 7591 section 2.
// A secret has no place in it: the demo clients have theirs, and who registers a
// client wants it to do without.
type registration struct {
	ID           string             `json:"client_id"`
	Name         string             `json:"client_name"`
	RedirectURIs []string           `json:"redirect_uris"`
	AuthMethod   string             `json:"token_endpoint_auth_method"`
	JWKS         json.RawMessage    `json:"jwks"`
	Bound        bool               `json:"dpop_bound_access_tokens"`
	Connections  []registeredTarget `json:"resource_connections"`
}

type registeredTarget struct {
	Resource   string          `json:"resource"` // "api" or "mcp"
	ID         string          `json:"client_id"`
	Scope      string          `json:"scope"`
	AuthMethod string          `json:"token_endpoint_auth_method"` // empty: as at the identity provider
	JWKS       json.RawMessage `json:"jwks"`                       // empty: as there
}

// ParseClient reads a registration from JSON: a client that authenticates with a
// key of its own (private_key_jwt, with its public keys in jwks) or with its id
// alone (none). Without redirect_uris it may be sent back to
// http://127.0.0.1/callback on any port, and without resource_connections it may
// reach both resources. The error is one sentence.
func ParseClient(data []byte) (Client, error) {
	var in registration
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		return Client{}, fmt.Errorf("the registration of a client cannot be read: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Client{}, errors.New("the registration of a client goes on after its JSON object ends")
	}
	public, jwks, err := in.method(in.AuthMethod, in.JWKS)
	if err != nil {
		return Client{}, err
	}
	c := Client{ID: in.ID, Name: in.Name, RedirectURIs: in.RedirectURIs, JWKS: jwks, Public: public, Bound: in.Bound}
	if len(c.RedirectURIs) == 0 {
		c.RedirectURIs = []string{"http://127.0.0.1/callback", "http://[::1]/callback"}
	}
	if in.Connections == nil {
		in.Connections = []registeredTarget{{Resource: API.String()}, {Resource: MCP.String()}}
	}
	for _, k := range in.Connections {
		target, err := in.target(k)
		if err != nil {
			return Client{}, err
		}
		c.Connections = append(c.Connections, target)
	}
	return c, nil
}

// method says how a client authenticates.
func (in registration) method(name string, jwks json.RawMessage) (public bool, keys json.RawMessage, err error) {
	switch name {
	case oauth.MethodNone:
		return true, nil, nil
	case oauth.MethodKey:
		if len(jwks) == 0 {
			return false, nil, fmt.Errorf("the client %q has no public key in jwks", in.ID)
		}
		return false, jwks, nil
	}
	return false, nil, fmt.Errorf("the client %q has to have %s or %s as its token_endpoint_auth_method", in.ID, oauth.MethodKey, oauth.MethodNone)
}

func (in registration) target(k registeredTarget) (ResourceConnection, error) {
	out := ResourceConnection{ClientID: k.ID, Scopes: strings.Fields(k.Scope)}
	switch k.Resource {
	case API.String():
		out.Resource = API
	case MCP.String():
		out.Resource = MCP
	default:
		return out, fmt.Errorf("the client %q has a resource connection to %q, which is neither api nor mcp", in.ID, k.Resource)
	}
	method, jwks := k.AuthMethod, k.JWKS
	if method == "" {
		method = in.AuthMethod
	}
	if len(jwks) == 0 {
		jwks = in.JWKS
	}
	var err error
	out.Public, out.JWKS, err = in.method(method, jwks)
	return out, err
}
