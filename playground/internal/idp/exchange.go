package idp

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"

	"waybill/playground/internal/dpop"
	"waybill/playground/internal/oauth"
	"waybill/playground/internal/state"
)

// subject is whom a subject token speaks of.
type subject struct {
	id       string
	authTime time.Time
	acr      string
}

// idJAG are the claims of an Identity Assertion JWT Authorization Grant
// (draft-ietf-oauth-identity-assertion-authz-grant-04 section 3.1).
type idJAG struct {
	jwt.Claims
	ClientID string           `json:"client_id"`
	Resource string           `json:"resource"`
	Scope    string           `json:"scope,omitempty"`
	AuthTime *jwt.NumericDate `json:"auth_time,omitempty"`
	ACR      string           `json:"acr,omitempty"`
	AMR      []string         `json:"amr,omitempty"`
	Email    string           `json:"email,omitempty"`

	Cnf *dpop.Confirmation `json:"cnf,omitempty"`
}

// exchange is the token exchange (RFC 8693) from an ID token or a refresh token
// to an ID-JAG. Nothing is used up by it. The ID-JAG is bound to key, if possession
// of one was proved (draft section 9.8.1.1).
func (s *Server) exchange(c Client, form url.Values, key string) (map[string]any, *oauth.Error) {
	if refused := checkExchange(form); refused != nil {
		return nil, refused
	}
	who, refused := s.subject(c, form, key)
	if refused != nil {
		return nil, refused
	}
	connection, refused := c.connection(form.Get("audience"), form.Get("resource"))
	if refused != nil {
		return nil, refused
	}
	scopes, refused := connection.narrow(form.Get("scope"))
	if refused != nil {
		return nil, refused
	}
	user := s.user(who.id)
	if refused := s.entitled(c, who, user); refused != nil {
		return nil, refused
	}
	now := s.o.Now()
	scope := strings.Join(scopes, " ")
	signed, err := s.o.Keys.Sign(oauth.JWTIDJAG, idJAG{
		Claims: jwt.Claims{
			Issuer: s.o.Issuer, Subject: who.id, Audience: jwt.Audience{connection.Audience}, ID: random(),
			IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(s.o.Lives.IDJAG)),
		},
		ClientID: connection.ClientID, Resource: connection.Resource, Scope: scope,
		AuthTime: jwt.NewNumericDate(who.authTime), ACR: who.acr, AMR: []string{"otp"}, Email: user.Email, Cnf: dpop.Confirm(key),
	})
	if err != nil {
		return nil, s.broken("ID-JAG", err)
	}
	return map[string]any{
		"access_token": signed, "issued_token_type": oauth.TypeIDJAG, "token_type": "N_A",
		"expires_in": seconds(s.o.Lives.IDJAG), "scope": scope,
	}, nil
}

// checkExchange checks the parameters that do not depend on who asks.
func checkExchange(form url.Values) *oauth.Error {
	for _, name := range []string{"requested_token_type", "subject_token", "subject_token_type", "audience", "resource"} {
		if !form.Has(name) {
			return oauth.Errorf("invalid_request", "%s is missing.", name)
		}
	}
	switch {
	case form.Get("requested_token_type") != oauth.TypeIDJAG:
		return oauth.Errorf("invalid_request", "The requested_token_type has to be %s.", oauth.TypeIDJAG)
	case len(form["audience"]) > 1 || len(form["resource"]) > 1:
		return oauth.Errorf("invalid_target", "An ID-JAG is for one audience and one resource.")
	case form.Has("actor_token") || form.Has("actor_token_type"):
		return oauth.Errorf("invalid_request", "actor_token is not supported.")
	}
	return nil
}

// subject checks the subject token (draft section 4.3.3).
func (s *Server) subject(c Client, form url.Values, key string) (subject, *oauth.Error) {
	raw := form.Get("subject_token")
	switch form.Get("subject_token_type") {
	case oauth.TypeRefreshToken:
		g, refused := s.liveGrant(c, state.Hash(raw), key)
		if refused != nil {
			return subject{}, refused
		}
		return s.known(subject{g.Subject, g.AuthTime, g.ACR})
	case oauth.TypeIDToken:
		claims, err := s.readIDToken(raw)
		switch {
		case err != nil:
			return subject{}, oauth.Errorf("invalid_request", "The subject token is no ID token of this identity provider.")
		case len(claims.Audience) != 1 || claims.Audience[0] != c.ID:
			return subject{}, oauth.Errorf("invalid_request", "The ID token was issued to another client (aud), not to %s.", oauth.Quote(c.ID))
		case s.expired(claims.Expiry.Time()):
			return subject{}, oauth.Errorf("invalid_grant", "The ID token has expired.")
		}
		return s.known(subject{claims.Subject, claims.AuthTime.Time(), claims.ACR})
	}
	return subject{}, oauth.Errorf("invalid_request", "The subject_token_type has to be %s or %s.", oauth.TypeIDToken, oauth.TypeRefreshToken)
}

func (s *Server) known(who subject) (subject, *oauth.Error) {
	if s.user(who.id).Email == "" {
		return who, oauth.Errorf("invalid_grant", "The user of the subject token does not exist any more.")
	}
	return who, nil
}

// connection finds the resource connection for audience and resource, which are
// compared byte for byte.
func (c Client) connection(audience, resource string) (Connection, *oauth.Error) {
	var audiences, resources []string
	for _, k := range c.Connections {
		switch {
		case k.Audience == audience && k.Resource == resource:
			return k, nil
		case k.Audience == audience:
			resources = append(resources, k.Resource)
		}
		if !slices.Contains(audiences, k.Audience) {
			audiences = append(audiences, k.Audience)
		}
	}
	switch {
	case len(audiences) == 0:
		return Connection{}, oauth.Errorf("invalid_target", "The client %s has no resource connection at all.", oauth.Quote(c.ID))
	case len(resources) == 0:
		return Connection{}, noTarget("audience", audience, audiences)
	}
	return Connection{}, noTarget("resource", resource, resources)
}

func noTarget(parameter, sent string, known []string) *oauth.Error {
	for _, k := range known {
		if strings.TrimSuffix(k, "/") == strings.TrimSuffix(sent, "/") {
			return oauth.Errorf("invalid_target", "The %s %s differs from the resource connection's %s by a final slash only; it has to be equal byte for byte.",
				parameter, oauth.Quote(sent), oauth.Quote(k))
		}
	}
	return oauth.Errorf("invalid_target", "There is no resource connection for the %s %s. This client has one for %s.",
		parameter, oauth.Quote(sent), oauth.Quote(strings.Join(known, " ")))
}

// narrow checks the scopes that are asked for. Without any, the connection's own
// are the default (RFC 6749 section 3.3).
func (k Connection) narrow(raw string) ([]string, *oauth.Error) {
	asked, refused := oauth.Scopes(raw)
	if refused != nil {
		return nil, refused
	}
	if len(asked) == 0 {
		return k.Scopes, nil
	}
	for _, scope := range asked {
		switch {
		case slices.Contains(k.Scopes, scope):
		case slices.Contains([]string{"openid", "profile", "email", "offline_access"}, scope):
			return nil, oauth.Errorf("invalid_scope", "The scope %s belongs to the sign-in; here scopes of the resource are asked for: %s.", oauth.Quote(scope), strings.Join(k.Scopes, " "))
		default:
			return nil, oauth.Errorf("invalid_scope", "The resource connection does not allow the scope %s. It allows: %s.", oauth.Quote(scope), strings.Join(k.Scopes, " "))
		}
	}
	return asked, nil
}

// entitled applies the policy that can be switched on.
func (s *Server) entitled(c Client, who subject, user state.User) *oauth.Error {
	policy := s.o.Policy()
	sameEmail := func(denied string) bool { return strings.EqualFold(strings.TrimSpace(denied), user.Email) }
	switch {
	case slices.ContainsFunc(policy.DenyUsers, sameEmail):
		return oauth.Errorf("access_denied", "The administrator has not given this user access to the resource.")
	case slices.Contains(policy.DenyClients, c.ID):
		return oauth.Errorf("access_denied", "The administrator has not given this app access to the resource.")
	}
	challenge := map[string]any{}
	if policy.MaxAge > 0 && s.o.Now().Sub(who.authTime) > policy.MaxAge {
		challenge["max_age"] = seconds(policy.MaxAge)
	}
	if policy.ACR != "" && policy.ACR != who.acr && who.acr != ACRStepUp {
		challenge["acr_values"] = policy.ACR
	}
	if len(challenge) == 0 {
		return nil
	}
	return &oauth.Error{Status: http.StatusBadRequest, Code: "insufficient_user_authentication",
		Description: "The resource needs a more recent or a stronger sign-in (draft section 9.2).", Extra: challenge}
}
