package session

import (
	"context"

	"waybill/api"
	"waybill/connection"
	"waybill/explore"
	"waybill/fault"
)

// used is what a call of the Explorer comes to: nothing that the record of the
// call says by itself.
type used struct{}

// ExploreMCP returns what the MCP server of the open account offers and the way
// to use it. It notices what the server describes otherwise than before, in another
// process too. Its calls use the account's tokens and are recorded, what the user
// asks for as a Run of its own. With a resource that is no MCP server it is a Fault of kind Config.
func (m *Manager) ExploreMCP(ctx context.Context) (*explore.MCP, error) {
	a, err := m.needAccount()
	if err != nil {
		return nil, err
	}
	if err := a.connect(ctx); err != nil {
		return nil, err
	}
	if a.plans.configured.Connection.Resource.Kind != connection.MCP {
		return nil, fault.New(fault.StepSetup, fault.Config, "not_mcp", "The resource of this connection is not an MCP server.").
			WithRemedy("Choose another with --connection.")
	}
	return a.mcp(), nil
}

// exploreMCP calls the MCP server of the account.
func (a *account) exploreMCP() *explore.MCP {
	m := explore.NewMCP(func(ctx context.Context, asked bool, f func(ctx context.Context, c *api.MCPClient) error) (run uint64, err error) {
		call := func(ctx context.Context) error {
			mcp, ok := a.client.(*api.MCPClient)
			if !ok {
				return errClosing
			}
			return f(ctx, mcp)
		}
		if asked {
			return a.asked(ctx, call)
		}
		_, err = through(ctx, resource{a}, func(ctx context.Context, _ api.Client) (used, error) { return used{}, call(ctx) })
		return 0, err
	})
	m.Remember(a.remember)
	m.RecallWith(a.recall)
	return m
}
