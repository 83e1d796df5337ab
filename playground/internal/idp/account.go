package idp

import (
	"net/http"
	"slices"
	"strings"

	"waybill/playground/internal/oauth"
	"waybill/playground/internal/state"
)

// readAccess checks one of the identity provider's own access tokens.
func (s *Server) readAccess(raw string) (accessClaims, bool) {
	var claims accessClaims
	err := s.o.Keys.Verify(raw, oauth.JWTAccessToken, &claims)
	ok := err == nil && claims.Issuer == s.o.Issuer && slices.Equal(claims.Audience, []string{s.o.Issuer}) &&
		claims.Expiry != nil && !s.expired(claims.Expiry.Time())
	return claims, ok
}

// userinfo is the UserInfo endpoint (OpenID Connect Core section 5.3). The token
// is taken from the header only (RFC 6750 section 2.1), and one that is bound to a
// key only with the proof (RFC 9449 section 7).
func (s *Server) userinfo(w http.ResponseWriter, r *http.Request) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	bound := strings.EqualFold(scheme, "DPoP") && s.o.Proofs.Verifier != nil
	if !bound && !strings.EqualFold(scheme, "Bearer") || token == "" {
		w.Header().Set("WWW-Authenticate", `Bearer realm="playground"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	token = strings.TrimSpace(token)
	claims, ok := s.readAccess(token)
	if bound || claims.Cnf != nil {
		ok = ok && bound && claims.Cnf != nil && s.possesses(r, token, claims.Cnf.Thumbprint)
	}
	user := s.user(claims.Subject)
	if !ok || user.Email == "" {
		w.Header().Set("WWW-Authenticate", `Bearer realm="playground", error="invalid_token", error_description="The access token is not one of this identity provider, or has expired."`)
		(&oauth.Error{Status: http.StatusUnauthorized, Code: "invalid_token", Description: "The access token is not one of this identity provider, or has expired."}).Write(w)
		return
	}
	answer := map[string]any{"sub": claims.Subject}
	scopes := strings.Fields(claims.Scope)
	if slices.Contains(scopes, "email") {
		answer["email"], answer["email_verified"] = user.Email, true
	}
	if slices.Contains(scopes, "profile") {
		answer["name"] = user.Name
	}
	oauth.WriteJSON(w, http.StatusOK, answer)
}

// possesses reports whether the request proves possession of the key with this
// thumbprint.
func (s *Server) possesses(r *http.Request, token, thumbprint string) bool {
	key, refused := s.o.Proofs.Check(r, s.o.Issuer+"/userinfo", token)
	return refused == nil && key != "" && key == thumbprint
}

// introspect answers a client about its own tokens (RFC 7662 section 2). A
// token of another client is as unknown as one that never was.
func (s *Server) introspect(w http.ResponseWriter, r *http.Request) {
	form, refused := oauth.ReadForm(r)
	if refused != nil {
		refused.Write(w)
		return
	}
	id, refused := s.auth.Authenticate(r, form)
	if refused == nil && s.clients[id].Public {
		refused = &oauth.Error{Status: http.StatusUnauthorized, Code: "invalid_client", Description: "A public client cannot ask about tokens."}
	}
	if refused == nil && !form.Has("token") {
		refused = oauth.Errorf("invalid_request", "token is missing.")
	}
	if refused != nil {
		refused.Write(w)
		return
	}
	oauth.WriteJSON(w, http.StatusOK, s.describe(s.clients[id], form.Get("token")))
}

func (s *Server) describe(c Client, token string) map[string]any {
	if claims, ok := s.readAccess(token); ok && claims.ClientID == c.ID {
		return map[string]any{
			"active": true, "iss": s.o.Issuer, "client_id": c.ID, "sub": claims.Subject, "username": s.user(claims.Subject).Email,
			"scope": claims.Scope, "token_type": claims.tokenType(), "aud": claims.Audience,
			"iat": claims.IssuedAt, "exp": claims.Expiry, "jti": claims.ID,
		}
	}
	if g, refused := s.lookGrant(c, state.Hash(token)); refused == nil && !g.Used {
		return map[string]any{
			"active": true, "iss": s.o.Issuer, "client_id": c.ID, "sub": g.Subject, "username": s.user(g.Subject).Email,
			"scope": strings.Join(g.Scopes, " "), "exp": g.Expires.Unix(),
		}
	}
	if claims, err := s.readIDToken(token); err == nil && slices.Equal(claims.Audience, []string{c.ID}) && !s.expired(claims.Expiry.Time()) {
		return map[string]any{
			"active": true, "iss": s.o.Issuer, "client_id": c.ID, "sub": claims.Subject, "username": s.user(claims.Subject).Email,
			"aud": c.ID, "iat": claims.IssuedAt, "exp": claims.Expiry,
		}
	}
	return map[string]any{"active": false}
}
