package auth

import (
	"net/http"
	"strconv"
	"strings"

	"waybill/secret"
)

// finalPath is where the browser ends, with nothing of the answer in its
// address (RFC 9700 section 4.3).
func (c *receiver) finalPath(refused bool) string {
	path := strings.TrimSuffix(c.redirect.Path, "/")
	if refused {
		return path + "/not-completed"
	}
	return path + "/done"
}

// ServeHTTP answers one request; see receiver.
func (c *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	markServed(r)
	for _, h := range strictHeaders() {
		w.Header().Set(h[0], h[1])
	}
	path, query, hasQuery := strings.Cut(r.RequestURI, "?")
	switch {
	case !c.ownHost(r.Host):
		w.WriteHeader(http.StatusMisdirectedRequest)
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		w.WriteHeader(http.StatusMethodNotAllowed)
	case !isNavigation(r):
		w.WriteHeader(http.StatusForbidden)
	case path == c.redirect.Path && hasQuery:
		c.callback(w, r, query)
	case !hasQuery && c.isFinal(path):
		c.final(w)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// ownHost compares the Host header with the redirect URI's host and port, so
// that a page whose name was pointed at this computer gets nowhere.
func (c *receiver) ownHost(host string) bool {
	own := strings.TrimSuffix(strings.TrimPrefix(c.redirect.String(), "http://"), c.redirect.Path)
	return strings.EqualFold(host, own) ||
		c.redirect.Port == 80 && strings.EqualFold(host, strings.TrimSuffix(own, ":"+strconv.Itoa(80)))
}

// isNavigation refuses what a page does behind the user's back. Browsers say
// so in Fetch Metadata; programs that send none of it are let through, and
// stopped by the state. A navigation by GET has no Origin of its own, but may
// keep one from a form before it.
func isNavigation(r *http.Request) bool {
	mode, dest := r.Header.Get("Sec-Fetch-Mode"), r.Header.Get("Sec-Fetch-Dest")
	switch {
	case mode != "" && mode != "navigate", dest != "" && dest != "document":
		return false
	case r.Header.Get("Upgrade") != "":
		return false
	}
	return r.Header.Get("Origin") == "" || mode == "navigate"
}

// callback takes the answer, once.
func (c *receiver) callback(w http.ResponseWriter, r *http.Request, query string) {
	answer, state, ok := parseCallback(query)
	if !ok || !c.state.Equal(secret.New(state)) {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	first := c.accepted == nil
	if first {
		c.accepted = &answer
		c.answers <- answer
	}
	same := c.accepted.same(answer)
	c.mu.Unlock()
	if !same {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	w.Header().Set("Location", c.finalPath(answer.errorCode != ""))
	w.WriteHeader(http.StatusSeeOther)
}

// isFinal reports whether path is the page that fits the answer; before there
// is one, no page exists.
func (c *receiver) isFinal(path string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.accepted != nil && path == c.finalPath(c.accepted.errorCode != "")
}

// final shows the page that ends the sign-in in the browser.
func (c *receiver) final(w http.ResponseWriter) {
	c.mu.Lock()
	refused := c.accepted.errorCode != ""
	c.mu.Unlock()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(finalPage(refused))
	c.page.Do(func() { close(c.pageSeen) })
}

// strictHeaders stand in every answer: nothing is stored, framed, sniffed,
// loaded or passed on (RFC 9700 sections 4.2 and 4.16).
func strictHeaders() [][2]string {
	return [][2]string{
		{"Cache-Control", "no-store"},
		{"Content-Security-Policy", "default-src 'none'; style-src '" + pageStyleHash() + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
		{"Cross-Origin-Opener-Policy", "same-origin"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
		{"Referrer-Policy", "no-referrer"},
		{"X-Content-Type-Options", "nosniff"},
		{"X-Frame-Options", "DENY"},
	}
}
