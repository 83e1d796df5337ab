package idp

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/mail"
	"net/url"
	"strings"
	"unicode"

	"waybill/playground/internal/oauth"
	"waybill/playground/internal/state"
)

// form is what a page with a form needs to be sent back safely.
type form struct {
	request request
	token   string // ties the form to this browser and this request
}

// form makes the browser's form cookie, unless it has one, and the token that
// goes with it. Nobody else can make the token, so nobody can have a browser
// send a form that it was not shown (login CSRF, RFC 6749 section 10.12).
func (s *Server) form(w http.ResponseWriter, r *http.Request, req request) form {
	return form{request: req, token: s.formToken(s.formCookie(w, r, "/authorize"), req.query)}
}

func (s *Server) formCookie(w http.ResponseWriter, r *http.Request, path string) string {
	if cookie, err := r.Cookie(s.cookieName("form")); err == nil && len(cookie.Value) >= 26 {
		return cookie.Value
	}
	value := rand.Text()
	s.setCookie(w, "form", value, path, 0)
	return value
}

func (s *Server) formToken(cookie, about string) string {
	mac := hmac.New(sha256.New, s.formKey)
	_, _ = io.WriteString(mac, cookie+"\n"+about)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// ownForm reports whether a POST comes from a page that this server showed to
// this browser.
func (s *Server) ownForm(r *http.Request, token, about string) bool {
	if origin := r.Header.Get("Origin"); origin != "" && origin != s.o.Issuer {
		return false
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
		return false
	}
	cookie, err := r.Cookie(s.cookieName("form"))
	return err == nil && hmac.Equal([]byte(token), []byte(s.formToken(cookie.Value, about)))
}

// signIn takes the sign-in and the confirmation form.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) {
	req, page, refused := s.readRequest(r.URL.RawQuery)
	if page != nil {
		s.pages.problem(w, page)
		return
	}
	fields, bad := s.fields(r)
	if bad != nil || !s.ownForm(r, fields.Get("form"), req.query) {
		s.pages.problem(w, &oauth.Error{Status: http.StatusForbidden, Code: "expired_page",
			Description: "This page is no longer good. Go back to the app and sign in from there again."})
		return
	}
	if refused != nil {
		s.refuse(w, req, refused)
		return
	}
	switch fields.Get("do") {
	case "cancel":
		s.refuse(w, req, oauth.Errorf("access_denied", "The user cancelled the sign-in."))
	case "continue":
		s.proceed(w, r, req, fields.Get("session"))
	case "switch":
		s.pages.signIn(w, s.form(w, r, req), entry{})
	default:
		s.enter(w, r, req, fields)
	}
}

// fields reads the form's own fields; the authorization request is in the
// address.
func (s *Server) fields(r *http.Request) (url.Values, *oauth.Error) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, oauth.MaxForm))
	if err != nil {
		return nil, oauth.Errorf("invalid_request", "The form could not be read.")
	}
	return oauth.ParseForm(string(raw))
}

// proceed goes on with the session that the confirmation page spoke of. If
// another one took its place meanwhile, the page asks again.
func (s *Server) proceed(w http.ResponseWriter, r *http.Request, req request, sid string) {
	login, in := s.session(r)
	switch {
	case !in || !s.suffices(req, login):
		s.pages.signIn(w, s.form(w, r, req), entry{email: req.loginHint, problem: "Your session has ended. Please sign in again."})
	case login.ID != sid:
		s.pages.confirm(w, s.form(w, r, req), s.user(login.Subject).Email, login.ID)
	default:
		s.finish(w, req, login)
	}
}

// enter signs in with an e-mail address and six digits.
func (s *Server) enter(w http.ResponseWriter, r *http.Request, req request, fields url.Values) {
	email, okEmail := cleanEmail(fields.Get("email"))
	switch {
	case !okEmail:
		s.pages.signIn(w, s.form(w, r, req), entry{fields.Get("email"), "email", "Please enter an e-mail address, such as alice@example.com."})
		return
	case !sixDigits(fields.Get("code")):
		s.pages.signIn(w, s.form(w, r, req), entry{email, "code", "Please enter six digits. Any six will do."})
		return
	}
	login, err := s.login(w, r, req, email)
	if err != nil {
		s.o.Log.Error("The identity provider failed.", "at", "sign-in", "reason", err)
		s.pages.problem(w, oauth.Internal())
		return
	}
	if req.idTokenHint != "" && !s.suffices(request{maxAge: -1, idTokenHint: req.idTokenHint}, login) {
		s.refuse(w, req, oauth.Errorf("login_required", "Somebody else signed in than the one that id_token_hint names."))
		return
	}
	s.finish(w, req, login)
}

// login begins a new session in this browser. The one before it ends.
func (s *Server) login(w http.ResponseWriter, r *http.Request, req request, email string) (state.Login, error) {
	now := s.o.Now()
	login := state.Login{ID: rand.Text(), At: now, ACR: ACRCode, Expires: now.Add(s.o.Lives.Login)}
	if acr := strongest(req.acrValues); acr != "" {
		login.ACR = acr
	}
	cookie := random()
	err := s.o.Store.Update(func(d *state.Data) error {
		if old, err := r.Cookie(s.cookieName("session")); err == nil {
			delete(d.Logins, state.Hash(old.Value))
		}
		login.Subject = findUser(d, email)
		if login.Subject == "" {
			login.Subject = "user_" + strings.ToLower(rand.Text())
			d.Users[login.Subject] = state.User{Email: email, Name: nameFrom(email), Made: now}
		}
		d.Logins[state.Hash(cookie)] = login
		return nil
	})
	if err == nil {
		s.setCookie(w, "session", cookie, "/authorize", 0)
		s.setCookie(w, "session", cookie, "/session/end", 0)
	}
	return login, err
}

func findUser(d *state.Data, email string) string {
	for subject, user := range d.Users {
		if user.Email == email {
			return subject
		}
	}
	return ""
}

// cleanEmail accepts a bare address and gives it in lower case: here, two
// spellings are one user.
func cleanEmail(raw string) (string, bool) {
	raw = strings.TrimSpace(raw)
	address, err := mail.ParseAddress(raw)
	if err != nil || address.Address != raw || len(raw) > 254 || strings.ContainsFunc(raw, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
		return "", false
	}
	return strings.ToLower(raw), true
}

// sixDigits accepts six ASCII digits, with blanks or a dash between them.
func sixDigits(raw string) bool {
	digits := 0
	for _, r := range strings.TrimSpace(raw) {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case r != ' ' && r != '-':
			return false
		}
	}
	return digits == 6
}

// nameFrom makes a believable name of an address: alice.smith@… is Alice Smith.
func nameFrom(email string) string {
	local, _, _ := strings.Cut(email, "@")
	local, _, _ = strings.Cut(local, "+")
	words := strings.FieldsFunc(local, func(r rune) bool { return r == '.' || r == '_' || r == '-' })
	for i, word := range words {
		runes := []rune(word)
		words[i] = string(unicode.ToUpper(runes[0])) + string(runes[1:])
	}
	if len(words) == 0 {
		return email
	}
	return strings.Join(words, " ")
}
