package session_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"waybill/auth"
	"waybill/connection"
	"waybill/playground"
	"waybill/secret"
	"waybill/session"
	"waybill/todo"
)

// tableFile names a Markdown file that the table of combinations is written into,
// between tableBegin and tableEnd; make combinations sets it. The one in docs is held against each run.
const (
	tableFile  = "WAYBILL_COMBINATIONS"
	tableInDoc = "../docs/CONNECTIONS.md"
	tableBegin = "<!-- combinations: begin -->\n"
	tableEnd   = "<!-- combinations: end -->"
)

// combination is one way through the whole chain.
type combination struct {
	method  connection.AuthMethod
	subject connection.SubjectKind
	kind    connection.ResourceKind
	dpop    bool
}

func combinations() (all []combination) {
	for _, method := range []connection.AuthMethod{connection.ClientSecretBasic, connection.ClientSecretPost, connection.PrivateKeyJWT, connection.AuthNone} {
		for _, subject := range []connection.SubjectKind{connection.SubjectIDToken, connection.SubjectRefreshToken} {
			for _, kind := range []connection.ResourceKind{connection.REST, connection.MCP} {
				for _, dpop := range []bool{false, true} {
					all = append(all, combination{method, subject, kind, dpop})
				}
			}
		}
	}
	return all
}

func (c combination) name() string {
	name := strings.Join([]string{string(c.method), string(c.subject), string(c.kind)}, "-")
	if c.dpop {
		name += "-dpop"
	}
	return strings.ReplaceAll(name, "_", "-")
}

// registered are clients of the playground beside the demo clients: one with a key
// and one with nothing.
type registered struct{ key secret.Text }

func (r *registered) clients(t *testing.T) []playground.Client {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	jwk := jose.JSONWebKey{Key: key, KeyID: "one"}
	private, err := jwk.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	r.key = secret.New(string(private))
	keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{jwk.Public()}})
	if err != nil {
		t.Fatal(err)
	}
	var out []playground.Client
	for _, text := range []string{
		`{"client_id":"keyed","token_endpoint_auth_method":"private_key_jwt","jwks":` + string(keys) + `}`,
		`{"client_id":"public","token_endpoint_auth_method":"none"}`,
	} {
		c, err := playground.ParseClient([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, c)
	}
	return out
}

// configured is the connection of a combination.
func (r *registered) configured(w *world, c combination) session.Configured {
	e := w.playground.Endpoints()
	demo, address, suffix, scopes := e.Clients.REST, e.API, "-at-todo0", []string{"todos.read", "todos.write"}
	if c.kind == connection.MCP {
		demo, address, suffix, scopes = e.Clients.MCP, e.MCP, "-at-todo0-mcp", append(scopes, "mcp.access")
	}
	out := configured(e, demo, c.name(), c.kind, address, scopes...)
	conn := &out.Connection
	conn.Subject, conn.DPoP, conn.IdP.AuthMethod, conn.Resource.AuthMethod = c.subject, c.dpop, c.method, c.method
	switch c.method {
	case connection.PrivateKeyJWT:
		conn.IdP.ClientID, conn.Resource.ClientID = "keyed", "keyed"+suffix
		out.Credentials = connection.Credentials{IdPKey: r.key, ResourceKey: r.key}
	case connection.AuthNone:
		conn.IdP.ClientID, conn.Resource.ClientID = "public", "public"+suffix
		out.Credentials = connection.Credentials{}
	}
	return out
}

// The whole chain against the playground, over real sockets, under every
// combination of client authentication, subject, resource and DPoP: the sign-in, an
// edit that arrives, and the trace of the three steps. What was sent is judged by
// what arrived.
func TestEveryCombinationReachesTheToDos(t *testing.T) {
	var clients registered
	w, tap := newWiredWorld(t, playground.Options{Clients: clients.clients(t)})
	m := w.open()
	rows := []string{"| client authentication | subject token | resource | DPoP | ID-JAG | access token | to-dos |", "|---|---|---|---|---|---|---|"}
	for _, c := range combinations() {
		t.Run(c.name(), func(t *testing.T) {
			rows = append(rows, c.run(t, w, tap, m, clients.configured(w, c)))
		})
	}
	table := strings.Join(rows, "\n") + "\n"
	t.Logf("%d combinations:\n%s", len(rows)-2, table)
	if len(rows)-2 == len(combinations()) && !t.Failed() {
		checkTable(t, table)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

// checkTable says when the table in docs is not what this run has shown, or writes
// it.
func checkTable(t *testing.T, table string) {
	t.Helper()
	file, write := os.LookupEnv(tableFile)
	if !write {
		file = tableInDoc
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(data), tableBegin)
	was, after, ends := strings.Cut(rest, tableEnd)
	switch {
	case !begins || !ends:
		t.Errorf("%s has no place for the table, %s … %s", file, strings.TrimSpace(tableBegin), tableEnd)
	case was == table:
	case !write:
		t.Errorf("the table in %s is stale: run make combinations", file)
	default:
		if err := os.WriteFile(file, []byte(before+tableBegin+table+tableEnd+after), 0o644); err != nil {
			t.Error(err)
		}
	}
}

func (c combination) run(t *testing.T, w *world, tap *wire, m *session.Manager, configured session.Configured) string {
	w.as(c.name() + "@example.com") // a user, and so a local copy, of its own
	if err := m.Use(configured.Connection, configured.Credentials); err != nil {
		t.Fatal(err)
	}
	s, err := m.BeginSignIn(t.Context(), c.name(), session.SignInRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	local := m.Replica()
	if err := m.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := local.Add(t.Context(), todo.Todo{Title: "made by " + c.name()}); err != nil {
		t.Fatal(err)
	}
	if err := m.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	trace, err := m.Trace(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []session.TraceStep{trace.Exchange, trace.Redeem, trace.Call} {
		if !step.Ran || step.Fault != nil {
			t.Fatalf("%+v: %v", step, step.Fault)
		}
	}
	allHolds(t, trace.Run, c.dpop)
	shown := local.Snapshot()
	if len(shown.Rows) < 2 || trace.Todos != len(shown.Rows) || shown.Status.Waiting != 0 {
		t.Errorf("%d to-dos are here and %d there: %+v", len(shown.Rows), trace.Todos, shown.Status)
	}
	c.checkWire(t, tap)
	if trace.Subject.Kind() != c.subject || trace.Access.Bound() != c.dpop || (trace.Grant.Claims.Confirmation != nil) != c.dpop {
		t.Errorf("the trace says subject %q, bound %v, cnf %v", trace.Subject.Kind(), trace.Access.Bound(), trace.Grant.Claims.Confirmation)
	}
	return c.row(trace)
}

// checkWire looks at everything that arrived for this combination.
func (c combination) checkWire(t *testing.T, tap *wire) {
	t.Helper()
	exchanges := 0
	idp, server := tap.tokens(playground.IdP), tap.tokens(playground.AuthorizationServer)
	if len(idp) < 3 || len(server) < 2 {
		t.Errorf("%d and %d token requests", len(idp), len(server))
	}
	for _, s := range append(idp, server...) {
		if got := s.clientAuth(); got != c.method {
			t.Errorf("%s: the client authenticated with %q", s.form.Get("grant_type"), got)
		}
		if c.dpop != (len(s.header.Values("DPoP")) == 1) {
			t.Errorf("%s: %d proofs", s.form.Get("grant_type"), len(s.header.Values("DPoP")))
		}
		if kind := s.form.Get("subject_token_type"); kind != "" {
			exchanges++
			if !strings.HasSuffix(kind, ":"+string(c.subject)) {
				t.Errorf("the subject was a %s", kind)
			}
		}
	}
	if exchanges < 2 {
		t.Errorf("%d exchanges", exchanges)
	}
	scheme, calls := "Bearer ", 0
	if c.dpop {
		scheme = "DPoP "
	}
	role := map[connection.ResourceKind]playground.Role{connection.REST: playground.API, connection.MCP: playground.MCP}[c.kind]
	for _, s := range tap.take(role) {
		if strings.HasPrefix(s.path, "/.well-known/") {
			continue
		}
		calls++
		if !strings.HasPrefix(s.header.Get("Authorization"), scheme) || c.dpop != (len(s.header.Values("DPoP")) == 1) {
			t.Errorf("%s %s was called under %.7q with %d proofs", s.method, s.path, s.header.Get("Authorization"), len(s.header.Values("DPoP")))
		}
	}
	if calls < 3 {
		t.Errorf("%d calls", calls)
	}
}

// clientAuth is how a token request authenticates its client.
func (s sent) clientAuth() connection.AuthMethod {
	switch {
	case strings.HasPrefix(s.header.Get("Authorization"), "Basic "):
		return connection.ClientSecretBasic
	case s.form.Has("client_secret"):
		return connection.ClientSecretPost
	case s.form.Has("client_assertion"):
		return connection.PrivateKeyJWT
	case s.form.Has("client_id"):
		return connection.AuthNone
	}
	return "nothing"
}

func (c combination) row(trace *session.Trace) string {
	on := map[bool]string{true: "on", false: "off"}[c.dpop]
	idjag, token := "not bound", "Bearer"
	if trace.Grant.Claims.Confirmation != nil {
		idjag = "bound (`cnf.jkt`)"
	}
	if trace.Access.Bound() {
		token = "DPoP"
	}
	kind := map[connection.ResourceKind]string{connection.REST: "REST", connection.MCP: "MCP"}[c.kind]
	return fmt.Sprintf("| `%s` | `%s` | %s | %s | %s | %s | %d |", c.method, c.subject, kind, on, idjag, token, trace.Todos)
}

// S71: the same where every server demands nonces: what lacks one is repeated, and
// nothing else is noticed.
func TestS71_TheChainWorksWithNonces(t *testing.T) {
	var clients registered
	w, tap := newWiredWorld(t, playground.Options{Clients: clients.clients(t), DPoP: playground.DPoPRequired, DPoPNonce: true})
	m := w.open()
	for _, c := range combinations() {
		if !c.dpop || c.method == connection.ClientSecretPost || c.method == connection.ClientSecretBasic {
			continue
		}
		t.Run(c.name(), func(t *testing.T) { c.run(t, w, tap, m, clients.configured(w, c)) })
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

// S71: the key survives the process that made it, and stays sealed: no file of the
// folder holds it.
func TestS71_TheKeyIsKeptForTheNextProcess(t *testing.T) {
	var clients registered
	w, tap := newWiredWorld(t, playground.Options{Clients: clients.clients(t)})
	c := combination{connection.AuthNone, connection.SubjectRefreshToken, connection.REST, true}
	add := func(m *session.Manager) {
		k := clients.configured(w, c)
		if err := m.AddConnection(t.Context(), k.Connection, k.Credentials); err != nil {
			t.Fatal(err)
		}
	}
	m := w.open()
	add(m)
	w.signIn(m, c.name())
	w.close(m)
	before := proofKeys(t, tap.tokens(playground.IdP))
	m = w.open()
	w.sync(m)
	w.close(m)
	after := proofKeys(t, tap.tokens(playground.IdP))
	if len(before) != 1 || len(after) != 1 || before[0] != after[0] {
		t.Errorf("the keys were %v, then %v", before, after)
	}
	m = w.open()
	w.signIn(m, c.name())
	w.close(m)
	// The account that was kept may have synced once more before the sign-in.
	if next := proofKeys(t, tap.tokens(playground.IdP)); len(next) == 0 || next[len(next)-1] == before[0] {
		t.Errorf("a new sign-in has the key %v, as before", next)
	}
	noFileHolds(t, w.dir, `"kty"`, `"d":`)
}

// proofKeys are the public keys of the proofs, each once.
func proofKeys(t *testing.T, requests []sent) (keys []string) {
	t.Helper()
	for _, s := range requests {
		parsed, err := jose.ParseSignedCompact(s.header.Get("DPoP"), []jose.SignatureAlgorithm{jose.SignatureAlgorithm(auth.ProofAlg)})
		if err != nil {
			t.Fatal(err)
		}
		jwk, err := parsed.Signatures[0].Header.JSONWebKey.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if len(keys) == 0 || keys[len(keys)-1] != string(jwk) {
			keys = append(keys, string(jwk))
		}
	}
	return keys
}
