package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"waybill/connection"
	"waybill/fault"
)

func TestS19_PortRefusesAfterTimeOutCancelAndSuccess(t *testing.T) {
	s := newLocalSignIn(t)
	s.options.Timeout = 200 * time.Millisecond
	a := s.begin()
	f := s.fails(a, fault.SignInNeeded, "sign_in_timeout")
	if !strings.Contains(f.Message, "0.2 seconds") || f.Remedy == "" {
		t.Errorf("says %q", f)
	}
	s.refuses(a)

	s.options.Timeout = 0
	a = s.begin()
	s.page(a)
	a.Cancel()
	a.Cancel()
	if conn, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(a.RedirectURI(), "http://"), "/callback")); err == nil {
		_ = conn.Close()
		t.Error("the port answers after Cancel")
	}
	s.fails(a, fault.Canceled, "canceled")

	a = s.begin()
	s.answer(a, map[string]string{"code": "c"})
	if _, err := s.wait(a); err != nil {
		t.Fatal(err)
	}
	s.refuses(a)
	if n := s.idp.count("/token"); n != 1 {
		t.Errorf("%d token requests", n)
	}
}

func TestS19_CancelDuringDiscoveryAndDuringTheCodeExchange(t *testing.T) {
	s := newLocalSignIn(t)
	hold, release := make(chan struct{}), make(chan struct{})
	inner := s.idp
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			close(hold)
			<-release
		}
		inner.ServeHTTP(w, r)
	}))
	defer slow.Close()
	defer close(release)
	inner.issuer = slow.URL
	s.options.Connection.IdP.Issuer = slow.URL
	a := s.begin()
	q := s.page(a)
	go func() {
		response, err := freshClient().Get(q.Get("redirect_uri") + "?" + url.Values{"state": {q.Get("state")}, "iss": {slow.URL}, "code": {"c"}}.Encode())
		if err == nil { // the port may close before the browser has its page
			_ = response.Body.Close()
		}
	}()
	<-hold // the code is on its way
	a.Cancel()
	s.fails(a, fault.Canceled, "canceled")

	stuck, err := net.Listen("tcp", "127.0.0.1:0") // accepts nothing: discovery hangs
	if err != nil {
		t.Fatal(err)
	}
	defer stuck.Close()
	s.options.Connection.IdP.Issuer = "http://" + stuck.Addr().String()
	a = s.begin()
	a.Cancel()
	s.fails(a, fault.Canceled, "canceled")
	if _, err := a.URL(t.Context()); !fault.Is(err, fault.Canceled) {
		t.Errorf("URL: %v", err)
	}
}

func TestS20_SecondSignInCancelsTheFirst(t *testing.T) {
	s := newLocalSignIn(t)
	first := s.begin()
	old := s.page(first)
	s.options.Connection.RedirectURI = first.RedirectURI() // the same, fixed port
	s.options.Replaces = first
	second := s.begin()
	s.fails(first, fault.Canceled, "replaced")
	now := s.page(second)
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if old.Get(name) == now.Get(name) {
			t.Errorf("both attempts have the same %s", name)
		}
	}
	if status, _ := s.answer(second, map[string]string{"code": "c", "state": old.Get("state")}); status != http.StatusBadRequest {
		t.Errorf("the first one's answer gets %d", status)
	}
	s.answer(second, map[string]string{"code": "c"})
	if _, err := s.wait(second); err != nil {
		t.Fatal(err)
	}
}

func TestS21_WordsOfTheProviderAreShownAsItsWords(t *testing.T) {
	s := newLocalSignIn(t)
	a := s.begin()
	nasty := "<script>alert(1)</script>\u202e" + strings.Repeat("x", 1000)
	_, page := s.answer(a, map[string]string{"error": "access_denied", "error_description": nasty})
	if page != string(finalPage(true)) {
		t.Error("the page is not the fixed one")
	}
	f := s.fails(a, fault.Denied, "access_denied")
	if strings.Contains(f.Error(), "script") || !strings.HasPrefix(f.Server, "<script>") || strings.Contains(f.Server, "\u202e") || len([]rune(f.Server)) > fault.MaxServerRunes {
		t.Errorf("says %q, server %q", f, f.Server)
	}
}

func TestSignInErrorsOfTheAuthorizationEndpoint(t *testing.T) {
	for code, kind := range map[string]fault.Kind{
		"access_denied": fault.Denied, "login_required": fault.SignInNeeded, "server_error": fault.Offline, "temporarily_unavailable": fault.Offline,
		"invalid_scope": fault.Config, "unauthorized_client": fault.Config, "unmet_authentication_requirements": fault.Denied, "something_new": fault.Failed,
	} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			s := newLocalSignIn(t)
			a := s.begin()
			s.answer(a, map[string]string{"error": code})
			if f := s.fails(a, kind, code); f.Remedy == "" || f.Server != "" {
				t.Errorf("%s: %+v", code, f)
			}
		})
	}
}

func TestSignInErrorsOfTheTokenEndpoint(t *testing.T) {
	refuse := func(status int, code string) func(*standIn) {
		return func(s *standIn) {
			s.status, s.answer = status, map[string]any{"error": code, "error_description": "because", "access_token": nil, "id_token": nil}
		}
	}
	cases := map[string]struct {
		change func(*standIn)
		kind   fault.Kind
		code   string
		says   string
	}{
		"wrong secret":   {refuse(401, "invalid_client"), fault.Config, "invalid_client", standInClient},
		"wrong code":     {refuse(400, "invalid_grant"), fault.SignInNeeded, "invalid_grant", "code"},
		"unauthorized":   {refuse(400, "unauthorized_client"), fault.Config, "unauthorized_client", "registered"},
		"denied":         {refuse(403, "access_denied"), fault.Denied, "access_denied", "refused"},
		"broken server":  {refuse(503, "server_error"), fault.Offline, "server_error", "at the moment"},
		"no ID token":    {func(s *standIn) { s.answer = map[string]any{"id_token": nil} }, fault.Hostile, "no_id_token", "ID token"},
		"foreign token":  {func(s *standIn) { s.claims = map[string]any{"aud": "other"} }, fault.Hostile, "id_token_audience", "another app"},
		"earlier nonce":  {func(s *standIn) { s.claims = map[string]any{"nonce": "earlier"} }, fault.Hostile, "id_token_nonce", "this sign-in"},
		"missing nonce":  {func(s *standIn) { s.claims = map[string]any{"nonce": nil} }, fault.Hostile, "id_token_nonce", "this sign-in"},
		"wrong at_hash":  {func(s *standIn) { s.claims = map[string]any{"at_hash": "AAAA"} }, fault.Hostile, "id_token_at_hash", "access token"},
		"stale ID token": {func(s *standIn) { s.claims = map[string]any{"iat": time.Now().Add(-11 * time.Minute).Unix()} }, fault.Hostile, "id_token_iat", "ten minutes"},
	}
	for what, c := range cases {
		t.Run(fmt.Sprint(what), func(t *testing.T) {
			s := newLocalSignIn(t)
			a := s.begin()
			s.idp.change(c.change)
			s.answer(a, map[string]string{"code": "the-code"})
			f := s.fails(a, c.kind, c.code)
			if !strings.Contains(f.Error(), c.says) || strings.Contains(fmt.Sprint(f, f.Server), "the-code") {
				t.Errorf("%s: says %q, server %q", what, f, f.Server)
			}
			if n := s.idp.count("/token"); n != 1 {
				t.Errorf("%s: %d token requests", what, n)
			}
			if what == "wrong secret" && !strings.Contains(f.Remedy, "At the identity provider") {
				t.Errorf("%s: the card is not named: %q", what, f.Remedy)
			}
		})
	}
}

func TestS25_HostileAuthorizationEndpointsAreNeverOpened(t *testing.T) {
	for _, endpoint := range []string{
		"file:///etc/passwd", "javascript:alert(1)", "-flag", "--new-window", "http://x;rm -rf /", "http://evil.example/", "https://user:pw@idp.example/", "https://idp.example/#x",
		"https://idp.example/a b", "https://idp.example/\nx", "https://idp.example/\"&calc.exe", "data:text/html,x", "", "ms-settings:", "//idp.example/x", "https://idp.exämple/",
	} {
		t.Run(fmt.Sprint(endpoint), func(t *testing.T) {
			s := newLocalSignIn(t)
			s.idp.metadata = map[string]any{"authorization_endpoint": endpoint}
			a := s.begin()
			address, err := a.URL(t.Context())
			if endpoint == "https://idp.example/\"&calc.exe" {
				// A web address after all, if an ugly one: it is opened in its escaped form.
				if err != nil || strings.ContainsAny(address, "\" ") {
					t.Errorf("%q becomes %q, %v", endpoint, address, err)
				}
				return
			}
			if err == nil {
				t.Errorf("%q becomes %q", endpoint, address)
			}
			if _, err := s.wait(a); err == nil || !fault.Is(err, fault.Hostile) && !fault.Is(err, fault.Config) {
				t.Errorf("%q ends with %v", endpoint, err)
			}
			s.refuses(a)
			if len(s.opened) != 0 {
				t.Errorf("%q: opened %q", endpoint, <-s.opened)
			}
		})
	}
}

// The address is looked at once more when it is whole, right before it can be
// opened.
func TestS25_WholeAddressIsCheckedWhateverTheEndpoint(t *testing.T) {
	s := newLocalSignIn(t)
	a := s.begin()
	s.page(a)
	for _, endpoint := range []string{"file:///etc/passwd", "javascript:alert(1)", "http://evil.example/", "https://u@idp.example/", "-flag"} {
		other := &Attempt{options: a.options, receiver: a.receiver, provider: &Provider{AuthorizationEndpoint: endpoint}}
		if address, err := other.authorizationURL(); err == nil {
			t.Errorf("%q becomes %q", endpoint, address)
		}
	}
}

func TestS26_ChallengeIsS256WhateverTheMetadataOffers(t *testing.T) {
	for _, offered := range [][]string{nil, {"plain"}, {"S256", "plain"}} {
		t.Run(fmt.Sprint(offered), func(t *testing.T) {
			s := newLocalSignIn(t)
			s.idp.metadata = map[string]any{"code_challenge_methods_supported": offered}
			a := s.begin()
			q := s.page(a)
			if q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 {
				t.Errorf("%v: %v", offered, q)
			}
			if strings.Contains(fmt.Sprint(q), a.verifier.Reveal()) || len(a.verifier.Reveal()) < 43 {
				t.Error("the verifier is sent with the request, or too short")
			}
		})
	}
}

func TestS27_MillionSecretsDoNotRepeat(t *testing.T) {
	const rounds = 1_000_000
	seen := make(map[string]struct{}, rounds)
	for range rounds {
		s := newSecret().Reveal()
		if _, twice := seen[s]; twice || len(s) != 43 {
			t.Fatalf("after %d: %d characters, repeated: %v", len(seen), len(s), twice)
		}
		seen[s] = struct{}{}
	}
}

func TestS29_MetadataIsFrozenForTheAttempt(t *testing.T) {
	s := newLocalSignIn(t)
	evil := newStandIn("")
	server := httptest.NewServer(evil)
	defer server.Close()
	evil.issuer = server.URL
	a := s.begin()
	s.page(a)
	s.idp.change(func(idp *standIn) {
		idp.metadata = map[string]any{"token_endpoint": server.URL + "/token", "jwks_uri": server.URL + "/jwks"}
	})
	s.answer(a, map[string]string{"code": "c"})
	if _, err := s.wait(a); err != nil {
		t.Fatal(err)
	}
	if evil.count("/token")+evil.count("/jwks") != 0 {
		t.Error("the swapped endpoints were used")
	}
	// Mix-up: the answer comes from another provider than the one asked.
	s.idp.change(func(idp *standIn) { idp.metadata = nil })
	b := s.begin()
	s.page(b)
	s.answer(b, map[string]string{"code": "c", "iss": server.URL})
	s.fails(b, fault.Hostile, "wrong_issuer")
	if evil.count("/token") != 0 || s.idp.count("/token") != 1 {
		t.Error("a code was sent on")
	}
}

func TestS30_CodeIsNeverSentTwice(t *testing.T) {
	for what, hurt := range map[string]func(w http.ResponseWriter){
		"500": func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) },
		"401": func(w http.ResponseWriter) { w.WriteHeader(http.StatusUnauthorized) },
		"307 to itself": func(w http.ResponseWriter) {
			w.Header().Set("Location", "/token")
			w.WriteHeader(http.StatusTemporaryRedirect)
		},
		"connection lost": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"form-encoded": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/x-www-form-urlencoded")
			_, _ = io.WriteString(w, "access_token=x&token_type=bearer")
		},
	} {
		t.Run(fmt.Sprint(what), func(t *testing.T) {
			s := newLocalSignIn(t)
			var mu sync.Mutex
			tokens := 0
			inner := s.idp
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/token" {
					inner.ServeHTTP(w, r)
					return
				}
				mu.Lock()
				tokens++
				mu.Unlock()
				hurt(w)
			}))
			inner.issuer = server.URL
			s.options.Connection.IdP.Issuer = server.URL
			a := s.begin()
			s.answer(a, map[string]string{"code": "c"})
			if session, err := s.wait(a); err == nil {
				t.Errorf("%s: %+v", what, session)
			}
			a.Cancel()
			mu.Lock()
			if tokens != 1 {
				t.Errorf("%s: the code was sent %d times", what, tokens)
			}
			mu.Unlock()
			s.transport.CloseIdle()
			server.Close()
		})
	}
}

func TestS31_AuthorizationRequestAsksForWhatIsMeant(t *testing.T) {
	s := newLocalSignIn(t)
	age := 60
	s.options.LoginHint, s.options.Prompt, s.options.MaxAge, s.options.ACRValues = "ann@example.com", "login", &age, "urn:mfa"
	q := s.page(s.begin())
	for name, want := range map[string]string{
		"response_type": "code", "client_id": standInClient, "scope": "openid profile email offline_access", "login_hint": "ann@example.com",
		"prompt": "login", "max_age": "60", "acr_values": "urn:mfa", "response_mode": "", "request": "",
	} {
		if q.Get(name) != want {
			t.Errorf("%s is %q", name, q.Get(name))
		}
	}
	for _, values := range q {
		if len(values) != 1 {
			t.Errorf("a parameter is there twice: %v", values)
		}
	}
	if len(q.Get("state")) < 43 || len(q.Get("nonce")) < 43 || q.Get("state") == q.Get("nonce") {
		t.Error("state and nonce are short or the same")
	}
	s.options = SignInOptions{Connection: s.options.Connection, Credentials: s.options.Credentials, Transport: s.options.Transport, SessionOnly: true}
	s.options.Connection.IdP.Prompt = "consent"
	q = s.page(s.begin())
	if q.Get("scope") != "openid profile email" || q.Get("prompt") != "consent" || q.Has("max_age") || q.Has("login_hint") {
		t.Errorf("for this session only: %v", q)
	}
	s.options.Connection.IdP.Scopes = []string{"email"}
	s.idp.change(func(idp *standIn) {
		idp.metadata = map[string]any{"authorization_endpoint": idp.issuer + "/authorize?tenant=7&state=evil"}
	})
	q = s.page(s.begin())
	if q.Get("scope") != "openid email" || q.Get("tenant") != "7" || len(q["state"]) != 1 || q.Get("state") == "evil" {
		t.Errorf("own parameters of the endpoint: %v", q)
	}
}

func TestBrowserThatCannotBeOpenedDoesNotEndTheAttempt(t *testing.T) {
	s := newLocalSignIn(t)
	tried := make(chan struct{}, 2)
	s.options.OpenURL = func(string) error { tried <- struct{}{}; return errors.New("no such program") }
	a := s.begin()
	<-tried
	s.page(a)
	if err := a.Reopen(); fault.As(err) == nil || fault.As(err).Code != "no_browser" || a.BrowserError() == nil {
		t.Errorf("Reopen: %v, BrowserError: %v", err, a.BrowserError())
	}
	s.answer(a, map[string]string{"code": "c"})
	if _, err := s.wait(a); err != nil {
		t.Errorf("the copied link does not work: %v", err)
	}
	s.options.OpenURL = nil
	b := s.begin()
	s.page(b)
	if b.BrowserError() != nil {
		t.Error("no browser was asked for, and its lack is an error")
	}
	if err := b.Reopen(); fault.As(err).Code != "no_browser" {
		t.Errorf("Reopen: %v", err)
	}
}

func TestSignInSaysWhyDiscoveryFailed(t *testing.T) {
	s := newLocalSignIn(t)
	s.idp.metadata = map[string]any{"issuer": s.idp.issuer + "/"}
	a := s.begin()
	f := s.fails(a, fault.Config, "issuer_mismatch")
	if !strings.Contains(f.Message, "final slash") {
		t.Errorf("says %q", f)
	}
	if err := a.Reopen(); err == nil {
		t.Error("a page was opened")
	}
	s.options.Connection.IdP.Issuer = "http://127.0.0.1:1"
	b := s.begin()
	if _, err := s.wait(b); !fault.Is(err, fault.Offline) {
		t.Errorf("a provider that is down: %v", err)
	}
	s.options.Connection.IdP.Issuer = s.idp.issuer
	s.options.Credentials = connection.Credentials{}
	s.options.Connection.IdP.AuthMethod = connection.ClientSecretBasic
	s.idp.metadata = nil
	s.fails(s.begin(), fault.Config, "no_client_secret")
	if len(s.opened) != 0 {
		t.Error("the browser was opened")
	}
}

func TestWaitersThatGiveUpDoNotEndTheAttempt(t *testing.T) {
	s := newLocalSignIn(t)
	a := s.begin()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Wait(ctx); !fault.Is(err, fault.Canceled) {
		t.Errorf("Wait: %v", err)
	}
	s.answer(a, map[string]string{"code": "c"})
	if _, err := s.wait(a); err != nil {
		t.Error(err)
	}
	if again, err := a.Wait(ctx); err != nil || again == nil {
		t.Errorf("a later Wait: %v", err)
	}
}
