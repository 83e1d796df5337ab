package idp

import (
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"

	"waybill/playground/internal/oauth"
	"waybill/playground/internal/state"
)

// authorize is the authorization endpoint, by GET and by POST (OpenID Connect
// Core section 3.1.2.1).
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	raw, page := rawRequest(r)
	if page != nil {
		s.pages.problem(w, page)
		return
	}
	req, page, refused := s.readRequest(raw)
	switch {
	case page != nil:
		s.pages.problem(w, page)
	case refused != nil:
		s.refuse(w, req, refused)
	default:
		s.decide(w, r, req)
	}
}

func rawRequest(r *http.Request) (string, *oauth.Error) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		if len(r.URL.RawQuery) > maxQuery {
			return "", oauth.Errorf("invalid_request", "The authorization request is too long.")
		}
		return r.URL.RawQuery, nil
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" || r.URL.RawQuery != "" {
		return "", oauth.Errorf("invalid_request", "An authorization request by POST carries its parameters form-encoded in the body.")
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxQuery+1))
	if err != nil || len(body) > maxQuery {
		return "", oauth.Errorf("invalid_request", "The body could not be read, or is too long.")
	}
	return string(body), nil
}

// decide answers a good request at once where a session allows it, else with a
// page (OpenID Connect Core section 3.1.2.3).
func (s *Server) decide(w http.ResponseWriter, r *http.Request, req request) {
	login, in := s.session(r)
	if in && !s.suffices(req, login) {
		in = false
	}
	ask := req.asks("login") || req.asks("select_account") || req.asks("consent")
	switch {
	case in && !ask:
		s.finish(w, req, login)
	case req.asks("none"):
		s.refuse(w, req, oauth.Errorf("login_required", "Nobody is signed in here who suits the request, and prompt=none forbids asking."))
	case in && !req.asks("login"):
		s.pages.confirm(w, s.form(w, r, req), s.user(login.Subject).Email, login.ID)
	default:
		s.pages.signIn(w, s.form(w, r, req), entry{email: req.loginHint})
	}
}

// suffices reports whether the session is recent and strong enough, and the one
// that id_token_hint means.
func (s *Server) suffices(req request, login state.Login) bool {
	if req.maxAge >= 0 && s.o.Now().Sub(login.At) > req.maxAge {
		return false
	}
	// acr_values are alternatives; the stronger context stands for both.
	if strongest(req.acrValues) != "" && !slices.Contains(req.acrValues, login.ACR) && login.ACR != ACRStepUp {
		return false
	}
	if req.idTokenHint == "" {
		return true
	}
	claims, err := s.readIDToken(req.idTokenHint)
	return err == nil && claims.Subject == login.Subject
}

// strongest is the strength that a request asks for; "" if it names none that
// is known here.
func strongest(values []string) string {
	for _, acr := range []string{ACRStepUp, ACRCode} {
		if slices.Contains(values, acr) {
			return acr
		}
	}
	return ""
}

// code is an authorization code that was issued and its answer so far.
type code struct {
	clientID, redirectURI, challenge, nonce string
	scopes                                  []string
	login                                   state.Login
	expires                                 time.Time
	family                                  string // of the refresh tokens that come from it
	used                                    bool
}

// finish issues a code and sends the browser back.
func (s *Server) finish(w http.ResponseWriter, req request, login state.Login) {
	value := random()
	now := s.o.Now()
	s.mu.Lock()
	for hash, c := range s.codes {
		if now.After(c.expires) {
			delete(s.codes, hash)
		}
	}
	s.codes[state.Hash(value)] = code{
		clientID: req.client.ID, redirectURI: req.redirectURI, challenge: req.challenge, nonce: req.nonce,
		scopes: req.scopes, login: login, expires: now.Add(s.o.Lives.Code), family: random(),
	}
	s.mu.Unlock()
	s.o.Log.Info("A user was signed in to an app.", "client", req.client.ID, "subject", login.Subject)
	s.answer(w, req, map[string][]string{"code": {value}})
}

// idToken are the claims of an ID token (OpenID Connect Core section 2).
type idToken struct {
	jwt.Claims
	AuthTime      *jwt.NumericDate `json:"auth_time,omitempty"`
	Nonce         string           `json:"nonce,omitempty"`
	ACR           string           `json:"acr,omitempty"`
	AMR           []string         `json:"amr,omitempty"`
	SID           string           `json:"sid,omitempty"`
	AtHash        string           `json:"at_hash,omitempty"`
	Email         string           `json:"email,omitempty"`
	EmailVerified bool             `json:"email_verified,omitempty"`
	Name          string           `json:"name,omitempty"`
}

// readIDToken checks that this server signed raw as an ID token. It may have
// expired and may be for any client.
func (s *Server) readIDToken(raw string) (idToken, error) {
	var claims idToken
	err := s.o.Keys.Verify(raw, oauth.JWTIDToken, &claims)
	if err == nil && (claims.Issuer != s.o.Issuer || claims.Subject == "" || claims.Expiry == nil) {
		err = errNotOurs
	}
	return claims, err
}

// cookie names hold the installation, since browsers send the cookies of
// 127.0.0.1 to every port: two playgrounds would overwrite each other's.
func (s *Server) cookieName(kind string) string { return "playground_" + kind + "_" + s.installation }

// session finds the browser's session.
func (s *Server) session(r *http.Request) (state.Login, bool) {
	cookie, err := r.Cookie(s.cookieName("session"))
	if err != nil {
		return state.Login{}, false
	}
	var login state.Login
	var ok bool
	s.o.Store.View(func(d *state.Data) {
		login, ok = d.Logins[state.Hash(cookie.Value)]
		if ok {
			_, ok = d.Users[login.Subject]
		}
	})
	return login, ok && !s.expired(login.Expires)
}

// setCookie sets a cookie on one path. Cookies of a loopback address go to all
// its ports, so the path keeps them from the apps' own receivers.
func (s *Server) setCookie(w http.ResponseWriter, kind, value, path string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: s.cookieName(kind), Value: value, Path: path, MaxAge: maxAge,
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: strings.HasPrefix(s.o.Issuer, "https://"),
	})
}
