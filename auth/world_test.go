package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"waybill/connection"
	"waybill/fault"
	"waybill/internal/virtualnet"
	"waybill/secret"
	"waybill/transport"
)

const (
	worldRTT = 50 * time.Millisecond
	idpID    = "client_app"
	resID    = "client_app-at-todo0"
)

// party is a server of the test's own with a token endpoint. Its fields may be
// changed under mu at any time.
type party struct {
	mu       sync.Mutex
	metadata map[string]any
	changes  map[string]any // of the token answer
	status   int            // of the token answer; 0: 200
	header   http.Header    // of the token answer
	body     *string        // instead of the token answer
	jag      map[string]any // changes of the ID-JAG's claims
	jagTyp   map[string]any // changes of its header
	jagLife  time.Duration  // 0: 5 minutes
	rotate   bool           // the refresh grant gives a new refresh token
	live     string         // the refresh token that is valid
	refuse   string         // what the exchange says to a refresh token; "": nothing
	rotates  *rotatingIdP   // instead of live and rotate, at the refresh grant
	delay    time.Duration
	noKeys   bool // the keys cannot be had at the moment

	nonce  string   // that is demanded in DPoP proofs; "": none
	next   func()   // changes nonce after each token request, under mu; nil: nothing does
	silent bool     // the nonce is demanded but not given
	proofs []string // the DPoP header beside forms, "" where there was none

	onProof func(raw string) // is told of it, under mu; nil: nobody is

	forms []url.Values
	auth  []string // Authorization headers beside forms
	seen  []string // everything that arrived, for canaries
	count int
}

// world is an identity provider, an authorization server and a resource in
// virtual time, with a client that is signed in.
type world struct {
	net       *virtualnet.Network
	transport *transport.Client
	key       *signingKey
	idp, as   *party
	api       *party
	plan      *Plan
	session   *Session

	mu       sync.Mutex
	idTokens []string // all that were issued
	idJAGs   []string

	saved   []Session
	saveErr error
	onSave  func()
	events  []Event
}

// inWorld runs f in a bubble, and checks afterwards that no token reached
// anybody whom it is not meant for (S72).
func inWorld(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	inWorldWith(t, worldRTT, (*virtualnet.Network).Serve, f)
}

// inWorldWith is inWorld with another round-trip time and version of HTTP.
func inWorldWith(t *testing.T, rtt time.Duration, serve func(*virtualnet.Network, string, http.Handler), f func(t *testing.T, w *world)) {
	t.Helper()
	key := newSigningKey(jose.ES256, "one")
	synctest.Test(t, func(t *testing.T) {
		w := &world{net: virtualnet.New(rtt), key: key}
		w.idp = &party{live: canary("refresh-0"), metadata: map[string]any{
			"issuer": "https://idp.example", "authorization_endpoint": "https://idp.example/authorize",
			"token_endpoint": "https://idp.example/token", "jwks_uri": "https://idp.example/jwks",
			"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
		}}
		w.as = &party{metadata: map[string]any{
			"issuer": "https://as.example", "token_endpoint": "https://as.example/token",
			"token_endpoint_auth_methods_supported":  []string{"client_secret_basic", "client_secret_post"},
			"authorization_grant_profiles_supported": []string{profileIDJAG}, "grant_types_supported": []string{grantJWTBearer},
		}}
		w.api = &party{metadata: map[string]any{"resource": "https://api.example", "authorization_servers": []string{"https://as.example"}}}
		serve(w.net, "idp.example", w.handler(w.idp, w.answerIdP))
		serve(w.net, "as.example", w.handler(w.as, w.answerAS))
		serve(w.net, "api.example", w.handler(w.api, nil))
		w.transport = transport.New(transport.Options{DialContext: w.net.DialContext, RootCAs: w.net.CertPool()})
		w.plan = w.goodPlan()
		w.session = w.signedIn()
		defer w.checkCanaries(t)
		defer w.net.Close()
		defer w.transport.CloseIdle()
		f(t, w)
	})
}

func canary(name string) string { return "canary-" + name }

func (w *world) connection() connection.Connection {
	return connection.Connection{
		Name: "test",
		IdP:  connection.IdP{Issuer: "https://idp.example", ClientID: idpID},
		Resource: connection.Resource{
			Kind: connection.REST, URL: "https://api.example", Identifier: "https://api.example",
			AuthorizationServer: "https://as.example", ClientID: resID, Scopes: []string{"todos.read", "todos.write"},
		},
	}
}

func credentials() connection.Credentials {
	return connection.Credentials{IdP: secret.New(canary("idp-secret")), Resource: secret.New(canary("res-secret"))}
}

func (w *world) goodPlan() *Plan {
	return &Plan{
		Connection: w.connection(), Credentials: credentials(),
		Provider: &Provider{Issuer: "https://idp.example", TokenEndpoint: "https://idp.example/token", JWKSURI: "https://idp.example/jwks"},
		Server:   &Server{Issuer: "https://as.example", TokenEndpoint: "https://as.example/token"},
		Audience: "https://as.example", Resource: "https://api.example",
	}
}

func (w *world) signedIn() *Session {
	return &Session{
		Identity: Identity{Issuer: "https://idp.example", Subject: "user-1"},
		IDToken:  rawIDToken(w.idToken(nil)), IDTokenExpiry: time.Now().Add(10 * time.Minute),
		Refresh: RefreshToken{secret.New(canary("refresh-0"))}, SignedInAt: time.Now(),
	}
}

func (w *world) idToken(changes map[string]any) string {
	now := time.Now().Unix()
	return w.note(&w.idTokens, w.key.token(changed(map[string]any{
		"iss": "https://idp.example", "aud": idpID, "sub": "user-1", "iat": now, "exp": now + 600,
	}, changes), nil))
}

func (w *world) note(list *[]string, token string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	*list = append(*list, token)
	return token
}

// handler serves metadata, keys and the token endpoint of p.
func (w *world) handler(p *party, answer func(*party, url.Values) (int, string)) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		status, body, header, delay := w.reply(p, r, answer)
		time.Sleep(delay)
		rw.Header().Set("Content-Type", "application/json")
		for name, values := range header {
			rw.Header()[name] = values
		}
		rw.WriteHeader(status)
		_, _ = rw.Write([]byte(body))
	})
}

func (w *world) reply(p *party, r *http.Request, answer func(*party, url.Values) (int, string)) (int, string, http.Header, time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = append(p.seen, r.URL.String(), r.PostForm.Encode(), fmt.Sprint(r.Header), basicOf(r))
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/jwks" && p.noKeys:
		return http.StatusBadGateway, "", nil, 0
	case r.Method == http.MethodGet && r.URL.Path == "/jwks":
		return http.StatusOK, jsonOf(map[string]any{"keys": []any{w.key.jwk(nil)}}), nil, 0
	case r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/.well-known/") && p.metadata != nil:
		return http.StatusOK, jsonOf(p.metadata), nil, 0
	case r.Method != http.MethodPost || r.URL.Path != "/token" || answer == nil:
		return http.StatusNotFound, "", nil, 0
	}
	p.forms, p.auth = append(p.forms, r.PostForm), append(p.auth, r.Header.Get("Authorization"))
	p.proofs = append(p.proofs, strings.Join(r.Header.Values("DPoP"), " and "))
	p.count++
	if p.onProof != nil {
		p.onProof(r.Header.Get("DPoP"))
	}
	if refused, header := p.wantsNonce(); refused {
		return http.StatusBadRequest, `{"error":"use_dpop_nonce"}`, header, p.delay
	}
	status, body := answer(p, r.PostForm)
	if p.body != nil {
		status, body = http.StatusOK, *p.body
	}
	if p.status != 0 {
		status = p.status
	}
	return status, body, p.nonced(), p.delay
}

// wantsNonce refuses the last proof if it lacks the nonce that is demanded.
func (p *party) wantsNonce() (bool, http.Header) {
	if p.nonce == "" || readProof(p.proofs[len(p.proofs)-1]).claims["nonce"] == p.nonce {
		return false, nil
	}
	h := p.nonced()
	if p.silent {
		h = nil
	}
	if p.next != nil {
		p.next()
	}
	return true, h
}

// nonced is the header of an answer, with the nonce of the next proof.
func (p *party) nonced() http.Header {
	if p.nonce == "" {
		return p.header
	}
	h := p.header.Clone()
	if h == nil {
		h = http.Header{}
	}
	h.Set("DPoP-Nonce", p.nonce)
	return h
}

// lastKey is the thumbprint of the key of the last proof, "" without one.
func (p *party) lastKey() string { return readProof(p.proofs[len(p.proofs)-1]).thumbprint }

func basicOf(r *http.Request) string {
	user, password, _ := r.BasicAuth()
	return user + ":" + password
}

// answerIdP is the identity provider's token endpoint.
func (w *world) answerIdP(p *party, form url.Values) (int, string) {
	switch form.Get("grant_type") {
	case grantTokenExchange:
		if p.refuse != "" && form.Get("subject_token_type") == typeRefreshToken {
			return http.StatusBadRequest, jsonOf(map[string]any{"error": p.refuse})
		}
		if form.Get("subject_token_type") == typeRefreshToken && form.Get("subject_token") != p.live {
			return http.StatusBadRequest, `{"error":"invalid_grant"}`
		}
		return http.StatusOK, jsonOf(changed(map[string]any{
			"access_token": w.idJAG(p, form), "issued_token_type": typeIDJAG, "token_type": "N_A", "expires_in": 300,
		}, p.changes))
	case "refresh_token":
		out := map[string]any{"access_token": "idp-access", "token_type": "Bearer", "expires_in": 600, "id_token": w.idToken(nil)}
		if p.rotates != nil {
			next, ok := p.rotates.refresh(form.Get("refresh_token"))
			if !ok {
				return http.StatusBadRequest, `{"error":"invalid_grant"}`
			}
			return http.StatusOK, jsonOf(changed(out, map[string]any{"refresh_token": next}))
		}
		if form.Get("refresh_token") != p.live {
			return http.StatusBadRequest, `{"error":"invalid_grant"}`
		}
		if p.rotate {
			p.live = canary(fmt.Sprintf("refresh-%d", p.count))
			out["refresh_token"] = p.live
		}
		return http.StatusOK, jsonOf(changed(out, p.changes))
	}
	return http.StatusBadRequest, `{"error":"unsupported_grant_type"}`
}

func (w *world) idJAG(p *party, form url.Values) string {
	now, life := time.Now().Unix(), int64(300)
	if p.jagLife > 0 {
		life = int64(p.jagLife.Seconds())
	}
	return w.note(&w.idJAGs, w.key.token(changed(map[string]any{
		"iss": "https://idp.example", "sub": "user-1", "aud": form.Get("audience"), "client_id": resID, "jti": fmt.Sprint("jti-", p.count),
		"iat": now, "exp": now + life, "resource": form.Get("resource"), "scope": form.Get("scope"),
	}, confirmed(p.lastKey()), p.jag), changed(map[string]any{"typ": idjagType}, p.jagTyp)))
}

// answerAS is the authorization server's token endpoint.
func (w *world) answerAS(p *party, form url.Values) (int, string) {
	kind := "Bearer"
	if p.lastKey() != "" {
		kind = "DPoP"
	}
	if form.Get("grant_type") != grantJWTBearer && form.Get("grant_type") != grantJWTDPoP {
		return http.StatusBadRequest, `{"error":"unsupported_grant_type"}`
	}
	return http.StatusOK, jsonOf(changed(map[string]any{
		"access_token": canary(fmt.Sprintf("access-%d", p.count)), "token_type": kind, "expires_in": 7200, "scope": form.Get("scope"),
	}, p.changes))
}

// set changes a party.
func (p *party) set(f func(p *party)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(p)
}

// refuses makes the token endpoint answer with an OAuth error.
func (p *party) refuses(status int, code string) {
	p.set(func(p *party) {
		body := jsonOf(map[string]any{"error": code, "error_description": "the server's words"})
		p.status, p.body = status, &body
	})
}

func (p *party) recovers() { p.set(func(p *party) { p.status, p.body = 0, nil }) }

// tokens is how many token requests came.
func (p *party) tokens() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count
}

// form is the last token request.
func (p *party) form() url.Values {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.forms) == 0 {
		return nil
	}
	return p.forms[len(p.forms)-1]
}

// grants are the grant types of all token requests, with the kind of subject.
func (p *party) grants() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for _, f := range p.forms {
		kind := f.Get("grant_type")
		if s := f.Get("subject_token_type"); s != "" {
			kind = s[strings.LastIndexByte(s, ':')+1:]
		}
		out = append(out, kind[strings.LastIndexByte(kind, ':')+1:])
	}
	return out
}

// checkCanaries: ID token and refresh token reach the identity provider only,
// the ID-JAG the authorization server only, each secret its own server only,
// and the access token neither.
func (w *world) checkCanaries(t *testing.T) {
	t.Helper()
	refresh, access := []string{canary("refresh-")}, []string{canary("access-")}
	idpSecret, resSecret := []string{canary("idp-secret")}, []string{canary("res-secret")}
	for name, forbidden := range map[string][][]string{
		"idp": {resSecret, access, w.idJAGs},
		"as":  {idpSecret, refresh, access, w.idTokens},
		"api": {idpSecret, resSecret, refresh, w.idTokens, w.idJAGs},
	} {
		p := map[string]*party{"idp": w.idp, "as": w.as, "api": w.api}[name]
		all := strings.Join(p.seen, "\n")
		for _, f := range slices.Concat(forbidden...) {
			if strings.Contains(all, f) {
				t.Errorf("S72: %s was sent %s", name, f)
			}
		}
		for _, r := range w.net.Requests() {
			if strings.Contains(r.Path, "canary") {
				t.Errorf("S59: a secret stands in the address %s", r)
			}
		}
	}
	if r := w.net.Refused(); len(r) != 0 {
		t.Errorf("addresses that nobody should ask were dialled: %v", r)
	}
}

// ladder makes a Ladder over the world's session that saves into w.saved.
func (w *world) ladder() *Ladder {
	return NewLadder(LadderOptions{
		Plan:      func(context.Context) (*Plan, error) { return w.plan, nil },
		Transport: w.transport,
		Session: func() *Session {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.session
		},
		Save: func(_ context.Context, s *Session) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.onSave != nil {
				w.onSave()
			}
			if w.saveErr != nil {
				return w.saveErr
			}
			w.saved = append(w.saved, *s)
			w.session = s
			return nil
		},
		Observe: func(e Event) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.events = append(w.events, e)
		},
	})
}

func (w *world) notes() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, e := range w.events {
		if e.Note != "" {
			out = append(out, e.Note)
		}
	}
	return out
}

// exchangeAndRedeem runs the two grants with the ID token as the subject.
func (w *world) exchangeAndRedeem(t *testing.T) (*Grant, *Access, error) {
	t.Helper()
	g, err := ExchangeIDJAG(t.Context(), w.transport, w.plan, IDTokenSubject(w.session.IDToken))
	if err != nil {
		return g, nil, err
	}
	a, err := RedeemIDJAG(t.Context(), w.transport, w.plan, g)
	return g, a, err
}

// wantFault checks an error's step, kind and code, that it is one or two plain
// sentences, and that it shows no secret.
func wantFault(t *testing.T, err error, step fault.Step, kind fault.Kind, code string) *fault.Fault {
	t.Helper()
	var f *fault.Fault
	if !errors.As(err, &f) {
		t.Fatalf("got %v, want a fault %q", err, code)
	}
	if f.Step != step || f.Kind != kind || f.Code != code {
		t.Errorf("got step %q, kind %d, code %q (%v), want %q, %d, %q", f.Step, f.Kind, f.Code, err, step, kind, code)
	}
	if !strings.HasSuffix(f.Message, ".") || strings.Contains(f.Message, "!") || f.Remedy != "" && !strings.HasSuffix(f.Remedy, ".") {
		t.Errorf("no plain sentence: %q, %q", f.Message, f.Remedy)
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		if text := fmt.Sprintf("%v %+v %#v", e, e, e); strings.Contains(text, "canary") {
			t.Errorf("an error shows a secret: %s", text)
		}
	}
	return f
}

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
