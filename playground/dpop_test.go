package playground_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"waybill/playground"
)

// prover is an app that sends a proof with every request, as anyone could write
// it.
type prover struct {
	next    http.RoundTripper
	key     *ecdsa.PrivateKey
	nonce   string
	off     bool
	changes map[string]any // of the proof's claims
	sent    []string       // proofs
	reuse   bool           // the last proof is sent again
}

func provingKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func thumbprint(t testing.TB, key *ecdsa.PrivateKey) string {
	t.Helper()
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	sum := sha256.Sum256([]byte(`{"crv":"P-256","kty":"EC","x":"` + encode(point[1:33]) + `","y":"` + encode(point[33:]) + `"}`))
	return encode(sum[:])
}

// beginProving makes a playground and an app that proves possession of a key.
func beginProving(t *testing.T, o playground.Options) (*app, *prover) {
	t.Helper()
	_, a := begin(t, o)
	p := &prover{next: a.http.Transport, key: provingKey(t)}
	a.http.Transport = p
	return a, p
}

func (p *prover) RoundTrip(r *http.Request) (*http.Response, error) {
	if p.off {
		return p.next.RoundTrip(r)
	}
	u := *r.URL
	u.RawQuery = ""
	claims := map[string]any{"jti": rand.Text(), "htm": r.Method, "htu": u.String(), "iat": time.Now().Unix()}
	if p.nonce != "" {
		claims["nonce"] = p.nonce
	}
	if _, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); token != "" {
		sum := sha256.Sum256([]byte(token))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	for name, value := range p.changes {
		claims[name] = value
	}
	if !p.reuse || len(p.sent) == 0 {
		payload, err := json.Marshal(claims)
		if err != nil {
			return nil, err
		}
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: p.key}, (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
		if err != nil {
			return nil, err
		}
		signed, err := signer.Sign(payload)
		if err != nil {
			return nil, err
		}
		proof, err := signed.CompactSerialize()
		if err != nil {
			return nil, err
		}
		p.sent = append(p.sent, proof)
	}
	out := r.Clone(r.Context())
	out.Header.Set("DPoP", p.sent[len(p.sent)-1])
	res, err := p.next.RoundTrip(out)
	if err == nil && res.Header.Get("DPoP-Nonce") != "" {
		p.nonce = res.Header.Get("DPoP-Nonce")
	}
	return res, err
}

// get calls the to-do API and returns its status and challenges.
func (a *app) get(authorization string) (int, []string) {
	a.t.Helper()
	r := a.request(http.MethodGet, a.at.API+"/api/todos?x=y", nil)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	status, header, _ := a.send(r)
	return status, header.Values("WWW-Authenticate")
}

// access goes through the chain to an access token.
func (a *app) access(t *testing.T) answer {
	t.Helper()
	got := a.post(a.at.AuthorizationServer+"/token", a.bearerForm(a.idjag("alice@example.com")))
	if got.Status != 200 {
		t.Fatalf("%s: %s", got.Error, got.Description)
	}
	return got
}

// S71: what is proved at the exchange binds the ID-JAG, what is proved at the grant
// the access token, and the resource takes that with a proof only.
func TestS71_TheChainIsBoundFromEndToEnd(t *testing.T) {
	a, p := beginProving(t, playground.Options{})
	idjag := a.idjag("alice@example.com")
	_, jag := claimsOf(t, idjag)
	mine := thumbprint(t, p.key)
	if cnf, _ := jag["cnf"].(map[string]any); cnf["jkt"] != mine || len(cnf) != 1 {
		t.Fatalf("the ID-JAG is bound to %v, not to %s", jag["cnf"], mine)
	}
	server := a.at.AuthorizationServer + "/token"
	p.off = true
	expect(t, a.post(server, a.bearerForm(idjag)), 400, "invalid_grant", "proof of possession")
	p.off = false
	own := p.key
	p.key = provingKey(t)
	expect(t, a.post(server, a.bearerForm(idjag)), 400, "invalid_grant", "another key")
	p.key = own
	got := a.post(server, a.bearerForm(idjag))
	if got.Status != 200 || got.TokenType != "DPoP" {
		t.Fatalf("%+v", got)
	}
	_, access := claimsOf(t, got.AccessToken)
	if cnf, _ := access["cnf"].(map[string]any); cnf["jkt"] != mine {
		t.Fatalf("the access token is bound to %v", access["cnf"])
	}
	if status, challenge := a.get("DPoP " + got.AccessToken); status != 200 {
		t.Fatalf("%d %v", status, challenge)
	}
	for name, c := range map[string]struct {
		scheme, says string
		change       func()
	}{
		"as a bearer token":     {"Bearer", `Bearer error="invalid_token"`, func() {}},
		"without a proof":       {"DPoP", `error="invalid_dpop_proof"`, func() { p.off = true }},
		"with another key":      {"DPoP", `DPoP error="invalid_token"`, func() { p.key = provingKey(t) }},
		"for another method":    {"DPoP", `error="invalid_dpop_proof"`, func() { p.changes = map[string]any{"htm": "POST"} }},
		"for another address":   {"DPoP", `error="invalid_dpop_proof"`, func() { p.changes = map[string]any{"htu": a.at.API + "/api"} }},
		"for another token":     {"DPoP", `error="invalid_dpop_proof"`, func() { p.changes = map[string]any{"ath": "x"} }},
		"a proof that was used": {"DPoP", `error="invalid_dpop_proof"`, func() { p.reuse = true }},
	} {
		c.change()
		status, challenge := a.get(c.scheme + " " + got.AccessToken)
		if status != 401 || !strings.Contains(strings.Join(challenge, " | "), c.says) {
			t.Errorf("%s: %d %v", name, status, challenge)
		}
		p.off, p.key, p.changes, p.reuse = false, own, nil, false
	}
	if status, challenge := a.get("dpop " + got.AccessToken); status != 200 {
		t.Errorf("the scheme in small letters: %d %v", status, challenge)
	}
}

// S71: without a proof everything is as it always was, and a bearer token does not
// become a bound one by a proof beside it.
func TestS71_WithoutAProofTokensAreBearerTokens(t *testing.T) {
	a, p := beginProving(t, playground.Options{})
	p.off = true
	got := a.access(t)
	_, claims := claimsOf(t, got.AccessToken)
	if got.TokenType != "Bearer" || claims["cnf"] != nil {
		t.Errorf("type %q, cnf %v", got.TokenType, claims["cnf"])
	}
	p.off = false
	if status, _ := a.get("Bearer " + got.AccessToken); status != 200 {
		t.Errorf("a bearer token: %d", status)
	}
	if status, challenge := a.get("DPoP " + got.AccessToken); status != 401 || !strings.Contains(challenge[0], "DPoP error=") {
		t.Errorf("a bearer token under the scheme DPoP: %d %v", status, challenge)
	}
	p.off = true
	idjag := a.idjag("alice@example.com")
	p.off = false
	late := a.post(a.at.AuthorizationServer+"/token", a.bearerForm(idjag))
	if late.TokenType != "DPoP" {
		t.Errorf("a proof at the grant alone gives the type %q", late.TokenType)
	}
}

// S71: what a server that knows nothing of DPoP does, so that clients can be seen
// to notice.
func TestS71_SwitchedOffItIsIgnored(t *testing.T) {
	a, _ := beginProving(t, playground.Options{DPoP: playground.DPoPOff})
	idjag := a.idjag("alice@example.com")
	if _, claims := claimsOf(t, idjag); claims["cnf"] != nil {
		t.Errorf("the ID-JAG is bound to %v", claims["cnf"])
	}
	got := a.post(a.at.AuthorizationServer+"/token", a.bearerForm(idjag))
	if got.TokenType != "Bearer" {
		t.Errorf("the type is %q", got.TokenType)
	}
	if status, challenge := a.get("DPoP " + got.AccessToken); status != 401 || strings.Contains(strings.Join(challenge, " "), "DPoP") {
		t.Errorf("%d %v", status, challenge)
	}
	for _, at := range []string{a.at.IdP + "/.well-known/openid-configuration", a.at.AuthorizationServer + "/.well-known/oauth-authorization-server"} {
		if document := a.document(at); document["dpop_signing_alg_values_supported"] != nil {
			t.Errorf("%s announces it", at)
		}
	}
}

func (a *app) document(address string) map[string]any {
	a.t.Helper()
	_, _, body := a.send(a.request(http.MethodGet, address, nil))
	var document map[string]any
	if err := json.Unmarshal(body, &document); err != nil {
		a.t.Fatal(err)
	}
	return document
}

// S71: where it is required, of all or of one client, nothing is given without.
func TestS71_WhereItIsRequiredNothingIsGivenWithout(t *testing.T) {
	for name, o := range map[string]playground.Options{
		"of everybody": {DPoP: playground.DPoPRequired},
		"of a client": {Clients: []playground.Client{{ID: "bound", Public: true, Bound: true, RedirectURIs: []string{redirectURI},
			Connections: []playground.ResourceConnection{{Resource: playground.API, Public: true}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			a, p := beginProving(t, o)
			if len(o.Clients) > 0 {
				a.demo.ClientID, a.demo.ResourceClientID = "bound", "bound-at-todo0"
				a.publicForms()
			}
			p.off = true
			expect(t, a.post(a.at.IdP+"/token", a.codeForm(a.code("alice@example.com"))), 400, "invalid_dpop_proof", "DPoP proof")
			p.off = false
			tokens := a.tokens("alice@example.com")
			p.off = true
			for _, form := range []url.Values{a.exchangeForm(typeIDToken, tokens.IDToken), a.exchangeForm(typeRefresh, tokens.RefreshToken),
				a.idpForm("grant_type", "refresh_token", "refresh_token", tokens.RefreshToken)} {
				expect(t, a.post(a.at.IdP+"/token", form), 400, "invalid_dpop_proof", "DPoP proof")
			}
			p.off = false
			got := a.access(t)
			if status, challenge := a.get("DPoP " + got.AccessToken); status != 200 || got.TokenType != "DPoP" {
				t.Errorf("%d %v, type %q", status, challenge, got.TokenType)
			}
		})
	}
}

// publicForms leaves the secrets out of the app's forms.
func (a *app) publicForms() {
	a.demo.ClientSecret, a.demo.ResourceClientSecret = a32, a32
	a.http.Transport = withoutSecrets{a.http.Transport}
}

type withoutSecrets struct{ next http.RoundTripper }

func (w withoutSecrets) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.GetBody == nil {
		return w.next.RoundTrip(r)
	}
	if err := r.ParseForm(); err != nil {
		return nil, err
	}
	r.PostForm.Del("client_secret")
	out, err := http.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), strings.NewReader(r.PostForm.Encode()))
	if err != nil {
		return nil, err
	}
	out.Header = r.Header.Clone()
	return w.next.RoundTrip(out)
}

// S71: an authorization server that issues bound tokens only says so with
// invalid_grant (draft section 9.8.1.2.4), and its resources in their metadata.
func TestS71_OnlyBoundTokensAreIssuedWhereTheyAreRequired(t *testing.T) {
	a, p := beginProving(t, playground.Options{DPoP: playground.DPoPRequired})
	claims := a.goodIDJAG(time.Now())
	p.off = true
	forged := a.forge("oauth-id-jag+jwt", claims)
	expect(t, a.post(a.at.AuthorizationServer+"/token", a.bearerForm(forged)), 400, "invalid_grant", "bound to a key")
	p.off = false
	status, challenge := a.get("")
	if status != 401 || len(challenge) != 1 || !strings.HasPrefix(challenge[0], "DPoP ") || !strings.Contains(challenge[0], `algs="`) || !strings.Contains(challenge[0], "resource_metadata=") {
		t.Errorf("%d %v", status, challenge)
	}
	document := a.document(a.at.API + "/.well-known/oauth-protected-resource")
	if document["dpop_bound_access_tokens_required"] != true {
		t.Errorf("the resource says %v", document)
	}
}

func TestS71_TheServersSayWhichProofsTheyTake(t *testing.T) {
	a, p := beginProving(t, playground.Options{})
	p.off = true
	for _, at := range []string{a.at.IdP + "/.well-known/openid-configuration", a.at.AuthorizationServer + "/.well-known/oauth-authorization-server",
		a.at.API + "/.well-known/oauth-protected-resource", strings.TrimSuffix(a.at.MCP, "/mcp") + "/.well-known/oauth-protected-resource/mcp"} {
		algs, _ := a.document(at)["dpop_signing_alg_values_supported"].([]any)
		if !slices.Contains(algs, any("ES256")) || slices.Contains(algs, any("none")) || slices.Contains(algs, any("HS256")) {
			t.Errorf("%s: %v", at, algs)
		}
	}
	if status, challenge := a.get(""); status != 401 || len(challenge) != 2 || !strings.HasPrefix(challenge[0], "Bearer ") || !strings.HasPrefix(challenge[1], "DPoP ") {
		t.Errorf("%d %v", status, challenge)
	}
}

// S71: nonces are demanded one by one by each server, given with every answer, and
// a request that lacks one uses nothing up.
func TestS71_NoncesAreDemanded(t *testing.T) {
	a, p := beginProving(t, playground.Options{DPoPNonce: true})
	code := a.code("alice@example.com")
	p.nonce = "" // the browser's requests brought none either
	expect(t, a.post(a.at.IdP+"/token", a.codeForm(code)), 400, "use_dpop_nonce", "nonce")
	if p.nonce == "" {
		t.Fatal("none was given")
	}
	signedIn := a.post(a.at.IdP+"/token", a.codeForm(code))
	exchanged := a.post(a.at.IdP+"/token", a.exchangeForm(typeIDToken, signedIn.IDToken))
	if signedIn.Status != 200 || exchanged.Status != 200 {
		t.Fatalf("%+v %+v", signedIn, exchanged)
	}
	server := a.at.AuthorizationServer + "/token"
	expect(t, a.post(server, a.bearerForm(exchanged.AccessToken)), 400, "use_dpop_nonce", "nonce") // with the other server's
	got := a.post(server, a.bearerForm(exchanged.AccessToken))
	if got.Status != 200 {
		t.Fatalf("%+v", got)
	}
	status, challenge := a.get("DPoP " + got.AccessToken)
	if status != 401 || !strings.Contains(strings.Join(challenge, " "), `DPoP error="use_dpop_nonce"`) {
		t.Errorf("%d %v", status, challenge)
	}
	if status, challenge := a.get("DPoP " + got.AccessToken); status != 200 {
		t.Errorf("%d %v", status, challenge)
	}
}

// RFC 9449 section 5: the refresh token of a public client is bound to the key that
// it proved possession of, so that a copy is worth nothing.
func TestS71_ThePublicClientsRefreshTokenIsBound(t *testing.T) {
	a, p := beginProving(t, playground.Options{Clients: []playground.Client{{ID: "public", Public: true, RedirectURIs: []string{redirectURI},
		Connections: []playground.ResourceConnection{{Resource: playground.API, Public: true}}}}})
	confidential := a.tokens("alice@example.com").RefreshToken
	p.off = true
	if got := a.post(a.at.IdP+"/token", a.exchangeForm(typeRefresh, confidential)); got.Status != 200 {
		t.Errorf("a confidential client's is bound to its key too: %+v", got)
	}
	p.off = false
	a.demo.ClientID, a.demo.ResourceClientID = "public", "public-at-todo0"
	a.publicForms()
	tokens, own := a.tokens("alice@example.com"), p.key
	for _, form := range []url.Values{a.exchangeForm(typeRefresh, tokens.RefreshToken), a.idpForm("grant_type", "refresh_token", "refresh_token", tokens.RefreshToken)} {
		p.off = true
		expect(t, a.post(a.at.IdP+"/token", form), 400, "invalid_grant", "bound to a key")
		p.off, p.key = false, provingKey(t)
		expect(t, a.post(a.at.IdP+"/token", form), 400, "invalid_grant", "bound to a key")
		p.key = own
	}
	renewed := a.post(a.at.IdP+"/token", a.idpForm("grant_type", "refresh_token", "refresh_token", tokens.RefreshToken))
	if renewed.Status != 200 {
		t.Fatalf("%+v", renewed)
	}
	p.off = true
	expect(t, a.post(a.at.IdP+"/token", a.exchangeForm(typeRefresh, renewed.RefreshToken)), 400, "invalid_grant", "bound to a key")
}

// The identity provider's own access token is bound as well.
func TestS71_UserinfoTakesABoundTokenWithItsProofOnly(t *testing.T) {
	a, p := beginProving(t, playground.Options{})
	tokens := a.tokens("alice@example.com")
	if tokens.TokenType != "DPoP" {
		t.Fatalf("the type is %q", tokens.TokenType)
	}
	ask := func(scheme string) int {
		r := a.request(http.MethodGet, a.at.IdP+"/userinfo", nil)
		r.Header.Set("Authorization", scheme+" "+tokens.AccessToken)
		status, _, _ := a.send(r)
		return status
	}
	if ask("DPoP") != 200 || ask("Bearer") != 401 {
		t.Error("a bound token is not taken with its proof, or is taken as a bearer token")
	}
	p.key = provingKey(t)
	if ask("DPoP") != 401 {
		t.Error("another key's proof is taken")
	}
	p.off = true
	if ask("DPoP") != 401 {
		t.Error("a bound token is taken without a proof")
	}
	plain := a.tokens("alice@example.com")
	p.off = false
	tokens = plain
	if ask("DPoP") != 401 || ask("Bearer") != 200 {
		t.Error("a bearer token is taken under the scheme DPoP, or not as one")
	}
}

func TestARegistrationIsReadFromAFile(t *testing.T) {
	jwks := `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`
	c, err := playground.ParseClient([]byte(`{"client_id":"mine","client_name":"Mine","token_endpoint_auth_method":"private_key_jwt","jwks":` + jwks + `,
		"redirect_uris":["http://127.0.0.1/cb"],"dpop_bound_access_tokens":true,
		"resource_connections":[{"resource":"mcp","client_id":"there","scope":"todos.read mcp.access","token_endpoint_auth_method":"none"}]}`))
	if err != nil || c.ID != "mine" || c.Name != "Mine" || string(c.JWKS) != jwks || !c.Bound || c.Public || len(c.Connections) != 1 || c.RedirectURIs[0] != "http://127.0.0.1/cb" {
		t.Fatalf("%+v %v", c, err)
	}
	if k := c.Connections[0]; k.Resource != playground.MCP || k.ClientID != "there" || !k.Public || k.JWKS != nil || len(k.Scopes) != 2 {
		t.Errorf("%+v", k)
	}
	c, err = playground.ParseClient([]byte(`{"client_id":"open","token_endpoint_auth_method":"none"}`))
	if err != nil || !c.Public || len(c.Connections) != 2 || !c.Connections[0].Public || len(c.RedirectURIs) != 2 {
		t.Fatalf("%+v %v", c, err)
	}
	begin(t, playground.Options{Clients: []playground.Client{c}})
	for name, text := range map[string]string{
		"no JSON": `{`, "more after it": `{"client_id":"x","token_endpoint_auth_method":"none"} {}`, "a secret": `{"client_id":"x","client_secret":"s"}`,
		"no method": `{"client_id":"x"}`, "a secret as its method": `{"client_id":"x","token_endpoint_auth_method":"client_secret_post"}`,
		"no key":           `{"client_id":"x","token_endpoint_auth_method":"private_key_jwt"}`,
		"another resource": `{"client_id":"x","token_endpoint_auth_method":"none","resource_connections":[{"resource":"idp"}]}`,
	} {
		if _, err := playground.ParseClient([]byte(text)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// The metadata says that clients may come without authentication only where one
// may.
func TestMetadataNamesNoneWhereAPublicClientIsRegistered(t *testing.T) {
	for _, public := range []bool{false, true} {
		var o playground.Options
		if public {
			c, err := playground.ParseClient([]byte(`{"client_id":"open","token_endpoint_auth_method":"none"}`))
			if err != nil {
				t.Fatal(err)
			}
			o.Clients = []playground.Client{c}
		}
		_, a := begin(t, o)
		for _, at := range []string{a.at.IdP + "/.well-known/openid-configuration", a.at.AuthorizationServer + "/.well-known/oauth-authorization-server"} {
			methods, _ := a.document(at)["token_endpoint_auth_methods_supported"].([]any)
			if slices.Contains(methods, any("none")) != public {
				t.Errorf("%s: %v", at, methods)
			}
		}
	}
}
