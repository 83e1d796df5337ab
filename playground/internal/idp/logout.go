package idp

import (
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"

	"waybill/playground/internal/oauth"
	"waybill/playground/internal/state"
)

// ending is a request to sign out (OpenID Connect RP-Initiated Logout 1.0
// section 2).
type ending struct {
	client   string // "" if the request names none
	subject  string // of id_token_hint, "" without one
	sid      string
	redirect string   // "" for none
	state    []string // to send back with it
	query    string
}

// endSession signs out at once if an ID token shows that the app may ask for
// it, else after asking the user: another site could have sent the browser.
func (s *Server) endSession(w http.ResponseWriter, r *http.Request) {
	raw := r.URL.RawQuery
	if r.Method == http.MethodPost {
		kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		body, readErr := io.ReadAll(io.LimitReader(r.Body, maxQuery))
		if err != nil || readErr != nil || kind != "application/x-www-form-urlencoded" || raw != "" {
			s.pages.problem(w, oauth.Errorf("invalid_request", "A request by POST carries its parameters form-encoded in the body."))
			return
		}
		raw = string(body)
	}
	e, refused := s.readEnding(raw)
	if refused != nil {
		s.pages.problem(w, refused)
		return
	}
	login, in := s.session(r)
	switch {
	case !in || e.subject == login.Subject:
		s.signOut(w, r, e)
	default:
		token := s.formToken(s.formCookie(w, r, "/session/end"), "end "+e.query)
		s.pages.end(w, "/session/end/confirm?"+e.query, token, s.user(login.Subject).Email, e.redirect)
	}
}

// confirmEnd takes the answer to the question.
func (s *Server) confirmEnd(w http.ResponseWriter, r *http.Request) {
	e, refused := s.readEnding(r.URL.RawQuery)
	if refused != nil {
		s.pages.problem(w, refused)
		return
	}
	fields, bad := s.fields(r)
	if bad != nil || !s.ownForm(r, fields.Get("form"), "end "+e.query) {
		s.pages.problem(w, &oauth.Error{Status: http.StatusForbidden, Code: "expired_page",
			Description: "This page is no longer good. Go back to the app and sign out from there again."})
		return
	}
	if fields.Get("do") != "end" {
		s.pages.stay(w)
		return
	}
	s.signOut(w, r, e)
}

func (s *Server) readEnding(raw string) (ending, *oauth.Error) {
	form, refused := oauth.ParseForm(raw)
	if refused != nil {
		return ending{}, refused
	}
	e := ending{client: form.Get("client_id"), query: form.Encode()}
	if hint := form.Get("id_token_hint"); hint != "" {
		claims, err := s.readIDToken(hint) // it may have expired (section 4)
		if err != nil || len(claims.Audience) != 1 {
			return e, oauth.Errorf("invalid_request", "The id_token_hint is no ID token of this identity provider.")
		}
		if e.client != "" && e.client != claims.Audience[0] {
			return e, oauth.Errorf("invalid_request", "The id_token_hint was issued to another client than client_id names.")
		}
		e.client, e.subject, e.sid = claims.Audience[0], claims.Subject, claims.SID
	}
	target := form.Get("post_logout_redirect_uri")
	if target == "" {
		return e, nil
	}
	client, ok := s.clients[e.client]
	if !ok {
		return e, oauth.Errorf("invalid_request", "A post_logout_redirect_uri needs client_id or id_token_hint, to know whose it is.")
	}
	if !slices.Contains(client.PostLogout, target) {
		return e, oauth.Errorf("invalid_request", "The post_logout_redirect_uri %s is not registered for this app, byte for byte.", oauth.Quote(target))
	}
	e.redirect, e.state = target, form["state"]
	return e, nil
}

// signOut ends the browser's session, and the refresh tokens that the asking
// app has from it.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request, e ending) {
	var err error
	if login, in := s.session(r); in || e.sid != "" {
		err = s.o.Store.Update(func(d *state.Data) error {
			maps.DeleteFunc(d.Logins, func(_ string, l state.Login) bool { return in && l.ID == login.ID })
			maps.DeleteFunc(d.Grants, func(_ string, g state.Grant) bool {
				return e.sid != "" && g.LoginID == e.sid && g.ClientID == e.client
			})
			return nil
		})
	}
	if err != nil {
		s.o.Log.Error("The identity provider failed.", "at", "sign-out", "reason", err)
		s.pages.problem(w, oauth.Internal())
		return
	}
	s.setCookie(w, "session", "", "/authorize", -1)
	s.setCookie(w, "session", "", "/session/end", -1)
	if e.redirect == "" {
		s.pages.ended(w)
		return
	}
	params := url.Values{}
	if len(e.state) > 0 {
		params["state"] = e.state
	}
	redirect(w, e.redirect, params)
}
