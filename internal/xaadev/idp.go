package xaadev

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	tokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	jwtBearer     = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	idJAG         = "urn:ietf:params:oauth:token-type:id-jag"
	idToken       = "urn:ietf:params:oauth:token-type:id_token"
	refreshToken  = "urn:ietf:params:oauth:token-type:refresh_token"
	profile       = "urn:ietf:params:oauth:grant-profile:id-jag"
)

// idp is IdenX. It has no /.well-known/oauth-authorization-server.
func (w *World) idp() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(rw http.ResponseWriter, _ *http.Request) {
		metadata := map[string]any{
			"issuer": IdP, "authorization_endpoint": IdP + "/authorize", "token_endpoint": IdP + "/token", "jwks_uri": IdP + "/jwks",
			"end_session_endpoint": IdP + "/session/end", "introspection_endpoint": IdP + "/token/introspection",
			"token_endpoint_auth_methods_supported":             []string{"client_secret_basic", "client_secret_post"},
			"token_exchange_subject_token_types_supported":      []string{idToken, "urn:ietf:params:oauth:token-type:saml2", refreshToken},
			"identity_chaining_requested_token_types_supported": []string{idJAG, refreshToken},
			"code_challenge_methods_supported":                  []string{"S256"},
			"id_token_signing_alg_values_supported":             []string{"ES256"},
			"authorization_response_iss_parameter_supported":    true,
		}
		if w.habit().Revokes {
			metadata["revocation_endpoint"] = IdP + "/revoke"
		}
		reply(rw, http.StatusOK, metadata)
	})
	mux.HandleFunc("GET /jwks", func(rw http.ResponseWriter, _ *http.Request) {
		reply(rw, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &w.key.PublicKey, KeyID: "one", Algorithm: "ES256", Use: "sig"}}})
	})
	mux.HandleFunc("GET /authorize", w.authorize)
	mux.HandleFunc("POST /token", w.idpToken)
	mux.HandleFunc("POST /revoke", w.revoke)
	mux.HandleFunc("GET /session/end", func(rw http.ResponseWriter, _ *http.Request) { page(rw, http.StatusOK, "You are signed out.") })
	return mux
}

// authorize shows the sign-in page, or, for a client or redirect URI that it
// does not know, an error page of its own.
func (w *World) authorize(rw http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	switch why := w.mayAuthorize(q); {
	case why != "":
		page(rw, http.StatusBadRequest, why)
	case q.Get("prompt") == "none":
		back := url.Values{"error": {"login_required"}, "state": {q.Get("state")}, "iss": {IdP}}
		rw.Header().Set("Location", q.Get("redirect_uri")+"?"+back.Encode())
		rw.WriteHeader(http.StatusFound)
	default:
		page(rw, http.StatusOK, "Sign in with any e-mail address.")
	}
}

func (w *World) mayAuthorize(q url.Values) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	app := w.app(q.Get("client_id"))
	switch {
	case app == nil:
		return "invalid_client: client is invalid"
	case !slices.Contains(app.redirects, q.Get("redirect_uri")):
		return "invalid_redirect_uri: redirect_uri did not match any of the client's registered redirect_uris"
	case q.Get("code_challenge_method") != "S256" || q.Get("response_type") != "code":
		return "invalid_request: PKCE with S256 is required"
	}
	return ""
}

// SignIn does what a user at a browser does at the address of an authorization
// request, and returns where the browser is sent back to. An error is the page
// that the user is left in front of.
func (w *World) SignIn(address, email string) (back string, err error) {
	u, err := url.Parse(address)
	if err != nil || u.Host != "idp.xaa.dev" || u.Path != "/authorize" {
		return "", fmt.Errorf("not a sign-in page: %s", address)
	}
	q := u.Query()
	if why := w.mayAuthorize(q); why != "" {
		return "", fmt.Errorf("the identity provider shows: %s", why)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	id := fmt.Sprintf("code-%d-%s", w.next(), rand.Text())
	w.codes[id] = code{identity{q.Get("client_id"), email}, q.Get("redirect_uri"), q.Get("nonce"), q.Get("code_challenge"), q.Get("scope")}
	answer := url.Values{"code": {id}, "state": {q.Get("state")}, "iss": {IdP}}
	return q.Get("redirect_uri") + "?" + answer.Encode(), nil
}

// idpToken is the IdP's token endpoint. Apps that were registered by hand
// authenticate in the body, whatever the metadata says.
func (w *World) idpToken(rw http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	w.mu.Lock()
	defer w.mu.Unlock()
	app := w.app(r.PostForm.Get("client_id"))
	if app == nil || r.Header.Get("Authorization") != "" || r.PostForm.Get("client_secret") != app.Secret {
		refuse(rw, http.StatusUnauthorized, "invalid_client", "client authentication failed")
		return
	}
	switch r.PostForm.Get("grant_type") {
	case "authorization_code":
		w.redeemCode(rw, r.PostForm, app)
	case "refresh_token":
		who, ok := w.refresh[r.PostForm.Get("refresh_token")]
		if !ok || who.clientID != app.ClientID {
			refuse(rw, http.StatusBadRequest, "invalid_grant", "grant request is invalid")
			return
		}
		reply(rw, http.StatusOK, w.session(who, "", ""))
	case tokenExchange:
		w.exchange(rw, r.PostForm, app)
	default:
		refuse(rw, http.StatusBadRequest, "unsupported_grant_type", "unsupported grant_type requested")
	}
}

// revoke forgets a refresh token (RFC 7009 section 2).
func (w *World) revoke(rw http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	w.mu.Lock()
	defer w.mu.Unlock()
	app := w.app(r.PostForm.Get("client_id"))
	if app == nil || r.PostForm.Get("client_secret") != app.Secret {
		refuse(rw, http.StatusUnauthorized, "invalid_client", "client authentication failed")
		return
	}
	if w.refresh[r.PostForm.Get("token")].clientID == app.ClientID {
		delete(w.refresh, r.PostForm.Get("token"))
	}
	rw.WriteHeader(http.StatusOK)
}

func (w *World) redeemCode(rw http.ResponseWriter, form url.Values, app *Registration) {
	c, ok := w.codes[form.Get("code")]
	delete(w.codes, form.Get("code"))
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	if !ok || c.clientID != app.ClientID || c.redirect != form.Get("redirect_uri") || c.challenge != base64.RawURLEncoding.EncodeToString(sum[:]) {
		refuse(rw, http.StatusBadRequest, "invalid_grant", "grant request is invalid")
		return
	}
	reply(rw, http.StatusOK, w.session(c.identity, c.nonce, c.scope))
}

// session is the answer that signs somebody in. mu is held.
func (w *World) session(who identity, nonce, scope string) map[string]any {
	now := time.Now()
	claims := map[string]any{
		"iss": IdP, "aud": who.clientID, "sub": "user_" + who.email, "email": who.email,
		"iat": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(), "jti": w.next(),
	}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	token := w.sign("JWT", claims)
	w.ids[token] = who
	out := map[string]any{"access_token": "idp-" + rand.Text(), "token_type": "Bearer", "expires_in": 600, "id_token": token}
	if slices.Contains(strings.Fields(scope), "offline_access") && !w.habits.NoRefreshToken {
		refresh := "refresh-" + rand.Text()
		w.refresh[refresh] = who
		out["refresh_token"] = refresh
	}
	return out
}

// exchange issues ID-JAGs. A refresh token is not consumed by it.
func (w *World) exchange(rw http.ResponseWriter, form url.Values, app *Registration) {
	who, alive := w.ids[form.Get("subject_token")]
	dead := "invalid_request"
	if form.Get("subject_token_type") == refreshToken {
		who, alive = w.refresh[form.Get("subject_token")]
		dead = "invalid_grant"
	}
	resource, clientID := form.Get("resource"), map[string]string{API: app.RESTClientID, MCP: app.MCPClientID}[form.Get("resource")]
	scope := form.Get("scope")
	switch {
	case form.Get("requested_token_type") != idJAG || form.Get("audience") == "" || resource == "":
		refuse(rw, http.StatusBadRequest, "invalid_request", "audience, resource and requested_token_type are required")
		return
	case !alive || who.clientID != app.ClientID:
		refuse(rw, http.StatusBadRequest, dead, "subject token is invalid")
		return
	case form.Get("audience") != Server || clientID == "":
		refuse(rw, http.StatusBadRequest, "invalid_target", "no resource connection for this audience and resource")
		return
	case within(scope, app.scopes) != strings.Join(strings.Fields(scope), " "):
		refuse(rw, http.StatusBadRequest, "invalid_scope", "scope is not allowed by the resource connection")
		return
	}
	if w.habits.WrongClient {
		clientID = app.ClientID
	}
	now := time.Now()
	reply(rw, http.StatusOK, map[string]any{
		"issued_token_type": idJAG, "token_type": "N_A", "expires_in": 300,
		"access_token": w.sign("oauth-id-jag+jwt", map[string]any{
			"iss": IdP, "sub": "user_" + who.email, "email": who.email, "aud": form.Get("audience"), "client_id": clientID, "resource": resource,
			"scope": scope, "jti": fmt.Sprint("jag-", w.next()), "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
		}),
	})
}
