package api

import (
	"slices"
	"strings"

	"waybill/connection"
)

// The scopes of Todo0. Another resource may name its scopes differently; then
// only what the connection asks for counts.
const (
	scopeRead  = "todos.read"
	scopeWrite = "todos.write"
	scopeMCP   = "mcp.access"
)

// scopes compares what a connection asks for with what was granted.
type scopes struct {
	asked  []string
	needed []string // of asked, without which nothing can be read
	write  string   // without which nothing can be changed; "" if there is none
}

func scopesOf(r connection.Resource) scopes {
	s := scopes{asked: connection.Connection{Resource: r}.ResourceScopes(), write: scopeWrite}
	if r.Todos != nil && r.Kind != connection.MCP {
		s.write = r.Todos.Filled().WriteScope
	}
	for _, scope := range []string{scopeRead, scopeMCP} {
		if slices.Contains(s.asked, scope) {
			s.needed = append(s.needed, scope)
		}
	}
	return s
}

// effective is granted, or what was asked where the server did not say, since
// leaving scope out means that it was granted as asked (RFC 6749 section 5.1).
func (s scopes) effective(granted []string) []string {
	if granted == nil {
		return s.asked
	}
	return granted
}

// missing names the scopes that were not granted but are needed to read, or to
// change, to-dos.
func (s scopes) missing(granted []string, change bool) []string {
	needed := s.needed
	if change && s.write != "" {
		needed = append(slices.Clip(needed), s.write)
	}
	var out []string
	for _, scope := range needed {
		if !slices.Contains(s.effective(granted), scope) {
			out = append(out, scope)
		}
	}
	return out
}

// The sentences of Capabilities.Why.
const (
	whyNothing  = "Nothing was granted that would let this app see these to-dos."
	whyNotAsked = "This connection does not ask for the scope " + scopeWrite + ", so these to-dos can be read but not changed."
	whyNotGiven = "The scope " + scopeWrite + " was not granted, so these to-dos can be read but not changed."
	whyNoWay    = "This to-do service offers no way to change to-dos, so they can be read only."
	whyNoCreate = "This to-do service does not offer to add to-dos."
	whyNoUpdate = "This to-do service does not offer to change to-dos that are there."
	whyNoDelete = "This to-do service does not offer to delete to-dos."
)

// read returns what the grant alone allows: whether to-dos can be read, and
// whether it is worth asking the server which changes it offers.
func (s scopes) read(granted []string) (c Capabilities, changes bool) {
	c.Read = len(s.effective(granted)) > 0 && len(s.missing(granted, false)) == 0
	switch {
	case !c.Read:
		c.Why = whyNothing
	case s.write == "" || slices.Contains(s.effective(granted), s.write):
		return c, true
	case slices.Contains(s.asked, s.write):
		c.Why = strings.Replace(whyNotGiven, scopeWrite, s.write, 1)
	default:
		c.Why = strings.Replace(whyNotAsked, scopeWrite, s.write, 1)
	}
	return c, false
}

// offering completes c with what the server offers.
func (c Capabilities) offering(create, update, remove bool) Capabilities {
	c.Create, c.Update, c.Delete = create, update, remove
	c.Write = create || update || remove
	switch {
	case !c.Write:
		c.Why = whyNoWay
	case !update:
		c.Why = whyNoUpdate
	case !create:
		c.Why = whyNoCreate
	case !remove:
		c.Why = whyNoDelete
	}
	return c
}
