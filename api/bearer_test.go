package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"waybill/connection"
	"waybill/fault"
	"waybill/secret"
)

// refusing answers 401 to every token for which good is not true.
func refusing(good func(token string) bool, then http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if good(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")) {
			then(w, r)
			return
		}
		sends(401, jsonType, `{"error":"invalid_token"}`, "WWW-Authenticate", `Bearer error="invalid_token"`)(w, r)
	}
}

func never(string) bool { return false }

func TestR12_ExpiredTokenIsMintedAnewOnceAndTheCallRepeatedOnce(t *testing.T) {
	p := newPeer(t, readWrite, refusing(func(token string) bool { return strings.Contains(token, "000002") }, sends(200, jsonType, "[]")))
	if _, err := p.rest(t).List(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if p.mint.count() != 2 || len(p.requests()) != 2 {
		t.Fatalf("%d tokens, %d requests", p.mint.count(), len(p.requests()))
	}
}

func TestR13_ManyCallsThatMeetAnExpiredTokenShareOneMint(t *testing.T) {
	p := newPeer(t, readWrite, refusing(func(token string) bool { return !strings.Contains(token, "000001") }, sends(200, jsonType, "[]")))
	c := p.rest(t)
	var calls sync.WaitGroup
	errs := make([]error, 200)
	for i := range errs {
		calls.Go(func() { _, errs[i] = c.List(t.Context(), "") })
	}
	calls.Wait()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	if p.mint.count() != 2 {
		t.Fatalf("%d tokens minted, want the expired one and one more", p.mint.count())
	}
}

func TestR14_RefusedForEverIsShownAfterOneRepetition(t *testing.T) {
	p := newPeer(t, readWrite, refusing(never, nil))
	_, err := p.rest(t).List(t.Context(), "")
	f := wantFault(t, err, fault.Denied)
	if f.Status != 401 || f.Code != "invalid_token" || len(p.requests()) != 2 || p.mint.count() != 2 {
		t.Fatalf("status %d, code %s, %d requests, %d tokens", f.Status, f.Code, len(p.requests()), p.mint.count())
	}
}

func TestS73_AThousand401sMintFewTokens(t *testing.T) {
	p := newPeer(t, readWrite, refusing(never, nil))
	c := p.rest(t)
	last := 0
	for i := range 1000 {
		_, err := c.List(t.Context(), "")
		f := wantFault(t, err, fault.Denied)
		if grown := p.mint.count() - last; grown > 1 && i > 0 {
			t.Fatalf("call %d minted %d tokens", i, grown)
		}
		last = p.mint.count()
		if i > backOffAfter && (f.RetryAfter <= 0 || f.RetryAfter > 30) {
			t.Fatalf("call %d says to wait %d seconds", i, f.RetryAfter)
		}
	}
	if want := 1 + backOffAfter; p.mint.count() != want {
		t.Fatalf("%d tokens, want %d", p.mint.count(), want)
	}
	if want := 1000 + backOffAfter; len(p.requests()) != want {
		t.Fatalf("%d requests, want %d", len(p.requests()), want)
	}
}

func TestS73_MintingResumesAfterTheBackOffAndAfterSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mint{scopes: readWrite}
		b := &bearer{tokens: m, root: context.Background()}
		fail := func() (minted bool) {
			used, _, err := b.token(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			token, _, ok, err := b.renew(t.Context(), used)
			if err != nil {
				t.Fatal(err)
			}
			if ok {
				b.refusedAgain(token)
				b.refusedAgain(token) // by a call at the same time
			}
			return ok
		}
		for i := range backOffAfter {
			if !fail() {
				t.Fatalf("no token for refusal %d", i)
			}
		}
		for i, wait := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute} {
			if fail() {
				t.Fatalf("a token during back-off %d", i)
			}
			if got := time.Duration(b.wait()) * time.Second; got != wait {
				t.Fatalf("back-off %d lasts %v, want %v", i, got, wait)
			}
			time.Sleep(wait)
			if !fail() {
				t.Fatalf("no token after back-off %d", i)
			}
		}
		for range 20 {
			time.Sleep(backOffMost)
			if !fail() {
				t.Fatal("the back-off grew beyond its limit")
			}
		}
		b.accepted()
		if b.wait() != -1 || !fail() {
			t.Fatal("a success does not end the back-off")
		}
	})
}

func TestBearer_ATokenThatIsNotReplacedIsNotTriedTwice(t *testing.T) {
	p := newPeer(t, readWrite, refusing(never, nil))
	c := NewREST(Options{Transport: p.client, Tokens: stubborn{}, Resource: connection.Resource{URL: p.URL}})
	defer c.Close()
	_, err := c.List(t.Context(), "")
	wantFault(t, err, fault.Denied)
	if len(p.requests()) != 1 {
		t.Fatalf("%d requests", len(p.requests()))
	}
}

// stubborn always has the same token.
type stubborn struct{}

func (stubborn) Token(context.Context) (secret.Text, []string, error) {
	return secret.New("canary-stubborn-token"), nil, nil
}
func (stubborn) Refused(secret.Text) {}

func TestBearer_TokenThatCannotBeMintedAnewIsTheError(t *testing.T) {
	over := fault.New(fault.StepExchange, fault.SignInNeeded, "invalid_grant", "The session is over.")
	var p *peer
	p = newPeer(t, readWrite, refusing(func(string) bool {
		p.mint.mu.Lock()
		defer p.mint.mu.Unlock()
		p.mint.err = over
		return false
	}, nil))
	if _, err := p.rest(t).List(t.Context(), ""); err != error(over) {
		t.Fatal(err)
	}
}

func TestS79_InsufficientScopeIsShownAtOnce(t *testing.T) {
	for challengeScope, want := range map[string]string{
		"todos.write":                         "The access token lacks the scope todos.write.",
		"todos.read todos.write":              "The access token lacks the scope todos.write.",
		"mcp.access todos.write":              "The access token lacks the scope mcp.access and the scope todos.write.",
		"":                                    "The access token lacks the scope todos.write.",
		"todos.read":                          "The access token lacks the scope todos.write.",
		"evil.scope":                          "The access token lacks a scope that the to-do service asks for.",
		"call +1-900 now":                     "The access token lacks a scope that the to-do service asks for.",
		strings.Repeat("s ", 5000):            "The access token lacks the scope todos.write.",
		"todos.write \u202egnp.exe":           "The access token lacks the scope todos.write.",
		strings.Repeat("x", maxScopeBytes+1):  "The access token lacks the scope todos.write.",
		strings.Repeat("a b c d e f ", 1<<10): "The access token lacks the scope todos.write.",
	} {
		p := newPeer(t, []string{"todos.read"}, sends(403, jsonType, "", "WWW-Authenticate", fmt.Sprintf(`Bearer error="insufficient_scope", scope="%s"`, challengeScope)))
		_, err := p.rest(t).Create(t.Context(), milk, "")
		f := wantFault(t, err, fault.Denied)
		if f.Message != want || len(p.requests()) != 1 || p.mint.count() != 1 {
			t.Errorf("%q: %q after %d requests", challengeScope, f.Message, len(p.requests()))
		}
		if strings.HasPrefix(want, "The access token lacks the") && f.Code != codeScope && len(challengeScope) < 8000 {
			t.Errorf("code %s", f.Code)
		}
	}
}

func TestS70_StepUpOfTheResourceIsHandedOn(t *testing.T) {
	p := newPeer(t, readWrite, sends(401, jsonType, "", "WWW-Authenticate",
		`Bearer error="insufficient_user_authentication", error_description="More recent", max_age="300", acr_values="phr high"`))
	_, err := p.rest(t).List(t.Context(), "")
	f := wantFault(t, err, fault.StepUp)
	if f.Challenge["max_age"] != "300" || f.Challenge["acr_values"] != "phr high" || f.Server != "More recent" {
		t.Fatalf("%v %q", f.Challenge, f.Server)
	}
	if len(p.requests()) != 1 || p.mint.count() != 1 {
		t.Fatal("a token of the same sign-in was tried")
	}
}

func TestS77_HostileChallengesAreIgnored(t *testing.T) {
	for name, header := range map[string]string{
		"1 MB":            `Bearer error="insufficient_scope", scope="` + strings.Repeat("a", 50<<10) + `"`,
		"unterminated":    `Bearer error="insufficient_scope`,
		"1000 challenges": strings.Repeat("Basic x, ", 999) + `Bearer error="insufficient_scope"`,
		"basic":           `Basic realm="please"`,
		"code with text":  `Bearer error="<b>bold</b> text"`,
	} {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t, readWrite, sends(403, jsonType, "", "WWW-Authenticate", header))
			_, err := p.rest(t).List(t.Context(), "")
			if f := wantFault(t, err, fault.Denied); f.Code != "http_403" || f.Server != "" {
				t.Errorf("code %q, server %q", f.Code, f.Server)
			}
			for _, r := range p.requests() {
				if !strings.HasPrefix(r.header.Get("Authorization"), "Bearer ") {
					t.Error("another scheme was answered")
				}
			}
		})
	}
}
