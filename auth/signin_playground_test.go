package auth

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"waybill/connection"
	"waybill/fault"
	"waybill/playground"
	"waybill/playground/playgroundtest"
	"waybill/secret"
	"waybill/transport"
)

// atPlayground is a sign-in at a real identity provider, which checks PKCE, the
// redirect URI, the client and the code.
func atPlayground(t *testing.T) (o SignInOptions, p *playground.Playground) {
	t.Helper()
	p, err := playground.Start(t.Context(), playground.Options{GenerateKey: playgroundtest.Key})
	if err != nil {
		t.Fatal(err)
	}
	client := transport.New(transport.Options{})
	t.Cleanup(func() { client.CloseIdle(); _ = p.Close() })
	e := p.Endpoints()
	return SignInOptions{
		Connection: connection.Connection{
			Name: "playground", IdP: connection.IdP{Issuer: e.IdP, ClientID: e.Clients.REST.ClientID},
			Resource: connection.Resource{Kind: connection.REST, URL: e.API, AuthorizationServer: e.AuthorizationServer, ClientID: e.Clients.REST.ResourceClientID},
		},
		Credentials: connection.Credentials{IdP: e.Clients.REST.ClientSecret, Resource: e.Clients.REST.ResourceClientSecret},
		Transport:   client,
	}, p
}

func beginAt(t *testing.T, o SignInOptions) (*Attempt, string) {
	t.Helper()
	a, err := Begin(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Cancel)
	address, err := a.URL(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return a, address
}

// visit follows the redirect back to the app.
func visit(t *testing.T, address string) int {
	t.Helper()
	response, err := freshClient().Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}

func TestSignInAtThePlaygroundRefreshAndSignOut(t *testing.T) {
	o, _ := atPlayground(t)
	a, address := beginAt(t, o)
	back, err := playgroundtest.NewBrowser(nil, "ann@example.com").SignIn(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	if status := visit(t, back.String()); status != http.StatusOK {
		t.Errorf("the browser ends with %d", status)
	}
	session, err := a.Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if session.Identity.Email != "ann@example.com" || session.Identity.Issuer != o.Connection.IdP.Issuer || !session.Renewable() {
		t.Errorf("%+v", session)
	}
	plan, err := Resolve(t.Context(), o.Transport, o.Connection, o.Credentials)
	if err != nil {
		t.Fatal(err)
	}
	renewed, err := Refresh(t.Context(), o.Transport, plan, session)
	if err != nil || !renewed.Identity.Same(session.Identity) {
		t.Fatalf("refresh: %+v, %v", renewed, err)
	}
	if _, err := VerifyIDToken(t.Context(), o.Transport, plan.Provider, o.Connection.IdP.ClientID, session.IDToken, Expect{Subject: "someone else"}); fault.As(err).Code != "id_token_sub" {
		t.Errorf("S40: %v", err)
	}
	fromFile, err := SessionFromIDToken(t.Context(), o.Transport, plan.Provider, o.Connection.IdP.ClientID, session.IDToken)
	if err != nil || fromFile.Unverified || !fromFile.Identity.Same(session.Identity) {
		t.Errorf("from a file: %+v, %v", fromFile, err)
	}
	end, ok := EndSessionURL(plan.Provider, session, o.Connection.IdP.ClientID, "")
	if !ok {
		t.Fatal("no address to end the session")
	}
	if page, err := playgroundtest.NewBrowser(nil, "").Open(t.Context(), end); err != nil || page.Status >= 400 {
		t.Errorf("ending the session: %+v, %v", page, err)
	}
}

// Someone else on this computer who knows the state can end this sign-in, but
// not have the user work under another account: the code of an own sign-in
// dies on PKCE.
func TestS24_InjectedCodeDiesOnPKCE(t *testing.T) {
	o, _ := atPlayground(t)
	_, attackers := beginAt(t, o)
	stolen, err := playgroundtest.NewBrowser(nil, "mallory@example.com").SignIn(t.Context(), attackers)
	if err != nil {
		t.Fatal(err)
	}
	victim, address := beginAt(t, o)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := stolen.Query()
	q.Set("state", u.Query().Get("state"))
	visit(t, victim.RedirectURI()+"?"+q.Encode())
	session, err := victim.Wait(t.Context())
	if session != nil || !fault.Is(err, fault.SignInNeeded) {
		t.Errorf("got %+v, %v", session, err)
	}
}

func TestWrongSecretAndCrossedClientsNameTheCard(t *testing.T) {
	o, p := atPlayground(t)
	for what, change := range map[string]func(*SignInOptions){
		"wrong secret":        func(o *SignInOptions) { o.Credentials.IdP = secret.New("wrong") },
		"other pair's secret": func(o *SignInOptions) { o.Credentials.IdP = p.Endpoints().Clients.REST.ResourceClientSecret },
	} {
		bad := o
		change(&bad)
		a, address := beginAt(t, bad)
		back, err := playgroundtest.NewBrowser(nil, "ann@example.com").SignIn(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		visit(t, back.String())
		_, err = a.Wait(t.Context())
		f := fault.As(err)
		if f == nil || f.Kind != fault.Config || f.Code != "invalid_client" || !strings.Contains(f.Remedy, "At the identity provider") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestUserWhoSaysNoIsToldSo(t *testing.T) {
	o, _ := atPlayground(t)
	a, address := beginAt(t, o)
	b := playgroundtest.NewBrowser(nil, "ann@example.com")
	page, err := b.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	back, err := b.Press(t.Context(), page, "cancel", nil)
	if err != nil || back.Target == nil {
		t.Fatalf("%+v, %v, buttons %v", back, err, page.Buttons)
	}
	visit(t, back.Target.String())
	start := time.Now()
	if _, err := a.Wait(t.Context()); !fault.Is(err, fault.Denied) {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
}
