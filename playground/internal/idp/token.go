package idp

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"maps"
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

// token is the token endpoint. The client is authenticated before anything else
// is looked at (RFC 6749 section 3.2.1) but the proof of possession: who is asked
// for a nonce repeats the request, and its client assertion must not be spent.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	form, refused := oauth.ReadForm(r, "audience", "resource")
	if refused != nil {
		refused.Write(w)
		return
	}
	key, refused := s.o.Proofs.TokenRequest(w, r, s.o.Issuer+"/token")
	id := ""
	if refused == nil {
		id, refused = s.auth.Authenticate(r, form)
	}
	var answer map[string]any
	if refused == nil {
		answer, refused = s.grant(s.clients[id], form, key)
	}
	if refused != nil {
		s.o.Log.Info("A token request was refused.", "server", "identity provider", "client", id,
			"grant", oauth.GrantName(form.Get("grant_type")), "error", refused.Code)
		refused.Write(w)
		return
	}
	oauth.WriteJSON(w, http.StatusOK, answer)
}

// grant answers a request by c, which has proved possession of the key with the
// thumbprint key, "" if of none.
func (s *Server) grant(c Client, form url.Values, key string) (map[string]any, *oauth.Error) {
	if key == "" && s.o.Proofs.Verifier != nil && (s.o.Proofs.Required || c.Bound) {
		return nil, oauth.Errorf(dpop.CodeProof, "This client has to send a DPoP proof with every token request.")
	}
	switch form.Get("grant_type") {
	case oauth.GrantCode:
		return s.redeemCode(c, form, key)
	case oauth.GrantRefresh:
		return s.refresh(c, form, key)
	case oauth.GrantExchange:
		return s.exchange(c, form, key)
	case "":
		return nil, oauth.Errorf("invalid_request", "grant_type is missing.")
	case oauth.GrantBearer:
		return nil, oauth.Errorf("unsupported_grant_type", "An ID-JAG is redeemed at the resource's authorization server, not at the identity provider that issued it.")
	}
	return nil, oauth.Errorf("unsupported_grant_type", "The grant_type %s is not supported here.", oauth.Quote(form.Get("grant_type")))
}

// redeemCode is the authorization code grant with PKCE (RFC 6749 section 4.1.3,
// RFC 7636 section 4.6).
func (s *Server) redeemCode(c Client, form url.Values, key string) (map[string]any, *oauth.Error) {
	for _, name := range []string{"code", "redirect_uri", "code_verifier"} {
		if !form.Has(name) {
			return nil, oauth.Errorf("invalid_request", "%s is missing.", name)
		}
	}
	granted, refused := s.takeCode(c, form)
	if refused != nil {
		return nil, refused
	}
	if !slices.Contains(granted.scopes, "offline_access") {
		return s.tokens(c, granted.login, granted.scopes, granted.nonce, key, nil)
	}
	return s.tokens(c, granted.login, granted.scopes, granted.nonce, key, func(d *state.Data, refresh string) *oauth.Error {
		d.Grants[state.Hash(refresh)] = state.Grant{
			Family: granted.family, ClientID: c.ID, Subject: granted.login.Subject, LoginID: granted.login.ID,
			Scopes: granted.scopes, AuthTime: granted.login.At, ACR: granted.login.ACR,
			Expires: s.o.Now().Add(s.o.Lives.Refresh), Key: boundTo(c, key),
		}
		return nil
	})
}

// takeCode checks the code and marks it as used, in one step for all that
// present it at the same time. A code that comes back ends what was made of it
// (RFC 6749 section 4.1.2).
func (s *Server) takeCode(c Client, form url.Values) (code, *oauth.Error) {
	hash := state.Hash(form.Get("code"))
	s.mu.Lock()
	granted, known := s.codes[hash]
	problem := ""
	switch {
	case !known:
		problem = "The code is not known here, or was forgotten after it expired."
	case granted.clientID != c.ID:
		problem = "The code was issued to another client."
	case granted.used:
		problem = "The code was used before. The tokens that it gave are revoked."
	case s.expired(granted.expires):
		problem = "The code has expired."
	case granted.redirectURI != form.Get("redirect_uri"):
		problem = "The redirect_uri is not the one of the authorization request."
	case !verifies(form.Get("code_verifier"), granted.challenge):
		problem = "The code_verifier does not match the code_challenge (PKCE)."
	}
	reused := known && granted.clientID == c.ID && granted.used
	if problem == "" {
		granted.used = true
		s.codes[hash] = granted
	}
	s.mu.Unlock()
	if reused {
		if err := s.revokeFamily(granted.family); err != nil {
			return code{}, s.broken("code", err)
		}
	}
	if problem != "" {
		return code{}, oauth.Errorf("invalid_grant", "%s", problem)
	}
	return granted, nil
}

// verifies compares as RFC 7636 section 4.6 says for S256.
func verifies(verifier, challenge string) bool {
	if len(verifier) < 43 || len(verifier) > 128 {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
}

// refresh is the refresh token grant with rotation (RFC 6749 section 6,
// RFC 9700 section 4.14.2, OpenID Connect Core section 12).
func (s *Server) refresh(c Client, form url.Values, key string) (map[string]any, *oauth.Error) {
	if !form.Has("refresh_token") {
		return nil, oauth.Errorf("invalid_request", "refresh_token is missing.")
	}
	asked, refused := oauth.Scopes(form.Get("scope"))
	if refused != nil {
		return nil, refused
	}
	presented := state.Hash(form.Get("refresh_token"))
	g, refused := s.liveGrant(c, presented, key)
	if refused != nil {
		return nil, refused
	}
	for _, scope := range asked {
		if !slices.Contains(g.Scopes, scope) {
			return nil, oauth.Errorf("invalid_scope", "The scope %s was not granted at the sign-in.", oauth.Quote(scope))
		}
	}
	if len(asked) == 0 {
		asked = g.Scopes
	}
	login := state.Login{ID: g.LoginID, Subject: g.Subject, At: g.AuthTime, ACR: g.ACR}
	return s.tokens(c, login, asked, "", key, func(d *state.Data, next string) *oauth.Error {
		now, known := d.Grants[presented]
		switch {
		case !known:
			return revokedError()
		case now.Used: // another request was faster
			endFamily(d, now.Family)
			return reusedError()
		}
		now.Used = true
		d.Grants[presented] = now
		now.Used, now.Expires = false, s.o.Now().Add(s.o.Lives.Refresh)
		d.Grants[state.Hash(next)] = now
		return nil
	})
}

// lookGrant looks a refresh token up by its hash. It may have been rotated.
func (s *Server) lookGrant(c Client, hash string) (state.Grant, *oauth.Error) {
	var g state.Grant
	var known bool
	s.o.Store.View(func(d *state.Data) { g, known = d.Grants[hash] })
	switch {
	case !known:
		return g, revokedError()
	case g.ClientID != c.ID:
		return g, oauth.Errorf("invalid_grant", "The refresh token was issued to another client.")
	case s.expired(g.Expires):
		return g, oauth.Errorf("invalid_grant", "The refresh token has expired.")
	}
	return g, nil
}

// boundTo is the key that a refresh token is bound to: that of a public client's
// proof. A confidential client's is bound to its credentials already (RFC 9449
// section 5).
func boundTo(c Client, key string) string {
	if c.Public {
		return key
	}
	return ""
}

// liveGrant is lookGrant for a token that is presented to be used, by somebody
// who has proved possession of key. One that was rotated before ends its family:
// its legitimate owner and a thief cannot be told apart.
func (s *Server) liveGrant(c Client, hash, key string) (state.Grant, *oauth.Error) {
	g, refused := s.lookGrant(c, hash)
	switch {
	case refused != nil:
		return g, refused
	case g.Key != "" && g.Key != key:
		return g, oauth.Errorf("invalid_grant", "The refresh token is bound to a key, and the request does not prove possession of that key (DPoP).")
	case !g.Used:
		return g, nil
	}
	if err := s.revokeFamily(g.Family); err != nil {
		return g, s.broken("refresh token", err)
	}
	return g, reusedError()
}

func revokedError() *oauth.Error {
	return oauth.Errorf("invalid_grant", "The refresh token is not known here, or was revoked.")
}

func reusedError() *oauth.Error {
	return oauth.Errorf("invalid_grant", "The refresh token was replaced by a newer one and came back. The whole session is revoked, since somebody may have copied it.")
}

// endFamily revokes all refresh tokens that go back to one code.
func endFamily(d *state.Data, family string) {
	maps.DeleteFunc(d.Grants, func(_ string, g state.Grant) bool { return g.Family == family })
}

func (s *Server) revokeFamily(family string) error {
	return s.o.Store.Update(func(d *state.Data) error {
		endFamily(d, family)
		return nil
	})
}

// tokens makes the answer of the code and refresh grants. keep stores the
// refresh token, if there is one; where it refuses, its changes stay, and its
// refusal is the answer.
func (s *Server) tokens(c Client, login state.Login, scopes []string, nonce, key string, keep func(*state.Data, string) *oauth.Error) (map[string]any, *oauth.Error) {
	access, err := s.accessToken(c, login, scopes, key)
	if err != nil {
		return nil, s.broken("access token", err)
	}
	id, err := s.idToken(c, login, scopes, nonce, access)
	if err != nil {
		return nil, s.broken("ID token", err)
	}
	answer := map[string]any{
		"access_token": access, "token_type": dpop.TokenType(key), "expires_in": seconds(s.o.Lives.IDToken),
		"id_token": id, "scope": strings.Join(scopes, " "),
	}
	if keep == nil {
		return answer, nil
	}
	refresh := random()
	var refused *oauth.Error
	err = s.o.Store.Update(func(d *state.Data) error {
		refused = keep(d, refresh)
		return nil
	})
	switch {
	case err != nil:
		return nil, s.broken("refresh token", err)
	case refused != nil:
		return nil, refused
	}
	answer["refresh_token"] = refresh
	return answer, nil
}

func (s *Server) broken(what string, err error) *oauth.Error {
	s.o.Log.Error("The identity provider failed.", "at", what, "reason", err)
	return oauth.Internal()
}

// seconds rounds down, so that a client never takes a token for longer lived
// than it is.
func seconds(d time.Duration) int64 { return int64(d / time.Second) }

func (s *Server) idToken(c Client, login state.Login, scopes []string, nonce, access string) (string, error) {
	now := s.o.Now()
	sum := sha256.Sum256([]byte(access))
	claims := idToken{
		Claims: jwt.Claims{
			Issuer: s.o.Issuer, Subject: login.Subject, Audience: jwt.Audience{c.ID},
			IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(s.o.Lives.IDToken)),
		},
		AuthTime: jwt.NewNumericDate(login.At), Nonce: nonce, ACR: login.ACR, AMR: []string{"otp"}, SID: login.ID,
		AtHash: base64.RawURLEncoding.EncodeToString(sum[:16]), // Core section 3.1.3.6
	}
	user := s.user(login.Subject)
	if slices.Contains(scopes, "email") {
		claims.Email, claims.EmailVerified = user.Email, true
	}
	if slices.Contains(scopes, "profile") {
		claims.Name = user.Name
	}
	return s.o.Keys.Sign(oauth.JWTIDToken, claims)
}

// accessClaims are those of the identity provider's own access tokens, which
// are good for its userinfo endpoint and nothing else (RFC 9068 section 2.2).
type accessClaims struct {
	jwt.Claims
	ClientID string             `json:"client_id"`
	Scope    string             `json:"scope"`
	Cnf      *dpop.Confirmation `json:"cnf,omitempty"`
}

func (c accessClaims) tokenType() string {
	if c.Cnf == nil {
		return dpop.TokenType("")
	}
	return dpop.TokenType(c.Cnf.Thumbprint)
}

func (s *Server) accessToken(c Client, login state.Login, scopes []string, key string) (string, error) {
	now := s.o.Now()
	return s.o.Keys.Sign(oauth.JWTAccessToken, accessClaims{
		Claims: jwt.Claims{
			Issuer: s.o.Issuer, Subject: login.Subject, Audience: jwt.Audience{s.o.Issuer}, ID: random(),
			IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(s.o.Lives.IDToken)),
		},
		ClientID: c.ID, Scope: strings.Join(scopes, " "), Cnf: dpop.Confirm(key),
	})
}

func (s *Server) user(subject string) state.User {
	var user state.User
	s.o.Store.View(func(d *state.Data) { user = d.Users[subject] })
	return user
}
