package auth

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"waybill/connection"
	"waybill/fault"
	"waybill/secret"
)

func TestTheExchangeSendsWhatTheStandardsAsk(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		for kind, subject := range map[string]Subject{
			typeIDToken: IDTokenSubject(w.session.IDToken), typeRefreshToken: RefreshTokenSubject(w.session.Refresh),
		} {
			g, err := ExchangeIDJAG(t.Context(), w.transport, w.plan, subject)
			if err != nil {
				t.Fatal(err)
			}
			f := w.idp.form()
			for name, want := range map[string]string{
				"grant_type":           "urn:ietf:params:oauth:grant-type:token-exchange",
				"requested_token_type": "urn:ietf:params:oauth:token-type:id-jag",
				"subject_token_type":   kind,
				"subject_token":        subject.token.Reveal(),
				"audience":             "https://as.example",
				"resource":             "https://api.example",
				"scope":                "todos.read todos.write",
				"client_id":            "", // basic: in the header
			} {
				if f.Get(name) != want || len(f[name]) > 1 {
					t.Errorf("%s: %q, want %q", name, f[name], want)
				}
			}
			if len(f) != 7 {
				t.Errorf("more was sent than asked for: %v", f)
			}
			if g.Claims.Issuer != "https://idp.example" || len(g.Scopes) != 2 || (g.life-300*time.Second).Abs() > time.Second {
				t.Errorf("grant: %+v", g)
			}
		}
	})
}

func TestTheGrantIsRedeemedWithItsScope(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		g, a, err := w.exchangeAndRedeem(t)
		if err != nil {
			t.Fatal(err)
		}
		f := w.as.form()
		if f.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" || f.Get("assertion") != g.Token.Reveal() || f.Get("scope") != "todos.read todos.write" || len(f) != 3 {
			t.Errorf("sent %v", f)
		}
		equal(t, "granted", a.Granted, []string{"todos.read", "todos.write"})
		if a.left() != 2*time.Hour || a.Token.Reveal() != canary("access-1") {
			t.Errorf("access: %v left", a.left())
		}
	})
}

func TestS62_AnotherIssuedTokenTypeIsRefused(t *testing.T) {
	for name, value := range map[string]any{
		"missing": nil, "access token": "urn:ietf:params:oauth:token-type:access_token", "jwt": "urn:ietf:params:oauth:token-type:jwt",
		"underscore": "urn:ietf:params:oauth:token-type:id_jag", "upper case": strings.ToUpper(typeIDJAG), "garbage": "x", "empty": "",
		"array": []string{typeIDJAG}, "number": 1,
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.idp.changes = map[string]any{"issued_token_type": value}
				_, _, err := w.exchangeAndRedeem(t)
				wantFault(t, err, fault.StepExchange, fault.Hostile, "bad_token_answer")
				if w.as.tokens() != 0 {
					t.Error("it was redeemed")
				}
			})
		})
	}
}

func TestS63_AnIDJAGIsNoBearerToken(t *testing.T) {
	for value, ok := range map[any]bool{"N_A": true, "n_a": true, "Bearer": false, "DPoP": false, "": false, nil: false, 1: false} {
		t.Run(fmt.Sprint(value), func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.idp.changes = map[string]any{"token_type": value}
				_, _, err := w.exchangeAndRedeem(t)
				if ok && err != nil {
					t.Fatal(err)
				}
				if !ok {
					wantFault(t, err, fault.StepExchange, fault.Hostile, "bad_token_answer")
				}
			})
		})
	}
}

// S64, S67: an ID-JAG that is meant for someone else is not sent on; an access
// token in its place is none.
func TestS64S67_AnIDJAGForSomeoneElseIsNotSent(t *testing.T) {
	at := func(d time.Duration) int64 { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Add(d).Unix() }
	cases := map[string]struct {
		claims, header, answer map[string]any
		says                   string
	}{
		"typ access token":    {header: map[string]any{"typ": "at+jwt"}, says: "of the type"},
		"typ JWT":             {header: map[string]any{"typ": "JWT"}, says: "of the type"},
		"typ missing":         {header: map[string]any{"typ": nil}, says: "of the type"},
		"aud other":           {claims: map[string]any{"aud": "https://evil.example"}, says: "meant for https://evil.example"},
		"aud slash":           {claims: map[string]any{"aud": "https://as.example/"}, says: "differ only by a final slash"},
		"aud of two":          {claims: map[string]any{"aud": []string{"https://as.example", "https://evil.example"}}, says: "2 servers"},
		"aud missing":         {claims: map[string]any{"aud": nil}, says: "meant for nobody"},
		"aud empty array":     {claims: map[string]any{"aud": []string{}}, says: "meant for nobody"},
		"aud number":          {claims: map[string]any{"aud": 7}, says: "meant for nobody"},
		"client other":        {claims: map[string]any{"client_id": idpID}, says: `client "` + idpID + `"`},
		"client missing":      {claims: map[string]any{"client_id": nil}, says: `client ""`},
		"expired":             {claims: map[string]any{"exp": at(-time.Minute)}, says: "expired"},
		"exp missing":         {claims: map[string]any{"exp": nil}, says: "expired"},
		"exp string":          {claims: map[string]any{"exp": "4102444800"}, says: "expired"},
		"two hours":           {claims: map[string]any{"exp": at(2 * time.Hour)}, says: "more than an hour"},
		"two hours, no iat":   {claims: map[string]any{"exp": at(2 * time.Hour), "iat": nil}, says: "more than an hour"},
		"year 9999":           {claims: map[string]any{"exp": int64(253402300799)}, says: "expired"},
		"iss other":           {claims: map[string]any{"iss": "https://evil.example"}, says: "issued by https://evil.example"},
		"iss missing":         {claims: map[string]any{"iss": nil}, says: "issued by nobody"},
		"resource other":      {claims: map[string]any{"resource": "https://evil.example"}, says: "for the resource https://evil.example"},
		"resource slash":      {claims: map[string]any{"resource": "https://api.example/"}, says: "final slash"},
		"resource of two":     {claims: map[string]any{"resource": []string{"https://api.example", "https://evil.example"}}, says: "for the resource"},
		"resource number":     {claims: map[string]any{"resource": 7}, says: "for the resource"},
		"no JWT":              {answer: map[string]any{"access_token": "opaque"}, says: "not a signed token"},
		"encrypted":           {answer: map[string]any{"access_token": "a.b.c.d.e"}, says: "not a signed token"},
		"unsigned":            {header: map[string]any{"alg": "none"}, says: "not a signed token"},
		"symmetric":           {header: map[string]any{"alg": "HS256"}, says: "not a signed token"},
		"critical extensions": {header: map[string]any{"crit": []string{"x"}, "x": 1}, says: "not a signed token"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.idp.jag, w.idp.jagTyp, w.idp.changes = c.claims, c.header, c.answer
				g, _, err := w.exchangeAndRedeem(t)
				f := wantFault(t, err, fault.StepExchange, fault.Hostile, "bad_id_jag")
				if !strings.Contains(f.Message, c.says) {
					t.Errorf("%q does not say %q", f.Message, c.says)
				}
				if g == nil {
					t.Fatal("the refused grant cannot be shown")
				}
				if _, err := RedeemIDJAG(t.Context(), w.transport, w.plan, g); err == nil || w.as.tokens() != 0 {
					t.Errorf("it was sent: %v", err)
				}
			})
		})
	}
}

// What an ID-JAG may leave out is "could not tell", and no reason to refuse it.
func TestS64_WhatIsOptionalMayBeMissing(t *testing.T) {
	for name, change := range map[string]map[string]any{
		"resource": {"resource": nil}, "scope": {"scope": nil}, "iat": {"iat": nil}, "jti": {"jti": nil}, "sub": {"sub": nil},
		"aud as array": {"aud": []string{"https://as.example"}}, "resource as array": {"resource": []string{"https://api.example"}},
		"scope as array": {"scope": []string{"todos.read"}}, "scope malformed": {"scope": 7}, "everything": {"resource": nil, "scope": nil, "jti": nil, "iat": nil},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.idp.jag, w.idp.changes = change, map[string]any{"expires_in": nil}
				w.idp.jagTyp = map[string]any{"typ": "application/OAuth-ID-JAG+jwt"}
				if _, _, err := w.exchangeAndRedeem(t); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// A clock of this computer that is wrong is no reason to refuse a good ID-JAG:
// the identity provider's own clock counts.
func TestS64R9_TheIdentityProvidersClockDecides(t *testing.T) {
	for _, off := range []time.Duration{-24 * time.Hour, -5 * time.Minute, 5 * time.Minute, 10 * 365 * 24 * time.Hour} {
		t.Run(off.String(), func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				then := time.Now().Add(off)
				w.idp.header = map[string][]string{"Date": {then.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")}}
				w.idp.jag = map[string]any{"iat": then.Unix(), "exp": then.Unix() + 300}
				g, _, err := w.exchangeAndRedeem(t)
				if err != nil {
					t.Fatal(err)
				}
				if g.life < 298*time.Second || g.life > 301*time.Second {
					t.Errorf("it is thought to live %v", g.life)
				}
			})
		})
	}
}

func TestS65_TheAudienceIsThePinnedIssuer(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.as.set(func(p *party) {
			p.metadata["audience"], p.metadata["token_endpoint"] = "https://evil.example", "https://as.example/token?audience=evil"
		})
		w.api.set(func(p *party) { p.metadata["authorization_servers"] = []string{"https://evil.example"} })
		plan, err := Resolve(t.Context(), w.transport, w.connection(), credentials())
		if err != nil {
			t.Fatal(err)
		}
		if plan.Audience != "https://as.example" || plan.Resource != "https://api.example" {
			t.Errorf("audience %q, resource %q", plan.Audience, plan.Resource)
		}
	})
}

// PingFederate takes the id of its connection for an audience. What comes back
// must be meant for the authorization server all the same.
func TestAnAudienceOfItsOwnIsSentByteForByteAndTheIDJAGIsForTheIssuer(t *testing.T) {
	const id = "conn 7/β~"
	for _, c := range []struct {
		aud string
		ok  bool
	}{{"https://as.example", true}, {id, false}, {"https://as.example/", false}} {
		inWorld(t, func(t *testing.T, w *world) {
			conn := w.connection()
			conn.Resource.Audience = id
			w.idp.set(func(p *party) { p.jag = map[string]any{"aud": c.aud} })
			plan, err := Resolve(t.Context(), w.transport, conn, credentials())
			if err != nil {
				t.Fatal(err)
			}
			g, err := ExchangeIDJAG(t.Context(), w.transport, plan, IDTokenSubject(w.session.IDToken))
			if sent := w.idp.forms[0].Get("audience"); sent != id {
				t.Errorf("the audience %q was sent as %q", id, sent)
			}
			if ok := err == nil; ok != c.ok {
				t.Fatalf("an ID-JAG for %s: %v", c.aud, err)
			}
			if _, err := RedeemIDJAG(t.Context(), w.transport, plan, g); (err == nil) != c.ok || (w.as.count > 0) != c.ok {
				t.Errorf("an ID-JAG for %s: %v, %d requests to the authorization server", c.aud, err, w.as.count)
			}
		})
	}
}

func TestS54_OnlyABearerTokenIsTakenFromTheServer(t *testing.T) {
	for value, ok := range map[any]bool{"Bearer": true, "bearer": true, "BEARER": true, "mac": false, "DPoP": false, "N_A": false, "": false, nil: false, 1: false} {
		t.Run(fmt.Sprint(value), func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.as.changes = map[string]any{"token_type": value}
				_, a, err := w.exchangeAndRedeem(t)
				if ok && err != nil {
					t.Fatal(err)
				}
				if !ok {
					wantFault(t, err, fault.StepJWTBearer, fault.Hostile, "bad_token_answer")
					if a != nil {
						t.Error("a token was handed on")
					}
				}
			})
		})
	}
}

func TestS66_AnEchoedResourceMustBeTheOneAskedFor(t *testing.T) {
	for name, c := range map[string]struct {
		value any
		ok    bool
	}{
		"same": {"https://api.example", true}, "array": {[]string{"https://api.example"}, true}, "missing": {nil, true},
		"other": {"https://evil.example", false}, "slash": {"https://api.example/", false}, "two": {[]string{"https://api.example", "https://b.example"}, false},
		"number": {3, false},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.as.changes = map[string]any{"resource": c.value}
				_, _, err := w.exchangeAndRedeem(t)
				if c.ok && err != nil {
					t.Fatal(err)
				}
				if !c.ok {
					wantFault(t, err, fault.StepJWTBearer, fault.Hostile, "bad_token_answer")
				}
			})
		})
	}
}

func TestS68_ScopesNarrowerBroaderOmittedUnreadable(t *testing.T) {
	asked := []string{"todos.read", "todos.write"}
	for name, c := range map[string]struct {
		value           any
		granted, usable []string
		note, code      string
	}{
		"same":       {value: "todos.read todos.write", granted: asked, usable: asked},
		"order":      {value: "todos.write  todos.read", granted: []string{"todos.write", "todos.read"}, usable: asked},
		"narrower":   {value: "todos.read", granted: []string{"todos.read"}, usable: []string{"todos.read"}},
		"broader":    {value: "todos.read todos.write admin", granted: []string{"todos.read", "todos.write", "admin"}, usable: asked, note: "admin"},
		"array":      {value: []string{"todos.read"}, granted: []string{"todos.read"}, usable: []string{"todos.read"}},
		"omitted":    {value: nil, granted: asked, usable: asked},
		"empty":      {value: "", granted: []string{}, usable: []string{}, code: "empty_grant"},
		"other":      {value: "admin", granted: []string{"admin"}, usable: []string{}, code: "empty_grant", note: "admin"},
		"number":     {value: 7, code: "bad_token_answer"},
		"control":    {value: "a\nb", code: "bad_token_answer"},
		"ten k":      {value: strings.Repeat("a ", 10_000), code: "bad_token_answer"},
		"mixed list": {value: []any{"a", 1}, code: "bad_token_answer"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.as.changes = map[string]any{"scope": c.value}
				_, a, err := w.exchangeAndRedeem(t)
				switch c.code {
				case "":
					if err != nil {
						t.Fatal(err)
					}
				case "empty_grant":
					f := wantFault(t, err, fault.StepJWTBearer, fault.Config, c.code)
					if !strings.Contains(f.Message, "was not called") {
						t.Errorf("%q", f.Message)
					}
				default:
					wantFault(t, err, fault.StepJWTBearer, fault.Hostile, c.code)
					return
				}
				equal(t, "granted", a.Granted, c.granted)
				equal(t, "usable", a.Usable(), c.usable)
				if notes := strings.Join(a.Notes, " "); !strings.Contains(notes, c.note) || c.note == "" && notes != "" {
					t.Errorf("notes: %q", notes)
				}
			})
		})
	}
}

func TestS68_AnEmptyGrantSaysWhoLeftTheScopesOut(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.idp.jag, w.as.changes = map[string]any{"scope": "other"}, map[string]any{"scope": ""}
		_, _, err := w.exchangeAndRedeem(t)
		if f := wantFault(t, err, fault.StepJWTBearer, fault.Config, "empty_grant"); !strings.HasPrefix(f.Remedy, "The identity provider had left them out") {
			t.Errorf("%q", f.Remedy)
		}
	})
}

func TestS69_ARefreshTokenThatNobodyAskedForIsNotKept(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.idp.changes = map[string]any{"refresh_token": canary("refresh-x")}
		w.as.changes = map[string]any{"refresh_token": canary("refresh-y")}
		l := w.ladder()
		w.plan.Connection.Subject = connection.SubjectIDToken
		if _, _, err := l.Token(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(w.saved) != 0 {
			t.Errorf("saved %v", w.saved)
		}
		if notes := w.notes(); len(notes) != 2 || !strings.Contains(notes[0], "not kept") || !strings.Contains(notes[1], "not kept") {
			t.Errorf("notes: %v", notes)
		}
	})
}

func TestTheTypesKeepSubjectsApart(t *testing.T) {
	id := IDTokenSubject(IDToken{secret.New(canary("a"))})
	refresh := RefreshTokenSubject(RefreshToken{secret.New(canary("b"))})
	if id.Kind() != connection.SubjectIDToken || id.tokenType() != typeIDToken || refresh.Kind() != connection.SubjectRefreshToken || refresh.tokenType() != typeRefreshToken {
		t.Error("S72: a subject has the wrong type")
	}
	if text := fmt.Sprintf("%v %+v %#v", id, refresh, id); strings.Contains(text, "canary") {
		t.Errorf("S92: a subject prints its token: %s", text)
	}
}
