package auth

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"waybill/connection"
	"waybill/fault"
	"waybill/transport"
)

// Query says where Discover begins. One of the two addresses is enough.
type Query struct {
	Address string // of a resource, of an identity provider, or of an authorization server
	Issuer  string // of the identity provider, where Address is a resource

	// Given is what the user has entered. It goes before everything that is
	// found, and is not looked for.
	Given connection.Connection
}

// Place is one address that was asked, and what came of it.
type Place struct {
	For     string `json:"for"` // what was looked for there: "protected resource metadata" …
	Address string `json:"address"`
	Status  int    `json:"http_status,omitempty"` // 0: no answer, or it was not asked
	Taken   bool   `json:"taken"`
	Says    string `json:"says"` // one sentence: why it was taken or was not

	// Instead is what the server calls itself, where that is the reason for
	// not taking its metadata and it is at the same origin: the user may have
	// meant that. Show it through fault.Clean.
	Instead string `json:"instead,omitempty"`
}

// Source says where the value of one field of a proposal comes from.
type Source struct {
	Field connection.Field `json:"field"`
	Value string           `json:"value"`
	From  string           `json:"from"` // "entered", "the resource's metadata" …
}

// Found is what Discover proposes.
type Found struct {
	// Connection is as complete as it could be made. It approves what was
	// found, so that keeping it pins that.
	Connection connection.Connection `json:"connection"`
	Sources    []Source              `json:"sources"`           // of the fields that are set, in the order of connection.Fields
	Places     []Place               `json:"places"`            // in the order in which they were asked
	Missing    []connection.Field    `json:"missing,omitempty"` // that a connection cannot do without and that nobody knows yet

	// Servers are the authorization servers of which the user has to choose
	// one, by giving it; nil if there is no choice.
	Servers []string `json:"authorization_servers,omitempty"`

	// Offered are the scopes that the resource lists, at most as many as a
	// person can look through; nil: it lists none.
	Offered []string `json:"scopes_offered,omitempty"`

	Notes []string `json:"notes,omitempty"` // what is worth mentioning, one sentence each
}

// Where values come from.
const (
	fromUser      = "entered"
	fromResource  = "the resource's metadata"
	fromChallenge = "the resource's refusal (WWW-Authenticate)"
	fromServer    = "the authorization server's metadata"
	fromProvider  = "the identity provider's metadata"
	fromAddress   = "guessed from the address"
	fromHabit     = "usual"
)

// What is looked for.
const (
	forResource = "the resource"
	forMetadata = "protected resource metadata"
	forServer   = "authorization server metadata"
	forProvider = "identity provider metadata"
)

// search is one Discover under way.
type search struct {
	ctx   context.Context
	t     *transport.Client
	each  func(Place)
	found *Found
	from  map[connection.Field]string
}

// Discover finds out what it can about a connection from one or two addresses:
// it asks at every standard place (RFC 9728 section 3, RFC 8414 section 3,
// OpenID Connect Discovery section 4), tells each of what came of every place as
// it comes (nil: nobody), and proposes a connection. Nothing secret is sent.
// Metadata of another issuer or resource than was asked for is never taken. What
// lies in a private network is asked only if the query names it.
//
// A result may come together with an error: it is what is known up to there.
// Errors are Faults: Config for an address that cannot be one, Offline if
// nothing could be reached, Canceled.
func Discover(ctx context.Context, t *transport.Client, q Query, each func(Place)) (*Found, error) {
	s := &search{ctx: ctx, t: t, each: each, found: &Found{Connection: q.Given}, from: map[connection.Field]string{}}
	if s.each == nil {
		s.each = func(Place) {}
	}
	for _, f := range connection.Fields() {
		if q.Given.Get(f) != "" {
			s.from[f] = fromUser
		}
	}
	s.found.Connection.Approved = &connection.Approved{}
	trust(t, q.Given)
	err := s.run(q)
	s.finish()
	return s.found, err
}

func (s *search) run(q Query) error {
	q.Address = cmp.Or(q.Address, q.Given.Resource.URL)
	for _, address := range []string{q.Address, q.Issuer} {
		if address == "" {
			continue
		}
		if err := transport.CheckURL(address); err != nil {
			return at(fault.StepDiscovery, err)
		}
		s.t.Trust(address)
	}
	if q.Issuer != "" {
		s.set(connection.FieldIssuer, q.Issuer, fromUser)
	}
	issuer := s.found.Connection.IdP.Issuer
	if q.Address != "" && q.Address != issuer {
		if err := s.address(q.Address); err != nil {
			return err
		}
	}
	if issuer == "" {
		return nil
	}
	_, err := s.provider(issuer)
	return err
}

// address looks at an address that may be a resource's or an issuer. An issuer
// says that it is one; everything else is a resource.
func (s *search) address(address string) error {
	if s.found.Connection.Resource.URL == "" && s.found.Connection.IdP.Issuer == "" && !strings.Contains(address, "?") {
		as, err := s.issuer(address)
		if err != nil || as {
			return err
		}
	}
	s.set(connection.FieldURL, address, fromUser)
	return s.resource(s.found.Connection.Resource.URL)
}

// issuer reports whether address is that of an identity provider or of an
// authorization server, and takes what it says. A server that lists the ID-JAG
// grant profile and no token exchange is the one that ID-JAGs are redeemed at.
func (s *search) issuer(address string) (bool, error) {
	p, err := s.provider(address)
	if err == nil && p == nil {
		err = s.almost(address)
	}
	if p == nil || err != nil {
		return false, err
	}
	if p.SubjectTokenTypes == nil && s.listsProfile(address) {
		s.unset(connection.FieldIssuer)
		s.found.Connection.Approved = &connection.Approved{}
		s.set(connection.FieldServer, address, fromUser)
		s.found.Notes = append(s.found.Notes, "This is an authorization server that takes ID-JAGs: give the resource's own address too.")
		return true, s.server(address)
	}
	return true, nil
}

// almost is the Fault of an issuer that was entered with a slash too many or too
// few; nil if it is something else that was entered.
func (s *search) almost(address string) error {
	for _, p := range s.found.Places {
		if difference(p.Instead, address) == "" {
			continue
		}
		return fault.New(fault.StepDiscovery, fault.Config, "issuer_mismatch",
			"The server at "+fault.Clean(address, 200)+" calls itself "+fault.Clean(p.Instead, 200)+difference(p.Instead, address)+".").
			WithRemedy("Enter it as the server writes it.")
	}
	return nil
}

func (s *search) listsProfile(issuer string) bool {
	server, err := DiscoverServer(s.ctx, s.t, issuer, "")
	return err == nil && server.GrantProfile == Yes
}

// provider looks for an identity provider's metadata at every place; nil if
// there is none. What is found is set.
func (s *search) provider(issuer string) (*Provider, error) {
	var taken *Provider
	for _, place := range providerPlaces(issuer) {
		p := &Provider{Issuer: issuer}
		err := s.document(forProvider, place, func(body []byte) (string, error) {
			if err := p.read(body); err != nil {
				return "", err
			}
			if p.TokenEndpoint == "" {
				return "", missingEndpoint("token_endpoint")
			}
			if err := p.checkEndpoints(); err != nil {
				return "", err
			}
			if taken != nil {
				return "It answers too; the place before it is the one that counts.", errNotNeeded
			}
			taken = p
			return "It is the metadata of " + fault.Clean(issuer, 200) + ".", nil
		})
		if err != nil {
			return nil, err
		}
	}
	if taken == nil {
		return nil, nil
	}
	s.set(connection.FieldIssuer, issuer, fromUser)
	a := s.found.Connection.Approved
	a.AuthorizationEndpoint, a.IdPTokenEndpoint, a.JWKSURI = taken.AuthorizationEndpoint, taken.TokenEndpoint, taken.JWKSURI
	s.elsewhere(atProvider, issuer, taken.TokenEndpoint, connection.FieldIdPToken, fromProvider)
	if s.found.Connection.IdP.TokenEndpoint != "" {
		a.IdPTokenEndpoint = s.found.Connection.IdP.TokenEndpoint
	}
	if taken.SubjectTokenTypes == nil {
		s.found.Notes = append(s.found.Notes, "The identity provider does not say which tokens it exchanges; whether it issues ID-JAGs shows at the first exchange.")
	}
	return taken, nil
}

// elsewhere proposes a token endpoint outside of its issuer's origin as a
// setting: then it is one that the user has seen and approved (RFC 9700 section
// 4.4).
func (s *search) elsewhere(where, issuer, endpoint string, field connection.Field, from string) {
	err := endpointBelongs(where, issuer, endpoint, s.found.Connection.Get(field))
	if err == nil || fault.As(err).Code != "foreign_endpoint" {
		return
	}
	s.set(field, endpoint, from)
	s.found.Notes = append(s.found.Notes, "The token endpoint of "+where+" lies outside of its own address: secrets will be sent to "+fault.Clean(endpoint, 200)+".")
}

// set gives a field its value, unless the user has.
func (s *search) set(f connection.Field, value, from string) {
	if value == "" || s.from[f] == fromUser {
		return
	}
	if c, err := s.found.Connection.With(f, value); err == nil {
		s.found.Connection, s.from[f] = c, from
	}
}

func (s *search) unset(f connection.Field) {
	if c, err := s.found.Connection.With(f, ""); err == nil {
		s.found.Connection = c
		delete(s.from, f)
	}
}

func (s *search) finish() {
	f := s.found
	if u, err := url.Parse(f.Connection.Resource.URL); err == nil && u.Hostname() != "" {
		s.set(connection.FieldName, nameOf(u.Hostname()), fromAddress)
	}
	s.set(connection.FieldRedirectURI, connection.DefaultRedirectURI, fromHabit)
	if *f.Connection.Approved == (connection.Approved{}) {
		f.Connection.Approved = nil
	}
	for _, field := range connection.Fields() {
		if from := s.from[field]; from != "" {
			f.Sources = append(f.Sources, Source{field, f.Connection.Get(field), from})
		}
	}
	needed := []connection.Field{connection.FieldIssuer, connection.FieldIdPClientID, connection.FieldURL, connection.FieldKind, connection.FieldServer, connection.FieldClientID}
	for _, field := range needed {
		if f.Connection.Get(field) == "" {
			f.Missing = append(f.Missing, field)
		}
	}
}

// nameOf makes the name of a connection out of a host name.
func nameOf(host string) string {
	name := strings.Trim(strings.Map(func(r rune) rune {
		if r == '.' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, host), ".-")
	return name[:min(len(name), 64)]
}

// probe asks the resource itself, without a token.
func (s *search) probe(address string) (challenge map[string]string, status int, err error) {
	p := Place{For: forResource, Address: address}
	defer func() { s.note(p) }()
	request, err := http.NewRequestWithContext(s.ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, 0, fault.As(err)
	}
	response, err := s.t.HTTP(transport.Metadata, "").Do(request)
	if err != nil {
		f := fault.As(err)
		p.Status, p.Says = f.Status, f.Message
		if unreachable(f) {
			return nil, 0, at(fault.StepDiscovery, f)
		}
		return nil, f.Status, nil
	}
	_ = response.Body.Close()
	challenge, bearer := transport.BearerChallenge(response.Header)
	p.Status, p.Taken = response.StatusCode, true
	switch {
	case p.Status == http.StatusUnauthorized && bearer && challenge["resource_metadata"] != "":
		p.Says = "It asks for a token, and says where its metadata is."
	case p.Status == http.StatusUnauthorized && bearer:
		p.Says = "It asks for a token."
	case p.Status == http.StatusUnauthorized:
		p.Says = "It refuses, without saying that it takes bearer tokens."
	default:
		p.Says = "It answers; to-dos may be elsewhere below this address."
	}
	return challenge, p.Status, nil
}

// unreachable reports whether f says that nobody answered, so that asking for
// more is of no use.
func unreachable(f *fault.Fault) bool {
	return f.Kind == fault.Canceled || slices.Contains([]string{"dns", "network", "timeout", "tls", "proxy"}, f.Code)
}

func (s *search) note(p Place) {
	s.found.Places = append(s.found.Places, p)
	s.each(p)
}
