package auth

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"waybill/connection"
	"waybill/fault"
	"waybill/internal/weburl"
	"waybill/transport"
)

// Provider is what is known of an identity provider: its metadata (OpenID
// Connect Discovery section 3), overruled where the connection says so. It does
// not change; a sign-in uses one from beginning to end, so that metadata which
// changes in the middle cannot send the code elsewhere. Use it by pointer. It
// may be marshalled as JSON and back.
type Provider struct {
	Issuer                string // byte for byte as configured
	AuthorizationEndpoint string
	TokenEndpoint         string
	JWKSURI               string
	EndSessionEndpoint    string
	RevocationEndpoint    string

	TokenAuthMethods  []string // nil: unknown
	SubjectTokenTypes []string // of the token exchange; nil: unknown
	SigningAlgs       []string // of ID tokens; nil: unknown
	ProofAlgs         []string // of the DPoP proofs that it takes (RFC 9449 section 5.1); nil: unknown
	Grants            []string // grant_types_supported; nil: unknown
	RequestedTypes    []string // of tokens that an exchange may ask for; nil: unknown
	ChallengeMethods  []string // of PKCE (RFC 7636); nil: unknown

	// ISSParameter is true if every answer to an authorization request names
	// the issuer (RFC 9207 section 3).
	ISSParameter bool

	// RefreshSubject says whether a refresh token may be exchanged.
	RefreshSubject Tri

	// Overruled is true if the connection and not the metadata says where
	// tokens are issued: then a provider that publishes nothing can be used
	// with an ID token from elsewhere.
	Overruled bool

	mu   sync.Mutex
	keys *keySet
}

// providerMetadata is what is read of the metadata. What has the wrong type
// counts as missing, so that one bad list does not lock everybody out.
type providerMetadata struct{ claims }

// providerPlaces lists where an identity provider's metadata may be: at the
// place of OpenID Connect Discovery section 4 first, then at those of RFC 8414
// section 3.
func providerPlaces(issuer string) []string {
	first := strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration"
	return append([]string{first}, slices.DeleteFunc(serverPlaces(issuer), func(place string) bool { return place == first })...)
}

// DiscoverProvider reads the metadata of the identity provider at c.Issuer.
// The issuer it names must be that one byte for byte (OpenID Connect Discovery
// section 4.3), and every endpoint https, or, for an issuer on this computer,
// http on loopback. What c sets goes before what the metadata says; where c
// sets the token endpoint, a provider without metadata is no error.
func DiscoverProvider(ctx context.Context, t *transport.Client, c connection.IdP) (*Provider, error) {
	if err := checkIssuer(c.Issuer); err != nil {
		return nil, err
	}
	for _, configured := range []string{c.Issuer, c.AuthorizationEndpoint, c.TokenEndpoint, c.JWKSURI, c.EndSessionEndpoint} {
		t.Trust(configured)
	}
	p := &Provider{Issuer: c.Issuer, Overruled: c.TokenEndpoint != ""}
	body, err := firstDocument(ctx, t, providerPlaces(c.Issuer))
	switch {
	case err == nil:
		if err := p.read(body); err != nil {
			return nil, err
		}
	case !p.Overruled || !errors.Is(err, errNoDocument):
		return nil, err
	}
	p.overrule(c)
	if p.TokenEndpoint == "" {
		return nil, missingEndpoint("token_endpoint")
	}
	return p, p.checkEndpoints()
}

// checkIssuer refuses an issuer that cannot be one: https (or loopback), no
// query, no fragment (OpenID Connect Discovery section 3).
func checkIssuer(issuer string) error {
	if err := transport.CheckURL(issuer); err != nil {
		return at(fault.StepSetup, err)
	}
	if strings.Contains(issuer, "?") {
		return fault.New(fault.StepSetup, fault.Config, "bad_issuer", "The issuer "+fault.Clean(issuer, 120)+" holds a question mark.").
			WithRemedy("Correct the issuer in the connection.")
	}
	return nil
}

func (p *Provider) read(body []byte) error {
	said, err := parseClaims(body)
	if err != nil {
		return fault.New(fault.StepDiscovery, fault.Failed, "bad_metadata", "The identity provider's settings cannot be read.").
			WithRemedy("Check the issuer in the connection; if it is right, tell whoever runs the identity provider.")
	}
	m := providerMetadata{said}
	if issuer, _ := m.text("issuer"); issuer != p.Issuer {
		return fault.New(fault.StepDiscovery, fault.Config, "issuer_mismatch",
			"The connection names the issuer "+fault.Clean(p.Issuer, 200)+", but the server calls itself "+showIssuer(issuer)+difference(issuer, p.Issuer)+".").
			WithRemedy("If the server's own name is the right one, put it into the connection.").About("idp.issuer")
	}
	p.AuthorizationEndpoint, _ = m.text("authorization_endpoint")
	p.TokenEndpoint, _ = m.text("token_endpoint")
	p.JWKSURI, _ = m.text("jwks_uri")
	p.EndSessionEndpoint, _ = m.text("end_session_endpoint")
	p.RevocationEndpoint, _ = m.text("revocation_endpoint")
	p.TokenAuthMethods = m.list("token_endpoint_auth_methods_supported")
	p.SubjectTokenTypes = m.list("token_exchange_subject_token_types_supported")
	p.SigningAlgs = m.list("id_token_signing_alg_values_supported")
	p.ProofAlgs = m.list("dpop_signing_alg_values_supported")
	p.Grants = m.list("grant_types_supported")
	p.RequestedTypes = m.list("identity_chaining_requested_token_types_supported")
	p.ChallengeMethods = m.list("code_challenge_methods_supported")
	p.ISSParameter = string(m.claims["authorization_response_iss_parameter_supported"]) == "true"
	switch {
	case p.SubjectTokenTypes == nil:
	case slices.Contains(p.SubjectTokenTypes, typeRefreshToken):
		p.RefreshSubject = Yes
	default:
		p.RefreshSubject = No
	}
	return nil
}

// Offers are what the provider's metadata says of the parts of this flow.
type Offers struct {
	Exchange Tri // token exchange is among its grants
	IDJAG    Tri // ID-JAGs are among what an exchange may ask for
	S256     Tri // PKCE with S256
}

// Offers reads them; what the metadata leaves out is Unknown.
func (p *Provider) Offers() Offers {
	return Offers{Exchange: listed(p.Grants, grantTokenExchange), IDJAG: listed(p.RequestedTypes, typeIDJAG), S256: listed(p.ChallengeMethods, "S256")}
}

func (m providerMetadata) list(name string) []string {
	if values, ok := m.texts(name); ok && len(values) <= 100 {
		return values
	}
	return nil
}

func (p *Provider) overrule(c connection.IdP) {
	for _, o := range []struct {
		value string
		field *string
	}{
		{c.AuthorizationEndpoint, &p.AuthorizationEndpoint}, {c.TokenEndpoint, &p.TokenEndpoint},
		{c.JWKSURI, &p.JWKSURI}, {c.EndSessionEndpoint, &p.EndSessionEndpoint},
	} {
		if o.value != "" {
			*o.field = o.value
		}
	}
}

// checkEndpoints refuses metadata with an endpoint that no secret may be sent
// to. A provider on the network has no business on this computer's loopback.
func (p *Provider) checkEndpoints() error {
	for _, e := range []struct{ name, address string }{
		{"authorization_endpoint", p.AuthorizationEndpoint}, {"token_endpoint", p.TokenEndpoint}, {"jwks_uri", p.JWKSURI},
		{"end_session_endpoint", p.EndSessionEndpoint}, {"revocation_endpoint", p.RevocationEndpoint},
	} {
		if e.address == "" {
			continue
		}
		why := weburl.Check(e.address)
		if why == "" && strings.HasPrefix(p.Issuer, "https:") && !strings.HasPrefix(e.address, "https:") {
			why = "is plain http"
		}
		if why != "" {
			return fault.New(fault.StepDiscovery, fault.Hostile, "unsafe_endpoint", "The identity provider's "+e.name+" "+why+", so nothing is sent there.").
				WithRemedy("Tell whoever runs the identity provider.")
		}
	}
	return nil
}

func missingEndpoint(name string) *fault.Fault {
	return fault.New(fault.StepDiscovery, fault.Config, "no_endpoint", "The identity provider does not name its "+name+".").
		WithRemedy("Set it in the connection.")
}

// signingAlgs are the algorithms that an ID token of this provider may be
// signed with: the asymmetric ones that it lists, or all if it lists none.
func (p *Provider) signingAlgs() []string {
	var out []string
	for _, alg := range signingAlgs {
		if p.SigningAlgs == nil || slices.Contains(p.SigningAlgs, string(alg)) {
			out = append(out, string(alg))
		}
	}
	return out
}

// keySet returns the provider's keys, the same for every caller.
func (p *Provider) keySet(t *transport.Client) *keySet {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.keys == nil {
		p.keys = &keySet{transport: t, uri: p.JWKSURI}
	}
	return p.keys
}
