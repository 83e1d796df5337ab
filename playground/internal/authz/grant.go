package authz

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"waybill/playground/internal/dpop"
	"waybill/playground/internal/oauth"
	"waybill/playground/internal/state"
)

// maxLife is the longest that an ID-JAG may live. A longer one would have its
// jti remembered as long.
const maxLife = time.Hour

// token is the token endpoint; its one grant is the JWT bearer grant (RFC 7523
// section 2.1).
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	form, refused := oauth.ReadForm(r)
	if refused != nil {
		refused.Write(w)
		return
	}
	// Before the client: an assertion of one that is asked for a nonce must not be
	// spent.
	key, refused := s.o.Proofs.TokenRequest(w, r, s.at("/token"))
	id := ""
	if refused == nil {
		id, refused = s.auth.Authenticate(r, form)
	}
	var answer map[string]any
	if refused == nil {
		answer, refused = s.grant(r.Context(), s.clients[id], form, key)
	}
	if refused != nil {
		s.o.Log.Info("A token request was refused.", "server", "authorization server", "client", id,
			"grant", oauth.GrantName(form.Get("grant_type")), "error", refused.Code)
		refused.Write(w)
		return
	}
	oauth.WriteJSON(w, http.StatusOK, answer)
}

// grant answers a request by c, which has proved possession of the key with the
// thumbprint key, "" if of none.
func (s *Server) grant(ctx context.Context, c Client, form url.Values, key string) (map[string]any, *oauth.Error) {
	switch {
	case !form.Has("grant_type"):
		return nil, oauth.Errorf("invalid_request", "grant_type is missing.")
	case form.Get("grant_type") == oauth.GrantExchange:
		return nil, oauth.Errorf("unsupported_grant_type", "The token exchange is made at the identity provider, not at the resource's authorization server.")
	case form.Get("grant_type") != oauth.GrantBearer:
		return nil, oauth.Errorf("unsupported_grant_type", "The grant_type has to be %s.", oauth.GrantBearer)
	case !form.Has("assertion"):
		return nil, oauth.Errorf("invalid_request", "assertion is missing.")
	}
	asked, refused := oauth.Scopes(form.Get("scope"))
	if refused != nil {
		return nil, refused
	}
	issuer, claims, problem := s.read(ctx, form.Get("assertion"))
	if problem == "" {
		problem = s.problem(c, claims)
	}
	if problem == "" {
		problem = s.possession(c, claims.Cnf, key)
	}
	if problem != "" {
		return nil, oauth.Errorf("invalid_grant", "The ID-JAG was refused: %s", problem)
	}
	target, refused := s.target(c, claims, form.Get("resource"))
	if refused != nil {
		return nil, refused
	}
	return s.issue(c, issuer, claims, target, key, intersect(asked, strings.Fields(claims.Scope), c.Scopes))
}

// idJAG are the claims that this server looks at (draft section 3.1).
type idJAG struct {
	jwt.Claims
	ClientID string          `json:"client_id"`
	Resource stringOrArray   `json:"resource"`
	Scope    string          `json:"scope"`
	Email    string          `json:"email"`
	Cnf      json.RawMessage `json:"cnf"`
}

// stringOrArray is a claim that is one string or an array of them.
type stringOrArray []string

// UnmarshalJSON takes both forms.
func (s *stringOrArray) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*s = stringOrArray{one}
		return nil
	}
	var many []string
	err := json.Unmarshal(raw, &many)
	*s = many
	return err
}

// read checks the form, the type, the issuer and the signature of an ID-JAG.
// The problem is the end of a sentence.
func (s *Server) read(ctx context.Context, raw string) (issuer TrustedIssuer, claims idJAG, problem string) {
	token, err := jwt.ParseSigned(raw, oauth.Algs())
	if err != nil || len(token.Headers) != 1 {
		return issuer, claims, "it is no signed JWT with an algorithm that is taken here."
	}
	header := token.Headers[0]
	if typ, _ := header.ExtraHeaders[jose.HeaderType].(string); typ != oauth.JWTIDJAG {
		return issuer, claims, "its typ is " + oauth.Quote(typ) + " and has to be " + oauth.JWTIDJAG + "."
	}
	var unverified jwt.Claims
	if err := token.UnsafeClaimsWithoutVerification(&unverified); err != nil {
		return issuer, claims, "its claims cannot be read."
	}
	issuer, trusted := s.issuers[unverified.Issuer]
	if !trusted {
		return issuer, claims, "its issuer " + oauth.Quote(unverified.Issuer) + " is not trusted here."
	}
	set, err := issuer.Keys.Keys(ctx, header.KeyID)
	if err != nil {
		s.o.Log.Warn("The keys of a trusted issuer could not be had.", "issuer", issuer.ID, "reason", err)
		return issuer, claims, "the keys of its issuer could not be fetched."
	}
	for _, key := range set.Keys {
		if header.KeyID != "" && key.KeyID != header.KeyID || !oauth.Usable(key, header.Algorithm) {
			continue
		}
		claims = idJAG{}
		if token.Claims(key.Key, &claims) == nil {
			return issuer, claims, ""
		}
	}
	return issuer, claims, "its signature matches no key of its issuer, or a claim is of the wrong kind."
}

// problem checks the claims (draft section 4.4.1, RFC 7523 section 3). It says
// what is wrong as the end of a sentence, "" if nothing is.
func (s *Server) problem(c Client, claims idJAG) string {
	now := s.o.Now()
	switch {
	case claims.Subject == "" || len(claims.Subject) > 255:
		return "it has no sub of 1 to 255 characters."
	case len(claims.Audience) != 1:
		return "its aud has to be exactly one, the issuer of this authorization server."
	case claims.Audience[0] != s.o.Issuer:
		return "its aud " + oauth.Quote(claims.Audience[0]) + " is not this authorization server, " + s.o.Issuer + "."
	case claims.ClientID != c.ID:
		return "its client_id " + oauth.Quote(claims.ClientID) + " is not the client that authenticated, " + oauth.Quote(c.ID) + "."
	case claims.ID == "" || len(claims.ID) > oauth.MaxID:
		return "it has no jti of 1 to 256 characters."
	case claims.Expiry == nil || claims.IssuedAt == nil:
		return "it has no exp or no iat."
	case !now.Before(claims.Expiry.Time().Add(oauth.Skew)):
		return "it has expired; check the clock."
	case claims.IssuedAt.Time().After(now.Add(oauth.Skew)):
		return "its iat is more than 30 seconds in the future; check the clock."
	case claims.NotBefore != nil && claims.NotBefore.Time().After(now.Add(oauth.Skew)):
		return "it is not valid yet (nbf); check the clock."
	case claims.Expiry.Time().Sub(claims.IssuedAt.Time()) > maxLife:
		return "it lives longer than an hour."
	}
	return ""
}

// possession checks the binding to a key (draft section 9.8.1.2), and says what is
// wrong as problem does.
func (s *Server) possession(c Client, cnf json.RawMessage, key string) string {
	if len(cnf) == 0 || string(cnf) == "null" {
		if key == "" && s.o.Proofs.Verifier != nil && (s.o.Proofs.Required || c.Bound) {
			return "only tokens that are bound to a key are issued here, and neither it nor the request names one (DPoP)."
		}
		return ""
	}
	var said dpop.Confirmation
	_ = json.Unmarshal(cnf, &said) // what cannot be read names no key
	switch {
	case s.o.Proofs.Verifier == nil:
		return "it needs proof of possession (cnf), which is not supported here."
	case said.Thumbprint == "":
		return "it needs proof of possession of a key (cnf) that is not named by its thumbprint (jkt)."
	case key == "":
		return "it needs proof of possession (cnf), and the request has no DPoP proof."
	case key != said.Thumbprint:
		return "it is bound to another key (cnf) than that of the DPoP proof; this is no proof of possession."
	}
	return ""
}

// target finds the one resource that the token is for (RFC 8707 section 2).
func (s *Server) target(c Client, claims idJAG, asked string) (string, *oauth.Error) {
	granted := []string(claims.Resource)
	if len(granted) == 0 {
		granted = []string{c.Resource}
	}
	if asked != "" && !slices.Contains(granted, asked) {
		return "", oauth.Errorf("invalid_target", "The resource %s is not one of the ID-JAG.", oauth.Quote(asked))
	}
	if !slices.Contains(granted, c.Resource) || asked != "" && asked != c.Resource {
		return "", oauth.Errorf("invalid_grant", "The ID-JAG was refused: its resource %s is not the one that the client %s may reach, %s.",
			oauth.Quote(strings.Join(granted, " ")), oauth.Quote(c.ID), oauth.Quote(c.Resource))
	}
	return c.Resource, nil
}

// intersect keeps what is in all lists, in the order of the first.
func intersect(asked []string, others ...[]string) []string {
	return slices.DeleteFunc(slices.Clone(asked), func(scope string) bool {
		return slices.ContainsFunc(others, func(list []string) bool { return !slices.Contains(list, scope) })
	})
}

// issue spends the jti and answers with an access token, bound to key if there is
// one. Without a scope in the request the token has none, as at xaa.dev.
func (s *Server) issue(c Client, issuer TrustedIssuer, claims idJAG, resource, key string, scopes []string) (map[string]any, *oauth.Error) {
	subject := issuer.Provider + ":" + claims.Subject
	scope := strings.Join(scopes, " ")
	signed, err := s.sign(c, subject, resource, scope, key)
	if err != nil {
		return nil, s.broken("access token", err)
	}
	err = s.o.Store.Update(func(d *state.Data) error {
		if claims.Email != "" {
			d.People[subject] = state.Person{Email: claims.Email}
		}
		if !d.Spend("ID-JAG "+issuer.ID+" "+claims.ID, claims.Expiry.Time().Add(oauth.Skew)) {
			return state.ErrSpent
		}
		return nil
	})
	switch {
	case errors.Is(err, state.ErrSpent):
		return nil, oauth.Errorf("invalid_grant", "The ID-JAG was refused: it was used before (jti).")
	case err != nil:
		return nil, s.broken("state", err)
	}
	s.o.Log.Info("An access token was issued.", "client", c.ID, "subject", subject, "resource", resource, "scope", scope)
	return map[string]any{
		"access_token": signed, "token_type": dpop.TokenType(key), "expires_in": int64(s.o.TokenLife / time.Second),
		"scope": scope, "resource": resource,
	}, nil
}
