package auth

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"waybill/connection"
	"waybill/fault"
	"waybill/secret"
	"waybill/transport"
)

// tokenCall is one request to a token endpoint: a grant with its parameters, by
// one client.
type tokenCall struct {
	step     fault.Step
	endpoint string
	client   *clientAuth
	grant    string
	params   url.Values // beside grant_type and client authentication
	key      ProofKey   // that possession is proved of (DPoP); empty: none
}

// do sends the request and returns the answer, checked as far as all grants
// have it in common. The error is a *refusal if the server refused in the form
// of RFC 6749 section 5.2 or with a status alone, else a Fault.
//
// A request is sent once. Only a server that wants a nonce of its own in the
// DPoP proof, and gives it, is sent the request a second time: it has not
// processed the first (RFC 9449 section 8), so the code, the assertion or the
// subject token in it is not spent. The proof and a client assertion are made
// anew. Should the server ask again, that is its refusal.
func (c tokenCall) do(ctx context.Context, t *transport.Client) (*tokenAnswer, error) {
	answer, err := c.once(ctx, t)
	var refused *refusal
	if !c.key.Empty() && errors.As(err, &refused) && refused.asksForNonce() {
		answer, err = c.once(ctx, t)
	}
	return answer, err
}

func (c tokenCall) once(ctx context.Context, t *transport.Client) (*tokenAnswer, error) {
	if err := transport.CheckURL(c.endpoint); err != nil {
		return nil, at(c.step, err)
	}
	params, err := c.parameters(t)
	if err != nil {
		return nil, err
	}
	inner := t.HTTP(transport.Token, c.endpoint)
	guard := &answerGuard{next: inner.Transport}
	if !c.key.Empty() {
		if guard.proof, err = c.key.proof(t, http.MethodPost, c.endpoint, secret.Text{}); err != nil {
			return nil, at(c.step, err)
		}
	}
	outer := *inner
	outer.Transport = guard
	ctx = transport.WithStep(ctx, c.step)
	config := clientcredentials.Config{
		ClientID: c.client.id, ClientSecret: c.client.password().Reveal(),
		TokenURL: c.endpoint, EndpointParams: params, AuthStyle: c.client.style(),
	}
	// What the library returns is not used: its errors quote the server's whole
	// answer, and it takes for a token what is none.
	_, err = config.Token(context.WithValue(ctx, oauth2.HTTPClient, &outer))
	var known *fault.Fault
	switch {
	case guard.refusal != nil:
		guard.refusal.words = scrub(guard.refusal.words, c.secrets(params))
		return nil, guard.refusal
	case errors.As(err, &known):
		return nil, at(c.step, moved(known))
	case err != nil || guard.answer == nil:
		return nil, fault.New(c.step, fault.Failed, "internal", "The request for a token could not be made.").
			WithRemedy("Please report it with the steps that led here.")
	}
	return guard.answer, nil
}

func (c tokenCall) parameters(t *transport.Client) (url.Values, error) {
	params := url.Values{"grant_type": {c.grant}}
	for name, values := range c.params {
		params[name] = values
	}
	if c.client.method != connection.PrivateKeyJWT {
		return params, nil
	}
	now := time.Now()
	if skew, ok := t.ServerClock(c.endpoint); ok {
		now = now.Add(skew)
	}
	assertion, err := c.client.assertion(c.endpoint, now)
	if err != nil {
		return nil, at(c.step, err)
	}
	params.Set("client_assertion_type", assertionJWT)
	params.Set("client_assertion", assertion.Reveal())
	return params, nil
}

// secrets are the values of the request that a server must not be quoted with.
func (c tokenCall) secrets(params url.Values) []string {
	password := c.client.password().Reveal()
	out := []string{password}
	if password != "" { // as HTTP Basic sends it (RFC 6749 section 2.3.1)
		pair := url.QueryEscape(c.client.id) + ":" + url.QueryEscape(password)
		out = append(out, base64.StdEncoding.EncodeToString([]byte(pair)))
	}
	for _, name := range []string{"subject_token", "actor_token", "assertion", "refresh_token", "code", "code_verifier", "client_assertion"} {
		out = append(out, params.Get(name))
	}
	return out
}

// answerGuard reads a token endpoint's answer before golang.org/x/oauth2 does,
// which would take form-encoded text for a token, ignore most members, and keep
// the whole body in its errors. It passes on only what the library needs to
// come to the same end.
type answerGuard struct {
	next    http.RoundTripper
	proof   secret.Text // sent along; empty: none
	answer  *tokenAnswer
	refusal *refusal
}

// RoundTrip sends req and reads the answer.
func (g *answerGuard) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := g.next.RoundTrip(withProof(req, g.proof))
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(resp.Body) // package transport has bounded it
	_ = resp.Body.Close()
	if err != nil {
		return nil, err
	}
	passOn := `{"access_token":"taken","token_type":"Bearer"}`
	g.answer, g.refusal, err = readTokenAnswer(resp.StatusCode, resp.Header, content)
	if err != nil {
		return nil, err
	}
	if g.refusal != nil {
		passOn = `{"error":"refused"}`
	}
	resp.Header = http.Header{"Content-Type": {"application/json"}}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader([]byte(passOn))), int64(len(passOn))
	return resp, nil
}

// scrub takes out of a server's words what it was sent in confidence, and what
// looks like a token: 32 characters and more of the base64url alphabet.
func scrub(words string, secrets []string) string {
	for _, s := range secrets {
		if s == "" {
			continue
		}
		for _, form := range []string{
			s, url.QueryEscape(s), url.PathEscape(s), lowerEscapes(url.QueryEscape(s)), lowerEscapes(url.PathEscape(s)),
			base64.RawStdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)),
		} {
			words = strings.ReplaceAll(words, form, "…")
		}
	}
	var b strings.Builder
	for words != "" {
		n := strings.IndexFunc(words, func(r rune) bool { return !inToken(r) })
		if n < 0 {
			n = len(words)
		}
		if n >= 32 {
			b.WriteString("…")
		} else {
			b.WriteString(words[:n])
		}
		words = words[n:]
		n = strings.IndexFunc(words, inToken)
		if n < 0 {
			n = len(words)
		}
		b.WriteString(words[:n])
		words = words[n:]
	}
	return b.String()
}

// lowerEscapes writes %2F as %2f.
func lowerEscapes(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:], bytes.ToLower(b[i+1:i+3]))
		}
	}
	return string(b)
}

func inToken(r rune) bool {
	return r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}
