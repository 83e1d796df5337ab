package auth

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"waybill/connection"
	"waybill/fault"
	"waybill/transport"
)

// errNotNeeded is the cause when metadata is good and yet not taken.
var errNotNeeded = errors.New("auth: not needed")

// manyServers is how many authorization servers are shown for a choice.
const manyServers = 10

// manyScopes is how many scopes are shown for a choice.
const manyScopes = 40

// document asks at one place and has read look at the answer. It fails only if
// going on is of no use.
func (s *search) document(what, place string, read func(body []byte) (says string, err error)) error {
	p := Place{For: what, Address: place}
	body, err := fetchDocument(s.ctx, s.t, place)
	if err != nil {
		f := fault.As(err)
		p.Status, p.Says = f.Status, f.Message
		s.note(p)
		if unreachable(f) {
			return f
		}
		return nil
	}
	p.Status = http.StatusOK
	says, err := read(body)
	switch {
	case err == nil:
		p.Taken, p.Says = true, says
	case errors.Is(err, errNotNeeded):
		p.Says = says
	default:
		p.Says = fault.As(err).Message
		p.Instead = ownName(body, place)
	}
	s.note(p)
	return nil
}

// ownName is the name that metadata gives to its server or resource, if it is at
// the origin that was asked.
func ownName(body []byte, place string) string {
	said, err := parseClaims(body)
	if err != nil {
		return ""
	}
	for _, claim := range []string{"issuer", "resource"} {
		name, _ := said.text(claim)
		there, err := transport.Origin(name)
		if home, _ := transport.Origin(place); err == nil && there == home {
			return name
		}
	}
	return ""
}

// resource finds what a resource says of itself, and then its authorization
// server.
func (s *search) resource(address string) error {
	challenge, status, err := s.probe(address)
	if err != nil {
		return err
	}
	m, err := s.metadata(address, challenge["resource_metadata"])
	if err != nil {
		return err
	}
	s.kind(address, status, m)
	if m != nil {
		s.set(connection.FieldIdentifier, m.Resource, fromResource)
	}
	s.found.Connection.Approved.Identifier = s.found.Connection.Resource.Identifier
	s.scopes(challenge["scope"], m)
	if err := s.choose(m); err != nil {
		return err
	}
	return s.impostors(address)
}

// metadata looks for protected resource metadata where the resource says, and
// at both standard places.
func (s *search) metadata(address, named string) (*ResourceMetadata, error) {
	origin, path := splitPath(address)
	const wellKnown = "/.well-known/oauth-protected-resource"
	root, exact := origin+wellKnown, []string{address}
	if id := s.found.Connection.Resource.Identifier; id != "" {
		exact = append(exact, id)
	}
	places := []string{root}
	if strings.Trim(path, "/") != "" {
		places = []string{origin + wellKnown + strings.TrimSuffix(path, "/"), root}
	}
	if named != "" && !slices.Contains(places, named) {
		there, err := transport.Origin(named)
		if home, _ := transport.Origin(address); err != nil || there != home {
			s.note(Place{For: forMetadata, Address: fault.Clean(named, 200), Says: "The resource names this address, which is not its own; it was not asked."})
		} else {
			places = append([]string{named}, places...)
		}
	}
	var taken *ResourceMetadata
	for _, place := range places {
		accept := exact
		if place == root || place == named {
			accept = append(slices.Clone(exact), origin, origin+"/")
		}
		err := s.document(forMetadata, place, func(body []byte) (string, error) {
			m, err := readResource(body, accept)
			if err != nil {
				return "", err
			}
			if taken != nil {
				return "It answers too; the place before it is the one that counts.", errNotNeeded
			}
			taken = m
			return "It is the metadata of " + fault.Clean(m.Resource, 200) + ".", nil
		})
		if err != nil {
			return nil, err
		}
	}
	return taken, nil
}

// kind guesses whether the resource is an MCP server: nothing says so.
func (s *search) kind(address string, status int, m *ResourceMetadata) {
	mcp := status == http.StatusMethodNotAllowed || status == http.StatusNotAcceptable
	if u, err := url.Parse(address); err == nil {
		segments := strings.Split(strings.Trim(u.Path, "/"), "/")
		mcp = mcp || strings.HasPrefix(u.Hostname(), "mcp.") || slices.Contains(segments, "mcp")
	}
	if m != nil {
		mcp = mcp || slices.ContainsFunc(m.Scopes, func(scope string) bool { return strings.HasPrefix(scope, "mcp") })
	}
	kind := connection.REST
	if mcp {
		kind = connection.MCP
	}
	s.set(connection.FieldKind, string(kind), fromAddress)
}

// usualScopes are those that to-dos need, in the order in which they are asked
// for.
var usualScopes = []string{"todos.read", "todos.write", "mcp.access"}

// scopes proposes what the resource says that it needs, else what it lists of
// the usual ones.
func (s *search) scopes(challenge string, m *ResourceMetadata) {
	if m != nil {
		s.found.Offered = m.Scopes[:min(len(m.Scopes), manyScopes)]
	}
	if needed := strings.Fields(challenge); len(needed) > 0 && len(needed) <= len(usualScopes)+2 {
		s.set(connection.FieldScopes, strings.Join(needed, " "), fromChallenge)
		return
	}
	if m == nil || len(m.Scopes) == 0 {
		return
	}
	if listed := within(usualScopes, m.Scopes); len(listed) > 0 {
		s.set(connection.FieldScopes, strings.Join(listed, " "), fromResource)
		return
	}
	if s.from[connection.FieldScopes] != fromUser {
		s.found.Notes = append(s.found.Notes, "The resource lists scopes of its own; set those that are needed: "+fault.Clean(strings.Join(m.Scopes, " "), 200)+".")
	}
}

// choose takes the one authorization server that the resource names, or the
// user's. Of several none is asked (RFC 9728 section 7).
func (s *search) choose(m *ResourceMetadata) error {
	var named []string
	if m != nil {
		named = m.AuthorizationServers
	}
	given := s.found.Connection.Resource.AuthorizationServer
	switch {
	case given != "":
		if len(named) > 0 && !slices.Contains(named, given) {
			s.found.Notes = append(s.found.Notes, "The resource names another authorization server than the one that was entered: "+
				fault.Clean(named[0], 200)+difference(named[0], given)+".")
		}
		return s.server(given)
	case len(named) == 0:
		s.found.Notes = append(s.found.Notes, "The resource does not say which authorization server it trusts: enter it.")
		return nil
	case len(named) > 1:
		s.found.Servers = named[:min(len(named), manyServers)]
		s.found.Notes = append(s.found.Notes, "The resource names several authorization servers: choose one of them.")
		return nil
	}
	s.set(connection.FieldServer, named[0], fromResource)
	return s.server(named[0])
}

// server looks for an authorization server's metadata at every place.
func (s *search) server(issuer string) error {
	if err := checkIssuer(issuer); err != nil {
		s.note(Place{For: forServer, Address: fault.Clean(issuer, 200), Says: fault.As(err).Message})
		return nil
	}
	var taken *Server
	for _, place := range serverPlaces(issuer) {
		found := &Server{Issuer: issuer}
		err := s.document(forServer, place, func(body []byte) (string, error) {
			if err := found.read(body); err != nil {
				return "", err
			}
			err := found.checkEndpoint(s.found.Connection.Resource.TokenEndpoint)
			if err != nil && fault.As(err).Code != "foreign_endpoint" {
				return "", err
			}
			if taken != nil {
				return notNeeded(taken, found), errNotNeeded
			}
			taken = found
			return "It is the metadata of " + fault.Clean(issuer, 200) + ", which " + takesIDJAGs(found) + ".", nil
		})
		if err != nil {
			return err
		}
	}
	a := s.found.Connection.Approved
	a.AuthorizationServer = issuer
	if taken == nil {
		s.found.Notes = append(s.found.Notes, "The authorization server publishes no metadata that can be used: set its token endpoint by hand, or ask whoever runs it.")
		return nil
	}
	s.elsewhere(atServer, issuer, taken.TokenEndpoint, connection.FieldToken, fromServer)
	a.TokenEndpoint = taken.TokenEndpoint
	if s.found.Connection.Resource.TokenEndpoint != "" {
		a.TokenEndpoint = s.found.Connection.Resource.TokenEndpoint
	}
	return nil
}

func takesIDJAGs(s *Server) string {
	switch s.GrantProfile {
	case Yes:
		return "says that it takes ID-JAGs"
	case No:
		return "does not list the ID-JAG grant profile: ask its administrator whether Cross App Access is switched on"
	}
	return "does not say whether it takes ID-JAGs"
}

func notNeeded(taken, found *Server) string {
	if taken.GrantProfile == Yes && found.GrantProfile != Yes {
		return "It answers too, without saying that it takes ID-JAGs; the place before it is the one that counts."
	}
	return "It answers too; the place before it is the one that counts."
}

// impostors looks at what the resource's own host publishes in an authorization
// server's place. It is never taken, since the resource does not name it, but
// who looks for a mistake has to see it: such metadata often names hosts that
// cannot be reached from outside.
func (s *search) impostors(address string) error {
	origin, _ := splitPath(address)
	for _, issuer := range []string{s.found.Connection.Resource.AuthorizationServer, s.found.Connection.IdP.Issuer} {
		if strings.TrimSuffix(issuer, "/") == origin {
			return nil
		}
	}
	for _, place := range serverPlaces(origin)[:2] {
		if slices.ContainsFunc(s.found.Places, func(p Place) bool { return p.Address == place }) {
			continue
		}
		err := s.document(forServer, place, func(body []byte) (string, error) {
			found := &Server{Issuer: origin}
			if err := found.read(body); err != nil {
				return "", err
			}
			return "The resource does not name this server; if it is the right one, enter it as the authorization server.", errNotNeeded
		})
		if err != nil {
			return err
		}
	}
	return nil
}
