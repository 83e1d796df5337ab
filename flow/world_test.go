package flow_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"waybill/api"
	"waybill/auth"
	"waybill/connection"
	"waybill/fault"
	"waybill/flow"
	"waybill/secret"
	"waybill/transport"
)

const (
	idpClient = "client-1"
	resClient = "client-1-at-todo0"
	opaque    = "The request was not accepted."
)

// world is an identity provider, a strict authorization server that has one
// text for everything, and a resource, over real HTTP, with the app's calls
// recorded.
type world struct {
	t            *testing.T
	key          *ecdsa.PrivateKey
	idp, as, api *httptest.Server
	client       *transport.Client
	plan         *auth.Plan
	subject      auth.Subject
	idToken      string
	idpSecret    string

	mu       sync.Mutex
	recorded []transport.Recording
	seen     map[string]bool // jti of the ID-JAGs that were redeemed

	// What a test changes.
	jag         map[string]any // claims of the ID-JAG; nil values are left out
	typ         string
	refuse      map[string]string // by host role: the error code that is answered
	asClock     time.Duration     // the authorization server's clock before the real one
	knownUsers  []string
	longestLife time.Duration
	access      map[string]any // claims of the access token
	calls       func(w http.ResponseWriter, r *http.Request)
	asDate      string // what its Date field is, instead of asClock; "": that
}

func newWorld(t *testing.T) *world {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, key: key, typ: "oauth-id-jag+jwt", idpSecret: "idp-secret", seen: map[string]bool{}, refuse: map[string]string{}, knownUsers: []string{"alice"}, longestLife: 5 * time.Minute}
	w.idp = w.serve(w.issue, &w.refuse, "idp", func() time.Duration { return 0 })
	w.as = w.serve(w.redeem, &w.refuse, "as", func() time.Duration { return w.asClock })
	w.api = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.calls(rw, r) }))
	t.Cleanup(w.api.Close)
	w.calls = w.resource
	w.client = transport.New(transport.Options{})
	t.Cleanup(w.client.CloseIdle)
	for _, s := range []*httptest.Server{w.idp, w.as, w.api} {
		w.client.Trust(s.URL)
	}
	w.plan = &auth.Plan{
		Connection: connection.Connection{
			Name: "test", IdP: connection.IdP{Issuer: w.idp.URL, ClientID: idpClient, AuthMethod: connection.ClientSecretPost},
			Resource: connection.Resource{Kind: connection.REST, URL: w.api.URL, ClientID: resClient, Scopes: []string{"todos.read"}, AuthMethod: connection.ClientSecretPost},
		},
		Credentials: connection.Credentials{IdP: secret.New("idp-secret"), Resource: secret.New("resource-secret")},
		Provider:    &auth.Provider{Issuer: w.idp.URL, TokenEndpoint: w.idp.URL + "/token"},
		Server:      &auth.Server{Issuer: w.as.URL, TokenEndpoint: w.as.URL + "/token"},
		Audience:    w.as.URL, Resource: w.api.URL,
	}
	w.idToken = w.sign(map[string]any{"iss": w.idp.URL, "aud": idpClient, "sub": "alice", "iat": time.Now().Unix(), "exp": time.Now().Add(10 * time.Minute).Unix()}, "JWT")
	w.subject = auth.IDTokenSubject(auth.IDToken{Text: secret.New(w.idToken)})
	return w
}

func (w *world) serve(answer func(url.Values) (int, map[string]any), refuse *map[string]string, role string, clock func() time.Duration) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		if id, password, basic := r.BasicAuth(); basic { // form-encoded first (RFC 6749 section 2.3.1)
			id, _ = url.QueryUnescape(id)
			password, _ = url.QueryUnescape(password)
			r.PostForm.Set("client_id", id)
			r.PostForm.Set("client_secret", password)
		}
		rw.Header().Set("Content-Type", "application/json")
		rw.Header().Set("Date", time.Now().Add(clock()).UTC().Format(http.TimeFormat))
		status, body := answer(r.PostForm)
		if code := (*refuse)[role]; code != "" {
			status, body = refusal(code)
		}
		rw.WriteHeader(status)
		_ = json.NewEncoder(rw).Encode(body)
	}))
	w.t.Cleanup(s.Close)
	return s
}

// forgetSeen has the strict server take every ID-JAG again.
func (w *world) forgetSeen() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.seen)
}

func refusal(code string) (int, map[string]any) {
	status := http.StatusBadRequest
	if code == "invalid_client" {
		status = http.StatusUnauthorized
	}
	return status, map[string]any{"error": code, "error_description": opaque}
}

// sign makes a JWT.
func (w *world) sign(claims map[string]any, typ string) string {
	w.t.Helper()
	options := (&jose.SignerOptions{}).WithType(jose.ContentType(typ)).WithHeader("kid", "one")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: w.key}, options)
	if err != nil {
		w.t.Fatal(err)
	}
	payload, _ := json.Marshal(claims)
	signed, err := signer.Sign(payload)
	if err != nil {
		w.t.Fatal(err)
	}
	out, _ := signed.CompactSerialize()
	return out
}

func changed(base, changes map[string]any) map[string]any {
	out := maps.Clone(base)
	for name, value := range changes {
		if out[name] = value; value == nil {
			delete(out, name)
		}
	}
	return out
}

// issue is the identity provider's token exchange.
func (w *world) issue(form url.Values) (int, map[string]any) {
	if form.Get("client_id") != idpClient || form.Get("client_secret") != w.idpSecret {
		return refusal("invalid_client")
	}
	if header, claims := take(form.Get("subject_token")); header == nil || text(claims, "aud") != idpClient {
		return refusal("invalid_request")
	} else if exp, _ := claims["exp"].(float64); int64(exp) <= time.Now().Unix() {
		return refusal("invalid_grant")
	}
	now := time.Now().Unix()
	jag := w.sign(changed(map[string]any{
		"iss": w.idp.URL, "sub": "alice", "aud": form.Get("audience"), "client_id": resClient, "jti": rand.Text(),
		"iat": now, "exp": now + 300, "resource": form.Get("resource"), "scope": form.Get("scope"),
	}, w.jag), w.typ)
	return 200, map[string]any{"access_token": jag, "issued_token_type": "urn:ietf:params:oauth:token-type:id-jag", "token_type": "N_A", "expires_in": 300}
}

// redeem is the strict server: it says the same whatever is wrong.
func (w *world) redeem(form url.Values) (int, map[string]any) {
	if form.Get("client_id") != resClient || form.Get("client_secret") != "resource-secret" {
		return refusal("invalid_client")
	}
	header, claims := take(form.Get("assertion"))
	now := time.Now().Add(w.asClock)
	at := func(name string) time.Time { n, _ := claims[name].(float64); return time.Unix(int64(n), 0) }
	jti := text(claims, "jti")
	w.mu.Lock()
	again := w.seen[jti]
	w.seen[jti] = true
	w.mu.Unlock()
	_, bound := claims["cnf"]
	switch {
	case header == nil, text(header, "typ") != "oauth-id-jag+jwt", text(claims, "aud") != w.as.URL,
		text(claims, "client_id") != resClient, text(claims, "iss") != w.idp.URL, !at("exp").After(now),
		at("iat").After(now.Add(30 * time.Second)), claims["nbf"] != nil && at("nbf").After(now.Add(30*time.Second)),
		at("exp").Sub(at("iat")) > w.longestLife, again, bound, !slices.Contains(w.knownUsers, text(claims, "sub")):
		return refusal("invalid_grant")
	}
	token := w.sign(changed(map[string]any{
		"iss": w.as.URL, "sub": "alice", "aud": text(claims, "resource"), "iat": now.Unix(), "exp": now.Unix() + 7200, "scope": form.Get("scope"),
	}, w.access), "at+jwt")
	return 200, map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": 7200, "scope": form.Get("scope")}
}

// resource is a to-do API.
func (w *world) resource(rw http.ResponseWriter, r *http.Request) {
	_, claims := take(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	exp, _ := claims["exp"].(float64)
	if text(claims, "aud") != w.api.URL || int64(exp) <= time.Now().Unix() || text(claims, "iss") != w.as.URL {
		rw.Header().Set("WWW-Authenticate", `Bearer error="invalid_token", error_description="`+opaque+`"`)
		rw.WriteHeader(http.StatusUnauthorized)
		return
	}
	rw.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(rw, `{"success":true,"count":1,"data":[{"id":"1","title":"Water the plants","completed":false}]}`)
}

func text(claims map[string]any, name string) string { s, _ := claims[name].(string); return s }

// take takes a JWT apart; nil: it is none.
func take(token string) (header, claims map[string]any) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, nil
	}
	for i, into := range []*map[string]any{&header, &claims} {
		data, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(data, into) != nil {
			return nil, nil
		}
	}
	return header, claims
}

// Record implements transport.Recorder.
func (w *world) Record(x transport.Recording) {
	x = x.Open()
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.recorded {
		if w.recorded[i].ID == x.ID {
			w.recorded[i] = x
			return
		}
	}
	w.recorded = append(w.recorded, x)
}

// of are the exchanges of a step.
func (w *world) of(step fault.Step) []transport.Recording {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []transport.Recording
	for _, x := range w.recorded {
		if x.Step == step {
			out = append(out, x)
		}
	}
	return out
}

// tokenOf is the token in the last answer of a step.
func (w *world) tokenOf(step fault.Step, kind flow.TokenKind) *flow.Token {
	all := w.of(step)
	if len(all) == 0 {
		return nil
	}
	for _, h := range all[len(all)-1].Secrets {
		if h.Name == "access_token" || strings.HasPrefix(h.Name, "access_token_") {
			return readToken(h.Value, kind)
		}
	}
	return nil
}

func readToken(value secret.Text, kind flow.TokenKind) *flow.Token {
	t := &flow.Token{Kind: kind, Received: time.Now(), Length: len(value.Reveal()), Print: value.Fingerprint(), Value: value}
	parts := strings.Split(value.Reveal(), ".")
	if t.Opaque = len(parts) != 3; t.Opaque {
		return t
	}
	for i, into := range []*map[string]json.RawMessage{&t.Header, &t.Claims} {
		data, _ := base64.RawURLEncoding.DecodeString(parts[i])
		_ = json.Unmarshal(data, into)
	}
	return t
}

// run goes through the steps after sign-in and returns what was recorded.
// sendAnyway sends an ID-JAG on that the app itself would not.
func (w *world) run(sendAnyway bool) *flow.Run {
	w.t.Helper()
	w.mu.Lock()
	w.recorded = nil
	w.mu.Unlock()
	ctx := transport.WithRecorder(w.t.Context(), w)
	r := flow.NewRun(1, "test", flow.ReasonAgain, time.Now())
	r.Plan, r.Running = w.plan, false
	r.Step(fault.StepSignIn).Token = readToken(secret.New(w.idToken), flow.KindIDToken)
	grant, err := auth.ExchangeIDJAG(ctx, w.client, w.plan, w.subject)
	w.fill(r, fault.StepExchange, flow.KindIDJAG, err)
	if sendAnyway {
		w.sendOn(r)
	}
	if err == nil && !sendAnyway {
		w.redeemAndCall(r, grant)
	}
	return r
}

func (w *world) redeemAndCall(r *flow.Run, grant *auth.Grant) {
	ctx := transport.WithRecorder(w.t.Context(), w)
	access, err := auth.RedeemIDJAG(ctx, w.client, w.plan, grant)
	w.fill(r, fault.StepJWTBearer, flow.KindAccessToken, err)
	if access != nil {
		r.Step(fault.StepJWTBearer).Scopes = &flow.Scopes{Asked: access.Asked, InIDJAG: access.InIDJAG, Granted: access.Granted}
	}
	if err != nil {
		return
	}
	client := api.NewREST(api.Options{Transport: w.client, Tokens: held{access}, Resource: w.plan.Connection.Resource})
	defer client.Close()
	_, err = client.List(ctx, "")
	w.fill(r, fault.StepCall, 0, err)
}

// held hands out one token.
type held struct{ access *auth.Access }

func (h held) Token(context.Context) (secret.Text, []string, error) {
	return h.access.Token.Text, h.access.Granted, nil
}
func (held) Refused(secret.Text) {}

// sendOn sends the ID-JAG as the app would, had it not looked at it.
func (w *world) sendOn(r *flow.Run) {
	w.t.Helper()
	jag := r.Step(fault.StepExchange).Token
	ctx := transport.WithStep(transport.WithRecorder(w.t.Context(), w), fault.StepJWTBearer)
	form := url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {jag.Value.Reveal()}, "scope": {"todos.read"},
		"client_id": {resClient}, "client_secret": {"resource-secret"},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.plan.Server.TokenEndpoint, strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := w.client.HTTP(transport.Token, w.plan.Server.TokenEndpoint).Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	var said struct{ Error string }
	_ = json.NewDecoder(resp.Body).Decode(&said)
	var f error
	if said.Error != "" {
		f = fault.New(fault.StepJWTBearer, fault.Config, said.Error, "Refused.").WithServer(resp.StatusCode, opaque)
	}
	w.fill(r, fault.StepJWTBearer, flow.KindAccessToken, f)
}

func (w *world) fill(r *flow.Run, name fault.Step, kind flow.TokenKind, err error) {
	s := r.Step(name)
	s.Exchanges, s.State, s.Began = w.of(name), flow.Done, time.Now()
	if kind != 0 {
		s.Token = w.tokenOf(name, kind)
	}
	if err != nil {
		s.State, s.Fault = flow.Failed, fault.As(err)
	}
}

// withRecorder has what is sent under it recorded by w.
func withRecorder(w *world) context.Context { return transport.WithRecorder(w.t.Context(), w) }
