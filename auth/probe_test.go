package auth

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"waybill/connection"
	"waybill/fault"
	"waybill/secret"
)

// probes are the options of the world's session, which w.saved tells of.
func (w *world) probes() ProbeOptions {
	return ProbeOptions{
		Transport: w.transport, Plan: w.plan, Patience: time.Hour,
		Exclude: func(context.Context) (*Session, func(), error) { return w.session, func() {}, nil },
		Save: func(_ context.Context, s *Session) error {
			w.saved, w.session = append(w.saved, *s), s
			return w.saveErr
		},
		Subject: func(s *Session) Subject { return RefreshTokenSubject(s.Refresh) },
	}
}

func (w *world) probe(t *testing.T, id string) ProbeOutcome {
	t.Helper()
	all := Probes()
	i := slices.IndexFunc(all, func(p Probe) bool { return p.ID == id })
	if i < 0 {
		t.Fatalf("there is no probe %q", id)
	}
	out := RunProbe(t.Context(), w.probes(), all[i])
	if out.Says == "" || !strings.HasSuffix(out.Says, ".") || strings.Contains(out.Says+out.Server, "canary") {
		t.Errorf("%s says %q", id, out.Says)
	}
	return out
}

func TestEachProbeIsSaidInFull(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range Probes() {
		if p.ID == "" || seen[p.ID] || p.send == nil || p.At != fault.StepExchange && p.At != fault.StepJWTBearer {
			t.Errorf("%+v", p)
		}
		seen[p.ID] = true
		for name, text := range map[string]string{"title": p.Title + ".", "sends": p.Sends, "causes": p.Causes, "demands": p.Demands} {
			if len(text) < 10 || !strings.HasSuffix(text, ".") || strings.ToUpper(text[:1]) != text[:1] {
				t.Errorf("%s: the %s is %q", p.ID, name, text)
			}
		}
		if !strings.Contains(p.Section, "section") && p.ID != "replay" {
			t.Errorf("%s: %q names no section", p.ID, p.Section)
		}
	}
}

// A server that looks at nothing takes each probe, and no token of theirs goes
// anywhere. The world looks afterwards whom each token and secret has reached.
func TestAServerThatChecksNothingTakesEachProbe(t *testing.T) {
	for _, dpop := range []bool{false, true} {
		inWorld(t, func(t *testing.T, w *world) {
			w.plan.Connection.DPoP = dpop
			for _, p := range Probes() {
				want := ProbeAccepted
				switch {
				case p.ID == "id-token": // of its own, since it shows the ID token
					continue
				case p.DPoP && !dpop, p.ID == "exchange-no-scope", p.ID == "grant-no-scope", p.ID == "grant-other-resource":
					continue // these need more than a server that takes everything
				}
				before := w.as.tokens() + w.idp.tokens()
				out := w.probe(t, p.ID)
				if out.Verdict != want || out.Status != http.StatusOK || out.IDJAG == "" {
					t.Errorf("dpop %t, %s: %+v", dpop, p.ID, out)
				}
				if n := w.as.tokens() + w.idp.tokens() - before; n > 3 {
					t.Errorf("%s made %d requests", p.ID, n)
				}
			}
			if w.api.tokens() != 0 || len(w.api.seen) != 0 {
				t.Error("the resource was asked")
			}
		})
	}
}

// The identity provider's client id goes with this server's own secret, and the
// own id with a secret that is made up; the world looks for the other pair's.
func TestTheOtherPairsSecretIsNotDisclosed(t *testing.T) {
	for _, method := range []connection.AuthMethod{connection.ClientSecretBasic, connection.ClientSecretPost, connection.PrivateKeyJWT} {
		inWorld(t, func(t *testing.T, w *world) {
			key, err := NewClientKey("")
			if err != nil {
				t.Fatal(err)
			}
			w.plan.Connection.Resource.AuthMethod, w.plan.Credentials.ResourceKey = method, key
			client := func() (id, proof string) {
				form := w.as.form()
				w.as.mu.Lock()
				defer w.as.mu.Unlock()
				r := http.Request{Header: http.Header{"Authorization": {w.as.auth[len(w.as.auth)-1]}}}
				if user, password, ok := r.BasicAuth(); ok {
					return user, password
				}
				if raw := form.Get("client_assertion"); raw != "" {
					parts, _ := takeApart(secret.New(raw))
					id, _ := claims(parts.payload).text("sub")
					known, why := parseKey(key)
					if why != "" {
						t.Fatal(why)
					}
					if string(parts.header["kid"]) != `"`+known.KeyID+`"` {
						t.Errorf("the key is called %s", parts.header["kid"])
					}
					return id, map[bool]string{true: "own key", false: "other key"}[verifiedBy(raw, known)]
				}
				return form.Get("client_id"), form.Get("client_secret")
			}
			own := map[bool]string{true: "own key", false: canary("res-secret")}[method == connection.PrivateKeyJWT]
			w.probe(t, "other-client")
			if id, proof := client(); id != idpID || proof != own {
				t.Errorf("%s: the other client is %q with %q", method, id, proof)
			}
			w.probe(t, "wrong-secret")
			if id, proof := client(); id != resID || proof == own || proof == "" {
				t.Errorf("%s: a wrong secret is %q with %q", method, id, proof)
			}
			w.probe(t, "no-client-auth")
			if id, proof := client(); id != resID || proof != "" {
				t.Errorf("%s: no authentication is %q with %q", method, id, proof)
			}
		})
	}
}

// What cannot be tried says why, and sends nothing to the authorization server.
func TestAProbeThatDoesNotFitIsSkipped(t *testing.T) {
	for id, change := range map[string]func(*Plan){
		"no-client-auth": func(p *Plan) { p.Connection.Resource.AuthMethod = connection.AuthNone },
		"wrong-secret":   func(p *Plan) { p.Connection.Resource.AuthMethod = connection.AuthNone },
		"other-client":   func(p *Plan) { p.Connection.IdP.ClientID = resID },
		"no-proof":       func(*Plan) {},
		"id-token":       nil,
		"exchange-audience-slash": func(p *Plan) {
			p.Audience += "/"
		},
	} {
		inWorld(t, func(t *testing.T, w *world) {
			if change == nil {
				w.session.IDToken, w.session.Refresh = IDToken{}, RefreshToken{}
				change = func(*Plan) {}
			}
			change(w.plan)
			out := w.probe(t, id)
			if !out.Skipped || out.Verdict != ProbeUnknown || w.as.tokens() != 0 {
				t.Errorf("%s: %+v after %d requests", id, out, w.as.tokens())
			}
		})
	}
}

// Only an answer that says no to what is wrong with the request is a refusal.
func TestOnlyARefusalOfWhatIsWrongIsARefusal(t *testing.T) {
	text := func(s string) *string { return &s }
	for name, c := range map[string]struct {
		answer func(*party)
		id     string
		want   ProbeVerdict
		says   string
		pause  time.Duration
	}{
		"the code it should be":         {func(p *party) { p.status, p.body = 400, text(`{"error":"invalid_grant"}`) }, "signature", ProbeRefused, "It was refused (invalid_grant).", 0},
		"another code":                  {func(p *party) { p.status, p.body = 400, text(`{"error":"invalid_request"}`) }, "signature", ProbeRefused, "where the specifications name invalid_grant", 0},
		"refused with status 200":       {func(p *party) { p.body = text(`{"error":"invalid_grant"}`) }, "signature", ProbeRefused, "invalid_grant", 0},
		"no code, 400":                  {func(p *party) { p.status, p.body = 400, text(``) }, "signature", ProbeRefused, "without an error code", 0},
		"no code, 403":                  {func(p *party) { p.status, p.body = 403, text(`forbidden`) }, "signature", ProbeUnknown, "in front of the server", 0},
		"the client is refused":         {func(p *party) { p.status, p.body = 401, text(`{"error":"invalid_client"}`) }, "signature", ProbeUnknown, "locked the client", 0},
		"the client should be":          {func(p *party) { p.status, p.body = 401, text(`{"error":"invalid_client"}`) }, "wrong-secret", ProbeRefused, "It was refused (invalid_client).", 0},
		"the client, without a code":    {func(p *party) { p.status, p.body = 401, text(``) }, "wrong-secret", ProbeRefused, "without an error code", 0},
		"the server is broken":          {func(p *party) { p.status, p.body = 500, text(`{"error":"invalid_grant"}`) }, "signature", ProbeUnknown, "did not decide", 0},
		"the server is busy":            {func(p *party) { p.status, p.body = 503, text(``); p.header = http.Header{"Retry-After": {"7"}} }, "signature", ProbeUnknown, "did not decide", 7 * time.Second},
		"too many requests":             {func(p *party) { p.status, p.body = 429, text(`{"error":"invalid_grant"}`) }, "signature", ProbeUnknown, "did not decide", 10 * time.Second},
		"too many, and how long":        {func(p *party) { p.status, p.body = 429, text(``); p.header = http.Header{"Retry-After": {"90"}} }, "signature", ProbeUnknown, "did not decide", 90 * time.Second},
		"temporarily unavailable":       {func(p *party) { p.status, p.body = 400, text(`{"error":"temporarily_unavailable"}`) }, "signature", ProbeUnknown, "did not decide", 0},
		"a page":                        {func(p *party) { p.body = text(`<p>`); p.header = http.Header{"Content-Type": {"text/html"}} }, "signature", ProbeUnknown, "No answer came that would tell", 0},
		"no token":                      {func(p *party) { p.body = text(`{"token_type":"Bearer"}`) }, "signature", ProbeUnknown, "No answer came that would tell", 0},
		"a redirect":                    {func(p *party) { p.status = 302; p.header = http.Header{"Location": {"https://as.example/"}} }, "signature", ProbeUnknown, "No answer came that would tell", 0},
		"refused at the first time":     {func(p *party) { p.status, p.body = 400, text(`{"error":"invalid_grant"}`) }, "replay", ProbeUnknown, "at the first time already", 0},
		"a token, and nothing is right": {func(*party) {}, "signature", ProbeAccepted, "an access token was issued", 0},
	} {
		inWorld(t, func(t *testing.T, w *world) {
			w.as.set(c.answer)
			out := w.probe(t, c.id)
			if out.Verdict != c.want || !strings.Contains(out.Says, c.says) || out.Pause != c.pause {
				t.Errorf("%s: %v %q, pause %v", name, out.Verdict, out.Says, out.Pause)
			}
			if c.pause > 0 && out.PausedBy != fault.StepJWTBearer {
				t.Errorf("%s: the pause is asked for by %q", name, out.PausedBy)
			}
		})
	}
}

// At the grant more than the ID-JAG carries is judged by what was granted.
func TestScopesAreJudgedByWhatIsGranted(t *testing.T) {
	key := newSigningKey(jose.ES256, "two")
	token := func(scope any) string {
		return key.token(map[string]any{"scope": scope, "aud": "https://api.example"}, map[string]any{"typ": "at+jwt"})
	}
	for name, c := range map[string]struct {
		id      string
		changes map[string]any // of the answer; the ID-JAG carries todos.read
		want    ProbeVerdict
	}{
		"more, says the answer":          {"grant-wider-scope", map[string]any{"scope": "todos.read todos.write"}, ProbeAccepted},
		"less, says the answer":          {"grant-wider-scope", map[string]any{"scope": "todos.read"}, ProbeRefused},
		"less, more says the token":      {"grant-wider-scope", map[string]any{"scope": "todos.read", "access_token": token("todos.read todos.write")}, ProbeAccepted},
		"more, less says the token":      {"grant-wider-scope", map[string]any{"scope": "todos.read todos.write", "access_token": token("todos.read")}, ProbeRefused},
		"a list in the token":            {"grant-wider-scope", map[string]any{"scope": nil, "access_token": token([]string{"todos.read", "todos.write"})}, ProbeAccepted},
		"nobody says":                    {"grant-wider-scope", map[string]any{"scope": nil}, ProbeAccepted},
		"nothing asked, nobody says":     {"grant-no-scope", map[string]any{"scope": nil}, ProbeUnknown},
		"nothing asked, nothing granted": {"grant-no-scope", map[string]any{"scope": ""}, ProbeRefused},
		"nothing asked, the ID-JAG's":    {"grant-no-scope", map[string]any{"scope": "todos.read"}, ProbeRefused},
		"nothing asked, more":            {"grant-no-scope", map[string]any{"scope": "todos.read todos.admin"}, ProbeAccepted},
		"another resource":               {"grant-other-resource", map[string]any{"resource": foreignPlace}, ProbeAccepted},
		"the own resource":               {"grant-other-resource", map[string]any{"resource": "https://api.example"}, ProbeRefused},
		"the own resource, by the token": {"grant-other-resource", map[string]any{"access_token": token("x")}, ProbeRefused},
		"nobody says for which resource": {"grant-other-resource", nil, ProbeUnknown},
	} {
		inWorld(t, func(t *testing.T, w *world) {
			w.as.set(func(p *party) { p.changes = c.changes })
			if out := w.probe(t, c.id); out.Verdict != c.want {
				t.Errorf("%s: %v %q", name, out.Verdict, out.Says)
			}
			if asked := w.idp.form().Get("scope"); strings.HasPrefix(c.id, "grant-") && c.id != "grant-other-resource" && asked != "todos.read" {
				t.Errorf("%s: the ID-JAG was asked for with %q", name, asked)
			}
			if c.id == "grant-no-scope" && w.as.form().Has("scope") {
				t.Errorf("%s: a scope was sent", name)
			}
		})
	}
}

// verifiedBy reports whether a client assertion is signed by the client's key.
func verifiedBy(raw string, key *jose.JSONWebKey) bool {
	signed, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return false
	}
	_, err = signed.Verify(key.Public())
	return err == nil
}

func TestTheExchangeIsJudgedByTheIDJAG(t *testing.T) {
	for name, c := range map[string]struct {
		id   string
		jag  map[string]any // changes of its claims
		want ProbeVerdict
	}{
		"no scope, none":             {"exchange-no-scope", map[string]any{"scope": nil}, ProbeRefused},
		"no scope, the usual":        {"exchange-no-scope", map[string]any{"scope": "todos.read"}, ProbeRefused},
		"no scope, more by policy":   {"exchange-no-scope", map[string]any{"scope": "todos.admin"}, ProbeRefused}, // also by name
		"wider, left out":            {"exchange-wider-scope", map[string]any{"scope": "todos.read"}, ProbeRefused},
		"wider, not said":            {"exchange-wider-scope", map[string]any{"scope": nil}, ProbeUnknown},
		"slash, for the issuer":      {"exchange-audience-slash", map[string]any{"aud": "https://as.example"}, ProbeRefused},
		"slash, for somebody else":   {"exchange-audience-slash", map[string]any{"aud": "https://other.example"}, ProbeUnknown},
		"slash, for both":            {"exchange-audience-slash", map[string]any{"aud": []string{"https://as.example", "https://as.example/"}}, ProbeAccepted},
		"resource, for the usual":    {"exchange-other-resource", map[string]any{"resource": "https://api.example"}, ProbeRefused},
		"resource, not said":         {"exchange-other-resource", map[string]any{"resource": nil}, ProbeUnknown},
		"grant, and no scope is in":  {"grant-wider-scope", map[string]any{"scope": nil}, ProbeUnknown},
		"grant, of a wrong audience": {"signature", map[string]any{"aud": "https://other.example"}, ProbeUnknown},
	} {
		inWorld(t, func(t *testing.T, w *world) {
			w.idp.set(func(p *party) { p.jag = c.jag })
			out := w.probe(t, c.id)
			if out.Verdict != c.want {
				t.Errorf("%s: %v %q", name, out.Verdict, out.Says)
			}
			if w.as.tokens() != 0 {
				t.Errorf("%s: the authorization server was asked", name)
			}
		})
	}
}

// A probe uses the session as everything else does: what rotates is kept.
func TestR18_AProbeKeepsARotatedRefreshToken(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		next := canary("refresh-next")
		w.idp.set(func(p *party) { p.changes = map[string]any{"refresh_token": next} })
		if out := w.probe(t, "signature"); out.Verdict != ProbeAccepted {
			t.Fatalf("%+v", out)
		}
		if len(w.saved) != 1 || w.saved[0].Refresh.Reveal() != next {
			t.Errorf("%d sessions were saved", len(w.saved))
		}
		w.saveErr = fault.New(fault.StepKeyring, fault.Failed, "not_saved", "It could not be saved.")
		w.idp.set(func(p *party) { p.live, p.changes = next, map[string]any{"refresh_token": canary("refresh-lost")} })
		before := w.as.tokens()
		if out := w.probe(t, "signature"); out.Verdict != ProbeUnknown || !strings.Contains(out.Says, "could not be saved") || w.as.tokens() != before {
			t.Errorf("a token that was not saved was used: %+v", out)
		}
	})
}

// The ID token is shown to the authorization server by this probe and by no other,
// and only one that is still valid says anything.
func TestAnIDTokenIsSentByItsOwnProbeOnly(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.session.IDTokenExpiry = time.Now().Add(30 * time.Second) // about to expire: it is renewed
		if out := w.probe(t, "id-token"); out.Verdict != ProbeAccepted {
			t.Fatalf("%+v", out)
		}
		if sent := w.as.form().Get("assertion"); sent == "" || sent != w.session.IDToken.Reveal() || len(w.saved) != 1 {
			t.Errorf("the assertion is not the ID token, which was renewed %d times", len(w.saved))
		}
		w.idTokens = nil // for the look at the end: that one was asked for
	})
}

// An ID-JAG that has expired is waited for within what was allowed, and the wait
// ends with the context.
func TestAnExpiredIDJAGIsWaitedFor(t *testing.T) {
	// The server's clock is known to the second.
	about := func(d time.Duration) bool { return (d - 300*time.Second - expiryGrace).Abs() <= 2*time.Second }
	inWorld(t, func(t *testing.T, w *world) {
		start := time.Now()
		if out := w.probe(t, "expired"); out.Verdict != ProbeAccepted || !about(time.Since(start)) {
			t.Errorf("after %v: %+v", time.Since(start), out)
		}
		o, before := w.probes(), w.as.tokens()
		o.Patience = time.Minute
		last := Probes()[len(Probes())-1]
		start = time.Now()
		if out := RunProbe(t.Context(), o, last); !out.Skipped || !strings.Contains(out.Says, "have to wait 6m") || time.Since(start) > time.Second {
			t.Errorf("after %v: %+v", time.Since(start), out)
		}
		o.Patience = time.Hour
		ctx, cancel := context.WithCancel(t.Context())
		o.Waiting = func(until time.Time) {
			if !about(time.Until(until)) {
				t.Errorf("it says that it waits %v", time.Until(until))
			}
			time.AfterFunc(time.Minute, cancel)
		}
		start = time.Now()
		if out := RunProbe(ctx, o, last); out.Verdict != ProbeUnknown || time.Since(start) > 61*time.Second {
			t.Errorf("after %v: %+v", time.Since(start), out)
		}
		if w.as.tokens() != before {
			t.Error("the authorization server was asked")
		}
	})
}

func TestTheControlSaysWhyNoProbeIsOfUse(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		if err := ProbeControl(t.Context(), w.probes()); err != nil {
			t.Fatal(err)
		}
		w.as.refuses(401, "invalid_client")
		wantFault(t, ProbeControl(t.Context(), w.probes()), fault.StepJWTBearer, fault.Config, "invalid_client")
		w.idp.refuses(400, "invalid_grant")
		wantFault(t, ProbeControl(t.Context(), w.probes()), fault.StepExchange, fault.SignInNeeded, "invalid_grant")
	})
}

// What a probe changes, and nothing else, is changed.
func TestATamperedIDJAGDiffersInOneThing(t *testing.T) {
	for id, c := range map[string]struct{ header, claim string }{
		"signature": {}, "no-signature": {}, "alg-none": {header: "alg"}, "aud": {claim: "aud"}, "client-id": {claim: "client_id"}, "exp": {claim: "exp"},
	} {
		inWorld(t, func(t *testing.T, w *world) {
			w.probe(t, id)
			was, _ := takeApart(secret.New(w.idJAGs[len(w.idJAGs)-1]))
			raw := w.as.form().Get("assertion")
			cut := strings.TrimSuffix(raw, ".")
			if (cut != raw) != (id == "no-signature" || id == "alg-none") {
				t.Errorf("%s: a signature is there: %t", id, cut == raw)
			}
			if cut != raw {
				raw += "AA" // so that it can be taken apart
			}
			is, ok := takeApart(secret.New(raw))
			if !ok {
				t.Fatalf("%s: %q", id, raw)
			}
			for name := range was.header {
				if same := string(was.header[name]) == string(is.header[name]); same == (name == c.header) {
					t.Errorf("%s: the header's %s is the same: %t", id, name, same)
				}
			}
			for name := range was.payload {
				if same := string(was.payload[name]) == string(is.payload[name]); same == (name == c.claim) {
					t.Errorf("%s: the claim %s is the same: %t", id, name, same)
				}
			}
			if same := string(was.signature) == string(is.signature); same != (c.claim != "") {
				t.Errorf("%s: the signature is the same: %t", id, same)
			}
			if len(was.payload) != len(is.payload) || w.as.form().Get("scope") == "" {
				t.Errorf("%s: %v", id, url.Values(w.as.form()))
			}
		})
	}
}
