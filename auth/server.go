package auth

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"waybill/connection"
	"waybill/fault"
	"waybill/transport"
)

// Server is the resource's authorization server: where the ID-JAG is redeemed.
// It is immutable, and may be marshalled as JSON and back.
type Server struct {
	Issuer           string // byte for byte as it was asked for, and as its metadata repeats it
	TokenEndpoint    string
	TokenAuthMethods []string // nil: unknown
	GrantProfile     Tri      // whether it lists the ID-JAG grant profile
	JWTBearer        Tri      // whether it lists the JWT bearer grant
	JWTDPoP          Tri      // whether it lists the grant of draft-parecki-oauth-jwt-dpop-grant
	ProofAlgs        []string // of the DPoP proofs that it takes (RFC 9449 section 5.1); nil: unknown
}

// redeemingGrant is how an ID-JAG is redeemed. The draft's text asks for the JWT
// bearer grant whether or not the ID-JAG is bound to a key (section 4.4); its
// example for one that is uses a grant type of its own (section 9.8.1.2.1), which
// is taken where the server lists it.
func (s *Server) redeemingGrant(key ProofKey) string {
	if !key.Empty() && s.JWTDPoP == Yes {
		return grantJWTDPoP
	}
	return grantJWTBearer
}

// ResourceMetadata is what a protected resource says of itself (RFC 9728
// section 2).
type ResourceMetadata struct {
	Resource             string
	AuthorizationServers []string
	Scopes               []string // nil: unknown
}

// DiscoverServer reads the metadata of the authorization server called issuer,
// at the places of RFC 8414 section 3 first and of OpenID Connect Discovery
// section 4 second. The issuer it names must be that one byte for byte (RFC
// 8414 section 3.3), and the token endpoint must lie on the issuer's origin.
// overrule, if not empty, is the token endpoint instead, wherever it lies, and
// then a server without metadata is no error.
func DiscoverServer(ctx context.Context, t *transport.Client, issuer, overrule string) (*Server, error) {
	if err := checkIssuer(issuer); err != nil {
		return nil, err
	}
	s := &Server{Issuer: issuer, TokenEndpoint: overrule}
	body, err := firstDocument(ctx, t, serverPlaces(issuer))
	if err != nil {
		if overrule != "" && tryElsewhere(err) {
			return s, transport.CheckURL(overrule)
		}
		return nil, err
	}
	if err := s.read(body); err != nil {
		return nil, err
	}
	return s, s.checkEndpoint(overrule)
}

// serverPlaces lists where an authorization server's metadata may be. A final
// slash goes before the well-known part is inserted (RFC 8414 section 3.1).
func serverPlaces(issuer string) []string {
	origin, path := splitPath(strings.TrimSuffix(issuer, "/"))
	places := []string{
		origin + "/.well-known/oauth-authorization-server" + path,
		origin + "/.well-known/openid-configuration" + path,
	}
	if path != "" {
		places = append(places, origin+path+"/.well-known/openid-configuration")
	}
	return places
}

// splitPath cuts an address before its path, or its query if it has no path.
func splitPath(address string) (origin, path string) {
	start := strings.Index(address, "://") + len("://")
	if i := strings.IndexAny(address[start:], "/?"); i >= 0 {
		return address[:start+i], address[start+i:]
	}
	return address, ""
}

// firstDocument fetches the first document that is published at one of places.
func firstDocument(ctx context.Context, t *transport.Client, places []string) ([]byte, error) {
	var first error
	for _, place := range places {
		body, err := fetchDocument(ctx, t, place)
		if err == nil {
			return body, nil
		}
		if !tryElsewhere(err) {
			return nil, err
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// tryElsewhere reports whether err says that there is no document at an
// address, rather than that its server cannot be reached: 404 and its kin, a
// page for people, a redirect that is not followed.
func tryElsewhere(err error) bool {
	f := fault.As(err)
	return f.Code == "no_document" || f.Code == "captive_portal" || f.Code == "redirect"
}

func (s *Server) read(body []byte) error {
	said, err := parseClaims(body)
	if err != nil {
		return fault.New(fault.StepDiscovery, fault.Failed, "bad_metadata", "The settings of the resource's authorization server cannot be read.").
			WithRemedy("Check its address in the connection; if it is right, tell whoever runs that server.")
	}
	if issuer, _ := said.text("issuer"); issuer != s.Issuer {
		return fault.New(fault.StepDiscovery, fault.Config, "issuer_mismatch",
			"The authorization server is asked for as "+fault.Clean(s.Issuer, 200)+", but it calls itself "+showIssuer(issuer)+difference(issuer, s.Issuer)+".").
			WithRemedy("If the server's own name is the right one, put it into the connection as the authorization server.").About("resource.authorization_server")
	}
	m := providerMetadata{said}
	if s.TokenEndpoint == "" {
		s.TokenEndpoint, _ = said.text("token_endpoint")
	}
	s.TokenAuthMethods = m.list("token_endpoint_auth_methods_supported")
	s.GrantProfile = listed(m.list("authorization_grant_profiles_supported"), profileIDJAG)
	s.JWTBearer = listed(m.list("grant_types_supported"), grantJWTBearer)
	s.JWTDPoP = listed(m.list("grant_types_supported"), grantJWTDPoP)
	s.ProofAlgs = m.list("dpop_signing_alg_values_supported")
	return nil
}

func listed(values []string, value string) Tri {
	switch {
	case values == nil:
		return Unknown
	case slices.Contains(values, value):
		return Yes
	default:
		return No
	}
}

func (s *Server) checkEndpoint(overrule string) error {
	if s.TokenEndpoint == "" {
		return fault.New(fault.StepDiscovery, fault.Config, "no_endpoint", "The resource's authorization server does not name its token endpoint.").
			WithRemedy("Set the token endpoint of the resource in the connection.")
	}
	return endpointBelongs(atServer, s.Issuer, s.TokenEndpoint, overrule)
}

// endpointBelongs refuses a token endpoint that is neither on its issuer's
// origin nor the one that the connection sets: metadata alone must not send
// secrets elsewhere (RFC 9700 section 4.4).
func endpointBelongs(where, issuer, endpoint, listed string) error {
	if err := transport.CheckURL(endpoint); err != nil {
		return fault.New(fault.StepDiscovery, fault.Hostile, "unsafe_endpoint", "The token endpoint of "+where+" is not safe: "+fault.As(err).Message).
			WithRemedy("Tell whoever runs it; nothing was sent there.").Because(err)
	}
	if endpoint == listed {
		return nil
	}
	home, err := transport.Origin(issuer)
	if err != nil {
		return at(fault.StepSetup, err)
	}
	if there, _ := transport.Origin(endpoint); there != home {
		return fault.New(fault.StepDiscovery, fault.Config, "foreign_endpoint",
			fmt.Sprintf("The token endpoint of %s, %s, lies outside of its own address %s, and nothing was sent there.", where, fault.Clean(endpoint, 200), fault.Clean(issuer, 200))).
			WithRemedy("If that is right, which whoever runs it knows, set it as the token endpoint in the connection.")
	}
	return nil
}

// DiscoverResource reads the metadata of the protected resource at c.URL (RFC
// 9728 section 3): with the path of the address and at its root, else where
// the resource's own 401 says. Only the resource's origin is asked. The
// resource it names must be c's address or identifier, byte for byte (section
// 3.3), or, for the document at the root, that root. A resource that publishes
// nothing gives nil without an error.
func DiscoverResource(ctx context.Context, t *transport.Client, c connection.Resource) (*ResourceMetadata, error) {
	if err := transport.CheckURL(c.URL); err != nil {
		return nil, at(fault.StepSetup, err)
	}
	t.Trust(c.URL)
	const wellKnown = "/.well-known/oauth-protected-resource"
	origin, path := splitPath(c.URL)
	exact := []string{c.URL}
	if c.Identifier != "" {
		exact = append(exact, c.Identifier)
	}
	places := []string{origin + wellKnown}
	if strings.Trim(path, "/") != "" {
		places = []string{origin + wellKnown + strings.TrimSuffix(path, "/"), origin + wellKnown}
	}
	for i, place := range places {
		accept := exact
		if i > 0 {
			accept = append(slices.Clone(exact), origin, origin+"/")
		}
		body, err := fetchDocument(ctx, t, place)
		if err == nil {
			return readResource(body, accept)
		}
		if !tryElsewhere(err) {
			return nil, err
		}
	}
	place, err := askResource(ctx, t, c.URL)
	if place == "" || err != nil {
		return nil, err
	}
	body, err := fetchDocument(ctx, t, place)
	if err != nil {
		return nil, err
	}
	return readResource(body, append(exact, origin, origin+"/"))
}

// askResource asks the resource without a token, and returns the address of
// its metadata from the 401's resource_metadata parameter (RFC 9728 section
// 5.1), or "" if it names none on its own origin.
func askResource(ctx context.Context, t *transport.Client, address string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", fault.As(err)
	}
	resp, err := t.HTTP(transport.Metadata, address).Do(req)
	if err != nil {
		if fault.Is(err, fault.Offline) || fault.Is(err, fault.Canceled) {
			return "", at(fault.StepDiscovery, err)
		}
		return "", nil // a redirect to a page for people, or too much of an answer: it names nothing
	}
	_ = resp.Body.Close()
	challenge, ok := transport.BearerChallenge(resp.Header)
	if !ok {
		challenge, _ = transport.DPoPChallenge(resp.Header) // a resource that takes no bearer tokens
	}
	named := challenge["resource_metadata"]
	there, err := transport.Origin(named)
	if home, _ := transport.Origin(address); err != nil || there != home {
		return "", nil
	}
	return named, nil
}

// readResource reads metadata that must be of one of the resources in accept.
func readResource(body []byte, accept []string) (*ResourceMetadata, error) {
	said, err := parseClaims(body)
	if err != nil {
		return nil, fault.New(fault.StepDiscovery, fault.Failed, "bad_metadata", "The resource's description of itself cannot be read.").
			WithRemedy("Set the authorization server of the resource in the connection.")
	}
	m := &ResourceMetadata{}
	m.Resource, _ = said.text("resource")
	if !slices.Contains(accept, m.Resource) {
		return nil, fault.New(fault.StepDiscovery, fault.Config, "resource_mismatch",
			"The connection names the resource "+fault.Clean(accept[0], 200)+", but it calls itself "+showIssuer(m.Resource)+difference(m.Resource, accept[0])+".").
			WithRemedy("If the resource's own name is the right one, put it into the connection.").About("resource.identifier")
	}
	servers, ok := said.texts("authorization_servers")
	if !ok && !isNull(said["authorization_servers"]) && string(said["authorization_servers"]) != "[]" {
		return nil, fault.New(fault.StepDiscovery, fault.Failed, "bad_metadata", "The resource's list of authorization servers cannot be read.").
			WithRemedy("Set the authorization server of the resource in the connection.")
	}
	m.AuthorizationServers = servers
	m.Scopes = providerMetadata{said}.list("scopes_supported")
	return m, nil
}

// onlyServer returns the one authorization server that the resource names.
// Where it names several, the user has to choose: none is contacted.
func (m *ResourceMetadata) onlyServer() (string, error) {
	const remedy = "Set the authorization server of the resource in the connection."
	var servers []string
	if m != nil {
		servers = m.AuthorizationServers
	}
	switch {
	case len(servers) == 0:
		return "", fault.New(fault.StepDiscovery, fault.Config, "no_authorization_server", "The resource does not say which authorization server it trusts.").
			WithRemedy(remedy)
	case len(servers) > 1:
		var names []string
		for _, s := range servers[:min(len(servers), 3)] {
			names = append(names, fault.Clean(s, 100))
		}
		return "", fault.New(fault.StepDiscovery, fault.Config, "several_authorization_servers",
			fmt.Sprintf("The resource names %d authorization servers, such as %s.", len(servers), strings.Join(names, ", "))).
			WithRemedy("Choose one: set the authorization server of the resource in the connection.")
	default:
		return servers[0], nil
	}
}
