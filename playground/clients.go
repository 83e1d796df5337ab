package playground

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"waybill/playground/internal/authz"
	"waybill/playground/internal/idp"
	"waybill/playground/internal/mcpserver"
	"waybill/playground/internal/oauth"
	"waybill/playground/internal/state"
	"waybill/playground/internal/todoapi"
	"waybill/secret"
)

// resource is one of the two resources: its identifier, its scopes and the end
// of its clients' ids.
type resource struct {
	id     string
	suffix string
	scopes []string
}

func (o Origins) resource(role Role) (resource, bool) {
	switch role {
	case API:
		return resource{o.API, "-at-todo0", []string{todoapi.ScopeRead, todoapi.ScopeWrite}}, true
	case MCP:
		return resource{o.MCP + mcpserver.Path, "-at-todo0-mcp", []string{mcpserver.ScopeRead, mcpserver.ScopeWrite, mcpserver.ScopeAccess}}, true
	}
	return resource{}, false
}

// settle makes, at the first start, what every installation has of its own.
func settle(store *state.Store) error {
	var settled bool
	store.View(func(d *state.Data) {
		settled = d.Installation != "" && len(d.FormKey) == 32 && len(d.Demo) == 2
	})
	if settled {
		return nil
	}
	return store.Update(func(d *state.Data) error {
		d.Installation, d.FormKey = strings.ToLower(rand.Text()[:12]), make([]byte, 32)
		_, _ = rand.Read(d.FormKey) // never fails
		for _, role := range []Role{API, MCP} {
			id := make([]byte, 12)
			_, _ = rand.Read(id)
			d.Demo[role.String()] = state.Demo{
				ClientID: "client_" + hex.EncodeToString(id), ClientSecret: "secret_" + rand.Text() + rand.Text(),
				ResourceClientSecret: "secret_" + rand.Text() + rand.Text(),
			}
		}
		return nil
	})
}

// demoClients are the two registrations that settle made.
func demoClients(store *state.Store, origins Origins) (clients []Client, shown DemoClients) {
	demo := func(role Role, name string) DemoClient {
		var made state.Demo
		store.View(func(d *state.Data) { made = d.Demo[role.String()] })
		target, _ := origins.resource(role)
		c := DemoClient{
			ClientID: made.ClientID, ClientSecret: secret.New(made.ClientSecret),
			ResourceClientID: made.ClientID + target.suffix, ResourceClientSecret: secret.New(made.ResourceClientSecret),
		}
		clients = append(clients, Client{
			ID: c.ClientID, Name: name, Secret: c.ClientSecret,
			RedirectURIs: []string{"http://127.0.0.1/callback", "http://[::1]/callback"},
			Connections:  []ResourceConnection{{Resource: role, ClientID: c.ResourceClientID, Secret: c.ResourceClientSecret}},
		})
		return c
	}
	shown.REST = demo(API, "Waybill")
	shown.MCP = demo(MCP, "Waybill over MCP")
	return clients, shown
}

// registry is all registrations in the form that the two servers take.
type registry struct {
	idp   []idp.Client
	authz []authz.Client
}

// register checks a client and adds it.
func (r *registry) register(c Client, origins Origins) error {
	credential, err := credential(c.ID, c.Secret, c.JWKS, c.Public)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(r.idp, func(known idp.Client) bool { return known.ID == c.ID }) {
		return fmt.Errorf("the client %s is registered twice", c.ID)
	}
	for _, uri := range slices.Concat(c.RedirectURIs, c.PostLogoutRedirectURIs) {
		if err := checkRedirect(uri); err != nil {
			return fmt.Errorf("the client %s has a redirect URI that cannot be used: %w", c.ID, err)
		}
	}
	entry := idp.Client{Credential: credential, Name: c.Name, RedirectURIs: c.RedirectURIs, PostLogout: c.PostLogoutRedirectURIs, Bound: c.Bound}
	if entry.Name == "" {
		entry.Name = c.ID
	}
	for _, k := range c.Connections {
		connection, err := r.connect(c, k, origins)
		if err != nil {
			return fmt.Errorf("the client %s has a resource connection that cannot be used: %w", c.ID, err)
		}
		entry.Connections = append(entry.Connections, connection)
	}
	r.idp = append(r.idp, entry)
	return nil
}

// connect adds the registration at the authorization server that belongs to a
// resource connection.
func (r *registry) connect(client Client, k ResourceConnection, origins Origins) (idp.Connection, error) {
	target, ok := origins.resource(k.Resource)
	if !ok {
		return idp.Connection{}, errors.New("its resource is neither API nor MCP")
	}
	id, scopes := k.ClientID, k.Scopes
	if id == "" {
		id = client.ID + target.suffix
	}
	if len(scopes) == 0 {
		scopes = target.scopes
	}
	for _, scope := range scopes {
		if !slices.Contains(target.scopes, scope) {
			return idp.Connection{}, fmt.Errorf("the resource has no scope %q", scope)
		}
	}
	credential, err := credential(id, k.Secret, k.JWKS, k.Public)
	if err != nil {
		return idp.Connection{}, err
	}
	if slices.ContainsFunc(r.authz, func(known authz.Client) bool { return known.ID == id }) {
		return idp.Connection{}, fmt.Errorf("the client %s is registered twice", id)
	}
	r.authz = append(r.authz, authz.Client{Credential: credential, Resource: target.id, Scopes: scopes, Bound: client.Bound})
	return idp.Connection{Audience: origins.AuthorizationServer, Resource: target.id, ClientID: id, Scopes: scopes}, nil
}

func credential(id string, text secret.Text, jwks json.RawMessage, public bool) (oauth.Credential, error) {
	if id == "" || strings.ContainsFunc(id, unprintable) {
		return oauth.Credential{}, fmt.Errorf("%q is no client id: it has to be printable ASCII without blanks", id)
	}
	c := oauth.Credential{ID: id, Secret: text, Public: public}
	if len(jwks) > 0 {
		if err := json.Unmarshal(jwks, &c.Keys); err != nil {
			return c, fmt.Errorf("the keys of the client %s are no JWK Set", id)
		}
	}
	for _, key := range c.Keys.Keys {
		if weak, ok := key.Key.(*rsa.PublicKey); !key.Valid() || !key.IsPublic() || ok && weak.N.BitLen() < 2048 {
			return c, fmt.Errorf("a key of the client %s is not public, or shorter than 2048 bits", id)
		}
	}
	if public != (text.Empty() && len(c.Keys.Keys) == 0) {
		return c, fmt.Errorf("the client %s has to have a secret or a key, or to be public", id)
	}
	return c, nil
}

// unprintable reports whether r is anything but printable ASCII, or a blank.
func unprintable(r rune) bool { return r <= ' ' || r > '~' }

// checkRedirect refuses addresses that a browser must not be sent to
// (RFC 6749 section 3.1.2, RFC 8252 section 7).
func checkRedirect(uri string) error {
	u, err := url.Parse(uri)
	switch {
	case err != nil || !u.IsAbs() || strings.ContainsFunc(uri, unprintable):
		return fmt.Errorf("%q is no complete address", uri)
	case strings.Contains(uri, "#"):
		return fmt.Errorf("%q has a fragment", uri)
	case u.Scheme == "https" && u.Host != "":
	case u.Scheme == "http" && u.Host != "":
	case strings.Contains(u.Scheme, "."): // an app's own scheme, such as com.example.app
	default:
		return fmt.Errorf("%q is neither a web address nor an app's own", uri)
	}
	return nil
}

// hints explains an id that is unknown at one server and known at the other:
// crossing the two is the most common mistake.
func (r *registry) hints() (atIdP, atServer func(string) string) {
	atIdP = func(id string) string {
		for _, c := range r.idp {
			for _, k := range c.Connections {
				if k.ClientID == id {
					return "The client " + oauth.Quote(id) + " belongs to the resource's authorization server. At the identity provider the client is " + oauth.Quote(c.ID) + "."
				}
			}
		}
		return ""
	}
	atServer = func(id string) string {
		for _, c := range r.idp {
			if c.ID == id && len(c.Connections) > 0 {
				return "The client " + oauth.Quote(id) + " belongs to the identity provider. At this authorization server the client is " + oauth.Quote(c.Connections[0].ClientID) + "."
			}
		}
		return ""
	}
	return atIdP, atServer
}
