package session_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"waybill/auth"
	"waybill/connection"
	"waybill/internal/virtualnet"
	"waybill/playground"
	"waybill/playground/playgroundtest"
	"waybill/secret"
	"waybill/session"
	"waybill/todo"
	"waybill/transport"
)

// org is a company that a preset is for: its servers are those of the playground,
// under addresses as the company's would be, behind whatever they do differently.
type org struct {
	origins playground.Origins

	// atIdP is what the identity provider does before it answers a token request:
	// it may change the form, or refuse.
	atIdP func(form url.Values) (refusal string)

	// keyed: the client has a key at the identity provider, and no secret.
	keyed bool

	// given is what an administrator tells the user, who types it in.
	given map[connection.Field]string

	todos int // how many there are
}

const (
	tokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange"

	acmeIdP  = "https://acme.okta.example"
	acmeApp  = "0oa7wlfw2l"
	todoApp  = "0oa7wlfw2l-at-todo0"
	mcpApp   = "0oa7wlfw2l-at-todo0-mcp"
	acmePair = "acme-secret-of-this-app"
	todoPair = "todo-secret-of-this-app"
)

func acme(server, api string) playground.Origins {
	return playground.Origins{IdP: acmeIdP, AuthorizationServer: server, API: api, MCP: "https://mcp.todo.example"}
}

// onlyARefreshTokenFor is PingFederate: its audience is the id of a connection,
// and the subject is a refresh token.
func onlyARefreshTokenFor(audience, server string) func(url.Values) string {
	return func(form url.Values) string {
		switch {
		case form.Get("grant_type") != tokenExchange:
		case form.Get("audience") != audience:
			return "invalid_target"
		case !strings.HasSuffix(form.Get("subject_token_type"), ":refresh_token"):
			return "invalid_request"
		default:
			form.Set("audience", server)
		}
		return ""
	}
}

// orgs are the companies, by the preset that is for them.
func orgs() map[string]org {
	pairs := map[connection.Field]string{
		connection.FieldIssuer: acmeIdP, connection.FieldIdPClientID: acmeApp, connection.FieldIdPSecret: acmePair,
		connection.FieldClientID: todoApp, connection.FieldSecret: todoPair,
	}
	with := func(more map[connection.Field]string) map[connection.Field]string {
		out := map[connection.Field]string{}
		for _, m := range []map[connection.Field]string{pairs, more} {
			for f, v := range m {
				out[f] = v
			}
		}
		return out
	}
	own := acme("https://auth.todo.example", "https://api.todo.example")
	byHand := with(map[connection.Field]string{
		connection.FieldName: "by-hand", connection.FieldKind: "rest", connection.FieldURL: "https://api.todo.example", connection.FieldIdentifier: "https://api.todo.example",
		connection.FieldServer: "https://auth.todo.example", connection.FieldScopes: "todos.read todos.write", connection.FieldRedirectURI: registeredURI,
	})
	return map[string]org{
		"okta-to-xaa-dev": {origins: acme("https://auth.resource.xaa.dev", "https://api.resource.xaa.dev"), given: with(nil)},
		"okta-ai-agent": {origins: own, keyed: true, given: with(map[connection.Field]string{
			connection.FieldName: "agent", connection.FieldKind: "rest", connection.FieldURL: "https://api.todo.example", connection.FieldIdentifier: "https://api.todo.example",
		})},
		"okta-to-auth0": {origins: acme("https://acme.auth0.example/", "https://api.todo.example"), given: with(map[connection.Field]string{
			connection.FieldName: "okta-auth0", connection.FieldKind: "rest", connection.FieldURL: "https://api.todo.example",
			connection.FieldServer: "https://acme.auth0.example/", connection.FieldIdentifier: "https://api.todo.example",
		})},
		"pingfederate": {origins: own, atIdP: onlyARefreshTokenFor("todo0-connection", own.AuthorizationServer), given: with(map[connection.Field]string{
			connection.FieldName: "pingfederate", connection.FieldKind: "rest", connection.FieldURL: "https://api.todo.example", connection.FieldAudience: "todo0-connection",
		})},
		"mcp": {origins: own, given: with(map[connection.Field]string{
			connection.FieldURL: "https://mcp.todo.example/mcp", connection.FieldClientID: mcpApp,
		})},
		"by-hand": {origins: own, given: byHand},
	}
}

// office is a computer with a user of the company.
type office struct {
	t       *testing.T
	net     *virtualnet.Network
	client  *http.Client
	browser sync.WaitGroup
	manager *session.Manager

	mu   sync.Mutex
	sent []url.Values // token requests at the identity provider
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, net: virtualnet.New(0)}
	tr := transport.New(transport.Options{DialContext: o.net.DialContext, RootCAs: o.net.CertPool()})
	web := &http.Transport{DialContext: o.net.DialContext, TLSClientConfig: &tls.Config{RootCAs: o.net.CertPool()}}
	o.client = &http.Client{Transport: web}
	m, err := session.Open(t.Context(), session.Options{
		Dir: t.TempDir(), Transport: tr, Keyring: newRing(), OpenURL: o.open,
		Listen: func(_, address string) (net.Listener, error) {
			return o.net.Listen(strings.Replace(address, ":0", ":49152", 1))
		},
		Builtin: func(context.Context) ([]session.Configured, error) { return nil, errors.New("no playground here") },
	})
	if err != nil {
		t.Fatal(err)
	}
	o.manager = m
	t.Cleanup(func() {
		o.browser.Wait()
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		tr.CloseIdle()
		web.CloseIdleConnections()
		o.net.Close()
	})
	return o
}

// open is the user at the browser.
func (o *office) open(address string) error {
	o.browser.Go(func() {
		b := playgroundtest.NewBrowser(o.client.Transport, "ann@acme.example")
		page := &playgroundtest.Page{}
		back, err := b.SignIn(context.Background(), address)
		if err == nil {
			page, err = b.Open(context.Background(), back.String())
		}
		if err == nil && page.Target != nil {
			_, err = b.Open(context.Background(), page.Target.String())
		}
		if err != nil {
			o.t.Errorf("the browser did not get back to the app: %v", err)
		}
	})
	return nil
}

// serve starts the company's servers, at which the administrator has registered
// the app: with a key, if there is one, else with the pairs.
func (o *office) serve(company org, publicKey string) {
	o.t.Helper()
	client := playground.Client{
		ID: acmeApp, RedirectURIs: []string{registeredURI}, Secret: secret.New(acmePair),
		Connections: []playground.ResourceConnection{
			{Resource: playground.API, ClientID: todoApp, Secret: secret.New(todoPair)},
			{Resource: playground.MCP, ClientID: mcpApp, Secret: secret.New(todoPair)},
		},
	}
	if company.keyed {
		client.Secret, client.JWKS = secret.Text{}, []byte(`{"keys":[`+publicKey+`]}`)
	}
	p, err := playground.New(playground.Options{GenerateKey: playgroundtest.Key, Todos: company.todos, Clients: []playground.Client{client}}, company.origins)
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() {
		if err := p.Close(); err != nil {
			o.t.Error(err)
		}
	})
	for role, origin := range map[playground.Role]string{playground.IdP: company.origins.IdP, playground.AuthorizationServer: company.origins.AuthorizationServer,
		playground.API: company.origins.API, playground.MCP: company.origins.MCP} {
		u, _ := url.Parse(origin)
		handler := p.Handler(role)
		if role == playground.IdP {
			handler = o.watched(company, handler)
		}
		o.net.Serve(u.Host, handler)
	}
}

// watched keeps the token requests, and has the identity provider do what its maker
// does differently.
func (o *office) watched(company org, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/token") {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		form, bad := url.ParseQuery(string(body))
		if err != nil || bad != nil {
			o.t.Errorf("%v %v", err, bad)
		}
		o.mu.Lock()
		o.sent = append(o.sent, form)
		o.mu.Unlock()
		changed, _ := url.ParseQuery(string(body))
		if company.atIdP != nil {
			if refusal := company.atIdP(changed); refusal != "" {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusBadRequest)
				_, _ = fmt.Fprintf(w, `{"error":%q}`, refusal)
				return
			}
		}
		r.Body = io.NopCloser(strings.NewReader(changed.Encode()))
		r.ContentLength = int64(len(changed.Encode()))
		next.ServeHTTP(w, r)
	})
}

// filled is the preset with what the user was given, and nothing else.
func filled(t *testing.T, p connection.Preset, given map[connection.Field]string) (c connection.Connection, cred connection.Credentials) {
	t.Helper()
	c = p.Connection
	for _, f := range p.Ask {
		value := given[f]
		switch {
		case f == connection.FieldIdPKey: // the app makes it
		case value == "" && !slices.Contains(p.Empty, f):
			t.Fatalf("%s asks for %s, which nobody was given", p.ID, f)
		case f == connection.FieldIdPSecret:
			cred.IdP = secret.New(value)
		case f == connection.FieldSecret:
			cred.Resource = secret.New(value)
		case value != "":
			var err error
			if c, err = c.With(f, value); err != nil {
				t.Fatal(err)
			}
		}
	}
	return c, cred
}

// Every preset, filled in with what an administrator tells, ends with to-dos. Those
// of xaa.dev and of the built-in playground have tests of their own.
func TestEveryPresetEndsWithToDos(t *testing.T) {
	companies := orgs()
	elsewhere := []string{connection.PlaygroundName, connection.PlaygroundMCPName, "xaa-dev", "xaa-dev-mcp"}
	for _, p := range connection.Presets() {
		company, here := companies[p.ID]
		if here == slices.Contains(elsewhere, p.ID) {
			t.Errorf("the preset %s is tried nowhere, or twice", p.ID)
		}
		if !here {
			continue
		}
		t.Run(p.ID, func(t *testing.T) {
			company.todos = 7
			o := newOffice(t)
			c, cred := filled(t, p, company.given)
			if company.keyed {
				o.connectWithKey(company, c, cred)
			} else {
				o.serve(company, "")
				o.connect(p, c, cred)
			}
			o.checkSent(company)
		})
	}
}

// connectWithKey is the way of private_key_jwt: the key is made by the app once the
// connection is there, and its public half is registered by the administrator.
func (o *office) connectWithKey(company org, c connection.Connection, cred connection.Credentials) {
	o.t.Helper()
	if err := o.manager.AddConnection(o.t.Context(), c, cred); err != nil {
		o.t.Fatal(err)
	}
	public, err := o.manager.ClientKey(o.t.Context(), c.Name, session.KeyRequest{At: session.AtIdP})
	if err != nil {
		o.t.Fatal(err)
	}
	if strings.Contains(string(public), `"d"`) {
		o.t.Fatal("the private key is shown")
	}
	o.serve(company, string(public))
	o.reach(c.Name)
}

func (o *office) connect(p connection.Preset, c connection.Connection, cred connection.Credentials) {
	o.t.Helper()
	if p.ByAddress {
		c.Name, c.Title = "", ""
		found, err := o.manager.Discover(o.t.Context(), auth.Query{Address: c.Resource.URL, Given: c}, func(auth.Place) {})
		if err != nil {
			o.t.Fatal(err)
		}
		if len(found.Missing) > 0 {
			o.t.Fatalf("still missing: %v", found.Missing)
		}
		c = found.Connection
	}
	if err := o.manager.AddConnection(o.t.Context(), c, cred); err != nil {
		o.t.Fatal(err)
	}
	o.reach(c.Name)
}

// reach signs in, lists the to-dos, and sends one where the scopes allow it.
func (o *office) reach(name string) {
	o.t.Helper()
	s, err := o.manager.BeginSignIn(o.t.Context(), name, session.SignInRequest{})
	if err == nil {
		err = s.Wait(o.t.Context())
	}
	if err == nil {
		err = o.manager.Sync(o.t.Context())
	}
	if err != nil {
		o.t.Fatalf("%v (%v)", err, errors.Unwrap(err))
	}
	local := o.manager.Replica()
	if got := len(local.Snapshot().Rows); got != 7 {
		o.t.Errorf("%d to-dos", got)
	}
	trace, err := o.manager.Trace(o.t.Context())
	if err != nil {
		o.t.Fatal(err)
	}
	for _, step := range []session.TraceStep{trace.Exchange, trace.Redeem, trace.Call} {
		if !step.Ran || step.Fault != nil {
			o.t.Errorf("%+v: %v", step, step.Fault)
		}
	}
	if !slices.Contains(trace.Access.Usable(), "todos.write") {
		return
	}
	if _, err := local.Add(o.t.Context(), todo.Todo{Title: "sent by " + name}); err != nil {
		o.t.Error(err)
	}
	if err := o.manager.Sync(o.t.Context()); err != nil || local.Snapshot().Status.Waiting != 0 {
		o.t.Errorf("%v: %+v", err, local.Snapshot().Status)
	}
}

// checkSent looks at what the identity provider was sent.
func (o *office) checkSent(company org) {
	o.t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	exchanges := 0
	for _, form := range o.sent {
		if company.keyed != (form.Get("client_assertion") != "") || company.keyed && form.Has("client_secret") {
			o.t.Errorf("%s: the client has a key: %v, and sent %d characters of an assertion", form.Get("grant_type"), company.keyed, len(form.Get("client_assertion")))
		}
		if form.Get("grant_type") != tokenExchange {
			continue
		}
		exchanges++
		want := company.origins.AuthorizationServer
		if given := company.given[connection.FieldAudience]; given != "" {
			want = given
		}
		if form.Get("audience") != want {
			o.t.Errorf("the audience was %q and not %q", form.Get("audience"), want)
		}
	}
	if exchanges == 0 {
		o.t.Error("nothing was exchanged")
	}
}
