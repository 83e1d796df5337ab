package idp

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"waybill/playground/internal/oauth"
)

// request is an authorization request that may be answered at its redirect URI
// (OpenID Connect Core section 3.1.2.1).
type request struct {
	client      Client
	redirectURI string
	state       string
	nonce       string
	challenge   string // code_challenge, S256
	scopes      []string
	prompts     []string
	loginHint   string
	idTokenHint string
	maxAge      time.Duration // negative: not asked for
	acrValues   []string
	query       string // all parameters, encoded, for the form to carry on
}

func (r request) asks(prompt string) bool { return slices.Contains(r.prompts, prompt) }

// maxQuery is the longest authorization request, in bytes.
const maxQuery = 16 << 10

// readRequest reads an authorization request. There are three outcomes: a
// request; a page error, when there is no trustworthy address to answer at; or
// a request with an Error, which is answered at its redirect URI.
func (s *Server) readRequest(raw string) (req request, page *oauth.Error, refused *oauth.Error) {
	form, page := oauth.ParseForm(raw)
	if page != nil {
		return req, page, nil
	}
	req.query = form.Encode()
	id := form.Get("client_id")
	client, ok := s.clients[id]
	if !ok {
		hint := s.o.Hint(id)
		if hint == "" {
			hint = "No app is registered here under the client_id " + oauth.Quote(id) + "."
		}
		return req, oauth.Errorf("invalid_client", "%s", hint), nil
	}
	redirect := form.Get("redirect_uri")
	if !slices.ContainsFunc(client.RedirectURIs, func(known string) bool { return sameRedirect(known, redirect) }) {
		return req, wrongRedirect(redirect, client), nil
	}
	req.client, req.redirectURI = client, redirect
	req.state, req.nonce = form.Get("state"), form.Get("nonce")
	req.challenge = form.Get("code_challenge")
	req.loginHint, req.idTokenHint = form.Get("login_hint"), form.Get("id_token_hint")
	req.prompts, req.acrValues = strings.Fields(form.Get("prompt")), strings.Fields(form.Get("acr_values"))
	return req, nil, req.check(form)
}

// wrongRedirect says what may be sent, and names the commonest mistake.
func wrongRedirect(sent string, c Client) *oauth.Error {
	var known []string
	for _, uri := range c.RedirectURIs {
		if _, _, loopback := splitLoopback(uri); loopback {
			uri += " (with any port)"
		}
		known = append(known, uri)
	}
	hint := ""
	if strings.HasPrefix(sent, "http://localhost") {
		hint = " Here localhost is not the same as 127.0.0.1."
	}
	return oauth.Errorf("invalid_request", "The redirect_uri %s is not registered for this app. Registered: %s.%s",
		oauth.Quote(sent), strings.Join(known, ", "), hint)
}

// isChallenge reports whether s looks like a code_challenge of S256: 32 bytes in
// base64url (RFC 7636 section 4.2).
func isChallenge(s string) bool {
	sum, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && len(sum) == 32
}

// check finds what is wrong with the parameters that can be answered at the
// redirect URI, and reads the remaining ones.
func (req *request) check(form url.Values) *oauth.Error {
	switch {
	case form.Has("request"):
		return oauth.Errorf("request_not_supported", "Request objects are not supported.")
	case form.Has("request_uri"):
		return oauth.Errorf("request_uri_not_supported", "Request objects are not supported.")
	case form.Has("registration"):
		return oauth.Errorf("registration_not_supported", "The registration parameter is not supported.")
	case !form.Has("response_type"):
		return oauth.Errorf("invalid_request", "response_type is missing; it has to be code.")
	case form.Get("response_type") != "code":
		return oauth.Errorf("unsupported_response_type", "The response_type has to be code.")
	case form.Has("response_mode") && form.Get("response_mode") != "query":
		return oauth.Errorf("invalid_request", "The response_mode has to be query.")
	case req.challenge == "":
		return oauth.Errorf("invalid_request", "code_challenge is missing; PKCE is required (RFC 7636).")
	case form.Get("code_challenge_method") != "S256":
		return oauth.Errorf("invalid_request", "The code_challenge_method has to be S256.")
	case !isChallenge(req.challenge):
		return oauth.Errorf("invalid_request", "The code_challenge is no SHA-256 in base64url.")
	case len(req.state) > 2048 || len(req.nonce) > 2048:
		return oauth.Errorf("invalid_request", "state or nonce is too long.")
	}
	return req.checkScopesAndPrompt(form)
}

func (req *request) checkScopesAndPrompt(form url.Values) *oauth.Error {
	asked, refused := oauth.Scopes(form.Get("scope"))
	if refused != nil {
		return refused
	}
	for _, scope := range asked { // unknown ones are ignored (Core section 3.1.2.1)
		if slices.Contains([]string{"openid", "profile", "email", "offline_access"}, scope) {
			req.scopes = append(req.scopes, scope)
		}
	}
	if !slices.Contains(req.scopes, "openid") {
		return oauth.Errorf("invalid_scope", "The scope openid is missing. Scopes of the resource are asked for at the token exchange, not here.")
	}
	for _, p := range req.prompts {
		if !slices.Contains([]string{"none", "login", "consent", "select_account"}, p) {
			return oauth.Errorf("invalid_request", "The prompt %s is not known.", oauth.Quote(p))
		}
	}
	if req.asks("none") && len(req.prompts) > 1 {
		return oauth.Errorf("invalid_request", "The prompt none cannot be combined with another.")
	}
	req.maxAge = -1
	if raw := form.Get("max_age"); raw != "" {
		seconds, err := strconv.ParseUint(raw, 10, 31)
		if err != nil {
			return oauth.Errorf("invalid_request", "max_age has to be a number of seconds.")
		}
		req.maxAge = time.Duration(seconds) * time.Second
	}
	return nil
}

// sameRedirect compares byte for byte, but for the port of a loopback IP
// address, which the client may choose anew each time (RFC 8252 section 7.3).
// Names such as localhost have no such liberty.
func sameRedirect(registered, sent string) bool {
	if registered == sent {
		return true
	}
	host, rest, ok := splitLoopback(registered)
	sentHost, sentRest, sentOK := splitLoopback(sent)
	return ok && sentOK && host == sentHost && rest == sentRest
}

// splitLoopback takes an http address on a loopback IP literal apart, leaving
// its port out.
func splitLoopback(uri string) (host, rest string, ok bool) {
	for _, host := range []string{"http://127.0.0.1", "http://[::1]"} {
		rest, found := strings.CutPrefix(uri, host)
		if !found {
			continue
		}
		if after, found := strings.CutPrefix(rest, ":"); found {
			end := strings.IndexAny(after+"/", "/?#")
			port, err := strconv.ParseUint(after[:end], 10, 16)
			if err != nil || port == 0 || strconv.FormatUint(port, 10) != after[:end] {
				return "", "", false
			}
			rest = after[end:]
		}
		return host, rest, rest == "" || rest[0] == '/' || rest[0] == '?'
	}
	return "", "", false
}

// answer sends the browser back to the client with the given parameters,
// state, and iss (RFC 9207 section 2). The registered address is kept as it is;
// it has no fragment.
func (s *Server) answer(w http.ResponseWriter, req request, params url.Values) {
	if req.state != "" {
		params.Set("state", req.state)
	}
	params.Set("iss", s.o.Issuer)
	redirect(w, req.redirectURI, params)
}

// redirect sends the browser to an address with more parameters, by GET
// (RFC 9700 section 4.12: never 307), without saying where it comes from.
func redirect(w http.ResponseWriter, address string, params url.Values) {
	if len(params) > 0 {
		separator := "?"
		if strings.Contains(address, "?") {
			separator = "&"
		}
		address += separator + params.Encode()
	}
	h := w.Header()
	h.Set("Location", address)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusSeeOther)
}

// refuse sends an error back to the client (RFC 6749 section 4.1.2.1).
func (s *Server) refuse(w http.ResponseWriter, req request, e *oauth.Error) {
	s.o.Log.Info("An authorization request was refused.", "client", req.client.ID, "error", e.Code)
	s.answer(w, req, url.Values{"error": {e.Code}, "error_description": {oauth.Plain(e.Description)}})
}
