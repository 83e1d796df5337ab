package idp

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"waybill/playground/internal/oauth"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

// pages writes the few pages that people see. They need no script and fetch
// nothing.
type pages struct {
	issuer   string
	template *template.Template
	style    template.CSS
	policy   string // Content-Security-Policy without form-action
}

func newPages(issuer string) *pages {
	sum := sha256.Sum256([]byte(pageCSS))
	return &pages{
		issuer:   issuer,
		template: template.Must(template.New("page").Parse(pageHTML)),
		style:    template.CSS(pageCSS),
		policy: "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; style-src 'sha256-" +
			base64.StdEncoding.EncodeToString(sum[:]) + "'",
	}
}

// page is what the template shows.
type page struct {
	Kind   string // sign-in, confirm, end, ended, problem
	Title  string
	Style  template.CSS
	Issuer string

	App     string   // the client's name
	Return  string   // where the browser goes afterwards
	Asks    []string // what the client asks for, in words
	Action  string   // where the form goes
	Token   string
	Email   string
	Session string // that the page speaks of
	Error   string
	Wrong   string // the field that Error is about
	Code    string // of a problem
}

// entry is what is already known of a sign-in: the address, and what was wrong
// with the last try in which field ("email", "code", or neither).
type entry struct{ email, wrong, problem string }

func (p *pages) signIn(w http.ResponseWriter, f form, e entry) {
	v := p.about(f)
	v.Kind, v.Title, v.Email, v.Error, v.Wrong = "sign-in", "Sign in", e.email, e.problem, e.wrong
	status := http.StatusOK
	if e.wrong != "" {
		status = http.StatusUnprocessableEntity
	}
	p.show(w, status, v, formTargets(f.request.redirectURI))
}

// confirm asks whether to go on as the user of the session sid.
func (p *pages) confirm(w http.ResponseWriter, f form, email, sid string) {
	v := p.about(f)
	v.Kind, v.Title, v.Email, v.Session = "confirm", "Continue as "+email, email, sid
	p.show(w, http.StatusOK, v, formTargets(f.request.redirectURI))
}

func (p *pages) about(f form) page {
	return page{
		App: f.request.client.Name, Return: origin(f.request.redirectURI), Asks: inWords(f.request.scopes),
		Action: "/authorize/sign-in?" + f.request.query, Token: f.token,
	}
}

// end asks whether to sign out; redirect is where the browser goes afterwards,
// "" for nowhere.
func (p *pages) end(w http.ResponseWriter, action, token, email, redirect string) {
	p.show(w, http.StatusOK, page{Kind: "end", Title: "Sign out?", Action: action, Token: token, Email: email}, formTargets(redirect))
}

func (p *pages) ended(w http.ResponseWriter) {
	p.show(w, http.StatusOK, page{Kind: "ended", Title: "You are signed out"}, "'none'")
}

func (p *pages) stay(w http.ResponseWriter) {
	p.show(w, http.StatusOK, page{Kind: "ended", Title: "You are still signed in"}, "'none'")
}

func (p *pages) problem(w http.ResponseWriter, e *oauth.Error) {
	p.show(w, e.Status, page{Kind: "problem", Title: "That did not work", Error: e.Description, Code: e.Code}, "'none'")
}

func (p *pages) show(w http.ResponseWriter, status int, v page, targets string) {
	v.Style, v.Issuer = p.style, p.issuer
	var b bytes.Buffer
	if err := p.template.Execute(&b, v); err != nil {
		http.Error(w, "the page could not be written", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", p.policy+"; form-action "+targets)
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	// Not no-referrer: browsers would then send the form with Origin: null.
	h.Set("Referrer-Policy", "same-origin")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// formTargets is the form-action of the Content-Security-Policy. Browsers apply
// it to the redirect after the form as well, so the client's origin is in it.
// The policy cannot name an IPv6 address; there the scheme has to do.
func formTargets(redirect string) string {
	u, err := url.Parse(redirect)
	if err != nil || u.Scheme == "" {
		return "'self'"
	}
	if u.Host == "" || strings.Contains(u.Host, "[") {
		return "'self' " + u.Scheme + ":"
	}
	return "'self' " + u.Scheme + "://" + u.Host
}

func origin(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" {
		return uri
	}
	return u.Scheme + "://" + u.Host
}

// inWords says what scopes mean for the user.
func inWords(scopes []string) []string {
	words := []string{"Know who you are"}
	if slices.Contains(scopes, "profile") {
		words = append(words, "See your name")
	}
	if slices.Contains(scopes, "email") {
		words = append(words, "See your e-mail address")
	}
	if slices.Contains(scopes, "offline_access") {
		words = append(words, "Keep you signed in")
	}
	return words
}
