package playground

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/go-jose/go-jose/v4"

	"waybill/playground/internal/authz"
	"waybill/playground/internal/dpop"
	"waybill/playground/internal/idp"
	"waybill/playground/internal/keys"
	"waybill/playground/internal/mcpserver"
	"waybill/playground/internal/state"
	"waybill/playground/internal/todoapi"
	"waybill/playground/internal/todostore"
)

// Playground is a running playground. It is safe for concurrent use.
type Playground struct {
	o         Options
	folder    *folder
	store     *state.Store
	origins   Origins
	endpoints Endpoints
	instance  string // of this process, for Attach

	idpKeys, serverKeys *keys.Set
	policy              atomic.Pointer[idp.Policy]
	handlers            map[Role]http.Handler

	stop   func() error // ends the listeners; nil for New
	closed sync.Once
}

// New makes a playground that is reached under origins through the handlers of
// Handler. It listens nowhere and starts no goroutine. Close releases
// Options.Dir.
func New(o Options, origins Origins) (*Playground, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	p, err := open(o)
	if err != nil {
		return nil, err
	}
	if err := p.assemble(origins); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// open takes the folder and reads the state.
func open(o Options) (*Playground, error) {
	folder, err := takeFolder(o.Dir)
	if err != nil {
		return nil, err
	}
	p := &Playground{o: o, folder: folder, instance: rand.Text()}
	p.store, err = state.Open(o.Dir, o.Now, o.Log)
	if err == nil {
		err = settle(p.store)
	}
	if err != nil {
		folder.release()
		return nil, fmt.Errorf("the playground's state cannot be used: %w", err)
	}
	return p, nil
}

// assemble makes the four services for their origins.
func (p *Playground) assemble(origins Origins) error {
	if err := origins.check(); err != nil {
		return err
	}
	p.origins = origins
	demo, shown := demoClients(p.store, origins)
	var all registry
	for _, c := range slices.Concat(demo, p.o.Clients) {
		if err := all.register(c, origins); err != nil {
			return err
		}
		if slices.ContainsFunc(c.Connections, func(k ResourceConnection) bool { return k.Public }) {
			p.o.Log.Warn("A public client may redeem ID-JAGs. This flow SHOULD be for confidential clients only (draft section 9.1).", "client", c.ID)
		}
	}
	var err error
	if p.idpKeys, err = p.keys(IdP); err != nil {
		return err
	}
	if p.serverKeys, err = p.keys(AuthorizationServer); err != nil {
		return err
	}
	p.SetPolicy(p.o.Policy)
	server, err := p.authorizationServer(all)
	if err != nil {
		return err
	}
	todos, err := todostore.Open(todostore.Options{Dir: p.subfolder("todos"), Todos: p.o.Todos, Now: p.o.Now, Log: p.o.Log})
	if err != nil {
		return fmt.Errorf("the playground's to-dos cannot be used: %w", err)
	}
	p.handlers = map[Role]http.Handler{
		IdP:                 p.identityProvider(all),
		AuthorizationServer: server.Handler(),
		API: todoapi.New(todoapi.Options{
			Origin: origins.API, AuthorizationServer: origins.AuthorizationServer, Verifier: server, Store: todos, Log: p.o.Log,
			Proofs: p.proofs(),
		}),
		MCP: mcpserver.New(mcpserver.Options{
			Origin: origins.MCP, AuthorizationServer: origins.AuthorizationServer, Verifier: server, Store: todos, Log: p.o.Log,
			SilentScopeFailure: !p.o.ScopeErrors, Proofs: p.proofs(),
		}),
	}
	for role, handler := range p.handlers {
		p.handlers[role] = p.guard(role, handler)
	}
	p.endpoints = Endpoints{
		IdP: origins.IdP, AuthorizationServer: origins.AuthorizationServer, API: origins.API, MCP: origins.MCP + mcpserver.Path,
		Clients: shown,
	}
	return nil
}

func (p *Playground) subfolder(name string) string {
	if p.o.Dir == "" {
		return ""
	}
	return filepath.Join(p.o.Dir, name)
}

func (p *Playground) keys(role Role) (*keys.Set, error) {
	return keys.New(keys.Options{Store: p.store, Role: role.String(), Now: p.o.Now, Generate: p.o.GenerateKey})
}

func (p *Playground) identityProvider(all registry) http.Handler {
	hint, _ := all.hints()
	return idp.New(idp.Options{
		Issuer: p.origins.IdP, Store: p.store, Keys: p.idpKeys, Clients: all.idp, Now: p.o.Now, Log: p.o.Log, Hint: hint,
		Lives: idp.Lives{
			Code: p.o.CodeLife, IDToken: p.o.IDTokenLife, IDJAG: p.o.IDJAGLife,
			Refresh: p.o.RefreshTokenLife, Login: p.o.SessionLife,
		},
		Policy: func() idp.Policy { return *p.policy.Load() },
		Proofs: p.proofs(),
	}).Handler()
}

func (p *Playground) authorizationServer(all registry) (*authz.Server, error) {
	issuers, err := p.issuers()
	if err != nil {
		return nil, err
	}
	var resources []authz.Resource
	for _, role := range []Role{API, MCP} {
		r, _ := p.origins.resource(role)
		resources = append(resources, authz.Resource{ID: r.id, Scopes: r.scopes})
	}
	_, hint := all.hints()
	return authz.New(authz.Options{
		Issuer: p.origins.AuthorizationServer, Store: p.store, Keys: p.serverKeys, Resources: resources, Clients: all.authz,
		Issuers: issuers, TokenLife: p.o.AccessTokenLife, Now: p.o.Now, Log: p.o.Log, Hint: hint,
		Proofs: p.proofs(),
	}), nil
}

// proofs is how one of the servers treats proofs of possession. Each has nonces of
// its own.
func (p *Playground) proofs() dpop.Policy {
	if p.o.DPoP == DPoPOff {
		return dpop.Policy{}
	}
	return dpop.Policy{Verifier: dpop.New(p.o.Now, p.o.DPoPNonce), Required: p.o.DPoP == DPoPRequired}
}

// ownProvider goes before the colon in the sub of the users of our own identity
// provider.
const ownProvider = "playground"

// issuers are the identity provider and those of Options.Trust.
func (p *Playground) issuers() ([]authz.TrustedIssuer, error) {
	trusted := []authz.TrustedIssuer{{ID: p.origins.IdP, Provider: ownProvider, Keys: keySource{p.idpKeys}}}
	for _, issuer := range p.o.Trust {
		remote, err := authz.NewRemote(issuer, p.o.HTTPClient, p.o.Now)
		if err != nil {
			return nil, err
		}
		_, name, _ := cutScheme(issuer)
		name = url.QueryEscape(name) // without a colon, so that no two subjects can be mixed up
		for _, other := range trusted {
			if other.ID == issuer || other.Provider == name {
				return nil, fmt.Errorf("%q cannot be trusted: it cannot be told from %q", issuer, other.ID)
			}
		}
		trusted = append(trusted, authz.TrustedIssuer{ID: issuer, Provider: name, Keys: remote})
	}
	return trusted, nil
}

// keySource gives the identity provider's keys to the authorization server
// without a request.
type keySource struct{ set *keys.Set }

// Keys implements authz.KeySource.
func (k keySource) Keys(ctx context.Context, _ string) (jose.JSONWebKeySet, error) {
	return k.set.Public(ctx)
}

// Handler serves one of the four services.
func (p *Playground) Handler(role Role) http.Handler { return p.handlers[role] }

// Endpoints says where everything is.
func (p *Playground) Endpoints() Endpoints { return p.endpoints }

// SetPolicy replaces what the identity provider refuses, at once.
func (p *Playground) SetPolicy(policy Policy) {
	next := idp.Policy{
		DenyUsers: slices.Clone(policy.DenyUsers), DenyClients: slices.Clone(policy.DenyClients),
		MaxAge: policy.MaxAge, ACR: policy.ACR,
	}
	p.policy.Store(&next)
}

// RotateKeys makes the identity provider sign with a new key. The old one stays
// in its JWKS for a day.
func (p *Playground) RotateKeys() error { return p.idpKeys.Rotate() }

// Close stops the services, lets go of the folder and is safe to call twice.
func (p *Playground) Close() error {
	var err error
	p.closed.Do(func() {
		if p.stop != nil {
			err = p.stop()
		}
		p.folder.release()
	})
	return err
}
