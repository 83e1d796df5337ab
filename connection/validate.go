package connection

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"waybill/fault"
	"waybill/internal/weburl"
)

// DefaultRedirectURI is what is registered at an identity provider that
// allows any loopback port (RFC 8252 section 7.3).
const DefaultRedirectURI = "http://127.0.0.1:0/callback"

var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Validate reports the first thing that keeps c from working, as a Fault of
// kind Config that names the field as the connection file does.
func (c Connection) Validate() error {
	if !nameForm.MatchString(c.Name) {
		return wrong("bad_name", "A connection needs a name of letters, digits, dots, dashes or underscores, 64 at most.").
			WithRemedy(`Set "name".`).About(string(FieldName))
	}
	required := []struct{ field, value string }{
		{"idp.issuer", c.IdP.Issuer}, {"idp.client_id", c.IdP.ClientID},
		{"resource.kind", string(c.Resource.Kind)}, {"resource.url", c.Resource.URL},
		{"resource.client_id", c.Resource.ClientID},
	}
	for _, r := range required {
		if strings.TrimSpace(r.value) == "" {
			return wrong("missing_field", fmt.Sprintf("The connection %q lacks %q.", c.Name, r.field)).
				WithRemedy("Fill it in.").About(r.field)
		}
	}
	if c.Resource.Kind != REST && c.Resource.Kind != MCP {
		return wrong("bad_kind", `"resource.kind" is neither "rest" nor "mcp".`).About(string(FieldKind))
	}
	if err := c.validateChoices(); err != nil {
		return err
	}
	if err := c.validateURLs(); err != nil {
		return err
	}
	if err := c.validateAudience(); err != nil {
		return err
	}
	if err := c.validateTodos(); err != nil {
		return err
	}
	_, err := c.Redirect()
	return err
}

func (c Connection) validateChoices() error {
	for _, m := range []struct {
		field string
		value AuthMethod
	}{{"idp.auth_method", c.IdP.AuthMethod}, {"resource.auth_method", c.Resource.AuthMethod}} {
		switch m.value {
		case AuthAuto, ClientSecretBasic, ClientSecretPost, PrivateKeyJWT, AuthNone:
		default:
			return wrong("bad_auth_method", fmt.Sprintf("%q is no client authentication method that Waybill knows.", m.field)).
				WithRemedy("Use client_secret_basic, client_secret_post, private_key_jwt or none, or leave it out.").About(m.field)
		}
	}
	for field, a := range map[string]Assertion{"idp.assertion": c.IdP.Assertion, "resource.assertion": c.Resource.Assertion} {
		if a.Audience != "" && a.Audience != AudienceTokenEndpoint && a.Audience != AudienceIssuer {
			return wrong("bad_assertion", fmt.Sprintf(`%q is neither "token_endpoint" nor "issuer".`, field+".audience")).About(field + ".audience")
		}
		if a.Lifetime != 0 && (a.Lifetime < 30 || a.Lifetime > 3600) {
			return wrong("bad_assertion", fmt.Sprintf("%q is not between 30 and 3600 seconds.", field+".lifetime")).About(field + ".lifetime")
		}
	}
	switch c.Subject {
	case SubjectAuto, SubjectIDToken, SubjectRefreshToken:
		return nil
	}
	return wrong("bad_subject", `"subject" is neither "id_token" nor "refresh_token".`).About(string(FieldSubject))
}

func (c Connection) validateURLs() error {
	urls := []struct{ field, value string }{
		{"idp.issuer", c.IdP.Issuer}, {"idp.authorization_endpoint", c.IdP.AuthorizationEndpoint},
		{"idp.token_endpoint", c.IdP.TokenEndpoint}, {"idp.jwks_uri", c.IdP.JWKSURI},
		{"idp.end_session_endpoint", c.IdP.EndSessionEndpoint},
		{"resource.url", c.Resource.URL}, {"resource.token_endpoint", c.Resource.TokenEndpoint},
		{"resource.authorization_server", c.Resource.AuthorizationServer},
	}
	for _, u := range urls {
		if u.value == "" {
			continue
		}
		if why := weburl.Check(u.value); why != "" {
			return wrong("bad_url", fmt.Sprintf("The address in %q %s.", u.field, why)).About(u.field)
		}
	}
	return nil
}

// maxAudience is how long an audience may be, in bytes.
const maxAudience = 1024

// validateAudience: an audience need not be an address, but what cannot be seen
// in it cannot be compared with what an administrator wrote down.
func (c Connection) validateAudience() error {
	a := c.Resource.Audience
	if len(a) > maxAudience || a != strings.TrimSpace(a) || a != fault.Clean(a, maxAudience) {
		return wrong("bad_audience", `"resource.audience" begins or ends with a blank, holds a character that cannot be seen, or is too long.`).
			WithRemedy("Enter it exactly as the identity provider shows it.").About(string(FieldAudience))
	}
	return nil
}

// Redirect is a redirect URI taken apart.
type Redirect struct {
	Host string // "127.0.0.1", "::1" or "localhost"
	Port int    // 0: any
	Path string // begins with a slash
}

// String puts the redirect URI together again.
func (r Redirect) String() string {
	return "http://" + net.JoinHostPort(r.Host, strconv.Itoa(r.Port)) + r.Path
}

// Redirect takes c's redirect URI apart. It must be http on loopback (RFC 8252
// section 7.3), with a path and without query or fragment.
func (c Connection) Redirect() (Redirect, error) {
	raw := c.RedirectURI
	if raw == "" {
		raw = DefaultRedirectURI
	}
	bad := func(why string) (Redirect, error) {
		return Redirect{}, wrong("bad_redirect_uri", "The redirect URI of the connection "+why+".").
			WithRemedy("Use " + DefaultRedirectURI + ", or the same with the port that is registered.").About(string(FieldRedirectURI))
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" || !weburl.IsLoopback(u.Hostname()) {
		return bad("is not http on this computer")
	}
	if u.RawQuery != "" || u.ForceQuery || strings.Contains(raw, "#") || u.User != nil {
		return bad("has more than a host, a port and a path")
	}
	port := 0
	if u.Port() != "" {
		if port, err = strconv.Atoi(u.Port()); err != nil || port < 0 || port > 65535 {
			return bad("has a port out of range")
		}
	} else {
		return bad("lacks a port")
	}
	if !strings.HasPrefix(u.EscapedPath(), "/") || u.EscapedPath() != u.Path {
		return bad("lacks a plain path")
	}
	return Redirect{Host: u.Hostname(), Port: port, Path: u.Path}, nil
}
