package playground_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"waybill/playground"
	"waybill/playground/playgroundtest"
)

// The whole flow in a bubble, whose clock starts in the year 2000, with answers
// held back: exactly the latency for each request, and no goroutine left.
func TestLatencyIsExactInVirtualTime(t *testing.T) {
	if _, err := playgroundtest.Key(); err != nil { // made outside, kept for all
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		_, a := begin(t, playground.Options{Latency: 150 * time.Millisecond})
		begun := time.Now()
		signedIn := a.tokens("alice@example.com") // page, form, token
		idjag := a.post(a.at.IdP+"/token", a.exchangeForm(typeRefresh, signedIn.RefreshToken)).AccessToken
		token := a.post(a.at.AuthorizationServer+"/token", a.bearerForm(idjag)).AccessToken
		r := a.request(http.MethodGet, a.at.API+"/api/todos", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		if status, _, body := a.send(r); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		if took := time.Since(begun); took != 6*150*time.Millisecond {
			t.Errorf("six requests took %v", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		begun = time.Now()
		if _, err := a.http.Do(a.request(http.MethodGet, a.at.IdP+"/jwks", nil).WithContext(ctx)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took != 10*time.Millisecond {
			t.Errorf("a client that had gone was held for %v", took)
		}
	})
}

// Lifetimes end when they say, to the second, at every place that looks.
func TestLifetimesEndOnTime(t *testing.T) {
	if _, err := playgroundtest.Key(); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		_, a := begin(t, playground.Options{
			IDTokenLife: 20 * time.Second, IDJAGLife: 10 * time.Second, AccessTokenLife: 40 * time.Second, CodeLife: 5 * time.Second, SessionLife: time.Minute,
		})
		browser := playgroundtest.NewBrowser(a.http.Transport, "alice@example.com")
		if _, err := browser.SignIn(t.Context(), a.authorizationURL()); err != nil {
			t.Fatal(err)
		}
		signedIn := a.tokens("alice@example.com")
		exchange := func() answer { return a.post(a.at.IdP+"/token", a.exchangeForm(typeIDToken, signedIn.IDToken)) }
		early, late := exchange(), exchange()
		code := a.code("alice@example.com")
		if signedIn.ExpiresIn != 20 || early.ExpiresIn != 10 {
			t.Errorf("expires_in is %d and %d", signedIn.ExpiresIn, early.ExpiresIn)
		}

		time.Sleep(5 * time.Second)
		expect(t, a.post(a.at.IdP+"/token", a.codeForm(code)), 400, "invalid_grant", "expired")

		time.Sleep(14 * time.Second) // 19 s
		if got := exchange(); got.Status != 200 {
			t.Errorf("one second before its end the ID token is refused: %s", got.Description)
		}
		time.Sleep(time.Second) // 20 s
		expect(t, exchange(), 400, "invalid_grant", "expired")

		time.Sleep(19 * time.Second) // 39 s: 29 s after the ID-JAGs' end
		token := a.post(a.at.AuthorizationServer+"/token", a.bearerForm(early.AccessToken))
		if token.Status != 200 || token.ExpiresIn != 40 {
			t.Errorf("within the 30 s that clocks may differ: %s", token.Description)
		}
		time.Sleep(time.Second) // 40 s
		expect(t, a.post(a.at.AuthorizationServer+"/token", a.bearerForm(late.AccessToken)), 400, "invalid_grant", "expired")

		call := func() int {
			r := a.request(http.MethodGet, a.at.API+"/api/todos", nil)
			r.Header.Set("Authorization", "Bearer "+token.AccessToken)
			status, _, _ := a.send(r)
			return status
		}
		time.Sleep(38 * time.Second) // 78 s
		if status := call(); status != 200 {
			t.Errorf("one second before its end the access token is answered %d", status)
		}
		time.Sleep(time.Second)
		if status := call(); status != 401 {
			t.Errorf("at its end the access token is answered %d", status)
		}
		page, err := browser.Open(t.Context(), a.authorizationURL())
		if err != nil || page.Target != nil {
			t.Errorf("after its end the browser's session goes on: %v", err)
		}
	})
}

// All requests have found the refresh token good before the first one rotates
// it: a clock that is slow to read makes them go in step.
func TestFiftyRefreshesOfOneTokenGiveOneAnswer(t *testing.T) {
	if _, err := playgroundtest.Key(); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		const many = 50
		var slow atomic.Int32 // how many more readings of the clock take a moment
		_, a := begin(t, playground.Options{Now: func() time.Time {
			if slow.Add(-1) >= 0 {
				time.Sleep(time.Millisecond)
			}
			return time.Now()
		}})
		first := a.tokens("alice@example.com").RefreshToken
		slow.Store(2 * many) // for the Date, and for the token's end
		begun := time.Now()
		won := race(many, func() bool {
			return a.post(a.at.IdP+"/token", a.idpForm("grant_type", "refresh_token", "refresh_token", first)).Status == 200
		})
		if won != 1 || time.Since(begun) != 2*time.Millisecond {
			t.Errorf("%d of %d were answered with tokens, in %v", won, many, time.Since(begun))
		}
		expect(t, a.post(a.at.IdP+"/token", a.exchangeForm(typeRefresh, first)), 400, "invalid_grant", "revoked")
	})
}

// However many unknown kids are presented, a trusted issuer is asked for its
// keys once a minute (S45, from the other side).
func TestTrustedIssuersKeysAreFetchedSparingly(t *testing.T) {
	key, other := newKey(t), newKey(t)
	if _, err := playgroundtest.Key(); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		idp := newIssuer("https://trusted.example", key, "k1")
		_, a := begin(t, playground.Options{Trust: []string{idp.id}, HTTPClient: &http.Client{Transport: idp}})
		redeem := func(token string) answer { return a.post(a.at.AuthorizationServer+"/token", a.bearerForm(token)) }
		got := redeem(idp.sign(t, key, "k1", a.goodIDJAG(time.Now())))
		if got.Status != 200 {
			t.Fatalf("a trusted issuer's ID-JAG is refused: %s", got.Description)
		}
		if _, claims := claimsOf(t, got.AccessToken); claims["sub"] != "trusted.example:user_1" {
			t.Errorf("its user is %v", claims["sub"])
		}
		for range 100 {
			expect(t, redeem(idp.sign(t, other, "k2", a.goodIDJAG(time.Now()))), 400, "invalid_grant", "signature")
		}
		if idp.count("/keys") != 1 {
			t.Errorf("the keys were fetched %d times", idp.count("/keys"))
		}
		idp.rotate(other, "k2")
		time.Sleep(time.Minute)
		if got := redeem(idp.sign(t, other, "k2", a.goodIDJAG(time.Now()))); got.Status != 200 {
			t.Errorf("after its rotation: %s", got.Description)
		}
		idp.down.Store(true)
		time.Sleep(10 * time.Minute)
		if got := redeem(idp.sign(t, other, "k2", a.goodIDJAG(time.Now()))); got.Status != 200 {
			t.Errorf("while it is down, known keys are not good any more: %s", got.Description)
		}
		before := idp.count("/.well-known/openid-configuration")
		for range 50 {
			redeem(idp.sign(t, key, "k3", a.goodIDJAG(time.Now())))
		}
		if after := idp.count("/.well-known/openid-configuration"); after-before > 1 {
			t.Errorf("an issuer that is down was asked %d times", after-before)
		}
	})
}

func TestUntrustworthyIssuersAreRefused(t *testing.T) {
	key := newKey(t)
	for name, c := range map[string]struct {
		change func(*issuer)
		says   string
	}{
		"metadata of another":      {func(i *issuer) { i.claims = "https://other.example" }, "could not be fetched"},
		"metadata with a slash":    {func(i *issuer) { i.claims = "https://trusted.example/" }, "could not be fetched"},
		"keys over http":           {func(i *issuer) { i.jwks = "http://trusted.example/keys" }, "could not be fetched"},
		"keys in a file":           {func(i *issuer) { i.jwks = "file:///etc/passwd" }, "could not be fetched"},
		"redirect":                 {func(i *issuer) { i.redirect = "https://evil.example/" }, "could not be fetched"},
		"HTML":                     {func(i *issuer) { i.html = true }, "could not be fetched"},
		"endless":                  {func(i *issuer) { i.endless = true }, "could not be fetched"},
		"down":                     {func(i *issuer) { i.down.Store(true) }, "could not be fetched"},
		"RFC 8414 metadata only":   {func(i *issuer) { i.only8414 = true }, ""},
		"unusable keys beside one": {func(i *issuer) { i.junk = true }, ""},
		"a key for encryption":     {func(i *issuer) { i.use = "enc" }, "signature"},
	} {
		t.Run(name, func(t *testing.T) {
			idp := newIssuer("https://trusted.example", key, "k1")
			c.change(idp)
			_, a := begin(t, playground.Options{Trust: []string{idp.id}, HTTPClient: &http.Client{Transport: idp}})
			got := a.post(a.at.AuthorizationServer+"/token", a.bearerForm(idp.sign(t, key, "k1", a.goodIDJAG(time.Now()))))
			if c.says == "" && got.Status != 200 {
				t.Errorf("refused: %s", got.Description)
			}
			if c.says != "" {
				expect(t, got, 400, "invalid_grant", c.says)
			}
			if idp.count("evil") > 0 {
				t.Error("the redirect was followed")
			}
		})
	}
}

// Two issuers cannot make each other's users: https://x with the user 8443:u is
// another than https://x:8443 with the user u.
func TestTrustedIssuersUsersAreTheirOwn(t *testing.T) {
	key := newKey(t)
	plain, ported := newIssuer("https://trusted.example", key, "k1"), newIssuer("https://trusted.example:8443", key, "k1")
	_, a := begin(t, playground.Options{Trust: []string{plain.id, ported.id}, HTTPClient: &http.Client{Transport: byHost{"trusted.example": plain, "trusted.example:8443": ported}}})
	subject := func(i *issuer, user string) any {
		claims := a.goodIDJAG(time.Now())
		claims["sub"] = user
		got := a.post(a.at.AuthorizationServer+"/token", a.bearerForm(i.sign(t, key, "k1", claims)))
		if got.Status != 200 {
			t.Fatalf("refused: %s", got.Description)
		}
		_, token := claimsOf(t, got.AccessToken)
		return token["sub"]
	}
	if one, two := subject(plain, "8443:u"), subject(ported, "u"); one == two {
		t.Errorf("both are %v", one)
	}
}

// byHost routes requests to issuers.
type byHost map[string]*issuer

func (b byHost) RoundTrip(r *http.Request) (*http.Response, error) {
	return b[r.URL.Host].RoundTrip(r)
}
