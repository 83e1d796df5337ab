package main

import (
	"context"
	"errors"
	"sync"

	"waybill/cli"
	"waybill/connection"
	"waybill/playground"
	"waybill/session"
)

// playgrounds starts the built-in playground when it is first needed, or finds
// the one that another Waybill runs.
type playgrounds struct {
	dir string

	mu  sync.Mutex
	own *playground.Playground
}

func newPlaygrounds(dir string) *playgrounds { return &playgrounds{dir: dir} }

// configured returns the playground's two connections.
func (p *playgrounds) configured(ctx context.Context) ([]session.Configured, error) {
	e, err := p.endpoints(ctx)
	if err != nil {
		return nil, err
	}
	return []session.Configured{
		builtin(e, e.Clients.REST, connection.PlaygroundName, "Built-in playground", connection.REST, e.API, "todos.read", "todos.write"),
		builtin(e, e.Clients.MCP, connection.PlaygroundMCPName, "Built-in playground (MCP)", connection.MCP, e.MCP, "todos.read", "todos.write", "mcp.access"),
	}, nil
}

func (p *playgrounds) endpoints(ctx context.Context) (playground.Endpoints, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.own != nil {
		return p.own.Endpoints(), nil
	}
	own, err := playground.Start(ctx, playground.Options{Dir: p.dir})
	if errors.Is(err, playground.ErrRunning) {
		if e, ok := playground.Attach(p.dir); ok {
			return e, nil
		}
	}
	if err != nil {
		return playground.Endpoints{}, cli.PlaygroundFault(err)
	}
	p.own = own
	return own.Endpoints(), nil
}

func (p *playgrounds) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.own != nil {
		_ = p.own.Close()
	}
}

func builtin(e playground.Endpoints, client playground.DemoClient, name, title string, kind connection.ResourceKind, url string, scopes ...string) session.Configured {
	return session.Configured{
		Connection: connection.Connection{
			Name: name, Title: title,
			IdP: connection.IdP{Issuer: e.IdP, ClientID: client.ClientID},
			Resource: connection.Resource{
				Kind: kind, URL: url, Identifier: url, AuthorizationServer: e.AuthorizationServer,
				ClientID: client.ResourceClientID, Scopes: scopes,
			},
		},
		Credentials: connection.Credentials{IdP: client.ClientSecret, Resource: client.ResourceClientSecret},
	}
}
