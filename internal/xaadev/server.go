package xaadev

import (
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// server is the resource's authorization server. Its openid-configuration
// answers too, but does not list grant profiles.
func (w *World) server() http.Handler {
	mux := http.NewServeMux()
	metadata := func(full bool) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) {
			w.stamp(rw)
			reply(rw, http.StatusOK, w.serverMetadata(full))
		}
	}
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", metadata(true))
	mux.HandleFunc("GET /.well-known/openid-configuration", metadata(false))
	mux.HandleFunc("POST /token", w.serverToken)
	return mux
}

func (w *World) serverMetadata(full bool) map[string]any {
	h := w.habit()
	out := map[string]any{
		"issuer": Server, "token_endpoint": Server + "/token", "jwks_uri": Server + "/jwks",
		"grant_types_supported":                 []string{jwtBearer},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
	}
	if full && !h.UnquotedProfile {
		out["authorization_grant_profiles_supported"] = []string{profile}
	}
	if h.SlashedIssuer {
		out["issuer"] = Server + "/"
	}
	if h.TokenEndpoint != "" {
		out["token_endpoint"] = h.TokenEndpoint
	}
	if h.BasicOnly {
		out["token_endpoint_auth_methods_supported"] = []string{"client_secret_basic"}
	}
	return out
}

// stamp writes the authorization server's own idea of the time.
func (w *World) stamp(rw http.ResponseWriter) {
	if ahead := w.habit().ServerClock; ahead != 0 {
		rw.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
	}
}

// serverToken redeems ID-JAGs. It says the same of everything that is wrong
// with one.
func (w *World) serverToken(rw http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	w.stamp(rw)
	w.mu.Lock()
	defer w.mu.Unlock()
	clientID, ok := w.resourceClient(r)
	if !ok {
		refuse(rw, http.StatusUnauthorized, "invalid_client", "client authentication failed")
		return
	}
	if r.PostForm.Get("grant_type") != jwtBearer {
		refuse(rw, http.StatusBadRequest, "unsupported_grant_type", "unsupported grant_type requested")
		return
	}
	claims := w.verify(r.PostForm.Get("assertion"), "oauth-id-jag+jwt")
	now := time.Now().Add(w.habits.ServerClock).Unix()
	jti := text(claims, "jti")
	if claims == nil || text(claims, "aud") != Server || text(claims, "client_id") != clientID || number(claims, "exp") <= now ||
		number(claims, "iat") > now+30 || w.seen[jti] || w.habits.DistrustIDJAGs {
		refuse(rw, http.StatusBadRequest, "invalid_grant", "grant request is invalid")
		return
	}
	w.seen[jti] = true
	// Without a scope here the grant is empty, whatever the ID-JAG carries.
	scope := within(r.PostForm.Get("scope"), fields(text(claims, "scope")))
	if w.habits.Narrow != "" {
		scope = within(scope, fields(w.habits.Narrow))
	}
	life := 2 * time.Hour
	reply(rw, http.StatusOK, map[string]any{
		"token_type": "Bearer", "expires_in": int(life.Seconds()), "scope": scope,
		"access_token": w.sign("at+jwt", map[string]any{
			"iss": Server, "aud": text(claims, "resource"), "sub": "idenx:" + text(claims, "sub"), "scope": scope, "client_id": clientID,
			"app_org": "idenx", "jti": fmt.Sprint("at-", w.next()), "iat": now, "exp": now + int64(life.Seconds()),
		}),
	})
}

// resourceClient authenticates a client of the authorization server. mu is held.
func (w *World) resourceClient(r *http.Request) (id string, ok bool) {
	id, password := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	user, pass, basic := r.BasicAuth()
	if basic != w.habits.BasicOnly {
		return "", false
	}
	if basic {
		id, _ = url.QueryUnescape(user)
		password, _ = url.QueryUnescape(pass)
	}
	for _, a := range w.apps {
		if id == a.RESTClientID && password == a.RESTPair || id == a.MCPClientID && password == a.MCPPair {
			return id, true
		}
	}
	return "", false
}
