package auth

import (
	"fmt"
	"strings"

	"waybill/connection"
	"waybill/fault"
)

// Change is one thing that a server says otherwise than was approved.
type Change struct {
	What string `json:"what"` // "the token endpoint of the identity provider"
	Was  string `json:"was"`
	Now  string `json:"now"`
}

// String is the change in one clause. What the server says is cleaned.
func (c Change) String() string {
	now := fault.Clean(c.Now, 200)
	if now == "" {
		now = "missing"
	}
	return fmt.Sprintf("%s was %s and is now %s%s", c.What, fault.Clean(c.Was, 200), now, difference(c.Was, c.Now))
}

// Approval is what approving the plan as it is amounts to.
func (p *Plan) Approval() connection.Approved {
	return connection.Approved{
		AuthorizationEndpoint: p.Provider.AuthorizationEndpoint, IdPTokenEndpoint: p.Provider.TokenEndpoint, JWKSURI: p.Provider.JWKSURI,
		Identifier: p.Resource, AuthorizationServer: p.Server.Issuer, TokenEndpoint: p.Server.TokenEndpoint,
	}
}

// Changes lists what the plan has otherwise than its connection approved;
// nothing for a connection that has approved nothing.
func (p *Plan) Changes() []Change {
	a := p.Connection.Approved
	if a == nil {
		return nil
	}
	return append(p.Provider.changes(a), different(
		Change{"the resource identifier", a.Identifier, p.Resource},
		Change{"the authorization server of the resource", a.AuthorizationServer, p.Server.Issuer},
		Change{"the token endpoint of the authorization server", a.TokenEndpoint, p.Server.TokenEndpoint},
	)...)
}

func (p *Provider) changes(a *connection.Approved) []Change {
	if a == nil {
		return nil
	}
	return different(
		Change{"the sign-in page of the identity provider", a.AuthorizationEndpoint, p.AuthorizationEndpoint},
		Change{"the token endpoint of the identity provider", a.IdPTokenEndpoint, p.TokenEndpoint},
		Change{"the address of the identity provider's keys", a.JWKSURI, p.JWKSURI},
	)
}

// different leaves out what is as it was, and what nobody has approved.
func different(all ...Change) []Change {
	var out []Change
	for _, c := range all {
		if c.Was != "" && c.Was != c.Now {
			out = append(out, c)
		}
	}
	return out
}

// changeFault stops what is about to be sent elsewhere than was approved (RFC
// 9700 section 4.4); nil without a change.
func changeFault(changes []Change) error {
	if len(changes) == 0 {
		return nil
	}
	var words []string
	for _, c := range changes {
		words = append(words, c.String())
	}
	return fault.New(fault.StepDiscovery, fault.Config, "server_changed",
		"A server describes itself otherwise than when this connection was approved, and nothing was sent: "+strings.Join(words, "; ")+".").
		WithRemedy("If that is right, approve the connection anew; if you do not know, ask your administrator.")
}
